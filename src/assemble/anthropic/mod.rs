//! The life of an Anthropic message: every state, every input, and what comes of them.
//!
//! ```text
//!            message_start              message_delta
//!            (or a block event)         with a stop reason
//!   ┌──────┐ ─────────────▶ ┌───────────┐ ─────────▶ ┌──────────┐
//!   │ Idle │                │ Streaming │            │ Stopping │
//!   └──────┘                └───────────┘            └──────────┘
//!      │                      │       │                │      │
//!      │ end of input         │       │ message_stop   │      │ end of input
//!      ▼                      ▼       ▼                ▼      ▼
//!   Incomplete           Incomplete  ┌──────────────────┐  Unterminated
//!                                    │       Done       │
//!      `error` in any state but      └──────────────────┘
//!      Done ends the stream with        nothing after it
//!      the server's error               changes anything
//! ```
//!
//! A block is open from its start to its stop. Blocks may overlap; each is found by its index, never
//! by being the last. [`outcome`] is the whole protocol; the [machine] carries it out.

mod append;
mod blocks;
mod draft;
mod machine;

pub(crate) use self::machine::Machine;
use crate::rule::Rule;

/// Where in the life of the message the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before `message_start`.
    Idle,
    /// In the message, without a stop reason.
    Streaming,
    /// The stop reason is known, the terminator is missing.
    Stopping,
    /// Behind `message_stop`.
    Done,
}

/// What comes next, and how it relates to what came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    MessageStart(Identity),
    /// `message_start` without a message in it.
    NoMessage,
    BlockStart(Slot),
    Delta(Target),
    Signature(Target),
    BlockStop(Target),
    /// `message_delta`, with or without a stop reason.
    MessageDelta(Stop),
    MessageStop,
    Ping,
    Unknown,
    Error,
    /// `[DONE]`
    Sentinel,
    /// The end of the input.
    End,
}

/// Whether a `message_start` begins the message that is open already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Identity {
    Same,
    Other,
}

/// What is known of the index of a `content_block_start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Free,
    /// An open block of the same type and id has it.
    OpenAlike,
    /// An open block of another type or id has it.
    OpenOther,
    Closed,
}

/// What is known of the block that a delta or a stop is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// There is none.
    Missing,
    /// It is open, and the delta fits it.
    Open,
    /// It is open, and of a type that has no such deltas.
    Unfit,
    Closed,
    /// It is a closed block of thinking without a signature.
    ClosedUnsigned,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Reason,
    NoReason,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The message begins.
    Begin,
    /// The message begins without its `message_start`, and the same input is looked at again.
    Assume,
    /// A block begins.
    Open,
    /// A block begins behind all others, because its index is taken.
    OpenAnew,
    /// The delta is added to its block.
    Append,
    /// The signature is added to its block, though that has stopped.
    Attach,
    /// The block is finished.
    Close,
    /// Usage and stop reason are taken over.
    Update,
    /// The message is complete.
    Complete,
    /// It is complete, by a terminator that is not the protocol's.
    CompleteBy(Rule),
    /// It is handed out as it is.
    HandOut,
    /// It is passed over without a word.
    Ignore,
    /// It is dropped with a warning; in strict mode the stream fails.
    Drop(Rule),
    /// The stream fails, in either mode.
    Fail(Failure),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    Server,
    Incomplete,
    Unterminated,
    Protocol(Rule),
}

/// The whole protocol: what is done for every input in every state.
///
/// The test below prints this table from the function, and compares.
///
/// | input | Idle | Streaming | Stopping | Done |
/// |---|---|---|---|---|
/// | MessageStart(Same) | Begin ▸ Streaming | Drop(RepeatedMessageStart) | Drop(RepeatedMessageStart) | Ignore |
/// | MessageStart(Other) | Begin ▸ Streaming | Fail(Protocol(SecondMessage)) | Fail(Protocol(SecondMessage)) | Ignore |
/// | NoMessage | Drop(MissingField) | Drop(MissingField) | Drop(MissingField) | Ignore |
/// | BlockStart(Free) | Assume ▸ Streaming | Open | Open | Ignore |
/// | BlockStart(OpenAlike) | Assume ▸ Streaming | Drop(RepeatedBlockStart) | Drop(RepeatedBlockStart) | Ignore |
/// | BlockStart(OpenOther) | Assume ▸ Streaming | OpenAnew | OpenAnew | Ignore |
/// | BlockStart(Closed) | Assume ▸ Streaming | OpenAnew | OpenAnew | Ignore |
/// | Delta(Open) | Assume ▸ Streaming | Append | Append | Ignore |
/// | Delta(Unfit) | Assume ▸ Streaming | Drop(WrongDelta) | Drop(WrongDelta) | Ignore |
/// | Delta(Closed) | Assume ▸ Streaming | Drop(ClosedBlock) | Drop(ClosedBlock) | Ignore |
/// | Delta(ClosedUnsigned) | Assume ▸ Streaming | Drop(ClosedBlock) | Drop(ClosedBlock) | Ignore |
/// | Delta(Missing) | Assume ▸ Streaming | Drop(UnknownBlock) | Drop(UnknownBlock) | Ignore |
/// | Signature(Open) | Assume ▸ Streaming | Append | Append | Ignore |
/// | Signature(Unfit) | Assume ▸ Streaming | Drop(WrongDelta) | Drop(WrongDelta) | Ignore |
/// | Signature(Closed) | Assume ▸ Streaming | Fail(Protocol(SecondSignature)) | Fail(Protocol(SecondSignature)) | Ignore |
/// | Signature(ClosedUnsigned) | Assume ▸ Streaming | Attach | Attach | Ignore |
/// | Signature(Missing) | Assume ▸ Streaming | Drop(UnknownBlock) | Drop(UnknownBlock) | Ignore |
/// | BlockStop(Open) | Assume ▸ Streaming | Close | Close | Ignore |
/// | BlockStop(Unfit) | Assume ▸ Streaming | Close | Close | Ignore |
/// | BlockStop(Closed) | Assume ▸ Streaming | Drop(ClosedBlock) | Drop(ClosedBlock) | Ignore |
/// | BlockStop(ClosedUnsigned) | Assume ▸ Streaming | Drop(ClosedBlock) | Drop(ClosedBlock) | Ignore |
/// | BlockStop(Missing) | Assume ▸ Streaming | Drop(UnknownBlock) | Drop(UnknownBlock) | Ignore |
/// | MessageDelta(NoReason) | Assume ▸ Streaming | Update | Update | Ignore |
/// | MessageDelta(Reason) | Assume ▸ Streaming | Update ▸ Stopping | Update | Ignore |
/// | MessageStop | Assume ▸ Streaming | Complete ▸ Done | Complete ▸ Done | Ignore |
/// | Ping | HandOut | HandOut | HandOut | Ignore |
/// | Unknown | HandOut | HandOut | HandOut | Ignore |
/// | Error | Fail(Server) | Fail(Server) | Fail(Server) | Ignore |
/// | Sentinel | Ignore | Ignore | CompleteBy(DoneForStop) ▸ Done | Ignore |
/// | End | Fail(Incomplete) | Fail(Incomplete) | Fail(Unterminated) | Ignore |
fn outcome(state: State, input: Input) -> Outcome {
    use Input as I;
    use Outcome as O;
    use State::{Done, Idle, Stopping, Streaming};
    match (state, input) {
        (Done, _) | (Idle | Streaming, I::Sentinel) => O::Ignore,
        (_, I::Ping | I::Unknown) => O::HandOut,
        (_, I::Error) => O::Fail(Failure::Server),
        (_, I::NoMessage) => O::Drop(Rule::MissingField),

        (Idle, I::MessageStart(_)) => O::Begin,
        (
            Idle,
            I::BlockStart(_)
            | I::Delta(_)
            | I::Signature(_)
            | I::BlockStop(_)
            | I::MessageDelta(_)
            | I::MessageStop,
        ) => O::Assume,
        (_, I::MessageStart(Identity::Same)) => O::Drop(Rule::RepeatedMessageStart),
        (_, I::MessageStart(Identity::Other)) => O::Fail(Failure::Protocol(Rule::SecondMessage)),

        (_, I::BlockStart(Slot::Free)) => O::Open,
        (_, I::BlockStart(Slot::OpenAlike)) => O::Drop(Rule::RepeatedBlockStart),
        (_, I::BlockStart(Slot::OpenOther | Slot::Closed)) => O::OpenAnew,

        (_, I::Delta(Target::Open) | I::Signature(Target::Open)) => O::Append,
        (_, I::Signature(Target::ClosedUnsigned)) => O::Attach,
        (_, I::Signature(Target::Closed)) => O::Fail(Failure::Protocol(Rule::SecondSignature)),
        (_, I::BlockStop(Target::Open | Target::Unfit)) => O::Close,
        (_, I::Delta(Target::Unfit) | I::Signature(Target::Unfit)) => O::Drop(Rule::WrongDelta),
        (_, I::Delta(target) | I::Signature(target) | I::BlockStop(target)) => match target {
            Target::Missing => O::Drop(Rule::UnknownBlock),
            Target::Open | Target::Unfit | Target::Closed | Target::ClosedUnsigned => {
                O::Drop(Rule::ClosedBlock)
            }
        },

        (_, I::MessageDelta(_)) => O::Update,
        (_, I::MessageStop) => O::Complete,
        (Stopping, I::Sentinel) => O::CompleteBy(Rule::DoneForStop),
        (Idle | Streaming, I::End) => O::Fail(Failure::Incomplete),
        (Stopping, I::End) => O::Fail(Failure::Unterminated),
    }
}

/// The state behind an input that was carried out.
fn next(state: State, input: Input) -> State {
    match (outcome(state, input), input) {
        (Outcome::Begin | Outcome::Assume, _) => State::Streaming,
        (Outcome::Update, Input::MessageDelta(Stop::Reason)) => State::Stopping,
        (Outcome::Complete | Outcome::CompleteBy(_), _) => State::Done,
        _ => state,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assemble::table;
    use alloc::vec::Vec;

    macro_rules! TARGETS {
        () => {
            Target::Missing | Target::Open | Target::Unfit | Target::Closed | Target::ClosedUnsigned
        };
    }

    /// Every input there is. A new one does not compile until the pattern below has it; then it
    /// belongs in the list too.
    fn inputs() -> Vec<Input> {
        let all = Vec::from([
            Input::MessageStart(Identity::Same),
            Input::MessageStart(Identity::Other),
            Input::NoMessage,
            Input::BlockStart(Slot::Free),
            Input::BlockStart(Slot::OpenAlike),
            Input::BlockStart(Slot::OpenOther),
            Input::BlockStart(Slot::Closed),
            Input::Delta(Target::Open),
            Input::Delta(Target::Unfit),
            Input::Delta(Target::Closed),
            Input::Delta(Target::ClosedUnsigned),
            Input::Delta(Target::Missing),
            Input::Signature(Target::Open),
            Input::Signature(Target::Unfit),
            Input::Signature(Target::Closed),
            Input::Signature(Target::ClosedUnsigned),
            Input::Signature(Target::Missing),
            Input::BlockStop(Target::Open),
            Input::BlockStop(Target::Unfit),
            Input::BlockStop(Target::Closed),
            Input::BlockStop(Target::ClosedUnsigned),
            Input::BlockStop(Target::Missing),
            Input::MessageDelta(Stop::NoReason),
            Input::MessageDelta(Stop::Reason),
            Input::MessageStop,
            Input::Ping,
            Input::Unknown,
            Input::Error,
            Input::Sentinel,
            Input::End,
        ]);
        for input in &all {
            let (Input::MessageStart(Identity::Same | Identity::Other)
            | Input::NoMessage
            | Input::BlockStart(Slot::Free | Slot::OpenAlike | Slot::OpenOther | Slot::Closed)
            | Input::Delta(TARGETS!())
            | Input::Signature(TARGETS!())
            | Input::BlockStop(TARGETS!())
            | Input::MessageDelta(Stop::Reason | Stop::NoReason)
            | Input::MessageStop
            | Input::Ping
            | Input::Unknown
            | Input::Error
            | Input::Sentinel
            | Input::End) = input;
        }
        all
    }

    #[test]
    fn the_documented_table_is_the_function() {
        let states = [State::Idle, State::Streaming, State::Stopping, State::Done];
        table::check(include_str!("mod.rs"), &states, &inputs(), next, outcome);
    }

    #[test]
    fn nothing_changes_what_is_done() {
        for input in inputs() {
            assert_eq!(outcome(State::Done, input), Outcome::Ignore);
            assert_eq!(next(State::Done, input), State::Done);
        }
    }

    #[test]
    fn only_a_terminator_completes() {
        for state in [State::Idle, State::Streaming, State::Stopping] {
            for input in inputs() {
                let done = next(state, input) == State::Done;
                let terminator = match input {
                    Input::MessageStop => state != State::Idle,
                    Input::Sentinel => state == State::Stopping,
                    _ => false,
                };
                assert_eq!(done, terminator, "{state:?}, {input:?}");
            }
        }
    }
}
