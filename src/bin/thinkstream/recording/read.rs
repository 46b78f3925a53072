//! Reads recordings, and plain files of streams as if each were one.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Chunk, HEAD, Head, Line, Recording, VERSION, invalid};
use crate::input::{self, Pieces, Source};
use crate::note;
use crate::screen::{brief, counted};

/// The recordings of a file, or of the standard input for `-`. Anything that does not begin as a
/// recording is taken for a stream itself: one chunk, without times. What is damaged is said on the
/// standard error.
pub(crate) fn read(path: &Path) -> io::Result<Vec<Recording>> {
    let recordings = load(path)?;
    for damage in recordings.iter().filter_map(|recording| recording.damaged.as_ref()) {
        note(damage);
    }
    Ok(recordings)
}

/// The same for who says himself what is damaged.
pub(crate) fn load(path: &Path) -> io::Result<Vec<Recording>> {
    let mut bytes = Vec::new();
    input::open(path, None)?.read_to_end(&mut bytes)?;
    Ok(parse(&path.display().to_string(), bytes))
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
    let is_recording = loop {
        let seen = head.len();
        match reader.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => match read? {
                0 => break is_recording(&head),
                len => head.extend_from_slice(&buffer[..len]),
            },
        }
        // A line is looked at when it has all come, also if it comes byte by byte.
        let tells = head.len() < 64 || head.len() >= FIRST_LINES || head[seen..].contains(&b'\n');
        if tells && let Some(is_recording) = sniff(&head) {
            break is_recording;
        }
    };
    if !is_recording {
        return Ok(Opened::Stream(Cursor::new(head).chain(reader)));
    }
    reader.unlimited().read_to_end(&mut head)?;
    Ok(Opened::Recordings(parse(&source.file.display().to_string(), head)))
}

/// The recording with this number, from 1 on.
pub(crate) fn pick(recordings: Vec<Recording>, number: usize) -> io::Result<Recording> {
    let count = recordings.len();
    let picked = number.checked_sub(1).and_then(|index| recordings.into_iter().nth(index));
    picked.ok_or_else(|| invalid(missing(&"the file", count, number)))
}

/// There are recordings, and none has the number.
pub(crate) fn missing(file: &dyn Display, count: usize, number: usize) -> String {
    let recordings = counted(count.try_into().unwrap_or(u64::MAX), "recording");
    format!("{file} has {recordings}, no number {number}")
}

/// Whether a file is one of recordings.
pub(super) fn is_recording(bytes: &[u8]) -> bool {
    sniff(bytes).unwrap_or_else(|| is_head(last_line(bytes)))
}

/// Whether a recorder was ended inside the very first line of a file.
pub(super) fn is_torn_head(bytes: &[u8]) -> bool {
    let line = last_line(bytes);
    sniff(bytes).is_none() && !line.is_empty() && HEAD.starts_with(line)
}

/// Whether a file that begins so is one of recordings, whoever wrote its JSON; `None` if more of it has
/// to be seen. Lines that were torn may stand before the first that is a head.
fn sniff(bytes: &[u8]) -> Option<bool> {
    let mut rest = without_mark(bytes);
    loop {
        rest = rest.trim_ascii_start();
        match rest.first() {
            Some(b'{') if rest.starts_with(HEAD) => return Some(true),
            Some(b'{') | None => {}
            // Half a byte order mark.
            Some(_) if MARK.starts_with(bytes) => return None,
            Some(_) => return Some(false),
        }
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            return (bytes.len() >= FIRST_LINES).then_some(false);
        };
        let (line, after) = rest.split_at(end);
        if serde_json::from_slice::<IgnoredAny>(line).is_ok() {
            return Some(is_head(line));
        }
        rest = after;
    }
}

fn is_head(line: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(rename = "type", borrow)]
        name: Cow<'a, str>,
    }
    serde_json::from_slice::<Kind<'_>>(line).is_ok_and(|kind| kind.name == "recording")
}

fn last_line(bytes: &[u8]) -> &[u8] {
    let bytes = without_mark(bytes);
    let begin = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    bytes[begin..].trim_ascii_start()
}

fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(MARK).unwrap_or(bytes)
}

pub(super) fn parse(name: &str, bytes: Vec<u8>) -> Vec<Recording> {
    if !is_recording(&bytes) {
        let chunk = Chunk { at: Duration::ZERO, bytes: bytes.into() };
        let name = name.to_owned();
        return vec![Recording { name, chunks: vec![chunk], ..Recording::default() }];
    }
    let mut file = Lines { name, recordings: Vec::new(), torn: None };
    for (number, line) in (1..).zip(without_mark(&bytes).split_inclusive(|byte| *byte == b'\n')) {
        if !line.trim_ascii().is_empty() {
            file.line(number, line);
        }
    }
    // What is torn at the very end was never whole.
    if let Some(torn) = file.torn.take()
        && bytes.ends_with(b"\n")
    {
        file.lost(torn);
    }
    name_all(name, &mut file.recordings);
    file.recordings
}

/// The lines of a file, put together to recordings.
struct Lines<'a> {
    name: &'a str,
    recordings: Vec<Recording>,
    /// What there is to say of a line that could not be read, as long as it may be the last that a
    /// recorder wrote: only a head may follow then, or nothing.
    torn: Option<String>,
}

impl Lines<'_> {
    fn line(&mut self, number: usize, line: &[u8]) {
        let name = self.name;
        let line = match serde_json::from_slice(line) {
            Ok(line) => line,
            Err(error) => {
                // It may quote the line.
                let error = error.to_string();
                let torn = format!("{name}:{number}: no line of a recording: {}", brief(&error));
                if let Some(earlier) = self.torn.replace(torn) {
                    self.lost(earlier);
                }
                return;
            }
        };
        match (line, self.torn.take()) {
            (Line::Recording(head), _) => self.head(number, head),
            (_, Some(torn)) => self.lost(torn),
            (line, None) => {
                let Some(recording) = self.recordings.last_mut() else {
                    return self.lost(format!("{name}:{number}: a recording begins with its head"));
                };
                if recording.damaged.is_none()
                    && let Err(why) = add(recording, line)
                {
                    recording.damaged = Some(format!("{name}:{number}: {why}"));
                }
            }
        }
    }

    fn head(&mut self, number: usize, head: Head) {
        let (name, version) = (self.name, head.version);
        let damaged = (version != VERSION).then(|| {
            format!(
                "{name}:{number}: a recording of version {version}, of which only {VERSION} is known"
            )
        });
        self.recordings.push(Recording {
            protocol: head.protocol,
            request_id: head.request_id,
            timed: true,
            damaged,
            ..Recording::default()
        });
    }

    /// A line that cannot be read. Behind a recording that is whole it was one of another.
    fn lost(&mut self, damage: String) {
        match self.recordings.last_mut() {
            Some(open) if open.ended.is_none() || open.damaged.is_some() => {
                open.damaged.get_or_insert(damage);
            }
            _ => self.recordings.push(Recording {
                timed: true,
                damaged: Some(damage),
                ..Recording::default()
            }),
        }
    }
}

/// Adds a line to the recording that it belongs to.
fn add(recording: &mut Recording, line: Line) -> Result<(), String> {
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
    // Of a number like 1e300 nobody reads the digits.
    Duration::try_from_secs_f64(ms / 1000.0).map_err(|_| match ms.abs() {
        1e15.. => format!("{ms:e} ms is no time"),
        _ => format!("{ms} ms is no time"),
    })
}

fn name_all(name: &str, recordings: &mut [Recording]) {
    let several = recordings.len() > 1;
    for (number, recording) in (1..).zip(recordings) {
        recording.name = if several { format!("{name}#{number}") } else { name.to_owned() };
    }
}

/// What some editors put before everything.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// Bytes in which the head of a recording is looked for.
const FIRST_LINES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "{\"type\":\"recording\",\"version\":1,\"protocol\":\"chat\"}\n\
        {\"type\":\"chunk\",\"ms\":1.5,\"text\":\"a\\n\"}\n\
        {\"type\":\"chunk\",\"ms\":2,\"base64\":\"w6k=\"}\n\
        {\"type\":\"end\",\"ms\":3}\n";

    fn of(text: &str) -> Vec<Recording> {
        parse("r", text.as_bytes().to_vec())
    }

    #[test]
    fn what_a_recording_says() {
        let [recording] = &of(ONE)[..] else { panic!() };
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
        for cut in 1..ONE.len() {
            let recordings = of(&ONE[..cut]);
            assert!(recordings.len() <= 1 && recordings.iter().all(|it| it.damaged.is_none()));
            assert!(cut >= HEAD.len() || is_torn_head(&ONE.as_bytes()[..cut]));
            let appended = of(&format!("{}\n{ONE}", &ONE[..cut]));
            assert_eq!(appended.last().unwrap().chunks.len(), 2, "{cut}");
            assert!(appended.iter().all(|it| it.damaged.is_none()), "{cut}");
            let names = if appended.len() == 1 { &["r"][..] } else { &["r#1", "r#2"] };
            assert!(appended.iter().map(|recording| &*recording.name).eq(names.iter().copied()));
        }
    }

    #[test]
    fn a_plain_stream_is_one_chunk() {
        let [recording] = &of("event: ping\n")[..] else { panic!() };
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
            (format!("{head}\n{{\"type\":\"end\",\"ms\":1e300}}\n"), "r:2: 1e300 ms is no time"),
            (format!("{ONE}{{\"type\":\"end\",\"ms\":3}}\n"), "r:5: a line after"),
            (r#"{"type":"recording","version":9}"#.to_owned(), "r:1: a recording of version 9"),
        ] {
            let [recording] = &of(&text)[..] else { panic!("{text}") };
            let damage = recording.damaged.as_ref().unwrap();
            assert!(damage.starts_with(expected), "{damage}");
        }
    }

    #[test]
    fn damage_costs_one_recording() {
        let head = ONE.split_inclusive('\n').next().unwrap();
        let chunk = "{\"type\":\"chunk\",\"ms\":1,\"text\":\"b\"}\n";
        for (damaged, at, chunks) in [
            (format!("{head}{chunk}x\n{chunk}{chunk}"), 7, 1),
            (format!("{head}{chunk}x\ny\n{chunk}"), 7, 1),
            (format!("{head}{chunk}{{\"type\":\"end\",\"ms\":-1}}\n"), 7, 1),
            // A line that cannot be read, and belongs to nothing.
            (format!("x\n{chunk}"), 5, 0),
            (format!("{}\n{chunk}", head.trim().replace("\"version\":1", "\"version\":2")), 5, 0),
        ] {
            let text = format!("{ONE}{damaged}{ONE}");
            let [before, broken, after] = &of(&text)[..] else { panic!("{text}") };
            for whole in [before, after] {
                assert!(whole.damaged.is_none() && !whole.is_cut(), "{text}");
                assert_eq!(whole.chunks.len(), 2, "{text}");
            }
            let damage = broken.damaged.as_ref().unwrap();
            assert!(damage.starts_with(&format!("r:{at}: ")), "{damage}");
            assert_eq!((&*broken.name, broken.chunks.len()), ("r#2", chunks), "{text}");
        }
    }

    #[test]
    fn a_recording_is_known_whoever_wrote_it() {
        let spaced = ONE.replace("\":", "\": ").replace(",\"", ", \"");
        let ordered = ONE.replacen(
            "{\"type\":\"recording\",\"version\":1,",
            "{\"version\":1,\"type\":\"recording\",",
            1,
        );
        for text in [spaced, ordered, format!("\u{feff}{ONE}"), format!("\n {ONE}")] {
            let [recording] = &of(&text)[..] else { panic!("{text}") };
            assert!(recording.timed && recording.damaged.is_none(), "{text}");
            assert_eq!(recording.chunks.len(), 2, "{text}");
        }
        for text in [
            "{\"type\":\"error\"}\n",
            "{\n\"type\":\"recording\"}",
            "\u{feff}data: x\n",
            "",
            "\n",
            "{",
        ] {
            assert!(!of(text)[0].timed, "{text}");
        }
        // No more is looked at than tells.
        assert_eq!(sniff(b"d"), Some(false));
        assert_eq!(sniff(b"\xef\xbb\xbfd"), Some(false));
        assert_eq!((sniff(b"\xef"), sniff(b"{\"type\": ")), (None, None));
        assert_eq!(sniff(&[b' '; FIRST_LINES]), Some(false));
    }
}
