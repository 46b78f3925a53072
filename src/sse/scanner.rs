//! Where lines and frames end, and all that survives a chunk boundary.

use super::field::{Digits, Field, Name, Place, part};
use super::held::{extend, given};
use super::meta::Meta;
use super::whole::line_end;
use crate::error::{Error, ErrorKind, LimitKind};
use crate::limits::Limits;
use bytes::{Bytes, BytesMut};

/// The state of an event stream between two chunks.
#[derive(Debug)]
pub(crate) struct Scanner {
    pub(super) position: Position,
    /// The byte before was a CR: an LF here belongs to it.
    pub(super) after_cr: bool,
    /// The beginning of a field name that a chunk boundary cut, or a name not yet known whole.
    name: Name,
    /// A field has been seen since the last blank line.
    open: bool,
    pub(super) data: Option<Place>,
    pub(super) event: Place,
    pub(super) held_data: BytesMut,
    pub(super) held_event: BytesMut,
    pub(super) meta: Meta,
    /// Bytes taken before the chunk at hand.
    pub(super) offset: u64,
    /// The byte of the stream at which the frame's data begins.
    data_offset: u64,
    one_line: bool,
    /// The byte of the stream at which the frame's first line begins.
    frame_offset: u64,
    pub(super) limit: usize,
    flush: bool,
    /// A field `error` is read as if it were `data`.
    error_is_data: bool,
    pub(super) failed: Option<Error>,
    /// Bytes that were searched for a line end.
    #[cfg(test)]
    searched: usize,
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
pub(super) enum Position {
    /// At the start of the stream, after this many bytes of the byte order mark.
    Mark(u8),
    LineStart,
    Name,
    AfterColon(Field),
    Value(Field),
    Comment,
    /// In a line that means nothing.
    Skipped,
}

impl Scanner {
    pub(crate) fn new() -> Self {
        Self {
            position: Position::Mark(0),
            after_cr: false,
            name: Name::default(),
            open: false,
            data: None,
            event: Place::Chunk(0..0),
            held_data: BytesMut::new(),
            held_event: BytesMut::new(),
            meta: Meta::default(),
            offset: 0,
            data_offset: 0,
            one_line: true,
            frame_offset: 0,
            limit: Limits::EVENT_BYTES,
            flush: false,
            error_is_data: false,
            failed: None,
            #[cfg(test)]
            searched: 0,
        }
    }

    pub(crate) fn set_limit(&mut self, bytes: usize) {
        self.limit = bytes;
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn set_flush(&mut self, flush: bool) {
        self.flush = flush;
    }

    pub(crate) fn flushes(&self) -> bool {
        self.flush
    }

    /// Reads a field `error`, which the standard does not know, as if it were `data`: llama.cpp says so
    /// why it failed.
    pub(crate) fn set_error_is_data(&mut self) {
        self.error_is_data = true;
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether the next byte begins a line, with nothing before it that the frame's event or data
    /// would join.
    pub(crate) fn is_between_frames(&self) -> bool {
        self.position == Position::LineStart && !self.open && self.failed.is_none()
    }

    /// Whether a frame begins with the next byte, and nothing of it has come before, not even its id.
    pub(crate) fn is_fresh(&self) -> bool {
        self.is_between_frames() && self.meta.id_bytes() == 0
    }

    /// Passes over the rest of a frame, `len` bytes with its event and its data.
    #[inline]
    pub(crate) fn pass(&mut self, len: usize) {
        self.after_cr = false;
        self.offset = self.offset.saturating_add(wide(len));
        self.meta.dispatch();
    }

    /// Goes over `chunk` up to the next item; says how many bytes that took.
    pub(crate) fn scan(&mut self, chunk: &[u8]) -> Result<(usize, Option<Found>), Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        // Most streams begin without the mark, and then with a line.
        if self.position == Position::Mark(0)
            && chunk.first().is_some_and(|byte| Some(byte) != MARK.first())
        {
            self.position = Position::LineStart;
        }
        if self.is_between_frames() {
            if let Some(found) = self.whole(chunk) {
                return Ok(found);
            }
        } else if self.goes_on(chunk) {
            return Ok((chunk.len(), None));
        }
        let mut at = 0;
        let mut found = None;
        while let Some(&byte) = chunk.get(at)
            && found.is_none()
        {
            if core::mem::take(&mut self.after_cr) && byte == b'\n' {
                at = at.saturating_add(1);
                continue;
            }
            if let Position::Mark(seen) = self.position {
                at = self.mark(seen, byte, at);
                continue;
            }
            let rest = chunk.get(at..).unwrap_or_default();
            let len = line_end(rest).unwrap_or(rest.len());
            let end = at.saturating_add(len);
            #[cfg(test)]
            {
                self.searched = self.searched.saturating_add(len);
            }
            let blank = self.position == Position::LineStart && len == 0;
            self.line(Piece { chunk, at, end })?;
            at = end;
            if let Some(&terminator) = chunk.get(end) {
                at = end.saturating_add(1);
                self.after_cr = terminator == b'\r';
                found = if blank { self.dispatch() } else { self.end_line(chunk, end)? };
            }
        }
        // What the frame at hand has in this chunk will be out of reach.
        self.hold(chunk);
        self.offset = self.offset.saturating_add(wide(at));
        Ok((at, found))
    }

    /// Bytes since the first line of an event that has not been dispatched.
    pub(crate) fn leftover(&self) -> u64 {
        let in_field = match self.position {
            Position::Name => self.name.may_open(self.error_is_data),
            Position::AfterColon(field) | Position::Value(field) => {
                matches!(field, Field::Event | Field::Data)
            }
            Position::Mark(_) | Position::LineStart | Position::Comment | Position::Skipped => {
                false
            }
        };
        if self.open || in_field { self.offset.saturating_sub(self.frame_offset) } else { 0 }
    }

    /// The data so far of an event that has not been dispatched.
    pub(crate) fn held_data(&self) -> &[u8] {
        if self.data == Some(Place::Held) { &self.held_data } else { &[] }
    }

    /// What the end of the input completes, if there is anything.
    pub(crate) fn flushed(&mut self) -> Result<Option<Found>, Error> {
        if self.leftover() == 0 {
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

    /// The data of a frame that was just found in `chunk`.
    pub(crate) fn data_bytes(&mut self, place: Place, chunk: &Bytes) -> Bytes {
        match place {
            Place::Chunk(range) => part(chunk, range),
            Place::Held => self.take_data(),
        }
    }

    /// The event type of a frame that was just found in `chunk`.
    pub(crate) fn event_bytes(&mut self, place: Place, chunk: &Bytes) -> Bytes {
        match place {
            Place::Chunk(range) => part(chunk, range),
            Place::Held => self.take_event(),
        }
    }

    /// The data of a frame that was just found, if it is held.
    pub(crate) fn take_data(&mut self) -> Bytes {
        given(&mut self.held_data, &mut self.meta)
    }

    /// The event type of a frame that was just found, if it is held.
    pub(crate) fn take_event(&mut self) -> Bytes {
        given(&mut self.held_event, &mut self.meta)
    }

    fn mark(&mut self, seen: u8, byte: u8, at: usize) -> usize {
        match MARK.get(usize::from(seen)) {
            Some(expected) if *expected == byte => {
                self.position = Position::Mark(seen.saturating_add(1));
                at.saturating_add(1)
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
        let colon = bytes.iter().take(NAME_AND_COLON).position(|byte| *byte == b':');
        let len = colon.unwrap_or(bytes.len());
        let fits = self.name.push(bytes.get(..len).unwrap_or_default());
        match (colon, self.name.field(self.error_is_data)) {
            (None, _) if fits => {}
            (Some(_), Some(field)) if fits => {
                line.skip(len.saturating_add(1));
                self.position = Position::AfterColon(field);
                self.begin(field, *line)?;
            }
            _ => self.position = Position::Skipped,
        }
        Ok(())
    }

    /// A line of this field begins, with its value at the front of `line`.
    fn begin(&mut self, field: Field, line: Piece<'_>) -> Result<(), Error> {
        // The others mean something without a blank line, or nothing without data.
        self.open |= matches!(field, Field::Event | Field::Data);
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
            Field::Id => self.meta.fields().id_line.clear(),
            Field::Retry => self.meta.fields().retry_line = Digits::default(),
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
                    self.data_offset = self.offset.saturating_add(wide(line.at));
                }
                _ => extend(&mut self.held_data, bytes, self.limit, &mut self.meta),
            },
            Field::Event => match &mut self.event {
                Place::Chunk(range) => *range = line.at..line.end,
                Place::Held => extend(&mut self.held_event, bytes, self.limit, &mut self.meta),
            },
            Field::Id => self.meta.push_id(bytes, self.limit),
            Field::Retry => self.meta.fields().retry_line.push(bytes),
        }
        Ok(())
    }

    /// A line with something in it has ended, at the byte `end` of the chunk.
    fn end_line(&mut self, chunk: &[u8], end: usize) -> Result<Option<Found>, Error> {
        let position = core::mem::replace(&mut self.position, Position::LineStart);
        let field = match position {
            Position::Comment => return Ok(Some(Found::Comment)),
            Position::AfterColon(field) | Position::Value(field) => field,
            Position::Name => match self.name.field(self.error_is_data) {
                // A field without a colon has an empty value.
                Some(field) => {
                    self.begin(field, Piece { chunk, at: end, end })?;
                    field
                }
                None => return Ok(None),
            },
            Position::Mark(_) | Position::LineStart | Position::Skipped => return Ok(None),
        };
        match field {
            Field::Id => self.meta.end_id(),
            Field::Retry => return Ok(self.meta.end_retry().map(Found::Retry)),
            Field::Data | Field::Event => {}
        }
        Ok(None)
    }

    /// A blank line has ended: the one place where a frame begins anew.
    fn dispatch(&mut self) -> Option<Found> {
        self.meta.dispatch();
        self.open = false;
        let event = core::mem::replace(&mut self.event, Place::Chunk(0..0));
        let data = self.data.take()?;
        Some(Found::Frame { event, data, offset: self.data_offset, one_line: self.one_line })
    }

    /// Copies what the frame has in `chunk` to the decoder's own buffers.
    fn hold(&mut self, chunk: &[u8]) {
        if let Some(place) = &mut self.data {
            place.hold(chunk, &mut self.held_data, self.limit, &mut self.meta);
        }
        self.event.hold(chunk, &mut self.held_event, self.limit, &mut self.meta);
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
        let taken = data.saturating_add(event).saturating_add(self.meta.id_bytes());
        let room = self.limit.saturating_sub(taken);
        if len <= room {
            return Ok(());
        }
        let offset = self.offset.saturating_add(wide(line.at)).saturating_add(wide(room));
        Err(self.fail(ErrorKind::Limit { limit: LimitKind::EventBytes, max: self.limit }, offset))
    }

    /// Lets go of everything but what was set and the error, which is given again from now on.
    pub(super) fn fail(&mut self, kind: ErrorKind, offset: u64) -> Error {
        let error = Error::bare(kind, offset);
        *self = Self {
            meta: self.meta.failed(),
            offset: self.offset,
            limit: self.limit,
            flush: self.flush,
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

/// A count of bytes in memory as a count of bytes of the stream.
pub(super) fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// U+FEFF in UTF-8.
const MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// `event` and `retry` are the longest.
const NAME_AND_COLON: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    /// A count and not a clock: what grows with the square of the input is seen on any machine.
    #[test]
    fn no_byte_is_searched_twice() {
        let line = [b"data: ".to_vec(), [b'x'].repeat(1 << 20), b"\n\n".to_vec()].concat();
        let deltas: String = (0..4096).map(|n| alloc::format!("event: e\ndata: {n}\n\n")).collect();
        let comments = b": endless\n".repeat(4096);
        for stream in [line, deltas.into_bytes(), comments] {
            for width in [1, 16, 20, 1024, stream.len()] {
                let mut scanner = Scanner::new();
                for chunk in stream.chunks(width) {
                    let mut rest = chunk;
                    while !rest.is_empty() {
                        let (taken, found) = scanner.scan(rest).unwrap();
                        if let Some(Found::Frame { data, .. }) = found {
                            drop(scanner.data_bytes(data, &Bytes::copy_from_slice(rest)));
                        }
                        rest = &rest[taken..];
                    }
                }
                let (searched, len) = (scanner.searched, stream.len());
                assert!(searched <= len, "{searched} of {len}");
            }
        }
    }
}
