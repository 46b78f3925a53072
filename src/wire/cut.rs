//! A delta that a chunk boundary cut, until its end is there.
//!
//! What is cut within the head, the bytes with which all deltas of a form begin, needs no buffer, only a count.
//! The rest is joined with the next chunks, and looked at once: when a line has ended, or too much has come.
//! The head is whose form it is; from the beginning of a cut to its end it is the same.

use alloc::vec::Vec;

use crate::sse::has_line_end;

/// The beginning of a delta's frame; mostly of none.
#[derive(Debug, Default)]
pub(crate) struct Cut {
    /// So many bytes of the head have come.
    matched: u16,
    /// So many bytes of `room` came behind all of them, without a line end but at their end.
    len: u16,
    /// Of [`MOST`] bytes, once there is need of it.
    room: Vec<u8>,
}

impl Cut {
    /// Keeps `input`, at the start of a frame, if all of it is the beginning of a delta's, and no more
    /// than `most` bytes.
    pub(crate) fn begin(&mut self, input: &[u8], head: &[u8], most: usize) -> bool {
        let (front, rest) = input.split_at_checked(head.len()).unwrap_or((input, &[]));
        let none = head.is_empty() || !starts_with(head, front);
        if none || rest.len() > MOST || input.len() > most || !goes_on(rest) {
            return false;
        }
        self.set_matched(front.len());
        self.append(rest);
        true
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.matched == 0
    }

    /// How many bytes are kept.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        usize::from(self.matched).saturating_add(self.len.into())
    }

    /// What of the head has come.
    pub(crate) fn front<'a>(&self, head: &'a [u8]) -> &'a [u8] {
        head.get(..self.matched.into()).unwrap_or_default()
    }

    /// What of the delta comes behind the head; there its string is counted from.
    #[inline]
    pub(crate) fn rest(&self) -> &[u8] {
        self.room.get(..self.len.into()).unwrap_or_default()
    }

    pub(crate) fn clear(&mut self) {
        (self.matched, self.len) = (0, 0);
    }

    /// Does what [`more`](Self::more) does for most chunks of 16 to 32 bytes, without a call: they are
    /// compared and copied in two windows, which overlap.
    #[inline(always)]
    pub(crate) fn more_in_windows(&mut self, chunk: &[u8], head: &[u8], most: usize) -> Option<()> {
        let (first, last) = (chunk.first_chunk::<16>()?, chunk.last_chunk::<16>()?);
        let (matched, kept) = (usize::from(self.matched), usize::from(self.len));
        if chunk.len() > 32 || self.len().saturating_add(chunk.len()) > most {
            return None;
        }
        if matched < head.len() {
            let end = matched.checked_add(chunk.len())?;
            let expected = head.get(matched..end)?;
            let same = expected.first_chunk() == Some(first) && expected.last_chunk() == Some(last);
            return same.then(|| self.set_matched(end));
        }
        // A line that has ended may be all of the data.
        if has_line_end(first) || has_line_end(last) || self.rest().last() == Some(&b'\n') {
            return None;
        }
        let end = kept.checked_add(chunk.len())?;
        let room = self.room.get_mut(kept..end)?;
        *room.first_chunk_mut()? = *first;
        *room.last_chunk_mut()? = *last;
        self.len = u16::try_from(end).ok()?;
        Some(())
    }

    /// Keeps all of `chunk`, if it goes on with the delta and does not end it, and no more than `most`
    /// bytes come together.
    pub(crate) fn more(&mut self, chunk: &[u8], head: &[u8], most: usize) -> bool {
        // Behind the head there is nothing to compare.
        let expected = head.get(self.matched.into()..).unwrap_or_default();
        let (front, rest) = chunk.split_at_checked(expected.len()).unwrap_or((chunk, &[]));
        if !starts_with(expected, front) || self.len().saturating_add(chunk.len()) > most {
            return false;
        }
        if !rest.is_empty() {
            let ended = self.rest().last() == Some(&b'\n');
            let len = usize::from(self.len).saturating_add(rest.len());
            if ended || len > MOST || !goes_on(rest) {
                return false;
            }
            self.append(rest);
        }
        self.set_matched(usize::from(self.matched).saturating_add(front.len()));
        true
    }

    /// Joins the delta with what `chunk` has of it, and looks at all of it behind the head: gives what `look`
    /// says is there and the length of that, if it is whole now; and says how many bytes of the chunk were
    /// joined.
    #[inline(always)]
    pub(crate) fn join<T>(
        &mut self,
        chunk: &[u8],
        head: &[u8],
        look: impl FnOnce(&[u8]) -> Option<(T, usize)>,
    ) -> (Option<T>, usize) {
        let expected = head.get(self.matched.into()..).unwrap_or_default();
        let (front, rest) = chunk.split_at_checked(expected.len()).unwrap_or((chunk, &[]));
        if !starts_with(expected, front) {
            return (None, 0);
        }
        self.set_matched(usize::from(self.matched).saturating_add(front.len()));
        // To look for its end first would cost more than to copy too much.
        let before = usize::from(self.len);
        let room = MOST.saturating_sub(before).min(NEXT);
        self.append(rest.get(..rest.len().min(room)).unwrap_or_default());
        let (found, len) =
            look(self.rest()).map_or((None, before), |(found, len)| (Some(found), len));
        self.len = u16::try_from(len).unwrap_or_default();
        (found, front.len().saturating_add(len.saturating_sub(before)))
    }

    #[inline(always)]
    fn set_matched(&mut self, len: usize) {
        // It is never more than the head has.
        self.matched = u16::try_from(len).unwrap_or(u16::MAX);
    }

    /// Keeps `bytes`, with which there are no more than [`MOST`].
    #[inline(always)]
    fn append(&mut self, bytes: &[u8]) {
        let start = usize::from(self.len);
        let end = start.saturating_add(bytes.len());
        if self.room.is_empty() {
            self.room = alloc::vec![0; MOST];
        }
        if let Some(room) = self.room.get_mut(start..end) {
            room.copy_from_slice(bytes);
            self.len = u16::try_from(end).unwrap_or_default();
        }
    }
}

/// Whether all of `bytes` is in the line that it begins in. A line feed at its end may be the end of
/// the data; where carriage returns end lines, a frame may end anywhere.
#[inline]
fn goes_on(bytes: &[u8]) -> bool {
    !has_line_end(bytes) || bytes.strip_suffix(b"\n").is_some_and(is_line)
}

#[cold]
fn is_line(bytes: &[u8]) -> bool {
    !has_line_end(bytes)
}

/// Whether `bytes` starts with `prefix`. Of 8 to 16 bytes, as most chunks of that size have, without the call
/// of `memcmp`, which would cost more than they do.
#[inline]
fn starts_with(bytes: &[u8], prefix: &[u8]) -> bool {
    let Some(front) = bytes.get(..prefix.len()) else {
        return false;
    };
    // Even nothing costs a call, and nothing is what is compared behind the beginning of all.
    if prefix.is_empty() {
        return true;
    }
    // Two windows, which overlap.
    match (front.first_chunk::<8>(), prefix.first_chunk(), front.last_chunk::<8>()) {
        (Some(first), Some(expected), Some(last)) if prefix.len() <= 16 => {
            first == expected && Some(last) == prefix.last_chunk()
        }
        _ => front == prefix,
    }
}

/// Bytes of the next chunk that are joined. What is longer is read without being joined.
const NEXT: usize = 256;

/// Larger ones are seldom, and not kept twice: nine of ten events have less, p99 585.
const MOST: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Arena, Window};
    use crate::wire::anthropic::{FRAME, Peeker};
    use crate::wire::piece::Piece;
    use alloc::format;
    use alloc::string::String;

    const HEAD: &str = "0,\"delta\":{\"type\":\"text_delta\",\"text\":\"";

    /// A frame whose part behind the beginning of all has so many bytes.
    fn frame(rest: usize) -> String {
        let text = "x".repeat(rest - HEAD.len() - "\"}}\n\n".len());
        format!("{}{HEAD}{text}\"}}}}\n\n", str::from_utf8(FRAME).unwrap())
    }

    /// What is kept of the chunks before the last, and how that ends them: the text that was joined,
    /// and how many bytes were taken.
    fn join(chunks: &[&str], last: &str) -> (Option<usize>, usize) {
        let mut cut = Cut::default();
        let (first, more) = chunks.split_first().unwrap();
        assert!(cut.begin(first.as_bytes(), FRAME, usize::MAX), "{first:?}");
        for more in more {
            assert!(cut.more(more.as_bytes(), FRAME, usize::MAX), "{more:?}");
        }
        let (mut window, mut arena) = (Window::ZERO, Arena::default());
        let (peeked, taken) = cut.join(last.as_bytes(), FRAME, |rest| {
            let peeked = Peeker::new().behind_frame(rest, &mut window, &mut arena)?;
            Some((peeked, peeked.len))
        });
        let text = peeked.map(|peeked| match peeked.string {
            Piece::Short(len) => len,
            Piece::Plain { start, end } => {
                let text = &cut.rest()[start..end];
                assert!(text.iter().all(|byte| *byte == b'x'));
                text.len()
            }
            Piece::Written => 0,
        });
        (text, taken)
    }

    #[test]
    fn a_delta_is_joined_wherever_it_was_cut() {
        for rest in [60, 200, MOST] {
            let frame = frame(rest);
            let expected = rest - HEAD.len() - 5;
            // What is longer than is joined with is cut late.
            for at in frame.len().saturating_sub(NEXT).max(1)..frame.len() {
                let (before, behind) = frame.split_at(at);
                assert_eq!(join(&[before], behind), (Some(expected), behind.len()), "{at}");
                let behind = format!("{behind}event: ping\n");
                let taken = frame.len() - at;
                assert_eq!(join(&[before], &behind), (Some(expected), taken), "{at}");
                let (front, middle) = before.split_at(at / 2);
                if !front.is_empty() {
                    assert_eq!(join(&[front, middle], &behind), (Some(expected), taken), "{at}");
                }
            }
        }
    }

    #[test]
    fn windows_take_what_would_be_taken_without_them() {
        let frame = frame(120);
        let odd = frame.replace("text_delta", "text\ndelta");
        let other = frame.replace("data: ", "date: ");
        let old_line_ends = frame.replace("xxxxxx\"}", "xxxxxx\r}");
        let mut taken = 0;
        for stream in [&frame, &odd, &other, &old_line_ends] {
            for (at, len) in (1..stream.len()).flat_map(|at| (0..40).map(move |len| (at, len))) {
                let Some(chunk) = stream.as_bytes().get(at..at + len) else { continue };
                for most in [usize::MAX, at + len, at + len - 1] {
                    let mut cut = Cut::default();
                    if !cut.begin(&stream.as_bytes()[..at], FRAME, usize::MAX) {
                        continue;
                    }
                    let mut same = Cut { room: cut.room.clone(), ..cut };
                    let windows = cut.more_in_windows(chunk, FRAME, most).is_some();
                    let more = same.more(chunk, FRAME, most);
                    assert!(more || !windows, "{at} {len} {stream:?}");
                    let expected = &stream.as_bytes()[..if windows { at + len } else { at }];
                    assert_eq!(
                        [cut.front(FRAME), cut.rest()].concat(),
                        expected,
                        "{at} {len} {stream:?}"
                    );
                    taken += usize::from(windows);
                }
            }
        }
        assert!(taken > 1000, "{taken}");
    }

    #[test]
    fn no_more_is_kept_than_is_worth_it() {
        let (fits, large) = (frame(MOST), frame(MOST + 1));
        let whole = |frame: &str| frame.len() - 1;
        for (frame, expected) in [(&fits, true), (&large, true), (&frame(MOST + 2), false)] {
            let mut cut = Cut::default();
            assert_eq!(cut.begin(&frame.as_bytes()[..whole(frame)], FRAME, usize::MAX), expected);
            let mut cut = Cut::default();
            assert!(cut.begin(&frame.as_bytes()[..100], FRAME, usize::MAX));
            assert_eq!(cut.more(&frame.as_bytes()[100..whole(frame)], FRAME, usize::MAX), expected);
        }
        // Its last byte is one too many.
        let (before, last) = large.split_at(whole(&large));
        assert_eq!(join(&[before], last), (None, 0));
    }

    #[test]
    fn no_more_is_kept_than_is_allowed() {
        let frame = frame(100);
        let bytes = &frame.as_bytes()[..150];
        for (most, expected) in [(150, true), (149, false)] {
            assert_eq!(Cut::default().begin(bytes, FRAME, most), expected);
            let mut cut = Cut::default();
            assert!(cut.begin(&bytes[..50], FRAME, most));
            assert_eq!(cut.more(&bytes[50..], FRAME, most), expected);
            assert_eq!(cut.len(), if expected { 150 } else { 50 });
        }
    }

    #[test]
    fn what_may_be_something_else_is_not_kept() {
        let frame = frame(60);
        let line = &frame[..frame.len() - 1];
        for other in [
            &*frame,
            "event: ping\n",
            "event: content_block_delta\r\n",
            &line.replace("}\n", "}\r"),
        ] {
            assert!(!Cut::default().begin(other.as_bytes(), FRAME, usize::MAX), "{other:?}");
        }
        for (before, more) in [
            (line, "\n"),
            (line, "x"),
            (&line[..90], "x\r"),
            (&line[..90], "x\nx"),
            (&line[..90], "x\n\n"),
            ("event: content", "_block_stop"),
        ] {
            let mut cut = Cut::default();
            assert!(cut.begin(before.as_bytes(), FRAME, usize::MAX));
            assert!(!cut.more(more.as_bytes(), FRAME, usize::MAX), "{more:?}");
            assert_eq!(cut.len(), before.len());
            assert_eq!([cut.front(FRAME), cut.rest()].concat(), before.as_bytes());
        }
        for (before, last) in
            [("event: content", "_block_stop"), (&line[..90], "x\r\n"), (line, "\r"), (line, "x")]
        {
            assert_eq!(join(&[before], last).0, None, "{last:?}");
        }
    }

    #[test]
    fn what_a_line_ends_in_does_not_go_on() {
        for (bytes, expected) in [
            ("", true),
            ("x", true),
            ("x\n", true),
            ("x\n\n", false),
            ("x\n\ny", false),
            ("x\ny", false),
            ("x\r", false),
            ("x\r\n\r\n", false),
        ] {
            assert_eq!(goes_on(bytes.as_bytes()), expected, "{bytes:?}");
        }
    }
}
