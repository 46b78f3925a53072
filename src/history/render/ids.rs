//! The ids of calls: those of other servers have characters that an API refuses, and may come again.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::history::draft::tool_id;
use crate::history::{Target, call_id};
use crate::message::{Content, Message, Provider};
use crate::text::Text;

/// What calls go by, where that is not what they are called.
pub(super) struct Ids {
    /// Whether the ids of all replies are looked at, and not only those of other providers.
    all: bool,
    /// Whether only some characters are taken.
    plain: bool,
    taken: BTreeSet<Text>,
    /// What the last call with an id goes by, if it had to be changed.
    pub(super) new: BTreeMap<Text, Text>,
}

impl Ids {
    pub(super) fn new(target: &Target) -> Self {
        let plain = target.provider == Provider::Anthropic;
        Self {
            // Whoever else speaks as Anthropic does has ids of its own, and takes them back.
            all: !plain || target.is_claude(),
            plain,
            taken: BTreeSet::new(),
            new: BTreeMap::new(),
        }
    }

    pub(super) fn learn(&mut self, entry: usize, message: &Message, target: &Target) {
        for block in &message.content {
            let Content::ToolUse(tool) = &block.content else { continue };
            // What the provider has run it knows by its id.
            let foreign = self.plain && message.provider != Provider::Anthropic;
            let others = !self.plain || !by_claude(message);
            let changes = self.all && others && tool.kind.is_client() || foreign;
            let base = match self.plain {
                true => tool_id(&tool.id),
                false => call_id::fitted(target, &tool.id).unwrap_or_else(|| tool.id.clone()),
            };
            let mut id = base.clone();
            while changes && self.taken.contains(&id) {
                id = alloc::format!("{base}_{entry}_{}", self.taken.len()).into();
            }
            self.taken.insert(id.clone());
            self.new.remove(&tool.id);
            if changes && id != tool.id {
                self.new.insert(tool.id.clone(), id);
            }
        }
    }
}

impl Ids {
    /// The same for a chat, where an answer is to the message before it: ids may come again.
    pub(super) fn learn_chat(&mut self, message: &Message, target: &Target) {
        for block in &message.content {
            let Content::ToolUse(tool) = &block.content else { continue };
            if let Some(id) = call_id::fitted(target, &tool.id) {
                self.new.insert(tool.id.clone(), id);
            }
        }
    }
}

/// Whether Claude wrote it, whose ids are as its API wants them.
fn by_claude(message: &Message) -> bool {
    message.model.as_ref().is_none_or(|model| model.contains("claude"))
}
