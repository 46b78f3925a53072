//! Text that a stream says in pieces, and then once more as a whole.

use super::written::Written;
use crate::text::{Arena, Lent, Text};
use crate::wire::{Source, Str};

/// Text that grows by pieces.
#[derive(Debug, Default)]
pub(super) struct Growing {
    /// What was kept of it: its end. Nothing if the message is not accumulated.
    written: Written,
    /// Of what comes before that, as much as it takes to know it again.
    sum: u64,
    /// Half of a surrogate pair that the last piece ended with.
    half: Option<u16>,
    /// The length of all pieces in bytes, kept or not.
    len: usize,
}

/// How the whole of a text relates to its pieces.
#[derive(Debug, PartialEq)]
pub(super) enum Settled {
    Same,
    /// The pieces were cut: this is what they left out.
    Missing(Text),
    /// The pieces said something else.
    Differs,
}

impl Growing {
    /// Text that is written in the room of `spare`, and never in more than `most` bytes of it but as
    /// it is needed.
    pub(super) fn new(spare: &mut Written, most: usize) -> Self {
        let mut written = core::mem::take(spare);
        written.most = most;
        Self { written, sum: 0, half: None, len: 0 }
    }

    /// Adds a piece, and keeps it if `keep` says so.
    pub(super) fn add(
        &mut self,
        piece: Str<'_>,
        source: Source<'_>,
        keep: bool,
        arena: &mut Arena,
    ) -> Text {
        let piece = source.unescaped(piece, &mut self.half, arena);
        self.push(&piece, keep);
        piece
    }

    /// Adds a piece that is at hand.
    pub(super) fn push(&mut self, piece: &Text, keep: bool) {
        self.extend(piece.lent(), keep);
    }

    fn extend(&mut self, piece: Lent<'_>, keep: bool) {
        let len = piece.len();
        self.len = self.len.saturating_add(len);
        if !keep {
            self.sum_up();
            self.sum = sum(self.sum, piece.as_bytes());
        } else if len > 0 {
            self.written.push(piece);
        }
    }

    /// Forgets the text that was kept, but for its sum.
    fn sum_up(&mut self) {
        self.sum = sum(self.sum, self.written.as_bytes());
        self.written.clear();
    }

    /// Adds a piece that needs no half of a character before it: `None` if one waits.
    #[inline]
    pub(super) fn add_whole(&mut self, piece: Lent<'_>, keep: bool) -> Option<()> {
        self.half.is_none().then(|| self.extend(piece, keep))
    }

    /// Forgets what was added.
    pub(super) fn clear(&mut self) {
        (self.half, self.len, self.sum) = (None, 0, 0);
        self.written.clear();
    }

    /// The length of the pieces in bytes, whether or not they were kept.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0 && self.half.is_none()
    }

    /// Half of a character whose other half did not come, as what stands for it.
    pub(super) fn unpaired(&mut self, keep: bool) -> Option<Text> {
        self.half.take()?;
        let text = Text::from("\u{fffd}");
        self.push(&text, keep);
        Some(text)
    }

    /// Takes the text as the server says it at the end, which counts.
    pub(super) fn settle(&mut self, whole: &str, keep: bool) -> Settled {
        match self.rest_of(whole) {
            Some("") if self.half.is_none() => Settled::Same,
            Some(rest) => {
                self.half = None;
                let rest = Text::from(rest);
                self.push(&rest, keep);
                Settled::Missing(rest)
            }
            None => {
                self.clear();
                self.push(&whole.into(), keep);
                Settled::Differs
            }
        }
    }

    /// The text behind its first bytes, if all of it was kept.
    pub(super) fn kept_from(&self, at: usize) -> Option<&[u8]> {
        let kept = self.written.as_bytes();
        kept.get(at..).filter(|_| kept.len() == self.len)
    }

    /// Whether the text is this, and nothing more.
    pub(super) fn is(&self, whole: &str) -> bool {
        self.half.is_none() && self.rest_of(whole) == Some("")
    }

    /// What `whole` goes on with behind the text, if it begins with it.
    fn rest_of<'a>(&self, whole: &'a str) -> Option<&'a str> {
        let kept = self.written.as_bytes();
        let begin = whole.as_bytes().get(..self.len)?;
        let (summed, end) = begin.split_at_checked(self.len.saturating_sub(kept.len()))?;
        let same = end == kept && sum(0, summed) == self.sum;
        whole.get(self.len..).filter(|_| same)
    }

    /// The text so far.
    pub(super) fn to_text(&self) -> Text {
        self.written.to_text(self.half)
    }

    /// The text. The room that it was written in becomes `spare`.
    pub(super) fn into_text(self, spare: &mut Written) -> Text {
        let text = self.to_text();
        *spare = self.written.emptied();
        text
    }
}

/// The sum of a text that goes on with one that has the sum `before`: FNV-1a. A server that sends two texts of
/// the same sum deceives nobody but its own clients.
fn sum(before: u64, bytes: &[u8]) -> u64 {
    let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
    let basis = 0xCBF2_9CE4_8422_2325;
    bytes.iter().fold(before ^ basis, step) ^ basis
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_counts() {
        use Settled::{Differs, Missing, Same};
        for (pieces, whole, settled, text) in [
            (&["ab", "c"][..], "abc", Same, "abc"),
            (&["ab"], "abc", Missing("c".into()), "abc"),
            (&[], "abc", Missing("abc".into()), "abc"),
            (&[], "", Same, ""),
            (&["ab", "c"], "ab", Differs, "ab"),
            (&["abd"], "abc", Differs, "abc"),
            (&["abc"], "", Differs, ""),
            (&["ä"], "äö", Missing("ö".into()), "äö"),
        ] {
            let mut growing = Growing::default();
            for piece in pieces {
                growing.push(&Text::from(*piece), true);
            }
            assert_eq!(growing.settle(whole, true), settled, "{pieces:?} {whole}");
            assert_eq!(growing.to_text(), text);
        }
    }

    #[test]
    fn half_a_character_that_the_whole_does_not_have_is_forgotten() {
        let mut growing = Growing { half: Some(0xd83d), ..Growing::default() };
        growing.push(&"ab".into(), true);
        assert_eq!(growing.to_text(), "ab\u{fffd}");
        assert_eq!(growing.settle("ab", true), Settled::Missing(Text::EMPTY));
        assert_eq!((growing.to_text().as_str(), growing.unpaired(true)), ("ab", None));
    }

    #[test]
    fn what_is_not_kept_is_counted() {
        let mut growing = Growing::default();
        growing.push(&"ab".into(), false);
        assert_eq!(growing.settle("abc", false), Settled::Missing("c".into()));
        assert_eq!(growing.settle("abc", false), Settled::Same);
        assert_eq!(growing.to_text(), "");
        assert_eq!(growing.settle("abd", false), Settled::Differs);
        assert_eq!(growing.settle("abde", false), Settled::Missing("e".into()));
    }

    /// Wherever what is kept begins to be, and ends.
    #[test]
    fn what_is_kept_of_a_text_is_its_end() {
        for kept in 0..8_u32 {
            let mut growing = Growing::default();
            for (at, piece) in ["ab", "", "cde"].into_iter().enumerate() {
                growing.push(&piece.into(), kept >> at & 1 == 1);
            }
            assert_eq!(growing.settle("abcde", false), Settled::Same, "{kept:03b}");
            assert_eq!(growing.settle("abcdef", true), Settled::Missing("f".into()), "{kept:03b}");
            assert_eq!(growing.settle("abcdef", true), Settled::Same, "{kept:03b}");
            for other in ["abcdeg", "xbcdef", "abxdef", "abcde", ""] {
                let mut growing = Growing::default();
                growing.push(&"ab".into(), kept & 1 == 1);
                growing.push(&"cdef".into(), kept & 2 == 2);
                assert_eq!(growing.settle(other, false), Settled::Differs, "{kept:03b} {other}");
            }
        }
    }
}
