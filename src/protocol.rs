//! What servers speak.

use core::fmt;
use core::str::FromStr;

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::message::Provider;
use crate::text::Text;

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
    const ALL: [Self; 4] =
        [Self::Anthropic, Self::AnthropicOnBedrock, Self::OpenAiResponses, Self::OpenAiChat];

    /// Its name, as it is displayed, serialised and parsed: `anthropic`, `anthropic_on_bedrock`, `openai_responses`,
    /// `openai_chat`.
    ///
    /// ```
    /// use thinkstream::Protocol;
    ///
    /// assert_eq!("openai_chat".parse(), Ok(Protocol::OpenAiChat));
    /// assert_eq!(Protocol::OpenAiChat.as_str(), "openai_chat");
    /// ```
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::AnthropicOnBedrock => "anthropic_on_bedrock",
            Self::OpenAiResponses => "openai_responses",
            Self::OpenAiChat => "openai_chat",
        }
    }

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
        f.pad(self.as_str())
    }
}

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    /// As it is serialised, or as the program and its recordings have it: `bedrock`, `responses`, `chat`.
    fn from_str(name: &str) -> Result<Self, UnknownProtocol> {
        let unknown = || UnknownProtocol { name: name.chars().take(64).collect::<String>().into() };
        let name = match name {
            "bedrock" => "anthropic_on_bedrock",
            "responses" => "openai_responses",
            "chat" => "openai_chat",
            other => other,
        };
        Self::ALL.into_iter().find(|known| known.as_str() == name).ok_or_else(unknown)
    }
}

/// A name that is no protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnknownProtocol {
    /// The name, or how it begins: at most 64 characters.
    pub name: Text,
}

impl fmt::Display for UnknownProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no protocol: ", self.name)?;
        let [first, rest @ ..] = Protocol::ALL;
        f.write_str(first.as_str())?;
        rest.iter().try_for_each(|known| write!(f, ", {known}"))
    }
}

impl core::error::Error for UnknownProtocol {}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn names_are_one_and_the_same_everywhere() {
        for protocol in Protocol::ALL {
            assert_eq!(protocol.to_string().parse(), Ok(protocol));
            let short = protocol.as_str().trim_start_matches("openai_");
            let short = short.trim_start_matches("anthropic_on_");
            assert_eq!(short.parse(), Ok(protocol));
            assert_eq!(serde_json::to_string(&protocol).unwrap(), format!("\"{protocol}\""));
            let provider = protocol.provider();
            assert_eq!(serde_json::to_string(&provider).unwrap(), format!("\"{provider}\""));
        }
        let error = "OpenAI".parse::<Protocol>().unwrap_err();
        assert_eq!(
            error.to_string(),
            r#""OpenAI" is no protocol: anthropic, anthropic_on_bedrock, openai_responses, openai_chat"#
        );
    }
}
