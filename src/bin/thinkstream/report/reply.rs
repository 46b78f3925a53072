//! The reply itself: its text, and to unfold its thinking and its tool calls.

use std::fmt::Write as _;

use thinkstream::{Block, Citation, Content, TextContent, ThinkingContent, ToolUse};

use super::html::{cut, escape, pretty};
use super::model::{BLOCKS, Kind, Model};
use super::timeline::bytes_of;
use crate::screen::{brief, counted, grouped};
use crate::stats::figures::count;

/// The blocks of a reply, in order.
pub(super) fn reply(model: &Model) -> String {
    let mut reply = Reply { html: String::new(), room: ALL };
    let all = model.blocks().count();
    if all == 0 {
        return "<p class=\"note\">There is nothing in it.</p>".to_owned();
    }
    let mut choice = 0;
    for (at, (number, block)) in model.blocks().take(BLOCKS).enumerate() {
        if number != choice {
            let _ = write!(reply.html, "<h3>Choice {number}</h3>");
            choice = number;
        }
        reply.block(at, block);
    }
    if all > BLOCKS {
        let more = counted(count(all - BLOCKS), "block");
        let _ = write!(reply.html, "<p class=\"note\">and {more} more</p>");
    }
    reply.html
}

struct Reply {
    html: String,
    /// Bytes of text that the page has still room for.
    room: usize,
}

impl Reply {
    fn block(&mut self, at: usize, block: &Block) {
        let class = Kind::of(&block.content).class();
        let _ = write!(
            self.html,
            "<article id=\"block-{at}\" class=\"block {class}\" data-block=\"{}\" data-kind=\"{class}\">",
            block.index
        );
        let cut = if block.complete { "" } else { " <em class=\"bad\">cut</em>" };
        match &block.content {
            Content::Text(text) => self.text(text, cut),
            Content::Thinking(thinking) => self.thinking(thinking, cut),
            Content::RedactedThinking(redacted) => {
                let size = bytes_of(redacted.data.len() as f64);
                let what = format!("{size}, which only the provider can read");
                self.head("redacted thinking", &what, cut);
            }
            Content::ToolUse(tool) => self.tool(tool, cut),
            other => {
                let raw = if let Content::Other(other) = other { other.raw.as_str() } else { "" };
                let what = bytes_of(raw.len() as f64);
                self.unfold(
                    &brief(other.kind()).replace('_', " "),
                    &what,
                    cut,
                    &pretty(raw),
                    "pre",
                );
            }
        }
        self.html.push_str("</article>");
    }

    fn text(&mut self, text: &TextContent, cut: &str) {
        let name = if text.refusal { "refusal" } else { "text" };
        self.head(name, &characters(&text.text), cut);
        self.body(&text.text, "prose");
        if !text.citations.is_empty() {
            let sources = counted(count(text.citations.len()), "citation");
            let all: Vec<_> = text.citations.iter().take(CITATIONS).map(citation).collect();
            self.unfold(&sources, "", "", &all.join("\n\n"), "pre");
        }
    }

    fn thinking(&mut self, thinking: &ThinkingContent, cut: &str) {
        let signature = match &thinking.signature {
            Some(signature) => {
                let len = grouped(count(signature.len()));
                format!("signature of {len} bytes")
            }
            None => "no signature".to_owned(),
        };
        if thinking.thinking.is_empty() {
            let about = match thinking.estimated_tokens {
                0 => String::new(),
                tokens => format!("about {}, ", counted(tokens, "token")),
            };
            let what = format!("{about}text withheld by the provider, {signature}");
            return self.head("thinking", &what, cut);
        }
        let what = format!("{}, {signature}", characters(&thinking.thinking));
        self.unfold("thinking", &what, cut, &thinking.thinking, "prose");
    }

    fn tool(&mut self, tool: &ToolUse, cut: &str) {
        let what = format!("{}, {}", tool.kind.block_type().replace('_', " "), brief(&tool.id));
        let name = &brief(&tool.name);
        match &tool.input {
            Ok(input) => self.unfold(name, &what, cut, &pretty(input), "pre"),
            Err(invalid) => {
                let flaw = format!("{cut} <em class=\"bad\">{}</em>", escape(&invalid.to_string()));
                self.unfold(name, &what, &flaw, &invalid.raw, "pre");
            }
        }
    }

    /// What a block is. `flaw` is markup.
    fn head(&mut self, name: &str, what: &str, flaw: &str) {
        let (name, what) = (escape(name), escape(what));
        let _ = write!(self.html, "<h4><b>{name}</b> <small>{what}</small>{flaw}</h4>");
    }

    fn unfold(&mut self, name: &str, what: &str, flaw: &str, text: &str, class: &str) {
        self.html.push_str("<details><summary>");
        let (name, what) = (escape(name), escape(what));
        let _ = write!(self.html, "<b>{name}</b> <small>{what}</small>{flaw}</summary>");
        self.body(text, class);
        self.html.push_str("</details>");
    }

    /// Text as it stands, as far as the page has room for it.
    fn body(&mut self, text: &str, class: &str) {
        let (head, left_out) = cut(text, self.room.min(EACH));
        self.room -= head.len();
        if !head.is_empty() {
            let text = escape(head);
            let _ = write!(self.html, "<div class=\"{class}\" dir=\"auto\">{text}</div>");
        }
        if left_out > 0 {
            let more = counted(count(left_out), "character");
            let _ = write!(self.html, "<p class=\"note\">{more} more are not shown here.</p>");
        }
    }
}

fn characters(text: &str) -> String {
    counted(count(text.chars().count()), "character")
}

fn citation(citation: &Citation) -> String {
    pretty(citation.raw())
}

/// Bytes of text that a page has in all, so that it still opens.
const ALL: usize = 2_000_000;
/// Bytes of text of one block.
const EACH: usize = 500_000;
/// Citations of a block that are shown.
const CITATIONS: usize = 50;
