//! `thinkstream stats`: the figures of many recordings.

pub(crate) mod figures;
mod summary;
pub(crate) mod table;
pub(crate) mod walk;

use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use self::figures::Figures;
use self::summary::Summary;
use self::table::Style;
use self::walk::Found;
use crate::Outcome;
use crate::json::line;
use crate::recording::{self, Spoken};
use crate::screen::colour;

/// Compares recordings: how each ended, what it cost, when what of it came.
///
/// One row for each recording. What is not known is `-`, `null` or empty, and never 0: plain files of
/// streams have no times. The last rows of the table are the sums, and the times that 50 and 95 of 100
/// recordings do not pass; CSV has none of them. There, a text that a spreadsheet would run as a formula
/// begins with an apostrophe.
///
/// Exit code: 0 if every file could be read, 1 if one could not or is no stream, which is a row too, 2 if
/// the command could not be run.
///
/// Example: `thinkstream stats recordings/ --csv > figures.csv`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Recordings, or plain files of streams; `-` is the standard input. Of folders, all *.jsonl and
    /// *.sse below them.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Print one recording a line, as JSON, and a summary.
    #[arg(long, conflicts_with = "csv")]
    json: bool,

    /// Print comma-separated values with a header.
    #[arg(long)]
    csv: bool,

    /// How many files are read at once. As many as there are processors if not given.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// What the servers speak. Told by the first events if not given.
    #[arg(long, value_enum, value_name = "PROTOCOL")]
    protocol: Option<Spoken>,
}

pub(crate) fn run(args: &Args) -> io::Result<Outcome> {
    let files = walk::files(&args.files);
    if files.is_empty() {
        return Err(walk::nothing());
    }
    let rows = measure_all(&files, args);
    let out = io::stdout();
    let terminal = out.is_terminal();
    let mut out = io::BufWriter::new(out.lock());
    if args.json {
        for row in &rows {
            line(row, &mut out)?;
        }
        line(&Summary::of(&rows), &mut out)?;
    } else if args.csv {
        table::csv(&rows, &mut out)?;
    } else {
        let style = Style { colour: colour(terminal), cut: terminal };
        table::table(&rows, style, &mut out)?;
    }
    out.flush()?;
    let all_streams = rows.iter().all(Figures::is_stream);
    Ok(if all_streams { Outcome::Complete } else { Outcome::Failed })
}

/// The rows of all files, in the order of the files, however many threads read them.
fn measure_all(files: &[Found], args: &Args) -> Vec<Figures> {
    let usual = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let threads = args.threads.unwrap_or_else(usual).get().min(files.len());
    let rows: Vec<OnceLock<Vec<Figures>>> = files.iter().map(|_| OnceLock::new()).collect();
    let (next, bar) = (AtomicUsize::new(0), progress(files.len()));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((file, row)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    files.get(at).zip(rows.get(at))
                } {
                    let _ = row.set(measure_file(file, args.protocol));
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    rows.into_iter().filter_map(OnceLock::into_inner).flatten().collect()
}

/// The rows of a file: one for each of its recordings.
fn measure_file(file: &Found, protocol: Option<Spoken>) -> Vec<Figures> {
    let unreadable = |path: &Path, error: &io::Error| {
        vec![Figures::unreadable(path.display().to_string(), error)]
    };
    let path = match file {
        Ok(path) => path,
        Err((path, error)) => return unreadable(path, error),
    };
    match recording::load(path) {
        Ok(recordings) => recordings
            .iter()
            .map(|recording| Figures::measure(recording, protocol, |_, _| ()).0)
            .collect(),
        Err(error) => unreadable(path, &error),
    }
}

/// A bar on the standard error, if a person sees it.
fn progress(files: usize) -> ProgressBar {
    let target = if io::stderr().is_terminal() && files > 1 {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(u64::try_from(files).ok(), target);
    match ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} files, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
