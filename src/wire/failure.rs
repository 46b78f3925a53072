//! Errors as servers state them, in a stream or instead of one. An error is never worth another
//! error: what cannot be read is left out.

use alloc::borrow::Cow;

use super::read::{members, members_or_skip, raw};
use crate::error::ServerError;
use crate::headers::Headers;
use crate::json::edit::{raw_member, with_member};
use crate::json::reader::{Items, Kind, Reader};
use crate::json::string::Str;
use crate::json::{Json, JsonError};
use crate::text::Text;

/// Reads the error in the body of a response that is no event stream: what an API sends with a
/// status other than 200.
///
/// It knows the forms of Anthropic, of `OpenAI` and those who follow it, of Google (also in an array), of
/// Mistral and xAI, and the `detail` of `FastAPI`. Source: their error pages.
///
/// ```
/// use thinkstream::wire::read_error_body;
///
/// let body = r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#;
/// let error = read_error_body(body).unwrap();
/// assert_eq!(error.error_type.status(), Some(401));
///
/// let body = r#"{"error":{"message":"No such model","type":"invalid_request_error","code":"model_not_found"}}"#;
/// assert_eq!(read_error_body(body).unwrap().code.as_deref(), Some("model_not_found"));
/// assert!(read_error_body("<html>").is_none());
/// ```
#[must_use]
pub fn read_error_body(body: &str) -> Option<ServerError> {
    let body = match Reader::new(body).kind() {
        Ok(Kind::Array) => Items::new(body).next()?,
        _ => body,
    };
    if has_error(body) {
        return Some(read_error(body));
    }
    let mut error = untyped("");
    let mut stated = false;
    members(&mut Reader::new(body), |key, reader| match key {
        "object" => reader.string_or_skip().map(|kind| {
            stated |= kind.is_some_and(|kind| kind.verbatim() == Some("error"));
        }),
        "detail" => {
            stated = true;
            field(&mut error, "message", reader)
        }
        key => field(&mut error, key, reader),
    })
    .ok()?;
    stated.then_some(error)
}

/// Whether the data is an object with an error in it.
pub(super) fn has_error(text: &str) -> bool {
    let mut found = false;
    let read = members(&mut Reader::new(text), |key, reader| {
        found |= key == "error" && matches!(reader.kind()?, Kind::Object | Kind::String);
        reader.skip()
    });
    read.is_ok() && found
}

/// An error as its parts can be found.
pub(super) fn read_error(text: &str) -> ServerError {
    let mut error = untyped("");
    let read = members(&mut Reader::new(text), |key, reader| match key {
        "error" if reader.kind()? == Kind::Object => {
            members(reader, |key, reader| field(&mut error, key, reader))
        }
        "error" => field(&mut error, "message", reader),
        // The type of the event, unless the error's own fields are here.
        "type" if error.error_type.as_str().is_empty() => {
            let kind = decoded(reader.string_or_skip()?);
            if kind != "error" {
                error.error_type = kind.as_ref().into();
            }
            Ok(())
        }
        "request_id" => reader.string_or_skip().map(|id| {
            error.request_id = id.map(|id| id.decode().as_ref().into());
        }),
        "message" | "details" | "code" | "param" | "headers" => field(&mut error, key, reader),
        // FastAPI's name for the message.
        "detail" if error.message.is_empty() => field(&mut error, "message", reader),
        _ => reader.skip(),
    });
    match read {
        Ok(()) => error,
        Err(_) => untyped(text),
    }
}

/// An error of which only the value of its `error` is at hand.
pub(super) fn read_bare(error: &str) -> ServerError {
    let mut read = untyped("");
    let done =
        members_or_skip(&mut Reader::new(error), |key, reader| field(&mut read, key, reader));
    if done.is_err() || read == untyped("") {
        let text = Reader::new(error).string_or_skip().ok().flatten();
        read.message = text.map_or_else(|| error.into(), |text| text.decode().as_ref().into());
    }
    read
}

/// A field of the wrong type is as good as none.
fn field(error: &mut ServerError, key: &str, reader: &mut Reader<'_>) -> Result<(), JsonError> {
    match key {
        "type" => error.error_type = decoded(reader.string_or_skip()?).as_ref().into(),
        // Google's name for the type.
        "status" if error.error_type.as_str().is_empty() => {
            error.error_type = decoded(reader.string_or_skip()?).as_ref().into();
        }
        "message" if matches!(reader.kind()?, Kind::Object | Kind::Array) => {
            error.message = reader.raw()?.into();
        }
        "message" => error.message = decoded(reader.string_or_skip()?).as_ref().into(),
        // Some servers give a number.
        "code" if reader.kind()? == Kind::String => error.code = decoded_text(reader)?,
        "code" => error.code = raw(reader)?.map(Text::from),
        "param" => error.param = decoded_text(reader)?,
        "details" | "metadata" | "innererror" => {
            let before = core::mem::replace(&mut error.details, raw(reader)?.map(Json::checked));
            if let Some(headers) = before.as_deref().and_then(|it| raw_member(it, "headers")) {
                keep_headers(error, headers);
            }
        }
        // A stream has no other place for them.
        "headers" if reader.kind()? == Kind::Object => keep_headers(error, reader.raw()?),
        _ => reader.skip()?,
    }
    Ok(())
}

/// Keeps the headers that an error has in a stream among its details, if those are an object, and the id of the
/// request that they name.
fn keep_headers(error: &mut ServerError, headers: &str) {
    if error.request_id.is_none() {
        error.request_id = Headers::of_map(headers).and_then(|headers| headers.request_id);
    }
    let details = error.details.as_deref().unwrap_or("{}");
    if let Ok(details) = with_member(details, "headers", headers) {
        error.details = Some(Json::checked(details));
    }
}

/// An error of which no more is known than its message.
pub(super) fn untyped(message: &str) -> ServerError {
    ServerError::new("".into(), message.into())
}

fn decoded(string: Option<Str<'_>>) -> Cow<'_, str> {
    string.unwrap_or_default().decode()
}

fn decoded_text(reader: &mut Reader<'_>) -> Result<Option<Text>, JsonError> {
    Ok(reader.string_or_skip()?.map(|text| Text::from(&*text.decode())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_in_a_stream_are_among_the_details() {
        for (fields, expected) in [
            (r#""headers":{"retry-after":"7"}"#, Some(r#"{"headers":{"retry-after":"7"}}"#)),
            (
                r#""headers":{"retry-after":"7"},"details":{"a":1}"#,
                Some(r#"{"a":1,"headers":{"retry-after":"7"}}"#),
            ),
            (
                r#""details":{"a":1},"headers":{"retry-after":"7"}"#,
                Some(r#"{"a":1,"headers":{"retry-after":"7"}}"#),
            ),
            (r#""details":[1],"headers":{"retry-after":"7"}"#, Some("[1]")),
            (r#""headers":{"retry-after":"7"},"details":[1]"#, Some("[1]")),
            (r#""headers":"none""#, None),
        ] {
            let body = alloc::format!(r#"{{"error":{{"message":"m",{fields}}}}}"#);
            let error = read_error_body(&body).unwrap();
            assert_eq!(error.details.as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn headers_in_a_stream_name_the_request() {
        for (body, expected) in [
            (r#"{"error":{"message":"m","headers":{"x-request-id":"req_h"}}}"#, Some("req_h")),
            (r#"{"error":{"message":"m"},"headers":{"x-request-id":"req_h"}}"#, Some("req_h")),
            (r#"{"error":{"headers":{"x-request-id":"req_h"}},"request_id":"own"}"#, Some("own")),
            (r#"{"error":{"message":"m","headers":{"retry-after":"7"}}}"#, None),
        ] {
            let error = read_error_body(body).unwrap();
            assert_eq!(error.request_id.as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn the_type_of_an_error_is_its_own() {
        for (body, expected) in [
            (r#"{"type":"error","error":{"type":"own","message":"m"}}"#, "own"),
            (r#"{"error":{"type":"own","message":"m"},"type":"error"}"#, "own"),
            (r#"{"error":{"type":"own","message":"m"},"type":"other"}"#, "own"),
            (r#"{"type":"other","error":{"message":"m"}}"#, "other"),
            (r#"{"error":"m","type":"other"}"#, "other"),
            (r#"{"error":{"status":"GOOGLES","message":"m"}}"#, "GOOGLES"),
            (r#"{"error":{"type":"own","status":"GOOGLES","message":"m"}}"#, "own"),
            (r#"{"error":{"status":"GOOGLES","type":"own","message":"m"}}"#, "own"),
            (r#"{"error":{"message":"m"}}"#, ""),
        ] {
            let error = read_error_body(body).unwrap();
            assert_eq!((error.error_type.as_str(), &*error.message), (expected, "m"), "{body}");
        }
    }
}
