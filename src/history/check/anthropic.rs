//! What the Messages API would refuse.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Finding, FindingKind as Kind};
use crate::history::draft::{Draft, MARKS, Part, is_cacheable, is_empty_text};
use crate::history::{Mode, Target, Ttl, call_name, kind};
use crate::json::Json;
use crate::json::edit::{raw_member, string_member};
use crate::message::is_pause;
use crate::models::Replay;

pub(super) fn read(messages: &[Json]) -> Vec<Draft> {
    messages.iter().map(Draft::read).collect()
}

pub(super) fn find(drafts: &[Draft], target: &Target) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, draft) in drafts.iter().enumerate() {
        of_message(drafts, at, draft, &mut found);
        for (block, part) in draft.parts.iter().enumerate() {
            for kind in of_part(part, &draft.role, target) {
                let id = part.tool_id();
                found.push(draft.named(Finding::of_block(kind, at, block, id.as_deref())));
            }
        }
    }
    of_demands(drafts, target, &mut found);
    of_tools(drafts, target, &mut found);
    of_server_tools(drafts, &mut found);
    of_marks(drafts, &mut found);
    of_end(drafts, target, &mut found);
    found
}

fn of_message(drafts: &[Draft], at: usize, draft: &Draft, found: &mut Vec<Finding>) {
    let mut add = |kind| found.push(Finding::of_message(kind, at));
    if !matches!(draft.role.as_str(), "user" | "assistant" | "system") {
        add(Kind::InvalidRole);
    }
    // Messages of a system may have other things to say.
    if draft.parts.is_empty() && draft.role != "system" {
        add(Kind::EmptyMessage);
    }
    let before = at.checked_sub(1).and_then(|before| drafts.get(before));
    if before.is_some_and(|before| before.joins(draft)) {
        add(Kind::ConsecutiveRoles);
    }
    let compacted = draft.parts.first().is_some_and(|part| part.kind == "compaction");
    let first = drafts.iter().position(|draft| draft.role != "system");
    if first == Some(at) && draft.role == "assistant" && !compacted {
        add(Kind::FirstNotUser);
    }
    if draft.role == "assistant" && draft.parts.last().is_some_and(Part::is_thinking) {
        let last = draft.parts.len().saturating_sub(1);
        found.push(Finding::of_block(Kind::ThinkingLast, at, last, None));
    }
}

/// What is wrong with a block, wherever it stands.
fn of_part(part: &Part, role: &str, target: &Target) -> Vec<Kind> {
    let says = |key: &str| string_member(&part.json, key).is_some_and(|text| !text.is_empty());
    let mut kinds = Vec::new();
    let models = part.is_thinking() || part.kind == "tool_use";
    let foreign = is_openais(&part.kind) || part.inner().any(|inner| is_openais(&kind(inner)));
    if part.kind.is_empty() || models && role != "assistant" || foreign {
        return [Kind::InvalidBlock].into();
    }
    match part.kind.as_str() {
        // Some servers sign nothing.
        "thinking" if !says("signature") && target.replay == Replay::Never => {
            kinds.push(Kind::UnsignedThinking);
        }
        "thinking" if string_member(&part.json, "thinking").is_none() => {
            kinds.push(Kind::ThinkingWithoutText);
        }
        "redacted_thinking" if !says("data") => kinds.push(Kind::RedactedWithoutData),
        "text" if is_empty_text(&part.json) => kinds.push(Kind::EmptyText),
        "tool_result" if part.inner().any(is_empty_text) => kinds.push(Kind::EmptyText),
        "tool_result" if is_bad_error(part) => kinds.push(Kind::InvalidErrorResult),
        "tool_use"
            if raw_member(&part.json, "input").is_none_or(|input| !input.starts_with('{')) =>
        {
            kinds.push(Kind::InvalidToolInput);
        }
        _ => {}
    }
    if part.is_thinking() && target.mode == Mode::Off {
        kinds.push(Kind::ThinkingWhileOff);
    }
    if call_name::renamed(&part.json, target).is_some() {
        kinds.push(Kind::InvalidToolName);
    }
    let tool = matches!(part.kind.as_str(), "tool_use" | "tool_result");
    // Others than Anthropic have ids of their own.
    let lax = |id: &str| !target.is_claude() && !id.is_empty();
    if tool && !part.tool_id().is_some_and(|id| is_tool_id(&id) || lax(&id)) {
        kinds.push(Kind::InvalidToolId);
    }
    let sealed = part.is_thinking() || part.kind == "text" && !is_cacheable("text", &part.json);
    if sealed && part.mark().is_some() {
        kinds.push(Kind::CacheMarkForbidden);
    }
    kinds
}

/// Whether a block is one that only `OpenAI`'s APIs have.
pub(super) fn is_openais(kind: &str) -> bool {
    matches!(
        kind,
        "input_text"
            | "input_image"
            | "input_file"
            | "input_audio"
            | "output_text"
            | "image_url"
            | "file"
    )
}

/// Whether a result says that its tool failed, and has no text, or more than texts.
fn is_bad_error(result: &Part) -> bool {
    let content = raw_member(&result.json, "content").filter(|it| !matches!(*it, "null" | r#""""#));
    raw_member(&result.json, "is_error") == Some("true")
        && (content.is_none_or(|content| content == "[]")
            || result.inner().any(|inner| kind(inner) != "text"))
}

/// What other vendors' models behind this API demand.
fn of_demands(drafts: &[Draft], target: &Target, found: &mut Vec<Finding>) {
    let last = drafts.iter().rposition(|draft| draft.role == "assistant");
    let first = last.map(|last| loop_begin(drafts, last));
    let [outside, inside] = [false, true].map(|loops| target.demands(loops).is_some());
    for (at, draft) in drafts.iter().enumerate() {
        let demanded = outside || inside && first.is_some_and(|first| at >= first);
        if demanded && draft.calls_thoughtlessly() {
            found.push(Finding::of_message(Kind::ThinkingMissing, at));
        }
    }
}

/// Calls and their answers: an answer stands first in the message behind its call.
fn of_tools(drafts: &[Draft], target: &Target, found: &mut Vec<Finding>) {
    // What a system says in between does not part them.
    let spoken = drafts.iter().enumerate().filter(|(_, draft)| draft.role != "system");
    let spoken: Vec<_> = spoken.collect();
    let ids: Vec<_> = spoken.iter().map(|(_, draft)| (draft.calls(), draft.answers())).collect();
    let mut known: BTreeSet<String> = BTreeSet::new();
    for (place, (at, draft)) in spoken.iter().enumerate() {
        let add = |found: &mut Vec<Finding>, kind, block, id: &str| {
            found.push(Finding::of_block(kind, *at, block, Some(id)));
        };
        let answers = ids.get(place.saturating_add(1)).map(|(_, answers)| answers);
        let calls = place.checked_sub(1).and_then(|before| ids.get(before)).map(|(calls, _)| calls);
        let mut others = false;
        if target.repeats_ids() {
            known.clear();
        }
        let mut answered: BTreeSet<String> = BTreeSet::new();
        for (block, part) in draft.parts.iter().enumerate() {
            let Some(id) = part.tool_id() else {
                others = true;
                continue;
            };
            if part.kind == "tool_use" && draft.role == "assistant" {
                if known.contains(&id) {
                    add(found, Kind::DuplicateToolId, block, &id);
                }
                if !answers.is_some_and(|answers| answers.contains(&id)) {
                    add(found, Kind::OrphanToolUse, block, &id);
                }
                known.insert(id);
            } else if part.is_result() {
                let called = calls.is_some_and(|calls| calls.contains(&id));
                if !called || draft.role != "user" {
                    add(found, Kind::OrphanToolResult, block, &id);
                } else if answered.contains(&id) {
                    add(found, Kind::DuplicateToolResult, block, &id);
                } else if others {
                    add(found, Kind::ToolResultNotFirst, block, &id);
                }
                answered.insert(id);
            }
        }
    }
}

/// The calls of tools that the provider runs that may still run, and their messages: the user has not spoken since, and
/// each reply behind has a call that such a call has made.
fn running(drafts: &[Draft]) -> BTreeSet<(usize, String)> {
    let caller = |part: &Part| string_member(raw_member(&part.json, "caller")?, "tool_id");
    let mut running = BTreeSet::new();
    let mut named: Option<BTreeSet<String>> = None;
    for (at, draft) in drafts.iter().enumerate().rev() {
        match draft.role.as_str() {
            "assistant" => {
                let own = draft.parts.iter().filter_map(Part::server_tool);
                let own = own.filter(|(is_call, id)| {
                    *is_call && named.as_ref().is_none_or(|named| named.contains(id))
                });
                running.extend(own.map(|(_, id)| (at, id)));
                let callers = draft.parts.iter().filter_map(caller);
                named = Some(match named {
                    Some(named) => callers.filter(|id| named.contains(id)).collect(),
                    None => callers.collect(),
                });
            }
            "user" if !draft.parts.iter().all(Part::is_result) => break,
            _ => {}
        }
    }
    running
}

/// Calls of tools that the provider runs, and their results: one without the other is refused. Only a call that runs
/// may have a result that is yet to come.
fn of_server_tools(drafts: &[Draft], found: &mut Vec<Finding>) {
    let running = running(drafts);
    let (mut calls, mut results) = (BTreeSet::new(), BTreeSet::new());
    let halves = || {
        let own = drafts.iter().enumerate().filter(|(_, draft)| draft.role == "assistant");
        own.flat_map(|(at, draft)| draft.parts.iter().enumerate().map(move |part| (at, part)))
            .filter_map(|(at, (block, part))| Some((at, block, part.server_tool()?)))
    };
    for (_, _, (is_call, id)) in halves() {
        if is_call {
            calls.insert(id)
        } else {
            results.insert(id)
        };
    }
    for (at, block, (is_call, id)) in halves() {
        let kind = match is_call {
            true if results.contains(&id) || running.contains(&(at, id.clone())) => continue,
            true => Kind::OrphanServerToolUse,
            false if calls.contains(&id) => continue,
            false => Kind::OrphanServerToolResult,
        };
        found.push(Finding::of_block(kind, at, block, Some(&id)));
    }
}

fn of_marks(drafts: &[Draft], found: &mut Vec<Finding>) {
    let (mut marks, mut short) = (0_usize, false);
    for (at, draft) in drafts.iter().enumerate() {
        for (block, part) in draft.parts.iter().enumerate() {
            let Some(ttl) = part.mark() else { continue };
            marks = marks.saturating_add(1);
            if marks > MARKS {
                found.push(Finding::of_block(Kind::TooManyMarks, at, block, None));
            }
            if ttl == Ttl::OneHour && short {
                found.push(Finding::of_block(Kind::TtlOrder, at, block, None));
            }
            short |= ttl == Ttl::FiveMinutes;
        }
    }
}

impl Draft {
    /// A finding in a content that is a string has its path.
    fn named(&self, finding: Finding) -> Finding {
        if !self.string {
            return finding;
        }
        let path = alloc::format!("$.messages[{}].content", finding.message).into();
        Finding { path, ..finding }
    }
}

/// What the end of the messages must be like.
fn of_end(drafts: &[Draft], target: &Target, found: &mut Vec<Finding>) {
    let last = drafts.iter().enumerate().rev().find(|(_, draft)| draft.role == "assistant");
    let Some((at, reply)) = last else { return };
    let calls = |draft: &Draft| draft.parts.iter().any(|part| part.kind == "tool_use");
    let thinks = |draft: &Draft| draft.parts.first().is_some_and(Part::is_thinking);
    let must = target.mode == Mode::Enabled && target.demands(true).is_none();
    if must && calls(reply) {
        // It is the reply that the loop began with: behind its answers the model may go on at once.
        let first = loop_begin(drafts, at);
        if drafts.get(first).is_some_and(|reply| !thinks(reply)) {
            found.push(Finding::of_block(Kind::LoopWithoutThinking, first, 0, None));
        }
    }
    if at.saturating_add(1) != drafts.len() {
        return;
    }
    let text = reply.parts.last().and_then(|part| string_member(&part.json, "text"));
    if text.is_some_and(|text| text.ends_with(char::is_whitespace)) {
        let last = reply.parts.len().saturating_sub(1);
        found.push(reply.named(Finding::of_block(Kind::TrailingSpace, at, last, None)));
    }
    // A pause of the provider's own tools is gone on from.
    let paused = reply.parts.last().is_some_and(|part| is_pause(&part.kind));
    let thinking = matches!(target.mode, Mode::Adaptive | Mode::Enabled);
    if !paused && (thinking || target.knows(|row| !row.prefill)) {
        found.push(Finding::of_message(Kind::Prefill, at));
    }
}

/// The first reply of the tool loop that a reply is in.
fn loop_begin(drafts: &[Draft], reply: usize) -> usize {
    let mut first = reply;
    let before = drafts.iter().enumerate().take(reply).rev();
    for (at, draft) in before {
        match draft.role.as_str() {
            "assistant" => first = at,
            "user" if draft.parts.iter().any(Part::is_result) => {}
            "system" => {}
            _ => break,
        }
    }
    first
}

/// `^[a-zA-Z0-9_-]+$`, as the API has it.
fn is_tool_id(id: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    !id.is_empty() && id.bytes().all(valid)
}

impl Part {
    /// Whether it is a call of a tool that the provider runs (`true`), or a result of one, and the id of the two.
    fn server_tool(&self) -> Option<(bool, String)> {
        match &*self.kind {
            "server_tool_use" | "mcp_tool_use" => Some((true, string_member(&self.json, "id")?)),
            kind if kind.ends_with("_tool_result") => {
                Some((false, string_member(&self.json, "tool_use_id")?))
            }
            _ => None,
        }
    }

    /// The id of the call that it is, or answers.
    pub(super) fn tool_id(&self) -> Option<String> {
        match self.kind.as_str() {
            "tool_use" => Some(string_member(&self.json, "id").unwrap_or_default()),
            "tool_result" => Some(string_member(&self.json, "tool_use_id").unwrap_or_default()),
            _ => None,
        }
    }
}

impl Draft {
    /// The ids that it answers, if it is a message that can.
    fn answers(&self) -> BTreeSet<String> {
        let results = self.parts.iter().filter(|part| part.is_result() && self.role == "user");
        results.filter_map(Part::tool_id).collect()
    }

    /// The ids of the calls in it.
    pub(super) fn calls(&self) -> BTreeSet<String> {
        let calls = self.parts.iter().filter(|part| part.kind == "tool_use");
        calls.filter_map(Part::tool_id).collect()
    }
}
