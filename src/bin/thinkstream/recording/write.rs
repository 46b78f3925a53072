//! Writes a recording while its stream comes.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Head, Line, VERSION};

/// Appends a recording to a file, each chunk at once, so that nothing of it is lost whatever happens.
pub(crate) struct Recorder {
    file: File,
    began: Instant,
}

impl Recorder {
    /// Begins a recording at the end of the file, which is made if it is not there.
    pub(crate) fn append(path: &Path, head: Head) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        if !ends_a_line(&mut file)? {
            file.write_all(b"\n")?;
        }
        let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let unix_ms = u64::try_from(unix_ms).unwrap_or_default();
        let mut recorder = Self { file, began: Instant::now() };
        recorder.line(&Line::Recording(Head { version: VERSION, unix_ms, ..head }))?;
        Ok(recorder)
    }

    /// A chunk has come.
    pub(crate) fn chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        let ms = self.ms();
        let (text, base64) = match std::str::from_utf8(bytes) {
            Ok(text) => (Some(text.to_owned()), None),
            Err(_) => (None, Some(STANDARD.encode(bytes))),
        };
        self.line(&Line::Chunk { ms, text, base64 })
    }

    /// The stream has ended by itself.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        let ms = self.ms();
        self.line(&Line::End { ms })
    }

    fn ms(&self) -> f64 {
        self.began.elapsed().as_micros() as f64 / 1000.0
    }

    /// In one write: another process that looks on sees whole lines.
    fn line(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.file.write_all(&text)
    }
}

/// Whether what is appended begins a line.
fn ends_a_line(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
