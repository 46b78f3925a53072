//! What `OpenAI`'s APIs, and those who speak them, would refuse.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::pairs::{Known, Pairs, Seen, answers};
use super::{Finding, FindingKind as Kind};
use crate::history::thinking::has_reasoning;
use crate::history::{Target, call_id, call_name, gemini, kind};
use crate::json::Json;
use crate::json::edit::{raw_member, string_member};
use crate::json::reader::{Items, Kind as JsonKind, Reader};
use crate::message::{Provider, param};

const ITEM_ROLES: [&str; 4] = ["system", "developer", "user", "assistant"];

const CHAT_ROLES: [&str; 6] = ["system", "developer", "user", "assistant", "tool", "function"];

/// What the Responses API would refuse in its `input`.
pub(super) fn find_items(items: &[Json], target: &Target) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut known = Known::default();
    let mut calls: BTreeSet<String> = BTreeSet::new();
    let pairs = Pairs::of_items(items);
    for (at, item) in items.iter().enumerate() {
        let mut add = |kind, id: Option<&str>| found.push(Finding::of_item(kind, at, id));
        let kind = kind(item);
        let id = string_member(item, "call_id");
        let next = items.get(at.saturating_add(1));
        if !item.starts_with('{') || kind.is_empty() && string_member(item, "role").is_none() {
            add(Kind::InvalidBlock, None);
            continue;
        }
        if matches!(kind.as_str(), "" | "message" | "function_call_output")
            && has_no_item_part(item)
        {
            add(Kind::InvalidBlock, id.as_deref());
            continue;
        }
        if let Some(lacking) = in_item(item, &kind, id.is_some()) {
            add(lacking, id.as_deref());
            continue;
        }
        match known.look(items, at) {
            Seen::No => {}
            Seen::Otherwise => add(Kind::InvalidItemId, None),
            Seen::Twice => {
                add(Kind::DuplicateItem, None);
                continue;
            }
        }
        // Others begin theirs as they like, and make them as long.
        if target.is_openais() && kind != "item_reference" && !param::takes_id(item) {
            add(Kind::InvalidItemId, None);
        }
        match (kind.as_str(), id) {
            ("reasoning", _) => {
                in_reasoning(item, next, target).for_each(|kind| add(kind, None));
            }
            _ if pairs.again.contains(&at) => {
                add(Kind::DuplicateToolResult, answers(item).as_deref());
            }
            _ if pairs.stray.contains(&at) => {
                add(Kind::OrphanToolResult, answers(item).as_deref());
            }
            // xAI runs these itself.
            (_, Some(id)) if id.starts_with("xs_call_") => {}
            (name, Some(id)) if is_call(name) => {
                if calls.contains(&id) {
                    add(Kind::DuplicateToolId, Some(&id));
                }
                in_call(item, Some(&id), target).for_each(|kind| add(kind, Some(&id)));
                if pairs.unanswered.contains(&at) {
                    add(Kind::OrphanToolUse, Some(&id));
                }
                calls.insert(id);
            }
            _ => {}
        }
    }
    found
}

/// What an item lacks that its type must have.
fn in_item(item: &str, kind: &str, called: bool) -> Option<Kind> {
    let says = |key: &str| raw_member(item, key).is_some_and(|it| it != "null");
    let role = string_member(item, "role").unwrap_or_default();
    match kind {
        "" | "message" if !ITEM_ROLES.contains(&role.as_str()) => Some(Kind::InvalidRole),
        "" | "message" if !says("content") => Some(Kind::EmptyMessage),
        "function_call" | "custom_tool_call" if !called => Some(Kind::InvalidBlock),
        "function_call_output" | "custom_tool_call_output" if !called || !says("output") => {
            Some(Kind::InvalidBlock)
        }
        _ => None,
    }
}

/// Whether something is said in it that the API does not have there.
fn has_no_item_part(item: &str) -> bool {
    let says = |key: &str| raw_member(item, key).unwrap_or_default();
    let mut said = Items::new(says("content")).chain(Items::new(says("output")));
    let role = string_member(item, "role").unwrap_or_default();
    said.any(|part| is_no_item_part(&kind(part), &role))
}

/// What would be refused in reasoning, and in what stands behind it.
fn in_reasoning(item: &str, next: Option<&Json>, target: &Target) -> impl Iterator<Item = Kind> {
    let sealed = raw_member(item, "encrypted_content").is_some_and(|it| it != "null");
    [
        (raw_member(item, "summary").is_none(), Kind::ThinkingWithoutText),
        (!target.store && !sealed, Kind::UnsignedThinking),
        (!target.reasons(), Kind::ThinkingWhileOff),
        (!next.is_some_and(|next| is_output(next)), Kind::ThinkingLast),
    ]
    .into_iter()
    .filter_map(|(wrong, kind)| wrong.then_some(kind))
}

/// What a chat would refuse in its `messages`.
pub(super) fn find_chat(messages: &[Json], target: &Target) -> Vec<Finding> {
    let users = |message: &Json| string_member(message, "role").is_some_and(|role| role == "user");
    let turn = messages.iter().rposition(users);
    // Outside the tool loop in progress, and in it.
    let [outside, inside] = [false, true].map(|loops| target.demands(loops));
    let mut found = Vec::new();
    let mut open: BTreeMap<String, usize> = BTreeMap::new();
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut before = String::new();
    for (at, message) in messages.iter().enumerate() {
        let role = string_member(message, "role").unwrap_or_default();
        let mut add = |kind, id: Option<&str>| {
            let mut finding = Finding::of_message(kind, at);
            finding.id = id.map(Into::into);
            found.push(finding);
        };
        let nothing = if turn.is_none_or(|turn| at > turn) { inside } else { outside };
        in_message(message, &role, nothing).for_each(|kind| add(kind, None));
        if role == "user" && before == "tool" && target.is_mistral() {
            add(Kind::MissingReply, None);
        }
        before.clone_from(&role);
        if role == "tool" {
            let id = string_member(message, "tool_call_id").unwrap_or_default();
            match open.get_mut(&id).filter(|calls| **calls > 0) {
                Some(calls) => *calls = calls.saturating_sub(1),
                None => add(Kind::OrphanToolResult, Some(&id)),
            }
            continue;
        }
        let ids = call_ids(message);
        if turn.is_some_and(|turn| at > turn)
            && target.wants_signed_calls()
            && let Some(id) = gemini::unsigned_call(message)
        {
            add(Kind::UnsignedToolCall, Some(&id));
        }
        // Servers count their calls anew in each reply; an answer is to the message before it.
        known.clear();
        for call in Items::new(raw_member(message, "tool_calls").unwrap_or("[]")) {
            let id = string_member(call, "id");
            in_call(call, id.as_deref(), target).for_each(|kind| add(kind, id.as_deref()));
        }
        for id in &ids {
            if known.contains(id) {
                add(Kind::DuplicateToolId, Some(id));
            }
            known.insert(id.clone());
        }
        open.clear();
        if ids.is_empty() {
            continue;
        }
        // The answers come before anything else is said.
        let behind = messages.get(at.saturating_add(1)..).unwrap_or_default();
        let answers = behind.iter().take_while(|next| call_ids(next).is_empty());
        let answers = answers.map_while(|next| string_member(next, "tool_call_id"));
        let answers: BTreeSet<String> = answers.collect();
        for id in ids {
            if !answers.contains(&id) {
                add(Kind::OrphanToolUse, Some(&id));
            }
            let calls = open.entry(id).or_default();
            *calls = calls.saturating_add(1);
        }
    }
    found
}

/// What would be refused in a message of a chat. Replies with calls have their reasoning, or `nothing`, if that is
/// demanded.
fn in_message(message: &str, role: &str, nothing: Option<&str>) -> impl Iterator<Item = Kind> {
    let none = |key: &str| raw_member(message, key).is_some_and(is_empty_array);
    let said = |key: &str| raw_member(message, key).is_some_and(|it| it != "null") && !none(key);
    let mut parts = Items::new(raw_member(message, "content").unwrap_or_default());
    let reply = role == "assistant";
    let calls = !call_ids(message).is_empty();
    let spoken = calls || said("content") || said("refusal");
    let speaks = matches!(role, "system" | "developer" | "user");
    let thoughtless = nothing.is_some_and(|nothing| !has_reasoning(message, nothing));
    [
        (!CHAT_ROLES.contains(&role), Kind::InvalidRole),
        (parts.any(|part| is_no_chat_part(&kind(part), role)), Kind::InvalidBlock),
        (reply && !spoken || speaks && !said("content"), Kind::EmptyMessage),
        (reply && calls && thoughtless, Kind::ThinkingMissing),
        (none("tool_calls"), Kind::EmptyToolCalls),
    ]
    .into_iter()
    .filter_map(|(wrong, kind)| wrong.then_some(kind))
}

fn is_empty_array(json: &str) -> bool {
    json.starts_with('[') && Items::new(json).next().is_none()
}

/// Whether a part of a content is one that the Responses API does not have, or not for this role: what the model says
/// is output, and all else input.
pub(super) fn is_no_item_part(kind: &str, role: &str) -> bool {
    is_anthropics(kind)
        || matches!(kind, "text" | "image_url" | "file" | "thinking")
        || match role {
            "assistant" => matches!(kind, "input_text" | "input_image" | "input_file"),
            _ => matches!(kind, "output_text" | "refusal"),
        }
}

/// Whether a part of a content is one that a message of a chat cannot have. Those of tools have texts alone.
pub(super) fn is_no_chat_part(kind: &str, role: &str) -> bool {
    is_anthropics(kind)
        || matches!(kind, "input_text" | "input_image" | "input_file" | "output_text")
        || role == "tool" && matches!(kind, "image_url" | "input_audio" | "file")
}

/// Whether it is one that only the Messages API has. Mistral's chats have thinking too.
fn is_anthropics(kind: &str) -> bool {
    matches!(
        kind,
        "image" | "document" | "tool_use" | "tool_result" | "redacted_thinking" | "search_result"
    )
}

/// Whether arguments are not there, or no text: both APIs take JSON in a string alone.
fn no_text(json: &str, key: &str) -> bool {
    !raw_member(json, key).is_some_and(|it| it.starts_with('"'))
}

/// Whether arguments are no text, or none that this server takes for arguments.
pub(super) fn wrong_arguments(function: &str, target: &Target) -> bool {
    let is_object = |text: String| Reader::new(&text).whole() == Ok(JsonKind::Object);
    no_text(function, "arguments")
        || target.reads_arguments() && !string_member(function, "arguments").is_some_and(is_object)
}

/// What would be refused in a call, of a chat or an item.
fn in_call(call: &str, id: Option<&str>, target: &Target) -> impl Iterator<Item = Kind> {
    let function = match target.provider {
        Provider::OpenAiChat => raw_member(call, "function"),
        _ => Some(call).filter(|call| kind(call) == "function_call"),
    };
    [
        (function.is_some_and(|it| wrong_arguments(it, target)), Kind::InvalidToolInput),
        (call_name::renamed(call, target).is_some(), Kind::InvalidToolName),
        (id.is_some_and(|id| call_id::fitted(target, id).is_some()), Kind::InvalidToolId),
    ]
    .into_iter()
    .filter_map(|(wrong, kind)| wrong.then_some(kind))
}

pub(super) fn call_ids(message: &str) -> Vec<String> {
    let calls = raw_member(message, "tool_calls").unwrap_or("[]");
    Items::new(calls).filter_map(|call| string_member(call, "id")).collect()
}

/// Whether an item is a call that the client has to answer.
pub(super) fn is_call(kind: &str) -> bool {
    kind.ends_with("_call")
}

pub(super) fn is_answer(kind: &str) -> bool {
    kind.ends_with("_call_output") || kind == "tool_search_output"
}

/// Whether an item is the model's, and not reasoning: what reasoning may lead to. A message needs no type.
fn is_output(item: &str) -> bool {
    let kind = kind(item);
    let role = string_member(item, "role");
    match kind.as_str() {
        "" | "message" => role.is_some_and(|role| role == "assistant"),
        kind => !is_answer(kind),
    }
}
