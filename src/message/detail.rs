//! Typed views of what a message carries beside its blocks.
//!
//! They are read from the raw JSON when they are asked for. Source: the Anthropic Messages API.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Message;
use crate::json::Json;
use crate::text::Text;

/// More on a refusal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct StopDetails {
    /// `refusal`.
    #[serde(rename = "type")]
    pub kind: Text,
    /// The category of what was refused: `cyber`, `bio`, …; the set is open.
    pub category: Option<Text>,
    /// An explanation for people.
    pub explanation: Option<Text>,
    /// A model that might answer.
    pub recommended_model: Option<Text>,
    /// A token that credits the refused request to the next one.
    pub fallback_credit_token: Option<Text>,
}

/// The container in which the provider ran code; its id goes into the next request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Container {
    /// The id (`container_…`).
    pub id: Text,
    /// When it goes away, in RFC 3339.
    pub expires_at: Option<Text>,
}

/// What the provider did to a block of thinking in the request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct InputTransformation {
    /// `thinking_dropped` or `thinking_mismatch_allowed`; the set is open.
    #[serde(rename = "type")]
    pub kind: Text,
    /// The block, as a path into the request: `messages.3.content.0`.
    pub path: Option<Text>,
    /// Why: `model_binding_mismatch`, `prefix_binding_mismatch`, …; the set is open.
    pub reason: Option<Text>,
}

impl Message {
    /// What the message carried under `key` beside its known fields, as received.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.other.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// More on a refusal, if there is any.
    #[must_use]
    pub fn stop_details(&self) -> Option<StopDetails> {
        serde_json::from_str(self.stop_details.as_deref()?).ok()
    }

    /// The container in which the provider ran code.
    #[must_use]
    pub fn container(&self) -> Option<Container> {
        serde_json::from_str(self.get("container")?).ok()
    }

    /// What the provider did to the thinking in the request; `None` if it did not say.
    #[must_use]
    pub fn input_transformations(&self) -> Option<Vec<InputTransformation>> {
        serde_json::from_str(self.get("input_transformations")?).ok()
    }
}
