//! Carries the protocol out: keeps the completions, and makes events of what the wire brings.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::choice::Choice;
use super::hand::Hand;
use super::{Failure, Input, Left, Outcome, State, next, outcome};
use crate::assemble::{Came, Fault, Ledger, Origin, Queue};
use crate::error::ServerError;
use crate::event::{self, Complete, Event, Start, Unknown, UsageEvent};
use crate::json::Json;
use crate::message::{Message, Provider};
use crate::rule::Rule;
use crate::stop::StopReason;
use crate::text::Text;
use crate::usage::{Usage, replace};
use crate::wire::openai_chat::{self as wire, Chunk};
use crate::wire::shape::Said;

/// The completions so far.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(super) state: State,
    pub(crate) ledger: Ledger,
    /// Without its blocks, which are below; what all choices have in common.
    message: Message,
    /// The completions that have begun, in the order of their indexes.
    pub(super) choices: Vec<Choice>,
    /// How many of them have not finished.
    unfinished: usize,
    /// The choice that the last event was of.
    pub(super) current: u32,
    /// The index of the next block.
    next: u32,
    started: bool,
    /// The id of the request, of servers that have it in the stream.
    request_id: Option<Text>,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let (provider, role) = (Provider::OpenAiChat, Some("assistant".into()));
        Self {
            state: State::Idle,
            ledger: Ledger::new(),
            message: Message { provider, role, ..Message::default() },
            choices: Vec::new(),
            unfinished: 0,
            current: 0,
            next: 0,
            started: false,
            request_id: None,
        }
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.state != State::Idle
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether all choices have finished, so that only the end is missing.
    #[cfg(any(feature = "std", feature = "stream"))]
    pub(crate) fn is_over(&self) -> bool {
        self.state == State::Finished
    }

    pub(crate) fn usage(&self) -> &Usage {
        &self.message.usage
    }

    /// The first choice as it is.
    pub(crate) fn message(&self) -> Message {
        match self.choices.first() {
            Some(choice) => self.of(choice, self.message.usage.clone()),
            None => self.message.clone(),
        }
    }

    /// The other choices.
    pub(crate) fn choices(&self) -> Vec<Message> {
        self.choices.iter().skip(1).map(|choice| self.of(choice, Usage::default())).collect()
    }

    fn of(&self, choice: &Choice, usage: Usage) -> Message {
        let mut message = Message {
            content: choice.content(self.ledger.accumulate),
            complete: self.is_done(),
            choice: choice.index,
            usage,
            ..self.message.clone()
        };
        if let Some(finish) = &choice.finish {
            message.stop_reason = Some(stop_reason(choice, finish));
            let raw = Json::from(serde_json::Value::from(finish.as_str()));
            replace(&mut message.other, "finish_reason".into(), raw);
        }
        // `DeepSeek` wants it back with its calls even so.
        if choice.saw_reasoning && !choice.tools.is_empty() {
            let empty = Json::checked("\"\"");
            replace(&mut message.other, "reasoning_content".into(), empty);
        }
        if let Some(extra) = &choice.extra_content {
            replace(&mut message.other, "extra_content".into(), extra.json.clone());
        }
        message
    }

    /// Ends all blocks where they are.
    pub(crate) fn seal(&mut self) {
        for choice in &mut self.choices {
            choice.seal(self.ledger.accumulate);
        }
    }

    pub(crate) fn release(&mut self) {
        self.choices = Vec::new();
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
            wire::Event::Chunk(_) if self.is_done() => Ok(()),
            wire::Event::Chunk(chunk) => self.chunk(chunk, origin, out),
            wire::Event::Done => self.end(Input::Sentinel, 0, origin, out),
            wire::Event::Error(error) => self.fail(error),
            wire::Event::Ping => self.hand_out(Input::Ping, Event::Ping, out),
            wire::Event::Unknown { name, data } => {
                let unknown = Unknown { name: (&*name).into(), data: origin.source.text(data) };
                self.hand_out(Input::Unknown, Event::Unknown(unknown.into()), out)
            }
        }
    }

    /// Takes one more piece of a text, in a chunk that is otherwise the same as one that was taken.
    pub(crate) fn go_on(
        &mut self,
        only: wire::Only,
        said: Said<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        if self.is_done() {
            return Ok(());
        }
        self.choice(&only.with(said), origin, out)?;
        let left = if self.unfinished == 0 { Left::Finished } else { Left::Open };
        self.state = next(self.state, Input::Chunk(left));
        Ok(())
    }

    pub(crate) fn request_id(&self) -> Option<&Text> {
        self.request_id.as_ref()
    }

    /// Ends the input: an error unless all choices have finished.
    pub(crate) fn finish(
        &mut self,
        leftover: u64,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        self.end(Input::End, leftover, origin, out)
    }

    fn hand_out(&mut self, input: Input, event: Event, out: &mut Queue) -> Result<(), Fault> {
        if outcome(self.state, input) == Outcome::HandOut {
            out.push_back(event);
        }
        Ok(())
    }

    fn fail(&mut self, error: Box<ServerError>) -> Result<(), Fault> {
        match outcome(self.state, Input::Error) {
            Outcome::Fail(Failure::Server) => Err(Fault::Server(error)),
            _ => Ok(()),
        }
    }

    fn chunk(
        &mut self,
        mut chunk: Chunk<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let before = out.len();
        self.begin(&chunk, out)?;
        let mut failed = None;
        let mut any = false;
        for choice in chunk.choices() {
            any = true;
            failed = self.choice(choice, origin, out)?.or(failed);
        }
        self.note(&mut chunk, origin, out)?;
        if let Some(error) = chunk.error.take().or(failed) {
            return self.fail(error);
        }
        let input = match (any, self.unfinished) {
            (false, _) => Input::Beside,
            (true, 0) => Input::Chunk(Left::Finished),
            (true, _) => Input::Chunk(Left::Open),
        };
        // A chunk that says nothing still says that somebody is there.
        if outcome(self.state, input) == Outcome::Update && out.len() == before {
            out.push_back(Event::Ping);
        }
        self.state = next(self.state, input);
        Ok(())
    }

    /// Takes over whose reply it is; what was said first counts.
    fn begin(&mut self, chunk: &Chunk<'_>, out: &mut Queue) -> Result<(), Fault> {
        let said = [(&mut self.message.id, chunk.id), (&mut self.message.model, chunk.model)];
        let mut named = 0_usize;
        for (mine, said) in said {
            if let (None, Some(said)) = (&*mine, said) {
                named = named.saturating_add(said.decode().len());
                *mine = Some((&*said.decode()).into());
            }
        }
        self.ledger.hold(named)?;
        if !self.started && (chunk.id.is_some() || chunk.choices().next().is_some()) {
            self.started = true;
            let start = Start {
                id: self.message.id.clone(),
                model: self.message.model.clone(),
                usage: Usage::default(),
            };
            out.push_back(Event::Start(start.into()));
        }
        Ok(())
    }

    /// Adds what a chunk has for one choice; gives the error that its end may be.
    fn choice(
        &mut self,
        said: &wire::Choice<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<Option<Box<ServerError>>, Fault> {
        let at = match self.choices.binary_search_by_key(&said.index, |choice| choice.index) {
            Ok(at) => at,
            Err(at) => {
                self.ledger.bound_blocks(self.choices.len())?;
                let beside = if self.choices.is_empty() { 0 } else { CHOICE };
                self.ledger.hold(beside)?;
                self.choices.insert(at, Choice::new(said.index));
                self.unfinished = self.unfinished.saturating_add(1);
                at
            }
        };
        let Some(choice) = self.choices.get_mut(at) else {
            return Ok(None);
        };
        let before = out.len();
        let (next, id) = (&mut self.next, self.message.id.as_ref());
        let mut hand = Hand { ledger: &mut self.ledger, next, id, origin, out: &mut *out };
        choice.add(&said.delta, &mut hand)?;
        if out.len() > before && self.current != said.index {
            self.current = said.index;
            out.insert(before, Event::Choice(event::Choice { choice: said.index }.into()));
        }
        let Some(reason) = said.finish_reason else {
            return Ok(None);
        };
        let reason = Text::from(&*reason.decode());
        // Ollama says so of the model, not of a reply.
        if matches!(reason.as_str(), "load" | "unload") {
            return Ok(None);
        }
        if is_error(&reason) {
            let message = "the server could not finish the reply".into();
            return Ok(Some(ServerError::new(reason.as_str().into(), message).into()));
        }
        if choice.finish.is_none() {
            self.ledger.hold(reason.len())?;
            choice.finish = Some(reason);
            choice.behind = said.native_finish_reason.and_then(|native| behind(&native.decode()));
            self.unfinished = self.unfinished.saturating_sub(1);
        }
        Ok(None)
    }

    /// Takes over what a chunk has beside its choices.
    fn note(
        &mut self,
        chunk: &mut Chunk<'_>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        if let Some(id) = chunk.request_id {
            self.request_id = Some((&*id.decode()).into());
        }
        if let Some(tier) = chunk.service_tier
            && self.message.usage.service_tier.as_ref().is_none_or(|known| *known != *tier.decode())
        {
            self.message.usage.service_tier = Some((&*tier.decode()).into());
        }
        let mut kept = false;
        for (key, raw) in chunk.other.into_iter().flatten() {
            if self.message.get(key).is_none_or(|known| *known != *raw) {
                kept = true;
                replace(&mut self.message.other, key.into(), Json::checked(raw));
            }
        }
        let usage = chunk.usage.take();
        if usage.is_none() && !kept {
            return Ok(());
        }
        if let Some(mut usage) = usage {
            let before = self.message.usage.clone();
            self.message.usage.replace_with(&mut usage);
            if self.message.usage != before {
                let usage = self.message.usage.clone();
                out.push_back(Event::Usage(UsageEvent { usage }.into()));
            }
        }
        let other = &self.message.other;
        let other = other.iter().map(|(key, value)| key.len().saturating_add(value.len()));
        self.ledger.beside = other.fold(self.message.usage.raw_bytes(), usize::saturating_add);
        self.ledger.hold(0)?;
        if chunk.bad_count {
            return self.ledger.tolerate(Rule::BadCount, None, origin, out);
        }
        Ok(())
    }

    /// Ends the reply, if its choices have.
    fn end(
        &mut self,
        input: Input,
        leftover: u64,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        match outcome(self.state, input) {
            Outcome::Complete => {}
            Outcome::Fail(_) => return Err(Fault::Incomplete { leftover }),
            _ => return Ok(()),
        }
        if leftover > 0 || self.ledger.came == Came::BrokenOff {
            let origin = Origin { offset: origin.offset.saturating_sub(leftover), ..*origin };
            self.ledger.tolerate(Rule::CutEvent, None, &origin, out)?;
        }
        for choice in &mut self.choices {
            let before = out.len();
            let Some(finish) = &choice.finish else {
                continue;
            };
            let calls = calls_tools(finish);
            let cut = stop_reason(choice, finish).is_cut();
            let (next, id) = (&mut self.next, self.message.id.as_ref());
            let mut hand = Hand { ledger: &mut self.ledger, next, id, origin, out: &mut *out };
            choice.name_calls(&mut hand)?;
            if calls && choice.tools.is_empty() {
                hand.ledger.tolerate(Rule::MissingToolCall, None, origin, hand.out)?;
            }
            if !cut {
                choice.settle_inputs(&mut hand)?;
            }
            choice.end(cut, &mut self.ledger, out);
            if out.len() > before && self.current != choice.index {
                self.current = choice.index;
                out.insert(before, Event::Choice(event::Choice { choice: choice.index }.into()));
            }
        }
        self.state = next(self.state, input);
        self.ledger.release();
        let complete = Complete {
            message: self.message(),
            choices: self.choices(),
            request_id: self.request_id.clone(),
            timing: None,
        };
        out.push_back(Event::Complete(complete.into()));
        Ok(())
    }
}

/// Bytes that a choice takes beside what it says, with the message that becomes of it.
const CHOICE: usize = 2 * size_of::<Choice>() + size_of::<Message>();

/// Why a completion ended. What the server says is not enough: many say `stop` for calls of tools, and
/// all do for refusals; `OpenRouter` says `tool_calls` where a limit cut the arguments of a call.
fn stop_reason(choice: &Choice, finish: &Text) -> StopReason {
    if let Some(behind) = &choice.behind
        && (is_end(finish) || calls_tools(finish))
    {
        return behind.clone();
    }
    match finish.as_str() {
        reason if is_limit(reason) => StopReason::MaxTokens,
        reason if is_filter(reason) => StopReason::ContentFilter,
        "stop_sequence" => StopReason::StopSequence,
        "refusal" => StopReason::Refusal,
        reason if is_end(reason) && choice.refused => StopReason::Refusal,
        reason if !is_end(reason) && !calls_tools(reason) => StopReason::from(reason),
        _ if choice.tools.is_empty() => StopReason::EndTurn,
        _ => StopReason::ToolUse,
    }
}

/// What a server behind another says that is worse than an end: that a limit cut the reply, or, of Gemini, that a call
/// in it was none that it could read.
fn behind(native: &str) -> Option<StopReason> {
    match native {
        "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" => Some(StopReason::from(native)),
        _ => is_limit(native).then_some(StopReason::MaxTokens),
    }
}

/// Whether a reason says that a limit of tokens cut the reply; Gemini's and the Responses' own words come
/// from behind `OpenRouter`.
fn is_limit(finish: &str) -> bool {
    matches!(finish, "length" | "max_tokens" | "model_length" | "MAX_TOKENS" | "max_output_tokens")
}

/// Whether a `finish_reason` says no more than that the model has ended.
fn is_end(finish: &str) -> bool {
    matches!(finish, "stop" | "STOP" | "eos" | "eos_token" | "end_turn" | "completed")
}

/// Whether a filter withheld the reply; the words in capitals are Gemini's own, which proxies leak.
fn is_filter(finish: &str) -> bool {
    matches!(
        finish,
        "content_filter"
            | "sensitive"
            | "SAFETY"
            | "RECITATION"
            | "BLOCKLIST"
            | "PROHIBITED_CONTENT"
            | "SPII"
    )
}

fn calls_tools(finish: &str) -> bool {
    matches!(finish, "tool_calls" | "function_call" | "tool_use")
}

/// Whether a `finish_reason` says that the server failed: of Mistral and `OpenRouter`, GLM, `DeepSeek`.
fn is_error(finish: &str) -> bool {
    matches!(finish, "error" | "network_error" | "insufficient_system_resource")
}
