//! Replies that were not streamed: read as a stream that says all at once, so that they come out the same.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use super::Decoder;
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
    /// [`ErrorKind::Server`] if the body is an error of the API; [`ErrorKind::NoEvents`] if it is no reply of it;
    /// [`ErrorKind::Incomplete`] if the reply has not ended, as of a response in the background;
    /// [`ErrorKind::Malformed`] if it is no UTF-8, or not what the API writes. The offsets of the last two count in no
    /// stream, and say nothing. There are no limits: all of it is in memory already.
    pub fn from_body(protocol: Protocol, body: &[u8]) -> Result<Self, Error> {
        // As a stream may begin with a byte order mark, so may a file.
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
        let text = String::from_utf8_lossy(body);
        let Some(stream) = stream(protocol, &text) else {
            let excerpt = || text.chars().take(64).collect::<String>().into();
            let error = read_error_body(&text);
            let kind = error.map(|error| ErrorKind::Server(error.into()));
            return Err(Error::bare(
                kind.unwrap_or_else(|| ErrorKind::NoEvents { excerpt: excerpt() }),
                0,
            ));
        };
        // An error may be worded as it likes; of a reply not a byte is made up.
        if let Err(flaw) = core::str::from_utf8(body) {
            let at = u64::try_from(flaw.valid_up_to()).unwrap_or(u64::MAX);
            let (event, index) = (Text::from("body"), None);
            return Err(Error::bare(ErrorKind::Malformed { event, index, flaw: Flaw::Utf8 }, at));
        }
        let protocol = match protocol {
            Protocol::AnthropicOnBedrock => Protocol::Anthropic,
            other => other,
        };
        let mut decoder = Decoder::new(protocol).limits(limits(stream.len()));
        let mut input = Bytes::from(stream);
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
}

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

/// A frame with this data. In JSON line ends stand between values alone, and there they stay.
fn frame(data: &str) -> String {
    let lines = data.replace("\r\n", "\n").replace('\r', "\n");
    format!("data: {}\n\n", lines.replace('\n', "\ndata: "))
}

/// The reply as a stream.
fn stream(protocol: Protocol, body: &str) -> Option<String> {
    Reader::new(body).whole().ok()?;
    let is_array = |key: &str| raw_member(body, key).is_some_and(|raw| raw.starts_with('['));
    match protocol {
        Protocol::Anthropic | Protocol::AnthropicOnBedrock => is_array("content").then(|| {
            let start = frame(&format!(r#"{{"type":"message_start","message":{body}}}"#));
            [start, frame(r#"{"type":"message_stop"}"#)].concat()
        }),
        Protocol::OpenAiResponses => is_array("output").then(|| {
            let name = match string_member(body, "status").as_deref() {
                Some("incomplete") => "incomplete",
                Some("failed") => "failed",
                Some("queued" | "in_progress") => "in_progress",
                _ => "completed",
            };
            frame(&format!(r#"{{"type":"response.{name}","response":{body}}}"#))
        }),
        Protocol::OpenAiChat => {
            let choices = raw_member(body, "choices").filter(|raw| raw.starts_with('['))?;
            let choices: Vec<String> = Items::new(choices).map(chunk).collect();
            let chunk = with_member(body, "choices", &format!("[{}]", choices.join(","))).ok()?;
            Some([frame(&chunk), frame("[DONE]")].concat())
        }
    }
}

/// A choice with its message as one delta.
fn chunk(choice: &str) -> String {
    let delta = raw_member(choice, "message").and_then(|message| {
        with_member(&without_member(choice, "message").ok()?, "delta", message).ok()
    });
    delta.unwrap_or_else(|| choice.into())
}
