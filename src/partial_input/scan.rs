//! Where the tokens of a JSON text begin and end, and all that survives a cut.

use crate::json::plain::plain;
use crate::json::reader::DEPTH;
use crate::json::string::single;
use crate::json::{Flaw, JsonError};

/// A reader over one JSON text that comes in pieces. It keeps no text, only places in it, and judges
/// as `json::reader` does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scanner {
    state: State,
    /// Bytes taken.
    at: usize,
    /// Where the token at hand begins; of a string, what is between its quotes.
    start: usize,
    /// Up to here the text is JSON once what is open is closed: no half token, no key without a
    /// value, no comma without a value behind it. Zero before there is a value.
    settled: usize,
    /// One bit for each open bracket, the innermost lowest: set for an object.
    open: u128,
    depth: u32,
    /// The string at hand is a key.
    key: bool,
}

/// What was taken, with the places in the text that it is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Everything that there is.
    More,
    /// The bracket of an object or an array.
    Open { object: bool },
    /// A key to its end: what is between its quotes.
    Key(usize, usize),
    /// The comma behind an item of an array.
    Item,
    /// A string to its end: what is between its quotes.
    Text(usize, usize),
    /// A number, `true`, `false` or `null`. The byte behind it, which tells that it is whole, is still
    /// to be taken.
    Scalar(usize, usize),
    /// The bracket that ends the innermost object or array.
    Close,
}

/// What the next byte belongs to.
///
/// ```text
/// Value       {  FirstKey     [  FirstItem     a string or a scalar  After
/// FirstItem   ]  After        or as Value
/// FirstKey    }  After        or as Key
/// Key         a string  Colon
/// Colon       :  Value
/// After       }  ]  After     ,  Key in an object, Value in an array
/// ```
///
/// A string is read in `String`, its escapes in `Backslash` and `Hex`; a scalar in `Number` or `Word`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// A value: at the root, behind a colon, or behind the comma of an array.
    #[default]
    Value,
    /// The first item of an array, or its end.
    FirstItem,
    /// The first key of an object, or its end.
    FirstKey,
    /// The key behind a comma.
    Key,
    Colon,
    /// Behind a value: a comma, a bracket or the end.
    After,
    String,
    Backslash,
    /// The digits of a `\u` escape: how many there were, and their value.
    Hex {
        digits: u8,
        unit: u32,
    },
    Number(Number),
    /// The letters of a word that are still to come.
    Word(&'static [u8]),
}

/// What of a number came last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    Exponent,
    Sign,
    Power,
}

type Result<T> = core::result::Result<T, JsonError>;

impl Scanner {
    /// Takes from the front of `bytes` up to the end of a step. `bytes` begins at [`at`](Self::at), and
    /// ends where a character does.
    ///
    /// What is wrong is not taken, and found again.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Result<Step> {
        let from = self.at;
        loop {
            let rest = bytes.get(self.at.saturating_sub(from)..).unwrap_or_default();
            let Some(byte) = rest.first() else { return Ok(Step::More) };
            if let Some(step) = self.take(*byte, rest)? {
                return Ok(step);
            }
        }
    }

    /// Ends a number or a word that could go on, if one is at hand and is whole.
    pub(super) fn end_scalar(&mut self) -> Option<Step> {
        match self.state {
            State::Word([]) => {}
            State::Number(number) if number.is_whole() => {}
            _ => return None,
        }
        self.state = State::After;
        self.settled = self.at;
        Some(Step::Scalar(self.start, self.at))
    }

    /// Nothing more comes. No text at all, or nothing but white space, is taken for a whole one.
    pub(super) fn end(&mut self) -> Result<()> {
        // Inside of something that was cut, a number may have been cut too.
        if self.depth == 0 {
            self.end_scalar();
        }
        match self.state {
            State::After | State::Value if self.depth == 0 => self.state = State::After,
            State::Backslash | State::Hex { .. } => return self.fail_escape(Flaw::Unfinished),
            _ => return self.fail(Flaw::Unfinished),
        }
        Ok(())
    }

    /// Bytes taken.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Up to where the text is JSON once what is open is closed.
    pub(super) fn settled(&self) -> usize {
        self.settled
    }

    /// The root is whole.
    pub(super) fn is_done(&self) -> bool {
        self.depth == 0 && self.is_behind_value()
    }

    /// A value is whole, and nothing has come behind it but white space.
    pub(super) fn is_behind_value(&self) -> bool {
        self.state == State::After
    }

    /// The value at hand is a string that has begun: where what is between its quotes begins.
    pub(super) fn open_text(&self) -> Option<usize> {
        let inside = matches!(self.state, State::String | State::Backslash | State::Hex { .. });
        (inside && !self.key).then_some(self.start)
    }

    /// What closes the settled text.
    pub(super) fn closers(&self) -> impl Iterator<Item = char> + use<> {
        let quote = self.open_text().map(|_| '"');
        let open = self.open;
        let brackets = (0..self.depth).map(move |level| {
            let object = open.checked_shr(level).unwrap_or_default() & 1 == 1;
            if object { '}' } else { ']' }
        });
        quote.into_iter().chain(brackets)
    }

    /// All transitions. `rest` is the text from `byte` on.
    fn take(&mut self, byte: u8, rest: &[u8]) -> Result<Option<Step>> {
        match (self.state, byte) {
            (State::String, b'"') => return Ok(Some(self.close_string())),
            (State::String, b'\\') => self.go(State::Backslash),
            (State::String, ..0x20) => return self.fail(Flaw::ControlCharacter),
            (State::String, _) => self.text(rest),
            (State::Backslash, b'u') => self.go(State::Hex { digits: 0, unit: 0 }),
            (State::Backslash, _) => self.escape(byte)?,
            (State::Hex { digits, unit }, _) => self.hex(digits, unit, byte)?,

            (State::Number(number), _) => return self.number(number, byte),
            (State::Word([letter, rest @ ..]), _) if *letter == byte => self.go(State::Word(rest)),
            (State::Word([]), _) => return self.scalar_before(byte).map(Some),
            (State::Word(_), _) => return fail_at(self.start, Flaw::Expected("a value")),

            // Between two tokens. As a guard this would cost half as much again for every byte below.
            (_, b' ' | b'\t' | b'\n' | b'\r') => self.bump(),
            (State::FirstItem, b']') | (State::FirstKey, b'}') => return Ok(Some(self.close())),
            (State::Value | State::FirstItem, _) => return self.value(byte),
            (State::FirstKey | State::Key, b'"') => self.open_string(true),
            (State::FirstKey | State::Key, _) => return self.fail(Flaw::Expected("a key")),
            (State::Colon, b':') => self.go(State::Value),
            (State::Colon, _) => return self.fail(Flaw::Expected("`:`")),
            (State::After, _) => return self.after(byte),
        }
        Ok(None)
    }

    fn value(&mut self, byte: u8) -> Result<Option<Step>> {
        match byte {
            b'{' => return self.open(true).map(Some),
            b'[' => return self.open(false).map(Some),
            b'"' => self.open_string(false),
            b'-' => self.begin(State::Number(Number::Minus)),
            b'0' => self.begin(State::Number(Number::Zero)),
            b'1'..=b'9' => self.begin(State::Number(Number::Whole)),
            b't' => self.begin(State::Word(b"rue")),
            b'f' => self.begin(State::Word(b"alse")),
            b'n' => self.begin(State::Word(b"ull")),
            _ => return self.fail(Flaw::Expected("a value")),
        }
        Ok(None)
    }

    fn after(&mut self, byte: u8) -> Result<Option<Step>> {
        self.follows(byte)?;
        if byte != b',' {
            return Ok(Some(self.close()));
        }
        self.go(if self.in_object() { State::Key } else { State::Value });
        Ok((!self.in_object()).then_some(Step::Item))
    }

    /// Whether `byte`, which is no white space, may stand behind a value.
    fn follows(&self, byte: u8) -> Result<()> {
        match (byte, self.in_object()) {
            _ if self.depth == 0 => self.fail(Flaw::Expected("the end")),
            (b',', _) | (b'}', true) | (b']', false) => Ok(()),
            (_, true) => self.fail(Flaw::Expected("`,` or `}`")),
            (_, false) => self.fail(Flaw::Expected("`,` or `]`")),
        }
    }

    fn open(&mut self, object: bool) -> Result<Step> {
        let at = self.at.saturating_add(1);
        if self.depth == DEPTH {
            return fail_at(at, Flaw::TooDeep);
        }
        self.depth = self.depth.saturating_add(1);
        self.open = (self.open << 1) | u128::from(object);
        self.go(if object { State::FirstKey } else { State::FirstItem });
        self.settled = at;
        Ok(Step::Open { object })
    }

    fn close(&mut self) -> Step {
        self.open >>= 1;
        self.depth = self.depth.saturating_sub(1);
        self.go(State::After);
        self.settled = self.at;
        Step::Close
    }

    fn open_string(&mut self, key: bool) {
        self.key = key;
        self.go(State::String);
        self.start = self.at;
        self.settle(self.at);
    }

    fn close_string(&mut self) -> Step {
        let end = self.at;
        self.go(if self.key { State::Colon } else { State::After });
        self.settle(self.at);
        if self.key { Step::Key(self.start, end) } else { Step::Text(self.start, end) }
    }

    fn text(&mut self, rest: &[u8]) {
        self.at = self.at.saturating_add(plain(rest));
        self.settle(self.at);
    }

    /// An escape of two bytes.
    fn escape(&mut self, byte: u8) -> Result<()> {
        if single(byte).is_none() {
            return self.fail_escape(Flaw::Escape);
        }
        self.go(State::String);
        self.settle(self.at);
        Ok(())
    }

    fn hex(&mut self, digits: u8, unit: u32, byte: u8) -> Result<()> {
        let Some(digit) = char::from(byte).to_digit(16) else {
            return self.fail_escape(Flaw::Escape);
        };
        let (digits, unit) = (digits.saturating_add(1), (unit << 4) | digit);
        if digits < 4 {
            self.go(State::Hex { digits, unit });
            return Ok(());
        }
        let first = (0xD800..0xDC00).contains(&unit);
        self.go(State::String);
        // The first half of a surrogate pair waits for the other; one before it has waited in vain.
        self.settle(if first { self.at.saturating_sub(6) } else { self.at });
        Ok(())
    }

    fn number(&mut self, number: Number, byte: u8) -> Result<Option<Step>> {
        match number.next(byte) {
            Some(next) => self.go(State::Number(next)),
            None if number.is_whole() => return self.scalar_before(byte).map(Some),
            None => return self.fail(Flaw::Expected("a digit")),
        }
        Ok(None)
    }

    /// The number or word at hand, if it is one before `byte`: `12` is no value in `12x`.
    fn scalar_before(&mut self, byte: u8) -> Result<Step> {
        if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            self.follows(byte)?;
        }
        Ok(self.end_scalar().unwrap_or(Step::More))
    }

    fn begin(&mut self, state: State) {
        self.start = self.at;
        self.go(state);
    }

    fn go(&mut self, state: State) {
        self.state = state;
        self.bump();
    }

    fn bump(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    /// The text is settled up to here, unless that is in a key.
    fn settle(&mut self, at: usize) {
        if !self.key {
            self.settled = at;
        }
    }

    fn in_object(&self) -> bool {
        self.open & 1 == 1
    }

    fn fail<T>(&self, flaw: Flaw) -> Result<T> {
        fail_at(self.at, flaw)
    }

    /// A flaw at the backslash of the escape at hand.
    fn fail_escape<T>(&self, flaw: Flaw) -> Result<T> {
        let behind = match self.state {
            State::Hex { digits, .. } => usize::from(digits).saturating_add(2),
            _ => 1,
        };
        fail_at(self.at.saturating_sub(behind), flaw)
    }
}

impl Number {
    fn next(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Minus, b'0') => Some(Self::Zero),
            (Self::Minus | Self::Whole, b'0'..=b'9') => Some(Self::Whole),
            (Self::Zero | Self::Whole, b'.') => Some(Self::Point),
            (Self::Point | Self::Fraction, b'0'..=b'9') => Some(Self::Fraction),
            (Self::Zero | Self::Whole | Self::Fraction, b'e' | b'E') => Some(Self::Exponent),
            (Self::Exponent, b'+' | b'-') => Some(Self::Sign),
            (Self::Exponent | Self::Sign | Self::Power, b'0'..=b'9') => Some(Self::Power),
            _ => None,
        }
    }

    fn is_whole(self) -> bool {
        matches!(self, Self::Zero | Self::Whole | Self::Fraction | Self::Power)
    }
}

fn fail_at<T>(at: usize, flaw: Flaw) -> Result<T> {
    Err(JsonError { at, flaw })
}
