//! Events that the provider always writes alike, recognised as they stand.
//!
//! Of ten events that are no deltas six are one of these; reading them as JSON costs ten times as
//! much. What is not exactly this is read as JSON, and gives the same for what is.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::peek::index;
use super::{Block, ContentBlock, Event};
use crate::json::string::Str;

/// Reads the data of a frame of this `name`.
pub(super) fn read<'a>(name: &str, data: &'a [u8]) -> Option<Event<'a>> {
    match name {
        "content_block_stop" => {
            let (index, at) = index(data, data.strip_prefix(STOP).map(|_| STOP.len())?)?;
            ends(data, at).then_some(Event::ContentBlockStop { index: Some(index) })
        }
        "content_block_start" => {
            let (index, at) = index(data, data.strip_prefix(START).map(|_| START.len())?)?;
            let rest = data.get(at..)?.strip_prefix(BLOCK)?;
            let (raw, block) =
                BLOCKS.into_iter().find(|(raw, _)| rest.starts_with(raw.as_bytes()))?;
            let at = at.checked_add(BLOCK.len())?.checked_add(raw.len())?;
            let raw = core::str::from_utf8(rest.get(..raw.len())?).ok()?;
            let kind = if matches!(block, Block::Text { .. }) { "text" } else { "thinking" };
            let block = ContentBlock { kind: kind.into(), raw, other: Vec::new(), block };
            ends(data, at)
                .then(|| Event::ContentBlockStart { index: Some(index), block: Box::new(block) })
        }
        "message_stop" => (data.starts_with(MESSAGE_STOP) && ends(data, MESSAGE_STOP.len()))
            .then_some(Event::MessageStop),
        "ping" => PINGS.contains(&data).then_some(Event::Ping),
        _ => None,
    }
}

/// Whether nothing but padding and the last brace comes behind `at`.
fn ends(data: &[u8], at: usize) -> bool {
    let rest = data.get(at..).and_then(<[u8]>::split_last);
    rest.is_some_and(|(brace, padding)| *brace == b'}' && padding.iter().all(|byte| *byte == b' '))
}

const EMPTY: Str<'static> = Str::plain("");

const BLOCKS: [(&str, Block<'static>); 3] = [
    (r#"{"type":"text","text":""}"#, Block::Text { text: EMPTY, citations: None }),
    (
        r#"{"type":"thinking","thinking":"","signature":""}"#,
        Block::Thinking { thinking: EMPTY, signature: EMPTY },
    ),
    (r#"{"type":"thinking","thinking":""}"#, Block::Thinking { thinking: EMPTY, signature: EMPTY }),
];

const STOP: &[u8] = br#"{"type":"content_block_stop","index":"#;
const START: &[u8] = br#"{"type":"content_block_start","index":"#;
const BLOCK: &[u8] = br#","content_block":"#;
const MESSAGE_STOP: &[u8] = br#"{"type":"message_stop""#;
const PINGS: [&[u8]; 2] = [br#"{"type": "ping"}"#, br#"{"type":"ping"}"#];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::reader::Reader;
    use alloc::format;

    #[test]
    fn what_is_written_as_usual_is_known_and_means_what_it_says() {
        for (name, data, known) in [
            ("content_block_stop", r#"{"type":"content_block_stop","index":0}"#, true),
            ("content_block_stop", r#"{"type":"content_block_stop","index":12   }"#, true),
            ("content_block_stop", r#"{"type":"content_block_stop","index":0,"x":1}"#, false),
            ("content_block_stop", r#"{"type":"content_block_stop", "index":0}"#, false),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
                true,
            ),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":3,"content_block":{"type":"text","text":""}    }"#,
                true,
            ),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":1,"content_block":{"type":"thinking","thinking":""}}"#,
                true,
            ),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":1,"content_block":{"type":"thinking","thinking":"","signature":""} }"#,
                true,
            ),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"a"}}"#,
                false,
            ),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""},"x":1}"#,
                false,
            ),
            ("message_stop", r#"{"type":"message_stop"}"#, true),
            ("message_stop", r#"{"type":"message_stop"   }"#, true),
            ("message_stop", r#"{"type":"message_stop","x":1}"#, false),
            ("message_stop", r#"{"x":1234567890,  "type":"message_stop"}"#, false),
            ("ping", r#"{"type": "ping"}"#, true),
            ("ping", r#"{"type":"ping"}"#, true),
            ("ping", r#"{"type":"ping" }"#, false),
        ] {
            let event = read(name, data.as_bytes());
            assert_eq!(event.is_some(), known, "{data}");
            let general = Event::read(name, Reader::new(data), data, &mut None).unwrap();
            if let Some(event) = event {
                assert_eq!(format!("{event:?}"), format!("{general:?}"), "{data}");
            }
            assert!(read("", data.as_bytes()).is_none(), "{data}");
        }
    }

    #[test]
    fn what_is_damaged_is_not_known() {
        for (name, data) in [
            ("content_block_stop", r#"{"type":"content_block_stop","index":0"#),
            ("content_block_stop", r#"{"type":"content_block_stop","index":0 "#),
            ("content_block_stop", r#"{"type":"content_block_stop","index":0}}"#),
            ("content_block_stop", r#"{"type":"content_block_stop","index":}"#),
            ("message_stop", r#"{"type":"message_stop""#),
            ("message_stop", r#"{"type":"message_stop"}}"#),
            ("ping", r#"{"type":"ping""#),
        ] {
            assert!(read(name, data.as_bytes()).is_none(), "{data}");
        }
    }
}
