//! Carries the protocol out: keeps the message, and makes events of what the wire brings.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::draft::{Draft, Fill};
use super::{Failure, Identity, Input, Outcome, Slot, State, Stop, Target, next, outcome};
use crate::assemble::{Fault, Origin, Queue, finished, tolerate};
use crate::error::{LimitKind, ServerError};
use crate::event::{Complete, Event, Rule, Signature, Start, ToolCall, Unknown, UsageEvent};
use crate::json::{Flaw, Json};
use crate::limits::Limits;
use crate::message::{Block, Content, Message, Provider};
use crate::stop::StopReason;
use crate::text::Text;
use crate::usage::Usage;
use crate::wire::anthropic::{self as wire, ContentBlock, Delta, MessageDelta, MessageStart};

/// The message so far.
#[derive(Debug)]
pub(crate) struct Machine {
    state: State,
    strict: bool,
    accumulate: bool,
    limits: Limits,
    /// Without its blocks, which are below.
    message: Message,
    /// In the order of the message; mostly, but not always, in that of the indexes.
    places: Vec<Place>,
    /// The place that the last delta went to.
    last: usize,
    /// Bytes held for the message.
    held: usize,
    /// An index was used twice, so the order of the places is not that of the indexes.
    reused: bool,
    /// The message began without its `message_start`.
    assumed: bool,
    /// A frame without the right name has been reported.
    misnamed: bool,
    output_started: bool,
    tool_call_emitted: bool,
    request_id: Option<Text>,
}

/// A block's place in the message.
#[derive(Debug)]
struct Place {
    /// The index on the wire.
    index: u32,
    /// Where the block stands: its index, unless that was taken.
    order: u32,
    life: Life,
}

#[derive(Debug)]
enum Life {
    Open(Box<Draft>),
    Closed(Closed),
}

#[derive(Debug, Default)]
struct Closed {
    /// `None` if the message is not accumulated.
    block: Option<Arc<Block>>,
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
    pub(crate) fn new() -> Self {
        Self {
            state: State::Idle,
            strict: false,
            accumulate: true,
            limits: Limits::default(),
            message: Message {
                provider: Provider::Anthropic,
                ..Message::default()
            },
            places: Vec::new(),
            last: 0,
            held: 0,
            reused: false,
            assumed: false,
            misnamed: false,
            output_started: false,
            tool_call_emitted: false,
            request_id: None,
        }
    }

    pub(crate) fn set_strict(&mut self, strict: bool) {
        self.strict = strict;
    }

    pub(crate) fn set_accumulate(&mut self, accumulate: bool) {
        self.accumulate = accumulate;
    }

    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    pub(crate) fn set_request_id(&mut self, id: Option<Text>) {
        self.request_id = id;
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    pub(crate) fn usage(&self) -> &Usage {
        &self.message.usage
    }

    pub(crate) fn output_started(&self) -> bool {
        self.output_started
    }

    pub(crate) fn tool_call_emitted(&self) -> bool {
        self.tool_call_emitted
    }

    /// The message as it is: finished blocks are shared, blocks in flight are copied.
    pub(crate) fn message(&self) -> Message {
        let content = self.places.iter().filter_map(|place| match &place.life {
            Life::Open(draft) if self.accumulate => {
                Some(Arc::new((**draft).clone().into_block(false)))
            }
            Life::Open(_) => None,
            Life::Closed(closed) => closed.block.clone(),
        });
        Message {
            content: content.collect(),
            complete: self.state == State::Done,
            ..self.message.clone()
        }
    }

    /// Takes one event of the wire, and puts what comes of it into `out`.
    pub(crate) fn apply(
        &mut self,
        event: wire::Event<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        self.check_name(&event, origin, out)?;
        match event {
            wire::Event::ContentBlockDelta { index, delta } => {
                self.delta(index, delta, origin, out)
            }
            wire::Event::ContentBlockStart { index, block } => {
                self.block_start(index, &block, origin, out)
            }
            wire::Event::ContentBlockStop { index } => self.block_stop(index, origin, out),
            wire::Event::MessageStart(None) => {
                self.step(Input::NoMessage, None, origin, out).map(drop)
            }
            wire::Event::MessageStart(Some(start)) => self.message_start(*start, origin, out),
            wire::Event::MessageDelta(delta) => self.message_delta(*delta, origin, out),
            wire::Event::MessageStop => self.end_message(Input::MessageStop, origin, out),
            wire::Event::Done => self.end_message(Input::Sentinel, origin, out),
            wire::Event::Error(error) => self.fail(error),
            wire::Event::Ping => self.hand_out(Input::Ping, Event::Ping, origin, out),
            wire::Event::Unknown { name, data } => {
                let unknown = Unknown {
                    name: (&*name).into(),
                    data: origin.source.text(data),
                };
                self.hand_out(Input::Unknown, Event::Unknown(unknown.into()), origin, out)
            }
        }
    }

    /// Ends the input: an error unless the message is complete.
    pub(crate) fn finish(&mut self, leftover: u64) -> Result<(), Fault> {
        match outcome(self.state, Input::End) {
            Outcome::Fail(Failure::Unterminated) => Err(Fault::Unterminated { leftover }),
            Outcome::Fail(_) => Err(Fault::Incomplete { leftover }),
            _ => Ok(()),
        }
    }

    /// Looks an input up in the table, and does what needs no more than that.
    fn step(
        &mut self,
        input: Input,
        index: Option<u32>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<Outcome, Fault> {
        let outcome = outcome(self.state, input);
        self.state = next(self.state, input);
        match outcome {
            Outcome::Assume => {
                self.assumed = true;
                self.tolerate(Rule::MissingMessageStart, None, origin, out)?;
                self.step(input, index, origin, out)
            }
            Outcome::Drop(rule) => {
                tolerate(self.strict, rule, index, Some(origin), origin, out).map(|()| outcome)
            }
            Outcome::OpenAnew => self
                .tolerate(Rule::ReusedIndex, index, origin, out)
                .map(|()| outcome),
            Outcome::Attach => self
                .tolerate(Rule::LateSignature, index, origin, out)
                .map(|()| outcome),
            Outcome::CompleteBy(rule) => self.tolerate(rule, index, origin, out).map(|()| outcome),
            Outcome::Fail(Failure::Protocol(rule)) => Err(Fault::Protocol { rule, index }),
            _ => Ok(outcome),
        }
    }

    fn tolerate(
        &self,
        rule: Rule,
        index: Option<u32>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        tolerate(self.strict, rule, index, None, origin, out)
    }

    fn check_name(
        &mut self,
        event: &wire::Event<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let matches = event.name() == origin.name || matches!(event, wire::Event::Done);
        if matches || self.misnamed || self.is_done() {
            return Ok(());
        }
        self.misnamed = true;
        self.tolerate(Rule::EventName, None, origin, out)
    }

    fn hand_out(
        &mut self,
        input: Input,
        event: Event,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        if self.step(input, None, origin, out)? == Outcome::HandOut {
            out.push_back(event);
        }
        Ok(())
    }

    fn fail(&mut self, error: Box<ServerError>) -> Result<(), Fault> {
        match outcome(self.state, Input::Error) {
            Outcome::Fail(_) => Err(Fault::Server(error)),
            _ => Ok(()),
        }
    }

    // The message.

    fn message_start(
        &mut self,
        start: MessageStart<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let text = |string: crate::wire::Str<'_>| Text::from(&*string.decode());
        let id = start.id.map(text);
        let same = id == self.message.id || self.assumed;
        let input = Input::MessageStart(if same {
            Identity::Same
        } else {
            Identity::Other
        });
        if self.step(input, None, origin, out)? != Outcome::Begin {
            return Ok(());
        }
        self.message.id = id;
        self.message.model = start.model.map(text);
        self.message.role = start.role.map(text);
        // A message that is whole already says how it ended.
        self.update(start.end, origin, out)?;
        out.push_back(Event::Start(
            Start {
                id: self.message.id.clone(),
                model: self.message.model.clone(),
                usage: self.message.usage.clone(),
            }
            .into(),
        ));
        for (index, block) in (0..).zip(&start.content) {
            self.open(index, index, block, origin, out)?;
            let at = self.places.len().saturating_sub(1);
            self.close(at, out);
        }
        Ok(())
    }

    fn message_delta(
        &mut self,
        delta: MessageDelta<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let stop = if delta.stop_reason.is_some() {
            Stop::Reason
        } else {
            Stop::NoReason
        };
        if self.step(Input::MessageDelta(stop), None, origin, out)? != Outcome::Update {
            return Ok(());
        }
        let reported = delta.usage.is_some();
        self.update(delta, origin, out)?;
        if reported {
            let usage = self.message.usage.clone();
            out.push_back(Event::Usage(UsageEvent { usage }.into()));
        }
        Ok(())
    }

    /// Takes over what `delta` has; what it has not stays as it is.
    fn update(
        &mut self,
        delta: MessageDelta<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        if let Some(reason) = delta.stop_reason {
            self.message.stop_reason = Some(StopReason::from(&*reason.decode()));
            self.state = State::Stopping;
        }
        if let Some(sequence) = delta.stop_sequence {
            self.message.stop_sequence = Some((&*sequence.decode()).into());
        }
        if let Some(details) = delta.stop_details {
            self.message.stop_details = Some(Json::checked(details));
        }
        for (key, raw) in delta.other {
            let value = Json::checked(raw);
            self.hold(value.len())?;
            match self
                .message
                .other
                .iter_mut()
                .find(|(known, _)| *known == *key)
            {
                Some((_, old)) => *old = value,
                None => self.message.other.push(((&*key).into(), value)),
            }
        }
        if let Some(usage) = delta.usage {
            self.message.usage.replace_with(usage);
        }
        if delta.bad_count {
            self.tolerate(Rule::BadCount, None, origin, out)
        } else {
            Ok(())
        }
    }

    fn end_message(
        &mut self,
        input: Input,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        match self.step(input, None, origin, out)? {
            Outcome::Complete | Outcome::CompleteBy(_) => {}
            _ => return Ok(()),
        }
        // A reply that was cut may well leave its last block open.
        let cut = self
            .message
            .stop_reason
            .as_ref()
            .is_some_and(StopReason::forbids_tools);
        for place in self.places.iter().filter(|place| place.is_open() && !cut) {
            self.tolerate(Rule::MissingBlockStop, Some(place.index), origin, out)?;
        }
        let complete = Complete {
            message: self.message(),
            request_id: self.request_id.clone(),
        };
        out.push_back(Event::Complete(complete.into()));
        Ok(())
    }

    // The blocks.

    fn block_start(
        &mut self,
        index: Option<u32>,
        block: &ContentBlock<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let behind = self
            .places
            .last()
            .map_or(0, |place| place.order.saturating_add(1));
        let wire_index = index.unwrap_or(behind);
        let slot = match self.find(wire_index).and_then(|at| self.places.get(at)) {
            None => Slot::Free,
            Some(Place {
                life: Life::Open(draft),
                ..
            }) if draft.is_alike(&block.block) => Slot::OpenAlike,
            Some(Place {
                life: Life::Open(_),
                ..
            }) => Slot::OpenOther,
            Some(_) => Slot::Closed,
        };
        let outcome = self.step(Input::BlockStart(slot), index, origin, out)?;
        if index.is_none() && outcome != Outcome::Ignore {
            self.tolerate(Rule::MissingIndex, None, origin, out)?;
        }
        match outcome {
            Outcome::Open => self.open(wire_index, wire_index, block, origin, out),
            Outcome::OpenAnew => self.open(wire_index, behind, block, origin, out),
            _ => Ok(()),
        }
    }

    fn open(
        &mut self,
        index: u32,
        order: u32,
        block: &ContentBlock<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        if self.places.len() >= self.limits.blocks {
            return Err(Fault::Limit {
                limit: LimitKind::Blocks,
                max: self.limits.blocks,
            });
        }
        let draft = Draft::new(index, block, origin.source);
        self.hold(draft.held())?;
        if let wire::Block::Fallback { to: Some(model) } = &block.block {
            self.message.model = Some((&*model.decode()).into());
        }
        let before = out.len();
        draft.announce(out);
        self.output_started |= out.len() > before;
        self.reused |= order != index;
        let at = self.places.partition_point(|place| place.order < order);
        self.places.insert(
            at,
            Place {
                index,
                order,
                life: Life::Open(draft.into()),
            },
        );
        self.last = at;
        Ok(())
    }

    fn delta(
        &mut self,
        index: Option<u32>,
        delta: Delta<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let at = self.locate(index, origin, out)?;
        let place = at.and_then(|at| self.places.get(at));
        let index = index.or(place.map(|place| place.index));
        let signature = matches!(delta, Delta::Signature { .. });
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
        let input = if signature {
            Input::Signature(target)
        } else {
            Input::Delta(target)
        };
        let outcome = self.step(input, index, origin, out)?;
        let Some(at) = at else {
            return Ok(());
        };
        self.last = at;
        match (outcome, delta) {
            (Outcome::Append, delta) => self.append(at, delta, origin, out),
            (Outcome::Attach, Delta::Signature { signature }) => {
                self.attach(at, &signature.unwrap_or_default().decode(), out);
                Ok(())
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
        let Some(Place {
            index,
            life: Life::Open(draft),
            ..
        }) = self.places.get_mut(at)
        else {
            return Ok(());
        };
        let index = Some(*index);
        let appended = draft.append(delta, origin.source, self.accumulate);
        let input = if matches!(draft.fill, Fill::Tool(_)) {
            draft.text.len()
        } else {
            0
        };
        if let Some(event) = appended.event {
            self.output_started |= !matches!(event, Event::Unknown(_));
            out.push_back(event);
        }
        self.hold(appended.grown)?;
        if input > self.limits.tool_input_bytes {
            let max = self.limits.tool_input_bytes;
            return Err(Fault::Limit {
                limit: LimitKind::ToolInputBytes,
                max,
            });
        }
        match appended.broken {
            Some(rule @ Rule::RepeatedText) => {
                tolerate(self.strict, rule, index, Some(origin), origin, out)
            }
            Some(rule) => self.tolerate(rule, index, origin, out),
            None => Ok(()),
        }
    }

    /// Signs a block of thinking that has stopped already, and hands it out once more.
    fn attach(&mut self, at: usize, signature: &str, out: &mut Queue) {
        let Some(Place {
            index,
            life: Life::Closed(closed),
            ..
        }) = self.places.get_mut(at)
        else {
            return;
        };
        if signature.is_empty() {
            return;
        }
        closed.signature = Signed::Present;
        let piece = Signature {
            index: *index,
            signature: signature.into(),
        };
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

    fn block_stop(
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

    fn close(&mut self, at: usize, out: &mut Queue) {
        let Some(place) = self.places.get_mut(at) else {
            return;
        };
        let Life::Open(draft) =
            core::mem::replace(&mut place.life, Life::Closed(Closed::default()))
        else {
            return;
        };
        out.extend(draft.unpaired());
        let signature = match &draft.fill {
            Fill::Thinking { signature, .. } if signature.is_empty() => Signed::Missing,
            Fill::Thinking { .. } => Signed::Present,
            _ => Signed::Never,
        };
        let damaged = draft.damaged;
        let block = self.accumulate.then(|| Arc::new(draft.into_block(true)));
        if let Some(block) = &block {
            if let Content::ToolUse(tool) = &block.content {
                self.tool_call_emitted = true;
                out.push_back(Event::ToolCall(ToolCall::new(block.index, tool).into()));
            }
            finished(block, out);
        }
        place.life = Life::Closed(Closed {
            block,
            signature,
            damaged,
        });
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
                self.tolerate(Rule::MissingIndex, index, origin, out)
                    .map(|()| Some(at))
            }
            _ => Err(Fault::Malformed {
                event: origin.name.into(),
                index: None,
                flaw: Flaw::Missing("index"),
            }),
        }
    }

    /// The place of the block with this index on the wire; of several the open one, or the last.
    fn find(&self, index: u32) -> Option<usize> {
        if self
            .places
            .get(self.last)
            .is_some_and(|place| place.index == index && place.is_open())
        {
            return Some(self.last);
        }
        if !self.reused {
            return self
                .places
                .binary_search_by_key(&index, |place| place.index)
                .ok();
        }
        let with = |open: bool| {
            self.places
                .iter()
                .rposition(|place| place.index == index && (!open || place.is_open()))
        };
        with(true).or_else(|| with(false))
    }

    /// Counts bytes that the message holds more than before.
    fn hold(&mut self, bytes: usize) -> Result<(), Fault> {
        self.held = self.held.saturating_add(bytes);
        let max = self.limits.message_bytes;
        if self.held > max {
            return Err(Fault::Limit {
                limit: LimitKind::MessageBytes,
                max,
            });
        }
        Ok(())
    }
}

impl Place {
    fn is_open(&self) -> bool {
        matches!(self.life, Life::Open(_))
    }
}
