//! What a delta adds to its block, and the events at a block's ends.

use super::draft::{Draft, Fill};
use crate::assemble::{Origin, Queue};
use crate::event::{CitationEvent, Event, RedactedData, Signature, Thinking, ToolStart, Unknown};
use crate::json::Json;
use crate::message::Citation;
use crate::rule::Rule;
use crate::text::{Arena, Lent, Text};
use crate::wire::anthropic::Delta;
use crate::wire::piece::DeltaKind;
use crate::wire::{Source, Str};

/// What came of a delta.
#[derive(Debug, Default)]
pub(super) struct Appended {
    pub(super) event: Option<Event>,
    /// Bytes that are held more than before.
    pub(super) grown: usize,
    /// The rule that the delta broke.
    pub(super) broken: Option<Rule>,
}

impl Draft {
    /// Adds a delta that fits the block. Without `keep` its text is handed out only.
    pub(super) fn append(
        &mut self,
        delta: Delta<'_>,
        origin: &Origin<'_>,
        keep: bool,
        arena: &mut Arena,
    ) -> Appended {
        let index = self.index;
        let source = origin.source;
        match (delta, &mut self.fill) {
            // What it does to a block of an unknown kind is not known, text aside.
            (delta, Fill::Unknown { writable, .. })
                if !matches!(
                    (&delta, *writable),
                    (Delta::Null | Delta::Unknown { .. }, _) | (Delta::Text { .. }, true)
                ) =>
            {
                let data = core::str::from_utf8(origin.data).unwrap_or_default();
                self.damage(delta.name(), source.text(data))
            }
            (Delta::Text { text }, _) => {
                self.write(text, source, keep, arena, |text| token(index, text))
            }
            (
                Delta::Thinking { thinking, estimated_tokens: estimated },
                Fill::Thinking { estimated_tokens, .. },
            ) => {
                let estimated = estimated.unwrap_or_default();
                *estimated_tokens = estimated_tokens.saturating_add(estimated);
                let estimated_tokens = u32::try_from(estimated).unwrap_or(u32::MAX);
                self.write(thinking, source, keep, arena, |text| {
                    Some(Event::Thinking(Thinking { index, estimated_tokens, text }))
                })
            }
            (Delta::InputJson { partial_json }, _) => {
                self.write(partial_json, source, keep, arena, |text| tool_input(index, text))
            }
            (Delta::Signature { signature: piece }, Fill::Thinking { signature, seeded, .. }) => {
                let broken = piece.is_none().then_some(Rule::MissingField);
                let piece = source.unescaped(piece.unwrap_or_default(), &mut None, arena);
                if core::mem::take(seeded) && piece == signature.as_str() {
                    return Appended { broken: Some(Rule::RepeatedText), ..Appended::default() };
                }
                signature.push_str(&piece);
                let grown = piece.len();
                Appended { event: signed(index, piece), grown, broken }
            }
            (Delta::Citations { citation }, Fill::Text { citations }) => {
                let grown = if keep { Citation::room(citation) } else { 0 };
                let citation = Citation::new(Json::checked(citation));
                citations.extend(keep.then(|| citation.clone()));
                let event = Some(Event::Citation(CitationEvent { index, citation }));
                Appended { event, grown, broken: None }
            }
            (Delta::Compaction { content, encrypted_content }, Fill::Compaction { filled, .. }) => {
                let fields = [("content", content), ("encrypted_content", encrypted_content)];
                let mut grown = 0_usize;
                for (key, value) in fields {
                    if let Some(value) = value.filter(|_| keep) {
                        grown = grown.saturating_add(value.len());
                        filled.retain(|(filled, _)| *filled != key);
                        filled.push((key, source.json(value)));
                    }
                }
                Appended { grown, ..Appended::default() }
            }
            (Delta::Unknown { name, raw }, _) => self.damage(&name, source.text(raw)),
            _ => Appended { broken: Some(Rule::MissingField), ..Appended::default() },
        }
    }

    /// Whether a delta of this `kind` with `len` bytes of text can be added as it is: it is for a block
    /// of its kind, and nothing has to be joined, compared or counted.
    #[inline]
    pub(super) fn takes(&self, kind: DeltaKind, len: usize, most: usize) -> bool {
        let fits = match (kind, &self.fill) {
            (DeltaKind::Text, Fill::Text { .. }) | (DeltaKind::Thinking, Fill::Thinking { .. }) => {
                true
            }
            (DeltaKind::InputJson, Fill::Tool(_)) => self.text.len().saturating_add(len) <= most,
            _ => false,
        };
        fits && !self.seeded && self.half.is_none()
    }

    /// What a delta does to the block is not known.
    fn damage(&mut self, name: &str, data: Text) -> Appended {
        self.damaged = true;
        let unknown = Unknown { name: name.into(), data };
        Appended { event: Some(Event::Unknown(unknown.into())), ..Appended::default() }
    }

    /// Adds to the text of the block, and makes an event of the piece.
    fn write(
        &mut self,
        piece: Option<Str<'_>>,
        source: Source<'_>,
        keep: bool,
        arena: &mut Arena,
        event: impl FnOnce(Text) -> Option<Event>,
    ) -> Appended {
        let broken = piece.is_none().then_some(Rule::MissingField);
        let piece = source.unescaped(piece.unwrap_or_default(), &mut self.half, arena);
        let seeded = core::mem::take(&mut self.seeded) && self.half.is_none();
        if seeded && piece.as_bytes() == self.text.as_bytes() {
            return Appended { broken: Some(Rule::RepeatedText), ..Appended::default() };
        }
        if keep {
            self.text.push(Lent::Text(&piece));
        }
        let grown = if keep { piece.len() } else { 0 };
        Appended { event: event(piece), grown, broken }
    }

    /// Hands out what the block begins with.
    pub(super) fn announce(&self, out: &mut Queue) {
        let index = self.index;
        let text = self.text.to_text(None);
        match &self.fill {
            Fill::Text { citations } => {
                out.extend(token(index, text));
                let cited = citations.iter().cloned();
                out.extend(
                    cited.map(|citation| Event::Citation(CitationEvent { index, citation })),
                );
            }
            Fill::Thinking { signature, .. } => {
                let thought = Thinking { index, text, ..Thinking::default() };
                out.extend((!thought.text.is_empty()).then_some(Event::Thinking(thought)));
                out.extend(signed(index, signature.as_str().into()));
            }
            Fill::Redacted { data } => {
                let data = data.clone();
                out.push_back(Event::RedactedThinking(RedactedData { index, data }));
            }
            Fill::Tool(tool) => {
                let (id, name, kind) = (tool.id.clone(), tool.name.clone(), tool.kind);
                out.push_back(Event::ToolStart(ToolStart { index, id, name, kind }.into()));
            }
            Fill::Unknown { writable: true, .. } => out.extend(token(index, text)),
            Fill::Unknown { .. } | Fill::Whole { .. } | Fill::Compaction { .. } => {}
        }
    }

    /// The event for half of a surrogate pair whose other half has not come by the block's end.
    pub(super) fn unpaired(&self) -> Option<Event> {
        self.half?;
        let index = self.index;
        let text = Text::from("\u{fffd}");
        match self.fill {
            Fill::Thinking { .. } => {
                Some(Event::Thinking(Thinking { index, text, ..Thinking::default() }))
            }
            Fill::Tool(_) => tool_input(index, text),
            _ => token(index, text),
        }
    }
}

fn token(index: u32, text: Text) -> Option<Event> {
    (!text.is_empty()).then(|| Event::token(index, text))
}

fn tool_input(index: u32, partial_json: Text) -> Option<Event> {
    (!partial_json.is_empty()).then(|| Event::tool_input(index, partial_json))
}

fn signed(index: u32, signature: Text) -> Option<Event> {
    (!signature.is_empty()).then_some(Event::Signature(Signature { index, signature }))
}
