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

/// As `OpenAI`'s models write: a token a delta.
const TOKEN: Kind = Kind {
    block: "",
    delta: "",
    field: "delta",
    lengths: [1, 3, 5, 8, 48, 96],
    // Of those that are long enough; it comes to 8 of 100.
    escaped: 11,
    escape: Escape::Prose,
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

/// An answer of `OpenAI`'s Chat Completions API, as it is written since 2026.
pub(crate) fn openai_chat(deltas: u64) -> Traffic {
    let mut stream = Stream::empty(0xca7);
    stream.chunk(
        r#"[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}]"#,
        "null",
        0,
    );
    for _ in 0..deltas {
        let text = stream.string(TOKEN);
        let choices =
            format!(r#"[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}]"#);
        stream.chunk(&choices, "null", text.len());
    }
    stream.chunk(r#"[{"index":0,"delta":{},"finish_reason":"stop"}]"#, "null", 0);
    stream.chunk(
        "[]",
        r#"{"prompt_tokens":413,"completion_tokens":12345,"total_tokens":12758,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#,
        0,
    );
    stream.text += "data: [DONE]\n\n";
    Traffic::new(stream.text)
}

/// An answer of `OpenAI`'s Responses API, as it is written since 2026: messages of some 500 deltas, whose
/// text is said three times more. The end says only the first of them again, so that it is no larger than
/// that of a real reply: a decoder that looks at a line anew with every chunk would do little else.
pub(crate) fn openai_responses(deltas: u64) -> Traffic {
    let mut stream = Stream::empty(0x4e5);
    let response = |status: &str, output: &str, usage: &str| {
        format!(
            r#""response":{{"id":"resp_09996c2ef8345c4f0169fb7c6ddb80819e98abd0ed25adca8a","object":"response","created_at":1778089069,"status":"{status}","background":false,"completed_at":null,"error":null,"frequency_penalty":0.0,"incomplete_details":null,"instructions":null,"max_output_tokens":null,"max_tool_calls":null,"model":"gpt-5.4-2026-03-05","output":[{output}],"parallel_tool_calls":true,"presence_penalty":0.0,"previous_response_id":null,"prompt_cache_key":null,"prompt_cache_retention":"in_memory","reasoning":{{"effort":"none","summary":null}},"safety_identifier":null,"service_tier":"priority","store":false,"temperature":1.0,"text":{{"format":{{"type":"text"}},"verbosity":"medium"}},"tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":0.98,"truncation":"disabled","usage":{usage},"user":null,"metadata":{{}}}}"#
        )
    };
    let begun = response("in_progress", "", "null");
    stream.numbered("response.created", &begun);
    stream.numbered("response.in_progress", &begun);
    let mut output = String::new();
    let mut left = deltas;
    while left > 0 {
        let index = stream.index;
        stream.index += 1;
        let id = format!("msg_09996c2ef8345c4f0169fb7c6e3c40819ea4f4339a{index:08x}");
        let item = |status: &str, content: &str| {
            format!(
                r#"{{"id":"{id}","type":"message","status":"{status}","content":[{content}],"phase":"final_answer","role":"assistant"}}"#
            )
        };
        let part = |text: &str| {
            format!(r#"{{"type":"output_text","annotations":[],"logprobs":[],"text":"{text}"}}"#)
        };
        let place = format!(r#""item_id":"{id}","output_index":{index}"#);
        let begun = item("in_progress", "");
        stream.numbered(
            "response.output_item.added",
            &format!(r#""item":{begun},"output_index":{index}"#),
        );
        let begun = part("");
        stream.numbered(
            "response.content_part.added",
            &format!(r#""content_index":0,{place},"part":{begun}"#),
        );
        let mut whole = String::new();
        for _ in 0..stream.rng.u64(250..750).min(left) {
            let text = stream.string(TOKEN);
            whole += &text;
            let padding = stream.obfuscation(text.len());
            stream.numbered(
                "response.output_text.delta",
                &format!(
                    r#""content_index":0,"delta":"{text}","item_id":"{id}","logprobs":[],"obfuscation":"{padding}","output_index":{index}"#
                ),
            );
            left -= 1;
        }
        let done = part(&whole);
        let closed = item("completed", &done);
        stream.numbered(
            "response.output_text.done",
            &format!(
                r#""content_index":0,"item_id":"{id}","logprobs":[],"output_index":{index},"text":"{whole}""#
            ),
        );
        stream.numbered(
            "response.content_part.done",
            &format!(r#""content_index":0,{place},"part":{done}"#),
        );
        stream.numbered(
            "response.output_item.done",
            &format!(r#""item":{closed},"output_index":{index}"#),
        );
        if index == 0 {
            output = closed;
        }
    }
    let usage = r#"{"input_tokens":413,"input_tokens_details":{"cached_tokens":0},"output_tokens":12345,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":12758}"#;
    stream.numbered("response.completed", &response("completed", &output, usage));
    Traffic::new(stream.text)
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
        // As if it never ended: what is linear is what is said on the way.
        "chat-text" => {
            let chunk = r#"{"id":"c","choices":[{"index":0,"delta":{"content":"four"}}]}"#;
            return Some(Traffic::new(part(&format!("data: {chunk}\n\n"))));
        }
        "chat-input" => {
            let call = r#"{"index":0,"id":"call_1","function":{"name":"look"}}"#;
            let first = format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{call}]}}}}]}}"#);
            let call = r#"{"index":0,"function":{"arguments":"four"}}"#;
            let more = format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{call}]}}}}]}}"#);
            let more = part(&format!("data: {more}\n\n"));
            return Some(Traffic::new(format!("data: {first}\n\n{more}")));
        }
        "responses-text" => {
            let delta = r#"{"type":"response.output_text.delta","output_index":0,"delta":"four"}"#;
            return Some(Traffic::new(part(&format!("data: {delta}\n\n"))));
        }
        "chat-extra" => {
            let extra = |extra: &str| {
                let delta = format!(r#"{{"content":"four","extra_content":{extra}}}"#);
                format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n")
            };
            let keys: String = (0..bytes / 200).map(|key| format!(r#""k{key}":1,"#)).collect();
            let signed = format!(r#"{{{keys}"google":{{"thought_signature":"s"}}}}"#);
            let more = part(&extra("{}"));
            return Some(Traffic::new(format!("{}{more}", extra(&signed))));
        }
        // Its items are said at the end alone. They are so long that there are fewer than the limit of blocks.
        "responses-output" => {
            let text = "four".repeat(50);
            let item = format!(
                r#"{{"type":"message","content":[{{"type":"output_text","text":"{text}"}}]}}"#
            );
            let items = part(&format!("{item},"));
            let response = format!(r#"{{"status":"completed","output":[{items}{item}]}}"#);
            let end = format!(r#"{{"type":"response.completed","response":{response}}}"#);
            return Some(Traffic::new(format!("data: {end}\n\n")));
        }
        _ => return None,
    }
    Some(Traffic { bytes: stream.text.into(), events: 1 })
}

/// Recorded streams of the provider in the pieces in which they were received, or one event a piece
/// where that is not known. None without the folder that `THINKSTREAM_CORPUS` names.
pub(crate) fn captured() -> Vec<Vec<Bytes>> {
    let streams = captured_files("anthropic").into_iter().map(|path| {
        let stream = Traffic::new(std::fs::read_to_string(&path).unwrap());
        pieces(&path, &stream.bytes).unwrap_or_else(|| stream.cut(Chunks::Event))
    });
    streams.collect()
}

/// The same of one that others imitate, with their names: not all of those end their lines alike, or
/// their last event at all.
pub(crate) fn captured_from(provider: &str) -> Vec<(String, Vec<Bytes>)> {
    let streams = captured_files(provider).into_iter().map(|path| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let stream = Bytes::from(std::fs::read(&path).unwrap());
        (name, pieces(&path, &stream).unwrap_or_else(|| frames(stream)))
    });
    streams.collect()
}

fn captured_files(provider: &str) -> Vec<PathBuf> {
    let Some(corpus) = std::env::var_os("THINKSTREAM_CORPUS").map(PathBuf::from) else {
        eprintln!("skipped: THINKSTREAM_CORPUS names no folder");
        return Vec::new();
    };
    let index = std::fs::read_to_string(corpus.join("INDEX.tsv")).unwrap();
    let rows = index.lines().map(|row| row.split('\t').collect::<Vec<_>>());
    let captured = rows.filter(|row| row[1..4] == [provider, "raw", "captured"]);
    captured.map(|row| corpus.join(row[0])).collect()
}

/// The stream in the pieces in which it was received, if they are known.
fn pieces(path: &Path, stream: &Bytes) -> Option<Vec<Bytes>> {
    let lengths = std::fs::read_to_string(path.with_extension("sse.chunks")).ok()?;
    let mut rest = stream.clone();
    Some(lengths.lines().map(|len| rest.split_to(len.parse().unwrap())).collect())
}

/// A piece for each event, whose lines end in any way, and what follows the last.
fn frames(mut stream: Bytes) -> Vec<Bytes> {
    let mut frames = Vec::new();
    let (mut from, mut line) = (0, 0);
    let whole = stream.clone();
    for end in memchr::memchr_iter(b'\n', &whole) {
        if matches!(&whole[line..end], b"" | b"\r") {
            frames.push(stream.split_to(end + 1 - from));
            from = end + 1;
        }
        line = end + 1;
    }
    frames.push(stream);
    frames.retain(|frame| !frame.is_empty());
    frames
}

struct Stream {
    rng: Rng,
    text: String,
    index: u32,
    number: u32,
}

impl Stream {
    fn empty(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed), text: String::new(), index: 0, number: 0 }
    }

    fn new(seed: u64) -> Self {
        let mut stream = Self::empty(seed);
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

    /// A chunk of a chat, with a text of such a length in it.
    fn chunk(&mut self, choices: &str, usage: &str, text: usize) {
        let padding = self.obfuscation(text);
        self.text += &format!(
            concat!(
                r#"data: {{"id":"chatcmpl-DyctgRbfAABvPLoChYs62jdgofkHY","object":"chat.completion.chunk","#,
                r#""created":1783341572,"model":"gpt-5.4-mini-2026-03-17","service_tier":"default","#,
                r#""system_fingerprint":null,"choices":{},"usage":{},"obfuscation":"{}"}}"#,
                "\n\n"
            ),
            choices, usage, padding
        );
    }

    /// An event of a response.
    fn numbered(&mut self, name: &str, fields: &str) {
        let number = self.number;
        self.number += 1;
        self.text += &format!(
            "event: {name}\ndata: {{\"type\":\"{name}\",{fields},\"sequence_number\":{number}}}\n\n"
        );
    }

    /// What hides the length of a text: with it, it is a multiple of 16.
    fn obfuscation(&mut self, text: usize) -> String {
        self.opaque(text.next_multiple_of(16) - text)
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
