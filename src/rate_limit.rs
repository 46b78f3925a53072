//! What is left of the rate limits, as a response's headers tell.

use core::time::Duration;

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

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
    /// When it is whole again.
    pub reset: Option<RateLimitReset>,
}

/// When a limit is whole again. Serialised, both are in milliseconds.
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
            // A server that invents limits is not followed.
            if limits.len() >= LIMITS {
                break;
            }
            let at = limits.iter().position(|limit| limit.name == name);
            let at = at.unwrap_or_else(|| {
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

/// A length of time with its units, as in `1h2m3.5s`.
pub(crate) fn span(text: &str) -> Option<Duration> {
    span_at_front(text).filter(|(_, rest)| rest.is_empty()).map(|(span, _)| span)
}

/// The same at the front of a text, and what follows.
pub(crate) fn span_at_front(text: &str) -> Option<(Duration, &str)> {
    const UNITS: [(&str, f64); 5] =
        [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86400.0)];
    let digit = |char: char| char.is_ascii_digit() || char == '.';
    let (mut seconds, mut rest) = (None, text);
    while let Some((number, unit)) =
        rest.find(|char: char| !digit(char)).and_then(|end| rest.split_at_checked(end))
        && let Ok(number) = number.parse::<f64>()
        && let Some((behind, in_seconds)) =
            UNITS.iter().find_map(|(name, scale)| Some((unit.strip_prefix(name)?, *scale)))
    {
        seconds = Some(seconds.unwrap_or_default() + number * in_seconds);
        rest = behind;
    }
    Some((Duration::try_from_secs_f64(seconds?).ok()?, rest))
}

/// A date and time of RFC 3339, as the time since 1970-01-01T00:00:00Z.
fn date_time(text: &str) -> Option<Duration> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let zone = time.rfind(['Z', 'z', '+', '-'])?;
    let (time, zone) = time.split_at_checked(zone)?;
    let [year, month, day] = numbers(date, '-')?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(clock, ':')?;
    let february = if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) { 29 } else { 28 };
    let last = match month {
        2 => february,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let in_range = (1..=12).contains(&month)
        && (1..=last).contains(&day)
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
        && hour < 24
        && minute < 60
        && second <= 60;
    if !in_range {
        return None;
    }
    let fraction: f64 = alloc::format!("0.{fraction}").parse().ok()?;
    let offset = match zone.split_at_checked(1)? {
        ("Z" | "z", "") => 0,
        (sign, zone) => {
            let [hours, minutes] = numbers(zone, ':').filter(|[h, m]| *h < 24 && *m < 60)?;
            let seconds = hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?;
            if sign == "-" { seconds } else { seconds.checked_neg()? }
        }
    };
    let seconds = [hour.checked_mul(3600)?, minute.checked_mul(60)?, second, offset];
    let seconds = seconds
        .into_iter()
        .try_fold(days(year, month, day)?.checked_mul(86400)?, i64::checked_add)?;
    let fraction = Duration::try_from_secs_f64(fraction).ok()?;
    Duration::from_secs(u64::try_from(seconds).ok()?).checked_add(fraction)
}

/// Exactly so many numbers.
fn numbers<const N: usize>(text: &str, between: char) -> Option<[i64; N]> {
    let mut numbers = [0; N];
    let mut texts = text.split(between);
    for number in &mut numbers {
        let text = texts.next().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
        *number = text.parse().ok()?;
    }
    texts.next().is_none().then_some(numbers)
}

/// Days since 1970-01-01. Years are counted from March, so that the leap day is their last.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let month = if month <= 2 { month.checked_add(9)? } else { month.checked_sub(3)? };
    let leap = [year.div_euclid(4), year.div_euclid(400)];
    let leap = leap.into_iter().try_fold(0, i64::checked_add)?.checked_sub(year.div_euclid(100))?;
    // From March on the months have 153 days in every five.
    let months = month.checked_mul(153)?.checked_add(2)?.div_euclid(5);
    let parts = [year.checked_mul(365)?, leap, months, day];
    // 719,469 days before 1970 begins the year that all this counts from.
    parts.into_iter().try_fold(0, i64::checked_add)?.checked_sub(719_469)
}

/// Providers have half a dozen.
const LIMITS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", Some(0.0)),
            ("2000-02-29T12:00:00Z", Some(951_825_600.0)),
            ("2026-11-21T10:00:30Z", Some(1_795_255_230.0)),
            ("2026-11-21t10:00:30.25z", Some(1_795_255_230.25)),
            ("2026-11-21T12:00:30+02:00", Some(1_795_255_230.0)),
            ("2026-11-21T05:00:30-05:00", Some(1_795_255_230.0)),
            ("2100-03-01T00:00:00Z", Some(4_107_542_400.0)),
            ("1969-12-31T23:59:59Z", None),
            ("2026-13-21T10:00:30Z", None),
            ("2026-11-21T10:00Z", None),
            ("2026-11-21T10:00:30", None),
            ("2026-11-21", None),
            ("2026-02-29T00:00:00Z", None),
            ("2026-06-31T00:00:00Z", None),
            ("2026-11-21T10:00:30.5e9Z", None),
            ("2026-11-21T10:00:30+99:00", None),
            ("", None),
            ("é", None),
            ("99999999999999999999-01-01T00:00:00Z", None),
        ] {
            assert_eq!(date_time(text).map(|at| at.as_secs_f64()), seconds, "{text}");
        }
    }

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
