//! The ids of calls: those of other servers have characters that an API refuses, and may come again.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::history::draft::tool_id;
use crate::history::{Target, call_id};
use crate::message::{Content, Message, Provider};
use crate::text::Text;

/// What calls go by, where that is not what they are called. Of several in a reply with one id, the first answer is to
/// the first.
pub(super) struct Ids {
    /// Whether the ids of all replies are looked at, and not only those of other providers.
    all: bool,
    /// Whether only some characters are taken.
    plain: bool,
    /// Whether ids may come again in the next reply: in a chat, an answer is to the message before it.
    again: bool,
    taken: BTreeSet<Text>,
    /// By what they are called in the last reply that has them, the first first.
    known: BTreeMap<Text, Calls>,
}

#[derive(Default)]
struct Calls {
    /// `None` if it is what it is called.
    new: Vec<Option<Text>>,
    answered: usize,
}

impl Ids {
    pub(super) fn new(target: &Target) -> Self {
        let plain = target.provider == Provider::Anthropic;
        Self {
            // Whoever else speaks as Anthropic does has ids of its own, and takes them back.
            all: !plain || target.is_claude(),
            plain,
            again: target.provider == Provider::OpenAiChat,
            taken: BTreeSet::new(),
            known: BTreeMap::new(),
        }
    }

    /// Takes the calls of a reply, and gives what each block of it goes by that has to be called otherwise.
    pub(super) fn learn(
        &mut self,
        entry: usize,
        message: &Message,
        target: &Target,
    ) -> BTreeMap<usize, Text> {
        // What the provider has run it knows by its id.
        let foreign = self.plain && message.provider != Provider::Anthropic;
        let others = self.all && !(self.plain && by_claude(message));
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut renamed = BTreeMap::new();
        if self.again {
            self.taken.clear();
        }
        for (at, block) in message.content.iter().enumerate() {
            let Content::ToolUse(tool) = &block.content else { continue };
            let changes = others && tool.kind.is_client() || foreign;
            let base = match self.plain {
                true => tool_id(&tool.id),
                false => fitted(target, tool.id.clone()),
            };
            let mut id = base.clone();
            while changes && self.taken.contains(&id) {
                let next = alloc::format!("{base}_{entry}_{}", self.taken.len());
                id = fitted(target, next.into());
            }
            self.taken.insert(id.clone());
            let calls = self.known.entry(tool.id.clone()).or_default();
            if seen.insert(&tool.id) {
                *calls = Calls::default();
            }
            let new = (changes && id != tool.id).then_some(id);
            renamed.extend(new.clone().map(|id| (at, id)));
            calls.new.push(new);
        }
        renamed
    }

    /// What the next answer to `id` is to, if that had to be called otherwise.
    pub(super) fn answer(&mut self, id: &Text) -> Option<Text> {
        let calls = self.known.get_mut(id)?;
        let last = calls.new.len().saturating_sub(1);
        let new = calls.new.get(calls.answered.min(last))?.clone();
        calls.answered = calls.answered.saturating_add(1);
        new
    }
}

fn fitted(target: &Target, id: Text) -> Text {
    call_id::fitted(target, &id).unwrap_or(id)
}

/// Whether Claude wrote it, whose ids are as its API wants them.
fn by_claude(message: &Message) -> bool {
    message.model.as_ref().is_none_or(|model| model.contains("claude"))
}
