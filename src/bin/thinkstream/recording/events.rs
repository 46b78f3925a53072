//! The events of a recording, with the times at which they came.

use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::Bytes;
use thinkstream::{Decoder, Error, Event, Stopwatch};

use super::pieces::Pieces;
use super::{Chunk, Recording};

/// Decodes a recording, chunk by chunk. `Complete` is given the timing of the recording, if it has one.
///
/// An iterator that ends after `Complete`, or after an error, like those over streams.
pub(crate) struct Events {
    chunks: Pieces<std::vec::IntoIter<Chunk>>,
    chunk: Bytes,
    decoder: Decoder,
    stopwatch: Option<Stopwatch>,
    /// When the stream ended, until that has been told.
    ended: Option<Duration>,
    done: bool,
}

impl Events {
    /// With a size, its chunks are cut anew into pieces of so many bytes.
    pub(crate) fn new(recording: &Recording, size: Option<NonZeroUsize>, decoder: Decoder) -> Self {
        Self {
            chunks: Pieces::new(recording.chunks.clone().into_iter(), size),
            chunk: Bytes::new(),
            decoder,
            stopwatch: recording.timed.then(Stopwatch::new),
            ended: recording.ended,
            done: false,
        }
    }

    fn step(&mut self) -> Result<Option<Event>, Error> {
        loop {
            if let Some(event) = self.decoder.decode(&mut self.chunk)? {
                return Ok(Some(event));
            }
            if self.decoder.is_complete() {
                return Ok(None);
            }
            let Some(chunk) = self.chunks.next() else { break };
            if let Some(stopwatch) = &mut self.stopwatch {
                stopwatch.received(chunk.at, chunk.bytes.len());
            }
            self.chunk = chunk.bytes;
        }
        if let (Some(stopwatch), Some(ended)) = (&mut self.stopwatch, self.ended.take()) {
            stopwatch.ended(ended);
        }
        self.decoder.finish()
    }
}

impl Iterator for Events {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let mut event = self.step();
        if let (Ok(Some(event)), Some(stopwatch)) = (&mut event, &mut self.stopwatch) {
            stopwatch.stamp(event);
        }
        self.done = !matches!(event, Ok(Some(_)));
        event.transpose()
    }
}
