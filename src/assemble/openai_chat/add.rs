//! Pieces of text that go on with the last one, as nearly all do.

use super::State;
use super::choice::{Choice, Life};
use super::draft::{Draft, Fill};
use super::machine::Machine;
use crate::message::ToolKind;
use crate::text::Lent;
use crate::wire::openai_chat::{Only, What};
use crate::wire::piece::DeltaKind;

impl Machine {
    /// Adds a piece of text, as [`go_on`](Self::go_on) does where nothing is out of the ordinary: says what
    /// it fills, and in which block. If anything is, it does nothing.
    #[inline]
    pub(crate) fn add(&mut self, only: Only, piece: Lent<'_>) -> Option<(DeltaKind, u32)> {
        if self.state != State::Streaming || self.current != only.choice {
            return None;
        }
        // What begins an object may be said again.
        if matches!(only.what, What::Input(_)) && piece.as_bytes().first() == Some(&b'{') {
            return None;
        }
        let held = self.ledger.held_with(piece.len())?;
        let most = self.ledger.limits.tool_input_bytes;
        let mut choices = self.choices.iter_mut();
        let choice = choices.find(|choice| choice.index == only.choice)?;
        let (kind, draft) = choice.growing(only.what, piece.len(), most)?;
        draft.text.add_whole(piece, self.ledger.accumulate)?;
        self.ledger.held = held;
        self.ledger.output_started = true;
        Some((kind, draft.index))
    }
}

impl Choice {
    /// The block that a piece of so many bytes can be added to as it is, and what it fills there.
    pub(super) fn growing(
        &mut self,
        what: What,
        len: usize,
        most: usize,
    ) -> Option<(DeltaKind, &mut Draft)> {
        let (kind, at) = match what {
            What::Content => (DeltaKind::Text, self.text?),
            What::ReasoningContent | What::Reasoning | What::ReasoningText => {
                (DeltaKind::Thinking, self.thinking?)
            }
            What::Input(slot) => (DeltaKind::InputJson, *self.slots.get(&slot?)?),
            What::Detail(..) | What::Part => return None,
        };
        let Life::Open(draft) = self.blocks.get_mut(at)? else {
            return None;
        };
        let fits = match (kind, &draft.fill) {
            (DeltaKind::Text, Fill::Text { refusal, .. }) => !refusal,
            (DeltaKind::Thinking, Fill::Thinking(_)) => !draft.is_signed(),
            (DeltaKind::InputJson, Fill::Tool(tool)) => {
                let plain = tool.announced
                    && !tool.placeholder
                    && !tool.whole
                    && tool.kind != ToolKind::Custom;
                // What comes first may be no more than a placeholder.
                plain && !draft.text.is_empty() && draft.text.len().saturating_add(len) <= most
            }
            _ => false,
        };
        fits.then_some((kind, draft))
    }
}
