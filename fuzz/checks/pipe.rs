//! The whole pipe: any bytes, any cuts.

use bytes::Bytes;
use thinkstream::{Decoder, Error, Event, Limits, Protocol};

pub(crate) fn check(data: &[u8]) {
    let Some((stream, chunks)) = super::cut(data) else { return };
    let small = Limits { event_bytes: 300, message_bytes: 200, tool_input_bytes: 50, blocks: 3 };
    for limits in [Limits::default(), small] {
        for protocol in [
            Protocol::Anthropic,
            Protocol::AnthropicOnBedrock,
            Protocol::OpenAiResponses,
            Protocol::OpenAiChat,
        ] {
            for strict in [false, true] {
                let new = || Decoder::new(protocol).strict(strict).limits(limits);
                let whole = decode(new(), &[stream]);
                assert_eq!(describe(&decode(new(), &chunks)), describe(&whole));
                promises(&whole);
            }
        }
    }
}

pub(super) type Decoded = (Vec<Event>, Option<Error>);

pub(super) fn decode(mut decoder: Decoder, chunks: &[&[u8]]) -> Decoded {
    let mut events = Vec::new();
    for chunk in chunks {
        let mut input = Bytes::copy_from_slice(chunk);
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return (events, Some(error)),
            }
        }
    }
    loop {
        match decoder.finish() {
            Ok(Some(event)) => events.push(event),
            Ok(None) => return (events, None),
            Err(error) => return (events, Some(error)),
        }
    }
}

pub(super) fn describe((events, error): &Decoded) -> String {
    let partial = error.as_ref().map(|error| (error.offset(), &error.partial().message));
    format!("{events:?} {error:?} {partial:?}")
}

pub(super) fn promises((events, error): &Decoded) {
    let completes = events.iter().filter(|event| matches!(event, Event::Complete(_))).count();
    assert_eq!(completes, usize::from(error.is_none()));
    if let Some(error) = error {
        let line = error.to_string();
        assert!(
            line.len() <= 256 && line.bytes().all(|byte| (0x20..0x7F).contains(&byte)),
            "{line}"
        );
    }
    let message = match (events.last(), error) {
        (Some(Event::Complete(done)), None) => &done.message,
        (_, Some(error)) => &error.partial().message,
        (last, None) => panic!("ended with {last:?}"),
    };
    for block in &message.content {
        assert!(block.complete || !block.replayable);
    }
    serde_json::from_str::<serde::de::IgnoredAny>(&message.to_param()).unwrap();
    for event in events {
        serde_json::to_string(event).unwrap();
    }
}
