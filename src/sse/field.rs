//! The fields of an event, read piece by piece.

use core::ops::Range;

use bytes::{Bytes, BytesMut};

use super::held::extend;
use super::meta::Meta;

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
    pub(super) fn hold(&mut self, chunk: &[u8], held: &mut BytesMut, most: usize, meta: &mut Meta) {
        let Self::Chunk(range) = self else {
            return;
        };
        let bytes = chunk.get(range.clone()).unwrap_or_default();
        if bytes.is_empty() {
            *self = Self::Chunk(0..0);
        } else {
            extend(held, bytes, most, meta);
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

/// A slice of the chunk.
pub(super) fn part(chunk: &Bytes, range: Range<usize>) -> Bytes {
    chunk.get(range).map(|part| chunk.slice_ref(part)).unwrap_or_default()
}
