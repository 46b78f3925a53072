//! Where the bytes come from.

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// Opens a file, or the standard input for `-`. At most `chunk` bytes are read at once.
pub(crate) fn open(path: &Path, chunk: Option<NonZeroUsize>) -> io::Result<Pieces> {
    let reader: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let file = File::open(path).map_err(named)?;
        if file.metadata().map_err(named)?.is_dir() {
            return Err(named(io::ErrorKind::IsADirectory.into()));
        }
        Box::new(file)
    };
    Ok(Pieces { reader, chunk: chunk.map_or(usize::MAX, NonZeroUsize::get) })
}

/// What to read, as all commands take it.
#[derive(clap::Args)]
pub(crate) struct Source {
    /// The stream to read; `-` is the standard input.
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,

    /// Read at most this many bytes at once, to see that cuts make no difference.
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) chunk: Option<NonZeroUsize>,
}

impl Source {
    pub(crate) fn open(&self) -> io::Result<Pieces> {
        open(&self.file, self.chunk)
    }
}

pub(crate) fn at_least_one(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "a whole number, at least 1".to_owned())
}

/// A reader that gives at most so many bytes at once.
pub(crate) struct Pieces {
    reader: Box<dyn Read>,
    chunk: usize,
}

impl Pieces {
    /// The same, whatever its size.
    pub(crate) fn unlimited(self) -> Self {
        Self { chunk: usize::MAX, ..self }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len().min(self.chunk);
        self.reader.read(&mut buffer[..len])
    }
}
