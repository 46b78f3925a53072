//! What people do with a stream of events.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::{self, Vec};

use futures_core::{FusedStream, Stream};

use crate::error::{Error, ErrorKind, Partial};
use crate::event::{self, Complete, Event};
use crate::message::Message;
use crate::text::Text;

/// What people do with a stream of events: of [`EventStream`](super::EventStream), of a codec, or the
/// receiving end of a channel.
///
/// Each is for a stream from its beginning on. One that ends without saying how, as when the sender of a
/// channel is gone, is [`Incomplete`](ErrorKind::Incomplete). Dropping any of them drops the stream under it,
/// and so cancels the request.
///
/// # Example
///
/// ```
/// use futures_util::{StreamExt, TryStreamExt, stream};
/// use thinkstream::{Decoder, EventStream, EventStreamExt, Protocol};
///
/// # const BODY: &str = "data: {\"type\":\"message_start\",\"message\":{}}\n\n\
/// #     data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
/// #     data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Four.\"}}\n\n\
/// #     data: {\"type\":\"content_block_stop\",\"index\":0}\n\n\
/// #     data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":3}}\n\n\
/// #     data: {\"type\":\"message_stop\"}\n\n";
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let events = || {
///     let body = stream::iter([Ok::<_, std::io::Error>(BODY)]);
///     EventStream::new(body, Decoder::new(Protocol::Anthropic))
/// };
/// // Only the visible text, as it comes.
/// let text: Vec<_> = events().text_stream().try_collect().await?;
/// assert_eq!(text, ["Four."]);
///
/// // Or the whole reply; the error has what was received.
/// let message = events().inspect_events(|event| println!("{}", event.name())).collect_message().await?;
/// assert_eq!(message.text(), "Four.");
/// assert_eq!(message.usage.output_tokens, Some(3));
///
/// // Or what there is to be run.
/// assert!(events().tool_calls().next().await.is_none());
/// # Ok::<(), thinkstream::Error>(())
/// # }).unwrap();
/// ```
pub trait EventStreamExt: Stream<Item = Result<Event, Error>> {
    /// The visible text alone, of the first choice if there are several.
    fn text_stream(self) -> TextStream<Self>
    where
        Self: Sized,
    {
        TextStream { events: self, choice: 0, ended: false }
    }

    /// The calls of the tools that are yours to run, of the first choice if there are several: all at the
    /// end, when it is known that they may be run.
    ///
    /// If they may not, as the reply was cut at a limit or refused, or a call ends inside a value, the stream gives
    /// [`ErrorKind::ToolsUnsafe`] in their place, also if none was whole. A call whose arguments are no JSON object is given: it
    /// has to be answered. A decoder that does not accumulate has no calls to give: if there were any, the stream gives that
    /// error too.
    fn tool_calls(self) -> ToolCalls<Self>
    where
        Self: Sized,
    {
        ToolCalls {
            events: self,
            choice: 0,
            begun: false,
            calls: Vec::new(),
            ready: None,
            ended: false,
        }
    }

    /// Drives the stream to its end, for what it says there: the message with its usage and stop reason, the
    /// other choices, the id of the request, the times.
    ///
    /// # Errors
    ///
    /// The error that the stream ends with; its [`partial`](Error::partial) is what was received.
    fn collect_complete(self) -> CollectComplete<Self>
    where
        Self: Sized,
    {
        CollectComplete { events: self }
    }

    /// Drives the stream to its end, for the message alone: of the first choice if there are several. A
    /// decoder that does not accumulate gives one without its blocks.
    ///
    /// # Errors
    ///
    /// The error that the stream ends with; its [`partial`](Error::partial) is what was received.
    fn collect_message(self) -> CollectMessage<Self>
    where
        Self: Sized,
    {
        CollectMessage { events: self.collect_complete() }
    }

    /// The same events, each shown to `look` before it is given out.
    fn inspect_events<F: FnMut(&Event)>(self, look: F) -> InspectEvents<Self, F>
    where
        Self: Sized,
    {
        InspectEvents { events: self, look }
    }
}

impl<S: Stream<Item = Result<Event, Error>>> EventStreamExt for S {}

pin_project_lite::pin_project! {
    /// The visible text of a reply; see [`EventStreamExt::text_stream`].
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct TextStream<S> {
        #[pin]
        events: S,
        choice: u32,
        ended: bool,
    }
}

impl<S: Stream<Item = Result<Event, Error>>> Stream for TextStream<S> {
    type Item = Result<Text, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        loop {
            match ready!(this.events.as_mut().poll_next(context)) {
                Some(Ok(Event::Token(token))) if *this.choice == 0 => {
                    return Poll::Ready(Some(Ok(token.text)));
                }
                Some(Ok(Event::Choice(choice))) => *this.choice = choice.choice,
                Some(Ok(Event::Complete(_))) => *this.ended = true,
                Some(Ok(_)) => {}
                Some(Err(error)) => return failed(this.ended, error),
                None => return end(this.ended),
            }
        }
    }
}

impl<S: FusedStream<Item = Result<Event, Error>>> FusedStream for TextStream<S> {
    fn is_terminated(&self) -> bool {
        self.events.is_terminated()
    }
}

/// The error of a stream, which is then over.
fn failed<T>(ended: &mut bool, error: Error) -> Poll<Option<Result<T, Error>>> {
    *ended = true;
    Poll::Ready(Some(Err(error)))
}

/// The end of a stream: an error unless it has said how it ended, as when the sender of a channel is gone.
fn end<T>(ended: &mut bool) -> Poll<Option<Result<T, Error>>> {
    let said = core::mem::replace(ended, true);
    Poll::Ready((!said).then(|| Err(incomplete())))
}

fn incomplete() -> Error {
    Error::bare(ErrorKind::Incomplete { leftover: 0 }, 0)
}

pin_project_lite::pin_project! {
    /// The tool calls of a reply, once they may be run; see [`EventStreamExt::tool_calls`].
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct ToolCalls<S> {
        #[pin]
        events: S,
        choice: u32,
        begun: bool,
        calls: Vec<event::ToolCall>,
        ready: Option<vec::IntoIter<event::ToolCall>>,
        ended: bool,
    }
}

impl<S: Stream<Item = Result<Event, Error>>> Stream for ToolCalls<S> {
    type Item = Result<event::ToolCall, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        loop {
            if let Some(call) = this.ready.as_mut().and_then(Iterator::next) {
                return Poll::Ready(Some(Ok(call)));
            }
            match ready!(this.events.as_mut().poll_next(context)) {
                Some(Ok(Event::ToolCall(call))) if call.kind.is_client() && *this.choice == 0 => {
                    this.calls.push(*call);
                }
                Some(Ok(Event::ToolStart(start))) if start.kind.is_client() => {
                    *this.begun |= *this.choice == 0;
                }
                Some(Ok(Event::Choice(choice))) => *this.choice = choice.choice,
                Some(Ok(Event::Complete(done))) => {
                    *this.ended = true;
                    let mut calls = core::mem::take(this.calls);
                    if *this.begun && done.message.content.is_empty() {
                        return Poll::Ready(Some(Err(unsafe_calls(done))));
                    }
                    // What was called before another model took over is not to be answered.
                    let asked: BTreeSet<_> =
                        done.message.tool_calls().map(|call| &call.id).collect();
                    calls.retain(|call| asked.contains(&call.id));
                    // One that was cut is handed out by nobody, and is no sign that there was none.
                    let called = !calls.is_empty() || done.message.begun_calls().next().is_some();
                    if called && !done.message.tools_safe_to_run() {
                        return Poll::Ready(Some(Err(unsafe_calls(done))));
                    }
                    *this.ready = Some(calls.into_iter());
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return failed(this.ended, error),
                None => return end(this.ended),
            }
        }
    }
}

impl<S: FusedStream<Item = Result<Event, Error>>> FusedStream for ToolCalls<S> {
    fn is_terminated(&self) -> bool {
        let left = self.ready.as_ref().is_some_and(|calls| calls.len() > 0);
        self.events.is_terminated() && !left
    }
}

fn unsafe_calls(done: Box<Complete>) -> Error {
    let Complete { message, choices, request_id, .. } = *done;
    let kind = ErrorKind::ToolsUnsafe { stop_reason: message.stop_reason.clone() };
    let partial = Partial { message, choices, output_started: true, tool_call_emitted: false };
    let headers = crate::headers::Headers { request_id, ..Default::default() };
    Error::new(kind, None, partial, headers)
}

pin_project_lite::pin_project! {
    /// The end of a reply; see [`EventStreamExt::collect_complete`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct CollectComplete<S> {
        #[pin]
        events: S,
    }
}

impl<S: Stream<Item = Result<Event, Error>>> Future for CollectComplete<S> {
    type Output = Result<Box<Complete>, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut events = self.project().events;
        Poll::Ready(loop {
            match ready!(events.as_mut().poll_next(context)) {
                Some(Ok(Event::Complete(done))) => break Ok(done),
                Some(Ok(_)) => {}
                Some(Err(error)) => break Err(error),
                None => break Err(incomplete()),
            }
        })
    }
}

pin_project_lite::pin_project! {
    /// The message of a reply; see [`EventStreamExt::collect_message`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct CollectMessage<S> {
        #[pin]
        events: CollectComplete<S>,
    }
}

impl<S: Stream<Item = Result<Event, Error>>> Future for CollectMessage<S> {
    type Output = Result<Message, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let done = ready!(self.project().events.poll(context));
        Poll::Ready(done.map(|done| done.message))
    }
}

pin_project_lite::pin_project! {
    /// Events that somebody looks at; see [`EventStreamExt::inspect_events`].
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct InspectEvents<S, F> {
        #[pin]
        events: S,
        look: F,
    }
}

impl<S, F> Stream for InspectEvents<S, F>
where
    S: Stream<Item = Result<Event, Error>>,
    F: FnMut(&Event),
{
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let item = ready!(this.events.poll_next(context));
        if let Some(Ok(event)) = &item {
            (this.look)(event);
        }
        Poll::Ready(item)
    }
}

impl<S, F> FusedStream for InspectEvents<S, F>
where
    S: FusedStream<Item = Result<Event, Error>>,
    F: FnMut(&Event),
{
    fn is_terminated(&self) -> bool {
        self.events.is_terminated()
    }
}
