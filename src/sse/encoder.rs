//! Frames to bytes: for servers, mocks and tests.

use core::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use super::Frame;

/// Writes frames as an event stream that decodes to the same frames.
///
/// # Example
///
/// ```
/// use bytes::BytesMut;
/// use thinkstream::sse::{Encoder, Frame};
///
/// let mut encoder = Encoder::new();
/// let mut out = BytesMut::new();
/// encoder.encode(&Frame::new("add", "one\ntwo").with_id("7"), &mut out)?;
/// encoder.comment("still here", &mut out);
/// encoder.retry(3000, &mut out);
/// assert_eq!(
///     &out[..],
///     b"event: add\nid: 7\ndata: one\ndata: two\n\n: still here\nretry: 3000\n"
/// );
/// # Ok::<(), thinkstream::sse::EncodeError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    /// The last event ID that the receiver has, so that it is sent only when it changes.
    id: Bytes,
}

/// A frame that the format cannot carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The event type contains a line end.
    Event,
    /// The last event ID contains a line end or NUL.
    Id,
    /// The data contains a CR, which a receiver would read as a line end.
    Data,
}

impl Encoder {
    /// An encoder at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a frame to `out`.
    ///
    /// # Errors
    ///
    /// If the format cannot carry the frame; then nothing is appended.
    pub fn encode(&mut self, frame: &Frame, out: &mut BytesMut) -> Result<(), EncodeError> {
        if memchr::memchr2(b'\n', b'\r', &frame.event).is_some() {
            return Err(EncodeError::Event);
        }
        if memchr::memchr3(b'\n', b'\r', 0, &frame.id).is_some() {
            return Err(EncodeError::Id);
        }
        if memchr::memchr(b'\r', &frame.data).is_some() {
            return Err(EncodeError::Data);
        }
        if !frame.event.is_empty() {
            field(out, b"event: ", &frame.event);
        }
        if self.id != frame.id {
            field(out, b"id: ", &frame.id);
            self.id = frame.id.clone();
        }
        for line in frame.data.split(|byte| *byte == b'\n') {
            field(out, b"data: ", line);
        }
        out.put_u8(b'\n');
        Ok(())
    }

    /// Appends a comment, which keeps the connection alive and means nothing.
    pub fn comment(&self, text: &str, out: &mut BytesMut) {
        // A line ends with one of `\r\n`, `\n` and `\r`.
        for line in text.split("\r\n").flat_map(|lines| lines.split(['\n', '\r'])) {
            field(out, b": ", line.as_bytes());
        }
    }

    /// Appends the time, in milliseconds, after which the receiver is to reconnect.
    pub fn retry(&self, milliseconds: u64, out: &mut BytesMut) {
        field(out, b"retry: ", alloc::format!("{milliseconds}").as_bytes());
    }
}

fn field(out: &mut BytesMut, name: &[u8], value: &[u8]) {
    out.reserve(name.len().saturating_add(value.len()).saturating_add(1));
    out.put_slice(name);
    out.put_slice(value);
    out.put_u8(b'\n');
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Event => "the event type contains a line end",
            Self::Id => "the last event ID contains a line end or NUL",
            Self::Data => "the data contains a CR",
        })
    }
}

impl core::error::Error for EncodeError {}
