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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_is_shared_unless_it_keeps_too_much_alive() {
        let words = "more than thirty-two bytes, in one piece";
        let bytes = Bytes::from(alloc::format!("\"{words}\""));
        let data = core::str::from_utf8(&bytes).unwrap();
        let shared = |text: &str| bytes.as_ptr_range().contains(&text.as_ptr());

        let source = Source::new(&bytes, bytes.len());
        let text =
            source.unescaped(Str::plain(&data[1..=words.len()]), &mut None, &mut Arena::default());
        assert!(text == words && shared(&text));

        for (chunk, expected) in
            [(data.len(), true), (2 * data.len() + 1, true), (2 * data.len() + 2, false)]
        {
            let json = Source::new(&bytes, chunk).json(data);
            assert_eq!(json.as_str(), data);
            assert_eq!(shared(json.as_str()), expected, "{chunk}");
        }
    }
}
