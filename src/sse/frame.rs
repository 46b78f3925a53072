//! One event of an event stream, as the standard has it.

use alloc::borrow::Cow;
use alloc::string::String;

use bytes::Bytes;

/// An event of the stream: what the standard dispatches at a blank line.
///
/// The fields have the standard's names. Their bytes are as received; read as text, invalid UTF-8
/// becomes U+FFFD, as the standard demands.
///
/// # Example
///
/// ```
/// use thinkstream::sse::Frame;
///
/// let frame = Frame::new("add", "73857293").with_id("7");
/// assert_eq!((frame.event(), frame.data(), frame.id()), ("add".into(), "73857293".into(), "7".into()));
/// assert_eq!(Frame::new("", "x").event(), "message");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    pub(super) event: Bytes,
    pub(super) data: Bytes,
    pub(super) id: Bytes,
}

impl Frame {
    /// A frame to send. Without an event type it is a `message`.
    pub fn new(event: impl Into<Bytes>, data: impl Into<Bytes>) -> Self {
        Self { event: event.into(), data: data.into(), id: Bytes::new() }
    }

    /// The frame with another last event ID.
    #[must_use]
    pub fn with_id(self, id: impl Into<Bytes>) -> Self {
        Self { id: id.into(), ..self }
    }

    /// The event type: `message` if the stream gave none.
    #[must_use]
    pub fn event(&self) -> Cow<'_, str> {
        match &*self.event {
            [] => Cow::Borrowed("message"),
            event => String::from_utf8_lossy(event),
        }
    }

    /// The data: the values of the `data` fields, joined by line feeds.
    #[must_use]
    pub fn data(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.data)
    }

    /// The last event ID, which lasts until another is set; empty if none was.
    #[must_use]
    pub fn id(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.id)
    }

    /// The event type as received; empty if the stream gave none.
    #[must_use]
    pub fn event_bytes(&self) -> &Bytes {
        &self.event
    }

    /// The data as received.
    #[must_use]
    pub fn data_bytes(&self) -> &Bytes {
        &self.data
    }

    /// The last event ID as received.
    #[must_use]
    pub fn id_bytes(&self) -> &Bytes {
        &self.id
    }
}
