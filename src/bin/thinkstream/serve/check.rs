//! What the APIs refuse, checked with what the library knows of it.

mod anthropic;
mod openai;

use hyper::HeaderMap;
use serde_json::{Map, Value};
use thinkstream::Json;
use thinkstream::history::Finding;

use super::api::{Api, Refusal};
use super::signatures::Known;

/// A request, read as far as it is checked.
pub(super) struct Request {
    /// Its members.
    pub(super) fields: Map<String, Value>,
    /// Its messages, or items, as they were written. `None`: there is no array of them.
    pub(super) messages: Option<Vec<Json>>,
    pub(super) headers: HeaderMap,
}

impl Request {
    /// Reads the body of a request.
    pub(super) fn read(api: Api, headers: HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        let broken = |error: serde_json::Error| {
            Refusal::invalid(format!("the request body is not valid JSON: {error}"))
        };
        let fields: Value = serde_json::from_slice(body).map_err(broken)?;
        let Value::Object(fields) = fields else {
            return Err(Refusal::invalid("the request body is not a JSON object"));
        };
        let member = if api == Api::Responses { "input" } else { "messages" };
        let raw: std::collections::HashMap<String, Json> =
            serde_json::from_slice(body).map_err(broken)?;
        let messages = raw.get(member).and_then(|raw| serde_json::from_str(raw).ok());
        Ok(Self { fields, messages, headers })
    }

    /// A member, unless it is null.
    fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// The name of the model, if there is one.
    pub(super) fn model(&self) -> Option<&str> {
        self.get("model").and_then(Value::as_str)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The messages as values.
    fn values(&self) -> Vec<Value> {
        let messages = self.messages.iter().flatten();
        messages.map(|message| serde_json::from_str(message).unwrap_or_default()).collect()
    }
}

/// Finds the first rule that a request breaks. Without `models` only those that hold for every model.
pub(super) fn check(
    api: Api,
    request: &Request,
    known: &Known,
    models: bool,
) -> Result<(), Refusal> {
    match api {
        Api::Messages => anthropic::check(request, known, models),
        Api::Responses => openai::check_response(request, known, models),
        Api::Chat => openai::check_chat(request, models),
    }
}

/// Only streams are recorded.
pub(super) fn check_stream(request: &Request) -> Result<(), Refusal> {
    if request.get("stream") == Some(&Value::Bool(true)) {
        return Ok(());
    }
    let message = "stream: this mock server has only streams to send; set \"stream\": true";
    Err(Refusal::invalid(message).param("stream"))
}

/// `messages.3.content.0` for `$.messages[3].content[0]`.
fn dotted(finding: &Finding) -> String {
    finding.path.trim_start_matches("$.").replace('[', ".").replace(']', "")
}

/// What is said where the same reply went out twice, whose ids no server would have given again.
const SERVED_TWICE: &str = " (this recording was served before in this conversation: a loop of K turns needs K recordings)";

/// The id that a finding is about.
fn id(finding: &Finding) -> &str {
    finding.id.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that the member or the place may or may not be made for.
    const VALUES: [&str; 22] = [
        "null",
        "true",
        "-1",
        "0",
        "1.5",
        "1e400",
        "99999999999999999999",
        r#""""#,
        r#""-""#,
        r#""claude-opus-4-8""#,
        r#""gpt-5""#,
        "[]",
        "[null]",
        "[[]]",
        "{}",
        r#"{"type":null}"#,
        r#"{"type":5,"budget_tokens":"x","effort":[]}"#,
        r#"{"type":"enabled","budget_tokens":18446744073709551615}"#,
        r#"{"type":"adaptive","display":5,"block_binding":[]}"#,
        r#"{"effort":"none","type":"function","function":null}"#,
        r#"[{"role":"assistant","content":[{"type":"thinking","signature":5},5,{"type":"tool_use"}]}]"#,
        r#"[{"type":"reasoning","encrypted_content":""},{"role":"tool","content":{},"tool_calls":5}]"#,
    ];

    const MEMBERS: [&str; 14] = [
        "model",
        "max_tokens",
        "max_output_tokens",
        "messages",
        "input",
        "thinking",
        "reasoning",
        "reasoning_effort",
        "output_config",
        "tool_choice",
        "tools",
        "temperature",
        "store",
        "stream",
    ];

    /// What is not made for its place is refused, or passed over; nothing else comes of it.
    #[test]
    fn a_request_may_have_anything_anywhere() {
        let mut refused = 0;
        let mut headers = HeaderMap::new();
        headers.insert("anthropic-version", hyper::header::HeaderValue::from_static("2023-06-01"));
        for api in Api::ALL {
            for (member, value) in MEMBERS.iter().flat_map(|it| VALUES.map(|value| (it, value))) {
                for model in ["claude-opus-4-8", "gpt-5", "other"] {
                    let body = format!(
                        r#"{{"model":"{model}","max_tokens":5,"messages":[{{"role":"user","content":"a"}}],"input":"a","{member}":{value}}}"#
                    );
                    let result = Request::read(api, headers.clone(), body.as_bytes())
                        .and_then(|request| check(api, &request, &Known::default(), true));
                    if let Err(refusal) = result {
                        assert!(refusal.status.is_client_error(), "{body}");
                        assert!(!refusal.message.is_empty(), "{body}");
                        refused += 1;
                    }
                }
            }
        }
        assert!(refused > 500, "only {refused} were refused");
    }
}
