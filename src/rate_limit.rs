//! What is left of the rate limits, as a response's headers tell.

use core::time::Duration;

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::dates::{date_time, span};
use crate::headers::Headers;
use crate::text::Text;
use crate::timing::to_micros;

/// One of the limits that a request counted against.
///
/// Source: the rate limit pages of Anthropic (`anthropic-ratelimit-tokens-remaining`) and `OpenAI`
/// (`x-ratelimit-remaining-tokens`), whom most others follow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RateLimit {
    /// What is limited, in the provider's words: `requests`, `tokens`, `input-tokens`, … Empty where a
    /// server has but one limit and no name for it.
    pub name: Text,
    /// How much there is in each period.
    pub limit: Option<u64>,
    /// How much is left of it.
    pub remaining: Option<u64>,
    /// When it resets.
    pub reset: Option<RateLimitReset>,
}

/// When a limit resets. Serialised, both are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RateLimitReset {
    /// So long after the response.
    #[serde(rename = "after_ms", with = "crate::timing::milliseconds")]
    After(Duration),
    /// At this time since 1970-01-01T00:00:00Z.
    #[serde(rename = "at_unix_ms", with = "crate::timing::milliseconds")]
    At(Duration),
}

impl RateLimitReset {
    /// How long that is from `now`, the time since 1970-01-01T00:00:00Z. Zero if it is over.
    #[must_use]
    pub fn wait(self, now: Duration) -> Duration {
        match self {
            Self::After(wait) => wait,
            Self::At(at) => at.saturating_sub(now),
        }
    }
}

impl Headers {
    /// The rate limits that the headers tell of, in their order.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use thinkstream::{Headers, RateLimitReset};
    ///
    /// let headers = Headers::from_pairs([
    ///     ("anthropic-ratelimit-input-tokens-limit", "50000"),
    ///     ("anthropic-ratelimit-input-tokens-remaining", "8000"),
    ///     ("anthropic-ratelimit-input-tokens-reset", "2026-11-21T10:00:30Z"),
    ///     ("x-ratelimit-reset-requests", "6m0.5s"),
    /// ]);
    /// let [tokens, requests] = &headers.rate_limits()[..] else { panic!() };
    /// assert_eq!((&*tokens.name, tokens.remaining), ("input-tokens", Some(8000)));
    /// let now = Duration::from_secs(1_795_255_200);
    /// assert_eq!(tokens.reset.unwrap().wait(now), Duration::from_secs(30));
    /// assert_eq!(requests.reset, Some(RateLimitReset::After(Duration::from_millis(360_500))));
    /// ```
    #[must_use]
    pub fn rate_limits(&self) -> Vec<RateLimit> {
        let mut limits: Vec<RateLimit> = Vec::new();
        for (header, value) in &self.kept {
            let Some((name, part)) = name_and_part(header) else {
                continue;
            };
            let known = limits.iter().position(|limit| limit.name == name);
            // A server that invents limits is not followed.
            if known.is_none() && limits.len() >= LIMITS {
                continue;
            }
            let at = known.unwrap_or_else(|| {
                limits.push(RateLimit { name: name.into(), ..RateLimit::default() });
                limits.len().saturating_sub(1)
            });
            let Some(limit) = limits.get_mut(at) else {
                continue;
            };
            let value = value.trim();
            match part {
                Part::Limit => limit.limit = value.parse().ok(),
                Part::Remaining => limit.remaining = value.parse().ok(),
                Part::Reset => limit.reset = reset(value),
            }
        }
        // Headers that say none of the three are no limit: `anthropic-ratelimit-unified-status`.
        limits.retain(|limit| {
            limit.limit.is_some() || limit.remaining.is_some() || limit.reset.is_some()
        });
        limits
    }
}

/// What a header tells of a limit.
#[derive(Clone, Copy)]
enum Part {
    Limit,
    Remaining,
    Reset,
}

/// Anthropic has the part last, the others first.
fn name_and_part(header: &str) -> Option<(&str, Part)> {
    const PARTS: [(&str, Part); 3] =
        [("limit", Part::Limit), ("remaining", Part::Remaining), ("reset", Part::Reset)];
    if let Some(rest) = header.strip_prefix("anthropic-ratelimit-") {
        let (name, part) = rest.rsplit_once('-')?;
        return PARTS.iter().find(|(known, _)| *known == part).map(|(_, part)| (name, *part));
    }
    let rest = header.strip_prefix("x-ratelimit-")?;
    let (part, name) = rest.split_once('-').unwrap_or((rest, ""));
    PARTS.iter().find(|(known, _)| *known == part).map(|(_, part)| (name, *part))
}

/// A point in time, `6m0.5s`, `350ms`, or a number: of seconds, or since 1970 if it is that large.
fn reset(value: &str) -> Option<RateLimitReset> {
    if let Ok(number) = value.parse::<f64>() {
        let [at, after] =
            [number / 1000.0, number].map(|time| Duration::try_from_secs_f64(time).ok());
        return Some(match number {
            1e12.. => RateLimitReset::At(to_micros(at?)),
            1e9.. => RateLimitReset::At(to_micros(after?)),
            _ => RateLimitReset::After(to_micros(after?)),
        });
    }
    let after = span(value).map(to_micros).map(RateLimitReset::After);
    after.or_else(|| date_time(value).map(to_micros).map(RateLimitReset::At))
}

/// Providers have half a dozen.
const LIMITS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_servers_say() {
        let after = |ms| Some(RateLimitReset::After(Duration::from_millis(ms)));
        let at = |ms| Some(RateLimitReset::At(Duration::from_millis(ms)));
        for (value, expected) in [
            ("1s", after(1000)),
            ("6m0s", after(360_000)),
            ("12ms", after(12)),
            ("1h0m2.5s", after(3_602_500)),
            ("0", after(0)),
            ("59.7", after(59_700)),
            ("1795255230", at(1_795_255_230_000)),
            ("1795255230250", at(1_795_255_230_250)),
            ("2026-11-21T10:00:30Z", at(1_795_255_230_000)),
            ("soon", None),
            ("", None),
            ("-1", None),
            ("nan", None),
            ("1x", None),
        ] {
            assert_eq!(reset(value), expected, "{value}");
        }
    }

    #[test]
    fn limits_by_their_names() {
        let headers = Headers::from_pairs([
            ("X-RateLimit-Limit-Requests", "60"),
            ("x-ratelimit-remaining-requests", "59"),
            ("x-ratelimit-reset-requests", "1s"),
            ("x-ratelimit-remaining-project-tokens", "150000"),
            ("x-ratelimit-limit", "20"),
            ("x-ratelimit-limit-tokens", "many"),
            ("anthropic-ratelimit-unified-status", "allowed"),
            ("anthropic-ratelimit-unified-5h-reset", "1795255230"),
            ("anthropic-organization-id", "org"),
        ]);
        let limit = |name: &str, limit, remaining, reset| RateLimit {
            name: name.into(),
            limit,
            remaining,
            reset,
        };
        let second = RateLimitReset::After(Duration::from_secs(1));
        let then = RateLimitReset::At(Duration::from_secs(1_795_255_230));
        assert_eq!(
            headers.rate_limits(),
            [
                limit("requests", Some(60), Some(59), Some(second)),
                limit("project-tokens", None, Some(150_000), None),
                limit("", Some(20), None, None),
                limit("unified-5h", None, None, Some(then)),
            ]
        );
    }
}
