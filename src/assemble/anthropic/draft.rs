//! A block while it is being filled, and what becomes of it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::assemble::object;
use crate::assemble::written::Written;
use crate::json::Json;
use crate::json::edit::{quote, string_member, with_member};
use crate::json::reader::Items;
use crate::message::{
    Block, Citation, Content, InvalidInput, InvalidReason, OtherContent, RedactedThinking,
    TextContent, ThinkingContent, ToolKind, ToolUse,
};
use crate::text::{Lent, Text};
use crate::wire::anthropic::{self as wire, Delta};
use crate::wire::{Source, Str};

/// A block between its start and its stop.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) index: u32,
    pub(super) fill: Fill,
    /// What the deltas write: text, thinking, or the JSON of a tool's input.
    pub(super) text: Written,
    /// Half of a surrogate pair that the last delta ended with.
    pub(super) half: Option<u16>,
    /// The block began with a text, and no delta has come since.
    pub(super) seeded: bool,
    /// A delta was not understood, so the block cannot be rebuilt.
    pub(super) damaged: bool,
    /// Bytes that are held for the block.
    pub(super) held: usize,
    /// Keys of the start that this version does not know.
    other: Vec<(Text, Json)>,
}

/// What a block is, with what only its kind has.
#[derive(Clone, Debug)]
pub(super) enum Fill {
    Text {
        citations: Vec<Citation>,
    },
    Thinking {
        signature: String,
        /// The signature is the start's, and no delta has come for it since.
        seeded: bool,
        estimated_tokens: u64,
    },
    Redacted {
        data: Text,
    },
    Tool(Box<Tool>),
    /// `raw` is the block as it began; `filled` the keys that deltas replaced.
    Compaction {
        raw: Json,
        filled: Vec<(&'static str, Json)>,
    },
    /// A block that is whole at its start.
    Whole {
        kind: Text,
        raw: Json,
    },
    /// A block of an unknown type; `writable` if it has a `text`, which text deltas go on with.
    Unknown {
        kind: Text,
        raw: Json,
        writable: bool,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Tool {
    pub(super) kind: ToolKind,
    pub(super) id: Text,
    pub(super) name: Text,
    input: Option<Json>,
    server_name: Option<Text>,
    caller: Option<Json>,
    toolset_name: Option<Text>,
}

impl Draft {
    /// A block as it begins. Its text is written in the room of `spare`.
    pub(super) fn new(
        index: u32,
        start: &wire::ContentBlock<'_>,
        source: Source<'_>,
        spare: &mut Written,
    ) -> Self {
        let mut written = String::new();
        let fill = match &start.block {
            wire::Block::Text { text, citations } => {
                written = text.decode().into();
                let citations = citations.iter().copied().flat_map(Items::new).take(CITATIONS);
                let cite = |raw: &str| Citation::new(Json::checked(raw));
                Fill::Text { citations: citations.map(cite).collect() }
            }
            wire::Block::Thinking { thinking, signature } => {
                written = thinking.decode().into();
                let signature: String = signature.decode().into();
                Fill::Thinking { seeded: !signature.is_empty(), signature, estimated_tokens: 0 }
            }
            wire::Block::RedactedThinking { data } => {
                Fill::Redacted { data: Text::from(&*data.decode()) }
            }
            wire::Block::ToolUse(tool) => Fill::Tool(Tool::new(tool, source).into()),
            wire::Block::Compaction => {
                Fill::Compaction { raw: source.json(start.raw), filled: Vec::new() }
            }
            wire::Block::Unknown => {
                let seed = string_member(start.raw, "text");
                let writable = seed.is_some();
                written = seed.unwrap_or_default();
                Fill::Unknown { kind: (&*start.kind).into(), raw: source.json(start.raw), writable }
            }
            wire::Block::ToolResult { .. } | wire::Block::Fallback { .. } | wire::Block::Whole => {
                Fill::Whole { kind: (&*start.kind).into(), raw: source.json(start.raw) }
            }
        };
        let seeded = !written.is_empty();
        let mut text = core::mem::take(spare);
        text.push(Lent::Text(&written));
        let other = start.other.iter().map(|(key, raw)| (Text::from(&**key), Json::checked(*raw)));
        Self {
            index,
            fill,
            text,
            half: None,
            seeded,
            damaged: false,
            held: 0,
            other: other.collect(),
        }
    }

    /// Whether blocks of this kind have such deltas. Of a kind that is not known, any may come.
    pub(super) fn fits(&self, delta: &Delta<'_>) -> bool {
        matches!(
            (&self.fill, delta),
            (_, Delta::Null | Delta::Unknown { .. })
                | (Fill::Unknown { .. }, _)
                | (Fill::Text { .. }, Delta::Text { .. } | Delta::Citations { .. })
                | (Fill::Thinking { .. }, Delta::Thinking { .. } | Delta::Signature { .. })
                | (Fill::Tool(_), Delta::InputJson { .. })
                | (Fill::Compaction { .. }, Delta::Compaction { .. })
        )
    }

    /// Whether a start of `block` on the same index means this block. A signed one is over.
    pub(super) fn is_alike(&self, block: &wire::Block<'_>) -> bool {
        match (&self.fill, block) {
            (Fill::Text { .. }, wire::Block::Text { .. })
            | (Fill::Compaction { .. }, wire::Block::Compaction) => true,
            (Fill::Thinking { signature, .. }, wire::Block::Thinking { .. }) => {
                signature.is_empty()
            }
            (Fill::Tool(tool), wire::Block::ToolUse(start)) => {
                // A call that has none was given an id.
                let same = tool.id == *start.id.decode() || start.id.is_empty();
                tool.kind == start.kind && same
            }
            _ => false,
        }
    }

    /// Takes the input of a tool from a start that is sent again with it.
    pub(super) fn complete_from(&mut self, block: &wire::Block<'_>, source: Source<'_>) {
        if let (Fill::Tool(tool), wire::Block::ToolUse(wire::ToolUse { input: Some(input), .. })) =
            (&mut self.fill, block)
            && tool.input.as_deref().is_none_or(|known| known == "{}")
        {
            tool.input = Some(source.json(input));
        }
    }

    /// The block as it is. The room that its text was written in becomes `spare`.
    #[expect(
        clippy::boxed_local,
        reason = "it is moved out of its box part by part, not as a whole"
    )]
    pub(super) fn into_block(self: Box<Self>, complete: bool, spare: &mut Written) -> Arc<Block> {
        let Self { index, fill, text: written, half, damaged, other, .. } = *self;
        let text = written.to_text(half);
        *spare = written.emptied();
        Arc::new(block(index, fill, text, other, complete, damaged))
    }

    /// The block as it would be if it ended here.
    pub(super) fn to_block(&self) -> Arc<Block> {
        let text = self.text.to_text(self.half);
        let (fill, other) = (self.fill.clone(), self.other.clone());
        Arc::new(block(self.index, fill, text, other, false, self.damaged))
    }
}

/// The block with its text. Without its stop it is not complete, and carries no signature.
#[inline(always)]
fn block(
    index: u32,
    fill: Fill,
    text: Text,
    other: Vec<(Text, Json)>,
    complete: bool,
    damaged: bool,
) -> Block {
    let content = match fill {
        Fill::Text { citations } => Content::Text(TextContent { text, citations, refusal: false }),
        Fill::Thinking { signature, estimated_tokens, .. } => Content::Thinking(ThinkingContent {
            thinking: text,
            signature: (complete && !signature.is_empty()).then(|| signature.into()),
            estimated_tokens,
            field: None,
        }),
        Fill::Redacted { data } => Content::RedactedThinking(RedactedThinking { data }),
        Fill::Tool(tool) => Content::ToolUse(tool.into_content(text, complete)),
        Fill::Compaction { raw, filled } => Content::Other(OtherContent {
            kind: "compaction".into(),
            raw: filled.into_iter().fold(raw, |raw, (key, value)| set(raw, key, &value)),
        }),
        Fill::Whole { kind, raw } => Content::Other(OtherContent { kind, raw }),
        Fill::Unknown { kind, raw, writable } => Content::Other(OtherContent {
            kind,
            raw: if writable { with_text(raw, &text) } else { raw },
        }),
    };
    let replayable = complete && !damaged && is_whole(&content);
    Block { index, content, other, raw: None, complete, damaged, replayable }
}

impl Tool {
    fn new(tool: &wire::ToolUse<'_>, source: Source<'_>) -> Self {
        let text = |string: &Str<'_>| Text::from(&*string.decode());
        Self {
            kind: tool.kind,
            id: text(&tool.id),
            name: text(&tool.name),
            input: tool.input.map(|input| source.json(input)),
            server_name: tool.server_name.as_ref().map(text),
            caller: tool.caller.map(Json::checked),
            toolset_name: tool.toolset_name.as_ref().map(text),
        }
    }

    fn into_content(self: Box<Self>, written: Text, complete: bool) -> Box<ToolUse> {
        let input = if complete {
            arguments(self.input, written)
        } else {
            Err(InvalidInput { raw: written, reason: InvalidReason::Cut })
        };
        Box::new(ToolUse {
            kind: self.kind,
            id: self.id,
            name: self.name,
            input,
            server_name: self.server_name,
            caller: self.caller,
            toolset_name: self.toolset_name,
            item: None,
        })
    }
}

/// The arguments of a tool: what the deltas wrote, else what the start held, else none.
fn arguments(start: Option<Json>, written: Text) -> Result<Json, InvalidInput> {
    let raw = match start {
        _ if !written.trim().is_empty() => written.into_shared(),
        Some(input) if input.as_str() != "\"\"" => input.into_shared(),
        _ => "{}".into(),
    };
    object(raw)
}

/// Whether the content has all that the provider wants back.
fn is_whole(content: &Content) -> bool {
    match content {
        Content::Thinking(thinking) => thinking.signature.is_some(),
        Content::RedactedThinking(redacted) => !redacted.data.is_empty(),
        Content::ToolUse(tool) => tool.input.is_ok(),
        Content::Text(_) | Content::Other(_) => true,
    }
}

/// The block with another text, or as it is if it has that text already.
fn with_text(raw: Json, text: &str) -> Json {
    if string_member(&raw, "text").as_deref() == Some(text) {
        return raw;
    }
    let mut value = String::new();
    quote(&mut value, text);
    set(raw, "text", &value)
}

fn set(raw: Json, key: &str, value: &str) -> Json {
    // What was read as an object once is one.
    with_member(&raw, key, value).map_or(raw, Json::checked)
}

/// Citations that a block may begin with. The provider begins with none.
const CITATIONS: usize = 4096;
