//! Answers, put where their calls want them.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::{Finding, FindingKind as Kind};
use crate::history::draft::{Draft, Part};
use crate::json::Json;
use crate::json::edit::quote;

/// Moves answers that came late, or right before their calls, to where those want them; gives the findings that are
/// mended by it.
pub(super) fn bring_back(drafts: &mut Vec<Draft>, found: &[Finding]) -> Vec<Finding> {
    let place = |finding: &Finding| (finding.message, finding.block.unwrap_or(0));
    let mut stray: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
    for finding in found.iter().filter(|it| it.kind == Kind::OrphanToolResult) {
        stray.entry(finding.id.as_deref().unwrap_or_default()).or_default().push(place(finding));
    }
    let mut moved: Vec<Finding> = Vec::new();
    let mut from: BTreeMap<(usize, usize), (usize, Option<usize>)> = BTreeMap::new();
    let mut calls: Vec<_> = found.iter().filter(|it| it.kind == Kind::OrphanToolUse).collect();
    // One that came late is not taken for one that came early to a later call, nor one of long ago for an early one.
    for late in [true, false] {
        calls.retain(|call| {
            let places = stray.get_mut(call.id.as_deref().unwrap_or_default());
            let answer = places.and_then(|places| {
                let fits = |place: &(usize, usize)| match place.0 > call.message {
                    true => late,
                    false => !late && is_right_before(drafts, *place, call.message),
                };
                let answer = places.iter().position(fits)?;
                Some(places.remove(answer))
            });
            if let Some(answer) = answer {
                from.insert(answer, (call.message, call.block));
                moved.push((*call).clone());
            }
            answer.is_none()
        });
    }
    let mut results: Results = BTreeMap::new();
    // From the end, so that the places before stay what they are.
    for ((at, block), (message, call)) in from.into_iter().rev() {
        if let Some(draft) = drafts.get_mut(at).filter(|draft| block < draft.parts.len()) {
            let part = draft.parts.remove(block);
            draft.change();
            results.entry(message).or_default().push((call, part));
        }
    }
    put(drafts, results);
    moved
}

/// Whether nothing but answers stands between a block and a message that it is in, or before.
fn is_right_before(drafts: &[Draft], (at, block): (usize, usize), message: usize) -> bool {
    let behind = drafts.get(at).into_iter().flat_map(|draft| draft.parts.iter().skip(block));
    at == message || at.saturating_add(1) == message && behind.into_iter().all(Part::is_result)
}

/// Answers calls that nobody answered: leaving them out would change what the model signed.
pub(super) fn answer(drafts: &mut Vec<Draft>, found: &[Finding]) {
    let mut results: Results = BTreeMap::new();
    for finding in found {
        let mut json = String::from(r#"{"type":"tool_result","tool_use_id":"#);
        quote(&mut json, finding.id.as_deref().unwrap_or_default());
        json.push_str(r#","content":"The tool was not run.","is_error":true}"#);
        let part = Part::new(Json::checked(json));
        results.entry(finding.message).or_default().push((finding.block, part));
    }
    put(drafts, results);
}

/// Of a message with calls: the answers, each with the block of its call.
type Results = BTreeMap<usize, Vec<(Option<usize>, Part)>>;

/// Puts answers behind their calls.
fn put(drafts: &mut Vec<Draft>, results: Results) {
    // From the end, so that the places before stay what they are.
    for (at, mut results) in results.into_iter().rev() {
        results.sort_by_key(|(block, _)| *block);
        let results = Draft::results(results.into_iter().map(|(_, part)| part).collect());
        let next = at.saturating_add(1);
        // Behind what a system says in between, as the answer would have come.
        let systems = drafts.iter().skip(next).take_while(|draft| draft.role == "system").count();
        let place = next.saturating_add(systems);
        match drafts.get_mut(place) {
            Some(draft) if draft.role == "user" => draft.join(results),
            _ => drafts.insert(place, results),
        }
    }
}

/// Puts the answers of these messages before all else in them.
pub(super) fn first(drafts: &mut [Draft], found: &[Finding]) {
    let messages: BTreeSet<usize> = found.iter().map(|finding| finding.message).collect();
    for at in messages {
        let Some(draft) = drafts.get_mut(at) else { continue };
        let parts = core::mem::take(&mut draft.parts);
        let (mut results, others): (Vec<_>, Vec<_>) = parts.into_iter().partition(Part::is_result);
        results.extend(others);
        draft.parts = results;
        draft.change();
    }
}
