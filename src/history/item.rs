//! The items that answer calls of the Responses API: those of its own tools have forms of their own.
//!
//! Sources: `OpenAI`'s pages on function calling, computer use, shell, apply patch and MCP.

use alloc::format;
use alloc::string::String;

use super::kind;
use crate::json::Json;
use crate::json::edit::{quoted, raw_member, string_member, with_member};
use crate::json::reader::Items;

/// The item that answers a call of this type (`function_call`, `shell_call`, …). `said` is what the tool gave, as JSON,
/// and `output` the same as a string or an array of parts.
pub(super) fn answer(call: &str, id: &str, said: &Json, output: &str, is_error: bool) -> Json {
    let key = if call == APPROVAL { "approval_request_id" } else { "call_id" };
    if is_item(said) {
        return with_member(said, key, &quoted(id)).map_or_else(|_| said.clone(), Json::checked);
    }
    let id = quoted(id);
    let item = match call {
        APPROVAL => {
            let own = raw_member(said, "approve").filter(|_| said.starts_with('{'));
            // What is no clear yes is none.
            let approve = !is_error && matches!(own.unwrap_or(said), "true" | r#""true""#);
            let reason = match own {
                Some(_) => raw_member(said, "reason").filter(|it| it.starts_with('"')),
                None => Some(output).filter(|it| !matches!(*it, r#""true""# | r#""false""#)),
            };
            let reason = reason.filter(|it| !approve && it.starts_with('"'));
            let reason = reason.map(|it| format!(r#","reason":{it}"#)).unwrap_or_default();
            format!(
                r#"{{"type":"mcp_approval_response","{key}":{id},"approve":{approve}{reason}}}"#
            )
        }
        "tool_search_call" => {
            let tools = if said.starts_with('[') { said.as_str() } else { "[]" };
            format!(r#"{{"type":"tool_search_output","{key}":{id},"tools":{tools}}}"#)
        }
        _ => {
            let kind = quoted(&format!("{call}_output"));
            let status = match (call, is_error) {
                ("apply_patch_call", true) => r#","status":"failed""#,
                ("apply_patch_call", false) => r#","status":"completed""#,
                _ => "",
            };
            let own = match call {
                "computer_call" => screenshot(said, output),
                "shell_call" => outcome(said, output, is_error),
                _ => None,
            };
            let output = own.as_deref().unwrap_or(output);
            format!(r#"{{"type":{kind},"{key}":{id}{status},"output":{output}}}"#)
        }
    };
    Json::checked(item)
}

/// Whether the answer to such a call has a place for a failure.
pub(super) fn tells_failure(call: &str) -> bool {
    matches!(call, "apply_patch_call" | "shell_call" | APPROVAL)
}

/// Whether what was said is a whole item that answers.
pub(super) fn is_item(said: &str) -> bool {
    let kind = kind(said);
    let answers = kind.ends_with("_call_output")
        || matches!(kind.as_str(), "tool_search_output" | "mcp_approval_response");
    said.starts_with('{') && answers
}

/// What a computer shows: an object, or an image in one.
fn screenshot(said: &str, output: &str) -> Option<String> {
    if kind(said) == "computer_screenshot" {
        return Some(said.into());
    }
    let image = Items::new(output).find(|part| kind(part) == "input_image")?;
    let place = ["image_url", "file_id"]
        .into_iter()
        .find_map(|key| Some((key, raw_member(image, key).filter(|it| *it != "null")?)));
    place.map(|(key, place)| format!(r#"{{"type":"computer_screenshot","{key}":{place}}}"#))
}

/// How the commands of a shell ended. Of a text alone it is taken to be what one has printed.
fn outcome(said: &str, output: &str, is_error: bool) -> Option<String> {
    if said.starts_with('[') && Items::new(said).all(|it| raw_member(it, "outcome").is_some()) {
        return Some(said.into());
    }
    let text = output.starts_with('"').then_some(output)?;
    let (stdout, stderr, code) = if is_error { (r#""""#, text, 1) } else { (text, r#""""#, 0) };
    Some(format!(
        r#"[{{"stdout":{stdout},"stderr":{stderr},"outcome":{{"type":"exit","exit_code":{code}}}}}]"#
    ))
}

/// Whom an answer in the form of a message or an item is to, and what it says, if it is one.
pub(super) fn read(content: &str) -> Option<(String, Json)> {
    if !content.starts_with('{') {
        return None;
    }
    let says = |key: &str| Json::checked(raw_member(content, key).unwrap_or(r#""""#));
    if string_member(content, "role").is_some_and(|role| role == "tool") {
        return Some((string_member(content, "tool_call_id")?, says("content")));
    }
    let key =
        if kind(content) == "mcp_approval_response" { "approval_request_id" } else { "call_id" };
    let id = string_member(content, key).filter(|_| is_item(content))?;
    Some(match kind(content).as_str() {
        "function_call_output" | "custom_tool_call_output" => (id, says("output")),
        _ => (id, Json::checked(content)),
    })
}

/// Whether an item of this type is known by more than its own id, so that it can go without.
pub(super) fn is_known_without_id(kind: &str) -> bool {
    matches!(kind, "message" | "function_call" | "custom_tool_call" | "reasoning")
}

/// What asks whether the server of a tool may be called.
pub(super) const APPROVAL: &str = "mcp_approval_request";
