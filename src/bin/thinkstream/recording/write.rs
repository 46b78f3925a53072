//! Writes a recording while its stream comes.

#[cfg(unix)]
use std::fs::TryLockError;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::read::{is_recording, is_torn_head};
use super::{Head, Line, Spoken, VERSION, invalid};

/// Appends a recording to a file, each chunk at once, so that nothing of it is lost whatever happens.
pub(crate) struct Recorder {
    file: File,
    began: Instant,
}

impl Recorder {
    /// Begins a recording at the end of the file, which is made if it is not there. Nobody else may
    /// record to it meanwhile: their lines would be mixed.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData): the file is there already, and no recording.
    /// [`ResourceBusy`](io::ErrorKind::ResourceBusy): another recorder is writing to it.
    pub(crate) fn append(
        path: &Path,
        protocol: Option<Spoken>,
        request_id: Option<String>,
    ) -> io::Result<Self> {
        let mut file = open(path)?;
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

/// Opens the file for one recorder alone, as long as it lives.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
    // What is no file keeps no lines that could be mixed; and there are file systems without locks, which is
    // no reason to lose a stream.
    if file.metadata()?.is_file()
        && let Err(TryLockError::WouldBlock) = file.try_lock()
    {
        return Err(busy());
    }
    Ok(file)
}

/// Opens the file for one recorder alone, as long as it lives.
#[cfg(windows)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    /// Others may read, and nothing else.
    const FILE_SHARE_READ: u32 = 1;
    const ERROR_SHARING_VIOLATION: i32 = 32;
    let mut options = OpenOptions::new();
    options.create(true).append(true).read(true).share_mode(FILE_SHARE_READ);
    options.open(path).map_err(|error| match error.raw_os_error() {
        Some(ERROR_SHARING_VIOLATION) => busy(),
        _ => error,
    })
}

#[cfg(not(any(unix, windows)))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).read(true).open(path)
}

#[cfg(any(unix, windows))]
fn busy() -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, "another recorder is writing to it")
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
    file.take(HEAD_BYTES).read_to_end(&mut head)?;
    if !is_recording(&head) && !is_torn_head(&head) {
        return Err(invalid("there already, and no recording: nothing is appended".to_owned()));
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// Bytes by which a file of recordings is known.
const HEAD_BYTES: u64 = 64 << 10;
