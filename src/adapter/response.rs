//! Whether a response is an event stream at all, and what it says if it is not.

use core::fmt;

use alloc::string::String;

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap};

use crate::decoder::{Decoder, Protocol};
use crate::error::{Error, ErrorKind, ServerError};
use crate::headers::Headers;
use crate::json::edit::string_member;
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
#[derive(Clone, Debug)]
#[must_use]
pub struct Refused {
    status: u16,
    headers: Headers,
}

impl Decoder {
    /// A decoder for the body of this response, which knows its [`Headers`].
    ///
    /// # Errors
    ///
    /// If the status is not 200, or the content type is that of something else. A response without a
    /// content type is let through: what its body is shows soon enough.
    pub fn for_response(
        protocol: Protocol,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<Self, Refused> {
        let kept = Headers::from(headers);
        let expected = match protocol {
            Protocol::Anthropic | Protocol::OpenAiResponses | Protocol::OpenAiChat => {
                "text/event-stream"
            }
            Protocol::AnthropicOnBedrock => "application/vnd.amazon.eventstream",
        };
        let found = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
        let media = found.map(|found| found.split(';').next().unwrap_or_default().trim());
        let is_stream = media.is_none_or(|media| media.eq_ignore_ascii_case(expected));
        if status != StatusCode::OK || !is_stream {
            return Err(Refused { status: status.as_u16(), headers: kept });
        }
        Ok(Self::new(protocol).headers(kept))
    }
}

impl Refused {
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
    /// else [`Refused`](crate::ErrorKind::Refused) with its beginning. Give the whole body, unless it is
    /// large: errors have a few KiB.
    pub fn into_error(self, body: &[u8]) -> Error {
        let body = String::from_utf8_lossy(body);
        let status = Some(self.status);
        let kind = match self.stated(&body) {
            Some(error) => ErrorKind::Server(ServerError { status, ..error }.into()),
            None => {
                let excerpt = body.chars().take(64).collect::<String>().into();
                ErrorKind::Refused { status: self.status, excerpt }
            }
        };
        Error::refused(kind, self.headers)
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
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the response, with status {}, is no event stream", self.status)
    }
}

impl core::error::Error for Refused {}
