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
        if !FRAME.starts_with(head) || rest.len() > MOST || input.len() > most || !goes_on(rest) {
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
        if !rest.is_empty() {
            let ended = self.rest.last() == Some(&b'\n');
            if ended || self.rest.len().saturating_add(rest.len()) > MOST || !goes_on(rest) {
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
        // To look for its end first would cost more than to copy too much.
        let before = self.rest.len();
        let room = MOST.saturating_sub(before).min(NEXT);
        self.rest.extend_from_slice(rest.get(..rest.len().min(room)).unwrap_or_default());
        let peeked = peeker.delta(&self.rest, 0, b"}\n\n", window, arena);
        self.rest.truncate(peeked.map_or(before, |peeked| peeked.len));
        (peeked, head.len().saturating_add(self.rest.len().saturating_sub(before)))
    }
}

/// Whether all of `bytes` is in the line that it begins in. A line feed at its end may be the end of
/// the data; where carriage returns end lines, a frame may end anywhere.
#[inline]
fn goes_on(bytes: &[u8]) -> bool {
    let Some((last, but_last)) = bytes.split_last() else {
        return true;
    };
    *last != b'\r' && !has_line_end(but_last)
}

/// Bytes of the next chunk that are joined. What is longer is read without being joined.
const NEXT: usize = 256;

/// Larger ones are seldom, and not kept twice: nine of ten events have less, p99 585.
const MOST: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::anthropic::Piece;
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
        assert!(cut.begin(first.as_bytes(), usize::MAX), "{first:?}");
        for more in more {
            assert!(cut.more(more.as_bytes(), usize::MAX), "{more:?}");
        }
        let (mut window, mut arena) = (Window::ZERO, Arena::default());
        let (peeked, taken) =
            cut.join(last.as_bytes(), &mut Peeker::new(), &mut window, &mut arena);
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
    fn no_more_is_kept_than_is_worth_it() {
        let (fits, large) = (frame(MOST), frame(MOST + 1));
        let whole = |frame: &str| frame.len() - 1;
        for (frame, expected) in [(&fits, true), (&large, true), (&frame(MOST + 2), false)] {
            let mut cut = Cut::default();
            assert_eq!(cut.begin(&frame.as_bytes()[..whole(frame)], usize::MAX), expected);
            let mut cut = Cut::default();
            assert!(cut.begin(&frame.as_bytes()[..100], usize::MAX));
            assert_eq!(cut.more(&frame.as_bytes()[100..whole(frame)], usize::MAX), expected);
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
            assert_eq!(Cut::default().begin(bytes, most), expected);
            let mut cut = Cut::default();
            assert!(cut.begin(&bytes[..50], most));
            assert_eq!(cut.more(&bytes[50..], most), expected);
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
            assert!(!Cut::default().begin(other.as_bytes(), usize::MAX), "{other:?}");
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
            assert!(cut.begin(before.as_bytes(), usize::MAX));
            assert!(!cut.more(more.as_bytes(), usize::MAX), "{more:?}");
            assert_eq!(cut.len(), before.len());
            assert_eq!(cut.parts().concat(), before.as_bytes());
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
