//! How a block is serialised, and how it is read back to the same value.
//!
//! A block has the form that Anthropic's API has for it, of whatever provider it is. What that form says is
//! read by [`plain`]; what it does not say, or says differently, stands beside it under `about`. What belongs
//! there is found by reading the form back, so nothing can be forgotten.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::stored::spaced;
use super::{Block, Citation, Content, InvalidInput, InvalidReason, plain};
use crate::json::edit::{quote, with_member};
use crate::json::members::Members;
use crate::json::{self, Json};
use crate::text::Text;

impl Serialize for Block {
    /// As Anthropic's API has blocks, of whatever provider it is. A block that cannot go back says
    /// `"replayable":false`, the text of a refusal `"refusal":true`; what the provider sent whole is
    /// under `raw`. What the block has beyond that is under `about`, so that it is read back as it was;
    /// its index too, if it is not its place in the message, or 0 if it stands alone.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.at(0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Block {
    /// As it is serialised, or as an API has it in a message that is no stream: then it is complete, and
    /// replayable unless it is thinking without a signature or a call without arguments.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        WrittenBlock::deserialize(deserializer)?.into_block(0).map_err(D::Error::custom)
    }
}

impl Block {
    /// The block as it is written where its index is told already.
    pub(crate) fn at(&self, place: u32) -> impl Serialize {
        At { block: self, place }
    }
}

/// A block at a place that tells its index.
struct At<'a> {
    block: &'a Block,
    place: u32,
}

impl Serialize for At<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Json::checked(write(self.block, self.place)).serialize(serializer)
    }
}

/// A block as it is written, before it is known where it stands.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct WrittenBlock(#[serde(deserialize_with = "json::raw")] Box<RawValue>);

impl WrittenBlock {
    /// The block. Its index is that of its `place` if it does not say another.
    pub(crate) fn into_block(self, place: u32) -> Result<Block, serde_json::Error> {
        read(self.0.get(), place)
    }
}

/// The blocks of a message: the index of each is mostly its place.
pub(super) mod blocks {
    use alloc::sync::Arc;
    use alloc::vec::Vec;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{At, Block, WrittenBlock};

    pub(in crate::message) fn serialize<S: Serializer>(
        blocks: &[Arc<Block>],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((0..).zip(blocks).map(|(place, block)| At { block, place }))
    }

    pub(in crate::message) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Arc<Block>>, D::Error> {
        let blocks = (0..).zip(Vec::<WrittenBlock>::deserialize(deserializer)?);
        let block = |(place, block): (u32, WrittenBlock)| block.into_block(place).map(Arc::new);
        blocks.map(block).collect::<Result<_, _>>().map_err(D::Error::custom)
    }
}

/// Pairs as one object.
pub(super) mod pairs {
    use core::fmt;

    use alloc::vec::Vec;

    use serde::de::{MapAccess, Visitor};
    use serde::{Deserializer, Serializer};

    use crate::json::Json;
    use crate::text::Text;

    pub(in crate::message) fn serialize<S: Serializer>(
        pairs: &[(Text, Json)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(pairs.iter().map(|(key, value)| (key, value)))
    }

    pub(in crate::message) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(Text, Json)>, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Vec<(Text, Json)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(pairs)
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// What a block has that its form does not say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct About {
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    complete: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replayable: Option<bool>,
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    damaged: bool,
    /// Of thinking.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<Text>,
    /// Of text.
    #[serde(skip_serializing_if = "Option::is_none")]
    citations: Option<Vec<Json>>,
    /// Of a tool: its input as text, if it is not as it would be judged or has white space around it.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Text>,
    /// Why the input is none, if that is not to be read off it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<InvalidReason>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "crate::json::present")]
    caller: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<Vec<(Text, Json)>>,
    /// What was sent whole is the block itself, and nothing of it is kept apart.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    whole: bool,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "crate::json::present")]
    raw: Option<Json>,
    /// The content, if the rest cannot be read as this one. Then nothing else of the rest counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
}

/// The block as one JSON object.
fn write(block: &Block, place: u32) -> String {
    let rest = rest(block);
    let read = plain::read(&rest, place).ok().filter(|_| !has_about(&rest));
    let about = read.and_then(|read| {
        let about = About::between(&read, block);
        (about.clone().put_on(read) == *block).then_some(about)
    });
    match about {
        Some(about) if about == About::default() && !block.content.kind().is_empty() => rest,
        Some(about) => with_about(&rest, &about),
        None => with_about(&bare(block), &About::instead(block, place)),
    }
}

/// The block from what [`write()`] made of it, or from an API.
fn read(text: &str, place: u32) -> Result<Block, serde_json::Error> {
    let Members(members) = serde_json::from_str(text)?;
    // What was written here is last, and says something. Any other is the API's own member.
    let about = members.last().filter(|(key, _)| *key == ABOUT);
    let about = about.and_then(|(_, about)| serde_json::from_str::<About>(about.get()).ok());
    let Some(about) = about.filter(|about| *about != About::default()) else {
        let block = plain::read(text, place)?;
        let named = !block.content.kind().is_empty();
        return if named { Ok(block) } else { Err(serde_json::Error::missing_field("type")) };
    };
    let block = match about.content.clone() {
        Some(content) => whole(content, place),
        None => plain::read(&without_about(text, &members), place)?,
    };
    Ok(about.put_on(block))
}

/// A complete block with this content and nothing else.
fn whole(content: Content, place: u32) -> Block {
    let replayable = content.is_whole();
    let other = Vec::new();
    Block { index: place, content, other, raw: None, complete: true, replayable, damaged: false }
}

impl About {
    /// What has to be put on `read` for it to be `block`, as far as that can be said in pieces.
    fn between(read: &Block, block: &Block) -> Self {
        let whole = matches!(&block.content, Content::Other(other) if block.raw.as_ref() == Some(&other.raw));
        let other = if whole { &[] } else { read.other.as_slice() };
        let raw = if whole { &block.raw } else { &read.raw };
        let mut about = Self {
            whole,
            index: (read.index != block.index).then_some(block.index),
            complete: (read.complete != block.complete).then_some(block.complete),
            replayable: (read.replayable != block.replayable).then_some(block.replayable),
            damaged: block.damaged,
            other: (other != block.other).then(|| block.other.clone()),
            raw: if *raw == block.raw { None } else { block.raw.clone() },
            ..Self::default()
        };
        about.of_content(&read.content, &block.content);
        about
    }

    fn of_content(&mut self, read: &Content, content: &Content) {
        match (read, content) {
            (Content::Text(read), Content::Text(text)) if read.citations != text.citations => {
                let raw = text.citations.iter().map(|citation| citation.raw().clone());
                self.citations = Some(raw.collect());
            }
            (Content::Thinking(read), Content::Thinking(thinking)) => {
                let tokens = thinking.estimated_tokens;
                self.estimated_tokens = (tokens != read.estimated_tokens).then_some(tokens);
                self.field.clone_from(&thinking.field);
            }
            (Content::ToolUse(read), Content::ToolUse(tool)) => {
                match &tool.input {
                    Ok(input) if read.input != tool.input => {
                        self.input = Some(input.clone().into_shared().into());
                    }
                    Err(invalid) if read.input != tool.input => self.reason = Some(invalid.reason),
                    _ => {}
                }
                if read.caller != tool.caller {
                    self.caller.clone_from(&tool.caller);
                }
                if read.item != tool.item {
                    self.item.clone_from(&tool.item);
                }
            }
            _ => {}
        }
    }

    /// All of a block whose form cannot be read as it.
    fn instead(block: &Block, place: u32) -> Self {
        let read = whole(block.content.clone(), place);
        let about = Self::between(&read, block);
        Self { content: Some(read.content), ..about }
    }

    fn put_on(self, mut block: Block) -> Block {
        block.index = self.index.unwrap_or(block.index);
        block.complete = self.complete.unwrap_or(block.complete);
        block.replayable = self.replayable.unwrap_or(block.replayable);
        block.damaged = self.damaged;
        block.other = self.other.unwrap_or(if self.whole { Vec::new() } else { block.other });
        block.raw = self.raw.or(block.raw);
        match &mut block.content {
            Content::Text(text) => {
                if let Some(citations) = self.citations {
                    text.citations = citations.into_iter().map(Citation::new).collect();
                }
            }
            Content::Thinking(thinking) => {
                thinking.estimated_tokens =
                    self.estimated_tokens.unwrap_or(thinking.estimated_tokens);
                thinking.field = self.field;
            }
            Content::ToolUse(tool) => {
                if let Some(input) = self.input {
                    tool.input = spaced(input);
                }
                if let (Err(InvalidInput { reason, .. }), Some(said)) =
                    (&mut tool.input, self.reason)
                {
                    *reason = said;
                }
                tool.caller = self.caller.or(tool.caller.take());
                tool.item = self.item.or(tool.item.take());
            }
            Content::Other(other) if self.whole => block.raw = Some(other.raw.clone()),
            Content::RedactedThinking(_) | Content::Other(_) => {}
        }
        block
    }
}

/// The block in its form, without what is about it.
fn rest(block: &Block) -> String {
    let refusal = matches!(&block.content, Content::Text(text) if text.refusal);
    let known = matches!(block.content, Content::Other(_));
    let raw = block.raw.as_deref().filter(|_| !known);
    let more = [
        ("replayable", (!block.replayable).then_some("false")),
        ("refusal", refusal.then_some("true")),
        ("raw", raw),
    ];
    let mut text = String::from(block.as_anthropic());
    for (key, value) in more {
        if let Some(value) = value {
            // A block that is no object has no members.
            text = with_member(&text, key, value).unwrap_or(text);
        }
    }
    text
}

/// No more of a block than what kind it is.
fn bare(block: &Block) -> String {
    let mut text = String::from(r#"{"type":"#);
    quote(&mut text, block.content.kind());
    text.push('}');
    text
}

fn has_about(text: &str) -> bool {
    let members = serde_json::from_str::<Members<'_>>(text);
    members.is_ok_and(|Members(members)| members.iter().any(|(key, _)| *key == ABOUT))
}

/// An object with what is about it at its end; else it is as it was.
fn with_about(rest: &str, about: &About) -> String {
    // Nothing in it fails to be written: its keys are strings, its values numbers, texts and JSON.
    let about = serde_json::to_string(about).unwrap_or_default();
    let open = rest.trim_end().strip_suffix('}').unwrap_or(rest);
    let between = if open.trim_end().ends_with('{') { "" } else { "," };
    format!("{open}{between}\"{ABOUT}\":{about}}}")
}

/// The object before [`with_about`], byte for byte if nobody has touched it since.
fn without_about(text: &str, members: &[(Text, &RawValue)]) -> String {
    let about = members.last().filter(|(key, _)| *key == ABOUT);
    let open = about.and_then(|(_, about)| {
        let open = text.trim_end().strip_suffix('}')?.strip_suffix(about.get())?;
        open.strip_suffix(&format!("\"{ABOUT}\":"))
    });
    if let Some(open) = open {
        return format!("{}}}", open.strip_suffix(',').unwrap_or(open));
    }
    plain::object(members.iter().filter(|(key, _)| *key != ABOUT))
}

const ABOUT: &str = "about";
