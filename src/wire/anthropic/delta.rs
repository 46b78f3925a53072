//! What `content_block_delta` adds to a block.

use alloc::borrow::Cow;

use crate::json::reader::{Kind, Reader};
use crate::wire::read;

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
    /// `thinking_delta` with a signature beside its thinking: gateways are known to make one of the two deltas.
    SignedThinking {
        /// The thinking.
        thinking: Option<Str<'a>>,
        /// An estimate of the tokens behind this delta.
        estimated_tokens: Option<u64>,
        /// The signature; it is not empty.
        signature: Str<'a>,
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
    read::members(reader, |key, reader| match key {
        "index" => read::index(reader).map(|read| *index = read),
        "delta" => Delta::read(reader).map(|read| delta = Some(read)),
        _ => reader.skip(),
    })?;
    delta.map_or_else(|| reader.fail(Flaw::Missing("delta")), Ok)
}

impl<'a> Delta<'a> {
    /// The type of the delta.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Text { .. } => "text_delta",
            Self::Thinking { .. } | Self::SignedThinking { .. } => "thinking_delta",
            Self::Signature { .. } => "signature_delta",
            Self::InputJson { .. } => "input_json_delta",
            Self::Citations { .. } => "citations_delta",
            Self::Compaction { .. } => "compaction_delta",
            Self::Null => "null",
            Self::Unknown { name, .. } => name,
        }
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, JsonError> {
        if reader.kind()? == Kind::Null {
            return reader.skip().map(|()| Self::Null);
        }
        let (mut kind, mut text, mut thinking) = (None, Value::None, Value::None);
        let (mut signature, mut partial_json) = (Value::None, Value::None);
        let (mut estimated_tokens, mut citation) = (None, None);
        let (mut content, mut encrypted_content) = (None, None);
        let start = reader.place();
        read::members(reader, |key, reader| match key {
            "type" => reader.string_or_skip().map(|read| kind = read),
            "text" => Value::read(reader).map(|read| text = read),
            "thinking" => Value::read(reader).map(|read| thinking = read),
            "signature" => Value::read(reader).map(|read| signature = read),
            "partial_json" => Value::read(reader).map(|read| partial_json = read),
            "estimated_tokens" => reader.count().map(|read| estimated_tokens = read),
            "citation" => read::raw(reader).map(|read| citation = read),
            "content" => reader.raw().map(|read| content = Some(read)),
            "encrypted_content" => reader.raw().map(|read| encrypted_content = Some(read)),
            _ => reader.skip(),
        })?;
        let Some(kind) = kind else {
            return reader.fail(Flaw::Missing("type"));
        };
        Ok(match &*kind.decode() {
            "text_delta" => Self::Text { text: text.string()? },
            "thinking_delta" => match (thinking.string()?, signature) {
                (thinking, Value::String(signature)) if !signature.is_empty() => {
                    Self::SignedThinking { thinking, estimated_tokens, signature }
                }
                (thinking, _) => Self::Thinking { thinking, estimated_tokens },
            },
            "signature_delta" => Self::Signature { signature: signature.string()? },
            "input_json_delta" => Self::InputJson { partial_json: partial_json.string()? },
            "citations_delta" => match citation {
                Some(citation) => Self::Citations { citation },
                None => return reader.fail(Flaw::Missing("citation")),
            },
            "compaction_delta" => Self::Compaction { content, encrypted_content },
            _ => Self::Unknown { name: kind.decode(), raw: reader.since(start) },
        })
    }
}

/// The value of a key that is a string where its delta is the one that has it.
enum Value<'a> {
    None,
    String(Str<'a>),
    /// Something else, here.
    Other(JsonError),
}

impl<'a> Value<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, JsonError> {
        Ok(match reader.kind()? {
            Kind::Null => reader.skip().map(|()| Self::None)?,
            Kind::String => Self::String(reader.string()?),
            _ => {
                let at = reader.place();
                reader.skip()?;
                Self::Other(JsonError { at, flaw: Flaw::Expected("a string") })
            }
        })
    }

    fn string(self) -> Result<Option<Str<'a>>, JsonError> {
        match self {
            Self::None => Ok(None),
            Self::String(string) => Ok(Some(string)),
            Self::Other(error) => Err(error),
        }
    }
}
