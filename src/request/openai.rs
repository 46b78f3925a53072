//! The knob as `OpenAI`'s reasoning models take it.
//!
//! Sources: the pages on reasoning of `OpenAI`'s documentation, and what its APIs are seen to answer.

use alloc::format;
use alloc::string::String;

use serde_json::{Map, Value, json};

use super::{Effort, RequestParams, Summary, Thinking, ThinkingError, ThinkingRequest};
use crate::json::Json;
use crate::json::edit::{member_names, raw_member, string_member, with_member};
use crate::message::Provider;
use crate::models::{Model, Sampling};

type Result<T> = core::result::Result<T, ThinkingError>;

/// The least that the Responses API takes for `max_output_tokens`.
const MIN_OUTPUT_TOKENS: u64 = 16;

/// What reasoning models do not take, where a model has no more to say.
const SAMPLING: [&str; 5] =
    ["presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias"];

/// What the request will say of reasoning.
enum Mode<'a> {
    Unsaid { thinks: bool },
    None,
    Effort(Effort),
    Raw(&'a str),
}

pub(super) fn resolve(
    thinking: &Thinking,
    model: &Model,
    params: &RequestParams,
) -> Result<ThinkingRequest> {
    let chat = match params.api {
        None | Some(Provider::OpenAiResponses) => false,
        Some(Provider::OpenAiChat) => true,
        Some(_) => return Err(ThinkingError::OtherApi { model: model.family.clone() }),
    };
    let mode = mode(thinking, model, params)?;
    check_params(&mode, model, params, chat)?;

    let thinks = mode.thinks();
    let store = params.store;
    let mut request = ThinkingRequest { thinks: Some(thinks), store, ..ThinkingRequest::default() };
    let summary = params.summary.map(Summary::as_str).filter(|_| thinks);
    match (&mode, mode.effort()) {
        (Mode::Raw(raw), _) if !chat => {
            let summary = summary.filter(|_| raw_member(raw, "summary").is_none());
            let more =
                summary.and_then(|it| with_member(raw, "summary", &format!("\"{it}\"")).ok());
            let json = more.unwrap_or_else(|| (*raw).into());
            // What a fix has emptied says nothing, and some models take not even that.
            if !member_names(&json).is_empty() {
                request.fields.push(("reasoning".into(), Json::checked(json)));
            }
        }
        (_, Some(effort)) if chat => request.put("reasoning_effort", effort.as_str().into()),
        (_, effort) => {
            let mut reasoning = Map::new();
            let members = [("effort", effort.as_deref()), ("summary", summary)];
            for (key, value) in members.into_iter().filter_map(|(key, value)| Some((key, value?))) {
                reasoning.insert(key.into(), value.into());
            }
            if !reasoning.is_empty() {
                request.put("reasoning", Value::Object(reasoning));
            }
        }
    }
    if !chat && thinks && params.store == Some(false) {
        // Or the reasoning could not go back.
        request.put("include", json!(["reasoning.encrypted_content"]));
    }
    if let Some(tokens) = params.max_tokens {
        request.put(limit_name(model, params, chat), tokens.into());
    }
    Ok(request)
}

/// Whether an API is one of `OpenAI`'s, or of those who speak as it does.
pub(super) fn serves(api: Option<Provider>) -> bool {
    matches!(api, Some(Provider::OpenAiResponses | Provider::OpenAiChat))
}

/// What is known to be right for a model of which nothing is known here: an object as it is, and the limit.
pub(super) fn pass(raw: Option<&Json>, params: &RequestParams) -> ThinkingRequest {
    let chat = params.api == Some(Provider::OpenAiChat);
    let mut request = ThinkingRequest { store: params.store, ..ThinkingRequest::default() };
    if let Some(raw) = raw {
        // Who has an object with a type calls it as Anthropic does: DeepSeek, GLM, Kimi.
        let own = chat && raw_member(raw, "type").is_some();
        let name = if own { "thinking" } else { "reasoning" };
        request.fields.push((name.into(), raw.clone()));
        if !chat && params.store == Some(false) {
            request.put("include", json!(["reasoning.encrypted_content"]));
        }
    }
    if let Some(tokens) = params.max_tokens {
        // The old name is taken by all who speak as OpenAI does.
        let name = match chat {
            true if params.has("max_completion_tokens") => "max_completion_tokens",
            true => "max_tokens",
            false => "max_output_tokens",
        };
        request.put(name, tokens.into());
    }
    request
}

/// What the limit of tokens is called. In a chat, a model that does not reason still takes the old name.
fn limit_name(model: &Model, params: &RequestParams, chat: bool) -> &'static str {
    match chat {
        true if !model.adaptive && params.has("max_tokens") => "max_tokens",
        true => "max_completion_tokens",
        false => "max_output_tokens",
    }
}

fn mode<'a>(thinking: &'a Thinking, model: &Model, params: &RequestParams) -> Result<Mode<'a>> {
    let name = || model.family.clone();
    let not = |mode, nearest| ThinkingError::ModeNotSupported { mode, model: name(), nearest };
    let asked = match thinking {
        Thinking::Off if !model.adaptive => return Ok(Mode::Unsaid { thinks: false }),
        Thinking::Off => return none(model),
        Thinking::ModelDefault => params.effort,
        // An object of Anthropic's says the same in other words.
        Thinking::Raw(raw) if of_anthropic(raw).is_some() => {
            let thinking = of_anthropic(raw).unwrap_or_default();
            return match mode(&thinking, model, params)? {
                Mode::None => Ok(Mode::None),
                Mode::Effort(effort) => Ok(Mode::Effort(effort)),
                Mode::Unsaid { thinks } => Ok(Mode::Unsaid { thinks }),
                Mode::Raw(_) => Ok(Mode::Unsaid { thinks: model.thinks_unasked }),
            };
        }
        _ if !model.adaptive => return Err(not("reasoning", None)),
        Thinking::Raw(raw) => {
            let effort = string_member(raw, "effort");
            if effort.as_deref() == Some("none") {
                none(model)?;
            }
            let effort = effort.and_then(|name| name.parse().ok());
            return match effort.filter(|effort| !model.efforts.contains(effort)) {
                Some(effort) => Err(lacks(effort, model)),
                None => Ok(Mode::Raw(raw)),
            };
        }
        Thinking::On | Thinking::Adaptive(None) if model.thinks_unasked => params.effort,
        Thinking::On | Thinking::Adaptive(None) => Some(params.effort.unwrap_or(Effort::Medium)),
        Thinking::Effort(effort) | Thinking::Adaptive(Some(effort)) => Some(*effort),
        Thinking::Budget(tokens) => {
            let nearest = model.nearest_effort(Effort::for_budget(*tokens));
            return Err(not("a budget", nearest.map(Thinking::Effort)));
        }
        Thinking::BetweenTools => return Err(not("thinking between tools", Some(Thinking::On))),
    };
    match asked {
        None => Ok(Mode::Unsaid { thinks: model.thinks_unasked }),
        Some(effort) if model.efforts.contains(&effort) => Ok(Mode::Effort(effort)),
        Some(effort) => Err(lacks(effort, model)),
    }
}

/// What an object of Anthropic's asks for.
fn of_anthropic(raw: &str) -> Option<Thinking> {
    let budget = raw_member(raw, "budget_tokens").and_then(|tokens| tokens.parse().ok());
    match string_member(raw, "type").as_deref() {
        Some("disabled") => Some(Thinking::Off),
        Some("adaptive") => {
            let effort = string_member(raw, "effort").and_then(|name| name.parse().ok());
            Some(Thinking::Adaptive(effort))
        }
        Some("enabled") | None => budget.map(Thinking::Budget),
        Some(_) => None,
    }
}

fn none<'a>(model: &Model) -> Result<Mode<'a>> {
    if model.disabled {
        return Ok(Mode::None);
    }
    let nearest = model.efforts.first().map_or(Thinking::ModelDefault, |least| (*least).into());
    Err(ThinkingError::CannotBeOff {
        param: "reasoning.effort",
        model: model.family.clone(),
        nearest,
    })
}

fn lacks(effort: Effort, model: &Model) -> ThinkingError {
    let nearest = model.nearest_effort(effort);
    let (param, model) = ("reasoning.effort", model.family.clone());
    ThinkingError::EffortNotSupported { param, effort, model, nearest }
}

impl Mode<'_> {
    fn thinks(&self) -> bool {
        !matches!(self, Self::Unsaid { thinks: false }) && self.effort().as_deref() != Some("none")
    }

    fn effort(&self) -> Option<String> {
        match self {
            Self::None => Some("none".into()),
            Self::Effort(effort) => Some(effort.as_str().into()),
            Self::Raw(raw) => string_member(raw, "effort"),
            Self::Unsaid { .. } => None,
        }
    }
}

fn check_params(mode: &Mode<'_>, model: &Model, params: &RequestParams, chat: bool) -> Result<()> {
    let refuse = |param: &str, nearest| {
        let (param, model) = (param.into(), model.family.clone());
        Err(ThinkingError::ParamRefused { param, model, nearest })
    };
    let wanted = limit_name(model, params, chat);
    let limits = ["max_tokens", "max_completion_tokens", "max_output_tokens"];
    let limit = limits.into_iter().find(|name| *name != wanted && params.has(name));
    if let Some(limit) = limit {
        return refuse(limit, Some(wanted));
    }
    if let (Mode::Raw(raw), true) = (mode, chat) {
        // A chat has the effort, and nothing else of it.
        let other = member_names(raw).into_iter().find(|name| name != "effort");
        if let Some(other) = other {
            return refuse(&format!("reasoning.{other}"), None);
        }
    }
    if chat && params.summary.is_some() {
        return refuse("reasoning.summary", None);
    }
    if let Some(max_tokens) = params.max_tokens.filter(|max| !chat && *max < MIN_OUTPUT_TOKENS) {
        return Err(ThinkingError::MaxTokensTooSmall { max_tokens, min: MIN_OUTPUT_TOKENS });
    }
    if chat && params.tools && model.chat_tools_need_no_reasoning && mode.thinks() {
        let effort = mode.effort().and_then(|name| name.parse().ok());
        return Err(ThinkingError::ReasoningWithTools { effort, model: model.family.clone() });
    }
    let free = match model.sampling {
        Sampling::Refused => false,
        Sampling::WithoutReasoning => !mode.thinks(),
        Sampling::Free | Sampling::Fixed => true,
    };
    if !free {
        let given = [("temperature", params.temperature), ("top_p", params.top_p)];
        let given = given.into_iter().filter(|(_, value)| value.is_some()).map(|(name, _)| name);
        if let Some(param) =
            given.chain(SAMPLING).find(|name| !SAMPLING.contains(name) || params.has(name))
        {
            return refuse(param, None);
        }
    }
    let refused = model.refused_params.iter().find(|name| params.has(name));
    refused.map_or(Ok(()), |param| refuse(param, None))
}
