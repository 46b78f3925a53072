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
    /// The first piece, as received.
    raw: Json,
    /// All pieces of the text, if there was more than one.
    text: String,
    /// The signature, if it did not come with the first piece.
    signature: Option<Text>,
    /// More than the first piece has come.
    grown: bool,
}

impl Details {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a piece; says how many bytes more are held. Pieces of one type and index belong together,
    /// but for those that are encrypted: each of them is whole.
    pub(super) fn add(&mut self, piece: &Piece<'_>) -> usize {
        let kind = piece.kind.decode();
        let text = piece.text.map(|text| text.decode()).unwrap_or_default();
        let joins = matches!(&*kind, "reasoning.text" | "reasoning.summary");
        let alike = self
            .0
            .iter_mut()
            .rev()
            .take(NEAR)
            .find(|detail| joins && detail.kind == *kind && detail.index == piece.index);
        let Some(detail) = alike else {
            self.0.push(Detail {
                kind: (&*kind).into(),
                index: piece.index,
                raw: Json::checked(piece.raw),
                text: text.into(),
                signature: None,
                grown: false,
            });
            return piece.raw.len();
        };
        detail.grown = true;
        detail.text.push_str(&text);
        let signature = piece.signature.filter(|signature| !signature.is_empty());
        let signature = signature.map(|signature| Text::from(&*signature.decode()));
        let more = signature.as_ref().map_or(0, Text::len);
        detail.signature = signature.or(detail.signature.take());
        text.len().saturating_add(more)
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
    fn to_json(&self) -> Json {
        if !self.grown {
            return self.raw.clone();
        }
        let key = if self.kind == "reasoning.summary" { "summary" } else { "text" };
        let mut raw = set(self.raw.clone(), key, &self.text);
        if let Some(signature) = &self.signature {
            raw = set(raw, "signature", signature);
        }
        raw
    }
}

fn set(raw: Json, key: &str, text: &str) -> Json {
    let mut value = String::new();
    quote(&mut value, text);
    // What was read as an object once is one.
    with_member(&raw, key, &value).map_or(raw, Json::checked)
}

/// How far back the beginning of a detail is looked for: servers write one or two side by side.
const NEAR: usize = 16;
