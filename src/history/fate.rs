//! What becomes of each block, and where the watermark stands: every rule on what goes out is here.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::report::{Note, Reason};
use super::{Compaction, Entry, History, Keep, Mode, Policy, Reply, Switch, Target};
use crate::json::edit::{raw_member, string_member};
use crate::json::reader::Items;
use crate::message::{Block, Content, InvalidReason, Message, Provider, ThinkingContent, ToolUse};
use crate::models::{Model, Replay};
use crate::stop::StopReason;
use crate::text::Text;

/// What becomes of the blocks of a history.
pub(super) struct Fates {
    /// Of each entry, of each block: `None` if it goes out.
    pub(super) blocks: Vec<Vec<Option<Reason>>>,
    /// Answers to calls that do not go out: their entries and ids.
    pub(super) unasked: BTreeSet<(usize, Text)>,
    /// Thinking before this entry does not go out.
    pub(super) watermark: usize,
    /// The block that the request begins with, if it begins with a compaction.
    pub(super) compaction: Option<(usize, usize)>,
    /// The first entry of the tool loop in progress.
    pub(super) in_progress: Option<usize>,
    pub(super) notes: Vec<Note>,
}

/// Decides what becomes of each block.
pub(super) fn decide(history: &History, target: &Target, policy: &Policy) -> Fates {
    let in_progress = history.in_progress();
    let (watermark, why) = watermark(history, target, policy, in_progress);
    let compaction = compaction(history, policy);
    let rules = Rules { history, target, policy, in_progress, compaction };
    let blocks = rules.all(watermark);
    let (unasked, notes) = (BTreeSet::new(), Vec::new());
    let mut fates = Fates { blocks, unasked, watermark, compaction, in_progress, notes };
    if let Some(gap) = fates.gap(target) {
        fates.watermark = gap;
        fates.blocks = rules.all(gap);
    }
    if fates.watermark > history.watermark {
        let why =
            if fates.watermark > watermark { "a gap would break later signatures" } else { why };
        fates.notes.push(Note::Watermark { entry: fates.watermark, why: why.into() });
    }
    fates.no_last_thinking(history, target);
    fates.look_at_loop(history, target);
    fates.look_at_answers(history);
    fates
}

/// Where thinking begins to go out, and why there. Never inside the tool loop in progress.
fn watermark(
    history: &History,
    target: &Target,
    policy: &Policy,
    in_progress: Option<usize>,
) -> (usize, &'static str) {
    let limit = in_progress.unwrap_or(history.entries.len());
    let by_api = policy.context_edits.as_ref().is_some_and(|edits| edits.clear_thinking.is_some());
    let keep = if by_api { Keep::All } else { policy.keep };
    let kept = match keep {
        Keep::All => 0,
        Keep::Nothing | Keep::LastTurns(0) => limit,
        Keep::LastTurns(turns) => {
            let begins = history.turns();
            let first = begins.len().checked_sub(turns).and_then(|first| begins.get(first));
            first.copied().unwrap_or(0).min(limit)
        }
    };
    let last = history.replies().filter_map(|(_, reply)| reply.provenance.at_ms).max();
    let paused = match (policy.stale_after_ms.filter(|_| !by_api), target.now_ms, last) {
        (Some(after), Some(now), Some(last)) => now.saturating_sub(last) >= after,
        _ => false,
    };
    let stale = if paused { limit } else { 0 };
    let reason = if stale > kept { "the pause was long" } else { "older than what is kept" };
    (history.watermark.max(kept).max(stale), reason)
}

/// The last compaction block, if what stands before it is to be left out.
fn compaction(history: &History, policy: &Policy) -> Option<(usize, usize)> {
    if policy.compaction == Compaction::Keep {
        return None;
    }
    // One that failed has no content.
    let written = |block: &Block| match &block.content {
        Content::Other(other) if other.kind == "compaction" => {
            raw_member(&other.raw, "content").is_some_and(|content| content != "null")
        }
        _ => false,
    };
    history.replies().rev().find_map(|(entry, reply)| {
        Some((entry, reply.message.content.iter().rposition(|block| written(block))?))
    })
}

impl History {
    /// The first entry of the turn in progress, if the model has said something in it.
    fn in_progress(&self) -> Option<usize> {
        let begin = self.entries.iter().rposition(Entry::begins_turn);
        let first = begin.map_or(0, |begin| begin.saturating_add(1));
        let behind = self.entries.get(first..).unwrap_or_default();
        behind.iter().any(|entry| matches!(entry, Entry::Assistant(_))).then_some(first)
    }

    /// Where the turns begin in which the model has said something.
    fn turns(&self) -> Vec<usize> {
        let (mut turns, mut begin) = (Vec::new(), 0);
        for (at, entry) in self.entries.iter().enumerate() {
            match entry {
                Entry::Assistant(_) if turns.last() != Some(&begin) => turns.push(begin),
                entry if entry.begins_turn() => begin = at,
                _ => {}
            }
        }
        turns
    }

    fn is_answered(&self, entry: usize, id: &str) -> bool {
        let behind = self.entries.get(entry..).unwrap_or_default();
        behind.iter().any(|entry| match entry {
            Entry::ToolResult(result) => result.id == id,
            Entry::User(content) => answered(content).any(|answer| answer == id),
            Entry::Assistant(_) => false,
        })
    }
}

impl Fates {
    /// Where the watermark must be moved to, so that what is dropped is a part at the front: a gap would
    /// make all later signatures invalid where they are bound to their prefix.
    fn gap(&self, target: &Target) -> Option<usize> {
        let changes = |reason: &Option<Reason>| {
            matches!(reason, Some(Reason::OtherModel | Reason::OtherAccount | Reason::Rejected))
        };
        let last = self.blocks.iter().rposition(|blocks| blocks.iter().any(changes))?;
        let behind = last.saturating_add(1);
        (target.binds_prefix() && behind > self.watermark).then_some(behind)
    }

    /// No message of the assistant may end with thinking: replies that follow each other are one message.
    /// Nor may a response of `OpenAI` end with reasoning that led to nothing. A chat may.
    fn no_last_thinking(&mut self, history: &History, target: &Target) {
        let mut end = true;
        for (entry, fates) in history.entries.iter().zip(&mut self.blocks).rev() {
            end |= target.provider == Provider::OpenAiResponses;
            let Entry::Assistant(reply) = entry else {
                end = true;
                continue;
            };
            if target.provider == Provider::OpenAiChat {
                continue;
            }
            for (block, fate) in reply.message.content.iter().zip(fates).rev() {
                if !end || fate.is_some() {
                    continue;
                }
                if is_thinking(block) {
                    *fate = Some(Reason::Last);
                } else {
                    end = false;
                }
            }
        }
    }

    /// An answer to a call that does not go out would be one to nothing.
    fn look_at_answers(&mut self, history: &History) {
        let mut gone: BTreeMap<&str, bool> = BTreeMap::new();
        for (at, (entry, fates)) in history.entries.iter().zip(&self.blocks).enumerate() {
            match entry {
                Entry::Assistant(reply) => {
                    for (block, fate) in reply.message.content.iter().zip(fates) {
                        if let Content::ToolUse(tool) = &block.content {
                            gone.insert(&tool.id, fate.is_some());
                        }
                    }
                }
                Entry::ToolResult(result) => {
                    if gone.get(result.id.as_str()) == Some(&true) {
                        self.unasked.insert((at, result.id.clone()));
                    }
                }
                Entry::User(content) => {
                    for id in answered(content) {
                        if gone.get(id.as_str()) == Some(&true) {
                            self.unasked.insert((at, id.into()));
                        }
                    }
                }
            }
        }
    }

    /// Says what follows if the tool loop in progress has lost its thinking.
    fn look_at_loop(&mut self, history: &History, target: &Target) {
        let Some(first) = self.in_progress else { return };
        let entries = history.entries.iter().zip(&self.blocks).skip(first);
        let lost = entries.into_iter().any(|(entry, fates)| match entry {
            Entry::Assistant(reply) => reply
                .message
                .content
                .iter()
                .zip(fates)
                .any(|(block, fate)| is_thinking(block) && fate.is_some_and(Reason::takes_away)),
            _ => false,
        });
        if !lost {
            return;
        }
        let consequence = match target.mode {
            Mode::Enabled => "the API refuses the request unless it turns thinking off",
            Mode::Off => "thinking is off until the loop ends",
            Mode::Adaptive | Mode::Unknown => "the model goes on without what it thought in it",
        };
        self.notes.push(Note::LoopWithoutThinking { consequence: consequence.into() });
    }
}

impl Reason {
    /// Whether thinking that could have gone out does not.
    fn takes_away(self) -> bool {
        !matches!(
            self,
            Self::NotReplayable | Self::Cut | Self::Last | Self::Refused | Self::NotTaken
        )
    }
}

/// What a block's fate goes by.
struct Rules<'a> {
    history: &'a History,
    target: &'a Target,
    policy: &'a Policy,
    in_progress: Option<usize>,
    compaction: Option<(usize, usize)>,
}

impl Rules<'_> {
    fn all(&self, watermark: usize) -> Vec<Vec<Option<Reason>>> {
        let entries = self.history.entries.iter().enumerate();
        entries
            .map(|(at, entry)| match entry {
                Entry::Assistant(reply) => self.of_reply(at, reply, watermark),
                _ => Vec::new(),
            })
            .collect()
    }

    fn of_reply(&self, entry: usize, reply: &Reply, watermark: usize) -> Vec<Option<Reason>> {
        let message = &reply.message;
        let blocks = message.content.iter().enumerate();
        if message.stop_reason == Some(StopReason::Refusal) {
            return blocks.map(|_| Some(Reason::Refused)).collect();
        }
        let mut fates: Vec<_> = blocks
            .map(|(at, block)| {
                let before = self.compaction.is_some_and(|compaction| (entry, at) < compaction);
                if before {
                    return Some(Reason::BeforeCompaction);
                }
                self.of_form(entry, message, at, block).or_else(|| {
                    let thinking = is_thinking(block);
                    let of_thinking = || self.of_thinking(entry, reply, block, watermark);
                    thinking.then(of_thinking).flatten()
                })
            })
            .collect();
        let cut = message.stop_reason.as_ref().is_some_and(StopReason::is_cut);
        if cut || !message.complete {
            self.cut_back(entry, message, &mut fates);
        }
        fates
    }

    /// What the form of a block, and the API that it is from, forbid.
    fn of_form(&self, entry: usize, message: &Message, at: usize, block: &Block) -> Option<Reason> {
        let foreign = message.provider != self.target.provider;
        match &block.content {
            Content::Text(text) if self.is_empty(&text.text) => return Some(Reason::EmptyText),
            Content::Text(_) if message.complete && !block.damaged => {}
            Content::ToolUse(tool) if foreign && !tool.kind.is_client() => {
                return Some(Reason::OtherProvider);
            }
            Content::Other(_) | Content::Thinking(_) | Content::RedactedThinking(_) if foreign => {
                return Some(Reason::OtherProvider);
            }
            // What the model wrote in place of arguments goes back with what was said of it.
            Content::ToolUse(tool)
                if tool.is_nonsense()
                    && block.complete
                    && !block.damaged
                    && message.complete
                    && self.target.provider == Provider::Anthropic
                    && self.history.is_answered(entry, &tool.id) => {}
            _ if !block.replayable => return Some(Reason::NotReplayable),
            _ => {}
        }
        let declined = message.last_fallback().is_some_and(|last| at < last);
        (declined && block.belongs_to_its_model()).then_some(Reason::BeforeFallback)
    }

    /// Anthropic's API refuses text that is nothing but white space too.
    fn is_empty(&self, text: &str) -> bool {
        let anthropic = self.target.provider == Provider::Anthropic;
        text.is_empty() || anthropic && text.trim().is_empty()
    }

    /// What forbids thinking that could go back as it is.
    fn of_thinking(
        &self,
        entry: usize,
        reply: &Reply,
        block: &Block,
        watermark: usize,
    ) -> Option<Reason> {
        let Self { target, policy, .. } = self;
        let Reply { message, provenance } = reply;
        let other_account = match (&provenance.account, &target.account) {
            (Some(own), Some(other)) => own != other,
            _ => false,
        };
        let author = message.model.as_deref().unwrap_or(&target.model);
        let other_model = !Model::same_family(author, &target.model);
        let kept = match policy.switch {
            Switch::Keep => true,
            Switch::Drop => false,
            Switch::ByModel => match target.provider {
                Provider::Anthropic => target.knows(|row| row.drops_foreign_thinking),
                // What is encrypted is read by all models of the organisation, as far as is seen.
                Provider::OpenAiResponses => true,
                Provider::OpenAiChat => false,
            },
        };
        let bound = |model: Option<Model>| model.is_some_and(|row| row.bound_to_account);
        if provenance.issuer != target.issuer {
            return Some(Reason::OtherIssuer);
        }
        if entry < watermark {
            return Some(Reason::BeforeWatermark);
        }
        if target.mode == Mode::Off && target.provider == Provider::Anthropic {
            return Some(Reason::ThinkingOff);
        }
        let sealed = || target.provider == Provider::OpenAiResponses || bound(Model::find(author));
        if other_account && sealed() {
            return Some(Reason::OtherAccount);
        }
        if other_model && !kept {
            return Some(Reason::OtherModel);
        }
        if fingerprint(block).is_some_and(|print| self.history.rejected.contains(&print)) {
            return Some(Reason::Rejected);
        }
        match (target.provider, &block.content) {
            (Provider::OpenAiChat, Content::Thinking(thinking)) => {
                self.of_chat(entry, block, thinking)
            }
            (Provider::OpenAiResponses, _) => {
                let sealed =
                    block.raw.as_deref().and_then(|raw| raw_member(raw, "encrypted_content"));
                let found = target.store || sealed.is_some_and(|sealed| sealed != "null");
                (!found).then_some(Reason::NotEncrypted)
            }
            _ => None,
        }
    }

    /// Plain reasoning goes back only where it is wanted; what is signed or structured always.
    fn of_chat(&self, entry: usize, block: &Block, thinking: &ThinkingContent) -> Option<Reason> {
        let in_content = thinking.field.as_ref().is_some_and(|field| *field == "content");
        if block.raw.is_some() || thinking.signature.is_some() || in_content {
            return None;
        }
        let wanted = match self.target.replay {
            Replay::Never => false,
            Replay::Always => true,
            Replay::InToolLoop => self.in_progress.is_some_and(|first| entry >= first),
        };
        (!wanted).then_some(Reason::NotTaken)
    }

    /// A cut reply goes back up to its last whole text, or the last call that was answered.
    fn cut_back(&self, entry: usize, message: &Message, fates: &mut [Option<Reason>]) {
        let stands = |block: &Block| match &block.content {
            Content::Text(_) => true,
            Content::ToolUse(tool) if tool.kind.is_client() => {
                self.history.is_answered(entry, &tool.id)
            }
            // What the provider's tools gave belongs to what was said of it.
            _ => false,
        };
        let blocks = || message.content.iter().zip(fates.iter());
        let last = blocks().rposition(|(block, fate)| fate.is_none() && stands(block));
        let behind = last.map_or(0, |last| last.saturating_add(1));
        for (at, (block, fate)) in message.content.iter().zip(fates).enumerate() {
            let unanswered = matches!(&block.content, Content::ToolUse(tool) if tool.kind.is_client())
                && !stands(block);
            if fate.is_none() && (at >= behind || unanswered) {
                *fate = Some(Reason::Cut);
            }
        }
    }
}

impl ToolUse {
    /// Whether the model wrote arguments to the end, and they are no JSON object.
    fn is_nonsense(&self) -> bool {
        let reason = self.input.as_ref().err().map(|invalid| invalid.reason);
        self.kind.is_client() && reason.is_some_and(|reason| reason != InvalidReason::Cut)
    }
}

/// The ids of the calls that a user's message answers.
fn answered(content: &str) -> impl Iterator<Item = alloc::string::String> {
    let blocks = raw_member(content, "content").unwrap_or(content);
    let answers = Items::new(blocks).filter(|block| super::kind(block) == "tool_result");
    answers.filter_map(|block| string_member(block, "tool_use_id"))
}

pub(super) fn is_thinking(block: &Block) -> bool {
    matches!(block.content, Content::Thinking(_) | Content::RedactedThinking(_))
}

/// What tells a signed block from all others: the SHA-256 of its type and its signature, data or item.
pub(super) fn fingerprint(block: &Block) -> Option<Text> {
    match &block.content {
        Content::Thinking(thinking) => {
            let sealed = thinking.signature.as_deref().or(block.raw.as_deref())?;
            Some(print("thinking", sealed))
        }
        Content::RedactedThinking(redacted) => Some(print("redacted_thinking", &redacted.data)),
        _ => None,
    }
}

fn print(kind: &str, sealed: &str) -> Text {
    use core::fmt::Write as _;
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    hash.update(kind);
    hash.update([0]);
    hash.update(sealed);
    let mut text = alloc::string::String::with_capacity(32);
    // Half of it is more than enough, and half as long.
    for byte in hash.finalize().iter().take(16) {
        let _ = write!(text, "{byte:02x}");
    }
    text.into()
}
