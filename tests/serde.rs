//! Every public type that is data is read back from its JSON as it was.

mod common;

use std::fs;
use std::path::Path;

use common::recordings::{Log, corpus, message};
use common::written::{all_come_back, comes_back, error_comes_back};
use common::*;
use proptest::prelude::*;
use thinkstream::*;

/// The folders of recorded streams, and what they speak.
const FOLDERS: [(&str, Protocol); 5] = [
    ("anthropic", Protocol::Anthropic),
    ("bedrock", Protocol::AnthropicOnBedrock),
    ("gemini", Protocol::OpenAiChat),
    ("openai-chat", Protocol::OpenAiChat),
    ("openai-responses", Protocol::OpenAiResponses),
];

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push((path.display().to_string(), fs::read(path).unwrap()));
        }
    }
    files.sort();
    files
}

/// The stream whole, its events one by one, and what is left when it is cut.
fn check(protocol: Protocol, stream: &[u8]) -> Log {
    let log = decode(Decoder::new(protocol).request_id("req_1"), [stream]);
    all_come_back(&log);
    comes_back(message(&log));
    for fifth in 1..5 {
        let (_, error) = decode(Decoder::new(protocol), [&stream[..stream.len() * fifth / 5]]);
        if let Some(error) = &error {
            error_comes_back(error);
            comes_back(error.partial());
        }
    }
    log
}

#[test]
fn recorded_streams_come_back() {
    let Some(corpus) = corpus() else { return };
    for (folder, protocol) in FOLDERS {
        let files = files(&corpus.join(folder));
        let streams = files.iter().filter(|(name, _)| !name.ends_with(".chunks"));
        let mut read = 0;
        for (name, stream) in streams {
            eprintln!("{name}");
            let (events, _) = check(protocol, stream);
            read += usize::from(!events.is_empty());
        }
        assert!(read > 40 || folder == "gemini", "{folder}: {read} streams");
    }
}

/// What fuzzing found reaches what no server sends.
#[test]
fn streams_that_fuzzing_found_come_back() {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut read = 0;
    for (name, input) in files(&found) {
        eprintln!("{name}");
        for (_, protocol) in FOLDERS {
            let (events, _) = check(protocol, &input);
            read += usize::from(!events.is_empty());
        }
    }
    assert!(read > 100, "{read} streams");
}

#[test]
fn what_is_cut_anywhere_comes_back() {
    let stream = sse([
        START.to_owned(),
        open(0, THINKING),
        think(0, "hm"),
        sign(0, "EqQB"),
        shut(0),
        open(3, r#"{"type":"text","text":"","citations":[],"later":[1, 2]}"#),
        text(3, "Grüße"),
        delta(
            3,
            r#"{"type":"citations_delta","citation":{"type":"char_location","file_id":"f", "n":1.0}}"#,
        ),
        shut(3),
        open(
            4,
            r#"{"type":"tool_use","id":"toolu_1","name":"roll","input":{},"caller":{"type":"direct"}}"#,
        ),
        json(4, "  {\"n\": "),
        json(4, "9007199254740993}\n"),
        shut(4),
        open(5, TOOL),
        json(5, "[1]"),
        shut(5),
        open(6, r#"{"type":"novel","text":"x","about":{"index":9},"replayable":false}"#),
        delta(6, r#"{"type":"novel_delta"}"#),
        shut(6),
        end("tool_use"),
        STOP.to_owned(),
    ]);
    for len in 0..=stream.len() {
        let log = decode(anthropic().request_id("req_1"), [&stream[..len]]);
        all_come_back(&log);
        comes_back(message(&log));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_message_comes_back(pieces in prop::collection::vec(piece(), 0..16)) {
        let stream = sse([START.to_owned()].into_iter().chain(pieces));
        let log = decode(anthropic(), [&stream[..]]);
        all_come_back(&log);
        comes_back(message(&log));
    }
}

/// A piece of a reply. The blocks have keys of their own that are named like those that are written
/// beside them.
fn piece() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "about",
        "raw",
        "replayable",
        "refusal",
        "index",
        "complete",
        "type",
        "text",
        "id",
        "input",
        "content",
        "caller",
        "partial_json",
        "citations",
        "signature",
        "later",
        "\\u0061bout",
    ]);
    let value = prop::sample::select(vec![
        "null",
        "true",
        "false",
        "0",
        "1.0",
        r#""x""#,
        "{}",
        "[ ]",
        r#"{"index":9}"#,
        r#"{"content":{"text":{"text":"x"}}}"#,
        r#""\ud83d""#,
        r#"{"type":"direct"}"#,
    ]);
    let space = prop::sample::select(vec!["", " ", "  "]);
    let kind = prop::sample::select(vec![
        r#""type":"text","text":"a""#,
        r#""type":"thinking","thinking":"a""#,
        r#""type":"redacted_thinking","data":"D""#,
        r#""type":"tool_use","id":"t","name":"n""#,
        r#""type":"server_tool_use","id":"t","name":"n""#,
        r#""type":"mcp_tool_use","id":"t","name":"n","server_name":"s""#,
        r#""type":"custom_tool_call","id":"t","name":"n""#,
        r#""type":"novel""#,
        r#""type":"novel","text":"a""#,
        r#""type":"compaction""#,
        r#""type":"web_search_tool_result""#,
    ]);
    let more = prop::collection::vec((key, space, value), 0..4);
    let block = (kind, more).prop_map(|(kind, more)| {
        let more =
            more.iter().map(|(key, space, value)| format!(",{space}\"{key}\":{space}{value}"));
        format!("{{{kind}{}}}", more.collect::<String>())
    });
    let delta = prop::sample::select(vec![
        r#"{"type":"text_delta","text":"a"}"#,
        r#"{"type":"thinking_delta","thinking":"t","estimated_tokens":5}"#,
        r#"{"type":"signature_delta","signature":"S"}"#,
        r#"{"type":"input_json_delta","partial_json":" {"}"#,
        r#"{"type":"input_json_delta","partial_json":"} "}"#,
        r#"{"type":"input_json_delta","partial_json":"1"}"#,
        r#"{"type":"citations_delta","citation":{"file_id":"f"}}"#,
        r#"{"type":"compaction_delta","content":"c"}"#,
        r#"{"type":"novel_delta"}"#,
    ]);
    let index = 0..3_u32;
    let usage = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","later":1},"usage":{"thinking_tokens":"x","about":{},"input_includes_cache":3,"other":1}}"#;
    prop_oneof![
        4 => (index.clone(), block).prop_map(|(index, block)| open(index, &block)),
        6 => (index.clone(), delta).prop_map(|(index, delta)| common::delta(index, delta)),
        3 => index.prop_map(shut),
        1 => Just(usage.to_owned()),
        1 => Just(STOP.to_owned()),
    ]
}
