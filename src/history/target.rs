//! Who the next request goes to, and what of earlier thinking shall go with it.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Provenance;
use crate::message::Provider;
use crate::models::{Maker, Model, Replay, vendor};
use crate::request::ThinkingRequest;
use crate::text::Text;

/// Who the next request goes to.
///
/// ```
/// use thinkstream::Provider;
/// use thinkstream::history::Target;
/// use thinkstream::request::{RequestParams, Thinking};
///
/// let thinking = Thinking::On.resolve("claude-opus-4-8", &RequestParams::default())?;
/// let target = Target::new(Provider::Anthropic, "claude-opus-4-8")
///     .account("work")
///     .at_ms(1_790_000_000_000)
///     .thinking(&thinking);
/// # Ok::<(), thinkstream::request::ThinkingError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Target {
    /// The API.
    pub provider: Provider,
    /// The model.
    pub model: Text,
    /// What is known of the model.
    pub row: Option<Model>,
    /// A name of your own for the account, as in [`Provenance`](super::Provenance::account).
    pub account: Option<Text>,
    /// A name of your own for who serves the API, where that is not the maker of the model, as in [`Provenance`](super::Provenance::issuer).
    pub issuer: Option<Text>,
    /// The time, in milliseconds since an epoch of your choice, always the same.
    pub now_ms: Option<u64>,
    /// What the request says of thinking.
    pub mode: Mode,
    /// Whether a chat wants its plain reasoning back, or another vendor's model behind Anthropic's API its thinking.
    pub replay: Replay,
    /// Whether the API stores replies (`store` of `OpenAI`).
    pub store: bool,
}

/// What a request says of thinking, as far as its history goes by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mode {
    /// It is not known.
    #[default]
    Unknown,
    /// The model will not think.
    Off,
    /// The model decides.
    Adaptive,
    /// The model thinks within a budget; the reply that a tool loop began with must begin with thinking.
    Enabled,
}

impl Target {
    /// A model behind an API.
    #[must_use]
    pub fn new(provider: Provider, model: impl Into<Text>) -> Self {
        let model = model.into();
        let (row, replay) = (Model::find(&model), Replay::of(&model));
        Self {
            provider,
            model,
            row,
            account: None,
            issuer: None,
            now_ms: None,
            mode: Mode::Unknown,
            replay,
            store: true,
        }
    }

    /// Names the account: of some models signed thinking is valid only there.
    #[must_use]
    pub fn account(mut self, account: impl Into<Text>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Names who serves the API, where that is not the maker of the model: thinking never goes to
    /// another issuer than its own.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<Text>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// States the time, in milliseconds, for [`Policy::stale_after_ms`](super::Policy::stale_after_ms).
    #[must_use]
    pub fn at_ms(mut self, now: u64) -> Self {
        self.now_ms = Some(now);
        self
    }

    /// Says what the request asks for.
    #[must_use]
    pub fn thinking(mut self, request: &ThinkingRequest) -> Self {
        let enabled = request.get("thinking").is_some_and(|thinking| {
            crate::json::edit::string_member(thinking, "type").as_deref() == Some("enabled")
        });
        self.mode = match request.thinks {
            None => Mode::Unknown,
            Some(false) => Mode::Off,
            Some(true) if enabled => Mode::Enabled,
            Some(true) => Mode::Adaptive,
        };
        // Who asks for reasoning encrypted has nothing stored.
        self.store &= request.store != Some(false) && request.get("include").is_none();
        self
    }

    /// Says what the request asks for, in a word.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// States what the model takes, if the table does not know it.
    #[must_use]
    pub fn model_is(mut self, row: Model) -> Self {
        self.row = Some(row);
        self
    }

    /// States whether a chat, or another vendor's model behind Anthropic's API, wants its plain reasoning back, if the
    /// table does not know it.
    #[must_use]
    pub fn replay(mut self, replay: Replay) -> Self {
        self.replay = replay;
        self
    }

    /// Says whether the API stores replies.
    #[must_use]
    pub fn store(mut self, store: bool) -> Self {
        self.store = store;
        self
    }

    /// What there is to note of a reply that this target has given: the account, the issuer and the time that it states.
    /// The id of the request is the reply's own.
    ///
    /// ```
    /// use thinkstream::Provider;
    /// use thinkstream::history::Target;
    ///
    /// let target = Target::new(Provider::Anthropic, "claude-sonnet-5-5").account("work").at_ms(1_790_000_000_000);
    /// let provenance = target.provenance().request_id("req_1");
    /// assert_eq!(provenance.account.as_deref(), Some("work"));
    /// ```
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        Provenance {
            account: self.account.clone(),
            issuer: self.issuer.clone(),
            at_ms: self.now_ms,
            request_id: None,
        }
    }

    pub(super) fn knows(&self, rule: impl Fn(&Model) -> bool) -> bool {
        self.row.as_ref().is_some_and(rule)
    }

    /// Whether it reasons, as far as the table knows. `OpenAI` refuses the reasoning of others for a model that
    /// does not.
    pub(super) fn reasons(&self) -> bool {
        !self.knows(|row| row.maker == Maker::OpenAi && !row.adaptive)
    }

    /// Whether it is a chat with one of Mistral's, which refuses ids of others, and a user who speaks right behind the
    /// answers of tools.
    pub(super) fn is_mistral(&self) -> bool {
        self.provider == Provider::OpenAiChat && vendor(&self.model) == Some("mistral")
    }

    /// Whether the model is one that `OpenAI` serves itself: of `gpt-oss` others have ids as they like.
    pub(super) fn is_openais(&self) -> bool {
        vendor(&self.model) == Some("openai")
    }

    /// Whether it is a chat with a server that refuses a reply without content, also where it has calls: Alibaba's and
    /// xAI's.
    pub(super) fn wants_content(&self) -> bool {
        let strict = matches!(vendor(&self.model), Some("alibaba" | "xai"));
        self.provider == Provider::OpenAiChat && strict
    }

    /// Whether it is a server of `OpenAI`'s protocols that reads the arguments of old calls as JSON, and refuses others:
    /// `MiniMax`, Alibaba and vLLM do. `OpenAI` takes them as the model wrote them.
    pub(super) fn reads_arguments(&self) -> bool {
        let other = vendor(&self.model).is_some_and(|vendor| vendor != "openai");
        self.provider != Provider::Anthropic && other
    }

    /// Whether it is another vendor's model behind Anthropic's API: such servers may count their calls anew in each
    /// reply, and take them back so.
    pub(super) fn repeats_ids(&self) -> bool {
        let other = vendor(&self.model).is_some_and(|vendor| vendor != "anthropic");
        self.provider == Provider::Anthropic && other
    }

    /// What a reply without thinking has to say in its place, as JSON, where the model demands some of each; `loops` if
    /// its calls are being answered.
    pub(super) fn demands(&self, loops: bool) -> Option<&'static str> {
        let demands = self.mode != Mode::Off && self.replay.demands(&self.model, loops);
        demands.then(|| Replay::nothing(&self.model)).flatten()
    }

    /// Whether it is one of Anthropic's models, by the table or its name.
    pub(super) fn is_claude(&self) -> bool {
        self.knows(|row| row.maker == Maker::Anthropic) || self.model.contains("claude")
    }

    /// Whether signatures are valid only behind an unchanged prefix.
    pub(super) fn binds_prefix(&self) -> bool {
        self.provider == Provider::Anthropic && self.knows(|row| row.bound_to_prefix)
    }
}

/// What of the earlier conversation goes into a request, and how. All is kept unless you say otherwise.
///
/// A policy works on the rendering; the record is never edited. What it removes of thinking, it removes
/// from the front, and for good: a watermark in the record moves forward and never back, for where
/// signatures are bound to their prefix, a gap or a return makes all later ones invalid.
///
/// # Example
///
/// ```
/// use thinkstream::Provider;
/// use thinkstream::history::{CacheMarks, CacheStrategy, History, Policy, Target, Ttl};
///
/// let mut policy = Policy::default();
/// policy.stale_after_ms = Some(Policy::STALE_AFTER_MS);
/// policy.cache = CacheMarks::new(CacheStrategy::AppendOnlyTail).system_ttl(Ttl::OneHour);
///
/// let mut history = History::new();
/// history.push_user("Hello!");
/// let rendered = history.render(&Target::new(Provider::Anthropic, "claude-opus-4-8"), &policy);
/// assert_eq!(
///     rendered.to_json(),
///     r#"[{"role":"user","content":[{"type":"text","text":"Hello!","cache_control":{"type":"ephemeral"}}]}]"#,
/// );
/// // The system prompt is yours; this belongs on its last block.
/// assert_eq!(rendered.system_mark.unwrap().cache_control(), r#"{"type":"ephemeral","ttl":"1h"}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Policy {
    /// Of how many turns thinking is kept.
    ///
    /// Costs: what the model thought then. On models that keep thinking, the cache from the first
    /// removed block on, each time that the watermark moves; so move it seldom, or not at all.
    pub keep: Keep,
    /// After a pause as long as this, in milliseconds, the thinking from before it is removed:
    /// [`STALE_AFTER_MS`](Self::STALE_AFTER_MS), for example. It happens once for a pause, and not again
    /// on each turn; and only where both the [target](Target::at_ms) and the last
    /// [reply](super::Provenance::at_ms) state a time.
    ///
    /// Costs: what the model thought before the pause. The cache has passed away by then anyway, so the
    /// request is cheaper to read.
    pub stale_after_ms: Option<u64>,
    /// What becomes of thinking that another model wrote.
    pub switch: Switch,
    /// What becomes of the conversation before a compaction.
    pub compaction: Compaction,
    /// Where the cache is told to end. Costs: what is written to the cache is billed at 1.25 times the
    /// price (for an hour at twice); what is read from it, at a tenth.
    pub cache: CacheMarks,
    /// Edits that the API does in place of [`keep`](Self::keep) and
    /// [`stale_after_ms`](Self::stale_after_ms). They never break the prefix of a signature, but the
    /// cache from where they clear, and take a beta header.
    pub context_edits: Option<ContextEdits>,
}

impl Policy {
    /// An hour: the longest that a cache entry lives.
    pub const STALE_AFTER_MS: u64 = 3_600_000;
}

/// Of how many turns thinking is kept. A turn is all that follows a message of the user's own: the replies
/// and the results of a whole tool loop. That in progress always keeps its thinking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Keep {
    /// Of all.
    #[default]
    All,
    /// Of the last so many.
    LastTurns(usize),
    /// Of none but the tool loop in progress.
    Nothing,
}

/// What becomes of signed thinking that another model wrote. Thinking of another provider or issuer never
/// goes out, whatever this says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Switch {
    /// As the [table](crate::models) says: kept where the API drops by itself what the model cannot read,
    /// else dropped.
    #[default]
    ByModel,
    /// Dropped, as whole blocks. Where signatures are bound to their prefix, all thinking before it is
    /// dropped too, for good: a gap would make the later ones invalid.
    Drop,
    /// Kept. Costs: a 400 where the API does not drop it.
    Keep,
}

/// What becomes of the conversation before a compaction block, which the API no longer reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Compaction {
    /// It goes out all the same. Costs: the bytes.
    #[default]
    Keep,
    /// The request begins with the block. Costs: nothing, as long as the API reads it so.
    DropBefore,
}

/// Where the cache is told to end: at most four marks, never on thinking, on redacted thinking or on empty
/// text, and the longer-lived first. Marks that you set yourself stay, and count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct CacheMarks {
    /// Where the marks are set.
    pub strategy: CacheStrategy,
    /// How long the entries of the system prompt and the tools live. Never shorter than those behind.
    pub system_ttl: Ttl,
    /// How long the entries of the messages live.
    pub ttl: Ttl,
}

impl CacheMarks {
    /// Marks by a strategy, that live for five minutes.
    #[must_use]
    pub fn new(strategy: CacheStrategy) -> Self {
        Self { strategy, ..Self::default() }
    }

    /// Sets how long all of them live.
    #[must_use]
    pub fn ttl(mut self, ttl: Ttl) -> Self {
        self.ttl = ttl;
        self
    }

    /// Sets how long those of the system prompt and the tools live.
    #[must_use]
    pub fn system_ttl(mut self, ttl: Ttl) -> Self {
        self.system_ttl = ttl;
        self
    }
}

/// Where marks are set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CacheStrategy {
    /// Nowhere.
    #[default]
    None,
    /// On the system prompt, and on the last message of the user and the one before, where the last
    /// request ended: what it wrote is read, however much came since. For models that keep thinking.
    AppendOnlyTail,
    /// On the system prompt and on the last three messages.
    SystemAndLast3,
    /// On the system prompt and before thinking that will be removed: on the last of the user's own messages,
    /// and at the beginning of a turn on the one before; in a tool loop on its last message and on the one
    /// before, where the last request ended. For models that drop earlier thinking.
    BeforeHistoricalThinking,
}

/// How long an entry of the cache lives.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[non_exhaustive]
pub enum Ttl {
    /// Five minutes.
    #[default]
    #[serde(rename = "5m")]
    FiveMinutes,
    /// An hour.
    #[serde(rename = "1h")]
    OneHour,
}

impl Ttl {
    /// What goes under `cache_control`.
    #[must_use]
    pub fn cache_control(self) -> &'static str {
        match self {
            Self::FiveMinutes => r#"{"type":"ephemeral"}"#,
            Self::OneHour => r#"{"type":"ephemeral","ttl":"1h"}"#,
        }
    }

    /// The name, as the API writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FiveMinutes => "5m",
            Self::OneHour => "1h",
        }
    }
}

/// Edits that the API does to the conversation, before the model reads it.
///
/// Source: Anthropic's page on context editing; the beta header is `context-management-2025-06-27`.
///
/// # Example
///
/// ```
/// use thinkstream::Provider;
/// use thinkstream::history::{ClearToolUses, ContextEdits, History, Keep, Policy, Target};
///
/// let mut clear = ClearToolUses::default();
/// clear.trigger_input_tokens = Some(50_000);
/// let mut edits = ContextEdits::default();
/// edits.clear_thinking = Some(Keep::LastTurns(2));
/// edits.clear_tool_uses = Some(clear);
/// let mut policy = Policy::default();
/// policy.context_edits = Some(edits);
///
/// let target = Target::new(Provider::Anthropic, "claude-opus-4-8");
/// let rendered = History::new().render(&target, &policy);
/// let (name, field) = &rendered.fields[0]; // goes into the request, beside the messages
/// assert_eq!(name, "context_management");
/// assert!(field.as_str().contains(r#""type":"clear_thinking_20251015""#));
/// assert_eq!(rendered.betas, ["context-management-2025-06-27"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ContextEdits {
    /// `clear_thinking_20251015`, which comes first: of how many turns thinking is kept. `Nothing` is not
    /// offered by the API, which keeps one then.
    pub clear_thinking: Option<Keep>,
    /// `clear_tool_uses_20250919`.
    pub clear_tool_uses: Option<ClearToolUses>,
}

/// The edit `clear_tool_uses_20250919`: old results of tools are taken out. What is `None` is left to the
/// API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ClearToolUses {
    /// How long the input may be, in tokens, before results are cleared; 100,000 unless stated.
    pub trigger_input_tokens: Option<u64>,
    /// How many of the last calls are kept.
    pub keep: Option<u64>,
    /// How many tokens must be cleared at least, or it is not worth the cache.
    pub clear_at_least: Option<u64>,
    /// Tools whose results stay.
    pub exclude_tools: Vec<Text>,
    /// Whether what the tools were called with is cleared too.
    pub clear_tool_inputs: Option<bool>,
}
