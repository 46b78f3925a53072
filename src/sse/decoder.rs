//! Bytes to frames: where lines and frames end, and all that survives a chunk boundary.

use core::ops::Range;

use bytes::{Buf, Bytes, BytesMut};
use memchr::{memchr, memchr2};

use super::Frame;
use crate::error::{Error, ErrorKind, LimitKind};
use crate::limits::Limits;

/// Decodes an event stream, one chunk at a time.
///
/// # Example
///
/// ```
/// use thinkstream::sse::{Decoder, Item};
///
/// let mut decoder = Decoder::new();
/// let mut chunk = "event: add\ndata: 1\n\n: still here\nretry: 3000\n".into();
/// while let Some(item) = decoder.decode(&mut chunk)? {
///     match item {
///         Item::Frame(frame) => assert_eq!((frame.event(), frame.data()), ("add".into(), "1".into())),
///         Item::Comment => println!("alive"),
///         Item::Retry(milliseconds) => assert_eq!(milliseconds, 3000),
///         _ => {}
///     }
/// }
/// # Ok::<(), thinkstream::Error>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct Decoder {
    position: Position,
    /// The byte before was a CR: an LF here belongs to it.
    after_cr: bool,
    /// The beginning of a field name that a chunk boundary cut, or a name not yet known whole.
    name: Name,
    /// A field has been seen since the last blank line.
    open: bool,
    data: Option<Place>,
    event: Place,
    held_data: BytesMut,
    held_event: BytesMut,
    /// The value of the `id` line that is being read.
    id_line: BytesMut,
    /// The standard's "last event ID buffer", set by a whole `id` line.
    id_buffer: Bytes,
    /// The standard's "last event ID string", set by a blank line.
    last_event_id: Bytes,
    retry_line: Digits,
    retry: Option<u64>,
    /// Bytes taken before the chunk at hand.
    offset: u64,
    /// The byte of the stream at which the frame's data begins.
    data_offset: u64,
    one_line: bool,
    /// The byte of the stream at which the frame's first line begins.
    frame_offset: u64,
    limit: usize,
    flush: bool,
    failed: Option<Error>,
}

/// What an event stream consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item {
    /// An event, at the blank line that ends it.
    Frame(Frame),
    /// A comment line has ended. Its text is not kept: it means nothing but that the server lives.
    Comment,
    /// The server set the reconnection time, in milliseconds.
    Retry(u64),
}

/// An item whose bytes still lie where they were found.
#[derive(Debug)]
pub(crate) enum Found {
    Frame {
        event: Place,
        data: Place,
        /// The byte of the stream at which the data begins.
        offset: u64,
        /// Whether the data is one line, so that its bytes are as far apart as in the stream.
        one_line: bool,
    },
    Comment,
    Retry(u64),
}

/// Where the bytes of a field are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the chunk at hand.
    Chunk(Range<usize>),
    /// In the decoder's own buffer, because they did not lie together in one chunk.
    Held,
}

/// Where in a line the next byte is.
///
/// ```text
///          ┌──────┐ not the mark
///  start ─▶│ Mark │──────────────▶ Skipped
///          └──────┘
///              │ the mark, or none
///              ▼        first byte       ┌──────┐   `:`    ┌────────────┐  any    ┌───────┐
///        ┌───────────┐ ────────────────▶ │ Name │ ───────▶ │ AfterColon │ ──────▶ │ Value │
///        │ LineStart │                   └──────┘          └────────────┘         └───────┘
///        └───────────┘  `:` ┌─────────┐      │ no known name  ┌─────────┐
///          ▲   │     └─────▶│ Comment │      └──────────────▶ │ Skipped │
///          │   │ line end   └─────────┘                       └─────────┘
///          │   ▼
///          │  blank line: dispatch                 a line end leads from everywhere
///          └────────────────────────────────────── back to LineStart
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// At the start of the stream, after this many bytes of the byte order mark.
    Mark(usize),
    LineStart,
    Name,
    AfterColon(Field),
    Value(Field),
    Comment,
    /// In a line that means nothing.
    Skipped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Event,
    Data,
    Id,
    Retry,
}

/// As much of a field name as tells whether it is known.
#[derive(Clone, Copy, Debug, Default)]
struct Name {
    bytes: [u8; 5],
    len: usize,
}

/// A number of digits, read piece by piece.
#[derive(Clone, Copy, Debug, Default)]
struct Digits {
    value: u64,
    any: bool,
    other: bool,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new() -> Self {
        Self {
            position: Position::Mark(0),
            after_cr: false,
            name: Name::default(),
            open: false,
            data: None,
            event: Place::Chunk(0..0),
            held_data: BytesMut::new(),
            held_event: BytesMut::new(),
            id_line: BytesMut::new(),
            id_buffer: Bytes::new(),
            last_event_id: Bytes::new(),
            retry_line: Digits::default(),
            retry: None,
            offset: 0,
            data_offset: 0,
            one_line: true,
            frame_offset: 0,
            limit: Limits::EVENT_BYTES,
            flush: false,
            failed: None,
        }
    }

    /// Sets how many bytes the fields of one event may have together:
    /// [`Limits::EVENT_BYTES`] unless set.
    pub fn max_event_bytes(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Whether an event that lacks only its line ends and its blank line at the end of the input is
    /// dispatched by [`finish`](Self::finish). Off unless set: the standard discards it, and it may
    /// well have been cut.
    pub fn flush_at_end(mut self, flush: bool) -> Self {
        self.flush = flush;
        self
    }

    /// Takes the next item off the front of `input`.
    ///
    /// Returns `Ok(None)` once `input` is used up: give the next chunk, or [`finish`](Self::finish).
    ///
    /// # Errors
    ///
    /// If an event is larger than the limit; the decoder then lets go of it, and every later call
    /// returns the same error. No other input is an error: the format gives every byte a meaning.
    pub fn decode(&mut self, input: &mut Bytes) -> Result<Option<Item>, Error> {
        let (taken, found) = self.scan(input)?;
        let item = found.map(|found| self.item(found, input));
        input.advance(taken);
        Ok(item)
    }

    /// Ends the input: call it until it returns `Ok(None)` or an error.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Incomplete`] if an event was cut. The standard discards it, and so does this
    /// decoder; a caller who follows the standard to the letter ignores the error.
    pub fn finish(&mut self) -> Result<Option<Item>, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if let Some(found) = self.flushed()? {
            return Ok(Some(self.item(found, &Bytes::new())));
        }
        match self.leftover() {
            0 => Ok(None),
            leftover => Err(self.fail(ErrorKind::Incomplete { leftover }, self.offset)),
        }
    }

    /// The last event ID: what a client sends as `Last-Event-ID` when it reconnects.
    #[must_use]
    pub fn last_event_id(&self) -> &Bytes {
        &self.last_event_id
    }

    /// The reconnection time that the server set last, in milliseconds.
    #[must_use]
    pub fn retry(&self) -> Option<u64> {
        self.retry
    }

    /// How many bytes were taken.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    fn item(&mut self, found: Found, chunk: &Bytes) -> Item {
        match found {
            Found::Frame { event, data, .. } => Item::Frame(Frame {
                event: self.event_bytes(event, chunk),
                data: self.data_bytes(data, chunk),
                id: self.last_event_id.clone(),
            }),
            Found::Comment => Item::Comment,
            Found::Retry(milliseconds) => Item::Retry(milliseconds),
        }
    }

    /// What the end of the input completes, if it is to complete anything.
    pub(crate) fn flushed(&mut self) -> Result<Option<Found>, Error> {
        if !self.flush || self.leftover() == 0 {
            return Ok(None);
        }
        let offset = self.offset;
        let mut ends: &[u8] = b"\n\n";
        let mut found = None;
        while found.is_none() && !ends.is_empty() {
            let (taken, item) = self.scan(ends)?;
            found = item;
            ends = ends.get(taken..).unwrap_or_default();
        }
        // These bytes are not of the stream.
        self.offset = offset;
        Ok(found)
    }

    /// Bytes since the first line of an event that has not been dispatched.
    pub(crate) fn leftover(&self) -> u64 {
        let in_field = matches!(
            self.position,
            Position::Name | Position::AfterColon(_) | Position::Value(_)
        );
        if self.open || in_field {
            self.offset.saturating_sub(self.frame_offset)
        } else {
            0
        }
    }

    /// Goes over `chunk` up to the next item; says how many bytes that took.
    pub(crate) fn scan(&mut self, chunk: &[u8]) -> Result<(usize, Option<Found>), Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let mut at = 0;
        let mut found = None;
        while let Some(&byte) = chunk.get(at)
            && found.is_none()
        {
            if core::mem::take(&mut self.after_cr) && byte == b'\n' {
                at = next(at);
                continue;
            }
            if let Position::Mark(seen) = self.position {
                at = self.mark(seen, byte, at);
                continue;
            }
            let rest = chunk.get(at..).unwrap_or_default();
            let len = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            let end = at.saturating_add(len);
            let blank = self.position == Position::LineStart && len == 0;
            self.line(Piece { chunk, at, end })?;
            at = end;
            if let Some(&terminator) = chunk.get(end) {
                at = next(end);
                self.after_cr = terminator == b'\r';
                found = if blank {
                    self.dispatch()
                } else {
                    self.end_line(chunk)?
                };
            }
        }
        // What the frame at hand has in this chunk will be out of reach.
        self.hold(chunk);
        self.offset = self.offset.saturating_add(wide(at));
        Ok((at, found))
    }

    /// The data of a frame that was just found in `chunk`.
    pub(crate) fn data_bytes(&mut self, place: Place, chunk: &Bytes) -> Bytes {
        match place {
            Place::Chunk(range) => chunk.slice(range),
            Place::Held => {
                let data = self.held_data.split().freeze();
                // A buffer that one large event has stretched is given away with it.
                if data.len() > KEPT {
                    self.held_data = BytesMut::new();
                }
                data
            }
        }
    }

    /// The event type of a frame that was just found in `chunk`.
    pub(crate) fn event_bytes(&mut self, place: Place, chunk: &Bytes) -> Bytes {
        match place {
            Place::Chunk(range) => chunk.slice(range),
            Place::Held => self.held_event.split().freeze(),
        }
    }

    fn mark(&mut self, seen: usize, byte: u8, at: usize) -> usize {
        match MARK.get(seen) {
            Some(expected) if *expected == byte => {
                self.position = Position::Mark(next(seen));
                next(at)
            }
            // What was taken for a mark begins a line with no known name.
            Some(_) if seen > 0 => {
                self.position = Position::Skipped;
                at
            }
            _ => {
                self.position = Position::LineStart;
                at
            }
        }
    }

    /// Goes over the part of a line that is in the chunk.
    fn line(&mut self, mut line: Piece<'_>) -> Result<(), Error> {
        if self.position == Position::LineStart {
            match line.bytes().first() {
                None => return Ok(()),
                Some(b':') => self.position = Position::Comment,
                Some(_) => {
                    self.name = Name::default();
                    self.position = Position::Name;
                    if !self.open {
                        self.frame_offset = self.offset.saturating_add(wide(line.at));
                    }
                }
            }
        }
        if self.position == Position::Name {
            self.field_name(&mut line)?;
        }
        if let Position::AfterColon(field) = self.position
            && let Some(first) = line.bytes().first()
        {
            line.skip(usize::from(*first == b' '));
            self.position = Position::Value(field);
        }
        match self.position {
            Position::Value(field) => self.value(field, line),
            _ => Ok(()),
        }
    }

    /// Reads on in a field name, up to its colon if that is in the chunk.
    fn field_name(&mut self, line: &mut Piece<'_>) -> Result<(), Error> {
        let bytes = line.bytes();
        // No known name is longer, so a colon further on does not matter.
        let colon = bytes
            .iter()
            .take(NAME_AND_COLON)
            .position(|byte| *byte == b':');
        let len = colon.unwrap_or(bytes.len());
        let fits = self.name.push(bytes.get(..len).unwrap_or_default());
        match (colon, self.name.field()) {
            (None, _) if fits => {}
            (Some(_), Some(field)) if fits => {
                line.skip(next(len));
                self.position = Position::AfterColon(field);
                self.begin(field, *line)?;
            }
            _ => self.position = Position::Skipped,
        }
        Ok(())
    }

    /// A line of this field begins, with its value at the front of `line`.
    fn begin(&mut self, field: Field, line: Piece<'_>) -> Result<(), Error> {
        self.open = true;
        match field {
            Field::Event => {
                self.held_event.clear();
                self.event = Place::Chunk(line.at..line.at);
            }
            Field::Data if self.data.is_some() => {
                self.hold(line.chunk);
                self.data = Some(Place::Held);
                self.one_line = false;
                self.make_room(1, line)?;
                self.held_data.extend_from_slice(b"\n");
            }
            Field::Data => {
                self.held_data.clear();
                self.data = Some(Place::Chunk(line.at..line.at));
                self.one_line = true;
                self.data_offset = self.offset.saturating_add(wide(line.at));
            }
            Field::Id => self.id_line.clear(),
            Field::Retry => self.retry_line = Digits::default(),
        }
        Ok(())
    }

    /// Takes `line` as the value of a field, or as more of it.
    fn value(&mut self, field: Field, line: Piece<'_>) -> Result<(), Error> {
        let bytes = line.bytes();
        if field != Field::Retry {
            self.make_room(bytes.len(), line)?;
        }
        match field {
            Field::Data => match &mut self.data {
                Some(Place::Chunk(range)) => {
                    *range = line.at..line.end;
                    if self.held_data.is_empty() {
                        self.data_offset = self.offset.saturating_add(wide(line.at));
                    }
                }
                _ => self.held_data.extend_from_slice(bytes),
            },
            Field::Event => match &mut self.event {
                Place::Chunk(range) => *range = line.at..line.end,
                Place::Held => self.held_event.extend_from_slice(bytes),
            },
            Field::Id => self.id_line.extend_from_slice(bytes),
            Field::Retry => self.retry_line.push(bytes),
        }
        Ok(())
    }

    /// A line with something in it has ended.
    fn end_line(&mut self, chunk: &[u8]) -> Result<Option<Found>, Error> {
        let position = core::mem::replace(&mut self.position, Position::LineStart);
        let field = match position {
            Position::Comment => return Ok(Some(Found::Comment)),
            Position::AfterColon(field) | Position::Value(field) => field,
            Position::Name => match self.name.field() {
                // A field without a colon has an empty value.
                Some(field) => {
                    self.begin(
                        field,
                        Piece {
                            chunk,
                            at: chunk.len(),
                            end: chunk.len(),
                        },
                    )?;
                    field
                }
                None => return Ok(None),
            },
            Position::Mark(_) | Position::LineStart | Position::Skipped => return Ok(None),
        };
        match field {
            Field::Id if memchr(0, &self.id_line).is_none() => {
                if self.id_buffer != self.id_line {
                    self.id_buffer = Bytes::copy_from_slice(&self.id_line);
                }
            }
            Field::Retry => {
                self.retry = self.retry_line.value().or(self.retry);
                return Ok(self.retry_line.value().map(Found::Retry));
            }
            Field::Data | Field::Event | Field::Id => {}
        }
        Ok(None)
    }

    /// A blank line has ended: the one place where a frame begins anew.
    fn dispatch(&mut self) -> Option<Found> {
        self.last_event_id.clone_from(&self.id_buffer);
        self.id_line.clear();
        self.open = false;
        let event = core::mem::replace(&mut self.event, Place::Chunk(0..0));
        let data = self.data.take()?;
        Some(Found::Frame {
            event,
            data,
            offset: self.data_offset,
            one_line: self.one_line,
        })
    }

    /// Copies what the frame has in `chunk` to the decoder's own buffers.
    fn hold(&mut self, chunk: &[u8]) {
        if let Some(place) = &mut self.data {
            place.hold(chunk, &mut self.held_data);
        }
        self.event.hold(chunk, &mut self.held_event);
    }

    /// Fails if the frame would pass the limit with `len` more bytes, which begin with `line`.
    fn make_room(&mut self, len: usize, line: Piece<'_>) -> Result<(), Error> {
        let data = match &self.data {
            Some(Place::Chunk(range)) => range.len(),
            _ => self.held_data.len(),
        };
        let event = match &self.event {
            Place::Chunk(range) => range.len(),
            Place::Held => self.held_event.len(),
        };
        let taken = data
            .saturating_add(event)
            .saturating_add(self.id_line.len());
        let room = self.limit.saturating_sub(taken);
        if len <= room {
            return Ok(());
        }
        let offset = self
            .offset
            .saturating_add(wide(line.at))
            .saturating_add(wide(room));
        Err(self.fail(
            ErrorKind::Limit {
                limit: LimitKind::EventBytes,
                max: self.limit,
            },
            offset,
        ))
    }

    /// Lets go of everything but the error, which is given again from now on.
    fn fail(&mut self, kind: ErrorKind, offset: u64) -> Error {
        let error = Error::bare(kind, offset);
        *self = Self {
            last_event_id: core::mem::take(&mut self.last_event_id),
            retry: self.retry,
            offset: self.offset,
            limit: self.limit,
            failed: Some(error.clone()),
            ..Self::new()
        };
        error
    }
}

/// The part of a line that lies in the chunk, behind what has been read of it.
#[derive(Clone, Copy)]
struct Piece<'a> {
    chunk: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Piece<'a> {
    fn bytes(&self) -> &'a [u8] {
        self.chunk.get(self.at..self.end).unwrap_or_default()
    }

    fn skip(&mut self, len: usize) {
        self.at = self.at.saturating_add(len).min(self.end);
    }
}

impl Place {
    /// Copies what lies in `chunk` to the empty buffer `held`; nothing stays nothing.
    fn hold(&mut self, chunk: &[u8], held: &mut BytesMut) {
        let Self::Chunk(range) = self else {
            return;
        };
        let bytes = chunk.get(range.clone()).unwrap_or_default();
        if bytes.is_empty() {
            *self = Self::Chunk(0..0);
        } else {
            held.extend_from_slice(bytes);
            *self = Self::Held;
        }
    }
}

impl Name {
    /// Adds to the name; `false` if it is longer than any that is known.
    fn push(&mut self, bytes: &[u8]) -> bool {
        let end = self.len.saturating_add(bytes.len());
        let Some(place) = self.bytes.get_mut(self.len..end) else {
            return false;
        };
        place.copy_from_slice(bytes);
        self.len = end;
        true
    }

    /// The field of this name. Names are compared literally, without regard to anything.
    fn field(&self) -> Option<Field> {
        match self.bytes.get(..self.len)? {
            b"event" => Some(Field::Event),
            b"data" => Some(Field::Data),
            b"id" => Some(Field::Id),
            b"retry" => Some(Field::Retry),
            _ => None,
        }
    }
}

impl Digits {
    fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.any = true;
            self.other |= !byte.is_ascii_digit();
            let digit = u64::from(byte.wrapping_sub(b'0'));
            self.value = self.value.saturating_mul(10).saturating_add(digit);
        }
    }

    fn value(&self) -> Option<u64> {
        (self.any && !self.other).then_some(self.value)
    }
}

/// The byte after `at`.
fn next(at: usize) -> usize {
    at.saturating_add(1)
}

/// A count of bytes in memory as a count of bytes of the stream.
fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// U+FEFF in UTF-8.
const MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// `event` and `retry` are the longest.
const NAME_AND_COLON: usize = 6;

/// A buffer of up to this many bytes is kept for the next frame.
const KEPT: usize = 4096;
