//! The whole pipe: bytes in, events out.

mod detect;
mod fast;
mod frame;
mod head;
mod learnt;
mod options;
#[cfg(feature = "http")]
mod response;
mod unstreamed;

use alloc::boxed::Box;

use bytes::{Buf, Bytes};

pub use self::detect::Detector;
use self::fast::Front;
use self::head::{Head, is_foreign};
use self::learnt::Learnt;
#[cfg(feature = "http")]
pub use self::response::Refused;
use crate::assemble::{Machine, Queue, anthropic, openai_chat, openai_responses};
use crate::aws::{Framed, Unframer};
use crate::error::{Error, ErrorKind, Partial};
use crate::event::Event;
use crate::headers::Headers;
use crate::json::Flaw;
use crate::json::reader::Reader;
use crate::message::Message;
use crate::protocol::Protocol;
use crate::sse::{Found, Scanner};
use crate::text::{Text, Window};
use crate::usage::Usage;
use crate::wire::Source;
use crate::wire::anthropic::Peeker;
use crate::wire::cut::Cut;

/// Decodes the event stream of one reply.
///
/// It does no I/O and has no clock: you bring the bytes, cut as they come. One decoder is for one
/// reply.
///
/// # Example
///
/// ```
/// use thinkstream::{Decoder, Event, Protocol};
///
/// # let body = [
/// #     "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":{\"input_tokens\":9}}}\n\nevent: content_",
/// #     "block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
/// #     "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Four.\"}  }\n\n",
/// #     "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
/// #     "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":5}}\n\n",
/// #     "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
/// # ];
/// let mut decoder = Decoder::new(Protocol::Anthropic).request_id("req_1");
/// let mut answer = String::new();
/// for chunk in body {
///     let mut chunk = chunk.into();
///     while let Some(event) = decoder.decode(&mut chunk)? {
///         match event {
///             Event::Token(token) => answer.push_str(&token.text),
///             Event::Complete(done) => assert_eq!(done.usage().output_tokens, Some(5)),
///             _ => {}
///         }
///     }
/// }
/// while decoder.finish()?.is_some() {}
/// assert_eq!(answer, "Four.");
/// # Ok::<(), thinkstream::Error>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct Decoder {
    sse: Scanner,
    /// In place of the scanner, where the bytes are no text.
    aws: Option<Box<Unframer>>,
    machine: Machine,
    /// Of the response, if they are known.
    headers: Option<Box<Headers>>,
    peeker: Peeker,
    /// The beginning of a delta that the last chunk ended in, before the scanner has seen it.
    cut: Cut,
    /// How the server writes its deltas, if it is one of `OpenAI`'s kind.
    learnt: Option<Box<Learnt>>,
    /// Events that came out together and wait to be taken.
    queue: Queue,
    /// The beginning of the body, as long as the reply has not begun.
    head: Option<Box<Head>>,
    /// The input ended badly. Given once the queue is empty, and from then on.
    failed: Option<Error>,
}

impl Decoder {
    /// A decoder at the start of a reply.
    pub fn new(protocol: Protocol) -> Self {
        let aws =
            matches!(protocol, Protocol::AnthropicOnBedrock).then(Unframer::new).map(Box::new);
        let machine = match protocol {
            // Only the JSON of an event says what it is where no frame has a name.
            Protocol::Anthropic => Machine::Anthropic(anthropic::Machine::new(true)),
            Protocol::AnthropicOnBedrock => Machine::Anthropic(anthropic::Machine::new(false)),
            Protocol::OpenAiResponses => {
                Machine::Responses(Box::new(openai_responses::Machine::new()))
            }
            Protocol::OpenAiChat => Machine::Chat(Box::new(openai_chat::Machine::new())),
        };
        let mut sse = Scanner::new();
        if protocol == Protocol::OpenAiChat {
            sse.set_error_is_data();
        }
        Self {
            sse,
            aws,
            machine,
            headers: None,
            peeker: Peeker::new(),
            cut: Cut::default(),
            learnt: None,
            queue: Queue::new(),
            head: None,
            failed: None,
        }
    }

    /// What it decodes.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        match &self.machine {
            Machine::Anthropic(_) if self.aws.is_some() => Protocol::AnthropicOnBedrock,
            Machine::Anthropic(_) => Protocol::Anthropic,
            Machine::Responses(_) => Protocol::OpenAiResponses,
            Machine::Chat(_) => Protocol::OpenAiChat,
        }
    }

    /// Takes the next event off the front of `input`.
    ///
    /// Returns `Ok(None)` once `input` is used up: give the next chunk, or [`finish`](Self::finish).
    /// After `Complete` there is nothing more, whatever comes.
    ///
    /// # Copies
    ///
    /// Text of up to 32 bytes is copied into its event; longer text is a slice of `input`, unless it
    /// has escapes or its frame was cut, and then of a buffer that is used again once its events are
    /// dropped. Accumulating the message copies every text once more.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`]. Events that came before the error are given first. The error is final:
    /// every later call returns it again. [`message`](Self::message) stays.
    #[inline]
    pub fn decode(&mut self, input: &mut Bytes) -> Result<Option<Event>, Error> {
        if self.has_cut() {
            return self.decode_cut(input);
        }
        // Every chunk ends with such a call.
        if input.is_empty() && self.queue.is_empty() && self.failed.is_none() {
            return Ok(None);
        }
        self.decode_front(input)
    }

    /// Takes a delta off the front of `input`, or whatever is there.
    #[inline(never)]
    fn decode_front(&mut self, input: &mut Bytes) -> Result<Option<Event>, Error> {
        let mut window = Window::ZERO;
        let mut front = Front::Other;
        if self.is_at_frame() {
            front = self.front(input, &mut window);
            // The event is built once, in the place where it is returned: what is written in parts
            // and then moved as a whole waits for its own stores.
            match front {
                Front::Added(kind, index, len) => {
                    let text = Text::from_window(window, len);
                    return Ok(Some(fast::event(kind, index, text)));
                }
                Front::Kept => return Ok(None),
                Front::Taken | Front::Other => {}
            }
        }
        self.decode_any(input, front)
    }

    /// Goes on with a delta that was cut. Apart, so that a chunk of 16 to 32 bytes in the middle of one
    /// costs a call that needs no room on the stack.
    #[inline(never)]
    fn decode_cut(&mut self, input: &mut Bytes) -> Result<Option<Event>, Error> {
        if self.goes_on_in_windows(input) {
            return Ok(None);
        }
        self.end_cut(input)
    }

    #[inline(never)]
    fn end_cut(&mut self, input: &mut Bytes) -> Result<Option<Event>, Error> {
        if self.goes_on(input) {
            return Ok(None);
        }
        if !self.is_at_frame() {
            return self.decode_any(input, Front::Other);
        }
        if input.is_empty() {
            return Ok(None);
        }
        let mut window = Window::ZERO;
        match self.front_of_cut(input, &mut window) {
            Front::Added(kind, index, len) => {
                Ok(Some(fast::event(kind, index, Text::from_window(window, len))))
            }
            front => self.decode_any(input, front),
        }
    }

    #[inline(never)]
    fn decode_any(&mut self, input: &mut Bytes, front: Front) -> Result<Option<Event>, Error> {
        let mut front = front;
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Ok(Some(event));
            }
            if self.failed.is_some() {
                #[cfg(feature = "http")]
                if self.refuse(input) {
                    return Ok(None);
                }
                return self.failed.clone().map_or(Ok(None), Err);
            }
            if self.machine.is_done() {
                // Whatever comes now can change nothing, not even by being too large.
                input.advance(input.len());
            }
            if input.is_empty() {
                return Ok(None);
            }
            if matches!(front, Front::Other) {
                self.take_frame(input);
            }
            front = Front::Other;
            if self.is_at_frame() && !input.is_empty() {
                let mut window = Window::ZERO;
                front = self.front(input, &mut window);
                if let Front::Added(kind, index, len) = front {
                    return Ok(Some(fast::event(kind, index, Text::from_window(window, len))));
                }
            }
        }
    }

    /// Takes one frame off the front of `input`, whatever it is.
    fn take_frame(&mut self, input: &mut Bytes) {
        if self.aws.is_some() {
            return self.unframe(input);
        }
        if self.known(input) {
            return;
        }
        let taken = self.scan(input, input);
        input.advance(taken);
    }

    /// Goes over `bytes`, which are `chunk` or not shared, up to the end of the next frame; says how
    /// many that took.
    fn scan(&mut self, bytes: &[u8], chunk: &Bytes) -> usize {
        match self.sse.scan(bytes) {
            Ok((taken, found)) => {
                let begins = match &found {
                    Some(Found::Frame { offset, .. }) => Some(*offset),
                    _ => None,
                };
                if let Some(found) = found {
                    self.found(found, chunk);
                }
                if self.machine.has_begun() {
                    self.head = None;
                } else if self.failed.is_none() {
                    self.note_head(bytes.get(..taken).unwrap_or_default(), begins.is_some());
                    if let Some(offset) = begins {
                        self.look_who_speaks(offset);
                    }
                }
                taken
            }
            Err(error) => {
                self.fail(error.kind().clone(), error.offset());
                0
            }
        }
    }

    /// Takes the next message of a binary event stream.
    fn unframe(&mut self, input: &mut Bytes) {
        if self.is_text(input) {
            return self.look_at_text(input);
        }
        let Some(aws) = &mut self.aws else {
            return;
        };
        match aws.take(input) {
            Ok(Some((Framed::Event { name, data }, offset))) => {
                let source = Source::new(&data, data.len());
                self.frame(name.as_bytes(), &data, source, (offset, false));
                if self.machine.has_begun() {
                    self.head = None;
                } else if self.failed.is_none() && is_foreign(&name, &data) {
                    self.note_head(&data, true);
                }
            }
            Ok(Some((Framed::Failure(error), offset))) => {
                self.fail(ErrorKind::Server(error.into()), offset);
            }
            Ok(None) => {}
            Err((kind, offset)) => drop(self.fail(kind, offset)),
        }
    }

    /// Ends the input: call it until it returns `Ok(None)` or an error.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Incomplete`], [`ErrorKind::Unterminated`] or, if nothing came,
    /// [`ErrorKind::EmptyStream`] unless the reply is complete; what the rest of the input is, if it was no event:
    /// [`ErrorKind::NoEvents`], [`ErrorKind::OtherProtocol`] or the server's error; or the error that the decoder has
    /// already.
    pub fn finish(&mut self) -> Result<Option<Event>, Error> {
        #[cfg(feature = "http")]
        self.end_refusal();
        self.uncut();
        // The end of a reply is taken without the blank line behind it, too.
        while (self.sse.flushes() && !self.breaks_off() || self.is_done_behind())
            && self.failed.is_none()
            && self.queue.is_empty()
        {
            match self.sse.flushed() {
                Ok(Some(found)) => self.found(found, &Bytes::new()),
                Ok(None) => break,
                Err(error) => drop(self.fail(error.kind().clone(), error.offset())),
            }
        }
        if let Some(event) = self.queue.pop_front() {
            return Ok(Some(event));
        }
        if self.failed.is_none() {
            self.end();
        }
        match self.queue.pop_front() {
            Some(event) => Ok(Some(event)),
            None => self.failed.clone().map_or(Ok(None), Err),
        }
    }

    /// Whether the event that has not ended, or the last line of it, is the end of a reply.
    fn is_done_behind(&self) -> bool {
        let data = self.sse.held_data().trim_ascii();
        data.rsplit(|byte| *byte == b'\n').next().is_some_and(|last| last.trim_ascii() == b"[DONE]")
    }

    /// Whether the event that has not ended lacks more than that.
    fn breaks_off(&self) -> bool {
        match core::str::from_utf8(self.sse.held_data()) {
            Ok("") => false,
            Ok(text) => Reader::new(text).whole().is_err_and(|it| it.flaw == Flaw::Unfinished),
            Err(flaw) => flaw.error_len().is_none(),
        }
    }

    /// The message so far, also after an error.
    ///
    /// Finished blocks are shared, blocks in flight are copied: it is for now and then, not for
    /// every event.
    #[must_use]
    pub fn message(&self) -> Message {
        match &self.failed {
            Some(error) => error.partial().message.clone(),
            None => self.machine.message(),
        }
    }

    /// The usage so far, also after an error. It is final once [`is_complete`](Self::is_complete).
    #[must_use]
    pub fn usage(&self) -> &Usage {
        self.machine.usage()
    }

    /// Whether the provider has ended the reply.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.machine.is_done()
    }

    /// How many bytes were taken, up to the end of the reply: what is behind it is taken and not counted.
    #[must_use]
    pub fn offset(&self) -> u64 {
        let cut = u64::try_from(self.cut.len()).unwrap_or(u64::MAX);
        self.aws.as_ref().map_or_else(|| self.sse.offset().saturating_add(cut), |aws| aws.offset())
    }

    /// The response's headers, as far as they were given.
    #[must_use]
    pub fn response_headers(&self) -> Option<&Headers> {
        self.headers.as_deref()
    }

    /// The other choices so far, if the request asked for several.
    #[cfg(all(feature = "std", feature = "stream"))]
    pub(crate) fn choices(&self) -> alloc::vec::Vec<Message> {
        match &self.failed {
            Some(error) => error.partial().choices.clone(),
            None => self.machine.choices(),
        }
    }

    /// Ends because the input broke off, or nothing came for too long: well, if the reply is whole.
    #[cfg(any(feature = "std", feature = "stream"))]
    pub(crate) fn break_off(&mut self, kind: ErrorKind) -> Result<Option<Event>, Error> {
        #[cfg(feature = "http")]
        self.break_refusal();
        if self.machine.is_over() && !self.machine.ledger().strict {
            // What else it had to say of the reply, such as its usage, may be lost.
            self.machine.ledger_mut().came = crate::assemble::Came::BrokenOff;
            return self.finish();
        }
        if self.machine.is_done() {
            return self.finish();
        }
        Err(self.fail(kind, self.offset()))
    }

    fn leftover(&self) -> u64 {
        self.aws.as_ref().map_or_else(|| self.sse.leftover(), |aws| aws.leftover())
    }

    /// The same because of what is under an adapter.
    #[cfg(any(feature = "std", feature = "stream"))]
    pub(crate) fn interrupt(
        &mut self,
        source: impl Into<alloc::boxed::Box<dyn core::error::Error + Send + Sync>>,
    ) -> Result<Option<Event>, Error> {
        self.break_off(ErrorKind::Transport(source.into().into()))
    }

    fn fail(&mut self, kind: ErrorKind, offset: u64) -> Error {
        #[cfg(feature = "http")]
        self.end_refusal();
        // The first error is the one.
        if let Some(error) = &self.failed {
            return error.clone();
        }
        let kind = match kind {
            ErrorKind::Incomplete { leftover } if self.is_empty(leftover) => ErrorKind::EmptyStream,
            kind => kind,
        };
        self.machine.seal();
        let partial = Partial {
            message: self.machine.message(),
            choices: self.machine.choices(),
            output_started: self.machine.ledger().output_started,
            tool_call_emitted: self.machine.ledger().tool_call_emitted,
        };
        let mut headers = self.headers.as_deref().cloned().unwrap_or_default();
        headers.request_id = headers.request_id.or_else(|| self.machine.request_id().cloned());
        let error = Error::new(kind, Some(offset), partial, headers);
        self.failed = Some(error.clone());
        // What was received is in the error now, and nothing more will come of the rest.
        self.machine.release();
        self.queue.shrink_to_fit();
        self.sse.pass(self.cut.len());
        (self.cut, self.head) = (Cut::default(), None);
        self.learnt = None;
        error
    }
}

impl From<Protocol> for Decoder {
    /// A decoder with nothing set.
    fn from(protocol: Protocol) -> Self {
        Self::new(protocol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoder_is_of_its_protocol() {
        for protocol in [
            Protocol::Anthropic,
            Protocol::AnthropicOnBedrock,
            Protocol::OpenAiResponses,
            Protocol::OpenAiChat,
        ] {
            let mut decoder = Decoder::from(protocol);
            assert_eq!(decoder.protocol(), protocol);
            decoder.reset();
            assert_eq!(decoder.protocol(), protocol);
            assert_eq!(decoder.aws.is_some(), protocol == Protocol::AnthropicOnBedrock);
        }
    }

    #[test]
    fn an_error_lets_go_of_what_was_kept() {
        for body in
            ["\n\n: busy\n\ndata: {]\n\n", "\n: busy\n\nerror: {\"message\":\"m\",\"code\":1}\n\n"]
        {
            let mut decoder = Decoder::new(Protocol::OpenAiChat);
            let mut input = body.into();
            assert_eq!(decoder.decode(&mut input).unwrap(), Some(Event::Ping));
            assert!(decoder.head.is_some(), "{body:?}");
            assert!(decoder.decode(&mut input).is_err(), "{body:?}");
            assert!(decoder.head.is_none() && decoder.learnt.is_none(), "{body:?}");
        }
    }

    #[cfg(any(feature = "std", feature = "stream"))]
    #[test]
    fn what_was_cut_by_an_error_does_not_come_behind_it() {
        let mut decoder = Decoder::new(Protocol::Anthropic).flush_at_end(true);
        let mut input = "event: ping\ndata: {\"type\":\"ping\"}\n".into();
        assert_eq!(decoder.decode(&mut input).unwrap(), None);
        assert_eq!(decoder.interrupt("reset by peer").unwrap_err().kind().name(), "transport");
        assert_eq!(decoder.finish().unwrap_err().kind().name(), "transport");
    }
}
