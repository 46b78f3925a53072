//! The calls of a message, and whether they may be run.

use serde::de::DeserializeOwned;

use super::{Content, InvalidInput, InvalidReason, Message, Provider, ToolKind, ToolUse};
use crate::json::Flaw;
use crate::stop::StopReason;

impl Message {
    /// Whether the [tool calls](Self::tool_calls) of the message may be run, as far as why it ended is concerned: not
    /// if it was cut at a limit or refused, nor if nothing, or nothing known, was said of it.
    ///
    /// Nor, of `OpenAI`'s APIs, if the arguments of a call end inside a value: there are servers that call a reply
    /// finished which a limit has cut.
    #[must_use]
    pub fn tools_safe_to_run(&self) -> bool {
        let half = |(_, call, _): (usize, &ToolUse, bool)| match &call.input {
            Err(InvalidInput { reason: InvalidReason::Json(error), .. }) => {
                call.kind.is_client() && error.flaw == Flaw::Unfinished
            }
            _ => false,
        };
        if self.provider != Provider::Anthropic && self.all_calls().any(half) {
            return false;
        }
        let known = |reason: &StopReason| !matches!(reason, StopReason::Other(_));
        self.stop_reason.as_ref().is_some_and(|reason| known(reason) && !reason.is_cut())
    }

    /// The tool calls that were received whole, in order: those that [`ToolCall`](crate::Event::ToolCall)
    /// handed out. One whose arguments are no JSON object is among them, with an `Err` for its
    /// [`input`](ToolUse::input): it cannot be run, but has to be answered as any other.
    ///
    /// What a model called before another took over in the middle of the reply (`fallback`) is not among them: it does
    /// not go back, and so cannot be answered.
    ///
    /// Whether they may be run is known only at the end: see [`tools_safe_to_run`](Self::tools_safe_to_run).
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolUse> {
        self.placed_calls().map(|(_, tool)| tool)
    }

    /// The calls of yours that have begun, be they halves, but those that another model took back.
    pub(crate) fn begun_calls(&self) -> impl Iterator<Item = &ToolUse> {
        let own = self.content.iter().skip(self.last_fallback().unwrap_or(0));
        own.filter_map(|block| match &block.content {
            Content::ToolUse(call) if call.kind.is_client() => Some(&**call),
            _ => None,
        })
    }

    /// The same, each with its place in the content.
    pub(crate) fn placed_calls(&self) -> impl Iterator<Item = (usize, &ToolUse)> {
        self.all_calls().filter(|(_, _, declined)| !declined).map(|(at, tool, _)| (at, tool))
    }

    /// Whether a call of yours that was handed out was taken back by a model that took over.
    pub(crate) fn took_calls_back(&self) -> bool {
        self.all_calls().any(|(_, tool, declined)| declined && tool.kind.is_client())
    }

    /// The calls that were received whole, with their places, and whether another model took over behind them.
    fn all_calls(&self) -> impl Iterator<Item = (usize, &ToolUse, bool)> {
        let taken_over = self.last_fallback().unwrap_or(0);
        self.content.iter().enumerate().filter_map(move |(at, block)| match &block.content {
            Content::ToolUse(tool) if block.complete && !tool.is_cut() => {
                Some((at, &**tool, at < taken_over && block.belongs_to_its_model()))
            }
            _ => None,
        })
    }
}

impl ToolUse {
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
}

impl ToolKind {
    /// Whether the caller of the API runs the tool, and has to answer the call.
    #[must_use]
    pub fn is_client(self) -> bool {
        matches!(self, Self::Client | Self::Custom)
    }

    /// The type of the block on the wire.
    #[must_use]
    pub fn block_type(self) -> &'static str {
        match self {
            Self::Client => "tool_use",
            Self::Server => "server_tool_use",
            Self::Mcp => "mcp_tool_use",
            Self::Custom => "custom_tool_call",
        }
    }
}
