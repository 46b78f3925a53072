//! How a server writes its deltas, learnt from those that were read.

use alloc::string::String;
use alloc::vec::Vec;

use crate::assemble::{Fault, Machine, Origin, Queue};
use crate::text::{Arena, Lent, Window};
use crate::wire::piece::DeltaKind;
use crate::wire::shape::{Framed, Parts, Said, Shape, Short};
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
    name: String,
    says: Says,
}

/// What a delta says that has a form.
#[derive(Clone, Copy, Debug)]
pub(super) enum Says {
    Chunk(openai_chat::Only),
    Delta(openai_responses::Place, openai_responses::Said),
}

impl Says {
    /// Gives the machine what was `said`, as if it had been read.
    pub(super) fn add(
        self,
        said: Said<'_>,
        machine: &mut Machine,
        origin: &Origin<'_>,
        out: &mut Queue,
    ) -> Result<(), Fault> {
        match (self, machine) {
            (Self::Chunk(only), Machine::Chat(machine)) => machine.go_on(only, said, origin, out),
            (Self::Delta(place, what), Machine::Responses(machine)) => {
                machine.delta(place, what, Some(said.text), origin, out)
            }
            // A decoder has one machine, which it learns for.
            _ => Ok(()),
        }
    }

    /// Gives the machine a text that is all its event needs, and had `raw` bytes on the wire. If that is not
    /// so, it does nothing.
    #[inline]
    pub(super) fn add_short(
        self,
        text: Lent<'_>,
        raw: usize,
        machine: &mut Machine,
    ) -> Option<(DeltaKind, u32)> {
        match (self, machine) {
            (Self::Chunk(only), Machine::Chat(machine)) => machine.add(only, text),
            (Self::Delta(place, what), Machine::Responses(machine)) => {
                machine.add(place, what, text, raw)
            }
            _ => None,
        }
    }
}

impl Learnt {
    /// What a delta says, if it has a form that is known.
    pub(super) fn find<'a>(&mut self, origin: &Origin<'a>) -> Option<(Says, Said<'a>)> {
        let is = |form: &Form| form.name == origin.name;
        let find = |form: &Form| is(form).then(|| form.shape.find(origin.data)).flatten();
        let (says, said, _) = self.first(find)?;
        Some((says, said))
    }

    /// What a delta says whose frame lies whole at the front of `bytes`, where that is, and its name.
    pub(super) fn find_frame<'a>(
        &mut self,
        bytes: &'a [u8],
    ) -> Option<(Says, Said<'a>, Framed, &str)> {
        let (says, (said, framed), name) = self.first(|form| form.shape.find_frame(bytes))?;
        Some((says, said, framed, name))
    }

    /// What a delta says whose frame lies whole at the front of `bytes`, if the text is short: it is put into
    /// `window`.
    pub(super) fn find_short(
        &mut self,
        bytes: &[u8],
        window: &mut Window,
        arena: &mut Arena,
    ) -> Option<(Says, Short)> {
        let (says, short, _) = self.first(|form| form.shape.find_short(0, bytes, window, arena))?;
        Some((says, short))
    }

    /// What frames begin with that have the form of the last delta.
    pub(super) fn head(&self) -> &[u8] {
        self.forms.get(self.last).map_or(&[], |form| form.shape.head())
    }

    /// What a delta of that form says, of whose frame the front of `rest` is all but the head.
    pub(super) fn find_behind(
        &self,
        rest: &[u8],
        window: &mut Window,
        arena: &mut Arena,
    ) -> Option<(Says, Short)> {
        let form = self.forms.get(self.last)?;
        let known = form.shape.head().len();
        Some((form.says, form.shape.find_short(known, rest, window, arena)?))
    }

    /// What is found with the first form that fits, from the last one on.
    #[inline]
    fn first<T>(&mut self, mut find: impl FnMut(&Form) -> Option<T>) -> Option<(Says, T, &str)> {
        let forms = self.forms.len();
        let places = (self.last..forms).chain(0..self.last);
        for at in places {
            if let Some(found) = self.forms.get(at).and_then(&mut find) {
                self.last = at;
                let form = self.forms.get(at)?;
                return Some((form.says, found, &form.name));
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
            self.forms.push(Form { shape: Shape::default(), name: String::new(), says });
        } else {
            // The one that is longest ago.
            self.last = self.last.wrapping_add(1).checked_rem(FORMS).unwrap_or_default();
        }
        if let Some(form) = self.forms.get_mut(self.last) {
            form.says = says;
            form.name.clear();
            form.name.push_str(origin.name);
            form.shape.learn(origin.name, origin.data, &varying(&mut self.noise, parts));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Source;
    use alloc::format;
    use alloc::string::String;
    use bytes::Bytes;

    /// What is known of deltas that come with these names: `+` for one whose form is, `-` for one that
    /// had to be read.
    fn known(deltas: &[(&str, String)]) -> String {
        let mut learnt = Learnt::default();
        let mut known = |(name, data): &(&str, String)| {
            let bytes = Bytes::copy_from_slice(data.as_bytes());
            let source = Source::new(&bytes, bytes.len());
            let origin = Origin { name, source, data: &bytes, offset: 0 };
            if let Some((_, said)) = learnt.find(&origin) {
                assert_eq!(said.text.decode(), text_of(data), "{data}");
                return '+';
            }
            let event = openai_responses::Event::parse(name, &bytes).unwrap();
            learnt.learn_event(&event, &origin);
            let event = openai_chat::Event::parse(name, &bytes).unwrap();
            learnt.learn_chunk(&event, &origin);
            '-'
        };
        deltas.iter().map(&mut known).collect()
    }

    fn text_of(data: &str) -> String {
        let value: serde_json::Value = serde_json::from_str(data).unwrap();
        let text = value.get("delta").or(value.pointer("/choices/0/delta/content"));
        text.and_then(|text| text.as_str()).unwrap().into()
    }

    /// A delta of the Responses API with these fields behind its type.
    fn event(fields: &str, text: &str) -> (&'static str, String) {
        let start = r#""type":"response.output_text.delta","output_index":0,"content_index":0"#;
        ("response.output_text.delta", format!(r#"{{{start},"delta":"{text}"{fields}}}"#))
    }

    /// A chunk with these fields before its choices.
    fn chunk(fields: &str, text: &str) -> (&'static str, String) {
        let choices = format!(r#""choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]"#);
        ("", format!(r#"{{{fields}"object":"chat.completion.chunk",{choices}}}"#))
    }

    #[test]
    fn what_differs_from_delta_to_delta_is_passed_over() {
        for (fields, expected) in [
            (&["", "", ""][..], "-++"),
            // What is always the same is a part of the form, until it changes.
            (&[",\"sequence_number\":1"; 3], "-++"),
            (
                &[",\"sequence_number\":1", ",\"sequence_number\":2", ",\"sequence_number\":33"],
                "--+",
            ),
            (&[",\"obfuscation\":\"x\""; 3], "-++"),
            (
                &[",\"obfuscation\":\"x\"", ",\"obfuscation\":\"yz\"", ",\"obfuscation\":\"z\""],
                "--+",
            ),
            (
                &[
                    ",\"sequence_number\":1",
                    ",\"sequence_number\":1",
                    ",\"sequence_number\":2",
                    ",\"sequence_number\":3",
                ],
                "-+-+",
            ),
            (&[",\"x\":1", ",\"x\":2", ",\"x\":3"], "---"),
            (
                &[
                    ",\"sequence_number\":1,\"obfuscation\":\"x\"",
                    ",\"sequence_number\":2,\"obfuscation\":\"yz\"",
                    ",\"sequence_number\":3,\"obfuscation\":\"z\"",
                ],
                "--+",
            ),
        ] {
            let texts = ["a", "bc", "\\n", "d"];
            let deltas: Vec<_> =
                fields.iter().zip(texts).map(|(fields, text)| event(fields, text)).collect();
            assert_eq!(known(&deltas), expected, "{fields:?}");
        }
        for (fields, expected) in [
            (&["", "", ""][..], "-++"),
            (&["\"created\":1,"; 3], "-++"),
            (&["\"created\":1,", "\"created\":2,", "\"created\":33,"], "--+"),
            (&["\"p\":\"x\",", "\"p\":\"yz\",", "\"p\":\"z\","], "--+"),
            (
                &["\"obfuscation\":\"x\",", "\"obfuscation\":\"yz\",", "\"obfuscation\":\"z\","],
                "--+",
            ),
            (&["\"id\":\"x\",", "\"id\":\"yz\",", "\"id\":\"z\","], "--+"),
            (&["\"id\":\"x\",\"created\":1,"; 3], "-++"),
            (&["\"usage\":{\"prompt_tokens\":1},"; 3], "---"),
        ] {
            let texts = ["a", "bc", "\\n"];
            let deltas: Vec<_> =
                fields.iter().zip(texts).map(|(fields, text)| chunk(fields, text)).collect();
            assert_eq!(known(&deltas), expected, "{fields:?}");
        }
    }

    #[test]
    fn a_few_forms_are_remembered_and_the_oldest_is_forgotten() {
        let forms = |forms: &str| -> Vec<_> {
            forms.chars().map(|form| event(&format!(",\"{form}\":0"), "text")).collect()
        };
        for (turns, expected) in [
            ("aabbaabb", "-+-+++++"),
            ("abcabcca", "---+++++"),
            ("abcdabcd", "--------"),
            ("abcdcdbb", "----++++"),
        ] {
            assert_eq!(known(&forms(turns)), expected, "{turns}");
        }
    }

    #[test]
    fn a_form_is_of_one_name() {
        let (name, data) = event("", "text");
        let deltas = ["", name, "", name].map(|name| (name, data.clone()));
        assert_eq!(known(&deltas), "--++");
    }

    #[test]
    fn what_is_empty_or_long_is_not_learnt() {
        let deltas = ["", "", "a", "", "b"].map(|text| event("", text));
        assert_eq!(known(&deltas), "----+");
        let (_, empty) = event("", "");
        for (len, expected) in [(LONGEST, "-+"), (LONGEST + 1, "--")] {
            let text = "x".repeat(len - empty.len());
            assert_eq!(known(&[event("", &text), event("", &text)]), expected, "{len}");
        }
    }
}
