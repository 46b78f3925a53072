//! One line for each call.

use core::time::Duration;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

#[cfg(all(feature = "std", feature = "stream"))]
use crate::adapter::{Ending, Outcome};
use crate::error::{Error, ErrorKind};
use crate::event::Complete;
use crate::headers::Headers;
use crate::json::Json;
use crate::message::{Message, Provider};
#[cfg(all(feature = "std", feature = "stream"))]
use crate::protocol::Protocol;
use crate::rule::Rule;
use crate::stop::StopReason;
use crate::text::Text;
use crate::timing::{Timing, milliseconds};
use crate::usage::Iteration;

/// What one call of a model was: for a log, a ledger or a table.
///
/// It is made of a [`Complete`], an [`Error`] or the outcome of a tap, and holds the truth that they
/// know: `None` is unknown and never 0, the id of the request is not the id of the reply, and the tokens
/// of the prompt mean the same for every provider. The rest (`round`, `purpose`, `request_model`, …) is
/// yours to set.
///
/// Serialised it is one JSON object; [`to_line`](Self::to_line) makes sure that it is one line.
///
/// # Example
///
/// ```
/// use thinkstream::telemetry::CallRecord;
/// use thinkstream::{Complete, Error};
///
/// /// A line for the log, of whatever came of the call.
/// fn line(outcome: &Result<Box<Complete>, Error>, round: u32) -> String {
///     let mut record = match outcome {
///         Ok(done) => CallRecord::from(&**done),
///         Err(error) => CallRecord::from(error),
///     };
///     record.round = round;
///     record.purpose = "answer".into();
///     record.to_line()
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct CallRecord {
    /// Which round of an agent's loop it was; yours.
    pub round: u32,
    /// What the call was for; yours.
    pub purpose: Text,
    /// How the prompt was made; yours.
    pub prompt_technique: Option<Text>,
    /// Who was called, where that is known: `anthropic`, `openai`. Of a chat it is not, nor of a model of another
    /// vendor, as many servers speak so: yours to set.
    pub provider: Option<Text>,
    /// Which API was spoken.
    pub api: Provider,
    /// The model that was asked for; yours.
    pub request_model: Option<Text>,
    /// The model that answered, as the reply named it.
    pub model: Option<Text>,
    /// `complete`, `dropped` by the caller, or the kind of the error: `incomplete`, `server`, …
    pub outcome: Text,
    /// What to count failures by: the type of the server's error, else the kind; `cancelled` if the caller dropped it,
    /// and `None` if all was well.
    pub error_type: Option<Text>,
    /// The error in words, on one line and without anything that the model wrote.
    pub error: Option<Text>,
    /// Whether the call could be made again without showing anything twice, if it failed.
    pub retry_safe: Option<bool>,
    /// The status of the response, if it was an error's, or the server's error says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The id of the request, to quote to the provider.
    pub request_id: Option<Text>,
    /// The id of the reply.
    pub response_id: Option<Text>,
    /// The organization that is billed, if the response's headers say so.
    pub organization_id: Option<Text>,
    /// Why the reply stopped.
    pub stop_reason: Option<Text>,
    /// Why each choice stopped, in the provider's own words: `end_turn`, `stop`, … One that failed or was
    /// cut says `error`.
    pub finish_reasons: Vec<Text>,
    /// The whole prompt in tokens: uncached, read from the cache and written to it.
    pub prompt_tokens: Option<u64>,
    /// Output tokens, thinking included. Unknown of an Anthropic reply that was cut: what it says at
    /// its beginning is a placeholder.
    pub completion_tokens: Option<u64>,
    /// Both together, if both are known.
    pub total_tokens: Option<u64>,
    /// The part of the output that was thinking.
    pub reasoning_tokens: Option<u64>,
    /// The part of the prompt that was read from the cache.
    pub cache_read_input_tokens: Option<u64>,
    /// The part of the prompt that was written to the cache.
    pub cache_creation_input_tokens: Option<u64>,
    /// The part of that with a lifetime of five minutes.
    pub cache_creation_5m_input_tokens: Option<u64>,
    /// The part of that with a lifetime of one hour.
    pub cache_creation_1h_input_tokens: Option<u64>,
    /// What was charged, in US dollars. Few servers say so, and where none did, the line is without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// The steps of the reply, where it took several, each with its model. What is billed is the sum over them: the
    /// tokens above leave compactions and advisors out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub iterations: Vec<Iteration>,
    /// The tier that served the request.
    pub service_tier: Option<Text>,
    /// Whether the reply has calls of tools that are yours to run. Unknown where no blocks were kept, but
    /// for what a tap has seen.
    pub has_tool_calls: Option<bool>,
    /// How many.
    pub tool_call_count: Option<u32>,
    /// Whether they may be run, if there are any, as [`Message::tools_safe_to_run`] has it: also where the connection
    /// broke off behind the stop reason.
    pub tools_safe_to_run: Option<bool>,
    /// The rules of the protocol that the server broke, and that was tolerated, as a tap has seen it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Rule>,
    /// From the sending of the request to its end, if that was measured.
    #[serde(rename = "duration_ms", with = "milliseconds::optional")]
    pub duration: Option<Duration>,
    /// When what came, if that was measured.
    pub timing: Timing,
    /// Anything else; yours.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<Text, Json>,
}

impl CallRecord {
    /// The record as one line of JSON, without an end of line.
    #[must_use]
    pub fn to_line(&self) -> String {
        // Nothing in it is refused by the serialiser.
        let line = serde_json::to_string(self).unwrap_or_default();
        // What is in `metadata` may be on several lines: between its tokens, for strings escape theirs.
        if line.contains(['\n', '\r']) { line.replace(['\n', '\r'], " ") } else { line }
    }

    /// Adds what the response's headers know: the id of the request, and the organization.
    #[must_use]
    pub fn headers(mut self, headers: &Headers) -> Self {
        self.request_id = self.request_id.or_else(|| headers.request_id.clone());
        self.organization_id = headers.organization_id().map(Text::from).or(self.organization_id);
        self
    }

    /// Sets when what came, where the measuring was yours.
    #[must_use]
    pub fn timing(mut self, timing: Timing) -> Self {
        self.duration = timing.total;
        self.timing = timing;
        self
    }

    /// Of a call that its caller gave up, with what had come by then: the
    /// [`message`](crate::Decoder::message) of the decoder.
    #[must_use]
    pub fn dropped(message: &Message) -> Self {
        Self { error_type: Some("cancelled".into()), ..Self::of(message, &[], "dropped") }
    }

    /// What a message says of its call.
    fn of(message: &Message, choices: &[Message], outcome: &str) -> Self {
        let usage = &message.usage;
        let prompt_tokens = usage.total_input_tokens();
        // Before it says why it stopped, Anthropic's count is a placeholder.
        let counted = message.provider != Provider::Anthropic || message.stop_reason.is_some();
        let completion_tokens = usage.output_tokens.filter(|_| counted || message.complete);
        let messages = || core::iter::once(message).chain(choices);
        let reason = |message: &Message| Some(Text::from(message.stop_reason.as_ref()?.as_str()));
        let calls = messages().flat_map(Message::begun_calls);
        // Without its blocks a reply tells only where it ended with nothing to be run.
        let told = |message: &Message| match &message.stop_reason {
            _ if !message.content.is_empty() => true,
            Some(reason) => *reason == StopReason::EndTurn,
            None => message.complete,
        };
        let tool_calls =
            messages().all(told).then(|| u32::try_from(calls.count()).unwrap_or(u32::MAX));
        let record = Self {
            outcome: outcome.into(),
            provider: provider(message).map(Into::into),
            api: message.provider,
            model: message.model.clone(),
            response_id: message.id.clone(),
            stop_reason: reason(message),
            finish_reasons: messages().map(own_reason).collect(),
            prompt_tokens,
            completion_tokens,
            total_tokens: prompt_tokens
                .and_then(|prompt| Some(prompt.saturating_add(completion_tokens?))),
            reasoning_tokens: usage.thinking_tokens,
            cache_read_input_tokens: usage.cache_read_input_tokens,
            cache_creation_input_tokens: usage.cache_creation_input_tokens,
            cache_creation_5m_input_tokens: usage.cache_creation.ephemeral_5m_input_tokens,
            cache_creation_1h_input_tokens: usage.cache_creation.ephemeral_1h_input_tokens,
            cost_usd: usage.cost_usd(),
            iterations: usage.iterations().unwrap_or_default(),
            service_tier: usage.service_tier.clone(),
            ..Self::default()
        };
        record.tool_calls(tool_calls, messages().all(Message::tools_safe_to_run))
    }

    fn tool_calls(mut self, count: Option<u32>, safe: bool) -> Self {
        self.tool_call_count = count;
        self.has_tool_calls = count.map(|count| count > 0);
        self.tools_safe_to_run = (count != Some(0)).then_some(safe);
        self
    }

    /// How it ended, if not well.
    fn failed(mut self, error: &Error) -> Self {
        let kind = error.kind().name();
        let named = match error.kind() {
            ErrorKind::Server(server) => {
                // A code says more than a type; one that is a number says only its status.
                let code = server.code.as_deref().filter(|code| code.parse::<u32>().is_err());
                code.or(Some(server.error_type.as_str()))
            }
            _ => None,
        };
        let named = named.filter(|name| !name.is_empty());
        self.error_type = Some(named.unwrap_or(kind).into());
        self.error = Some(alloc::format!("{error}").into());
        self.retry_safe = Some(error.retry_safe());
        self.status = error.status();
        self.request_id = error.request_id().cloned();
        if !error.partial().output_started {
            self = self.tool_calls(Some(0), false);
        }
        self.headers(error.headers())
    }
}

impl From<&Complete> for CallRecord {
    fn from(done: &Complete) -> Self {
        let record = Self::of(&done.message, &done.choices, "complete");
        let record = Self { request_id: done.request_id.clone(), ..record };
        match &done.timing {
            Some(timing) => record.timing(timing.clone()),
            None => record,
        }
    }
}

impl From<&Error> for CallRecord {
    /// With what was received by then. An error knows of no times: see [`timing`](Self::timing()).
    fn from(error: &Error) -> Self {
        let partial = error.partial();
        Self::of(&partial.message, &partial.choices, error.kind().name()).failed(error)
    }
}

impl From<&Box<Complete>> for CallRecord {
    fn from(done: &Box<Complete>) -> Self {
        Self::from(&**done)
    }
}

#[cfg(all(feature = "std", feature = "stream"))]
impl From<&Outcome> for CallRecord {
    fn from(outcome: &Outcome) -> Self {
        let name = match &outcome.ending {
            Ending::Complete => "complete",
            Ending::Failed(error) => error.kind().name(),
            Ending::Dropped => "dropped",
        };
        let record = Self::of(&outcome.message, &outcome.choices, name);
        let mut record = match &outcome.ending {
            Ending::Complete => record,
            Ending::Failed(error) => record.failed(error),
            Ending::Dropped => Self { error_type: Some("cancelled".into()), ..record },
        };
        if outcome.protocol == Protocol::AnthropicOnBedrock {
            record.provider = Some("aws.bedrock".into());
        }
        // What was begun was seen, whether it is kept or not.
        let mut messages = core::iter::once(&outcome.message).chain(&outcome.choices);
        let safe = messages.all(Message::tools_safe_to_run);
        let mut record = record.tool_calls(Some(outcome.tool_calls), safe);
        record.warnings = outcome.warnings.iter().map(|warning| warning.rule).collect();
        if outcome.request_id.is_some() {
            record.request_id.clone_from(&outcome.request_id);
        }
        record.headers(&outcome.headers).timing(outcome.timing.clone())
    }
}

/// Who was called, as far as the API and the name of the model tell: others speak so too.
fn provider(message: &Message) -> Option<&'static str> {
    let model = message.model.as_deref().map(str::to_ascii_lowercase).unwrap_or_default();
    let named = |names: &[&str]| model.is_empty() || names.iter().any(|name| model.contains(name));
    match message.provider {
        Provider::Anthropic => named(&["claude"]).then_some("anthropic"),
        Provider::OpenAiResponses => {
            let own = named(&["gpt", "codex", "o1", "o3", "o4"]) && !model.contains("gpt-oss");
            own.then_some("openai")
        }
        Provider::OpenAiChat => None,
    }
}

/// Why a message stopped, as its provider says it.
fn own_reason(message: &Message) -> Text {
    let own = message.get("finish_reason").and_then(|json| serde_json::from_str(json).ok());
    let reason = || message.stop_reason.as_ref().map(|reason| reason.as_str().into());
    own.or_else(reason).unwrap_or_else(|| "error".into())
}
