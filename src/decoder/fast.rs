//! Deltas taken where they lie, before anything else looks.
//!
//! Nothing is decoded here that the general path would not decode to the same; what is not
//! recognised is left to it.

use bytes::{Buf, Bytes};
use bytestring::ByteString;

use super::Decoder;
use crate::event::Event;
use crate::text::{Lent, Text, Window};
use crate::wire::anthropic::{DeltaKind, Joined, Peeked, Piece};

/// What lies at the front of the input.
#[derive(Clone, Copy)]
pub(super) enum Front {
    /// Not looked at yet.
    Unseen,
    /// A delta, which has been added: so many bytes of the window are its text.
    Added(DeltaKind, u32, usize),
    /// A delta, not added yet.
    Delta(Peeked),
    Other,
}

/// What became of the front of the input.
pub(super) enum Fast {
    /// A delta, taken, and its event.
    Event(Event),
    /// Taken, and nothing is to be handed out.
    Taken,
    /// Not taken.
    General,
}

impl Decoder {
    /// Whether nothing waits and a frame begins with the next byte, if it did not begin before.
    #[inline]
    pub(super) fn is_at_frame(&self) -> bool {
        self.queue.is_empty() && self.failed.is_none() && self.sse.is_between_frames()
    }

    /// Looks for a delta as the provider writes it at the front of `input`, and takes it if its text
    /// is short and not empty.
    #[inline(always)]
    pub(super) fn peek(&mut self, input: &mut Bytes, window: &mut Window) -> Front {
        if !self.cut.is_empty() {
            return Front::Other;
        }
        let Some(peeked) = self.peeker.frame(input, window, &mut self.machine.arena) else {
            return Front::Other;
        };
        if peeked.len > self.sse.limit() {
            return Front::Other;
        }
        let Piece::Short(len @ 1..) = peeked.string else {
            return Front::Delta(peeked);
        };
        if !self.machine.add(peeked.kind, peeked.index, Lent::Window(window, len)) {
            return Front::Other;
        }
        input.advance(peeked.len);
        self.sse.pass(peeked.len);
        Front::Added(peeked.kind, peeked.index, len)
    }

    /// Takes what the front of `input` was found to be, if it is a delta or the beginning of one.
    pub(super) fn fast(&mut self, input: &mut Bytes, front: Front) -> Fast {
        if !self.is_at_frame() || input.is_empty() {
            return Fast::General;
        }
        if !self.cut.is_empty() {
            return self.fast_cut(input);
        }
        let mut window = Window::ZERO;
        let front = match front {
            Front::Unseen => self.peek(input, &mut window),
            front => front,
        };
        match front {
            Front::Added(kind, index, len) => made(kind, index, Text::from_window(window, len)),
            Front::Delta(peeked) => self.fast_long(peeked, input),
            Front::Other | Front::Unseen => self.cut(input),
        }
    }

    /// Takes a delta whose string does not fit a window.
    #[inline(never)]
    fn fast_long(&mut self, peeked: Peeked, input: &mut Bytes) -> Fast {
        let Some(text) = self.text(peeked.string, &Window::ZERO, input, Some(input)) else {
            return Fast::General;
        };
        if !self.machine.add(peeked.kind, peeked.index, Lent::Text(&text)) {
            return Fast::General;
        }
        input.advance(peeked.len);
        self.sse.pass(peeked.len);
        made(peeked.kind, peeked.index, text)
    }

    /// Takes a delta that is the data of a frame, whatever the frame was like.
    pub(super) fn fast_data(&mut self, data: &Bytes) -> Fast {
        let mut window = Window::ZERO;
        let peeked = self.peeker.data(data, &mut window, &mut self.machine.arena);
        let added = peeked.and_then(|peeked| {
            let text = self.text(peeked.string, &window, data, Some(data))?;
            let added = self.machine.add(peeked.kind, peeked.index, Lent::Text(&text));
            added.then(|| made(peeked.kind, peeked.index, text))
        });
        added.unwrap_or(Fast::General)
    }

    /// Keeps the rest of a chunk if a delta begins there.
    fn cut(&mut self, input: &mut Bytes) -> Fast {
        if !self.cut.begin(input) {
            return Fast::General;
        }
        input.clear();
        Fast::Taken
    }

    /// Goes on with a delta that a chunk boundary cut.
    fn fast_cut(&mut self, input: &mut Bytes) -> Fast {
        let mut window = Window::ZERO;
        let (peeked, taken) =
            match self.cut.join(input, &mut self.peeker, &mut window, &mut self.machine.arena) {
                Joined::More => {
                    input.clear();
                    return Fast::Taken;
                }
                Joined::Whole(peeked, taken) => (Some(peeked), taken),
                Joined::Other(taken) => (None, taken),
            };
        input.advance(taken);
        let len = self.cut.len();
        let cut = core::mem::take(&mut self.cut);
        let added = peeked.filter(|_| len <= self.sse.limit()).and_then(|peeked| {
            let text = self.text(peeked.string, &window, cut.rest(), None)?;
            let added = self.machine.add(peeked.kind, peeked.index, Lent::Text(&text));
            added.then(|| made(peeked.kind, peeked.index, text))
        });
        self.cut = cut;
        match added {
            Some(made) => {
                self.cut.clear();
                self.sse.pass(len);
                made
            }
            None => {
                self.uncut();
                Fast::Taken
            }
        }
    }

    /// Gives what is kept of a cut delta to the general path.
    pub(super) fn uncut(&mut self) {
        let mut cut = core::mem::take(&mut self.cut);
        let [head, rest] = cut.parts();
        // Without its last byte no frame ends in it, so whatever it has of one is copied.
        let (rest, last) = rest.split_at_checked(rest.len().saturating_sub(1)).unwrap_or_default();
        for part in [head, rest, last] {
            self.scan(part, &Bytes::new());
        }
        cut.clear();
        self.cut = cut;
    }

    /// The text of a delta in `bytes`, which are `shared` if a text may be a slice of them.
    fn text(
        &mut self,
        string: Piece,
        window: &Window,
        bytes: &[u8],
        shared: Option<&Bytes>,
    ) -> Option<Text> {
        match string {
            Piece::Short(len) => Some(Text::from_window(*window, len)),
            Piece::Plain { start, end } => {
                let part = bytes.get(start..end)?;
                match shared {
                    Some(bytes) => ByteString::try_from(bytes.slice_ref(part)).ok().map(Text::from),
                    None => {
                        core::str::from_utf8(part).ok()?;
                        Some(self.machine.arena.text(|text| text.extend_from_slice(part)))
                    }
                }
            }
            Piece::Written => self.machine.arena.take(),
        }
    }
}

/// The event for a delta that has been added to its block.
fn made(kind: DeltaKind, index: u32, text: Text) -> Fast {
    match kind {
        DeltaKind::Thinking => Fast::Event(Event::thinking(index, text)),
        _ if text.is_empty() => Fast::Taken,
        DeltaKind::Text => Fast::Event(Event::token(index, text)),
        DeltaKind::InputJson => Fast::Event(Event::tool_input(index, text)),
    }
}
