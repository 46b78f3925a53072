//! What a stream costs in memory: nothing for a delta, and little while it waits.

mod common;

use bytes::Bytes;
use common::*;
use thinkstream::{Decoder, Event, Message};

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

/// Allocations made for a thousand such deltas once a hundred have been.
fn allocations(decoder: Decoder, index: u32, body: &str, width: usize) -> u64 {
    let mut decoder = opened(decoder);
    let stream = Bytes::from(sse([delta(index, body)]).repeat(1100));
    let chunks: Vec<_> = stream.chunks(width).map(|chunk| stream.slice_ref(chunk)).collect();
    let (first, rest) = chunks.split_at(chunks.len() / 11);
    let mut decode = |chunks: &[Bytes]| {
        for chunk in chunks {
            let mut chunk = chunk.clone();
            while let Some(event) = decoder.decode(&mut chunk).unwrap() {
                assert!(!matches!(event, Event::Unknown(_) | Event::Warning(_)), "{event:?}");
            }
        }
    };
    decode(first);
    allocation_counter::measure(|| decode(rest)).count_total
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
    assert!(structs <= 560, "{structs}");
    // Three open blocks, the beginning of a text, and room for events that come together.
    assert!(held.bytes_current <= 1640, "{}", held.bytes_current);
    drop(decoder);
}
