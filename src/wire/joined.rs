//! Events whose server leaves out the blank line between them: lines of data of one frame, each a JSON text of its own.

use core::ops::Range;

use crate::json::reader::Reader;

/// The events that stand in the data of a frame, one after the other, each behind the end of a line.
#[derive(Clone, Debug)]
pub(crate) struct Joined<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Joined<'a> {
    /// `None` if it is one event, or too many, or not all of it is such.
    pub(crate) fn new(data: &'a [u8]) -> Option<Self> {
        let joined = Self { text: core::str::from_utf8(data).ok()?, at: 0 };
        let mut events = joined.clone();
        let count = events.by_ref().take(MOST).count();
        (count > 1 && events.rest().is_empty()).then_some(joined)
    }

    /// What is left, without the white space before it.
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default().trim_start()
    }

    /// How long the event is at the front of `rest`, which ends with a line.
    fn len(rest: &str) -> Option<usize> {
        const DONE: &str = "[DONE]";
        let len = if rest.starts_with(DONE) {
            DONE.len()
        } else {
            let mut reader = Reader::new(rest);
            reader.raw().ok()?.len()
        };
        let behind = rest.get(len..)?.trim_start_matches([' ', '\t', '\r']);
        (behind.is_empty() || behind.starts_with('\n')).then_some(len)
    }
}

impl Iterator for Joined<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let rest = self.rest();
        let len = Self::len(rest).filter(|len| *len > 0)?;
        let start = self.text.len().checked_sub(rest.len())?;
        self.at = start.checked_add(len)?;
        Some(start..self.at)
    }
}

/// Events that are taken from one frame: they wait in memory together, and the shortest takes twenty times what it took
/// on the wire. It is more than a reply has.
const MOST: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec::Vec;

    #[test]
    fn events_end_where_their_json_and_a_line_do() {
        for (data, expected) in [
            ("{\"a\":1}\n{\"b\":2}", Some(&["{\"a\":1}", "{\"b\":2}"][..])),
            ("{\"a\":1} \r\n\n [DONE]\n", Some(&["{\"a\":1}", "[DONE]"])),
            ("{\n\"a\":1\n}\n{\n\"b\":2\n}", Some(&["{\n\"a\":1\n}", "{\n\"b\":2\n}"])),
            ("{}\n{}\n[DONE]", Some(&["{}", "{}", "[DONE]"])),
            // One event, or none.
            ("", None),
            ("{}", None),
            ("{\n\"a\":1\n}", None),
            ("[DONE]", None),
            // Not all of it.
            ("{}\n{", None),
            ("{}\nx", None),
            ("x\n{}", None),
            // No line ends between them.
            ("{}{}", None),
            ("{} {}", None),
            ("[DONE][DONE]", None),
        ] {
            let found = Joined::new(data.as_bytes());
            let found: Option<Vec<&str>> =
                found.map(|joined| joined.map(|range| &data[range]).collect());
            assert_eq!(found.as_deref(), expected, "{data:?}");
        }
        assert!(Joined::new(b"{}\n\xff").is_none());
        let many: String = "{}\n".repeat(MOST + 1);
        assert!(Joined::new(many.as_bytes()).is_none());
        assert_eq!(Joined::new(&many.as_bytes()[3..]).map(Iterator::count), Some(MOST));
    }
}
