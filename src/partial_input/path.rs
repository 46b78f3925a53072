//! Where in the arguments a value stands.

use core::fmt::{self, Write};

use alloc::string::String;
use alloc::vec::Vec;

/// The place of a value, such as `$.edits[2].old`.
///
/// It compares with the text that it prints, without an allocation. A key that is not a plain name (ASCII
/// letters, digits and `_`, no digit first) stands in brackets, escaped as in JSON: `$["file name"]`.
///
/// # Example
///
/// ```
/// use thinkstream::{InputSegment, PartialInput};
///
/// let mut input = PartialInput::new();
/// let mut fragment = r#"{"edits": [0, {"old": "a"#;
/// assert_eq!(input.next_field(&mut fragment).unwrap().unwrap().path, "$.edits[0]");
/// assert_eq!(input.next_field(&mut fragment), Ok(None));
///
/// let mut fragment = "\"";
/// let field = input.next_field(&mut fragment).unwrap().unwrap();
/// assert_eq!(field.path, "$.edits[1].old");
/// assert_eq!(field.path.segments().last(), Some(InputSegment::Key("old")));
/// ```
#[derive(Clone, Copy)]
pub struct InputPath<'a> {
    frames: &'a [Frame],
    keys: &'a str,
}

/// One step of an [`InputPath`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "JSON has no other")]
pub enum InputSegment<'a> {
    /// The key of an object's member, unescaped.
    Key(&'a str),
    /// The place of an array's item, from 0.
    Index(usize),
}

/// The open objects and arrays, and the way through them.
#[derive(Clone, Debug, Default)]
pub(super) struct Stack {
    frames: Vec<Frame>,
    /// The key at hand of every open object, unescaped, one behind the other.
    keys: String,
}

/// An open object or array.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// The byte of the text at which its bracket stands.
    start: usize,
    spot: Spot,
}

/// Which of its values is at hand.
#[derive(Clone, Copy, Debug)]
enum Spot {
    /// Where in `keys` its key stands.
    Key(usize, usize),
    Index(usize),
}

impl<'a> InputPath<'a> {
    /// How many objects and arrays the value is in: 0 is the root.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.frames.len()
    }

    /// The way from the root to the value.
    pub fn segments(
        &self,
    ) -> impl DoubleEndedIterator<Item = InputSegment<'a>> + ExactSizeIterator + Clone + use<'a>
    {
        let keys = self.keys;
        self.frames.iter().map(move |frame| frame.spot.segment(keys))
    }
}

impl fmt::Display for InputPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

impl fmt::Debug for InputPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

impl PartialEq<str> for InputPath<'_> {
    fn eq(&self, other: &str) -> bool {
        let mut left = Left(other);
        self.write(&mut left).is_ok() && left.0.is_empty()
    }
}

impl PartialEq<&str> for InputPath<'_> {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl PartialEq for InputPath<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.segments().eq(other.segments())
    }
}

impl Eq for InputPath<'_> {}

impl InputPath<'_> {
    fn write(&self, out: &mut impl Write) -> fmt::Result {
        out.write_char('$')?;
        self.segments().try_for_each(|segment| match segment {
            InputSegment::Key(key) if is_name(key) => write!(out, ".{key}"),
            InputSegment::Key(key) => {
                out.write_str("[\"")?;
                escape(key, out)?;
                out.write_str("\"]")
            }
            InputSegment::Index(index) => write!(out, "[{index}]"),
        })
    }
}

/// What of a text has not been written again.
struct Left<'a>(&'a str);

impl Write for Left<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.0 = self.0.strip_prefix(piece).ok_or(fmt::Error)?;
        Ok(())
    }
}

fn is_name(key: &str) -> bool {
    key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && key.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
}

/// As `json::edit::quote` does between the quotes, but to where no memory is needed.
fn escape(key: &str, out: &mut impl Write) -> fmt::Result {
    key.chars().try_for_each(|char| match char {
        '"' => out.write_str("\\\""),
        '\\' => out.write_str("\\\\"),
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        '\u{8}' => out.write_str("\\b"),
        '\u{c}' => out.write_str("\\f"),
        ..' ' => write!(out, "\\u{:04x}", u32::from(char)),
        _ => out.write_char(char),
    })
}

impl Spot {
    fn segment(self, keys: &str) -> InputSegment<'_> {
        match self {
            Self::Key(from, to) => InputSegment::Key(keys.get(from..to).unwrap_or_default()),
            Self::Index(index) => InputSegment::Index(index),
        }
    }
}

impl Stack {
    /// An object or array opens, whose bracket stands at `start`.
    pub(super) fn open(&mut self, start: usize, object: bool) {
        let end = self.keys.len();
        let spot = if object { Spot::Key(end, end) } else { Spot::Index(0) };
        self.frames.push(Frame { start, spot });
    }

    /// The innermost object goes on with this key.
    pub(super) fn key(&mut self, key: &str) {
        if let Some(Frame { spot: Spot::Key(from, to), .. }) = self.frames.last_mut() {
            self.keys.truncate(*from);
            self.keys.push_str(key);
            *to = self.keys.len();
        }
    }

    /// The innermost array goes on.
    pub(super) fn item(&mut self) {
        if let Some(Frame { spot: Spot::Index(index), .. }) = self.frames.last_mut() {
            *index = index.saturating_add(1);
        }
    }

    /// The innermost object or array ends. Gives where its bracket stands.
    pub(super) fn close(&mut self) -> usize {
        let Some(frame) = self.frames.pop() else { return 0 };
        if let Spot::Key(from, _) = frame.spot {
            self.keys.truncate(from);
        }
        frame.start
    }

    /// The value at hand.
    pub(super) fn path(&self) -> InputPath<'_> {
        InputPath { frames: &self.frames, keys: &self.keys }
    }

    /// Which value of the open object or array so far down, the root being 0, is at hand.
    pub(super) fn segment(&self, level: usize) -> Option<InputSegment<'_>> {
        self.frames.get(level).map(|frame| frame.spot.segment(&self.keys))
    }
}
