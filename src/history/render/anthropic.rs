//! The messages as the Messages API takes them.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Rendered, Signed, marks};
use crate::history::draft::{Draft, Part, tool_id};
use crate::history::fate::{Fates, fingerprint};
use crate::history::report::{Action, Note, Reason};
use crate::history::{Entry, History, Mode, Policy, Reply, Target, ToolResult, string};
use crate::json::Json;
use crate::json::edit::{quote, string_member, with_member};
use crate::message::{Block, Content, Message, Provider};
use crate::stop::StopReason;

pub(super) fn render(
    history: &History,
    target: &Target,
    policy: &Policy,
    fates: &Fates,
    rendered: &mut Rendered,
) {
    let mut drafts = drafts(history, fates);
    if policy.resume {
        resume(history, target, &mut drafts, rendered);
    }
    marks::set(&mut drafts, target, policy, rendered);
    for (at, draft) in drafts.iter().enumerate() {
        for (block, part) in draft.parts.iter().enumerate() {
            let action = Action::Kept;
            rendered.report.line(part.origin, &part.kind, Some((at, Some(block))), action);
            if let Some(print) = part.print.clone() {
                rendered.signed.push(Signed { message: at, block, print });
            }
        }
    }
    rendered.messages = drafts.into_iter().map(Draft::into_json).collect();
}

/// The entries as messages. Those of one role that follow each other are one.
fn drafts(history: &History, fates: &Fates) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    let first = fates.compaction.map_or(0, |(entry, _)| entry);
    for (at, entry) in history.entries.iter().enumerate().skip(first) {
        let draft = match entry {
            Entry::User(content) => {
                let draft = Draft::user(content, entry.begins_turn()).of(at);
                let whole = draft.parts.len();
                let draft = draft.without(|id| fates.unasked.contains(&(at, id.into())));
                if draft.parts.is_empty() && whole > 0 {
                    continue;
                }
                draft
            }
            Entry::ToolResult(result) => {
                if fates.unasked.contains(&(at, result.id.clone())) {
                    continue;
                }
                Draft::results([Part::new(result.to_anthropic())].into()).of(at)
            }
            Entry::Assistant(reply) => {
                let fates = fates.blocks.get(at).map(Vec::as_slice).unwrap_or_default();
                Draft::assistant(parts(at, reply, fates))
            }
        };
        if draft.parts.is_empty() && draft.role == "assistant" {
            continue;
        }
        match drafts.last_mut() {
            Some(last) if last.joins(&draft) => last.join(draft),
            _ => drafts.push(draft),
        }
    }
    drafts
}

fn parts(entry: usize, reply: &Reply, fates: &[Option<Reason>]) -> Vec<Part> {
    let blocks = reply.message.content.iter().enumerate().zip(fates);
    let kept = blocks.filter(|(_, fate)| fate.is_none()).map(|(block, _)| block);
    kept.map(|(at, block)| Part {
        kind: block.content.kind_in_messages().into(),
        json: block.to_messages(&reply.message),
        origin: (entry, at),
        print: fingerprint(block),
    })
    .collect()
}

impl Content {
    /// The type of the block in the Messages API, of whatever provider it is.
    fn kind_in_messages(&self) -> &str {
        match self {
            Self::ToolUse(tool) if tool.kind.is_client() => "tool_use",
            other => other.kind(),
        }
    }
}

impl Block {
    fn to_messages(&self, message: &Message) -> Json {
        let own = message.provider == Provider::Anthropic;
        let Content::ToolUse(tool) = &self.content else {
            if own {
                return self.to_param();
            }
            let text = if let Content::Text(text) = &self.content { &*text.text } else { "" };
            return Part::text(text).json;
        };
        if own && tool.input.is_ok() {
            return self.to_param();
        }
        let mut json = String::from(r#"{"type":"tool_use","id":"#);
        quote(&mut json, &tool_id(&tool.id));
        json.push_str(r#","name":"#);
        quote(&mut json, &tool.name);
        json.push_str(r#","input":"#);
        match &tool.input {
            Ok(input) if input.starts_with('{') => json.push_str(input),
            // The API takes nothing but an object.
            Ok(input) => push_object(&mut json, "input", input),
            Err(invalid) => {
                let mut raw = String::new();
                quote(&mut raw, &invalid.raw);
                push_object(&mut json, "INVALID_JSON", &raw);
            }
        }
        json.push('}');
        Json::checked(json)
    }
}

fn push_object(json: &mut String, key: &str, value: &str) {
    json.push_str(&with_member("{}", key, value).unwrap_or_default());
}

impl ToolResult {
    fn to_anthropic(&self) -> Json {
        let mut json = String::from(r#"{"type":"tool_result","tool_use_id":"#);
        quote(&mut json, &tool_id(&self.id));
        json.push_str(r#","content":"#);
        if self.content.starts_with(['"', '[']) {
            json.push_str(&self.content);
        } else {
            quote(&mut json, &self.content);
        }
        if self.is_error {
            json.push_str(r#","is_error":true"#);
        }
        json.push('}');
        Json::checked(json)
    }
}

/// Goes on with a reply that was cut, if the last one was.
fn resume(history: &History, target: &Target, drafts: &mut Vec<Draft>, rendered: &mut Rendered) {
    let Some(Entry::Assistant(reply)) = history.entries.last() else { return };
    let message = &reply.message;
    let cut = message.stop_reason.as_ref().is_some_and(StopReason::is_cut) || !message.complete;
    if !cut || message.stop_reason == Some(StopReason::Refusal) {
        return;
    }
    let open = message.unfinished_text();
    let (draft, by) = match prefill(target, drafts, open.trim_end()) {
        Some(draft) => (draft, "prefill"),
        None => (Draft::user(&string(&request_to_go_on(&open)), true), "user"),
    };
    let draft = draft.of(history.entries.len());
    match drafts.last_mut() {
        Some(last) if last.joins(&draft) => last.join(draft),
        _ => drafts.push(draft),
    }
    rendered.report.notes.push(Note::Resumed { by: by.into() });
}

/// The text that the model can go on from by itself: it does not think, and takes a last message of the
/// assistant, which must not end with white space.
fn prefill(target: &Target, drafts: &[Draft], open: &str) -> Option<Draft> {
    let thinks = match target.mode {
        Mode::Off => false,
        Mode::Unknown => target.knows(|row| row.thinks_unasked),
        Mode::Adaptive | Mode::Enabled => true,
    };
    if thinks || !target.knows(|row| row.prefill) {
        return None;
    }
    if !open.is_empty() {
        return Some(Draft::assistant([Part::text(open)].into()));
    }
    let last = drafts.last().filter(|last| last.role == "assistant")?.parts.last()?;
    let text = string_member(&last.json, "text")?;
    (!text.ends_with(char::is_whitespace)).then(|| Draft::assistant(Vec::new()))
}

fn request_to_go_on(open: &str) -> String {
    if open.trim().is_empty() {
        return "Your last reply was cut off. Go on from where it ended.".into();
    }
    let mut ask = String::from("Your last reply was cut off in the middle of this:\n\n");
    ask.push_str(open);
    ask.push_str("\n\nGo on from exactly there, without saying it again.");
    ask
}

impl Message {
    /// The text of a block that was cut, which does not go back by itself.
    fn unfinished_text(&self) -> String {
        let cut = self.content.iter().filter(|block| !self.complete && !block.replayable);
        cut.filter_map(|block| match &block.content {
            Content::Text(text) => Some(text.text.as_str()),
            _ => None,
        })
        .collect()
    }
}
