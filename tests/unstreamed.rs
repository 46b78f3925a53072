//! Replies that were not streamed, where a stream may come too.

mod common;

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use common::*;
use futures_util::{FutureExt, StreamExt, stream};
use http::Response;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use thinkstream::telemetry::CallRecord;
use thinkstream::{
    Complete, Decoder, Ending, ErrorKind, Event, EventStream, EventStreamExt, LimitKind, Limits,
    Outcome, Protocol, Provider, StopReason, Tap,
};

const ANTHROPIC: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-test","content":[
    {"type":"thinking","thinking":"Hm.","signature":"EqQB"},{"type":"text","text":"Grüße"},
    {"type":"tool_use","id":"toolu_1","name":"roll","input":{"n": 9007199254740993}}],
    "stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":7}}"#;
const CHAT: &str = r#"{"id":"c1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant",
    "content":"Grüße","reasoning_content":"Hm.","tool_calls":[{"id":"toolu_1","type":"function","function":{"name":"roll","arguments":"{\"n\": 9007199254740993}"}}]},
    "finish_reason":"tool_calls"}],"usage":{"prompt_tokens":10,"completion_tokens":7,"total_tokens":17}}"#;
const RESPONSES: &str = r#"{"id":"resp_1","object":"response","status":"completed","model":"m","output":[
    {"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"Hm."}],"encrypted_content":"EqQB"},
    {"id":"m1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Grüße","annotations":[]}]},
    {"id":"fc_1","type":"function_call","call_id":"toolu_1","name":"roll","arguments":"{\"n\": 9007199254740993}","status":"completed"}],
    "usage":{"input_tokens":10,"output_tokens":7,"total_tokens":17}}"#;
const REPLIES: [(Protocol, &str); 4] = [
    (Protocol::Anthropic, ANTHROPIC),
    (Protocol::AnthropicOnBedrock, ANTHROPIC),
    (Protocol::OpenAiChat, CHAT),
    (Protocol::OpenAiResponses, RESPONSES),
];

fn response<B>(body: B) -> Response<B> {
    Response::builder()
        .header("content-type", "application/json; charset=utf-8")
        .header("request-id", "req_1")
        .body(body)
        .unwrap()
}

/// A decoder that takes it, given the head of such a response.
fn taking(decoder: Decoder) -> Decoder {
    let head = response(());
    decoder.unstreamed(true).response(head.status(), head.headers())
}

fn done(events: &[Event]) -> &Complete {
    let Some(Event::Complete(done)) = events.last() else { panic!("{events:?}") };
    done
}

#[test]
fn its_events_are_those_of_a_stream() {
    for (protocol, body) in REPLIES {
        for width in [1, 7, body.len()] {
            let decoder = taking(Decoder::new(protocol).strict(true));
            let (events, error) = decode(decoder, body.as_bytes().chunks(width));
            assert!(error.is_none(), "{protocol:?} {error:?}");
            let tokens = events.iter().filter_map(|event| match event {
                Event::Token(token) => Some(token.text.as_str()),
                _ => None,
            });
            assert_eq!(tokens.collect::<String>(), "Grüße", "{protocol:?}");
            let calls = events.iter().filter(|event| matches!(event, Event::ToolCall(_)));
            assert_eq!(calls.count(), 1, "{protocol:?}");
            let done = done(&events);
            assert_eq!(
                done.message,
                Complete::from_body(protocol, body.as_bytes()).unwrap().message
            );
            assert_eq!(done.request_id.as_deref(), Some("req_1"));
            assert!(done.tools_safe_to_run());
        }
    }
}

/// Whoever asks for a stream alone is told that none has come.
#[test]
fn it_is_refused_unless_it_is_asked_for() {
    for (protocol, body) in REPLIES {
        let body = || BodyExt::boxed(http_body_util::Full::<Bytes>::from(body));
        let message = |decoder: Decoder| {
            let events = EventStream::from_response(response(body()), decoder);
            events.collect_message().now_or_never().unwrap()
        };
        let error = message(Decoder::new(protocol)).unwrap_err();
        assert_eq!(error.kind().name(), "refused", "{protocol:?}");
        let found = message(Decoder::new(protocol).unstreamed(true)).unwrap();
        assert_eq!(found.stop_reason, Some(StopReason::ToolUse), "{protocol:?}");
    }
}

#[test]
fn a_body_that_breaks_off_is_no_reply() {
    for (protocol, body) in REPLIES {
        for cut in (1..body.len()).filter(|cut| cut % 7 == 0 || cut + 9 > body.len()) {
            let (events, error) = decode(taking(Decoder::new(protocol)), [&body.as_bytes()[..cut]]);
            let error = error.unwrap();
            let kind = ErrorKind::Incomplete { leftover: u64::try_from(cut).unwrap() };
            assert!(events.is_empty() && error.kind().to_string() == kind.to_string(), "{error}");
            assert_eq!(error.request_id().unwrap(), "req_1");
            let from_body = Complete::from_body(protocol, &body.as_bytes()[..cut]).unwrap_err();
            assert_eq!(from_body.kind().to_string(), error.kind().to_string());
        }
    }
}

/// What is no reply of this API is an error as ever.
#[test]
fn what_else_is_json() {
    for (body, kind) in [
        (r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#, "server"),
        (r#"{"id":"c1","choices":[]}"#, "refused"),
        (r#"{"data":[{"id":"claude-opus-4-8","type":"model"}]}"#, "refused"),
        ("[1,", "refused"),
        ("", "refused"),
        ("{\"content\":[{\"type\":\"text\",\"text\":\"\u{0}\"}]}", "refused"),
        (r#"{"content":7}"#, "refused"),
    ] {
        let (events, error) = decode(taking(Decoder::new(Protocol::Anthropic)), [body.as_bytes()]);
        let error = error.unwrap_or_else(|| panic!("{body}: {events:?}"));
        assert_eq!(error.kind().name(), kind, "{body}: {events:?}");
        let head = response(());
        let (status, headers) = (head.status(), head.headers());
        let same = Complete::from_response(Protocol::Anthropic, status, headers, body.as_bytes());
        assert_eq!(same.unwrap_err().to_string(), error.to_string());
    }
    // Not a byte is made up, unless that is allowed.
    let [before, after] = ANTHROPIC.split("Gr").collect::<Vec<_>>().try_into().unwrap();
    let body = [before.as_bytes(), b"\xff", after.as_bytes()].concat();
    let (_, error) = decode(taking(Decoder::new(Protocol::Anthropic)), [&body[..]]);
    assert_eq!(error.unwrap().kind().name(), "malformed");
    let (events, _) = decode(taking(Decoder::new(Protocol::Anthropic).lossy(true)), [&body[..]]);
    assert_eq!(done(&events).message.text(), "\u{fffd}üße");
}

#[test]
fn what_is_kept_of_it_is_bounded() {
    let limits = |message_bytes, event_bytes| {
        let limits = Limits { message_bytes, event_bytes, ..Limits::default() };
        taking(Decoder::new(Protocol::Anthropic).limits(limits))
    };
    for width in [1, 100, 10_000] {
        let chunks = || ANTHROPIC.as_bytes().chunks(width);
        let (events, error) = decode(limits(ANTHROPIC.len() - 1, 1 << 20), chunks());
        let error = error.unwrap();
        let ErrorKind::Limit { limit: LimitKind::MessageBytes, .. } = error.kind() else {
            panic!("{error}")
        };
        assert!(events.is_empty());
        assert_eq!(error.request_id().unwrap(), "req_1");
        // It is no event of a stream.
        let (events, error) = decode(limits(ANTHROPIC.len(), 64), chunks());
        assert!(error.is_none() && done(&events).tools_safe_to_run());
    }
    // What was set holds for the next reply.
    let mut decoder = limits(1 << 20, 64);
    assert!(decoder.decode(&mut ANTHROPIC.into()).unwrap().is_none());
    while decoder.finish().unwrap().is_some() {}
    decoder.reset();
    let mut long = Bytes::from(format!("data: {}", "x".repeat(100)));
    assert_eq!(decoder.decode(&mut long).unwrap_err().kind().name(), "limit");
}

/// A response that is at hand whole is read by what it says that it is.
#[test]
fn from_a_response_that_is_at_hand() {
    let stream = sse([START, &open(0, TEXT), &text(0, "Four."), &shut(0), &end("end_turn"), STOP]);
    let from = |status: u16, content_type: Option<&str>, body: &[u8]| {
        let mut response = Response::builder().status(status).header("request-id", "req_1");
        if let Some(content_type) = content_type {
            response = response.header("content-type", content_type);
        }
        let (parts, ()) = response.body(()).unwrap().into_parts();
        Complete::from_response(Protocol::Anthropic, parts.status, &parts.headers, body)
    };
    for (content_type, body) in [
        (Some("application/json"), ANTHROPIC.as_bytes()),
        (Some("APPLICATION/JSON;charset=utf-8"), ANTHROPIC.as_bytes()),
        (None, ANTHROPIC.as_bytes()),
        (Some("text/event-stream"), &stream[..]),
        (None, &stream[..]),
    ] {
        let done = from(200, content_type, body).unwrap();
        assert_eq!(done.request_id.as_deref(), Some("req_1"), "{content_type:?}");
        assert!(done.message.complete);
    }
    for (status, content_type, body, kind) in [
        (529, Some("application/json"), ANTHROPIC.as_bytes(), "refused"),
        (200, Some("text/html"), ANTHROPIC.as_bytes(), "refused"),
        (200, None, b"<html>", "no_events"),
        (200, None, b"{\"choices\":[]}", "no_events"),
        (200, Some("text/event-stream"), &stream[..stream.len() - 60], "incomplete"),
        (200, Some("text/event-stream"), b"", "empty_stream"),
        (200, None, br#"{"error":{"type":"api_error","message":"m"}}"#, "server"),
    ] {
        let error = from(status, content_type, body).expect_err(kind);
        assert_eq!(error.kind().name(), kind, "{content_type:?}: {error}");
        assert_eq!(error.request_id().unwrap(), "req_1");
    }
}

mod tapped {
    use super::*;

    type Told = Rc<RefCell<Vec<Outcome>>>;

    /// What is told of a body of which these chunks came before it was dropped, or ended, or failed.
    fn told(protocol: Protocol, chunks: &[&[u8]], behind: Option<Result<(), &str>>) -> Outcome {
        let told = Told::default();
        let frames: Vec<_> = chunks
            .iter()
            .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
            .chain(behind.and_then(Result::err).map(|error| Err(std::io::Error::other(error))))
            .map(|chunk| chunk.map(Frame::data))
            .collect();
        let body = StreamBody::new(stream::iter(frames).chain(match behind {
            Some(_) => stream::empty().left_stream(),
            None => stream::pending().right_stream(),
        }));
        let keep = Rc::clone(&told);
        let decoder = Decoder::new(protocol).accumulate(false);
        let tap = Tap::on_response(response(body), decoder, move |outcome| {
            keep.borrow_mut().push(outcome);
        });
        assert_eq!(tap.headers()["request-id"], "req_1");
        let passed = tap.into_body().into_data_stream().filter_map(async |chunk| chunk.ok());
        let mut passed = Box::pin(passed);
        let mut bytes = Vec::new();
        while let Some(Some(chunk)) = passed.next().now_or_never() {
            bytes.extend_from_slice(&chunk);
        }
        assert_eq!(bytes, chunks.concat());
        drop(passed);
        let mut told = told.borrow_mut();
        assert_eq!(told.len(), 1);
        told.remove(0)
    }

    fn kind(outcome: &Outcome) -> Option<&str> {
        outcome.error().map(|error| error.kind().name())
    }

    #[test]
    fn a_reply_that_was_not_streamed_is_accounted_for() {
        for (protocol, body) in REPLIES {
            for width in [10, body.len()] {
                let chunks: Vec<_> = body.as_bytes().chunks(width).collect();
                for behind in [Some(Ok(())), Some(Err("reset")), None] {
                    let outcome = told(protocol, &chunks, behind);
                    assert!(matches!(outcome.ending, Ending::Complete), "{protocol:?} {outcome:?}");
                    assert_eq!(outcome.usage().output_tokens, Some(7));
                    assert_eq!((outcome.tool_calls, outcome.protocol), (1, protocol));
                    assert_eq!(outcome.stop_reason(), Some(&StopReason::ToolUse));
                    assert!(outcome.message.content.is_empty());
                    let record = CallRecord::from(&outcome);
                    assert_eq!(record.outcome, "complete");
                    assert_eq!(record.request_id.as_deref(), Some("req_1"));
                }
            }
        }
    }

    #[test]
    fn half_of_it_is_told_by_how_it_ended() {
        for (protocol, body) in REPLIES {
            let half = &body.as_bytes()[..body.len() / 2];
            assert_eq!(kind(&told(protocol, &[half], Some(Ok(())))), Some("incomplete"));
            assert_eq!(kind(&told(protocol, &[half], Some(Err("reset")))), Some("transport"));
            for chunks in [&[half][..], &[]] {
                let dropped = told(protocol, chunks, None);
                assert!(matches!(dropped.ending, Ending::Dropped), "{dropped:?}");
            }
            assert_eq!(kind(&told(protocol, &[b"{}"], None)), Some("refused"));
        }
    }
}

/// A body says whose it is, and is not taken for another's.
#[test]
fn bodies_are_told_apart() {
    for (protocol, body) in REPLIES {
        let own = match protocol {
            Protocol::AnthropicOnBedrock => Protocol::Anthropic,
            other => other,
        };
        assert_eq!(Protocol::detect_body(body.as_bytes()), Some(own));
        let marked = format!("\u{feff}{body}");
        assert_eq!(Protocol::detect_body(marked.as_bytes()), Some(own));
        assert_eq!(Protocol::detect_body(&body.as_bytes()[..body.len() - 2]), None);
        for (other, _) in REPLIES {
            let result = Complete::from_body(other, body.as_bytes());
            let anthropic = |it: Protocol| it.provider() == Provider::Anthropic;
            match result {
                Ok(_) => assert!(other == protocol || anthropic(other) && anthropic(protocol)),
                Err(error) => {
                    assert_eq!(error.kind().name(), "no_events", "{other}");
                    assert!(!error.is_transient());
                }
            }
        }
    }
    for body in ["", "{}", "[]", "<html>", r#"{"error":{"message":"m"}}"#] {
        assert_eq!(Protocol::detect_body(body.as_bytes()), None, "{body}");
    }
}
