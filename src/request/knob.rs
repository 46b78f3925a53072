//! What a person says of thinking, read from everything that people write.

use core::fmt;
use core::str::FromStr;

use alloc::string::ToString;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::ParseThinkingError;
use crate::json::Json;
use crate::json::edit::{raw_member, with_member};
use crate::models::Effort;

/// How a model shall think: see [what people write](super#what-people-write).
///
/// ```
/// use thinkstream::request::{Effort, Thinking};
///
/// assert_eq!(" HIGH ".parse(), Ok(Thinking::Effort(Effort::High)));
/// assert_eq!(serde_json::from_str::<Thinking>("12000").unwrap(), Thinking::Budget(12_000));
/// assert_eq!(Thinking::from(false), Thinking::Off);
/// assert_eq!(
///     "ultra".parse::<Thinking>().unwrap_err().to_string(),
///     "\"ultra\" says nothing of thinking: true, false, off, adaptive, minimal, low, medium, high, \
///      xhigh, max, quick, standard, deep, a number of tokens or an object does"
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Thinking {
    /// As the model does unasked.
    #[default]
    ModelDefault,
    /// Off, also where the model thinks unasked.
    Off,
    /// On, as deep as is usual for the model.
    On,
    /// As deep as the name says, in the mode that the model takes.
    Effort(Effort),
    /// The model decides how much, guided by an effort if there is one.
    Adaptive(Option<Effort>),
    /// At most so many tokens.
    Budget(u64),
    /// Only short notes between tool calls.
    BetweenTools,
    /// The JSON object itself: `thinking` of Anthropic, `reasoning` of `OpenAI`.
    Raw(Json),
}

/// What the names stand for. The first name of each is how it is written.
const NAMES: &[(&str, Thinking)] = &[
    ("default", Thinking::ModelDefault),
    ("null", Thinking::ModelDefault),
    ("off", Thinking::Off),
    ("false", Thinking::Off),
    ("none", Thinking::Off),
    ("disabled", Thinking::Off),
    ("on", Thinking::On),
    ("true", Thinking::On),
    ("enabled", Thinking::On),
    ("adaptive", Thinking::Adaptive(None)),
    ("between_tools", Thinking::BetweenTools),
    // As programs that look at a target name how thorough they are.
    ("quick", Thinking::Effort(Effort::Low)),
    ("standard", Thinking::Effort(Effort::Medium)),
    ("deep", Thinking::Effort(Effort::High)),
];

impl Thinking {
    /// A JSON object, with the type that a budget implies.
    fn raw(object: &str) -> Result<Self, ParseThinkingError> {
        let unknown = |_| ParseThinkingError::new(object);
        let json = Json::parse(object.to_string()).map_err(unknown)?;
        if raw_member(&json, "type").is_none() && raw_member(&json, "budget_tokens").is_some() {
            let typed = with_member(&json, "type", r#""enabled""#).map_err(unknown)?;
            return Ok(Self::Raw(Json::checked(typed)));
        }
        Ok(Self::Raw(json))
    }
}

impl FromStr for Thinking {
    type Err = ParseThinkingError;

    fn from_str(text: &str) -> Result<Self, ParseThinkingError> {
        let name = text.trim();
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if let Some((_, thinking)) = NAMES.iter().find(|(known, _)| is(known)) {
            return Ok(thinking.clone());
        }
        if let Ok(effort) = name.parse() {
            return Ok(Self::Effort(effort));
        }
        // `8000.0` is a whole number too.
        if let Ok(tokens) = name.strip_suffix(".0").unwrap_or(name).parse() {
            return Ok(Self::Budget(tokens));
        }
        if name.starts_with('{') {
            return Self::raw(name);
        }
        let adaptive =
            name.split_once(':').filter(|(mode, _)| mode.trim().eq_ignore_ascii_case("adaptive"));
        match adaptive.map(|(_, effort)| effort.trim().parse()) {
            Some(Ok(effort)) => Ok(Self::Adaptive(Some(effort))),
            _ => Err(ParseThinkingError::new(text)),
        }
    }
}

impl From<bool> for Thinking {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}

impl From<Effort> for Thinking {
    fn from(effort: Effort) -> Self {
        Self::Effort(effort)
    }
}

impl From<Option<Self>> for Thinking {
    fn from(thinking: Option<Self>) -> Self {
        thinking.unwrap_or_default()
    }
}

impl TryFrom<Value> for Thinking {
    type Error = ParseThinkingError;

    fn try_from(value: Value) -> Result<Self, ParseThinkingError> {
        match value {
            Value::Null => Ok(Self::ModelDefault),
            Value::Bool(on) => Ok(on.into()),
            Value::String(text) => text.parse(),
            Value::Object(_) => Self::raw(&value.to_string()),
            Value::Number(number) => number.to_string().parse(),
            Value::Array(_) => Err(ParseThinkingError::new(&value.to_string())),
        }
    }
}

impl<'de> Deserialize<'de> for Thinking {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl fmt::Display for Thinking {
    /// As [`FromStr`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Effort(effort) => effort.fmt(f),
            Self::Adaptive(Some(effort)) => f.pad(&alloc::format!("adaptive:{effort}")),
            Self::Budget(tokens) => fmt::Display::fmt(tokens, f),
            Self::Raw(json) => f.pad(json),
            named => {
                let name = NAMES.iter().find(|(_, thinking)| thinking == named);
                f.pad(name.map_or("default", |(name, _)| name))
            }
        }
    }
}

impl Serialize for Thinking {
    /// As [`Deserialize`] reads it; of the JSON object itself that reads what it says, but neither the order
    /// of its keys nor its white space, for it may stand in a file of any format.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::ModelDefault => serializer.serialize_none(),
            Self::Off => serializer.serialize_bool(false),
            Self::On => serializer.serialize_bool(true),
            Self::Budget(tokens) => serializer.serialize_u64(*tokens),
            Self::Raw(json) => json.serialize(serializer),
            named => serializer.serialize_str(&named.to_string()),
        }
    }
}
