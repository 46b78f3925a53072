//! Carries the protocol out: keeps the message, and makes events of what the wire brings.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::blocks::{Life, Place};
use super::{Failure, Identity, Input, Outcome, State, Stop, next, outcome};
use crate::assemble::written::Written;
use crate::assemble::{Fault, Ledger, Origin, Queue};
use crate::error::ServerError;
use crate::event::{Complete, Event, Start, Unknown, UsageEvent};
use crate::json::Json;
use crate::message::{Message, Provider};
use crate::rule::Rule;
use crate::stop::StopReason;
use crate::text::Text;
use crate::usage::{Usage, replace};
use crate::wire::anthropic::{self as wire, MessageDelta, MessageStart};

/// The message so far.
#[derive(Debug)]
pub(crate) struct Machine {
    state: State,
    /// Frames name their events. Where they do not, what has no type is a sign of life.
    named: bool,
    pub(crate) ledger: Ledger,
    /// Without its blocks, which are below.
    pub(super) message: Message,
    /// In the order of the message; mostly, but not always, in that of the indexes.
    pub(super) places: Vec<Place>,
    /// The place that the last delta went to.
    pub(super) last: u32,
    /// An index was used twice, so the order of the places is not that of the indexes.
    pub(super) reused: bool,
    /// The message began without its `message_start`.
    assumed: bool,
}

impl Machine {
    /// `named`: every frame names its event.
    pub(crate) fn new(named: bool) -> Self {
        Self {
            named,
            state: State::Idle,
            ledger: Ledger::new(),
            message: Message { provider: Provider::Anthropic, ..Message::default() },
            places: Vec::new(),
            last: 0,
            reused: false,
            assumed: false,
        }
    }

    /// Whether a message is open, so that blocks can grow.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Streaming | State::Stopping)
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.state != State::Idle
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    pub(crate) fn usage(&self) -> &Usage {
        &self.message.usage
    }

    /// The message as it is: finished blocks are shared, blocks in flight are copied.
    pub(crate) fn message(&self) -> Message {
        let content = self.places.iter().filter_map(|place| match &place.life {
            Life::Open(draft) if self.ledger.accumulate => Some(draft.to_block()),
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
            wire::Event::MessageStart(Some(start)) => self.message_start(start, origin, out),
            wire::Event::MessageDelta(delta) => self.message_delta(delta, origin, out),
            wire::Event::MessageStop(end) => self.message_stop(end, origin, out),
            wire::Event::Done => self.end_message(Input::Sentinel, origin, out),
            wire::Event::Error(error) => self.fail(error),
            wire::Event::Unknown { name, .. } if name.is_empty() && !self.named => {
                self.hand_out(Input::Ping, Event::Ping, origin, out)
            }
            wire::Event::Ping => self.hand_out(Input::Ping, Event::Ping, origin, out),
            wire::Event::Unknown { name, data } => {
                let unknown = Unknown { name: (&*name).into(), data: origin.source.text(data) };
                self.hand_out(Input::Unknown, Event::Unknown(unknown.into()), origin, out)
            }
        }
    }

    /// Does the same for an event that was recognised as it stands.
    pub(crate) fn apply_known(
        &mut self,
        event: wire::Known<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        match event {
            wire::Known::BlockStart(index, start) => {
                self.block_start(Some(index), &start.block(), origin, out)
            }
            wire::Known::BlockStop(index) => self.block_stop(Some(index), origin, out),
            wire::Known::MessageStop => self.end_message(Input::MessageStop, origin, out),
            wire::Known::Ping => self.hand_out(Input::Ping, Event::Ping, origin, out),
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
    pub(super) fn step(
        &mut self,
        input: Input,
        index: Option<u32>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<Outcome, Fault> {
        let outcome = outcome(self.state, input);
        match outcome {
            Outcome::Assume => {
                self.ledger.tolerate(Rule::MissingMessageStart, None, origin, out)?;
            }
            Outcome::OpenAnew => self.ledger.tolerate(Rule::ReusedIndex, index, origin, out)?,
            Outcome::Attach => self.ledger.tolerate(Rule::LateSignature, index, origin, out)?,
            Outcome::CompleteBy(rule) => self.ledger.tolerate(rule, index, origin, out)?,
            Outcome::Drop(rule) => {
                self.ledger.pass_over(rule, index, origin, out)?;
            }
            Outcome::Fail(Failure::Protocol(rule)) => return Err(Fault::Protocol { rule, index }),
            _ => {}
        }
        // Only now: what has failed has not moved on.
        self.state = next(self.state, input);
        if outcome == Outcome::Assume {
            self.assumed = true;
            out.push_back(Event::Start(Start::default().into()));
            return self.step(input, index, origin, out);
        }
        Ok(outcome)
    }

    fn check_name(
        &mut self,
        event: &wire::Event<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        // An error is worth more than its name, and a ping says no more than any name.
        let exempt = !self.named
            || matches!(event, wire::Event::Done | wire::Event::Error(_) | wire::Event::Ping);
        if exempt || self.is_done() || event.name() == origin.name {
            return Ok(());
        }
        self.ledger.tolerate(Rule::EventName, None, origin, out)
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
        mut start: Box<MessageStart<'_>>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let text = |string: crate::wire::Str<'_>| Text::from(&*string.decode());
        let id = start.id.map(text);
        let same = id == self.message.id || self.assumed;
        let input = Input::MessageStart(if same { Identity::Same } else { Identity::Other });
        let begins = self.step(input, None, origin, out)? == Outcome::Begin;
        // One that comes late still says whose message it is.
        let late = core::mem::take(&mut self.assumed);
        if !begins && !late {
            return Ok(());
        }
        self.message.id = id;
        self.message.model = start.model.map(text);
        self.message.role = start.role.map(text);
        // A message that is whole already says how it ended.
        if start.end.stop_reason.is_some() {
            self.step(Input::MessageDelta(Stop::Reason), None, origin, out)?;
        }
        self.update(&mut start.end, origin, out)?;
        let named = [&self.message.id, &self.message.model, &self.message.role];
        self.ledger.hold(named.into_iter().flatten().map(Text::len).sum())?;
        if late {
            return Ok(());
        }
        out.push_back(Event::Start(
            Start {
                id: self.message.id.clone(),
                model: self.message.model.clone(),
                usage: self.message.usage.clone(),
            }
            .into(),
        ));
        for (index, block) in (0..).zip(start.content) {
            let block = block.map_err(|error| Fault::Malformed {
                event: origin.name.into(),
                index: Some(index),
                flaw: error.flaw,
            })?;
            self.open(index, index.into(), &block, origin, out)?;
            let at = self.places.len().saturating_sub(1);
            self.close(at, out);
        }
        Ok(())
    }

    fn message_delta(
        &mut self,
        mut delta: Box<MessageDelta<'_>>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let stop = if delta.stop_reason.is_some() { Stop::Reason } else { Stop::NoReason };
        if self.step(Input::MessageDelta(stop), None, origin, out)? != Outcome::Update {
            return Ok(());
        }
        let reported = delta.usage.is_some();
        self.update(&mut delta, origin, out)?;
        if reported {
            let usage = self.message.usage.clone();
            out.push_back(Event::Usage(UsageEvent { usage }.into()));
        }
        Ok(())
    }

    fn message_stop(
        &mut self,
        end: Option<Box<MessageDelta<'_>>>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        if let Some(mut end) = end.filter(|_| self.is_open()) {
            self.update(&mut end, origin, out)?;
        }
        self.end_message(Input::MessageStop, origin, out)
    }

    /// Takes over what `delta` has; what it has not stays as it is.
    fn update(
        &mut self,
        delta: &mut MessageDelta<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        if let Some(reason) = delta.stop_reason {
            self.message.stop_reason = Some(StopReason::from(&*reason.decode()));
        }
        if let Some(sequence) = delta.stop_sequence {
            self.message.stop_sequence = Some((&*sequence.decode()).into());
        }
        if let Some(details) = delta.stop_details {
            self.message.stop_details = Some(Json::checked(details));
        }
        for (key, raw) in delta.other.drain(..) {
            replace(&mut self.message.other, (&*key).into(), Json::checked(raw));
        }
        if let Some(usage) = &mut delta.usage {
            self.message.usage.replace_with(usage);
        }
        let other =
            self.message.other.iter().map(|(key, value)| key.len().saturating_add(value.len()));
        let stop = [
            self.message.stop_reason.as_ref().map_or(0, |reason| reason.as_str().len()),
            self.message.stop_sequence.as_ref().map_or(0, Text::len),
            self.message.stop_details.as_ref().map_or(0, |details| details.len()),
        ];
        let usage = self.message.usage.raw_bytes();
        self.ledger.beside = other.chain(stop).fold(usage, usize::saturating_add);
        self.ledger.hold(0)?;
        if delta.bad_count {
            self.ledger.tolerate(Rule::BadCount, None, origin, out)
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
        let before = self.state;
        match self.step(input, None, origin, out)? {
            Outcome::Complete | Outcome::CompleteBy(_) => {}
            _ => return Ok(()),
        }
        // In strict mode it may yet fail.
        let done = core::mem::replace(&mut self.state, before);
        // A reply that was cut may well leave its last block open.
        let cut = self.message.stop_reason.as_ref().is_some_and(StopReason::is_cut);
        for place in self.places.iter().filter(|place| place.is_open() && !cut) {
            let rule = Rule::MissingBlockStop;
            self.ledger.warn(rule, Some(place.index), false, origin, out)?;
        }
        self.state = done;
        self.ledger.spare = Written::default();
        let complete = Complete { message: self.message(), ..Complete::default() };
        out.push_back(Event::Complete(complete.into()));
        Ok(())
    }
}
