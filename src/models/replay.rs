//! Who wants the plain reasoning of a chat back.

use serde::{Deserialize, Serialize};

use super::strip;

/// When the plain reasoning of a chat (`reasoning_content` and its like) goes back to the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Replay {
    /// Never: the server ignores it, or refuses the request.
    #[default]
    Never,
    /// While the tool calls that it led to are being answered.
    InToolLoop,
    /// Always, even where it is empty.
    Always,
}

impl Replay {
    /// When a model wants its reasoning back, by the [table](super#reasoning-in-chats). Who is not in it
    /// does not.
    #[must_use]
    pub fn of(model: &str) -> Self {
        match row(model).map(|(_, when)| when) {
            Some("always") => Self::Always,
            Some("in a tool loop") => Self::InToolLoop,
            _ => Self::Never,
        }
    }

    /// Whose model it is, as far as the table tells: how its row begins.
    pub(crate) fn vendor(model: &str) -> Option<&'static str> {
        row(model).and_then(|(begin, _)| begin.split('-').next())
    }
}

fn row(model: &str) -> Option<(&'static str, &'static str)> {
    let name = strip(model);
    let rows = include_str!("replay.md").lines().skip(2);
    let mut rows = rows.filter_map(|row| {
        let mut cells = row.trim_start_matches('|').split('|').map(str::trim);
        Some((cells.next()?, cells.next()?))
    });
    rows.find(|(begin, _)| name.starts_with(begin))
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
            ("moonshotai/Kimi-K2.5", Replay::InToolLoop),
            ("z-ai/glm-4.7", Replay::Always),
            ("gpt-5", Replay::Never),
            ("", Replay::Never),
        ] {
            assert_eq!(Replay::of(model), replay, "{model}");
        }
        let rows = include_str!("replay.md").lines().skip(2);
        assert!(rows.clone().count() > 5);
        for row in rows {
            let when = row.split('|').nth(2).unwrap().trim();
            assert!(["always", "never", "in a tool loop"].contains(&when), "{row}");
        }
    }
}
