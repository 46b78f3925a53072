//! What each model takes and does, as a table that is data.
//!
//! A request is refused, or signed thinking lost, by rules that differ from model to model and change
//! with nearly every one. So they are not in the code: the tables below are the very text that
//! [`Model::find`] reads, one row a family, each with its source. What a table does not know is said to be
//! unknown, and [stated by the caller](Model#a-model-that-the-table-does-not-know).
//!
//! # Anthropic
//!
#![doc = include_str!("anthropic.md")]
//!
//! - *modes*: the `thinking.type`s that are taken. `disabled≤high`: only up to that effort. `enabled` is
//!   deprecated where `adaptive` is taken too.
//! - *unasked*: whether the model thinks if the request says nothing of it.
//! - *forced tools*: whether a `tool_choice` of `any` or `tool` goes with thinking; `adaptive`: with that
//!   mode only; `?`: not documented, and so not refused here.
//! - *sampling*: `free`: with thinking `temperature` is 1, `top_p` from 0.95 and `top_k` absent, without it
//!   they are free; `fixed`: always `temperature` 1, `top_p` from 0.99, no `top_k`. From the API version
//!   2026-10-21 on all three are refused everywhere.
//! - *prefill*: whether the messages may end with one of the assistant, while it does not think.
//! - *interleaved*: thinking between tool calls; `auto`: in adaptive mode by itself; `header`: in the mode
//!   `enabled` with the beta header `interleaved-thinking-2025-05-14`.
//! - *keeps*: whether thinking of earlier turns stays in the context. If not, it is dropped by the API as
//!   soon as a user's own message follows.
//! - *bound to*: what a signature is valid for only. `prefix`: the system prompt, the tools and all that
//!   stands before it, unchanged; `unchecked`: it is recorded, but not checked; `account`: the account
//!   that it was written for.
//! - *foreign*: what becomes of signed thinking that the model cannot read: `dropped` by the API, silently,
//!   and not billed; or the whole request `refused`. What `claude-opus-4-8` thought may be sent to
//!   `claude-opus-5-5`, which does not see it; sent to `claude-sonnet-5` it costs the request.
//! - *min budget*, *max output*, *min cache*: tokens; below the last nothing is cached, silently.
//! - *source*: pages of Anthropic's documentation, as of November 2026: [models], [thinking] (for older
//!   models [extended thinking]), [effort], [preserved thinking].
//!
//! [models]: https://platform.claude.com/docs/en/about-claude/models/overview
//! [thinking]: https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking
//! [extended thinking]: https://platform.claude.com/docs/en/build-with-claude/extended-thinking
//! [effort]: https://platform.claude.com/docs/en/build-with-claude/effort
//! [preserved thinking]: https://platform.claude.com/docs/en/build-with-claude/preserved-thinking
//!
//! # `OpenAI`
//!
#![doc = include_str!("openai.md")]
//!
//! - *off*: whether the effort `none` is taken.
//! - *sampling*: whether `temperature`, `top_p`, `presence_penalty`, `frequency_penalty`, `logprobs`,
//!   `top_logprobs` and `logit_bias` are taken.
//! - *tools in a chat*: whether the Chat Completions API takes function tools. `without reasoning`: only beside the
//!   effort `none`, or none at all where the model does not think unasked; the Responses API takes both.
//! - *source*: pages of `OpenAI`'s documentation: models, reasoning; the card of a model with open weights; or
//!   *refusals*: what its APIs are seen to refuse with a 400, whose text names what they take. That changes, and is
//!   not the same for every account.
//!
//! # Reasoning in chats
//!
//! Nothing of `OpenAI`'s own reasoning goes back in a chat. Of those who speak its protocol some want their
//! plain reasoning back, and some refuse it. What is signed or structured goes back to whom it is from. The same
//! vendors want their thinking back where they speak as Anthropic does, also if nobody signed it.
//!
#![doc = include_str!("replay.md")]

mod effort;
mod replay;
mod row;
mod vendor;

pub use self::effort::{Effort, UnknownEffort};
pub use self::replay::Replay;
pub(crate) use self::vendor::{other_vendor, vendor};

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// What a family of models takes and does: a row of the [tables](self).
///
/// # A model that the table does not know
///
/// Names say nothing of models behind a gateway, a deployment or an ARN. Start from the model that it is
/// like, or from `Model::default()`, which can do nothing, change what differs, and give it to [`RequestParams`](crate::request::RequestParams::model)
/// and [`Target`](crate::history::Target::model_is):
///
/// ```
/// use thinkstream::models::Model;
///
/// let mut model = Model::find("claude-opus-4-8").unwrap();
/// model.max_output_tokens = Some(32_000);
/// assert!(model.adaptive && !model.enabled);
/// assert_eq!(Model::find("anthropic/claude-opus-4.8:thinking").unwrap().family, "claude-opus-4-8");
/// assert_eq!(Model::find("claude-opus-9"), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Model {
    /// The family, as its ids begin.
    pub family: Text,
    /// Whose model it is.
    pub maker: Maker,
    /// It takes `{"type":"adaptive"}`: it decides how much to think, guided by an effort. Of `OpenAI`'s:
    /// it reasons.
    pub adaptive: bool,
    /// It takes `{"type":"enabled"}` with a budget of tokens.
    pub enabled: bool,
    /// It takes `{"type":"between_tools"}`.
    pub between_tools: bool,
    /// Its thinking can be turned off.
    pub disabled: bool,
    /// The highest effort with which it can be turned off; `None`: any.
    pub disabled_up_to: Option<Effort>,
    /// It thinks if the request says nothing of it.
    pub thinks_unasked: bool,
    /// The efforts that it takes, from the lowest.
    pub efforts: Vec<Effort>,
    /// Its effort if the request names none.
    pub default_effort: Option<Effort>,
    /// Whether it withholds the text of its thinking unless the request says `"display":"summarized"`.
    pub omits_thinking: bool,
    /// Whether a tool may be forced while it thinks.
    pub forced_tools: ForcedTools,
    /// Which sampling parameters it takes.
    pub sampling: Sampling,
    /// Whether `OpenAI`'s chat takes its function tools only while it does not reason. The Responses API takes both.
    pub chat_tools_need_no_reasoning: bool,
    /// Whether the messages may end with one of the assistant, for it to go on from.
    pub prefill: bool,
    /// Whether it thinks between tool calls in adaptive mode by itself.
    pub interleaves: bool,
    /// Whether it does in the mode `enabled`, with a beta header.
    pub interleaves_with_header: bool,
    /// Whether the thinking of earlier turns stays in its context (and is billed as input).
    pub keeps_thinking: bool,
    /// Whether its signatures are valid only behind the same system prompt, tools and messages.
    pub bound_to_prefix: bool,
    /// Whether its signatures are valid only for the account they were written for.
    pub bound_to_account: bool,
    /// Whether the API drops, silently, what of another model's thinking it cannot read. If not, it may
    /// refuse the request.
    pub drops_foreign_thinking: bool,
    /// The smallest budget of thinking, in tokens.
    pub min_budget_tokens: u64,
    /// The most tokens that it writes, thinking included.
    pub max_output_tokens: Option<u64>,
    /// The shortest prefix that is cached, in tokens.
    pub min_cacheable_tokens: Option<u64>,
    /// Parameters that it refuses beside those of `sampling`.
    pub refused_params: Vec<Text>,
    /// Where the row is from.
    pub source: Text,
}

/// Whose model it is, and so which parameters ask it to think.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Maker {
    /// `thinking` and `output_config.effort`.
    #[default]
    Anthropic,
    /// `reasoning` or `reasoning_effort`.
    #[serde(rename = "openai")]
    OpenAi,
}

/// Whether a tool may be forced (`tool_choice` of `any` or `tool`) while a model thinks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ForcedTools {
    /// It may, as far as is known.
    #[default]
    Allowed,
    /// In adaptive mode only.
    WithAdaptive,
    /// It may not.
    Refused,
}

/// Which sampling parameters a model takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Sampling {
    /// All; of Anthropic's models while they do not think. While they do: `temperature` 1, `top_p` from
    /// 0.95, no `top_k`.
    #[default]
    Free,
    /// `temperature` 1, `top_p` from 0.99, no `top_k`.
    Fixed,
    /// All, if it does not reason.
    WithoutReasoning,
    /// None.
    Refused,
}

impl Model {
    /// The row for a model id, as the provider, a cloud or a router writes it.
    ///
    /// Dates, versions and regions are not part of a family (`us.anthropic.claude-opus-4-5-20251101-v1:0`
    /// is `claude-opus-4-5`), but a family that merely begins alike is another: `None`.
    #[must_use]
    pub fn find(id: &str) -> Option<Self> {
        let name = family(id);
        Self::rows().find(|(names, _)| names.split(' ').any(|known| known == name)).and_then(
            |(_, row)| {
                let mut model = row.read()?;
                model.family = name.as_str().into();
                Some(model)
            },
        )
    }

    /// All rows, in the order of the tables.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::rows().filter_map(|(_, row)| row.read())
    }

    /// Whether two ids are of one family, by the table or else by their names.
    #[must_use]
    pub fn same_family(one: &str, other: &str) -> bool {
        let name = |id| {
            let name = family(id);
            // Only of Anthropic's has a row several names for one family.
            let aliases = row::rows(Maker::Anthropic, include_str!("anthropic.md"))
                .map(|(names, _)| names)
                .find(|names| names.split(' ').any(|known| known == name));
            aliases.map_or(name, String::from)
        };
        one == other || name(one) == name(other)
    }

    /// The effort it takes that is nearest to `effort`: the next lower one, or else its lowest.
    #[must_use]
    pub fn nearest_effort(&self, effort: Effort) -> Option<Effort> {
        let lower = self.efforts.iter().rev().find(|known| **known <= effort);
        lower.or(self.efforts.first()).copied()
    }

    fn rows() -> impl Iterator<Item = (&'static str, row::Row)> {
        let anthropic = row::rows(Maker::Anthropic, include_str!("anthropic.md"));
        anthropic.chain(row::rows(Maker::OpenAi, include_str!("openai.md")))
    }
}

/// The family that an id names: without the way there, without its date and its version.
fn family(id: &str) -> String {
    let mut name = strip(id);
    let anthropic = name.find("claude-");
    if let Some(behind) = anthropic.and_then(|start| name.get(start..)) {
        // `claude-opus-4.5` is a router's.
        name = name_first(&behind.replace('.', "-"));
    }
    let end = name.find(['@', ':', '[']).unwrap_or(name.len());
    name.truncate(end);
    let mut rest = name.as_str();
    while let Some((shorter, last)) = rest.rsplit_once('-') {
        if !is_version(last) {
            break;
        }
        rest = shorter;
    }
    // `07-09`.
    let mut parts = rest.rsplitn(3, '-');
    if let (Some(day), Some(month), Some(before)) = (parts.next(), parts.next(), parts.next())
        && [day, month].into_iter().all(|part| part.len() == 2 && digits(part).is_some())
        && anthropic.is_none()
        && before.rsplit('-').next().is_none_or(|year| digits(year) != Some(4))
    {
        rest = before;
    }
    // `2025-11-13`.
    let mut parts = rest.rsplitn(4, '-');
    if let (Some(day), Some(month), Some(year), Some(before)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
        && [day, month, year].into_iter().map(digits).eq([Some(2), Some(2), Some(4)])
    {
        rest = before;
    }
    rest.into()
}

/// `claude-opus-4-5`, where a router has it as `claude-4-5-opus`. Anthropic named models so before their fourth
/// generation.
fn name_first(name: &str) -> String {
    let mut parts: Vec<&str> = name.split('-').collect();
    let is_number = |part: &&str| part.len() < 3 && digits(part).is_some();
    let numbers = parts.iter().skip(1).take_while(|part| is_number(part)).count();
    let new = parts.get(1).and_then(|major| major.parse().ok()).is_some_and(|major: u32| major > 3);
    let named = numbers.saturating_add(1);
    if new && let Some(own) = parts.get_mut(1..=named) {
        own.rotate_right(1);
    }
    parts.join("-")
}

/// Whether two ids begin with the same word: `gemini-3-pro-preview` and `gemini-flash-latest`.
pub(crate) fn same_line(one: &str, other: &str) -> bool {
    let line = |id| strip(id).split('-').next().map(String::from);
    line(one) == line(other)
}

/// An id without the way there: `us.anthropic.claude-opus-4-5` of Bedrock too, and `deepseek-r1` for its `deepseek.r1`.
pub(crate) fn strip(id: &str) -> String {
    let name = id.rsplit('/').next().unwrap_or(id).trim().to_ascii_lowercase();
    let mut rest = name.as_str();
    while let Some((before, behind)) = rest.split_once('.') {
        if !before.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-') {
            break;
        }
        let region = matches!(before, "us" | "us-gov" | "eu" | "apac" | "jp" | "au" | "global");
        if !region && vendor::of(behind).is_none() {
            return format!("{before}-{behind}");
        }
        rest = behind;
    }
    rest.into()
}

/// `20251101`, `v1`, `latest`.
fn is_version(part: &str) -> bool {
    let numbered = |part: &str| digits(part).is_some();
    // `0613` is a day of some year.
    let day = digits(part) == Some(4) && part.starts_with(['0', '1']);
    day || part == "latest"
        || digits(part) == Some(8)
        || part.strip_prefix('v').is_some_and(numbered)
}

/// How many digits it is, if it is nothing else.
fn digits(part: &str) -> Option<usize> {
    let all = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    all.then_some(part.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read() {
        let (mut rows, mut names) = (0, 0);
        for (known, row) in Model::rows() {
            let model = row.read().unwrap_or_else(|| panic!("{known}"));
            assert!(!model.source.is_empty(), "{known}");
            assert!(!model.thinks_unasked || model.adaptive, "{known} thinks, in no mode");
            assert_eq!(model.enabled, model.min_budget_tokens > 0, "{known}: budgets");
            assert!(model.efforts.is_sorted(), "{known}");
            let effort = model.default_effort;
            assert!(effort.is_none_or(|effort| model.efforts.contains(&effort)), "{known}");
            for name in known.split(' ') {
                assert_eq!(Model::find(name).unwrap().family, name);
                names += 1;
            }
            rows += 1;
        }
        assert_eq!(rows, Model::all().count());
        let mut all: Vec<_> = Model::rows().flat_map(|(known, _)| known.split(' ')).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), names, "a family has two rows");
    }

    #[test]
    fn ids_of_all_carriers() {
        for (id, name) in [
            ("claude-opus-4-5", Some("claude-opus-4-5")),
            ("claude-opus-4-5-20251101", Some("claude-opus-4-5")),
            ("us.anthropic.claude-opus-4-5-20251101-v1:0", Some("claude-opus-4-5")),
            ("anthropic.claude-opus-4-6-v1", Some("claude-opus-4-6")),
            ("claude-opus-4-5@20251101", Some("claude-opus-4-5")),
            ("publishers/anthropic/models/claude-sonnet-5", Some("claude-sonnet-5")),
            ("anthropic/claude-opus-4.5", Some("claude-opus-4-5")),
            ("anthropic/claude-3.7-sonnet:thinking", Some("claude-3-7-sonnet")),
            ("claude-3-7-sonnet-latest", Some("claude-3-7-sonnet")),
            ("Claude-Sonnet-4-20250514", Some("claude-sonnet-4")),
            ("claude-opus-4-0", Some("claude-opus-4-0")),
            ("claude-opus-4-6[1m]", Some("claude-opus-4-6")),
            ("anthropic/claude-4.5-sonnet-20250929", Some("claude-sonnet-4-5")),
            ("anthropic/claude-4-sonnet-20250522", Some("claude-sonnet-4")),
            ("anthropic/claude-4.6-opus-20260205", Some("claude-opus-4-6")),
            ("claude-4-5", None),
            ("claude-opus-4-9", None),
            ("claude-opus-5-6", None),
            ("claude-opus", None),
            ("", None),
            ("-", None),
            ("gpt-5.1-2025-11-13", Some("gpt-5.1")),
            ("openai/gpt-5-mini", Some("gpt-5-mini")),
            ("gpt-5-pro-2025-10-06", Some("gpt-5-pro")),
            ("gpt-5-chat-latest", Some("gpt-5-chat")),
            ("o3-mini-2025-01-31", Some("o3-mini")),
            ("gpt-4-0613", Some("gpt-4")),
            ("gpt-3.5-turbo-0125", Some("gpt-3.5-turbo")),
            ("o3-pro", None),
            ("gpt-5.2-codex", Some("gpt-5.2-codex")),
            ("gpt-5.4-pro-2026-03-05", Some("gpt-5.4-pro")),
            ("openai/gpt-oss-120b", Some("gpt-oss-120b")),
            ("gpt-5.3-codex-spark", None),
            ("deepseek-chat", None),
        ] {
            let found = Model::find(id).map(|model| model.family);
            assert_eq!(found.as_deref(), name, "{id}");
        }
        assert!(Model::same_family("claude-opus-4-5", "anthropic/claude-opus-4.5"));
        assert!(!Model::same_family("claude-opus-4-5", "claude-opus-4-6"));
        assert!(Model::same_family("claude-sonnet-4-0", "claude-sonnet-4-20250514"));
        assert!(!Model::same_family("gpt-5", "gpt-5-mini"));
        assert!(Model::same_family("x-ai/grok-4-07-09", "x-ai/grok-4"));
        assert!(Model::same_family("gemini-2.5-pro-preview-05-06", "gemini-2.5-pro-preview"));
        assert!(!Model::same_family("qwen3-30-80", "qwen3-30-81-x"));
    }
}
