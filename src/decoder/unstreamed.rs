//! Replies that were not streamed: read as a stream that says all at once, so that they come out the same.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::{Buf, Bytes};

use super::Decoder;
use crate::assemble::Came;
use crate::error::{Error, ErrorKind};
use crate::event::{Complete, Event};
use crate::json::Flaw;
use crate::json::edit::{raw_member, string_member, with_member, without_member};
use crate::json::reader::{Items, Reader};
use crate::limits::Limits;
use crate::protocol::Protocol;
use crate::text::Text;
use crate::wire::read_error_body;

impl Complete {
    /// The reply in the body of a response that was not streamed: of a request without `stream`, of a batch, from a
    /// log. It is what the same reply would have been as a stream; of Bedrock, that is `InvokeModel`'s.
    ///
    /// ```
    /// use thinkstream::{Complete, Protocol};
    ///
    /// let body = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-4-8",
    ///   "content":[{"type":"text","text":"Four."}],"stop_reason":"end_turn","usage":{"output_tokens":3}}"#;
    /// let done = Complete::from_body(Protocol::Anthropic, body.as_bytes())?;
    /// assert_eq!(done.message.text(), "Four.");
    /// assert_eq!(done.usage().output_tokens, Some(3));
    /// # Ok::<(), thinkstream::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Server`] if the body is an error of the API; [`ErrorKind::NoEvents`] if it is no reply of it, but of
    /// [another](Protocol::detect_body), or of none;
    /// [`ErrorKind::Incomplete`] if the reply has not ended, as of a response in the background, or breaks off;
    /// [`ErrorKind::Malformed`] if it is no UTF-8, or not what the API writes. The offsets of the last two count in no
    /// stream, and say nothing. There are no limits: all of it is in memory already.
    pub fn from_body(protocol: Protocol, body: &[u8]) -> Result<Self, Error> {
        let mut decoder = Decoder::new(protocol).limits(limits(body.len()));
        if !decoder.take_whole(body) {
            return Err(decoder.fail(stated(body), 0));
        }
        whole(decoder, Bytes::new())
    }

    /// The reply in a response whose body is at hand whole, streamed or not: as [`from_body`](Self::from_body) has it,
    /// with the id of the request.
    ///
    /// ```
    /// use thinkstream::{Complete, Protocol};
    ///
    /// let response = http::Response::builder()
    ///     .header("content-type", "application/json")
    ///     .header("request-id", "req_1")
    ///     .body(r#"{"type":"message","content":[{"type":"text","text":"Four."}],"stop_reason":"end_turn"}"#)?;
    /// let (parts, body) = response.into_parts();
    /// let (status, headers) = (parts.status, &parts.headers);
    /// let done = Complete::from_response(Protocol::Anthropic, status, headers, body.as_bytes())?;
    /// assert_eq!(done.request_id.as_deref(), Some("req_1"));
    /// assert_eq!(done.message.text(), "Four.");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As of [`from_body`](Self::from_body), with the status and the [`Headers`](crate::Headers) of the response; of a
    /// status that is not 200 and of a body that is compressed, as [`Refused`](super::Refused) has it.
    #[cfg(feature = "http")]
    pub fn from_response(
        protocol: Protocol,
        status: http::StatusCode,
        headers: &http::HeaderMap,
        body: &[u8],
    ) -> Result<Self, Error> {
        let decoder = Decoder::new(protocol).limits(limits(body.len())).unstreamed(true);
        let decoder = decoder.response(status, headers);
        let body = Bytes::copy_from_slice(body);
        match whole(decoder, body.clone()) {
            // Without a content type it was read as a stream.
            Err(error) if matches!(error.kind(), ErrorKind::NoEvents { .. }) => {
                let request_id = error.request_id().cloned();
                let done = Self::from_body(protocol, &body).map_err(|_| error)?;
                Ok(Self { request_id, ..done })
            }
            done => done,
        }
    }
}

impl Protocol {
    /// The protocol of a reply that was not streamed, by its body; `None` if it is no such reply. Bedrock's `InvokeModel`
    /// has the bodies of [`Anthropic`](Self::Anthropic).
    ///
    /// ```
    /// use thinkstream::{Complete, Protocol};
    ///
    /// let body = br#"{"object":"response","status":"completed","output":[]}"#;
    /// let protocol = Protocol::detect_body(body).unwrap();
    /// assert_eq!(protocol, Protocol::OpenAiResponses);
    /// assert!(Complete::from_body(protocol, body)?.message.complete);
    /// assert_eq!(Protocol::detect_body(b"{}"), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn detect_body(body: &[u8]) -> Option<Self> {
        let body = String::from_utf8_lossy(body.strip_prefix(BOM).unwrap_or(body));
        let known = [Self::Anthropic, Self::OpenAiResponses, Self::OpenAiChat];
        known.into_iter().find(|protocol| stream(*protocol, &body).is_some())
    }
}

/// The end of a stream that is at hand whole.
fn whole(mut decoder: Decoder, mut input: Bytes) -> Result<Complete, Error> {
    while let Some(event) = decoder.decode(&mut input)? {
        if let Event::Complete(done) = event {
            return Ok(*done);
        }
    }
    while let Some(event) = decoder.finish()? {
        if let Event::Complete(done) = event {
            return Ok(*done);
        }
    }
    Err(Error::bare(ErrorKind::EmptyStream, 0))
}

impl Decoder {
    /// Takes a body that may be a reply which was not streamed, and says whether it is: its events wait in the queue
    /// then, or the error that ends it.
    pub(super) fn take_whole(&mut self, body: &[u8]) -> bool {
        let stream = match read(self.protocol(), body, self.machine.ledger().lossy) {
            Ok(Some(stream)) => stream,
            Ok(None) => return false,
            Err((kind, at)) => {
                self.failed = None;
                self.fail(kind, at);
                return true;
            }
        };
        self.failed = None;
        self.machine.ledger_mut().came = Came::Whole;
        // Its bytes were counted as those of a message.
        let limit = self.sse.limit();
        self.sse.set_limit(limit.max(stream.len()));
        let mut input = Bytes::from(stream);
        while !input.is_empty() && self.failed.is_none() {
            let taken = self.scan(&input, &input);
            input.advance(taken);
        }
        self.sse.set_limit(limit);
        true
    }
}

/// As a stream may begin with a byte order mark, so may a file.
pub(super) const BOM: &[u8] = b"\xEF\xBB\xBF";

/// What is at hand whole has no need of a smaller limit.
fn limits(len: usize) -> Limits {
    let limits = Limits::default();
    Limits {
        event_bytes: limits.event_bytes.max(len),
        message_bytes: limits.message_bytes.max(len.saturating_mul(2)),
        tool_input_bytes: limits.tool_input_bytes.max(len),
        blocks: limits.blocks.max(len),
    }
}

/// A frame of this name, with this data. In JSON line ends stand between values alone, and there they stay.
fn frame(name: &str, data: &str) -> String {
    let lines = data.replace("\r\n", "\n").replace('\r', "\n");
    let name = if name.is_empty() { String::new() } else { format!("event: {name}\n") };
    format!("{name}data: {}\n\n", lines.replace('\n', "\ndata: "))
}

/// The body of a reply as a stream; nothing if it is of something else.
pub(super) fn read(
    protocol: Protocol,
    body: &[u8],
    lossy: bool,
) -> Result<Option<String>, (ErrorKind, u64)> {
    let at = |place: usize| u64::try_from(place).unwrap_or(u64::MAX);
    let body = body.strip_prefix(BOM).unwrap_or(body);
    let text = String::from_utf8_lossy(body);
    if breaks_off(&text) {
        return Err((ErrorKind::Incomplete { leftover: at(body.len()) }, at(body.len())));
    }
    let Some(stream) = stream(protocol, &text) else {
        return Ok(None);
    };
    // An error may be worded as it likes; of a reply not a byte is made up.
    if let (Err(flaw), false) = (core::str::from_utf8(body), lossy) {
        let event = Text::from("body");
        let kind = ErrorKind::Malformed { event, index: None, flaw: Flaw::Utf8 };
        return Err((kind, at(flaw.valid_up_to())));
    }
    Ok(Some(stream))
}

/// Whether it is an object that has not come to its end.
pub(super) fn breaks_off(body: &str) -> bool {
    let is_object = body.trim_start().starts_with('{');
    is_object && Reader::new(body).whole().is_err_and(|flaw| flaw.flaw == Flaw::Unfinished)
}

/// What a body states that is no reply.
fn stated(body: &[u8]) -> ErrorKind {
    let text = String::from_utf8_lossy(body);
    match read_error_body(&text) {
        Some(error) => ErrorKind::Server(error.into()),
        None => ErrorKind::NoEvents { excerpt: text.chars().take(64).collect::<String>().into() },
    }
}

/// The reply as a stream.
fn stream(protocol: Protocol, body: &str) -> Option<String> {
    Reader::new(body).whole().ok()?;
    let is_array = |key: &str| raw_member(body, key).is_some_and(|raw| raw.starts_with('['));
    match protocol {
        Protocol::Anthropic | Protocol::AnthropicOnBedrock => says_content(body).then(|| {
            let start = format!(r#"{{"type":"message_start","message":{body}}}"#);
            let stop = frame("message_stop", r#"{"type":"message_stop"}"#);
            [frame("message_start", &start), stop].concat()
        }),
        Protocol::OpenAiResponses => is_array("output").then(|| {
            let name = match string_member(body, "status").as_deref() {
                Some("incomplete") => "response.incomplete",
                Some("failed") => "response.failed",
                Some("queued" | "in_progress") => "response.in_progress",
                _ => "response.completed",
            };
            let known = ["id", "model"]
                .into_iter()
                .filter_map(|key| raw_member(body, key).map(|value| format!(r#""{key}":{value}"#)));
            let known = known.collect::<Vec<_>>().join(",");
            let begun = format!(r#"{{"type":"response.created","response":{{{known}}}}}"#);
            let ended = format!(r#"{{"type":"{name}","response":{body}}}"#);
            [frame("response.created", &begun), frame(name, &ended)].concat()
        }),
        Protocol::OpenAiChat => {
            let choices = raw_member(body, "choices").filter(|raw| raw.starts_with('['))?;
            let choices: Vec<String> = Items::new(choices).map(chunk).collect();
            let chunk = with_member(body, "choices", &format!("[{}]", choices.join(","))).ok()?;
            Some([frame("", &chunk), frame("", "[DONE]")].concat())
        }
    }
}

/// Whether a message of Anthropic's says what it has said, be it nothing.
fn says_content(body: &str) -> bool {
    let content = raw_member(body, "content").unwrap_or_default();
    content.starts_with('[') || content == "null" && raw_member(body, "stop_reason").is_some()
}

/// A choice with its message as one delta.
fn chunk(choice: &str) -> String {
    let delta = raw_member(choice, "message").and_then(|message| {
        with_member(&without_member(choice, "message").ok()?, "delta", message).ok()
    });
    delta.unwrap_or_else(|| choice.into())
}
