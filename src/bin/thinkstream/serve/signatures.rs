//! What of a request only the provider can have made: signed thinking, and where it stood.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use thinkstream::sse::{self, Item};
use thinkstream::{Content, Decoder, Event, Message, Protocol};

use super::api::Api;
use crate::recording::{Events, Recording};

/// The signed blocks of the replies that are served, with all that stood around them.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// For each reply, its blocks or items in order.
    replies: Vec<Vec<Mark>>,
    /// Where each signature stands: the reply, the block, and the text that was signed with it.
    signed: HashMap<String, Vec<Place>>,
    /// Other seals of the same item, by the one that it is known by.
    aliases: HashMap<String, String>,
    /// The thinking of servers that sign nothing.
    unsigned: HashSet<String>,
}

#[derive(Clone, Debug)]
struct Place {
    reply: usize,
    block: usize,
    kind: String,
    text: String,
}

/// By what a block is known again.
#[derive(Clone, Debug, PartialEq)]
enum Mark {
    /// By its signature, its data, or its encrypted content.
    Signed(String),
    /// By the id of its call.
    Call(String),
    Text(String),
    Other,
}

/// What is wrong with a signed block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forged {
    /// Nobody here has signed it, or not with this text.
    Invalid,
    /// It was signed, but stands where it did not, or others that stood before it are missing.
    Moved,
}

impl Known {
    /// Learns a recording, up to wherever it ends.
    pub(super) fn learn(&mut self, api: Api, recording: &Recording, protocol: Protocol) {
        for event in Events::new(recording, None, Decoder::new(protocol)) {
            match event {
                Ok(Event::Complete(done)) => {
                    self.add(&blocks(api, &done.message));
                    self.unsigned.extend(unsigned(&done.message));
                }
                Ok(_) => {}
                Err(error) => self.add(&blocks(api, &error.partial().message)),
            }
        }
        if api == Api::Responses {
            self.add_outputs(recording);
        }
    }

    /// Learns the items of the whole response at the end of a stream: what is encrypted of an item is
    /// encrypted anew there, and can be sent back as well.
    fn add_outputs(&mut self, recording: &Recording) {
        let mut decoder = sse::Decoder::new();
        let mut seals: HashMap<String, String> = HashMap::new();
        for chunk in &recording.chunks {
            let mut rest = chunk.bytes.clone();
            while let Ok(Some(item)) = decoder.decode(&mut rest) {
                if let Item::Frame(frame) = item {
                    self.add_seals(&frame.data(), &mut seals);
                }
            }
        }
    }

    /// Learns what an event has of items that are done. The first seal of each is what it is known by.
    fn add_seals(&mut self, event: &str, seals: &mut HashMap<String, String>) {
        let event: Value = serde_json::from_str(event).unwrap_or_default();
        let items = match event["type"].as_str() {
            Some("response.output_item.done") => core::slice::from_ref(&event["item"]),
            Some("response.completed" | "response.incomplete") => {
                event["response"]["output"].as_array().map_or(&[][..], Vec::as_slice)
            }
            _ => return,
        };
        for item in items {
            let (id, seal) = (text(item, "id"), text(item, "encrypted_content"));
            if id.is_empty() || seal.is_empty() {
                continue;
            }
            let first = seals.entry(id).or_insert_with(|| seal.clone());
            if !self.signed.contains_key(first) {
                // Nothing stands behind it, so it was not taken for what goes back.
                self.add(core::slice::from_ref(item));
            } else if *first != seal {
                self.aliases.insert(seal, first.clone());
            }
        }
    }

    fn add(&mut self, blocks: &[Value]) {
        let reply = self.replies.len();
        for (block, value) in blocks.iter().enumerate() {
            if let Mark::Signed(signature) = Mark::of(value) {
                let (kind, text) = (text(value, "type"), text(value, "thinking"));
                let place = Place { reply, block, kind, text };
                self.signed.entry(signature).or_default().push(place);
            }
        }
        self.replies.push(blocks.iter().map(Mark::of).collect());
    }

    /// Whether a server has sent this thinking without a signature.
    pub(super) fn has_unsigned(&self, block: &Value) -> bool {
        self.unsigned.contains(&text(block, "thinking"))
    }

    /// Whether a block or item with this id, or this signature, is served.
    pub(super) fn has(&self, block: &Value) -> bool {
        let mark = self.mark(block);
        let known = matches!(mark, Mark::Signed(_) | Mark::Call(_));
        known && self.replies.iter().any(|reply| reply.contains(&mark))
    }

    /// Looks at the blocks of a message, or the items of an input. `latest` is whether it is the model's
    /// last word, of which nothing may be missing.
    pub(super) fn check(&self, blocks: &[Value], latest: bool) -> Result<(), (usize, Forged)> {
        let marks: Vec<Mark> = blocks.iter().map(|block| self.mark(block)).collect();
        let mut signed = Vec::new();
        for (at, block) in blocks.iter().enumerate() {
            if let Mark::Signed(signature) = &marks[at] {
                let places = self.places(signature, block);
                if places.is_empty() {
                    return Err((at, Forged::Invalid));
                }
                signed.push((at, places));
            }
        }
        let moved = signed.iter().find(|(at, places)| {
            !places.iter().any(|place| self.is_in_place(place, &marks, *at, latest))
        });
        let moved = moved.map(|(at, _)| *at);
        let moved = moved.or_else(|| self.foreign_call(&marks, &signed).filter(|_| latest));
        moved.map_or(Ok(()), |at| Err((at, Forged::Moved)))
    }

    /// The last signed block before a call of a reply that has signed blocks too, of which none is here.
    fn foreign_call(&self, marks: &[Mark], signed: &[(usize, Vec<&Place>)]) -> Option<usize> {
        let is_here = |number: usize| {
            signed.iter().any(|(_, places)| places.iter().any(|place| place.reply == number))
        };
        let is_signed = |reply: &[Mark]| reply.iter().any(Mark::is_signed);
        let foreign = marks.iter().rposition(|mark| {
            let of = self.replies.iter().enumerate().filter(|(_, reply)| reply.contains(mark));
            let mut of = of.peekable();
            matches!(mark, Mark::Call(_))
                && of.peek().is_some()
                && of.all(|(number, reply)| is_signed(reply) && !is_here(number))
        })?;
        signed.iter().rev().map(|(at, _)| *at).find(|at| *at < foreign)
    }

    /// By what a block is known here.
    fn mark(&self, block: &Value) -> Mark {
        match Mark::of(block) {
            Mark::Signed(seal) => Mark::Signed(self.aliases.get(&seal).cloned().unwrap_or(seal)),
            mark => mark,
        }
    }

    /// Where a block was signed with this signature, as it is. Text where the API has left it out is
    /// passed over.
    fn places(&self, signature: &str, block: &Value) -> Vec<&Place> {
        let (kind, said) = (text(block, "type"), text(block, "thinking"));
        let places = self.signed.get(signature).into_iter().flatten();
        places
            .filter(|place| place.kind == kind && (place.text.is_empty() || place.text == said))
            .collect()
    }

    /// Whether what stands around a block is what stood around it. What nobody knows may stand there too:
    /// text may have been edited.
    fn is_in_place(&self, place: &Place, marks: &[Mark], at: usize, latest: bool) -> bool {
        let reply = &self.replies[place.reply];
        let (before, behind) = (&reply[..place.block], &reply[place.block + 1..]);
        let stood_behind = |mark: &Mark| behind.contains(mark);
        let stood_before = |mark: &Mark| before.contains(mark);
        // Another reply before it in the same message may have had the same text.
        let own = marks[..at].iter().rev().filter(|mark| **mark != Mark::Other);
        let mut own = own.take_while(|mark| reply.contains(mark));
        if own.any(|mark| stood_behind(mark) && !stood_before(mark)) {
            return false;
        }
        // The next one is the next, or at least none that another signature stands before.
        let fits = match marks.get(at + 1) {
            Some(next) if stood_behind(next) => {
                let place = behind.iter().position(|mark| mark == next);
                let skipped = &behind[..place.unwrap_or(0)];
                !skipped.iter().any(Mark::is_signed)
            }
            Some(Mark::Signed(_)) => false,
            Some(Mark::Other | Mark::Text(_)) | None => true,
            Some(next) => !self.replies.iter().any(|reply| reply.contains(next)),
        };
        let missing = |mark: &Mark| mark.is_signed() && !marks[..at].contains(mark);
        fits && !(latest && (before.iter().any(missing) || lacks(behind, &marks[at + 1..])))
    }
}

/// Whether a signed block is missing that stood before another that is still there. What follows may end
/// with another reply.
fn lacks(behind: &[Mark], marks: &[Mark]) -> bool {
    let end = marks.iter().position(|mark| mark.is_signed() && !behind.contains(mark));
    let marks = &marks[..end.unwrap_or(marks.len())];
    marks.iter().enumerate().any(|(at, mark)| {
        let stood = behind.iter().position(|it| it == mark && *it != Mark::Other);
        let before = &behind[..stood.unwrap_or(0)];
        before.iter().any(|mark| mark.is_signed() && !marks[..at].contains(mark))
    })
}

impl Mark {
    fn of(block: &Value) -> Self {
        let said = |key: &str| block.get(key).and_then(Value::as_str).map(str::to_owned);
        let kind = text(block, "type");
        let (mark, key): (fn(String) -> Self, _) = match kind.as_str() {
            "thinking" => (Self::Signed, "signature"),
            "redacted_thinking" => (Self::Signed, "data"),
            "reasoning" => (Self::Signed, "encrypted_content"),
            "text" => (Self::Text, "text"),
            "" | "message" => return Self::Text(message_text(block)),
            name if name.ends_with("_call") => (Self::Call, "call_id"),
            name if name.ends_with("tool_use") => (Self::Call, "id"),
            _ => return Self::Other,
        };
        // Some servers sign nothing, and say so with an empty signature.
        said(key).filter(|said| !said.is_empty()).map_or(Self::Other, mark)
    }

    fn is_signed(&self) -> bool {
        matches!(self, Self::Signed(_))
    }
}

/// The text of an item that is a message, however it is written.
fn message_text(item: &Value) -> String {
    match &item["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(|part| text(part, "text")).collect(),
        _ => String::new(),
    }
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The thinking of a whole reply that nobody has signed.
fn unsigned(message: &Message) -> impl Iterator<Item = String> {
    message.content.iter().filter_map(|block| match &block.content {
        Content::Thinking(thinking) if block.complete && !thinking.thinking.is_empty() => {
            let signature = thinking.signature.as_deref().unwrap_or_default();
            signature.is_empty().then(|| thinking.thinking.to_string())
        }
        _ => None,
    })
}

/// What of a reply the next request can echo, one by one.
fn blocks(api: Api, message: &Message) -> Vec<Value> {
    let echo: Value = serde_json::from_str(&message.to_param()).unwrap_or_default();
    let blocks = match api {
        Api::Responses => echo,
        Api::Messages => echo.get("content").cloned().unwrap_or_default(),
        // A chat signs nothing that could be told here.
        Api::Chat => Value::Null,
    };
    let mut blocks = blocks.as_array().cloned().unwrap_or_default();
    if blocks.is_empty() && api == Api::Messages {
        // A reply of nothing but thinking cannot be echoed, and is signed all the same.
        blocks = message
            .content
            .iter()
            .filter(|block| {
                matches!(block.content, Content::Thinking(_) | Content::RedactedThinking(_))
            })
            .filter(|block| block.complete)
            .filter_map(|block| serde_json::from_str(&block.to_param()).ok())
            .collect();
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(word: &str) -> Value {
        let (letter, rest) = word.split_at(1);
        let json = match letter {
            "E" => format!(r#"{{"type":"thinking","thinking":"","signature":"{rest}"}}"#),
            "K" => format!(r#"{{"type":"thinking","thinking":"t{rest}","signature":"{rest}"}}"#),
            "X" => format!(r#"{{"type":"thinking","thinking":"other","signature":"{rest}"}}"#),
            "R" => format!(r#"{{"type":"redacted_thinking","data":"{rest}"}}"#),
            "T" => format!(r#"{{"type":"text","text":"{rest}"}}"#),
            "O" => r#"{"type":"web_search_tool_result","content":[]}"#.to_owned(),
            _ => format!(r#"{{"type":"tool_use","id":"{rest}","name":"n","input":{{}}}}"#),
        };
        serde_json::from_str(&json).unwrap()
    }

    fn known(replies: &[&str]) -> Known {
        let mut known = Known::default();
        for blocks in replies {
            let blocks: Vec<Value> = blocks.split(' ').map(block).collect();
            known.add(&blocks);
        }
        known
    }

    #[test]
    fn what_may_stand_where() {
        use Forged::{Invalid, Moved};
        let known = known(&[
            "K1 Tok K2 C1",
            "K3 R4 Tok C2",
            "K5 O K6 O Tend",
            "E7 Tdone",
            "K8 Tok C3 C4",
            "Tok C5",
        ]);
        for (message, latest, expected) in [
            ("K1 Tok K2 C1", true, None),
            ("K3 R4 Tok C2", true, None),
            ("Tedited", true, None),
            // Text may be edited, and left out.
            ("K1 Tother K2 C1", true, None),
            ("K1 K2 C1", true, None),
            // Two replies in one message.
            ("K1 Tok K2 C1 K3 R4 Tok", true, None),
            // Blocks by which nothing is known again.
            ("K5 O K6 O Tend", true, None),
            ("O K1 Tok K2 O C1", true, None),
            ("K5 O Tend", false, None),
            ("K5 O Tend", true, Some((0, Moved))),
            // Behind what is missing.
            ("K1 Tok C1", true, Some((0, Moved))),
            ("K1 Tother C1", true, Some((0, Moved))),
            ("K1 Tok C1", false, None),
            ("E7 Tdone K3 R4 Tok C2", true, None),
            // Calls of another reply, but for one that nobody has signed.
            ("K3 R4 Tok C1", true, Some((1, Moved))),
            ("K8 Tok C2", true, Some((0, Moved))),
            ("K8 Tok C2", false, None),
            ("K8 Tok C3 Tok C5", true, None),
            ("K8 Tok C4", true, None),
            ("K8 Tok Cnew", true, None),
            // Text that another reply has, too.
            ("K8 Tdone C3", true, None),
            ("K1 Tend K2 C1", true, None),
            // Thinking that was left out is not looked at.
            ("E7 Tdone", true, None),
            ("K7 Tdone", true, None),
            ("E1 Tok", false, Some((0, Invalid))),
            ("K5 Tend K6 O", true, Some((0, Moved))),
            // A reply that came only in part.
            ("K1 Tok", true, None),
            // Of the last word nothing may be missing; of earlier ones it is lost.
            ("K2 C1", true, Some((0, Moved))),
            ("K2 C1", false, None),
            ("K3 Tok C2", true, Some((0, Moved))),
            ("R4 Tok C2", true, Some((0, Moved))),
            ("K9 Tok", true, Some((0, Invalid))),
            ("X1 Tok", false, Some((0, Invalid))),
            ("R1 Tok", false, Some((0, Invalid))),
            ("K1 Tok X2 C1", false, Some((2, Invalid))),
            ("K2 Tok K1 X2", false, Some((3, Invalid))),
            ("Tok K1 K2 C1", false, Some((1, Moved))),
            ("K2 C1 K1 Tok", false, Some((2, Moved))),
            ("C1 K1 K2", false, Some((1, Moved))),
            ("K1 K3 R4 Tok", false, Some((0, Moved))),
            ("K3 K1 R4 Tok", false, Some((0, Moved))),
            ("R4 K3 Tok", false, Some((0, Moved))),
            ("K1 C2", false, Some((0, Moved))),
        ] {
            let blocks: Vec<Value> = message.split(' ').map(block).collect();
            assert_eq!(known.check(&blocks, latest).err(), expected, "{message}");
        }
    }

    /// What was recorded passes as it was, also if all of it is served at once; and no signature passes
    /// with another text.
    #[test]
    fn recorded_replies_go_back() {
        let Some(corpus) = std::env::var_os("THINKSTREAM_CORPUS") else {
            eprintln!("skipped: THINKSTREAM_CORPUS names no folder");
            return;
        };
        let corpus = std::path::PathBuf::from(corpus);
        let mut known = Known::default();
        let mut replies = Vec::new();
        for (folder, api) in [("anthropic", Api::Messages), ("openai-responses", Api::Responses)] {
            for file in std::fs::read_dir(corpus.join(folder)).unwrap() {
                let path = file.unwrap().path();
                if path.extension().is_none_or(|extension| extension != "sse") {
                    continue;
                }
                let recording = crate::recording::read(&path).unwrap().remove(0);
                let Ok(protocol) = recording.protocol() else { continue };
                known.learn(api, &recording, protocol);
                let message = match Events::new(&recording, None, Decoder::new(protocol)).last() {
                    Some(Ok(Event::Complete(done))) => done.message,
                    Some(Err(error)) => error.partial().message.clone(),
                    other => panic!("{path:?}: {other:?}"),
                };
                replies.push((path, blocks(api, &message)));
            }
        }
        let mut signed = 0;
        for (path, blocks) in &replies {
            assert_eq!(known.check(blocks, true), Ok(()), "{path:?}");
            for at in 0..blocks.len() {
                let mut changed = blocks.clone();
                if blocks[at]["type"] == "thinking" && Mark::of(&blocks[at]) != Mark::Other {
                    changed[at]["thinking"] = "changed".into();
                    let expected = match blocks[at]["thinking"].as_str() {
                        Some("") => Ok(()),
                        _ => Err((at, Forged::Invalid)),
                    };
                    assert_eq!(known.check(&changed, false), expected, "{path:?}");
                    signed += 1;
                }
            }
        }
        assert!(signed > 20, "only {signed} signed blocks");
    }
}
