//! Which files are meant.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file to read, or what could not be looked into.
pub(crate) type Found = Result<PathBuf, (PathBuf, io::Error)>;

/// The files that are named, whatever their names, and of folders the recordings and streams below
/// them, in the order of their names. Links in a folder are not followed: they may lead back into it.
pub(crate) fn files(paths: &[PathBuf]) -> Vec<Found> {
    let mut found = Vec::new();
    for path in paths {
        if path.as_os_str() != "-" && path.is_dir() {
            folder(path, &mut found);
        } else {
            found.push(Ok(path.clone()));
        }
    }
    found
}

/// There is no file to read.
pub(crate) fn nothing() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "no *.jsonl and no *.sse in there")
}

pub(crate) fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn folder(path: &Path, found: &mut Vec<Found>) {
    let mut folders = vec![path.to_owned()];
    let mut inside = Vec::new();
    while let Some(path) = folders.pop() {
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) => {
                inside.push((path.clone(), Err((path, error))));
                continue;
            }
        };
        for entry in entries {
            match entry.and_then(|entry| Ok((entry.path(), entry.file_type()?))) {
                Ok((path, kind)) if kind.is_dir() => folders.push(path),
                Ok((path, kind)) if kind.is_file() && is_recording(&path) => {
                    inside.push((path.clone(), Ok(path)));
                }
                Ok(_) => {}
                Err(error) => inside.push((path.clone(), Err((path.clone(), error)))),
            }
        }
    }
    inside.sort_by(|a, b| a.0.cmp(&b.0));
    found.extend(inside.into_iter().map(|(_, found)| found));
}

fn is_recording(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jsonl" || extension == "sse")
}
