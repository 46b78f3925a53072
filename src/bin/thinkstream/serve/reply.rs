//! The body of a reply: each chunk in its time, and then the end that was planned.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use super::fault::{End, Plan};
use super::log::Entry;
use crate::recording::Chunk;

/// A body that is being sent. What became of it is logged when it is let go of.
pub(super) struct Reply {
    chunks: std::vec::IntoIter<Chunk>,
    next: Option<Chunk>,
    end: End,
    ended: Duration,
    began: Instant,
    /// The time that is waited for, once it is known that it has not come.
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether what was given before is on its way.
    flushed: bool,
    reset: Reset,
    entry: Entry,
}

impl Reply {
    pub(super) fn new(plan: Plan, reset: Reset, entry: Entry) -> Self {
        let mut chunks = plan.chunks.into_iter();
        Self {
            next: chunks.next(),
            chunks,
            end: plan.end,
            ended: plan.ended,
            began: Instant::now(),
            timer: None,
            flushed: true,
            reset,
            entry,
        }
    }

    /// Waits until so long after the beginning.
    fn poll_until(&mut self, time: Duration, context: &mut Context<'_>) -> Poll<()> {
        let rest = time.saturating_sub(self.began.elapsed());
        if self.timer.is_none() && rest.is_zero() {
            return Poll::Ready(());
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(rest)));
        ready!(timer.as_mut().poll(context));
        self.timer = None;
        Poll::Ready(())
    }

    /// Gives way once behind each chunk, or those that are due would be sent as one.
    fn poll_flushed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if core::mem::replace(&mut self.flushed, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        // A reset throws away what the client has not fetched yet.
        let grace = if self.end == End::Reset { RESET_AFTER } else { Duration::ZERO };
        ready!(self.poll_until(self.ended.saturating_add(grace), context));
        self.entry.ended = self.end.as_str();
        match self.end {
            End::Complete | End::Cut | End::Error => Poll::Ready(None),
            End::Stall => Poll::Pending,
            End::Reset => {
                self.reset.ask();
                Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
            }
        }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        this.reset.answers(true);
        ready!(this.poll_flushed(context));
        let Some(at) = this.next.as_ref().map(|chunk| chunk.at) else {
            return this.poll_end(context);
        };
        ready!(this.poll_until(at, context));
        this.flushed = false;
        let chunk = core::mem::replace(&mut this.next, this.chunks.next());
        Poll::Ready(chunk.map(|chunk| {
            this.entry.bytes += chunk.bytes.len();
            Ok(Frame::data(chunk.bytes))
        }))
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.entry.tell();
    }
}

/// Whether a connection shall be reset rather than closed, and whether it is answering.
#[derive(Clone, Debug, Default)]
pub(super) struct Reset(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    asked: AtomicBool,
    answers: AtomicBool,
}

impl Reset {
    fn ask(&self) {
        self.0.asked.store(true, Ordering::Relaxed);
    }

    fn is_asked(&self) -> bool {
        self.0.asked.load(Ordering::Relaxed)
    }

    pub(super) fn answers(&self, yes: bool) {
        self.0.answers.store(yes, Ordering::Relaxed);
    }

    /// Whether what was sent last is an answer, and not a part of a request.
    pub(super) fn is_answering(&self) -> bool {
        self.0.answers.load(Ordering::Relaxed)
    }
}

/// A connection that can be reset.
pub(super) struct Socket {
    stream: TcpStream,
    reset: Reset,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, reset: Reset) -> Self {
        Self { stream, reset }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.reset.is_asked() {
            #[allow(deprecated, reason = "of no time it does not block; what replaces it is newer")]
            let _ = self.stream.set_linger(Some(Duration::ZERO));
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.reset.answers(false);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Who has said good-bye cannot be cut off any more.
        if self.reset.is_asked() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }
}

/// How long the client has for what was sent before.
const RESET_AFTER: Duration = Duration::from_millis(50);
