//! The Messages API.

use serde_json::Value;
use thinkstream::history::{Finding, FindingKind, Target, validate};
use thinkstream::models::{Maker, Model};
use thinkstream::request::{ApiVersion, RequestParams, Thinking, ThinkingRequest};
use thinkstream::{Json, Provider};

use super::super::api::Refusal;
use super::super::signatures::{Forged, Known};
use super::{Request, SERVED_TWICE, dotted, id};

type Result<T> = core::result::Result<T, Refusal>;

pub(super) fn check(request: &Request, known: &Known, models: bool) -> Result<()> {
    check_members(request)?;
    // A name that no table has: what is then checked holds for all models. Relays have those of other APIs.
    let foreign =
        |model: &str| Model::find(model).is_some_and(|model| model.maker != Maker::Anthropic);
    let model = match request.model().filter(|_| models) {
        Some(model) if foreign(model) => "other",
        Some(model) => model,
        None => "claude",
    };
    let thinking = check_thinking(request, model)?;
    let target = Target::new(Provider::Anthropic, model).thinking(&thinking);
    let messages = request.messages.as_deref().unwrap_or_default();
    let found = validate(messages, &target);
    let values = request.values();
    let is_refused = |finding: &&Finding| match finding.kind {
        FindingKind::UnsignedThinking => {
            !block(&values, finding).is_some_and(|it| known.has_unsigned(it))
        }
        _ => is_refused(finding, messages),
    };
    if let Some(finding) = found.iter().find(is_refused) {
        let twice = finding.kind == FindingKind::DuplicateToolId
            && block(&values, finding).is_some_and(|block| known.has(block));
        let hint = if twice { SERVED_TWICE } else { "" };
        return Err(Refusal::invalid(words(finding) + hint));
    }
    check_signatures(request, known)
}

/// What every request needs.
fn check_members(request: &Request) -> Result<()> {
    if request.header("anthropic-version").is_none_or(str::is_empty) {
        return Err(Refusal::invalid("anthropic-version: header is required"));
    }
    let needed = |name: &str| {
        request.get(name).ok_or_else(|| Refusal::invalid(format!("{name}: Field required")))
    };
    if !needed("model")?.is_string() {
        return Err(Refusal::invalid("model: Input should be a valid string"));
    }
    if needed("max_tokens")?.as_u64().is_none_or(|tokens| tokens == 0) {
        let message = "max_tokens: Input should be an integer greater than or equal to 1";
        return Err(Refusal::invalid(message));
    }
    needed("messages")?;
    let Some(messages) = &request.messages else {
        return Err(Refusal::invalid("messages: Input should be a valid list"));
    };
    if messages.len() > MOST_MESSAGES {
        let message = format!("messages: List should have at most {MOST_MESSAGES} items");
        return Err(Refusal::invalid(message));
    }
    check_marks(request)
}

/// Marks for the cache are counted over all that can have them.
fn check_marks(request: &Request) -> Result<()> {
    let is_marked = |value: &Value| value.get("cache_control").is_some_and(|mark| !mark.is_null());
    let array =
        |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let messages = request.values();
    let blocks = messages.iter().flat_map(|message| array(message.get("content")));
    let blocks = blocks.flat_map(|block| {
        let inner = array(block.get("content"));
        [block].into_iter().chain(inner)
    });
    let outside = ["system", "tools"].into_iter().flat_map(|name| array(request.get(name)));
    let own = usize::from(request.get("cache_control").is_some());
    let found = own + blocks.chain(outside).filter(is_marked).count();
    if found > MOST_MARKS {
        let message = format!(
            "A maximum of {MOST_MARKS} blocks with cache_control may be provided. Found {found}."
        );
        return Err(Refusal::invalid(message));
    }
    Ok(())
}

fn check_thinking(request: &Request, model: &str) -> Result<ThinkingRequest> {
    let knob = match request.get("thinking") {
        None => Thinking::ModelDefault,
        Some(object @ Value::Object(_)) => {
            check_type(object)?;
            if model.contains("claude") {
                check_thinking_members(object)?;
            }
            check_budget(object)?;
            Thinking::Raw(Json::from(object.clone()))
        }
        Some(_) => return Err(Refusal::invalid("thinking: Input should be an object")),
    };
    check_effort(request)?;
    let params = params(request);
    let compiled =
        knob.resolve(model, &params).map_err(|error| Refusal::invalid(error.to_string()))?;
    // The library would have sent them; the request has not.
    if let Some(beta) = compiled.betas.first() {
        let kind = request.get("thinking").and_then(|it| it["type"].as_str()).unwrap_or_default();
        let member = if beta.contains("binding") { "block_binding" } else { "display" };
        return Err(Refusal::invalid(format!(
            "thinking.{kind}.{member}: Extra inputs are not permitted without the header `anthropic-beta: {beta}`"
        )));
    }
    Ok(compiled)
}

fn check_type(thinking: &Value) -> Result<()> {
    let kind = thinking.get("type").map(|kind| kind.as_str().unwrap_or_default());
    match kind {
        None => Err(Refusal::invalid("thinking.type: Field required")),
        Some(kind) if TYPES.contains(&kind) => Ok(()),
        Some(kind) => Err(Refusal::invalid(format!(
            "thinking: Input tag '{kind}' found using 'type' does not match any of the expected tags: {}",
            quoted(&TYPES)
        ))),
    }
}

/// What Anthropic's models know beside the type. Servers of others have more.
fn check_thinking_members(thinking: &Value) -> Result<()> {
    let kind = thinking["type"].as_str().unwrap_or_default();
    let known = |name: &str| match name {
        // Where they may not stand is told by what they are.
        "type" | "display" | "block_binding" => true,
        "budget_tokens" => kind == "enabled",
        _ => false,
    };
    let unknown = thinking.as_object().into_iter().flatten().find(|(name, _)| !known(name));
    unknown.map_or(Ok(()), |(name, _)| {
        let message = format!("thinking.{kind}.{name}: Extra inputs are not permitted");
        Err(Refusal::invalid(message))
    })
}

fn check_budget(thinking: &Value) -> Result<()> {
    let fault = match thinking.get("budget_tokens") {
        _ if thinking["type"] != "enabled" => return Ok(()),
        None => "Field required",
        Some(budget) if budget.is_i64() || budget.is_u64() => return Ok(()),
        Some(_) => "Input should be a valid integer",
    };
    Err(Refusal::invalid(format!("thinking.enabled.budget_tokens: {fault}")))
}

/// The library takes efforts that only other APIs have, and sends what this one has.
fn check_effort(request: &Request) -> Result<()> {
    let effort = request.get("output_config").and_then(|config| config.get("effort"));
    match effort.filter(|effort| !effort.is_null()) {
        Some(effort) if !effort.as_str().is_some_and(|name| EFFORTS.contains(&name)) => {
            let names = quoted(&EFFORTS);
            Err(Refusal::invalid(format!("output_config.effort: Input should be one of {names}")))
        }
        _ => Ok(()),
    }
}

fn params(request: &Request) -> RequestParams {
    let mut params = RequestParams::of(Provider::Anthropic, &request.fields);
    // The messages are looked at themselves.
    params.prefill = false;
    if request.header("anthropic-version") == Some("2026-10-21") {
        params.version = ApiVersion::V2026_10_21;
    }
    let betas = request.headers.get_all("anthropic-beta").iter();
    let betas = betas.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    params.betas = betas.map(|beta| beta.trim().into()).collect();
    params
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

/// Whether the API answers a finding with an error. It joins messages of one role, and where thinking is
/// off it passes over that of earlier replies.
fn is_refused(finding: &Finding, messages: &[Json]) -> bool {
    match finding.kind {
        FindingKind::ConsecutiveRoles => false,
        FindingKind::ThinkingWhileOff => finding.message + 1 == messages.len(),
        _ => true,
    }
}

/// The block that a finding is about.
fn block<'a>(messages: &'a [Value], finding: &Finding) -> Option<&'a Value> {
    messages.get(finding.message)?["content"].get(finding.block?)
}

fn last_reply(request: &Request) -> Option<usize> {
    request.values().iter().rposition(|message| message["role"] == "assistant")
}

fn check_signatures(request: &Request, known: &Known) -> Result<()> {
    let last = last_reply(request);
    for (at, message) in request.values().iter().enumerate() {
        let blocks = message["content"].as_array().filter(|_| message["role"] == "assistant");
        let Some(blocks) = blocks else { continue };
        let Err((block, forged)) = known.check(blocks, last == Some(at)) else { continue };
        let place = format!("messages.{at}.content.{block}");
        let redacted = blocks[block]["type"] == "redacted_thinking";
        return Err(Refusal::invalid(match forged {
            Forged::Invalid if redacted => {
                format!(
                    "{place}: Invalid `data` in `redacted_thinking` block: the signature in the thinking is not valid"
                )
            }
            Forged::Invalid => format!("{place}: Invalid `signature` in `thinking` block"),
            Forged::Moved => format!(
                "{place}: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot \
                 be modified. These blocks must remain as they were in the original response."
            ),
        }));
    }
    Ok(())
}

/// A finding as the API words it.
fn words(finding: &Finding) -> String {
    let (path, id) = (dotted(finding), id(finding));
    let message = format!("messages.{}", finding.message);
    match finding.kind {
        FindingKind::NoMessages => "messages: at least one message is required".to_owned(),
        FindingKind::InvalidRole => format!("{path}.role: Input should be 'user' or 'assistant'"),
        FindingKind::OrphanToolUse => format!(
            "{message}: `tool_use` ids were found without `tool_result` blocks immediately after: {id}. \
             Each `tool_use` block must have a corresponding `tool_result` block in the next message."
        ),
        FindingKind::OrphanToolResult => format!(
            "{path}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` \
             block must have a corresponding `tool_use` block in the previous message."
        ),
        FindingKind::DuplicateToolId => format!("{path}: `tool_use` ids must be unique"),
        FindingKind::InvalidToolId => {
            format!("{path}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
        }
        FindingKind::InvalidToolName => {
            format!("{path}.tool_use.name: String should have at most 200 characters")
        }
        FindingKind::InvalidToolInput => {
            format!("{path}.tool_use.input: Input should be a valid dictionary")
        }
        FindingKind::ThinkingLast => {
            format!("{message}: The final block in an assistant message cannot be `thinking`.")
        }
        FindingKind::LoopWithoutThinking => format!(
            "{path}.type: Expected `thinking` or `redacted_thinking`, but found another block. When \
             `thinking` is enabled, a final `assistant` message must start with a thinking block."
        ),
        FindingKind::UnsignedThinking => format!("{path}.thinking.signature: Field required"),
        FindingKind::ThinkingWithoutText => format!("{path}.thinking.thinking: Field required"),
        FindingKind::RedactedWithoutData => {
            format!("{path}.redacted_thinking.data: Field required")
        }
        FindingKind::ThinkingWhileOff => format!(
            "{path}: When `thinking` is disabled, an `assistant` message in the final position cannot \
             contain `thinking`."
        ),
        FindingKind::EmptyText => format!("{path}: text content blocks must be non-empty"),
        FindingKind::EmptyMessage => format!("{path}: all messages must have non-empty content"),
        FindingKind::CacheMarkForbidden => {
            format!("{path}.cache_control: Extra inputs are not permitted")
        }
        FindingKind::TooManyMarks => {
            format!("{path}: a maximum of 4 blocks with cache_control may be provided")
        }
        FindingKind::TtlOrder => format!(
            "{path}.cache_control.ttl: a block with ttl '1h' must not come after one with ttl '5m'"
        ),
        FindingKind::FirstNotUser => {
            "messages: first message must use the \"user\" role".to_owned()
        }
        FindingKind::Prefill => "This model does not support assistant message prefill. The \
            conversation must end with a user message."
            .to_owned(),
        FindingKind::TrailingSpace => {
            "messages: final assistant content cannot end with trailing whitespace".to_owned()
        }
        kind => format!("{path}: {kind}"),
    }
}

/// What the API takes at most.
const MOST_MESSAGES: usize = 100_000;
const MOST_MARKS: usize = 4;

const TYPES: [&str; 4] = ["adaptive", "between_tools", "disabled", "enabled"];

const EFFORTS: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];
