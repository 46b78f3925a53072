//! `message_start`, `message_delta` and the usage that both report.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

use super::block::ContentBlocks;
use crate::json::reader::{Kind, Reader};
use crate::wire::read::{self, KEYS};

use crate::json::string::Str;
use crate::json::{Flaw, Json, JsonError};
use crate::usage::Usage;

/// The message as it begins. In a reply that continues a program's tool call it is whole.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct MessageStart<'a> {
    /// The id of the message.
    pub id: Option<Str<'a>>,
    /// The model.
    pub model: Option<Str<'a>>,
    /// `assistant`.
    pub role: Option<Str<'a>>,
    /// The blocks, mostly none.
    pub content: ContentBlocks<'a>,
    /// How it ended and what else it says.
    pub end: MessageDelta<'a>,
}

/// What is known at the end of a message.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct MessageDelta<'a> {
    /// Why the model stopped.
    pub stop_reason: Option<Str<'a>>,
    /// The stop sequence that was met.
    pub stop_sequence: Option<Str<'a>>,
    /// More on a refusal, as received.
    pub stop_details: Option<&'a str>,
    /// The usage so far.
    pub usage: Option<Usage>,
    /// Whether a count of the usage was none.
    pub bad_count: bool,
    /// What else there is, by key, as received: `container`, `context_management`, …
    pub other: Vec<(Cow<'a, str>, &'a str)>,
}

// They are large, so they are filled where they stay.

pub(super) fn read_start<'a>(
    reader: &mut Reader<'a>,
) -> Result<Option<Box<MessageStart<'a>>>, JsonError> {
    let mut message = None;
    read::members(reader, |key, reader| match key {
        "message" if reader.kind()? == Kind::Null => reader.skip().map(|()| message = Some(None)),
        "message" => {
            let start: &mut Box<_> = message.insert(Some(Box::default())).get_or_insert_default();
            MessageStart::read(start, reader)
        }
        _ => reader.skip(),
    })?;
    message.map_or_else(|| reader.fail(Flaw::Missing("message")), Ok)
}

pub(super) fn read_delta<'a>(reader: &mut Reader<'a>) -> Result<Box<MessageDelta<'a>>, JsonError> {
    let mut message: Box<MessageDelta<'_>> = Box::default();
    read::members(reader, |key, reader| match key {
        "delta" if reader.kind()? == Kind::Object => {
            read::members(reader, |key, reader| message.read(key, reader))
        }
        "type" | "delta" => reader.skip(),
        key => message.read(key, reader),
    })?;
    Ok(message)
}

pub(super) fn read_stop<'a>(
    reader: &mut Reader<'a>,
) -> Result<Option<Box<MessageDelta<'a>>>, JsonError> {
    let end = read_delta(reader)?;
    let nothing = end.stop_reason.is_none()
        && end.stop_sequence.is_none()
        && end.stop_details.is_none()
        && end.usage.is_none()
        && end.other.is_empty();
    Ok((!nothing).then_some(end))
}

impl<'a> MessageStart<'a> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<(), JsonError> {
        read::members(reader, |key, reader| match key {
            "id" => reader.string_or_skip().map(|read| self.id = read),
            "model" => reader.string_or_skip().map(|read| self.model = read),
            "role" => reader.string_or_skip().map(|read| self.role = read),
            "content" if reader.kind()? == Kind::Array => {
                reader.raw().map(|raw| self.content = ContentBlocks::new(raw))
            }
            "type" | "content" => reader.skip(),
            key => self.end.read(key, reader),
        })
    }
}

impl<'a> MessageDelta<'a> {
    fn read(&mut self, key: &str, reader: &mut Reader<'a>) -> Result<(), JsonError> {
        match key {
            "stop_reason" => self.stop_reason = reader.string_or_skip()?.filter(|s| !s.is_empty()),
            "stop_sequence" => self.stop_sequence = reader.string_or_skip()?,
            "stop_details" => self.stop_details = read::raw(reader)?,
            "usage" if reader.kind()? == Kind::Object => {
                let usage = self.usage.insert(Usage::default());
                read::members(reader, |key, reader| {
                    read_usage(usage, key, reader, &mut self.bad_count)
                })?;
            }
            key => {
                if let Some(raw) = read::raw(reader)?
                    && self.other.len() < KEYS
                {
                    self.other.push((Cow::Owned(key.into()), raw));
                }
            }
        }
        Ok(())
    }
}

/// The parts of a count. If there is one that this version does not know, all of them are kept as received.
fn read_details(
    usage: &mut Usage,
    key: &str,
    reader: &mut Reader<'_>,
    bad: &mut bool,
) -> Result<(), JsonError> {
    let start = reader.place();
    let mut known = true;
    read::members(reader, |part, reader| match (key, part) {
        ("cache_creation", "ephemeral_5m_input_tokens") => {
            read::count(&mut usage.cache_creation.ephemeral_5m_input_tokens, reader, bad)
        }
        ("cache_creation", "ephemeral_1h_input_tokens") => {
            read::count(&mut usage.cache_creation.ephemeral_1h_input_tokens, reader, bad)
        }
        ("output_tokens_details", "thinking_tokens") => {
            read::count(&mut usage.thinking_tokens, reader, bad)
        }
        _ => {
            known = false;
            reader.skip()
        }
    })?;
    if !known && usage.other.len() < KEYS {
        usage.other.push((key.into(), Json::checked(reader.since(start))));
    }
    Ok(())
}

fn read_usage(
    usage: &mut Usage,
    key: &str,
    reader: &mut Reader<'_>,
    bad: &mut bool,
) -> Result<(), JsonError> {
    let count = match key {
        "input_tokens" => &mut usage.input_tokens,
        "output_tokens" => &mut usage.output_tokens,
        "cache_read_input_tokens" => &mut usage.cache_read_input_tokens,
        "cache_creation_input_tokens" => &mut usage.cache_creation_input_tokens,
        "cache_creation" | "output_tokens_details" if reader.kind()? == Kind::Object => {
            return read_details(usage, key, reader, bad);
        }
        "server_tool_use" => return read::json(&mut usage.server_tool_use, reader),
        "iterations" => return read::json(&mut usage.iterations, reader),
        "fallback_credit" => return read::json(&mut usage.fallback_credit, reader),
        "service_tier" => return read::name(&mut usage.service_tier, reader),
        "inference_geo" => return read::name(&mut usage.inference_geo, reader),
        "speed" => return read::name(&mut usage.speed, reader),
        key => {
            if let Some(raw) = read::raw(reader)?
                && usage.other.len() < KEYS
            {
                usage.other.push((key.into(), Json::checked(raw)));
            }
            return Ok(());
        }
    };
    read::count(count, reader, bad)
}
