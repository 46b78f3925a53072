//! One frame to one event of a provider, typed where it is known and raw where it is not.
//!
//! The events borrow from the frame and know nothing of the frames before it. What they mean
//! together is the business of [`Decoder`](crate::Decoder).

pub mod anthropic;
pub(crate) mod cut;
mod failure;
pub(crate) mod joined;
pub mod openai_chat;
pub mod openai_responses;
mod openai_usage;
pub(crate) mod piece;
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
    /// What of them is known to be UTF-8 already.
    text: Option<&'a ByteString>,
    /// The length of what they are a slice of, as far as it is known.
    chunk: usize,
}

impl<'a> Source<'a> {
    /// `bytes` that are a slice of a chunk of that length.
    pub(crate) fn new(bytes: &'a Bytes, chunk: usize) -> Self {
        Self { bytes, text: None, chunk }
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
    /// It shares the chunk only if it is large, and most of what is left of it, so that it does not keep
    /// much more alive.
    pub(crate) fn json(self, part: &str) -> Json {
        let shares = self.is_large(part.as_bytes());
        Json::checked(if shares { self.slice(part) } else { ByteString::from(part) })
    }

    /// The same of other bytes, which came in their place.
    pub(crate) fn of(self, bytes: &'a Bytes) -> Self {
        Self::new(bytes, self.chunk.max(bytes.len()))
    }

    /// The same, of which `text` is known to be UTF-8.
    pub(crate) fn checked(self, text: &'a ByteString) -> Self {
        Self { text: Some(text), ..self }
    }

    /// Whether `part` shares the chunk if it is kept as JSON.
    pub(crate) fn is_large(self, part: &[u8]) -> bool {
        part.len() >= LARGE && part.len() >= self.chunk / 2
    }

    fn slice(self, part: &str) -> ByteString {
        if let Some(text) = self.text {
            return text.slice_ref(part);
        }
        // The slice has been a `str` already, so this cannot fail.
        self.shared(part.as_bytes()).unwrap_or_default()
    }

    /// A slice of the source, if it is UTF-8.
    pub(crate) fn shared(self, part: &[u8]) -> Option<ByteString> {
        ByteString::try_from(self.bytes.slice_ref(part)).ok()
    }
}

/// Bytes of JSON from which on it is shared. Of a chunk only what is left is known here, so what is less could
/// keep a chunk alive that is many times as large. Copied, recorded results of 28 KB in the mean make recorded
/// streams 3 % slower: 204 ns an event instead of 197 (`cargo bench --bench turns -- captured`).
const LARGE: usize = 32 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_is_shared_unless_it_keeps_too_much_alive() {
        let words = "more than thirty-two bytes, in one piece";
        let bytes = Bytes::from(alloc::format!("\"{words}\""));
        let data = core::str::from_utf8(&bytes).unwrap();
        let source = Source::new(&bytes, bytes.len());
        let text =
            source.unescaped(Str::plain(&data[1..=words.len()]), &mut None, &mut Arena::default());
        assert!(text == words && bytes.as_ptr_range().contains(&text.as_ptr()));

        let large = Bytes::from(alloc::format!("\"{}\"", "x".repeat(LARGE - 2)));
        let len = large.len();
        for (bytes, chunk, expected) in [
            (&bytes, bytes.len(), false),
            (&large.slice(..LARGE - 1), LARGE - 1, false),
            (&large, len, true),
            (&large, 2 * len + 1, true),
            (&large, 2 * len + 2, false),
        ] {
            let data = core::str::from_utf8(bytes).unwrap();
            let text = ByteString::try_from(bytes.clone()).unwrap();
            let source = Source::new(bytes, chunk);
            for source in [source, source.checked(&text)] {
                let json = source.json(data);
                assert_eq!(json.as_str(), data);
                let shared = bytes.as_ptr_range().contains(&json.as_ptr());
                assert_eq!(shared, expected, "{} of {chunk}", data.len());
            }
        }
    }
}
