//! The life of a completion of the Chat Completions API: every state, every input, and what comes of
//! them.
//!
//! ```text
//!          a chunk               every choice has its
//!          that is not empty     finish_reason           [DONE], or the end of input
//!   ┌──────┐ ───────▶ ┌───────────┐ ───────▶ ┌──────────┐ ───────▶ ┌──────┐
//!   │ Idle │          │ Streaming │          │ Finished │          │ Done │
//!   └──────┘          └───────────┘          └──────────┘          └──────┘
//!      │                │                       │     ▲        nothing after it
//!      │ [DONE], or     │ [DONE], or            └─────┘        changes anything
//!      ▼ end of input   ▼ end of input        chunks still come: the usage, the
//!   Incomplete        Incomplete              results of filters, even text
//!
//!      an error in any state but Done, in a chunk or in place of one, ends the stream
//!      with the server's error
//! ```
//!
//! Nothing on the wire begins or ends a block. A block begins with the first piece that is not empty,
//! text and thinking end where the other begins, and everything else ends with the reply. [`outcome`]
//! is the whole protocol; the [machine] carries it out, and [`choice`] has the blocks of one completion.

mod add;
mod again;
mod choice;
mod details;
mod draft;
mod extra;
mod flagged;
mod hand;
mod machine;
mod redacted;
mod tools;

pub(crate) use self::machine::Machine;

/// Where in the life of the completion the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before anything of a choice.
    Idle,
    /// In a choice that has not finished.
    Streaming,
    /// All choices that were seen have finished.
    Finished,
    /// Behind the end.
    Done,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Chunk(Left),
    /// A chunk without choices: the usage, the results of a filter.
    Beside,
    Ping,
    Unknown,
    Error,
    /// `[DONE]`
    Sentinel,
    /// The end of the input.
    End,
}

/// What a chunk leaves of the choices that have begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Open,
    /// They have all finished.
    Finished,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// What the chunk has is added to its choices.
    Append,
    /// What it has beside choices is taken over.
    Update,
    /// All blocks are finished, and the message is complete.
    Complete,
    /// It is handed out as it is.
    HandOut,
    /// It is passed over without a word.
    Ignore,
    /// The stream fails.
    Fail(Failure),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    Server,
    Incomplete,
}

/// The whole protocol: what is done for every input in every state.
///
/// The test below prints this table from the function, and compares.
///
/// | input | Idle | Streaming | Finished | Done |
/// |---|---|---|---|---|
/// | Chunk(Open) | Append ▸ Streaming | Append | Append ▸ Streaming | Ignore |
/// | Chunk(Finished) | Append ▸ Finished | Append ▸ Finished | Append | Ignore |
/// | Beside | Update | Update | Update | Ignore |
/// | Ping | HandOut | HandOut | HandOut | Ignore |
/// | Unknown | HandOut | HandOut | HandOut | Ignore |
/// | Error | Fail(Server) | Fail(Server) | Fail(Server) | Ignore |
/// | Sentinel | Fail(Incomplete) | Fail(Incomplete) | Complete ▸ Done | Ignore |
/// | End | Fail(Incomplete) | Fail(Incomplete) | Complete ▸ Done | Ignore |
fn outcome(state: State, input: Input) -> Outcome {
    use Input as I;
    use Outcome as O;
    match (state, input) {
        (State::Done, _) => O::Ignore,
        (_, I::Chunk(_)) => O::Append,
        (_, I::Beside) => O::Update,
        (_, I::Ping | I::Unknown) => O::HandOut,
        (_, I::Error) => O::Fail(Failure::Server),
        (State::Finished, I::Sentinel | I::End) => O::Complete,
        (_, I::Sentinel | I::End) => O::Fail(Failure::Incomplete),
    }
}

/// The state behind an input that was carried out.
fn next(state: State, input: Input) -> State {
    match (outcome(state, input), input) {
        (Outcome::Append, Input::Chunk(Left::Open)) => State::Streaming,
        (Outcome::Append, Input::Chunk(Left::Finished)) => State::Finished,
        (Outcome::Complete, _) => State::Done,
        _ => state,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assemble::table;

    /// Every input there is. A new one does not compile until the pattern below has it; then it
    /// belongs in the list too.
    fn inputs() -> [Input; 8] {
        let all = [
            Input::Chunk(Left::Open),
            Input::Chunk(Left::Finished),
            Input::Beside,
            Input::Ping,
            Input::Unknown,
            Input::Error,
            Input::Sentinel,
            Input::End,
        ];
        for input in &all {
            let (Input::Chunk(Left::Open | Left::Finished)
            | Input::Beside
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
        let states = [State::Idle, State::Streaming, State::Finished, State::Done];
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
