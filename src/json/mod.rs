//! JSON that is kept as it was received.
//!
//! What is signed, encrypted or written by the model must go back unchanged: key order, white space
//! and integers beyond 2⁵³ included. So it is held as text, checked once.

mod buffered;
pub(crate) mod edit;
mod flaw;
pub(crate) mod members;
pub(crate) mod plain;
mod quick;
pub(crate) mod reader;
mod skip;
pub(crate) mod string;

use core::fmt;
use core::ops::Deref;

use alloc::boxed::Box;
use alloc::string::String;

use bytestring::ByteString;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use self::buffered::Buffered;
use self::reader::Reader;

/// A JSON value as text, exactly as received. Dereferences to [`str`].
///
/// Serialised with `serde_json` it is written as it stands, byte for byte between its first and its
/// last. Through a `serde_json::Value`, and so through `json!`, it loses its key order, its white
/// space and the digits of large numbers, as any JSON does there. Read as part of an enum with a tag inside, of an
/// untagged one, or under `#[serde(flatten)]`, it keeps its key order and whole numbers of 64 bits, but no white space
/// and no digits that a float does without: `1.50` is `1.5`. Half a character (`"\ud83d"`) is an error there. A binary
/// format (CBOR, `MessagePack`, postcard) is an error: put the text that `serde_json` writes into it.
///
/// # Example
///
/// ```
/// use thinkstream::Json;
///
/// let input = Json::parse(r#"{"id": 9007199254740993, "a": 1}"#).unwrap();
/// let map: std::collections::HashMap<String, u64> = serde_json::from_str(&input).unwrap();
/// assert_eq!(map["id"], 9007199254740993);
/// assert_eq!(serde_json::to_string(&input).unwrap(), r#"{"id": 9007199254740993, "a": 1}"#);
/// ```
#[derive(Clone)]
pub struct Json(ByteString);

impl PartialEq for Json {
    /// What lies in the same place is the same, and may be long.
    fn eq(&self, other: &Self) -> bool {
        let (own, other) = (self.as_bytes(), other.as_bytes());
        core::ptr::eq(own, other) || own == other
    }
}

impl Eq for Json {}

impl core::hash::Hash for Json {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Json {
    /// Takes a text over that is one JSON value, without the white space around it.
    ///
    /// # Errors
    ///
    /// What is wrong with the text, and at which of its bytes.
    pub fn parse(text: impl Into<ByteString>) -> Result<Self, JsonError> {
        let Self(text) = Self::with_space(text.into())?;
        let value = text.trim_matches(SPACE);
        Ok(if value.len() == text.len() { Self(text) } else { Self(text.slice_ref(value)) })
    }

    /// Whether there is white space around it, as in the arguments of a call that has it there.
    pub(crate) fn is_spaced(&self) -> bool {
        self.0.starts_with(SPACE) || self.0.ends_with(SPACE)
    }

    /// One JSON value as it stands, with the white space around it.
    pub(crate) fn with_space(text: ByteString) -> Result<Self, JsonError> {
        Reader::new(&text).whole()?;
        Ok(Self(text))
    }

    /// `text` has been read as one JSON value.
    pub(crate) fn checked(text: impl Into<ByteString>) -> Self {
        Self(text.into())
    }

    /// The same with U+FFFD for every escape that is half of a surrogate pair.
    pub(crate) fn paired(self) -> Self {
        string::paired(&self).map_or(self, Self::checked)
    }

    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The JSON text, sharing its bytes.
    #[must_use]
    pub fn into_shared(self) -> ByteString {
        self.0
    }
}

impl Deref for Json {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Json {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<Json> for String {
    fn from(json: Json) -> Self {
        json.0.into()
    }
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        Self(alloc::format!("{value}").into())
    }
}

impl PartialEq<str> for Json {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl PartialEq<&str> for Json {
    fn eq(&self, other: &&str) -> bool {
        *self.0 == **other
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // It would be told as a map of serde_json's own, and be read back as one.
        if !serializer.is_human_readable() {
            return Err(S::Error::custom("JSON is kept as it was received in JSON text alone"));
        }
        serde_json::from_str::<&RawValue>(&self.0).map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<str>::from(raw(deserializer)?);
        Self::parse(String::from(text)).map_err(D::Error::custom)
    }
}

/// A value as it stands, or written anew where `serde` has read it before.
pub(crate) fn raw<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<RawValue>, D::Error> {
    Box::deserialize(Buffered(deserializer))
}

/// A member that is there, be it `null`.
pub(crate) fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

/// White space, as JSON has it.
const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// What is wrong with a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct JsonError {
    /// The byte of the text at which it is wrong.
    pub at: usize,
    /// What is wrong there.
    pub flaw: Flaw,
}

/// The ways in which a JSON text can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// Not JSON: something else was expected here.
    Expected(&'static str),
    /// The text ends inside a value.
    Unfinished,
    /// A string with a control character in it, which must be escaped.
    ControlCharacter,
    /// An escape that JSON does not have.
    Escape,
    /// Not UTF-8.
    Utf8,
    /// Arrays and objects inside each other, deeper than 128.
    TooDeep,
    /// Not what its checksum says.
    Checksum,
    /// A field that the event cannot do without.
    Missing(&'static str),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expected(what) => write!(f, "expected {what}"),
            Self::Unfinished => f.write_str("the text ends inside a value"),
            Self::ControlCharacter => f.write_str("a control character inside a string"),
            Self::Escape => f.write_str("an unknown escape inside a string"),
            Self::Utf8 => f.write_str("not UTF-8"),
            Self::Checksum => f.write_str("damaged: its checksum differs"),
            Self::TooDeep => f.write_str("nested deeper than 128"),
            Self::Missing(field) => write!(f, "missing `{field}`"),
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.flaw, self.at)
    }
}

impl core::error::Error for JsonError {}
