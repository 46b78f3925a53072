//! The Anthropic machine against a model that is slow, short and obviously right, in any order of
//! well-formed events.

use bytes::Bytes;
use thinkstream::{Content, Decoder, Event, Message, Protocol};

pub(crate) fn check(data: &[u8]) {
    let mut model = Model::default();
    let mut stream = String::new();
    for byte in data.iter().take(64) {
        let step = Step::of(*byte);
        stream += &step.written();
        model.take(step);
    }
    model.end();
    let (told, message) = decode(stream.as_bytes());
    assert_eq!(told, model.told, "{stream}");
    let blocks: Vec<_> = model.blocks.iter().map(Block::described).collect();
    assert_eq!(described(&message), blocks, "{stream}");
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    Tool,
}

#[derive(Clone, Copy)]
enum Step {
    Start,
    Open(u32, Kind),
    Delta(u32, Kind),
    Sign(u32),
    Shut(u32),
    Reason(bool),
    Stop,
    Ping,
    Error,
}

const KINDS: [Kind; 3] = [Kind::Text, Kind::Thinking, Kind::Tool];

impl Step {
    fn of(byte: u8) -> Self {
        let index = [0, 1, 5, u32::MAX][usize::from(byte >> 6)];
        match byte & 0x3F {
            0..=5 => Self::Start,
            at @ 6..=20 => Self::Open(index, KINDS[usize::from(at % 3)]),
            at @ 21..=38 => Self::Delta(index, KINDS[usize::from(at % 3)]),
            39..=45 => Self::Sign(index),
            46..=55 => Self::Shut(index),
            56 => Self::Reason(false),
            57 => Self::Reason(true),
            58 => Self::Stop,
            59 => Self::Error,
            _ => Self::Ping,
        }
    }

    fn written(self) -> String {
        let (name, rest) = match self {
            Self::Start => ("message_start", r#","message":{"id":"m"}"#.to_owned()),
            Self::Open(index, kind) => {
                let block = match kind {
                    Kind::Text => r#"{"type":"text","text":""}"#,
                    Kind::Thinking => r#"{"type":"thinking","thinking":"","signature":""}"#,
                    Kind::Tool => r#"{"type":"tool_use","id":"t","name":"n","input":{}}"#,
                };
                ("content_block_start", format!(r#","index":{index},"content_block":{block}"#))
            }
            Self::Delta(index, kind) => {
                let delta = match kind {
                    Kind::Text => r#"{"type":"text_delta","text":"a"}"#,
                    Kind::Thinking => r#"{"type":"thinking_delta","thinking":"b"}"#,
                    Kind::Tool => r#"{"type":"input_json_delta","partial_json":"{}"}"#,
                };
                ("content_block_delta", format!(r#","index":{index},"delta":{delta}"#))
            }
            Self::Sign(index) => {
                let delta = r#"{"type":"signature_delta","signature":"s"}"#;
                ("content_block_delta", format!(r#","index":{index},"delta":{delta}"#))
            }
            Self::Shut(index) => ("content_block_stop", format!(r#","index":{index}"#)),
            Self::Reason(reason) => {
                let reason = if reason { r#""end_turn""# } else { "null" };
                ("message_delta", format!(r#","delta":{{"stop_reason":{reason}}}"#))
            }
            Self::Stop => ("message_stop", String::new()),
            Self::Ping => ("ping", String::new()),
            Self::Error => ("error", r#","error":{"type":"api_error","message":"x"}"#.to_owned()),
        };
        format!("event: {name}\ndata: {{\"type\":\"{name}\"{rest}}}\n\n")
    }
}

struct Block {
    index: u32,
    /// Where it stands in the message.
    order: u64,
    kind: Kind,
    text: String,
    signature: String,
    open: bool,
    complete: bool,
}

impl Block {
    fn described(&self) -> String {
        let signature = if self.complete { &*self.signature } else { "" };
        // A tool that is given no arguments is given an empty object.
        let none = self.kind == Kind::Tool && self.complete && self.text.is_empty();
        let text = if none { "{}" } else { &*self.text };
        format!("{} {} {text:?} {signature:?}", self.index, self.complete)
    }
}

#[derive(Default)]
struct Model {
    started: bool,
    reason: bool,
    over: bool,
    blocks: Vec<Block>,
    told: Vec<String>,
}

impl Model {
    fn tell(&mut self, what: impl Into<String>) {
        self.told.push(what.into());
    }

    fn fail(&mut self, kind: &str) {
        self.tell(format!("error {kind}"));
        self.over = true;
    }

    fn take(&mut self, step: Step) {
        match step {
            _ if self.over => {}
            Step::Ping => self.tell("ping"),
            Step::Error => self.fail("server"),
            Step::Start if self.started => self.tell("warning repeated_message_start"),
            Step::Start => {
                self.started = true;
                self.tell("start");
            }
            _ => {
                if !self.started {
                    self.tell("warning missing_message_start");
                    self.take(Step::Start);
                }
                self.within(step);
            }
        }
    }

    /// An event that belongs into a message.
    fn within(&mut self, step: Step) {
        match step {
            Step::Open(index, kind) => self.open(index, kind),
            Step::Delta(index, kind) => match self.find(index) {
                None => self.tell("warning unknown_block"),
                Some(at) if !self.blocks[at].open => self.tell("warning closed_block"),
                Some(at) if self.blocks[at].kind != kind => self.tell("warning wrong_delta"),
                Some(at) => {
                    let (name, text) = match kind {
                        Kind::Text => ("token", "a"),
                        Kind::Thinking => ("thinking", "b"),
                        Kind::Tool => ("tool_input", "{}"),
                    };
                    self.blocks[at].text += text;
                    self.tell(format!("{name} {index}"));
                }
            },
            Step::Sign(index) => self.sign(index),
            Step::Shut(index) => match self.find(index) {
                None => self.tell("warning unknown_block"),
                Some(at) if !self.blocks[at].open => self.tell("warning closed_block"),
                Some(at) => {
                    self.blocks[at].open = false;
                    self.blocks[at].complete = true;
                    if self.blocks[at].kind == Kind::Tool {
                        self.tell(format!("tool_call {index}"));
                    }
                    self.tell(format!("block {index}"));
                }
            },
            Step::Reason(reason) => self.reason |= reason,
            _ => {
                let open = self.blocks.iter().filter(|block| block.open).count();
                (0..open).for_each(|_| self.tell("warning missing_block_stop"));
                self.tell("complete");
                self.over = true;
            }
        }
    }

    fn open(&mut self, index: u32, kind: Kind) {
        let behind = self.blocks.last().map_or(0, |block| block.order + 1);
        let order = match self.find(index) {
            None => u64::from(index),
            Some(at) if self.blocks[at].open => {
                let block = &mut self.blocks[at];
                // A thinking block with its signature is over, whatever comes.
                if block.kind == kind && block.signature.is_empty() {
                    return self.tell("warning repeated_block_start");
                }
                block.open = false;
                self.tell("warning reused_index");
                behind
            }
            Some(_) => {
                self.tell("warning reused_index");
                behind
            }
        };
        if kind == Kind::Tool {
            self.tell(format!("tool_start {index}"));
        }
        let at = self.blocks.partition_point(|block| block.order <= order);
        let (text, signature) = (String::new(), String::new());
        let block = Block { index, order, kind, text, signature, open: true, complete: false };
        self.blocks.insert(at, block);
    }

    fn sign(&mut self, index: u32) {
        let Some(at) = self.find(index) else {
            return self.tell("warning unknown_block");
        };
        let block = &mut self.blocks[at];
        match (block.kind == Kind::Thinking, block.open) {
            (false, _) => self.tell("warning wrong_delta"),
            (true, true) => {
                block.signature += "s";
                self.tell(format!("signature {index}"));
            }
            (true, false) if block.signature.is_empty() => {
                block.signature += "s";
                self.tell("warning late_signature");
                self.tell(format!("signature {index}"));
                self.tell(format!("block {index}"));
            }
            (true, false) => self.fail("protocol"),
        }
    }

    /// The block with this index: the open one, else the last.
    fn find(&self, index: u32) -> Option<usize> {
        let with = |open: bool| {
            self.blocks.iter().rposition(|block| block.index == index && (!open || block.open))
        };
        with(true).or_else(|| with(false))
    }

    fn end(&mut self) {
        if !self.over {
            let unfinished = if self.told.is_empty() { "empty_stream" } else { "incomplete" };
            self.fail(if self.reason { "unterminated" } else { unfinished });
        }
    }
}

/// What the decoder tells of a stream, and the message.
fn decode(stream: &[u8]) -> (Vec<String>, Message) {
    let mut decoder = Decoder::new(Protocol::Anthropic);
    let mut input = Bytes::copy_from_slice(stream);
    let mut told = Vec::new();
    loop {
        let event = match decoder.decode(&mut input) {
            Ok(None) => decoder.finish(),
            event => event,
        };
        match event {
            Ok(Some(event)) => told.push(match event {
                Event::Token(token) => format!("token {}", token.index),
                Event::Thinking(thinking) => format!("thinking {}", thinking.index),
                Event::ToolInput(input) => format!("tool_input {}", input.index),
                Event::ToolStart(start) => format!("tool_start {}", start.index),
                Event::ToolCall(call) => format!("tool_call {}", call.index),
                Event::Signature(signature) => format!("signature {}", signature.index),
                Event::Block(block) => format!("block {}", block.index),
                Event::Warning(warning) => format!("warning {}", warning.rule.name()),
                event => event.name().to_owned(),
            }),
            Ok(None) => break,
            Err(error) => {
                told.push(format!("error {}", error.kind().name()));
                break;
            }
        }
    }
    (told, decoder.message())
}

fn described(message: &Message) -> Vec<String> {
    let blocks = message.content.iter();
    let described = blocks.map(|block| {
        let (text, signature) = match &block.content {
            Content::Text(text) => (text.text.to_string(), String::new()),
            Content::Thinking(thinking) => {
                let signature = thinking.signature.as_deref().unwrap_or_default();
                (thinking.thinking.to_string(), signature.to_owned())
            }
            Content::ToolUse(tool) => {
                let input = match &tool.input {
                    Ok(input) => input.as_str(),
                    Err(invalid) => &*invalid.raw,
                };
                (input.to_owned(), String::new())
            }
            other => panic!("{other:?}"),
        };
        format!("{} {} {text:?} {signature:?}", block.index, block.complete)
    });
    described.collect()
}
