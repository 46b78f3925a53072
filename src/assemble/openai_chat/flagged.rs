//! Thoughts in the content of a chat, which Gemini tells from what it says by a flag beside them. A tag may begin the
//! first of them, and another what is said behind the last; in a reply that was not streamed both stand in one text.

use super::choice::Choice;
use super::extra::is_thought;
use super::hand::Hand;
use crate::assemble::Fault;
use crate::json::string::escape;
use crate::wire::Str;

const BEGIN: [&str; 2] = ["<thought>", "<think>"];
const END: [&str; 2] = ["</thought>", "</think>"];

impl Choice {
    /// Says a text, or thinks it, if what is beside it says so.
    pub(super) fn say_or_think(
        &mut self,
        text: Str<'_>,
        beside: Option<&str>,
        hand: &mut Hand<'_, '_>,
    ) -> Result<(), Fault> {
        if text.is_empty() {
            return Ok(());
        }
        let thought = beside.is_some_and(is_thought);
        let before = core::mem::replace(&mut self.flagged, thought);
        if !thought {
            let text = if before { behind(text, END).unwrap_or(text) } else { text };
            return self.say(text, false, hand);
        }
        let text = if before { text } else { behind(text, BEGIN).unwrap_or(text) };
        let (thought, said) = split(text);
        self.think(thought, "thought", hand)?;
        match said {
            Some(said) => {
                self.flagged = false;
                self.say(said, false, hand)
            }
            None => Ok(()),
        }
    }
}

/// What is thought, and what is said behind the tag that ends it, if there is one.
fn split(text: Str<'_>) -> (Str<'_>, Option<Str<'_>>) {
    let mut at = 0;
    while let Some(rest) = text.raw().get(at..).filter(|rest| !rest.is_empty()) {
        if let Some(said) = behind(part(text, rest), END) {
            return (part(text, text.raw().get(..at).unwrap_or_default()), Some(said));
        }
        let one = || rest.chars().next().map_or(1, char::len_utf8);
        let taken = escape(rest.as_bytes()).map_or_else(one, |(_, taken)| taken);
        at = at.saturating_add(taken);
    }
    (text, None)
}

/// The text behind one of the tags, if it begins with it. Any character of it may be escaped.
fn behind<'a>(text: Str<'a>, tags: [&str; 2]) -> Option<Str<'a>> {
    let behind = |tag: &str| {
        tag.bytes().try_fold(text.raw(), |rest, wanted| {
            let plain = || Some((u16::from(*rest.as_bytes().first()?), 1));
            let (found, taken) = escape(rest.as_bytes()).or_else(plain)?;
            rest.get(taken..).filter(|_| found == u16::from(wanted))
        })
    };
    tags.into_iter().find_map(behind).map(|rest| part(text, rest))
}

/// A part of a text.
fn part<'a>(text: Str<'a>, raw: &'a str) -> Str<'a> {
    Str::new(raw, text.verbatim().is_none())
}
