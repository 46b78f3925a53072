//! As the Responses API of `OpenAI` wants a message back.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::json::Json;
use crate::json::edit::{quote, quoted, raw_member, string_member, with_member, without_member};
use crate::json::reader::Items;
use crate::message::{Block, Content, Message, ToolKind};

impl Message {
    /// The output items, in an array.
    pub(super) fn to_responses(&self) -> Json {
        let echoed: Vec<_> = self.content.iter().filter(|block| self.is_item(block)).collect();
        // Reasoning without what it led to is refused.
        let is_reasoning = |block: &Block| matches!(block.content, Content::Thinking(_));
        let last = echoed.iter().rposition(|block| !is_reasoning(block));
        let kept = last.map_or(0, |last| last.saturating_add(1));
        // What followed reasoning that cannot go back is refused by its id, and taken without it.
        let forgotten = |block: &Block| is_reasoning(block) && !self.is_item(block);
        let nameless = self.content.iter().any(|block| forgotten(block));
        let mut text = String::from("[");
        for block in echoed.into_iter().take(kept) {
            if text.len() > 1 {
                text.push(',');
            }
            block.write_item(nameless, &mut text);
        }
        text.push(']');
        Json::checked(text)
    }

    /// Whether a block goes back. Text of a complete message does even if its item never ended.
    fn is_item(&self, block: &Block) -> bool {
        match &block.content {
            Content::Text(text) => block.replayable || self.complete && !text.text.is_empty(),
            _ => block.replayable,
        }
    }
}

/// Whether the API takes the id of an item back. Some of its own servers give longer ones than it takes, and others'
/// begin otherwise.
pub(crate) fn takes_id(item: &str) -> bool {
    let kind = string_member(item, "type").unwrap_or_default();
    let begin = match kind.as_str() {
        "message" => "msg",
        "reasoning" => "rs",
        "function_call" => "fc",
        "custom_tool_call" => "ctc",
        _ => "",
    };
    string_member(item, "id").is_none_or(|id| id.starts_with(begin) && is_id(&id))
}

/// Whether it is one of at most 64 letters, digits, `_` and `-`, as the API has it.
fn is_id(id: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=64).contains(&id.len()) && id.bytes().all(valid)
}

impl Block {
    /// Whether it searches for tools: what for is an object.
    fn is_search(&self) -> bool {
        matches!(&self.content, Content::ToolUse(tool) if tool.item.as_deref() == Some("tool_search_call"))
    }

    /// The item as it goes back: as it came, but for what the API refuses in it.
    fn returned<'a>(&self, raw: &'a str, nameless: bool) -> Cow<'a, str> {
        // Reasoning keeps its id, and what the provider ran needs one.
        let client = match &self.content {
            Content::Text(_) => true,
            Content::ToolUse(tool) => tool.kind.is_client(),
            _ => false,
        };
        // Reasoning that is not sealed is found by nothing else.
        let sealed = raw_member(raw, "encrypted_content").is_some_and(|it| it != "null");
        let unfit = nameless && client || (client || sealed) && !takes_id(raw);
        let mut item = Cow::Borrowed(raw);
        if let Some(bare) = unfit.then(|| without_member(raw, "id").ok()).flatten() {
            item = bare.into();
        }
        // Some servers say so of what has none, and the API takes no `null` for it.
        if raw_member(&item, "status") == Some("null")
            && let Ok(bare) = without_member(&item, "status")
        {
            item = bare.into();
        }
        // Some servers say as an object what they take as a string.
        let arguments = raw_member(&item, "arguments").filter(|it| it.starts_with('{'));
        if let Some(arguments) = arguments.filter(|_| client && !self.is_search())
            && let Ok(written) = with_member(&item, "arguments", &quoted(arguments))
        {
            item = written.into();
        }
        item
    }

    /// Whether its text or input is not what the item has: somebody has changed it since, as to take out a name.
    pub(super) fn says_otherwise(&self, raw: &str) -> bool {
        match &self.content {
            Content::Text(text) => {
                let parts = Items::new(raw_member(raw, "content").unwrap_or_default());
                let said = parts.filter_map(|part| {
                    string_member(part, "text").or_else(|| string_member(part, "refusal"))
                });
                said.collect::<String>() != *text.text
            }
            Content::ToolUse(tool) => {
                match (tool.kind, &tool.input, string_member(raw, "arguments")) {
                    (ToolKind::Client, Ok(input), Some(said)) => {
                        Json::parse(&*said).is_ok() && said.trim() != input.trim()
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// The item, as it is now.
    pub(super) fn to_item(&self) -> Json {
        let mut text = String::new();
        self.write_item(false, &mut text);
        Json::checked(text)
    }

    fn write_item(&self, nameless: bool, out: &mut String) {
        if let Some(raw) = self.raw.as_deref().filter(|raw| !self.says_otherwise(raw)) {
            return out.push_str(&self.returned(raw, nameless));
        }
        match &self.content {
            Content::Text(text) => {
                let (kind, key) =
                    if text.refusal { ("refusal", "refusal") } else { ("output_text", "text") };
                out.push_str(r#"{"type":"message","role":"assistant","content":[{"type":""#);
                out.push_str(kind);
                out.push_str(r#"",""#);
                out.push_str(key);
                out.push_str(r#"":"#);
                quote(out, &text.text);
                out.push_str("}]");
                self.write_other(out);
                out.push('}');
            }
            Content::ToolUse(tool) => {
                let custom = tool.kind == ToolKind::Custom;
                let (kind, key) = if custom {
                    ("custom_tool_call", "input")
                } else {
                    ("function_call", "arguments")
                };
                out.push_str(r#"{"type":""#);
                out.push_str(kind);
                out.push_str(r#"","call_id":"#);
                quote(out, &tool.id);
                out.push_str(r#","name":"#);
                quote(out, &tool.name);
                out.push_str(r#",""#);
                out.push_str(key);
                out.push_str(r#"":"#);
                tool.write_string(out);
                if let Some(namespace) = &tool.toolset_name {
                    out.push_str(r#","namespace":"#);
                    quote(out, namespace);
                }
                if let Some(caller) = &tool.caller {
                    out.push_str(r#","caller":"#);
                    out.push_str(caller);
                }
                out.push('}');
            }
            // These are replayable only with the item that they came in.
            Content::Thinking(_) | Content::RedactedThinking(_) | Content::Other(_) => {
                out.push_str("{}");
            }
        }
    }
}
