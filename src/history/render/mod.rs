//! The record as the next request sends it.

mod answer;
mod anthropic;
mod calls;
mod document;
mod marks;
mod openai;
mod translate;

use alloc::string::String;
use alloc::vec::Vec;

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::fate::{self, Fates};
use super::report::{Action, Note, Reason, Report};
use super::{
    ContextEdits, Entry, Finding, FindingKind, History, Keep, Mode, Policy, Repaired, Target, Ttl,
};
use crate::json::Json;
use crate::message::{Content, Provider};
use crate::stop::StopReason;
use crate::text::Text;

/// A history as the next request sends it.
///
/// Serialises as the array of its messages, so that it can stand in a request of your own:
///
/// ```
/// use serde::Serialize;
/// use thinkstream::history::Rendered;
///
/// #[derive(Serialize)]
/// struct Request<'a> {
///     model: &'a str,
///     max_tokens: u32,
///     stream: bool,
///     messages: &'a Rendered, // `input` of the Responses API
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Rendered {
    /// The messages, or the items of the Responses API.
    pub messages: Vec<Json>,
    /// The mark that the last block of the system prompt shall have, as its `cache_control`. It covers the
    /// tools too.
    pub system_mark: Option<Ttl>,
    /// Fields beside the messages: `context_management`.
    pub fields: Vec<(Text, Json)>,
    /// What the header `anthropic-beta` must have, beside what you ask for yourself.
    pub betas: Vec<Text>,
    /// What became of each block.
    pub report: Report,
    /// The fingerprints of the signed blocks that go out, each with its message or item and its block.
    pub(super) signed: Vec<Signed>,
    /// The first of the messages. Others may be put before it.
    first: Option<Json>,
}

/// A signed block that goes out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Signed {
    pub(super) message: usize,
    pub(super) block: usize,
    pub(super) print: Text,
}

impl History {
    /// Makes the messages of the next request, and moves the watermark where the policy says so.
    ///
    /// The same history, target and policy give the same again, however often they are rendered. To see what
    /// another target or policy would give, [`preview`](Self::preview) it: what a rendering has removed for
    /// good is removed for all. An escape that is half of a surrogate pair, as of a result that was cut in an emoji, is
    /// U+FFFD in it: no API takes a request that has one.
    pub fn render(&mut self, target: &Target, policy: &Policy) -> Rendered {
        let (rendered, watermark, why) = self.draft(target, policy);
        (self.watermark, self.watermark_why) = (watermark, why);
        rendered
    }

    /// What [`render`](Self::render) would give. The watermark stays where it is.
    #[must_use]
    pub fn preview(&self, target: &Target, policy: &Policy) -> Rendered {
        self.draft(target, policy).0
    }

    /// What the API would refuse in the messages of the next request, with no policy but to keep all.
    #[must_use]
    pub fn validate(&self, target: &Target) -> Vec<Finding> {
        let rendered = self.preview(target, &Policy::default());
        let mut found = super::validate(&rendered.messages, target);
        // A pause of the provider's own tools, or a cut reply, is gone on from as it is.
        let lost = |entry: &&Entry| match entry {
            Entry::Assistant(reply) => !reply.message.content.iter().any(|block| block.replayable),
            _ => false,
        };
        let goes_on = match self.entries.iter().rev().find(|entry| !lost(entry)) {
            Some(Entry::Assistant(reply)) => {
                reply.message.stop_reason == Some(StopReason::PauseTurn)
            }
            last => matches!(last, Some(Entry::Prefill(_))) && target.prefills(),
        };
        let last = rendered.messages.len().saturating_sub(1);
        let usual = |finding: &Finding| {
            let kind = matches!(finding.kind, FindingKind::Prefill | FindingKind::ThinkingLast);
            goes_on && kind && finding.message == last
        };
        found.retain(|finding| !usual(finding));
        found
    }

    fn draft(&self, target: &Target, policy: &Policy) -> (Rendered, usize, Text) {
        let mut fates = fate::decide(self, target, policy);
        let mut rendered = Rendered::default();
        rendered.report.notes = core::mem::take(&mut fates.notes);
        self.report_dropped(&fates, &mut rendered.report);
        Self::report_answers(&fates, &mut rendered.report);
        let refused = self
            .replies()
            .filter(|(_, reply)| matches!(reply.message.stop_reason, Some(StopReason::Refusal)));
        rendered.report.notes.extend(refused.map(|(entry, _)| Note::AskedAgain { entry }));
        if matches!(self.entries.last(), Some(Entry::Prefill(_))) && !target.prefills() {
            rendered.report.notes.push(Note::PrefillNotTaken);
        }
        match target.provider {
            Provider::Anthropic => anthropic::render(self, target, policy, &fates, &mut rendered),
            Provider::OpenAiResponses | Provider::OpenAiChat => {
                openai::render(self, target, policy, &fates, &mut rendered);
            }
        }
        for message in &mut rendered.messages {
            *message = message.clone().paired();
        }
        rendered.first = rendered.messages.first().cloned();
        rendered.report.lines.sort_by_key(|line| (line.entry, line.block));
        if let Some(edits) = policy.context_edits.as_ref().filter(|_| target.is_anthropic()) {
            rendered.edit(edits, target);
        }
        (rendered, fates.watermark, fates.why)
    }

    fn report_dropped(&self, fates: &Fates, report: &mut Report) {
        let answers = &fates.answers;
        let first = fates.compaction.map_or(0, |(entry, _)| entry);
        for (at, entry) in self.entries.iter().enumerate().take(first) {
            let kinds: Vec<String> = match entry {
                Entry::User(content) if content.starts_with(['[', '{']) => {
                    super::turns::user_blocks(content).map(super::kind).collect()
                }
                Entry::User(_) | Entry::Prefill(_) => [String::from("text")].into(),
                Entry::ToolResult(_) => [String::from("tool_result")].into(),
                Entry::Assistant(_) => Vec::new(),
            };
            for (block, kind) in kinds.iter().enumerate() {
                report.line((at, block), kind, None, Action::Dropped(Reason::BeforeCompaction));
            }
        }
        for (at, reply) in self.replies() {
            let fates = fates.blocks.get(at).map(Vec::as_slice).unwrap_or_default();
            let behind = self.entries.get(at.saturating_add(1));
            let goes_on = matches!(behind, Some(Entry::Prefill(text)) if !text.is_empty());
            if fates.iter().all(Option::is_some) && !goes_on {
                report.notes.push(Note::EmptyReply { entry: at });
            }
            for ((block, content), fate) in reply.message.content.iter().enumerate().zip(fates) {
                if let Some(reason) = fate {
                    let kind = content.content.kind();
                    let cut = goes_on && kind == "text" && *reason == Reason::NotReplayable;
                    let reason = if cut { Reason::SaidBehind } else { *reason };
                    report.line((at, block), kind, None, Action::Dropped(reason));
                }
                if let (Content::ToolUse(tool), None) = (&content.content, fate)
                    && tool.kind.is_client()
                    && at.saturating_add(1) < self.entries.len()
                    && !answers.has((at, block))
                {
                    report.notes.push(Note::Unanswered { id: tool.id.clone() });
                }
            }
        }
    }

    fn report_answers(fates: &Fates, report: &mut Report) {
        for answer in &fates.unasked {
            report.line(*answer, "tool_result", None, Action::Dropped(Reason::Unasked));
        }
        let compacted = fates.compaction.map_or(0, |(entry, _)| entry);
        let goes = |answer| !fates.unasked.contains(&answer) && answer.0 >= compacted;
        let [again, stray] = fates.answers.odd(goes);
        report.notes.extend(again.into_iter().map(|id| Note::AnsweredAgain { id }));
        report.notes.extend(stray.into_iter().map(|id| Note::NotAsked { id }));
    }
}

impl Rendered {
    /// The messages as one JSON array.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut text = String::from("[");
        for message in &self.messages {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(message);
        }
        text.push(']');
        Json::checked(text)
    }

    /// Mends what the API would refuse: see [`repair`](super::repair).
    #[must_use]
    pub fn repair(&self, target: &Target) -> Repaired {
        super::repair(&self.messages, target)
    }

    /// How many messages were put before the first of the rendering.
    pub(super) fn put_before(&self) -> usize {
        let first = self.first.as_ref();
        let place = self.messages.iter().position(|message| Some(message) == first);
        place.unwrap_or_default()
    }

    /// Leaves edits to the API.
    fn edit(&mut self, edits: &ContextEdits, target: &Target) {
        let mut list = Vec::new();
        // The API wants it first, and refuses it where thinking is off.
        if let Some(keep) = edits.clear_thinking.filter(|_| target.mode != Mode::Off) {
            let keep = match keep {
                Keep::All => json!({ "type": "all" }),
                Keep::LastTurns(turns) => {
                    json!({ "type": "thinking_turns", "value": turns.max(1) })
                }
                Keep::Nothing => json!({ "type": "thinking_turns", "value": 1 }),
            };
            list.push(json!({ "type": "clear_thinking_20251015", "keep": keep }));
        }
        if let Some(clear) = &edits.clear_tool_uses {
            list.push(clear.to_value());
        }
        for edit in &list {
            let kind = edit.get("type").and_then(Value::as_str).unwrap_or_default();
            self.report.notes.push(Note::ServerSide { edit: kind.into() });
        }
        if !list.is_empty() {
            self.fields.push(("context_management".into(), json!({ "edits": list }).into()));
            self.betas.push("context-management-2025-06-27".into());
        }
    }
}

impl super::ClearToolUses {
    fn to_value(&self) -> Value {
        let tokens = |value: u64| json!({ "type": "input_tokens", "value": value });
        let mut edit = serde_json::Map::new();
        edit.insert("type".into(), "clear_tool_uses_20250919".into());
        let members = [
            ("trigger", self.trigger_input_tokens.map(tokens)),
            ("keep", self.keep.map(|value| json!({ "type": "tool_uses", "value": value }))),
            ("clear_at_least", self.clear_at_least.map(tokens)),
            ("exclude_tools", (!self.exclude_tools.is_empty()).then(|| json!(self.exclude_tools))),
            ("clear_tool_inputs", self.clear_tool_inputs.map(Value::Bool)),
        ];
        for (key, value) in members {
            if let Some(value) = value {
                edit.insert(key.into(), value);
            }
        }
        Value::Object(edit)
    }
}

impl Target {
    fn is_anthropic(&self) -> bool {
        self.provider == Provider::Anthropic
    }
}

impl Serialize for Rendered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.messages.len()))?;
        for message in &self.messages {
            seq.serialize_element(message)?;
        }
        seq.end()
    }
}
