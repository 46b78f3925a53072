//! The response itself, as some events have it in them.

use alloc::string::String;

use super::Item;
use crate::error::ServerError;
use crate::json::JsonError;
use crate::json::reader::{Items, Kind, Reader};
use crate::json::string::Str;
use crate::usage::Usage;
use crate::wire::failure::read_bare;
use crate::wire::{openai_usage, read};

/// What of the response is not an echo of the request.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Response<'a> {
    /// Its id (`resp_…`), which is not the id of the request.
    pub id: Option<Str<'a>>,
    /// The model.
    pub model: Option<Str<'a>>,
    /// `queued`, `in_progress`, `completed`, `incomplete`, `failed` or `cancelled`.
    pub status: Option<Str<'a>>,
    /// What went wrong.
    pub error: Option<ServerError>,
    /// Why it is incomplete, as received.
    pub incomplete_details: Option<&'a str>,
    /// The usage.
    pub usage: Option<Usage>,
    /// Whether a count of the usage was none.
    pub bad_count: bool,
    /// Whether the provider keeps it, so that its items can be named by their ids.
    pub store: Option<bool>,
    /// The items, as received. Some servers leave them out.
    output: Option<&'a str>,
}

impl<'a> Response<'a> {
    /// Reads a response: nothing for `null`.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Option<Self>, JsonError> {
        if reader.kind()? != Kind::Object {
            reader.skip()?;
            return Ok(None);
        }
        let mut response = Self::default();
        let mut tier = None;
        read::members(reader, |key, reader| {
            match key {
                "id" => response.id = reader.string_or_skip()?,
                "model" => response.model = reader.string_or_skip()?,
                "status" => response.status = reader.string_or_skip()?,
                "error" => response.error = read::raw(reader)?.map(read_bare),
                "incomplete_details" => response.incomplete_details = read::raw(reader)?,
                "output" => response.output = read::raw(reader)?,
                "store" => response.store = read::raw(reader)?.map(|raw| raw == "true"),
                "service_tier" => read::name(&mut tier, reader)?,
                "usage" => response.usage = openai_usage::read(reader, &mut response.bad_count)?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        if let Some(usage) = &mut response.usage {
            usage.service_tier = tier;
        }
        Ok(Some(response))
    }

    /// The items of the output, in order.
    pub fn output(&self) -> impl Iterator<Item = Item<'a>> + use<'a> {
        let items = self.output.into_iter().flat_map(Items::new);
        items.filter_map(|raw| Item::read(&mut Reader::new(raw)).ok().flatten())
    }

    /// Why it is incomplete: `max_output_tokens`, `content_filter`, …
    #[must_use]
    pub fn incomplete_reason(&self) -> Option<String> {
        crate::json::edit::string_member(self.incomplete_details?, "reason")
    }
}
