//! The content of a message: text, or parts of it.

use super::What;
use super::delta::Detail;
use crate::json::reader::{Items, Reader};
use crate::json::string::Str;
use crate::wire::read;
use crate::wire::shape::Parts;

/// Visible text, or parts of a message.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Content<'a> {
    /// Text.
    Text(Str<'a>),
    /// An array of parts, as received.
    Parts(&'a str),
}

/// A part of a message.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ContentPart<'a> {
    /// `text`
    Text(Str<'a>),
    /// `thinking`
    Thinking {
        /// The texts in it, as received.
        thinking: &'a str,
        /// The signature, once the thinking is over.
        signature: Option<Str<'a>>,
    },
    /// `reasoning`, of Databricks: its `summary`, as received.
    Reasoning(&'a str),
    /// Any other, as received: a reference, an image.
    Other(&'a str),
}

/// The objects in an array.
pub(super) fn objects(array: &str) -> impl Iterator<Item = &str> {
    let alone = Some(array).filter(|raw| raw.starts_with('{'));
    alone.into_iter().chain(Items::new(array)).filter(|raw| raw.starts_with('{'))
}

impl<'a> Content<'a> {
    /// What it says, if that is one piece of a text or nothing.
    pub(super) fn only(self) -> Option<(What, Parts<'a>)> {
        match self {
            Self::Text(text) => (!text.is_empty()).then(|| (What::Content, Parts::of(text))),
            Self::Parts(_) => {
                let mut parts = self.parts();
                let only = match (parts.next(), parts.next()) {
                    (Some(ContentPart::Text(text)), None) => Some((What::Content, text)),
                    (Some(ContentPart::Thinking { thinking, signature: None }), None) => {
                        let mut texts = ContentPart::texts(thinking);
                        let text = texts.next().filter(|_| texts.next().is_none());
                        text.map(|text| (What::Part, text))
                    }
                    _ => None,
                };
                let only = only.filter(|(_, text)| !text.is_empty());
                // What is said in another way has no text to be found.
                let (what, text) = only.unwrap_or((What::Part, Str::plain("?")));
                Some((what, Parts::of(text)))
            }
        }
    }

    /// The parts of the content.
    pub fn parts(self) -> impl Iterator<Item = ContentPart<'a>> + use<'a> {
        let (text, parts) = match self {
            Self::Text(text) => (Some(ContentPart::Text(text)), None),
            Self::Parts(raw) => (None, Some(raw)),
        };
        let parts = parts.into_iter().flat_map(objects).map(ContentPart::read);
        text.into_iter().chain(parts)
    }
}

impl<'a> ContentPart<'a> {
    fn read(raw: &'a str) -> Self {
        let (mut kind, mut text, mut thinking, mut signature) = (None, None, None, None);
        let mut summary = None;
        // It was read before, so this cannot fail; what is no object has no members.
        let _ = read::members_or_skip(&mut Reader::new(raw), |key, reader| {
            match key {
                "type" => kind = reader.string_or_skip()?,
                "text" => text = reader.string_or_skip()?,
                "thinking" => thinking = read::raw(reader)?,
                "signature" => signature = reader.string_or_skip()?,
                "summary" => summary = read::raw(reader)?,
                _ => reader.skip()?,
            }
            Ok(())
        });
        match (kind.and_then(|kind| kind.verbatim()), text, thinking) {
            (Some("thinking"), _, thinking) => {
                Self::Thinking { thinking: thinking.unwrap_or("[]"), signature }
            }
            (Some("text") | None, Some(text), _) => Self::Text(text),
            (Some("reasoning"), ..) => Self::Reasoning(summary.unwrap_or("[]")),
            _ => Self::Other(raw),
        }
    }

    /// What a `summary` says: texts, signatures, and what only the provider can read.
    pub(crate) fn summaries(summary: &'a str) -> impl Iterator<Item = Detail<'a>> + use<'a> {
        objects(summary).map(Detail::read)
    }

    /// The texts in the `thinking` of a part: it is an array of them, or one string.
    pub(crate) fn texts(thinking: &'a str) -> impl Iterator<Item = Str<'a>> + use<'a> {
        let whole = Reader::new(thinking).string_or_skip().ok().flatten();
        let parts = objects(thinking).filter_map(|raw| match Self::read(raw) {
            ContentPart::Text(text) => Some(text),
            _ => None,
        });
        whole.into_iter().chain(parts)
    }
}
