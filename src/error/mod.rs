//! What went wrong, where, and whose fault it is; and what had been received by then.

mod form;
mod server;
mod words;

use core::fmt;
use core::time::Duration;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

pub use self::server::{ServerError, ServerErrorType};
use self::words::Line;
use crate::headers::Headers;
use crate::json::Flaw;
use crate::message::Message;
use crate::protocol::Protocol;
use crate::rule::Rule;
use crate::stop::StopReason;
use crate::text::Text;

/// Why a stream failed, and what had arrived.
///
/// It says what happened ([`kind`](Self::kind)), at which byte ([`offset`](Self::offset)), and keeps
/// what had been received ([`partial`](Self::partial)). `Display` is one line of printable ASCII, at
/// most 256 bytes, without anything the model wrote. A decoder that failed gives its error again.
///
/// Serialised, it is one JSON object with `"type":"error"`, as the events have theirs. Read back, its kind
/// is [`Recorded`](ErrorKind::Recorded) unless the server said it; what it displays, what it keeps and what
/// it says of the request are the same, and so is its JSON.
///
/// # Example
///
/// ```
/// use thinkstream::{Decoder, ErrorKind, Protocol};
///
/// let mut decoder = Decoder::new(Protocol::Anthropic).request_id("req_1");
/// let mut input = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n".into();
/// while decoder.decode(&mut input)?.is_some() {}
/// let error = decoder.finish().unwrap_err();
/// assert!(matches!(error.kind(), ErrorKind::Incomplete { .. }));
/// assert_eq!(
///     error.to_string(),
///     "the stream ended before a stop reason (byte 66, request req_1)"
/// );
/// assert!(error.retry_safe());
/// # Ok::<(), thinkstream::Error>(())
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    offset: Option<u64>,
    partial: Partial,
    headers: Headers,
}

/// What had been received when a stream failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Partial {
    /// The message so far, with its usage. Each block says whether it is complete and can be sent
    /// back; what is not complete carries no signature.
    pub message: Message,
    /// The other choices so far, if the request asked for several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Message>,
    /// Whether anything of a block had been handed out.
    pub output_started: bool,
    /// Whether a whole tool call had been handed out.
    pub tool_call_emitted: bool,
}

/// What went wrong, by whose fault it is.
///
/// # Example
///
/// ```
/// use thinkstream::{Error, ErrorKind};
///
/// fn advice(error: &Error) -> String {
///     match error.kind() {
///         ErrorKind::Server(server) if server.is_transient() => {
///             format!("busy ({}): wait {:?}", server.error_type.as_str(), error.retry_after())
///         }
///         ErrorKind::Server(server) => format!("refused: {}", server.message),
///         ErrorKind::Incomplete { .. } if error.retry_safe() => "cut: ask again".into(),
///         ErrorKind::Incomplete { .. } => "cut: what came is in `partial`".into(),
///         ErrorKind::Limit { limit, max } => format!("more than {max} of {limit:?}"),
///         _ => error.to_string(),
///     }
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The server said so.
    Server(Box<ServerError>),
    /// The network, or the server: the stream ended before a stop reason.
    Incomplete {
        /// Bytes of an event that did not arrive whole.
        leftover: u64,
    },
    /// The network, or the server: the stream ended after a stop reason, but without its terminator.
    /// All that was said is there, but a block without its own end cannot go back.
    Unterminated {
        /// Bytes of an event that did not arrive whole.
        leftover: u64,
    },
    /// The network, or the server: the stream ended before it had begun, without anything of a reply.
    EmptyStream,
    /// The caller: the stream is of another protocol than it was taken for, as its first event shows.
    OtherProtocol {
        /// What it speaks, as its first events show.
        spoken: Protocol,
    },
    /// The server, or something before it: the body is no event stream, or one of which nothing is known. It may be a
    /// page of a proxy.
    NoEvents {
        /// How it begins: at most 64 characters. [`Display`](fmt::Display) leaves them out, for they may be the
        /// model's.
        excerpt: Text,
    },
    /// The network, or the server: an event stream ended inside an event. Only
    /// [`sse::Decoder`](crate::sse::Decoder) gives it, which knows of no message to be incomplete.
    PartialFrame {
        /// Bytes of the event that did not arrive whole.
        leftover: u64,
    },
    /// The sender: an event of a known type is not what the protocol says.
    Malformed {
        /// The event.
        event: Text,
        /// The block it concerns, if that could be read.
        index: Option<u32>,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// The sender: a rule of the protocol was broken.
    Protocol {
        /// The rule.
        rule: Rule,
        /// The block it concerns.
        index: Option<u32>,
    },
    /// The caller's limit was passed.
    Limit {
        /// Which limit.
        limit: LimitKind,
        /// Its value: bytes, or blocks.
        max: usize,
    },
    /// The transport under an adapter.
    Transport(Arc<dyn core::error::Error + Send + Sync>),
    /// The server, or something before it: the response is no event stream, nor an error of an API.
    Refused {
        /// The status of the response.
        status: u16,
        /// How its body begins: at most 64 characters. [`Display`](fmt::Display) leaves them out, for they may
        /// be the model's.
        excerpt: Text,
    },
    /// The caller, or something before the server: the response is compressed, and its bytes mean
    /// nothing before they are unpacked.
    Encoded {
        /// The status of the response.
        status: u16,
        /// The `content-encoding`.
        encoding: Text,
    },
    /// The server: the reply is whole, but its tool calls must not be run, as it was cut at a limit or
    /// refused, or one of them ends inside a value; or they were not kept. Only `tool_calls` of `EventStreamExt`
    /// gives it.
    ToolsUnsafe {
        /// Why the reply stopped, if that was said.
        stop_reason: Option<StopReason>,
    },
    /// The network, or the server: nothing came for too long.
    Timeout {
        /// Which timer ran out.
        timer: Timer,
        /// The name of the last event that was given out.
        last_event: Option<&'static str>,
        /// Since the stream was first polled.
        elapsed: Duration,
    },
    /// An error that another process had, as it was written down; but for what a server said, which is
    /// read back as [`Server`](Self::Server).
    Recorded {
        /// The name of its kind.
        name: Text,
        /// The line that it was displayed as.
        message: Text,
        /// The status of the response, if it was refused.
        status: Option<u16>,
    },
}

/// What can run out, see `Timeouts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Timer {
    /// Nothing was received.
    Idle,
    /// Nothing but signs of life was received.
    Progress,
    /// The whole reply took too long.
    Total,
}

/// What can pass a limit; see [`Limits`](crate::Limits).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LimitKind {
    /// Bytes of one event.
    EventBytes,
    /// Bytes of one message.
    MessageBytes,
    /// Bytes of the input of one tool call.
    ToolInputBytes,
    /// Blocks of one message.
    Blocks,
}

impl Error {
    pub(crate) fn new(
        kind: ErrorKind,
        offset: Option<u64>,
        partial: Partial,
        headers: Headers,
    ) -> Self {
        Self(Arc::new(Inner { kind, offset, partial, headers }))
    }

    /// An error instead of a stream.
    #[cfg(feature = "http")]
    pub(crate) fn refused(kind: ErrorKind, headers: Headers, message: Message) -> Self {
        Self::new(kind, None, Partial { message, ..Partial::default() }, headers)
    }

    /// An error of a layer that knows no message.
    pub(crate) fn bare(kind: ErrorKind, offset: u64) -> Self {
        Self::new(kind, Some(offset), Partial::default(), Headers::default())
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The byte of the stream at which it went wrong.
    ///
    /// For an event that is malformed, this is the byte inside it; if the event has several `data`
    /// lines, the first byte of its data.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.0.offset.unwrap_or_default()
    }

    /// What had been received.
    #[must_use]
    pub fn partial(&self) -> &Partial {
        &self.0.partial
    }

    /// The id of the request: the one that came with the server's error, else the header's.
    #[must_use]
    pub fn request_id(&self) -> Option<&Text> {
        let in_band = match &self.0.kind {
            ErrorKind::Server(error) => error.request_id.as_ref(),
            _ => None,
        };
        in_band.or(self.0.headers.request_id.as_ref())
    }

    /// The status of the response, or the one that the same error has outside a stream.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match &self.0.kind {
            ErrorKind::Server(error) => error.http_status(),
            ErrorKind::Refused { status, .. } | ErrorKind::Encoded { status, .. } => Some(*status),
            ErrorKind::Recorded { status, .. } => *status,
            _ => None,
        }
    }

    /// The headers of the response, as far as they were given.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.0.headers
    }

    /// Whether the same request may well succeed a little later: the server says so, by its error or by the
    /// header `x-should-retry`, which counts before that; or its connection or something before it failed.
    /// Whether sending it again would show anything twice is another question:
    /// [`retry_safe`](Self::retry_safe).
    #[must_use]
    pub fn is_transient(&self) -> bool {
        // A server that says so of its answer knows more than the status.
        let said = || match self.0.headers.get("x-should-retry") {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        };
        match &self.0.kind {
            ErrorKind::Server(error) => said().unwrap_or_else(|| error.is_transient()),
            ErrorKind::Incomplete { .. }
            | ErrorKind::Unterminated { .. }
            | ErrorKind::EmptyStream
            | ErrorKind::Transport(_)
            | ErrorKind::Timeout { .. } => true,
            // The status of a proxy: what is behind it may be back soon.
            ErrorKind::Refused { status, .. } | ErrorKind::Encoded { status, .. } => {
                said().unwrap_or_else(|| is_transient(*status))
            }
            ErrorKind::Recorded { name, status, .. } => match name.as_str() {
                "incomplete" | "unterminated" | "empty_stream" | "transport" | "timeout" => true,
                _ => said().unwrap_or_else(|| status.is_some_and(is_transient)),
            },
            _ => false,
        }
    }

    /// How long the server asks to wait before the next request, in a header or in words.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let said = match &self.0.kind {
            ErrorKind::Server(error) => error.retry_after(),
            _ => None,
        };
        self.0.headers.retry_after.or(said)
    }

    /// Whether the request can be sent again without showing anything twice: true only if nothing of
    /// a block has been handed out.
    #[must_use]
    pub fn retry_safe(&self) -> bool {
        !self.0.partial.output_started
    }
}

/// Whether a status is of what passes.
fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 409 | 429 | 500 | 502..=504 | 520..=529)
}

impl ErrorKind {
    /// The name of the kind, in snake case; of one that is recorded, the name that it had.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Server(_) => "server",
            Self::Incomplete { .. } => "incomplete",
            Self::Unterminated { .. } => "unterminated",
            Self::EmptyStream => "empty_stream",
            Self::OtherProtocol { .. } => "other_protocol",
            Self::NoEvents { .. } => "no_events",
            Self::PartialFrame { .. } => "partial_frame",
            Self::Malformed { .. } => "malformed",
            Self::Protocol { .. } => "protocol",
            Self::Limit { .. } => "limit",
            Self::Transport(_) => "transport",
            Self::Refused { .. } => "refused",
            Self::Encoded { .. } => "encoded",
            Self::ToolsUnsafe { .. } => "tools_unsafe",
            Self::Timeout { .. } => "timeout",
            Self::Recorded { name, .. } => name,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What was recorded has its place and its request in it already.
        if let ErrorKind::Recorded { message, .. } = self.kind() {
            return f.write_str(&Line::of(message, 256)?);
        }
        f.write_str(&Line::of(self.kind(), 160)?)?;
        let tail = match (self.0.offset, self.request_id()) {
            (Some(offset), Some(id)) => alloc::format!(" (byte {offset}, request {id})"),
            (Some(offset), None) => alloc::format!(" (byte {offset})"),
            (None, Some(id)) => alloc::format!(" (request {id})"),
            (None, None) => String::new(),
        };
        f.write_str(&Line::of(tail, 96)?)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &self.0.kind {
            ErrorKind::Transport(error) => Some(&**error),
            _ => None,
        }
    }
}

#[cfg(feature = "std")]
impl From<std::io::Error> for Error {
    /// The error that is inside; else what `tokio_util::codec::FramedRead` makes of an error of its reader. What
    /// had been received stays with the decoder then; as the error does not know it, it takes for granted that
    /// there was something.
    fn from(error: std::io::Error) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(own) => return own,
            Err(error) => error,
        };
        let kind = ErrorKind::Transport(Arc::new(error));
        let partial = Partial { output_started: true, ..Partial::default() };
        Self::new(kind, None, partial, Headers::default())
    }
}

#[cfg(feature = "std")]
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::Incomplete { .. }
            | ErrorKind::Unterminated { .. }
            | ErrorKind::EmptyStream
            | ErrorKind::PartialFrame { .. } => std::io::ErrorKind::UnexpectedEof,
            ErrorKind::NoEvents { .. }
            | ErrorKind::OtherProtocol { .. }
            | ErrorKind::Refused { .. }
            | ErrorKind::Encoded { .. }
            | ErrorKind::Malformed { .. }
            | ErrorKind::Protocol { .. }
            | ErrorKind::Limit { .. } => std::io::ErrorKind::InvalidData,
            ErrorKind::Timeout { .. } => std::io::ErrorKind::TimedOut,
            ErrorKind::Transport(below) => {
                let below = below.downcast_ref::<Self>();
                below.map_or(std::io::ErrorKind::Other, Self::kind)
            }
            ErrorKind::Server(_) | ErrorKind::ToolsUnsafe { .. } | ErrorKind::Recorded { .. } => {
                std::io::ErrorKind::Other
            }
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[cfg(feature = "std")]
    #[test]
    fn what_failed_below_keeps_its_kind() {
        for kind in [std::io::ErrorKind::ConnectionReset, std::io::ErrorKind::TimedOut] {
            let error = Error::from(std::io::Error::from(kind));
            assert_eq!(std::io::Error::from(error).kind(), kind);
        }
    }

    /// What an adapter has wrapped comes back as it was.
    #[cfg(feature = "std")]
    #[test]
    fn an_error_survives_a_reader() {
        let error = server("no", "req_1");
        let kind = error.kind().name().to_string();
        let back = Error::from(std::io::Error::from(error));
        assert_eq!(back.kind().name(), kind);
        assert_eq!(back.request_id().map(crate::Text::as_str), Some("req_1"));
        let refused = ErrorKind::Refused { status: 401, excerpt: "".into() };
        let back = Error::from(std::io::Error::from(Error::bare(refused, 0)));
        assert!(!back.is_transient(), "{back}");
        let other = Error::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        assert_eq!((other.kind().name(), other.is_transient()), ("transport", true));
    }

    /// A body that is compressed says nothing, but its status does.
    #[test]
    fn what_is_compressed_may_pass_too() {
        for (status, transient) in [(529, true), (429, true), (401, false), (200, false)] {
            let kind = ErrorKind::Encoded { status, encoding: "gzip".into() };
            assert_eq!(Error::bare(kind, 0).is_transient(), transient, "{status}");
        }
    }

    fn server(message: &str, request_id: &str) -> Error {
        let error = ServerError {
            code: None,
            param: None,
            error_type: ServerErrorType::Overloaded,
            message: message.into(),
            request_id: Some(request_id.into()),
            details: None,
            status: None,
        };
        Error::bare(ErrorKind::Server(error.into()), u64::MAX)
    }

    #[test]
    fn one_printable_line() {
        let error = server("a\nb\u{202e}c\u{1b}[31m", "req\r\n1");
        assert_eq!(
            error.to_string(),
            "the server reported overloaded_error: a\\nb\\u{202e}c\\u{1b}[31m \
             (byte 18446744073709551615, request req\\r\\n1)"
        );
    }

    #[test]
    fn at_most_256_bytes() {
        let error = server(&"é".repeat(1000), &"x".repeat(1000)).to_string();
        assert_eq!(error.len(), 256);
        assert!(error.ends_with("xxx..."));
        assert!(error.contains("... (byte 18446744073709551615, request xxx"));
    }

    #[test]
    fn two_words_at_most() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
