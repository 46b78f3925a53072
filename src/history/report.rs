//! What became of each block.

use core::fmt;

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Ttl;
use crate::text::Text;

/// What a rendering did, block by block. `Display` is for people, a line each.
///
/// # Example
///
/// ```
/// use thinkstream::Provider;
/// use thinkstream::history::{Action, History, Policy, Target};
///
/// let mut history = History::new();
/// history.push_user("Hello!");
/// let target = Target::new(Provider::Anthropic, "claude-opus-4-8");
/// let report = history.render(&target, &Policy::default()).report;
/// for line in &report.lines {
///     if let Action::Dropped(reason) = line.action {
///         eprintln!("block {} of entry {} does not go out: {reason:?}", line.block, line.entry);
///     }
/// }
/// for note in &report.notes {
///     eprintln!("{note}");
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// What became of each block, of the user's and of the tools' too, a line each.
    pub lines: Vec<Line>,
    /// What else there is to know.
    pub notes: Vec<Note>,
}

/// What became of one block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Line {
    /// The entry of the history, from 0.
    pub entry: usize,
    /// The block in it, from 0.
    pub block: usize,
    /// The type of the block.
    pub kind: Text,
    /// Where it is in the request, if it is: the message or item.
    pub message: Option<usize>,
    /// Where it is in the content of that message, if it has blocks.
    pub content: Option<usize>,
    /// What became of it.
    pub action: Action,
}

/// What became of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// It goes out as it was received.
    Kept,
    /// It goes out as it was received, but the API does not show it to the model.
    Ignored(Reason),
    /// It does not go out.
    Dropped(Reason),
    /// It goes out with a mark for the cache, that lives so long.
    Marked(Ttl),
}

/// Why a block does not go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// It was cut, or is not signed: the API would refuse it.
    NotReplayable,
    /// It was cut, and its text goes out as the entry behind it: [`resume`](super::History::resume),
    /// [`keep_cut_text`](super::History::keep_cut_text).
    SaidBehind,
    /// What it was cut with cannot be gone on from: a call that has no answer, thinking that led to
    /// nothing.
    Cut,
    /// The reply was refused: what was written before must not be used.
    Refused,
    /// Text without any text.
    EmptyText,
    /// It stands before a fallback to another model, which cannot go on from it.
    BeforeFallback,
    /// It stands before a compaction block, which has all that is read of it.
    BeforeCompaction,
    /// Thinking from before the watermark, which a note explains.
    BeforeWatermark,
    /// Thinking of an earlier turn, which the model drops from its context.
    EarlierTurn,
    /// Thinking with which a message would end: the API would refuse it.
    Last,
    /// Thinking, in a request that turns thinking off.
    ThinkingOff,
    /// Of another provider, which only that one can read.
    OtherProvider,
    /// Of the same API, but somebody else's.
    OtherIssuer,
    /// Signed for another account.
    OtherAccount,
    /// Another model's, which the target cannot read.
    OtherModel,
    /// The API has refused it before.
    Rejected,
    /// Reasoning that the server does not take back.
    NotTaken,
    /// The answer to a call that does not go out.
    Unasked,
    /// A call of a tool that the provider runs without its result, or a result without its call.
    Unpaired,
    /// Reasoning without its encrypted content, which a provider that stores nothing cannot find.
    NotEncrypted,
}

/// What else there is to know of a rendering.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Note {
    /// The tool loop in progress has lost its thinking, or never had any where it must begin with it.
    LoopWithoutThinking {
        /// What will happen.
        consequence: Text,
    },
    /// Nothing of a reply goes out.
    EmptyReply {
        /// The entry of the history.
        entry: usize,
    },
    /// A call of a finished reply has no answer.
    Unanswered {
        /// The id of the call.
        id: Text,
    },
    /// A call has an answer more than it can have, and the API refuses that: for each such answer. As of a tool that
    /// came back after it was said not to have run; [`repair`](super::repair) keeps the first.
    AnsweredAgain {
        /// The id of the call.
        id: Text,
    },
    /// An answer is to a call that nobody has made, and the API refuses that.
    NotAsked {
        /// The id that it names.
        id: Text,
    },
    /// A reply was refused, and does not go out; what it was asked does, with what the user said since, and may well be
    /// refused again. A [`fork`](super::History::fork) from before it leaves it out.
    AskedAgain {
        /// The entry of the reply.
        entry: usize,
    },
    /// The last words are the model's own, for [`resume`](super::History::resume) was told of a target that goes on
    /// from them, and this one does not: resume again, with this one.
    PrefillNotTaken,
    /// Thinking before this entry does not go out any more.
    Watermark {
        /// The entry of the history.
        entry: usize,
        /// Why the watermark was moved there.
        why: Text,
    },
    /// An edit is left to the API.
    ServerSide {
        /// The type of the edit.
        edit: Text,
    },
    /// There was no room for another mark, or no block to set it on.
    NotMarked {
        /// Why.
        why: Text,
    },
    /// The last block of the system prompt shall carry a mark for the cache: `Rendered::system_mark`.
    SystemMark {
        /// How long it lives.
        ttl: Ttl,
    },
    /// The table does not know the target, so that nothing is certain of what it reads.
    UnknownModel {
        /// The target.
        model: Text,
    },
    /// Signatures of this model are bound to an account, which the history or the target does not name.
    AccountUnstated {
        /// The model that signed.
        model: Text,
    },
    /// What a call was signed with does not go out, for it is another model's: Gemini refuses the calls of its own
    /// that come back without.
    SignatureLeftOut {
        /// The id of the call.
        id: Text,
    },
    /// Gemini wants a call signed that another model made: it goes out with what Google names for that.
    CallUnsigned {
        /// The id of the call.
        id: Text,
    },
    /// A model has called by a name that no tool of the target can have: the call goes out by another.
    CallRenamed {
        /// The id of the call.
        id: Text,
        /// The name by which it goes out.
        name: Text,
    },
    /// Mistral refuses a user who speaks right behind the answers of tools: the model is taken to have said a word
    /// between.
    ReplyPutIn {
        /// The place of that reply in what was rendered.
        message: usize,
    },
    /// A tool has failed, and `OpenAI`'s APIs have no field that says so: the model knows only what the result
    /// says.
    ErrorUnsaid {
        /// The id of the call.
        id: Text,
    },
}

impl Report {
    /// The thinking that does not go out, and why.
    pub fn dropped_thinking(&self) -> impl Iterator<Item = (&Line, Reason)> {
        self.lines.iter().filter(|line| line.is_thinking()).filter_map(|line| match line.action {
            Action::Dropped(reason) => Some((line, reason)),
            _ => None,
        })
    }

    /// The thinking that goes out, also what the API does not show to the model.
    pub fn kept_thinking(&self) -> impl Iterator<Item = &Line> {
        let out = |line: &&Line| matches!(line.action, Action::Kept | Action::Ignored(_));
        self.lines.iter().filter(|line| line.is_thinking()).filter(out)
    }

    /// The thinking that goes out, but that the API does not show to the model, and why.
    pub fn ignored_thinking(&self) -> impl Iterator<Item = (&Line, Reason)> {
        self.lines.iter().filter_map(|line| match line.action {
            Action::Ignored(reason) => Some((line, reason)),
            _ => None,
        })
    }

    /// The marks that were set on messages. That of the system prompt is a [`Note`].
    pub fn marks(&self) -> impl Iterator<Item = (&Line, Ttl)> {
        self.lines.iter().filter_map(|line| match line.action {
            Action::Marked(ttl) => Some((line, ttl)),
            _ => None,
        })
    }

    pub(super) fn line(
        &mut self,
        (entry, block): (usize, usize),
        kind: &str,
        at: Option<(usize, Option<usize>)>,
        action: Action,
    ) {
        let (message, content) = (at.map(|(message, _)| message), at.and_then(|(_, block)| block));
        self.lines.push(Line { entry, block, kind: kind.into(), message, content, action });
    }
}

impl Line {
    /// Whether the block is thinking, readable or not.
    #[must_use]
    pub fn is_thinking(&self) -> bool {
        matches!(self.kind.as_str(), "thinking" | "redacted_thinking" | "reasoning")
    }
}

impl Reason {
    /// The reason, in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotReplayable => "cut or not signed, which the API refuses",
            Self::SaidBehind => "cut, and its text goes out as the next entry",
            Self::Cut => "the reply was cut behind what can be gone on from",
            Self::Refused => "the reply was refused",
            Self::EmptyText => "empty text, which the API refuses",
            Self::BeforeFallback => "before the fallback to another model, which cannot read it",
            Self::BeforeCompaction => "before the compaction, which has what is read of it",
            Self::BeforeWatermark => "before the watermark",
            Self::EarlierTurn => "the model drops the thinking of earlier turns",
            Self::Last => "a message may not end with thinking",
            Self::ThinkingOff => "the request turns thinking off",
            Self::OtherProvider => "another provider's",
            Self::OtherIssuer => "another issuer's",
            Self::OtherAccount => "signed for another account",
            Self::OtherModel => "another model's",
            Self::Rejected => "refused by the API before",
            Self::NotTaken => "not taken back by the server",
            Self::Unasked => "the answer to a call that does not go out",
            Self::Unpaired => "a call of the provider's tools without its result, or the reverse",
            Self::NotEncrypted => "without encrypted content, and nothing is stored",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}, block {}, {}: ", self.entry, self.block, self.kind)?;
        match self.action {
            Action::Kept => f.write_str("kept")?,
            Action::Ignored(reason) => write!(f, "sent, but not read: {reason}")?,
            Action::Dropped(reason) => write!(f, "dropped: {reason}")?,
            Action::Marked(ttl) => write!(f, "the cache is marked, for {}", ttl.as_str())?,
        }
        match (self.message, self.content) {
            (Some(message), Some(content)) => {
                write!(f, " ($.messages[{message}].content[{content}])")
            }
            (Some(message), None) => write!(f, " (item {message})"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoopWithoutThinking { consequence } => {
                write!(f, "the tool loop in progress is without its thinking: {consequence}")
            }
            Self::EmptyReply { entry } => write!(f, "entry {entry}: nothing of the reply goes out"),
            Self::Unanswered { id } => write!(f, "the call {:?} has no answer", id.as_str()),
            Self::AnsweredAgain { id } => {
                write!(f, "the call {:?} has an answer too many", id.as_str())
            }
            Self::NotAsked { id } => write!(f, "an answer is to no call: {:?}", id.as_str()),
            Self::AskedAgain { entry } => {
                write!(
                    f,
                    "entry {entry}: the reply was refused, and what it was asked goes out again"
                )
            }
            Self::PrefillNotTaken => f.write_str(
                "the last words are the model's own, and this one does not go on from them",
            ),
            Self::Watermark { entry, why } => {
                write!(f, "thinking before entry {entry} does not go out any more: {why}")
            }
            Self::ServerSide { edit } => write!(f, "left to the API: {edit}"),
            Self::NotMarked { why } => write!(f, "a mark was not set: {why}"),
            Self::SystemMark { ttl } => {
                write!(f, "the system prompt shall be marked for the cache, for {}", ttl.as_str())
            }
            Self::UnknownModel { model } => {
                write!(f, "nothing is known of {:?}, and what it reads is a guess", model.as_str())
            }
            Self::SignatureLeftOut { id } => write!(
                f,
                "the call {:?} goes out without its signature, which is another model's",
                id.as_str()
            ),
            Self::CallUnsigned { id } => {
                write!(f, "the call {:?} tells Gemini to look for no signature", id.as_str())
            }
            Self::CallRenamed { id, name } => {
                write!(f, "the call {:?} goes out by the name {:?}", id.as_str(), name.as_str())
            }
            Self::ReplyPutIn { message } => {
                write!(
                    f,
                    "a reply was put in at {message}, between the answers of tools and the user"
                )
            }
            Self::ErrorUnsaid { id } => write!(
                f,
                "the API has no field for the failure of {:?}: only the result can say it",
                id.as_str()
            ),
            Self::AccountUnstated { model } => write!(
                f,
                "signatures of {:?} are bound to an account, which is not stated on both sides",
                model.as_str()
            ),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ignored, dropped) = (self.ignored_thinking().count(), self.dropped_thinking().count());
        let kept = self.kept_thinking().count().saturating_sub(ignored);
        write!(f, "thinking: {kept} kept, ")?;
        if ignored > 0 {
            write!(f, "{ignored} sent but not read, ")?;
        }
        writeln!(f, "{dropped} dropped")?;
        for line in
            self.lines.iter().filter(|line| line.is_thinking() || line.action != Action::Kept)
        {
            writeln!(f, "{line}")?;
        }
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        Ok(())
    }
}
