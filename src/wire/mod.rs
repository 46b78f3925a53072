//! One frame to one event of a provider, typed where it is known and raw where it is not.
//!
//! The events borrow from the frame and know nothing of the frames before it. What they mean
//! together is the business of [`Decoder`](crate::Decoder).

pub mod anthropic;
mod failure;
pub mod openai_chat;
pub mod openai_responses;
mod openai_usage;
mod read;
pub(crate) mod shape;
pub(crate) mod spoken;

use bytes::Bytes;
use bytestring::ByteString;

pub use self::failure::read_error_body;
pub use self::read::ParseError;
use crate::json::Json;
pub use crate::json::string::Str;
use crate::text::{Arena, Text};

/// The bytes that an event borrows from, for what has to outlive it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    bytes: &'a Bytes,
    /// The length of the chunk that they are a slice of.
    chunk: usize,
}

impl<'a> Source<'a> {
    /// `bytes` that are a slice of a chunk of that length.
    pub(crate) fn new(bytes: &'a Bytes, chunk: usize) -> Self {
        Self { bytes, chunk }
    }

    /// `part`, which lies in the source, as a text: inline if short, else a slice of the source.
    pub(crate) fn text(self, part: &str) -> Text {
        Text::inline(part).unwrap_or_else(|| self.slice(part).into())
    }

    /// A string as a text, joined with the half of a surrogate pair that came before it.
    pub(crate) fn unescaped(
        self,
        string: Str<'_>,
        half: &mut Option<u16>,
        arena: &mut Arena,
    ) -> Text {
        match string.verbatim() {
            Some(part) if half.is_none() => self.text(part),
            _ => arena.text(|text| *half = string.unescape(half.take(), text)),
        }
    }

    /// A JSON value of the source, to be kept as long as the message is.
    ///
    /// It shares the chunk only if it is most of it, so that it does not keep much more alive.
    pub(crate) fn json(self, part: &str) -> Json {
        let most = part.len() >= self.chunk / 2;
        Json::checked(if most { self.slice(part) } else { ByteString::from(part) })
    }

    fn slice(self, part: &str) -> ByteString {
        // The slice has been a `str` already, so this cannot fail.
        ByteString::try_from(self.bytes.slice_ref(part.as_bytes())).unwrap_or_default()
    }
}
