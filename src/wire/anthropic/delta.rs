//! What `content_block_delta` adds to a block.

use alloc::borrow::Cow;

use super::{read_index, read_members, read_string};
use crate::json::reader::{Kind, Reader};

use crate::json::string::Str;
use crate::json::{Flaw, JsonError};

/// What is added to a block.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delta<'a> {
    /// `text_delta`: appended to the text.
    Text {
        /// The text; some servers leave it out when it is empty.
        text: Option<Str<'a>>,
    },
    /// `thinking_delta`: appended to the thinking.
    Thinking {
        /// The thinking.
        thinking: Option<Str<'a>>,
        /// An estimate of the tokens behind this delta.
        estimated_tokens: Option<u64>,
    },
    /// `signature_delta`: the signature, or a piece of it.
    Signature {
        /// The signature.
        signature: Option<Str<'a>>,
    },
    /// `input_json_delta`: appended to the JSON of a tool's input.
    InputJson {
        /// A piece of JSON, cut anywhere.
        partial_json: Option<Str<'a>>,
    },
    /// `citations_delta`: one more citation of the text.
    Citations {
        /// The citation, as received.
        citation: &'a str,
    },
    /// `compaction_delta`: the block's fields, whole, as received. `null` is a value here: the
    /// compaction failed.
    Compaction {
        /// The summary.
        content: Option<&'a str>,
        /// Its encrypted form, if the key is there.
        encrypted_content: Option<&'a str>,
    },
    /// `null`: a relay had nothing to say.
    Null,
    /// A delta that this version does not know.
    Unknown {
        /// Its type.
        name: Cow<'a, str>,
        /// The delta, as received.
        raw: &'a str,
    },
}

pub(super) fn read_event<'a>(
    reader: &mut Reader<'a>,
    index: &mut Option<u32>,
) -> Result<Delta<'a>, JsonError> {
    let mut delta = None;
    read_members(reader, |key, reader| match key {
        "index" => read_index(reader).map(|read| *index = read),
        "delta" => Delta::read(reader).map(|read| delta = Some(read)),
        _ => reader.skip(),
    })?;
    delta.map_or_else(|| reader.fail(Flaw::Missing("delta")), Ok)
}

impl<'a> Delta<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, JsonError> {
        if reader.kind()? == Kind::Null {
            return reader.skip().map(|()| Self::Null);
        }
        let (mut kind, mut text, mut thinking) = (None, None, None);
        let (mut signature, mut partial_json, mut estimated_tokens) = (None, None, None);
        let (mut citation, mut content, mut encrypted_content) = (None, None, None);
        let start = reader.place();
        read_members(reader, |key, reader| match key {
            "type" => read_string(reader).map(|read| kind = read),
            "text" => read_string(reader).map(|read| text = read),
            "thinking" => read_string(reader).map(|read| thinking = read),
            "signature" => read_string(reader).map(|read| signature = read),
            "partial_json" => read_string(reader).map(|read| partial_json = read),
            "estimated_tokens" => reader.count().map(|read| estimated_tokens = read),
            "citation" => reader.raw().map(|read| citation = Some(read)),
            "content" => reader.raw().map(|read| content = Some(read)),
            "encrypted_content" => reader.raw().map(|read| encrypted_content = Some(read)),
            _ => reader.skip(),
        })?;
        let Some(kind) = kind else {
            return reader.fail(Flaw::Missing("type"));
        };
        Ok(match &*kind.decode() {
            "text_delta" => Self::Text { text },
            "thinking_delta" => Self::Thinking { thinking, estimated_tokens },
            "signature_delta" => Self::Signature { signature },
            "input_json_delta" => Self::InputJson { partial_json },
            "citations_delta" => match citation {
                Some(citation) => Self::Citations { citation },
                None => return reader.fail(Flaw::Missing("citation")),
            },
            "compaction_delta" => Self::Compaction { content, encrypted_content },
            _ => Self::Unknown { name: kind.decode(), raw: reader.since(start) },
        })
    }
}
