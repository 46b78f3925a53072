//! After a 400: what the API refused, and what would succeed.

use core::fmt;

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::render::Signed;
use super::{History, Rendered};
use crate::error::ServerError;
use crate::json::edit::{raw_member, string_member};
use crate::json::reader::Items;
use crate::text::Text;

/// What an API refused of a request's thinking, tools or length, read from the body of its answer.
///
/// ```
/// use thinkstream::history::{Rejection, RejectionKind, Remedy};
///
/// let body = r#"{"type":"error","error":{"type":"invalid_request_error","message":
///     "messages.5.content.0: Invalid `signature` in `thinking` block"}}"#;
/// let rejection = Rejection::classify(400, body).unwrap();
/// assert_eq!(rejection.kind, RejectionKind::InvalidSignature);
/// assert_eq!(rejection.place, Some((5, Some(0))));
/// assert_eq!(rejection.remedy(), Remedy::DropBlock);
/// assert_eq!(Rejection::classify(400, r#"{"error":{"message":"max_tokens is too large"}}"#), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Rejection {
    /// What was refused.
    pub kind: RejectionKind,
    /// The message, and the block in its content, that the answer names.
    pub place: Option<(usize, Option<usize>)>,
    /// What the API said: at most 512 characters.
    pub message: Text,
}

/// What an API refuses of thinking, tools and length. The wording changes, so it is matched loosely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RejectionKind {
    /// A signature that is not valid for its block: changed, cut, moved, or another model's.
    InvalidSignature,
    /// A block that is bound to another conversation: something before it has changed.
    BoundToOtherConversation,
    /// A block of thinking without a signature.
    SignatureMissing,
    /// A block of thinking without its text.
    ThinkingTextMissing,
    /// Redacted thinking without its data.
    DataMissing,
    /// The thinking of the last reply is not as it was.
    CannotBeModified,
    /// The last reply must begin with thinking.
    ThinkingExpected,
    /// A message ends with thinking.
    ThinkingLast,
    /// Text without any text.
    EmptyText,
    /// A tool call without an answer.
    ToolResultMissing,
    /// An answer without a tool call.
    ToolUseMissing,
    /// A mark for the cache on a block that cannot carry it, too many, or in the wrong order.
    CacheMark,
    /// The messages end with one of the assistant.
    Prefill,
    /// The mode of thinking is not supported by the model.
    Mode,
    /// A forced tool, with thinking.
    ForcedTool,
    /// Encrypted reasoning that the issuer cannot read.
    InvalidEncryptedContent,
    /// A stored item that does not exist.
    ItemNotFound,
    /// Reasoning without what it led to, or the other way round.
    ReasoningPair,
    /// A chat that wants its reasoning back.
    ReasoningDemanded,
    /// A chat that refuses its reasoning.
    ReasoningRefused,
    /// Thinking without any text, which the server refuses though it is signed.
    EmptyThinking,
    /// A budget that does not fit the model or `max_tokens`.
    Budget,
    /// A sampling parameter that does not go with thinking.
    Sampling,
    /// A compaction block that is not as it was.
    CompactionChanged,
    /// A tool id that is not unique, too long, or has characters that the API does not take.
    ToolId,
    /// A call by a name that no tool can have.
    ToolName,
    /// The answer of a tool that failed, with more than texts, or without any.
    ErrorResult,
    /// An item's own id that the Responses API does not take.
    ItemId,
    /// Messages whose roles do not take turns.
    Roles,
    /// Thinking in a request that turns it off.
    ThinkingWhileOff,
    /// One item twice.
    DuplicateItem,
    /// More than the model reads at once, with the room for its reply.
    ContextLength,
}

/// What would succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Remedy {
    /// Remember what was refused ([`History::reject`]) and render again: without the block, and where
    /// signatures are bound to their prefix, without all thinking up to it.
    DropBlock,
    /// Remember what was refused and render again: without all thinking of the request.
    DropAllThinking,
    /// Send the block exactly as it was received: something between the record and the API changes it.
    Restore,
    /// Send the last reply exactly as it was received: something between the record and the API changes it.
    /// If that cannot be helped, remember its thinking ([`History::reject`]) and end the tool loop without.
    RestoreOrTurnOff,
    /// Turn thinking off until the tool loop ends.
    TurnThinkingOff,
    /// [`repair`](super::repair) the messages.
    Repair,
    /// Ask for another mode: [`Thinking::resolve`](crate::request::Thinking::resolve) knows which.
    ChangeThinking,
    /// Render with [`Replay::Always`](crate::models::Replay::Always).
    ReplayReasoning,
    /// Render with [`Replay::Never`](crate::models::Replay::Never).
    LeaveReasoningOut,
    /// Send less, or ask for less with `max_tokens`: the [`Policy`](super::Policy) may clear thinking and results of
    /// tools, the API may compact; else begin anew with a summary.
    Shorten,
}

/// What an answer says, in lower case and without backticks, and what it means. All words must be there.
/// The first that fits counts.
const TEXTS: &[(&[&str], RejectionKind)] = &[
    (&["prompt is too long"], RejectionKind::ContextLength),
    (&["exceed context limit"], RejectionKind::ContextLength),
    (&["context_length_exceeded"], RejectionKind::ContextLength),
    (&["maximum context length"], RejectionKind::ContextLength),
    (&["exceeds the context window"], RejectionKind::ContextLength),
    (&["exceeds the available context size"], RejectionKind::ContextLength),
    (&["context window exceeds"], RejectionKind::ContextLength),
    (&["input token count", "exceeds the maximum"], RejectionKind::ContextLength),
    (&["input is too long"], RejectionKind::ContextLength),
    (&["maximum prompt length"], RejectionKind::ContextLength),
    (&["exceeded model token limit"], RejectionKind::ContextLength),
    (&["prompt exceeds max length"], RejectionKind::ContextLength),
    (&["bound to a different conversation"], RejectionKind::BoundToOtherConversation),
    (&["thinking", "cannot be modified"], RejectionKind::CannotBeModified),
    (&["thinking", "must remain as they were"], RejectionKind::CannotBeModified),
    (&["signature", "field required"], RejectionKind::SignatureMissing),
    (&["redacted_thinking", "data", "field required"], RejectionKind::DataMissing),
    (&["thinking.thinking", "field required"], RejectionKind::ThinkingTextMissing),
    (&["each thinking block must contain thinking"], RejectionKind::EmptyThinking),
    (&["thinking", "must match the parameters"], RejectionKind::CannotBeModified),
    (&["first block must be thinking"], RejectionKind::ThinkingExpected),
    (&["expected thinking", "but found"], RejectionKind::ThinkingExpected),
    (&["must start with a thinking block"], RejectionKind::ThinkingExpected),
    (&["final block", "cannot be thinking"], RejectionKind::ThinkingLast),
    (&["clear_thinking", "requires thinking"], RejectionKind::Mode),
    (&["does not support effort"], RejectionKind::Mode),
    (&["max_tokens", "maximum allowed number of output tokens"], RejectionKind::Budget),
    (&["budget_tokens", "max_tokens"], RejectionKind::Budget),
    (&["budget_tokens", "greater than"], RejectionKind::Budget),
    (&["temperature", "thinking"], RejectionKind::Sampling),
    (&["top_p", "thinking"], RejectionKind::Sampling),
    (&["top_k", "thinking"], RejectionKind::Sampling),
    (&["tool_choice", "thinking"], RejectionKind::ForcedTool),
    (&["tool_choice", "not supported for this model"], RejectionKind::ForcedTool),
    (&["cache_control"], RejectionKind::CacheMark),
    (&["thinking.type", "not supported"], RejectionKind::Mode),
    (&["adaptive thinking is not supported"], RejectionKind::Mode),
    (&["compaction_content_mismatch"], RejectionKind::CompactionChanged),
    (&["compaction_signature_invalid"], RejectionKind::CompactionChanged),
    (&["compaction_tool_changes_mismatch"], RejectionKind::CompactionChanged),
    (&["compaction_block_"], RejectionKind::CompactionChanged),
    (&["thinking is disabled", "thinking"], RejectionKind::ThinkingWhileOff),
    (&["block_binding", "extra inputs"], RejectionKind::Mode),
    (&["display", "extra inputs"], RejectionKind::Mode),
    (&["invalid signature", "thinking"], RejectionKind::InvalidSignature),
    (&["thought signature is not valid"], RejectionKind::InvalidSignature),
    (&["invalid data", "redacted_thinking"], RejectionKind::InvalidSignature),
    (&["signature", "thinking", "invalid"], RejectionKind::InvalidSignature),
    (&["prefill"], RejectionKind::Prefill),
    (&["trailing whitespace"], RejectionKind::Prefill),
    (&["roles must alternate"], RejectionKind::Roles),
    (&["must be non-empty"], RejectionKind::EmptyText),
    (&["must have non-empty content"], RejectionKind::EmptyText),
    (&["non-whitespace text"], RejectionKind::EmptyText),
    (&["tool_use", "without tool_result"], RejectionKind::ToolResultMissing),
    (&["tool use", "without a corresponding"], RejectionKind::ToolResultMissing),
    (&["_tool_result", "must have a corresponding"], RejectionKind::ToolUseMissing),
    (&["tool_use.name"], RejectionKind::ToolName),
    (&["tooluse.name"], RejectionKind::ToolName),
    (&["tool_calls[", "].function.name"], RejectionKind::ToolName),
    (&["input[", "].name"], RejectionKind::ToolName),
    (&["input[", "].id", "string too long"], RejectionKind::ItemId),
    (&["expected an id that begins with"], RejectionKind::ItemId),
    (&["tool_calls[", "].id", "string too long"], RejectionKind::ToolId),
    (&["call_id", "string too long"], RejectionKind::ToolId),
    (&["must be type text", "is_error"], RejectionKind::ErrorResult),
    (&["unexpected role", "after role"], RejectionKind::Roles),
    (&["tool_use", "ids must be unique"], RejectionKind::ToolId),
    (&["tool_use", "should match pattern"], RejectionKind::ToolId),
    (&["tool_use_id", "should match pattern"], RejectionKind::ToolId),
    (&["no tool output found"], RejectionKind::ToolResultMissing),
    (&["tool_calls", "must be followed by tool messages"], RejectionKind::ToolResultMissing),
    (&["unexpected tool_use_id"], RejectionKind::ToolUseMissing),
    (&["tool_result", "corresponding tool_use"], RejectionKind::ToolUseMissing),
    (&["no tool call found"], RejectionKind::ToolUseMissing),
    (&["invalid_encrypted_content"], RejectionKind::InvalidEncryptedContent),
    (&["encrypted content", "could not be"], RejectionKind::InvalidEncryptedContent),
    (&["decrypt", "encrypted_content"], RejectionKind::InvalidEncryptedContent),
    (&["reasoning input items can only be provided"], RejectionKind::InvalidEncryptedContent),
    (&["missing a thought_signature"], RejectionKind::CannotBeModified),
    (&["without its required"], RejectionKind::ReasoningPair),
    (&["duplicate item"], RejectionKind::DuplicateItem),
    (&["items are not persisted"], RejectionKind::ItemNotFound),
    (&["item with id", "not found"], RejectionKind::ItemNotFound),
    (&["reasoning_content", "must be passed back"], RejectionKind::ReasoningDemanded),
    (&["reasoning_content", "missing"], RejectionKind::ReasoningDemanded),
    (&["reasoning_content", "required"], RejectionKind::ReasoningDemanded),
    (&["reasoning_content"], RejectionKind::ReasoningRefused),
    (&["property reasoning is unsupported"], RejectionKind::ReasoningRefused),
    (&["reasoning is not supported with this model"], RejectionKind::ReasoningRefused),
];

impl Rejection {
    /// Reads what an API answered, if it is about thinking, tools or length: its JSON error, or any text that has
    /// one in it, as relays send it.
    #[must_use]
    pub fn classify(status: u16, body: &str) -> Option<Self> {
        // Google's errors come in an array.
        let body = Items::new(body).next().unwrap_or(body);
        let error = raw_member(body, "error").unwrap_or_default();
        let code = string_member(error, "code");
        let details = || string_member(raw_member(error, "details")?, "error_code");
        Self::read(status, &message(body), &code.or_else(details).unwrap_or_default())
    }

    /// Reads what a server reported.
    #[must_use]
    pub fn of(error: &ServerError) -> Option<Self> {
        let code = error.code.clone().or_else(|| error.error_code()).unwrap_or_default();
        Self::read(error.http_status().unwrap_or(400), &error.message, &code)
    }

    fn read(status: u16, message: &str, code: &str) -> Option<Self> {
        if !matches!(status, 400 | 404 | 422) {
            return None;
        }
        let mut text = message.to_ascii_lowercase().replace(['`', '\'', '"'], "");
        text.push(' ');
        text.push_str(code);
        let fits = |words: &[&str]| words.iter().all(|word| text.contains(word));
        let kind = TEXTS.iter().find(|(words, _)| fits(words)).map(|(_, kind)| *kind)?;
        let begin: String = message.chars().take(512).collect();
        Some(Self { kind, place: place(message), message: begin.into() })
    }

    /// What would succeed.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        match self.kind {
            RejectionKind::InvalidSignature if self.place.is_some() => Remedy::DropBlock,
            RejectionKind::InvalidSignature
            | RejectionKind::BoundToOtherConversation
            | RejectionKind::InvalidEncryptedContent
            | RejectionKind::ReasoningPair
            | RejectionKind::EmptyThinking
            | RejectionKind::ItemNotFound => Remedy::DropAllThinking,
            RejectionKind::CompactionChanged => Remedy::Restore,
            RejectionKind::CannotBeModified => Remedy::RestoreOrTurnOff,
            RejectionKind::ThinkingExpected => Remedy::TurnThinkingOff,
            RejectionKind::Mode
            | RejectionKind::ForcedTool
            | RejectionKind::Budget
            | RejectionKind::Sampling => Remedy::ChangeThinking,
            RejectionKind::ReasoningDemanded => Remedy::ReplayReasoning,
            RejectionKind::ReasoningRefused => Remedy::LeaveReasoningOut,
            RejectionKind::ContextLength => Remedy::Shorten,
            RejectionKind::SignatureMissing
            | RejectionKind::ThinkingTextMissing
            | RejectionKind::DataMissing
            | RejectionKind::ThinkingLast
            | RejectionKind::EmptyText
            | RejectionKind::ToolResultMissing
            | RejectionKind::ToolUseMissing
            | RejectionKind::CacheMark
            | RejectionKind::Prefill
            | RejectionKind::ToolId
            | RejectionKind::ToolName
            | RejectionKind::ErrorResult
            | RejectionKind::ItemId
            | RejectionKind::Roles
            | RejectionKind::ThinkingWhileOff
            | RejectionKind::DuplicateItem => Remedy::Repair,
        }
    }
}

impl History {
    /// Remembers the signed blocks that the API refused, so that they never go out again, and says how
    /// many there are. The next [`render`](Self::render) leaves them out.
    ///
    /// It is the block that the answer names, and where it names none, or all that stands behind a change
    /// is invalid, every block of thinking that the request had. Messages that you have put before those of the
    /// rendering, such as a system prompt, are counted if they are in `sent`.
    pub fn reject(&mut self, rejection: &Rejection, sent: &Rendered) -> usize {
        let named = |message: usize, block: usize| match (rejection.remedy(), rejection.place) {
            (Remedy::DropBlock, Some((at, Some(only)))) => (message, block) == (at, only),
            (Remedy::DropBlock | Remedy::RestoreOrTurnOff, Some((at, _))) => message == at,
            // All that is behind it was made under the same prefix.
            (_, Some((at, from))) if rejection.kind == RejectionKind::BoundToOtherConversation => {
                (message, block) >= (at, from.unwrap_or(0))
            }
            _ => true,
        };
        let refused = matches!(
            rejection.remedy(),
            Remedy::DropBlock | Remedy::DropAllThinking | Remedy::RestoreOrTurnOff
        );
        let before = sent.put_before();
        let named = |it: &&Signed| refused && named(it.message.saturating_add(before), it.block);
        let signed = sent.signed.iter().filter(named);
        let prints: Vec<Text> = signed.map(|it| it.print.clone()).collect();
        let mut new = 0_usize;
        for print in prints {
            if let Err(place) = self.rejected.binary_search(&print) {
                self.rejected.insert(place, print);
                new = new.saturating_add(1);
            }
        }
        new
    }
}

/// The message of an error, wherever an API puts it.
fn message(body: &str) -> String {
    let error = raw_member(body, "error");
    let of = |object: &str| string_member(object, "message");
    let found = error.and_then(of).or_else(|| string_member(body, "error"));
    let found = found.or_else(|| of(body)).or_else(|| string_member(body, "detail"));
    found.unwrap_or_else(|| body.into())
}

/// `messages.5.content.0` or `input[5]`, wherever it stands.
fn place(message: &str) -> Option<(usize, Option<usize>)> {
    ["messages", "input"].into_iter().find_map(|name| {
        // The word may stand for itself before it is a path.
        message.match_indices(name).find_map(|(at, _)| {
            let rest = message.get(at.saturating_add(name.len())..)?;
            let (index, rest) = number(rest)?;
            let block = rest.trim_start_matches([']', '.']).strip_prefix("content");
            Some((index, block.and_then(number).map(|(block, _)| block)))
        })
    })
}

/// The number of a path, and what follows it.
fn number(path: &str) -> Option<(usize, &str)> {
    let rest = path.strip_prefix(['.', '['])?;
    let end = rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len());
    let (number, rest) = rest.split_at_checked(end)?;
    Some((number.parse().ok()?, rest))
}

impl fmt::Display for RejectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::InvalidSignature => "a signature is not valid",
            Self::BoundToOtherConversation => "thinking is bound to another conversation",
            Self::SignatureMissing => "thinking without a signature",
            Self::ThinkingTextMissing => "thinking without its text",
            Self::DataMissing => "redacted thinking without its data",
            Self::CannotBeModified => "the thinking of the last reply is not as it was",
            Self::ThinkingExpected => "the last reply must begin with thinking",
            Self::ThinkingLast => "a message ends with thinking",
            Self::EmptyText => "text without any text",
            Self::ToolResultMissing => "a tool call without an answer",
            Self::ToolUseMissing => "an answer without a tool call",
            Self::CacheMark => "a mark for the cache where none can be",
            Self::Prefill => "the messages end with one of the assistant",
            Self::Mode => "the mode of thinking is not supported",
            Self::ForcedTool => "a forced tool with thinking",
            Self::InvalidEncryptedContent => "encrypted reasoning cannot be read",
            Self::ItemNotFound => "an item is not stored",
            Self::ReasoningPair => "reasoning without what it led to, or the other way round",
            Self::ReasoningDemanded => "the reasoning must go back",
            Self::ReasoningRefused => "the reasoning must not go back",
            Self::EmptyThinking => "thinking without any text",
            Self::Budget => "a budget that does not fit",
            Self::Sampling => "a sampling parameter that does not go with thinking",
            Self::CompactionChanged => "a compaction is not as it was",
            Self::ToolId => "a tool id is not valid",
            Self::ToolName => "a call by a name that no tool can have",
            Self::ErrorResult => "an answer of a tool that failed has more than texts, or none",
            Self::ItemId => "the id of an item is not valid",
            Self::Roles => "the roles do not take turns",
            Self::ThinkingWhileOff => "thinking in a request that turns it off",
            Self::DuplicateItem => "one item twice",
            Self::ContextLength => "more than the model reads at once",
        })
    }
}
