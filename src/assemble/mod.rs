//! Provider events to [`Event`]s and the message so far: one small machine a provider.
//!
//! A machine knows nothing of chunks and frames, nor of the syntax of the events. What the machines
//! share is here; the transitions of a provider are all in its own module, with their diagram.

pub(crate) mod anthropic;
mod growing;
mod ledger;
pub(crate) mod openai_chat;
pub(crate) mod openai_responses;
#[cfg(test)]
mod table;
mod written;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use bytestring::ByteString;

pub(crate) use self::ledger::{Came, Ledger};
use crate::error::ErrorKind;
use crate::event::{BlockEvent, Event};
use crate::json::Json;
use crate::json::reader::{Kind, Reader};
use crate::message::{Block, InvalidInput, InvalidReason, Message};
use crate::text::Text;
use crate::usage::Usage;
use crate::wire::Source;

/// Where an event came from.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// The frame's event type; empty if it has none.
    pub(crate) name: &'a str,
    /// The bytes that the event borrows from.
    pub(crate) source: Source<'a>,
    /// The data of the frame.
    pub(crate) data: &'a [u8],
    /// The byte of the stream at which that begins.
    pub(crate) offset: u64,
}

/// Events on their way out, in order.
pub(crate) type Queue = VecDeque<Event>;

/// Why a stream cannot go on. The decoder adds where, and what was received.
pub(crate) type Fault = ErrorKind;

/// The message so far, of one provider or another.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "the common one lies where its deltas are added")]
pub(crate) enum Machine {
    Anthropic(anthropic::Machine),
    Responses(Box<openai_responses::Machine>),
    Chat(Box<openai_chat::Machine>),
}

/// The same of each machine.
macro_rules! each {
    ($self:expr, $machine:ident => $value:expr) => {
        match $self {
            Self::Anthropic($machine) => $value,
            Self::Responses($machine) => $value,
            Self::Chat($machine) => $value,
        }
    };
}

impl Machine {
    pub(crate) fn ledger(&self) -> &Ledger {
        each!(self, machine => &machine.ledger)
    }

    pub(crate) fn ledger_mut(&mut self) -> &mut Ledger {
        each!(self, machine => &mut machine.ledger)
    }

    pub(crate) fn is_done(&self) -> bool {
        each!(self, machine => machine.is_done())
    }

    /// Whether anything of a reply has come.
    pub(crate) fn has_begun(&self) -> bool {
        each!(self, machine => machine.has_begun())
    }

    /// Whether the end of the input, however it comes, ends the reply well.
    #[cfg(any(feature = "std", feature = "stream"))]
    pub(crate) fn is_over(&self) -> bool {
        match self {
            Self::Chat(machine) => machine.is_over(),
            Self::Anthropic(_) | Self::Responses(_) => false,
        }
    }

    /// The id of the request, where the stream itself says it.
    pub(crate) fn request_id(&self) -> Option<&Text> {
        match self {
            Self::Chat(machine) => machine.request_id(),
            Self::Anthropic(_) | Self::Responses(_) => None,
        }
    }

    pub(crate) fn usage(&self) -> &Usage {
        each!(self, machine => machine.usage())
    }

    /// Ends all blocks where they are: nothing more will come, and the message is to be given away without
    /// a copy.
    pub(crate) fn seal(&mut self) {
        each!(self, machine => machine.seal());
    }

    /// The message as it is: finished blocks are shared, blocks in flight are copied.
    pub(crate) fn message(&self) -> Message {
        each!(self, machine => machine.message())
    }

    /// The choices beside that.
    pub(crate) fn choices(&self) -> Vec<Message> {
        match self {
            Self::Chat(machine) => machine.choices(),
            Self::Anthropic(_) | Self::Responses(_) => Vec::new(),
        }
    }

    /// Ends the input: an error unless the message is complete, or is by this.
    pub(crate) fn finish(
        &mut self,
        leftover: u64,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        match self {
            Self::Anthropic(machine) => machine.finish(leftover),
            Self::Responses(machine) => machine.finish(leftover),
            Self::Chat(machine) => machine.finish(leftover, origin, out),
        }
    }

    /// Lets go of all blocks: the stream has failed, and what came of it is kept elsewhere.
    pub(crate) fn release(&mut self) {
        each!(self, machine => machine.release());
    }
}

/// Hands out a finished block.
fn finished(block: &Arc<Block>, out: &mut Queue) {
    out.push_back(Event::Block(BlockEvent { index: block.index, block: Arc::clone(block) }));
}

/// Whether a text is all of a JSON object: what a function is called with.
fn is_object(text: &str) -> bool {
    Reader::new(text).whole() == Ok(Kind::Object)
}

/// The arguments of a tool, which are an object.
fn object(raw: ByteString) -> Result<Json, InvalidInput> {
    match Reader::new(&raw).whole() {
        // The APIs refuse half of a surrogate pair, and with it every request that has it in its history.
        Ok(Kind::Object) => Ok(Json::checked(raw).paired()),
        Ok(_) => Err(InvalidInput { raw: raw.into(), reason: InvalidReason::NotAnObject }),
        Err(error) => Err(InvalidInput { raw: raw.into(), reason: InvalidReason::Json(error) }),
    }
}

/// An id for a call that has none. In a conversation no two may be the same, so it has the end of the
/// reply's id in it, where that has one. `OpenAI` takes 40 characters.
pub(crate) fn made_up(number: impl fmt::Display, reply: Option<&Text>) -> Text {
    let Some(reply) = reply.filter(|id| !id.is_empty()) else {
        return format!("call_{number}").into();
    };
    let plain = reply.chars().filter(char::is_ascii_alphanumeric).count();
    let end = reply.chars().filter(char::is_ascii_alphanumeric);
    let end: String = end.skip(plain.saturating_sub(16)).collect();
    format!("call_{number}_{end}").into()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::text::Lent;
    use crate::wire;
    use crate::wire::shape::Said;

    fn machines() -> [Machine; 3] {
        [
            Machine::Anthropic(anthropic::Machine::new(true)),
            Machine::Responses(openai_responses::Machine::new().into()),
            Machine::Chat(openai_chat::Machine::new().into()),
        ]
    }

    fn origin<'a>(name: &'a str, data: &'a Bytes) -> Origin<'a> {
        Origin { name, source: Source::new(data, data.len()), data, offset: 0 }
    }

    /// What comes of the data of a frame.
    #[track_caller]
    fn apply(machine: &mut Machine, name: &str, data: &str) -> Queue {
        let data = Bytes::copy_from_slice(data.as_bytes());
        let (origin, mut out) = (origin(name, &data), Queue::new());
        let result = match machine {
            Machine::Anthropic(machine) => {
                let event = wire::anthropic::Event::parse(name, &data).unwrap();
                machine.apply(event, &origin, &mut out)
            }
            Machine::Responses(machine) => {
                let event = wire::openai_responses::Event::parse(name, &data).unwrap();
                machine.apply(event, &origin, &mut out)
            }
            Machine::Chat(machine) => {
                let event = wire::openai_chat::Event::parse(name, &data).unwrap();
                machine.apply(event, &origin, &mut out)
            }
        };
        result.unwrap();
        out
    }

    /// A reply of each provider that is complete, in the order of the machines.
    const REPLIES: [&[(&str, &str)]; 3] = [
        &[
            ("message_start", r#"{"type":"message_start","message":{"id":"msg_1"}}"#),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"a"}}"#,
            ),
            ("content_block_stop", r#"{"type":"content_block_stop","index":0}"#),
            ("message_stop", r#"{"type":"message_stop"}"#),
        ],
        &[
            ("", r#"{"type":"response.created","response":{"id":"resp_1"}}"#),
            ("", r#"{"type":"response.output_text.delta","output_index":0,"delta":"a"}"#),
            (
                "",
                r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":[{"type":"output_text","text":"a"}]}}"#,
            ),
            ("", r#"{"type":"response.completed","response":{"status":"completed"}}"#),
        ],
        &[
            (
                "",
                r#"{"id":"c","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}"#,
            ),
            ("", "[DONE]"),
        ],
    ];

    /// All that may come, of each provider.
    const LATE: [&[(&str, &str)]; 3] = [
        &[
            ("message_start", r#"{"type":"message_start","message":{"id":"msg_2"}}"#),
            ("message_start", r#"{"type":"message_start","message":null}"#),
            (
                "content_block_start",
                r#"{"type":"content_block_start","content_block":{"type":"text","text":""}}"#,
            ),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"b"}}"#,
            ),
            ("content_block_delta", r#"{"type":"content_block_delta","delta":null}"#),
            (
                "content_block_delta",
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"b"}}"#,
            ),
            ("content_block_stop", r#"{"type":"content_block_stop","index":0}"#),
            ("message_delta", r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#),
            ("message_stop", r#"{"type":"message_stop"}"#),
            ("other", r#"{"type":"message_stop"}"#),
            ("other", r#"{"type":"other"}"#),
            ("ping", r#"{"type":"ping"}"#),
            ("error", r#"{"type":"error","error":{}}"#),
            ("", "[DONE]"),
        ],
        &[
            ("", r#"{"type":"response.created","response":{"id":"resp_2"}}"#),
            ("", r#"{"type":"response.in_progress"}"#),
            (
                "",
                r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"message"}}"#,
            ),
            ("", r#"{"type":"response.output_text.delta","delta":"b"}"#),
            ("", r#"{"type":"response.output_text.done","output_index":0,"text":"b"}"#),
            ("", r#"{"type":"response.output_item.done","item":{"type":"message"}}"#),
            ("", r#"{"type":"response.web_search_call.searching","output_index":0}"#),
            ("", r#"{"type":"response.completed","response":{"status":"completed"}}"#),
            ("", r#"{"type":"response.failed","response":{"usage":{"output_tokens":7}}}"#),
            ("", r#"{"type":"error","message":"m"}"#),
            ("", r#"{"type":"other"}"#),
            ("", r#"{"type":"keepalive"}"#),
            ("", "[DONE]"),
        ],
        &[
            ("", r#"{"id":"d","choices":[{"index":0,"delta":{"content":"b"}}]}"#),
            ("", r#"{"id":"d","choices":[],"error":{"message":"m"}}"#),
            ("", r#"{"error":{"message":"m"}}"#),
            ("", r#"{"other":1}"#),
            ("", ""),
            ("", "[DONE]"),
        ],
    ];

    /// The decoder gives nothing more to a machine that is done; a machine does not rely on it.
    #[test]
    fn nothing_behind_the_end_changes_anything() {
        for ((mut machine, reply), late) in machines().into_iter().zip(REPLIES).zip(LATE) {
            assert!(!machine.has_begun());
            for (name, data) in reply {
                apply(&mut machine, name, data);
                assert!(machine.has_begun(), "{data}");
            }
            let message = machine.message();
            assert!(machine.is_done() && message.complete && message.text() == "a");
            for (name, data) in late {
                assert_eq!(apply(&mut machine, name, data), [], "{data}");
                assert_eq!(machine.message(), message, "{data}");
            }
            let mut out = Queue::new();
            if let Machine::Chat(machine) = &mut machine {
                let data = Bytes::from_static(late[0].1.as_bytes());
                let event = wire::openai_chat::Event::parse("", &data).unwrap();
                let wire::openai_chat::Event::Chunk(chunk) = event else { panic!() };
                let (only, parts) = chunk.only().unwrap();
                let said = Said { text: parts.text, around: None };
                machine.go_on(only, said, &origin("", &data), &mut out).unwrap();
                assert!(machine.add(only, Lent::Text("b")).is_none());
            }
            machine.finish(0, &origin("", &Bytes::new()), &mut out).unwrap();
            assert_eq!((out, machine.message()), (Queue::new(), message));
        }
    }
}
