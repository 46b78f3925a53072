//! What becomes of each block, and where the watermark stands. Every rule on what goes out is here, but for
//! who may read a block of thinking, which is in `thinking`.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::report::{Note, Reason};
use super::turns::{Answers, Origin};
use super::{Compaction, Entry, History, Keep, Mode, Policy, Reply, Target};
use crate::json::edit::raw_member;
use crate::message::{Block, Content, Message, Provider};
use crate::models::other_vendor;
use crate::stop::StopReason;
use crate::text::Text;

/// What becomes of the blocks of a history.
pub(super) struct Fates {
    /// Of each entry, of each block: `None` if it goes out.
    pub(super) blocks: Vec<Vec<Option<Reason>>>,
    /// Thinking that goes out, and that the API does not show to the model.
    pub(super) ignored: BTreeMap<(usize, usize), Reason>,
    /// Answers to calls that do not go out.
    pub(super) unasked: BTreeSet<Origin>,
    /// Calls that a call of a program has made which does not go out: their entries and blocks.
    pub(super) uncalled: BTreeSet<(usize, usize)>,
    /// Thinking before this entry does not go out.
    pub(super) watermark: usize,
    /// Why the watermark was moved there.
    pub(super) why: Text,
    /// The block that the request begins with, if it begins with a compaction.
    pub(super) compaction: Option<(usize, usize)>,
    /// The first entry of the tool loop in progress.
    pub(super) in_progress: Option<usize>,
    pub(super) answers: Answers,
    pub(super) notes: Vec<Note>,
}

/// Decides what becomes of each block.
pub(super) fn decide(history: &History, target: &Target, policy: &Policy) -> Fates {
    let in_progress = history.in_progress();
    let (mut watermark, mut why) = watermark(history, target, policy, in_progress);
    let answers = history.answers();
    let mut rules = Rules { history, target, policy, in_progress, answers, compaction: None };
    rules.compaction = rules.compaction();
    let mut blocks = rules.all(watermark);
    if let Some(gap) = gap(&blocks, target).filter(|gap| *gap > watermark) {
        (watermark, why) = (gap, "a gap would break the signatures behind it".into());
        blocks = rules.all(gap);
    }
    if target.binds_prefix() && history.edited > watermark {
        (watermark, why) =
            (history.edited, "what was said before has changed, and the signatures with it".into());
        blocks = rules.all(watermark);
    }
    let mut fates = Fates {
        blocks,
        ignored: BTreeMap::new(),
        unasked: BTreeSet::new(),
        uncalled: BTreeSet::new(),
        watermark,
        why,
        compaction: rules.compaction,
        in_progress,
        answers: Answers::default(),
        notes: Vec::new(),
    };
    fates.pair_server_tools(history, target);
    fates.no_last_thinking(history, target);
    fates.look_at_ignored(&rules);
    fates.answers = rules.answers;
    fates.look_at_loop(history, target);
    fates.look_at_answers();
    fates.note_watermark();
    fates
}

/// Where thinking begins to go out, and why there. Never inside the tool loop in progress.
fn watermark(
    history: &History,
    target: &Target,
    policy: &Policy,
    in_progress: Option<usize>,
) -> (usize, Text) {
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
    // Of the last reply alone: an older time would be a pause again on each turn.
    let last = history.replies().next_back().and_then(|(_, reply)| reply.provenance.at_ms);
    let paused = match (policy.stale_after_ms.filter(|_| !by_api), target.now_ms, last) {
        (Some(after), Some(now), Some(last)) => now.saturating_sub(last) >= after,
        _ => false,
    };
    let stale = if paused { limit } else { 0 };
    let moved = kept.max(stale);
    if moved <= history.watermark {
        return (history.watermark, history.watermark_why.clone());
    }
    let why = if stale > kept { "the pause was long" } else { "older than what is kept" };
    (moved, why.into())
}

/// Where the watermark must be moved to, so that what is dropped is a part at the front: a gap would make all
/// later signatures invalid where they are bound to their prefix.
fn gap(blocks: &[Vec<Option<Reason>>], target: &Target) -> Option<usize> {
    let changes = |reason: &Option<Reason>| {
        matches!(reason, Some(Reason::OtherModel | Reason::OtherAccount | Reason::Rejected))
    };
    let last = blocks.iter().rposition(|blocks| blocks.iter().any(changes))?;
    target.binds_prefix().then(|| last.saturating_add(1))
}

impl Fates {
    /// No message of the assistant may end with thinking, nor a response of `OpenAI` with reasoning that led
    /// to nothing. A chat may. A pause is gone on from as it is.
    fn no_last_thinking(&mut self, history: &History, target: &Target) {
        if target.provider == Provider::OpenAiChat {
            return;
        }
        // Whether a pause is gone on from by what follows: nothing yet, or a reply of which something goes
        // out; one of which nothing does is none. What is decided of a reply must not change with what is said long
        // after it.
        let mut goes_on = true;
        for (entry, fates) in history.entries.iter().zip(&mut self.blocks).rev() {
            let Entry::Assistant(Reply { message, .. }) = entry else {
                goes_on = false;
                continue;
            };
            let paused = message.stop_reason == Some(StopReason::PauseTurn);
            if !(paused && goes_on) {
                for (block, fate) in message.content.iter().zip(fates.iter_mut()).rev() {
                    match fate {
                        Some(_) => {}
                        None if is_thinking(block) => *fate = Some(Reason::Last),
                        None => break,
                    }
                }
            }
            goes_on |= fates.iter().any(Option::is_none);
        }
    }

    /// An answer to a call that does not go out would be one to nothing.
    fn look_at_answers(&mut self) {
        let is_gone = |(entry, place): Origin| {
            self.blocks.get(entry).and_then(|fates| fates.get(place)).is_some_and(Option::is_some)
        };
        let gone = self.answers.iter().filter(|(_, call)| is_gone(*call));
        self.unasked = gone.map(|(answer, _)| answer).collect();
    }

    /// Notes what goes out in vain, and what is not known of who reads it.
    fn look_at_ignored(&mut self, rules: &Rules<'_>) {
        let mut unstated: BTreeSet<Text> = BTreeSet::new();
        for (entry, reply) in rules.history.replies() {
            let fates = self.blocks.get(entry).map(Vec::as_slice).unwrap_or_default();
            let blocks = reply.message.content.iter().zip(fates).enumerate();
            for (at, (block, fate)) in blocks.filter(|(_, (block, _))| is_thinking(block)) {
                if fate.is_some() {
                    continue;
                }
                if let Some(reason) = rules.ignored(entry, reply, block) {
                    self.ignored.insert((entry, at), reason);
                }
                unstated.extend(rules.unstated_account(reply));
            }
        }
        self.notes.extend(unstated.into_iter().map(|model| Note::AccountUnstated { model }));
        let target = rules.target;
        if target.provider == Provider::Anthropic && target.row.is_none() {
            self.notes.push(Note::UnknownModel { model: target.model.clone() });
        }
    }

    fn note_watermark(&mut self) {
        let behind = self.blocks.iter().flatten().any(|it| *it == Some(Reason::BeforeWatermark));
        if behind {
            self.notes.push(Note::Watermark { entry: self.watermark, why: self.why.clone() });
        }
    }

    /// Says what follows if the tool loop in progress has lost its thinking, or has none where it must begin with it.
    fn look_at_loop(&mut self, history: &History, target: &Target) {
        let Some(first) = self.in_progress else { return };
        let unread = self.ignored.range((first, 0)..).next().is_some();
        let entries = history.entries.iter().zip(&self.blocks).skip(first);
        // What goes out of a turn without a call is no loop.
        let calls = |(entry, fates): (&Entry, &Vec<Option<Reason>>)| match entry {
            Entry::Assistant(reply) => {
                reply.message.content.iter().zip(fates).any(|(block, fate)| {
                    fate.is_none() && matches!(block.content, Content::ToolUse(_))
                })
            }
            _ => false,
        };
        if !entries.clone().any(calls) {
            return;
        }
        let begins = |(entry, fates): (&Entry, &Vec<Option<Reason>>)| match entry {
            Entry::Assistant(reply) => {
                let mut sent = reply.message.content.iter().zip(fates);
                sent.find(|(_, fate)| fate.is_none()).map(|(block, _)| is_thinking(block))
            }
            _ => None,
        };
        // Where thinking is demanded of every reply, it gets some.
        let must = target.provider == Provider::Anthropic
            && target.mode == Mode::Enabled
            && target.demands(true).is_none();
        let bare = must && entries.clone().find_map(begins) == Some(false);
        let lost = unread
            || bare
            || entries.into_iter().any(|(entry, fates)| match entry {
                Entry::Assistant(reply) => {
                    reply.message.content.iter().zip(fates).any(|(block, fate)| {
                        is_thinking(block) && fate.is_some_and(Reason::takes_away)
                    })
                }
                _ => false,
            });
        if !lost {
            return;
        }
        let consequence = match target.mode {
            Mode::Enabled if must => "the API refuses the request unless it turns thinking off",
            Mode::Off => "thinking is off until the loop ends",
            _ => "the model goes on without what it thought in it",
        };
        self.notes.push(Note::LoopWithoutThinking { consequence: consequence.into() });
    }
}

impl Reason {
    /// Whether thinking that could have gone out does not.
    fn takes_away(self) -> bool {
        !matches!(
            self,
            Self::NotReplayable
                | Self::Cut
                | Self::Last
                | Self::Refused
                | Self::NotTaken
                | Self::BeforeFallback
        )
    }
}

/// What a block's fate goes by.
pub(super) struct Rules<'a> {
    pub(super) history: &'a History,
    pub(super) target: &'a Target,
    pub(super) policy: &'a Policy,
    pub(super) in_progress: Option<usize>,
    answers: Answers,
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

    /// The last compaction block that goes out, if what stands before it is to be left out.
    fn compaction(&self) -> Option<(usize, usize)> {
        if self.policy.compaction == Compaction::Keep {
            return None;
        }
        self.history.replies().rev().find_map(|(entry, reply)| {
            let fates = self.of_reply(entry, reply, 0);
            let blocks = reply.message.content.iter().zip(fates);
            let written = |(block, fate): &(&Arc<Block>, Option<Reason>)| {
                fate.is_none() && block.is_compaction()
            };
            Some((entry, blocks.collect::<Vec<_>>().iter().rposition(written)?))
        })
    }

    fn of_reply(&self, entry: usize, reply: &Reply, watermark: usize) -> Vec<Option<Reason>> {
        let message = &reply.message;
        let blocks = message.content.iter().enumerate();
        if message.stop_reason == Some(StopReason::Refusal) {
            return blocks.map(|_| Some(Reason::Refused)).collect();
        }
        let taken_over = message.last_fallback().unwrap_or(0);
        let mut fates: Vec<_> = blocks
            .map(|(at, block)| {
                let before = self.compaction.is_some_and(|compaction| (entry, at) < compaction);
                if before {
                    return Some(Reason::BeforeCompaction);
                }
                let declined = at < taken_over && block.belongs_to_its_model();
                let of_thinking = || self.of_thinking(entry, reply, block, watermark);
                self.of_form(entry, reply, at, block)
                    .or_else(|| declined.then_some(Reason::BeforeFallback))
                    .or_else(|| is_thinking(block).then(of_thinking).flatten())
            })
            .collect();
        if message.was_cut() {
            self.cut_back(entry, message, &mut fates);
        }
        fates
    }

    /// What the form of a block, and the API that it is from, forbid.
    fn of_form(&self, entry: usize, reply: &Reply, at: usize, block: &Block) -> Option<Reason> {
        let message = &reply.message;
        let foreign = message.provider != self.target.provider;
        let author = message.model.as_deref().unwrap_or(&self.target.model);
        let elsewhere = self.target.provider == Provider::OpenAiResponses
            && (reply.provenance.issuer != self.target.issuer
                || other_vendor(author, &self.target.model));
        match &block.content {
            Content::Text(text) if self.is_empty(&text.text) => Some(Reason::EmptyText),
            Content::Text(_) if message.complete && !block.damaged => None,
            Content::ToolUse(tool) if foreign && !tool.kind.is_client() => {
                Some(Reason::OtherProvider)
            }
            Content::Other(_) | Content::Thinking(_) | Content::RedactedThinking(_) if foreign => {
                Some(Reason::OtherProvider)
            }
            // Items of the provider's own tools, and what is sealed, are its own.
            Content::ToolUse(tool) if elsewhere && !tool.kind.is_client() => {
                Some(Reason::OtherIssuer)
            }
            Content::Other(_) if elsewhere => Some(Reason::OtherIssuer),
            // What the model wrote in place of arguments goes back with what was said of it.
            Content::ToolUse(tool)
                if tool.is_nonsense()
                    && block.answerable()
                    && message.complete
                    && self.answers.has((entry, at)) =>
            {
                None
            }
            // Some servers sign nothing, and want their thinking back all the same.
            Content::Thinking(thinking)
                if thinking.signature.is_none()
                    && block.complete
                    && !block.damaged
                    && self.wants_plain(entry) =>
            {
                None
            }
            _ if !block.replayable => Some(Reason::NotReplayable),
            _ => None,
        }
    }

    /// Anthropic's API refuses text that is nothing but white space too.
    fn is_empty(&self, text: &str) -> bool {
        let anthropic = self.target.provider == Provider::Anthropic;
        text.is_empty() || anthropic && text.trim().is_empty()
    }

    /// A cut reply goes back up to its last whole text, or the last call that was answered.
    fn cut_back(&self, entry: usize, message: &Message, fates: &mut [Option<Reason>]) {
        let stands = |at: usize, block: &Block| match &block.content {
            Content::Text(_) => true,
            Content::ToolUse(tool) if tool.kind.is_client() => self.answers.has((entry, at)),
            Content::Other(_) if block.is_compaction() => true,
            // What the provider's tools gave belongs to what was said of it.
            _ => false,
        };
        let mut blocks = message.content.iter().zip(fates.iter()).enumerate().rev();
        let last = blocks.find(|(at, (block, fate))| fate.is_none() && stands(*at, block));
        let last = last.map(|(at, _)| at);
        let behind = last.map_or(0, |last| last.saturating_add(1));
        for (at, (block, fate)) in message.content.iter().zip(fates).enumerate() {
            let unanswered = matches!(&block.content, Content::ToolUse(tool) if tool.kind.is_client())
                && !stands(at, block);
            if fate.is_none() && (at >= behind || unanswered) {
                *fate = Some(Reason::Cut);
            }
        }
    }
}

impl Block {
    /// Whether it is a compaction that succeeded: one that failed has no content. `OpenAI`'s is encrypted.
    fn is_compaction(&self) -> bool {
        match &self.content {
            Content::Other(other) if other.kind == "compaction" => {
                let says = |key| raw_member(&other.raw, key).is_some_and(|it| it != "null");
                says("content") || says("encrypted_content")
            }
            _ => false,
        }
    }
}

pub(super) fn is_thinking(block: &Block) -> bool {
    matches!(block.content, Content::Thinking(_) | Content::RedactedThinking(_))
}
