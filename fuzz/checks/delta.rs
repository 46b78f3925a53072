//! Deltas: text is handed out if `serde_json` reads that text, and only then, whatever the delta looks
//! like and however it is cut.

use bytes::Bytes;
use serde_json::Value;
use thinkstream::{Decoder, Event, Protocol};

pub(crate) fn check(data: &[u8]) {
    let Some((script, _)) = super::cut(data) else { return };
    let Some((template, edits)) = script.split_first() else { return };
    let mut delta = TEMPLATES[usize::from(*template) % TEMPLATES.len()].as_bytes().to_vec();
    edits.chunks_exact(3).for_each(|edit| apply(&mut delta, edit));
    // A line end would end the data.
    if delta.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return;
    }
    let frame = [b"event: content_block_delta\ndata: ", &delta[..], b"\n\n"].concat();
    let whole = texts(&[&frame]);
    // The widths that `data` begins with cut the frame.
    let widths = &data[..data.len() - script.len()];
    let chunks = super::cut_by(&frame, &widths[1..]);
    assert_eq!(texts(&chunks), whole, "{}", String::from_utf8_lossy(&delta));
    match expected(&delta) {
        Expected::Text(index, text) => {
            let given: Vec<_> =
                (index == 1 || !text.is_empty()).then_some((index, text)).into_iter().collect();
            assert_eq!(whole, given, "{}", String::from_utf8_lossy(&delta));
        }
        Expected::Nothing => {
            assert_eq!(whole, [], "{}", String::from_utf8_lossy(&delta));
        }
        Expected::Anything => {}
    }
}

/// Replaces, inserts or removes at a place.
fn apply(delta: &mut Vec<u8>, edit: &[u8]) {
    let &[at, action, byte] = edit else { return };
    let at = usize::from(at) % delta.len().max(1);
    match action % 4 {
        0 if at < delta.len() => delta[at] = byte,
        1 if at < delta.len() => drop(delta.remove(at)),
        2 => delta.insert(at, byte),
        _ => {
            let piece = PIECES[usize::from(byte) % PIECES.len()];
            delta.splice(at..at, piece.bytes());
        }
    }
}

enum Expected {
    Text(u64, String),
    Nothing,
    /// `serde_json` is no judge of it: half of a surrogate pair, a key given twice.
    Anything,
}

fn expected(delta: &[u8]) -> Expected {
    if serde_json::from_slice::<serde::de::IgnoredAny>(delta).is_err() {
        return Expected::Nothing;
    }
    let Ok(value) = serde_json::from_slice::<Value>(delta) else { return Expected::Anything };
    let keys =
        ["\"type\"", "\"index\"", "\"delta\"", "\"text\"", "\"thinking\"", "\"partial_json\""];
    let text = String::from_utf8_lossy(delta);
    let twice =
        keys.iter().any(|key| text.matches(key).count() > 1 + usize::from(*key == "\"type\""));
    if twice || text.contains("\\u00") || value["type"] != "content_block_delta" {
        return Expected::Anything;
    }
    let Some(index) = value["index"].as_u64() else { return Expected::Anything };
    let (kind, field) = match index {
        0 => ("text_delta", "text"),
        1 => ("thinking_delta", "thinking"),
        2 => ("input_json_delta", "partial_json"),
        _ => return Expected::Nothing,
    };
    match (&value["delta"]["type"], &value["delta"][field]) {
        (Value::String(found), Value::String(text)) if found == kind => {
            Expected::Text(index, text.clone())
        }
        _ => Expected::Anything,
    }
}

/// The texts that a frame gives, in a message with a block of each kind.
fn texts(chunks: &[&[u8]]) -> Vec<(u64, String)> {
    let mut decoder = Decoder::new(Protocol::Anthropic);
    let mut texts = Vec::new();
    for chunk in [OPEN.as_bytes()].iter().chain(chunks) {
        let mut chunk = Bytes::copy_from_slice(chunk);
        while let Ok(Some(event)) = decoder.decode(&mut chunk) {
            let (index, text) = match event {
                Event::Token(token) => (token.index, token.text),
                Event::Thinking(thinking) => (thinking.index, thinking.text),
                Event::ToolInput(input) => (input.index, input.partial_json),
                _ => continue,
            };
            texts.push((index.into(), text.into()));
        }
    }
    texts
}

const OPEN: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\"}}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"n\",\"input\":{}}}\n\n",
);

const TEMPLATES: &[&str] = &[
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}       }"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a \"line\"\nof more than thirty-two bytes"}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\u65e5\u672c\u8a9e \ud83d\ude00"}  }"#,
    r#"{"type":"content_block_delta","index":1,"delta":{"type":"thinking_delta","thinking":"Grüße aus Zürich, 日本語"}}"#,
    r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\": \"b\""}   }"#,
    r#"{"type": "content_block_delta", "index": 0, "delta": {"text": "Hello", "type": "text_delta"}}"#,
    r#"{"index":1,"delta":{"thinking":"x","estimated_tokens":3,"type":"thinking_delta"},"type":"content_block_delta"}"#,
];

const PIECES: &[&str] = &[
    "\\n",
    "\\\"",
    "\\\\",
    "\\/",
    "\\u65e5",
    "\\ud83d",
    "\\ude00",
    "\\ud83d\\ude00",
    "\\x",
    " ",
    "   ",
    "\"",
    "}",
    "é",
    "日本",
    "\u{7f}",
    ",\"x\":1",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "0",
    "null",
    "[",
    "\\u0",
];
