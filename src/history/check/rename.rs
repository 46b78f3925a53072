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
    // The calls come before their answers.
    for finding in found.iter().rev() {
        let (at, block) = (finding.message, finding.block.unwrap_or(0));
        let id = finding.id.as_deref().unwrap_or_default();
        let part = drafts.get(at).and_then(|draft| draft.parts.get(block));
        if part.and_then(Part::tool_id).is_none_or(|own| own != id) {
            // It has been renamed with its call.
            continue;
        }
        let valid = tool_id(id);
        let base = if valid.is_empty() { "unnamed".into() } else { valid };
        let count = counts.entry(base.clone()).or_insert(0_usize);
        *count = count.saturating_add(1);
        let new = free(&base, *count, &mut taken);
        rename(drafts, at, block, &new);
    }
}

/// Gives calls ids of their own, and their answers in the next message with them: of several with one id the first
/// answers the first.
pub(super) fn again(drafts: &mut [Draft], found: &[Finding]) {
    let mut taken: BTreeSet<String> = drafts.iter().flat_map(Draft::calls).collect();
    let mut blocks: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for finding in found {
        blocks.entry(finding.message).or_default().insert(finding.block.unwrap_or(0));
    }
    for (at, blocks) in blocks {
        let mut renamed = BTreeMap::new();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let Some(draft) = drafts.get_mut(at) else { continue };
        for block in 0..draft.parts.len() {
            let part = draft.parts.get(block).filter(|part| !part.is_result());
            let Some(id) = part.and_then(Part::tool_id) else { continue };
            let count = counts.entry(id.clone()).or_default();
            let place = (id, *count);
            *count = count.saturating_add(1);
            if blocks.contains(&block) {
                let base = alloc::format!("{}_{at}", place.0);
                let new = free(&base, place.1, &mut taken);
                draft.rename(block, &new);
                renamed.insert(place, new);
            }
        }
        let answers = answers_to(drafts, at).and_then(|place| drafts.get_mut(place));
        let Some(draft) = answers else { continue };
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

/// Gives a call, and its answer in the next message, another id: of several with one id the first answers the first.
fn rename(drafts: &mut [Draft], at: usize, block: usize, new: &str) {
    let Some(draft) = drafts.get(at) else { return };
    let Some(part) = draft.parts.get(block) else { return };
    let (result, old) = (part.is_result(), part.tool_id().unwrap_or_default());
    let answers = answers_to(drafts, at);
    let before = draft.parts.iter().take(block).filter(|part| !part.is_result());
    let earlier = before.filter(|part| part.tool_id().is_some_and(|id| id == old)).count();
    if let Some(draft) = drafts.get_mut(at) {
        draft.rename(block, new);
    }
    if let Some(draft) = answers.filter(|_| !result).and_then(|place| drafts.get_mut(place)) {
        let same = |part: &Part| part.is_result() && part.tool_id().is_some_and(|id| id == old);
        let mut same = draft.parts.iter().enumerate().filter(|(_, part)| same(part));
        if let Some((answer, _)) = same.nth(earlier) {
            draft.rename(answer, new);
        }
    }
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
