//! What a body is in which no reply has begun.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::{Buf, Bytes};

use super::Decoder;
#[cfg(feature = "http")]
use super::Refused;
use super::detect::no_events;
use super::unstreamed::BOM;
use crate::error::ErrorKind;
use crate::json::edit::string_member;
use crate::protocol::Protocol;
use crate::sse::{Found, Scanner};
use crate::wire::read_error_body;

/// The beginning of a body. Most streams have an event there, and soon need it no more.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) bytes: Vec<u8>,
    /// There was a whole frame in it.
    pub(super) frames: bool,
    /// The response is no event stream. The decoder has failed then; with what, the body says.
    #[cfg(feature = "http")]
    pub(super) refused: Option<Refused>,
    /// It is JSON, and may be a reply that was not streamed.
    #[cfg(feature = "http")]
    pub(super) whole: bool,
}

impl Decoder {
    /// Keeps the beginning of a body in which no reply has begun.
    pub(super) fn note_head(&mut self, bytes: &[u8], is_frame: bool) {
        if bytes.is_empty() {
            return;
        }
        let head = &mut **self.head.get_or_insert_default();
        head.frames |= is_frame;
        let room = HEAD.saturating_sub(head.bytes.len()).min(bytes.len());
        head.bytes.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }

    /// Fails if the stream has begun in another protocol: it will say nothing that is known here, and its reply is
    /// paid for until somebody hangs up.
    pub(super) fn look_who_speaks(&mut self, offset: u64) {
        let head = self.head.as_deref().map(|head| &*head.bytes).unwrap_or_default();
        if head.len() < HEAD
            && let Ok(Some(spoken)) = Protocol::detect(head)
            && spoken != self.protocol()
            && !self.is_done_alone(head)
        {
            self.fail(ErrorKind::OtherProtocol { spoken }, offset);
        }
    }

    /// What a body was that had no event in it, if it had anything.
    pub(super) fn not_a_stream(&self) -> Option<ErrorKind> {
        // A stream may begin with blank lines and comments.
        let Head { bytes: head, frames, .. } = self.head.as_deref()?;
        // The end of a chat is sent by others too.
        if self.is_done_alone(head) {
            return None;
        }
        if *frames && self.aws.is_some() {
            // What another model says, or in another operation.
            return Some(no_events(&String::from_utf8_lossy(head)));
        }
        if *frames {
            // Events there were, but of none that is known here.
            return match Protocol::detect(head) {
                Ok(spoken) => {
                    let spoken = spoken.filter(|spoken| *spoken != self.protocol())?;
                    Some(ErrorKind::OtherProtocol { spoken })
                }
                Err(error) => is_nameless(head).then(|| error.kind().clone()),
            };
        }
        if let Ok(Some(spoken @ Protocol::AnthropicOnBedrock)) = Protocol::detect(head) {
            return Some(ErrorKind::OtherProtocol { spoken });
        }
        let head = head.strip_prefix(BOM).unwrap_or(head);
        let first = head.trim_ascii().first();
        let says_nothing = [b"id:".as_slice(), b"retry:"].iter().any(|it| head.starts_with(it));
        let nothing =
            first.is_none_or(|byte| *byte == b':') || says_nothing || BOM.starts_with(head);
        if nothing || self.sse.leftover() > 0 {
            return None;
        }
        let text = String::from_utf8_lossy(head);
        Some(match read_error_body(&text) {
            Some(error) => ErrorKind::Server(error.into()),
            None => no_events(&text),
        })
    }

    /// Whether a stream has its end in it, and else at most signs of life.
    fn is_done_alone(&self, stream: &[u8]) -> bool {
        let mut scanner = Scanner::new();
        // The last event may lack its end.
        let mut rest = Bytes::from([stream, b"\n\n"].concat());
        let mut done = false;
        while !rest.is_empty() {
            let Ok((taken, found)) = scanner.scan(&rest) else { return false };
            if let Some(Found::Frame { data, .. }) = found {
                let data = scanner.data_bytes(data, &rest);
                let said = core::str::from_utf8(&data).unwrap_or_default().trim();
                done |= said == "[DONE]";
                let kind = string_member(said, "type");
                // To a chat these are events as any other.
                let alive = self.protocol() != Protocol::OpenAiChat
                    && matches!(kind.as_deref(), Some("ping" | "keepalive"));
                if said != "[DONE]" && !alive {
                    return false;
                }
            }
            rest.advance(taken);
        }
        done
    }

    /// Whether the input had nothing of a reply in it: comments at the most, and what others say at the end.
    pub(super) fn is_empty(&self, leftover: u64) -> bool {
        let nothing = |head: &Head| !head.frames || self.is_done_alone(&head.bytes);
        let framed = self.aws.as_ref().is_some_and(|aws| aws.offset() > 0) && self.head.is_none();
        let nothing = self.head.as_deref().is_none_or(nothing) && !framed;
        leftover == 0 && !self.machine.has_begun() && nothing
    }

    /// Whether what should be Amazon's binary event stream is text. None of its messages is so long that its
    /// length begins with a byte of text.
    pub(super) fn is_text(&self, input: &[u8]) -> bool {
        let begins = self.aws.as_ref().is_some_and(|aws| aws.offset() == 0);
        let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
        self.head.as_deref().is_some_and(|head| !head.frames)
            || begins && input.first().is_some_and(is_text)
    }

    /// Looks who speaks in such a text; if it is an error, its end shows that.
    pub(super) fn look_at_text(&mut self, input: &mut Bytes) {
        let bytes = core::mem::take(input);
        self.note_head(&bytes, false);
        if let Some(aws) = &mut self.aws {
            aws.pass(bytes.len());
        }
        let head = self.head.as_deref().map(|head| &*head.bytes).unwrap_or_default();
        match Protocol::detect(head) {
            Ok(Some(spoken)) => drop(self.fail(ErrorKind::OtherProtocol { spoken }, 0)),
            Ok(None) if head.len() < HEAD => {}
            Ok(None) => drop(self.not_a_stream().map(|kind| self.fail(kind, 0))),
            Err(error) => drop(self.fail(error.kind().clone(), error.offset())),
        }
    }
}

/// Whether a message of Amazon's carries no event of Anthropic's: `ConverseStream` names its own, and what other models
/// say has no type.
pub(super) fn is_foreign(name: &str, data: &[u8]) -> bool {
    let said = core::str::from_utf8(data).unwrap_or_default();
    !name.is_empty() || string_member(said, "type").is_none()
}

/// Whether the first event of a stream has neither a name nor a type. One that has may be of a kind that is yet to be
/// known here, and its reply yet to come.
fn is_nameless(stream: &[u8]) -> bool {
    let mut scanner = Scanner::new();
    let mut rest = Bytes::copy_from_slice(stream);
    while let Ok((taken, found)) = scanner.scan(&rest) {
        if let Some(Found::Frame { event, data, .. }) = found {
            let name = scanner.event_bytes(event, &rest);
            let data = scanner.data_bytes(data, &rest);
            let said = core::str::from_utf8(&data).unwrap_or_default();
            return name.is_empty() && string_member(said, "type").is_none();
        }
        rest.advance(taken);
        if rest.is_empty() {
            break;
        }
    }
    false
}

/// Bytes of a body that are kept to tell what it is if it is no event stream.
const HEAD: usize = 4096;
