//! The program, as a shell sees it: what it prints, where, and with which exit code.
#![cfg(feature = "cli")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::program::*;
use common::*;
use serde_json::Value;

/// The rows of the table at the end, by name.
fn rows(stdout: &str) -> Vec<(&str, &str)> {
    let (_, table) = stdout.rsplit_once("\n\n").unwrap_or(("", stdout));
    table.lines().filter_map(|row| row.trim().split_once("  ")).collect()
}

fn row<'a>(stdout: &'a str, name: &str) -> Option<&'a str> {
    rows(stdout).into_iter().find(|row| row.0 == name).map(|row| row.1)
}

/// Whether every field of `expected` is in `found`: readers are promised fields, not their absence.
fn has(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => expected
            .iter()
            .all(|(key, value)| found.get(key).is_some_and(|found| has(found, value))),
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| has(a, b))
        }
        _ => found == expected,
    }
}

/// A reply with text and a tool call.
fn reply() -> Vec<u8> {
    sse([
        START,
        &open(0, TEXT),
        &text(0, "Hel"),
        &text(0, "lo"),
        &shut(0),
        &open(1, TOOL),
        &json(1, r#"{"sides":"#),
        &json(1, " 6}"),
        &shut(1),
        &end("tool_use"),
        STOP,
    ])
}

/// A reply in which everything happens that makes an event.
fn everything() -> Vec<u8> {
    sse([
        START,
        PING,
        &open(0, THINKING),
        &think(0, "Hm."),
        &sign(0, "EqQB"),
        &shut(0),
        &open(1, r#"{"type":"redacted_thinking","data":"EmwK"}"#),
        &shut(1),
        &open(2, r#"{"type":"text","text":"","citations":[]}"#),
        &text(2, "Hi"),
        &delta(
            2,
            r#"{"type":"citations_delta","citation":{"type":"char_location","cited_text":"x"}}"#,
        ),
        &shut(2),
        &open(3, TOOL),
        &json(3, r#"{"sides": 6}"#),
        &shut(3),
        &open(4, TOOL),
        &json(4, "[6]"),
        &shut(4),
        r#"{"type":"future_event","x":1}"#,
        &text(9, "lost"),
        &end("tool_use"),
        STOP,
    ])
}

/// What a terminal would obey, and what some readers take for the end of a line.
const HOSTILE: &str = "a\u{1b}[31mb\u{7}\rc\u{8}\u{b}\u{c}\u{7f}d\u{85}e\u{9b}1m\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}f\u{202e}\u{2066}\u{2069}g";

fn is_hostile(char: char) -> bool {
    char.is_control() && !matches!(char, '\n' | '\t')
        || matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A reply that is hostile wherever a sender can put text.
fn hostile_reply() -> Vec<u8> {
    let bad = quoted(HOSTILE);
    sse([
        &format!(
            r#"{{"type":"message_start","message":{{"id":{bad},"model":{bad},"role":{bad},"content":[],"usage":{{"service_tier":{bad}}}}}}}"#
        ),
        &open(0, THINKING),
        &think(0, HOSTILE),
        &sign(0, HOSTILE),
        &shut(0),
        &open(1, &format!(r#"{{"type":"redacted_thinking","data":{bad}}}"#)),
        &shut(1),
        &open(2, TEXT),
        &text(2, HOSTILE),
        &delta(2, &format!(r#"{{"type":"citations_delta","citation":{{"type":{bad}}}}}"#)),
        &shut(2),
        &open(3, &format!(r#"{{"type":"tool_use","id":{bad},"name":{bad},"input":{{}}}}"#)),
        &json(3, &format!("{{{bad}:\r\n\t{bad}}}")),
        &shut(3),
        &open(4, TOOL),
        &json(4, HOSTILE),
        &shut(4),
        &open(5, &format!(r#"{{"type":"future_block","x":{bad}}}"#)),
        &shut(5),
        &format!(r#"{{"type":"future_event","x":{bad}}}"#),
        &text(9, HOSTILE),
        &format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":{bad},"stop_sequence":{bad}}},"usage":{{"output_tokens":7}}}}"#
        ),
        STOP,
    ])
}

#[test]
fn text_and_tool_calls_are_printed_and_then_a_table() {
    let start = r#"{"type":"message_start","message":{"id":"msg_1","model":"claude-test","content":[],"usage":{"input_tokens":12345,"cache_creation_input_tokens":1500,"cache_read_input_tokens":9216,"cache_creation":{"ephemeral_5m_input_tokens":500,"ephemeral_1h_input_tokens":1000},"output_tokens":1}}}"#;
    let stop = r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":241,"output_tokens_details":{"thinking_tokens":118}}}"#;
    let stream = sse([
        start,
        &open(0, TEXT),
        &text(0, "Hel"),
        &text(0, "lo"),
        &shut(0),
        &open(1, TOOL),
        &json(1, r#"{"sides": 6}"#),
        &shut(1),
        stop,
        STOP,
    ]);
    let ran = run(&["decode", "--request-id", "req_1"], &stream);
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
    assert!(ran.stdout.starts_with("Hello\n"), "{}", ran.stdout);
    let call = ran.stdout.lines().nth(1).unwrap();
    assert!(call.contains("roll") && call.ends_with(r#"{"sides": 6}"#), "{call}");
    assert_eq!(
        rows(&ran.stdout),
        [
            ("stop reason", "tool_use"),
            ("request id", "req_1"),
            ("model", "claude-test"),
            ("input tokens", "12,345"),
            ("output tokens", "241"),
            ("thinking tokens", "118"),
            ("cache read", "9,216"),
            ("cache write 5m / 1h", "500 / 1,000"),
        ]
    );
}

#[test]
fn what_was_not_reported_is_not_shown_as_zero() {
    let ran = run(&["decode"], &reply());
    for name in ["request id", "thinking tokens", "cache read", "cache write"] {
        assert_eq!(row(&ran.stdout, name), Some("unknown"), "{name}");
    }
}

#[test]
fn thinking_is_printed_only_on_request() {
    let stream = everything();
    assert!(!run(&["decode"], &stream).stdout.contains("Hm."));
    let shown = run(&["decode", "--show-thinking"], &stream).stdout;
    assert!(shown.starts_with("Hm.\n"), "{shown}");
}

#[test]
fn json_has_a_line_for_each_event() {
    let ran = run(&["decode", "--json", "--request-id", "req_1"], &everything());
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
    let expected = [
        r#"{"type":"start","id":"msg_1","model":"claude-test","usage":{"input_tokens":10}}"#,
        r#"{"type":"ping"}"#,
        r#"{"type":"thinking","index":0,"text":"Hm."}"#,
        r#"{"type":"signature","index":0,"signature":"EqQB"}"#,
        r#"{"type":"block","index":0,"block":{"type":"thinking","thinking":"Hm.","signature":"EqQB"}}"#,
        r#"{"type":"redacted_thinking","index":1,"data":"EmwK"}"#,
        r#"{"type":"block","index":1,"block":{"type":"redacted_thinking","data":"EmwK"}}"#,
        r#"{"type":"token","index":2,"text":"Hi"}"#,
        r#"{"type":"citation","index":2,"citation":{"type":"char_location","cited_text":"x"}}"#,
        r#"{"type":"block","index":2,"block":{"type":"text","text":"Hi","citations":[{"type":"char_location","cited_text":"x"}]}}"#,
        r#"{"type":"tool_start","index":3,"id":"toolu_1","name":"roll"}"#,
        r#"{"type":"tool_input","index":3,"partial_json":"{\"sides\": 6}"}"#,
        r#"{"type":"tool_call","index":3,"id":"toolu_1","name":"roll","input":{"sides":6}}"#,
        r#"{"type":"block","index":3,"block":{"type":"tool_use","id":"toolu_1","name":"roll","input":{"sides":6}}}"#,
        r#"{"type":"tool_start","index":4,"id":"toolu_1","name":"roll"}"#,
        r#"{"type":"tool_input","index":4,"partial_json":"[6]"}"#,
        r#"{"type":"tool_call","index":4,"id":"toolu_1","name":"roll","raw":"[6]","reason":"not a JSON object"}"#,
        r#"{"type":"block","index":4,"block":{"type":"tool_use","id":"toolu_1","name":"roll"}}"#,
        r#"{"type":"unknown","name":"future_event"}"#,
        r#"{"type":"warning","rule":"unknown_block"}"#,
        r#"{"type":"usage","usage":{"input_tokens":10,"output_tokens":7}}"#,
        r#"{"type":"complete","stop_reason":"tool_use","stop_sequence":null,"request_id":"req_1","usage":{"output_tokens":7},"message":{"id":"msg_1","model":"claude-test","role":"assistant"}}"#,
    ];
    let events = events(&ran.stdout);
    for (found, expected) in events.iter().zip(&expected) {
        let expected: Value = serde_json::from_str(expected).unwrap();
        assert!(has(found, &expected), "{found} is not {expected}");
    }
    assert_eq!(events.len(), expected.len(), "{:?}", types(&events));
    assert_eq!(events.last().unwrap()["message"]["content"].as_array().unwrap().len(), 5);
    // Arguments that are no object must not look as if they could be run.
    assert_eq!(events[16].get("input"), None);
}

#[test]
fn the_stop_reason_is_null_if_the_server_never_said() {
    let ran = run(&["decode", "--json"], &sse([START, STOP]));
    let events = events(&ran.stdout);
    assert_eq!((ran.code, types(&events)), (Some(0), vec!["start", "complete"]));
    assert_eq!(events[1].get("stop_reason"), Some(&Value::Null));
    assert_eq!(events[1].get("request_id"), Some(&Value::Null));
}

#[test]
fn a_stream_that_fails_has_its_error_as_the_last_line() {
    let begun = sse([START, &open(0, TEXT), &text(0, "Hel")]);
    let after = |more: &str| [&begun[..], &sse([more])].concat();
    let server = r#"{"type":"error","error":{"type":"overloaded_error","message":"Busy"},"request_id":"req_2"}"#;
    let ended = [&begun[..], &sse([shut(0), end("end_turn")])].concat();
    for (name, args, stream, kind, started) in [
        ("nothing", &[][..], &b""[..], "empty_stream", false),
        ("no event stream", &[], b"{\"type\":\"error\"}", "no_events", false),
        ("a page of a proxy", &[], b"<html>\n<body>502</body>\n</html>\n", "no_events", false),
        ("cut between events", &[], &begun, "incomplete", true),
        ("cut in an event", &[], &begun[..begun.len() - 9], "incomplete", false),
        ("cut behind the stop reason", &[], &ended, "unterminated", true),
        ("the server's error", &[], &after(server), "server", true),
        ("no JSON", &[], &after("event: content_block_stop\ndata: {\n\n"), "malformed", true),
        ("a broken rule", &["--strict"], &after(&shut(5)), "protocol", true),
    ] {
        let ran = run(&[&["decode", "--json", "--request-id", "req_1"], args].concat(), stream);
        assert_eq!(ran.code, Some(1), "{name}");
        let events = events(&ran.stdout);
        let (error, before) = events.split_last().unwrap();
        assert!(!types(before).iter().any(|kind| matches!(*kind, "complete" | "error")), "{name}");
        assert_eq!((&error["type"], &error["kind"]), (&"error".into(), &kind.into()), "{name}");
        assert_eq!(error["output_started"], started, "{name}");
        let id = if kind == "server" { "req_2" } else { "req_1" };
        assert_eq!(error["request_id"], id, "{name}");
        assert!(error["offset"].as_u64().unwrap() <= stream.len() as u64, "{name}");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{name}");
        if started {
            assert_eq!(error["usage"]["input_tokens"], 10, "{name}");
            assert_eq!(error["partial"]["id"], "msg_1", "{name}");
            assert_eq!(error["partial"]["content"][0]["text"], "Hel", "{name}");
        }

        // For a person, what came is shown all the same, and the error is one line.
        let ran = run(&[&["decode"], args].concat(), stream);
        assert_eq!((ran.code, ran.stderr.lines().count()), (Some(1), 1), "{name}");
        assert_eq!(ran.stdout.contains("Hel"), started, "{name}");
    }
}

#[test]
fn strict_makes_an_error_of_a_warning() {
    let opened = open(0, TEXT);
    let (lost, said, closed, ended) = (text(5, "lost"), text(0, "Hi"), shut(0), end("end_turn"));
    for (rule, stream) in [
        ("unknown_block", sse([START, &opened, &lost, &closed, &ended, STOP])),
        ("missing_message_start", sse([&opened, &said, &closed, &ended, STOP])),
        ("missing_block_stop", sse([START, &opened, &said, &ended, STOP])),
        ("done_for_stop", sse([START, &opened, &said, &closed, &ended, "data: [DONE]\n\n"])),
    ] {
        let lenient = run(&["decode", "--json"], &stream);
        assert_eq!(lenient.code, Some(0), "{rule}");
        let warned = events(&lenient.stdout);
        let warned =
            |rule| warned.iter().any(|event| event["type"] == "warning" && event["rule"] == rule);
        assert!(warned(rule), "{rule}");

        let strict = run(&["decode", "--json", "--strict"], &stream);
        assert_eq!(strict.code, Some(1), "{rule}");
        let error = events(&strict.stdout).pop().unwrap();
        assert_eq!(
            (&error["type"], &error["kind"]),
            (&"error".into(), &"protocol".into()),
            "{rule}"
        );
        assert!(error["message"].as_str().unwrap().contains(rule), "{error}");
    }
    assert_eq!(run(&["decode", "--strict"], &reply()).code, Some(0));
}

#[test]
fn wrong_usage_is_exit_code_2_with_a_message_and_no_output() {
    let missing = std::env::temp_dir().join("thinkstream-cli-missing").join("no.sse");
    let missing = missing.to_str().unwrap();
    let folder = std::env::temp_dir();
    let folder = folder.to_str().unwrap();
    for args in [
        &[][..],
        &["unknown"],
        &["--unknown"],
        &["decode", "--unknown"],
        &["decode", missing],
        &["decode", "--json", missing],
        &["decode", folder],
        &["decode", "-", "-"],
        &["decode", "--chunk", "0"],
        &["decode", "--chunk", "-1"],
        &["decode", "--chunk", "x"],
        &["decode", "--chunk"],
        &["decode", "--request-id"],
        &["sse", "--unknown"],
        &["sse", "--json"],
        &["sse", missing],
        &["sse", folder],
        &["sse", "--chunk", "0"],
        &["demo", "--unknown"],
        &["demo", "--speed", "0"],
        &["demo", "--speed", "NaN"],
        &["demo", "more"],
    ] {
        let ran = run(args, b"");
        assert_eq!((ran.code, &*ran.stdout), (Some(2), ""), "{args:?}");
        assert!(!ran.stderr.trim().is_empty() && !ran.stderr.contains("panicked"), "{args:?}");
    }
    assert!(run(&["sse", missing], b"").stderr.contains(missing));
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in ["decode", "sse", "demo", "record", "replay", "serve", "completions", "man"] {
        let ran = run(&[command, "--help"], b"");
        assert_eq!((ran.code, &*ran.stderr), (Some(0), ""), "{command}");
        let example = ran.stdout.split_once("Example").map_or("", |(_, example)| example);
        assert!(example.contains(&format!("thinkstream {command}")), "{}", ran.stdout);
    }
    let ran = run(&["--help"], b"");
    assert_eq!(ran.code, Some(0));
    assert!(["decode", "sse", "demo"].iter().all(|command| ran.stdout.contains(command)));
}

#[test]
fn a_terminal_has_nothing_to_obey() {
    let hostile = hostile_reply();
    let cut = &hostile[..hostile.len() - STOP.len()];
    let bad = quoted(HOSTILE);
    let server = sse([format!(
        r#"{{"type":"error","error":{{"type":{bad},"message":{bad}}},"request_id":{bad}}}"#
    )]);
    for (name, stream) in
        [("complete", &hostile[..]), ("cut", cut), ("the server's error", &server)]
    {
        for args in
            [&["decode"][..], &["decode", "--show-thinking"], &["decode", "--json"], &["sse"]]
        {
            let ran = run(&[args, &["--chunk", "1"]].concat(), stream);
            for output in [&ran.stdout, &ran.stderr] {
                assert_eq!(output.chars().find(|char| is_hostile(*char)), None, "{name}, {args:?}");
            }
            assert!(!(ran.stdout.is_empty() && ran.stderr.is_empty()), "{name}, {args:?}");
        }
    }
    // An id in the arguments comes from the server's headers, so it is not the user's own either.
    let ran = run(&["decode", "--request-id", HOSTILE], &reply());
    assert_eq!(ran.stdout.chars().find(|char| is_hostile(*char)), None);
}

#[test]
fn plain_text_is_printed_as_it_is() {
    let said = "naïve — 日本語 😀 👩\u{200d}👩\u{200d}👧\n\tindented \u{feff}\u{ad}\n";
    let ran = run(
        &["decode"],
        &sse([START, &open(0, TEXT), &text(0, said), &shut(0), &end("end_turn"), STOP]),
    );
    assert!(ran.stdout.starts_with(said), "{:?}", ran.stdout);
}

/// Python's `splitlines` splits at all of these, and it is not alone.
const LINE_ENDS: &[char] =
    &['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];

#[test]
fn a_line_of_json_is_one_line_for_every_reader() {
    let stream = hostile_reply();
    for args in [&["decode", "--json"][..], &["sse"]] {
        let ran = run(args, &stream);
        let lines: Vec<_> = ran.stdout.split_terminator(LINE_ENDS).collect();
        assert_eq!(lines, ran.stdout.lines().collect::<Vec<_>>(), "{args:?}");
        for line in lines {
            assert!(serde_json::from_str::<Value>(line).unwrap().is_object(), "{line}");
        }
    }
    // What is escaped is still the same text.
    let events = events(&run(&["decode", "--json"], &stream).stdout);
    let said = |kind| events.iter().find(|event| event["type"] == kind).unwrap();
    assert_eq!(said("token")["text"], HOSTILE);
    assert_eq!(said("thinking")["text"], HOSTILE);
    assert_eq!(said("signature")["signature"], HOSTILE);
    assert_eq!(said("redacted_thinking")["data"], HOSTILE);
    assert_eq!(said("tool_start")["name"], HOSTILE);
    assert_eq!(said("tool_call")["input"][HOSTILE], HOSTILE);
    assert_eq!(said("complete")["stop_reason"], HOSTILE);
}

#[test]
fn tool_input_with_line_breaks_stays_on_one_line() {
    let input = "{\r\n\t\"sides\":\n6,\r\"text\": \"a\\nb\"\n}";
    let stream = sse([START, &open(0, TOOL), &json(0, input), &shut(0), &end("tool_use"), STOP]);
    let ran = run(&["decode", "--json"], &stream);
    let events = events(&ran.stdout);
    assert_eq!(
        types(&events),
        ["start", "tool_start", "tool_input", "tool_call", "block", "usage", "complete"]
    );
    let expected: Value = serde_json::from_str(r#"{"sides":6,"text":"a\nb"}"#).unwrap();
    assert_eq!(events[2]["partial_json"], input);
    assert_eq!(events[3]["input"], expected);
    assert_eq!(events[4]["block"]["input"], expected);
    assert_eq!(events[6]["message"]["content"][0]["input"], expected);
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    // More than a pipe holds, so that the program has to notice.
    let mut stream = sse([START, &open(0, TEXT)]);
    let piece = sse([text(0, &"Some words, and a line end.\n".repeat(64))]);
    stream.extend(piece.repeat(500));
    let mut wide = stream.clone();
    // An error at the end must not be reported either, once nobody listens.
    wide.extend_from_slice(b"data: {");
    for (args, input) in [
        (&["decode"][..], &stream),
        (&["decode", "--json"], &stream),
        (&["decode", "--json"], &wide),
        (&["sse"], &wide),
        (&["demo", "--speed", "20"], &stream),
        (&["demo", "--speed", "20", "--json"], &stream),
    ] {
        let mut child = start(args);
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let output = thread::scope(|scope| {
            scope.spawn(move || {
                let _ = stdin.write_all(input);
            });
            stdout.read_exact(&mut [0; 1]).unwrap();
            drop(stdout);
            child.wait_with_output().unwrap()
        });
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), &*stderr), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn a_closed_standard_error_does_not_change_the_exit_code() {
    for (args, code) in [(&["decode"][..], 1), (&["sse"], 0), (&["sse", "--chunk", "3"], 0)] {
        let mut child = start(args);
        drop(child.stderr.take());
        child.stdin.take().unwrap().write_all(b"data: cut").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}");
    }
}

#[test]
fn frames_are_printed_as_the_format_defines_them() {
    for (name, stream, expected) in [
        ("nothing", "", &[][..]),
        ("a frame", "data: a\n\n", &[r#"{"event":"message","data":"a","id":""}"#]),
        ("named", "event: x\nid: 7\ndata: a\n\n", &[r#"{"event":"x","data":"a","id":"7"}"#]),
        (
            "two lines",
            "data: a\r\ndata: b\r\n\r\n",
            &[r#"{"event":"message","data":"a\nb","id":""}"#],
        ),
        ("retry", "retry: 5\n\n", &[r#"{"retry":5}"#]),
        ("no retry", "retry: 5x\n\n", &[]),
        ("comments", ": a\n\n:\n\n", &[]),
        (
            "an unfinished event",
            "data: a\n\ndata: b\n",
            &[r#"{"event":"message","data":"a","id":""}"#],
        ),
        ("an unfinished line", "data: a", &[]),
        (
            "an id that stays",
            "id: 1\ndata: a\n\ndata: b\n\n",
            &[
                r#"{"event":"message","data":"a","id":"1"}"#,
                r#"{"event":"message","data":"b","id":"1"}"#,
            ],
        ),
        (
            "retry in its place",
            "data: a\n\nretry: 9\ndata: b\n\n",
            &[
                r#"{"event":"message","data":"a","id":""}"#,
                r#"{"retry":9}"#,
                r#"{"event":"message","data":"b","id":""}"#,
            ],
        ),
        (
            "data of any kind",
            "data: [DONE]\n\ndata: \"\\\n\n",
            &[
                r#"{"event":"message","data":"[DONE]","id":""}"#,
                r#"{"event":"message","data":"\"\\","id":""}"#,
            ],
        ),
    ] {
        let ran = run(&["sse"], stream.as_bytes());
        assert_eq!(ran.code, Some(0), "{name}");
        assert_eq!(ran.stdout.lines().collect::<Vec<_>>(), expected, "{name}");
    }
}

#[test]
fn the_size_of_chunks_makes_no_difference() {
    let stream = [b"\xef\xbb\xbfid: 1\r\nretry: 5\r\n\r\n", &everything()[..]].concat();
    let file = Temporary::new(&stream);
    for args in [
        &["decode"][..],
        &["decode", "--show-thinking"],
        &["decode", "--json"],
        &["decode", "--json", "--strict"],
        &["sse"],
    ] {
        let whole = timeless(run(args, &stream));
        for path in ["-", file.path()] {
            assert_eq!(timeless(run(&[args, &[path]].concat(), &stream)), whole, "{args:?} {path}");
            for width in ["1", "2", "7", "64"] {
                let args = [args, &[path, "--chunk", width]].concat();
                assert_eq!(timeless(run(&args, &stream)), whole, "{args:?}");
            }
        }
    }
}

/// Without the time that the thinking took, which is the clock's and not the stream's.
fn timeless(mut ran: Ran) -> Ran {
    let is_time = |word: &str| word.parse::<f64>().is_ok();
    let line = |line: &str| match line.starts_with("[thought") {
        true => line.split(' ').filter(|word| !is_time(word)).collect::<Vec<_>>().join(" "),
        false => line.to_owned(),
    };
    ran.stdout = ran.stdout.lines().map(line).collect::<Vec<_>>().join("\n");
    ran
}

#[test]
fn what_came_is_printed_while_the_input_is_open() {
    let begun = sse([START, &open(0, TEXT), &text(0, "Hel")]);
    let frame = b"event: x\ndata: a\n\n".to_vec();
    for (args, input, expected) in [
        // A piece of text has no line end, and must not wait for one.
        (&["decode"][..], &begun, "Hel"),
        (&["decode", "--chunk", "1"], &begun, "Hel"),
        (&["decode", "--json"], &begun, "\"text\":\"Hel\"}\n"),
        (&["sse"], &frame, "\"id\":\"\"}\n"),
        (&["sse"], &b"retry: 5\n".to_vec(), "{\"retry\":5}\n"),
    ] {
        let mut running = Running(start(args));
        let mut stdin = running.0.stdin.take().unwrap();
        let mut stdout = running.0.stdout.take().unwrap();
        let (send, pieces) = mpsc::channel();
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(len @ 1..) = stdout.read(&mut buffer) {
                if send.send(buffer[..len].to_vec()).is_err() {
                    break;
                }
            }
        });
        stdin.write_all(input).unwrap();
        stdin.flush().unwrap();
        let mut found = Vec::new();
        while !found.ends_with(expected.as_bytes()) {
            let piece = pieces.recv_timeout(Duration::from_secs(20));
            found.extend(
                piece.unwrap_or_else(|_| panic!("{args:?} keeps {expected:?}, gave {found:?}")),
            );
        }
        drop(stdin);
        drop(running);
        reader.join().unwrap();
    }
}

#[test]
fn the_first_frame_is_a_line_before_the_second_comes() {
    let mut running = Running(start(&["decode", "--json"]));
    let mut stdin = running.0.stdin.take().unwrap();
    let stdout = BufReader::new(running.0.stdout.take().unwrap());
    let (send, lines) = mpsc::channel();
    let reader = thread::spawn(move || {
        for line in stdout.lines() {
            let _ = send.send(line.unwrap());
        }
    });
    for (event, expected) in [(START, "start"), (PING, "ping"), (STOP, "complete")] {
        stdin.write_all(&sse([event])).unwrap();
        let line =
            lines.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|_| panic!("no {expected}"));
        assert_eq!(types(&events(&format!("{line}\n"))), [expected]);
    }
    drop(stdin);
    drop(running);
    reader.join().unwrap();
}

#[test]
fn the_demo_plays_a_whole_reply() {
    let ran = run(&["demo", "--json", "--speed", "1000"], b"");
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
    let events = events(&ran.stdout);
    let mut order = types(&events);
    order.retain(|kind| *kind != "ping");
    order.dedup();
    assert_eq!(
        order,
        [
            "start",
            "thinking",
            "signature",
            "block",
            "token",
            "block",
            "tool_start",
            "tool_input",
            "tool_call",
            "block",
            "usage",
            "complete",
        ]
    );

    // The pieces are those of the blocks, and the blocks are those of the message.
    let joined = |kind: &str, field: &str| -> String {
        let pieces = events.iter().filter(|event| event["type"] == kind);
        pieces.map(|event| event[field].as_str().unwrap()).collect()
    };
    let done = events.last().unwrap();
    let content = &done["message"]["content"];
    assert_eq!(content[0]["thinking"], joined("thinking", "text"));
    assert_eq!(content[0]["signature"], joined("signature", "signature"));
    assert_eq!(content[1]["text"], joined("token", "text"));
    let input: Value = serde_json::from_str(&joined("tool_input", "partial_json")).unwrap();
    assert_eq!(content[2]["input"], input);
    assert_eq!(done["stop_reason"], "tool_use");
    let blocks = events.iter().filter(|event| event["type"] == "block");
    assert!(blocks.map(|event| &event["block"]).eq(content.as_array().unwrap()));

    let shown = run(&["demo", "--speed", "1000"], b"");
    assert_eq!((shown.code, &*shown.stderr), (Some(0), ""));
    assert!(shown.stdout.contains(&joined("token", "text")), "{}", shown.stdout);
    assert_eq!(row(&shown.stdout, "stop reason"), Some("tool_use"));
    assert!(!shown.stdout.contains(&joined("thinking", "text")));
    let shown = run(&["demo", "--speed", "1000", "--show-thinking"], b"");
    assert!(shown.stdout.contains(&joined("thinking", "text")), "{}", shown.stdout);
}

#[test]
fn the_demo_is_what_a_server_sends() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin/thinkstream/demo.sse");
    let stream = std::fs::read_to_string(&path).unwrap();
    assert!(!stream.contains('\r') && stream.ends_with("\n\n"));
    let mut padded = 0;
    for frame in stream.split_terminator("\n\n") {
        let (name, data) = frame.split_once('\n').unwrap();
        let data = data.strip_prefix("data: ").unwrap();
        let event: Value = serde_json::from_str(data).unwrap();
        assert_eq!(name.strip_prefix("event: "), event["type"].as_str(), "{frame}");
        padded += usize::from(data.ends_with(" }"));
    }
    // The provider pads its events, so that their length says nothing of what is in them.
    assert!(padded > 20, "only {padded} are padded");

    let args = ["decode", "--json", "--strict", "--request-id", "req_demo", path.to_str().unwrap()];
    assert_eq!(run(&args, b""), run(&["demo", "--json", "--speed", "1000"], b""));
}

/// Cases of the standard, from the file that the environment names.
#[test]
fn conformance() {
    let Some(cases) = std::env::var_os("THINKSTREAM_CONFORMANCE") else {
        eprintln!("skipped: THINKSTREAM_CONFORMANCE names no folder");
        return;
    };
    let cases = std::fs::read(Path::new(&cases).join("sse-cases.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_slice(&cases).unwrap();
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let ran = run(&["sse"], &base64(case["input_base64"].as_str().unwrap()));
        assert_eq!(ran.code, Some(0), "{name}");
        let lines = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
        let (retries, frames): (Vec<Value>, Vec<Value>) =
            lines.partition(|line: &Value| line.get("retry").is_some());
        let found = frames.iter().map(|frame| [&frame["event"], &frame["data"], &frame["id"]]);
        let expected = case["expected"].as_array().unwrap();
        let expected =
            expected.iter().map(|frame| [&frame["event"], &frame["data"], &frame["last_event_id"]]);
        assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "{name}");
        let retry = retries.last().map(|line| line["retry"].as_u64().unwrap());
        // An integer too large for 64 bits is one that may saturate.
        let expected = &case["expected_retry"];
        let expected = if expected.is_f64() { Some(u64::MAX) } else { expected.as_u64() };
        assert_eq!(retry, expected, "{name}");
    }
    assert!(cases.len() > 100, "only {} cases", cases.len());
}

/// What is spoken is told by the first events, and may be said.
#[test]
fn decode_reads_every_protocol() {
    let chat = concat!(
        ": waiting\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\n",
        "data: [DONE]\n\n",
    );
    let response = concat!(
        "data: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\"}}\n\n",
        "data: {\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"type\":\"message\"}}\n\n",
        "data: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"Hi\"}\n\n",
        "data: {\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{\"type\":\"message\",\"content\":[]}}\n\n",
        "data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"}}\n\n",
    );
    for (stream, protocol) in [(chat, "chat"), (response, "responses")] {
        for args in [&["decode", "--json"][..], &["decode", "--json", "--protocol", protocol]] {
            for chunk in ["1", "7", "4096"] {
                let args = [args, &["--chunk", chunk]].concat();
                let ran = run(&args, stream.as_bytes());
                assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
                let events = events(&ran.stdout);
                let last = events.last().unwrap();
                assert_eq!(last["stop_reason"], "end_turn", "{args:?}");
                assert!(events.iter().any(|event| event["text"] == "Hi"), "{args:?}");
            }
        }
    }
}

#[test]
fn decode_says_what_speaks_no_protocol() {
    let stream = b"data: {\"candidates\":[\"\x1b[31m\"]}\n\n";
    let ran = run(&["decode"], stream);
    assert_eq!((ran.code, &*ran.stdout), (Some(1), ""));
    assert!(ran.stderr.contains("the body has no event but"), "{}", ran.stderr);
    assert!(!ran.stderr.contains('\x1b'), "{}", ran.stderr);
    let ran = run(&["decode", "--json"], stream);
    assert_eq!(ran.code, Some(1));
    assert_eq!(events(&ran.stdout)[0]["kind"], "no_events");
}

#[test]
fn decode_shows_every_choice() {
    let chunk = |index: u32, text: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":{index},\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":\"stop\"}}]}}\n\n"
        )
    };
    let stream =
        format!("{}{}{}data: [DONE]\n\n", chunk(0, "Hi "), chunk(1, "Yo"), chunk(0, "you"));
    let ran = run(&["decode"], stream.as_bytes());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.starts_with("Hi you\n[choice 1]\nYo\n"), "{}", ran.stdout);
}
