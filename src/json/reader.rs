//! A pull reader over one JSON text.
//!
//! Written here, where a library would do elsewhere, for what an event of the wire needs and no
//! library gives together: the fields of a block *and* its text as received in one pass; strings
//! with a lone surrogate escape, which servers send when they cut an emoji in two; the last of
//! repeated keys; and no recursion, so that deep nesting costs no stack. It accepts exactly what
//! RFC 8259 calls JSON text, to a depth of 128.

use alloc::borrow::Cow;

use super::plain::Ends;
use super::string::Str;
use super::{Flaw, JsonError};

/// Reads one JSON text from front to back. Every method leaves off behind what it took.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) depth: u32,
    /// It stands in an object, behind a member, and was asked to open the object again.
    pub(super) inside: bool,
    pub(super) ends: Ends,
}

/// What a value is, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

pub(super) type Result<T> = core::result::Result<T, JsonError>;

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0, inside: false, ends: Ends::new() }
    }

    /// Reads the whole text as one value, and says what it is.
    pub(crate) fn whole(mut self) -> Result<Kind> {
        let kind = self.kind()?;
        self.skip()?;
        self.end()?;
        Ok(kind)
    }

    /// Makes sure that nothing but white space is left.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { self.fail(Flaw::Expected("the end")) }
    }

    /// What the next value is.
    pub(crate) fn kind(&mut self) -> Result<Kind> {
        self.space();
        match self.byte() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            Some(_) => self.fail(Flaw::Expected("a value")),
            None => self.fail(Flaw::Unfinished),
        }
    }

    /// Opens an object; [`key`](Self::key) then gives its keys. Says whether the next is the first.
    pub(crate) fn open(&mut self) -> Result<bool> {
        if core::mem::take(&mut self.inside) {
            return Ok(false);
        }
        self.space();
        self.take(b'{', "an object")?;
        self.deeper()?;
        Ok(true)
    }

    /// The reader behind a member of an object: the next [`open`](Self::open) goes on with that.
    pub(crate) fn inside(self) -> Self {
        Self { inside: true, ..self }
    }

    /// The next key of the object, whose value must be taken next, or `None` at the object's end.
    ///
    /// `first` is true until the first key has been asked for.
    #[inline(never)]
    pub(crate) fn key(&mut self, first: &mut bool) -> Result<Option<Cow<'a, str>>> {
        match self.quick_key(first) {
            Some(key) => Ok(Some(Cow::Borrowed(key))),
            None => self.any_key(first),
        }
    }

    #[inline(never)]
    fn any_key(&mut self, first: &mut bool) -> Result<Option<Cow<'a, str>>> {
        self.space();
        if self.byte() == Some(b'}') {
            self.bump();
            self.depth = self.depth.saturating_sub(1);
            return Ok(None);
        }
        if !core::mem::take(first) {
            self.take(b',', "`,` or `}`")?;
            self.space();
        }
        self.member_key().map(|key| Some(key.decode()))
    }

    /// Opens an array; [`item`](Self::item) then says whether another value follows.
    pub(crate) fn open_array(&mut self) -> Result<()> {
        self.space();
        self.take(b'[', "an array")?;
        self.deeper()
    }

    /// Whether another item follows, which must be taken next.
    pub(crate) fn item(&mut self, first: &mut bool) -> Result<bool> {
        self.space();
        if self.byte() == Some(b']') {
            self.bump();
            self.depth = self.depth.saturating_sub(1);
            return Ok(false);
        }
        if !core::mem::take(first) {
            self.take(b',', "`,` or `]`")?;
        }
        Ok(true)
    }

    /// The next value as it stands.
    pub(crate) fn raw(&mut self) -> Result<&'a str> {
        self.space();
        let start = self.at;
        self.skip()?;
        Ok(self.since(start))
    }

    /// The place of the next value, for [`since`](Self::since).
    pub(crate) fn place(&mut self) -> usize {
        self.space();
        self.at
    }

    /// What was taken since `start`.
    pub(crate) fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// The string that `text` begins in, behind its first quote.
    pub(crate) fn inside_string(text: &'a str) -> Result<Str<'a>> {
        Self::new(text).rest_of_string()
    }

    /// The next value, which must be a string.
    pub(crate) fn string(&mut self) -> Result<Str<'a>> {
        if let Some(string) = self.quick_string() {
            return Ok(string);
        }
        self.space();
        self.take(b'"', "a string")?;
        self.rest_of_string()
    }

    fn rest_of_string(&mut self) -> Result<Str<'a>> {
        let start = self.at;
        let escaped = self.pass_string()?;
        let raw = self.text.get(start..self.at.saturating_sub(1)).unwrap_or_default();
        Ok(Str::new(raw, escaped))
    }

    /// The next value if it is a string; anything else is passed over.
    pub(crate) fn string_or_skip(&mut self) -> Result<Option<Str<'a>>> {
        if self.quick_null() {
            return Ok(None);
        }
        if self.kind()? == Kind::String {
            return self.string().map(Some);
        }
        self.skip().map(|()| None)
    }

    /// The next value as a count; `None` if it is not a whole number from 0 to 2⁶⁴-1.
    ///
    /// A fraction of zero and an exponent are allowed: `3.0` is 3.
    pub(crate) fn count(&mut self) -> Result<Option<u64>> {
        if let Some(count) = self.quick_count() {
            return Ok(Some(count));
        }
        if self.kind()? != Kind::Number {
            return self.skip().map(|()| None);
        }
        let raw = self.raw()?;
        if let Ok(count) = raw.parse() {
            return Ok(Some(count));
        }
        // The standard parser of floats reads all of JSON's numbers. Beyond 2⁵³ a float is no
        // longer exact, so it is not taken for a count.
        let whole =
            raw.parse::<f64>().ok().filter(|float| (0.0..=9_007_199_254_740_992.0).contains(float));
        let text = whole.map(|float| alloc::format!("{float}"));
        Ok(text.and_then(|text| text.parse().ok()))
    }

    /// A key and its colon.
    fn member_key(&mut self) -> Result<Str<'a>> {
        if let Some(key) = self.quick_member(0) {
            return Ok(Str::plain(key));
        }
        if self.byte().is_some_and(|byte| byte != b'"') {
            return self.fail(Flaw::Expected("a key"));
        }
        let key = self.string()?;
        self.space();
        self.take(b':', "`:`")?;
        Ok(key)
    }

    pub(super) fn deeper(&mut self) -> Result<()> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > DEPTH { self.fail(Flaw::TooDeep) } else { Ok(()) }
    }

    #[inline(always)]
    pub(super) fn space(&mut self) {
        if self.byte().is_some_and(|byte| byte <= b' ') {
            self.pass_space();
        }
    }

    #[cold]
    fn pass_space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.bump();
        }
    }

    pub(super) fn take(&mut self, byte: u8, what: &'static str) -> Result<()> {
        match self.byte() {
            Some(found) if found == byte => {
                self.bump();
                Ok(())
            }
            Some(_) => self.fail(Flaw::Expected(what)),
            None => self.fail(Flaw::Unfinished),
        }
    }

    pub(super) fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn bump(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// A flaw at the next byte.
    pub(crate) fn fail<T>(&self, flaw: Flaw) -> Result<T> {
        Err(JsonError { at: self.at, flaw })
    }
}

/// The items of an array that has been read before, as they stand.
#[derive(Clone, Debug)]
pub(crate) struct Items<'a> {
    reader: Reader<'a>,
    first: bool,
}

impl<'a> Items<'a> {
    pub(crate) fn new(array: &'a str) -> Self {
        let mut reader = Reader::new(array);
        // What is no array has no items.
        let first = reader.open_array().is_ok();
        Self { reader, first }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.reader.item(&mut self.first).ok().filter(|more| *more)?;
        self.reader.raw().ok()
    }
}

/// Where `serde_json` stops too. More than any event needs, and `u128` has a bit for each level.
pub(crate) const DEPTH: u32 = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;
    use proptest::prelude::*;

    #[test]
    fn flaws() {
        use Flaw::{ControlCharacter, Escape, Expected, TooDeep, Unfinished};
        let deep = format!("{}{}", "[".repeat(129), "]".repeat(129));
        for (text, at, flaw) in [
            ("", 0, Unfinished),
            ("  ", 2, Unfinished),
            ("{", 1, Unfinished),
            ("{]", 1, Expected("a key")),
            ("{\"a\"1}", 4, Expected("`:`")),
            ("{\"a\":1,}", 7, Expected("a key")),
            ("{\"a\":1]", 6, Expected("`,` or `}`")),
            ("[1}", 2, Expected("`,` or `]`")),
            ("[1,]", 3, Expected("a value")),
            ("\"a", 2, Unfinished),
            ("\"a\nb\"", 2, ControlCharacter),
            (r#""\x""#, 1, Escape),
            (r#""\u12g4""#, 1, Escape),
            (r#""\u12"#, 1, Unfinished),
            (r#""\u"#, 1, Unfinished),
            (r#""\ux"#, 1, Escape),
            (r#""\"#, 1, Unfinished),
            ("tru", 0, Expected("a value")),
            ("01", 1, Expected("the end")),
            ("1.", 2, Unfinished),
            ("-x", 1, Expected("a digit")),
            ("1e+", 3, Unfinished),
            ("{} x", 3, Expected("the end")),
            (deep.as_str(), 129, TooDeep),
        ] {
            assert_eq!(Reader::new(text).whole(), Err(JsonError { at, flaw }), "{text}");
        }
        let deep = format!("{}{}", "[".repeat(128), "]".repeat(128));
        assert_eq!(Reader::new(&deep).whole(), Ok(Kind::Array));
    }

    #[test]
    fn white_space_may_stand_anywhere_between() {
        for space in ["", " ", "\t\n\r "] {
            for text in [
                "~{~}~",
                "~[~]~",
                "~[~1~,~2~]~",
                "~{~\"a\"~:~1~,~\"b\"~:~[~{~}~,~null~]~}~",
                "~{~\"a\"~:~{~\"b\"~:~\"c\"~}~}~",
            ] {
                let text = text.replace('~', space);
                assert!(Reader::new(&text).whole().is_ok(), "{text:?}");
            }
        }
        for text in ["nu ll", "1 2", "- 1", "\u{b}1", "\u{a0}1"] {
            assert!(Reader::new(text).whole().is_err(), "{text:?}");
        }
    }

    #[test]
    fn counts() {
        for (text, count) in [
            ("0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("3.0", Some(3)),
            ("3e2", Some(300)),
            ("3.5", None),
            ("-1", None),
            ("1e400", None),
            ("\"5\"", None),
            ("null", None),
        ] {
            let mut reader = Reader::new(text);
            assert_eq!(reader.count(), Ok(count), "{text}");
            assert_eq!(reader.end(), Ok(()));
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = "[".repeat(1_000_000);
        let small = std::thread::Builder::new().stack_size(64 * 1024);
        let result = small.spawn(move || Reader::new(&deep).whole()).unwrap().join().unwrap();
        assert_eq!(result, Err(JsonError { at: 129, flaw: Flaw::TooDeep }));
    }

    proptest! {
        /// Surrogate escapes aside, on which `serde_json` is stricter, the two accept the same.
        #[test]
        fn agrees_with_serde_json(text in "[\\[\\]{}:,\"\\\\a0.eE+\\- tfnruls]{0,24}") {
            // Also with so much behind it that windows of it are looked at.
            for text in [text.clone(), format!("{text}{:40}", ""), format!("[{text},\"{:40}\"]", "")] {
                let ours = Reader::new(&text).whole().is_ok();
                let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
                prop_assert_eq!(ours, theirs, "{}", text);
            }
        }

        #[test]
        fn agrees_on_real_shapes(value in any_json(), cut in any::<prop::sample::Index>()) {
            let text = serde_json::to_string(&value).unwrap();
            prop_assert!(Reader::new(&text).whole().is_ok());
            let mut cut = cut.index(text.len());
            while !text.is_char_boundary(cut) {
                cut -= 1;
            }
            let cut = &text[..cut];
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(cut).is_ok();
            prop_assert_eq!(Reader::new(cut).whole().is_ok(), theirs);
        }
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        use serde_json::Value;
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }
}
