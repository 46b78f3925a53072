//! Asking a model to think: one knob, compiled to the exact fields of the request, or refused.
//!
//! [`Thinking`] is what a person or a configuration says: `true`, `"high"`, `8000`, `"off"`, `"deep"`.
//! [`Thinking::resolve`] makes of it what the model takes, by the [table of models](crate::models), and
//! refuses whatever the API would answer with a 400, each rule with [an error of its
//! own](ThinkingError) that names the nearest valid value. Nothing is changed silently: where the remedy
//! is mechanical, the error has a [`Fix`], which you may apply.
//!
//! ```
//! use thinkstream::request::{RequestParams, Thinking, ThinkingError};
//!
//! // From a configuration file, a flag, an environment variable.
//! let mut thinking: Thinking = "high".parse()?;
//! let mut params = RequestParams::default();
//! params.max_tokens = Some(16_000);
//!
//! // A model that decides by itself how much to think takes an effort.
//! let request = thinking.resolve("claude-opus-4-8", &params)?;
//! assert_eq!(request.get("thinking").unwrap(), r#"{"type":"adaptive"}"#);
//! assert_eq!(request.get("output_config").unwrap(), r#"{"effort":"high"}"#);
//!
//! // An older one a budget, which must be below `max_tokens`: the API would answer 400.
//! let error = thinking.resolve("claude-sonnet-4-5", &params).unwrap_err();
//! assert!(matches!(error, ThinkingError::BudgetNotBelowMaxTokens { budget: 32_000, .. }));
//! let fix = error.fix().unwrap();
//! assert_eq!(fix.to_string(), "raise `max_tokens` to 48000");
//! fix.apply(&mut thinking, &mut params);
//! let request = thinking.resolve("claude-sonnet-4-5", &params)?;
//! assert_eq!(request.get("thinking").unwrap(), r#"{"type":"enabled","budget_tokens":32000}"#);
//!
//! // The fields go into your request.
//! let mut body = serde_json::json!({ "model": "claude-sonnet-4-5", "messages": [] });
//! params.write_to(body.as_object_mut().unwrap());
//! request.write_to(body.as_object_mut().unwrap());
//! assert_eq!(body["max_tokens"], 48_000);
//! assert_eq!(body["thinking"]["budget_tokens"], 32_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What people write
//!
//! | written | [`Thinking`] | a model with efforts | a model with budgets |
//! |---|---|---|---|
//! | `null`, `default` | `ModelDefault` | nothing is sent | nothing is sent |
//! | `true`, `on`, `enabled` | `On` | `adaptive` | `enabled`, 8,000 tokens |
//! | `false`, `off`, `none`, `disabled` | `Off` | `disabled`; nothing if it does not think unasked | nothing |
//! | `minimal` | `Effort` | `adaptive`, `low` (`minimal` where `OpenAI` has it) | 1,024 tokens |
//! | `low`, `quick` | `Effort` | `adaptive`, `low` | 2,000 tokens |
//! | `medium`, `standard` | `Effort` | `adaptive`, `medium` | 8,000 tokens |
//! | `high`, `deep` | `Effort` | `adaptive`, `high` | 32,000 tokens |
//! | `xhigh` | `Effort` | `adaptive`, `xhigh` | 48,000 tokens, half way |
//! | `max` | `Effort` | `adaptive`, `max` | 64,000 tokens |
//! | `8000`, `"8000"` | `Budget` | refused: say an effort | 8,000 tokens |
//! | `adaptive`, `adaptive:high` | `Adaptive` | `adaptive`, with the effort | refused: say a budget |
//! | `between_tools` | `BetweenTools` | the same, where it is taken | refused |
//! | `{…}` | `Raw` | as it is | as it is |
//!
//! Of the 64,000 or 32,000 tokens that an older model writes at most, the budget of an effort leaves 1,024 for the
//! answer: `high` is 30,976 for Opus 4.1. A budget in tokens is never changed.
//!
//! A name may be in any case, with space around it. An object without `type` gets `enabled` if it has
//! `budget_tokens`. What the model lacks (`xhigh` of Opus 4.6, say) is refused, with the nearest that it
//! has. `FromStr`, `From<bool>`, `TryFrom<serde_json::Value>` and `Deserialize` agree.
//!
//! # For those who come from elsewhere
//!
//! Libraries differ, and some do what the API refuses.
//!
//! | | elsewhere | here |
//! |---|---|---|
//! | `max` | documented, but a `ValueError` (`NucleusIQ` 0.2); 8,000 (`Hermes`); 16,384 (`LiteLLM`) | 64,000, less where the model writes no more, or the effort |
//! | `minimal` | a `ValueError`; 8,000, more than `low` (`Hermes`); 1,024 (`LiteLLM`) | 1,024, or the lowest effort |
//! | `false` | the field is left out: what thinks by default goes on thinking | `disabled` there; refused if it cannot be turned off |
//! | `true` | `medium`: 8,000 | the same; where the model decides, its own default |
//! | a number | a `TypeError` | a budget |
//! | `{}`, negative budgets, unknown types | sent | refused; unknown types are sent |
//! | the default `max_tokens` of 4,096 with 8,000 for thinking | sent, and refused by the API | refused here, with the fix |
//! | a budget to a model that takes efforts | sent, and refused; or turned into an effort | refused here, with the fix |
//! | efforts of models that take budgets | 1,024 / 2,048 / 4,096 (`LiteLLM`) | 2,000 / 8,000 / 32,000 |
//! | `temperature` with thinking | sent; or set to 1, silently | refused, with the fix |
//! | Haiku | never thinks (`Hermes`) | by the table |

mod anthropic;
mod error;
mod fix;
mod knob;
mod number;
mod openai;
mod params;
mod word;

pub use self::error::{ParseThinkingError, ThinkingError};
pub use self::fix::Fix;
pub use self::knob::Thinking;
pub use self::params::{ApiVersion, Display, PrefixMismatch, RequestParams, Summary, ToolChoice};
pub use crate::models::Effort;

use alloc::vec::Vec;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::json::Json;
use crate::message::Provider;
use crate::models::{Maker, Model};
use crate::text::Text;

/// The fields of a request that ask for thinking, exactly as the model takes them.
///
/// Serialises as a map of its fields, so it can be flattened into a request of your own.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ThinkingRequest {
    /// The fields, by name, in the order written.
    pub fields: Vec<(Text, Json)>,
    /// What the header `anthropic-beta` must have, beside what you ask for yourself.
    pub betas: Vec<Text>,
    /// Whether the model will think; `None` if that is not known.
    pub thinks: Option<bool>,
    /// Whether `OpenAI` stores the reply, as [`RequestParams::store`] says.
    pub store: Option<bool>,
}

impl Thinking {
    /// Compiles the knob to the fields that `model` takes.
    ///
    /// What the model takes is looked up in the [table](crate::models), unless
    /// [`RequestParams::model`] states it. A model that neither knows gets what is
    /// [`Raw`](Thinking::Raw), as it is: under `thinking`, or under `reasoning` if
    /// [`RequestParams::api`] is one of `OpenAI`'s; in a chat only if it has no `type`, for `DeepSeek`, GLM and Kimi
    /// call an object with one `thinking` too. So does Claude behind a server that speaks as `OpenAI` does, and a model
    /// of `OpenAI`'s behind one that speaks as Anthropic does: how it is asked to think there is the server's own.
    ///
    /// # Errors
    ///
    /// The first rule of the API that the request would break.
    pub fn resolve(
        &self,
        model: &str,
        params: &RequestParams,
    ) -> Result<ThinkingRequest, ThinkingError> {
        let mut known = params.model.clone().or_else(|| {
            let mut known = Model::find(model)?;
            // Routers take the one API and speak the other to the maker.
            known.chat_tools_need_no_reasoning &= !model.contains('/');
            Some(known)
        });
        // One that is stated may have no name; errors have to say whom they are about.
        if let Some(known) = known.as_mut().filter(|known| known.family.is_empty()) {
            known.family = model.into();
        }
        // How a server that speaks as OpenAI does is asked to let Claude think is its own, and the other way round.
        let foreign = |model: &Model| match model.maker {
            Maker::Anthropic => openai::serves(params.api),
            Maker::OpenAi => params.api == Some(Provider::Anthropic),
        };
        let passed = matches!(self, Self::ModelDefault | Self::Raw(_));
        match (known.filter(|model| !(passed && foreign(model))), self) {
            (Some(model), _) => match model.maker {
                Maker::Anthropic => anthropic::resolve(self, &model, params),
                Maker::OpenAi => openai::resolve(self, &model, params),
            },
            (None, Self::ModelDefault) if openai::serves(params.api) => {
                Ok(openai::pass(None, params))
            }
            (None, Self::ModelDefault) => Ok(ThinkingRequest::default()),
            (None, Self::Raw(raw)) if openai::serves(params.api) => {
                Ok(openai::pass(Some(raw), params))
            }
            (None, Self::Raw(raw)) => anthropic::pass(raw, params),
            (None, _) => Err(ThinkingError::UnknownModel { model: model.into() }),
        }
    }
}

impl ThinkingRequest {
    /// The value of a field.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Json> {
        self.fields.iter().find(|(name, _)| *name == field).map(|(_, value)| value)
    }

    /// Writes the fields into a request. What is there is replaced; of `output_config` and `reasoning`
    /// only the members that are set, and to `include` what is missing is added. What the request asked
    /// for before, in `thinking`, `reasoning.effort` or `reasoning_effort`, is removed, `reasoning.summary` too where the
    /// model will not think, and `max_tokens` where the limit has a newer name.
    pub fn write_to(
        &self,
        request: &mut serde_json::Map<alloc::string::String, serde_json::Value>,
    ) {
        use serde_json::Value;
        // What was asked for before is not asked for any more.
        request.remove("thinking");
        request.remove("reasoning_effort");
        if let Some(reasoning) = request.get_mut("reasoning").and_then(Value::as_object_mut) {
            reasoning.remove("effort");
            // Of nothing there is no summary, and models that do not reason refuse to be asked for one.
            if self.thinks == Some(false) {
                reasoning.remove("summary");
            }
            if reasoning.is_empty() {
                request.remove("reasoning");
            }
        }
        if params::NEWER_LIMITS.iter().any(|name| self.get(name).is_some()) {
            request.remove("max_tokens");
        }
        for (name, value) in &self.fields {
            let Ok(value) = serde_json::from_str::<Value>(value) else { continue };
            match (request.get_mut(name.as_str()), value) {
                (Some(Value::Object(old)), Value::Object(new)) => old.extend(new),
                (Some(Value::Array(old)), Value::Array(new)) => {
                    let missing: Vec<_> =
                        new.into_iter().filter(|item| !old.contains(item)).collect();
                    old.extend(missing);
                }
                (_, value) => {
                    request.insert(name.as_str().into(), value);
                }
            }
        }
    }

    fn put(&mut self, name: &'static str, value: serde_json::Value) {
        self.fields.push((name.into(), value.into()));
    }
}

impl Serialize for ThinkingRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for (name, value) in &self.fields {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
