//! A block read from the form that an API has for it.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use serde::de::Error as _;
use serde_json::value::RawValue;

use super::{
    Block, Citation, Content, InvalidInput, InvalidReason, OtherContent, RedactedThinking,
    TextContent, ThinkingContent, ToolKind, ToolUse,
};
use crate::json::Json;
use crate::json::edit::{quote, string_member};
use crate::json::members::Members;
use crate::json::reader::{Items, Kind, Reader};
use crate::text::Text;

type Result<T> = core::result::Result<T, serde_json::Error>;

/// The block that a text is, at this place: complete, and replayable if it does not say otherwise and has
/// what the provider wants back.
pub(super) fn read(text: &str, place: u32) -> Result<Block> {
    let Members(members) = serde_json::from_str(text)?;
    let kind = members.iter().rfind(|(key, _)| *key == "type");
    let kind = kind.and_then(|(_, raw)| string(raw)).unwrap_or_default();
    let mut fields = Fields::default();
    let content = match Form::of(&kind) {
        Form::Other => fields.whole(kind, text, &members)?,
        form => {
            for (key, raw) in members {
                fields.read(form, key, raw)?;
            }
            fields.content(form)?
        }
    };
    Ok(Block {
        index: place,
        complete: true,
        // What was sent whole goes back whole.
        replayable: !fields.stays && (content.is_whole() || fields.raw.is_some()),
        damaged: false,
        content,
        other: fields.other,
        raw: fields.raw,
    })
}

/// These members as one object.
pub(super) fn object<'a>(members: impl Iterator<Item = &'a (Text, &'a RawValue)>) -> String {
    let mut out = String::new();
    for (key, raw) in members {
        out.push(if out.is_empty() { '{' } else { ',' });
        quote(&mut out, key);
        out.push(':');
        out.push_str(raw.get());
    }
    out.push_str(if out.is_empty() { "{}" } else { "}" });
    out
}

impl Content {
    /// Whether it has all that the provider wants back.
    pub(super) fn is_whole(&self) -> bool {
        match self {
            Self::Thinking(thinking) => thinking.signature.is_some(),
            Self::RedactedThinking(redacted) => !redacted.data.is_empty(),
            Self::ToolUse(tool) => tool.input.is_ok(),
            Self::Text(_) | Self::Other(_) => true,
        }
    }
}

/// The types of blocks that are more than their JSON.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Thinking,
    Redacted,
    Tool(ToolKind),
    Other,
}

impl Form {
    fn of(kind: &str) -> Self {
        match kind {
            "text" => Self::Text,
            "thinking" => Self::Thinking,
            "redacted_thinking" => Self::Redacted,
            "tool_use" => Self::Tool(ToolKind::Client),
            "server_tool_use" => Self::Tool(ToolKind::Server),
            "mcp_tool_use" => Self::Tool(ToolKind::Mcp),
            "custom_tool_call" => Self::Tool(ToolKind::Custom),
            _ => Self::Other,
        }
    }
}

/// The fields of all kinds of blocks.
#[derive(Default)]
struct Fields {
    /// Text, thinking, or encrypted thinking.
    text: Option<Text>,
    signature: Option<Text>,
    id: Option<Text>,
    name: Option<Text>,
    server_name: Option<Text>,
    toolset_name: Option<Text>,
    partial_json: Option<Text>,
    input: Option<Json>,
    caller: Option<Json>,
    citations: Vec<Citation>,
    other: Vec<(Text, Json)>,
    raw: Option<Json>,
    refusal: bool,
    /// It cannot go back.
    stays: bool,
}

impl Fields {
    /// A known field of another type than it has is as good as none.
    fn read(&mut self, form: Form, key: Text, value: &RawValue) -> Result<()> {
        let raw = value.get();
        let string = match (form, key.as_str()) {
            (_, "type") => return Ok(()),
            (_, "replayable") if raw == "false" => {
                self.stays = true;
                return Ok(());
            }
            (Form::Text, "refusal") if raw == "true" => {
                self.refusal = true;
                return Ok(());
            }
            (_, "raw") if raw != "null" => return json(raw).map(|raw| self.raw = Some(raw)),
            (Form::Text, "citations") => {
                if Reader::new(raw).kind().ok() == Some(Kind::Array) {
                    let cited = Items::new(raw).map(|item| json(item).map(Citation::new));
                    self.citations = cited.collect::<Result<_>>()?;
                }
                return Ok(());
            }
            (Form::Tool(_), "input") => return json(raw).map(|raw| self.input = Some(raw)),
            (Form::Tool(_), "caller") => {
                self.caller = if raw == "null" { None } else { Some(json(raw)?) };
                return Ok(());
            }
            (Form::Text, "text") | (Form::Thinking, "thinking") | (Form::Redacted, "data") => {
                &mut self.text
            }
            (Form::Thinking, "signature") => &mut self.signature,
            (Form::Tool(_), "id") => &mut self.id,
            (Form::Tool(_), "name") => &mut self.name,
            (Form::Tool(_), "server_name") => &mut self.server_name,
            (Form::Tool(_), "toolset_name") => &mut self.toolset_name,
            (Form::Tool(_), "partial_json") => &mut self.partial_json,
            _ => {
                if raw != "null" {
                    self.other.push((key, json(raw)?));
                }
                return Ok(());
            }
        };
        *string = self::string(value);
        Ok(())
    }

    fn content(&mut self, form: Form) -> Result<Content> {
        let text = self.text.take();
        Ok(match form {
            Form::Thinking => Content::Thinking(ThinkingContent {
                thinking: text.unwrap_or_default(),
                // That is how the provider writes none.
                signature: self.signature.take().filter(|signature| !signature.is_empty()),
                ..ThinkingContent::default()
            }),
            Form::Redacted => {
                Content::RedactedThinking(RedactedThinking { data: required(text, "data")? })
            }
            Form::Tool(kind) => {
                let tool = ToolUse {
                    kind,
                    id: required(self.id.take(), "id")?,
                    name: required(self.name.take(), "name")?,
                    input: self.input(kind),
                    server_name: self.server_name.take(),
                    caller: self.caller.take(),
                    toolset_name: self.toolset_name.take(),
                    item: self
                        .raw
                        .as_deref()
                        .and_then(|raw| string_member(raw, "type"))
                        .map(Into::into),
                };
                Content::ToolUse(tool.into())
            }
            Form::Text | Form::Other => Content::Text(TextContent {
                text: text.unwrap_or_default(),
                citations: core::mem::take(&mut self.citations),
                refusal: self.refusal,
            }),
        })
    }

    /// The arguments of a tool: an object, unless it is one that takes any text.
    fn input(&mut self, kind: ToolKind) -> core::result::Result<Json, InvalidInput> {
        match (self.input.take(), self.partial_json.take()) {
            (Some(input), _) if kind == ToolKind::Custom || input.starts_with('{') => Ok(input),
            (Some(input), _) => {
                let raw = input.into_shared().into();
                Err(InvalidInput { raw, reason: InvalidReason::NotAnObject })
            }
            (None, Some(raw)) => Err(InvalidInput { reason: InvalidReason::of(&raw), raw }),
            (None, None) => Ok(Json::checked("{}")),
        }
    }

    /// A block that is its JSON, but for what says that it cannot go back.
    fn whole(&mut self, kind: Text, text: &str, members: &[(Text, &RawValue)]) -> Result<Content> {
        let says = |(key, raw): &&(Text, &RawValue)| *key == "replayable" && raw.get() == "false";
        self.stays = members.iter().any(|member| says(&member));
        let raw = if self.stays {
            json(&object(members.iter().filter(|member| !says(member))))?
        } else {
            json(text)?
        };
        for (key, value) in members.iter().filter(|(key, raw)| is_unknown(key, raw)) {
            self.other.push((key.clone(), json(value.get())?));
        }
        Ok(Content::Other(OtherContent { kind, raw }))
    }
}

/// Whether the decoder takes a member for one that this version does not know, in a block that is its JSON.
fn is_unknown(key: &str, raw: &RawValue) -> bool {
    let known = matches!(
        key,
        "type"
            | "text"
            | "thinking"
            | "signature"
            | "data"
            | "id"
            | "name"
            | "tool_use_id"
            | "server_name"
            | "toolset_name"
            | "input"
            | "caller"
            | "to"
            | "citations"
            | "content"
            | "encrypted_content"
            | "from"
            | "trigger"
            | "replayable"
    );
    !known && raw.get() != "null"
}

fn required(field: Option<Text>, name: &'static str) -> Result<Text> {
    field.ok_or_else(|| serde_json::Error::missing_field(name))
}

fn json(raw: &str) -> Result<Json> {
    Json::parse(raw.to_owned()).map_err(serde_json::Error::custom)
}

/// A string, in which half of a surrogate pair is U+FFFD as it is in streams.
fn string(raw: &RawValue) -> Option<Text> {
    Reader::new(raw.get()).string().ok().map(|string| Text::from(&*string.decode()))
}
