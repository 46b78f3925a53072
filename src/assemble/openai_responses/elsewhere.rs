//! What is said of a place where nothing began. Some servers count the parts of an item by its pieces, number the end
//! of an item otherwise than its beginning, or give a call another id each time that they speak of it.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::draft::{Draft, Fill};
use super::fields::{text, written};
use super::items::{Closed, Items, Life, Place};
use crate::assemble::is_object;
use crate::json::edit::quoted;
use crate::message::{Content, ToolKind, ToolUse};
use crate::text::Text;
use crate::wire::Str;
use crate::wire::openai_responses::{Item, PartKind, Parts, Response, Said};

impl Draft {
    /// The index of the part that a piece is for, or a `whole`. Where the first did not have the index 0, a part that
    /// has neither begun nor been announced goes on with the last, until that was said whole; said once more, it is
    /// the last.
    pub(super) fn index_of(&self, said: Said, index: u32, whole: Option<Str<'_>>) -> u32 {
        let counts_pieces = self.indexes(said).next().is_some_and(|first| first > 0);
        let last = self.parts.get(self.last).filter(|part| part.said == said && counts_pieces);
        let Some(last) = last else { return index };
        let known = self.announced == Some((said, index)) || self.known(said, index).is_some();
        let again = || whole.is_some_and(|it| !it.is_empty() && last.text.is(&it.decode()));
        if !known && (!last.whole || again()) { last.index } else { index }
    }

    /// Whether this was said in one part, and nothing else.
    fn has_said(&self, whole: &str) -> bool {
        matches!(&*self.parts, [part] if !whole.is_empty() && part.text.is(whole))
    }

    /// Whether it is a call of a function of which the arguments are all there: a JSON object is whole or none.
    pub(super) fn has_arguments(&self) -> bool {
        match (&self.fill, &*self.parts) {
            (Fill::Tool(tool), [part]) if tool.item == "function_call" => {
                is_object(&part.text.to_text())
            }
            _ => false,
        }
    }

    /// Whether the end of an item leaves out what was said of it.
    pub(super) fn is_more_than(&self, item: &Item<'_>) -> bool {
        let said = self.parts.iter().any(|part| !part.text.is_empty());
        let lacks = |member: Option<Str<'_>>| member.is_none_or(|member| member.is_empty());
        match &self.fill {
            Fill::Message { .. } => said && strings(item.content).next().is_none(),
            Fill::Tool(tool) if matches!(&*tool.item, "function_call" | "custom_tool_call") => {
                let unsaid = item.arguments.is_none_or(|raw| raw == r#""""#) && lacks(item.input);
                let unnamed = lacks(item.name) && !tool.name.is_empty();
                said && unsaid || unnamed || lacks(item.call_id) && !tool.id.is_empty()
            }
            _ => false,
        }
    }
}

impl Items {
    /// The open item that said this, and nothing else.
    pub(super) fn with_text(&self, said: Said, whole: &str) -> Option<usize> {
        self.open().find(|(_, draft)| draft.fits(said) && draft.has_said(whole)).map(|(at, _)| at)
    }

    /// The open item of which this is the end: it says the same.
    pub(super) fn ended_by(&self, item: &Item<'_>) -> Option<usize> {
        let whole = match &*item.kind {
            "message" => only(texts(item.content)),
            "reasoning" => only(texts(item.content)).or_else(|| only(texts(item.summary))),
            _ => written(item).map(text),
        }?;
        let name = item.name.map(text);
        let same = |draft: &Draft| match &draft.fill {
            Fill::Tool(tool) => name.as_ref().is_none_or(|name| *name == tool.name),
            _ => true,
        };
        let mut alike = self.open().filter(|(_, draft)| draft.kind() == item.kind && same(draft));
        alike.find(|(_, draft)| draft.has_said(&whole)).map(|(at, _)| at)
    }

    /// Takes the last item of a response that was cut for cut too, if it is a call that may be: not every server
    /// knows which of its items are whole.
    pub(super) fn cut_last(&mut self) {
        let Some(Life::Closed(Closed { block: Some(block), .. })) =
            self.places.last_mut().map(|place| &mut place.life)
        else {
            return;
        };
        if let Content::ToolUse(tool) = &block.content
            && (tool.input.is_err() || tool.kind == ToolKind::Custom)
        {
            Arc::make_mut(block).replayable = false;
        }
    }

    fn open(&self) -> impl Iterator<Item = (usize, &Draft)> {
        let open = self.places.iter().enumerate().skip(self.ended);
        open.filter_map(|(at, place)| match &place.life {
            Life::Open(draft) => Some((at, &**draft)),
            Life::Closed(_) => None,
        })
    }

    /// The calls that a response at its end does not name by an id that they had.
    fn unnamed_calls(&self, response: &Response<'_>) -> Vec<usize> {
        let named: BTreeSet<usize> =
            response.output().filter_map(|item| self.same(&item, None)).collect();
        let calls = (0..self.places.len()).filter(|at| !named.contains(at));
        calls.filter(|at| self.places.get(*at).is_some_and(Place::is_call)).collect()
    }

    /// The first of the calls that the end of a response does not name that is this one under another id. Most
    /// servers keep to their ids, so those calls are looked for when one is needed.
    pub(super) fn renamed(
        &self,
        item: &Item<'_>,
        response: &Response<'_>,
        unnamed: &mut Option<Vec<usize>>,
    ) -> Option<usize> {
        item.call_id.filter(|_| is_call(&item.kind))?;
        let unnamed = unnamed.get_or_insert_with(|| self.unnamed_calls(response));
        let written = written(item).map(text).unwrap_or_default();
        let same =
            |at: &usize| self.places.get(*at).is_some_and(|place| place.calls_as(item, &written));
        let place = unnamed.iter().position(same)?;
        Some(unnamed.remove(place))
    }
}

impl Place {
    fn is_call(&self) -> bool {
        is_call(self.kind())
    }

    /// Whether it is a call of the same tool with the same input, as that was `written`.
    fn calls_as(&self, item: &Item<'_>, written: &str) -> bool {
        let named = |name: &Text| item.name.is_none_or(|said| *name == *said.decode());
        self.kind() == item.kind
            && match &self.life {
                Life::Open(draft) => match &draft.fill {
                    Fill::Tool(tool) => named(&tool.name) && draft.has_said(written),
                    _ => false,
                },
                // What is not kept cannot be compared.
                Life::Closed(Closed { block: None, .. }) => true,
                Life::Closed(Closed { block: Some(block), .. }) => match &block.content {
                    Content::ToolUse(tool) => named(&tool.name) && tool.was_written(written),
                    _ => false,
                },
            }
    }
}

impl ToolUse {
    /// Whether its input is this text, as a model writes it.
    fn was_written(&self, text: &str) -> bool {
        match &self.input {
            Ok(input) if self.kind == ToolKind::Custom => *input == *quoted(text),
            Ok(input) => input.trim() == text.trim() || &**input == "{}" && text.is_empty(),
            Err(invalid) => invalid.raw == *text,
        }
    }
}

/// Whether an item of this type is a call, of the client's tools or of the provider's.
pub(super) fn is_call(kind: &str) -> bool {
    kind.ends_with("_call")
}

/// Whether an item is none of a function that is called with half of its arguments.
pub(super) fn has_arguments(item: &Item<'_>) -> bool {
    let written = written(item).filter(|_| item.kind == "function_call");
    written.is_none_or(|arguments| is_object(&arguments.decode()))
}

impl Item<'_> {
    /// The text of a message, if it has several parts.
    pub(super) fn text(&self) -> Option<String> {
        let texts = self.content.iter().filter(|(_, part)| part.kind == PartKind::Text);
        let texts: Vec<Text> = texts.filter_map(|(_, part)| part.text.map(text)).collect();
        let texts: Vec<&str> = texts.iter().map(Text::as_str).collect();
        (texts.len() > 1).then(|| texts.concat())
    }
}

/// The texts that are not empty.
fn texts(parts: Parts<'_>) -> impl Iterator<Item = Text> {
    strings(parts).map(text)
}

fn strings<'a>(parts: Parts<'a>) -> impl Iterator<Item = Str<'a>> {
    parts.iter().filter_map(|(_, part)| part.text).filter(|text| !text.is_empty())
}

/// The only one.
fn only(mut texts: impl Iterator<Item = Text>) -> Option<Text> {
    texts.next().filter(|_| texts.next().is_none())
}
