//! A recording, decoded as a client would have decoded it when it came.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Buf, Bytes};
use thinkstream::{
    Decoder, Error, Event, Limits, Message, Protocol, Rule, Stopwatch, Text, Timing,
};

use crate::recording::Recording;

/// What became of a recording, whether its stream ended well or not.
#[derive(Default)]
pub(crate) struct Decoded {
    /// What the server spoke; `None` if nobody speaks so.
    pub(crate) protocol: Option<Protocol>,
    /// The message, as far as it came.
    pub(crate) message: Message,
    /// The other choices, if the request asked for several.
    pub(crate) choices: Vec<Message>,
    pub(crate) request_id: Option<Text>,
    /// Why the reply is not complete.
    pub(crate) error: Option<Error>,
    /// When what came. If the recording has no times, only its counts of output mean anything.
    pub(crate) timing: Timing,
    /// Events that were handed out.
    pub(crate) events: u64,
    pub(crate) warnings: Vec<Warned>,
    /// The types of events that are not known, and how often each came.
    pub(crate) unknown: BTreeMap<String, u64>,
    /// Bytes that came after the end of the reply, if they say anything.
    pub(crate) behind: u64,
}

/// A warning, without the event that it may have held.
#[derive(Clone, Copy)]
pub(crate) struct Warned {
    pub(crate) rule: Rule,
    pub(crate) index: Option<u32>,
    pub(crate) offset: u64,
}

/// When and where an event came.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// Since the recording began.
    pub(crate) at: Duration,
    /// Bytes of the stream up to the end of the event.
    pub(crate) offset: u64,
}

/// Decodes a recording tolerantly, and shows each event to `see`.
pub(crate) fn decode(
    recording: &Recording,
    protocol: Option<Protocol>,
    mut see: impl FnMut(Place, &Event),
) -> Decoded {
    let found = match protocol {
        Some(protocol) => Ok(protocol),
        None => recording.spoken(),
    };
    // What is no stream may still be an error that the decoder can read.
    let protocol = *found.as_ref().unwrap_or(&Protocol::Anthropic);
    let mut decoder = Decoder::new(protocol).limits(UNBOUNDED);
    if let Some(id) = &recording.request_id {
        decoder = decoder.request_id(id.as_str());
    }
    let mut run = Run::new(&mut see);
    let failed = run.through(recording, &mut decoder).err();
    let mut decoded = run.decoded;
    if let Some(error) = failed {
        let server = error.kind().name() == "server";
        decoded.protocol = (found.is_ok() || server).then_some(protocol);
        decoded.message = error.partial().message.clone();
        decoded.choices = error.partial().choices.clone();
        decoded.request_id = error.request_id().cloned();
        decoded.error = Some(error);
        if let (Err(undecided), false) = (found, server) {
            // What was made of it by guessing is nothing.
            let timing = decoded.timing;
            decoded = Decoded { timing, error: Some(undecided), ..Decoded::default() };
        }
    } else {
        decoded.protocol = Some(protocol);
    }
    decoded
}

/// A decoder at work.
struct Run<'a> {
    decoded: Decoded,
    stopwatch: Stopwatch,
    place: Place,
    see: &'a mut dyn FnMut(Place, &Event),
}

impl<'a> Run<'a> {
    fn new(see: &'a mut dyn FnMut(Place, &Event)) -> Self {
        let place = Place { at: Duration::ZERO, offset: 0 };
        Self { decoded: Decoded::default(), stopwatch: Stopwatch::new(), place, see }
    }

    fn through(&mut self, recording: &Recording, decoder: &mut Decoder) -> Result<(), Error> {
        let result = self.chunks(recording, decoder).and_then(|()| {
            if let (Some(ended), false) = (recording.ended, decoder.is_complete()) {
                self.place.at = ended;
                self.stopwatch.ended(ended);
            }
            while let Some(event) = decoder.finish()? {
                self.take(event, decoder);
            }
            Ok(())
        });
        if !decoder.is_complete() {
            self.decoded.timing = self.stopwatch.timing().clone();
        }
        result
    }

    fn chunks(&mut self, recording: &Recording, decoder: &mut Decoder) -> Result<(), Error> {
        for chunk in &recording.chunks {
            let mut bytes = chunk.bytes.clone();
            if decoder.is_complete() {
                self.behind(&bytes);
                continue;
            }
            self.place.at = chunk.at;
            self.stopwatch.received(chunk.at, bytes.len());
            while let Some(event) = decoder.decode(&mut bytes)? {
                let last = matches!(event, Event::Complete(_));
                self.take(event, decoder);
                if last {
                    self.behind(&bytes);
                    bytes.advance(bytes.len());
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, mut event: Event, decoder: &Decoder) {
        self.place.offset = decoder.offset();
        self.stopwatch.stamp(&mut event);
        (self.see)(self.place, &event);
        let decoded = &mut self.decoded;
        decoded.events += 1;
        match event {
            Event::Warning(warning) => {
                let (rule, index, offset) = (warning.rule, warning.index, warning.offset);
                decoded.warnings.push(Warned { rule, index, offset });
            }
            Event::Unknown(unknown) => {
                let name = unknown.name.as_str();
                // A sender who invents thousands of types is not followed.
                if decoded.unknown.len() < NAMES || decoded.unknown.contains_key(name) {
                    *decoded.unknown.entry(name.to_owned()).or_default() += 1;
                }
            }
            Event::Complete(done) => {
                decoded.timing = done.timing.unwrap_or_default();
                decoded.request_id = done.request_id;
                decoded.choices = done.choices;
                decoded.message = done.message;
            }
            _ => {}
        }
    }

    /// What comes after the end: blank lines and comments say nothing.
    fn behind(&mut self, bytes: &Bytes) {
        let mut lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r'));
        if lines.any(|line| !line.is_empty() && !line.starts_with(b":")) {
            let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            self.decoded.behind = self.decoded.behind.saturating_add(len);
        }
    }
}

/// The file is in memory already: what a client bounds against its sender needs no bound here.
const UNBOUNDED: Limits = Limits {
    event_bytes: usize::MAX,
    message_bytes: usize::MAX,
    tool_input_bytes: usize::MAX,
    blocks: usize::MAX,
};

/// Types of unknown events that are kept.
const NAMES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Chunk;

    const REPLY: &str = include_str!("demo.sse");

    fn recording(chunks: &[(u64, &str)], ended: Option<u64>) -> Recording {
        let chunk = |(at, text): &(u64, &str)| Chunk {
            at: Duration::from_millis(*at),
            bytes: Bytes::copy_from_slice(text.as_bytes()),
        };
        Recording {
            chunks: chunks.iter().map(chunk).collect(),
            ended: ended.map(Duration::from_millis),
            timed: true,
            ..Recording::default()
        }
    }

    fn of(chunks: &[(u64, &str)], ended: Option<u64>) -> Decoded {
        decode(&recording(chunks, ended), None, |_, _| ())
    }

    #[test]
    fn a_reply_ends_with_its_last_event() {
        let (head, tail) = REPLY.split_at(REPLY.len() / 2);
        let decoded = of(&[(10, head), (20, tail), (30, "\n")], Some(40));
        assert!(decoded.error.is_none() && decoded.message.complete);
        assert_eq!(decoded.protocol, Some(Protocol::Anthropic));
        assert_eq!(decoded.timing.total, Some(Duration::from_millis(20)));
        assert_eq!(decoded.behind, 0);
        let mut last = 0;
        let recording = recording(&[(1, REPLY)], None);
        let decoded = decode(&recording, None, |place, _| {
            assert!(place.offset >= last);
            last = place.offset;
        });
        assert!(decoded.error.is_none());
        assert_eq!(last, REPLY.len() as u64);
    }

    #[test]
    fn a_cut_stream_ends_with_the_connection() {
        let cut = &REPLY[..REPLY.len() / 2];
        for (ended, total) in [(Some(40), 40), (None, 10)] {
            let decoded = of(&[(10, cut)], ended);
            assert_eq!(decoded.error.unwrap().kind().name(), "incomplete");
            assert_eq!(decoded.timing.total, Some(Duration::from_millis(total)));
            assert!(!decoded.message.content.is_empty());
        }
    }

    #[test]
    fn what_comes_after_the_end_is_counted() {
        for (behind, count) in
            [("\r\n\n", 0), (": bye\n\n", 0), ("data: {}\n\n", 10), ("<!-- -->", 8)]
        {
            assert_eq!(of(&[(1, &format!("{REPLY}{behind}"))], None).behind, count, "{behind}");
            assert_eq!(of(&[(1, REPLY), (2, behind)], None).behind, count, "{behind}");
        }
    }

    #[test]
    fn what_is_no_stream() {
        for (text, kind, known) in [
            ("", "no_events", false),
            ("<html>", "no_events", false),
            ("data: {\"candidates\":[]}\n\n", "no_events", false),
            (r#"{"type":"error","error":{"type":"api_error","message":"m"}}"#, "server", true),
        ] {
            let decoded = of(&[(1, text)], None);
            assert_eq!(decoded.error.unwrap().kind().name(), kind, "{text}");
            assert_eq!(decoded.protocol.is_some(), known, "{text}");
        }
    }
}
