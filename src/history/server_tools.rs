//! Calls of the tools that the provider runs, and what came of them: Anthropic's API refuses the one without the
//! other. Only a call that still runs may lack its result: until the user speaks, and until a reply goes on without it.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::fate::Fates;
use super::report::Reason;
use super::turns::{role, user_blocks};
use super::{Entry, History, Reply, Target, kind};
use crate::json::edit::string_member;
use crate::message::{Content, Provider};

impl Fates {
    /// Leaves out what would go out without its other half.
    pub(super) fn pair_server_tools(&mut self, history: &History, target: &Target) {
        if target.provider != Provider::Anthropic {
            return;
        }
        let halves = |entry: &Entry| match entry {
            Entry::Assistant(reply) => reply.message.server_tools(),
            _ => BTreeMap::new(),
        };
        let known: Vec<_> = history.entries.iter().map(halves).collect();
        // The ids of the halves that go out, of the calls before a compaction, and of all results.
        let (mut calls, mut results) = (BTreeSet::new(), BTreeSet::new());
        let (mut compacted, mut ended) = (BTreeSet::new(), BTreeSet::new());
        for (halves, fates) in known.iter().zip(&self.blocks) {
            for (at, (is_call, id)) in halves {
                match (fates.get(*at), is_call) {
                    (Some(None), true) => drop(calls.insert(id)),
                    (Some(None), false) => drop(results.insert(id)),
                    (Some(Some(Reason::BeforeCompaction)), true) => drop(compacted.insert(id)),
                    _ => {}
                }
                if !is_call {
                    ended.insert(id);
                }
            }
        }
        let running = self.running(history);
        let mut gone = BTreeSet::new();
        for (entry, (halves, fates)) in known.iter().zip(&mut self.blocks).enumerate() {
            for (at, (is_call, id)) in halves {
                let paired = if *is_call {
                    let runs = running.get(&entry).is_some_and(|running| running.contains(id));
                    results.contains(id) || runs && !ended.contains(id)
                } else {
                    calls.contains(id) || compacted.contains(id)
                };
                if let Some(fate @ None) = fates.get_mut(*at)
                    && !paired
                {
                    *fate = Some(Reason::Unpaired);
                    gone.extend(is_call.then_some(id.as_str()));
                }
            }
        }
        self.forget_callers(history, &gone);
    }

    /// The calls of each reply that still run, as far as the replies behind it say: each of those that says anything
    /// has a call that such a call has made.
    fn running(&self, history: &History) -> BTreeMap<usize, BTreeSet<String>> {
        let mut running = BTreeMap::new();
        // Of the replies behind: the calls that all of them go on with, or any if there is none.
        let mut named: Option<BTreeSet<String>> = None;
        for (at, entry) in history.entries.iter().enumerate().rev() {
            match entry {
                Entry::Assistant(reply) => {
                    let own = reply.message.server_tools().into_values();
                    let own = own.filter(|(is_call, id)| {
                        *is_call && named.as_ref().is_none_or(|named| named.contains(id))
                    });
                    running.insert(at, own.map(|(_, id)| id).collect());
                    let fates = self.blocks.get(at).map(Vec::as_slice).unwrap_or_default();
                    // A reply of which nothing goes out is none.
                    if fates.iter().any(Option::is_none) {
                        let callers = callers(reply).map(|(_, id)| id);
                        named = Some(match named {
                            Some(named) => callers.filter(|id| named.contains(id)).collect(),
                            None => callers.collect(),
                        });
                    }
                }
                entry if says(entry) => break,
                _ => {}
            }
        }
        running
    }

    /// Notes the calls that say that another has made them, which does not go out.
    fn forget_callers(&mut self, history: &History, gone: &BTreeSet<&str>) {
        for (entry, reply) in history.replies().filter(|_| !gone.is_empty()) {
            let orphans = callers(reply).filter(|(_, id)| gone.contains(id.as_str()));
            self.uncalled.extend(orphans.map(|(at, _)| (entry, at)));
        }
    }
}

/// The calls in a reply that a program has made which the provider runs, and the call that this is.
fn callers(reply: &Reply) -> impl Iterator<Item = (usize, String)> {
    let blocks = reply.message.content.iter().enumerate();
    blocks.filter_map(|(at, block)| match &block.content {
        Content::ToolUse(tool) => Some((at, string_member(tool.caller.as_deref()?, "tool_id")?)),
        _ => None,
    })
}

/// Whether the user says something in it: more than answers to calls.
fn says(entry: &Entry) -> bool {
    match entry {
        // What a system says in between ends nothing.
        Entry::User(content) if role(content).is_some_and(|role| role == "system") => false,
        Entry::User(content) => {
            let mut blocks = user_blocks(content).peekable();
            blocks.peek().is_none() || blocks.any(|block| kind(block) != "tool_result")
        }
        _ => false,
    }
}
