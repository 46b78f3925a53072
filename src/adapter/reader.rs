//! Events from a reader.

use std::io::{ErrorKind, Read};
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::watch::Watch;
use crate::decoder::Decoder;
use crate::error::Error;
use crate::event::Event;
use crate::message::Message;
use crate::timing::Timing;

/// The events of a reply, from any [`Read`].
///
/// An iterator that ends after `Complete`, or after an error. It reads straight into the buffers
/// that the events' texts are slices of.
///
/// # Example
///
/// ```
/// use thinkstream::{Decoder, Event, EventReader, Protocol};
///
/// let body = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n\
///     event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
/// let events = EventReader::new(body.as_bytes(), Decoder::new(Protocol::Anthropic));
/// let events: Vec<Event> = events.collect::<Result<_, _>>()?;
/// assert!(matches!(events[..], [Event::Start(_), Event::Complete(_)]));
/// # Ok::<(), thinkstream::Error>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct EventReader<R> {
    reader: R,
    decoder: Decoder,
    chunk: Bytes,
    /// Zeroed, so that safe code can read into it; each byte is zeroed and read into once.
    buffer: BytesMut,
    ended: bool,
    watch: Watch,
}

impl<R: Read> EventReader<R> {
    /// Reads the body of a reply, up to its end.
    pub fn new(reader: R, decoder: impl Into<Decoder>) -> Self {
        let decoder = decoder.into();
        let (chunk, buffer) = (Bytes::new(), BytesMut::new());
        Self { reader, decoder, chunk, buffer, ended: false, watch: Watch::new() }
    }

    /// Says when the request was sent, from which on all [`Timing`] counts. Else it counts from when the
    /// reader was made.
    pub fn sent_at(mut self, sent: std::time::Instant) -> Self {
        self.watch.sent_at(sent);
        self
    }

    /// Sets from which length on a pause in the output is a stall, for [`Timing`].
    pub fn stall_after(mut self, pause: Duration) -> Self {
        self.watch.stall_after(pause);
        self
    }

    /// When what came so far. `Complete` has it too.
    #[must_use]
    pub fn timing(&self) -> &Timing {
        self.watch.timing()
    }

    /// Reads to the end, for the message alone. Its decoder has to accumulate.
    ///
    /// # Errors
    ///
    /// The error that the stream ends with; it has what was received by then.
    pub fn collect_message(mut self) -> Result<Message, Error> {
        loop {
            match self.next() {
                Some(Ok(Event::Complete(done))) => return Ok(done.message),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                // It was read to its end before, and says again how that was.
                None => return self.decoder.finish().map(|_| self.decoder.message()),
            }
        }
    }

    /// The decoder: for the message and the usage so far.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The reader and the decoder. Bytes that were read and not yet decoded are lost.
    pub fn into_parts(self) -> (R, Decoder) {
        (self.reader, self.decoder)
    }

    /// Reads the next chunk; an empty one at the end.
    fn read(&mut self) -> std::io::Result<Bytes> {
        if self.buffer.len() < LEAST {
            self.buffer.resize(SIZE, 0);
        }
        loop {
            match self.reader.read(&mut self.buffer) {
                Ok(len) => return Ok(self.buffer.split_to(len.min(self.buffer.len())).freeze()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl<R: Read> Iterator for EventReader<R> {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let mut event = loop {
            match self.decoder.decode(&mut self.chunk) {
                Ok(None) if self.decoder.is_complete() => break Ok(None),
                Ok(None) => {}
                result => break result,
            }
            match self.read() {
                Ok(chunk) if chunk.is_empty() => {
                    self.watch.ended();
                    break self.decoder.finish();
                }
                Ok(chunk) => {
                    self.watch.received(&chunk);
                    self.chunk = chunk;
                }
                Err(error) => {
                    self.watch.ended();
                    break self.decoder.interrupt(error);
                }
            }
        };
        self.watch.given(&mut event);
        self.ended = !matches!(event, Ok(Some(_)));
        event.transpose()
    }
}

impl<R: Read> std::iter::FusedIterator for EventReader<R> {}

/// What is asked of the reader at once.
const SIZE: usize = 8 * 1024;

/// With less room than this another buffer is taken.
const LEAST: usize = 1024;
