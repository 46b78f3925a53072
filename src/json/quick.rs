//! What a reader meets most: values as servers write them, without white space between them, and
//! strings without escapes.
//!
//! Nothing is taken here that the reader would not take too, with the same outcome; what is not
//! recognised is left to it, and so is every flaw.

use super::reader::Reader;
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

    /// Where the string begins and ends, without its quotes, that stands `before` bytes from here.
    #[inline]
    fn quick_ends(&mut self, before: usize) -> Option<(usize, usize)> {
        let bytes = self.text.as_bytes();
        let quote = self.at.checked_add(before)?;
        if *bytes.get(quote)? != b'"' {
            return None;
        }
        let start = quote.checked_add(1)?;
        let end = self.ends.next(bytes, start);
        (*bytes.get(end)? == b'"').then_some((start, end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    /// What follows the key that is looked at.
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
    fn strings_are_taken_whole() {
        for (text, string) in [
            (r#""a""#, Some("a")),
            (r#""""#, Some("")),
            (r#""a\n""#, None),
            ("\"a\u{1}\"", None),
            ("\"a", None),
            ("null", None),
            ("17", None),
            ("x", None),
        ] {
            for behind in ["", ",1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25"]
            {
                let text = format!("{text}{behind}");
                let mut reader = Reader::new(&text);
                let read = reader.quick_string();
                assert_eq!(read.map(|read| read.raw()), string, "{text}");
                assert_eq!(reader.at, string.map_or(0, |string| string.len() + 2), "{text}");
            }
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
}
