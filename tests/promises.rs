//! What users of such libraries have been let down by, and what is promised here instead.

mod common;

use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use common::*;
use futures_util::{FutureExt, StreamExt, stream};
use thinkstream::{
    Content, Decoder, ErrorKind, Event, EventReader, EventStream, Headers, LimitKind, Limits,
    Message, Protocol, ServerErrorType, StopReason, Text,
};

/// The message of a stream that is complete.
#[track_caller]
fn message<T: AsRef<str>>(events: impl IntoIterator<Item = T>) -> Message {
    let (events, error) = decode(anthropic(), [&sse(events)[..]]);
    assert!(error.is_none(), "{error:?}");
    match events.last() {
        Some(Event::Complete(done)) => done.message.clone(),
        last => panic!("{last:?}"),
    }
}

/// The error of a stream that is not.
#[track_caller]
fn failure(decoder: Decoder, stream: &[u8]) -> thinkstream::Error {
    decode(decoder, [stream]).1.expect("the stream is complete")
}

mod signatures {
    use super::*;

    #[test]
    fn each_signature_stays_on_its_own_block() {
        let message = message([
            START,
            &open(0, THINKING),
            &think(0, "a"),
            &open(1, TEXT),
            &sign(0, "sig-of-0"),
            &open(2, THINKING),
            &text(1, "b"),
            &sign(2, "sig-"),
            &shut(0),
            &sign(2, "of-2"),
            &shut(1),
            &shut(2),
            &end("end_turn"),
            STOP,
        ]);
        assert_eq!(signature(&message, 0).as_deref(), Some("sig-of-0"));
        assert_eq!(signature(&message, 2).as_deref(), Some("sig-of-2"));
    }

    #[test]
    fn a_signature_without_thinking_is_an_event() {
        let stream = sse([START, &open(0, THINKING), &sign(0, "EqQB")]);
        let (events, _) = decode(anthropic(), [&stream[..]]);
        assert!(matches!(&events[1], Event::Signature(s) if s.index == 0 && s.signature == "EqQB"));
    }

    #[test]
    fn a_cut_block_has_no_signature_and_a_finished_one_keeps_it() {
        let stream = sse([
            START,
            &open(0, THINKING),
            &think(0, "a"),
            &sign(0, "EqQBfinished"),
            &shut(0),
            &open(1, THINKING),
            &think(1, "b"),
            &sign(1, "EqQBhalf"),
            &shut(1),
            &end("end_turn"),
            STOP,
        ]);
        let mut stops = 0;
        let mut decoder = anthropic();
        for byte in stream.chunks(1) {
            let mut byte = Bytes::copy_from_slice(byte);
            while let Some(event) = decoder.decode(&mut byte).unwrap() {
                stops += u32::from(matches!(event, Event::Block(_)));
            }
            let message = decoder.message();
            assert_eq!(message.complete, decoder.is_complete());
            for block in &message.content {
                let finished = block.index < stops;
                assert_eq!((block.complete, block.replayable), (finished, finished));
                assert_eq!(signature(&message, block.index).is_some(), finished);
            }
            let echoed = message.to_param().matches("\"signature\":").count();
            assert_eq!(echoed, stops as usize);
        }
    }

    #[test]
    fn empty_thinking_is_kept_and_echoed() {
        let message = message([
            START,
            &open(0, THINKING),
            &sign(0, "EqQB"),
            &shut(0),
            &end("end_turn"),
            STOP,
        ]);
        let Content::Thinking(thinking) = &message.content[0].content else { panic!() };
        assert!(thinking.is_omitted());
        assert_eq!(
            message.to_param().as_str(),
            r#"{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"EqQB"}]}"#
        );
    }

    #[test]
    fn redacted_thinking_is_kept_and_echoed() {
        let redacted = r#"{"type":"redacted_thinking","data":"X/+="}"#;
        let message = message([START, &open(0, redacted), &shut(0), &end("end_turn"), STOP]);
        assert_eq!(message.content[0].to_param().as_str(), redacted);
    }

    #[test]
    fn the_next_request_gets_the_same_blocks_in_the_same_order() {
        let result = r#"{"type":"web_search_tool_result","tool_use_id":"s1","content":[{"encrypted_content":"E+/=","type":"web_search_result"}]}"#;
        let unknown = r#"{"type":"brand_new", "z": 1, "a": [1.0, 2e3], "s": "\u00e9"}"#;
        let message = message([
            START,
            &open(0, THINKING),
            &think(0, "first"),
            &sign(0, "S1+/="),
            &shut(0),
            &open(1, r#"{"type":"redacted_thinking","data":"D"}"#),
            &shut(1),
            &open(2, r#"{"citations":[],"type":"text","text":""}"#),
            &text(2, "hello"),
            &delta(
                2,
                r#"{"type":"citations_delta","citation":{"type":"web_search_result_location","encrypted_index":"Eo8+","cited_text":"c","file_id":null}}"#,
            ),
            &shut(2),
            &open(3, r#"{"type":"server_tool_use","id":"s1","name":"web_search","input":{}}"#),
            &json(3, r#"{"q" : 9007199254740993}"#),
            &shut(3),
            &open(4, result),
            &shut(4),
            &open(5, unknown),
            &shut(5),
            &open(6, THINKING),
            &sign(6, "S2"),
            &shut(6),
            &open(7, TOOL),
            &json(7, r#"{"b":1,"a":2}"#),
            &shut(7),
            &open(
                8,
                r#"{"type":"tool_use","id":"toolu_2","name":"roll","input":{},"caller":{"type":"direct"}}"#,
            ),
            &shut(8),
            &end("tool_use"),
            STOP,
        ]);
        let blocks = [
            r#"{"type":"thinking","thinking":"first","signature":"S1+/="}"#,
            r#"{"type":"redacted_thinking","data":"D"}"#,
            r#"{"type":"text","text":"hello","citations":[{"type":"web_search_result_location","encrypted_index":"Eo8+","cited_text":"c"}]}"#,
            r#"{"type":"server_tool_use","id":"s1","name":"web_search","input":{"q" : 9007199254740993}}"#,
            result,
            unknown,
            r#"{"type":"thinking","thinking":"","signature":"S2"}"#,
            r#"{"type":"tool_use","id":"toolu_1","name":"roll","input":{"b":1,"a":2}}"#,
            r#"{"type":"tool_use","id":"toolu_2","name":"roll","input":{}}"#,
        ];
        let expected = format!(r#"{{"role":"assistant","content":[{}]}}"#, blocks.join(","));
        assert_eq!(message.to_param().as_str(), expected);
        assert_eq!(serde_json::to_string(&message.to_param()).unwrap(), expected);
    }

    #[test]
    fn thinking_does_not_go_back_without_what_came_of_it() {
        let think = [&*open(0, THINKING), &sign(0, "S"), &shut(0)].map(str::to_owned);
        let redacted = open(1, r#"{"type":"redacted_thinking","data":"D"}"#);
        let cut = [open(2, TOOL), json(2, "{")];
        let said = [open(2, TEXT), text(2, "a")];
        for (behind, reason, expected) in [
            (&cut[..], "max_tokens", ""),
            (&cut[..], "pause_turn", "thinking redacted_thinking"),
            (&said[..], "max_tokens", "thinking redacted_thinking text"),
            (&[], "end_turn", "thinking redacted_thinking"),
        ] {
            let events = [&[START.to_owned()], &think[..], &[redacted.clone(), shut(1)], behind];
            let events = [events.concat(), vec![end(reason), STOP.to_owned()]].concat();
            let param = message(events.iter().map(String::as_str)).to_param();
            let param: serde_json::Value = serde_json::from_str(&param).unwrap();
            let kinds = param["content"].as_array().unwrap().iter().map(|it| it["type"].as_str());
            let kinds: Vec<_> = kinds.map(Option::unwrap).collect();
            assert_eq!(kinds.join(" "), expected, "{reason}");
        }
    }

    #[test]
    fn what_the_api_refuses_is_left_out() {
        let message = message([
            START,
            &open(0, r#"{"type":"thinking","thinking":"unsigned"}"#),
            &shut(0),
            &open(1, TEXT),
            &shut(1),
            &open(2, r#"{"type":"text","text":"","citations":null}"#),
            &text(2, "a"),
            &shut(2),
            &open(3, TOOL),
            &json(3, "{\"a\":"),
            &shut(3),
            &open(4, TOOL),
            &json(4, "{\"a\":"),
            &end("max_tokens"),
            STOP,
        ]);
        assert_eq!(
            message.to_param().as_str(),
            r#"{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"tool_use","id":"toolu_1","name":"roll","input":{"INVALID_JSON":"{\"a\":"}}]}"#
        );
        // Whatever its arguments are, a call that is whole goes back, for it has to be answered.
        let calls: Vec<_> = message.tool_calls().map(|call| call.input.is_err()).collect();
        assert_eq!(calls, [true]);
    }

    #[test]
    fn the_text_of_a_complete_message_goes_back_though_its_stop_is_missing() {
        let message = message([START, &open(0, TEXT), &text(0, "a"), &end("max_tokens"), STOP]);
        assert!(!message.content[0].replayable);
        assert_eq!(
            message.to_param().as_str(),
            r#"{"role":"assistant","content":[{"type":"text","text":"a"}]}"#
        );
    }

    #[test]
    fn what_a_declining_model_thought_is_not_sent_to_the_one_that_took_over() {
        let fallback = r#"{"type":"fallback","from":{"model":"a"},"to":{"model":"b"}}"#;
        let search = r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{}}"#;
        let message = message([
            START,
            &open(0, THINKING),
            &sign(0, "S"),
            &shut(0),
            &open(1, search),
            &shut(1),
            &open(2, TOOL),
            &shut(2),
            &open(3, TEXT),
            &text(3, "half"),
            &shut(3),
            &open(4, fallback),
            &shut(4),
            &open(5, THINKING),
            &sign(5, "T"),
            &shut(5),
            &end("end_turn"),
            STOP,
        ]);
        assert_eq!(message.model.as_deref(), Some("b"));
        let text = r#"{"type":"text","text":"half"}"#;
        let thinking = r#"{"type":"thinking","thinking":"","signature":"T"}"#;
        assert_eq!(
            message.to_param().as_str(),
            format!(r#"{{"role":"assistant","content":[{search},{text},{fallback},{thinking}]}}"#)
        );
    }
}

mod endings {
    use super::*;

    #[test]
    fn an_error_in_the_stream_is_one_typed_error_with_all_that_was_received() {
        let stream = sse([
            START,
            &open(0, TEXT),
            &text(0, "Hi"),
            &shut(0),
            &open(1, TOOL),
            &json(1, "{\"a\""),
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded","details":{"error_code":"x"}},"request_id":"req_in_band"}"#,
        ]);
        let error = failure(anthropic().request_id("req_of_header"), &stream);
        let ErrorKind::Server(server) = error.kind() else { panic!("{error}") };
        assert_eq!(server.error_type, ServerErrorType::Overloaded);
        assert_eq!(server.error_type.status(), Some(529));
        assert_eq!(server.message, "Overloaded");
        assert_eq!(server.details.as_deref(), Some(r#"{"error_code":"x"}"#));
        assert_eq!(error.request_id().unwrap(), "req_in_band");
        assert_eq!(error.headers().request_id.as_deref(), Some("req_of_header"));
        let partial = error.partial();
        assert_eq!(partial.message.text(), "Hi");
        assert_eq!(partial.message.usage.input_tokens, Some(10));
        assert!(partial.output_started && !partial.tool_call_emitted && !error.retry_safe());
        assert_eq!(
            partial.message.content.iter().map(|block| block.complete).collect::<Vec<_>>(),
            [true, false]
        );
    }

    #[test]
    fn only_an_end_that_the_provider_declared_is_complete() {
        let stream = sse([
            START,
            &open(0, THINKING),
            &think(0, "a"),
            &sign(0, "S"),
            &shut(0),
            &open(1, TEXT),
            &text(1, "é😀"),
            &shut(1),
            &open(2, TOOL),
            &json(2, "{\"a\":1}"),
            &shut(2),
            &end("tool_use"),
            STOP,
        ]);
        let mut stopping = false;
        for len in 0..stream.len() {
            let (events, error) = decode(anthropic(), [&stream[..len]]);
            let error = error.unwrap_or_else(|| panic!("complete after {len} bytes"));
            assert!(!events.iter().any(|event| matches!(event, Event::Complete(_))));
            let expected = match (stopping, len) {
                (true, _) => "unterminated",
                (false, 0) => "empty_stream",
                (false, _) => "incomplete",
            };
            let stopped = events.iter().any(|event| matches!(event, Event::Usage(_)));
            assert_eq!(error.kind().name(), if stopped { "unterminated" } else { expected });
            stopping = stopped;
            assert_eq!(error.offset(), len as u64);
            let called = events.iter().any(|event| matches!(event, Event::ToolCall(_)));
            assert_eq!(error.partial().tool_call_emitted, called);
            let shown =
                events.iter().any(|event| !matches!(event, Event::Start(_) | Event::Usage(_)));
            assert_eq!(error.retry_safe(), !shown, "{len}");
        }
        assert!(stopping && decode(anthropic(), [&stream[..]]).1.is_none());
    }

    #[test]
    fn whatever_was_handed_out_of_a_block_makes_a_retry_unsafe() {
        for (events, safe) in [
            (vec![START.to_owned(), PING.into(), end("end_turn")], true),
            (vec![START.into(), open(0, TEXT)], true),
            (vec![START.into(), open(0, TEXT), shut(0)], false),
            (vec![START.into(), open(0, TEXT), text(0, "a")], false),
            (vec![START.into(), open(0, TEXT), text(0, "")], true),
            (vec![START.into(), open(0, THINKING), think(0, "")], false),
            (vec![START.into(), open(0, TOOL)], false),
            (vec![START.into(), open(0, r#"{"type":"container_upload","file_id":"f"}"#)], true),
            (
                vec![
                    START.into(),
                    open(0, r#"{"type":"container_upload","file_id":"f"}"#),
                    shut(0),
                ],
                false,
            ),
        ] {
            assert_eq!(failure(anthropic(), &sse(&events)).retry_safe(), safe, "{events:?}");
        }
    }

    #[test]
    fn a_message_without_its_terminator_is_there_whole() {
        let stream =
            sse([START, &open(0, TEXT), &text(0, "all of it"), &shut(0), &end("end_turn")]);
        let error = failure(anthropic(), &stream);
        assert!(matches!(error.kind(), ErrorKind::Unterminated { leftover: 0 }));
        assert_eq!(error.partial().message.text(), "all of it");
        assert_eq!(error.partial().message.stop_reason, Some(StopReason::EndTurn));
    }

    #[test]
    fn what_is_left_over_is_named_and_counts_only_on_request() {
        let stream = sse([
            START,
            &end("end_turn"),
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n",
        ]);
        let error = failure(anthropic(), &stream);
        assert!(matches!(error.kind(), ErrorKind::Unterminated { leftover: 50 }), "{error}");
        for end in ["", "\n", "\r", "\r\n"] {
            let stream = [stream.strip_suffix(b"\n").unwrap(), end.as_bytes()].concat();
            let (events, error) = everywhere("flush", &stream, || anthropic().flush_at_end(true));
            assert!(
                error.is_none() && matches!(events.last(), Some(Event::Complete(_))),
                "{end:?}"
            );
        }
        let half = sse([START, "event: message_stop\ndata: {\"type\":\"messa"]);
        // What lacks more than its last line end was cut, and nobody wrote it so.
        for decoder in [anthropic(), anthropic().flush_at_end(true)] {
            let error = failure(decoder, &half);
            assert!(matches!(error.kind(), ErrorKind::Incomplete { leftover: 40.. }), "{error}");
        }
    }

    /// However the last reply ended.
    #[test]
    fn what_was_set_outlasts_a_reset() {
        let limits = Limits { event_bytes: 400, ..Limits::default() };
        let unended = sse([
            START,
            &end("end_turn"),
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n",
        ]);
        let large = [b"data: ".to_vec(), [b'x'].repeat(401)].concat();
        for flush in [false, true] {
            for before in [&b""[..], b"data: {]\n\n", b"data: {", b"<html>", &large] {
                let after = |stream: &[u8]| {
                    let mut decoder = anthropic().flush_at_end(flush).limits(limits);
                    let mut input = Bytes::copy_from_slice(before);
                    while let Ok(Some(_)) = decoder.decode(&mut input) {}
                    while let Ok(Some(_)) = decoder.finish() {}
                    decoder.reset();
                    decode(decoder, [stream]).1.map(|error| error.kind().name().to_owned())
                };
                let expected = (!flush).then(|| "unterminated".to_owned());
                assert_eq!(after(&unended), expected, "{}", before.escape_ascii());
                assert_eq!(after(&large).as_deref(), Some("limit"), "{}", before.escape_ascii());
            }
        }
    }

    #[test]
    fn a_body_that_is_no_event_stream_says_what_it_is() {
        let page = "<html>\n<body>502 Bad Gateway</body>\n</html>\n".repeat(100);
        let (_, error) = everywhere("a page", page.as_bytes(), anthropic);
        let error = error.unwrap();
        let ErrorKind::NoEvents { excerpt } = error.kind() else { panic!("{error}") };
        assert_eq!(excerpt.as_str(), &page[..64]);
        assert_eq!(
            error.to_string(),
            format!("the body has no event but a page of markup (byte {})", page.len())
        );
        // Neither what the model wrote in a reply that is no stream.
        for (body, expected) in [
            (
                r#"{"content":[{"type":"text","text":"secret"}]}"#,
                "JSON: of another API, or `stream` was left out of the request",
            ),
            ("[\"secret\"]", "JSON: of another API, or `stream` was left out of the request"),
            ("secret", "text"),
            ("\u{e9}secret", "text"),
            ("\u{1}secret", "binary data"),
        ] {
            let (_, error) = everywhere("a body", body.as_bytes(), anthropic);
            let error = error.unwrap();
            assert_eq!(
                error.to_string(),
                format!("the body has no event but {expected} (byte {})", body.len())
            );
            let ErrorKind::NoEvents { excerpt } = error.kind() else { panic!("{error}") };
            assert_eq!(excerpt.as_str(), body);
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
        let body = r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"},"request_id":"req_9"}"#;
        let (_, error) = everywhere("an error of the API", body.as_bytes(), anthropic);
        let error = error.unwrap();
        let ErrorKind::Server(server) = error.kind() else { panic!("{error}") };
        assert_eq!(server.error_type, ServerErrorType::Authentication);
        assert!(!server.error_type.is_transient());
        assert_eq!(error.request_id().unwrap(), "req_9");
        for (body, kind) in [
            ("", "empty_stream"),
            (": hi\n\n", "empty_stream"),
            ("event: message_st", "incomplete"),
            ("event: message_start\ndata: {\"ty", "incomplete"),
            ("da", "incomplete"),
            ("{}\n", "no_events"),
            ("err", "no_events"),
            ("<html>\n</p>", "no_events"),
            ("bad\nnews", "no_events"),
            ("{\n  \"error\": {\n    \"message\": \"m\"\n  }\n}", "server"),
        ] {
            assert_eq!(failure(anthropic(), body.as_bytes()).kind().name(), kind, "{body:?}");
        }
    }

    #[test]
    fn an_event_is_out_at_the_byte_that_completes_it() {
        for end in ["\n\n", "\r\r", "\r\n\r\n", "\n\r"] {
            let events =
                [START.to_owned(), open(0, TEXT), text(0, "a"), think(0, "b"), text(0, "c")];
            let line = &end[..end.len() / 2];
            let stream = String::from_utf8(sse(&events)).unwrap();
            let stream = stream.replace("\n\n", "\0").replace('\n', line).replace('\0', end);
            for at in 1..stream.len() {
                let (before, _) = stream.split_at(at);
                let told = |parts: &[&str]| {
                    let mut decoder = anthropic();
                    let mut names = Vec::new();
                    for part in parts {
                        let mut chunk = Bytes::copy_from_slice(part.as_bytes());
                        while let Some(event) = decoder.decode(&mut chunk).unwrap() {
                            names.push(event.name());
                        }
                    }
                    names
                };
                let bytes: Vec<_> = before.split("").collect();
                assert_eq!(told(&[before]), told(&bytes), "{end:?} up to {at}");
            }
        }
    }

    #[test]
    fn what_follows_the_last_event_does_not_hold_it_back() {
        let end = r#"data: {"type":"message_stop"}"#;
        for tail in ["", "\n", "\nretry: 5", "\nid: 7", "\n: bye", "\nunknown"] {
            let stream =
                [sse([START]), format!("event: message_stop\n{end}{tail}").into_bytes()].concat();
            let (events, error) = everywhere(tail, &stream, || anthropic().flush_at_end(true));
            assert!(error.is_none(), "{tail:?}: {error:?}");
            assert!(matches!(events.last(), Some(Event::Complete(_))));
        }
        let stream = [sse([START]), b"event: ping\ndata".to_vec()].concat();
        let (_, error) = everywhere("no colon", &stream, || anthropic().flush_at_end(true));
        assert_eq!(error.unwrap().kind().name(), "incomplete");
    }

    #[test]
    fn an_error_is_given_again_and_what_came_before_it_first() {
        let stream = sse([START, &open(0, TEXT), &text(0, "a"), "data: {]\n\n", &text(0, "b")]);
        let mut decoder = anthropic();
        let mut input = Bytes::from(stream);
        let mut events = 0;
        let error = loop {
            match decoder.decode(&mut input) {
                Ok(event) => events += usize::from(event.is_some()),
                Err(error) => break error,
            }
        };
        assert_eq!(events, 2);
        for _ in 0..2 {
            assert_eq!(decoder.decode(&mut input).unwrap_err().to_string(), error.to_string());
            assert_eq!(decoder.finish().unwrap_err().to_string(), error.to_string());
        }
        assert_eq!(decoder.message().text(), "a");
        assert_eq!(decoder.usage().input_tokens, Some(10));
    }

    #[test]
    fn nothing_after_the_end_changes_it() {
        let stream = sse([START, &open(0, TEXT), &text(0, "a"), &shut(0), &end("end_turn"), STOP]);
        let late = sse([
            r#"{"type":"error","error":{"type":"api_error"}}"#,
            "data: [DONE]\n\n",
            START,
            &text(0, "b"),
            r#"{"type":"message_start","message":{"id":"msg_2"}}"#,
            "data: {\n\n",
            "data: \x7b",
            ": comment\n\n",
        ]);
        let mut decoder = anthropic().limits(Limits { event_bytes: 400, ..Limits::default() });
        let mut input = Bytes::from([stream, late, vec![b'x'; 1000]].concat());
        let mut events = Vec::new();
        while let Some(event) = decoder.decode(&mut input).unwrap() {
            events.push(event);
        }
        assert!(matches!(events.last(), Some(Event::Complete(_))));
        assert!(input.is_empty());
        assert_eq!(decoder.message().text(), "a");
        assert_eq!(decoder.finish().unwrap(), None);
    }
}

mod tools {
    use super::*;

    #[test]
    fn a_cut_reply_declares_its_calls_unsafe() {
        for (reason, safe) in [
            ("tool_use", true),
            ("end_turn", true),
            ("stop_sequence", true),
            ("pause_turn", true),
            ("invented", false),
            ("", false),
            ("max_tokens", false),
            ("refusal", false),
            ("model_context_window_exceeded", false),
        ] {
            let stream = sse([START, &open(0, TOOL), &json(0, "{}"), &shut(0), &end(reason), STOP]);
            let (events, _) = decode(anthropic(), [&stream[..]]);
            let Some(Event::Complete(done)) = events.last() else { panic!() };
            assert_eq!(done.tools_safe_to_run(), safe, "{reason}");
            assert_eq!(done.stop_reason().map_or("", |reason| reason.as_str()), reason);
        }
    }

    #[test]
    fn a_cut_call_is_never_handed_out() {
        let stream = sse([
            START,
            &open(0, TOOL),
            &json(0, "{\"path\":\"/\"}"),
            &shut(0),
            &end("tool_use"),
            STOP,
        ]);
        let stop = sse([START, &open(0, TOOL), &json(0, "{\"path\":\"/\"}"), &shut(0)]).len();
        for len in 0..stream.len() {
            let (events, _) = decode(anthropic(), [&stream[..len]]);
            let called = events.iter().any(|event| matches!(event, Event::ToolCall(_)));
            assert_eq!(called, len >= stop, "{len}");
        }
    }

    #[test]
    fn the_tools_of_the_provider_are_told_apart() {
        let message = message([
            START,
            &open(0, r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{}}"#),
            &shut(0),
            &open(1, TOOL),
            &shut(1),
            &open(
                2,
                r#"{"type":"mcp_tool_use","id":"m","name":"echo","server_name":"d","input":{}}"#,
            ),
            &shut(2),
            &end("tool_use"),
            STOP,
        ]);
        let kinds: Vec<_> = message.tool_calls().map(|tool| tool.kind.block_type()).collect();
        assert_eq!(kinds, ["server_tool_use", "tool_use", "mcp_tool_use"]);
    }
}

mod text {
    use super::*;

    #[test]
    fn no_cut_breaks_a_character() {
        let stream = sse([
            START,
            &open(0, TEXT),
            &super::text(0, "aé€😀\u{1F468}\u{200D}\u{1F469}"),
            &shut(0),
            &end("end_turn"),
            STOP,
        ]);
        let (events, _) = everywhere("characters", &stream, anthropic);
        let Some(Event::Complete(done)) = events.last() else { panic!() };
        assert_eq!(done.message.text(), "aé€😀\u{1F468}\u{200D}\u{1F469}");
    }

    #[test]
    fn invalid_utf8_is_an_error_with_its_place_unless_it_may_be_replaced() {
        let head = sse([START, &open(0, TEXT)]);
        let frame = b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\xffb\"}}\n\n";
        let tail = sse([&shut(0), &end("end_turn"), STOP]);
        let stream = [&head[..], frame, &tail].concat();
        let at = stream.iter().position(|byte| *byte == 0xff).unwrap();
        let (_, error) = everywhere("invalid", &stream, anthropic);
        let error = error.unwrap();
        assert_eq!(error.offset(), at as u64);
        assert_eq!(
            error.to_string(),
            format!("malformed `content_block_delta`: not UTF-8 (byte {at})")
        );
        let (events, error) = everywhere("lossy", &stream, || anthropic().lossy(true));
        assert!(error.is_none());
        assert!(
            events
                .iter()
                .any(|event| matches!(event, Event::Token(token) if token.text == "a\u{fffd}b"))
        );
    }

    #[test]
    fn a_call_whose_id_is_no_text_is_no_call() {
        for (bad, good) in [(&b"\xff"[..], "\u{fffd}"), (b"\xc3", "\u{fffd}")] {
            let block = |id: &[u8]| {
                let (before, behind) =
                    ("{\"type\":\"tool_use\",\"id\":\"t", "\",\"name\":\"n\",\"input\":{}}");
                let frame = (
                    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":",
                    "}\n\n",
                );
                [frame.0.as_bytes(), before.as_bytes(), id, behind.as_bytes(), frame.1.as_bytes()]
                    .concat()
            };
            let tail = sse([&shut(0), &end("tool_use"), STOP]);
            let stream = [&sse([START])[..], &block(bad), &tail].concat();
            let at = stream.windows(bad.len()).position(|bytes| bytes == bad).unwrap();
            let (_, error) = everywhere("invalid", &stream, anthropic);
            let error = error.unwrap();
            assert_eq!(error.offset(), at as u64);
            assert!(error.to_string().contains("not UTF-8"), "{error}");
            let (events, error) = everywhere("lossy", &stream, || anthropic().lossy(true));
            assert!(error.is_none());
            let id = format!("t{good}");
            assert!(
                events.iter().any(|event| matches!(event, Event::ToolCall(call) if call.id == *id))
            );
        }
    }

    #[test]
    fn a_flaw_is_named_with_its_byte_however_the_frame_is_cut() {
        let stream = sse([
            START,
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":x}\n\n",
        ]);
        let at = stream.iter().rposition(|byte| *byte == b'x').unwrap() as u64;
        assert_eq!(everywhere("one line", &stream, anthropic).1.unwrap().offset(), at);
        let stream = sse([START, "event: error\nevent: message_stop\ndata\n\n", PING]);
        let data = sse([START]).len() as u64 + 37;
        assert_eq!(everywhere("no line", &stream, anthropic).1.unwrap().offset(), data);
        let stream = sse([START, "data: {\"type\":\"ping\",\r\ndata:]\r\n\r\n"]);
        let data = sse([START]).len() as u64 + 6;
        assert_eq!(everywhere("two lines", &stream, anthropic).1.unwrap().offset(), data);
    }

    #[test]
    fn every_line_grammar_carries_the_same_reply() {
        let events = [
            START.to_owned(),
            open(0, TEXT),
            super::text(0, "a\u{2028}b\u{85}"),
            shut(0),
            end("end_turn"),
            STOP.to_owned(),
        ];
        let lf = String::from_utf8(sse(&events)).unwrap();
        let plain = log(&decode(anthropic(), [lf.as_bytes()]));
        for (name, stream) in [
            ("crlf", lf.replace('\n', "\r\n")),
            ("cr", lf.replace('\n', "\r")),
            ("byte order mark", format!("\u{feff}{lf}")),
            ("no space", lf.replace("data: ", "data:")),
            ("ids", lf.replace("event: ", "id: 1\nevent: ")),
            (
                "event after data",
                events
                    .iter()
                    .map(|event| {
                        format!("data: {event}\nevent: {}\n\n", event.split('"').nth(3).unwrap())
                    })
                    .collect(),
            ),
            ("several lines", lf.replace(r#","index""#, ",\ndata:\"index\"")),
        ] {
            let result = everywhere(name, stream.as_bytes(), anthropic);
            assert_eq!(log(&result), plain, "{name}");
        }
    }

    #[test]
    fn white_space_that_is_thought_is_handed_out() {
        let stream =
            sse([START, &open(0, THINKING), &think(0, "\n\n"), &think(0, " "), &think(0, "")]);
        let (events, _) = decode(anthropic(), [&stream[..]]);
        let thought: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::Thinking(thinking) => Some(thinking.text.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(thought, ["\n\n", " ", ""]);
    }

    #[test]
    fn a_long_text_is_a_slice_of_its_chunk() {
        let words = "more than thirty-two bytes, in one piece";
        let item = r#"{"type":"message","id":"msg_1","role":"assistant","content":[]}"#;
        for (mut decoder, stream) in [
            (anthropic(), sse([START, &open(0, TEXT), &super::text(0, words)])),
            (
                responses(),
                sse([
                    &*format!(r#"{{"type":"response.output_item.added","output_index":0,"item":{item}}}"#),
                    &format!(r#"{{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"{words}"}}"#),
                ]),
            ),
            (
                chat(),
                format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{words}\"}}}}]}}\n\n").into(),
            ),
        ] {
            let protocol = decoder.protocol();
            let chunk = Bytes::from(stream);
            let mut input = chunk.clone();
            let mut long = None;
            while let Some(event) = decoder.decode(&mut input).unwrap() {
                if let Event::Token(token) = event {
                    long = Some(token.text);
                }
            }
            let long = long.unwrap();
            assert_eq!(long, words, "{protocol}");
            assert!(chunk.as_ptr_range().contains(&long.as_bytes().as_ptr()), "{protocol}");
        }
    }
}

mod usage {
    use super::*;

    fn usage(events: &[&str]) -> thinkstream::Usage {
        let stream = sse(events);
        let (_, _) = decode(anthropic(), [&stream[..]]);
        message(events).usage
    }

    #[test]
    fn totals_are_replaced_field_by_field_and_never_added() {
        let usage = usage(&[
            r#"{"type":"message_start","message":{"usage":{"input_tokens":10,"cache_read_input_tokens":1000,"cache_creation_input_tokens":500,"cache_creation":{"ephemeral_5m_input_tokens":200,"ephemeral_1h_input_tokens":300},"output_tokens":1,"service_tier":"standard","inference_geo":"eu"}}}"#,
            r#"{"type":"message_delta","delta":{},"usage":{"output_tokens":5,"input_tokens":null}}"#,
            r#"{"type":"message_delta","delta":{},"usage":{"output_tokens":42,"output_tokens_details":{"thinking_tokens":30},"server_tool_use":{"web_search_requests":1},"iterations":[]}}"#,
            STOP,
        ]);
        assert_eq!(usage.input_tokens, Some(10));
        assert_eq!(usage.output_tokens, Some(42));
        assert_eq!(usage.cache_read_input_tokens, Some(1000));
        assert_eq!(usage.cache_creation.ephemeral_5m_input_tokens, Some(200));
        assert_eq!(usage.cache_creation.ephemeral_1h_input_tokens, Some(300));
        assert_eq!(usage.thinking_tokens, Some(30));
        assert_eq!(usage.total_input_tokens(), Some(1510));
        assert_eq!(
            serde_json::to_string(&usage).unwrap(),
            r#"{"input_tokens":10,"output_tokens":42,"cache_read_input_tokens":1000,"cache_creation_input_tokens":500,"thinking_tokens":30,"cache_creation":{"ephemeral_5m_input_tokens":200,"ephemeral_1h_input_tokens":300},"service_tier":"standard","inference_geo":"eu","server_tool_use":{"web_search_requests":1},"iterations":[]}"#
        );
    }

    #[test]
    fn parts_of_a_count_that_are_not_known_are_kept() {
        let usage = usage(&[
            r#"{"type":"message_start","message":{"usage":{"input_tokens":10,"cache_creation":{"ephemeral_5m_input_tokens":2,"ephemeral_24h_input_tokens":7}}}}"#,
            r#"{"type":"message_delta","delta":{},"usage":{"output_tokens":12,"output_tokens_details":{"thinking_tokens":3,"audio_tokens":9}}}"#,
            STOP,
        ]);
        assert_eq!(usage.cache_creation.ephemeral_5m_input_tokens, Some(2));
        assert_eq!(usage.thinking_tokens, Some(3));
        let other: Vec<_> = usage.other.iter().map(|(key, raw)| format!("{key} {raw}")).collect();
        assert_eq!(
            other,
            [
                r#"cache_creation {"ephemeral_5m_input_tokens":2,"ephemeral_24h_input_tokens":7}"#,
                r#"output_tokens_details {"thinking_tokens":3,"audio_tokens":9}"#,
            ]
        );
        let stored = serde_json::to_string(&usage).unwrap();
        assert_eq!(serde_json::from_str::<thinkstream::Usage>(&stored).unwrap(), usage, "{stored}");
    }

    #[test]
    fn a_later_total_counts_though_it_is_lower_or_the_first_was_zero() {
        let usage = usage(&[
            r#"{"type":"message_start","message":{"usage":{"input_tokens":60385,"output_tokens":0,"cache_read_input_tokens":0}}}"#,
            r#"{"type":"message_delta","delta":{},"usage":{"input_tokens":612,"output_tokens":3,"cache_read_input_tokens":9}}"#,
            STOP,
        ]);
        assert_eq!(
            (usage.input_tokens, usage.output_tokens, usage.cache_read_input_tokens),
            (Some(612), Some(3), Some(9))
        );
    }

    #[test]
    fn absent_is_not_zero() {
        let usage = usage(&[r#"{"type":"message_start","message":{}}"#, STOP]);
        assert_eq!(usage, thinkstream::Usage::default());
        assert_eq!(usage.input_tokens, None);
        assert_eq!(serde_json::to_string(&usage).unwrap(), "{}");
    }

    #[test]
    fn the_usage_is_known_after_any_byte() {
        let stream = sse([START, &open(0, TEXT), &end("end_turn"), STOP]);
        let (start, delta) =
            (sse([START]).len(), sse([START, &open(0, TEXT), &end("end_turn")]).len());
        let mut decoder = anthropic();
        for (at, byte) in stream.chunks(1).enumerate() {
            let mut byte = Bytes::copy_from_slice(byte);
            while decoder.decode(&mut byte).unwrap().is_some() {}
            let expected = if at + 1 >= delta {
                Some(7)
            } else if at + 1 >= start {
                Some(1)
            } else {
                None
            };
            assert_eq!(decoder.usage().output_tokens, expected, "{at}");
        }
        assert!(decoder.is_complete());
    }
}

mod stop_reasons {
    use super::*;

    #[test]
    fn each_is_typed_and_raw() {
        for (raw, reason) in [
            ("end_turn", StopReason::EndTurn),
            ("max_tokens", StopReason::MaxTokens),
            ("stop_sequence", StopReason::StopSequence),
            ("tool_use", StopReason::ToolUse),
            ("pause_turn", StopReason::PauseTurn),
            ("refusal", StopReason::Refusal),
            ("model_context_window_exceeded", StopReason::ModelContextWindowExceeded),
            ("compaction", StopReason::Compaction),
            ("invented", StopReason::Other("invented".into())),
        ] {
            let message = message([START, &end(raw), STOP]);
            assert_eq!(message.stop_reason.as_ref().unwrap().as_str(), raw);
            assert_eq!(message.stop_reason, Some(reason));
        }
    }

    #[test]
    fn none_is_made_up_and_none_is_lost() {
        assert_eq!(message([START, STOP]).stop_reason, None);
        assert_eq!(message([START, &end(""), STOP]).stop_reason, None);
        let later = r#"{"type":"message_delta","delta":{"stop_reason":null},"usage":{}}"#;
        assert_eq!(
            message([START, &end("refusal"), later, STOP]).stop_reason,
            Some(StopReason::Refusal)
        );
    }

    #[test]
    fn sequence_and_details_come_along() {
        let delta = r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_sequence":"\nX","stop_details":{"type":"refusal","category":null}},"context_management":{"applied_edits":[]}}"#;
        let message = message([START, delta, STOP]);
        assert_eq!(message.stop_sequence.as_deref(), Some("\nX"));
        assert_eq!(message.stop_details.as_deref(), Some(r#"{"type":"refusal","category":null}"#));
        assert_eq!(
            message.other,
            [(
                "context_management".into(),
                thinkstream::Json::parse(r#"{"applied_edits":[]}"#).unwrap()
            )]
        );
    }
}

mod typed_views {
    use super::*;

    #[test]
    fn what_is_kept_raw_can_be_read() {
        let start = r#"{"type":"message_start","message":{"container":{"id":"container_1","expires_at":"2026-01-01T00:00:00Z","skills":null},"input_transformations":[{"type":"thinking_dropped","path":"messages.3.content.0","reason":"model_binding_mismatch"}]}}"#;
        let delta = r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"type":"refusal","category":"bio","explanation":"e","recommended_model":"m"}},"usage":{"server_tool_use":{"web_search_requests":2},"iterations":[{"type":"compaction","input_tokens":60385,"output_tokens":522},{"type":"message","model":"m","input_tokens":612,"cache_creation":{"ephemeral_1h_input_tokens":5}}]}}"#;
        let message = message([start, delta, STOP]);
        assert_eq!(message.container().unwrap().id, "container_1");
        assert_eq!(
            message.input_transformations().unwrap()[0].reason.as_deref(),
            Some("model_binding_mismatch")
        );
        let details = message.stop_details().unwrap();
        assert_eq!(
            (details.category.as_deref(), details.recommended_model.as_deref()),
            (Some("bio"), Some("m"))
        );
        assert_eq!(message.usage.server_tool_requests().unwrap().web_search_requests, Some(2));
        let iterations = message.usage.iterations().unwrap();
        assert_eq!(
            (iterations[0].kind.as_str(), iterations[0].output_tokens),
            ("compaction", Some(522))
        );
        assert_eq!(iterations[1].cache_creation.unwrap().ephemeral_1h_input_tokens, Some(5));
        assert_eq!(super::message([START, STOP]).container(), None);
    }

    #[test]
    fn citations_say_where_they_point() {
        use thinkstream::CitationLocation;
        let cited = |citation: &str| {
            let delta = delta(0, &format!(r#"{{"type":"citations_delta","citation":{citation}}}"#));
            let message = message([START, &open(0, TEXT), &delta, &shut(0), STOP]);
            let Content::Text(text) = &message.content[0].content else { panic!() };
            text.citations[0].clone()
        };
        let citation = cited(
            r#"{"type":"char_location","cited_text":"Grass","document_index":1,"document_title":null,"start_char_index":2,"end_char_index":7,"file_id":null}"#,
        );
        assert_eq!(citation.cited_text().as_deref(), Some("Grass"));
        let expected = CitationLocation::CharLocation {
            document_index: 1,
            document_title: None,
            start_char_index: 2,
            end_char_index: 7,
        };
        assert_eq!(citation.location(), Some(expected));
        let citation = cited(r#"{"type":"moon_location","crater":3}"#);
        assert_eq!(
            (citation.location(), citation.cited_text()),
            (Some(CitationLocation::Unknown), None)
        );
    }
}

mod strictness {
    use super::*;

    #[test]
    fn every_warning_is_an_error_in_strict_mode() {
        let twice = [START, START, STOP];
        let streams: &[(&str, Vec<String>)] = &[
            ("event_name", vec![format!("data: {START}\n\n")]),
            (
                "event_name",
                vec![START.into(), open(0, TEXT), format!("data: {}\n\n", text(0, "a"))],
            ),
            ("missing_message_start", vec![open(0, TEXT)]),
            ("repeated_message_start", twice.map(str::to_owned).to_vec()),
            ("repeated_block_start", vec![START.into(), open(0, TEXT), open(0, TEXT)]),
            ("reused_index", vec![START.into(), open(0, TEXT), shut(0), open(0, TEXT)]),
            (
                "missing_index",
                vec![START.into(), open(0, TEXT), r#"{"type":"content_block_stop"}"#.into()],
            ),
            ("missing_block_stop", vec![START.into(), open(0, TEXT), end("end_turn"), STOP.into()]),
            ("unknown_block", vec![START.into(), text(0, "a")]),
            ("closed_block", vec![START.into(), open(0, TEXT), shut(0), text(0, "a")]),
            ("wrong_delta", vec![START.into(), open(0, TEXT), think(0, "a")]),
            (
                "merged_delta",
                vec![
                    START.into(),
                    open(0, THINKING),
                    delta(0, r#"{"type":"thinking_delta","thinking":"a","signature":"S"}"#),
                ],
            ),
            ("late_signature", vec![START.into(), open(0, THINKING), shut(0), sign(0, "S")]),
            (
                "repeated_text",
                vec![START.into(), open(0, r#"{"type":"text","text":"a"}"#), text(0, "a")],
            ),
            (
                "missing_field",
                vec![START.into(), open(0, TEXT), delta(0, r#"{"type":"text_delta"}"#)],
            ),
            (
                "bad_count",
                vec![r#"{"type":"message_start","message":{"usage":{"input_tokens":-1}}}"#.into()],
            ),
            ("done_for_stop", vec![START.into(), end("end_turn"), "data: [DONE]\n\n".into()]),
        ];
        for (rule, events) in streams {
            let stream = sse(events);
            let (tolerated, _) = everywhere(rule, &stream, anthropic);
            let warned = tolerated
                .iter()
                .any(|event| matches!(event, Event::Warning(w) if w.rule.name() == *rule));
            assert!(warned, "no warning {rule}");
            let (strict, error) = everywhere(rule, &stream, || anthropic().strict(true));
            let error = error.unwrap_or_else(|| panic!("{rule} passes"));
            assert!(
                matches!(error.kind(), ErrorKind::Protocol { rule: broken, .. } if broken.name() == *rule),
                "{rule}: {error}"
            );
            assert!(!strict.iter().any(|event| matches!(event, Event::Warning(_))));
        }
    }

    #[test]
    fn what_fails_strictly_is_not_complete() {
        for last in [STOP, "data: [DONE]\n\n"] {
            let stream = sse([START, &open(0, TEXT), &text(0, "a"), &end("end_turn"), last]);
            let mut decoder = anthropic().strict(true);
            let mut input = Bytes::from(stream);
            let error = loop {
                match decoder.decode(&mut input) {
                    Ok(event) => assert!(event.is_some(), "{last} passes"),
                    Err(error) => break error,
                }
            };
            assert!(!decoder.is_complete() && !decoder.message().complete);
            assert!(!error.partial().message.complete);
        }
    }

    #[test]
    fn what_is_dropped_is_handed_out_with_its_warning() {
        let lost = think(0, "lost");
        let stream = sse([START, &open(0, TEXT), &lost]);
        let (events, _) = decode(anthropic(), [&stream[..]]);
        let Some(Event::Warning(warning)) = events.last() else { panic!() };
        assert_eq!(warning.dropped.as_deref(), Some(lost.as_str()));
        assert_eq!(warning.index, Some(0));
        assert_eq!(&stream[warning.offset as usize..][..8], b"{\"type\":");
    }
}

mod limits {
    use super::*;

    #[test]
    fn the_id_of_a_frame_counts_however_it_is_cut() {
        let frame = delta(0, &format!(r#"{{"type":"text_delta","text":"{}"}}"#, "x".repeat(100)));
        let id = format!("id: {}\n", "i".repeat(150));
        let stream = [sse([START, &open(0, TEXT)]), id.into(), sse([&frame])].concat();
        let limits = Limits { event_bytes: 300, ..Limits::default() };
        let (_, error) = everywhere("id", &stream, || anthropic().limits(limits));
        assert_eq!(error.unwrap().kind().name(), "limit");
    }

    #[test]
    fn a_limit_is_noticed_at_the_byte_that_passes_it() {
        let long = delta(0, &format!(r#"{{"type":"text_delta","text":"{}"#, "x".repeat(300)));
        let limits = Limits { event_bytes: 350, ..Limits::default() };
        let mut decoder = anthropic().limits(limits);
        let head = "event: content_block_delta\ndata: ";
        let stream = [sse([START, &open(0, TEXT)]), head.into(), long.into_bytes()].concat();
        let mut chunk = Bytes::from(stream);
        let error = loop {
            match decoder.decode(&mut chunk) {
                Ok(Some(_)) => {}
                Ok(None) => panic!("{} bytes are kept", decoder.offset()),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind().name(), "limit");
    }

    #[test]
    fn a_delta_of_one_byte_too_many_is_refused_however_it_is_cut() {
        let long = text(0, &"x".repeat(300));
        let stream = sse([START, &open(0, TEXT), &long, &shut(0), &end("end_turn"), STOP]);
        let fields = "content_block_delta".len() + long.len();
        for (event_bytes, expected) in [(fields, None), (fields - 1, Some("limit"))] {
            let limits = Limits { event_bytes, ..Limits::default() };
            let (_, error) = everywhere("long", &stream, || anthropic().limits(limits));
            let name = error.as_ref().map(|error| error.kind().name());
            assert_eq!(name, expected, "{event_bytes}");
        }
    }

    #[test]
    fn one_byte_over_is_a_named_error_and_the_message_stays() {
        let stream = sse([
            START,
            &open(0, TEXT),
            &text(0, "12345"),
            &shut(0),
            &open(1, TOOL),
            &json(1, "{\"a\":12}"),
        ]);
        let largest = sse([START]).len() - "event: \ndata: \n\n".len();
        // The names, what the blocks begin with, five bytes of text and eight of input.
        let names = "msg_1".len() + "claude-test".len() + "assistant".len();
        let held = names + TEXT.len() + TOOL.len() + 5 + 8;
        let defaults = Limits::default();
        for (limit, exact, kind, kept) in [
            (
                Limits { event_bytes: largest, ..defaults },
                Limits { event_bytes: largest - 1, ..defaults },
                LimitKind::EventBytes,
                "",
            ),
            (
                Limits { message_bytes: held, ..defaults },
                Limits { message_bytes: held - 1, ..defaults },
                LimitKind::MessageBytes,
                "12345",
            ),
            (
                Limits { tool_input_bytes: 8, ..defaults },
                Limits { tool_input_bytes: 7, ..defaults },
                LimitKind::ToolInputBytes,
                "12345",
            ),
            (
                Limits { blocks: 2, ..defaults },
                Limits { blocks: 1, ..defaults },
                LimitKind::Blocks,
                "12345",
            ),
        ] {
            let (_, error) = everywhere("at the limit", &stream, || anthropic().limits(limit));
            assert_eq!(error.unwrap().kind().name(), "incomplete", "{kind}");
            let (_, error) = everywhere("over the limit", &stream, || anthropic().limits(exact));
            let error = error.unwrap();
            assert!(
                matches!(error.kind(), ErrorKind::Limit { limit, .. } if *limit == kind),
                "{kind}: {error}"
            );
            assert_eq!(error.partial().message.text(), kept, "{kind}");
        }
    }

    #[test]
    fn what_a_block_begins_with_may_fill_the_message_to_its_last_byte() {
        let stream = sse([START, &open(0, TEXT)]);
        let held = "msg_1".len() + "claude-test".len() + "assistant".len() + TEXT.len();
        for (message_bytes, kind) in [(held, "incomplete"), (held - 1, "limit")] {
            let limits = Limits { message_bytes, ..Limits::default() };
            assert_eq!(failure(anthropic().limits(limits), &stream).kind().name(), kind);
        }
    }

    #[test]
    fn nothing_that_is_held_goes_uncounted() {
        let long = "x".repeat(1000);
        let streams = [
            vec![open(0, &format!(r#"{{"type":"tool_use","id":"{long}","name":"n"}}"#))],
            vec![open(
                0,
                &format!(r#"{{"type":"tool_use","id":"i","name":"n","caller":"{long}"}}"#),
            )],
            vec![open(0, THINKING), shut(0), sign(0, &long)],
            vec![
                open(0, TEXT),
                delta(0, &format!(r#"{{"type":"citations_delta","citation":"{long}"}}"#)),
            ],
            vec![
                open(0, r#"{"type":"compaction","content":null}"#),
                delta(0, &format!(r#"{{"type":"compaction_delta","content":"{long}"}}"#)),
            ],
            vec![format!(r#"{{"type":"message_delta","delta":{{"stop_sequence":"{long}"}}}}"#)],
            vec![format!(
                r#"{{"type":"message_delta","delta":{{}},"usage":{{"iterations":"{long}"}}}}"#
            )],
        ];
        let limits = Limits { message_bytes: 500, ..Limits::default() };
        for events in streams {
            let stream = sse([START.to_owned()].into_iter().chain(events.clone()));
            assert_eq!(
                failure(anthropic().limits(limits), &stream).kind().name(),
                "limit",
                "{events:?}"
            );
        }
        let start = format!(r#"{{"type":"message_start","message":{{"model":"{long}"}}}}"#);
        assert_eq!(failure(anthropic().limits(limits), &sse([start])).kind().name(), "limit");
        // What is only looked at is held until its block ends, and not longer.
        let tap = || anthropic().accumulate(false).limits(limits);
        let signed = sse([START.to_owned(), open(0, THINKING), sign(0, &long)]);
        assert_eq!(failure(tap(), &signed).kind().name(), "limit");
        let blocks = (0..100).flat_map(|n| [open(n, TEXT), text(n, "text"), shut(n)]);
        let stream = sse([START.to_owned()].into_iter().chain(blocks).chain([STOP.to_owned()]));
        assert!(decode(tap(), [&stream[..]]).1.is_none());
        let taken_over = (0..100).map(|n| open(0, if n % 2 == 0 { TEXT } else { TOOL }));
        let stream = sse([START.to_owned()].into_iter().chain(taken_over).chain([STOP.to_owned()]));
        assert!(decode(tap(), [&stream[..]]).1.is_none());
        assert_eq!(failure(anthropic().limits(limits), &stream).kind().name(), "limit");
        let whole = open(
            0,
            &format!(r#"{{"type":"tool_use","id":"i","name":"n","input":{{"a":"{long}"}}}}"#),
        );
        let limits = Limits { tool_input_bytes: 500, ..Limits::default() };
        assert_eq!(
            failure(anthropic().limits(limits), &sse([START, &whole])).kind().name(),
            "limit"
        );
    }

    #[test]
    fn what_is_replaced_is_not_counted_twice() {
        let delta = r#"{"type":"message_delta","delta":{},"usage":{"output_tokens":1,"new":"0123456789"},"more":"0123456789"}"#;
        let stream = sse([START].into_iter().chain([delta; 100]).chain([STOP]));
        let limits = Limits { message_bytes: 100, ..Limits::default() };
        let (_, error) = decode(anthropic().limits(limits), [&stream[..]]);
        assert!(error.is_none(), "{error:?}");
        let limits = Limits { message_bytes: 20, ..Limits::default() };
        assert_eq!(failure(anthropic().limits(limits), &stream).kind().name(), "limit");
    }

    #[test]
    fn a_sender_who_invents_keys_and_blocks_is_not_followed() {
        let keys: String = (0..10_000).map(|n| format!(r#""k{n}":{n},"#)).collect();
        let start = format!(
            r#"{{"type":"message_start","message":{{{keys}"usage":{{{keys}"output_tokens":1}}}}}}"#
        );
        let message = message([start.as_str(), STOP]);
        assert!(message.other.len() < 100 && message.usage.other.len() < 100);
        assert_eq!(message.usage.output_tokens, Some(1));
        let blocks = vec![TEXT; 10_000].join(",");
        let start = format!(r#"{{"type":"message_start","message":{{"content":[{blocks}]}}}}"#);
        assert_eq!(failure(anthropic(), &sse([&start])).kind().name(), "limit");
    }

    #[test]
    fn an_index_costs_nothing() {
        let stream = sse([
            START,
            &open(u32::MAX, TEXT),
            &text(u32::MAX, "a"),
            &shut(u32::MAX),
            &end("end_turn"),
            STOP,
        ]);
        let (events, error) = decode(anthropic(), [&stream[..]]);
        assert!(error.is_none());
        let Some(Event::Complete(done)) = events.last() else { panic!() };
        assert_eq!(done.message.content.len(), 1);
    }
}

mod looking_on {
    use super::*;

    #[test]
    fn without_accumulation_the_pieces_are_the_same_and_nothing_is_kept() {
        let stream = sse([
            START,
            &open(0, r#"{"type":"thinking","thinking":""}"#),
            &think(0, "a"),
            &shut(0),
            &sign(0, "S"),
            &open(1, TEXT),
            &text(1, "b\u{e9}"),
            &shut(1),
            &open(2, TOOL),
            &json(2, "{}"),
            &shut(2),
            &end("tool_use"),
            STOP,
        ]);
        let kept = everywhere("kept", &stream, anthropic);
        let tapped = everywhere("tapped", &stream, || anthropic().accumulate(false));
        let pieces = |log: Vec<String>| -> Vec<String> {
            log.into_iter()
                .filter(|line| !line.starts_with("block ") && !line.starts_with("tool_call "))
                .collect()
        };
        assert_eq!(log(&tapped), pieces(log(&kept)));
        let Some(Event::Complete(done)) = tapped.0.last() else { panic!() };
        assert!(done.message.content.is_empty());
        assert_eq!(done.usage().output_tokens, Some(7));
        assert_eq!(done.stop_reason(), Some(&StopReason::ToolUse));
    }

    #[test]
    fn without_accumulation_the_message_has_no_blocks_before_its_end_either() {
        let stream = sse([START, &open(0, TEXT), &text(0, "a")]);
        let mut decoder = anthropic().accumulate(false);
        let mut input = Bytes::from(stream);
        while decoder.decode(&mut input).unwrap().is_some() {}
        assert!(decoder.message().content.is_empty());
    }
}

mod adapters {
    use super::*;

    /// Gives what it has, then fails.
    struct Broken<'a>(&'a [u8]);

    impl Read for Broken<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(std::io::Error::other("connection reset")),
                len => Ok(len),
            }
        }
    }

    #[test]
    fn a_failing_transport_is_an_error_with_its_cause_and_the_partial_message() {
        let head = sse([START, &open(0, TEXT), &text(0, "Hi")]);
        let by_reader: Vec<_> =
            EventReader::new(Broken(&head), anthropic().request_id("req_1")).collect();
        let chunks = stream::iter([Ok(head.clone()), Err("connection reset")]);
        let by_stream: Vec<_> = EventStream::new(chunks, anthropic().request_id("req_1"))
            .collect()
            .now_or_never()
            .unwrap();
        for mut results in [by_reader, by_stream] {
            let error = results.pop().unwrap().unwrap_err();
            assert_eq!(results.len(), 2);
            assert!(results.iter().all(Result::is_ok));
            assert!(matches!(error.kind(), ErrorKind::Transport(_)));
            assert_eq!(error.partial().message.text(), "Hi");
            assert_eq!(
                error.to_string(),
                format!(
                    "the transport failed: connection reset (byte {}, request req_1)",
                    head.len()
                )
            );
            assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "connection reset");
        }
    }

    #[test]
    fn an_adapter_ends_with_the_reply_and_not_with_the_connection() {
        let reply = sse([START, &end("end_turn"), STOP]);
        let chunks =
            stream::iter([Ok::<_, std::io::Error>(reply.clone())]).chain(stream::pending());
        let mut events = Box::pin(EventStream::new(chunks, anthropic()));
        let mut seen = Vec::new();
        while let Some(event) =
            events.next().now_or_never().expect("the stream waits for the connection")
        {
            seen.push(event.unwrap());
        }
        assert!(matches!(seen.last(), Some(Event::Complete(_))));
        assert!(futures_util::stream::FusedStream::is_terminated(&*events));

        let mut events = EventReader::new(Broken(&reply), anthropic());
        assert!(events.by_ref().all(|event| event.is_ok()));
        assert!(events.next().is_none());
    }

    #[test]
    fn dropped_between_two_polls_nothing_that_was_yielded_is_lost() {
        let reply = sse([START, &open(0, TEXT), &text(0, "a"), &text(0, "b")]);
        let mut reader = EventReader::new(&reply[..], anthropic());
        let yielded: Vec<_> = reader.by_ref().take(2).map(Result::unwrap).collect();
        assert_eq!(yielded.len(), 2);
        let (_, decoder) = reader.into_parts();
        assert_eq!(decoder.message().text(), "a");
        assert_eq!(decoder.usage().input_tokens, Some(10));

        let chunks = stream::iter([Ok::<_, std::io::Error>(reply)]).chain(stream::pending());
        let mut events = Box::pin(EventStream::new(chunks, anthropic()));
        for _ in 0..2 {
            events.next().now_or_never().unwrap().unwrap().unwrap();
        }
        assert_eq!(events.decoder().message().text(), "a");
    }

    #[test]
    fn a_framed_reader_that_fails_does_not_call_a_retry_safe() {
        let head = sse([START, &open(0, TEXT), &text(0, "Hi")]);
        let chunks = stream::iter([Ok(Bytes::from(head)), Err(std::io::Error::other("reset"))]);
        let reader = tokio_util::io::StreamReader::new(chunks);
        let codec = thinkstream::EventCodec::new(anthropic());
        let mut framed = tokio_util::codec::FramedRead::new(reader, codec);
        let mut results = Vec::new();
        while let Some(Some(result)) = framed.next().now_or_never() {
            results.push(result);
        }
        let error = results.pop().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "the transport failed: reset");
        assert!(results.len() == 2 && !error.retry_safe());
        assert_eq!(framed.decoder().decoder().message().text(), "Hi");
    }

    /// Is pending before each chunk, as a network is.
    struct Hesitant<S>(S, bool);

    impl<S: futures_util::Stream + Unpin> futures_util::Stream for Hesitant<S> {
        type Item = S::Item;

        fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
            self.1 = !self.1;
            if self.1 {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.0.poll_next_unpin(context)
        }
    }

    #[test]
    fn waiting_changes_nothing() {
        let reply = sse([START, &open(0, TEXT), &text(0, "a"), &shut(0), &end("end_turn"), STOP]);
        let chunks: Vec<_> =
            reply.chunks(5).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect();
        let mut events = EventStream::new(Hesitant(stream::iter(chunks), false), anthropic());
        let mut seen = Vec::new();
        let mut waits = 0;
        loop {
            match events.next().now_or_never() {
                Some(Some(event)) => seen.push(untimed(event.unwrap())),
                Some(None) => break,
                None => waits += 1,
            }
        }
        assert!(waits > 50);
        assert_eq!(seen, decode(anthropic(), [&reply[..]]).0);
    }
}

mod other_protocols {
    use super::*;
    use thinkstream::Protocol;

    const STREAMS: [(Protocol, &str); 3] = [
        (
            Protocol::Anthropic,
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n\
             event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        ),
        (
            Protocol::OpenAiResponses,
            "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}\n\n\
             event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"status\":\"completed\"}}\n\n",
        ),
        (
            Protocol::OpenAiChat,
            "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n\
             data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        ),
    ];

    /// A stream of which nothing is known would be no better if it were asked for again.
    #[test]
    fn a_stream_that_nobody_knows_is_not_a_cut_one() {
        let gemini =
            b"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}]}}]}\r\n\r\n\
                       data: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\r\n\r\n";
        let later = b"event: later\ndata: {\"a\":1}\n\ndata: {\"type\":\"later\"}\n\n";
        for protocol in [Protocol::Anthropic, Protocol::OpenAiChat, Protocol::OpenAiResponses] {
            for (stream, name, transient) in
                [(&gemini[..], "no_events", false), (&later[..], "incomplete", true)]
            {
                for size in [1, 7, stream.len()] {
                    let error = decode(Decoder::new(protocol), stream.chunks(size)).1.unwrap();
                    assert_eq!(error.kind().name(), name, "{protocol} {error}");
                    assert_eq!(error.is_transient(), transient, "{protocol}");
                }
            }
        }
    }

    #[test]
    fn a_server_that_says_whether_to_try_again_is_believed() {
        let stream = |kind: &str| {
            format!(
                "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"{kind}\"}}}}\n\n"
            )
        };
        for (kind, said, expected) in [
            ("rate_limit_error", None, true),
            ("rate_limit_error", Some("true"), true),
            ("rate_limit_error", Some("false"), false),
            ("rate_limit_error", Some("perhaps"), true),
            ("invalid_request_error", None, false),
            ("invalid_request_error", Some("true"), true),
            ("invalid_request_error", Some("false"), false),
        ] {
            let headers = said.map(|said| ("X-Should-Retry", said));
            let decoder = anthropic().headers(Headers::from_pairs(headers));
            let (_, error) = decode(decoder, [stream(kind).as_bytes()]);
            let error = error.unwrap();
            assert_eq!(error.is_transient(), expected, "{kind} {said:?}");
            // Also where the error is read again.
            let stored = serde_json::to_string(&error).unwrap();
            let again: thinkstream::Error = serde_json::from_str(&stored).unwrap();
            assert_eq!(again.is_transient(), expected, "{stored}");
        }
    }

    /// It looks as if it were cut, and would be so however often it is asked for again.
    #[test]
    fn the_error_names_what_is_spoken() {
        for (spoken, stream) in STREAMS {
            let stream = format!(": comment\n\n{stream}");
            for (expected, _) in STREAMS.iter().filter(|(expected, _)| *expected != spoken) {
                let new = || Decoder::new(*expected);
                let (_, error) = everywhere("other", stream.as_bytes(), new);
                let error = error.unwrap();
                let ErrorKind::OtherProtocol { spoken: found } = error.kind() else {
                    panic!("{spoken} as {expected}: {error}")
                };
                assert_eq!(*found, spoken);
                assert!(!error.is_transient());
            }
            let (_, error) = everywhere("own", stream.as_bytes(), || Decoder::new(spoken));
            assert!(error.is_none(), "{spoken}: {error:?}");
        }
    }

    /// Signs of life are of no protocol.
    #[test]
    fn what_was_cut_before_it_began_is_cut() {
        let ping = sse([PING]);
        let (_, error) = everywhere("ping", &ping, anthropic);
        assert_eq!(error.unwrap().kind().name(), "incomplete");
    }
}

mod headers {
    use super::*;

    #[test]
    fn the_id_of_the_request_is_in_the_end_and_in_every_error() {
        let headers = || {
            Headers::from_pairs([
                ("Request-Id", "req_1"),
                ("retry-after", "30"),
                ("X-Request-Id", "other"),
            ])
        };
        let (events, _) = decode(anthropic().headers(headers()), [&sse([START, STOP])[..]]);
        let Some(Event::Complete(done)) = events.last() else { panic!() };
        assert_eq!(done.request_id.as_deref(), Some("req_1"));
        assert_eq!(done.message.id.as_deref(), Some("msg_1"));
        let decoder = anthropic().request_id("req_0").headers(Headers::default());
        assert_eq!(failure(decoder, b"").request_id().unwrap(), "req_0");
        for stream in [&b""[..], b"data: {]\n\n", &sse([START, r#"{"type":"error","error":{}}"#])] {
            let error = failure(anthropic().headers(headers()), stream);
            assert_eq!(error.request_id().map(Text::as_str), Some("req_1"));
            assert_eq!(error.headers().retry_after.unwrap().as_secs(), 30);
        }
    }
}

#[test]
fn headers_come_from_the_http_crate_too() {
    let mut map = http::HeaderMap::new();
    map.insert("Request-Id", "req_1".parse().unwrap());
    map.insert("anthropic-ratelimit-requests-remaining", "5".parse().unwrap());
    map.insert("retry-after-ms", "1500".parse().unwrap());
    map.insert("set-cookie", "secret".parse().unwrap());
    map.insert("anthropic-binary", http::HeaderValue::from_bytes(b"\xff").unwrap());
    let headers = Headers::from(&map);
    assert_eq!(headers.request_id.as_deref(), Some("req_1"));
    assert_eq!(headers.retry_after.unwrap().as_millis(), 1500);
    assert_eq!(headers.get("anthropic-ratelimit-requests-remaining"), Some("5"));
    assert_eq!(headers.kept.len(), 3);
}

mod many_streams {
    use super::*;

    fn is_send_and_static<T: Send + 'static>() {}

    #[test]
    fn decoders_and_events_go_anywhere() {
        is_send_and_static::<Decoder>();
        is_send_and_static::<Event>();
        is_send_and_static::<thinkstream::Error>();
        is_send_and_static::<Message>();
        is_send_and_static::<thinkstream::PartialInput>();
        fn is_sync<T: Sync>() {}
        is_sync::<thinkstream::Error>();
        is_sync::<Event>();
        assert!(size_of::<Event>() <= 64);
    }

    #[test]
    fn interleaved_streams_do_not_meet() {
        let replies: Vec<Vec<u8>> = (0..100)
            .map(|n| {
                sse([
                    START,
                    &open(0, TEXT),
                    &text(0, &format!("reply {n}")),
                    &shut(0),
                    &end("end_turn"),
                    STOP,
                ])
            })
            .collect();
        let mut decoders: Vec<Decoder> =
            replies.iter().map(|_| Decoder::new(Protocol::Anthropic)).collect();
        for at in 0..replies.iter().map(Vec::len).max().unwrap() {
            for (decoder, reply) in decoders.iter_mut().zip(&replies) {
                let mut byte = Bytes::copy_from_slice(reply.get(at..at + 1).unwrap_or_default());
                while decoder.decode(&mut byte).unwrap().is_some() {}
            }
        }
        for (n, decoder) in decoders.iter().enumerate() {
            assert!(decoder.is_complete());
            assert_eq!(decoder.message().text(), format!("reply {n}"));
        }
    }
}

/// What the adapters of other frameworks are tested for, with the right answer where theirs is not.
mod peers {
    use super::*;

    #[test]
    fn a_token_and_a_tool_in_two_pieces() {
        let message = message([
            START,
            &open(0, TEXT),
            &text(0, "Hi"),
            &shut(0),
            &open(1, TOOL),
            &json(1, "{\"x\""),
            &json(1, ":1}"),
            &shut(1),
            &end("tool_use"),
            STOP,
        ]);
        assert_eq!(message.text(), "Hi");
        let call = message.tool_calls().next().unwrap();
        assert_eq!((call.name.as_str(), call.input.as_deref()), ("roll", Ok(r#"{"x":1}"#)));
    }

    #[test]
    fn the_ids_of_message_and_request_are_two_and_the_cache_is_split() {
        let start = r#"{"type":"message_start","message":{"id":"msg_42","model":"m","usage":{"input_tokens":9,"cache_read_input_tokens":3,"cache_creation_input_tokens":2}}}"#;
        let stream = sse([start, &end("tool_use"), STOP]);
        let (events, _) = decode(anthropic().request_id("req_7"), [&stream[..]]);
        let Some(Event::Complete(done)) = events.last() else { panic!() };
        let json = serde_json::to_value(done).unwrap();
        assert_eq!(json["message"]["id"], "msg_42");
        assert_eq!(json["request_id"], "req_7");
        assert_eq!(json["stop_reason"], "tool_use");
        assert_eq!(json["usage"]["cache_read_input_tokens"], 3);
        assert_eq!(json["usage"]["cache_creation_input_tokens"], 2);
    }

    /// Theirs takes such a stream for a success without a stop reason.
    #[test]
    fn usage_from_the_start_survives_a_stream_that_just_ends() {
        let error = failure(anthropic(), &sse([START]));
        assert_eq!(error.partial().message.usage.input_tokens, Some(10));
    }

    #[test]
    fn thinking_then_token_then_complete() {
        let stream = sse([
            START,
            &open(0, THINKING),
            &think(0, " hmm "),
            &shut(0),
            &open(1, TEXT),
            &text(1, "x"),
            &shut(1),
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":null}"#,
            STOP,
        ]);
        let (events, _) = decode(anthropic(), [&stream[..]]);
        let kinds: Vec<_> = events
            .iter()
            .map(|event| serde_json::to_value(event).unwrap()["type"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(kinds, ["start", "thinking", "block", "token", "block", "complete"]);
    }

    /// Theirs runs such a call with empty arguments.
    #[test]
    fn malformed_arguments_are_not_no_arguments() {
        let stream =
            sse([START, &open(0, TOOL), &json(0, "not json"), &shut(0), &end("tool_use"), STOP]);
        let (events, _) = decode(anthropic(), [&stream[..]]);
        let call = events
            .iter()
            .find_map(|event| match event {
                Event::ToolCall(call) => Some(call),
                _ => None,
            })
            .unwrap();
        assert_eq!(call.input.as_ref().unwrap_err().raw, "not json");
        assert_eq!(
            serde_json::to_string(&Event::ToolCall(call.clone())).unwrap(),
            r#"{"type":"tool_call","index":0,"id":"toolu_1","name":"roll","kind":"client","raw":"not json","reason":"expected a value at byte 0"}"#
        );
    }

    #[test]
    fn there_is_one_end_and_nothing_after_it() {
        for stream in [
            sse([START, STOP, STOP]),
            sse([START, r#"{"type":"error","error":{}}"#, STOP, PING]),
            sse([START]),
        ] {
            let (events, error) = everywhere("one end", &stream, anthropic);
            let ends = events.iter().filter(|event| matches!(event, Event::Complete(_))).count();
            assert_eq!(ends + usize::from(error.is_some()), 1);
            assert!(ends == 0 || matches!(events.last(), Some(Event::Complete(_))));
        }
    }
}

/// What servers do that the protocol does not foresee, and what becomes of it.
mod deviations {
    use super::*;

    /// The lines that the events of a reply between its start and its end make.
    macro_rules! cases {
        ($($name:ident: [$($event:expr),* $(,)?] => [$($line:expr),* $(,)?])*) => {
            $(#[test]
            fn $name() {
                let mut events = vec![START.to_owned()];
                $(events.push($event.into());)*
                let result = everywhere(stringify!($name), &sse(&events), anthropic);
                let mut lines = short_log(&result);
                lines.pop_if(|line| line.starts_with("error incomplete"));
                let expected: &[&str] = &[$($line),*];
                assert_eq!(lines, expected);
            })*
        };
    }

    const CALL: &str = r#"{"type":"tool_use","id":"toolu_1","name":"roll","input":{"a":1}}"#;

    cases! {
        a_signature_goes_on_with_that_of_the_start: [open(0, r#"{"type":"thinking","thinking":"","signature":"S"}"#), sign(0, "T"), shut(0)] => [
            "signature 0 S",
            "signature 0 T",
            r#"block 0 {"type":"thinking","thinking":"","signature":"ST"}"#,
        ]
        a_thought_that_begins_with_text_has_its_index: [open(1, r#"{"type":"thinking","thinking":"a"}"#), think(1, "b"), shut(1)] => [
            r#"thinking 1 "a""#,
            r#"thinking 1 "b""#,
            r#"block 1 {"type":"thinking","thinking":"ab","replayable":false}"#,
        ]
        half_a_character_at_the_end_of_an_input: [open(0, TOOL), delta(0, r#"{"type":"input_json_delta","partial_json":"[\"a\ud83d"}"#), shut(0)] => [
            "tool_start 0 toolu_1 roll Client",
            r#"tool_input 0 "[\"a""#,
            "tool_input 0 \"\u{fffd}\"",
            "tool_call 0 roll \"[\\\"a\u{fffd}\" the text ends inside a value at byte 6",
            "block 0 {\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"roll\",\"partial_json\":\"[\\\"a\u{fffd}\",\"replayable\":false}",
        ]
        an_input_that_the_first_start_held_stays: [open(0, CALL), open(0, &CALL.replace('1', "2").replace("toolu_2", "toolu_1")), shut(0)] => [
            "tool_start 0 toolu_1 roll Client",
            "warning repeated_block_start 0",
            r#"tool_call 0 roll {"a":1}"#,
            r#"block 0 {"type":"tool_use","id":"toolu_1","name":"roll","input":{"a":1}}"#,
        ]
        an_input_that_the_second_start_brings_counts: [open(0, TOOL), open(0, CALL), shut(0)] => [
            "tool_start 0 toolu_1 roll Client",
            "warning repeated_block_start 0",
            r#"tool_call 0 roll {"a":1}"#,
            r#"block 0 {"type":"tool_use","id":"toolu_1","name":"roll","input":{"a":1}}"#,
        ]
        another_id_on_an_open_index_is_another_call: [open(0, TOOL), open(0, &TOOL.replace("toolu_1", "toolu_2")), shut(0)] => [
            "tool_start 0 toolu_1 roll Client",
            "warning reused_index 0",
            "tool_start 0 toolu_2 roll Client",
            "tool_call 0 roll {}",
            r#"block 0 {"type":"tool_use","id":"toolu_2","name":"roll","input":{}}"#,
        ]
        a_tool_of_another_kind_on_an_open_index_is_another_call: [open(0, TOOL), open(0, &TOOL.replace("tool_use", "server_tool_use")), shut(0)] => [
            "tool_start 0 toolu_1 roll Client",
            "warning reused_index 0",
            "tool_start 0 toolu_1 roll Server",
            "tool_call 0 roll {}",
            r#"block 0 {"type":"server_tool_use","id":"toolu_1","name":"roll","input":{}}"#,
        ]
        what_comes_for_an_index_is_of_its_last_block: [open(0, TEXT), text(0, "a"), shut(0), open(1, TEXT), open(0, TEXT), text(1, "b"), text(0, "c"), shut(0), shut(1), text(0, "d")] => [
            r#"token 0 "a""#,
            r#"block 0 {"type":"text","text":"a"}"#,
            "warning reused_index 0",
            r#"token 1 "b""#,
            r#"token 0 "c""#,
            r#"block 0 {"type":"text","text":"c"}"#,
            r#"block 1 {"type":"text","text":"b"}"#,
            "warning closed_block 0",
        ]
    }
}

mod written_out {
    use super::*;

    #[test]
    fn every_event_is_one_object_tagged_with_its_type() {
        let stream = sse([
            START,
            PING,
            &open(0, THINKING),
            &delta(0, r#"{"type":"thinking_delta","thinking":"t","estimated_tokens":9}"#),
            &sign(0, "S"),
            &shut(0),
            &open(1, r#"{"type":"redacted_thinking","data":"D"}"#),
            &shut(1),
            &open(2, TEXT),
            &text(2, "a"),
            &delta(2, r#"{"type":"citations_delta","citation":{"type":"x","n":1}}"#),
            &shut(2),
            &open(3, TOOL),
            &json(3, "{}"),
            &shut(3),
            r#"{"type":"novel"}"#,
            &text(9, "z"),
            &end("tool_use"),
            STOP,
        ]);
        let (events, _) = decode(anthropic().request_id("req_1"), [&stream[..]]);
        let lines: Vec<_> =
            events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
        let usage = r#"{"input_tokens":10,"output_tokens":7}"#;
        let thinking =
            r#"{"type":"thinking","thinking":"t","signature":"S","about":{"estimated_tokens":9}}"#;
        let cited = r#"{"type":"text","text":"a","citations":[{"type":"x","n":1}]}"#;
        let tool = r#"{"type":"tool_use","id":"toolu_1","name":"roll","input":{}}"#;
        let redacted = r#"{"type":"redacted_thinking","data":"D"}"#;
        let dropped = text(9, "z");
        let offset =
            stream.windows(dropped.len()).position(|part| part == dropped.as_bytes()).unwrap();
        assert_eq!(lines, [
            r#"{"type":"start","id":"msg_1","model":"claude-test","usage":{"input_tokens":10,"output_tokens":1}}"#.to_owned(),
            r#"{"type":"ping"}"#.into(),
            r#"{"type":"thinking","index":0,"estimated_tokens":9,"text":"t"}"#.into(),
            r#"{"type":"signature","index":0,"signature":"S"}"#.into(),
            format!(r#"{{"type":"block","index":0,"block":{thinking}}}"#),
            r#"{"type":"redacted_thinking","index":1,"data":"D"}"#.into(),
            format!(r#"{{"type":"block","index":1,"block":{redacted}}}"#),
            r#"{"type":"token","index":2,"text":"a"}"#.into(),
            r#"{"type":"citation","index":2,"citation":{"type":"x","n":1}}"#.into(),
            format!(r#"{{"type":"block","index":2,"block":{cited}}}"#),
            r#"{"type":"tool_start","index":3,"id":"toolu_1","name":"roll","kind":"client"}"#.into(),
            r#"{"type":"tool_input","index":3,"partial_json":"{}"}"#.into(),
            r#"{"type":"tool_call","index":3,"id":"toolu_1","name":"roll","kind":"client","input":{}}"#.into(),
            format!(r#"{{"type":"block","index":3,"block":{tool}}}"#),
            r#"{"type":"unknown","name":"novel","data":"{\"type\":\"novel\"}"}"#.into(),
            format!(r#"{{"type":"warning","rule":"unknown_block","index":9,"offset":{offset},"dropped":{dropped}}}"#),
            format!(r#"{{"type":"usage","usage":{usage}}}"#),
            format!(
                r#"{{"type":"complete","stop_reason":"tool_use","stop_sequence":null,"stop_details":null,"request_id":"req_1","tools_safe_to_run":true,"usage":{usage},"message":{{"id":"msg_1","provider":"anthropic","model":"claude-test","role":"assistant","content":[{thinking},{redacted},{cited},{tool}],"stop_reason":"tool_use","stop_sequence":null,"usage":{usage},"complete":true}}}}"#
            ),
        ]);
    }

    #[test]
    fn an_error_is_one_object_with_the_partial_message() {
        let stream = sse([START, &open(0, THINKING), &think(0, "t"), &sign(0, "S")]);
        let error = failure(anthropic(), &stream);
        let len = stream.len();
        assert_eq!(
            serde_json::to_string(&error).unwrap(),
            format!(
                r#"{{"type":"error","kind":"incomplete","message":"the stream ended before a stop reason (byte {len})","request_id":null,"offset":{len},"output_started":true,"tool_call_emitted":false,"usage":{{"input_tokens":10,"output_tokens":1}},"partial":{{"id":"msg_1","provider":"anthropic","model":"claude-test","role":"assistant","content":[{{"type":"thinking","thinking":"t","replayable":false,"about":{{"complete":false}}}}],"stop_reason":null,"stop_sequence":null,"usage":{{"input_tokens":10,"output_tokens":1}},"complete":false}}}}"#
            )
        );
    }
}

/// Whoever says it by the name of the event, and in `FastAPI`'s word.
#[test]
fn an_error_event_is_heard_by_its_detail_too() {
    for protocol in [Protocol::Anthropic, Protocol::OpenAiChat, Protocol::OpenAiResponses] {
        for (data, message) in [
            (r#"{"detail":"quota exceeded"}"#, "quota exceeded"),
            (r#"{"detail":"quota exceeded","message":"no"}"#, "no"),
            (r#"{"message":"no","detail":"quota exceeded"}"#, "no"),
        ] {
            let stream = format!("event: error\ndata: {data}\n\n");
            let (_, error) = decode(Decoder::new(protocol), [stream.as_bytes()]);
            let error = error.unwrap();
            let ErrorKind::Server(said) = error.kind() else { panic!("{protocol:?}: {error:?}") };
            assert_eq!(said.message, *message, "{protocol:?}: {data}");
        }
    }
}

/// Of a tool that the provider ran, the API refuses the call without its result, and the result without its call.
#[test]
fn halves_of_the_providers_tools_do_not_go_back_alone() {
    let call = r#"{"type":"server_tool_use","id":"s1","name":"web_search","input":{}}"#;
    let found = r#"{"type":"web_search_tool_result","tool_use_id":"s1","content":[]}"#;
    let param = |call: &[String], found: &[String]| {
        let events = [START.to_owned()].into_iter().chain(call.iter().cloned());
        let events = events.chain(found.iter().cloned());
        let events = events.chain([open(2, TEXT), text(2, "a"), shut(2), end("end_turn")]);
        let stream = sse(events.chain([STOP.to_owned()]));
        let (events, _) = decode(anthropic(), [&stream[..]]);
        match events.last() {
            Some(Event::Complete(done)) => done.message.to_param().to_string(),
            other => panic!("{other:?}"),
        }
    };
    let whole = [open(0, call), json(0, r#"{"query":"a"}"#), shut(0)];
    let result = [open(1, found), shut(1)];
    let alone = r#"{"role":"assistant","content":[{"type":"text","text":"a"}]}"#;
    assert!(param(&whole, &result).contains(found));
    // Half of the query, none at all, and a result that is not understood.
    let half = [open(0, call), json(0, r#"{"query":"#), shut(0)];
    assert_eq!(param(&half, &result), alone);
    assert_eq!(param(&whole[..2], &result), alone);
    let damaged = [open(1, found), delta(1, r#"{"type":"novel_delta"}"#), shut(1)];
    assert_eq!(param(&whole, &damaged), alone);
}

/// A reply that was not streamed is what it would have been as a stream.
#[test]
fn replies_that_were_not_streamed() {
    let done = |protocol, body: &str| thinkstream::Complete::from_body(protocol, body.as_bytes());
    let anthropic = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-test",
        "content":[{"type":"thinking","thinking":"Hm.","signature":"EqQB"},
        {"type":"text","text":"Gr\u00fc\u00dfe"},{"type":"tool_use","id":"toolu_1","name":"roll","input":{"n": 9007199254740993}}],
        "stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":7}}"#;
    let chat = r#"{"id":"c1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant",
        "content":"Grüße","reasoning_content":"Hm.","tool_calls":[{"id":"toolu_1","type":"function","function":{"name":"roll","arguments":"{\"n\": 9007199254740993}"}}]},
        "logprobs":null,"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":10,"completion_tokens":7,"total_tokens":17}}"#;
    let responses = r#"{"id":"resp_1","object":"response","status":"completed","model":"m","error":null,"incomplete_details":null,"output":[
        {"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"Hm."}],"encrypted_content":"EqQB"},
        {"id":"m1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Grüße","annotations":[]}]},
        {"id":"fc_1","type":"function_call","call_id":"toolu_1","name":"roll","arguments":"{\"n\": 9007199254740993}","status":"completed"}],
        "usage":{"input_tokens":10,"output_tokens":7,"total_tokens":17}}"#;
    for (protocol, body) in [
        (Protocol::Anthropic, anthropic),
        (Protocol::AnthropicOnBedrock, anthropic),
        (Protocol::OpenAiChat, chat),
        (Protocol::OpenAiResponses, responses),
    ] {
        let found = done(protocol, body).unwrap_or_else(|error| panic!("{protocol:?}: {error}"));
        let message = &found.message;
        assert!(message.complete && found.tools_safe_to_run(), "{protocol:?}");
        assert_eq!((message.thinking(), message.text()), ("Hm.".into(), "Grüße".into()));
        let calls: Vec<_> = message.tool_calls().collect();
        assert_eq!(calls.len(), 1, "{protocol:?}");
        assert_eq!((calls[0].id.as_str(), calls[0].name.as_str()), ("toolu_1", "roll"));
        assert_eq!(**calls[0].input.as_ref().unwrap(), *r#"{"n": 9007199254740993}"#);
        assert_eq!(message.stop_reason, Some(StopReason::ToolUse));
        let usage = found.usage();
        assert_eq!((usage.input_tokens, usage.output_tokens), (Some(10), Some(7)));
        // Signed thinking goes back.
        let param = message.to_param();
        assert!(protocol == Protocol::OpenAiChat || param.contains("EqQB"), "{param}");
        // What it is not is said, and not read as an empty reply.
        for (other, body) in [
            (Protocol::Anthropic, r#"{"id":"c1","choices":[]}"#),
            (Protocol::OpenAiChat, r#"{"content":[]}"#),
            (Protocol::OpenAiResponses, r#"{"choices":[]}"#),
            (protocol, ""),
            (protocol, "<html>"),
            (protocol, "[]"),
        ] {
            let error = done(other, body).unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::NoEvents { .. }),
                "{other:?} {body}: {error}"
            );
        }
        let error = done(protocol, r#"{"error":{"type":"overloaded_error","message":"Busy"}}"#);
        let error = error.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Server(_)), "{protocol:?}");
        assert_eq!(error.partial().message.provider, protocol.provider());
    }
    let refused = r#"{"id":"m","type":"message","content":null,"stop_reason":"refusal"}"#;
    let refused = done(Protocol::Anthropic, refused).unwrap();
    assert_eq!(refused.message.stop_reason, Some(StopReason::Refusal));
    let cut = responses.replacen("completed", "incomplete", 1);
    assert!(!done(Protocol::OpenAiResponses, &cut).unwrap().tools_safe_to_run());
    let waits = responses.replacen("completed", "in_progress", 1);
    let error = done(Protocol::OpenAiResponses, &waits).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Incomplete { .. }), "{error}");
    let two = chat.replace(
        r#""choices":["#,
        r#""choices":[{"index":1,"message":{"content":"b"},"finish_reason":"stop"},"#,
    );
    assert_eq!(done(Protocol::OpenAiChat, &two).unwrap().choices.len(), 1);
}

/// What was cut at a limit is there as far as it came, and no item is lost.
#[test]
fn items_of_a_response_that_was_not_streamed() {
    let message = |text: &str, status: &str| {
        format!(
            r#"{{"type":"message","id":"m_{text}","role":"assistant","status":"{status}","content":[{{"type":"output_text","text":"{text}"}}]}}"#
        )
    };
    let thought = |id: &str| {
        format!(r#"{{"type":"reasoning","id":"{id}","summary":[],"encrypted_content":"gAAA{id}"}}"#)
    };
    let call = |id: &str, arguments: &str| {
        format!(
            r#"{{"type":"function_call","id":"fc_{id}","call_id":"{id}","name":"f","arguments":"{arguments}"}}"#
        )
    };
    let done = |status: &str, items: &[String]| {
        let body = format!(
            r#"{{"id":"resp_1","object":"response","status":"{status}","incomplete_details":{{"reason":"max_output_tokens"}},"output":[{}]}}"#,
            items.join(",")
        );
        let from_body =
            thinkstream::Complete::from_body(Protocol::OpenAiResponses, body.as_bytes()).unwrap();
        // A stream that has nothing but its end says the same.
        let name = if status == "incomplete" { "incomplete" } else { "completed" };
        let event = format!("data: {{\"type\":\"response.{name}\",\"response\":{body}}}\n\n");
        let (events, error) = decode(Decoder::new(Protocol::OpenAiResponses), [event.as_bytes()]);
        match events.last() {
            Some(Event::Complete(done)) => assert_eq!(done.message, from_body.message),
            other => panic!("{other:?} {error:?}"),
        }
        from_body
    };
    let whole = done("completed", &[message("one", "completed"), message("two", "completed")]);
    assert_eq!(whole.message.text(), "onetwo");
    let items = [thought("r1"), call("c1", "{}"), thought("r2"), call("c2", "{}")];
    let whole = done("completed", &items).message;
    let kinds: Vec<_> = whole.content.iter().map(|block| block.content.kind()).collect();
    assert_eq!(kinds, ["thinking", "tool_use", "thinking", "tool_use"]);
    assert!(whole.to_param().contains("gAAAr2") && whole.stop_reason == Some(StopReason::ToolUse));

    let cut = done("incomplete", &[thought("r1"), message("par", "incomplete")]);
    assert_eq!((cut.message.text().as_str(), cut.tools_safe_to_run()), ("par", false));
    assert!(cut.message.to_param().contains("gAAAr1"), "{cut:?}");
    assert_eq!(cut.message.stop_reason, Some(StopReason::MaxTokens));
    let cut = done("incomplete", &[message("a", "completed"), thought("r1")]).message;
    assert_eq!(cut.content.len(), 2);
    // Half of a call is none.
    let cut = done("incomplete", &[message("a", "completed"), call("c1", "{")]).message;
    assert_eq!((cut.text().as_str(), cut.tool_calls().count()), ("a", 0));

    // What is not known is said as it came.
    let odd = done("weird", &[call("c1", "{}")]);
    assert_eq!(odd.message.stop_reason, Some(StopReason::Other("weird".into())));
    assert!(!odd.tools_safe_to_run());
}

/// A reply that is at hand whole is read as it is, or not at all.
#[test]
fn not_a_byte_of_a_body_is_made_up() {
    let body = |text: &[u8]| {
        let [before, after] = [
            &br#"{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"x":"#[..],
            b"}}],\r\n\"stop_reason\":\"tool_use\"}",
        ];
        [before, text, after].concat()
    };
    let done = |body: &[u8]| thinkstream::Complete::from_body(Protocol::Anthropic, body);
    let input = |text: &[u8]| {
        let found = done(&body(text)).unwrap().message;
        found.tool_calls().next().unwrap().input.as_ref().unwrap().to_string()
    };
    assert_eq!(input(b"1,\n  \"y\":\n\n2"), "{\"x\":1,\n  \"y\":\n\n2}");
    let error = done(&body(b"\"\xff\"")).unwrap_err();
    assert_eq!((error.kind().name(), error.offset()), ("malformed", 84));
    assert_eq!(error.to_string(), "malformed `body`: not UTF-8 (byte 84)");
    // However large.
    let large = format!("\"{}\"", "x".repeat(20 << 20));
    assert_eq!(input(large.as_bytes()).len(), large.len() + 6);
}

/// The end of a chat is sent by others too, and says nothing where nothing was said.
#[test]
fn an_end_alone_is_an_empty_stream() {
    let ping = "event: ping\ndata: {\"type\":\"ping\"}\n\n";
    for protocol in [Protocol::Anthropic, Protocol::OpenAiResponses, Protocol::OpenAiChat] {
        // To a chat a ping is an event as any other.
        let ping = if protocol == Protocol::OpenAiChat { "" } else { ping };
        for before in ["", ": keep-alive\n\n", "\u{feff}", "\n\n", ping] {
            for done in ["data: [DONE]\n\n", "data:[DONE]\r\n\r\n", "data: [DONE] \n"] {
                let body = [before, done].concat();
                let (_, error) = everywhere("an end", body.as_bytes(), || Decoder::new(protocol));
                let error = error.unwrap();
                assert_eq!(error.kind().name(), "empty_stream", "{protocol:?} {body:?}");
                assert!(error.is_transient());
            }
        }
        if protocol != Protocol::OpenAiChat {
            let chat = b"data: {\"id\":\"c\",\"choices\":[]}\n\ndata: [DONE]\n\n";
            let error = failure(Decoder::new(protocol), chat);
            assert_eq!(error.kind().name(), "other_protocol", "{protocol:?}");
        }
    }
}

/// A reply in another protocol is paid for until somebody hangs up, so its first event is enough.
#[test]
fn another_protocol_is_told_by_its_first_event() {
    let chat = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    let claude = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n";
    let response = "data: {\"type\":\"response.created\",\"response\":{}}\n\n";
    let spoken = [
        (Protocol::OpenAiChat, chat),
        (Protocol::Anthropic, claude),
        (Protocol::OpenAiResponses, response),
    ];
    for (taken_for, _) in spoken {
        for (protocol, first) in spoken.iter().filter(|(protocol, _)| *protocol != taken_for) {
            for before in ["", ": busy\n\n"] {
                let stream = [before, first].concat();
                let mut decoder = Decoder::new(taken_for);
                let mut input = Bytes::from(stream.clone());
                let error = loop {
                    match decoder.decode(&mut input) {
                        Ok(Some(Event::Ping | Event::Unknown(_) | Event::Warning(_))) => {}
                        other => break other.unwrap_err(),
                    }
                };
                let ErrorKind::OtherProtocol { spoken } = error.kind() else { panic!("{error}") };
                assert_eq!(spoken, protocol, "{stream}");
                assert!(!error.is_transient());
                everywhere("another protocol", stream.as_bytes(), || Decoder::new(taken_for));
            }
        }
    }
}

/// A stream may be cut inside the mark that it begins with, or before it has said anything.
#[test]
fn half_a_byte_order_mark_is_no_text() {
    for protocol in [Protocol::Anthropic, Protocol::OpenAiResponses, Protocol::OpenAiChat] {
        for body in ["id: 7", "id: 7\nda", "retry: 3000\n", "\u{feff}id: 7\r\n"] {
            let error = failure(Decoder::new(protocol), body.as_bytes());
            assert!(error.is_transient(), "{protocol:?}: {error}");
        }
        for cut in 1..3 {
            let error = failure(Decoder::new(protocol), &"\u{feff}".as_bytes()[..cut]);
            assert!(error.is_transient(), "{protocol:?}: {error}");
        }
    }
}

/// What a model called before another took over goes back to nobody.
#[test]
fn calls_before_a_fallback_are_not_to_be_run() {
    let call = |id: &str| format!(r#"{{"type":"tool_use","id":"{id}","name":"f","input":{{}}}}"#);
    let fallback = r#"{"type":"fallback","from":{"model":"a"},"to":{"model":"b"}}"#;
    let stream = sse([
        START.to_owned(),
        open(0, &call("t0")),
        shut(0),
        open(1, fallback),
        shut(1),
        open(2, &call("t2")),
        shut(2),
        end("tool_use"),
        STOP.to_owned(),
    ]);
    let (events, _) = decode(anthropic(), [&stream[..]]);
    let Some(Event::Complete(done)) = events.last() else { panic!("{events:?}") };
    let calls: Vec<_> = done.message.tool_calls().map(|call| call.id.as_str()).collect();
    assert_eq!(calls, ["t2"]);
    // It may be run; what was collected while it came may not, for one of it was taken back.
    assert!(done.message.tools_safe_to_run() && !done.tools_safe_to_run());
    assert!(!done.message.to_param().contains("t0"));
}

/// A place in the stream is one of the bytes that came, also where some of them were replaced.
#[test]
fn places_are_those_of_what_came() {
    let mut stream =
        b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"".to_vec();
    let data = 27;
    stream.extend([0xff; 8]);
    stream.extend(b"\",}}\n\n");
    let (_, error) = decode(anthropic().lossy(true), [&stream[..]]);
    assert_eq!(error.unwrap().offset(), data);
    // Nor does a cut break a character of what is quoted.
    let mut detector = thinkstream::Detector::new();
    for byte in "<html>Gr\u{fc}\u{df}e".as_bytes() {
        assert_eq!(detector.look(&[*byte]).unwrap(), None);
    }
    let error = detector.undecided();
    let ErrorKind::NoEvents { excerpt } = error.kind() else { panic!("{error}") };
    assert_eq!(*excerpt, *"<html>Gr\u{fc}\u{df}e");
}

/// Some servers put events on lines of their own without a blank line between them, all of them or now and then.
#[test]
fn events_that_no_blank_line_parts_are_told_apart() {
    let chunk = |choice: &str| format!(r#"{{"id":"c","model":"m","choices":[{choice}]}}"#);
    let chats = [
        chunk(r#"{"index":0,"delta":{"content":"a"}}"#),
        chunk(
            r#"{"index":0,"delta":{"tool_calls":[{"index":0,"id":"t","function":{"name":"n","arguments":"{\"x\""}}]}}"#,
        ),
        chunk(
            r#"{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":": 1}"}}]}}"#,
        ),
        chunk(r#"{"index":0,"delta":{},"finish_reason":"tool_calls"}"#),
        "[DONE]".to_owned(),
    ];
    let messages = [START, &open(0, TEXT), &text(0, "a"), &shut(0), &end("end_turn"), STOP];
    let messages = messages.map(str::to_owned);
    let item = r#"{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"a"}]}"#;
    let items = [
        r#"{"type":"response.created","response":{"id":"r","model":"m","status":"in_progress","output":[]}}"#.to_owned(),
        format!(r#"{{"type":"response.output_item.done","output_index":0,"item":{item}}}"#),
        format!(r#"{{"type":"response.completed","response":{{"id":"r","model":"m","status":"completed","output":[{item}]}}}}"#),
    ];
    let frames = |events: &[String], together: usize| -> String {
        let frames = events.chunks(together).map(|events| {
            let lines: String = events.iter().map(|event| format!("data: {event}\n")).collect();
            format!("{lines}\n")
        });
        frames.collect()
    };
    let told = |result: (Vec<Event>, Option<thinkstream::Error>)| {
        assert!(result.1.is_none(), "{:?}", result.1);
        let (warnings, events): (Vec<_>, Vec<_>) =
            result.0.into_iter().partition(|event| matches!(event, Event::Warning(_)));
        let warned = warnings.iter().filter(|it| format!("{it:?}").contains("MissingBlankLine"));
        (warned.count(), events)
    };
    for (events, protocol) in [
        (&chats[..], Protocol::OpenAiChat),
        (&messages[..], Protocol::Anthropic),
        (&items[..], Protocol::OpenAiResponses),
    ] {
        let (none, expected) = told(decode(Decoder::new(protocol), [frames(events, 1).as_bytes()]));
        assert_eq!(none, 0);
        for together in 2..=events.len() {
            let stream = frames(events, together);
            let found = everywhere("joined", stream.as_bytes(), || Decoder::new(protocol));
            assert_eq!(told(found), (1, expected.clone()), "{stream}");
            assert_eq!(Protocol::detect(stream.as_bytes()).unwrap(), Some(protocol), "{stream}");
            let strict = failure(Decoder::new(protocol).strict(true), stream.as_bytes());
            assert_eq!(strict.kind().name(), "protocol", "{stream}");
        }
    }
    // The last blank line may be missing too, if it is known that the reply has ended.
    let stream = frames(&chats, 5);
    let (_, events) = told(decode(chat(), [stream.trim_end().as_bytes()]));
    assert!(matches!(events.last(), Some(Event::Complete(_))));
    // What is not all JSON stays malformed, and a text may have as many lines as it likes.
    let broken = format!("data: {}\ndata: {{\n\n", chats[0]);
    assert_eq!(failure(chat(), broken.as_bytes()).kind().name(), "malformed");
    let lines = format!("data: {}\n\n", chats[0].replace(',', ",\ndata: "));
    let (warned, events) = told((decode(chat(), [lines.as_bytes()]).0, None));
    assert_eq!((warned, events.len()), (0, 2));
}
