//! Cuts what was recorded anew.

use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::Chunk;

/// Chunks; with a size, in pieces of so many bytes, each at the time when its last byte had come. They
/// are cut one by one when they are taken, since a piece may be a byte, and is a copy only across chunks.
pub(super) struct Pieces<I> {
    chunks: I,
    size: Option<NonZeroUsize>,
    /// What is left of the last chunk, and when it came.
    rest: Bytes,
    at: Duration,
    /// A piece that is not whole.
    open: BytesMut,
}

impl<I: Iterator<Item = Chunk>> Pieces<I> {
    pub(super) fn new(chunks: I, size: Option<NonZeroUsize>) -> Self {
        Self { chunks, size, rest: Bytes::new(), at: Duration::ZERO, open: BytesMut::new() }
    }
}

impl<I: Iterator<Item = Chunk>> Iterator for Pieces<I> {
    type Item = Chunk;

    fn next(&mut self) -> Option<Chunk> {
        let Some(size) = self.size.map(NonZeroUsize::get) else { return self.chunks.next() };
        loop {
            let missing = size - self.open.len();
            if self.open.is_empty() && self.rest.len() >= size {
                return Some(Chunk { at: self.at, bytes: self.rest.split_to(size) });
            }
            if self.rest.len() >= missing {
                self.open.extend_from_slice(&self.rest.split_to(missing));
                return Some(Chunk { at: self.at, bytes: self.open.split().freeze() });
            }
            self.open.extend_from_slice(&self.rest);
            self.rest.clear();
            let Some(chunk) = self.chunks.next() else { break };
            (self.at, self.rest) = (chunk.at, chunk.bytes);
        }
        let last = Chunk { at: self.at, bytes: self.open.split().freeze() };
        (!last.bytes.is_empty()).then_some(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Recording;

    #[test]
    fn a_piece_is_out_when_its_last_byte_had_come() {
        let chunk = |ms, bytes: &'static str| Chunk {
            at: Duration::from_millis(ms),
            bytes: Bytes::from(bytes),
        };
        let chunks = vec![chunk(1, "abc"), chunk(2, ""), chunk(3, "defg"), chunk(4, "h")];
        let recording = Recording { chunks: chunks.clone(), ..Recording::default() };
        assert_eq!(recording.pieces(None).collect::<Vec<_>>(), chunks);
        for (size, expected) in [
            (1, "a1 b1 c1 d3 e3 f3 g3 h4"),
            (2, "ab1 cd3 ef3 gh4"),
            (3, "abc1 def3 gh4"),
            (5, "abcde3 fgh4"),
            (9, "abcdefgh4"),
        ] {
            let told = recording.pieces(NonZeroUsize::new(size)).map(|piece| {
                let text = String::from_utf8_lossy(&piece.bytes).into_owned();
                format!("{text}{}", piece.at.as_millis())
            });
            assert_eq!(told.collect::<Vec<_>>().join(" "), expected);
        }
        assert_eq!(Recording::default().pieces(NonZeroUsize::new(3)).count(), 0);
    }

    /// A stream of many bytes may be asked for byte by byte: no more than is in a piece is held.
    #[test]
    fn pieces_are_cut_when_they_are_taken() {
        let endless = std::iter::repeat(Chunk { at: Duration::ZERO, bytes: "abc".into() });
        let pieces = Pieces::new(endless, NonZeroUsize::new(2)).take(3);
        assert!(pieces.map(|piece| piece.bytes).eq(["ab", "ca", "bc"]));
    }
}
