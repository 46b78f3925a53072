//! What a stream costs in memory: nothing for a delta, and little while it waits.

mod common;

use bytes::Bytes;
use common::*;
use thinkstream::{Content, Decoder, Event, Limits, Message};

/// Deltas of all kinds, whose strings are short and long, as they stand and escaped.
const DELTAS: &[(u32, &str)] = &[
    (0, r#"{"type":"text_delta","text":"Hello"}"#),
    (0, r#"{"type":"text_delta","text":"Grüße aus Zürich"}"#),
    (0, r#"{"type":"text_delta","text":"a \"line\"\n"}"#),
    (0, r#"{"type":"text_delta","text":"\u65e5\u672c\u8a9e"}"#),
    (0, r#"{"type":"text_delta","text":"a text that is longer than thirty-two bytes, by far"}"#),
    (
        0,
        r#"{"type":"text_delta","text":"a text that is longer than thirty-two bytes,\n\tin \"lines\""}"#,
    ),
    (
        0,
        r#"{"type":"text_delta","text":"\u65e5\u672c\u8a9e\u65e5\u672c\u8a9e\u65e5\u672c\u8a9e\u65e5\u672c\u8a9e"}"#,
    ),
    (1, r#"{"type":"thinking_delta","thinking":""}"#),
    (1, r#"{"type":"thinking_delta","thinking":"Let me see.\n"}"#),
    (2, r#"{"type":"input_json_delta","partial_json":"{\"path\": \"a/b\""}"#),
    // As other servers write them.
    (0, r#"{"text":"Hello","type":"text_delta"}"#),
    (0, r#"{"type": "text_delta", "text": "a \"line\"\n"}"#),
    (1, r#"{"type":"thinking_delta","thinking":"\ud83d\ude00","estimated_tokens":3}"#),
];

fn opened(decoder: Decoder) -> Decoder {
    let mut decoder = decoder;
    let mut start = sse([START.to_owned(), open(0, TEXT), open(1, THINKING), open(2, TOOL)]).into();
    while decoder.decode(&mut start).unwrap().is_some() {}
    decoder
}

/// Allocations made for a thousand such deltas once some have been, cut everywhere.
fn allocations(decoder: Decoder, index: u32, body: &str, width: usize) -> u64 {
    repeated(opened(decoder), &sse([delta(index, body)]), width)
}

fn repeated(mut decoder: Decoder, delta: &[u8], width: usize) -> u64 {
    let stream = Bytes::from(delta.repeat(1000));
    let chunks: Vec<_> = stream.chunks(width).map(|chunk| stream.slice_ref(chunk)).collect();
    let whole = stream.slice(..delta.len());
    let cut = |at| [whole.slice(..at), whole.slice(at..)];
    let first: Vec<_> = (0..delta.len()).flat_map(cut).collect();
    let mut decode = |chunks: &[Bytes]| {
        for chunk in chunks {
            let mut chunk = chunk.clone();
            while let Some(event) = decoder.decode(&mut chunk).unwrap() {
                let said = !matches!(event, Event::Unknown(_) | Event::Warning(_) | Event::Ping);
                assert!(said, "{event:?}");
            }
        }
    };
    decode(&first);
    allocation_counter::measure(|| decode(&chunks)).count_total
}

#[test]
fn no_delta_allocates_however_it_is_cut() {
    for (index, body) in DELTAS {
        let event = sse([delta(*index, body)]).len();
        for width in [event, 1400, 256, 100, 16, 7, 1] {
            let found = allocations(anthropic().accumulate(false), *index, body, width);
            assert_eq!(found, 0, "{body} in chunks of {width}");
            // Room for the text is doubled now and then.
            let found = allocations(anthropic(), *index, body, width);
            assert!(found <= 5, "{body} in chunks of {width}, accumulated: {found}");
        }
    }
}

/// Texts as they stand in JSON: short and long, plain and escaped.
const TEXTS: &[&str] = &[
    "Hello",
    "Grüße aus Zürich",
    r#"a \"line\"\n"#,
    r"\u65e5\u672c\u8a9e",
    "a text that is longer than thirty-two bytes, by far",
    r#"a text that is longer than thirty-two bytes,\n\tin \"lines\""#,
    r"\u65e5\u672c\u8a9e\u65e5\u672c\u8a9e\u65e5\u672c\u8a9e\u65e5\u672c\u8a9e",
];

/// A chunk of a chat as `OpenAI` writes it.
fn chat_delta(text: &str) -> String {
    format!(
        concat!(
            r#"data: {{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1783341572,"#,
            r#""model":"gpt-5.4-mini-2026-03-17","service_tier":"default","system_fingerprint":null,"#,
            r#""choices":[{{"index":0,"delta":{{"content":"{}"}},"finish_reason":null}}],"#,
            r#""usage":null,"obfuscation":"Ks54MOL"}}"#,
            "\n\n"
        ),
        text
    )
}

/// A delta of a response as `OpenAI` writes it.
fn response_delta(text: &str) -> String {
    format!(
        concat!(
            r#"{{"type":"response.output_text.delta","content_index":0,"delta":"{}","item_id":"msg_1","#,
            r#""logprobs":[],"obfuscation":"JSoHYeTytJG8eDH","output_index":0,"sequence_number":4}}"#
        ),
        text
    )
}

const RESPONSE: &[&str] = &[
    r#"{"type":"response.created","response":{"id":"resp_1","status":"in_progress","model":"gpt-5.4","output":[]},"sequence_number":0}"#,
    r#"{"type":"response.output_item.added","item":{"id":"msg_1","type":"message","status":"in_progress","content":[],"role":"assistant"},"output_index":0,"sequence_number":1}"#,
    r#"{"type":"response.content_part.added","content_index":0,"item_id":"msg_1","output_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":""},"sequence_number":2}"#,
];

/// Who reads an API, how its streams begin, and what its deltas look like.
type Api = (fn() -> Decoder, Vec<u8>, fn(&str) -> String);

#[test]
fn no_text_of_openai_allocates_however_it_is_cut() {
    let apis: [Api; 2] =
        [(chat, sse([chat_delta("")]), chat_delta), (responses, sse(RESPONSE), response_delta)];
    for (decoder, start, delta) in apis {
        for text in TEXTS {
            let body = sse([delta(text)]);
            for width in [body.len(), 1400, 256, 100, 16, 7, 1] {
                for accumulate in [false, true] {
                    let mut decoder = decoder().accumulate(accumulate);
                    let mut start = Bytes::from(start.clone());
                    while decoder.decode(&mut start).unwrap().is_some() {}
                    let found = repeated(decoder, &body, width);
                    // Room for the text is doubled now and then.
                    let most = if accumulate { 5 } else { 0 };
                    assert!(found <= most, "{text} in chunks of {width}: {found}");
                }
            }
        }
    }
}

#[test]
fn an_open_stream_holds_little() {
    let mut decoder = None;
    let held = allocation_counter::measure(|| {
        let mut open = opened(anthropic());
        for (index, body) in DELTAS.iter().filter(|(index, _)| *index == 0).take(3) {
            let mut chunk = sse([delta(*index, body)]).into();
            while open.decode(&mut chunk).unwrap().is_some() {}
        }
        decoder = Some(open);
    });
    let structs = size_of::<Decoder>() - size_of::<Message>();
    eprintln!("beside the message: {structs} bytes of struct, {} of heap", held.bytes_current);
    assert!(structs <= 512, "{structs}");
    // Three open blocks, the beginning of a text, and room for events that come together.
    assert!(held.bytes_current <= 1640, "{}", held.bytes_current);
    drop(decoder);
}

/// Results that come one after the other are written into one buffer, if nobody keeps them; a stream that goes
/// on to other things lets go of it.
#[test]
fn the_room_of_a_large_event_is_used_again_and_not_for_long() {
    const LARGE: usize = 100 << 10;
    let result = format!(
        r#"{{"type":"web_search_tool_result","tool_use_id":"t","content":"{}"}}"#,
        "x".repeat(LARGE)
    );
    let mut decoder = opened(anthropic().accumulate(false));
    let mut feed = |events: &[String], width: usize| {
        let stream = Bytes::from(sse(events));
        let measured = allocation_counter::measure(|| {
            for chunk in stream.chunks(width) {
                let mut chunk = stream.slice_ref(chunk);
                while decoder.decode(&mut chunk).unwrap().is_some() {}
            }
        });
        (measured.bytes_total, measured.bytes_current)
    };
    for width in [1400, 64 << 10] {
        let (_, held) = feed(&[open(3, &result)], width);
        assert!(held >= LARGE as i64, "{held} bytes held in chunks of {width}");
        let (fresh, _) =
            feed(&[shut(3), open(4, &result), shut(4), open(5, &result), shut(5)], width);
        assert!(fresh <= 64 << 10, "{fresh} bytes allocated in chunks of {width}");
        let (_, held) = feed(&vec![text(0, "and so on"); 8], width);
        assert!(held <= -(LARGE as i64), "{held} bytes held in chunks of {width}");
    }
}

/// The most that was held at once while `input` was decoded in such chunks, less one chunk.
fn peak(decoder: Decoder, input: impl Iterator<Item = Vec<u8>>, width: usize) -> u64 {
    let mut decoder = opened(decoder);
    let measured = allocation_counter::measure(|| {
        let mut buffer = Vec::new();
        for piece in input {
            buffer.extend_from_slice(&piece);
            while buffer.len() >= width {
                let rest = buffer.split_off(width);
                let mut chunk = Bytes::from(std::mem::replace(&mut buffer, rest));
                while let Ok(Some(_)) = decoder.decode(&mut chunk) {}
            }
        }
    });
    // The chunk itself, and the pieces that it is made of.
    measured.bytes_max.saturating_sub(4 * u64::try_from(width).unwrap() + 4096)
}

const LIMIT: usize = 256 << 10;

fn limits() -> Limits {
    Limits { event_bytes: LIMIT, message_bytes: LIMIT, tool_input_bytes: LIMIT, blocks: 16 }
}

type Pieces = Box<dyn Iterator<Item = Vec<u8>>>;

/// Inputs without an end that fill a part of the decoder each, sixteen limits long.
fn endless() -> [(&'static str, Pieces); 8] {
    let pieces = |piece: &[u8]| {
        let piece = piece.to_vec();
        let count = 16 * LIMIT / piece.len();
        Box::new(std::iter::repeat_n(piece, count)) as Pieces
    };
    [
        ("one line", Box::new(std::iter::once(b"data: ".to_vec()).chain(pieces(&[b'x'; 4096])))),
        ("lines of data", pieces(b"data: x\n")),
        ("empty lines of data", pieces(b"data\n")),
        ("a long id", Box::new(std::iter::once(b"id: ".to_vec()).chain(pieces(&[b'7'; 4096])))),
        ("text", pieces(&sse([text(0, "a text that goes on and on, and on")]))),
        ("thinking", pieces(&sse([think(1, &"\u{1F600}\n".repeat(20))]))),
        ("input", pieces(&sse([json(2, &"[".repeat(100))]))),
        ("citations", pieces(&sse([delta(0, r#"{"type":"citations_delta","citation":{}}"#)]))),
    ]
}

#[test]
fn no_input_holds_more_than_twice_its_limit() {
    for width in [64, 4096, 64 << 10] {
        for (name, input) in endless() {
            let found = peak(anthropic().limits(limits()), input, width);
            let most = 2 * u64::try_from(LIMIT).unwrap();
            assert!(found <= most, "{name} in chunks of {width}: {found} bytes");
        }
    }
}

#[test]
fn what_means_nothing_is_not_held() {
    for piece in [": a comment without an end ", "unknown: field ", ": c\n", "\n", "x\n"] {
        for width in [64, 4096] {
            let input = std::iter::repeat_n(piece.as_bytes().to_vec(), 16 * LIMIT / piece.len());
            let found = peak(anthropic(), input, width);
            assert!(found <= 1024, "{piece:?} in chunks of {width}: {found} bytes");
        }
    }
}

/// A signature is a few bytes of a chunk that may be large, and a message is kept for long.
#[test]
fn what_is_signed_keeps_no_chunk_alive() {
    let (pad, data) = ("z".repeat(256 << 10), "d".repeat(40));
    let item = |at: u32| {
        format!(
            r#"data: {{"type":"response.output_item.done","output_index":{at},"item":{{"type":"reasoning","id":"rs_{at}","summary":[],"encrypted_content":"{data}"}},"pad":"{pad}"}}"#
        )
    };
    let redacted = |_| {
        format!(
            r#"data: {{"choices":[{{"index":0,"delta":{{"thinking_blocks":[{{"type":"redacted_thinking","data":"{data}"}}]}}}}],"pad":"{pad}"}}"#
        )
    };
    let signed = |_| {
        format!(
            r#"data: {{"choices":[{{"index":0,"delta":{{"thinking_blocks":[{{"type":"thinking","thinking":"x","signature":"{data}"}}]}}}}],"pad":"{pad}"}}"#
        )
    };
    let opaque = |_| {
        format!(
            r#"data: {{"choices":[{{"index":0,"delta":{{"reasoning_text":"x","reasoning_opaque":"{data}"}}}}],"pad":"{pad}"}}"#
        )
    };
    let kinds: [(Decoder, &dyn Fn(u32) -> String); 4] =
        [(responses(), &item), (chat(), &redacted), (chat(), &signed), (chat(), &opaque)];
    for (mut decoder, event) in kinds {
        for width in [16 << 10, 1 << 20] {
            let events: Vec<u8> =
                (0..20).flat_map(|at| (event(at) + "\n\n").into_bytes()).collect();
            let measured = allocation_counter::measure(|| {
                for chunk in events.chunks(width) {
                    let mut chunk = Bytes::copy_from_slice(chunk);
                    while decoder.decode(&mut chunk).unwrap().is_some() {}
                }
            });
            // The room of a large event is kept for the next.
            assert!(measured.bytes_current <= 600 << 10, "{} bytes", measured.bytes_current);
        }
    }
}

/// An event that passes the limit is not read first, and none that was not understood leaves its room.
#[test]
fn a_large_escaped_delta_leaves_nothing() {
    let long = format!(r#"{{"type":"text_delta","text":"{}\n"}}"#, "x".repeat(2 << 20));
    let stream = Bytes::from(sse([delta(0, &long)]));
    let limits = Limits { event_bytes: 1024, ..limits() };
    let mut decoder = opened(anthropic().limits(limits));
    let measured = allocation_counter::measure(|| {
        assert!(decoder.decode(&mut stream.clone()).is_err());
    });
    assert!(measured.bytes_max <= 8192, "{} bytes", measured.bytes_max);

    let odd = long.replace("\"}", "\",\"x\":1}");
    let stream = Bytes::from(sse([delta(9, &odd), text(0, "a \"text\" that is written again")]));
    let mut decoder = opened(anthropic());
    let measured = allocation_counter::measure(|| {
        let mut input = stream.clone();
        while decoder.decode(&mut input).unwrap().is_some() {}
    });
    assert!(measured.bytes_current <= 8192, "{} bytes", measured.bytes_current);
}

/// What a stream held is let go of when it fails; what had been received is in the error.
#[test]
fn a_failed_stream_holds_its_error_and_no_more() {
    // Of citations the places in their list are more than what they say.
    for (name, input) in endless().into_iter().filter(|(name, _)| *name != "citations") {
        let mut decoder = opened(anthropic().limits(limits()));
        let mut error = None;
        let mut input = input;
        let held = allocation_counter::measure(|| {
            while error.is_none() {
                let mut chunk = Bytes::from(input.next().unwrap());
                error = std::iter::from_fn(|| decoder.decode(&mut chunk).transpose())
                    .find_map(Result::err);
            }
        });
        let error = error.unwrap();
        assert_eq!(error.kind().name(), "limit", "{name}");
        let text: usize = error
            .partial()
            .message
            .content
            .iter()
            .map(|block| match &block.content {
                Content::Text(text) => text.text.len(),
                Content::Thinking(thinking) => thinking.thinking.len(),
                Content::ToolUse(tool) => {
                    tool.input.as_ref().map_or_else(|bad| bad.raw.len(), |_| 0)
                }
                _ => 0,
            })
            .sum();
        assert_eq!(text > LIMIT / 2, matches!(name, "text" | "thinking" | "input"), "{name}");
        let beside = held.bytes_current - i64::try_from(text).unwrap();
        assert!(beside <= 4096, "{name}: {beside} bytes beside what was received");
        assert_eq!(decoder.message(), error.partial().message);
    }
}

const BROKEN: &str = "data: {]\n\n";

/// A decoder that has read all of these events.
fn read(decoder: Decoder, events: impl IntoIterator<Item = String>) -> Decoder {
    let mut decoder = decoder;
    for event in events {
        let mut input = Bytes::from(sse([event]));
        while decoder.decode(&mut input).unwrap().is_some() {}
    }
    decoder
}

/// An item of a response, and a piece of its text.
fn item(index: usize, text: &str) -> [String; 2] {
    let place = format!(r#""output_index":{index}"#);
    let item = format!(r#"{{"type":"message","id":"msg_{index}"}}"#);
    [
        format!(r#"{{"type":"response.output_item.added",{place},"item":{item}}}"#),
        format!(r#"{{"type":"response.output_text.delta",{place},"delta":"{text}"}}"#),
    ]
}

/// A piece of a choice of a chat.
fn choice(index: usize, text: &str) -> String {
    format!(
        "data: {{\"choices\":[{{\"index\":{index},\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
    )
}

/// Blocks with so many bytes of text each, all of them open.
fn open_blocks(count: usize, bytes: usize) -> [Decoder; 3] {
    let text = "x".repeat(bytes);
    let anthropic_blocks =
        (0..u32::try_from(count).unwrap()).flat_map(|at| [open(at, TEXT), common::text(at, &text)]);
    let started = [START.to_owned()].into_iter().chain(anthropic_blocks);
    let created = [RESPONSE[0].to_owned()].into_iter();
    [
        read(anthropic(), started),
        read(responses(), created.chain((0..count).flat_map(|at| item(at, &text)))),
        read(chat(), (0..count).map(|at| choice(at, &text))),
    ]
}

/// What is cut is given away as it is written, one block after the other.
#[test]
fn a_stream_that_fails_holds_no_block_twice_but_one() {
    for mut decoder in open_blocks(8, 32 << 10) {
        let mut input = Bytes::from(BROKEN);
        let mut failed = None;
        let measured = allocation_counter::measure(|| failed = decoder.decode(&mut input).err());
        let partial = failed.as_ref().unwrap().partial();
        let texts = 1 + partial.choices.len();
        assert_eq!(texts.max(partial.message.content.len()), 8);
        assert!(measured.bytes_max <= 48 << 10, "{} bytes", measured.bytes_max);
    }
}

/// Neither its blocks, nor the room that they were written in.
#[test]
fn a_decoder_that_failed_holds_its_error_and_no_more() {
    let long = "x".repeat(12 << 10);
    let [anthropic, responses, chat] = open_blocks(100, 1);
    let ended = [
        read(anthropic, [open(200, TEXT), text(200, &long), shut(200)]),
        read(responses, item(200, &long).into_iter().chain([
            r#"{"type":"response.output_item.done","output_index":200,"item":{"type":"message"}}"#.to_owned(),
        ])),
        read(chat, [choice(200, &long)]),
    ];
    for mut decoder in ended {
        let error = decoder.decode(&mut Bytes::from(BROKEN)).unwrap_err();
        let held = -allocation_counter::measure(|| drop(decoder)).bytes_current;
        assert!(held <= 2048, "{held} bytes beside the error");
        drop(error);
    }
}

/// A block takes its own room, wherever its index is.
#[test]
fn memory_follows_blocks_and_not_indexes() {
    let held = |index: u32| {
        let mut decoder = None;
        let measured = allocation_counter::measure(|| {
            let mut chunk = sse([START.to_owned(), open(index, TEXT)]).into();
            let mut open = anthropic();
            while open.decode(&mut chunk).unwrap().is_some() {}
            decoder = Some(open);
        });
        drop(decoder);
        measured.bytes_max
    };
    assert!(held(u32::MAX) <= held(0) + 64, "{} and {}", held(u32::MAX), held(0));
}
