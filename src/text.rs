//! A piece of text: short ones inline, long ones shared with the chunk they came in.

use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;

use alloc::string::String;
use alloc::vec::Vec;

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
    // `len` is at most `INLINE` and the bytes before it are UTF-8, as their makers see to.
    Inline { len: u8, bytes: Window },
    Shared(ByteString),
}

/// At an address divisible by eight, so that a text is moved in words.
#[derive(Clone, Copy)]
#[repr(align(8))]
pub(crate) struct Window(pub(crate) [u8; Text::INLINE]);

impl Text {
    /// The empty text.
    pub const EMPTY: Self = Self(Repr::Inline { len: 0, bytes: Window([0; Self::INLINE]) });

    /// Nine of ten texts of real traffic fit: the 90th percentile has 30 bytes. More would make every
    /// event larger.
    pub(crate) const INLINE: usize = 32;

    /// The text, as [`Deref`] gives it too.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // Safe code cannot remember that these bytes were a `str`; 32 bytes are soon checked.
            Repr::Inline { .. } => core::str::from_utf8(self.as_bytes()).unwrap_or_default(),
            Repr::Shared(text) => text,
        }
    }

    /// The bytes of the text, without the check that [`as_str`](Self::as_str) repeats.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => bytes.0.get(..usize::from(*len)).unwrap_or_default(),
            Repr::Shared(text) => text.as_bytes(),
        }
    }

    /// Appends the text to `bytes`.
    #[inline]
    pub(crate) fn append_to(&self, bytes: &mut Vec<u8>) {
        match &self.0 {
            // All of the window, and then less: a copy of fixed length is a few instructions.
            Repr::Inline { len, bytes: window } => {
                let end = bytes.len().saturating_add(usize::from(*len));
                bytes.extend_from_slice(&window.0);
                bytes.truncate(end);
            }
            Repr::Shared(text) => bytes.extend_from_slice(text.as_bytes()),
        }
    }

    /// The length in bytes, without looking at them.
    pub(crate) fn len_bytes(&self) -> usize {
        match &self.0 {
            Repr::Inline { len, .. } => usize::from(*len),
            Repr::Shared(text) => text.len(),
        }
    }

    /// A copy of `text` inside the value, if it is short enough.
    pub(crate) fn inline(text: &str) -> Option<Self> {
        let mut bytes = Window([0; Self::INLINE]);
        bytes.0.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        let len = u8::try_from(text.len()).ok()?;
        Some(Self(Repr::Inline { len, bytes }))
    }

    /// The first `len` bytes of `window`, if they are UTF-8; what is behind them does not matter.
    #[inline]
    pub(crate) fn from_window(window: Window, len: usize) -> Option<Self> {
        // Over the whole window, which is vector code, and what follows a string is ASCII mostly.
        let ascii = window.0.iter().fold(0, |any, byte| any | byte) < 0x80;
        if !ascii {
            core::str::from_utf8(window.0.get(..len)?).ok()?;
        }
        Some(Self(Repr::Inline { len: u8::try_from(len).ok()?, bytes: window }))
    }

    /// The text as a string that shares what it holds: no copy if it is longer than 32 bytes.
    #[must_use]
    pub fn into_shared(self) -> ByteString {
        match self.0 {
            Repr::Inline { .. } => ByteString::from(self.as_str()),
            Repr::Shared(text) => text,
        }
    }
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
            assert_eq!(
                matches!(text.0, Repr::Inline { .. }),
                string.len() <= Text::INLINE,
                "{len}"
            );
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
        assert_eq!(size_of::<Option<Text>>(), 40);
    }
}
