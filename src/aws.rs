//! Amazon's binary event stream, in which Bedrock carries the provider's events.
//!
//! ```text
//! ┌───────────┬─────────────┬─────┬─────────┬─────────┬─────┐
//! │ total len │ headers len │ CRC │ headers │ payload │ CRC │   numbers of four bytes, big endian
//! └───────────┴─────────────┴─────┴─────────┴─────────┴─────┘
//! ```
//!
//! The payload of a `chunk` is `{"bytes":"…"}`: one event's JSON in base64, beside random padding.
//! Source: the event stream encoding of Amazon's Smithy, and `InvokeModelWithResponseStream`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};

use crate::error::{ErrorKind, LimitKind, ServerError};
use crate::json::edit::{string_member, without_member};
use crate::json::{Flaw, Json};
use crate::limits::Limits;
use crate::text::Text;

/// Takes messages off the front of the chunks, however they are cut.
#[derive(Debug)]
pub(crate) struct Unframer {
    /// The beginning of the next message.
    held: BytesMut,
    offset: u64,
    limit: usize,
}

/// What a message brings.
#[derive(Debug)]
pub(crate) enum Framed {
    /// An event; `name` is empty where only its JSON says what it is.
    Event { name: Text, data: Bytes },
    /// The end of the stream.
    Failure(ServerError),
}

/// Why the stream cannot go on, and the byte of it at which the message begins.
pub(crate) type Fault = (ErrorKind, u64);

impl Unframer {
    pub(crate) fn new() -> Self {
        Self { held: BytesMut::new(), offset: 0, limit: Limits::EVENT_BYTES }
    }

    pub(crate) fn set_limit(&mut self, bytes: usize) {
        self.limit = bytes;
    }

    /// Bytes that were taken, the unfinished message included.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Passes over bytes that are no messages.
    pub(crate) fn pass(&mut self, len: usize) {
        self.offset = self.offset.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
    }

    /// Bytes of a message that has not come whole.
    pub(crate) fn leftover(&self) -> u64 {
        u64::try_from(self.held.len()).unwrap_or(u64::MAX)
    }

    /// The next message, and the byte of the stream at which it begins.
    pub(crate) fn take(&mut self, input: &mut Bytes) -> Result<Option<(Framed, u64)>, Fault> {
        while !input.is_empty() {
            let due = self.due()?;
            let len = due.saturating_sub(self.held.len()).min(input.len());
            self.held.extend_from_slice(&input.split_to(len));
            self.offset = self.offset.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
            if self.held.len() > PRELUDE && self.held.len() == self.due()? {
                let start = self.start();
                let message = self.held.split().freeze();
                return match read(&message) {
                    Ok(framed) => Ok(Some((framed, start))),
                    Err(flaw) => Err((malformed(flaw), start)),
                };
            }
        }
        // A prelude that is whole is checked at once.
        self.due()?;
        Ok(None)
    }

    /// The length that the message has, as far as that is known.
    fn due(&self) -> Result<usize, Fault> {
        let Some(prelude) = self.held.first_chunk::<PRELUDE>() else {
            return Ok(PRELUDE);
        };
        let fail = |flaw| Err((malformed(flaw), self.start()));
        let (lengths, crc) = prelude.split_at_checked(8).unwrap_or_default();
        if number(crc, 0) != Some(crc32fast::hash(lengths)) {
            return fail(Flaw::Checksum);
        }
        let total = number(lengths, 0).and_then(|len| usize::try_from(len).ok());
        let headers = number(lengths, 4).and_then(|len| usize::try_from(len).ok());
        let (Some(total), Some(headers)) = (total, headers) else {
            return fail(Flaw::Expected("a length"));
        };
        if headers.saturating_add(PRELUDE).saturating_add(CRC) > total {
            return fail(Flaw::Expected("a length that holds the headers"));
        }
        if total > self.limit {
            let kind = ErrorKind::Limit { limit: LimitKind::EventBytes, max: self.limit };
            return Err((kind, self.start()));
        }
        Ok(total)
    }

    fn start(&self) -> u64 {
        self.offset.saturating_sub(self.leftover())
    }
}

/// Reads a whole message.
fn read(message: &Bytes) -> Result<Framed, Flaw> {
    let (signed, crc) =
        message.split_at_checked(message.len().saturating_sub(CRC)).ok_or(Flaw::Unfinished)?;
    if number(crc, 0) != Some(crc32fast::hash(signed)) {
        return Err(Flaw::Checksum);
    }
    let len = number(signed, 4).and_then(|len| usize::try_from(len).ok()).unwrap_or_default();
    let rest = signed.get(PRELUDE..).unwrap_or_default();
    let (headers, payload) = rest.split_at_checked(len).ok_or(Flaw::Unfinished)?;
    let header = |name: &str| string_header(headers, name.as_bytes());
    let text = core::str::from_utf8(payload).map_err(|_| Flaw::Utf8)?;
    let failure = |kind: Option<&str>, message: Text| {
        ServerError::new(kind.unwrap_or_default().into(), message)
    };
    match header(":message-type")? {
        Some("exception") => {
            let message = string_member(text, "message").unwrap_or_default();
            let mut error = failure(header(":exception-type")?, message.into());
            // What the model's own server said, if it was that.
            let more = without_member(text, "message").is_ok_and(|rest| rest != "{}");
            error.details = Json::parse(text).ok().filter(|_| more);
            Ok(Framed::Failure(error))
        }
        Some("error") => {
            let message = header(":error-message")?.unwrap_or_default();
            Ok(Framed::Failure(failure(header(":error-code")?, message.into())))
        }
        _ => match string_member(text, "bytes") {
            Some(bytes) => {
                let data = STANDARD.decode(bytes).map_err(|_| Flaw::Expected("base64"))?;
                Ok(Framed::Event { name: Text::EMPTY, data: data.into() })
            }
            // Another kind of stream, whose events are not known here.
            None => {
                let name = header(":event-type")?.unwrap_or_default().into();
                Ok(Framed::Event { name, data: message.slice_ref(payload) })
            }
        },
    }
}

/// The value of the string header of this name.
fn string_header<'a>(headers: &'a [u8], name: &[u8]) -> Result<Option<&'a str>, Flaw> {
    let mut rest = headers;
    while let Some((len, behind)) = rest.split_first() {
        let (key, behind) = behind.split_at_checked(usize::from(*len)).ok_or(Flaw::Unfinished)?;
        let (kind, behind) = behind.split_first().ok_or(Flaw::Unfinished)?;
        let sized = |behind: &'a [u8]| {
            let (len, value) = behind.split_first_chunk().ok_or(Flaw::Unfinished)?;
            value.split_at_checked(usize::from(u16::from_be_bytes(*len))).ok_or(Flaw::Unfinished)
        };
        let fixed = |len: usize| behind.split_at_checked(len).ok_or(Flaw::Unfinished);
        let (value, behind) = match kind {
            0 | 1 => fixed(0)?,
            2 => fixed(1)?,
            3 => fixed(2)?,
            4 => fixed(4)?,
            5 | 8 => fixed(8)?,
            6 | 7 => sized(behind)?,
            9 => fixed(16)?,
            _ => return Err(Flaw::Expected("a type of a header")),
        };
        if key == name && *kind == STRING {
            return core::str::from_utf8(value).map(Some).map_err(|_| Flaw::Utf8);
        }
        rest = behind;
    }
    Ok(None)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}

fn malformed(flaw: Flaw) -> ErrorKind {
    ErrorKind::Malformed { event: "event stream message".into(), index: None, flaw }
}

/// The two lengths and their checksum.
const PRELUDE: usize = 12;
const CRC: usize = 4;
/// The type of a header that is a string.
const STRING: u8 = 7;
