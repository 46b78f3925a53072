//! The deltas of the provider, recognised where they lie.
//!
//! Four of five events are deltas, and the provider writes every delta of a kind alike, byte for byte,
//! but for the block's index, one string, and up to 15 spaces before the last brace:
//!
//! ```text
//! event: content_block_delta␊
//! data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}     }␊␊
//! └──────────── FRAME ───────────────────────┘ └── DELTA ─────┘└─── of the kind ──┘└string┘└─ tail
//! ```
//!
//! Comparing those bytes costs a fraction of framing the event and reading its JSON. What is not
//! exactly this is nobody's loss: the general path reads it, and gives the same events for what is.

use crate::text::{Text, Window};

/// A delta at the front of the input.
#[derive(Clone, Debug)]
pub(crate) struct Peeked {
    pub(crate) kind: Kind,
    pub(crate) index: u32,
    pub(crate) string: Piece,
    /// The length of its frame, blank line included; or of its data, if that is all there was.
    pub(crate) len: usize,
}

/// The kinds of deltas that fill blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Thinking,
    InputJson,
}

/// The string of a delta.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    /// Short, its escapes read.
    Short(Text),
    /// Longer than a text holds inline, without escapes: from here to there.
    Long { start: usize, end: usize },
}

/// Recognises the frame of a delta at the front of `input`.
pub(crate) fn peek(input: &[u8]) -> Option<Peeked> {
    if !starts_with(input, FRAME) {
        return None;
    }
    delta(input, FRAME.len(), b"}\n\n")
}

/// Recognises a delta that is the whole `data` of a frame, wherever that came from.
pub(crate) fn peek_data(data: &[u8]) -> Option<Peeked> {
    if !starts_with(data, DATA) {
        return None;
    }
    delta(data, DATA.len(), b"}").filter(|peeked| peeked.len == data.len())
}

/// Reads a delta from its index on, up to its `end`.
fn delta<const N: usize>(input: &[u8], at: usize, end: &[u8; N]) -> Option<Peeked> {
    let (index, at) = index(input, at)?;
    let (kind, start) = kind(input, at)?;
    // The string and what follows it are looked at in windows of fixed length, without a branch
    // that depends on their lengths: those are random, and such branches are guessed wrong.
    let rest = input.get(start..)?;
    let short = match rest.first_chunk::<VIEW>() {
        Some(view) => short(view, end),
        None => short(&copied(rest), end),
    };
    let (string, len) = match short {
        Some((text, len)) => (Piece::Short(text), len),
        None => {
            let (string, len) = long(rest, end)?;
            (Piece::Long { start, end: start.checked_add(string)? }, len)
        }
    };
    Some(Peeked { kind, index, string, len: start.checked_add(len)? })
}

/// A string that ends within a window, and the place behind the delta.
fn short<const N: usize>(view: &[u8; VIEW], end: &[u8; N]) -> Option<(Text, usize)> {
    let window = view.first_chunk::<WINDOW>()?;
    let len = usize::try_from(specials(window).trailing_zeros()).ok()?;
    match view.get(len)? {
        b'"' => {
            let behind = tail(view, len.checked_add(1)?, end)?;
            Some((Text::from_window(Window(*window), len)?, behind))
        }
        b'\\' => escaped(view, end),
        _ => None,
    }
}

/// A string that has escapes and fits a window without them.
fn escaped<const N: usize>(view: &[u8; VIEW], end: &[u8; N]) -> Option<(Text, usize)> {
    let mut text = Window([0; WINDOW]);
    let mut len = 0;
    let mut at = 0;
    loop {
        let byte = match *view.get(at)? {
            b'"' => break,
            b'\\' => {
                at = at.checked_add(1)?;
                match view.get(at)? {
                    b'n' => b'\n',
                    escaped @ (b'"' | b'\\' | b'/') => *escaped,
                    b't' => b'\t',
                    b'r' => b'\r',
                    // Rare, and for the general path.
                    _ => return None,
                }
            }
            0..0x20 => return None,
            byte => byte,
        };
        *text.0.get_mut(len)? = byte;
        len = len.checked_add(1)?;
        at = at.checked_add(1)?;
    }
    let behind = tail(view, at.checked_add(1)?, end)?;
    Some((Text::from_window(text, len)?, behind))
}

/// The length of a string that is longer than a window and has no escapes, and the place behind the
/// delta.
fn long<const N: usize>(rest: &[u8], end: &[u8; N]) -> Option<(usize, usize)> {
    let len = memchr::memchr2(b'"', b'\\', rest)?;
    let (string, behind) = rest.split_at_checked(len)?;
    let control = string.iter().fold(false, |found, byte| found | (*byte < 0x20));
    if len <= WINDOW || control || *behind.first()? != b'"' {
        return None;
    }
    let behind = tail(&copied(behind), 1, end)?;
    Some((len, len.checked_add(behind)?))
}

/// The place behind the delta whose string ends before `at`: a brace, spaces, and its `end`.
fn tail<const N: usize>(view: &[u8; VIEW], at: usize, end: &[u8; N]) -> Option<usize> {
    if *view.get(at)? != b'}' {
        return None;
    }
    let at = at.checked_add(1)?;
    let padded = u128::from_le_bytes(*view.get(at..)?.first_chunk()?);
    let spaces = (padded ^ SPACES).trailing_zeros() / 8;
    let at = at.checked_add(usize::try_from(spaces).ok()?)?;
    (view.get(at..)?.first_chunk()? == end).then_some(at.checked_add(N)?)
}

/// The first bytes of `bytes`; what is missing of a view is zero, which no string has in it.
fn copied(bytes: &[u8]) -> [u8; VIEW] {
    let mut view = [0; VIEW];
    for (to, from) in view.iter_mut().zip(bytes) {
        *to = *from;
    }
    view
}

/// The index of up to three digits at `at`, and the place behind it.
fn index(input: &[u8], at: usize) -> Option<(u32, usize)> {
    let digit = |at: usize| {
        let digit = input.get(at)?.wrapping_sub(b'0');
        (digit < 10).then_some(u32::from(digit))
    };
    let mut index = digit(at)?;
    let mut at = at.checked_add(1)?;
    while let Some(digit) = digit(at) {
        // No number begins with a zero.
        if index == 0 || index > 99 {
            return None;
        }
        index = index.checked_mul(10)?.checked_add(digit)?;
        at = at.checked_add(1)?;
    }
    Some((index, at))
}

/// The kind of the delta whose fields begin at `at`, and the place where its string begins.
fn kind(input: &[u8], at: usize) -> Option<(Kind, usize)> {
    let rest = input.get(at..)?;
    if *rest.first_chunk()? != *DELTA {
        return None;
    }
    let rest = rest.get(DELTA.len()..)?;
    let (kind, len) = match rest.get(1)? {
        b'e' if *rest.first_chunk()? == *TEXT => (Kind::Text, TEXT.len()),
        b'h' if *rest.first_chunk()? == *THINKING => (Kind::Thinking, THINKING.len()),
        b'n' if starts_with(rest, INPUT_JSON) => (Kind::InputJson, INPUT_JSON.len()),
        _ => return None,
    };
    Some((kind, at.checked_add(DELTA.len())?.checked_add(len)?))
}

/// Whether `bytes` starts with `prefix`, which is longer than 32 bytes.
///
/// Compared in arrays of 32 bytes, of which the last overlaps: for longer ones the compiler calls
/// `bcmp`, which costs as much as the rest.
fn starts_with<const N: usize>(bytes: &[u8], prefix: &[u8; N]) -> bool {
    let Some(head) = bytes.first_chunk::<N>() else {
        return false;
    };
    let whole = head
        .chunks_exact(32)
        .zip(prefix.chunks_exact(32))
        .all(|(a, b)| a.first_chunk::<32>() == b.first_chunk::<32>());
    whole && head.last_chunk::<32>() == prefix.last_chunk::<32>()
}

/// The bytes of `window` that end plain text in a string: a quote, a backslash or a control
/// character; a bit for each, the first lowest.
// Alone in a function, where the loop becomes vector code; inlined it does not.
#[inline(never)]
fn specials(window: &[u8; WINDOW]) -> u32 {
    let mut found = [0_u8; WINDOW];
    for (found, byte) in found.iter_mut().zip(window) {
        *found = u8::from((*byte == b'"') | (*byte == b'\\') | (*byte < 0x20));
    }
    let mut bits = 0;
    for eight in found.chunks_exact(8) {
        let eight = eight.first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight));
        // Eight bytes of 0 or 1 to eight bits.
        let byte = eight.wrapping_mul(0x0102_0408_1020_4080) >> 56;
        bits = bits >> 8 | u32::try_from(byte).unwrap_or_default() << 24;
    }
    bits
}

const FRAME: &[u8; 71] =
    b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":";
const DATA: &[u8; 38] = b"{\"type\":\"content_block_delta\",\"index\":";
const DELTA: &[u8; 18] = b",\"delta\":{\"type\":\"";
const TEXT: &[u8; 20] = b"text_delta\",\"text\":\"";
const THINKING: &[u8; 28] = b"thinking_delta\",\"thinking\":\"";
const INPUT_JSON: &[u8; 34] = b"input_json_delta\",\"partial_json\":\"";

const SPACES: u128 = u128::from_le_bytes([b' '; 16]);

/// What a text holds inline.
const WINDOW: usize = Text::INLINE;

/// A window, the quote and brace behind it, and the longest padding.
const VIEW: usize = 64;
