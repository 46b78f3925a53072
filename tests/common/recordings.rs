//! Recorded streams.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use thinkstream::{Error, Event, Message};

pub(crate) type Log = (Vec<Event>, Option<Error>);

/// One recorded stream, and what is known of it.
pub(crate) struct Recording {
    /// The name of the file, without its folder and extension.
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) facts: Value,
    /// The lengths of the pieces in which a client received it, if it counted them.
    pub(crate) pieces: Option<Vec<usize>>,
    /// Whether the bytes are as the provider sent them.
    pub(crate) captured: bool,
}

/// The folder that the environment names.
pub(crate) fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("THINKSTREAM_CORPUS").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: THINKSTREAM_CORPUS names no folder");
    }
    folder
}

/// All streams of a folder of the corpus that have facts.
pub(crate) fn recordings(corpus: &Path, folder: &str) -> Vec<Recording> {
    let read = |file: &str| std::fs::read_to_string(corpus.join(file)).unwrap();
    let index = read("INDEX.tsv");
    let mut rows = index.lines().map(|line| line.split('\t'));
    let header: Vec<_> = rows.next().unwrap().collect();
    let column = |name| header.iter().position(|column| *column == name).unwrap();
    let (file, origin) = (column("file"), column("origin"));
    let rows: Vec<Vec<_>> = rows.map(Iterator::collect).collect();
    let origins: BTreeMap<_, _> = rows.iter().map(|row| (row[file], row[origin])).collect();

    let facts = read("FACTS.jsonl");
    let facts = facts.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let recordings: Vec<_> = facts
        .filter_map(|facts| {
            let file = facts["file"].as_str().unwrap();
            let name =
                file.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(".sse")?.to_owned();
            let path = corpus.join(file);
            let pieces = std::fs::read_to_string(path.with_extension("sse.chunks")).ok();
            Some(Recording {
                name,
                bytes: std::fs::read(path).unwrap(),
                pieces: pieces.map(|text| text.lines().map(|len| len.parse().unwrap()).collect()),
                captured: origins[file] == "captured",
                facts,
            })
        })
        .collect();
    assert!(recordings.len() > 50, "only {} streams", recordings.len());
    recordings
}

impl Recording {
    /// The stream in the pieces in which it was received, if they are known.
    pub(crate) fn as_received(&self) -> Option<Vec<&[u8]>> {
        let mut rest = &self.bytes[..];
        let pieces = self.pieces.as_ref()?.iter().map(|len| {
            let (piece, behind) = rest.split_at(*len);
            rest = behind;
            piece
        });
        let pieces = pieces.collect();
        assert!(rest.is_empty(), "{}: the pieces do not add up", self.name);
        Some(pieces)
    }
}

/// The message at the end, whether that was good or not.
pub(crate) fn message((events, error): &Log) -> &Message {
    match (events.last(), error) {
        (_, Some(error)) => &error.partial().message,
        (Some(Event::Complete(done)), None) => &done.message,
        end => panic!("{end:?}"),
    }
}

#[track_caller]
pub(crate) fn same(how: &str, found: &Log, whole: &Log) {
    let end = |log: &Log| {
        log.1
            .as_ref()
            .map(|error| (error.kind().name().to_owned(), error.offset(), error.to_string()))
    };
    let partial = |log: &Log| log.1.as_ref().map(|error| error.partial().clone());
    assert_eq!(found.0, whole.0, "{how}");
    assert_eq!(end(found), end(whole), "{how}");
    assert_eq!(partial(found), partial(whole), "{how}");
}
