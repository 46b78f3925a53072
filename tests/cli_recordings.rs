//! Recording a stream while it passes, and what is made of recordings.
#![cfg(feature = "cli")]

mod common;

use std::io::{Read, Write};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use common::program::*;
use common::recordings::corpus;
use common::*;
use serde_json::Value;

/// A reply with text that is not ASCII, and with thinking.
fn reply() -> Vec<u8> {
    sse([
        START,
        &open(0, THINKING),
        &think(0, "Hm — 日本語"),
        &sign(0, "EqQB"),
        &shut(0),
        &open(1, TEXT),
        &text(1, "Hello 😀"),
        &shut(1),
        &end("end_turn"),
        STOP,
    ])
}

/// A recording of these chunks, each with its time in milliseconds.
fn recording(chunks: &[(f64, &str)], end: Option<f64>) -> String {
    let mut lines = r#"{"type":"recording","version":1,"unix_ms":1}"#.to_owned() + "\n";
    for (ms, chunk) in chunks {
        lines += &format!("{{\"type\":\"chunk\",\"ms\":{ms},\"text\":{}}}\n", quoted(chunk));
    }
    if let Some(ms) = end {
        lines += &format!("{{\"type\":\"end\",\"ms\":{ms}}}\n");
    }
    lines
}

fn lines(file: &Temporary) -> Vec<Value> {
    let text = std::fs::read_to_string(&file.0).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The same of a file that is being written, once it has so many.
fn wait_for_lines(file: &Temporary, count: usize) -> Vec<Value> {
    let asked = Instant::now();
    loop {
        let text = std::fs::read_to_string(&file.0).unwrap_or_default();
        if text.lines().count() >= count && text.ends_with('\n') {
            return lines(file);
        }
        assert!(asked.elapsed() < SOON, "{text:?}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// What a running program prints, as it comes.
fn watch(running: &mut Running) -> mpsc::Receiver<Vec<u8>> {
    let mut stdout = running.0.stdout.take().unwrap();
    let (send, pieces) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(len @ 1..) = stdout.read(&mut buffer) {
            if send.send(buffer[..len].to_vec()).is_err() {
                break;
            }
        }
    });
    pieces
}

const SOON: Duration = Duration::from_secs(20);

#[test]
fn what_is_recorded_passes_unchanged_and_can_be_played_again() {
    let every: Vec<u8> = (0..=255).collect();
    let long = [&every[..], b"\xf0\x9f\r\n\n"].concat().repeat(1000);
    for (name, stream) in [
        ("nothing", &b""[..]),
        ("a reply", &reply()),
        ("no line end", b"data: x"),
        ("half a character", b"\xe6\x97"),
        ("every byte", &every),
        ("more than a pipe holds", &long),
    ] {
        let file = Temporary::missing();
        let (ran, stdout) = run_raw(&["record", file.path()], stream);
        assert_eq!((ran.code, &*ran.stderr), (Some(0), ""), "{name}");
        assert_eq!(stdout, stream, "{name}");
        let lines = lines(&file);
        assert_eq!(lines.first().unwrap()["type"], "recording", "{name}");
        assert_eq!(lines.last().unwrap()["type"], "end", "{name}");
        let times: Vec<_> = lines[1..].iter().map(|line| line["ms"].as_f64().unwrap()).collect();
        assert!(times.is_sorted(), "{name}: {times:?}");
        for args in [&[][..], &["--chunk", "1"], &["--chunk", "7"], &["--chunk", "100000"]] {
            let args = [&["replay", file.path(), "--speed", "max"], args].concat();
            if stream.len() > 10_000 && args.contains(&"1") {
                continue;
            }
            let (ran, stdout) = run_raw(&args, b"");
            assert_eq!((ran.code, &*ran.stderr), (Some(0), ""), "{name}, {args:?}");
            assert_eq!(stdout, stream, "{name}, {args:?}");
        }
    }
}

#[test]
fn the_head_says_what_was_given() {
    let file = Temporary::missing();
    let args = ["record", file.path(), "--protocol", "chat", "--request-id", "req_1"];
    assert_eq!(run(&args, b"x").code, Some(0));
    let head = &lines(&file)[0];
    assert_eq!((&head["protocol"], &head["request_id"]), (&"chat".into(), &"req_1".into()));
    assert!(head["unix_ms"].as_u64().unwrap() > 1_700_000_000_000);
}

#[test]
fn the_first_chunk_has_passed_and_is_kept_before_the_second_comes() {
    let file = Temporary::missing();
    let mut running = Running(start(&["record", file.path()]));
    let mut stdin = running.0.stdin.take().unwrap();
    let pieces = watch(&mut running);
    for (at, chunk) in ["data: a\n\n", "data", "\u{e9}"].into_iter().enumerate() {
        stdin.write_all(chunk.as_bytes()).unwrap();
        assert_eq!(pieces.recv_timeout(SOON).unwrap(), chunk.as_bytes());
        // It passes before it is written.
        assert_eq!(wait_for_lines(&file, at + 2)[at + 1]["text"], chunk);
    }
    drop(stdin);
    assert!(running.0.wait().unwrap().success());
    assert_eq!(lines(&file).len(), 5);
}

#[test]
fn a_recorder_that_is_killed_leaves_what_it_had() {
    let file = Temporary::missing();
    let mut running = Running(start(&["record", file.path()]));
    let mut stdin = running.0.stdin.take().unwrap();
    let pieces = watch(&mut running);
    stdin.write_all(&reply()[..200]).unwrap();
    pieces.recv_timeout(SOON).unwrap();
    wait_for_lines(&file, 2);
    running.0.kill().unwrap();
    running.0.wait().unwrap();

    let (ran, stdout) = run_raw(&["replay", file.path()], b"");
    assert_eq!((ran.code, stdout), (Some(0), reply()[..200].to_vec()));
    assert!(ran.stderr.contains("has no end"), "{}", ran.stderr);
    assert_eq!(run(&["decode", "--json", file.path()], b"").code, Some(1));

    // As if it had been killed inside a line, too.
    let mut half = std::fs::OpenOptions::new().append(true).open(&file.0).unwrap();
    half.write_all(b"{\"type\":\"chu").unwrap();
    assert_eq!(run(&["record", file.path()], &reply()).code, Some(0));
    let (ran, stdout) = run_raw(&["replay", file.path(), "--number", "2"], b"");
    assert_eq!((ran.code, &*ran.stderr, stdout), (Some(0), "", reply()));
    let (ran, stdout) = run_raw(&["replay", file.path()], b"");
    assert_eq!((ran.code, stdout), (Some(0), [&reply()[..200], &reply()].concat()));
    assert_eq!(run(&["replay", file.path(), "--number", "3"], b"").code, Some(2));
}

#[test]
fn a_reader_that_has_left_does_not_end_the_recording() {
    let file = Temporary::missing();
    let mut running = Running(start(&["record", file.path()]));
    drop(running.0.stdout.take());
    let mut stdin = running.0.stdin.take().unwrap();
    for chunk in 0..3 {
        stdin.write_all(b"data: a\n\n").unwrap();
        wait_for_lines(&file, chunk + 2);
    }
    drop(stdin);
    let mut said = String::new();
    running.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(running.0.wait().unwrap().success());
    assert_eq!(said, "thinkstream: nobody reads the output any more; recording goes on\n");
    assert_eq!(lines(&file).len(), 5);
}

/// Behind the limit a write fails, as it does on a full disk.
#[test]
#[cfg(unix)]
fn a_full_disk_does_not_stop_the_stream() {
    use std::process::{Command, Stdio};
    let file = Temporary::missing();
    let script = r#"trap "" XFSZ; ulimit -f 4; exec "$0" record "$1""#;
    let child = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_thinkstream"), file.path()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stream = b"data: some words\n\n".repeat(20_000);
    let (ran, stdout) = finish(child, &stream);
    assert!(stdout == stream, "{} bytes of {}", stdout.len(), stream.len());
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    let said: Vec<_> = ran.stderr.lines().collect();
    assert!(said.len() == 2 && said[0].ends_with("the stream passes on"), "{said:?}");
    assert!(said[1].ends_with("the recording is cut"), "{said:?}");
}

/// A folder that is missing, or a folder: what is asked for cannot be, but the stream is not lost.
#[test]
fn a_file_that_cannot_be_opened_does_not_stop_the_stream() {
    let folder = Temporary::missing();
    std::fs::create_dir(&folder.0).unwrap();
    let missing = folder.0.join("missing").join("talk.jsonl");
    for path in [folder.path(), missing.to_str().unwrap()] {
        let (ran, stdout) = run_raw(&["record", path], &reply());
        assert_eq!((ran.code, stdout), (Some(2), reply()), "{path}");
        let said: Vec<_> = ran.stderr.lines().collect();
        let [first, last] = said[..] else { panic!("{said:?}") };
        assert!(first.contains(path) && first.ends_with("; the stream passes on"), "{first}");
        assert!(last.ends_with("there is no recording"), "{last}");
    }
    std::fs::remove_dir(&folder.0).unwrap();
}

#[test]
#[cfg(any(unix, windows))]
fn a_file_has_one_recorder_at_a_time() {
    let file = Temporary::missing();
    let mut running = Running(start(&["record", file.path()]));
    let mut stdin = running.0.stdin.take().unwrap();
    let _pieces = watch(&mut running);
    wait_for_lines(&file, 1);
    let ran = run(&["record", file.path()], &reply());
    assert_eq!((ran.code, &*ran.stdout), (Some(2), ""));
    assert!(ran.stderr.ends_with("another recorder is writing to it\n"), "{}", ran.stderr);
    stdin.write_all(b"data: a\n\n").unwrap();
    drop(stdin);
    assert!(running.0.wait().unwrap().success());
    assert_eq!(lines(&file).len(), 3);
    assert_eq!(run(&["record", file.path()], &reply()).code, Some(0));
    assert_eq!(run(&["decode", "--number", "2", file.path()], b"").code, Some(0));
}

#[test]
fn a_recorder_that_was_killed_inside_the_first_line_is_followed_by_another() {
    let file = Temporary::new(b"{\"type\":\"rec");
    let (ran, stdout) = run_raw(&["record", file.path()], &reply());
    assert_eq!((ran.code, &*ran.stderr, stdout), (Some(0), "", reply()));
    for args in [&["replay", file.path()][..], &["replay", file.path(), "--number", "1"]] {
        let (ran, stdout) = run_raw(args, b"");
        assert_eq!((ran.code, &*ran.stderr, stdout), (Some(0), "", reply()), "{args:?}");
    }
    assert_eq!(run(&["decode", "--chunk", "1", file.path()], b"").code, Some(0));
}

/// Recordings that are whole stay so, whatever became of another in their file.
#[test]
fn damage_costs_one_recording() {
    let whole = String::from_utf8(reply()).unwrap();
    let good = recording(&[(1.0, &whole)], Some(2.0));
    let bad = recording(&[(1.0, &whole[..200]), (2.0, &whole[200..])], Some(3.0));
    let bad = bad.replace("\"ms\":2,", "\"ms\":-2,");
    let file = Temporary::new((good.clone() + &bad + &good).as_bytes());
    let place = ":6: -2 ms is no time";
    for (number, code) in [("1", 0), ("2", 2), ("3", 0)] {
        for command in ["decode", "replay"] {
            let ran = run(&[command, "--number", number, file.path()], b"");
            assert_eq!(ran.code, Some(code), "{command} {number}");
            assert_eq!(ran.stderr.contains(place), code == 2, "{}", ran.stderr);
        }
        let page = Temporary::missing();
        let ran = run(&["report", "--number", number, file.path(), "-o", page.path()], b"");
        assert_eq!(ran.code, Some(code / 2), "{number}");
        assert_eq!(std::fs::read_to_string(&page.0).unwrap().contains(place), code == 2);
    }
    let (ran, stdout) = run_raw(&["replay", file.path(), "--speed", "max"], b"");
    assert_eq!(stdout, [&reply(), &reply()[..200], &reply()].concat());
    assert_eq!((ran.code, ran.stderr.matches(place).count()), (Some(2), 1));

    let ran = run(&["stats", "--json", file.path()], b"");
    let rows = ran.lines();
    let outcomes: Vec<_> = rows[..3].iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    assert_eq!((ran.code, outcomes), (Some(1), vec!["complete", "unreadable", "complete"]));
    assert!(rows[1]["error"].as_str().unwrap().contains(place) && rows[3]["unreadable"] == 1);

    let ran = run(&["check", file.path()], b"");
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains(place), "{}", ran.stderr);
    assert!(ran.stdout.contains("#1: conforms") && ran.stdout.contains("#3: conforms"));
    assert!(!ran.stdout.contains("#2"), "{}", ran.stdout);
}

#[test]
fn nothing_is_appended_to_what_is_no_recording() {
    let file = Temporary::new(&reply());
    let ran = run(&["record", file.path()], b"data: x\n\n");
    assert_eq!((ran.code, &*ran.stdout), (Some(2), ""));
    assert!(ran.stderr.contains(file.path()) && ran.stderr.contains("no recording"));
    assert_eq!(std::fs::read(&file.0).unwrap(), reply());
}

#[test]
fn replay_keeps_the_pace() {
    let file = Temporary::new(
        recording(&[(100.0, "a"), (100.0, "b"), (1000.0, "c")], Some(1500.0)).as_bytes(),
    );
    let mut running = Running(start(&["replay", file.path(), "--speed", "10"]));
    let began = Instant::now();
    let pieces = watch(&mut running);
    let mut found = Vec::new();
    while found != b"ab" {
        found.extend(pieces.recv_timeout(SOON).unwrap());
        assert!(b"ab".starts_with(&found), "{found:?} came together");
    }
    assert_eq!(pieces.recv_timeout(SOON).unwrap(), b"c");
    assert!(began.elapsed() >= Duration::from_millis(80), "{:?}", began.elapsed());
    // The end has its time too.
    assert!(running.0.wait().unwrap().success());
    assert!(began.elapsed() >= Duration::from_millis(130), "{:?}", began.elapsed());

    // A piece is out when its last byte had come: the first two wait for the third.
    let mut running = Running(start(&["replay", file.path(), "--speed", "10", "--chunk", "3"]));
    let pieces = watch(&mut running);
    assert_eq!(pieces.recv_timeout(SOON).unwrap(), b"abc");

    let began = Instant::now();
    let slow = Temporary::new(recording(&[(3_600_000.0, "a")], Some(7e6)).as_bytes());
    assert_eq!(run(&["replay", slow.path(), "--speed", "max"], b"").stdout, "a");
    assert!(began.elapsed() < SOON);
}

#[test]
fn a_plain_stream_is_played_at_once() {
    let file = Temporary::new(&reply());
    for args in [&["replay", file.path()][..], &["replay"], &["replay", "-", "--chunk", "3"]] {
        let (ran, stdout) = run_raw(args, &reply());
        assert_eq!((ran.code, &*ran.stderr, stdout), (Some(0), "", reply()), "{args:?}");
    }
}

/// The events of a recording are those of its stream, however either is cut.
#[test]
fn decode_reads_recordings() {
    let args = ["decode", "--json", "--request-id", "req_1"];
    let mut expected = events(&run(&args, &reply()).stdout);
    take_timing(&mut expected);
    let whole = String::from_utf8(reply()).unwrap();
    let (first, second) = whole.split_at(300);
    let text = recording(&[(20.5, first), (40.25, ""), (80.125, second)], Some(90.0))
        .replace("\"unix_ms\":1", "\"unix_ms\":1,\"request_id\":\"req_1\"");
    let file = Temporary::new(text.as_bytes());
    for args in [&[file.path()][..], &["-"], &[], &["--chunk", "1"], &["--chunk", "50"]] {
        let args = [&["decode", "--json"], args].concat();
        let ran = run(&args, text.as_bytes());
        assert_eq!((ran.code, &*ran.stderr), (Some(0), ""), "{args:?}");
        let mut found = events(&ran.stdout);
        let timing = take_timing(&mut found).unwrap();
        assert_eq!(timing["first_byte_ms"], 20.5, "{args:?}");
        assert_eq!(timing["first_text_ms"], 80.125, "{args:?}");
        assert_eq!(timing["total_ms"], 80.125, "{args:?}");
        assert_eq!(timing["bytes"], reply().len(), "{args:?}");
        assert_eq!(found, expected, "{args:?}");
    }
    let ran = run(&["decode", file.path()], b"");
    assert!(ran.stdout.contains("Hello 😀"), "{}", ran.stdout);
}

/// What the clock says of a complete reply.
fn take_timing(events: &mut [Value]) -> Option<Value> {
    events.last_mut().unwrap().as_object_mut().unwrap().remove("timing")
}

#[test]
fn decode_takes_the_recording_that_is_asked_for() {
    let chat = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let whole = String::from_utf8(reply()).unwrap();
    let both = recording(&[(1.0, &whole)], Some(2.0)) + &recording(&[(1.0, chat)], Some(2.0));
    let file = Temporary::new(both.as_bytes());
    let ran = run(&["decode", file.path()], b"");
    assert!(ran.stderr.contains("the first of 2 recordings"), "{}", ran.stderr);
    assert!(ran.stdout.contains("Hello"), "{}", ran.stdout);
    let ran = run(&["decode", file.path(), "--number", "2"], b"");
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
    assert!(ran.stdout.starts_with("Hi\n"), "{}", ran.stdout);
    for (args, input) in [
        (&["decode", file.path(), "--number", "3"][..], &b""[..]),
        (&["decode", file.path(), "--number", "0"], b""),
        (&["decode", "--number", "1"], &reply()),
        (&["replay", "--speed", "0"], b""),
        (&["record"], b""),
        (&["record", "/"], b""),
    ] {
        let ran = run(args, input);
        assert_eq!((ran.code, &*ran.stdout), (Some(2), ""), "{args:?}");
        assert!(!ran.stderr.is_empty() && !ran.stderr.contains("panicked"), "{args:?}");
    }
}

/// What was recorded of a refusal is the error that it is of the stream itself.
#[test]
fn a_recorded_refusal_is_read_as_it_was() {
    let body = r#"{"type":"error","error":{"type":"overloaded_error","message":"Busy"}}"#;
    let plain = run(&["decode", "--json"], body.as_bytes());
    let ran = run(&["decode", "--json"], recording(&[(1.0, body)], Some(1.0)).as_bytes());
    assert_eq!(ran, plain);
    assert_eq!(events(&ran.stdout)[0]["kind"], "server");
}

/// Who judges a stream is told that there is none. To a decoder it is one that was cut at its first byte.
#[test]
fn an_empty_body_is_called_empty() {
    let recorded = recording(&[], Some(1.0));
    for input in ["", &recorded] {
        for (args, expected) in [
            (&["decode"][..], "the stream ended before it had begun"),
            (&["decode", "--json"], "the stream ended before it had begun"),
            (&["check", "-"], "the body is empty"),
            (&["check", "--json", "-"], "the body is empty"),
            (&["stats", "-"], "the body is empty"),
        ] {
            let ran = run(args, input.as_bytes());
            let said = ran.stdout + &ran.stderr;
            assert_eq!(ran.code, Some(1), "{args:?}");
            assert!(said.contains(expected), "{args:?}: {said}");
        }
    }
}

#[test]
fn what_is_no_stream_of_frames_or_not_there_is_named() {
    let file = Temporary::new(recording(&[(1.0, "data: a\n\n")], Some(2.0)).as_bytes());
    let ran = run(&["sse", file.path()], b"");
    assert_eq!((ran.code, &*ran.stdout), (Some(2), ""));
    assert!(ran.stderr.contains("this is a recording"), "{}", ran.stderr);
    for command in [&["report", "-o", "-"][..], &["replay"], &["decode"]] {
        let ran = run(&[command, &["--number", "2", file.path()]].concat(), b"");
        assert_eq!(ran.code, Some(2), "{command:?}");
        assert!(ran.stderr.ends_with("has 1 recording, no number 2\n"), "{}", ran.stderr);
    }
}

#[test]
fn a_damaged_recording_says_where() {
    let text = recording(&[(1.0, "data: a\n\n")], Some(2.0)).replace("\"ms\":1", "\"ms\":-1");
    for command in ["decode", "replay"] {
        let ran = run(&[command], text.as_bytes());
        assert_eq!((ran.code, &*ran.stdout), (Some(2), ""), "{command}");
        assert!(ran.stderr.contains("-:2: -1 ms is no time"), "{}", ran.stderr);
    }
}

/// Recorded, a stream is decoded as it was, also if it is binary.
#[test]
fn streams_of_every_protocol_survive_being_recorded() {
    let Some(corpus) = corpus() else { return };
    let mut seen = 0;
    for folder in ["anthropic", "bedrock", "openai-chat", "openai-responses"] {
        let files =
            std::fs::read_dir(corpus.join(folder)).unwrap().map(|file| file.unwrap().path());
        let mut files: Vec<_> = files
            .filter(|file| file.extension().is_some_and(|it| it == "sse" || it == "eventstream"))
            .collect();
        files.sort();
        for path in files.iter().step_by(9) {
            let stream = std::fs::read(path).unwrap();
            let file = Temporary::missing();
            let (ran, stdout) = run_raw(&["record", file.path()], &stream);
            assert!(ran.code == Some(0) && stdout == stream, "{path:?}");
            let (ran, stdout) = run_raw(&["replay", file.path(), "--speed", "max"], b"");
            assert!(ran.code == Some(0) && stdout == stream, "{path:?}");
            let told = |file: &str| {
                let ran = run(&["decode", "--json", file], b"");
                let mut events = events(&ran.stdout);
                take_timing(&mut events);
                (ran.code, events)
            };
            assert_eq!(told(file.path()), told(path.to_str().unwrap()), "{path:?}");
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen} streams");
}

/// Whoever has written it may have written it for the terminal.
#[test]
fn a_terminal_has_nothing_to_obey() {
    let hostile = "{\"type\":\"\u{9b}31m\u{202e}\"}\n";
    let text = recording(&[], None) + hostile + hostile;
    for command in ["decode", "replay", "serve"] {
        let ran = run(&[command, "-"], text.as_bytes());
        assert_eq!((ran.code, &*ran.stdout), (Some(2), ""), "{command}");
        assert!(ran.stderr.contains("-:2: no line of a recording"), "{}", ran.stderr);
        assert!(!ran.stderr.contains(['\u{9b}', '\u{202e}']), "{:?}", ran.stderr);
    }
}

#[test]
fn shells_are_told_of_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = run(&["completions", shell], b"");
        assert_eq!((ran.code, &*ran.stderr), (Some(0), ""), "{shell}");
        for word in COMMANDS {
            assert!(ran.stdout.contains(word), "{shell} knows no {word}");
        }
    }
    assert_eq!(run(&["completions", "telepathy"], b"").code, Some(2));
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let ran = run(&["man"], b"");
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
    assert!(ran.stdout.contains(".TH thinkstream 1"), "{}", ran.stdout);
    let folder = Temporary::missing();
    let ran = run(&["man", "--dir", folder.path()], b"");
    assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (Some(0), "", ""));
    for command in COMMANDS {
        let page = folder.0.join(format!("thinkstream-{command}.1"));
        let page = std::fs::read_to_string(&page).unwrap_or_else(|_| panic!("{page:?}"));
        assert!(page.contains("Example"), "{command}");
    }
    assert_eq!(
        std::fs::read_to_string(folder.0.join("thinkstream.1")).unwrap(),
        run(&["man"], b"").stdout
    );
}

const COMMANDS: [&str; 8] =
    ["decode", "sse", "demo", "record", "replay", "serve", "completions", "man"];
