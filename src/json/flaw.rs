//! What is wrong with a JSON text, written down and read back.

use alloc::format;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Flaw, JsonError};
use crate::text::Text;

/// As it is written: the words of the reader are in the program, so a copy of them is looked up.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Written {
    Expected(Text),
    Unfinished,
    ControlCharacter,
    Escape,
    Utf8,
    TooDeep,
    Checksum,
    Missing(Text),
}

impl Serialize for Flaw {
    /// Its name in snake case: `"unfinished"`, `{"missing":"index"}`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = match *self {
            Self::Expected(what) => Written::Expected(what.into()),
            Self::Unfinished => Written::Unfinished,
            Self::ControlCharacter => Written::ControlCharacter,
            Self::Escape => Written::Escape,
            Self::Utf8 => Written::Utf8,
            Self::TooDeep => Written::TooDeep,
            Self::Checksum => Written::Checksum,
            Self::Missing(field) => Written::Missing(field.into()),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Flaw {
    /// What was expected or missing is `something else` if this version never says it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Expected(what) => Self::Expected(known(&EXPECTED, &what)),
            Written::Unfinished => Self::Unfinished,
            Written::ControlCharacter => Self::ControlCharacter,
            Written::Escape => Self::Escape,
            Written::Utf8 => Self::Utf8,
            Written::TooDeep => Self::TooDeep,
            Written::Checksum => Self::Checksum,
            Written::Missing(field) => Self::Missing(known(&MISSING, &field)),
        })
    }
}

impl JsonError {
    /// The error that is displayed in these words, if this version has it.
    pub(crate) fn from_words(words: &str) -> Option<Self> {
        let (flaw, at) = words.rsplit_once(" at byte ")?;
        let at = at.parse().ok()?;
        let expected = EXPECTED.into_iter().map(Flaw::Expected);
        let missing = MISSING.into_iter().map(Flaw::Missing);
        let mut flaws = PLAIN.into_iter().chain(expected).chain(missing);
        flaws.find(|known| format!("{known}") == flaw).map(|flaw| Self { at, flaw })
    }
}

impl<'de> Deserialize<'de> for JsonError {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct At {
            at: u64,
            flaw: Flaw,
        }
        let At { at, flaw } = At::deserialize(deserializer)?;
        // It may have been written where addresses are longer.
        usize::try_from(at).map(|at| Self { at, flaw }).map_err(D::Error::custom)
    }
}

fn known(words: &[&'static str], word: &str) -> &'static str {
    words.iter().find(|known| **known == word).copied().unwrap_or(OTHER)
}

/// What is expected somewhere in this crate.
const EXPECTED: [&str; 17] = [
    "the end",
    "a value",
    "an object",
    "`,` or `}`",
    "an array",
    "`,` or `]`",
    "a string",
    "a key",
    "`:`",
    "a digit",
    "a length",
    "a length that holds the headers",
    "base64",
    "a type of a header",
    "an index",
    "fewer choices",
    OTHER,
];

/// What an event cannot do without.
const MISSING: [&str; 13] = [
    "output_index",
    "index",
    "content_block",
    "type",
    "data",
    "id",
    "name",
    "message",
    "delta",
    "citation",
    "item",
    "part",
    OTHER,
];

const OTHER: &str = "something else";

/// The flaws that have no words of their own.
const PLAIN: [Flaw; 6] = [
    Flaw::Unfinished,
    Flaw::ControlCharacter,
    Flaw::Escape,
    Flaw::Utf8,
    Flaw::TooDeep,
    Flaw::Checksum,
];

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::borrow::ToOwned;
    use alloc::string::String;
    use alloc::vec;
    use alloc::vec::Vec;
    use std::fs;
    use std::path::PathBuf;

    /// The words that stand behind `marks` anywhere in the sources.
    fn words(marks: &[&str]) -> Vec<String> {
        let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
        let mut words = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    // The program has words of its own.
                    if !path.ends_with("src/bin") {
                        folders.push(path);
                    }
                    continue;
                }
                let text = fs::read_to_string(path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap();
                for mark in marks {
                    let found = code.split(mark).skip(1);
                    words.extend(found.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
                }
            }
        }
        assert!(words.len() > 5, "{marks:?}");
        words
    }

    #[test]
    fn every_word_that_is_said_is_known() {
        let takes: Vec<String> =
            b"{[,\":]}".map(|byte| format!("take(b'{}', \"", char::from(byte))).into();
        let mut marks = vec!["Flaw::Expected(\""];
        marks.extend(takes.iter().map(String::as_str));
        for word in words(&marks) {
            assert!(EXPECTED.contains(&&*word), "{word}");
        }
        for word in words(&[
            "Flaw::Missing(\"",
            "require(reader, fields.data, \"",
            "require(reader, fields.id, \"",
            "require(reader, fields.name, \"",
            ".ok_or(\"",
        ]) {
            assert!(MISSING.contains(&&*word), "{word}");
        }
    }

    #[test]
    fn flaws_come_back() {
        let flaws =
            PLAIN.into_iter().chain(EXPECTED.map(Flaw::Expected)).chain(MISSING.map(Flaw::Missing));
        for (at, flaw) in flaws.enumerate() {
            let error = JsonError { at, flaw };
            let text = serde_json::to_string(&error).unwrap();
            assert_eq!(serde_json::from_str::<JsonError>(&text).unwrap(), error, "{text}");
            assert_eq!(JsonError::from_words(&format!("{error}")), Some(error));
        }
        let later = r#"{"at":1,"flaw":{"expected":"a miracle"}}"#;
        let later: JsonError = serde_json::from_str(later).unwrap();
        assert_eq!(later.flaw, Flaw::Expected("something else"));
        assert_eq!(JsonError::from_words("a miracle at byte 5"), None);
    }
}
