//! `thinkstream check`: whether a stream is what the protocol says.

mod findings;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use serde::Serialize;

use self::findings::{Broken, Finding, Findings, Note};
use crate::json::line;
use crate::recording::{self, Recording, Spoken};
use crate::screen::{colour, counted, grouped, one_line};
use crate::stats::walk;
use crate::{Outcome, note};

/// Says where a stream is not what the protocol says, and what clients suffer by it.
///
/// A line for each deviation, with the byte at which its event's data begins, then what there is of each
/// rule, and a verdict. Notes are of what the protocol allows but clients may miss; they break no rule.
///
/// Exit code: 0 if every stream conforms, 1 if one deviates or failed, 2 if a file could not be read.
///
/// Example: `curl -sN … | thinkstream check --protocol chat -`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Recordings, or plain files of streams; `-` is the standard input. Of folders, all *.jsonl and
    /// *.sse below them.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// What the server speaks. Told by the first events if not given.
    #[arg(long, value_enum, value_name = "PROTOCOL")]
    protocol: Option<Spoken>,

    /// Print one finding a line, as JSON.
    #[arg(long)]
    json: bool,
}

/// How many streams did what.
#[derive(Default, Serialize)]
struct Tally {
    streams: u64,
    conform: u64,
    deviate: u64,
    failed: u64,
    unreadable: u64,
}

pub(crate) fn run(args: &Args) -> io::Result<Outcome> {
    let files = walk::files(&args.files);
    if files.is_empty() {
        return Err(walk::nothing());
    }
    let out = io::stdout();
    let colour = colour(out.is_terminal());
    let mut report = Report { out: out.lock(), json: args.json, colour, tally: Tally::default() };
    let mut unread = None;
    for file in files {
        let mut cannot = |error, tally: &mut Tally| {
            tally.unreadable += 1;
            // The last is said by who ends the program.
            if let Some(earlier) = unread.replace(error) {
                note(&earlier);
            }
        };
        let read = file.map_err(|(path, error)| walk::named(&path, &error));
        match read.and_then(|path| recording::load(&path)) {
            Ok(recordings) => {
                for recording in &recordings {
                    match &recording.damaged {
                        Some(damage) => cannot(recording::damaged(damage), &mut report.tally),
                        None => {
                            report.stream(recording, &Findings::of(recording, args.protocol))?;
                        }
                    }
                }
            }
            Err(error) => cannot(error, &mut report.tally),
        }
    }
    report.end()?;
    match unread {
        Some(error) => Err(error),
        None if report.tally.conform < report.tally.streams => Ok(Outcome::Failed),
        None => Ok(Outcome::Complete),
    }
}

/// Where findings are written.
struct Report<W> {
    out: W,
    json: bool,
    colour: bool,
    tally: Tally,
}

/// A finding in JSON.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line<'a> {
    Deviation {
        file: &'a str,
        #[serde(flatten)]
        finding: &'a Finding,
    },
    Failure {
        file: &'a str,
        #[serde(flatten)]
        finding: &'a Finding,
    },
    Note {
        file: &'a str,
        #[serde(flatten)]
        note: &'a Note,
    },
    Verdict {
        file: &'a str,
        protocol: Option<&'static str>,
        conforms: bool,
        complete: bool,
        deviations: usize,
        rules: Vec<Broken>,
        events: u64,
        bytes: u64,
    },
    Summary(&'a Tally),
}

impl<W: Write> Report<W> {
    fn stream(&mut self, recording: &Recording, findings: &Findings) -> io::Result<()> {
        self.tally.streams += 1;
        match findings {
            _ if findings.failure.is_some() => self.tally.failed += 1,
            _ if findings.conforms() => self.tally.conform += 1,
            _ => self.tally.deviate += 1,
        }
        if self.json {
            self.stream_as_json(&recording.name, findings)
        } else {
            self.stream_as_text(&one_line(&recording.name), findings)
        }
    }

    fn stream_as_json(&mut self, file: &str, findings: &Findings) -> io::Result<()> {
        for finding in &findings.deviations {
            line(&Line::Deviation { file, finding }, &mut self.out)?;
        }
        if let Some(finding) = &findings.failure {
            line(&Line::Failure { file, finding }, &mut self.out)?;
        }
        for note in &findings.notes {
            line(&Line::Note { file, note }, &mut self.out)?;
        }
        let verdict = Line::Verdict {
            file,
            protocol: findings.protocol,
            conforms: findings.conforms(),
            complete: findings.failure.is_none(),
            deviations: findings.deviations.len(),
            rules: findings.rules(),
            events: findings.events,
            bytes: findings.bytes,
        };
        line(&verdict, &mut self.out)
    }

    fn stream_as_text(&mut self, file: &str, findings: &Findings) -> io::Result<()> {
        for finding in &findings.deviations {
            self.finding(file, finding)?;
        }
        if let Some(failure) = &findings.failure {
            self.finding(file, failure)?;
        }
        for note in &findings.notes {
            writeln!(self.out, "{file}: note: {}", one_line(&note.text))?;
        }
        let protocol = findings.protocol.unwrap_or("unknown protocol");
        let whole = if findings.failure.is_none() { "complete" } else { "incomplete" };
        let (events, bytes) = (counted(findings.events, "event"), grouped(findings.bytes));
        writeln!(self.out, "{file}: {protocol}, {whole}, {events}, {bytes} bytes")?;
        for broken in findings.rules() {
            let (rule, count, first) = (&broken.rule, grouped(broken.count), broken.first_offset);
            let least = if broken.told_once { ", and maybe more: it is told of once" } else { "" };
            writeln!(self.out, "  {rule:<22} ×{count}, first at byte {first}{least}")?;
        }
        self.verdict(file, findings)
    }

    /// One deviation.
    fn finding(&mut self, file: &str, finding: &Finding) -> io::Result<()> {
        let Finding { rule, offset, statement, consequence, .. } = finding;
        let block = finding.index.map(|index| format!(", block {index}")).unwrap_or_default();
        let error = finding.error.as_ref().map(|error| format!(" ({})", one_line(error)));
        let error = error.unwrap_or_default();
        writeln!(
            self.out,
            "{file}: byte {offset}{block}: {rule}: expected: {statement}{error}; consequence: {consequence}"
        )
    }

    fn verdict(&mut self, file: &str, findings: &Findings) -> io::Result<()> {
        let deviations = counted(findings.deviations.len().try_into().unwrap_or(0), "deviation");
        let (colour, text) = match (&findings.failure, findings.deviations.is_empty()) {
            (Some(failure), true) => ("31", format!("failed: {}", failure.rule)),
            (Some(failure), false) => ("31", format!("failed: {}; {deviations}", failure.rule)),
            (None, true) => ("32", "conforms".to_owned()),
            (None, false) => ("33", deviations),
        };
        let (on, off) =
            if self.colour { (format!("\x1b[{colour}m"), "\x1b[0m") } else { (String::new(), "") };
        writeln!(self.out, "{file}: {on}{text}{off}")
    }

    /// How many streams did what, if there were several.
    fn end(&mut self) -> io::Result<()> {
        let Tally { streams, conform, deviate, failed, unreadable } = self.tally;
        if self.json {
            line(&Line::Summary(&self.tally), &mut self.out)?;
        } else if streams + unreadable > 1 {
            let streams = counted(streams, "stream");
            write!(self.out, "{streams}: {conform} conform, {deviate} deviate, {failed} failed")?;
            let unread = if unreadable > 0 {
                format!(", and {} could not be read", counted(unreadable, "file"))
            } else {
                String::new()
            };
            writeln!(self.out, "{unread}")?;
        }
        self.out.flush()
    }
}
