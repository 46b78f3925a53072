//! The strings of a JSON text, and what their escapes mean.

use alloc::borrow::Cow;
use alloc::string::String;

/// A string of the text, still escaped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Str<'a> {
    /// What stands between the quotes.
    raw: &'a str,
    escaped: bool,
}

impl<'a> Str<'a> {
    pub(super) fn new(raw: &'a str, escaped: bool) -> Self {
        Self { raw, escaped }
    }

    /// A string without escapes, for an event that was not read from JSON.
    #[must_use]
    pub fn plain(text: &'a str) -> Self {
        Self { raw: text, escaped: false }
    }

    /// Whether it is the empty string.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// The string as it stands between its quotes, if nothing in it is escaped.
    #[must_use]
    pub fn verbatim(&self) -> Option<&'a str> {
        (!self.escaped).then_some(self.raw)
    }

    /// The string itself: borrowed if nothing in it is escaped.
    ///
    /// An escape that is half of a surrogate pair becomes U+FFFD.
    #[must_use]
    pub fn decode(&self) -> Cow<'a, str> {
        if !self.escaped {
            return Cow::Borrowed(self.raw);
        }
        let mut text = String::with_capacity(self.raw.len());
        if self.unescape(None, &mut text).is_some() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
        Cow::Owned(text)
    }

    /// Appends the string itself to `text`.
    ///
    /// A string that was cut between the two escapes of a surrogate pair ends with its first half:
    /// that half is returned, to be given as `half` with the string that goes on.
    pub(crate) fn unescape(&self, half: Option<u16>, text: &mut String) -> Option<u16> {
        let mut half = half;
        let mut rest = self.raw;
        while !rest.is_empty() {
            let len = memchr::memchr(b'\\', rest.as_bytes()).unwrap_or(rest.len());
            let (plain, escaped) = rest.split_at_checked(len).unwrap_or((rest, ""));
            if !plain.is_empty() {
                flush(&mut half, text);
                text.push_str(plain);
            }
            let unit = match escaped.as_bytes() {
                [_, b'u', a, b, c, d, ..] => hex([*a, *b, *c, *d]),
                [_, byte, ..] => u16::from(single(*byte)),
                // The end; no string ends in a backslash.
                [] | [_] => return half,
            };
            let taken = if escaped.as_bytes().get(1) == Some(&b'u') { 6 } else { 2 };
            rest = escaped.get(taken..).unwrap_or_default();
            push_unit(unit, &mut half, text);
        }
        half
    }
}

/// Appends a UTF-16 code unit, joined with the `half` before it where the two make a pair.
fn push_unit(unit: u16, half: &mut Option<u16>, text: &mut String) {
    if let Some(first) = half.take() {
        if let Some(Ok(char)) = char::decode_utf16([first, unit]).next() {
            return text.push(char);
        }
        text.push(char::REPLACEMENT_CHARACTER);
    }
    match char::from_u32(unit.into()) {
        Some(char) => text.push(char),
        None if unit < 0xDC00 => *half = Some(unit),
        None => text.push(char::REPLACEMENT_CHARACTER),
    }
}

/// A half whose other half did not come.
fn flush(half: &mut Option<u16>, text: &mut String) {
    if half.take().is_some() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
}

fn single(byte: u8) -> u8 {
    match byte {
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        other => other,
    }
}

fn hex(digits: [u8; 4]) -> u16 {
    digits.into_iter().fold(0, |value, digit| {
        let digit = char::from(digit).to_digit(16).unwrap_or_default();
        (value << 4) | u16::try_from(digit).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::reader::Reader;
    use super::*;
    use alloc::format;
    use proptest::prelude::*;

    fn decode(raw: &str) -> String {
        let text = format!("\"{raw}\"");
        Reader::new(&text).string().unwrap().decode().into_owned()
    }

    #[test]
    fn strings() {
        for (raw, text) in [
            ("", ""),
            ("plain", "plain"),
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r"a\u00e9b", "aéb"),
            (r"\ud83d\ude00", "😀"),
            (r"\ud83d", "\u{fffd}"),
            (r"\ude00", "\u{fffd}"),
            (r"\ud83dx", "\u{fffd}x"),
            (r"\ud83d\n", "\u{fffd}\n"),
            (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
            (r"\ude00\ud83d", "\u{fffd}\u{fffd}"),
            (r"\u0000é\uffff", "\0é\u{ffff}"),
        ] {
            assert_eq!(decode(raw), text, "{raw}");
        }
    }

    proptest! {
        /// However a text is cut into strings, between its UTF-16 code units, it comes back whole.
        #[test]
        fn halves_meet(text in any::<String>(), cuts in prop::collection::vec(any::<bool>(), 64)) {
            let mut joined = String::new();
            let mut half = None;
            let mut piece = String::new();
            for (at, unit) in text.encode_utf16().enumerate() {
                piece.push_str(&format!("\\u{unit:04x}"));
                if cuts[at % cuts.len()] {
                    half = Str { raw: &piece, escaped: true }.unescape(half, &mut joined);
                    piece.clear();
                }
            }
            half = Str { raw: &piece, escaped: true }.unescape(half, &mut joined);
            prop_assert_eq!(half, None);
            prop_assert_eq!(joined, text);
        }
    }
}
