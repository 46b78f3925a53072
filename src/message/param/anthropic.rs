//! As the Messages API of Anthropic wants a message back.

use core::fmt::Write as _;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::json::Json;
use crate::json::edit::{quote, string_member, with_member, without_member};
use crate::message::{
    Block, Citation, Content, InvalidInput, InvalidReason, Message, TextContent, ThinkingContent,
    ToolUse,
};
use crate::stop::StopReason;

impl Message {
    /// The message as the Messages API wants it back.
    pub(super) fn to_anthropic(&self) -> Json {
        let mut text = String::from(r#"{"role":"assistant","content":["#);
        for (at, block) in self.echoed_blocks().into_iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            match &block.content {
                Content::ToolUse(tool) if tool.is_nonsense() => {
                    tool.with_object().write(&mut text);
                    block.write_other(&mut text);
                    text.push('}');
                }
                _ => block.write_anthropic(&mut text),
            }
        }
        text.push_str("]}");
        Json::checked(text)
    }

    /// The blocks that go back.
    fn echoed_blocks(&self) -> Vec<&Block> {
        let last_fallback = self.last_fallback();
        let goes = |(at, block): (usize, &'_ Arc<Block>)| {
            let declined = last_fallback.is_some_and(|last| at < last);
            self.echoes(block) && !(declined && block.belongs_to_its_model())
        };
        let mut goes: Vec<bool> = self.content.iter().enumerate().map(goes).collect();
        self.pair_server_tools(&mut goes);
        let blocks = self.content.iter().zip(&goes).filter(|(_, goes)| **goes);
        let mut blocks: Vec<_> = blocks.map(|(block, _)| &**block).collect();
        // What came of the thinking is left out: a message may not end with that, unless it is gone on from.
        // Of a stream that was cut it is all there is, and kept for whoever puts something behind it.
        let over = self.complete && self.stop_reason != Some(StopReason::PauseTurn);
        if over && goes.last() == Some(&false) {
            let thought = |block: &&Block| {
                matches!(block.content, Content::Thinking(_) | Content::RedactedThinking(_))
            };
            let end = blocks.iter().rposition(|block| !thought(block));
            blocks.truncate(end.map_or(0, |end| end.saturating_add(1)));
        }
        blocks
    }

    /// Leaves out a call of a tool that the provider runs if its result is left out, and the reverse: the API refuses
    /// the one without the other.
    fn pair_server_tools(&self, goes: &mut [bool]) {
        let halves = self.server_tools();
        let left = halves.iter().filter(|(at, _)| goes.get(**at) == Some(&false));
        let left: BTreeSet<&str> = left.map(|(_, (_, id))| &**id).collect();
        for (at, _) in halves.iter().filter(|(_, (_, id))| left.contains(&**id)) {
            if let Some(goes) = goes.get_mut(*at) {
                *goes = false;
            }
        }
    }

    /// The blocks that are a call of a tool which the provider runs (`true`), or a result of one, with the id that
    /// both have.
    pub(crate) fn server_tools(&self) -> BTreeMap<usize, (bool, String)> {
        let half = |block: &Block| match &block.content {
            Content::ToolUse(tool) if !tool.kind.is_client() => {
                Some((true, String::from(tool.id.as_str())))
            }
            // One that is still coming takes nothing away.
            Content::Other(other) if block.complete && other.kind.ends_with("_tool_result") => {
                Some((false, string_member(&other.raw, "tool_use_id")?))
            }
            _ => None,
        };
        let blocks = self.content.iter().enumerate();
        blocks.filter_map(|(at, block)| Some((at, half(block)?))).collect()
    }

    /// The place of the last block that says that another model took over.
    pub(crate) fn last_fallback(&self) -> Option<usize> {
        self.content.iter().rposition(|block| block.content.kind() == "fallback")
    }

    /// Whether the API takes a block back.
    pub(crate) fn echoes(&self, block: &Block) -> bool {
        match &block.content {
            Content::Text(text) if text.text.trim().is_empty() => false,
            Content::Text(_) => block.replayable || self.complete && !block.damaged,
            Content::ToolUse(tool) if tool.is_nonsense() => self.complete && block.answerable(),
            _ => block.replayable,
        }
    }
}

impl Block {
    /// Whether a model that takes over in the middle of a reply cannot go on from this block.
    pub(crate) fn belongs_to_its_model(&self) -> bool {
        matches!(
            self.content.kind(),
            "thinking" | "redacted_thinking" | "connector_text" | "tool_use"
        )
    }

    /// The block as the Messages API wants it back.
    pub(super) fn write_anthropic(&self, out: &mut String) {
        match &self.content {
            Content::Text(text) => text.write(out),
            Content::Thinking(thinking) => thinking.write(out),
            Content::RedactedThinking(redacted) => {
                out.push_str(r#"{"type":"redacted_thinking","data":"#);
                quote(out, &redacted.data);
            }
            Content::ToolUse(tool) => tool.write(out),
            Content::Other(other) => return out.push_str(&other.raw),
        }
        // What is not known may be what the next request needs.
        self.write_other(out);
        out.push('}');
    }
}

impl TextContent {
    fn write(&self, out: &mut String) {
        out.push_str(r#"{"type":"text","text":"#);
        quote(out, &self.text);
        for (at, citation) in self.citations.iter().enumerate() {
            out.push_str(if at == 0 { r#","citations":["# } else { "," });
            citation.write(out);
        }
        if !self.citations.is_empty() {
            out.push(']');
        }
    }
}

impl ThinkingContent {
    fn write(&self, out: &mut String) {
        out.push_str(r#"{"type":"thinking","thinking":"#);
        quote(out, &self.thinking);
        if let Some(signature) = &self.signature {
            out.push_str(r#","signature":"#);
            quote(out, signature);
        }
    }
}

impl ToolUse {
    fn write(&self, out: &mut String) {
        let _ = write!(out, r#"{{"type":"{}","id":"#, self.kind.block_type());
        quote(out, &self.id);
        out.push_str(r#","name":"#);
        quote(out, &self.name);
        if let Some(server) = &self.server_name {
            out.push_str(r#","server_name":"#);
            quote(out, server);
        }
        match &self.input {
            Ok(input) => {
                out.push_str(r#","input":"#);
                out.push_str(input);
            }
            Err(invalid) => {
                out.push_str(r#","partial_json":"#);
                quote(out, &invalid.raw);
            }
        }
        // A direct call is what the API assumes, and older versions refuse the key.
        if let Some(caller) = self.caller.as_ref().filter(|caller| !is_direct(caller)) {
            out.push_str(r#","caller":"#);
            out.push_str(caller);
        }
        if let Some(toolset) = &self.toolset_name {
            out.push_str(r#","toolset_name":"#);
            quote(out, toolset);
        }
    }
}

impl ToolUse {
    /// The call with an object of what the model wrote for its arguments, if that was none.
    fn with_object(&self) -> Self {
        let input = self.input.clone().or_else(|invalid| Ok(Json::checked(invalid.as_object())));
        Self { input, ..self.clone() }
    }

    /// Whether the model wrote arguments to the end, and they are no JSON object.
    pub(crate) fn is_nonsense(&self) -> bool {
        self.kind.is_client() && self.input.is_err() && !self.is_cut()
    }

    /// Whether its arguments were cut before their end.
    pub(crate) fn is_cut(&self) -> bool {
        self.input.as_ref().is_err_and(|invalid| invalid.reason == InvalidReason::Cut)
    }
}

impl InvalidInput {
    /// What the model wrote, as an object: the API takes no other input. Source: Anthropic, "Fine-grained
    /// tool streaming", where such an object is what the model is told.
    pub(crate) fn as_object(&self) -> String {
        let mut raw = String::new();
        quote(&mut raw, &self.raw);
        with_member("{}", "INVALID_JSON", &raw).unwrap_or_default()
    }
}

impl Block {
    /// Whether it is whole, so that a call in it can be answered, whatever its arguments are.
    pub(crate) fn answerable(&self) -> bool {
        self.complete && !self.damaged
    }
}

impl Citation {
    /// Without `file_id`, which exists only in replies.
    fn write(&self, out: &mut String) {
        match without_member(self.raw(), "file_id") {
            Ok(citation) => out.push_str(&citation),
            // It is no object, and so has no keys.
            Err(_) => out.push_str(self.raw()),
        }
    }
}

fn is_direct(caller: &str) -> bool {
    caller == "null" || string_member(caller, "type").is_some_and(|kind| kind == "direct")
}
