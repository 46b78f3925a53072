//! The shape of the last delta, by which the next one is recognised.
//!
//! A server writes its deltas alike, byte for byte, but for the text, a number that counts them and
//! random padding; each server in its own way, with its own order of keys. So the bytes between those
//! are remembered, and data that has the same bytes there means the same but for its text. Nothing else
//! of it has to be read. The lines of its frame are remembered with it, so that a frame that lies whole
//! in a chunk is recognised there, before lines are looked for.

use core::ops::Range;

use alloc::vec::Vec;

use crate::json::plain::{WINDOW, plain};
use crate::json::reader::Reader;
use crate::json::string::Str;
use crate::text::{Arena, Window};
use crate::vector;
use crate::wire::piece::{self, Piece};

/// The data of a delta, and what of it may differ in the next.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    /// What a frame has before its data, as most servers write it, and the data.
    frame: Vec<u8>,
    /// Where the data begins.
    data: usize,
    /// The data is one line of its frame.
    one_line: bool,
    /// In the order of their places. The bytes between them are the shape.
    holes: [Option<Hole>; HOLES],
    /// The value that has the text in it, if that is needed as it stands.
    around: Option<Around>,
}

/// A value around one of the holes, and no other: which, and how many bytes it has before and behind that.
#[derive(Clone, Copy, Debug)]
struct Around {
    hole: Hole,
    before: usize,
    behind: usize,
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

/// What was found in the window.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Short {
    /// So many bytes of text, which took so many as they stood, in a frame of so many with its blank line.
    Text { len: usize, raw: usize, frame: usize },
    /// Nothing, but as far as the text it is a delta of the shape.
    Other,
}

/// Where the parts of a delta are.
struct Walked {
    text: Range<usize>,
    around: Option<Range<usize>>,
    /// Where it ends.
    end: usize,
}

/// Where a frame is that was found at the front of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Framed {
    /// The bytes that are its data.
    pub(crate) data: Range<usize>,
    /// How many bytes it takes, with the blank line.
    pub(crate) len: usize,
}

impl Shape {
    /// Remembers `data`, the `name` of its frame, and its parts. `false` if they are not parts of it.
    pub(crate) fn learn(&mut self, name: &str, data: &[u8], parts: &Parts<'_>) -> bool {
        self.frame.clear();
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
        let lines =
            if name.is_empty() { ["", "", "data: "] } else { ["event: ", name, "\ndata: "] };
        let before = lines.iter().map(|line| line.len()).fold(0, usize::saturating_add);
        let place = |part: &str| {
            let start = offset(data, part)?.checked_add(before)?;
            Some(start..start.checked_add(part.len())?)
        };
        for (part, hole) in found.into_iter().zip(&mut self.holes) {
            let Some((kind, part)) = part else {
                continue;
            };
            let Some(Range { start, end }) = place(part) else {
                return false;
            };
            *hole = Some(Hole { start, end, kind });
        }
        self.around = parts.around.and_then(place).and_then(|value| self.only_hole_in(&value));
        if self.around.is_none() && parts.around.is_some() {
            return false;
        }
        self.holes.sort_by_key(|hole| hole.map_or(usize::MAX, |hole| hole.start));
        self.text_first();
        for line in lines {
            self.frame.extend_from_slice(line.as_bytes());
        }
        self.frame.extend_from_slice(data);
        self.data = before;
        self.one_line = memchr::memchr(b'\n', data).is_none();
        true
    }

    /// Of the two places that have the text, takes the first for it.
    fn text_first(&mut self) {
        let texts = self.holes.iter_mut().flatten();
        let texts = texts.filter(|hole| matches!(hole.kind, Kind::Text | Kind::Again));
        for (hole, kind) in texts.zip([Kind::Text, Kind::Again]) {
            hole.kind = kind;
        }
    }

    /// The hole in `value`, if there is one only.
    fn only_hole_in(&self, value: &Range<usize>) -> Option<Around> {
        let within = |hole: &&Hole| value.start <= hole.start && hole.end <= value.end;
        let mut holes = self.holes.iter().flatten().filter(within);
        let hole = *holes.next().filter(|_| holes.next().is_none())?;
        let before = hole.start.checked_sub(value.start)?;
        Some(Around { hole, before, behind: value.end.checked_sub(hole.end)? })
    }

    /// The text of a delta of the same shape.
    pub(crate) fn find<'a>(&self, data: &'a [u8]) -> Option<Said<'a>> {
        let (said, end) = self.said(self.data, data)?;
        (end == data.len()).then_some(said)
    }

    /// The text of a delta of the same shape, whose frame is whole at the front of `bytes`.
    pub(crate) fn find_frame<'a>(&self, bytes: &'a [u8]) -> Option<(Said<'a>, Framed)> {
        let (said, end) = self.said(0, bytes).filter(|_| self.one_line)?;
        Some((said, Framed { data: self.data..end, len: blank(bytes, end)? }))
    }

    /// What all frames of the shape begin with, as long as that is worth to be looked for.
    pub(crate) fn head(&self) -> &[u8] {
        let len = self.holes.first().copied().flatten().map_or(0, |hole| hole.start);
        let worth = self.one_line && len <= LONGEST_HEAD;
        self.frame.get(..len).filter(|_| worth).unwrap_or_default()
    }

    /// The same, if the text is short: it is put into `window`. So many bytes of the frame are `known`, and
    /// come before `bytes`.
    #[inline]
    pub(crate) fn find_short(
        &self,
        known: usize,
        bytes: &[u8],
        window: &mut Window,
        arena: &mut Arena,
    ) -> Option<Short> {
        let (mut short, mut long) = (0, false);
        let walked = self.walk(known, bytes, |at| match piece::string(bytes, at, window, arena) {
            Some((Piece::Short(len @ 1..), end)) => {
                short = len;
                Some(end)
            }
            found => {
                long = found.is_some();
                None
            }
        });
        if long || !self.one_line {
            return Some(Short::Other).filter(|_| long);
        }
        let walked = walked?;
        Some(Short::Text { len: short, raw: walked.text.len(), frame: blank(bytes, walked.end)? })
    }

    /// What a delta of the same shape says, of whose frame `known` bytes come before `bytes`; and where it
    /// ends.
    fn said<'a>(&self, known: usize, bytes: &'a [u8]) -> Option<(Said<'a>, usize)> {
        let mut text = Str::default();
        let walked = self.walk(known, bytes, |at| {
            let (found, len) = string(bytes.get(at..)?)?;
            text = found;
            at.checked_add(len)
        })?;
        let around = match walked.around {
            Some(around) => Some(core::str::from_utf8(bytes.get(around)?).ok()?),
            None => None,
        };
        Some((Said { text, around }, walked.end))
    }

    /// Goes over `bytes` as far as they have the shape, of which the first `known` bytes are not there.
    /// `text` says where the text ends that begins somewhere.
    #[inline(always)]
    fn walk(
        &self,
        mut known: usize,
        bytes: &[u8],
        mut text: impl FnMut(usize) -> Option<usize>,
    ) -> Option<Walked> {
        let mut walked = Walked { text: 0..0, around: None, end: 0 };
        for hole in self.holes.iter().map_while(Option::as_ref) {
            let start = self.same(known..hole.start, bytes, walked.end)?;
            let end = match hole.kind {
                Kind::Text => {
                    walked.text = start..text(start)?;
                    walked.text.end
                }
                Kind::Again => {
                    let again = bytes.get(walked.text.clone())?;
                    let end = start.checked_add(again.len())?;
                    (bytes.get(start..end)? == again).then_some(end)?
                }
                Kind::Noise => noise(bytes, start)?,
                Kind::Number => start.checked_add(digits(bytes.get(start..)?)?)?,
            };
            if let Some(around) = self.around.filter(|around| around.hole == *hole) {
                let behind = end.checked_add(around.behind)?;
                walked.around = Some(start.checked_sub(around.before)?..behind);
            }
            (walked.end, known) = (end, hole.end);
        }
        walked.end = self.same(known..self.frame.len(), bytes, walked.end)?;
        Some(walked)
    }

    /// Where `data` goes on behind the bytes of the shape, if it has them at `at`.
    #[inline]
    fn same(&self, known: Range<usize>, data: &[u8], at: usize) -> Option<usize> {
        let known = self.frame.get(known)?;
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

/// Where a string of plain ASCII ends that begins at `start`. An empty one may be as good as none.
fn noise(bytes: &[u8], start: usize) -> Option<usize> {
    // Near the end of the bytes the window begins before the string.
    let from = start.min(bytes.len().checked_sub(WINDOW)?);
    let window = bytes.get(from..)?.first_chunk()?;
    let ends = vector::both(window, |half| vector::ends_plain(half) | vector::not_ascii(half));
    let ends = ends.checked_shr(u32::try_from(start.checked_sub(from)?).ok()?)?;
    let len = match ends {
        0 => long_noise(bytes.get(start..)?)?,
        ends => usize::try_from(ends.trailing_zeros()).ok()?,
    };
    let end = start.checked_add(len)?;
    (len > 0 && bytes.get(end) == Some(&b'"')).then_some(end)
}

/// The length of plain ASCII that is longer than a window.
#[inline(never)]
fn long_noise(rest: &[u8]) -> Option<usize> {
    let len = plain(rest);
    rest.get(..len)?.is_ascii().then_some(len)
}

/// The bytes up to `end` and the blank line there, which ends a frame: nothing in a shape ends a line, nor does
/// what differs.
fn blank(bytes: &[u8], end: usize) -> Option<usize> {
    let len = end.checked_add(BLANK.len())?;
    (bytes.get(end..len)? == BLANK).then_some(len)
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

/// What ends a frame behind its last line.
const BLANK: &[u8] = b"\n\n";

/// Bytes of the longest head that is looked for.
const LONGEST_HEAD: usize = 1024;

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
        assert!(shape.learn("", DATA.as_bytes(), &parts));
        shape
    }

    /// What is found in `data`, which is the same wherever that is looked for: alone, in a frame at the end of
    /// the bytes and before others, and behind the head of a frame.
    fn find<'a>(shape: &Shape, data: &'a [u8]) -> Option<Said<'a>> {
        let found = shape.find(data);
        for behind in ["", "data: {}\n\n"] {
            let frame = [b"data: ", data, b"\n\n"].concat();
            let bytes = [&frame, behind.as_bytes()].concat();
            let framed = shape.find_frame(&bytes);
            assert_eq!(framed.is_some(), found.is_some(), "{}", data.escape_ascii());
            if let (Some((said, framed)), Some(found)) = (framed, found) {
                assert_eq!((said.text.raw(), said.around), (found.text.raw(), found.around));
                assert_eq!((framed.data, framed.len), (6..6 + data.len(), frame.len()));
            }
            for known in [0, shape.head().len()] {
                let (mut window, mut arena) = (Window::ZERO, Arena::default());
                let rest = bytes.get(known..).unwrap_or_default();
                let short = shape.find_short(known, rest, &mut window, &mut arena);
                if let Some(Short::Text { len, raw, frame: taken }) = short {
                    let text = found.unwrap().text;
                    assert_eq!(window.0[..len], *text.decode().as_bytes());
                    assert_eq!((raw, taken), (text.raw().len(), frame.len() - known));
                } else {
                    // What is long, half a character, and what is no longer than a window.
                    let text = found.map(|found| found.text.decode());
                    let other = |text: &str| {
                        text.len() > 32 || text.contains('\u{fffd}') || rest.len() < 32
                    };
                    assert!(text.is_none_or(|text| other(&text)), "{}", data.escape_ascii());
                }
            }
        }
        found
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
            let found = find(&shape(), data.as_bytes());
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
            assert!(find(&shape(), data.as_bytes()).is_none(), "{data}");
        }
        let damaged = data("7", "a", "q").replace("\"a\"", "\"?\"").into_bytes();
        let damaged: alloc::vec::Vec<u8> =
            damaged.into_iter().map(|byte| if byte == b'?' { 0xFF } else { byte }).collect();
        assert!(find(&shape(), &damaged).is_none());
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
            assert!(shape.learn("", data.as_bytes(), &parts));
            assert!(find(&shape, data.as_bytes()).is_some(), "{data}");
            let other = data.replace(&data[at - 5..=at + noise.len()], "\"p\":\"q\"");
            assert_eq!(find(&shape, other.as_bytes()).is_some(), passed_over, "{other}");
        }
    }

    #[test]
    fn what_is_no_part_of_the_data_is_not_learnt() {
        let mut shape = shape();
        let parts = Parts { text: Str::plain("abc"), ..Parts::default() };
        assert!(!shape.learn("", DATA.as_bytes(), &parts));
        assert!(shape.find(DATA.as_bytes()).is_none());
    }

    #[test]
    fn a_frame_has_the_name_that_was_learnt_and_ends_in_a_blank_line() {
        let parts = Parts::of(Str::plain(part("abc")));
        let mut shape = Shape::default();
        assert!(shape.learn("e", DATA.as_bytes(), &parts));
        assert_eq!(shape.head(), b"event: e\ndata: {\"n\":7,\"d\":[{\"t\":\"");
        for (before, behind, expected) in [
            ("event: e\ndata: ", "\n\n", true),
            ("event: e\ndata: ", "\n\n\n", true),
            ("event: e\ndata: ", "\n", false),
            ("event: e\ndata: ", "\ndata: ", false),
            ("event: e\ndata: ", "\r\r", false),
            ("event: e\ndata:", "\n\n", false),
            ("event: f\ndata: ", "\n\n", false),
            ("data: ", "\n\n", false),
        ] {
            let frame = [before, DATA, behind].concat();
            let (mut window, mut arena) = (Window::ZERO, Arena::default());
            let short = shape.find_short(0, frame.as_bytes(), &mut window, &mut arena);
            assert_eq!(shape.find_frame(frame.as_bytes()).is_some(), expected, "{frame}");
            assert_eq!(short.is_some(), expected, "{frame}");
        }
    }

    #[test]
    fn data_of_several_lines_has_no_frame() {
        let data = DATA.replace(",\"d\"", ",\n\"d\"");
        let at = data.find("abc").unwrap();
        let mut shape = Shape::default();
        assert!(shape.learn("", data.as_bytes(), &Parts::of(Str::plain(&data[at..at + 3]))));
        assert!(shape.find(data.as_bytes()).is_some() && shape.head().is_empty());
        let frame = alloc::format!("data: {data}\n\n");
        let (mut window, mut arena) = (Window::ZERO, Arena::default());
        let found = shape.find_short(0, frame.as_bytes(), &mut window, &mut arena);
        assert!(found.is_none() && shape.find_frame(frame.as_bytes()).is_none());
    }

    #[test]
    fn of_two_texts_the_first_is_taken_wherever_it_was_read() {
        let again = DATA.rfind("abc").unwrap();
        let parts = Parts {
            text: Str::plain(&DATA[again..again + 3]),
            again: Some(Str::plain(part("abc"))),
            ..Parts::default()
        };
        let mut shape = Shape::default();
        assert!(shape.learn("", DATA.as_bytes(), &parts));
        for (first, second, expected) in [("x", "x", true), ("x", "y", false), ("x", "xy", false)] {
            let data = DATA.replacen("abc", first, 1).replacen("abc", second, 1);
            assert_eq!(find(&shape, data.as_bytes()).is_some(), expected, "{data}");
        }
    }

    #[test]
    fn a_value_is_around_one_part_and_no_other() {
        for (around, learnt) in [
            ("{\"t\":\"abc\"}", true),
            ("7", true),
            ("[{\"t\":\"abc\"}],\"e\":\"abc\",\"p\":\"xyz\"", false),
            ("\"i\"", false),
        ] {
            let again = DATA.rfind("abc").unwrap();
            let parts = Parts {
                again: Some(Str::plain(&DATA[again..again + 3])),
                around: Some(part(around)),
                numbers: [Some(part("7")), None],
                ..Parts::of(Str::plain(part("abc")))
            };
            assert_eq!(Shape::default().learn("", DATA.as_bytes(), &parts), learnt, "{around}");
        }
    }

    #[test]
    fn a_long_head_is_not_looked_for() {
        for (len, expected) in [(LONGEST_HEAD, true), (LONGEST_HEAD + 1, false)] {
            let name = "e".repeat(len - "event: \ndata: {\"n\":7,\"d\":[{\"t\":\"".len());
            let mut shape = Shape::default();
            assert!(shape.learn(&name, DATA.as_bytes(), &Parts::of(Str::plain(part("abc")))));
            assert_eq!(shape.head().len(), if expected { len } else { 0 });
        }
    }
}
