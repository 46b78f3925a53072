//! Arguments that come in pieces: the same in any cuts, judged as the whole is, and at any time JSON.

use serde_json::Value;
use thinkstream::{Json, JsonError, PartialInput};

use super::whole_input as reference;

pub(crate) fn check(data: &[u8]) {
    let Some((stream, _)) = super::cut(data) else { return };
    let text = String::from_utf8_lossy(stream);
    let widths = &data[1..data.len() - stream.len()];
    let whole = tell(&[&text]);
    assert_eq!(tell(&pieces(&text, widths)), whole, "{text:?}");
    assert_eq!(whole.error, reference::error(&text), "{text:?}");
    assert_eq!(whole.text, text);
    // What a number at the root is, only the end tells.
    if whole.error.is_none() && whole.snapshot.ends_with(['"', ']', '}']) && !text.trim().is_empty()
    {
        assert_eq!(whole.fields, reference::fields(&text), "{text:?}");
    }
}

/// The text cut into these widths, in turn, and on to where a character ends.
fn pieces<'a>(text: &'a str, widths: &[u8]) -> Vec<&'a str> {
    let (mut at, mut end) = (0, 0);
    let cut = |chunk: &[u8]| {
        end += chunk.len();
        let to = (end..).find(|end| text.is_char_boundary(*end)).unwrap();
        &text[std::mem::replace(&mut at, to)..to]
    };
    super::cut_by(text.as_bytes(), widths).into_iter().map(cut).collect()
}

#[derive(Debug, Default, PartialEq)]
struct Told {
    fields: Vec<(String, String)>,
    error: Option<JsonError>,
    snapshot: String,
    value: Value,
    text: String,
}

fn tell(pieces: &[&str]) -> Told {
    let mut input = PartialInput::new();
    let mut told = Told::default();
    for (at, piece) in pieces.iter().enumerate() {
        let mut rest = *piece;
        loop {
            match input.next_field(&mut rest) {
                Ok(Some(field)) => {
                    let start = field.json.as_ptr();
                    told.fields.push((field.path.to_string(), field.json.to_owned()));
                    let received = input.as_str().as_bytes().as_ptr_range();
                    assert!(received.contains(&start));
                }
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(*told.error.get_or_insert(error), error);
                    break;
                }
            }
        }
        assert_eq!(rest, "");
        look(&mut input, told.error, at % 3 == 0);
    }
    told.error = told.error.or(input.finish().err());
    look(&mut input, told.error, true);
    told.snapshot = input.snapshot().to_owned();
    told.value = input.value().clone();
    told.text = input.as_str().to_owned();
    told
}

/// What is shown is JSON, all that is sure, and what its tree means.
fn look(input: &mut PartialInput, error: Option<JsonError>, tree: bool) {
    let snapshot = input.snapshot().to_owned();
    Json::parse(snapshot.as_str()).unwrap();
    if error.is_none() && !input.is_complete() && snapshot.len() < 200 {
        assert_eq!(snapshot, reference::completion(input.as_str()));
    }
    // `serde_json` does not read half of a surrogate pair, nor a number that is no float.
    if tree && let Ok(value) = serde_json::from_str::<Value>(&snapshot) {
        assert_eq!(*input.value(), value, "{snapshot}");
    }
}
