//! Whether a response is an event stream at all, and what it says if it is not.

use core::fmt;

use alloc::boxed::Box;
use alloc::string::String;

use bytes::{Buf, Bytes};
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName};
use serde::{Deserialize, Serialize};

use super::unstreamed::breaks_off;
use super::{Decoder, Head};
use crate::error::{Error, ErrorKind, LimitKind, ServerError};
use crate::headers::Headers;
use crate::json::edit::string_member;
use crate::message::Message;
use crate::protocol::Protocol;
use crate::sse::{Found, Scanner};
use crate::text::Text;
use crate::wire::read_error_body;

/// A response that is no event stream: its body says why.
///
/// # Example
///
/// ```
/// use thinkstream::{Decoder, ErrorKind, Protocol};
///
/// let response = http::Response::builder()
///     .status(429)
///     .header("content-type", "application/json")
///     .header("retry-after", "30")
///     .header("request-id", "req_1")
///     .body(r#"{"type":"error","error":{"type":"rate_limit_error","message":"Slow down"}}"#)?;
///
/// let (status, headers) = (response.status(), response.headers());
/// let refused = Decoder::for_response(Protocol::Anthropic, status, headers).unwrap_err();
/// let error = refused.into_error(response.body().as_bytes());
///
/// assert_eq!(error.to_string(), "the server reported rate_limit_error: Slow down (request req_1)");
/// assert_eq!(error.status(), Some(429));
/// assert_eq!(error.headers().retry_after.map(|wait| wait.as_secs()), Some(30));
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[must_use]
pub struct Refused {
    protocol: Protocol,
    status: u16,
    headers: Box<Headers>,
    /// How the body is encoded, if it is: then it cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encoding: Option<Text>,
}

impl Decoder {
    /// A decoder for the body of this response, which knows its [`Headers`].
    ///
    /// # Errors
    ///
    /// If the status is not 200, the content type is that of something else, or the body is compressed:
    /// have your client unpack it, or ask for no encoding. A response without a content type is let
    /// through: what its body is shows soon enough.
    pub fn for_response(
        protocol: Protocol,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<Self, Refused> {
        let kept = Headers::from(headers);
        match refused(protocol, status, headers) {
            Some(encoding) => Err(Refused::new(protocol, status, kept, encoding)),
            None => Ok(Self::new(protocol).headers(kept)),
        }
    }

    /// Sets the response that the body is of.
    ///
    /// What is no event stream, as [`for_response`](Self::for_response) has it, is then not decoded: no
    /// event comes of it, and its end is the error that its body states. Of that 64 KiB are read.
    ///
    /// # Example
    ///
    /// ```
    /// use thinkstream::{Decoder, Protocol};
    ///
    /// let response = http::Response::builder().status(529).header("request-id", "req_1").body(
    ///     r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
    /// )?;
    /// let mut decoder =
    ///     Decoder::new(Protocol::Anthropic).response(response.status(), response.headers());
    /// let mut body = response.into_body().into();
    /// assert!(decoder.decode(&mut body)?.is_none());
    /// let error = decoder.finish().unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "the server reported overloaded_error: Overloaded (request req_1)"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn response(mut self, status: StatusCode, headers: &HeaderMap) -> Self {
        let protocol = self.protocol();
        self = self.headers(headers.into());
        if let Some(encoding) = refused(protocol, status, headers) {
            let known = encoding.is_some();
            let whole = !known && status == StatusCode::OK && is_json(headers);
            let headers = self.headers.as_deref().cloned().unwrap_or_default();
            let refused = Refused::new(protocol, status, headers, encoding);
            // Until the body has been seen. A decoder that failed looks at nothing.
            self.failed = Some(refused.clone().into_error(b""));
            let head = Head { refused: Some(refused), whole, ..Head::default() };
            // Of what is encoded, the body says nothing.
            self.head = (!known).then(|| head.into());
        }
        self
    }

    /// Whether a reply that was not streamed is taken too, if the [`response`](Self::response) is JSON with status 200.
    /// Off unless set: who has asked for a stream and is sent none is told so, by an error.
    ///
    /// Its events come all at once, at the end of the body: those that the same reply would have had as a stream. Until
    /// then the body is kept, of which at most [`Limits::message_bytes`](crate::Limits::message_bytes). Of a reply that
    /// is at hand whole, [`Complete::from_response`](crate::Complete::from_response) makes the same.
    ///
    /// # Example
    ///
    /// ```
    /// use thinkstream::{Decoder, Event, Protocol};
    ///
    /// let response = http::Response::builder().header("content-type", "application/json").body(
    ///     r#"{"type":"message","content":[{"type":"text","text":"Four."}],"stop_reason":"end_turn"}"#,
    /// )?;
    /// let mut decoder = Decoder::new(Protocol::Anthropic)
    ///     .unstreamed(true)
    ///     .response(response.status(), response.headers());
    /// let mut body = response.into_body().into();
    /// assert!(decoder.decode(&mut body)?.is_none());
    /// let mut answer = String::new();
    /// while let Some(event) = decoder.finish()? {
    ///     if let Event::Token(token) = event {
    ///         answer.push_str(&token.text);
    ///     }
    /// }
    /// assert_eq!(answer, "Four.");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unstreamed(mut self, unstreamed: bool) -> Self {
        self.machine.ledger_mut().unstreamed = unstreamed;
        self
    }

    /// Whether the response is refused, and so its body no stream; takes a chunk of it.
    pub(super) fn refuse(&mut self, input: &mut Bytes) -> bool {
        let (unstreamed, max) = {
            let ledger = self.machine.ledger();
            (ledger.unstreamed, ledger.limits.message_bytes)
        };
        let Some(Head { bytes, refused: Some(_), whole, .. }) = self.head.as_deref_mut() else {
            return false;
        };
        let whole = unstreamed && *whole;
        let room = if whole { max } else { BODY }.saturating_sub(bytes.len());
        if whole && input.len() > room {
            (self.head, self.failed) = (None, None);
            self.fail(ErrorKind::Limit { limit: LimitKind::MessageBytes, max }, 0);
            return false;
        }
        bytes.extend_from_slice(input.get(..room.min(input.len())).unwrap_or_default());
        // An error has no more; what goes on is not waited for.
        if input.len() >= room && !whole {
            self.end_refusal();
            return false;
        }
        input.clear();
        true
    }

    /// Whether the body of a response that is no stream has said all that is waited for: of an error that is its
    /// beginning, of a reply the whole.
    pub(crate) fn has_said_all(&self) -> bool {
        let Some(Head { bytes, refused: Some(_), whole, .. }) = self.head.as_deref() else {
            return false;
        };
        let whole = *whole && self.machine.ledger().unstreamed;
        !whole || !bytes.is_empty() && !breaks_off(&String::from_utf8_lossy(bytes))
    }

    /// The body of a response that is refused has come to its end, or as far as it will.
    pub(super) fn end_refusal(&mut self) {
        let Some(head) = self.head.take_if(|head| head.refused.is_some()) else {
            return;
        };
        let whole = head.whole && self.machine.ledger().unstreamed;
        if whole && self.take_whole(&head.bytes) {
            return;
        }
        self.failed = head.refused.map(|refused| refused.into_error(&head.bytes));
    }

    /// Its transport has failed. Of a body that may be a reply that is the error, unless all of it is there.
    pub(super) fn break_refusal(&mut self) {
        let waits = self.head.as_ref().is_some_and(|head| head.whole);
        self.end_refusal();
        let is_cut = |error: &Error| matches!(error.kind(), ErrorKind::Incomplete { .. });
        if waits && self.failed.as_ref().is_some_and(is_cut) {
            self.failed = None;
        }
    }
}

/// Whether the response is no event stream that can be read; and then the encoding of its body.
#[expect(clippy::option_option, reason = "private, and flat where it is used")]
fn refused(protocol: Protocol, status: StatusCode, headers: &HeaderMap) -> Option<Option<Text>> {
    let encoding = header(headers, CONTENT_ENCODING)
        .filter(|value| !value.is_empty() && !value.eq_ignore_ascii_case("identity"));
    let media = media(headers);
    let is_stream = media.is_none_or(|media| media.eq_ignore_ascii_case(protocol.media_type()));
    let refused = status != StatusCode::OK || !is_stream || encoding.is_some();
    refused.then(|| encoding.map(Text::from))
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    Some(headers.get(name)?.to_str().unwrap_or_default().trim())
}

/// The content type, without its parameters.
fn media(headers: &HeaderMap) -> Option<&str> {
    header(headers, CONTENT_TYPE).map(|found| found.split(';').next().unwrap_or_default().trim())
}

fn is_json(headers: &HeaderMap) -> bool {
    media(headers).is_some_and(|media| media.eq_ignore_ascii_case("application/json"))
}

impl Refused {
    fn new(
        protocol: Protocol,
        status: StatusCode,
        headers: Headers,
        encoding: Option<Text>,
    ) -> Self {
        Self { protocol, status: status.as_u16(), headers: headers.into(), encoding }
    }

    /// The status of the response. It may be 200, with a body of another type.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// What of the response's headers is worth keeping.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The error that the body states: [`Server`](crate::ErrorKind::Server) if it is an error of an API,
    /// else [`Refused`](crate::ErrorKind::Refused) with its beginning, or
    /// [`Encoded`](crate::ErrorKind::Encoded) if it is compressed. Give the whole body, unless it is
    /// large: errors have a few KiB.
    pub fn into_error(self, body: &[u8]) -> Error {
        let message = Message { provider: self.protocol.provider(), ..Message::default() };
        if let Some(encoding) = self.encoding {
            let kind = ErrorKind::Encoded { status: self.status, encoding };
            return Error::refused(kind, *self.headers, message);
        }
        let body = String::from_utf8_lossy(body);
        let status = Some(self.status);
        let kind = match self.stated(&body).or_else(|| self.framed(&body)) {
            Some(error) => ErrorKind::Server(ServerError { status, ..error }.into()),
            None => {
                let excerpt = body.chars().take(64).collect::<String>().into();
                ErrorKind::Refused { status: self.status, excerpt }
            }
        };
        Error::refused(kind, *self.headers, message)
    }

    /// An error as an API states it: most have it under `error`, Amazon as a bare message, with its type
    /// in a header.
    fn stated(&self, body: &str) -> Option<ServerError> {
        let named = self.headers.get("x-amzn-errortype");
        let bare = || {
            // Anything may have a message; with such a status it is an error's.
            if self.status == 200 && named.is_none() {
                return None;
            }
            let message =
                ["message", "Message"].into_iter().find_map(|key| string_member(body, key))?;
            let kind = named.unwrap_or_default().split(':').next().unwrap_or_default();
            Some(ServerError::new(kind.into(), message.into()))
        };
        read_error_body(body).or_else(bare)
    }

    /// The error in a body that is an event stream: there are relays that stream what they refuse, too.
    fn framed(&self, body: &str) -> Option<ServerError> {
        let mut scanner = Scanner::new();
        // The last event may lack its end.
        let mut body = Bytes::from([body, "\n\n"].concat());
        while !body.is_empty() {
            let (taken, found) = scanner.scan(&body).ok()?;
            if let Some(Found::Frame { data, .. }) = found {
                let data = scanner.data_bytes(data, &body);
                if let Some(error) = self.stated(&String::from_utf8_lossy(&data)) {
                    return Some(error);
                }
            }
            body.advance(taken);
        }
        None
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the response, with status {}, is no event stream", self.status)
    }
}

impl core::error::Error for Refused {}

/// Bytes of the body of an error that are kept.
const BODY: usize = 64 << 10;
