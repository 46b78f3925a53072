//! The items of the output: where they stand, and what comes of their events.

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::draft::{Done, Draft, Fill, action, text};
use super::machine::Machine;
use super::{Input, Outcome, Slot, Target};
use crate::assemble::{Fault, Origin, Queue, finished};
use crate::event::{Event, Signature, ToolCall, ToolStart};
use crate::json::Flaw;
use crate::message::{Block, Content, ToolKind};
use crate::rule::Rule;
use crate::text::Text;
use crate::wire::openai_responses::{Item, Response};

/// An item's place in the output.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) index: u32,
    pub(super) life: Life,
}

#[derive(Debug)]
pub(super) enum Life {
    Open(Box<Draft>),
    Closed(Closed),
}

#[derive(Debug)]
pub(super) struct Closed {
    /// The type of the item.
    kind: Text,
    /// `None` if the message is not accumulated.
    pub(super) block: Option<Arc<Block>>,
}

impl Machine {
    pub(super) fn item_added(
        &mut self,
        index: Option<u32>,
        item: &Item<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let behind = self.places.last().map_or(0, |place| place.index.saturating_add(1));
        let at = index.unwrap_or(behind);
        let slot = match self.find(at).and_then(|at| self.places.get(at)) {
            None => Slot::Free,
            Some(Place { life: Life::Open(draft), .. }) if draft.is_alike(item) => Slot::Alike,
            Some(_) => Slot::Other,
        };
        match self.step(Input::ItemAdded(slot), index, origin, out)? {
            Outcome::Open | Outcome::OpenAnew => {}
            _ => return Ok(()),
        }
        if index.is_none() {
            self.ledger.tolerate(Rule::MissingIndex, None, origin, out)?;
        }
        self.open(Draft::new(at, item), item, out)
    }

    pub(super) fn open(
        &mut self,
        draft: Draft,
        item: &Item<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        self.ledger.bound_blocks(self.places.len())?;
        let index = draft.index;
        self.awaits_client |= awaits_client(&draft, item);
        let at = self.places.partition_point(|place| place.index <= index);
        self.places.insert(at, Place { index, life: Life::Open(draft.into()) });
        self.last = at;
        if let Some(draft) = self.draft(at)
            && draft.announce(out)
        {
            self.ledger.output_started = true;
        }
        Ok(())
    }

    pub(super) fn item_done(
        &mut self,
        index: Option<u32>,
        item: &Item<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let at = self.locate(index, origin, out)?;
        let target = match at.and_then(|at| self.places.get(at)) {
            None => Target::Missing,
            Some(Place { life: Life::Closed(_), .. }) => Target::Closed,
            Some(place) if place.kind() == item.kind => Target::Open,
            Some(_) => Target::Unfit,
        };
        let mut outcome = self.step(Input::ItemDone(target), index, origin, out)?;
        let mut at = at.unwrap_or(self.places.len());
        if outcome == Outcome::OpenFirst {
            let behind = self.places.last().map_or(0, |place| place.index.saturating_add(1));
            self.open(Draft::new(index.unwrap_or(behind), item), item, out)?;
            at = self.last;
            outcome = self.step(Input::ItemDone(Target::Open), index, origin, out)?;
        }
        if outcome == Outcome::Close { self.close(at, item, origin, out) } else { Ok(()) }
    }

    /// Finishes an item with what its end says.
    fn close(
        &mut self,
        at: usize,
        item: &Item<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        self.settle_parts(at, item, origin, out)?;
        self.end_halves(at, out)?;
        let Some(Place { index, life }) = self.places.get_mut(at) else {
            return Ok(());
        };
        let index = *index;
        let ledger = &mut self.ledger;
        let kind = Text::from(&*item.kind);
        let closed = Life::Closed(Closed { kind, block: None });
        let Life::Open(mut draft) = core::mem::replace(life, closed) else {
            return Ok(());
        };
        let mut done = Done {
            stored_nowhere: self.stored_nowhere,
            plain: item.content.iter().next().is_some(),
            phase: item.phase.map(text),
            input: action(item),
            cut: item.status.is_some_and(|status| status.verbatim() == Some("incomplete")),
            ..Done::default()
        };
        let signature = item.encrypted_content.filter(|encrypted| !encrypted.is_empty());
        if let (Some(signature), Fill::Reasoning) = (signature, &draft.fill) {
            let signature = origin.source.unescaped(signature, &mut None, &mut ledger.arena);
            done.signature = Some(signature.clone());
            ledger.output_started = true;
            out.push_back(Event::Signature(Signature { index, signature }));
        }
        if let Fill::Tool(tool) = &mut draft.fill {
            tool.complete(item);
        }
        draft.announce_late(out);
        if !ledger.accumulate {
            return Ok(());
        }
        done.raw = Some(origin.source.json(item.raw));
        ledger.hold(item.raw.len())?;
        let block = Arc::new(draft.into_block(Some(done), &mut ledger.spare));
        ledger.output_started = true;
        if let Content::ToolUse(tool) = &block.content {
            ledger.tool_call_emitted = true;
            out.push_back(Event::ToolCall(ToolCall::new(index, tool).into()));
        }
        finished(&block, out);
        if let Some(Place { life: Life::Closed(closed), .. }) = self.places.get_mut(at) {
            closed.block = Some(block);
        }
        Ok(())
    }

    /// Takes what the end of the response says of items that have not ended themselves. Where nothing
    /// else came, that is the reply.
    pub(super) fn take_output(
        &mut self,
        response: &Response<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let none = self.places.is_empty();
        if !none && self.places.iter().all(|place| !place.is_open()) {
            return Ok(());
        }
        for (index, item) in (0..).zip(response.output()) {
            let at = self.find(index);
            let open = at.and_then(|at| self.places.get(at)).filter(|place| place.is_open());
            match (at, open) {
                (Some(at), Some(place)) if place.kind() == item.kind => {
                    self.close(at, &item, origin, out)?;
                }
                _ if none => self.item_done(Some(index), &item, origin, out)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Warns of every item that is still open.
    pub(super) fn warn_of_open(&self, origin: &Origin<'_>, out: &mut Queue) -> Result<(), Fault> {
        for place in self.places.iter().filter(|place| place.is_open()) {
            let rule = Rule::MissingBlockStop;
            self.ledger.warn(rule, Some(place.index), false, origin, out)?;
        }
        Ok(())
    }

    /// The place of the item that an event is for; without an index, that of the only open one.
    pub(super) fn locate(
        &mut self,
        index: Option<u32>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<Option<usize>, Fault> {
        if let Some(index) = index {
            return Ok(self.find(index));
        }
        if self.is_done() || self.places.is_empty() {
            return Ok(None);
        }
        let mut open = (0..).zip(&self.places).filter(|(_, place)| place.is_open());
        match (open.next(), open.next()) {
            (Some((at, place)), None) => {
                let index = Some(place.index);
                self.ledger.tolerate(Rule::MissingIndex, index, origin, out).map(|()| Some(at))
            }
            (None, _) => Ok(None),
            _ => Err(Fault::Malformed {
                event: origin.name.into(),
                index: None,
                flaw: Flaw::Missing("output_index"),
            }),
        }
    }

    /// The place of the item with this index; of several the last.
    pub(super) fn find(&self, index: u32) -> Option<usize> {
        if self.places.get(self.last).is_some_and(|place| place.index == index && place.is_open()) {
            return Some(self.last);
        }
        let behind = self.places.partition_point(|place| place.index <= index);
        let at = behind.checked_sub(1)?;
        self.places.get(at).filter(|place| place.index == index).map(|_| at)
    }

    pub(super) fn kind_at(&self, index: Option<u32>) -> Option<&str> {
        let at = index.map_or(Some(self.last), |index| self.find(index))?;
        self.places.get(at).map(Place::kind)
    }

    pub(super) fn draft(&mut self, at: usize) -> Option<&mut Draft> {
        match self.places.get_mut(at) {
            Some(Place { life: Life::Open(draft), .. }) => Some(draft),
            _ => None,
        }
    }
}

impl Draft {
    /// Hands out that a tool call begins, if it is known which.
    fn announce(&mut self, out: &mut Queue) -> bool {
        let index = self.index;
        let Fill::Tool(tool) = &mut self.fill else {
            return false;
        };
        if tool.announced || tool.name.is_empty() || tool.id.is_empty() {
            return false;
        }
        tool.announced = true;
        let (id, name, kind) = (tool.id.clone(), tool.name.clone(), tool.kind);
        out.push_back(Event::ToolStart(ToolStart { index, id, name, kind }.into()));
        true
    }

    /// Hands that out at the end, with the input that has waited for it.
    fn announce_late(&mut self, out: &mut Queue) {
        let late = matches!(&self.fill, Fill::Tool(tool) if !tool.announced);
        if late && self.announce(out) {
            let inputs = self.parts.iter().map(|part| part.text.to_text());
            let index = self.index;
            let inputs = inputs.filter(|input| !input.is_empty());
            out.extend(inputs.map(|input| Event::tool_input(index, input)));
        }
    }
}

impl Place {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.life, Life::Open(_))
    }

    /// The type of the item.
    fn kind(&self) -> &str {
        match &self.life {
            Life::Open(draft) => draft.kind(),
            Life::Closed(closed) => &closed.kind,
        }
    }
}

/// Whether the model waits for the client to do what the item says.
fn awaits_client(draft: &Draft, item: &Item<'_>) -> bool {
    match &draft.fill {
        Fill::Tool(tool) => matches!(tool.kind, ToolKind::Client | ToolKind::Custom),
        _ => item.kind == "mcp_approval_request",
    }
}
