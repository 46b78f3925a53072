//! How an error is written down, and what another process reads of it.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use serde::de::Error as _;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Error, ErrorKind, Partial, ServerError};
use crate::headers::Headers;
use crate::message::Message;
use crate::text::Text;

impl Serialize for Error {
    /// One JSON object with `"type":"error"`, as the events have theirs.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let partial = self.partial();
        let mut error = serializer.serialize_struct("Error", 13)?;
        error.serialize_field("type", "error")?;
        error.serialize_field("kind", self.kind().name())?;
        error.serialize_field("message", &format!("{self}"))?;
        error.serialize_field("request_id", &self.request_id())?;
        error.serialize_field("offset", &self.offset())?;
        error.serialize_field("output_started", &partial.output_started)?;
        error.serialize_field("tool_call_emitted", &partial.tool_call_emitted)?;
        if let ErrorKind::Server(server) = self.kind() {
            error.serialize_field("server", &**server)?;
        } else if let Some(status) = self.status() {
            error.serialize_field("status", &status)?;
        }
        if *self.headers() != known_headers(self.kind(), self.request_id().cloned()) {
            error.serialize_field("headers", self.headers())?;
        }
        error.serialize_field("usage", &partial.message.usage)?;
        error.serialize_field("partial", &partial.message)?;
        if !partial.choices.is_empty() {
            error.serialize_field("choices", &partial.choices)?;
        }
        error.end()
    }
}

/// An error as it is written.
#[derive(Deserialize)]
struct Written {
    #[serde(rename = "type")]
    tag: Text,
    kind: Text,
    message: Text,
    #[serde(default)]
    request_id: Option<Text>,
    #[serde(default)]
    offset: u64,
    #[serde(default)]
    output_started: bool,
    #[serde(default)]
    tool_call_emitted: bool,
    #[serde(default)]
    server: Option<Box<ServerError>>,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    headers: Option<Headers>,
    #[serde(default)]
    partial: Message,
    #[serde(default)]
    choices: Vec<Message>,
}

impl<'de> Deserialize<'de> for Error {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        if written.tag != "error" {
            return Err(D::Error::custom(format!("no error but of type `{}`", written.tag)));
        }
        Ok(written.into_error())
    }
}

impl Written {
    fn into_error(self) -> Error {
        let partial = Partial {
            message: self.partial,
            choices: self.choices,
            output_started: self.output_started,
            tool_call_emitted: self.tool_call_emitted,
        };
        let message = self.message;
        let kind = match self.server {
            Some(server) => ErrorKind::Server(server),
            None => ErrorKind::Recorded {
                name: self.kind,
                message: message.clone(),
                status: self.status,
            },
        };
        let headers = self.headers.unwrap_or_else(|| known_headers(&kind, self.request_id));
        let error = Error::new(kind, Some(self.offset), partial, headers);
        if self.offset > 0 || error.to_string() == *message {
            return error;
        }
        // Before a stream there is no byte at which it went wrong.
        Error::new(error.kind().clone(), None, error.partial().clone(), error.headers().clone())
    }
}

/// The headers, if the id of the request is all that there is of them.
fn known_headers(kind: &ErrorKind, request_id: Option<Text>) -> Headers {
    let in_band = matches!(kind, ErrorKind::Server(server) if server.request_id.is_some());
    Headers { request_id: request_id.filter(|_| !in_band), ..Headers::default() }
}
