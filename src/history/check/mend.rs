//! How the messages of a chat, and the items of a response, are mended.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::openai::{call_ids, is_no_chat_part, is_no_item_part, no_text};
use super::{Finding, FindingKind as Kind};
use crate::history::draft::BETWEEN;
use crate::history::{Target, call_id, gemini, kind};
use crate::json::Json;
use crate::json::edit::{quote, quoted, raw_member, string_member, with_member, without_member};
use crate::json::reader::Items;
use crate::message::Provider;
use crate::models::Replay;

/// What goes out of an array of messages, and what is put into it: all at once, for each move of one would be a
/// move of all behind it.
#[derive(Default)]
pub(super) struct Moves {
    gone: BTreeSet<usize>,
    behind: BTreeMap<usize, Vec<Json>>,
}

impl Moves {
    pub(super) fn leave_out(&mut self, at: usize) {
        self.gone.insert(at);
    }

    /// Puts a message behind the one at `at`, and behind what was put there before.
    pub(super) fn put(&mut self, at: usize, message: Json) {
        self.behind.entry(at).or_default().push(message);
    }

    /// Says whether there was anything to do.
    pub(super) fn carry_out(mut self, messages: &mut Vec<Json>) -> bool {
        if self.gone.is_empty() && self.behind.is_empty() {
            return false;
        }
        let mut moved = Vec::with_capacity(messages.len());
        for (at, message) in messages.drain(..).enumerate() {
            if !self.gone.contains(&at) {
                moved.push(message);
            }
            moved.extend(self.behind.remove(&at).into_iter().flatten());
        }
        *messages = moved;
        true
    }
}

pub(super) fn mend_openai(
    messages: &mut [Json],
    moves: &mut Moves,
    finding: &Finding,
    target: &Target,
) -> &'static str {
    let chat = target.provider == Provider::OpenAiChat;
    let at = finding.message;
    let id = finding.id.as_deref().unwrap_or_default();
    match finding.kind {
        Kind::OrphanToolUse => {
            // A message of a chat may have many calls, and is not read for each.
            let item = messages.get(at).filter(|_| !chat).map(|item| kind(item));
            if item.as_deref() == Some("tool_search_call") {
                moves.leave_out(at);
                return "left out";
            }
            moves.put(at, not_run(item.as_deref().unwrap_or_default(), id, chat));
            "an answer was put in: the tool was not run"
        }
        Kind::DuplicateToolId if chat => {
            // One id twice, and one answer each: the ids are the caller's to choose.
            without_call(messages, at, id);
            "the second call was left out"
        }
        // These are mended all at once.
        Kind::InvalidToolId => "renamed, and its answer",
        Kind::UnsignedToolCall
        | Kind::InvalidItemId
        | Kind::ThinkingWithoutText
        | Kind::ThinkingMissing
        | Kind::InvalidToolInput => match messages.get_mut(at) {
            Some(message) => mend_message(message, finding.kind, target),
            None => "nothing",
        },
        Kind::MissingReply => {
            let reply = format!(r#"{{"role":"assistant","content":{}}}"#, quoted(BETWEEN));
            moves.put(at.saturating_sub(1), Json::checked(reply));
            "a reply was put before it"
        }
        Kind::InvalidBlock if mend_parts(messages, at, chat) => {
            "what only another API has was left out, and a text says so"
        }
        Kind::UnsignedThinking | Kind::ThinkingWhileOff => {
            moves.leave_out(at);
            // What it led to is refused by its id now.
            for item in messages.iter_mut().skip(at.saturating_add(1)) {
                if !matches!(kind(item).as_str(), "message" | "function_call" | "custom_tool_call")
                {
                    break;
                }
                if let Ok(bare) = without_member(item, "id") {
                    *item = Json::checked(bare);
                }
            }
            "left out, and the ids of what it led to"
        }
        _ => {
            moves.leave_out(at);
            "left out"
        }
    }
}

/// Gives calls and their answers ids that the API takes: the same for the same.
pub(super) fn fit_ids(messages: &mut [Json], target: &Target) {
    let renamed = |json: &str, key: &str| {
        let new = call_id::fitted(target, &string_member(json, key)?)?;
        with_member(json, key, &quoted(&new)).ok()
    };
    for message in messages {
        let misfits = |calls: &&str| Items::new(calls).any(|call| renamed(call, "id").is_some());
        let called = raw_member(message, "tool_calls").filter(misfits).map(|calls| {
            let calls = Items::new(calls).map(|it| renamed(it, "id").unwrap_or_else(|| it.into()));
            format!("[{}]", calls.collect::<Vec<_>>().join(","))
        });
        let changed = match called {
            Some(calls) => with_member(message, "tool_calls", &calls).ok(),
            None => renamed(message, "tool_call_id").or_else(|| renamed(message, "call_id")),
        };
        if let Some(json) = changed {
            *message = Json::checked(json);
        }
    }
}

/// Mends what is wrong with one message, or one item.
fn mend_message(message: &mut Json, kind: Kind, target: &Target) -> &'static str {
    let (mended, done) = match kind {
        Kind::UnsignedToolCall => {
            (gemini::say_unsigned(message), "it says now that nobody signed it")
        }
        Kind::InvalidItemId => {
            (without_member(message, "id").ok().map(Json::checked), "the id was left out")
        }
        Kind::ThinkingWithoutText => {
            (put_in(message, "summary", "[]"), "an empty summary was put in")
        }
        Kind::ThinkingMissing => {
            let nothing = Replay::nothing(&target.model);
            (put_in(message, "reasoning_content", nothing), "an empty text was put in")
        }
        _ => (written_inputs(message), "the arguments were written as text"),
    };
    if let Some(mended) = mended {
        *message = mended;
    }
    done
}

fn put_in(message: &str, key: &str, value: &str) -> Option<Json> {
    with_member(message, key, value).ok().map(Json::checked)
}

/// What came as JSON written in a string: the arguments of an item, or of all calls of a message.
fn written_inputs(message: &str) -> Option<Json> {
    let text = |json: &str| {
        let said = raw_member(json, "arguments").filter(|it| *it != "null");
        with_member(json, "arguments", &quoted(said.unwrap_or("{}"))).ok()
    };
    let Some(calls) = raw_member(message, "tool_calls") else {
        return text(message).map(Json::checked);
    };
    let written = Items::new(calls).map(|call| {
        let function = raw_member(call, "function").filter(|it| no_text(it, "arguments"));
        let other = function.and_then(text);
        other
            .and_then(|other| with_member(call, "function", &other).ok())
            .unwrap_or_else(|| call.into())
    });
    put_in(message, "tool_calls", &format!("[{}]", written.collect::<Vec<_>>().join(",")))
}

/// Puts texts in place of the parts that the API does not have; says whether there were any.
fn mend_parts(messages: &mut [Json], at: usize, chat: bool) -> bool {
    let Some(message) = messages.get_mut(at) else { return false };
    let role = string_member(message, "role").unwrap_or_default();
    let text = match (chat, role.as_str()) {
        (true, _) => "text",
        (false, "assistant") => "output_text",
        (false, _) => "input_text",
    };
    let foreign = |kind: &str| {
        if chat { is_no_chat_part(kind, &role) } else { is_no_item_part(kind, &role) }
    };
    let mut mended = false;
    for key in ["content", "output"] {
        let Some(parts) = raw_member(message, key).filter(|parts| parts.starts_with('[')) else {
            continue;
        };
        let parts = replaced(parts, |kind| foreign(kind).then(|| left_out(kind, text)));
        if let Ok(json) = with_member(message, key, &parts) {
            mended |= json != message.as_str();
            *message = Json::checked(json);
        }
    }
    mended
}

/// An array with other parts in place of some, by their type. What is text stays text.
pub(super) fn replaced(array: &str, other: impl Fn(&str) -> Option<Json>) -> String {
    let mut written = String::from("[");
    for part in Items::new(array) {
        written.push_str(if written.len() > 1 { "," } else { "" });
        let kind = kind(part);
        match (other(&kind), raw_member(part, "text")) {
            (None, _) => written.push_str(part),
            (Some(other), Some(text)) if kind.ends_with("text") => {
                let same = with_member(&other, "text", text);
                written.push_str(&same.unwrap_or_else(|_| String::from(other.as_str())));
            }
            (Some(other), _) => written.push_str(&other),
        }
    }
    written.push(']');
    written
}

/// The text that stands for a part which was left out.
pub(super) fn left_out(kind: &str, text: &str) -> Json {
    let mut said = String::new();
    quote(&mut said, &format!("[{kind}: left out, for this API does not take it]"));
    Json::checked(format!(r#"{{"type":"{text}","text":{said}}}"#))
}

/// An answer to a call that nobody answered.
fn not_run(item: &str, id: &str, chat: bool) -> Json {
    let id = quoted(id);
    let text = r#""The tool was not run.""#;
    if chat {
        return Json::checked(format!(r#"{{"role":"tool","tool_call_id":{id},"content":{text}}}"#));
    }
    let mut kind = String::new();
    quote(&mut kind, &format!("{item}_output"));
    Json::checked(format!(r#"{{"type":{kind},"call_id":{id},"output":{text}}}"#))
}

/// Leaves the calls of a message out that have an id which is taken.
fn without_call(messages: &mut [Json], at: usize, id: &str) {
    let Some(message) = messages.get_mut(at) else { return };
    let calls = raw_member(message, "tool_calls").unwrap_or("[]");
    let own = call_ids(message);
    let mut first = own.iter().filter(|own| *own == id).count() > 1;
    let mut left = String::from("[");
    for call in Items::new(calls) {
        let same = string_member(call, "id").is_some_and(|own| own == id);
        // The first of two in one message stays.
        if same && !core::mem::take(&mut first) {
            continue;
        }
        if left.len() > 1 {
            left.push(',');
        }
        left.push_str(call);
    }
    left.push(']');
    let changed = if left == "[]" {
        without_member(message, "tool_calls")
    } else {
        with_member(message, "tool_calls", &left)
    };
    if let Ok(json) = changed {
        *message = Json::checked(json);
    }
}
