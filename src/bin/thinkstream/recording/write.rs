//! Writes a recording while its stream comes.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::read::is_recording;
use super::{Head, Line, Spoken, VERSION, invalid};

/// Appends a recording to a file, each chunk at once, so that nothing of it is lost whatever happens.
pub(crate) struct Recorder {
    file: File,
    began: Instant,
}

impl Recorder {
    /// Begins a recording at the end of the file, which is made if it is not there.
    pub(crate) fn append(
        path: &Path,
        protocol: Option<Spoken>,
        request_id: Option<String>,
    ) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        let whole = look_over(&mut file)?;
        let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let unix_ms = u64::try_from(unix_ms).unwrap_or_default();
        let mut recorder = Self { file, began: Instant::now() };
        let head = Line::Recording(Head { version: VERSION, unix_ms, protocol, request_id });
        recorder.write(if whole { "" } else { "\n" }, &head)?;
        Ok(recorder)
    }

    /// A chunk came at this moment.
    pub(crate) fn chunk(&mut self, at: Instant, bytes: &[u8]) -> io::Result<()> {
        let ms = self.ms(at);
        let (text, base64) = match std::str::from_utf8(bytes) {
            Ok(text) => (Some(text.to_owned()), None),
            Err(_) => (None, Some(STANDARD.encode(bytes))),
        };
        self.write("", &Line::Chunk { ms, text, base64 })
    }

    /// The stream has ended by itself.
    pub(crate) fn end(&mut self, at: Instant) -> io::Result<()> {
        let ms = self.ms(at);
        self.write("", &Line::End { ms })
    }

    fn ms(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.began).as_micros() as f64 / 1000.0
    }

    /// In one write: another process that looks on sees whole lines, and who is killed leaves them.
    fn write(&mut self, before: &str, line: &Line) -> io::Result<()> {
        let mut text = before.as_bytes().to_vec();
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
        self.file.write_all(&text)
    }
}

/// Whether what is appended begins a line. What is no file of recordings stays as it is.
fn look_over(file: &mut File) -> io::Result<bool> {
    let metadata = file.metadata()?;
    // A pipe, a device: there is nothing behind which to append.
    if !metadata.is_file() || metadata.len() == 0 {
        return Ok(true);
    }
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(64).read_to_end(&mut head)?;
    if !is_recording(&head) {
        return Err(invalid("there already, and no recording: nothing is appended".to_owned()));
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
