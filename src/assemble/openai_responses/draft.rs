//! An item while it is being filled, and what becomes of it.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::fields::{action, is_local, is_of_xai, text, written};
use crate::assemble::growing::Growing;
use crate::assemble::written::Written;
use crate::assemble::{Fault, Ledger};
use crate::json::Json;
use crate::json::edit::quoted;
use crate::message::{
    Block, Citation, Content, InvalidInput, InvalidReason, OtherContent, TextContent,
    ThinkingContent, ToolKind, ToolUse,
};
use crate::text::Text;
use crate::wire::Str;
use crate::wire::openai_responses::{Item, Said};
use crate::wire::piece::DeltaKind;

/// An item between its `added` and its `done`.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) index: u32,
    /// The id of the item.
    id: Text,
    pub(super) fill: Fill,
    /// Its texts, in the order in which they began.
    pub(super) parts: Vec<Part>,
    /// Where each of them is.
    by_index: BTreeMap<(Said, u32), usize>,
    /// How many of them are not empty.
    pub(super) begun: usize,
    /// The item as it began, if it had a text already.
    pub(super) given: Option<Json>,
    /// The part that was added to last.
    pub(super) last: usize,
    /// The part that was announced last.
    pub(super) announced: Option<(Said, u32)>,
}

/// What an item is, with what only its kind has.
#[derive(Clone, Debug)]
pub(super) enum Fill {
    Message {
        phase: Option<Text>,
    },
    Reasoning,
    Tool(Box<Tool>),
    /// An item that is not looked into.
    Opaque {
        kind: Text,
    },
}

/// A call of a tool.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    /// The type of the item.
    pub(super) item: Text,
    pub(super) kind: ToolKind,
    /// The id that a result names; of hosted tools, that of the item.
    pub(super) id: Text,
    /// That id, as far as it is the one that calls have.
    call: Option<Text>,
    pub(super) name: Text,
    server_name: Option<Text>,
    caller: Option<Json>,
    toolset_name: Option<Text>,
    /// Its start has been handed out.
    pub(super) announced: bool,
}

/// One text of an item.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) said: Said,
    pub(super) index: u32,
    pub(super) text: Growing,
    pub(super) citations: Vec<Citation>,
    /// How many citations were handed out.
    pub(super) cited: usize,
    /// It was said whole.
    pub(super) whole: bool,
}

impl Part {
    /// Its place in the item: texts and refusals are counted together, and a summary stands before the reasoning.
    fn order(&self) -> (bool, u32) {
        (self.said == Said::Reasoning, self.index)
    }
}

impl Draft {
    pub(super) fn new(index: u32, item: &Item<'_>) -> Self {
        let fill = match &*item.kind {
            "message" => Fill::Message { phase: item.phase.map(text) },
            "reasoning" => Fill::Reasoning,
            kind => match Tool::new(kind, item) {
                Some(tool) => Fill::Tool(tool.into()),
                None => Fill::Opaque { kind: kind.into() },
            },
        };
        let has_text = |text: Option<Str<'_>>| text.is_some_and(|text| !text.is_empty());
        let texts = item.content.iter().any(|(_, part)| has_text(part.text));
        let given = texts || has_text(written(item)) || action(item).is_some();
        let given = given.then(|| Json::checked(item.raw));
        Self {
            index,
            id: item.id.map(text).unwrap_or_default(),
            fill,
            parts: Vec::new(),
            by_index: BTreeMap::new(),
            begun: 0,
            given,
            last: 0,
            announced: None,
        }
    }

    /// An item of which no more is known than that it has such a text.
    pub(super) fn guess(index: u32, said: Said) -> Self {
        let kind = match said {
            Said::Text | Said::Refusal => "message",
            Said::Reasoning | Said::Summary => "reasoning",
            Said::Arguments => "function_call",
            Said::McpArguments => "mcp_call",
            Said::CustomInput => "custom_tool_call",
            Said::Code => "code_interpreter_call",
        };
        Self::new(index, &Item::of_kind(kind))
    }

    /// The type of the item.
    pub(super) fn kind(&self) -> &str {
        match &self.fill {
            Fill::Message { .. } => "message",
            Fill::Reasoning => "reasoning",
            Fill::Tool(tool) => &tool.item,
            Fill::Opaque { kind } => kind,
        }
    }

    /// The id that the result of a call names, else that of the item.
    pub(super) fn id(&self) -> Text {
        match &self.fill {
            Fill::Tool(tool) if !tool.id.is_empty() => tool.id.clone(),
            _ => self.id.clone(),
        }
    }

    /// Whether `item`, which comes on the same index, is this one.
    pub(super) fn is_alike(&self, item: &Item<'_>) -> bool {
        let same_call = match (&self.fill, item.call_id) {
            (Fill::Tool(tool), Some(call)) => {
                tool.call.as_ref().is_none_or(|mine| *mine == *call.decode())
            }
            _ => true,
        };
        self.kind() == item.kind && same_call
    }

    /// Whether the client has to do something before the model can go on.
    pub(super) fn awaits_client(&self) -> bool {
        match &self.fill {
            Fill::Tool(tool) => tool.kind.is_client(),
            _ => self.kind() == "mcp_approval_request",
        }
    }

    /// Whether items of this type have such a text.
    pub(super) fn fits(&self, said: Said) -> bool {
        match (&self.fill, said) {
            (Fill::Message { .. }, Said::Text | Said::Refusal)
            | (Fill::Reasoning, Said::Reasoning | Said::Summary) => true,
            (Fill::Tool(tool), Said::Arguments) => tool.item == "function_call",
            (Fill::Tool(tool), Said::McpArguments) => tool.item == "mcp_call",
            (Fill::Tool(tool), Said::CustomInput) => tool.item == "custom_tool_call",
            (Fill::Tool(tool), Said::Code) => tool.item == "code_interpreter_call",
            _ => false,
        }
    }

    /// Whether its input waits until it is known whose it is.
    pub(super) fn waits(&self) -> bool {
        matches!(&self.fill, Fill::Tool(tool) if !tool.announced)
    }

    /// The text that was added to last, if it is this one and has begun; and what it fills.
    pub(super) fn growing(&mut self, said: Said, index: u32) -> Option<(DeltaKind, &mut Part)> {
        let kind = match (said, &self.fill) {
            (Said::Text, Fill::Message { .. }) => DeltaKind::Text,
            (Said::Reasoning | Said::Summary, Fill::Reasoning) => DeltaKind::Thinking,
            (Said::Arguments, Fill::Tool(tool)) if tool.announced && self.fits(said) => {
                DeltaKind::InputJson
            }
            _ => return None,
        };
        let part = self.parts.get_mut(self.last)?;
        let same = part.said == said && part.index == index && !part.text.is_empty();
        same.then_some((kind, part))
    }

    /// The text with this index; a new one if there is none.
    pub(super) fn part(
        &mut self,
        said: Said,
        index: u32,
        ledger: &mut Ledger,
    ) -> Result<Option<&mut Part>, Fault> {
        let is = |part: &Part| part.said == said && part.index == index;
        if !self.parts.get(self.last).is_some_and(is) {
            self.last = match self.by_index.get(&(said, index)) {
                Some(at) => *at,
                None => self.begin(said, index, ledger)?,
            };
        }
        Ok(self.parts.get_mut(self.last))
    }

    fn begin(&mut self, said: Said, index: u32, ledger: &mut Ledger) -> Result<usize, Fault> {
        // Who begins texts without end is not followed, nor are they held for nothing.
        ledger.bound_blocks(self.parts.len())?;
        if !self.parts.is_empty() {
            ledger.hold(PART)?;
        }
        let text = Growing::new(&mut ledger.spare, ledger.limits.message_bytes);
        self.parts.push(Part { said, index, text, citations: Vec::new(), cited: 0, whole: false });
        let at = self.parts.len().saturating_sub(1);
        self.by_index.insert((said, index), at);
        Ok(at)
    }

    /// The text with this index, if there is one.
    pub(super) fn known(&self, said: Said, index: u32) -> Option<&Part> {
        self.by_index.get(&(said, index)).and_then(|at| self.parts.get(*at))
    }

    /// The indexes of the texts that are such.
    pub(super) fn indexes(&self, said: Said) -> impl DoubleEndedIterator<Item = u32> {
        self.by_index.range((said, 0)..=(said, u32::MAX)).map(|((_, index), _)| *index)
    }

    /// The block as it is. `done` is the item as its end says it; without that it is not complete.
    pub(super) fn into_block(mut self, done: Option<Done>, spare: &mut Written) -> Block {
        let mut texts: Vec<Text> = Vec::with_capacity(1);
        let mut citations = Vec::new();
        let mut refusal = false;
        // What came first may not be first, where a stream was gone on with.
        self.parts.sort_by_key(Part::order);
        for part in self.parts.drain(..) {
            refusal |= part.said == Said::Refusal && !part.text.is_empty();
            citations.extend(part.citations);
            texts.push(part.text.into_text(spare));
        }
        self.block(&texts, citations, refusal, done)
    }

    /// The block as it would be if it ended here.
    pub(super) fn to_block(&self) -> Block {
        let mut parts: Vec<&Part> = self.parts.iter().collect();
        parts.sort_by_key(|part| part.order());
        let texts: Vec<Text> = parts.iter().map(|part| part.text.to_text()).collect();
        let citations = parts.iter().flat_map(|part| part.citations.iter().cloned());
        let refusal =
            self.parts.iter().any(|part| part.said == Said::Refusal && !part.text.is_empty());
        self.block(&texts, citations.collect(), refusal, None)
    }

    fn block(
        &self,
        texts: &[Text],
        citations: Vec<Citation>,
        refusal: bool,
        done: Option<Done>,
    ) -> Block {
        let complete = done.is_some();
        let done = done.unwrap_or_default();
        let mut replayable = complete;
        let mut other = Vec::new();
        let content = match &self.fill {
            Fill::Message { phase } => {
                let phase = done.phase.as_ref().or(phase.as_ref());
                other.extend(phase.map(|phase| (Text::from("phase"), quoted(phase))));
                Content::Text(TextContent { text: joined(texts, ""), citations, refusal })
            }
            Fill::Reasoning => {
                // What the provider does not store it can only read if it is sent whole: encrypted, or
                // not hidden at all.
                replayable &= done.signature.is_some() || done.plain || !done.stored_nowhere;
                Content::Thinking(ThinkingContent {
                    thinking: joined(texts, PARTING),
                    signature: done.signature,
                    ..ThinkingContent::default()
                })
            }
            Fill::Tool(tool) => {
                let tool = tool.content(joined(texts, ""), complete && !done.cut, done.input);
                // What is whole goes back as it was said, even if nobody can run it.
                replayable &= !done.cut && (tool.input.is_ok() || done.raw.is_some());
                Content::ToolUse(tool.into())
            }
            Fill::Opaque { kind } => Content::Other(OtherContent {
                kind: kind.clone(),
                raw: done.raw.clone().unwrap_or_else(|| Json::checked("{}")),
            }),
        };
        Block {
            index: self.index,
            content,
            other,
            raw: done.raw,
            complete,
            replayable,
            damaged: false,
        }
    }
}

/// What the end of an item says of it.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) raw: Option<Json>,
    pub(super) signature: Option<Text>,
    /// The provider does not store it.
    pub(super) stored_nowhere: bool,
    /// Reasoning that is not hidden.
    pub(super) plain: bool,
    pub(super) phase: Option<Text>,
    /// The input of a tool, where it is not a text.
    pub(super) input: Option<Json>,
    /// The provider says that it is incomplete.
    pub(super) cut: bool,
}

impl Tool {
    /// The call, if items of this `kind` are calls.
    fn new(kind: &str, item: &Item<'_>) -> Option<Self> {
        let hosted = |is: bool| if is { ToolKind::Server } else { ToolKind::Client };
        let run_by = match kind {
            "function_call" | "computer_call" | "local_shell_call" | "apply_patch_call" => {
                ToolKind::Client
            }
            "custom_tool_call" if is_of_xai(item) => ToolKind::Server,
            "custom_tool_call" => ToolKind::Custom,
            "shell_call" => hosted(!is_local(item.environment)),
            "tool_search_call" => {
                hosted(item.execution.is_none_or(|by| by.verbatim() != Some("client")))
            }
            "web_search_call"
            | "file_search_call"
            | "code_interpreter_call"
            | "image_generation_call" => ToolKind::Server,
            "mcp_call" => ToolKind::Mcp,
            _ => return None,
        };
        let call = item.call_id.filter(|id| !id.is_empty()).map(text);
        // No result names the id of an item.
        let hosted = matches!(run_by, ToolKind::Server | ToolKind::Mcp);
        let own_id = item.id.filter(|_| hosted).map(text);
        let own = kind.strip_suffix("_call").unwrap_or(kind);
        let named = matches!(kind, "function_call" | "custom_tool_call" | "mcp_call");
        let name = item.name.map(text).filter(|_| named);
        Some(Self {
            item: kind.into(),
            kind: run_by,
            id: call.clone().or(own_id).unwrap_or_default(),
            call,
            name: name.unwrap_or_else(|| if named { Text::EMPTY } else { own.into() }),
            server_name: item.server_label.map(text),
            caller: item.caller.map(Json::checked),
            toolset_name: item.namespace.map(text),
            announced: false,
        })
    }

    /// Takes over what the end of the item says, which counts. Says whether that is another call.
    pub(super) fn complete(&mut self, item: &Item<'_>) -> bool {
        let Some(done) = Self::new(&item.kind, item) else {
            return false;
        };
        let other = done.call.is_some() && self.announced && self.id != done.id;
        if !done.id.is_empty() {
            self.id = done.id;
        }
        if self.name.is_empty() {
            self.name = done.name;
        }
        // Where a tool runs may be said only here.
        if item.execution.is_some() || item.environment.is_some() {
            self.kind = done.kind;
        }
        self.server_name = self.server_name.take().or(done.server_name);
        self.caller = self.caller.take().or(done.caller);
        self.toolset_name = self.toolset_name.take().or(done.toolset_name);
        other
    }

    /// Whether its input is text and not JSON.
    fn is_freeform(&self) -> bool {
        self.kind == ToolKind::Custom || self.item == "code_interpreter_call"
    }

    fn content(&self, written: Text, complete: bool, given: Option<Json>) -> ToolUse {
        let any = self.item == "tool_search_call";
        let input = if !complete {
            Err(InvalidInput { raw: written, reason: InvalidReason::Cut })
        } else if self.is_freeform() {
            Ok(quoted(&written))
        } else {
            arguments(given, written, any)
        };
        ToolUse {
            kind: self.kind,
            id: self.id.clone(),
            name: self.name.clone(),
            input,
            server_name: self.server_name.clone(),
            caller: self.caller.clone(),
            toolset_name: self.toolset_name.clone(),
            item: Some(self.item.clone()),
        }
    }
}

/// The input of a tool that is JSON: none at all is an empty object.
fn arguments(given: Option<Json>, written: Text, any: bool) -> Result<Json, InvalidInput> {
    // Of a search for tools it may be any JSON.
    if let Some(given) = given {
        return if any { Ok(given) } else { crate::assemble::object(given.into_shared()) };
    }
    match written.trim() {
        "" => Ok(Json::checked("{}")),
        _ => crate::assemble::object(written.into_shared()),
    }
}

fn joined(texts: &[Text], between: &str) -> Text {
    match texts {
        [] => Text::EMPTY,
        [text] => text.clone(),
        texts => {
            let texts: Vec<&str> =
                texts.iter().map(Text::as_str).filter(|text| !text.is_empty()).collect();
            texts.join(between).into()
        }
    }
}

/// Bytes that a text takes beside what it says.
const PART: usize = 2 * size_of::<Part>() + 256;

/// Between the texts of one reasoning: each begins with a heading of its own.
pub(super) const PARTING: &str = "\n\n";
