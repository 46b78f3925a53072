//! Sixteen bytes at once, in safe code: what is true of which of them, as a bit for each, the first lowest.
//!
//! Without a branch that depends on where something is: the lengths of strings are random, and such
//! branches are guessed wrong.

use wide::u8x16;

/// The bytes of `window` that end plain text in a string: quotes, backslashes and control characters.
#[inline(always)]
pub(crate) fn ends_plain(window: &[u8; 16]) -> u32 {
    let bytes = u8x16::new(*window);
    let quote = bytes.simd_eq(u8x16::splat(b'"'));
    let backslash = bytes.simd_eq(u8x16::splat(b'\\'));
    let control = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes);
    (quote | backslash | control).to_bitmask()
}

/// The bytes of `window` that end a line.
#[inline(always)]
pub(crate) fn ends_line(window: &[u8; 16]) -> u32 {
    let bytes = u8x16::new(*window);
    (bytes.simd_eq(u8x16::splat(b'\n')) | bytes.simd_eq(u8x16::splat(b'\r'))).to_bitmask()
}

/// The bytes of `window` that are `byte`.
#[inline(always)]
pub(crate) fn equal(window: &[u8; 16], byte: u8) -> u32 {
    u8x16::new(*window).simd_eq(u8x16::splat(byte)).to_bitmask()
}

/// The bytes of `window` that are not ASCII.
#[inline(always)]
pub(crate) fn not_ascii(window: &[u8; 16]) -> u32 {
    u8x16::new(*window).to_bitmask()
}

/// What `of` finds in both halves of `window`.
#[inline(always)]
pub(crate) fn both(window: &[u8; 32], of: impl Fn(&[u8; 16]) -> u32) -> u32 {
    let half = |half: Option<&[u8; 16]>| half.map_or(0, &of);
    half(window.first_chunk()) | half(window.last_chunk()) << 16
}

/// The bytes of `block` that end plain text.
#[inline(always)]
pub(crate) fn ends_plain_in_block(block: &[u8; 64]) -> u64 {
    let quarters = block.as_chunks().0.iter().rev();
    quarters.fold(0, |bits, quarter| bits << 16 | u64::from(ends_plain(quarter)))
}

/// Whether any byte of `block` ends plain text.
#[inline(always)]
pub(crate) fn any_ends_plain(block: &[u8; 64]) -> bool {
    let (quarters, _) = block.as_chunks::<16>();
    let (mut least, mut found) = (u8x16::splat(u8::MAX), u8x16::ZERO);
    for quarter in quarters {
        let bytes = u8x16::new(*quarter);
        least = least.min(bytes);
        found |= bytes.simd_eq(u8x16::splat(b'"'));
        found |= bytes.simd_eq(u8x16::splat(b'\\'));
    }
    (least.min(u8x16::splat(0x1f)).simd_eq(least) | found).to_bitmask() != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same byte by byte.
    fn bits(window: &[u8; 16], is: impl Fn(u8) -> bool) -> u32 {
        (0..).zip(window).map(|(at, byte)| u32::from(is(*byte)) << at).sum()
    }

    #[test]
    fn every_byte_is_found_at_every_place() {
        for byte in 0..=u8::MAX {
            for at in 0..16 {
                for around in [b'x', b' ', byte] {
                    let mut window = [around; 16];
                    window[at] = byte;
                    let plain = |byte| !matches!(byte, b'"' | b'\\' | ..0x20);
                    assert_eq!(ends_plain(&window), bits(&window, |byte| !plain(byte)));
                    let line = |byte| matches!(byte, b'\n' | b'\r');
                    assert_eq!(ends_line(&window), bits(&window, line));
                    assert_eq!(equal(&window, b' '), bits(&window, |byte| byte == b' '));
                    assert_eq!(not_ascii(&window), bits(&window, |byte| !byte.is_ascii()));
                }
            }
        }
    }

    #[test]
    fn blocks_are_looked_at_whole() {
        let ends = |byte: u8| matches!(byte, b'"' | b'\\' | ..0x20);
        for byte in [b'"', b'\\', 0, 0x1f, b' ', b'x', 0x80, 0xff] {
            for at in 0..64 {
                // Two of them, also where they lie alike in two of its quarters.
                for (other, second) in [(at, byte), (at ^ 16, byte), (at ^ 48, b'"'), (63 - at, 7)]
                {
                    let mut block = [b'x'; 64];
                    block[other] = second;
                    block[at] = byte;
                    let found = (0..).zip(block).map(|(at, byte)| u64::from(ends(byte)) << at);
                    assert_eq!(
                        ends_plain_in_block(&block),
                        found.sum::<u64>(),
                        "{byte:#x} at {at}"
                    );
                    assert_eq!(any_ends_plain(&block), block.into_iter().any(ends), "{block:?}");
                }
            }
        }
    }

    #[test]
    fn of_both_halves_the_first_is_lowest() {
        for at in 0..32 {
            let mut window = [b'x'; 32];
            window[at] = b' ';
            assert_eq!(both(&window, |half| equal(half, b' ')), 1 << at);
        }
    }
}
