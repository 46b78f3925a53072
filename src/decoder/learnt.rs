//! How a server writes its deltas, learnt from those that were read.

use alloc::vec::Vec;

use crate::assemble::Origin;
use crate::wire::shape::{Parts, Said, Shape};
use crate::wire::{Str, openai_chat, openai_responses};

/// The last few forms in which a server has written deltas. Some take turns with two or three.
#[derive(Debug, Default)]
pub(super) struct Learnt {
    forms: Vec<Form>,
    /// The form of the last delta.
    last: usize,
    /// What the last delta had in the places of which nothing is made. Where that stays the same, it is
    /// part of the form, which costs less than to pass over it.
    noise: [Vec<u8>; 4],
}

#[derive(Debug)]
struct Form {
    shape: Shape,
    /// The frame's event type: where the data has none, it is the name that says what it is.
    name: Vec<u8>,
    says: Says,
}

/// What a delta says that has a form.
#[derive(Clone, Copy, Debug)]
pub(super) enum Says {
    Chunk(openai_chat::Only),
    Delta(openai_responses::Place, openai_responses::Said),
}

impl Learnt {
    /// What a delta says, if it has a form that is known.
    pub(super) fn find<'a>(&mut self, origin: &Origin<'a>) -> Option<(Says, Said<'a>)> {
        let forms = self.forms.len();
        for step in 0..forms {
            let at = self.last.checked_add(step)?.checked_rem(forms)?;
            let form = self.forms.get(at)?;
            if form.name == origin.name.as_bytes()
                && let Some(said) = form.shape.find(origin.data)
            {
                self.last = at;
                return Some((form.says, said));
            }
        }
        None
    }

    /// Remembers the form of a delta of the Responses API.
    pub(super) fn learn_event(&mut self, event: &openai_responses::Event<'_>, origin: &Origin<'_>) {
        if let openai_responses::Event::Delta { place, said, delta: Some(delta), noise } = event
            && !delta.is_empty()
        {
            let parts = Parts {
                noise: [noise.obfuscation, None],
                numbers: [noise.sequence_number, None],
                ..Parts::of(*delta)
            };
            self.learn(Says::Delta(*place, *said), origin, &parts);
        }
    }

    /// Remembers the form of a chunk that says one thing.
    pub(super) fn learn_chunk(&mut self, event: &openai_chat::Event<'_>, origin: &Origin<'_>) {
        if let openai_chat::Event::Chunk(chunk) = event
            && let Some((only, parts)) = chunk.only()
        {
            self.learn(Says::Chunk(only), origin, &parts);
        }
    }

    fn learn(&mut self, says: Says, origin: &Origin<'_>, parts: &Parts<'_>) {
        // What is long is mostly text, and gains nothing.
        if origin.data.len() > LONGEST {
            return;
        }
        if self.forms.len() < FORMS {
            self.last = self.forms.len();
            self.forms.push(Form { shape: Shape::default(), name: Vec::new(), says });
        } else {
            // The one that is longest ago.
            self.last = self.last.wrapping_add(1).checked_rem(FORMS).unwrap_or_default();
        }
        if let Some(form) = self.forms.get_mut(self.last) {
            form.says = says;
            form.name.clear();
            form.name.extend_from_slice(origin.name.as_bytes());
            form.shape.learn(origin.data, &varying(&mut self.noise, parts));
        }
    }
}

/// The parts without those that are as they were in the last delta.
fn varying<'a>(last: &mut [Vec<u8>; 4], parts: &Parts<'a>) -> Parts<'a> {
    let mut varying = *parts;
    let [padding, id, first, second] = last;
    let varies = |last: &mut Vec<u8>, now: Option<&str>| {
        let now = now.unwrap_or_default().as_bytes();
        let varies = !last.is_empty() && last != now;
        last.clear();
        last.extend_from_slice(now);
        varies
    };
    for (string, last) in varying.noise.iter_mut().zip([padding, id]) {
        let raw = string.as_ref().map(Str::raw);
        *string = string.filter(|_| varies(last, raw));
    }
    for (number, last) in varying.numbers.iter_mut().zip([first, second]) {
        *number = number.filter(|now| varies(last, Some(*now)));
    }
    varying
}

/// Forms that are remembered.
const FORMS: usize = 3;

/// Bytes of the largest delta whose form is remembered.
const LONGEST: usize = 4096;
