//! The `reasoning_details` of a message, put together from their pieces.

use alloc::string::String;
use alloc::vec::Vec;

use crate::json::Json;
use crate::json::edit::{quote, with_member};
use crate::text::Text;
use crate::wire::openai_chat::Detail as Piece;

/// The details so far, in the order in which they began.
#[derive(Clone, Debug, Default)]
pub(super) struct Details(Vec<Detail>);

#[derive(Clone, Debug)]
struct Detail {
    kind: Text,
    index: Option<u32>,
    id: Option<Text>,
    /// The first piece, as received.
    raw: Json,
    /// All pieces of the text, escaped as they were: a character may be cut in two.
    text: String,
    /// It has a text, be it empty.
    has_text: bool,
    /// It has its signature.
    signed: bool,
    /// No more text belongs to it: it is signed, or something else was said since.
    over: bool,
    /// The signature, if it did not come with the first piece.
    signature: Option<Text>,
    /// More than the first piece has come.
    grown: bool,
}

impl Details {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a detail has begun that this piece goes on with.
    pub(super) fn has(&self, piece: &Piece<'_>) -> bool {
        self.0.iter().rev().take(NEAR).any(|detail| detail.goes_on(piece))
    }

    /// Adds a piece, and keeps it if `keep` says so; says how many bytes more are held.
    pub(super) fn add(&mut self, piece: &Piece<'_>, keep: bool) -> usize {
        let raw = piece.text.map_or("", |text| text.raw());
        let signature = piece.signature.filter(|signature| !signature.is_empty());
        let id = piece.id.map(|id| Text::from(&*id.decode()));
        let alike = self.0.iter_mut().rev().take(NEAR).find(|detail| detail.goes_on(piece));
        let Some(detail) = alike else {
            // What is not kept is remembered only as far as it tells what goes on with it.
            if !keep && self.0.len() >= NEAR {
                self.0.remove(0);
            }
            self.0.push(Detail {
                kind: (&*piece.kind.decode()).into(),
                index: piece.index,
                id,
                raw: Json::checked(if keep { piece.raw } else { "{}" }),
                text: if keep { raw.into() } else { String::new() },
                has_text: piece.text.is_some(),
                signed: signature.is_some(),
                over: signature.is_some(),
                signature: None,
                grown: false,
            });
            let more = piece.raw.len().saturating_add(written(raw)).saturating_add(DETAIL);
            return if keep { more } else { 0 };
        };
        detail.id = detail.id.take().or(id);
        detail.signed |= signature.is_some();
        detail.over |= signature.is_some();
        if !keep {
            return 0;
        }
        detail.grown = true;
        detail.has_text |= piece.text.is_some();
        detail.text.push_str(raw);
        let signature = signature.map(|signature| Text::from(&*signature.decode()));
        let more = signature.as_ref().map_or(0, Text::len);
        detail.signature = signature.or(detail.signature.take());
        written(raw).saturating_add(more)
    }

    /// Something else is said: what is thought from now on is another text.
    pub(super) fn interrupt(&mut self) {
        for detail in self.0.iter_mut().rev().take(NEAR) {
            detail.over = true;
        }
    }

    /// The details as they go back, in one array.
    pub(super) fn to_json(&self) -> Option<Json> {
        if self.is_empty() {
            return None;
        }
        let mut array = String::from("[");
        for (at, detail) in self.0.iter().enumerate() {
            if at > 0 {
                array.push(',');
            }
            array.push_str(&detail.to_json());
        }
        array.push(']');
        Some(Json::checked(array))
    }
}

impl Detail {
    /// Whether `piece` goes on with it. Pieces of one type, index and id belong together as long as
    /// nothing comes between them, but for those that are encrypted: each of them is whole.
    fn goes_on(&self, piece: &Piece<'_>) -> bool {
        let joins = matches!(self.kind.as_str(), "reasoning.text" | "reasoning.summary");
        let says_more = piece.text.is_some_and(|text| !text.is_empty());
        let signs = piece.signature.is_some_and(|signature| !signature.is_empty());
        if !joins || self.index != piece.index || self.over && says_more || self.signed && signs {
            return false;
        }
        let same_id = match (&self.id, piece.id) {
            (Some(mine), Some(other)) => *mine == *other.decode(),
            _ => true,
        };
        same_id && self.kind == *piece.kind.decode()
    }

    fn to_json(&self) -> Json {
        if !self.grown {
            return self.raw.clone();
        }
        let key = if self.kind == "reasoning.summary" { "summary" } else { "text" };
        let mut raw = self.raw.clone();
        if self.has_text {
            raw = set_raw(raw, key, &alloc::format!("\"{}\"", self.text));
        }
        for (key, late) in [("signature", &self.signature), ("id", &self.id)] {
            if let Some(late) = late {
                raw = set(raw, key, late);
            }
        }
        raw
    }
}

fn set(raw: Json, key: &str, text: &str) -> Json {
    let mut value = String::new();
    quote(&mut value, text);
    set_raw(raw, key, &value)
}

fn set_raw(raw: Json, key: &str, value: &str) -> Json {
    // What was read as an object once is one.
    with_member(&raw, key, value).map_or(raw, Json::checked)
}

/// Bytes that a text takes until all details are written: where it grows, by doubling, where it is put
/// into its detail, and where the details are put together.
fn written(text: &str) -> usize {
    text.len().saturating_mul(4)
}

/// Bytes that a detail takes beside what it says, in a list that grows by doubling.
const DETAIL: usize = 2 * size_of::<Detail>() + 64;

/// How far back the beginning of a detail is looked for: servers write one or two side by side.
pub(super) const NEAR: usize = 16;
