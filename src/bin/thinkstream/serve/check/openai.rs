//! The Responses API and Chat Completions.

use hyper::StatusCode;
use serde_json::{Map, Value};
use thinkstream::history::{Finding, FindingKind, Target, validate};
use thinkstream::models::{Maker, Model};
use thinkstream::request::{RequestParams, Thinking, ThinkingError};
use thinkstream::{Json, Provider};

use super::super::api::Refusal;
use super::super::signatures::{Forged, Known};
use super::{Request, SERVED_TWICE, id};

type Result<T> = core::result::Result<T, Refusal>;

pub(super) fn check_response(request: &Request, known: &Known, models: bool) -> Result<()> {
    needed(request, "model")?;
    let known_there = ["previous_response_id", "prompt"].iter().any(|it| request.get(it).is_some());
    if !known_there {
        needed(request, "input")?;
    }
    let is_text = request.get("input").is_none_or(Value::is_string);
    if request.messages.is_none() && !is_text {
        let message = "Invalid type for 'input': expected a string or an array of items.";
        return Err(Refusal::invalid(message).param("input").code("invalid_type"));
    }
    check_reasoning(request, models)?;
    let Some(items) = request.messages.as_deref() else { return Ok(()) };
    let store = request.get("store") != Some(&Value::Bool(false));
    let model = request.model().unwrap_or_default();
    let target = Target::new(Provider::OpenAiResponses, model).store(store);
    let stored = is_stored(request);
    let found = validate(items, &target);
    let refused = found.iter().find(|finding| match finding.kind {
        FindingKind::OrphanToolResult => !stored,
        // With others it may stand behind what it led to.
        FindingKind::ThinkingLast => !models || is_own(model),
        _ => true,
    });
    if let Some(finding) = refused {
        let items = request.values();
        let mut refusal = words_of_item(finding, &items);
        let again = [FindingKind::DuplicateItem, FindingKind::DuplicateToolId];
        if again.contains(&finding.kind) && known.has(&items[finding.message]) {
            refusal.message.push_str(SERVED_TWICE);
        }
        return Err(refusal);
    }
    check_encrypted(request, known)
}

/// Whether what is stored there may have the calls that are answered here.
fn is_stored(request: &Request) -> bool {
    let named = ["previous_response_id", "conversation"];
    named.iter().any(|name| request.get(name).is_some())
        || request.values().iter().any(|item| item["type"] == "item_reference")
}

/// Whether the table knows a model as one of `OpenAI`'s. Relays have those of others on the same paths, and
/// members of their own for them.
fn is_own(model: &str) -> bool {
    Model::find(model).is_some_and(|model| model.maker == Maker::OpenAi)
}

pub(super) fn check_chat(request: &Request, models: bool) -> Result<()> {
    needed(request, "model")?;
    needed(request, "messages")?;
    let Some(messages) = request.messages.as_deref() else {
        let message = "Invalid type for 'messages': expected an array of objects.";
        return Err(Refusal::invalid(message).param("messages").code("invalid_type"));
    };
    let effort = request.get("reasoning_effort");
    if effort.is_some_and(|effort| !effort.is_string()) {
        let message = "Invalid type for 'reasoning_effort': expected a string.";
        return Err(Refusal::invalid(message).param("reasoning_effort").code("invalid_type"));
    }
    if models && is_own(request.model().unwrap_or_default()) {
        check_effort(effort, "reasoning_effort")?;
        let effort = effort.and_then(Value::as_str).map(str::parse);
        let knob = effort.and_then(core::result::Result::ok).unwrap_or_default();
        check_model(request, Provider::OpenAiChat, &knob)?;
    }
    let target = Target::new(Provider::OpenAiChat, request.model().unwrap_or_default());
    let values = request.values();
    let found = validate(messages, &target);
    let refused = found.iter().find(|finding| match (finding.kind, values.get(finding.message)) {
        (FindingKind::DuplicateToolId, Some(message)) => has_twice(message, id(finding)),
        (FindingKind::EmptyMessage, Some(message)) => message["function_call"].is_null(),
        _ => true,
    });
    refused.map_or(Ok(()), |finding| Err(words_of_message(finding)))
}

/// Whether two calls of one message have the same id. Those of another turn may have it too.
fn has_twice(message: &Value, id: &str) -> bool {
    let calls = message["tool_calls"].as_array().into_iter().flatten();
    calls.filter(|call| call["id"] == id).count() > 1
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

fn check_reasoning(request: &Request, models: bool) -> Result<()> {
    let reasoning = request.get("reasoning");
    if reasoning.is_some_and(|reasoning| !reasoning.is_object()) {
        let message = "Invalid type for 'reasoning': expected an object.";
        return Err(Refusal::invalid(message).param("reasoning").code("invalid_type"));
    }
    if !models || !is_own(request.model().unwrap_or_default()) {
        return Ok(());
    }
    let knob = match reasoning {
        Some(object) => Thinking::Raw(Json::from(object.clone())),
        None => Thinking::ModelDefault,
    };
    if let Some(Value::Object(members)) = reasoning {
        check_members(members)?;
    }
    check_model(request, Provider::OpenAiResponses, &knob)
}

/// Members that the library would not have sent are not known to the API either.
fn check_members(members: &Map<String, Value>) -> Result<()> {
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

/// What the model takes.
fn check_model(request: &Request, api: Provider, knob: &Thinking) -> Result<()> {
    let model = request.model().unwrap_or_default();
    let params = RequestParams::of(api, &request.fields);
    knob.resolve(model, &params).map(|_| ()).map_err(|error| {
        let unsupported = matches!(error, ThinkingError::ParamRefused { .. });
        let code = if unsupported { "unsupported_parameter" } else { "unsupported_value" };
        Refusal::invalid(error.to_string()).param(error.param()).code(code)
    })
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
