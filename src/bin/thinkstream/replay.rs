//! `thinkstream replay`: a recording, as it was.

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use crate::input::at_least_one;
use crate::output::Output;
use crate::pace::{self, Speed};
use crate::recording::{self, Recording};
use crate::{Outcome, note};

/// Plays recordings to the standard output, byte for byte and at their own pace.
///
/// Several recordings of a file are played one after the other. A plain file of a stream has no times:
/// it comes at once. A recording that is damaged is played up to there, and the exit code is 2.
///
/// Example: `thinkstream replay talk.jsonl --speed 2 | thinkstream decode`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The recordings; `-` is the standard input.
    #[arg(default_value = "-")]
    file: PathBuf,

    /// How many times faster than it was; `max` is at once.
    #[arg(long, value_name = "X", default_value = "1")]
    speed: Speed,

    /// Cut into pieces of so many bytes; each is out when its last byte had come.
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    chunk: Option<NonZeroUsize>,

    /// Only the recording with this number, from 1 on.
    #[arg(long, value_name = "K", value_parser = at_least_one)]
    number: Option<NonZeroUsize>,
}

pub(crate) fn run(args: &Args) -> io::Result<Outcome> {
    let mut recordings = recording::load(&args.file)?;
    if let Some(number) = args.number {
        recordings = vec![recording::pick(recordings, number.get())?];
    }
    let mut out = Output::stdout()?;
    let mut damaged = None;
    for recording in &recordings {
        play(recording, args, &mut out)?;
        if let Some(damage) = &recording.damaged {
            // The last is said by who ends the program.
            if let Some(earlier) = damaged.replace(recording::damaged(damage)) {
                note(&earlier);
            }
        } else if recording.is_cut() {
            note(&format_args!("{} was cut: it has no end", recording.name));
        }
    }
    damaged.map_or(Ok(Outcome::Complete), Err)
}

fn play(recording: &Recording, args: &Args, out: &mut Output) -> io::Result<()> {
    let began = Instant::now();
    for piece in recording.pieces(args.chunk) {
        pace::wait(began, args.speed.of(piece.at));
        out.write(&piece.bytes)?;
    }
    pace::wait(began, args.speed.of(recording.ended.unwrap_or_default()));
    Ok(())
}
