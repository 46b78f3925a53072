//! Events that the provider always writes alike, recognised as they stand.
//!
//! Of ten events that are no deltas seven are one of these; to frame them and to read them as JSON would be
//! work for nothing. What is not exactly this is read as JSON, and gives the same for what is.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

use super::peek::{index, padded, starts_with};
use super::{Block, ContentBlock, Event, ToolUse};
use crate::json::plain::plain;
use crate::json::string::Str;
use crate::message::ToolKind;

/// An event that was recognised.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known<'a> {
    BlockStart(u32, Start<'a>),
    BlockStop(u32),
    MessageStop,
    Ping,
}

/// A block that begins, in few bytes: they are moved more than once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start<'a> {
    raw: &'a str,
    what: What<'a>,
}

#[derive(Clone, Copy, Debug)]
enum What<'a> {
    Text,
    /// Text that is to be cited for.
    Cited,
    Thinking,
    /// A call, whose input is to come. All of it lies in the source, as what is kept of it must.
    Tool {
        kind: ToolKind,
        id: &'a str,
        name: &'a str,
        input: &'a str,
        caller: Option<&'a str>,
    },
}

impl<'a> Start<'a> {
    /// The block as the general path reads it.
    pub(crate) fn block(self) -> ContentBlock<'a> {
        const NOTHING: Str<'static> = Str::plain("");
        let (kind, block) = match self.what {
            What::Text => ("text", Block::Text { text: NOTHING, citations: None }),
            What::Cited => {
                let citations = self.raw.get(CITATIONS.len()..CITATIONS.len().saturating_add(2));
                ("text", Block::Text { text: NOTHING, citations })
            }
            What::Thinking => {
                ("thinking", Block::Thinking { thinking: NOTHING, signature: NOTHING })
            }
            What::Tool { kind, id, name, input, caller } => {
                let (id, name, input) = (Str::plain(id), Str::plain(name), Some(input));
                let tool = ToolUse {
                    kind,
                    id,
                    name,
                    input,
                    server_name: None,
                    caller,
                    toolset_name: None,
                };
                (kind.block_type(), Block::ToolUse(tool))
            }
        };
        ContentBlock { kind: kind.into(), raw: self.raw, other: Vec::new(), block }
    }
}

/// A frame that was recognised.
#[derive(Debug)]
pub(crate) struct KnownFrame<'a> {
    pub(crate) name: &'static str,
    pub(crate) event: Known<'a>,
    /// Where its data lies.
    pub(crate) data: Range<usize>,
    /// Its length, blank line included.
    pub(crate) len: usize,
}

/// Recognises the frame at the front of `input`.
pub(crate) fn frame(input: &[u8]) -> Option<KnownFrame<'_>> {
    const END: &[u8; 3] = b"}\n\n";
    let rest = input.strip_prefix(b"event: ")?;
    // Two bytes tell them apart; then all of them is compared.
    let (name, (event, len)) = match (rest.first()?, rest.get(16)?) {
        (b'c', b'o') => {
            let data = rest.strip_prefix(b"content_block_stop\ndata: ")?;
            ("content_block_stop", block_stop(data, END)?)
        }
        (b'c', b'a') => {
            let data = rest.strip_prefix(b"content_block_start\ndata: ")?;
            ("content_block_start", block_start(data, END)?)
        }
        (b'm', _) => {
            let data = rest.strip_prefix(b"message_stop\ndata: ")?;
            ("message_stop", message_stop(data, END)?)
        }
        (b'p', _) => ("ping", ping(rest.strip_prefix(b"ping\ndata: ")?, END)?),
        _ => return None,
    };
    let start = name.len().checked_add(b"event: \ndata: ".len())?;
    let len = start.checked_add(len)?;
    // Two line ends are no data.
    Some(KnownFrame { name, event, data: start..len.checked_sub(2)?, len })
}

/// Reads the data of a frame of this `name`.
pub(super) fn read<'a>(name: &str, data: &'a [u8]) -> Option<Event<'a>> {
    let (event, len) = match name {
        "content_block_stop" => block_stop(data, b"}")?,
        "content_block_start" => block_start(data, b"}")?,
        "message_stop" => message_stop(data, b"}")?,
        "ping" => ping(data, b"}")?,
        _ => return None,
    };
    (len == data.len()).then(|| self::event(event))
}

/// What the general path makes of it.
fn event(known: Known<'_>) -> Event<'_> {
    match known {
        Known::BlockStart(index, start) => {
            Event::ContentBlockStart { index: Some(index), block: Box::new(start.block()) }
        }
        Known::BlockStop(index) => Event::ContentBlockStop { index: Some(index) },
        Known::MessageStop => Event::MessageStop(None),
        Known::Ping => Event::Ping,
    }
}

// Each recognises its event at the front of `data`, up to and with its `end`, and says how long it is.

fn block_stop<'a, const N: usize>(data: &[u8], end: &[u8; N]) -> Option<(Known<'a>, usize)> {
    const START: &[u8; 37] = br#"{"type":"content_block_stop","index":"#;
    if !starts_with(data, START) {
        return None;
    }
    let (index, at) = index(data, START.len())?;
    Some((Known::BlockStop(index), padded(data, at, end)?))
}

fn block_start<'a, const N: usize>(data: &'a [u8], end: &[u8; N]) -> Option<(Known<'a>, usize)> {
    const START: &[u8; 38] = br#"{"type":"content_block_start","index":"#;
    if !starts_with(data, START) {
        return None;
    }
    let (index, at) = index(data, START.len())?;
    let rest = data.get(at..)?.strip_prefix(BLOCK)?;
    let at = at.checked_add(BLOCK.len())?;
    let (what, len) = empty(rest).or_else(|| tool(rest))?;
    let raw = core::str::from_utf8(rest.get(..len)?).ok()?;
    let len = padded(data, at.checked_add(len)?, end)?;
    Some((Known::BlockStart(index, Start { raw, what }), len))
}

fn message_stop<'a, const N: usize>(data: &[u8], end: &[u8; N]) -> Option<(Known<'a>, usize)> {
    const STOP: &[u8] = br#"{"type":"message_stop""#;
    data.strip_prefix(STOP)?;
    Some((Known::MessageStop, padded(data, STOP.len(), end)?))
}

fn ping<'a, const N: usize>(data: &[u8], end: &[u8; N]) -> Option<(Known<'a>, usize)> {
    const SPACED: &[u8] = br#"{"type": "ping""#;
    const CLOSE: &[u8] = br#"{"type":"ping""#;
    let at = if data.starts_with(SPACED) { SPACED.len() } else { after(data, 0, CLOSE)? };
    // The shortest is too short to be looked at for padding.
    let len = after(data, at, end).or_else(|| padded(data, at, end))?;
    Some((Known::Ping, len))
}

/// The block at the front of `rest`, if it is one that begins with nothing in it, and its length.
fn empty<'a>(rest: &[u8]) -> Option<(What<'a>, usize)> {
    let (raw, what) = EMPTY.iter().find(|(raw, _)| rest.starts_with(raw))?;
    Some((*what, raw.len()))
}

/// The call at the front of `rest`, if its input is to come, and its length.
fn tool(rest: &[u8]) -> Option<(What<'_>, usize)> {
    let mut tools = TOOLS.iter();
    let (kind, opening) = tools.find(|(_, opening)| rest.starts_with(opening))?;
    let id = string(rest, opening.len())?;
    let name = string(rest, after(rest, id.end, br#"","name":""#)?)?;
    let input = after(rest, name.end, br#"","input":"#)?;
    let at = after(rest, input, b"{}")?;
    let caller = after(rest, at, br#","caller":"#);
    let end = caller.map_or(Some(at), |caller| after(rest, caller, br#"{"type":"direct"}"#))?;
    let part = |range: Range<usize>| core::str::from_utf8(rest.get(range)?).ok();
    let what = What::Tool {
        kind: *kind,
        id: part(id)?,
        name: part(name)?,
        input: part(input..at)?,
        caller: caller.and_then(|caller| part(caller..end)),
    };
    Some((what, after(rest, end, b"}")?))
}

/// Where the string without escapes lies that begins at `from`, behind its quote.
fn string(rest: &[u8], from: usize) -> Option<Range<usize>> {
    let end = from.checked_add(plain(rest.get(from..)?))?;
    (*rest.get(end)? == b'"').then_some(from..end)
}

/// The place behind `what`, if that stands at `at`.
fn after(rest: &[u8], at: usize, what: &[u8]) -> Option<usize> {
    rest.get(at..)?.starts_with(what).then_some(at.checked_add(what.len())?)
}

const CITATIONS: &[u8] = br#"{"citations":"#;

const BLOCK: &[u8] = br#","content_block":"#;

const EMPTY: [(&[u8], What<'static>); 4] = [
    (br#"{"type":"text","text":""}"#, What::Text),
    (br#"{"citations":[],"type":"text","text":""}"#, What::Cited),
    (br#"{"type":"thinking","thinking":"","signature":""}"#, What::Thinking),
    (br#"{"type":"thinking","thinking":""}"#, What::Thinking),
];

const TOOLS: [(ToolKind, &[u8]); 2] = [
    (ToolKind::Client, br#"{"type":"tool_use","id":""#),
    (ToolKind::Server, br#"{"type":"server_tool_use","id":""#),
];

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
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":2,"content_block":{"citations":[],"type":"text","text":""} }"#,
                true,
            ),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":2,"content_block":{"citations":[{}],"type":"text","text":""} }"#,
                false,
            ),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_01","name":"lookup","input":{}}  }"#,
                true,
            ),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_01","name":"Gr\u00fc\u00dfe","input":{},"caller":{"type":"direct"}}}"#,
                false,
            ),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_01","name":"Größe","input":{},"caller":{"type":"direct"}}}"#,
                true,
            ),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":10,"content_block":{"type":"server_tool_use","id":"","name":"","input":{}}}"#,
                true,
            ),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":1,"content_block":{"type":"mcp_tool_use","id":"a","name":"b","input":{}}}"#,
                false,
            ),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"a","name":"b","input":{"c":1}}}"#,
                false,
            ),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"a","name":"b","input":{},"caller":{"type":"other"}}}"#,
                false,
            ),
            ("message_stop", r#"{"type":"message_stop"}"#, true),
            ("message_stop", r#"{"type":"message_stop"   }"#, true),
            ("message_stop", r#"{"type":"message_stop","x":1}"#, false),
            ("message_stop", r#"{"x":1234567890,  "type":"message_stop"}"#, false),
            ("ping", r#"{"type": "ping"}"#, true),
            ("ping", r#"{"type":"ping"}"#, true),
            ("ping", r#"{"type":"ping" }"#, true),
            ("ping", r#"{"type":"ping","cost":"0"}"#, false),
            ("ping", r#"{"type":  "ping"}"#, false),
        ] {
            let event = read(name, data.as_bytes());
            assert_eq!(event.is_some(), known, "{data}");
            let general = Event::read(name, Reader::new(data), data, &mut None).unwrap();
            if let Some(event) = event {
                assert_eq!(format!("{event:?}"), format!("{general:?}"), "{data}");
            }
            assert!(read("", data.as_bytes()).is_none(), "{data}");
            framed(name, data, known);
        }
    }

    /// The same in its frame, with something behind it, cut anywhere, and with other line ends.
    fn framed(name: &str, data: &str, known: bool) {
        let frame = format!("event: {name}\ndata: {data}\n\n");
        let more = format!("{frame}event: ping\n");
        for input in [&frame, &more] {
            let found = super::frame(input.as_bytes());
            assert_eq!(found.is_some(), known, "{input:?}");
            let Some(found) = found else { continue };
            assert_eq!((found.name, found.len, &input[found.data]), (name, frame.len(), data));
            let read = read(name, data.as_bytes()).unwrap();
            assert_eq!(format!("{:?}", event(found.event)), format!("{read:?}"), "{input:?}");
        }
        for cut in 0..frame.len() {
            assert!(super::frame(&frame.as_bytes()[..cut]).is_none(), "{frame:?} {cut}");
        }
        for other in [
            frame.replace('\n', "\r\n"),
            frame.replace("event: ", "event:"),
            frame.replace("\ndata: ", "\ndata:"),
            frame.replace("\n\n", "\n"),
            frame.replace("\ndata: ", "x\ndata: "),
            format!("\n{frame}"),
        ] {
            let found = super::frame(other.as_bytes());
            assert!(found.is_none(), "{other:?}");
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
