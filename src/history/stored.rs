//! How a history is stored: everything that it needs, under a version.

use core::fmt;

use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Entry, History};
use crate::message::Message;
use crate::message::stored::StoredMessage;
use crate::text::Text;

/// The version that is written. A reader of a later one reads all earlier ones.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct StoredHistory<E> {
    version: u32,
    entries: E,
    #[serde(default)]
    watermark: usize,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    watermark_why: Text,
    #[serde(default, skip_serializing_if = "is_none")]
    edited: usize,
    #[serde(default)]
    audited: usize,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rejected: Vec<Text>,
}

impl Serialize for History {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        StoredHistory {
            version: VERSION,
            entries: &self.entries,
            watermark: self.watermark,
            watermark_why: self.watermark_why.clone(),
            edited: self.edited,
            audited: self.audited,
            rejected: self.rejected.clone(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for History {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = StoredHistory::<Vec<Entry>>::deserialize(deserializer)?;
        if stored.version != VERSION {
            return Err(D::Error::custom(UnknownVersion(stored.version)));
        }
        let StoredHistory {
            entries, watermark, watermark_why, edited, audited, mut rejected, ..
        } = stored;
        rejected.sort_unstable();
        Ok(Self { entries, watermark, watermark_why, edited, audited, rejected })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_none(entries: &usize) -> bool {
    *entries == 0
}

struct UnknownVersion(u32);

impl fmt::Display for UnknownVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a history of version {}, of which only {VERSION} is known", self.0)
    }
}

pub(super) fn serialize<S: Serializer>(
    message: &Arc<Message>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    StoredMessage::from(&**message).serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Arc<Message>, D::Error> {
    StoredMessage::deserialize(deserializer).map(|stored| Arc::new(stored.into()))
}
