//! What a call was, for those who watch: as one line of a log, and in the words of OpenTelemetry.
//!
//! [`CallRecord`] sums a finished or failed call up; [`attributes`] names what is in it as OpenTelemetry's
//! conventions for generative AI do. Both are plain data, for whatever sends them on. With the feature
//! `tracing`, `span`, `record` and `Traced` put them on a span.
//!
//! # Example
//!
//! ```
//! use thinkstream::telemetry::{self, CallRecord};
//! use thinkstream::{Decoder, Event, Protocol};
//!
//! # let mut body = "data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"claude-opus-5\",\
//! #     \"usage\":{\"input_tokens\":9,\"cache_read_input_tokens\":1000}}}\n\n\
//! #     data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":5}}\n\n\
//! #     data: {\"type\":\"message_stop\"}\n\n".into();
//! let mut decoder = Decoder::new(Protocol::Anthropic).request_id("req_1");
//! while let Some(event) = decoder.decode(&mut body)? {
//!     if let Event::Complete(done) = event {
//!         let mut record = CallRecord::from(&*done);
//!         record.purpose = "answer".into();
//!         println!("{}", record.to_line());
//!         // The whole prompt, whatever the provider calls its input tokens.
//!         assert_eq!(record.prompt_tokens, Some(1009));
//!
//!         let attributes = telemetry::attributes(&record);
//!         assert!(attributes.contains(&("gen_ai.usage.cache_read.input_tokens", 1000.into())));
//!         assert!(attributes.contains(&("gen_ai.response.finish_reasons", ["end_turn"].into())));
//!     }
//! }
//! # Ok::<(), thinkstream::Error>(())
//! ```

mod record;
#[cfg(feature = "tracing")]
mod span;

use core::time::Duration;

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

pub use self::record::CallRecord;
#[cfg(feature = "tracing")]
pub use self::span::{Traced, record, span, span_to};
use crate::message::Provider;
use crate::text::Text;

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number, of seconds in all that is here.
    Double(f64),
    /// A text.
    Text(Text),
    /// Several texts.
    Texts(Vec<Text>),
}

/// The attributes of a call, named by OpenTelemetry's semantic conventions for generative AI (in
/// development, without a stable version). What is not known is left out.
///
/// What is written to the cache has two names: the conventions have renamed it, and not everybody has
/// followed. Input tokens have those of the cache among them there, as [`CallRecord::prompt_tokens`] has. Times are
/// in seconds. What the conventions have no name for begins with `thinkstream.`: when the first byte,
/// thinking, text and tool input came, where the conventions know only of a first chunk, and the id of
/// the request. That first chunk is here the first that has output, thinking included, and no ping.
#[must_use]
pub fn attributes(call: &CallRecord) -> Vec<(&'static str, Value)> {
    let text = |text: &Option<Text>| text.clone().map(Value::Text);
    let int = |number: Option<u64>| number.and_then(|n| i64::try_from(n).ok()).map(Value::Int);
    let seconds = |time: Option<Duration>| time.map(|time| Value::Double(time.as_secs_f64()));
    let timing = &call.timing;
    let reasons =
        (!call.finish_reasons.is_empty()).then(|| Value::Texts(call.finish_reasons.clone()));
    let all = [
        ("gen_ai.operation.name", Some(Value::Text("chat".into()))),
        ("gen_ai.provider.name", Some(Value::Text(provider(call)))),
        ("gen_ai.request.model", text(&call.request_model)),
        ("gen_ai.request.stream", Some(Value::Bool(true))),
        ("gen_ai.response.id", text(&call.response_id)),
        ("gen_ai.response.model", text(&call.model)),
        ("gen_ai.response.finish_reasons", reasons),
        ("gen_ai.response.time_to_first_chunk", seconds(timing.first_output)),
        ("gen_ai.usage.input_tokens", int(call.prompt_tokens)),
        ("gen_ai.usage.output_tokens", int(call.completion_tokens)),
        ("gen_ai.usage.cache_read.input_tokens", int(call.cache_read_input_tokens)),
        ("gen_ai.usage.cache_creation.input_tokens", int(call.cache_creation_input_tokens)),
        ("gen_ai.usage.cache_write.input_tokens", int(call.cache_creation_input_tokens)),
        ("gen_ai.usage.reasoning.output_tokens", int(call.reasoning_tokens)),
        ("error.type", text(&call.error_type)),
        ("thinkstream.request_id", text(&call.request_id)),
        ("thinkstream.time_to_first_byte", seconds(timing.first_byte)),
        ("thinkstream.time_to_first_thinking", seconds(timing.first_thinking)),
        ("thinkstream.time_to_first_text", seconds(timing.first_text)),
        ("thinkstream.time_to_first_tool", seconds(timing.first_tool)),
        ("thinkstream.time_per_output_chunk", seconds(timing.time_per_output_chunk())),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Who was called. Of the many that speak as `OpenAI` does, that is what the conventions ask for.
fn provider(call: &CallRecord) -> Text {
    call.provider.clone().unwrap_or_else(|| spoken(call.api).into())
}

/// Whose API it is, as the conventions call them.
fn spoken(api: Provider) -> &'static str {
    match api {
        Provider::Anthropic => "anthropic",
        Provider::OpenAiResponses | Provider::OpenAiChat => "openai",
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Int(number.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Double(number)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl<const N: usize> From<[&str; N]> for Value {
    fn from(texts: [&str; N]) -> Self {
        Self::Texts(texts.into_iter().map(Text::from).collect())
    }
}
