//! Carries the protocol out: keeps the message, and makes events of what the wire brings.

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::items::{Closed, Items, Life, Place};
use super::{Failure, Identity, Input, Outcome, State, next, outcome};
use crate::assemble::written::Written;
use crate::assemble::{Came, Fault, Ledger, Origin, Queue};
use crate::error::ServerError;
use crate::event::{Complete, Event, Progress, Start, Unknown, UsageEvent};
use crate::json::Json;
use crate::message::{Message, Provider};
use crate::rule::Rule;
use crate::stop::StopReason;
use crate::text::Text;
use crate::usage::{Usage, replace};
use crate::wire::openai_responses::{self as wire, Response};

/// The message so far.
#[derive(Debug)]
pub(crate) struct Machine {
    state: State,
    pub(crate) ledger: Ledger,
    /// Without its blocks, which are below.
    pub(super) message: Message,
    pub(super) items: Items,
    /// The place that was added to last.
    pub(super) last: usize,
    /// The message began without `response.created`.
    assumed: bool,
    /// The provider keeps nothing of the response.
    pub(super) stored_nowhere: bool,
    /// A refusal was said.
    pub(super) refused: bool,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let (provider, role) = (Provider::OpenAiResponses, Some("assistant".into()));
        Self {
            state: State::Idle,
            ledger: Ledger::new(),
            message: Message { provider, role, ..Message::default() },
            items: Items::default(),
            last: 0,
            assumed: false,
            stored_nowhere: false,
            refused: false,
        }
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.state != State::Idle
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether items can grow.
    pub(super) fn is_streaming(&self) -> bool {
        self.state == State::Streaming
    }

    pub(crate) fn usage(&self) -> &Usage {
        &self.message.usage
    }

    pub(crate) fn message(&self) -> Message {
        let content = self.items.in_order().filter_map(|place| match &place.life {
            Life::Open(draft) if self.ledger.accumulate => Some(Arc::new(draft.to_block())),
            Life::Open(_) => None,
            Life::Closed(closed) => closed.block.clone(),
        });
        Message {
            content: content.collect(),
            complete: self.state == State::Done,
            ..self.message.clone()
        }
    }

    /// Ends all blocks where they are.
    pub(crate) fn seal(&mut self) {
        for (place, draft) in self.items.places.iter_mut().filter_map(Place::end) {
            if self.ledger.accumulate {
                let block = Arc::new(draft.into_block(None, &mut Written::default()));
                place.life = Life::Closed(Closed { block: Some(block), ..Closed::default() });
            }
        }
    }

    pub(crate) fn release(&mut self) {
        self.items = Items::default();
        self.ledger.release();
    }

    /// Takes one event of the wire, and puts what comes of it into `out`.
    pub(crate) fn apply(
        &mut self,
        event: wire::Event<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        match event {
            wire::Event::Delta { place, said, delta, .. } => {
                self.delta(place, said, delta, origin, out)
            }
            wire::Event::Whole { place, said, whole } => {
                self.whole(place, said, whole, origin, out)
            }
            wire::Event::ItemAdded { output_index, item } => {
                self.item_added(output_index, &item, origin, out)
            }
            wire::Event::ItemDone { output_index, item } => {
                self.item_done(output_index, &item, origin, out)
            }
            wire::Event::PartAdded { place, summary, part }
            | wire::Event::PartDone { place, summary, part } => {
                self.part(place, summary, part, origin, out)
            }
            wire::Event::Annotation { place, annotation } => {
                self.annotation(place, annotation, origin, out)
            }
            wire::Event::Created(response) => self.created(&response, origin, out),
            wire::Event::InProgress(response) => self.in_progress(&response, origin, out),
            wire::Event::Ended { response, incomplete } => {
                self.ended(*response, incomplete, origin, out)
            }
            wire::Event::Failed(response) => self.failed(*response),
            wire::Event::Error(error) => self.fail(error),
            wire::Event::Progress { output_index, name, data } => {
                let (name, data) = (Text::from(&*name), origin.source.text(data));
                let progress = Event::Progress(Progress { index: output_index, name, data }.into());
                self.hand_out(Input::Progress, progress, origin, out)
            }
            wire::Event::Unknown { name, data } => {
                let unknown = Unknown { name: (&*name).into(), data: origin.source.text(data) };
                self.hand_out(Input::Unknown, Event::Unknown(unknown.into()), origin, out)
            }
            wire::Event::Ping => self.hand_out(Input::Ping, Event::Ping, origin, out),
            wire::Event::Done => self.step(Input::Sentinel, None, origin, out).map(drop),
        }
    }

    /// Ends the input: an error unless the message is complete.
    pub(crate) fn finish(&mut self, leftover: u64) -> Result<(), Fault> {
        match outcome(self.state, Input::End) {
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
            Outcome::OpenFirst if self.ledger.came != Came::Whole => {
                self.ledger.tolerate(Rule::MissingBlockStart, index, origin, out)?;
            }
            Outcome::Drop(rule) => self.ledger.pass_over(rule, index, origin, out)?,
            Outcome::Fail(Failure::Protocol(rule)) => return Err(Fault::Protocol { rule, index }),
            Outcome::Alive => out.push_back(Event::Ping),
            _ => {}
        }
        // Only now: what has failed has not moved on.
        self.state = next(self.state, input);
        if outcome == Outcome::Assume {
            self.assumed = true;
            let (id, model) = (self.message.id.clone(), self.message.model.clone());
            out.push_back(Event::Start(Start { id, model, ..Start::default() }.into()));
            return self.step(input, index, origin, out);
        }
        Ok(outcome)
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

    /// The response itself says that it has failed, and what it cost until then.
    fn failed(&mut self, response: Response<'_>) -> Result<(), Fault> {
        if self.is_done() {
            return Ok(());
        }
        self.name(&response)?;
        if let Some(mut usage) = response.usage {
            self.message.usage.replace_with(&mut usage);
        }
        let unsaid = || ServerError::new("".into(), Text::EMPTY);
        self.fail(response.error.unwrap_or_else(unsaid).into())
    }

    fn fail(&mut self, error: Box<ServerError>) -> Result<(), Fault> {
        match outcome(self.state, Input::Error) {
            Outcome::Fail(_) => Err(Fault::Server(error)),
            _ => Ok(()),
        }
    }

    // The response.

    fn created(
        &mut self,
        response: &Response<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let id = response.id.map(super::fields::text);
        let same = id == self.message.id || self.assumed;
        let input = Input::Created(if same { Identity::Same } else { Identity::Other });
        let begins = self.step(input, None, origin, out)? == Outcome::Begin;
        // One that comes late still says whose message it is.
        if core::mem::take(&mut self.assumed) {
            return self.name(response);
        }
        if begins { self.begin(response, out) } else { Ok(()) }
    }

    fn in_progress(
        &mut self,
        response: &Response<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        // Who says no more than that keeps a connection alive.
        if response.id.is_none() && self.state == State::Idle {
            return self.hand_out(Input::Ping, Event::Ping, origin, out);
        }
        match self.step(Input::InProgress, None, origin, out)? {
            Outcome::Begin => self.begin(response, out),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, response: &Response<'_>, out: &mut Queue) -> Result<(), Fault> {
        self.name(response)?;
        let start = Start {
            id: self.message.id.clone(),
            model: self.message.model.clone(),
            usage: self.message.usage.clone(),
        };
        out.push_back(Event::Start(start.into()));
        Ok(())
    }

    /// Takes over whose response it is. What was said first counts: some servers make up a new id
    /// with every event.
    fn name(&mut self, response: &Response<'_>) -> Result<(), Fault> {
        let mut named = 0_usize;
        let names =
            [(&mut self.message.id, response.id), (&mut self.message.model, response.model)];
        for (mine, said) in names {
            if mine.is_none() {
                *mine = said.map(super::fields::text);
                named = named.saturating_add(mine.as_ref().map_or(0, Text::len));
            }
        }
        self.stored_nowhere |= response.store == Some(false);
        self.ledger.hold(named)
    }

    fn ended(
        &mut self,
        response: Response<'_>,
        incomplete: bool,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let before = self.state;
        // It may be all that there is of the reply.
        if before == State::Idle {
            self.name(&response)?;
        }
        if self.step(Input::Ended, None, origin, out)? != Outcome::Complete {
            return Ok(());
        }
        // In strict mode it may yet fail; and the items that it brings come before it.
        self.state = if before == State::Idle { State::Streaming } else { before };
        self.name(&response)?;
        let cancelled = response.status.is_some_and(|status| status.decode() == "cancelled");
        let cut = incomplete || cancelled;
        self.take_output(&response, cut, origin, out)?;
        // What was cut or refused is over, however it ends.
        if cut {
            self.items.cut_last();
        } else if !self.refused {
            self.close_whole(origin, out)?;
        }
        let reason = self.stop_reason(&response, incomplete);
        self.message.stop_reason = Some(reason);
        self.state = State::Done;
        self.note("status", response.status.map(super::fields::text));
        if let Some(details) = response.incomplete_details {
            let key = Text::from("incomplete_details");
            replace(&mut self.message.other, key, Json::checked(details));
        }
        if let Some(mut usage) = response.usage {
            self.message.usage.replace_with(&mut usage);
            self.ledger.beside = self.message.usage.raw_bytes();
            self.ledger.hold(0)?;
            if response.bad_count {
                self.ledger.tolerate(Rule::BadCount, None, origin, out)?;
            }
            let usage = self.message.usage.clone();
            out.push_back(Event::Usage(UsageEvent { usage }.into()));
        }
        self.ledger.release();
        let complete = Complete { message: self.message(), ..Complete::default() };
        out.push_back(Event::Complete(complete.into()));
        Ok(())
    }

    /// Why the response ended: its status says only whether it was cut.
    fn stop_reason(&self, response: &Response<'_>, incomplete: bool) -> StopReason {
        let status = response.status.map(|status| status.decode());
        if incomplete {
            return match response.incomplete_reason().as_deref() {
                Some("max_output_tokens") => StopReason::MaxTokens,
                Some("content_filter") => StopReason::ContentFilter,
                Some(reason) => StopReason::Other(reason.into()),
                None => StopReason::Other("incomplete".into()),
            };
        }
        match status.as_deref() {
            Some("cancelled") => StopReason::Other("cancelled".into()),
            _ if self.refused => StopReason::Refusal,
            // What is said is not known, and made up it would be worse.
            Some(other) if !STATUSES.contains(&other) => StopReason::Other(other.into()),
            _ if self.items.places.iter().any(Place::awaits_client) => StopReason::ToolUse,
            _ => StopReason::EndTurn,
        }
    }

    /// Keeps what the provider said in its own words.
    fn note(&mut self, key: &str, value: Option<Text>) {
        if let Some(value) = value {
            let value = Json::from(serde_json::Value::from(value.as_str()));
            replace(&mut self.message.other, key.into(), value);
        }
    }
}

/// What a response may be. Its last event says more surely than its status whether it is over.
const STATUSES: [&str; 6] = ["", "completed", "failed", "in_progress", "incomplete", "queued"];
