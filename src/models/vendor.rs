//! Whose model it is, by its name.

use super::strip;

/// How the names of models begin, and whose they are. The first that fits counts.
const VENDORS: [(&str, &str); 45] = [
    // Anyone may run it: what OpenAI has sealed is nothing to it.
    ("gpt-oss", "gpt-oss"),
    ("gpt-", "openai"),
    ("chatgpt", "openai"),
    ("codex", "openai"),
    ("computer-use", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("claude", "anthropic"),
    ("grok", "xai"),
    ("gemini", "google"),
    ("gemma", "google"),
    ("qwen", "alibaba"),
    ("qwq", "alibaba"),
    ("qvq", "alibaba"),
    ("deepseek", "deepseek"),
    ("kimi", "moonshot"),
    ("moonshot", "moonshot"),
    ("glm", "zai"),
    ("mimo", "xiaomi"),
    ("minimax", "minimax"),
    ("mistral", "mistral"),
    ("mixtral", "mistral"),
    ("open-mi", "mistral"),
    ("open-codestral", "mistral"),
    ("pixtral", "mistral"),
    ("magistral", "mistral"),
    ("ministral", "mistral"),
    ("codestral", "mistral"),
    ("devstral", "mistral"),
    ("llama", "meta"),
    ("nova", "amazon"),
    ("nemotron", "nvidia"),
    ("command", "cohere"),
    ("phi", "microsoft"),
    ("granite", "ibm"),
    ("hunyuan", "tencent"),
    ("ernie", "baidu"),
    ("doubao", "bytedance"),
    ("seed", "bytedance"),
    ("step", "stepfun"),
    ("sonar", "perplexity"),
    ("jamba", "ai21"),
    ("olmo", "ai2"),
    ("exaone", "lg"),
];

/// The vendor of a model, if its name tells.
pub(crate) fn vendor(id: &str) -> Option<&'static str> {
    of(&strip(id))
}

/// Whether two models are of different vendors, as far as their names tell.
pub(crate) fn other_vendor(one: &str, other: &str) -> bool {
    vendor(one).zip(vendor(other)).is_some_and(|(one, other)| one != other)
}

/// Whose the model of this name is.
pub(super) fn of(name: &str) -> Option<&'static str> {
    VENDORS.iter().find(|(begin, _)| name.starts_with(begin)).map(|(_, vendor)| *vendor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_whose_a_model_is() {
        for (id, expected) in [
            ("gpt-5.2", Some("openai")),
            ("openai/gpt-5.2-codex", Some("openai")),
            ("openai/gpt-oss-120b", Some("gpt-oss")),
            ("o3-mini", Some("openai")),
            ("anthropic.claude-opus-4-8", Some("anthropic")),
            ("x-ai/grok-4", Some("xai")),
            ("Qwen/Qwen3-32B", Some("alibaba")),
            ("open-mixtral-8x22b", Some("mistral")),
            ("my-deployment", None),
            ("", None),
        ] {
            assert_eq!(vendor(id), expected, "{id}");
        }
    }

    /// Or the later one would never be found.
    #[test]
    fn no_name_hides_another() {
        for (at, (name, _)) in VENDORS.iter().enumerate() {
            let hidden = VENDORS[..at].iter().any(|(earlier, _)| name.starts_with(earlier));
            assert!(!hidden, "{name}");
        }
    }
}
