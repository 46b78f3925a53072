//! The events of the Responses API of `OpenAI`.
//!
//! Source: `OpenAI`'s published API description, and what its servers and those who follow it really
//! send. An event is what its `type` says; the frame's name only helps where there is none. Every field
//! but the `type` is taken as optional and `null` as absent; unknown events, items, parts and keys are
//! kept raw or passed over: servers add new ones at any time.
//!
//! # Example
//!
//! ```
//! use thinkstream::wire::openai_responses::{Event, Said};
//!
//! let data = br#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"Hi"}"#;
//! let Event::Delta { place, said, delta, .. } = Event::parse("response.output_text.delta", data)? else {
//!     unreachable!();
//! };
//! assert_eq!((place.output_index, said), (Some(1), Said::Text));
//! assert_eq!(delta.unwrap().decode(), "Hi");
//! # Ok::<(), thinkstream::wire::ParseError>(())
//! ```

mod item;
mod response;

use alloc::borrow::Cow;
use alloc::boxed::Box;

pub use self::item::{Action, Item, Part, PartKind, Parts};
pub use self::response::Response;
use super::failure::{read_error, read_error_body};
use super::read::{self, ParseError};
use crate::error::ServerError;
use crate::json::reader::{Kind, Reader};
use crate::json::string::Str;
use crate::json::{Flaw, JsonError};

/// One event of the stream.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// `response.created`
    Created(Box<Response<'a>>),
    /// `response.queued` and `response.in_progress`; gateways send the latter to keep a connection
    /// alive.
    InProgress(Box<Response<'a>>),
    /// `response.output_item.added`
    ItemAdded {
        /// The item's place in the output.
        output_index: Option<u32>,
        /// The item as it begins, mostly a skeleton.
        item: Box<Item<'a>>,
    },
    /// `response.output_item.done`
    ItemDone {
        /// The item's place in the output.
        output_index: Option<u32>,
        /// The item, complete.
        item: Box<Item<'a>>,
    },
    /// `response.content_part.added`, `response.reasoning_summary_part.added` and, of other servers,
    /// `response.reasoning_part.added`.
    PartAdded {
        /// Where it is.
        place: Place,
        /// Whether it is a part of a summary.
        summary: bool,
        /// The part as it begins.
        part: Part<'a>,
    },
    /// The same with `.done`.
    PartDone {
        /// Where it is.
        place: Place,
        /// Whether it is a part of a summary.
        summary: bool,
        /// The part, complete.
        part: Part<'a>,
    },
    /// Any event that adds to a text: `response.output_text.delta` and its like.
    Delta {
        /// Where it is added.
        place: Place,
        /// To what.
        said: Said,
        /// The piece.
        delta: Option<Str<'a>>,
        /// What of the event is of no meaning, and different in each.
        noise: Noise<'a>,
    },
    /// Any event that says such a text whole: `response.output_text.done` and its like.
    Whole {
        /// Where it is.
        place: Place,
        /// What it is.
        said: Said,
        /// The text.
        whole: Option<Str<'a>>,
    },
    /// `response.output_text.annotation.added`
    Annotation {
        /// The text that it is about.
        place: Place,
        /// The annotation, as received; `None` for `null`.
        annotation: Option<&'a str>,
    },
    /// A tool of the provider, or the call of another one, has got on: `response.web_search_call.searching`
    /// and its like, partial images, the output of a shell, audio.
    Progress {
        /// The item's place in the output.
        output_index: Option<u32>,
        /// The type of the event.
        name: Cow<'a, str>,
        /// Its data, as received.
        data: &'a str,
    },
    /// `response.completed`, `response.incomplete`, and `response.done` of older servers.
    Ended {
        /// The response.
        response: Box<Response<'a>>,
        /// Whether the event, or the status, says that it is incomplete.
        incomplete: bool,
    },
    /// `response.failed`, by this name or by its status.
    Failed(Box<Response<'a>>),
    /// `error`, in any of its forms.
    Error(Box<ServerError>),
    /// `keepalive`, and a frame without data.
    Ping,
    /// `[DONE]`, which `OpenAI` does not send here, but others do.
    Done,
    /// An event that this version does not know.
    Unknown {
        /// Its type.
        name: Cow<'a, str>,
        /// Its data, as received.
        data: &'a str,
    },
}

/// What of an event is of no meaning, and different in each.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Noise<'a> {
    /// `sequence_number`, as received.
    pub sequence_number: Option<&'a str>,
    /// `obfuscation`, which hides the length of the text.
    pub obfuscation: Option<Str<'a>>,
}

/// Where in the output something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The place of the item.
    pub output_index: Option<u32>,
    /// The place of the part in the item's content or summary.
    pub part: u32,
}

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Said {
    /// `output_text`
    Text,
    /// `refusal`
    Refusal,
    /// `reasoning_text`
    Reasoning,
    /// `reasoning_summary_text`
    Summary,
    /// `function_call_arguments`
    Arguments,
    /// `mcp_call_arguments`
    McpArguments,
    /// `custom_tool_call_input`: no JSON.
    CustomInput,
    /// `code_interpreter_call_code`: no JSON.
    Code,
}

/// What is read of an event, whatever it is: its type may come last.
#[derive(Default)]
struct Fields<'a> {
    kind: Option<Cow<'a, str>>,
    output_index: Option<u32>,
    part_index: Option<u32>,
    delta: Option<Str<'a>>,
    whole: Option<Str<'a>>,
    item: Option<Box<Item<'a>>>,
    response: Option<Box<Response<'a>>>,
    part: Option<Part<'a>>,
    annotation: Option<&'a str>,
    noise: Noise<'a>,
    has_error: bool,
    /// Its item or part is `null`, which says nothing.
    silent: bool,
    bad_index: Option<JsonError>,
}

impl<'a> Event<'a> {
    /// Reads the data of a frame. `name` is the frame's event type, for data that has no `type`.
    ///
    /// # Errors
    ///
    /// If an event of a known type is not JSON, or lacks a field that it cannot do without.
    pub fn parse(name: &str, data: &'a [u8]) -> Result<Self, ParseError> {
        let failed = |event: &str, index, error| ParseError {
            event: Cow::Owned(event.into()),
            index,
            error,
        };
        let text = read::text(data).map_err(|error| failed(name, None, error))?;
        match text.trim() {
            "[DONE]" => return Ok(Self::Done),
            "" => return Ok(Self::Ping),
            _ => {}
        }
        let mut fields = Fields::default();
        let mut reader = Reader::new(text);
        let read = fields.read(&mut reader).and_then(|()| reader.end());
        let kind = match fields.kind.take() {
            Some(kind) if !kind.is_empty() => kind,
            _ => Cow::Owned(if name == "message" { "" } else { name }.into()),
        };
        if let Err(error) = read {
            return match &*kind {
                // Whatever a server sends as an error is one.
                "error" => Ok(Self::Error(Box::new(read_error(text)))),
                "keepalive" => Ok(Self::Ping),
                // An unknown event need not be JSON; a nameless one that is not has been damaged.
                name if !name.is_empty() && !is_known(name) => {
                    Ok(Self::Unknown { name: kind, data: text })
                }
                name => Err(failed(name, fields.output_index, error)),
            };
        }
        let index = fields.output_index;
        if let Some(error) = fields.bad_index.filter(|_| is_known(&kind)) {
            return Err(failed(&kind, index, error));
        }
        if fields.silent && is_known(&kind) && (kind.contains("_item.") || kind.contains("_part."))
        {
            return Ok(Self::Ping);
        }
        fields.event(&kind, text).map_err(|missing| {
            let error = JsonError { at: text.len(), flaw: Flaw::Missing(missing) };
            failed(&kind, index, error)
        })
    }
}

impl<'a> Fields<'a> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<(), JsonError> {
        read::members_or_skip(reader, |key, reader| {
            match key {
                "type" => self.kind = reader.string_or_skip()?.map(|kind| kind.decode()),
                "output_index" => self.output_index = self.index(reader),
                "content_index" | "summary_index" => self.part_index = self.index(reader),
                // An object in the output of a shell.
                "delta" => self.delta = reader.string_or_skip()?,
                "text" | "refusal" | "arguments" | "input" | "code" => {
                    self.whole = reader.string_or_skip()?;
                }
                "item" => {
                    self.silent |= reader.kind()? == Kind::Null;
                    self.item = Item::read(reader)?.map(Box::new);
                }
                "response" => self.response = Response::read(reader)?.map(Box::new),
                "part" => {
                    self.silent |= reader.kind()? == Kind::Null;
                    self.part = Part::read(reader)?;
                }
                "sequence_number" => self.noise.sequence_number = read::raw(reader)?,
                "obfuscation" => self.noise.obfuscation = reader.string_or_skip()?,
                "annotation" => self.annotation = read::raw(reader)?,
                "error" => {
                    let kind = reader.kind()?;
                    self.has_error = matches!(kind, Kind::Object | Kind::String);
                    reader.skip()?;
                }
                _ => reader.skip()?,
            }
            Ok(())
        })
    }

    /// An index. A wrong one matters only in an event that is known.
    fn index(&mut self, reader: &mut Reader<'a>) -> Option<u32> {
        match read::index(reader) {
            Ok(index) => index,
            Err(error) => {
                self.bad_index = self.bad_index.or(Some(error));
                None
            }
        }
    }

    /// The event of that `kind`, or the field that it lacks.
    fn event(self, kind: &str, data: &'a str) -> Result<Event<'a>, &'static str> {
        let place =
            Place { output_index: self.output_index, part: self.part_index.unwrap_or_default() };
        let output_index = self.output_index;
        if let Some((said, whole)) = said(kind) {
            return Ok(match whole {
                false => Event::Delta { place, said, delta: self.delta, noise: self.noise },
                true => Event::Whole { place, said, whole: self.whole },
            });
        }
        let name = || Cow::Owned(kind.into());
        Ok(match kind {
            "response.output_item.added" => {
                Event::ItemAdded { output_index, item: self.item.ok_or("item")? }
            }
            "response.output_item.done" => {
                Event::ItemDone { output_index, item: self.item.ok_or("item")? }
            }
            "response.content_part.added" | "response.reasoning_part.added" => {
                Event::PartAdded { place, summary: false, part: self.part.ok_or("part")? }
            }
            "response.content_part.done" | "response.reasoning_part.done" => {
                Event::PartDone { place, summary: false, part: self.part.ok_or("part")? }
            }
            "response.reasoning_summary_part.added" => {
                Event::PartAdded { place, summary: true, part: self.part.ok_or("part")? }
            }
            "response.reasoning_summary_part.done" => {
                Event::PartDone { place, summary: true, part: self.part.ok_or("part")? }
            }
            "response.output_text.annotation.added" => {
                Event::Annotation { place, annotation: self.annotation }
            }
            "response.created" => Event::Created(self.response.unwrap_or_default()),
            "response.queued" | "response.in_progress" => {
                Event::InProgress(self.response.unwrap_or_default())
            }
            "response.completed"
            | "response.incomplete"
            | "response.done"
            | "response.cancelled" => {
                let response = self.response.unwrap_or_default();
                let status = response.status.map(|status| status.decode());
                match status.as_deref() {
                    Some("failed") => Event::Failed(response),
                    Some("incomplete") => Event::Ended { response, incomplete: true },
                    _ => Event::Ended { response, incomplete: kind == "response.incomplete" },
                }
            }
            "response.failed" => Event::Failed(self.response.unwrap_or_default()),
            "error" => Event::Error(Box::new(read_error(data))),
            "keepalive" | "response.keep_alive" | "ping" => Event::Ping,
            kind if is_progress(kind) => Event::Progress { output_index, name: name(), data },
            // Whatever it is called, who says so has failed.
            _ if self.has_error => Event::Error(Box::new(read_error(data))),
            _ => match read_error_body(data).filter(|_| kind.is_empty()) {
                Some(error) => Event::Error(Box::new(error)),
                None => Event::Unknown { name: name(), data },
            },
        })
    }
}

/// What an event adds to or says whole, and which of the two.
fn said(kind: &str) -> Option<(Said, bool)> {
    let (what, whole) = match kind.strip_suffix(".delta") {
        Some(what) => (what, false),
        None => (kind.strip_suffix(".done")?, true),
    };
    let said = match what.strip_prefix("response.")? {
        "output_text" => Said::Text,
        "refusal" => Said::Refusal,
        "reasoning_text" => Said::Reasoning,
        // The shorter name is that of a draft of the API.
        "reasoning_summary_text" | "reasoning_summary" => Said::Summary,
        "function_call_arguments" => Said::Arguments,
        "mcp_call_arguments" => Said::McpArguments,
        "custom_tool_call_input" => Said::CustomInput,
        "code_interpreter_call_code" => Said::Code,
        _ => return None,
    };
    Some((said, whole))
}

/// Whether an event says no more than how a tool gets on, or what its item will say at the end.
fn is_progress(kind: &str) -> bool {
    let Some(kind) = kind.strip_prefix("response.") else {
        return false;
    };
    const FAMILIES: [&str; 9] = [
        "web_search_call.",
        "file_search_call.",
        "code_interpreter_call.",
        "image_generation_call.",
        "mcp_call.",
        "mcp_list_tools.",
        "shell_call_",
        "apply_patch_call_",
        "audio.",
    ];
    FAMILIES.iter().any(|family| kind.starts_with(family))
}

/// Whether an event has to be what the API says of it.
fn is_known(kind: &str) -> bool {
    const NAMES: [&str; 15] = [
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.completed",
        "response.incomplete",
        "response.failed",
        "response.output_item.added",
        "response.output_item.done",
        "response.content_part.added",
        "response.content_part.done",
        "response.reasoning_part.added",
        "response.reasoning_part.done",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_part.done",
        "response.output_text.annotation.added",
    ];
    said(kind).is_some() || NAMES.contains(&kind)
}
