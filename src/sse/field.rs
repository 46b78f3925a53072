//! The fields of an event, read piece by piece.

use core::ops::Range;

use bytes::{Bytes, BytesMut};

/// The fields that mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Event,
    Data,
    Id,
    Retry,
}

/// Where the bytes of a field are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the chunk at hand.
    Chunk(Range<usize>),
    /// In the decoder's own buffer, because they did not lie together in one chunk.
    Held,
}

/// As much of a field name as tells whether it is known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Name {
    bytes: [u8; 5],
    len: usize,
}

/// A number of digits, read piece by piece.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Digits {
    value: u64,
    any: bool,
    other: bool,
}

impl Place {
    /// Copies what lies in `chunk` to the empty buffer `held`; nothing stays nothing.
    pub(super) fn hold(&mut self, chunk: &[u8], held: &mut BytesMut) {
        let Self::Chunk(range) = self else {
            return;
        };
        let bytes = chunk.get(range.clone()).unwrap_or_default();
        if bytes.is_empty() {
            *self = Self::Chunk(0..0);
        } else {
            held.extend_from_slice(bytes);
            *self = Self::Held;
        }
    }
}

impl Name {
    /// Adds to the name; `false` if it is longer than any that is known.
    pub(super) fn push(&mut self, bytes: &[u8]) -> bool {
        let end = self.len.saturating_add(bytes.len());
        let Some(place) = self.bytes.get_mut(self.len..end) else {
            return false;
        };
        place.copy_from_slice(bytes);
        self.len = end;
        true
    }

    /// The field of this name. Names are compared literally, without regard to anything.
    pub(super) fn field(&self, error_is_data: bool) -> Option<Field> {
        match self.bytes.get(..self.len)? {
            b"event" => Some(Field::Event),
            b"data" => Some(Field::Data),
            b"id" => Some(Field::Id),
            b"retry" => Some(Field::Retry),
            b"error" if error_is_data => Some(Field::Data),
            _ => None,
        }
    }

    /// Whether this may be the beginning of the name of a field that opens an event.
    pub(super) fn may_open(&self, error_is_data: bool) -> bool {
        let name = self.bytes.get(..self.len).unwrap_or_default();
        b"event".starts_with(name)
            || b"data".starts_with(name)
            || (error_is_data && b"error".starts_with(name))
    }
}

impl Digits {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.any = true;
            self.other |= !byte.is_ascii_digit();
            let digit = u64::from(byte.wrapping_sub(b'0'));
            self.value = self.value.saturating_mul(10).saturating_add(digit);
        }
    }

    pub(super) fn value(&self) -> Option<u64> {
        (self.any && !self.other).then_some(self.value)
    }
}

/// Appends to a buffer that never holds more than `most`, and so never has more room than that.
#[inline]
pub(super) fn extend(buffer: &mut BytesMut, bytes: &[u8], most: usize) {
    let len = buffer.len().saturating_add(bytes.len());
    if len > buffer.capacity() {
        grow(buffer, len, most);
    }
    buffer.extend_from_slice(bytes);
}

/// Makes room for `len` bytes, and for twice as many if that is not too much.
#[cold]
fn grow(buffer: &mut BytesMut, len: usize, most: usize) {
    let more = len.saturating_sub(buffer.len());
    // Far from the most it grows by itself, where it lies if it can; or into room that other frames
    // have given back.
    let double = buffer.capacity().saturating_mul(2);
    if double.max(len) <= most || buffer.try_reclaim(more) {
        return;
    }
    let mut larger = BytesMut::with_capacity(len.saturating_mul(2).min(most.max(len)));
    larger.extend_from_slice(buffer);
    *buffer = larger;
}

/// A slice of the chunk.
pub(super) fn part(chunk: &Bytes, range: Range<usize>) -> Bytes {
    chunk.get(range).map(|part| chunk.slice_ref(part)).unwrap_or_default()
}

/// What a buffer holds. One that a large event has stretched is given away with it.
pub(super) fn given(buffer: &mut BytesMut) -> Bytes {
    let bytes = buffer.split().freeze();
    if bytes.len() > KEPT {
        *buffer = BytesMut::new();
    }
    bytes
}

/// The buffer, empty, unless a large event has stretched it.
pub(super) fn shrunk(mut buffer: BytesMut) -> BytesMut {
    if buffer.capacity() > KEPT {
        return BytesMut::new();
    }
    buffer.clear();
    buffer
}

/// A buffer of up to this many bytes is kept for the next frame.
const KEPT: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// A buffer with so much room, and so much in it.
    fn buffer(room: usize, len: usize) -> BytesMut {
        let mut buffer = BytesMut::with_capacity(room);
        buffer.resize(len, b'x');
        buffer
    }

    #[test]
    fn no_buffer_has_more_room_than_the_most() {
        for most in [100, 1000, KEPT, 10_000, 100_000] {
            for step in [1, 7, 64, 1000] {
                let mut buffer = BytesMut::new();
                let mut moved = 0;
                while buffer.len() < most {
                    let (room, more) = (buffer.capacity(), step.min(most - buffer.len()));
                    extend(&mut buffer, &[b'x'].repeat(more), most);
                    moved += usize::from(buffer.capacity() != room);
                    assert!(buffer.capacity() <= most, "{} of {most}", buffer.capacity());
                }
                // It doubles, so that few bytes are moved more than once.
                assert!(moved <= 20, "{moved} times up to {most}");
            }
        }
    }

    #[test]
    fn room_that_was_given_back_is_used_again() {
        let mut buffer = buffer(6000, 3000);
        let place = buffer.as_ptr();
        drop(given(&mut buffer));
        extend(&mut buffer, &[b'y'; 5000], 5500);
        assert_eq!((buffer.as_ptr(), buffer.len()), (place, 5000));
    }

    #[test]
    fn what_a_large_event_has_stretched_is_not_kept() {
        for (len, room) in [(1, 8191), (KEPT, 8192 - KEPT), (KEPT + 1, 0), (8192, 0)] {
            let mut buffer = buffer(8192, len);
            assert_eq!(given(&mut buffer).len(), len);
            assert_eq!((buffer.len(), buffer.capacity()), (0, room), "{len}");
        }
        for (room, kept) in [(10, 10), (KEPT, KEPT), (KEPT + 1, 0), (8192, 0)] {
            let buffer = shrunk(buffer(room, 10));
            assert_eq!((buffer.len(), buffer.capacity()), (0, kept), "{room}");
        }
    }
}
