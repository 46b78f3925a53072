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
