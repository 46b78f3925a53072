//! What of the response's headers is worth keeping beside its stream.

use core::time::Duration;

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::dates::http_date;
use crate::text::Text;

/// The headers of a response that a caller needs when its stream fails: whom to quote, how long to
/// wait, what is left of the rate limits.
///
/// # Example
///
/// ```
/// use thinkstream::Headers;
///
/// let headers = Headers::from_pairs([
///     ("request-id", "req_1"),
///     ("Retry-After", "12"),
///     ("anthropic-ratelimit-tokens-remaining", "8000"),
///     ("date", "Sat, 21 Nov 2026 10:00:00 GMT"),
/// ]);
/// assert_eq!(headers.request_id.as_deref(), Some("req_1"));
/// assert_eq!(headers.retry_after.map(|wait| wait.as_secs()), Some(12));
/// assert_eq!(headers.get("anthropic-ratelimit-tokens-remaining"), Some("8000"));
/// assert_eq!(headers.get("date"), None);
///
/// let headers = Headers::from_pairs([
///     ("retry-after", "Sat, 21 Nov 2026 10:00:30 GMT"),
///     ("date", "Sat, 21 Nov 2026 10:00:00 GMT"),
/// ]);
/// assert_eq!(headers.retry_after.map(|wait| wait.as_secs()), Some(30));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Headers {
    /// The id of the request, to quote to the provider: the first of `request-id`, `x-request-id`,
    /// `x-amzn-requestid`, `mistral-correlation-id`, `x-generation-id` and `apim-request-id` that the
    /// response has.
    pub request_id: Option<Text>,
    /// How long the server asks to wait, from `retry-after-ms` or `retry-after` in seconds; or, if that is
    /// a date, from the response's own date on.
    pub retry_after: Option<Duration>,
    /// All headers that were kept, with their names in lower case.
    pub kept: Vec<(Text, Text)>,
}

impl Headers {
    /// Keeps what is worth keeping of `pairs`. Names are compared without regard to case.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let mut headers = Self::default();
        let mut date = None;
        for (name, value) in pairs {
            let name = name.as_ref().to_ascii_lowercase();
            if name == "date" {
                date = Some(Text::from(value.as_ref()));
            }
            if is_kept(&name) {
                headers.kept.push((name.into(), value.as_ref().into()));
            }
        }
        headers.request_id = REQUEST_IDS.iter().find_map(|name| headers.get(name)).map(Text::from);
        // Fractions come too.
        let wait = |name, unit: f64| {
            let number: f64 = headers.get(name)?.trim().parse().ok()?;
            Duration::try_from_secs_f64(number * unit).ok()
        };
        let at = || http_date(headers.get("retry-after")?)?.checked_sub(http_date(&date?)?);
        headers.retry_after =
            wait("retry-after-ms", 0.001).or_else(|| wait("retry-after", 1.0)).or_else(at);
        headers
    }

    /// Headers that a server wrote as an object. A value may be a number.
    pub(crate) fn of_map(map: &str) -> Option<Self> {
        let map: BTreeMap<Text, serde_json::Value> = serde_json::from_str(map).ok()?;
        let pairs = map.iter().map(|(name, value)| match value {
            serde_json::Value::String(value) => (name, value.clone()),
            value => (name, value.to_string()),
        });
        Some(Self::from_pairs(pairs))
    }

    /// The organization that is billed, from `anthropic-organization-id` or `openai-organization`.
    #[must_use]
    pub fn organization_id(&self) -> Option<&str> {
        self.get("anthropic-organization-id").or_else(|| self.get("openai-organization"))
    }

    /// The value of a header that was kept, by its name in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.kept.iter().find(|(kept, _)| *kept == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(feature = "http")]
impl From<&http::HeaderMap> for Headers {
    /// Values that are not text are passed over.
    fn from(map: &http::HeaderMap) -> Self {
        let pairs = map.iter().filter_map(|(name, value)| Some((name, value.to_str().ok()?)));
        Self::from_pairs(pairs)
    }
}

fn is_kept(name: &str) -> bool {
    REQUEST_IDS.contains(&name)
        || name.starts_with("anthropic-")
        || name.starts_with("x-ratelimit-")
        || matches!(
            name,
            "retry-after"
                | "retry-after-ms"
                | "x-should-retry"
                | "x-amzn-errortype"
                | "openai-organization"
        )
}

/// First the provider's own, then those of the clouds that carry it.
const REQUEST_IDS: [&str; 6] = [
    "request-id",
    "x-request-id",
    "x-amzn-requestid",
    "mistral-correlation-id",
    "x-generation-id",
    "apim-request-id",
];
