//! What the readers of all providers' events share.

use core::fmt;

use alloc::borrow::Cow;

use crate::json::reader::{Kind, Reader};
use crate::json::{Flaw, Json, JsonError};
use crate::text::Text;

/// An event that is not what the protocol says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseError {
    /// The event's type.
    pub event: Cow<'static, str>,
    /// The block it concerns, if that was read before the flaw.
    pub index: Option<u32>,
    /// What is wrong with its data, and at which byte of it.
    pub error: JsonError,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed `{}`: {}", self.event, self.error)
    }
}

impl core::error::Error for ParseError {}

/// The data of a frame as text.
pub(super) fn text(data: &[u8]) -> Result<&str, JsonError> {
    simdutf8::basic::from_utf8(data)
        .or_else(|_| core::str::from_utf8(data))
        .map_err(|utf8| JsonError { at: utf8.valid_up_to(), flaw: Flaw::Utf8 })
}

/// The `type` of the data, if it is an object that has one, and a reader of the data: behind the type
/// if that is the first key, as it is in most traffic.
pub(super) fn kind(text: &str) -> Result<(Option<Cow<'_, str>>, Reader<'_>), JsonError> {
    let mut reader = Reader::new(text);
    if reader.kind()? != Kind::Object {
        return reader.whole().map(|_| (None, Reader::new(text)));
    }
    let mut first = reader.open()?;
    let mut at_front = true;
    while let Some(key) = reader.key(&mut first)? {
        if key == "type" {
            let kind = reader.string_or_skip()?.map(|kind| kind.decode());
            return Ok((kind, if at_front { reader.inside() } else { Reader::new(text) }));
        }
        at_front = false;
        reader.skip()?;
    }
    Ok((None, Reader::new(text)))
}

/// Reads every member of an object by its key. `member` must take the value.
pub(super) fn members<'a>(
    reader: &mut Reader<'a>,
    mut member: impl FnMut(&str, &mut Reader<'a>) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    let mut first = reader.open()?;
    while let Some(key) = reader.key(&mut first)? {
        member(&key, reader)?;
    }
    Ok(())
}

/// Reads every member of the next value if it is an object; anything else is passed over.
pub(super) fn members_or_skip<'a>(
    reader: &mut Reader<'a>,
    member: impl FnMut(&str, &mut Reader<'a>) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    if reader.kind()? == Kind::Object { members(reader, member) } else { reader.skip() }
}

/// A value as it stands, or nothing for `null`.
pub(super) fn raw<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a str>, JsonError> {
    reader.raw().map(|raw| (raw != "null").then_some(raw))
}

/// The index of a block, or nothing for `null`.
pub(super) fn index(reader: &mut Reader<'_>) -> Result<Option<u32>, JsonError> {
    let null = reader.kind()? == Kind::Null;
    let before = reader.clone();
    match reader.count()?.and_then(|count| u32::try_from(count).ok()) {
        None if !null => before.fail(Flaw::Expected("an index")),
        index => Ok(index),
    }
}

/// A count, or nothing for `null`; anything else is passed over and marked as `bad`.
pub(super) fn count(
    count: &mut Option<u64>,
    reader: &mut Reader<'_>,
    bad: &mut bool,
) -> Result<(), JsonError> {
    let null = reader.kind()? == Kind::Null;
    *count = reader.count()?;
    *bad |= count.is_none() && !null;
    Ok(())
}

/// A value to be kept, or nothing for `null`.
pub(super) fn json(json: &mut Option<Json>, reader: &mut Reader<'_>) -> Result<(), JsonError> {
    *json = raw(reader)?.map(Json::checked);
    Ok(())
}

/// A string to be kept; anything else is passed over.
pub(super) fn name(name: &mut Option<Text>, reader: &mut Reader<'_>) -> Result<(), JsonError> {
    *name = reader.string_or_skip()?.map(|name| Text::from(&*name.decode()));
    Ok(())
}

/// A name that is one of `known`, or a copy of it.
pub(super) fn known(name: &str, known: &[&'static str]) -> Cow<'static, str> {
    match known.iter().find(|known| **known == name) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(name.into()),
    }
}

/// Unknown keys that are read: providers have about a dozen, and a sender who invents millions is not
/// followed.
pub(super) const KEYS: usize = 64;

#[cfg(test)]
mod tests {
    use crate::wire::{anthropic, openai_chat};
    use alloc::string::ToString;

    #[test]
    fn what_is_malformed_says_what_and_where() {
        let error = openai_chat::Event::parse("", b"{]").unwrap_err();
        assert_eq!(error.to_string(), "malformed `chunk`: expected a key at byte 1");
        let error = anthropic::Event::parse("message_delta", b"{\"type\":").unwrap_err();
        assert!(error.to_string().starts_with("malformed `message_delta`: "), "{error}");
    }
}
