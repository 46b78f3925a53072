//! Other ids for calls of the Messages API, and for their answers with them.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;

use super::Finding;
use crate::history::draft::{Draft, Part, tool_id};
use crate::json::Json;
use crate::json::edit::{quoted, with_member};
use crate::text::Text;

/// Gives calls, and with them their answers, ids that the API takes.
pub(super) fn make_valid(drafts: &mut [Draft], found: &[Finding]) {
    let mut taken: BTreeSet<String> = drafts.iter().flat_map(Draft::calls).collect();
    let mut counts: BTreeMap<Text, usize> = BTreeMap::new();
    let mut new_name = |id: &str| {
        let valid = tool_id(id);
        let base = if valid.is_empty() { "unnamed".into() } else { valid };
        let count = counts.entry(base.clone()).or_insert(0_usize);
        *count = count.saturating_add(1);
        free(&base, *count, &mut taken)
    };
    for (at, blocks) in by_message(found) {
        rename_calls(drafts, at, &blocks, |id, _| new_name(id));
        // Answers to nothing, which are not renamed with a call.
        let Some(draft) = drafts.get_mut(at) else { continue };
        for (block, old) in blocks {
            let part = draft.parts.get(block).filter(|part| part.is_result());
            if part.and_then(Part::tool_id).is_some_and(|id| id == old) {
                draft.rename(block, &new_name(&old));
            }
        }
    }
}

/// Gives calls ids of their own, and their answers in the next message with them.
pub(super) fn again(drafts: &mut [Draft], found: &[Finding]) {
    let mut taken: BTreeSet<String> = drafts.iter().flat_map(Draft::calls).collect();
    for (at, blocks) in by_message(found) {
        rename_calls(drafts, at, &blocks, |id, count| {
            free(&alloc::format!("{id}_{at}"), count, &mut taken)
        });
    }
}

/// The blocks that were found, with their ids, by their messages.
fn by_message(found: &[Finding]) -> BTreeMap<usize, BTreeMap<usize, String>> {
    let mut blocks: BTreeMap<usize, BTreeMap<usize, String>> = BTreeMap::new();
    for finding in found {
        let id = finding.id.as_deref().unwrap_or_default();
        let place = finding.block.unwrap_or(0);
        blocks.entry(finding.message).or_default().insert(place, id.into());
    }
    blocks
}

/// Gives these calls of a message other ids, and their answers in the next message with them: of several with one id the
/// first answers the first. A name is made of the id, and of how many calls before it have the same.
fn rename_calls(
    drafts: &mut [Draft],
    at: usize,
    blocks: &BTreeMap<usize, String>,
    mut name: impl FnMut(&str, usize) -> String,
) {
    let mut renamed = BTreeMap::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let Some(draft) = drafts.get_mut(at) else { return };
    for block in 0..draft.parts.len() {
        let part = draft.parts.get(block).filter(|part| !part.is_result());
        let Some(id) = part.and_then(Part::tool_id) else { continue };
        let count = counts.entry(id.clone()).or_default();
        let place = (id, *count);
        *count = count.saturating_add(1);
        if blocks.contains_key(&block) {
            let new = name(&place.0, place.1);
            draft.rename(block, &new);
            renamed.insert(place, new);
        }
    }
    let answers = answers_to(drafts, at).and_then(|place| drafts.get_mut(place));
    let Some(draft) = answers.filter(|_| !renamed.is_empty()) else { return };
    counts.clear();
    for answer in 0..draft.parts.len() {
        let part = draft.parts.get(answer).filter(|part| part.is_result());
        let Some(id) = part.and_then(Part::tool_id) else { continue };
        let count = counts.entry(id.clone()).or_default();
        if let Some(new) = renamed.get(&(id, *count)) {
            draft.rename(answer, new);
        }
        *count = count.saturating_add(1);
    }
}

/// A new id that is not taken: the base, or the base and a number from `count` on.
fn free(base: &str, count: usize, taken: &mut BTreeSet<String>) -> String {
    let mut new = String::from(base);
    let mut count = count.max(1);
    while !taken.insert(new.clone()) {
        count = count.saturating_add(1);
        new = alloc::format!("{base}_{count}");
    }
    new
}

/// The message that answers the calls of the one at `at`.
fn answers_to(drafts: &[Draft], at: usize) -> Option<usize> {
    let behind = drafts.iter().enumerate().skip(at.saturating_add(1));
    behind.into_iter().find(|(_, draft)| draft.role == "user").map(|(place, _)| place)
}

impl Draft {
    /// Gives a call, or an answer, another id.
    fn rename(&mut self, at: usize, new: &str) {
        if let Some(part) = self.parts.get_mut(at) {
            let key = if part.is_result() { "tool_use_id" } else { "id" };
            if let Ok(json) = with_member(&part.json, key, &quoted(new)) {
                part.json = Json::checked(json);
            }
        }
        self.change();
    }
}
