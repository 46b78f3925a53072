//! What a caller sets, and what of it outlasts a reply.

use super::Decoder;
use crate::headers::Headers;
use crate::limits::Limits;
use crate::text::Text;

impl Decoder {
    /// Sets the id of the request, from the response's `request-id` or `x-request-id` header. It comes
    /// back in [`Complete`](crate::Complete) and in errors. Set it before the
    /// `response`: of one that is refused the error is made there.
    pub fn request_id(mut self, id: impl Into<Text>) -> Self {
        self.headers.get_or_insert_default().request_id = Some(id.into());
        self
    }

    /// Sets the response's headers, the id of the request among them. If they have none, one that
    /// was set before stays.
    pub fn headers(mut self, headers: Headers) -> Self {
        let known = self.headers.take().and_then(|headers| headers.request_id);
        let request_id = headers.request_id.clone().or(known);
        self.headers = Some(Headers { request_id, ..headers }.into());
        self
    }

    /// Whether a deviation from the protocol is an error rather than a warning. Off unless set.
    pub fn strict(mut self, strict: bool) -> Self {
        self.machine.ledger_mut().strict = strict;
        self
    }

    /// Whether invalid UTF-8 becomes U+FFFD rather than an error. Off unless set: what is signed
    /// would no longer be what was received.
    pub fn lossy(mut self, lossy: bool) -> Self {
        self.machine.ledger_mut().lossy = lossy;
        self
    }

    /// Whether the message is accumulated. On unless set.
    ///
    /// Without it, what needs the whole of a block is not given: no `Block` and no `ToolCall`
    /// events, and no blocks in the message. Usage, stop reason and errors are as ever. For gateways
    /// that only look on.
    pub fn accumulate(mut self, accumulate: bool) -> Self {
        self.machine.ledger_mut().accumulate = accumulate;
        self
    }

    /// Whether to read a last event whose blank line is missing at the end of the input. Off unless
    /// set: it may well have been cut.
    pub fn flush_at_end(mut self, flush: bool) -> Self {
        self.sse.set_flush(flush);
        self
    }

    /// Sets how much is held at most.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.sse.set_limit(limits.event_bytes);
        if let Some(aws) = &mut self.aws {
            aws.set_limit(limits.event_bytes);
        }
        self.machine.ledger_mut().limits = limits.into();
        self
    }

    /// Makes it ready for another reply of the same protocol, whatever became of the last one. What was
    /// set stays, but for the headers, which were those of the last response.
    ///
    /// # Example
    ///
    /// ```
    /// use thinkstream::{Decoder, Protocol};
    ///
    /// let mut decoder = Decoder::new(Protocol::Anthropic).lossy(true);
    /// let mut page = "<html>".into();
    /// assert!(decoder.decode(&mut page)?.is_none());
    /// assert!(decoder.finish().is_err());
    ///
    /// decoder.reset();
    /// let mut reply = "data: {\"type\":\"message_start\",\"message\":{}}\n\n".into();
    /// assert!(decoder.decode(&mut reply)?.is_some());
    /// # Ok::<(), thinkstream::Error>(())
    /// ```
    pub fn reset(&mut self) {
        let ledger = self.machine.ledger();
        let unstreamed = ledger.unstreamed;
        let mut fresh = Self::new(self.protocol())
            .strict(ledger.strict)
            .accumulate(ledger.accumulate)
            .limits(ledger.limits.with(self.sse.limit()))
            .lossy(ledger.lossy)
            .flush_at_end(self.sse.flushes());
        fresh.machine.ledger_mut().unstreamed = unstreamed;
        *self = fresh;
    }
}
