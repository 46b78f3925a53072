//! What Gemini signs its calls with. From its third version on it refuses a reply of the turn in progress whose first
//! call is not signed, and names a word for calls that another model made.
//!
//! Source: Google, thought signatures, the questions on histories of other models.

use alloc::string::String;

use super::Target;
use crate::json::Json;
use crate::json::edit::{raw_member, string_member, with_member};
use crate::json::reader::Items;
use crate::message::{Provider, SIGNERS, call_signature};
use crate::models::strip;

/// What tells Gemini to look for no signature.
const UNSIGNED: &str = r#"{"google":{"thought_signature":"skip_thought_signature_validator"}}"#;

impl Target {
    /// Whether it refuses calls that nobody signed. A name without a version is the newest.
    pub(super) fn wants_signed_calls(&self) -> bool {
        let name = strip(&self.model);
        let behind = name.strip_prefix("gemini-").filter(|_| self.provider == Provider::OpenAiChat);
        behind.is_some_and(|version| !version.starts_with(['1', '2']))
    }
}

/// The id of the first call of a chat's message, if it is not signed. Routers sign in `reasoning_details`, and Copilot in
/// `reasoning_opaque`.
pub(super) fn unsigned_call(message: &str) -> Option<String> {
    let opaque = string_member(message, "reasoning_opaque").is_some_and(|it| !it.is_empty());
    if opaque || raw_member(message, "reasoning_details").is_some() {
        return None;
    }
    let call = Items::new(raw_member(message, "tool_calls")?).next()?;
    let signs = |key: &&str| {
        let function = raw_member(call, "function").unwrap_or_default();
        let beside = [call, function].into_iter().filter_map(|it| raw_member(it, key));
        beside.into_iter().any(|raw| call_signature(key, raw).is_some())
    };
    let id = string_member(call, "id").unwrap_or_default();
    // LiteLLM puts it behind the id too.
    let signed = id.contains("__thought__") || SIGNERS.iter().any(signs);
    (!signed).then_some(id)
}

/// The message, whose first call says that nobody signed it.
pub(super) fn say_unsigned(message: &str) -> Option<Json> {
    let mut calls = String::from("[");
    for call in Items::new(raw_member(message, "tool_calls")?) {
        if calls.len() > 1 {
            calls.push(',');
            calls.push_str(call);
        } else {
            calls.push_str(&with_member(call, "extra_content", UNSIGNED).ok()?);
        }
    }
    calls.push(']');
    with_member(message, "tool_calls", &calls).ok().map(Json::checked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_signed_under_two_names() {
        for (extra, unsigned) in [
            (r#"{"google":{"thought_signature":"AY89"}}"#, false),
            (r#"{"vertex":{"thought_signature":"AY89"}}"#, false),
            (r#"{"vertex":{"thought_signature":""}}"#, true),
            (r#"{"other":{}}"#, true),
        ] {
            let message =
                alloc::format!(r#"{{"tool_calls":[{{"id":"c1","extra_content":{extra}}}]}}"#);
            assert_eq!(unsigned_call(&message).is_some(), unsigned, "{extra}");
        }
    }

    #[test]
    fn who_wants_signed_calls() {
        for (model, wants) in [
            ("gemini-3-pro", true),
            ("google/gemini-3-flash-preview", true),
            ("gemini-pro-latest", true),
            ("gemini-2.5-pro", false),
            ("gemini-1.5-flash", false),
            ("gpt-5", false),
            ("gemma-3", false),
        ] {
            let wanted = |provider| Target::new(provider, model).wants_signed_calls();
            assert_eq!(wanted(Provider::OpenAiChat), wants, "{model}");
            assert!(!wanted(Provider::Anthropic) && !wanted(Provider::OpenAiResponses));
        }
    }

    #[test]
    fn the_first_call_is_the_one_that_is_signed() {
        let signed = r#"{"id":"a","extra_content":{"google":{"thought_signature":"c2ln"}}}"#;
        for (calls, expected) in [
            ("[]", None),
            (&*alloc::format!(r#"[{signed},{{"id":"b"}}]"#), None),
            (r#"[{"id":"a"},{"id":"b"}]"#, Some("a")),
            (r#"[{"id":"a","extra_content":{"google":{"thought_signature":""}}}]"#, Some("a")),
            (r#"[{"id":"a","extra_content":{"google":{}}}]"#, Some("a")),
        ] {
            let message = alloc::format!(r#"{{"role":"assistant","tool_calls":{calls}}}"#);
            assert_eq!(unsigned_call(&message).as_deref(), expected, "{calls}");
            if expected.is_some() {
                let said = say_unsigned(&message).unwrap();
                assert_eq!(unsigned_call(&said), None);
                assert_eq!(said.matches("skip_thought_signature_validator").count(), 1, "{said}");
            }
        }
        assert_eq!(unsigned_call(r#"{"role":"assistant","content":"a"}"#), None);
        for (call, signed) in [
            (r#"{"id":"a","provider_specific_fields":{"thought_signature":"S"}}"#, true),
            (
                r#"{"id":"a","function":{"provider_specific_fields":{"thought_signature":"S"}}}"#,
                true,
            ),
            (r#"{"id":"a","thoughtSignature":"S"}"#, true),
            (r#"{"id":"call_1__thought__UzE"}"#, true),
            (r#"{"id":"a","provider_specific_fields":{"other":1}}"#, false),
            (r#"{"id":"a","thoughtSignature":""}"#, false),
        ] {
            let message = alloc::format!(r#"{{"tool_calls":[{call}]}}"#);
            assert_eq!(unsigned_call(&message).is_none(), signed, "{call}");
        }
        for (elsewhere, signed) in [
            (r#""reasoning_details":[{"type":"x"}]"#, true),
            (r#""reasoning_opaque":"op""#, true),
            (r#""reasoning_opaque":"""#, false),
        ] {
            let message = alloc::format!(r#"{{"tool_calls":[{{"id":"a"}}],{elsewhere}}}"#);
            assert_eq!(unsigned_call(&message).is_none(), signed, "{elsewhere}");
        }
    }
}
