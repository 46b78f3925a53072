//! Streams written in a few words, and what the decoder makes of them, in every way it can be fed.
#![allow(dead_code, reason = "each test file uses a part")]

#[cfg(feature = "cli")]
pub(crate) mod program;
pub(crate) mod recordings;
pub(crate) mod talk;
pub(crate) mod written;

use std::io::Read;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use thinkstream::{Content, Decoder, Error, Event, EventCodec, EventReader, EventStream, Protocol};

pub(crate) const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-test","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":1}}}"#;
pub(crate) const STOP: &str = r#"{"type":"message_stop"}"#;
pub(crate) const PING: &str = r#"{"type": "ping"}"#;
pub(crate) const TEXT: &str = r#"{"type":"text","text":""}"#;
pub(crate) const THINKING: &str = r#"{"type":"thinking","thinking":"","signature":""}"#;
pub(crate) const TOOL: &str = r#"{"type":"tool_use","id":"toolu_1","name":"roll","input":{}}"#;

/// A JSON string.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

pub(crate) fn open(index: u32, block: &str) -> String {
    format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#)
}

/// A delta as it stands.
pub(crate) fn delta(index: u32, delta: &str) -> String {
    format!(r#"{{"type":"content_block_delta","index":{index},"delta":{delta}}}"#)
}

pub(crate) fn text(index: u32, text: &str) -> String {
    delta(index, &format!(r#"{{"type":"text_delta","text":{}}}"#, quoted(text)))
}

pub(crate) fn think(index: u32, text: &str) -> String {
    delta(index, &format!(r#"{{"type":"thinking_delta","thinking":{}}}"#, quoted(text)))
}

pub(crate) fn sign(index: u32, signature: &str) -> String {
    delta(index, &format!(r#"{{"type":"signature_delta","signature":{}}}"#, quoted(signature)))
}

pub(crate) fn json(index: u32, piece: &str) -> String {
    delta(index, &format!(r#"{{"type":"input_json_delta","partial_json":{}}}"#, quoted(piece)))
}

pub(crate) fn shut(index: u32) -> String {
    format!(r#"{{"type":"content_block_stop","index":{index}}}"#)
}

/// `message_delta` with a stop reason.
pub(crate) fn end(reason: &str) -> String {
    format!(
        r#"{{"type":"message_delta","delta":{{"stop_reason":{},"stop_sequence":null}},"usage":{{"output_tokens":7}}}}"#,
        quoted(reason)
    )
}

/// Frames as the provider sends them. What does not begin with a brace is put in as it is.
pub(crate) fn sse<T: AsRef<str>>(events: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut stream = String::new();
    for event in events {
        let event = event.as_ref();
        if event.starts_with('{') {
            // The streams written here have their type first, as the provider's do.
            let name = event.split('"').nth(3).unwrap();
            stream.push_str(&format!("event: {name}\ndata: {event}\n\n"));
        } else {
            stream.push_str(event);
        }
    }
    stream.into_bytes()
}

pub(crate) fn anthropic() -> Decoder {
    Decoder::new(Protocol::Anthropic)
}

pub(crate) fn responses() -> Decoder {
    Decoder::new(Protocol::OpenAiResponses)
}

pub(crate) fn chat() -> Decoder {
    Decoder::new(Protocol::OpenAiChat)
}

/// The events of a stream that comes in these chunks, and the error at its end.
pub(crate) fn decode<'a>(
    mut decoder: Decoder,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Event>, Option<Error>) {
    let mut events = Vec::new();
    for chunk in chunks {
        let mut chunk = Bytes::copy_from_slice(chunk);
        loop {
            match decoder.decode(&mut chunk) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return (events, Some(error)),
            }
        }
    }
    loop {
        match decoder.finish() {
            Ok(Some(event)) => events.push(event),
            Ok(None) => return (events, None),
            Err(error) => return (events, Some(error)),
        }
    }
}

/// What the decoder makes of a stream, however it is cut and whatever adapter brings it.
#[track_caller]
pub(crate) fn everywhere(
    name: &str,
    stream: &[u8],
    decoder: impl Fn() -> Decoder,
) -> (Vec<Event>, Option<Error>) {
    let whole = decode(decoder(), [stream]);
    let expected = log(&whole);
    written::all_come_back(&whole);
    let same = |how: &str, found: (Vec<Event>, Option<Error>)| {
        assert_eq!(log(&found), expected, "{name}, {how}");
        assert_eq!(found.0, whole.0, "{name}, {how}");
    };
    for width in [1, 2, 3, 7, 20, 64, 1460] {
        same(&format!("width {width}"), decode(decoder(), stream.chunks(width)));
    }
    if stream.len() <= 4096 {
        for at in 0..=stream.len() {
            let chunks = [&stream[..at], &stream[at..]];
            same(&format!("cut at {at}"), decode(decoder(), chunks));
        }
    }
    for width in [1, 50, 5000] {
        same(&format!("reader, width {width}"), by_reader(decoder(), stream, width));
        same(&format!("stream, width {width}"), by_stream(decoder(), stream, width));
        same(&format!("codec, width {width}"), by_codec(decoder(), stream, width));
    }
    whole
}

fn by_reader(decoder: Decoder, stream: &[u8], width: usize) -> (Vec<Event>, Option<Error>) {
    collect(EventReader::new(Slow { rest: stream, width, interrupted: false }, decoder))
}

fn by_stream(decoder: Decoder, stream: &[u8], width: usize) -> (Vec<Event>, Option<Error>) {
    let chunks: Vec<_> =
        stream.chunks(width).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect();
    let events = EventStream::new(stream::iter(chunks), decoder);
    collect(futures_util::FutureExt::now_or_never(events.collect::<Vec<_>>()).unwrap())
}

fn by_codec(decoder: Decoder, stream: &[u8], width: usize) -> (Vec<Event>, Option<Error>) {
    let chunks: Vec<_> = stream
        .chunks(width)
        .map(|chunk| Ok::<_, std::io::Error>(Bytes::copy_from_slice(chunk)))
        .collect();
    let reader = tokio_util::io::StreamReader::new(stream::iter(chunks));
    let events = tokio_util::codec::FramedRead::new(reader, EventCodec::new(decoder));
    collect(futures_util::FutureExt::now_or_never(events.collect::<Vec<_>>()).unwrap())
}

fn collect(results: impl IntoIterator<Item = Result<Event, Error>>) -> (Vec<Event>, Option<Error>) {
    let mut events = Vec::new();
    let mut results = results.into_iter();
    for result in &mut results {
        match result {
            Ok(event) => events.push(untimed(event)),
            Err(error) => {
                assert!(results.next().is_none(), "an adapter went on after {error}");
                return (events, Some(error));
            }
        }
    }
    (events, None)
}

/// The event without what an adapter has measured.
pub(crate) fn untimed(mut event: Event) -> Event {
    if let Event::Complete(done) = &mut event {
        done.timing = None;
    }
    event
}

/// Gives a few bytes at once, and is interrupted before each.
struct Slow<'a> {
    rest: &'a [u8],
    width: usize,
    interrupted: bool,
}

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let len = buffer.len().min(self.width);
        self.rest.read(&mut buffer[..len])
    }
}

/// One line for each event, and one for the error.
pub(crate) fn log((events, error): &(Vec<Event>, Option<Error>)) -> Vec<String> {
    events.iter().map(describe).chain(error.iter().map(describe_error)).collect()
}

/// The log without the events that most cases are not about.
pub(crate) fn short_log(result: &(Vec<Event>, Option<Error>)) -> Vec<String> {
    let dull = |line: &String| line.starts_with("start ") || line.starts_with("usage ");
    log(result).into_iter().filter(|line| !dull(line)).collect()
}

fn describe(event: &Event) -> String {
    match event {
        Event::Start(start) => format!("start {}", start.id.as_deref().unwrap_or("-")),
        Event::Thinking(thinking) => match thinking.estimated_tokens {
            0 => format!("thinking {} {:?}", thinking.index, thinking.text),
            tokens => format!("thinking {} {:?} ~{tokens}", thinking.index, thinking.text),
        },
        Event::Signature(signature) => {
            format!("signature {} {}", signature.index, signature.signature)
        }
        Event::RedactedThinking(redacted) => {
            format!("redacted {} {}", redacted.index, redacted.data)
        }
        Event::Token(token) if token.refusal => {
            format!("refusal {} {:?}", token.index, token.text)
        }
        Event::Token(token) => format!("token {} {:?}", token.index, token.text),
        Event::Citation(citation) => {
            format!("citation {} {}", citation.index, citation.citation.raw())
        }
        Event::ToolStart(tool) => {
            format!("tool_start {} {} {} {:?}", tool.index, tool.id, tool.name, tool.kind)
        }
        Event::ToolInput(input) => format!("tool_input {} {:?}", input.index, input.partial_json),
        Event::ToolCall(call) => match &call.input {
            Ok(input) => format!("tool_call {} {} {input}", call.index, call.name),
            Err(invalid) => {
                format!(
                    "tool_call {} {} {:?} {}",
                    call.index, call.name, invalid.raw, invalid.reason
                )
            }
        },
        Event::Block(block) => {
            let text = serde_json::to_string(event).unwrap();
            let begin = format!(r#"{{"type":"block","index":{},"block":"#, block.index);
            let text = text.strip_prefix(&begin).unwrap().strip_suffix('}').unwrap();
            format!("block {} {}", block.index, written::without_about(text))
        }
        Event::Usage(usage) => format!("usage {}", serde_json::to_string(&usage.usage).unwrap()),
        Event::Ping => "ping".to_owned(),
        Event::Warning(warning) => match warning.index {
            Some(index) => format!("warning {} {index}", warning.rule.name()),
            None => format!("warning {}", warning.rule.name()),
        },
        Event::Progress(progress) => match progress.index {
            Some(index) => format!("progress {index} {}", progress.name),
            None => format!("progress {}", progress.name),
        },
        Event::Choice(choice) => format!("choice {}", choice.choice),
        Event::Unknown(unknown) => format!("unknown {} {}", unknown.name, unknown.data),
        Event::Complete(done) => {
            let reason = done.stop_reason().map_or("-", |reason| reason.as_str());
            let safe = if done.tools_safe_to_run() { "" } else { " unsafe" };
            let others = done.choices.iter().map(|choice| {
                format!(" {}", choice.stop_reason.as_ref().map_or("-", |reason| reason.as_str()))
            });
            format!("complete {reason}{safe}{}", others.collect::<String>())
        }
        other => panic!("{other:?}"),
    }
}

fn describe_error(error: &Error) -> String {
    format!("error {}: {error}", error.kind().name())
}

/// The blocks of a message, one line each.
pub(crate) fn blocks(message: &thinkstream::Message) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Blocks {
        content: Vec<Box<serde_json::value::RawValue>>,
    }
    let text = serde_json::to_string(message).unwrap();
    let blocks: Blocks = serde_json::from_str(&text).unwrap();
    blocks.content.iter().map(|block| written::without_about(block.get())).collect()
}

/// The signature of the thinking block with this index.
pub(crate) fn signature(message: &thinkstream::Message, index: u32) -> Option<String> {
    message.content.iter().find(|block| block.index == index).and_then(|block| {
        match &block.content {
            Content::Thinking(thinking) => thinking.signature.as_deref().map(str::to_owned),
            _ => None,
        }
    })
}

/// The bytes that a text in base64 stands for.
pub(crate) fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for digit in text.bytes().filter_map(|byte| DIGITS.iter().position(|digit| *digit == byte)) {
        bits = bits << 6 | digit as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
