//! Which answers are to which calls, in the items of a response and in the messages of a chat.
//!
//! Ids may come again: an answer is to the first call of its id that has none yet, in the last reply before it that has
//! the id at all.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use super::openai::{call_ids, is_answer, is_call};
use crate::history::item::{APPROVAL, is_known_without_id};
use crate::history::kind;
use crate::json::Json;
use crate::json::edit::{raw_member, string_member};

/// The calls of a reply with one id.
#[derive(Default)]
struct Alike {
    /// Which reply it is.
    reply: usize,
    calls: Vec<usize>,
    answered: usize,
}

/// What is wrong with the answers of a response's items, by their places.
#[derive(Default)]
pub(super) struct Pairs {
    /// Calls of which, and of whose like, none has an answer.
    pub(super) unanswered: BTreeSet<usize>,
    /// Answers to calls that have one already.
    pub(super) again: BTreeSet<usize>,
    /// Answers to nothing.
    pub(super) stray: BTreeSet<usize>,
}

impl Pairs {
    pub(super) fn of_items(items: &[Json]) -> Self {
        let mut pairs = Self::default();
        let mut asked: BTreeMap<String, Alike> = BTreeMap::new();
        let mut replies = Replies::default();
        let mut known = Known::default();
        for (at, item) in items.iter().enumerate() {
            let reply = replies.of(item);
            // One that is there for the second time goes.
            if known.look(items, at) == Seen::Twice {
                continue;
            }
            if let Some(id) = asks(item) {
                let alike = asked.entry(id).or_default();
                if alike.reply != reply {
                    pairs.end(core::mem::take(alike));
                    alike.reply = reply;
                }
                alike.calls.push(at);
            } else if let Some(id) = answers(item) {
                match asked.get_mut(&id) {
                    Some(alike) if alike.answered < alike.calls.len() => {
                        alike.answered = alike.answered.saturating_add(1);
                    }
                    Some(_) => drop(pairs.again.insert(at)),
                    None => drop(pairs.stray.insert(at)),
                }
            }
        }
        asked.into_values().for_each(|alike| pairs.end(alike));
        pairs
    }

    fn end(&mut self, alike: Alike) {
        if alike.answered == 0 {
            self.unanswered.extend(alike.calls);
        }
    }
}

/// Whether an id of an item has come before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    No,
    /// With the same item.
    Twice,
    /// With another, as of a server that counts its items anew in each reply.
    Otherwise,
}

/// The ids that items have, each with the place of the first.
#[derive(Default)]
pub(super) struct Known(BTreeMap<String, usize>);

impl Known {
    /// Looks at the item there, behind all before it.
    pub(super) fn look(&mut self, items: &[Json], at: usize) -> Seen {
        let Some(item) = items.get(at) else { return Seen::No };
        let id = string_member(item, "id").filter(|_| kind(item) != "item_reference");
        let Some(id) = id else { return Seen::No };
        let first = self.0.entry(id).or_insert(at);
        let Some(first) = items.get(*first).filter(|_| *first != at) else { return Seen::No };
        let says = [
            "type",
            "call_id",
            "name",
            "arguments",
            "input",
            "content",
            "summary",
            "encrypted_content",
        ];
        let same = says.into_iter().all(|key| raw_member(first, key) == raw_member(item, key));
        if same || !is_known_without_id(&kind(item)) { Seen::Twice } else { Seen::Otherwise }
    }
}

/// Counts the replies of a response's items: what the model said, up to an answer or what others said.
#[derive(Default)]
pub(super) struct Replies {
    count: usize,
    within: bool,
}

impl Replies {
    /// The number of the reply that the next item is of, or comes behind.
    pub(super) fn of(&mut self, item: &str) -> usize {
        let others = string_member(item, "role").is_some_and(|role| role != "assistant");
        if others || answers(item).is_some() {
            self.within = false;
        } else if !self.within {
            self.within = true;
            self.count = self.count.saturating_add(1);
        }
        self.count
    }
}

/// The id by which an item asks for an answer.
pub(super) fn asks(item: &str) -> Option<String> {
    match kind(item).as_str() {
        APPROVAL => string_member(item, "id"),
        kind if is_call(kind) => string_member(item, "call_id"),
        _ => None,
    }
}

/// The id of what an item answers.
pub(super) fn answers(item: &str) -> Option<String> {
    match kind(item).as_str() {
        "mcp_approval_response" => string_member(item, "approval_request_id"),
        kind if is_answer(kind) => string_member(item, "call_id"),
        _ => None,
    }
}

/// The answers of a chat that do not stand behind their calls, but behind what others said, or right before the calls:
/// each with its place, that of its reply, and that of the message which it belongs behind.
pub(super) fn misplaced_answers(messages: &[Json]) -> Vec<(usize, usize, usize)> {
    let mut asked: BTreeMap<String, Alike> = BTreeMap::new();
    // Answers to calls that nobody had made by then, of which nothing else was said since; and of each reply, those
    // right before it. One of long ago is none to what is called now.
    let mut early: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut before: BTreeMap<usize, BTreeMap<String, Vec<usize>>> = BTreeMap::new();
    // Of each reply, the last of the answers that stand behind it.
    let mut ends: BTreeMap<usize, usize> = BTreeMap::new();
    let (mut misplaced, mut current) = (Vec::new(), None);
    for (at, message) in messages.iter().enumerate() {
        if let Some(id) = string_member(message, "tool_call_id") {
            ends.extend(current.map(|reply| (reply, at)));
            match asked.get_mut(&id) {
                Some(alike) if alike.answered < alike.calls.len() => {
                    alike.answered = alike.answered.saturating_add(1);
                    if current != Some(alike.reply) {
                        misplaced.push((at, alike.reply));
                    }
                }
                Some(_) => {}
                None => early.entry(id).or_default().push(at),
            }
            continue;
        }
        let mut own: BTreeMap<String, Alike> = BTreeMap::new();
        for id in call_ids(message) {
            let alike = own.entry(id).or_default();
            alike.reply = at;
            alike.calls.push(at);
        }
        current = (!own.is_empty()).then_some(at);
        let said = core::mem::take(&mut early);
        if current.is_some() && !said.is_empty() {
            before.insert(at, said);
        }
        asked.extend(own);
    }
    for (id, alike) in asked {
        let said = before.get_mut(&alike.reply).and_then(|before| before.remove(&id));
        let open = alike.calls.len().saturating_sub(alike.answered);
        let early = said.into_iter().flatten().take(open);
        misplaced.extend(early.map(|answer| (answer, alike.reply)));
    }
    let end = |reply: usize| ends.get(&reply).copied().unwrap_or(reply);
    misplaced.into_iter().map(|(at, reply)| (at, reply, end(reply))).collect()
}

/// The answers of a response's items that came before their calls, each with the place of its call.
pub(super) fn early_answers(items: &[Json], pairs: &Pairs) -> Vec<(usize, usize)> {
    let mut early: BTreeMap<String, VecDeque<usize>> = BTreeMap::new();
    let mut found = Vec::new();
    for (at, item) in items.iter().enumerate() {
        if pairs.stray.contains(&at) {
            early.entry(answers(item).unwrap_or_default()).or_default().push_back(at);
        } else if pairs.unanswered.contains(&at) {
            let answer = asks(item).and_then(|id| early.get_mut(&id)?.pop_front());
            found.extend(answer.map(|answer| (answer, at)));
        }
    }
    found
}
