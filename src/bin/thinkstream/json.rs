//! Values as lines of JSON.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use crate::sanitize::is_harmless;

/// Prints a value as one line of JSON.
///
/// Characters that a terminal would obey, or that some readers take for line ends (U+2028, U+0085),
/// are escaped. In JSON they can stand in strings only, where the escape means the same. Line breaks
/// and tabs can stand between values only, in JSON that is written as the model wrote it.
pub(crate) fn line(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    let json = serde_json::to_string(value)?;
    let mut line = String::with_capacity(json.len() + 1);
    for char in json.chars() {
        if matches!(char, '\n' | '\r' | '\t') {
            line.push(' ');
        } else if is_harmless(char) {
            line.push(char);
        } else {
            for unit in char.encode_utf16(&mut [0; 2]) {
                let _ = write!(line, "\\u{unit:04x}");
            }
        }
    }
    line.push('\n');
    out.write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use thinkstream::Json;

    #[test]
    fn a_line_is_one_line_everywhere() {
        let input = Json::parse("{\"a\":\r\n\t1}").unwrap();
        let mut out = Vec::new();
        line(&input, &mut out).unwrap();
        assert_eq!(out, b"{\"a\":   1}\n");

        let text = "a\nb\u{2028}c\u{85}d\u{9b}e\u{e0041}é";
        let mut out = Vec::new();
        line(&text, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out, "\"a\\nb\\u2028c\\u0085d\\u009be\\udb40\\udc41é\"\n");
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
    }
}
