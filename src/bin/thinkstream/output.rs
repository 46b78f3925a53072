//! Bytes on the standard output, as they are.

use std::io::{self, IsTerminal, Write};

use crate::sanitize::sanitize;

/// The standard output for bytes of a stream: unchanged, each chunk in one write of its own.
///
/// A terminal is no reader that wants the bytes, and would obey some of them: it is shown harmless text.
pub(crate) struct Output {
    out: Box<dyn Write>,
    terminal: bool,
}

impl Output {
    pub(crate) fn stdout() -> io::Result<Self> {
        Ok(Self { out: unbuffered()?, terminal: io::stdout().is_terminal() })
    }

    pub(crate) fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        if self.terminal {
            self.out.write_all(sanitize(&String::from_utf8_lossy(chunk)).as_bytes())?;
        } else {
            self.out.write_all(chunk)?;
        }
        self.out.flush()
    }
}

/// The standard library's own handle writes each line for itself, and what is behind it once more.
#[cfg(unix)]
fn unbuffered() -> io::Result<Box<dyn Write>> {
    use std::os::fd::AsFd;
    Ok(Box::new(std::fs::File::from(io::stdout().as_fd().try_clone_to_owned()?)))
}

#[cfg(not(unix))]
fn unbuffered() -> io::Result<Box<dyn Write>> {
    Ok(Box::new(io::stdout()))
}
