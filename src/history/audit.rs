//! What was thought, for a store that keeps what the transcript no longer does.

use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize};

use super::thinking::fingerprint;
use super::{History, Provenance};
use crate::json::Json;
use crate::message::{Content, Message, Provider};
use crate::text::Text;

/// Takes every block of thinking: see [`History::audit`].
///
/// # Example
///
/// ```
/// use thinkstream::history::{AuditEntry, AuditSink};
///
/// /// What was thought, as text.
/// #[derive(Default)]
/// struct Thoughts(Vec<String>);
///
/// impl AuditSink for Thoughts {
///     type Error = std::convert::Infallible;
///
///     fn take(&mut self, entry: &AuditEntry) -> Result<(), Self::Error> {
///         self.0.extend(entry.thinking.as_ref().map(ToString::to_string));
///         Ok(())
///     }
/// }
/// ```
pub trait AuditSink {
    /// Why a block could not be taken.
    type Error;

    /// Takes a block. It is handed out again unless this succeeds.
    ///
    /// # Errors
    ///
    /// Whatever the store reports; the audit then stops. The next one begins with the first block of the same
    /// entry, which may have been taken: `entry` and `block` tell.
    fn take(&mut self, entry: &AuditEntry) -> Result<(), Self::Error>;
}

/// A block of thinking, and where it is from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AuditEntry {
    /// The entry of the history, from 0.
    pub entry: usize,
    /// The block in it, from 0.
    pub block: usize,
    /// The provider.
    pub provider: Provider,
    /// The model, as the reply named it.
    pub model: Option<Text>,
    /// The id of the message.
    pub message_id: Option<Text>,
    /// Account, issuer, time and request.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// `thinking` or `redacted_thinking`.
    #[serde(rename = "type")]
    pub kind: Text,
    /// What was thought, if the provider says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking: Option<Text>,
    /// The signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Text>,
    /// What only the provider can read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Text>,
    /// The block as the provider sent it whole, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<Json>,
    /// Whether the block was received whole.
    pub complete: bool,
    /// Whether it can go back.
    pub replayable: bool,
    /// What tells it from all others, if it is signed: as in [`History::rejected`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Text>,
}

impl<'de> Deserialize<'de> for AuditEntry {
    /// The provenance is read member by member: beside what is flattened raw JSON would not survive.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            entry: usize,
            block: usize,
            provider: Provider,
            model: Option<Text>,
            message_id: Option<Text>,
            account: Option<Text>,
            issuer: Option<Text>,
            at_ms: Option<u64>,
            request_id: Option<Text>,
            #[serde(rename = "type")]
            kind: Text,
            thinking: Option<Text>,
            signature: Option<Text>,
            data: Option<Text>,
            #[serde(default, deserialize_with = "crate::json::present")]
            raw: Option<Json>,
            complete: bool,
            replayable: bool,
            fingerprint: Option<Text>,
        }
        let written = Written::deserialize(deserializer)?;
        Ok(Self {
            entry: written.entry,
            block: written.block,
            provider: written.provider,
            model: written.model,
            message_id: written.message_id,
            provenance: Provenance {
                account: written.account,
                issuer: written.issuer,
                at_ms: written.at_ms,
                request_id: written.request_id,
            },
            kind: written.kind,
            thinking: written.thinking,
            signature: written.signature,
            data: written.data,
            raw: written.raw,
            complete: written.complete,
            replayable: written.replayable,
            fingerprint: written.fingerprint,
        })
    }
}

impl History {
    /// Hands every block of thinking over that has not been handed over yet: also what was cut, what never
    /// goes back, and what will be removed. Says how many there were.
    ///
    /// How far it has come is part of the record, so that nothing is missed after a crash; what was handed
    /// over after the record was stored last is handed over again.
    ///
    /// ```
    /// use thinkstream::history::{History, JsonLines};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join("thinkstream-audit-example.jsonl");
    /// let mut history = History::new();
    /// let mut store = JsonLines::append(&path)?;
    /// // After each reply:
    /// history.audit(&mut store)?;
    /// # std::fs::remove_file(path)
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// What the sink reports. All blocks of the entry are handed over again next time.
    pub fn audit<S: AuditSink>(&mut self, sink: &mut S) -> Result<usize, S::Error> {
        let mut count = 0_usize;
        while self.audited < self.entries.len() {
            let entries: Vec<AuditEntry> = match self.entries.get(self.audited) {
                Some(super::Entry::Assistant(reply)) => {
                    entries(self.audited, &reply.message, &reply.provenance)
                }
                _ => Vec::new(),
            };
            for entry in &entries {
                sink.take(entry)?;
                count = count.saturating_add(1);
            }
            self.audited = self.audited.saturating_add(1);
        }
        Ok(count)
    }
}

fn entries(entry: usize, message: &Message, provenance: &Provenance) -> Vec<AuditEntry> {
    let blocks = message.content.iter().enumerate();
    blocks
        .filter_map(|(at, block)| {
            let (thinking, signature, data) = match &block.content {
                Content::Thinking(it) => (Some(it.thinking.clone()), it.signature.clone(), None),
                Content::RedactedThinking(it) => (None, None, Some(it.data.clone())),
                _ => return None,
            };
            Some(AuditEntry {
                entry,
                block: at,
                provider: message.provider,
                model: message.model.clone(),
                message_id: message.id.clone(),
                provenance: provenance.clone(),
                kind: block.content.kind().into(),
                thinking,
                signature,
                data,
                raw: block.raw.clone(),
                complete: block.complete,
                replayable: block.replayable,
                fingerprint: fingerprint(block),
            })
        })
        .collect()
}

/// A store of one JSON object a line. Each is written and flushed before the next is taken; what is
/// [appended](JsonLines::append) to a file is then on the disk.
#[cfg(feature = "std")]
#[derive(Debug)]
pub struct JsonLines<W> {
    writer: W,
    sync: fn(&mut W) -> std::io::Result<()>,
    /// A line was begun, and could not be written.
    torn: bool,
}

#[cfg(feature = "std")]
impl<W: std::io::Write> JsonLines<W> {
    /// Writes to anything, and flushes it after each line.
    pub fn new(writer: W) -> Self {
        Self { writer, sync: W::flush, torn: false }
    }

    /// What was written to.
    pub fn into_inner(self) -> W {
        self.writer
    }
}

#[cfg(feature = "std")]
impl JsonLines<std::fs::File> {
    /// Writes to the end of a file, which is made if there is none. A line that a crash left unfinished is
    /// ended first, so that it spoils no other.
    ///
    /// # Errors
    ///
    /// What the file system reports.
    pub fn append(path: impl AsRef<std::path::Path>) -> std::io::Result<Self> {
        use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).open(path)?;
        if file.seek(SeekFrom::End(0))? > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        Ok(Self { writer: file, sync: |file| file.sync_data(), torn: false })
    }
}

#[cfg(feature = "std")]
impl<W: std::io::Write> AuditSink for JsonLines<W> {
    type Error = std::io::Error;

    fn take(&mut self, entry: &AuditEntry) -> std::io::Result<()> {
        // In one piece: a line is there, or it is not.
        let mut line = serde_json::to_vec(entry)?;
        // What was received may have line ends between its values, where a space means the same.
        line.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
        line.push(b'\n');
        // What a write that failed has left is ended, so that it spoils no other.
        if core::mem::replace(&mut self.torn, true) {
            line.insert(0, b'\n');
        }
        self.writer.write_all(&line)?;
        self.torn = false;
        (self.sync)(&mut self.writer)
    }
}
