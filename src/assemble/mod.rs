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
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytestring::ByteString;

pub(crate) use self::ledger::Ledger;
use crate::error::ErrorKind;
use crate::event::{BlockEvent, Event};
use crate::json::Json;
use crate::json::reader::{Kind, Reader};
use crate::message::{Block, InvalidInput, InvalidReason, Message};
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

/// The arguments of a tool, which are an object.
fn object(raw: ByteString) -> Result<Json, InvalidInput> {
    match Reader::new(&raw).whole() {
        Ok(Kind::Object) => Ok(Json::checked(raw)),
        Ok(_) => Err(InvalidInput { raw: raw.into(), reason: InvalidReason::NotAnObject }),
        Err(error) => Err(InvalidInput { raw: raw.into(), reason: InvalidReason::Json(error) }),
    }
}
