//! A call as a span of the `tracing` crate.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::time::Instant;

use alloc::format;

use futures_core::Stream;
use tracing::Span;
use tracing::field::Empty;

use super::{CallRecord, Value, attributes, spoken};
use crate::error::Error;
use crate::event::Event;
use crate::message::Message;
use crate::protocol::Protocol;
use crate::timing::Stopwatch;

/// A span for a call of this model, with a field for each of the [`attributes`], of which those of the
/// request and the provider are set. `otel.name`, `otel.kind` and `otel.status_code` are what
/// `tracing-opentelemetry` makes the span's own.
///
/// The provider is whose API it is: [`span_to`] names another who speaks it.
#[must_use]
pub fn span(protocol: Protocol, request_model: &str) -> Span {
    let provider = match protocol {
        Protocol::AnthropicOnBedrock => "aws.bedrock",
        _ => spoken(protocol.provider()),
    };
    span_to(provider, request_model)
}

/// The same for a call of this provider, by the name that the conventions have for it: `deepseek`, `groq`,
/// `x_ai`, `azure.ai.openai`, …
#[must_use]
pub fn span_to(provider: &str, request_model: &str) -> Span {
    tracing::info_span!(
        "chat",
        otel.name = format!("chat {request_model}"),
        otel.kind = "client",
        otel.status_code = Empty,
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = provider,
        gen_ai.request.model = request_model,
        gen_ai.request.stream = true,
        gen_ai.response.id = Empty,
        gen_ai.response.model = Empty,
        gen_ai.response.finish_reasons = Empty,
        gen_ai.response.time_to_first_chunk = Empty,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        gen_ai.usage.cache_read.input_tokens = Empty,
        gen_ai.usage.cache_creation.input_tokens = Empty,
        gen_ai.usage.cache_write.input_tokens = Empty,
        gen_ai.usage.reasoning.output_tokens = Empty,
        error.type = Empty,
        thinkstream.request_id = Empty,
        thinkstream.time_to_first_byte = Empty,
        thinkstream.time_to_first_thinking = Empty,
        thinkstream.time_to_first_text = Empty,
        thinkstream.time_to_first_tool = Empty,
        thinkstream.time_per_output_chunk = Empty,
    )
}

/// Puts the attributes of a call on a span, as far as it has fields for them; not those of the request and
/// the provider, which were set with the span. Lists are written as JSON, for a field has no lists.
///
/// # Example
///
/// ```
/// use thinkstream::Complete;
/// use thinkstream::telemetry::{self, CallRecord};
///
/// fn finish(span: &tracing::Span, done: &Complete) {
///     telemetry::record(span, &CallRecord::from(done));
/// }
/// ```
pub fn record(span: &Span, call: &CallRecord) {
    for (name, value) in attributes(call) {
        // A field that is set twice is exported twice.
        let set = ["gen_ai.operation.name", "gen_ai.provider.name"].contains(&name);
        if set || name.starts_with("gen_ai.request.") {
            continue;
        }
        match value {
            Value::Text(text) => span.record(name, text.as_str()),
            Value::Int(number) => span.record(name, number),
            Value::Double(number) => span.record(name, number),
            Value::Bool(value) => span.record(name, value),
            Value::Texts(texts) => {
                span.record(name, serde_json::to_string(&texts).unwrap_or_default())
            }
        };
    }
    // That all went well is for the application to say.
    if call.error_type.is_some() {
        span.record("otel.status_code", "ERROR");
    }
}

pin_project_lite::pin_project! {
    /// A stream of events inside a span, on which it puts the attributes of the call exactly once: at
    /// `Complete`, at an error, or when it is dropped before.
    ///
    /// # Example
    ///
    /// ```
    /// use futures_util::{StreamExt, stream};
    /// use thinkstream::telemetry::{self, Traced};
    /// use thinkstream::{Decoder, EventStream, Protocol};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let body = stream::iter([Ok::<_, std::io::Error>("data: {\"type\":\"message_stop\"}\n\n")]);
    /// let events = EventStream::new(body, Decoder::new(Protocol::Anthropic));
    /// let mut events = Traced::new(events, telemetry::span(Protocol::Anthropic, "claude-opus-5"));
    /// while let Some(event) = events.next().await {
    ///     println!("{}", event?.name());
    /// }
    /// # Ok::<(), thinkstream::Error>(())
    /// # }).unwrap();
    /// ```
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct Traced<S> {
        #[pin]
        events: S,
        call: Call,
    }
}

impl<S> Traced<S> {
    /// Puts the call of which these are the events on `span`.
    pub fn new(events: S, span: Span) -> Self {
        let (so_far, stopwatch) = (Message::default(), Stopwatch::new());
        Self { events, call: Call { span, so_far, stopwatch, sent: Instant::now() } }
    }

    /// Says when the request was sent, from which on all times count. Else they count from here.
    pub fn sent_at(mut self, sent: Instant) -> Self {
        self.call.sent = sent;
        self
    }
}

impl<S: Stream<Item = Result<Event, Error>>> Stream for Traced<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let item = {
            let _entered = this.call.span.enter();
            ready!(this.events.poll_next(context))
        };
        match &item {
            Some(Ok(event)) => this.call.saw(event),
            Some(Err(error)) => {
                this.call.stopwatch.ended(this.call.sent.elapsed());
                let call = this.call.timed(CallRecord::from(error));
                this.call.end(&call);
            }
            None => {}
        }
        Poll::Ready(item)
    }
}

/// What is known of a call while it lasts.
#[derive(Debug)]
struct Call {
    /// None once it is told.
    span: Span,
    /// Only what its first events and its usage say.
    so_far: Message,
    /// For what the stream under it does not measure, or does not tell: its failures.
    stopwatch: Stopwatch,
    sent: Instant,
}

impl Call {
    fn saw(&mut self, event: &Event) {
        self.stopwatch.received(self.sent.elapsed(), 0);
        self.stopwatch.saw(event);
        match event {
            Event::Start(start) => {
                self.so_far.id.clone_from(&start.id);
                self.so_far.model.clone_from(&start.model);
                self.so_far.usage = start.usage.clone();
            }
            Event::Usage(usage) => self.so_far.usage = usage.usage.clone(),
            Event::Complete(done) => {
                let call = CallRecord::from(&**done);
                let timed = done.timing.is_some();
                self.end(&if timed { call } else { self.timed(call) });
            }
            _ => {}
        }
    }

    fn timed(&self, call: CallRecord) -> CallRecord {
        call.timing(self.stopwatch.timing().clone())
    }

    fn end(&mut self, call: &CallRecord) {
        // What has no span any more is told, and the span is closed.
        record(&core::mem::replace(&mut self.span, Span::none()), call);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.span.is_none() {
            self.stopwatch.ended(self.sent.elapsed());
            let call = self.timed(CallRecord::dropped(&self.so_far));
            self.end(&call);
        }
    }
}
