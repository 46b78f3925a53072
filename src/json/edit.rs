//! Small changes to JSON that is kept as text.

use alloc::string::String;
use alloc::vec::Vec;

use super::reader::Reader;
use super::{Json, JsonError};

/// Appends `text` as a JSON string.
pub(crate) fn quote(out: &mut String, text: &str) {
    // Writing a string to a string cannot fail.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

/// A text as a JSON string.
pub(crate) fn quoted(text: &str) -> Json {
    let mut json = String::new();
    quote(&mut json, text);
    Json::checked(json)
}

/// An object with the JSON `value` under `key`, in the place of the old one or at its end.
pub(crate) fn with_member(raw: &str, key: &str, value: &str) -> Result<String, JsonError> {
    let mut done = false;
    let mut out = String::with_capacity(raw.len().saturating_add(value.len()));
    let put = |out: &mut String, key: &str, value: &str| {
        out.push(if out.is_empty() { '{' } else { ',' });
        quote(out, key);
        out.push(':');
        out.push_str(value);
    };
    each_member(raw, |found, old| {
        put(&mut out, found, if found == key { value } else { old });
        done |= found == key;
    })?;
    if !done {
        put(&mut out, key, value);
    }
    out.push('}');
    Ok(out)
}

/// An object without `key`.
pub(crate) fn without_member(raw: &str, key: &str) -> Result<String, JsonError> {
    let mut out = String::with_capacity(raw.len());
    each_member(raw, |found, value| {
        if found != key {
            out.push(if out.is_empty() { '{' } else { ',' });
            quote(&mut out, found);
            out.push(':');
            out.push_str(value);
        }
    })?;
    out.push_str(if out.is_empty() { "{}" } else { "}" });
    Ok(out)
}

/// The string under `key` of an object, if there is one.
pub(crate) fn string_member(raw: &str, key: &str) -> Option<String> {
    let mut value = None;
    let read = each_member(raw, |found, raw| {
        if found == key {
            value = Reader::new(raw).string().ok().map(|string| string.decode().into_owned());
        }
    });
    read.ok().and(value)
}

/// The value under `key` of an object, as it stands, if there is one.
pub(crate) fn raw_member<'a>(raw: &'a str, key: &str) -> Option<&'a str> {
    let mut reader = Reader::new(raw);
    let mut value = None;
    let mut first = reader.open().ok()?;
    while let Some(found) = reader.key(&mut first).ok()? {
        let raw = reader.raw().ok()?;
        if found == key {
            value = Some(raw);
        }
    }
    value
}

/// The keys of an object.
pub(crate) fn member_names(raw: &str) -> Vec<String> {
    let mut names = Vec::new();
    let read = each_member(raw, |key, _| names.push(key.into()));
    if read.is_err() {
        names.clear();
    }
    names
}

fn each_member(raw: &str, mut member: impl FnMut(&str, &str)) -> Result<(), JsonError> {
    let mut reader = Reader::new(raw);
    let mut first = true;
    reader.open()?;
    while let Some(key) = reader.key(&mut first)? {
        member(&key, reader.raw()?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members() {
        assert_eq!(with_member("{}", "a", "1").unwrap(), r#"{"a":1}"#);
        assert_eq!(
            with_member(r#"{"a":1 , "b" : 2.0}"#, "a", "[]").unwrap(),
            r#"{"a":[],"b":2.0}"#
        );
        assert_eq!(with_member(r#"{"a":1}"#, "b", "2").unwrap(), r#"{"a":1,"b":2}"#);
        assert_eq!(without_member(r#"{"a":1,"b":2}"#, "a").unwrap(), r#"{"b":2}"#);
        assert_eq!(without_member(r#"{"a":1}"#, "a").unwrap(), "{}");
        assert_eq!(string_member(r#"{"a":1,"b":"c\n"}"#, "b").as_deref(), Some("c\n"));
        assert_eq!(string_member(r#"{"b":1}"#, "b"), None);
        assert!(with_member("[]", "a", "1").is_err());
    }
}
