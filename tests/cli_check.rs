//! `thinkstream check`: every rule is named with its byte, and every note.
#![cfg(feature = "cli")]

mod common;

use common::program::{Folder, recording, run};
use common::*;
use serde_json::{Value, json};

/// A stream that breaks one rule in the event with this number, from 0.
struct Case {
    rule: &'static str,
    at: usize,
    events: Vec<String>,
}

fn case<T: AsRef<str>>(rule: &'static str, at: usize, events: impl IntoIterator<Item = T>) -> Case {
    let events = events.into_iter().map(|event| event.as_ref().to_owned()).collect();
    Case { rule, at, events }
}

impl Case {
    fn stream(&self) -> Vec<u8> {
        sse(&self.events)
    }

    /// Where the data of the event begins; of one that is cut, the event.
    fn offset(&self) -> usize {
        let before = sse(&self.events[..self.at]);
        if self.rule == "cut_event" {
            return before.len();
        }
        let frame = String::from_utf8(sse(&self.events[self.at..=self.at])).unwrap();
        before.len() + frame.find("data: ").unwrap() + "data: ".len()
    }
}

/// A frame without a name, as a chat of `OpenAI` has it.
fn data(json: &str) -> String {
    format!("data: {json}\n\n")
}

fn chunk(choice: &str) -> String {
    data(&format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion.chunk","model":"m","choices":[{choice}]}}"#
    ))
}

fn anthropic_cases() -> Vec<Case> {
    let other_start = START.replace("msg_1", "msg_2");
    let named = format!("event: message_begin\ndata: {START}\n\n");
    let full = r#"{"type":"text","text":"Hello there"}"#;
    let bad_usage = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":"7"}}"#;
    let tail = [shut(0), end("end_turn"), STOP.to_owned()];
    let [stop, end, last] = &tail.each_ref().map(String::as_str);
    let (open_text, hi) = (open(0, TEXT), text(0, "Hi"));
    let (t, hi) = (&*open_text, &*hi);
    let no_index = text(0, "Hi").replace(r#""index":0,"#, "");
    let (think_open, thought) = (open(0, THINKING), think(0, "Hm."));
    let (th, hm) = (&*think_open, &*thought);
    let signed = r#"{"type":"thinking_delta","thinking":"Hm.","signature":"EqQB"}"#;
    let signed = &delta(0, signed);
    vec![
        case("event_name", 0, [&*named, t, hi, stop, end, last]),
        case("missing_message_start", 0, [t, hi, stop, end, last]),
        case("repeated_message_start", 1, [START, START, t, hi, stop, end, last]),
        case("second_message", 1, [START, &other_start, t, hi, stop, end, last]),
        case("repeated_block_start", 2, [START, t, t, hi, stop, end, last]),
        case("reused_index", 4, [START, t, hi, stop, t, hi, stop, end, last]),
        case("missing_index", 2, [START, t, &no_index, stop, end, last]),
        case("missing_block_stop", 4, [START, t, hi, end, last]),
        case("unknown_block", 4, [START, t, hi, stop, &text(9, "lost"), end, last]),
        case("closed_block", 4, [START, t, hi, stop, hi, end, last]),
        case("wrong_delta", 2, [START, t, hm, hi, stop, end, last]),
        case("merged_delta", 2, [START, th, signed, stop, end, last]),
        case("late_signature", 4, [START, th, hm, stop, &sign(0, "EqQB"), end, last]),
        case(
            "second_signature",
            5,
            [START, th, hm, &sign(0, "EqQB"), stop, &sign(0, "EqQC"), end, last],
        ),
        case("repeated_text", 2, [START, &open(0, full), &text(0, "Hello there"), stop, end, last]),
        case(
            "missing_field",
            2,
            [START, t, &delta(0, r#"{"type":"text_delta"}"#), hi, stop, end, last],
        ),
        case("bad_count", 4, [START, t, hi, stop, bad_usage, last]),
        case("done_for_stop", 5, [START, t, hi, stop, end, "data: [DONE]\n\n"]),
    ]
}

fn openai_cases() -> Vec<Case> {
    let created = r#"{"type":"response.created","response":{"id":"resp_1","model":"m","status":"in_progress","output":[]}}"#;
    let completed = r#"{"type":"response.completed","response":{"id":"resp_1","model":"m","status":"completed","output":[],"usage":{"input_tokens":1,"output_tokens":1}}}"#;
    let added = r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"msg_1","role":"assistant","content":[]}}"#;
    let delta = r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"item_id":"msg_1","delta":"Hi"}"#;
    let done = |text: &str| {
        format!(
            r#"{{"type":"response.output_item.done","output_index":0,"item":{{"type":"message","id":"msg_1","role":"assistant","content":[{{"type":"output_text","text":"{text}"}}]}}}}"#
        )
    };
    let call = chunk(
        r#"{"index":0,"delta":{"tool_calls":[{"index":0,"type":"function","function":{"name":"roll","arguments":"{}"}}]}}"#,
    );
    let finish =
        |reason: &str| chunk(&format!(r#"{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}"#));
    let hi = chunk(r#"{"index":0,"delta":{"role":"assistant","content":"Hi"}}"#);
    let (tools, stop, over) = (finish("tool_calls"), finish("stop"), data("[DONE]"));
    let joined = format!("{}\n{stop}", hi.trim_end());
    vec![
        case("missing_block_start", 1, [created, delta, &done("Hi"), completed]),
        case("done_differs", 3, [created, added, delta, &done("Ho"), completed]),
        case("missing_tool_id", 2, [&*call, &tools, &over]),
        case("missing_tool_call", 2, [&*hi, &tools, &over]),
        case("missing_blank_line", 0, [&*joined, &over]),
        case("cut_event", 2, [&*hi, &stop, "data: {\"choices\":[],\"usa"]),
    ]
}

#[test]
fn each_rule_is_named_with_its_byte() {
    let folder = Folder::new();
    for case in anthropic_cases().into_iter().chain(openai_cases()) {
        let rule = case.rule;
        let file = folder.write(&format!("{rule}.sse"), case.stream());
        let offset = case.offset();
        let ran = run(&["check", "--json", &file], b"");
        assert_eq!(ran.code, Some(1), "{rule}: {}{}", ran.stdout, ran.stderr);
        let is_of_rule = |line: &Value| line["offset"] == offset && line["rule"] == rule;
        let lines = ran.lines();
        let found = lines.iter().find(|line| is_of_rule(line));
        let found = found.unwrap_or_else(|| panic!("{rule} at {offset}: {}", ran.stdout));
        let failed = matches!(rule, "second_message" | "second_signature");
        assert_eq!(found["type"], if failed { "failure" } else { "deviation" });
        let [.., verdict, summary] = &lines[..] else { panic!("{}", ran.stdout) };
        assert_eq!((&verdict["conforms"], &verdict["complete"]), (&json!(false), &json!(!failed)));
        assert_eq!((&summary["type"], &summary["conform"]), (&json!("summary"), &json!(0)));

        let ran = run(&["check", &file], b"");
        let (statement, consequence) = (&found["statement"], &found["consequence"]);
        let line = format!("{file}: byte {offset}");
        let line = ran.stdout.lines().find(|found| found.starts_with(&line)).unwrap();
        assert!(
            line.contains(&format!("{rule}: expected: {}", statement.as_str().unwrap())),
            "{line}"
        );
        assert!(line.ends_with(&format!("; consequence: {}", consequence.as_str().unwrap())));
        let verdict = if failed { format!("failed: {rule}") } else { "1 deviation".to_owned() };
        assert_eq!(ran.stdout.lines().last(), Some(&*format!("{file}: {verdict}")));
        assert_eq!(ran.code, Some(1));
    }
}

/// A reply to which nothing can be said.
fn good() -> Vec<u8> {
    sse([START, &open(0, TEXT), &text(0, "Hi"), &shut(0), &end("end_turn"), STOP])
}

fn without(stream: &[u8], part: &str) -> Vec<u8> {
    let text = String::from_utf8(stream.to_vec()).unwrap();
    assert!(text.contains(part));
    text.replace(part, "").into_bytes()
}

#[test]
fn what_conforms_may_still_be_worth_a_note() {
    let quiet = r#","usage":{"output_tokens":7}"#;
    let silent = without(&good(), quiet);
    let silent = without(&silent, r#","usage":{"input_tokens":10,"output_tokens":1}"#);
    let chat = |end: &str| {
        let hi = chunk(r#"{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}"#);
        format!("{hi}data: [DONE]{end}").into_bytes()
    };
    let cases: [(&[u8], &[&str]); 9] = [
        (&good(), &[]),
        (&[&good()[..], b": bye\n\n"].concat(), &[]),
        (&[&good()[..], &sse([PING])].concat(), &["after_end"]),
        (&silent, &["no_usage"]),
        (&without(&good(), r#""id":"msg_1","#), &["no_message_id"]),
        (&without(&good(), r#""model":"claude-test","#), &["no_model"]),
        (&[&sse([r#"{"type":"new_kind"}"#])[..], &good()].concat(), &["unknown_event"]),
        (&chat("\n\n"), &["no_usage"]),
        (&chat("\n"), &["no_final_blank_line", "no_usage"]),
    ];
    for (stream, notes) in cases {
        let ran = run(&["check", "--json", "-"], stream);
        let lines = ran.lines();
        let found: Vec<_> = lines.iter().filter(|line| line["type"] == "note").collect();
        let found: Vec<_> = found.iter().map(|note| note["note"].as_str().unwrap()).collect();
        assert_eq!(found, notes, "{}", ran.stdout);
        assert_eq!(ran.code, Some(0), "{}", ran.stdout);
        let text = run(&["check", "-"], stream).stdout;
        assert!(text.ends_with("-: conforms\n"), "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with("-: note: ")).count(), notes.len());
    }
}

#[test]
fn a_stream_that_failed_says_why() {
    let cut = &good()[..good().len() / 2];
    let unterminated = good()[..good().len() - 1].to_vec();
    let error = sse([
        START,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"\u001b[31mBusy"}}"#,
    ]);
    let malformed = sse([START, r#"{"type":"content_block_start","index":0,"content_block":5}"#]);
    for (stream, kind, words) in [
        (cut, "incomplete", "before a stop reason"),
        (&unterminated[..], "unterminated", "after its stop reason"),
        (&error, "server", "overloaded_error"),
        (&malformed, "malformed", "malformed `content_block_start`"),
        (b"<html>busy", "no_events", "a page of markup"),
        (b"", "no_events", "the body is empty"),
    ] {
        let ran = run(&["check", "-"], stream);
        assert_eq!(ran.code, Some(1), "{}", ran.stdout);
        assert!(ran.stdout.contains(words) && !ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
        assert!(ran.stdout.ends_with(&format!("-: failed: {kind}\n")), "{}", ran.stdout);
        let lines = run(&["check", "--json", "-"], stream).lines();
        let failure = lines.iter().find(|line| line["type"] == "failure").unwrap();
        assert_eq!(failure["rule"], kind);
        assert!(failure["error"].as_str().unwrap().contains(words));
    }
}

#[test]
fn rules_are_counted_and_habits_are_not() {
    let stop = [shut(0), end("end_turn"), STOP.to_owned()];
    let lost = [text(8, "a"), text(9, "b"), text(9, "c")];
    let named = ["x", "y"].map(|name| format!("event: {name}\ndata: {}\n\n", text(0, "Hi")));
    let first = [START.to_owned(), open(0, TEXT)];
    let stream = sse(first.iter().chain(&lost).chain(&named).chain(&stop));
    let ran = run(&["check", "-"], &stream);
    let first = sse(&first).len() + "event: content_block_delta\ndata: ".len();
    let table: Vec<_> = ran.stdout.lines().filter(|line| line.starts_with("  ")).collect();
    let [unknown, name] = table[..] else { panic!("{}", ran.stdout) };
    assert_eq!(unknown, format!("  unknown_block          ×3, first at byte {first}"));
    assert!(name.starts_with("  event_name             ×1, first at byte "), "{name}");
    assert!(name.ends_with(", and maybe more: it is told of once"), "{name}");
    assert!(ran.stdout.ends_with("-: 4 deviations\n"), "{}", ran.stdout);
    let lines = run(&["check", "--json", "-"], &stream).lines();
    let verdict = &lines[lines.len() - 2];
    assert_eq!(
        verdict["rules"][0],
        json!({"rule": "unknown_block", "count": 3, "first_offset": first, "told_once": false})
    );
    assert_eq!(verdict["rules"][1]["told_once"], true);
}

#[test]
fn several_files_are_tallied_and_the_unreadable_told_of() {
    let folder = Folder::new();
    let good = String::from_utf8(good()).unwrap();
    let twice = [recording(&[(1.0, &good)], None), recording(&[(1.0, "data: 5\n\n")], None)];
    let files = [folder.write("a.sse", &good), folder.write("b.jsonl", twice.concat())];
    let ran = run(&["check", &files[0], &files[1]], b"");
    assert_eq!(ran.stdout.lines().last(), Some("3 streams: 2 conform, 0 deviate, 1 failed"));
    assert!(ran.stdout.contains("b.jsonl#2: failed: no_events"), "{}", ran.stdout);
    assert_eq!(ran.code, Some(1));

    let missing = folder.join("missing").to_str().unwrap().to_owned();
    let damaged = folder.write("c.jsonl", "{\"type\":\"recording\",\"version\":1}\nx\n");
    let ran = run(&["check", &missing, &damaged, &files[0]], b"");
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stdout.ends_with("1 conform, 0 deviate, 0 failed, and 2 files could not be read\n")
    );
    let said: Vec<_> = ran.stderr.lines().collect();
    assert!(said.len() == 2 && said[0].contains("missing") && said[1].contains("c.jsonl:2"));
    assert_eq!(run(&["check"], b"").code, Some(2));
}

#[test]
fn folders_are_walked() {
    let folder = Folder::new();
    std::fs::create_dir(folder.join("b")).unwrap();
    for name in ["b/z.sse", "a.sse", "notes.md"] {
        folder.write(name, good());
    }
    let ran = run(&["check", folder.path()], b"");
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
    assert_eq!(ran.stdout.lines().last(), Some("2 streams: 2 conform, 0 deviate, 0 failed"));
    assert!(ran.stdout.find("a.sse: conforms") < ran.stdout.find("b/z.sse: conforms"));
    assert_eq!(run(&["check", Folder::new().path()], b"").code, Some(2));
}

#[test]
fn an_event_without_a_name_is_told_of() {
    let stream = sse([START, r#"{"type":""}"#, &open(0, TEXT), &shut(0), &end("end_turn"), STOP]);
    let ran = run(&["check", "-"], &stream);
    assert!(ran.stdout.contains("not known: (no name) ×1"), "{}", ran.stdout);
}

#[test]
fn what_is_spoken_can_be_said() {
    let ran = run(&["check", "--protocol", "chat", "-"], &good());
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(ran.stdout.contains("-: chat, incomplete"), "{}", ran.stdout);
}
