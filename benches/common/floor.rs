//! How fast it can be: a matcher that knows the provider's deltas by heart and nothing else.
//!
//! No frames, no state machine, no message, no owned events, and text lent for a moment only. It is
//! what the crate's figures are held against, not something to use.

use std::hint::black_box;

use bytes::Bytes;

use super::peers::Seen;

pub(crate) fn memchr2(chunks: &[Bytes]) -> Seen {
    run(chunks, |string| {
        let len = memchr::memchr2(b'"', b'\\', string)?;
        Some((len, false))
    })
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "the floor is what unsafe code reaches")]
pub(crate) fn sse2(chunks: &[Bytes]) -> Seen {
    use core::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
    };
    run(chunks, |string| {
        let mut at = 0;
        let mut high = 0;
        while let Some(part) = string.get(at..at + 16) {
            // SAFETY: 16 bytes can be read at `part`, and SSE2 is part of x86-64.
            let (ends, signs) = unsafe {
                let bytes = _mm_loadu_si128(part.as_ptr().cast::<__m128i>());
                let quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"'.cast_signed()));
                let slashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\'.cast_signed()));
                (_mm_movemask_epi8(_mm_or_si128(quotes, slashes)), _mm_movemask_epi8(bytes))
            };
            if ends != 0 {
                let len = ends.trailing_zeros();
                high |= signs & ((1 << len) - 1);
                return Some((at + len as usize, high == 0));
            }
            high |= signs;
            at += 16;
        }
        let len = string[at..].iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        let ascii = high == 0 && string[at..at + len].is_ascii();
        Some((at + len, ascii))
    })
}

/// `end` finds the first quote or backslash, and says whether all before it is known to be ASCII.
#[inline(always)]
fn run(chunks: &[Bytes], end: impl Fn(&[u8]) -> Option<(usize, bool)> + Copy) -> Seen {
    let mut matcher = Matcher { seen: Seen::default(), scratch: String::new() };
    let mut carry: Vec<u8> = Vec::new();
    for chunk in chunks {
        let mut rest = &chunk[..];
        if !carry.is_empty() {
            // The carry and a piece of the chunk, until the frame is whole.
            let before = carry.len();
            carry.extend_from_slice(&rest[..rest.len().min(256)]);
            let Some(taken) = matcher.frame(&carry, end) else {
                carry.truncate(before);
                carry.extend_from_slice(rest);
                let Some(taken) = matcher.frame(&carry, end) else { continue };
                rest = &rest[taken - before..];
                carry.clear();
                matcher.all(&mut rest, end);
                carry.extend_from_slice(rest);
                continue;
            };
            rest = &rest[taken - before..];
            carry.clear();
        }
        matcher.all(&mut rest, end);
        carry.extend_from_slice(rest);
    }
    matcher.seen
}

struct Matcher {
    seen: Seen,
    scratch: String,
}

/// A delta, borrowed.
struct Delta<'a> {
    kind: u8,
    index: u32,
    text: &'a str,
}

impl Matcher {
    #[inline(always)]
    fn all(&mut self, rest: &mut &[u8], end: impl Fn(&[u8]) -> Option<(usize, bool)> + Copy) {
        while let Some(taken) = self.frame(rest, end) {
            *rest = &rest[taken..];
        }
    }

    #[inline(always)]
    fn frame(
        &mut self,
        input: &[u8],
        end: impl Fn(&[u8]) -> Option<(usize, bool)> + Copy,
    ) -> Option<usize> {
        if let Some((delta, taken)) = delta(input, &mut self.scratch, end) {
            self.seen.events += 1;
            let delta = black_box(&delta);
            self.seen.text += if delta.kind == b'i' { 0 } else { delta.text.len() };
            return Some(taken);
        }
        // Any other frame counts, and is passed over.
        let at = memchr::memmem::find(input, b"\n\n")?;
        self.seen.events += 1;
        Some(at + 2)
    }
}

#[inline(always)]
fn delta<'a>(
    input: &'a [u8],
    scratch: &'a mut String,
    end: impl Fn(&[u8]) -> Option<(usize, bool)> + Copy,
) -> Option<(Delta<'a>, usize)> {
    let rest = input.strip_prefix(HEAD)?;
    let digits = rest.iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
    let index = rest[..digits].iter().fold(0, |index, byte| index * 10 + u32::from(byte - b'0'));
    let rest = rest[digits..].strip_prefix(DELTA)?;
    let kind = *rest.get(1)?;
    let string = match kind {
        b'e' => rest.strip_prefix(b"text_delta\",\"text\":\"")?,
        b'h' => rest.strip_prefix(b"thinking_delta\",\"thinking\":\"")?,
        b'n' => rest.strip_prefix(b"input_json_delta\",\"partial_json\":\"")?,
        b'i' => rest.strip_prefix(b"signature_delta\",\"signature\":\"")?,
        _ => return None,
    };
    let (len, ascii) = end(string)?;
    let (text, len) = if string[len] == b'"' {
        let text = &string[..len];
        (if ascii { ascii_str(text) } else { std::str::from_utf8(text).ok()? }, len)
    } else {
        scratch.clear();
        let len = unescape(string, scratch)?;
        (&**scratch, len)
    };
    let tail = string.get(len + 1..)?.strip_prefix(b"}")?;
    let spaces = tail.iter().take_while(|byte| **byte == b' ').count();
    let rest = tail[spaces..].strip_prefix(b"}\n\n")?;
    Some((Delta { kind, index, text }, input.len() - rest.len()))
}

#[allow(unsafe_code, reason = "the floor is what unsafe code reaches")]
fn ascii_str(text: &[u8]) -> &str {
    // SAFETY: only called for bytes that were found to be ASCII.
    unsafe { std::str::from_utf8_unchecked(text) }
}

/// Appends the string that `raw` begins with, up to its quote; the length of that.
fn unescape(raw: &[u8], text: &mut String) -> Option<usize> {
    let mut at = 0;
    loop {
        let plain = memchr::memchr2(b'"', b'\\', &raw[at..])?;
        text.push_str(std::str::from_utf8(&raw[at..at + plain]).ok()?);
        at += plain;
        if raw[at] == b'"' {
            return Some(at);
        }
        let char = match *raw.get(at + 1)? {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'u' => {
                let hex = std::str::from_utf8(raw.get(at + 2..at + 6)?).ok()?;
                at += 4;
                char::from_u32(u32::from_str_radix(hex, 16).ok()?)?
            }
            other => char::from(other),
        };
        text.push(char);
        at += 2;
    }
}

const HEAD: &[u8] =
    b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":";
const DELTA: &[u8] = b",\"delta\":{\"type\":\"";
