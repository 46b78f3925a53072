//! The life of a response of `OpenAI`'s Responses API: every state, every input, and what comes of them.
//!
//! ```text
//!          response.created               response.completed
//!          (or anything of it)            or response.incomplete
//!   ┌──────┐ ───────────▶ ┌───────────┐ ──────────────▶ ┌──────┐
//!   │ Idle │              │ Streaming │                 │ Done │
//!   └──────┘              └───────────┘                 └──────┘
//!      │ end of input        │ end of input        nothing after it
//!      ▼                     ▼                     changes anything
//!   Incomplete            Incomplete
//!
//!      `error` and `response.failed` in any state but Done end the stream with the server's error,
//!      whichever comes first
//! ```
//!
//! The blocks of the message are the items of the output, each found by its `output_index`: ids change
//! with every event on some servers, and items may overlap. An item is open from its `added` to its
//! `done`, which says it whole and has the last word. [`outcome`] is the whole protocol; the
//! [machine] carries it out.

mod draft;
mod elsewhere;
mod fields;
mod items;
mod machine;
mod texts;

pub(crate) use self::machine::Machine;
use crate::rule::Rule;

/// Where in the life of the response the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before anything of the response.
    Idle,
    /// In the response.
    Streaming,
    /// Behind its end.
    Done,
}

/// What comes next, and how it relates to what came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Created(Identity),
    /// `response.queued`, `response.in_progress`
    InProgress,
    ItemAdded(Slot),
    /// A part, a piece of a text, the whole of one, or an annotation.
    Content(Target),
    ItemDone(Target),
    /// `response.completed`, `response.incomplete`
    Ended,
    Progress,
    Ping,
    Unknown,
    /// `error`, `response.failed`
    Error,
    /// `[DONE]`
    Sentinel,
    /// The end of the input.
    End,
}

/// Whether `response.created` begins the response that is open already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Identity {
    Same,
    Other,
}

/// What is known of the index of an item that is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Free,
    /// An open item of the same type and call has it.
    Alike,
    /// Another item has it.
    Other,
}

/// What is known of the item that something is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// There is none.
    Missing,
    /// It is open, and of a type that has such content.
    Open,
    /// It is open, and of another type.
    Unfit,
    Closed,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The message begins.
    Begin,
    /// The message begins without `response.created`, and the same input is looked at again.
    Assume,
    /// A block begins.
    Open,
    /// A block begins behind the one that has its index.
    OpenAnew,
    /// A block begins without its `added`, and the same input is looked at again.
    OpenFirst,
    /// It is added to its block.
    Append,
    /// The block is finished.
    Close,
    /// The message is complete.
    Complete,
    /// It is handed out as it is.
    HandOut,
    /// It is a sign of life.
    Alive,
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
    Protocol(Rule),
}

/// The whole protocol: what is done for every input in every state.
///
/// The test below prints this table from the function, and compares.
///
/// | input | Idle | Streaming | Done |
/// |---|---|---|---|
/// | Created(Same) | Begin ▸ Streaming | Drop(RepeatedMessageStart) | Ignore |
/// | Created(Other) | Begin ▸ Streaming | Fail(Protocol(SecondMessage)) | Ignore |
/// | InProgress | Begin ▸ Streaming | Alive | Ignore |
/// | ItemAdded(Free) | Assume ▸ Streaming | Open | Ignore |
/// | ItemAdded(Alike) | Assume ▸ Streaming | Drop(RepeatedBlockStart) | Ignore |
/// | ItemAdded(Other) | Assume ▸ Streaming | OpenAnew | Ignore |
/// | Content(Open) | Assume ▸ Streaming | Append | Ignore |
/// | Content(Unfit) | Assume ▸ Streaming | Drop(WrongDelta) | Ignore |
/// | Content(Closed) | Assume ▸ Streaming | Drop(ClosedBlock) | Ignore |
/// | Content(Missing) | Assume ▸ Streaming | OpenFirst | Ignore |
/// | ItemDone(Open) | Assume ▸ Streaming | Close | Ignore |
/// | ItemDone(Unfit) | Assume ▸ Streaming | Drop(WrongDelta) | Ignore |
/// | ItemDone(Closed) | Assume ▸ Streaming | Drop(ClosedBlock) | Ignore |
/// | ItemDone(Missing) | Assume ▸ Streaming | OpenFirst | Ignore |
/// | Ended | Assume ▸ Streaming | Complete ▸ Done | Ignore |
/// | Progress | Assume ▸ Streaming | HandOut | Ignore |
/// | Ping | Alive | Alive | Ignore |
/// | Unknown | HandOut | HandOut | Ignore |
/// | Error | Fail(Server) | Fail(Server) | Ignore |
/// | Sentinel | Ignore | Ignore | Ignore |
/// | End | Fail(Incomplete) | Fail(Incomplete) | Ignore |
fn outcome(state: State, input: Input) -> Outcome {
    use Input as I;
    use Outcome as O;
    use State::{Done, Idle};
    match (state, input) {
        (Done, _) | (_, I::Sentinel) => O::Ignore,
        (_, I::Ping) | (State::Streaming, I::InProgress) => O::Alive,
        (_, I::Unknown) | (State::Streaming, I::Progress) => O::HandOut,
        (_, I::Error) => O::Fail(Failure::Server),
        (_, I::End) => O::Fail(Failure::Incomplete),

        (Idle, I::Created(_)) | (_, I::InProgress) => O::Begin,
        (Idle, I::ItemAdded(_) | I::Content(_) | I::ItemDone(_) | I::Ended) | (_, I::Progress) => {
            O::Assume
        }
        (_, I::Created(Identity::Same)) => O::Drop(Rule::RepeatedMessageStart),
        (_, I::Created(Identity::Other)) => O::Fail(Failure::Protocol(Rule::SecondMessage)),

        (_, I::ItemAdded(Slot::Free)) => O::Open,
        (_, I::ItemAdded(Slot::Alike)) => O::Drop(Rule::RepeatedBlockStart),
        (_, I::ItemAdded(Slot::Other)) => O::OpenAnew,

        (_, I::Content(Target::Open)) => O::Append,
        (_, I::ItemDone(Target::Open)) => O::Close,
        (_, I::Content(Target::Missing) | I::ItemDone(Target::Missing)) => O::OpenFirst,
        (_, I::Content(Target::Unfit) | I::ItemDone(Target::Unfit)) => O::Drop(Rule::WrongDelta),
        (_, I::Content(Target::Closed) | I::ItemDone(Target::Closed)) => O::Drop(Rule::ClosedBlock),
        (_, I::Ended) => O::Complete,
    }
}

/// The state behind an input that was carried out.
fn next(state: State, input: Input) -> State {
    match outcome(state, input) {
        Outcome::Begin | Outcome::Assume => State::Streaming,
        Outcome::Complete => State::Done,
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
            Target::Missing | Target::Open | Target::Unfit | Target::Closed
        };
    }

    /// Every input there is. A new one does not compile until the pattern below has it; then it
    /// belongs in the list too.
    fn inputs() -> Vec<Input> {
        let all = Vec::from([
            Input::Created(Identity::Same),
            Input::Created(Identity::Other),
            Input::InProgress,
            Input::ItemAdded(Slot::Free),
            Input::ItemAdded(Slot::Alike),
            Input::ItemAdded(Slot::Other),
            Input::Content(Target::Open),
            Input::Content(Target::Unfit),
            Input::Content(Target::Closed),
            Input::Content(Target::Missing),
            Input::ItemDone(Target::Open),
            Input::ItemDone(Target::Unfit),
            Input::ItemDone(Target::Closed),
            Input::ItemDone(Target::Missing),
            Input::Ended,
            Input::Progress,
            Input::Ping,
            Input::Unknown,
            Input::Error,
            Input::Sentinel,
            Input::End,
        ]);
        for input in &all {
            let (Input::Created(Identity::Same | Identity::Other)
            | Input::InProgress
            | Input::ItemAdded(Slot::Free | Slot::Alike | Slot::Other)
            | Input::Content(TARGETS!())
            | Input::ItemDone(TARGETS!())
            | Input::Ended
            | Input::Progress
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
        let states = [State::Idle, State::Streaming, State::Done];
        table::check(include_str!("mod.rs"), &states, &inputs(), next, outcome);
    }

    #[test]
    fn nothing_changes_what_is_done() {
        for input in inputs() {
            assert_eq!(outcome(State::Done, input), Outcome::Ignore);
            assert_eq!(next(State::Done, input), State::Done);
        }
    }
}
