//! Thinking that only the provider can read, as `LiteLLM` passes it on from Anthropic.

use super::choice::{Choice, Life};
use super::draft::Fill;
use super::hand::Hand;
use crate::assemble::Fault;
use crate::event::{Event, RedactedData};
use crate::text::Text;
use crate::wire::Str;

impl Choice {
    /// Hands out a block of it, which is whole at once.
    pub(super) fn redact(&mut self, data: Str<'_>, hand: &mut Hand<'_, '_>) -> Result<(), Fault> {
        if data.is_empty() {
            return Ok(());
        }
        self.end_thinking(hand);
        self.end_text(hand);
        let data = hand.origin.source.unescaped(data, &mut None, &mut hand.ledger.arena);
        let kept = if hand.ledger.accumulate { data.copied() } else { Text::EMPTY };
        hand.ledger.hold(kept.len())?;
        let at = self.open(Fill::Redacted(kept), hand)?;
        if let Some(Life::Open(draft)) = self.blocks.get(at) {
            let index = draft.index;
            hand.ledger.output_started = true;
            hand.out.push_back(Event::RedactedThinking(RedactedData { index, data }));
        }
        self.close(at, true, hand.ledger, hand.out);
        Ok(())
    }
}
