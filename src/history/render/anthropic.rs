//! The messages as the Messages API takes them.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::calls::{Calls, note_names};
use super::{Rendered, Signed, marks, translate};
use crate::history::draft::{Draft, MADE, Part};
use crate::history::fate::Fates;
use crate::history::report::{Action, Note};
use crate::history::thinking::fingerprint;
use crate::history::{Entry, History, Policy, Target, ToolResult};
use crate::json::Json;
use crate::json::edit::{quote, quoted, raw_member, with_member, without_member};
use crate::message::{Block, Content, Message, Provider};

pub(super) fn render(
    history: &History,
    target: &Target,
    policy: &Policy,
    fates: &Fates,
    rendered: &mut Rendered,
) {
    let mut drafts = drafts(history, target, fates, &mut rendered.report.notes);
    // Other vendors behind this API may refuse calls without the thinking that led to them.
    for draft in drafts.iter_mut().filter(|draft| draft.calls_thoughtlessly()) {
        let first = draft.parts.first().map_or(0, |part| part.origin.0);
        let loops = fates.in_progress.is_some_and(|begin| first >= begin);
        if let Some(text) = target.demands(loops) {
            draft.think(text);
        }
    }
    let marks = marks::set(&mut drafts, policy, rendered);
    for (at, draft) in drafts.iter().enumerate() {
        let own = draft.parts.iter().enumerate().filter(|(_, part)| part.origin != MADE);
        for (block, part) in own {
            let ignored = fates.ignored.get(&part.origin).filter(|_| part.is_thinking());
            let action = match (marks.get(&(at, block)), ignored) {
                (Some(ttl), _) => Action::Marked(*ttl),
                (None, Some(reason)) => Action::Ignored(*reason),
                (None, None) => Action::Kept,
            };
            rendered.report.line(part.origin, &part.kind, Some((at, Some(block))), action);
            if let Some(print) = part.print.clone() {
                rendered.signed.push(Signed { message: at, block, print });
            }
        }
    }
    rendered.messages = drafts.into_iter().map(Draft::into_json).collect();
}

/// The entries as messages. Those of one role that follow each other are one.
fn drafts(history: &History, target: &Target, fates: &Fates, notes: &mut Vec<Note>) -> Vec<Draft> {
    let begins = history.turn_begins();
    let mut drafts: Vec<Draft> = Vec::new();
    let mut calls = Calls::new(target);
    let first = fates.compaction.map_or(0, |(entry, _)| entry);
    let mut said = Said::default();
    for (at, entry) in history.entries.iter().enumerate() {
        // Also of what is left out, or the others would be called otherwise without it.
        let sent = match entry {
            Entry::Assistant(reply) => Some(calls.learn(at, &reply.message, target)),
            _ => None,
        };
        if at < first {
            continue;
        }
        match entry {
            Entry::User(content) => {
                let own = begins.binary_search(&said.first).is_ok();
                let mut draft = Draft::user(content, own).of(at);
                draft.translate();
                if draft.role == "assistant" {
                    said.flush(&mut drafts, at.saturating_add(1));
                    push(&mut drafts, draft);
                    continue;
                }
                let whole = draft.parts.len();
                let (results, draft) = draft.split_results();
                let asked = |part: &Part| !fates.unasked.contains(&part.origin);
                for mut part in results.into_iter().filter(asked) {
                    let programs = history.is_programs(fates.answers.call(part.origin));
                    let shown = part.without_failed_images(programs);
                    said.results.push(part.renamed(&calls, fates));
                    said.others.extend(shown.map(|shown| Draft::user(&shown, false).of(at)));
                }
                if !draft.parts.is_empty() || whole == 0 {
                    said.others.push(draft);
                }
            }
            Entry::ToolResult(result) => {
                if !fates.unasked.contains(&(at, 0)) {
                    let programs = history.is_programs(fates.answers.call((at, 0)));
                    let (result, shown) = result.for_anthropic(programs);
                    let part = Part { origin: (at, 0), ..Part::new(result.to_anthropic()) };
                    said.results.push(part.renamed(&calls, fates));
                    said.others.extend(shown.map(|shown| Draft::user(&shown, false).of(at)));
                }
            }
            Entry::Assistant(reply) => {
                said.flush(&mut drafts, at.saturating_add(1));
                let sent = sent.as_deref().unwrap_or(&reply.message);
                note_names(&reply.message, sent, notes);
                let mut parts = parts(at, sent, fates);
                for part in parts.iter_mut().filter(|it| fates.uncalled.contains(&it.origin)) {
                    if let Ok(json) = without_member(&part.json, "caller") {
                        part.json = Json::checked(json);
                    }
                }
                push(&mut drafts, Draft::assistant(parts));
            }
            Entry::Prefill(text) => {
                said.flush(&mut drafts, at.saturating_add(1));
                let parts = (!text.is_empty()).then(|| Part::text(text)).into_iter().collect();
                push(&mut drafts, Draft::assistant(parts).of(at));
            }
        }
    }
    said.flush(&mut drafts, 0);
    drafts
}

/// What was said between two replies. The answers to the first come before all else.
#[derive(Default)]
struct Said {
    /// The entry that it begins with.
    first: usize,
    results: Vec<Part>,
    others: Vec<Draft>,
}

impl Said {
    fn flush(&mut self, drafts: &mut Vec<Draft>, next: usize) {
        let Self { results, others, .. } = core::mem::take(self);
        self.first = next;
        if !results.is_empty() {
            push(drafts, Draft::results(results));
        }
        for draft in others {
            push(drafts, draft);
        }
    }
}

fn push(drafts: &mut Vec<Draft>, draft: Draft) {
    match drafts.last_mut() {
        _ if draft.parts.is_empty() && draft.role == "assistant" => {}
        Some(last) if last.joins(&draft) => last.join(draft),
        _ => drafts.push(draft),
    }
}

fn parts(entry: usize, message: &Message, fates: &Fates) -> Vec<Part> {
    let fates = fates.blocks.get(entry).map(Vec::as_slice).unwrap_or_default();
    let blocks = message.content.iter().enumerate().zip(fates);
    let kept = blocks.filter(|(_, fate)| fate.is_none()).map(|(block, _)| block);
    kept.map(|(at, block)| Part {
        kind: block.content.kind_in_messages().into(),
        json: block.to_messages(message),
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
                return self.signed();
            }
            let text = if let Content::Text(text) = &self.content { &*text.text } else { "" };
            return Part::text(text).json;
        };
        if own && tool.input.is_ok() {
            return self.to_param();
        }
        let mut json = String::from(r#"{"type":"tool_use","id":"#);
        quote(&mut json, &tool.id);
        json.push_str(r#","name":"#);
        quote(&mut json, &tool.name);
        json.push_str(r#","input":"#);
        match &tool.input {
            Ok(input) if input.starts_with('{') => json.push_str(input),
            // The API takes nothing but an object.
            Ok(input) => json.push_str(&with_member("{}", "input", input).unwrap_or_default()),
            Err(invalid) => json.push_str(&invalid.as_object()),
        }
        json.push('}');
        Json::checked(json)
    }
}

impl Block {
    /// The block as it was received; thinking that nobody signed, with a signature that says so: some servers that want
    /// it back take it only with that key.
    fn signed(&self) -> Json {
        let json = self.to_param();
        let signed = match &self.content {
            Content::Thinking(thinking) if thinking.signature.is_none() => {
                with_member(&json, "signature", r#""""#).ok()
            }
            _ => None,
        };
        signed.map_or(json, Json::checked)
    }
}

impl Part {
    /// Leaves out of a failed answer what only texts may stand beside, and gives it.
    fn without_failed_images(&mut self, in_program: bool) -> Option<Json> {
        if raw_member(&self.json, "is_error") != Some("true") {
            return None;
        }
        let content = raw_member(&self.json, "content").unwrap_or(r#""""#);
        let said = ToolResult::json("", Json::checked(content)).error();
        let (Cow::Owned(fitted), shown) = said.for_anthropic(in_program) else { return None };
        let mut json = with_member(&self.json, "content", &fitted.content).ok()?;
        if !fitted.is_error {
            json = without_member(&json, "is_error").ok()?;
        }
        self.json = Json::checked(json);
        shown
    }

    /// The same answer, where its call had to get another id.
    fn renamed(mut self, calls: &Calls, fates: &Fates) -> Self {
        if let Some(id) = fates.answers.call(self.origin).and_then(|call| calls.id(call))
            && let Ok(json) = with_member(&self.json, "tool_use_id", &quoted(id))
        {
            self.json = Json::checked(json);
        }
        self
    }
}

impl Draft {
    /// Writes texts, images and documents of other APIs as this one has them.
    fn translate(&mut self) {
        let mut changed = false;
        for own in &mut self.parts {
            if let Cow::Owned(json) = translate::block(&own.json, Provider::Anthropic) {
                *own = Part { origin: own.origin, ..Part::new(Json::checked(json)) };
                changed = true;
            }
        }
        if changed {
            self.change();
        }
    }
}
