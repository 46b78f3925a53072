//! Calls of the tools that the provider runs, and what came of them: Anthropic's API refuses the one without the
//! other. Only a reply that is gone on from may have a call whose result is yet to come.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::fate::Fates;
use super::report::Reason;
use super::turns::{role, user_blocks};
use super::{Entry, History, Target, kind};
use crate::message::Provider;

impl Fates {
    /// Leaves out what would go out without its other half.
    pub(super) fn pair_server_tools(&mut self, history: &History, target: &Target) {
        if target.provider != Provider::Anthropic {
            return;
        }
        let goes_on = history.goes_on();
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
        for (entry, (halves, fates)) in known.iter().zip(&mut self.blocks).enumerate() {
            for (at, (is_call, id)) in halves {
                let paired = if *is_call {
                    results.contains(id) || goes_on == Some(entry) && !ended.contains(id)
                } else {
                    calls.contains(id) || compacted.contains(id)
                };
                if let Some(fate @ None) = fates.get_mut(*at)
                    && !paired
                {
                    *fate = Some(Reason::Unpaired);
                }
            }
        }
    }
}

impl History {
    /// The reply that the next request goes on from: nothing but answers to its calls follows.
    fn goes_on(&self) -> Option<usize> {
        let last = self.replies().next_back()?.0;
        let mut behind = self.entries.iter().skip(last.saturating_add(1));
        let says = |entry: &Entry| match entry {
            // What a system says in between ends nothing.
            Entry::User(content) if role(content).is_some_and(|role| role == "system") => false,
            Entry::User(content) => {
                let mut blocks = user_blocks(content).peekable();
                blocks.peek().is_none() || blocks.any(|block| kind(block) != "tool_result")
            }
            _ => false,
        };
        (!behind.any(says)).then_some(last)
    }
}
