//! Values of which nothing is read: passed over, and checked to the last bracket.

use super::Flaw;
use super::reader::{Reader, Result};

impl Reader<'_> {
    /// Passes over the next value, or what is left of one, whatever it is, and checks all of it.
    pub(crate) fn skip(&mut self) -> Result<()> {
        if self.inside {
            let mut first = self.open()?;
            while self.key(&mut first)?.is_some() {
                self.skip()?;
            }
            return Ok(());
        }
        let outer = self.depth;
        // One bit for each open bracket, the innermost lowest: set for an object.
        let mut open: u128 = 0;
        loop {
            self.space();
            let more = match self.byte() {
                Some(b'"') => self.pass_quoted()?,
                Some(b'{') => self.enter(&mut open, true)?,
                Some(b'[') => self.enter(&mut open, false)?,
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b'n') => self.word(*b"null")?,
                Some(b't') => self.word(*b"true")?,
                Some(b'f') => self.word(*b"false")?,
                Some(_) => return self.fail(Flaw::Expected("a value")),
                None => return self.fail(Flaw::Unfinished),
            };
            if !more && !self.leave(&mut open, outer)? {
                return Ok(());
            }
        }
    }

    /// Steps into an object or array; `false` if it was empty, and so has been left again.
    #[inline(always)]
    fn enter(&mut self, open: &mut u128, object: bool) -> Result<bool> {
        self.bump();
        self.deeper()?;
        self.space();
        let close = if object { b'}' } else { b']' };
        if self.byte() == Some(close) {
            self.bump();
            self.depth = self.depth.saturating_sub(1);
            return Ok(false);
        }
        *open = (*open << 1) | u128::from(object);
        if object {
            self.pass_key()?;
        }
        Ok(true)
    }

    /// After a value: goes on to the next one beside or above it; `false` if there is none.
    #[inline(always)]
    fn leave(&mut self, open: &mut u128, outer: u32) -> Result<bool> {
        while self.depth > outer {
            self.space();
            let object = *open & 1 == 1;
            match self.byte() {
                Some(b',') => {
                    self.bump();
                    if object {
                        self.space();
                        self.pass_key()?;
                    }
                    return Ok(true);
                }
                Some(b'}') if object => self.bump(),
                Some(b']') if !object => self.bump(),
                Some(_) if object => return self.fail(Flaw::Expected("`,` or `}`")),
                Some(_) => return self.fail(Flaw::Expected("`,` or `]`")),
                None => return self.fail(Flaw::Unfinished),
            }
            *open >>= 1;
            self.depth = self.depth.saturating_sub(1);
        }
        Ok(false)
    }

    /// A key and its colon.
    #[inline(always)]
    fn pass_key(&mut self) -> Result<()> {
        self.take(b'"', "a key")?;
        self.pass_string()?;
        self.space();
        self.take(b':', "`:`")
    }

    // Each passes over a value without others in it: `false`.

    #[inline(always)]
    fn pass_quoted(&mut self) -> Result<bool> {
        self.bump();
        self.pass_string()?;
        Ok(false)
    }

    #[inline(always)]
    fn word<const N: usize>(&mut self, word: [u8; N]) -> Result<bool> {
        if self.rest().first_chunk() != Some(&word) {
            return self.fail(Flaw::Expected("a value"));
        }
        self.at = self.at.saturating_add(N);
        Ok(false)
    }

    fn number(&mut self) -> Result<bool> {
        if self.byte() == Some(b'-') {
            self.bump();
        }
        if self.byte() == Some(b'0') {
            self.bump();
        } else {
            self.digits()?;
        }
        if self.byte() == Some(b'.') {
            self.bump();
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.bump();
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.bump();
            }
            self.digits()?;
        }
        Ok(false)
    }

    fn digits(&mut self) -> Result<()> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            let flaw =
                if self.byte().is_some() { Flaw::Expected("a digit") } else { Flaw::Unfinished };
            return self.fail(flaw);
        }
        self.at = self.at.saturating_add(count);
        Ok(())
    }

    /// Passes over the rest of a string and its quote; says whether it has an escape.
    #[inline(always)]
    pub(super) fn pass_string(&mut self) -> Result<bool> {
        self.at = self.ends.next(self.text.as_bytes(), self.at);
        if self.byte() == Some(b'"') {
            self.bump();
            return Ok(false);
        }
        self.pass_escapes()
    }

    #[inline(never)]
    fn pass_escapes(&mut self) -> Result<bool> {
        loop {
            match self.byte() {
                Some(b'"') => {
                    self.bump();
                    return Ok(true);
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return self.fail(Flaw::ControlCharacter),
                None => return self.fail(Flaw::Unfinished),
            }
            self.at = self.ends.next(self.text.as_bytes(), self.at);
        }
    }

    /// Passes over a backslash and what it escapes.
    fn escape(&mut self) -> Result<()> {
        let len = match self.rest() {
            [_, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [_, b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|x| x.is_ascii_hexdigit()) => 6,
            [_] => return self.fail(Flaw::Unfinished),
            [_, b'u', rest @ ..] if rest.len() < 4 && rest.iter().all(u8::is_ascii_hexdigit) => {
                return self.fail(Flaw::Unfinished);
            }
            _ => return self.fail(Flaw::Escape),
        };
        self.at = self.at.saturating_add(len);
        Ok(())
    }
}
