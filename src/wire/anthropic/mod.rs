//! The events of the Anthropic Messages API.
//!
//! Source: the streaming page of the API's documentation, and the types of its official SDKs. Every
//! field but `type` is taken as optional, and `null` as absent; unknown events, blocks, deltas and
//! keys are kept raw: the API may add them at any time.
//!
//! # Example
//!
//! ```
//! use thinkstream::wire::anthropic::{Delta, Event};
//!
//! let data = br#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#;
//! let Event::ContentBlockDelta { index, delta } = Event::parse("content_block_delta", data)? else {
//!     unreachable!();
//! };
//! assert_eq!(index, Some(0));
//! assert!(matches!(delta, Delta::Text { text: Some(text) } if text.decode() == "Hi"));
//! # Ok::<(), thinkstream::wire::anthropic::ParseError>(())
//! ```

mod block;
mod canonical;
mod cut;
mod delta;
mod message;
mod peek;

use core::fmt;

use alloc::borrow::Cow;
use alloc::boxed::Box;

pub use self::block::{Block, ContentBlock, ContentBlocks, ToolUse};
pub(crate) use self::cut::Cut;
pub use self::delta::Delta;
pub use self::message::{MessageDelta, MessageStart};
pub(crate) use self::peek::{Kind as DeltaKind, Peeked, Peeker, Piece};
use crate::error::ServerError;
use crate::json::reader::{Kind, Reader};

use crate::json::string::Str;
use crate::json::{Flaw, Json, JsonError};

/// One event of the stream.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// `message_start`; a relay is known to send it without its message.
    MessageStart(Option<Box<MessageStart<'a>>>),
    /// `content_block_start`
    ContentBlockStart {
        /// The block's index.
        index: Option<u32>,
        /// The block as it begins.
        block: Box<ContentBlock<'a>>,
    },
    /// `content_block_delta`
    ContentBlockDelta {
        /// The block's index.
        index: Option<u32>,
        /// What is added to the block.
        delta: Delta<'a>,
    },
    /// `content_block_stop`
    ContentBlockStop {
        /// The block's index.
        index: Option<u32>,
    },
    /// `message_delta`
    MessageDelta(Box<MessageDelta<'a>>),
    /// `message_stop`
    MessageStop,
    /// `ping`
    Ping,
    /// `error`, or an object that has only an `error`.
    Error(Box<ServerError>),
    /// `[DONE]`, which is no event of this API, but is sent by some servers at the end.
    Done,
    /// An event that this version does not know.
    Unknown {
        /// Its type.
        name: Cow<'a, str>,
        /// Its data, as received.
        data: &'a str,
    },
}

/// An event that is not what the protocol says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseError {
    /// The event's type.
    pub event: Cow<'static, str>,
    /// The block it concerns, if that was read before the flaw.
    pub index: Option<u32>,
    /// What is wrong with its data, and at which byte of it.
    pub error: JsonError,
}

impl<'a> Event<'a> {
    /// Reads the data of a frame. `name` is the frame's event type, for data that has no `type`.
    ///
    /// # Errors
    ///
    /// If an event of a known type is not JSON, or lacks a field that it cannot do without.
    pub fn parse(name: &str, data: &'a [u8]) -> Result<Self, ParseError> {
        if let Some(event) = canonical::read(name, data) {
            return Ok(event);
        }
        let error = |error| ParseError { event: known(name), index: None, error };
        let text = simdutf8::basic::from_utf8(data)
            .or_else(|_| core::str::from_utf8(data))
            .map_err(|utf8| error(JsonError { at: utf8.valid_up_to(), flaw: Flaw::Utf8 }))?;
        match text.trim() {
            "[DONE]" => return Ok(Self::Done),
            // Gateways keep a connection alive with frames that say nothing.
            "" if matches!(name, "" | "message" | "ping") => return Ok(Self::Ping),
            _ => {}
        }
        let (kind, reader) = match kind(text) {
            Ok(found) => found,
            // Whatever a server sends as an error is one.
            Err(_) if name == "error" => return Ok(Self::Error(Box::new(untyped_error(text)))),
            Err(_) if name == "ping" => return Ok(Self::Ping),
            // An unknown event need not be JSON; a nameless one that is not has been damaged.
            Err(_) if is_foreign(name) => {
                return Ok(Self::Unknown { name: Cow::Owned(name.into()), data: text });
            }
            Err(flaw) => return Err(error(flaw)),
        };
        let named = !matches!(name, "" | "message");
        let kind = kind.unwrap_or_else(|| Cow::Owned(if named { name } else { "" }.into()));
        let foreign = !NAMES.contains(&&*kind);
        if foreign && (name == "error" || !named && has_error(text)) {
            return Ok(Self::Error(Box::new(read_error(text))));
        }
        let mut index = None;
        Self::read(&kind, reader, text, &mut index).map_err(|error| ParseError {
            event: known(&kind),
            index,
            error,
        })
    }

    fn read(
        kind: &str,
        mut reader: Reader<'a>,
        text: &'a str,
        index: &mut Option<u32>,
    ) -> Result<Self, JsonError> {
        let event = match kind {
            "content_block_delta" => {
                let delta = delta::read_event(&mut reader, index)?;
                Self::ContentBlockDelta { index: *index, delta }
            }
            "content_block_start" => {
                let block = block::read_event(&mut reader, index)?;
                Self::ContentBlockStart { index: *index, block: Box::new(block) }
            }
            "content_block_stop" => {
                read_members(&mut reader, |key, reader| match key {
                    "index" => read_index(reader).map(|read| *index = read),
                    _ => reader.skip(),
                })?;
                Self::ContentBlockStop { index: *index }
            }
            "message_start" => Self::MessageStart(message::read_start(&mut reader)?.map(Box::new)),
            "message_delta" => Self::MessageDelta(Box::new(message::read_delta(&mut reader)?)),
            "message_stop" => reader.skip().map(|()| Self::MessageStop)?,
            "ping" => reader.skip().map(|()| Self::Ping)?,
            "error" => Self::Error(Box::new(read_error(text))),
            name => Self::Unknown { name: Cow::Owned(name.into()), data: text },
        };
        // What is not known need not be well formed, and an error is one in any form.
        if !matches!(event, Self::Error(_) | Self::Unknown { .. }) {
            reader.end()?;
        }
        Ok(event)
    }

    /// The type of the event; empty if it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::MessageStart(_) => "message_start",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::MessageDelta(_) => "message_delta",
            Self::MessageStop => "message_stop",
            Self::Ping => "ping",
            Self::Error(_) => "error",
            Self::Done => "[DONE]",
            Self::Unknown { name, .. } => name,
        }
    }
}

/// The `type` of the data, if it is an object that has one, and a reader of the data: behind the type
/// if that is the first key, as it is in all known traffic but re-sorted recordings.
fn kind(text: &str) -> Result<(Option<Cow<'_, str>>, Reader<'_>), JsonError> {
    let mut reader = Reader::new(text);
    if reader.kind()? != Kind::Object {
        return reader.whole().map(|_| (None, Reader::new(text)));
    }
    let mut first = reader.open()?;
    let mut at_front = true;
    while let Some(key) = reader.key(&mut first)? {
        if key == "type" {
            let kind = reader.string_or_skip()?.map(|kind| kind.decode());
            return Ok((kind, if at_front { reader.inside() } else { Reader::new(text) }));
        }
        at_front = false;
        reader.skip()?;
    }
    Ok((None, Reader::new(text)))
}

/// Reads every member of an object by its key. `member` must take the value.
fn read_members<'a>(
    reader: &mut Reader<'a>,
    mut member: impl FnMut(&str, &mut Reader<'a>) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    let mut first = reader.open()?;
    while let Some(key) = reader.key(&mut first)? {
        member(&key, reader)?;
    }
    Ok(())
}

/// A value as it stands, or nothing for `null`.
fn read_raw<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a str>, JsonError> {
    reader.raw().map(|raw| (raw != "null").then_some(raw))
}

fn read_index(reader: &mut Reader<'_>) -> Result<Option<u32>, JsonError> {
    let null = reader.kind()? == Kind::Null;
    let before = reader.clone();
    match reader.count()?.and_then(|count| u32::try_from(count).ok()) {
        None if !null => before.fail(Flaw::Expected("an index")),
        index => Ok(index),
    }
}

fn has_error(text: &str) -> bool {
    let mut found = false;
    let read = read_members(&mut Reader::new(text), |key, reader| {
        found |= key == "error" && matches!(reader.kind()?, Kind::Object | Kind::String);
        reader.skip()
    });
    read.is_ok() && found
}

/// Reads the error in the body of a response that is no event stream: what the API sends with a
/// status other than 200.
///
/// ```
/// use thinkstream::wire::anthropic::read_error_body;
///
/// let body = r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#;
/// let error = read_error_body(body).unwrap();
/// assert_eq!(error.error_type.status(), Some(401));
/// assert!(read_error_body("<html>").is_none());
/// ```
#[must_use]
pub fn read_error_body(body: &str) -> Option<ServerError> {
    has_error(body).then(|| read_error(body))
}

/// An error as its parts can be found: it is never worth another error.
fn read_error(text: &str) -> ServerError {
    let mut error = untyped_error("");
    let read = read_members(&mut Reader::new(text), |key, reader| match key {
        "error" if reader.kind()? == Kind::Object => {
            read_members(reader, |key, reader| read_error_field(&mut error, key, reader))
        }
        "error" => read_error_field(&mut error, "message", reader),
        // The type of the event, unless the error's own fields are here.
        "type" if error.error_type.as_str().is_empty() => {
            let kind = text_of(reader.string_or_skip()?);
            if kind != "error" {
                error.error_type = kind.as_ref().into();
            }
            Ok(())
        }
        "request_id" => reader.string_or_skip().map(|id| {
            error.request_id = id.map(|id| id.decode().as_ref().into());
        }),
        "message" | "details" => read_error_field(&mut error, key, reader),
        _ => reader.skip(),
    });
    match read {
        Ok(()) => error,
        Err(_) => untyped_error(text),
    }
}

/// A field of the wrong type is as good as none.
fn read_error_field(
    error: &mut ServerError,
    key: &str,
    reader: &mut Reader<'_>,
) -> Result<(), JsonError> {
    match key {
        "type" => error.error_type = text_of(reader.string_or_skip()?).as_ref().into(),
        "message" => error.message = text_of(reader.string_or_skip()?).as_ref().into(),
        "details" => error.details = read_raw(reader)?.map(Json::checked),
        _ => reader.skip()?,
    }
    Ok(())
}

fn untyped_error(message: &str) -> ServerError {
    ServerError::new("".into(), message.into())
}

fn text_of(string: Option<Str<'_>>) -> Cow<'_, str> {
    string.unwrap_or_default().decode()
}

/// Whether a frame names an event that is not one of this API.
fn is_foreign(name: &str) -> bool {
    !matches!(name, "" | "message") && !NAMES.contains(&name)
}

fn known(name: &str) -> Cow<'static, str> {
    match NAMES.iter().find(|known| **known == name) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(name.into()),
    }
}

/// Unknown keys that are read: the provider has about a dozen, and a sender who invents millions is
/// not followed.
const KEYS: usize = 64;

const NAMES: [&str; 8] = [
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
    "ping",
    "error",
];

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed `{}`: {}", self.event, self.error)
    }
}

impl core::error::Error for ParseError {}
