//! Streams with the proportions of real traffic, from a seed.
//!
//! What a decoder costs depends on what a branch predictor can learn: on 2,000 events repeated, the
//! lengths, paddings and escapes are known by heart. So these streams do not repeat, and their lengths
//! follow the quantiles of recorded traffic.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use fastrand::Rng;

/// A stream, and how many events it has.
#[derive(Clone)]
pub(crate) struct Traffic {
    pub(crate) bytes: Bytes,
    pub(crate) events: u64,
}

/// How a stream is cut into chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunks {
    Whole,
    Of(usize),
    /// One event a chunk, as servers flush them.
    Event,
}

impl Chunks {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Whole => "whole".into(),
            Self::Of(bytes) => format!("{bytes} B"),
            Self::Event => "event".into(),
        }
    }
}

impl Traffic {
    fn new(text: String) -> Self {
        let events = text.matches("\n\n").count().try_into().unwrap();
        Self { bytes: text.into(), events }
    }

    /// Views of the stream, which share it.
    pub(crate) fn cut(&self, chunks: Chunks) -> Vec<Bytes> {
        match chunks {
            Chunks::Whole => vec![self.bytes.clone()],
            Chunks::Of(len) => {
                self.bytes.chunks(len).map(|part| self.bytes.slice_ref(part)).collect()
            }
            Chunks::Event => {
                let mut from = 0;
                let ends = memchr::memmem::find_iter(&self.bytes, "\n\n").map(|at| at + 2);
                ends.map(|end| self.bytes.slice(std::mem::replace(&mut from, end)..end)).collect()
            }
        }
    }
}

/// What the deltas of a stream hold.
#[derive(Clone, Copy)]
struct Kind {
    block: &'static str,
    delta: &'static str,
    field: &'static str,
    /// The 0th, 50th, 75th, 90th, 99th and 100th percentile of the strings' lengths, in bytes.
    lengths: [usize; 6],
    /// How many of a hundred strings have an escape.
    escaped: u32,
    escape: Escape,
}

#[derive(Clone, Copy)]
enum Escape {
    /// Line feeds and quotes, as in prose.
    Prose,
    /// Quotes, as in JSON inside JSON.
    Quotes,
    /// Every character as `\uXXXX`.
    Code,
}

const TEXT: Kind = Kind {
    block: r#"{"type":"text","text":""}"#,
    delta: "text_delta",
    field: "text",
    lengths: [1, 9, 17, 30, 91, 197],
    escaped: 18,
    escape: Escape::Prose,
};
const CHAT: Kind = Kind { escaped: 6, ..TEXT };
const THINKING: Kind = Kind {
    block: r#"{"type":"thinking","thinking":"","signature":""}"#,
    delta: "thinking_delta",
    field: "thinking",
    lengths: [1, 9, 16, 25, 85, 258],
    escaped: 20,
    escape: Escape::Prose,
};
const INPUT: Kind = Kind {
    block: r#"{"type":"tool_use","id":"toolu_01GkWnLJcAaXg8xPkmQjs8rQ","name":"edit_file","input":{}}"#,
    delta: "input_json_delta",
    field: "partial_json",
    lengths: [1, 6, 8, 11, 24, 28],
    escaped: 46,
    escape: Escape::Quotes,
};

/// What a coding agent receives: thinking with its signature, text, tool calls.
pub(crate) fn mix(deltas: u64) -> Traffic {
    let mut stream = Stream::new(0x7415);
    // In recorded traffic 48 of 100 deltas are text, 27 thinking, 24 the input of tools. Their
    // escapes come to 25 of 100; short texts of one byte have none, which makes it 22.
    stream.blocks(deltas, &[(THINKING, 270), (TEXT, 480), (INPUT, 120), (INPUT, 120)]);
    stream.end()
}

/// Answers without thinking or tools.
pub(crate) fn chat(deltas: u64) -> Traffic {
    let mut stream = Stream::new(0xc4a7);
    stream.blocks(deltas, &[(CHAT, 500)]);
    stream.end()
}

/// Short answers, each another, for many streams at once.
pub(crate) fn replies(count: u64) -> Vec<Traffic> {
    let reply = |seed| {
        let mut stream = Stream::new(seed);
        let deltas = stream.rng.u64(30..=50);
        stream.blocks(deltas, &[(CHAT, 500)]);
        stream.end()
    };
    (0..count).map(reply).collect()
}

/// Calls of tools that write code: half of the fragments have escapes.
pub(crate) fn tools(deltas: u64) -> Traffic {
    let mut stream = Stream::new(0x70015);
    let code = Kind { lengths: [4, 14, 18, 25, 40, 60], escaped: 55, ..INPUT };
    stream.blocks(deltas, &[(code, 800)]);
    stream.end()
}

/// Text from a server that writes what is not ASCII as `\uXXXX`: every second delta is all of that.
pub(crate) fn unicode(deltas: u64) -> Traffic {
    let mut stream = Stream::new(0xc0de);
    let code = Kind { escaped: 50, escape: Escape::Code, lengths: [2, 8, 12, 16, 24, 30], ..TEXT };
    stream.blocks(deltas, &[(code, 500)]);
    stream.end()
}

/// Search results that arrive whole, 64 KiB to 1 MiB each.
pub(crate) fn large(results: u64) -> Traffic {
    let mut stream = Stream::new(0x1a46e);
    for _ in 0..results {
        let len = stream.rng.usize(64 << 10..1 << 20);
        let mut pages = String::with_capacity(len);
        while pages.len() < len {
            let page = stream.opaque(900);
            let comma = if pages.is_empty() { "" } else { "," };
            pages += &format!(
                r#"{comma}{{"type":"web_search_result","title":"A page","url":"https://example.org/a","encrypted_content":"{page}","page_age":null}}"#
            );
        }
        stream.start(&format!(
            r#"{{"type":"web_search_tool_result","tool_use_id":"srvtoolu_01Gk","content":[{pages}]}}"#
        ));
        stream.stop();
    }
    stream.end()
}

/// A connection that is mostly kept alive: comments and pings.
pub(crate) fn keep_alives(count: usize) -> Traffic {
    let ping = "event: ping\ndata: {\"type\": \"ping\"}\n\n";
    Traffic::new([": keep-alive\n\n", ping].repeat(count / 2).concat())
}

/// Streams of about so many bytes that are mostly one thing: what would show work that is not linear.
pub(crate) fn shape(name: &str, bytes: usize) -> Option<Traffic> {
    let mut stream = Stream::new(1);
    let part = |part: &str| part.repeat(bytes / part.len());
    match name {
        "one-line" => {
            // Below the power of two with all that is around it, where buffers double.
            let text = "x".repeat(bytes - 1024);
            stream.start(&format!(r#"{{"type":"text","text":"{text}"}}"#));
        }
        "many-lines" => stream.text += &format!("data: [0\n{}data: ]\n\n", part("data: ,1\n")),
        "many-events" => stream.text += &part("event: novel\ndata: {\"type\":\"novel\"}\n\n"),
        "one-tool-input" => {
            stream.start(INPUT.block);
            while stream.text.len() < bytes {
                stream.delta(INPUT.delta, INPUT.field, "x = [1, 2]");
            }
        }
        "many-blocks" => {
            while stream.text.len() < bytes {
                stream.start(TEXT.block);
                stream.stop();
            }
        }
        "comments" => stream.text += &part(": still here\n"),
        _ => return None,
    }
    Some(Traffic { bytes: stream.text.into(), events: 1 })
}

/// Recorded streams of the provider in the pieces in which they were received, or one event a piece
/// where that is not known. None without the folder that `THINKSTREAM_CORPUS` names.
pub(crate) fn captured() -> Vec<Vec<Bytes>> {
    let Some(corpus) = std::env::var_os("THINKSTREAM_CORPUS").map(PathBuf::from) else {
        eprintln!("skipped: THINKSTREAM_CORPUS names no folder");
        return Vec::new();
    };
    let index = std::fs::read_to_string(corpus.join("INDEX.tsv")).unwrap();
    let rows = index.lines().map(|row| row.split('\t').collect::<Vec<_>>());
    let captured = rows.filter(|row| row[1..4] == ["anthropic", "raw", "captured"]);
    captured.map(|row| recorded(&corpus.join(row[0]))).collect()
}

fn recorded(path: &Path) -> Vec<Bytes> {
    let stream = Traffic::new(std::fs::read_to_string(path).unwrap());
    let Ok(lengths) = std::fs::read_to_string(path.with_extension("sse.chunks")) else {
        return stream.cut(Chunks::Event);
    };
    let mut rest = stream.bytes;
    lengths.lines().map(|len| rest.split_to(len.parse().unwrap())).collect()
}

struct Stream {
    rng: Rng,
    text: String,
    index: u32,
}

impl Stream {
    fn new(seed: u64) -> Self {
        let mut stream = Self { rng: Rng::with_seed(seed), text: String::new(), index: 0 };
        stream.event(
            "message_start",
            r#"{"type":"message_start","message":{"model":"claude-x","id":"msg_01","type":"message","role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1,"service_tier":"standard"}}"#,
        );
        stream
    }

    fn end(mut self) -> Traffic {
        self.event(
            "message_delta",
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"input_tokens":9,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":12345}"#,
        );
        self.event("message_stop", r#"{"type":"message_stop""#);
        Traffic::new(self.text)
    }

    /// Blocks of these kinds in turn, of about so many deltas each.
    fn blocks(&mut self, deltas: u64, turn: &[(Kind, u64)]) {
        let mut left = deltas;
        for (kind, mean) in turn.iter().cycle() {
            self.start(kind.block);
            for at in 0..self.rng.u64(mean / 2..mean * 3 / 2).min(left) {
                // The first fragment of a tool's input is empty.
                let first = at == 0 && kind.field == INPUT.field;
                let string = if first { String::new() } else { self.string(*kind) };
                self.delta(kind.delta, kind.field, &string);
                left -= 1;
            }
            if kind.field == THINKING.field {
                let signature = self.opaque(504);
                self.delta("signature_delta", "signature", &signature);
            }
            self.stop();
            if left == 0 {
                return;
            }
        }
    }

    /// An event whose data lacks its last brace, with the padding before it.
    fn event(&mut self, name: &str, data: &str) {
        let padding = self.rng.usize(..16);
        self.text += &format!("event: {name}\ndata: {data}{:padding$}}}\n\n", "");
    }

    fn delta(&mut self, kind: &str, field: &str, string: &str) {
        let index = self.index;
        let data = format!(
            r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"{kind}","{field}":"{string}"}}"#
        );
        self.event("content_block_delta", &data);
    }

    fn start(&mut self, block: &str) {
        let index = self.index;
        let data =
            format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}"#);
        self.event("content_block_start", &data);
    }

    fn stop(&mut self) {
        let index = self.index;
        self.event(
            "content_block_stop",
            &format!(r#"{{"type":"content_block_stop","index":{index}"#),
        );
        self.index += 1;
    }

    /// What is opaque: a signature, an encrypted page.
    fn opaque(&mut self, len: usize) -> String {
        std::iter::repeat_with(|| self.rng.alphanumeric()).take(len).collect()
    }

    /// The inside of a JSON string.
    fn string(&mut self, kind: Kind) -> String {
        let len = self.length(kind.lengths);
        let escaped = len > 1 && self.rng.u32(..100) < kind.escaped;
        if escaped && matches!(kind.escape, Escape::Code) {
            return (0..len).map(|_| format!("\\u{:04x}", self.rng.u32(0x4e00..0x9fff))).collect();
        }
        let mut string = String::with_capacity(len + 8);
        let raw = kind.field != INPUT.field && self.rng.u32(..100) < 4;
        while string.len() < len {
            let word = if raw { ["Größe", "naïve", "思考"] } else { ["of", "the", "thinks"] };
            string += word[self.rng.usize(..3)];
            string.push([' ', ' ', ',', '.'][self.rng.usize(..4)]);
        }
        let end = (0..=len).rfind(|at| string.is_char_boundary(*at)).unwrap();
        string.truncate(end);
        if escaped {
            self.escape(&mut string, kind.escape);
        }
        string
    }

    /// Puts two escapes in.
    fn escape(&mut self, string: &mut String, escape: Escape) {
        for _ in 0..2 {
            let mut at = self.rng.usize(..=string.len());
            while !string.is_char_boundary(at) || string[..at].ends_with('\\') {
                at -= 1;
            }
            string.insert_str(
                at,
                match escape {
                    Escape::Quotes => "\\\"",
                    _ => ["\\n", "\\n", "\\\""][self.rng.usize(..3)],
                },
            );
        }
    }

    /// A length by its percentiles, linear between them.
    fn length(&mut self, lengths: [usize; 6]) -> usize {
        let rank = self.rng.f64();
        let ranks = [0.0, 0.5, 0.75, 0.9, 0.99, 1.0];
        let at = ranks.iter().rposition(|from| rank >= *from).unwrap().min(4);
        let part = (rank - ranks[at]) / (ranks[at + 1] - ranks[at]);
        lengths[at] + ((lengths[at + 1] - lengths[at]) as f64 * part) as usize
    }
}
