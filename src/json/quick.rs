//! What a reader meets most: values as servers write them, without white space between them, and
//! strings that are short and have no escapes.
//!
//! Nothing is taken here that the reader would not take too, with the same outcome; what is not
//! recognised is left to it, and so is every flaw.

use super::plain::{WINDOW, specials};
use super::reader::{DEPTH, Reader};
use super::string::Str;

impl<'a> Reader<'a> {
    /// The next key of an object, with its colon and the comma before it.
    #[inline]
    pub(super) fn quick_key(&mut self, first: &mut bool) -> Option<&'a str> {
        let comma = !*first;
        if comma && self.byte() != Some(b',') {
            return None;
        }
        let key = self.quick_member(usize::from(comma))?;
        *first = false;
        Some(key)
    }

    /// The key that begins `before` bytes from here, with its colon.
    #[inline]
    pub(super) fn quick_member(&mut self, before: usize) -> Option<&'a str> {
        let (start, end) = self.quick_ends(before)?;
        let colon = end.checked_add(1)?;
        if *self.text.as_bytes().get(colon)? != b':' {
            return None;
        }
        let key = self.text.get(start..end)?;
        self.at = colon.checked_add(1)?;
        Some(key)
    }

    /// The next value, if it is a string.
    #[inline]
    pub(super) fn quick_string(&mut self) -> Option<Str<'a>> {
        let (start, end) = self.quick_ends(0)?;
        let string = self.text.get(start..end)?;
        self.at = end.checked_add(1)?;
        Some(Str::plain(string))
    }

    /// The next value, if it is a count of up to 18 digits, and ends here.
    #[inline]
    pub(super) fn quick_count(&mut self) -> Option<u64> {
        let bytes = self.text.as_bytes();
        let mut at = self.at;
        let mut count = 0_u64;
        loop {
            let byte = *bytes.get(at)?;
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                let digits = at.checked_sub(self.at)?;
                // What else may come behind a number is looked at with more care, and so is a zero
                // before others.
                let ends = matches!(byte, b',' | b'}' | b']');
                let zero = digits > 1 && bytes.get(self.at) == Some(&b'0');
                if !ends || zero || !(1..=18).contains(&digits) {
                    return None;
                }
                self.at = at;
                return Some(count);
            }
            count = count.wrapping_mul(10).wrapping_add(digit.into());
            at = at.checked_add(1)?;
        }
    }

    /// Passes over `null`, if it comes next.
    #[inline]
    pub(super) fn quick_null(&mut self) -> bool {
        let null = self.rest().first_chunk() == Some(b"null");
        if null {
            self.at = self.at.saturating_add(4);
        }
        null
    }

    /// Passes over the next value, if it is small.
    #[inline]
    pub(super) fn quick_skip(&mut self) -> bool {
        match self.rest() {
            [b'n', ..] => self.quick_null(),
            [b'"', ..] => self.quick_string().is_some(),
            [b'0'..=b'9', ..] => self.quick_count().is_some(),
            [b'[', b']', ..] | [b'{', b'}', ..] if self.depth < DEPTH => {
                self.at = self.at.saturating_add(2);
                true
            }
            _ => false,
        }
    }

    /// Where the string begins and ends, without its quotes, that stands `before` bytes from here.
    #[inline]
    fn quick_ends(&self, before: usize) -> Option<(usize, usize)> {
        let bytes = self.text.as_bytes();
        let quote = self.at.checked_add(before)?;
        if *bytes.get(quote)? != b'"' {
            return None;
        }
        let start = quote.checked_add(1)?;
        let end = start.checked_add(quick_len(bytes.get(start..)?)?)?;
        Some((start, end))
    }
}

/// How many bytes come before a quote, if that is near and nothing before it needs a look.
#[inline(always)]
fn quick_len(bytes: &[u8]) -> Option<usize> {
    let found = specials(bytes.first_chunk()?);
    let len = usize::try_from(found.trailing_zeros()).ok()?;
    (len < WINDOW && *bytes.get(len)? == b'"').then_some(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use proptest::prelude::*;

    /// What follows the value that is looked at: a window of it.
    const BEHIND: &str = r#","behind":"as many bytes as are looked at""#;

    #[test]
    fn counts_are_what_is_certain_to_be_one() {
        for (text, count) in [
            ("0,", Some(0)),
            ("17,", Some(17)),
            ("17}", Some(17)),
            ("17]", Some(17)),
            ("999999999999999999,", Some(999_999_999_999_999_999)),
            // These may be counts too, and are left to the reader.
            ("1000000000000000000,", None),
            ("18446744073709551615,", None),
            ("18446744073709551616,", None),
            ("17 ,", None),
            ("17", None),
            ("1e3,", None),
            ("3.0,", None),
            // These are none.
            ("00,", None),
            ("01,", None),
            ("-1,", None),
            ("1x,", None),
            (",", None),
            ("\"5\",", None),
            ("", None),
        ] {
            let mut reader = Reader::new(text);
            assert_eq!(reader.quick_count(), count, "{text}");
            let taken = if count.is_some() { text.len() - 1 } else { 0 };
            assert_eq!(reader.at, taken, "{text}");
        }
    }

    #[test]
    fn the_reader_counts_the_same_where_something_follows() {
        for (text, count) in [
            ("0", Some(0)),
            ("999999999999999999", Some(999_999_999_999_999_999)),
            ("1000000000000000000", Some(1_000_000_000_000_000_000)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("99999999999999999999", None),
            ("3.0", Some(3)),
            ("3e2", Some(300)),
            ("-1", None),
            ("null", None),
        ] {
            for behind in [",", "}", "]", " ", ""] {
                let text = format!("{text}{behind}");
                let mut reader = Reader::new(&text);
                assert_eq!(reader.count(), Ok(count), "{text}");
                assert_eq!(&text[reader.at..], behind, "{text}");
            }
        }
    }

    #[test]
    fn keys_are_what_stands_between_a_comma_and_a_colon() {
        for (text, first, key) in [
            (r#""a":1"#, true, Some("a")),
            (r#","a":1"#, false, Some("a")),
            (r#"","Grüße":1"#, true, None),
            (r#""Grüße":1"#, true, Some("Grüße")),
            (r#""":1"#, true, Some("")),
            (r#""a":1"#, false, None),
            (r#","a":1"#, true, None),
            (r#""a" :1"#, true, None),
            (r#""a"1"#, true, None),
            (r#", "a":1"#, false, None),
            (r#";"a":1"#, false, None),
            (r#""\u0061":1"#, true, None),
            ("\"a\t\":1", true, None),
            ("}", false, None),
            (r#""thirty-two-bytes-are-not-near-it":1"#, true, None),
            (
                r#""thirty-one-bytes-are-still-near":1"#,
                true,
                Some("thirty-one-bytes-are-still-near"),
            ),
        ] {
            let text = format!("{text}{BEHIND}");
            let (mut reader, mut at_first) = (Reader::new(&text), first);
            assert_eq!(reader.quick_key(&mut at_first), key, "{text}");
            assert_eq!(at_first, first && key.is_none(), "{text}");
            let taken = key.map_or(0, |key| key.len() + 3 + usize::from(!first));
            assert_eq!(reader.at, taken, "{text}");
        }
    }

    #[test]
    fn strings_and_small_values_are_taken_whole() {
        for (text, string, skipped) in [
            (r#""a""#, Some("a"), true),
            (r#""""#, Some(""), true),
            (r#""a\n""#, None, false),
            ("\"a\u{1}\"", None, false),
            ("null", None, true),
            ("nul", None, false),
            ("17", None, true),
            ("017", None, false),
            ("[]", None, true),
            ("{}", None, true),
            ("[ ]", None, false),
            ("true", None, false),
            ("x", None, false),
        ] {
            let text = format!("{text}{BEHIND}");
            let mut reader = Reader::new(&text);
            let read = reader.quick_string();
            assert_eq!(read.map(|read| read.decode().into_owned()).as_deref(), string, "{text}");
            let mut reader = Reader::new(&text);
            assert_eq!(reader.quick_skip(), skipped, "{text}");
            let taken = if skipped { text.len() - BEHIND.len() } else { 0 };
            assert_eq!(reader.at, taken, "{text}");
        }
    }

    #[test]
    fn what_is_too_deep_is_not_passed_over() {
        for inner in ["[]", "{}"] {
            for (depth, fits) in [(127, true), (128, false)] {
                let text = format!("{}{inner}{}", "[".repeat(depth), "]".repeat(depth));
                assert_eq!(Reader::new(&text).whole().is_ok(), fits, "{inner} {depth}");
                let mut reader = Reader::new(&text);
                for _ in 0..depth {
                    reader.open_array().unwrap();
                }
                assert_eq!(reader.skip().is_ok(), fits, "{inner} {depth}");
            }
        }
    }

    proptest! {
        #[test]
        fn near_quotes_are_found(bytes in prop::collection::vec(prop_oneof![
            8 => Just(b'x'), 1 => Just(b'"'), 1 => Just(b'\\'), 1 => any::<u8>(),
        ], 0..48)) {
            let special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
            let first = bytes.iter().position(special);
            let quick = quick_len(&bytes);
            if let Some(len) = quick {
                prop_assert_eq!((first, bytes[len]), (Some(len), b'"'));
            }
            let whole = bytes.len() >= WINDOW;
            let near = first.filter(|at| whole && *at < WINDOW && bytes[*at] == b'"');
            prop_assert_eq!(quick, near);
        }
    }
}
