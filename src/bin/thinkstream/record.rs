//! `thinkstream record`: keeps a stream, with its times, while it passes.

use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Instant;

use crate::output::Output;
use crate::recording::{Recorder, Spoken};
use crate::{Outcome, note};

/// Records the stream on the standard input, and passes it on to the standard output at once.
///
/// The recording is appended to the file, a line of JSON for each chunk as it came: first
/// `{"type":"recording","version":1,"unix_ms":…}`, with the protocol and the id of the request if they
/// are given, then `{"type":"chunk","ms":312.418,"text":"…"}` for each chunk, at last
/// `{"type":"end","ms":2210.5}`. Times count from the first line, in milliseconds. What is no UTF-8 is in
/// `base64` instead of `text`. Whoever ends the recorder early leaves a recording without its `end`, which
/// is good but cut. `decode`, `replay` and `serve` read recordings.
///
/// If nobody reads the standard output any more, recording goes on; if the file cannot be opened or
/// written, the stream passes on all the same, and the exit code is 2. It is 1 if the input cannot be read
/// to its end. Nothing is read or passed on, with exit code 2, if the file is there already and no
/// recording, or if another recorder is writing to it.
///
/// Example: `curl -sN … | thinkstream record talk.jsonl | thinkstream decode`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The file to append the recording to.
    file: PathBuf,

    /// What the server speaks.
    #[arg(long, value_enum, value_name = "PROTOCOL")]
    protocol: Option<Spoken>,

    /// The id of the request, from the response's `request-id` header.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
}

pub(crate) fn run(args: &Args) -> io::Result<Outcome> {
    let out = Some(Output::stdout()?);
    let mut tee = Tee { args, out, recorder: None, failed: None };
    match Recorder::append(&args.file, args.protocol, args.request_id.clone()) {
        Ok(recorder) => tee.recorder = Some(recorder),
        Err(error) if is_of_others(&error) => return Err(named(args, &error)),
        Err(error) => {
            note(&format_args!("{}; the stream passes on", named(args, &error)));
            tee.failed = Some(no_recording(args));
        }
    }
    let mut stdin = io::stdin().lock();
    let mut buffer = vec![0; 64 << 10];
    while tee.is_of_use() {
        let len = match stdin.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                note(&format_args!("the input cannot be read to its end: {error}"));
                return Ok(Outcome::Failed);
            }
            Ok(len) => len,
        };
        let at = Instant::now();
        if len == 0 {
            tee.end(at);
            break;
        }
        tee.chunk(at, &buffer[..len]);
    }
    match tee.failed {
        None => Ok(Outcome::Complete),
        Some(error) => Err(error),
    }
}

/// Where the chunks go: to each of the two as long as it takes them.
struct Tee<'a> {
    args: &'a Args,
    out: Option<Output>,
    recorder: Option<Recorder>,
    /// Why not all was done.
    failed: Option<io::Error>,
}

impl Tee<'_> {
    fn is_of_use(&self) -> bool {
        self.out.is_some() || self.recorder.is_some()
    }

    fn chunk(&mut self, at: Instant, bytes: &[u8]) {
        if let Some(Err(error)) = self.out.as_mut().map(|out| out.write(bytes)) {
            self.lost_reader(&error);
        }
        if let Some(Err(error)) = self.recorder.as_mut().map(|recorder| recorder.chunk(at, bytes)) {
            self.lost_file(&error);
        }
    }

    fn end(&mut self, at: Instant) {
        if let Some(Err(error)) = self.recorder.as_mut().map(|recorder| recorder.end(at)) {
            self.lost_file(&error);
        }
    }

    fn lost_reader(&mut self, error: &io::Error) {
        self.out = None;
        if error.kind() == io::ErrorKind::BrokenPipe {
            note(&"nobody reads the output any more; recording goes on");
        } else {
            note(&format_args!("the output cannot be written: {error}; recording goes on"));
            self.failed = Some(io::Error::other("not all was passed on"));
        }
    }

    fn lost_file(&mut self, error: &io::Error) {
        self.recorder = None;
        note(&format_args!("{}; the stream passes on", named(self.args, error)));
        let file = self.args.file.display();
        self.failed = Some(io::Error::other(format!("{file}: the recording is cut")));
    }
}

/// Whether the file is one to keep away from.
fn is_of_others(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::ResourceBusy)
}

fn no_recording(args: &Args) -> io::Error {
    io::Error::other(format!("{}: there is no recording", args.file.display()))
}

fn named(args: &Args, error: &io::Error) -> io::Error {
    io::Error::other(format!("{}: {error}", args.file.display()))
}
