//! As the Chat Completions API of `OpenAI`, and those who speak it, want a message back.

use alloc::string::String;
use alloc::vec::Vec;

use crate::json::Json;
use crate::json::edit::{quote, string_member};
use crate::json::reader::Items;
use crate::message::{Block, Content, Message, ThinkingContent, ToolKind, ToolUse};

/// How a part with a summary begins.
const SUMMARY: &str = r#"{"type":"reasoning","summary":[{"type":""#;

impl Message {
    /// One message of the assistant.
    pub(super) fn to_chat(&self) -> Json {
        let mut out = String::from(r#"{"role":"assistant","content":"#);
        self.write_content(&mut out);
        let refusal: String = self.texts(true).collect();
        if !refusal.is_empty() {
            out.push_str(r#","refusal":"#);
            quote(&mut out, &refusal);
        }
        self.write_reasoning(&mut out);
        let calls = self.echoed().filter_map(|block| match &block.content {
            Content::ToolUse(tool) => Some((block, tool)),
            _ => None,
        });
        for (at, (block, tool)) in calls.enumerate() {
            out.push_str(if at == 0 { r#","tool_calls":["# } else { "," });
            tool.write_call(block, &mut out);
        }
        if self.echoed().any(|block| matches!(block.content, Content::ToolUse(_))) {
            out.push(']');
        }
        if let Some(extra) = self.get("extra_content") {
            out.push_str(r#","extra_content":"#);
            out.push_str(extra);
        }
        out.push('}');
        Json::checked(out)
    }

    /// The blocks that go back. Text of a complete message does even if it is not replayable.
    fn echoed(&self) -> impl Iterator<Item = &Block> {
        let text = |block: &Block| self.complete && matches!(block.content, Content::Text(_));
        let blocks = self.content.iter().map(|block| &**block);
        blocks.filter(move |block| block.replayable || text(block))
    }

    fn texts(&self, refusal: bool) -> impl Iterator<Item = &str> {
        self.echoed().filter_map(move |block| match &block.content {
            Content::Text(text) if text.refusal == refusal => Some(text.text.as_str()),
            _ => None,
        })
    }

    fn thinking_blocks(&self) -> impl Iterator<Item = (&Block, &ThinkingContent)> {
        self.echoed().filter_map(|block| match &block.content {
            Content::Thinking(thinking) => Some((block, thinking)),
            _ => None,
        })
    }

    /// The text; of Mistral in parts, thinking among them. A message that only calls tools has none.
    fn write_content(&self, out: &mut String) {
        if self.thinking_blocks().any(|(_, thinking)| thinking.is_part()) {
            return self.write_parts(out);
        }
        let text: String = self.texts(false).collect();
        if text.is_empty() {
            out.push_str("null");
        } else {
            quote(out, &text);
        }
    }

    fn write_parts(&self, out: &mut String) {
        let mut between = '[';
        for block in self.echoed() {
            match &block.content {
                Content::Text(text) if !text.refusal => {
                    out.push(between);
                    out.push_str(r#"{"type":"text","text":"#);
                    quote(out, &text.text);
                    out.push('}');
                }
                Content::Thinking(thinking) if thinking.is_in("summary") => {
                    out.push(between);
                    out.push_str(SUMMARY);
                    out.push_str(r#"summary_text","text":"#);
                    quote(out, &thinking.thinking);
                    out.push_str(r#","signature":"#);
                    quote(out, thinking.signature.as_deref().unwrap_or_default());
                    out.push_str("}]}");
                }
                Content::RedactedThinking(redacted) if self.summarizes() => {
                    out.push(between);
                    out.push_str(SUMMARY);
                    out.push_str(r#"summary_encrypted_text","data":"#);
                    quote(out, &redacted.data);
                    out.push_str("}]}");
                }
                Content::Thinking(thinking) if thinking.is_in("content") => {
                    out.push(between);
                    out.push_str(r#"{"type":"thinking","thinking":[{"type":"text","text":"#);
                    quote(out, &thinking.thinking);
                    out.push_str("}]");
                    if let Some(signature) = &thinking.signature {
                        out.push_str(r#","signature":"#);
                        quote(out, signature);
                    }
                    out.push('}');
                }
                _ => continue,
            }
            between = ',';
        }
        out.push(']');
    }

    /// Whether its thinking is in summaries, as Databricks has it.
    fn summarizes(&self) -> bool {
        self.thinking_blocks().any(|(_, thinking)| thinking.is_in("summary"))
    }

    /// Thinking, in the field that it came in.
    fn write_reasoning(&self, out: &mut String) {
        let details = self.thinking_blocks().filter_map(|(block, _)| block.raw.as_ref());
        let details = details.filter_map(|raw| raw.strip_prefix('[')?.strip_suffix(']'));
        let details: Vec<&str> = details.collect();
        if !details.is_empty() {
            out.push_str(r#","reasoning_details":["#);
            out.push_str(&details.join(","));
            out.push(']');
        }
        self.write_signed(out);
        // The field alone, where the server has it without any thinking.
        let thought = self.thinking_blocks().any(|(_, thinking)| !thinking.thinking.is_empty());
        if let Some(empty) = self.get("reasoning_content").filter(|_| !thought) {
            out.push_str(r#","reasoning_content":"#);
            out.push_str(empty);
        }
        for field in ["reasoning_content", "reasoning", "reasoning_text"] {
            // What the details repeat is in them.
            let thoughts = self.thinking_blocks().filter(|(block, _)| !block.repeats_details());
            let thoughts = thoughts.map(|(_, thinking)| thinking);
            let thoughts: Vec<_> = thoughts.filter(|thinking| thinking.is_in(field)).collect();
            if thoughts.is_empty() {
                continue;
            }
            let opaque = thoughts.iter().find_map(|thinking| thinking.signature.as_ref());
            let opaque = opaque.filter(|_| field == "reasoning_text");
            let thought: String =
                thoughts.iter().map(|thinking| thinking.thinking.as_str()).collect();
            if !thought.is_empty() || opaque.is_none() {
                out.push_str(",\"");
                out.push_str(field);
                out.push_str("\":");
                quote(out, &thought);
            }
            if let Some(opaque) = opaque {
                out.push_str(r#","reasoning_opaque":"#);
                quote(out, opaque);
            }
        }
    }
}

impl Message {
    /// The signed thinking of Anthropic's models, as `LiteLLM` has it: nobody else signs this field.
    fn write_signed(&self, out: &mut String) {
        let mut between = r#","thinking_blocks":["#;
        for block in self.echoed() {
            match &block.content {
                Content::Thinking(thinking) => {
                    // What details sign is signed in them.
                    let own = thinking.is_in("reasoning_content") && block.raw.is_none();
                    let Some(signature) = thinking.signature.as_ref().filter(|_| own) else {
                        continue;
                    };
                    out.push_str(between);
                    out.push_str(r#"{"type":"thinking","thinking":"#);
                    quote(out, &thinking.thinking);
                    out.push_str(r#","signature":"#);
                    quote(out, signature);
                }
                Content::RedactedThinking(redacted) if !self.summarizes() => {
                    out.push_str(between);
                    out.push_str(r#"{"type":"redacted_thinking","data":"#);
                    quote(out, &redacted.data);
                }
                _ => continue,
            }
            out.push('}');
            between = ",";
        }
        if between == "," {
            out.push(']');
        }
    }
}

impl Block {
    /// Whether the details of its thinking have its text too.
    fn repeats_details(&self) -> bool {
        let mut details = self.raw.iter().flat_map(|raw| Items::new(raw));
        details.any(|detail| {
            let kind = string_member(detail, "type");
            matches!(kind.as_deref(), Some("reasoning.text" | "reasoning.summary"))
        })
    }
}

impl ThinkingContent {
    /// Whether it is a part of the content.
    fn is_part(&self) -> bool {
        self.is_in("content") || self.is_in("summary")
    }

    fn is_in(&self, field: &str) -> bool {
        self.field.as_ref().is_some_and(|carried| *carried == field)
    }
}

impl ToolUse {
    fn write_call(&self, block: &Block, out: &mut String) {
        let custom = self.kind == ToolKind::Custom;
        let (kind, key) = if custom { ("custom", "input") } else { ("function", "arguments") };
        out.push_str(r#"{"id":"#);
        quote(out, &self.id);
        out.push_str(r#","type":""#);
        out.push_str(kind);
        out.push_str(r#"",""#);
        out.push_str(kind);
        out.push_str(r#"":{"name":"#);
        quote(out, &self.name);
        out.push_str(r#",""#);
        out.push_str(key);
        out.push_str(r#"":"#);
        self.write_string(out);
        out.push('}');
        block.write_other(out);
        out.push('}');
    }

    /// The input as a string: `OpenAI` has the JSON of a function's arguments in one.
    pub(super) fn write_string(&self, out: &mut String) {
        match &self.input {
            // It is a string already.
            Ok(text) if self.kind == ToolKind::Custom => out.push_str(text),
            Ok(arguments) => quote(out, arguments),
            Err(invalid) => quote(out, &invalid.raw),
        }
    }
}
