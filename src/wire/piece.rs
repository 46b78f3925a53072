//! The string of a delta where it lies: short ones taken in one window, whatever the provider.

use crate::json::plain;
use crate::json::string::{escaped_char, single};
use crate::text::{Arena, Text, Window};
use crate::vector;

/// The kinds of deltas that fill blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeltaKind {
    Text,
    Thinking,
    InputJson,
}

/// The string of a delta.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Piece {
    /// So many bytes at the front of the window, which are UTF-8: the string, its escapes read.
    Short(usize),
    /// From here to there, without escapes.
    Plain { start: usize, end: usize },
    /// In the arena, its escapes read.
    Written,
}

/// Reads the string that begins at `start`, behind its quote; says where its last quote is. It is put into
/// `window` if it is short, else into `arena` if it has escapes.
#[inline(always)]
pub(super) fn string(
    input: &[u8],
    start: usize,
    window: &mut Window,
    arena: &mut Arena,
) -> Option<(Piece, usize)> {
    // The string and what follows it are looked at in windows of fixed length, without a branch
    // that depends on their lengths: those are random, and such branches are guessed wrong. Near
    // the end of the input a window begins before the string, and is shifted.
    let from = start.min(input.len().checked_sub(WINDOW)?);
    let shift = start.checked_sub(from)?;
    let view = input.get(from..)?.first_chunk::<WINDOW>()?;
    let ends = (u64::from(plain::specials(view)) | 1 << WINDOW) >> shift;
    let len = usize::try_from(ends.trailing_zeros()).ok()?;
    let mut padded = [0; 2 * WINDOW];
    *padded.first_chunk_mut()? = *view;
    *window = Window(*padded.get(shift..)?.first_chunk()?);
    let stop = start.checked_add(len)?;
    // Of the whole view; what is around a string is ASCII mostly.
    let ascii = vector::both(view, vector::not_ascii) == 0;
    match *input.get(stop)? {
        b'"' if ascii || core::str::from_utf8(input.get(start..stop)?).is_ok() => {
            Some((Piece::Short(len), stop))
        }
        b'\\' => escaped(input, start, stop, ascii, window, arena),
        _ => long(input, start, arena),
    }
}

/// Reads a string with an escape at `at`, before which all is ASCII if it says so and in `window`.
#[inline(never)]
fn escaped(
    input: &[u8],
    start: usize,
    at: usize,
    ascii: bool,
    window: &mut Window,
    arena: &mut Arena,
) -> Option<(Piece, usize)> {
    let mut len = at.checked_sub(start)?;
    let mut at = at;
    let mut high = if ascii { 0 } else { 0x80 };
    // Byte by byte: to copy what is between two escapes as a whole costs more, as short as it is.
    loop {
        let Some(room) = window.0.get_mut(len..).and_then(<[u8]>::first_chunk_mut::<4>) else {
            arena.begin(window.0.get(..len)?);
            return unescape(input, at, arena);
        };
        let byte = match *input.get(at)? {
            b'"' => break,
            b'\\' => match single(*input.get(at.checked_add(1)?)?) {
                Some(byte) => {
                    at = at.checked_add(1)?;
                    byte
                }
                None => {
                    let (char, taken) = escaped_char(input.get(at..)?)?;
                    at = at.checked_add(taken)?;
                    len = len.checked_add(char.encode_utf8(room).len())?;
                    continue;
                }
            },
            0..0x20 => return None,
            byte => {
                high |= byte;
                byte
            }
        };
        room[0] = byte;
        len = len.checked_add(1)?;
        at = at.checked_add(1)?;
    }
    // What was escaped is UTF-8 by itself.
    let utf8 = high < 0x80 || core::str::from_utf8(window.0.get(..len)?).is_ok();
    utf8.then_some((Piece::Short(len), at))
}

/// Reads on in a string that goes to the arena, up to its quote.
fn unescape(input: &[u8], at: usize, arena: &mut Arena) -> Option<(Piece, usize)> {
    let mut at = at;
    loop {
        match *input.get(at)? {
            b'"' => break,
            b'\\' => {
                let (char, taken) = escaped_char(input.get(at..)?)?;
                at = at.checked_add(taken)?;
                arena.push(char.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => {
                let plain = plain(input.get(at..)?)?;
                arena.push(plain);
                at = at.checked_add(plain.len())?;
            }
        }
    }
    Some((Piece::Written, at))
}

/// What comes before the first quote or backslash, if no control character does.
fn plain(string: &[u8]) -> Option<&[u8]> {
    let len = plain::plain(string);
    matches!(string.get(len)?, b'"' | b'\\').then_some(string.get(..len)?)
}

/// Finds the end of a string that begins at `start`, and does not fit the window.
fn long(input: &[u8], start: usize, arena: &mut Arena) -> Option<(Piece, usize)> {
    let plain = plain(input.get(start..)?)?;
    let end = start.checked_add(plain.len())?;
    if *input.get(end)? == b'"' {
        return Some((Piece::Plain { start, end }, end));
    }
    arena.begin(plain);
    unescape(input, end, arena)
}

/// What a text holds inline.
const WINDOW: usize = Text::INLINE;
