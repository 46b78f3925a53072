//! Who may read a block of thinking: the rules on what could go back as it is.

use alloc::sync::Arc;

use super::fate::Rules;
use super::report::Reason;
use super::{Mode, Policy, Reply, Switch, Target};
use crate::json::edit::{raw_member, string_member};
use crate::message::{Block, Content, Provider, signer};
use crate::models::{self, Model, Replay};
use crate::text::Text;

impl Rules<'_> {
    /// What forbids thinking that could go back as it is.
    pub(super) fn of_thinking(
        &self,
        entry: usize,
        reply: &Reply,
        block: &Block,
        watermark: usize,
    ) -> Option<Reason> {
        let target = self.target;
        if reply.provenance.issuer != target.issuer {
            return Some(Reason::OtherIssuer);
        }
        let off = target.mode == Mode::Off && target.provider == Provider::Anthropic;
        self.unreadable(reply, block)
            .or_else(|| (entry < watermark).then_some(Reason::BeforeWatermark))
            .or_else(|| off.then_some(Reason::ThinkingOff))
            .or_else(|| self.not_taken(entry, reply, block))
    }

    /// Why the API does not show a block to the model, though it goes out.
    pub(super) fn ignored(&self, entry: usize, reply: &Reply, block: &Block) -> Option<Reason> {
        let target = self.target;
        if target.provider != Provider::Anthropic {
            return None;
        }
        let author = reply.message.model.as_deref().unwrap_or(&target.model);
        if !self.is_same_model(author, block) && target.knows(|row| row.drops_foreign_thinking) {
            return Some(Reason::OtherModel);
        }
        let earlier = self.in_progress.is_none_or(|first| entry < first);
        (earlier && target.knows(|row| !row.keeps_thinking)).then_some(Reason::EarlierTurn)
    }

    /// The model that signed a block for an account, if it is not known whether that is the target's.
    pub(super) fn unstated_account(&self, reply: &Reply) -> Option<Text> {
        let known = reply.provenance.account.is_some() && self.target.account.is_some();
        let model = reply.message.model.as_ref().filter(|_| !known)?;
        self.binds_account(model).then(|| model.clone())
    }

    /// Whether a model signs for an account.
    fn binds_account(&self, model: &str) -> bool {
        let bound = |row: &Model| row.bound_to_account;
        if *model == *self.target.model {
            self.target.knows(bound)
        } else {
            Model::find(model).as_ref().is_some_and(bound)
        }
    }

    /// Whether a server that signs nothing wants its thinking back here.
    pub(super) fn wants_plain(&self, entry: usize) -> bool {
        match self.target.replay {
            Replay::Never => false,
            Replay::Always => true,
            Replay::InToolLoop => self.in_progress.is_some_and(|first| entry >= first),
        }
    }

    /// Why the target cannot read a block.
    fn unreadable(&self, reply: &Reply, block: &Block) -> Option<Reason> {
        let target = self.target;
        let author = reply.message.model.as_deref().unwrap_or(&target.model);
        let other_account = match (&reply.provenance.account, &target.account) {
            (Some(own), Some(other)) => own != other,
            _ => false,
        };
        let sealed = target.provider == Provider::OpenAiResponses;
        if other_account && (sealed || self.binds_account(author)) {
            return Some(Reason::OtherAccount);
        }
        let own = self.is_same_model(author, block) || self.fell_back(reply);
        if !own && !self.keeps_foreign(author) {
            return Some(Reason::OtherModel);
        }
        let rejected = &self.history.rejected;
        let refused = |print| rejected.binary_search(&print).is_ok();
        let known = !rejected.is_empty() && fingerprint(block).is_some_and(refused);
        known.then_some(Reason::Rejected)
    }

    fn is_same_model(&self, author: &str, block: &Block) -> bool {
        let target = self.target;
        let like = target.row.as_ref().map(|row| row.family.as_str());
        let same_vendor = || {
            let vendor = Replay::vendor(author);
            vendor.is_some() && vendor == Replay::vendor(&target.model)
        };
        Model::same_family(author, &target.model)
            || like.is_some_and(|like| Model::same_family(author, like))
            // What is not sealed is read by all models of its vendor.
            || is_plain(block) && same_vendor()
    }

    /// Whether it was the target that was asked, and another model took over: the API, which let it, takes that one's
    /// thinking back.
    fn fell_back(&self, reply: &Reply) -> bool {
        let asked = |block: &Arc<Block>| match &block.content {
            Content::Other(other) if other.kind == "fallback" => {
                string_member(raw_member(&other.raw, "from")?, "model")
            }
            _ => None,
        };
        let mut asked = reply.message.content.iter().filter_map(asked);
        asked.any(|model| Model::same_family(&model, &self.target.model))
    }

    fn keeps_foreign(&self, author: &str) -> bool {
        match self.policy.switch {
            Switch::Keep => true,
            Switch::Drop => false,
            Switch::ByModel => match self.target.provider {
                Provider::Anthropic => self.target.knows(|row| row.drops_foreign_thinking),
                // What is encrypted is read by all models of the organisation, as far as is seen: by its vendor's,
                // that is. A deployment may have any name.
                Provider::OpenAiResponses => !models::other_vendor(author, &self.target.model),
                Provider::OpenAiChat => false,
            },
        }
    }

    /// Why a server of `OpenAI`'s protocols does not take a block that it could read.
    fn not_taken(&self, entry: usize, reply: &Reply, block: &Block) -> Option<Reason> {
        match self.target.provider {
            Provider::OpenAiChat => {
                let plain = is_plain(block) && !is_sealed_apart(block, reply);
                let unwanted = plain && !self.wants_plain(entry);
                unwanted.then_some(Reason::NotTaken)
            }
            Provider::OpenAiResponses => {
                let raw = block.raw.as_deref();
                let sealed = raw.and_then(|raw| raw_member(raw, "encrypted_content"));
                let found = self.target.store || sealed.is_some_and(|sealed| sealed != "null");
                let refused = !self.target.reasons();
                refused
                    .then_some(Reason::NotTaken)
                    .or_else(|| (!found).then_some(Reason::NotEncrypted))
            }
            Provider::Anthropic => None,
        }
    }
}

/// Whether a message of a chat has its reasoning, in any of its fields. Where there is `nothing`, that has to be it.
pub(super) fn has_reasoning(message: &str, nothing: &str) -> bool {
    let said = |key| raw_member(message, key).is_some_and(|it| it != "null");
    let plain = raw_member(message, "reasoning_content");
    plain.is_some_and(|it| it != "null" && (it != r#""""# || it == nothing))
        || said("reasoning")
        || said("reasoning_details")
}

/// Whether what Gemini signs its calls with goes back to whom it is from. Endpoints and routers have names of
/// their own for models, so one that is nobody else's is taken for its. What was refused once does not.
pub(super) fn takes_signed_calls(
    reply: &Reply,
    target: &Target,
    policy: &Policy,
    rejected: &[Text],
) -> bool {
    let refused = |block: &Arc<Block>| {
        call_fingerprint(block).is_some_and(|print| rejected.binary_search(&print).is_ok())
    };
    if !rejected.is_empty() && reply.message.content.iter().any(refused) {
        return false;
    }
    let author = reply.message.model.as_deref().unwrap_or(&target.model);
    let issuer = &reply.provenance.issuer;
    if *issuer != target.issuer || reply.message.provider != target.provider {
        return false;
    }
    let known = target.row.is_some() || Replay::vendor(&target.model).is_some();
    let nobody_elses = issuer.is_some() && !known;
    Model::same_family(author, &target.model)
        || match policy.switch {
            Switch::Keep => true,
            Switch::Drop => false,
            Switch::ByModel => models::same_line(author, &target.model) || nobody_elses,
        }
}

/// Whether thinking is nothing but text: neither signed, nor structured, nor part of the content.
fn is_plain(block: &Block) -> bool {
    match &block.content {
        Content::Thinking(thinking) => {
            let parts = ["content", "summary"];
            let in_content = thinking.field.as_ref().is_some_and(|it| parts.contains(&it.as_str()));
            block.raw.is_none() && thinking.signature.is_none() && !in_content
        }
        _ => false,
    }
}

/// Whether what goes back with a thought came behind other things, in a block of its own, as Copilot sends it.
fn is_sealed_apart(block: &Block, reply: &Reply) -> bool {
    let copilots = |block: &Block| match &block.content {
        Content::Thinking(thinking) => {
            let text = thinking.field.as_ref().is_some_and(|field| *field == "reasoning_text");
            text.then_some(thinking.signature.is_some())
        }
        _ => None,
    };
    copilots(block).is_some()
        && reply.message.content.iter().any(|other| copilots(other) == Some(true))
}

/// What tells a signed block from all others: the SHA-256 of its type and its signature, data or item.
pub(super) fn fingerprint(block: &Block) -> Option<Text> {
    match &block.content {
        Content::Thinking(thinking) => {
            let sealed = thinking.signature.as_deref().or(block.raw.as_deref())?;
            Some(print("thinking", sealed))
        }
        Content::RedactedThinking(redacted) => Some(print("redacted_thinking", &redacted.data)),
        _ => None,
    }
}

/// The same of a call, or a text, that Gemini has signed.
pub(super) fn call_fingerprint(block: &Block) -> Option<Text> {
    let extra = block.other.iter().find(|(key, _)| signer(key).is_some());
    extra.map(|(_, extra)| print("extra_content", extra))
}

/// 32 hexadecimal digits that tell a text of this kind from all others.
pub(super) fn print(kind: &str, sealed: &str) -> Text {
    use core::fmt::Write as _;
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    hash.update(kind);
    hash.update([0]);
    hash.update(sealed);
    let mut text = alloc::string::String::with_capacity(32);
    // Half of it is more than enough, and half as long.
    for byte in hash.finalize().iter().take(16) {
        let _ = write!(text, "{byte:02x}");
    }
    text.into()
}
