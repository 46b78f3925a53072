//! The knob as `OpenAI`'s reasoning models take it.
//!
//! Sources: the pages on reasoning of `OpenAI`'s documentation, and what its APIs are seen to answer.

use serde_json::{Map, Value, json};

use super::{Effort, RequestParams, Summary, Thinking, ThinkingError, ThinkingRequest};
use crate::json::edit::string_member;
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
    let mut request = ThinkingRequest { thinks: Some(thinks), ..ThinkingRequest::default() };
    match (&mode, mode.effort()) {
        (Mode::Raw(raw), _) => {
            request.fields.push(("reasoning".into(), crate::json::Json::checked(*raw)));
        }
        (_, Some(effort)) if chat => request.put("reasoning_effort", effort.into()),
        (_, effort) => {
            let mut reasoning = Map::new();
            let summary = params.summary.map(Summary::as_str).filter(|_| thinks);
            let members = [("effort", effort), ("summary", summary)];
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
        let name = if chat { "max_completion_tokens" } else { "max_output_tokens" };
        request.put(name, tokens.into());
    }
    Ok(request)
}

fn mode<'a>(thinking: &'a Thinking, model: &Model, params: &RequestParams) -> Result<Mode<'a>> {
    let name = || model.family.clone();
    let not = |mode, nearest| ThinkingError::ModeNotSupported { mode, model: name(), nearest };
    let asked = match thinking {
        Thinking::ModelDefault => {
            return Ok(params
                .effort
                .map_or(Mode::Unsaid { thinks: model.thinks_unasked }, Mode::Effort));
        }
        Thinking::Off if !model.adaptive => return Ok(Mode::Unsaid { thinks: false }),
        Thinking::Off if model.disabled => return Ok(Mode::None),
        Thinking::Off => {
            let nearest = model.efforts.first().map_or(Thinking::ModelDefault, |it| (*it).into());
            return Err(ThinkingError::CannotBeOff { model: name(), nearest });
        }
        _ if !model.adaptive => return Err(not("reasoning", None)),
        Thinking::Raw(raw) => {
            let effort = string_member(raw, "effort").and_then(|name| name.parse().ok());
            return match effort.filter(|effort| !model.efforts.contains(effort)) {
                Some(effort) => Err(lacks(effort, model)),
                None => Ok(Mode::Raw(raw)),
            };
        }
        Thinking::On | Thinking::Adaptive(None) if model.thinks_unasked => {
            return Ok(params.effort.map_or(Mode::Unsaid { thinks: true }, Mode::Effort));
        }
        Thinking::On | Thinking::Adaptive(None) => params.effort.unwrap_or(Effort::Medium),
        Thinking::Effort(effort) | Thinking::Adaptive(Some(effort)) => *effort,
        Thinking::Budget(tokens) => {
            let nearest = model.nearest_effort(Effort::for_budget(*tokens));
            return Err(not("enabled", nearest.map(Thinking::Effort)));
        }
        Thinking::BetweenTools => return Err(not("between_tools", Some(Thinking::On))),
    };
    if !model.efforts.contains(&asked) {
        return Err(lacks(asked, model));
    }
    Ok(Mode::Effort(asked))
}

fn lacks(effort: Effort, model: &Model) -> ThinkingError {
    let nearest = model.nearest_effort(effort);
    ThinkingError::EffortNotSupported { effort, model: model.family.clone(), nearest }
}

impl Mode<'_> {
    fn thinks(&self) -> bool {
        !matches!(self, Self::None | Self::Unsaid { thinks: false })
    }

    fn effort(&self) -> Option<&'static str> {
        match self {
            Self::None => Some("none"),
            Self::Effort(effort) => Some(effort.as_str()),
            Self::Unsaid { .. } | Self::Raw(_) => None,
        }
    }
}

fn check_params(mode: &Mode<'_>, model: &Model, params: &RequestParams, chat: bool) -> Result<()> {
    let refuse = |param: &str, nearest| {
        let (param, model) = (param.into(), model.family.clone());
        Err(ThinkingError::ParamRefused { param, model, nearest })
    };
    let wanted = if chat { "max_completion_tokens" } else { "max_output_tokens" };
    let limits = ["max_tokens", "max_completion_tokens", "max_output_tokens"];
    let limit = limits.into_iter().find(|name| *name != wanted && params.has(name));
    // A model that does not reason takes the old name in a chat.
    if let Some(limit) = limit.filter(|_| model.adaptive || !chat) {
        return refuse(limit, Some(wanted));
    }
    if chat && params.summary.is_some() {
        return refuse("reasoning.summary", None);
    }
    if let Some(max_tokens) = params.max_tokens.filter(|max| !chat && *max < MIN_OUTPUT_TOKENS) {
        return Err(ThinkingError::MaxTokensTooSmall { max_tokens, min: MIN_OUTPUT_TOKENS });
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
