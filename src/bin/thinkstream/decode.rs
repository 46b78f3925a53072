//! `thinkstream decode`: the events of a reply.

use std::io::{self, IsTerminal, Read, Write};
use std::num::NonZeroUsize;

use thinkstream::{Decoder, Detector, Error, Event, EventReader, Protocol};

use crate::input::{Source, at_least_one};
use crate::json::line;
use crate::recording::{self, Events, Opened, Recording, Spoken};
use crate::screen::Screen;
use crate::{Outcome, note};

/// Decodes the stream of a reply: thinking, text, tool calls, usage. Of Anthropic, also through Amazon
/// Bedrock, and of OpenAI's two APIs with all who speak them. Recordings are read like the streams they
/// are of, without their pauses; what is `complete` then has their `timing`.
///
/// Exit code: 0 if the reply is complete, 1 if the stream failed or is incomplete, 2 if the command
/// could not be run or the recording is damaged: it is then shown up to there.
///
/// Example: `curl -sN … | thinkstream decode --json`
#[derive(clap::Args)]
#[expect(clippy::doc_markdown, reason = "shown as help")]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,

    #[command(flatten)]
    show: Show,

    /// What the server speaks. Told by the first events if not given.
    #[arg(long, value_enum, value_name = "PROTOCOL")]
    protocol: Option<Spoken>,

    /// Take every deviation from the protocol as an error.
    #[arg(long)]
    strict: bool,

    /// The id of the request, from the response's `request-id` header.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,

    /// Of several recordings in a file, the one with this number. The first if not given.
    #[arg(long, value_name = "K", value_parser = at_least_one)]
    number: Option<NonZeroUsize>,
}

/// How a reply is shown.
#[derive(clap::Args)]
pub(crate) struct Show {
    /// Print one event a line, as JSON.
    #[arg(long)]
    json: bool,

    /// Print the model's thinking, not only how long it took.
    #[arg(long)]
    show_thinking: bool,
}

pub(crate) fn run(args: &Args) -> io::Result<Outcome> {
    match recording::open(&args.source)? {
        Opened::Stream(_) if args.number.is_some() => {
            let error = format!("{}: no recording, but a stream", args.source.file.display());
            Err(io::Error::new(io::ErrorKind::InvalidData, error))
        }
        Opened::Stream(reader) => stream(args, reader),
        Opened::Recordings(recordings) => recorded(args, recordings),
    }
}

/// Shows a stream as it comes.
fn stream(args: &Args, mut reader: impl Read) -> io::Result<Outcome> {
    let mut head = Vec::new();
    let protocol = match args.protocol {
        Some(spoken) => Ok(spoken.into()),
        None => detect(&mut reader, &mut head)?,
    };
    match protocol {
        Ok(protocol) => {
            let reader = io::Cursor::new(head).chain(reader);
            let decoder = decoder(args, protocol, None);
            let events = EventReader::new(reader, decoder);
            show(events.map(|event| event.map(untimed)), &args.show)
        }
        Err(error) => refuse(&error, &args.show),
    }
}

/// The event without its times: of a file they say how fast it was read, and a pipe has waited for
/// who knows what.
pub(crate) fn untimed(mut event: Event) -> Event {
    if let Event::Complete(done) = &mut event {
        done.timing = None;
    }
    event
}

/// Shows one of the recordings, without its pauses.
fn recorded(args: &Args, recordings: Vec<Recording>) -> io::Result<Outcome> {
    let count = recordings.len();
    if count > 1 && args.number.is_none() {
        note(&format_args!("this is the first of {count} recordings; --number says which"));
    }
    let recording = recording::pick(recordings, args.number.map_or(1, NonZeroUsize::get))?;
    let outcome =
        match args.protocol.map_or_else(|| recording.protocol(), |spoken| Ok(spoken.into())) {
            Ok(protocol) => {
                let decoder = decoder(args, protocol, recording.request_id.as_deref());
                show(Events::new(&recording, args.source.chunk, decoder), &args.show)?
            }
            Err(error) => refuse(&error, &args.show)?,
        };
    match &recording.damaged {
        Some(damage) => Err(recording::damaged(damage)),
        None => Ok(outcome),
    }
}

fn decoder(args: &Args, protocol: Protocol, recorded_id: Option<&str>) -> Decoder {
    let decoder = Decoder::new(protocol).strict(args.strict);
    match args.request_id.as_deref().or(recorded_id) {
        Some(id) => decoder.request_id(id),
        None => decoder,
    }
}

/// Says why there is nothing to show.
fn refuse(error: &Error, show: &Show) -> io::Result<Outcome> {
    if show.json {
        line(error, &mut io::stdout().lock())?;
    } else {
        note(error);
    }
    Ok(Outcome::Failed)
}

/// Reads until it is known what is spoken. What was read is in `head`.
fn detect(reader: &mut impl Read, head: &mut Vec<u8>) -> io::Result<Result<Protocol, Error>> {
    let mut detector = Detector::new();
    let mut buffer = vec![0; 16 << 10];
    loop {
        let len = match reader.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        // What is no stream may still be an error that the decoder can read.
        if len == 0 {
            return Ok(Ok(Protocol::Anthropic));
        }
        head.extend_from_slice(&buffer[..len]);
        match detector.look(&buffer[..len]) {
            Ok(None) => {}
            Ok(Some(protocol)) => return Ok(Ok(protocol)),
            Err(error) => return Ok(Err(error)),
        }
    }
}

/// Shows a reply as it comes.
pub(crate) fn show(
    events: impl Iterator<Item = Result<Event, Error>>,
    show: &Show,
) -> io::Result<Outcome> {
    let mut out = io::stdout().lock();
    if show.json {
        for event in events {
            match event {
                Ok(event) => line(&event, &mut out)?,
                Err(error) => {
                    line(&error, &mut out)?;
                    return Ok(Outcome::Failed);
                }
            }
        }
        return Ok(Outcome::Complete);
    }
    let terminal = out.is_terminal();
    let mut screen = Screen::new(&mut out, terminal, show.show_thinking);
    for event in events {
        match event {
            Ok(event) => screen.event(&event)?,
            Err(error) => {
                screen.error(&error)?;
                out.flush()?;
                note(&error);
                return Ok(Outcome::Failed);
            }
        }
    }
    out.flush()?;
    Ok(Outcome::Complete)
}
