//! Bytes to frames.

use bytes::{Buf, Bytes};

use super::Frame;
use super::scanner::{Found, Scanner};
use crate::error::{Error, ErrorKind};

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
    scanner: Scanner,
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

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new() -> Self {
        Self { scanner: Scanner::new() }
    }

    /// Sets how many bytes the fields of one event may have together:
    /// [`Limits::EVENT_BYTES`](crate::Limits::EVENT_BYTES) unless set.
    pub fn max_event_bytes(mut self, bytes: usize) -> Self {
        self.scanner.set_limit(bytes);
        self
    }

    /// Whether an event that lacks only its last line ends at the end of the input is
    /// dispatched by [`finish`](Self::finish). Off unless set: the standard discards it, and it may
    /// well have been cut.
    pub fn flush_at_end(mut self, flush: bool) -> Self {
        self.scanner.set_flush(flush);
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
    #[inline]
    pub fn decode(&mut self, input: &mut Bytes) -> Result<Option<Item>, Error> {
        // Every chunk ends with such a call.
        if input.is_empty() && self.scanner.failed.is_none() {
            return Ok(None);
        }
        if self.scanner.goes_on(input) {
            input.advance(input.len());
            return Ok(None);
        }
        self.decode_any(input)
    }

    #[inline]
    fn decode_any(&mut self, input: &mut Bytes) -> Result<Option<Item>, Error> {
        let (taken, found) = self.scanner.scan(input)?;
        let item = found.map(|found| self.item(found, input));
        input.advance(taken);
        Ok(item)
    }

    /// Ends the input: call it until it returns `Ok(None)` or an error.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::PartialFrame`] if an event was cut. The standard discards it, and so does this
    /// decoder; a caller who follows the standard to the letter ignores the error.
    pub fn finish(&mut self) -> Result<Option<Item>, Error> {
        if let Some(error) = &self.scanner.failed {
            return Err(error.clone());
        }
        if self.scanner.flushes()
            && let Some(found) = self.scanner.flushed()?
        {
            return Ok(Some(self.item(found, &Bytes::new())));
        }
        match self.scanner.leftover() {
            0 => Ok(None),
            leftover => {
                Err(self.scanner.fail(ErrorKind::PartialFrame { leftover }, self.scanner.offset()))
            }
        }
    }

    /// The last event ID, as the server wrote it.
    #[must_use]
    pub fn last_event_id(&self) -> &Bytes {
        self.scanner.meta.last_event_id()
    }

    /// The last event ID as the value of the `Last-Event-ID` header with which a client reconnects.
    ///
    /// `None` if there is no ID, and if the server's would break the header or arrive as another one: with
    /// control characters, with space at an end, or not UTF-8.
    #[must_use]
    pub fn last_event_id_header(&self) -> Option<&str> {
        let id = core::str::from_utf8(self.last_event_id()).ok()?;
        let fits = !id.is_empty() && id.trim() == id && !id.contains(char::is_control);
        fits.then_some(id)
    }

    /// The reconnection time that the server set last, in milliseconds.
    #[must_use]
    pub fn retry(&self) -> Option<u64> {
        self.scanner.meta.retry()
    }

    /// How many bytes were taken.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.scanner.offset()
    }

    fn item(&mut self, found: Found, chunk: &Bytes) -> Item {
        match found {
            Found::Frame { event, data, .. } => Item::Frame(Frame {
                event: self.scanner.event_bytes(event, chunk),
                data: self.scanner.data_bytes(data, chunk),
                id: self.scanner.meta.last_event_id().clone(),
            }),
            Found::Comment => Item::Comment,
            Found::Retry(milliseconds) => Item::Retry(milliseconds),
        }
    }
}
