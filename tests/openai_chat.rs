//! The Chat Completions protocol and its dialects: each case is a stream in a few words and the events
//! that come of it, however it is cut and whatever adapter brings it.

mod common;

use common::{chat, decode, everywhere, quoted, short_log};
use futures_util::{FutureExt, StreamExt, stream};
use thinkstream::{
    Complete, Error, ErrorKind, Event, EventStream, Limits, Rule, ServerError, Usage,
};

type Log = (Vec<Event>, Option<Error>);

const DONE: &str = "[DONE]";
const ROLE: &str = r#"{"id":"chatcmpl-lark","object":"chat.completion.chunk","model":"lark-2","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}]}"#;
const COUNTS: &str = r#"{"prompt_tokens":30,"completion_tokens":12,"total_tokens":42}"#;

/// A chunk with these choices.
fn chunk(choices: &str) -> String {
    format!(
        r#"{{"id":"chatcmpl-lark","object":"chat.completion.chunk","model":"lark-2","choices":[{choices}]}}"#
    )
}

/// A delta of a choice.
fn of(choice: u32, delta: &str) -> String {
    chunk(&format!(r#"{{"index":{choice},"delta":{delta},"finish_reason":null}}"#))
}

fn end_of(choice: u32, reason: &str) -> String {
    let reason = quoted(reason);
    chunk(&format!(r#"{{"index":{choice},"delta":{{}},"finish_reason":{reason}}}"#))
}

fn delta(delta: &str) -> String {
    of(0, delta)
}

fn end(reason: &str) -> String {
    end_of(0, reason)
}

/// A delta with text in a field.
fn field(field: &str, text: &str) -> String {
    delta(&format!(r#"{{"{field}":{}}}"#, quoted(text)))
}

fn say(text: &str) -> String {
    field("content", text)
}

fn details(details: &str) -> String {
    delta(&format!(r#"{{"content":"","reasoning_details":[{details}]}}"#))
}

/// A delta with these pieces of calls.
fn calls(pieces: &[&str]) -> String {
    delta(&format!(r#"{{"tool_calls":[{}]}}"#, pieces.join(",")))
}

/// A call as it begins.
fn first(index: u32, id: &str, name: &str) -> String {
    calls(&[&whole(index, id, name, "")])
}

fn whole(index: u32, id: &str, name: &str, arguments: &str) -> String {
    format!(
        r#"{{"index":{index},"id":"{id}","type":"function","function":{{"name":"{name}","arguments":{}}}}}"#,
        quoted(arguments)
    )
}

/// More of the arguments of a call.
fn more(index: u32, arguments: &str) -> String {
    let arguments = quoted(arguments);
    calls(&[&format!(r#"{{"index":{index},"function":{{"arguments":{arguments}}}}}"#)])
}

fn usage(usage: &str) -> String {
    format!(
        r#"{{"id":"chatcmpl-lark","object":"chat.completion.chunk","model":"lark-2","choices":[],"usage":{usage}}}"#
    )
}

/// Frames as the servers send them. What is no JSON is put in as it is.
fn sse(events: &[&str]) -> Vec<u8> {
    let frame = |event: &&str| match event.starts_with(['{', '[']) {
        true => format!("data: {event}\n\n"),
        false => (*event).to_owned(),
    };
    events.iter().map(frame).collect::<String>().into_bytes()
}

/// The log without the places of errors.
fn lines(result: &Log) -> Vec<String> {
    let place = |line: String| match line.split_once(" (byte ") {
        Some((error, _)) if line.starts_with("error ") => error.to_owned(),
        _ => line,
    };
    short_log(result).into_iter().map(place).collect()
}

#[track_caller]
fn check(name: &str, events: &[&str], expected: &[&str]) -> Log {
    let result = everywhere(name, &sse(events), chat);
    assert_eq!(lines(&result), expected, "{name}");
    result
}

#[track_caller]
fn complete(events: &[&str]) -> Complete {
    let (mut events, error) = decode(chat(), [&sse(events)[..]]);
    assert!(error.is_none(), "{error:?}");
    match events.pop() {
        Some(Event::Complete(done)) => *done,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn server_error(events: &[&str]) -> ServerError {
    let (_, error) = decode(chat(), [&sse(events)[..]]);
    match error.as_ref().map(Error::kind) {
        Some(ErrorKind::Server(error)) => (**error).clone(),
        other => panic!("{other:?}"),
    }
}

/// The counts of a usage in one line.
fn counts(usage: &Usage) -> String {
    let counts = [
        ("in", usage.input_tokens),
        ("out", usage.output_tokens),
        ("cached", usage.cache_read_input_tokens),
        ("written", usage.cache_creation_input_tokens),
        ("thinking", usage.thinking_tokens),
        ("total", usage.total_input_tokens()),
        ("uncached", usage.uncached_input_tokens()),
    ];
    let counts = counts.into_iter().filter_map(|(name, count)| Some(format!("{name} {}", count?)));
    counts.collect::<Vec<_>>().join(", ")
}

macro_rules! cases {
    ($($name:ident: [$($event:expr),* $(,)?] => [$($line:expr),* $(,)?])*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name), &[$($event.as_ref()),*], &[$($line),*]);
        })*
    };
}

/// What goes back to the provider.
macro_rules! echoes {
    ($($name:ident: [$($event:expr),* $(,)?] => $param:expr)*) => {
        $(#[test]
        fn $name() {
            let param = complete(&[$($event.as_ref()),*]).message.to_param();
            assert_eq!(param.as_str(), $param);
        })*
    };
}

/// What a reply cost.
macro_rules! costs {
    ($($name:ident: [$($event:expr),* $(,)?] => $counts:expr)*) => {
        $(#[test]
        fn $name() {
            assert_eq!(counts(complete(&[$($event.as_ref()),*]).usage()), $counts);
        })*
    };
}

// The protocol as OpenAI speaks it.

cases! {
    text_with_usage_behind_the_end: [ROLE, say("Gulls "), say("circle."), end("stop"), usage(COUNTS), DONE] => [
        r#"token 0 "Gulls ""#,
        r#"token 0 "circle.""#,
        r#"block 0 {"type":"text","text":"Gulls circle."}"#,
        "complete end_turn",
    ]
    a_call_in_many_pieces: [
        delta(r#"{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_k1","type":"function","function":{"name":"find_boat","arguments":""}}],"refusal":null}"#),
        more(0, "{\"hu"), more(0, "ll\":"), more(0, "7}"), end("tool_calls"), DONE] => [
        "tool_start 0 call_k1 find_boat Client",
        r#"tool_input 0 "{\"hu""#,
        r#"tool_input 0 "ll\":""#,
        r#"tool_input 0 "7}""#,
        r#"tool_call 0 find_boat {"hull":7}"#,
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"find_boat","input":{"hull":7}}"#,
        "complete tool_use",
    ]
    two_calls_interleave: [first(0, "call_k1", "find_boat"), first(1, "call_k2", "ring_bell"),
        more(0, "{\"a\":"), more(1, "{\"b\":"), more(0, "1}"), more(1, "2}"), end("tool_calls"), DONE] => [
        "tool_start 0 call_k1 find_boat Client",
        "tool_start 1 call_k2 ring_bell Client",
        r#"tool_input 0 "{\"a\":""#,
        r#"tool_input 1 "{\"b\":""#,
        r#"tool_input 0 "1}""#,
        r#"tool_input 1 "2}""#,
        r#"tool_call 0 find_boat {"a":1}"#,
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"find_boat","input":{"a":1}}"#,
        r#"tool_call 1 ring_bell {"b":2}"#,
        r#"block 1 {"type":"tool_use","id":"call_k2","name":"ring_bell","input":{"b":2}}"#,
        "complete tool_use",
    ]
    text_before_a_call_and_behind_it: [say("Look: "), first(0, "call_k1", "find_boat"), more(0, "{}"), say("Found."), end("tool_calls"), DONE] => [
        r#"token 0 "Look: ""#,
        r#"block 0 {"type":"text","text":"Look: "}"#,
        "tool_start 1 call_k1 find_boat Client",
        r#"tool_input 1 "{}""#,
        r#"token 2 "Found.""#,
        "tool_call 1 find_boat {}",
        r#"block 1 {"type":"tool_use","id":"call_k1","name":"find_boat","input":{}}"#,
        r#"block 2 {"type":"text","text":"Found."}"#,
        "complete tool_use",
    ]
    a_call_without_arguments: [first(0, "call_k1", "ring_bell"), end("tool_calls"), DONE] => [
        "tool_start 0 call_k1 ring_bell Client",
        "tool_call 0 ring_bell {}",
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"ring_bell","input":{}}"#,
        "complete tool_use",
    ]
    a_refusal_ends_with_stop: [delta(r#"{"role":"assistant","content":null,"refusal":""}"#), field("refusal", "I will "), field("refusal", "not."), end("stop"), DONE] => [
        r#"refusal 0 "I will ""#,
        r#"refusal 0 "not.""#,
        r#"block 0 {"type":"text","text":"I will not.","refusal":true}"#,
        "complete refusal unsafe",
    ]
    a_refusal_behind_text: [say("Well, "), field("refusal", "no."), end("stop"), DONE] => [
        r#"token 0 "Well, ""#,
        r#"block 0 {"type":"text","text":"Well, "}"#,
        r#"refusal 1 "no.""#,
        r#"block 1 {"type":"text","text":"no.","refusal":true}"#,
        "complete refusal unsafe",
    ]
    thinking_that_is_only_counted: [ROLE, end("length"), usage(r#"{"prompt_tokens":9,"completion_tokens":64,"total_tokens":73,"completion_tokens_details":{"reasoning_tokens":64}}"#), DONE] => [
        "complete max_tokens unsafe",
    ]
    padding_and_moderation_are_nothing: [
        r#"{"id":"chatcmpl-lark","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Aye"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"Zx91","moderation":{"flagged":false}}"#,
        r#"{"id":"chatcmpl-lark","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"logprobs":{"content":[],"refusal":null},"finish_reason":"stop"}],"usage":null,"obfuscation":""}"#,
        r#"{"id":"chatcmpl-lark","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2},"obfuscation":"q7"}"#, DONE] => [
        r#"token 0 "Aye""#,
        r#"block 0 {"type":"text","text":"Aye"}"#,
        "complete end_turn",
    ]
    what_a_text_cites: [say("Tall."), delta(r#"{"annotations":[{"type":"url_citation","url_citation":{"url":"https://mast.test/1","title":"Masts"}}]}"#), end("stop"), DONE] => [
        r#"token 0 "Tall.""#,
        r#"citation 0 {"type":"url_citation","url_citation":{"url":"https://mast.test/1","title":"Masts"}}"#,
        r#"block 0 {"type":"text","text":"Tall.","citations":[{"type":"url_citation","url_citation":{"url":"https://mast.test/1","title":"Masts"}}]}"#,
        "complete end_turn",
    ]
    a_custom_tool: [calls(&[r#"{"index":0,"id":"call_k1","type":"custom","custom":{"name":"draw","input":""}}"#]),
        calls(&[r#"{"index":0,"custom":{"input":"a \"red\""}}"#]), calls(&[r#"{"index":0,"custom":{"input":" sail"}}"#]), end("tool_calls"), DONE] => [
        "tool_start 0 call_k1 draw Custom",
        r#"tool_input 0 "a \"red\"""#,
        r#"tool_input 0 " sail""#,
        r#"tool_call 0 draw "a \"red\" sail""#,
        r#"block 0 {"type":"custom_tool_call","id":"call_k1","name":"draw","input":"a \"red\" sail"}"#,
        "complete tool_use",
    ]
    an_empty_custom_beside_a_function: [calls(&[r#"{"index":0,"id":"call_k1","type":"function","function":{"name":"find_boat","arguments":""},"custom":{}}"#]),
        calls(&[r#"{"index":0,"function":{"arguments":"{\"hull\":"},"custom":{}}"#]), calls(&[r#"{"index":0,"custom":{"name":"","input":""},"function":{"arguments":"7}"}}"#]), end("tool_calls"), DONE] => [
        "tool_start 0 call_k1 find_boat Client",
        r#"tool_input 0 "{\"hull\":""#,
        r#"tool_input 0 "7}""#,
        r#"tool_call 0 find_boat {"hull":7}"#,
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"find_boat","input":{"hull":7}}"#,
        "complete tool_use",
    ]
    the_call_of_the_first_version: [delta(r#"{"role":"assistant","content":null,"function_call":{"name":"find_boat","arguments":""}}"#),
        delta(r#"{"function_call":{"arguments":"{\"hull\""}}"#), delta(r#"{"function_call":{"arguments":":7}"}}"#), end("function_call"), DONE] => [
        "tool_start 0 call_0_chatcmpllark find_boat Client",
        r#"tool_input 0 "{\"hull\"""#,
        r#"tool_input 0 ":7}""#,
        r#"tool_call 0 find_boat {"hull":7}"#,
        r#"block 0 {"type":"tool_use","id":"call_0_chatcmpllark","name":"find_boat","input":{"hull":7}}"#,
        "complete tool_use",
    ]
    the_completions_of_old: [
        r#"{"id":"cmpl-lark","object":"text_completion","choices":[{"text":"Fair ","index":0,"logprobs":null,"finish_reason":null}]}"#,
        r#"{"id":"cmpl-lark","object":"text_completion","choices":[{"text":"winds","index":0,"logprobs":null,"finish_reason":null}]}"#,
        r#"{"id":"cmpl-lark","object":"text_completion","choices":[{"text":"","index":0,"logprobs":null,"finish_reason":"stop"}]}"#, DONE] => [
        r#"token 0 "Fair ""#,
        r#"token 0 "winds""#,
        r#"block 0 {"type":"text","text":"Fair winds"}"#,
        "complete end_turn",
    ]
    a_chunk_that_only_says_that_it_is_one: [r#"{"id":"chatcmpl-lark","object":"chat.completion.chunk","model":"lark-2"}"#, say("A"), end("stop"), DONE] => [
        r#"token 0 "A""#,
        r#"block 0 {"type":"text","text":"A"}"#,
        "complete end_turn",
    ]
    no_usage_is_no_chunk: [say("A"), r#"{"usage":null}"#, end("stop"), DONE] => [
        r#"token 0 "A""#,
        r#"unknown  {"usage":null}"#,
        r#"block 0 {"type":"text","text":"A"}"#,
        "complete end_turn",
    ]
    messages_in_place_of_deltas: [chunk(r#"{"index":0,"message":{"role":"assistant","content":"Fair "},"finish_reason":null}"#), chunk(r#"{"index":0,"message":{"content":"winds"},"finish_reason":"stop"}"#), DONE] => [
        r#"token 0 "Fair ""#,
        r#"token 0 "winds""#,
        r#"block 0 {"type":"text","text":"Fair winds"}"#,
        "complete end_turn",
    ]
    text_with_escapes_of_all_kinds: [delta(r#"{"content":"\u00e9\n\"\\"}"#), say("⛵ "), delta(r#"{"content":"\ud83d"}"#), delta(r#"{"content":"\ude80"}"#), delta(r#"{"content":"\ud83d"}"#), end("stop"), DONE] => [
        r#"token 0 "é\n\"\\""#,
        r#"token 0 "⛵ ""#,
        r#"token 0 "🚀""#,
        r#"token 0 "�""#,
        r#"block 0 {"type":"text","text":"é\n\"\\⛵ 🚀�"}"#,
        "complete end_turn",
    ]
}

// Several choices.

cases! {
    choices_interleave: [of(0, r#"{"content":"A"}"#), of(1, r#"{"content":"B"}"#), of(0, r#"{"content":"a"}"#), end_of(1, "length"), end_of(0, "stop"), DONE] => [
        r#"token 0 "A""#,
        "choice 1",
        r#"token 1 "B""#,
        "choice 0",
        r#"token 0 "a""#,
        r#"block 0 {"type":"text","text":"Aa"}"#,
        "choice 1",
        r#"block 1 {"type":"text","text":"B"}"#,
        "complete end_turn unsafe max_tokens",
    ]
    choices_in_one_chunk: [chunk(r#"{"index":1,"delta":{"content":"B"},"finish_reason":"stop"},{"index":0,"delta":{"content":"A"},"finish_reason":"stop"}"#), DONE] => [
        "choice 1",
        r#"token 0 "B""#,
        "choice 0",
        r#"token 1 "A""#,
        r#"block 1 {"type":"text","text":"A"}"#,
        "choice 1",
        r#"block 0 {"type":"text","text":"B"}"#,
        "complete end_turn end_turn",
    ]
    usage_comes_before_all_choices_end: [of(0, r#"{"content":"A"}"#), end_of(0, "stop"), usage(COUNTS), of(1, r#"{"content":"B"}"#), end_of(1, "stop"), usage(COUNTS), DONE] => [
        r#"token 0 "A""#,
        "choice 1",
        r#"token 1 "B""#,
        "ping",
        "choice 0",
        r#"block 0 {"type":"text","text":"A"}"#,
        "choice 1",
        r#"block 1 {"type":"text","text":"B"}"#,
        "complete end_turn end_turn",
    ]
    one_choice_has_not_finished: [of(0, r#"{"content":"A"}"#), of(1, r#"{"content":"B"}"#), end_of(0, "stop")] => [
        r#"token 0 "A""#,
        "choice 1",
        r#"token 1 "B""#,
        "error incomplete: the stream ended before a stop reason",
    ]
    one_choice_has_not_finished_at_done: [of(0, r#"{"content":"A"}"#), end_of(0, "stop"), of(1, r#"{"content":"B"}"#), DONE] => [
        r#"token 0 "A""#,
        "choice 1",
        r#"token 1 "B""#,
        "error incomplete: the stream ended before a stop reason",
    ]
    calls_of_two_choices_have_one_number: [
        of(0, r#"{"tool_calls":[{"index":0,"id":"call_k1","function":{"name":"find_boat","arguments":"{\"a\""}}]}"#),
        of(1, r#"{"tool_calls":[{"index":0,"id":"call_k2","function":{"name":"find_boat","arguments":"{\"b\""}}]}"#),
        of(0, r#"{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}"#),
        of(1, r#"{"tool_calls":[{"index":0,"function":{"arguments":":2}"}}]}"#), end_of(0, "tool_calls"), end_of(1, "tool_calls"), DONE] => [
        "tool_start 0 call_k1 find_boat Client",
        r#"tool_input 0 "{\"a\"""#,
        "choice 1",
        "tool_start 1 call_k2 find_boat Client",
        r#"tool_input 1 "{\"b\"""#,
        "choice 0",
        r#"tool_input 0 ":1}""#,
        "choice 1",
        r#"tool_input 1 ":2}""#,
        "choice 0",
        r#"tool_call 0 find_boat {"a":1}"#,
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"find_boat","input":{"a":1}}"#,
        "choice 1",
        r#"tool_call 1 find_boat {"b":2}"#,
        r#"block 1 {"type":"tool_use","id":"call_k2","name":"find_boat","input":{"b":2}}"#,
        "complete tool_use tool_use",
    ]
    a_choice_without_its_number_is_the_first: [chunk(r#"{"delta":{"content":"A"}}"#), chunk(r#"{"index":null,"delta":{"content":"a"},"finish_reason":"stop"}"#), DONE] => [
        r#"token 0 "A""#,
        r#"token 0 "a""#,
        r#"block 0 {"type":"text","text":"Aa"}"#,
        "complete end_turn",
    ]
}

// The dialects.

cases! {
    deepseek: [delta(r#"{"role":"assistant","content":null,"reasoning_content":""}"#), delta(r#"{"content":null,"reasoning_content":"Wind is "}"#), ": keep-alive\n\n",
        delta(r#"{"content":null,"reasoning_content":"up."}"#), delta(r#"{"content":"Reef.","reasoning_content":null}"#),
        r#"{"id":"lark-ds","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"","reasoning_content":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":90,"completion_tokens":20,"total_tokens":110}}"#, DONE] => [
        r#"thinking 0 "Wind is ""#,
        "ping",
        r#"thinking 0 "up.""#,
        r#"block 0 {"type":"thinking","thinking":"Wind is up."}"#,
        r#"token 1 "Reef.""#,
        r#"block 1 {"type":"text","text":"Reef."}"#,
        "complete end_turn",
    ]
    qwen_goes_on_with_empty_ids: [calls(&[r#"{"index":0,"id":"call_q8","type":"function","function":{"name":"find_boat","arguments":""}}"#]),
        delta(r#"{"content":null,"reasoning_content":null,"tool_calls":[{"index":0,"id":"","type":"function","function":{"arguments":"{\"hull\":"}}]}"#),
        chunk(r#"{"index":0,"delta":{"content":null,"tool_calls":[{"index":0,"id":"","type":"function","function":{"name":"","arguments":"7}"}}]}}"#),
        chunk(r#"{"index":0,"delta":{"content":""},"finish_reason":"tool_calls"}"#), DONE] => [
        "tool_start 0 call_q8 find_boat Client",
        r#"tool_input 0 "{\"hull\":""#,
        r#"tool_input 0 "7}""#,
        r#"tool_call 0 find_boat {"hull":7}"#,
        r#"block 0 {"type":"tool_use","id":"call_q8","name":"find_boat","input":{"hull":7}}"#,
        "complete tool_use",
    ]
    kimi: [delta(r#"{"role":"assistant","content":"","reasoning_content":"Look."}"#), calls(&[r#"{"index":0,"id":"functions.find_boat:4","type":"function","function":{"name":"find_boat","arguments":"{}"}}"#]),
        chunk(r#"{"index":0,"delta":{},"finish_reason":"tool_calls","usage":{"prompt_tokens":40,"completion_tokens":9,"total_tokens":49,"cached_tokens":32}}"#), DONE] => [
        r#"thinking 0 "Look.""#,
        r#"block 0 {"type":"thinking","thinking":"Look."}"#,
        "tool_start 1 functions.find_boat:4 find_boat Client",
        r#"tool_input 1 "{}""#,
        "tool_call 1 find_boat {}",
        r#"block 1 {"type":"tool_use","id":"functions.find_boat:4","name":"find_boat","input":{}}"#,
        "complete tool_use",
    ]
    kimi_searches_itself: [calls(&[r#"{"index":0,"id":"$web_search:0","type":"builtin_function","function":{"name":"$web_search","arguments":"{\"q\":1}"}}"#]), end("tool_calls"), DONE] => [
        "tool_start 0 $web_search:0 $web_search Client",
        r#"tool_input 0 "{\"q\":1}""#,
        r#"tool_call 0 $web_search {"q":1}"#,
        r#"block 0 {"type":"tool_use","id":"$web_search:0","name":"$web_search","input":{"q":1}}"#,
        "complete tool_use",
    ]
    glm_ends_with_the_last_arguments: [delta(r#"{"role":"assistant","reasoning_content":"Bell."}"#),
        chunk(r#"{"index":0,"delta":{"role":"assistant","tool_calls":[{"id":"call_g5","index":0,"type":"function","function":{"name":"ring_bell","arguments":"{\"n\":2}"}}]},"finish_reason":"tool_calls"}"#), DONE] => [
        r#"thinking 0 "Bell.""#,
        r#"block 0 {"type":"thinking","thinking":"Bell."}"#,
        "tool_start 1 call_g5 ring_bell Client",
        r#"tool_input 1 "{\"n\":2}""#,
        r#"tool_call 1 ring_bell {"n":2}"#,
        r#"block 1 {"type":"tool_use","id":"call_g5","name":"ring_bell","input":{"n":2}}"#,
        "complete tool_use",
    ]
    glm_marks_its_boxes: [say("<|begin_of_box|>7<|end_of_box|>"), end("stop"), DONE] => [
        r#"token 0 "<|begin_of_box|>7<|end_of_box|>""#,
        r#"block 0 {"type":"text","text":"<|begin_of_box|>7<|end_of_box|>"}"#,
        "complete end_turn",
    ]
    mistral_thinks_in_parts: [
        r#"{"id":"lark-mi","object":"chat.completion.chunk","model":"lark-m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"p":"abc"}"#,
        r#"{"id":"lark-mi","object":"chat.completion.chunk","model":"lark-m","choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Two "}]}]},"finish_reason":null}],"p":"abcdefgh"}"#,
        delta(r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"mas"},{"type":"text","text":"ts."}]}]}"#),
        delta(r#"{"content":[{"type":"thinking","thinking":[],"signature":"c2lnLW1p","closed":true}]}"#),
        delta(r#"{"content":[{"type":"text","text":"A ketch"}]}"#), say("."), end("stop"), DONE] => [
        r#"thinking 0 "Two ""#,
        r#"thinking 0 "mas""#,
        r#"thinking 0 "ts.""#,
        "signature 0 c2lnLW1p",
        r#"block 0 {"type":"thinking","thinking":"Two masts.","signature":"c2lnLW1p"}"#,
        r#"token 1 "A ketch""#,
        r#"token 1 ".""#,
        r#"block 1 {"type":"text","text":"A ketch."}"#,
        "complete end_turn",
    ]
    mistral_refers_to_documents: [say("Two masts"), delta(r#"{"content":[{"type":"reference","reference_ids":[3]},{"type":"text","text":"."}]}"#), end("stop"), DONE] => [
        r#"token 0 "Two masts""#,
        r#"citation 0 {"type":"reference","reference_ids":[3]}"#,
        r#"token 0 ".""#,
        r#"block 0 {"type":"text","text":"Two masts.","citations":[{"type":"reference","reference_ids":[3]}]}"#,
        "complete end_turn",
    ]
    mistral_numbers_no_calls: [
        chunk(r#"{"index":0,"delta":{"content":"","tool_calls":[{"id":"k1B2c3D4e","function":{"name":"find_boat","arguments":"{\"hull\":7}"}},{"id":"f5G6h7I8j","function":{"name":"ring_bell","arguments":"{}"}}]},"finish_reason":"tool_calls"}"#), DONE] => [
        "tool_start 0 k1B2c3D4e find_boat Client",
        r#"tool_input 0 "{\"hull\":7}""#,
        "tool_start 1 f5G6h7I8j ring_bell Client",
        r#"tool_input 1 "{}""#,
        r#"tool_call 0 find_boat {"hull":7}"#,
        r#"block 0 {"type":"tool_use","id":"k1B2c3D4e","name":"find_boat","input":{"hull":7}}"#,
        "tool_call 1 ring_bell {}",
        r#"block 1 {"type":"tool_use","id":"f5G6h7I8j","name":"ring_bell","input":{}}"#,
        "complete tool_use",
    ]
    mistral_writes_null_for_an_id: [chunk(r#"{"index":0,"delta":{"tool_calls":[{"id":"null","function":{"name":"ring_bell","arguments":"{}"}}]},"finish_reason":"tool_calls"}"#), DONE] => [
        "tool_start 0 call_0_chatcmpllark ring_bell Client",
        r#"tool_input 0 "{}""#,
        "warning missing_tool_id 0",
        "tool_call 0 ring_bell {}",
        r#"block 0 {"type":"tool_use","id":"call_0_chatcmpllark","name":"ring_bell","input":{}}"#,
        "complete tool_use",
    ]
    gemini_numbers_all_calls_zero: [
        chunk(r#"{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":0,"id":"function-call-5","type":"function","function":{"name":"find_boat","arguments":"{\"hull\":7}"},"extra_content":{"google":{"thought_signature":"Z2VtMQ=="}}}]}}"#),
        chunk(r#"{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":0,"id":"function-call-6","type":"function","function":{"name":"find_boat","arguments":"{\"hull\":8}"}}]},"finish_reason":"stop"}"#), DONE] => [
        "tool_start 0 function-call-5 find_boat Client",
        "signature 0 Z2VtMQ==",
        r#"tool_input 0 "{\"hull\":7}""#,
        "tool_start 1 function-call-6 find_boat Client",
        r#"tool_input 1 "{\"hull\":8}""#,
        r#"tool_call 0 find_boat {"hull":7}"#,
        r#"block 0 {"type":"tool_use","id":"function-call-5","name":"find_boat","input":{"hull":7},"extra_content":{"google":{"thought_signature":"Z2VtMQ=="}}}"#,
        r#"tool_call 1 find_boat {"hull":8}"#,
        r#"block 1 {"type":"tool_use","id":"function-call-6","name":"find_boat","input":{"hull":8}}"#,
        "complete tool_use",
    ]
    one_id_for_all_calls: [calls(&[&whole(0, "call_X", "find_boat", r#"{"hull":7}"#), &whole(1, "call_X", "ring_bell", r#"{"n":"#)]), calls(&[r#"{"index":1,"id":"call_X","function":{"arguments":"2}"}}"#]), end("tool_calls"), DONE] => [
        "tool_start 0 call_X find_boat Client",
        r#"tool_input 0 "{\"hull\":7}""#,
        "tool_start 1 call_0_chatcmpllark ring_bell Client",
        r#"tool_input 1 "{\"n\":2}""#,
        "warning missing_tool_id 1",
        r#"tool_call 0 find_boat {"hull":7}"#,
        r#"block 0 {"type":"tool_use","id":"call_X","name":"find_boat","input":{"hull":7}}"#,
        r#"tool_call 1 ring_bell {"n":2}"#,
        r#"block 1 {"type":"tool_use","id":"call_0_chatcmpllark","name":"ring_bell","input":{"n":2}}"#,
        "complete tool_use",
    ]
    one_id_and_one_number_for_two_tools: [calls(&[&whole(0, "call_X", "find_boat", r#"{"hull":7}"#)]), calls(&[&whole(0, "call_X", "ring_bell", "{}")]), end("tool_calls"), DONE] => [
        "tool_start 0 call_X find_boat Client",
        r#"tool_input 0 "{\"hull\":7}""#,
        "tool_start 1 call_0_chatcmpllark ring_bell Client",
        "tool_input 1 \"{}\"",
        "warning missing_tool_id 1",
        r#"tool_call 0 find_boat {"hull":7}"#,
        r#"block 0 {"type":"tool_use","id":"call_X","name":"find_boat","input":{"hull":7}}"#,
        "tool_call 1 ring_bell {}",
        r#"block 1 {"type":"tool_use","id":"call_0_chatcmpllark","name":"ring_bell","input":{}}"#,
        "complete tool_use",
    ]
    one_id_under_two_names: [calls(&[&whole(0, "call_X", "find_boat", "{}")]), calls(&[&whole(0, "call_X", "ring_bell", r#"{"times":2}"#)]), end("tool_calls"), DONE] => [
        "tool_start 0 call_X find_boat Client",
        r#"tool_input 0 "{}""#,
        "tool_start 1 call_0_chatcmpllark ring_bell Client",
        r#"tool_input 1 "{\"times\":2}""#,
        "warning missing_tool_id 1",
        r#"tool_call 0 find_boat {}"#,
        r#"block 0 {"type":"tool_use","id":"call_X","name":"find_boat","input":{}}"#,
        r#"tool_call 1 ring_bell {"times":2}"#,
        r#"block 1 {"type":"tool_use","id":"call_0_chatcmpllark","name":"ring_bell","input":{"times":2}}"#,
        "complete tool_use",
    ]
    one_id_under_two_names_in_pieces: [calls(&[&whole(0, "call_X", "find_boat", r#"{"hull":"#)]), calls(&[&whole(0, "call_X", "find_boat", "7}")]),
        calls(&[&whole(0, "call_X", "ring_bell", r#"{"times":"#)]), calls(&[&whole(0, "call_X", "ring_bell", "2}")]), end("tool_calls"), DONE] => [
        "tool_start 0 call_X find_boat Client",
        r#"tool_input 0 "{\"hull\":""#,
        r#"tool_input 0 "7}""#,
        "tool_start 1 call_0_chatcmpllark ring_bell Client",
        r#"tool_input 1 "{\"times\":2}""#,
        "warning missing_tool_id 1",
        r#"tool_call 0 find_boat {"hull":7}"#,
        r#"block 0 {"type":"tool_use","id":"call_X","name":"find_boat","input":{"hull":7}}"#,
        r#"tool_call 1 ring_bell {"times":2}"#,
        r#"block 1 {"type":"tool_use","id":"call_0_chatcmpllark","name":"ring_bell","input":{"times":2}}"#,
        "complete tool_use",
    ]
    one_id_under_two_names_and_no_input: [calls(&[&whole(0, "call_X", "find_boat", "{}")]), calls(&[&whole(0, "call_X", "ring_bell", "{}")]), end("tool_calls"), DONE] => [
        "tool_start 0 call_X find_boat Client",
        r#"tool_input 0 "{}""#,
        "tool_start 1 call_0_chatcmpllark ring_bell Client",
        r#"tool_input 1 "{}""#,
        "warning missing_tool_id 1",
        r#"tool_call 0 find_boat {}"#,
        r#"block 0 {"type":"tool_use","id":"call_X","name":"find_boat","input":{}}"#,
        r#"tool_call 1 ring_bell {}"#,
        r#"block 1 {"type":"tool_use","id":"call_0_chatcmpllark","name":"ring_bell","input":{}}"#,
        "complete tool_use",
    ]
    one_id_for_two_calls_of_one_tool: [calls(&[&whole(0, "call_X", "find_boat", "{}"), &whole(1, "call_X", "find_boat", r#"{"hull":8}"#), &whole(2, "call_X", "find_boat", r#"{"hull":9}"#)]), end("tool_calls"), DONE] => [
        "tool_start 0 call_X find_boat Client",
        "tool_input 0 \"{}\"",
        "tool_start 1 call_0_chatcmpllark find_boat Client",
        r#"tool_input 1 "{\"hull\":8}""#,
        "warning missing_tool_id 1",
        "tool_start 2 call_1_chatcmpllark find_boat Client",
        r#"tool_input 2 "{\"hull\":9}""#,
        "tool_call 0 find_boat {}",
        r#"block 0 {"type":"tool_use","id":"call_X","name":"find_boat","input":{}}"#,
        r#"tool_call 1 find_boat {"hull":8}"#,
        r#"block 1 {"type":"tool_use","id":"call_0_chatcmpllark","name":"find_boat","input":{"hull":8}}"#,
        r#"tool_call 2 find_boat {"hull":9}"#,
        r#"block 2 {"type":"tool_use","id":"call_1_chatcmpllark","name":"find_boat","input":{"hull":9}}"#,
        "complete tool_use",
    ]
    one_call_numbered_anew_with_every_piece: [calls(&[&whole(0, "call_X", "find_boat", r#"{"hull":"#)]), calls(&[&whole(1, "call_X", "find_boat", "8}")]), end("tool_calls"), DONE] => [
        "tool_start 0 call_X find_boat Client",
        r#"tool_input 0 "{\"hull\":""#,
        "tool_input 0 \"8}\"",
        r#"tool_call 0 find_boat {"hull":8}"#,
        r#"block 0 {"type":"tool_use","id":"call_X","name":"find_boat","input":{"hull":8}}"#,
        "complete tool_use",
    ]
    two_calls_of_one_tool_numbered_alike: [calls(&[&whole(0, "", "find_boat", r#"{"hull":7}"#)]), calls(&[&whole(0, "", "find_boat", r#"{"hull":8}"#)]), end("tool_calls"), DONE] => [
        "tool_start 0 call_0_chatcmpllark find_boat Client",
        r#"tool_input 0 "{\"hull\":7}""#,
        "warning missing_tool_id 0",
        "tool_start 1 call_1_chatcmpllark find_boat Client",
        r#"tool_input 1 "{\"hull\":8}""#,
        r#"tool_call 0 find_boat {"hull":7}"#,
        r#"block 0 {"type":"tool_use","id":"call_0_chatcmpllark","name":"find_boat","input":{"hull":7}}"#,
        r#"tool_call 1 find_boat {"hull":8}"#,
        r#"block 1 {"type":"tool_use","id":"call_1_chatcmpllark","name":"find_boat","input":{"hull":8}}"#,
        "complete tool_use",
    ]
    a_name_that_comes_with_every_piece: [calls(&[&whole(0, "", "find_boat", r#"{"hull":"#)]), calls(&[&whole(0, "", "find_boat", r#"{"n":1}"#)]), calls(&[&whole(0, "", "find_boat", "}")]), end("tool_calls"), DONE] => [
        "tool_start 0 call_0_chatcmpllark find_boat Client",
        r#"tool_input 0 "{\"hull\":{\"n\":1}}""#,
        "warning missing_tool_id 0",
        r#"tool_call 0 find_boat {"hull":{"n":1}}"#,
        r#"block 0 {"type":"tool_use","id":"call_0_chatcmpllark","name":"find_boat","input":{"hull":{"n":1}}}"#,
        "complete tool_use",
    ]
    free_text_in_braces: [delta(r#"{"tool_calls":[{"index":0,"id":"call_k1","type":"custom","custom":{"name":"patch","input":"{}"}}]}"#), delta(r#"{"tool_calls":[{"index":0,"custom":{"input":"{ x }"}}]}"#), end("tool_calls"), DONE] => [
        "tool_start 0 call_k1 patch Custom",
        r#"tool_input 0 "{}""#,
        r#"tool_input 0 "{ x }""#,
        r#"tool_call 0 patch "{}{ x }""#,
        r#"block 0 {"type":"custom_tool_call","id":"call_k1","name":"patch","input":"{}{ x }"}"#,
        "complete tool_use",
    ]
    gemini_signs_a_text_in_a_delta_of_its_own: [say("Ahoy."), delta(r#"{"role":"assistant","extra_content":{"google":{"thought_signature":"Z2VtMg=="}}}"#), end("stop"), DONE] => [
        r#"token 0 "Ahoy.""#,
        "signature 0 Z2VtMg==",
        r#"block 0 {"type":"text","text":"Ahoy."}"#,
        "complete end_turn",
    ]
    gemini_signs_the_text_itself: [delta(r#"{"content":"Ahoy.","extra_content":{"google":{"thought_signature":"Z2VtMw=="}}}"#), end("stop"), DONE] => [
        r#"token 0 "Ahoy.""#,
        "signature 0 Z2VtMw==",
        r#"block 0 {"type":"text","text":"Ahoy."}"#,
        "complete end_turn",
    ]
    gemini_flags_its_thoughts: [
        delta(r#"{"role":"assistant","content":"<thought>Wi","extra_content":{"google":{"thought":true}}}"#),
        delta(r#"{"content":"nd <thought>?","extra_content":{"google":{"thought":true}}}"#),
        delta(r#"{"content":"</thought>Aye"}"#), say(", </thought>."), end("stop"), DONE] => [
        r#"thinking 0 "Wi""#,
        r#"thinking 0 "nd <thought>?""#,
        r#"block 0 {"type":"thinking","thinking":"Wind <thought>?"}"#,
        r#"token 1 "Aye""#,
        r#"token 1 ", </thought>.""#,
        r#"block 1 {"type":"text","text":"Aye, </thought>."}"#,
        "complete end_turn",
    ]
    gemini_flags_them_without_tags: [
        delta(r#"{"content":"W\u00efnd","extra_content":{"google":{"thought":true}}}"#), delta(r#"{"content":"","extra_content":{"google":{"thought":false}}}"#),
        delta(r#"{"content":"Aye.","extra_content":{"google":{"thought_signature":"Z2Vt"}}}"#), end("stop"), DONE] => [
        r#"thinking 0 "Wïnd""#,
        r#"block 0 {"type":"thinking","thinking":"Wïnd"}"#,
        r#"token 1 "Aye.""#,
        "signature 1 Z2Vt",
        r#"block 1 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    gemini_says_a_thought_and_an_answer_at_once: [
        delta(r#"{"content":"\u003cthought\u003eA \\u003c/thought> \u0022b\u0022\n\u003c\/thought\u003eAye\n","extra_content":{"google":{"thought":true}}}"#), say("</thought>"), end("stop"), DONE] => [
        r#"thinking 0 "A \\u003c/thought> \"b\"\n""#,
        r#"block 0 {"type":"thinking","thinking":"A \\u003c/thought> \"b\"\n"}"#,
        r#"token 1 "Aye\n""#,
        r#"token 1 "</thought>""#,
        r#"block 1 {"type":"text","text":"Aye\n</thought>"}"#,
        "complete end_turn",
    ]
    a_tag_that_nothing_flags_is_text: [say("<thought>Wind"), delta(r#"{"content":"</thought>","extra_content":{"google":{"thought":"true"}}}"#), end("stop"), DONE] => [
        r#"token 0 "<thought>Wind""#,
        r#"token 0 "</thought>""#,
        r#"block 0 {"type":"text","text":"<thought>Wind</thought>"}"#,
        "complete end_turn",
    ]
    litellm_signs_calls_in_fields_of_its_own: [
        calls(&[r#"{"index":0,"id":"call_k1","type":"function","function":{"name":"find_boat","arguments":"{}"},"provider_specific_fields":{"thought_signature":"Z2Vt"}}"#]),
        calls(&[r#"{"index":1,"id":"call_k2","type":"function","provider_specific_fields":null,"function":{"name":"find_boat","arguments":"{}","provider_specific_fields":{"thought_signature":"Z2Vu"}}}"#]),
        calls(&[r#"{"index":2,"id":"call_k3","type":"function","function":{"name":"find_boat","arguments":"{}"},"provider_specific_fields":{"thought_signature":""}}"#]), end("tool_calls"), DONE] => [
        "tool_start 0 call_k1 find_boat Client",
        "signature 0 Z2Vt",
        r#"tool_input 0 "{}""#,
        "tool_start 1 call_k2 find_boat Client",
        "signature 1 Z2Vu",
        r#"tool_input 1 "{}""#,
        "tool_start 2 call_k3 find_boat Client",
        r#"tool_input 2 "{}""#,
        "tool_call 0 find_boat {}",
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"find_boat","input":{},"provider_specific_fields":{"thought_signature":"Z2Vt"}}"#,
        "tool_call 1 find_boat {}",
        r#"block 1 {"type":"tool_use","id":"call_k2","name":"find_boat","input":{},"provider_specific_fields":{"thought_signature":"Z2Vu"}}"#,
        "tool_call 2 find_boat {}",
        r#"block 2 {"type":"tool_use","id":"call_k3","name":"find_boat","input":{}}"#,
        "complete tool_use",
    ]
    databricks_signs_calls_itself: [calls(&[r#"{"index":0,"id":"call_k1","type":"function","function":{"name":"find_boat","arguments":"{}"},"thoughtSignature":"Z2Vt"}"#]), end("tool_calls"), DONE] => [
        "tool_start 0 call_k1 find_boat Client",
        "signature 0 Z2Vt",
        r#"tool_input 0 "{}""#,
        "tool_call 0 find_boat {}",
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"find_boat","input":{},"thoughtSignature":"Z2Vt"}"#,
        "complete tool_use",
    ]
    databricks_thinks_in_summaries: [
        delta(r#"{"role":"assistant","content":[{"type":"reasoning","summary":[{"type":"summary_text","text":"Wi","signature":""}]}]}"#),
        delta(r#"{"content":[{"type":"reasoning","summary":[{"type":"summary_text","text":"nd.","signature":""}]}]}"#),
        delta(r#"{"content":[{"type":"reasoning","summary":[{"type":"summary_text","text":"","signature":"c2ln"}]}]}"#),
        delta(r#"{"content":[{"type":"reasoning","summary":[{"type":"summary_encrypted_text","data":"UkVE"}]}]}"#),
        delta(r#"{"content":[{"type":"text","text":"Aye."}]}"#), end("stop"), DONE] => [
        r#"thinking 0 "Wi""#,
        r#"thinking 0 "nd.""#,
        "signature 0 c2ln",
        r#"block 0 {"type":"thinking","thinking":"Wind.","signature":"c2ln"}"#,
        "redacted 1 UkVE",
        r#"block 1 {"type":"redacted_thinking","data":"UkVE"}"#,
        r#"token 2 "Aye.""#,
        r#"block 2 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    envoy_thinks_in_objects: [
        delta(r#"{"role":"assistant","reasoning_content":{"text":"Wi"}}"#), delta(r#"{"reasoning_content":{"text":"nd"}}"#), delta(r#"{"reasoning_content":{"text":"."}}"#),
        delta(r#"{"reasoning_content":{"text":"","signature":"c2ln"}}"#), delta(r#"{"reasoning_content":{}}"#), say("Aye."), end("stop"), DONE] => [
        r#"thinking 0 "Wi""#,
        r#"thinking 0 "nd""#,
        r#"thinking 0 ".""#,
        "signature 0 c2ln",
        r#"block 0 {"type":"thinking","thinking":"Wind.","signature":"c2ln"}"#,
        r#"token 1 "Aye.""#,
        r#"block 1 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    gemini_sends_an_error_in_an_array: [say("A"), r#"[{"error":{"code":400,"message":"Bad sail","status":"INVALID_ARGUMENT"}}]"#] => [
        r#"token 0 "A""#,
        "error server: the server reported INVALID_ARGUMENT: Bad sail",
    ]
    openrouter_thinks_in_two_fields_at_once: [": OPENROUTER PROCESSING\n\n",
        delta(r#"{"role":"assistant","content":"","reasoning":"Gale","reasoning_details":[{"type":"reasoning.text","text":"Gale","format":"anthropic-claude-v1","index":0}]}"#), ": OPENROUTER PROCESSING\n\n",
        delta(r#"{"content":"","reasoning":" soon.","reasoning_details":[{"type":"reasoning.text","text":" soon.","format":"anthropic-claude-v1","index":0}]}"#),
        delta(r#"{"content":"","reasoning":null,"reasoning_details":[{"type":"reasoning.text","signature":"c2lnLW9y","format":"anthropic-claude-v1","index":0}]}"#),
        delta(r#"{"content":"Stay."}"#), end("stop"), DONE] => [
        "ping",
        r#"thinking 0 "Gale""#,
        "ping",
        r#"thinking 0 " soon.""#,
        "signature 0 c2lnLW9y",
        r#"token 1 "Stay.""#,
        r#"block 0 {"type":"thinking","thinking":"Gale soon.","signature":"c2lnLW9y","raw":[{"type":"reasoning.text","text":"Gale soon.","format":"anthropic-claude-v1","index":0,"signature":"c2lnLW9y"}]}"#,
        r#"block 1 {"type":"text","text":"Stay."}"#,
        "complete end_turn",
    ]
    openrouter_signs_late: [
        details(r#"{"type":"reasoning.text","text":"Gale.","index":0}"#), say("Stay."),
        details(r#"{"type":"reasoning.text","signature":"c2lnLW9y","index":0}"#), say(" Here."), end("stop"), DONE] => [
        r#"thinking 0 "Gale.""#,
        r#"token 1 "Stay.""#,
        "signature 0 c2lnLW9y",
        r#"token 1 " Here.""#,
        r#"block 0 {"type":"thinking","thinking":"Gale.","signature":"c2lnLW9y","raw":[{"type":"reasoning.text","text":"Gale.","index":0,"signature":"c2lnLW9y"}]}"#,
        r#"block 1 {"type":"text","text":"Stay. Here."}"#,
        "complete end_turn",
    ]
    openrouter_summarises_and_encrypts: [
        details(r#"{"type":"reasoning.summary","summary":"Gale","format":"openai-responses-v1","index":0}"#),
        details(r#"{"type":"reasoning.summary","summary":" soon.","format":"openai-responses-v1","index":0}"#),
        details(r#"{"type":"reasoning.encrypted","data":"ZW5jMQ==","id":"rs_lark","format":"openai-responses-v1","index":1}"#), say("Stay."), end("stop"), DONE] => [
        r#"thinking 0 "Gale""#,
        r#"thinking 0 " soon.""#,
        "signature 0 ZW5jMQ==",
        r#"token 1 "Stay.""#,
        r#"block 0 {"type":"thinking","thinking":"Gale soon.","signature":"ZW5jMQ==","raw":[{"type":"reasoning.summary","summary":"Gale soon.","format":"openai-responses-v1","index":0},{"type":"reasoning.encrypted","data":"ZW5jMQ==","id":"rs_lark","format":"openai-responses-v1","index":1}]}"#,
        r#"block 1 {"type":"text","text":"Stay."}"#,
        "complete end_turn",
    ]
    openrouter_only_encrypts: [details(r#"{"type":"reasoning.encrypted","data":"ZW5jMg==","id":"call_k1","format":"google-gemini-v1","index":0}"#), say("Stay."), end("stop"), DONE] => [
        "signature 0 ZW5jMg==",
        r#"token 1 "Stay.""#,
        r#"block 0 {"type":"thinking","thinking":"","signature":"ZW5jMg==","raw":[{"type":"reasoning.encrypted","data":"ZW5jMg==","id":"call_k1","format":"google-gemini-v1","index":0}]}"#,
        r#"block 1 {"type":"text","text":"Stay."}"#,
        "complete end_turn",
    ]
    openrouter_has_details_of_a_new_kind: [details(r#"{"type":"reasoning.text","text":"Gale.","index":0}"#),
        details(r#"{"type":"reasoning.chart","depth":[3,4],"index":1}"#), details(r#"{"type":"reasoning.chart","depth":[5],"index":1}"#), say("Stay."), end("stop"), DONE] => [
        r#"thinking 0 "Gale.""#,
        r#"token 1 "Stay.""#,
        r#"block 0 {"type":"thinking","thinking":"Gale.","raw":[{"type":"reasoning.text","text":"Gale.","index":0},{"type":"reasoning.chart","depth":[3,4],"index":1},{"type":"reasoning.chart","depth":[5],"index":1}]}"#,
        r#"block 1 {"type":"text","text":"Stay."}"#,
        "complete end_turn",
    ]
    gemini_calls_what_no_tool_is: [say("A"), calls(&[&whole(0, "call_k1", "find_boat", "{}")]),
        chunk(r#"{"index":0,"delta":{"content":""},"finish_reason":"tool_calls","native_finish_reason":"MALFORMED_FUNCTION_CALL"}"#), DONE] => [
        r#"token 0 "A""#,
        r#"block 0 {"type":"text","text":"A"}"#,
        "tool_start 1 call_k1 find_boat Client",
        r#"tool_input 1 "{}""#,
        "tool_call 1 find_boat {}",
        r#"block 1 {"type":"tool_use","id":"call_k1","name":"find_boat","input":{}}"#,
        "complete MALFORMED_FUNCTION_CALL unsafe",
    ]
    gemini_says_nothing_for_such_a_call: [ROLE, chunk(r#"{"index":0,"delta":{},"finish_reason":"stop","native_finish_reason":"UNEXPECTED_TOOL_CALL"}"#), DONE] => ["complete UNEXPECTED_TOOL_CALL unsafe"]
    a_failure_behind_a_limit_is_a_limit: [say("A"), chunk(r#"{"index":0,"delta":{},"finish_reason":"length","native_finish_reason":"MALFORMED_FUNCTION_CALL"}"#), DONE] => [
        r#"token 0 "A""#,
        r#"block 0 {"type":"text","text":"A"}"#,
        "complete max_tokens unsafe",
    ]
    openrouter_ends_twice: [say("Stay."), chunk(r#"{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop","native_finish_reason":"completed"}"#),
        r#"{"id":"gen-lark","provider":"Quay","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop","native_finish_reason":"completed"}],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7,"cost":0.0002,"is_byok":false}}"#, DONE] => [
        r#"token 0 "Stay.""#,
        r#"block 0 {"type":"text","text":"Stay."}"#,
        "complete end_turn",
    ]
    openrouter_ends_a_cut_call_as_a_whole_one: [
        chunk(r#"{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_k1","type":"function","function":{"name":"tide","arguments":"{\"port\":\"Bre"}}]}}"#),
        chunk(r#"{"index":0,"delta":{"content":""},"finish_reason":"tool_calls","native_finish_reason":"MAX_TOKENS"}"#), DONE] => [
        "tool_start 0 call_k1 tide Client",
        r#"tool_input 0 "{\"port\":\"Bre""#,
        "complete max_tokens unsafe",
    ]
    a_call_without_a_name_is_none: [say("Stay."), calls(&[&whole(0, "call_k1", "", "{}")]), end("tool_calls"), DONE] => [
        r#"token 0 "Stay.""#,
        r#"block 0 {"type":"text","text":"Stay."}"#,
        "warning missing_field 1",
        "warning missing_tool_call",
        "complete end_turn",
    ]
    a_reason_that_is_none_in_a_string: [chunk(r#"{"index":0,"delta":{"content":"Sta"},"finish_reason":"null"}"#), chunk(r#"{"index":0,"delta":{"content":"y."},"finish_reason":"None"}"#)] => [
        r#"token 0 "Sta""#,
        r#"token 0 "y.""#,
        "error incomplete: the stream ended before a stop reason",
    ]
    a_message_beside_no_delta: [chunk(r#"{"index":0,"delta":null,"message":{"content":"Stay."},"finish_reason":"stop"}"#), DONE] => [
        r#"token 0 "Stay.""#,
        r#"block 0 {"type":"text","text":"Stay."}"#,
        "complete end_turn",
    ]
    a_content_that_is_a_part_alone: [delta(r#"{"content":{"type":"text","text":"Sta"}}"#), delta(r#"{"content":{"type":"text","text":"y."}}"#), end("stop"), DONE] => [
        r#"token 0 "Sta""#,
        r#"token 0 "y.""#,
        r#"block 0 {"type":"text","text":"Stay."}"#,
        "complete end_turn",
    ]
    an_error_that_is_none: [say("Stay."), end("stop"), r#"{"id":"x","error":{ },"choices":[]}"#, DONE] => [
        r#"token 0 "Stay.""#,
        "ping",
        r#"block 0 {"type":"text","text":"Stay."}"#,
        "complete end_turn",
    ]
    a_name_that_comes_in_pieces: [calls(&[&whole(0, "call_k1", "find", "")]), calls(&[r#"{"index":0,"function":{"name":"_boat"}}"#]), more(0, "{\"hull\":8}"), end("tool_calls"), DONE] => [
        "tool_start 0 call_k1 find Client",
        r#"tool_input 0 "{\"hull\":8}""#,
        r#"tool_call 0 find {"hull":8}"#,
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"find","input":{"hull":8}}"#,
        "complete tool_use",
    ]
    half_of_a_pair_in_arguments: [calls(&[&whole(0, "call_k1", "find_boat", r#"{"hull":"\ud83d"}"#)]), end("tool_calls"), DONE] => [
        "tool_start 0 call_k1 find_boat Client",
        r#"tool_input 0 "{\"hull\":\"\\ud83d\"}""#,
        r#"tool_call 0 find_boat {"hull":"\ufffd"}"#,
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"find_boat","input":{"hull":"\ufffd"}}"#,
        "complete tool_use",
    ]
    openrouter_ends_a_cut_text_as_a_whole_one: [say("Sta"),
        chunk(r#"{"index":0,"delta":{"content":""},"finish_reason":"stop","native_finish_reason":"max_output_tokens"}"#), DONE] => [
        r#"token 0 "Sta""#,
        r#"block 0 {"type":"text","text":"Sta"}"#,
        "complete max_tokens unsafe",
    ]
    openrouter_fails_in_a_chunk: [say("Sta"),
        r#"{"id":"gen-lark","provider":"Quay","object":"chat.completion.chunk","error":{"code":502,"message":"Quay went away","metadata":{"provider_name":"Quay"}},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error","native_finish_reason":null}]}"#, DONE] => [
        r#"token 0 "Sta""#,
        "error server: the server reported error 502: Quay went away",
    ]
    openrouter_fails_in_a_choice: [say("Sta"), chunk(r#"{"index":0,"delta":{"content":"y"},"finish_reason":"error","error":{"code":"502","message":"Quay went away"}}"#)] => [
        r#"token 0 "Sta""#,
        r#"token 0 "y""#,
        "error server: the server reported error 502: Quay went away",
    ]
    openrouter_sends_no_choices: [r#"{"id":"gen-lark","object":"chat.completion.chunk","choices":null}"#, say("Stay."), end("stop"), DONE] => [
        r#"token 0 "Stay.""#,
        r#"block 0 {"type":"text","text":"Stay."}"#,
        "complete end_turn",
    ]
    groq: [
        r#"{"id":"chatcmpl-gq","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":null,"channel":"analysis"},"finish_reason":null}],"x_groq":{"id":"req_quay","seed":5}}"#,
        delta(r#"{"channel":"analysis","reasoning":"Low tide."}"#), delta(r#"{"channel":"final","content":"Wait."}"#),
        r#"{"id":"chatcmpl-gq","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"req_quay","usage":{"queue_time":0.02,"prompt_tokens":11,"completion_tokens":6,"total_tokens":17,"total_time":0.3}}}"#, DONE] => [
        r#"thinking 0 "Low tide.""#,
        r#"block 0 {"type":"thinking","thinking":"Low tide."}"#,
        r#"token 1 "Wait.""#,
        r#"block 1 {"type":"text","text":"Wait."}"#,
        "complete end_turn",
    ]
    groq_fails_in_its_own_field: [say("Wa"), r#"{"id":"chatcmpl-gq","object":"chat.completion.chunk","choices":[],"x_groq":{"id":"req_quay","error":"over capacity"}}"#, DONE] => [
        r#"token 0 "Wa""#,
        "error server: the server reported an error: over capacity",
    ]
    groq_could_not_write_a_call: ["event: error\ndata: {\"error\":{\"message\":\"Failed to call a function\",\"type\":\"invalid_request_error\",\"code\":\"tool_use_failed\",\"failed_generation\":\"<fn\"}}\n\n"] => [
        "error server: the server reported invalid_request_error, tool_use_failed: Failed to call a function",
    ]
    xai_names_no_reason_until_the_end: [": keepalive\n\n", chunk(r#"{"index":0,"delta":{"role":"assistant","content":"","reasoning_content":"Hm."}}"#), chunk(r#"{"index":0,"delta":{"content":"Aye."}}"#),
        chunk(r#"{"index":0,"delta":{},"finish_reason":"stop"}"#), r#"{"id":"lark-xa","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":30,"completion_tokens":4,"total_tokens":54,"completion_tokens_details":{"reasoning_tokens":20}},"citations":["https://mast.test/2"]}"#, DONE] => [
        "ping",
        r#"thinking 0 "Hm.""#,
        r#"block 0 {"type":"thinking","thinking":"Hm."}"#,
        r#"token 1 "Aye.""#,
        r#"block 1 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    vllm: [delta(r#"{"role":"assistant","content":"","reasoning":null,"token_ids":null}"#), delta(r#"{"reasoning":"Hm."}"#), delta(r#"{"reasoning":"","content":"Aye."}"#),
        chunk(r#"{"index":0,"delta":{"content":""},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null}"#), usage(COUNTS), DONE] => [
        r#"thinking 0 "Hm.""#,
        r#"block 0 {"type":"thinking","thinking":"Hm."}"#,
        r#"token 1 "Aye.""#,
        r#"block 1 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    vllm_with_both_names_at_once: [delta(r#"{"reasoning":"Hm.","reasoning_content":"Hm."}"#), delta(r#"{"reasoning_content":"","reasoning":" So."}"#), say("Aye."), end("stop"), DONE] => [
        r#"thinking 0 "Hm.""#,
        r#"thinking 0 " So.""#,
        r#"block 0 {"type":"thinking","thinking":"Hm. So."}"#,
        r#"token 1 "Aye.""#,
        r#"block 1 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    vllm_fails_with_a_number: [say("Ay"), r#"{"error":{"message":"Engine died","type":"InternalServerError","param":null,"code":500}}"#, DONE] => [
        r#"token 0 "Ay""#,
        "error server: the server reported InternalServerError: Engine died",
    ]
    vllm_calls_a_cut_call_whole: [first(0, "chatcmpl-tool-9a", "find_boat"), more(0, "{\"hull\":"), end("tool_calls"), DONE] => [
        "tool_start 0 chatcmpl-tool-9a find_boat Client",
        r#"tool_input 0 "{\"hull\":""#,
        r#"tool_call 0 find_boat "{\"hull\":" the text ends inside a value at byte 8"#,
        r#"block 0 {"type":"tool_use","id":"chatcmpl-tool-9a","name":"find_boat","partial_json":"{\"hull\":"}"#,
        "complete tool_use unsafe",
    ]
    sglang: [chunk(r#"{"index":0,"delta":{"role":"assistant","content":"","reasoning_content":null},"finish_reason":null,"matched_stop":null}"#), delta(r#"{"role":null,"reasoning_content":"Hm."}"#), say("Aye."),
        chunk(r#"{"index":0,"delta":{"content":null},"finish_reason":"stop","matched_stop":151645}"#), usage(COUNTS), DONE] => [
        r#"thinking 0 "Hm.""#,
        r#"block 0 {"type":"thinking","thinking":"Hm."}"#,
        r#"token 1 "Aye.""#,
        r#"block 1 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    llama_cpp: [delta(r#"{"role":"assistant","content":null}"#), delta(r#"{"reasoning_content":"Hm."}"#), say("Aye."), chunk(r#"{"index":0,"delta":{},"finish_reason":"stop"}"#),
        r#"{"choices":[],"created":1790000000,"id":"chatcmpl-lark","object":"chat.completion.chunk","usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7},"timings":{"prompt_n":3,"predicted_ms":12.5}}"#, DONE] => [
        r#"thinking 0 "Hm.""#,
        r#"block 0 {"type":"thinking","thinking":"Hm."}"#,
        r#"token 1 "Aye.""#,
        r#"block 1 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    llama_cpp_fails_in_a_line_of_its_own: [say("Ay"), "error: {\"error\":{\"code\":500,\"message\":\"Out of memory\",\"type\":\"server_error\"}}\n\n"] => [
        r#"token 0 "Ay""#,
        "error server: the server reported server_error: Out of memory",
    ]
    llama_cpp_repeats_the_name: [first(0, "call_k1", "find_boat"), calls(&[r#"{"index":0,"function":{"name":"find_boat","arguments":"{\"hull\":"}}"#]), calls(&[r#"{"index":0,"function":{"name":"find_boat","arguments":"7}"}}"#]), end("tool_calls"), DONE] => [
        "tool_start 0 call_k1 find_boat Client",
        r#"tool_input 0 "{\"hull\":""#,
        r#"tool_input 0 "7}""#,
        r#"tool_call 0 find_boat {"hull":7}"#,
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"find_boat","input":{"hull":7}}"#,
        "complete tool_use",
    ]
    ollama: [delta(r#"{"role":"assistant","content":"","reasoning":"Hm."}"#), calls(&[&whole(0, "call_o1", "find_boat", "{}")]), calls(&[&whole(0, "call_o2", "ring_bell", "{}")]), end("stop"), DONE] => [
        r#"thinking 0 "Hm.""#,
        r#"block 0 {"type":"thinking","thinking":"Hm."}"#,
        "tool_start 1 call_o1 find_boat Client",
        r#"tool_input 1 "{}""#,
        "tool_start 2 call_o2 ring_bell Client",
        r#"tool_input 2 "{}""#,
        "tool_call 1 find_boat {}",
        r#"block 1 {"type":"tool_use","id":"call_o1","name":"find_boat","input":{}}"#,
        "tool_call 2 ring_bell {}",
        r#"block 2 {"type":"tool_use","id":"call_o2","name":"ring_bell","input":{}}"#,
        "complete tool_use",
    ]
    lm_studio_names_its_errors: [say("Ay"), "event: error\ndata: {\"error\":{\"message\":\"The model has crashed\"},\"message\":\"The model has crashed\"}\n\n"] => [
        r#"token 0 "Ay""#,
        "error server: the server reported an error: The model has crashed",
    ]
    azure_filters: [r#"{"id":"","object":"","created":0,"model":"","choices":[],"prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}"#, ROLE, say("Aye."), end("stop"),
        r#"{"id":"","object":"","created":0,"model":"","choices":[{"index":0,"finish_reason":null,"content_filter_results":{},"content_filter_offsets":{"check_offset":4,"start_offset":4,"end_offset":8}}]}"#, usage(COUNTS), DONE] => [
        "ping",
        r#"token 0 "Aye.""#,
        r#"block 0 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    azure_cuts_what_it_filters: [say("A curse"), r#"{"id":"","object":"","choices":[{"index":0,"finish_reason":"content_filter","content_filter_results":{"hate":{"filtered":true}},"content_filter_offsets":{"check_offset":0}}]}"#, DONE] => [
        r#"token 0 "A curse""#,
        r#"block 0 {"type":"text","text":"A curse"}"#,
        "complete content_filter unsafe",
    ]
    copilot: [r#"{"choices":[],"created":0,"id":"","prompt_filter_results":[{"prompt_index":0}]}"#,
        r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning_text":"Hm."}}],"id":"lark-co","model":"lark-c"}"#,
        r#"{"choices":[{"index":0,"delta":{"content":null,"reasoning_opaque":"b3BhcXVl"}}],"id":"lark-co","model":"lark-c"}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"Aye."}}],"id":"lark-co","model":"lark-c"}"#,
        r#"{"choices":[{"index":0,"delta":{"content":null},"finish_reason":"stop"}],"id":"lark-co","usage":{"prompt_tokens":9,"completion_tokens":5,"total_tokens":14,"reasoning_tokens":3},"copilot_usage":{"total":1}}"#, DONE] => [
        "ping",
        r#"thinking 0 "Hm.""#,
        "signature 0 b3BhcXVl",
        r#"block 0 {"type":"thinking","thinking":"Hm.","signature":"b3BhcXVl"}"#,
        r#"token 1 "Aye.""#,
        r#"block 1 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    cerebras: [chunk(r#"{"delta":{"role":"assistant"},"index":0}"#), chunk(r#"{"delta":{"reasoning":"Hm."},"index":0}"#), chunk(r#"{"delta":{"content":"Aye"},"index":0}"#),
        r#"{"choices":[{"delta":{},"finish_reason":"stop","index":0}],"object":"chat.completion.chunk","usage":{"prompt_tokens":30,"completion_tokens":12,"total_tokens":42,"prompt_tokens_details":{"cached_tokens":0}},"time_info":{"queue_time":0.1,"total_time":1.5}}"#] => [
        r#"thinking 0 "Hm.""#,
        r#"block 0 {"type":"thinking","thinking":"Hm."}"#,
        r#"token 1 "Aye""#,
        r#"block 1 {"type":"text","text":"Aye"}"#,
        "complete end_turn",
    ]
    hugging_face: [r#"{"id":"lark","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Aye"},"finish_reason":null}],"system_fingerprint":"","sla_metrics":{"ttft_ms":274}}"#,
        r#"{"id":"lark","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"eos_token"}],"sla_metrics":{"ttft_ms":275}}"#,
        r#"{"id":"lark","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":4,"completion_tokens":2,"total_tokens":6,"prompt_tokens_details":null}}"#, DONE] => [
        r#"token 0 "Aye""#,
        r#"block 0 {"type":"text","text":"Aye"}"#,
        "complete end_turn",
    ]
    databricks: [r#"{"model":"lark","choices":[{"delta":{"role":"assistant","content":"Aye"},"index":0,"finish_reason":null}],"usage":{"cache_read_input_tokens":0,"completion_tokens":null,"prompt_tokens":36,"total_tokens":null},"object":"chat.completion.chunk","id":"msg_lark"}"#,
        r#"{"model":"lark","choices":[{"delta":{"role":"assistant","content":""},"index":0,"finish_reason":"stop"}],"usage":{"cache_read_input_tokens":0,"completion_tokens":5,"prompt_tokens":36,"total_tokens":41},"object":"chat.completion.chunk","id":"msg_lark"}"#, DONE] => [
        r#"token 0 "Aye""#,
        r#"block 0 {"type":"text","text":"Aye"}"#,
        "complete end_turn",
    ]
    cloudflare: [r#"{"id":"id-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"Aye","tool_calls":[]},"finish_reason":null}],"p":"abdefghij","usage":{"prompt_tokens":3,"completion_tokens":0,"total_tokens":3}}"#,
        r#"{"id":"id-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":null},"finish_reason":"stop"}],"p":"ab","usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#, DONE] => [
        r#"token 0 "Aye""#,
        r#"block 0 {"type":"text","text":"Aye"}"#,
        "complete end_turn",
    ]
    perplexity_says_all_again: [
        "data: {\"id\":\"lark-px\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Two\"},\"delta\":{\"role\":\"assistant\",\"content\":\"Two\"}}],\"citations\":[\"https://mast.test/3\"],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":1,\"total_tokens\":5}}\r\n\r\n",
        "data: {\"id\":\"lark-px\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Two masts\"},\"delta\":{\"content\":\" masts\"},\"finish_reason\":\"stop\"}],\"citations\":[\"https://mast.test/3\"],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":2,\"total_tokens\":6}}\r\n\r\n"] => [
        r#"token 0 "Two""#,
        r#"token 0 " masts""#,
        r#"block 0 {"type":"text","text":"Two masts"}"#,
        "complete end_turn",
    ]
    venice_repeats_itself: [
        delta(r#"{"role":null,"content":null,"tool_calls":[{"index":0,"id":"call_v1","type":"function","function":{"name":"find_boat","arguments":"{\"hull\""}}],"reasoning_encrypted":false}"#),
        delta(r#"{"role":null,"content":null,"tool_calls":[{"index":0,"id":"call_v1","type":"function","function":{"name":"find_boat","arguments":":7}"}}]}"#),
        delta(r#"{"role":null,"content":"","tool_calls":null}"#), end("tool_calls"), DONE] => [
        "tool_start 0 call_v1 find_boat Client",
        r#"tool_input 0 "{\"hull\"""#,
        r#"tool_input 0 ":7}""#,
        r#"tool_call 0 find_boat {"hull":7}"#,
        r#"block 0 {"type":"tool_use","id":"call_v1","name":"find_boat","input":{"hull":7}}"#,
        "complete tool_use",
    ]
    venice_fails_in_words: [say("Ay"), r#"{"error":"The anchor slipped","cost":0.1}"#] => [
        r#"token 0 "Ay""#,
        "error server: the server reported an error: The anchor slipped",
    ]
    doubleword_thinks_in_three_fields: [
        delta(r#"{"reasoning":"Hm","reasoning_content":"Hm","reasoning_details":[{"type":"reasoning.text","text":"Hm","index":0}]}"#),
        delta(r#"{"reasoning":".","reasoning_content":".","reasoning_details":[{"type":"reasoning.text","text":".","index":0}]}"#), say("Aye."), end("stop"), DONE] => [
        r#"thinking 0 "Hm""#,
        r#"thinking 0 ".""#,
        r#"token 1 "Aye.""#,
        r#"block 0 {"type":"thinking","thinking":"Hm.","raw":[{"type":"reasoning.text","text":"Hm.","index":0}]}"#,
        r#"block 1 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    litellm_counts_from_one: [first(1, "call_k1", "find_boat"), more(1, "{\"hull\":7}"), first(2, "call_k2", "ring_bell"), end("tool_calls"), DONE] => [
        "tool_start 0 call_k1 find_boat Client",
        r#"tool_input 0 "{\"hull\":7}""#,
        "tool_start 1 call_k2 ring_bell Client",
        r#"tool_call 0 find_boat {"hull":7}"#,
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"find_boat","input":{"hull":7}}"#,
        "tool_call 1 ring_bell {}",
        r#"block 1 {"type":"tool_use","id":"call_k2","name":"ring_bell","input":{}}"#,
        "complete tool_use",
    ]
    tags_in_the_text_are_text: [say("<thi"), say("nk>Hm.</think>Aye."), end("stop"), DONE] => [
        r#"token 0 "<thi""#,
        r#"token 0 "nk>Hm.</think>Aye.""#,
        r#"block 0 {"type":"text","text":"<think>Hm.</think>Aye."}"#,
        "complete end_turn",
    ]
    together_says_the_text_twice: [chunk(r#"{"index":0,"text":"Aye.","seed":7,"delta":{"role":"assistant","content":"Aye.","token_id":5}}"#), end("stop"), DONE] => [
        r#"token 0 "Aye.""#,
        r#"block 0 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
}

// The oddities.

cases! {
    a_call_without_its_number_goes_on: [calls(&[r#"{"id":"call_k1","function":{"name":"find_boat","arguments":"{\"hull\""}}"#]), calls(&[r#"{"function":{"arguments":":7}"}}"#]),
        calls(&[r#"{"id":"call_k2","function":{"name":"find_boat","arguments":""}}"#]), calls(&[r#"{"function":{"arguments":"{}"}}"#]), end("tool_calls"), DONE] => [
        "tool_start 0 call_k1 find_boat Client",
        r#"tool_input 0 "{\"hull\"""#,
        r#"tool_input 0 ":7}""#,
        "tool_start 1 call_k2 find_boat Client",
        r#"tool_input 1 "{}""#,
        r#"tool_call 0 find_boat {"hull":7}"#,
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"find_boat","input":{"hull":7}}"#,
        "tool_call 1 find_boat {}",
        r#"block 1 {"type":"tool_use","id":"call_k2","name":"find_boat","input":{}}"#,
        "complete tool_use",
    ]
    a_known_id_counts_more_than_the_number: [first(0, "call_k1", "find_boat"), first(1, "call_k2", "ring_bell"),
        calls(&[r#"{"index":1,"id":"call_k1","function":{"arguments":"{\"a\":1}"}}"#]), calls(&[r#"{"id":"call_k2","function":{"arguments":"{\"b\":2}"}}"#]), end("tool_calls"), DONE] => [
        "tool_start 0 call_k1 find_boat Client",
        "tool_start 1 call_k2 ring_bell Client",
        r#"tool_input 0 "{\"a\":1}""#,
        r#"tool_input 1 "{\"b\":2}""#,
        r#"tool_call 0 find_boat {"a":1}"#,
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"find_boat","input":{"a":1}}"#,
        r#"tool_call 1 ring_bell {"b":2}"#,
        r#"block 1 {"type":"tool_use","id":"call_k2","name":"ring_bell","input":{"b":2}}"#,
        "complete tool_use",
    ]
    a_number_used_again_means_the_later_call: [first(0, "call_k1", "find_boat"), more(0, "{}"), first(0, "call_k2", "ring_bell"), more(0, "{\"n\":2}"), end("tool_calls"), DONE] => [
        "tool_start 0 call_k1 find_boat Client",
        r#"tool_input 0 "{}""#,
        "tool_start 1 call_k2 ring_bell Client",
        r#"tool_input 1 "{\"n\":2}""#,
        "tool_call 0 find_boat {}",
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"find_boat","input":{}}"#,
        r#"tool_call 1 ring_bell {"n":2}"#,
        r#"block 1 {"type":"tool_use","id":"call_k2","name":"ring_bell","input":{"n":2}}"#,
        "complete tool_use",
    ]
    two_pieces_of_a_call_in_one_chunk: [calls(&[&whole(0, "call_k1", "find_boat", ""), r#"{"index":0,"function":{"arguments":"{\"hull\":7}"}}"#]), end("tool_calls"), DONE] => [
        "tool_start 0 call_k1 find_boat Client",
        r#"tool_input 0 "{\"hull\":7}""#,
        r#"tool_call 0 find_boat {"hull":7}"#,
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"find_boat","input":{"hull":7}}"#,
        "complete tool_use",
    ]
    the_name_comes_behind_the_arguments: [calls(&[r#"{"index":0,"id":"call_k1"}"#]), more(0, "{\"hull\""), more(0, ":7"), calls(&[r#"{"index":0,"function":{"name":"find_boat"}}"#]), more(0, "}"), end("tool_calls"), DONE] => [
        "tool_start 0 call_k1 find_boat Client",
        r#"tool_input 0 "{\"hull\":7""#,
        r#"tool_input 0 "}""#,
        r#"tool_call 0 find_boat {"hull":7}"#,
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"find_boat","input":{"hull":7}}"#,
        "complete tool_use",
    ]
    ids_that_are_missing_are_made_up: [calls(&[r#"{"index":0,"function":{"name":"find_boat","arguments":"{}"}}"#, r#"{"index":1,"id":null,"function":{"name":"ring_bell","arguments":"{}"}}"#]), end("tool_calls"), DONE] => [
        "tool_start 0 call_0_chatcmpllark find_boat Client",
        r#"tool_input 0 "{}""#,
        "warning missing_tool_id 0",
        "tool_start 1 call_1_chatcmpllark ring_bell Client",
        r#"tool_input 1 "{}""#,
        "tool_call 0 find_boat {}",
        r#"block 0 {"type":"tool_use","id":"call_0_chatcmpllark","name":"find_boat","input":{}}"#,
        "tool_call 1 ring_bell {}",
        r#"block 1 {"type":"tool_use","id":"call_1_chatcmpllark","name":"ring_bell","input":{}}"#,
        "complete tool_use",
    ]
    calls_that_have_neither_numbers_nor_ids: [calls(&[r#"{"function":{"name":"find_boat","arguments":"{}"}}"#]), calls(&[r#"{"function":{"name":"ring_bell","arguments":"{}"}}"#]), end("stop"), DONE] => [
        "tool_start 0 call_0_chatcmpllark find_boat Client",
        r#"tool_input 0 "{}""#,
        "warning missing_tool_id 0",
        "tool_start 1 call_1_chatcmpllark ring_bell Client",
        r#"tool_input 1 "{}""#,
        "tool_call 0 find_boat {}",
        r#"block 0 {"type":"tool_use","id":"call_0_chatcmpllark","name":"find_boat","input":{}}"#,
        "tool_call 1 ring_bell {}",
        r#"block 1 {"type":"tool_use","id":"call_1_chatcmpllark","name":"ring_bell","input":{}}"#,
        "complete tool_use",
    ]
    arguments_that_are_no_string: [calls(&[r#"{"index":0,"id":"call_k1","function":{"name":"find_boat","arguments":{"hull": 7}}}"#, r#"{"index":1,"id":"call_k2","function":{"name":"ring_bell","arguments":null}}"#]), end("tool_calls"), DONE] => [
        "tool_start 0 call_k1 find_boat Client",
        r#"tool_input 0 "{\"hull\": 7}""#,
        "tool_start 1 call_k2 ring_bell Client",
        r#"tool_call 0 find_boat {"hull": 7}"#,
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"find_boat","input":{"hull": 7}}"#,
        "tool_call 1 ring_bell {}",
        r#"block 1 {"type":"tool_use","id":"call_k2","name":"ring_bell","input":{}}"#,
        "complete tool_use",
    ]
    arguments_that_could_have_ended_go_on: [first(0, "call_k1", "find_boat"), more(0, "{}"), more(0, " "), end("tool_calls"), DONE] => [
        "tool_start 0 call_k1 find_boat Client",
        r#"tool_input 0 "{}""#,
        r#"tool_input 0 " ""#,
        "tool_call 0 find_boat {} ",
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"find_boat","input":{} }"#,
        "complete tool_use",
    ]
    arguments_that_are_no_object: [calls(&[&whole(0, "call_k1", "find_boat", "[7]")]), end("tool_calls"), DONE] => [
        "tool_start 0 call_k1 find_boat Client",
        r#"tool_input 0 "[7]""#,
        r#"tool_call 0 find_boat "[7]" not a JSON object"#,
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"find_boat","partial_json":"[7]"}"#,
        "complete tool_use",
    ]
    a_call_that_the_limit_cut: [say("Look."), first(0, "call_k1", "find_boat"), more(0, "{\"hull\":"), end("length"), DONE] => [
        r#"token 0 "Look.""#,
        r#"block 0 {"type":"text","text":"Look."}"#,
        "tool_start 1 call_k1 find_boat Client",
        r#"tool_input 1 "{\"hull\":""#,
        "complete max_tokens unsafe",
    ]
    a_call_before_one_that_the_limit_cut: [calls(&[&whole(0, "call_k1", "find_boat", "{\"hull\":7}")]), first(1, "call_k2", "ring_bell"), end("length"), DONE] => [
        "tool_start 0 call_k1 find_boat Client",
        r#"tool_input 0 "{\"hull\":7}""#,
        "tool_start 1 call_k2 ring_bell Client",
        r#"tool_call 0 find_boat {"hull":7}"#,
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"find_boat","input":{"hull":7}}"#,
        "complete max_tokens unsafe",
    ]
    a_custom_call_that_the_limit_cut: [calls(&[r#"{"index":0,"id":"call_k1","type":"custom","custom":{"name":"draw","input":"a red"}}"#]), end("length"), DONE] => [
        "tool_start 0 call_k1 draw Custom",
        r#"tool_input 0 "a red""#,
        "complete max_tokens unsafe",
    ]
    the_first_reason_wins: [say("Aye."), end("length"), end("stop"), DONE] => [
        r#"token 0 "Aye.""#,
        r#"block 0 {"type":"text","text":"Aye."}"#,
        "complete max_tokens unsafe",
    ]
    a_late_null_takes_no_reason_back: [say("Aye."), end("stop"), delta("{}"), DONE] => [
        r#"token 0 "Aye.""#,
        r#"block 0 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    text_behind_the_reason_counts: [say("Aye"), end("stop"), say(", sir"), say("."), DONE] => [
        r#"token 0 "Aye""#,
        r#"token 0 ", sir""#,
        r#"token 0 ".""#,
        r#"block 0 {"type":"text","text":"Aye, sir."}"#,
        "complete end_turn",
    ]
    a_call_behind_the_reason_counts: [end("stop"), calls(&[&whole(0, "call_k1", "ring_bell", "{}")]), DONE] => [
        "tool_start 0 call_k1 ring_bell Client",
        r#"tool_input 0 "{}""#,
        "tool_call 0 ring_bell {}",
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"ring_bell","input":{}}"#,
        "complete tool_use",
    ]
    an_error_behind_the_reason_counts: [say("Aye."), end("stop"), r#"{"error":{"message":"The mast broke","type":"api_error"}}"#, DONE] => [
        r#"token 0 "Aye.""#,
        "error server: the server reported api_error: The mast broke",
    ]
    a_reason_that_is_an_error_takes_the_first_back: [say("Aye."), end("stop"), end("error"), DONE] => [
        r#"token 0 "Aye.""#,
        "error server: the server reported error: the server could not finish the reply",
    ]
    nothing_behind_done_counts: [say("Aye."), end("stop"), DONE, say("No."), r#"{"error":{"message":"late"}}"#, "data: {broken\n\n"] => [
        r#"token 0 "Aye.""#,
        r#"block 0 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    done_has_spaces_behind_it: [say("Aye."), end("stop"), "data: [DONE]  \n\n"] => [
        r#"token 0 "Aye.""#,
        r#"block 0 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    empty_deltas_open_and_close_nothing: [ROLE, delta(r#"{"content":"","reasoning_content":"Hm"}"#), delta(r#"{"content":null,"reasoning":"","reasoning_content":".","refusal":"","tool_calls":[]}"#), delta(r#"{"content":"Aye","reasoning_content":""}"#),
        delta(r#"{"content":".","reasoning_content":null,"tool_calls":null,"function_call":null,"reasoning_details":[],"annotations":[],"extra_content":null}"#), delta("null"), chunk(r#"{"index":0}"#), end("stop"), DONE] => [
        r#"thinking 0 "Hm""#,
        r#"thinking 0 ".""#,
        r#"block 0 {"type":"thinking","thinking":"Hm."}"#,
        r#"token 1 "Aye""#,
        r#"token 1 ".""#,
        r#"block 1 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    thinking_may_begin_again: [field("reasoning", "Hm."), say("Aye."), field("reasoning", "Or no."), say("No."), end("stop"), DONE] => [
        r#"thinking 0 "Hm.""#,
        r#"block 0 {"type":"thinking","thinking":"Hm."}"#,
        r#"token 1 "Aye.""#,
        r#"block 1 {"type":"text","text":"Aye."}"#,
        r#"thinking 2 "Or no.""#,
        r#"block 2 {"type":"thinking","thinking":"Or no."}"#,
        r#"token 3 "No.""#,
        r#"block 3 {"type":"text","text":"No."}"#,
        "complete end_turn",
    ]
    one_delta_with_all_kinds: [chunk(r#"{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":0,"id":"call_k1","function":{"name":"ring_bell","arguments":"{}"}}],"content":"Aye.","reasoning_content":"Hm."},"finish_reason":"tool_calls"}"#), DONE] => [
        r#"thinking 0 "Hm.""#,
        r#"block 0 {"type":"thinking","thinking":"Hm."}"#,
        r#"token 1 "Aye.""#,
        r#"block 1 {"type":"text","text":"Aye."}"#,
        "tool_start 2 call_k1 ring_bell Client",
        r#"tool_input 2 "{}""#,
        "tool_call 2 ring_bell {}",
        r#"block 2 {"type":"tool_use","id":"call_k1","name":"ring_bell","input":{}}"#,
        "complete tool_use",
    ]
    unknown_events_are_handed_on: [r#"{"type":"keepalive","sequence_number":3}"#, say("Aye."), "event: tide\ndata: low\n\n", end("stop"), DONE] => [
        r#"unknown  {"type":"keepalive","sequence_number":3}"#,
        r#"token 0 "Aye.""#,
        "unknown tide low",
        r#"block 0 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    frames_without_data: ["data:\n\n", say("Aye."), "data: \n\n", "event: ping\n\n", end("stop"), DONE] => [
        "ping",
        r#"token 0 "Aye.""#,
        "ping",
        r#"block 0 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    chunks_have_names_and_numbers: [format!("event: chunk\nid: 1\nretry: 5\ndata: {}\n\n", say("Aye.")), format!("event: completion.chunk\ndata: {}\n\n", end("stop")), DONE] => [
        r#"token 0 "Aye.""#,
        r#"block 0 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    a_chunk_on_several_lines: ["data: {\"choices\":\ndata: [{\"delta\":{\"content\":\"Aye.\"},\ndata: \"finish_reason\":\"stop\"}]}\n\n", DONE] => [
        r#"token 0 "Aye.""#,
        r#"block 0 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    lines_end_in_all_ways: [format!("\u{feff}data: {}\r\rdata:{}\r\n\r\n", say("Aye"), say(", öl.")), end("stop"), "data: [DONE]\r\r"] => [
        r#"token 0 "Aye""#,
        r#"token 0 ", öl.""#,
        r#"block 0 {"type":"text","text":"Aye, öl."}"#,
        "complete end_turn",
    ]
    a_chunk_that_is_broken: [say("Aye"), "data: {\"choices\":[{\"delta\":{\"content\":\"no\n\n", end("stop"), DONE] => [
        r#"token 0 "Aye""#,
        "error malformed: malformed `chunk`: the text ends inside a value",
    ]
}

// Why a reply ended.

cases! {
    length_is_a_limit: [end("length"), DONE] => ["complete max_tokens unsafe"]
    model_length_is_a_limit: [end("model_length"), DONE] => ["complete max_tokens unsafe"]
    max_tokens_is_a_limit: [end("max_tokens"), DONE] => ["complete max_tokens unsafe"]
    a_full_window_is_a_limit: [end("model_context_window_exceeded"), DONE] => ["complete model_context_window_exceeded unsafe"]
    a_filter_stopped_it: [end("content_filter"), DONE] => ["complete content_filter unsafe"]
    sensitive_is_a_filter: [end("sensitive"), DONE] => ["complete content_filter unsafe"]
    eos_is_an_end: [end("eos"), DONE] => ["complete end_turn"]
    end_turn_is_an_end: [end("end_turn"), DONE] => ["complete end_turn"]
    a_stop_sequence_was_met: [end("stop_sequence"), DONE] => ["complete stop_sequence"]
    a_reason_that_is_new: [end("capsized"), DONE] => ["complete capsized unsafe"]
    an_empty_reason_is_none: [say("A"), end(""), end("stop"), DONE] => [
        r#"token 0 "A""#,
        r#"block 0 {"type":"text","text":"A"}"#,
        "complete end_turn",
    ]
    only_an_empty_reason: [say("A"), end(""), DONE] => [
        r#"token 0 "A""#,
        "error incomplete: the stream ended before a stop reason",
    ]
    calls_that_ended_with_stop: [calls(&[&whole(0, "call_k1", "ring_bell", "{}")]), end("stop"), DONE] => [
        "tool_start 0 call_k1 ring_bell Client",
        r#"tool_input 0 "{}""#,
        "tool_call 0 ring_bell {}",
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"ring_bell","input":{}}"#,
        "complete tool_use",
    ]
    calls_that_ended_as_anthropic_ends_them: [calls(&[&whole(0, "call_k1", "ring_bell", "{}")]), end("tool_use"), DONE] => [
        "tool_start 0 call_k1 ring_bell Client",
        r#"tool_input 0 "{}""#,
        "tool_call 0 ring_bell {}",
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"ring_bell","input":{}}"#,
        "complete tool_use",
    ]
    no_call_was_made: [say("A"), end("tool_calls"), DONE] => [
        r#"token 0 "A""#,
        "warning missing_tool_call",
        r#"block 0 {"type":"text","text":"A"}"#,
        "complete end_turn",
    ]
    error_is_an_error: [say("A"), end("error")] => [
        r#"token 0 "A""#,
        "error server: the server reported error: the server could not finish the reply",
    ]
    a_network_error: [say("A"), end("network_error"), DONE] => [
        r#"token 0 "A""#,
        "error server: the server reported network_error: the server could not finish the reply",
    ]
    too_few_resources: [say("A"), end("insufficient_system_resource"), DONE] => [
        r#"token 0 "A""#,
        "error server: the server reported insufficient_system_resource: the server could not finish the reply",
    ]
}

// How a stream ends.

cases! {
    a_reason_and_done: [say("A"), end("stop"), DONE] => [r#"token 0 "A""#, r#"block 0 {"type":"text","text":"A"}"#, "complete end_turn"]
    a_reason_and_the_end_of_input: [say("A"), end("stop")] => [r#"token 0 "A""#, r#"block 0 {"type":"text","text":"A"}"#, "complete end_turn"]
    a_reason_with_usage_and_the_end_of_input: [say("A"), end("stop"), usage(COUNTS)] => [r#"token 0 "A""#, r#"block 0 {"type":"text","text":"A"}"#, "complete end_turn"]
    a_reason_and_a_cut_frame: [say("A"), end("stop"), "data: {\"id\":\"chatc"] => [r#"token 0 "A""#, "warning cut_event", r#"block 0 {"type":"text","text":"A"}"#, "complete end_turn"]
    a_done_without_its_last_line: [say("A"), end("stop"), "data: [DONE]"] => [r#"token 0 "A""#, r#"block 0 {"type":"text","text":"A"}"#, "complete end_turn"]
    no_reason_but_done: [say("A"), DONE] => [r#"token 0 "A""#, "error incomplete: the stream ended before a stop reason"]
    neither_a_reason_nor_done: [say("A")] => [r#"token 0 "A""#, "error incomplete: the stream ended before a stop reason"]
    usage_is_no_end: [say("A"), usage(COUNTS)] => [r#"token 0 "A""#, "error incomplete: the stream ended before a stop reason"]
    a_call_is_no_end: [calls(&[&whole(0, "call_k1", "ring_bell", "{}")])] => [
        "tool_start 0 call_k1 ring_bell Client",
        r#"tool_input 0 "{}""#,
        "error incomplete: the stream ended before a stop reason",
    ]
    done_and_nothing_else: [DONE] => ["error empty_stream: the stream ended before it had begun"]
    comments_and_done: [": waiting\n\n", DONE] => ["ping", "error empty_stream: the stream ended before it had begun"]
    usage_and_done: [usage(COUNTS), DONE] => ["error incomplete: the stream ended before a stop reason"]
    no_bytes_at_all: [] => ["error empty_stream: the stream ended before it had begun"]
    a_sound_ends_without_a_reason: [delta(r#"{"audio":{"id":"audio_lark","transcript":"Ay"}}"#), delta(r#"{"audio":{"expires_at":1790000100}}"#), DONE] => [
        "error incomplete: the stream ended before a stop reason",
    ]
}

// What comes late, twice, empty or in halves.

cases! {
    halves_of_a_thought_are_joined: [delta(r#"{"reasoning":"a\ud83d"}"#), delta(r#"{"reasoning":"\ude80"}"#), end("stop"), DONE] => [
        r#"thinking 0 "a""#,
        r#"thinking 0 "🚀""#,
        r#"block 0 {"type":"thinking","thinking":"a🚀"}"#,
        "complete end_turn",
    ]
    a_half_begins_with_nothing_to_say: [delta(r#"{"reasoning":"\ud83d"}"#), delta(r#"{"reasoning":"\ude80"}"#), end("stop"), DONE] => [
        r#"thinking 0 "🚀""#,
        r#"block 0 {"type":"thinking","thinking":"🚀"}"#,
        "complete end_turn",
    ]
    half_of_a_thought_at_its_end: [delta(r#"{"reasoning":"a\ud83d"}"#), say("Aye."), end("stop"), DONE] => [
        r#"thinking 0 "a""#,
        r#"thinking 0 "�""#,
        r#"block 0 {"type":"thinking","thinking":"a�"}"#,
        r#"token 1 "Aye.""#,
        r#"block 1 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    half_of_an_input_at_its_end: [first(0, "call_k1", "find_boat"), calls(&[r#"{"index":0,"function":{"arguments":"[7,\ud83d"}}"#]), end("tool_calls"), DONE] => [
        "tool_start 0 call_k1 find_boat Client",
        r#"tool_input 0 "[7,""#,
        r#"tool_input 0 "�""#,
        r#"tool_call 0 find_boat "[7,�" expected a value at byte 3"#,
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"find_boat","partial_json":"[7,�"}"#,
        "complete tool_use",
    ]
    an_empty_thought_in_a_part_is_none: [delta(r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":""}]}]}"#), say("Aye."), end("stop"), DONE] => [
        r#"token 0 "Aye.""#,
        r#"block 0 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    a_piece_of_no_call_is_none: [calls(&[r#"{"index":0}"#]), say("Aye."), end("stop"), DONE] => [
        r#"token 0 "Aye.""#,
        r#"block 0 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    an_object_in_the_second_piece_is_a_part_of_the_first: [first(0, "call_k1", "find_boat"), more(0, "{\"at\":"), more(0, "{\"x\":7}}"), end("tool_calls"), DONE] => [
        "tool_start 0 call_k1 find_boat Client",
        r#"tool_input 0 "{\"at\":""#,
        r#"tool_input 0 "{\"x\":7}}""#,
        r#"tool_call 0 find_boat {"at":{"x":7}}"#,
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"find_boat","input":{"at":{"x":7}}}"#,
        "complete tool_use",
    ]
    a_half_before_another_call_in_a_reply_that_was_cut: [calls(&[&whole(0, "call_k1", "find_boat", "{\"hull\":")]), first(1, "call_k2", "ring_bell"), end("length"), DONE] => [
        "tool_start 0 call_k1 find_boat Client",
        r#"tool_input 0 "{\"hull\":""#,
        "tool_start 1 call_k2 ring_bell Client",
        "complete max_tokens unsafe",
    ]
    a_model_that_was_loaded_has_said_nothing: [end("load"), DONE] => ["error incomplete: the stream ended before a stop reason"]
    a_call_that_is_named_at_the_end_names_its_choice: [of(1, r#"{"tool_calls":[{"index":0,"function":{"name":"ring_bell","arguments":"{}"}}]}"#), end_of(1, "tool_calls"), DONE] => [
        "choice 1",
        "tool_start 0 call_0_chatcmpllark ring_bell Client",
        r#"tool_input 0 "{}""#,
        "warning missing_tool_id 0",
        "tool_call 0 ring_bell {}",
        r#"block 0 {"type":"tool_use","id":"call_0_chatcmpllark","name":"ring_bell","input":{}}"#,
        "complete tool_use",
    ]
    a_choice_that_says_nothing_is_not_named: [of(0, r#"{"content":"A"}"#), end_of(1, "stop"), end_of(0, "stop"), DONE] => [
        r#"token 0 "A""#,
        r#"block 0 {"type":"text","text":"A"}"#,
        "complete end_turn end_turn",
    ]
    a_missing_id_is_that_of_its_own_block: [say("Look."), calls(&[r#"{"index":0,"function":{"name":"ring_bell","arguments":"{}"}}"#]), end("tool_calls"), DONE] => [
        r#"token 0 "Look.""#,
        r#"block 0 {"type":"text","text":"Look."}"#,
        "tool_start 1 call_0_chatcmpllark ring_bell Client",
        r#"tool_input 1 "{}""#,
        "warning missing_tool_id 1",
        "tool_call 1 ring_bell {}",
        r#"block 1 {"type":"tool_use","id":"call_0_chatcmpllark","name":"ring_bell","input":{}}"#,
        "complete tool_use",
    ]
    what_gemini_signs_is_the_last_block: [field("reasoning", "Hm."), say("Aye."), delta(r#"{"extra_content":{"google":{"thought_signature":"Z2Vt"}}}"#), end("stop"), DONE] => [
        r#"thinking 0 "Hm.""#,
        r#"block 0 {"type":"thinking","thinking":"Hm."}"#,
        r#"token 1 "Aye.""#,
        "signature 1 Z2Vt",
        r#"block 1 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ]
    a_text_behind_other_words_is_another_detail: [details(r#"{"type":"reasoning.text","text":"one","index":0}"#), say("So."), details(r#"{"type":"reasoning.text","text":"two","index":0}"#), end("stop"), DONE] => [
        r#"thinking 0 "one""#,
        r#"token 1 "So.""#,
        r#"block 1 {"type":"text","text":"So."}"#,
        r#"thinking 2 "two""#,
        r#"block 0 {"type":"thinking","thinking":"one","raw":[{"type":"reasoning.text","text":"one","index":0}]}"#,
        r#"block 2 {"type":"thinking","thinking":"two","raw":[{"type":"reasoning.text","text":"two","index":0}]}"#,
        "complete end_turn",
    ]
}

// Errors.

cases! {
    an_error_in_place_of_a_chunk: [say("A"), r#"{"error":{"message":"The mast broke","type":"server_error","param":null,"code":null}}"#, DONE] => [
        r#"token 0 "A""#,
        "error server: the server reported server_error: The mast broke",
    ]
    an_error_first_of_all: [r#"{"error":{"message":"The mast broke","type":"server_error"}}"#] => ["error server: the server reported server_error: The mast broke"]
    an_error_that_is_a_string: [r#"{"error":"The mast broke"}"#] => ["error server: the server reported an error: The mast broke"]
    an_error_of_xai: [r#"{"code":"invalid-argument","error":"No such sail"}"#] => ["error server: the server reported invalid-argument: No such sail"]
    an_error_of_google: [r#"{"error":{"code":503,"message":"Overloaded","status":"UNAVAILABLE"}}"#] => ["error server: the server reported UNAVAILABLE: Overloaded"]
    an_error_of_mistral: [r#"{"object":"error","message":"No such sail","type":"invalid_request_error","param":null,"code":"1500","raw_status_code":400}"#] => ["error server: the server reported invalid_request_error: No such sail"]
    an_error_of_mistral_with_a_list: [r#"{"object":"error","message":{"detail":[{"msg":"too long"}]},"type":"invalid_request_error"}"#] => [r#"error server: the server reported invalid_request_error: {"detail":[{"msg":"too long"}]}"#]
    an_error_that_is_a_detail: [r#"{"detail":"Unauthorized"}"#] => ["error server: the server reported an error: Unauthorized"]
    an_error_that_the_frame_names: ["event: error\ndata: {\"message\":\"No such sail\",\"code\":404}\n\n"] => ["error server: the server reported error 404: No such sail"]
    an_error_that_is_no_json: [say("A"), "event: error\ndata: upstream is gone\n\n"] => [r#"token 0 "A""#, "error server: the server reported an error: upstream is gone"]
    an_error_that_is_null_is_none: [r#"{"choices":[{"index":0,"delta":{"content":"A"},"finish_reason":"stop"}],"error":null}"#, DONE] => [r#"token 0 "A""#, r#"block 0 {"type":"text","text":"A"}"#, "complete end_turn"]
    an_error_in_place_of_the_stream: [" {\"error\":{\"message\":\"No such sail\",\"type\":\"invalid_request_error\"}}\n"] => ["error server: the server reported invalid_request_error: No such sail"]
}

#[test]
fn what_an_error_says_beside_its_message() {
    let error = server_error(&[
        r#"{"id":"gen-lark","error":{"code":502,"message":"Quay went away","param":"tools","metadata":{"provider_name":"Quay","raw":"x"}},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#,
    ]);
    assert_eq!(error.code.as_deref(), Some("502"));
    assert_eq!(error.param.as_deref(), Some("tools"));
    assert_eq!(error.details.as_deref(), Some(r#"{"provider_name":"Quay","raw":"x"}"#));

    let error = server_error(&[r#"{"code":"invalid-argument","error":"No such sail"}"#]);
    assert_eq!(error.code.as_deref(), Some("invalid-argument"));
    let error = server_error(&[r#"{"object":"error","message":"m","type":"t","code":"1500"}"#]);
    assert_eq!(error.code.as_deref(), Some("1500"));
}

#[test]
fn an_error_has_what_came_before_it() {
    let events = [
        &*say("Ay"),
        &usage(r#"{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}"#),
        &calls(&[&whole(0, "call_k1", "find_boat", "{\"hull\":")]),
        r#"{"error":{"message":"The mast broke"},"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#,
    ];
    let (_, error) = decode(chat(), [&sse(&events)[..]]);
    let error = error.unwrap();
    let message = &error.partial().message;
    assert_eq!(message.text(), "Ay");
    assert_eq!(counts(&message.usage), "in 3, out 2, total 3, uncached 3");
    assert!(!message.complete && message.stop_reason.is_none());
    assert_eq!(message.tool_calls().count(), 0);
    assert!(!error.retry_safe() && !error.partial().tool_call_emitted);

    let (_, error) = decode(chat(), [&sse(&[ROLE, r#"{"error":"The mast broke"}"#])[..]]);
    assert!(error.unwrap().retry_safe());
}

#[test]
fn an_error_has_all_choices() {
    let events = [&*of(0, r#"{"content":"A"}"#), &of(2, r#"{"content":"C"}"#), DONE];
    let (_, error) = decode(chat(), [&sse(&events)[..]]);
    let error = error.unwrap();
    assert_eq!(error.partial().message.text(), "A");
    let [other] = &error.partial().choices[..] else { panic!() };
    assert_eq!((other.choice, other.text()), (2, "C".to_owned()));
}

#[test]
fn what_a_reply_says_of_itself() {
    let done = complete(&[
        r#"{"id":"","model":"","choices":[],"prompt_filter_results":[]}"#,
        r#"{"id":"gen-1","model":"lark-2","provider":"Quay","service_tier":"auto","choices":[{"index":0,"delta":{"content":"A"}}]}"#,
        r#"{"id":"gen-2","model":"lark-3","service_tier":null,"citations":["a"],"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"req_quay"}}"#,
        r#"{"id":"gen-2","service_tier":"flex","citations":["a","b"],"search_results":[{"url":"u"}],"choices":[],"usage":{"prompt_tokens":1}}"#,
        DONE,
    ]);
    let message = &done.message;
    assert_eq!(message.id.as_deref(), Some("gen-1"));
    assert_eq!(message.model.as_deref(), Some("lark-2"));
    assert_eq!(message.role.as_deref(), Some("assistant"));
    assert_eq!(message.usage.service_tier.as_deref(), Some("flex"));
    assert_eq!(done.request_id.as_deref(), Some("req_quay"));
    assert_eq!(message.get("provider").unwrap(), r#""Quay""#);
    assert_eq!(message.get("citations").unwrap(), r#"["a","b"]"#);
    assert_eq!(message.get("search_results").unwrap(), r#"[{"url":"u"}]"#);
    assert_eq!(message.get("finish_reason").unwrap(), r#""stop""#);
    assert!(message.complete);
}

#[test]
fn each_choice_is_a_message() {
    let done = complete(&[
        &of(0, r#"{"content":"A"}"#),
        &of(1, r#"{"reasoning":"b","content":"B"}"#),
        &end_of(1, "length"),
        &end_of(0, "stop"),
        &usage(COUNTS),
        DONE,
    ]);
    assert_eq!((done.message.choice, done.message.text()), (0, "A".to_owned()));
    let [other] = &done.choices[..] else { panic!() };
    assert_eq!((other.choice, other.text(), other.thinking()), (1, "B".to_owned(), "b".to_owned()));
    assert_eq!(other.stop_reason.as_ref().unwrap().as_str(), "max_tokens");
    assert_eq!(other.usage, Usage::default());
    assert_eq!(counts(done.usage()), "in 30, out 12, total 30, uncached 30");
    let param = r#"{"role":"assistant","content":"B","reasoning":"b"}"#;
    assert_eq!(other.to_param().as_str(), param);
}

// What it cost.

costs! {
    the_cost_at_openai: [say("A"), end("stop"), usage(r#"{"prompt_tokens":88,"completion_tokens":19,"total_tokens":107,"prompt_tokens_details":{"cached_tokens":64,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":5,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#), DONE]
        => "in 88, out 19, cached 64, thinking 5, total 88, uncached 24"
    a_cost_without_details: [end("stop"), usage(r#"{"prompt_tokens":8,"completion_tokens":1,"total_tokens":9,"prompt_tokens_details":null,"completion_tokens_details":null}"#), DONE]
        => "in 8, out 1, total 8, uncached 8"
    the_cost_at_deepseek: [chunk(r#"{"index":0,"delta":{"content":"A"},"finish_reason":null}"#), r#"{"choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}],"usage":{"prompt_tokens":90,"completion_tokens":20,"total_tokens":110,"prompt_tokens_details":{"cached_tokens":64},"completion_tokens_details":{"reasoning_tokens":15},"prompt_cache_hit_tokens":64,"prompt_cache_miss_tokens":26}}"#, DONE]
        => "in 90, out 20, cached 64, thinking 15, total 90, uncached 26"
    the_cost_at_deepseek_without_details: [end("stop"), usage(r#"{"prompt_tokens":90,"completion_tokens":20,"total_tokens":110,"prompt_cache_hit_tokens":64,"prompt_cache_miss_tokens":26}"#), DONE]
        => "in 90, out 20, cached 64, total 90, uncached 26"
    the_cost_at_deepseek_on_azure: [end("stop"), usage(r#"{"prompt_tokens":9,"completion_tokens":7,"total_tokens":16,"prompt_tokens_details":null,"reasoning_tokens":4}"#), DONE]
        => "in 9, out 7, thinking 4, total 9, uncached 9"
    the_cost_at_qwen: [end("stop"), usage(r#"{"prompt_tokens":90,"completion_tokens":20,"total_tokens":110,"prompt_tokens_details":{"cached_tokens":40,"cache_creation_input_tokens":30,"cache_type":"implicit"}}"#), DONE]
        => "in 90, out 20, cached 40, written 30, total 90, uncached 20"
    the_cost_at_kimi: [chunk(r#"{"index":0,"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":40,"completion_tokens":9,"total_tokens":49,"cached_tokens":32}}"#), DONE]
        => "in 40, out 9, cached 32, total 40, uncached 8"
    the_cost_at_mistral: [r#"{"choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}],"usage":{"prompt_tokens":80,"completion_tokens":22,"total_tokens":102,"num_cached_tokens":16},"p":"ab"}"#, DONE]
        => "in 80, out 22, cached 16, total 80, uncached 64"
    the_cost_at_gemini: [r#"{"choices":[{"index":0,"delta":{"content":"A"}}],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":30}}"#, r#"{"choices":[{"index":0,"delta":{"content":"B"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":31}}"#, DONE]
        => "in 5, out 26, thinking 24, total 5, uncached 5"
    the_cost_of_a_cache_that_a_proxy_adds: [end("stop"), usage(r#"{"prompt_tokens":5,"completion_tokens":2,"total_tokens":1037,"cache_read_input_tokens":1000,"cache_creation_input_tokens":30}"#), DONE]
        => "in 5, out 2, cached 5, written 30, total 5, uncached 0"
    the_cost_of_what_is_thought_beside: [end("stop"), usage(r#"{"prompt_tokens":57,"completion_tokens":10,"total_tokens":67,"completion_tokens_details":{"reasoning_tokens":37}}"#), DONE]
        => "in 57, out 10, thinking 37, total 57, uncached 57"
    the_cost_at_openrouter: [end("stop"), r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":50,"completion_tokens":20,"total_tokens":70,"cost":0.001,"is_byok":false,"prompt_tokens_details":{"cached_tokens":20,"cache_write_tokens":10,"video_tokens":0},"completion_tokens_details":{"reasoning_tokens":12,"image_tokens":0},"cost_details":{"upstream_inference_cost":null}}}"#, DONE]
        => "in 50, out 20, cached 20, written 10, thinking 12, total 50, uncached 20"
    the_cost_and_nothing_else: [say("A"), end("stop"), r#"{"usage":{"prompt_tokens":7,"completion_tokens":2}}"#, DONE]
        => "in 7, out 2, total 7, uncached 7"
    the_cost_at_groq: [r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"req_quay","usage":{"queue_time":0.02,"prompt_tokens":11,"completion_tokens":6,"total_tokens":17}}}"#, DONE]
        => "in 11, out 6, total 11, uncached 11"
    the_cost_at_groq_three_times: [r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"req_quay","usage":{"prompt_tokens":11,"completion_tokens":6,"total_tokens":17}},"usage":{"prompt_tokens":11,"completion_tokens":6,"total_tokens":17}}"#, usage(r#"{"prompt_tokens":11,"completion_tokens":6,"total_tokens":17,"completion_tokens_details":{"reasoning_tokens":2}}"#), DONE]
        => "in 11, out 6, thinking 2, total 11, uncached 11"
    the_cost_at_xai: [end("stop"), usage(r#"{"prompt_tokens":30,"completion_tokens":4,"total_tokens":54,"prompt_tokens_details":{"cached_tokens":10,"text_tokens":30},"completion_tokens_details":{"reasoning_tokens":20},"num_sources_used":0}"#), DONE]
        => "in 30, out 24, cached 10, thinking 20, total 30, uncached 20"
    xai_reads_more_from_its_cache_than_there_is: [end("stop"), usage(r#"{"prompt_tokens":30,"completion_tokens":4,"total_tokens":34,"prompt_tokens_details":{"cached_tokens":128}}"#), DONE]
        => "in 30, out 4, cached 30, total 30, uncached 0"
    the_cost_at_vllm: [usage(r#"{"prompt_tokens":7,"completion_tokens":0,"total_tokens":7}"#), r#"{"choices":[{"index":0,"delta":{"content":"A"}}],"usage":{"prompt_tokens":7,"completion_tokens":1,"total_tokens":8}}"#, end("stop"), usage(r#"{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9,"prompt_tokens_details":{"cached_tokens":0}}"#), DONE]
        => "in 7, out 2, cached 0, total 7, uncached 7"
    the_cost_at_ollama: [end("stop"), usage(r#"{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}"#), DONE]
        => "in 7, out 2, total 7, uncached 7"
    the_cost_at_copilot: [r#"{"choices":[{"index":0,"delta":{"content":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":5,"total_tokens":14,"reasoning_tokens":3,"prompt_tokens_details":{"cached_tokens":0}},"copilot_usage":{"total":1}}"#, DONE]
        => "in 9, out 5, cached 0, thinking 3, total 9, uncached 9"
    the_cost_at_perplexity: [r#"{"choices":[{"index":0,"message":{"content":"A"},"delta":{"content":"A"},"finish_reason":"stop"}],"usage":{"prompt_tokens":4,"completion_tokens":1,"total_tokens":5,"search_context_size":"low","cost":{"total_cost":0.01}}}"#]
        => "in 4, out 1, total 4, uncached 4"
    the_cost_at_venice: [end("stop"), r#"{"choices":[],"usage":{"prompt_tokens":60,"completion_tokens":4,"total_tokens":64,"cache_read_input_tokens":50,"cache_creation_input_tokens":6},"cost":0.1}"#, DONE]
        => "in 60, out 4, cached 50, written 6, total 60, uncached 4"
    the_cost_with_each_choice: [of(0, r#"{"content":"A"}"#), end_of(0, "stop"), usage(r#"{"prompt_tokens":7,"completion_tokens":1,"total_tokens":8}"#), of(1, r#"{"content":"B"}"#), end_of(1, "stop"), usage(r#"{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}"#), DONE]
        => "in 7, out 2, total 7, uncached 7"
    a_later_cost_may_be_lower: [usage(r#"{"prompt_tokens":7,"completion_tokens":9}"#), end("stop"), usage(r#"{"prompt_tokens":7,"completion_tokens":8}"#), DONE]
        => "in 7, out 8, total 7, uncached 7"
    null_takes_no_cost_back: [end("stop"), usage(COUNTS), usage("null"), r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":null}],"usage":null,"x_groq":{"usage":null}}"#, usage(r#"{"prompt_tokens":null,"completion_tokens":null,"prompt_tokens_details":null}"#), DONE]
        => "in 30, out 12, total 30, uncached 30"
    the_first_place_of_the_cache_counts: [end("stop"), usage(r#"{"cache_read_input_tokens":5,"num_cached_tokens":4,"prompt_cache_hit_tokens":3,"cached_tokens":2,"prompt_tokens_details":{"cached_tokens":1},"prompt_tokens":9,"completion_tokens":1}"#), DONE]
        => "in 9, out 1, cached 1, total 9, uncached 8"
    a_relay_writes_both_names: [end("stop"), usage(r#"{"prompt_tokens":100,"completion_tokens":20,"input_tokens":0,"output_tokens":0,"total_tokens":120,"prompt_tokens_details":{"cached_tokens":80},"input_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":5},"output_tokens_details":{"reasoning_tokens":0}}"#), DONE]
        => "in 100, out 20, cached 80, thinking 5, total 100, uncached 20"
    a_relay_writes_the_other_two: [end("stop"), usage(r#"{"input_tokens":100,"output_tokens":20,"prompt_tokens":0,"completion_tokens":null}"#), DONE]
        => "in 100, out 20, total 100, uncached 100"
    nothing_by_both_names: [end("stop"), usage(r#"{"input_tokens":0,"output_tokens":0,"prompt_tokens":0,"completion_tokens":0}"#), DONE]
        => "in 0, out 0, total 0, uncached 0"
    a_place_with_null_is_none: [end("stop"), usage(r#"{"prompt_tokens":9,"completion_tokens":6,"prompt_tokens_details":{"cached_tokens":null},"cached_tokens":2,"prompt_cache_hit_tokens":3,"completion_tokens_details":{"reasoning_tokens":null},"reasoning_tokens":5}"#), DONE]
        => "in 9, out 6, cached 2, thinking 5, total 9, uncached 7"
    the_place_of_openai_before_that_of_groq: [r#"{"x_groq":{"usage":{"prompt_tokens":1,"completion_tokens":1}},"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":2}}"#, DONE]
        => "in 2, out 2, total 2, uncached 2"
    the_place_of_openai_before_that_of_kimi: [r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":1,"completion_tokens":1}}],"usage":{"prompt_tokens":2,"completion_tokens":2}}"#, DONE]
        => "in 2, out 2, total 2, uncached 2"
    thinking_is_added_only_where_the_total_says_so: [end("stop"), usage(r#"{"prompt_tokens":30,"completion_tokens":24,"total_tokens":54,"completion_tokens_details":{"reasoning_tokens":20}}"#), DONE]
        => "in 30, out 24, thinking 20, total 30, uncached 30"
    no_cost_is_known: [say("A"), end("stop"), DONE] => ""
}

#[test]
fn usage_is_told_when_it_changes() {
    let events = [
        &*end("stop"),
        &usage(r#"{"prompt_tokens":7,"completion_tokens":1}"#),
        &usage(r#"{"prompt_tokens":7,"completion_tokens":1}"#),
        &usage(r#"{"prompt_tokens":7,"completion_tokens":2}"#),
        DONE,
    ];
    let (events, _) = everywhere("usage", &sse(&events), chat);
    let told = events.iter().filter_map(|event| match event {
        Event::Usage(usage) => usage.usage.output_tokens,
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [1, 2]);
}

// What goes back.

echoes! {
    text_goes_back: [say("Aye"), say("."), end("stop"), DONE] => r#"{"role":"assistant","content":"Aye."}"#
    a_refusal_goes_back: [field("refusal", "No."), end("stop"), DONE] => r#"{"role":"assistant","content":null,"refusal":"No."}"#
    calls_go_back: [say("Look."), first(0, "functions.find_boat:3", "find_boat"), more(0, "{\"hull\" : 7, "), more(0, "\"big\":12345678901234567890}"), calls(&[&whole(1, "call_k2", "ring_bell", "{}")]), end("tool_calls"), DONE]
        => r#"{"role":"assistant","content":"Look.","tool_calls":[{"id":"functions.find_boat:3","type":"function","function":{"name":"find_boat","arguments":"{\"hull\" : 7, \"big\":12345678901234567890}"}},{"id":"call_k2","type":"function","function":{"name":"ring_bell","arguments":"{}"}}]}"#
    calls_alone_go_back: [calls(&[&whole(0, "call_k1", "ring_bell", "{\"say\":\"\\u00e9\\n\"}")]), end("stop"), DONE]
        => r#"{"role":"assistant","content":null,"tool_calls":[{"id":"call_k1","type":"function","function":{"name":"ring_bell","arguments":"{\"say\":\"\\u00e9\\n\"}"}}]}"#
    a_custom_call_goes_back: [calls(&[r#"{"index":0,"id":"call_k1","type":"custom","custom":{"name":"draw","input":"a \"red\"\nsail"}}"#]), end("tool_calls"), DONE]
        => r#"{"role":"assistant","content":null,"tool_calls":[{"id":"call_k1","type":"custom","custom":{"name":"draw","input":"a \"red\"\nsail"}}]}"#
    an_object_goes_back_as_a_string: [calls(&[r#"{"index":0,"id":"call_k1","function":{"name":"find_boat","arguments":{"hull": 7}}}"#]), end("tool_calls"), DONE]
        => r#"{"role":"assistant","content":null,"tool_calls":[{"id":"call_k1","type":"function","function":{"name":"find_boat","arguments":"{\"hull\": 7}"}}]}"#
    a_cut_call_stays_away: [say("Look."), first(0, "call_k1", "find_boat"), more(0, "{\"hull\":"), end("length"), DONE] => r#"{"role":"assistant","content":"Look."}"#
    reasoning_content_goes_back: [field("reasoning_content", "Hm"), field("reasoning_content", "."), say("Aye."), end("stop"), DONE] => r#"{"role":"assistant","content":"Aye.","reasoning_content":"Hm."}"#
    reasoning_goes_back: [field("reasoning", "Hm."), calls(&[&whole(0, "call_k1", "ring_bell", "{}")]), end("tool_calls"), DONE]
        => r#"{"role":"assistant","content":null,"reasoning":"Hm.","tool_calls":[{"id":"call_k1","type":"function","function":{"name":"ring_bell","arguments":"{}"}}]}"#
    reasoning_text_goes_back_with_what_is_opaque: [field("reasoning_text", "Hm."), field("reasoning_opaque", "b3BhcXVl"), say("Aye."), end("stop"), DONE]
        => r#"{"role":"assistant","content":"Aye.","reasoning_text":"Hm.","reasoning_opaque":"b3BhcXVl"}"#
    what_is_opaque_goes_back_alone: [field("reasoning_opaque", "b3BhcXVl"), say("Aye."), end("stop"), DONE] => r#"{"role":"assistant","content":"Aye.","reasoning_opaque":"b3BhcXVl"}"#
    what_is_opaque_comes_late: [field("reasoning_text", "Hm."), say("Aye."), field("reasoning_opaque", "b3BhcXVl"), end("stop"), DONE]
        => r#"{"role":"assistant","content":"Aye.","reasoning_text":"Hm.","reasoning_opaque":"b3BhcXVl"}"#
    details_go_back_merged: [
        details(r#"{"type":"reasoning.text","text":"Ga","format":"anthropic-claude-v1","index":0,"signature":null}"#), details(r#"{"type":"reasoning.text","text":"le.","format":"anthropic-claude-v1","index":0}"#),
        details(r#"{"type":"reasoning.text","signature":"c2lnLW9y","format":"anthropic-claude-v1","index":0}"#),
        details(r#"{"type":"reasoning.encrypted","data":"ZW5jMQ==","format":"anthropic-claude-v1","index":1}"#), details(r#"{"type":"reasoning.text","text":"Or not.","index":2}"#), say("Stay."), end("stop"), DONE]
        => r#"{"role":"assistant","content":"Stay.","reasoning_details":[{"type":"reasoning.text","text":"Gale.","format":"anthropic-claude-v1","index":0,"signature":"c2lnLW9y"},{"type":"reasoning.encrypted","data":"ZW5jMQ==","format":"anthropic-claude-v1","index":1},{"type":"reasoning.text","text":"Or not.","index":2}]}"#
    details_that_came_whole_go_back_unchanged: [
        details(r#"{ "type" : "reasoning.summary", "summary" : "G\u0061le", "id":null, "index":0, "new":[1.0] }"#), details(r#"{"type":"reasoning.encrypted","data":"ZW5jMQ==","id":"rs_a","index":1},{"type":"reasoning.encrypted","data":"ZW5jMg==","id":"rs_b","index":1}"#), say("Stay."), end("stop"), DONE]
        => r#"{"role":"assistant","content":"Stay.","reasoning_details":[{ "type" : "reasoning.summary", "summary" : "G\u0061le", "id":null, "index":0, "new":[1.0] },{"type":"reasoning.encrypted","data":"ZW5jMQ==","id":"rs_a","index":1},{"type":"reasoning.encrypted","data":"ZW5jMg==","id":"rs_b","index":1}]}"#
    details_keep_their_order: [
        details(r#"{"type":"reasoning.encrypted","data":"ZW5jMQ==","index":0}"#), details(r#"{"type":"reasoning.text","text":"Gale","index":1}"#), say("Stay."), details(r#"{"type":"reasoning.text","signature":"c2lnLW9y","index":1}"#), end("stop"), DONE]
        => r#"{"role":"assistant","content":"Stay.","reasoning_details":[{"type":"reasoning.encrypted","data":"ZW5jMQ==","index":0},{"type":"reasoning.text","text":"Gale","index":1,"signature":"c2lnLW9y"}]}"#
    details_stand_for_the_fields_that_repeat_them: [delta(r#"{"reasoning":"Hm.","reasoning_content":"Hm.","reasoning_details":[{"type":"reasoning.text","text":"Hm.","index":0}]}"#), say("Aye."), end("stop"), DONE]
        => r#"{"role":"assistant","content":"Aye.","reasoning_details":[{"type":"reasoning.text","text":"Hm.","index":0}]}"#
    a_text_behind_a_signature_is_another_detail: [details(r#"{"type":"reasoning.text","text":"one","index":0}"#), details(r#"{"type":"reasoning.text","signature":"S","index":0}"#), details(r#"{"type":"reasoning.text","text":"two","index":0}"#), end("stop"), DONE]
        => r#"{"role":"assistant","content":null,"reasoning_details":[{"type":"reasoning.text","text":"one","index":0,"signature":"S"},{"type":"reasoning.text","text":"two","index":0}]}"#
    a_second_signature_is_another_detail: [details(r#"{"type":"reasoning.text","text":"one","index":0}"#), details(r#"{"type":"reasoning.text","signature":"S","index":0}"#), details(r#"{"type":"reasoning.text","signature":"T","index":0}"#), end("stop"), DONE]
        => r#"{"role":"assistant","content":null,"reasoning_details":[{"type":"reasoning.text","text":"one","index":0,"signature":"S"},{"type":"reasoning.text","signature":"T","index":0}]}"#
    what_says_no_more_behind_a_signature_is_no_detail: [details(r#"{"type":"reasoning.text","text":"one","signature":"S","index":0}"#), details(r#"{"type":"reasoning.text","text":"","signature":"","index":0}"#), end("stop"), DONE]
        => r#"{"role":"assistant","content":null,"reasoning_details":[{"type":"reasoning.text","text":"one","signature":"S","index":0}]}"#
    a_detail_without_a_text_gets_none: [details(r#"{"type":"reasoning.text","signature":"S","index":0}"#), details(r#"{"type":"reasoning.text","id":"rs_a","index":0}"#), end("stop"), DONE]
        => r#"{"role":"assistant","content":null,"reasoning_details":[{"type":"reasoning.text","signature":"S","index":0,"id":"rs_a"}]}"#
    an_empty_detail_of_a_thought_goes_back: [details(r#"{"type":"reasoning.text","text":"one","index":0}"#), details(r#"{"type":"reasoning.text","text":"","index":1}"#), end("stop"), DONE]
        => r#"{"role":"assistant","content":null,"reasoning_details":[{"type":"reasoning.text","text":"one","index":0},{"type":"reasoning.text","text":"","index":1}]}"#
    what_gemini_signs_last_goes_back: [say("Ahoy."), delta(r#"{"extra_content":{"google":{"thought_signature":"A"}}}"#), delta(r#"{"extra_content":{"google":{"thought_signature":"B"}}}"#), end("stop"), DONE]
        => r#"{"role":"assistant","content":"Ahoy.","extra_content":{"google":{"thought_signature":"B"}}}"#
    what_gemini_adds_last_goes_back: [say("Ahoy."), delta(r#"{"extra_content":{"google":{"a":1}}}"#), delta(r#"{"extra_content":{"google":{"a":2}}}"#), end("stop"), DONE]
        => r#"{"role":"assistant","content":"Ahoy.","extra_content":{"google":{"a":2}}}"#
    what_gemini_signs_goes_back_with_its_call: [
        delta(r#"{"tool_calls":[{"index":0,"id":"function-call-5","type":"function","function":{"name":"find_boat","arguments":"{}"},"extra_content":{"google": {"thought_signature":"Z2VtMQ=="}}},{"index":0,"id":"function-call-6","type":"function","function":{"name":"ring_bell","arguments":"{}"}}]}"#), end("stop"), DONE]
        => r#"{"role":"assistant","content":null,"tool_calls":[{"id":"function-call-5","type":"function","function":{"name":"find_boat","arguments":"{}"},"extra_content":{"google": {"thought_signature":"Z2VtMQ=="}}},{"id":"function-call-6","type":"function","function":{"name":"ring_bell","arguments":"{}"}}]}"#
    what_gemini_signs_goes_back_with_its_text: [say("Ahoy."), delta(r#"{"extra_content":{"google":{"thought_signature":"Z2VtMg=="}}}"#), end("stop"), DONE]
        => r#"{"role":"assistant","content":"Ahoy.","extra_content":{"google":{"thought_signature":"Z2VtMg=="}}}"#
    what_gemini_flags_does_not_go_back: [delta(r#"{"content":"<thought>Hm.","extra_content":{"google":{"thought":true}}}"#), say("</thought>Ahoy."), end("stop"), DONE]
        => r#"{"role":"assistant","content":"Ahoy."}"#
    other_signatures_of_calls_go_back: [
        calls(&[r#"{"index":0,"id":"a","function":{"name":"find_boat","arguments":"{}"},"provider_specific_fields": {"thought_signature":"Z2Vt"}}"#, r#"{"index":1,"id":"b","function":{"name":"find_boat","arguments":"{}"},"thoughtSignature":"Z2Vu"}"#]), end("tool_calls"), DONE]
        => r#"{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"find_boat","arguments":"{}"},"provider_specific_fields":{"thought_signature":"Z2Vt"}},{"id":"b","type":"function","function":{"name":"find_boat","arguments":"{}"},"thoughtSignature":"Z2Vu"}]}"#
    summaries_go_back_as_parts: [
        delta(r#"{"content":[{"type":"reasoning","summary":[{"type":"summary_text","text":"Wind.","signature":"c2ln"}]},{"type":"reasoning","summary":[{"type":"summary_encrypted_text","data":"UkVE"}]}]}"#), say("Aye."), end("stop"), DONE]
        => r#"{"role":"assistant","content":[{"type":"reasoning","summary":[{"type":"summary_text","text":"Wind.","signature":"c2ln"}]},{"type":"reasoning","summary":[{"type":"summary_encrypted_text","data":"UkVE"}]},{"type":"text","text":"Aye."}]}"#
    parts_go_back_as_parts: [delta(r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Two "}]}]}"#), delta(r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"masts."}],"signature":"c2lnLW1p","closed":true}]}"#), say("A ketch."), end("stop"), DONE]
        => r#"{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"Two masts."}],"signature":"c2lnLW1p"},{"type":"text","text":"A ketch."}]}"#
    parts_go_back_with_calls: [delta(r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Bell."}]}]}"#), chunk(r#"{"index":0,"delta":{"tool_calls":[{"id":"k1B2c3D4e","function":{"name":"ring_bell","arguments":"{}"}}]},"finish_reason":"tool_calls"}"#), DONE]
        => r#"{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"Bell."}]}],"tool_calls":[{"id":"k1B2c3D4e","type":"function","function":{"name":"ring_bell","arguments":"{}"}}]}"#
}

#[test]
fn an_end_without_its_last_line_counts_if_asked_for() {
    let events = [&*say("A"), &format!("data: {}\n", end("stop"))];
    let result = everywhere("flush", &sse(&events), || chat().flush_at_end(true));
    let block = r#"block 0 {"type":"text","text":"A"}"#;
    assert_eq!(lines(&result), [r#"token 0 "A""#, block, "complete end_turn"]);
}

#[test]
fn nothing_is_kept_without_accumulation() {
    let events = [
        &*field("reasoning", "Hm."),
        &say("Aye."),
        &calls(&[&whole(0, "call_k1", "ring_bell", "{}")]),
        &end("stop"),
        DONE,
    ];
    let result = everywhere("no accumulation", &sse(&events), || chat().accumulate(false));
    let expected = [
        r#"thinking 0 "Hm.""#,
        r#"token 1 "Aye.""#,
        "tool_start 2 call_k1 ring_bell Client",
        r#"tool_input 2 "{}""#,
        "complete tool_use",
    ];
    assert_eq!(lines(&result), expected);
}

/// Nor is anything lost that waits for the name or the id of its call.
#[test]
fn what_waits_is_handed_out_without_accumulation() {
    for pieces in [
        // The id comes late, the name, both, or no id at all.
        [
            r#"{"index":0,"function":{"name":"f","arguments":"{\"x\":"}}"#,
            r#"{"index":0,"id":"k","function":{"arguments":"1}"}}"#,
        ],
        [
            r#"{"index":0,"id":"k","function":{"arguments":"{\"x\":"}}"#,
            r#"{"index":0,"function":{"name":"f","arguments":"1}"}}"#,
        ],
        [
            r#"{"index":0,"function":{"arguments":"{\"x\":"}}"#,
            r#"{"index":0,"id":"k","function":{"name":"f","arguments":"1}"}}"#,
        ],
        [
            r#"{"index":0,"function":{"name":"f","arguments":"{\"x\":"}}"#,
            r#"{"index":0,"function":{"arguments":"1}"}}"#,
        ],
    ] {
        let [first, second] = pieces.map(|piece| calls(&[piece]));
        let stream = sse(&[&first, &second, &end("tool_calls"), DONE]);
        let input = |decoder: fn() -> thinkstream::Decoder| -> String {
            let (events, _) = everywhere("waits", &stream, decoder);
            let pieces = events.iter().filter_map(|event| match event {
                Event::ToolInput(it) => Some(it.partial_json.as_str()),
                _ => None,
            });
            pieces.collect()
        };
        assert_eq!(input(chat), r#"{"x":1}"#, "{pieces:?}");
        assert_eq!(input(|| chat().accumulate(false)), r#"{"x":1}"#, "{pieces:?}");
    }
}

#[test]
fn a_deviation_is_an_error_in_strict_mode() {
    let call = calls(&[r#"{"index":0,"function":{"name":"ring_bell","arguments":"{}"}}"#]);
    for (events, rule) in [
        ([&*call, &end("stop")], "missing_tool_id"),
        ([&say("A"), &end("tool_calls")], "missing_tool_call"),
        ([&end("stop"), "data: {\"choices\":[]"], "cut_event"),
    ] {
        let (_, error) = everywhere(rule, &sse(&events), || chat().strict(true));
        let error = error.unwrap().to_string();
        assert!(error.starts_with(&format!("the protocol was broken: {rule}")), "{error}");
    }
}

// Where servers deviate from each other, and must not lose a thing.

#[test]
fn an_empty_text_beside_a_delta_is_nothing() {
    let events = [
        &*chunk(r#"{"index":0,"delta":{"content":"Aye"},"text":""}"#),
        &chunk(r#"{"index":0,"delta":{"content":"."},"text":null,"finish_reason":"stop"}"#),
        DONE,
    ];
    let block = r#"block 0 {"type":"text","text":"Aye."}"#;
    let expected = [r#"token 0 "Aye""#, r#"token 0 ".""#, block, "complete end_turn"];
    check("text", &events, &expected);
}

#[test]
fn a_number_that_comes_late_is_of_the_last_call() {
    let events = [
        &*calls(&[r#"{"id":"call_k1","function":{"name":"find_boat","arguments":""}}"#]),
        &more(0, "{\"hull\":7}"),
        &end("tool_calls"),
        DONE,
    ];
    let done = complete(&events);
    let inputs: Vec<_> =
        done.message.tool_calls().map(|call| call.input.clone().unwrap()).collect();
    assert_eq!(inputs, [r#"{"hull":7}"#]);
}

#[test]
fn a_number_that_is_none_is_missing() {
    for index in ["\"0\"", "-1", "4294967296", "[]"] {
        let call = format!(
            r#"{{"index":{index},"id":"call_k1","function":{{"name":"ring_bell","arguments":"{{}}"}}}}"#
        );
        let done = complete(&[&calls(&[&call]), &end("tool_calls"), DONE]);
        assert_eq!(done.message.tool_calls().count(), 1, "{index}");
    }
}

#[test]
fn another_id_on_a_known_number_is_another_call() {
    let events = [
        &*calls(&[&whole(0, "call_k1", "find_boat", "{}")]),
        &calls(&[r#"{"index":0,"id":"call_k2","function":{"arguments":"{\"n\":2}"}}"#]),
        &calls(&[r#"{"index":0,"function":{"name":"ring_bell"}}"#]),
        &end("tool_calls"),
        DONE,
    ];
    let expected = [
        "tool_start 0 call_k1 find_boat Client",
        r#"tool_input 0 "{}""#,
        "tool_start 1 call_k2 ring_bell Client",
        r#"tool_input 1 "{\"n\":2}""#,
        "tool_call 0 find_boat {}",
        r#"block 0 {"type":"tool_use","id":"call_k1","name":"find_boat","input":{}}"#,
        r#"tool_call 1 ring_bell {"n":2}"#,
        r#"block 1 {"type":"tool_use","id":"call_k2","name":"ring_bell","input":{"n":2}}"#,
        "complete tool_use",
    ];
    check("another id", &events, &expected);
}

#[test]
fn an_id_that_comes_late_is_the_id() {
    for name in ["", r#""name":"ring_bell","#] {
        let late = format!(r#"{{"index":0,"id":"call_k1","function":{{{name}"arguments":"}}"}}}}"#);
        let events = [
            &*calls(&[r#"{"index":0,"function":{"name":"ring_bell","arguments":"{"}}"#]),
            &calls(&[&late]),
            &end("tool_calls"),
            DONE,
        ];
        let done = complete(&events);
        let ids: Vec<_> = done.message.tool_calls().map(|call| call.id.as_str()).collect();
        assert_eq!(ids, ["call_k1"], "{late}");
    }
}

#[test]
fn an_id_that_is_made_up_is_nobody_elses() {
    let events = [
        &*calls(&[r#"{"index":0,"function":{"name":"find_boat","arguments":"{}"}}"#]),
        &calls(&[&whole(1, "call_0", "ring_bell", "{}")]),
        &end("tool_calls"),
        DONE,
    ];
    assert_eq!(complete(&events).message.tool_calls().count(), 2);
}

#[test]
fn an_empty_object_may_stand_before_the_arguments() {
    let events = [
        &*calls(&[&whole(0, "call_k1", "find_boat", "{}")]),
        &more(0, "{\"hull\":7}"),
        &end("tool_calls"),
        DONE,
    ];
    let done = complete(&events);
    let inputs: Vec<_> =
        done.message.tool_calls().map(|call| call.input.clone().unwrap()).collect();
    assert_eq!(inputs, [r#"{"hull":7}"#]);
}

#[test]
fn calls_of_a_choice_that_was_cut_are_not_safe() {
    let events = [
        &*of(0, r#"{"content":"A"}"#),
        &of(
            1,
            r#"{"tool_calls":[{"index":0,"id":"call_k1","function":{"name":"ring_bell","arguments":"{}"}}]}"#,
        ),
        &end_of(0, "stop"),
        &end_of(1, "length"),
        DONE,
    ];
    assert!(!complete(&events).tools_safe_to_run());
    // Also where nothing is kept that would show the calls.
    let (events, _) = decode(chat().accumulate(false), [&sse(&events)[..]]);
    assert!(matches!(events.last(), Some(Event::Complete(done)) if !done.tools_safe_to_run()));
}

/// What waits for the id of its call has not been handed out.
#[test]
fn what_waits_is_no_output() {
    let piece =
        r#"{"tool_calls":[{"index":0,"function":{"name":"find_boat","arguments":"{\"a\":"}}]}"#;
    let (events, error) = decode(chat(), [&sse(&[&delta(piece)])[..]]);
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(error.unwrap().retry_safe());
}

#[test]
fn an_empty_detail_opens_nothing() {
    let empty = details(r#"{"type":"reasoning.text","text":"","index":0}"#);
    let full = details(r#"{"type":"reasoning.text","text":"Hm.","index":0}"#);
    let expected = [
        r#"thinking 0 "Hm.""#,
        r#"token 1 "Aye.""#,
        r#"block 0 {"type":"thinking","thinking":"Hm.","raw":[{"type":"reasoning.text","text":"Hm.","index":0}]}"#,
        r#"block 1 {"type":"text","text":"Aye."}"#,
        "complete end_turn",
    ];
    check("empty, then full", &[&empty, &full, &say("Aye."), &end("stop"), DONE], &expected);
    let block = r#"block 0 {"type":"text","text":"Aye."}"#;
    let expected = [r#"token 0 "Aye.""#, block, "complete end_turn"];
    check("only empty", &[&empty, &say("Aye."), &end("stop"), DONE], &expected);
}

#[test]
fn details_of_two_ids_stay_apart() {
    let events = [
        &*details(r#"{"type":"reasoning.summary","summary":"A","id":"rs_a","index":0}"#),
        &details(r#"{"type":"reasoning.encrypted","data":"ZQ==","id":"rs_a","index":0}"#),
        &details(r#"{"type":"reasoning.summary","summary":"B","id":"rs_b","index":0}"#),
        &end("stop"),
        DONE,
    ];
    let param = complete(&events).message.to_param();
    let details = r#""reasoning_details":[{"type":"reasoning.summary","summary":"A","id":"rs_a","index":0},{"type":"reasoning.encrypted","data":"ZQ==","id":"rs_a","index":0},{"type":"reasoning.summary","summary":"B","id":"rs_b","index":0}]"#;
    assert!(param.contains(details), "{param}");
}

#[test]
fn a_signature_finds_its_text_behind_other_thinking() {
    let events = [
        &*details(r#"{"type":"reasoning.text","text":"Hm.","index":0}"#),
        &say("Aye."),
        &details(r#"{"type":"reasoning.text","text":"So.","index":1}"#),
        &details(r#"{"type":"reasoning.text","signature":"c2ln","index":0}"#),
        &end("stop"),
        DONE,
    ];
    let param = complete(&events).message.to_param();
    let details = r#""reasoning_details":[{"type":"reasoning.text","text":"Hm.","index":0,"signature":"c2ln"},{"type":"reasoning.text","text":"So.","index":1}]"#;
    assert!(param.contains(details), "{param}");
}

#[test]
fn reasoning_goes_back_beside_details_without_it() {
    let events = [
        &*delta(
            r#"{"reasoning":"Hm.","reasoning_details":[{"type":"reasoning.encrypted","data":"ZQ==","index":0}]}"#,
        ),
        &end("stop"),
        DONE,
    ];
    let param = complete(&events).message.to_param();
    assert!(param.contains(r#""reasoning":"Hm.""#), "{param}");
}

#[test]
fn a_late_signature_has_one_index() {
    let events = [
        &*details(r#"{"type":"reasoning.text","text":"Gale.","index":0}"#),
        &say("Stay."),
        &details(r#"{"type":"reasoning.text","signature":"c2ln","index":0}"#),
        &end("stop"),
        DONE,
    ];
    let result = decode(chat().accumulate(false), [&sse(&events)[..]]);
    assert!(lines(&result).contains(&"signature 0 c2ln".to_owned()), "{:?}", lines(&result));
}

#[test]
fn what_gemini_adds_later_keeps_the_signature() {
    let events = [
        &*delta(r#"{"content":"A","extra_content":{"google":{"thought_signature":"Z2Vt"}}}"#),
        &delta(r#"{"content":"B","extra_content":{"google":{"thought":false}}}"#),
        &end("stop"),
        DONE,
    ];
    let param = complete(&events).message.to_param();
    assert!(param.contains(r#""thought_signature":"Z2Vt""#), "{param}");
}

#[test]
fn what_details_sign_is_signed_in_them_alone() {
    let events = [
        &*field("reasoning_content", "Hm."),
        &details(r#"{"type":"reasoning.encrypted","data":"ZW5j","index":1}"#),
        &say("Yes."),
        &end("stop"),
        DONE,
    ];
    let param = complete(&events).message.to_param();
    assert!(param.contains(r#""reasoning_details":[{"type":"reasoning.encrypted""#), "{param}");
    assert!(param.contains(r#""reasoning_content":"Hm.""#), "{param}");
    assert!(!param.contains("thinking_blocks"), "{param}");
}

/// In a conversation no two calls may have the same.
#[test]
fn ids_that_are_made_up_are_those_of_their_reply() {
    let id = |completion: &str| {
        let call = r#"{"index":0,"id":"","function":{"name":"f","arguments":"{}"}}"#;
        let chunk = format!(
            r#"{{"id":"{completion}","choices":[{{"index":0,"delta":{{"tool_calls":[{call}]}},"finish_reason":"tool_calls"}}]}}"#
        );
        complete(&[&chunk, DONE]).message.tool_calls().next().unwrap().id.to_string()
    };
    for (completion, expected) in [
        ("", "call_0"),
        ("c-1", "call_0_c1"),
        ("chatcmpl-0123456789abcdefghij", "call_0_456789abcdefghij"),
        ("gen_1790000100-ü/Ab", "call_0_gen1790000100Ab"),
    ] {
        assert_eq!(id(completion), expected);
    }
}

/// A signature is of the thought that it came with, and of no other.
#[test]
fn each_thought_keeps_its_own_signature() {
    let thought = |text: &str| {
        delta(&format!(
            r#"{{"reasoning_content":"{text}","thinking_blocks":[{{"type":"thinking","thinking":"{text}"}}]}}"#
        ))
    };
    let sign = |signature: &str| {
        delta(&format!(
            r#"{{"reasoning_content":"","thinking_blocks":[{{"type":"thinking","thinking":"","signature":"{signature}"}}]}}"#
        ))
    };
    let events = [
        thought("A"),
        thought("a"),
        sign("S1"),
        thought("B"),
        sign("S2"),
        say("Yes."),
        end("stop"),
    ];
    let mut events: Vec<&str> = events.iter().map(String::as_str).collect();
    events.push(DONE);
    let param = complete(&events).message.to_param();
    let signed = r#""thinking_blocks":[{"type":"thinking","thinking":"Aa","signature":"S1"},{"type":"thinking","thinking":"B","signature":"S2"}]"#;
    assert!(param.contains(signed), "{param}");
    // All at once, as in a reply that was not streamed.
    let both = delta(&format!(r#"{{"reasoning_content":"AaB",{signed}}}"#));
    let param = complete(&[&both, &say("Yes."), &end("stop"), DONE]).message.to_param();
    assert!(param.contains(signed), "{param}");
    let part = |text: &str, signature: &str| {
        format!(
            r#"{{"type":"thinking","thinking":[{{"type":"text","text":"{text}"}}],"signature":"{signature}"}}"#
        )
    };
    let parts = delta(&format!(r#"{{"content":[{},{}]}}"#, part("A", "S1"), part("B", "S2")));
    let param = complete(&[&parts, &end("stop"), DONE]).message.to_param();
    let expected = format!("[{},{}]", part("A", "S1"), part("B", "S2"));
    assert!(param.contains(&expected), "{param}");
    // Nothing else about it depends on what is kept.
    let kept = decode(chat(), [&sse(&events)[..]]).0;
    let tapped = decode(chat().accumulate(false), [&sse(&events)[..]]).0;
    let thoughts = |events: &[Event]| {
        let thoughts = events.iter().filter_map(|event| match event {
            Event::Thinking(it) => Some((it.index, it.text.to_string())),
            Event::Signature(it) => Some((it.index, it.signature.to_string())),
            _ => None,
        });
        thoughts.collect::<Vec<_>>()
    };
    assert_eq!(thoughts(&kept), thoughts(&tapped));
}

#[test]
fn litellm_signs_in_blocks_of_its_own() {
    let events = [
        &*delta(
            r#"{"reasoning_content":"Hm.","thinking_blocks":[{"type":"thinking","thinking":"Hm."}]}"#,
        ),
        &delta(
            r#"{"reasoning_content":"","thinking_blocks":[{"type":"thinking","thinking":"","signature":"c2ln"}]}"#,
        ),
        &end("stop"),
        DONE,
    ];
    let (events, _) = decode(chat(), [&sse(&events)[..]]);
    assert!(events.iter().any(|event| matches!(event, Event::Signature(_))));
}

/// What Anthropic has redacted goes back in its place, whole.
#[test]
fn litellm_passes_on_what_is_redacted() {
    let events = [
        &*delta(
            r#"{"reasoning_content":"Hm.","thinking_blocks":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"}]}"#,
        ),
        &delta(r#"{"thinking_blocks":[{"type":"redacted_thinking","data":"UkVE"}]}"#),
        &delta(r#"{"thinking_blocks":[{"type":"redacted_thinking","data":""}]}"#),
        &calls(&[&whole(0, "call_k1", "find_boat", "{}")]),
        &end("tool_calls"),
        DONE,
    ];
    check(
        "redacted",
        &events,
        &[
            r#"thinking 0 "Hm.""#,
            "signature 0 c2ln",
            r#"block 0 {"type":"thinking","thinking":"Hm.","signature":"c2ln"}"#,
            "redacted 1 UkVE",
            r#"block 1 {"type":"redacted_thinking","data":"UkVE"}"#,
            "tool_start 2 call_k1 find_boat Client",
            r#"tool_input 2 "{}""#,
            "tool_call 2 find_boat {}",
            r#"block 2 {"type":"tool_use","id":"call_k1","name":"find_boat","input":{}}"#,
            "complete tool_use",
        ],
    );
    let message = complete(&events).message;
    let stored = serde_json::to_string(&message).unwrap();
    let again: thinkstream::Message = serde_json::from_str(&stored).unwrap();
    assert_eq!(again, message);
    assert_eq!(
        message.to_param().as_str(),
        r#"{"role":"assistant","content":null,"thinking_blocks":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"},{"type":"redacted_thinking","data":"UkVE"}],"reasoning_content":"Hm.","tool_calls":[{"id":"call_k1","type":"function","function":{"name":"find_boat","arguments":"{}"}}]}"#
    );
}

#[test]
fn the_place_of_openai_counts_wherever_it_stands() {
    let events = [
        r#"{"usage":{"prompt_tokens":2,"completion_tokens":2},"choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":1,"completion_tokens":1}}]}"#,
        DONE,
    ];
    assert_eq!(counts(complete(&events).usage()), "in 2, out 2, total 2, uncached 2");
}

#[test]
fn llama_cpp_states_an_error_without_a_name() {
    let events = [
        &*say("A"),
        "error: {\"code\":500,\"message\":\"Out of memory\",\"type\":\"server_error\"}\n\n",
    ];
    let error = "error server: the server reported server_error: Out of memory";
    check("flat", &events, &[r#"token 0 "A""#, error]);
    let events = ["error: {\"code\":500,\"message\":\"Out of memory\"}\n\n"];
    check("no type", &events, &["error server: the server reported error 500: Out of memory"]);
    // Half of it is something else.
    for other in [
        r#"{"message":"Ahoy"}"#,
        r#"{"code":500}"#,
        r#"{"code":500,"text":"Ahoy"}"#,
        r#"{"code":500,"message":{"text":"Ahoy"}}"#,
        r#"{"message":"Ahoy","number":500}"#,
    ] {
        check(
            other,
            &[other, &end("stop"), DONE],
            &[&*format!("unknown  {other}"), "complete end_turn"],
        );
    }
}

#[test]
fn errors_that_pass_are_transient() {
    for reason in ["network_error", "insufficient_system_resource"] {
        let error = server_error(&[&end(reason)]);
        assert!(error.error_type.is_transient(), "{reason}");
    }
    for (said, transient) in [
        ("Rate limit reached for gpt-5 in organization org-1 on tokens per min (TPM)", true),
        (
            "Request too large for gpt-5 in organization org-1 on tokens per min (TPM): Limit 30000, Requested 40000",
            false,
        ),
    ] {
        let error = format!(
            r#"{{"error":{{"message":"{said}","type":"tokens","code":"rate_limit_exceeded"}}}}"#
        );
        assert_eq!(server_error(&[&error]).is_transient(), transient, "{said}");
    }
}

#[test]
fn what_was_handed_out_is_not_safe_to_ask_for_again() {
    for given in [
        r#"{"extra_content":{"google":{"thought_signature":"Z2Vt"}}}"#,
        r#"{"annotations":[{"type":"url_citation"}]}"#,
        r#"{"tool_calls":[{"index":0,"id":"call_k1","extra_content":{"google":{"thought_signature":"Z2Vt"}}}]}"#,
        r#"{"content":"A"}"#,
        r#"{"reasoning":"A"}"#,
    ] {
        let (events, error) = decode(chat(), [&sse(&[&delta(given)])[..]]);
        assert_eq!(events.len(), 2);
        assert!(!error.unwrap().retry_safe(), "{given}");
    }
}

#[test]
fn what_is_not_handed_out_is_safe_to_ask_for_again() {
    for said in [r#"{"content":""}"#, r#"{"content":"\ud83d"}"#] {
        let (events, error) = decode(chat(), [&sse(&[&delta(said)])[..]]);
        assert_eq!(events.len(), 1);
        assert!(error.unwrap().retry_safe(), "{said}");
    }
}

#[test]
fn the_usage_is_known_before_the_end() {
    let mut decoder = chat();
    let mut input = sse(&[&end("stop"), &usage(COUNTS)]).into();
    while decoder.decode(&mut input).unwrap().is_some() {}
    assert_eq!(decoder.usage().output_tokens, Some(12));
}

#[test]
fn a_reset_behind_the_reason_takes_nothing_back() {
    let chunks = [Ok(sse(&[&say("A"), &end("stop")])), Err(std::io::Error::other("reset"))];
    let events = EventStream::new(stream::iter(chunks), chat());
    let events = events.collect::<Vec<_>>().now_or_never().unwrap();
    assert!(matches!(events.last(), Some(Ok(Event::Complete(_)))), "{:?}", events.last());
}

#[test]
fn a_reset_before_the_reason_is_an_error() {
    let chunks = [Ok(sse(&[&say("A")])), Err(std::io::Error::other("reset"))];
    let events = EventStream::new(stream::iter(chunks), chat());
    let events = events.collect::<Vec<_>>().now_or_never().unwrap();
    let error = events.last().unwrap().as_ref().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Transport(_)), "{error}");
    assert_eq!(error.partial().message.text(), "A");
}

#[test]
fn a_reason_without_its_last_line_does_not_count() {
    let events = [&*say("A"), &format!("data: {}\n", end("stop"))];
    let stream = sse(&events);
    let found = short_log(&everywhere("no last line", &stream, chat));
    assert_eq!(found[0], r#"token 0 "A""#);
    assert!(found[1].starts_with("error incomplete"), "{found:?}");
}

// What a hostile or broken server must not get.

/// The bytes that a stream of such chunks makes a limit of 1,000 bytes refuse.
fn refused(chunk_of: impl Fn(usize) -> String) -> String {
    let limits = Limits { message_bytes: 1000, ..Limits::default() };
    let mut decoder = chat().limits(limits);
    for at in 0..1000 {
        let chunk = chunk_of(at);
        let mut input = sse(&[&chunk]).into();
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => return error.kind().to_string(),
            }
        }
    }
    "all of it was taken".to_owned()
}

#[test]
fn numbers_ids_and_names_of_calls_are_counted() {
    let too_much = "more than 1000 bytes of one message";
    let id = "k".repeat(100);
    let by_number = |at: usize| calls(&[&format!(r#"{{"index":{at},"id":"call_k1"}}"#)]);
    let by_id = |at: usize| calls(&[&format!(r#"{{"index":{at},"id":"{id}{at}"}}"#)]);
    let by_name =
        |at: usize| calls(&[&format!(r#"{{"index":{at},"function":{{"name":"{id}"}}}}"#)]);
    assert_eq!(refused(by_number), too_much);
    assert_eq!(refused(by_id), too_much);
    assert_eq!(refused(by_name), too_much);
    assert_eq!(refused(|at| details(&format!(r#"{{"type":"x","index":{at}}}"#))), too_much);
}

#[test]
fn what_stands_beside_the_choices_is_counted() {
    let too_much = "more than 1000 bytes of one message";
    let links = "l".repeat(1000);
    assert_eq!(refused(|at| format!(r#"{{"choices":[],"citations":["{links}{at}"]}}"#)), too_much);
}

/// The bytes of a message that a stream needs to be taken.
fn needed(events: &[&str]) -> usize {
    let fits = |message_bytes: &usize| {
        let limits = Limits { message_bytes: *message_bytes, ..Limits::default() };
        let (_, error) = decode(chat().limits(limits), [&sse(events)[..]]);
        error.is_none_or(|error| error.kind().name() != "limit")
    };
    let (mut low, mut high) = (0, 1 << 20);
    while low < high {
        let middle = (low + high) / 2;
        (low, high) = if fits(&middle) { (low, middle) } else { (middle + 1, high) };
    }
    low
}

/// Each is written where it grows, by doubling, then into its detail, then into the array.
#[test]
fn a_detail_is_counted_as_often_as_it_is_written() {
    let text =
        |len| details(&format!(r#"{{"type":"reasoning.text","text":"{}"}}"#, "x".repeat(len)));
    let one = needed(&[&text(1), &text(1)]);
    assert_eq!(needed(&[&text(1), &text(101)]) - one, 5 * 100);
    assert_eq!(needed(&[&text(101), &text(1)]) - one, 6 * 100);
}

#[test]
fn a_custom_input_is_counted_as_it_was_written() {
    let input = |key: &str, escaped: &str| {
        let piece = format!(
            r#"{{"index":0,"id":"call_k1","{key}":{{"name":"draw","{}":"{}"}}}}"#,
            if key == "custom" { "input" } else { "arguments" },
            escaped.repeat(100)
        );
        needed(&[&calls(&[&piece])])
    };
    assert_eq!(input("custom", r"\u0041") - input("custom", "A"), 500);
    assert_eq!(input("function", r"\u0041"), input("function", "A"));
}

#[test]
fn one_chunk_does_not_bring_thousands() {
    for array in ["annotations", "reasoning_details", "tool_calls", "content"] {
        let items = [r#"{"id":"a","type":"text","text":"b"}"#; 5000].join(",");
        let (_, error) =
            decode(chat(), [&sse(&[&delta(&format!(r#"{{"{array}":[{items}]}}"#))])[..]]);
        assert_eq!(error.unwrap().kind().name(), "limit", "{array}");
    }
}

#[test]
fn the_last_call_of_a_reply_that_was_cut_is_none() {
    for arguments in ["{}", r#"{"hull":7}"#] {
        let events = [&*calls(&[&whole(0, "call_k1", "sink", arguments)]), &end("length"), DONE];
        let (events, _) = decode(chat(), [&sse(&events)[..]]);
        assert!(!events.iter().any(|event| matches!(event, Event::ToolCall(_))), "{arguments}");
    }
}

#[test]
fn each_signature_stays_with_its_own_thought() {
    let events = [
        &*details(r#"{"type":"reasoning.text","text":"one","index":0}"#),
        &details(r#"{"type":"reasoning.text","signature":"S1","index":0}"#),
        &say("hello"),
        &details(r#"{"type":"reasoning.text","text":"two","index":0}"#),
        &details(r#"{"type":"reasoning.text","signature":"S2","index":0}"#),
        &end("stop"),
        DONE,
    ];
    let param = complete(&events).message.to_param();
    let expected = concat!(
        r#""reasoning_details":[{"type":"reasoning.text","text":"one","index":0,"signature":"S1"},"#,
        r#"{"type":"reasoning.text","text":"two","index":0,"signature":"S2"}]"#
    );
    assert!(param.contains(expected), "{param}");
}

#[test]
fn details_keep_what_they_had_and_no_more() {
    let events = [
        &*details(r#"{"type":"reasoning.text","signature":"","index":0}"#),
        &details(r#"{"type":"reasoning.text","text":"a\ud83d","index":1}"#),
        &details(r#"{"type":"reasoning.text","text":"\ude00\u0001","index":1}"#),
        &details(r#"{"type":"reasoning.text","signature":"S","index":2}"#),
        &end("stop"),
        DONE,
    ];
    let param = complete(&events).message.to_param();
    let expected = concat!(
        r#""reasoning_details":[{"type":"reasoning.text","text":"a\ud83d\ude00\u0001","index":1},"#,
        r#"{"type":"reasoning.text","signature":"S","index":2}]"#
    );
    assert!(param.contains(expected), "{param}");
}

#[test]
fn all_details_go_back_however_many() {
    let all: Vec<String> = (0..40)
        .map(|at| format!(r#"{{"type":"reasoning.encrypted","data":"ZQ==","index":{at}}}"#))
        .collect();
    let events: Vec<String> = all.iter().map(|detail| details(detail)).collect();
    let mut events: Vec<&str> = events.iter().map(String::as_str).collect();
    let end = end("stop");
    events.extend([end.as_str(), DONE]);
    let param = complete(&events).message.to_param();
    assert!(param.contains(&format!(r#""reasoning_details":[{}]"#, all.join(","))), "{param}");
}

#[test]
fn what_gemini_adds_to_a_call_keeps_the_signature() {
    let events = [
        &*calls(&[
            r#"{"index":0,"id":"call_k1","function":{"name":"look","arguments":"{}"},"extra_content":{"google":{"thought_signature":"S"}}}"#,
        ]),
        &calls(&[r#"{"index":0,"extra_content":{"google":{}}}"#]),
        &end("stop"),
        DONE,
    ];
    let param = complete(&events).message.to_param();
    assert!(param.contains(r#""extra_content":{"google":{"thought_signature":"S"}}"#), "{param}");
}

#[test]
fn a_whole_call_goes_back_though_nobody_can_run_it() {
    let events = [&*calls(&[&whole(0, "call_k1", "look", "{\"x\":")]), &end("tool_calls"), DONE];
    let param = complete(&events).message.to_param();
    assert!(param.contains(r#""name":"look","arguments":"{\"x\":"}"#), "{param}");
}

#[test]
fn an_empty_thought_goes_back_with_its_calls() {
    let events = [
        &*delta(r#"{"content":null,"reasoning_content":""}"#),
        &calls(&[&whole(0, "call_k1", "look", "{}")]),
        &end("tool_calls"),
        DONE,
    ];
    let param = complete(&events).message.to_param();
    assert!(param.contains(r#""content":null,"reasoning_content":"","tool_calls""#), "{param}");
}

#[test]
fn usage_is_written_once() {
    let counts = r#"{"prompt_tokens":3,"completion_tokens":4,"cache_read_input_tokens":9,"service_tier":"x"}"#;
    let done = complete(&[&end("stop"), &usage(counts), DONE]);
    let written = serde_json::to_string(done.usage()).unwrap();
    assert_eq!(written.matches("cache_read_input_tokens").count(), 1, "{written}");
    assert_eq!(done.usage().cache_read_input_tokens, Some(3));
}

/// What was sent for the output is kept where it is not what counts.
#[test]
fn usage_that_adds_the_thinking_keeps_what_was_sent() {
    let others = |counts: &str| -> Vec<String> {
        let usage = complete(&[&end("stop"), &usage(counts), DONE]).usage().clone();
        usage.other.iter().map(|(name, json)| format!("{name} {}", json.as_str())).collect()
    };
    let apart = r#"{"prompt_tokens":30,"completion_tokens":4,"total_tokens":54,"reasoning_tokens":20,"sources":0}"#;
    assert_eq!(
        others(apart),
        ["total_tokens 54", "reasoning_tokens 20", "sources 0", "completion_tokens 4"]
    );
    let within =
        r#"{"prompt_tokens":30,"completion_tokens":24,"total_tokens":54,"reasoning_tokens":20}"#;
    assert_eq!(others(within), ["total_tokens 54", "reasoning_tokens 20"]);
    let many: Vec<_> = (0..70).map(|at| format!(r#""k{at}":{at}"#)).collect();
    let kept = others(&format!("{{{}}}", many.join(",")));
    assert_eq!((kept.len(), &*kept[63]), (64, "k63 63"));
}

/// Deltas that are alike are not read anew. With a key of its own each is, and says the same. In the
/// midst of them something else is said, behind which a thought is another.
#[test]
fn deltas_say_the_same_whether_they_are_alike_or_not() {
    let begin = [first(0, "call_k1", "find_boat")];
    for (begin, choice) in [
        (&[][..], r#"{"index":0,"delta":{"content":"TEXT"}}"#),
        (&[], r#"{"index":0,"delta":{"reasoning_content":"TEXT"}}"#),
        (&[], r#"{"index":0,"delta":{"reasoning":"TEXT"}}"#),
        (&[], r#"{"index":0,"delta":{"reasoning_text":"TEXT"}}"#),
        (
            &[],
            r#"{"index":0,"delta":{"reasoning":"TEXT","reasoning_details":[{"type":"reasoning.text","text":"TEXT","index":1,"format":"x"}]}}"#,
        ),
        (
            &[],
            r#"{"index":0,"delta":{"reasoning":"TEXT","reasoning_details":[{"type":"reasoning.summary","summary":"TEXT"}]}}"#,
        ),
        (&[], r#"{"index":0,"delta":{"content":[{"type":"text","text":"TEXT"}]}}"#),
        (
            &[],
            r#"{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"TEXT"}]}]}}"#,
        ),
        (&[], r#"{"index":0,"text":"TEXT"}"#),
        (&[], r#"{"index":0,"text":"TEXT","delta":{"content":"TEXT"}}"#),
        (
            &begin,
            r#"{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"TEXT"}}]}}"#,
        ),
    ] {
        let said = |other: &dyn Fn(usize) -> String| {
            let delta = |at: usize| {
                let text = if at < 2 { format!("{at} boats") } else { format!("\\u00e9{at}\\n") };
                let choice = chunk(&choice.replace("TEXT", &text));
                choice.replacen('{', &format!("{{{}", other(at)), 1)
            };
            let deltas = (0..3).map(delta).chain([say("Aye.")]).chain((3..6).map(delta));
            let events: Vec<_> =
                begin.iter().cloned().chain(deltas).chain([end("stop"), DONE.into()]).collect();
            let events: Vec<_> = events.iter().map(String::as_str).collect();
            let result = decode(chat(), [&sse(&events)[..]]);
            let Some(Event::Complete(done)) = result.0.last() else { panic!("{:?}", result.1) };
            let param = done.message.to_param().as_str().to_owned();
            (lines(&result), param)
        };
        let alike = said(&|_| String::new());
        assert!(alike.0.len() > 6, "{alike:?}");
        assert_eq!(alike, said(&|at| format!(r#""key{at}":0,"#)), "{choice}");
    }
}

/// Groq says the id of the request in the stream: it is that of every error of it, too.
#[test]
fn the_id_of_a_request_that_the_stream_says() {
    let begun = r#"{"id":"chatcmpl-gq","choices":[{"index":0,"delta":{"content":"Wa"}}],"x_groq":{"id":"req_quay"}}"#;
    for end in [
        &[][..],
        &[r#"{"error":{"message":"over capacity"}}"#],
        &[r#"{"choices":[],"x_groq":{"id":"req_quay","error":"over capacity"}}"#],
    ] {
        let (_, error) = decode(chat(), [&sse(&[&[begun], end].concat())[..]]);
        let error = error.unwrap();
        assert_eq!(error.request_id().map(thinkstream::Text::as_str), Some("req_quay"), "{error}");
    }
}

/// Some servers send all of an input once more behind its pieces, and some all of it so far with every piece.
#[test]
fn an_input_that_is_said_again_is_one() {
    let nested = r#"{"l":{"l":{"l":{"l":{"r":1}}}}}"#;
    for (pieces, input) in [
        (&[r#"{"a":"#, "1}", r#"{"a":1}"#][..], r#"{"a":1}"#),
        (&["", r#"{"a":"#, "1}", r#"{"a":1}"#, r#"{"a":1}"#], r#"{"a":1}"#),
        (&[r#"{"a":"x"}"#, r#"{ "a" : "\u0078" }"#], r#"{"a":"x"}"#),
        (&[r#"{"a"#, r#"{"a":"x"#, r#"{"a":"xy"}"#], r#"{"a":"xy"}"#),
        (&["", "{", r#"{"a":"x"#, r#"{"a":"xy"}"#, r#"{"a":"xy"}"#], r#"{"a":"xy"}"#),
        // An object may begin as the one around it.
        (&[r#"{"l":"#, r#"{"l":"#, r#"{"l":"#, r#"{"l":{"r":1}}}}}"#], nested),
        (&[r#"{"l":{"l":"#, r#"{"l":{"l":{"r":1}}}}}"#], nested),
        // Once is not enough, and one that is another is none.
        (&[r#"{"a":"#, r#"{"a":1}"#], "cut"),
        (&[r#"{"a":1}"#, r#"{"a":2}"#], "cut"),
        (&[r#"{"a"#, r#"{"a":1"#, r#"{"a":{"a":1}"#], "cut"),
        (&[r#"{"a"#, r#"{"b"#, r#"{"b":1"#, r#"{"b":1}"#], "cut"),
    ] {
        let mut events = vec![first(0, "call_k1", "find_boat")];
        events.extend(pieces.iter().map(|piece| more(0, piece)));
        events.extend([end("tool_calls"), DONE.to_owned()]);
        let bytes: Vec<u8> =
            events.iter().flat_map(|event| format!("data: {event}\n\n").into_bytes()).collect();
        for size in 1..=bytes.len() {
            let log = decode(chat(), bytes.chunks(size));
            let Some(Event::Complete(complete)) = log.0.last() else { panic!("{log:?}") };
            let tool = complete.message.tool_calls().next().unwrap();
            let found = tool.input.as_ref().map_or("cut", |input| input.as_str());
            assert_eq!(found, input, "{pieces:?} by {size}");
            let warned = log
                .0
                .iter()
                .any(|event| matches!(event, Event::Warning(it) if it.rule == Rule::RepeatedText));
            assert_eq!(warned, pieces.concat() != input && input != "cut", "{pieces:?}");
        }
    }
}
