//! The events of the Anthropic Messages API.
//!
//! Source: the streaming page of the API's documentation, and the types of its official SDKs. Every
//! field is taken as optional, and `null` as absent, but what a thing is nothing without: its `type`, the
//! `message` of a `message_start`, a `delta`, the `id` and `name` of a call, the `data` of redacted thinking, a
//! `citation`. Unknown events, blocks, deltas and keys are kept raw: the API may add them at any time.
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
mod delta;
mod message;
mod peek;

use alloc::borrow::Cow;
use alloc::boxed::Box;

pub use self::block::{Block, ContentBlock, ContentBlocks, ToolUse};
pub(crate) use self::canonical::{Known, frame as known_frame};
pub use self::delta::Delta;
pub use self::message::{MessageDelta, MessageStart};
pub(crate) use self::peek::{FRAME, Peeked, Peeker};
use super::failure::{has_error, read_error, untyped};
use super::read;
pub use super::read::ParseError;
use crate::error::ServerError;
use crate::json::JsonError;
use crate::json::reader::Reader;

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
    /// `message_stop`, with what it says beside its type: Bedrock adds its measurements.
    MessageStop(Option<Box<MessageDelta<'a>>>),
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
        let error = |error| ParseError { event: read::known(name, &NAMES), index: None, error };
        Self::parse_text(name, read::text(data).map_err(error)?)
    }

    /// The same of data that is UTF-8, and nothing that is known as it stands.
    pub(crate) fn parse_text(name: &str, text: &'a str) -> Result<Self, ParseError> {
        let error = |error| ParseError { event: read::known(name, &NAMES), index: None, error };
        match text.trim() {
            "[DONE]" => return Ok(Self::Done),
            // Gateways keep a connection alive with frames that say nothing.
            "" if matches!(name, "" | "message" | "ping") => return Ok(Self::Ping),
            _ => {}
        }
        let (kind, reader) = match read::kind(text) {
            Ok(found) => found,
            // Whatever a server sends as an error is one.
            Err(_) if name == "error" => return Ok(Self::Error(Box::new(untyped(text)))),
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
            event: read::known(&kind, &NAMES),
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
                read::members(&mut reader, |key, reader| match key {
                    "index" => read::index(reader).map(|read| *index = read),
                    _ => reader.skip(),
                })?;
                Self::ContentBlockStop { index: *index }
            }
            "message_start" => Self::MessageStart(message::read_start(&mut reader)?),
            "message_delta" => Self::MessageDelta(message::read_delta(&mut reader)?),
            "message_stop" => Self::MessageStop(message::read_stop(&mut reader)?),
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
            Self::MessageStop(_) => "message_stop",
            Self::Ping => "ping",
            Self::Error(_) => "error",
            Self::Done => "[DONE]",
            Self::Unknown { name, .. } => name,
        }
    }
}

/// Whether a frame names an event that is not one of this API.
fn is_foreign(name: &str) -> bool {
    !matches!(name, "" | "message") && !NAMES.contains(&name)
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Flaw;
    use crate::json::string::Str;
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

    fn block(block: &str) -> Result<ContentBlock<'_>, JsonError> {
        ContentBlock::read(&mut Reader::new(block))
    }

    /// Seventy keys that nobody knows.
    fn unknown_keys() -> String {
        (0..70).map(|at| format!(r#","k{at}":{at}"#)).collect()
    }

    #[test]
    fn what_a_block_is() {
        for (raw, expected) in [
            (r#"{"type":"container_upload"}"#, Block::Whole),
            (r#"{"type":"mcp_tool_listing"}"#, Block::Whole),
            (r#"{"type":"lantern"}"#, Block::Unknown),
            (
                r#"{"type":"web_search_tool_result","tool_use_id":"t"}"#,
                Block::ToolResult { tool_use_id: Some(Str::plain("t")) },
            ),
            (
                r#"{"type":"fallback","to":{"model":"m"}}"#,
                Block::Fallback { to: Some(Str::plain("m")) },
            ),
            (r#"{"type":"fallback","to":null}"#, Block::Fallback { to: None }),
            (r#"{"type":"fallback","to":"m"}"#, Block::Fallback { to: None }),
            (
                r#"{"type":"text","text":"a","citations":[{}]}"#,
                Block::Text { text: Str::plain("a"), citations: Some("[{}]") },
            ),
            (
                r#"{"type":"text","text":"a","citations":null}"#,
                Block::Text { text: Str::plain("a"), citations: None },
            ),
        ] {
            let block = block(raw).unwrap();
            assert_eq!((block.block, block.raw), (expected, raw));
        }
        let raw = format!(r#"{{"type":"text"{}}}"#, unknown_keys());
        assert_eq!(block(&raw).unwrap().other.len(), read::KEYS);
    }

    #[test]
    fn what_is_null_is_missing() {
        let parse =
            |data: &str| Event::parse("", data.as_bytes()).map(|event| format!("{event:?}"));
        let flaw = |data: &str| parse(data).unwrap_err().error.flaw;
        let start = r#"{"type":"content_block_start","index":0,"content_block":null}"#;
        assert_eq!(flaw(start), Flaw::Missing("content_block"));
        for (with_null, without) in [
            (
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":null}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta"}}"#,
            ),
            (
                r#"{"type":"message_delta","delta":null,"usage":{"output_tokens":1}}"#,
                r#"{"type":"message_delta","usage":{"output_tokens":1}}"#,
            ),
            (
                r#"{"type":"message_start","message":{"id":"m","content":null}}"#,
                r#"{"type":"message_start","message":{"id":"m"}}"#,
            ),
            (
                r#"{"type":"message_delta","usage":{"cache_creation":null,"output_tokens_details":null}}"#,
                r#"{"type":"message_delta","usage":{}}"#,
            ),
        ] {
            assert_eq!(parse(with_null).unwrap(), parse(without).unwrap());
        }
    }

    #[test]
    fn unknown_keys_are_kept_up_to_a_bound() {
        let keys = unknown_keys();
        let data =
            format!(r#"{{"type":"message_delta"{keys},"usage":{{"output_tokens":1{keys}}}}}"#);
        let Event::MessageDelta(delta) = Event::parse("", data.as_bytes()).unwrap() else {
            panic!("{data}");
        };
        assert_eq!(delta.other.len(), read::KEYS);
        let other: Vec<_> = delta.usage.unwrap().other;
        assert_eq!(other.len(), read::KEYS);
    }
}
