//! Where the cache is told to end.
//!
//! Source: Anthropic's page on prompt caching. A mark is looked up where it stands and some 20 blocks before,
//! so one that stands where the last request ended is always found.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Rendered;
use crate::history::draft::{Draft, MARKS, Part};
use crate::history::report::Note;
use crate::history::{CacheStrategy, Policy, Ttl};

pub(super) fn set(
    drafts: &mut [Draft],
    policy: &Policy,
    rendered: &mut Rendered,
) -> BTreeMap<Place, Ttl> {
    let marks = policy.cache;
    if marks.strategy == CacheStrategy::None {
        return BTreeMap::new();
    }
    let mut lives = existing(drafts);
    let mut room = MARKS.saturating_sub(lives.len());
    let mut note = |why: &str| rendered.report.notes.push(Note::NotMarked { why: why.into() });
    if let Some(left) = room.checked_sub(1) {
        // It stands before all others, and must not live shorter.
        let longest = lives.iter().map(|(_, ttl)| *ttl).chain([marks.ttl, marks.system_ttl]).max();
        rendered.system_mark = longest;
        room = left;
    } else {
        note("the messages have four of your own");
    }
    let mut lines = BTreeMap::new();
    for message in wanted(drafts, marks.strategy) {
        let Some(place) = place(drafts, message) else {
            note("no block before it can carry one");
            continue;
        };
        if lives.iter().any(|(at, _)| *at == place) {
            continue;
        }
        if lines.len() >= room {
            note("there are four already");
            break;
        }
        let before = lives.iter().filter(|(at, _)| *at < place).map(|(_, ttl)| *ttl).min();
        let behind = lives.iter().filter(|(at, _)| *at > place).map(|(_, ttl)| *ttl).max();
        let ttl = marks.ttl.min(before.unwrap_or(Ttl::OneHour)).max(behind.unwrap_or_default());
        lives.push((place, ttl));
        lines.insert(place, ttl);
    }
    for ((message, at), ttl) in &lines {
        if let Some(draft) = drafts.get_mut(*message) {
            draft.mark(*at, ttl.cache_control());
        }
    }
    rendered.report.notes.extend(rendered.system_mark.map(|ttl| Note::SystemMark { ttl }));
    lines
}

/// Where a mark stands: the message and the block.
pub(super) type Place = (usize, usize);

/// The marks that the caller set, and how long they live.
fn existing(drafts: &[Draft]) -> Vec<(Place, Ttl)> {
    let parts = drafts.iter().enumerate().flat_map(|(message, draft)| {
        draft.parts.iter().enumerate().map(move |(at, part)| ((message, at), part))
    });
    parts.filter_map(|(place, part)| Some((place, part.mark()?))).collect()
}

/// The messages at whose end a mark shall stand, the most useful first.
fn wanted(drafts: &[Draft], strategy: CacheStrategy) -> Vec<usize> {
    let places = |keep: &dyn Fn(&Draft) -> bool, count: usize| -> Vec<usize> {
        let all = drafts.iter().enumerate().rev();
        all.filter(|(_, draft)| keep(draft)).map(|(at, _)| at).take(count).collect()
    };
    match strategy {
        CacheStrategy::None => Vec::new(),
        CacheStrategy::AppendOnlyTail => places(&|draft| draft.role == "user", 2),
        CacheStrategy::SystemAndLast3 => places(&|draft| draft.role != "system", 3),
        CacheStrategy::BeforeHistoricalThinking => {
            let (own, users) =
                (places(&|draft| draft.own, 2), places(&|draft| draft.role == "user", 2));
            if own.first() == users.first() {
                // A new turn: the thinking of the last one goes, and what stands before it is read.
                return own;
            }
            // In a tool loop what the last request wrote is read; before all of it stands the question.
            let question = own.first().copied();
            let steps = users.into_iter().filter(|user| question.is_none_or(|own| *user > own));
            steps.chain(question).collect()
        }
    }
}

/// The last block at or before the end of a message that can carry a mark.
fn place(drafts: &[Draft], message: usize) -> Option<Place> {
    let before = drafts.iter().enumerate().take(message.saturating_add(1)).rev();
    before.filter(|(_, draft)| draft.role != "system").find_map(|(at, draft)| {
        draft.parts.iter().rposition(Part::is_cacheable).map(|part| (at, part))
    })
}
