//! What the names of called tools must look like: models call by names that no tool has, nor could have, and a request
//! with such a call in it is refused, and every one after it.

use alloc::string::String;

use super::{Target, kind};
use crate::json::edit::{quoted, raw_member, string_member, with_member};
use crate::message::Provider;
use crate::models::{Maker, Replay};
use crate::text::Text;

/// The name in a request to this target, if a call cannot keep its own: always the same for the same.
pub(super) fn fitted(target: &Target, name: &str) -> Option<Text> {
    // Most names go anywhere, and then it need not be known whom they go to.
    if (1..=STRICT).contains(&name.len()) && name.chars().all(is_plain) {
        return None;
    }
    let strict = is_strict(target);
    let fits = |char: char| !strict || is_plain(char);
    let most = match target.provider {
        _ if strict => STRICT,
        Provider::Anthropic => ANTHROPIC,
        _ => usize::MAX,
    };
    let count = name.chars().take(most.saturating_add(1)).count();
    if (1..=most).contains(&count) && name.chars().all(fits) {
        return None;
    }
    let fitted = name.chars().take(most).map(|char| if fits(char) { char } else { '_' });
    let fitted: String = fitted.collect();
    Some(if fitted.is_empty() { "unnamed".into() } else { fitted.into() })
}

/// A call in the words of any API, with a name that this target takes. `None` if it has one already.
pub(super) fn renamed(call: &str, target: &Target) -> Option<String> {
    let flat = |call: &str| {
        let name = string_member(call, "name").unwrap_or_default();
        with_member(call, "name", &quoted(&fitted(target, &name)?)).ok()
    };
    match kind(call).as_str() {
        "tool_use" | "function_call" | "custom_tool_call" => flat(call),
        "" | "function" | "custom" => {
            let mut keys = ["function", "custom"].into_iter();
            let (key, tool) = keys.find_map(|key| Some((key, raw_member(call, key)?)))?;
            with_member(call, key, &flat(tool)?).ok()
        }
        _ => None,
    }
}

fn is_plain(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '_' | '-')
}

/// Whether letters, digits, `_` and `-` are all that a name may have.
fn is_strict(target: &Target) -> bool {
    match target.provider {
        Provider::Anthropic => false,
        Provider::OpenAiResponses => true,
        Provider::OpenAiChat => {
            target.is_mistral()
                || Replay::vendor(&target.model) == Some("deepseek")
                || target.knows(|row| row.maker == Maker::OpenAi)
        }
    }
}

/// Characters that the Messages API takes, of any kind.
const ANTHROPIC: usize = 200;

/// Characters that `OpenAI`, Mistral and `DeepSeek` take.
const STRICT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_fitted_where_they_must_be() {
        let (chat, items) = (Provider::OpenAiChat, Provider::OpenAiResponses);
        let long = "x".repeat(201);
        for (provider, model, name, expected) in [
            (chat, "gpt-4.1", "multi_tool_use.parallel", Some("multi_tool_use_parallel")),
            (chat, "gpt-4.1", "roll-the_dice2", None),
            (chat, "gpt-4.1", "", Some("unnamed")),
            (chat, "gpt-4.1", &long[..64], None),
            (chat, "gpt-4.1", &long[..65], Some(&long[..64])),
            (chat, "deepseek-chat", "würfeln", Some("w_rfeln")),
            (chat, "mistral-large-latest", "a b", Some("a_b")),
            (chat, "gemini-3-pro", "browser.open", None),
            (chat, "gemini-3-pro", "", Some("unnamed")),
            (items, "gpt-5", "functions.exec", Some("functions_exec")),
            (items, "a deployment", "functions.exec", Some("functions_exec")),
            (items, "gpt-5", "exec", None),
            (Provider::Anthropic, "claude-opus-4-5", "git commit -m 'x'", None),
            (Provider::Anthropic, "claude-opus-4-5", &long[..200], None),
            (Provider::Anthropic, "claude-opus-4-5", &long, Some(&long[..200])),
            (Provider::Anthropic, "claude-opus-4-5", "", Some("unnamed")),
        ] {
            let target = Target::new(provider, model);
            let found = fitted(&target, name);
            assert_eq!(found.as_deref(), expected, "{model} {name}");
            assert_eq!(found.and_then(|found| fitted(&target, &found)), None, "{model} {name}");
        }
    }
}
