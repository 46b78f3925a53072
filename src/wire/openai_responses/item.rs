//! Items of the output, and their parts.

use alloc::borrow::Cow;

use crate::json::JsonError;
use crate::json::reader::{Items, Kind, Reader};
use crate::json::string::Str;
use crate::wire::read;

/// An item of the output. What its kind does not have is `None`.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Item<'a> {
    /// Its type: `message`, `reasoning`, `function_call`, …
    pub kind: Cow<'a, str>,
    /// The item, as received.
    pub raw: &'a str,
    /// Its id, which is not the id that a tool's result names. Some servers change it with every event.
    pub id: Option<Str<'a>>,
    /// `in_progress`, `completed` or `incomplete`.
    pub status: Option<Str<'a>>,
    /// The id that the result of a call must name.
    pub call_id: Option<Str<'a>>,
    /// The tool of a call.
    pub name: Option<Str<'a>>,
    /// The group of tools that `name` is of.
    pub namespace: Option<Str<'a>>,
    /// The server of an MCP call.
    pub server_label: Option<Str<'a>>,
    /// Who called the tool, as received.
    pub caller: Option<&'a str>,
    /// The arguments of a call, as received: mostly a string with JSON in it.
    pub arguments: Option<&'a str>,
    /// The text that a custom tool is called with, or the code of an interpreter or program.
    pub input: Option<Str<'a>>,
    /// What a tool is to do, as received: an `action`, several `actions`, an `operation`, or `queries`.
    pub action: Option<(Action, &'a str)>,
    /// Who runs a search of tools: `server` or `client`.
    pub execution: Option<Str<'a>>,
    /// Where a shell runs, as received.
    pub environment: Option<&'a str>,
    /// `commentary` or `final_answer`, of a message.
    pub phase: Option<Str<'a>>,
    /// The parts of the summary of reasoning.
    pub summary: Parts<'a>,
    /// The parts of a message, or of reasoning that is not hidden.
    pub content: Parts<'a>,
    /// Reasoning, or a compaction, that only the provider can read.
    pub encrypted_content: Option<Str<'a>>,
}

/// Under which key it says what a tool is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// `action`
    Action,
    /// `actions`
    Actions,
    /// `operation`
    Operation,
    /// `queries`
    Queries,
}

impl<'a> Item<'a> {
    /// An item of which no more is known.
    pub(crate) fn of_kind(kind: &'static str) -> Self {
        Self { kind: Cow::Borrowed(kind), raw: "{}", ..Self::default() }
    }

    /// Reads an item: nothing for `null`.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Option<Self>, JsonError> {
        if reader.kind()? != Kind::Object {
            reader.skip()?;
            return Ok(None);
        }
        let start = reader.place();
        let mut item = Self::default();
        read::members(reader, |key, reader| item.field(key, reader))?;
        item.raw = reader.since(start);
        Ok(Some(item))
    }

    fn field(&mut self, key: &str, reader: &mut Reader<'a>) -> Result<(), JsonError> {
        let string = match key {
            "type" => {
                self.kind = reader.string_or_skip()?.unwrap_or_default().decode();
                return Ok(());
            }
            "id" => &mut self.id,
            "status" => &mut self.status,
            "call_id" => &mut self.call_id,
            "name" => &mut self.name,
            "namespace" => &mut self.namespace,
            "server_label" => &mut self.server_label,
            "input" | "code" => &mut self.input,
            "execution" => &mut self.execution,
            "phase" => &mut self.phase,
            "encrypted_content" => &mut self.encrypted_content,
            "caller" => return read::raw(reader).map(|raw| self.caller = raw),
            "arguments" => return read::raw(reader).map(|raw| self.arguments = raw),
            "environment" => return read::raw(reader).map(|raw| self.environment = raw),
            "summary" => return reader.raw().map(|raw| self.summary = Parts(raw)),
            "content" => return reader.raw().map(|raw| self.content = Parts(raw)),
            "action" => return self.action(Action::Action, reader),
            "actions" => return self.action(Action::Actions, reader),
            "operation" => return self.action(Action::Operation, reader),
            "queries" => return self.action(Action::Queries, reader),
            _ => return reader.skip(),
        };
        *string = reader.string_or_skip()?;
        Ok(())
    }

    fn action(&mut self, key: Action, reader: &mut Reader<'a>) -> Result<(), JsonError> {
        if let Some(raw) = read::raw(reader)? {
            self.action = Some((key, raw));
        }
        Ok(())
    }
}

/// What a part is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartKind {
    /// `output_text`, or nothing that says otherwise.
    #[default]
    Text,
    /// `refusal`
    Refusal,
    /// `reasoning_text`
    Reasoning,
    /// `summary_text`
    Summary,
    /// One that this version does not know.
    Unknown,
}

/// A part of a message or of reasoning.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Part<'a> {
    /// What it is.
    pub kind: PartKind,
    /// Its text.
    pub text: Option<Str<'a>>,
    /// The annotations of an `output_text`, as received.
    pub annotations: Option<&'a str>,
}

impl<'a> Part<'a> {
    /// Reads a part: nothing for `null`.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Option<Self>, JsonError> {
        if reader.kind()? != Kind::Object {
            reader.skip()?;
            return Ok(None);
        }
        let mut part = Self::default();
        read::members(reader, |key, reader| {
            match key {
                "type" => {
                    let kind = reader.string_or_skip()?.map(|kind| kind.decode());
                    part.kind = match kind.as_deref() {
                        None | Some("output_text" | "text") => PartKind::Text,
                        Some("refusal") => PartKind::Refusal,
                        Some("reasoning_text") => PartKind::Reasoning,
                        Some("summary_text") => PartKind::Summary,
                        Some(_) => PartKind::Unknown,
                    };
                }
                "text" | "refusal" => part.text = reader.string_or_skip()?.or(part.text),
                "annotations" => part.annotations = read::raw(reader)?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        Ok(Some(part))
    }

    /// The annotations, each as received.
    pub fn annotations(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.annotations.into_iter().flat_map(Items::new)
    }
}

/// The parts of an item, in order.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a>(&'a str);

impl<'a> Parts<'a> {
    /// The parts, each with its index.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Part<'a>)> + use<'a> {
        let parts = Items::new(self.0).map(|raw| Part::read(&mut Reader::new(raw)).ok().flatten());
        (0..).zip(parts).filter_map(|(index, part)| Some((index, part?)))
    }
}

impl Default for Parts<'_> {
    fn default() -> Self {
        Self("[]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_that_nobody_sent_is_an_empty_object() {
        let item = Item::of_kind("message");
        assert_eq!((&*item.kind, item.raw), ("message", "{}"));
    }
}
