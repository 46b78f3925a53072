//! How hard a model is asked to think.

use core::fmt;
use core::str::FromStr;

use alloc::string::String;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::Text;

/// How hard a model is asked to think, from the least.
///
/// Read from its name, trimmed and in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Effort {
    /// `minimal`: only of some of `OpenAI`'s models.
    Minimal,
    /// `low`.
    Low,
    /// `medium`.
    Medium,
    /// `high`.
    High,
    /// `xhigh`.
    XHigh,
    /// `max`.
    Max,
}

impl Effort {
    /// All efforts, from the least.
    pub const ALL: [Self; 6] =
        [Self::Minimal, Self::Low, Self::Medium, Self::High, Self::XHigh, Self::Max];

    /// The name, as the providers write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// The budget that stands for the effort where a model takes budgets, in tokens.
    ///
    /// `low`, `medium`, `high` and `max` are what people know; `minimal` is the least that the API takes,
    /// and `xhigh` lies half way between its neighbours. Where a model writes less, a request asks for as much as
    /// leaves room for an answer.
    #[must_use]
    pub fn budget_tokens(self) -> u64 {
        match self {
            Self::Minimal => 1_024,
            Self::Low => 2_000,
            Self::Medium => 8_000,
            Self::High => 32_000,
            Self::XHigh => 48_000,
            Self::Max => 64_000,
        }
    }

    /// The effort whose budget is nearest to so many tokens.
    #[must_use]
    pub fn for_budget(tokens: u64) -> Self {
        let distance = |effort: &Self| effort.budget_tokens().abs_diff(tokens);
        Self::ALL.into_iter().min_by_key(distance).unwrap_or(Self::Medium)
    }
}

impl fmt::Display for Effort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Effort {
    type Err = UnknownEffort;

    fn from_str(name: &str) -> Result<Self, UnknownEffort> {
        let is = |effort: &Self| name.trim().eq_ignore_ascii_case(effort.as_str());
        Self::ALL.into_iter().find(is).ok_or_else(|| UnknownEffort { name: name.into() })
    }
}

impl Serialize for Effort {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Effort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A name that is no effort.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnknownEffort {
    /// The name.
    pub name: Text,
}

impl fmt::Display for UnknownEffort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begin = self.name.get(..self.name.len().min(32)).unwrap_or("…");
        write!(f, "{begin:?} is no effort: minimal, low, medium, high, xhigh or max")
    }
}

impl core::error::Error for UnknownEffort {}
