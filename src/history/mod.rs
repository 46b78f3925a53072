//! Sending signed thinking back: an append-only record of a conversation that renders the next request.
//!
//! Most sessions that die, die of their own history: a signature lost, a block moved, thinking sent to a
//! model that cannot read it, a tool call without an answer. [`History`] keeps what was said, as it was
//! received, with [where it is from](Provenance). [`History::render`] makes of it what the next request
//! sends: byte for byte what was signed, without thinking and calls that the API would refuse, and a [`Report`] of what
//! became of each block. The record itself is never edited, and nothing is made up: a call that you
//! never answered goes out as it is, with [a note](Note::Unanswered); answer it with what came of it, or let
//! [`Rendered::repair`] say that it was not run.
//!
//! ```
//! use thinkstream::history::{History, Keep, Policy, Provenance, Target, ToolResult};
//! use thinkstream::{Decoder, Event, Protocol, Provider};
//! # const STREAM: &str = concat!(
//! #     "data: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-opus-4-8\"}}\n\n",
//! #     "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":",
//! #     "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"EqQB\"}}\n\n",
//! #     "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
//! #     "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":",
//! #     "{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"dice\",\"input\":{}}}\n\n",
//! #     "data: {\"type\":\"content_block_stop\",\"index\":1}\n\n",
//! #     "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"}}\n\n",
//! #     "data: {\"type\":\"message_stop\"}\n\n",
//! # );
//!
//! let mut history = History::new();
//! history.push_user("Throw a die.");
//! let mut input = STREAM.into(); // what the server sent
//! let mut decoder = Decoder::new(Protocol::Anthropic);
//! while let Some(event) = decoder.decode(&mut input)? {
//!     if let Event::Complete(done) = event {
//!         for call in done.message.tool_calls() {
//!             history.push_tool_result(ToolResult::new(call.id.clone(), "4"));
//!         }
//!         // A reply goes before the answers to its calls, whatever the order in which they come.
//!         history.push_assistant(done.message, Provenance::default());
//!     }
//! }
//!
//! let target = Target::new(Provider::Anthropic, "claude-opus-4-8");
//! let rendered = history.render(&target, &Policy::default());
//! assert_eq!(
//!     rendered.to_json(),
//!     concat!(
//!         r#"[{"role":"user","content":"Throw a die."},"#,
//!         r#"{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"EqQB"},"#,
//!         r#"{"type":"tool_use","id":"toolu_1","name":"dice","input":{}}]},"#,
//!         r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"4"}]}]"#,
//!     ),
//! );
//! assert_eq!(rendered.report.kept_thinking().count(), 1);
//! assert!(history.validate(&target).is_empty());
//!
//! // The record is JSON, with everything that the next process needs.
//! let stored = serde_json::to_string(&history)?;
//! assert_eq!(serde_json::from_str::<History>(&stored)?, history);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What goes back
//!
//! | | Anthropic | Responses | Chat Completions |
//! |---|---|---|---|
//! | signed thinking | to the model that wrote it, or one that reads it: as it was, in its place | the item with its `encrypted_content`, to its issuer | what is signed or structured, to its issuer |
//! | thinking without signature | not to Claude; to others that speak so, where they take it | never, if nothing is stored | in the field it came in, [where it is demanded](crate::models#reasoning-in-chats) |
//! | cut replies | up to the last whole text, or the last call that has an answer; [`History::resume`] goes on with them, [`History::keep_cut_text`] keeps what was half said | the same | the same |
//! | text and calls of other providers | yes, without their thinking | yes | yes |
//! | calls of tools that the provider runs | with their results, or while they are gone on from | with their item, to its issuer | never |
//!
//! # The watermark
//!
//! Where signatures are bound to everything before them, thinking may be removed from the front, and never put
//! back. So what a policy removes, or what had to go there, is removed by a watermark that is part of the record:
//! [`render`](History::render) moves it forward, and what was removed never returns. [`preview`](History::preview) shows
//! what another policy or target would give, and moves nothing.
//!
//! # Editing, trimming and summarising
//!
//! A record is never edited; another is made of it. [`fork`](History::fork) goes back to an earlier question, and
//! [`with_entries`](History::with_entries) takes entries that you have edited, left out, or put a summary in place of.
//! Leave out whole turns, from one [`User`](Entry::User) to the next, for a call without its answer is refused, and an
//! answer without its call; [`validate`](History::validate) finds both. Signatures stay valid, but for the models that
//! bind each to all that was said before it: their thinking behind the first change no longer goes out.
//!
//! # When it does not fit
//!
//! [`validate`] finds what the API would refuse in any array of messages, rendered or your own;
//! [`repair`] mends it, if asked. [`diff()`] names the first place where a request differs from the one
//! before, and what follows for signatures and cache. [`Rejection`] reads the API's refusal, and
//! [`History::reject`] keeps what was refused from going out again. [`audit`](History::audit) hands every
//! block of thinking to a store that keeps what the transcript no longer does.

mod audit;
mod call_id;
mod call_name;
mod check;
mod diff;
mod draft;
mod fate;
mod gemini;
mod item;
mod rejection;
mod render;
mod report;
mod server_tools;
mod stored;
mod target;
mod thinking;
mod turns;

#[cfg(feature = "std")]
pub use self::audit::JsonLines;
pub use self::audit::{AuditEntry, AuditSink};
pub use self::check::{Change, Finding, FindingKind, Repaired, repair, validate};
pub use self::diff::{Difference, Lost, Part, diff};
pub use self::rejection::{Rejection, RejectionKind, Remedy};
pub use self::render::Rendered;
pub use self::report::{Action, Line, Note, Reason, Report};
pub use self::target::{
    CacheMarks, CacheStrategy, ClearToolUses, Compaction, ContextEdits, Keep, Mode, Policy, Switch,
    Target, Ttl,
};
pub use self::turns::Resume;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::json::Json;
use crate::json::edit::quoted;
use crate::message::{Message, ToolUse};
use crate::text::Text;

/// What was said in a conversation, in order. It is only ever appended to.
///
/// See the [module](self) for an example. It is stored as JSON text, in a field of a struct of yours or alone: through a
/// `serde_json::Value`, or a database that keeps one, the inputs of tools lose their key order and the digits of large
/// numbers, as any JSON does there; in an enum with a tag or without one, and in a field that is flattened, they lose
/// [less](Json), which is still not what was signed. A binary format is an error.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    entries: Vec<Entry>,
    /// Thinking before this entry does not go out again.
    watermark: usize,
    /// Why it was moved there.
    watermark_why: Text,
    /// What was said before the replies among the first entries, so many, is not what they answered.
    edited: usize,
    /// How far the audit has come.
    audited: usize,
    /// The fingerprints of blocks that the API refused.
    rejected: Vec<Text>,
}

/// One entry of a history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Entry {
    /// What the user said: the content of a message (a string or an array of blocks), or a whole message
    /// with its role.
    User(Json),
    /// A reply of the model.
    Assistant(Reply),
    /// The answer to a tool call.
    ToolResult(ToolResult),
    /// Text of a reply that was cut, from which the model goes on: see [`History::resume`]; or that is kept, though it
    /// does not: [`History::keep_cut_text`].
    Prefill(Text),
}

/// A reply of the model, and where it is from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reply {
    /// The reply, which names the provider and the model.
    #[serde(with = "stored")]
    pub message: Arc<Message>,
    /// What the reply does not say of itself.
    #[serde(default)]
    pub provenance: Provenance,
}

/// Where a reply is from, beside what it [says itself](Message::model).
///
/// # Example
///
/// ```
/// use std::time::{SystemTime, UNIX_EPOCH};
/// use thinkstream::Complete;
/// use thinkstream::history::{History, Provenance};
///
/// fn remember(history: &mut History, done: Complete) {
///     let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
///     let mut from = Provenance::default().account("team-a").at_ms(now.as_millis() as u64);
///     if let Some(id) = done.request_id {
///         from = from.request_id(id);
///     }
///     history.push_assistant(done.message, from);
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Provenance {
    /// A name of your own for the account: of some models signed thinking is valid only there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<Text>,
    /// A name of your own for who served the API, where that is not the maker of the model: an endpoint,
    /// an organisation, a deployment. Thinking never goes to another issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Text>,
    /// When the reply was finished, in milliseconds since any moment that you keep to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
    /// The id of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Text>,
}

impl Provenance {
    /// Names the account.
    #[must_use]
    pub fn account(mut self, account: impl Into<Text>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Names who served the API.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<Text>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// States when the reply was finished, in milliseconds.
    #[must_use]
    pub fn at_ms(mut self, at: u64) -> Self {
        self.at_ms = Some(at);
        self
    }

    /// States the id of the request.
    #[must_use]
    pub fn request_id(mut self, id: impl Into<Text>) -> Self {
        self.request_id = Some(id.into());
        self
    }
}

/// The answer to a tool call.
///
/// # Example
///
/// ```
/// use thinkstream::history::{History, ToolResult};
///
/// let mut history = History::new();
/// // …the reply with the calls was pushed; then, in whatever order they end:
/// history.push_tool_result(ToolResult::new("toolu_1", "21 °C, sunny"));
/// history.push_tool_result(ToolResult::new("toolu_2", "no such city").error());
/// let image = serde_json::json!([
///     {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
/// ]);
/// history.push_tool_result(ToolResult::json("toolu_3", image));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolResult {
    /// The id of the call: [`ToolUse::id`](crate::ToolUse::id).
    pub id: Text,
    /// What came of it: a string, or an array of the provider's content blocks. Anything else goes out as
    /// the text of its JSON.
    pub content: Json,
    /// Whether the tool failed.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub is_error: bool,
}

impl ToolResult {
    /// What came of a call, as text.
    #[must_use]
    pub fn new(id: impl Into<Text>, text: &str) -> Self {
        Self::json(id, quoted(text))
    }

    /// What came of a call, as JSON. Of an array of blocks the texts, images and documents have the form of the API
    /// that they go to, whichever they were written for. In a chat, where tools say texts alone, a message of the
    /// user's behind the answers shows the images and files.
    ///
    /// The tools of the Responses API that you run have answers in forms of their own: `shell` takes an array with an
    /// `outcome` in each, or a text, `computer` an image. An approval of an MCP server's tool is `true`,
    /// or `{"approve":true}`; anything else denies it, and says why.
    /// Anything else that they take can be given as the whole item, such as one of type `computer_call_output` with its
    /// `acknowledged_safety_checks`.
    #[must_use]
    pub fn json(id: impl Into<Text>, content: impl Into<Json>) -> Self {
        Self { id: id.into(), content: trimmed(content.into()), is_error: false }
    }

    /// The same, of a tool that failed. `OpenAI`'s APIs have no field for that but for `shell` and `apply_patch`, so say
    /// it in the result too. The Messages API accepts only text in such a result, and some: images and files follow as
    /// the user's, and an empty result says that the tool failed.
    #[must_use]
    pub fn error(mut self) -> Self {
        self.is_error = true;
        self
    }
}

impl History {
    /// A history in which nothing has been said.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what the user said, as text.
    pub fn push_user(&mut self, text: &str) {
        self.push_user_json(quoted(text));
    }

    /// Adds what the user said: the content of a message, a string or an array of blocks, or a whole message
    /// with its role (`{"role":"system",…}` in the middle of a conversation). It goes out as it stands, but that
    /// texts, images and documents have the form of the API that they go to, whichever they were written for, if it
    /// has them. Results of tools in it are answers like others, and so is a whole message of the role `tool`, or an
    /// item of the Responses API that answers a call.
    pub fn push_user_json(&mut self, content: impl Into<Json>) {
        let content = trimmed(content.into());
        match item::read(&content) {
            Some((id, said)) => self.push_tool_result(ToolResult::json(id, said)),
            None => self.entries.push(Entry::User(content)),
        }
    }

    /// Adds a reply, finished or [cut](crate::Partial): what of it cannot go back is known when it is
    /// rendered. Answers to its calls that were added just before it come behind it.
    pub fn push_assistant(&mut self, message: impl Into<Arc<Message>>, provenance: Provenance) {
        let message = message.into();
        let at = self.entries.len().saturating_sub(self.early_answers(&message));
        self.entries.insert(at, Entry::Assistant(Reply { message, provenance }));
        // Nothing of it has been handed over or sent, however far they had come.
        self.audited = self.audited.min(at);
        (self.watermark, self.edited) = (self.watermark.min(at), self.edited.min(at));
    }

    /// Adds the answer to a tool call.
    pub fn push_tool_result(&mut self, result: ToolResult) {
        self.entries.push(Entry::ToolResult(result));
    }

    /// The calls that are yours to run and that have no answer, in order: what is left to do after a restart, or to be
    /// answered with why it was not done. Those of a cut reply are among them until the model has gone on without them:
    /// whether they may be run, its [`tools_safe_to_run`](Message::tools_safe_to_run) says, and they go out only with
    /// an answer.
    ///
    /// ```
    /// use thinkstream::history::{History, Provenance, ToolResult};
    /// use thinkstream::{Complete, Protocol};
    ///
    /// let body = br#"{"type":"message","role":"assistant","content":[
    ///     {"type":"tool_use","id":"toolu_1","name":"roll","input":{}},
    ///     {"type":"tool_use","id":"toolu_2","name":"roll","input":{}}],"stop_reason":"tool_use"}"#;
    /// let mut history = History::new();
    /// history.push_user("Throw two dice.");
    /// history.push_assistant(Complete::from_body(Protocol::Anthropic, body)?.message, Provenance::default());
    /// history.push_tool_result(ToolResult::new("toolu_1", "6"));
    ///
    /// let open: Vec<_> = history.open_calls().map(|call| call.id.clone()).collect();
    /// for id in open {
    ///     history.push_tool_result(ToolResult::new(id, "The program was ended before the tool ran.").error());
    /// }
    /// assert_eq!(history.open_calls().count(), 0);
    /// # Ok::<(), thinkstream::Error>(())
    /// ```
    pub fn open_calls(&self) -> impl Iterator<Item = &ToolUse> {
        let answers = self.answers();
        let said = self.replies().rev().find(|(_, reply)| !reply.message.is_silent());
        let last = said.map_or(0, |(at, _)| at);
        let open =
            self.replies().filter(move |(at, reply)| *at >= last || !reply.message.was_cut());
        let calls = open.flat_map(|(at, reply)| {
            reply.message.placed_calls().map(move |(place, call)| ((at, place), call))
        });
        calls
            .filter(move |(at, call)| call.kind.is_client() && !answers.has(*at))
            .map(|(_, call)| call)
    }

    /// What was said, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// A history of its own with the first `entries` of this one: to ask again, or to ask something else there. What
    /// was removed or refused until now stays so, and what an audit has, it is not given again. A call whose answer
    /// is not among them lacks it: once something is said behind it, [a note](Note::Unanswered) says so.
    ///
    /// ```
    /// use thinkstream::history::History;
    ///
    /// let mut history = History::new();
    /// history.push_user("Throw a die.");
    /// let mut other = history.fork(0);
    /// other.push_user("Toss a coin.");
    /// assert_eq!((history.entries().len(), other.entries().len()), (1, 1));
    /// ```
    #[must_use]
    pub fn fork(&self, entries: usize) -> Self {
        let kept = self.entries.get(..entries).unwrap_or(&self.entries);
        Self {
            entries: kept.to_vec(),
            watermark: self.watermark.min(entries),
            watermark_why: self.watermark_why.clone(),
            edited: self.edited.min(entries),
            audited: self.audited.min(entries),
            rejected: self.rejected.clone(),
        }
    }

    /// A history of its own with other entries: where a message was edited or deleted, or a summary stands for the
    /// older turns. The models that bind each signature to all that was said before it
    /// get no thinking of the replies behind the first change, the tool loop in progress included; so do it between
    /// turns. What was refused stays so; an audit is given again what stands behind the change.
    ///
    /// ```
    /// use serde_json::json;
    /// use thinkstream::history::{Entry, History};
    ///
    /// let mut history = History::new();
    /// history.push_user("Throw a die.");
    /// history.push_user("Toss a coin.");
    /// let mut entries = vec![Entry::User(json!("Summary: a die was thrown, and it was a six.").into())];
    /// entries.extend_from_slice(&history.entries()[1..]);
    /// let shorter = history.with_entries(entries);
    /// assert_eq!(shorter.entries().len(), 2);
    /// ```
    #[must_use]
    pub fn with_entries(&self, entries: impl IntoIterator<Item = Entry>) -> Self {
        let entries: Vec<Entry> = entries.into_iter().collect();
        let same = self.entries.iter().zip(&entries).take_while(|(old, new)| old == new).count();
        let kept = self.fork(same);
        let mut behind = entries.iter().skip(same);
        let answers = behind.any(|entry| matches!(entry, Entry::Assistant(_)));
        let edited = if answers { entries.len() } else { kept.edited };
        Self { entries, edited, ..kept }
    }

    /// The entry before which no thinking goes out any more. It moves forward; only a reply that is put
    /// [before answers that came early](Self::push_assistant) stands behind it.
    #[must_use]
    pub fn watermark(&self) -> usize {
        self.watermark
    }

    /// The fingerprints of what the API refused: blocks, which do not go out again, and signatures of calls, which go
    /// out without.
    #[must_use]
    pub fn rejected(&self) -> &[Text] {
        &self.rejected
    }

    fn replies(&self) -> impl DoubleEndedIterator<Item = (usize, &Reply)> {
        self.entries.iter().enumerate().filter_map(|(at, entry)| match entry {
            Entry::Assistant(reply) => Some((at, reply)),
            _ => None,
        })
    }
}

/// The type of a block.
fn kind(block: &str) -> String {
    crate::json::edit::string_member(block, "type").unwrap_or_default()
}

/// Without the white space around it, which says nothing.
fn trimmed(json: Json) -> Json {
    let value = json.trim_matches([' ', '\t', '\r', '\n']);
    if value.len() == json.len() { json } else { Json::checked(String::from(value)) }
}
