//! How events are serialised, where that is not just what they hold, and how they are read back.

use core::fmt;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::{BlockEvent, Complete, Event, ToolCall};
use crate::json::{self, Json, JsonError};
use crate::message::{InvalidInput, InvalidReason, Message, ToolKind, WrittenBlock};
use crate::text::Text;
use crate::timing::Timing;

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Line::deserialize(deserializer)?.event()
    }
}

/// An object with a type. That is read first: in an enum with a tag inside, raw JSON would not survive.
pub(super) struct Line {
    kind: Text,
    text: Box<RawValue>,
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Tag {
            #[serde(rename = "type")]
            kind: Text,
        }
        let text = json::raw(deserializer)?;
        let tag: Tag = serde_json::from_str(text.get()).map_err(D::Error::custom)?;
        Ok(Self { kind: tag.kind, text })
    }
}

impl Line {
    pub(super) fn kind(&self) -> &str {
        &self.kind
    }

    pub(super) fn read<T: DeserializeOwned, E: serde::de::Error>(&self) -> Result<T, E> {
        serde_json::from_str(self.text.get()).map_err(E::custom)
    }

    pub(super) fn event<E: serde::de::Error>(&self) -> Result<Event, E> {
        Event::of(&self.kind, self.text.get()).map_err(E::custom)
    }
}

impl Event {
    fn of(kind: &str, line: &str) -> serde_json::Result<Self> {
        fn read<T: DeserializeOwned>(line: &str) -> serde_json::Result<T> {
            serde_json::from_str(line)
        }
        Ok(match kind {
            "start" => Self::Start(read(line)?),
            "thinking" => Self::Thinking(read(line)?),
            "signature" => Self::Signature(read(line)?),
            "redacted_thinking" => Self::RedactedThinking(read(line)?),
            "token" => Self::Token(read(line)?),
            "citation" => Self::Citation(read(line)?),
            "tool_start" => Self::ToolStart(read(line)?),
            "tool_input" => Self::ToolInput(read(line)?),
            "tool_call" => Self::ToolCall(read(line)?),
            "block" => Self::Block(read(line)?),
            "usage" => Self::Usage(read(line)?),
            "ping" => Self::Ping,
            "warning" => Self::Warning(read(line)?),
            "progress" => Self::Progress(read(line)?),
            "choice" => Self::Choice(read(line)?),
            "unknown" => Self::Unknown(read(line)?),
            "complete" => Self::Complete(read(line)?),
            other => return Err(serde_json::Error::custom(NoEvent(other))),
        })
    }
}

struct NoEvent<'a>(&'a str);

impl fmt::Display for NoEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "error" => f.write_str("an error, which is no event: to be read as `Error`"),
            other => write!(f, "an event of the unknown type `{other}`"),
        }
    }
}

impl Serialize for ToolCall {
    /// The arguments as `input`, or `raw` and `reason` where they are not an object.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut call = serializer.serialize_struct("ToolCall", 7)?;
        call.serialize_field("index", &self.index)?;
        call.serialize_field("id", &self.id)?;
        call.serialize_field("name", &self.name)?;
        call.serialize_field("kind", &self.kind)?;
        if let Some(item) = &self.item {
            call.serialize_field("item", item)?;
        }
        match &self.input {
            Ok(input) => call.serialize_field("input", input)?,
            Err(invalid) => {
                call.serialize_field("raw", &*invalid.raw)?;
                call.serialize_field("reason", &format!("{}", invalid.reason))?;
            }
        }
        if let Ok(input) = self.input.as_ref()
            && input.is_spaced()
        {
            let input = input.clone().into_shared().into();
            call.serialize_field("about", &AboutCall { input })?;
        }
        call.end()
    }
}

/// What raw JSON does not keep.
#[derive(Serialize, Deserialize)]
struct AboutCall {
    /// The input with the white space around it.
    input: Text,
}

impl<'de> Deserialize<'de> for ToolCall {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            index: u32,
            id: Text,
            name: Text,
            kind: ToolKind,
            #[serde(default)]
            item: Option<Text>,
            #[serde(default, deserialize_with = "json::present")]
            input: Option<Json>,
            #[serde(default)]
            raw: Option<Text>,
            #[serde(default)]
            reason: Text,
            #[serde(default)]
            about: Option<AboutCall>,
        }
        let Written { index, id, name, kind, item, input, raw, reason, about } =
            Written::deserialize(deserializer)?;
        let spaced = about.and_then(|about| Json::with_space(about.input.into_shared()).ok());
        let input = match (input, raw) {
            (Some(input), _) if kind == ToolKind::Client && !input.starts_with('{') => {
                let raw = input.into_shared().into();
                Err(InvalidInput { raw, reason: InvalidReason::NotAnObject })
            }
            (Some(input), _) => {
                Ok(spaced.filter(|spaced| spaced.trim() == &*input).unwrap_or(input))
            }
            (None, Some(raw)) => Err(InvalidInput { reason: why(&reason, &raw), raw }),
            (None, None) => return Err(D::Error::missing_field("input")),
        };
        Ok(Self { index, id, name, kind, item, input })
    }
}

/// The reason that is written in these words. In words of another version, it is what is wrong with the
/// arguments.
fn why(words: &str, raw: &str) -> InvalidReason {
    let known = [InvalidReason::Cut, InvalidReason::NotAnObject];
    let known = known.into_iter().find(|reason| reason.to_string() == words);
    let json = || JsonError::from_words(words).map(InvalidReason::Json);
    known.or_else(json).unwrap_or_else(|| InvalidReason::of(raw))
}

impl Serialize for BlockEvent {
    /// The block says its index only if it is not that of the event.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut event = serializer.serialize_struct("BlockEvent", 2)?;
        event.serialize_field("index", &self.index)?;
        event.serialize_field("block", &self.block.at(self.index))?;
        event.end()
    }
}

impl<'de> Deserialize<'de> for BlockEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            index: u32,
            block: WrittenBlock,
        }
        let Written { index, block } = Written::deserialize(deserializer)?;
        let block = block.into_block(index).map_err(D::Error::custom)?;
        Ok(Self { index, block: Arc::new(block) })
    }
}

impl Serialize for Complete {
    /// What the message says of its end stands beside the message too, where readers look for it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut complete = serializer.serialize_struct("Complete", 9)?;
        complete.serialize_field("stop_reason", &self.message.stop_reason)?;
        complete.serialize_field("stop_sequence", &self.message.stop_sequence)?;
        complete.serialize_field("stop_details", &self.message.stop_details)?;
        complete.serialize_field("request_id", &self.request_id)?;
        complete.serialize_field("tools_safe_to_run", &self.tools_safe_to_run())?;
        complete.serialize_field("usage", &self.message.usage)?;
        complete.serialize_field("message", &self.message)?;
        if !self.choices.is_empty() {
            complete.serialize_field("choices", &self.choices)?;
        }
        if let Some(timing) = &self.timing {
            complete.serialize_field("timing", timing)?;
        }
        complete.end()
    }
}

impl<'de> Deserialize<'de> for Complete {
    /// What stands beside the message is read from the message.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            message: Message,
            #[serde(default)]
            choices: Vec<Message>,
            #[serde(default)]
            request_id: Option<Text>,
            #[serde(default)]
            timing: Option<Timing>,
        }
        let Written { message, choices, request_id, timing } = Written::deserialize(deserializer)?;
        Ok(Self { message, choices, request_id, timing })
    }
}
