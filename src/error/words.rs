//! Errors in words, on one line.

use core::fmt::{self, Write};

use alloc::string::String;

use super::{ErrorKind, LimitKind, ServerError, Timer};
use crate::stop::StopReason;

impl fmt::Display for LimitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EventBytes => "bytes of one event",
            Self::MessageBytes => "bytes of one message",
            Self::ToolInputBytes => "bytes of one tool input",
            Self::Blocks => "blocks of one message",
        })
    }
}

impl fmt::Display for ErrorKind {
    /// One line of printable ASCII, at most 160 bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Line::of(Described(self), 160)?)
    }
}

impl fmt::Display for ServerError {
    /// The words of the [`Error`](super::Error) that it is in: one line of printable ASCII, at most 160 bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Line::of(Stated(self), 160)?)
    }
}

impl core::error::Error for ServerError {}

/// Of calls in a reply that ended well.
const UNSAFE: &str = "the tool calls cannot be run: one of them is not whole, or none was kept";

struct Stated<'a>(&'a ServerError);

impl fmt::Display for Stated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        describe(self.0, f)
    }
}

/// A kind in words, some of which may be the server's.
struct Described<'a>(&'a ErrorKind);

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at_block = |index: &Option<u32>, f: &mut fmt::Formatter<'_>| match index {
            Some(index) => write!(f, " in block {index}"),
            None => Ok(()),
        };
        match self.0 {
            ErrorKind::Server(error) => describe(error, f),
            ErrorKind::Incomplete { leftover: 0 } => {
                f.write_str("the stream ended before a stop reason")
            }
            ErrorKind::Incomplete { leftover } => {
                write!(f, "the stream ended {leftover} bytes into an event, before a stop reason")
            }
            ErrorKind::Unterminated { leftover: 0 } => {
                f.write_str("the stream ended after its stop reason, but was not terminated")
            }
            ErrorKind::Unterminated { leftover } => {
                write!(f, "the stream ended {leftover} bytes into an event, after its stop reason")
            }
            ErrorKind::EmptyStream => f.write_str("the stream ended before it had begun"),
            ErrorKind::Malformed { event, index, flaw } => {
                malformed(event, f)?;
                at_block(index, f)?;
                write!(f, ": {flaw}")
            }
            ErrorKind::Protocol { rule, index } => {
                write!(f, "the protocol was broken: {}", rule.name())?;
                at_block(index, f)
            }
            ErrorKind::Limit { limit, max } => write!(f, "more than {max} {limit}"),
            ErrorKind::OtherProtocol { spoken } => {
                write!(f, "the stream speaks another protocol: {spoken}")
            }
            ErrorKind::NoEvents { excerpt } if excerpt.is_empty() => {
                f.write_str("the body is empty")
            }
            ErrorKind::NoEvents { excerpt } => {
                write!(f, "the body has no event but {}", what_begins_so(excerpt))
            }
            ErrorKind::PartialFrame { leftover } => {
                write!(f, "the stream ended {leftover} bytes into an event")
            }
            ErrorKind::Refused { status, excerpt } => refused(*status, excerpt, f),
            ErrorKind::Encoded { status, encoding } => {
                write!(f, "the response, with status {status}, is encoded: {encoding}")
            }
            ErrorKind::ToolsUnsafe {
                stop_reason: Some(StopReason::ToolUse | StopReason::EndTurn),
            } => f.write_str(UNSAFE),
            ErrorKind::ToolsUnsafe { stop_reason } => {
                let reason = stop_reason.as_ref().map_or("no known reason", StopReason::as_str);
                write!(f, "the tool calls must not be run: the reply stopped for {reason}")
            }
            ErrorKind::Timeout { timer, last_event, elapsed } => {
                f.write_str(match timer {
                    Timer::Idle => "nothing was received for too long",
                    Timer::Progress => "nothing but signs of life for too long",
                    Timer::Total => "the reply took too long",
                })?;
                let last = last_event.unwrap_or("no event");
                write!(f, ": {elapsed:.1?} after the start, {last} was last")
            }
            ErrorKind::Recorded { message, .. } => f.write_str(message),
            ErrorKind::Transport(error) => {
                f.write_str("the transport failed: ")?;
                chain(&**error, f)
            }
        }
    }
}

fn malformed(event: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    // One that cannot be read has no name that is known.
    if event.is_empty() { f.write_str("malformed event") } else { write!(f, "malformed `{event}`") }
}

fn refused(status: u16, excerpt: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "not an event stream: status {status}, {}", what_begins_so(excerpt))?;
    // Then that is the only reason.
    let fine = (200..300).contains(&status);
    f.write_str(if fine { "; `content-type` is not that of an event stream" } else { "" })
}

/// What a body is that begins like this. Its own words are left out: they may be the model's.
fn what_begins_so(excerpt: &str) -> &'static str {
    match excerpt.trim_start().chars().next() {
        None => "an empty body",
        Some('{' | '[') => "JSON: of another API, or `stream` was left out of the request",
        Some('<') => "a page of markup",
        Some(first) if first.is_control() || first == char::REPLACEMENT_CHARACTER => "binary data",
        Some(_) => "text",
    }
}

/// An error and what caused it.
fn chain(error: &dyn core::error::Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{error}")?;
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(f, ": {error}")?;
        cause = error.source();
    }
    Ok(())
}

/// What the server said: its type, its code, its message.
fn describe(error: &ServerError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("the server reported ")?;
    match (error.error_type.as_str(), error.code.as_deref()) {
        ("", None) => f.write_str("an error"),
        ("", Some(code)) if is_number(code) => write!(f, "error {code}"),
        ("", Some(code)) => f.write_str(code),
        (name, Some(code)) if name != code && !is_number(code) => write!(f, "{name}, {code}"),
        (name, _) => f.write_str(name),
    }?;
    if error.message.is_empty() { Ok(()) } else { write!(f, ": {}", error.message) }
}

/// Whether a code is a status, which says nothing that its type does not.
fn is_number(code: &str) -> bool {
    code.bytes().all(|byte| byte.is_ascii_digit())
}

/// One line of printable ASCII: text of the server must not forge lines of a log, nor flood it.
pub(super) struct Line {
    text: String,
    max: usize,
}

impl Line {
    pub(super) fn of(value: impl fmt::Display, max: usize) -> Result<String, fmt::Error> {
        let mut line = Self { text: String::new(), max };
        write!(line, "{value}")?;
        if line.text.len() > max {
            line.text.truncate(max.saturating_sub(DOTS.len()));
            line.text.push_str(DOTS);
        }
        Ok(line.text)
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            if self.text.len() > self.max {
                break;
            }
            match char {
                ' '..='~' => self.text.push(char),
                other => self.text.extend(other.escape_default()),
            }
        }
        Ok(())
    }
}

const DOTS: &str = "...";
