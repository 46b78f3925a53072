//! Events from a stream of chunks.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use alloc::boxed::Box;

use bytes::Bytes;
use futures_core::{FusedStream, Stream};

#[cfg(feature = "tokio")]
use super::timeouts::{Clock, Timeouts};
#[cfg(feature = "std")]
use super::watch::Watch;
use crate::decoder::Decoder;
use crate::error::Error;
use crate::event::Event;
#[cfg(feature = "std")]
use crate::timing::Timing;

pin_project_lite::pin_project! {
    /// The events of a reply, from any [`Stream`] of chunks, such as the body of an HTTP response.
    ///
    /// It ends after `Complete`, or after an error; it then polls the chunks no more, unless it is asked to
    /// [`drain`](EventStream::drain) them. It holds one chunk at most. Dropped between two polls it loses
    /// nothing that it had yielded.
    ///
    /// # Example
    ///
    /// ```
    /// use futures_util::{StreamExt, stream};
    /// use thinkstream::{Decoder, Event, EventStream, Protocol};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let body = stream::iter([
    ///     Ok::<_, std::io::Error>("event: message_start\ndata: {\"type\":\"message_start\","),
    ///     Ok("\"message\":{}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"),
    /// ]);
    /// let mut events = EventStream::new(body, Decoder::new(Protocol::Anthropic));
    /// while let Some(event) = events.next().await {
    ///     if let Event::Complete(done) = event? {
    ///         println!("{:?}", done.usage());
    ///     }
    /// }
    /// # Ok::<(), thinkstream::Error>(())
    /// # }).unwrap();
    /// ```
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct EventStream<S> {
        #[pin]
        chunks: S,
        decoder: Decoder,
        chunk: Bytes,
        ended: bool,
        // The chunks have ended too.
        over: bool,
        clock: Clock,
        watch: Watch,
    }
}

impl<S, B, E> EventStream<S>
where
    S: Stream<Item = Result<B, E>>,
    B: Into<Bytes>,
    E: Into<Box<dyn core::error::Error + Send + Sync>>,
{
    /// Decodes the body of a reply, up to its end.
    pub fn new(chunks: S, decoder: impl Into<Decoder>) -> Self {
        let decoder = decoder.into();
        let (clock, watch) = (Clock::NONE, Watch::new());
        Self { chunks, decoder, chunk: Bytes::new(), ended: false, over: false, clock, watch }
    }

    /// Decodes the body of the response that these are the parts of. See
    /// [`from_response`](EventStream::from_response); it is for clients whose bodies are streams of chunks.
    #[cfg(feature = "http")]
    pub fn from_parts(
        parts: &http::response::Parts,
        chunks: S,
        decoder: impl Into<Decoder>,
    ) -> Self {
        Self::new(chunks, decoder.into().response(parts.status, &parts.headers))
    }

    /// Sets how long the stream waits. What runs out is an [`ErrorKind::Timeout`], with what was
    /// received; the chunks are not polled again.
    ///
    /// [`ErrorKind::Timeout`]: crate::ErrorKind::Timeout
    ///
    /// # Panics
    ///
    /// When polled outside a tokio runtime with its time enabled.
    #[cfg(feature = "tokio")]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.clock = Clock::new(timeouts);
        self
    }

    /// Says when the request was sent, from which on all [`Timing`] counts. Else it counts from when the
    /// stream was made.
    #[cfg(feature = "std")]
    pub fn sent_at(mut self, sent: std::time::Instant) -> Self {
        self.watch.sent_at(sent);
        self
    }

    /// Sets from which length on a pause in the output is a stall, for [`Timing`].
    #[cfg(feature = "std")]
    pub fn stall_after(mut self, pause: core::time::Duration) -> Self {
        self.watch.stall_after(pause);
        self
    }

    /// When what came so far. `Complete` has it too.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn timing(&self) -> &Timing {
        self.watch.timing()
    }

    /// The decoder: for the message and the usage so far.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Reads the chunks behind the end of the events, up to their own end, and drops them.
    ///
    /// The events end with the reply, not with the body. Over HTTP/1.1 a connection is used again only if the
    /// body was read to its end, which comes milliseconds later; but there are servers that never send it, so
    /// limit how long you wait. Before the events have ended it does nothing.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use futures_util::stream;
    /// use thinkstream::{EventStream, EventStreamExt, Protocol};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// # let body = stream::iter(["data: {\"type\":\"message_start\",\"message\":{}}\n\ndata: {\"type\":\"message_stop\"}\n\n"])
    /// #     .map(Ok::<_, std::io::Error>);
    /// # use futures_util::StreamExt;
    /// let mut events = EventStream::new(body, Protocol::Anthropic);
    /// let message = (&mut events).collect_message().await?;
    /// let _ = tokio::time::timeout(Duration::from_secs(1), events.drain()).await;
    /// # assert!(message.complete);
    /// # Ok::<(), thinkstream::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn drain(&mut self)
    where
        S: Unpin,
    {
        while self.ended && !self.over {
            let next = poll_fn(|context| Pin::new(&mut self.chunks).poll_next(context)).await;
            self.over = !matches!(next, Some(Ok(_)));
        }
    }

    /// The chunks and the decoder. What was received and not yet decoded is lost.
    pub fn into_parts(self) -> (S, Decoder) {
        (self.chunks, self.decoder)
    }
}

#[cfg(feature = "http")]
impl<B> EventStream<super::BodyStream<B>>
where
    B: http_body::Body,
    B::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
{
    /// Decodes the body of a response: of reqwest, hyper, axum or whatever else has the `http` crate's, or
    /// turns into it.
    ///
    /// The response's headers come back in errors, the id of the request in [`Complete`](crate::Complete) too, and
    /// all of them are at hand in [`Decoder::response_headers`]. If it is no event stream, because its status is not
    /// 200 or its content type another, the stream gives one error: the one that its body states. The decoder is one
    /// with what you set, or just the [`Protocol`](crate::Protocol).
    ///
    /// # Example
    ///
    /// ```
    /// use futures_util::StreamExt;
    /// use thinkstream::{EventStream, Protocol};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let response = http::Response::builder().status(429).header("retry-after", "7").body(
    ///     r#"{"type":"error","error":{"type":"rate_limit_error","message":"Slow down"}}"#.to_owned(),
    /// )?;
    /// let mut events = EventStream::from_response(response, Protocol::Anthropic);
    /// let error = events.next().await.unwrap().unwrap_err();
    /// assert_eq!(error.to_string(), "the server reported rate_limit_error: Slow down");
    /// assert_eq!(error.headers().retry_after.map(|wait| wait.as_secs()), Some(7));
    /// # Ok::<(), http::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn from_response(
        response: impl Into<http::Response<B>>,
        decoder: impl Into<Decoder>,
    ) -> Self {
        let (parts, body) = response.into().into_parts();
        Self::from_parts(&parts, super::BodyStream::new(body), decoder)
    }
}

impl<S, B, E> Stream for EventStream<S>
where
    S: Stream<Item = Result<B, E>>,
    B: Into<Bytes>,
    E: Into<Box<dyn core::error::Error + Send + Sync>>,
{
    type Item = Result<Event, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        this.clock.asked();
        let mut came = false;
        let mut event = loop {
            match this.decoder.decode(this.chunk) {
                Ok(None) if this.decoder.is_complete() => break Ok(None),
                // A sign of life is worth nothing to who has waited for long enough.
                Ok(Some(Event::Ping)) if came => match this.clock.run_out(came) {
                    Some(kind) => break this.decoder.break_off(kind),
                    None => break Ok(Some(Event::Ping)),
                },
                Ok(None) => {}
                result => break result,
            }
            if let Some(kind) = this.clock.run_out(came) {
                break this.decoder.break_off(kind);
            }
            match this.chunks.as_mut().poll_next(context) {
                Poll::Ready(Some(Ok(chunk))) => {
                    *this.chunk = chunk.into();
                    this.watch.received(this.chunk);
                }
                Poll::Ready(Some(Err(error))) => {
                    *this.over = true;
                    this.watch.ended();
                    break this.decoder.interrupt(error);
                }
                Poll::Ready(None) => {
                    *this.over = true;
                    this.watch.ended();
                    break this.decoder.finish();
                }
                Poll::Pending => {
                    let kind = ready!(this.clock.poll(context));
                    this.watch.ended();
                    break this.decoder.break_off(kind);
                }
            }
            this.clock.received();
            came = true;
        };
        if let Ok(Some(event)) = &event {
            this.clock.given(event);
        }
        this.watch.given(&mut event);
        *this.ended = !matches!(event, Ok(Some(_)));
        Poll::Ready(event.transpose())
    }
}

impl<S> FusedStream for EventStream<S>
where
    Self: Stream,
{
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

/// Without the standard library there is nothing to measure with.
#[cfg(not(feature = "std"))]
#[derive(Debug)]
struct Watch;

#[cfg(not(feature = "std"))]
impl Watch {
    fn new() -> Self {
        Self
    }

    fn received(&self, _: &Bytes) {}

    fn ended(&self) {}

    fn given<E>(&self, _: &mut Result<Option<Event>, E>) {}
}

/// Without a clock a stream waits for ever.
#[cfg(not(feature = "tokio"))]
#[derive(Debug)]
struct Clock;

#[cfg(not(feature = "tokio"))]
impl Clock {
    const NONE: Self = Self;

    fn poll(&self, _: &mut Context<'_>) -> Poll<crate::error::ErrorKind> {
        Poll::Pending
    }

    fn asked(&self) {}

    fn run_out(&self, _: bool) -> Option<crate::error::ErrorKind> {
        None
    }

    fn received(&self) {}

    fn given(&self, _: &Event) {}
}
