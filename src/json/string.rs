//! The strings of a JSON text, and what their escapes mean.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::BufMut;

/// A string of the text, still escaped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Str<'a> {
    /// What stands between the quotes.
    raw: &'a str,
    escaped: bool,
}

impl<'a> Str<'a> {
    pub(crate) fn new(raw: &'a str, escaped: bool) -> Self {
        Self { raw, escaped }
    }

    /// A string without escapes, for an event that was not read from JSON.
    #[must_use]
    pub const fn plain(text: &'a str) -> Self {
        Self { raw: text, escaped: false }
    }

    /// What stands between its quotes, escaped as it may be.
    pub(crate) fn raw(&self) -> &'a str {
        self.raw
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
    #[inline]
    pub fn decode(&self) -> Cow<'a, str> {
        if self.escaped { self.unescaped() } else { Cow::Borrowed(self.raw) }
    }

    #[inline(never)]
    fn unescaped(&self) -> Cow<'a, str> {
        let mut text = Vec::with_capacity(self.raw.len());
        if self.unescape(None, &mut text).is_some() {
            push(char::REPLACEMENT_CHARACTER, &mut text);
        }
        // What was appended is UTF-8, piece by piece.
        Cow::Owned(String::from_utf8(text).unwrap_or_default())
    }

    /// Appends the string itself to `text`.
    ///
    /// A string that was cut between the two escapes of a surrogate pair ends with its first half:
    /// that half is returned, to be given as `half` with the string that goes on.
    pub(crate) fn unescape(&self, half: Option<u16>, text: &mut impl BufMut) -> Option<u16> {
        let mut half = half;
        let mut rest = self.raw.as_bytes();
        while !rest.is_empty() {
            let len = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
            let (plain, escaped) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            if !plain.is_empty() {
                flush(&mut half, text);
                text.put_slice(plain);
            }
            // The end; or an escape that is none, which the reader did not let through.
            let Some((unit, taken)) = escape(escaped) else {
                return half;
            };
            rest = escaped.get(taken..).unwrap_or_default();
            push_unit(unit, &mut half, text);
        }
        half
    }
}

/// The UTF-16 code unit that the escape at the front of `bytes` stands for, and the escape's length.
#[inline(always)]
pub(crate) fn escape(bytes: &[u8]) -> Option<(u16, usize)> {
    let [b'\\', escaped, ..] = *bytes else {
        return None;
    };
    match escaped {
        b'u' => {
            let digits = u32::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
            Some((hex(digits)?, 6))
        }
        byte => Some((single(byte)?.into(), 2)),
    }
}

/// What a backslash before `byte` makes of it, if that is all of the escape.
#[inline(always)]
pub(crate) fn single(byte: u8) -> Option<u8> {
    match byte {
        b'n' => Some(b'\n'),
        b'"' | b'\\' | b'/' => Some(byte),
        b't' => Some(b'\t'),
        b'r' => Some(b'\r'),
        b'b' => Some(0x08),
        b'f' => Some(0x0c),
        _ => None,
    }
}

/// The character that the escape at the front of `bytes` stands for, with the escape behind it if it
/// takes two, and their length. `None` for half of a surrogate pair.
#[inline(always)]
pub(crate) fn escaped_char(bytes: &[u8]) -> Option<(char, usize)> {
    let (unit, taken) = escape(bytes)?;
    if let Some(char) = char::from_u32(unit.into()) {
        return Some((char, taken));
    }
    let (second, more) = escape(bytes.get(taken..)?)?;
    let char = char::decode_utf16([unit, second]).next()?.ok()?;
    Some((char, taken.checked_add(more)?))
}

/// A JSON text with U+FFFD for every escape that is half of a surrogate pair; `None` if it has none of those.
pub(crate) fn paired(json: &str) -> Option<String> {
    let mut mended: Option<String> = None;
    let (mut copied, mut at) = (0_usize, 0_usize);
    while let Some(next) = json.as_bytes().get(at..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        at = at.saturating_add(next);
        let rest = json.as_bytes().get(at..).unwrap_or_default();
        if let Some((_, taken)) = escaped_char(rest) {
            at = at.saturating_add(taken);
            continue;
        }
        let mended = mended.get_or_insert_with(|| String::with_capacity(json.len()));
        mended.push_str(json.get(copied..at).unwrap_or_default());
        mended.push_str("\\ufffd");
        at = at.saturating_add("\\ud83d".len());
        copied = at;
    }
    let mut mended = mended?;
    mended.push_str(json.get(copied..).unwrap_or_default());
    Some(mended)
}

/// Appends a UTF-16 code unit, joined with the `half` before it where the two make a pair.
fn push_unit(unit: u16, half: &mut Option<u16>, text: &mut impl BufMut) {
    if let Some(first) = half.take() {
        if let Some(Ok(char)) = char::decode_utf16([first, unit]).next() {
            return push(char, text);
        }
        push(char::REPLACEMENT_CHARACTER, text);
    }
    match char::from_u32(unit.into()) {
        Some(char) => push(char, text),
        None if unit < 0xDC00 => *half = Some(unit),
        None => push(char::REPLACEMENT_CHARACTER, text),
    }
}

/// A half whose other half did not come.
fn flush(half: &mut Option<u16>, text: &mut impl BufMut) {
    if half.take().is_some() {
        push(char::REPLACEMENT_CHARACTER, text);
    }
}

fn push(char: char, text: &mut impl BufMut) {
    text.put_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
}

/// The value of four hexadecimal digits, all at once: each byte is a lane.
#[inline(always)]
fn hex(digits: u32) -> Option<u16> {
    const fn lanes(byte: u8) -> u32 {
        u32::from_be_bytes([byte; 4])
    }
    // A sum has the high bit of a lane whose byte is at least 0x80 less what is added.
    let ascii = digits & lanes(0x7F);
    let number = ascii.wrapping_add(lanes(0x80 - b'0')) & !ascii.wrapping_add(lanes(0x7F - b'9'));
    let lower = ascii | lanes(0x20);
    let letter = lower.wrapping_add(lanes(0x80 - b'a')) & !lower.wrapping_add(lanes(0x7F - b'f'));
    if (number | letter) & !digits & lanes(0x80) != lanes(0x80) {
        return None;
    }
    // The low bits of `0` are 0; those of `a` are 1, which lacks 9.
    let letters = (digits >> 6) & lanes(1);
    let values = (digits & lanes(0x0F)).wrapping_add(letters.wrapping_mul(9));
    let [a, b, c, d] = values.to_be_bytes().map(u16::from);
    Some((a << 12) | (b << 8) | (c << 4) | d)
}

#[cfg(test)]
mod tests {
    use super::super::reader::Reader;
    use super::*;
    use alloc::format;
    use proptest::prelude::*;

    #[test]
    fn halves_of_pairs_are_replaced() {
        for (json, expected) in [
            (r#"{"a":"\ud83d"}"#, Some(r#"{"a":"\ufffd"}"#)),
            (r#"{"a":"\uDE00b\ud83dc"}"#, Some(r#"{"a":"\ufffdb\ufffdc"}"#)),
            (r#"["\ud83d\ud83d\ude00"]"#, Some(r#"["\ufffd\ud83d\ude00"]"#)),
            (r#"["\ud83d\n"]"#, Some(r#"["\ufffd\n"]"#)),
            (r#"["\ud83d\ude00","\\ud83d","\u00e9","ü"]"#, None),
            ("{}", None),
        ] {
            assert_eq!(paired(json).as_deref(), expected, "{json}");
            let mended = paired(json).unwrap_or_else(|| json.into());
            assert!(serde_json::from_str::<serde_json::Value>(&mended).is_ok(), "{mended}");
        }
    }

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

    #[test]
    fn a_pair_is_two_escapes() {
        assert_eq!(escaped_char(br"\ud83d\ude00"), Some(('\u{1f600}', 12)));
        for cut in
            [&br#"\ud83d"ude00"#[..], br"\ud83dxude00", br"\ud83d\n", br"\ud83d", br"\ude00\ud83d"]
        {
            assert_eq!(escaped_char(cut), None);
        }
    }

    #[test]
    fn four_digits_at_once() {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        for byte in 0..=255 {
            for at in 0..4 {
                let mut digits = *b"0fA9";
                digits[at] = byte;
                let expected =
                    digits.iter().try_fold(0, |value, byte| Some(value << 4 | digit(*byte)?));
                let read = hex(u32::from_be_bytes(digits)).map(u32::from);
                assert_eq!(read, expected, "{digits:?}");
            }
        }
    }

    proptest! {
        /// However a text is cut into strings, between its UTF-16 code units, it comes back whole.
        #[test]
        fn halves_meet(text in any::<String>(), cuts in prop::collection::vec(any::<bool>(), 64)) {
            let mut joined = Vec::new();
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
            prop_assert_eq!(String::from_utf8(joined).unwrap(), text);
        }
    }
}
