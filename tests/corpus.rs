//! Recorded streams: what the decoder makes of them, against facts that another reader found and
//! against a reader written for this test.
//!
//! `THINKSTREAM_CORPUS` names a folder with `FACTS.jsonl`, `INDEX.tsv` and the streams, which
//! are in `anthropic`.

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use bytes::Bytes;
use common::recordings::{Log, Recording, corpus, message, same};
use common::{anthropic, decode, everywhere};
use futures_util::{FutureExt, StreamExt, stream};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use thinkstream::{
    Block, Content, Error, ErrorKind, Event, EventCodec, EventReader, EventStream, InvalidReason,
    Message, StopReason, ToolUse,
};
use tokio_util::codec::FramedRead;
use tokio_util::io::StreamReader;

fn recordings(corpus: &Path) -> Vec<Recording> {
    common::recordings::recordings(corpus, "anthropic")
}

fn whole(recording: &Recording) -> Log {
    decode(anthropic(), [&recording.bytes[..]])
}

/// Facts that are not ours: the stream, the fact and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("compaction-opus-4-7-01", "end", "its last frame has no blank line"),
    ("model-fallback-opus-4-7-01", "end", "its last frame has no blank line"),
    ("refusal-opus-4-7-01", "end", "its last frame has no blank line"),
    ("text-3-opus-latest-01", "end", "its last frame has no blank line"),
    ("text-sonnet-4-5-08", "end", "its last frame has no blank line"),
    ("thinking-gpt-oss-20b-01", "end", "its last frame has no blank line"),
    ("thinking-maxtokens-gpt-oss-20b-01", "end", "its last frame has no blank line"),
    ("tool-json-cut-maxtokens-3-7-sonnet-01", "end", "its last frame has no blank line"),
    ("legacy-text-completion-21-01", "end", "another endpoint, without a stop"),
    ("legacy-text-completion-21-01", "remarks", "another endpoint, with events of its own"),
    ("code-execution-caller-sonnet-4-6-01", "input 1", "told empty: whole at the block's start"),
    ("web-search-sonnet-4-5-01", "input 1", "told empty: whole at the block's start"),
    ("prepopulated-message-start-sonnet-4-5-02", "blocks", "told as begun: in message_start"),
    ("prepopulated-message-start-sonnet-4-5-02", "tools", "not told: in message_start"),
    ("prepopulated-message-start-sonnet-4-5-02", "input 0", "not told: in message_start"),
    ("prepopulated-message-start-sonnet-4-5-02", "stop_reason", "not told: in message_start"),
    ("tool-json-cut-3-haiku-01", "end", "a second message_start with another id"),
    ("tool-json-cut-3-haiku-01", "thinking", "told of both messages"),
    ("tool-json-cut-3-haiku-01", "blocks", "told of both messages"),
    ("tool-json-cut-3-haiku-01", "signatures", "told of both messages"),
    ("tool-json-cut-3-haiku-01", "input 0", "told of both messages"),
    ("tool-json-cut-3-haiku-01", "stop_reason", "told of the second message"),
    ("tool-json-cut-3-haiku-01", "usage", "told of the second message"),
];

/// What is found and what the facts say, fact by fact.
fn compare(facts: &Value, log: &Log) -> Vec<(String, Value, Value)> {
    let (events, error) = log;
    let message = message(log);
    let (mut text, mut thinking) = (String::new(), String::new());
    let (mut citations, mut remarks) = (0, Vec::new());
    for event in events {
        match event {
            Event::Token(token) => text.push_str(&token.text),
            Event::Thinking(piece) => thinking.push_str(&piece.text),
            Event::Citation(_) => citations += 1,
            Event::Warning(warning) => remarks.push(warning.rule.name()),
            Event::Unknown(unknown) => remarks.push(&unknown.name),
            _ => {}
        }
    }
    // What was handed out piece by piece is what the message holds.
    assert_eq!(message.text(), text);
    assert_eq!(message.thinking(), thinking);

    let hash: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    let blocks: Vec<_> = message.content.iter().map(|block| block.content.kind()).collect();
    let signatures = message.content.iter().filter(|block| signature(block).is_some()).count();
    let tools = || message.content.iter().filter_map(|block| tool(block));
    let names: Vec<_> = tools().map(|tool| json!([tool.kind.block_type(), &*tool.name])).collect();
    let inputs = tools()
        .map(|tool| match &tool.input {
            Ok(input) => json!([true, input.as_str()]),
            Err(invalid) => json!([false, &*invalid.raw]),
        })
        .collect::<Vec<_>>();

    let told = |key: &str| facts[key].as_array().unwrap().iter();
    let told_names: Vec<_> =
        told("tools").map(|tool| json!([tool["kind"], tool["name"]])).collect();
    let told_inputs: Vec<_> = told("tools")
        .map(|tool| match &tool["json"] {
            // No piece at all is an object without members.
            json if json == "" => json!([tool["valid"], "{}"]),
            json => json!([tool["valid"], json]),
        })
        .collect();
    let inputs = (0..inputs.len().max(told_inputs.len())).map(|at| {
        let mut found = inputs.get(at).cloned().unwrap_or_default();
        let told = told_inputs.get(at).cloned().unwrap_or_default();
        // The facts leave out what is long.
        if found.is_array() && told.is_array() && told[1].is_null() {
            found[1].take();
        }
        (format!("input {at}"), found, told)
    });

    let mut usage = facts["usage"].as_object().unwrap().clone();
    if let Some(details) = usage.remove("output_tokens_details") {
        usage.insert("thinking_tokens".to_owned(), details["thinking_tokens"].clone());
    }
    usage.retain(|_, value| !value.is_null());

    let end = error.as_ref().map_or("complete", |error| error.kind().name());
    let reason = message.stop_reason.as_ref().map(StopReason::as_str);
    let facts = [
        ("end", json!(end), json!("complete")),
        ("remarks", json!(remarks), json!([])),
        (
            "text",
            json!([text.chars().count(), hash[..16]]),
            json!([facts["text_len"], facts["text_sha256"]]),
        ),
        ("thinking", json!(thinking.chars().count()), facts["thinking_len"].clone()),
        ("blocks", json!(blocks), facts["blocks"].clone()),
        ("signatures", json!(signatures), facts["signatures"].clone()),
        ("citations", json!(citations), facts["citations"].clone()),
        ("tools", json!(names), json!(told_names)),
        ("stop_reason", json!(reason), facts["stop_reason"].clone()),
        ("usage", serde_json::to_value(&message.usage).unwrap(), usage.into()),
    ];
    facts
        .map(|(fact, found, told)| (fact.to_owned(), found, told))
        .into_iter()
        .chain(inputs)
        .collect()
}

#[test]
fn every_stream_means_what_the_facts_say() {
    let Some(corpus) = corpus() else { return };
    let mut unneeded = EXCEPTIONS.to_vec();
    let mut wrong = Vec::new();
    for Recording { name, bytes, facts, .. } in recordings(&corpus) {
        for (fact, found, told) in compare(&facts, &decode(anthropic(), [&bytes[..]])) {
            if found == told {
                continue;
            }
            match unneeded
                .iter()
                .position(|exception| (exception.0, exception.1) == (&*name, &*fact))
            {
                Some(at) => drop(unneeded.remove(at)),
                None => wrong.push(format!("{name}, {fact}: {found} and not {told}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(unneeded.is_empty(), "exceptions that are not needed: {unneeded:?}");
}

#[test]
fn cuts_change_nothing() {
    let Some(corpus) = corpus() else { return };
    for recording in recordings(&corpus) {
        let Recording { name, bytes, .. } = &recording;
        let whole = self::whole(&recording);
        if let Some(pieces) = recording.as_received() {
            same(&format!("{name}, as received"), &decode(anthropic(), pieces), &whole);
        }
        for width in [1, 7, 64, 1460] {
            let cut = decode(anthropic(), bytes.chunks(width));
            same(&format!("{name}, width {width}"), &cut, &whole);
        }
    }
}

/// What comes out of an adapter.
fn collect(results: impl IntoIterator<Item = Result<Event, Error>>) -> Log {
    let (mut events, mut error) = (Vec::new(), None);
    for result in results {
        assert!(error.is_none(), "an adapter went on after {error:?}");
        match result {
            Ok(event) => events.push(common::untimed(event)),
            Err(failed) => error = Some(failed),
        }
    }
    (events, error)
}

#[test]
fn adapters_change_nothing() {
    let Some(corpus) = corpus() else { return };
    for recording in recordings(&corpus) {
        let Recording { name, bytes, .. } = &recording;
        let bytes = &bytes[..];
        // Every cut of a stream costs the square of its length.
        let whole = if bytes.len() <= 2048 {
            everywhere(name, bytes, anthropic)
        } else {
            self::whole(&recording)
        };
        let read = collect(EventReader::new(bytes, anthropic()));
        same(&format!("{name}, reader"), &read, &whole);
        let received = recording.as_received().unwrap_or_else(|| bytes.chunks(1460).collect());
        for pieces in [received, bytes.chunks(64).collect()] {
            let pieces = || pieces.iter().map(|piece| Ok(Bytes::copy_from_slice(piece)));
            let body = || stream::iter(pieces().collect::<Vec<std::io::Result<_>>>());
            let streamed = EventStream::new(body(), anthropic()).collect::<Vec<_>>();
            let streamed = collect(streamed.now_or_never().unwrap());
            same(&format!("{name}, stream"), &streamed, &whole);
            let framed = FramedRead::new(StreamReader::new(body()), EventCodec::new(anthropic()));
            let framed = collect(framed.collect::<Vec<_>>().now_or_never().unwrap());
            same(&format!("{name}, codec"), &framed, &whole);
        }
    }
}

/// The streams with every kind of block that has something to lose, each short.
const CUT_AT_EVERY_BYTE: &[&str] = &[
    "thinking-tool-cachewrite-ctxmgmt-sonnet-4-6-02",
    "thinking-tool-parallel-sonnet-4-01",
    "thinking-omitted-opus-4-7-01",
    "redacted-thinking-sonnet-4-5-01",
    "compaction-ctxmgmt-sonnet-4-6-01",
    "code-execution-caller-sonnet-4-6-01",
    "advisor-sonnet-5-01",
    "citations-haiku-4-5-01",
];

/// What a stream has said by one of its bytes.
#[derive(Default)]
struct Progress {
    started: Vec<u64>,
    stopped: BTreeSet<u64>,
    reason: bool,
    ended: bool,
    /// Where the last frame ended.
    frame_end: usize,
}

impl Progress {
    fn take(&mut self, frame: &Frame<'_>) {
        let index = || frame.event["index"].as_u64().unwrap();
        match frame.event["type"].as_str().unwrap() {
            "content_block_start" => self.started.push(index()),
            "content_block_stop" => assert!(self.stopped.insert(index())),
            "message_delta" => self.reason |= frame.event["delta"]["stop_reason"].is_string(),
            "message_stop" => self.ended = true,
            _ => {}
        }
        self.frame_end = frame.end;
    }

    /// The message so far: `last` is the whole one.
    fn check(&self, message: &Message, last: &Message, at: &str) {
        let indexes: Vec<_> = message.content.iter().map(|block| u64::from(block.index)).collect();
        assert_eq!(indexes, self.started, "{at}");
        assert_eq!(message.complete, self.ended, "{at}");
        for (block, last) in message.content.iter().zip(&last.content) {
            let stopped = self.stopped.contains(&block.index.into());
            assert_eq!(block.complete, stopped, "{at}, block {}", block.index);
            if stopped {
                assert_eq!(block, last, "{at}");
                continue;
            }
            assert!(!block.replayable, "{at}, block {}", block.index);
            assert_eq!(signature(block), None, "{at}");
            if let Some(tool) = tool(block) {
                let reason = tool.input.as_ref().map_err(|invalid| invalid.reason);
                assert_eq!(reason, Err(InvalidReason::Cut), "{at}");
            }
        }
    }

    /// The end of the stream, if it were here.
    fn check_end(&self, (events, error): &Log, message: &Message, at: &str, end: usize) {
        let Some(error) = error else {
            assert!(self.ended, "{at}, passes for the end");
            return;
        };
        assert!(!self.ended, "{at}: {error}");
        let (unterminated, leftover) = match error.kind() {
            ErrorKind::Unterminated { leftover } => (true, *leftover),
            ErrorKind::Incomplete { leftover } => (false, *leftover),
            ErrorKind::EmptyStream if end == 0 => (false, 0),
            kind => panic!("{at}: {kind}"),
        };
        assert_eq!(unterminated, self.reason, "{at}");
        assert_eq!(leftover, (end - self.frame_end) as u64, "{at}");
        assert_eq!(error.offset(), end as u64, "{at}");
        let partial = error.partial();
        assert_eq!(&partial.message, message, "{at}");
        let called = events.iter().any(|event| matches!(event, Event::ToolCall(_)));
        assert_eq!(partial.tool_call_emitted, called, "{at}");
        let shown = events.iter().any(|event| {
            !matches!(event, Event::Start(_) | Event::Ping | Event::Usage(_) | Event::Block(_))
        });
        assert!(!shown || !error.retry_safe(), "{at}");
    }
}

#[test]
fn no_prefix_passes_for_more_than_it_is() {
    let Some(corpus) = corpus() else { return };
    let recordings = recordings(&corpus);
    let mut kinds = BTreeSet::new();
    for name in CUT_AT_EVERY_BYTE {
        let recording = recordings.iter().find(|recording| recording.name == *name).unwrap();
        let bytes = &recording.bytes[..];
        let whole = self::whole(recording);
        let last = message(&whole);
        assert!(last.complete && last.content.iter().all(|block| block.complete), "{name}");
        let stream = str::from_utf8(bytes).unwrap();
        let by_hand = blocks_by_hand(stream);
        for (block, by_hand) in last.content.iter().zip(&by_hand) {
            assert_eq!(signature(block), by_hand.signature(), "{name}");
            kinds.insert(by_hand.kind().to_owned());
            kinds.extend(by_hand.signature().map(|_| "signature".to_owned()));
        }
        let mut frames = frames(stream).into_iter().peekable();
        let mut decoder = anthropic();
        let mut progress = Progress::default();
        let mut events = Vec::new();
        for end in 0..=bytes.len() {
            let at = format!("{name}, byte {end}");
            if let Some(frame) = frames.next_if(|frame| frame.end == end) {
                progress.take(&frame);
            }
            let mut byte = Bytes::copy_from_slice(&bytes[end.saturating_sub(1)..end]);
            while let Some(event) = decoder.decode(&mut byte).unwrap() {
                let of_block = match &event {
                    Event::ToolCall(call) => Some(call.index),
                    Event::Block(block) => Some(block.index),
                    Event::Complete(_) => {
                        assert_eq!(end, bytes.len(), "{name}");
                        None
                    }
                    _ => None,
                };
                let early = of_block.filter(|index| !progress.stopped.contains(&(*index).into()));
                assert_eq!(early, None, "{at}");
                events.push(event);
            }
            assert_eq!(decoder.is_complete(), end == bytes.len(), "{at}");
            let message = decoder.message();
            progress.check(&message, last, &at);
            // To decode every prefix anew would cost the square of the length; the seams tell most.
            let seam = end - progress.frame_end <= 1 || bytes[end..].starts_with(b"\n");
            if seam || end % 61 == 0 {
                let prefix = decode(anthropic(), [&bytes[..end]]);
                assert_eq!(prefix.0, events, "{at}");
                progress.check_end(&prefix, &message, &at, end);
                // Of what is not finished nothing goes back to the provider.
                let back = by_hand
                    .iter()
                    .filter(|block| progress.stopped.contains(&block.index) && block.echoes(false));
                let param = message.to_param();
                assert_eq!(param_blocks(&param).len(), back.count(), "{at}");
            }
        }
        assert_eq!(events, whole.0, "{name}");
    }
    for kind in ["signature", "redacted_thinking", "tool_use", "server_tool_use", "compaction"] {
        assert!(kinds.contains(kind), "no stream has a {kind}");
    }
}

#[test]
fn captured_streams_break_no_rule() {
    let Some(corpus) = corpus() else { return };
    let mut count = 0;
    for recording in recordings(&corpus) {
        // Another endpoint, with events of its own.
        if !recording.captured || recording.name.starts_with("legacy-text-completion") {
            continue;
        }
        let name = &recording.name;
        let whole = self::whole(&recording);
        assert!(whole.1.is_none(), "{name}: {:?}", whole.1);
        for event in &whole.0 {
            assert!(!matches!(event, Event::Warning(_) | Event::Unknown(_)), "{name}: {event:?}");
        }
        let strict = decode(anthropic().strict(true), [&recording.bytes[..]]);
        same(name, &strict, &whole);
        count += 1;
    }
    assert!(count > 20, "only {count} streams");
}

#[test]
fn the_next_request_echoes_every_block() {
    let Some(corpus) = corpus() else { return };
    let mut count = 0;
    for recording in recordings(&corpus) {
        let (events, error) = self::whole(&recording);
        let Some(Event::Complete(done)) = events.last() else {
            assert!(error.is_some());
            continue;
        };
        let name = &recording.name;
        let by_hand = blocks_by_hand(str::from_utf8(&recording.bytes).unwrap());
        let param = done.message.to_param();
        assert_eq!(serde_json::from_str::<Value>(&param).unwrap()["role"], "assistant");
        let last_fallback = by_hand.iter().rposition(|block| block.kind() == "fallback");
        let expected: Vec<_> = (0..)
            .zip(&by_hand)
            .filter(|(at, block)| block.echoes(last_fallback.is_some_and(|last| *at < last)))
            .map(|(_, block)| block)
            .collect();
        let echoed = param_blocks(&param);
        assert_eq!(echoed.len(), expected.len(), "{name}");
        for (raw, block) in echoed.into_iter().zip(expected) {
            block.check(name, raw.get());
        }
        for block in &by_hand {
            block.check_events(name, &events);
        }
        count += 1;
    }
    assert!(count > 50, "only {count} streams");
}

fn signature(block: &Block) -> Option<&str> {
    match &block.content {
        Content::Thinking(thinking) => thinking.signature.as_deref(),
        _ => None,
    }
}

fn tool(block: &Block) -> Option<&ToolUse> {
    match &block.content {
        Content::ToolUse(tool) => Some(tool),
        _ => None,
    }
}

/// The blocks of a request, each as the bytes that are sent.
fn param_blocks(param: &str) -> Vec<&RawValue> {
    #[derive(Deserialize)]
    struct Param<'a> {
        #[serde(borrow)]
        content: Vec<&'a RawValue>,
    }
    serde_json::from_str::<Param<'_>>(param).unwrap().content
}

// The reader for this test: as simple as can be, it knows what the streams of the corpus have and
// nothing of what other streams could do.

/// A frame of a stream.
struct Frame<'a> {
    /// The byte behind its blank line.
    end: usize,
    data: &'a str,
    event: Value,
}

/// The frames up to the end of the message.
fn frames(stream: &str) -> Vec<Frame<'_>> {
    let mut frames = Vec::new();
    let mut end = 0;
    for frame in stream.split_inclusive("\n\n") {
        end += frame.len();
        let Some(data) = frame.lines().find_map(|line| line.strip_prefix("data:")) else {
            continue;
        };
        let event: Value = serde_json::from_str(data).unwrap();
        let last = event["type"] == "message_stop";
        frames.push(Frame { end, data, event });
        if last {
            break;
        }
    }
    frames
}

/// A block, put together by hand.
struct ByHand<'a> {
    index: u64,
    /// The data of the frame that began it.
    start: &'a str,
    /// The block as it began, with what the deltas added.
    block: Value,
    /// The pieces of a tool's input.
    written: String,
    stopped: bool,
}

fn blocks_by_hand(stream: &str) -> Vec<ByHand<'_>> {
    let mut blocks: Vec<ByHand<'_>> = Vec::new();
    for Frame { data: start, event, .. } in frames(stream) {
        let begin = |index: u64, block: &Value, stopped: bool| ByHand {
            index,
            start,
            block: block.clone(),
            written: String::new(),
            stopped,
        };
        let index = event["index"].as_u64();
        let open = index.and_then(|index| blocks.iter_mut().find(|block| block.index == index));
        match (event["type"].as_str().unwrap(), open) {
            ("message_start", _) => {
                let whole = event["message"]["content"].as_array().unwrap();
                blocks.extend((0..).zip(whole).map(|(index, block)| begin(index, block, true)));
            }
            ("content_block_start", None) => {
                blocks.push(begin(index.unwrap(), &event["content_block"], false));
            }
            ("content_block_delta", Some(block)) => block.add(&event["delta"]),
            ("content_block_stop", Some(block)) => block.stopped = true,
            ("message_delta" | "message_stop" | "ping", _) => {}
            (kind, _) => panic!("{kind} {index:?}"),
        }
    }
    blocks
}

impl ByHand<'_> {
    fn add(&mut self, delta: &Value) {
        assert!(!self.stopped);
        match delta["type"].as_str().unwrap() {
            "text_delta" => self.append("text", delta),
            "thinking_delta" => self.append("thinking", delta),
            "signature_delta" => self.append("signature", delta),
            "input_json_delta" => self.written.push_str(delta["partial_json"].as_str().unwrap()),
            "citations_delta" => match &mut self.block["citations"] {
                Value::Array(citations) => citations.push(delta["citation"].clone()),
                none => *none = json!([delta["citation"]]),
            },
            "compaction_delta" => {
                for key in ["content", "encrypted_content"] {
                    if let Some(value) = delta.get(key) {
                        self.block[key] = value.clone();
                    }
                }
            }
            kind => panic!("{kind}"),
        }
    }

    fn append(&mut self, key: &str, delta: &Value) {
        let so_far = self.block[key].as_str().unwrap_or_default();
        self.block[key] = json!(format!("{so_far}{}", delta[key].as_str().unwrap()));
    }

    fn kind(&self) -> &str {
        self.block["type"].as_str().unwrap()
    }

    /// A string of the block, if it is there and not empty.
    fn string(&self, key: &str) -> Option<&str> {
        self.block[key].as_str().filter(|text| !text.is_empty())
    }

    fn signature(&self) -> Option<&str> {
        self.string("signature")
    }

    fn is_tool(&self) -> bool {
        matches!(self.kind(), "tool_use" | "server_tool_use" | "mcp_tool_use")
    }

    /// The input of a tool: what the deltas wrote, or what the block began with.
    fn input(&self) -> Value {
        match self.written.as_str() {
            "" => self.block["input"].clone(),
            written => serde_json::from_str(written).unwrap_or_default(),
        }
    }

    /// Whether `Message::to_param` says that it sends the block of a complete message.
    fn echoes(&self, declined: bool) -> bool {
        match self.kind() {
            "text" => self.string("text").is_some_and(|text| !text.trim().is_empty()),
            _ if !self.stopped => false,
            "thinking" => self.signature().is_some() && !declined,
            "redacted_thinking" | "connector_text" => !declined,
            "tool_use" => self.input().is_object() && !declined,
            _ if self.is_tool() => self.input().is_object(),
            _ => true,
        }
    }

    /// The block of a request that echoes this one.
    fn check(&self, name: &str, raw: &str) {
        let found: Value = serde_json::from_str(raw).unwrap();
        let mut expected = self.block.clone();
        let block = expected.as_object_mut().unwrap();
        if self.is_tool() {
            block.insert("input".to_owned(), self.input());
            if block.get("caller").is_some_and(|caller| caller["type"] == "direct") {
                block.remove("caller");
            }
        }
        match block.get_mut("citations") {
            Some(Value::Array(citations)) if !citations.is_empty() => {
                for citation in citations {
                    citation.as_object_mut().unwrap().remove("file_id");
                }
            }
            _ => drop(block.remove("citations")),
        }
        assert_eq!(found, expected, "{name}, block {}", self.index);

        // The same value is not enough where the model or the provider reads the bytes.
        if self.is_tool() {
            #[derive(Deserialize)]
            struct Tool<'a> {
                #[serde(borrow)]
                input: &'a RawValue,
            }
            let input = serde_json::from_str::<Tool<'_>>(raw).unwrap().input.get();
            assert!(self.is_input(input), "{name}, block {}: {input}", self.index);
        } else if !matches!(self.kind(), "text" | "thinking" | "redacted_thinking" | "compaction") {
            assert!(self.start.contains(raw), "{name}, block {}: {raw}", self.index);
        }
    }

    /// Whether these are the bytes of the tool's input.
    fn is_input(&self, input: &str) -> bool {
        match self.written.as_str() {
            "" => self.start.contains(&format!("\"input\":{input}")),
            written => written == input,
        }
    }

    /// What the events handed out of the block.
    fn check_events(&self, name: &str, events: &[Event]) {
        let (mut signature, mut data) = (String::new(), String::new());
        let (mut citations, mut calls) = (Vec::<Value>::new(), 0);
        for event in events {
            match event {
                Event::Signature(piece) if self.is(piece.index) => {
                    signature.push_str(&piece.signature);
                }
                Event::RedactedThinking(redacted) if self.is(redacted.index) => {
                    data.push_str(&redacted.data);
                }
                Event::Citation(cited) if self.is(cited.index) => {
                    citations.push(serde_json::from_str(cited.citation.raw()).unwrap());
                }
                Event::ToolCall(call) if self.is(call.index) => {
                    let input = call
                        .input
                        .as_ref()
                        .map_or_else(|invalid| &*invalid.raw, |input| input.as_str());
                    assert!(self.is_input(input), "{name}, block {}: {input}", self.index);
                    calls += 1;
                }
                _ => {}
            }
        }
        let at = format!("{name}, block {}", self.index);
        assert_eq!(signature, self.signature().unwrap_or_default(), "{at}");
        assert_eq!(data, self.string("data").unwrap_or_default(), "{at}");
        let cited: &[Value] = self.block["citations"].as_array().map_or(&[], Vec::as_slice);
        assert_eq!(citations, cited, "{at}");
        assert_eq!(calls, usize::from(self.is_tool() && self.stopped), "{at}");
    }

    fn is(&self, index: u32) -> bool {
        self.index == u64::from(index)
    }
}
