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

/// What is as deep as JSON may be is deeper still inside an event.
#[test]
fn what_is_deep_comes_back() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(127), "]".repeat(127));
    let stream = sse([
        START.to_owned(),
        open(0, TOOL),
        json(0, &deep),
        shut(0),
        open(1, &format!(r#"{{"type":"novel","x":{}{}}}"#, "[".repeat(125), "]".repeat(125))),
        shut(1),
        end("tool_use"),
        STOP.to_owned(),
    ]);
    let log = decode(anthropic(), [&stream[..]]);
    all_come_back(&log);
    let message = message(&log);
    let Content::ToolUse(tool) = &message.content[0].content else { panic!() };
    assert_eq!(tool.input.as_deref().unwrap(), deep);
    let mut message = message.clone();
    for block in &mut message.content {
        let block = std::sync::Arc::make_mut(block);
        (block.replayable, block.complete) = (false, false);
        comes_back(block);
    }
    comes_back(&message);
}

/// Errors of every kind that a decoder and its adapters have.
#[test]
fn errors_come_back() {
    let small = || anthropic().limits(Limits { event_bytes: 5, ..Limits::default() });
    let strict = || anthropic().strict(true);
    let kinds: [(&dyn Fn() -> Decoder, &str, &str); 6] = [
        (
            &anthropic,
            "data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"M\\u00fc\\n\"},\"request_id\":\"req_2\"}\n\n",
            "server",
        ),
        (&anthropic, "", "empty_stream"),
        (&anthropic, "<html>busy</html>\n\n", "no_events"),
        (&anthropic, "data: {\"type\":\"message_start\"}\n\n", "malformed"),
        (&strict, "data: {\"type\":\"message_start\",\"message\":{}}\n\n", "protocol"),
        (&small, "data: {\"type\":\"ping\"}\n\n", "limit"),
    ];
    for (decoder, stream, kind) in kinds {
        let headers = [("request-id", "req_1"), ("retry-after", "1.5")];
        for decoder in [decoder(), decoder().headers(Headers::from_pairs(headers))] {
            let (_, error) = decode(decoder, [stream.as_bytes()]);
            let error = error.unwrap();
            assert_eq!(error.kind().name(), kind);
            error_comes_back(&error);
        }
    }
    let broken = std::io::Error::other("a pipe\nbroke");
    let text = error_comes_back(&Error::from(broken));
    let recorded: Error = serde_json::from_str(&text).unwrap();
    assert!(matches!(recorded.kind(), ErrorKind::Recorded { .. }));
    assert_eq!(recorded.kind().to_string(), "the transport failed: a pipe\\nbroke");
}

#[test]
fn refusals_come_back() {
    let bodies = [
        (503, "text/html", "<html>busy</html>"),
        (
            429,
            "application/json",
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"Slow down"}}"#,
        ),
        (
            200,
            "application/json",
            r#"{"error":{"code":"insufficient_quota","message":"m","param":"p"},"request_id":"req_2"}"#,
        ),
    ];
    for (status, kind, body) in bodies {
        let mut head = http::Response::builder().status(status).header("content-type", kind);
        for (name, value) in
            [("request-id", "req_1"), ("retry-after-ms", "12.5"), ("x-ratelimit-x", "3")]
        {
            head = head.header(name, value);
        }
        let head = head.body(()).unwrap();
        let refused =
            Decoder::for_response(Protocol::Anthropic, head.status(), head.headers()).unwrap_err();
        comes_back(&refused);
        error_comes_back(&refused.into_error(body.as_bytes()));
    }
}

/// A block of a message that is no stream, and the one that it is: whether it can go back, and its JSON.
#[test]
fn blocks_of_an_api_are_read() {
    for (text, replayable, written) in [
        (r#"{"type":"text","text":"a","citations":null}"#, true, r#"{"type":"text","text":"a"}"#),
        (
            r#"{ "type": "thinking", "thinking": "a", "signature": "S" }"#,
            true,
            r#"{"type":"thinking","thinking":"a","signature":"S"}"#,
        ),
        (
            r#"{"type":"thinking","thinking":"a","signature":""}"#,
            false,
            r#"{"type":"thinking","thinking":"a","replayable":false}"#,
        ),
        (
            r#"{"type":"redacted_thinking","data":""}"#,
            false,
            r#"{"type":"redacted_thinking","data":"","replayable":false}"#,
        ),
        (
            r#"{"input":{"b":1, "a":2},"type":"tool_use","name":"n","id":"t"}"#,
            true,
            r#"{"type":"tool_use","id":"t","name":"n","input":{"b":1, "a":2}}"#,
        ),
        (
            r#"{"type":"tool_use","id":"t","name":"n","input":[1]}"#,
            false,
            r#"{"type":"tool_use","id":"t","name":"n","partial_json":"[1]","replayable":false}"#,
        ),
        (
            r#"{"type":"tool_use","id":"t","name":"n"}"#,
            true,
            r#"{"type":"tool_use","id":"t","name":"n","input":{}}"#,
        ),
        (r#"{"type":"text","text":"\ud83d"}"#, true, "{\"type\":\"text\",\"text\":\"\u{fffd}\"}"),
        (r#"{ "type":"novel" , "x":[ ] }"#, true, r#"{ "type":"novel" , "x":[ ] }"#),
    ] {
        let block: Block = serde_json::from_str(text).unwrap();
        assert_eq!(
            (block.index, block.complete, block.replayable),
            (0, true, replayable),
            "{text}"
        );
        assert_eq!(comes_back(&block), written);
    }
    let message: Message = serde_json::from_str(
        r#"{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}"#,
    )
    .unwrap();
    assert_eq!(message.content.iter().map(|block| block.index).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn what_is_not_known_is_an_error_of_the_reader() {
    let event = |text: &str| serde_json::from_str::<Event>(text).unwrap_err().to_string();
    for (text, error) in [
        (r#"{"type":"later"}"#, "an event of the unknown type `later`"),
        (
            r#"{"type":"error","kind":"server"}"#,
            "an error, which is no event: to be read as `Error`",
        ),
        (r#"{"index":0}"#, "missing field `type` at line 1 column 11"),
        (r#"{"type":"token","index":0}"#, "missing field `text` at line 1 column 26"),
    ] {
        assert_eq!(event(text), error);
    }
    let error = serde_json::from_str::<Error>(r#"{"type":"token","kind":"a","message":"b"}"#);
    assert_eq!(error.unwrap_err().to_string(), "no error but of type `token`");
    for block in ["[]", "{}", r#"{"type":"redacted_thinking"}"#, r#"{"type":"tool_use","id":"t"}"#]
    {
        assert!(serde_json::from_str::<Block>(block).is_err(), "{block}");
    }
}

/// Every refusal of the knob that the tables make.
#[test]
fn refused_requests_come_back() {
    use thinkstream::models::Model;
    use thinkstream::request::{ApiVersion, Display, RequestParams, Thinking, ToolChoice};
    let knobs = [
        "off",
        "on",
        "high",
        "max",
        "adaptive",
        "500",
        "90000",
        "between_tools",
        r#"{"type":"enabled"}"#,
        r#"{"a":1}"#,
    ];
    let change: [fn(&mut RequestParams); 10] = [
        |_| {},
        |params| params.api = Some(Provider::OpenAiChat),
        |params| params.api = Some(Provider::Anthropic),
        |params| params.max_tokens = Some(1),
        |params| params.max_tokens = Some(10_000_000),
        |params| params.temperature = Some(0.30000000000000004),
        |params| (params.version, params.top_k) = (ApiVersion::V2026_10_21, Some(3)),
        |params| params.tool_choice = ToolChoice::Any,
        |params| params.others = vec!["max_tokens".into(), "logprobs".into()],
        |params| (params.display, params.prefill) = (Some(Display::Omitted), true),
    ];
    let mut rules = std::collections::BTreeSet::new();
    for model in Model::all() {
        comes_back(&model);
        for (knob, change) in
            knobs.iter().flat_map(|knob| change.iter().map(move |change| (knob, change)))
        {
            let thinking: Thinking = knob.parse().unwrap();
            comes_back(&thinking);
            let mut params = RequestParams::default();
            change(&mut params);
            comes_back(&params);
            if let Err(error) = thinking.resolve(&model.family, &params) {
                comes_back(&error);
                rules.insert(error.rule());
                if let Some(fix) = error.fix() {
                    comes_back(&fix);
                }
            }
        }
    }
    assert!(rules.len() > 12, "{rules:?}");
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

/// Types that are no data, or are written in a form that is not theirs alone.
const EXEMPT: &[(&str, &str)] = &[
    ("BodyStream", "a machine"),
    ("ByteString", "of another crate"),
    ("CollectComplete", "a machine"),
    ("CollectMessage", "a machine"),
    ("Decoder", "a machine"),
    ("Detector", "a machine"),
    ("Ending", "holds an error: checked with outcomes"),
    ("Error", "read as one that is recorded: checked with every stream"),
    ("ErrorKind", "a part of an error, which is recorded by its name and its message"),
    ("EventCodec", "a machine"),
    ("EventLine", "an event or an error: checked with outcomes"),
    ("EventReader", "a machine"),
    ("EventStream", "a machine"),
    ("EventStreamExt", "a trait"),
    ("InputField", "borrows from the input that it is a field of"),
    ("InspectEvents", "a machine"),
    ("Outcome", "holds an error: checked with outcomes"),
    ("PartialInput", "a machine"),
    ("InputPath", "borrows from the input that it is of"),
    ("InputSegment", "borrows from the input that it is of"),
    ("Stopwatch", "a machine"),
    ("Tap", "a machine"),
    ("TextStream", "a machine"),
    ("ToolCalls", "a machine"),
    ("telemetry::Traced", "a machine"),
    ("history::AuditSink", "a trait"),
    ("history::JsonLines", "a machine"),
    ("history::Rendered", "written as the messages that go into a request; its parts are data"),
    ("request::Effort", "the same as `models::Effort`"),
    (
        "request::ThinkingRequest",
        "written as the fields that go into a request; its parts are data",
    ),
];

/// Checks texts that are written by a type, and says which type it is.
macro_rules! line {
    ($type:path: $($text:expr),+) => {{
        $(reads::<$type>(stringify!($type), $text);)+
        stringify!($type).trim_start_matches("thinkstream::").replace(' ', "")
    }};
}

/// A text is read, and what is read is written as it was and read again.
fn reads<T>(name: &str, text: &str)
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let value: T =
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}, {text}: {error}"));
    assert_eq!(comes_back(&value), text, "{name}");
}

const USAGE: &str = r#"{"input_tokens":9,"cache_creation":{"ephemeral_5m_input_tokens":1},"service_tier":"standard","iterations":[{"n": 9007199254740993}],"later":1.0}"#;
const MESSAGE: &str = r#"{"id":"msg_1","provider":"anthropic","model":"m","role":"assistant","content":[{"type":"thinking","thinking":"","signature":"EqQB","about":{"estimated_tokens":300}},{"type":"text","text":"a","about":{"index":7}},{"type":"tool_use","id":"t","name":"n","input":{"a": 1.0}},{"type":"tool_use","id":"u","name":"n","partial_json":"{\"a","replayable":false,"about":{"complete":false,"reason":"cut"}}],"stop_reason":"later_reason","stop_sequence":null,"stop_details":{"type":"refusal"},"usage":{"output_tokens":7},"other":{"container":{"id": 1}},"choice":2,"complete":true}"#;
const MODEL: &str = r#"{"family":"f","maker":"openai","adaptive":true,"enabled":false,"between_tools":false,"disabled":true,"disabled_up_to":"high","thinks_unasked":false,"efforts":["low","xhigh"],"default_effort":"low","omits_thinking":false,"forced_tools":"with_adaptive","sampling":"without_reasoning","chat_tools_need_no_reasoning":false,"prefill":false,"interleaves":false,"interleaves_with_header":false,"keeps_thinking":true,"bound_to_prefix":false,"bound_to_account":false,"drops_foreign_thinking":true,"min_budget_tokens":0,"max_output_tokens":128000,"min_cacheable_tokens":null,"refused_params":["top_k"],"source":"a page"}"#;
const FINDING: &str = r#"{"kind":"orphan_tool_use","path":"$.messages[1].content[0]","message":1,"block":0,"id":"t"}"#;

/// The types at the top of the crate.
fn top() -> Vec<String> {
    let start = format!(r#"{{"id":"msg_1","model":null,"usage":{USAGE}}}"#);
    let complete = format!(
        r#"{{"stop_reason":"later_reason","stop_sequence":null,"stop_details":{{"type":"refusal"}},"request_id":"req_1","tools_safe_to_run":false,"usage":{{"output_tokens":7}},"message":{MESSAGE},"choices":[{MESSAGE}]}}"#
    );
    let partial = format!(
        r#"{{"message":{MESSAGE},"choices":[{MESSAGE}],"output_started":true,"tool_call_emitted":false}}"#
    );
    let usage = format!(r#"{{"usage":{USAGE}}}"#);
    vec![
        line!(Block: r#"{"type":"text","text":"a","citations":[{"type":"x","n":1.0}],"later":[1, 2]}"#,
            r#"{"type":"redacted_thinking","data":"D","about":{"index":3}}"#,
            r#"{"type":"novel", "x": 1.0,"about":{"other":[]}}"#,
            r#"{"type":"novel","x":1,"about":{"whole":true}}"#,
            r#"{"type":"custom_tool_call","id":"t","name":"n","input":"a","raw":{"id": 1},"about":{"item":"custom_tool_call"}}"#,
            r#"{"type":"tool_use","id":"t","name":"n","partial_json":"{","raw":{"type": "shell_call"}}"#),
        line!(BlockEvent: r#"{"index":4,"block":{"type":"text","text":"a","refusal":true}}"#,
            r#"{"index":4,"block":{"type":"text","text":"a","about":{"index":5,"damaged":true}}}"#),
        line!(CacheCreation: r#"{"ephemeral_5m_input_tokens":1}"#, "{}"),
        line!(Choice: r#"{"choice":1}"#),
        line!(Citation: r#"{"type":"x", "n":1.0}"#, "null"),
        line!(CitationEvent: r#"{"index":0,"citation":{"type":"x", "n":1.0}}"#),
        line!(CitationLocation: r#"{"type":"char_location","document_index":0,"document_title":null,"start_char_index":1,"end_char_index":2}"#,
            r#"{"type":"page_location","document_index":0,"document_title":"t","start_page_number":1,"end_page_number":2}"#,
            r#"{"type":"content_block_location","document_index":0,"document_title":"t","start_block_index":1,"end_block_index":2}"#,
            r#"{"type":"web_search_result_location","url":"u","title":null,"encrypted_index":"e"}"#,
            r#"{"type":"search_result_location","source":"s","title":"t","search_result_index":1,"start_block_index":2,"end_block_index":3}"#,
            r#"{"type":"unknown"}"#),
        line!(Complete: &complete),
        line!(Container: r#"{"id":"c","expires_at":"2026-11-21T10:00:00Z"}"#),
        line!(Content: r#"{"text":{"text":"a"}}"#, r#"{"thinking":{"thinking":"t","signature":"S","estimated_tokens":5,"field":"reasoning"}}"#,
            r#"{"redacted_thinking":{"data":"D"}}"#, r#"{"other":{"kind":"novel","raw":{"type": "novel"}}}"#,
            r#"{"tool_use":{"kind":"client","id":"t","name":"n","input":{"json":{"a": 1}}}}"#),
        line!(Event: &format!(r#"{{"type":"start",{}"#, &start[1..]),
            r#"{"type":"ping"}"#, r#"{"type":"token","index":4294967295,"text":"é\n"}"#),
        line!(Flaw: r#""unfinished""#, r#"{"expected":"a value"}"#, r#"{"missing":"index"}"#),
        line!(Headers: r#"{"request_id":"r","retry_after":{"secs":1,"nanos":500000000},"kept":[["x-should-retry","true"]]}"#),
        line!(InputTransformation: r#"{"type":"thinking_dropped","path":"messages.3.content.0","reason":null}"#),
        line!(InvalidInput: r#"{"raw":"{","reason":{"json":{"at":1,"flaw":"unfinished"}}}"#),
        line!(InvalidReason: r#""cut""#, r#""not_an_object""#, r#"{"json":{"at":0,"flaw":"utf8"}}"#),
        line!(Iteration: r#"{"type":"message","model":"m","input_tokens":1,"output_tokens":null,"cache_read_input_tokens":null,"cache_creation_input_tokens":null,"cache_creation":{}}"#),
        line!(Json: r#"{"id": 9007199254740993, "a":[ ], "b":"\ud83d"}"#, "null", "1.0"),
        line!(JsonError: r#"{"at":7,"flaw":{"expected":"`,` or `}`"}}"#),
        line!(LimitKind: r#""event_bytes""#, r#""message_bytes""#, r#""tool_input_bytes""#, r#""blocks""#),
        line!(Limits: r#"{"event_bytes":1,"message_bytes":2,"tool_input_bytes":3,"blocks":4}"#),
        line!(Message: MESSAGE),
        line!(OtherContent: r#"{"kind":"novel","raw":{"type": "novel"}}"#),
        line!(Partial: &partial),
        line!(Progress: r#"{"index":null,"name":"response.web_search_call.searching","data":"{}"}"#),
        line!(Protocol: r#""anthropic""#, r#""anthropic_on_bedrock""#, r#""openai_responses""#, r#""openai_chat""#),
        line!(Provider: r#""anthropic""#, r#""openai_responses""#, r#""openai_chat""#),
        line!(RedactedData: r#"{"index":0,"data":"D"}"#),
        line!(RedactedThinking: r#"{"data":"D"}"#),
        line!(Refused: r#"{"protocol":"openai_chat","status":503,"headers":{"request_id":null,"retry_after":null,"kept":[]}}"#),
        line!(Rule: r#""event_name""#, r#""cut_event""#),
        line!(ServerError: r#"{"type":"overloaded_error","code":"c","message":"m","param":"p","details":{"error_code": 1},"request_id":"r","status":529}"#,
            r#"{"type":"","message":"","details":null}"#),
        line!(ServerErrorType: r#""api_error""#, r#""RESOURCE_EXHAUSTED""#, r#""""#),
        line!(ServerToolRequests: r#"{"web_search_requests":2,"web_fetch_requests":null}"#),
        line!(Signature: r#"{"index":0,"signature":"EqQB"}"#),
        line!(Start: &start),
        line!(StopDetails: r#"{"type":"refusal","category":"bio","explanation":null,"recommended_model":null,"fallback_credit_token":"t"}"#),
        line!(StopReason: r#""end_turn""#, r#""later_reason""#),
        line!(Text: r#""Grüße, \u0000 and more than thirty-two bytes""#, r#""""#),
        line!(TextContent: r#"{"text":"a","citations":[{"type":"x", "n":1}],"refusal":true}"#),
        line!(Thinking: r#"{"index":0,"text":"t"}"#, r#"{"index":0,"estimated_tokens":50,"text":""}"#),
        line!(ThinkingContent: r#"{"thinking":"t","signature":"S","estimated_tokens":5,"field":"reasoning"}"#),
        line!(Timeouts: r#"{"idle":{"secs":60,"nanos":0},"progress":null,"total":{"secs":0,"nanos":1}}"#),
        line!(Timer: r#""idle""#, r#""progress""#, r#""total""#),
        line!(Token: r#"{"index":0,"text":"a"}"#, r#"{"index":0,"refusal":true,"text":"a"}"#),
        line!(ToolCall: r#"{"index":0,"id":"t","name":"n","kind":"client","input":{"a": 1.0}}"#,
            r#"{"index":0,"id":"t","name":"n","kind":"custom","item":"i","input":{"a": 1.0},"about":{"input":" {\"a\": 1.0}\n"}}"#,
            r#"{"index":0,"id":"t","name":"n","kind":"mcp","raw":"{","reason":"the text ends inside a value at byte 1"}"#,
            r#"{"index":0,"id":"t","name":"n","kind":"server","raw":"{}","reason":"the block was cut"}"#),
        line!(ToolInput: r#"{"index":0,"partial_json":"{\""}"#),
        line!(ToolKind: r#""client""#, r#""server""#, r#""mcp""#, r#""custom""#),
        line!(ToolStart: r#"{"index":0,"id":"t","name":"n","kind":"mcp"}"#),
        line!(ToolUse: r#"{"kind":"mcp","id":"t","name":"n","input":{"json":{"a": 1}},"server_name":"s","caller":{"type":"direct"},"toolset_name":"ts","item":"i"}"#,
            r#"{"kind":"client","id":"t","name":"n","input":{"spaced":" {}"}}"#, r#"{"kind":"client","id":"t","name":"n","input":{"cut":"{}"}}"#,
            r#"{"kind":"client","id":"t","name":"n","input":{"invalid":"1"}}"#,
            r#"{"kind":"client","id":"t","name":"n","input":{"wrong":{"raw":"1","reason":{"json":{"at":0,"flaw":"escape"}}}}}"#),
        line!(Unknown: r#"{"name":"new_event","data":"not JSON"}"#),
        line!(Usage: USAGE, r#"{"about":{"other":[["thinking_tokens","x"],["about",{}]],"iterations":null}}"#),
        line!(Stalls: r#"{"count":1,"total_ms":2.0,"longest_ms":2.0,"longest_at_ms":0.0}"#),
        line!(Timing: TIMING),
        line!(RateLimit: r#"{"name":"tokens","limit":5,"remaining":null,"reset":{"after_ms":1000.0}}"#),
        line!(RateLimitReset: r#"{"after_ms":0.5}"#, r#"{"at_unix_ms":1795255230250.0}"#),
        line!(UsageEvent: &usage),
        line!(Warning: r#"{"rule":"closed_block","index":3,"offset":18446744073709551615,"dropped":{"type": "x"}}"#, r#"{"rule":"bad_count","offset":0,"dropped":null}"#),
    ]
}

const TIMING: &str = r#"{"first_byte_ms":0.001,"first_thinking_ms":null,"first_text_ms":1.5,"first_tool_ms":null,"first_output_ms":1.5,"last_output_ms":86400000.25,"total_ms":null,"output_chunks":7,"chunks":3,"bytes":99,"stalls":{"count":1,"total_ms":2.0,"longest_ms":2.0,"longest_at_ms":0.0}}"#;

/// What a tap tells, with an error and without.
#[test]
fn outcomes_come_back() {
    for ending in [r#""complete""#, r#""dropped""#] {
        let text = format!(
            r#"{{"ending":{ending},"message":{{"content":[]}},"choices":[],"tool_calls":1,"protocol":"anthropic","request_id":"r","headers":{{"request_id":null,"retry_after":null,"kept":[]}},"timing":{TIMING}}}"#
        );
        let outcome: Outcome = serde_json::from_str(&text).unwrap();
        let written = serde_json::to_string(&outcome).unwrap();
        let again: Outcome = serde_json::from_str(&written).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), written);
        assert!(outcome.error().is_none());
    }
    // What was received in several lines is written in one.
    let body = "data: {\"type\":\"message_start\",\"message\":{}}\n\ndata: {\"type\":\"content_block_start\",\"index\":0,\n\
                data: \"content_block\":{\"type\":\"new\",\ndata: \"x\":\"a\\nb\"}}\n\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n";
    let (events, error) = decode(anthropic(), [body.as_bytes()]);
    let results = events.into_iter().map(Ok).chain(error.map(Err));
    let lines: Vec<_> = results.map(EventLine::from).collect();
    let written: Vec<_> = lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
    assert!(written.iter().all(|line| !line.contains('\n')), "{written:?}");
    let block = written.iter().find(|line| line.contains(r#""x":"a\nb""#)).unwrap();
    assert!(matches!(serde_json::from_str(block).unwrap(), EventLine::Event(Event::Block(_))));
    let error = decode(anthropic(), [&b"<html>"[..]]).1.unwrap();
    for line in [EventLine::from(Ok(Event::Ping)), EventLine::from(Err(error.clone()))] {
        let written = serde_json::to_string(&line).unwrap();
        let read: Result<Event, Error> =
            serde_json::from_str::<EventLine>(&written).unwrap().into();
        assert_eq!(read.is_ok(), matches!(line, EventLine::Event(_)));
        assert_eq!(serde_json::to_string(&EventLine::from(read)).unwrap(), written);
    }
    assert!(serde_json::from_str::<EventLine>(r#"{"type":"later"}"#).is_err());
    let written = serde_json::to_string(&Ending::Failed(error)).unwrap();
    let Ending::Failed(error) = serde_json::from_str(&written).unwrap() else { panic!() };
    assert_eq!(error.kind().name(), "no_events");
    assert_eq!(serde_json::to_string(&Ending::Failed(error)).unwrap(), written);
}

/// Arguments are an object, or they are none.
#[test]
fn calls_from_elsewhere_are_judged() {
    let read = |rest: &str| {
        let text = format!(
            r#"{{"type":"tool_call","index":0,"id":"t","name":"n","kind":"client"{rest}}}"#
        );
        serde_json::from_str::<Event>(&text).map(|event| match event {
            Event::ToolCall(call) => call.input,
            other => panic!("{other:?}"),
        })
    };
    assert!(read(r#","input":{"a": 1}"#).unwrap().is_ok());
    for rest in [r#","input":[1]"#, r#","input":null"#, r#","raw":"{\"a\"","reason":"x""#] {
        assert!(read(rest).unwrap().is_err(), "{rest}");
    }
    assert!(read("").is_err());
    // White space is all that may be told of it.
    let other = r#","input":{"rm":1},"about":{"input":" {\"ok\":1} "}"#;
    assert_eq!(&**read(other).unwrap().as_ref().unwrap(), r#"{"rm":1}"#);
}

/// An API may have a member of the same name.
#[test]
fn what_a_block_says_of_itself_stays() {
    for block in [
        r#"{"type":"later_block","about":{"topic":"x"},"k":1}"#,
        r#"{"type":"later_block","about":"x"}"#,
        r#"{"type":"later_block","about":{}}"#,
        r#"{"type":"text","text":"a","about":{"topic":"x"}}"#,
    ] {
        let text = format!(r#"{{"content":[{block}],"complete":true}}"#);
        let message: Message = serde_json::from_str(&text).unwrap();
        assert_eq!(message.content[0].to_param().as_str(), block);
        let again = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<Message>(&again).unwrap(), message, "{again}");
    }
}

/// A binary format keeps what it takes, or takes it not at all.
#[test]
fn no_binary_format_changes_what_is_kept() {
    let written = |value: &history::History| {
        let mut bytes = Vec::new();
        ciborium::into_writer(value, &mut bytes).map(|()| bytes)
    };
    let error = written(&common::talk::history(&["u a"])).unwrap_err();
    assert!(error.to_string().contains("in JSON text alone"), "{error}");
    assert!(
        written(&common::talk::history(&["u a", "a claude-opus-4-8 K1 Ct1", "r t1 4"])).is_err()
    );
    assert!(written(&history::History::new()).is_ok());
    for chunk in
        [r#"{"type":"text","text":""}"#, r#"{"type":"thinking","thinking":"","signature":"S"}"#]
    {
        let stream = sse([START, &open(0, chunk), &shut(0), &end("end_turn"), STOP]);
        for event in decode(Decoder::new(Protocol::Anthropic), [&stream[..]]).0 {
            let mut bytes = Vec::new();
            if ciborium::into_writer(&event, &mut bytes).is_ok() {
                let back: Result<Event, _> = ciborium::from_reader(&bytes[..]);
                assert!(back.is_err() || back.unwrap() == event, "{event:?}");
            }
        }
    }
}

#[test]
fn rate_limits_come_back() {
    let headers = Headers::from_pairs([
        ("x-ratelimit-reset-a", "7.6646158971s"),
        ("x-ratelimit-reset-b", "5000000000"),
        ("x-ratelimit-reset-c", "1795255230.1234567"),
    ]);
    let limits = headers.rate_limits();
    assert_eq!(limits.len(), 3);
    let text = serde_json::to_string(&limits).unwrap();
    assert_eq!(serde_json::from_str::<Vec<RateLimit>>(&text).unwrap(), limits, "{text}");
}

/// The types of the modules that know nothing of streams.
fn modules() -> Vec<String> {
    let reply = format!(
        r#"{{"message":{{"provider":"openai_chat","content":[{{"index":0,"content":{{"text":{{"text":"a"}}}},"complete":true,"replayable":true}}],"usage":{USAGE},"choice":0,"complete":true}},"provenance":{{"account":"a","at_ms":5}}}}"#
    );
    let history = format!(
        r#"{{"version":1,"entries":[{{"user":"hi"}},{{"assistant":{reply}}},{{"prefill":"a"}}],"watermark":1,"watermark_why":"w","audited":2,"rejected":["f"]}}"#
    );
    let target = format!(
        r#"{{"provider":"openai_responses","model":"m","row":{MODEL},"account":"a","issuer":null,"now_ms":5,"mode":"enabled","replay":"in_tool_loop","store":false}}"#
    );
    let change = format!(r#"{{"finding":{FINDING},"done":"it was put in"}}"#);
    let repaired = format!(
        r#"{{"messages":[{{"role": "user"}}],"changes":[{change}],"target":{target},"thinking_off":true}}"#
    );
    let record = format!(
        r#"{{"round":1,"purpose":"p","prompt_technique":null,"provider":null,"api":"openai_chat","request_model":"m","model":"m","outcome":"server","error_type":"api_error","error":"e","retry_safe":true,"request_id":null,"response_id":"r","organization_id":null,"stop_reason":null,"finish_reasons":["end_turn"],"prompt_tokens":1,"completion_tokens":null,"total_tokens":null,"reasoning_tokens":0,"cache_read_input_tokens":null,"cache_creation_input_tokens":null,"cache_creation_5m_input_tokens":null,"cache_creation_1h_input_tokens":null,"service_tier":null,"has_tool_calls":true,"tool_call_count":2,"tools_safe_to_run":false,"duration_ms":1.5,"timing":{TIMING},"metadata":{{"k":[1.0]}}}}"#
    );
    let policy = r#"{"keep":{"last_turns":3},"stale_after_ms":3600000,"switch":"by_model","compaction":"drop_before","cache":{"strategy":"append_only_tail","system_ttl":"1h","ttl":"5m"},"context_edits":{"clear_thinking":"all","clear_tool_uses":{"trigger_input_tokens":5,"keep":null,"clear_at_least":null,"exclude_tools":["t"],"clear_tool_inputs":true}}}"#;
    let params = format!(
        r#"{{"api":"anthropic","version":"2026-10-21","max_tokens":5,"temperature":0.30000000000000004,"top_p":null,"top_k":3,"tool_choice":{{"tool":"t"}},"tools":true,"prefill":false,"interleaved":false,"effort":"max","display":"omitted","prefix_mismatch":"drop_block","summary":"auto","store":false,"betas":["b"],"others":["o"],"model":{MODEL},"removed":["r"]}}"#
    );
    let line_text = r#"{"entry":1,"block":0,"kind":"thinking","message":1,"content":null,"action":{"dropped":"other_model"}}"#;
    let report =
        format!(r#"{{"lines":[{line_text}],"notes":[{{"watermark":{{"entry":1,"why":"w"}}}}]}}"#);
    vec![
        line!(history::Action: r#""kept""#, r#"{"ignored":"last"}"#, r#"{"marked":"1h"}"#),
        line!(history::AuditEntry: r#"{"entry":1,"block":2,"provider":"anthropic","model":"m","message_id":null,"account":"a","at_ms":5,"type":"thinking","thinking":"t","raw":{"type": 1.0},"complete":true,"replayable":false,"fingerprint":"f"}"#),
        line!(history::CacheMarks: r#"{"strategy":"system_and_last3","system_ttl":"1h","ttl":"5m"}"#),
        line!(history::CacheStrategy: r#""none""#, r#""before_historical_thinking""#),
        line!(history::Change: &change),
        line!(history::ClearToolUses: r#"{"trigger_input_tokens":5,"keep":null,"clear_at_least":null,"exclude_tools":["t"],"clear_tool_inputs":true}"#),
        line!(history::Compaction: r#""keep""#, r#""drop_before""#),
        line!(history::ContextEdits: r#"{"clear_thinking":{"last_turns":2},"clear_tool_uses":null}"#),
        line!(history::Difference: r#"{"part":"thinking_gap","path":"$.system","previous_byte":1,"next_byte":2,"previous":"a","next":null,"invalid_signatures":["$.messages[1]"],"bound":true,"lost":"behind"}"#),
        line!(history::Entry: r#"{"user":[{"type": "text"}]}"#, r#"{"prefill":"a"}"#, r#"{"tool_result":{"id":"t","content":"a","is_error":true}}"#),
        line!(history::Finding: FINDING),
        line!(history::FindingKind: r#""no_messages""#, r#""prefill""#),
        line!(history::History: &history),
        line!(history::Keep: r#""all""#, r#"{"last_turns":3}"#, r#""nothing""#),
        line!(history::Line: line_text),
        line!(history::Lost: r#""all""#, r#""behind""#),
        line!(history::Mode: r#""unknown""#, r#""off""#, r#""adaptive""#, r#""enabled""#),
        line!(history::Note: r#"{"system_mark":{"ttl":"5m"}}"#, r#""prefill_not_taken""#, r#"{"unanswered":{"id":"t"}}"#),
        line!(history::Part: r#""model""#, r#""parameter""#),
        line!(history::Policy: policy),
        line!(history::Provenance: r#"{"account":"a","issuer":"i","at_ms":5,"request_id":"r"}"#, "{}"),
        line!(history::Reason: r#""not_replayable""#, r#""not_encrypted""#),
        line!(history::Rejection: r#"{"kind":"invalid_signature","place":[5,0],"message":"m"}"#, r#"{"kind":"roles","place":null,"message":""}"#),
        line!(history::RejectionKind: r#""bound_to_other_conversation""#, r#""duplicate_item""#),
        line!(history::Remedy: r#""drop_block""#, r#""leave_reasoning_out""#),
        line!(history::Repaired: &repaired),
        line!(history::Reply: &reply),
        line!(history::Report: &report),
        line!(history::Resume: r#""prefill""#, r#""user""#),
        line!(history::Switch: r#""by_model""#, r#""drop""#, r#""keep""#),
        line!(history::Target: &target),
        line!(history::ToolResult: r#"{"id":"t","content":[{"type": "text"}]}"#),
        line!(history::Ttl: r#""5m""#, r#""1h""#),
        line!(models::Effort: r#""minimal""#, r#""xhigh""#),
        line!(models::ForcedTools: r#""allowed""#, r#""with_adaptive""#, r#""refused""#),
        line!(models::Maker: r#""anthropic""#, r#""openai""#),
        line!(models::Model: MODEL),
        line!(models::Replay: r#""never""#, r#""in_tool_loop""#, r#""always""#),
        line!(models::Sampling: r#""free""#, r#""fixed""#, r#""without_reasoning""#, r#""refused""#),
        line!(models::UnknownEffort: r#"{"name":"huge"}"#),
        line!(UnknownProtocol: r#"{"name":"grpc"}"#),
        line!(request::ApiVersion: r#""2023-06-01""#, r#""2026-10-21""#),
        line!(request::Display: r#""summarized""#, r#""omitted""#, r#""updates""#),
        line!(request::Fix: r#"{"thinking":null}"#, r#"{"effort":null}"#, r#"{"effort":"low"}"#, r#"{"max_tokens":5}"#, r#"{"raise_max_tokens":5}"#, r#"{"remove":"top_k"}"#, r#""tool_choice_auto""#),
        line!(request::ParseThinkingError: r#"{"value":"ultra"}"#),
        line!(request::PrefixMismatch: r#""error""#, r#""drop_block""#),
        line!(request::RequestParams: &params),
        line!(request::Summary: r#""auto""#, r#""concise""#, r#""detailed""#),
        line!(request::Thinking: "null", "true", "false", "8000", r#""high""#, r#""adaptive""#, r#""adaptive:low""#, r#""between_tools""#, r#"{"effort":"low"}"#),
        line!(request::ThinkingError: r#"{"mode_not_supported":{"mode":"a budget","model":"m","nearest":null}}"#,
            r#"{"mode_not_supported":{"mode":"enabled","model":"m"}}"#,
            r#"{"budget_not_below_max_tokens":{"budget":5,"max_tokens":5,"fix":{"thinking":8000}}}"#,
            r#"{"top_p":{"value":0.30000000000000004,"min":0.95}}"#, r#""missing_type""#,
            r#"{"param_refused":{"param":"p","model":"m","nearest":"max_tokens"}}"#),
        line!(request::ToolChoice: r#""auto""#, r#""none""#, r#""any""#, r#"{"tool":"t"}"#),
        line!(telemetry::CallRecord: &record),
        line!(telemetry::Value: "true", "5", "0.5", "1.0", r#""a""#, r#"["a","b"]"#),
    ]
}

/// The names that a file says are public types.
fn public(path: &str, module: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let mut names = Vec::new();
    for (at, _) in code.match_indices("\npub use ") {
        let used = code[at..].split(';').next().unwrap().trim_start_matches("\npub use ");
        let list = used.rsplit("::").next().unwrap();
        let list = used.split_once('{').map_or(list, |(_, list)| list.trim_end_matches('}'));
        names.extend(list.split(',').map(|name| name.trim().to_owned()));
    }
    for mark in ["\npub struct ", "\npub enum ", "\npub trait "] {
        let found = code.split(mark).skip(1);
        let name = |rest: &str| {
            rest.split(|char: char| !char.is_alphanumeric()).next().unwrap_or_default().to_owned()
        };
        names.extend(found.map(name));
    }
    let is_type = |name: &&String| name.starts_with(|char: char| char.is_ascii_uppercase());
    names.iter().filter(is_type).map(|name| format!("{module}{name}")).collect()
}

#[test]
fn every_public_type_has_its_line() {
    let mut known = [top(), modules()].concat();
    known.extend(EXEMPT.iter().map(|(name, _)| (*name).to_owned()));
    known.sort();
    let files = [
        ("src/lib.rs", ""),
        ("src/history/mod.rs", "history::"),
        ("src/models/mod.rs", "models::"),
        ("src/request/mod.rs", "request::"),
        ("src/telemetry/mod.rs", "telemetry::"),
    ];
    let mut found: Vec<_> = files.iter().flat_map(|(path, module)| public(path, module)).collect();
    found.sort();
    assert!(found.len() > 100, "{found:?}");
    assert_eq!(known, found);
}
