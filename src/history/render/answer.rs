//! What tools answer, as each API takes it.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::translate;
use crate::history::draft::{FAILED, is_empty_text};
use crate::history::{ToolResult, item, kind};
use crate::json::Json;
use crate::json::edit::{quote, quoted, string_member};
use crate::json::reader::Items;
use crate::message::Provider;

impl ToolResult {
    /// The result as the Messages API takes it, and what the user has to show behind it: one that says that its tool
    /// failed has texts alone, and not none. While a program's calls are answered the user says nothing: there it does
    /// not say that it failed.
    pub(super) fn for_anthropic(&self, in_program: bool) -> (Cow<'_, Self>, Option<Json>) {
        if !self.is_error {
            return (Cow::Borrowed(self), None);
        }
        let parts = translate::blocks(&self.content, Provider::Anthropic);
        let (texts, shown): (Vec<&str>, Vec<&str>) =
            Items::new(&parts).partition(|part| kind(part) == "text");
        let says = match self.content.starts_with('[') {
            true => !texts.iter().all(|text| is_empty_text(text)),
            false => self.content.trim_matches('"').contains(|char: char| !char.is_whitespace()),
        };
        let content = match (says, &*shown) {
            (true, []) => return (Cow::Borrowed(self), None),
            (_, [_, ..]) if in_program => {
                return (Cow::Owned(Self { is_error: false, ..self.clone() }), None);
            }
            (true, _) => array(&texts),
            (false, []) => quoted(FAILED),
            (false, _) => quoted("The tool failed. What it gave is shown behind its answer."),
        };
        let shown = (!shown.is_empty()).then(|| array(&shown));
        (Cow::Owned(Self { content, ..self.clone() }), shown)
    }

    pub(in crate::history) fn to_anthropic(&self) -> Json {
        let mut json = String::from(r#"{"type":"tool_result","tool_use_id":"#);
        quote(&mut json, &self.id);
        json.push_str(r#","content":"#);
        if self.content.starts_with('[') {
            json.push_str(&translate::blocks(&self.content, Provider::Anthropic));
        } else if self.content.starts_with('"') {
            json.push_str(&self.content);
        } else {
            quote(&mut json, &self.content);
        }
        if self.is_error {
            json.push_str(r#","is_error":true"#);
        }
        json.push('}');
        Json::checked(json)
    }

    /// The same as an answer to a call of this type.
    pub(in crate::history) fn to_openai(&self, id: &str, call: &str, chat: bool) -> Json {
        let output = self.output(chat);
        if !chat {
            return item::answer(call, id, &self.content, &output, self.is_error);
        }
        let id = quoted(id);
        let json = alloc::format!(r#"{{"role":"tool","tool_call_id":{id},"content":{output}}}"#);
        Json::checked(json)
    }

    /// The texts of a result, and its images and files for the user to show: the answers of a chat have texts alone.
    pub(super) fn shown(&self) -> Option<(Json, Json)> {
        let parts = translate::blocks(&self.content, Provider::OpenAiChat);
        let seen = |part: &&str| matches!(kind(part).as_str(), "image_url" | "file");
        let (shown, texts): (Vec<&str>, Vec<&str>) = Items::new(&parts).partition(seen);
        if shown.is_empty() {
            return None;
        }
        let texts = match &*texts {
            [] => quoted("(shown in the next message)"),
            texts => array(texts),
        };
        Some((texts, array(&shown)))
    }

    /// The text of the result: what is no string, and no array of texts, as its JSON.
    fn output(&self, chat: bool) -> Json {
        if self.content.starts_with('"') {
            return self.content.clone();
        }
        let texts: Option<Vec<String>> = Items::new(&self.content)
            .map(|part| string_member(part, "text").filter(|_| kind(part).ends_with("text")))
            .collect();
        match texts {
            Some(texts) if self.content.starts_with('[') => quoted(&texts.join("\n")),
            _ if self.content.starts_with('[') => {
                let api = if chat { Provider::OpenAiChat } else { Provider::OpenAiResponses };
                Json::checked(&*translate::blocks(&self.content, api))
            }
            _ => quoted(&self.content),
        }
    }
}

fn array(items: &[&str]) -> Json {
    Json::checked(alloc::format!("[{}]", items.join(",")))
}
