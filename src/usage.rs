//! What a reply cost, in tokens.

use core::fmt;

use alloc::vec::Vec;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::json::Json;
use crate::json::edit::raw_member;
use crate::text::Text;

/// Token counts as the provider reported them. Absent is not zero.
///
/// Providers report running totals, more than once: a later value that is present replaces the
/// earlier one, field by field, and nothing is ever added up. Totals may fall (after a compaction)
/// as well as rise (in a loop of server tools).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Usage {
    /// Input tokens, as the provider counts them: Anthropic those that were neither read from nor
    /// written to the cache, `OpenAI` and those who follow it all of them. See
    /// [`input_includes_cache`](Self::input_includes_cache), or use
    /// [`total_input_tokens`](Self::total_input_tokens) and
    /// [`uncached_input_tokens`](Self::uncached_input_tokens), which mean the same everywhere.
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
    /// Calls of the provider's own tools, as received; typed by
    /// [`server_tool_requests`](Self::server_tool_requests).
    pub server_tool_use: Option<Json>,
    /// The tier that served the request (`standard`, `priority`, `batch`).
    pub service_tier: Option<Text>,
    /// Where the model ran (`global`, `us`, …).
    pub inference_geo: Option<Text>,
    /// How fast the model was asked to run (`standard`, `fast`).
    pub speed: Option<Text>,
    /// The steps of the reply, as received; typed by [`iterations`](Self::iterations).
    pub iterations: Option<Json>,
    /// What became of a credit for an earlier refusal, as received.
    pub fallback_credit: Option<Json>,
    /// What else the provider reported, by key, as received.
    pub other: Vec<(Text, Json)>,
    /// Whether the `input_tokens` have those of the cache among them.
    pub input_includes_cache: bool,
    /// Whether the provider counts thinking apart from its output, as xAI does in chats, and Gemini in the total alone:
    /// it has been added to `output_tokens` then, and the provider's own count is in `other`.
    pub thinking_added: bool,
}

/// Input tokens written to the cache, by how long they live there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct CacheCreation {
    /// Written with a lifetime of five minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral_5m_input_tokens: Option<u64>,
    /// Written with a lifetime of one hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral_1h_input_tokens: Option<u64>,
}

/// Calls of the provider's own tools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ServerToolRequests {
    /// Searches of the web.
    pub web_search_requests: Option<u64>,
    /// Fetches of pages.
    pub web_fetch_requests: Option<u64>,
}

/// One step of a reply that took several: a compaction, an advisor, a model that declined.
///
/// What is billed is the sum over the steps; the totals of the usage leave compaction and advisors
/// out. Source: the `usage.iterations` of the Anthropic Messages API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Iteration {
    /// What it was: `message`, `compaction`, `advisor_message`, `fallback_message`.
    #[serde(rename = "type")]
    pub kind: Text,
    /// The model that ran it.
    pub model: Option<Text>,
    /// Input tokens that were neither read from nor written to the cache.
    pub input_tokens: Option<u64>,
    /// Output tokens.
    pub output_tokens: Option<u64>,
    /// Input tokens read from the cache.
    pub cache_read_input_tokens: Option<u64>,
    /// Input tokens written to the cache.
    pub cache_creation_input_tokens: Option<u64>,
    /// The cache writes by lifetime.
    pub cache_creation: Option<CacheCreation>,
}

impl Usage {
    /// The steps of the reply, if the provider reported them and they are what it documents.
    #[must_use]
    pub fn iterations(&self) -> Option<Vec<Iteration>> {
        serde_json::from_str(self.iterations.as_deref()?).ok()
    }

    /// The tokens, in and out, of the steps that the totals leave out.
    fn beside(&self) -> (u64, u64) {
        let steps = self.iterations().unwrap_or_default();
        let other = |kind: &str| matches!(kind, "compaction" | "advisor_message");
        steps.iter().filter(|step| other(&step.kind)).fold((0, 0), |(input, output), step| {
            let counts =
                [step.input_tokens, step.cache_read_input_tokens, step.cache_creation_input_tokens];
            let read = counts.into_iter().flatten().fold(input, u64::saturating_add);
            (read, output.saturating_add(step.output_tokens.unwrap_or_default()))
        })
    }

    /// The calls of the provider's own tools, if it reported them.
    #[must_use]
    pub fn server_tool_requests(&self) -> Option<ServerToolRequests> {
        serde_json::from_str(self.server_tool_use.as_deref()?).ok()
    }

    /// What was charged for the reply, in US dollars, if the server says so.
    ///
    /// Those who sell many models do: `cost` of `OpenRouter` and of `LiteLLM`, `cost.total_cost` of Perplexity,
    /// `cost_in_usd_ticks` of xAI, of which ten thousand million are a dollar. The providers of the models themselves
    /// mostly state tokens alone.
    ///
    /// ```
    /// let usage: thinkstream::Usage =
    ///     serde_json::from_str(r#"{"output_tokens":80,"cost":0.00094}"#)?;
    /// assert_eq!(usage.cost_usd(), Some(0.00094));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn cost_usd(&self) -> Option<f64> {
        let number = |json: &str| serde_json::from_str::<f64>(json).ok();
        let field = |key: &str| self.other.iter().find(|(known, _)| known == key);
        if let Some((_, cost)) = field("cost") {
            let total = || number(raw_member(cost, "total_cost")?);
            return number(cost).or_else(total);
        }
        let (_, ticks) = field("cost_in_usd_ticks")?;
        Some(number(ticks)? / 1e10)
    }

    /// The whole prompt in tokens: uncached, read from the cache and written to it.
    ///
    /// `None` if the provider reported none of the three.
    #[must_use]
    pub fn total_input_tokens(&self) -> Option<u64> {
        if self.input_includes_cache {
            return self.input_tokens;
        }
        [self.input_tokens, self.cache_read_input_tokens, self.written_tokens()]
            .into_iter()
            .flatten()
            .reduce(u64::saturating_add)
    }

    /// The tokens of the prompt that were neither read from the cache nor written to it.
    #[must_use]
    pub fn uncached_input_tokens(&self) -> Option<u64> {
        let cached = [self.cache_read_input_tokens, self.written_tokens()];
        let cached = cached.into_iter().flatten().fold(0, u64::saturating_add);
        let cached = if self.input_includes_cache { cached } else { 0 };
        self.input_tokens.map(|tokens| tokens.saturating_sub(cached))
    }

    /// Input tokens written to the cache: where the provider reports no sum, that of the lifetimes.
    pub(crate) fn written_tokens(&self) -> Option<u64> {
        let CacheCreation { ephemeral_5m_input_tokens, ephemeral_1h_input_tokens } =
            self.cache_creation;
        let split = [ephemeral_5m_input_tokens, ephemeral_1h_input_tokens].into_iter().flatten();
        self.cache_creation_input_tokens.or_else(|| split.reduce(u64::saturating_add))
    }

    /// Bytes of what is kept as received.
    pub(crate) fn raw_bytes(&self) -> usize {
        let other = self.other.iter().map(|(key, value)| key.len().saturating_add(value.len()));
        let raw = [&self.server_tool_use, &self.iterations, &self.fallback_credit];
        let raw = raw.into_iter().flatten().map(|json| json.len());
        other.chain(raw).fold(0, usize::saturating_add)
    }

    /// Replaces every field that `later` has, and takes it from there.
    pub(crate) fn replace_with(&mut self, later: &mut Self) {
        fn set<T>(field: &mut Option<T>, later: &mut Option<T>) {
            if later.is_some() {
                *field = later.take();
            }
        }
        if later.output_tokens.is_some() {
            self.thinking_added = later.thinking_added;
        }
        set(&mut self.input_tokens, &mut later.input_tokens);
        set(&mut self.output_tokens, &mut later.output_tokens);
        set(&mut self.cache_read_input_tokens, &mut later.cache_read_input_tokens);
        set(&mut self.cache_creation_input_tokens, &mut later.cache_creation_input_tokens);
        let CacheCreation { ephemeral_5m_input_tokens, ephemeral_1h_input_tokens } =
            &mut later.cache_creation;
        set(&mut self.cache_creation.ephemeral_5m_input_tokens, ephemeral_5m_input_tokens);
        set(&mut self.cache_creation.ephemeral_1h_input_tokens, ephemeral_1h_input_tokens);
        set(&mut self.thinking_tokens, &mut later.thinking_tokens);
        set(&mut self.server_tool_use, &mut later.server_tool_use);
        set(&mut self.service_tier, &mut later.service_tier);
        set(&mut self.inference_geo, &mut later.inference_geo);
        set(&mut self.speed, &mut later.speed);
        set(&mut self.iterations, &mut later.iterations);
        set(&mut self.fallback_credit, &mut later.fallback_credit);
        for (key, value) in later.other.drain(..) {
            replace(&mut self.other, key, value);
        }
        self.input_includes_cache |= later.input_includes_cache;
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

impl fmt::Display for Usage {
    /// For people: `1520 tokens in (1000 read from the cache, 500 written to it), 92 out (41 thinking)`; and what
    /// compactions and advisors took, which is billed too: `, beside it 55196 in and 83 out`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let some = |count: Option<u64>| count.filter(|count| *count > 0);
        match self.total_input_tokens() {
            Some(tokens) => write!(f, "{tokens} tokens in")?,
            None => f.write_str("unknown tokens in")?,
        }
        match (some(self.cache_read_input_tokens), some(self.written_tokens())) {
            (Some(read), Some(written)) => {
                write!(f, " ({read} read from the cache, {written} written to it)")?;
            }
            (Some(read), None) => write!(f, " ({read} read from the cache)")?,
            (None, Some(written)) => write!(f, " ({written} written to the cache)")?,
            (None, None) => {}
        }
        match self.output_tokens {
            Some(tokens) => write!(f, ", {tokens} out")?,
            None => f.write_str(", unknown out")?,
        }
        if let Some(tokens) = some(self.thinking_tokens) {
            write!(f, " ({tokens} thinking)")?;
        }
        match self.beside() {
            (0, 0) => Ok(()),
            (input, output) => write!(f, ", beside it {input} in and {output} out"),
        }
    }
}

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
        let names = [
            ("service_tier", &self.service_tier),
            ("inference_geo", &self.inference_geo),
            ("speed", &self.speed),
        ];
        for (key, name) in names {
            if let Some(name) = name {
                map.serialize_entry(key, name)?;
            }
        }
        let raw = [
            ("server_tool_use", &self.server_tool_use),
            ("iterations", &self.iterations),
            ("fallback_credit", &self.fallback_credit),
        ];
        for (key, raw) in raw {
            if let Some(raw) = raw.as_ref().filter(|raw| !is_null(raw)) {
                map.serialize_entry(key, raw)?;
            }
        }
        for (key, value) in self.other.iter().filter(|(key, _)| !is_own(key)) {
            map.serialize_entry(key, value)?;
        }
        let said = [
            ("input_includes_cache", self.input_includes_cache),
            ("thinking_added", self.thinking_added),
        ];
        for (key, _) in said.into_iter().filter(|(_, said)| *said) {
            map.serialize_entry(key, &true)?;
        }
        let about = About::of(self);
        if about != About::default() {
            map.serialize_entry("about", &about)?;
        }
        map.end()
    }
}

/// What the provider's names do not say: what else it reported under a name that is used here, and JSON
/// that is `null`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct About {
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<Vec<(Text, Json)>>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "crate::json::present")]
    server_tool_use: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "crate::json::present")]
    iterations: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "crate::json::present")]
    fallback_credit: Option<Json>,
}

impl About {
    fn of(usage: &Usage) -> Self {
        let null = |json: &Option<Json>| json.clone().filter(is_null);
        let hidden = usage.other.iter().any(|(key, _)| is_own(key));
        Self {
            other: hidden.then(|| usage.other.clone()),
            server_tool_use: null(&usage.server_tool_use),
            iterations: null(&usage.iterations),
            fallback_credit: null(&usage.fallback_credit),
        }
    }

    fn put_on(self, usage: &mut Usage) {
        if let Some(other) = self.other {
            usage.other = other;
        }
        let raw = [
            (&mut usage.server_tool_use, self.server_tool_use),
            (&mut usage.iterations, self.iterations),
            (&mut usage.fallback_credit, self.fallback_credit),
        ];
        for (field, null) in raw {
            *field = null.or(field.take());
        }
    }
}

fn is_null(json: &Json) -> bool {
    json.as_str() == "null"
}

/// Whether a field of [`Usage`] is serialised under that name.
fn is_own(key: &str) -> bool {
    matches!(
        key,
        "input_tokens"
            | "output_tokens"
            | "cache_read_input_tokens"
            | "cache_creation_input_tokens"
            | "thinking_tokens"
            | "cache_creation"
            | "service_tier"
            | "inference_geo"
            | "speed"
            | "server_tool_use"
            | "iterations"
            | "fallback_credit"
            | "input_includes_cache"
            | "thinking_added"
            | "about"
    )
}

impl<'de> Deserialize<'de> for Usage {
    /// As it is serialised.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Usage;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("token counts by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Usage, A::Error> {
        let mut usage = Usage::default();
        let mut about = About::default();
        while let Some(key) = map.next_key::<Text>()? {
            match key.as_str() {
                "input_tokens" => usage.input_tokens = map.next_value()?,
                "output_tokens" => usage.output_tokens = map.next_value()?,
                "cache_read_input_tokens" => usage.cache_read_input_tokens = map.next_value()?,
                "cache_creation_input_tokens" => {
                    usage.cache_creation_input_tokens = map.next_value()?;
                }
                "thinking_tokens" => usage.thinking_tokens = map.next_value()?,
                "cache_creation" => {
                    usage.cache_creation = map.next_value::<Option<_>>()?.unwrap_or_default();
                }
                "service_tier" => usage.service_tier = map.next_value()?,
                "inference_geo" => usage.inference_geo = map.next_value()?,
                "speed" => usage.speed = map.next_value()?,
                "server_tool_use" => usage.server_tool_use = map.next_value()?,
                "iterations" => usage.iterations = map.next_value()?,
                "fallback_credit" => usage.fallback_credit = map.next_value()?,
                "input_includes_cache" => usage.input_includes_cache = map.next_value()?,
                "thinking_added" => usage.thinking_added = map.next_value()?,
                "about" => about = map.next_value()?,
                _ => usage.other.push((key, map.next_value()?)),
            }
        }
        about.put_on(&mut usage);
        Ok(usage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn it_is_read_as_it_is_written() {
        for text in [
            "{}",
            r#"{"input_tokens":0,"output_tokens":7,"thinking_tokens":3}"#,
            r#"{"cache_creation":{"ephemeral_1h_input_tokens":5},"service_tier":"standard"}"#,
            r#"{"iterations":[{"type":"message","n":9007199254740993}],"later":{"a":1.0,"A":[]}}"#,
            r#"{"input_tokens":5,"input_includes_cache":true,"thinking_added":true}"#,
        ] {
            let usage: Usage = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&usage).unwrap(), text);
        }
    }

    #[test]
    fn for_people() {
        for (text, expected) in [
            ("{}", "unknown tokens in, unknown out"),
            (r#"{"input_tokens":5,"output_tokens":0}"#, "5 tokens in, 0 out"),
            (
                r#"{"input_tokens":20,"cache_read_input_tokens":1000,"cache_creation_input_tokens":500,"output_tokens":92,"thinking_tokens":41}"#,
                "1520 tokens in (1000 read from the cache, 500 written to it), 92 out (41 thinking)",
            ),
            (
                r#"{"input_tokens":20,"cache_read_input_tokens":5,"output_tokens":1,"input_includes_cache":true}"#,
                "20 tokens in (5 read from the cache), 1 out",
            ),
        ] {
            let usage: Usage = serde_json::from_str(text).unwrap();
            assert_eq!(usage.to_string(), expected);
        }
    }

    #[test]
    fn what_was_charged() {
        for (text, expected) in [
            ("{}", None),
            (r#"{"cost":0.00094}"#, Some(0.00094)),
            (r#"{"cost":0}"#, Some(0.0)),
            (r#"{"cost":{"input_tokens_cost":0.1,"total_cost":0.25}}"#, Some(0.25)),
            (r#"{"cost":{"input_tokens_cost":0.1}}"#, None),
            (r#"{"cost":"free"}"#, None),
            (r#"{"cost_in_usd_ticks":5000000000}"#, Some(0.5)),
            (r#"{"cost_in_usd_ticks":5000000000,"cost":0.6}"#, Some(0.6)),
        ] {
            let usage: Usage = serde_json::from_str(text).unwrap();
            assert_eq!(usage.cost_usd(), expected, "{text}");
        }
    }

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
            usage.replace_with(&mut Usage { output_tokens: Some(output), ..Usage::default() });
            assert_eq!(usage.output_tokens, Some(output));
        }
        // There is no sum of what was written, but its parts.
        assert_eq!(usage.total_input_tokens(), Some(1510));
        assert_eq!(usage.uncached_input_tokens(), Some(10));
        assert_eq!(
            alloc::string::ToString::to_string(&usage),
            "1510 tokens in (1000 read from the cache, 500 written to it), 41 out"
        );
        usage.cache_creation_input_tokens = Some(600);
        assert_eq!(usage.total_input_tokens(), Some(1610));
        assert_eq!(usage.cache_creation.ephemeral_1h_input_tokens, Some(300));
        assert_eq!(usage.thinking_tokens, None);
    }
}
