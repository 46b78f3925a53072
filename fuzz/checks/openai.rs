//! The machines of the two APIs of `OpenAI`: any order of events, most of them well formed.

use std::collections::BTreeMap;

use thinkstream::{Block, Content, Decoder, Event, Limits, Message, Protocol, Rule};

use super::cut_by;
use super::pipe::{Decoded, decode, describe, promises};

/// The first byte says how the stream is cut; each of the others is an event.
pub(crate) fn check(data: &[u8]) {
    let Some((width, steps)) = data.split_first() else { return };
    let steps = &steps[..steps.len().min(200)];
    for (protocol, event) in [
        (Protocol::OpenAiResponses, response as fn(u8) -> String),
        (Protocol::OpenAiChat, chunk as fn(u8) -> String),
    ] {
        let stream: String = steps.iter().map(|step| event(*step)).collect();
        let small =
            Limits { event_bytes: 400, message_bytes: 500, tool_input_bytes: 20, blocks: 3 };
        for limits in [Limits::default(), small] {
            let new = || Decoder::new(protocol).limits(limits);
            let whole = decode(new(), &[stream.as_bytes()]);
            promises(&whole);
            said_is_kept(&whole);
            let cut = decode(new(), &cut_by(stream.as_bytes(), &[*width]));
            assert_eq!(describe(&cut), describe(&whole));
            promises(&decode(new().strict(true), &[stream.as_bytes()]));
        }
        let new = || Decoder::new(protocol);
        let kept = decode(new(), &[stream.as_bytes()]);
        let tapped = decode(new().accumulate(false), &[stream.as_bytes()]);
        assert_eq!(pieces(&tapped), pieces(&kept), "{stream}");
    }
}

/// What is handed out piece by piece, which needs nothing kept.
fn pieces((events, _): &Decoded) -> Vec<&Event> {
    let is_piece = |event: &&Event| {
        matches!(
            event,
            Event::Token(_) | Event::Thinking(_) | Event::ToolStart(_) | Event::ToolInput(_)
        )
    };
    events.iter().filter(is_piece).collect()
}

fn differs(event: &Event) -> bool {
    matches!(event, Event::Warning(warning) if warning.rule == Rule::DoneDiffers)
}

/// The text of every block is what the events said of it.
fn said_is_kept((events, error): &Decoded) {
    if events.iter().any(differs) {
        return;
    }
    let mut said = BTreeMap::<u32, String>::new();
    let mut calls = BTreeMap::<u32, u32>::new();
    for event in events {
        match event {
            Event::Token(token) => said.entry(token.index).or_default().push_str(&token.text),
            Event::Thinking(it) => said.entry(it.index).or_default().push_str(&it.text),
            Event::ToolInput(it) => said.entry(it.index).or_default().push_str(&it.partial_json),
            Event::ToolCall(call) => *calls.entry(call.index).or_default() += 1,
            _ => {}
        }
    }
    let (first, others) = match (events.last(), error) {
        (_, Some(error)) => (&error.partial().message, &error.partial().choices),
        (Some(Event::Complete(done)), None) => (&done.message, &done.choices),
        _ => return,
    };
    let blocks =
        || std::iter::once(first).chain(others).flat_map(|message: &Message| &message.content);
    let mut indexes: Vec<u32> = blocks().map(|block| block.index).collect();
    let all = indexes.len();
    indexes.sort_unstable();
    indexes.dedup();
    // An index that was used twice is two blocks.
    if indexes.len() < all {
        return;
    }
    // A limit that was passed is passed by what was just handed out.
    let limited = error.as_ref().is_some_and(|error| error.kind().name() == "limit");
    for block in blocks() {
        let said = said.get(&block.index).map_or("", String::as_str);
        if let Some(text) = text(block) {
            // Half of a character that may still come whole is shown by what stands for it.
            let shown = if block.complete { text.into() } else { text.replace('\u{fffd}', "") };
            let said = if block.complete { said.into() } else { said.replace('\u{fffd}', "") };
            let same = shown == said || mixed(block) && sorted(&shown) == sorted(&said);
            assert!(same || limited, "{block:?}: {said:?}");
        }
        assert!(calls.get(&block.index).is_none_or(|calls| *calls == 1), "{block:?}");
    }
}

/// Whether texts of different parts may stand in another order than they came in.
fn mixed(block: &Block) -> bool {
    match &block.content {
        Content::Text(text) => text.refusal,
        // The parts of a reasoning item; a chat has none, and names the field.
        Content::Thinking(thinking) => thinking.field.is_none(),
        _ => false,
    }
}

fn sorted(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.sort_unstable();
    bytes
}

fn text(block: &Block) -> Option<&str> {
    match &block.content {
        Content::Text(text) => Some(&text.text),
        Content::Thinking(thinking) => Some(&thinking.thinking),
        _ => None,
    }
}

/// An event of the Responses API, of the item that the two highest bits say.
fn response(step: u8) -> String {
    let at = step >> 6;
    let place = format!("\"output_index\":{at},\"content_index\":0");
    let item = |event: &str, item: &str| {
        format!(
            "{{\"type\":\"response.output_item.{event}\",\"output_index\":{at},\"item\":{item}}}"
        )
    };
    let delta = |what: &str, key: &str, text: &str| {
        format!("{{\"type\":\"response.{what}\",{place},\"{key}\":\"{text}\"}}")
    };
    let json = match step & 0x3F {
        0 => r#"{"type":"response.created","response":{"id":"resp_1","model":"m"}}"#.to_owned(),
        1 => r#"{"type":"response.created","response":{"id":"resp_2","store":false}}"#.to_owned(),
        2 => r#"{"type":"response.in_progress","response":{"id":"resp_1"}}"#.to_owned(),
        3 => item("added", r#"{"type":"message","content":[]}"#),
        4 => item("added", r#"{"type":"reasoning","summary":[]}"#),
        5 => item("added", r#"{"type":"function_call","call_id":"call_1","name":"look"}"#),
        6 => item("added", r#"{"type":"custom_tool_call","call_id":"call_2"}"#),
        7 => item("added", r#"{"type":"web_search_call","id":"ws_1"}"#),
        8 => item("added", r#"{"type":"tomorrow"}"#),
        9 => delta("output_text.delta", "delta", "a"),
        10 => delta("output_text.delta", "delta", "\\ud83d"),
        11 => delta("output_text.delta", "delta", "\\ude00"),
        12 => delta("refusal.delta", "delta", "no"),
        13 => delta("reasoning_text.delta", "delta", "hm"),
        14 => delta("reasoning_summary_text.delta", "delta", "so"),
        15 => format!(
            "{{\"type\":\"response.reasoning_summary_text.delta\",\"output_index\":{at},\"summary_index\":1,\"delta\":\"then\"}}"
        ),
        16 => delta("function_call_arguments.delta", "delta", "{\\\"a\\\":"),
        17 => delta("function_call_arguments.delta", "delta", "1}"),
        18 => delta("custom_tool_call_input.delta", "delta", "ab"),
        19 => delta("output_text.done", "text", "a"),
        20 => delta("output_text.done", "text", "aa"),
        21 => delta("refusal.done", "refusal", "no"),
        22 => delta("reasoning_summary_text.done", "text", "so"),
        23 => delta("function_call_arguments.done", "arguments", "{\\\"a\\\":1}"),
        24 => item("done", r#"{"type":"message","content":[{"type":"output_text","text":"aa"}]}"#),
        25 => item("done", r#"{"type":"message","content":[{"type":"refusal","refusal":"no"}]}"#),
        26 => item("done", r#"{"type":"reasoning","summary":[],"encrypted_content":"gAAA"}"#),
        27 => item(
            "done",
            r#"{"type":"function_call","call_id":"call_1","name":"look","arguments":"{\"a\":1}"}"#,
        ),
        28 => item("done", r#"{"type":"custom_tool_call","call_id":"c","name":"cut","input":"abc"}"#),
        29 => item("done", r#"{"type":"web_search_call","id":"ws_1","action":{"type":"search"}}"#),
        30 => item("done", r#"{"type":"tomorrow","x":[1]}"#),
        31 => item("done", r#"{"type":"function_call","status":"incomplete","arguments":"{"}"#),
        32 => r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"a"}]}],"usage":{"input_tokens":3,"output_tokens":2}}}"#.to_owned(),
        33 => r#"{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}}"#.to_owned(),
        34 => r#"{"type":"response.failed","response":{"error":{"code":"server_error"}}}"#.to_owned(),
        35 => r#"{"type":"error","error":{"type":"t","message":"m"}}"#.to_owned(),
        36 => r#"{"type":"keepalive","sequence_number":1}"#.to_owned(),
        37 => "[DONE]".to_owned(),
        38 => r#"{"type":"response.tomorrow"}"#.to_owned(),
        39 => delta("output_text.annotation.added", "annotation", "x"),
        40 => r#"{"type":"response.output_text.delta","delta":"?"}"#.to_owned(),
        41 => r#"{"type":"response.output_text.delta","output_index":0}"#.to_owned(),
        42 => format!("{{\"type\":\"response.content_part.added\",{place},\"part\":{{\"type\":\"output_text\",\"text\":\"\"}}}}"),
        43 => format!("{{\"type\":\"response.content_part.done\",{place},\"part\":{{\"type\":\"output_text\",\"text\":\"aa\"}}}}"),
        44 => r#"{"type":"response.web_search_call.searching","output_index":0}"#.to_owned(),
        _ => return ": comment\n".to_owned(),
    };
    format!("data: {json}\n\n")
}

/// A chunk of Chat Completions, of the choice that the highest bit says.
fn chunk(step: u8) -> String {
    let choice = step >> 7;
    let delta = |delta: &str| {
        format!("{{\"id\":\"c\",\"choices\":[{{\"index\":{choice},\"delta\":{delta}}}]}}")
    };
    let finish = |reason: &str| {
        format!(
            "{{\"choices\":[{{\"index\":{choice},\"delta\":{{}},\"finish_reason\":{reason}}}]}}"
        )
    };
    let tool = |call: &str| delta(&format!("{{\"tool_calls\":[{call}]}}"));
    let json = match step & 0x3F {
        0 => delta(r#"{"role":"assistant","content":""}"#),
        1 => delta(r#"{"content":"a"}"#),
        2 => delta(r#"{"content":"\ud83d"}"#),
        3 => delta(r#"{"content":"\ude00"}"#),
        4 => delta(r#"{"refusal":"no"}"#),
        5 => delta(r#"{"reasoning_content":"hm"}"#),
        6 => delta(r#"{"reasoning":"hm","reasoning_content":"hm"}"#),
        7 => delta(
            r#"{"reasoning":"x","reasoning_details":[{"type":"reasoning.text","text":"x","index":0}]}"#,
        ),
        8 => {
            delta(r#"{"reasoning_details":[{"type":"reasoning.text","signature":"S","index":0}]}"#)
        }
        9 => delta(r#"{"reasoning_details":[{"type":"reasoning.encrypted","data":"E"},5]}"#),
        10 => delta(r#"{"reasoning_text":"t","reasoning_opaque":"O"}"#),
        11 => delta(
            r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"m"}],"signature":"s"},{"type":"text","text":"b"},{"type":"reference"}]}"#,
        ),
        12 => tool(r#"{"index":0,"id":"call_1","function":{"name":"look","arguments":""}}"#),
        13 => tool(r#"{"index":0,"function":{"arguments":"{\"a\":"}}"#),
        14 => tool(r#"{"index":0,"id":"","function":{"arguments":"1}"}}"#),
        15 => tool(r#"{"index":0,"id":"call_2","function":{"name":"look","arguments":"{}"}}"#),
        16 => tool(
            r#"{"index":1,"id":"call_3","function":{"name":"cut"}},{"index":1,"function":{"arguments":"{"}}"#,
        ),
        17 => tool(r#"{"function":{"name":"bare","arguments":{"x":1}}}"#),
        18 => tool(r#"{"function":{"arguments":"}"}}"#),
        19 => tool(
            r#"{"index":2,"id":"call_4","type":"custom","custom":{"name":"free","input":"ab"}}"#,
        ),
        20 => tool(r#"{"index":3,"id":"call_5"}"#),
        21 => tool(r#"{"index":3,"function":{"name":"late","arguments":"{}"},"custom":{}}"#),
        22 => tool(
            r#"{"index":0,"id":"call_1","extra_content":{"google":{"thought_signature":"G"}}}"#,
        ),
        23 => delta(r#"{"function_call":{"name":"old","arguments":"{"}}"#),
        24 => delta(r#"{"function_call":{"arguments":"}"}}"#),
        25 => delta(r#"{"extra_content":{"google":{"thought_signature":"G"}}}"#),
        26 => delta(r#"{"annotations":[{"type":"url_citation"}]}"#),
        27 => finish("\"stop\""),
        28 => finish("\"length\""),
        29 => finish("\"tool_calls\""),
        30 => finish("\"error\""),
        31 => finish("\"\""),
        32 => {
            r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#
                .to_owned()
        }
        33 => r#"{"choices":null,"usage":null,"x_groq":{"id":"req_1"}}"#.to_owned(),
        34 => r#"{"error":{"message":"m","code":502},"choices":[{"delta":{"content":"z"}}]}"#
            .to_owned(),
        35 => r#"{"id":"","object":"","model":"","choices":[]}"#.to_owned(),
        36 => r#"{"choices":[{"text":"old"}]}"#.to_owned(),
        37 => "[DONE]".to_owned(),
        38 => r#"{"hello":1}"#.to_owned(),
        39 => r#"{"choices":[{"index":0,"delta":null,"content_filter_offsets":{}}]}"#.to_owned(),
        _ => return ": comment\n".to_owned(),
    };
    format!("data: {json}\n\n")
}
