//! A block while it is being filled, and what becomes of it.

use alloc::string::String;
use alloc::vec::Vec;

use super::again::Again;
use super::details::Details;
use super::extra::Extra;
use crate::assemble::growing::Growing;
use crate::assemble::object;
use crate::assemble::written::Written;
use crate::json::Json;
use crate::json::edit::quote;
use crate::message::{
    Block, Citation, Content, InvalidInput, InvalidReason, RedactedThinking, TextContent,
    ThinkingContent, ToolKind, ToolUse,
};
use crate::text::Text;

/// A block that has begun.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) index: u32,
    pub(super) fill: Fill,
    pub(super) text: Growing,
}

/// What a block is, with what only its kind has.
#[derive(Clone, Debug)]
pub(super) enum Fill {
    Text {
        refusal: bool,
        citations: Vec<Citation>,
    },
    Thinking(Thinking),
    /// What only the provider can read. It is whole at once.
    Redacted(Text),
    Tool(Tool),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Thinking {
    /// The field that carries it.
    pub(super) field: &'static str,
    pub(super) details: Details,
    /// It has details, kept or not, and more of them may come after the text.
    pub(super) detailed: bool,
    /// It has a signature, kept or not.
    pub(super) signed: bool,
    pub(super) signature: Option<Text>,
}

#[derive(Clone, Debug)]
pub(super) struct Tool {
    pub(super) kind: ToolKind,
    pub(super) id: Text,
    pub(super) name: Text,
    /// Its start has been handed out.
    pub(super) announced: bool,
    /// Its input so far is an empty object, in one piece.
    pub(super) placeholder: bool,
    /// Its input so far is an object with something in it, in one piece.
    pub(super) whole: bool,
    pub(super) again: Again,
    pub(super) extra_content: Option<Extra>,
}

impl Draft {
    /// Whether it is a thought that has its signature, as `LiteLLM` and Mistral give one to each. Details have places
    /// of their own, and from other servers a signature may come with any piece.
    pub(super) fn is_signed(&self) -> bool {
        match &self.fill {
            Fill::Thinking(thinking) => {
                let own = matches!(thinking.field, "reasoning_content" | "content" | "summary");
                own && thinking.signed && !thinking.detailed && !self.text.is_empty()
            }
            _ => false,
        }
    }

    /// The block. One that is not `whole` was cut.
    pub(super) fn into_block(self, whole: bool, spare: &mut Written) -> Block {
        let Self { index, fill, text } = self;
        block(index, fill, text.into_text(spare), whole)
    }

    /// The block as it would be if it ended here.
    pub(super) fn to_block(&self) -> Block {
        block(self.index, self.fill.clone(), self.text.to_text(), false)
    }
}

fn block(index: u32, fill: Fill, text: Text, complete: bool) -> Block {
    let mut other = Vec::new();
    let mut raw = None;
    let content = match fill {
        Fill::Text { refusal, citations } => {
            Content::Text(TextContent { text, citations, refusal })
        }
        Fill::Thinking(thinking) => {
            raw = thinking.details.to_json();
            Content::Thinking(ThinkingContent {
                thinking: text,
                signature: thinking.signature.filter(|_| complete),
                field: Some(thinking.field.into()),
                ..ThinkingContent::default()
            })
        }
        Fill::Redacted(data) => Content::RedactedThinking(RedactedThinking { data }),
        Fill::Tool(tool) => {
            let extra = tool.extra_content.clone();
            other.extend(extra.map(|extra| (extra.key.into(), extra.json)));
            Content::ToolUse(tool.content(text, complete).into())
        }
    };
    // A whole call goes back even if nobody can run it: its answer has to say so.
    Block { index, content, other, raw, complete, replayable: complete, damaged: false }
}

impl Tool {
    fn content(self, written: Text, complete: bool) -> ToolUse {
        let input = if !complete {
            Err(InvalidInput { raw: written, reason: InvalidReason::Cut })
        } else if self.kind == ToolKind::Custom {
            let mut text = String::new();
            quote(&mut text, &written);
            Ok(Json::checked(text))
        } else if written.trim().is_empty() {
            Ok(Json::checked("{}"))
        } else {
            object(written.into_shared())
        };
        ToolUse {
            kind: self.kind,
            id: self.id,
            name: self.name,
            input,
            server_name: None,
            caller: None,
            toolset_name: None,
            item: None,
        }
    }
}
