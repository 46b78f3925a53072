//! The clock by which adapters measure a reply.

use core::time::Duration;

use bytes::Bytes;
#[cfg(not(feature = "tokio"))]
use std::time::Instant;
#[cfg(feature = "tokio")]
use tokio::time::Instant;

use crate::event::Event;
use crate::timing::{Stopwatch, Timing};

/// A stopwatch with a clock: tokio's where there is one, which tests can stop.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    stopwatch: Stopwatch,
    sent: Instant,
}

impl Watch {
    /// Until the caller knows better, the request was sent now.
    pub(super) fn new() -> Self {
        Self { stopwatch: Stopwatch::new(), sent: Instant::now() }
    }

    pub(super) fn sent_at(&mut self, sent: std::time::Instant) {
        self.sent = Instant::now().checked_sub(sent.elapsed()).unwrap_or(self.sent);
    }

    pub(super) fn stall_after(&mut self, pause: Duration) {
        self.stopwatch = self.stopwatch.clone().stall_after(pause);
    }

    #[cfg(feature = "stream")]
    pub(super) fn elapsed(&self) -> Duration {
        self.sent.elapsed()
    }

    pub(super) fn received(&mut self, chunk: &Bytes) {
        self.stopwatch.received(self.sent.elapsed(), chunk.len());
    }

    #[cfg(feature = "stream")]
    pub(super) fn received_at(&mut self, at: Duration, chunk: &Bytes) {
        self.stopwatch.received(at, chunk.len());
    }

    /// The stream is over. An event may still come of that.
    pub(super) fn ended(&mut self) {
        self.stopwatch.ended(self.sent.elapsed());
    }

    /// What is given out: an event, or the end.
    pub(super) fn given<E>(&mut self, event: &mut Result<Option<Event>, E>) {
        match event {
            Ok(Some(event)) => self.stopwatch.stamp(event),
            Ok(None) | Err(_) => self.ended(),
        }
    }

    pub(super) fn timing(&self) -> &Timing {
        self.stopwatch.timing()
    }
}
