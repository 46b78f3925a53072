//! Why a request for thinking would be refused.

use core::fmt;

use alloc::format;
use alloc::string::{String, ToString};

use serde::{Deserialize, Serialize};

use super::params::plain;
use super::word::{self, Word};
use super::{Display, Effort, Fix, PrefixMismatch, Thinking};
use crate::text::Text;

/// A value that says nothing of thinking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ParseThinkingError {
    /// The value, or how it begins: at most 64 characters.
    pub value: Text,
}

impl ParseThinkingError {
    pub(super) fn new(value: &str) -> Self {
        Self { value: value.chars().take(64).collect::<String>().into() }
    }
}

impl fmt::Display for ParseThinkingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} says nothing of thinking: true, false, off, adaptive, minimal, low, medium, high, \
             xhigh, max, quick, standard, deep, a number of tokens or an object does",
            self.value
        )
    }
}

impl core::error::Error for ParseThinkingError {}

/// A rule of the API that a request would break: what the API would answer with a 400.
///
/// `Display` is one line that names the value, the rule and the nearest valid value. Serialised, the values
/// are under the name of the rule; a word that only another version says is read as `something else`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are the values that the texts name")]
pub enum ThinkingError {
    /// The table of models does not know the model, and the request does not state what it takes.
    UnknownModel { model: Text },
    /// A model of one maker, and the API of another.
    OtherApi { model: Text },
    /// The model cannot think in this way, or not at all.
    ModeNotSupported {
        #[serde(deserialize_with = "word::deserialize")]
        mode: Word,
        model: Text,
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        nearest: Option<Thinking>,
    },
    /// The thinking of the model cannot be turned off.
    CannotBeOff {
        #[serde(deserialize_with = "word::deserialize")]
        param: Word,
        model: Text,
        nearest: Thinking,
    },
    /// The thinking of the model can be turned off only up to an effort.
    EffortWithDisabled { effort: Effort, max: Effort },
    /// The model does not have the effort, or none at all.
    EffortNotSupported {
        #[serde(deserialize_with = "word::deserialize")]
        param: Word,
        effort: Effort,
        model: Text,
        nearest: Option<Effort>,
    },
    /// A budget below the least.
    BudgetTooSmall { budget: u64, min: u64 },
    /// A budget that leaves nothing for the answer. With thinking between tool calls it may exceed
    /// `max_tokens`, for it is one for the whole turn. Below a small `max_tokens` no budget is valid.
    BudgetNotBelowMaxTokens {
        budget: u64,
        max_tokens: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nearest: Option<u64>,
        fix: Fix,
    },
    /// More tokens than the model writes.
    MaxTokensTooLarge { max_tokens: u64, max: u64 },
    /// Fewer tokens than the API takes.
    MaxTokensTooSmall { max_tokens: u64, min: u64 },
    /// `temperature` with thinking, or with a model that has it fixed.
    Temperature {
        #[serde(with = "super::number")]
        value: f64,
    },
    /// `top_p` outside of its range with thinking, or with a model that has it fixed.
    TopP {
        #[serde(with = "super::number")]
        value: f64,
        #[serde(with = "super::number")]
        min: f64,
    },
    /// `top_k` with thinking, or with a model that does not take it.
    TopK { value: u64 },
    /// A sampling parameter under an API version that has none.
    SamplingRemoved {
        #[serde(deserialize_with = "word::deserialize")]
        param: Word,
        value: Text,
    },
    /// A forced tool with thinking.
    ForcedToolChoice {
        #[serde(deserialize_with = "word::deserialize")]
        choice: Word,
        model: Text,
    },
    /// Reasoning beside function tools in a chat, which the Responses API takes, and the chat of the model does not;
    /// `effort`: the one that was asked for, if the model would not reason by itself.
    ReasoningWithTools {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        effort: Option<Effort>,
        model: Text,
    },
    /// Messages that end with one of the assistant, with thinking or with a model that does not go on
    /// from it.
    Prefill { model: Text },
    /// A `display` without thinking that it could be for.
    DisplayWithDisabled { display: Display },
    /// A `block_binding` without thinking that it could be for.
    BlockBindingWithDisabled { behavior: PrefixMismatch },
    /// An object without a `type`.
    MissingType,
    /// `enabled` without a whole number of `budget_tokens`.
    MissingBudget,
    /// A parameter that reasoning models refuse, and the one that they have in its place.
    ParamRefused {
        param: Text,
        model: Text,
        #[serde(default, deserialize_with = "word::maybe")]
        nearest: Option<Word>,
    },
}

impl ThinkingError {
    /// The rule, by a name that does not change.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::UnknownModel { .. } => "unknown_model",
            Self::OtherApi { .. } => "other_api",
            Self::ModeNotSupported { .. } => "mode_not_supported",
            Self::CannotBeOff { .. } => "cannot_be_off",
            Self::EffortWithDisabled { .. } => "effort_with_disabled",
            Self::EffortNotSupported { .. } => "effort_not_supported",
            Self::BudgetTooSmall { .. } => "budget_too_small",
            Self::BudgetNotBelowMaxTokens { .. } => "budget_not_below_max_tokens",
            Self::MaxTokensTooLarge { .. } => "max_tokens_too_large",
            Self::MaxTokensTooSmall { .. } => "max_tokens_too_small",
            Self::Temperature { .. } => "temperature",
            Self::TopP { .. } => "top_p",
            Self::TopK { .. } => "top_k",
            Self::SamplingRemoved { .. } => "sampling_removed",
            Self::ForcedToolChoice { .. } => "forced_tool_choice",
            Self::ReasoningWithTools { .. } => "reasoning_with_tools",
            Self::Prefill { .. } => "prefill",
            Self::DisplayWithDisabled { .. } => "display_with_disabled",
            Self::BlockBindingWithDisabled { .. } => "block_binding_with_disabled",
            Self::MissingType => "missing_type",
            Self::MissingBudget => "missing_budget",
            Self::ParamRefused { .. } => "param_refused",
        }
    }

    /// The parameter at fault, as a path into the request.
    #[must_use]
    pub fn param(&self) -> &str {
        match self {
            Self::UnknownModel { .. } | Self::OtherApi { .. } => "model",
            Self::ModeNotSupported {
                mode: "a budget" | "reasoning" | "thinking between tools",
                ..
            } => "reasoning",
            Self::ModeNotSupported { .. } | Self::MissingType => "thinking.type",
            Self::EffortNotSupported { param, .. }
            | Self::CannotBeOff { param, .. }
            | Self::SamplingRemoved { param, .. } => param,
            Self::EffortWithDisabled { .. } => "output_config.effort",
            Self::BudgetTooSmall { .. }
            | Self::BudgetNotBelowMaxTokens { .. }
            | Self::MissingBudget => "thinking.budget_tokens",
            Self::MaxTokensTooLarge { .. } => "max_tokens",
            Self::MaxTokensTooSmall { .. } => "max_output_tokens",
            Self::Temperature { .. } => "temperature",
            Self::TopP { .. } => "top_p",
            Self::TopK { .. } => "top_k",
            Self::ForcedToolChoice { .. } => "tool_choice.type",
            Self::ReasoningWithTools { .. } => "reasoning_effort",
            Self::Prefill { .. } => "messages",
            Self::DisplayWithDisabled { .. } => "thinking.display",
            Self::BlockBindingWithDisabled { .. } => "thinking.block_binding",
            Self::ParamRefused { param, .. } => param,
        }
    }

    /// The offending value.
    #[must_use]
    pub fn value(&self) -> String {
        match self {
            Self::UnknownModel { model } | Self::OtherApi { model } => short(model),
            Self::ModeNotSupported { mode, .. } => (*mode).into(),
            Self::CannotBeOff { param: "thinking.type", .. } => "disabled".into(),
            Self::CannotBeOff { .. } => "none".into(),
            Self::EffortWithDisabled { effort, .. } | Self::EffortNotSupported { effort, .. } => {
                effort.to_string()
            }
            Self::BudgetTooSmall { budget: tokens, .. }
            | Self::BudgetNotBelowMaxTokens { budget: tokens, .. }
            | Self::MaxTokensTooLarge { max_tokens: tokens, .. }
            | Self::MaxTokensTooSmall { max_tokens: tokens, .. }
            | Self::TopK { value: tokens } => tokens.to_string(),
            Self::Temperature { value } | Self::TopP { value, .. } => plain(*value),
            Self::SamplingRemoved { value, .. } => short(value),
            Self::ForcedToolChoice { choice, .. } => (*choice).into(),
            Self::ReasoningWithTools { effort: Some(effort), .. } => effort.to_string(),
            Self::ReasoningWithTools { effort: None, .. } => "the model's own".into(),
            Self::Prefill { .. } => "a last message of the assistant".into(),
            Self::DisplayWithDisabled { display } => display.as_str().into(),
            Self::BlockBindingWithDisabled { behavior } => behavior.as_str().into(),
            Self::MissingType => "a missing type".into(),
            Self::MissingBudget => "no number".into(),
            Self::ParamRefused { .. } => "it".into(),
        }
    }

    /// The nearest valid value, in words, if there is one.
    #[must_use]
    pub fn nearest(&self) -> Option<String> {
        match self {
            Self::ModeNotSupported { nearest, .. } => nearest.as_ref().map(ToString::to_string),
            Self::CannotBeOff { nearest, .. } => Some(nearest.to_string()),
            Self::EffortWithDisabled { max, .. } => Some(max.to_string()),
            Self::EffortNotSupported { nearest, .. } => nearest.map(|effort| effort.to_string()),
            Self::BudgetTooSmall { min: tokens, .. }
            | Self::MaxTokensTooLarge { max: tokens, .. }
            | Self::MaxTokensTooSmall { min: tokens, .. } => Some(tokens.to_string()),
            Self::BudgetNotBelowMaxTokens { nearest, .. } => nearest.map(|it| it.to_string()),
            Self::Temperature { .. } => Some("1".into()),
            Self::TopP { value, min } => Some(plain(if *value > 1.0 { 1.0 } else { *min })),
            Self::ForcedToolChoice { .. } => Some("auto".into()),
            Self::ReasoningWithTools { .. } => Some("none, or the Responses API".into()),
            Self::Prefill { .. } => Some("end with a message of the user".into()),
            Self::ParamRefused { nearest: Some(name), .. } => Some(format!("the same as `{name}`")),
            Self::TopK { .. }
            | Self::SamplingRemoved { .. }
            | Self::DisplayWithDisabled { .. }
            | Self::BlockBindingWithDisabled { .. }
            | Self::ParamRefused { nearest: None, .. } => Some("leave it out".into()),
            Self::UnknownModel { .. }
            | Self::OtherApi { .. }
            | Self::MissingType
            | Self::MissingBudget => None,
        }
    }

    /// What would mend it, where that is mechanical.
    #[must_use]
    pub fn fix(&self) -> Option<Fix> {
        match self {
            Self::ModeNotSupported { nearest: Some(nearest), .. }
            | Self::CannotBeOff { nearest, .. } => Some(Fix::Thinking(nearest.clone())),
            Self::EffortWithDisabled { max, .. } => Some(Fix::Effort(Some(*max))),
            Self::EffortNotSupported { nearest, .. } => Some(Fix::Effort(*nearest)),
            Self::BudgetTooSmall { min, .. } => Some(Fix::Thinking(Thinking::Budget(*min))),
            Self::BudgetNotBelowMaxTokens { fix, .. } => Some(fix.clone()),
            Self::MaxTokensTooLarge { max, .. } => Some(Fix::MaxTokens(*max)),
            Self::MaxTokensTooSmall { min, .. } => Some(Fix::MaxTokens(*min)),
            Self::Temperature { .. } => Some(Fix::Remove("temperature".into())),
            Self::TopP { .. } => Some(Fix::Remove("top_p".into())),
            Self::TopK { .. } => Some(Fix::Remove("top_k".into())),
            Self::SamplingRemoved { param, .. } => Some(Fix::Remove((*param).into())),
            Self::ParamRefused { param, .. } => Some(Fix::Remove(param.clone())),
            Self::ForcedToolChoice { .. } => Some(Fix::ToolChoiceAuto),
            Self::ReasoningWithTools { .. } => Some(Fix::Thinking(Thinking::Off)),
            Self::DisplayWithDisabled { .. } => Some(Fix::Remove("display".into())),
            Self::BlockBindingWithDisabled { .. } => Some(Fix::Remove("block_binding".into())),
            Self::ModeNotSupported { nearest: None, .. }
            | Self::UnknownModel { .. }
            | Self::OtherApi { .. }
            | Self::Prefill { .. }
            | Self::MissingType
            | Self::MissingBudget => None,
        }
    }

    /// What is wrong with the value.
    fn why(&self) -> String {
        let why = match self {
            Self::UnknownModel { .. } => {
                "is in no table: leave it to the model (`default`), give the object that it takes, or state what it takes in `RequestParams::model`"
            }
            Self::OtherApi { .. } => {
                "has no thinking that is known for this API: give the object that it takes there, or leave it to the model (`default`)"
            }
            Self::ModeNotSupported { model, .. } | Self::EffortNotSupported { model, .. } => {
                return format!("is not supported by {}", short(model));
            }
            Self::CannotBeOff { model, .. } => {
                return format!("is not supported by {}, which always thinks", short(model));
            }
            Self::EffortWithDisabled { max, .. } => {
                return format!("needs thinking: without it {max} is the highest");
            }
            Self::BudgetTooSmall { .. } => "is below the least; to turn thinking off say `off`",
            Self::BudgetNotBelowMaxTokens { max_tokens, .. } => {
                return format!("is not below `max_tokens`, {max_tokens}");
            }
            Self::MaxTokensTooLarge { .. } => "is more than the model writes",
            Self::MaxTokensTooSmall { .. } => "is below the least",
            Self::Temperature { .. } => {
                "must be 1 with thinking, and with models that have it fixed"
            }
            Self::TopP { min, .. } => return format!("must be from {min} to 1 here"),
            Self::TopK { .. } => {
                "is refused with thinking, and by models that sample by themselves"
            }
            Self::SamplingRemoved { .. } => "does not exist in the API version 2026-10-21",
            Self::ForcedToolChoice { model, .. } => {
                return format!("forces a tool, which {} refuses with thinking", short(model));
            }
            Self::ReasoningWithTools { model, .. } => {
                return format!("goes with no function tools in a chat of {}", short(model));
            }
            Self::Prefill { model } => {
                return format!("cannot be gone on from by {} here", short(model));
            }
            Self::DisplayWithDisabled { .. } | Self::BlockBindingWithDisabled { .. } => {
                "needs thinking that is asked for"
            }
            Self::MissingType => "says no mode: adaptive, enabled or disabled",
            Self::MissingBudget => {
                "is too little for `enabled`, which needs a whole number of tokens"
            }
            Self::ParamRefused { model, .. } => return format!("is refused by {}", short(model)),
        };
        why.into()
    }
}

/// A knob that is there, be it the one that is written as `null`.
fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Thinking>, D::Error> {
    Thinking::deserialize(deserializer).map(Some)
}

/// A name of the caller's, fit for one line.
fn short(name: &str) -> String {
    let begin: String = name.chars().take(48).collect();
    format!("{}", begin.escape_default())
}

impl fmt::Display for ThinkingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {} {}", short(self.param()), self.value(), self.why())?;
        match self.nearest() {
            Some(nearest) => write!(f, "; nearest: {nearest}"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for ThinkingError {}
