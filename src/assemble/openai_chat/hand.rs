//! What is at hand where a chunk is added, and how its texts are.

use crate::assemble::growing::Growing;
use crate::assemble::{Fault, Ledger, Origin, Queue};
use crate::text::Text;
use crate::wire::Str;

/// What a chunk is added with.
pub(super) struct Hand<'a, 'b> {
    pub(super) ledger: &'a mut Ledger,
    /// The index of the next block: unique over all choices.
    pub(super) next: &'a mut u32,
    /// The id of the completion.
    pub(super) id: Option<&'a Text>,
    pub(super) origin: &'a Origin<'b>,
    pub(super) out: &'a mut Queue,
}

/// Adds a piece to the text of a block; gives the piece, if there is any. What `waits` to be handed out is kept
/// until then.
pub(super) fn write(
    text: &mut Growing,
    piece: Str<'_>,
    waits: bool,
    hand: &mut Hand<'_, '_>,
) -> Result<Option<Text>, Fault> {
    let ledger = &mut *hand.ledger;
    let keep = ledger.accumulate || waits;
    let piece = text.add(piece, hand.origin.source, keep, &mut ledger.arena);
    ledger.output_started |= !piece.is_empty() && !waits;
    ledger.hold(if keep { piece.len() } else { 0 })?;
    Ok(Some(piece).filter(|piece| !piece.is_empty()))
}
