//! Where plain text in a string ends: at a quote, a backslash or a control character.

use crate::vector;

/// How many bytes come before the first that ends plain text.
#[inline(always)]
pub(crate) fn plain(bytes: &[u8]) -> usize {
    // Most strings are keys and names, for which the call of a search costs more than they have bytes.
    match bytes.first_chunk() {
        Some(window) => first(window).unwrap_or_else(|| Ends::new().search(bytes, WINDOW)),
        None => short(bytes),
    }
}

fn short(bytes: &[u8]) -> usize {
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
    bytes.iter().position(special).unwrap_or(bytes.len())
}

/// Where plain text ends in `window`.
#[inline(always)]
fn first(window: &[u8; WINDOW]) -> Option<usize> {
    let found = specials(window);
    (found != 0).then(|| places(found.into()))
}

/// Where plain text ends, for one string of a text after the other: what was looked at for one is not looked at
/// again for the next.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    /// From here to the last window nothing ends plain text.
    from: usize,
    /// Where the last window begins.
    base: usize,
    /// The bytes of it that end plain text.
    found: u64,
}

impl Ends {
    pub(super) fn new() -> Self {
        Self { from: NOWHERE, base: NOWHERE, found: 0 }
    }

    /// Where plain text ends that begins at `at`; the end of `bytes` if it does not.
    #[inline(always)]
    pub(super) fn next(&mut self, bytes: &[u8], at: usize) -> usize {
        let behind = at.wrapping_sub(self.base);
        if behind < BLOCK {
            let left = self.found >> behind;
            if left != 0 {
                return at.saturating_add(places(left));
            }
        }
        self.search(bytes, at)
    }

    #[inline(never)]
    fn search(&mut self, bytes: &[u8], at: usize) -> usize {
        // A string that is not taken quickly is asked about again, from its beginning.
        if (self.from..self.base).contains(&at) {
            return self.base.saturating_add(places(self.found));
        }
        self.from = at;
        let mut base = at;
        let mut found = window(bytes, base);
        if found == 0 {
            base = base.saturating_add(BLOCK);
            let rest = bytes.get(base..).unwrap_or_default();
            let plain = |block: &&[u8; BLOCK]| !vector::any_ends_plain(block);
            let blocks = rest.as_chunks().0.iter().take_while(plain).count();
            base = base.saturating_add(blocks.saturating_mul(BLOCK));
            found = window(bytes, base);
        }
        (self.base, self.found) = (base, found);
        base.saturating_add(places(found))
    }
}

/// The bytes that end plain text in the window of `bytes` at `base`, and the end of `bytes`.
#[inline(always)]
fn window(bytes: &[u8], base: usize) -> u64 {
    let rest = bytes.get(base..).unwrap_or_default();
    if let Some(window) = rest.first_chunk() {
        return vector::ends_plain_in_block(window);
    }
    let mut window = [0; BLOCK];
    if let Some(room) = window.get_mut(..rest.len()) {
        room.copy_from_slice(rest);
    }
    vector::ends_plain_in_block(&window)
}

/// How many places come before the first that is in `found`.
#[inline(always)]
fn places(found: u64) -> usize {
    usize::try_from(found.trailing_zeros()).unwrap_or_default()
}

/// No place of a text is near it.
const NOWHERE: usize = usize::MAX - BLOCK;

/// Bytes of which is remembered where text ends in them.
const BLOCK: usize = 64;

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

    fn plain_by_byte(bytes: &[u8]) -> usize {
        let special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
        bytes.iter().position(special).unwrap_or(bytes.len())
    }

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
            prop_assert_eq!(plain(&bytes), plain_by_byte(&bytes));
        }

        /// Wherever the strings of a text begin, and however far apart.
        #[test]
        fn ends_are_found_one_after_the_other(
            bytes in prop::collection::vec(prop_oneof![40 => Just(b'x'), 1 => any::<u8>()], 0..600),
            steps in prop::collection::vec(prop_oneof![9 => 0..9_usize, 1 => 0..200_usize], 1..60),
        ) {
            let mut ends = Ends::new();
            let mut at = 0;
            for step in steps {
                at = (at + step).min(bytes.len());
                let end = at + plain_by_byte(&bytes[at..]);
                prop_assert_eq!(ends.next(&bytes, at), end, "from {}", at);
                // On behind it, on from the middle, or from the same place or one before it again.
                at = match step {
                    8.. => end,
                    4..8 => at,
                    _ => at - at.min(step * 10),
                };
            }
        }
    }
}
