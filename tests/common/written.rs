//! What is written as JSON and read back is what it was.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use thinkstream::{Error, Event};

/// Reads back what is written, which must be the same and be written the same.
#[track_caller]
pub(crate) fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> String {
    let text = serde_json::to_string(value).unwrap();
    let read: T = match serde_json::from_str(&text) {
        Ok(read) => read,
        Err(error) => panic!("{error}: {text}"),
    };
    assert_eq!(read, *value, "{text}");
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    comes_back_tagged(value, &text);
    text
}

/// The same as part of a line that says what it is, of which `serde` reads all before it knows. White space and
/// the digits of fractions are not kept there.
#[track_caller]
fn comes_back_tagged<T: Serialize + DeserializeOwned>(value: &T, text: &str) {
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(tag = "type")]
    enum Line<T> {
        One { value: T },
    }
    // This tells of the white space.
    if text.contains(r#""about""#) {
        return;
    }
    let line = serde_json::to_string(&Line::One { value }).unwrap();
    let Line::<T>::One { value: read } = match serde_json::from_str(&line) {
        // It is two deeper there, and half a character is none to `serde`.
        Err(error)
            if [
                "recursion limit exceeded",
                "unexpected end of hex escape",
                "lone leading surrogate",
            ]
            .iter()
            .any(|limit| error.to_string().starts_with(limit)) =>
        {
            return;
        }
        read => read.unwrap_or_else(|error| panic!("{error}: {line}")),
    };
    let again = serde_json::to_string(&read).unwrap();
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(value(&again), value(text));
}

/// An error is of another kind then, but says the same.
#[track_caller]
pub(crate) fn error_comes_back(error: &Error) -> String {
    let text = serde_json::to_string(error).unwrap();
    let read: Error = match serde_json::from_str(&text) {
        Ok(read) => read,
        Err(error) => panic!("{error}: {text}"),
    };
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    assert_eq!(read.to_string(), error.to_string(), "{text}");
    assert_eq!(read.kind().name(), error.kind().name(), "{text}");
    assert_eq!(read.partial(), error.partial(), "{text}");
    assert_eq!(read.headers(), error.headers(), "{text}");
    assert_eq!(
        (read.offset(), read.status(), read.request_id(), read.retry_safe()),
        (error.offset(), error.status(), error.request_id(), error.retry_safe()),
        "{text}"
    );
    text
}

/// All that a stream gave comes back.
#[track_caller]
pub(crate) fn all_come_back((events, error): &(Vec<Event>, Option<Error>)) {
    for event in events {
        let text = comes_back(event);
        if let Event::Block(block) = event {
            comes_back(&*block.block);
        }
        assert!(serde_json::from_str::<Error>(&text).is_err(), "{text}");
    }
    if let Some(error) = error {
        let text = error_comes_back(error);
        assert!(serde_json::from_str::<Event>(&text).is_err(), "{text}");
    }
}

/// A block as an API would have it: without what only a reader of ours needs, which stands at its end.
pub(crate) fn without_about(block: &str) -> String {
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(block).unwrap();
    let Some(about) = members.get("about") else { return block.to_owned() };
    let open = block.strip_suffix(&format!("\"about\":{about}}}")).unwrap();
    format!("{}}}", open.strip_suffix(',').unwrap_or(open))
}
