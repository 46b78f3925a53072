//! The rules that servers break, and what is done about it.

use serde::{Deserialize, Serialize};

/// The rules of the protocol that servers are known to break.
///
/// Each is tolerated with a [`Warning`](crate::Warning), or an error in strict mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rule {
    /// A frame names its event, and the name is the `type` of its JSON. Reported once in a stream.
    EventName,
    /// `message_start`, or `response.created`, comes first. Without it the message begins with the
    /// first block.
    MissingMessageStart,
    /// There is one `message_start`, or `response.created`. One with the same id is passed over.
    RepeatedMessageStart,
    /// There is one message in a stream. Always an error: two replies must not be merged.
    SecondMessage,
    /// A block starts once. A second start of the same open block is passed over.
    RepeatedBlockStart,
    /// An index is used once. A new block on an old index is put behind all others.
    ReusedIndex,
    /// Block events have an index. Without one the only open block is meant. Reported once in a
    /// stream.
    MissingIndex,
    /// A block is stopped before the message is. Left open by a reply that was cut, it is no
    /// deviation.
    MissingBlockStop,
    /// Deltas and stops belong to a block that has started. Others are dropped, of Anthropic; of the
    /// Responses API see [`MissingBlockStart`](Self::MissingBlockStart).
    UnknownBlock,
    /// Deltas and stops belong to an open block. Others are dropped.
    ClosedBlock,
    /// A delta fits its block: a thinking delta in a text block is dropped.
    WrongDelta,
    /// The signature comes before the block's stop. A late one is attached to its own block, which
    /// is then given once more.
    LateSignature,
    /// A block has one signature. Another one after the block's stop is always an error.
    SecondSignature,
    /// A delta does not repeat what the block's start held already. One that does is dropped.
    RepeatedText,
    /// A delta has the field of its type. Without it the delta is empty. Reported once in a stream.
    MissingField,
    /// Counts of tokens are whole numbers. Others are passed over.
    BadCount,
    /// The reply ends with `message_stop`. After a stop reason, `[DONE]` is taken for it.
    DoneForStop,
    /// A block starts before anything else comes for it. Without its start the block is what its first
    /// event says.
    MissingBlockStart,
    /// What is said whole at the end of a block is what its deltas said. The last word counts. The same
    /// for the input of a call that begins with an empty object, where another one follows.
    DoneDiffers,
    /// A tool call has an id. Without one, `call_` and a number is made up.
    MissingToolId,
    /// A reply that stops for tools has called one. One that has not is taken to have ended its turn.
    MissingToolCall,
}

impl Rule {
    /// Whether a server that breaks it once breaks it with every event.
    pub(crate) fn is_habit(self) -> bool {
        matches!(
            self,
            Self::EventName | Self::MissingIndex | Self::MissingField | Self::MissingToolId
        )
    }

    /// The name of the rule, in snake case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EventName => "event_name",
            Self::MissingMessageStart => "missing_message_start",
            Self::RepeatedMessageStart => "repeated_message_start",
            Self::SecondMessage => "second_message",
            Self::RepeatedBlockStart => "repeated_block_start",
            Self::ReusedIndex => "reused_index",
            Self::MissingIndex => "missing_index",
            Self::MissingBlockStop => "missing_block_stop",
            Self::UnknownBlock => "unknown_block",
            Self::ClosedBlock => "closed_block",
            Self::WrongDelta => "wrong_delta",
            Self::LateSignature => "late_signature",
            Self::SecondSignature => "second_signature",
            Self::RepeatedText => "repeated_text",
            Self::MissingField => "missing_field",
            Self::BadCount => "bad_count",
            Self::DoneForStop => "done_for_stop",
            Self::MissingBlockStart => "missing_block_start",
            Self::DoneDiffers => "done_differs",
            Self::MissingToolId => "missing_tool_id",
            Self::MissingToolCall => "missing_tool_call",
        }
    }
}

impl core::fmt::Display for Rule {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.name())
    }
}
