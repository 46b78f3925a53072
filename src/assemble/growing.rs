//! Text that a stream says in pieces, and then once more as a whole.

use super::written::Written;
use crate::text::{Arena, Lent, Text};
use crate::wire::{Source, Str};

/// Text that grows by pieces.
#[derive(Debug, Default)]
pub(super) struct Growing {
    /// Nothing if the message is not accumulated.
    written: Written,
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
        Self { written, half: None, len: 0 }
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
        if keep && len > 0 {
            self.written.push(piece);
        }
    }

    /// Adds a piece that needs no half of a character before it: `None` if one waits.
    #[inline]
    pub(super) fn add_whole(&mut self, piece: Lent<'_>, keep: bool) -> Option<()> {
        self.half.is_none().then(|| self.extend(piece, keep))
    }

    /// Forgets what was added.
    pub(super) fn clear(&mut self) {
        (self.half, self.len) = (None, 0);
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
        let kept = self.written.as_bytes();
        let (begin, rest) = whole
            .as_bytes()
            .split_at_checked(self.len)
            .map_or((None, None), |(begin, _)| (Some(begin), whole.get(self.len..)));
        // What was not kept cannot be compared, but for its length.
        let same = begin.is_some_and(|begin| !keep || begin == kept);
        match rest.filter(|_| same) {
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
    }
}
