//! A piece of text: short ones inline, long ones shared with the chunk they came in.

use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::num::NonZeroU64;
use core::ops::Deref;

use alloc::string::String;

use bytes::BytesMut;
use bytestring::ByteString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A piece of text as the model sent it, unescaped. Dereferences to [`str`].
///
/// Up to 32 bytes lie in the value itself: the median delta of real traffic has 9 bytes, which are
/// cheaper to copy than to count references to, and an event that is kept for long does not keep a
/// network buffer alive. Anything longer is a reference-counted slice of the received chunk.
///
/// # Example
///
/// ```
/// use thinkstream::Text;
///
/// let text = Text::from("Grüße");
/// assert_eq!(text, "Grüße");
/// assert_eq!(text.chars().count(), 5);
/// assert_eq!(String::from(text.clone()) + "!", "Grüße!");
/// ```
#[derive(Clone)]
pub struct Text(Repr);

#[derive(Clone)]
enum Repr {
    Inline(Inline),
    Shared(ByteString),
}

/// In this order, and the length as a whole word that is never zero: the word then says too which of
/// the two a text is, and a text is written and moved in words. One that is written in bytes and
/// read in words waits for its own stores.
#[derive(Clone, Copy)]
#[repr(C)]
struct Inline {
    /// The first of them are UTF-8, as their makers see to; the rest is anything.
    bytes: Window,
    /// One more than the length, which is at most `Text::INLINE`.
    len: NonZeroU64,
}

/// At an address divisible by eight, where the check for UTF-8 goes by words.
#[derive(Clone, Copy, Debug)]
#[repr(align(8))]
pub(crate) struct Window(pub(crate) [u8; Text::INLINE]);

impl Window {
    pub(crate) const ZERO: Self = Self([0; Text::INLINE]);
}

impl Inline {
    fn len(&self) -> usize {
        usize::try_from(self.len.get().wrapping_sub(1)).unwrap_or_default()
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.0.get(..self.len()).unwrap_or_default()
    }

    /// Safe code cannot remember that these bytes were a `str`.
    fn as_str(&self) -> &str {
        // All of the window is soon checked: a fixed length, and no bytes that are not a word.
        let whole = core::str::from_utf8(&self.bytes.0).ok();
        whole
            .and_then(|window| window.get(..self.len()))
            .or_else(|| core::str::from_utf8(self.as_bytes()).ok())
            .unwrap_or_default()
    }
}

impl Text {
    /// The empty text.
    pub const EMPTY: Self =
        Self(Repr::Inline(Inline { bytes: Window::ZERO, len: NonZeroU64::MIN }));

    /// Nine of ten texts of real traffic fit: the 90th percentile has 30 bytes. More would make every
    /// event larger.
    pub(crate) const INLINE: usize = 32;

    /// The text, as [`Deref`] gives it too.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Inline(text) => text.as_str(),
            Repr::Shared(text) => text,
        }
    }

    /// The bytes of the text, without the check that [`as_str`](Self::as_str) repeats.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline(text) => text.as_bytes(),
            Repr::Shared(text) => text.as_bytes(),
        }
    }

    /// The length in bytes, without looking at them.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Inline(text) => text.len(),
            Repr::Shared(text) => text.len(),
        }
    }

    /// Whether it is the empty text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy of `text` inside the value, if it is short enough.
    pub(crate) fn inline(text: &str) -> Option<Self> {
        let mut bytes = Window::ZERO;
        bytes.0.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self::from_window(bytes, text.len()))
    }

    /// The first `len` bytes of the window, which are UTF-8.
    #[inline]
    pub(crate) fn from_window(bytes: Window, len: usize) -> Self {
        let len = u64::try_from(len).unwrap_or_default();
        Self(Repr::Inline(Inline { bytes, len: NonZeroU64::MIN.saturating_add(len) }))
    }

    /// The text, of which what is inline can be copied as a whole.
    #[inline]
    pub(crate) fn lent(&self) -> Lent<'_> {
        match &self.0 {
            Repr::Inline(text) => Lent::Window(&text.bytes, text.len()),
            Repr::Shared(text) => Lent::Text(text),
        }
    }

    /// The same in bytes of its own: what is kept for long is not to keep a chunk alive.
    pub(crate) fn copied(&self) -> Self {
        Self::from(self.as_str())
    }

    /// The text as a string that shares what it holds: no copy if it is longer than 32 bytes.
    #[must_use]
    pub fn into_shared(self) -> ByteString {
        match self.0 {
            Repr::Inline(text) => text.as_str().into(),
            Repr::Shared(text) => text,
        }
    }
}

/// A text before it is anybody's.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lent<'a> {
    /// So many bytes at the front of a window.
    Window(&'a Window, usize),
    Text(&'a str),
}

impl Lent<'_> {
    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Window(window, len) => window.0.get(..*len).unwrap_or_default(),
            Self::Text(text) => text.as_bytes(),
        }
    }

    #[inline]
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Window(_, len) => len,
            Self::Text(text) => text.len(),
        }
    }
}

/// Where texts are written that are not as they were received. Each is then a slice of it, so that
/// texts which are let go of in time need no allocation of their own.
#[derive(Debug, Default)]
pub(crate) struct Arena(BytesMut);

impl Arena {
    /// Begins a text, which must be UTF-8 once it is whole. One that was never taken is dropped.
    pub(crate) fn begin(&mut self, bytes: &[u8]) {
        self.clear();
        self.push(bytes);
    }

    fn clear(&mut self) {
        self.0.clear();
        // What one that was never taken has stretched is not kept either.
        if self.0.capacity() > 2 * Self::KEPT {
            self.0 = BytesMut::new();
        }
    }

    /// Appends to the text at hand.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The text at hand; nothing if it is not UTF-8.
    pub(crate) fn take(&mut self) -> Option<Text> {
        if self.0.len() <= Text::INLINE {
            let text = core::str::from_utf8(&self.0).ok().and_then(Text::inline);
            self.0.clear();
            return text;
        }
        let bytes = self.0.split().freeze();
        if bytes.len() > Self::KEPT {
            self.0 = BytesMut::new();
        }
        ByteString::try_from(bytes).ok().map(Text::from)
    }

    /// What `write` appends, which must be UTF-8.
    pub(crate) fn text(&mut self, write: impl FnOnce(&mut BytesMut)) -> Text {
        self.clear();
        write(&mut self.0);
        self.take().unwrap_or_default()
    }

    /// What a longer text has stretched is not kept.
    const KEPT: usize = 4096;
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl From<ByteString> for Text {
    /// Takes the string over: inline if it is short, which lets go of what it shares.
    fn from(text: ByteString) -> Self {
        Self::inline(&text).unwrap_or(Self(Repr::Shared(text)))
    }
}

impl From<&Self> for Text {
    fn from(text: &Self) -> Self {
        text.clone()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::inline(text).unwrap_or_else(|| Self(Repr::Shared(text.into())))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::inline(&text).unwrap_or_else(|| Self(Repr::Shared(text.into())))
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        Self::from(text.as_str())
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<String> for Text {
    fn eq(&self, other: &String) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<Text> for str {
    fn eq(&self, other: &Text) -> bool {
        other == self
    }
}

impl PartialEq<Text> for &str {
    fn eq(&self, other: &Text) -> bool {
        other == *self
    }
}

impl PartialEq<Text> for String {
    fn eq(&self, other: &Text) -> bool {
        other == self
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    // UTF-8 orders as its code points do.
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Text {
    // As `str` does, because of `Borrow<str>`.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_is_inline_and_long_is_shared() {
        for len in 0..100 {
            let string: String = "é".repeat(len);
            let text = Text::from(string.as_str());
            assert_eq!(text, string.as_str());
            assert_eq!(matches!(text.0, Repr::Inline(_)), string.len() <= Text::INLINE, "{len}");
            assert_eq!(Text::from(ByteString::from(string.clone())), text);
            assert_eq!(text.clone().into_shared(), string);
        }
    }

    #[test]
    fn a_long_text_is_not_copied() {
        let source = ByteString::from("a text that is longer than thirty-two bytes");
        let text = Text::from(source.clone());
        assert_eq!(text.as_bytes().as_ptr(), source.as_bytes().as_ptr());
        assert_eq!(text.into_shared().as_bytes().as_ptr(), source.as_bytes().as_ptr());
    }

    #[test]
    fn five_words() {
        assert_eq!(size_of::<Text>(), 40);
        assert_eq!(size_of::<Option<Text>>(), 48);
    }
}
