//! The APIs that are served: their paths, the form of their errors, their headers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::StatusCode;
use serde::Serialize;
use thinkstream::Protocol;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    Messages,
    Chat,
    Responses,
}

/// An error as it goes out, with its members in the order of the APIs.
#[derive(Serialize)]
struct Stated<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    error: Error<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Error<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    message: &'a str,
    #[serde(flatten)]
    more: Option<More<'a>>,
}

/// What `OpenAI` has beside the message, also if it is null.
#[derive(Serialize)]
struct More<'a> {
    param: Option<&'a str>,
    code: Option<&'a str>,
}

/// Why a request is not answered with a stream.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) message: String,
    /// The parameter at fault, and the code, which `OpenAI`'s errors have beside the message.
    pub(super) param: Option<String>,
    pub(super) code: Option<&'static str>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), param: None, code: None }
    }

    /// The request breaks a rule of the API.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn param(self, param: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    pub(super) fn code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }
}

impl Api {
    pub(super) const ALL: [Self; 3] = [Self::Messages, Self::Chat, Self::Responses];

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Messages => "/v1/messages",
            Self::Chat => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
        }
    }

    pub(super) fn at(path: &str) -> Option<Self> {
        let path = path.strip_suffix('/').unwrap_or(path);
        Self::ALL.into_iter().find(|api| api.path() == path)
    }

    /// The API that speaks a protocol over HTTP as it is.
    pub(super) fn speaking(protocol: Protocol) -> Option<Self> {
        match protocol {
            Protocol::Anthropic => Some(Self::Messages),
            Protocol::OpenAiChat => Some(Self::Chat),
            Protocol::OpenAiResponses => Some(Self::Responses),
            _ => None,
        }
    }

    pub(super) fn request_id_header(self) -> &'static str {
        match self {
            Self::Messages => "request-id",
            Self::Chat | Self::Responses => "x-request-id",
        }
    }

    /// An error as the API writes it.
    pub(super) fn error(self, refusal: &Refusal, request_id: &str) -> String {
        let Refusal { status, message, param, code } = refusal;
        let (message, param) = (message.as_str(), param.as_deref());
        let json = match self {
            Self::Messages => {
                let error = Error { kind: anthropic_type(*status), message, more: None };
                serde_json::to_string(&Stated {
                    kind: Some("error"),
                    error,
                    request_id: Some(request_id),
                })
            }
            Self::Chat | Self::Responses => {
                let more = Some(More { param, code: *code });
                let error = Error { kind: openai_type(*status), message, more };
                serde_json::to_string(&Stated { kind: None, error, request_id: None })
            }
        };
        json.unwrap_or_default()
    }

    /// The event with which a server that is overloaded ends a stream, behind so many others.
    pub(super) fn overloaded(self, events: usize, request_id: &str) -> Bytes {
        let refusal = Refusal::new(overloaded(), "Overloaded").code("server_is_overloaded");
        let (name, data) = match self {
            Self::Messages => ("event: error\n", self.error(&refusal, request_id)),
            Self::Chat => ("", self.error(&refusal, request_id)),
            Self::Responses => (
                "event: error\n",
                format!(
                    r#"{{"type":"error","sequence_number":{events},"code":"server_is_overloaded","message":"Overloaded","param":null}}"#
                ),
            ),
        };
        Bytes::from(format!("{name}data: {data}\n\n"))
    }

    /// The headers of the rate limits, as they may be after so many requests.
    pub(super) fn limits(self, requests: u64) -> Vec<(&'static str, String)> {
        let left =
            |limit: u64, each: u64| limit.saturating_sub(requests.saturating_mul(each)).to_string();
        match self {
            Self::Messages => vec![
                ("anthropic-ratelimit-requests-limit", "4000".to_owned()),
                ("anthropic-ratelimit-requests-remaining", left(4000, 1)),
                ("anthropic-ratelimit-requests-reset", in_a_minute()),
                ("anthropic-ratelimit-tokens-limit", "400000".to_owned()),
                ("anthropic-ratelimit-tokens-remaining", left(400_000, 1000)),
                ("anthropic-ratelimit-tokens-reset", in_a_minute()),
            ],
            Self::Chat | Self::Responses => vec![
                ("x-ratelimit-limit-requests", "5000".to_owned()),
                ("x-ratelimit-remaining-requests", left(5000, 1)),
                ("x-ratelimit-reset-requests", "12ms".to_owned()),
                ("x-ratelimit-limit-tokens", "450000".to_owned()),
                ("x-ratelimit-remaining-tokens", left(450_000, 1000)),
                ("x-ratelimit-reset-tokens", "133ms".to_owned()),
            ],
        }
    }
}

/// Anthropic's own status for it.
fn overloaded() -> StatusCode {
    StatusCode::from_u16(529).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}

fn anthropic_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

fn openai_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_exceeded",
        503 | 529 => "service_unavailable_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

/// The time in a minute, as RFC 3339 has it.
fn in_a_minute() -> String {
    let now = SystemTime::now() + Duration::from_secs(60);
    rfc3339(now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
}

fn rfc3339(unix: u64) -> String {
    let (mut days, second) = (unix / 86_400, unix % 86_400);
    let is_leap =
        |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (unix, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(unix), date);
        }
    }
}
