//! What servers speak.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::message::Provider;

/// What the server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Protocol {
    /// The Messages API of Anthropic, with `"stream": true`, wherever it is served.
    Anthropic,
    /// The same events in Amazon's binary event stream, as the call
    /// `InvokeModelWithResponseStream` of Amazon Bedrock sends them.
    AnthropicOnBedrock,
    /// The Responses API of `OpenAI`, with `"stream": true`, wherever it is served.
    #[serde(rename = "openai_responses")]
    OpenAiResponses,
    /// The Chat Completions API of `OpenAI`, with `"stream": true`, and the servers that speak it:
    /// `DeepSeek`, Qwen, Kimi, GLM, Mistral, `OpenRouter`, Groq, xAI, vLLM, Ollama and many more. The
    /// legacy Completions too.
    #[serde(rename = "openai_chat")]
    OpenAiChat,
}

impl Protocol {
    /// Whose form its messages have.
    #[must_use]
    pub fn provider(self) -> Provider {
        match self {
            Self::Anthropic | Self::AnthropicOnBedrock => Provider::Anthropic,
            Self::OpenAiResponses => Provider::OpenAiResponses,
            Self::OpenAiChat => Provider::OpenAiChat,
        }
    }

    /// The content type of a stream.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Anthropic | Self::OpenAiResponses | Self::OpenAiChat => "text/event-stream",
            Self::AnthropicOnBedrock => "application/vnd.amazon.eventstream",
        }
    }
}

impl fmt::Display for Protocol {
    /// As it is serialised.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Anthropic => "anthropic",
            Self::AnthropicOnBedrock => "anthropic_on_bedrock",
            Self::OpenAiResponses => "openai_responses",
            Self::OpenAiChat => "openai_chat",
        })
    }
}
