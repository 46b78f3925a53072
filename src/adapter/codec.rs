//! Events from a framed reader.

use bytes::{Bytes, BytesMut};

use crate::decoder::Decoder;
use crate::error::Error;
use crate::event::Event;

/// The decoder as a codec for [`tokio_util::codec::FramedRead`].
///
/// A codec cannot end its stream: behind `Complete` the framed reader goes on to the end of its
/// reader, and yields nothing more unless that fails. If the reader fails, the error has no partial message; the
/// [`decoder`](Self::decoder) has it.
///
/// # Example
///
/// ```
/// use futures_util::StreamExt;
/// use thinkstream::{Decoder, Event, EventCodec, Protocol};
/// use tokio_util::codec::FramedRead;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let body = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n\
///     event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
/// let codec = EventCodec::new(Decoder::new(Protocol::Anthropic));
/// let mut events = FramedRead::new(body.as_bytes(), codec);
/// while let Some(event) = events.next().await {
///     if let Event::Complete(done) = event? {
///         println!("{:?}", done.usage());
///     }
/// }
/// # Ok::<(), thinkstream::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use]
pub struct EventCodec {
    decoder: Decoder,
    chunk: Bytes,
}

impl EventCodec {
    /// A codec at the start of a reply.
    pub fn new(decoder: impl Into<Decoder>) -> Self {
        Self { decoder: decoder.into(), chunk: Bytes::new() }
    }

    /// The decoder: for the message and the usage so far.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }
}

impl tokio_util::codec::Decoder for EventCodec {
    type Item = Event;
    type Error = Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Event>, Error> {
        // The framed reader calls again after every event, with nothing new in its buffer.
        if self.chunk.is_empty() {
            self.chunk = buffer.split().freeze();
        }
        self.decoder.decode(&mut self.chunk)
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<Event>, Error> {
        match self.decode(buffer)? {
            None => self.decoder.finish(),
            event => Ok(event),
        }
    }
}
