//! Which provider's events a stream has, by one of its frames.

use super::failure::read_error_body;
use super::read;
use crate::json::reader::{Kind, Reader};

/// What a frame says of who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoken {
    Anthropic,
    Responses,
    Chat,
    /// Any of them may say so.
    Anyone,
}

/// Who speaks so, if it is one of those that are known.
pub(crate) fn spoken(name: &str, data: &[u8]) -> Option<Spoken> {
    let text = read::text(data).ok()?;
    match text.trim() {
        "" => return Some(Spoken::Anyone),
        "[DONE]" => return Some(Spoken::Chat),
        _ => {}
    }
    let mut shape = Shape::default();
    let mut reader = Reader::new(text);
    if reader.kind().ok()? != Kind::Object {
        return None;
    }
    let mut kind = None;
    read::members(&mut reader, |key, reader| {
        match key {
            "type" => kind = reader.string_or_skip()?.map(|kind| kind.decode()),
            "choices" => {
                shape.choices = true;
                reader.skip()?;
            }
            "object" => {
                let object = reader.string_or_skip()?.map(|object| object.decode());
                let is_chunk = |object: &str| {
                    object.starts_with("chat.completion") || object == "text_completion"
                };
                shape.choices |= object.is_some_and(|object| is_chunk(&object));
            }
            "error" => {
                shape.error = matches!(reader.kind()?, Kind::Object | Kind::String);
                reader.skip()?;
            }
            "sequence_number" => {
                shape.numbered = true;
                reader.skip()?;
            }
            _ => reader.skip()?,
        }
        Ok(())
    })
    .ok()?;
    let spoken = shape.speaker(kind.as_deref().unwrap_or(name));
    spoken.or_else(|| read_error_body(text).map(|_| Spoken::Chat))
}

/// What is looked for in the data of a frame.
#[derive(Default)]
struct Shape {
    choices: bool,
    error: bool,
    numbered: bool,
}

impl Shape {
    fn speaker(self, kind: &str) -> Option<Spoken> {
        match kind {
            // One of the Responses API is numbered, or flat.
            "error" if self.numbered || !self.error => Some(Spoken::Responses),
            "message_start"
            | "content_block_start"
            | "content_block_delta"
            | "content_block_stop"
            | "message_delta"
            | "message_stop"
            | "error" => Some(Spoken::Anthropic),
            "ping" | "keepalive" => Some(Spoken::Anyone),
            kind if kind.starts_with("response.") || kind.starts_with("codex.") => {
                Some(Spoken::Responses)
            }
            _ if self.choices || self.error => Some(Spoken::Chat),
            _ => None,
        }
    }
}
