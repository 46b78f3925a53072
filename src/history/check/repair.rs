//! Mending the messages of a request, when asked to.

use core::fmt;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::anthropic::{find, is_openais, read};
use super::mend::{self, Moves, fit_ids, left_out, mend_openai, replaced};
use super::openai::{find_chat, find_items};
use super::pairs::{self, Pairs};
use super::{Finding, FindingKind as Kind, answers, rename};
use crate::history::draft::{Draft, FAILED, Part, is_empty_text};
use crate::history::{Mode, Target, ToolResult, call_name, item, kind};
use crate::json::Json;
use crate::json::edit::{quote, quoted, raw_member, string_member, with_member, without_member};
use crate::message::Provider;
use crate::text::Text;

/// Messages that were mended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Repaired {
    /// The messages. [`validate`](super::validate) finds nothing in them, for the
    /// [`target`](Self::target).
    pub messages: Vec<Json>,
    /// What was changed, in order.
    pub changes: Vec<Change>,
    /// The target, which must turn thinking off if there was no other way:
    /// [`thinking_off`](Self::thinking_off).
    pub target: Target,
    /// Whether the request must turn thinking off: a tool loop has lost the thinking that it must begin
    /// with.
    pub thinking_off: bool,
}

/// One thing that was changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Change {
    /// What was wrong, and where, in the messages as they were at the time.
    pub finding: Finding,
    /// What was done.
    pub done: Text,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.finding, self.done)
    }
}

/// Mends what the API would refuse in an array of messages: what [`validate`](super::validate) finds.
///
/// It is for histories that are broken already; nothing else calls it. Every change is listed, and mending
/// what is mended changes nothing. Where signatures are bound to their prefix, a change before a signed
/// block makes it invalid all the same: see [`diff`](crate::history::diff()).
///
/// # Example
///
/// ```
/// use serde_json::json;
/// use thinkstream::history::{Target, repair, validate};
/// use thinkstream::{Json, Provider};
///
/// let messages = [
///     json!({"role": "user", "content": "Throw a die."}),
///     json!({"role": "assistant", "content": [
///         {"type": "tool_use", "id": "toolu_1", "name": "dice", "input": {}},
///     ]}),
/// ]
/// .map(Json::from);
/// let target = Target::new(Provider::Anthropic, "claude-opus-4-8");
/// let repaired = repair(&messages, &target);
/// for change in &repaired.changes {
///     println!("{change}"); // what was wrong and where, and what was done
/// }
/// assert!(!repaired.changes.is_empty());
/// assert!(validate(&repaired.messages, &repaired.target).is_empty());
/// ```
#[must_use]
pub fn repair(messages: &[Json], target: &Target) -> Repaired {
    let mut repaired = Repaired {
        messages: messages.to_vec(),
        changes: Vec::new(),
        target: target.clone(),
        thinking_off: false,
    };
    if target.provider == Provider::Anthropic {
        repaired.anthropic();
    } else {
        repaired.openai();
    }
    if repaired.messages.is_empty() {
        repaired.messages.push(user("Go on.").into_json());
        repaired.note(Finding::of_none(target.provider), "a message of the user was put in");
    }
    repaired
}

impl Repaired {
    /// One finding after the other: what mends one may uncover the next. Each either goes for good or
    /// becomes one that is mended by leaving something out, so there is an end.
    fn anthropic(&mut self) {
        let mut drafts = read(&self.messages);
        let blocks = drafts.iter().map(|draft| draft.parts.len().saturating_add(1));
        // No block needs as many; it only makes sure of the end.
        let rounds = blocks.fold(8_usize, usize::saturating_add).saturating_mul(8);
        for _ in 0..rounds {
            let found = find(&drafts, &self.target);
            let brought = answers::bring_back(&mut drafts, &found);
            if !brought.is_empty() {
                for finding in brought {
                    self.note(finding, "its answer was moved behind it");
                }
                continue;
            }
            let found = first(found);
            let Some(kind) = found.first().map(|finding| finding.kind) else { break };
            if kind == Kind::LoopWithoutThinking {
                self.thinking_off = true;
                self.target.mode = Mode::Off;
            }
            if kind == Kind::InvalidRole {
                let mut gone = Vec::new();
                for finding in found {
                    let done = drafts.get_mut(finding.message).and_then(translate_role);
                    gone.extend(done.is_none().then(|| finding.clone()));
                    self.note(finding, done.unwrap_or("the message was left out"));
                }
                leave_out(&mut drafts, &gone);
                continue;
            }
            match kind {
                Kind::ConsecutiveRoles => join(&mut drafts, &found),
                Kind::EmptyMessage => leave_out(&mut drafts, &found),
                Kind::ToolResultNotFirst => answers::first(&mut drafts, &found),
                Kind::OrphanToolUse => answers::answer(&mut drafts, &found),
                Kind::DuplicateToolId => rename::again(&mut drafts, &found),
                Kind::InvalidToolId => rename::make_valid(&mut drafts, &found),
                Kind::TooManyMarks => unmark(&mut drafts, found.len()),
                _ => {}
            }
            for finding in found {
                let done = mend(&mut drafts, &finding, &self.target);
                self.note(finding, done);
            }
        }
        if !self.changes.is_empty() {
            self.messages = drafts.into_iter().map(Draft::into_json).collect();
        }
    }

    fn openai(&mut self) {
        let chat = self.target.provider == Provider::OpenAiChat;
        // No message needs as many; it only makes sure of the end.
        let rounds = self.messages.len().saturating_add(8).saturating_mul(8);
        for _ in 0..rounds {
            let found = if chat {
                find_chat(&self.messages, &self.target)
            } else {
                find_items(&self.messages, &self.target)
            };
            if self.bring_back(&found) {
                continue;
            }
            // A call is looked after before its answer is taken for one to nothing.
            let has = |kind| found.iter().any(|finding| finding.kind == kind);
            let first = [Kind::InvalidRole, Kind::InvalidBlock, Kind::OrphanToolUse];
            let urgent = first.into_iter().find(|kind| has(*kind));
            let Some(kind) = urgent.or_else(|| found.first().map(|it| it.kind)) else { break };
            let mut same: Vec<_> = found.into_iter().filter(|it| it.kind == kind).collect();
            same.sort_by_key(|finding| finding.message);
            match kind {
                Kind::InvalidToolId => fit_ids(&mut self.messages, &self.target),
                Kind::DuplicateToolId => mend::rename_again(&mut self.messages, chat),
                Kind::InvalidToolName => mend::fit_names(&mut self.messages, &self.target),
                Kind::InvalidToolInput => mend::write_inputs(&mut self.messages, &self.target),
                _ => {}
            }
            let mut moves = Moves::default();
            for finding in same {
                let done = mend_openai(&mut self.messages, &mut moves, &finding, &self.target);
                self.note(finding, done);
            }
            moves.carry_out(&mut self.messages);
        }
    }

    /// Moves answers that stand in the wrong place behind their calls, if there are any.
    fn bring_back(&mut self, found: &[Finding]) -> bool {
        let stray = found.iter().filter(|it| it.kind == Kind::OrphanToolResult);
        let stray: BTreeMap<usize, &Finding> = stray.map(|it| (it.message, it)).collect();
        if stray.is_empty() {
            return false;
        }
        let places: Vec<(usize, usize, usize)> = match self.target.provider {
            Provider::OpenAiChat => pairs::misplaced_answers(&self.messages),
            _ => pairs::early_answers(&self.messages, &Pairs::of_items(&self.messages))
                .into_iter()
                .map(|(answer, call)| (answer, call, call))
                .collect(),
        };
        let mut moves = Moves::default();
        for (answer, call, end) in places {
            let Some(message) = self.messages.get(answer).cloned() else { continue };
            moves.put(end, message);
            moves.leave_out(answer);
            if let Some(finding) = stray.get(&answer) {
                let kind = Kind::OrphanToolUse;
                let finding = Finding { message: call, kind, ..(*finding).clone() };
                self.note(finding, "its answer was moved behind it");
            }
        }
        moves.carry_out(&mut self.messages)
    }

    fn note(&mut self, finding: Finding, done: &'static str) {
        self.changes.push(Change { finding, done: done.into() });
    }
}

/// The findings to mend first: what takes something away comes before what depends on what is there. They
/// are all of one kind, the last first, so that mending one leaves the others where they are.
fn first(found: Vec<Finding>) -> Vec<Finding> {
    let order = |kind: Kind| match kind {
        Kind::InvalidRole
        | Kind::NoMessages
        | Kind::InvalidBlock
        | Kind::DuplicateItem
        | Kind::InvalidItemId => 0,
        Kind::UnsignedThinking | Kind::RedactedWithoutData | Kind::ThinkingWhileOff => 1,
        Kind::ThinkingWithoutText
        | Kind::ThinkingMissing
        | Kind::CacheMarkForbidden
        | Kind::OrphanServerToolUse
        | Kind::OrphanServerToolResult => 2,
        Kind::EmptyText | Kind::InvalidErrorResult => 3,
        Kind::EmptyMessage | Kind::MissingReply => 4,
        Kind::ConsecutiveRoles => 5,
        Kind::InvalidToolId
        | Kind::InvalidToolName
        | Kind::InvalidToolInput
        | Kind::EmptyToolCalls
        | Kind::UnsignedToolCall => 6,
        Kind::DuplicateToolId => 7,
        Kind::DuplicateToolResult | Kind::OrphanToolResult => 8,
        Kind::ToolResultNotFirst => 9,
        Kind::OrphanToolUse => 10,
        Kind::ThinkingLast => 11,
        Kind::FirstNotUser => 12,
        Kind::LoopWithoutThinking => 13,
        Kind::TooManyMarks | Kind::TtlOrder => 14,
        Kind::Prefill => 15,
        Kind::TrailingSpace => 16,
    };
    let key = |finding: &Finding| (order(finding.kind), finding.kind);
    let Some(least) = found.iter().map(key).min() else { return found };
    let mut same: Vec<_> = found.into_iter().filter(|finding| key(finding) == least).collect();
    same.sort_by_key(|finding| (finding.message, finding.block));
    same.reverse();
    same
}

fn mend(drafts: &mut Vec<Draft>, finding: &Finding, target: &Target) -> &'static str {
    let (at, block) = (finding.message, finding.block.unwrap_or(0));
    match finding.kind {
        // These are mended all at once.
        Kind::ConsecutiveRoles => "joined to the message before",
        Kind::OrphanToolUse => "an answer was put in: the tool was not run",
        Kind::DuplicateToolId | Kind::InvalidToolId => "renamed",
        Kind::EmptyMessage => "the message was left out",
        Kind::TooManyMarks => "the first mark was taken off",
        Kind::ToolResultNotFirst => "moved to the front",
        Kind::FirstNotUser => {
            drafts.insert(0, user("(The beginning of the conversation is missing.)"));
            "a message of the user was put before it"
        }
        Kind::Prefill => {
            drafts.push(user("Go on."));
            "a message of the user was put behind it"
        }
        Kind::ThinkingMissing => match (drafts.get_mut(at), target.demands(true)) {
            (Some(draft), Some(text)) => {
                draft.think(text);
                "thinking without a text was put in"
            }
            _ => "nothing",
        },
        Kind::LoopWithoutThinking => "the request must turn thinking off",
        kind => match drafts.get_mut(at) {
            Some(draft) => mend_block(draft, block, kind, target),
            None => "nothing",
        },
    }
}

fn mend_block(draft: &mut Draft, block: usize, kind: Kind, target: &Target) -> &'static str {
    draft.change();
    let edit = |draft: &mut Draft, edit: &dyn Fn(&str) -> Option<String>| {
        if let Some(part) = draft.parts.get_mut(block)
            && let Some(json) = edit(&part.json)
        {
            part.json = Json::checked(json);
        }
    };
    match kind {
        Kind::CacheMarkForbidden => {
            edit(draft, &|json| without_member(json, "cache_control").ok());
            "the mark was taken off"
        }
        Kind::TtlOrder => {
            let short = r#"{"type":"ephemeral"}"#;
            edit(draft, &|json| with_member(json, "cache_control", short).ok());
            "the mark lives for five minutes"
        }
        Kind::TrailingSpace => {
            edit(draft, &|json| {
                let text = string_member(json, "text")?;
                let mut trimmed = String::new();
                quote(&mut trimmed, text.trim_end());
                with_member(json, "text", &trimmed).ok()
            });
            "the white space was taken off"
        }
        Kind::ThinkingWithoutText => {
            edit(draft, &|json| with_member(json, "thinking", r#""""#).ok());
            "an empty text was put in"
        }
        Kind::InvalidToolInput => {
            edit(draft, &|json| with_member(json, "input", "{}").ok());
            "the input was emptied"
        }
        Kind::InvalidToolName => {
            edit(draft, &|json| call_name::renamed(json, target));
            "the name was changed"
        }
        Kind::InvalidErrorResult
            if draft.parts.get(block).is_some_and(|it| it.inner().count() > 0) =>
        {
            edit(draft, &|json| without_member(json, "is_error").ok());
            "it no longer says that the tool failed"
        }
        Kind::InvalidErrorResult => {
            edit(draft, &|json| with_member(json, "content", &quoted(FAILED)).ok());
            "a text was put in"
        }
        Kind::EmptyText if draft.parts.get(block).is_some_and(Part::is_result) => {
            let texts = draft.parts.get(block).map(without_empty_texts);
            edit(draft, &|json| match texts.as_deref() {
                None | Some("[]") => without_member(json, "content").ok(),
                Some(texts) => with_member(json, "content", texts).ok(),
            });
            "the empty text in it was left out"
        }
        kind => mend_whole(draft, block, kind),
    }
}

/// Leaves a block out, or what of it cannot be mended.
fn mend_whole(draft: &mut Draft, block: usize, kind: Kind) -> &'static str {
    match kind {
        Kind::InvalidBlock if draft.parts.get(block).is_some_and(is_foreign) => {
            if let Some(part) = draft.parts.get_mut(block) {
                let (json, origin) = (without_foreign(part), part.origin);
                *part = Part { origin, ..Part::new(json) };
            }
            "what only another API has was left out, and a text says so"
        }
        Kind::ThinkingLast => {
            while draft.parts.last().is_some_and(Part::is_thinking) {
                draft.parts.pop();
            }
            "left out, with the thinking right before it"
        }
        _ => {
            if block < draft.parts.len() {
                draft.parts.remove(block);
            }
            "the block was left out"
        }
    }
}

/// Whether a block, or one in a result, is one that only another API has.
fn is_foreign(part: &Part) -> bool {
    is_openais(&part.kind) || part.inner().any(|inner| is_openais(&kind(inner)))
}

/// The block with texts in place of such: a result is worth more than one of its parts.
fn without_foreign(part: &Part) -> Json {
    if !part.is_result() {
        return left_out(&part.kind, "text");
    }
    let inner = raw_member(&part.json, "content").unwrap_or_default();
    let blocks = replaced(inner, |kind| is_openais(kind).then(|| left_out(kind, "text")));
    with_member(&part.json, "content", &blocks).map_or_else(|_| part.json.clone(), Json::checked)
}

/// What a result says, without text that is none, as an array.
fn without_empty_texts(result: &Part) -> String {
    let mut left = String::from("[");
    for block in result.inner().filter(|block| !is_empty_text(block)) {
        left.push_str(if left.len() > 1 { "," } else { "" });
        left.push_str(block);
    }
    left.push(']');
    left
}

/// Says what a message of another API says in the words of this one, if it has any.
fn translate_role(draft: &mut Draft) -> Option<&'static str> {
    let answer = draft.whole().and_then(item::read);
    if let Some((id, said)) = answer {
        let result = ToolResult::json(id, said).to_anthropic();
        *draft = Draft::results([Part::new(result)].into());
        return Some("it is a result now");
    }
    (draft.role == "developer").then(|| {
        draft.role = "system".into();
        draft.change();
        "it is the system's now"
    })
}

/// Leaves messages out.
fn leave_out(drafts: &mut Vec<Draft>, found: &[Finding]) {
    let gone: BTreeSet<usize> = found.iter().map(|finding| finding.message).collect();
    let mut at = 0..;
    drafts.retain(|_| at.next().is_none_or(|at| !gone.contains(&at)));
}

fn user(text: &str) -> Draft {
    Draft::user(&quoted(text), true)
}

/// Joins messages to those before them.
fn join(drafts: &mut Vec<Draft>, found: &[Finding]) {
    let second: BTreeSet<usize> = found.iter().map(|finding| finding.message).collect();
    let mut joined: Vec<Draft> = Vec::with_capacity(drafts.len());
    for (at, draft) in drafts.drain(..).enumerate() {
        match joined.last_mut() {
            Some(last) if second.contains(&at) => last.join(draft),
            _ => joined.push(draft),
        }
    }
    *drafts = joined;
}

/// Takes off the first marks: the last four are worth the most, for they have the longest prefixes.
fn unmark(drafts: &mut [Draft], mut marks: usize) {
    for draft in drafts {
        for at in 0..draft.parts.len() {
            let marked = draft.parts.get(at).filter(|part| marks > 0 && part.mark().is_some());
            let bare = marked.and_then(|part| without_member(&part.json, "cache_control").ok());
            if let Some((json, part)) = bare.zip(draft.parts.get_mut(at)) {
                part.json = Json::checked(json);
                marks = marks.saturating_sub(1);
                draft.change();
            }
        }
    }
}
