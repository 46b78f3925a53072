//! Text that grows by pieces.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::text::{Lent, Text};

/// Text that grows by pieces which are UTF-8 each, so that the whole is checked only once.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    /// The text, and behind it what makes room for a piece to be copied in one length.
    bytes: Vec<u8>,
    len: usize,
    /// Room beyond so many bytes is made only as it is needed: there the message would fail.
    pub(super) most: usize,
}

impl Written {
    #[inline(always)]
    pub(super) fn push(&mut self, piece: Lent<'_>) {
        let end = self.len.saturating_add(piece.len());
        match piece {
            // All of the window: a copy of fixed length is a few instructions.
            Lent::Window(window, _) => {
                let room = self.bytes.get_mut(self.len..);
                match room.and_then(|room| room.first_chunk_mut()) {
                    Some(room) => *room = window.0,
                    None => self.append(&window.0),
                }
            }
            Lent::Text(text) => self.append(text.as_bytes()),
        }
        self.len = end;
    }

    /// Puts `piece` behind the text, without counting it.
    #[inline(never)]
    fn append(&mut self, piece: &[u8]) {
        let end = self.len.saturating_add(piece.len());
        if end > self.bytes.len() {
            let double = self.bytes.len().saturating_mul(2).max(LEAST);
            let room = double.min(self.most).max(end);
            self.bytes.reserve_exact(room.saturating_sub(self.bytes.len()));
            self.bytes.resize(room, 0);
        }
        if let Some(room) = self.bytes.get_mut(self.len..end) {
            room.copy_from_slice(piece);
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The text, in a buffer of its length. A `half` of a surrogate pair behind it is replaced.
    pub(super) fn to_text(&self, half: Option<u16>) -> Text {
        let bytes = self.as_bytes();
        // What is short is soon checked without a call.
        let text = if bytes.len() < SHORT {
            core::str::from_utf8(bytes).ok()
        } else {
            simdutf8::basic::from_utf8(bytes).ok()
        };
        let text = match text {
            Some(text) => Cow::Borrowed(text),
            // Not reached: every piece was checked.
            None => String::from_utf8_lossy(bytes),
        };
        match half {
            None => (&*text).into(),
            Some(_) => [&*text, "\u{fffd}"].concat().into(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// The room alone, unless it is large.
    pub(super) fn emptied(self) -> Self {
        if self.bytes.len() > KEPT {
            return Self::default();
        }
        Self { len: 0, ..self }
    }
}

/// Bytes from which on a text is checked in vectors, which copy what is less than that.
const SHORT: usize = 64;

/// Bytes of the first room.
const LEAST: usize = 256;

/// Bytes of the largest room that is kept for the next block.
const KEPT: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// Room of so many bytes, with some text in it.
    fn room(bytes: usize) -> Written {
        Written { bytes: alloc::vec![b'a'; bytes], len: 3, most: usize::MAX }
    }

    #[test]
    fn room_is_kept_for_the_next_text_unless_it_is_large() {
        for (bytes, kept) in [(0, 0), (LEAST, LEAST), (KEPT, KEPT), (KEPT + 1, 0)] {
            let emptied = room(bytes).emptied();
            assert_eq!((emptied.bytes.len(), emptied.len()), (kept, 0), "{bytes}");
            assert_eq!(emptied.bytes.capacity() == 0, kept == 0, "{bytes}");
        }
    }

    #[test]
    fn half_a_character_behind_a_text_is_replaced() {
        assert_eq!(room(3).to_text(None), "aaa");
        assert_eq!(room(3).to_text(Some(0xd83d)), "aaa\u{fffd}");
    }
}
