//! What the ids of calls must look like where an API or a server is particular.

use alloc::string::String;

use super::Target;
use super::thinking::print;
use crate::message::Provider;
use crate::text::Text;

/// What a call goes by in a request to this target, if it cannot keep its id: always the same for the same.
pub(super) fn fitted(target: &Target, id: &str) -> Option<Text> {
    let most = match target.provider {
        Provider::OpenAiChat if target.is_mistral() => {
            let fits = id.len() == MISTRAL && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
            let print = || print("call", id).chars().take(MISTRAL).collect::<String>();
            return (!fits).then(|| print().into());
        }
        Provider::OpenAiChat if id.len() > CHAT && target.is_openais() => CHAT,
        Provider::OpenAiChat | Provider::Anthropic => return None,
        Provider::OpenAiResponses => RESPONSES,
    };
    (id.len() > most).then(|| alloc::format!("call_{}", print("call", id)).into())
}

/// Characters of an id of Mistral's, which takes no others: letters and digits.
const MISTRAL: usize = 9;

/// Characters that `OpenAI` takes in a chat, which servers of its protocol do not keep to.
const CHAT: usize = 40;

/// Characters that the Responses API takes: fewer than those that relays make it give, with signatures in them.
const RESPONSES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_fitted_where_they_must_be() {
        let (chat, items) = (Provider::OpenAiChat, Provider::OpenAiResponses);
        let long = "x".repeat(65);
        for (provider, model, id, expected) in [
            (chat, "mistral-large-latest", "D681PevKs", None),
            (chat, "mistral-large-latest", "call_0_mi", Some(9)),
            (chat, "mistralai/devstral-small", "call_PTLP8xhu3uwZk4l3nlnrrJha", Some(9)),
            (chat, "open-mistral-nemo", "", Some(9)),
            (chat, "gpt-4.1", &long[..41], Some(37)),
            (chat, "gpt-4.1", &long[..40], None),
            (chat, "gemini-3-pro", &long, None),
            (chat, "deepseek-chat", "call_00_1", None),
            (items, "gpt-5", &long, Some(37)),
            (items, "a deployment", &long, Some(37)),
            (items, "gpt-5", &long[..64], None),
            (items, "mistral-large-latest", "call_0_mi", None),
            (Provider::Anthropic, "claude-opus-4-5", &long, None),
        ] {
            let target = Target::new(provider, model);
            let found = fitted(&target, id);
            assert_eq!(found.as_ref().map(Text::len), expected, "{model} {id}");
            assert_eq!(found, fitted(&target, id));
            let again = found.as_deref().map(|id| fitted(&target, id));
            assert!(again.is_none_or(|again| again.is_none()), "{model} {id}");
        }
        let target = Target::new(chat, "codestral");
        assert_ne!(fitted(&target, "a"), fitted(&target, "b"));
    }
}
