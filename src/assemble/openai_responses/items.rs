//! The items of the output: where they stand, and what comes of their events.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::draft::{Done, Draft, Fill};
use super::elsewhere::{has_arguments, is_call};
use super::fields::{action, text};
use super::machine::Machine;
use super::{Input, Outcome, Slot, Target};
use crate::assemble::{Fault, Origin, Queue, finished, made_up};
use crate::event::{Event, Signature, ToolCall, ToolStart};
use crate::json::Flaw;
use crate::json::reader::Reader;
use crate::message::{Block, Content};
use crate::rule::Rule;
use crate::text::Text;
use crate::wire::Str;
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
    pub(super) kind: Text,
    /// The client has to do something before the model can go on.
    pub(super) awaits_client: bool,
    /// `None` if the message is not accumulated.
    pub(super) block: Option<Arc<Block>>,
}

/// The items that have begun, and how each is found.
#[derive(Debug, Default)]
pub(super) struct Items {
    /// In the order in which they began.
    pub(super) places: Vec<Place>,
    /// Of several with one index the last.
    by_index: BTreeMap<u32, usize>,
    /// By the ids that results of calls name, and those of other items.
    by_id: BTreeMap<Text, usize>,
    /// So many at the front have ended.
    pub(super) ended: usize,
}

impl Items {
    /// The items in the order of the output.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &Place> {
        let mut order: Vec<&Place> = self.places.iter().collect();
        order.sort_by_key(|place| place.index);
        order.into_iter()
    }

    fn begin(&mut self, draft: Draft) -> usize {
        let at = self.places.len();
        self.by_index.insert(draft.index, at);
        self.name(&draft.id(), at);
        let index = draft.index;
        self.places.push(Place { index, life: Life::Open(draft.into()) });
        at
    }

    /// Passes over those at the front that have ended, so that nobody goes over them again.
    fn pass_ended(&mut self) {
        let behind = self.places.iter().skip(self.ended);
        let more = behind.take_while(|place| !place.is_open()).count();
        self.ended = self.ended.saturating_add(more);
    }

    /// Lets an item be found by its id. The first that has an id keeps it.
    fn name(&mut self, id: &Text, at: usize) {
        if !id.is_empty() {
            self.by_id.entry(id.clone()).or_insert(at);
        }
    }

    /// The item with this index; of several the last.
    pub(super) fn with_index(&self, index: u32) -> Option<usize> {
        self.by_index.get(&index).copied()
    }

    /// The item of the same type that is this call, or that has this id and, if one is given, this index:
    /// not all servers have an id for each item.
    pub(super) fn same(&self, item: &Item<'_>, index: Option<u32>) -> Option<usize> {
        let find = |id: Option<Str<'_>>| {
            let at = *self.by_id.get(&text(id.filter(|id| !id.is_empty())?))?;
            let place = self.places.get(at).filter(|place| place.kind() == item.kind)?;
            Some((at, place.index))
        };
        let call = find(item.call_id).map(|(at, _)| at);
        call.or_else(|| {
            let (at, found) = find(item.id)?;
            index.is_none_or(|index| index == found).then_some(at)
        })
    }

    /// The index behind all others.
    pub(super) fn behind(&self) -> u32 {
        self.by_index.last_key_value().map_or(0, |(index, _)| index.saturating_add(1))
    }
}

impl Machine {
    pub(super) fn item_added(
        &mut self,
        index: Option<u32>,
        item: &Item<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let at = index.unwrap_or_else(|| self.items.behind());
        let taken = self.items.with_index(at).and_then(|at| self.items.places.get(at));
        let slot = match (self.items.same(item, Some(at)), taken) {
            (Some(_), _) => Slot::Alike,
            (None, None) => Slot::Free,
            (None, Some(Place { life: Life::Open(draft), .. })) if draft.is_alike(item) => {
                Slot::Alike
            }
            (None, Some(_)) => Slot::Other,
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
        mut draft: Draft,
        item: &Item<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        self.ledger.bound_blocks(self.items.places.len())?;
        // Its names and ids are in there.
        self.ledger.hold(item.raw.len())?;
        self.ledger.output_started |= draft.announce(out);
        self.last = self.items.begin(draft);
        Ok(())
    }

    pub(super) fn item_done(
        &mut self,
        index: Option<u32>,
        item: &Item<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let at = match (self.items.same(item, index.or(Some(u32::MAX))), index) {
            (Some(at), _) => Some(at),
            (None, Some(index)) => {
                self.items.with_index(index).or_else(|| self.items.ended_by(item))
            }
            (None, None) => self.locate(None, origin, out)?,
        };
        let target = match at.and_then(|at| self.items.places.get(at)) {
            None => Target::Missing,
            Some(Place { life: Life::Closed(_), .. }) => Target::Closed,
            Some(place) if place.kind() == item.kind => Target::Open,
            Some(_) => Target::Unfit,
        };
        let mut outcome = self.step(Input::ItemDone(target), index, origin, out)?;
        let mut at = at.unwrap_or(self.items.places.len());
        if outcome == Outcome::OpenFirst {
            let index = index.unwrap_or_else(|| self.items.behind());
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
        let ended = self.items.places.get_mut(at).and_then(Place::end);
        let Some((place, mut draft)) = ended else {
            return Ok(());
        };
        let keeps_raw = !item.raw.is_empty() && !draft.is_more_than(item);
        let (index, ledger) = (place.index, &mut self.ledger);
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
            done.signature = Some(signature.copied());
            ledger.output_started = true;
            out.push_back(Event::Signature(Signature { index, signature }));
        }
        ledger.output_started |= draft.announce_late(out);
        // A call that nobody has named is none.
        let unnamed = matches!(&draft.fill, Fill::Tool(tool) if !tool.announced);
        done.cut |= unnamed;
        let awaits_client = draft.awaits_client() && !done.cut;
        let (id, kind) = (draft.id(), draft.kind().into());
        let mut block = None;
        if ledger.accumulate {
            if keeps_raw {
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
        place.life = Life::Closed(Closed { kind, awaits_client, block });
        self.items.name(&id, at);
        self.items.pass_ended();
        if unnamed {
            self.ledger.tolerate(Rule::MissingField, Some(index), origin, out)
        } else {
            Ok(())
        }
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
        let Some(Place { index, life: Life::Open(draft) }) = self.items.places.get_mut(at) else {
            return Ok(());
        };
        let index = *index;
        let Fill::Tool(tool) = &mut draft.fill else {
            return Ok(());
        };
        if tool.complete(item) {
            self.ledger.tolerate(Rule::DoneDiffers, Some(index), origin, out)?;
        } else if tool.id.is_empty() && !tool.name.is_empty() {
            tool.id = made_up(index, self.message.id.as_ref());
            self.ledger.tolerate(Rule::MissingToolId, Some(index), origin, out)?;
        }
        Ok(())
    }

    /// Takes what the end of the response says of items that have not ended themselves, and of those that
    /// nobody has heard of. In a response that was `cut`, what is not whole stays open, and half of a call is none.
    pub(super) fn take_output(
        &mut self,
        response: &Response<'_>,
        cut: bool,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let (mut unnamed, mut kinds) = (None, None);
        let before = self.items.places.len();
        for (index, item) in (0..).zip(response.output()) {
            let whole = item.status.is_some_and(|status| status.decode() == "completed");
            let half = cut && !(whole && has_arguments(&item));
            let known = self.items.same(&item, None);
            if half && (is_call(&item.kind) || known.is_some()) {
                continue;
            }
            let same = |at: &usize| {
                let place = self.items.places.get(*at);
                place.is_some_and(|place| place.is_like(&item))
            };
            let at = known
                .or_else(|| self.items.renamed(&item, response, &mut unnamed))
                .or_else(|| self.items.with_index(index).filter(same));
            match at.and_then(|at| self.items.places.get(at)) {
                Some(place) if place.is_open() && !half => {
                    self.close(at.unwrap_or_default(), &item, origin, out)?;
                }
                None if self.is_news(&item, before, &mut kinds) => {
                    let taken = self.items.with_index(index).is_some();
                    let index = if taken { self.items.behind() } else { index };
                    self.item_done(Some(index), &item, origin, out)?;
                }
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    /// Whether an item of the whole output, which no event was about, is one that was left out. Items that are no
    /// calls may be known by another id, for some servers make up new ones all the time, and they may stand in
    /// another place; so they are none if one of their type came `before` the output.
    fn is_news(&self, item: &Item<'_>, before: usize, kinds: &mut Option<BTreeSet<Text>>) -> bool {
        if is_call(&item.kind) && item.call_id.is_some() {
            return true;
        }
        let others = self.items.places.iter().take(before);
        let kinds = kinds.get_or_insert_with(|| others.map(|place| place.kind().into()).collect());
        !kinds.contains(&*item.kind)
    }

    /// Finishes the items whose texts were all said whole, although their ends never came.
    pub(super) fn close_whole(
        &mut self,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        for at in 0..self.items.places.len() {
            let Some(Place { index, life: Life::Open(draft) }) = self.items.places.get_mut(at)
            else {
                continue;
            };
            let index = *index;
            let whole = !draft.parts.is_empty() && draft.parts.iter().all(|part| part.whole)
                || draft.has_arguments();
            // What an item held when it began is all of it, if nothing else came.
            let given = draft.given.take().filter(|_| draft.parts.is_empty());
            let reasoning = matches!(draft.fill, Fill::Reasoning);
            self.ledger.warn(Rule::MissingBlockStop, Some(index), false, origin, out)?;
            if reasoning {
                continue;
            }
            if let Some(given) = given {
                let item = Item::read(&mut Reader::new(&given)).ok().flatten().unwrap_or_default();
                self.close(at, &Item { raw: "", ..item }, origin, out)?;
            } else if whole {
                self.close(at, &Item::default(), origin, out)?;
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
            return Ok(self.items.with_index(index));
        }
        if self.is_done() {
            return Ok(None);
        }
        let mut open = (0..).zip(&self.items.places).filter(|(_, place)| place.is_open());
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

    pub(super) fn kind_at(&self, index: Option<u32>) -> Option<&str> {
        let at = index.map_or(Some(self.last), |index| self.items.with_index(index))?;
        self.items.places.get(at).map(Place::kind)
    }

    pub(super) fn draft(&mut self, at: usize) -> Option<&mut Draft> {
        match self.items.places.get_mut(at) {
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

    /// Takes the item out, if it is open: what becomes of it is put in its place.
    pub(super) fn end(&mut self) -> Option<(&mut Self, Box<Draft>)> {
        match core::mem::replace(&mut self.life, Life::Closed(Closed::default())) {
            Life::Open(draft) => Some((self, draft)),
            closed @ Life::Closed(_) => {
                self.life = closed;
                None
            }
        }
    }

    /// Whether the client has to do something before the model can go on.
    pub(super) fn awaits_client(&self) -> bool {
        match &self.life {
            Life::Open(draft) => draft.awaits_client(),
            Life::Closed(closed) => closed.awaits_client,
        }
    }

    /// Whether `item`, which is in its place, may be this one: two calls are not one because they stand
    /// in one place.
    fn is_like(&self, item: &Item<'_>) -> bool {
        let unnamed = match &self.life {
            Life::Open(draft) => draft.id().is_empty(),
            Life::Closed(_) => false,
        };
        self.kind() == item.kind && (unnamed || item.call_id.is_none())
    }

    /// The type of the item.
    pub(super) fn kind(&self) -> &str {
        match &self.life {
            Life::Open(draft) => draft.kind(),
            Life::Closed(closed) => &closed.kind,
        }
    }
}
