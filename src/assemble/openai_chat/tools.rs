//! Calls of tools: which call a piece is for, and what it adds.

use alloc::format;

use super::choice::{Choice, Hand, Life, gemini_signature};
use super::draft::{Fill, Tool};
use crate::assemble::Fault;
use crate::event::{Event, ToolStart};
use crate::json::Json;
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
        let at = match self.route(delta, id.as_ref()) {
            Some(at) => at,
            // A piece that names no call and says nothing begins none.
            None if id.is_none() && delta.name.is_none() && delta.input.is_none() => return Ok(()),
            None => self.begin_call(delta, hand)?,
        };
        let Some(tool) = self.call(at) else {
            return Ok(());
        };
        // What is said again is a repetition, not a suffix.
        if tool.id.is_empty() && !tool.announced {
            tool.id = id.unwrap_or_default();
        }
        if tool.name.is_empty() {
            tool.name = delta.name.map(text).unwrap_or_default();
        }
        if delta.custom && !tool.announced {
            tool.kind = ToolKind::Custom;
        }
        if let Some(extra) = delta.extra_content {
            tool.extra_content = Some(Json::checked(extra));
            hand.ledger.hold(extra.len())?;
        }
        self.announce(at, delta.legacy, hand)?;
        if let Some(extra) = delta.extra_content {
            let index = self.index_of(at);
            hand.out.extend(index.and_then(|index| gemini_signature(index, extra)));
        }
        match delta.input {
            Some(Input::Piece(piece)) => self.input(at, piece, hand),
            // A string with the JSON in it, or the JSON itself: the same text.
            Some(Input::Whole(raw)) => self.input(at, Str::plain(raw), hand),
            None => Ok(()),
        }
    }

    /// The call that a piece is for, or `None` for a new one: by its id, then by its number, then the
    /// latest.
    fn route(&self, delta: &ToolDelta<'_>, id: Option<&Text>) -> Option<usize> {
        let mut calls = self.tools.iter().rev().filter_map(|at| Some((*at, self.call_at(*at)?)));
        if let Some(id) = id
            && let Some((at, _)) = calls.clone().find(|(_, tool)| tool.id == *id)
        {
            return Some(at);
        }
        let Some(slot) = delta.index else {
            // Without a number, a name or an id begins a call, and anything else goes on with the last.
            let goes_on = id.is_none() && (delta.name.is_none() || delta.legacy);
            return calls.next().filter(|_| goes_on).map(|(at, _)| at);
        };
        let (at, tool) = calls.find(|(_, tool)| tool.slot == Some(slot))?;
        // Gemini numbers all calls 0. Elsewhere an id that changes with every piece comes without a
        // name.
        let other = id.is_some() && !tool.id.is_empty() && delta.name.is_some();
        (!other).then_some(at)
    }

    fn begin_call(
        &mut self,
        delta: &ToolDelta<'_>,
        hand: &mut Hand<'_, '_>,
    ) -> Result<usize, Fault> {
        self.end_text(hand);
        self.end_thinking(hand);
        let tool = Tool {
            kind: ToolKind::Client,
            id: Text::EMPTY,
            name: Text::EMPTY,
            slot: delta.index,
            announced: false,
            extra_content: None,
        };
        let at = self.open(Fill::Tool(tool), hand)?;
        self.tools.push(at);
        Ok(at)
    }

    /// Hands out that a call begins, once its name is known; and the input that has waited for it.
    fn announce(&mut self, at: usize, legacy: bool, hand: &mut Hand<'_, '_>) -> Result<(), Fault> {
        let made_up = self.tools.iter().position(|tool| *tool == at).unwrap_or_default();
        let Some(Life::Open(draft)) = self.blocks.get_mut(at) else {
            return Ok(());
        };
        let index = draft.index;
        let Fill::Tool(tool) = &mut draft.fill else {
            return Ok(());
        };
        if tool.announced || tool.name.is_empty() {
            return Ok(());
        }
        tool.announced = true;
        let nameless = tool.id.is_empty();
        if nameless {
            tool.id = format!("call_{made_up}").into();
        }
        let (id, name, kind) = (tool.id.clone(), tool.name.clone(), tool.kind);
        hand.ledger.output_started = true;
        hand.ledger.hold(id.len().saturating_add(name.len()))?;
        let waited = draft.text.to_text();
        hand.out.push_back(Event::ToolStart(ToolStart { index, id, name, kind }.into()));
        if !waited.is_empty() {
            hand.out.push_back(Event::tool_input(index, waited));
        }
        if nameless && !legacy {
            let rule = Rule::MissingToolId;
            hand.ledger.tolerate(rule, Some(index), hand.origin, hand.out)?;
        }
        Ok(())
    }

    fn input(&mut self, at: usize, piece: Str<'_>, hand: &mut Hand<'_, '_>) -> Result<(), Fault> {
        let written = self.write(at, piece, hand)?;
        let Some(Life::Open(draft)) = self.blocks.get(at) else {
            return Ok(());
        };
        hand.ledger.bound_input(draft.text.len())?;
        let announced = matches!(&draft.fill, Fill::Tool(tool) if tool.announced);
        if let Some((index, piece)) = written.filter(|_| announced) {
            hand.out.push_back(Event::tool_input(index, piece));
        }
        Ok(())
    }

    fn call(&mut self, at: usize) -> Option<&mut Tool> {
        match self.blocks.get_mut(at) {
            Some(Life::Open(draft)) => match &mut draft.fill {
                Fill::Tool(tool) => Some(tool),
                _ => None,
            },
            _ => None,
        }
    }

    fn call_at(&self, at: usize) -> Option<&Tool> {
        match self.blocks.get(at) {
            Some(Life::Open(draft)) => match &draft.fill {
                Fill::Tool(tool) => Some(tool),
                _ => None,
            },
            _ => None,
        }
    }

    fn index_of(&self, at: usize) -> Option<u32> {
        match self.blocks.get(at) {
            Some(Life::Open(draft)) => Some(draft.index),
            _ => None,
        }
    }
}

fn text(string: Str<'_>) -> Text {
    Text::from(&*string.decode())
}
