//! The Responses API and Chat Completions.

use hyper::StatusCode;
use serde_json::Value;
use thinkstream::history::{Finding, FindingKind, Target, validate};
use thinkstream::models::Model;
use thinkstream::request::{RequestParams, Thinking, ThinkingError};
use thinkstream::{Json, Provider};

use super::super::api::Refusal;
use super::super::signatures::{Forged, Known};
use super::{Request, id};

type Result<T> = core::result::Result<T, Refusal>;

pub(super) fn check_response(request: &Request, known: &Known, models: bool) -> Result<()> {
    needed(request, "model")?;
    let input = needed(request, "input")?;
    if request.messages.is_none() && !input.is_string() {
        let message = "Invalid type for 'input': expected a string or an array of items.";
        return Err(Refusal::invalid(message).param("input").code("invalid_type"));
    }
    check_reasoning(request)?;
    if models {
        let knob = match request.get("reasoning") {
            Some(object) => Thinking::Raw(Json::from(object.clone())),
            None => Thinking::ModelDefault,
        };
        check_model(request, Provider::OpenAiResponses, &knob)?;
    }
    let Some(items) = request.messages.as_deref() else { return Ok(()) };
    let store = request.get("store") != Some(&Value::Bool(false));
    let model = request.model().unwrap_or_default();
    let target = Target::new(Provider::OpenAiResponses, model).store(store);
    // What is stored there may have the calls that are answered here.
    let stored = request.get("previous_response_id").or_else(|| request.get("conversation"));
    let found = validate(items, &target);
    let refused = found
        .iter()
        .find(|finding| stored.is_none() || finding.kind != FindingKind::OrphanToolResult);
    if let Some(finding) = refused {
        return Err(words_of_item(finding, &request.values()));
    }
    check_encrypted(request, known)
}

pub(super) fn check_chat(request: &Request, models: bool) -> Result<()> {
    needed(request, "model")?;
    needed(request, "messages")?;
    let Some(messages) = request.messages.as_deref() else {
        let message = "Invalid type for 'messages': expected an array of objects.";
        return Err(Refusal::invalid(message).param("messages").code("invalid_type"));
    };
    let effort = request.get("reasoning_effort");
    check_effort(effort, "reasoning_effort")?;
    if models {
        let effort = effort.and_then(Value::as_str).map(str::parse);
        let knob = effort.and_then(core::result::Result::ok).unwrap_or_default();
        check_model(request, Provider::OpenAiChat, &knob)?;
    }
    let target = Target::new(Provider::OpenAiChat, request.model().unwrap_or_default());
    match validate(messages, &target).first() {
        Some(finding) => Err(words_of_message(finding)),
        None => Ok(()),
    }
}

fn needed<'a>(request: &'a Request, name: &str) -> Result<&'a Value> {
    let missing = || {
        Refusal::invalid(format!("Missing required parameter: '{name}'."))
            .param(name)
            .code("missing_required_parameter")
    };
    let value = request.get(name).ok_or_else(missing)?;
    if name == "model" && !value.is_string() {
        let message = "Invalid type for 'model': expected a string.";
        return Err(Refusal::invalid(message).param(name).code("invalid_type"));
    }
    Ok(value)
}

/// Members that the library would not have sent are not known to the API either.
fn check_reasoning(request: &Request) -> Result<()> {
    let Some(reasoning) = request.get("reasoning") else { return Ok(()) };
    let Value::Object(members) = reasoning else {
        let message = "Invalid type for 'reasoning': expected an object.";
        return Err(Refusal::invalid(message).param("reasoning").code("invalid_type"));
    };
    if let Some(name) = members.keys().find(|name| !REASONING.contains(&name.as_str())) {
        let message = format!("Unknown parameter: 'reasoning.{name}'.");
        return Err(Refusal::invalid(message)
            .param(format!("reasoning.{name}"))
            .code("unknown_parameter"));
    }
    check_effort(members.get("effort").filter(|effort| !effort.is_null()), "reasoning.effort")
}

fn check_effort(effort: Option<&Value>, param: &str) -> Result<()> {
    match effort {
        Some(effort) if !effort.as_str().is_some_and(|name| EFFORTS.contains(&name)) => {
            let names = EFFORTS.map(|name| format!("'{name}'")).join(", ");
            let message = format!("Invalid value for '{param}'. Supported values are: {names}.");
            Err(Refusal::invalid(message).param(param).code("invalid_value"))
        }
        _ => Ok(()),
    }
}

/// What the model, if it is known, takes.
fn check_model(request: &Request, api: Provider, knob: &Thinking) -> Result<()> {
    let model = request.model().unwrap_or_default();
    if Model::find(model).is_none() {
        return Ok(());
    }
    let params = RequestParams::of(api, &request.fields);
    match knob.resolve(model, &params) {
        Ok(_) => Ok(()),
        Err(ThinkingError::OtherApi { model }) => {
            let message =
                format!("The model `{model}` does not exist or you do not have access to it.");
            let refusal = Refusal::new(StatusCode::NOT_FOUND, message);
            Err(refusal.param("model").code("model_not_found"))
        }
        Err(error) => {
            let unsupported = matches!(error, ThinkingError::ParamRefused { .. });
            let code = if unsupported { "unsupported_parameter" } else { "unsupported_value" };
            Err(Refusal::invalid(error.to_string()).param(error.param()).code(code))
        }
    }
}

fn check_encrypted(request: &Request, known: &Known) -> Result<()> {
    let items = request.values();
    let Err((at, forged)) = known.check(&items, false) else { return Ok(()) };
    let id = items[at]["id"].as_str().unwrap_or_default();
    let param = format!("input[{at}].encrypted_content");
    Err(match forged {
        Forged::Invalid => Refusal::invalid(format!(
            "The encrypted content for item {id} could not be verified. Reason: Encrypted content could \
             not be decrypted or parsed."
        ))
        .code("invalid_encrypted_content"),
        Forged::Moved => Refusal::invalid(format!(
            "Item '{id}' of type 'reasoning' was provided without its required following item."
        )),
    }
    .param(param))
}

fn words_of_item(finding: &Finding, items: &[Value]) -> Refusal {
    let param = format!("input[{}]", finding.message);
    let own = items.get(finding.message).and_then(|item| item["id"].as_str()).unwrap_or_default();
    let call = id(finding);
    let message = match finding.kind {
        FindingKind::OrphanToolUse => format!("No tool output found for function call {call}."),
        FindingKind::OrphanToolResult => {
            format!("No tool call found for function call output with call_id {call}.")
        }
        FindingKind::UnsignedThinking => {
            let message = format!(
                "Item with id '{own}' not found. Items are not persisted when `store` is set to false."
            );
            return Refusal::new(StatusCode::NOT_FOUND, message).param(param);
        }
        FindingKind::ThinkingLast => {
            format!(
                "Item '{own}' of type 'reasoning' was provided without its required following item."
            )
        }
        FindingKind::DuplicateItem => format!(
            "Duplicate item found with id {own}. Remove duplicate items from your input and try again."
        ),
        kind => format!("Invalid '{param}': {kind}."),
    };
    Refusal::invalid(message).param(param)
}

fn words_of_message(finding: &Finding) -> Refusal {
    let param = format!("messages.[{}]", finding.message);
    let call = id(finding);
    Refusal::invalid(match finding.kind {
        FindingKind::NoMessages => "Invalid 'messages': empty array.".to_owned(),
        FindingKind::OrphanToolUse => format!(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
             'tool_call_id'. The following tool_call_ids did not have response messages: {call}"
        ),
        FindingKind::OrphanToolResult => "Invalid parameter: messages with role 'tool' must be a \
            response to a preceding message with 'tool_calls'."
            .to_owned(),
        kind => format!("Invalid '{param}': {kind}."),
    })
    .param(param)
}

const REASONING: [&str; 5] = ["effort", "summary", "generate_summary", "context", "mode"];

const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
