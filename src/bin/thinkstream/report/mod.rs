//! `thinkstream report`: a page that shows a recording.

mod html;
mod model;
mod page;
mod reply;
mod timeline;

use std::fs;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use self::model::Model;
use crate::recording::{self, Recording, Spoken};
use crate::stats::figures::COMPLETE;
use crate::{Outcome, note};

/// Makes a page that shows a recording: when what came, what it cost, what it says.
///
/// The page is one HTML file that needs no network and runs no script. Plain files of streams have no
/// times; their page is over the bytes of the stream.
///
/// Exit code: 0 if the reply is complete, 1 if it is not, which the page tells, 2 if there is no page.
///
/// Example: `thinkstream report reply.jsonl -o reply.html`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A recording, or a plain file of a stream; `-` is the standard input.
    file: PathBuf,

    /// Where to write the page; `-` is the standard output.
    #[arg(short, long, value_name = "PAGE")]
    output: PathBuf,

    /// Which recording, from 1, if the file has several.
    #[arg(long, value_name = "K")]
    number: Option<NonZeroUsize>,

    /// What the server speaks. Told by the first events if not given.
    #[arg(long, value_enum, value_name = "PROTOCOL")]
    protocol: Option<Spoken>,
}

pub(crate) fn run(args: &Args) -> io::Result<Outcome> {
    if is_same(&args.file, &args.output) {
        return Err(refused("the page would overwrite the recording".to_owned()));
    }
    let recordings = recording::load(&args.file)?;
    let recording = choose(&recordings, args)?;
    let model = Model::of(recording, args.protocol);
    let page = page::page(&model);
    if args.output == Path::new("-") {
        let mut out = io::stdout().lock();
        out.write_all(page.as_bytes())?;
        out.flush()?;
    } else {
        fs::write(&args.output, page).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", args.output.display()))
        })?;
    }
    if model.figures.outcome == COMPLETE {
        return Ok(Outcome::Complete);
    }
    note(&model.figures.error.as_deref().unwrap_or("the reply is not complete"));
    Ok(Outcome::Failed)
}

/// The recording that is meant.
fn choose<'a>(recordings: &'a [Recording], args: &Args) -> io::Result<&'a Recording> {
    let (file, all) = (args.file.display(), recordings.len());
    match (args.number, recordings) {
        (None, [one]) => Ok(one),
        (None, _) => {
            Err(refused(format!("{file} has {all} recordings: choose with --number 1 to {all}")))
        }
        (Some(number), _) => recordings
            .get(number.get() - 1)
            .ok_or_else(|| refused(recording::missing(&file, all, number.get()))),
    }
}

/// Whether both are one file, which would be lost.
fn is_same(file: &Path, page: &Path) -> bool {
    match (file.canonicalize(), page.canonicalize()) {
        (Ok(file), Ok(page)) => file == page,
        _ => false,
    }
}

fn refused(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
