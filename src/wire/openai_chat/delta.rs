//! What a chunk adds to a completion.

use super::What;
use super::content::{Content, objects};
use crate::json::JsonError;
use crate::json::reader::{Kind, Reader};
use crate::json::string::Str;
use crate::message::{call_signature, signer};
use crate::wire::read;
use crate::wire::shape::{Parts, Said};

/// What is added to a completion.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Delta<'a> {
    /// Visible text; of Mistral, parts that may be thinking.
    pub content: Option<Content<'a>>,
    /// The text of a refusal.
    pub refusal: Option<Str<'a>>,
    /// There is a `reasoning_content`, but nothing in it.
    pub(crate) empty_reasoning: bool,
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
    /// A piece of a call that was not read from JSON.
    piece: Option<ToolDelta<'a>>,
    /// A part of the content that is thinking, and was not read from JSON.
    pub(crate) part: Option<Str<'a>>,
    /// A detail that was not read from JSON.
    detail: Option<Detail<'a>>,
    /// A number of which nothing is made.
    pub(super) number: Option<&'a str>,
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
    /// What signs a call of Gemini's behind other servers, as received, and the key that it is under:
    /// `provider_specific_fields` of `LiteLLM`, `thoughtSignature` of Databricks.
    pub(crate) signed: Option<(&'static str, &'a str)>,
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
                    let raw = read::raw(reader)?;
                    self.reasoning_details = raw.filter(|raw| *raw != "[]");
                    return Ok(());
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
                _ if reader.kind()? == Kind::Number => {
                    self.number = Some(reader.raw()?);
                    return Ok(());
                }
                _ => return reader.skip(),
            };
            if reader.kind()? == Kind::Object {
                // Envoy has an object there: the text, and at the end its signature.
                let raw = reader.raw()?;
                let thought = Detail::read(raw);
                *text = thought.text.filter(|text| !text.is_empty());
                let signed = thought.signature.is_some_and(|it| !it.is_empty());
                self.thinking_blocks = self.thinking_blocks.or(signed.then_some(raw));
                return Ok(());
            }
            let found = reader.string_or_skip()?;
            let empty = found.is_some_and(|text| text.is_empty());
            *text = found.filter(|text| !text.is_empty());
            self.empty_reasoning |= empty && key == "reasoning_content";
            Ok(())
        })
    }

    fn read_content(&mut self, reader: &mut Reader<'a>) -> Result<(), JsonError> {
        self.content = match reader.kind()? {
            // A part alone, too.
            Kind::Array | Kind::Object => Some(Content::Parts(reader.raw()?)),
            _ => reader.string_or_skip()?.map(Content::Text),
        };
        Ok(())
    }

    /// What the delta says, if that is one piece of a text. `beside` is what its choice says itself.
    pub(super) fn only(&self, beside: Option<Str<'a>>) -> Option<(What, Parts<'a>)> {
        let rest = [self.function_call, self.extra_content, self.thinking_blocks, self.annotations];
        let opaque = [self.refusal, self.reasoning_opaque];
        if rest.iter().any(Option::is_some) || opaque.iter().any(Option::is_some) {
            return None;
        }
        let texts = [
            self.content.and_then(Content::only),
            self.reasoning_content.map(|text| (What::ReasoningContent, Parts::of(text))),
            self.reasoning.map(|text| (What::Reasoning, Parts::of(text))),
            self.reasoning_text.map(|text| (What::ReasoningText, Parts::of(text))),
            self.only_input()?,
        ];
        let mut texts = texts.into_iter().flatten();
        let (what, mut parts) = texts.next().filter(|_| texts.next().is_none())?;
        match (what, self.reasoning_details) {
            (_, None) => {}
            (What::Reasoning, Some(_)) => return self.only_detail(parts.text),
            _ => return None,
        }
        // Where the choice has a text of its own, it is the same, or it is all there is.
        if let Some(beside) = beside
            && beside.raw().as_ptr() != parts.text.raw().as_ptr()
        {
            parts.again = Some(beside).filter(|beside| beside.raw() == parts.text.raw());
            parts.again?;
        }
        Some((what, parts))
    }

    /// Whether there is more in it than text and thinking.
    pub(crate) fn has_more(&self) -> bool {
        let raw = [self.tool_calls, self.function_call, self.extra_content, self.annotations];
        self.piece.is_some() || raw.iter().any(Option::is_some)
    }

    /// The piece of a call that goes on with one, if there is no more; nothing if there is none.
    #[expect(clippy::option_option, reason = "no call, one that goes on, or another")]
    fn only_input(&self) -> Option<Option<(What, Parts<'a>)>> {
        let mut calls = self.tools();
        match (calls.next(), calls.next()) {
            (None, _) => Some(None),
            (Some(call), None) => {
                let begins = call.id.is_some() || call.name.is_some();
                match call.input {
                    Some(Input::Piece(piece)) if !begins && call.extra().is_none() => {
                        Some(Some((What::Input(call.index), Parts::of(piece))))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The text that is in the only one of the details too.
    fn only_detail(&self, text: Str<'a>) -> Option<(What, Parts<'a>)> {
        let mut all = self.details();
        let detail = all.next().filter(|_| all.next().is_none())?;
        let opaque = [detail.signature, detail.data];
        let again = detail.text.filter(|again| again.raw() == text.raw())?;
        let silent = opaque.iter().all(Option::is_none) && detail.id.is_none();
        let kind = match detail.kind.verbatim().filter(|_| silent)? {
            "reasoning.text" => "reasoning.text",
            "reasoning.summary" => "reasoning.summary",
            _ => return None,
        };
        let parts = Parts { again: Some(again), around: Some(detail.raw), ..Parts::of(text) };
        Some((What::Detail(kind, detail.index), parts))
    }

    /// A delta that says no more than this.
    pub(super) fn with(what: What, found: Said<'a>) -> Self {
        let mut delta = Self::default();
        let text = found.text;
        match what {
            What::Content => delta.content = Some(Content::Text(text)),
            What::ReasoningContent => delta.reasoning_content = Some(text),
            What::Reasoning => delta.reasoning = Some(text),
            What::ReasoningText => delta.reasoning_text = Some(text),
            What::Detail(kind, index) => {
                delta.reasoning = Some(text);
                delta.detail = found.around.map(|raw| Detail {
                    raw,
                    kind: Str::plain(kind),
                    index,
                    text: Some(text),
                    ..Detail::default()
                });
            }
            What::Part => delta.part = Some(text),
            What::Input(index) => {
                let input = Some(Input::Piece(text));
                delta.piece = Some(ToolDelta { index, input, ..ToolDelta::default() });
            }
        }
        delta
    }

    /// The pieces of calls of tools.
    pub fn tools(&self) -> impl Iterator<Item = ToolDelta<'a>> + use<'a> {
        let calls = self.tool_calls.into_iter().flat_map(objects).map(ToolDelta::read);
        let legacy = self.function_call.map(|raw| {
            let call = ToolDelta::read_function(raw);
            ToolDelta { legacy: true, ..call }
        });
        calls.chain(legacy).chain(self.piece)
    }

    /// The `thinking_blocks`, each with its text and its signature. All their text is in `reasoning_content` too.
    pub fn thoughts(&self) -> impl Iterator<Item = Detail<'a>> + use<'a> {
        self.thinking_blocks.into_iter().flat_map(objects).map(Detail::read)
    }

    /// The `reasoning_details`.
    pub fn details(&self) -> impl Iterator<Item = Detail<'a>> + use<'a> {
        let details = self.reasoning_details.into_iter().flat_map(objects).map(Detail::read);
        details.chain(self.detail)
    }

    /// What the text cites, each as received.
    pub fn annotations(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.annotations.into_iter().flat_map(objects)
    }
}

impl<'a> Detail<'a> {
    /// Whether it says nothing: a text that is empty, and nothing that is opaque.
    pub(crate) fn is_empty(&self) -> bool {
        let known = matches!(self.kind.verbatim(), Some("reasoning.text" | "reasoning.summary"));
        let said = [self.text, self.signature, self.data].into_iter().flatten();
        known && said.into_iter().all(|said| said.is_empty())
    }

    pub(super) fn read(raw: &'a str) -> Self {
        let mut detail = Self { raw, ..Self::default() };
        let _ = read::members_or_skip(&mut Reader::new(raw), |key, reader| {
            match key {
                "type" => detail.kind = reader.string_or_skip()?.unwrap_or_default(),
                "index" => detail.index = super::slot(reader)?,
                "id" => detail.id = reader.string_or_skip()?,
                "text" | "summary" | "thinking" => {
                    detail.text = reader.string_or_skip()?.or(detail.text);
                }
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
                _ if signer(key).is_some() => call.read_signed(key, reader)?,
                _ => reader.skip()?,
            }
            Ok(())
        });
        // A client of Mistral writes `null` like this.
        let id = id.filter(|id| !id.is_empty() && id.verbatim() != Some("null"));
        Self { index, id, extra_content: extra, ..call }
    }

    /// What goes back with the call, and its key. What Gemini adds itself comes first.
    pub(crate) fn extra(&self) -> Option<(&'static str, &'a str)> {
        self.extra_content.map(|raw| ("extra_content", raw)).or(self.signed)
    }

    fn read_signed(&mut self, key: &str, reader: &mut Reader<'a>) -> Result<(), JsonError> {
        let raw = read::raw(reader)?;
        let found = signer(key).zip(raw).filter(|(key, raw)| call_signature(key, raw).is_some());
        self.signed = self.signed.or(found);
        Ok(())
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
                _ if signer(key).is_some() => self.read_signed(key, reader)?,
                _ => reader.skip()?,
            }
            Ok(())
        })
    }
}
