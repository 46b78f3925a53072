//! One frame to events: read as the provider's, and given to its machine.

use alloc::borrow::Cow;
use alloc::string::String;

use bytes::{Buf, Bytes};

use super::Decoder;
use crate::assemble::{Fault, Machine, Origin};
use crate::event::Event;
use crate::json::Flaw;
use crate::rule::Rule;
use crate::sse::{Found, Place};
use crate::text::Text;
use crate::wire::joined::Joined;
use crate::wire::{ParseError, Source, anthropic, openai_chat, openai_responses};

/// Why a frame could not be taken.
enum Refusal {
    Parse(ParseError),
    Fault(Fault),
}

impl Decoder {
    pub(super) fn found(&mut self, found: Found, chunk: &Bytes) {
        match found {
            Found::Frame { event, data, offset, one_line } => {
                let (held_event, held_data);
                let name = match event {
                    Place::Chunk(range) => chunk.get(range).unwrap_or_default(),
                    Place::Held => {
                        held_event = self.sse.take_event();
                        &*held_event
                    }
                };
                let (data, source) = match data {
                    Place::Chunk(range) => {
                        (chunk.get(range).unwrap_or_default(), Source::new(chunk, chunk.len()))
                    }
                    Place::Held => {
                        held_data = self.sse.take_data();
                        (&*held_data, Source::new(&held_data, held_data.len()))
                    }
                };
                self.frame(name, data, source, (offset, one_line));
            }
            Found::Comment => self.queue.push_back(Event::Ping),
            Found::Retry(_) => {}
        }
    }

    /// Takes a frame of the provider's off the front of `input` that is known as it stands; says whether
    /// there was one.
    pub(super) fn known(&mut self, input: &mut Bytes) -> bool {
        let Machine::Anthropic(machine) = &mut self.machine else {
            return false;
        };
        // What comes before a reply is kept.
        if !self.sse.is_fresh() || !machine.has_begun() {
            return false;
        }
        let front = input.get(..input.len().min(self.sse.limit())).unwrap_or_default();
        let Some(frame) = anthropic::known_frame(front) else {
            return false;
        };
        let offset = self.sse.offset().saturating_add(wide(frame.data.start));
        let source = Source::new(input, input.len());
        let data = front.get(frame.data).unwrap_or_default();
        let origin = Origin { name: frame.name, source, data, offset };
        let applied = machine.apply_known(frame.event, &origin, &mut self.queue);
        self.taken(input, frame.len, applied.map_err(|kind| (kind, offset)));
        true
    }

    /// Does the same with a delta whose form was learnt.
    pub(super) fn known_form(&mut self, input: &mut Bytes) -> bool {
        let front = input.get(..input.len().min(self.sse.limit())).unwrap_or_default();
        let known = self.learnt.as_mut().and_then(|learnt| learnt.find_frame(front));
        let Some((says, said, framed, name)) = known else {
            return false;
        };
        let offset = self.sse.offset().saturating_add(wide(framed.data.start));
        let source = Source::new(input, input.len());
        let data = front.get(framed.data).unwrap_or_default();
        let origin = Origin { name, source, data, offset };
        let applied = says.add(said, &mut self.machine, &origin, &mut self.queue);
        self.taken(input, framed.len, applied.map_err(|kind| (kind, offset)));
        true
    }

    /// Passes over a frame of `len` bytes that was taken where it lay.
    fn taken(&mut self, input: &mut Bytes, len: usize, applied: Result<(), (Fault, u64)>) {
        self.sse.pass(len);
        input.advance(len);
        match applied {
            Ok(()) => self.name_request(),
            Err((kind, offset)) => drop(self.fail(kind, offset)),
        }
    }

    /// Takes a frame, whose data lies in `source`.
    pub(super) fn frame(
        &mut self,
        name: &[u8],
        data: &[u8],
        source: Source<'_>,
        place: (u64, bool),
    ) {
        // The frame was cut, or its lines do not end as the provider's do; its data may be as usual.
        if name == b"content_block_delta" && self.add_data(data, source).is_some() {
            return;
        }
        let (offset, one_line) = place;
        // All names that are known are text, and that is soon seen.
        let name = match core::str::from_utf8(name) {
            Ok(name) => Cow::Borrowed(name),
            Err(_) => String::from_utf8_lossy(name),
        };
        let origin = Origin { name: &name, source, data, offset };
        match self.take(&origin) {
            Ok(()) => self.name_request(),
            Err(Refusal::Fault(kind)) => drop(self.fail(kind, offset)),
            Err(Refusal::Parse(error))
                if error.error.flaw == Flaw::Utf8 && self.machine.ledger().lossy =>
            {
                let text = Bytes::from(String::from_utf8_lossy(data).into_owned());
                let source = source.of(&text);
                // What was replaced is longer than what came.
                self.frame(name.as_bytes(), &text, source, (offset, false));
            }
            Err(Refusal::Parse(_)) if !one_line && self.take_apart(&origin) => {}
            Err(Refusal::Parse(ParseError { event, index, error })) => {
                let event = Text::from(&*event);
                let at = u64::try_from(error.at).unwrap_or(u64::MAX);
                let at = if one_line { offset.saturating_add(at) } else { offset };
                self.fail(Fault::Malformed { event, index, flaw: error.flaw }, at);
            }
        }
    }

    /// Takes each of the events of a frame that has several, for its server parts them by no blank line; says whether
    /// it has.
    fn take_apart(&mut self, origin: &Origin<'_>) -> bool {
        let Some(joined) = Joined::new(origin.data) else { return false };
        let ledger = self.machine.ledger_mut();
        let rule = Rule::MissingBlankLine;
        if let Err(kind) = ledger.tolerate(rule, None, origin, &mut self.queue) {
            self.fail(kind, origin.offset);
            return true;
        }
        for event in joined {
            if self.failed.is_some() {
                break;
            }
            let data = origin.data.get(event).unwrap_or_default();
            self.frame(origin.name.as_bytes(), data, origin.source, (origin.offset, false));
        }
        true
    }

    /// Reads a frame as the provider's, and gives it to the machine.
    fn take(&mut self, origin: &Origin<'_>) -> Result<(), Refusal> {
        let (name, data, queue) = (origin.name, origin.data, &mut self.queue);
        if let Some((says, said)) = self.learnt.as_mut().and_then(|learnt| learnt.find(origin)) {
            return says.add(said, &mut self.machine, origin, queue).map_err(Refusal::Fault);
        }
        match &mut self.machine {
            Machine::Anthropic(machine) => {
                // The result of a tool is kept as it is: a check for UTF-8 serves both.
                if name == "content_block_start"
                    && origin.source.is_large(data)
                    && let Some(text) = origin.source.shared(data)
                {
                    let origin = Origin { source: origin.source.checked(&text), ..*origin };
                    let event = anthropic::Event::parse_text(name, &text);
                    return machine
                        .apply(event.map_err(Refusal::Parse)?, &origin, queue)
                        .map_err(Refusal::Fault);
                }
                let event = anthropic::Event::parse(name, data).map_err(Refusal::Parse)?;
                machine.apply(event, origin, queue)
            }
            Machine::Responses(machine) => {
                let event = openai_responses::Event::parse(name, data).map_err(Refusal::Parse)?;
                self.learnt.get_or_insert_default().learn_event(&event, origin);
                machine.apply(event, origin, queue)
            }
            Machine::Chat(machine) => {
                let event = openai_chat::Event::parse(name, data).map_err(Refusal::Parse)?;
                self.learnt.get_or_insert_default().learn_chunk(&event, origin);
                machine.apply(event, origin, queue)
            }
        }
        .map_err(Refusal::Fault)
    }

    /// Ends the machine's input.
    pub(super) fn end(&mut self) {
        let (data, offset) = (Bytes::new(), self.offset());
        let origin = Origin { name: "", source: Source::new(&data, 0), data: &data, offset };
        let leftover = self.leftover();
        match self.machine.finish(leftover, &origin, &mut self.queue) {
            Ok(()) => self.name_request(),
            Err(kind) => {
                let kind = self.not_a_stream().unwrap_or(kind);
                self.fail(kind, offset);
            }
        }
    }

    /// Puts the id of the request into the end of the reply. That of the headers counts.
    fn name_request(&mut self) {
        if let Some(Event::Complete(done)) = self.queue.back_mut() {
            let known = self.headers.as_ref().and_then(|headers| headers.request_id.clone());
            done.request_id = known.or(done.request_id.take());
        }
    }
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
