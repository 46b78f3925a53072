//! What Gemini adds to texts and calls, and wants back with them.

use crate::assemble::{Fault, Ledger};
use crate::event::{Event, Signature};
use crate::json::Json;
use crate::json::edit::{raw_member, string_member};

/// What was added to a text or a call, as it came.
#[derive(Clone, Debug)]
pub(super) struct Extra {
    pub(super) json: Json,
    signed: bool,
}

/// Keeps what Gemini adds to a text or a call. What comes without a signature replaces none.
pub(super) fn keep_extra(
    known: &mut Option<Extra>,
    extra: &str,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    let signed = gemini_signature(0, extra).is_some();
    if known.as_ref().is_none_or(|known| signed || !known.signed) {
        let before = known.as_ref().map_or(0, |known| known.json.len());
        ledger.hold(extra.len().saturating_sub(before))?;
        *known = Some(Extra { json: Json::checked(extra), signed });
    }
    Ok(())
}

/// The signature in what Gemini adds to a text or a call.
pub(super) fn gemini_signature(index: u32, extra: &str) -> Option<Event> {
    // Vertex signs under a name of its own.
    let signer = raw_member(extra, "google").or_else(|| raw_member(extra, "vertex"))?;
    let signature = string_member(signer, "thought_signature").filter(|text| !text.is_empty())?;
    Some(Event::Signature(Signature { index, signature: signature.into() }))
}
