//! The shape of the last delta, by which the next one is recognised.
//!
//! A server writes its deltas alike, byte for byte, but for the text, a number that counts them and
//! random padding; each server in its own way, with its own order of keys. So the bytes between those
//! are remembered, and data that has the same bytes there means the same but for its text. Nothing else
//! of it has to be read.

use alloc::vec::Vec;

use crate::json::plain::plain;
use crate::json::reader::Reader;
use crate::json::string::Str;

/// The data of a delta, and what of it may differ in the next.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    data: Vec<u8>,
    /// In the order of their places. The bytes between them are the shape.
    holes: [Option<Hole>; HOLES],
    /// The value that has the text in it, if that is needed as it stands.
    around: Option<(usize, usize)>,
}

/// A part of the data that differs from delta to delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hole {
    start: usize,
    end: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// What stands between the quotes of the text.
    Text,
    /// The same once more.
    Again,
    /// What stands between the quotes of a string of which nothing is made.
    Noise,
    /// The digits of a number of which nothing is made.
    Number,
}

/// What a delta says, and what may differ in the next that says the same.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Parts<'a> {
    /// The text.
    pub(crate) text: Str<'a>,
    /// The same text, where servers say it twice.
    pub(crate) again: Option<Str<'a>>,
    /// The value that has the text in it, as it stands.
    pub(crate) around: Option<&'a str>,
    /// Strings of which nothing is made: padding, an id that is known already.
    pub(crate) noise: [Option<Str<'a>>; 2],
    /// Numbers of which nothing is made.
    pub(crate) numbers: [Option<&'a str>; 2],
}

impl<'a> Parts<'a> {
    /// A text and nothing else.
    pub(crate) fn of(text: Str<'a>) -> Self {
        Self { text, ..Self::default() }
    }
}

/// What was found in a delta of the shape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'a> {
    pub(crate) text: Str<'a>,
    /// The value that has the text in it, as it stands.
    pub(crate) around: Option<&'a str>,
}

impl Shape {
    /// Remembers `data` and its parts. `false` if they are not parts of it.
    pub(crate) fn learn(&mut self, data: &[u8], parts: &Parts<'_>) -> bool {
        self.data.clear();
        self.holes = [None; HOLES];
        let [padding, id] = parts.noise;
        let [first, second] = parts.numbers;
        let found = [
            Some((Kind::Text, parts.text.raw())),
            parts.again.map(|again| (Kind::Again, again.raw())),
            padding.and_then(steady),
            id.and_then(steady),
            first.and_then(counting),
            second.and_then(counting),
        ];
        for (part, hole) in found.into_iter().zip(&mut self.holes) {
            let Some((kind, part)) = part else {
                continue;
            };
            let Some(start) = offset(data, part) else {
                return false;
            };
            *hole = Some(Hole { start, end: start.saturating_add(part.len()), kind });
        }
        self.around = parts.around.and_then(|around| {
            let start = offset(data, around)?;
            Some((start, start.checked_add(around.len())?))
        });
        if self.around.is_none() && parts.around.is_some() {
            return false;
        }
        self.holes.sort_by_key(|hole| hole.map_or(usize::MAX, |hole| hole.start));
        self.data.extend_from_slice(data);
        true
    }

    /// The text of a delta of the same shape.
    pub(crate) fn find<'a>(&self, data: &'a [u8]) -> Option<Said<'a>> {
        if self.data.is_empty() {
            return None;
        }
        let (mut text, mut again): (Option<Str<'_>>, Option<&[u8]>) = (None, None);
        let (mut start, mut end) = (0, 0);
        let (mut known, mut at) = (0, 0_usize);
        let last = Hole { start: self.data.len(), end: self.data.len(), kind: Kind::Noise };
        for hole in self.holes.iter().flatten().chain([&last]) {
            if let Some((from, to)) = self.around {
                let place =
                    |of: usize| of.checked_sub(known).and_then(|behind| behind.checked_add(at));
                let here = known..=hole.start;
                start = if here.contains(&from) { place(from)? } else { start };
                end = if here.contains(&to) { place(to)? } else { end };
            }
            at = self.same(known..hole.start, data, at)?;
            if hole.start == self.data.len() {
                break;
            }
            let rest = data.get(at..)?;
            let len = match hole.kind {
                Kind::Number => digits(rest)?,
                Kind::Noise => noise(rest)?,
                Kind::Text => {
                    let (found, len) = string(rest)?;
                    text = Some(found);
                    len
                }
                Kind::Again => {
                    let (_, len) = string(rest)?;
                    again = Some(rest.get(..len)?);
                    len
                }
            };
            at = at.checked_add(len)?;
            known = hole.end;
        }
        let text = text.filter(|_| at == data.len())?;
        if again.is_some_and(|again| again != text.raw().as_bytes()) {
            return None;
        }
        let around = match self.around {
            Some(_) => Some(core::str::from_utf8(data.get(start..end)?).ok()?),
            None => None,
        };
        Some(Said { text, around })
    }

    /// Where `data` goes on behind the bytes of the shape, if it has them at `at`.
    #[inline]
    fn same(&self, known: core::ops::Range<usize>, data: &[u8], at: usize) -> Option<usize> {
        let known = self.data.get(known)?;
        let end = at.checked_add(known.len())?;
        (data.get(at..end)? == known).then_some(end)
    }
}

/// Where `part`, which was read from `data`, lies in it.
fn offset(data: &[u8], part: &str) -> Option<usize> {
    let start = part.as_ptr().addr().checked_sub(data.as_ptr().addr())?;
    let end = start.checked_add(part.len())?;
    (data.get(start..end)? == part.as_bytes()).then_some(start)
}

/// A string of which nothing is made, if the next can be passed over without reading it.
fn steady(string: Str<'_>) -> Option<(Kind, &str)> {
    let plain = string.verbatim().filter(|plain| !plain.is_empty() && plain.is_ascii())?;
    Some((Kind::Noise, plain))
}

/// A number of which nothing is made, if it is one that counts.
fn counting(number: &str) -> Option<(Kind, &str)> {
    (digits(number.as_bytes()) == Some(number.len())).then_some((Kind::Number, number))
}

/// The length of the digits that a number has here, as JSON writes one that counts.
fn digits(bytes: &[u8]) -> Option<usize> {
    let len = bytes.iter().take(LONGEST).take_while(|byte| byte.is_ascii_digit()).count();
    let zero = len > 1 && bytes.first() == Some(&b'0');
    (len > 0 && len < LONGEST && !zero).then_some(len)
}

/// The length of a string of plain ASCII, up to its quote. An empty one may be as good as none.
fn noise(bytes: &[u8]) -> Option<usize> {
    let len = plain(bytes);
    let ascii = bytes.get(..len)?.is_ascii();
    (ascii && len > 0 && bytes.get(len) == Some(&b'"')).then_some(len)
}

/// The text up to its quote, and its length as it stands.
fn string(bytes: &[u8]) -> Option<(Str<'_>, usize)> {
    let mut len = plain(bytes);
    if bytes.get(len) == Some(&b'"') {
        let text = core::str::from_utf8(bytes.get(..len)?).ok()?;
        // An empty text begins nothing, which is not for here to know.
        return (len > 0).then_some((Str::plain(text), len));
    }
    while bytes.get(len) == Some(&b'\\') {
        len = len.checked_add(2)?;
        len = len.checked_add(plain(bytes.get(len..)?))?;
    }
    // The rest is not looked at, so it need not be text.
    let text = core::str::from_utf8(bytes.get(..=len)?).ok()?;
    let text = Reader::inside_string(text).ok()?;
    (text.raw().len() == len).then_some((text, len))
}

/// The text, the same again, two strings and two numbers.
const HOLES: usize = 6;

/// More digits than any number has that counts.
const LONGEST: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};

    static DATA: &str = r#"{"n":7,"d":[{"t":"abc"}],"e":"abc","p":"xyz","i":0}"#;

    fn part(part: &str) -> &'static str {
        let at = DATA.find(part).unwrap();
        &DATA[at..at + part.len()]
    }

    fn shape() -> Shape {
        let again = DATA.rfind("abc").unwrap();
        let parts = Parts {
            text: Str::plain(part("abc")),
            again: Some(Str::plain(&DATA[again..again + 3])),
            around: Some(part("[{\"t\":\"abc\"}]")),
            noise: [Some(Str::plain(part("xyz"))), None],
            numbers: [Some(part("7")), None],
        };
        let mut shape = Shape::default();
        assert!(shape.learn(DATA.as_bytes(), &parts));
        shape
    }

    /// The data with other parts.
    fn data(number: &str, text: &str, noise: &str) -> String {
        let data = DATA.replace("abc", text).replace("xyz", noise);
        data.replace("\"n\":7", &alloc::format!("\"n\":{number}"))
    }

    #[test]
    fn what_has_the_shape() {
        for (number, text, noise, expected) in [
            ("7", "abc", "xyz", Some("abc")),
            ("8123", "ü", "q", Some("ü")),
            ("0", r#"a\"\\\n\u00e9\ud83d\ude00"#, "q", Some("a\"\\\né😀")),
            ("0", r"\\", "q", Some("\\")),
            ("0", r"a\ud83d", "q", Some("a\u{fffd}")),
            ("0", "", "q", None),
            ("0", "a", "", None),
            ("0", "a", r#"\""#, None),
            ("0", "a", "ü", None),
            ("07", "a", "q", None),
            ("-7", "a", "q", None),
            ("1.5", "a", "q", None),
            ("", "a", "q", None),
            ("123456789012345", "a", "q", Some("a")),
            ("1234567890123456", "a", "q", None),
            ("12345678901234567", "a", "q", None),
            ("7", r"\x", "q", None),
            ("7", "a\nb", "q", None),
            ("7", "a\",\"x\":\"b", "q", None),
        ] {
            let data = data(number, text, noise);
            let shape = shape();
            let found = shape.find(data.as_bytes());
            let decoded = found.map(|found| found.text.decode().to_string());
            assert_eq!(decoded.as_deref(), expected, "{data}");
            if let Some(found) = found {
                let around = alloc::format!("[{{\"t\":\"{text}\"}}]");
                assert_eq!(found.around, Some(&*around), "{data}");
            }
        }
    }

    #[test]
    fn what_has_another_shape() {
        for data in [
            "",
            r#"{"n":7,"d":[{"t":"a"}],"e":"b","p":"xyz","i":0}"#,
            r#"{"n":7,"d":[{"t":"a"}],"e":"a","p":"xyz","i":1}"#,
            r#"{"n":7,"d":[{"t":"a"}],"e":"a","p":"xyz","i":0} "#,
            r#"{"n":7,"d":[{"t":"a"}],"e":"a","p":"xyz","i":0"#,
            r#"{"n":7,"d":[{"t":"a"#,
            r#"{"n":7,"d":[{"t":"a\"#,
        ] {
            assert!(shape().find(data.as_bytes()).is_none(), "{data}");
        }
        let damaged = data("7", "a", "q").replace("\"a\"", "\"?\"").into_bytes();
        let damaged: alloc::vec::Vec<u8> =
            damaged.into_iter().map(|byte| if byte == b'?' { 0xFF } else { byte }).collect();
        assert!(shape().find(&damaged).is_none());
    }

    #[test]
    fn padding_that_cannot_be_passed_over_is_a_part_of_the_shape() {
        for (noise, passed_over) in [("xyz", true), ("", false), ("ü", false)] {
            let data = data("7", "abc", noise);
            let part = |part: &str| Str::plain(&data[data.find(part).unwrap()..][..part.len()]);
            let at = data.find("\"p\":\"").unwrap() + 5;
            let parts = Parts {
                noise: [Some(Str::plain(&data[at..at + noise.len()])), None],
                again: Some(Str::plain(&data[data.rfind("abc").unwrap()..][..3])),
                ..Parts::of(part("abc"))
            };
            let mut shape = Shape::default();
            assert!(shape.learn(data.as_bytes(), &parts));
            assert!(shape.find(data.as_bytes()).is_some(), "{data}");
            let other = data.replace(&data[at - 5..=at + noise.len()], "\"p\":\"q\"");
            assert_eq!(shape.find(other.as_bytes()).is_some(), passed_over, "{other}");
        }
    }

    #[test]
    fn what_is_no_part_of_the_data_is_not_learnt() {
        let mut shape = shape();
        let parts = Parts { text: Str::plain("abc"), ..Parts::default() };
        assert!(!shape.learn(DATA.as_bytes(), &parts));
        assert!(shape.find(DATA.as_bytes()).is_none());
    }
}
