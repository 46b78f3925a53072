//! Responses that are no event stream.

use bytes::Bytes;
use http::response::Builder;
use thinkstream::{Decoder, Error, ErrorKind, Protocol, Refused};

fn decoder(protocol: Protocol, response: Builder) -> Result<Decoder, Refused> {
    let response = response.body(()).unwrap();
    Decoder::for_response(protocol, response.status(), response.headers())
}

/// What becomes of a response with this status, content type and body.
fn refused(status: u16, content_type: Option<&str>, body: &str) -> Option<Error> {
    let mut response = http::Response::builder().status(status).header("request-id", "req_1");
    if let Some(content_type) = content_type {
        response = response.header("content-type", content_type);
    }
    let whole = response.body(()).unwrap();
    let refused =
        Decoder::for_response(Protocol::Anthropic, whole.status(), whole.headers()).err()?;
    assert_eq!(refused.status(), status);
    let error = refused.into_error(body.as_bytes());
    assert!(error.retry_safe());
    // A decoder that is given the response, and all of the body, comes to the same.
    for width in [1, 7, body.len().max(1)] {
        let mut decoder =
            Decoder::new(Protocol::Anthropic).response(whole.status(), whole.headers());
        for chunk in body.as_bytes().chunks(width) {
            let mut chunk = Bytes::copy_from_slice(chunk);
            match decoder.decode(&mut chunk) {
                Ok(event) => assert!(event.is_none() && chunk.is_empty()),
                // Enough has come to say what it is.
                Err(early) => assert_same(&early, &error),
            }
        }
        for _ in 0..2 {
            assert_same(&decoder.finish().unwrap_err(), &error);
        }
        assert_same(&decoder.decode(&mut Bytes::from("data: {}")).unwrap_err(), &error);
        assert!(!decoder.is_complete());
    }
    Some(error)
}

#[track_caller]
fn assert_same(found: &Error, expected: &Error) {
    assert_eq!(found.to_string(), expected.to_string());
    assert_eq!(found.status(), expected.status());
    assert_eq!(found.headers(), expected.headers());
}

#[test]
fn an_event_stream_is_let_through() {
    for content_type in [None, Some("text/event-stream"), Some("Text/Event-Stream ; charset=utf-8")]
    {
        assert!(refused(200, content_type, "").is_none(), "{content_type:?}");
    }
    let bedrock = http::Response::builder()
        .header("content-type", "application/vnd.amazon.eventstream")
        .header("x-amzn-requestid", "req_2");
    let mut decoder = decoder(Protocol::AnthropicOnBedrock, bedrock).unwrap();
    assert_eq!(decoder.finish().unwrap_err().request_id().unwrap(), "req_2");
}

/// Relays are known to stream what they refuse, too.
#[test]
fn an_error_may_be_framed() {
    let quota = r#"{"error":{"message":"Exceeded","type":"insufficient_quota","code":"insufficient_quota"}}"#;
    for (status, body, kind, transient) in [
        (429, format!("data: {quota}\n\ndata: [DONE]\n\n"), "insufficient_quota", false),
        (429, format!(": hold on\r\n\r\ndata: {quota}"), "insufficient_quota", false),
        (
            504,
            r#"event: error
data: {"type":"error","error":{"type":"timeout_error","message":"Late"}}"#
                .into(),
            "timeout_error",
            true,
        ),
        (500, "data: {\"message\":\"Broken\"}\n\n".into(), "", true),
    ] {
        for content_type in [Some("text/event-stream"), Some("text/plain"), None] {
            let error = refused(status, content_type, &body).unwrap();
            let ErrorKind::Server(server) = error.kind() else { panic!("{error}") };
            assert_eq!((server.error_type.as_str(), server.status), (kind, Some(status)), "{body}");
            assert_eq!(error.is_transient(), transient, "{body}");
        }
    }
    let plain = refused(502, Some("text/event-stream"), "data: Bad gateway\n\n").unwrap();
    assert_eq!(plain.kind().name(), "refused");
}

/// The error bodies of the providers, each with its type and message.
#[test]
fn errors_of_the_providers() {
    let cases = [
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: required"},"request_id":"req_9"}"#,
            "invalid_request_error",
            "max_tokens: required",
        ),
        (
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            "overloaded_error",
            "Overloaded",
        ),
        (
            401,
            r#"{"error":{"message":"Incorrect API key","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
            "invalid_request_error",
            "Incorrect API key",
        ),
        (503, r#"{"error":"upstream is down"}"#, "", "upstream is down"),
        (
            403,
            r#"{"message":"The security token is invalid."}"#,
            "",
            "The security token is invalid.",
        ),
        (403, r#"{"Message":"Not authorized"}"#, "", "Not authorized"),
    ];
    for (status, body, kind, message) in cases {
        let error = refused(status, Some("application/json"), body).unwrap();
        let ErrorKind::Server(server) = error.kind() else { panic!("{error}") };
        assert_eq!((server.error_type.as_str(), &*server.message), (kind, message));
        assert_eq!(error.status(), Some(status));
        assert!(matches!(error.request_id().unwrap().as_str(), "req_1" | "req_9"));
    }
}

#[test]
fn amazon_names_its_errors_in_a_header() {
    let response = http::Response::builder()
        .status(429)
        .header("content-type", "application/json")
        .header("x-amzn-errortype", "ThrottlingException:http://internal.amazon.com/");
    let refused = decoder(Protocol::AnthropicOnBedrock, response).unwrap_err();
    let error = refused.into_error(br#"{"message":"Too many requests"}"#);
    let ErrorKind::Server(server) = error.kind() else { panic!("{error}") };
    assert_eq!(server.error_type.as_str(), "ThrottlingException");
}

/// Whatever else it is comes with its beginning, on one line of printable characters.
#[test]
fn what_is_no_error_of_an_api() {
    let long = "x".repeat(100_000);
    let cases = [
        (502, Some("text/html"), "<html>\r\n<body>Bad\u{1b}[31m Gateway", "<html>"),
        (200, Some("text/html; charset=utf-8"), "<!doctype html>", "<!doctype html>"),
        (
            200,
            Some("application/json"),
            r#"{"type":"message","content":[]}"#,
            "{\"type\":\"message\"",
        ),
        (200, Some("application/json"), r#"{"id":"msg","message":"hi"}"#, "{\"id\":"),
        (500, None, "", ""),
        (204, Some("text/event-stream"), "", ""),
        (500, Some("text/plain"), &long, "xxxx"),
        (500, Some("application/json"), r#"{"error":"#, "{\"error\":"),
    ];
    for (status, content_type, body, begins) in cases {
        let error = refused(status, content_type, body).unwrap();
        let ErrorKind::Refused { status: found, excerpt } = error.kind() else { panic!("{error}") };
        assert_eq!(*found, status);
        assert!(excerpt.starts_with(begins) && excerpt.chars().count() <= 64, "{excerpt}");
        let line = error.to_string();
        assert!(
            line.len() <= 256 && line.bytes().all(|byte| (0x20..0x7f).contains(&byte)),
            "{line}"
        );
        assert_eq!(error.status(), Some(status));
    }
    // A body in bytes that are no text.
    let response = http::Response::builder().status(500);
    let refused = decoder(Protocol::Anthropic, response).unwrap_err();
    assert_eq!(refused.to_string(), "the response, with status 500, is no event stream");
    assert_eq!(refused.into_error(b"\xff\x00").kind().name(), "refused");
}

#[test]
fn what_is_compressed_is_not_read() {
    for (encoding, named) in [("gzip", Some("gzip")), ("br, gzip", Some("br, gzip"))]
        .into_iter()
        .chain([("identity", None), ("IDENTITY", None), ("", None)])
    {
        let response = || http::Response::builder().header("content-encoding", encoding);
        let refused = decoder(Protocol::Anthropic, response()).err();
        assert_eq!(refused.is_some(), named.is_some(), "{encoding}");
        let Some(named) = named else { continue };
        let error = refused.unwrap().into_error(b"\x1f\x8b\x08");
        let ErrorKind::Encoded { status: 200, encoding } = error.kind() else { panic!("{error}") };
        assert_eq!(encoding, named);
        assert_eq!(
            error.to_string(),
            format!("the response, with status 200, is encoded: {named}")
        );
        let error = decoder(Protocol::Anthropic, response().status(529)).unwrap_err();
        assert_eq!(error.into_error(b"").status(), Some(529));
    }
}

/// Of a page without an end only the beginning is kept, and what was set before stays.
#[test]
fn a_refused_body_is_bounded() {
    let response = http::Response::builder().status(502).body(()).unwrap();
    let mut decoder = Decoder::new(Protocol::OpenAiChat)
        .request_id("req_0")
        .response(response.status(), response.headers());
    let page = Bytes::from(vec![b'x'; 1 << 10]);
    let results = (0..1000).map(|_| decoder.decode(&mut page.clone()).map(|event| event.is_none()));
    assert_eq!(results.filter(|result| matches!(result, Ok(true))).count(), 63);
    let error = decoder.finish().unwrap_err();
    assert_eq!(error.request_id().unwrap(), "req_0");
    assert_eq!(error.status(), Some(502));
}

/// A stream under another content type is refused as a whole: no event of it comes out.
#[test]
fn no_event_of_what_is_refused() {
    let response = http::Response::builder().header("content-type", "text/plain").body(()).unwrap();
    let mut decoder =
        Decoder::new(Protocol::Anthropic).response(response.status(), response.headers());
    let mut body = Bytes::from_static(
        b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
          \"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n",
    );
    assert!(decoder.decode(&mut body).unwrap().is_none());
    let error = decoder.finish().unwrap_err();
    assert_eq!(error.kind().name(), "refused");
    assert_eq!(decoder.message(), thinkstream::Message::default());
}

#[test]
fn what_is_refused_has_the_headers_of_its_response() {
    let response = http::Response::builder().status(429).header("retry-after", "30");
    let refused = decoder(Protocol::Anthropic, response).unwrap_err();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers().retry_after.unwrap().as_secs(), 30);
}
