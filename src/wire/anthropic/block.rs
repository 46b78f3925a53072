//! A block as `content_block_start` and a filled `message_start` hold it.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::json::reader::{Items, Kind, Reader};
use crate::wire::read::{self, KEYS};

use crate::json::string::Str;
use crate::json::{Flaw, JsonError};
use crate::message::ToolKind;

/// A block as it begins; some kinds are whole already.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContentBlock<'a> {
    /// Its type.
    pub kind: Cow<'a, str>,
    /// The block, as received.
    pub raw: &'a str,
    /// Its keys that this version does not know, as received.
    pub other: Vec<(Cow<'a, str>, &'a str)>,
    /// What it holds.
    pub block: Block<'a>,
}

/// What a block holds as it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Block<'a> {
    /// `text`
    Text {
        /// The text so far, mostly empty.
        text: Str<'a>,
        /// The citations so far: an array, as received.
        citations: Option<&'a str>,
    },
    /// `thinking`
    Thinking {
        /// The thinking so far, mostly empty.
        thinking: Str<'a>,
        /// The signature so far, mostly empty.
        signature: Str<'a>,
    },
    /// `redacted_thinking`, which is whole.
    RedactedThinking {
        /// The encrypted thinking.
        data: Str<'a>,
    },
    /// `tool_use`, `server_tool_use` and `mcp_tool_use`
    ToolUse(ToolUse<'a>),
    /// The result of one of the provider's tools, which is whole: any type that ends in
    /// `_tool_result`.
    ToolResult {
        /// The call that it answers, which may be in an earlier message.
        tool_use_id: Option<Str<'a>>,
    },
    /// `compaction`: filled by one delta.
    Compaction,
    /// `fallback`, which is whole: what follows was written by another model.
    Fallback {
        /// That model.
        to: Option<Str<'a>>,
    },
    /// `container_upload` and `mcp_tool_listing`, which are whole.
    Whole,
    /// A type that this version does not know.
    Unknown,
}

/// A call of a tool as it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolUse<'a> {
    /// Who runs the tool.
    pub kind: ToolKind,
    /// The id of the call.
    pub id: Str<'a>,
    /// The tool.
    pub name: Str<'a>,
    /// The input, as received: whole, or `{}` when deltas follow.
    pub input: Option<&'a str>,
    /// The server of an MCP tool.
    pub server_name: Option<Str<'a>>,
    /// Who called it, as received.
    pub caller: Option<&'a str>,
    /// The toolset that the tool belongs to.
    pub toolset_name: Option<Str<'a>>,
}

/// The blocks of a message, read one by one: a hostile array of millions takes no more memory than
/// its text.
#[derive(Clone, Debug, Default)]
pub struct ContentBlocks<'a>(Option<Items<'a>>);

impl<'a> ContentBlocks<'a> {
    pub(super) fn new(array: &'a str) -> Self {
        Self(Some(Items::new(array)))
    }
}

impl<'a> Iterator for ContentBlocks<'a> {
    type Item = Result<ContentBlock<'a>, JsonError>;

    fn next(&mut self) -> Option<Self::Item> {
        let raw = self.0.as_mut()?.next()?;
        Some(ContentBlock::read(&mut Reader::new(raw)))
    }
}

pub(super) fn read_event<'a>(
    reader: &mut Reader<'a>,
    index: &mut Option<u32>,
) -> Result<ContentBlock<'a>, JsonError> {
    let mut block = None;
    read::members(reader, |key, reader| match key {
        "index" => read::index(reader).map(|read| *index = read),
        "content_block" if reader.kind()? == Kind::Null => reader.skip(),
        "content_block" => ContentBlock::read(reader).map(|read| block = Some(read)),
        _ => reader.skip(),
    })?;
    block.map_or_else(|| reader.fail(Flaw::Missing("content_block")), Ok)
}

/// The fields of all kinds of blocks.
#[derive(Default)]
struct Fields<'a> {
    kind: Option<Str<'a>>,
    text: Option<Str<'a>>,
    thinking: Option<Str<'a>>,
    signature: Option<Str<'a>>,
    data: Option<Str<'a>>,
    id: Option<Str<'a>>,
    name: Option<Str<'a>>,
    tool_use_id: Option<Str<'a>>,
    server_name: Option<Str<'a>>,
    toolset_name: Option<Str<'a>>,
    input: Option<&'a str>,
    caller: Option<&'a str>,
    to: Option<Str<'a>>,
    citations: Option<&'a str>,
    other: Vec<(Cow<'a, str>, &'a str)>,
}

impl<'a> ContentBlock<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, JsonError> {
        let mut fields = Fields::default();
        let start = reader.place();
        read::members(reader, |key, reader| fields.read(key, reader))?;
        let Some(kind) = fields.kind.map(|kind| kind.decode()) else {
            return reader.fail(Flaw::Missing("type"));
        };
        let tool = match &*kind {
            "tool_use" => Some(ToolKind::Client),
            "server_tool_use" => Some(ToolKind::Server),
            "mcp_tool_use" => Some(ToolKind::Mcp),
            _ => None,
        };
        let block = match &*kind {
            "text" => {
                Block::Text { text: fields.text.unwrap_or_default(), citations: fields.citations }
            }
            "thinking" => Block::Thinking {
                thinking: fields.thinking.unwrap_or_default(),
                signature: fields.signature.unwrap_or_default(),
            },
            "redacted_thinking" => {
                Block::RedactedThinking { data: require(reader, fields.data, "data")? }
            }
            "compaction" => Block::Compaction,
            "fallback" => Block::Fallback { to: fields.to },
            "container_upload" | "mcp_tool_listing" => Block::Whole,
            kind if kind.ends_with("_tool_result") => {
                Block::ToolResult { tool_use_id: fields.tool_use_id }
            }
            _ => match tool {
                None => Block::Unknown,
                Some(kind) => Block::ToolUse(ToolUse {
                    kind,
                    id: match kind.is_client() {
                        true => fields.id.unwrap_or_default(),
                        false => require(reader, fields.id, "id")?,
                    },
                    name: require(reader, fields.name, "name")?,
                    input: fields.input,
                    server_name: fields.server_name,
                    caller: fields.caller,
                    toolset_name: fields.toolset_name,
                }),
            },
        };
        Ok(Self { kind, raw: reader.since(start), other: fields.other, block })
    }
}

impl<'a> Fields<'a> {
    /// A field of the wrong type is as good as none: the block may be of a kind that has another.
    fn read(&mut self, key: &str, reader: &mut Reader<'a>) -> Result<(), JsonError> {
        let string = match key {
            "type" => &mut self.kind,
            "text" => &mut self.text,
            "thinking" => &mut self.thinking,
            "signature" => &mut self.signature,
            "data" => &mut self.data,
            "id" => &mut self.id,
            "name" => &mut self.name,
            "tool_use_id" => &mut self.tool_use_id,
            "server_name" => &mut self.server_name,
            "toolset_name" => &mut self.toolset_name,
            "input" => return read::raw(reader).map(|raw| self.input = raw),
            "caller" => return read::raw(reader).map(|raw| self.caller = raw),
            "to" if reader.kind()? == Kind::Object => {
                return read::members(reader, |key, reader| match key {
                    "model" => reader.string_or_skip().map(|model| self.to = model),
                    _ => reader.skip(),
                });
            }
            "citations" if reader.kind()? == Kind::Array => {
                return reader.raw().map(|raw| self.citations = Some(raw));
            }
            // Keys of kinds that are kept raw as a whole.
            "content" | "encrypted_content" | "to" | "from" | "trigger" | "citations" => {
                return reader.skip();
            }
            key => {
                if let Some(raw) = read::raw(reader)?
                    && self.other.len() < KEYS
                {
                    self.other.push((Cow::Owned(key.into()), raw));
                }
                return Ok(());
            }
        };
        *string = reader.string_or_skip()?;
        Ok(())
    }
}

fn require<'a>(
    reader: &Reader<'a>,
    field: Option<Str<'a>>,
    name: &'static str,
) -> Result<Str<'a>, JsonError> {
    field.map_or_else(|| reader.fail(Flaw::Missing(name)), Ok)
}
