//! The deltas of the provider, recognised where they lie.
//!
//! Four of five events are deltas, and the provider writes every delta of a kind alike, byte for byte,
//! but for the block's index, one string, and up to 15 spaces before the last brace:
//!
//! ```text
//! event: content_block_delta␊
//! data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}     }␊␊
//! └──────────── FRAME ───────────────────────┘ └── DELTA ─────┘└─── of the kind ──┘└string┘└─ tail
//! ```
//!
//! Comparing those bytes costs a fraction of framing the event and reading its JSON. What is not
//! exactly this is nobody's loss: the general path reads it, and gives the same events for what is.

use crate::text::{Arena, Window};
use crate::vector;
use crate::wire::piece::{self, DeltaKind as Kind, Piece};

/// A delta at the front of the input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peeked {
    pub(crate) kind: Kind,
    pub(crate) index: u32,
    pub(crate) string: Piece,
    /// The length of its frame, blank line included; or of its data, if that is all there was.
    pub(crate) len: usize,
}

/// Recognises deltas, and knows what the last one was like: within a block, all begin alike.
#[derive(Debug)]
pub(crate) struct Peeker {
    /// The last delta from its index to its string, in the first `len` bytes.
    head: [u8; HEAD],
    len: u8,
    kind: Kind,
    index: u32,
}

impl Peeker {
    pub(crate) fn new() -> Self {
        Self { head: [0; HEAD], len: 0, kind: Kind::Text, index: 0 }
    }

    /// Recognises the frame of a delta at the front of `input`. Its string is put into `window` if it
    /// is short, else into `arena` if it has escapes.
    #[inline(always)]
    pub(crate) fn frame(
        &mut self,
        input: &[u8],
        window: &mut Window,
        arena: &mut Arena,
    ) -> Option<Peeked> {
        if !starts_with(input, FRAME) {
            return None;
        }
        self.delta(input, FRAME.len(), b"}\n\n", window, arena)
    }

    /// Recognises what a delta's frame has behind [`FRAME`], at the front of `rest`.
    #[inline(always)]
    pub(crate) fn behind_frame(
        &mut self,
        rest: &[u8],
        window: &mut Window,
        arena: &mut Arena,
    ) -> Option<Peeked> {
        self.delta(rest, 0, b"}\n\n", window, arena)
    }

    /// Recognises a delta that is the whole `data` of a frame, wherever that came from.
    pub(crate) fn data(
        &mut self,
        data: &[u8],
        window: &mut Window,
        arena: &mut Arena,
    ) -> Option<Peeked> {
        if !starts_with(data, DATA) {
            return None;
        }
        self.delta(data, DATA.len(), b"}", window, arena).filter(|peeked| peeked.len == data.len())
    }

    /// Reads a delta from its index on, up to its `end`.
    #[inline(always)]
    fn delta<const N: usize>(
        &mut self,
        input: &[u8],
        at: usize,
        end: &[u8; N],
        window: &mut Window,
        arena: &mut Arena,
    ) -> Option<Peeked> {
        let start = match self.again(input, at) {
            Some(start) => start,
            None => self.head(input, at)?,
        };
        let (string, stop) = piece::string(input, start, window, arena)?;
        let len = tail(input, stop.checked_add(1)?, end)?;
        Some(Peeked { kind: self.kind, index: self.index, string, len })
    }

    /// The place of the string, if the delta begins as the last one did.
    #[inline(always)]
    fn again(&self, input: &[u8], at: usize) -> Option<usize> {
        // Two arrays of 32 bytes that overlap, as in `starts_with`: every head has 39 at least.
        let len = usize::from(self.len);
        let start = at.checked_add(len)?;
        let last = len.checked_sub(32)?;
        let same = input.get(at..)?.first_chunk::<32>() == self.head.first_chunk::<32>()
            && input.get(start.checked_sub(32)?..)?.first_chunk::<32>()
                == self.head.get(last..)?.first_chunk::<32>();
        same.then_some(start)
    }

    /// Reads what comes before the string, and says where that is.
    #[inline(never)]
    fn head(&mut self, input: &[u8], at: usize) -> Option<usize> {
        let (index, place) = index(input, at)?;
        let (kind, start) = kind(input, place)?;
        let head = input.get(at..start)?;
        self.head.get_mut(..head.len())?.copy_from_slice(head);
        (self.len, self.kind, self.index) = (u8::try_from(head.len()).ok()?, kind, index);
        Some(start)
    }
}

/// The place behind the delta whose string ended before `at`: a brace, spaces, and its `end`.
#[inline(always)]
fn tail<const N: usize>(input: &[u8], at: usize, end: &[u8; N]) -> Option<usize> {
    if *input.get(at)? != b'}' {
        return None;
    }
    padded(input, at.checked_add(1)?, end)
}

/// The place behind the spaces at `at` and the `end` behind them.
#[inline(always)]
pub(super) fn padded<const N: usize>(input: &[u8], at: usize, end: &[u8; N]) -> Option<usize> {
    let from = at.min(input.len().checked_sub(PADDING)?);
    let other = !vector::equal(input.get(from..)?.first_chunk()?, b' ');
    let spaces = other.checked_shr(u32::try_from(at.checked_sub(from)?).ok()?)?.trailing_zeros();
    let at = at.checked_add(usize::try_from(spaces).ok()?)?;
    (input.get(at..)?.first_chunk()? == end).then_some(at.checked_add(N)?)
}

/// The index of up to nine digits at `at`, and the place behind it.
pub(super) fn index(input: &[u8], at: usize) -> Option<(u32, usize)> {
    let digit = |at: usize| {
        let digit = input.get(at)?.wrapping_sub(b'0');
        (digit < 10).then_some(u32::from(digit))
    };
    let mut index = digit(at)?;
    let mut at = at.checked_add(1)?;
    while let Some(digit) = digit(at) {
        // No number begins with a zero.
        if index == 0 || index > 99_999_999 {
            return None;
        }
        index = index.checked_mul(10)?.checked_add(digit)?;
        at = at.checked_add(1)?;
    }
    Some((index, at))
}

/// The kind of the delta whose fields begin at `at`, and the place where its string begins.
fn kind(input: &[u8], at: usize) -> Option<(Kind, usize)> {
    let rest = input.get(at..)?;
    if rest.first_chunk()? != DELTA {
        return None;
    }
    let rest = rest.get(DELTA.len()..)?;
    let (kind, len) = match rest.get(1)? {
        b'e' if *rest.first_chunk()? == *TEXT => (Kind::Text, TEXT.len()),
        b'h' if *rest.first_chunk()? == *THINKING => (Kind::Thinking, THINKING.len()),
        b'n' if starts_with(rest, INPUT_JSON) => (Kind::InputJson, INPUT_JSON.len()),
        _ => return None,
    };
    Some((kind, at.checked_add(DELTA.len())?.checked_add(len)?))
}

/// Whether `bytes` starts with `prefix`, which is longer than 32 bytes.
///
/// Compared in arrays of 32 bytes, of which the last overlaps: for longer ones the compiler calls
/// `bcmp`, which costs as much as the rest.
pub(super) fn starts_with<const N: usize>(bytes: &[u8], prefix: &[u8; N]) -> bool {
    let Some(head) = bytes.first_chunk::<N>() else {
        return false;
    };
    let whole = head
        .chunks_exact(32)
        .zip(prefix.chunks_exact(32))
        .all(|(a, b)| a.first_chunk::<32>() == b.first_chunk::<32>());
    whole && head.last_chunk::<32>() == prefix.last_chunk::<32>()
}

/// What all of them begin with.
pub(crate) const FRAME: &[u8; 71] =
    b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":";
const DATA: &[u8; 38] = b"{\"type\":\"content_block_delta\",\"index\":";
const DELTA: &[u8; 18] = b",\"delta\":{\"type\":\"";
const TEXT: &[u8; 20] = b"text_delta\",\"text\":\"";
const THINKING: &[u8; 28] = b"thinking_delta\",\"thinking\":\"";
const INPUT_JSON: &[u8; 34] = b"input_json_delta\",\"partial_json\":\"";

/// An index of nine digits and the longest of what follows it, in words.
const HEAD: usize = 64;

/// One more than the longest padding.
const PADDING: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

    fn head(index: &str, kind: &str, key: &str) -> String {
        format!(
            r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"{kind}","{key}":""#
        )
    }

    /// A delta of this text, as it stands.
    fn text(text: &[u8]) -> Vec<u8> {
        [head("0", "text_delta", "text").as_bytes(), text, b"\"}}"].concat()
    }

    /// What is recognised, and where its string is put: alike as data, as a frame at the end of the
    /// input and before more, by a peeker that is new and by one that has seen such a delta.
    #[track_caller]
    fn peek(data: &[u8]) -> Option<(Kind, u32, Vec<u8>, &'static str)> {
        let frame = [b"event: content_block_delta\ndata: ", data, b"\n\n"].concat();
        let more = [&frame[..], b"event: content_block_delta\ndata: {\"type\":\"content"].concat();
        let mut found = Vec::new();
        for (input, len) in [(data, data.len()), (&frame, frame.len()), (&more, frame.len())] {
            let mut peeker = Peeker::new();
            for _ in 0..2 {
                let (mut window, mut arena) = (Window::ZERO, Arena::default());
                let peeked = if len == data.len() {
                    peeker.data(input, &mut window, &mut arena)
                } else {
                    peeker.frame(input, &mut window, &mut arena)
                };
                found.push(peeked.and_then(|peeked| {
                    assert_eq!(peeked.len, len);
                    let (string, place) = match peeked.string {
                        Piece::Short(len) => (window.0[..len].to_vec(), "window"),
                        Piece::Plain { start, end } => (input[start..end].to_vec(), "slice"),
                        Piece::Written => (arena.take()?.as_bytes().to_vec(), "arena"),
                    };
                    // Only what is in the window is known to be text.
                    let is_text = core::str::from_utf8(&string).is_ok();
                    assert!(is_text || place != "window", "{}", data.escape_ascii());
                    is_text.then_some((peeked.kind, peeked.index, string, place))
                }));
            }
        }
        assert!(found.iter().all(|one| *one == found[0]), "{found:?}");
        found.swap_remove(0)
    }

    #[test]
    fn strings() {
        let x = |count: usize| b"x".repeat(count);
        let letters = br"\u0061".repeat(6);
        for (string, expected) in [
            (b"".to_vec(), Some((&b""[..], "window"))),
            (b"Hi".to_vec(), Some((b"Hi", "window"))),
            ("é ü".into(), Some(("é ü".as_bytes(), "window"))),
            (x(31), Some((&x(31), "window"))),
            (x(32), Some((&x(32), "window"))),
            (x(33), Some((&x(33), "slice"))),
            (
                [&x(40)[..], b" ", &x(40)].concat(),
                Some((&[&x(40)[..], b" ", &x(40)].concat(), "slice")),
            ),
            // Escapes.
            (br#"a\n\"b"#.to_vec(), Some((b"a\n\"b", "window"))),
            (br"\u00e9\ud83d\ude00".to_vec(), Some(("é😀".as_bytes(), "window"))),
            ("é\\n".into(), Some(("é\n".as_bytes(), "window"))),
            ("\\né".into(), Some(("\né".as_bytes(), "window"))),
            ([&letters[..], "é".as_bytes()].concat(), Some(("aaaaaaé".as_bytes(), "window"))),
            ([b"\\n", &x(40)[..]].concat(), Some((&[b"\n", &x(40)[..]].concat(), "arena"))),
            (
                [&x(40)[..], br"\t\u00e9!"].concat(),
                Some((&[&x(40)[..], "\té!".as_bytes()].concat(), "arena")),
            ),
            // What is no JSON, no text, or half of a character.
            (b"a\x1f".to_vec(), None),
            (b"\\n\x1f".to_vec(), None),
            ([&x(40)[..], b"\x1f"].concat(), None),
            ([&x(40)[..], b"\\n\x1f"].concat(), None),
            (br"\x".to_vec(), None),
            (br"a\ud83d".to_vec(), None),
            ([&x(40)[..], br"\ud83d"].concat(), None),
            (b"\xff".to_vec(), None),
            (b"\xff\xff".to_vec(), None),
            (b"\x80".repeat(32), None),
            (b"\xff\\n".to_vec(), None),
            (b"\x80\\n".to_vec(), None),
            (b"\\n\xff".to_vec(), None),
            ([&letters[..], b"\xff"].concat(), None),
            (b"a\"".to_vec(), None),
        ] {
            let found = peek(&text(&string));
            let expected = expected.map(|(text, place)| (Kind::Text, 0, text.to_vec(), place));
            assert_eq!(found, expected, "{}", string.escape_ascii());
        }
    }

    #[test]
    fn kinds_and_indices() {
        for (index, expected) in [
            ("0", Some(0)),
            ("7", Some(7)),
            ("10", Some(10)),
            ("99999999", Some(99_999_999)),
            ("999999999", Some(999_999_999)),
            ("1234567890", None),
            ("01", None),
            ("-1", None),
            (":", None),
            ("1:", None),
            ("", None),
            ("x", None),
        ] {
            for (kind, key, found) in [
                ("text_delta", "text", Some(Kind::Text)),
                ("thinking_delta", "thinking", Some(Kind::Thinking)),
                ("input_json_delta", "partial_json", Some(Kind::InputJson)),
                ("signature_delta", "signature", None),
                ("tent_delta", "text", None),
                ("thinning_delta", "thinking", None),
                ("input_jsan_delta", "partial_json", None),
                ("input_json_delta", "partial_jsan", None),
                ("text_delta", "thin", None),
            ] {
                let data = head(index, kind, key) + "Hi\"}}";
                let found = found.zip(expected);
                let expected = found.map(|(kind, index)| (kind, index, b"Hi".to_vec(), "window"));
                assert_eq!(peek(data.as_bytes()), expected, "{data}");
            }
        }
    }

    #[test]
    fn what_comes_behind_the_string() {
        for padding in 0..16 {
            let data = head("0", "text_delta", "text") + "Hi\"}" + &" ".repeat(padding) + "}";
            assert!(peek(data.as_bytes()).is_some(), "{padding}");
        }
        for tail in [
            "\"}",
            "\"}]",
            "\" }}",
            "\",\"x\":0}}",
            "\"},\"x\":0}",
            "\"}\t}",
            "\"}} ",
            "\"}}}",
            "",
            "\"",
        ] {
            let data = head("0", "text_delta", "text") + "Hi" + tail;
            assert_eq!(peek(data.as_bytes()), None, "{data}");
        }
    }

    /// Each byte of what all deltas share is compared.
    #[test]
    fn what_comes_before_the_string() {
        for (index, kind, key) in [
            ("0", "text_delta", "text"),
            ("12", "thinking_delta", "thinking"),
            ("0", "input_json_delta", "partial_json"),
        ] {
            let head = head(index, kind, key);
            let whole = format!("event: content_block_delta\ndata: {head}Hi\"}}}}\n\n");
            let (mut window, mut arena) = (Window::ZERO, Arena::default());
            let mut known = Peeker::new();
            assert!(known.frame(whole.as_bytes(), &mut window, &mut arena).is_some());
            assert!(known.again(whole.as_bytes(), FRAME.len()).is_some());
            for at in 0..whole.find("Hi").unwrap() {
                let mut other = whole.clone().into_bytes();
                other[at] ^= 0x40;
                let place = known.again(&other, FRAME.len());
                assert!(place.is_none() || at < FRAME.len(), "{}", other.escape_ascii());
                for peeker in [&mut known, &mut Peeker::new()] {
                    let found = peeker.frame(&other, &mut window, &mut arena);
                    assert!(found.is_none(), "{}", other.escape_ascii());
                }
            }
        }
    }
}
