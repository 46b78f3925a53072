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
    use super::super::reader::Kind;
    use super::*;
    use alloc::format;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// All that a text says, read in every way that there is a quick one for.
    fn said(text: &str) -> Vec<String> {
        let (mut reader, mut said) = (Reader::new(text), Vec::new());
        values(&mut reader, &mut said);
        said.push(format!("{:?}", reader.end().map_err(|error| error.flaw)));
        said
    }

    fn values(reader: &mut Reader<'_>, said: &mut Vec<String>) {
        let kind = match reader.kind() {
            Ok(kind) => kind,
            Err(error) => return said.push(format!("{:?}", error.flaw)),
        };
        let (mut skipped, mut counted) = (reader.clone(), reader.clone());
        said.push(format!("{:?}", skipped.skip().map_err(|error| error.flaw)));
        said.push(format!("{:?}", counted.count().map_err(|error| error.flaw)));
        if kind == Kind::Object {
            let mut first = reader.open().unwrap();
            loop {
                match reader.key(&mut first) {
                    Ok(Some(key)) => said.push(key.into_owned()),
                    Ok(None) => return,
                    Err(error) => return said.push(format!("{:?}", error.flaw)),
                }
                values(reader, said);
            }
        }
        match reader.string_or_skip() {
            Ok(string) => said.push(string.map_or("-".to_string(), |s| s.decode().into_owned())),
            Err(error) => said.push(format!("{:?}", error.flaw)),
        }
    }

    #[test]
    fn what_is_written_without_spaces_says_the_same() {
        for text in [
            r#"{"a":1,"b":"c","d":null}"#,
            r#"{"a":{"b":18446744073709551615,"c":999999999999999999},"d":[],"e":{}}"#,
            r#"{"a":0,"b":00,"c":1}"#,
            r#"{"a":-1,"b":1.5,"c":1e3,"d":1}"#,
            r#"{"a":"with \"escapes\" ","b\n":"Grüße"}"#,
            r#"{"a":"longer than four words of eight bytes each","the key, too, is longer than that":1}"#,
            r#"{"a":"in a string: a space, a quote: \" and a backslash: \\"}"#,
            r#"{"a":nul,"b":1}"#,
            r#"{"a":1"b":2}"#,
            r#"{"a" "b"}"#,
            r#"{"a":1,}"#,
            r#"{"a":1]"#,
            "{\"a\":\"\t\"}",
            r#"{"a":"cut"#,
            r#"{"a":12"#,
            r#"{"a":nu"#,
            r#"{"a"#,
            r#"["a",1,null,true]"#,
            "17",
            "\"a\"",
            "null",
        ] {
            // A space behind what stands between tokens, outside of strings.
            let (mut spaced, mut inside, mut escaped) = (String::new(), false, false);
            for char in text.chars() {
                let quote = char == '"' && !escaped;
                escaped = inside && char == '\\' && !escaped;
                inside ^= quote;
                spaced.push(char);
                if !inside && matches!(char, ',' | ':' | '{' | '[') {
                    spaced.push(' ');
                }
            }
            assert_eq!(said(text), said(&spaced), "{text}");
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
