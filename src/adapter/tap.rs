//! Looks on while a reply passes through.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;
use futures_core::Stream;
use serde::{Deserialize, Serialize};

use super::watch::Watch;
use crate::decoder::Decoder;
use crate::error::Error;
use crate::event::{Complete, Event, Warning};
use crate::headers::Headers;
use crate::message::Message;
use crate::protocol::Protocol;
use crate::stop::StopReason;
use crate::text::Text;
use crate::timing::Timing;
use crate::usage::Usage;

pin_project_lite::pin_project! {
    /// Passes the chunks of a reply through, as they are and at once, and tells at its end what it was.
    ///
    /// For gateways: the client gets the same [`Bytes`], and each chunk is looked at only after it was
    /// given out, when the next is asked for. What the reply was (usage, stop reason, error,
    /// times) is handed to a callback exactly once: when the provider has ended the reply, when its
    /// stream has ended or failed, or when the tap is dropped because the client went away. An error of
    /// the decoder is told, and the chunks still pass.
    ///
    /// It is a [`Stream`] over a stream of chunks, and with the feature `http` a body over a body, whose
    /// trailers pass too. Give it a decoder that does not [accumulate](Decoder::accumulate) unless the
    /// callback is to have the message. A callback that takes long holds up the stream: send what it is
    /// given elsewhere. It must not panic.
    ///
    /// # Example
    ///
    /// ```
    /// use futures_util::{StreamExt, stream};
    /// use thinkstream::{Decoder, Ending, Protocol, Tap};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let upstream = stream::iter([
    ///     Ok::<_, std::io::Error>(bytes::Bytes::from_static(b"data: {\"type\":\"message_start\",")),
    ///     Ok("\"message\":{\"usage\":{\"input_tokens\":25}}}\n\n".into()),
    /// ]);
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let decoder = Decoder::new(Protocol::Anthropic).accumulate(false);
    /// let mut tap = Tap::new(upstream, decoder, move |outcome| tell.send(outcome).unwrap());
    /// assert_eq!(tap.next().await.unwrap()?, "data: {\"type\":\"message_start\",");
    /// assert!(tap.next().await.is_some());
    ///
    /// // The client goes away, and still it is known what the request cost so far.
    /// drop(tap);
    /// let outcome = told.recv().unwrap();
    /// assert!(matches!(outcome.ending, Ending::Dropped));
    /// assert_eq!(outcome.usage().input_tokens, Some(25));
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use = "streams do nothing unless polled"]
    pub struct Tap<S, F: FnOnce(Outcome)> {
        #[pin]
        inner: S,
        side: Side<F>,
    }
}

/// What a reply was that passed through a [`Tap`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// The reply, as far as it came: model, stop reason, usage; its blocks too if the decoder accumulates.
    pub message: Message,
    /// The other choices, if the request asked for several.
    pub choices: Vec<Message>,
    /// Calls that were begun of tools that the client runs, counted also where no blocks are kept.
    #[serde(default)]
    pub tool_calls: u32,
    /// The deviations from the protocol that were tolerated: the first of each rule, without the event.
    #[serde(default)]
    pub warnings: Vec<Warning>,
    /// What the server speaks.
    pub protocol: Protocol,
    /// The id of the request, to quote to the provider.
    pub request_id: Option<Text>,
    /// The headers of the response, as far as they were given.
    pub headers: Headers,
    /// When what came.
    pub timing: Timing,
}

/// How a reply ended that passed through a [`Tap`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ending {
    /// The provider ended it.
    Complete,
    /// It failed: upstream, or because it is not what its protocol says.
    Failed(Error),
    /// The tap was dropped before the end: the client went away.
    Dropped,
}

impl Outcome {
    /// What the reply cost, as far as was known. It is final if the reply is
    /// [complete](Ending::Complete).
    #[must_use]
    pub fn usage(&self) -> &Usage {
        &self.message.usage
    }

    /// Why the reply stopped, if that was said.
    #[must_use]
    pub fn stop_reason(&self) -> Option<&StopReason> {
        self.message.stop_reason.as_ref()
    }

    /// The error, if it failed.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        match &self.ending {
            Ending::Failed(error) => Some(error),
            Ending::Complete | Ending::Dropped => None,
        }
    }
}

impl<S, F: FnOnce(Outcome)> Tap<S, F> {
    /// Looks on with `decoder` while `inner` passes, and tells `report` what it was.
    pub fn new(inner: S, decoder: impl Into<Decoder>, report: F) -> Self {
        let side = Side {
            decoder: decoder.into(),
            watch: Watch::new(),
            passed: None,
            tool_calls: 0,
            warnings: Vec::new(),
            left: None,
            report: Some(report),
        };
        Self { inner, side }
    }

    /// Puts a tap on the body of a response. What of its status and headers matters is in the
    /// outcome. A response that is no event stream passes too: it is told as the error that it states, or as a
    /// reply that was not streamed, of which the body is kept to the end ([`Decoder::unstreamed`]).
    #[cfg(feature = "http")]
    pub fn on_response(
        response: impl Into<http::Response<S>>,
        decoder: impl Into<Decoder>,
        report: F,
    ) -> http::Response<Self>
    where
        S: http_body::Body,
    {
        let response = response.into();
        let decoder = decoder.into().unstreamed(true);
        let decoder = decoder.response(response.status(), response.headers());
        response.map(|body| {
            // Who knows that nothing follows does not ask at all.
            let left = if body.is_end_stream() { Some(0) } else { body.size_hint().exact() };
            let mut tap = Self::new(body, decoder, report);
            tap.side.left = left;
            tap
        })
    }

    /// Sets from which length on a pause in the output is a stall, for [`Timing`].
    pub fn stall_after(mut self, pause: Duration) -> Self {
        self.side.watch.stall_after(pause);
        self
    }

    /// Says when the request was sent, from which on all [`Timing`] counts. Else it counts from when the
    /// tap was made.
    pub fn sent_at(mut self, sent: std::time::Instant) -> Self {
        self.side.watch.sent_at(sent);
        self
    }
}

impl<S, F, E> Stream for Tap<S, F>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: fmt::Display,
    F: FnOnce(Outcome),
{
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        this.side.look();
        let item = ready!(this.inner.poll_next(context));
        match &item {
            Some(Ok(chunk)) => this.side.pass(chunk),
            Some(Err(error)) => this.side.fail(error),
            None => this.side.end(),
        }
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}

#[cfg(feature = "http")]
impl<B, F> http_body::Body for Tap<B, F>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: fmt::Display,
    F: FnOnce(Outcome),
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        this.side.look();
        let frame = ready!(this.inner.as_mut().poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    this.side.pass(data);
                }
            }
            Some(Err(error)) => this.side.fail(error),
            None => this.side.end(),
        }
        // Who knows that nothing follows does not ask again.
        if this.inner.is_end_stream() {
            this.side.end();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }
}

impl<S: fmt::Debug, F: FnOnce(Outcome)> fmt::Debug for Tap<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = &self.side;
        f.debug_struct("Tap")
            .field("inner", &self.inner)
            .field("decoder", &side.decoder)
            .field("reported", &side.report.is_none())
            .finish_non_exhaustive()
    }
}

/// What looks on.
struct Side<F: FnOnce(Outcome)> {
    decoder: Decoder,
    watch: Watch,
    /// What was given out last, and when it had come: it is looked at when more is asked for, or at the
    /// end, so that nobody waits for it.
    passed: Option<(Bytes, Duration)>,
    /// Calls of the client's tools that were begun.
    tool_calls: u32,
    warnings: Vec<Warning>,
    /// Bytes that the body has still to give, if its length is known.
    left: Option<u64>,
    /// Until the outcome is told.
    report: Option<F>,
}

impl<F: FnOnce(Outcome)> Side<F> {
    fn pass(&mut self, chunk: &Bytes) {
        if self.report.is_some() {
            self.passed = Some((chunk.clone(), self.watch.elapsed()));
        }
        let len = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        self.left = self.left.map(|left| left.saturating_sub(len));
    }

    /// Looks at what has passed.
    fn look(&mut self) {
        let Some((mut chunk, at)) = self.passed.take() else {
            return;
        };
        self.watch.received_at(at, &chunk);
        while self.report.is_some() {
            let mut event = self.decoder.decode(&mut chunk);
            if matches!(event, Ok(None)) {
                return;
            }
            self.take(&mut event);
        }
    }

    #[cfg(feature = "http")]
    fn has_said_all(&self) -> bool {
        self.decoder.has_said_all()
    }

    #[cfg(not(feature = "http"))]
    fn has_said_all(&self) -> bool {
        false
    }

    /// The stream has ended.
    fn end(&mut self) {
        self.look();
        self.watch.ended();
        while self.report.is_some() {
            let mut event = self.decoder.finish();
            self.take(&mut event);
        }
    }

    /// The stream has failed.
    fn fail(&mut self, error: &impl fmt::Display) {
        self.look();
        self.watch.ended();
        while self.report.is_some() {
            // The error itself goes on to who reads the stream.
            let mut event = self.decoder.interrupt(Passed(error.to_string()));
            self.take(&mut event);
        }
    }

    /// Takes an event, or the end.
    fn take(&mut self, event: &mut Result<Option<Event>, Error>) {
        self.watch.given(event);
        match event {
            Ok(Some(Event::Complete(done))) => {
                let Complete { message, choices, request_id, .. } = core::mem::take(&mut **done);
                self.tell(Ending::Complete, message, choices, request_id);
            }
            Ok(Some(Event::ToolStart(call))) if call.kind.is_client() => {
                self.tool_calls = self.tool_calls.saturating_add(1);
            }
            Ok(Some(Event::Warning(warning))) => {
                if self.warnings.iter().all(|known| known.rule != warning.rule) {
                    // What was dropped may be the model's, and long.
                    warning.dropped = None;
                    self.warnings.push((**warning).clone());
                }
            }
            Ok(Some(_)) => {}
            // Of a decoder that had its reply before.
            Ok(None) => self.tell_rest(Ending::Complete),
            Err(error) => self.tell_rest(Ending::Failed(error.clone())),
        }
    }

    /// Tells what there is of a reply that is not complete.
    fn tell_rest(&mut self, ending: Ending) {
        let request_id = match &ending {
            Ending::Failed(error) => error.request_id(),
            _ => self.decoder.response_headers().and_then(|headers| headers.request_id.as_ref()),
        };
        let request_id = request_id.cloned();
        let (message, choices) = (self.decoder.message(), self.decoder.choices());
        self.tell(ending, message, choices, request_id);
    }

    fn tell(
        &mut self,
        ending: Ending,
        message: Message,
        choices: Vec<Message>,
        request_id: Option<Text>,
    ) {
        if let Some(report) = self.report.take() {
            let timing = self.watch.timing().clone();
            let headers = self.decoder.response_headers().cloned().unwrap_or_default();
            let (tool_calls, protocol) = (self.tool_calls, self.decoder.protocol());
            let warnings = core::mem::take(&mut self.warnings);
            report(Outcome {
                ending,
                message,
                choices,
                tool_calls,
                warnings,
                protocol,
                request_id,
                headers,
                timing,
            });
        }
    }
}

impl<F: FnOnce(Outcome)> Drop for Side<F> {
    fn drop(&mut self) {
        self.look();
        // All of the body has passed, or all that is waited for.
        if self.left == Some(0) || self.has_said_all() {
            self.end();
        }
        if self.report.is_some() {
            self.watch.ended();
            self.tell_rest(Ending::Dropped);
        }
    }
}

/// An error that was passed on, in its own words.
#[derive(Debug)]
struct Passed(String);

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Passed {}
