//! What the fields of an item say, whichever of them its server has used.

use alloc::string::String;

use crate::json::Json;
use crate::json::edit::{quote, string_member};
use crate::json::reader::Reader;
use crate::text::Text;
use crate::wire::Str;
use crate::wire::openai_responses::{Action, Item};

/// What a tool is to do, where that is no text.
pub(super) fn action(item: &Item<'_>) -> Option<Json> {
    let arguments = item.arguments.filter(|raw| !raw.starts_with('"'));
    let (key, raw) = match arguments {
        Some(raw) => return Some(Json::checked(raw)),
        None => match item.action? {
            (Action::Action | Action::Operation, raw) if raw.starts_with('{') => {
                return Some(Json::checked(raw));
            }
            (Action::Action, raw) => ("action", raw),
            (Action::Operation, raw) => ("operation", raw),
            (Action::Actions, raw) => ("actions", raw),
            (Action::Queries, raw) => ("queries", raw),
        },
    };
    let mut object = String::from("{");
    quote(&mut object, key);
    object.push(':');
    object.push_str(raw);
    object.push('}');
    Some(Json::checked(object))
}

/// The arguments of a call as text.
pub(super) fn written<'a>(item: &Item<'a>) -> Option<Str<'a>> {
    let arguments = item.arguments.filter(|raw| raw.starts_with('"'));
    arguments.and_then(|raw| Reader::new(raw).string().ok()).or(item.input)
}

/// xAI says its own searches of X as if they were the client's tools; their ids tell.
pub(super) fn is_of_xai(item: &Item<'_>) -> bool {
    item.call_id.is_some_and(|id| id.decode().starts_with("xs_call_"))
}

/// A shell runs where the client is unless the item says otherwise.
pub(super) fn is_local(environment: Option<&str>) -> bool {
    let kind = environment.and_then(|raw| string_member(raw, "type"));
    kind.is_none_or(|kind| kind == "local")
}

pub(super) fn text(string: Str<'_>) -> Text {
    Text::from(&*string.decode())
}
