//! A message with all that it has, each content tagged from outside: what a history stores.

use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{
    Block, Citation, Content, InvalidInput, InvalidReason, Message, OtherContent, Provider,
    RedactedThinking, TextContent, ThinkingContent, ToolKind, ToolUse,
};
use crate::json::Json;
use crate::stop::StopReason;
use crate::text::Text;
use crate::usage::Usage;

#[derive(Serialize, Deserialize)]
pub(crate) struct StoredMessage {
    provider: Provider,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<Text>,
    content: Vec<StoredBlock>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stop_reason: Option<StopReason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stop_sequence: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stop_details: Option<Json>,
    #[serde(default)]
    usage: Usage,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    other: Vec<(Text, Json)>,
    #[serde(default)]
    choice: u32,
    complete: bool,
}

#[derive(Serialize, Deserialize)]
struct StoredBlock {
    index: u32,
    content: StoredContent,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    other: Vec<(Text, Json)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    raw: Option<Json>,
    complete: bool,
    replayable: bool,
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    damaged: bool,
}

// The variants are tagged from outside: raw JSON does not survive the other way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StoredContent {
    Text {
        text: Text,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        citations: Vec<Json>,
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        refusal: bool,
    },
    Thinking {
        thinking: Text,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<Text>,
        #[serde(default)]
        estimated_tokens: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        field: Option<Text>,
    },
    RedactedThinking {
        data: Text,
    },
    ToolUse(StoredTool),
    Other {
        kind: Text,
        raw: Json,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredTool {
    kind: ToolKind,
    id: Text,
    name: Text,
    input: StoredInput,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server_name: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    caller: Option<Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    toolset_name: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    item: Option<Text>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredInput {
    Json(Json),
    /// JSON with white space around it, which raw JSON does not keep.
    Spaced(Text),
    /// What is wrong with it can be read off it again.
    Invalid(Text),
    Cut(Text),
    /// What is said to be wrong with it cannot.
    Wrong(InvalidInput),
}

impl From<&Message> for StoredMessage {
    fn from(message: &Message) -> Self {
        let message = message.clone();
        Self {
            provider: message.provider,
            id: message.id,
            model: message.model,
            role: message.role,
            content: message.content.iter().map(|block| (&**block).into()).collect(),
            stop_reason: message.stop_reason,
            stop_sequence: message.stop_sequence,
            stop_details: message.stop_details,
            usage: message.usage,
            other: message.other,
            choice: message.choice,
            complete: message.complete,
        }
    }
}

impl From<StoredMessage> for Message {
    fn from(stored: StoredMessage) -> Self {
        Self {
            provider: stored.provider,
            id: stored.id,
            model: stored.model,
            role: stored.role,
            content: stored.content.into_iter().map(|block| Arc::new(block.into())).collect(),
            stop_reason: stored.stop_reason,
            stop_sequence: stored.stop_sequence,
            stop_details: stored.stop_details,
            usage: stored.usage,
            other: stored.other,
            choice: stored.choice,
            complete: stored.complete,
        }
    }
}

impl From<&Block> for StoredBlock {
    fn from(block: &Block) -> Self {
        let Block { index, content, other, raw, complete, replayable, damaged } = block.clone();
        Self { index, content: content.into(), other, raw, complete, replayable, damaged }
    }
}

impl From<StoredBlock> for Block {
    fn from(stored: StoredBlock) -> Self {
        let StoredBlock { index, content, other, raw, complete, replayable, damaged } = stored;
        Self { index, content: content.into(), other, raw, complete, replayable, damaged }
    }
}

impl From<Content> for StoredContent {
    fn from(content: Content) -> Self {
        match content {
            Content::Text(TextContent { text, citations, refusal }) => {
                let citations = citations.iter().map(|citation| citation.raw().clone()).collect();
                Self::Text { text, citations, refusal }
            }
            Content::Thinking(ThinkingContent { thinking, signature, estimated_tokens, field }) => {
                Self::Thinking { thinking, signature, estimated_tokens, field }
            }
            Content::RedactedThinking(RedactedThinking { data }) => Self::RedactedThinking { data },
            Content::ToolUse(tool) => Self::ToolUse(StoredTool {
                kind: tool.kind,
                id: tool.id,
                name: tool.name,
                input: tool.input.into(),
                server_name: tool.server_name,
                caller: tool.caller,
                toolset_name: tool.toolset_name,
                item: tool.item,
            }),
            Content::Other(OtherContent { kind, raw }) => Self::Other { kind, raw },
        }
    }
}

impl From<StoredContent> for Content {
    fn from(stored: StoredContent) -> Self {
        match stored {
            StoredContent::Text { text, citations, refusal } => {
                let citations = citations.into_iter().map(Citation::new).collect();
                Self::Text(TextContent { text, citations, refusal })
            }
            StoredContent::Thinking { thinking, signature, estimated_tokens, field } => {
                Self::Thinking(ThinkingContent { thinking, signature, estimated_tokens, field })
            }
            StoredContent::RedactedThinking { data } => {
                Self::RedactedThinking(RedactedThinking { data })
            }
            StoredContent::ToolUse(tool) => Self::ToolUse(ToolUse {
                kind: tool.kind,
                id: tool.id,
                name: tool.name,
                input: tool.input.into(),
                server_name: tool.server_name,
                caller: tool.caller,
                toolset_name: tool.toolset_name,
                item: tool.item,
            }),
            StoredContent::Other { kind, raw } => Self::Other(OtherContent { kind, raw }),
        }
    }
}

impl From<Result<Json, InvalidInput>> for StoredInput {
    fn from(input: Result<Json, InvalidInput>) -> Self {
        match input {
            Ok(json) if json.is_spaced() => Self::Spaced(json.into_shared().into()),
            Ok(json) => Self::Json(json),
            Err(InvalidInput { raw, reason }) if reason == InvalidReason::of(&raw) => {
                Self::Invalid(raw)
            }
            Err(InvalidInput { raw, reason: InvalidReason::Cut }) => Self::Cut(raw),
            Err(invalid) => Self::Wrong(invalid),
        }
    }
}

impl From<StoredInput> for Result<Json, InvalidInput> {
    fn from(stored: StoredInput) -> Self {
        let (raw, reason) = match stored {
            StoredInput::Json(json) => return Ok(json),
            StoredInput::Spaced(text) => return spaced(text),
            StoredInput::Cut(raw) => (raw, InvalidReason::Cut),
            StoredInput::Invalid(raw) => {
                let reason = InvalidReason::of(&raw);
                (raw, reason)
            }
            StoredInput::Wrong(invalid) => return Err(invalid),
        };
        Err(InvalidInput { raw, reason })
    }
}

/// JSON as it stands, white space around it too.
pub(super) fn spaced(text: Text) -> Result<Json, InvalidInput> {
    Json::with_space(text.clone().into_shared())
        .map_err(|error| InvalidInput { raw: text, reason: InvalidReason::Json(error) })
}
