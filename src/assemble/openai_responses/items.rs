//! The items of the output: where they stand, and what comes of their events.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use super::draft::{Done, Draft, Fill, action, text};
use super::machine::Machine;
use super::{Input, Outcome, Slot, Target};
use crate::assemble::{Fault, Origin, Queue, finished};
use crate::event::{Event, Signature, ToolCall, ToolStart};
use crate::json::Flaw;
use crate::message::{Block, Content};
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

#[derive(Debug, Default)]
pub(super) struct Closed {
    /// The type of the item.
    kind: Text,
    /// The id that the result of a call names, else that of the item.
    id: Text,
    /// The client has to do something before the model can go on.
    awaits_client: bool,
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
        let at = index.unwrap_or_else(|| self.behind());
        let mut slot = Slot::Free;
        for place in self.with_index(at) {
            slot = Slot::Other;
            if place.is_alike(item) {
                slot = Slot::Alike;
                break;
            }
        }
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
        // Its names and ids are in there.
        self.ledger.hold(item.raw.len())?;
        let index = draft.index;
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
        let at = match index {
            Some(index) => self.find_for(index, item),
            None => self.locate(None, origin, out)?,
        };
        let target = match at.and_then(|at| self.places.get(at)) {
            None => Target::Missing,
            Some(Place { life: Life::Closed(_), .. }) => Target::Closed,
            Some(place) if place.kind() == item.kind => Target::Open,
            Some(_) => Target::Unfit,
        };
        let mut outcome = self.step(Input::ItemDone(target), index, origin, out)?;
        let mut at = at.unwrap_or(self.places.len());
        if outcome == Outcome::OpenFirst {
            let index = index.unwrap_or_else(|| self.behind());
            self.open(Draft::new(index, item), item, out)?;
            at = self.last;
            outcome = self.step(Input::ItemDone(Target::Open), Some(index), origin, out)?;
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
        self.complete_call(at, item, origin, out)?;
        let Some(Place { index, life }) = self.places.get_mut(at) else {
            return Ok(());
        };
        let index = *index;
        let ledger = &mut self.ledger;
        let closed = Closed { kind: (&*item.kind).into(), ..Closed::default() };
        let Life::Open(mut draft) = core::mem::replace(life, Life::Closed(closed)) else {
            return Ok(());
        };
        let status = item.status.map(|status| status.decode());
        let mut done = Done {
            stored_nowhere: self.stored_nowhere,
            plain: item.content.iter().next().is_some(),
            phase: item.phase.map(text),
            input: action(item),
            cut: status.as_deref() == Some("incomplete"),
            ..Done::default()
        };
        let signature = item.encrypted_content.filter(|encrypted| !encrypted.is_empty());
        if let (Some(signature), Fill::Reasoning) = (signature, &draft.fill) {
            let signature = origin.source.unescaped(signature, &mut None, &mut ledger.arena);
            done.signature = Some(signature.clone());
            ledger.output_started = true;
            out.push_back(Event::Signature(Signature { index, signature }));
        }
        ledger.output_started |= draft.announce_late(out);
        let (id, awaits_client) = (draft.id(), draft.awaits_client());
        let mut block = None;
        if ledger.accumulate {
            if !item.raw.is_empty() {
                done.raw = Some(origin.source.json(item.raw));
                ledger.hold(item.raw.len())?;
            }
            let cut = done.cut;
            let made = Arc::new(draft.into_block(Some(done), &mut ledger.spare));
            ledger.output_started = true;
            // Half of a call is none, also if its end says so.
            if let (Content::ToolUse(tool), false) = (&made.content, cut) {
                ledger.tool_call_emitted = true;
                out.push_back(Event::ToolCall(ToolCall::new(index, tool).into()));
            }
            finished(&made, out);
            block = Some(made);
        }
        if let Some(Place { life: Life::Closed(closed), .. }) = self.places.get_mut(at) {
            *closed = Closed { kind: core::mem::take(&mut closed.kind), id, awaits_client, block };
        }
        Ok(())
    }

    /// Takes over what the end of a call says of it, beside its input.
    fn complete_call(
        &mut self,
        at: usize,
        item: &Item<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        if let Some(input) = action(item) {
            self.ledger.bound_input(input.len())?;
        }
        let Some(Place { index, life: Life::Open(draft) }) = self.places.get_mut(at) else {
            return Ok(());
        };
        let index = *index;
        let Fill::Tool(tool) = &mut draft.fill else {
            return Ok(());
        };
        if tool.complete(item) {
            self.ledger.tolerate(Rule::DoneDiffers, Some(index), origin, out)?;
        } else if tool.id.is_empty() && !tool.name.is_empty() {
            tool.id = alloc::format!("call_{index}").into();
            self.ledger.tolerate(Rule::MissingToolId, Some(index), origin, out)?;
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
        let known: BTreeMap<Text, u32> =
            self.places.iter().map(|place| (place.id(), place.index)).collect();
        for (index, item) in (0..).zip(response.output()) {
            match self.find_in_output(&known, index, &item) {
                Some(at) if self.places.get(at).is_some_and(Place::is_open) => {
                    self.close(at, &item, origin, out)?;
                }
                // A call that nobody has heard of has to be answered all the same. Other items may be
                // known by another id: some servers make up new ones all the time.
                None if none || item.kind.ends_with("_call") && item.call_id.is_some() => {
                    let taken = self.find(index).is_some();
                    let index = if taken { self.behind() } else { index };
                    self.item_done(Some(index), &item, origin, out)?;
                }
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    /// Finishes the items whose texts were all said whole, although their ends never came.
    pub(super) fn close_whole(
        &mut self,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        for at in 0..self.places.len() {
            let Some(Place { index, life: Life::Open(draft) }) = self.places.get(at) else {
                continue;
            };
            let index = *index;
            let whole = !draft.parts.is_empty() && draft.parts.iter().all(|part| part.whole);
            let kind = Text::from(draft.kind());
            self.ledger.warn(Rule::MissingBlockStop, Some(index), false, origin, out)?;
            if whole && kind != "reasoning" {
                let item = Item { kind: (&*kind).into(), ..Item::default() };
                self.close(at, &item, origin, out)?;
            }
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

    /// The place of the item that ends as `item` says: of several with this index the same call, then
    /// the only one that is open.
    fn find_for(&self, index: u32, item: &Item<'_>) -> Option<usize> {
        let from = self.places.partition_point(|place| place.index < index);
        let places = || (from..).zip(self.with_index(index));
        let mut open = places().filter(|(_, place)| place.is_open());
        let alike = places().filter(|(_, place)| place.is_alike(item));
        let alike = alike.min_by_key(|(_, place)| !place.is_open());
        let (first, second) = (open.next(), open.next());
        let only = first.filter(|_| second.is_none());
        let last = places().last().filter(|_| first.is_none());
        alike.or(only).or(last).map(|(at, _)| at)
    }

    /// The place of an item of the whole output: by its call, its id, or where it stands.
    fn find_in_output(
        &self,
        known: &BTreeMap<Text, u32>,
        index: u32,
        item: &Item<'_>,
    ) -> Option<usize> {
        let call = item.call_id.filter(|id| !id.is_empty()).map(text);
        let id = item.id.filter(|id| !id.is_empty()).map(text);
        let same = |at: &usize| self.places.get(*at).is_some_and(|it| it.kind() == item.kind);
        let by_id = [call.as_ref(), id.as_ref()].into_iter().flatten();
        let by_id = by_id.filter_map(|id| self.find_for(*known.get(id)?, item)).find(same);
        by_id.or_else(|| {
            let at = self.find(index).filter(same)?;
            // Two calls are not one because they stand in one place.
            let unnamed = self.places.get(at).is_some_and(|place| place.id().is_empty());
            (call.is_none() || unnamed).then_some(at)
        })
    }

    fn with_index(&self, index: u32) -> impl Iterator<Item = &Place> {
        let from = self.places.partition_point(|place| place.index < index);
        let places = self.places.get(from..).unwrap_or_default();
        places.iter().take_while(move |place| place.index == index)
    }

    /// The index behind all others.
    pub(super) fn behind(&self) -> u32 {
        self.places.last().map_or(0, |place| place.index.saturating_add(1))
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
    fn announce_late(&mut self, out: &mut Queue) -> bool {
        let late = self.announce(out);
        if late {
            let inputs = self.parts.iter().map(|part| part.text.to_text());
            let index = self.index;
            let inputs = inputs.filter(|input| !input.is_empty());
            out.extend(inputs.map(|input| Event::tool_input(index, input)));
        }
        late
    }
}

impl Place {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.life, Life::Open(_))
    }

    /// Whether the client has to do something before the model can go on.
    pub(super) fn awaits_client(&self) -> bool {
        match &self.life {
            Life::Open(draft) => draft.awaits_client(),
            Life::Closed(closed) => closed.awaits_client,
        }
    }

    /// Whether `item`, which comes on the same index, is this one.
    fn is_alike(&self, item: &Item<'_>) -> bool {
        match &self.life {
            Life::Open(draft) => draft.is_alike(item),
            Life::Closed(closed) => {
                let id = item.call_id.or(item.id).map(text).unwrap_or_default();
                closed.kind == *item.kind && closed.id == id && !id.is_empty()
            }
        }
    }

    /// The id that the result of a call names, else that of the item.
    fn id(&self) -> Text {
        match &self.life {
            Life::Open(draft) => draft.id(),
            Life::Closed(closed) => closed.id.clone(),
        }
    }

    /// The type of the item.
    fn kind(&self) -> &str {
        match &self.life {
            Life::Open(draft) => draft.kind(),
            Life::Closed(closed) => &closed.kind,
        }
    }
}
