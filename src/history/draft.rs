//! A message that is being put together from entries.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Ttl;
use crate::json::Json;
use crate::json::edit::{quote, raw_member, string_member, without_member};
use crate::json::reader::Items;
use crate::text::Text;

/// The most marks for the cache that a request may have, that of the system prompt included.
pub(super) const MARKS: usize = 4;

/// What is said for a tool that failed without a word.
pub(super) const FAILED: &str = "The tool failed.";

/// What the model is taken to have said where it has to speak between its tools and the user.
pub(super) const BETWEEN: &str = "I have seen the results.";

/// The place in the record of what is in no record.
pub(super) const MADE: (usize, usize) = (usize::MAX, usize::MAX);

/// A message of the Messages API.
pub(super) struct Draft {
    pub(super) role: Text,
    /// The message as the caller gave it, as long as nothing joins it.
    whole: Option<Json>,
    pub(super) parts: Vec<Part>,
    /// Whether it is the user's own word.
    pub(super) own: bool,
    /// Whether its content is a string.
    pub(super) string: bool,
    /// What the message has beside its role and its content, as an object.
    others: Option<String>,
}

/// A block of a message.
pub(super) struct Part {
    pub(super) kind: Text,
    pub(super) json: Json,
    /// The entry and the block that it is from.
    pub(super) origin: (usize, usize),
    pub(super) print: Option<Text>,
}

impl Part {
    pub(super) fn new(json: Json) -> Self {
        let kind = super::kind(&json).into();
        Self { kind, json, origin: (0, 0), print: None }
    }

    /// Text, as a block.
    pub(super) fn text(text: &str) -> Self {
        let mut json = String::from(r#"{"type":"text","text":"#);
        quote(&mut json, text);
        json.push('}');
        Self::new(Json::checked(json))
    }

    /// How long its mark for the cache lives, if it has one.
    pub(super) fn mark(&self) -> Option<Ttl> {
        let control = raw_member(&self.json, "cache_control").filter(|it| *it != "null")?;
        let hour = string_member(control, "ttl").is_some_and(|ttl| ttl == "1h");
        Some(if hour { Ttl::OneHour } else { Ttl::FiveMinutes })
    }

    /// Whether it may carry a mark for the cache.
    pub(super) fn is_cacheable(&self) -> bool {
        is_cacheable(&self.kind, &self.json)
    }

    pub(super) fn is_thinking(&self) -> bool {
        matches!(self.kind.as_str(), "thinking" | "redacted_thinking")
    }

    pub(super) fn is_result(&self) -> bool {
        self.kind == "tool_result"
    }

    /// What a result says, as blocks.
    pub(super) fn inner(&self) -> impl Iterator<Item = &str> {
        let content = raw_member(&self.json, "content").filter(|_| self.is_result());
        content.into_iter().flat_map(Items::new)
    }
}

/// Whether a block is text without any.
pub(super) fn is_empty_text(block: &str) -> bool {
    let nothing = |text: Option<String>| text.is_none_or(|text| text.trim().is_empty());
    super::kind(block) == "text" && nothing(string_member(block, "text"))
}

/// Whether a block may carry a mark for the cache: not thinking, and not empty text.
pub(super) fn is_cacheable(kind: &str, json: &str) -> bool {
    match kind {
        "text" => string_member(json, "text").is_some_and(|text| !text.is_empty()),
        "image" | "document" | "tool_use" | "tool_result" | "search_result" => true,
        _ => false,
    }
}

impl Draft {
    pub(super) fn assistant(parts: Vec<Part>) -> Self {
        Self {
            role: "assistant".into(),
            whole: None,
            parts,
            own: false,
            string: false,
            others: None,
        }
    }

    pub(super) fn results(parts: Vec<Part>) -> Self {
        Self { role: "user".into(), whole: None, parts, own: false, string: false, others: None }
    }

    /// Any message.
    pub(super) fn read(message: &Json) -> Self {
        let mut draft = Self::user(message, false);
        let content = raw_member(message, "content").unwrap_or_default();
        if string_member(message, "role").is_none() {
            draft.role = Text::EMPTY;
        } else if !content.starts_with(['"', '[']) {
            // The API takes a string or an array.
            draft.parts.clear();
        }
        draft
    }

    /// What the user said: the content of a message, or a message.
    pub(super) fn user(content: &str, own: bool) -> Self {
        let content = content.trim();
        if let Some(role) = string_member(content, "role").filter(|_| content.starts_with('{')) {
            let inner = raw_member(content, "content").unwrap_or("[]");
            let (parts, string) = (blocks(inner), inner.starts_with('"'));
            let others =
                without_member(content, "role").and_then(|it| without_member(&it, "content"));
            let others = others.ok().filter(|others| others != "{}");
            return Self {
                role: role.into(),
                whole: Some(Json::checked(content)),
                parts,
                own,
                string,
                others,
            };
        }
        let mut whole = String::from(r#"{"role":"user","content":"#);
        if content.starts_with(['"', '[']) {
            whole.push_str(content);
        } else {
            // A block alone, or a value that stands for its text.
            whole.push('[');
            let parts = blocks(content);
            parts.iter().for_each(|part| whole.push_str(&part.json));
            whole.push(']');
        }
        whole.push('}');
        let (parts, string) = (blocks(content), content.starts_with('"'));
        Self {
            role: "user".into(),
            whole: Some(Json::checked(whole)),
            parts,
            own,
            string,
            others: None,
        }
    }

    /// Takes on what another of the same role has. Results of tools come first, as the API wants them.
    pub(super) fn join(&mut self, other: Self) {
        self.change();
        self.own |= other.own;
        let results = self.parts.iter().take_while(|part| part.is_result()).count();
        let (first, rest): (Vec<_>, Vec<_>) =
            other.parts.into_iter().partition(|part| part.is_result() && self.role == "user");
        self.parts.splice(results..results, first);
        self.parts.extend(rest);
    }

    /// Whether two messages may become one: those of a system are told apart by more than their role.
    pub(super) fn joins(&self, other: &Self) -> bool {
        self.role == other.role && matches!(self.role.as_str(), "user" | "assistant")
    }

    /// The same, of an entry.
    pub(super) fn of(mut self, entry: usize) -> Self {
        for (block, part) in self.parts.iter_mut().enumerate() {
            part.origin = (entry, block);
        }
        self
    }

    /// Whether it has calls, and no thinking.
    pub(super) fn calls_thoughtlessly(&self) -> bool {
        let calls = self.parts.iter().any(|part| part.kind == "tool_use");
        calls && self.role == "assistant" && !self.parts.iter().any(Part::is_thinking)
    }

    /// Puts thinking first, with this text, which is JSON. It is signed by nobody.
    pub(super) fn think(&mut self, text: &str) {
        let json = alloc::format!(r#"{{"type":"thinking","thinking":{text},"signature":""}}"#);
        self.parts.insert(0, Part { origin: MADE, ..Part::new(Json::checked(json)) });
        self.change();
    }

    /// The answers to calls in it, and what else there is.
    pub(super) fn split_results(mut self) -> (Vec<Part>, Self) {
        if !self.parts.iter().any(Part::is_result) {
            return (Vec::new(), self);
        }
        let parts = core::mem::take(&mut self.parts);
        let (results, others) = parts.into_iter().partition(Part::is_result);
        self.parts = others;
        self.change();
        (results, self)
    }

    /// Puts a value into a block, behind all that it has.
    pub(super) fn mark(&mut self, part: usize, control: &str) {
        let Some(part) = self.parts.get_mut(part) else { return };
        // A `null` stands for none.
        let bare = raw_member(&part.json, "cache_control")
            .and_then(|_| without_member(&part.json, "cache_control").ok());
        let bare = bare.unwrap_or_else(|| part.json.as_str().into());
        if let Some(marked) = append_member(&bare, "cache_control", control) {
            part.json = marked;
            self.change();
        }
    }

    /// What it was given with, if nothing has changed since.
    pub(super) fn whole(&self) -> Option<&str> {
        self.whole.as_deref()
    }

    /// Its blocks are no longer those that it was given with.
    pub(super) fn change(&mut self) {
        self.whole = None;
        self.string = false;
    }

    pub(super) fn into_json(self) -> Json {
        if let Some(whole) = self.whole {
            return whole;
        }
        let mut json = String::from(r#"{"role":"#);
        quote(&mut json, &self.role);
        json.push_str(r#","content":["#);
        for (at, part) in self.parts.iter().enumerate() {
            if at > 0 {
                json.push(',');
            }
            json.push_str(&part.json);
        }
        json.push(']');
        if let Some(others) = self.others.as_deref().and_then(|others| others.strip_prefix('{')) {
            json.push(',');
            json.push_str(others);
        } else {
            json.push('}');
        }
        Json::checked(json)
    }
}

/// An id that the API takes: others have characters that it refuses.
pub(super) fn tool_id(id: &str) -> Text {
    let valid = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-');
    if id.chars().all(valid) {
        return id.into();
    }
    id.chars().map(|char| if valid(char) { char } else { '_' }).collect::<String>().into()
}

/// The blocks of the content of a message.
fn blocks(content: &str) -> Vec<Part> {
    if content.starts_with('[') {
        return Items::new(content)
            .map(|block| Part::new(Json::checked(block.to_string())))
            .collect();
    }
    if content.starts_with('{') {
        return [Part::new(Json::checked(content.to_string()))].into();
    }
    match serde_json::from_str::<String>(content) {
        Ok(text) => [Part::text(&text)].into(),
        Err(_) => [Part::text(content)].into(),
    }
}

/// An object with one more member at its end, and not a byte of it changed.
pub(super) fn append_member(object: &str, key: &str, value: &str) -> Option<Json> {
    let inner = object.trim_end().strip_suffix('}')?;
    let empty = inner.trim().strip_prefix('{')?.trim().is_empty();
    let mut json = String::from(inner);
    if !empty {
        json.push(',');
    }
    quote(&mut json, key);
    json.push(':');
    json.push_str(value);
    json.push('}');
    Some(Json::checked(json))
}
