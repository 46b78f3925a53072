//! What else of a request decides whether it may ask for thinking.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::number::whole;
use crate::message::{Provider, is_pause};
use crate::models::{Effort, Model};
use crate::text::Text;

/// What else of a request decides whether, and how, it may ask for thinking.
///
/// Set what your request has, or read it from the request: [`of`](Self::of).
///
/// # Example
///
/// ```
/// use thinkstream::Provider;
/// use thinkstream::request::{Effort, RequestParams, Thinking, ThinkingError};
///
/// let mut params = RequestParams::default();
/// params.max_tokens = Some(4_096);
/// params.tools = true;
/// let request = Thinking::Budget(2_000).resolve("claude-sonnet-4-5", &params)?;
/// assert_eq!(request.fields[0].1.as_str(), r#"{"type":"enabled","budget_tokens":2000}"#);
///
/// // The same of a request that is there already, whatever its API calls them.
/// let request = serde_json::json!({"model": "gpt-5.5", "max_output_tokens": 4_096, "input": "Hello!"});
/// let params = RequestParams::of(Provider::OpenAiResponses, request.as_object().unwrap());
/// let fields = Thinking::Effort(Effort::High).resolve("gpt-5.5", &params)?.fields;
/// assert_eq!(fields[0].0, "reasoning");
/// # Ok::<(), ThinkingError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RequestParams {
    /// The API that the request goes to. `None`: the model maker's own, of `OpenAI` the Responses API.
    pub api: Option<Provider>,
    /// The header `anthropic-version`.
    pub version: ApiVersion,
    /// The most tokens to write, thinking included: `max_tokens`, `max_output_tokens` or
    /// `max_completion_tokens`.
    pub max_tokens: Option<u64>,
    /// `temperature`.
    #[serde(with = "super::number::maybe")]
    pub temperature: Option<f64>,
    /// `top_p`.
    #[serde(with = "super::number::maybe")]
    pub top_p: Option<f64>,
    /// `top_k`.
    pub top_k: Option<u64>,
    /// `tool_choice`.
    pub tool_choice: ToolChoice,
    /// Whether the request has tools.
    pub tools: bool,
    /// Whether the messages end with one of the assistant, for the model to go on from.
    pub prefill: bool,
    /// Whether an older model shall think between tool calls too, which takes a beta header. A budget may
    /// then exceed `max_tokens`, for it is one for the whole turn. Where a model does so by itself, or
    /// cannot, nothing is added.
    pub interleaved: bool,
    /// An effort beside what the knob says: `output_config.effort`. A knob that names one comes first.
    pub effort: Option<Effort>,
    /// Whether the text of the thinking comes back.
    pub display: Option<Display>,
    /// What becomes of signed thinking whose prefix has changed.
    pub prefix_mismatch: Option<PrefixMismatch>,
    /// Whether, and how long, `OpenAI` sums its reasoning up. Without it there is none to be seen.
    pub summary: Option<Summary>,
    /// What the request says of whether `OpenAI` stores the reply, which it does unless told `false`. It is not written
    /// for you. If it does not, its reasoning is asked for encrypted, to be sent back.
    pub store: Option<bool>,
    /// The beta headers that your request has already.
    pub betas: Vec<Text>,
    /// The names of all other parameters of the request.
    pub others: Vec<Text>,
    /// What the model takes, if the table does not know it, or is wrong.
    pub model: Option<Model>,
    /// What a fix removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) removed: Vec<Text>,
}

/// The version of Anthropic's API.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[non_exhaustive]
pub enum ApiVersion {
    /// `2023-06-01`.
    #[default]
    #[serde(rename = "2023-06-01")]
    V2023_06_01,
    /// `2026-10-21`, which has no `temperature`, `top_p` and `top_k`.
    #[serde(rename = "2026-10-21")]
    V2026_10_21,
}

/// Whether a tool is forced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolChoice {
    /// The model decides, or the request has no tools.
    #[default]
    Auto,
    /// No tool may be called.
    None,
    /// Some tool must be called: `any`, `required`.
    Any,
    /// This tool must be called.
    Tool(Text),
}

/// Whether the text of the thinking comes back (`thinking.display`). Signatures and the price are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Display {
    /// Summed up.
    Summarized,
    /// Not at all: the blocks are empty, but signed.
    Omitted,
    /// Only what is thought between tool calls; takes a beta header.
    Updates,
}

/// What becomes of signed thinking whose prefix has changed (`thinking.block_binding`); takes a beta header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PrefixMismatch {
    /// The request is refused.
    Error,
    /// The API drops the block and all later ones, and says so in the reply.
    DropBlock,
}

/// How `OpenAI` sums reasoning up (`reasoning.summary`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Summary {
    /// As the model does best.
    Auto,
    /// Short.
    Concise,
    /// Long.
    Detailed,
}

impl RequestParams {
    /// Reads what a request for `api` has. Its `thinking` or `reasoning` is not read: the knob
    /// replaces them.
    #[must_use]
    pub fn of(api: Provider, request: &Map<String, Value>) -> Self {
        let number = |key: &str| request.get(key).and_then(Value::as_f64);
        let count = |key: &str| request.get(key).and_then(whole);
        let last = request.get("messages").and_then(Value::as_array).and_then(|all| all.last());
        let effort = request.get("output_config").and_then(|config| config.get("effort"));
        let limits = ["max_completion_tokens", "max_output_tokens", "max_tokens"];
        let tools = request.get("tools").and_then(Value::as_array);
        let others =
            request.iter().filter(|(key, value)| !value.is_null() && !READ.contains(&key.as_str()));
        Self {
            api: Some(api),
            max_tokens: limits.into_iter().find_map(count),
            temperature: number("temperature"),
            top_p: number("top_p"),
            top_k: count("top_k"),
            tool_choice: request.get("tool_choice").map(ToolChoice::of).unwrap_or_default(),
            tools: tools.is_some_and(|tools| !tools.is_empty()),
            prefill: last.is_some_and(is_prefill),
            effort: effort.and_then(Value::as_str).and_then(|name| name.parse().ok()),
            store: request.get("store").and_then(Value::as_bool),
            others: others.map(|(key, _)| key.as_str().into()).collect(),
            ..Self::default()
        }
    }

    /// Writes what fixes have changed into a request, and `max_tokens`. The limits of `OpenAI`'s APIs, which have
    /// other names, are among the fields of the [`ThinkingRequest`](super::ThinkingRequest).
    pub fn write_to(&self, request: &mut Map<String, Value>) {
        for name in &self.removed {
            match name.split_once('.') {
                Some((object, member)) => {
                    let object = request.get_mut(object).and_then(Value::as_object_mut);
                    object.map(|object| object.remove(member));
                }
                None => drop(request.remove(name.as_str())),
            }
        }
        let renamed = NEWER_LIMITS.iter().any(|name| request.contains_key(*name));
        if let (Some(limit), None | Some(Provider::Anthropic)) = (self.max_tokens, self.api)
            && !renamed
        {
            request.insert("max_tokens".into(), limit.into());
        }
        if let Some(choice) = request.get_mut("tool_choice")
            && self.tool_choice == ToolChoice::Auto
            && ToolChoice::of(choice).is_forced()
        {
            // What else it says stays: whether calls may be parallel.
            match choice.as_object_mut().filter(|_| self.api != Some(Provider::OpenAiChat)) {
                Some(choice) => {
                    choice.remove("name");
                    choice.insert("type".into(), "auto".into());
                }
                None => *choice = "auto".into(),
            }
        }
    }

    /// There are beta headers with which a model writes more.
    pub(super) fn asks_for_longer_output(&self) -> bool {
        self.betas.iter().any(|beta| beta.starts_with("output-"))
    }

    /// Whether a parameter beside the known ones is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.others.iter().any(|other| *other == name)
    }
}

/// What `max_tokens` is called in the Responses API, and in a chat with a model that reasons.
pub(super) const NEWER_LIMITS: [&str; 2] = ["max_output_tokens", "max_completion_tokens"];

/// Parameters that have a field of their own.
const READ: [&str; 7] =
    ["temperature", "top_p", "top_k", "tool_choice", "tools", "store", "messages"];

/// Whether the model shall go on from a message: one of its own, unless that was only paused.
fn is_prefill(message: &Value) -> bool {
    let blocks = message.get("content").and_then(Value::as_array);
    let last = blocks.and_then(|blocks| blocks.last()?.get("type")?.as_str());
    message.get("role").and_then(Value::as_str) == Some("assistant") && !last.is_some_and(is_pause)
}

impl ToolChoice {
    /// As the APIs write it.
    fn of(choice: &Value) -> Self {
        let text = |key: &str| choice.get(key).and_then(Value::as_str);
        let function = choice.get("function").and_then(|function| function.get("name"));
        match choice.as_str().or_else(|| text("type")) {
            Some("any" | "required") => Self::Any,
            Some("none") => Self::None,
            Some("tool" | "function" | "custom") => {
                let name = text("name").or_else(|| function.and_then(Value::as_str));
                Self::Tool(name.unwrap_or_default().into())
            }
            _ => Self::Auto,
        }
    }

    pub(super) fn is_forced(&self) -> bool {
        matches!(self, Self::Any | Self::Tool(_))
    }
}

impl core::fmt::Display for ToolChoice {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Auto => f.pad("auto"),
            Self::None => f.pad("none"),
            Self::Any => f.pad("any"),
            Self::Tool(_) => f.pad("tool"),
        }
    }
}

impl Display {
    pub(super) fn read(name: &str) -> Option<Self> {
        let all = [Self::Summarized, Self::Omitted, Self::Updates];
        all.into_iter().find(|display| display.as_str() == name)
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Summarized => "summarized",
            Self::Omitted => "omitted",
            Self::Updates => "updates",
        }
    }
}

impl PrefixMismatch {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::DropBlock => "drop_block",
        }
    }
}

impl Summary {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Concise => "concise",
            Self::Detailed => "detailed",
        }
    }
}

/// A number of a request, as people write it.
pub(super) fn plain(number: f64) -> String {
    number.to_string()
}
