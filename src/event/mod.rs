//! What the decoder hands out.

mod form;
mod line;

pub use self::line::EventLine;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::json::Json;
use crate::message::{Block, Citation, InvalidInput, Message, ToolKind, ToolUse};
use crate::rule::Rule;
use crate::stop::StopReason;
use crate::text::Text;
use crate::timing::Timing;
use crate::usage::Usage;

/// One event of a reply: owned, at most 64 bytes, made for channels and streams.
///
/// `index` is always the block's index on the wire. Serialised, an event is one JSON object with its
/// name in snake case as `type`; it is read back as it was, by `serde_json`. An object of another type is
/// no event then, but an error of the reader, and so is an [`Error`](crate::Error), of type `error`.
///
/// # Example
///
/// ```
/// use thinkstream::{Decoder, Event, Protocol};
///
/// let mut input = concat!(
///     "event: message_start\n",
///     "data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"content\":[]}}\n\n",
///     "event: content_block_start\n",
///     "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
///     "event: content_block_delta\n",
///     "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n",
/// )
/// .into();
/// let mut decoder = Decoder::new(Protocol::Anthropic);
/// let mut text = String::new();
/// while let Some(event) = decoder.decode(&mut input)? {
///     match event {
///         Event::Token(token) => text.push_str(&token.text),
///         Event::Thinking(_) => println!("thinking …"),
///         _ => {}
///     }
/// }
/// assert_eq!(text, "Hi");
/// # Ok::<(), thinkstream::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The reply begins.
    Start(Box<Start>),
    /// A piece of thinking. White space counts; empty pieces come too, where thinking is withheld.
    Thinking(Thinking),
    /// A piece of a signature. The whole signature is in the block, once the block has stopped.
    Signature(Signature),
    /// A block of thinking that only the provider can read.
    RedactedThinking(RedactedData),
    /// A piece of visible text, never empty.
    Token(Token),
    /// The text cites something.
    Citation(CitationEvent),
    /// A tool call opens.
    ToolStart(Box<ToolStart>),
    /// A piece of the JSON of a tool's arguments, never empty.
    ToolInput(ToolInput),
    /// A tool call is whole: once for each tool block, and only after the block's stop.
    ToolCall(Box<ToolCall>),
    /// A block is finished. Not given when accumulation is off.
    Block(BlockEvent),
    /// The provider reported usage.
    Usage(Box<UsageEvent>),
    /// The connection is alive: a ping or a comment. No progress.
    Ping,
    /// A deviation from the protocol was tolerated.
    Warning(Box<Warning>),
    /// A tool that the provider runs, or one whose call is still written, has got on.
    Progress(Box<Progress>),
    /// What follows is of another choice. Only where a request asked for several.
    Choice(Box<Choice>),
    /// An event of a type that this version does not know.
    Unknown(Box<Unknown>),
    /// The provider ended the reply: exactly once, and last.
    Complete(Box<Complete>),
}

impl Event {
    /// The name of the event in snake case, as it is serialised.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Thinking(_) => "thinking",
            Self::Signature(_) => "signature",
            Self::RedactedThinking(_) => "redacted_thinking",
            Self::Token(_) => "token",
            Self::Citation(_) => "citation",
            Self::ToolStart(_) => "tool_start",
            Self::ToolInput(_) => "tool_input",
            Self::ToolCall(_) => "tool_call",
            Self::Block(_) => "block",
            Self::Usage(_) => "usage",
            Self::Ping => "ping",
            Self::Warning(_) => "warning",
            Self::Progress(_) => "progress",
            Self::Choice(_) => "choice",
            Self::Unknown(_) => "unknown",
            Self::Complete(_) => "complete",
        }
    }
}

/// The reply begins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Start {
    /// The id of the message.
    pub id: Option<Text>,
    /// The model, as the reply names it.
    pub model: Option<Text>,
    /// The usage so far; output tokens are a placeholder here.
    pub usage: Usage,
}

/// A piece of thinking.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Thinking {
    /// The block's index on the wire.
    pub index: u32,
    /// The provider's estimate of the tokens behind this piece; 0 where it sends none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub estimated_tokens: u32,
    /// The thinking.
    pub text: Text,
}

/// A piece of a signature.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Signature {
    /// The block's index on the wire.
    pub index: u32,
    /// The piece, opaque.
    pub signature: Text,
}

/// A block of thinking that only the provider can read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RedactedData {
    /// The block's index on the wire.
    pub index: u32,
    /// The encrypted thinking, opaque.
    pub data: Text,
}

/// A piece of visible text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Token {
    /// The block's index on the wire.
    pub index: u32,
    /// Whether the text is the model's refusal, where the provider keeps that apart.
    #[serde(default, skip_serializing_if = "is_false")]
    pub refusal: bool,
    /// The text.
    pub text: Text,
}

/// The text cites something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CitationEvent {
    /// The block's index on the wire.
    pub index: u32,
    /// What is cited, as received.
    pub citation: Citation,
}

/// A tool call opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolStart {
    /// The block's index on the wire.
    pub index: u32,
    /// The id that the tool's result must name.
    pub id: Text,
    /// The tool.
    pub name: Text,
    /// Who runs it.
    pub kind: ToolKind,
}

/// A piece of the JSON of a tool's arguments; of the text itself if the tool is a
/// [`Custom`](ToolKind::Custom) one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolInput {
    /// The block's index on the wire.
    pub index: u32,
    /// The piece. Pieces are cut anywhere, also inside an escape; [`PartialInput`](crate::PartialInput)
    /// reads them while they come.
    pub partial_json: Text,
}

/// A tool call is whole.
///
/// Whether it may be run is known only at the end: a reply that is then declared cut or withdrawn
/// makes its calls void, see [`Complete::tools_safe_to_run`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ToolCall {
    /// The block's index on the wire.
    pub index: u32,
    /// The id that the tool's result must name.
    pub id: Text,
    /// The tool.
    pub name: Text,
    /// Who runs it. It is yours to run if [`ToolKind::is_client`] says so.
    pub kind: ToolKind,
    /// The type of the item, of the Responses API: `function_call`, `shell_call`, … Its answer is an
    /// item of the same name with `_output` behind it.
    pub item: Option<Text>,
    /// The arguments, exactly as received, or why they are not a JSON object.
    pub input: Result<Json, InvalidInput>,
}

/// A block is finished.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BlockEvent {
    /// The block's index on the wire.
    pub index: u32,
    /// The block, as the next request must echo it.
    pub block: Arc<Block>,
}

/// The provider reported usage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UsageEvent {
    /// The usage so far.
    pub usage: Usage,
}

/// A deviation from the protocol that was tolerated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Warning {
    /// The rule that was broken.
    pub rule: Rule,
    /// The block it concerns, by its index on the wire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// The byte of the stream at which the event's data begins; of an event that was cut, its first byte.
    pub offset: u64,
    /// The event, if nothing of it was used.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::json::present"
    )]
    pub dropped: Option<Json>,
}

/// An event of a type that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Unknown {
    /// Its type, or the type of the delta that is unknown.
    pub name: Text,
    /// Its data, as received: JSON, unless the sender does not send JSON.
    pub data: Text,
}

/// A tool has got on.
///
/// What it says is in the tool's block too, once that is finished, previews of images aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Progress {
    /// The block's index on the wire.
    pub index: Option<u32>,
    /// The provider's name for it: `response.web_search_call.searching`,
    /// `response.image_generation_call.partial_image`, …
    pub name: Text,
    /// Its data, as received.
    pub data: Text,
}

/// What follows is of this choice, until another is named.
///
/// A reply begins with choice 0. Where a request asked for several (`n`), their pieces interleave, and
/// each choice becomes a [`Message`] of its own. The indexes of blocks are unique over all choices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Choice {
    /// The index of the choice on the wire.
    pub choice: u32,
}

/// The provider ended the reply.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Complete {
    /// The whole reply, with its stop reason and usage. Without its blocks if accumulation is off.
    pub message: Message,
    /// The other choices, in the order of their indexes, if the request asked for several. The usage of
    /// all is in `message`.
    pub choices: Vec<Message>,
    /// The id of the request, to quote to the provider.
    pub request_id: Option<Text>,
    /// When what of it came, if that was measured: by `EventStream` and `EventReader`, or a
    /// [`Stopwatch`](crate::Stopwatch).
    pub timing: Option<Timing>,
}

impl Event {
    pub(crate) fn token(index: u32, text: Text) -> Self {
        Self::Token(Token { index, refusal: false, text })
    }

    pub(crate) fn thinking(index: u32, text: Text) -> Self {
        Self::Thinking(Thinking { index, estimated_tokens: 0, text })
    }

    pub(crate) fn tool_input(index: u32, partial_json: Text) -> Self {
        Self::ToolInput(ToolInput { index, partial_json })
    }
}

impl Complete {
    /// Why the reply ended, or `None` if the server never said.
    #[must_use]
    pub fn stop_reason(&self) -> Option<&StopReason> {
        self.message.stop_reason.as_ref()
    }

    /// What the reply cost.
    #[must_use]
    pub fn usage(&self) -> &Usage {
        &self.message.usage
    }

    /// Whether the tool calls that were handed out may be run, all of them.
    ///
    /// Not if it was cut at a limit or refused; and not if the server gave no reason, or one that
    /// this version does not know: then look at [`stop_reason`](Self::stop_reason) and decide. Of
    /// several choices all have to be, whether or not they have calls; each says so too. Nor if another model
    /// took over in the middle and so took back a call that was handed out: which are left, and whether they may be
    /// run, [`Message::tool_calls`] and [`Message::tools_safe_to_run`] say.
    #[must_use]
    pub fn tools_safe_to_run(&self) -> bool {
        let mut messages = core::iter::once(&self.message).chain(&self.choices);
        messages.all(|message| message.tools_safe_to_run() && !message.took_calls_back())
    }
}

impl ToolCall {
    /// The arguments as a type of yours.
    ///
    /// # Errors
    ///
    /// If they are no JSON object, or not what the type asks for. Either way the call wants an answer, and
    /// the error in words is a good one.
    pub fn parse<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        match &self.input {
            Ok(input) => serde_json::from_str(input),
            Err(invalid) => Err(serde::de::Error::custom(invalid)),
        }
    }

    pub(crate) fn new(index: u32, tool: &ToolUse) -> Self {
        Self {
            index,
            id: tool.id.clone(),
            name: tool.name.clone(),
            kind: tool.kind,
            item: tool.item.clone(),
            input: tool.input.clone(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_fits_a_cache_line() {
        assert!(size_of::<Event>() <= 64, "{}", size_of::<Event>());
    }
}
