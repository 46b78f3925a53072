//! Responses that are no event stream.

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
    let refused = decoder(Protocol::Anthropic, response).err()?;
    assert_eq!(refused.status(), status);
    let error = refused.into_error(body.as_bytes());
    assert!(error.retry_safe());
    Some(error)
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
