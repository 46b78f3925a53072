//! Calls of tools: which call a piece is for, and what it adds.

use super::again::Again;
use super::choice::{Choice, Life};
use super::draft::{Fill, Tool};
use super::extra::{gemini_signature, keep_extra};
use super::hand::{Hand, write};
use crate::assemble::growing::Growing;
use crate::assemble::{Fault, is_object, made_up};
use crate::event::{Event, ToolStart};
use crate::message::ToolKind;
use crate::rule::Rule;
use crate::text::Text;
use crate::wire::Str;
use crate::wire::openai_chat::{Input, ToolDelta};

impl Choice {
    /// Adds a piece of a call.
    pub(super) fn tool(
        &mut self,
        delta: &ToolDelta<'_>,
        hand: &mut Hand<'_, '_>,
    ) -> Result<(), Fault> {
        let id = delta.id.map(text);
        let name = delta.name.map(text);
        let at = match self.route(delta, id.as_ref(), name.as_ref()) {
            Some(at) => at,
            // A piece that names no call and says nothing begins none.
            None if id.is_none() && name.is_none() && delta.input.is_none() => return Ok(()),
            None => self.begin_call(delta.legacy, hand)?,
        };
        // Some servers give all calls of a reply one id, by which nobody could answer them.
        let id = id.filter(|id| self.ids.get(id).is_none_or(|first| *first == at));
        if let Some(slot) = delta.index
            && self.slots.get(&slot) != Some(&at)
        {
            hand.ledger.bound_blocks(self.slots.len())?;
            hand.ledger.hold(SLOT)?;
            self.slots.insert(slot, at);
        }
        let Some((index, tool, input)) = call(&mut self.blocks, at) else {
            return Ok(());
        };
        // What is said again is a repetition, not a suffix.
        if let Some(id) = id.filter(|_| tool.id.is_empty()) {
            // It is held twice, here and where it is looked up.
            hand.ledger.hold(id.len().saturating_mul(2).saturating_add(SLOT))?;
            tool.id = id.clone();
            self.ids.insert(id, at);
        }
        if tool.name.is_empty() {
            tool.name = name.unwrap_or_default();
            hand.ledger.hold(tool.name.len())?;
        }
        if delta.custom && !tool.announced {
            tool.kind = ToolKind::Custom;
        }
        if let Some((key, extra)) = delta.extra() {
            keep_extra(&mut tool.extra_content, key, extra, hand.ledger)?;
        }
        announce(index, tool, input, hand);
        if let Some((key, extra)) = delta.extra() {
            let signature = gemini_signature(index, key, extra);
            hand.ledger.output_started |= signature.is_some();
            hand.out.extend(signature);
        }
        match delta.input {
            Some(Input::Piece(piece)) => fill(index, tool, input, piece, hand),
            // A string with the JSON in it, or the JSON itself: the same text.
            Some(Input::Whole(raw)) => fill(index, tool, input, Str::plain(raw), hand),
            None => Ok(()),
        }
    }

    /// The call that a piece is for, or `None` for a new one: by its id, then by its number, then the
    /// latest. One id under two names, or under two numbers, is of two calls.
    fn route(
        &mut self,
        delta: &ToolDelta<'_>,
        id: Option<&Text>,
        name: Option<&Text>,
    ) -> Option<usize> {
        let by_id = id.and_then(|id| self.ids.get(id)).copied();
        let by_slot = delta.index.and_then(|slot| self.slots.get(&slot)).copied();
        if let Some(at) = by_id {
            let (_, tool, input) = call(&mut self.blocks, by_slot.unwrap_or(at))?;
            let other_name = name.is_some_and(|name| !tool.name.is_empty() && tool.name != *name);
            // A number that was not there before, and all of an input again.
            let whole = tool.whole || tool.placeholder;
            let again = name.is_some() && delta.index.is_some() && whole && is_whole(delta.input);
            let anew = whole || !input.is_empty() && begins(delta.input);
            return match by_slot {
                Some(slot) if tool.id.is_empty() && !other_name => Some(slot),
                Some(slot) if slot == at && other_name && anew => None,
                Some(_) => Some(at),
                None => (!other_name && !again).then_some(at),
            };
        }
        let Some(at) = by_slot else {
            // Without a number that is known, an id or a name begins a call, and anything else goes on
            // with the last.
            let goes_on = id.is_none() && (name.is_none() || delta.legacy);
            return self.tools.last().copied().filter(|_| goes_on);
        };
        // Gemini numbers all calls 0.
        let (_, tool, _) = call(&mut self.blocks, at)?;
        let other_id = id.is_some() && !tool.id.is_empty();
        let other_name = name.is_some_and(|name| !tool.name.is_empty() && tool.name != *name);
        // One that has an id is gone on with by its number, whatever else is said of it.
        let other_name = other_name && (tool.id.is_empty() || tool.whole);
        let again = name.is_some() && tool.whole && is_whole(delta.input);
        (!other_id && !other_name && !again).then_some(at)
    }

    fn begin_call(&mut self, legacy: bool, hand: &mut Hand<'_, '_>) -> Result<usize, Fault> {
        self.end_text(hand);
        self.end_thinking(hand);
        self.interrupt();
        let tool = Tool {
            kind: ToolKind::Client,
            // There is one, and it never has an id.
            id: if legacy { made_up(0, hand.id) } else { Text::EMPTY },
            name: Text::EMPTY,
            announced: false,
            placeholder: false,
            whole: false,
            again: Again::default(),
            extra_content: None,
        };
        let at = self.open(Fill::Tool(tool), hand)?;
        self.tools.push(at);
        Ok(at)
    }

    /// Gives the calls that never got an id one, and hands out what has waited. A call without a name
    /// is none.
    pub(super) fn name_calls(&mut self, hand: &mut Hand<'_, '_>) -> Result<(), Fault> {
        let mut number = 0_usize;
        for at in self.tools.iter().copied() {
            let Some((index, tool, input)) = call(&mut self.blocks, at) else {
                continue;
            };
            if tool.name.is_empty() {
                hand.ledger.tolerate(Rule::MissingField, Some(index), hand.origin, hand.out)?;
                continue;
            }
            if tool.id.is_empty() {
                let mut id = made_up(number, hand.id);
                while self.ids.contains_key(&id) {
                    number = number.saturating_add(1);
                    id = made_up(number, hand.id);
                }
                self.ids.insert(id.clone(), at);
                tool.id = id;
                announce(index, tool, input, hand);
                let rule = Rule::MissingToolId;
                hand.ledger.tolerate(rule, Some(index), hand.origin, hand.out)?;
            }
        }
        // Or the reply would end for calls that nobody can run.
        let blocks = &mut self.blocks;
        let named = |at: &usize| call(blocks, *at).is_none_or(|(_, tool, _)| !tool.name.is_empty());
        self.tools.retain(named);
        Ok(())
    }
}

/// The call in a block: the block's index, what is known of the call, and its input.
pub(super) fn call(blocks: &mut [Life], at: usize) -> Option<(u32, &mut Tool, &mut Growing)> {
    let Life::Open(draft) = blocks.get_mut(at)? else {
        return None;
    };
    match &mut draft.fill {
        Fill::Tool(tool) => Some((draft.index, tool, &mut draft.text)),
        Fill::Text { .. } | Fill::Thinking(_) | Fill::Redacted(_) => None,
    }
}

/// Hands out that a call begins, once its name and its id are known; and the input that has waited
/// for it.
fn announce(index: u32, tool: &mut Tool, waited: &Growing, hand: &mut Hand<'_, '_>) {
    if tool.announced || tool.name.is_empty() || tool.id.is_empty() {
        return;
    }
    tool.announced = true;
    let (id, name, kind) = (tool.id.clone(), tool.name.clone(), tool.kind);
    hand.ledger.output_started = true;
    hand.out.push_back(Event::ToolStart(ToolStart { index, id, name, kind }.into()));
    let waited = waited.to_text();
    if !waited.is_empty() {
        hand.out.push_back(Event::tool_input(index, waited));
    }
}

/// Adds a piece to the input of a call.
fn fill(
    index: u32,
    tool: &mut Tool,
    input: &mut Growing,
    piece: Str<'_>,
    hand: &mut Hand<'_, '_>,
) -> Result<(), Fault> {
    // An empty object that comes first may only stand for what is yet to come.
    let json = tool.kind != ToolKind::Custom;
    let empty = json && input.is_empty() && piece.verbatim() == Some("{}");
    let begins = json && !tool.placeholder && piece.raw().starts_with('{');
    if begins && tool.again.repeats(input, &piece.decode()) {
        return hand.ledger.tolerate(Rule::RepeatedText, Some(index), hand.origin, hand.out);
    }
    tool.whole = json && input.is_empty() && !empty && is_whole(Some(Input::Piece(piece)));
    if core::mem::replace(&mut tool.placeholder, empty)
        && piece.decode().trim_start().starts_with('{')
    {
        input.clear();
        let rule = Rule::DoneDiffers;
        hand.ledger.tolerate(rule, Some(index), hand.origin, hand.out)?;
    }
    let raw = piece.raw().len();
    let written = write(input, piece, !tool.announced, hand)?;
    // Written as JSON, a text takes what it took on the wire.
    if tool.kind == ToolKind::Custom && hand.ledger.accumulate {
        let more = raw.saturating_sub(written.as_ref().map_or(0, Text::len));
        hand.ledger.hold(more)?;
    }
    hand.ledger.bound_input(input.len())?;
    if let Some(piece) = written.filter(|_| tool.announced) {
        hand.out.push_back(Event::tool_input(index, piece));
    }
    Ok(())
}

/// Whether this is all of an input, and not the beginning of one.
fn is_whole(input: Option<Input<'_>>) -> bool {
    match input {
        Some(Input::Piece(piece)) => is_object(&piece.decode()),
        Some(Input::Whole(raw)) => is_object(raw),
        None => false,
    }
}

/// Whether an input begins with this.
fn begins(input: Option<Input<'_>>) -> bool {
    let begun = match input {
        Some(Input::Piece(piece)) => piece.raw(),
        Some(Input::Whole(raw)) => raw,
        None => "",
    };
    begun.trim_start().starts_with('{')
}

/// Bytes that an entry of a table takes.
const SLOT: usize = 64;

fn text(string: Str<'_>) -> Text {
    Text::from(&*string.decode())
}
