//! One line for each call.

use core::time::Duration;

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
use crate::text::Text;
use crate::timing::{Timing, milliseconds};

/// What one call of a model was: for a log, a ledger or a table.
///
/// It is made of a [`Complete`], an [`Error`] or the outcome of a tap, and holds the truth that they
/// know: `None` is unknown and never 0, the id of the request is not the id of the reply, and the tokens
/// of the prompt mean the same for every provider. The rest (`round`, `purpose`, `request_model`, …) is
/// yours to set.
///
/// Serialised it is one JSON object; [`to_line`](Self::to_line) makes sure that it is one line.
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
    /// Who was called, where that is known: `anthropic`, `openai`. Of a chat it is not, as many servers
    /// speak so: yours to set.
    pub provider: Option<Text>,
    /// Which API was spoken.
    pub api: Provider,
    /// The model that was asked for; yours.
    pub request_model: Option<Text>,
    /// The model that answered, as the reply named it.
    pub model: Option<Text>,
    /// `complete`, `dropped` by the caller, or the kind of the error: `incomplete`, `server`, …
    pub outcome: Text,
    /// What to count failures by: the type of the server's error, else the kind; `None` if all was well.
    pub error_type: Option<Text>,
    /// The error in words, on one line and without anything that the model wrote.
    pub error: Option<Text>,
    /// Whether the call could be made again without showing anything twice, if it failed.
    pub retry_safe: Option<bool>,
    /// The id of the request, to quote to the provider.
    pub request_id: Option<Text>,
    /// The id of the reply.
    pub response_id: Option<Text>,
    /// The organization that is billed, if the response's headers say so.
    pub organization_id: Option<Text>,
    /// Why the reply stopped.
    pub stop_reason: Option<Text>,
    /// The same of each choice, if the request asked for several.
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
    /// The tier that served the request.
    pub service_tier: Option<Text>,
    /// Whether the reply has calls of tools that are yours to run.
    pub has_tool_calls: bool,
    /// How many that are whole.
    pub tool_call_count: u32,
    /// Whether they may be run, if there are any.
    pub tools_safe_to_run: Option<bool>,
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
        let record = Self::of(message, &[]);
        Self {
            outcome: "dropped".into(),
            error_type: Some("cancelled".into()),
            tools_safe_to_run: record.has_tool_calls.then_some(false),
            ..record
        }
    }

    /// What a message says of its call.
    fn of(message: &Message, choices: &[Message]) -> Self {
        let usage = &message.usage;
        let prompt_tokens = usage.total_input_tokens();
        // Before it says why it stopped, Anthropic's count is a placeholder.
        let counted = message.provider != Provider::Anthropic || message.stop_reason.is_some();
        let completion_tokens = usage.output_tokens.filter(|_| counted || message.complete);
        let messages = || core::iter::once(message).chain(choices);
        let reason = |message: &Message| Some(Text::from(message.stop_reason.as_ref()?.as_str()));
        let calls = messages().flat_map(Message::tool_calls).filter(|tool| tool.kind.is_client());
        let tool_call_count = u32::try_from(calls.count()).unwrap_or(u32::MAX);
        let safe = messages().all(Message::tools_safe_to_run);
        Self {
            provider: match message.provider {
                Provider::Anthropic => Some("anthropic".into()),
                Provider::OpenAiResponses => Some("openai".into()),
                Provider::OpenAiChat => None,
            },
            api: message.provider,
            model: message.model.clone(),
            response_id: message.id.clone(),
            stop_reason: reason(message),
            finish_reasons: messages().filter_map(reason).collect(),
            prompt_tokens,
            completion_tokens,
            total_tokens: prompt_tokens
                .and_then(|prompt| Some(prompt.saturating_add(completion_tokens?))),
            reasoning_tokens: usage.thinking_tokens,
            cache_read_input_tokens: usage.cache_read_input_tokens,
            cache_creation_input_tokens: usage.cache_creation_input_tokens,
            cache_creation_5m_input_tokens: usage.cache_creation.ephemeral_5m_input_tokens,
            cache_creation_1h_input_tokens: usage.cache_creation.ephemeral_1h_input_tokens,
            service_tier: usage.service_tier.clone(),
            has_tool_calls: tool_call_count > 0,
            tool_call_count,
            tools_safe_to_run: (tool_call_count > 0).then_some(safe),
            ..Self::default()
        }
    }

    /// How it ended, if not well.
    fn failed(mut self, error: &Error) -> Self {
        let kind = error.kind().name();
        let named = match error.kind() {
            ErrorKind::Server(server) => Some(server.error_type.as_str()),
            _ => None,
        };
        let named = named.filter(|name| !name.is_empty());
        self.outcome = kind.into();
        self.error_type = Some(named.unwrap_or(kind).into());
        self.error = Some(alloc::format!("{error}").into());
        self.retry_safe = Some(error.retry_safe());
        self.request_id = error.request_id().cloned();
        // Calls of a reply that is not whole are not to be run, whatever it said last.
        self.tools_safe_to_run = self.has_tool_calls.then_some(false);
        self.headers(error.headers())
    }
}

impl From<&Complete> for CallRecord {
    fn from(done: &Complete) -> Self {
        let record = Self {
            outcome: "complete".into(),
            request_id: done.request_id.clone(),
            ..Self::of(&done.message, &done.choices)
        };
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
        Self::of(&partial.message, &partial.choices).failed(error)
    }
}

#[cfg(all(feature = "std", feature = "stream"))]
impl From<&Outcome> for CallRecord {
    /// Of a decoder that does not accumulate, the calls of tools are not known.
    fn from(outcome: &Outcome) -> Self {
        let record = || Self::of(&outcome.message, &outcome.choices);
        let record = match &outcome.ending {
            Ending::Complete => Self { outcome: "complete".into(), ..record() },
            Ending::Failed(error) => record().failed(error),
            Ending::Dropped => Self::dropped(&outcome.message),
        };
        let request_id = outcome.request_id.clone().or(record.request_id);
        Self { request_id, ..record }.headers(&outcome.headers).timing(outcome.timing.clone())
    }
}
