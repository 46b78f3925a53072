//! The same events in Amazon's binary event stream.

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use common::*;
use thinkstream::{Decoder, Error, ErrorKind, Event, Flaw, LimitKind, Limits, Protocol};

fn bedrock() -> Decoder {
    Decoder::new(Protocol::AnthropicOnBedrock)
}

/// A message, written from the description of the encoding.
fn message(headers: &[(&str, &str)], payload: &str) -> Vec<u8> {
    let mut written = Vec::new();
    for (name, value) in headers {
        written.push(name.len() as u8);
        written.extend(name.bytes());
        written.push(7);
        written.extend((value.len() as u16).to_be_bytes());
        written.extend(value.bytes());
    }
    // Headers of other types are stepped over.
    written.extend(b"\x01t\x00\x01b\x02\x2a\x01l\x05\0\0\0\0\0\0\0\x01\x01x\x06\0\x02ab");
    let total = 16 + written.len() + payload.len();
    let mut message = Vec::new();
    message.extend((total as u32).to_be_bytes());
    message.extend((written.len() as u32).to_be_bytes());
    message.extend(crc32fast::hash(&message).to_be_bytes());
    message.extend(written);
    message.extend(payload.bytes());
    message.extend(crc32fast::hash(&message).to_be_bytes());
    message
}

fn payload(payload: &str) -> Vec<u8> {
    let headers = [
        (":event-type", "chunk"),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ];
    message(&headers, payload)
}

fn chunk(event: &str) -> Vec<u8> {
    payload(&format!(r#"{{"bytes":"{}","p":"abcdef"}}"#, STANDARD.encode(event)))
}

fn stream<T: AsRef<str>>(events: impl IntoIterator<Item = T>) -> Vec<u8> {
    events.into_iter().flat_map(|event| chunk(event.as_ref())).collect()
}

#[track_caller]
fn check(name: &str, stream: &[u8], expected: &[&str]) -> (Vec<Event>, Option<Error>) {
    let result = everywhere(name, stream, bedrock);
    assert_eq!(short_log(&result), expected, "{name}");
    result
}

#[test]
fn the_events_are_those_of_the_text_stream() {
    let metrics =
        r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":37}}"#;
    let events = [
        START.to_owned(),
        open(0, THINKING),
        think(0, "hm é"),
        sign(0, "EqQB"),
        shut(0),
        open(1, TOOL),
        json(1, "{\"a\": 1}"),
        shut(1),
        end("tool_use"),
        metrics.to_owned(),
    ];
    let (expected, _) = decode(anthropic(), [&sse(&events)[..]]);
    for strict in [false, true] {
        let (events, error) = everywhere("good", &stream(&events), || bedrock().strict(strict));
        assert!(error.is_none(), "{error:?}");
        assert_eq!(events, expected);
        let Some(Event::Complete(done)) = events.last() else { panic!("{events:?}") };
        let measured = done.message.get("amazon-bedrock-invocationMetrics").unwrap();
        assert_eq!(measured.as_str(), r#"{"inputTokenCount":37}"#);
    }
}

#[test]
fn padding_may_come_first_and_what_has_no_type_is_a_sign_of_life() {
    let padded = format!(r#"{{"p":"abc","bytes":"{}"}}"#, STANDARD.encode(START));
    let stream = [payload(&padded), chunk(r#"{"alive":true}"#), chunk(STOP)].concat();
    check("padding first", &stream, &["ping", "complete - unsafe"]);
}

#[test]
fn exceptions_and_errors_are_the_servers() {
    let exception = message(
        &[(":exception-type", "throttlingException"), (":message-type", "exception")],
        r#"{"message":"Too many requests"}"#,
    );
    let at = stream([START, &open(0, TEXT), &text(0, "Hi")]);
    let place = at.len();
    let (_, error) = check(
        "exception",
        &[at.clone(), exception].concat(),
        &[
            r#"token 0 "Hi""#,
            &format!(
                "error server: the server reported throttlingException: Too many requests (byte {place})"
            ),
        ],
    );
    let error = error.unwrap();
    assert_eq!(error.partial().message.text(), "Hi");
    assert!(error.is_transient());
    // What the model's own server said is kept.
    let said = r#"{"message":"m","originalStatusCode":529,"originalMessage":"Overloaded"}"#;
    let kind = [(":exception-type", "modelStreamErrorException"), (":message-type", "exception")];
    let (_, error) = decode(bedrock(), [&[at.clone(), message(&kind, said)].concat()[..]]);
    let error = error.unwrap();
    let ErrorKind::Server(server) = error.kind() else { panic!("{error}") };
    assert_eq!((server.details.as_deref(), server.http_status()), (Some(said), Some(424)));
    assert!(error.is_transient());
    let error = message(
        &[(":message-type", "error"), (":error-code", "500"), (":error-message", "broken")],
        "",
    );
    check(
        "error",
        &[at, error].concat(),
        &[
            r#"token 0 "Hi""#,
            &format!("error server: the server reported 500: broken (byte {place})"),
        ],
    );
}

#[test]
fn damage_is_an_error_at_its_message() {
    let good = stream([START]);
    let next = chunk(STOP);
    for at in [0, 4, 9, 20, next.len() - 8, next.len() - 1] {
        let mut damaged = next.clone();
        damaged[at] ^= 1;
        let (_, error) = everywhere("damage", &[good.clone(), damaged].concat(), bedrock);
        let error = error.unwrap();
        assert!(
            matches!(error.kind(), ErrorKind::Malformed { flaw: Flaw::Checksum, .. }),
            "byte {at}: {error}"
        );
        assert_eq!(error.offset(), good.len() as u64);
        assert_eq!(error.partial().message.id.as_deref(), Some("msg_1"));
    }
    for (payload_text, flaw) in
        [(r#"{"bytes":"%%"}"#, Flaw::Expected("base64")), (r#"{"bytes":"ew=="}"#, Flaw::Unfinished)]
    {
        let (_, error) = everywhere("payload", &payload(payload_text), bedrock);
        let error = error.unwrap();
        assert!(
            matches!(error.kind(), ErrorKind::Malformed { flaw: found, .. } if *found == flaw),
            "{error}"
        );
    }
}

#[test]
fn lengths_that_cannot_be_are_refused_before_anything_is_held() {
    let prelude = |total: u32, headers: u32| {
        let mut prelude = [total.to_be_bytes(), headers.to_be_bytes()].concat();
        prelude.extend(crc32fast::hash(&prelude).to_be_bytes());
        prelude
    };
    for (total, headers) in [(0, 0), (15, 0), (100, 85), (20, u32::MAX)] {
        let (_, error) = everywhere("length", &prelude(total, headers), bedrock);
        assert_eq!(error.unwrap().kind().name(), "malformed", "{total}, {headers}");
    }
    let (_, error) = everywhere("limit", &prelude(u32::MAX, 0), bedrock);
    assert!(matches!(error.unwrap().kind(), ErrorKind::Limit { limit: LimitKind::EventBytes, .. }));
    let small = || bedrock().limits(Limits { event_bytes: 100, ..Limits::default() });
    let (_, error) = everywhere("small limit", &stream([START]), small);
    assert_eq!(error.unwrap().kind().name(), "limit");
}

#[test]
fn only_the_whole_is_complete() {
    let whole = stream([START, &open(0, TEXT), &text(0, "Hi"), &shut(0), &end("end_turn"), STOP]);
    for len in 0..whole.len() {
        let (_, error) = decode(bedrock(), [&whole[..len]]);
        let error = error.unwrap_or_else(|| panic!("complete after {len} bytes"));
        let kind = error.kind().name();
        assert!(matches!(kind, "incomplete" | "unterminated") || len == 0, "{len}: {error}");
        assert_eq!(kind == "empty_stream", len == 0);
        assert_eq!(error.offset(), len as u64);
    }
    let late = [whole, b"anything".to_vec()].concat();
    assert!(decode(bedrock(), [&late[..]]).1.is_none());
}

#[test]
fn another_stream_is_handed_out_raw() {
    let headers = [(":event-type", "messageStart"), (":message-type", "event")];
    let stream = message(&headers, r#"{"role":"assistant"}"#);
    let place = stream.len();
    let seen = r#"unknown messageStart {"role":"assistant"}"#;
    // It is not one that was cut, which would be worth asking for again.
    let error = format!(
        "error no_events: the body has no event but JSON: of another API, or `stream` was left out of the request (byte {place})"
    );
    let (_, ended) = check("converse", &stream, &[seen, &error]);
    assert!(!ended.unwrap().is_transient());
    // Nor is what another model says, which has no type.
    let other = [chunk(r#"{"outputText":"a","index":0}"#), chunk(r#"{"outputText":"b"}"#)].concat();
    let excerpt = r#"error no_events: the body has no event but JSON: of another API"#;
    let ended = everywhere("another model", &other, bedrock).1.unwrap();
    assert!(format!("error {}: {ended}", ended.kind().name()).starts_with(excerpt), "{ended}");
    let begins = message(&headers, "{}");
    let stream = [begins, chunk(START)].concat();
    let (_, ended) = decode(bedrock(), [&stream[..]]);
    assert_eq!(ended.unwrap().kind().name(), "incomplete", "a reply has begun behind it");
}

/// Who forgets the carrier is told so, and not that the sender's message is damaged.
#[test]
fn text_is_known_for_what_it_is() {
    let chat = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[]}\n\n";
    let created = r#"{"type":"response.created","response":{"id":"resp_1"}}"#;
    let texts = [
        (sse([START, STOP]), "other_protocol: the stream speaks another protocol: anthropic"),
        (
            sse([": busy\n\n", PING, START]),
            "other_protocol: the stream speaks another protocol: anthropic",
        ),
        (sse([chat]), "other_protocol: the stream speaks another protocol: openai_chat"),
        (sse([created]), "other_protocol: the stream speaks another protocol: openai_responses"),
        (
            br#"{"message":"no such model"}"#.to_vec(),
            "no_events: the body has no event but JSON: of another API",
        ),
        (br#"{"error":{"message":"no"}}"#.to_vec(), "server: the server reported an error: no"),
        (b"<html>".to_vec(), "no_events: "),
        (b"data: {\"candidates\":[]}\n\n".to_vec(), "no_events: "),
        (b"<p>busy</p>\n".repeat(1000), "no_events: "),
        (sse([": busy\n\n"]), "empty_stream: "),
    ];
    for (text, expected) in texts {
        let (events, error) = everywhere(expected, &text, bedrock);
        let error = error.unwrap();
        let said = format!("{}: {error}", error.kind().name());
        assert!(said.starts_with(expected) && events.is_empty(), "{said}");
    }
}

#[test]
fn and_messages_are_where_text_should_be() {
    let stream = stream([START, STOP]);
    for protocol in [Protocol::Anthropic, Protocol::OpenAiResponses, Protocol::OpenAiChat] {
        let (_, error) = everywhere("binary", &stream, || Decoder::new(protocol));
        let error = error.unwrap();
        let spoken = Protocol::AnthropicOnBedrock;
        let expected = ErrorKind::OtherProtocol { spoken };
        assert_eq!(format!("{:?}", error.kind()), format!("{expected:?}"), "{protocol}");
    }
}

/// Recorded streams: those that end with `message_stop` are complete, cut anywhere.
#[test]
fn recorded_streams_are_complete() {
    let Some(corpus) = std::env::var_os("THINKSTREAM_CORPUS") else {
        eprintln!("skipped: THINKSTREAM_CORPUS names no folder");
        return;
    };
    let mut complete = 0;
    for entry in std::fs::read_dir(std::path::Path::new(&corpus).join("bedrock")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "eventstream") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let whole = decode(bedrock(), [&bytes[..]]);
        for width in [1, 100, 1460] {
            let cut = decode(bedrock(), bytes.chunks(width));
            assert_eq!(log(&cut), log(&whole), "{}, width {width}", path.display());
        }
        let warned = whole.0.iter().any(|event| matches!(event, Event::Warning(_)));
        if let (Some(Event::Complete(done)), None) = (whole.0.last(), &whole.1) {
            complete += 1;
            assert!(!warned && done.stop_reason().is_some(), "{}", path.display());
            assert!(done.usage().output_tokens.is_some(), "{}", path.display());
        } else {
            // Of other models and other calls: every message is read, and none is understood. Claude's former API
            // has types as this one has.
            let kind = whole.1.as_ref().unwrap().kind().name();
            let former = path.ends_with("invoke-claude-01.eventstream");
            assert_eq!(kind, if former { "incomplete" } else { "no_events" }, "{}", path.display());
        }
    }
    assert!(complete >= 5, "only {complete} streams are complete");
}

#[test]
fn a_decoder_that_is_reset_reads_messages_again() {
    let stream = stream([START, &open(0, TEXT), &text(0, "a"), &shut(0), &end("end_turn"), STOP]);
    let expected = decode(bedrock(), [&stream[..]]);
    let mut decoder = bedrock();
    for chunk in [&stream[..7], b"no such message"] {
        while let Ok(Some(_)) = decoder.decode(&mut Bytes::copy_from_slice(chunk)) {}
    }
    decoder.reset();
    assert_eq!(decoder.protocol(), Protocol::AnthropicOnBedrock);
    assert_eq!(log(&decode(decoder, [&stream[..]])), log(&expected));
}
