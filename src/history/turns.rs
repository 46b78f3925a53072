//! What belongs together in a history: turns, calls and their answers, and replies that were cut.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::report::Action;
use super::{Entry, History, Policy, Target, item, kind};
use crate::history::target::Mode;
use crate::json::edit::{raw_member, string_member};
use crate::json::reader::Items;
use crate::message::{Content, Message, ToolKind};
use crate::stop::StopReason;
use crate::text::Text;

/// How a reply that was cut is gone on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Resume {
    /// The model goes on from its own text.
    Prefill,
    /// The user says what there was, and asks to go on.
    User,
}

/// Where something stands: its entry, and its place in that.
pub(super) type Origin = (usize, usize);

/// Which answer is to which call: to the first of its id that has none yet, in the last reply before it that has the id
/// at all. Servers are known to use ids again, in the next reply or in the same.
///
/// A call of a reply that was cut goes out only with an answer: once the model has gone on without, one that comes
/// late changes nothing, or what was signed since would be behind another conversation.
#[derive(Default)]
pub(super) struct Answers {
    /// Of each answer, its call.
    calls: BTreeMap<Origin, Origin>,
    /// The calls that have one.
    answered: BTreeSet<Origin>,
    /// The answers to a call that has one already, and to no call at all.
    again: Vec<(Origin, Text)>,
    stray: Vec<(Origin, Text)>,
}

/// The calls of a reply with one id, and how many of them have an answer.
#[derive(Default)]
struct Alike {
    calls: Vec<Origin>,
    answered: usize,
    /// The model has gone on without.
    over: bool,
}

impl Answers {
    /// Whether a call has an answer.
    pub(super) fn has(&self, call: Origin) -> bool {
        self.answered.contains(&call)
    }

    /// What an answer is to. Where there are more answers than calls, the last call has the rest.
    pub(super) fn call(&self, answer: Origin) -> Option<Origin> {
        self.calls.get(&answer).copied()
    }

    /// All answers, each with its call.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Origin, Origin)> {
        self.calls.iter().map(|(answer, call)| (*answer, *call))
    }

    /// The ids of answers to calls that have one already, and of those to no call at all, which `goes` out.
    pub(super) fn odd(&self, goes: impl Fn(Origin) -> bool) -> [Vec<Text>; 2] {
        [&self.again, &self.stray].map(|odd| {
            odd.iter().filter(|(answer, _)| goes(*answer)).map(|(_, id)| id.clone()).collect()
        })
    }

    fn put(&mut self, answer: Origin, id: &str, alike: Option<&mut Alike>) {
        let Some(alike) = alike else {
            self.stray.push((answer, id.into()));
            return;
        };
        let call = alike.calls.get(alike.answered).or(alike.calls.last());
        if alike.answered >= alike.calls.len() {
            self.again.push((answer, id.into()));
        }
        alike.answered = alike.answered.saturating_add(1);
        if let Some(call) = call {
            self.calls.insert(answer, *call);
            if !alike.over {
                self.answered.insert(*call);
            }
        }
    }
}

impl History {
    /// If the last reply was cut, adds what makes the model go on with it, and says how: its own text, where
    /// the model takes that and does not think, else a message of the user that has the text and asks to go
    /// on. What was refused is not gone on with, nor a reply of which nothing can be
    /// sent, such as a cut call or thinking alone: that request is sent again, if its length was the reason
    /// then with more `max_tokens`.
    ///
    /// It becomes part of the record, so that what is signed behind it stays valid. Where the model was to go on from
    /// its own text, and another one is asked instead that does not, that one is asked to go on behind it.
    #[must_use = "`None`: nothing was added, and the same request is sent again, if any"]
    pub fn resume(&mut self, target: &Target) -> Option<Resume> {
        let reply = match self.entries.last() {
            Some(Entry::Assistant(reply)) => reply,
            Some(Entry::Prefill(_)) if target.prefills() => return Some(Resume::Prefill),
            Some(Entry::Prefill(_)) => {
                self.push_user(&request_to_go_on(""));
                return Some(Resume::User);
            }
            _ => return None,
        };
        let message = &reply.message;
        if !message.was_cut() || message.was_refused() {
            return None;
        }
        let open = message.unfinished_text();
        // Where nothing goes out, as of a call that was cut, there is nothing to go on with: it is sent again.
        if open.is_empty() && !self.sends_last(target) {
            return None;
        }
        // The API refuses a last message that ends with white space.
        let begun = open.trim_end();
        let whole = message.content.last().and_then(|block| match &block.content {
            Content::Text(text) if message.complete => Some(text.text.as_str()),
            _ => None,
        });
        let last = if begun.is_empty() { whole.unwrap_or_default() } else { begun };
        if target.prefills() && !last.is_empty() && !last.ends_with(char::is_whitespace) {
            self.entries.push(Entry::Prefill(begun.into()));
            return Some(Resume::Prefill);
        }
        self.push_user(&request_to_go_on(&open));
        Some(Resume::User)
    }

    /// Lets the text in the middle of which the last reply was cut go out as the model's own, where the user says
    /// something else behind it, as one who has stopped it. Without this, or [`resume`](Self::resume), the model does
    /// not know what it had begun to say. `false` if there is no such text, or it was refused.
    ///
    /// ```
    /// use thinkstream::history::{History, Policy, Provenance, Target};
    /// use thinkstream::{Complete, Decoder, Protocol, Provider};
    ///
    /// let mut decoder = Decoder::new(Protocol::Anthropic);
    /// let mut input = bytes::Bytes::from_static(b"data: {\"type\":\"message_start\",\"message\":{}}\n\n\
    ///     data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"The tide\"}}\n\n");
    /// while decoder.decode(&mut input)?.is_some() {}
    ///
    /// let mut history = History::new();
    /// history.push_user("Tell me of the sea.");
    /// history.push_assistant(decoder.message(), Provenance::default());
    /// assert!(history.keep_cut_text());
    /// history.push_user("Shorter, please.");
    ///
    /// let target = Target::new(Provider::Anthropic, "claude-opus-4-8");
    /// let sent = history.render(&target, &Policy::default()).to_json();
    /// assert!(sent.contains(r#"{"role":"assistant","content":[{"type":"text","text":"The tide"}]}"#));
    /// # Ok::<(), thinkstream::Error>(())
    /// ```
    pub fn keep_cut_text(&mut self) -> bool {
        let Some(Entry::Assistant(reply)) = self.entries.last() else { return false };
        let open = reply.message.unfinished_text();
        let text = open.trim_end();
        if text.is_empty() || reply.message.was_refused() {
            return false;
        }
        self.entries.push(Entry::Prefill(text.into()));
        true
    }

    /// Whether anything of the last entry goes out.
    fn sends_last(&self, target: &Target) -> bool {
        let last = self.entries.len().saturating_sub(1);
        let rendered = self.preview(target, &Policy::default());
        let lines = rendered.report.lines.iter();
        lines.filter(|line| line.entry == last).any(|it| !matches!(it.action, Action::Dropped(_)))
    }

    /// The entries with which turns begin: the user says something, and answers no call with it.
    pub(super) fn turn_begins(&self) -> Vec<usize> {
        let (mut begins, mut first, mut own, mut answers) = (Vec::new(), 0, false, false);
        let mut end = |first: usize, own: bool, answers: bool| {
            if own && !answers {
                begins.push(first);
            }
        };
        for (at, entry) in self.entries.iter().enumerate() {
            match entry {
                Entry::User(content) if role(content).is_some_and(|role| role == "assistant") => {
                    end(first, own, answers);
                    (first, own, answers) = (at.saturating_add(1), false, false);
                }
                Entry::User(content) => {
                    own |= is_users(content);
                    answers |= answered(content).next().is_some();
                }
                Entry::ToolResult(_) => answers = true,
                Entry::Assistant(_) | Entry::Prefill(_) => {
                    end(first, own, answers);
                    (first, own, answers) = (at.saturating_add(1), false, false);
                }
            }
        }
        end(first, own, answers);
        begins
    }

    /// The first reply of the turn in progress, if there is one.
    pub(super) fn in_progress(&self) -> Option<usize> {
        let begin = self.turn_begins().last().copied().unwrap_or(0);
        self.replies().map(|(at, _)| at).find(|at| *at >= begin)
    }

    /// Where the turns begin in which the model has said something.
    pub(super) fn turns(&self) -> Vec<usize> {
        let begins = self.turn_begins();
        let (mut turns, mut next, mut begin) = (Vec::new(), begins.into_iter().peekable(), 0);
        for (at, _) in self.replies() {
            while let Some(later) = next.next_if(|later| *later <= at) {
                begin = later;
            }
            if turns.last() != Some(&begin) {
                turns.push(begin);
            }
        }
        turns
    }

    /// Which answers are to which calls.
    pub(super) fn answers(&self) -> Answers {
        let (mut answers, mut asked) = (Answers::default(), BTreeMap::<Text, Alike>::new());
        // What the last reply asked for, if it was cut.
        let mut cut: Vec<Text> = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            match entry {
                Entry::ToolResult(result) => {
                    answers.put((at, 0), &result.id, asked.get_mut(&result.id));
                }
                Entry::User(content) => {
                    for (place, id) in answered(content) {
                        answers.put((at, place), &id, asked.get_mut(id.as_str()));
                    }
                }
                Entry::Assistant(reply) => {
                    let over = if reply.message.is_silent() { 0 } else { cut.len() };
                    for id in cut.drain(..over) {
                        if let Some(alike) = asked.get_mut(&id) {
                            alike.over = true;
                        }
                    }
                    let mut own = BTreeMap::<Text, Alike>::new();
                    if reply.message.was_cut() {
                        cut.extend(reply.message.asks().map(|(_, id)| id));
                    }
                    for (place, id) in reply.message.asks() {
                        own.entry(id).or_default().calls.push((at, place));
                    }
                    asked.extend(own);
                }
                Entry::Prefill(_) => {}
            }
        }
        answers
    }

    /// What stands there, in a reply.
    fn content(&self, (entry, place): Origin) -> Option<&Content> {
        match self.entries.get(entry)? {
            Entry::Assistant(reply) => reply.message.content.get(place).map(|block| &block.content),
            _ => None,
        }
    }

    /// Whether a program has made a call, which the provider runs.
    pub(super) fn is_programs(&self, call: Option<Origin>) -> bool {
        match call.and_then(|call| self.content(call)) {
            Some(Content::ToolUse(tool)) => {
                tool.caller.as_deref().is_some_and(|it| raw_member(it, "tool_id").is_some())
            }
            _ => false,
        }
    }

    /// The type of the item that a call is, as the Responses API has it.
    pub(super) fn asked_by(&self, call: Option<Origin>) -> &str {
        match call.and_then(|call| self.content(call)) {
            Some(Content::ToolUse(call)) => {
                let custom = call.kind == ToolKind::Custom;
                let usual = if custom { "custom_tool_call" } else { "function_call" };
                call.item.as_deref().unwrap_or(usual)
            }
            Some(Content::Other(other)) => &other.kind,
            _ => "function_call",
        }
    }

    /// How many answers at the end came before their reply: those that no call before them asks for.
    pub(super) fn early_answers(&self, message: &Message) -> usize {
        let calls = |message: &Message| -> Vec<Text> {
            message.asks().map(|(_, id)| id).filter(|id| !id.is_empty()).collect()
        };
        let last = self.entries.iter().rposition(|entry| matches!(entry, Entry::Assistant(_)));
        let mut open = match last.and_then(|last| self.entries.get(last)) {
            Some(Entry::Assistant(reply)) => calls(&reply.message),
            _ => Vec::new(),
        };
        let own = calls(message);
        let mut early = 0_usize;
        for entry in self.entries.iter().skip(last.map_or(0, |last| last.saturating_add(1))) {
            let id = if let Entry::ToolResult(result) = entry { result.id.as_str() } else { "" };
            if let Some(asked) = open.iter().position(|call| *call == id) {
                open.remove(asked);
                early = 0;
            } else if own.iter().any(|call| *call == id) {
                early = early.saturating_add(1);
            } else {
                early = 0;
            }
        }
        early
    }
}

impl Target {
    /// Whether the model goes on from a last message of the assistant: it takes that, and does not think.
    pub(super) fn prefills(&self) -> bool {
        let thinks = match self.mode {
            Mode::Off => false,
            Mode::Unknown => self.knows(|row| row.thinks_unasked),
            Mode::Adaptive | Mode::Enabled => true,
        };
        !thinks && self.knows(|row| row.prefill)
    }
}

impl Message {
    /// Whether it ended before it was finished, for whatever reason.
    pub(super) fn was_cut(&self) -> bool {
        self.stop_reason.as_ref().is_some_and(StopReason::is_cut) || !self.complete
    }

    /// Whether it was declined, by the model or by a filter.
    fn was_refused(&self) -> bool {
        matches!(self.stop_reason, Some(StopReason::Refusal | StopReason::ContentFilter))
    }

    /// Whether nothing is in it but empty texts, of which nothing goes out.
    pub(super) fn is_silent(&self) -> bool {
        self.content.iter().all(|block| match &block.content {
            Content::Text(text) => text.text.trim().is_empty(),
            _ => false,
        })
    }

    /// What asks for an answer: calls, and requests for an approval. Each with its place and its id.
    fn asks(&self) -> impl Iterator<Item = (usize, Text)> {
        self.content.iter().enumerate().filter_map(|(at, block)| match &block.content {
            Content::ToolUse(tool) => Some((at, tool.id.clone())),
            Content::Other(other) if other.kind == item::APPROVAL => {
                Some((at, string_member(&other.raw, "id")?.into()))
            }
            _ => None,
        })
    }

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

fn request_to_go_on(open: &str) -> String {
    if open.trim().is_empty() {
        return "Your last reply was cut off. Go on from where it ended.".into();
    }
    let mut ask = String::from("Your last reply was cut off in the middle of this:\n\n");
    ask.push_str(open);
    ask.push_str("\n\nGo on from exactly there, without saying it again.");
    ask
}

/// The blocks of what the user said, if it has blocks: the content of a message, a message, or one block.
pub(super) fn user_blocks(content: &str) -> impl Iterator<Item = &str> {
    let inner = raw_member(content, "content").filter(|_| raw_member(content, "role").is_some());
    let blocks = inner.unwrap_or(content);
    let alone = blocks.starts_with('{').then_some(blocks);
    alone.into_iter().chain(Items::new(blocks))
}

/// The answers in a user's message: their places, and the ids of their calls.
fn answered(content: &str) -> impl Iterator<Item = (usize, String)> {
    let answers = user_blocks(content).enumerate().filter(|(_, it)| kind(it) == "tool_result");
    answers.filter_map(|(at, block)| Some((at, string_member(block, "tool_use_id")?)))
}

/// The role of a whole message.
pub(super) fn role(content: &str) -> Option<String> {
    string_member(content, "role").filter(|_| content.starts_with('{'))
}

/// Whether it is no message of another role.
fn is_users(content: &str) -> bool {
    role(content).is_none_or(|role| role == "user")
}
