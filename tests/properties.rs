//! What holds for any stream, however broken.

mod common;

use bytes::Bytes;
use common::*;
use proptest::prelude::*;
use thinkstream::{Content, Decoder, Error, Event, Limits};

/// An event, likely one that has a meaning where it comes.
fn event() -> impl Strategy<Value = String> {
    let index = prop_oneof![8 => 0..3_u32, 1 => Just(7), 1 => Just(u32::MAX)];
    let block = prop::sample::select(vec![
        TEXT,
        THINKING,
        TOOL,
        r#"{"type":"text","text":"a"}"#,
        r#"{"type":"redacted_thinking","data":"D"}"#,
        r#"{"type":"novel","text":"x"}"#,
        r#"{"type":"compaction","content":null}"#,
        r#"{"type":"fallback","to":{"model":"m"}}"#,
        r#"{"type":"web_search_tool_result","content":[]}"#,
    ]);
    let piece = prop::sample::select(vec![
        r#"{"type":"text_delta","text":"a"}"#,
        r#"{"type":"text_delta","text":"\ud83d"}"#,
        r#"{"type":"text_delta","text":"\ude00é"}"#,
        r#"{"type":"thinking_delta","thinking":"t"}"#,
        r#"{"type":"signature_delta","signature":"S"}"#,
        r#"{"type":"input_json_delta","partial_json":"{"}"#,
        r#"{"type":"input_json_delta","partial_json":"}"}"#,
        r#"{"type":"citations_delta","citation":{}}"#,
        r#"{"type":"compaction_delta","content":"c"}"#,
        r#"{"type":"novel_delta"}"#,
        "null",
    ]);
    let other = prop::sample::select(vec![
        START.to_owned(),
        r#"{"type":"message_start","message":null}"#.to_owned(),
        r#"{"type":"message_start","message":{"id":"msg_2"}}"#.to_owned(),
        end("end_turn"),
        end("max_tokens"),
        r#"{"type":"message_delta","delta":{}}"#.to_owned(),
        STOP.to_owned(),
        PING.to_owned(),
        r#"{"type":"error","error":{"type":"api_error"}}"#.to_owned(),
        r#"{"type":"novel"}"#.to_owned(),
        r#"{"type":"content_block_stop"}"#.to_owned(),
        "data: [DONE]\n\n".to_owned(),
        ": comment\n\n".to_owned(),
        "event: content_block_delta\ndata: {\"type\"\n\n".to_owned(),
    ]);
    prop_oneof![
        3 => (index.clone(), block).prop_map(|(index, block)| open(index, block)),
        6 => (index.clone(), piece).prop_map(|(index, piece)| delta(index, piece)),
        3 => index.prop_map(shut),
        2 => other,
    ]
}

/// A reply that begins well, so that most of it matters.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let begins = prop_oneof![9 => Just(Some(START.to_owned())), 1 => Just(None)];
    (begins, prop::collection::vec(event(), 0..20))
        .prop_map(|(start, events)| sse(start.into_iter().chain(events)))
}

/// The stream with some bytes changed, or gone.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<Option<u8>>()), 0..4);
    (stream(), damage).prop_map(|(mut stream, damage)| {
        for (at, byte) in damage {
            if stream.is_empty() {
                break;
            }
            let at = at.index(stream.len());
            match byte {
                Some(byte) => stream[at] = byte,
                None => drop(stream.remove(at)),
            }
        }
        stream
    })
}

fn pieces<'a>(stream: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    cuts.extend([0, stream.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]).collect()
}

/// What must be true of any outcome.
fn check((events, error): &(Vec<Event>, Option<Error>)) -> Result<(), TestCaseError> {
    let completes = events.iter().filter(|event| matches!(event, Event::Complete(_))).count();
    prop_assert_eq!(completes, usize::from(error.is_none()));
    let message = match (events.last(), error) {
        (Some(Event::Complete(done)), None) => &done.message,
        (_, Some(error)) => &error.partial().message,
        (last, None) => return Err(TestCaseError::fail(format!("ended with {last:?}"))),
    };
    prop_assert_eq!(message.complete, error.is_none());

    // The pieces that were handed out are the text of the message, in the order of the blocks if
    // no two have the same index.
    let mut indexes: Vec<_> = message.content.iter().map(|block| block.index).collect();
    indexes.sort_unstable();
    indexes.dedup();
    if indexes.len() == message.content.len() {
        for block in &message.content {
            let Content::Text(text) = &block.content else { continue };
            let told: String = events
                .iter()
                .filter_map(|event| match event {
                    Event::Token(token) if token.index == block.index => Some(token.text.as_str()),
                    _ => None,
                })
                .collect();
            // Half of a surrogate pair in a cut block is told at the block's end, which never came.
            let told = if block.complete { told } else { told.clone() + &text.text[told.len()..] };
            prop_assert_eq!(told.as_str(), &*text.text);
        }
    }
    let mut calls = 0;
    for block in &message.content {
        let signed = match &block.content {
            Content::Thinking(thinking) => thinking.signature.is_some(),
            Content::ToolUse(tool) => {
                calls += usize::from(block.complete);
                block.complete && tool.input.is_ok()
            }
            _ => block.complete,
        };
        prop_assert!(block.complete || !signed && !block.replayable);
        prop_assert!(signed || !block.replayable);
    }
    let called = events.iter().filter(|event| matches!(event, Event::ToolCall(_))).count();
    prop_assert_eq!(called, calls);
    // What is sent back is JSON, and holds no block that cannot go back.
    let param: serde_json::Value = serde_json::from_str(&message.to_param()).unwrap();
    let echoed = param["content"].as_array().unwrap().len();
    prop_assert!(echoed <= message.content.len());
    Ok(())
}

/// A delta of one of the provider's kinds, as it writes them or nearly so.
fn written_delta() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[a-zA-Z ]{0,12}",
        2 => prop::sample::select(vec![r"\n", r#"\""#, r"\\", r"\/", r"\t", r"\r", r"\b", r"\f"]).prop_map(str::to_owned),
        2 => prop::sample::select(vec!["é", "😀", "\u{2028}", "日本語", "\u{7f}"]).prop_map(str::to_owned),
        1 => prop::sample::select(vec![r"\u65e5\u672c\u8a9e\u65e5\u672c", "a text of more than thirty-two bytes"]).prop_map(str::to_owned),
        1 => prop::sample::select(vec![r"\u00e9", r"\ud83d\ude00", r"\ud83d", r"\ude00", r"\u0000"]).prop_map(str::to_owned),
        1 => prop::sample::select(vec![r"\x", r"\u12", "\t", "\u{1}", "\"", "\\"]).prop_map(str::to_owned),
    ];
    let string = prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat());
    let kind = prop::sample::select(vec![
        ("text_delta", "text"),
        ("thinking_delta", "thinking"),
        ("input_json_delta", "partial_json"),
        ("signature_delta", "signature"),
        ("text_delta", "thinking"),
    ]);
    let index = prop::sample::select(vec![
        "0",
        "1",
        "2",
        "00",
        "01",
        "10",
        "999",
        "1000",
        "4294967295",
        "4294967296",
        "-1",
        "0.0",
        " 0",
    ]);
    let index = prop_oneof![12 => prop::sample::select(vec!["0", "1", "2"]), 1 => index];
    let between =
        prop_oneof![12 => Just(""), 1 => prop::sample::select(vec![" ", ",\"x\":1", "}"])];
    (index, kind, string, 0..18_usize, between).prop_map(|(index, (kind, key), string, pad, odd)| {
        let pad = " ".repeat(pad);
        format!(
            r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"{kind}","{key}":"{string}"{odd}}}{pad}}}"#
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_order_of_events_keeps_the_promises(
        stream in stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let whole = decode(anthropic(), [&stream[..]]);
        check(&whole)?;
        prop_assert_eq!(log(&decode(anthropic(), pieces(&stream, &cuts))), log(&whole));
    }

    #[test]
    fn any_damage_keeps_the_promises(
        stream in damaged(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let whole = decode(anthropic(), [&stream[..]]);
        check(&whole)?;
        prop_assert_eq!(log(&decode(anthropic(), pieces(&stream, &cuts))), log(&whole));
    }

    #[test]
    fn a_decoder_that_is_reset_is_a_new_one(
        before in damaged(), after in damaged(), finished: bool, strict: bool,
        cut in any::<prop::sample::Index>(),
    ) {
        let new = || anthropic().strict(strict).flush_at_end(strict).limits(Limits {
            message_bytes: 5000,
            ..Limits::default()
        });
        let mut decoder = new().request_id("req_before");
        let mut input = Bytes::copy_from_slice(&before[..cut.index(before.len() + 1)]);
        while let Ok(Some(_)) = decoder.decode(&mut input) {}
        if finished {
            while let Ok(Some(_)) = decoder.finish() {}
        }
        decoder.reset();
        prop_assert_eq!(log(&decode(decoder, [&after[..]])), log(&decode(new(), [&after[..]])));
    }

    #[test]
    fn strict_mode_says_the_same_up_to_its_error(stream in stream()) {
        let tolerant = decode(anthropic(), [&stream[..]]);
        let strict = decode(anthropic().strict(true), [&stream[..]]);
        prop_assert!(!strict.0.iter().any(|event| matches!(event, Event::Warning(_))));
        let first = tolerant.0.iter().position(|event| matches!(event, Event::Warning(_)));
        match first {
            None => prop_assert_eq!(log(&strict), log(&tolerant)),
            // A deviation is found before or after what else its event gives.
            Some(_) => prop_assert_eq!(strict.1.as_ref().unwrap().kind().name(), "protocol"),
        }
    }

    #[test]
    fn without_accumulation_the_events_are_the_same(stream in stream()) {
        let whole = |event: &Event| matches!(event, Event::Block(_) | Event::ToolCall(_));
        let described = |decoder: Decoder| -> Vec<String> {
            let (events, error) = decode(decoder, [&stream[..]]);
            let events = events.into_iter().filter(|event| !whole(event)).collect();
            log(&(events, error))
        };
        prop_assert_eq!(described(anthropic().accumulate(false)), described(anthropic()));
    }

    /// The provider's events are recognised where they lie. With other line ends, or a comment in
    /// their frame, they are not, and give the same.
    #[test]
    fn recognised_or_read_a_delta_is_the_same(
        deltas in prop::collection::vec(written_delta(), 1..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let opens = [open(0, TEXT), open(1, THINKING), open(2, TOOL)];
        let events: Vec<_> =
            std::iter::once(START.to_owned())
                .chain(opens)
                .chain(deltas)
                .chain([shut(0), PING.to_owned(), shut(2), open(3, TEXT), open(4, THINKING)])
                .collect();
        let usual = sse(&events);
        let text = String::from_utf8(usual.clone()).unwrap();
        // Without the places in the stream, which differ.
        let unplaced = |stream: &[u8], decoder: Decoder| -> (Vec<String>, String) {
            let (events, error) = decode(decoder, [stream]);
            let events = events.iter().map(|event| match event {
                Event::Warning(warning) => {
                    format!("{:?} {:?}", warning.rule, warning.dropped.as_deref().map(str::trim))
                }
                event => format!("{event:?}"),
            });
            let error = error.unwrap();
            let message = error.partial().message.to_param();
            let kind = error.to_string();
            let kind = kind.split(" (byte").next().unwrap().to_owned();
            (events.filter(|event| event != "Ping").collect(), format!("{kind} {message} {}", error.retry_safe()))
        };
        for decoder in [anthropic, || anthropic().strict(true), || anthropic().accumulate(false)] {
            let recognised = unplaced(&usual, decoder());
            for (from, to) in [("\ndata", "\r\ndata"), ("\n\n", "\r\r"), ("\ndata", "\n: c\ndata"), ("data: ", "data:"), ("data: ", "data:  ")] {
                // Two spaces: the data is then not as usual either.
                let unusual = text.replace(from, to).replace("data: {", "data:  {");
                prop_assert_eq!(&unplaced(unusual.as_bytes(), decoder()), &recognised);
            }
        }
        let whole = decode(anthropic(), [&usual[..]]);
        prop_assert_eq!(log(&decode(anthropic(), pieces(&usual, &cuts))), log(&whole));
    }
}
