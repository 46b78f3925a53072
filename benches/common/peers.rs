//! What people use, or could put together.

use std::borrow::Cow;
use std::convert::Infallible;
use std::hint::black_box;
use std::num::NonZeroUsize;

use bytes::Bytes;
use eventsource_stream::Eventsource;
use futures_util::{FutureExt, Stream, StreamExt, stream};
use serde::Deserialize;
use sonic_rs::LazyValue;
use sse_core::{SseDecoder, SseEvent};
use thinkstream::{Decoder, Event, Protocol, sse};

/// Decodes a stream of bytes from its chunks, and says what was in it.
pub(crate) type Stack = fn(&[Bytes]) -> Seen;

/// What a stack saw, so that no stack is fast by missing something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) events: u64,
    /// Bytes of text, thinking and tool input.
    pub(crate) text: usize,
}

impl Seen {
    fn event(&mut self, text: Option<&str>) {
        self.events += 1;
        self.text += text.map_or(0, str::len);
    }

    /// An event of this crate.
    #[inline(always)]
    pub(crate) fn take(&mut self, event: &Event) {
        self.events += 1;
        self.text += match black_box(event) {
            Event::Token(token) => token.text.len(),
            Event::Thinking(thinking) => thinking.text.len(),
            Event::ToolInput(input) => input.partial_json.len(),
            _ => 0,
        };
    }
}

/// A delta and nothing else: the least that tells the kinds apart.
#[derive(Deserialize)]
struct Flat<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(default)]
    index: u32,
    #[serde(borrow)]
    delta: Option<FlatDelta<'a>>,
}

#[derive(Deserialize)]
struct FlatDelta<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    thinking: Option<Cow<'a, str>>,
    #[serde(borrow)]
    partial_json: Option<Cow<'a, str>>,
    #[serde(borrow)]
    signature: Option<Cow<'a, str>>,
    #[serde(borrow)]
    stop_reason: Option<Cow<'a, str>>,
}

impl FlatDelta<'_> {
    fn text(&self) -> Option<&str> {
        let fields = [&self.text, &self.thinking, &self.partial_json];
        fields.into_iter().flatten().next().map(|text| &**text)
    }
}

/// The same with the block that begins.
#[derive(Deserialize)]
struct FlatKept<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(default)]
    index: u32,
    #[serde(borrow)]
    delta: Option<FlatDelta<'a>>,
    #[serde(borrow)]
    content_block: Option<LazyValue<'a>>,
}

/// What a client's types look like.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Tagged {
    MessageStart {
        message: serde_json::Value,
    },
    ContentBlockStart {
        index: u32,
        content_block: serde_json::Value,
    },
    ContentBlockDelta {
        index: u32,
        delta: TaggedDelta,
    },
    ContentBlockStop {
        index: u32,
    },
    MessageDelta {
        delta: serde_json::Value,
        usage: Option<serde_json::Value>,
    },
    MessageStop,
    Ping,
    Error {
        error: serde_json::Value,
    },
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum TaggedDelta {
    TextDelta {
        text: String,
    },
    ThinkingDelta {
        thinking: String,
    },
    InputJsonDelta {
        partial_json: String,
    },
    SignatureDelta {
        signature: String,
    },
    CitationsDelta {
        citation: serde_json::Value,
    },
    #[serde(other)]
    Unknown,
}

impl Tagged {
    fn text(&self) -> Option<&str> {
        let Self::ContentBlockDelta { delta, .. } = self else {
            return None;
        };
        match delta {
            TaggedDelta::TextDelta { text } => Some(text),
            TaggedDelta::ThinkingDelta { thinking } => Some(thinking),
            TaggedDelta::InputJsonDelta { partial_json } => Some(partial_json),
            _ => None,
        }
    }
}

/// Whole path, peers.
///
/// The best of all combinations of the crates below with `serde_json`, sonic-rs, simd-json and jiter.
pub(crate) fn sse_core_sonic_flat(chunks: &[Bytes]) -> Seen {
    let mut decoder = sse_core_decoder();
    let mut seen = Seen::default();
    for chunk in chunks {
        sse_core_sonic_flat_chunk(&mut decoder, chunk, &mut seen);
    }
    seen
}

pub(crate) fn sse_core_decoder() -> SseDecoder {
    SseDecoder::with_limit(LIMIT)
}

#[inline(always)]
pub(crate) fn sse_core_sonic_flat_chunk(decoder: &mut SseDecoder, chunk: &Bytes, seen: &mut Seen) {
    let mut chunk = &chunk[..];
    while let Some(event) = decoder.next(&mut chunk) {
        let SseEvent::Message(message) = event.unwrap() else { continue };
        let flat: Flat<'_> = sonic_rs::from_str(&message.data).unwrap();
        seen.event(black_box(&flat).delta.as_ref().and_then(FlatDelta::text));
    }
}

/// The same with all that the next request needs kept: texts by their block, and blocks as they began.
pub(crate) fn sse_core_sonic_flat_kept(chunks: &[Bytes]) -> Seen {
    let mut decoder = sse_core_decoder();
    let mut seen = Seen::default();
    let mut kept: Vec<(String, String)> = Vec::new();
    for chunk in chunks {
        let mut chunk = &chunk[..];
        while let Some(event) = decoder.next(&mut chunk) {
            let SseEvent::Message(message) = event.unwrap() else { continue };
            let flat: FlatKept<'_> = sonic_rs::from_str(&message.data).unwrap();
            let text = black_box(&flat).delta.as_ref().and_then(FlatDelta::text);
            seen.event(text);
            if let Some(start) = &flat.content_block {
                kept.push((start.as_raw_str().into(), String::new()));
            }
            let place = kept.get_mut(flat.index as usize);
            if let (Some(text), Some((_, whole))) = (text, place) {
                whole.push_str(text);
            }
        }
    }
    black_box(&kept);
    seen
}

/// What is written most: the most used decoder, and an enum by the documentation.
pub(crate) fn eventsource_stream_serde_enum(chunks: &[Bytes]) -> Seen {
    let mut events = body(chunks).eventsource();
    let mut seen = Seen::default();
    while let Some(event) = next(&mut events) {
        let event: Tagged = serde_json::from_str(&event.unwrap().data).unwrap();
        seen.event(black_box(&event).text());
    }
    seen
}

/// Whole path, this crate: typed, owned events, and the message accumulated.
pub(crate) fn thinkstream(chunks: &[Bytes]) -> Seen {
    decode(decoder(), chunks)
}

/// The same without the message, as a gateway uses it.
pub(crate) fn thinkstream_tap(chunks: &[Bytes]) -> Seen {
    decode(decoder_tap(), chunks)
}

pub(crate) fn decoder() -> Decoder {
    Decoder::new(Protocol::Anthropic)
}

pub(crate) fn decoder_tap() -> Decoder {
    decoder().accumulate(false)
}

#[inline(always)]
fn decode(mut decoder: Decoder, chunks: &[Bytes]) -> Seen {
    let mut seen = Seen::default();
    for chunk in chunks {
        thinkstream_chunk(&mut decoder, chunk, &mut seen);
    }
    black_box(&decoder);
    seen
}

#[inline(always)]
pub(crate) fn thinkstream_chunk(decoder: &mut Decoder, chunk: &Bytes, seen: &mut Seen) {
    let mut chunk = chunk.clone();
    loop {
        match &decoder.decode(&mut chunk) {
            Ok(Some(event)) => seen.take(event),
            Ok(None) => break,
            Err(e) => panic!("{e}"),
        }
    }
}

// Frames alone. What is seen: frames, and the bytes of their data.

pub(crate) fn sse_thinkstream(chunks: &[Bytes]) -> Seen {
    let mut decoder = sse::Decoder::new();
    let mut seen = Seen::default();
    for chunk in chunks {
        let mut chunk = chunk.clone();
        while let Some(item) = decoder.decode(&mut chunk).unwrap() {
            if let sse::Item::Frame(frame) = black_box(&item) {
                seen.events += 1;
                seen.text += frame.data_bytes().len();
            }
        }
    }
    seen
}

pub(crate) fn sse_sse_core(chunks: &[Bytes]) -> Seen {
    let mut decoder = sse_core_decoder();
    let mut seen = Seen::default();
    for chunk in chunks {
        let mut chunk = &chunk[..];
        while let Some(event) = decoder.next(&mut chunk) {
            if let SseEvent::Message(message) = black_box(&event.unwrap()) {
                seen.event(Some(&message.data));
            }
        }
    }
    seen
}

pub(crate) fn sse_sse_stream(chunks: &[Bytes]) -> Seen {
    let mut events = sse_stream::SseByteStream::new(body(chunks));
    let mut seen = Seen::default();
    while let Some(event) = next(&mut events) {
        if let Some(data) = &black_box(&event.unwrap()).data {
            seen.event(Some(data));
        }
    }
    seen
}

pub(crate) fn sse_sseer(chunks: &[Bytes]) -> Seen {
    let mut events = sseer::event_stream::EventStream::new(body(chunks));
    let mut seen = Seen::default();
    while let Some(event) = next(&mut events) {
        seen.event(Some(&black_box(&event.unwrap()).data));
    }
    seen
}

pub(crate) fn sse_sse_parse(chunks: &[Bytes]) -> Seen {
    let mut parser = sse_parse::SseParser::new();
    let mut seen = Seen::default();
    for chunk in chunks {
        parser.feed(chunk);
        while let Some(event) = parser.next_event() {
            seen.event(Some(&black_box(&event).data));
        }
    }
    seen
}

pub(crate) fn sse_eventsource_stream(chunks: &[Bytes]) -> Seen {
    let mut events = body(chunks).eventsource();
    let mut seen = Seen::default();
    while let Some(event) = next(&mut events) {
        seen.event(Some(&black_box(&event.unwrap()).data));
    }
    seen
}

pub(crate) fn body(chunks: &[Bytes]) -> impl Stream<Item = Result<Bytes, Infallible>> + Unpin {
    stream::iter(chunks.iter().cloned().map(Ok))
}

/// The next item of a stream that is never pending.
pub(crate) fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    stream.next().now_or_never().unwrap()
}

const LIMIT: NonZeroUsize = NonZeroUsize::new(16 << 20).unwrap();
