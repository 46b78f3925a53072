//! What would mend a request.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::{Effort, RequestParams, Thinking, ToolChoice};
use crate::json::Json;
use crate::json::edit::{raw_member, with_member, without_member};
use crate::text::Text;

/// A mechanical remedy for a [`ThinkingError`](super::ThinkingError). It is described by `Display`, and
/// done only when asked for. One after the other, they come to an end in a few steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fix {
    /// Ask for this in place of what was asked for.
    Thinking(Thinking),
    /// This effort, or none.
    Effort(Option<Effort>),
    /// Set `max_tokens`.
    MaxTokens(u64),
    /// Raise `max_tokens`, so that the answer keeps the room it had beside the budget.
    RaiseMaxTokens(u64),
    /// Leave a parameter out.
    Remove(Text),
    /// Do not force a tool.
    ToolChoiceAuto,
}

impl Fix {
    /// Whether it changes what was asked of the model: `off` to thinking, a budget to an effort. A program
    /// that mends by itself may want to stop there, and ask.
    #[must_use]
    pub fn changes_thinking(&self) -> bool {
        matches!(self, Self::Thinking(_) | Self::Effort(_))
    }

    /// Does it. [`RequestParams::write_to`] and
    /// [`ThinkingRequest::write_to`](super::ThinkingRequest::write_to) then bring it into a request.
    pub fn apply(&self, thinking: &mut Thinking, params: &mut RequestParams) {
        match self {
            Self::Thinking(nearest) => *thinking = nearest.clone(),
            Self::Effort(effort) => {
                match thinking {
                    Thinking::Effort(_) => {
                        *thinking = effort.map_or(Thinking::On, Thinking::Effort);
                    }
                    Thinking::Adaptive(Some(_)) => *thinking = Thinking::Adaptive(*effort),
                    Thinking::Raw(raw) => {
                        let name = effort.map(|effort| alloc::format!("\"{effort}\""));
                        edit(raw, "effort", name.as_deref());
                    }
                    _ => {}
                }
                params.effort = params.effort.and(*effort);
                if effort.is_none() {
                    params.removed.push("output_config.effort".into());
                }
            }
            Self::MaxTokens(tokens) | Self::RaiseMaxTokens(tokens) => {
                params.max_tokens = Some(*tokens);
            }
            Self::ToolChoiceAuto => params.tool_choice = ToolChoice::Auto,
            Self::Remove(name) => {
                match name.as_str() {
                    "temperature" => params.temperature = None,
                    "top_p" => params.top_p = None,
                    "top_k" => params.top_k = None,
                    "display" => params.display = None,
                    "block_binding" => params.prefix_mismatch = None,
                    "reasoning.summary" => params.summary = None,
                    _ => params.others.retain(|other| other != name),
                }
                if let Thinking::Raw(raw) = thinking {
                    let member = name.strip_prefix("reasoning.").unwrap_or(name);
                    edit(raw, member, None);
                }
                params.removed.push(name.clone());
            }
        }
    }
}

/// Sets a member of an object that is there, or takes it out.
fn edit(raw: &mut Json, member: &str, value: Option<&str>) {
    if raw_member(raw, member).is_none() {
        return;
    }
    let edited = match value {
        Some(value) => with_member(raw, member, value),
        None => without_member(raw, member),
    };
    if let Ok(edited) = edited {
        *raw = Json::checked(edited);
    }
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Thinking(nearest) => write!(f, "ask for `{nearest}`"),
            Self::Effort(Some(effort)) => write!(f, "set the effort to {effort}"),
            Self::Effort(None) => f.write_str("name no effort"),
            Self::MaxTokens(tokens) => write!(f, "set `max_tokens` to {tokens}"),
            Self::RaiseMaxTokens(tokens) => write!(f, "raise `max_tokens` to {tokens}"),
            Self::Remove(name) => write!(f, "leave `{name}` out"),
            Self::ToolChoiceAuto => f.write_str("set `tool_choice` to auto"),
        }
    }
}
