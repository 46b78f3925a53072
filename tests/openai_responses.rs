//! The Responses API of `OpenAI`: each case is a stream in a few words and the events that come of it,
//! however it is cut and whatever adapter brings it.

mod common;

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use common::{decode, everywhere, log, quoted, responses, sse};
use thinkstream::{
    Content, Decoder, Error, ErrorKind, Event, EventReader, Json, Limits, Message, StopReason,
    ToolKind, ToolUse,
};

type Log = (Vec<Event>, Option<Error>);

const CREATED: &str = r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_a7","object":"response","status":"in_progress","model":"gpt-test","output":[],"usage":null,"error":null}}"#;
/// The end as a server sends it that leaves the items out.
const COMPLETED: &str = r#"{"type":"response.completed","response":{"id":"resp_a7","object":"response","status":"completed","error":null,"incomplete_details":null,"output":[],"usage":null}}"#;
const OUT_OF_TOKENS: &str = r#"{"type":"response.incomplete","response":{"id":"resp_a7","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[],"usage":null}}"#;
const KEEPALIVE: &str = r#"{"type":"keepalive","sequence_number":3}"#;

const MESSAGE: &str =
    r#"{"id":"msg_1","type":"message","role":"assistant","status":"in_progress","content":[]}"#;
const REASONING: &str = r#"{"id":"rs_1","type":"reasoning","summary":[]}"#;
const CALLING: &str = r#"{"id":"fc_1","type":"function_call","status":"in_progress","call_id":"call_1","name":"dim","arguments":""}"#;

/// An event of which the fields are written out.
fn event(name: &str, fields: &str) -> String {
    format!(r#"{{"type":"response.{name}",{fields}}}"#)
}

fn added(index: u32, item: &str) -> String {
    event("output_item.added", &format!(r#""output_index":{index},"item":{item}"#))
}

fn done(index: u32, item: &str) -> String {
    event("output_item.done", &format!(r#""output_index":{index},"item":{item}"#))
}

/// The response at its end, with these items in it.
fn completed(items: &[&str]) -> String {
    let items = items.join(",");
    event(
        "completed",
        &format!(r#""response":{{"id":"resp_a7","status":"completed","output":[{items}]}}"#),
    )
}

/// The response at its end, with these fields in it.
fn ended(name: &str, fields: &str) -> String {
    event(name, &format!(r#""response":{{"id":"resp_a7",{fields}}}"#))
}

fn place(what: &str, index: u32, part: u32) -> String {
    let key = if what.contains("summary") { "summary_index" } else { "content_index" };
    format!(r#""item_id":"it_{index}","output_index":{index},"{key}":{part}"#)
}

fn piece(what: &str, index: u32, part: u32, piece: &str) -> String {
    let place = place(what, index, part);
    event(&format!("{what}.delta"), &format!(r#"{place},"delta":{}"#, quoted(piece)))
}

fn whole(what: &str, index: u32, part: u32, whole: &str) -> String {
    let key = match what {
        "refusal" => "refusal",
        "function_call_arguments" | "mcp_call_arguments" => "arguments",
        "custom_tool_call_input" => "input",
        "code_interpreter_call_code" => "code",
        _ => "text",
    };
    let place = place(what, index, part);
    event(&format!("{what}.done"), &format!(r#"{place},"{key}":{}"#, quoted(whole)))
}

fn part(event_name: &str, index: u32, at: u32, part: &str) -> String {
    event(event_name, &format!(r#"{},"part":{part}"#, place(event_name, index, at)))
}

fn text(index: u32, text: &str) -> String {
    piece("output_text", index, 0, text)
}

fn think(index: u32, part: u32, text: &str) -> String {
    piece("reasoning_summary_text", index, part, text)
}

fn refuse(index: u32, text: &str) -> String {
    piece("refusal", index, 0, text)
}

fn args(index: u32, text: &str) -> String {
    piece("function_call_arguments", index, 0, text)
}

/// How far a tool has got.
fn progress(index: u32, name: &str) -> String {
    event(name, &format!(r#""output_index":{index},"item_id":"it_{index}""#))
}

fn annotation(index: u32, annotation: &str) -> String {
    let place = place("", index, 0);
    event("output_text.annotation.added", &format!(r#"{place},"annotation":{annotation}"#))
}

fn output_text(text: &str) -> String {
    format!(r#"{{"type":"output_text","text":{},"annotations":[],"logprobs":[]}}"#, quoted(text))
}

fn refusal(text: &str) -> String {
    format!(r#"{{"type":"refusal","refusal":{}}}"#, quoted(text))
}

/// A message with these parts.
fn message_of(parts: &[&str]) -> String {
    let parts = parts.join(",");
    format!(
        r#"{{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{parts}]}}"#
    )
}

fn message(text: &str) -> String {
    message_of(&[&output_text(text)])
}

fn summary_text(text: &str) -> String {
    format!(r#"{{"type":"summary_text","text":{}}}"#, quoted(text))
}

/// Reasoning with a summary, and what only the provider can read.
fn thought(summary: &[&str], secret: &str) -> String {
    let summary: Vec<String> = summary.iter().map(|text| summary_text(text)).collect();
    let summary = summary.join(",");
    format!(
        r#"{{"id":"rs_1","type":"reasoning","summary":[{summary}],"encrypted_content":{}}}"#,
        quoted(secret)
    )
}

/// The whole call of the function `dim`.
fn call(number: u32, arguments: &str) -> String {
    format!(
        r#"{{"id":"fc_{number}","type":"function_call","status":"completed","call_id":"call_{number}","name":"dim","arguments":{}}}"#,
        quoted(arguments)
    )
}

fn calling(number: u32) -> String {
    CALLING.replace("_1", &format!("_{number}"))
}

/// One line for each event: without the raw item, which is compared apart, and the place of an error.
fn lines(result: &Log) -> Vec<String> {
    let shorten = |line: String| {
        if let (true, Some((block, _))) =
            (line.starts_with("block "), line.split_once(r#","raw":"#))
        {
            return format!("{block}}}");
        }
        match line.rsplit_once(" (byte ") {
            Some((error, _)) if line.starts_with("error ") => error.to_owned(),
            _ => line,
        }
    };
    log(result).into_iter().map(shorten).collect()
}

/// The lines without those that most cases are not about.
fn short(result: &Log) -> Vec<String> {
    let dull = |line: &String| line.starts_with("start ") || line.starts_with("usage ");
    lines(result).into_iter().filter(|line| !dull(line)).collect()
}

#[track_caller]
fn check_with(
    name: &str,
    decoder: impl Fn() -> Decoder,
    events: &[&str],
    expected: &[&str],
) -> Log {
    let stream = sse(events);
    let result = everywhere(name, &stream, decoder);
    assert_eq!(short(&result), expected, "{name}");
    let ends = result.0.iter().filter(|event| matches!(event, Event::Complete(_))).count();
    assert_eq!(ends, usize::from(result.1.is_none()), "{name}");
    // What is kept raw is a part of the stream, byte for byte.
    let stream = String::from_utf8(stream).unwrap();
    for event in &result.0 {
        if let Event::Block(done) = event {
            assert!(done.block.raw.iter().all(|raw| stream.contains(raw.as_str())), "{name}");
        }
    }
    result
}

#[track_caller]
fn check(name: &str, events: &[&str], expected: &[&str]) -> Log {
    check_with(name, responses, events, expected)
}

macro_rules! cases {
    ($($(#[$mark:meta])* $name:ident: [$($event:expr),* $(,)?] => [$($line:expr),* $(,)?])*) => {
        $(#[test]
        $(#[$mark])*
        fn $name() {
            check(stringify!($name), &[$($event.as_ref()),*], &[$($line),*]);
        })*
    };
}

/// Streams, and what goes back of them.
macro_rules! replays {
    ($($(#[$mark:meta])* $name:ident: [$($event:expr),* $(,)?] => [$($item:expr),* $(,)?])*) => {
        $(#[test]
        $(#[$mark])*
        fn $name() {
            check_replay(&[$($event.as_ref()),*], &[$($item.as_ref()),*]);
        })*
    };
}

#[track_caller]
fn check_replay(events: &[&str], items: &[&str]) {
    let (message, _) = reply(events);
    assert_eq!(message.to_param().as_str(), format!("[{}]", items.join(",")));
}

/// What somebody has changed goes back as it is now, and all else as it came.
#[test]
fn what_was_changed_since_goes_back_changed() {
    let (mut message, _) = reply(&[
        CREATED,
        &done(0, &message("Call Ann.")),
        &done(1, &call(1, r#"{"a": 1}"#)),
        COMPLETED,
    ]);
    let [text, tool] = &mut message.content[..] else { panic!("{message:?}") };
    let before = [text.raw.clone().unwrap(), tool.raw.clone().unwrap()];
    let Content::Text(said) = &mut Arc::make_mut(text).content else { panic!() };
    said.text = "Call [name].".into();
    let changed = r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Call [name]."}]}"#;
    assert_eq!(message.to_param().as_str(), format!("[{changed},{}]", before[1]));
    let Content::ToolUse(called) = &mut Arc::make_mut(&mut message.content[1]).content else {
        panic!()
    };
    called.input = Ok(Json::parse(r#"{"a":2}"#).unwrap());
    let call =
        r#"{"type":"function_call","call_id":"call_1","name":"dim","arguments":"{\"a\":2}"}"#;
    assert_eq!(message.to_param().as_str(), format!("[{changed},{call}]"));
    let blocks = message.content.iter().map(|block| block.to_param().to_string());
    assert_eq!(blocks.collect::<Vec<_>>(), [changed, call]);
    // It is stored so, too.
    let stored = serde_json::to_string(&message).unwrap();
    let read: Message = serde_json::from_str(&stored).unwrap();
    assert_eq!((&read, read.to_param()), (&message, message.to_param()));
}

/// The message that a stream makes, and the error that ends it.
fn reply(events: &[&str]) -> (Message, Option<Error>) {
    let (mut events, error) = decode(responses(), [&sse(events)[..]]);
    match (events.pop(), error) {
        (_, Some(error)) => (error.partial().message.clone(), Some(error)),
        (Some(Event::Complete(done)), None) => (done.message, None),
        (event, None) => panic!("{event:?}"),
    }
}

#[track_caller]
fn failure(decoder: Decoder, events: &[&str]) -> Error {
    decode(decoder, [&sse(events)[..]]).1.expect("an error")
}

fn tool(message: &Message, at: usize) -> ToolUse {
    match &message.content[at].content {
        Content::ToolUse(tool) => (**tool).clone(),
        other => panic!("{other:?}"),
    }
}

mod texts {
    use super::*;

    cases! {
        a_text: [CREATED, event("in_progress", r#""response":{"id":"resp_a7","status":"in_progress"}"#), added(0, MESSAGE),
            part("content_part.added", 0, 0, &output_text("")), text(0, "Low "), text(0, "tide"), whole("output_text", 0, 0, "Low tide"),
            part("content_part.done", 0, 0, &output_text("Low tide")), done(0, &message("Low tide")), completed(&[&message("Low tide")])] => [
            "ping",
            r#"token 0 "Low ""#,
            r#"token 0 "tide""#,
            r#"block 0 {"type":"text","text":"Low tide"}"#,
            "complete end_turn",
        ]
        an_empty_type_is_none: [CREATED, added(0, MESSAGE), "event: response.output_text.delta\ndata: {\"type\":\"\",\"output_index\":0,\"content_index\":0,\"delta\":\"abc\"}\n\n", done(0, &message("abc")), COMPLETED] => [
            r#"token 0 "abc""#,
            r#"block 0 {"type":"text","text":"abc"}"#,
            "complete end_turn",
        ]
        nothing_at_all: [CREATED, COMPLETED] => [
            "complete end_turn",
        ]
        a_keepalive_between_two_deltas: [CREATED, KEEPALIVE, added(0, MESSAGE), text(0, "a"), KEEPALIVE, ": still here\n\n", text(0, "b"),
            "event: keepalive\ndata: {}\n\n", done(0, &message("ab")), "event: keepalive\ndata:\n\n", r#"{"type":"response.keep_alive"}"#, COMPLETED] => [
            "ping",
            r#"token 0 "a""#,
            "ping",
            "ping",
            r#"token 0 "b""#,
            "ping",
            r#"block 0 {"type":"text","text":"ab"}"#,
            "ping",
            "ping",
            "complete end_turn",
        ]
        obfuscation_is_no_content: [CREATED, added(0, MESSAGE),
            event("output_text.delta", r#""output_index":0,"content_index":0,"delta":"a","logprobs":[],"obfuscation":"zX9wq""#),
            event("output_text.delta", r#""obfuscation":"","output_index":0,"content_index":0,"delta":"b""#),
            done(0, &message("ab")), COMPLETED] => [
            r#"token 0 "a""#,
            r#"token 0 "b""#,
            r#"block 0 {"type":"text","text":"ab"}"#,
            "complete end_turn",
        ]
        empty_pieces_are_not_given: [CREATED, added(0, MESSAGE), text(0, ""), text(0, "a"), text(0, ""), whole("output_text", 0, 0, "a"), done(0, &message("a")), COMPLETED] => [
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "complete end_turn",
        ]
        phases_stay_apart: [CREATED, added(0, r#"{"id":"msg_c","type":"message","role":"assistant","phase":"commentary","content":[]}"#), text(0, "Looking"),
            done(0, r#"{"id":"msg_c","type":"message","role":"assistant","phase":"commentary","content":[{"type":"output_text","text":"Looking"}]}"#),
            added(1, MESSAGE), text(1, "Found"),
            done(1, r#"{"id":"msg_f","type":"message","role":"assistant","phase":"final_answer","content":[{"type":"output_text","text":"Found"}]}"#), COMPLETED] => [
            r#"token 0 "Looking""#,
            r#"block 0 {"type":"text","text":"Looking","phase":"commentary"}"#,
            r#"token 1 "Found""#,
            r#"block 1 {"type":"text","text":"Found","phase":"final_answer"}"#,
            "complete end_turn",
        ]
        a_phase_of_null_is_none: [CREATED, done(0, r#"{"type":"message","phase":null,"content":[{"type":"output_text","text":"a"}]}"#), COMPLETED] => [
            "warning missing_block_start 0",
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "complete end_turn",
        ]
        two_parts_of_one_message: [CREATED, added(0, MESSAGE), text(0, "a"), piece("output_text", 0, 1, "b"), whole("output_text", 0, 1, "bc"),
            done(0, &message_of(&[&output_text("a"), &output_text("bc")])), COMPLETED] => [
            r#"token 0 "a""#,
            r#"token 0 "b""#,
            r#"token 0 "c""#,
            r#"block 0 {"type":"text","text":"abc"}"#,
            "complete end_turn",
        ]
        a_whole_text_gives_what_is_missing: [CREATED, added(0, MESSAGE), text(0, "ab"), whole("output_text", 0, 0, "abc"),
            part("content_part.done", 0, 0, &output_text("abcd")), done(0, &message("abcde")), COMPLETED] => [
            r#"token 0 "ab""#,
            r#"token 0 "c""#,
            r#"token 0 "d""#,
            r#"token 0 "e""#,
            r#"block 0 {"type":"text","text":"abcde"}"#,
            "complete end_turn",
        ]
        another_whole_text_has_the_last_word: [CREATED, added(0, MESSAGE), text(0, "ab"), whole("output_text", 0, 0, "xyz"), done(0, &message("xyz")), COMPLETED] => [
            r#"token 0 "ab""#,
            "warning done_differs 0",
            r#"block 0 {"type":"text","text":"xyz"}"#,
            "complete end_turn",
        ]
        a_shorter_whole_text_differs: [CREATED, added(0, MESSAGE), text(0, "abc"), done(0, &message("ab")), COMPLETED] => [
            r#"token 0 "abc""#,
            "warning done_differs 0",
            r#"block 0 {"type":"text","text":"ab"}"#,
            "complete end_turn",
        ]
        a_surrogate_pair_in_two_deltas: [CREATED, added(0, MESSAGE),
            event("output_text.delta", r#""output_index":0,"content_index":0,"delta":"a\ud83c""#), KEEPALIVE,
            event("output_text.delta", r#""output_index":0,"content_index":0,"delta":"\udf0ab""#), done(0, &message("a🌊b")), COMPLETED] => [
            r#"token 0 "a""#,
            "ping",
            r#"token 0 "🌊b""#,
            r#"block 0 {"type":"text","text":"a🌊b"}"#,
            "complete end_turn",
        ]
        half_a_pair_at_the_end: [CREATED, added(0, MESSAGE), event("output_text.delta", r#""output_index":0,"delta":"a\ud83c""#), done(0, MESSAGE), COMPLETED] => [
            r#"token 0 "a""#,
            "token 0 \"\u{fffd}\"",
            "block 0 {\"type\":\"text\",\"text\":\"a\u{fffd}\"}",
            "complete end_turn",
        ]
        a_lone_surrogate: [CREATED, added(0, MESSAGE), event("output_text.delta", r#""output_index":0,"content_index":0,"delta":"a\ud83c""#),
            event("output_text.delta", r#""output_index":0,"content_index":0,"delta":"b\ud83c""#),
            event("output_text.done", r#""output_index":0,"content_index":0,"text":"a\ud83cb\ud83c""#),
            done(0, r#"{"type":"message","content":[{"type":"output_text","text":"a\ud83cb\ud83c"}]}"#), COMPLETED] => [
            r#"token 0 "a""#,
            "token 0 \"\u{fffd}b\"",
            "token 0 \"\u{fffd}\"",
            "block 0 {\"type\":\"text\",\"text\":\"a\u{fffd}b\u{fffd}\"}",
            "complete end_turn",
        ]
    }
}

mod thinking {
    use super::*;

    cases! {
        two_parts_of_a_summary: [CREATED, added(0, REASONING),
            part("reasoning_summary_part.added", 0, 0, &summary_text("")), think(0, 0, "**Moon**\n\nIt "), think(0, 0, "pulls."), whole("reasoning_summary_text", 0, 0, "**Moon**\n\nIt pulls."),
            part("reasoning_summary_part.done", 0, 0, &summary_text("**Moon**\n\nIt pulls.")),
            part("reasoning_summary_part.added", 0, 1, &summary_text("")), KEEPALIVE, think(0, 1, "**Sun**"), think(0, 1, "!"), whole("reasoning_summary_text", 0, 1, "**Sun**!"),
            part("reasoning_summary_part.done", 0, 1, &summary_text("**Sun**!")),
            done(0, &thought(&["**Moon**\n\nIt pulls.", "**Sun**!"], "gAA-end")),
            added(1, MESSAGE), text(1, "High"), done(1, &message("High")), COMPLETED] => [
            r#"thinking 0 "**Moon**\n\nIt ""#,
            r#"thinking 0 "pulls.""#,
            "ping",
            r#"thinking 0 "\n\n""#,
            r#"thinking 0 "**Sun**""#,
            r#"thinking 0 "!""#,
            "signature 0 gAA-end",
            r#"block 0 {"type":"thinking","thinking":"**Moon**\n\nIt pulls.\n\n**Sun**!","signature":"gAA-end"}"#,
            r#"token 1 "High""#,
            r#"block 1 {"type":"text","text":"High"}"#,
            "complete end_turn",
        ]
        an_empty_summary_still_is_a_block: [CREATED, added(0, REASONING), done(0, &thought(&[], "gAA-end")), added(1, MESSAGE), text(1, "a"), done(1, &message("a")), COMPLETED] => [
            "signature 0 gAA-end",
            r#"block 0 {"type":"thinking","thinking":"","signature":"gAA-end"}"#,
            r#"token 1 "a""#,
            r#"block 1 {"type":"text","text":"a"}"#,
            "complete end_turn",
        ]
        the_secret_is_that_of_done: [CREATED, added(0, &thought(&[], "gAA-start")), think(0, 0, "a"), done(0, &thought(&["a"], "gAA-middle")),
            added(1, MESSAGE), text(1, "b"), done(1, &message("b")), completed(&[&thought(&["a"], "gAA-last"), &message("b")])] => [
            r#"thinking 0 "a""#,
            "signature 0 gAA-middle",
            r#"block 0 {"type":"thinking","thinking":"a","signature":"gAA-middle"}"#,
            r#"token 1 "b""#,
            r#"block 1 {"type":"text","text":"b"}"#,
            "complete end_turn",
        ]
        a_secret_that_only_added_has_is_none: [CREATED, added(0, &thought(&[], "gAA-start")), think(0, 0, "a"), done(0, r#"{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"a"}],"encrypted_content":null}"#), COMPLETED] => [
            r#"thinking 0 "a""#,
            r#"block 0 {"type":"thinking","thinking":"a"}"#,
            "complete end_turn",
        ]
        reasoning_in_the_open: [CREATED, added(0, r#"{"id":"rs_1","type":"reasoning","summary":[],"content":[],"status":"in_progress"}"#),
            part("content_part.added", 0, 0, r#"{"type":"reasoning_text","text":""}"#), piece("reasoning_text", 0, 0, "Add"), piece("reasoning_text", 0, 0, " up"), whole("reasoning_text", 0, 0, "Add up"),
            part("content_part.done", 0, 0, r#"{"type":"reasoning_text","text":"Add up"}"#),
            done(0, r#"{"id":"rs_1","type":"reasoning","status":"completed","summary":[],"content":[{"type":"reasoning_text","text":"Add up"}]}"#), COMPLETED] => [
            r#"thinking 0 "Add""#,
            r#"thinking 0 " up""#,
            r#"block 0 {"type":"thinking","thinking":"Add up"}"#,
            "complete end_turn",
        ]
        reasoning_parts_of_other_servers: [CREATED, added(0, REASONING),
            part("reasoning_part.added", 0, 0, r#"{"type":"reasoning_text","text":""}"#), piece("reasoning_text", 0, 0, "Add"),
            part("reasoning_part.done", 0, 0, r#"{"type":"reasoning_text","text":"Add"}"#), done(0, REASONING), COMPLETED] => [
            r#"thinking 0 "Add""#,
            r#"block 0 {"type":"thinking","thinking":"Add"}"#,
            "complete end_turn",
        ]
        the_names_of_a_draft: [CREATED, added(0, REASONING), piece("reasoning_summary", 0, 0, "a"), whole("reasoning_summary", 0, 0, "ab"), done(0, &thought(&["ab"], "gAA")), COMPLETED] => [
            r#"thinking 0 "a""#,
            r#"thinking 0 "b""#,
            "signature 0 gAA",
            r#"block 0 {"type":"thinking","thinking":"ab","signature":"gAA"}"#,
            "complete end_turn",
        ]
        a_summary_only_at_the_end: [CREATED, added(0, REASONING), done(0, &thought(&["a", "", "b"], "gAA")), COMPLETED] => [
            r#"thinking 0 "a""#,
            r#"thinking 0 "\n\n""#,
            r#"thinking 0 "b""#,
            "signature 0 gAA",
            r#"block 0 {"type":"thinking","thinking":"a\n\nb","signature":"gAA"}"#,
            "complete end_turn",
        ]
        a_summary_without_its_last_part: [CREATED, added(0, REASONING), think(0, 0, "a"), done(0, &thought(&["ab", "c"], "gAA")), COMPLETED] => [
            r#"thinking 0 "a""#,
            r#"thinking 0 "b""#,
            r#"thinking 0 "\n\n""#,
            r#"thinking 0 "c""#,
            "signature 0 gAA",
            r#"block 0 {"type":"thinking","thinking":"ab\n\nc","signature":"gAA"}"#,
            "complete end_turn",
        ]
        a_summary_that_was_cut: [CREATED, added(0, REASONING), think(0, 0, "a"),
            event("reasoning_summary_part.done", r#""output_index":0,"summary_index":0,"status":"incomplete","part":{"type":"summary_text","text":"a"}"#), OUT_OF_TOKENS] => [
            r#"thinking 0 "a""#,
            "complete max_tokens unsafe",
        ]
        reasoning_between_two_messages: [CREATED, added(0, MESSAGE), text(0, "a"), done(0, &message("a")), added(1, REASONING), done(1, &thought(&[], "gAA")),
            added(2, MESSAGE), text(2, "b"), done(2, &message("b")), added(3, REASONING), think(3, 0, "c"), done(3, &thought(&["c"], "gBB")), COMPLETED] => [
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "signature 1 gAA",
            r#"block 1 {"type":"thinking","thinking":"","signature":"gAA"}"#,
            r#"token 2 "b""#,
            r#"block 2 {"type":"text","text":"b"}"#,
            r#"thinking 3 "c""#,
            "signature 3 gBB",
            r#"block 3 {"type":"thinking","thinking":"c","signature":"gBB"}"#,
            "complete end_turn",
        ]
        white_space_that_is_thought: [CREATED, added(0, REASONING), think(0, 0, " \n"), think(0, 0, "\n"), done(0, REASONING), COMPLETED] => [
            r#"thinking 0 " \n""#,
            r#"thinking 0 "\n""#,
            r#"block 0 {"type":"thinking","thinking":" \n\n"}"#,
            "complete end_turn",
        ]
        reasoning_that_nobody_stores_and_nobody_encrypts: [CREATED.replace(r#""output":[]"#, r#""output":[],"store":false"#), added(0, REASONING), think(0, 0, "a"), done(0, REASONING), COMPLETED] => [
            r#"thinking 0 "a""#,
            r#"block 0 {"type":"thinking","thinking":"a","replayable":false}"#,
            "complete end_turn",
        ]
    }
}

mod refusals {
    use super::*;

    cases! {
        a_refusal: [CREATED, added(0, MESSAGE), part("content_part.added", 0, 0, &refusal("")), refuse(0, "I ca"), refuse(0, "n't."), whole("refusal", 0, 0, "I can't."),
            part("content_part.done", 0, 0, &refusal("I can't.")), done(0, &message_of(&[&refusal("I can't.")])), completed(&[&message_of(&[&refusal("I can't.")])])] => [
            r#"refusal 0 "I ca""#,
            r#"refusal 0 "n't.""#,
            r#"block 0 {"type":"text","text":"I can't.","refusal":true}"#,
            "complete refusal unsafe",
        ]
        a_refusal_only_at_the_end: [CREATED, added(0, MESSAGE), done(0, &message_of(&[&refusal("No.")])), COMPLETED] => [
            r#"refusal 0 "No.""#,
            r#"block 0 {"type":"text","text":"No.","refusal":true}"#,
            "complete refusal unsafe",
        ]
        a_refusal_behind_a_text: [CREATED, added(0, MESSAGE), text(0, "Sure. "), piece("refusal", 0, 1, "No."), done(0, &message_of(&[&output_text("Sure. "), &refusal("No.")])), COMPLETED] => [
            r#"token 0 "Sure. ""#,
            r#"refusal 0 "No.""#,
            r#"block 0 {"type":"text","text":"Sure. No.","refusal":true}"#,
            "complete refusal unsafe",
        ]
        a_refusal_beside_a_call: [CREATED, added(0, CALLING), args(0, "{}"), done(0, &call(1, "{}")), added(1, MESSAGE), refuse(1, "No."), done(1, &message_of(&[&refusal("No.")])), COMPLETED] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{}""#,
            "tool_call 0 dim {}",
            r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","input":{}}"#,
            r#"refusal 1 "No.""#,
            r#"block 1 {"type":"text","text":"No.","refusal":true}"#,
            "complete refusal unsafe",
        ]
    }

    #[test]
    fn a_refusal_is_one_before_its_end() {
        for (piece, refusal) in [("", false), ("No.", true)] {
            let mut decoder = responses();
            let mut input = sse([CREATED, &added(0, MESSAGE), &refuse(0, piece)]).into();
            while decoder.decode(&mut input).unwrap().is_some() {}
            let message = decoder.message();
            let Content::Text(text) = &message.content[0].content else { panic!() };
            assert_eq!(text.refusal, refusal, "{piece:?}");
        }
    }

    #[test]
    fn an_empty_refusal_is_one_though_only_its_part_says_so() {
        let part = |kind: &str| part("content_part.added", 0, 0, kind);
        let (refused, said) = (part(&refusal("")), part(&output_text("")));
        for events in [
            [CREATED, &added(0, MESSAGE), &refused, &done(0, MESSAGE), COMPLETED].as_slice(),
            &[CREATED, &added(0, MESSAGE), &refused, &said, &done(0, MESSAGE), COMPLETED],
        ] {
            let (message, _) = reply(events);
            assert_eq!(message.stop_reason, Some(StopReason::Refusal));
        }
    }

    #[test]
    fn a_refusal_counts_though_nothing_is_kept() {
        let events = [CREATED, &added(0, MESSAGE), &refuse(0, "No."), COMPLETED];
        let expected = [r#"refusal 0 "No.""#, "complete refusal unsafe"];
        check_with("tapped", || responses().accumulate(false), &events, &expected);
    }

    #[test]
    fn an_empty_refusal_is_one() {
        let empty = message_of(&[&refusal("")]);
        let events = [
            CREATED,
            &added(0, MESSAGE),
            &part("content_part.added", 0, 0, &refusal("")),
            &part("content_part.done", 0, 0, &refusal("")),
            &done(0, &empty),
            &completed(&[&empty]),
        ];
        let (message, _) = reply(&events);
        assert_eq!(message.stop_reason, Some(StopReason::Refusal));
    }
}

mod annotations {
    use super::*;

    const URL: &str = r#"{"type":"url_citation","url":"https://tide.test","title":"T","start_index":0,"end_index":1}"#;
    const FILE: &str = r#"{"type":"file_citation","file_id":"file_q","filename":"t.md","index":1}"#;
    const BOXED: &str = r#"{"type":"container_file_citation","container_id":"cntr_q","file_id":"cfile_q","filename":"t.csv","start_index":0,"end_index":1}"#;
    const PATH: &str = r#"{"type":"file_path","file_id":"file_r","index":1}"#;
    const NEW: &str = r#"{"type":"star_citation", "star":"Mira"}"#;

    fn cited(annotations: &[&str]) -> String {
        output_text("a").replacen("[]", &format!("[{}]", annotations.join(",")), 1)
    }

    cases! {
        streamed: [CREATED, added(0, MESSAGE), text(0, "a"), annotation(0, URL), annotation(0, FILE), annotation(0, BOXED), annotation(0, PATH), annotation(0, NEW), annotation(0, "null"), COMPLETED] => [
            r#"token 0 "a""#,
            &format!("citation 0 {URL}"),
            &format!("citation 0 {FILE}"),
            &format!("citation 0 {BOXED}"),
            &format!("citation 0 {PATH}"),
            &format!("citation 0 {NEW}"),
            "warning missing_block_stop 0",
            "complete end_turn",
        ]
        streamed_and_repeated: [CREATED, added(0, MESSAGE), text(0, "a"), annotation(0, URL), annotation(0, FILE),
            part("content_part.done", 0, 0, &cited(&[URL, FILE])), done(0, &message_of(&[&cited(&[URL, FILE])])), COMPLETED] => [
            r#"token 0 "a""#,
            &format!("citation 0 {URL}"),
            &format!("citation 0 {FILE}"),
            &format!(r#"block 0 {{"type":"text","text":"a","citations":[{URL},{}]}}"#, FILE.replace(r#""file_id":"file_q","#, "")),
            "complete end_turn",
        ]
        beside_a_refusal: [CREATED, added(0, MESSAGE), part("content_part.added", 0, 0, &refusal("No.").replace('}', r#","annotations":[{"type":"file_path"}]}"#)), OUT_OF_TOKENS] => [
            r#"refusal 0 "No.""#,
            "complete max_tokens unsafe",
        ]
        only_in_the_part: [CREATED, added(0, MESSAGE), text(0, "a"), part("content_part.done", 0, 0, &cited(&[URL])), done(0, &message_of(&[&cited(&[URL])])), COMPLETED] => [
            r#"token 0 "a""#,
            &format!("citation 0 {URL}"),
            &format!(r#"block 0 {{"type":"text","text":"a","citations":[{URL}]}}"#),
            "complete end_turn",
        ]
        only_in_the_item: [CREATED, added(0, MESSAGE), text(0, "a"), done(0, &message_of(&[&cited(&[URL, NEW])])), COMPLETED] => [
            r#"token 0 "a""#,
            &format!("citation 0 {URL}"),
            &format!("citation 0 {NEW}"),
            &format!(r#"block 0 {{"type":"text","text":"a","citations":[{URL},{}]}}"#, NEW.replace(' ', "")),
            "complete end_turn",
        ]
        one_streamed_and_one_only_at_the_end: [CREATED, added(0, MESSAGE), text(0, "a"), annotation(0, URL), done(0, &message_of(&[&cited(&[URL, NEW])])), COMPLETED] => [
            r#"token 0 "a""#,
            &format!("citation 0 {URL}"),
            &format!("citation 0 {NEW}"),
            &format!(r#"block 0 {{"type":"text","text":"a","citations":[{URL},{}]}}"#, NEW.replace(' ', "")),
            "complete end_turn",
        ]
    }
}

mod tools {
    use super::*;

    cases! {
        a_call: [CREATED, added(0, CALLING), args(0, r#"{"lamp":"#), args(0, "2}"), whole("function_call_arguments", 0, 0, r#"{"lamp":2}"#), done(0, &call(1, r#"{"lamp":2}"#)), completed(&[&call(1, r#"{"lamp":2}"#)])] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{\"lamp\":""#,
            r#"tool_input 0 "2}""#,
            r#"tool_call 0 dim {"lamp":2}"#,
            r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","input":{"lamp":2}}"#,
            "complete tool_use",
        ]
        parallel_calls_interleave: [CREATED, added(0, REASONING), done(0, &thought(&[], "gAA")), added(1, &calling(1)), added(2, &calling(2)), args(1, "{\"a\""), args(2, "{\"b\""), args(1, ":1}"),
            whole("function_call_arguments", 1, 0, "{\"a\":1}"), args(2, ":2}"), done(2, &call(2, "{\"b\":2}")), done(1, &call(1, "{\"a\":1}")), COMPLETED] => [
            "signature 0 gAA",
            r#"block 0 {"type":"thinking","thinking":"","signature":"gAA"}"#,
            "tool_start 1 call_1 dim Client",
            "tool_start 2 call_2 dim Client",
            r#"tool_input 1 "{\"a\"""#,
            r#"tool_input 2 "{\"b\"""#,
            r#"tool_input 1 ":1}""#,
            r#"tool_input 2 ":2}""#,
            r#"tool_call 2 dim {"b":2}"#,
            r#"block 2 {"type":"tool_use","id":"call_2","name":"dim","input":{"b":2}}"#,
            r#"tool_call 1 dim {"a":1}"#,
            r#"block 1 {"type":"tool_use","id":"call_1","name":"dim","input":{"a":1}}"#,
            "complete tool_use",
        ]
        a_call_without_deltas: [CREATED, added(0, CALLING), whole("function_call_arguments", 0, 0, "{\"a\":1}"), done(0, &call(1, "{\"a\":1}")), COMPLETED] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{\"a\":1}""#,
            r#"tool_call 0 dim {"a":1}"#,
            r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","input":{"a":1}}"#,
            "complete tool_use",
        ]
        a_call_that_is_whole_from_the_start: [CREATED, added(0, &call(1, "{\"a\":1}")), done(0, &call(1, "{\"a\":1}")), COMPLETED] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{\"a\":1}""#,
            r#"tool_call 0 dim {"a":1}"#,
            r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","input":{"a":1}}"#,
            "complete tool_use",
        ]
        arguments_at_the_start_and_in_deltas: [CREATED, added(0, &call(1, "{\"a\":1}")), args(0, "{\"a\""), args(0, ":1}"), done(0, &call(1, "{\"a\":1}")), COMPLETED] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{\"a\"""#,
            r#"tool_input 0 ":1}""#,
            r#"tool_call 0 dim {"a":1}"#,
            r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","input":{"a":1}}"#,
            "complete tool_use",
        ]
        deltas_that_were_cut: [CREATED, added(0, CALLING), args(0, "{\"a\""), whole("function_call_arguments", 0, 0, "{\"a\":1"), done(0, &call(1, "{\"a\":1}")), COMPLETED] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{\"a\"""#,
            r#"tool_input 0 ":1""#,
            r#"tool_input 0 "}""#,
            r#"tool_call 0 dim {"a":1}"#,
            r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","input":{"a":1}}"#,
            "complete tool_use",
        ]
        other_arguments_at_the_end: [CREATED, added(0, CALLING), args(0, "{\"a\":1}"), done(0, &call(1, "{\"b\":2}")), COMPLETED] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{\"a\":1}""#,
            "warning done_differs 0",
            r#"tool_call 0 dim {"b":2}"#,
            r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","input":{"b":2}}"#,
            "complete tool_use",
        ]
        no_arguments: [CREATED, added(0, CALLING), args(0, "{}"), done(0, &call(1, "{}")), added(1, &calling(2)), args(1, ""), whole("function_call_arguments", 1, 0, ""), done(1, &call(2, "")),
            done(2, r#"{"type":"function_call","call_id":"call_3","name":"dim","arguments":null}"#), done(3, r#"{"type":"function_call","call_id":"call_4","name":"dim"}"#), COMPLETED] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{}""#,
            "tool_call 0 dim {}",
            r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","input":{}}"#,
            "tool_start 1 call_2 dim Client",
            "tool_call 1 dim {}",
            r#"block 1 {"type":"tool_use","id":"call_2","name":"dim","input":{}}"#,
            "warning missing_block_start 2",
            "tool_start 2 call_3 dim Client",
            "tool_call 2 dim {}",
            r#"block 2 {"type":"tool_use","id":"call_3","name":"dim","input":{}}"#,
            "warning missing_block_start 3",
            "tool_start 3 call_4 dim Client",
            "tool_call 3 dim {}",
            r#"block 3 {"type":"tool_use","id":"call_4","name":"dim","input":{}}"#,
            "complete tool_use",
        ]
        arguments_that_are_an_object: [CREATED, added(0, CALLING), done(0, r#"{"type":"function_call","call_id":"call_1","name":"dim","arguments":{"a": 1}}"#), COMPLETED] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_call 0 dim {"a": 1}"#,
            r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","input":{"a": 1}}"#,
            "complete tool_use",
        ]
        arguments_that_are_no_object: [CREATED, added(0, CALLING), args(0, "[1]"), done(0, &call(1, "[1]")), added(1, &calling(2)), args(1, "{\"a\": tru"), done(1, &call(2, "{\"a\": tru")), COMPLETED] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "[1]""#,
            r#"tool_call 0 dim "[1]" not a JSON object"#,
            r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","partial_json":"[1]"}"#,
            "tool_start 1 call_2 dim Client",
            r#"tool_input 1 "{\"a\": tru""#,
            r#"tool_call 1 dim "{\"a\": tru" expected a value at byte 6"#,
            r#"block 1 {"type":"tool_use","id":"call_2","name":"dim","partial_json":"{\"a\": tru"}"#,
            "complete tool_use",
        ]
        the_bytes_of_the_arguments_stay: [CREATED, added(0, CALLING), args(0, "{\"b\": 9007199254740993,\n \"a\":1.10}"), done(0, &call(1, "{\"b\": 9007199254740993,\n \"a\":1.10}")), COMPLETED] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{\"b\": 9007199254740993,\n \"a\":1.10}""#,
            "tool_call 0 dim {\"b\": 9007199254740993,\n \"a\":1.10}",
            "block 0 {\"type\":\"tool_use\",\"id\":\"call_1\",\"name\":\"dim\",\"input\":{\"b\": 9007199254740993,\n \"a\":1.10}}",
            "complete tool_use",
        ]
        a_name_that_only_the_end_has: [CREATED, added(0, r#"{"type":"function_call","call_id":"call_1","name":"","arguments":""}"#), args(0, "{\"a\""), args(0, ":1}"), done(0, &call(1, "{\"a\":1}")),
            added(1, r#"{"type":"function_call","call_id":"call_2"}"#), done(1, &call(2, "{}")), COMPLETED] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{\"a\":1}""#,
            r#"tool_call 0 dim {"a":1}"#,
            r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","input":{"a":1}}"#,
            "tool_start 1 call_2 dim Client",
            r#"tool_input 1 "{}""#,
            "tool_call 1 dim {}",
            r#"block 1 {"type":"tool_use","id":"call_2","name":"dim","input":{}}"#,
            "complete tool_use",
        ]
        an_empty_id_of_the_call_is_none: [CREATED, added(0, r#"{"id":"fc_1","type":"function_call","call_id":"","name":"dim"}"#), args(0, "{}"), done(0, &call(1, "{}")), COMPLETED] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{}""#,
            "tool_call 0 dim {}",
            r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","input":{}}"#,
            "complete tool_use",
        ]
        an_id_of_the_call_that_only_the_end_has: [CREATED, added(0, r#"{"id":"fc_1","type":"function_call","name":"dim"}"#), args(0, "{}"), done(0, &call(1, "{}")), COMPLETED] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{}""#,
            "tool_call 0 dim {}",
            r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","input":{}}"#,
            "complete tool_use",
        ]
        a_call_that_a_program_made: [CREATED, added(0, CALLING),
            done(0, r#"{"type":"function_call","status":"in_progress","call_id":"call_1","name":"dim","arguments":"{}","namespace":"lights","caller":{"type":"program","caller_id":"cm_1"}}"#), COMPLETED] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{}""#,
            "tool_call 0 dim {}",
            r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","input":{},"caller":{"type":"program","caller_id":"cm_1"},"toolset_name":"lights"}"#,
            "complete tool_use",
        ]
        a_custom_tool_is_given_text: [CREATED, added(0, r#"{"id":"ctc_1","type":"custom_tool_call","call_id":"call_1","name":"sketch","input":""}"#), piece("custom_tool_call_input", 0, 0, "+ \"a\"\n"), piece("custom_tool_call_input", 0, 0, "{"),
            whole("custom_tool_call_input", 0, 0, "+ \"a\"\n{"), done(0, r#"{"id":"ctc_1","type":"custom_tool_call","status":"completed","call_id":"call_1","name":"sketch","input":"+ \"a\"\n{"}"#), COMPLETED] => [
            "tool_start 0 call_1 sketch Custom",
            r#"tool_input 0 "+ \"a\"\n""#,
            r#"tool_input 0 "{""#,
            r#"tool_call 0 sketch "+ \"a\"\n{""#,
            r#"block 0 {"type":"custom_tool_call","id":"call_1","name":"sketch","input":"+ \"a\"\n{"}"#,
            "complete tool_use",
        ]
        an_interpreter_is_given_code: [CREATED, added(0, r#"{"id":"ci_1","type":"code_interpreter_call","status":"in_progress","container_id":"cntr_1","code":"","outputs":null}"#), progress(0, "code_interpreter_call.in_progress"),
            piece("code_interpreter_call_code", 0, 0, "print("), piece("code_interpreter_call_code", 0, 0, "1)"), whole("code_interpreter_call_code", 0, 0, "print(1)"),
            progress(0, "code_interpreter_call.interpreting"), progress(0, "code_interpreter_call.completed"),
            done(0, r#"{"id":"ci_1","type":"code_interpreter_call","status":"completed","container_id":"cntr_1","code":"print(1)","outputs":[{"type":"logs","logs":"1"}]}"#), COMPLETED] => [
            "tool_start 0 ci_1 code_interpreter Server",
            "progress 0 response.code_interpreter_call.in_progress",
            r#"tool_input 0 "print(""#,
            r#"tool_input 0 "1)""#,
            "progress 0 response.code_interpreter_call.interpreting",
            "progress 0 response.code_interpreter_call.completed",
            r#"tool_call 0 code_interpreter "print(1)""#,
            r#"block 0 {"type":"server_tool_use","id":"ci_1","name":"code_interpreter","input":"print(1)"}"#,
            "complete end_turn",
        ]
        a_shell_of_the_client: [CREATED, added(0, r#"{"id":"sh_1","type":"shell_call","call_id":"call_1","status":"in_progress","action":{"commands":[]},"environment":{"type":"local"}}"#),
            r#"{"type":"response.shell_call_command.added","output_index":0,"command_index":0,"command":""}"#,
            r#"{"type":"response.shell_call_command.delta","output_index":0,"command_index":0,"delta":"date","obfuscation":"q"}"#,
            r#"{"type":"response.shell_call_command.done","output_index":0,"command_index":0,"command":"date"}"#,
            done(0, r#"{"id":"sh_1","type":"shell_call","call_id":"call_1","status":"completed","action":{"commands":["date"],"timeout_ms":null},"environment":{"type":"local"}}"#), COMPLETED] => [
            "tool_start 0 call_1 shell Client",
            "progress 0 response.shell_call_command.added",
            "progress 0 response.shell_call_command.delta",
            "progress 0 response.shell_call_command.done",
            r#"tool_call 0 shell {"commands":["date"],"timeout_ms":null}"#,
            r#"block 0 {"type":"tool_use","id":"call_1","name":"shell","input":{"commands":["date"],"timeout_ms":null}}"#,
            "complete tool_use",
        ]
        a_call_open_at_the_limit: [CREATED, added(0, CALLING), args(0, "{\"lamp\":"), OUT_OF_TOKENS] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{\"lamp\":""#,
            "complete max_tokens unsafe",
        ]
        a_whole_looking_call_open_at_the_limit: [CREATED, added(0, CALLING), args(0, "{}"), whole("function_call_arguments", 0, 0, "{}"), OUT_OF_TOKENS] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{}""#,
            "complete max_tokens unsafe",
        ]
        a_call_behind_the_end: [CREATED, COMPLETED, added(0, CALLING), done(0, &call(1, "{}")), "data: {\n\n"] => [
            "complete end_turn",
        ]
    }

    #[test]
    fn a_call_that_ended_incomplete_cannot_be_run() {
        let cut = call(1, "{}").replace("completed", "incomplete");
        let (message, _) =
            reply(&[CREATED, &added(0, CALLING), &args(0, "{}"), &done(0, &cut), OUT_OF_TOKENS]);
        assert!(tool(&message, 0).input.is_err());
        assert_eq!(message.tool_calls().count(), 0);
        assert_eq!(message.to_param().as_str(), "[]");
    }

    #[test]
    fn a_call_that_ended_incomplete_is_not_handed_out() {
        let cut = call(1, "{\"a\":").replace("completed", "incomplete");
        let stream = sse([CREATED, &added(0, CALLING), &done(0, &cut), OUT_OF_TOKENS]);
        let (events, _) = decode(responses(), [&stream[..]]);
        assert!(!events.iter().any(|event| matches!(event, Event::ToolCall(_))));
    }

    #[test]
    fn the_id_at_the_end_is_the_one_that_a_result_must_name() {
        let (message, _) =
            reply(&[CREATED, &added(0, CALLING), &done(0, &call(2, "{}")), COMPLETED]);
        assert_eq!(tool(&message, 0).id, "call_2");
    }

    #[test]
    fn calls_that_share_an_index_are_not_mixed_up() {
        let events = [
            CREATED,
            &added(0, &calling(1)),
            &added(0, &calling(2)),
            &done(0, &call(1, "{\"a\":1}")),
            &done(0, &call(2, "{\"b\":2}")),
            COMPLETED,
        ];
        let (message, _) = reply(&events);
        for call in message.tool_calls() {
            let own = if call.id == "call_1" { "{\"a\":1}" } else { "{\"b\":2}" };
            assert_eq!(call.input.as_ref().unwrap().as_str(), own, "{}", call.id);
        }
    }

    #[test]
    fn calls_behind_a_gap_are_not_mixed_up_at_the_end() {
        let (one, two) = (call(1, "{\"a\":1}"), call(2, "{\"b\":2}"));
        let end = completed(&[&one, &two]);
        let (message, _) = reply(&[CREATED, &added(1, &calling(1)), &added(2, &calling(2)), &end]);
        for call in message.tool_calls() {
            let own = if call.id == "call_1" { "{\"a\":1}" } else { "{\"b\":2}" };
            assert_eq!(call.input.as_ref().unwrap().as_str(), own, "{}", call.id);
        }
    }

    #[test]
    fn a_call_that_is_told_twice_is_one() {
        let item = call(1, "{}");
        let (start, end) = (added(0, CALLING), done(0, &item));
        let (message, _) = reply(&[CREATED, &start, &end, &start, &end, COMPLETED]);
        assert_eq!(message.tool_calls().count(), 1);
        assert_eq!(message.to_param().as_str(), format!("[{item}]"));
    }

    /// Relays, and the servers of some subscriptions, give ids that the API refuses in the next request, and with it
    /// every later one.
    #[test]
    fn items_go_back_without_what_would_be_refused() {
        let long = "x".repeat(65);
        let function = |id: &str| {
            format!(
                r#"{{"type":"function_call","id":"{id}","call_id":"c1","name":"dim","arguments":"{{}}","status":"completed"}}"#
            )
        };
        let sealed = |id: &str, more: &str| {
            format!(
                r#"{{"type":"reasoning","id":"{id}","summary":[],"encrypted_content":"gAAA"{more}}}"#
            )
        };
        let custom = |id: &str| {
            format!(
                r#"{{"type":"custom_tool_call","id":"{id}","call_id":"c1","name":"patch","input":"x"}}"#
            )
        };
        let search = format!(r#"{{"type":"web_search_call","id":"{long}","status":"completed"}}"#);
        let spoken = |id: &str| {
            format!(
                r#"{{"type":"message","id":"{id}","role":"assistant","phase":"commentary","content":[{{"type":"output_text","text":"x","annotations":[]}}]}}"#
            )
        };
        for (item, refused) in [
            (function("fc_1"), None),
            (function("call_1"), Some(r#","id":"call_1""#)),
            (function(""), Some(r#","id":"""#)),
            (function("fc+1"), Some(r#","id":"fc+1""#)),
            (function(&format!("fc_{}", &long[..61])), None),
            (custom("ctc_1"), None),
            (custom("fc_1"), Some(r#","id":"fc_1""#)),
            (spoken("msg_1"), None),
            (spoken(&long), Some(&*format!(r#","id":"{long}""#))),
            (sealed("rs_1", ""), None),
            (sealed("rs_1", r#","status":null"#), Some(r#","status":null"#)),
            (sealed("rs_1", r#","status":"completed""#), None),
            (sealed("thinking_0", ""), Some(r#","id":"thinking_0""#)),
            (sealed(&long, ""), Some(&*format!(r#","id":"{long}""#))),
            // Nothing else says which it was.
            (sealed(&long, "").replace(r#","encrypted_content":"gAAA""#, ""), None),
            (search, None),
        ] {
            let end = spoken("msg_2");
            let (message, _) = reply(&[CREATED, &done(0, &item), &done(1, &end), COMPLETED]);
            let expected = item.replacen(refused.unwrap_or("\0"), "", 1);
            assert_eq!(message.to_param().as_str(), format!("[{expected},{end}]"), "{item}");
        }
    }

    #[test]
    fn who_runs_a_tool_may_be_said_at_the_end() {
        let start = r#"{"type":"tool_search_call","call_id":"call_1","arguments":{}}"#;
        let item =
            r#"{"type":"tool_search_call","call_id":"call_1","execution":"client","arguments":{}}"#;
        let (message, _) = reply(&[CREATED, &added(0, start), &done(0, item), COMPLETED]);
        assert_eq!(tool(&message, 0).kind, ToolKind::Client);
        assert_eq!(message.stop_reason, Some(StopReason::ToolUse));
    }
}

mod items {
    use super::*;

    /// Items that are whole, the events that come of each, and why a response ends that has no more
    /// than it. They go back as they are.
    macro_rules! items {
        ($($(#[$mark:meta])* $name:ident: $item:expr => [$($line:expr),* $(,)?], $reason:expr;)*) => {
            $(#[test]
            $(#[$mark])*
            fn $name() {
                let item: &str = $item;
                let expected: Vec<String> = vec![$($line.into()),*];
                let end = [format!("complete {}", $reason)];
                let expect = |before: &[&str]| -> Vec<String> {
                    let before = before.iter().map(|line| (*line).to_owned());
                    before.chain(expected.clone()).chain(end.clone()).collect()
                };
                for (events, before) in [
                    (vec![CREATED.to_owned(), added(0, item), done(0, item), COMPLETED.to_owned()], &[][..]),
                    (vec![CREATED.to_owned(), done(0, item), COMPLETED.to_owned()], &["warning missing_block_start 0"][..]),
                    (vec![CREATED.to_owned(), completed(&[item])], &["warning missing_block_start 0"][..]),
                    (vec![CREATED.to_owned(), added(0, item), completed(&[item])], &[][..]),
                ] {
                    let events: Vec<&str> = events.iter().map(String::as_str).collect();
                    let expected = expect(before);
                    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
                    let (mut events, _) = check_items(stringify!($name), &events, &expected);
                    let Some(Event::Complete(done)) = events.pop() else { panic!() };
                    assert_eq!(done.message.to_param().as_str(), format!("[{item}]"));
                }
            })*
        };
    }

    /// The same as [`check`], for items that may be kept as they are in place of a block.
    #[track_caller]
    fn check_items(name: &str, events: &[&str], expected: &[&str]) -> Log {
        let result = check(name, events, expected);
        for event in &result.0 {
            if let Event::Block(done) = event {
                assert!(done.block.complete && done.block.replayable, "{name}");
            }
        }
        result
    }

    items! {
        message_with_a_phase: r#"{"id":"msg_1", "type":"message","role":"assistant","status":"completed","phase":"final_answer","content":[{"type":"output_text","text":"a","annotations":[],"logprobs":[]}],"new":{"b":1.0}}"# =>
            [r#"token 0 "a""#, r#"block 0 {"type":"text","text":"a","phase":"final_answer"}"#], "end_turn";
        function_call: r#"{"type":"function_call","id":"fc_1","call_id":"call_1","name":"dim","arguments":"{\"a\":1}","status":"completed","namespace":"lights","caller":{"type":"direct"}}"# =>
            ["tool_start 0 call_1 dim Client", r#"tool_input 0 "{\"a\":1}""#, r#"tool_call 0 dim {"a":1}"#,
            r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","input":{"a":1},"toolset_name":"lights"}"#], "tool_use";
        custom_tool_call: r#"{"type":"custom_tool_call","id":"ctc_1","call_id":"call_1","name":"sketch","input":"a [","namespace":"pens"}"# =>
            ["tool_start 0 call_1 sketch Custom", r#"tool_input 0 "a [""#, r#"tool_call 0 sketch "a [""#,
            r#"block 0 {"type":"custom_tool_call","id":"call_1","name":"sketch","input":"a [","toolset_name":"pens"}"#], "tool_use";
        web_search_call: r#"{"id":"ws_1","type":"web_search_call","status":"completed","action":{"type":"search","query":"neap","queries":["neap"]}}"# =>
            ["tool_start 0 ws_1 web_search Server", r#"tool_call 0 web_search {"type":"search","query":"neap","queries":["neap"]}"#,
            r#"block 0 {"type":"server_tool_use","id":"ws_1","name":"web_search","input":{"type":"search","query":"neap","queries":["neap"]}}"#], "end_turn";
        file_search_call: r#"{"id":"fs_1","type":"file_search_call","status":"completed","queries":["neap","spring"],"results":null}"# =>
            ["tool_start 0 fs_1 file_search Server", r#"tool_call 0 file_search {"queries":["neap","spring"]}"#,
            r#"block 0 {"type":"server_tool_use","id":"fs_1","name":"file_search","input":{"queries":["neap","spring"]}}"#], "end_turn";
        code_interpreter_call: r#"{"id":"ci_1","type":"code_interpreter_call","status":"completed","container_id":"cntr_1","code":"1+1","outputs":[]}"# =>
            ["tool_start 0 ci_1 code_interpreter Server", r#"tool_input 0 "1+1""#, r#"tool_call 0 code_interpreter "1+1""#,
            r#"block 0 {"type":"server_tool_use","id":"ci_1","name":"code_interpreter","input":"1+1"}"#], "end_turn";
        code_interpreter_call_without_code: r#"{"id":"ci_1","type":"code_interpreter_call","status":"completed","container_id":"cntr_1","code":null,"outputs":null}"# =>
            ["tool_start 0 ci_1 code_interpreter Server", r#"tool_call 0 code_interpreter """#,
            r#"block 0 {"type":"server_tool_use","id":"ci_1","name":"code_interpreter","input":""}"#], "end_turn";
        image_generation_call: r#"{"id":"ig_1","type":"image_generation_call","status":"completed","result":"aW1n"}"# =>
            ["tool_start 0 ig_1 image_generation Server", "tool_call 0 image_generation {}",
            r#"block 0 {"type":"server_tool_use","id":"ig_1","name":"image_generation","input":{}}"#], "end_turn";
        computer_call: r#"{"id":"cu_1","type":"computer_call","call_id":"call_1","action":{"type":"wait"},"pending_safety_checks":[],"status":"completed"}"# =>
            ["tool_start 0 call_1 computer Client", r#"tool_call 0 computer {"type":"wait"}"#,
            r#"block 0 {"type":"tool_use","id":"call_1","name":"computer","input":{"type":"wait"}}"#], "tool_use";
        computer_call_with_several_actions: r#"{"id":"cu_1","type":"computer_call","call_id":"call_1","action":null,"actions":[{"type":"wait"},{"type":"screenshot"}],"pending_safety_checks":[],"status":"completed"}"# =>
            ["tool_start 0 call_1 computer Client", r#"tool_call 0 computer {"actions":[{"type":"wait"},{"type":"screenshot"}]}"#,
            r#"block 0 {"type":"tool_use","id":"call_1","name":"computer","input":{"actions":[{"type":"wait"},{"type":"screenshot"}]}}"#], "tool_use";
        local_shell_call: r#"{"id":"lsh_1","type":"local_shell_call","call_id":"call_1","action":{"type":"exec","command":["date"],"env":{}},"status":"completed"}"# =>
            ["tool_start 0 call_1 local_shell Client", r#"tool_call 0 local_shell {"type":"exec","command":["date"],"env":{}}"#,
            r#"block 0 {"type":"tool_use","id":"call_1","name":"local_shell","input":{"type":"exec","command":["date"],"env":{}}}"#], "tool_use";
        shell_call_without_an_environment: r#"{"id":"sh_1","type":"shell_call","call_id":"call_1","action":{"commands":["date"]},"environment":null,"status":"completed"}"# =>
            ["tool_start 0 call_1 shell Client", r#"tool_call 0 shell {"commands":["date"]}"#,
            r#"block 0 {"type":"tool_use","id":"call_1","name":"shell","input":{"commands":["date"]}}"#], "tool_use";
        shell_call_in_a_container: r#"{"id":"sh_1","type":"shell_call","call_id":"call_1","action":{"commands":["date"]},"environment":{"type":"container_reference","container_id":"cntr_1"},"status":"completed"}"# =>
            ["tool_start 0 call_1 shell Server", r#"tool_call 0 shell {"commands":["date"]}"#,
            r#"block 0 {"type":"server_tool_use","id":"call_1","name":"shell","input":{"commands":["date"]}}"#], "end_turn";
        apply_patch_call: r#"{"id":"apc_1","type":"apply_patch_call","call_id":"call_1","operation":{"type":"delete_file","path":"t.md"},"status":"completed"}"# =>
            ["tool_start 0 call_1 apply_patch Client", r#"tool_call 0 apply_patch {"type":"delete_file","path":"t.md"}"#,
            r#"block 0 {"type":"tool_use","id":"call_1","name":"apply_patch","input":{"type":"delete_file","path":"t.md"}}"#], "tool_use";
        an_action_that_is_a_list: r#"{"id":"lsh_1","type":"local_shell_call","call_id":"call_1","action":["date"],"status":"completed"}"# =>
            ["tool_start 0 call_1 local_shell Client", r#"tool_call 0 local_shell {"action":["date"]}"#,
            r#"block 0 {"type":"tool_use","id":"call_1","name":"local_shell","input":{"action":["date"]}}"#], "tool_use";
        an_operation_that_is_a_list: r#"{"id":"apc_1","type":"apply_patch_call","call_id":"call_1","operation":["t.md"],"status":"completed"}"# =>
            ["tool_start 0 call_1 apply_patch Client", r#"tool_call 0 apply_patch {"operation":["t.md"]}"#,
            r#"block 0 {"type":"tool_use","id":"call_1","name":"apply_patch","input":{"operation":["t.md"]}}"#], "tool_use";
        mcp_call: r#"{"id":"mcp_1","type":"mcp_call","server_label":"desk","name":"find","arguments":"{\"q\":1}","output":"none","error":null,"status":"completed","approval_request_id":null}"# =>
            ["tool_start 0 mcp_1 find Mcp", r#"tool_input 0 "{\"q\":1}""#, r#"tool_call 0 find {"q":1}"#,
            r#"block 0 {"type":"mcp_tool_use","id":"mcp_1","name":"find","server_name":"desk","input":{"q":1}}"#], "end_turn";
        mcp_list_tools: r#"{"id":"mcpl_1","type":"mcp_list_tools","server_label":"desk","tools":[{"name":"find"}],"error":null}"# =>
            [r#"block 0 {"id":"mcpl_1","type":"mcp_list_tools","server_label":"desk","tools":[{"name":"find"}],"error":null}"#], "end_turn";
        mcp_approval_request: r#"{"id":"mcpr_1","type":"mcp_approval_request","server_label":"desk","name":"find","arguments":"{}"}"# =>
            [r#"block 0 {"id":"mcpr_1","type":"mcp_approval_request","server_label":"desk","name":"find","arguments":"{}"}"#], "tool_use";
        tool_search_call_of_the_server: r#"{"id":"tsc_1","type":"tool_search_call","call_id":null,"execution":"server","arguments":{"goal":"dim"},"status":"completed"}"# =>
            ["tool_start 0 tsc_1 tool_search Server", r#"tool_call 0 tool_search {"goal":"dim"}"#,
            r#"block 0 {"type":"server_tool_use","id":"tsc_1","name":"tool_search","input":{"goal":"dim"}}"#], "end_turn";
        tool_search_call_of_the_client: r#"{"id":"tsc_1","type":"tool_search_call","call_id":"call_1","execution":"client","arguments":{"goal":"dim"},"status":"completed"}"# =>
            ["tool_start 0 call_1 tool_search Client", r#"tool_call 0 tool_search {"goal":"dim"}"#,
            r#"block 0 {"type":"tool_use","id":"call_1","name":"tool_search","input":{"goal":"dim"}}"#], "tool_use";
        tool_search_output: r#"{"id":"tso_1","type":"tool_search_output","call_id":null,"execution":"server","tools":[]}"# =>
            [r#"block 0 {"id":"tso_1","type":"tool_search_output","call_id":null,"execution":"server","tools":[]}"#], "end_turn";
        additional_tools: r#"{"id":"at_1","type":"additional_tools","tools":[]}"# =>
            [r#"block 0 {"id":"at_1","type":"additional_tools","tools":[]}"#], "end_turn";
        compaction: r#"{"id":"cmp_1","type":"compaction","encrypted_content":"gAA="}"# =>
            [r#"block 0 {"id":"cmp_1","type":"compaction","encrypted_content":"gAA="}"#], "end_turn";
        program: r#"{"id":"cm_1","type":"program","call_id":"call_1","code":"dim()","fingerprint":"f"}"# =>
            [r#"block 0 {"id":"cm_1","type":"program","call_id":"call_1","code":"dim()","fingerprint":"f"}"#], "end_turn";
        program_output: r#"{"id":"cmo_1","type":"program_output","call_id":"call_1","result":"1","status":"completed"}"# =>
            [r#"block 0 {"id":"cmo_1","type":"program_output","call_id":"call_1","result":"1","status":"completed"}"#], "end_turn";
        the_output_of_a_shell: r#"{"id":"sho_1","type":"shell_call_output","call_id":"call_1","output":[{"stdout":"Mon","stderr":"","outcome":{"type":"exit","exit_code":0}}]}"# =>
            [r#"block 0 {"id":"sho_1","type":"shell_call_output","call_id":"call_1","output":[{"stdout":"Mon","stderr":"","outcome":{"type":"exit","exit_code":0}}]}"#], "end_turn";
        an_unknown_item: r#"{"id":"x_1","type":"weather_call","status":"completed","name":"dim","arguments":"{}","content":[{"type":"rain","text":"a"}]}"# =>
            [r#"block 0 {"id":"x_1","type":"weather_call","status":"completed","name":"dim","arguments":"{}","content":[{"type":"rain","text":"a"}]}"#], "end_turn";
        tool_search_call_with_any_json: r#"{"id":"tsc_1","type":"tool_search_call","call_id":null,"execution":"server","arguments":["dim"],"status":"completed"}"# =>
            ["tool_start 0 tsc_1 tool_search Server", r#"tool_call 0 tool_search ["dim"]"#,
            r#"block 0 {"type":"server_tool_use","id":"tsc_1","name":"tool_search","input":["dim"]}"#], "end_turn";
    }
}

/// Servers that count and name in ways of their own: nothing is said twice, and nothing is lost.
mod elsewhere {
    use super::*;

    cases! {
        parts_counted_by_pieces: [CREATED, added(0, MESSAGE), part("content_part.added", 0, 0, &output_text("")),
            piece("output_text", 0, 1, "Fo"), piece("output_text", 0, 2, "ur"), piece("output_text", 0, 3, "."), whole("output_text", 0, 4, "Four."),
            part("content_part.done", 0, 5, &output_text("Four.")), done(0, &message("Four.")), completed(&[&message("Four.")])] => [
            r#"token 0 "Fo""#,
            r#"token 0 "ur""#,
            r#"token 0 ".""#,
            r#"block 0 {"type":"text","text":"Four."}"#,
            "complete end_turn",
        ]
        thinking_counted_by_pieces: [CREATED, added(0, REASONING), piece("reasoning_text", 0, 92, "Two"), piece("reasoning_text", 0, 93, " and"), whole("reasoning_text", 0, 94, "Two and two"),
            done(0, r#"{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"Two and two"}]}"#), added(1, MESSAGE), text(1, "a"), done(1, &message("a")), COMPLETED] => [
            r#"thinking 0 "Two""#,
            r#"thinking 0 " and""#,
            r#"thinking 0 " two""#,
            r#"block 0 {"type":"thinking","thinking":"Two and two"}"#,
            r#"token 1 "a""#,
            r#"block 1 {"type":"text","text":"a"}"#,
            "complete end_turn",
        ]
        parts_that_are_announced_are_parts: [CREATED, added(0, MESSAGE), piece("output_text", 0, 1, "a"), part("content_part.added", 0, 2, &output_text("")), piece("output_text", 0, 2, "a"),
            done(0, &message_of(&[&output_text("a"), &output_text("a")])), COMPLETED] => [
            r#"token 0 "a""#,
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"aa"}"#,
            "complete end_turn",
        ]
        parts_behind_a_whole_one_are_parts: [CREATED, added(0, MESSAGE), piece("output_text", 0, 1, "a"), whole("output_text", 0, 1, "a"), piece("output_text", 0, 2, "b"),
            done(0, &message_of(&[&output_text("a"), &output_text("b")])), COMPLETED] => [
            r#"token 0 "a""#,
            r#"token 0 "b""#,
            r#"block 0 {"type":"text","text":"ab"}"#,
            "complete end_turn",
        ]
        an_end_numbered_otherwise: [CREATED, added(0, REASONING), piece("reasoning_text", 0, 0, "977"), piece("reasoning_text", 0, 0, "748"), whole("reasoning_text", 1, 0, "977748"),
            part("reasoning_part.done", 1, 0, r#"{"type":"reasoning_text","text":"977748"}"#), done(1, r#"{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"977748"}]}"#),
            added(1, MESSAGE), text(1, "Hi"), done(1, &message("Hi")), COMPLETED] => [
            r#"thinking 0 "977""#,
            r#"thinking 0 "748""#,
            r#"block 0 {"type":"thinking","thinking":"977748"}"#,
            r#"token 1 "Hi""#,
            r#"block 1 {"type":"text","text":"Hi"}"#,
            "complete end_turn",
        ]
        a_call_with_three_names: [CREATED, added(0, CALLING), args(0, r#"{"lamp":"#), args(0, "2}"), whole("function_call_arguments", 1, 0, r#"{"lamp":2}"#), done(1, &call(2, r#"{"lamp":2}"#)), completed(&[&call(3, r#"{"lamp":2}"#)])] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{\"lamp\":""#,
            r#"tool_input 0 "2}""#,
            "warning done_differs 0",
            r#"tool_call 0 dim {"lamp":2}"#,
            r#"block 0 {"type":"tool_use","id":"call_2","name":"dim","input":{"lamp":2}}"#,
            "complete tool_use",
        ]
        a_call_that_is_named_anew_at_the_end: [CREATED, added(0, CALLING), args(0, "{}"), done(0, &call(1, "{}")), completed(&[&call(3, "{}")])] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{}""#,
            "tool_call 0 dim {}",
            r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","input":{}}"#,
            "complete tool_use",
        ]
        one_call_named_anew_and_one_left_out: [CREATED, added(0, CALLING), done(0, &call(1, "{}")), completed(&[&call(3, "{}"), &call(4, r#"{"lamp":4}"#)])] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{}""#,
            "tool_call 0 dim {}",
            r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","input":{}}"#,
            "warning missing_block_start 1",
            "tool_start 1 call_4 dim Client",
            r#"tool_input 1 "{\"lamp\":4}""#,
            r#"tool_call 1 dim {"lamp":4}"#,
            r#"block 1 {"type":"tool_use","id":"call_4","name":"dim","input":{"lamp":4}}"#,
            "complete tool_use",
        ]
        arguments_that_the_end_leaves_out: [CREATED, added(0, CALLING), args(0, r#"{"lamp":"#), args(0, "2}"), done(0, &call(1, "")), COMPLETED] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{\"lamp\":""#,
            r#"tool_input 0 "2}""#,
            "warning done_differs 0",
            r#"tool_call 0 dim {"lamp":2}"#,
            r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","input":{"lamp":2}}"#,
            "complete tool_use",
        ]
        a_call_whose_end_never_comes: [CREATED, added(0, CALLING), args(0, r#"{"lamp":"#), args(0, "2}"), COMPLETED] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{\"lamp\":""#,
            r#"tool_input 0 "2}""#,
            "warning missing_block_stop 0",
            r#"tool_call 0 dim {"lamp":2}"#,
            r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","input":{"lamp":2}}"#,
            "complete tool_use",
        ]
        // Half of it is none; but the reply is no last word either.
        half_a_call_whose_end_never_comes: [CREATED, added(0, CALLING), args(0, r#"{"lamp":"#), COMPLETED] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{\"lamp\":""#,
            "warning missing_block_stop 0",
            "complete tool_use",
        ]
        half_a_call_that_a_cut_response_calls_whole: [CREATED, added(0, CALLING), args(0, r#"{"lamp":"#), ended("incomplete", &format!(r#""status":"incomplete","incomplete_details":{{"reason":"max_output_tokens"}},"output":[{}]"#, call(1, r#"{"lamp":"#)))] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{\"lamp\":""#,
            "complete max_tokens unsafe",
        ]
    }

    replays! {
        what_the_end_of_a_message_leaves_out: [CREATED, added(0, MESSAGE), text(0, "a"), done(0, &message_of(&[])), COMPLETED] =>
            [r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"}]}"#]
        what_the_end_of_a_call_leaves_out: [CREATED, added(0, CALLING), args(0, r#"{"lamp":2}"#), done(0, &call(1, "")), COMPLETED] =>
            [r#"{"type":"function_call","call_id":"call_1","name":"dim","arguments":"{\"lamp\":2}"}"#]
        the_name_that_the_end_of_a_call_leaves_out: [CREATED, added(0, CALLING), args(0, r#"{"lamp":2}"#), done(0, r#"{"id":"fc_1","type":"function_call","call_id":"call_1","name":"","arguments":"{\"lamp\":2}"}"#), COMPLETED] =>
            [r#"{"type":"function_call","call_id":"call_1","name":"dim","arguments":"{\"lamp\":2}"}"#]
        the_id_that_the_end_of_a_call_leaves_out: [CREATED, added(0, CALLING), done(0, r#"{"id":"fc_1","type":"function_call","name":"dim","arguments":"{}"}"#), COMPLETED] =>
            [r#"{"type":"function_call","call_id":"call_1","name":"dim","arguments":"{}"}"#]
        an_id_that_was_made_up_goes_back: [CREATED, added(0, r#"{"id":"fc_1","type":"function_call","name":"dim","arguments":""}"#), done(0, r#"{"id":"fc_1","type":"function_call","call_id":"","name":"dim","arguments":"{}"}"#), COMPLETED] =>
            [r#"{"type":"function_call","call_id":"call_0_respa7","name":"dim","arguments":"{}"}"#]
        a_call_with_three_names_goes_back_by_one: [CREATED, added(0, CALLING), args(0, "{}"), done(1, &call(2, "{}")), completed(&[&call(3, "{}")])] =>
            [call(2, "{}")]
        half_a_call_that_is_said_to_be_whole: [CREATED, done(0, &message("a")), done(1, &call(1, r#"{"lamp":"#)), OUT_OF_TOKENS] =>
            [message("a")]
        half_a_patch_that_is_said_to_be_whole: [CREATED, done(0, &message("a")), done(1, r#"{"type":"custom_tool_call","id":"c","call_id":"k","name":"patch","input":"*** Beg","status":"completed"}"#), OUT_OF_TOKENS] =>
            [message("a")]
    }

    /// However many pieces there are.
    #[test]
    fn pieces_that_are_counted_are_no_parts() {
        let pieces: Vec<String> = (1..5000).map(|at| piece("reasoning_text", 0, at, "a")).collect();
        let item = added(0, REASONING);
        let events: Vec<&str> =
            [CREATED, &item].into_iter().chain(pieces.iter().map(String::as_str)).collect();
        let (message, error) = reply(&events);
        assert!(matches!(error.unwrap().kind(), ErrorKind::Incomplete { .. }));
        assert_eq!(message.thinking().len(), 4999);
    }
}

mod replay {
    use super::*;

    replays! {
        reasoning_goes_back_with_what_follows: [CREATED, added(0, REASONING), think(0, 0, "a"), done(0, &thought(&["a"], "g\\u0041A")), added(1, CALLING), done(1, &call(1, "{}")), COMPLETED] =>
            [thought(&["a"], "g\\u0041A"), call(1, "{}")]
        reasoning_that_nothing_follows_stays: [CREATED, done(0, &message("a")), done(1, &thought(&["a"], "gAA")), done(2, &thought(&[], "gBB")), COMPLETED] =>
            [message("a")]
        reasoning_alone: [CREATED, done(0, &thought(&["a"], "gAA")), OUT_OF_TOKENS] => [""]
        reasoning_before_a_cut_call: [CREATED, done(0, &thought(&["a"], "gAA")), added(1, CALLING), args(1, "{"), OUT_OF_TOKENS] => [""]
        a_cut_call_between_others: [CREATED, done(0, &message("a")), added(1, CALLING), args(1, "{"), done(2, &call(2, "{}")), OUT_OF_TOKENS] =>
            [message("a"), call(2, "{}")]
        the_order_is_that_of_the_indexes: [CREATED, added(3, &calling(3)), added(1, MESSAGE), done(3, &call(3, "{}")), done(1, &message("a")), COMPLETED] =>
            [message("a"), call(3, "{}")]
        the_item_of_done_and_not_of_the_end: [CREATED, done(0, &thought(&[], "gAA")), done(1, &message("a")), completed(&[&thought(&[], "gBB"), &message("b")])] =>
            [thought(&[], "gAA"), message("a")]
        white_space_and_unknown_keys_stay: [CREATED, done(0, r#"{ "type" : "message", "new":[1.0,"\u00e9"],"content":[ {"type":"output_text","text":"a"} ] }"#), COMPLETED] =>
            [r#"{ "type" : "message", "new":[1.0,"\u00e9"],"content":[ {"type":"output_text","text":"a"} ] }"#]
        a_text_that_never_ended: [CREATED, added(0, MESSAGE), text(0, "a \"b\""), COMPLETED] =>
            [r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a \"b\""}]}"#]
        what_failed_in_the_middle: [CREATED, done(0, &thought(&["a"], "gAA")), done(1, &call(1, "{}")), added(2, MESSAGE), text(2, "a")] =>
            [thought(&["a"], "gAA"), call(1, "{}")]
        a_whole_call_with_broken_arguments: [CREATED, done(0, &thought(&[], "gAA")), done(1, &call(1, "{\"a\":")), COMPLETED] =>
            [thought(&[], "gAA"), call(1, "{\"a\":")]
    }
}

mod variations {
    use super::*;

    /// Frames without names.
    fn unnamed(events: &[&str]) -> String {
        events.iter().map(|event| format!("data: {event}\n\n")).collect()
    }

    cases! {
        ids_that_change_with_every_event: [CREATED.replace("resp_a7", "r1"), ended("in_progress", r#""id":"r2","status":"in_progress""#).replace("resp_a7", "r2"), added(0, &MESSAGE.replace("msg_1", "m1")),
            event("output_text.delta", r#""item_id":"m2","output_index":0,"content_index":0,"delta":"a""#), event("output_text.delta", r#""item_id":"m3","output_index":0,"content_index":0,"delta":"b""#),
            event("output_text.done", r#""item_id":"m4","output_index":0,"content_index":0,"text":"ab""#), done(0, &message("ab").replace("msg_1", "m5")), COMPLETED.replace("resp_a7", "r3")] => [
            "ping",
            r#"token 0 "a""#,
            r#"token 0 "b""#,
            r#"block 0 {"type":"text","text":"ab"}"#,
            "complete end_turn",
        ]
        items_that_overlap: [CREATED, added(0, MESSAGE), text(0, "a"), added(1, REASONING), think(1, 0, "hm"), text(0, "b"), done(1, &thought(&["hm"], "gAA")), text(0, "c"), done(0, &message("abc")), COMPLETED] => [
            r#"token 0 "a""#,
            r#"thinking 1 "hm""#,
            r#"token 0 "b""#,
            "signature 1 gAA",
            r#"block 1 {"type":"thinking","thinking":"hm","signature":"gAA"}"#,
            r#"token 0 "c""#,
            r#"block 0 {"type":"text","text":"abc"}"#,
            "complete end_turn",
        ]
        gaps_in_the_indexes: [CREATED, added(4, MESSAGE), text(4, "a"), done(4, &message("a")), added(2, MESSAGE), text(2, "b"), done(2, &message("b")), added(4294967295, CALLING), done(4294967295, &call(1, "{}")), COMPLETED] => [
            r#"token 4 "a""#,
            r#"block 4 {"type":"text","text":"a"}"#,
            r#"token 2 "b""#,
            r#"block 2 {"type":"text","text":"b"}"#,
            "tool_start 4294967295 call_1 dim Client",
            r#"tool_input 4294967295 "{}""#,
            "tool_call 4294967295 dim {}",
            r#"block 4294967295 {"type":"tool_use","id":"call_1","name":"dim","input":{}}"#,
            "complete tool_use",
        ]
        no_names_and_done: [unnamed(&[CREATED, KEEPALIVE, &added(0, MESSAGE), &text(0, "a"), &done(0, &message("a")), COMPLETED, "[DONE]"])] => [
            "ping",
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "complete end_turn",
        ]
        the_type_comes_last: [unnamed(&[r#"{"response":{"id":"resp_a7","status":"in_progress"},"type":"response.created"}"#, r#"{"output_index":0,"item":{"content":[],"type":"message"},"type":"response.output_item.added"}"#,
            r#"{"delta":"a","content_index":0,"output_index":0,"type":"response.output_text.delta"}"#, r#"{"item":{"content":[{"text":"a","type":"output_text"}],"type":"message"},"output_index":0,"type":"response.output_item.done"}"#,
            r#"{"response":{"status":"completed"},"type":"response.completed"}"#])] => [
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "complete end_turn",
        ]
        the_type_is_not_that_of_the_frame: [format!("event: response.failed\ndata: {CREATED}\n\n"), format!("event: error\ndata: {COMPLETED}\n\n")] => [
            "complete end_turn",
        ]
        frames_without_data: [CREATED, "data:\n\n", "event: response.output_text.delta\ndata: \n\n", COMPLETED] => [
            "ping",
            "ping",
            "complete end_turn",
        ]
        done_before_the_end: [CREATED, "data: [DONE]\n\n", added(0, MESSAGE), text(0, "a"), "data: [DONE] \n\n", done(0, &message("a")), COMPLETED, "data: [DONE]\n\n"] => [
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "complete end_turn",
        ]
        parts_that_count_from_elsewhere: [CREATED, added(0, MESSAGE), piece("output_text", 0, 1, "a"), whole("output_text", 0, 1, "ab"), done(0, &message("abc")),
            added(1, REASONING), think(1, 7, "t"), done(1, &thought(&["tu"], "gAA")), COMPLETED] => [
            r#"token 0 "a""#,
            r#"token 0 "b""#,
            r#"token 0 "c""#,
            r#"block 0 {"type":"text","text":"abc"}"#,
            r#"thinking 1 "t""#,
            r#"thinking 1 "u""#,
            "signature 1 gAA",
            r#"block 1 {"type":"thinking","thinking":"tu","signature":"gAA"}"#,
            "complete end_turn",
        ]
        several_parts_that_count_from_one: [CREATED, added(0, MESSAGE), piece("output_text", 0, 1, "a"), piece("output_text", 0, 2, "b"), done(0, &message_of(&[&output_text("a"), &output_text("b")])), COMPLETED] => [
            r#"token 0 "a""#,
            r#"token 0 "b""#,
            r#"block 0 {"type":"text","text":"ab"}"#,
            "complete end_turn",
        ]
        parts_without_an_index: [CREATED, added(0, MESSAGE), event("output_text.delta", r#""output_index":0,"content_index":null,"delta":"a""#), event("output_text.delta", r#""output_index":0,"delta":"b""#), done(0, &message("ab")), COMPLETED] => [
            r#"token 0 "a""#,
            r#"token 0 "b""#,
            r#"block 0 {"type":"text","text":"ab"}"#,
            "complete end_turn",
        ]
        created_is_missing: [added(0, MESSAGE), text(0, "a"), done(0, &message("a")), COMPLETED] => [
            "warning missing_message_start",
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "complete end_turn",
        ]
        created_comes_late: [text(0, "a"), CREATED, text(0, "b"), done(0, &message("ab")), COMPLETED] => [
            "warning missing_message_start",
            "warning missing_block_start 0",
            r#"token 0 "a""#,
            "warning repeated_message_start",
            r#"token 0 "b""#,
            r#"block 0 {"type":"text","text":"ab"}"#,
            "complete end_turn",
        ]
        created_twice: [CREATED, CREATED, COMPLETED] => [
            "warning repeated_message_start",
            "complete end_turn",
        ]
        in_progress_first: [ended("in_progress", r#""status":"in_progress""#), CREATED, added(0, MESSAGE), text(0, "a"), done(0, &message("a")), COMPLETED] => [
            "warning repeated_message_start",
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "complete end_turn",
        ]
        a_heartbeat_before_created: [event("in_progress", r#""sequence_number":0"#), CREATED, added(0, MESSAGE), text(0, "a"), done(0, &message("a")), COMPLETED] => [
            "ping",
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "complete end_turn",
        ]
        heartbeats_without_a_response: [CREATED, r#"{"type":"response.in_progress"}"#, event("in_progress", r#""response":null"#), COMPLETED] => [
            "ping",
            "ping",
            "complete end_turn",
        ]
        another_response: [CREATED, added(0, MESSAGE), text(0, "a"), CREATED.replace("resp_a7", "resp_b8")] => [
            r#"token 0 "a""#,
            "error protocol: the protocol was broken: second_message",
        ]
        added_is_missing: [CREATED, text(0, "a"), done(0, &message("ab")), think(1, 0, "t"), done(1, &thought(&["t"], "gAA")), args(2, "{\"a\""), done(2, &call(1, "{\"a\":1}")),
            piece("custom_tool_call_input", 3, 0, "x"), done(3, r#"{"type":"custom_tool_call","call_id":"call_5","name":"sketch","input":"xy"}"#), COMPLETED] => [
            "warning missing_block_start 0",
            r#"token 0 "a""#,
            r#"token 0 "b""#,
            r#"block 0 {"type":"text","text":"ab"}"#,
            "warning missing_block_start 1",
            r#"thinking 1 "t""#,
            "signature 1 gAA",
            r#"block 1 {"type":"thinking","thinking":"t","signature":"gAA"}"#,
            "warning missing_block_start 2",
            "tool_start 2 call_1 dim Client",
            r#"tool_input 2 "{\"a\":1}""#,
            r#"tool_call 2 dim {"a":1}"#,
            r#"block 2 {"type":"tool_use","id":"call_1","name":"dim","input":{"a":1}}"#,
            "warning missing_block_start 3",
            "tool_start 3 call_5 sketch Custom",
            r#"tool_input 3 "xy""#,
            r#"tool_call 3 sketch "xy""#,
            r#"block 3 {"type":"custom_tool_call","id":"call_5","name":"sketch","input":"xy"}"#,
            "complete tool_use",
        ]
        a_part_of_reasoning_without_its_item: [CREATED, part("content_part.added", 0, 0, r#"{"type":"reasoning_text","text":""}"#), piece("reasoning_text", 0, 0, "t"),
            done(0, r#"{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"t"}]}"#), COMPLETED] => [
            "warning missing_block_start 0",
            r#"thinking 0 "t""#,
            r#"block 0 {"type":"thinking","thinking":"t"}"#,
            "complete end_turn",
        ]
        done_without_added: [CREATED, done(0, &thought(&["t"], "gAA")), done(1, &message("a")), COMPLETED] => [
            "warning missing_block_start 0",
            r#"thinking 0 "t""#,
            "signature 0 gAA",
            r#"block 0 {"type":"thinking","thinking":"t","signature":"gAA"}"#,
            "warning missing_block_start 1",
            r#"token 1 "a""#,
            r#"block 1 {"type":"text","text":"a"}"#,
            "complete end_turn",
        ]
        text_only_at_the_end: [CREATED, added(0, MESSAGE), done(0, &message_of(&[&output_text("a"), &output_text("b")])), COMPLETED] => [
            r#"token 0 "a""#,
            r#"token 0 "b""#,
            r#"block 0 {"type":"text","text":"ab"}"#,
            "complete end_turn",
        ]
        added_twice: [CREATED, added(0, MESSAGE), text(0, "a"), added(0, MESSAGE), text(0, "b"), done(0, &message("ab")), added(1, CALLING), added(1, &call(1, "{}")), args(1, "{}"), done(1, &call(1, "{}")), COMPLETED] => [
            r#"token 0 "a""#,
            "warning repeated_block_start 0",
            r#"token 0 "b""#,
            r#"block 0 {"type":"text","text":"ab"}"#,
            "tool_start 1 call_1 dim Client",
            "warning repeated_block_start 1",
            r#"tool_input 1 "{}""#,
            "tool_call 1 dim {}",
            r#"block 1 {"type":"tool_use","id":"call_1","name":"dim","input":{}}"#,
            "complete tool_use",
        ]
        one_index_for_all: [CREATED, added(0, REASONING), think(0, 0, "t"), done(0, &thought(&["t"], "gAA")), added(0, MESSAGE), text(0, "a"), done(0, &message("a")), added(0, CALLING), args(0, "{}"), done(0, &call(1, "{}")), COMPLETED] => [
            r#"thinking 0 "t""#,
            "signature 0 gAA",
            r#"block 0 {"type":"thinking","thinking":"t","signature":"gAA"}"#,
            "warning reused_index 0",
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "warning reused_index 0",
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{}""#,
            "tool_call 0 dim {}",
            r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","input":{}}"#,
            "complete tool_use",
        ]
        no_index_at_all: [CREATED, format!(r#"{{"type":"response.output_item.added","item":{MESSAGE}}}"#), event("output_text.delta", r#""delta":"a""#), format!(r#"{{"type":"response.output_item.done","item":{}}}"#, message("a")),
            format!(r#"{{"type":"response.output_item.added","item":{CALLING}}}"#), format!(r#"{{"type":"response.output_item.done","item":{}}}"#, call(1, "{}")), COMPLETED] => [
            "warning missing_index",
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "tool_start 1 call_1 dim Client",
            r#"tool_input 1 "{}""#,
            "tool_call 1 dim {}",
            r#"block 1 {"type":"tool_use","id":"call_1","name":"dim","input":{}}"#,
            "complete tool_use",
        ]
        no_index_and_two_open_items: [CREATED, added(0, MESSAGE), added(1, CALLING), event("output_text.delta", r#""delta":"a""#)] => [
            "tool_start 1 call_1 dim Client",
            "error malformed: malformed `response.output_text.delta`: missing `output_index`",
        ]
        completed_before_the_last_item_is_done: [CREATED, added(0, MESSAGE), text(0, "a"), done(0, &message("a")), added(1, CALLING), args(1, "{\"a\""), completed(&[&message("a"), &call(1, "{\"a\":1}")]), done(1, &call(1, "{\"a\":1}"))] => [
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "tool_start 1 call_1 dim Client",
            r#"tool_input 1 "{\"a\"""#,
            r#"tool_input 1 ":1}""#,
            r#"tool_call 1 dim {"a":1}"#,
            r#"block 1 {"type":"tool_use","id":"call_1","name":"dim","input":{"a":1}}"#,
            "complete tool_use",
        ]
        completed_without_the_last_item: [CREATED, added(0, MESSAGE), text(0, "a"), COMPLETED, done(0, &message("a"))] => [
            r#"token 0 "a""#,
            "warning missing_block_stop 0",
            "complete end_turn",
        ]
        items_only_in_completed: [CREATED, completed(&[&thought(&["t"], "gAA"), &message("a"), &call(1, "{}")])] => [
            "warning missing_block_start 0",
            r#"thinking 0 "t""#,
            "signature 0 gAA",
            r#"block 0 {"type":"thinking","thinking":"t","signature":"gAA"}"#,
            "warning missing_block_start 1",
            r#"token 1 "a""#,
            r#"block 1 {"type":"text","text":"a"}"#,
            "warning missing_block_start 2",
            "tool_start 2 call_1 dim Client",
            r#"tool_input 2 "{}""#,
            "tool_call 2 dim {}",
            r#"block 2 {"type":"tool_use","id":"call_1","name":"dim","input":{}}"#,
            "complete tool_use",
        ]
        one_item_only_in_completed: [CREATED, added(0, MESSAGE), text(0, "a"), done(0, &message("a")), completed(&[&message("a"), &call(1, "{}")])] => [
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "warning missing_block_start 1",
            "tool_start 1 call_1 dim Client",
            r#"tool_input 1 "{}""#,
            "tool_call 1 dim {}",
            r#"block 1 {"type":"tool_use","id":"call_1","name":"dim","input":{}}"#,
            "complete tool_use",
        ]
        only_a_whole_response: [completed(&[&message("a")])] => [
            "warning missing_message_start",
            "warning missing_block_start 0",
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "complete end_turn",
        ]
        a_whole_item_in_a_response_that_was_cut: [CREATED, added(0, CALLING), args(0, "{"), added(1, MESSAGE), text(1, "a"), event("incomplete", &format!(r#""response":{{"status":"incomplete","output":[{},{MESSAGE}]}}"#, call(1, "{}")))] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{""#,
            r#"token 1 "a""#,
            r#"tool_input 0 "}""#,
            "tool_call 0 dim {}",
            r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","input":{}}"#,
            "complete incomplete unsafe",
        ]
        an_item_of_which_nothing_was_said_before_the_end: [CREATED, added(0, MESSAGE), COMPLETED] => [
            "warning missing_block_stop 0",
            "complete end_turn",
        ]
        a_message_with_another_id_and_place_at_the_end_is_known: [CREATED, added(3, MESSAGE), text(3, "a"), done(3, &message("a")), completed(&[&message("a").replace("msg_1", "msg_2")])] => [
            r#"token 3 "a""#,
            r#"block 3 {"type":"text","text":"a"}"#,
            "complete end_turn",
        ]
        a_search_with_another_id_and_place_at_the_end_is_known: [CREATED, done(3, r#"{"id":"ws_1","type":"web_search_call"}"#), completed(&[r#"{"id":"ws_2","type":"web_search_call"}"#])] => [
            "warning missing_block_start 3",
            "tool_start 3 ws_1 web_search Server",
            "tool_call 3 web_search {}",
            r#"block 3 {"type":"server_tool_use","id":"ws_1","name":"web_search","input":{}}"#,
            "complete end_turn",
        ]
        an_open_message_without_an_id_ends_with_the_response: [CREATED, added(0, r#"{"type":"message"}"#), text(0, "a"), completed(&[&message("ab")])] => [
            r#"token 0 "a""#,
            r#"token 0 "b""#,
            r#"block 0 {"type":"text","text":"ab"}"#,
            "complete end_turn",
        ]
        an_open_message_with_another_id_ends_with_the_response: [CREATED, added(0, MESSAGE), text(0, "a"), completed(&[&message("ab").replace("msg_1", "msg_2")])] => [
            r#"token 0 "a""#,
            r#"token 0 "b""#,
            r#"block 0 {"type":"text","text":"ab"}"#,
            "complete end_turn",
        ]
        an_open_call_without_an_id_ends_with_the_response: [CREATED, added(0, r#"{"type":"function_call","name":"dim"}"#), args(0, "{"), completed(&[&call(1, "{}")])] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{}""#,
            "tool_call 0 dim {}",
            r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","input":{}}"#,
            "complete tool_use",
        ]
        another_call_at_the_end_is_not_the_open_one: [CREATED, added(0, CALLING), args(0, "{"), completed(&[&call(2, "{}")])] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{""#,
            "warning missing_block_start 1",
            "tool_start 1 call_2 dim Client",
            r#"tool_input 1 "{}""#,
            "tool_call 1 dim {}",
            r#"block 1 {"type":"tool_use","id":"call_2","name":"dim","input":{}}"#,
            "warning missing_block_stop 0",
            "complete tool_use",
        ]
        another_type_at_the_end_is_not_the_open_item: [CREATED, added(0, REASONING), think(0, 0, "t"), completed(&[&message("a")])] => [
            r#"thinking 0 "t""#,
            "warning missing_block_start 1",
            r#"token 1 "a""#,
            r#"block 1 {"type":"text","text":"a"}"#,
            "warning missing_block_stop 0",
            "complete end_turn",
        ]
        the_older_name_of_the_end: [CREATED, added(0, MESSAGE), text(0, "a"), done(0, &message("a")), ended("done", r#""status":"completed""#)] => [
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "complete end_turn",
        ]
        a_delta_for_a_closed_item: [CREATED, added(0, MESSAGE), done(0, &message("a")), text(0, "b"), done(0, &message("a")), COMPLETED] => [
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "warning closed_block 0",
            "warning closed_block 0",
            "complete end_turn",
        ]
        deltas_of_another_kind: [CREATED, added(0, MESSAGE), think(0, 0, "t"), args(0, "{}"), piece("custom_tool_call_input", 0, 0, "x"), text(0, "a"), done(0, &call(1, "{}")), done(0, &message("a")), added(1, CALLING), text(1, "b"), piece("mcp_call_arguments", 1, 0, "{"), done(1, &call(1, "{}")), COMPLETED] => [
            "warning wrong_delta 0",
            "warning wrong_delta 0",
            "warning wrong_delta 0",
            r#"token 0 "a""#,
            "warning wrong_delta 0",
            r#"block 0 {"type":"text","text":"a"}"#,
            "tool_start 1 call_1 dim Client",
            "warning wrong_delta 1",
            "warning wrong_delta 1",
            r#"tool_input 1 "{}""#,
            "tool_call 1 dim {}",
            r#"block 1 {"type":"tool_use","id":"call_1","name":"dim","input":{}}"#,
            "complete tool_use",
        ]
        a_delta_without_a_delta: [CREATED, added(0, MESSAGE), event("output_text.delta", r#""output_index":0,"delta":null"#), event("output_text.delta", r#""output_index":0"#), text(0, "a"), event("output_text.done", r#""output_index":0"#), done(0, &message("a")), COMPLETED] => [
            "warning missing_field 0",
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "complete end_turn",
        ]
        unknown_events: [r#"{"type":"response.future.delta","delta":{"a":1}}"#, CREATED, r#"{"type":"future","output_index":"x"}"#, "event: future\ndata: {\"a\":\n\n", "data: {\"alive\":true}\n\n", "data: 7\n\n", COMPLETED] => [
            r#"unknown response.future.delta {"type":"response.future.delta","delta":{"a":1}}"#,
            r#"unknown future {"type":"future","output_index":"x"}"#,
            r#"unknown future {"a":"#,
            r#"unknown  {"alive":true}"#,
            "unknown  7",
            "complete end_turn",
        ]
        an_unknown_event_that_names_itself_last: [CREATED, "data: {\"output_index\":\"x\",\"type\":\"future\"}\n\n", COMPLETED] => [
            r#"unknown future {"output_index":"x","type":"future"}"#,
            "complete end_turn",
        ]
        an_unknown_item_with_known_deltas: [CREATED, added(0, r#"{"type":"weather","id":"x_1"}"#), text(0, "a"), done(0, r#"{"type":"weather","id":"x_1","rain":[1]}"#), added(1, MESSAGE), text(1, "b"), done(1, &message("b")), COMPLETED] => [
            "warning wrong_delta 0",
            r#"block 0 {"type":"weather","id":"x_1","rain":[1]}"#,
            r#"token 1 "b""#,
            r#"block 1 {"type":"text","text":"b"}"#,
            "complete end_turn",
        ]
        an_item_without_a_type: [CREATED, added(0, "{}"), done(0, "{}"), COMPLETED] => [
            "block 0 {}",
            "complete end_turn",
        ]
        the_input_of_a_call_of_no_item_tells_its_type: [CREATED, piece("mcp_call_arguments", 0, 0, "{"), done(0, r#"{"id":"mcp_1","type":"mcp_call","name":"find","arguments":"{}"}"#),
            piece("code_interpreter_call_code", 1, 0, "1"), done(1, r#"{"id":"ci_1","type":"code_interpreter_call","code":"1+1"}"#), COMPLETED] => [
            "warning missing_block_start 0",
            "tool_start 0 mcp_1 find Mcp",
            r#"tool_input 0 "{}""#,
            "tool_call 0 find {}",
            r#"block 0 {"type":"mcp_tool_use","id":"mcp_1","name":"find","input":{}}"#,
            "warning missing_block_start 1",
            "tool_start 1 ci_1 code_interpreter Server",
            r#"tool_input 1 "1+1""#,
            r#"tool_call 1 code_interpreter "1+1""#,
            r#"block 1 {"type":"server_tool_use","id":"ci_1","name":"code_interpreter","input":"1+1"}"#,
            "complete end_turn",
        ]
        an_empty_piece_of_no_item_begins_none: [CREATED, text(0, ""), COMPLETED] => [
            "complete end_turn",
        ]
        a_call_without_an_id: [CREATED, added(0, r#"{"id":"fc_1","type":"function_call","name":"dim","arguments":""}"#), args(0, "{}"), done(0, r#"{"id":"fc_1","type":"function_call","name":"dim","arguments":"{}"}"#), COMPLETED] => [
            "warning missing_tool_id 0",
            "tool_start 0 call_0_respa7 dim Client",
            r#"tool_input 0 "{}""#,
            "tool_call 0 dim {}",
            r#"block 0 {"type":"tool_use","id":"call_0_respa7","name":"dim","input":{}}"#,
            "complete tool_use",
        ]
        a_call_without_a_name_gets_no_id: [CREATED, added(0, r#"{"id":"fc_1","type":"function_call","arguments":""}"#), done(0, r#"{"id":"fc_1","type":"function_call","arguments":"{}"}"#), COMPLETED] => [
            r#"block 0 {"type":"tool_use","id":"","name":"","partial_json":"{}","replayable":false}"#,
            "warning missing_field 0",
            "complete end_turn",
        ]
        calls_without_ids_are_found_by_those_of_their_items: [CREATED, added(0, r#"{"id":"fc_1","type":"function_call","name":"dim"}"#), added(1, r#"{"id":"fc_2","type":"function_call","name":"dim"}"#),
            completed(&[r#"{"id":"fc_2","type":"function_call","name":"dim","arguments":"{\"b\":2}"}"#, r#"{"id":"fc_1","type":"function_call","name":"dim","arguments":"{\"a\":1}"}"#])] => [
            "warning missing_tool_id 1",
            "tool_start 1 call_1_respa7 dim Client",
            r#"tool_input 1 "{\"b\":2}""#,
            r#"tool_call 1 dim {"b":2}"#,
            r#"block 1 {"type":"tool_use","id":"call_1_respa7","name":"dim","input":{"b":2}}"#,
            "tool_start 0 call_0_respa7 dim Client",
            r#"tool_input 0 "{\"a\":1}""#,
            r#"tool_call 0 dim {"a":1}"#,
            r#"block 0 {"type":"tool_use","id":"call_0_respa7","name":"dim","input":{"a":1}}"#,
            "complete tool_use",
        ]
        an_item_without_an_id_added_twice: [CREATED, added(0, r#"{"type":"message"}"#), added(0, r#"{"type":"message"}"#), text(0, "a"), done(0, &message("a")), COMPLETED] => [
            "warning repeated_block_start 0",
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "complete end_turn",
        ]
        another_call_on_an_open_index: [CREATED, added(0, CALLING), added(0, &calling(2)), args(0, "{}"), done(0, &call(2, "{}")), OUT_OF_TOKENS] => [
            "tool_start 0 call_1 dim Client",
            "warning reused_index 0",
            "tool_start 0 call_2 dim Client",
            r#"tool_input 0 "{}""#,
            "tool_call 0 dim {}",
            r#"block 0 {"type":"tool_use","id":"call_2","name":"dim","input":{}}"#,
            "complete max_tokens unsafe",
        ]
        an_index_that_is_missing_behind_a_closed_item_means_a_new_one: [CREATED, added(0, MESSAGE), done(0, &message("a")), event("output_text.delta", r#""delta":"b""#), OUT_OF_TOKENS] => [
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "warning missing_block_start",
            r#"token 1 "b""#,
            "complete max_tokens unsafe",
        ]
        a_text_and_a_refusal_in_one_place: [CREATED, added(0, MESSAGE), text(0, "a"), refuse(0, "No."), whole("output_text", 0, 0, "a"), whole("refusal", 0, 0, "No."), done(0, &message_of(&[])), COMPLETED] => [
            r#"token 0 "a""#,
            r#"refusal 0 "No.""#,
            r#"block 0 {"type":"text","text":"aNo.","refusal":true}"#,
            "complete refusal unsafe",
        ]
        an_empty_whole_takes_nothing_back: [CREATED, added(0, MESSAGE), text(0, "a"), whole("output_text", 0, 0, ""), done(0, &message_of(&[])), COMPLETED] => [
            r#"token 0 "a""#,
            "warning done_differs 0",
            r#"block 0 {"type":"text","text":"a"}"#,
            "complete end_turn",
        ]
        a_half_that_the_whole_does_not_have: [CREATED, added(0, MESSAGE), event("output_text.delta", r#""output_index":0,"delta":"a\ud83c""#), whole("output_text", 0, 0, "a"), done(0, &message_of(&[])), COMPLETED] => [
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "complete end_turn",
        ]
        a_summary_that_was_gone_on_with: [CREATED, think(0, 2, "C more"), done(0, r#"{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"A"},{"type":"summary_text","text":"B"},{"type":"summary_text","text":"C more"}],"encrypted_content":"gAAA"}"#), COMPLETED] => [
            "warning missing_block_start 0",
            r#"thinking 0 "C more""#,
            r#"thinking 0 "\n\n""#,
            r#"thinking 0 "A""#,
            "warning done_differs 0",
            r#"thinking 0 "\n\n""#,
            r#"thinking 0 "B""#,
            "warning done_differs 0",
            "signature 0 gAAA",
            r#"block 0 {"type":"thinking","thinking":"A\n\nB\n\nC more","signature":"gAAA"}"#,
            "complete end_turn",
        ]
        parts_that_leave_a_place_free_are_found_by_it: [CREATED, added(0, MESSAGE), text(0, "a"), piece("output_text", 0, 2, "c"), done(0, &message_of(&[&output_text("a"), &output_text("b"), &output_text("c")])), COMPLETED] => [
            r#"token 0 "a""#,
            r#"token 0 "c""#,
            r#"token 0 "b""#,
            "warning done_differs 0",
            r#"block 0 {"type":"text","text":"abc"}"#,
            "complete end_turn",
        ]
        a_text_in_a_part_of_reasoning: [CREATED, added(0, REASONING), part("content_part.added", 0, 0, &output_text("t")), done(0, r#"{"type":"reasoning","summary":[],"content":[{"type":"text","text":"tu"}]}"#), COMPLETED] => [
            r#"thinking 0 "t""#,
            r#"thinking 0 "u""#,
            r#"block 0 {"type":"thinking","thinking":"tu"}"#,
            "complete end_turn",
        ]
        a_text_in_a_part_of_reasoning_without_an_index: [CREATED, added(3, REASONING), event("content_part.added", &format!(r#""part":{}"#, output_text("t"))), OUT_OF_TOKENS] => [
            "warning missing_index 3",
            r#"thinking 3 "t""#,
            "complete max_tokens unsafe",
        ]
        a_summary_in_a_part_of_the_content: [CREATED, added(0, REASONING), part("content_part.added", 0, 0, &summary_text("t")), done(0, &thought(&["t"], "gAA")), COMPLETED] => [
            r#"thinking 0 "t""#,
            "signature 0 gAA",
            r#"block 0 {"type":"thinking","thinking":"t","signature":"gAA"}"#,
            "complete end_turn",
        ]
        a_part_of_the_summary_is_one_whatever_its_type: [CREATED, added(0, REASONING), part("reasoning_summary_part.added", 0, 0, &output_text("t")), done(0, &thought(&["t"], "gAA")), COMPLETED] => [
            r#"thinking 0 "t""#,
            "signature 0 gAA",
            r#"block 0 {"type":"thinking","thinking":"t","signature":"gAA"}"#,
            "complete end_turn",
        ]
        the_arguments_of_an_mcp_call_are_said_once: [CREATED, added(0, r#"{"id":"mcp_1","type":"mcp_call","name":"find","arguments":""}"#), piece("mcp_call_arguments", 0, 0, "{\"q\""), done(0, r#"{"id":"mcp_1","type":"mcp_call","name":"find","arguments":"{\"q\":1}"}"#), COMPLETED] => [
            "tool_start 0 mcp_1 find Mcp",
            r#"tool_input 0 "{\"q\"""#,
            r#"tool_input 0 ":1}""#,
            r#"tool_call 0 find {"q":1}"#,
            r#"block 0 {"type":"mcp_tool_use","id":"mcp_1","name":"find","input":{"q":1}}"#,
            "complete end_turn",
        ]
        the_code_of_an_interpreter_is_said_once: [CREATED, added(0, r#"{"id":"ci_1","type":"code_interpreter_call","code":""}"#), piece("code_interpreter_call_code", 0, 0, "1"), done(0, r#"{"id":"ci_1","type":"code_interpreter_call","code":"1+1"}"#), COMPLETED] => [
            "tool_start 0 ci_1 code_interpreter Server",
            r#"tool_input 0 "1""#,
            r#"tool_input 0 "+1""#,
            r#"tool_call 0 code_interpreter "1+1""#,
            r#"block 0 {"type":"server_tool_use","id":"ci_1","name":"code_interpreter","input":"1+1"}"#,
            "complete end_turn",
        ]
        the_code_of_an_interpreter_cut_in_halves: [CREATED, added(0, r#"{"id":"ci_1","type":"code_interpreter_call","code":""}"#), event("code_interpreter_call_code.delta", r#""output_index":0,"delta":"1\ud83c""#), done(0, r#"{"id":"ci_1","type":"code_interpreter_call"}"#), COMPLETED] => [
            "tool_start 0 ci_1 code_interpreter Server",
            r#"tool_input 0 "1""#,
            "tool_input 0 \"\u{fffd}\"",
            "tool_call 0 code_interpreter \"1\u{fffd}\"",
            "block 0 {\"type\":\"server_tool_use\",\"id\":\"ci_1\",\"name\":\"code_interpreter\",\"input\":\"1\u{fffd}\"}",
            "complete end_turn",
        ]
        an_unknown_part_without_text: [CREATED, added(0, MESSAGE), part("content_part.added", 0, 0, r#"{"type":"output_smell","smell":"mint"}"#), part("content_part.done", 0, 0, r#"{"type":"output_smell","smell":"mint"}"#),
            done(0, &message_of(&[r#"{"type":"output_smell","smell":"mint"}"#, "null"])), COMPLETED] => [
            r#"block 0 {"type":"text","text":""}"#,
            "complete end_turn",
        ]
        an_unknown_part_with_text: [CREATED, added(0, MESSAGE), part("content_part.added", 0, 0, r#"{"type":"hidden_note","text":"x"}"#), part("content_part.done", 0, 0, r#"{"type":"hidden_note","text":"x"}"#),
            done(0, &message_of(&[r#"{"type":"hidden_note","text":"x"}"#])), COMPLETED] => [
            r#"block 0 {"type":"text","text":""}"#,
            "complete end_turn",
        ]
    }

    #[test]
    fn the_first_id_counts() {
        let (message, _) = reply(&[CREATED, &COMPLETED.replace("resp_a7", "resp_b8")]);
        assert_eq!(message.id.unwrap(), "resp_a7");
        assert_eq!(message.model.unwrap(), "gpt-test");
        let (message, _) = reply(&[&text(0, "a"), CREATED, COMPLETED]);
        assert_eq!(message.id.unwrap(), "resp_a7");
    }

    #[test]
    fn every_grammar_of_lines_carries_the_same_reply() {
        let events =
            [CREATED, &added(0, MESSAGE), &text(0, "a"), &done(0, &message("a")), COMPLETED];
        let plain = String::from_utf8(sse(events)).unwrap();
        let expected = log(&decode(responses(), [plain.as_bytes()]));
        for stream in [
            plain.replace('\n', "\r\n"),
            plain.replace('\n', "\r"),
            format!("\u{feff}{plain}"),
            plain.replace("data: ", "data:"),
            plain.replace(",\"delta\"", "\ndata: ,\"delta\""),
        ] {
            assert_eq!(log(&everywhere("grammar", stream.as_bytes(), responses)), expected);
        }
    }
}

mod ends {
    use super::*;

    /// A call that is whole, before an end.
    fn called(end: &str) -> Vec<String> {
        vec![CREATED.to_owned(), added(0, CALLING), done(0, &call(1, "{}")), end.to_owned()]
    }

    #[track_caller]
    fn reason(events: &[String]) -> (StopReason, bool) {
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        let result = everywhere("reason", &sse(&events), responses);
        let Some(Event::Complete(done)) = result.0.last() else { panic!("{:?}", result.1) };
        (done.stop_reason().cloned().unwrap(), done.tools_safe_to_run())
    }

    #[test]
    fn the_reason_is_derived_from_the_end_and_the_items() {
        let incomplete = |details: &str| {
            ended("incomplete", &format!(r#""status":"incomplete","incomplete_details":{details}"#))
        };
        for (end, expected) in [
            (incomplete(r#"{"reason":"max_output_tokens"}"#), StopReason::MaxTokens),
            (incomplete(r#"{"reason":"content_filter"}"#), StopReason::ContentFilter),
            (incomplete(r#"{"reason":"interrupted"}"#), StopReason::Other("interrupted".into())),
            (
                incomplete(r#"{"reason":"max_tool_calls"}"#),
                StopReason::Other("max_tool_calls".into()),
            ),
            (incomplete(r#"{"reason":null}"#), StopReason::Other("incomplete".into())),
            (incomplete("null"), StopReason::Other("incomplete".into())),
            (ended("completed", r#""status":"cancelled""#), StopReason::Other("cancelled".into())),
            (ended("cancelled", r#""status":"cancelled""#), StopReason::Other("cancelled".into())),
        ] {
            assert_eq!(reason(&called(&end)), (expected, false), "{end}");
        }
        for end in [
            COMPLETED.to_owned(),
            ended("completed", r#""status":null"#),
            ended("completed", r#""output":null"#),
            ended("done", r#""status":"completed""#),
        ] {
            assert_eq!(reason(&called(&end)), (StopReason::ToolUse, true), "{end}");
        }
    }

    #[test]
    fn an_incomplete_response_without_a_status_is_incomplete() {
        for fields in [r#""output":[]"#, r#""status":null,"incomplete_details":null"#] {
            let (found, safe) = reason(&called(&ended("incomplete", fields)));
            assert!(matches!(found, StopReason::Other(_)), "{found}");
            assert!(!safe);
        }
    }

    /// The status counts, and not the name of the event.
    #[test]
    fn a_response_with_the_status_incomplete_is_incomplete() {
        for name in ["completed", "done", "incomplete"] {
            let fields =
                r#""status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}"#;
            let end = ended(name, fields);
            assert_eq!(reason(&called(&end)), (StopReason::MaxTokens, false), "{name}");
        }
    }

    #[test]
    fn a_completed_response_is_complete_whatever_its_details() {
        let end =
            ended("completed", r#""status":"completed","incomplete_details":{"reason":null}"#);
        assert_eq!(reason(&called(&end)), (StopReason::ToolUse, true));
    }

    #[test]
    fn an_end_without_a_response_is_an_end() {
        let end = r#"{"type":"response.completed","sequence_number":9}"#;
        assert_eq!(reason(&called(end)), (StopReason::ToolUse, true));
    }

    #[test]
    fn an_open_item_is_no_deviation_if_the_response_is_incomplete() {
        let end = ended(
            "incomplete",
            r#""status":"incomplete","incomplete_details":{"reason":"interrupted"}"#,
        );
        let events = [CREATED, &added(0, CALLING), &args(0, "{"), &end];
        let expected = [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{""#,
            "complete interrupted unsafe",
        ];
        check_with("cut", || responses().strict(true), &events, &expected);
    }

    #[test]
    fn what_the_end_said_is_kept() {
        let (message, _) = reply(&[CREATED, OUT_OF_TOKENS]);
        assert!(message.complete);
        assert_eq!(message.get("status").unwrap().as_str(), r#""incomplete""#);
        assert_eq!(
            message.get("incomplete_details").unwrap().as_str(),
            r#"{"reason":"max_output_tokens"}"#
        );
    }

    cases! {
        out_of_tokens_while_reasoning: [CREATED, added(0, REASONING), done(0, REASONING), OUT_OF_TOKENS] => [
            r#"block 0 {"type":"thinking","thinking":""}"#,
            "complete max_tokens unsafe",
        ]
        the_input_ends: [CREATED, added(0, MESSAGE), text(0, "a"), done(0, &message("a"))] => [
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "error incomplete: the stream ended before a stop reason",
        ]
        the_input_ends_with_done: [CREATED, added(0, MESSAGE), text(0, "a"), done(0, &message("a")), "data: [DONE]\n\n"] => [
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "error incomplete: the stream ended before a stop reason",
        ]
        the_input_ends_in_a_call: [CREATED, added(0, CALLING), args(0, "{}")] => [
            "tool_start 0 call_1 dim Client",
            r#"tool_input 0 "{}""#,
            "error incomplete: the stream ended before a stop reason",
        ]
        only_done: ["data: [DONE]\n\n"] => [
            "error empty_stream: the stream ended before it had begun",
        ]
        nothing: [""] => [
            "error empty_stream: the stream ended before it had begun",
        ]
        only_comments: [": OPENROUTER PROCESSING\n\n"] => [
            "ping",
            "error empty_stream: the stream ended before it had begun",
        ]
        the_input_ends_in_a_frame: [CREATED, "event: response.completed\ndata: {\"type\":"] => [
            "error incomplete: the stream ended 40 bytes into an event, before a stop reason",
        ]
        an_end_without_its_blank_line: [CREATED, format!("data: {COMPLETED}\n")] => [
            &format!("error incomplete: the stream ended {} bytes into an event, before a stop reason", COMPLETED.len() + 7),
        ]
    }

    #[test]
    fn an_end_without_its_blank_line_counts_on_request() {
        let end = format!("data: {COMPLETED}\n");
        let decoder = || responses().flush_at_end(true);
        check_with("flush", decoder, &[CREATED, &end], &["complete end_turn"]);
    }

    #[test]
    fn an_early_end_is_safe_to_retry_until_something_was_said() {
        let early: [&[&str]; 3] = [
            &[],
            &[CREATED, KEEPALIVE, "data: [DONE]\n\n"],
            &[CREATED, &added(0, MESSAGE), &part("content_part.added", 0, 0, &output_text(""))],
        ];
        for events in early {
            assert!(failure(responses(), events).retry_safe(), "{events:?}");
        }
        for said in [
            text(0, "a"),
            think(0, 0, "a"),
            refuse(0, "a"),
            added(0, CALLING),
            done(0, &thought(&[], "gAA")),
        ] {
            assert!(!failure(responses(), &[CREATED, &said]).retry_safe(), "{said}");
        }
        let error = failure(responses(), &[CREATED, &done(0, &call(1, "{}"))]);
        assert!(error.partial().tool_call_emitted);
        assert_eq!(error.partial().message.tool_calls().count(), 1);
    }

    #[test]
    fn a_citation_makes_a_retry_unsafe() {
        let cited = [CREATED, &added(0, MESSAGE), &annotation(0, r#"{"type":"url_citation"}"#)];
        assert!(!failure(responses(), &cited).retry_safe());
    }

    #[test]
    fn the_late_start_of_a_call_makes_a_retry_unsafe() {
        let late = [
            CREATED,
            &added(0, r#"{"type":"function_call","call_id":"call_1"}"#),
            &done(0, r#"{"type":"function_call","call_id":"call_1","name":"dim"}"#),
        ];
        assert!(!failure(responses().accumulate(false), &late).retry_safe());
    }

    /// Gives what it has, then fails.
    struct Reset<'a>(&'a [u8]);

    impl Read for Reset<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(std::io::Error::other("connection reset")),
                len => Ok(len),
            }
        }
    }

    #[test]
    fn a_reset_counts_before_the_end_and_not_behind_it() {
        let whole =
            sse([CREATED, &added(0, MESSAGE), &text(0, "a"), &done(0, &message("a")), COMPLETED]);
        let events: Vec<_> = EventReader::new(Reset(&whole), responses()).collect();
        assert!(events.iter().all(Result::is_ok));
        assert!(matches!(events.last(), Some(Ok(Event::Complete(_)))));

        let half = sse([CREATED, &added(0, MESSAGE), &text(0, "a")]);
        let mut events: Vec<_> = EventReader::new(Reset(&half), responses()).collect();
        let error = events.pop().unwrap().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Transport(_)));
        assert_eq!(error.partial().message.text(), "a");
        assert!(!error.retry_safe());
    }
}

mod errors {
    use super::*;
    use thinkstream::ServerError;

    const FLAT: &str = r#"{"type":"error","sequence_number":4,"code":"rate_limit_exceeded","message":"Too fast","param":null}"#;
    const NESTED: &str = r#"{"type":"error","sequence_number":4,"error":{"type":"invalid_request_error","code":null,"message":"Bad lamp","param":"input"}}"#;
    const FAILED: &str = r#"{"type":"response.failed","sequence_number":5,"response":{"id":"resp_a7","status":"failed","error":{"code":"server_error","message":"Lamp broke"},"usage":null,"output":[]}}"#;

    cases! {
        flat: [CREATED, FLAT] => ["error server: the server reported rate_limit_exceeded: Too fast"]
        nested: [CREATED, NESTED] => ["error server: the server reported invalid_request_error: Bad lamp"]
        failed: [CREATED, FAILED] => ["error server: the server reported server_error: Lamp broke"]
        two_of_one_failure: [CREATED, NESTED, FAILED] => ["error server: the server reported invalid_request_error: Bad lamp"]
        two_of_one_failure_the_other_way_round: [CREATED, FAILED, FLAT] => ["error server: the server reported server_error: Lamp broke"]
        before_anything: [FLAT] => ["error server: the server reported rate_limit_exceeded: Too fast"]
        behind_some_text: [CREATED, added(0, MESSAGE), text(0, "a"), NESTED, text(0, "b"), COMPLETED] => [
            r#"token 0 "a""#,
            "error server: the server reported invalid_request_error: Bad lamp",
        ]
        behind_the_end: [CREATED, COMPLETED, FLAT, FAILED] => ["complete end_turn"]
        failed_without_an_error: [CREATED, ended("failed", r#""status":"failed","error":null"#)] => ["error server: the server reported an error"]
        failed_without_a_response: [CREATED, r#"{"type":"response.failed"}"#] => ["error server: the server reported an error"]
        failed_under_another_name: [CREATED, ended("done", r#""status":"failed","error":{"code":"server_error","message":"Lamp broke"}"#)] => ["error server: the server reported server_error: Lamp broke"]
        as_a_string: [CREATED, "data: {\"error\":\"Lamp broke\"}\n\n"] => ["error server: the server reported an error: Lamp broke"]
        as_a_chunk_of_a_chat: [CREATED, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[],\"error\":{\"code\":502,\"message\":\"Lamp broke\"}}\n\n"] => ["error server: the server reported error 502: Lamp broke"]
        named_by_its_frame: [CREATED, "event: error\ndata: {\"message\":\"Lamp broke\"}\n\n"] => ["error server: the server reported an error: Lamp broke"]
        under_a_name_that_nobody_knows: [CREATED, r#"{"type":"response.broke","error":{"type":"server_error","message":"Lamp broke"}}"#] => ["error server: the server reported server_error: Lamp broke"]
        null_under_a_name_that_nobody_knows: [CREATED, r#"{"type":"response.broke","error":null}"#, COMPLETED] => [
            r#"unknown response.broke {"type":"response.broke","error":null}"#,
            "complete end_turn",
        ]
        no_json: [CREATED, "event: error\ndata: upstream broke\n\n"] => ["error server: the server reported an error: upstream broke"]
        without_a_message: [CREATED, r#"{"type":"error","code":null,"message":null,"param":null}"#] => ["error server: the server reported an error"]
        null_is_no_error: [CREATED, "data: {\"error\":null}\n\n", COMPLETED] => [
            r#"unknown  {"error":null}"#,
            "complete end_turn",
        ]
    }

    fn server(events: &[&str]) -> ServerError {
        let error = failure(responses(), events);
        let ErrorKind::Server(server) = error.kind() else { panic!("{error}") };
        (**server).clone()
    }

    #[test]
    fn the_fields_of_an_error_are_kept() {
        let flat = server(&[FLAT]);
        assert_eq!(flat.code.unwrap(), "rate_limit_exceeded");
        assert_eq!(flat.param, None);
        let nested = server(&[NESTED]);
        assert_eq!(nested.error_type.status(), Some(400));
        assert_eq!((nested.code, nested.param.unwrap().as_str()), (None, "input"));
        assert_eq!(server(&[FAILED]).code.unwrap(), "server_error");
        let counted = server(&["data: {\"error\":{\"code\":502,\"message\":\"m\"}}\n\n"]);
        assert_eq!(counted.code.unwrap(), "502");
    }

    #[test]
    fn what_came_before_an_error_is_kept() {
        let events = [CREATED, &done(0, &message("a")), &added(1, MESSAGE), &text(1, "b"), FAILED];
        let error = failure(responses(), &events);
        assert_eq!(error.partial().message.text(), "ab");
        assert!(!error.partial().message.complete);
        assert!(failure(responses(), &[CREATED, FAILED]).retry_safe());
    }

    #[test]
    fn the_usage_of_a_failed_response_is_attached() {
        let end = ended(
            "failed",
            r#""status":"failed","error":{"message":"m"},"usage":{"input_tokens":5,"output_tokens":2}"#,
        );
        let error = failure(responses(), &[CREATED, &end]);
        assert_eq!(error.partial().message.usage.output_tokens, Some(2));
    }

    #[test]
    fn a_body_that_is_no_stream_is_an_error() {
        for (body, expected) in [
            (
                r#"{"error":{"message":"No such lamp","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#,
                "error server: the server reported invalid_request_error, model_not_found: No such lamp",
            ),
            (
                "{\n  \"error\": {\n    \"message\": \"No such lamp\",\n    \"type\": \"invalid_request_error\"\n  }\n}\n",
                "error server: the server reported invalid_request_error: No such lamp",
            ),
            (
                r#"{"error":{"message":"m","code":500},"status":500}"#,
                "error server: the server reported error 500: m",
            ),
            (r#"{"error":"No lamps"}"#, "error server: the server reported an error: No lamps"),
            (
                r#"{"code":"invalid-argument","error":"No lamps"}"#,
                "error server: the server reported invalid-argument: No lamps",
            ),
            (
                r#"{"object":"error","message":"m","type":"BadRequestError","code":400}"#,
                "error server: the server reported BadRequestError: m",
            ),
            (r#"{"detail":"No lamps"}"#, "error server: the server reported an error: No lamps"),
            (
                r#"[{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}]"#,
                "error server: the server reported INVALID_ARGUMENT: m",
            ),
            (
                r#"{"id":"resp_a7","object":"response","status":"failed","error":{"code":"server_error","message":"m"}}"#,
                "error server: the server reported server_error: m",
            ),
            (
                r#"{"id":"resp_a7"}"#,
                r#"error no_events: the body has no event but JSON: of another API, or `stream` was left out of the request"#,
            ),
            ("<html>502</html>\n", "error no_events: the body has no event but a page of markup"),
        ] {
            let result = everywhere(body, body.as_bytes(), responses);
            assert_eq!(lines(&result), [expected], "{body}");
        }
    }

    cases! {
        a_known_event_that_is_cut: [CREATED, "data: {\"type\":\"response.output_text.delta\",\"output_index\":2,\"delta\":\"a\n\n"] => [
            "error malformed: malformed `response.output_text.delta` in block 2: the text ends inside a value",
        ]
        a_known_event_that_only_the_frame_names: [CREATED, "event: response.completed\ndata: {\"response\":{\n\n"] => [
            "error malformed: malformed `response.completed`: the text ends inside a value",
        ]
        a_known_event_with_a_tail: [CREATED, "data: {\"type\":\"response.created\"}}\n\n"] => [
            "error malformed: malformed `response.created`: expected the end",
        ]
        a_nameless_event_that_is_cut: [CREATED, "data: {\"output_index\":\n\n"] => [
            "error malformed: malformed event: the text ends inside a value",
        ]
        an_index_that_is_none: [CREATED, event("output_text.delta", r#""output_index":-1,"delta":"a""#)] => [
            "error malformed: malformed `response.output_text.delta`: expected an index",
        ]
        no_item: [CREATED, event("output_item.added", r#""output_index":0"#)] => [
            "error malformed: malformed `response.output_item.added` in block 0: missing `item`",
        ]
        an_item_that_is_null: [CREATED, added(0, "null"), added(1, MESSAGE), text(1, "a"), done(0, "null"),
            event("content_part.done", r#""output_index":1,"content_index":0,"part":null"#), done(1, &message("a")), COMPLETED] => [
            "ping",
            r#"token 1 "a""#,
            "ping",
            "ping",
            r#"block 1 {"type":"text","text":"a"}"#,
            "complete end_turn",
        ]
        progress_that_is_cut: [CREATED, "data: {\"type\":\"response.web_search_call.searching\",\n\n", "event: keepalive\ndata: {\n\n", COMPLETED] => [
            r#"unknown response.web_search_call.searching {"type":"response.web_search_call.searching","#,
            "ping",
            "complete end_turn",
        ]
    }
}

mod strict {
    use super::*;

    #[test]
    fn every_warning_is_an_error() {
        let text_without_index = event("output_text.delta", r#""delta":"a""#);
        let text_without_delta = event("output_text.delta", r#""output_index":0"#);
        let bad_usage = ended("completed", r#""usage":{"input_tokens":-3,"output_tokens":1}"#);
        let open = added(0, MESSAGE);
        let closed = done(0, &message("a"));
        let cases: [(&[&str], &str); 12] = [
            (&[&open], "missing_message_start"),
            (&[CREATED, CREATED], "repeated_message_start"),
            (&[CREATED, &open, &open], "repeated_block_start"),
            (&[CREATED, &open, &added(0, CALLING)], "reused_index"),
            (&[CREATED, &open, &text_without_index], "missing_index"),
            (&[CREATED, &open, COMPLETED], "missing_block_stop"),
            (&[CREATED, &text(0, "a")], "missing_block_start"),
            (&[CREATED, &open, &closed, &text(0, "a")], "closed_block"),
            (&[CREATED, &open, &think(0, 0, "a")], "wrong_delta"),
            (&[CREATED, &open, &text_without_delta], "missing_field"),
            (&[CREATED, &open, &text(0, "b"), &closed], "done_differs"),
            (&[CREATED, &bad_usage], "bad_count"),
        ];
        for (events, rule) in cases {
            let stream = sse(events);
            let lenient = lines(&everywhere(rule, &stream, responses));
            let warning = format!("warning {rule}");
            assert!(lenient.iter().any(|line| line.starts_with(&warning)), "{lenient:?}");
            let strict = lines(&everywhere(rule, &stream, || responses().strict(true)));
            let error = format!("error protocol: the protocol was broken: {rule}");
            assert!(strict.last().unwrap().starts_with(&error), "{strict:?}");
            assert!(!strict.iter().any(|line| line.starts_with("complete")), "{strict:?}");
        }
    }

    #[test]
    fn what_is_dropped_comes_with_its_warning() {
        let lost = text(0, "b");
        let stream = sse([CREATED, &done(0, &message("a")), &lost]);
        let (events, _) = decode(responses(), [&stream[..]]);
        let Some(Event::Warning(warning)) = events.last() else { panic!() };
        assert_eq!(warning.dropped.as_ref().unwrap().as_str(), lost);
        let at = usize::try_from(warning.offset).unwrap();
        assert!(stream[at..].starts_with(lost.as_bytes()));
    }

    #[test]
    fn a_regular_stream_passes() {
        let items = [thought(&["a"], "gAA"), call(1, "{}")];
        let events = [
            CREATED,
            r#"{"type":"response.in_progress","response":{"id":"resp_a7"}}"#,
            KEEPALIVE,
            &added(0, REASONING),
            &think(0, 0, "a"),
            &done(0, &items[0]),
            &added(1, CALLING),
            &progress(1, "web_search_call.searching"),
            &args(1, "{}"),
            &whole("function_call_arguments", 1, 0, "{}"),
            &done(1, &items[1]),
            r#"{"type":"response.future"}"#,
            &completed(&[&items[0], &items[1]]),
            "data: [DONE]\n\n",
        ];
        let result = everywhere("strict", &sse(events), || responses().strict(true));
        assert!(result.1.is_none(), "{:?}", result.1);
    }
}

mod limits {
    use super::*;

    #[track_caller]
    fn over(limits: Limits, events: &[&str]) -> String {
        let result = everywhere("limits", &sse(events), || responses().limits(limits));
        lines(&result).pop().unwrap()
    }

    fn blocks(blocks: usize) -> Limits {
        Limits { blocks, ..Limits::default() }
    }

    fn input(tool_input_bytes: usize) -> Limits {
        Limits { tool_input_bytes, ..Limits::default() }
    }

    fn message_bytes(message_bytes: usize) -> Limits {
        Limits { message_bytes, ..Limits::default() }
    }

    const INPUT: &str = "error limit: more than 10 bytes of one tool input";
    const BYTES: &str = "error limit: more than 1000 bytes of one message";

    #[test]
    fn blocks_are_bounded() {
        let two: [&[&str]; 3] = [
            &[CREATED, &added(0, MESSAGE), &added(1, CALLING), OUT_OF_TOKENS],
            &[CREATED, &done(0, &message("a")), &done(1, &call(1, "{}")), COMPLETED],
            &[CREATED, &completed(&[&message("a"), &call(1, "{}")])],
        ];
        for events in two {
            assert!(over(blocks(2), events).starts_with("complete "));
            assert_eq!(over(blocks(1), events), "error limit: more than 1 blocks of one message");
        }
    }

    #[test]
    fn the_input_of_a_tool_is_bounded() {
        let long = "{\"a\":12345}";
        let streams: [&[&str]; 4] = [
            &[
                CREATED,
                &added(0, CALLING),
                &args(0, &long[..6]),
                &args(0, &long[6..]),
                OUT_OF_TOKENS,
            ],
            &[
                CREATED,
                &added(0, CALLING),
                &whole("function_call_arguments", 0, 0, long),
                OUT_OF_TOKENS,
            ],
            &[CREATED, &added(0, CALLING), &done(0, &call(1, long)), COMPLETED],
            &[CREATED, &piece("custom_tool_call_input", 0, 0, long), OUT_OF_TOKENS],
        ];
        for events in streams {
            assert!(over(input(11), events).starts_with("complete "), "{events:?}");
            assert_eq!(over(input(10), events), INPUT, "{events:?}");
            assert!(
                over(input(10), &[CREATED, &text(0, long), OUT_OF_TOKENS]).starts_with("complete ")
            );
        }
    }

    #[test]
    fn an_input_that_differs_is_bounded() {
        let long = "{\"a\":12345}";
        let events =
            [CREATED, &added(0, CALLING), &args(0, "x"), &done(0, &call(1, long)), COMPLETED];
        assert_eq!(over(input(10), &events), INPUT);
    }

    #[test]
    fn an_action_is_bounded() {
        let item = r#"{"type":"local_shell_call","call_id":"call_1","action":{"type":"exec"}}"#;
        assert_eq!(over(input(10), &[CREATED, &done(0, item), COMPLETED]), INPUT);
    }

    #[test]
    fn the_message_is_bounded() {
        let long = "a".repeat(1100);
        let streams: [&[&str]; 5] = [
            &[CREATED, &added(0, MESSAGE), &text(0, &long[..600]), &text(0, &long[..600])],
            &[
                CREATED,
                &added(0, REASONING),
                &think(0, 0, &long[..600]),
                &think(0, 1, &long[..600]),
            ],
            &[CREATED, &done(0, &thought(&[], &long))],
            &[
                CREATED,
                &done(0, &format!(r#"{{"type":"compaction","encrypted_content":"{long}"}}"#)),
            ],
            &[&CREATED.replace("gpt-test", &long)],
        ];
        for events in streams {
            assert_eq!(over(message_bytes(1000), events), BYTES);
            let more = over(message_bytes(10_000), events);
            assert!(more.starts_with("error incomplete"), "{more}");
        }
    }

    #[test]
    fn names_do_not_go_uncounted() {
        let named = CALLING.replace("dim", &"d".repeat(1100));
        assert_eq!(over(message_bytes(1000), &[CREATED, &added(0, &named)]), BYTES);
    }

    #[test]
    fn empty_parts_do_not_go_uncounted() {
        let parts: Vec<String> = (0..1000).map(|at| piece("output_text", 0, at, "")).collect();
        let item = added(0, MESSAGE);
        let events: Vec<&str> =
            [CREATED, &item].into_iter().chain(parts.iter().map(String::as_str)).collect();
        assert_eq!(over(message_bytes(1000), &events), BYTES);
    }

    #[test]
    fn without_accumulation_the_pieces_are_the_same_and_nothing_is_kept() {
        let stream = sse([
            CREATED,
            &added(0, REASONING),
            &think(0, 0, "a"),
            &done(0, &thought(&["ab"], "gAA")),
            &added(1, MESSAGE),
            &text(1, "b\u{e9}"),
            &annotation(1, r#"{"type":"file_path","file_id":"f"}"#),
            &whole("output_text", 1, 0, "b\u{e9}c"),
            &done(1, &message("b\u{e9}cd")),
            &added(2, CALLING),
            &args(2, "{}"),
            &done(2, &call(1, "{}")),
            &ended(
                "completed",
                r#""status":"completed","usage":{"input_tokens":3,"output_tokens":7}"#,
            ),
        ]);
        let kept = everywhere("kept", &stream, responses);
        let tapped = everywhere("tapped", &stream, || responses().accumulate(false));
        let mut pieces = lines(&kept);
        pieces.retain(|line| !line.starts_with("block ") && !line.starts_with("tool_call "));
        assert_eq!(lines(&tapped), pieces);
        let Some(Event::Complete(done)) = tapped.0.last() else { panic!() };
        assert!(done.message.content.is_empty());
        assert_eq!(done.usage().output_tokens, Some(7));
        assert_eq!(done.stop_reason(), Some(&StopReason::ToolUse));
    }

    /// What was said is known again by its sum, and what waits for its call is kept.
    #[test]
    fn without_accumulation_the_last_word_counts_too() {
        let late = added(0, r#"{"type":"function_call","call_id":"call_1","arguments":""}"#);
        for events in [
            &[&*added(0, MESSAGE), &text(0, "tail"), &whole("output_text", 0, 0, "head tail")][..],
            &[&added(0, MESSAGE), &text(0, "head"), &whole("output_text", 0, 0, "head tail")],
            &[&added(0, CALLING), &args(0, "{\"b\":"), &done(0, &call(1, "{\"a\":1}"))],
            &[&late, &args(0, "{\"a\":"), &args(0, "1}"), &done(0, &call(1, "{\"a\":1}"))],
            &[&late, &args(0, "{\"b\":"), &done(0, &call(1, "{\"a\":1}"))],
        ] {
            let stream = sse([&[CREATED], events].concat());
            let mut kept = lines(&everywhere("kept", &stream, responses));
            kept.retain(|line| !line.starts_with("block ") && !line.starts_with("tool_call "));
            let tapped = everywhere("tapped", &stream, || responses().accumulate(false));
            assert_eq!(lines(&tapped), kept);
        }
    }

    #[test]
    fn without_accumulation_the_message_has_no_blocks_before_its_end_either() {
        let mut decoder = responses().accumulate(false);
        let mut input = sse([CREATED, &added(0, MESSAGE), &text(0, "a")]).into();
        while decoder.decode(&mut input).unwrap().is_some() {}
        assert!(decoder.message().content.is_empty());
    }
}

mod usage {
    use super::*;

    fn usage(fields: &str) -> (thinkstream::Usage, Vec<String>) {
        let end = ended("completed", &format!(r#""status":"completed",{fields}"#));
        let result = everywhere("usage", &sse([CREATED, &end]), responses);
        let lines = short(&result);
        let Some(Event::Complete(done)) = result.0.last() else { panic!("{lines:?}") };
        (done.usage().clone(), lines)
    }

    #[test]
    fn the_counts_are_those_of_the_provider() {
        let (usage, lines) = usage(
            r#""service_tier":"flex","usage":{"input_tokens":900,"input_tokens_details":{"cached_tokens":700,"cache_write_tokens":50},"output_tokens":80,"output_tokens_details":{"reasoning_tokens":60},"total_tokens":980,"cost_in_usd_ticks":7}"#,
        );
        assert_eq!(lines, ["complete end_turn"]);
        assert!(usage.input_includes_cache && !usage.thinking_added);
        assert_eq!((usage.input_tokens, usage.output_tokens), (Some(900), Some(80)));
        assert_eq!(usage.cache_read_input_tokens, Some(700));
        assert_eq!(usage.cache_creation_input_tokens, Some(50));
        assert_eq!(usage.thinking_tokens, Some(60));
        assert_eq!(usage.total_input_tokens(), Some(900));
        assert_eq!(usage.uncached_input_tokens(), Some(150));
        assert_eq!(usage.service_tier.unwrap(), "flex");
        let kept: Vec<&str> = usage.other.iter().map(|(key, _)| key.as_str()).collect();
        for key in ["input_tokens_details", "total_tokens", "cost_in_usd_ticks"] {
            assert!(kept.contains(&key), "{key}");
        }
    }

    #[test]
    fn the_counts_of_a_failure_are_known_without_its_message() {
        let end = ended("failed", r#""status":"failed","usage":{"output_tokens":7}"#);
        let mut decoder = responses();
        let mut input = sse([CREATED, &end]).into();
        while let Ok(Some(_)) = decoder.decode(&mut input) {}
        assert_eq!(decoder.usage().output_tokens, Some(7));
    }

    #[test]
    fn absent_is_not_zero_and_floats_are_counts() {
        for (fields, input, output, cached, reasoning) in [
            (r#""usage":null"#, None, None, None, None),
            (r#""usage":{}"#, None, None, None, None),
            (
                r#""usage":{"input_tokens":null,"output_tokens":null,"input_tokens_details":null,"output_tokens_details":null,"total_tokens":null}"#,
                None,
                None,
                None,
                None,
            ),
            (
                r#""usage":{"input_tokens":9.0,"output_tokens":2e1,"input_tokens_details":{"cached_tokens":4.0},"output_tokens_details":{"reasoning_tokens":null}}"#,
                Some(9),
                Some(20),
                Some(4),
                None,
            ),
            (
                r#""usage":{"input_tokens":0,"output_tokens":0,"input_tokens_details":{"cached_tokens":0},"output_tokens_details":{"reasoning_tokens":0}}"#,
                Some(0),
                Some(0),
                Some(0),
                Some(0),
            ),
            (
                r#""usage":{"output_tokens":1,"input_tokens":8,"input_tokens_details":{"cached_tokens":99}}"#,
                Some(8),
                Some(1),
                Some(8),
                None,
            ),
        ] {
            let (usage, lines) = usage(fields);
            assert_eq!(lines, ["complete end_turn"], "{fields}");
            assert_eq!(
                (
                    usage.input_tokens,
                    usage.output_tokens,
                    usage.cache_read_input_tokens,
                    usage.thinking_tokens
                ),
                (input, output, cached, reasoning),
                "{fields}"
            );
        }
    }

    #[test]
    fn what_is_no_count_is_passed_over() {
        let (usage, lines) = usage(r#""usage":{"input_tokens":-1,"output_tokens":3}"#);
        assert_eq!(lines, ["warning bad_count", "complete end_turn"]);
        assert_eq!((usage.input_tokens, usage.output_tokens), (None, Some(3)));
    }
}

mod event_types {
    use super::*;

    /// What the API documents.
    const DOCUMENTED: &str = "
        response.created response.queued response.in_progress response.completed response.failed response.incomplete
        error
        response.output_item.added response.output_item.done response.content_part.added response.content_part.done
        response.output_text.delta response.output_text.done response.output_text.annotation.added
        response.refusal.delta response.refusal.done
        response.reasoning_text.delta response.reasoning_text.done
        response.reasoning_summary_part.added response.reasoning_summary_part.done
        response.reasoning_summary_text.delta response.reasoning_summary_text.done
        response.function_call_arguments.delta response.function_call_arguments.done
        response.custom_tool_call_input.delta response.custom_tool_call_input.done
        response.shell_call_command.added response.shell_call_command.delta response.shell_call_command.done
        response.shell_call_output_content.delta response.shell_call_output_content.done
        response.web_search_call.in_progress response.web_search_call.searching response.web_search_call.completed
        response.file_search_call.in_progress response.file_search_call.searching response.file_search_call.completed
        response.code_interpreter_call.in_progress response.code_interpreter_call.interpreting response.code_interpreter_call.completed
        response.code_interpreter_call_code.delta response.code_interpreter_call_code.done
        response.image_generation_call.in_progress response.image_generation_call.generating
        response.image_generation_call.partial_image response.image_generation_call.completed
        response.mcp_call.in_progress response.mcp_call.completed response.mcp_call.failed
        response.mcp_call_arguments.delta response.mcp_call_arguments.done
        response.mcp_list_tools.in_progress response.mcp_list_tools.completed response.mcp_list_tools.failed
        response.audio.delta response.audio.done response.audio.transcript.delta response.audio.transcript.done";

    /// What servers send beside that.
    const UNDOCUMENTED: &str = "
        keepalive response.apply_patch_call_operation_diff.delta response.apply_patch_call_operation_diff.done
        response.metadata codex.rate_limits response.inject.created response.inject.failed
        response.reasoning_part.added response.reasoning_part.done";

    /// The type of an event.
    fn name(event: &str) -> &str {
        event.split('"').nth(3).unwrap()
    }

    /// An event, and the lines that come of it.
    struct Step(String, Vec<String>);

    fn step(event: impl Into<String>, lines: &[&str]) -> Step {
        Step(event.into(), lines.iter().map(|line| (*line).to_owned()).collect())
    }

    /// An event that is handed out as progress of the item with this index.
    fn going(index: u32, name: &str) -> Step {
        step(progress(index, name), &[&format!("progress {index} response.{name}")])
    }

    fn unknown(event: &str) -> Step {
        step(event, &[&format!("unknown {} {event}", name(event))])
    }

    fn reasoning() -> Vec<Step> {
        vec![
            step(added(0, REASONING), &[]),
            step(part("reasoning_summary_part.added", 0, 0, &summary_text("")), &[]),
            step(think(0, 0, "It "), &[r#"thinking 0 "It ""#]),
            step(whole("reasoning_summary_text", 0, 0, "It ebbs"), &[r#"thinking 0 "ebbs""#]),
            step(part("reasoning_summary_part.done", 0, 0, &summary_text("It ebbs")), &[]),
            step(
                done(0, &thought(&["It ebbs"], "gAA")),
                &[
                    "signature 0 gAA",
                    r#"block 0 {"type":"thinking","thinking":"It ebbs","signature":"gAA"}"#,
                ],
            ),
            step(added(1, REASONING), &[]),
            step(part("reasoning_part.added", 1, 0, r#"{"type":"reasoning_text","text":""}"#), &[]),
            step(piece("reasoning_text", 1, 0, "Two"), &[r#"thinking 1 "Two""#]),
            step(whole("reasoning_text", 1, 0, "Two"), &[]),
            step(
                part("reasoning_part.done", 1, 0, r#"{"type":"reasoning_text","text":"Two!"}"#),
                &[r#"thinking 1 "!""#],
            ),
            step(done(1, REASONING), &[r#"block 1 {"type":"thinking","thinking":"Two!"}"#]),
        ]
    }

    fn message_events() -> Vec<Step> {
        let cited = r#"{"type":"url_citation","url":"https://tide.test"}"#;
        vec![
            step(added(2, MESSAGE), &[]),
            step(part("content_part.added", 2, 0, &output_text("")), &[]),
            step(text(2, "Sure"), &[r#"token 2 "Sure""#]),
            step(annotation(2, cited), &[&format!("citation 2 {cited}")]),
            step(whole("output_text", 2, 0, "Sure."), &[r#"token 2 ".""#]),
            step(part("content_part.done", 2, 0, &output_text("Sure.")), &[]),
            step(piece("refusal", 2, 1, "N"), &[r#"refusal 2 "N""#]),
            step(whole("refusal", 2, 1, "No"), &[r#"refusal 2 "o""#]),
            step(
                done(2, &message_of(&[&output_text("Sure."), &refusal("No")])),
                &[&format!(
                    r#"block 2 {{"type":"text","text":"Sure.No","citations":[{cited}],"refusal":true}}"#
                )],
            ),
        ]
    }

    fn client_tools() -> Vec<Step> {
        let custom =
            r#"{"type":"custom_tool_call","call_id":"call_4","name":"sketch","input":"ab"}"#;
        let shell = r#"{"type":"shell_call","call_id":"call_5","action":{"commands":["date"]}}"#;
        let patch = r#"{"type":"apply_patch_call","call_id":"call_6","operation":{"type":"update_file","path":"t.md","diff":"+a"}}"#;
        vec![
            step(added(3, CALLING), &["tool_start 3 call_1 dim Client"]),
            step(args(3, "{"), &[r#"tool_input 3 "{""#]),
            step(whole("function_call_arguments", 3, 0, "{}"), &[r#"tool_input 3 "}""#]),
            step(
                done(3, &call(1, "{}")),
                &[
                    "tool_call 3 dim {}",
                    r#"block 3 {"type":"tool_use","id":"call_1","name":"dim","input":{}}"#,
                ],
            ),
            step(added(4, &custom.replace("ab", "")), &["tool_start 4 call_4 sketch Custom"]),
            step(piece("custom_tool_call_input", 4, 0, "a"), &[r#"tool_input 4 "a""#]),
            step(whole("custom_tool_call_input", 4, 0, "ab"), &[r#"tool_input 4 "b""#]),
            step(
                done(4, custom),
                &[
                    r#"tool_call 4 sketch "ab""#,
                    r#"block 4 {"type":"custom_tool_call","id":"call_4","name":"sketch","input":"ab"}"#,
                ],
            ),
            step(added(5, shell), &["tool_start 5 call_5 shell Client"]),
            going(5, "shell_call_command.added"),
            going(5, "shell_call_command.delta"),
            going(5, "shell_call_command.done"),
            going(5, "shell_call_output_content.delta"),
            going(5, "shell_call_output_content.done"),
            step(
                done(5, shell),
                &[
                    r#"tool_call 5 shell {"commands":["date"]}"#,
                    r#"block 5 {"type":"tool_use","id":"call_5","name":"shell","input":{"commands":["date"]}}"#,
                ],
            ),
            step(added(6, patch), &["tool_start 6 call_6 apply_patch Client"]),
            going(6, "apply_patch_call_operation_diff.delta"),
            going(6, "apply_patch_call_operation_diff.done"),
            step(
                done(6, patch),
                &[
                    r#"tool_call 6 apply_patch {"type":"update_file","path":"t.md","diff":"+a"}"#,
                    r#"block 6 {"type":"tool_use","id":"call_6","name":"apply_patch","input":{"type":"update_file","path":"t.md","diff":"+a"}}"#,
                ],
            ),
        ]
    }

    fn hosted_tools() -> Vec<Step> {
        let image = format!(
            r#"{{"type":"response.image_generation_call.partial_image","output_index":10,"partial_image_index":0,"partial_image_b64":"{}"}}"#,
            "aW1n".repeat(20)
        );
        let mcp = r#"{"id":"mcp_1","type":"mcp_call","server_label":"desk","name":"find","arguments":""}"#;
        vec![
            step(
                added(7, r#"{"id":"ws_1","type":"web_search_call"}"#),
                &["tool_start 7 ws_1 web_search Server"],
            ),
            going(7, "web_search_call.in_progress"),
            going(7, "web_search_call.searching"),
            going(7, "web_search_call.completed"),
            step(
                added(8, r#"{"id":"fs_1","type":"file_search_call"}"#),
                &["tool_start 8 fs_1 file_search Server"],
            ),
            going(8, "file_search_call.in_progress"),
            going(8, "file_search_call.searching"),
            going(8, "file_search_call.completed"),
            step(
                added(9, r#"{"id":"ci_1","type":"code_interpreter_call","code":""}"#),
                &["tool_start 9 ci_1 code_interpreter Server"],
            ),
            going(9, "code_interpreter_call.in_progress"),
            step(piece("code_interpreter_call_code", 9, 0, "1+"), &[r#"tool_input 9 "1+""#]),
            step(whole("code_interpreter_call_code", 9, 0, "1+1"), &[r#"tool_input 9 "1""#]),
            going(9, "code_interpreter_call.interpreting"),
            going(9, "code_interpreter_call.completed"),
            step(
                added(10, r#"{"id":"ig_1","type":"image_generation_call"}"#),
                &["tool_start 10 ig_1 image_generation Server"],
            ),
            going(10, "image_generation_call.in_progress"),
            going(10, "image_generation_call.generating"),
            step(image, &["progress 10 response.image_generation_call.partial_image"]),
            going(10, "image_generation_call.completed"),
            step(added(11, mcp), &["tool_start 11 mcp_1 find Mcp"]),
            going(11, "mcp_call.in_progress"),
            step(piece("mcp_call_arguments", 11, 0, "{"), &[r#"tool_input 11 "{""#]),
            step(whole("mcp_call_arguments", 11, 0, "{}"), &[r#"tool_input 11 "}""#]),
            going(11, "mcp_call.completed"),
            going(11, "mcp_call.failed"),
            step(added(12, r#"{"id":"mcpl_1","type":"mcp_list_tools"}"#), &[]),
            going(12, "mcp_list_tools.in_progress"),
            going(12, "mcp_list_tools.completed"),
            going(12, "mcp_list_tools.failed"),
            step(
                r#"{"type":"response.audio.delta","delta":"AAAA"}"#,
                &["progress response.audio.delta"],
            ),
            step(r#"{"type":"response.audio.done"}"#, &["progress response.audio.done"]),
            step(
                r#"{"type":"response.audio.transcript.delta","delta":"a"}"#,
                &["progress response.audio.transcript.delta"],
            ),
            step(
                r#"{"type":"response.audio.transcript.done"}"#,
                &["progress response.audio.transcript.done"],
            ),
        ]
    }

    #[test]
    fn each_is_read() {
        let mut steps = vec![
            step(CREATED, &["start resp_a7"]),
            step(ended("queued", r#""status":"queued""#), &["ping"]),
            step(ended("in_progress", r#""status":"in_progress""#), &["ping"]),
            step(KEEPALIVE, &["ping"]),
            unknown(r#"{"type":"response.metadata","headers":{"x-lamp":"on"}}"#),
            unknown(r#"{"type":"codex.rate_limits","rate_limits":{"primary":{"used_percent":3}}}"#),
            unknown(r#"{"type":"response.inject.created","agent":{"agent_name":"b"}}"#),
            unknown(r#"{"type":"response.inject.failed"}"#),
        ];
        steps.extend(reasoning());
        steps.extend(message_events());
        steps.extend(client_tools());
        steps.extend(hosted_tools());
        let ends = [
            // The tools of the provider have not ended; of a reply that was cut that is no deviation.
            step(COMPLETED, &["complete refusal unsafe"]),
            step(OUT_OF_TOKENS, &["complete max_tokens unsafe"]),
            step(
                ended("failed", r#""error":{"code":"server_error","message":"m"}"#),
                &["error server: the server reported server_error: m"],
            ),
            step(
                r#"{"type":"error","code":null,"message":"m","param":null}"#,
                &["error server: the server reported an error: m"],
            ),
        ];
        for end in &ends {
            let all = || steps.iter().chain([end]);
            let stream = sse(all().map(|step| &step.0));
            let expected: Vec<&String> = all().flat_map(|step| &step.1).collect();
            let found = lines(&everywhere(name(&end.0), &stream, responses));
            assert_eq!(found.iter().collect::<Vec<_>>(), expected);
        }
        let seen: BTreeSet<&str> = steps.iter().chain(&ends).map(|step| name(&step.0)).collect();
        let documented: BTreeSet<&str> = DOCUMENTED.split_whitespace().collect();
        assert_eq!(documented.len(), 58);
        let all = documented.into_iter().chain(UNDOCUMENTED.split_whitespace());
        assert_eq!(seen, all.collect());
    }

    #[test]
    fn progress_is_handed_out_as_received() {
        let event =
            r#"{"type":"response.web_search_call.searching","output_index":3, "item_id":"ws_1"}"#;
        let (events, _) = decode(responses(), [&sse([CREATED, event])[..]]);
        let Some(Event::Progress(progress)) = events.last() else { panic!() };
        assert_eq!(progress.name, "response.web_search_call.searching");
        assert_eq!(progress.data, event);
    }
}

/// What a hostile or broken server must not get.
mod guarded {
    use super::*;

    fn calls_in(events: &[&str]) -> usize {
        let (events, _) = decode(responses(), [&sse(events)[..]]);
        events.iter().filter(|event| matches!(event, Event::ToolCall(_))).count()
    }

    #[test]
    fn a_call_that_was_cut_is_not_made_whole_by_the_output() {
        let open = added(0, &call(1, ""));
        for (name, status) in [("incomplete", "incomplete"), ("completed", "cancelled")] {
            let item = call(1, "{}").replace("completed", "in_progress");
            let end = ended(name, &format!(r#""status":"{status}","output":[{item}]"#));
            assert_eq!(calls_in(&[CREATED, &open, &end]), 0, "{status}");
            assert_eq!(calls_in(&[CREATED, &end]), 0, "{status}");
        }
    }

    #[test]
    fn a_call_is_one_wherever_it_stands() {
        let end = completed(&[&call(1, "{}")]);
        for events in [
            [&*added(7, &calling(1)), &done(0, &call(1, "{}"))],
            [&*done(0, &call(1, "{}")), &done(1, &call(1, "{}"))],
        ] {
            let all = [CREATED, events[0], events[1], &end];
            assert_eq!(calls_in(&all), 1);
            let (message, _) = reply(&all);
            assert_eq!(message.to_param().matches("call_id").count(), 1);
        }
    }

    #[test]
    fn a_call_that_nobody_names_is_none() {
        let events = [CREATED, &whole("function_call_arguments", 0, 0, "{}"), &completed(&[])];
        assert_eq!(calls_in(&events), 0);
        let (message, _) = reply(&events);
        assert_eq!(message.to_param().as_str(), "[]");
    }

    #[test]
    fn what_only_the_output_has_is_not_lost() {
        let thinking = r#"{"type":"reasoning","id":"rs_7","summary":[]}"#;
        let events = [CREATED, &done(0, thinking), &completed(&[thinking, &message("Hello")])];
        assert_eq!(reply(&events).0.text(), "Hello");
    }

    #[test]
    fn what_an_item_begins_with_is_all_of_it_if_nothing_else_comes() {
        let events = [
            CREATED,
            &added(0, &call(1, r#"{\"x\":1}"#)),
            &added(1, &message("Hi")),
            &completed(&[]),
        ];
        assert_eq!(calls_in(&events), 1);
        assert_eq!(reply(&events).0.text(), "Hi");
    }

    /// The end of the item never comes, so there is nothing that could be kept as received.
    #[test]
    fn an_item_ends_with_the_response_if_all_of_it_was_said() {
        let block = r#"block 0 {"type":"text","text":"a"}"#;
        let called = r#"block 0 {"type":"tool_use","id":"call_1","name":"dim","input":{}}"#;
        let said = [added(0, MESSAGE), text(0, "a"), whole("output_text", 0, 0, "a")];
        let called_in =
            [added(0, CALLING), whole("function_call_arguments", 0, 0, "{}"), KEEPALIVE.to_owned()];
        let empty = part("content_part.added", 0, 0, &output_text(""));
        let given = [added(0, &message("a")), empty, KEEPALIVE.to_owned()];
        for (item, expected) in [(said, block), (called_in, called), (given, block)] {
            let events = [CREATED, &item[0], &item[1], &item[2], COMPLETED];
            let lines = short(&everywhere(expected, &sse(events), responses));
            assert!(lines.contains(&"warning missing_block_stop 0".to_owned()), "{lines:?}");
            assert!(lines.contains(&expected.to_owned()), "{lines:?}");
        }
    }

    #[test]
    fn what_follows_forgotten_reasoning_has_no_id() {
        let created = CREATED.replace(r#""id":"#, r#""store":false,"id":"#);
        let thinking = r#"{"type":"reasoning","id":"rs_7","summary":[]}"#;
        let events = [&*created, &done(0, thinking), &done(1, &call(1, "{}")), &completed(&[])];
        let param = reply(&events).0.to_param();
        assert!(!param.contains(r#""id":"#) && param.contains("call_1"), "{param}");
    }

    #[test]
    fn an_error_without_a_type_is_one() {
        for body in [r#"{"detail":"Unauthorized"}"#, r#"{"object":"error","message":"no"}"#] {
            let stream = format!("data: {body}\n\n");
            let (_, error) = decode(responses(), [stream.as_bytes()]);
            assert_eq!(error.unwrap().kind().name(), "server", "{body}");
        }
    }

    #[test]
    fn one_event_does_not_bring_thousands() {
        let annotations = ["1"; 5000].join(",");
        let part = part(
            "content_part.done",
            0,
            0,
            &format!(r#"{{"type":"output_text","text":"a","annotations":[{annotations}]}}"#),
        );
        for keep in [true, false] {
            let stream = sse([CREATED, &added(0, MESSAGE), &part]);
            let (_, error) = decode(responses().accumulate(keep), [&stream[..]]);
            assert_eq!(error.unwrap().kind().name(), "limit");
        }
    }
}
