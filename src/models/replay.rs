//! Who wants the plain reasoning of a chat back.

use serde::{Deserialize, Serialize};

use super::strip;

/// When the plain reasoning of a chat (`reasoning_content` and its like), and thinking that nobody signed, goes back to
/// the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Replay {
    /// Never: the server ignores it, or refuses the request.
    #[default]
    Never,
    /// While the tool calls that it led to are being answered.
    InToolLoop,
    /// Always; where it is demanded also if it is empty, or a space where an empty one is refused.
    Always,
}

impl Replay {
    /// When a model wants its reasoning back, by the [table](super#reasoning-in-chats). Who is not in it
    /// does not.
    #[must_use]
    pub fn of(model: &str) -> Self {
        match row(model).map(|row| row.when) {
            Some("always") => Self::Always,
            Some("in a tool loop") => Self::InToolLoop,
            _ => Self::Never,
        }
    }

    /// Whose model it is, as far as the table tells: how its row begins.
    pub(crate) fn vendor(model: &str) -> Option<&'static str> {
        row(model).and_then(|row| row.begin.split('-').next())
    }

    /// Whether reasoning is demanded of a reply, also where there is none; `loops` if its calls are being answered.
    pub(crate) fn demands(self, model: &str, loops: bool) -> bool {
        let in_loop =
            || row(model).is_some_and(|row| row.when != "always" && !row.nothing.is_empty());
        self == Self::Always || self == Self::InToolLoop && loops && in_loop()
    }

    /// What a model that demands its reasoning takes where there is none, as JSON: an empty text, if it is not known.
    /// `None` if it is content without.
    pub(crate) fn nothing(model: &str) -> Option<&'static str> {
        match row(model) {
            Some(Row { when: "always", nothing, .. }) => Some(nothing).filter(|it| !it.is_empty()),
            _ => Some(r#""""#),
        }
    }
}

struct Row {
    begin: &'static str,
    when: &'static str,
    /// JSON, or empty.
    nothing: &'static str,
}

fn rows() -> impl Iterator<Item = Row> {
    include_str!("replay.md").lines().skip(2).filter_map(|row| {
        let mut cells = row.trim_start_matches('|').split('|').map(str::trim);
        let (begin, when) = (cells.next()?, cells.next()?);
        Some(Row { begin, when, nothing: cells.next()?.trim_matches('`') })
    })
}

fn row(model: &str) -> Option<Row> {
    let name = strip(model);
    rows().find(|row| name.starts_with(row.begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models() {
        for (model, replay) in [
            ("deepseek-reasoner", Replay::InToolLoop),
            ("openai/gpt-oss-120b", Replay::InToolLoop),
            ("MiniMaxAI/MiniMax-M2", Replay::InToolLoop),
            ("deepseek/deepseek-r1-0528", Replay::Never),
            ("deepseek-v4", Replay::Always),
            ("deepseek-chat", Replay::Always),
            ("moonshotai/Kimi-K2.5", Replay::Always),
            ("kimi-k2-0905-preview", Replay::Never),
            ("moonshot-v1-128k", Replay::Never),
            ("z-ai/glm-4.7", Replay::Always),
            ("moonshot.kimi-k2-thinking", Replay::Always),
            ("moonshotai.kimi-k2.5", Replay::Always),
            ("us.deepseek.r1-v1:0", Replay::Never),
            ("deepseek.v3-v1:0", Replay::Always),
            ("openai.gpt-oss-120b-1:0", Replay::InToolLoop),
            ("minimax.minimax-m2", Replay::InToolLoop),
            ("moonshotai/Kimi-K2-Base", Replay::Never),
            ("gpt-5", Replay::Never),
            ("", Replay::Never),
        ] {
            assert_eq!(Replay::of(model), replay, "{model}");
        }
        for (model, nothing) in [
            ("kimi-k2.6", Some(r#"" ""#)),
            ("deepseek-v4", Some(r#""""#)),
            ("deepseek-r1", Some(r#""""#)),
            ("nobody-knows", Some(r#""""#)),
            ("glm-5", None),
        ] {
            assert_eq!(Replay::nothing(model), nothing, "{model}");
        }
        assert!(rows().count() > 5);
        for row in rows() {
            assert!(["always", "never", "in a tool loop"].contains(&row.when), "{}", row.begin);
            assert!(row.nothing.is_empty() || row.when != "never", "{}", row.begin);
            let nothing = serde_json::from_str::<alloc::string::String>(row.nothing);
            assert!(row.nothing.is_empty() || nothing.is_ok(), "{}", row.begin);
        }
    }
}
