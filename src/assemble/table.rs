//! The tables of the machines' documentation, drawn from the machines.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Debug;

/// Whether the source of a machine documents, row by row, what its functions say.
#[track_caller]
pub(super) fn check<S, I, O>(
    source: &str,
    states: &[S],
    inputs: &[I],
    next: impl Fn(S, I) -> S,
    outcome: impl Fn(S, I) -> O,
) where
    S: Copy + Debug + PartialEq,
    I: Copy + Debug,
    O: Debug,
{
    let cell = |state: S, input: I| {
        let done = format!("{:?}", outcome(state, input)).replace("Failure::", "");
        let next = next(state, input);
        if next == state { done } else { format!("{done} ▸ {next:?}") }
    };
    let row = |input: &I| {
        let cells: Vec<_> = states.iter().map(|state| cell(*state, *input)).collect();
        format!("/// | {input:?} | {} |\n", cells.join(" | "))
    };
    let drawn: String = inputs.iter().map(row).collect();
    let start = format!("/// |{}\n", "---|".repeat(states.len() + 1));
    let documented = source.split_once(&start).and_then(|(_, rest)| rest.split_once("fn outcome"));
    assert_eq!(documented.map(|(table, _)| table), Some(&*drawn), "\n{drawn}");
}
