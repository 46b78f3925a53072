//! What is said of a call to those who watch.

mod common;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use common::*;
use futures_util::{FutureExt, StreamExt, stream};
use serde_json::{Value as Json, json};
use thinkstream::telemetry::{self, CallRecord, Traced, Value};
use thinkstream::{
    Complete, Decoder, Ending, Error, Event, EventStream, Headers, Outcome, Protocol, Stopwatch,
    Tap,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};

const USAGE: &str = r#"{"input_tokens":10,"cache_read_input_tokens":1000,"cache_creation_input_tokens":500,"cache_creation":{"ephemeral_5m_input_tokens":200,"ephemeral_1h_input_tokens":300},"output_tokens":1,"service_tier":"standard"}"#;

/// A reply with a cache, a call, and tokens of thinking.
fn reply(reason: &str) -> Vec<u8> {
    let start = START.replace(r#"{"input_tokens":10,"output_tokens":1}"#, USAGE);
    let end = end(reason).replace(
        r#"{"output_tokens":7}"#,
        r#"{"output_tokens":70,"output_tokens_details":{"thinking_tokens":40}}"#,
    );
    sse([
        start,
        open(0, THINKING),
        think(0, "Hm."),
        sign(0, "EqQB"),
        shut(0),
        open(1, TOOL),
        json(1, "{}"),
        shut(1),
        end,
        STOP.to_owned(),
    ])
}

fn complete(bytes: &[u8], decoder: Decoder) -> Box<Complete> {
    let (mut events, error) = decode(decoder, [bytes]);
    assert!(error.is_none(), "{error:?}");
    match events.pop() {
        Some(Event::Complete(done)) => done,
        other => panic!("{other:?}"),
    }
}

fn failed(bytes: &[u8], decoder: Decoder) -> Error {
    decode(decoder, [bytes]).1.unwrap()
}

/// What was told of a reply that was cut off after so many bytes.
fn dropped(bytes: &[u8]) -> Outcome {
    let (tell, told) = std::sync::mpsc::channel();
    let body = stream::iter([Ok::<_, std::io::Error>(bytes::Bytes::copy_from_slice(bytes))]);
    let mut tap = Tap::new(body, anthropic(), move |outcome| tell.send(outcome).unwrap());
    tap.next().now_or_never().unwrap().unwrap().unwrap();
    drop(tap);
    told.recv().unwrap()
}

/// What was tolerated is known of the call, and who reads the stream need not look.
#[test]
fn what_was_tolerated_is_in_the_outcome() {
    let stream = sse([
        START,
        &open(0, TEXT),
        &text(0, "a"),
        &open(1, TEXT),
        &text(1, "b"),
        &end("end_turn"),
        "data: [DONE]\n\n",
    ]);
    let (tell, told) = std::sync::mpsc::channel();
    let body = stream::iter([Ok::<_, Infallible>(Bytes::from(stream))]);
    let tap = Tap::new(body, anthropic(), move |outcome| tell.send(outcome).unwrap());
    tap.collect::<Vec<_>>().now_or_never().unwrap();
    let outcome = told.recv().unwrap();
    assert!(matches!(outcome.ending, Ending::Complete), "{outcome:?}");
    let rules: Vec<_> = outcome.warnings.iter().map(|warning| warning.rule.name()).collect();
    assert_eq!(rules, ["done_for_stop", "missing_block_stop"]);
    let record = CallRecord::from(&outcome);
    assert!(record.to_line().contains(r#""warnings":["done_for_stop","missing_block_stop"]"#));
    assert_eq!(serde_json::from_str::<CallRecord>(&record.to_line()).unwrap(), record);
}

mod records {
    use super::*;

    /// Where the server says what it has charged, nobody needs to reckon.
    #[test]
    fn what_was_charged() {
        let chunk = |rest: &str| format!("data: {{\"id\":\"c\",\"choices\":[{rest}}}\n\n");
        let body = [
            chunk(r#"{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]"#),
            chunk(r#"],"usage":{"prompt_tokens":9,"completion_tokens":1,"cost":0.00025}"#),
        ];
        let (events, _) = decode(Decoder::new(Protocol::OpenAiChat), [body.concat().as_bytes()]);
        let Some(Event::Complete(done)) = events.last() else { panic!("{events:?}") };
        let record = CallRecord::from(done);
        assert_eq!(record.cost_usd, Some(0.00025));
        let line = record.to_line();
        assert!(line.contains(r#""cost_usd":0.00025,"#), "{line}");
        assert_eq!(serde_json::from_str::<CallRecord>(&line).unwrap(), record);
    }

    /// A compaction is billed with the reply, and an advisor, at the price of its own model.
    #[test]
    fn what_other_steps_took() {
        let usage = r#"{"output_tokens":8,"iterations":[
            {"type":"compaction","input_tokens":60000,"output_tokens":500,"cache_read_input_tokens":5},
            {"type":"advisor_message","model":"claude-opus-4-8","input_tokens":20,"output_tokens":3},
            {"type":"message","model":null,"input_tokens":181,"output_tokens":8}]}"#;
        let end = format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":"end_turn"}},"usage":{}}}"#,
            usage.replace('\n', "")
        );
        let stream = sse([
            r#"{"type":"message_start","message":{"usage":{"input_tokens":181}}}"#,
            &end,
            STOP,
        ]);
        let done = complete(&stream, anthropic());
        let record = CallRecord::from(&*done);
        let steps: Vec<_> =
            record.iterations.iter().map(|step| (&*step.kind, step.input_tokens)).collect();
        let all =
            [("compaction", Some(60_000)), ("advisor_message", Some(20)), ("message", Some(181))];
        assert_eq!(steps, all);
        assert_eq!((record.prompt_tokens, record.completion_tokens), (Some(181), Some(8)));
        assert_eq!(serde_json::from_str::<CallRecord>(&record.to_line()).unwrap(), record);
        let said = "181 tokens in, 8 out, beside it 60025 in and 503 out";
        assert_eq!(done.usage().to_string(), said);
    }

    #[test]
    fn of_a_finished_call() {
        let done = complete(&reply("tool_use"), anthropic().request_id("req_1"));
        let headers = Headers::from_pairs([("anthropic-organization-id", "org_1")]);
        let mut record = CallRecord::from(&*done).headers(&headers);
        record.round = 3;
        record.purpose = "plan".into();
        record.request_model = Some("claude".into());
        let mut found: Json = serde_json::from_str(&record.to_line()).unwrap();
        assert_eq!(found.as_object_mut().unwrap().remove("timing").unwrap()["output_chunks"], 0);
        assert_eq!(
            found,
            json!({
                "round": 3, "purpose": "plan", "prompt_technique": null,
                "provider": "anthropic", "api": "anthropic",
                "request_model": "claude", "model": "claude-test",
                "outcome": "complete", "error_type": null, "error": null, "retry_safe": null,
                "request_id": "req_1", "response_id": "msg_1", "organization_id": "org_1",
                "stop_reason": "tool_use", "finish_reasons": ["tool_use"],
                "prompt_tokens": 1510, "completion_tokens": 70, "total_tokens": 1580,
                "reasoning_tokens": 40,
                "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 500,
                "cache_creation_5m_input_tokens": 200, "cache_creation_1h_input_tokens": 300,
                "service_tier": "standard",
                "has_tool_calls": true, "tool_call_count": 1, "tools_safe_to_run": true,
                "duration_ms": null,
            })
        );
    }

    /// Nothing that was not said is made up.
    #[test]
    fn what_is_unknown_is_not_zero() {
        let bare = sse([r#"{"type":"message_start","message":{}}"#, STOP]);
        let record = CallRecord::from(&*complete(&bare, anthropic()));
        assert_eq!(
            (record.prompt_tokens, record.completion_tokens, record.total_tokens),
            (None, None, None)
        );
        assert_eq!((record.reasoning_tokens, record.cache_read_input_tokens), (None, None));
        assert_eq!((record.request_id, record.response_id, record.stop_reason), (None, None, None));
        assert_eq!((record.tools_safe_to_run, record.duration), (None, None));
    }

    #[test]
    fn of_calls_that_failed() {
        let whole = reply("tool_use");
        let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"a\nb"},"request_id":"req_2"}"#;
        let start = START.replace(r#"{"input_tokens":10,"output_tokens":1}"#, USAGE);
        let overloaded = sse([start, error.to_owned()]);
        for (bytes, outcome, error_type, retry_safe) in [
            (&whole[..whole.len() - 10], "unterminated", "unterminated", false),
            (&whole[..20], "incomplete", "incomplete", true),
            (b"<html>".as_slice(), "no_events", "no_events", true),
            (
                b"data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"a\\nb\"}}\n\n",
                "server",
                "overloaded_error",
                true,
            ),
        ] {
            let error = failed(bytes, anthropic().request_id("req_1"));
            let record = CallRecord::from(&error);
            assert_eq!((&*record.outcome, record.error_type.as_deref()), (outcome, Some(error_type)));
            assert_eq!(record.retry_safe, Some(retry_safe), "{outcome}");
            assert_eq!(record.request_id.as_deref(), Some("req_1"));
            assert_eq!(record.error.as_deref(), Some(&*error.to_string()));
            // Behind the stop reason nothing of them can be missing.
            let safe = (outcome == "unterminated").then_some(true);
            assert_eq!(record.tools_safe_to_run.filter(|safe| *safe), safe);
            assert_eq!(error.partial().message.tools_safe_to_run(), safe.is_some());
            assert!(!record.to_line().contains('\n'));
        }
        // The id that came with the error is the better one.
        let record = CallRecord::from(&failed(&overloaded, anthropic().request_id("req_1")));
        assert_eq!((&*record.outcome, record.prompt_tokens), ("server", Some(1510)));
        assert_eq!(record.request_id.as_deref(), Some("req_2"));
    }

    #[test]
    fn of_a_client_that_went_away() {
        let whole = reply("tool_use");
        let record = CallRecord::from(&dropped(&whole[..whole.len() - 10]));
        assert_eq!(&*record.outcome, "dropped");
        assert_eq!(record.error_type.as_deref(), Some("cancelled"));
        assert_eq!((record.prompt_tokens, record.completion_tokens), (Some(1510), Some(70)));
        assert_eq!((record.has_tool_calls, record.tools_safe_to_run), (Some(true), Some(true)));
        assert!(record.duration.is_some());
        // What Anthropic says at the beginning is no count of output.
        let record = CallRecord::from(&dropped(&whole[..whole.len() / 2]));
        assert_eq!((record.prompt_tokens, record.completion_tokens), (Some(1510), None));
        assert_eq!(record.total_tokens, None);
        let record = CallRecord::from(&dropped(&whole));
        assert_eq!((&*record.outcome, record.error_type), ("complete", None));
    }

    /// Whose call it was is known also of what was refused.
    #[test]
    fn of_refused_responses() {
        for (protocol, provider) in
            [(Protocol::OpenAiResponses, Some("openai")), (Protocol::OpenAiChat, None)]
        {
            let response = http::Response::builder().status(429).body(()).unwrap();
            let decoder = Decoder::new(protocol).response(response.status(), response.headers());
            let body = br#"{"error":{"type":"tokens","code":"rate_limit_exceeded","message":"m"}}"#;
            let record = CallRecord::from(&failed(body, decoder));
            assert_eq!((record.api, record.provider.as_deref()), (protocol.provider(), provider));
            // The code says more than the type.
            assert_eq!(record.error_type.as_deref(), Some("rate_limit_exceeded"));
            let names: BTreeMap<_, _> = telemetry::attributes(&record).into_iter().collect();
            assert_eq!(names["gen_ai.provider.name"], "openai".into());
        }
    }

    /// What was not kept is not counted as none.
    #[test]
    fn calls_without_blocks_are_unknown() {
        let done = complete(&reply("tool_use"), anthropic().accumulate(false));
        let record = CallRecord::from(&done);
        assert_eq!((record.has_tool_calls, record.tool_call_count), (None, None));
        let done = complete(&reply("end_turn"), anthropic().accumulate(false));
        assert_eq!(CallRecord::from(&done).tool_call_count, Some(0));
        for reason in ["max_tokens", "pause_turn", "refusal", "moonrise"] {
            let done = complete(&reply(reason), anthropic().accumulate(false));
            assert_eq!(CallRecord::from(&done).tool_call_count, None, "{reason}");
        }
        let whole = reply("tool_use");
        let error = failed(&whole[..whole.len() - 10], anthropic().accumulate(false));
        assert_eq!(CallRecord::from(&error).has_tool_calls, None);
        assert_eq!(CallRecord::dropped(&error.partial().message).has_tool_calls, None);
        // Of what never began it is known.
        let error = failed(b"<html>", anthropic().accumulate(false));
        assert_eq!(CallRecord::from(&error).has_tool_calls, Some(false));
    }

    /// One for each choice, in the server's words.
    #[test]
    fn reasons_keep_their_places() {
        let chunk = |choice: u32, reason: &str| {
            format!(
                "data: {{\"id\":\"c\",\"choices\":[{{\"index\":{choice},\"delta\":{{\"content\":\"a\"}},\"finish_reason\":{reason}}}]}}\n\n"
            )
        };
        let body = [chunk(0, "null"), chunk(1, "\"length\"")].concat();
        let record = CallRecord::from(&failed(body.as_bytes(), Decoder::new(Protocol::OpenAiChat)));
        assert_eq!(record.finish_reasons, ["error", "length"]);
        let body = format!("{}data: [DONE]\n\n", chunk(0, "\"stop\""));
        let done = complete(body.as_bytes(), Decoder::new(Protocol::OpenAiChat));
        let record = CallRecord::from(&done);
        assert_eq!(
            (&record.finish_reasons[..], record.stop_reason.as_deref()),
            (&["stop".into()][..], Some("end_turn"))
        );
    }

    /// Servers that speak as `OpenAI` does have the cache among their input tokens.
    #[test]
    fn of_other_servers() {
        let body = b"data: {\"id\":\"c1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}],\
            \"usage\":{\"prompt_tokens\":100,\"completion_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":60}}}\n\ndata: [DONE]\n\n";
        let record = CallRecord::from(&*complete(body, Decoder::new(Protocol::OpenAiChat)));
        assert_eq!((record.provider, record.prompt_tokens), (None, Some(100)));
        assert_eq!((record.cache_read_input_tokens, record.total_tokens), (Some(60), Some(105)));
    }

    #[test]
    fn it_is_one_line_and_read_again() {
        let mut record = CallRecord::from(&*complete(&reply("max_tokens"), anthropic()));
        assert_eq!(record.tools_safe_to_run, Some(false));
        let mut watch = Stopwatch::new();
        watch.received(Duration::from_micros(1_234_567), 9);
        watch.ended(Duration::from_micros(2_000_001));
        record = record.timing(watch.timing().clone());
        record.purpose = "a\r\nb\u{2028}".into();
        let raw = "{\r\n  \"n\": 9007199254740993\n}".to_owned();
        record.metadata.insert("k\n".into(), thinkstream::Json::parse(raw).unwrap());
        let line = record.to_line();
        assert!(!line.contains(['\n', '\r']));
        assert!(line.contains("9007199254740993"));
        let read: CallRecord = serde_json::from_str(&line).unwrap();
        assert_eq!(read.to_line(), line);
        record.metadata = read.metadata.clone();
        assert_eq!(read, record);
        // What a later version adds is passed over; what an earlier one lacked is unknown.
        let read: CallRecord = serde_json::from_str(r#"{"round":1,"later":[]}"#).unwrap();
        assert_eq!((read.round, read.prompt_tokens), (1, None));
    }
}

mod attributes {
    use super::*;

    fn of(record: &CallRecord) -> BTreeMap<&'static str, Value> {
        let pairs = telemetry::attributes(record);
        let count = pairs.len();
        let map: BTreeMap<_, _> = pairs.into_iter().collect();
        assert_eq!(map.len(), count);
        map
    }

    #[test]
    fn of_a_finished_call() {
        let done = complete(&reply("tool_use"), anthropic().request_id("req_1"));
        let mut watch = Stopwatch::new();
        for (ms, mut event) in decode(anthropic(), [&reply("tool_use")[..]])
            .0
            .into_iter()
            .enumerate()
            .map(|(at, event)| (at as u64 * 250, event))
        {
            watch.received(Duration::from_millis(ms), 1);
            watch.stamp(&mut event);
        }
        let mut record = CallRecord::from(&*done).timing(watch.timing().clone());
        record.request_model = Some("claude".into());
        let expected: [(&str, Value); 19] = [
            ("gen_ai.operation.name", "chat".into()),
            ("gen_ai.provider.name", "anthropic".into()),
            ("gen_ai.request.model", "claude".into()),
            ("gen_ai.request.stream", true.into()),
            ("gen_ai.response.id", "msg_1".into()),
            ("gen_ai.response.model", "claude-test".into()),
            ("gen_ai.response.finish_reasons", ["tool_use"].into()),
            ("gen_ai.response.time_to_first_chunk", 0.25.into()),
            // The whole prompt: that is what the conventions count.
            ("gen_ai.usage.input_tokens", 1510.into()),
            ("gen_ai.usage.output_tokens", 70.into()),
            ("gen_ai.usage.cache_read.input_tokens", 1000.into()),
            ("gen_ai.usage.cache_creation.input_tokens", 500.into()),
            ("gen_ai.usage.cache_write.input_tokens", 500.into()),
            ("gen_ai.usage.reasoning.output_tokens", 40.into()),
            ("thinkstream.request_id", "req_1".into()),
            ("thinkstream.time_to_first_byte", 0.0.into()),
            ("thinkstream.time_to_first_thinking", 0.25.into()),
            ("thinkstream.time_to_first_tool", 1.25.into()),
            ("thinkstream.time_per_output_chunk", 1.0.into()),
        ];
        assert_eq!(of(&record), expected.into_iter().collect());
    }

    #[test]
    fn of_a_failed_call() {
        let record = CallRecord::from(&failed(b"<html>", Decoder::new(Protocol::OpenAiChat)));
        let found = of(&record);
        assert_eq!(found["error.type"], "no_events".into());
        assert_eq!(found["gen_ai.provider.name"], "openai".into());
        assert!(!found.contains_key("gen_ai.usage.input_tokens"));
    }
}

mod spans {
    use super::*;

    type Fields = Arc<Mutex<BTreeMap<String, String>>>;

    /// Notes the fields of the one span.
    struct Notes(Fields);

    impl Visit for Notes {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            let old = self.0.lock().unwrap().insert(field.name().to_owned(), format!("{value:?}"));
            assert_eq!(old, None, "{} is set twice", field.name());
        }
    }

    impl tracing::Subscriber for Notes {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, span: &Attributes<'_>) -> Id {
            span.record(&mut Self(Arc::clone(&self.0)));
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, values: &Record<'_>) {
            values.record(&mut Self(Arc::clone(&self.0)));
        }

        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, _: &tracing::Event<'_>) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    /// The fields of the span once so many events were taken of a stream, or all.
    fn fields(bytes: &[u8], taken: usize) -> BTreeMap<String, String> {
        let fields = Fields::default();
        let subscriber = Notes(Arc::clone(&fields));
        tracing::subscriber::with_default(subscriber, || {
            let body = stream::iter([Ok::<_, std::io::Error>(bytes.to_vec())]);
            let events = EventStream::new(body, anthropic());
            let traced = Traced::new(events, telemetry::span(Protocol::Anthropic, "claude"));
            traced.take(taken).for_each(|_| async {}).now_or_never().unwrap();
        });
        let fields = fields.lock().unwrap().clone();
        assert_eq!(fields["otel.name"], r#""chat claude""#);
        assert_eq!(fields["gen_ai.request.model"], r#""claude""#);
        fields
    }

    #[test]
    fn each_attribute_once_however_it_ends() {
        let whole = reply("tool_use");
        let done = fields(&whole, usize::MAX);
        assert!(!done.contains_key("otel.status_code"));
        assert_eq!(done["gen_ai.provider.name"], r#""anthropic""#);
        assert_eq!(done["gen_ai.usage.input_tokens"], "1510");
        assert_eq!(done["gen_ai.response.finish_reasons"], r#""[\"tool_use\"]""#);
        assert!(done["gen_ai.response.time_to_first_chunk"].parse::<f64>().is_ok());

        let cut = fields(&whole[..whole.len() / 2], usize::MAX);
        assert_eq!(cut["otel.status_code"], r#""ERROR""#);
        assert_eq!(cut["error.type"], r#""incomplete""#);
        assert_eq!(cut["gen_ai.usage.input_tokens"], "1510");
        // Failures have their times too.
        assert!(cut["thinkstream.time_to_first_thinking"].parse::<f64>().is_ok());

        let dropped = fields(&whole, 3);
        assert_eq!(dropped["error.type"], r#""cancelled""#);
        assert_eq!(dropped["gen_ai.response.id"], r#""msg_1""#);
        assert_eq!(dropped["gen_ai.usage.cache_read.input_tokens"], "1000");
    }

    #[test]
    fn the_provider_is_whose_api_it_is_or_who_was_named() {
        let named = |span: fn() -> tracing::Span| {
            let fields = Fields::default();
            let subscriber = Notes(Arc::clone(&fields));
            tracing::subscriber::with_default(subscriber, || drop(span()));
            fields.lock().unwrap()["gen_ai.provider.name"].clone()
        };
        assert_eq!(
            named(|| telemetry::span(Protocol::AnthropicOnBedrock, "m")),
            r#""aws.bedrock""#
        );
        assert_eq!(named(|| telemetry::span(Protocol::OpenAiChat, "m")), r#""openai""#);
        assert_eq!(named(|| telemetry::span_to("deepseek", "m")), r#""deepseek""#);
    }

    /// A field that the span does not have is lost in silence.
    #[test]
    fn the_span_has_a_field_for_every_attribute() {
        let subscriber = Notes(Fields::default());
        tracing::subscriber::with_default(subscriber, || {
            let span = telemetry::span(Protocol::OpenAiChat, "m");
            let mut record = CallRecord::from(&*complete(&reply("tool_use"), anthropic()));
            record.error_type = Some("x".into());
            record.request_id = Some("x".into());
            record.request_model = Some("x".into());
            let names = [
                "thinkstream.time_to_first_byte",
                "thinkstream.time_to_first_thinking",
                "thinkstream.time_to_first_text",
                "thinkstream.time_to_first_tool",
                "thinkstream.time_per_output_chunk",
                "gen_ai.response.time_to_first_chunk",
            ];
            let known = telemetry::attributes(&record).into_iter().map(|(name, _)| name);
            for name in known.chain(names) {
                assert!(span.has_field(name), "{name}");
            }
        });
    }
}

/// Others speak as the two do.
#[test]
fn a_model_of_another_vendor_is_not_the_apis() {
    let anthropic = |model: &str| {
        (
            Protocol::Anthropic,
            format!(
                r#"{{"type":"message","model":"{model}","content":[],"stop_reason":"end_turn"}}"#
            ),
        )
    };
    let responses = |model: &str| {
        (
            Protocol::OpenAiResponses,
            format!(
                r#"{{"object":"response","status":"completed","model":"{model}","output":[]}}"#
            ),
        )
    };
    for ((protocol, body), provider) in [
        (anthropic("claude-opus-4-8"), Some("anthropic")),
        (anthropic("MiniMax-M2.7"), None),
        (responses("gpt-5.4-2026-03-05"), Some("openai")),
        (responses("o3-mini"), Some("openai")),
        (responses("grok-4.5"), None),
        (responses("openai/gpt-oss-120b"), None),
        (responses("google/gemini-3-flash-preview"), None),
    ] {
        let done = Complete::from_body(protocol, body.as_bytes()).unwrap();
        assert_eq!(CallRecord::from(&done).provider.as_deref(), provider, "{body}");
    }
}

/// What was begun is counted, whether the reply was kept or tapped.
#[test]
fn a_cut_call_is_counted() {
    let body = r#"{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"a\":"}}]},"finish_reason":"length"}]}"#;
    let record =
        CallRecord::from(&Complete::from_body(Protocol::OpenAiChat, body.as_bytes()).unwrap());
    let told = (record.has_tool_calls, record.tool_call_count, record.tools_safe_to_run);
    assert_eq!(told, (Some(true), Some(1), Some(false)));
}
