//! The messages of a chat, and the items of the Responses API.

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::calls::{Calls, note_names};
use super::{Rendered, Signed, translate};
use crate::history::draft::BETWEEN;
use crate::history::fate::{Fates, is_thinking};
use crate::history::gemini;
use crate::history::report::{Action, Note, Reason};
use crate::history::thinking::{call_fingerprint, fingerprint, has_reasoning, takes_signed_calls};
use crate::history::turns::{Origin, role, user_blocks};
use crate::history::{
    CacheStrategy, Entry, History, Policy, Reply, Target, ToolResult, item, kind,
};
use crate::json::Json;
use crate::json::edit::{quoted, raw_member, string_member, with_member, without_member};
use crate::json::reader::Items;
use crate::message::{Block, Content, Message, Provider, signer};
use crate::models::{self, Replay};
use crate::text::Text;

pub(super) fn render(
    history: &History,
    target: &Target,
    policy: &Policy,
    fates: &Fates,
    rendered: &mut Rendered,
) {
    if policy.cache.strategy != CacheStrategy::None {
        let why = "the API has no marks: it caches by itself".into();
        rendered.report.notes.push(Note::NotMarked { why });
    }
    let mut said = Said::new(target);
    let turn = history.turn_begins().last().copied();
    let loops = |at| turn.is_none_or(|turn| at > turn);
    let first = fates.compaction.map_or(0, |(entry, _)| entry);
    for (at, entry) in history.entries.iter().enumerate() {
        // Also of what is left out.
        let sent = match entry {
            Entry::Assistant(reply) => Some(said.calls.learn(at, &reply.message, target)),
            _ => None,
        };
        if at < first {
            continue;
        }
        match entry {
            Entry::User(content) if role(content).is_some_and(|role| role == "assistant") => {
                said.flush(rendered);
                let blocks = user_blocks(content).enumerate();
                let blocks = blocks.map(|(block, own)| ((at, block), kind(own).into())).collect();
                Spoken { json: content.clone(), blocks }.push(rendered);
            }
            Entry::User(content) => said.user((history, fates), at, content),
            Entry::ToolResult(result) => {
                said.answer((history, fates), (at, 0), result);
            }
            Entry::Assistant(reply) => {
                said.flush(rendered);
                let fates = fates.blocks.get(at).map(Vec::as_slice).unwrap_or_default();
                let first = rendered.messages.len();
                let signed = takes_signed_calls(reply, target, policy, &history.rejected);
                let sent = sent.as_deref().unwrap_or(&reply.message);
                let notes = &mut rendered.report.notes;
                note_names(&reply.message, sent, notes);
                let message = reply.left(sent, fates, target, signed, notes);
                push_reply(&message, target, loops(at), &mut rendered.messages);
                said.answered &= rendered.messages.len() == first;
                // What came from Gemini is as it wants it: routers sign in other places.
                let author = reply.message.model.as_deref().unwrap_or_default();
                if !signed || !models::same_line(author, &target.model) {
                    sign_calls(target, first, rendered);
                }
                report(at, reply, fates, (first, signed), rendered);
            }
            Entry::Prefill(text) => {
                said.flush(rendered);
                if !text.is_empty() {
                    let begun = message("assistant", &quoted(text));
                    let mut spoken = Spoken::new(with_demanded(begun, target, loops(at)));
                    spoken.blocks.push(((at, 0), "text".into()));
                    spoken.push(rendered);
                }
            }
        }
    }
    said.flush(rendered);
    if target.provider == Provider::OpenAiResponses {
        forget_ids(&mut rendered.messages);
    }
    rendered.report.notes.extend(said.failed.into_iter().map(|id| Note::ErrorUnsaid { id }));
}

/// Leaves out the id of an item that another has had before: some servers count theirs anew in each reply, and
/// `OpenAI` takes two of one id for one item.
fn forget_ids(items: &mut [Json]) {
    let mut known: BTreeSet<String> = BTreeSet::new();
    for item in items {
        let stored = kind(item) == "reasoning" && raw_member(item, "encrypted_content").is_none();
        let Some(id) = string_member(item, "id").filter(|_| item::is_known_without_id(&kind(item)))
        else {
            continue;
        };
        if !known.insert(id)
            && !stored
            && let Ok(bare) = without_member(item, "id")
        {
            *item = Json::checked(bare);
        }
    }
}

/// What was said between two replies. The answers to the first come before all else.
struct Said {
    chat: bool,
    /// The user may not speak right behind the answers.
    parted: bool,
    calls: Calls,
    answers: Vec<Spoken>,
    /// What answers in a chat cannot have: it has to be the user who shows it.
    shown: Vec<Spoken>,
    others: Vec<Spoken>,
    /// The calls that failed.
    failed: Vec<Text>,
    /// Whether an answer is the last that went out.
    answered: bool,
}

/// A message, and whose blocks it has: each by its entry and its place there, with its type.
struct Spoken {
    json: Json,
    blocks: Vec<((usize, usize), Text)>,
}

impl Spoken {
    fn new(json: Json) -> Self {
        Self { json, blocks: Vec::new() }
    }

    fn push(self, rendered: &mut Rendered) {
        let at = rendered.messages.len();
        let parted = raw_member(&self.json, "content").is_some_and(|it| it.starts_with('['));
        for (place, (origin, kind)) in self.blocks.into_iter().enumerate() {
            let place = parted.then_some(place);
            rendered.report.line(origin, &kind, Some((at, place)), Action::Kept);
        }
        rendered.messages.push(self.json);
    }
}

impl Said {
    fn new(target: &Target) -> Self {
        let chat = target.provider == Provider::OpenAiChat;
        let calls = Calls::new(target);
        Self {
            chat,
            parted: target.is_mistral(),
            calls,
            answers: Vec::new(),
            shown: Vec::new(),
            others: Vec::new(),
            failed: Vec::new(),
            answered: false,
        }
    }

    fn flush(&mut self, rendered: &mut Rendered) {
        self.answered |= !self.answers.is_empty();
        self.answers.drain(..).for_each(|spoken| spoken.push(rendered));
        let behind = self.shown.first().or(self.others.first());
        let user = |it: &Spoken| string_member(&it.json, "role").is_some_and(|role| role == "user");
        if self.parted && self.answered && behind.is_some_and(user) {
            rendered.report.notes.push(Note::ReplyPutIn { message: rendered.messages.len() });
            rendered.messages.push(message("assistant", &quoted(BETWEEN)));
        }
        self.answered &= behind.is_none();
        for said in [&mut self.shown, &mut self.others] {
            said.drain(..).for_each(|spoken| spoken.push(rendered));
        }
    }

    /// The answer to a call, if that goes out.
    fn answer(
        &mut self,
        (history, fates): (&History, &Fates),
        origin: Origin,
        result: &ToolResult,
    ) {
        if fates.unasked.contains(&origin) {
            return;
        }
        let call = fates.answers.call(origin);
        let id = call.and_then(|call| self.calls.id(call)).unwrap_or(&result.id).clone();
        let call = history.asked_by(call);
        let told = !self.chat && item::tells_failure(call);
        self.failed.extend((result.is_error && !told).then(|| result.id.clone()));
        let answer = match result.shown().filter(|_| self.chat) {
            Some((texts, others)) => {
                let texts = ToolResult { content: texts, ..result.clone() };
                self.shown.push(Spoken::new(message("user", &others)));
                texts.to_openai(&id, call, true)
            }
            None => result.to_openai(&id, call, self.chat),
        };
        self.answers
            .push(Spoken { json: answer, blocks: alloc::vec![(origin, "tool_result".into())] });
    }

    /// What the user said. Results of tools in the form of the Messages API become answers.
    fn user(&mut self, (history, fates): (&History, &Fates), entry: usize, content: &Json) {
        let mut parts = String::new();
        let mut answers = false;
        let mut blocks = Vec::new();
        for (at, block) in user_blocks(content).enumerate() {
            if kind(block) == "tool_result"
                && let Some(id) = string_member(block, "tool_use_id")
            {
                answers = true;
                let content = raw_member(block, "content").unwrap_or(r#""""#);
                let mut result = ToolResult::json(id.as_str(), Json::checked(content));
                result.is_error = raw_member(block, "is_error") == Some("true");
                self.answer((history, fates), (entry, at), &result);
                continue;
            }
            blocks.push(((entry, at), kind(block).into()));
            parts.push_str(if parts.is_empty() { "[" } else { "," });
            parts.push_str(&translate::block(block, api(self.chat)));
        }
        let whole = raw_member(content, "role").is_some();
        if whole && !answers {
            if blocks.is_empty() {
                blocks.push(((entry, 0), "text".into()));
            }
            let json = translated(content, api(self.chat));
            return self.others.push(Spoken { json, blocks });
        }
        let parted = content.starts_with(['[', '{']);
        let content = match parts.is_empty() {
            true if parted => return,
            true => {
                blocks.push(((entry, 0), "text".into()));
                if content.starts_with('"') { content.clone() } else { quoted(content) }
            }
            false => {
                parts.push(']');
                Json::checked(parts)
            }
        };
        self.others.push(Spoken { json: message("user", &content), blocks });
    }
}

/// A whole message, with its blocks as the API has them.
fn translated(message: &Json, api: Provider) -> Json {
    let blocks = raw_member(message, "content").map(|blocks| translate::blocks(blocks, api));
    match blocks {
        Some(Cow::Owned(blocks)) => {
            with_member(message, "content", &blocks).map_or_else(|_| message.clone(), Json::checked)
        }
        _ => message.clone(),
    }
}

fn api(chat: bool) -> Provider {
    if chat { Provider::OpenAiChat } else { Provider::OpenAiResponses }
}

fn message(role: &str, content: &str) -> Json {
    Json::checked(alloc::format!(r#"{{"role":"{role}","content":{content}}}"#))
}

/// What the blocks of a reply have become: items follow each other, a chat has one message for all.
fn report(
    entry: usize,
    reply: &Reply,
    fates: &[Option<Reason>],
    (first, signed): (usize, bool),
    rendered: &mut Rendered,
) {
    let items = rendered.messages.len().saturating_sub(first);
    let mut item = first;
    let last = rendered.messages.len().saturating_sub(1);
    for ((at, block), fate) in reply.message.content.iter().enumerate().zip(fates) {
        if fate.is_some() || items == 0 {
            continue;
        }
        let action = Action::Kept;
        rendered.report.line((entry, at), block.content.kind(), Some((item, None)), action);
        let call = || call_fingerprint(block).filter(|_| signed);
        if let Some(print) = fingerprint(block).or_else(call) {
            rendered.signed.push(Signed { message: item, block: 0, print });
        }
        item = item.saturating_add(1).min(last);
    }
}

impl Reason {
    /// Whether what followed the block is left without it.
    fn shows(self) -> bool {
        !matches!(self, Self::BeforeCompaction | Self::Last | Self::Cut)
    }
}

impl Reply {
    /// The reply, with its calls as they are `sent`, without what does not go out.
    fn left(
        &self,
        sent: &Message,
        fates: &[Option<Reason>],
        target: &Target,
        signed: bool,
        notes: &mut Vec<Note>,
    ) -> Message {
        let own = &self.message;
        let mut message = Message { content: Vec::new(), ..(**own).clone() };
        let mut forgotten = false;
        let foreign = own.provider != target.provider || self.provenance.issuer != target.issuer;
        for (block, fate) in sent.content.iter().zip(fates) {
            match fate {
                // What Gemini signs its calls with is for Gemini.
                None if !signed && block.other.iter().any(|(key, _)| signer(key).is_some()) => {
                    let mut bare = (**block).clone();
                    bare.other.retain(|(key, _)| signer(key).is_none());
                    if let Content::ToolUse(call) = &bare.content {
                        notes.push(Note::SignatureLeftOut { id: call.id.clone() });
                    }
                    message.content.push(Arc::new(bare));
                }
                None => {
                    let mut block = if foreign { without_caller(block) } else { Arc::clone(block) };
                    // What goes out goes out: arguments that are no object are text here.
                    if !block.replayable && matches!(block.content, Content::ToolUse(_)) {
                        Arc::make_mut(&mut block).replayable = true;
                    }
                    message.content.push(block);
                }
                // Reasoning that is missing shows: what followed it goes back without its id.
                Some(reason) if is_thinking(block) && reason.shows() => {
                    let mut gone = (**block).clone();
                    gone.replayable = false;
                    message.content.push(Arc::new(gone));
                    forgotten = true;
                }
                Some(_) => {}
            }
        }
        message.provider = target.provider;
        let gone = |key: &str| match key {
            "reasoning_content" => forgotten || target.replay == Replay::Never,
            "extra_content" => !signed,
            _ => false,
        };
        message.other.retain(|(key, _)| !gone(key));
        message
    }
}

/// A call without what only its own provider knows: which program has made it, and where its tool is from.
fn without_caller(block: &Arc<Block>) -> Arc<Block> {
    let mut bare = Arc::clone(block);
    if let Content::ToolUse(tool) = &block.content
        && (tool.caller.is_some() || tool.toolset_name.is_some())
    {
        let own = Arc::make_mut(&mut bare);
        let raw = own.raw.as_ref().and_then(|raw| without_member(raw, "caller").ok());
        own.raw = raw.map(Json::checked).or(own.raw.take());
        if let Content::ToolUse(tool) = &mut own.content {
            (tool.caller, tool.toolset_name) = (None, None);
        }
    }
    bare
}

fn push_reply(message: &Message, target: &Target, loops: bool, out: &mut Vec<Json>) {
    let whole = message.to_param();
    if target.provider == Provider::OpenAiResponses {
        out.extend(Items::new(&whole).map(|item| Json::checked(item.to_string())));
        return;
    }
    let says = |key: &str| raw_member(&whole, key).is_some_and(|value| value != "null");
    if !says("content") && !says("tool_calls") && !says("refusal") {
        return;
    }
    let thinks = message.content.iter().any(|block| block.replayable && is_thinking(block));
    let whole = match says("content") || !target.wants_content() {
        true => whole,
        false => with_member(&whole, "content", r#""""#).map_or(whole, Json::checked),
    };
    out.push(if thinks { whole } else { with_demanded(whole, target, loops) });
}

/// Who demands its reasoning in a chat wants it of every reply, also where there is none.
fn with_demanded(reply: Json, target: &Target, loops: bool) -> Json {
    let chat = target.provider == Provider::OpenAiChat;
    let wanted = chat && target.replay.demands(&target.model, loops);
    let nothing = wanted.then(|| Replay::nothing(&target.model)).flatten();
    let nothing = nothing.filter(|nothing| !has_reasoning(&reply, nothing));
    let filled = nothing.and_then(|it| with_member(&reply, "reasoning_content", it).ok());
    filled.map_or(reply, Json::checked)
}

/// Gemini wants calls signed, also those that another model made.
fn sign_calls(target: &Target, from: usize, rendered: &mut Rendered) {
    if !target.wants_signed_calls() {
        return;
    }
    for message in rendered.messages.iter_mut().skip(from) {
        if let (Some(id), Some(said)) =
            (gemini::unsigned_call(message), gemini::say_unsigned(message))
        {
            *message = said;
            rendered.report.notes.push(Note::CallUnsigned { id: id.into() });
        }
    }
}
