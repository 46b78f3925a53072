//! The blocks of the message: where they stand, and what comes of their events.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::draft::{Draft, Fill};
use super::machine::Machine;
use super::{Input, Outcome, Slot, Target};
use crate::assemble::written::Written;
use crate::assemble::{Fault, Origin, Queue, finished, made_up};
use crate::event::{Event, Signature, ToolCall};
use crate::json::Flaw;
use crate::message::{Block, Content};
use crate::rule::Rule;
use crate::text::Lent;
use crate::wire::anthropic::{self as wire, ContentBlock, Delta};
use crate::wire::piece::DeltaKind;

/// A block's place in the message.
#[derive(Debug)]
pub(super) struct Place {
    /// The index on the wire.
    pub(super) index: u32,
    /// Where the block stands: its index, unless that was taken.
    order: u64,
    pub(super) life: Life,
}

#[derive(Debug)]
pub(super) enum Life {
    Open(Box<Draft>),
    Closed(Closed),
}

#[derive(Debug, Default)]
pub(super) struct Closed {
    /// `None` if the message is not accumulated.
    pub(super) block: Option<Arc<Block>>,
    signature: Signed,
    /// It had a delta that was not understood.
    damaged: bool,
}

/// What is known of the signature of a closed block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Signed {
    /// Blocks of its type have none.
    #[default]
    Never,
    /// It is a block of thinking, and none has come.
    Missing,
    Present,
}

impl Machine {
    pub(super) fn block_start(
        &mut self,
        index: Option<u32>,
        block: &ContentBlock<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let behind = self.places.last().map_or(0, |place| place.order.saturating_add(1));
        let wire_index = index.unwrap_or_else(|| u32::try_from(behind).unwrap_or(u32::MAX));
        let taken = self.find(wire_index);
        let slot = match taken.and_then(|at| self.places.get(at)) {
            None => Slot::Free,
            Some(Place { life: Life::Open(draft), .. }) if draft.is_alike(&block.block) => {
                Slot::OpenAlike
            }
            Some(Place { life: Life::Open(_), .. }) => Slot::OpenOther,
            Some(_) => Slot::Closed,
        };
        let outcome = self.step(Input::BlockStart(slot), index, origin, out)?;
        if index.is_none() && outcome != Outcome::Ignore {
            self.ledger.tolerate(Rule::MissingIndex, None, origin, out)?;
        }
        match outcome {
            Outcome::Open => self.open(wire_index, wire_index.into(), block, origin, out),
            Outcome::Drop(Rule::RepeatedBlockStart) => {
                if let Some(Place { life: Life::Open(draft), .. }) =
                    taken.and_then(|at| self.places.get_mut(at))
                {
                    draft.complete_from(&block.block, origin.source);
                }
                Ok(())
            }
            Outcome::OpenAnew => {
                // What still comes for this index is meant for the new block.
                self.abandon(taken, out);
                self.open(wire_index, behind, block, origin, out)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn open(
        &mut self,
        index: u32,
        order: u64,
        block: &ContentBlock<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        self.ledger.bound_blocks(self.places.len())?;
        if let wire::Block::ToolUse(wire::ToolUse { input: Some(input), .. }) = &block.block {
            self.ledger.bound_input(input.len())?;
        }
        self.ledger.hold(block.raw.len())?;
        self.ledger.spare.most = self.ledger.limits.message_bytes;
        let mut draft = Draft::new(index, block, origin.source, &mut self.ledger.spare);
        draft.held = block.raw.len();
        if let Fill::Tool(tool) = &mut draft.fill
            && tool.kind.is_client()
            && tool.id.is_empty()
        {
            tool.id = made_up(index, self.message.id.as_ref());
            self.ledger.tolerate(Rule::MissingToolId, Some(index), origin, out)?;
        }
        if let wire::Block::Fallback { to: Some(model) } = &block.block {
            self.message.model = Some((&*model.decode()).into());
        }
        let before = out.len();
        draft.announce(out);
        self.ledger.output_started |= out.len() > before;
        self.reused |= order != u64::from(index);
        let at = self.places.partition_point(|place| place.order <= order);
        self.places.insert(at, Place { index, order, life: Life::Open(draft.into()) });
        self.last = u32::try_from(at).unwrap_or(u32::MAX);
        Ok(())
    }

    pub(super) fn delta(
        &mut self,
        index: Option<u32>,
        delta: Delta<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        if let Delta::SignedThinking { thinking, estimated_tokens, signature } = delta {
            // Each is what it would be alone, and nothing is said where nothing was thought.
            if thinking.is_some_and(|text| !text.is_empty()) || estimated_tokens.is_some() {
                self.delta(index, Delta::Thinking { thinking, estimated_tokens }, origin, out)?;
            }
            self.ledger.tolerate(Rule::MergedDelta, index, origin, out)?;
            return self.delta(index, Delta::Signature { signature: Some(signature) }, origin, out);
        }
        let at = self.locate(index, origin, out)?;
        let place = at.and_then(|at| self.places.get(at));
        let index = index.or(place.map(|place| place.index));
        // An empty signature signs nothing, so it comes too late for nothing.
        let signature = matches!(&delta, Delta::Signature { signature: Some(s) } if !s.is_empty());
        let target = match place.map(|place| &place.life) {
            None => Target::Missing,
            Some(Life::Open(draft)) if draft.fits(&delta) => Target::Open,
            Some(Life::Open(_)) => Target::Unfit,
            Some(Life::Closed(closed)) => match closed.signature {
                Signed::Never if signature => Target::Unfit,
                Signed::Missing => Target::ClosedUnsigned,
                Signed::Never | Signed::Present => Target::Closed,
            },
        };
        let input = if signature { Input::Signature(target) } else { Input::Delta(target) };
        let outcome = self.step(input, index, origin, out)?;
        let Some(at) = at else {
            return Ok(());
        };
        self.last = u32::try_from(at).unwrap_or(u32::MAX);
        match (outcome, delta) {
            (Outcome::Append, delta) => self.append(at, delta, origin, out),
            (Outcome::Attach, Delta::Signature { signature }) => {
                let signature = signature.unwrap_or_default().decode();
                self.attach(at, &signature, out);
                self.ledger.hold(signature.len())
            }
            _ => Ok(()),
        }
    }

    fn append(
        &mut self,
        at: usize,
        delta: Delta<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let Some(Place { index, life: Life::Open(draft), .. }) = self.places.get_mut(at) else {
            return Ok(());
        };
        let index = Some(*index);
        let appended = draft.append(delta, origin, self.ledger.accumulate, &mut self.ledger.arena);
        draft.held = draft.held.saturating_add(appended.grown);
        let input = if matches!(draft.fill, Fill::Tool(_)) { draft.text.len() } else { 0 };
        if let Some(event) = appended.event {
            self.ledger.output_started = true;
            out.push_back(event);
        }
        self.ledger.hold(appended.grown)?;
        self.ledger.bound_input(input)?;
        match appended.broken {
            Some(rule @ Rule::RepeatedText) => self.ledger.pass_over(rule, index, origin, out),
            Some(rule) => self.ledger.tolerate(rule, index, origin, out),
            None => Ok(()),
        }
    }

    /// Adds a piece of text to the block that the last delta was for, as [`delta`](Self::delta) does
    /// where nothing is out of the ordinary. If anything is, it does nothing and says `false`.
    #[inline(always)]
    pub(crate) fn add(&mut self, kind: DeltaKind, index: u32, text: Lent<'_>) -> bool {
        if !self.is_open() {
            return false;
        }
        let len = text.len();
        let more = if self.ledger.accumulate { len } else { 0 };
        let held = self.ledger.held.saturating_add(more);
        let whole = held.saturating_add(self.ledger.beside);
        let last = usize::try_from(self.last).unwrap_or(usize::MAX);
        let Some(place) = self.places.get_mut(last) else {
            return false;
        };
        let (index_fits, Life::Open(draft)) = (place.index == index, &mut place.life) else {
            return false;
        };
        let added = index_fits
            && whole <= self.ledger.limits.message_bytes
            && draft.takes(kind, len, self.ledger.limits.tool_input_bytes);
        if added {
            self.ledger.held = held;
            self.ledger.output_started |= kind == DeltaKind::Thinking || len > 0;
            if self.ledger.accumulate {
                draft.text.push(text);
            }
        }
        added
    }

    /// Signs a block of thinking that has stopped already, and hands it out once more.
    fn attach(&mut self, at: usize, signature: &str, out: &mut Queue) {
        let Some(Place { index, life: Life::Closed(closed), .. }) = self.places.get_mut(at) else {
            return;
        };
        closed.signature = Signed::Present;
        let piece = Signature { index: *index, signature: signature.into() };
        out.push_back(Event::Signature(piece));
        if let Some(block) = &mut closed.block {
            let signed = Arc::make_mut(block);
            if let Content::Thinking(thinking) = &mut signed.content {
                thinking.signature = Some(signature.into());
                signed.replayable = !closed.damaged;
            }
            finished(block, out);
        }
    }

    pub(super) fn block_stop(
        &mut self,
        index: Option<u32>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let at = self.locate(index, origin, out)?;
        let place = at.and_then(|at| self.places.get(at));
        let target = match place.map(|place| &place.life) {
            None => Target::Missing,
            Some(Life::Open(_)) => Target::Open,
            Some(Life::Closed(_)) => Target::Closed,
        };
        let outcome = self.step(Input::BlockStop(target), index, origin, out)?;
        if let (Outcome::Close, Some(at)) = (outcome, at) {
            self.close(at, out);
        }
        Ok(())
    }

    pub(super) fn close(&mut self, at: usize, out: &mut Queue) {
        let ended = self.places.get_mut(at).and_then(Place::end);
        let Some((place, draft)) = ended else {
            return;
        };
        out.extend(draft.unpaired());
        let signature = match &draft.fill {
            Fill::Thinking { signature, .. } if signature.is_empty() => Signed::Missing,
            Fill::Thinking { .. } => Signed::Present,
            _ => Signed::Never,
        };
        let damaged = draft.damaged;
        if !self.ledger.accumulate {
            self.ledger.held = self.ledger.held.saturating_sub(draft.held);
        }
        let block = self.ledger.accumulate.then(|| draft.into_block(true, &mut self.ledger.spare));
        if let Some(block) = &block {
            self.ledger.output_started = true;
            if let Content::ToolUse(tool) = &block.content {
                self.ledger.tool_call_emitted = true;
                out.push_back(Event::ToolCall(ToolCall::new(block.index, tool).into()));
            }
            finished(block, out);
        }
        place.life = Life::Closed(Closed { block, signature, damaged });
    }

    /// Ends all blocks where they are.
    pub(crate) fn seal(&mut self) {
        let keep = self.ledger.accumulate;
        for (place, draft) in self.places.iter_mut().filter_map(Place::end) {
            let block = keep.then(|| draft.into_block(false, &mut Written::default()));
            place.life = Life::Closed(Closed { block, ..Closed::default() });
        }
    }

    /// Lets go of all blocks: the stream has failed, and what came of it is kept elsewhere.
    pub(crate) fn release(&mut self) {
        self.places = Vec::new();
        self.ledger.release();
    }

    /// Ends a block that will never be stopped, because its index is taken over.
    fn abandon(&mut self, at: Option<usize>, out: &mut Queue) {
        let ended = at.and_then(|at| self.places.get_mut(at)).and_then(Place::end);
        if let Some((place, draft)) = ended {
            out.extend(draft.unpaired());
            let damaged = draft.damaged;
            if !self.ledger.accumulate {
                self.ledger.held = self.ledger.held.saturating_sub(draft.held);
            }
            let block =
                self.ledger.accumulate.then(|| draft.into_block(false, &mut self.ledger.spare));
            place.life = Life::Closed(Closed { block, signature: Signed::Never, damaged });
        }
    }

    /// The place of the block that an event is for; without an index, that of the only open one.
    fn locate(
        &mut self,
        index: Option<u32>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<Option<usize>, Fault> {
        if let Some(index) = index {
            return Ok(self.find(index));
        }
        if self.is_done() {
            return Ok(None);
        }
        let mut open = (0..).zip(&self.places).filter(|(_, place)| place.is_open());
        match (open.next(), open.next()) {
            (Some((at, place)), None) => {
                let index = Some(place.index);
                self.ledger.tolerate(Rule::MissingIndex, index, origin, out).map(|()| Some(at))
            }
            _ => Err(Fault::Malformed {
                event: origin.name.into(),
                index: None,
                flaw: Flaw::Missing("index"),
            }),
        }
    }

    /// The place of the block with this index on the wire; of several the last, for no other is open.
    fn find(&self, index: u32) -> Option<usize> {
        let last = usize::try_from(self.last).unwrap_or(usize::MAX);
        if self.places.get(last).is_some_and(|place| place.index == index && place.is_open()) {
            return Some(last);
        }
        if !self.reused {
            return self.places.binary_search_by_key(&index, |place| place.index).ok();
        }
        self.places.iter().rposition(|place| place.index == index)
    }
}

impl Place {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.life, Life::Open(_))
    }

    /// Takes the block out, if it is open: what becomes of it is put in its place.
    fn end(&mut self) -> Option<(&mut Self, Box<Draft>)> {
        match core::mem::replace(&mut self.life, Life::Closed(Closed::default())) {
            Life::Open(draft) => Some((self, draft)),
            closed @ Life::Closed(_) => {
                self.life = closed;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use bytes::Bytes;

    use super::*;
    use crate::assemble::Ledger;
    use crate::text::Window;
    use crate::wire::Source;

    /// A machine that has had these events, whose frames are not named.
    fn after(events: &[&str]) -> Machine {
        let mut machine = Machine::new(false);
        for data in events {
            let data = Bytes::copy_from_slice(data.as_bytes());
            let source = Source::new(&data, data.len());
            let origin = Origin { name: "", source, data: &data, offset: 0 };
            let event = wire::Event::parse("", &data).unwrap();
            machine.apply(event, &origin, &mut Queue::new()).unwrap();
        }
        machine
    }

    fn piece(text: &str) -> crate::text::Text {
        text.into()
    }

    fn open(index: u32, block: &str) -> alloc::string::String {
        format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#)
    }

    const START: &str = r#"{"type":"message_start","message":{}}"#;
    const TEXT: &str = r#"{"type":"text","text":""}"#;
    const THINKING: &str = r#"{"type":"thinking","thinking":""}"#;
    const TOOL: &str = r#"{"type":"tool_use","id":"t","name":"n","input":{}}"#;

    #[test]
    fn a_piece_that_fits_the_last_block_is_added_at_once() {
        use DeltaKind::{InputJson, Text, Thinking};
        for (block, fits) in [(TEXT, Text), (THINKING, Thinking), (TOOL, InputJson)] {
            for kind in [Text, Thinking, InputJson] {
                let mut machine = after(&[START, &open(3, block)]);
                assert!(!machine.add(kind, 2, Lent::Text(&piece("a"))), "another index");
                let added = machine.add(kind, 3, Lent::Text(&piece("a")));
                assert_eq!(added, kind == fits, "{kind:?} to {block}");
                let again = machine.add(kind, 3, Lent::Window(&Window([b'b'; 32]), 1));
                assert_eq!(again, kind == fits, "{kind:?} to {block}");
                let Some(Place { life: Life::Open(draft), .. }) = machine.places.last() else {
                    panic!()
                };
                let text = draft.text.to_text(None);
                assert_eq!(text, if added { "ab" } else { "" }, "{kind:?} to {block}");
            }
        }
    }

    #[test]
    fn what_has_to_be_looked_at_is_not_added_at_once() {
        let half = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\ud83d"}}"#;
        let stop = r#"{"type":"content_block_stop","index":0}"#;
        let end = r#"{"type":"message_stop"}"#;
        let seeded = open(0, r#"{"type":"text","text":"a"}"#);
        let begun = open(0, TEXT);
        for events in [
            &[START][..],
            &[START, &seeded],
            &[START, &begun, half],
            &[START, &begun, stop],
            &[START, &begun, end],
        ] {
            let mut machine = after(events);
            assert!(!machine.add(DeltaKind::Text, 0, Lent::Text(&piece("a"))), "{events:?}");
        }
    }

    /// A limit is for the path that says so.
    #[test]
    fn nothing_is_added_at_once_beyond_a_limit() {
        for block in [TEXT, TOOL] {
            let kind = if block == TEXT { DeltaKind::Text } else { DeltaKind::InputJson };
            let limit = |ledger: &mut Ledger| match block {
                TEXT => ledger.limits.message_bytes = ledger.held + 2,
                _ => ledger.limits.tool_input_bytes = 2,
            };
            for (text, added) in [("abc", false), ("ab", true)] {
                let mut machine = after(&[START, &open(0, block)]);
                limit(&mut machine.ledger);
                assert_eq!(machine.add(kind, 0, Lent::Text(&piece(text))), added, "{text}");
            }
        }
    }

    #[test]
    fn blocks_are_found_in_order_as_long_as_no_index_is_used_twice() {
        let machine = after(&[START, &open(5, TEXT), &open(0, TEXT), &open(3, TEXT)]);
        assert!(!machine.reused);
        let machine = after(&[START, &open(0, TEXT), &open(0, TOOL)]);
        assert!(machine.reused);
    }
}
