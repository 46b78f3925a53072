//! The buffers of what does not lie together in one chunk, and how long their room is kept.

use bytes::{Bytes, BytesMut};

use super::meta::Meta;

/// The room of a large event, for the next one. A stream that has gone on to other things lets go of it.
#[derive(Debug, Default)]
pub(super) struct Spare {
    /// Empty, at the front of a buffer whose bytes others may still hold.
    buffer: BytesMut,
    /// Bytes that the buffer has room for.
    room: usize,
    /// For so many frames more.
    frames: u8,
}

impl Spare {
    /// The room of `given`, behind which `rest` lies.
    fn of(given: &mut BytesMut, rest: &BytesMut) -> Option<Self> {
        let room = given.len().saturating_add(rest.capacity());
        // All of it or nothing is used again: who keeps one event is not to keep another one alive.
        (room <= SPARE).then(|| Self { buffer: given.split_to(0), room, frames: SPARE_FRAMES })
    }

    /// A buffer with room for `len` bytes, if it has that and nobody holds what was in it.
    fn take(&mut self, len: usize) -> Option<BytesMut> {
        let Self { mut buffer, room, .. } = core::mem::take(self);
        (len <= room && buffer.try_reclaim(room)).then_some(buffer)
    }

    /// Another frame has ended: whether the room is let go of with it.
    pub(super) fn passed(&mut self) -> bool {
        if self.frames == 0 {
            return false;
        }
        self.frames = self.frames.saturating_sub(1);
        let last = self.frames == 0;
        if last {
            *self = Self::default();
        }
        last
    }
}

/// Appends to a buffer that never holds more than `most`, and so never has more room than that.
#[inline]
pub(super) fn extend(buffer: &mut BytesMut, bytes: &[u8], most: usize, meta: &mut Meta) {
    let len = buffer.len().saturating_add(bytes.len());
    if len > buffer.capacity() {
        grow(buffer, len, most, meta);
    }
    buffer.extend_from_slice(bytes);
}

/// Makes room for `len` bytes, and for twice as many if that is not too much.
#[cold]
fn grow(buffer: &mut BytesMut, len: usize, most: usize, meta: &mut Meta) {
    if len > KEPT
        && let Some(mut larger) = meta.spare().and_then(|spare| spare.take(len))
    {
        larger.extend_from_slice(buffer);
        *buffer = larger;
        return;
    }
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

/// What a buffer holds. The room of one that a large event has stretched is kept apart.
pub(super) fn given(buffer: &mut BytesMut, meta: &mut Meta) -> Bytes {
    let mut bytes = buffer.split();
    if bytes.len() > KEPT
        && let Some(spare) = Spare::of(&mut bytes, &core::mem::take(buffer))
    {
        meta.keep(spare);
    }
    bytes.freeze()
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

/// A larger one is kept for a few frames, if it is not larger than this: results follow on each other,
/// and a fresh page costs more than what is written to it.
const SPARE: usize = 4 << 20;

/// Frames that may end until then.
const SPARE_FRAMES: u8 = 8;

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
                let mut meta = Meta::default();
                let mut buffer = BytesMut::new();
                for _ in 0..3 {
                    let mut moved = 0;
                    while buffer.len() < most {
                        let (room, more) = (buffer.capacity(), step.min(most - buffer.len()));
                        extend(&mut buffer, &[b'x'].repeat(more), most, &mut meta);
                        moved += usize::from(buffer.capacity() != room);
                        assert!(buffer.capacity() <= most, "{} of {most}", buffer.capacity());
                    }
                    // It doubles, so that few bytes are moved more than once.
                    assert!(moved <= 20, "{moved} times up to {most}");
                    drop(given(&mut buffer, &mut meta));
                }
            }
        }
    }

    #[test]
    fn room_that_was_given_back_is_used_again() {
        // Of large events, and of others.
        for len in [3000, KEPT + 1, 200_000] {
            let mut meta = Meta::default();
            let mut buffer = buffer(2 * len, len);
            let place = buffer.as_ptr();
            drop(given(&mut buffer, &mut meta));
            extend(&mut buffer, &[b'y'; 100], 5 * len, &mut meta);
            extend(&mut buffer, &[b'y'].repeat(2 * len - 100), 5 * len, &mut meta);
            assert_eq!((buffer.as_ptr(), buffer.len()), (place, 2 * len));
        }
    }

    #[test]
    fn who_keeps_a_large_event_keeps_it_alone() {
        let mut meta = Meta::default();
        let mut buffer = buffer(30_000, 10_000);
        let first = given(&mut buffer, &mut meta);
        extend(&mut buffer, &[b'y'; 10_000], 50_000, &mut meta);
        let second = given(&mut buffer, &mut meta);
        assert_eq!((first, second), ([b'x'; 10_000][..].into(), [b'y'; 10_000][..].into()));
        // The first was held when the second came, and is not any more.
        extend(&mut buffer, &[b'z'; 10_000], 50_000, &mut meta);
        assert_eq!(given(&mut buffer, &mut meta).len(), 10_000);
    }

    #[test]
    fn what_a_large_event_has_stretched_is_kept_for_a_few_frames() {
        for (len, room, spare) in [
            (1, 8191, false),
            (KEPT, 8192 - KEPT, false),
            (KEPT + 1, 0, true),
            (8192, 0, true),
            (SPARE, 0, true),
            (SPARE + 1, 0, false),
        ] {
            let mut meta = Meta::default();
            let mut buffer = buffer(8192.max(len), len);
            assert_eq!(given(&mut buffer, &mut meta).len(), len);
            assert_eq!((buffer.len(), buffer.capacity()), (0, room), "{len}");
            for ended in 0..=SPARE_FRAMES {
                assert_eq!(meta.spare().is_some(), spare && ended < SPARE_FRAMES, "{len}, {ended}");
                meta.dispatch();
            }
        }
        for (room, kept) in [(10, 10), (KEPT, KEPT), (KEPT + 1, 0), (8192, 0)] {
            let buffer = shrunk(buffer(room, 10));
            assert_eq!((buffer.len(), buffer.capacity()), (0, kept), "{room}");
        }
    }

    #[test]
    fn ids_outlive_the_room_of_an_event() {
        let mut meta = Meta::default();
        meta.push_id(b"7", 100);
        meta.end_id();
        drop(given(&mut buffer(8192, 8192), &mut meta));
        for _ in 0..=SPARE_FRAMES {
            meta.dispatch();
        }
        assert_eq!(meta.last_event_id(), "7");
        assert!(meta.spare().is_some_and(|spare| spare.buffer.capacity() == 0));

        // So do an id that no blank line has followed yet, and the time to wait.
        let mut meta = Meta::default();
        meta.fields().retry_line.push(b"5");
        meta.end_retry();
        drop(given(&mut buffer(8192, 8192), &mut meta));
        for _ in 0..=SPARE_FRAMES {
            meta.dispatch();
        }
        assert_eq!(meta.retry(), Some(5));
    }
}
