//! What fuzzing found worth keeping, and what it once broke, as plain tests.

#[path = "../fuzz/checks/mod.rs"]
mod checks;

use std::path::Path;

/// Runs a check on every input that is kept for it, and on the beginnings of each.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let inputs: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(!inputs.is_empty(), "{} is empty", folder.display());
    for path in inputs {
        let input = std::fs::read(&path).unwrap();
        check(&input);
        check(&input[..input.len() / 2]);
    }
}

#[test]
fn frames() {
    replay("frames", checks::frames);
}

#[test]
fn delta() {
    replay("delta", checks::delta);
}

#[test]
fn pipe() {
    replay("pipe", checks::pipe);
}

#[test]
fn encode() {
    replay("encode", checks::encode);
}

#[test]
fn machine() {
    replay("machine", checks::machine);
}

#[test]
fn history() {
    replay("history", checks::history);
}

#[test]
fn partial_input() {
    replay("partial_input", checks::partial_input);
}

#[test]
fn openai() {
    replay("openai", checks::openai);
}

/// Every two events of the APIs of `OpenAI` that follow each other, behind a beginning and not.
#[test]
fn every_pair_of_openais_events() {
    let steps = |items: &'static [u8]| {
        (0..=45).flat_map(move |event| items.iter().map(move |item| item << 6 | event))
    };
    let pairs = steps(&[0]).flat_map(|first| steps(&[0, 2]).map(move |second| (first, second)));
    for (first, second) in pairs {
        checks::openai(&[3, 0, first, second, 27, 32, 37]);
    }
}

/// Every two events that follow each other, behind a start and not.
#[test]
fn every_pair_of_events() {
    // Of the bytes that say the same, one.
    let steps = || {
        (0..=u8::MAX).filter(|byte| {
            [0, 6, 7, 8, 21, 22, 23, 39, 46, 56, 57, 58, 59].contains(&(byte & 0x3F))
        })
    };
    for (first, second) in steps().flat_map(|first| steps().map(move |second| (first, second))) {
        checks::machine(&[first, second]);
        checks::machine(&[0, 6, first, second]);
        checks::machine(&[0, 7, 39, 46, first, second]);
    }
}
