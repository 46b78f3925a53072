//! The messages of a chat, and the items of the Responses API.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Rendered, Signed};
use crate::history::fate::{Fates, fingerprint, is_thinking};
use crate::history::report::{Action, Reason};
use crate::history::{Entry, History, Reply, Target, ToolResult, kind, string};
use crate::json::Json;
use crate::json::edit::{quote, raw_member, string_member, with_member};
use crate::json::reader::Items;
use crate::message::{Content, Message, Provider, ToolKind, ToolUse};
use crate::models::Replay;

pub(super) fn render(history: &History, target: &Target, fates: &Fates, rendered: &mut Rendered) {
    let chat = target.provider == Provider::OpenAiChat;
    for (at, entry) in history.entries.iter().enumerate() {
        match entry {
            Entry::User(content) => {
                user((history, fates), at, content, chat, &mut rendered.messages);
            }
            Entry::ToolResult(result) => {
                if fates.unasked.contains(&(at, result.id.clone())) {
                    continue;
                }
                let call = history.call(at, &result.id);
                rendered.messages.push(result.to_openai(call, chat));
            }
            Entry::Assistant(reply) => {
                let fates = fates.blocks.get(at).map(Vec::as_slice).unwrap_or_default();
                let first = rendered.messages.len();
                let message = reply.left(fates, target);
                push_reply(&message, target, &mut rendered.messages);
                report(at, reply, fates, first, rendered);
            }
        }
    }
}

/// What the blocks of a reply have become: items follow each other, a chat has one message for all.
fn report(
    entry: usize,
    reply: &Reply,
    fates: &[Option<Reason>],
    first: usize,
    rendered: &mut Rendered,
) {
    let items = rendered.messages.len().saturating_sub(first);
    let mut item = first;
    let last = rendered.messages.len().saturating_sub(1);
    for ((at, block), fate) in reply.message.content.iter().enumerate().zip(fates) {
        if fate.is_some() || items == 0 {
            continue;
        }
        let action = Action::Kept;
        rendered.report.line((entry, at), block.content.kind(), Some((item, None)), action);
        if let Some(print) = fingerprint(block) {
            rendered.signed.push(Signed { message: item, block: 0, print });
        }
        item = item.saturating_add(1).min(last);
    }
}

impl Reason {
    /// Whether what followed the block is left without it.
    fn shows(self) -> bool {
        !matches!(self, Self::BeforeCompaction | Self::Last | Self::Cut)
    }
}

impl Reply {
    /// The reply without what does not go out.
    fn left(&self, fates: &[Option<Reason>], target: &Target) -> Message {
        let mut message = Message { content: Vec::new(), ..(*self.message).clone() };
        let mut forgotten = false;
        for (block, fate) in self.message.content.iter().zip(fates) {
            match fate {
                None => message.content.push(Arc::clone(block)),
                // Reasoning that is missing shows: what followed it goes back without its id.
                Some(reason) if is_thinking(block) && reason.shows() => {
                    let mut gone = (**block).clone();
                    gone.replayable = false;
                    message.content.push(Arc::new(gone));
                    forgotten = true;
                }
                Some(_) => {}
            }
        }
        message.provider = target.provider;
        if forgotten || target.replay == Replay::Never {
            message.other.retain(|(key, _)| *key != "reasoning_content");
        }
        message
    }
}

fn push_reply(message: &Message, target: &Target, out: &mut Vec<Json>) {
    let whole = message.to_param();
    if target.provider == Provider::OpenAiResponses {
        out.extend(Items::new(&whole).map(|item| Json::checked(item.to_string())));
        return;
    }
    let says = |key: &str| raw_member(&whole, key).is_some_and(|value| value != "null");
    if !says("content") && !says("tool_calls") && !says("refusal") {
        return;
    }
    // Who wants its reasoning back wants it of every reply, also where there is none.
    let thinks = message.content.iter().any(|block| block.replayable && is_thinking(block));
    let empty = target.replay == Replay::Always && !thinks && !says("reasoning_content");
    let filled = empty.then(|| with_member(&whole, "reasoning_content", r#""""#).ok()).flatten();
    out.push(filled.map_or(whole, Json::checked));
}

impl History {
    /// The call that an answer is for, which stands before it.
    fn call(&self, entry: usize, id: &str) -> Option<&ToolUse> {
        self.entries.get(..entry).unwrap_or_default().iter().rev().find_map(|entry| {
            let Entry::Assistant(reply) = entry else { return None };
            reply.message.content.iter().find_map(|block| match &block.content {
                Content::ToolUse(tool) if tool.id == id => Some(tool),
                _ => None,
            })
        })
    }
}

/// What the user said. Results of tools in the form of the Messages API become answers.
fn user(
    (history, fates): (&History, &Fates),
    entry: usize,
    content: &Json,
    chat: bool,
    out: &mut Vec<Json>,
) {
    if content.starts_with('{') && raw_member(content, "role").is_some() {
        return out.push(content.clone());
    }
    let mut parts = String::new();
    for block in Items::new(content) {
        if kind(block) == "tool_result"
            && let Some(id) = string_member(block, "tool_use_id")
        {
            if fates.unasked.contains(&(entry, id.as_str().into())) {
                continue;
            }
            let content = raw_member(block, "content").unwrap_or(r#""""#);
            let result = ToolResult::json(id.as_str(), Json::checked(content.to_string()));
            out.push(result.to_openai(history.call(entry, &id), chat));
            continue;
        }
        parts.push_str(if parts.is_empty() { "[" } else { "," });
        parts.push_str(&part(block, chat));
    }
    let content = match (content.starts_with('['), parts.is_empty()) {
        (true, true) => return,
        (true, false) => {
            parts.push(']');
            Json::checked(parts)
        }
        (false, _) if content.starts_with('"') => content.clone(),
        (false, _) => string(content),
    };
    let mut message = String::from(r#"{"role":"user","content":"#);
    message.push_str(&content);
    message.push('}');
    out.push(Json::checked(message));
}

/// A block of text has a name of its own in each API. Others go out as they are.
fn part(block: &str, chat: bool) -> String {
    let (from, to) = if chat { ("input_text", "text") } else { ("text", "input_text") };
    if kind(block) != from {
        return block.into();
    }
    let mut named = String::new();
    quote(&mut named, to);
    with_member(block, "type", &named).unwrap_or_else(|_| block.into())
}

impl ToolResult {
    fn to_openai(&self, call: Option<&ToolUse>, chat: bool) -> Json {
        let output = self.output();
        let mut json = String::new();
        if chat {
            json.push_str(r#"{"role":"tool","tool_call_id":"#);
            quote(&mut json, &self.id);
            json.push_str(r#","content":"#);
        } else {
            let custom = call.is_some_and(|call| call.kind == ToolKind::Custom);
            let usual = if custom { "custom_tool_call" } else { "function_call" };
            let item = call.and_then(|call| call.item.as_deref()).unwrap_or(usual);
            json.push_str(r#"{"type":"#);
            quote(&mut json, &alloc::format!("{item}_output"));
            json.push_str(r#","call_id":"#);
            quote(&mut json, &self.id);
            json.push_str(r#","output":"#);
        }
        json.push_str(&output);
        json.push('}');
        Json::checked(json)
    }

    /// The text of the result: what is no string, and no array of texts, as its JSON.
    fn output(&self) -> Json {
        if self.content.starts_with('"') {
            return self.content.clone();
        }
        let texts: Option<Vec<String>> = Items::new(&self.content)
            .map(|part| string_member(part, "text").filter(|_| kind(part).ends_with("text")))
            .collect();
        match texts {
            Some(texts) if self.content.starts_with('[') => string(&texts.join("\n")),
            _ if self.content.starts_with('[') => self.content.clone(),
            _ => string(&self.content),
        }
    }
}
