//! Recordings of streams: what came, cut as it came, and when.
//!
//! A recording is lines of JSON, one object a line, in a file that is only ever appended to:
//!
//! ```text
//! {"type":"recording","version":1,"unix_ms":1795305600000,"protocol":"anthropic","request_id":"req_1"}
//! {"type":"chunk","ms":312.418,"text":"event: message_start\ndata: {…}\n\n"}
//! {"type":"chunk","ms":340.02,"base64":"…"}
//! {"type":"end","ms":2210.5}
//! ```
//!
//! `ms` counts from the head, in milliseconds. A chunk that is not UTF-8, because a character was cut or
//! because the stream is binary, is in `base64`. `protocol` and `request_id` are there if they were given.
//! Without its `end` a recording was cut: by the network, or by whatever ended the recorder. A last
//! line that is not whole is passed over; what is appended then begins a line of its own. A file may
//! have several recordings, each from its head on. Where one is damaged it ends, up to the next head.

mod events;
mod pieces;
mod read;
mod write;

use std::io;
use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thinkstream::{Detector, Protocol};

pub(crate) use self::events::Events;
use self::pieces::Pieces;
pub(crate) use self::read::{Opened, load, missing, open, pick, read};
pub(crate) use self::write::Recorder;

/// A stream that was recorded, or a plain file of one, which has no times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recording {
    /// What to call it: the file, and the number of the recording if the file has several.
    pub(crate) name: String,
    /// What the server spoke, as the recording says.
    pub(crate) protocol: Option<Spoken>,
    pub(crate) request_id: Option<String>,
    pub(crate) chunks: Vec<Chunk>,
    /// When the stream ended. `None`: the recording was cut, or has no times.
    pub(crate) ended: Option<Duration>,
    /// Whether it has times.
    pub(crate) timed: bool,
    /// Where the file breaks, and how: what comes then is not read.
    pub(crate) damaged: Option<String>,
}

/// What was received at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Since the recording began.
    pub(crate) at: Duration,
    pub(crate) bytes: Bytes,
}

impl Recording {
    /// All of its bytes.
    pub(crate) fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.bytes.len()).sum()
    }

    /// What the server speaks, for a decoder: what shows none may still be an error that any can read.
    pub(crate) fn protocol(&self) -> Result<Protocol, thinkstream::Error> {
        Ok(self.told()?.unwrap_or(Protocol::Anthropic))
    }

    /// What the server speaks, as the recording says or its first events show; `None` if neither does.
    pub(crate) fn told(&self) -> Result<Option<Protocol>, thinkstream::Error> {
        self.look().map(Result::ok)
    }

    /// The same, with an error if neither does.
    pub(crate) fn spoken(&self) -> Result<Protocol, thinkstream::Error> {
        self.look()?
    }

    fn look(&self) -> Result<Result<Protocol, thinkstream::Error>, thinkstream::Error> {
        if let Some(spoken) = self.protocol {
            return Ok(Ok(spoken.into()));
        }
        let mut detector = Detector::new();
        for chunk in &self.chunks {
            if let Some(protocol) = detector.look(&chunk.bytes)? {
                return Ok(Ok(protocol));
            }
        }
        Ok(Err(detector.undecided()))
    }

    /// Whether it ends before its stream did.
    pub(crate) fn is_cut(&self) -> bool {
        self.timed && self.ended.is_none()
    }

    /// Its chunks; with a size, cut anew into pieces of so many bytes, each at the time when its last
    /// byte had come.
    pub(crate) fn pieces(&self, size: Option<NonZeroUsize>) -> impl Iterator<Item = Chunk> {
        Pieces::new(self.chunks.iter().cloned(), size)
    }
}

/// The same bytes in pieces of so many, each at the time when its last byte had come.
pub(crate) fn recut(chunks: &[Chunk], size: NonZeroUsize) -> Vec<Chunk> {
    Pieces::new(chunks.iter().cloned(), Some(size)).collect()
}

/// What a server speaks, as recordings and the command line name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::doc_markdown, reason = "shown as help")]
pub(crate) enum Spoken {
    /// The Messages API of Anthropic.
    Anthropic,
    /// The same in Amazon's binary event stream.
    Bedrock,
    /// The Responses API of OpenAI.
    Responses,
    /// The Chat Completions API of OpenAI, and the many servers that speak it.
    Chat,
}

impl From<Spoken> for Protocol {
    fn from(spoken: Spoken) -> Self {
        match spoken {
            Spoken::Anthropic => Self::Anthropic,
            Spoken::Bedrock => Self::AnthropicOnBedrock,
            Spoken::Responses => Self::OpenAiResponses,
            Spoken::Chat => Self::OpenAiChat,
        }
    }
}

/// One line of a recording.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    Recording(Head),
    Chunk {
        ms: f64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base64: Option<String>,
    },
    End {
        ms: f64,
    },
}

/// The first line of a recording.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    version: u32,
    /// When it began.
    #[serde(default)]
    unix_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    protocol: Option<Spoken>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

/// The version that is written.
const VERSION: u32 = 1;

/// How every recording begins, as it is written here.
const HEAD: &[u8] = br#"{"type":"recording""#;

/// The damage of a recording, for a command that cannot do what it is for.
pub(crate) fn damaged(damage: &str) -> io::Error {
    invalid(damage.to_owned())
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}
