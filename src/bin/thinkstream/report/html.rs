//! Text of others inside a page: always text, whatever it says.

use std::fmt::Write as _;

use crate::sanitize::sanitize;

/// Text for the content of an element or for a quoted attribute. Nothing of it is markup, and nothing
/// of it reorders or hides what stands around it.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in sanitize(text).chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(char),
        }
    }
    escaped
}

/// The beginning of a text, of at most so many bytes, and how many characters are left out.
pub(super) fn cut(text: &str, most: usize) -> (&str, usize) {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let (head, tail) = text.split_at(end);
    (head, tail.chars().count())
}

/// JSON with a member a line. Its numbers and the order of its keys stay as they were, and what is no
/// JSON stays whatever it is.
pub(super) fn pretty(json: &str) -> String {
    let mut pretty = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut chars = json.chars().filter(|char| *char != '\r').peekable();
    while let Some(char) = chars.next() {
        if in_string {
            pretty.push(char);
            (in_string, escaped) = (char != '"' || escaped, char == '\\' && !escaped);
            continue;
        }
        match char {
            '"' => {
                in_string = true;
                pretty.push(char);
            }
            '{' | '[' => {
                pretty.push(char);
                while chars.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(close) = chars.next_if(|char| matches!(char, '}' | ']')) {
                    pretty.push(close);
                } else {
                    depth += 1;
                    new_line(depth, &mut pretty);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(depth, &mut pretty);
                pretty.push(char);
            }
            ',' => {
                pretty.push(char);
                new_line(depth, &mut pretty);
            }
            ':' => pretty.push_str(": "),
            ' ' | '\n' | '\t' => {}
            _ => pretty.push(char),
        }
    }
    pretty
}

fn new_line(depth: usize, out: &mut String) {
    // What is nested deeper than anybody reads is not indented further.
    let _ = write!(out, "\n{:width$}", "", width = 2 * depth.min(24));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup() {
        for (text, escaped) in [
            ("plain é\n\t", "plain é\n\t"),
            ("</script><img src=x>", "&lt;/script&gt;&lt;img src=x&gt;"),
            ("a\" onload='x' &amp;", "a&quot; onload=&#39;x&#39; &amp;amp;"),
            ("\u{202e}evil\u{2066}\0\u{1b}", "\u{fffd}evil\u{fffd}␀␛"),
        ] {
            assert_eq!(escape(text), escaped);
        }
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("héllo", 2), ("h", 4));
        assert_eq!(cut("héllo", 3), ("hé", 3));
        assert_eq!(cut("héllo", 9), ("héllo", 0));
    }

    #[test]
    fn json_stays_what_it_says() {
        for (json, shown) in [
            (r#"{"b":1.00,"a":[]}"#, "{\n  \"b\": 1.00,\n  \"a\": []\n}"),
            ("{ \"a\" : { } }", "{\n  \"a\": {}\n}"),
            (r#"["a,b","{\"x\":[","\\"]"#, "[\n  \"a,b\",\n  \"{\\\"x\\\":[\",\n  \"\\\\\"\n]"),
            (r#"{"a":["#, "{\n  \"a\": [\n    "),
            ("]]", "\n]\n]"),
            ("", ""),
        ] {
            assert_eq!(pretty(json), shown);
        }
    }
}
