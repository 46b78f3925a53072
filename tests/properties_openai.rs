//! What is recognised of the APIs of `OpenAI` is what would have been read.

mod common;

use common::*;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use thinkstream::{Decoder, Event, Limits};

/// A text as it stands in JSON, and now and then what does not.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => "[a-zA-Z ]{1,9}",
        2 => select(vec![r"\n", r#"\""#, r"\\", r"\/", r"\t"]).prop_map(str::to_owned),
        2 => select(vec!["é", "😀", "日本語"]).prop_map(str::to_owned),
        1 => Just("a text of more than thirty-two bytes".to_owned()),
        1 => select(vec![r"\u00e9", r"\ud83d\ude00", r"\ud83d", r"\ude00"]).prop_map(str::to_owned),
    ];
    let odd = select(vec!["", r"\x", r"\u12", "\t", "\"", "\\", "{}"]).prop_map(str::to_owned);
    let pieces = prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat());
    prop_oneof![24 => pieces, 1 => odd]
}

/// What an event has beside its text: a number that counts, and padding.
fn beside() -> impl Strategy<Value = (String, String)> {
    let number = prop_oneof![9 => (0..2000_u32).prop_map(|n| n.to_string()), 1 => select(vec!["00", "-1", "1.5", "null"]).prop_map(str::to_owned)];
    let padding = prop_oneof![9 => "[a-zA-Z0-9]{0,16}", 1 => select(vec!["é", r"\n", "a padding of more than thirty-two bytes"]).prop_map(str::to_owned)];
    (number, padding)
}

/// The data of a chunk, in one of the ways in which servers write it.
fn chunk() -> impl Strategy<Value = String> {
    let delta = (0..14_usize, text()).prop_map(|(form, text)| match form {
        0..4 => format!(r#"{{"content":"{text}"}}"#),
        4..6 => format!(r#"{{"reasoning_content":"{text}"}}"#),
        6 => format!(
            r#"{{"reasoning":"{text}","reasoning_details":[{{"type":"reasoning.text","text":"{text}","index":0}}]}}"#
        ),
        7 => format!(r#"{{"role":"assistant","content":"{text}","refusal":null}}"#),
        8 => format!(r#"{{"tool_calls":[{{"index":0,"id":"call_{text}","function":{{"name":"f","arguments":""}}}}]}}"#),
        9..12 => format!(r#"{{"tool_calls":[{{"index":0,"function":{{"arguments":"{text}"}}}}]}}"#),
        12 => format!(r#"{{"refusal":"{text}"}}"#),
        _ => "{}".to_owned(),
    });
    let index = prop_oneof![7 => Just(0), 1 => Just(1)];
    let finish = prop_oneof![15 => Just("null"), 1 => Just("\"stop\"")];
    (delta, index, beside(), finish, any::<bool>()).prop_map(
        |(delta, index, (number, padding), finish, padded)| {
            let start = format!(r#""id":"c","created":{number}"#);
            let choice = format!(r#"{{"index":{index},"delta":{delta},"finish_reason":{finish}}}"#);
            let padding =
                if padded { format!(r#","obfuscation":"{padding}""#) } else { String::new() };
            format!(r#"{{{start},"choices":[{choice}]{padding}}}"#)
        },
    )
}

/// The data of an event of a response, most of them behind the start of their item.
fn event() -> impl Strategy<Value = String> {
    let delta = (0..8_usize, text(), beside(), 0..3_u32).prop_map(|(kind, text, (number, padding), part)| {
        let (name, item) = [
            ("output_text.delta", 0),
            ("output_text.delta", 0),
            ("output_text.delta", 0),
            ("reasoning_text.delta", 1),
            ("reasoning_summary_text.delta", 1),
            ("function_call_arguments.delta", 2),
            ("function_call_arguments.delta", 2),
            ("refusal.delta", 0),
        ][kind];
        let part = part / 2;
        format!(
            r#"{{"type":"response.{name}","item_id":"i","output_index":{item},"content_index":{part},"delta":"{text}","sequence_number":{number},"obfuscation":"{padding}"}}"#
        )
    });
    let item = select(vec![
        (0, r#"{"type":"message","content":[]}"#),
        (1, r#"{"type":"reasoning","summary":[]}"#),
        (2, r#"{"type":"function_call","call_id":"call_1","name":"look"}"#),
        (2, r#"{"type":"custom_tool_call","call_id":"call_1","name":"look"}"#),
    ]);
    let item = (item, select(vec!["added", "added", "done"])).prop_map(|((index, item), what)| {
        format!(r#"{{"type":"response.output_item.{what}","output_index":{index},"item":{item}}}"#)
    });
    let whole = text().prop_map(|text| {
        format!(r#"{{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"{text}"}}"#)
    });
    prop_oneof![24 => delta, 3 => item, 1 => whole]
}

/// Frames of these events. With `read` each has a key that no other has, so that none is like another.
fn frames(events: &[String], named: bool, read: bool) -> String {
    let frames = events.iter().enumerate().map(|(number, data)| {
        let name = data.split('"').nth(3).filter(|_| named && data.starts_with(r#"{"type":"#));
        let name = name.map(|name| format!("event: {name}\n")).unwrap_or_default();
        let data =
            if read { data.replacen('{', &format!("{{\"n\":{number},"), 1) } else { data.clone() };
        format!("{name}data: {data}\n\n")
    });
    frames.collect()
}

/// What came out, without places in the stream and data as received.
fn said(decoder: Decoder, stream: &str) -> (Vec<String>, String) {
    let (events, error) = decode(decoder, [stream.as_bytes()]);
    let events = events.into_iter().map(|event| match event {
        Event::Warning(warning) => format!("{:?} {:?}", warning.rule, warning.index),
        event => format!("{event:?}"),
    });
    let end = error.map(|error| {
        let kind = error.to_string();
        let kind = kind.split(" (byte").next().unwrap().to_owned();
        let partial = error.partial();
        format!("{kind} {:?} {:?} {}", partial.message, partial.choices, error.retry_safe())
    });
    (events.collect(), end.unwrap_or_default())
}

fn check(
    new: fn() -> Decoder,
    events: &[String],
    named: bool,
    cuts: &[Index],
) -> Result<(), TestCaseError> {
    let usual = frames(events, named, false);
    let small = Limits { message_bytes: 900, tool_input_bytes: 40, ..Limits::default() };
    let decoders = || [new(), new().strict(true), new().accumulate(false), new().limits(small)];
    for (recognised, read) in decoders().into_iter().zip(decoders()) {
        prop_assert_eq!(said(recognised, &usual), said(read, &frames(events, named, true)));
    }
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(usual.len() + 1)).collect();
    cuts.extend([0, usual.len()]);
    cuts.sort_unstable();
    let pieces = cuts.windows(2).map(|cut| &usual.as_bytes()[cut[0]..cut[1]]);
    prop_assert_eq!(log(&decode(new(), pieces)), log(&decode(new(), [usual.as_bytes()])));
    for width in [16, 30, 64, 300] {
        let cut = decode(new(), usual.as_bytes().chunks(width));
        prop_assert_eq!(log(&cut), log(&decode(new(), [usual.as_bytes()])));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn recognised_or_read_a_chunk_is_the_same(
        events in prop::collection::vec(chunk(), 1..24),
        cuts in prop::collection::vec(any::<Index>(), 0..9),
    ) {
        check(chat, &events, false, &cuts)?;
    }

    #[test]
    fn recognised_or_read_an_event_is_the_same(
        events in prop::collection::vec(event(), 1..24),
        begun: bool,
        named: bool,
        cuts in prop::collection::vec(any::<Index>(), 0..9),
    ) {
        let items = [
            r#"{"type":"response.created","response":{"id":"r","model":"m"}}"#,
            r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"message"}}"#,
            r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"reasoning"}}"#,
            r#"{"type":"response.output_item.added","output_index":2,"item":{"type":"function_call","call_id":"c","name":"look"}}"#,
        ];
        let start = items.iter().filter(|_| begun).map(|item| (*item).to_owned());
        let events: Vec<_> = start.chain(events).collect();
        check(responses, &events, named, &cuts)?;
    }
}
