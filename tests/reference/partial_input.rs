//! What the beginning of a JSON text means, and the values of a whole one: slow and obvious.

use std::iter::{Peekable, from_fn};
use std::str::Chars;

use thinkstream::{Flaw, Json, JsonError};

/// The longest beginning of `text` that is JSON once it is closed and that nothing can change any more,
/// closed.
pub(crate) fn completion(text: &str) -> String {
    (1..=text.len())
        .rev()
        .filter(|cut| text.is_char_boundary(*cut))
        .map(|cut| text.split_at(cut))
        .filter(|(head, rest)| is_settled(head, rest))
        .map(|(head, _)| head.to_owned() + &closers(head))
        .find(|whole| Json::parse(whole.as_str()).is_ok())
        .unwrap_or_else(|| "{}".to_owned())
}

/// What is open at the end of `head`, innermost first.
fn closers(head: &str) -> String {
    let mut open = Vec::new();
    let mut chars = head.chars();
    while let Some(char) = chars.next() {
        match (char, open.last()) {
            ('\\', Some('"')) => drop(chars.next()),
            ('"', Some('"')) => drop(open.pop()),
            (_, Some('"')) => {}
            ('}' | ']', _) => drop(open.pop()),
            ('"', _) => open.push('"'),
            ('{', _) => open.push('}'),
            ('[', _) => open.push(']'),
            _ => {}
        }
    }
    open.into_iter().rev().collect()
}

fn is_settled(head: &str, rest: &str) -> bool {
    let in_scalar = |char: char| char.is_ascii_alphanumeric() || matches!(char, '+' | '-' | '.');
    if closers(head).starts_with('"') {
        return !ends_in_half(head) || !may_be_other_half(rest);
    }
    match head.chars().next_back() {
        Some(' ' | '\t' | '\n' | '\r') => false,
        Some(last) if in_scalar(last) => rest.chars().next().is_some_and(|next| !in_scalar(next)),
        _ => true,
    }
}

/// Whether it ends in the escape of the first half of a surrogate pair.
fn ends_in_half(head: &str) -> bool {
    let Some((before, unit)) = head.rsplit_once("\\u") else { return false };
    let slashes = before.chars().rev().take_while(|char| *char == '\\').count();
    unit.len() == 4
        && slashes % 2 == 0
        && u16::from_str_radix(unit, 16).is_ok_and(|unit| (0xD800..0xDC00).contains(&unit))
}

/// Whether it begins with the other half, or with a beginning of it.
fn may_be_other_half(rest: &str) -> bool {
    let escape: String = rest.chars().take(6).collect();
    match escape.strip_prefix("\\u") {
        Some(unit) if unit.len() == 4 => {
            u16::from_str_radix(unit, 16).is_ok_and(|unit| (0xDC00..0xE000).contains(&unit))
        }
        Some(_) => true,
        None => matches!(escape.as_str(), "" | "\\"),
    }
}

/// What `Json::parse` says of the whole text, but that nothing is an object, and that half a word is
/// unfinished.
pub(crate) fn error(text: &str) -> Option<JsonError> {
    let mut error = Json::parse(text).err()?;
    let left = text.get(error.at..).unwrap_or_default();
    let half =
        !left.is_empty() && ["true", "false", "null"].iter().any(|word| word.starts_with(left));
    if error.flaw == Flaw::Expected("a value") && half {
        (error.at, error.flaw) = (text.len(), Flaw::Unfinished);
    }
    (!text.trim_matches([' ', '\t', '\r', '\n']).is_empty()).then_some(error)
}

/// Every value of a whole text, those inside before those around them: its path, and its text.
pub(crate) fn fields(text: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    value(&mut text.chars().peekable(), "$".to_owned(), &mut fields);
    fields
}

type Input<'a> = Peekable<Chars<'a>>;

fn value(input: &mut Input<'_>, path: String, fields: &mut Vec<(String, String)>) -> String {
    space(input);
    let raw = match input.peek() {
        Some('{' | '[') => members(input, &path, fields),
        Some('"') => string(input),
        _ => from_fn(|| input.next_if(|char| !"]}, \t\r\n".contains(*char))).collect(),
    };
    fields.push((path, raw.clone()));
    raw
}

fn members(input: &mut Input<'_>, path: &str, fields: &mut Vec<(String, String)>) -> String {
    let mut raw = String::from(input.next().unwrap());
    let object = raw == "{";
    for index in 0.. {
        raw += &space(input);
        if input.peek().is_some_and(|char| "]}".contains(*char)) {
            break;
        }
        if index > 0 {
            raw.push(input.next().unwrap());
            raw += &space(input);
        }
        let mut path = format!("{path}[{index}]");
        if object {
            let key = string(input);
            path = path[..path.rfind('[').unwrap()].to_owned() + &name(&unescape(&key));
            raw += &key;
            raw += &space(input);
            raw.push(input.next().unwrap());
            raw += &space(input);
        }
        raw += &value(input, path, fields);
    }
    raw.push(input.next().unwrap());
    raw
}

fn name(key: &str) -> String {
    let letter = |char: char| char.is_ascii_alphabetic() || char == '_';
    if key.starts_with(letter) && key.chars().all(|char| letter(char) || char.is_ascii_digit()) {
        return format!(".{key}");
    }
    format!("[{}]", serde_json::to_string(key).unwrap())
}

fn space(input: &mut Input<'_>) -> String {
    from_fn(|| input.next_if(|char| " \t\r\n".contains(*char))).collect()
}

/// A string, with its quotes.
fn string(input: &mut Input<'_>) -> String {
    let mut raw = String::from(input.next().unwrap());
    loop {
        let char = input.next().unwrap();
        raw.push(char);
        match char {
            '\\' => raw.push(input.next().unwrap()),
            '"' => return raw,
            _ => {}
        }
    }
}

/// What a string with its quotes means; half of a surrogate pair is U+FFFD.
fn unescape(raw: &str) -> String {
    let mut units = Vec::new();
    let mut chars = raw[1..raw.len() - 1].chars();
    while let Some(char) = chars.next() {
        let char = match char {
            '\\' => match chars.next().unwrap() {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'u' => {
                    let digits: String = chars.by_ref().take(4).collect();
                    units.push(u16::from_str_radix(&digits, 16).unwrap());
                    continue;
                }
                other => other,
            },
            other => other,
        };
        units.extend_from_slice(char.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16_lossy(&units)
}
