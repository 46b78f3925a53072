//! How long a stream may be silent.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::error::{ErrorKind, Timer};
use crate::event::Event;

/// How long an [`EventStream`](super::EventStream) waits. Nothing is limited unless it is set.
///
/// A server that is stuck keeps its connection open, and often alive with pings: so what is received at
/// all and what makes progress are timed apart. All begin when the stream is first polled.
///
/// # Example
///
/// ```
/// use std::time::Duration;
///
/// use futures_util::{StreamExt, stream};
/// use thinkstream::{Decoder, ErrorKind, EventStream, Protocol, Timeouts};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// let body = stream::pending::<Result<Vec<u8>, std::io::Error>>();
/// let timeouts = Timeouts { idle: Some(Duration::from_secs(60)), ..Timeouts::default() };
/// let mut events =
///     EventStream::new(body, Decoder::new(Protocol::Anthropic)).timeouts(timeouts);
/// let error = events.next().await.unwrap().unwrap_err();
/// assert!(matches!(error.kind(), ErrorKind::Timeout { .. }));
/// assert!(error.retry_safe());
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::exhaustive_structs, reason = "written with `..Timeouts::default()`")]
pub struct Timeouts {
    /// Between two chunks, whatever is in them. The time in which the caller does
    /// not poll the stream does not count, here and for the next.
    pub idle: Option<Duration>,
    /// Between two events that say something of the reply: comments, [`Ping`](Event::Ping), [`Unknown`](Event::Unknown)
    /// and [`Warning`](Event::Warning) do not count.
    pub progress: Option<Duration>,
    /// For the whole reply.
    pub total: Option<Duration>,
}

/// The timers of one stream.
#[derive(Debug)]
pub(super) struct Timers {
    timeouts: Timeouts,
    sleep: Pin<Box<Sleep>>,
    began: Instant,
    received: Instant,
    progressed: Instant,
    last_event: Option<&'static str>,
    /// When the caller was given an event, as long as he has not asked for more.
    given: Option<Instant>,
    /// When the caller was told to wait.
    parked: Option<Instant>,
}

/// Who waits is woken when the alarm goes off. Who asks so much later has been away, as when he dropped the
/// future and did something else.
const AWAY: Duration = Duration::from_secs(1);

impl Timers {
    /// Timers that start now.
    fn start(timeouts: Timeouts) -> Self {
        let now = Instant::now();
        let sleep = Box::pin(sleep_until(now));
        let mut timers = Self {
            timeouts,
            sleep,
            began: now,
            received: now,
            progressed: now,
            last_event: None,
            given: None,
            parked: None,
        };
        timers.wind();
        timers
    }

    /// The timers, and when they run out.
    fn deadlines(&self) -> impl Iterator<Item = (Timer, Instant)> {
        let timers = [
            (Timer::Idle, self.received, self.timeouts.idle),
            (Timer::Progress, self.progressed, self.timeouts.progress),
            (Timer::Total, self.began, self.timeouts.total),
        ];
        timers
            .into_iter()
            .filter_map(|(timer, since, wait)| Some((timer, since.checked_add(wait?)?)))
    }

    /// The caller asks for more. The time that he took is his own.
    fn resume(&mut self, now: Instant) {
        let alarm = self.sleep.deadline();
        let parked = self.parked.take();
        let late = alarm.checked_add(AWAY).is_some_and(|late| now > late);
        if let Some(since) = self.given.take().or(parked.filter(|_| late)) {
            let rest = now.duration_since(since);
            self.received = self.received.checked_add(rest).unwrap_or(now);
            self.progressed = self.progressed.checked_add(rest).unwrap_or(now);
            self.wind();
        }
    }

    /// Sets the alarm for the first of them.
    fn wind(&mut self) {
        let first = self.deadlines().map(|(_, at)| at).min();
        if let Some(at) = first.filter(|at| *at != self.sleep.deadline()) {
            self.sleep.as_mut().reset(at);
        }
    }

    fn error(&self, timer: Timer) -> ErrorKind {
        let elapsed = self.began.elapsed();
        ErrorKind::Timeout { timer, last_event: self.last_event, elapsed }
    }
}

/// Timers that wait for the stream to be polled.
#[derive(Debug)]
pub(super) enum Clock {
    None,
    Stopped(Timeouts),
    Running(Timers),
}

impl Clock {
    pub(super) const NONE: Self = Self::None;

    pub(super) fn new(timeouts: Timeouts) -> Self {
        if timeouts == Timeouts::default() { Self::None } else { Self::Stopped(timeouts) }
    }

    /// The caller asks for more. The timers start with the first call.
    pub(super) fn asked(&mut self) {
        match self {
            Self::Stopped(timeouts) => *self = Self::Running(Timers::start(*timeouts)),
            Self::Running(timers) => timers.resume(Instant::now()),
            Self::None => {}
        }
    }

    /// What has run out although the stream is not silent: the total, and the progress if chunks have
    /// come and made none.
    pub(super) fn run_out(&self, came: bool) -> Option<ErrorKind> {
        let Self::Running(timers) = self else {
            return None;
        };
        let now = Instant::now();
        let counts = |timer| match timer {
            Timer::Idle => false,
            Timer::Progress => came,
            Timer::Total => true,
        };
        let (timer, _) = timers.deadlines().find(|(timer, at)| counts(*timer) && *at <= now)?;
        Some(timers.error(timer))
    }

    /// What has run out while nothing comes.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<ErrorKind> {
        let Self::Running(timers) = self else {
            return Poll::Pending;
        };
        timers.parked = Some(Instant::now());
        ready!(timers.sleep.as_mut().poll(context));
        match timers.deadlines().min_by_key(|(_, at)| *at) {
            Some((timer, _)) => Poll::Ready(timers.error(timer)),
            None => Poll::Pending,
        }
    }

    /// A chunk has come.
    pub(super) fn received(&mut self) {
        if let Self::Running(timers) = self {
            timers.received = Instant::now();
            timers.wind();
        }
    }

    /// An event is given out.
    pub(super) fn given(&mut self, event: &Event) {
        if let Self::Running(timers) = self {
            let now = Instant::now();
            timers.last_event = Some(event.name());
            timers.given = Some(now);
            if !matches!(event, Event::Ping | Event::Unknown(_) | Event::Warning(_)) {
                timers.progressed = now;
            }
        }
    }
}
