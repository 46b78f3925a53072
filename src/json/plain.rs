//! Where plain text in a string ends: at a quote, a backslash or a control character.

use memchr::memchr2;

use crate::vector;

/// How many bytes come before the first that ends plain text.
pub(crate) fn plain(bytes: &[u8]) -> usize {
    // Most strings are keys and names, for which the call of a search costs more than they have bytes.
    if let Some(window) = bytes.first_chunk() {
        let found = specials(window);
        if found != 0 {
            return usize::try_from(found.trailing_zeros()).unwrap_or_default();
        }
    }
    let at = if bytes.len() < WINDOW { 0 } else { WINDOW };
    let rest = bytes.get(at..).unwrap_or_default();
    let len = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
    let plain = rest.get(..len).unwrap_or_default();
    // Without a branch for each byte, so that it becomes vector code.
    let control = plain.iter().fold(u8::MAX, |least, byte| least.min(*byte)) < 0x20;
    let first = || plain.iter().position(|byte| *byte < 0x20);
    at.saturating_add(control.then(first).flatten().unwrap_or(len))
}

/// The bytes of `window` that end plain text; a bit for each, the first lowest.
#[inline(always)]
pub(crate) fn specials(window: &[u8; WINDOW]) -> u32 {
    vector::both(window, vector::ends_plain)
}

/// Bytes that are looked at together.
pub(crate) const WINDOW: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn specials_are_found_anywhere() {
        for (byte, special) in [
            (b'"', true),
            (b'\\', true),
            (0, true),
            (0x1f, true),
            (b' ', false),
            (b'x', false),
            (0xff, false),
        ] {
            for at in 0..WINDOW {
                let mut window = [b'x'; WINDOW];
                window[at] = byte;
                assert_eq!(specials(&window), u32::from(special) << at, "{byte:#x} at {at}");
            }
        }
        assert_eq!(specials(&[b'"'; WINDOW]), u32::MAX);
    }

    proptest! {
        #[test]
        fn plain_text_ends_where_each_byte_says(bytes in prop::collection::vec(prop_oneof![
            20 => Just(b'x'), 1 => any::<u8>(),
        ], 0..200)) {
            let special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
            let first = bytes.iter().position(special);
            prop_assert_eq!(plain(&bytes), first.unwrap_or(bytes.len()));
        }
    }
}
