//! Errors that the server reports.

use core::fmt;
use core::time::Duration;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::dates::{span, span_at_front};
use crate::headers::Headers;
use crate::json::Json;
use crate::json::edit::{raw_member, string_member};
use crate::json::reader::Items;
use crate::text::Text;

/// An error that the server reported, in the middle of a stream or instead of one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ServerError {
    /// Its type: what to decide by.
    pub error_type: ServerErrorType,
    /// Its code, where the provider has one beside the type (`context_length_exceeded`).
    pub code: Option<Text>,
    /// Its message, for people. The wording changes.
    pub message: Text,
    /// The parameter of the request that it is about, as the provider names it.
    pub param: Option<Text>,
    /// The id of the request that came with it.
    pub request_id: Option<Text>,
    /// More on it, as received; `error_code` is in here, and as `headers` those that came with it in a
    /// stream.
    pub details: Option<Json>,
    /// The status of the response, if the error was one and did not come in a stream.
    pub status: Option<u16>,
}

impl ServerError {
    /// The HTTP status of the response, or the one that the same error has outside a stream.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        // Some servers state an error with 200.
        let own = self.status.filter(|status| *status != 200);
        own.or(self.error_type.status())
            .or_else(|| self.usual().map(|usual| usual.0))
            .or(self.status)
    }

    /// Whether the same request may well succeed a little later. What the code says counts before the
    /// type, and that before the status: of those with 429 not all pass, and of those with 413 none does.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        // OpenAI says so with the code of a limit that passes: no pause makes such a request smaller.
        if self.status == Some(413) || self.message.starts_with("Request too large for") {
            return false;
        }
        match (self.usual(), &self.error_type) {
            (Some((_, transient)), _) => transient,
            (None, ServerErrorType::Other(_)) => {
                self.http_status().is_some_and(super::is_transient)
            }
            (None, kind) => kind.is_transient(),
        }
    }

    /// What Anthropic says beside the type: `error_code` of the details.
    #[must_use]
    pub fn error_code(&self) -> Option<Text> {
        string_member(self.details.as_deref()?, "error_code").map(Text::from)
    }

    /// How long the server asks to wait: in the headers that came with the error in its stream, in Google's
    /// `retryDelay`, or in its message: "Please try again in 1.5s", "Please retry after 12 seconds".
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let details = self.details.as_deref().unwrap_or_default();
        let headers = || Headers::of_map(raw_member(details, "headers")?);
        if let Some(wait) = headers().and_then(|headers| headers.retry_after) {
            return Some(wait);
        }
        if let Some(delay) = Items::new(details).find_map(|item| string_member(item, "retryDelay"))
        {
            return span(&delay);
        }
        let said = self.message.to_ascii_lowercase();
        let phrases = ["try again in ", "retry in ", "try again after ", "retry after "];
        let waits = |words| said.split(words).skip(1).find_map(wait_at_front);
        phrases.into_iter().find_map(waits)
    }

    /// What is known of its code, or of a type that is `OpenAI`'s, Google's or Amazon's.
    fn usual(&self) -> Option<(u16, bool)> {
        let code = self.code.as_ref().and_then(|code| usual(code));
        let code = code.or_else(|| usual(&self.error_code()?));
        code.or_else(|| usual(self.error_type.as_str()))
    }

    /// An error of which no more is known.
    pub(crate) fn new(error_type: ServerErrorType, message: Text) -> Self {
        Self {
            error_type,
            code: None,
            message,
            param: None,
            request_id: None,
            details: None,
            status: None,
        }
    }
}

/// A time at the front of a text: `1.5s`, `6m0s`, `12 seconds`.
fn wait_at_front(text: &str) -> Option<Duration> {
    const UNITS: [(&str, f64); 4] =
        [("millisecond", 0.001), ("second", 1.0), ("minute", 60.0), ("hour", 3600.0)];
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let unit = UNITS.iter().find(|(name, _)| unit.starts_with(name));
    match (number.parse::<f64>(), unit) {
        (Ok(number), Some((_, seconds))) => Duration::try_from_secs_f64(number * seconds).ok(),
        _ => span_at_front(text).map(|(wait, _)| wait),
    }
}

/// The types of errors that servers report.
///
/// Source: the error page of the Anthropic API; the status is the one the same error has outside a
/// stream. What other providers call theirs is in `Other`, and its status is known too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServerErrorType {
    /// `invalid_request_error`, 400.
    InvalidRequest,
    /// `authentication_error`, 401.
    Authentication,
    /// `billing_error`, 402.
    Billing,
    /// `permission_error`, 403.
    Permission,
    /// `not_found_error`, 404.
    NotFound,
    /// `conflict_error`, 409.
    Conflict,
    /// `request_too_large`, 413.
    RequestTooLarge,
    /// `rate_limit_error`, 429.
    RateLimit,
    /// `api_error`, 500.
    Api,
    /// `timeout_error`, 504.
    Timeout,
    /// `overloaded_error`, 529.
    Overloaded,
    /// A type that this version does not know; empty if the server gave none.
    Other(Text),
}

impl ServerErrorType {
    /// The type as the server writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::InvalidRequest => "invalid_request_error",
            Self::Authentication => "authentication_error",
            Self::Billing => "billing_error",
            Self::Permission => "permission_error",
            Self::NotFound => "not_found_error",
            Self::Conflict => "conflict_error",
            Self::RequestTooLarge => "request_too_large",
            Self::RateLimit => "rate_limit_error",
            Self::Api => "api_error",
            Self::Timeout => "timeout_error",
            Self::Overloaded => "overloaded_error",
            Self::Other(name) => name,
        }
    }

    /// The HTTP status that the same error has outside a stream.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::InvalidRequest => Some(400),
            Self::Authentication => Some(401),
            Self::Billing => Some(402),
            Self::Permission => Some(403),
            Self::NotFound => Some(404),
            Self::Conflict => Some(409),
            Self::RequestTooLarge => Some(413),
            Self::RateLimit => Some(429),
            Self::Api => Some(500),
            Self::Timeout => Some(504),
            Self::Overloaded => Some(529),
            Self::Other(name) => usual(name).map(|(status, _)| status),
        }
    }
}

/// The status that goes with a code or type of `OpenAI` and those who follow it, of Google or of Amazon,
/// and whether the error passes. Source: their error pages.
fn usual(name: &str) -> Option<(u16, bool)> {
    if let Some(exception) = name.strip_suffix("Exception") {
        return usual_exception(exception);
    }
    Some(match name {
        "context_length_exceeded"
        | "invalid_prompt"
        | "invalid_encrypted_content"
        | "unsupported_parameter"
        | "unsupported_value"
        | "content_filter"
        | "tool_use_failed"
        | "INVALID_ARGUMENT"
        | "FAILED_PRECONDITION" => (400, false),
        "invalid_api_key" | "UNAUTHENTICATED" => (401, false),
        "PERMISSION_DENIED" | "unsupported_country_region_territory" => (403, false),
        "model_not_found" | "NOT_FOUND" => (404, false),
        "insufficient_quota"
        | "credit_balance_exhausted"
        | "usage_not_included"
        | "usage_limit_reached" => (429, false),
        "rate_limit_exceeded"
        | "too_many_requests"
        | "tokens"
        | "requests"
        | "RESOURCE_EXHAUSTED" => (429, true),
        "server_error" | "internal_server_error" | "INTERNAL" => (500, true),
        "network_error" => (502, true),
        "service_unavailable_error"
        | "server_is_overloaded"
        | "slow_down"
        | "compaction_unavailable"
        | "insufficient_system_resource"
        | "UNAVAILABLE" => (503, true),
        "DEADLINE_EXCEEDED" => (504, true),
        // Some servers have the status for a code.
        number => {
            let status = number.parse().ok().filter(|status| (400..600).contains(status))?;
            (status, matches!(status, 408 | 409 | 429 | 500 | 502..=504 | 520..=529))
        }
    })
}

/// The same of an exception of Bedrock, which begins with a small letter in a stream and with a capital
/// elsewhere. Source: `InvokeModelWithResponseStream` of the Bedrock Runtime.
fn usual_exception(name: &str) -> Option<(u16, bool)> {
    const EXCEPTIONS: [(&str, u16, bool); 10] = [
        ("throttling", 429, true),
        ("modelNotReady", 429, true),
        ("serviceUnavailable", 503, true),
        ("internalServer", 500, true),
        ("modelTimeout", 408, true),
        ("modelStreamError", 424, true),
        ("modelError", 424, false),
        ("validation", 400, false),
        ("accessDenied", 403, false),
        ("resourceNotFound", 404, false),
    ];
    let known = EXCEPTIONS.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
    known.map(|(_, status, transient)| (*status, *transient))
}

impl ServerErrorType {
    /// Whether the same request may well succeed a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Conflict | Self::RateLimit | Self::Api | Self::Timeout | Self::Overloaded => true,
            Self::Other(name) => usual(name).is_some_and(|(_, transient)| transient),
            _ => false,
        }
    }
}

impl fmt::Display for ServerErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<&str> for ServerErrorType {
    fn from(name: &str) -> Self {
        match name {
            "invalid_request_error" => Self::InvalidRequest,
            "authentication_error" => Self::Authentication,
            "billing_error" => Self::Billing,
            "permission_error" => Self::Permission,
            "not_found_error" => Self::NotFound,
            "conflict_error" => Self::Conflict,
            "request_too_large" => Self::RequestTooLarge,
            "rate_limit_error" => Self::RateLimit,
            "api_error" => Self::Api,
            "timeout_error" => Self::Timeout,
            "overloaded_error" => Self::Overloaded,
            other => Self::Other(other.into()),
        }
    }
}

impl Serialize for ServerError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut error = serializer.serialize_struct("ServerError", 7)?;
        error.serialize_field("type", self.error_type.as_str())?;
        if let Some(code) = &self.code {
            error.serialize_field("code", code)?;
        }
        error.serialize_field("message", &self.message)?;
        if let Some(param) = &self.param {
            error.serialize_field("param", param)?;
        }
        error.serialize_field("details", &self.details)?;
        if let Some(request_id) = &self.request_id {
            error.serialize_field("request_id", request_id)?;
        }
        if let Some(status) = self.status {
            error.serialize_field("status", &status)?;
        }
        error.end()
    }
}

impl<'de> Deserialize<'de> for ServerError {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Written {
            #[serde(rename = "type")]
            error_type: Text,
            code: Option<Text>,
            message: Text,
            param: Option<Text>,
            details: Option<Json>,
            request_id: Option<Text>,
            status: Option<u16>,
        }
        let written = Written::deserialize(deserializer)?;
        Ok(Self {
            error_type: written.error_type.as_str().into(),
            code: written.code,
            message: written.message,
            param: written.param,
            request_id: written.request_id,
            details: written.details,
            status: written.status,
        })
    }
}

impl Serialize for ServerErrorType {
    /// As the server writes it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ServerErrorType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(|name| Self::from(name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_and_what_does_not() {
        for (kind, code, status, transient) in [
            ("rate_limit_error", None, Some(429), true),
            ("insufficient_quota", Some("insufficient_quota"), Some(429), false),
            ("tokens", Some("rate_limit_exceeded"), Some(429), true),
            ("invalid_request_error", Some("model_not_found"), Some(400), false),
            ("server_error", None, Some(500), true),
            ("", Some("server_is_overloaded"), Some(503), true),
            ("", Some("502"), Some(502), true),
            ("", Some("200"), None, false),
            ("RESOURCE_EXHAUSTED", Some("429"), Some(429), true),
            ("nobody_knows", None, None, false),
        ] {
            let mut error = ServerError::new(kind.into(), Text::EMPTY);
            error.code = code.map(Text::from);
            assert_eq!(error.http_status(), status, "{kind} {code:?}");
            assert_eq!(error.is_transient(), transient, "{kind} {code:?}");
        }
    }

    #[test]
    fn exceptions_of_bedrock() {
        for (name, status, transient) in [
            ("throttlingException", Some(429), true),
            ("ThrottlingException", Some(429), true),
            ("serviceUnavailableException", Some(503), true),
            ("internalServerException", Some(500), true),
            ("modelTimeoutException", Some(408), true),
            ("modelStreamErrorException", Some(424), true),
            ("validationException", Some(400), false),
            ("strangeException", None, false),
            ("throttling", None, false),
        ] {
            let error = ServerError::new(name.into(), Text::EMPTY);
            assert_eq!((error.http_status(), error.is_transient()), (status, transient), "{name}");
        }
    }

    #[test]
    fn what_is_said_in_the_details() {
        for (details, code, transient, wait) in [
            (
                r#"{"error_code":"compaction_unavailable"}"#,
                Some("compaction_unavailable"),
                true,
                None,
            ),
            (r#"{"error_code":"thread_not_found"}"#, Some("thread_not_found"), false, None),
            (r#"{"headers":{"Retry-After":"7","n":1}}"#, None, false, Some(7)),
            (r#"{"headers":{"retry-after-ms":2000}}"#, None, false, Some(2)),
            (r#"{"headers":null}"#, None, false, None),
            ("[]", None, false, None),
        ] {
            let mut error = ServerError::new(ServerErrorType::InvalidRequest, Text::EMPTY);
            error.details = Some(Json::parse(details).unwrap());
            assert_eq!(error.error_code().as_deref(), code, "{details}");
            assert_eq!(error.is_transient(), transient, "{details}");
            assert_eq!(error.retry_after(), wait.map(Duration::from_secs), "{details}");
        }
    }

    #[test]
    fn the_wait_that_a_message_asks_for() {
        for (message, millis) in [
            ("Rate limit reached. Please try again in 11.054s. Visit …", Some(11_054)),
            ("Please try again in 350ms.", Some(350)),
            ("try again in 6m0s", Some(360_000)),
            ("try again in 1h2m3.5s.", Some(3_723_500)),
            ("Please retry in 33.7s.", Some(33_700)),
            ("Please retry after 12 seconds. To increase …", Some(12_000)),
            ("Please retry after 1 second.", Some(1_000)),
            ("Please try again in 20 seconds.", Some(20_000)),
            ("Try again in 3s.", Some(3_000)),
            ("Retry after 5s", Some(5_000)),
            ("retry after 1.5 seconds", Some(1_500)),
            ("Try again in 2 minutes", Some(120_000)),
            ("You may try again in a while. Retry after 250 milliseconds.", Some(250)),
            ("Please retry after a few seconds.", None),
            ("try again in 5 apples", None),
            ("try again in a while", None),
            ("try again in 1e9", None),
            ("try again in 99999999999999999999999999s", None),
            ("", None),
        ] {
            let error = ServerError::new("".into(), message.into());
            assert_eq!(error.retry_after(), millis.map(Duration::from_millis), "{message}");
        }
        let google = r#"[{"@type":"type.googleapis.com/google.rpc.Help"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"33s"}]"#;
        let mut error = ServerError::new("RESOURCE_EXHAUSTED".into(), "Quota".into());
        error.details = Some(Json::parse(google).unwrap());
        assert_eq!(error.retry_after(), Some(Duration::from_secs(33)));
    }

    /// Groq says that a request is too large for the limit of a minute as if it were one too many.
    #[test]
    fn what_is_too_large_is_not_sent_again() {
        let mut error = ServerError::new("tokens".into(), "Request too large".into());
        error.code = Some("rate_limit_exceeded".into());
        assert!(error.is_transient());
        error.status = Some(413);
        assert!(!error.is_transient());
    }
}
