//! How the messages of a chat, and the items of a response, are mended.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::openai::{
    call_ids, is_answer, is_call, is_no_chat_part, is_no_item_part, wrong_arguments,
};
use super::pairs::Replies;
use super::{Finding, FindingKind as Kind};
use crate::history::draft::BETWEEN;
use crate::history::{Target, ToolResult, call_id, call_name, gemini, item, kind};
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
            // What was not found, or not shown, cannot be said.
            if let Some("tool_search_call" | "computer_call") = item.as_deref() {
                moves.leave_out(at);
                return "left out";
            }
            moves.put(at, not_run(item.as_deref().unwrap_or_default(), id, chat));
            "an answer was put in: the tool was not run"
        }
        // These are mended all at once.
        Kind::InvalidToolId => "renamed, and its answer",
        Kind::InvalidToolName => "the name was changed",
        Kind::InvalidToolInput => "the arguments were written as text",
        Kind::DuplicateToolId => "renamed, and its answer, or left out if it has none",
        Kind::UnsignedToolCall
        | Kind::InvalidItemId
        | Kind::ThinkingWithoutText
        | Kind::EmptyToolCalls
        | Kind::ThinkingMissing => match messages.get_mut(at) {
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
        Kind::InvalidRole if !chat => {
            moves.leave_out(at);
            match messages.get(at).and_then(|message| answer_of(message)) {
                Some(answer) => {
                    moves.put(at, answer);
                    "it is an answer now"
                }
                None => "left out",
            }
        }
        Kind::UnsignedThinking | Kind::ThinkingWhileOff => {
            moves.leave_out(at);
            forget_what_it_led_to(messages, at);
            "left out, and the ids of what it led to"
        }
        Kind::ThinkingLast => {
            let before = messages.iter().take(at.saturating_add(1)).rev();
            let thinking = before.take_while(|item| kind(item) == "reasoning").count();
            (0..thinking).for_each(|count| moves.leave_out(at.saturating_sub(count)));
            "left out, with the reasoning right before it"
        }
        _ => {
            moves.leave_out(at);
            "left out"
        }
    }
}

/// The answer that a message of a chat is, as an item.
fn answer_of(message: &str) -> Option<Json> {
    let (id, said) = item::read(message)?;
    Some(ToolResult::json(id.as_str(), said).to_openai(&id, "function_call", false))
}

/// Leaves out the ids of what reasoning has led to: without it, that is refused by its id.
fn forget_what_it_led_to(messages: &mut [Json], reasoning: usize) {
    let led_to = |item: &&mut Json| {
        matches!(kind(item).as_str(), "message" | "function_call" | "custom_tool_call")
    };
    let behind = messages.iter_mut().skip(reasoning.saturating_add(1)).take_while(led_to);
    for item in behind {
        if let Ok(bare) = without_member(item, "id") {
            *item = Json::checked(bare);
        }
    }
}

/// Gives calls whose id another has already ids of their own, and their answers with them: of several with one id the
/// first answer is to the first call. One without an answer is left out, for it may have been written down twice.
pub(super) fn rename_again(messages: &mut Vec<Json>, chat: bool) {
    let mut names = Names::default();
    let mut replies = Replies::default();
    for message in messages.iter() {
        names.taken.extend(call_ids(message));
        names.taken.extend(string_member(message, "call_id"));
    }
    for message in messages.iter_mut() {
        let key = if chat { "tool_call_id" } else { "call_id" };
        if !chat {
            names.reply = replies.of(message);
        }
        let changed = if is_answer(&kind(message)) || raw_member(message, "tool_call_id").is_some()
        {
            names.answered(message, key)
        } else if chat {
            // Servers count their calls anew in each reply.
            names.calls.clear();
            names.seen.clear();
            with_calls(message, |call| Some(names.called(call, "id")))
        } else if is_call(&kind(message)) {
            names.called(message, key)
        } else {
            None
        };
        if let Some(json) = changed {
            *message = Json::checked(json);
        }
    }
    let lost = names.unanswered;
    let is_lost = |json: &str, key| string_member(json, key).is_some_and(|id| lost.contains(&id));
    messages.retain(|item| chat || !is_lost(item, "call_id"));
    for message in messages.iter_mut().filter(|_| chat && !lost.is_empty()) {
        let left = with_calls(message, |call| (!is_lost(call, "id")).then_some(None));
        if let Some(json) = left {
            *message = Json::checked(json);
        }
    }
}

/// A message with its calls changed: each to another, to itself (`Some(None)`), or to nothing. `None` if all stay.
fn with_calls(
    message: &str,
    mut change: impl FnMut(&str) -> Option<Option<String>>,
) -> Option<String> {
    let calls = Items::new(raw_member(message, "tool_calls")?);
    let mut changed = false;
    let calls = calls.filter_map(|call| {
        let new = change(call);
        changed |= !matches!(new, Some(None));
        Some(new?.unwrap_or_else(|| call.into()))
    });
    let calls = calls.collect::<Vec<_>>().join(",");
    match (changed, &*calls) {
        (false, _) => None,
        (true, "") => without_member(message, "tool_calls").ok(),
        (true, calls) => with_member(message, "tool_calls", &format!("[{calls}]")).ok(),
    }
}

/// What calls go by, where their id is another's.
#[derive(Default)]
struct Names {
    taken: BTreeSet<String>,
    seen: BTreeSet<String>,
    /// Of each id the number that the last new one got.
    counts: BTreeMap<String, u64>,
    /// Of each id the calls that have no answer yet: what they go by, if not by it.
    calls: BTreeMap<String, (usize, VecDeque<Option<String>>)>,
    /// Which reply this is.
    reply: usize,
    /// The new names of those that have none.
    unanswered: BTreeSet<String>,
}

impl Names {
    /// A call, which has its id under `key`: as it is called now, if that is otherwise.
    fn called(&mut self, call: &str, key: &str) -> Option<String> {
        // Those that xAI runs itself have no answers.
        let id = string_member(call, key).filter(|id| !id.starts_with("xs_call_"))?;
        let mut new = None;
        if !self.seen.insert(id.clone()) {
            let count = self.counts.entry(id.clone()).or_insert(1);
            new = core::iter::repeat_with(|| {
                *count = count.saturating_add(1);
                format!("{id}_{count}")
            })
            .find(|free| self.taken.insert(free.clone()));
        }
        self.unanswered.extend(new.clone());
        let (reply, alike) = self.calls.entry(id).or_default();
        if core::mem::replace(reply, self.reply) != self.reply {
            alike.clear();
        }
        alike.push_back(new.clone());
        with_member(call, key, &quoted(&new?)).ok()
    }

    /// An answer in the same way.
    fn answered(&mut self, answer: &str, key: &str) -> Option<String> {
        let new = self.calls.get_mut(&string_member(answer, key)?)?.1.pop_front()??;
        self.unanswered.remove(&new);
        with_member(answer, key, &quoted(&new)).ok()
    }
}

/// Gives calls and their answers ids that the API takes: the same for the same.
pub(super) fn fit_ids(messages: &mut [Json], target: &Target) {
    let renamed = |json: &str, key: &str| {
        let new = call_id::fitted(target, &string_member(json, key)?)?;
        with_member(json, key, &quoted(&new)).ok()
    };
    for message in messages {
        let changed = with_calls(message, |call| Some(renamed(call, "id")))
            .or_else(|| renamed(message, "tool_call_id"))
            .or_else(|| renamed(message, "call_id"));
        if let Some(json) = changed {
            *message = Json::checked(json);
        }
    }
}

/// Gives calls names that the API takes.
pub(super) fn fit_names(messages: &mut [Json], target: &Target) {
    for message in messages {
        let changed = with_calls(message, |call| Some(call_name::renamed(call, target)))
            .or_else(|| call_name::renamed(message, target));
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
        Kind::EmptyToolCalls => {
            (without_member(message, "tool_calls").ok().map(Json::checked), "it was left out")
        }
        Kind::ThinkingWithoutText => {
            (put_in(message, "summary", "[]"), "an empty summary was put in")
        }
        Kind::ThinkingMissing => {
            let nothing = Replay::nothing(&target.model).unwrap_or(r#""""#);
            (put_in(message, "reasoning_content", nothing), "an empty text was put in")
        }
        _ => (None, "nothing"),
    };
    if let Some(mended) = mended {
        *message = mended;
    }
    done
}

fn put_in(message: &str, key: &str, value: &str) -> Option<Json> {
    with_member(message, key, value).ok().map(Json::checked)
}

/// Writes arguments that came as JSON in a string, and what is no JSON as the Messages API would have it.
pub(super) fn write_inputs(messages: &mut [Json], target: &Target) {
    let text = |json: &str| {
        let wrong = wrong_arguments(json, target);
        let said = raw_member(json, "arguments").filter(|it| !matches!(*it, "null" | "\"\""));
        let said = said.filter(|_| wrong).unwrap_or("{}");
        let arguments = match said.starts_with('"') {
            true => with_member("{}", "INVALID_JSON", said).ok()?,
            false => said.into(),
        };
        with_member(json, "arguments", &quoted(&arguments)).ok().filter(|_| wrong)
    };
    let in_function =
        |call: &str| with_member(call, "function", &text(raw_member(call, "function")?)?).ok();
    for message in messages {
        let item = Some(&*message).filter(|item| kind(item) == "function_call");
        let changed = item.and_then(|item| text(item));
        let changed = changed.or_else(|| with_calls(message, |call| Some(in_function(call))));
        if let Some(json) = changed {
            *message = Json::checked(json);
        }
    }
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
fn not_run(call: &str, id: &str, chat: bool) -> Json {
    let text = quoted("The tool was not run.");
    if !chat {
        return item::answer(call, id, &Json::checked(&*text), &text, true);
    }
    let id = quoted(id);
    Json::checked(format!(r#"{{"role":"tool","tool_call_id":{id},"content":{text}}}"#))
}
