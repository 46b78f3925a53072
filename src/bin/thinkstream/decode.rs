//! `thinkstream decode`: the events of a reply.

use std::io::{self, IsTerminal, Read, Write};

use thinkstream::{Decoder, EventReader, Protocol};

use crate::input::Source;
use crate::json::line;
use crate::screen::Screen;
use crate::{Outcome, note};

/// Decodes the stream of a reply: thinking, text, tool calls, usage.
///
/// Exit code: 0 if the reply is complete, 1 if the stream failed or is incomplete, 2 if the command
/// could not be run.
///
/// Example: `curl -sN … | thinkstream decode --json`
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,

    #[command(flatten)]
    show: Show,

    /// Take every deviation from the protocol as an error.
    #[arg(long)]
    strict: bool,

    /// The id of the request, from the response's `request-id` header.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
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
    let mut decoder = Decoder::new(Protocol::Anthropic).strict(args.strict);
    if let Some(id) = &args.request_id {
        decoder = decoder.request_id(id.as_str());
    }
    show(args.source.open()?, decoder, &args.show)
}

/// Shows a reply as it comes.
pub(crate) fn show(reader: impl Read, decoder: Decoder, show: &Show) -> io::Result<Outcome> {
    let mut out = io::stdout().lock();
    let mut events = EventReader::new(reader, decoder);
    if show.json {
        for event in &mut events {
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
    for event in &mut events {
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
