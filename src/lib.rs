//! Turns the event streams of language-model servers into typed events.
//!
//! Models think before they answer. On the wire that is a stream of server-sent events, cut anywhere
//! by the network: pieces of thinking, a signature, text, the JSON of tool calls. [`Decoder`] takes
//! the bytes and gives [`Event`]s; at the end, [`Complete`] carries the whole [`Message`], why it
//! stopped and what it cost.
//!
//! ```text
//! bytes ─▶ sse ─▶ wire ─▶ assemble ─▶ Event ─▶ adapter ─▶ caller
//!          frame   provider's   state machine,
//!                  JSON, typed  message so far
//! ```
//!
//! It does no I/O: you bring the bytes. It sends no request, has no clock, and never retries.
//!
//! # The tour
//!
//! ```
//! use thinkstream::{Decoder, Event, Protocol};
//!
//! # fn main() -> Result<(), thinkstream::Error> {
//! # let body: Vec<bytes::Bytes> = BODY.as_bytes().chunks(50).map(bytes::Bytes::copy_from_slice).collect();
//! // The header's id comes back in `Complete` and in every error.
//! let mut decoder = Decoder::new(Protocol::Anthropic).request_id("req_011C");
//! let mut tools = Vec::new();
//! let mut history = Vec::new();
//!
//! for mut chunk in body {
//!     // Every chunk is taken to its end: `None` means "give me more".
//!     while let Some(event) = decoder.decode(&mut chunk)? {
//!         match event {
//!             Event::Thinking(thinking) => eprint!("{}", thinking.text),
//!             Event::Token(token) => print!("{}", token.text),
//!             // Those of the provider's own tools come too.
//!             Event::ToolCall(call) if call.kind.is_client() => tools.push(call),
//!             Event::Complete(done) => {
//!                 // Only now is it known whether the calls may be run.
//!                 if !done.tools_safe_to_run() {
//!                     tools.clear();
//!                 }
//!                 // An empty or refused reply does not go back: `History` knows when and how.
//!                 history.push(done.message.to_param());
//!             }
//!             _ => {}
//!         }
//!     }
//! }
//! // The end of the input is an error unless the reply is complete.
//! while decoder.finish()?.is_some() {}
//!
//! assert_eq!(tools[0].name, "dice");
//! assert_eq!(
//!     history[0].as_str(),
//!     r#"{"role":"assistant","content":[{"type":"tool_use","id":"toolu_1","name":"dice","input":{"n": 2}}]}"#
//! );
//! # Ok(())
//! # }
//! # const BODY: &str = r#"event: message_start
//! # data: {"type":"message_start","message":{"id":"msg_1","role":"assistant","content":[]}}
//! #
//! # event: content_block_start
//! # data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_1","name":"dice","input":{}}}
//! #
//! # event: content_block_delta
//! # data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"n\": 2}"}}
//! #
//! # event: content_block_stop
//! # data: {"type":"content_block_stop","index":0}
//! #
//! # event: message_delta
//! # data: {"type":"message_delta","delta":{"stop_reason":"tool_use"}}
//! #
//! # event: message_stop
//! # data: {"type":"message_stop"}
//! #
//! # "#;
//! ```
//!
//! Over a stream, a reader or a codec the loop is written already: `EventStream`, `EventReader`,
//! `EventCodec`. They are thin wrappers and yield the same events.
//!
//! # What is where
//!
//! - [`guide`]: a page for each thing that has to be right. [Chunks and copies](guide::chunks_and_copies),
//!   [errors and what is left](guide::errors_and_partials), [signed thinking](guide::signed_thinking),
//!   [gateways](guide::gateways), [providers], and [the whole way once](guide::tour).
//! - [`Decoder`], [`Event`], [`Message`], [`Usage`], [`Error`]: bytes in, events out. [`Protocol`] says what the
//!   server speaks: Anthropic's Messages API, `OpenAI`'s Responses API, or Chat Completions, as `OpenAI` and a
//!   few dozen others have it; [`Detector`] tells it from the first bytes.
//! - `EventStream`, `EventReader`, `EventCodec`: the same around what brings the bytes, with `EventStreamExt` for what
//!   people do with it, and `Tap` for those who pass the bytes on.
//! - [`request`]: asking for thinking. [`history`]: sending it back. [`models`]: what both know of the models.
//! - [`telemetry`], [`Timing`]: what a call was, and how long it took.
//! - [`sse`]: a decoder and encoder of any event stream, exactly as the HTML standard has it. [`wire`]: one frame
//!   into one event of the provider, borrowed from it. Each can be used alone.
//!
//! # In short
//!
//! A message consists of blocks, each with its index. A block is finished by its stop, and only then is it
//! [handed out](Event::Block) whole, signed and [replayable](Block::replayable). A block that was cut has no
//! signature: half of one would be as invalid as none.
//!
//! [`Event::ToolInput`] gives the JSON of a call's arguments as it comes, [`Event::ToolCall`] the whole, once;
//! [`PartialInput`] reads the pieces: each field once it is whole, and all of them so far. Why the reply stopped is known only after the last call; if it was cut at a limit or refused, its calls must not be
//! run: [`Complete::tools_safe_to_run`].
//!
//! Only the provider's own terminator makes a reply complete. An [`Error`] says whose fault it is, at which
//! byte of the stream, and keeps the [`Partial`] message. Events, blocks, deltas and stop reasons that are not
//! known are no errors: they are handed out raw, and the stream goes on. Known deviations of servers are
//! tolerated, each with a [`Warning`]; [`Decoder::strict`] makes every one an error.
//!
//! # Serialised
//!
//! Events, messages, blocks, errors, and what [`history`], [`request`], [`models`] and [`telemetry`] say are written
//! with `serde_json` and read back as they were: onto a bus, into a file of lines, into a store. Only what goes into a
//! request, [`history::Rendered`] and [`request::ThinkingRequest`], is written as the request has it: the same history
//! and knob make it again.
//!
//! ```
//! use thinkstream::{Event, Message};
//!
//! # fn main() -> Result<(), serde_json::Error> {
//! let line = r#"{"type":"token","index":1,"text":"Hi"}"#;
//! let event: Event = serde_json::from_str(line)?;
//! assert_eq!(serde_json::to_string(&event)?, line);
//!
//! // The blocks of a message may be those of an API.
//! let message = r#"{"content":[{"type":"thinking","thinking":"","signature":"EqQB"}],"complete":true}"#;
//! let message: Message = serde_json::from_str(message)?;
//! assert!(message.content[0].replayable);
//! # Ok(())
//! # }
//! ```
//!
//! An event is one object with its name as `type`, an [`Error`] one of type `error`. A [`Block`] has the form
//! of Anthropic's API, and under `about` what that form does not say. JSON that was received keeps its bytes;
//! through a `serde_json::Value` it does not. An event of another type is an error of the reader, so that
//! nothing is passed over in silence; other members, which a later version may write, are passed over. An
//! error is read as what the server said or as one that was [recorded](ErrorKind::Recorded).
//!
//! # Features
//!
//! `std` (default) adds `EventReader`, `stream` (default) `EventStream`, `tokio` its timeouts, `codec`
//! `EventCodec`, `http` responses and bodies of the `http` crate, `tracing` spans, and `cli` the program. Without features the crate needs only `alloc`. A feature adds items; it never changes what is
//! there.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![no_std]
// No panic is reachable from input: what could panic does not pass the lints.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::string_slice,
        clippy::unreachable,
        clippy::as_conversions
    )
)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod adapter;
mod assemble;
mod aws;
mod dates;
mod decoder;
mod error;
mod event;
pub mod guide;
mod headers;
pub mod history;
mod json;
mod limits;
mod message;
pub mod models;
mod partial_input;
mod protocol;
mod rate_limit;
pub mod request;
mod rule;
pub mod sse;
mod stop;
pub mod telemetry;
mod text;
mod timing;
mod usage;
mod vector;
pub mod wire;

#[doc(no_inline)]
pub use crate::guide::providers;

/// The shared string behind [`Text`] and [`Json`], of the `bytestring` crate.
#[doc(no_inline)]
pub use bytestring::ByteString;

#[cfg(feature = "http")]
pub use crate::adapter::BodyStream;
#[cfg(feature = "codec")]
pub use crate::adapter::EventCodec;
#[cfg(feature = "std")]
pub use crate::adapter::EventReader;
#[cfg(feature = "tokio")]
pub use crate::adapter::Timeouts;
#[cfg(feature = "stream")]
pub use crate::adapter::{
    CollectComplete, CollectMessage, EventStream, EventStreamExt, InspectEvents, TextStream,
    ToolCalls,
};
#[cfg(all(feature = "std", feature = "stream"))]
pub use crate::adapter::{Ending, Outcome, Tap};
#[cfg(feature = "http")]
pub use crate::decoder::Refused;
pub use crate::decoder::{Decoder, Detector};
pub use crate::error::{Error, ErrorKind, LimitKind, Partial, ServerError, ServerErrorType, Timer};
pub use crate::event::{
    BlockEvent, Choice, CitationEvent, Complete, Event, EventLine, Progress, RedactedData,
    Signature, Start, Thinking, Token, ToolCall, ToolInput, ToolStart, Unknown, UsageEvent,
    Warning,
};
pub use crate::headers::Headers;
pub use crate::json::{Flaw, Json, JsonError};
pub use crate::limits::Limits;
pub use crate::message::{
    Block, Citation, CitationLocation, Container, Content, InputTransformation, InvalidInput,
    InvalidReason, Message, OtherContent, Provider, RedactedThinking, StopDetails, TextContent,
    ThinkingContent, ToolKind, ToolUse,
};
pub use crate::partial_input::{InputField, InputPath, InputSegment, PartialInput};
pub use crate::protocol::{Protocol, UnknownProtocol};
pub use crate::rate_limit::{RateLimit, RateLimitReset};
pub use crate::rule::Rule;
pub use crate::stop::StopReason;
pub use crate::text::Text;
pub use crate::timing::{Stalls, Stopwatch, Timing};
pub use crate::usage::{CacheCreation, Iteration, ServerToolRequests, Usage};

/// The README's examples are compiled with the documentation's.
#[cfg(all(doctest, feature = "codec", feature = "http", feature = "stream", feature = "tokio"))]
#[doc = include_str!("../README.md")]
struct Readme;
