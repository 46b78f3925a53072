//! What Gemini adds to texts and calls, and wants back with them.

use super::choice::{Choice, Life};
use super::hand::Hand;
use crate::assemble::{Fault, Ledger};
use crate::event::{Event, Signature};
use crate::json::Json;
use crate::json::edit::raw_member;
use crate::message::call_signature;

/// What was added to a text or a call, as it came.
#[derive(Clone, Debug)]
pub(super) struct Extra {
    /// Beside the call, or in its message.
    pub(super) key: &'static str,
    pub(super) json: Json,
    signed: bool,
}

impl Choice {
    /// Keeps what Gemini wants back with the text.
    pub(super) fn extra(&mut self, extra: &str, hand: &mut Hand<'_, '_>) -> Result<(), Fault> {
        let key = "extra_content";
        if is_thought(extra) && gemini_signature(0, key, extra).is_none() {
            return Ok(());
        }
        keep_extra(&mut self.extra_content, key, extra, hand.ledger)?;
        let index = match self.blocks.last() {
            Some(Life::Open(draft)) => draft.index,
            _ => *hand.next,
        };
        let signature = gemini_signature(index, key, extra);
        hand.ledger.output_started |= signature.is_some();
        hand.out.extend(signature);
        Ok(())
    }
}

/// Keeps what Gemini adds to a text or a call. What comes without a signature replaces none.
pub(super) fn keep_extra(
    known: &mut Option<Extra>,
    key: &'static str,
    extra: &str,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    let signed = call_signature(key, extra).is_some();
    if known.as_ref().is_none_or(|known| signed || !known.signed) {
        let before = known.as_ref().map_or(0, |known| known.json.len());
        ledger.hold(extra.len().saturating_sub(before))?;
        *known = Some(Extra { key, json: Json::checked(extra), signed });
    }
    Ok(())
}

/// The signature in what Gemini adds to a text or a call.
pub(super) fn gemini_signature(index: u32, key: &str, extra: &str) -> Option<Event> {
    let signature = call_signature(key, extra)?.into();
    Some(Event::Signature(Signature { index, signature }))
}

/// Whether it says that the text is a thought.
pub(super) fn is_thought(extra: &str) -> bool {
    raw_member(extra, "google").and_then(|own| raw_member(own, "thought")) == Some("true")
}
