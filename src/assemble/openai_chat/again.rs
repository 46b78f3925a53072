//! Inputs that a server says again: all of one once more behind its pieces, or with every piece all that was said
//! before it. The pieces on each other would be no JSON, and the call lost.

use super::choice::Choice;
use super::hand::Hand;
use super::tools::call;
use crate::assemble::growing::Growing;
use crate::assemble::{Fault, is_object};
use crate::rule::Rule;
use crate::text::Text;

/// How the pieces of an input have begun.
#[derive(Clone, Debug, Default)]
pub(super) struct Again {
    /// Where the last piece begins that had in it all from the last such on; nowhere if one had not.
    from: usize,
    /// How many of such there were, one after the other.
    times: u32,
}

impl Again {
    /// Looks at a piece that begins an object before it is added: says whether it is the whole input once more.
    pub(super) fn repeats(&mut self, input: &Growing, piece: &str) -> bool {
        if input.is_empty() {
            return false;
        }
        if is_object(piece) && is_same(input, piece) {
            return true;
        }
        let last = input.kept_from(self.from);
        let goes_on = last.is_some_and(|last| piece.as_bytes().starts_with(last));
        *self = match goes_on {
            true => Self { from: input.len(), times: self.times.saturating_add(1) },
            false => Self { from: usize::MAX, times: 0 },
        };
        false
    }

    /// The whole input, if each piece was all of it so far. Once is not enough to say so: an object may begin as the
    /// one around it does. Nor is it where the pieces make an object together.
    fn settled(&self, input: &Growing) -> Option<Text> {
        if self.times < 2 {
            return None;
        }
        let text = input.to_text();
        let last = text.get(self.from..).filter(|last| is_object(last) && !is_object(&text))?;
        Some(last.into())
    }
}

/// Whether an object is what the input says, if only with other white space and escapes. Not looked at if one is much
/// longer, for it would be looked at with every piece.
fn is_same(input: &Growing, object: &str) -> bool {
    let near = |one: usize, other: usize| one / 8 <= other;
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    input.is(object)
        || near(input.len(), object.len())
            && near(object.len(), input.len())
            && value(&input.to_text()).is_some_and(|said| Some(said) == value(object))
}

impl Choice {
    /// Takes the last word of the inputs that were said again with every piece.
    pub(super) fn settle_inputs(&mut self, hand: &mut Hand<'_, '_>) -> Result<(), Fault> {
        for at in self.tools.iter().copied() {
            let Some((index, tool, input)) = call(&mut self.blocks, at) else { continue };
            if let Some(whole) = tool.again.settled(input) {
                input.clear();
                input.push(&whole, true);
                let rule = Rule::RepeatedText;
                hand.ledger.tolerate(rule, Some(index), hand.origin, hand.out)?;
            }
        }
        Ok(())
    }
}
