//! What calls go by: ids of other servers have characters that an API refuses, and may come again, and models call by
//! names that no tool can have.

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::history::draft::tool_id;
use crate::history::report::Note;
use crate::history::turns::Origin;
use crate::history::{Target, call_id, call_name};
use crate::json::Json;
use crate::json::edit::{quoted, with_member};
use crate::message::{Block, Content, Message, Provider, ToolKind};
use crate::text::Text;

/// What calls go by in a request.
pub(super) struct Calls {
    /// Whether the ids of all replies are looked at, and not only those of other providers.
    all: bool,
    /// Whether only some characters are taken.
    plain: bool,
    /// Whether ids may come again in the next reply: in a chat, an answer is to the message before it.
    again: bool,
    /// Whether they may come again where they are not changed.
    own_again: bool,
    taken: BTreeSet<Text>,
    /// The ids of those that had to be called otherwise.
    new: BTreeMap<Origin, Text>,
}

impl Calls {
    pub(super) fn new(target: &Target) -> Self {
        let plain = target.provider == Provider::Anthropic;
        Self {
            // Whoever else speaks as Anthropic does has ids of its own, and takes them back.
            all: !plain || target.is_claude(),
            plain,
            again: target.provider == Provider::OpenAiChat,
            own_again: target.repeats_ids(),
            taken: BTreeSet::new(),
            new: BTreeMap::new(),
        }
    }

    /// Takes the calls of a reply, which follows those before, and gives it as it goes out.
    pub(super) fn learn<'a>(
        &mut self,
        entry: usize,
        message: &'a Message,
        target: &Target,
    ) -> Cow<'a, Message> {
        let ids = self.ids(entry, message, target);
        let name = |(at, block): (usize, &Arc<Block>)| match &block.content {
            Content::ToolUse(tool) if tool.kind.is_client() => {
                Some((at, call_name::fitted(target, &tool.name)?))
            }
            _ => None,
        };
        let names: BTreeMap<usize, Text> =
            message.content.iter().enumerate().filter_map(name).collect();
        let input = |(at, block): (usize, &Arc<Block>)| match &block.content {
            Content::ToolUse(tool) if tool.kind == ToolKind::Client && tool.is_nonsense() => {
                Some((at, tool.input.as_ref().err()?.as_object()))
            }
            _ => None,
        };
        let inputs: BTreeMap<usize, String> = match target.reads_arguments() {
            true => message.content.iter().enumerate().filter_map(input).collect(),
            false => BTreeMap::new(),
        };
        if ids.is_empty() && names.is_empty() && inputs.is_empty() {
            return Cow::Borrowed(message);
        }
        let mut message = message.clone();
        for (at, block) in message.content.iter_mut().enumerate() {
            let (id, name, input) = (ids.get(&at), names.get(&at), inputs.get(&at));
            if id.is_some() || name.is_some() || input.is_some() {
                Arc::make_mut(block).call_otherwise(id, name, input.map(String::as_str));
            }
        }
        Cow::Owned(message)
    }

    /// The ids of the blocks that need another.
    fn ids(&mut self, entry: usize, message: &Message, target: &Target) -> BTreeMap<usize, Text> {
        // What the provider has run it knows by its id.
        let foreign = self.plain && message.provider != Provider::Anthropic;
        let others = self.all && !(self.plain && by_claude(message));
        let mut renamed = BTreeMap::new();
        if self.again {
            self.taken.clear();
        }
        // No API takes two calls of one id in a reply.
        let mut own: BTreeSet<Text> = BTreeSet::new();
        for (at, block) in message.content.iter().enumerate() {
            let Content::ToolUse(tool) = &block.content else { continue };
            let client = tool.kind.is_client();
            let changes = others && client || foreign;
            let base = match (changes, self.plain) {
                (false, _) => tool.id.clone(),
                (true, true) => tool_id(&tool.id),
                (true, false) => fitted(target, tool.id.clone()),
            };
            let mut id = base.clone();
            let mut number = self.taken.len();
            let once = changes || client && !self.own_again;
            while once && self.taken.contains(&id) || client && own.contains(&id) {
                let next = alloc::format!("{base}_{entry}_{number}");
                id = fitted(target, next.into());
                number = number.saturating_add(1);
            }
            self.taken.insert(id.clone());
            own.insert(id.clone());
            if id != tool.id {
                self.new.insert((entry, at), id.clone());
                renamed.insert(at, id);
            }
        }
        renamed
    }

    /// What a call goes by, if not by its own id.
    pub(super) fn id(&self, call: Origin) -> Option<&Text> {
        self.new.get(&call)
    }
}

impl Block {
    fn call_otherwise(&mut self, id: Option<&Text>, name: Option<&Text>, input: Option<&str>) {
        let (new_id, new_name) = (id.map(Text::as_str), name.map(Text::as_str));
        for (key, new) in [("call_id", new_id), ("name", new_name), ("arguments", input)] {
            let Some(new) = new else { continue };
            let renamed = |raw: &Json| with_member(raw, key, &quoted(new)).ok();
            self.raw = self.raw.as_ref().and_then(renamed).map(Json::checked);
        }
        if let Content::ToolUse(tool) = &mut self.content {
            tool.id = id.unwrap_or(&tool.id).clone();
            tool.name = name.unwrap_or(&tool.name).clone();
            if let Some(input) = input {
                tool.input = Ok(Json::checked(input));
            }
        }
    }
}

/// Tells of the calls that go out by another name than the model gave.
pub(super) fn note_names(own: &Message, sent: &Message, notes: &mut Vec<Note>) {
    for (own, sent) in own.content.iter().zip(&sent.content) {
        if let (Content::ToolUse(own), Content::ToolUse(sent)) = (&own.content, &sent.content)
            && own.name != sent.name
        {
            let (id, name) = (own.id.clone(), sent.name.clone());
            notes.push(Note::CallRenamed { id, name });
        }
    }
}

fn fitted(target: &Target, id: Text) -> Text {
    call_id::fitted(target, &id).unwrap_or(id)
}

/// Whether Claude wrote it, whose ids are as its API wants them.
fn by_claude(message: &Message) -> bool {
    message.model.as_ref().is_none_or(|model| model.contains("claude"))
}
