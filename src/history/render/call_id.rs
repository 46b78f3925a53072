//! What the ids of calls must look like in a chat, where a server is particular.

use alloc::string::String;

use crate::history::thinking::print;
use crate::models::{Maker, Model, strip};
use crate::text::Text;

/// What a call goes by in a chat with this model, if it cannot keep its id: always the same for the same.
pub(super) fn fitted(model: &str, id: &str) -> Option<Text> {
    if is_mistral(model) {
        let fits = id.len() == MISTRAL && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        return (!fits).then(|| print("call", id).chars().take(MISTRAL).collect::<String>().into());
    }
    let openai = || Model::find(model).is_some_and(|row| row.maker == Maker::OpenAi);
    (id.len() > OPENAI && openai()).then(|| alloc::format!("call_{}", print("call", id)).into())
}

/// Mistral names its models in many ways, and refuses all ids but its own: nine letters and digits.
fn is_mistral(model: &str) -> bool {
    let name = strip(model);
    let name = name.strip_prefix("open-").unwrap_or(&name);
    ["mistral", "mixtral", "ministral", "magistral", "codestral", "devstral", "pixtral"]
        .iter()
        .any(|line| name.starts_with(line))
}

/// Characters of an id of Mistral's.
const MISTRAL: usize = 9;

/// Characters that `OpenAI` takes, which servers of its protocol do not keep to.
const OPENAI: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_fitted_where_they_must_be() {
        let long = "x".repeat(41);
        for (model, id, expected) in [
            ("mistral-large-latest", "D681PevKs", None),
            ("mistral-large-latest", "call_0_mi", Some(9)),
            ("mistralai/devstral-small", "call_PTLP8xhu3uwZk4l3nlnrrJha", Some(9)),
            ("open-mistral-nemo", "", Some(9)),
            ("gpt-4.1", &long, Some(37)),
            ("gpt-4.1", &long[..40], None),
            ("gemini-3-pro", &long, None),
            ("deepseek-chat", "call_00_1", None),
        ] {
            let found = fitted(model, id);
            assert_eq!(found.as_ref().map(Text::len), expected, "{model} {id}");
            assert_eq!(found, fitted(model, id));
            let again = found.as_deref().map(|id| fitted(model, id));
            assert!(again.is_none_or(|again| again.is_none()), "{model} {id}");
        }
        assert_ne!(fitted("codestral", "a"), fitted("codestral", "b"));
    }
}
