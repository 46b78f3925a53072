//! Why did my prefix break? The first place where a request differs from the one before.

mod compare;

use core::fmt;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use self::compare::{Place, differs, without_content};
use super::kind;
use crate::json::edit::{raw_member, string_member};
use crate::json::reader::Items;
use crate::json::{Json, JsonError};
use crate::models::Model;
use crate::text::Text;
use crate::usage::Usage;

/// The first place where a request differs from the one that a signed block was made under, or a cache
/// entry written; and what follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Difference {
    /// What differs.
    pub part: Part,
    /// Where, as a `JSONPath` into the request: `$.messages[3].content[0].text`. Of what is missing in the
    /// next request, into the previous one.
    pub path: Text,
    /// The first byte of the previous request at which the value differs, or where it would stand.
    pub previous_byte: usize,
    /// The same, of the next request.
    pub next_byte: usize,
    /// The value in the previous request, from a little before that byte: at most 48 characters.
    pub previous: Option<Text>,
    /// The same, of the next request.
    pub next: Option<Text>,
    /// The signed blocks of the next request that become invalid, if the model's signatures are bound to
    /// their prefix; of another model, those that it may not read.
    pub invalid_signatures: Vec<Text>,
    /// Whether the signatures of the model are bound to their prefix; `None` if the table does not know the
    /// model.
    pub bound: Option<bool>,
    /// What of the cache is lost.
    pub lost: Lost,
}

/// What differs, from the front of what the API caches to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Part {
    /// The model. Each has a cache of its own, and reads only some of the others' thinking.
    Model,
    /// The tools.
    Tools,
    /// The system prompt.
    System,
    /// A message.
    Message,
    /// Thinking is gone from the front, before all that is left, or from the end. Signatures stay valid.
    ThinkingRemoved,
    /// Thinking is gone from the middle: what is signed behind it becomes invalid.
    ThinkingGap,
    /// Thinking is there that was not: what was signed while it was gone becomes invalid.
    ThinkingReturned,
    /// The request begins with a compaction, before which nothing is read. Signatures stay valid.
    Compacted,
    /// A parameter that the messages are cached under: thinking, effort, the choice of tools. Signatures stay
    /// valid.
    Parameter,
}

/// What of the cache is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Lost {
    /// All of it.
    All,
    /// What stands behind the difference. What an earlier mark covers is still read.
    Behind,
}

/// Names the first place where the prefix of a request differs from that of the one before it: the model,
/// the tools, the system prompt or an earlier message. `None` if the next one only goes on.
///
/// Both are whole requests, as they were sent. Marks for the cache may move, white space may differ, a text
/// may be a string or a block; the order of keys counts in the inputs of tools and in their schemas, which
/// the model reads.
///
/// ```
/// use thinkstream::history::{Part, diff};
///
/// let previous = r#"{"model":"claude-opus-5-5","system":"Be brief.","messages":[
///     {"role":"user","content":"hi"}]}"#;
/// let next = r#"{"model":"claude-opus-5-5","system":"Be brief. It is 10:31.","messages":[
///     {"role":"user","content":"hi"},
///     {"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"EqQB"},
///                                    {"type":"text","text":"Hello!"}]},
///     {"role":"user","content":"bye"}]}"#;
/// let difference = diff(previous, next)?.unwrap();
/// assert_eq!(difference.part, Part::System);
/// assert_eq!(difference.path, "$.system");
/// assert_eq!(difference.invalid_signatures, ["$.messages[1].content[0]"]);
/// assert_eq!(
///     difference.to_string(),
///     "$.system differs (byte 46 was \"Be brief.\", byte 46 is \"Be brief. It is 10:31.\"): the cache \
///      behind it is lost, 1 signed block becomes invalid"
/// );
/// # Ok::<(), thinkstream::JsonError>(())
/// ```
///
/// # Errors
///
/// If one of the two is not JSON.
pub fn diff(previous: &str, next: &str) -> Result<Option<Difference>, JsonError> {
    Json::parse(previous.to_string())?;
    Json::parse(next.to_string())?;
    let requests = Requests { previous, next };
    Ok(requests.members().or_else(|| requests.messages()).or_else(|| requests.parameters()))
}

impl Difference {
    /// How many cached tokens are lost, of those that the previous request read or wrote: all of
    /// them, or at most so many. `None` if its usage says nothing of a cache.
    #[must_use]
    pub fn cached_tokens_lost(&self, previous: &Usage) -> Option<u64> {
        let cached = [previous.cache_read_input_tokens, previous.written_tokens()];
        cached.into_iter().flatten().reduce(u64::saturating_add)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} differs (", self.path)?;
        let mut side = |byte: usize, verb: &str, value: &Option<Text>| match value {
            Some(value) => write!(f, "byte {byte} {verb} {}", printable(value)),
            None => write!(f, "byte {byte} {verb} nothing"),
        };
        side(self.previous_byte, "was", &self.previous)?;
        f.write_str(", ")?;
        let mut side = |byte: usize, verb: &str, value: &Option<Text>| match value {
            Some(value) => write!(f, "byte {byte} {verb} {}", printable(value)),
            None => write!(f, "byte {byte} {verb} nothing"),
        };
        side(self.next_byte, "is", &self.next)?;
        f.write_str("): ")?;
        f.write_str(match self.lost {
            Lost::All => "the whole cache is lost",
            Lost::Behind => "the cache behind it is lost",
        })?;
        let blocks = self.invalid_signatures.len();
        let (noun, verb) = if blocks == 1 { ("block", "becomes") } else { ("blocks", "become") };
        match self.bound {
            _ if self.part == Part::Model && blocks > 0 => {
                write!(f, ", {blocks} signed {noun} may be another model's")
            }
            _ if matches!(self.part, Part::ThinkingRemoved | Part::Compacted) => {
                f.write_str(", signatures stay valid")
            }
            _ if blocks == 0 => Ok(()),
            Some(false) => f.write_str(", signatures stay valid"),
            Some(true) => write!(f, ", {blocks} signed {noun} {verb} invalid"),
            None => write!(f, ", {blocks} signed {noun} may become invalid"),
        }
    }
}

/// A value from a little before a byte.
fn excerpt(value: &str, at: usize) -> Text {
    let from = (at.saturating_sub(16)..=at).find(|from| value.is_char_boundary(*from)).unwrap_or(0);
    let rest = value.get(from..).unwrap_or_default();
    let mut excerpt = String::from(if from == 0 { "" } else { "…" });
    excerpt.extend(rest.chars().take(46));
    if rest.chars().nth(46).is_some() {
        excerpt.push('…');
    }
    excerpt.into()
}

fn printable(value: &str) -> String {
    value.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

/// The two requests.
struct Requests<'a> {
    previous: &'a str,
    next: &'a str,
}

impl<'a> Requests<'a> {
    /// Everything before the messages.
    fn members(&self) -> Option<Difference> {
        let parts = [
            (Part::Model, "model"),
            (Part::Tools, "tools"),
            (Part::System, "system"),
            (Part::System, "instructions"),
        ];
        parts.into_iter().find_map(|(part, key)| {
            let place = self.member(key)?;
            Some(self.difference(part, &place, (0, 0)))
        })
    }

    fn parameters(&self) -> Option<Difference> {
        let keys =
            ["thinking", "output_config", "tool_choice", "speed", "reasoning", "reasoning_effort"];
        let place = keys.into_iter().find_map(|key| self.member(key))?;
        Some(self.difference(Part::Parameter, &place, (usize::MAX, 0)))
    }

    fn member(&self, key: &str) -> Option<Place<'a>> {
        let (old, new) = (raw_member(self.previous, key), raw_member(self.next, key));
        let path = format!("$.{key}");
        let is_null = |value: Option<&str>| value.is_none_or(|value| value == "null");
        match (old, new) {
            _ if is_null(old) && is_null(new) => None,
            (Some(old), Some(new)) => differs(old, new, path, false),
            (old, new) => {
                Some(Place { path, previous: old.ok_or(self.previous), next: new.ok_or(self.next) })
            }
        }
    }

    /// The messages that both have. The next one may have more, or fewer.
    fn messages(&self) -> Option<Difference> {
        let key = if raw_member(self.previous, "input").is_some() { "input" } else { "messages" };
        let list = |request| -> Vec<&'a str> {
            let said = raw_member(request, key).unwrap_or("[]");
            // A string is the one message of the user's.
            if said.starts_with('"') { [said].into() } else { Items::new(said).collect() }
        };
        let (old, new) = (list(self.previous), list(self.next));
        if key == "messages" && is_compacted(&old, &new) {
            let place = Place {
                path: "$.messages[0]".into(),
                previous: old.first().copied().ok_or(self.previous),
                next: new.first().copied().ok_or(self.next),
            };
            return Some(self.difference(Part::Compacted, &place, (0, 0)));
        }
        // What both end with may have grown; so may a reply, whatever follows: it was gone on from.
        let end = old.len().saturating_sub(1);
        let goes_on = old.last().and_then(|last| string_member(last, "role"));
        let goes_on = goes_on.is_some_and(|role| role == "assistant");
        let last = if old.len() == new.len() || goes_on { end } else { usize::MAX };
        let mut thinking = Thinking::default();
        for (at, (old, new)) in old.into_iter().zip(new).enumerate() {
            if old.starts_with('"') && new.starts_with('"') {
                let place = differs(old, new, format!("$.{key}"), false)?;
                return Some(self.difference(Part::Message, &place, (at, 0)));
            }
            let path = format!("$.{key}[{at}]");
            if let Some((place, block)) = message(old, new, &path, at, at == last, &mut thinking) {
                // What went before it comes before it.
                if thinking.first.is_none() {
                    return Some(self.difference(Part::Message, &place, (at, block)));
                }
                break;
            }
        }
        let (part, place, from) = thinking.first?;
        Some(self.difference(part, &place, from))
    }

    fn difference(&self, part: Part, place: &Place<'a>, from: (usize, usize)) -> Difference {
        let same = match (place.previous, place.next) {
            (Ok(old), Ok(new)) => old.bytes().zip(new.bytes()).take_while(|(a, b)| a == b).count(),
            _ => 0,
        };
        let start = |whole: &str, side: Result<&str, &str>| {
            let (value, behind) = match side {
                Ok(value) => (value, same),
                // Behind all that is there.
                Err(around) => (around, around.len().saturating_sub(1)),
            };
            value.as_ptr().addr().saturating_sub(whole.as_ptr().addr()).saturating_add(behind)
        };
        let begin = |side: Result<&str, &str>| side.ok().map(|value| excerpt(value, same));
        let model = string_member(self.next, "model").and_then(|model| Model::find(&model));
        let harmless = matches!(part, Part::ThinkingRemoved | Part::Parameter | Part::Compacted);
        let invalid = if harmless { Vec::new() } else { self.signed_behind(from) };
        // From the end it may go too.
        let removed = part == Part::ThinkingGap && invalid.is_empty();
        let part = if removed { Part::ThinkingRemoved } else { part };
        Difference {
            part,
            path: place.path.as_str().into(),
            previous_byte: start(self.previous, place.previous),
            next_byte: start(self.next, place.next),
            previous: begin(place.previous),
            next: begin(place.next),
            invalid_signatures: invalid,
            bound: model.map(|model| model.bound_to_prefix),
            lost: match part {
                Part::Model | Part::Tools => Lost::All,
                _ => Lost::Behind,
            },
        }
    }

    /// The signed blocks of the next request from a place on.
    fn signed_behind(&self, from: (usize, usize)) -> Vec<Text> {
        let messages = Items::new(raw_member(self.next, "messages").unwrap_or("[]"));
        let mut signed = Vec::new();
        for (at, message) in messages.enumerate() {
            let Some(content) = raw_member(message, "content") else { continue };
            for (block, raw) in Items::new(content).enumerate() {
                if (at, block) >= from && is_thinking(raw) {
                    signed.push(format!("$.messages[{at}].content[{block}]").into());
                }
            }
        }
        signed
    }
}

/// Compares a message, and notes where thinking has gone from it or come into it. With the place comes the
/// block that it is in.
fn message<'a>(
    old: &'a str,
    new: &'a str,
    path: &str,
    at: usize,
    last: bool,
    thinking: &mut Thinking<'a>,
) -> Option<(Place<'a>, usize)> {
    let content = |said: &'a str| {
        said.starts_with('"').then_some(said).or_else(|| raw_member(said, "content"))
    };
    let (old_content, new_content) = (content(old), content(new));
    let (Some(old_content), Some(new_content)) = (old_content, new_content) else {
        return differs(old, new, path.into(), false).map(|place| (place, 0));
    };
    let alone = old.starts_with('"') || new.starts_with('"');
    if let Some(place) = without_content(old, new, path).filter(|_| !alone) {
        return Some((place, 0));
    }
    let (olds, news) = (blocks(old_content), blocks(new_content));
    let (mut left, mut right) = (olds.iter().peekable(), news.iter().enumerate().peekable());
    loop {
        let (old, new) = (left.peek().copied(), right.peek().copied());
        let block = new.map_or(news.len(), |(block, _)| block);
        let path = format!("{path}.content[{block}]");
        match (old, new.map(|(_, new)| new)) {
            (Some(old), Some(new)) => {
                let Some(place) = differs(old, new, path.clone(), false) else {
                    thinking.kept |= is_thinking(new);
                    left.next();
                    right.next();
                    continue;
                };
                if is_thinking(old) && !(is_thinking(new) && olds.len() == news.len()) {
                    thinking.removed(path, old, new, (at, block));
                    left.next();
                } else if is_thinking(new) && !is_thinking(old) {
                    thinking.returned(path, old, new, (at, block));
                    right.next();
                } else {
                    return Some((place, block));
                }
            }
            (Some(old), None) if is_thinking(old) => {
                thinking.removed(path, old, new_content, (at, block));
                left.next();
            }
            (Some(old), None) => {
                return Some((Place { path, previous: Ok(old), next: Err(new_content) }, block));
            }
            // The last message may have grown.
            (None, Some(_)) if last => return None,
            (None, Some(new)) => {
                return Some((Place { path, previous: Err(old_content), next: Ok(new) }, block));
            }
            (None, None) => return None,
        }
    }
}

/// What has become of thinking, from message to message.
#[derive(Default)]
struct Thinking<'a> {
    /// Whether some of it is where it was.
    kept: bool,
    first: Option<(Part, Place<'a>, (usize, usize))>,
}

impl<'a> Thinking<'a> {
    fn removed(&mut self, path: String, old: &'a str, behind: &'a str, from: (usize, usize)) {
        let gap = self.kept;
        let place = || Place { path, previous: Ok(old), next: Err(behind) };
        match &self.first {
            None if gap => self.first = Some((Part::ThinkingGap, place(), from)),
            None => self.first = Some((Part::ThinkingRemoved, place(), from)),
            // What was gone from the front only is now a gap.
            Some((Part::ThinkingRemoved, ..)) if gap => {
                self.first = Some((Part::ThinkingGap, place(), from));
            }
            Some(_) => {}
        }
    }

    fn returned(&mut self, path: String, old: &'a str, new: &'a str, from: (usize, usize)) {
        if !matches!(self.first, Some((Part::ThinkingGap | Part::ThinkingReturned, ..))) {
            let place = Place { path, previous: Err(old), next: Ok(new) };
            self.first = Some((Part::ThinkingReturned, place, (from.0, from.1.saturating_add(1))));
        }
    }
}

/// Whether the next request begins with a compaction with which the previous one did not.
fn is_compacted(old: &[&str], new: &[&str]) -> bool {
    let first = |messages: &[&str]| -> Option<String> {
        let content = raw_member(messages.first()?, "content")?;
        let block = Items::new(content).next().filter(|block| kind(block) == "compaction")?;
        Some(block.into())
    };
    !old.is_empty() && first(new).is_some() && first(new) != first(old)
}

fn is_thinking(block: &str) -> bool {
    matches!(kind(block).as_str(), "thinking" | "redacted_thinking")
}

/// The blocks of a content; a string is one.
fn blocks(content: &str) -> Vec<&str> {
    if content.starts_with('[') { Items::new(content).collect() } else { Vec::from([content]) }
}
