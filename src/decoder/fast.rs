//! Deltas taken where they lie, before anything else looks.
//!
//! Nothing is decoded here that the general path would not decode to the same; what is not
//! recognised is left to it.

use bytes::{Buf, Bytes};

use super::Decoder;
use super::learnt::Learnt;
use crate::assemble::Machine;
use crate::event::Event;
use crate::text::{Arena, Lent, Text, Window};
use crate::wire::Source;
use crate::wire::anthropic::{FRAME, Peeked};
use crate::wire::piece::{DeltaKind, Piece};
use crate::wire::shape::Short;

/// What was done about the front of the input.
#[derive(Clone, Copy)]
pub(super) enum Front {
    /// A delta was taken: so many bytes of the window are its text.
    Added(DeltaKind, u32, usize),
    /// All of the input is kept: it ends in a delta.
    Kept,
    /// Something was taken. An event that came of it waits in the queue.
    Taken,
    /// Nothing: it is for the general path.
    Other,
}

impl Decoder {
    /// Whether nothing waits and a frame begins with the next byte, if it did not begin before.
    #[inline]
    pub(super) fn is_at_frame(&self) -> bool {
        self.queue.is_empty() && self.failed.is_none() && self.sse.is_fresh()
    }

    /// Whether the last chunk ended in a delta.
    #[inline]
    pub(super) fn has_cut(&self) -> bool {
        !self.cut.is_empty()
    }

    /// Does what [`goes_on`](Self::goes_on) does for most chunks of 16 to 32 bytes.
    #[inline(always)]
    pub(super) fn goes_on_in_windows(&mut self, input: &mut Bytes) -> bool {
        let limit = self.sse.limit();
        let head = head(self.learnt.as_deref());
        let more = self.failed.is_none() && self.cut.more_in_windows(input, head, limit).is_some();
        if more {
            input.advance(input.len());
        }
        more
    }

    /// Takes all of `input`, if it goes on with the cut delta and does not end it.
    #[inline(always)]
    pub(super) fn goes_on(&mut self, input: &mut Bytes) -> bool {
        let head = head(self.learnt.as_deref());
        let more = self.failed.is_none() && self.cut.more(input, head, self.sse.limit());
        if more {
            input.advance(input.len());
        }
        more
    }

    /// Takes a delta off the front of `input`, as the provider writes it.
    #[inline(always)]
    pub(super) fn front(&mut self, input: &mut Bytes, window: &mut Window) -> Front {
        if !self.cut.is_empty() {
            return self.front_of_cut(input, window);
        }
        // What is larger than the limit is not looked at.
        let front = input.get(..input.len().min(self.sse.limit())).unwrap_or_default();
        let Machine::Anthropic(machine) = &mut self.machine else {
            return self.front_learnt(input, window);
        };
        let Some(peeked) = self.peeker.frame(front, window, &mut machine.ledger.arena) else {
            return self.cut(input);
        };
        let Piece::Short(len @ 1..) = peeked.string else {
            return self.front_with_text(peeked, input);
        };
        if !machine.add(peeked.kind, peeked.index, Lent::Window(window, len)) {
            return Front::Other;
        }
        input.advance(peeked.len);
        self.sse.pass(peeked.len);
        Front::Added(peeked.kind, peeked.index, len)
    }

    /// Takes a delta of a form that was learnt.
    #[inline(never)]
    fn front_learnt(&mut self, input: &mut Bytes, window: &mut Window) -> Front {
        let Some(learnt) = &mut self.learnt else {
            return Front::Other;
        };
        let front = input.get(..input.len().min(self.sse.limit())).unwrap_or_default();
        let arena = &mut self.machine.ledger_mut().arena;
        let Some((says, found)) = learnt.find_short(front, window, arena) else {
            return self.cut(input);
        };
        if let Short::Text { len, raw, frame } = found
            && let text = Lent::Window(window, len)
            && let Some((kind, index)) = says.add_short(text, raw, &mut self.machine)
        {
            input.advance(frame);
            self.sse.pass(frame);
            return Front::Added(kind, index, len);
        }
        if self.known_form(input) { Front::Taken } else { Front::Other }
    }

    /// Takes a delta whose text is not in the window, or empty.
    #[inline(never)]
    fn front_with_text(&mut self, peeked: Peeked, input: &mut Bytes) -> Front {
        let arena = &mut self.machine.ledger_mut().arena;
        let within = Within::Shared(Source::new(input, input.len()), input);
        let text = text(peeked.string, &Window::ZERO, within, arena);
        if self.add(peeked, text).is_none() {
            return Front::Other;
        }
        input.advance(peeked.len);
        self.sse.pass(peeked.len);
        Front::Taken
    }

    /// Keeps the rest of a chunk if a delta begins there.
    #[inline(never)]
    fn cut(&mut self, input: &mut Bytes) -> Front {
        // A chunk that ends with a frame cuts none. Behind the end nothing is looked at.
        if input.ends_with(b"\n\n") {
            return Front::Other;
        }
        let head = head(self.learnt.as_deref());
        if self.machine.is_done() || !self.cut.begin(input, head, self.sse.limit()) {
            return Front::Other;
        }
        input.advance(input.len());
        Front::Kept
    }

    /// Ends a delta that a chunk boundary cut.
    #[inline]
    pub(super) fn front_of_cut(&mut self, input: &mut Bytes, window: &mut Window) -> Front {
        let Machine::Anthropic(machine) = &mut self.machine else {
            return self.front_of_cut_form(input, window);
        };
        let arena = &mut machine.ledger.arena;
        let look = |rest: &[u8]| {
            let peeked = self.peeker.behind_frame(rest, window, arena)?;
            Some((peeked, peeked.len))
        };
        let (peeked, taken) = self.cut.join(input, FRAME, look);
        input.advance(taken);
        let len = self.cut.len();
        let Some(peeked) = peeked.filter(|_| len <= self.sse.limit()) else {
            self.uncut();
            return Front::Taken;
        };
        if let Piece::Short(short @ 1..) = peeked.string
            && machine.add(peeked.kind, peeked.index, Lent::Window(window, short))
        {
            self.cut.clear();
            self.sse.pass(len);
            return Front::Added(peeked.kind, peeked.index, short);
        }
        let arena = &mut machine.ledger.arena;
        let text = text(peeked.string, window, Within::Lent(self.cut.rest()), arena);
        match self.add(peeked, text) {
            Some(()) => {
                self.cut.clear();
                self.sse.pass(len);
            }
            None => self.uncut(),
        }
        Front::Taken
    }

    /// The same of a delta of a form that was learnt.
    #[inline(never)]
    fn front_of_cut_form(&mut self, input: &mut Bytes, window: &mut Window) -> Front {
        let arena = &mut self.machine.ledger_mut().arena;
        let learnt = self.learnt.as_deref();
        let look = |rest: &[u8]| match learnt?.find_behind(rest, window, arena)? {
            (says, Short::Text { len, raw, frame }) => Some(((says, len, raw), frame)),
            (_, Short::Other) => None,
        };
        let (found, taken) = self.cut.join(input, head(learnt), look);
        input.advance(taken);
        let len = self.cut.len();
        let found = found.filter(|_| len <= self.sse.limit());
        let added = found.and_then(|(says, short, raw)| {
            let text = Lent::Window(window, short);
            let (kind, index) = says.add_short(text, raw, &mut self.machine)?;
            Some(Front::Added(kind, index, short))
        });
        if let Some(added) = added {
            self.cut.clear();
            self.sse.pass(len);
            return added;
        }
        self.uncut();
        Front::Taken
    }

    /// Adds a delta that is the data of a frame, whatever the frame was like: `None` if it is none, or
    /// nothing to be added just so.
    pub(super) fn add_data(&mut self, data: &[u8], source: Source<'_>) -> Option<()> {
        let mut window = Window::ZERO;
        let arena = &mut self.machine.ledger_mut().arena;
        let peeked = self.peeker.data(data, &mut window, arena)?;
        let text = text(peeked.string, &window, Within::Shared(source, data), arena);
        self.add(peeked, text)
    }

    /// Adds a delta, and puts its event into the queue.
    fn add(&mut self, peeked: Peeked, text: Option<Text>) -> Option<()> {
        let text = text?;
        let Machine::Anthropic(machine) = &mut self.machine else {
            return None;
        };
        if !machine.add(peeked.kind, peeked.index, Lent::Text(&text)) {
            return None;
        }
        // Empty pieces of thinking are given: they say that it goes on.
        if peeked.kind == DeltaKind::Thinking || !text.is_empty() {
            self.queue.push_back(event(peeked.kind, peeked.index, text));
        }
        Some(())
    }

    /// Gives what is kept of a cut delta to the general path.
    pub(super) fn uncut(&mut self) {
        let mut cut = core::mem::take(&mut self.cut);
        // No frame ends in the head, so nothing is learnt before what comes behind it.
        let learnt = self.learnt.take();
        self.scan(cut.front(head(learnt.as_deref())), &Bytes::new());
        if self.failed.is_none() {
            self.learnt = learnt;
        }
        // Without its last byte no frame ends in it, so whatever it has of one is copied.
        let rest = cut.rest();
        let (rest, last) = rest.split_at_checked(rest.len().saturating_sub(1)).unwrap_or_default();
        for part in [rest, last] {
            self.scan(part, &Bytes::new());
        }
        cut.clear();
        self.cut = cut;
    }
}

/// What the deltas begin with that are kept where a chunk cuts them.
#[inline(always)]
fn head(learnt: Option<&Learnt>) -> &[u8] {
    learnt.map_or(FRAME, Learnt::head)
}

/// The bytes that a delta was found in.
enum Within<'a> {
    /// In a source, of which a text may be a slice.
    Shared(Source<'a>, &'a [u8]),
    Lent(&'a [u8]),
}

/// The text of a delta, if it is UTF-8.
fn text(string: Piece, window: &Window, within: Within<'_>, arena: &mut Arena) -> Option<Text> {
    match (string, within) {
        (Piece::Short(len), _) => Some(Text::from_window(*window, len)),
        (Piece::Written, _) => arena.take(),
        (Piece::Plain { start, end }, Within::Shared(source, bytes)) => {
            source.shared(bytes.get(start..end)?).map(Text::from)
        }
        (Piece::Plain { start, end }, Within::Lent(bytes)) => {
            arena.begin(bytes.get(start..end)?);
            arena.take()
        }
    }
}

/// The event of a delta.
#[inline(always)]
pub(super) fn event(kind: DeltaKind, index: u32, text: Text) -> Event {
    match kind {
        DeltaKind::Text => Event::token(index, text),
        DeltaKind::Thinking => Event::thinking(index, text),
        DeltaKind::InputJson => Event::tool_input(index, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Protocol;
    use alloc::format;
    use alloc::string::String;

    const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\"}}\n\n";
    const OPEN: &str = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
    const CUT: &str = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a";

    /// A decoder behind the start of a block of text.
    fn begun() -> Decoder {
        let mut decoder = Decoder::new(Protocol::Anthropic);
        assert_eq!(events(&mut decoder, &[START, OPEN].concat()), 1);
        decoder
    }

    /// How many events the decoder makes of a chunk.
    fn events(decoder: &mut Decoder, chunk: &str) -> usize {
        let mut input = Bytes::copy_from_slice(chunk.as_bytes());
        core::iter::from_fn(|| decoder.decode(&mut input).unwrap()).count()
    }

    fn delta(fields: &str) -> String {
        format!(r#"{{"type":"content_block_delta","index":0,"delta":{{{fields}}}}}"#)
    }

    #[test]
    fn a_cut_delta_is_kept_as_it_is_until_its_end() {
        // Behind what gives an event, behind what gives none, and alone.
        for before in ["", "event: ping\ndata: {\"type\":\"ping\"}\n\n", OPEN] {
            let mut decoder = Decoder::new(Protocol::Anthropic);
            let start = if before == OPEN { START.into() } else { [START, OPEN].concat() };
            events(&mut decoder, &start);
            let offset = decoder.offset();
            let chunk = [before, CUT].concat();
            events(&mut decoder, &chunk);
            assert_eq!(decoder.cut.len(), CUT.len(), "{before}");
            for more in ["b", " c ", "d\"}}", "\n"] {
                let mut input = more.into();
                assert!(decoder.decode(&mut input).unwrap().is_none(), "{more:?}");
                assert!(input.is_empty() && decoder.has_cut(), "{more:?}");
            }
            assert!(!decoder.goes_on(&mut "\n".into()));
            let mut input = "\n".into();
            let event = decoder.decode(&mut input).unwrap();
            assert_eq!(event, Some(Event::token(0, "ab c d".into())), "{before}");
            assert!(decoder.cut.is_empty());
            assert_eq!(decoder.offset(), offset + (chunk.len() + 10) as u64);
        }
    }

    #[test]
    fn what_is_no_delta_of_an_open_block_is_not_kept() {
        for other in ["event: content_block_stop", "event: content_block_delta\r\n", "data: "] {
            let mut decoder = begun();
            events(&mut decoder, other);
            assert!(decoder.cut.is_empty(), "{other:?}");
        }
    }

    #[test]
    fn the_data_of_a_delta_is_known_in_any_frame() {
        let long = "more than thirty-two bytes, in one piece";
        for (fields, text) in [
            (r#""type":"text_delta","text":"short""#, Some("short")),
            (&*format!(r#""type":"text_delta","text":"{long}""#), Some(long)),
            (r#""type":"text_delta","text":"a \"line\"\n""#, Some("a \"line\"\n")),
            (r#""type":"thinking_delta","thinking":"a""#, None),
            (r#""type":"text_delta","text":5"#, None),
        ] {
            let mut decoder = begun();
            let data = Bytes::from(delta(fields));
            assert_eq!(
                decoder.add_data(&data, Source::new(&data, data.len())).is_some(),
                text.is_some(),
                "{fields}"
            );
            let event = decoder.queue.pop_front();
            assert_eq!(event, text.map(|text| Event::token(0, text.into())), "{fields}");
            if let Some(Event::Token(token)) = event
                && text == Some(long)
            {
                assert!(data.as_ptr_range().contains(&token.text.as_bytes().as_ptr()));
            }
        }
        // Nothing is added, and that is all.
        let mut decoder = begun();
        let data = Bytes::from(delta(r#""type":"text_delta","text":"""#));
        assert_eq!(
            (decoder.add_data(&data, Source::new(&data, data.len())), decoder.queue.pop_front()),
            (Some(()), None)
        );
    }
}
