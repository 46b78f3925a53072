//! A delta that a chunk boundary cut, until its end is there.
//!
//! What is cut within the bytes that all deltas share needs no buffer, only a count. The rest is
//! joined with the next chunks, and looked at once: when its blank line has come.

use alloc::vec::Vec;

use super::peek::{FRAME, Peeked, Peeker};
use crate::sse::has_line_end;
use crate::text::{Arena, Window};

/// The beginning of a delta's frame; mostly of none.
#[derive(Debug, Default)]
pub(crate) struct Cut {
    /// So many bytes of [`FRAME`] have come.
    matched: usize,
    /// What came behind all of them, without a line end but at its end.
    rest: Vec<u8>,
}

impl Cut {
    /// Keeps `input`, at the start of a frame, if all of it is the beginning of a delta's, and no more
    /// than `most` bytes.
    pub(crate) fn begin(&mut self, input: &[u8], most: usize) -> bool {
        let (head, rest) = input.split_at_checked(FRAME.len()).unwrap_or((input, &[]));
        if !FRAME.starts_with(head)
            || rest.len() > MOST
            || input.len() > most
            || end(rest) != End::Behind
        {
            return false;
        }
        self.matched = head.len();
        self.rest.extend_from_slice(rest);
        true
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.matched == 0
    }

    /// How many bytes are kept.
    pub(crate) fn len(&self) -> usize {
        self.matched.saturating_add(self.rest.len())
    }

    /// The bytes that are kept.
    pub(crate) fn parts(&self) -> [&[u8]; 2] {
        [FRAME.get(..self.matched).unwrap_or_default(), &self.rest]
    }

    /// What of the delta comes behind [`FRAME`]; there its string is counted from.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.rest
    }

    pub(crate) fn clear(&mut self) {
        self.matched = 0;
        self.rest.clear();
    }

    /// Keeps all of `chunk`, if it goes on with the delta and does not end it, and no more than `most`
    /// bytes come together.
    #[inline]
    pub(crate) fn more(&mut self, chunk: &[u8], most: usize) -> bool {
        // Behind what all deltas share there is nothing to compare, and no call for it.
        let (head, rest) = match FRAME.get(self.matched..) {
            Some([]) | None => (&[][..], chunk),
            Some(expected) => {
                let parts = chunk.split_at_checked(expected.len()).unwrap_or((chunk, &[]));
                if !expected.starts_with(parts.0) {
                    return false;
                }
                parts
            }
        };
        if self.len().saturating_add(chunk.len()) > most {
            return false;
        }
        if let Some((last, but_last)) = rest.split_last() {
            let ended = self.rest.last() == Some(&b'\n') || *last == b'\r';
            if ended || self.rest.len().saturating_add(rest.len()) > MOST || has_line_end(but_last)
            {
                return false;
            }
            self.rest.extend_from_slice(rest);
        }
        self.matched = self.matched.saturating_add(head.len());
        true
    }

    /// Joins the delta with what `chunk` has of it: the delta, if that is whole now and one that is
    /// known, and how many bytes of the chunk were joined.
    pub(crate) fn join(
        &mut self,
        chunk: &[u8],
        peeker: &mut Peeker,
        window: &mut Window,
        arena: &mut Arena,
    ) -> (Option<Peeked>, usize) {
        let expected = FRAME.get(self.matched..).unwrap_or_default();
        let (head, rest) = chunk.split_at_checked(expected.len()).unwrap_or((chunk, &[]));
        if !expected.starts_with(head) {
            return (None, 0);
        }
        self.matched = self.matched.saturating_add(head.len());
        let end = match self.rest.last() {
            // Its line has ended; only a blank line can follow.
            Some(b'\n') => End::At(1),
            _ => end(rest),
        };
        let part = match end {
            End::At(end) => rest.get(..end).unwrap_or_default(),
            End::Behind => rest,
            End::Odd => return (None, head.len()),
        };
        if self.rest.len().saturating_add(part.len()) > MOST || part.last() == Some(&b'\r') {
            return (None, head.len());
        }
        self.rest.extend_from_slice(part);
        let taken = head.len().saturating_add(part.len());
        let peeked = peeker.delta(&self.rest, 0, b"}\n\n", window, arena);
        (peeked.filter(|peeked| peeked.len == self.rest.len()), taken)
    }
}

/// Where a frame ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// So many bytes on.
    At(usize),
    /// Behind the bytes.
    Behind,
    /// Nobody knows: where carriage returns end lines, it may be anywhere.
    Odd,
}

/// Where the frame ends whose last line is at the front of `bytes`.
fn end(bytes: &[u8]) -> End {
    let Some(line) = memchr::memchr2(b'\n', b'\r', bytes) else {
        return End::Behind;
    };
    let end = line.saturating_add(2);
    match bytes.get(line) {
        Some(b'\r') => End::Odd,
        _ if end <= bytes.len() => End::At(end),
        _ => End::Behind,
    }
}

/// Larger ones are seldom, and not kept twice: nine of ten events have less, p99 585.
const MOST: usize = 512;
