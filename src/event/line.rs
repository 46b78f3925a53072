//! A line of a log or a bus: an event, or the error that a stream ended with.

use alloc::boxed::Box;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::Event;
use crate::error::Error;

/// What a stream gives, as one line of JSON: an event, or the error that it ended with. The program prints
/// these with `decode --json`.
///
/// # Example
///
/// ```
/// use thinkstream::{Decoder, EventLine, EventReader, Protocol};
///
/// let body = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n";
/// let mut bus = Vec::new();
/// for event in EventReader::new(body.as_bytes(), Protocol::Anthropic) {
///     bus.push(serde_json::to_string(&EventLine::from(event))?);
/// }
///
/// // In another process.
/// for line in &bus {
///     match serde_json::from_str(line)? {
///         EventLine::Event(event) => println!("{}", event.name()),
///         EventLine::Error(error) => assert!(error.is_transient()),
///     }
/// }
/// assert_eq!(bus.len(), 2);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a stream gives nothing else")]
pub enum EventLine {
    /// An event.
    Event(Event),
    /// The error that the stream ended with.
    Error(Error),
}

impl Serialize for EventLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let breaks = match self {
            Self::Event(event) => one_line(event),
            Self::Error(error) => one_line(error),
        };
        match (breaks, self) {
            (Some(line), _) => line.serialize(serializer),
            (None, Self::Event(event)) => event.serialize(serializer),
            (None, Self::Error(error)) => error.serialize(serializer),
        }
    }
}

/// A value without the line ends that it has between its parts where it was received with them; `None` if it has none.
fn one_line(value: &impl Serialize) -> Option<Box<RawValue>> {
    let json = serde_json::to_string(value).ok().filter(|json| json.contains(['\n', '\r']))?;
    RawValue::from_string(json.replace(['\n', '\r'], " ")).ok()
}

impl<'de> Deserialize<'de> for EventLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let line = super::form::Line::deserialize(deserializer)?;
        if line.kind() == "error" {
            return line.read().map(Self::Error);
        }
        line.event().map(Self::Event)
    }
}

impl From<Result<Event, Error>> for EventLine {
    fn from(result: Result<Event, Error>) -> Self {
        match result {
            Ok(event) => Self::Event(event),
            Err(error) => Self::Error(error),
        }
    }
}

impl From<EventLine> for Result<Event, Error> {
    fn from(line: EventLine) -> Self {
        match line {
            EventLine::Event(event) => Ok(event),
            EventLine::Error(error) => Err(error),
        }
    }
}
