//! The same for the two APIs of `OpenAI`: stacks from bytes to owned events, with all texts accumulated.

use std::borrow::Cow;
use std::hint::black_box;

use async_openai::types::chat::CreateChatCompletionStreamResponse;
use async_openai::types::responses::{Response, ResponseStreamEvent};
use bytes::Bytes;
use eventsource_stream::Eventsource;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sse_core::SseEvent;
use thinkstream::{Decoder, Error, ErrorKind, Event, Protocol};

use super::peers::{Seen, body, next, sse_core_decoder};

/// Decodes one reply from its chunks, and says what was in it.
pub(crate) type Stack = fn(&[Bytes]) -> Heard;

pub(crate) const CHAT: &[(&str, Stack)] = &[
    ("thinkstream", |chunks| thinkstream(Protocol::OpenAiChat, chunks)),
    ("sse-core + sonic-rs, flat struct", sse_core_sonic::<FlatChunk<'static>>),
    ("eventsource-stream + serde_json, struct", eventsource_stream_serde::<Chunk>),
    (
        "eventsource-stream + async-openai",
        eventsource_stream_serde::<CreateChatCompletionStreamResponse>,
    ),
];

pub(crate) const RESPONSES: &[(&str, Stack)] = &[
    ("thinkstream", |chunks| thinkstream(Protocol::OpenAiResponses, chunks)),
    ("sse-core + sonic-rs, flat struct", sse_core_sonic::<FlatEvent<'static>>),
    ("eventsource-stream + serde_json, enum", eventsource_stream_serde::<Tagged>),
    ("eventsource-stream + async-openai", eventsource_stream_serde::<ResponseStreamEvent>),
];

/// For the profiler, which counts what one stack does.
pub(crate) fn thinkstream_chat(chunks: &[Bytes]) -> Seen {
    let heard = thinkstream(Protocol::OpenAiChat, chunks);
    Seen { events: 0, text: heard.text }
}

pub(crate) fn thinkstream_responses(chunks: &[Bytes]) -> Seen {
    let heard = thinkstream(Protocol::OpenAiResponses, chunks);
    Seen { events: 0, text: heard.text }
}

/// What a stack saw, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Text, refusals included.
    pub(crate) text: usize,
    pub(crate) thinking: usize,
    /// The input of tools.
    pub(crate) input: usize,
    /// Tokens in and out.
    pub(crate) usage: Option<[u64; 2]>,
    /// Events that could not be read, and were skipped.
    pub(crate) unread: u64,
}

/// This crate, as it is without any setting.
#[inline(always)]
fn thinkstream(protocol: Protocol, chunks: &[Bytes]) -> Heard {
    let mut decoder = Decoder::new(protocol);
    let mut heard = Heard::default();
    for chunk in chunks {
        let mut chunk = chunk.clone();
        loop {
            match &decoder.decode(&mut chunk) {
                Ok(Some(event)) => heard.take(event),
                Ok(None) => break,
                Err(error) => return heard.failed(error),
            }
        }
    }
    loop {
        match &decoder.finish() {
            Ok(Some(event)) => heard.take(event),
            Ok(None) => break,
            Err(error) => return heard.failed(error),
        }
    }
    black_box(&decoder);
    heard
}

impl Heard {
    #[inline(always)]
    fn take(&mut self, event: &Event) {
        match black_box(event) {
            Event::Token(token) => self.text += token.text.len(),
            Event::Thinking(thinking) => self.thinking += thinking.text.len(),
            Event::ToolInput(input) => self.input += input.partial_json.len(),
            Event::Complete(done) => {
                let usage = done.usage();
                self.usage = usage.input_tokens.zip(usage.output_tokens).map(Into::into);
            }
            _ => {}
        }
    }

    /// Recorded replies may end in an error of the server, or be cut.
    fn failed(mut self, error: &Error) -> Self {
        let read = matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Incomplete { .. });
        self.unread += u64::from(!read);
        self
    }

    /// What it has otherwise than `ours`.
    pub(crate) fn against(&self, ours: &Self) -> String {
        let mut found: Vec<String> = Vec::new();
        let mut bytes = |what: &str, theirs: usize, ours: usize| {
            if theirs != ours {
                found.push(format!("{theirs} bytes of {what} and not {ours}"));
            }
        };
        bytes("text", self.text, ours.text);
        bytes("thinking", self.thinking, ours.thinking);
        bytes("tool input", self.input, ours.input);
        if self.usage != ours.usage {
            found.push(format!("usage {:?} and not {:?}", self.usage, ours.usage));
        }
        if self.unread > 0 {
            found.push(format!("{} events not read", self.unread));
        }
        found.join(", ")
    }
}

/// A reply as a client accumulates it.
#[derive(Default)]
struct Reply {
    text: Pieces,
    thinking: Pieces,
    input: Pieces,
    usage: Option<[u64; 2]>,
    unread: u64,
}

/// Texts by their place in the reply.
#[derive(Default)]
struct Pieces(Vec<(u32, String)>);

impl Pieces {
    fn add(&mut self, place: u32, piece: &str) {
        if piece.is_empty() {
            return;
        }
        // It is nearly always the last.
        match self.0.iter_mut().rfind(|(at, _)| *at == place) {
            Some((_, text)) => text.push_str(piece),
            None => self.0.push((place, piece.to_owned())),
        }
    }

    fn len(&self) -> usize {
        self.0.iter().map(|(_, text)| text.len()).sum()
    }
}

impl Reply {
    fn heard(&self) -> Heard {
        black_box(self);
        Heard {
            text: self.text.len(),
            thinking: self.thinking.len(),
            input: self.input.len(),
            usage: self.usage,
            unread: self.unread,
        }
    }
}

/// An event that adds to a reply.
trait Add {
    fn add(self, reply: &mut Reply);
}

/// An event that may borrow from the data of its frame.
trait Lend {
    type Lent<'a>: Add + Deserialize<'a>;
}

/// What is written most: the most used decoder, and types of owned strings.
fn eventsource_stream_serde<T: Add + DeserializeOwned>(chunks: &[Bytes]) -> Heard {
    let mut events = body(chunks).eventsource();
    let mut reply = Reply::default();
    while let Some(event) = next(&mut events) {
        let Ok(event) = event else {
            reply.unread += 1;
            continue;
        };
        if event.data == "[DONE]" {
            break;
        }
        if event.event == "keepalive" {
            continue;
        }
        match serde_json::from_str::<T>(&event.data) {
            Ok(event) => black_box(event).add(&mut reply),
            Err(_) => reply.unread += 1,
        }
    }
    reply.heard()
}

/// The best that can be put together.
fn sse_core_sonic<T: Lend>(chunks: &[Bytes]) -> Heard {
    let mut decoder = sse_core_decoder();
    let mut reply = Reply::default();
    for chunk in chunks {
        let mut chunk = &chunk[..];
        while let Some(event) = decoder.next(&mut chunk) {
            let Ok(SseEvent::Message(message)) = event else { continue };
            if message.data == "[DONE]" {
                return reply.heard();
            }
            match sonic_rs::from_str::<T::Lent<'_>>(&message.data) {
                Ok(event) => black_box(event).add(&mut reply),
                Err(_) => reply.unread += 1,
            }
        }
    }
    reply.heard()
}

// Chats.

/// What a client's types look like, with the two names that thinking has.
#[derive(Deserialize)]
#[expect(dead_code, reason = "what is read is not all used")]
struct Chunk {
    #[serde(default)]
    id: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<ChatUsage>,
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what is read is not all used")]
struct Choice {
    #[serde(default)]
    index: u32,
    #[serde(default)]
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[expect(dead_code, reason = "what is read is not all used")]
struct Delta {
    role: Option<String>,
    content: Option<String>,
    refusal: Option<String>,
    reasoning_content: Option<String>,
    reasoning: Option<String>,
    tool_calls: Option<Vec<ToolCall>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what is read is not all used")]
struct ToolCall {
    #[serde(default)]
    index: u32,
    id: Option<String>,
    function: Option<Function>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what is read is not all used")]
struct Function {
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Deserialize)]
struct ChatUsage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

impl Add for Chunk {
    fn add(self, reply: &mut Reply) {
        for Choice { index, delta, .. } in self.choices {
            for text in [&delta.content, &delta.refusal].into_iter().flatten() {
                reply.text.add(index, text);
            }
            if let Some(thinking) = delta.reasoning_content.or(delta.reasoning) {
                reply.thinking.add(index, &thinking);
            }
            for call in delta.tool_calls.into_iter().flatten() {
                if let Some(arguments) = call.function.and_then(|function| function.arguments) {
                    reply.input.add(tool(index, call.index), &arguments);
                }
            }
        }
        if let Some(usage) = self.usage {
            reply.usage = Some([usage.prompt_tokens, usage.completion_tokens]);
        }
    }
}

impl Add for CreateChatCompletionStreamResponse {
    fn add(self, reply: &mut Reply) {
        for choice in self.choices {
            let (index, delta) = (choice.index, choice.delta);
            for text in [&delta.content, &delta.refusal].into_iter().flatten() {
                reply.text.add(index, text);
            }
            for call in delta.tool_calls.into_iter().flatten() {
                if let Some(arguments) = call.function.and_then(|function| function.arguments) {
                    reply.input.add(tool(index, call.index), &arguments);
                }
            }
        }
        if let Some(usage) = self.usage {
            let tokens = [usage.prompt_tokens, usage.completion_tokens];
            reply.usage = Some(tokens.map(Into::into));
        }
    }
}

/// The place of a call.
fn tool(choice: u32, call: u32) -> u32 {
    choice << 16 | call & 0xffff
}

/// A string that is borrowed where it can be, also inside an `Option`, where a `Cow` is not.
#[derive(Deserialize)]
#[serde(transparent)]
struct Lent<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct FlatChunk<'a> {
    #[serde(borrow, default)]
    choices: Vec<FlatChoice<'a>>,
    usage: Option<ChatUsage>,
}

#[derive(Deserialize)]
struct FlatChoice<'a> {
    #[serde(default)]
    index: u32,
    #[serde(borrow, default)]
    delta: FlatDelta<'a>,
}

#[derive(Default, Deserialize)]
struct FlatDelta<'a> {
    #[serde(borrow)]
    content: Option<Lent<'a>>,
    #[serde(borrow)]
    refusal: Option<Lent<'a>>,
    #[serde(borrow)]
    reasoning_content: Option<Lent<'a>>,
    #[serde(borrow)]
    reasoning: Option<Lent<'a>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<FlatCall<'a>>>,
}

#[derive(Deserialize)]
struct FlatCall<'a> {
    #[serde(default)]
    index: u32,
    #[serde(borrow)]
    function: Option<FlatFunction<'a>>,
}

#[derive(Deserialize)]
struct FlatFunction<'a> {
    #[serde(borrow)]
    arguments: Option<Lent<'a>>,
}

impl Lend for FlatChunk<'static> {
    type Lent<'a> = FlatChunk<'a>;
}

impl Add for FlatChunk<'_> {
    fn add(self, reply: &mut Reply) {
        for FlatChoice { index, delta } in self.choices {
            for text in [&delta.content, &delta.refusal].into_iter().flatten() {
                reply.text.add(index, &text.0);
            }
            if let Some(thinking) = delta.reasoning_content.or(delta.reasoning) {
                reply.thinking.add(index, &thinking.0);
            }
            for call in delta.tool_calls.into_iter().flatten() {
                if let Some(arguments) = call.function.and_then(|function| function.arguments) {
                    reply.input.add(tool(index, call.index), &arguments.0);
                }
            }
        }
        if let Some(usage) = self.usage {
            reply.usage = Some([usage.prompt_tokens, usage.completion_tokens]);
        }
    }
}

// Responses.

/// What a client's types look like.
#[derive(Deserialize)]
#[serde(tag = "type")]
#[expect(dead_code, reason = "what is read is not all used")]
enum Tagged {
    #[serde(rename = "response.created")]
    Created { response: Whole },
    #[serde(rename = "response.in_progress")]
    InProgress { response: Whole },
    #[serde(rename = "response.completed")]
    Completed { response: Whole },
    #[serde(rename = "response.incomplete")]
    Incomplete { response: Whole },
    #[serde(rename = "response.failed")]
    Failed { response: Whole },
    #[serde(rename = "response.output_item.added")]
    ItemAdded { output_index: u32, item: Item },
    #[serde(rename = "response.output_item.done")]
    ItemDone { output_index: u32, item: Item },
    #[serde(rename = "response.output_text.delta")]
    Text(Piece),
    #[serde(rename = "response.refusal.delta")]
    Refusal(Piece),
    #[serde(rename = "response.reasoning_text.delta")]
    Reasoning(Piece),
    #[serde(rename = "response.reasoning_summary_text.delta")]
    Summary(Piece),
    #[serde(rename = "response.function_call_arguments.delta")]
    Arguments(Piece),
    #[serde(rename = "response.mcp_call_arguments.delta")]
    McpArguments(Piece),
    #[serde(rename = "response.custom_tool_call_input.delta")]
    CustomInput(Piece),
    #[serde(rename = "response.code_interpreter_call_code.delta")]
    Code(Piece),
    #[serde(rename = "response.output_text.done")]
    TextDone { output_index: u32, text: String },
    #[serde(rename = "response.function_call_arguments.done")]
    ArgumentsDone { output_index: u32, arguments: String },
    #[serde(rename = "error")]
    Error { message: Option<String> },
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what is read is not all used")]
struct Piece {
    #[serde(default)]
    item_id: String,
    #[serde(default)]
    output_index: u32,
    #[serde(default)]
    content_index: u32,
    delta: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what is read is not all used")]
struct Whole {
    id: String,
    status: Option<String>,
    model: Option<String>,
    #[serde(default)]
    output: Vec<Item>,
    usage: Option<ResponseUsage>,
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what is read is not all used")]
struct Item {
    #[serde(default)]
    id: String,
    #[serde(rename = "type")]
    kind: String,
    call_id: Option<String>,
    name: Option<String>,
    content: Option<Vec<Part>>,
    encrypted_content: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "what is read is not all used")]
struct Part {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
}

#[derive(Deserialize)]
struct ResponseUsage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
}

impl Add for Tagged {
    fn add(self, reply: &mut Reply) {
        match self {
            Self::Text(piece) | Self::Refusal(piece) => {
                reply.text.add(piece.output_index, &piece.delta);
            }
            Self::Reasoning(piece) | Self::Summary(piece) => {
                reply.thinking.add(piece.output_index, &piece.delta);
            }
            Self::Arguments(piece)
            | Self::McpArguments(piece)
            | Self::CustomInput(piece)
            | Self::Code(piece) => reply.input.add(piece.output_index, &piece.delta),
            Self::Completed { response } | Self::Incomplete { response } => {
                let usage = response.usage;
                reply.usage = usage.map(|usage| [usage.input_tokens, usage.output_tokens]);
            }
            _ => {}
        }
    }
}

impl Add for ResponseStreamEvent {
    fn add(self, reply: &mut Reply) {
        let mut end = |response: Response| {
            let usage = response.usage;
            reply.usage =
                usage.map(|usage| [usage.input_tokens, usage.output_tokens].map(Into::into));
        };
        match self {
            Self::ResponseCompleted(it) => end(it.response),
            Self::ResponseIncomplete(it) => end(it.response),
            Self::ResponseOutputTextDelta(it) => reply.text.add(it.output_index, &it.delta),
            Self::ResponseRefusalDelta(it) => reply.text.add(it.output_index, &it.delta),
            Self::ResponseReasoningTextDelta(it) => {
                reply.thinking.add(it.output_index, &it.delta);
            }
            Self::ResponseReasoningSummaryTextDelta(it) => {
                reply.thinking.add(it.output_index, &it.delta);
            }
            Self::ResponseFunctionCallArgumentsDelta(it) => {
                reply.input.add(it.output_index, &it.delta);
            }
            Self::ResponseMCPCallArgumentsDelta(it) => reply.input.add(it.output_index, &it.delta),
            Self::ResponseCustomToolCallInputDelta(it) => {
                reply.input.add(it.output_index, &it.delta);
            }
            Self::ResponseCodeInterpreterCallCodeDelta(it) => {
                reply.input.add(it.output_index, &it.delta);
            }
            _ => {}
        }
    }
}

/// A delta, and the end for its usage.
#[derive(Deserialize)]
struct FlatEvent<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(default)]
    output_index: u32,
    #[serde(borrow)]
    delta: Option<Lent<'a>>,
    response: Option<FlatResponse>,
}

#[derive(Deserialize)]
struct FlatResponse {
    usage: Option<ResponseUsage>,
}

impl Lend for FlatEvent<'static> {
    type Lent<'a> = FlatEvent<'a>;
}

impl Add for FlatEvent<'_> {
    fn add(self, reply: &mut Reply) {
        if let Some(usage) = self.response.and_then(|response| response.usage) {
            reply.usage = Some([usage.input_tokens, usage.output_tokens]);
        }
        let Some(Lent(delta)) = self.delta else {
            return;
        };
        let pieces = match &*self.kind {
            "response.output_text.delta" | "response.refusal.delta" => &mut reply.text,
            "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" => {
                &mut reply.thinking
            }
            "response.function_call_arguments.delta"
            | "response.mcp_call_arguments.delta"
            | "response.custom_tool_call_input.delta"
            | "response.code_interpreter_call_code.delta" => &mut reply.input,
            _ => return,
        };
        pieces.add(self.output_index, &delta);
    }
}
