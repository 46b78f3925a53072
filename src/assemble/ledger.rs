//! What every machine keeps beside its blocks: how it was set up, what it holds, what it has said.

use super::written::Written;
use super::{Fault, Origin, Queue};
use crate::error::LimitKind;
use crate::event::{Event, Warning};
use crate::json::Json;
use crate::limits::Limits;
use crate::rule::Rule;
use crate::text::Arena;

/// How a machine was set up, and what it has done so far.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) strict: bool,
    pub(crate) accumulate: bool,
    /// Bytes that are not UTF-8 are replaced.
    pub(crate) lossy: bool,
    /// A reply that was not streamed is taken too.
    pub(crate) unstreamed: bool,
    pub(crate) came: Came,
    pub(crate) limits: Bounds,
    /// Bytes held for the message.
    pub(super) held: usize,
    /// Bytes held beside the blocks, of which the latest replace the earlier.
    pub(super) beside: usize,
    /// The habits of this server that have been reported, a bit for each.
    told: u8,
    pub(crate) output_started: bool,
    pub(crate) tool_call_emitted: bool,
    /// For texts that are not as received.
    pub(crate) arena: Arena,
    /// The room that the last block was written in.
    pub(super) spare: Written,
}

/// The limits of a machine: all but that of an event, which is its scanner's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) message_bytes: usize,
    pub(crate) tool_input_bytes: usize,
    pub(crate) blocks: usize,
}

impl From<Limits> for Bounds {
    fn from(limits: Limits) -> Self {
        let Limits { message_bytes, tool_input_bytes, blocks, .. } = limits;
        Self { message_bytes, tool_input_bytes, blocks }
    }
}

impl Bounds {
    pub(crate) fn with(self, event_bytes: usize) -> Limits {
        let Self { message_bytes, tool_input_bytes, blocks } = self;
        Limits { event_bytes, message_bytes, tool_input_bytes, blocks }
    }
}

/// How a reply came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    Streamed,
    /// It was not streamed: what comes late has no beginning.
    Whole,
    /// Its stream did not end, but broke off, or nothing came any more.
    BrokenOff,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            strict: false,
            accumulate: true,
            lossy: false,
            unstreamed: false,
            came: Came::Streamed,
            limits: Limits::default().into(),
            held: 0,
            beside: 0,
            told: 0,
            output_started: false,
            tool_call_emitted: false,
            arena: Arena::default(),
            spare: Written::default(),
        }
    }

    /// What would be held with so many bytes of text more, if that is allowed.
    #[inline(always)]
    pub(super) fn held_with(&self, bytes: usize) -> Option<usize> {
        let held = self.held.saturating_add(if self.accumulate { bytes } else { 0 });
        (held.saturating_add(self.beside) <= self.limits.message_bytes).then_some(held)
    }

    /// Counts bytes that the message holds more than before.
    pub(super) fn hold(&mut self, bytes: usize) -> Result<(), Fault> {
        self.held = self.held.saturating_add(bytes);
        let max = self.limits.message_bytes;
        if self.held.saturating_add(self.beside) > max {
            return Err(Fault::Limit { limit: LimitKind::MessageBytes, max });
        }
        Ok(())
    }

    pub(super) fn bound_input(&self, bytes: usize) -> Result<(), Fault> {
        let max = self.limits.tool_input_bytes;
        if bytes > max {
            return Err(Fault::Limit { limit: LimitKind::ToolInputBytes, max });
        }
        Ok(())
    }

    /// Makes sure that there may be one block more than these.
    pub(super) fn bound_blocks(&self, blocks: usize) -> Result<(), Fault> {
        let max = self.limits.blocks;
        if blocks >= max {
            return Err(Fault::Limit { limit: LimitKind::Blocks, max });
        }
        Ok(())
    }

    /// Hands out a warning for a rule that was broken, or fails in strict mode. What a server that
    /// does it once does with every event is said once.
    pub(crate) fn tolerate(
        &mut self,
        rule: Rule,
        index: Option<u32>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        let told = rule.habit() & self.told;
        self.told |= rule.habit();
        if told != 0 {
            return Ok(());
        }
        self.warn(rule, index, false, origin, out)
    }

    /// The same for an event of which nothing is used: the warning has it.
    pub(super) fn pass_over(
        &self,
        rule: Rule,
        index: Option<u32>,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        self.warn(rule, index, true, origin, out)
    }

    /// A warning, whether or not it was given before.
    pub(super) fn warn(
        &self,
        rule: Rule,
        index: Option<u32>,
        dropped: bool,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        if self.strict {
            return Err(Fault::Protocol { rule, index });
        }
        // The event may be long, and what is used of it has been read already.
        let data = dropped.then(|| core::str::from_utf8(origin.data).ok()).flatten();
        let dropped = data.and_then(|data| Json::parse(data).ok());
        let offset = origin.offset;
        out.push_back(Event::Warning(Warning { rule, index, offset, dropped }.into()));
        Ok(())
    }

    /// Lets go of all room: the stream has failed.
    pub(super) fn release(&mut self) {
        self.spare = Written::default();
        self.arena = Arena::default();
    }
}
