//! Where two values of JSON differ, for the model that reads them.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::history::kind;
use crate::json::edit::raw_member;
use crate::json::reader::{Items, Kind, Reader};

/// A place that differs: the values, where there are any, and the places behind which they would stand.
pub(super) struct Place<'a> {
    pub(super) path: String,
    pub(super) previous: Result<&'a str, &'a str>,
    pub(super) next: Result<&'a str, &'a str>,
}

/// What differs in a message beside its content.
pub(super) fn without_content<'a>(old: &'a str, new: &'a str, path: &str) -> Option<Place<'a>> {
    let (olds, news) = (members(old), members(new));
    let outside = |key: &str| key != "content";
    in_members(old, new, &olds, &news, path, false, &outside)
}

type Members<'a> = Vec<(Cow<'a, str>, &'a str)>;

fn members(object: &str) -> Members<'_> {
    let mut reader = Reader::new(object);
    let mut members = Vec::new();
    let Ok(mut first) = reader.open() else { return members };
    while let Ok(Some(key)) = reader.key(&mut first) {
        let Ok(raw) = reader.raw() else { break };
        members.push((key, raw));
    }
    members
}

/// The first place where two values differ. `ordered`: the order of keys counts, and all of them.
///
/// It goes into itself no deeper than the values do, which is 128.
pub(super) fn differs<'a>(
    old: &'a str,
    new: &'a str,
    path: String,
    ordered: bool,
) -> Option<Place<'a>> {
    if old == new {
        return None;
    }
    let kinds = (Reader::new(old).kind(), Reader::new(new).kind());
    match kinds {
        (Ok(Kind::Object), Ok(Kind::Object)) => {
            let (olds, news) = (members(old), members(new));
            in_members(old, new, &olds, &news, &path, ordered, &|_| true)
        }
        (Ok(Kind::Array), Ok(Kind::Array)) => in_items(old, new, &path, ordered),
        (Ok(Kind::String), Ok(Kind::String)) => {
            let text = |raw| Reader::new(raw).string().ok().map(|text| text.decode().into_owned());
            (text(old) != text(new)).then_some(Place { path, previous: Ok(old), next: Ok(new) })
        }
        // A text may be a string or a block.
        (Ok(Kind::String), _)
            if text_of(new)
                .is_some_and(|text| differs(old, text, String::new(), false).is_none()) =>
        {
            None
        }
        (_, Ok(Kind::String))
            if text_of(old)
                .is_some_and(|text| differs(text, new, String::new(), false).is_none()) =>
        {
            None
        }
        _ => Some(Place { path, previous: Ok(old), next: Ok(new) }),
    }
}

/// The text of a block that is nothing but text, or of an array with one.
fn text_of(value: &str) -> Option<&str> {
    let mut block = value;
    if value.starts_with('[') {
        let mut items = Items::new(value);
        block = items.next().filter(|_| items.next().is_none())?;
    }
    let plain =
        members(block).iter().all(|(key, _)| matches!(&**key, "type" | "text" | "cache_control"));
    raw_member(block, "text").filter(|_| plain && kind(block).ends_with("text"))
}

fn in_members<'a>(
    old: &'a str,
    new: &'a str,
    olds: &Members<'a>,
    news: &Members<'a>,
    path: &str,
    ordered: bool,
    counts: &dyn Fn(&str) -> bool,
) -> Option<Place<'a>> {
    // What the model reads as it stands has no marks.
    let counts = |key: &str| counts(key) && (ordered || key != "cache_control");
    for (key, value) in olds.iter().filter(|(key, _)| counts(key)) {
        let path = format!("{path}.{key}");
        let Some((_, other)) = news.iter().find(|(found, _)| found == key) else {
            return Some(Place { path, previous: Ok(value), next: Err(new) });
        };
        let ordered = ordered || matches!(&**key, "input" | "input_schema" | "parameters");
        if let Some(place) = differs(value, other, path, ordered) {
            return Some(place);
        }
    }
    let known = |key: &str| olds.iter().any(|(found, _)| found == key);
    if let Some((key, value)) = news.iter().find(|(key, _)| counts(key) && !known(key)) {
        let path = format!("{path}.{key}");
        return Some(Place { path, previous: Err(old), next: Ok(value) });
    }
    let moved = ordered && olds.iter().zip(news).any(|((old, _), (new, _))| old != new);
    moved.then(|| Place { path: path.into(), previous: Ok(old), next: Ok(new) })
}

fn in_items<'a>(old: &'a str, new: &'a str, path: &str, ordered: bool) -> Option<Place<'a>> {
    let (mut olds, mut news) = (Items::new(old), Items::new(new));
    for at in 0_usize.. {
        let path = format!("{path}[{at}]");
        match (olds.next(), news.next()) {
            (Some(left), Some(right)) => {
                if let Some(place) = differs(left, right, path, ordered) {
                    return Some(place);
                }
            }
            (None, None) => return None,
            (left, right) => {
                return Some(Place { path, previous: left.ok_or(old), next: right.ok_or(new) });
            }
        }
    }
    None
}
