//! What goes wrong on purpose.

use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use thinkstream::sse::{Decoder, Item};

use crate::pace::Speed;
use crate::recording::{Chunk, Recording, recut};

/// A fault, and the only request that has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fault {
    kind: Kind,
    /// From 1 on. `None`: every request has it.
    request: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// The body ends after so many bytes.
    Cut(usize),
    /// Nothing comes after so many bytes, and the connection stays open.
    Stall(usize),
    /// The server reports an error behind the first event that ends at so many bytes or more.
    Error(usize),
    /// The connection is reset after so many bytes.
    Reset(usize),
    /// All is cut into chunks of so many bytes.
    Split(NonZeroUsize),
    /// There is no stream, but an error with this status.
    Status(StatusCode),
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Complete,
    Cut,
    Stall,
    Error,
    Reset,
}

impl Kind {
    fn is_end(self) -> bool {
        !matches!(self, Self::Split(_) | Self::Status(_))
    }
}

impl End {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Cut => "cut",
            Self::Stall => "stall",
            Self::Error => "error",
            Self::Reset => "reset",
        }
    }
}

/// What is sent, when, and how it ends.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) chunks: Vec<Chunk>,
    pub(super) end: End,
    /// When it ends.
    pub(super) ended: Duration,
    /// Whether a fault was to come behind the end.
    pub(super) beyond: bool,
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (fault, request) = match text.split_once(':') {
                Some((fault, request)) => (fault, Some(request.parse().ok().filter(|at| *at > 0)?)),
                None => (text, None),
            };
            let (name, number) = fault.split_once(['@', '='])?;
            let bytes: usize = number.parse().ok()?;
            let at = fault.contains('@');
            let kind = match (name, at) {
                ("cut", true) => Kind::Cut(bytes),
                ("stall", true) => Kind::Stall(bytes),
                ("error", true) => Kind::Error(bytes),
                ("reset", true) => Kind::Reset(bytes),
                ("split", false) => Kind::Split(NonZeroUsize::new(bytes)?),
                ("status", false) => {
                    let status = StatusCode::from_u16(number.parse().ok()?).ok()?;
                    let refuses = status.is_client_error() || status.is_server_error();
                    Kind::Status(Some(status).filter(|_| refuses)?)
                }
                _ => return None,
            };
            Some(Self { kind, request })
        };
        read().ok_or_else(|| {
            "cut@N, stall@N, error@N, reset@N, split=N or status=S; :K behind it is for request K only"
                .to_owned()
        })
    }
}

/// The status with which a request is refused on purpose.
pub(super) fn status(faults: &[Fault], request: u64) -> Option<StatusCode> {
    of(faults, request).find_map(|kind| match kind {
        Kind::Status(status) => Some(status),
        _ => None,
    })
}

/// What is sent of a recording.
pub(super) fn plan(
    recording: &Recording,
    faults: &[Fault],
    request: u64,
    overloaded: impl Fn(usize) -> Bytes,
) -> Plan {
    let mut plan = whole(recording);
    // Of several ends the first is the end.
    let ends = of(faults, request).filter_map(|kind| end(kind, &plan.chunks));
    let missed = |kind: Kind| kind.is_end() && end(kind, &plan.chunks).is_none();
    let beyond = of(faults, request).any(missed);
    if let Some((end, at, events)) = ends.min_by_key(|(_, at, _)| *at) {
        plan.truncate(at);
        plan.end = end;
        if end == End::Error {
            plan.chunks.push(Chunk { at: plan.ended, bytes: overloaded(events) });
        }
    }
    plan.beyond = beyond;
    for kind in of(faults, request) {
        if let Kind::Split(size) = kind {
            plan.chunks = recut(&plan.chunks, size);
        }
    }
    plan
}

impl Plan {
    pub(super) fn at_speed(mut self, speed: Speed) -> Self {
        for chunk in &mut self.chunks {
            chunk.at = speed.of(chunk.at);
        }
        self.ended = speed.of(self.ended);
        self
    }

    /// Sends no more than so many bytes. What then ends it does so at once.
    fn truncate(&mut self, bytes: usize) {
        let mut left = bytes;
        let mut last = Duration::ZERO;
        self.chunks.retain_mut(|chunk| {
            if left == 0 {
                return false;
            }
            chunk.bytes.truncate(left);
            left -= chunk.bytes.len();
            last = chunk.at;
            true
        });
        self.ended = last;
    }
}

fn of(faults: &[Fault], request: u64) -> impl Iterator<Item = Kind> {
    let concerns = move |fault: &&Fault| fault.request.is_none_or(|only| only == request);
    faults.iter().filter(concerns).map(|fault| fault.kind)
}

/// How a fault ends the stream, behind how many bytes, and how many events those are. Behind the end of
/// the stream nothing can go wrong.
fn end(kind: Kind, chunks: &[Chunk]) -> Option<(End, usize, usize)> {
    let len: usize = chunks.iter().map(|chunk| chunk.bytes.len()).sum();
    let within = |at: usize| (at <= len).then_some(at);
    match kind {
        Kind::Cut(at) => Some((End::Cut, within(at)?, 0)),
        Kind::Stall(at) => Some((End::Stall, within(at)?, 0)),
        Kind::Reset(at) => Some((End::Reset, within(at)?, 0)),
        Kind::Error(at) => {
            let ends = event_ends(chunks);
            let event = ends.iter().position(|end| *end >= at)?;
            Some((End::Error, ends[event], event + 1))
        }
        Kind::Split(_) | Kind::Status(_) => None,
    }
}

/// The recording as it was; of a plain stream, event by event.
fn whole(recording: &Recording) -> Plan {
    let mut chunks = recording.chunks.clone();
    if !recording.timed {
        let mut begin = 0;
        let all: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.bytes.to_vec()).collect();
        let all = Bytes::from(all);
        let mut ends = event_ends(&chunks);
        ends.push(all.len());
        chunks = ends
            .into_iter()
            .map(|end| {
                let bytes = all.slice(begin..end);
                begin = end;
                Chunk { at: Duration::ZERO, bytes }
            })
            .collect();
    }
    chunks.retain(|chunk| !chunk.bytes.is_empty());
    let last = chunks.last().map_or(Duration::ZERO, |chunk| chunk.at);
    let end = if recording.is_cut() { End::Cut } else { End::Complete };
    Plan { chunks, end, ended: recording.ended.unwrap_or_default().max(last), beyond: false }
}

/// Behind which bytes the events end.
fn event_ends(chunks: &[Chunk]) -> Vec<usize> {
    let mut decoder = Decoder::new();
    let mut ends = Vec::new();
    for chunk in chunks {
        let mut rest = chunk.bytes.clone();
        // An event that is too large for the decoder is the last that is looked for.
        while let Ok(Some(item)) = decoder.decode(&mut rest) {
            if matches!(item, Item::Frame(_)) {
                ends.push(usize::try_from(decoder.offset()).unwrap_or(usize::MAX));
            }
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_as_they_are_written() {
        for (text, kind, request) in [
            ("cut@0", Some(Kind::Cut(0)), None),
            ("stall@7", Some(Kind::Stall(7)), None),
            ("error@7:3", Some(Kind::Error(7)), Some(3)),
            ("reset@7", Some(Kind::Reset(7)), None),
            ("split=2", NonZeroUsize::new(2).map(Kind::Split), None),
            ("status=529:1", StatusCode::from_u16(529).ok().map(Kind::Status), Some(1)),
            ("split=0", None, None),
            ("split@2", None, None),
            ("cut=2", None, None),
            ("cut@", None, None),
            ("cut@-1", None, None),
            ("cut@1:0", None, None),
            ("cut@1:x", None, None),
            ("status=200", None, None),
            ("status=99999", None, None),
            ("burn@2", None, None),
            ("", None, None),
        ] {
            let expected = kind.map(|kind| Fault { kind, request });
            assert_eq!(text.parse::<Fault>().ok(), expected, "{text}");
        }
    }

    /// Each chunk with its milliseconds, and the end.
    fn told(recording: &Recording, faults: &[&str], request: u64) -> String {
        let faults: Vec<Fault> = faults.iter().map(|fault| fault.parse().unwrap()).collect();
        let plan = plan(recording, &faults, request, |events| format!("!{events}").into());
        let mut told = String::new();
        for chunk in &plan.chunks {
            let text = String::from_utf8_lossy(&chunk.bytes).replace('\n', "/");
            told += &format!("{text}{} ", chunk.at.as_millis());
        }
        format!("{told}{} {}", plan.end.as_str(), plan.ended.as_millis())
    }

    #[test]
    fn what_becomes_of_a_recording() {
        let ms = Duration::from_millis;
        let chunk = |at, bytes: &'static str| Chunk { at: ms(at), bytes: Bytes::from(bytes) };
        let chunks = vec![chunk(1, "data:a\n\nda"), chunk(2, "ta:b\n\n"), chunk(3, "data:c\n\n")];
        let mut recording =
            Recording { chunks, timed: true, ended: Some(ms(9)), ..Recording::default() };
        let all = "data:a//da1 ta:b//2 data:c//3 ";
        for (faults, expected) in [
            (&[][..], format!("{all}complete 9")),
            (&["cut@0"], "cut 0".to_owned()),
            (&["cut@12"], "data:a//da1 ta2 cut 2".to_owned()),
            (&["cut@24"], format!("{all}cut 3")),
            (&["cut@25"], format!("{all}complete 9")),
            (&["stall@9"], "data:a//d1 stall 1".to_owned()),
            (&["reset@10"], "data:a//da1 reset 1".to_owned()),
            (&["error@0"], "data:a//1 !11 error 1".to_owned()),
            (&["error@8"], "data:a//1 !11 error 1".to_owned()),
            (&["error@9"], "data:a//da1 ta:b//2 !22 error 2".to_owned()),
            (&["error@25"], format!("{all}complete 9")),
            (&["cut@12", "stall@9"], "data:a//d1 stall 1".to_owned()),
            (&["cut@12:2", "stall@20:3"], "data:a//da1 ta2 cut 2".to_owned()),
            (&["cut@12:3"], format!("{all}complete 9")),
            (&["split=9"], "data:a//d1 ata:b//da3 ta:c//3 complete 9".to_owned()),
            (&["split=9", "cut@12"], "data:a//d1 ata2 cut 2".to_owned()),
        ] {
            assert_eq!(told(&recording, faults, 2), expected, "{faults:?}");
        }
        recording.ended = None;
        assert_eq!(told(&recording, &[], 1), format!("{all}cut 3"));
        // Without times it goes event by event.
        recording.timed = false;
        recording.chunks.push(chunk(0, ": end\n"));
        assert_eq!(told(&recording, &[], 1), "data:a//0 data:b//0 data:c//0 : end/0 complete 0");
    }

    proptest::proptest! {
        /// Whatever is recorded: up to where a fault strikes all is sent as it was, each byte in its time.
        #[test]
        fn what_is_sent_is_the_beginning(
            pieces in proptest::collection::vec("[a:\r\n]{0,6}", 0..12),
            timed: bool,
            at in 0..80_usize,
            size in 1..9_usize,
        ) {
            let chunk = |(ms, text): (u64, &String)| Chunk {
                at: Duration::from_millis(ms),
                bytes: Bytes::from(text.clone()),
            };
            let chunks: Vec<_> = (0..).zip(&pieces).map(chunk).collect();
            let stream = pieces.concat();
            let recording = Recording { chunks, timed, ..Recording::default() };
            for (fault, expected) in [
                (format!("cut@{at}"), &stream[..at.min(stream.len())]),
                (format!("stall@{at}"), &stream[..at.min(stream.len())]),
                (format!("reset@{at}:2"), &stream[..]),
                (format!("split={size}"), &stream[..]),
            ] {
                let faults = [fault.parse().unwrap()];
                let plan = plan(&recording, &faults, 1, |_| Bytes::new());
                let sent: Vec<u8> = plan.chunks.iter().flat_map(|chunk| chunk.bytes.to_vec()).collect();
                assert_eq!(String::from_utf8(sent).unwrap(), expected, "{fault}");
                assert!(plan.chunks.is_sorted_by_key(|chunk| chunk.at), "{fault}");
                assert!(plan.chunks.last().is_none_or(|chunk| chunk.at <= plan.ended), "{fault}");
                assert!(plan.chunks.iter().all(|chunk| !chunk.bytes.is_empty()), "{fault}");
            }
        }
    }
}
