//! Replies that were not streamed: read as a stream that says all at once, so that they come out the same.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use super::Decoder;
use crate::error::{Error, ErrorKind};
use crate::event::{Complete, Event};
use crate::json::edit::{raw_member, string_member, with_member, without_member};
use crate::json::reader::{Items, Reader};
use crate::protocol::Protocol;
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
    /// [`ErrorKind::Incomplete`] if the reply has not ended, as of a response in the background. Its offset counts in
    /// no stream, and says nothing.
    pub fn from_body(protocol: Protocol, body: &[u8]) -> Result<Self, Error> {
        let body = String::from_utf8_lossy(body);
        let Some(stream) = stream(protocol, &body) else {
            let excerpt = || body.chars().take(64).collect::<String>().into();
            let error = read_error_body(&body);
            let kind = error.map(|error| ErrorKind::Server(error.into()));
            return Err(Error::bare(
                kind.unwrap_or_else(|| ErrorKind::NoEvents { excerpt: excerpt() }),
                0,
            ));
        };
        let protocol = match protocol {
            Protocol::AnthropicOnBedrock => Protocol::Anthropic,
            other => other,
        };
        let mut decoder = Decoder::new(protocol);
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

/// The reply as a stream.
fn stream(protocol: Protocol, body: &str) -> Option<String> {
    Reader::new(body).whole().ok()?;
    let is_array = |key: &str| raw_member(body, key).is_some_and(|raw| raw.starts_with('['));
    // Between values a line end is white space, and in strings there is none.
    let line: Cow<'_, str> = match body.contains(['\n', '\r']) {
        true => Cow::Owned(body.replace(['\n', '\r'], " ")),
        false => Cow::Borrowed(body),
    };
    match protocol {
        Protocol::Anthropic | Protocol::AnthropicOnBedrock => is_array("content").then(|| {
            let start = format!(r#"{{"type":"message_start","message":{line}}}"#);
            format!("data: {start}\n\ndata: {{\"type\":\"message_stop\"}}\n\n")
        }),
        Protocol::OpenAiResponses => is_array("output").then(|| {
            let name = match string_member(body, "status").as_deref() {
                Some("incomplete") => "incomplete",
                Some("failed") => "failed",
                Some("queued" | "in_progress") => "in_progress",
                _ => "completed",
            };
            format!("data: {{\"type\":\"response.{name}\",\"response\":{line}}}\n\n")
        }),
        Protocol::OpenAiChat => {
            let choices = raw_member(&line, "choices").filter(|raw| raw.starts_with('['))?;
            let choices: Vec<String> = Items::new(choices).map(chunk).collect();
            let chunk = with_member(&line, "choices", &format!("[{}]", choices.join(","))).ok()?;
            Some(format!("data: {chunk}\n\ndata: [DONE]\n\n"))
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
