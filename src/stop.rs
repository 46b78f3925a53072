//! Why a reply ended.

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::Text;

/// Why the model stopped, in the words of the Anthropic Messages API.
///
/// Unknown reasons are kept as they came: providers add new ones at any time. What other providers
/// say is put into these words; as they said it, it is in the message, under `finish_reason` or
/// `status` ([`Message::get`](crate::Message::get)).
///
/// # Example
///
/// ```
/// use thinkstream::{Complete, StopReason};
///
/// /// What an agent does next.
/// fn next(done: &Complete) -> &'static str {
///     match &done.message.stop_reason {
///         Some(StopReason::ToolUse) if done.tools_safe_to_run() => "run the tools, and send their results",
///         Some(StopReason::PauseTurn) => "send the reply back as it is",
///         Some(StopReason::MaxTokens) => "ask again with more room, or go on from it",
///         Some(StopReason::Refusal) => "do not use what was written",
///         _ => "show the answer",
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// `end_turn`: the natural end. The content may be empty after tool results.
    EndTurn,
    /// `max_tokens`: cut at the request's limit; the last tool call may be incomplete.
    MaxTokens,
    /// `stop_sequence`: one of the request's stop sequences was met.
    StopSequence,
    /// `tool_use`: run the client's tools and answer each with a result.
    ToolUse,
    /// `pause_turn`: the server's tool loop paused; send the reply back unchanged to go on.
    PauseTurn,
    /// `refusal`: declined; what was written before it must not be used.
    Refusal,
    /// `model_context_window_exceeded`: the window was full before `max_tokens`.
    ModelContextWindowExceeded,
    /// `compaction`: stopped after writing a compaction block.
    Compaction,
    /// `content_filter`: withheld by a filter of the provider. Only of `OpenAI` and those who follow it.
    ContentFilter,
    /// A reason this version does not know.
    Other(Text),
}

impl StopReason {
    /// The reason as the provider writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::EndTurn => "end_turn",
            Self::MaxTokens => "max_tokens",
            Self::StopSequence => "stop_sequence",
            Self::ToolUse => "tool_use",
            Self::PauseTurn => "pause_turn",
            Self::Refusal => "refusal",
            Self::ModelContextWindowExceeded => "model_context_window_exceeded",
            Self::Compaction => "compaction",
            Self::ContentFilter => "content_filter",
            Self::Other(reason) => reason,
        }
    }

    /// Whether the reply was cut or withdrawn: at a limit, by a refusal or by a filter.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        matches!(
            self,
            Self::MaxTokens
                | Self::Refusal
                | Self::ModelContextWindowExceeded
                | Self::ContentFilter
        )
    }
}

impl From<&str> for StopReason {
    fn from(reason: &str) -> Self {
        match reason {
            "end_turn" => Self::EndTurn,
            "max_tokens" => Self::MaxTokens,
            "stop_sequence" => Self::StopSequence,
            "tool_use" => Self::ToolUse,
            "pause_turn" => Self::PauseTurn,
            "refusal" => Self::Refusal,
            "model_context_window_exceeded" => Self::ModelContextWindowExceeded,
            "compaction" => Self::Compaction,
            "content_filter" => Self::ContentFilter,
            other => Self::Other(other.into()),
        }
    }
}

impl PartialEq<str> for StopReason {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for StopReason {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for StopReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for StopReason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(|reason| Self::from(reason.as_str()))
    }
}
