//! The knob as Anthropic's models take it.
//!
//! Sources: the pages on thinking, effort and errors of the Messages API, and what it is seen to answer.

use alloc::string::ToString;

use serde_json::{Value, json};

use super::number::whole;
use super::params::plain;
use super::{
    ApiVersion, Display, Effort, Fix, PrefixMismatch, RequestParams, Thinking, ThinkingError,
    ThinkingRequest,
};
use crate::json::Json;
use crate::message::Provider;
use crate::models::{ForcedTools, Model, Sampling};

type Result<T> = core::result::Result<T, ThinkingError>;

const INTERLEAVED: &str = "interleaved-thinking-2025-05-14";
const DISPLAY_UPDATES: &str = "thinking-display-updates-2026-08-18";
const BINDING_CONTROLS: &str = "thinking-binding-controls-2026-08-01";

/// What the request will say of thinking.
enum Mode {
    /// Nothing.
    Unsaid {
        thinks: bool,
    },
    Adaptive(Option<Effort>),
    Enabled(u64),
    BetweenTools,
    Disabled,
    /// A type that is not known here.
    Other,
}

pub(super) fn resolve(
    thinking: &Thinking,
    model: &Model,
    params: &RequestParams,
) -> Result<ThinkingRequest> {
    if !matches!(params.api, None | Some(Provider::Anthropic)) {
        return Err(ThinkingError::OtherApi { model: model.family.clone() });
    }
    let params = &with_raw(thinking, params);
    let mut mode = mode(thinking, model)?;
    let said = params.display.is_some() || params.prefix_mismatch.is_some();
    if said && matches!(mode, Mode::Unsaid { thinks: true }) {
        // They need an object to stand in; for such a model it changes nothing else.
        mode = Mode::Adaptive(None);
    }
    let effort = effort(&mode, model, params)?;
    check_max_tokens(model, params)?;
    check_budget(&mode, model, params)?;
    check_sampling(mode.thinks(), model, params)?;
    check_form(&mode, model, params)?;
    Ok(request(thinking, &mode, effort, model, params))
}

/// An object for a model that is not known: as it is, but for what no model takes.
pub(super) fn pass(raw: &Json, params: &RequestParams) -> Result<ThinkingRequest> {
    let thinking = Thinking::Raw(raw.clone());
    let params = &with_raw(&thinking, params);
    let unknown =
        Model { min_budget_tokens: 1024, interleaves_with_header: true, ..Model::default() };
    let mode = of_raw(raw)?;
    check_budget(&mode, &unknown, params)?;
    if matches!(mode, Mode::Disabled) {
        check_form(&mode, &unknown, params)?;
    }
    Ok(request(&thinking, &mode, params.effort, &unknown, params))
}

/// What the request has beside the knob; what an object says itself counts as said there.
fn with_raw(thinking: &Thinking, params: &RequestParams) -> RequestParams {
    let mut params = params.clone();
    let Thinking::Raw(raw) = thinking else { return params };
    let Some(object) = object(raw) else { return params };
    let display = object.get("display").and_then(Value::as_str).and_then(Display::read);
    let binding = object.get("block_binding").filter(|binding| !binding.is_null());
    let behavior = binding.and_then(|binding| binding.get("prefix_mismatch_behavior"));
    let drops = behavior.and_then(Value::as_str) == Some(PrefixMismatch::DropBlock.as_str());
    let mismatch = if drops { PrefixMismatch::DropBlock } else { PrefixMismatch::Error };
    params.display = params.display.or(display);
    params.prefix_mismatch = params.prefix_mismatch.or(binding.map(|_| mismatch));
    params
}

/// The fields, once nothing speaks against them.
fn request(
    thinking: &Thinking,
    mode: &Mode,
    effort: Option<Effort>,
    model: &Model,
    params: &RequestParams,
) -> ThinkingRequest {
    let mut request = ThinkingRequest { thinks: mode.known(), ..ThinkingRequest::default() };
    let raw = if let Thinking::Raw(raw) = thinking { object(raw) } else { None };
    if let Some(object) = raw.or_else(|| mode.object()) {
        put_thinking(&mut request, thinking, object, params);
    }
    if let Some(effort) = effort {
        request.put("output_config", json!({ "effort": effort }));
    }
    if matches!(mode, Mode::Enabled(_)) && params.interleaved && model.interleaves_with_header {
        request.betas.push(INTERLEAVED.into());
    }
    request.betas.retain(|beta| !params.betas.contains(beta));
    request
}

/// The mode that the knob means for this model.
fn mode(thinking: &Thinking, model: &Model) -> Result<Mode> {
    let name = || model.family.clone();
    let not = |mode, nearest| ThinkingError::ModeNotSupported { mode, model: name(), nearest };
    let adaptive = |effort: Effort| Thinking::Adaptive(model.nearest_effort(effort));
    match thinking {
        Thinking::ModelDefault => Ok(Mode::Unsaid { thinks: model.thinks_unasked }),
        Thinking::Off if !model.thinks_unasked => Ok(Mode::Unsaid { thinks: false }),
        Thinking::Off => supported(Mode::Disabled, model),
        Thinking::On if model.adaptive => Ok(Mode::Adaptive(None)),
        Thinking::On => of_effort(Effort::Medium, model),
        Thinking::Effort(effort) => of_effort(*effort, model),
        Thinking::Adaptive(effort) if model.adaptive => Ok(Mode::Adaptive(*effort)),
        Thinking::Adaptive(effort) => {
            let budget = budget_of(effort.unwrap_or(Effort::Medium), model);
            Err(not("adaptive", model.enabled.then_some(Thinking::Budget(budget))))
        }
        Thinking::Budget(tokens) if model.enabled => Ok(Mode::Enabled(*tokens)),
        Thinking::Budget(tokens) => {
            let nearest = model.adaptive.then(|| adaptive(Effort::for_budget(*tokens)));
            Err(not("enabled", nearest))
        }
        Thinking::BetweenTools => supported(Mode::BetweenTools, model),
        Thinking::Raw(raw) => match of_raw(raw)? {
            Mode::Enabled(tokens) => mode(&Thinking::Budget(tokens), model),
            Mode::Adaptive(_) => mode(&Thinking::Adaptive(None), model),
            known => supported(known, model),
        },
    }
}

/// The budget that stands for an effort. It leaves the least that one may be for the answer, of what the model
/// writes at most.
fn budget_of(effort: Effort, model: &Model) -> u64 {
    let room = model.max_output_tokens.map(|most| most.saturating_sub(model.min_budget_tokens));
    effort.budget_tokens().min(room.unwrap_or(u64::MAX))
}

fn of_effort(effort: Effort, model: &Model) -> Result<Mode> {
    if model.adaptive {
        return Ok(Mode::Adaptive(Some(effort)));
    }
    if model.enabled {
        return Ok(Mode::Enabled(budget_of(effort, model)));
    }
    let mode = "thinking";
    Err(ThinkingError::ModeNotSupported { mode, model: model.family.clone(), nearest: None })
}

fn supported(mode: Mode, model: &Model) -> Result<Mode> {
    let name = || model.family.clone();
    match mode {
        Mode::Disabled if !model.disabled => {
            let least = Thinking::Adaptive(model.efforts.first().copied());
            let nearest = if model.between_tools { Thinking::BetweenTools } else { least };
            Err(ThinkingError::CannotBeOff { param: "thinking.type", model: name(), nearest })
        }
        Mode::BetweenTools if !model.between_tools => {
            let nearest = model.adaptive.then_some(Thinking::Adaptive(None));
            let mode = "between_tools";
            Err(ThinkingError::ModeNotSupported { mode, model: name(), nearest })
        }
        mode => Ok(mode),
    }
}

/// What an object says.
fn of_raw(raw: &Json) -> Result<Mode> {
    let Some(object) = object(raw) else { return Ok(Mode::Other) };
    match object.get("type").and_then(Value::as_str) {
        Some("enabled") => {
            let budget = object.get("budget_tokens").and_then(whole);
            budget.map(Mode::Enabled).ok_or(ThinkingError::MissingBudget)
        }
        Some("adaptive") => Ok(Mode::Adaptive(None)),
        Some("disabled") => Ok(Mode::Disabled),
        Some("between_tools") => Ok(Mode::BetweenTools),
        Some(_) => Ok(Mode::Other),
        None => Err(ThinkingError::MissingType),
    }
}

fn object(raw: &Json) -> Option<Value> {
    serde_json::from_str(raw).ok().filter(Value::is_object)
}

impl Mode {
    /// Whether the model may think.
    fn thinks(&self) -> bool {
        !matches!(self, Self::Disabled | Self::Unsaid { thinks: false })
    }

    fn known(&self) -> Option<bool> {
        (!matches!(self, Self::Other)).then(|| self.thinks())
    }

    fn object(&self) -> Option<Value> {
        match self {
            Self::Adaptive(_) => Some(json!({ "type": "adaptive" })),
            Self::Enabled(tokens) => Some(json!({ "type": "enabled", "budget_tokens": tokens })),
            Self::BetweenTools => Some(json!({ "type": "between_tools" })),
            Self::Disabled => Some(json!({ "type": "disabled" })),
            Self::Unsaid { .. } | Self::Other => None,
        }
    }
}

/// The effort that goes out. The API has no `minimal`: `low` is the least of every model.
fn effort(mode: &Mode, model: &Model, params: &RequestParams) -> Result<Option<Effort>> {
    let asked = match mode {
        Mode::Adaptive(Some(effort)) => Some(*effort),
        _ => params.effort,
    };
    let Some(effort) = asked.map(|effort| effort.max(Effort::Low)) else { return Ok(None) };
    if !model.efforts.contains(&effort) {
        let (model, nearest) = (model.family.clone(), model.nearest_effort(effort));
        let param = "output_config.effort";
        return Err(ThinkingError::EffortNotSupported { param, effort, model, nearest });
    }
    match model.disabled_up_to {
        Some(max) if matches!(mode, Mode::Disabled) && effort > max => {
            Err(ThinkingError::EffortWithDisabled { effort, max })
        }
        _ => Ok(Some(effort)),
    }
}

fn check_budget(mode: &Mode, model: &Model, params: &RequestParams) -> Result<()> {
    let Mode::Enabled(budget) = *mode else { return Ok(()) };
    let min = model.min_budget_tokens;
    if budget < min {
        return Err(ThinkingError::BudgetTooSmall { budget, min });
    }
    let asked = params.interleaved || params.betas.iter().any(|beta| *beta == INTERLEAVED);
    let whole_turn = asked && params.tools && model.interleaves_with_header;
    // Where no limit is stated, it is at most that of the model.
    match params.max_tokens.or(model.max_output_tokens) {
        Some(max_tokens) if budget >= max_tokens && !whole_turn => {
            let fix = room_for(budget, max_tokens, model);
            let nearest = max_tokens.checked_sub(1).filter(|nearest| *nearest >= min);
            Err(ThinkingError::BudgetNotBelowMaxTokens { budget, max_tokens, nearest, fix })
        }
        _ => Ok(()),
    }
}

/// Room for a budget beside the answer; or, if the model does not write as much, a budget for its room.
fn room_for(budget: u64, max_tokens: u64, model: &Model) -> Fix {
    let most = model.max_output_tokens.unwrap_or(u64::MAX);
    let raised = budget.saturating_add(max_tokens.max(1)).min(most);
    if raised > budget {
        return Fix::RaiseMaxTokens(raised);
    }
    let least = model.min_budget_tokens;
    // Half of the room is for the answer.
    Fix::Thinking(Thinking::Budget((max_tokens / 2).max(least)))
}

fn check_max_tokens(model: &Model, params: &RequestParams) -> Result<()> {
    match (params.max_tokens, model.max_output_tokens) {
        (Some(max_tokens), Some(max)) if max_tokens > max && !params.asks_for_longer_output() => {
            Err(ThinkingError::MaxTokensTooLarge { max_tokens, max })
        }
        _ => Ok(()),
    }
}

fn check_sampling(thinks: bool, model: &Model, params: &RequestParams) -> Result<()> {
    let given = [
        ("temperature", params.temperature.map(plain)),
        ("top_p", params.top_p.map(plain)),
        ("top_k", params.top_k.map(|top_k| top_k.to_string())),
    ];
    if params.version >= ApiVersion::V2026_10_21 {
        let given = given.into_iter().find_map(|(param, value)| Some((param, value?)));
        return given.map_or(Ok(()), |(param, value)| {
            Err(ThinkingError::SamplingRemoved { param, value: value.into() })
        });
    }
    let fixed = model.sampling == Sampling::Fixed;
    if !fixed && !thinks {
        return Ok(());
    }
    let min = if fixed { 0.99 } else { 0.95 };
    if let Some(value) = params.temperature.filter(|value| *value != 1.0) {
        return Err(ThinkingError::Temperature { value });
    }
    if let Some(value) = params.top_p.filter(|value| !(min..=1.0).contains(value)) {
        return Err(ThinkingError::TopP { value, min });
    }
    params.top_k.map_or(Ok(()), |value| Err(ThinkingError::TopK { value }))
}

fn check_form(mode: &Mode, model: &Model, params: &RequestParams) -> Result<()> {
    let thinks = mode.thinks();
    let name = || model.family.clone();
    let free = match model.forced_tools {
        ForcedTools::Allowed => true,
        ForcedTools::WithAdaptive => !matches!(mode, Mode::Enabled(_)),
        ForcedTools::Refused => !thinks,
    };
    if params.tool_choice.is_forced() && !free {
        let choice =
            if matches!(params.tool_choice, super::ToolChoice::Any) { "any" } else { "tool" };
        return Err(ThinkingError::ForcedToolChoice { choice, model: name() });
    }
    if params.prefill && (thinks || !model.prefill) {
        return Err(ThinkingError::Prefill { model: name() });
    }
    let asked = matches!(mode, Mode::Adaptive(_) | Mode::Enabled(_) | Mode::Other);
    match (params.display, params.prefix_mismatch) {
        (Some(display), _) if !asked => Err(ThinkingError::DisplayWithDisabled { display }),
        (_, Some(behavior)) if !asked => Err(ThinkingError::BlockBindingWithDisabled { behavior }),
        _ => Ok(()),
    }
}

fn put_thinking(
    request: &mut ThinkingRequest,
    thinking: &Thinking,
    mut object: Value,
    params: &RequestParams,
) {
    let own = object.clone();
    let displays = object.get("display").is_some_and(|display| !display.is_null());
    if let Some(display) = params.display.filter(|_| !displays) {
        insert(&mut object, "display", display.as_str().into());
    }
    let binds = object.get("block_binding").is_some_and(|binding| !binding.is_null());
    if let Some(mismatch) = params.prefix_mismatch.filter(|_| !binds) {
        let binding = json!({ "prefix_mismatch_behavior": mismatch.as_str() });
        insert(&mut object, "block_binding", binding);
    }
    if object.get("display").and_then(Value::as_str) == Some(Display::Updates.as_str()) {
        request.betas.push(DISPLAY_UPDATES.into());
    }
    if object.get("block_binding").is_some_and(|binding| !binding.is_null()) {
        request.betas.push(BINDING_CONTROLS.into());
    }
    let json = match thinking {
        // As it was written.
        Thinking::Raw(raw) if own == object => raw.clone(),
        _ => ordered(&object),
    };
    request.fields.insert(0, ("thinking".into(), json));
}

fn insert(object: &mut Value, key: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(key.into(), value);
    }
}

/// The object with its `type` in front, where people look for it.
fn ordered(object: &Value) -> Json {
    let mut json = alloc::string::String::from("{");
    let members = object.as_object().into_iter().flatten();
    let (front, behind): (alloc::vec::Vec<_>, alloc::vec::Vec<_>) =
        members.partition(|(key, _)| *key == "type");
    for (at, (key, value)) in front.into_iter().chain(behind).enumerate() {
        if at > 0 {
            json.push(',');
        }
        crate::json::edit::quote(&mut json, key);
        json.push(':');
        json.push_str(&alloc::format!("{value}"));
    }
    json.push('}');
    Json::checked(json)
}
