//! A delta that a chunk boundary cut, until its end is there.
//!
//! What is cut within the bytes that all deltas share needs no buffer, only a count. The rest is
//! joined with the next chunks, and looked at once: when its blank line has come.

use alloc::vec::Vec;

use super::peek::{FRAME, Peeked, Peeker};
use crate::text::{Arena, Window};

/// The beginning of a delta's frame; mostly of none.
#[derive(Debug, Default)]
pub(crate) struct Cut {
    /// So many bytes of [`FRAME`] have come.
    matched: usize,
    /// What came behind all of them, without a line end but at its end.
    rest: Vec<u8>,
}

/// What the next chunk is to a cut delta.
#[derive(Debug)]
pub(crate) enum Joined {
    /// All of it belongs to the delta, whose end is still to come.
    More,
    /// The delta ends with so many bytes of the chunk.
    Whole(Peeked, usize),
    /// What was kept, with so many bytes of the chunk, is for the general path.
    Other(usize),
}

impl Cut {
    /// Keeps `input`, at the start of a frame, if all of it is the beginning of a delta's.
    pub(crate) fn begin(&mut self, input: &[u8]) -> bool {
        let (head, rest) = input.split_at_checked(FRAME.len()).unwrap_or((input, &[]));
        if !FRAME.starts_with(head) || rest.len() > MOST || ends(rest).is_some() {
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

    /// The bytes that are kept.
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

    /// Goes on with the delta.
    pub(crate) fn join(
        &mut self,
        chunk: &[u8],
        peeker: &mut Peeker,
        window: &mut Window,
        arena: &mut Arena,
    ) -> Joined {
        let expected = FRAME.get(self.matched..).unwrap_or_default();
        let (head, rest) = chunk.split_at_checked(expected.len()).unwrap_or((chunk, &[]));
        if !expected.starts_with(head) {
            return Joined::Other(0);
        }
        self.matched = self.matched.saturating_add(head.len());
        if rest.is_empty() {
            return Joined::More;
        }
        let end = match self.rest.last() {
            // Its line has ended; only a blank line can follow.
            Some(b'\n') => Some(1),
            _ => ends(rest),
        };
        let taken = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        if self.rest.len().saturating_add(taken.len()) > MOST {
            return Joined::Other(head.len());
        }
        self.rest.extend_from_slice(taken);
        if end.is_none() {
            return Joined::More;
        }
        let taken = head.len().saturating_add(taken.len());
        match peeker.delta(&self.rest, 0, b"}\n\n", window, arena) {
            Some(peeked) if peeked.len == self.rest.len() => Joined::Whole(peeked, taken),
            _ => Joined::Other(taken),
        }
    }
}

/// Where the frame ends whose last line is at the front of `bytes`, one line end seen or two; `None`
/// if it may go on behind them.
fn ends(bytes: &[u8]) -> Option<usize> {
    let line = memchr::memchr(b'\n', bytes)?;
    let end = line.checked_add(2)?;
    (end <= bytes.len()).then_some(end)
}

/// Larger ones are seldom, and not kept twice: nine of ten events have less, p99 585.
const MOST: usize = 512;
