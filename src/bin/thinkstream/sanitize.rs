//! Makes a model's text harmless for a terminal.

use std::borrow::Cow;

/// Replaces what a terminal would obey rather than show.
///
/// Control characters become their pictures (ESC is shown as ␛), but for line feeds and tabs. C1
/// controls, and the invisible characters that reorder or hide text, become U+FFFD. Each character
/// is looked at alone, so pieces of a text can be sanitized as they come.
pub(crate) fn sanitize(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_harmless) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().map(harmless).collect())
    }
}

/// Whether a terminal shows the character rather than obeys it.
pub(crate) fn is_harmless(char: char) -> bool {
    harmless(char) == char
}

fn harmless(char: char) -> char {
    match char {
        '\n' | '\t' => char,
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(char)).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        // C1; marks and overrides of direction; line and paragraph separators; tags.
        '\u{80}'..='\u{9f}'
        | '\u{61c}'
        | '\u{200e}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{e0000}'..='\u{e007f}' => '\u{fffd}',
        _ => char,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_a_terminal_would_obey() {
        for (text, shown) in [
            ("plain\tText\n", "plain\tText\n"),
            ("\x1b[31mred\x1b]0;title\x07", "␛[31mred␛]0;title␇"),
            ("over\rwritten\x08", "over␍written␈"),
            ("\x7f\u{9b}31m", "␡\u{fffd}31m"),
            ("a\u{202e}b\u{2066}c\u{e0041}", "a\u{fffd}b\u{fffd}c\u{fffd}"),
            ("naïve 😀", "naïve 😀"),
        ] {
            assert_eq!(sanitize(text), shown);
        }
    }

    #[test]
    fn pieces_are_as_good_as_the_whole() {
        let text = "a\x1b[1mé\u{202e}\u{e0041}\r\n";
        for (cut, _) in text.char_indices() {
            let (head, tail) = text.split_at(cut);
            assert_eq!(sanitize(head).into_owned() + &sanitize(tail), sanitize(text));
        }
    }

    #[test]
    fn nothing_is_left_to_obey() {
        for char in '\0'..=char::MAX {
            let shown = harmless(char);
            assert!(!shown.is_control() || matches!(shown, '\n' | '\t'), "{char:?}");
        }
    }
}
