//! The texts of the items: their pieces, their wholes, and what they cite.

use alloc::vec::Vec;

use super::draft::{Draft, Fill, PARTING};
use super::fields::written;
use super::items::{Life, Place};
use super::machine::Machine;
use super::{Input, Outcome, Target};
use crate::assemble::growing::Settled;
use crate::assemble::{Fault, Origin, Queue};
use crate::event::{CitationEvent, Event, Token};
use crate::json::Json;
use crate::message::Citation;
use crate::rule::Rule;
use crate::text::{Lent, Text};
use crate::wire::Str;
use crate::wire::openai_responses::{self as wire, Item, PartKind, Said};
use crate::wire::piece::DeltaKind;

impl Machine {
    /// Adds a piece of text, as [`delta`](Self::delta) does where nothing is out of the ordinary: says what
    /// it fills, and in which block. If anything is, it does nothing. On the wire the piece had `raw` bytes.
    #[inline]
    pub(crate) fn add(
        &mut self,
        place: wire::Place,
        said: Said,
        piece: Lent<'_>,
        raw: usize,
    ) -> Option<(DeltaKind, u32)> {
        if !self.is_streaming() {
            return None;
        }
        let ledger = &mut self.ledger;
        let held = ledger.held_with(raw.max(piece.len()))?;
        let at = self.items.with_index(place.output_index?)?;
        let Life::Open(draft) = &mut self.items.places.get_mut(at)?.life else {
            return None;
        };
        let (kind, part) = draft.growing(said, place_of(said, place.part))?;
        let input = part.text.len().saturating_add(piece.len());
        if kind == DeltaKind::InputJson && input > ledger.limits.tool_input_bytes {
            return None;
        }
        part.text.add_whole(piece, ledger.accumulate)?;
        part.whole = false;
        ledger.held = held;
        ledger.output_started = true;
        self.last = at;
        Some((kind, draft.index))
    }

    /// Adds a piece to a text.
    pub(crate) fn delta(
        &mut self,
        place: wire::Place,
        said: Said,
        delta: Option<Str<'_>>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        // An empty piece begins nothing.
        let unknown =
            || place.output_index.is_some_and(|index| self.items.with_index(index).is_none());
        if delta.is_some_and(|delta| delta.is_empty()) && unknown() {
            return Ok(());
        }
        let Some(at) = self.reach(place, said, origin, out)? else {
            return Ok(());
        };
        let Some(delta) = delta else {
            return self.ledger.tolerate(Rule::MissingField, place.output_index, origin, out);
        };
        let Some(Place { life: Life::Open(draft), .. }) = self.items.places.get_mut(at) else {
            return Ok(());
        };
        let ledger = &mut self.ledger;
        let index = draft.index;
        let waits = draft.waits();
        let part = draft.index_of(said, place_of(said, place.part), None);
        let Some(part) = draft.part(said, part, ledger)? else {
            return Ok(());
        };
        let keep = ledger.accumulate || waits;
        let first = part.text.is_empty();
        part.whole = false;
        // Written as JSON, a text takes what it took on the wire.
        let more = delta.raw().len();
        let piece = part.text.add(delta, origin.source, keep, &mut ledger.arena);
        let told = if ledger.accumulate { piece.len() } else { 0 };
        if keep {
            ledger.hold(more.saturating_sub(told))?;
        }
        self.say(at, index, said, piece, first, out)
    }

    /// Hands out a piece of a text, and counts it.
    pub(super) fn say(
        &mut self,
        at: usize,
        index: u32,
        said: Said,
        piece: Text,
        first: bool,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        if piece.is_empty() {
            return Ok(());
        }
        let Some(Place { life: Life::Open(draft), .. }) = self.items.places.get_mut(at) else {
            return Ok(());
        };
        self.ledger.output_started = true;
        let len = piece.len();
        match said {
            Said::Reasoning | Said::Summary => {
                draft.begun = draft.begun.saturating_add(usize::from(first));
                if first && draft.begun > 1 {
                    out.push_back(Event::thinking(index, PARTING.into()));
                }
                out.push_back(Event::thinking(index, piece));
            }
            Said::Text => out.push_back(Event::token(index, piece)),
            Said::Refusal => {
                self.refused = true;
                out.push_back(Event::Token(Token { index, refusal: true, text: piece }));
            }
            Said::Arguments | Said::McpArguments | Said::CustomInput | Said::Code => {
                let announced = matches!(&draft.fill, Fill::Tool(tool) if tool.announced);
                // The tool may be known only at the end; its input is given then.
                if announced {
                    out.push_back(Event::tool_input(index, piece));
                }
                let whole = draft.parts.get(draft.last).map_or(0, |part| part.text.len());
                self.ledger.bound_input(whole)?;
            }
        }
        let more = if self.ledger.accumulate { len } else { 0 };
        self.ledger.hold(more)
    }

    pub(super) fn whole(
        &mut self,
        place: wire::Place,
        said: Said,
        whole: Option<Str<'_>>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let Some(at) = self.reach(self.ending(place, said, whole), said, origin, out)? else {
            return Ok(());
        };
        let Some(whole) = whole else {
            return self.ledger.tolerate(Rule::MissingField, place.output_index, origin, out);
        };
        let part = self.part_of(at, said, place_of(said, place.part), whole);
        self.settle(at, said, part, whole, origin, out)
    }

    /// The place of a text that is over, also if its end is numbered otherwise than its beginning.
    fn ending(&self, place: wire::Place, said: Said, whole: Option<Str<'_>>) -> wire::Place {
        let unknown = place.output_index.filter(|index| self.items.with_index(*index).is_none());
        let at = unknown.and_then(|_| self.items.with_text(said, &whole?.decode()));
        let found = at.and_then(|at| self.items.places.get(at)).map(|place| place.index);
        wire::Place { output_index: found.or(place.output_index), ..place }
    }

    /// The index of the part that is said whole.
    fn part_of(&self, at: usize, said: Said, part: u32, whole: Str<'_>) -> u32 {
        match self.items.places.get(at).map(|place| &place.life) {
            Some(Life::Open(draft)) => draft.index_of(said, part, Some(whole)),
            _ => part,
        }
    }

    /// Takes a text as the server says it at the end.
    pub(super) fn settle(
        &mut self,
        at: usize,
        said: Said,
        part: u32,
        whole: Str<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let Some(Place { index, life: Life::Open(draft) }) = self.items.places.get_mut(at) else {
            return Ok(());
        };
        let index = *index;
        let ledger = &mut self.ledger;
        let known = draft.known(said, part).is_some();
        let behind = draft.indexes(said).next_back().is_some_and(|last| last > part);
        // An empty text says nothing, and is no part that others have to be parted from.
        if whole.is_empty() && !known {
            return Ok(());
        }
        let keep = ledger.accumulate || draft.waits();
        let Some(part) = draft.part(said, part, ledger)? else {
            return Ok(());
        };
        part.whole = true;
        let first = part.text.is_empty();
        let before = part.text.len();
        // An empty text takes nothing back.
        if whole.is_empty() && !first {
            return self.ledger.tolerate(Rule::DoneDiffers, Some(index), origin, out);
        }
        match part.text.settle(&whole.decode(), keep) {
            Settled::Same => Ok(()),
            Settled::Missing(rest) => {
                self.say(at, index, said, rest, first, out)?;
                // It was said behind what it stands before.
                if first && behind && !whole.is_empty() {
                    self.ledger.tolerate(Rule::DoneDiffers, Some(index), origin, out)?;
                }
                Ok(())
            }
            Settled::Differs => {
                let len = part.text.len();
                let more = len.saturating_sub(before);
                if is_input(said) {
                    self.ledger.bound_input(len)?;
                }
                self.ledger.hold(if keep { more } else { 0 })?;
                self.ledger.tolerate(Rule::DoneDiffers, Some(index), origin, out)
            }
        }
    }

    /// Hands out what stands for halves of characters whose other halves have not come.
    pub(super) fn end_halves(&mut self, at: usize, out: &mut Queue) -> Result<(), Fault> {
        let keep = self.ledger.accumulate;
        let Some(draft) = self.draft(at) else {
            return Ok(());
        };
        let index = draft.index;
        let halves = draft.parts.iter_mut().enumerate();
        let rests: Vec<_> = halves
            .filter_map(|(at, part)| Some((at, part.said, part.text.unpaired(keep)?)))
            .collect();
        for (part, said, rest) in rests {
            if let Some(draft) = self.draft(at) {
                draft.last = part;
            }
            self.say(at, index, said, rest, false, out)?;
        }
        Ok(())
    }

    pub(super) fn part(
        &mut self,
        place: wire::Place,
        summary: bool,
        part: wire::Part<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let kind = self.kind_at(place.output_index);
        let said = match part.kind {
            _ if summary => Said::Summary,
            PartKind::Summary => Said::Summary,
            PartKind::Refusal => Said::Refusal,
            PartKind::Reasoning => Said::Reasoning,
            PartKind::Text if kind == Some("reasoning") => Said::Reasoning,
            PartKind::Text => Said::Text,
            // What is not known is in the item, whole.
            PartKind::Unknown => return Ok(()),
        };
        let whole = part.text.filter(|text| !text.is_empty());
        let Some(at) = self.reach(self.ending(place, said, whole), said, origin, out)? else {
            return Ok(());
        };
        self.refused |= said == Said::Refusal;
        let mut index = place.part;
        match whole {
            Some(whole) => {
                index = self.part_of(at, said, index, whole);
                self.settle(at, said, index, whole, origin, out)?;
            }
            None => {
                if let Some(draft) = self.draft(at) {
                    draft.announced = Some((said, index));
                }
            }
        }
        self.cite(at, said, index, &part, out)
    }

    pub(super) fn annotation(
        &mut self,
        place: wire::Place,
        annotation: Option<&str>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let Some(at) = self.reach(place, Said::Text, origin, out)? else {
            return Ok(());
        };
        let known = self.draft(at).and_then(|draft| draft.known(Said::Text, place.part));
        let known = known.map_or(0, |part| part.cited);
        self.cite_behind(at, Said::Text, place.part, annotation.into_iter(), known, out)
    }

    /// Hands out the annotations of a part that were not handed out before.
    fn cite(
        &mut self,
        at: usize,
        said: Said,
        index: u32,
        part: &wire::Part<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        if said != Said::Text || part.annotations().next().is_none() {
            return Ok(());
        }
        let known = self.draft(at).and_then(|draft| draft.known(said, index));
        let known = known.map_or(0, |part| part.cited);
        self.cite_behind(at, said, index, part.annotations().skip(known), known, out)
    }

    fn cite_behind<'a>(
        &mut self,
        at: usize,
        said: Said,
        part: u32,
        annotations: impl Iterator<Item = &'a str>,
        known: usize,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let Some(Place { index, life: Life::Open(draft) }) = self.items.places.get_mut(at) else {
            return Ok(());
        };
        let index = *index;
        let ledger = &mut self.ledger;
        let keep = ledger.accumulate;
        let Some(part) = draft.part(said, part, ledger)? else {
            return Ok(());
        };
        part.cited = known;
        for (number, raw) in annotations.enumerate() {
            // Who says thousands in one event only wants them to be held.
            ledger.bound_blocks(number)?;
            let citation = Citation::new(Json::checked(raw));
            part.cited = part.cited.saturating_add(1);
            if keep {
                ledger.hold(Citation::room(raw))?;
                part.citations.push(citation.clone());
            }
            ledger.output_started = true;
            out.push_back(Event::Citation(CitationEvent { index, citation }));
        }
        Ok(())
    }

    /// What the events counted from: not every server counts the parts of an item from 0, or all.
    fn counted_from(&mut self, at: usize, said: Said) -> Option<Vec<u32>> {
        let draft = self.draft(at)?;
        let indexes: Vec<u32> = draft.indexes(said).collect();
        // Those that do are found by their own indexes.
        (indexes.first() > Some(&0)).then_some(indexes)
    }

    /// Takes all texts of an item as its end says them.
    pub(super) fn settle_parts(
        &mut self,
        at: usize,
        item: &Item<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let Some(draft) = self.draft(at) else {
            return Ok(());
        };
        let said = match &draft.fill {
            Fill::Message { .. } => {
                let texts = self.counted_from(at, Said::Text);
                let counted = texts.as_ref().is_some_and(|texts| texts.len() == 1);
                let together = counted.then(|| item.text()).flatten();
                if let (Some([index]), Some(whole)) = (texts.as_deref(), &together) {
                    self.settle(at, Said::Text, *index, Str::plain(whole), origin, out)?;
                }
                let mut place = 0;
                for (index, part) in item.content.iter() {
                    let said = match part.kind {
                        PartKind::Refusal => Said::Refusal,
                        PartKind::Text => Said::Text,
                        _ => continue,
                    };
                    self.refused |= said == Said::Refusal;
                    let shifted = texts.as_ref().filter(|_| said == Said::Text);
                    let index = shifted.and_then(|texts| texts.get(place)).map_or(index, |at| *at);
                    place = place.saturating_add(usize::from(said == Said::Text));
                    if together.is_none() || said == Said::Refusal {
                        self.settle(at, said, index, part.text.unwrap_or_default(), origin, out)?;
                    }
                    self.cite(at, said, index, &part, out)?;
                }
                return Ok(());
            }
            Fill::Reasoning => {
                for (said, parts) in
                    [(Said::Summary, item.summary), (Said::Reasoning, item.content)]
                {
                    let shifted = self.counted_from(at, said);
                    // Of a stream that was gone on with, the first may be missing.
                    let parts_there = parts.iter().count();
                    let known =
                        |last: &u32| usize::try_from(*last).is_ok_and(|it| it < parts_there);
                    let shifted = shifted.filter(|it| !it.last().is_some_and(known));
                    for ((index, part), place) in parts.iter().zip(0_usize..) {
                        let shifted = shifted.as_ref().and_then(|shifted| shifted.get(place));
                        let index = shifted.map_or(index, |at| *at);
                        self.settle(at, said, index, part.text.unwrap_or_default(), origin, out)?;
                    }
                }
                return Ok(());
            }
            Fill::Tool(tool) => match tool.item.as_str() {
                "mcp_call" => Said::McpArguments,
                "custom_tool_call" => Said::CustomInput,
                "code_interpreter_call" => Said::Code,
                _ => Said::Arguments,
            },
            Fill::Opaque { .. } => return Ok(()),
        };
        match written(item) {
            Some(whole) => self.settle(at, said, 0, whole, origin, out),
            None => Ok(()),
        }
    }

    /// The place of the open item that a text is for, which begins with it if it has to.
    pub(super) fn reach(
        &mut self,
        place: wire::Place,
        said: Said,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<Option<usize>, Fault> {
        let at = self.locate(place.output_index, origin, out)?;
        let target = match at.and_then(|at| self.items.places.get(at)).map(|place| &place.life) {
            None => Target::Missing,
            Some(Life::Closed(_)) => Target::Closed,
            Some(Life::Open(draft)) if draft.fits(said) => Target::Open,
            Some(Life::Open(_)) => Target::Unfit,
        };
        match self.step(Input::Content(target), place.output_index, origin, out)? {
            Outcome::Append => {
                self.last = at.unwrap_or_default();
                Ok(at)
            }
            Outcome::OpenFirst => {
                let index = place.output_index.unwrap_or_else(|| self.items.behind());
                let draft = Draft::guess(index, said);
                self.open(draft, &Item::default(), out)?;
                Ok(Some(self.last))
            }
            _ => Ok(None),
        }
    }
}

/// The input of a tool is one text, whatever place it is given.
fn place_of(said: Said, part: u32) -> u32 {
    if is_input(said) { 0 } else { part }
}

fn is_input(said: Said) -> bool {
    matches!(said, Said::Arguments | Said::McpArguments | Said::CustomInput | Said::Code)
}
