//! How a message is written: in full, and as the next request must echo it.

use core::fmt::Write as _;

use alloc::string::String;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{Block, Citation, Content, Message, TextContent, ThinkingContent, ToolUse};
use crate::json::Json;
use crate::json::edit::{quote, string_member, with_member, without_member};
use crate::text::Text;

impl Message {
    /// The message as the next request must echo it: `{"role":"assistant","content":[…]}`.
    ///
    /// The blocks are the same and in the same order. Signatures, encrypted data and tool inputs
    /// have the same bytes; empty thinking stays. What is left out would make the request fail:
    ///
    /// - blocks that are not [replayable](Block::replayable): cut ones, unsigned thinking, tool calls
    ///   without valid arguments. The text of a complete message goes back even if the server
    ///   forgot to stop its block.
    /// - keys that exist only in replies: `citations` when there are none, the `file_id` of a
    ///   citation, the `caller` of a tool that the model called directly. Keys that this version does
    ///   not know go back;
    /// - text blocks without text;
    /// - what stands before the last `fallback` block and belongs to the model that declined:
    ///   thinking, connector text and calls of the client's tools.
    ///
    /// If nothing is left, `content` is empty, which the API refuses: end the turn with a new user
    /// message in its place.
    ///
    /// # Example
    ///
    /// ```
    /// use thinkstream::{Decoder, Event, Protocol};
    ///
    /// let stream = concat!(
    ///     "data: {\"type\":\"message_start\",\"message\":{\"role\":\"assistant\"}}\n\n",
    ///     "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":",
    ///     "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n",
    ///     "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":",
    ///     "{\"type\":\"signature_delta\",\"signature\":\"EqQB\"}}\n\n",
    ///     "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    ///     "data: {\"type\":\"message_stop\"}\n\n",
    /// );
    /// let mut input = stream.into();
    /// let mut decoder = Decoder::new(Protocol::Anthropic);
    /// while let Some(event) = decoder.decode(&mut input)? {
    ///     if let Event::Complete(done) = event {
    ///         assert_eq!(
    ///             done.message.to_param().as_str(),
    ///             r#"{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"EqQB"}]}"#,
    ///         );
    ///     }
    /// }
    /// # Ok::<(), thinkstream::Error>(())
    /// ```
    #[must_use]
    pub fn to_param(&self) -> Json {
        let last_fallback =
            self.content.iter().rposition(|block| block.content.kind() == "fallback");
        let mut text = String::from(r#"{"role":"assistant","content":["#);
        let mut first = true;
        for (at, block) in self.content.iter().enumerate() {
            let declined = last_fallback.is_some_and(|last| at < last);
            if !self.echoes(block) || declined && block.belongs_to_its_model() {
                continue;
            }
            if !core::mem::take(&mut first) {
                text.push(',');
            }
            block.write_param(&mut text);
        }
        text.push_str("]}");
        Json::checked(text)
    }

    fn echoes(&self, block: &Block) -> bool {
        match &block.content {
            Content::Text(text) if text.text.is_empty() => false,
            Content::Text(_) => block.replayable || self.complete && !block.damaged,
            _ => block.replayable,
        }
    }
}

impl Block {
    /// The block as the next request must echo it, as [`Message::to_param`] writes it.
    #[must_use]
    pub fn to_param(&self) -> Json {
        let mut text = String::new();
        self.write_param(&mut text);
        Json::checked(text)
    }

    /// Whether a model that takes over in the middle of a reply cannot go on from this block.
    fn belongs_to_its_model(&self) -> bool {
        matches!(
            self.content.kind(),
            "thinking" | "redacted_thinking" | "connector_text" | "tool_use"
        )
    }

    fn write_param(&self, out: &mut String) {
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
        for (key, value) in &self.other {
            out.push(',');
            quote(out, key);
            out.push(':');
            out.push_str(value);
        }
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

impl Serialize for Block {
    /// As the next request echoes it; a block that cannot go back says `"replayable":false`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let param = self.to_param();
        if self.replayable {
            return param.serialize(serializer);
        }
        let flagged = with_member(&param, "replayable", "false");
        flagged.map_or(param, Json::checked).serialize(serializer)
    }
}

/// Pairs as one object.
pub(super) fn as_map<S: Serializer>(
    pairs: &[(Text, Json)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(pairs.len()))?;
    for (key, value) in pairs {
        map.serialize_entry(key, value)?;
    }
    map.end()
}

fn is_direct(caller: &str) -> bool {
    caller == "null" || string_member(caller, "type").is_some_and(|kind| kind == "direct")
}
