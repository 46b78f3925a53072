//! The words of an error, which are in the program: a copy of them is looked up.

use serde::{Deserialize, Deserializer};

use crate::text::Text;

/// A word that is in the program. Not written as what it is, for then only what is never let go of could be
/// read.
pub(super) type Word = &'static str;

/// `something else` if this version never says it.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Word, D::Error> {
    Text::deserialize(deserializer).map(|word| known(&word))
}

/// The same, where there may be none.
pub(super) fn maybe<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Word>, D::Error> {
    Ok(Option::<Text>::deserialize(deserializer)?.map(|word| known(&word)))
}

fn known(word: &str) -> Word {
    WORDS.into_iter().find(|known| *known == word).unwrap_or(OTHER)
}

/// Modes, parameters and choices of tools that an error names.
const WORDS: [&str; 18] = [
    "adaptive",
    "enabled",
    "between_tools",
    "thinking",
    "reasoning",
    "a budget",
    "thinking between tools",
    "thinking.type",
    "reasoning.effort",
    "output_config.effort",
    "temperature",
    "top_p",
    "top_k",
    "any",
    "tool",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
];

const OTHER: &str = "something else";
