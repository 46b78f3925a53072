//! What a reply cost, in tokens.

use alloc::vec::Vec;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::json::Json;
use crate::text::Text;

/// Token counts as the provider reported them. Absent is not zero.
///
/// Providers report running totals, more than once: a later value that is present replaces the
/// earlier one, field by field, and nothing is ever added up. Totals may fall (after a compaction)
/// as well as rise (in a loop of server tools).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Usage {
    /// Input tokens that were neither read from nor written to the cache.
    pub input_tokens: Option<u64>,
    /// Output tokens, thinking included. Before the end a placeholder of the server.
    pub output_tokens: Option<u64>,
    /// Input tokens read from the cache.
    pub cache_read_input_tokens: Option<u64>,
    /// Input tokens written to the cache, for all lifetimes.
    pub cache_creation_input_tokens: Option<u64>,
    /// The cache writes by lifetime.
    pub cache_creation: CacheCreation,
    /// The part of `output_tokens` that was thinking.
    pub thinking_tokens: Option<u64>,
    /// Calls of the provider's own tools, as received.
    pub server_tool_use: Option<Json>,
    /// The tier that served the request (`standard`, `priority`, `batch`).
    pub service_tier: Option<Text>,
    /// What else the provider reported, by key, as received: `iterations`, `inference_geo`, …
    pub other: Vec<(Text, Json)>,
}

/// Input tokens written to the cache, by how long they live there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CacheCreation {
    /// Written with a lifetime of five minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral_5m_input_tokens: Option<u64>,
    /// Written with a lifetime of one hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral_1h_input_tokens: Option<u64>,
}

impl Usage {
    /// The whole prompt in tokens: uncached, read from the cache and written to it.
    ///
    /// `None` if the provider reported none of the three.
    #[must_use]
    pub fn total_input_tokens(&self) -> Option<u64> {
        [self.input_tokens, self.cache_read_input_tokens, self.cache_creation_input_tokens]
            .into_iter()
            .flatten()
            .reduce(u64::saturating_add)
    }

    /// Replaces every field that `later` has.
    pub(crate) fn replace_with(&mut self, later: Self) {
        fn set<T>(field: &mut Option<T>, later: Option<T>) {
            if later.is_some() {
                *field = later;
            }
        }
        set(&mut self.input_tokens, later.input_tokens);
        set(&mut self.output_tokens, later.output_tokens);
        set(&mut self.cache_read_input_tokens, later.cache_read_input_tokens);
        set(&mut self.cache_creation_input_tokens, later.cache_creation_input_tokens);
        let CacheCreation { ephemeral_5m_input_tokens, ephemeral_1h_input_tokens } =
            later.cache_creation;
        set(&mut self.cache_creation.ephemeral_5m_input_tokens, ephemeral_5m_input_tokens);
        set(&mut self.cache_creation.ephemeral_1h_input_tokens, ephemeral_1h_input_tokens);
        set(&mut self.thinking_tokens, later.thinking_tokens);
        set(&mut self.server_tool_use, later.server_tool_use);
        set(&mut self.service_tier, later.service_tier);
        for (key, value) in later.other {
            replace(&mut self.other, key, value);
        }
    }
}

/// Sets the value of a key. The keys are few: a sender who invents thousands is not followed.
pub(crate) fn replace(pairs: &mut Vec<(Text, Json)>, key: Text, value: Json) {
    let full = pairs.len() >= KEYS;
    match pairs.iter_mut().find(|(known, _)| *known == key) {
        Some((_, old)) => *old = value,
        None if full => {}
        None => pairs.push((key, value)),
    }
}

/// Unknown keys that are kept. The provider has about a dozen.
const KEYS: usize = 64;

impl Serialize for Usage {
    /// With the provider's names; what is absent is left out.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let counts = [
            ("input_tokens", self.input_tokens),
            ("output_tokens", self.output_tokens),
            ("cache_read_input_tokens", self.cache_read_input_tokens),
            ("cache_creation_input_tokens", self.cache_creation_input_tokens),
            ("thinking_tokens", self.thinking_tokens),
        ];
        for (key, count) in counts {
            if let Some(count) = count {
                map.serialize_entry(key, &count)?;
            }
        }
        if self.cache_creation != CacheCreation::default() {
            map.serialize_entry("cache_creation", &self.cache_creation)?;
        }
        if let Some(calls) = &self.server_tool_use {
            map.serialize_entry("server_tool_use", calls)?;
        }
        if let Some(tier) = &self.service_tier {
            map.serialize_entry("service_tier", tier)?;
        }
        for (key, value) in &self.other {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_replaces_absent_keeps() {
        let mut usage = Usage {
            input_tokens: Some(10),
            output_tokens: Some(1),
            cache_read_input_tokens: Some(1000),
            cache_creation: CacheCreation {
                ephemeral_5m_input_tokens: Some(200),
                ephemeral_1h_input_tokens: Some(300),
            },
            ..Usage::default()
        };
        for output in [5, 42, 41] {
            usage.replace_with(Usage { output_tokens: Some(output), ..Usage::default() });
            assert_eq!(usage.output_tokens, Some(output));
        }
        assert_eq!(usage.total_input_tokens(), Some(1010));
        assert_eq!(usage.cache_creation.ephemeral_1h_input_tokens, Some(300));
        assert_eq!(usage.thinking_tokens, None);
    }
}
