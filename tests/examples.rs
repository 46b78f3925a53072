//! The examples, run to their ends as a reader would run them: what they print is what they promise.
#![cfg(feature = "cli")]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What an example prints, with `input` on its standard input.
fn run(name: &str, input: &str) -> String {
    // They are built beside the tests.
    let folder: PathBuf = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().into();
    let mut child = Command::new(folder.join("examples").join(name))
        .env_remove("ANTHROPIC_API_KEY")
        .env_remove("UPSTREAM")
        .env("THINKSTREAM", env!("CARGO_BIN_EXE_thinkstream"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{name}: {error}; `cargo test` builds the examples"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let found = rest.find(part).unwrap_or_else(|| panic!("no {part:?} in its place: {text}"));
        rest = &rest[found + part.len()..];
    }
}

#[test]
fn stdin() {
    let reply = concat!(
        "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":9}}}\n\n",
        "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n",
        "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\n",
        "data: {\"type\":\"message_stop\"}\n\n",
    );
    in_order(&run("stdin", reply), &["Hi", "stopped: end_turn", "9 tokens in, 2 out"]);
}

#[test]
fn tokio_codec() {
    assert_eq!(run("tokio_codec", ""), "Grüße 🎲\nSome(9) tokens\n");
}

#[test]
fn reqwest() {
    let parts = ["low", "48/95", "92 out", "high", "190 pairs", "301 out (176 thinking)", "in all"];
    in_order(&run("reqwest", ""), &parts);
}

#[test]
fn hyper() {
    in_order(&run("hyper", ""), &["48/95", "req_marbles_low"]);
}

/// One client reads to the end, the other goes away half way, and both are accounted for.
#[test]
fn axum_proxy() {
    let text = run("axum_proxy", "");
    let records: Vec<Value> =
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let [whole, dropped] = &records[..] else { panic!("{text}") };
    assert_eq!((&whole["outcome"], &whole["completion_tokens"]), (&"complete".into(), &92.into()));
    assert_eq!(
        (&whole["request_id"], &whole["stop_reason"]),
        (&"req_marbles_low".into(), &"end_turn".into())
    );
    assert!(
        whole["timing"]["first_text_ms"].as_f64() > whole["timing"]["first_thinking_ms"].as_f64()
    );
    assert_eq!((&dropped["outcome"], &dropped["prompt_tokens"]), (&"dropped".into(), &48.into()));
    assert_eq!(dropped["completion_tokens"], Value::Null);
}

#[test]
fn agent_loop() {
    let parts =
        ["Throw two dice", "A five and a six.", "only two sixes", "thinking: 3 kept, 0 dropped"];
    in_order(&run("agent_loop", ""), &parts);
}

#[test]
fn ten_thousand_streams() {
    in_order(&run("ten_thousand_streams", ""), &["10000 open streams", "1000000 events, "]);
}

/// Each is short enough to be read at once.
#[test]
fn they_are_short() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let lines = std::fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= 80, "{}: {lines} lines", path.display());
            seen += 1;
        }
    }
    assert_eq!(seen, 7);
}
