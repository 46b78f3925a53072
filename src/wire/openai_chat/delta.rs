//! What a chunk adds to a completion.

use crate::json::JsonError;
use crate::json::reader::{Items, Kind, Reader};
use crate::json::string::Str;
use crate::wire::read;

/// What is added to a completion.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Delta<'a> {
    /// Visible text; of Mistral, parts that may be thinking.
    pub content: Option<Content<'a>>,
    /// The text of a refusal.
    pub refusal: Option<Str<'a>>,
    /// Thinking, of `DeepSeek`, Qwen, Kimi, GLM, xAI, llama.cpp, …
    pub reasoning_content: Option<Str<'a>>,
    /// Thinking, of `OpenRouter`, Groq, vLLM, Ollama, …
    pub reasoning: Option<Str<'a>>,
    /// Thinking, of GitHub Copilot.
    pub reasoning_text: Option<Str<'a>>,
    /// What goes back with that, opaque.
    pub reasoning_opaque: Option<Str<'a>>,
    /// Thinking with its signatures, of `OpenRouter`, as received.
    pub reasoning_details: Option<&'a str>,
    /// Pieces of calls of tools, as received.
    tool_calls: Option<&'a str>,
    /// A piece of the one call of the API's first version, as received.
    function_call: Option<&'a str>,
    /// What Gemini adds to a text, as received.
    pub extra_content: Option<&'a str>,
    /// Thinking of Anthropic's models with its signatures, of `LiteLLM`, as received.
    thinking_blocks: Option<&'a str>,
    /// What the text cites, as received.
    annotations: Option<&'a str>,
}

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
    /// Any other, as received: a reference, an image.
    Other(&'a str),
}

/// One of the `reasoning_details`.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Detail<'a> {
    /// The detail, as received.
    pub raw: &'a str,
    /// `reasoning.text`, `reasoning.summary`, `reasoning.encrypted`; the set is open.
    pub kind: Str<'a>,
    /// Details of one index and type belong together.
    pub index: Option<u32>,
    /// Its id.
    pub id: Option<Str<'a>>,
    /// The text or the summary.
    pub text: Option<Str<'a>>,
    /// The signature of the text.
    pub signature: Option<Str<'a>>,
    /// What only the provider can read.
    pub data: Option<Str<'a>>,
}

/// A piece of a call of a tool.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ToolDelta<'a> {
    /// Which of the calls it is for. Some servers leave it out, and some give the same to all.
    pub index: Option<u32>,
    /// The id of the call. An empty one is none.
    pub id: Option<Str<'a>>,
    /// The tool. An empty one is none.
    pub name: Option<Str<'a>>,
    /// A piece of its input.
    pub input: Option<Input<'a>>,
    /// Whether the input is text and not JSON.
    pub custom: bool,
    /// Whether it is the one call of the API's first version, which has no id.
    pub legacy: bool,
    /// What Gemini adds to a call, as received.
    pub extra_content: Option<&'a str>,
}

/// A piece of the input of a tool.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A piece of JSON, or of text, in a string.
    Piece(Str<'a>),
    /// The input itself, as received, of servers that do not put it into a string.
    Whole(&'a str),
}

impl<'a> Delta<'a> {
    pub(super) fn read(&mut self, reader: &mut Reader<'a>) -> Result<(), JsonError> {
        read::members_or_skip(reader, |key, reader| {
            let text = match key {
                "content" => return self.read_content(reader),
                "tool_calls" => return read::raw(reader).map(|raw| self.tool_calls = raw),
                "function_call" => return read::raw(reader).map(|raw| self.function_call = raw),
                "reasoning_details" => {
                    return read::raw(reader).map(|raw| self.reasoning_details = raw);
                }
                "extra_content" => return read::raw(reader).map(|raw| self.extra_content = raw),
                "thinking_blocks" => {
                    return read::raw(reader).map(|raw| self.thinking_blocks = raw);
                }
                "annotations" => return read::raw(reader).map(|raw| self.annotations = raw),
                "refusal" => &mut self.refusal,
                "reasoning_content" => &mut self.reasoning_content,
                "reasoning" => &mut self.reasoning,
                "reasoning_text" => &mut self.reasoning_text,
                "reasoning_opaque" => &mut self.reasoning_opaque,
                _ => return reader.skip(),
            };
            *text = reader.string_or_skip()?.filter(|text| !text.is_empty());
            Ok(())
        })
    }

    fn read_content(&mut self, reader: &mut Reader<'a>) -> Result<(), JsonError> {
        self.content = match reader.kind()? {
            Kind::Array => Some(Content::Parts(reader.raw()?)),
            _ => reader.string_or_skip()?.map(Content::Text),
        };
        Ok(())
    }

    /// The pieces of calls of tools.
    pub fn tools(&self) -> impl Iterator<Item = ToolDelta<'a>> + use<'a> {
        let calls = self.tool_calls.into_iter().flat_map(objects).map(ToolDelta::read);
        let legacy = self.function_call.map(|raw| {
            let call = ToolDelta::read_function(raw);
            ToolDelta { legacy: true, ..call }
        });
        calls.chain(legacy)
    }

    /// The signatures in `thinking_blocks`. Their text is in `reasoning_content` too.
    pub fn signatures(&self) -> impl Iterator<Item = Str<'a>> + use<'a> {
        let blocks = self.thinking_blocks.into_iter().flat_map(objects).map(Detail::read);
        blocks.filter_map(|block| block.signature)
    }

    /// The `reasoning_details`.
    pub fn details(&self) -> impl Iterator<Item = Detail<'a>> + use<'a> {
        self.reasoning_details.into_iter().flat_map(objects).map(Detail::read)
    }

    /// What the text cites, each as received.
    pub fn annotations(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.annotations.into_iter().flat_map(objects)
    }
}

/// The objects in an array. Servers put a handful into one chunk; who puts thousands there only wants
/// them to be held.
fn objects(array: &str) -> impl Iterator<Item = &str> {
    Items::new(array).filter(|raw| raw.starts_with('{')).take(ITEMS)
}

/// Items of one array of a chunk that are read.
const ITEMS: usize = 1024;

impl<'a> Content<'a> {
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
        // It was read before, so this cannot fail; what is no object has no members.
        let _ = read::members_or_skip(&mut Reader::new(raw), |key, reader| {
            match key {
                "type" => kind = reader.string_or_skip()?,
                "text" => text = reader.string_or_skip()?,
                "thinking" => thinking = read::raw(reader)?,
                "signature" => signature = reader.string_or_skip()?,
                _ => reader.skip()?,
            }
            Ok(())
        });
        match (kind.and_then(|kind| kind.verbatim()), text, thinking) {
            (Some("thinking"), _, thinking) => {
                Self::Thinking { thinking: thinking.unwrap_or("[]"), signature }
            }
            (Some("text") | None, Some(text), _) => Self::Text(text),
            _ => Self::Other(raw),
        }
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

impl<'a> Detail<'a> {
    /// Whether it says nothing: a text that is empty, and nothing that is opaque.
    pub(crate) fn is_empty(&self) -> bool {
        let known = matches!(self.kind.verbatim(), Some("reasoning.text" | "reasoning.summary"));
        let said = [self.text, self.signature, self.data].into_iter().flatten();
        known && said.into_iter().all(|said| said.is_empty())
    }

    fn read(raw: &'a str) -> Self {
        let mut detail = Self { raw, ..Self::default() };
        let _ = read::members_or_skip(&mut Reader::new(raw), |key, reader| {
            match key {
                "type" => detail.kind = reader.string_or_skip()?.unwrap_or_default(),
                "index" => detail.index = super::slot(reader)?,
                "id" => detail.id = reader.string_or_skip()?,
                "text" | "summary" => detail.text = reader.string_or_skip()?.or(detail.text),
                "signature" => detail.signature = reader.string_or_skip()?,
                "data" => detail.data = reader.string_or_skip()?,
                _ => reader.skip()?,
            }
            Ok(())
        });
        detail
    }
}

impl<'a> ToolDelta<'a> {
    fn read(raw: &'a str) -> Self {
        let mut call = Self::default();
        let (mut index, mut id, mut extra) = (None, None, None);
        let _ = read::members_or_skip(&mut Reader::new(raw), |key, reader| {
            match key {
                "index" => index = super::slot(reader)?,
                "id" => id = reader.string_or_skip()?,
                "type" => {
                    let kind = reader.string_or_skip()?;
                    call.custom |= kind.is_some_and(|kind| kind.verbatim() == Some("custom"));
                }
                "function" => call.read_call(reader)?,
                // Some relays add an empty one to calls of functions.
                "custom" => {
                    let mut custom = Self::default();
                    custom.read_call(reader)?;
                    if custom.name.is_some() || custom.input.is_some() {
                        call = Self { custom: true, ..custom };
                    }
                }
                "extra_content" => extra = read::raw(reader)?,
                _ => reader.skip()?,
            }
            Ok(())
        });
        // A client of Mistral writes `null` like this.
        let id = id.filter(|id| !id.is_empty() && id.verbatim() != Some("null"));
        Self { index, id, extra_content: extra, ..call }
    }

    fn read_function(raw: &'a str) -> Self {
        let mut call = Self::default();
        let _ = call.read_call(&mut Reader::new(raw));
        call
    }

    fn read_call(&mut self, reader: &mut Reader<'a>) -> Result<(), JsonError> {
        read::members_or_skip(reader, |key, reader| {
            match key {
                "name" => self.name = reader.string_or_skip()?.filter(|name| !name.is_empty()),
                "arguments" | "input" => {
                    self.input = match reader.kind()? {
                        Kind::String => {
                            let piece = reader.string()?;
                            (!piece.is_empty()).then_some(Input::Piece(piece))
                        }
                        _ => read::raw(reader)?.map(Input::Whole),
                    };
                }
                _ => reader.skip()?,
            }
            Ok(())
        })
    }
}
