//! `thinkstream sse`: the frames of any event stream.

use std::io::{self, Read, Write};

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use thinkstream::ErrorKind;
use thinkstream::sse::{Decoder, Item};

use crate::input::Source;
use crate::json::line;
use crate::recording::{self, Opened};
use crate::{Outcome, note};

/// Prints the frames of any event stream, one JSON object a line.
///
/// Each frame is `{"event":…,"data":…,"id":…}`, where `id` is the last event ID. Where the server
/// set the reconnection time, `{"retry":N}` is printed. An event that was cut by the end of the
/// input is not printed, as the standard demands; a note on it goes to the standard error.
///
/// Example: `curl -sN … | thinkstream sse`
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Frame { event: &'a str, data: &'a str, id: &'a str },
    Retry { retry: u64 },
}

pub(crate) fn run(args: &Args) -> io::Result<Outcome> {
    let mut reader: Box<dyn Read> = match recording::open(&args.source)? {
        Opened::Stream(reader) => Box::new(reader),
        Opened::Recordings(_) => {
            let file = args.source.file.display();
            let why = format!("{file}: this is a recording; `thinkstream replay` gives its stream");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
    };
    let mut out = io::stdout().lock();
    let mut decoder = Decoder::new();
    let mut buffer = BytesMut::new();
    let mut found = false;
    loop {
        let mut chunk = match read(&mut reader, &mut buffer) {
            Ok(chunk) => chunk,
            Err(error) => {
                note(&format_args!("{}: {error}", args.source.file.display()));
                return Ok(Outcome::Failed);
            }
        };
        if chunk.is_empty() {
            break;
        }
        loop {
            match decoder.decode(&mut chunk) {
                Ok(Some(item)) => {
                    found = true;
                    print(&item, &mut out)?;
                }
                Ok(None) => break,
                Err(error) => {
                    note(&error);
                    return Ok(Outcome::Failed);
                }
            }
        }
    }
    // The standard discards an event that was cut; whoever looks at a stream wants to know.
    if let Err(error) = decoder.finish()
        && let ErrorKind::PartialFrame { leftover } = error.kind()
    {
        note(&format_args!("an unfinished event of {leftover} bytes at the end is not printed"));
    } else if !found && decoder.offset() > 0 {
        note(&format_args!("no event in {} bytes", decoder.offset()));
    }
    Ok(Outcome::Complete)
}

fn read(reader: &mut impl Read, buffer: &mut BytesMut) -> io::Result<Bytes> {
    buffer.resize(16 * 1024, 0);
    loop {
        match reader.read(buffer) {
            Ok(len) => return Ok(buffer.split_to(len).freeze()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn print(item: &Item, out: &mut impl Write) -> io::Result<()> {
    match item {
        Item::Frame(frame) => {
            let (event, data, id) = (frame.event(), frame.data(), frame.id());
            line(&Line::Frame { event: &event, data: &data, id: &id }, out)
        }
        Item::Retry(retry) => line(&Line::Retry { retry: *retry }, out),
        _ => Ok(()),
    }
}
