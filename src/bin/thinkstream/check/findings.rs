//! What is found in a recording, and what it means for who serves it.

use serde::Serialize;
use thinkstream::{ErrorKind, LimitKind, Protocol, Rule};

use crate::decoded::{Decoded, decode};
use crate::recording::{Recording, Spoken};
use crate::screen::event_name;
use crate::stats::figures::{count, has_usage, protocol_name};

/// What was found in a recording.
pub(crate) struct Findings {
    pub(crate) protocol: Option<&'static str>,
    pub(crate) deviations: Vec<Finding>,
    /// Why the reply is not complete.
    pub(crate) failure: Option<Finding>,
    pub(crate) notes: Vec<Note>,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
}

/// Something that is not as the protocol says.
#[derive(Serialize)]
pub(crate) struct Finding {
    /// The rule that was broken, or the kind of the error.
    pub(crate) rule: String,
    pub(crate) offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) index: Option<u32>,
    pub(crate) statement: &'static str,
    pub(crate) consequence: &'static str,
    /// The error in words, which may be the server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    #[serde(skip)]
    habit: bool,
}

/// Something that the protocol allows, or does not speak of, and who serves the stream should know.
#[derive(Serialize)]
pub(crate) struct Note {
    pub(crate) note: &'static str,
    pub(crate) text: String,
}

/// A rule that was broken, and how often.
#[derive(Serialize)]
pub(crate) struct Broken {
    pub(crate) rule: String,
    pub(crate) count: u64,
    pub(crate) first_offset: u64,
    /// The rule is told of once in a stream, however often it is broken: the count is the least.
    pub(crate) told_once: bool,
}

impl Findings {
    pub(crate) fn of(recording: &Recording, protocol: Option<Spoken>) -> Self {
        let decoded = decode(recording, protocol.map(Into::into), |_, _| ());
        let deviations = decoded
            .warnings
            .iter()
            .map(|warned| Finding::broken(warned.rule, warned.offset, warned.index))
            .collect();
        let failure = decoded.error.as_ref().map(Finding::error);
        Self {
            protocol: decoded.protocol.map(protocol_name),
            deviations,
            failure,
            notes: notes(recording, &decoded),
            events: decoded.events,
            bytes: count(recording.len()),
        }
    }

    /// The rules that were broken, by where each was first.
    pub(crate) fn rules(&self) -> Vec<Broken> {
        let mut rules: Vec<Broken> = Vec::new();
        for finding in &self.deviations {
            match rules.iter_mut().find(|broken| broken.rule == finding.rule) {
                Some(broken) => broken.count += 1,
                None => rules.push(Broken {
                    rule: finding.rule.clone(),
                    count: 1,
                    first_offset: finding.offset,
                    told_once: finding.habit,
                }),
            }
        }
        rules
    }

    pub(crate) fn conforms(&self) -> bool {
        self.failure.is_none() && self.deviations.is_empty()
    }
}

impl Finding {
    fn broken(rule: Rule, offset: u64, index: Option<u32>) -> Self {
        let (statement, consequence) = (rule.statement(), rule.consequence());
        let habit = rule.is_habit();
        let rule = rule.name().to_owned();
        Self { rule, offset, index, statement, consequence, error: None, habit }
    }

    fn error(error: &thinkstream::Error) -> Self {
        let (offset, kind) = (error.offset(), error.kind());
        let finding = match kind {
            ErrorKind::Protocol { rule, index } => Self::broken(*rule, offset, *index),
            _ => {
                let (statement, consequence) = words(kind);
                let index = match kind {
                    ErrorKind::Malformed { index, .. } => *index,
                    _ => None,
                };
                let rule = kind.name().to_owned();
                Self { rule, offset, index, statement, consequence, error: None, habit: false }
            }
        };
        Self { error: Some(kind.to_string()), ..finding }
    }
}

/// What the protocol says of it, and what becomes of clients.
fn words(kind: &ErrorKind) -> (&'static str, &'static str) {
    match kind {
        ErrorKind::Server(_) => (
            "a reply that fails ends with an error of its server",
            "what came is not the reply; the request has to be sent again, or changed",
        ),
        ErrorKind::Incomplete { .. } => (
            "a reply says why it stopped before its stream ends",
            "clients cannot tell a reply that was cut from one that is whole, and must ask again",
        ),
        ErrorKind::EmptyStream => (
            "a response is a reply, or an error that says why there is none",
            "clients cannot tell what happened, and must ask again",
        ),
        ErrorKind::Unterminated { .. } => (
            "a reply ends with its terminator, and that with a blank line",
            "clients that wait for it report a broken connection after a reply that is whole",
        ),
        ErrorKind::Malformed { .. } => (
            "the JSON of an event has the form that its type says",
            "typed clients fail in the middle of the reply",
        ),
        ErrorKind::Limit { limit: LimitKind::EventBytes, .. } => (
            "an event fits into the memory of a client",
            "clients that bound what they hold give up the reply",
        ),
        ErrorKind::NoEvents { .. } | ErrorKind::Refused { .. } => (
            "the body is an event stream of a protocol that is known",
            "clients find no reply in it",
        ),
        _ => ("the stream is received to its end", "clients have a part of the reply"),
    }
}

fn notes(recording: &Recording, decoded: &Decoded) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut add = |note, text: String| notes.push(Note { note, text });
    for (name, times) in &decoded.unknown {
        add(
            "unknown_event",
            format!("events of a type that is not known: {} ×{times}", event_name(name)),
        );
    }
    if decoded.behind > 0 {
        let text = format!("{} bytes after the end of the reply are not read", decoded.behind);
        add("after_end", text);
    }
    let ended = matches!(
        decoded.error.as_ref().map(thinkstream::Error::kind),
        None | Some(ErrorKind::Unterminated { .. })
    );
    if ended && is_text(decoded.protocol) && !ends_with_a_blank_line(recording) {
        let text = "the last event has no blank line behind it: many clients never see it";
        add("no_final_blank_line", text.to_owned());
    }
    // Of a reply that failed, nobody knows what was still to come.
    if decoded.error.is_none() {
        for (note, text) in missing(decoded) {
            add(note, text.to_owned());
        }
    }
    notes
}

/// What a whole reply does not say.
fn missing(decoded: &Decoded) -> Vec<(&'static str, &'static str)> {
    let message = &decoded.message;
    let is_none =
        |text: &Option<thinkstream::Text>| text.as_ref().is_none_or(thinkstream::Text::is_empty);
    let usage = match decoded.protocol {
        Some(Protocol::OpenAiChat) => {
            "no usage is reported; requests ask for it with `stream_options.include_usage`"
        }
        _ => "no usage is reported: clients cannot count tokens",
    };
    [
        (!has_usage(&message.usage), "no_usage", usage),
        (message.stop_reason.is_none(), "no_stop_reason", "no stop reason is given"),
        (is_none(&message.id), "no_message_id", "the message has no id"),
        (is_none(&message.model), "no_model", "the message does not name its model"),
    ]
    .into_iter()
    .filter_map(|(missing, note, text)| missing.then_some((note, text)))
    .collect()
}

fn is_text(protocol: Option<Protocol>) -> bool {
    protocol.is_some_and(|protocol| protocol != Protocol::AnthropicOnBedrock)
}

fn ends_with_a_blank_line(recording: &Recording) -> bool {
    let bytes = recording.chunks.iter().rev().flat_map(|chunk| chunk.bytes.iter().rev());
    let mut end: Vec<u8> = bytes.take(4).copied().collect();
    end.reverse();
    [&b"\n\n"[..], b"\r\r", b"\n\r\n"].iter().any(|blank| end.ends_with(blank))
}
