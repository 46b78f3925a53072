//! `thinkstream stats`: the figures of recordings, however many, and in every form.
#![cfg(feature = "cli")]

mod common;

use std::collections::BTreeMap;

use common::program::{Folder, Ran, recording, run};
use common::recordings::corpus;
use common::*;
use serde_json::{Value, json};

/// A reply in pieces that come 100 ms apart, with a stall of 1.5 s before its tool call.
fn timed() -> String {
    let usage = r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":50,"output_tokens_details":{"thinking_tokens":30}}}"#;
    let start = START.replace(
        r#""input_tokens":10,"#,
        r#""input_tokens":10,"cache_read_input_tokens":75,"cache_creation_input_tokens":15,"cache_creation":{"ephemeral_5m_input_tokens":5,"ephemeral_1h_input_tokens":10},"#,
    );
    let (think_open, thought, signed) = (open(0, THINKING), think(0, "Hm."), sign(0, "EqQB"));
    let (text_open, hi, there) = (open(1, TEXT), text(1, "Hi"), text(1, " there"));
    let (tool_open, input) = (open(2, TOOL), json(2, r#"{"sides": 6}"#));
    let (shut0, shut1, shut2) = (shut(0), shut(1), shut(2));
    let pieces: [(f64, &[&str]); 8] = [
        (100.5, &[&start, &think_open]),
        (200.0, &[&thought]),
        (300.0, &[&signed, &shut0, &text_open]),
        (400.0, &[&hi]),
        (500.0, &[&there, &shut1]),
        (600.0, &[PING]),
        (2000.0, &[&tool_open, &input]),
        (2200.25, &[&shut2, usage, STOP]),
    ];
    let pieces = pieces.map(|(at, events)| (at, String::from_utf8(sse(events)).unwrap()));
    recording(&pieces, Some(2300.0))
}

#[test]
fn every_figure_of_a_recording() {
    let folder = Folder::new();
    let file = folder.write("r.jsonl", timed());
    let ran = run(&["stats", "--json", &file], b"");
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
    let [row, summary] = &ran.lines()[..] else { panic!("{}", ran.stdout) };
    let bytes = row["bytes"].as_u64().unwrap();
    assert_eq!(
        *row,
        json!({
            "type": "recording", "name": file, "protocol": "anthropic", "model": "claude-test",
            "outcome": "complete", "stop_reason": "tool_use", "request_id": null,
            "message_id": "msg_1", "events": 14, "bytes": bytes, "chunks": 8, "blocks": 3,
            "tool_calls": 1, "warnings": 0, "input_tokens": 100, "uncached_input_tokens": 10,
            "cache_read_tokens": 75, "cache_write_tokens": 15, "cache_write_5m_tokens": 5,
            "cache_write_1h_tokens": 10, "cache_hit_percent": 75.0, "output_tokens": 50,
            "thinking_tokens": 30, "other_output_tokens": 20, "first_byte_ms": 100.5,
            "first_thinking_ms": 200.0, "first_text_ms": 400.0, "first_tool_ms": 2000.0,
            "total_ms": 2200.25, "output_chunks": 4, "tokens_per_second": 27.78, "stalls": 1,
            "stalled_ms": 1500.0, "longest_stall_ms": 1500.0, "error": null,
        })
    );
    assert_eq!((&summary["type"], &summary["complete"]), (&json!("summary"), &json!(1)));
    assert_eq!(summary["sum"]["output_tokens"], 50);
    assert_eq!(summary["p95"]["total_ms"], 2200.25);
}

#[test]
fn what_is_unknown_is_not_zero() {
    let stream = sse([START, &open(0, TEXT), &text(0, "Hi")]);
    let unknown = ["chunks", "output_tokens", "cache_read_tokens", "total_ms", "stalls"];
    let [row, _] = &run(&["stats", "--json", "-"], &stream).lines()[..] else { panic!() };
    for figure in unknown {
        assert_eq!(row[figure], Value::Null, "{figure}");
    }
    assert_eq!((&row["outcome"], &row["stop_reason"]), (&json!("incomplete"), &Value::Null));
    assert_eq!((&row["input_tokens"], &row["output_chunks"]), (&json!(10), &json!(1)));

    let csv = records(&run(&["stats", "--csv", "-"], &stream).stdout);
    for figure in unknown {
        assert_eq!(csv[0][figure], "", "{figure}");
    }
    // A column of which nothing is known is left out; beside one that has times it says so.
    let ran = run(&["stats", "-"], &stream);
    let lines: Vec<_> = ran.stdout.lines().collect();
    let [head, _, total] = lines[..] else { panic!("{}", ran.stdout) };
    assert!(!head.contains("total ms") && !head.contains("output"), "{head}");
    assert!(total.starts_with("total of 1"), "{total}");
    let folder = Folder::new();
    let ran = run(&["stats", &folder.write("r.jsonl", timed()), "-"], &stream);
    let lines: Vec<_> = ran.stdout.lines().collect();
    let [head, _, row, total, p50, p95] = lines[..] else { panic!("{}", ran.stdout) };
    let end = head.find("total ms").unwrap() + "total ms".len();
    assert_eq!((&row[end - 2..end], &p95[end - 5..end]), (" -", "2,200"), "{}", ran.stdout);
    assert!(total.starts_with("total of 2") && p50.starts_with("p50"), "{}", ran.stdout);
}

/// The records of what is written as CSV, by the names of the header.
fn records(csv: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let records = reader.deserialize().map(|record| record.unwrap());
    records.collect()
}

const HOSTILE: &str = "=a,\"b\"\u{1b}[31m\r\n\u{9b}1m\u{2028}\u{202e}\u{2066},\tx";

#[test]
fn hostile_names_are_harmless_in_every_form() {
    let folder = Folder::new();
    let model = START.replace("\"claude-test\"", &quoted(HOSTILE));
    let stream = sse([&*model, &open(0, TEXT), &shut(0), &end("\u{1b}[2J\n,\""), STOP]);
    let file = folder.write(&HOSTILE.replace('/', ""), stream);
    let harmless =
        |char: char| !char.is_control() && !matches!(char, '\u{2028}' | '\u{202e}' | '\u{2066}');
    let lines = |ran: &Ran| ran.stdout.trim_end().lines().map(str::to_owned).collect::<Vec<_>>();

    let ran = run(&["stats", &file], b"");
    assert_eq!(lines(&ran).len(), 3, "{}", ran.stdout);
    assert!(lines(&ran).iter().all(|line| line.chars().all(harmless)), "{}", ran.stdout);

    let ran = run(&["stats", "--json", &file], b"");
    assert!(lines(&ran).iter().all(|line| line.chars().all(harmless)), "{}", ran.stdout);
    let [row, _] = &ran.lines()[..] else { panic!("{}", ran.stdout) };
    assert_eq!((&row["model"], &row["name"]), (&json!(HOSTILE), &json!(file)));

    let ran = run(&["stats", "--csv", &file], b"");
    let is_harmless = |char: char| harmless(char) || matches!(char, '\r' | '\n' | '\t');
    assert!(ran.stdout.chars().all(is_harmless), "{}", ran.stdout);
    let [row] = &records(&ran.stdout)[..] else { panic!("{}", ran.stdout) };
    let model = "'=a,\"b\"␛[31m␍\n\u{fffd}1m\u{fffd}\u{fffd}\u{fffd},\tx";
    assert_eq!(row["model"], model);
    assert!(row["name"].ends_with(&model[1..]));
}

#[test]
fn what_cannot_be_read_is_a_row() {
    let folder = Folder::new();
    let good = folder.write("good.jsonl", timed());
    let damaged = folder.write("damaged.jsonl", "{\"type\":\"recording\",\"version\":1}\nx\n");
    let page = folder.write("page.sse", "<html>busy");
    let missing = folder.join("missing.sse").to_str().unwrap().to_owned();
    let files = ["stats", "--json", &missing, &damaged, &page, &good];
    let ran = run(&files, b"");
    assert_eq!(ran.code, Some(1));
    let lines = ran.lines();
    let outcomes: Vec<_> = lines.iter().map(|line| &line["outcome"]).collect();
    assert_eq!(outcomes[..4], ["unreadable", "unreadable", "no_events", "complete"]);
    assert!(lines[1]["error"].as_str().unwrap().contains("damaged.jsonl:2"));
    assert_eq!((&lines[0]["events"], &lines[0]["bytes"]), (&Value::Null, &Value::Null));
    let summary = &lines[4];
    for (key, count) in [("recordings", 4), ("complete", 1), ("failed", 1), ("unreadable", 2)] {
        assert_eq!(summary[key], count, "{key}");
    }
    let table = run(&["stats", &missing, &good], b"");
    assert_eq!(table.code, Some(1));
    assert!(table.stdout.contains("unreadable") && table.stdout.contains("total of 2"));

    let empty = Folder::new();
    for args in [&["stats"][..], &["stats", empty.path()], &["stats", "--json", "--csv", &good]] {
        assert_eq!(run(args, b"").code, Some(2), "{args:?}");
    }
}

#[test]
fn folders_are_walked_in_order() {
    let folder = Folder::new();
    std::fs::create_dir(folder.join("b")).unwrap();
    let twice = timed() + &timed();
    for (name, text) in [("c.sse", "<html>"), ("b/z.jsonl", &twice), ("a.jsonl", &timed())] {
        folder.write(name, text);
    }
    folder.write("notes.md", "no recording");
    let lines = run(&["stats", "--json", folder.path()], b"").lines();
    let names: Vec<_> = lines.iter().filter_map(|line| line["name"].as_str()).collect();
    let names: Vec<_> =
        names.iter().map(|name| name.strip_prefix(folder.path()).unwrap()).collect();
    assert_eq!(names, ["/a.jsonl", "/b/z.jsonl#1", "/b/z.jsonl#2", "/c.sse"]);
}

#[test]
fn a_thousand_files_are_the_same_by_any_number_of_threads() {
    let folder = Folder::new();
    let timed = timed();
    let reply = String::from_utf8(sse([START, &open(0, TEXT), &shut(0), &end("end_turn"), STOP]));
    let bodies = [timed.clone(), reply.unwrap(), timed[..timed.len() / 2].to_owned(), "<".into()];
    for number in 0..1000 {
        folder.write(&format!("{number:04}.sse"), &bodies[number % bodies.len()]);
    }
    for form in ["--json", "--csv"] {
        let one = run(&["stats", form, "--threads", "1", folder.path()], b"");
        let rows = one.stdout.lines().count();
        assert_eq!(rows, 1001, "{form}");
        for threads in ["2", "16"] {
            let many = run(&["stats", form, "--threads", threads, folder.path()], b"");
            assert!(many.stdout == one.stdout, "{form} by {threads} threads is another");
            assert_eq!((many.code, &*many.stderr), (Some(1), ""));
        }
        let names = one.stdout.lines().filter(|line| line.contains(".sse")).collect::<Vec<_>>();
        assert!((0..1000).all(|number| names[number].contains(&format!("{number:04}.sse"))));
    }
}

/// Streams of which the facts were told by a reader that reads other fields.
const OTHER_FACTS: &[&str] = &[
    "openai-chat/content-parts-text-mistral-magistral-small-latest-01.sse",
    "openai-chat/reasoningtokens-tool-xai-grok-4-0709-01.sse",
    "openai-chat/reasoningtokens-tool-parallel-xai-grok-4-fast-reasoning-01.sse",
    "openai-chat/reasoning-text-groq-compound-01.sse",
    "openai-chat/text-gpt-4o-02.sse",
    "openai-chat/text-azure-us3-7-sonnet-01.sse",
];

#[test]
fn tokens_are_those_of_the_corpus() {
    let Some(corpus) = corpus() else { return };
    let ran = run(&["stats", "--json", corpus.to_str().unwrap()], b"");
    let rows = ran.lines();
    let rows: BTreeMap<_, _> = rows
        .iter()
        .filter_map(|row| {
            let name = row["name"].as_str()?.strip_prefix(corpus.to_str().unwrap())?;
            Some((name.trim_start_matches('/'), row))
        })
        .collect();
    let facts = std::fs::read_to_string(corpus.join("FACTS.jsonl")).unwrap();
    let mut compared = 0;
    for facts in facts.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let file = facts["file"].as_str().unwrap();
        let row = rows.get(file).unwrap_or_else(|| panic!("{file} has no row"));
        if row["outcome"] != "complete" || OTHER_FACTS.contains(&file) {
            continue;
        }
        compared += 1;
        let figures = ["input_tokens", "output_tokens", "cache_read_tokens", "thinking_tokens"];
        assert_eq!(figures.map(|figure| row[figure].clone()), told(&facts["usage"]), "{file}");
    }
    assert!(compared > 250, "only {compared} streams are complete and have facts");
}

/// All input, output, read from the cache and thinking, as the facts have them.
fn told(usage: &Value) -> [Value; 4] {
    let at = |paths: &[&str]| paths.iter().find_map(|path| usage.pointer(path)?.as_u64());
    let read = at(&[
        "/cache_read_input_tokens",
        "/input_tokens_details/cached_tokens",
        "/prompt_tokens_details/cached_tokens",
    ]);
    let parts = [
        at(&["/input_tokens", "/prompt_tokens"]),
        at(&["/cache_read_input_tokens"]),
        at(&["/cache_creation_input_tokens"]),
    ];
    // Anthropic counts what the cache has apart.
    let input = parts.into_iter().flatten().reduce(|sum, more| sum + more);
    let thinking = at(&[
        "/output_tokens_details/thinking_tokens",
        "/output_tokens_details/reasoning_tokens",
        "/completion_tokens_details/reasoning_tokens",
    ]);
    [input, at(&["/output_tokens", "/completion_tokens"]), read, thinking].map(|count| json!(count))
}
