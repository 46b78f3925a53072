//! The figures of a recording: computed here and nowhere else, so that a table and a page agree.

use std::io;
use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use thinkstream::{Content, Event, Message, Protocol, Text, Timing, ToolUse, Usage};

use crate::decoded::{Decoded, Place, decode};
use crate::recording::{Recording, Spoken};

/// What is known of a recording. What is not known is `None`, and never zero.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) name: String,
    pub(crate) protocol: Option<&'static str>,
    pub(crate) model: Option<String>,
    /// `complete`, the kind of the error, or `unreadable`, also of a recording that is damaged: its
    /// other figures are those up to there.
    pub(crate) outcome: String,
    pub(crate) error: Option<String>,
    pub(crate) stop_reason: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) message_id: Option<String>,
    pub(crate) events: Option<u64>,
    pub(crate) bytes: Option<u64>,
    pub(crate) chunks: Option<u64>,
    pub(crate) blocks: Option<u64>,
    pub(crate) tool_calls: Option<u64>,
    pub(crate) warnings: Option<u64>,
    pub(crate) output_chunks: Option<u64>,
    pub(crate) tokens: Tokens,
    pub(crate) times: Times,
}

/// Tokens, with the same meaning for all providers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens {
    /// The whole prompt.
    pub(crate) input: Option<u64>,
    pub(crate) uncached: Option<u64>,
    pub(crate) cache_read: Option<u64>,
    pub(crate) cache_write: Option<u64>,
    pub(crate) cache_write_5m: Option<u64>,
    pub(crate) cache_write_1h: Option<u64>,
    /// Thinking included.
    pub(crate) output: Option<u64>,
    pub(crate) thinking: Option<u64>,
    /// What of the output was not thinking, if that is known.
    pub(crate) other: Option<u64>,
}

/// When what came, if the recording has times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times {
    pub(crate) first_byte: Option<Duration>,
    pub(crate) first_thinking: Option<Duration>,
    pub(crate) first_text: Option<Duration>,
    pub(crate) first_tool: Option<Duration>,
    pub(crate) total: Option<Duration>,
    pub(crate) tokens_per_second: Option<f64>,
    pub(crate) stalls: Option<u64>,
    pub(crate) stalled: Option<Duration>,
    pub(crate) longest_stall: Option<Duration>,
}

impl Figures {
    /// Decodes a recording, and shows each event to `see`.
    pub(crate) fn measure(
        recording: &Recording,
        protocol: Option<Spoken>,
        see: impl FnMut(Place, &Event),
    ) -> (Self, Decoded) {
        let decoded = decode(recording, protocol.map(Into::into), see);
        let figures = Self::of(recording, &decoded);
        (figures, decoded)
    }

    /// Of what cannot be read, only the name and why.
    pub(crate) fn unreadable(name: String, error: &io::Error) -> Self {
        let error = Some(error.to_string());
        Self { name, outcome: UNREADABLE.to_owned(), error, ..Self::default() }
    }

    /// Whether it is a stream at all, and has been read to its end.
    pub(crate) fn is_stream(&self) -> bool {
        self.protocol.is_some() && self.outcome != UNREADABLE
    }

    fn of(recording: &Recording, decoded: &Decoded) -> Self {
        let (message, timing) = (&decoded.message, &decoded.timing);
        let tokens = Tokens::of(decoded);
        let times =
            if recording.timed { Times::of(timing, tokens.output) } else { Times::default() };
        let outcome = match &decoded.error {
            _ if recording.damaged.is_some() => UNREADABLE,
            Some(error) => error.kind().name(),
            None => COMPLETE,
        };
        let error = decoded.error.as_ref().map(ToString::to_string);
        let messages = || std::iter::once(message).chain(&decoded.choices);
        let own = |text: &Option<Text>| {
            text.as_ref().filter(|text| !text.is_empty()).map(ToString::to_string)
        };
        Self {
            name: recording.name.clone(),
            protocol: decoded.protocol.map(protocol_name),
            model: own(&message.model),
            outcome: outcome.to_owned(),
            error: recording.damaged.clone().or(error),
            stop_reason: message.stop_reason.as_ref().map(ToString::to_string),
            request_id: own(&decoded.request_id),
            message_id: own(&message.id),
            events: Some(decoded.events),
            bytes: Some(count(recording.len())),
            chunks: recording.timed.then(|| count(recording.chunks.len())),
            blocks: Some(messages().map(|message| count(message.content.len())).sum()),
            tool_calls: Some(messages().map(|message| count(calls(message).count())).sum()),
            warnings: Some(count(decoded.warnings.len())),
            output_chunks: Some(timing.output_chunks),
            tokens,
            times,
        }
    }
}

impl Tokens {
    fn of(decoded: &Decoded) -> Self {
        let message = &decoded.message;
        let usage = &message.usage;
        let split = usage.cache_creation;
        let (short, long) = (split.ephemeral_5m_input_tokens, split.ephemeral_1h_input_tokens);
        let both = [short, long].into_iter().flatten().reduce(u64::saturating_add);
        // What Anthropic reports at the start of a reply holds the place of what it reports at the end.
        let placeholder = message.stop_reason.is_none() && is_anthropic(decoded.protocol);
        let output = usage.output_tokens.filter(|_| !placeholder);
        let thinking = usage.thinking_tokens;
        let other = output.zip(thinking).map(|(all, thinking)| all.saturating_sub(thinking));
        Self {
            input: usage.total_input_tokens(),
            uncached: usage.uncached_input_tokens(),
            cache_read: usage.cache_read_input_tokens,
            cache_write: usage.cache_creation_input_tokens.or(both),
            cache_write_5m: short,
            cache_write_1h: long,
            output,
            thinking,
            other,
        }
    }

    /// How much of the prompt came from the cache, in percent.
    pub(crate) fn cache_hit_percent(&self) -> Option<f64> {
        let (read, input) = (self.cache_read?, self.input?);
        (input > 0).then(|| rounded(read as f64 * 100.0 / input as f64, 100.0))
    }
}

impl Times {
    fn of(timing: &Timing, output_tokens: Option<u64>) -> Self {
        let rate = output_tokens.and_then(|tokens| timing.tokens_per_second(tokens));
        let (stalls, several) = (&timing.stalls, timing.output_chunks > 0);
        Self {
            first_byte: timing.first_byte,
            first_thinking: timing.first_thinking,
            first_text: timing.first_text,
            first_tool: timing.first_tool,
            total: timing.total,
            tokens_per_second: rate.map(|rate| rounded(rate, 100.0)),
            stalls: several.then_some(stalls.count),
            stalled: several.then_some(stalls.total),
            longest_stall: several.then_some(stalls.longest),
        }
    }
}

/// One of the figures, by its name.
pub(crate) struct Column {
    /// As JSON, CSV and pages name it.
    pub(crate) name: &'static str,
    /// As the table names it; empty if the table does without it.
    pub(crate) head: &'static str,
    pub(crate) value: fn(&Figures) -> Value,
}

/// What a figure is, with its unit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(Option<String>),
    Count(Option<u64>),
    Milliseconds(Option<f64>),
    Percent(Option<f64>),
    /// So many a second.
    Rate(Option<f64>),
}

impl Value {
    fn text(text: impl Into<String>) -> Self {
        Self::Text(Some(text.into()))
    }

    fn time(time: Option<Duration>) -> Self {
        Self::Milliseconds(time.map(milliseconds))
    }

    pub(crate) fn is_known(&self) -> bool {
        match self {
            Self::Text(text) => text.is_some(),
            Self::Count(count) => count.is_some(),
            Self::Milliseconds(number) | Self::Percent(number) | Self::Rate(number) => {
                number.is_some()
            }
        }
    }

    /// The figure as a number, if it is one and known.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Text(_) => None,
            Self::Count(count) => count.map(|count| count as f64),
            Self::Milliseconds(number) | Self::Percent(number) | Self::Rate(number) => *number,
        }
    }

    /// As it stands in JSON, or the text itself; empty if it is not known.
    pub(crate) fn plain(&self) -> String {
        match self {
            Self::Text(text) => text.clone().unwrap_or_default(),
            _ if !self.is_known() => String::new(),
            known => serde_json::to_string(known).unwrap_or_default(),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Count(count) => count.serialize(serializer),
            Self::Milliseconds(number) | Self::Percent(number) | Self::Rate(number) => {
                number.serialize(serializer)
            }
        }
    }
}

impl Serialize for Figures {
    /// Every column, in their order.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "recording")?;
        for column in COLUMNS {
            map.serialize_entry(column.name, &(column.value)(self))?;
        }
        map.end()
    }
}

/// The calls of a message, whether or not they are whole.
fn calls(message: &Message) -> impl Iterator<Item = &ToolUse> {
    message.content.iter().filter_map(|block| match &block.content {
        Content::ToolUse(tool) => Some(&**tool),
        _ => None,
    })
}

/// What a server speaks, as `--protocol` names it.
pub(crate) fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::AnthropicOnBedrock => "bedrock",
        Protocol::OpenAiResponses => "responses",
        Protocol::OpenAiChat => "chat",
        _ => "anthropic",
    }
}

fn is_anthropic(protocol: Option<Protocol>) -> bool {
    matches!(protocol, Some(Protocol::Anthropic | Protocol::AnthropicOnBedrock))
}

/// Whether the provider reported any count of tokens.
pub(crate) fn has_usage(usage: &Usage) -> bool {
    usage.total_input_tokens().or(usage.output_tokens).is_some()
}

/// To the microsecond.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}

pub(crate) fn rounded(number: f64, parts: f64) -> f64 {
    (number * parts).round() / parts
}

pub(crate) fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

const fn column(name: &'static str, head: &'static str, value: fn(&Figures) -> Value) -> Column {
    Column { name, head, value }
}

pub(crate) const COMPLETE: &str = "complete";
pub(crate) const UNREADABLE: &str = "unreadable";

/// All figures, in the order in which they are shown.
pub(crate) const COLUMNS: &[Column] = &[
    column("name", "name", |it| Value::text(&*it.name)),
    column("protocol", "protocol", |it| Value::Text(it.protocol.map(Into::into))),
    column("model", "model", |it| Value::Text(it.model.clone())),
    column("outcome", "outcome", |it| Value::text(&it.outcome)),
    column("stop_reason", "stop", |it| Value::Text(it.stop_reason.clone())),
    column("request_id", "", |it| Value::Text(it.request_id.clone())),
    column("message_id", "", |it| Value::Text(it.message_id.clone())),
    column("events", "events", |it| Value::Count(it.events)),
    column("bytes", "bytes", |it| Value::Count(it.bytes)),
    column("chunks", "chunks", |it| Value::Count(it.chunks)),
    column("blocks", "", |it| Value::Count(it.blocks)),
    column("tool_calls", "", |it| Value::Count(it.tool_calls)),
    column("warnings", "warnings", |it| Value::Count(it.warnings)),
    column("input_tokens", "input", |it| Value::Count(it.tokens.input)),
    column("uncached_input_tokens", "", |it| Value::Count(it.tokens.uncached)),
    column("cache_read_tokens", "cache read", |it| Value::Count(it.tokens.cache_read)),
    column("cache_write_tokens", "cache write", |it| Value::Count(it.tokens.cache_write)),
    column("cache_write_5m_tokens", "", |it| Value::Count(it.tokens.cache_write_5m)),
    column("cache_write_1h_tokens", "", |it| Value::Count(it.tokens.cache_write_1h)),
    column("cache_hit_percent", "hit %", |it| Value::Percent(it.tokens.cache_hit_percent())),
    column("output_tokens", "output", |it| Value::Count(it.tokens.output)),
    column("thinking_tokens", "thinking", |it| Value::Count(it.tokens.thinking)),
    column("other_output_tokens", "", |it| Value::Count(it.tokens.other)),
    column("first_byte_ms", "byte ms", |it| Value::time(it.times.first_byte)),
    column("first_thinking_ms", "think ms", |it| Value::time(it.times.first_thinking)),
    column("first_text_ms", "text ms", |it| Value::time(it.times.first_text)),
    column("first_tool_ms", "tool ms", |it| Value::time(it.times.first_tool)),
    column("total_ms", "total ms", |it| Value::time(it.times.total)),
    column("output_chunks", "pieces", |it| Value::Count(it.output_chunks)),
    column("tokens_per_second", "tok/s", |it| Value::Rate(it.times.tokens_per_second)),
    column("stalls", "stalls", |it| Value::Count(it.times.stalls)),
    column("stalled_ms", "", |it| Value::time(it.times.stalled)),
    column("longest_stall_ms", "", |it| Value::time(it.times.longest_stall)),
    column("error", "error", |it| Value::Text(it.error.clone())),
];
