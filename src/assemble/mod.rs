//! Provider events to [`Event`]s and the message so far: one small machine a provider.
//!
//! A machine knows nothing of chunks and frames, nor of the syntax of the events. What the machines share is here; the transitions of
//! a provider are all in its own module, with their diagram.

pub(crate) mod anthropic;

use alloc::collections::VecDeque;
use alloc::sync::Arc;

use crate::error::ErrorKind;
use crate::event::{BlockEvent, Event, Rule, Warning};
use crate::json::Json;
use crate::message::Block;
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

/// Hands out a warning for a rule that was broken, or fails in strict mode. The warning has the
/// event with it if that was `dropped`.
pub(crate) fn tolerate(
    strict: bool,
    rule: Rule,
    index: Option<u32>,
    dropped: bool,
    origin: &Origin<'_>,
    out: &mut Queue,
) -> Result<(), Fault> {
    if strict {
        return Err(Fault::Protocol { rule, index });
    }
    let dropped = core::str::from_utf8(origin.data)
        .ok()
        .filter(|_| dropped)
        .and_then(|data| Json::parse(data).ok());
    out.push_back(Event::Warning(Warning { rule, index, offset: origin.offset, dropped }.into()));
    Ok(())
}

/// Hands out a finished block.
pub(crate) fn finished(block: &Arc<Block>, out: &mut Queue) {
    out.push_back(Event::Block(BlockEvent { index: block.index, block: Arc::clone(block) }));
}
