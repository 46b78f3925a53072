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
    /// A delta has the field of its type alone. The signature in a thinking delta is taken as if it had come behind it.
    MergedDelta,
    /// The signature comes before the block's stop. A late one is attached to its own block, which
    /// is then given once more.
    LateSignature,
    /// A block has one signature. Another one after the block's stop is always an error.
    SecondSignature,
    /// A delta does not repeat what the block's start held already, and in a chat not all of a call's input so far.
    /// What is said again is dropped; where each piece of an input is all of it, the last one counts.
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
    /// The full text at the end of a block is what its deltas said; if not, the full text counts. The same
    /// for the input of a call that begins with an empty object, where another one follows.
    DoneDiffers,
    /// A tool call has an id. Without one, it is made up: `call_`, a number, and the end of the reply's id.
    MissingToolId,
    /// A reply that stops for tools has called one. One that has not is taken to have ended its turn.
    MissingToolCall,
    /// The stream ends, and it does where an event does. Where the reply is whole, an event that was cut is passed over,
    /// and so is that the connection broke off behind it, or said nothing more until a timer ran out.
    CutEvent,
    /// A blank line stands between two events. Without it lines of data that are each a JSON text of their own are
    /// events of their own. Reported once in a stream.
    MissingBlankLine,
}

impl Rule {
    /// Whether a server that breaks it once breaks it with every event. As a rule it is then warned of
    /// once in a stream, so that the number of warnings says nothing.
    #[must_use]
    pub fn is_habit(self) -> bool {
        self.habit() != 0
    }

    /// A bit for each that is a habit, and none for others.
    pub(crate) fn habit(self) -> u8 {
        match self {
            Self::EventName => 1,
            Self::MissingIndex => 2,
            Self::MissingField => 4,
            Self::MissingToolId => 8,
            Self::MissingBlankLine => 16,
            _ => 0,
        }
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
            Self::MergedDelta => "merged_delta",
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
            Self::CutEvent => "cut_event",
            Self::MissingBlankLine => "missing_blank_line",
        }
    }

    /// What the protocol says: one sentence, for people, without a full stop.
    #[must_use]
    pub fn statement(self) -> &'static str {
        match self {
            Self::EventName => "a frame names its event, and the name is the `type` of its JSON",
            Self::MissingMessageStart => {
                "`message_start`, or `response.created`, comes before everything else"
            }
            Self::RepeatedMessageStart => {
                "there is one `message_start`, or `response.created`, in a stream"
            }
            Self::SecondMessage => "there is one message in a stream",
            Self::RepeatedBlockStart => "a block starts once",
            Self::ReusedIndex => "an index is used for one block only",
            Self::MissingIndex => "each event of a block has the index of the block",
            Self::MissingBlockStop => "each block is stopped before the message ends",
            Self::UnknownBlock => "deltas and stops belong to a block that has started",
            Self::ClosedBlock => "nothing comes for a block after its stop",
            Self::WrongDelta => "a delta is of the type of its block",
            Self::MergedDelta => "the signature comes in a delta of its own",
            Self::LateSignature => "the signature of a block comes before its stop",
            Self::SecondSignature => "a block has one signature",
            Self::RepeatedText => "a delta does not repeat what has been said of its block already",
            Self::MissingField => "a delta has the field that its type names",
            Self::BadCount => "counts of tokens are whole numbers",
            Self::DoneForStop => "the reply ends with `message_stop`",
            Self::MissingBlockStart => "a block starts before anything else comes for it",
            Self::DoneDiffers => "what a block is said to be at its end is what its deltas said",
            Self::MissingToolId => "a tool call has an id",
            Self::MissingToolCall => "a reply that stops for tools has called one",
            Self::CutEvent => "the stream ends where an event does",
            Self::MissingBlankLine => "a blank line stands between two events",
        }
    }

    /// What becomes of clients that rely on it when it is broken: one sentence, without a full stop.
    #[must_use]
    pub fn consequence(self) -> &'static str {
        match self {
            Self::EventName => "clients that dispatch on the name of the event never see it",
            Self::MissingMessageStart => {
                "clients have no id and no model, and some no message to add the blocks to"
            }
            Self::RepeatedMessageStart => {
                "clients that begin a message at each lose what came before it"
            }
            Self::SecondMessage => "two replies are taken for one",
            Self::RepeatedBlockStart => {
                "clients that empty the block at its start lose the first pieces of it"
            }
            Self::ReusedIndex => {
                "clients that keep blocks by their index overwrite a block, or mix two"
            }
            Self::MissingIndex => "the pieces of blocks that overlap cannot be told apart",
            Self::MissingBlockStop => {
                "clients that act at the stop neither run the tool call nor keep the signature"
            }
            Self::UnknownBlock => {
                "what they carry is lost, or clients fail on a block that they do not have"
            }
            Self::ClosedBlock => {
                "what comes late is lost, for the block has been handed out without it"
            }
            Self::WrongDelta => "what it carries is lost, or thinking is shown as text",
            Self::MergedDelta => {
                "clients that wait for a `signature_delta` send the block back unsigned, and are refused"
            }
            Self::LateSignature => {
                "clients that keep the block at its stop send it back unsigned, and are refused"
            }
            Self::SecondSignature => {
                "it is open which one is valid, and with the wrong one the next request fails"
            }
            Self::RepeatedText => "the text stands in the reply twice, and an input is no JSON",
            Self::MissingField => {
                "typed clients fail to read the event, and others show an empty piece"
            }
            Self::BadCount => "typed clients fail to read the usage, and budgets count wrongly",
            Self::DoneForStop => {
                "clients that wait for it end in a timeout, or fail to read `[DONE]` as JSON"
            }
            Self::MissingBlockStart => {
                "clients drop what comes for it, or do not know what kind of block it is"
            }
            Self::DoneDiffers => {
                "clients that read the deltas and clients that read the end have two replies"
            }
            Self::MissingToolId => {
                "the result of the tool cannot name its call, and parallel calls are mixed up"
            }
            Self::MissingToolCall => "agents wait for a call to run, or go round without one",
            Self::CutEvent => "the usage is missing, or what else came behind the end of the text",
            Self::MissingBlankLine => {
                "clients that keep to the standard read two events as one, which is no JSON"
            }
        }
    }
}

impl core::fmt::Display for Rule {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    /// Every rule, in the order of the enum. A rule that is missing here does not compile.
    fn rules() -> impl Iterator<Item = Rule> {
        let mut next = Some(Rule::EventName);
        core::iter::from_fn(move || {
            let rule = next?;
            next = after(rule);
            Some(rule)
        })
    }

    fn after(rule: Rule) -> Option<Rule> {
        use Rule::*;
        Some(match rule {
            EventName => MissingMessageStart,
            MissingMessageStart => RepeatedMessageStart,
            RepeatedMessageStart => SecondMessage,
            SecondMessage => RepeatedBlockStart,
            RepeatedBlockStart => ReusedIndex,
            ReusedIndex => MissingIndex,
            MissingIndex => MissingBlockStop,
            MissingBlockStop => UnknownBlock,
            UnknownBlock => ClosedBlock,
            ClosedBlock => WrongDelta,
            WrongDelta => MergedDelta,
            MergedDelta => LateSignature,
            LateSignature => SecondSignature,
            SecondSignature => RepeatedText,
            RepeatedText => MissingField,
            MissingField => BadCount,
            BadCount => DoneForStop,
            DoneForStop => MissingBlockStart,
            MissingBlockStart => DoneDiffers,
            DoneDiffers => MissingToolId,
            MissingToolId => MissingToolCall,
            MissingToolCall => CutEvent,
            CutEvent => MissingBlankLine,
            MissingBlankLine => return None,
        })
    }

    #[test]
    fn each_rule_has_words_of_its_own() {
        let words: [fn(Rule) -> &'static str; 3] = [Rule::name, Rule::statement, Rule::consequence];
        let mut seen = BTreeSet::new();
        for rule in rules() {
            for word in words {
                let text = word(rule);
                assert!(seen.insert(text), "{rule}: `{text}` is said twice");
                assert!(!text.is_empty() && !text.ends_with('.'), "{rule}: `{text}`");
            }
            assert!(rule.statement().contains(' ') && rule.consequence().contains(' '), "{rule}");
            assert_eq!(serde_json::to_value(rule).unwrap(), rule.name());
        }
        assert_eq!(seen.len(), 3 * 24);
    }
}
