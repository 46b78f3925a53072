//! The chunks of the Chat Completions API of `OpenAI`, and of the many servers that speak it.
//!
//! Source: `OpenAI`'s published API description, and what its servers and those who follow it really
//! send. A chunk has no type: it is one by its shape. Every field is taken as optional and `null` as
//! absent, and keys that are not known are passed over. The legacy Completions are read too: their
//! `text` is content.
//!
//! # Example
//!
//! ```
//! use thinkstream::wire::openai_chat::{Content, Event};
//!
//! let data = br#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"Hi"}}]}"#;
//! let Event::Chunk(chunk) = Event::parse("", data)? else {
//!     unreachable!();
//! };
//! let choice = chunk.choices().next().unwrap();
//! assert!(matches!(choice.delta.content, Some(Content::Text(text)) if text.decode() == "Hi"));
//! # Ok::<(), thinkstream::wire::ParseError>(())
//! ```

mod content;
mod delta;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

pub use self::content::{Content, ContentPart};
pub use self::delta::{Delta, Detail, Input, ToolDelta};
use super::failure::{has_error, read_bare, read_error};
use super::read::{self, ParseError};
use super::shape::{Parts, Said};
use super::{openai_usage, read_error_body};
use crate::error::ServerError;
use crate::json::reader::{Kind, Reader};
use crate::json::string::Str;
use crate::json::{Flaw, JsonError};
use crate::usage::Usage;

/// One event of the stream.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "nearly all events are chunks")]
pub enum Event<'a> {
    /// A chunk, which may have an error beside its choices.
    Chunk(Chunk<'a>),
    /// An error in place of a chunk.
    Error(Box<ServerError>),
    /// A frame without data.
    Ping,
    /// `[DONE]`
    Done,
    /// Data that is no chunk.
    Unknown {
        /// The frame's event type.
        name: Cow<'a, str>,
        /// The data, as received.
        data: &'a str,
    },
}

/// A piece of a completion.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Chunk<'a> {
    /// The id of the completion (`chatcmpl-…`), the same in all chunks; empty in the first of Azure.
    pub id: Option<Str<'a>>,
    /// The model.
    pub model: Option<Str<'a>>,
    /// The tier that served the request.
    pub service_tier: Option<Str<'a>>,
    /// The usage, wherever the server puts it. A later one replaces an earlier one.
    pub usage: Option<Box<Usage>>,
    /// Whether a count of the usage was none.
    pub bad_count: bool,
    /// What went wrong, on servers that say it in a chunk.
    pub error: Option<Box<ServerError>>,
    /// The id of the request, on servers that have it in the stream (`x_groq`).
    pub request_id: Option<Str<'a>>,
    /// What else is worth keeping, as received: `citations`, `search_results`, `provider`.
    pub other: [Option<(&'static str, &'a str)>; 3],
    choice_usage: Option<Box<Usage>>,
    groq_usage: Option<Box<Usage>>,
    /// Random padding, which hides the length of the text.
    padding: Option<Str<'a>>,
    /// When it was made.
    created: Option<&'a str>,
    first: Option<Choice<'a>>,
    rest: Vec<Choice<'a>>,
    /// It has the key of its choices, or says that it is a chunk.
    shaped: bool,
}

/// What a chunk has for one of the completions that were asked for.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Choice<'a> {
    /// Which one it is.
    pub index: u32,
    /// What is added to it.
    pub delta: Delta<'a>,
    /// Why it ended. An empty one is none.
    pub finish_reason: Option<Str<'a>>,
    /// Why, in the words of the server behind `OpenRouter`.
    pub native_finish_reason: Option<Str<'a>>,
    /// What the legacy Completions have in place of a delta, and some servers beside it.
    text: Option<Str<'a>>,
}

/// What the text of a chunk is that has no other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Only {
    pub(crate) choice: u32,
    pub(crate) what: What,
}

/// What a text is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    Content,
    ReasoningContent,
    Reasoning,
    ReasoningText,
    /// The text of `reasoning`, which the one of the `reasoning_details` has too: of this kind, with this
    /// index.
    Detail(&'static str, Option<u32>),
    /// Thinking in a part of the content.
    Part,
    /// The input of the call with this number.
    Input(Option<u32>),
}

impl Only {
    /// The same with another text, as if it had been read.
    pub(crate) fn with(self, found: Said<'_>) -> Choice<'_> {
        let delta = Delta::with(self.what, found);
        Choice { index: self.choice, delta, ..Choice::default() }
    }
}

impl<'a> Event<'a> {
    /// Reads the data of a frame. `name` is the frame's event type, which matters for errors only.
    ///
    /// # Errors
    ///
    /// If the data of a frame without a name is not JSON.
    pub fn parse(name: &str, data: &'a [u8]) -> Result<Self, ParseError> {
        let failed = |error| ParseError { event: "chunk".into(), index: None, error };
        let text = read::text(data).map_err(failed)?;
        match text.trim() {
            "[DONE]" => return Ok(Self::Done),
            "" => return Ok(Self::Ping),
            _ => {}
        }
        let mut chunk = Chunk::default();
        let mut reader = Reader::new(text);
        let named = !matches!(name, "" | "message" | "data" | "completion" | "chunk");
        match chunk.read(&mut reader).and_then(|()| reader.end()) {
            // Whatever a server sends as an error is one.
            Err(_) if name == "error" => return Ok(Self::Error(Box::new(read_error(text)))),
            Err(_) if named => {
                return Ok(Self::Unknown { name: Cow::Owned(name.into()), data: text });
            }
            Err(error) => return Err(failed(error)),
            Ok(()) => {}
        }
        if chunk.shaped {
            return Ok(Self::Chunk(chunk));
        }
        if name == "error" || has_error(text) || is_bare_error(text) {
            return Ok(Self::Error(Box::new(read_error(text))));
        }
        if let Some(error) = chunk.error {
            return Ok(Self::Error(error));
        }
        Ok(match read_error_body(text) {
            Some(error) => Self::Error(Box::new(error)),
            None => Self::Unknown { name: Cow::Owned(name.into()), data: text },
        })
    }
}

impl<'a> Chunk<'a> {
    /// What it has for each completion: mostly one, and none in a chunk that brings the usage.
    pub fn choices(&self) -> impl Iterator<Item = &Choice<'a>> {
        self.first.iter().chain(&self.rest)
    }

    /// What the chunk says, if that is one piece of a text, and there is nothing else in it that would
    /// not be the same if it came again.
    pub(crate) fn only(&self) -> Option<(Only, Parts<'a>)> {
        let choice = self.first.as_ref().filter(|_| self.rest.is_empty())?;
        let beside = self.usage.is_some() || self.bad_count || self.error.is_some();
        if beside || choice.finish_reason.is_some() {
            return None;
        }
        let (what, parts) = choice.delta.only(choice.text)?;
        let parts = Parts {
            noise: [self.padding, self.id],
            numbers: [self.created, choice.delta.number],
            ..parts
        };
        Some((Only { choice: choice.index, what }, parts))
    }

    fn read(&mut self, reader: &mut Reader<'a>) -> Result<(), JsonError> {
        read::members_or_skip(reader, |key, reader| self.field(key, reader))?;
        // The first place that has one.
        let elsewhere = self.choice_usage.take().or(self.groq_usage.take());
        self.usage = self.usage.take().or(elsewhere);
        Ok(())
    }

    fn field(&mut self, key: &str, reader: &mut Reader<'a>) -> Result<(), JsonError> {
        match key {
            "id" => self.id = reader.string_or_skip()?.filter(|id| !id.is_empty()),
            "model" => self.model = reader.string_or_skip()?.filter(|model| !model.is_empty()),
            "service_tier" => self.service_tier = reader.string_or_skip()?,
            "object" => {
                let object = reader.string_or_skip()?;
                self.shaped |= object.is_some_and(|object| {
                    matches!(object.verbatim(), Some("chat.completion.chunk" | "text_completion"))
                });
            }
            "choices" => {
                self.shaped = true;
                self.read_choices(reader)?;
            }
            "usage" => {
                self.shaped |= reader.kind()? == Kind::Object;
                read_usage(&mut self.usage, &mut self.bad_count, reader)?;
            }
            "x_groq" => read::members_or_skip(reader, |key, reader| {
                match key {
                    "id" => self.request_id = reader.string_or_skip()?,
                    "usage" => read_usage(&mut self.groq_usage, &mut self.bad_count, reader)?,
                    "error" => self.read_error(reader)?,
                    _ => reader.skip()?,
                }
                Ok(())
            })?,
            "error" => self.read_error(reader)?,
            "obfuscation" | "p" => self.padding = reader.string_or_skip()?,
            "created" => self.created = read::raw(reader)?,
            "provider" => self.keep(0, "provider", reader)?,
            "citations" => self.keep(1, "citations", reader)?,
            "search_results" => self.keep(2, "search_results", reader)?,
            _ => reader.skip()?,
        }
        Ok(())
    }

    fn read_choices(&mut self, reader: &mut Reader<'a>) -> Result<(), JsonError> {
        if reader.kind()? != Kind::Array {
            return reader.skip();
        }
        reader.open_array()?;
        let mut first = true;
        while reader.item(&mut first)? {
            let choice = self.read_choice(reader)?;
            if self.first.is_none() {
                self.first = Some(choice);
                continue;
            }
            self.rest.push(choice);
            if self.rest.len() == CHOICES {
                return reader.fail(Flaw::Expected("fewer choices"));
            }
        }
        Ok(())
    }

    fn read_choice(&mut self, reader: &mut Reader<'a>) -> Result<Choice<'a>, JsonError> {
        let mut choice = Choice::default();
        let (mut text, mut message) = (None, None);
        let mut changed = false;
        read::members_or_skip(reader, |key, reader| {
            match key {
                "index" => choice.index = slot(reader)?.unwrap_or_default(),
                "delta" => {
                    changed = reader.kind()? != Kind::Null;
                    choice.delta.read(reader)?;
                }
                "text" => text = reader.string_or_skip()?.filter(|text| !text.is_empty()),
                "message" => message = read::raw(reader)?,
                "finish_reason" => {
                    // KoboldCpp has written `null` as a string.
                    let none = |reason: &Str<'_>| matches!(reason.raw(), "" | "null" | "None");
                    choice.finish_reason = reader.string_or_skip()?.filter(|it| !none(it));
                }
                "native_finish_reason" => choice.native_finish_reason = reader.string_or_skip()?,
                "usage" => read_usage(&mut self.choice_usage, &mut self.bad_count, reader)?,
                "error" => self.read_error(reader)?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        // Beside a delta it is what all deltas have said.
        if let (false, Some(message)) = (changed, message) {
            choice.delta.read(&mut Reader::new(message))?;
        }
        // Some servers have an empty one beside the delta.
        choice.text = text;
        choice.delta.content = choice.delta.content.or(text.map(Content::Text));
        Ok(choice)
    }

    fn read_error(&mut self, reader: &mut Reader<'a>) -> Result<(), JsonError> {
        let kind = reader.kind()?;
        let raw = reader.raw()?;
        let empty = raw.trim_matches(['{', '}', '"']).trim().is_empty();
        if matches!(kind, Kind::Object | Kind::String) && !empty {
            self.error = Some(Box::new(read_bare(raw)));
        }
        Ok(())
    }

    fn keep(
        &mut self,
        at: usize,
        key: &'static str,
        reader: &mut Reader<'a>,
    ) -> Result<(), JsonError> {
        let raw = read::raw(reader)?;
        if let Some(place) = self.other.get_mut(at) {
            *place = raw.map(|raw| (key, raw));
        }
        Ok(())
    }
}

/// Whether it is an error with nothing around it, as llama.cpp says it in a field of its own.
fn is_bare_error(text: &str) -> bool {
    let (mut message, mut code) = (false, false);
    let read = read::members_or_skip(&mut Reader::new(text), |key, reader| {
        message |= key == "message" && reader.kind()? == Kind::String;
        code |= key == "code";
        reader.skip()
    });
    read.is_ok() && message && code
}

fn read_usage(
    usage: &mut Option<Box<Usage>>,
    bad: &mut bool,
    reader: &mut Reader<'_>,
) -> Result<(), JsonError> {
    let read = openai_usage::read(reader, bad)?;
    *usage = read.map(Box::new).or(usage.take());
    Ok(())
}

/// The number of a choice or a call; what is none is as good as missing.
fn slot(reader: &mut Reader<'_>) -> Result<Option<u32>, JsonError> {
    let before = reader.clone();
    if reader.kind()? == Kind::String {
        let text = reader.string()?;
        return Ok(text.verbatim().and_then(|text| text.parse().ok()));
    }
    *reader = before;
    Ok(reader.count()?.and_then(|count| u32::try_from(count).ok()))
}

/// Choices of one chunk. The API allows 128.
const CHOICES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;

    const TEXT: &str = r#"{"index":0,"delta":{"content":"a"}}"#;

    fn chunk(data: &str) -> Result<Chunk<'_>, ParseError> {
        match Event::parse("", data.as_bytes())? {
            Event::Chunk(chunk) => Ok(chunk),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_chunk_that_says_more_than_one_text_has_no_form() {
        for (data, expected) in [
            (format!(r#"{{"choices":[{TEXT}]}}"#), true),
            (format!(r#"{{"id":"c","created":5,"p":"x","choices":[{TEXT}]}}"#), true),
            (format!(r#"{{"choices":[{TEXT}],"usage":null}}"#), true),
            (format!(r#"{{"choices":[{TEXT}],"usage":{{"prompt_tokens":1}}}}"#), false),
            (format!(r#"{{"choices":[{TEXT}],"usage":{{"prompt_tokens":"x"}}}}"#), false),
            (format!(r#"{{"choices":[{TEXT}],"error":{{"message":"m"}}}}"#), false),
            (r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#.into(), false),
            (format!(r#"{{"choices":[{TEXT},{TEXT}]}}"#), false),
            (r#"{"choices":[]}"#.into(), false),
            (r#"{"choices":[{"delta":{}}]}"#.into(), false),
        ] {
            assert_eq!(chunk(&data).unwrap().only().is_some(), expected, "{data}");
        }
    }

    /// What a delta says if it is one text: what that is, the text, whether it is there twice, what is
    /// around it, and the number beside it.
    fn only(choice: &str) -> Option<String> {
        let data = format!(r#"{{"choices":[{choice}]}}"#);
        let chunk = chunk(&data).unwrap();
        let (only, parts) = chunk.only()?;
        let again = if parts.again.is_some() { " again" } else { "" };
        let around = parts.around.map(|around| format!(" in {around}")).unwrap_or_default();
        let number = parts.numbers[1].map(|number| format!(" #{number}")).unwrap_or_default();
        Some(format!("{:?} {}{again}{around}{number}", only.what, parts.text.raw()))
    }

    #[test]
    fn what_a_delta_says_that_is_one_text() {
        for (delta, expected) in [
            (r#"{"content":"a"}"#, Some("Content a")),
            (r#"{"content":"a","role":"assistant"}"#, Some("Content a")),
            (r#"{"content":"a","token_id":5}"#, Some("Content a #5")),
            (
                r#"{"content":"a","refusal":null,"tool_calls":null,"extra_content":null}"#,
                Some("Content a"),
            ),
            (r#"{"reasoning_content":"a"}"#, Some("ReasoningContent a")),
            (r#"{"reasoning":"a","content":""}"#, Some("Reasoning a")),
            (r#"{"reasoning_text":"a","content":null}"#, Some("ReasoningText a")),
            (r#"{"content":[{"type":"text","text":"a"}]}"#, Some("Content a")),
            (
                r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"a"}]}]}"#,
                Some("Part a"),
            ),
            // A text that is not in the data is not learnt.
            (r#"{"content":[{"type":"text","text":""}]}"#, Some("Part ?")),
            (
                r#"{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}"#,
                Some("Part ?"),
            ),
            (r#"{"content":[{"type":"thinking","thinking":"a","signature":"s"}]}"#, Some("Part ?")),
            (
                r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}"#,
                Some("Part ?"),
            ),
            // Two, or more than a text.
            (r#"{"content":""}"#, None),
            (r#"{"content":"a","reasoning":"b"}"#, None),
            (r#"{"content":"a","refusal":"b"}"#, None),
            (r#"{"content":"a","reasoning_opaque":"b"}"#, None),
            (r#"{"content":"a","extra_content":{}}"#, None),
            (r#"{"content":"a","thinking_blocks":[]}"#, None),
            (r#"{"content":"a","annotations":[]}"#, None),
            (r#"{"content":"a","function_call":{"arguments":"b"}}"#, None),
            (r#"{"content":"a","tool_calls":[{"index":0,"function":{"arguments":"b"}}]}"#, None),
            // Calls that go on.
            (
                r#"{"tool_calls":[{"index":0,"function":{"arguments":"a"}}]}"#,
                Some("Input(Some(0)) a"),
            ),
            (r#"{"tool_calls":[{"function":{"arguments":"a"}}]}"#, Some("Input(None) a")),
            (r#"{"tool_calls":[{"index":0,"id":"c","function":{"arguments":"a"}}]}"#, None),
            (r#"{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"a"}}]}"#, None),
            (
                r#"{"tool_calls":[{"index":0,"extra_content":{},"function":{"arguments":"a"}}]}"#,
                None,
            ),
            (r#"{"tool_calls":[{"index":0,"function":{"arguments":{}}}]}"#, None),
            (
                r#"{"tool_calls":[{"function":{"arguments":"a"}},{"function":{"arguments":"b"}}]}"#,
                None,
            ),
        ] {
            let found = only(&format!(r#"{{"index":0,"delta":{delta}}}"#));
            assert_eq!(found.as_deref(), expected, "{delta}");
        }
        for (choice, expected) in [
            (r#"{"text":"a"}"#, Some("Content a")),
            (r#"{"text":"a","delta":{"content":"a"}}"#, Some("Content a again")),
            (r#"{"text":"b","delta":{"content":"a"}}"#, None),
            (r#"{"text":"","delta":{"content":"a"}}"#, Some("Content a")),
        ] {
            assert_eq!(only(choice).as_deref(), expected, "{choice}");
        }
    }

    #[test]
    fn what_a_delta_says_with_its_details() {
        let text = r#""type":"reasoning.text","text":"a""#;
        for (details, expected) in [
            (format!(r#"[{{{text},"index":1}}]"#), Some("Detail(\"reasoning.text\", Some(1))")),
            (format!("[{{{text}}}]"), Some("Detail(\"reasoning.text\", None)")),
            (
                r#"[{"type":"reasoning.summary","summary":"a"}]"#.into(),
                Some("Detail(\"reasoning.summary\", None)"),
            ),
            (r#"[{"type":"reasoning.other","text":"a"}]"#.into(), None),
            (r#"[{"type":"reasoning.text","text":"b"}]"#.into(), None),
            (r#"[{"type":"reasoning.text"}]"#.into(), None),
            (format!(r#"[{{{text},"signature":"s"}}]"#), None),
            (format!(r#"[{{{text},"data":"d"}}]"#), None),
            (format!(r#"[{{{text},"id":"i"}}]"#), None),
            (format!("[{{{text}}},{{{text}}}]"), None),
        ] {
            let around = &details[1..details.len() - 1];
            let expected = expected.map(|what| format!("{what} a again in {around}"));
            let delta = format!(r#"{{"delta":{{"reasoning":"a","reasoning_details":{details}}}}}"#);
            assert_eq!(only(&delta), expected, "{delta}");
            let beside = delta.replace("\"reasoning\"", "\"content\"");
            assert_eq!(only(&beside), None, "{beside}");
        }
    }

    #[test]
    fn a_call_of_a_custom_tool_is_one_by_its_type() {
        for (call, custom) in [
            (r#"{"type":"custom","function":{"arguments":"a"}}"#, true),
            (r#"{"custom":{"input":"a"}}"#, true),
            (r#"{"type":"custom","custom":{"name":"f"}}"#, true),
            (r#"{"type":"function","function":{"arguments":"a"}}"#, false),
            (r#"{"type":"function","function":{"arguments":"a"},"custom":{}}"#, false),
            (r#"{"function":{"arguments":"a"}}"#, false),
        ] {
            let data = format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{call}]}}}}]}}"#);
            let chunk = chunk(&data).unwrap();
            let delta = chunk.choices().next().unwrap().delta;
            assert_eq!(delta.tools().next().unwrap().custom, custom, "{call}");
            assert!(delta.has_more());
        }
        let data = format!(r#"{{"choices":[{TEXT}]}}"#);
        assert!(!chunk(&data).unwrap().choices().next().unwrap().delta.has_more());
    }

    #[test]
    fn only_empty_reasoning_is_noted_as_such() {
        for (delta, expected) in [
            (r#"{"reasoning_content":""}"#, true),
            (r#"{"reasoning_content":"a"}"#, false),
            (r#"{"reasoning_content":null}"#, false),
            (r#"{"refusal":"","reasoning":""}"#, false),
        ] {
            let data = format!(r#"{{"choices":[{{"delta":{delta}}}]}}"#);
            let chunk = chunk(&data).unwrap();
            let found = chunk.choices().next().unwrap().delta.empty_reasoning;
            assert_eq!(found, expected, "{delta}");
        }
    }

    #[test]
    fn the_choices_of_one_chunk_are_bounded() {
        let choices = |count: usize| -> String {
            let choices = alloc::vec![TEXT; count].join(",");
            format!(r#"{{"choices":[{choices}]}}"#)
        };
        assert_eq!(chunk(&choices(CHOICES)).unwrap().choices().count(), CHOICES);
        let error = chunk(&choices(CHOICES + 1)).unwrap_err();
        assert_eq!(error.error.flaw, Flaw::Expected("fewer choices"));
    }
}
