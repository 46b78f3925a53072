//! What needs no going from line to line: frames that lie whole in a chunk and are written as servers
//! write them, and chunks that lie whole in a line.
//!
//! ```text
//! event: content_block_stop␊
//! data: {"type":"content_block_stop","index":0}␊␊
//! ```
//!
//! Such a frame is two searches for a line end. Everything else, and all that is cut, is for the
//! scanner, which goes from line to line and gives the same for these.

use core::ops::Range;

use bytes::BufMut;
use memchr::memchr2;

use super::field::{Field, Place};
use super::held::extend;
use super::scanner::{Found, Position, Scanner, wide};
use crate::vector;

impl Scanner {
    /// Takes a frame or comment at the front of `chunk` that is whole, and as servers write it.
    #[inline]
    pub(super) fn whole(&mut self, chunk: &[u8]) -> Option<(usize, Option<Found>)> {
        // The blank line behind a comment, or the second half of a line end.
        let from = usize::from(chunk.first() == Some(&b'\n'));
        let (len, found) = match frame(chunk, from) {
            Some(Whole { event, data, len }) => {
                let fields = event.len().saturating_add(data.len());
                if fields.saturating_add(self.meta.id_bytes()) > self.limit {
                    return None;
                }
                let offset = self.offset.saturating_add(wide(data.start));
                let (event, data) = (Place::Chunk(event), Place::Chunk(data));
                self.pass(len);
                (len, Found::Frame { event, data, offset, one_line: true })
            }
            None => {
                let len = comment(chunk.get(from..)?)?.checked_add(from)?;
                if from == 1 && !self.after_cr {
                    self.meta.dispatch();
                }
                self.after_cr = false;
                self.offset = self.offset.saturating_add(wide(len));
                (len, Found::Comment)
            }
        };
        Some((len, Some(found)))
    }

    /// Takes all of a chunk that is too short for a line, within a value that goes on behind it.
    #[inline]
    pub(super) fn goes_on(&mut self, chunk: &[u8]) -> bool {
        let held = self.held_data.len().saturating_add(self.held_event.len());
        let buffer = match self.position {
            Position::Value(Field::Data) if matches!(self.data, Some(Place::Held)) => {
                &mut self.held_data
            }
            Position::Value(Field::Event) if matches!(self.event, Place::Held) => {
                &mut self.held_event
            }
            _ => return false,
        };
        let room = self.limit.saturating_sub(held);
        if chunk.len() > room.min(SHORT) || self.meta.id_bytes() > 0 {
            return false;
        }
        match chunk {
            // A call to look at a byte and one to copy it would cost more than all else.
            [b'\n' | b'\r'] => return false,
            [byte] if buffer.len() < buffer.capacity() => buffer.put_u8(*byte),
            _ if has_line_end(chunk) => return false,
            _ => extend(buffer, chunk, self.limit, &mut self.meta),
        }
        self.offset = self.offset.saturating_add(wide(chunk.len()));
        true
    }
}

/// The fields of a frame, and its length.
struct Whole {
    event: Range<usize>,
    data: Range<usize>,
    len: usize,
}

/// A frame of one line of data at this place of `chunk`, with or without an event type before it.
fn frame(chunk: &[u8], from: usize) -> Option<Whole> {
    let (event, at) = match chunk.get(from..)?.strip_prefix(EVENT) {
        Some(rest) => {
            let start = from.checked_add(EVENT.len())?;
            let end = start.checked_add(line(rest)?)?;
            (start..end, end.checked_add(1)?)
        }
        None => (0..0, from),
    };
    let rest = chunk.get(at..)?.strip_prefix(DATA)?;
    let len = line(rest)?;
    let blank = len.checked_add(1)?;
    if *rest.get(blank)? != b'\n' {
        return None;
    }
    let start = at.checked_add(DATA.len())?;
    let end = start.checked_add(len)?;
    Some(Whole { event, data: start..end, len: end.checked_add(2)? })
}

/// The length of a comment line at the front of `chunk`, line end included.
fn comment(chunk: &[u8]) -> Option<usize> {
    chunk.strip_prefix(b":").and_then(line)?.checked_add(2)
}

/// The length of the line at the front of `rest`, if it ends in a line feed.
fn line(rest: &[u8]) -> Option<usize> {
    let len = memchr2(b'\n', b'\r', rest)?;
    (*rest.get(len)? == b'\n').then_some(len)
}

/// Where the first line in `bytes` ends: at a line feed or a carriage return.
#[inline]
pub(super) fn line_end(bytes: &[u8]) -> Option<usize> {
    if bytes.len() > SHORT {
        return memchr2(b'\n', b'\r', bytes);
    }
    let ends = match (bytes.first_chunk(), bytes.last_chunk()) {
        // Two windows, which overlap.
        (Some(first), Some(last)) => {
            let behind = u32::try_from(bytes.len().checked_sub(HALF)?).ok()?;
            vector::ends_line(first) | vector::ends_line(last).checked_shl(behind)?
        }
        _ => match two_words(bytes) {
            Some(words) => {
                let behind = u32::try_from(bytes.len().checked_sub(8)?).ok()?;
                let ends = vector::ends_line(&words);
                ends & 0xff | (ends >> 8).checked_shl(behind)?
            }
            None => return bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')),
        },
    };
    let at = usize::try_from(ends.trailing_zeros()).ok()?;
    (at < bytes.len()).then_some(at)
}

/// The first eight of `bytes` and the last eight, which overlap.
#[inline(always)]
fn two_words(bytes: &[u8]) -> Option<[u8; HALF]> {
    let mut words = [0; HALF];
    *words.first_chunk_mut::<8>()? = *bytes.first_chunk()?;
    *words.last_chunk_mut::<8>()? = *bytes.last_chunk()?;
    Some(words)
}

/// Whether a line ends in `bytes`.
#[inline(always)]
pub(crate) fn has_line_end(bytes: &[u8]) -> bool {
    // Two windows, which overlap.
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) if bytes.len() <= SHORT => ends_in(first) | ends_in(last),
        _ => has_line_end_apart(bytes),
    }
}

/// The same of bytes of any length: apart, for few are so short or so long.
#[inline(never)]
fn has_line_end_apart(bytes: &[u8]) -> bool {
    if let Some(last) = bytes.last_chunk() {
        return bytes.as_chunks().0.iter().any(ends_in) || ends_in(last);
    }
    match two_words(bytes) {
        Some(words) => ends_in(&words),
        None => bytes.iter().any(|byte| matches!(byte, b'\n' | b'\r')),
    }
}

/// Whether a line ends in `window`.
#[inline(always)]
fn ends_in(window: &[u8; HALF]) -> bool {
    vector::ends_line(window) != 0
}

/// Bytes of a chunk in which a line end is looked for without a call.
const SHORT: usize = 32;

const HALF: usize = SHORT / 2;

const EVENT: &[u8] = b"event: ";
const DATA: &[u8] = b"data: ";

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// A scanner with this limit, behind what came before.
    fn behind(before: &str, limit: usize) -> Scanner {
        let mut scanner = Scanner::new();
        scanner.set_limit(limit);
        let mut rest = before.as_bytes();
        while !rest.is_empty() {
            let (taken, _) = scanner.scan(rest).unwrap();
            rest = &rest[taken..];
        }
        scanner
    }

    #[test]
    fn what_lies_whole_in_a_chunk_is_taken_at_once() {
        for (before, limit, chunk, expected) in [
            ("\n", 2, "data: ab\n\n", Some((10, true))),
            ("\n", 2, "event: a\ndata: b\n\nevent: c", Some((18, true))),
            ("\n", 2, "event: a\ndata: bc\n\n", None),
            ("id: 7\n", 2, "data: a\n\n", Some((9, true))),
            ("id: 7\n", 2, "data: ab\n\n", None),
            ("\n", 9, "event: \ndata: \n\n", Some((16, true))),
            ("\n", 9, "\ndata: a\n\n", Some((10, true))),
            ("\n", 9, ": a\n\ndata: b\n\n", Some((4, false))),
            ("\n", 9, "\n: a\n", Some((5, false))),
            ("\n", 9, ":\n", Some((2, false))),
            // What is cut, and what servers write otherwise.
            ("\n", 9, "", None),
            ("\n", 9, "\n", None),
            ("\n", 9, ": a", None),
            ("\n", 9, ": a\r\n", None),
            ("\n", 9, "event: a", None),
            ("\n", 9, "event: a\n", None),
            ("\n", 9, "event: a\r\ndata: b\n\n", None),
            ("\n", 9, "data: a\n", None),
            ("\n", 9, "data: a\r\n\n", None),
            ("\n", 9, "data: a\ndata: b\n\n", None),
            ("\n", 9, "data:a\n\n", None),
            ("\n", 9, "data\n\n", None),
        ] {
            let mut scanner = behind(before, limit);
            let found = scanner.whole(chunk.as_bytes());
            let offset = before.len() + found.as_ref().map_or(0, |(len, _)| *len);
            let found = found.map(|(len, found)| (len, matches!(found, Some(Found::Frame { .. }))));
            assert_eq!(found, expected, "{chunk:?} behind {before:?}");
            assert_eq!(scanner.offset, wide(offset), "{chunk:?} behind {before:?}");
        }
    }

    #[test]
    fn what_lies_whole_in_a_line_is_taken_at_once() {
        let (short, long) = ("x".repeat(SHORT), "x".repeat(SHORT + 1));
        for (before, limit, chunk, expected) in [
            ("data: a", 100, "b", true),
            ("event: a", 100, "b", true),
            ("data: a", 100, "", true),
            ("data: a", 100, &*short, true),
            ("data: a", 100, &*long, false),
            ("data: a", 5, "bcde", true),
            ("data: a", 5, "bcdef", false),
            ("event: ab\ndata: a", 5, "bc", true),
            ("event: ab\ndata: a", 5, "bcd", false),
            ("data: a\nevent: b", 5, "cde", true),
            ("data: a\nevent: b", 5, "cdef", false),
            // A line ends in it.
            ("data: a", 100, "\n", false),
            ("data: a", 100, "b\rc", false),
            ("data: a", 100, "12345678\n", false),
            // There is more to be counted, or nothing yet to be added to.
            ("id: 7\ndata: a", 100, "b", false),
            ("data: ", 100, "a", false),
            ("event: ", 100, "a", false),
            ("data: a\n", 100, "b", false),
            ("data: a\nid: b", 100, "c", false),
            ("retry: 1", 100, "2", false),
            (": a", 100, "b", false),
        ] {
            let mut scanner = behind(before, limit);
            let found = scanner.goes_on(chunk.as_bytes());
            assert_eq!(found, expected, "{chunk:?} behind {before:?}");
            let taken = before.len() + if expected { chunk.len() } else { 0 };
            assert_eq!(scanner.offset, wide(taken), "{chunk:?} behind {before:?}");
        }
    }

    #[test]
    fn single_bytes_take_no_more_room_than_the_limit() {
        for before in ["data: a", "event: a"] {
            for limit in [2, 100, 1000, 5000] {
                let mut scanner = behind(before, limit);
                for len in 2..=limit {
                    assert!(scanner.goes_on(b"x"), "{len} of {limit}");
                    let buffer = if before.starts_with('d') {
                        &scanner.held_data
                    } else {
                        &scanner.held_event
                    };
                    assert_eq!(buffer.len(), len);
                    assert!(buffer.capacity() <= limit.max(8), "{} of {limit}", buffer.capacity());
                }
                assert!(!scanner.goes_on(b"x"), "beyond {limit}");
            }
        }
    }

    #[test]
    fn the_first_line_end_is_found_wherever_it_lies() {
        for len in 0..=80 {
            // Bytes that differ from a line end in one bit.
            let mut bytes = vec![b'\n' | 0x80; len];
            bytes.iter_mut().step_by(2).for_each(|byte| *byte = b'\r' ^ 1);
            assert_eq!((line_end(&bytes), has_line_end(&bytes)), (None, false), "{len}");
            for at in (0..len).rev() {
                bytes[at] = if at % 3 == 0 { b'\r' } else { b'\n' };
                assert_eq!((line_end(&bytes), has_line_end(&bytes)), (Some(at), true), "{len}");
            }
        }
    }
}
