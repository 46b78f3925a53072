//! A reply, assembled: its blocks in order, each as the next request must send it back.

mod calls;
mod detail;
mod form;
pub(crate) mod param;
mod plain;
mod signed;
pub(crate) mod stored;

pub use self::detail::{Container, InputTransformation, StopDetails};
pub(crate) use self::form::WrittenBlock;
pub(crate) use self::signed::{SIGNERS, call_signature, signer};

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::json::Json;
use crate::json::reader::Reader;
use crate::stop::StopReason;
use crate::text::Text;
use crate::usage::Usage;

/// The API whose form a message has, whoever made the model: a reply of `DeepSeek`'s is a chat, and one of Kimi's from
/// Anthropic's API is Anthropic's. What the bytes of a server are is a [`Protocol`](crate::Protocol), which has
/// its [provider](crate::Protocol::provider).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Provider {
    /// The Anthropic Messages API, or a server that speaks it.
    #[default]
    Anthropic,
    /// The Responses API of `OpenAI`, or a server that speaks it.
    #[serde(rename = "openai_responses")]
    OpenAiResponses,
    /// The Chat Completions API of `OpenAI`, or one of the many servers that speak it.
    #[serde(rename = "openai_chat")]
    OpenAiChat,
}

impl core::fmt::Display for Provider {
    /// As it is serialised.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(match self {
            Self::Anthropic => "anthropic",
            Self::OpenAiResponses => "openai_responses",
            Self::OpenAiChat => "openai_chat",
        })
    }
}

/// A reply of the model, or what of it is known so far.
///
/// Clones are cheap: finished blocks are shared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Message {
    /// The id of the message (`msg_…`), which is not the id of the request.
    pub id: Option<Text>,
    /// Who wrote it.
    pub provider: Provider,
    /// The model as the reply named it, which may differ from the one asked for.
    pub model: Option<Text>,
    /// `assistant`.
    pub role: Option<Text>,
    /// The blocks, in the order of the wire.
    #[serde(with = "form::blocks")]
    pub content: Vec<Arc<Block>>,
    /// Why it ended; `None` while it has not, or if the server never said.
    pub stop_reason: Option<StopReason>,
    /// The stop sequence that was met.
    pub stop_sequence: Option<Text>,
    /// More on a refusal, as received; typed by
    /// [`stop_details`](Self::stop_details()).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_details: Option<Json>,
    /// What it cost so far.
    pub usage: Usage,
    /// What else the message carried, by key, as received: `container`, `context_management`,
    /// `diagnostics`, `input_transformations`, and keys that this version does not know.
    #[serde(skip_serializing_if = "Vec::is_empty", with = "form::pairs")]
    pub other: Vec<(Text, Json)>,
    /// Which of several choices it is; 0 unless the request asked for more than one.
    #[serde(skip_serializing_if = "is_zero")]
    pub choice: u32,
    /// Whether the provider ended the message. If not, blocks may be unfinished or missing.
    pub complete: bool,
}

/// One block of a message.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Block {
    /// The index of the block on the wire.
    pub index: u32,
    /// What it holds.
    pub content: Content,
    /// Keys of the block that this version does not know, as received; and the `phase` of a message
    /// item of `OpenAI`.
    pub other: Vec<(Text, Json)>,
    /// The block as the provider sent it whole, where it does: an output item of the Responses API, or
    /// the `reasoning_details` of a chat. It goes back as it is, unless the text or the input was changed since.
    pub raw: Option<Json>,
    /// Whether the block's stop was received. If not, the content may be cut.
    pub complete: bool,
    /// Whether the block can go back to the provider as it is: complete, signed if it has to be, and
    /// without anything that this version could not read.
    pub replayable: bool,
    /// It had a delta that was not understood.
    pub(crate) damaged: bool,
}

/// What a block holds. Serialised alone, it is under its name; in a block it has the form of an API.
///
/// # Example
///
/// ```
/// use thinkstream::{Content, Message};
///
/// fn print(message: &Message) {
///     for block in &message.content {
///         match &block.content {
///             Content::Thinking(thinking) => println!("(thought: {})", thinking.thinking),
///             Content::Text(text) => println!("{}", text.text),
///             Content::ToolUse(call) => match &call.input {
///                 Ok(input) => println!("{}({})", call.name, input.as_str()),
///                 Err(invalid) => println!("{}: not to be run, {:?}", call.name, invalid.reason),
///             },
///             Content::Other(other) => println!("[{}]", other.kind),
///             _ => {}
///         }
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Content {
    /// Visible text.
    Text(TextContent),
    /// The model's thinking.
    Thinking(ThinkingContent),
    /// Thinking that only the provider can read.
    RedactedThinking(RedactedThinking),
    /// A call of a tool.
    ToolUse(Box<ToolUse>),
    /// Anything else, as received: results of the provider's tools, compaction and fallback blocks,
    /// and types that this version does not know.
    Other(OtherContent),
}

/// Visible text and what it cites.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TextContent {
    /// The text.
    pub text: Text,
    /// What it cites, in the order received.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub citations: Vec<Citation>,
    /// Whether it is the model's refusal, where the provider keeps that apart.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub refusal: bool,
}

/// The model's thinking, with the signature that makes it valid in the next request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ThinkingContent {
    /// The thinking. Empty if the request or the model omits it; the block still has to go back.
    pub thinking: Text,
    /// The signature, exactly as received. `None` also if it was empty or the block was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Text>,
    /// The provider's running estimate of the tokens thought, where it sends one.
    #[serde(default)]
    pub estimated_tokens: u64,
    /// The field that a chat carried it in (`reasoning_content`, `reasoning`, `reasoning_text`,
    /// `reasoning_details`, `content`, its `summary`), which is the one that takes it back; `thought` for what Gemini
    /// flags so, which does not go back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Text>,
}

/// Thinking that only the provider can read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RedactedThinking {
    /// The encrypted thinking, exactly as received.
    pub data: Text,
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolUse {
    /// Who runs the tool.
    pub kind: ToolKind,
    /// The id that the tool's result must name.
    pub id: Text,
    /// The tool.
    pub name: Text,
    /// The arguments, exactly as received, or why they are none. Of a [`Custom`](ToolKind::Custom) tool
    /// they are one JSON string.
    #[serde(with = "stored::input")]
    pub input: Result<Json, InvalidInput>,
    /// The server of an MCP tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<Text>,
    /// Who called it, as received: the model itself, or code that it wrote.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::json::present"
    )]
    pub caller: Option<Json>,
    /// The toolset that the tool belongs to; the `namespace` of `OpenAI`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toolset_name: Option<Text>,
    /// The type of the item, of the Responses API: `function_call`, `shell_call`, … Its answer is an
    /// item of the same name with `_output` behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Text>,
}

/// Who runs a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolKind {
    /// The caller of the API: `tool_use`.
    Client,
    /// The provider: `server_tool_use`.
    Server,
    /// An MCP server that the provider calls: `mcp_tool_use`.
    Mcp,
    /// The caller of the API, with free text in place of JSON: `custom_tool_call`.
    Custom,
}

/// Arguments that are not a JSON object. They must not be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InvalidInput {
    /// What was received.
    pub raw: Text,
    /// Why it is not an object.
    pub reason: InvalidReason,
}

/// Why the arguments of a tool are not a JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum InvalidReason {
    /// The block was cut before its stop.
    Cut,
    /// Not JSON.
    Json(crate::json::JsonError),
    /// JSON, but not an object.
    NotAnObject,
}

/// A block that is kept as it was received.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OtherContent {
    /// The type of the block, such as `web_search_tool_result`.
    pub kind: Text,
    /// The block. If deltas filled it, the object that they make.
    pub raw: Json,
}

/// A citation, as received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation(Json);

/// Where a citation points.
///
/// Source: the `citations_delta` of the Anthropic Messages API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are the provider's own, and speak for themselves")]
pub enum CitationLocation {
    /// Characters of a text document; the end is exclusive.
    CharLocation {
        document_index: u64,
        document_title: Option<String>,
        start_char_index: u64,
        end_char_index: u64,
    },
    /// Pages of a document, from 1; the end is exclusive.
    PageLocation {
        document_index: u64,
        document_title: Option<String>,
        start_page_number: u64,
        end_page_number: u64,
    },
    /// Blocks of a document; the end is exclusive.
    ContentBlockLocation {
        document_index: u64,
        document_title: Option<String>,
        start_block_index: u64,
        end_block_index: u64,
    },
    /// A result of the web search.
    WebSearchResultLocation { url: String, title: Option<String>, encrypted_index: String },
    /// Blocks of a search result; the end is exclusive.
    SearchResultLocation {
        source: String,
        title: Option<String>,
        search_result_index: u64,
        start_block_index: u64,
        end_block_index: u64,
    },
    /// A kind that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Whether a reply whose last block is of this type has paused: it goes back as it is, and is gone on from.
pub(crate) fn is_pause(kind: &str) -> bool {
    kind.ends_with("_tool_result")
        || matches!(kind, "server_tool_use" | "mcp_tool_use" | "compaction")
}

/// Whether it is not worth writing down.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Message {
    /// All visible text, block after block, with nothing between them.
    #[must_use]
    pub fn text(&self) -> String {
        self.content
            .iter()
            .filter_map(|block| match &block.content {
                Content::Text(text) => Some(&*text.text),
                _ => None,
            })
            .collect()
    }

    /// All thinking, block after block, with nothing between them.
    #[must_use]
    pub fn thinking(&self) -> String {
        self.content
            .iter()
            .filter_map(|block| match &block.content {
                Content::Thinking(thinking) => Some(&*thinking.thinking),
                _ => None,
            })
            .collect()
    }
}

impl Content {
    /// The type of the block on the wire.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::Text(_) => "text",
            Self::Thinking(_) => "thinking",
            Self::RedactedThinking(_) => "redacted_thinking",
            Self::ToolUse(tool) => tool.kind.block_type(),
            Self::Other(other) => &other.kind,
        }
    }
}

impl ThinkingContent {
    /// Whether the block is signed but its text is withheld.
    #[must_use]
    pub fn is_omitted(&self) -> bool {
        self.thinking.is_empty() && self.signature.is_some()
    }
}

impl Citation {
    pub(crate) fn new(raw: Json) -> Self {
        Self(raw)
    }

    /// Bytes that one takes which is kept: it may be smaller than its place in the list, and what its allocation,
    /// which is shared with its event, takes beside it.
    pub(crate) fn room(raw: &str) -> usize {
        const SHARED: usize = 64;
        raw.len().saturating_add(size_of::<Self>()).saturating_add(SHARED)
    }

    /// The citation as received, encrypted fields included.
    #[must_use]
    pub fn raw(&self) -> &Json {
        &self.0
    }

    /// Where it points, or `None` if it does not have the fields of its type.
    #[must_use]
    pub fn location(&self) -> Option<CitationLocation> {
        serde_json::from_str(&self.0).ok()
    }

    /// The text it cites.
    #[must_use]
    pub fn cited_text(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Cited {
            cited_text: String,
        }
        serde_json::from_str::<Cited>(&self.0).ok().map(|cited| cited.cited_text)
    }
}

impl InvalidReason {
    /// Why a text that is whole is not an object.
    pub(crate) fn of(raw: &str) -> Self {
        Reader::new(raw).whole().map_or_else(Self::Json, |_| Self::NotAnObject)
    }
}

impl core::fmt::Display for ToolKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.block_type())
    }
}

impl core::fmt::Display for InvalidInput {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "the arguments are not a JSON object: {}", self.reason)
    }
}

impl core::error::Error for InvalidInput {}

impl core::error::Error for InvalidReason {}

impl core::fmt::Display for InvalidReason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Cut => f.write_str("the block was cut"),
            Self::Json(error) => error.fmt(f),
            Self::NotAnObject => f.write_str("not a JSON object"),
        }
    }
}
