//! What the API would refuse in the messages of a request, and how it is mended.

mod answers;
mod anthropic;
mod mend;
mod openai;
mod pairs;
mod rename;
mod repair;

pub use self::repair::{Change, Repaired, repair};

use core::fmt;

use alloc::format;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Target;
use crate::json::Json;
use crate::message::Provider;
use crate::text::Text;

/// Something that the API would answer with a 400, or with thinking that is lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// What is wrong.
    pub kind: FindingKind,
    /// Where: a `JSONPath` into the request, `$.messages[3].content[0]`.
    pub path: Text,
    /// The message, or the item.
    pub message: usize,
    /// The block in its content, if it is about one.
    pub block: Option<usize>,
    /// The id of the tool call, if it is about one.
    pub id: Option<Text>,
}

/// What can be wrong with the messages of a request.
///
/// Sources: the Messages API's pages on thinking, tool use, prompt caching and errors; the Responses API's on
/// reasoning; and what the APIs are seen to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// There are no messages.
    NoMessages,
    /// A message whose role the API does not have.
    InvalidRole,
    /// A block without a type, one that a message of this role cannot have, or one that only another API has; an
    /// item that is none.
    InvalidBlock,
    /// A call without an answer in the next message.
    OrphanToolUse,
    /// An answer without a call in the message before.
    OrphanToolResult,
    /// A call of a tool that the provider runs, without its result, in a reply that is not gone on from.
    OrphanServerToolUse,
    /// A result of a tool that the provider runs, without its call.
    OrphanServerToolResult,
    /// A second answer to one call.
    DuplicateToolResult,
    /// An answer behind other blocks of its message.
    ToolResultNotFirst,
    /// An answer that says that its tool failed, and has no text, or more than texts.
    InvalidErrorResult,
    /// Two calls with one id.
    DuplicateToolId,
    /// An id with characters that the API does not take, or none; in a chat one that the server is known to refuse,
    /// in the Responses API one of more than 64 characters.
    InvalidToolId,
    /// A call by a name that no tool can have: none at all, more than 200 characters for Anthropic, and for `OpenAI`,
    /// Mistral and `DeepSeek` more than 64, or others than letters, digits, `_` and `-`. Models make such up.
    InvalidToolName,
    /// A list of calls in a message of a chat, with none in it.
    EmptyToolCalls,
    /// A call whose input is no object; for `OpenAI`'s APIs, one whose arguments are no text, and for other vendors'
    /// models behind them also one whose text is no object: such servers read it.
    InvalidToolInput,
    /// A message, or a response, that ends with thinking.
    ThinkingLast,
    /// The reply that the tool loop in progress is about does not begin with thinking, which the mode
    /// `enabled` needs.
    LoopWithoutThinking,
    /// A call that Gemini wants signed, and nobody did: the first of a reply in the turn in progress.
    UnsignedToolCall,
    /// Thinking without a signature: never signed, or cut.
    UnsignedThinking,
    /// Thinking without its text, not even an empty one; reasoning of the Responses API without a `summary`.
    ThinkingWithoutText,
    /// A call without its `reasoning_content`, or its thinking, not even an empty one, to a model that
    /// [wants it back always](crate::models::Replay::Always), or, as `deepseek-reasoner`, while calls are answered.
    ThinkingMissing,
    /// Redacted thinking without its data.
    RedactedWithoutData,
    /// Thinking, while the request turns thinking off, or for a model of `OpenAI`'s that does not reason.
    ThinkingWhileOff,
    /// Text without any text, or with white space only; in an answer too.
    EmptyText,
    /// A message without content.
    EmptyMessage,
    /// The user speaks right behind the answers of tools, which Mistral refuses.
    MissingReply,
    /// A mark for the cache on thinking, redacted thinking or empty text.
    CacheMarkForbidden,
    /// A fifth mark for the cache.
    TooManyMarks,
    /// A mark that lives for an hour behind one that lives for five minutes.
    TtlOrder,
    /// Two messages of one role that follow each other. The API joins them, but not always where you
    /// would.
    ConsecutiveRoles,
    /// The first message is the assistant's.
    FirstNotUser,
    /// The last message is the assistant's, and the model does not go on from it.
    Prefill,
    /// The last message is the assistant's, and ends with white space.
    TrailingSpace,
    /// One item twice.
    DuplicateItem,
    /// An item whose own id `OpenAI` refuses: longer than 64 characters, with others than letters, digits, `_` and
    /// `-`, or with another beginning than those of its type.
    InvalidItemId,
}

impl FindingKind {
    /// What is wrong, in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoMessages => "no messages",
            Self::InvalidRole => "a role that the API does not have",
            Self::InvalidBlock => "a block that cannot be here",
            Self::OrphanToolUse => "a tool call without an answer in the next message",
            Self::OrphanToolResult => "an answer without a tool call in the message before",
            Self::OrphanServerToolUse => "a call of the provider's tools without its result",
            Self::OrphanServerToolResult => "a result of the provider's tools without its call",
            Self::DuplicateToolResult => "a second answer to one tool call",
            Self::ToolResultNotFirst => "an answer behind other blocks",
            Self::InvalidErrorResult => {
                "an answer of a tool that failed, which has texts alone, and one"
            }
            Self::DuplicateToolId => "a second tool call with the same id",
            Self::InvalidToolId => "a tool id that the API does not take",
            Self::InvalidToolName => "a tool call by a name that no tool can have",
            Self::EmptyToolCalls => "a list of tool calls without any",
            Self::InvalidToolInput => "a tool call whose input has the wrong type",
            Self::ThinkingLast => "thinking at the end",
            Self::LoopWithoutThinking => "a tool loop that must begin with thinking, and does not",
            Self::UnsignedToolCall => "a tool call without the signature that Gemini wants",
            Self::UnsignedThinking => "thinking without a signature",
            Self::ThinkingWithoutText => "thinking without the field of its text",
            Self::ThinkingMissing => {
                "a tool call without its reasoning, which the model wants back"
            }
            Self::RedactedWithoutData => "redacted thinking without data",
            Self::ThinkingWhileOff => "thinking in a request without it",
            Self::EmptyText => "text without any text",
            Self::EmptyMessage => "a message without content",
            Self::MissingReply => "the user right behind the answers of tools",
            Self::CacheMarkForbidden => "a mark for the cache on a block that cannot carry it",
            Self::TooManyMarks => "more than four marks for the cache",
            Self::TtlOrder => "a mark for an hour behind one for five minutes",
            Self::ConsecutiveRoles => "a second message of the same role",
            Self::FirstNotUser => "the first message is the assistant's",
            Self::TrailingSpace => "the last message is the assistant's, and ends with white space",
            Self::DuplicateItem => "an item for the second time",
            Self::InvalidItemId => "an item with an id that the API does not take",
            Self::Prefill => {
                "the last message is the assistant's, which the model does not go on from"
            }
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.kind)?;
        match &self.id {
            Some(id) => write!(f, " ({:?})", id.as_str()),
            None => Ok(()),
        }
    }
}

/// What the API would refuse in an array of messages, rendered or your own, in the order of the messages.
///
/// ```
/// use thinkstream::history::{FindingKind, Mode, Target, validate};
/// use thinkstream::{Json, Provider};
///
/// let messages: Vec<Json> = serde_json::from_str(
///     r#"[{"role":"user","content":"hi"},
///         {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":""},
///                                        {"type":"tool_use","id":"toolu_1","name":"dice","input":{}}]}]"#,
/// )?;
/// let target = Target::new(Provider::Anthropic, "claude-sonnet-4-5").mode(Mode::Enabled);
/// let found: Vec<String> =
///     validate(&messages, &target).iter().map(ToString::to_string).collect();
/// assert_eq!(
///     found,
///     [
///         "$.messages[1].content[0]: thinking without a signature",
///         "$.messages[1].content[1]: a tool call without an answer in the next message (\"toolu_1\")",
///         "$.messages[1]: the last message is the assistant's, which the model does not go on from",
///     ],
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[must_use]
pub fn validate(messages: &[Json], target: &Target) -> Vec<Finding> {
    if messages.is_empty() {
        return [Finding::of_none(target.provider)].into();
    }
    let mut found = match target.provider {
        Provider::Anthropic => anthropic::find(&anthropic::read(messages), target),
        Provider::OpenAiResponses => openai::find_items(messages, target),
        Provider::OpenAiChat => openai::find_chat(messages, target),
    };
    found.sort_by_key(|finding| (finding.message, finding.block.is_none(), finding.block));
    found
}

impl Finding {
    fn of_none(provider: Provider) -> Self {
        let items = provider == Provider::OpenAiResponses;
        let path = if items { "$.input" } else { "$.messages" }.into();
        let kind = FindingKind::NoMessages;
        Self { kind, path, message: 0, block: None, id: None }
    }

    fn of_message(kind: FindingKind, message: usize) -> Self {
        let path = format!("$.messages[{message}]").into();
        Self { kind, path, message, block: None, id: None }
    }

    fn of_item(kind: FindingKind, message: usize, id: Option<&str>) -> Self {
        let path = format!("$.input[{message}]").into();
        Self { kind, path, message, block: None, id: id.map(Into::into) }
    }

    fn of_block(kind: FindingKind, message: usize, block: usize, id: Option<&str>) -> Self {
        let path = format!("$.messages[{message}].content[{block}]").into();
        Self { kind, path, message, block: Some(block), id: id.map(Into::into) }
    }
}
