//! Errors that the server reports.

use core::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::json::Json;
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
    /// More on it, as received; `error_code` is in here.
    pub details: Option<Json>,
    /// The status of the response, if the error was one and did not come in a stream.
    pub status: Option<u16>,
}

impl ServerError {
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

/// The types of errors that servers report.
///
/// Source: the error page of the Anthropic API; the status is the one the same error has outside a
/// stream.
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
            Self::Other(_) => None,
        }
    }
}

impl ServerErrorType {
    /// Whether the same request may well succeed a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Conflict | Self::RateLimit | Self::Api | Self::Timeout | Self::Overloaded
        )
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
        let mut error = serializer.serialize_struct("ServerError", 3)?;
        error.serialize_field("type", self.error_type.as_str())?;
        error.serialize_field("message", &self.message)?;
        error.serialize_field("details", &self.details)?;
        error.end()
    }
}
