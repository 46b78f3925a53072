//! The Anthropic protocol: each case is a stream in a few words and the events that come of it,
//! however it is cut and whatever adapter brings it.

mod common;

use common::*;
use thinkstream::{Error, Event};

type Log = (Vec<Event>, Option<Error>);

#[track_caller]
fn check(name: &str, events: &[&str], expected: &[&str]) -> Log {
    let result = everywhere(name, &sse(events), anthropic);
    assert_eq!(short_log(&result), expected, "{name}");
    result
}

macro_rules! cases {
    ($($name:ident: [$($event:expr),* $(,)?] => [$($line:expr),* $(,)?])*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name), &[$($event.as_ref()),*], &[$($line),*]);
        })*
    };
}

/// A stream whose lines end in carriage returns.
fn sse_with_returns<const N: usize>(events: [&str; N]) -> String {
    String::from_utf8(sse(events)).unwrap().replace('\n', "\r")
}

cases! {
    text_only: [START, PING, open(0, TEXT), PING, text(0, "Hel"), text(0, "lo"), shut(0), end("end_turn"), STOP] => [
        "ping",
        "ping",
        r#"token 0 "Hel""#,
        r#"token 0 "lo""#,
        r#"block 0 {"type":"text","text":"Hello"}"#,
        "complete end_turn",
    ]
    thinking_omitted: [START, open(0, THINKING), sign(0, "EqQB"), shut(0), open(1, TEXT), text(1, "Hi"), shut(1), end("end_turn"), STOP] => [
        "signature 0 EqQB",
        r#"block 0 {"type":"thinking","thinking":"","signature":"EqQB"}"#,
        r#"token 1 "Hi""#,
        r#"block 1 {"type":"text","text":"Hi"}"#,
        "complete end_turn",
    ]
    thinking_with_estimates: [START, open(0, THINKING),
        delta(0, r#"{"type":"thinking_delta","thinking":"","estimated_tokens":250}"#),
        delta(0, r#"{"type":"thinking_delta","thinking":"","estimated_tokens":null}"#),
        delta(0, r#"{"type":"thinking_delta","thinking":" \n","estimated_tokens":50}"#),
        sign(0, "EqQB"), shut(0), end("end_turn"), STOP] => [
        r#"thinking 0 "" ~250"#,
        r#"thinking 0 """#,
        r#"thinking 0 " \n" ~50"#,
        "signature 0 EqQB",
        r#"block 0 {"type":"thinking","thinking":" \n","signature":"EqQB"}"#,
        "complete end_turn",
    ]
    redacted: [START, open(0, r#"{"type":"redacted_thinking","data":"EmwK"}"#), PING, shut(0),
        open(1, r#"{"type":"redacted_thinking","data":"X"}"#), shut(1), open(2, TEXT), text(2, "a"), shut(2), end("end_turn"), STOP] => [
        "redacted 0 EmwK",
        "ping",
        r#"block 0 {"type":"redacted_thinking","data":"EmwK"}"#,
        "redacted 1 X",
        r#"block 1 {"type":"redacted_thinking","data":"X"}"#,
        r#"token 2 "a""#,
        r#"block 2 {"type":"text","text":"a"}"#,
        "complete end_turn",
    ]
    a_tool_without_arguments: [START, open(0, TOOL), json(0, ""), shut(0), end("tool_use"), STOP] => [
        "tool_start 0 toolu_1 roll Client",
        "tool_call 0 roll {}",
        r#"block 0 {"type":"tool_use","id":"toolu_1","name":"roll","input":{}}"#,
        "complete tool_use",
    ]
    a_tool_without_deltas: [START, open(0, TOOL), shut(0), end("tool_use"), STOP] => [
        "tool_start 0 toolu_1 roll Client",
        "tool_call 0 roll {}",
        r#"block 0 {"type":"tool_use","id":"toolu_1","name":"roll","input":{}}"#,
        "complete tool_use",
    ]
    arguments_split_in_an_escape: [START, open(0, TOOL), json(0, r#"{"a":"\u00"#), json(0, r#"e9"}"#), shut(0), end("tool_use"), STOP] => [
        "tool_start 0 toolu_1 roll Client",
        r#"tool_input 0 "{\"a\":\"\\u00""#,
        r#"tool_input 0 "e9\"}""#,
        r#"tool_call 0 roll {"a":"\u00e9"}"#,
        r#"block 0 {"type":"tool_use","id":"toolu_1","name":"roll","input":{"a":"\u00e9"}}"#,
        "complete tool_use",
    ]
    two_tools: [START, open(0, TOOL), json(0, "{\"n\":1}"), shut(0),
        open(1, r#"{"type":"tool_use","id":"toolu_2","name":"look","input":{}}"#), json(1, "{}"), shut(1), end("tool_use"), STOP] => [
        "tool_start 0 toolu_1 roll Client",
        r#"tool_input 0 "{\"n\":1}""#,
        r#"tool_call 0 roll {"n":1}"#,
        r#"block 0 {"type":"tool_use","id":"toolu_1","name":"roll","input":{"n":1}}"#,
        "tool_start 1 toolu_2 look Client",
        r#"tool_input 1 "{}""#,
        "tool_call 1 look {}",
        r#"block 1 {"type":"tool_use","id":"toolu_2","name":"look","input":{}}"#,
        "complete tool_use",
    ]
    a_tool_cut_by_max_tokens: [START, open(0, TOOL), json(0, r#"{"a": "b"#), end("max_tokens"), STOP] => [
        "tool_start 0 toolu_1 roll Client",
        r#"tool_input 0 "{\"a\": \"b""#,
        "complete max_tokens unsafe",
    ]
    a_whole_message_at_the_start: [
        r#"{"type":"message_start","message":{"id":"msg_2","type":"message","role":"assistant","model":"m","content":[{"type":"tool_use","id":"toolu_9","name":"roll","input":{"player":"p2"},"caller":{"type":"code_execution_20250825","tool_id":"srvtoolu_7"}}],"container":{"id":"container_3"},"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":0,"output_tokens":0}}}"#,
        STOP] => [
        "tool_start 0 toolu_9 roll Client",
        r#"tool_call 0 roll {"player":"p2"}"#,
        r#"block 0 {"type":"tool_use","id":"toolu_9","name":"roll","input":{"player":"p2"},"caller":{"type":"code_execution_20250825","tool_id":"srvtoolu_7"}}"#,
        "complete tool_use",
    ]
    input_whole_at_the_start: [START, open(0, r#"{"type":"server_tool_use","id":"srvtoolu_2","name":"web_fetch","input":{"url":"u"},"caller":{"type":"code_execution_20260120","tool_id":"srvtoolu_1"}}"#), shut(0),
        open(1, r#"{"type":"web_fetch_tool_result","tool_use_id":"srvtoolu_2","content":{"type":"web_fetch_result","url":"u"}}"#), shut(1), end("end_turn"), STOP] => [
        "tool_start 0 srvtoolu_2 web_fetch Server",
        r#"tool_call 0 web_fetch {"url":"u"}"#,
        r#"block 0 {"type":"server_tool_use","id":"srvtoolu_2","name":"web_fetch","input":{"url":"u"},"caller":{"type":"code_execution_20260120","tool_id":"srvtoolu_1"}}"#,
        r#"block 1 {"type":"web_fetch_tool_result","tool_use_id":"srvtoolu_2","content":{"type":"web_fetch_result","url":"u"}}"#,
        "complete end_turn",
    ]
    a_result_of_an_earlier_reply: [START, open(0, r#"{"type":"code_execution_tool_result","tool_use_id":"srvtoolu_7","content":{"type":"code_execution_result","stdout":"1\n","stderr":"","return_code":-1,"content":[],"abort_reason":null}}"#), shut(0), end("end_turn"), STOP] => [
        r#"block 0 {"type":"code_execution_tool_result","tool_use_id":"srvtoolu_7","content":{"type":"code_execution_result","stdout":"1\n","stderr":"","return_code":-1,"content":[],"abort_reason":null}}"#,
        "complete end_turn",
    ]
    search_results_and_search_errors: [START,
        open(0, r#"{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{},"caller":{"type":"direct"}}"#), json(0, r#"{"query": "q"}"#), shut(0),
        open(1, r#"{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"type":"web_search_result","title":"T","url":"u","encrypted_content":"Er8","page_age":null}]}"#), shut(1),
        open(2, r#"{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":{"type":"web_search_tool_result_error","error_code":"max_uses_exceeded"}}"#), shut(2), end("end_turn"), STOP] => [
        "tool_start 0 srvtoolu_1 web_search Server",
        r#"tool_input 0 "{\"query\": \"q\"}""#,
        r#"tool_call 0 web_search {"query": "q"}"#,
        r#"block 0 {"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query": "q"}}"#,
        r#"block 1 {"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"type":"web_search_result","title":"T","url":"u","encrypted_content":"Er8","page_age":null}]}"#,
        r#"block 2 {"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":{"type":"web_search_tool_result_error","error_code":"max_uses_exceeded"}}"#,
        "complete end_turn",
    ]
    citations_of_every_kind: [START, open(0, r#"{"type":"text","text":"","citations":[]}"#), text(0, "Grass"),
        delta(0, r#"{"type":"citations_delta","citation":{"type":"char_location","cited_text":"c","document_index":0,"document_title":null,"start_char_index":0,"end_char_index":1,"file_id":null}}"#),
        delta(0, r#"{"type":"citations_delta","citation":{"type":"page_location","cited_text":"c","document_index":0,"document_title":"t","start_page_number":1,"end_page_number":2}}"#),
        delta(0, r#"{"type":"citations_delta","citation":{"type":"content_block_location","cited_text":"c","document_index":0,"document_title":"t","start_block_index":1,"end_block_index":2}}"#),
        delta(0, r#"{"type":"citations_delta","citation":{"type":"web_search_result_location","cited_text":"c","url":"u","title":null,"encrypted_index":"Eo8"}}"#),
        delta(0, r#"{"type":"citations_delta","citation":{"type":"search_result_location","cited_text":"c","source":"s","title":null,"search_result_index":0,"start_block_index":0,"end_block_index":1}}"#),
        delta(0, r#"{"type":"citations_delta","citation":{"type":"moon_location","crater":3}}"#),
        text(0, " is green"), shut(0), end("end_turn"), STOP] => [
        r#"token 0 "Grass""#,
        r#"citation 0 {"type":"char_location","cited_text":"c","document_index":0,"document_title":null,"start_char_index":0,"end_char_index":1,"file_id":null}"#,
        r#"citation 0 {"type":"page_location","cited_text":"c","document_index":0,"document_title":"t","start_page_number":1,"end_page_number":2}"#,
        r#"citation 0 {"type":"content_block_location","cited_text":"c","document_index":0,"document_title":"t","start_block_index":1,"end_block_index":2}"#,
        r#"citation 0 {"type":"web_search_result_location","cited_text":"c","url":"u","title":null,"encrypted_index":"Eo8"}"#,
        r#"citation 0 {"type":"search_result_location","cited_text":"c","source":"s","title":null,"search_result_index":0,"start_block_index":0,"end_block_index":1}"#,
        r#"citation 0 {"type":"moon_location","crater":3}"#,
        r#"token 0 " is green""#,
        r#"block 0 {"type":"text","text":"Grass is green","citations":[{"type":"char_location","cited_text":"c","document_index":0,"document_title":null,"start_char_index":0,"end_char_index":1},{"type":"page_location","cited_text":"c","document_index":0,"document_title":"t","start_page_number":1,"end_page_number":2},{"type":"content_block_location","cited_text":"c","document_index":0,"document_title":"t","start_block_index":1,"end_block_index":2},{"type":"web_search_result_location","cited_text":"c","url":"u","title":null,"encrypted_index":"Eo8"},{"type":"search_result_location","cited_text":"c","source":"s","title":null,"search_result_index":0,"start_block_index":0,"end_block_index":1},{"type":"moon_location","crater":3}]}"#,
        "complete end_turn",
    ]
    compaction: [START, open(0, r#"{"type":"compaction","content":null,"encrypted_content":null}"#),
        delta(0, r#"{"type":"compaction_delta","content":"Summary","encrypted_content":"gAAA"}"#), shut(0), end("compaction"), STOP] => [
        r#"block 0 {"type":"compaction","content":"Summary","encrypted_content":"gAAA"}"#,
        "complete compaction",
    ]
    compaction_failed: [START, open(0, r#"{"type":"compaction","content":null}"#), delta(0, r#"{"type":"compaction_delta","content":null}"#), shut(0), end("end_turn"), STOP] => [
        r#"block 0 {"type":"compaction","content":null}"#,
        "complete end_turn",
    ]
    fallback_relabels_the_model: [START, open(0, THINKING), think(0, "a"), sign(0, "EqQB"), shut(0), open(1, TEXT), text(1, "b"), shut(1),
        open(2, r#"{"type":"fallback","from":{"model":"claude-test"},"to":{"model":"claude-other"},"trigger":{"type":"refusal","category":null}}"#), shut(2),
        open(3, TEXT), text(3, "c"), shut(3), end("end_turn"), STOP] => [
        r#"thinking 0 "a""#,
        "signature 0 EqQB",
        r#"block 0 {"type":"thinking","thinking":"a","signature":"EqQB"}"#,
        r#"token 1 "b""#,
        r#"block 1 {"type":"text","text":"b"}"#,
        r#"block 2 {"type":"fallback","from":{"model":"claude-test"},"to":{"model":"claude-other"},"trigger":{"type":"refusal","category":null}}"#,
        r#"token 3 "c""#,
        r#"block 3 {"type":"text","text":"c"}"#,
        "complete end_turn",
    ]
    refusal_before_output: [START, PING,
        r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_sequence":null,"stop_details":{"type":"refusal","category":"bio","explanation":"e"}},"usage":{"input_tokens":18,"output_tokens":5}}"#, STOP] => [
        "ping",
        "complete refusal unsafe",
    ]
    refusal_after_a_tool_call: [START, open(0, TOOL), json(0, "{}"), shut(0), end("refusal"), STOP] => [
        "tool_start 0 toolu_1 roll Client",
        r#"tool_input 0 "{}""#,
        "tool_call 0 roll {}",
        r#"block 0 {"type":"tool_use","id":"toolu_1","name":"roll","input":{}}"#,
        "complete refusal unsafe",
    ]
    stop_sequence_at_once: [START, r#"{"type":"message_delta","delta":{"stop_reason":"stop_sequence","stop_sequence":"\n\nX"},"usage":{"output_tokens":1}}"#, STOP] => [
        "complete stop_sequence",
    ]
    error_after_text: [START, open(0, TEXT), text(0, "Hi"), r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded","details":null},"request_id":"req_9"}"#] => [
        r#"token 0 "Hi""#,
        "error server: the server reported overloaded_error: Overloaded (byte 488, request req_9)",
    ]
    end_inside_a_frame: [START, open(0, TEXT), "event: content_block_delta\ndata: {\"type\":"] => [
        "error incomplete: the stream ended 41 bytes into an event, before a stop reason (byte 393)",
    ]
    end_after_the_stop_reason: [START, open(0, TEXT), text(0, "Hi"), shut(0), end("end_turn")] => [
        r#"token 0 "Hi""#,
        r#"block 0 {"type":"text","text":"Hi"}"#,
        "error unterminated: the stream ended after its stop reason, but was not terminated (byte 679)",
    ]
    end_before_anything: [""] => [
        "error empty_stream: the stream ended before it had begun (byte 0)",
    ]
    a_mark_before_a_comment: ["\u{feff}: busy\n\n"] => [
        "ping",
        "error empty_stream: the stream ended before it had begun (byte 11)",
    ]
    a_mark_alone: ["\u{feff}"] => [
        "error empty_stream: the stream ended before it had begun (byte 3)",
    ]
    a_mark_before_a_text: ["\u{feff}<p>"] => [
        "error no_events: the body has no event but a page of markup (byte 6)",
    ]
    interleaved: [START, open(0, THINKING), open(1, TEXT), think(0, "a"), text(1, "b"), shut(1), sign(0, "S"), shut(0), end("end_turn"), STOP] => [
        r#"thinking 0 "a""#,
        r#"token 1 "b""#,
        r#"block 1 {"type":"text","text":"b"}"#,
        "signature 0 S",
        r#"block 0 {"type":"thinking","thinking":"a","signature":"S"}"#,
        "complete end_turn",
    ]
    gaps_in_the_indexes: [START, open(2, TEXT), text(2, "c"), shut(2), open(0, TEXT), text(0, "a"), shut(0), open(4294967295, TEXT), text(4294967295, "z"), shut(4294967295), end("end_turn"), STOP] => [
        r#"token 2 "c""#,
        r#"block 2 {"type":"text","text":"c"}"#,
        r#"token 0 "a""#,
        r#"block 0 {"type":"text","text":"a"}"#,
        r#"token 4294967295 "z""#,
        r#"block 4294967295 {"type":"text","text":"z"}"#,
        "complete end_turn",
    ]
    the_unknown_is_kept: [
        r#"{"type":"message_start","message":{"id":"msg_1","new":{"a":1},"content":[],"usage":{"new_tokens":5}},"extra":1}"#,
        r#"{"type":"new_event","n":[1,2]}"#,
        open(0, r#"{"type":"new_block", "x": 1.0}"#), shut(0),
        open(1, r#"{"type":"new_block","x":1}"#), delta(1, r#"{"type":"new_delta","y":2}"#), shut(1),
        open(2, TEXT), delta(2, r#"{"type":"new_delta","y":2}"#), text(2, "a"), shut(2),
        end("new_reason"), STOP] => [
        r#"unknown new_event {"type":"new_event","n":[1,2]}"#,
        r#"block 0 {"type":"new_block", "x": 1.0}"#,
        r#"unknown new_delta {"type":"new_delta","y":2}"#,
        r#"block 1 {"type":"new_block","x":1,"replayable":false}"#,
        r#"unknown new_delta {"type":"new_delta","y":2}"#,
        r#"token 2 "a""#,
        r#"block 2 {"type":"text","text":"a","replayable":false}"#,
        "complete new_reason unsafe",
    ]
    connector_text_goes_on: [START, open(0, r#"{"type":"connector_text","text":"a"}"#), text(0, "b"), shut(0), end("end_turn"), STOP] => [
        r#"token 0 "a""#,
        r#"token 0 "b""#,
        r#"block 0 {"type":"connector_text","text":"ab"}"#,
        "complete end_turn",
    ]
    mcp: [START, open(0, r#"{"type":"mcp_tool_use","id":"mcptoolu_1","name":"echo","server_name":"demo","input":{}}"#), json(0, "{\"a\": 1}"), shut(0),
        open(1, r#"{"type":"mcp_tool_result","tool_use_id":"mcptoolu_1","is_error":false,"content":[{"type":"text","text":"ok"}]}"#), shut(1),
        open(2, r#"{"type":"mcp_tool_listing","mcp_server_name":"demo","tools":[]}"#), shut(2), open(3, r#"{"type":"container_upload","file_id":"file_2"}"#), shut(3), end("end_turn"), STOP] => [
        "tool_start 0 mcptoolu_1 echo Mcp",
        r#"tool_input 0 "{\"a\": 1}""#,
        r#"tool_call 0 echo {"a": 1}"#,
        r#"block 0 {"type":"mcp_tool_use","id":"mcptoolu_1","name":"echo","server_name":"demo","input":{"a": 1}}"#,
        r#"block 1 {"type":"mcp_tool_result","tool_use_id":"mcptoolu_1","is_error":false,"content":[{"type":"text","text":"ok"}]}"#,
        r#"block 2 {"type":"mcp_tool_listing","mcp_server_name":"demo","tools":[]}"#,
        r#"block 3 {"type":"container_upload","file_id":"file_2"}"#,
        "complete end_turn",
    ]
    a_second_message_delta_without_a_reason: [START, end("end_turn"), r#"{"type":"message_delta","delta":{"stop_reason":null},"usage":{"output_tokens":9}}"#, STOP] => [
        "complete end_turn",
    ]
    no_stop_reason: [START, STOP] => [
        "complete - unsafe",
    ]
    an_empty_stop_reason: [START, end(""), STOP] => [
        "complete - unsafe",
    ]

    two_signature_deltas: [START, open(0, THINKING), sign(0, "Eq"), sign(0, "QB"), shut(0), end("end_turn"), STOP] => [
        "signature 0 Eq",
        "signature 0 QB",
        r#"block 0 {"type":"thinking","thinking":"","signature":"EqQB"}"#,
        "complete end_turn",
    ]
    a_signature_in_a_thinking_delta: [START, open(0, THINKING), think(0, "Hm"), delta(0, r#"{"type":"thinking_delta","thinking":"","signature":"EqQB"}"#), shut(0),
        open(1, THINKING), delta(1, r#"{"signature":"EqQC","type":"thinking_delta","thinking":"m."}"#), shut(1), end("end_turn"), STOP] => [
        r#"thinking 0 "Hm""#,
        "warning merged_delta 0",
        "signature 0 EqQB",
        r#"block 0 {"type":"thinking","thinking":"Hm","signature":"EqQB"}"#,
        r#"thinking 1 "m.""#,
        "warning merged_delta 1",
        "signature 1 EqQC",
        r#"block 1 {"type":"thinking","thinking":"m.","signature":"EqQC"}"#,
        "complete end_turn",
    ]
    a_signature_in_a_thinking_delta_of_a_text: [START, open(0, TEXT), delta(0, r#"{"type":"thinking_delta","thinking":"","signature":"EqQB"}"#), shut(0), end("end_turn"), STOP] => [
        "warning merged_delta 0",
        "warning wrong_delta 0",
        r#"block 0 {"type":"text","text":""}"#,
        "complete end_turn",
    ]
    a_signature_that_is_empty_in_a_thinking_delta: [START, open(0, THINKING), delta(0, r#"{"type":"thinking_delta","thinking":"Hm","signature":""}"#), delta(0, r#"{"type":"thinking_delta","thinking":"m","signature":null}"#), shut(0), end("end_turn"), STOP] => [
        r#"thinking 0 "Hm""#,
        r#"thinking 0 "m""#,
        r#"block 0 {"type":"thinking","thinking":"Hmm","replayable":false}"#,
        "complete end_turn",
    ]
    a_late_signature: [START, open(0, r#"{"type":"thinking","thinking":"t"}"#), shut(0), open(1, TEXT), sign(0, "EqQB"), shut(1), end("end_turn"), STOP] => [
        r#"thinking 0 "t""#,
        r#"block 0 {"type":"thinking","thinking":"t","replayable":false}"#,
        "warning late_signature 0",
        "signature 0 EqQB",
        r#"block 0 {"type":"thinking","thinking":"t","signature":"EqQB"}"#,
        r#"block 1 {"type":"text","text":""}"#,
        "complete end_turn",
    ]
    a_second_signature: [START, open(0, THINKING), sign(0, "A"), shut(0), sign(0, "B"), end("end_turn"), STOP] => [
        "signature 0 A",
        r#"block 0 {"type":"thinking","thinking":"","signature":"A"}"#,
        "error protocol: the protocol was broken: second_signature in block 0 (byte 607)",
    ]
    an_empty_signature: [START, open(0, THINKING), think(0, "t"), sign(0, ""), shut(0), end("end_turn"), STOP] => [
        r#"thinking 0 "t""#,
        r#"block 0 {"type":"thinking","thinking":"t","replayable":false}"#,
        "complete end_turn",
    ]
    a_delta_for_no_block: [START, open(0, TEXT), text(1, "lost"), shut(0), shut(1), end("end_turn"), STOP] => [
        "warning unknown_block 1",
        r#"block 0 {"type":"text","text":""}"#,
        "warning unknown_block 1",
        "complete end_turn",
    ]
    a_delta_for_a_closed_block: [START, open(0, TEXT), shut(0), text(0, "lost"), shut(0), end("end_turn"), STOP] => [
        r#"block 0 {"type":"text","text":""}"#,
        "warning closed_block 0",
        "warning closed_block 0",
        "complete end_turn",
    ]
    a_delta_of_another_kind: [START, open(0, TEXT), think(0, "lost"), sign(0, "lost"), json(0, "lost"), text(0, "a"), shut(0), open(1, TOOL), text(1, "lost"), shut(1), end("end_turn"), STOP] => [
        "warning wrong_delta 0",
        "warning wrong_delta 0",
        "warning wrong_delta 0",
        r#"token 0 "a""#,
        r#"block 0 {"type":"text","text":"a"}"#,
        "tool_start 1 toolu_1 roll Client",
        "warning wrong_delta 1",
        "tool_call 1 roll {}",
        r#"block 1 {"type":"tool_use","id":"toolu_1","name":"roll","input":{}}"#,
        "complete end_turn",
    ]
    message_start_twice: [START, START, open(0, TEXT), text(0, "a"), START, shut(0), end("end_turn"), STOP] => [
        "warning repeated_message_start",
        r#"token 0 "a""#,
        "warning repeated_message_start",
        r#"block 0 {"type":"text","text":"a"}"#,
        "complete end_turn",
    ]
    another_message: [START, open(0, TEXT), text(0, "a"), r#"{"type":"message_start","message":{"id":"msg_2"}}"#] => [
        r#"token 0 "a""#,
        "error protocol: the protocol was broken: second_message (byte 495)",
    ]
    malformed_json: [START, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"type\":\"text_delta\",\"text\":\"a}}\n\n"] => [
        "error malformed: malformed `content_block_delta` in block 3: the text ends inside a value (byte 348)",
    ]
    missing_block: [START, r#"{"type":"content_block_start","index":0}"#] => [
        "error malformed: malformed `content_block_start` in block 0: missing `content_block` (byte 308)",
    ]
    missing_delta: [START, open(0, TEXT), r#"{"type":"content_block_delta","index":0}"#] => [
        "error malformed: malformed `content_block_delta` in block 0: missing `delta` (byte 425)",
    ]
    missing_message: [r#"{"type":"message_start"}"#] => [
        "error malformed: malformed `message_start`: missing `message` (byte 51)",
    ]
    an_index_that_is_none: [START, r#"{"type":"content_block_start","index":-1,"content_block":{"type":"text","text":""}}"#] => [
        "error malformed: malformed `content_block_start`: expected an index (byte 306)",
    ]
    tools_without_an_id: [START, open(0, r#"{"type":"tool_use","id":"","name":"dim","input":{}}"#), shut(0), open(1, r#"{"type":"tool_use","name":"dim","input":{}}"#), shut(1), end("tool_use"), STOP] => [
        "warning missing_tool_id 0",
        "tool_start 0 call_0_msg1 dim Client",
        "tool_call 0 dim {}",
        r#"block 0 {"type":"tool_use","id":"call_0_msg1","name":"dim","input":{}}"#,
        "tool_start 1 call_1_msg1 dim Client",
        "tool_call 1 dim {}",
        r#"block 1 {"type":"tool_use","id":"call_1_msg1","name":"dim","input":{}}"#,
        "complete tool_use",
    ]
    a_tool_without_a_name: [START, open(0, r#"{"type":"tool_use","id":"toolu_1","input":{}}"#)] => [
        "error malformed: malformed `content_block_start` in block 0: missing `name` (byte 369)",
    ]
    done_after_the_end: [START, end("end_turn"), STOP, "data: [DONE]\n\n", PING, STOP, START, text(0, "x"), "data: {\n\n"] => [
        "complete end_turn",
    ]
    a_damaged_delta_after_the_end: [START, end("end_turn"), STOP, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":,\"delta\":{}}\n\n"] => [
        "complete end_turn",
    ]
    carriage_returns_and_a_tail: [sse_with_returns([START, &open(0, TEXT), &text(0, "a"), &shut(0), &end("end_turn"), STOP]) + ": hi\revent: message_start\rdata: {]\r\r\n"] => [
        r#"token 0 "a""#,
        r#"block 0 {"type":"text","text":"a"}"#,
        "complete end_turn",
    ]
    half_a_pair_before_the_quote: [START, open(0, TEXT), delta(0, r#"{"type":"text_delta","text":"a\ud83d"ude00"}"#)] => [
        "error malformed: malformed `content_block_delta` in block 0: expected `,` or `}` (byte 470)",
    ]
    line_ends_within_a_delta: [START, open(0, TEXT), "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\r: c\rdata: \"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\r\rdata: {\"type\":\"ping\"}\n\n"] => [
        "ping",
        r#"token 0 "a""#,
        "ping",
        "error incomplete: the stream ended before a stop reason (byte 502)",
    ]
    done_before_the_end: [START, "data: [DONE] \n\n", open(0, TEXT), text(0, "a"), shut(0), end("end_turn"), STOP] => [
        r#"token 0 "a""#,
        r#"block 0 {"type":"text","text":"a"}"#,
        "complete end_turn",
    ]
    a_lone_surrogate: [START, open(0, TEXT), delta(0, r#"{"type":"text_delta","text":"a\ud83d"}"#), text(0, "b"), delta(0, r#"{"type":"text_delta","text":"\ude00"}"#), shut(0), end("end_turn"), STOP] => [
        r#"token 0 "a""#,
        r#"token 0 "�b""#,
        r#"token 0 "�""#,
        r#"block 0 {"type":"text","text":"a�b�"}"#,
        "complete end_turn",
    ]
    a_surrogate_pair_in_two_deltas: [START, open(0, TEXT), delta(0, r#"{"type":"text_delta","text":"a\ud83d"}"#), PING, delta(0, r#"{"type":"text_delta","text":""}"#), delta(0, r#"{"type":"text_delta","text":"\ude00b"}"#), shut(0),
        open(1, THINKING), delta(1, r#"{"type":"thinking_delta","thinking":"\ud83d"}"#), sign(1, "S"), shut(1), end("end_turn"), STOP] => [
        r#"token 0 "a""#,
        "ping",
        r#"token 0 "😀b""#,
        r#"block 0 {"type":"text","text":"a😀b"}"#,
        r#"thinking 1 """#,
        "signature 1 S",
        r#"thinking 1 "�""#,
        r#"block 1 {"type":"thinking","thinking":"�","signature":"S"}"#,
        "complete end_turn",
    ]
    arguments_that_are_no_object: [START, open(0, TOOL), json(0, "[1]"), shut(0), open(1, TOOL), json(1, "{\"a\": tru"), shut(1), open(2, TOOL), json(2, "  "), shut(2), open(3, r#"{"type":"tool_use","id":"t","name":"n","input":""}"#), shut(3), end("tool_use"), STOP] => [
        "tool_start 0 toolu_1 roll Client",
        r#"tool_input 0 "[1]""#,
        r#"tool_call 0 roll "[1]" not a JSON object"#,
        r#"block 0 {"type":"tool_use","id":"toolu_1","name":"roll","partial_json":"[1]","replayable":false}"#,
        "tool_start 1 toolu_1 roll Client",
        r#"tool_input 1 "{\"a\": tru""#,
        r#"tool_call 1 roll "{\"a\": tru" expected a value at byte 6"#,
        r#"block 1 {"type":"tool_use","id":"toolu_1","name":"roll","partial_json":"{\"a\": tru","replayable":false}"#,
        "tool_start 2 toolu_1 roll Client",
        r#"tool_input 2 "  ""#,
        "tool_call 2 roll {}",
        r#"block 2 {"type":"tool_use","id":"toolu_1","name":"roll","input":{}}"#,
        "tool_start 3 t n Client",
        "tool_call 3 n {}",
        r#"block 3 {"type":"tool_use","id":"t","name":"n","input":{}}"#,
        "complete tool_use",
    ]
    the_order_and_size_of_arguments_stay: [START, open(0, TOOL), json(0, "{\"b\": 9007199254740993,\n"), json(0, " \"a\":1.10}"), shut(0), end("tool_use"), STOP] => [
        "tool_start 0 toolu_1 roll Client",
        r#"tool_input 0 "{\"b\": 9007199254740993,\n""#,
        r#"tool_input 0 " \"a\":1.10}""#,
        "tool_call 0 roll {\"b\": 9007199254740993,\n \"a\":1.10}",
        "block 0 {\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"roll\",\"input\":{\"b\": 9007199254740993,\n \"a\":1.10}}",
        "complete tool_use",
    ]
    comments_are_signs_of_life: [": OPENROUTER PROCESSING\n\n", START, ": x\n", end("end_turn"), STOP] => [
        "ping",
        "ping",
        "complete end_turn",
    ]

    vllm_signs_with_a_random_string: [START, open(0, r#"{"type":"thinking","thinking":""}"#), think(0, "t"), sign(0, "9f86d081"), shut(0), open(1, TEXT), text(1, "a"), shut(1),
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":3,"output_tokens":4}}"#, STOP] => [
        r#"thinking 0 "t""#,
        "signature 0 9f86d081",
        r#"block 0 {"type":"thinking","thinking":"t","signature":"9f86d081"}"#,
        r#"token 1 "a""#,
        r#"block 1 {"type":"text","text":"a"}"#,
        "complete end_turn",
    ]
    vllm_fails_with_its_own_type: [START, r#"{"type":"error","error":{"type":"internal_error","message":"boom"}}"#] => [
        "error server: the server reported internal_error: boom (byte 254)",
    ]
    llama_cpp_stops_all_at_the_end: [START, open(0, r#"{"type":"thinking","thinking":""}"#), think(0, "t"), open(1, r#"{"type":"tool_use","id":"x","name":"f"}"#), sign(0, ""), json(1, "{\"a\":1}"), shut(0), shut(1),
        r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":4},"timings":{"ms":1}}"#, r#"{"type":"message_stop","__verbose":{}}"#] => [
        r#"thinking 0 "t""#,
        "tool_start 1 x f Client",
        r#"tool_input 1 "{\"a\":1}""#,
        r#"block 0 {"type":"thinking","thinking":"t","replayable":false}"#,
        r#"tool_call 1 f {"a":1}"#,
        r#"block 1 {"type":"tool_use","id":"x","name":"f","input":{"a":1}}"#,
        "complete tool_use",
    ]
    llama_cpp_starts_a_block_twice: [START, open(0, TEXT), text(0, "a"), open(0, TEXT), text(0, "b"), shut(0), end("end_turn"), STOP] => [
        r#"token 0 "a""#,
        "warning repeated_block_start 0",
        r#"token 0 "b""#,
        r#"block 0 {"type":"text","text":"ab"}"#,
        "complete end_turn",
    ]
    ollama_leaves_empty_strings_out: [r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"q","content":[],"usage":{"input_tokens":5,"output_tokens":0}}}"#,
        open(0, r#"{"type":"thinking"}"#), delta(0, r#"{"type":"thinking_delta"}"#), shut(0), open(1, r#"{"type":"text"}"#), delta(1, r#"{"type":"text_delta"}"#), shut(1),
        r#"{"type":"message_delta","delta":{},"usage":{"input_tokens":9,"output_tokens":2}}"#, STOP] => [
        r#"thinking 0 """#,
        "warning missing_field 0",
        r#"block 0 {"type":"thinking","thinking":"","replayable":false}"#,
        r#"block 1 {"type":"text","text":""}"#,
        "complete - unsafe",
    ]
    sglang_writes_text_into_a_tool: [START, open(0, TOOL), text(0, "stray"), json(0, "{}"), shut(0), end("tool_use"), STOP] => [
        "tool_start 0 toolu_1 roll Client",
        "warning wrong_delta 0",
        r#"tool_input 0 "{}""#,
        "tool_call 0 roll {}",
        r#"block 0 {"type":"tool_use","id":"toolu_1","name":"roll","input":{}}"#,
        "complete tool_use",
    ]
    litellm_thinks_in_a_text_block: [START, open(0, TEXT), think(0, "hm"), text(0, "a"), shut(0), end("end_turn"), STOP] => [
        "warning wrong_delta 0",
        r#"token 0 "a""#,
        r#"block 0 {"type":"text","text":"a"}"#,
        "complete end_turn",
    ]
    litellm_repeats_the_start: [START, open(0, r#"{"type":"text","text":"Hi"}"#), text(0, "Hi"), text(0, "Hi"), shut(0), end("end_turn"), STOP] => [
        r#"token 0 "Hi""#,
        "warning repeated_text 0",
        r#"token 0 "Hi""#,
        r#"block 0 {"type":"text","text":"HiHi"}"#,
        "complete end_turn",
    ]
    litellm_floods_empty_arguments: [START, open(0, TOOL), json(0, ""), json(0, ""), json(0, "{}"), json(0, ""), shut(0), end("tool_use"), STOP] => [
        "tool_start 0 toolu_1 roll Client",
        r#"tool_input 0 "{}""#,
        "tool_call 0 roll {}",
        r#"block 0 {"type":"tool_use","id":"toolu_1","name":"roll","input":{}}"#,
        "complete tool_use",
    ]
    glm_reports_usage_at_the_end: [r#"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":0,"output_tokens":0}}}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":12,"cache_read_input_tokens":30,"output_tokens":4}}"#, STOP] => [
        "complete end_turn",
    ]
    minimax_pings_with_costs_after_the_end: [r#"{"type":"message_start","message":{"id":"0645","service_tier":"standard","content":[],"usage":{"input_tokens":1}}}"#, end("end_turn"), STOP, "event: ping\ndata: {\"type\":\"ping\",\"cost\":\"0\"}\n\n"] => [
        "complete end_turn",
    ]
    kimi_leaves_stops_out: [START, open(0, TEXT), text(0, "a"), open(1, TOOL), json(1, "{}"), end("tool_use"), STOP] => [
        r#"token 0 "a""#,
        "tool_start 1 toolu_1 roll Client",
        r#"tool_input 1 "{}""#,
        "warning missing_block_stop 0",
        "warning missing_block_stop 1",
        "complete tool_use",
    ]
    copilot_ends_with_done: [START, open(0, TEXT), text(0, "a"), shut(0), end("end_turn"), "data: [DONE]\n\n"] => [
        r#"token 0 "a""#,
        r#"block 0 {"type":"text","text":"a"}"#,
        "warning done_for_stop",
        "complete end_turn",
    ]
    copilot_ends_with_done_and_no_blank_line: [START, end("end_turn"), "data: [DONE]\n"] => ["warning done_for_stop", "complete end_turn"]
    gateways_leave_message_start_out: [open(0, TEXT), text(0, "a"), shut(0), end("end_turn"), STOP] => [
        "warning missing_message_start",
        r#"token 0 "a""#,
        r#"block 0 {"type":"text","text":"a"}"#,
        "complete end_turn",
    ]
    gateways_send_message_start_late: [open(0, TEXT), START, text(0, "a"), shut(0), START, end("end_turn"), STOP] => [
        "warning missing_message_start",
        "warning repeated_message_start",
        r#"token 0 "a""#,
        r#"block 0 {"type":"text","text":"a"}"#,
        "warning repeated_message_start",
        "complete end_turn",
    ]
    gateways_send_only_message_stop: [STOP, STOP] => [
        "warning missing_message_start",
        "complete - unsafe",
    ]
    gateways_send_message_delta_first: [end("end_turn"), STOP] => [
        "warning missing_message_start",
        "complete end_turn",
    ]
    gateways_leave_event_names_out: [format!("data: {START}\n\n"), format!("data:{}\n\n", open(0, TEXT)), format!("data:{}\n\n", text(0, "a")), shut(0), end("end_turn"), STOP] => [
        "warning event_name",
        r#"token 0 "a""#,
        r#"block 0 {"type":"text","text":"a"}"#,
        "complete end_turn",
    ]
    gateways_misname_events: [format!("event: message\ndata: {START}\n\nevent: chunk\ndata: {}\n\n", end("end_turn")), STOP] => [
        "warning event_name",
        "complete end_turn",
    ]
    gateways_count_no_indexes: [START, open(0, TEXT), text(0, "a"), shut(0), open(0, TOOL), json(0, "{}"), shut(0), end("tool_use"), STOP] => [
        r#"token 0 "a""#,
        r#"block 0 {"type":"text","text":"a"}"#,
        "warning reused_index 0",
        "tool_start 0 toolu_1 roll Client",
        r#"tool_input 0 "{}""#,
        "tool_call 0 roll {}",
        r#"block 0 {"type":"tool_use","id":"toolu_1","name":"roll","input":{}}"#,
        "complete tool_use",
    ]
    gateways_leave_indexes_out: [START, r#"{"type":"content_block_start","content_block":{"type":"text","text":""}}"#, r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"a"}}"#, r#"{"type":"content_block_stop"}"#, end("end_turn"), STOP] => [
        "warning missing_index",
        r#"token 0 "a""#,
        r#"block 0 {"type":"text","text":"a"}"#,
        "complete end_turn",
    ]
    gateways_use_an_open_index_again: [START, open(0, TEXT), text(0, "a"), open(0, TOOL), json(0, "{}"), shut(0), end("tool_use"), STOP] => [
        r#"token 0 "a""#,
        "warning reused_index 0",
        "tool_start 0 toolu_1 roll Client",
        r#"tool_input 0 "{}""#,
        "tool_call 0 roll {}",
        r#"block 0 {"type":"tool_use","id":"toolu_1","name":"roll","input":{}}"#,
        "complete tool_use",
    ]
    gateways_count_no_indexes_and_stop_no_blocks: [START, open(0, TEXT), text(0, "a"), open(0, TOOL), json(0, "{}"), shut(0), open(0, TEXT), text(0, "b"), shut(0), end("tool_use"), STOP] => [
        r#"token 0 "a""#,
        "warning reused_index 0",
        "tool_start 0 toolu_1 roll Client",
        r#"tool_input 0 "{}""#,
        "tool_call 0 roll {}",
        r#"block 0 {"type":"tool_use","id":"toolu_1","name":"roll","input":{}}"#,
        "warning reused_index 0",
        r#"token 0 "b""#,
        r#"block 0 {"type":"text","text":"b"}"#,
        "complete tool_use",
    ]
    the_last_index_is_used_twice: [START, open(4294967295, TEXT), text(4294967295, "a"), shut(4294967295), open(4294967295, TOOL), json(4294967295, "{}"), shut(4294967295), open(1, TEXT), text(1, "b"), shut(1), end("tool_use"), STOP] => [
        r#"token 4294967295 "a""#,
        r#"block 4294967295 {"type":"text","text":"a"}"#,
        "warning reused_index 4294967295",
        "tool_start 4294967295 toolu_1 roll Client",
        r#"tool_input 4294967295 "{}""#,
        "tool_call 4294967295 roll {}",
        r#"block 4294967295 {"type":"tool_use","id":"toolu_1","name":"roll","input":{}}"#,
        r#"token 1 "b""#,
        r#"block 1 {"type":"text","text":"b"}"#,
        "complete tool_use",
    ]
    a_whole_message_with_a_broken_block: [r#"{"type":"message_start","message":{"id":"m","content":[{"type":"text","text":"a"},{"text":"b"}]}}"#] => [
        r#"token 0 "a""#,
        r#"block 0 {"type":"text","text":"a"}"#,
        "error malformed: malformed `message_start` in block 1: missing `type` (byte 27)",
    ]
    a_block_behind_a_reused_index_stays_behind: [START, open(0, TEXT), text(0, "t"), shut(0), open(0, TOOL), shut(0), open(1, TEXT), text(1, "B"), shut(1), end("tool_use"), STOP] => [
        r#"token 0 "t""#,
        r#"block 0 {"type":"text","text":"t"}"#,
        "warning reused_index 0",
        "tool_start 0 toolu_1 roll Client",
        "tool_call 0 roll {}",
        r#"block 0 {"type":"tool_use","id":"toolu_1","name":"roll","input":{}}"#,
        r#"token 1 "B""#,
        r#"block 1 {"type":"text","text":"B"}"#,
        "complete tool_use",
    ]
    an_unknown_block_that_known_deltas_fill: [START, open(0, r#"{"type":"computer_call","input":{}}"#), json(0, "{}"), shut(0), open(1, r#"{"type":"narration"}"#), text(1, "x"), shut(1), end("end_turn"), STOP] => [
        r#"unknown input_json_delta {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#,
        r#"block 0 {"type":"computer_call","input":{},"replayable":false}"#,
        r#"unknown text_delta {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"x"}}"#,
        r#"block 1 {"type":"narration","replayable":false}"#,
        "complete end_turn",
    ]
    an_unknown_delta_with_known_keys: [START, open(0, TEXT), delta(0, r#"{"type":"future_delta","text":["a"]}"#), delta(0, r#"{"type":"text_delta","text":"a","thinking":false}"#), delta(0, r#"{"type":"text_delta","text":5}"#)] => [
        r#"unknown future_delta {"type":"future_delta","text":["a"]}"#,
        r#"token 0 "a""#,
        "error malformed: malformed `content_block_delta` in block 0: expected a string (byte 714)",
    ]
    unknown_keys_of_known_blocks: [START, open(0, r#"{"type":"thinking","thinking":"","signature":"","binding":{"a": 1}}"#), sign(0, "S"), shut(0), open(1, r#"{"type":"redacted_thinking","data":"D","binding":"b"}"#), shut(1), open(2, r#"{"type":"tool_use","id":"i","name":"n","input":{},"new_key":[1],"none":null}"#), shut(2), end("end_turn"), STOP] => [
        "signature 0 S",
        r#"block 0 {"type":"thinking","thinking":"","signature":"S","binding":{"a": 1}}"#,
        "redacted 1 D",
        r#"block 1 {"type":"redacted_thinking","data":"D","binding":"b"}"#,
        "tool_start 2 i n Client",
        "tool_call 2 n {}",
        r#"block 2 {"type":"tool_use","id":"i","name":"n","input":{},"new_key":[1]}"#,
        "complete end_turn",
    ]
    a_tool_that_starts_again_with_its_input: [START, open(0, r#"{"type":"tool_use","id":"i","name":"n"}"#), open(0, r#"{"type":"tool_use","id":"i","name":"n","input":{"a":1}}"#), shut(0), end("tool_use"), STOP] => [
        "tool_start 0 i n Client",
        "warning repeated_block_start 0",
        r#"tool_call 0 n {"a":1}"#,
        r#"block 0 {"type":"tool_use","id":"i","name":"n","input":{"a":1}}"#,
        "complete tool_use",
    ]
    two_signed_blocks_on_one_index: [START, open(0, THINKING), sign(0, "S1"), open(0, THINKING), sign(0, "S2"), shut(0), end("end_turn"), STOP] => [
        "signature 0 S1",
        "warning reused_index 0",
        "signature 0 S2",
        r#"block 0 {"type":"thinking","thinking":"","signature":"S2"}"#,
        "complete end_turn",
    ]
    a_signature_of_the_start_is_repeated: [START, open(0, r#"{"type":"thinking","thinking":"","signature":"SIG"}"#), sign(0, "SIG"), shut(0), sign(0, ""), end("end_turn"), STOP] => [
        "signature 0 SIG",
        "warning repeated_text 0",
        r#"block 0 {"type":"thinking","thinking":"","signature":"SIG"}"#,
        "warning closed_block 0",
        "complete end_turn",
    ]
    an_unknown_event_that_is_broken: [START, "event: foo\ndata: {\"type\":\"foo\",\n\n", "event: foo\ndata: broken\n\n", STOP] => [
        r#"unknown foo {"type":"foo","#,
        "unknown foo broken",
        "complete - unsafe",
    ]
    errors_of_other_shapes: [START, "event: error\ndata: {\"type\":\"overloaded_error\",\"message\":\"m\",\"request_id\":\"r\"}\n\n"] => [
        "error server: the server reported overloaded_error: m (byte 254, request r)",
    ]
    errors_with_fields_of_other_types: [START, r#"{"type":"error","error":{"type":"overloaded_error","message":5},"request_id":"req_1"}"#] => [
        "error server: the server reported overloaded_error (byte 254, request req_1)",
    ]
    errors_in_an_unknown_event: [START, "data: {\"type\":\"x\",\"error\":{\"type\":\"api_error\"}}\n\n"] => [
        "error server: the server reported api_error (byte 241)",
    ]
    a_start_that_is_nearly_repeated: [START, open(0, r#"{"type":"text","text":"a"}"#), delta(0, r#"{"type":"text_delta","text":"a\ud83d"}"#), delta(0, r#"{"type":"text_delta","text":"\ude00"}"#), shut(0), end("end_turn"), STOP] => [
        r#"token 0 "a""#,
        r#"token 0 "a""#,
        r#"token 0 "😀""#,
        r#"block 0 {"type":"text","text":"aa😀"}"#,
        "complete end_turn",
    ]
    relays_send_no_message: [r#"{"type":"message_start","message":null}"#, open(0, TEXT), text(0, "a"), shut(0), end("end_turn"), STOP] => [
        "warning missing_field",
        "warning missing_message_start",
        r#"token 0 "a""#,
        r#"block 0 {"type":"text","text":"a"}"#,
        "complete end_turn",
    ]
    relays_send_null_deltas: [START, open(0, TEXT), delta(0, "null"), text(0, "a"), shut(0), end("end_turn"), STOP] => [
        "warning missing_field 0",
        r#"token 0 "a""#,
        r#"block 0 {"type":"text","text":"a"}"#,
        "complete end_turn",
    ]
    vertex_sends_an_event_of_its_own: [START, "event: vertex_event\ndata: {\"type\":\"vertex_event\",\"usage\":{\"input_tokens\":99}}\n\n", end("end_turn"), STOP] => [
        r#"unknown vertex_event {"type":"vertex_event","usage":{"input_tokens":99}}"#,
        "complete end_turn",
    ]
    gateways_send_empty_frames: ["data:\n\n", START, "event: ping\ndata: \n\n", "event: ping\n\n", end("end_turn"), "data\ndata\n\n", STOP] => [
        "ping",
        "ping",
        "ping",
        "complete end_turn",
    ]
    pings_may_say_anything: [START, "event: ping\ndata: still here\n\n", "event: ping\ndata: {\"type\":\"ping\",\"cost\":\"0\"}\n\n", end("end_turn"), STOP] => [
        "ping",
        "ping",
        "complete end_turn",
    ]
    a_type_that_only_the_frame_names: [START, "event: content_block_start\ndata: {\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"a\"}}\n\n", "event: content_block_stop\ndata: {\"index\":0,\"type\":null}\n\n", end("end_turn"), "event: message_stop\ndata: {}\n\n"] => [
        r#"token 0 "a""#,
        r#"block 0 {"type":"text","text":"a"}"#,
        "complete end_turn",
    ]
    data_without_any_type: [START, "data: {\"alive\":true}\n\n", "data: 1\n\n", end("end_turn"), STOP] => [
        r#"unknown  {"alive":true}"#,
        "unknown  1",
        "complete end_turn",
    ]
    a_type_that_the_frame_contradicts: [START, format!("event: ping\ndata: {}\n\n", end("end_turn")), STOP] => [
        "warning event_name",
        "complete end_turn",
    ]
    bedrock_adds_metrics_to_the_end: [START, end("end_turn"), r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":37}}"#] => [
        "complete end_turn",
    ]
    a_known_event_without_data: [START, "event: content_block_stop\ndata:\n\n"] => [
        "error malformed: malformed `content_block_stop`: the text ends inside a value (byte 266)",
    ]
    untyped_errors: [START, "data: {\"error\":{\"message\":\"rate limited\",\"type\":\"rate_limit_error\"}}\n\n"] => [
        "error server: the server reported rate_limit_error: rate limited (byte 241)",
    ]
    errors_that_are_not_json: [START, "event: error\ndata: upstream timed out\n\n"] => [
        "error server: the server reported an error: upstream timed out (byte 254)",
    ]
    bad_counts: [r#"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":-1,"output_tokens":3.0,"cache_read_input_tokens":1e400,"cache_creation_input_tokens":"7"}}}"#, end("end_turn"), STOP] => [
        "warning bad_count",
        "complete end_turn",
    ]
}
