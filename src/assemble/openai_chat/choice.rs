//! One completion: its blocks, and what a chunk does to them.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::details::NEAR;
use super::draft::{Draft, Fill, Thinking};
use super::extra::Extra;
use super::hand::{Hand, write};
use crate::assemble::growing::Growing;
use crate::assemble::written::Written;
use crate::assemble::{Fault, Ledger, Queue, finished, is_object};
use crate::event::{CitationEvent, Event, Signature, Token, ToolCall};
use crate::json::Json;
use crate::message::{Block, Citation, Content};
use crate::stop::StopReason;
use crate::text::Text;
use crate::wire::Str;
use crate::wire::openai_chat::{Content as Said, ContentPart, Delta, Detail};

/// One completion of those that were asked for.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) index: u32,
    /// In the order in which they began.
    pub(super) blocks: Vec<Life>,
    /// The block that thinking is added to.
    pub(super) thinking: Option<usize>,
    /// The block of thinking that came last, open or not.
    thought: Option<usize>,
    /// The block that text is added to, or the text of a refusal.
    pub(super) text: Option<usize>,
    /// The calls of tools, in the order in which they began.
    pub(super) tools: Vec<usize>,
    /// The calls by their ids, and by the numbers of their pieces: of several the last.
    pub(super) ids: BTreeMap<Text, usize>,
    pub(super) slots: BTreeMap<u32, usize>,
    /// Why it ended, as the server said first.
    pub(super) finish: Option<Text>,
    /// What the server behind it says of that, where it says more.
    pub(super) behind: Option<StopReason>,
    pub(super) refused: bool,
    /// The field `reasoning_content` was there, if only empty.
    pub(super) saw_reasoning: bool,
    /// The text that came last was a thought by its flag.
    pub(super) flagged: bool,
    /// What Gemini wants back with the text.
    pub(super) extra_content: Option<Extra>,
}

#[derive(Debug)]
pub(super) enum Life {
    Open(Box<Draft>),
    /// Without its block if the message is not accumulated.
    Closed(Option<Arc<Block>>),
}

impl Choice {
    pub(super) fn new(index: u32) -> Self {
        Self {
            index,
            blocks: Vec::new(),
            thinking: None,
            thought: None,
            text: None,
            tools: Vec::new(),
            ids: BTreeMap::new(),
            slots: BTreeMap::new(),
            finish: None,
            behind: None,
            refused: false,
            saw_reasoning: false,
            flagged: false,
            extra_content: None,
        }
    }

    /// Adds what a chunk has for this choice.
    pub(super) fn add(&mut self, delta: &Delta<'_>, hand: &mut Hand<'_, '_>) -> Result<(), Fault> {
        self.reason(delta, hand)?;
        match delta.content {
            Some(Said::Text(text)) => self.say_or_think(text, delta.extra_content, hand)?,
            Some(Said::Parts(raw)) => {
                for (number, part) in Said::Parts(raw).parts().enumerate() {
                    hand.ledger.bound_blocks(number)?;
                    self.say_part(part, hand)?;
                }
            }
            None => {}
        }
        if let Some(thinking) = delta.part {
            self.think(thinking, "content", hand)?;
        }
        if let Some(refusal) = delta.refusal {
            self.say(refusal, true, hand)?;
        }
        if !delta.has_more() {
            return Ok(());
        }
        for (number, raw) in delta.annotations().enumerate() {
            hand.ledger.bound_blocks(number)?;
            self.cite(raw, hand)?;
        }
        for (number, tool) in delta.tools().enumerate() {
            hand.ledger.bound_blocks(number)?;
            self.tool(&tool, hand)?;
        }
        match delta.extra_content {
            Some(extra) => self.extra(extra, hand),
            None => Ok(()),
        }
    }

    // Thinking.

    /// Adds thinking. Where several fields have it, they repeat each other, and the first is taken.
    fn reason(&mut self, delta: &Delta<'_>, hand: &mut Hand<'_, '_>) -> Result<(), Fault> {
        let fields = [
            ("reasoning_content", delta.reasoning_content),
            ("reasoning", delta.reasoning),
            ("reasoning_text", delta.reasoning_text),
        ];
        let plain = fields.into_iter().find_map(|(field, text)| Some((field, text?)));
        let is_signed = |thought: &Detail<'_>| thought.signature.is_some_and(|it| !it.is_empty());
        let signed = || delta.thoughts().filter(is_signed);
        // Several thoughts at once are told apart, for each has a signature of its own.
        let apart = signed().nth(1).is_some() && signed().all(|thought| thought.text.is_some());
        if let Some((field, text)) = plain.filter(|_| !apart) {
            self.think(text, field, hand)?;
        }
        self.saw_reasoning |= delta.empty_reasoning;
        for (number, detail) in delta.details().enumerate() {
            // Who says thousands in one chunk only wants them to be held.
            hand.ledger.bound_blocks(number)?;
            if let (None, Some(text)) = (plain, detail.text.filter(|text| !text.is_empty())) {
                self.think(text, "reasoning_details", hand)?;
            }
            self.detail(&detail, hand)?;
        }
        for (number, thought) in delta.thoughts().enumerate() {
            hand.ledger.bound_blocks(number)?;
            if let Some(data) = thought.data {
                self.redact(data, hand)?;
            }
            if let Some(text) = thought.text.filter(|_| apart) {
                self.think(text, "reasoning_content", hand)?;
            }
            if let Some(signature) = thought.signature {
                self.sign(signature, None, "reasoning_content", hand)?;
            }
        }
        match delta.reasoning_opaque {
            Some(opaque) => self.sign(opaque, None, "reasoning_text", hand),
            None => Ok(()),
        }
    }

    pub(super) fn think(
        &mut self,
        text: Str<'_>,
        field: &'static str,
        hand: &mut Hand<'_, '_>,
    ) -> Result<(), Fault> {
        if text.is_empty() {
            return Ok(());
        }
        // What was signed is over: the signature is of this text, and of no other.
        let signed =
            |at: usize| matches!(self.blocks.get(at), Some(Life::Open(it)) if it.is_signed());
        if self.thinking.is_some_and(signed) {
            self.end_thinking(hand);
        }
        let at = match self.thinking {
            Some(at) => at,
            None => {
                self.end_text(hand);
                let at = self.open(think_in(field), hand)?;
                (self.thinking, self.thought) = (Some(at), Some(at));
                at
            }
        };
        let Some(Life::Open(draft)) = self.blocks.get_mut(at) else {
            return Ok(());
        };
        let piece = write(&mut draft.text, text, false, hand)?;
        hand.out.extend(piece.map(|piece| Event::thinking(draft.index, piece)));
        Ok(())
    }

    /// Keeps a detail of the thinking, which has to go back.
    fn detail(&mut self, detail: &Detail<'_>, hand: &mut Hand<'_, '_>) -> Result<(), Fault> {
        let begun = self.thought_with(detail);
        // As little as an empty text does an empty detail begin anything.
        if begun.is_none() && self.thought_open().is_none() && detail.is_empty() {
            return Ok(());
        }
        let at = match begun {
            Some(at) => at,
            None => self.thought_at("reasoning_details", hand)?,
        };
        if let Some(Life::Open(draft)) = self.blocks.get_mut(at)
            && let Fill::Thinking(thinking) = &mut draft.fill
        {
            thinking.detailed = true;
            let grown = thinking.details.add(detail, hand.ledger.accumulate);
            hand.ledger.hold(grown)?;
        }
        for opaque in [detail.signature, detail.data].into_iter().flatten() {
            self.sign(opaque, Some(at), "reasoning_details", hand)?;
        }
        Ok(())
    }

    /// Hands out a signature, or what else only the provider can read.
    fn sign(
        &mut self,
        opaque: Str<'_>,
        at: Option<usize>,
        field: &'static str,
        hand: &mut Hand<'_, '_>,
    ) -> Result<(), Fault> {
        if opaque.is_empty() {
            return Ok(());
        }
        let at = match at {
            Some(at) => at,
            None => self.thought_at(field, hand)?,
        };
        let signature = hand.origin.source.unescaped(opaque, &mut None, &mut hand.ledger.arena);
        let Some(Life::Open(draft)) = self.blocks.get_mut(at) else {
            return Ok(());
        };
        if let Fill::Thinking(thinking) = &mut draft.fill {
            thinking.signed = true;
            if hand.ledger.accumulate {
                let before = thinking.signature.as_ref().map_or(0, Text::len);
                hand.ledger.hold(signature.len().saturating_sub(before))?;
                thinking.signature = Some(signature.copied());
            }
        }
        hand.ledger.output_started = true;
        hand.out.push_back(Event::Signature(Signature { index: draft.index, signature }));
        Ok(())
    }

    /// The block of thinking that something is about: the last, if it is open.
    fn thought_at(&mut self, field: &'static str, hand: &mut Hand<'_, '_>) -> Result<usize, Fault> {
        match self.thought_open() {
            Some(at) => Ok(at),
            None => {
                let at = self.open(think_in(field), hand)?;
                self.thought = Some(at);
                // What is thought next is of this block, unless text stands between the two.
                self.thinking = self.thinking.or(Some(at).filter(|_| self.text.is_none()));
                Ok(at)
            }
        }
    }

    /// Something else is said: what is thought from now on is another thought.
    pub(super) fn interrupt(&mut self) {
        for life in self.blocks.iter_mut().rev().take(NEAR) {
            if let Life::Open(draft) = life
                && let Fill::Thinking(thinking) = &mut draft.fill
            {
                thinking.details.interrupt();
            }
        }
    }

    fn thought_open(&self) -> Option<usize> {
        self.thought.filter(|at| matches!(self.blocks.get(*at), Some(Life::Open(_))))
    }

    /// The block of thinking in which a detail has begun that this one goes on with.
    fn thought_with(&self, detail: &Detail<'_>) -> Option<usize> {
        let mut near = self.blocks.iter().enumerate().rev().take(NEAR);
        let found = near.find(|(_, life)| match life {
            Life::Open(draft) => match &draft.fill {
                Fill::Thinking(thinking) => thinking.details.has(detail),
                _ => false,
            },
            Life::Closed(_) => false,
        });
        found.map(|(at, _)| at)
    }

    // Text.

    pub(super) fn say(
        &mut self,
        text: Str<'_>,
        refusal: bool,
        hand: &mut Hand<'_, '_>,
    ) -> Result<(), Fault> {
        if text.is_empty() {
            return Ok(());
        }
        let at = self.text_at(refusal, hand)?;
        let Some(Life::Open(draft)) = self.blocks.get_mut(at) else {
            return Ok(());
        };
        let index = draft.index;
        if let Some(text) = write(&mut draft.text, text, false, hand)? {
            self.refused |= refusal;
            hand.out.push_back(Event::Token(Token { index, refusal, text }));
        }
        Ok(())
    }

    fn say_part(&mut self, part: ContentPart<'_>, hand: &mut Hand<'_, '_>) -> Result<(), Fault> {
        match part {
            ContentPart::Text(text) => self.say(text, false, hand),
            ContentPart::Thinking { thinking, signature } => {
                for (number, text) in ContentPart::texts(thinking).enumerate() {
                    hand.ledger.bound_blocks(number)?;
                    self.think(text, "content", hand)?;
                }
                self.sign(signature.unwrap_or_default(), None, "content", hand)
            }
            ContentPart::Reasoning(summary) => {
                for (number, thought) in ContentPart::summaries(summary).enumerate() {
                    hand.ledger.bound_blocks(number)?;
                    self.think(thought.text.unwrap_or_default(), "summary", hand)?;
                    self.sign(thought.signature.unwrap_or_default(), None, "summary", hand)?;
                    self.redact(thought.data.unwrap_or_default(), hand)?;
                }
                Ok(())
            }
            ContentPart::Other(raw) => self.cite(raw, hand),
        }
    }

    fn cite(&mut self, raw: &str, hand: &mut Hand<'_, '_>) -> Result<(), Fault> {
        let at = self.text_at(false, hand)?;
        let Some(Life::Open(draft)) = self.blocks.get_mut(at) else {
            return Ok(());
        };
        let citation = Citation::new(Json::checked(raw));
        if let Fill::Text { citations, .. } = &mut draft.fill
            && hand.ledger.accumulate
        {
            hand.ledger.hold(Citation::room(raw))?;
            citations.push(citation.clone());
        }
        hand.ledger.output_started = true;
        hand.out.push_back(Event::Citation(CitationEvent { index: draft.index, citation }));
        Ok(())
    }

    fn text_at(&mut self, refusal: bool, hand: &mut Hand<'_, '_>) -> Result<usize, Fault> {
        let is = |fill: &Fill| matches!(fill, Fill::Text { refusal: kind, .. } if *kind == refusal);
        let fits = |life: &Life| matches!(life, Life::Open(draft) if is(&draft.fill));
        match self.text.filter(|at| self.blocks.get(*at).is_some_and(fits)) {
            Some(at) => Ok(at),
            None => {
                self.end_text(hand);
                self.end_thinking(hand);
                self.interrupt();
                let at = self.open(Fill::Text { refusal, citations: Vec::new() }, hand)?;
                self.text = Some(at);
                Ok(at)
            }
        }
    }

    // Blocks.

    pub(super) fn open(&mut self, fill: Fill, hand: &mut Hand<'_, '_>) -> Result<usize, Fault> {
        let index = *hand.next;
        hand.ledger.bound_blocks(usize::try_from(index).unwrap_or(usize::MAX))?;
        *hand.next = index.saturating_add(1);
        let most = hand.ledger.limits.message_bytes;
        let text = Growing::new(&mut hand.ledger.spare, most);
        self.blocks.push(Life::Open(Draft { index, fill, text }.into()));
        Ok(self.blocks.len().saturating_sub(1))
    }

    /// Ends the thinking, because something else begins. What has details stays open: their
    /// signatures come late.
    pub(super) fn end_thinking(&mut self, hand: &mut Hand<'_, '_>) {
        let Some(at) = self.thinking.take() else {
            return;
        };
        let is = |fill: &Fill| matches!(fill, Fill::Thinking(thinking) if thinking.detailed);
        let detailed = |life: &Life| matches!(life, Life::Open(draft) if is(&draft.fill));
        if !self.blocks.get(at).is_some_and(detailed) {
            self.close(at, true, hand.ledger, hand.out);
        }
    }

    /// Ends the text, because something else begins.
    pub(super) fn end_text(&mut self, hand: &mut Hand<'_, '_>) {
        if let Some(at) = self.text.take() {
            self.close(at, true, hand.ledger, hand.out);
        }
    }

    /// Ends all blocks. The calls of a completion that was `cut` may be halves.
    pub(super) fn end(&mut self, cut: bool, ledger: &mut Ledger, out: &mut Queue) {
        (self.thinking, self.text) = (None, None);
        for at in 0..self.blocks.len() {
            self.close(at, !cut, ledger, out);
        }
    }

    pub(super) fn close(&mut self, at: usize, sure: bool, ledger: &mut Ledger, out: &mut Queue) {
        let Some((life, mut draft)) = self.blocks.get_mut(at).and_then(Life::end) else {
            return;
        };
        if let Some(rest) = draft.text.unpaired(ledger.accumulate) {
            let index = draft.index;
            out.push_back(match &draft.fill {
                Fill::Text { refusal, .. } => {
                    Event::Token(Token { index, refusal: *refusal, text: rest })
                }
                Fill::Thinking(_) | Fill::Redacted(_) => Event::thinking(index, rest),
                Fill::Tool(_) => Event::tool_input(index, rest),
            });
        }
        if !ledger.accumulate {
            return;
        }
        let named = matches!(&draft.fill, Fill::Tool(tool) if tool.announced);
        let is_tool = matches!(draft.fill, Fill::Tool(_));
        // What is an object although the reply was cut is whole, if another call began behind it.
        let last = self.tools.last() == Some(&at);
        let object = || !last && is_object(&draft.text.to_text());
        let whole = !is_tool || named && (sure || object());
        let block = Arc::new(draft.into_block(whole, &mut ledger.spare));
        *life = Life::Closed(Some(Arc::clone(&block)));
        if !whole {
            return;
        }
        if let Content::ToolUse(tool) = &block.content {
            ledger.tool_call_emitted = true;
            out.push_back(Event::ToolCall(ToolCall::new(block.index, tool).into()));
        }
        finished(&block, out);
    }

    /// Ends all blocks where they are, without a word.
    pub(super) fn seal(&mut self, keep: bool) {
        for (life, draft) in self.blocks.iter_mut().filter_map(Life::end) {
            if keep {
                let block = draft.into_block(false, &mut Written::default());
                *life = Life::Closed(Some(Arc::new(block)));
            }
        }
    }

    /// The blocks as they are.
    pub(super) fn content(&self, accumulate: bool) -> Vec<Arc<Block>> {
        let blocks = self.blocks.iter().filter_map(|life| match life {
            Life::Open(draft) => accumulate.then(|| Arc::new(draft.to_block())),
            Life::Closed(block) => block.clone(),
        });
        blocks.collect()
    }
}

impl Life {
    /// Takes the block out, if it is open: what becomes of it is put in its place.
    fn end(&mut self) -> Option<(&mut Self, Box<Draft>)> {
        match core::mem::replace(self, Self::Closed(None)) {
            Self::Open(draft) => Some((self, draft)),
            closed @ Self::Closed(_) => {
                *self = closed;
                None
            }
        }
    }
}

fn think_in(field: &'static str) -> Fill {
    Fill::Thinking(Thinking { field, ..Thinking::default() })
}
