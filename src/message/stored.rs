//! A message with all that it has, each content under its name: what a history stores.

use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{Block, Content, InvalidInput, InvalidReason, Message, Provider};
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
    content: Content,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    other: Vec<(Text, Json)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    raw: Option<Json>,
    complete: bool,
    replayable: bool,
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    damaged: bool,
}

/// The input of a tool.
pub(super) mod input {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::StoredInput;
    use crate::json::Json;
    use crate::message::InvalidInput;

    pub(in crate::message) fn serialize<S: Serializer>(
        input: &Result<Json, InvalidInput>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        StoredInput::from(input.clone()).serialize(serializer)
    }

    pub(in crate::message) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Result<Json, InvalidInput>, D::Error> {
        StoredInput::deserialize(deserializer).map(Into::into)
    }
}

#[derive(Serialize, Deserialize)]
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
        Self { index, content, other, raw, complete, replayable, damaged }
    }
}

impl From<StoredBlock> for Block {
    fn from(stored: StoredBlock) -> Self {
        let StoredBlock { index, content, other, raw, complete, replayable, damaged } = stored;
        Self { index, content, other, raw, complete, replayable, damaged }
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
