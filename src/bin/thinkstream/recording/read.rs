//! Reads recordings, and plain files of streams as if each were one.

use std::io::{self, Cursor, Read};
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::{Chunk, HEAD, Line, Recording, VERSION, invalid};
use crate::input::{self, Pieces, Source};

/// The recordings of a file, or of the standard input for `-`. Anything that does not begin as a
/// recording is taken for a stream itself: one chunk, without times.
pub(crate) fn read(path: &Path) -> io::Result<Vec<Recording>> {
    let mut bytes = Vec::new();
    input::open(path, None)?.read_to_end(&mut bytes)?;
    parse(&path.display().to_string(), bytes)
}

/// What a source has.
pub(crate) enum Opened {
    /// Recordings, all of them.
    Recordings(Vec<Recording>),
    /// Anything else: a stream, of which no more has been read than tells it apart.
    Stream(io::Chain<Cursor<Vec<u8>>, Pieces>),
}

/// Opens a source that may be either. A stream can be read while it comes.
pub(crate) fn open(source: &Source) -> io::Result<Opened> {
    let mut reader = source.open()?;
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while may_be_recording(&head) {
        match reader.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => match read? {
                0 => break,
                len => head.extend_from_slice(&buffer[..len]),
            },
        }
    }
    if !is_recording(&head) {
        return Ok(Opened::Stream(Cursor::new(head).chain(reader)));
    }
    reader.unlimited().read_to_end(&mut head)?;
    Ok(Opened::Recordings(parse(&source.file.display().to_string(), head)?))
}

/// The recording with this number, from 1 on.
pub(crate) fn pick(recordings: Vec<Recording>, number: usize) -> io::Result<Recording> {
    let count = recordings.len();
    let picked = number.checked_sub(1).and_then(|index| recordings.into_iter().nth(index));
    picked.ok_or_else(|| invalid(format!("there is no recording {number}, of {count}")))
}

/// Whether a file is one of recordings.
pub(super) fn is_recording(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(HEAD)
}

/// Whether more has to be seen to tell.
fn may_be_recording(bytes: &[u8]) -> bool {
    let begin = bytes.trim_ascii_start();
    begin.len() < HEAD.len() && HEAD.starts_with(begin)
}

pub(super) fn parse(name: &str, bytes: Vec<u8>) -> io::Result<Vec<Recording>> {
    if !is_recording(&bytes) {
        let chunk = Chunk { at: Duration::ZERO, bytes: bytes.into() };
        return Ok(vec![Recording {
            name: name.to_owned(),
            chunks: vec![chunk],
            ..Recording::default()
        }]);
    }
    let mut recordings: Vec<Recording> = Vec::new();
    let mut torn = None;
    for (number, line) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let line = match serde_json::from_slice(line) {
            Ok(line) => line,
            // Who was cut inside a line wrote no more; only a head may follow, or nothing.
            Err(error) => {
                if let Some((number, error)) = torn.replace((number, error)) {
                    return Err(broken(name, number, &error));
                }
                continue;
            }
        };
        match (line, torn.take()) {
            (Line::Recording(head), _) => {
                if head.version != VERSION {
                    let (version, known) = (head.version, VERSION);
                    return Err(invalid(format!(
                        "{name}: a recording of version {version}, of which only {known} is known"
                    )));
                }
                recordings.push(Recording {
                    protocol: head.protocol,
                    request_id: head.request_id,
                    timed: true,
                    ..Recording::default()
                });
            }
            (_, Some((number, error))) => return Err(broken(name, number, &error)),
            (line, None) => {
                let recording = recordings.last_mut();
                add(recording, line).map_err(|why| invalid(format!("{name}:{number}: {why}")))?;
            }
        }
    }
    // What is torn at the very end was never whole.
    if let Some((number, error)) = torn
        && bytes.ends_with(b"\n")
    {
        return Err(broken(name, number, &error));
    }
    name_all(name, &mut recordings);
    Ok(recordings)
}

fn broken(name: &str, number: usize, error: &serde_json::Error) -> io::Error {
    invalid(format!("{name}:{number}: no line of a recording: {error}"))
}

/// Adds a line to the recording that it belongs to.
fn add(recording: Option<&mut Recording>, line: Line) -> Result<(), String> {
    let recording = recording.ok_or("a recording begins with its head")?;
    if recording.ended.is_some() {
        return Err("a line after the recording's end".to_owned());
    }
    match line {
        Line::Chunk { ms, text, base64 } => {
            let bytes = match (text, base64) {
                (Some(text), None) => Bytes::from(text),
                (None, Some(base64)) => {
                    STANDARD.decode(base64).map_err(|error| error.to_string())?.into()
                }
                _ => return Err("a chunk has either `text` or `base64`".to_owned()),
            };
            recording.chunks.push(Chunk { at: time(ms)?, bytes });
        }
        Line::End { ms } => recording.ended = Some(time(ms)?),
        Line::Recording(_) => {}
    }
    Ok(())
}

fn time(ms: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(ms / 1000.0).map_err(|_| format!("{ms} ms is no time"))
}

fn name_all(name: &str, recordings: &mut [Recording]) {
    let several = recordings.len() > 1;
    for (number, recording) in (1..).zip(recordings) {
        recording.name = if several { format!("{name}#{number}") } else { name.to_owned() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "{\"type\":\"recording\",\"version\":1,\"protocol\":\"chat\"}\n\
        {\"type\":\"chunk\",\"ms\":1.5,\"text\":\"a\\n\"}\n\
        {\"type\":\"chunk\",\"ms\":2,\"base64\":\"w6k=\"}\n\
        {\"type\":\"end\",\"ms\":3}\n";

    fn of(text: &str) -> io::Result<Vec<Recording>> {
        parse("r", text.as_bytes().to_vec())
    }

    #[test]
    fn what_a_recording_says() {
        let [recording] = &of(ONE).unwrap()[..] else { panic!() };
        assert_eq!(recording.name, "r");
        assert_eq!(recording.protocol, Some(super::super::Spoken::Chat));
        assert_eq!(recording.ended, Some(Duration::from_millis(3)));
        let chunk = |micros, text: &'static str| Chunk {
            at: Duration::from_micros(micros),
            bytes: Bytes::from(text),
        };
        assert_eq!(recording.chunks, [chunk(1500, "a\n"), chunk(2000, "é")]);
        assert!(!recording.is_cut());
    }

    #[test]
    fn cut_anywhere_it_is_still_read() {
        for cut in 22..ONE.len() {
            let recordings = of(&ONE[..cut]).unwrap();
            assert!(recordings.len() <= 1);
            let appended = of(&format!("{}\n{ONE}", &ONE[..cut])).unwrap();
            assert_eq!(appended.last().unwrap().chunks.len(), 2, "{cut}");
            let names = if appended.len() == 1 { &["r"][..] } else { &["r#1", "r#2"] };
            assert!(appended.iter().map(|recording| &*recording.name).eq(names.iter().copied()));
        }
    }

    #[test]
    fn a_plain_stream_is_one_chunk() {
        let [recording] = &of("event: ping\n").unwrap()[..] else { panic!() };
        assert!(!recording.timed);
        assert_eq!(recording.chunks[0].bytes, "event: ping\n");
    }

    #[test]
    fn damage_says_where() {
        let head = r#"{"type":"recording","version":1}"#;
        for (text, expected) in [
            (format!("{head}\nx\n{{\"type\":\"end\",\"ms\":3}}\n"), "r:2: no line of a recording"),
            (format!("{head}\nx\n"), "r:2: no line of a recording"),
            (format!("{head}\nx\ny"), "r:2: no line of a recording"),
            (format!("{head}\n{{\"type\":\"end\",\"ms\":-3}}\n"), "r:2: -3 ms is no time"),
            (format!("{head}\n{{\"type\":\"chunk\",\"ms\":3}}\n"), "r:2: a chunk has either"),
            (format!("{ONE}{{\"type\":\"end\",\"ms\":3}}\n"), "r:5: a line after"),
            (r#"{"type":"recording","version":9}"#.to_owned(), "r: a recording of version 9"),
        ] {
            let error = of(&text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
