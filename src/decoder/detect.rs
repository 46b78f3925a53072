//! Which protocol a stream speaks.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::error::{Error, ErrorKind};
use crate::protocol::Protocol;
use crate::sse::{Found, Scanner};
use crate::wire::joined::Joined;
use crate::wire::spoken::{Spoken, spoken};

/// Tells which protocol a stream speaks, from its first frames.
///
/// It only looks: keep what it was shown, and give it to the [`Decoder`](crate::Decoder) from the
/// first byte on.
///
/// # Example
///
/// ```
/// use thinkstream::{Detector, Protocol};
///
/// let mut detector = Detector::new();
/// assert_eq!(detector.look(b": hello\n\ndata: {\"id\":\"chatcmpl-1\",\"cho")?, None);
/// assert_eq!(detector.look(b"ices\":[]}\n\n")?, Some(Protocol::OpenAiChat));
/// # Ok::<(), thinkstream::Error>(())
/// ```
#[derive(Debug)]
pub struct Detector {
    sse: Scanner,
    looked: bool,
    known: Option<Protocol>,
    head: Vec<u8>,
}

impl Detector {
    /// A detector at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        let mut sse = Scanner::new();
        sse.set_error_is_data();
        Self { sse, looked: false, known: None, head: Vec::new() }
    }

    /// Looks at the next bytes: `None` as long as they do not tell. Comments and pings do not.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoEvents`] with the beginning of the frame, if no protocol has such a one;
    /// [`ErrorKind::Limit`] for a frame of more than 16 MiB.
    pub fn look(&mut self, bytes: &[u8]) -> Result<Option<Protocol>, Error> {
        // A message of Amazon's begins with its length, and none has 16 MiB; no text begins with a zero.
        if !self.looked && bytes.first() == Some(&0) {
            self.known = Some(Protocol::AnthropicOnBedrock);
        }
        self.looked |= !bytes.is_empty();
        let mut rest = bytes;
        while self.known.is_none() && !rest.is_empty() {
            let (taken, found) = self.sse.scan(rest)?;
            let chunk = Bytes::copy_from_slice(rest.get(..taken).unwrap_or_default());
            // No more than what was scanned: what comes behind a frame says nothing of it.
            let room = HEAD.saturating_sub(self.head.len()).min(chunk.len());
            self.head.extend_from_slice(chunk.get(..room).unwrap_or_default());
            rest = rest.get(taken..).unwrap_or_default();
            if let Some(Found::Frame { event, data, offset, .. }) = found {
                let name = self.sse.event_bytes(event, &chunk);
                let data = self.sse.data_bytes(data, &chunk);
                let first = Joined::new(&data).and_then(|mut events| data.get(events.next()?));
                let data = first.map_or(data.clone(), Bytes::copy_from_slice);
                self.known = match judge(&name, &data, offset) {
                    // Nobody but llama.cpp has a field of this name.
                    Err(_) if self.has_error_field() => Some(Protocol::OpenAiChat),
                    judged => judged?,
                };
            }
        }
        Ok(self.known)
    }

    fn has_error_field(&self) -> bool {
        self.head
            .split(|byte| matches!(byte, b'\n' | b'\r'))
            .any(|line| line.starts_with(b"error:"))
    }

    /// The error for a stream that is over and has told nothing.
    #[must_use]
    pub fn undecided(&self) -> Error {
        Error::bare(no_events(&String::from_utf8_lossy(&self.head)), self.sse.offset())
    }
}

impl Default for Detector {
    fn default() -> Self {
        Self::new()
    }
}

impl Protocol {
    /// The protocol of a stream that begins like this; `None` if more of it has to be seen. For a
    /// stream that comes in pieces there is [`Detector`], which goes over each only once.
    ///
    /// # Errors
    ///
    /// If no protocol has such a frame.
    ///
    /// # Example
    ///
    /// ```
    /// use thinkstream::Protocol;
    ///
    /// let stream = b"event: response.created\ndata: {\"type\":\"response.created\",\"response\":{}}\n\n";
    /// assert_eq!(Protocol::detect(stream)?, Some(Protocol::OpenAiResponses));
    /// let error = Protocol::detect(b"data: {\"candidates\":[]}\n\n").unwrap_err();
    /// assert_eq!(error.kind().name(), "no_events");
    /// # Ok::<(), thinkstream::Error>(())
    /// ```
    pub fn detect(beginning: &[u8]) -> Result<Option<Self>, Error> {
        Detector::new().look(beginning)
    }
}

fn judge(name: &Bytes, data: &Bytes, offset: u64) -> Result<Option<Protocol>, Error> {
    match spoken(&String::from_utf8_lossy(name), data) {
        Some(Spoken::Anthropic) => Ok(Some(Protocol::Anthropic)),
        Some(Spoken::Responses) => Ok(Some(Protocol::OpenAiResponses)),
        Some(Spoken::Chat) => Ok(Some(Protocol::OpenAiChat)),
        Some(Spoken::Anyone) => Ok(None),
        None => Err(Error::bare(no_events(&String::from_utf8_lossy(data)), offset)),
    }
}

pub(super) fn no_events(text: &str) -> ErrorKind {
    ErrorKind::NoEvents { excerpt: text.chars().take(64).collect::<String>().into() }
}

/// Bytes of the beginning that are kept to tell what was no stream.
const HEAD: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;

    #[test]
    fn first_frames() {
        use Protocol::{Anthropic, AnthropicOnBedrock, OpenAiChat, OpenAiResponses};
        for (stream, protocol) in [
            ("event: message_start\ndata: {\"type\":\"message_start\"}\n\n", Some(Anthropic)),
            ("data: {\"type\":\"message_start\"}\n\n", Some(Anthropic)),
            ("data: {\"message\":{},\"type\":\"message_start\"}\n\n", Some(Anthropic)),
            ("event: ping\ndata: {\"type\": \"ping\"}\n\n", None),
            ("data: {\"type\":\"error\",\"error\":{\"type\":\"api_error\"}}\n\n", Some(Anthropic)),
            ("data: {\"type\":\"response.created\"}\n\n", Some(OpenAiResponses)),
            ("event: response.created\ndata: {}\n\n", Some(OpenAiResponses)),
            ("data: {\"type\":\"keepalive\",\"sequence_number\":0}\n\n", None),
            ("data: {\"type\":\"error\",\"message\":\"m\"}\n\n", Some(OpenAiResponses)),
            (
                "data: {\"type\":\"error\",\"sequence_number\":2,\"error\":{}}\n\n",
                Some(OpenAiResponses),
            ),
            ("data: {\"type\":\"codex.rate_limits\"}\n\n", Some(OpenAiResponses)),
            (": OPENROUTER PROCESSING\n\ndata: {\"choices\":[]}\n\n", Some(OpenAiChat)),
            ("data: {\"object\":\"chat.completion.chunk\"}\n\n", Some(OpenAiChat)),
            ("data: {\"object\":\"text_completion\"}\n\n", Some(OpenAiChat)),
            ("data: {\"error\":{\"message\":\"m\"}}\n\n", Some(OpenAiChat)),
            ("data: [DONE]\n\n", Some(OpenAiChat)),
            (
                "error: {\"code\":500,\"message\":\"m\",\"type\":\"server_error\"}\n\n",
                Some(OpenAiChat),
            ),
            ("\r\n\r\ndata:\r\n\r\n", None),
            ("\0\0\x01\x20", Some(AnthropicOnBedrock)),
            ("", None),
        ] {
            assert_eq!(Protocol::detect(stream.as_bytes()).unwrap(), protocol, "{stream}");
            let mut detector = Detector::new();
            let bytes = stream.as_bytes().chunks(1);
            let last = bytes.map(|byte| detector.look(byte).unwrap()).last().flatten();
            assert_eq!(last, protocol, "{stream}");
            let mut detector = Detector::new();
            let empty: &[u8] = &[];
            let bytes = stream.as_bytes().chunks(3).flat_map(|bytes| [empty, bytes, empty]);
            let last = bytes.map(|bytes| detector.look(bytes).unwrap()).last().flatten();
            assert_eq!(last, protocol, "{stream}, with empty chunks");
        }
    }

    /// What comes behind a frame says nothing of it, be it there already or not.
    #[test]
    fn a_frame_is_judged_by_itself() {
        let stream = b"data: x\n\nerror: {}\n\n";
        for size in [1, 3, stream.len()] {
            let mut detector = Detector::new();
            let judged = stream.chunks(size).find_map(|bytes| detector.look(bytes).err());
            assert_eq!(judged.unwrap().kind().name(), "no_events", "{size}");
        }
        assert!(Protocol::detect(b"data: x\nerror: {}\n\n").unwrap().is_some());
    }

    /// No text begins with a zero, but one may stand in it.
    #[test]
    fn only_the_first_byte_tells_what_is_binary() {
        for chunks in [&[&b"data: "[..], b"\0"][..], &[b"data: ", b"", b"\0"], &[b"\n\0"]] {
            let mut detector = Detector::new();
            for chunk in chunks {
                assert_eq!(detector.look(chunk).unwrap(), None, "{chunks:?}");
            }
        }
    }

    fn excerpt(error: &Error) -> &str {
        let ErrorKind::NoEvents { excerpt } = error.kind() else { panic!("{error}") };
        excerpt
    }

    #[test]
    fn what_nobody_says() {
        for data in [
            "{\"object\":\"list\"}",
            "{\"candidates\":[\u{1b}]}",
            "<html>",
            "5",
            "{\"candidates\":[]}",
        ] {
            let error = Protocol::detect(format!("data: {data}\n\n").as_bytes()).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::NoEvents { .. }), "{data}: {error}");
            assert_eq!(error.offset(), 6);
            assert!(error.to_string().is_ascii());
        }
        let mut detector = Detector::new();
        assert_eq!(detector.look(b"<html>busy").unwrap(), None);
        assert_eq!(excerpt(&detector.undecided()), "<html>busy");
        let mut detector = Detector::new();
        for byte in "<html>busy".bytes() {
            assert_eq!(detector.look(&[byte]).unwrap(), None);
        }
        assert_eq!(excerpt(&detector.undecided()), "<html>busy");
    }
}
