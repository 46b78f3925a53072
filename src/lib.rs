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
//! `EventCodec`. They know no rule of any format and give the same events.
//!
//! # Chunks and copies
//!
//! Chunks may be cut anywhere, also inside a character, a CRLF or an escape; the events are the same,
//! and each is out at the byte that completes it. The work is linear in the bytes, whatever the cuts.
//!
//! Four of five events are deltas, which Anthropic writes alike, byte for byte, but for an index, one
//! string and their padding. Those are recognised where they lie; everything else goes through the
//! whole pipe, and what both could read, both read the same. Servers that speak as `OpenAI` does each
//! write in their own way: the forms of the last few deltas are remembered, and the next of the same form
//! is not read as JSON again.
//!
//! Text of up to 32 bytes is copied into its event. Longer text is a reference-counted slice of the
//! chunk, unless it has escapes or its frame was cut; an event that is kept keeps that chunk alive.
//! The message is accumulated apart from the chunks, so it pins none of them but for blocks that are
//! received whole and are most of their chunk. [`Decoder::accumulate`] turns accumulation off.
//!
//! No delta of up to 4 KiB in an event stream costs an allocation, plain or escaped, however it is cut,
//! as long as its event is let go of before the next; events that are kept share a buffer of their own
//! or that of their chunk. A decoder that waits takes 560 bytes beside the fields of its [`Message`]
//! (712 bytes, most of them [`Usage`]), 0.3 KiB for each open block, room for events that come together
//! (224 bytes), and the text received so far in a buffer of 256 bytes or up to twice its length, which
//! the next block goes on with if it has no more than 16 KiB.
//!
//! # Blocks and signatures
//!
//! A message consists of blocks, each with its index. Blocks may overlap; a delta goes to the block of
//! its index and to no other. A block is finished by its stop, and only then is it [handed
//! out](Event::Block) whole, signed and [replayable](Block::replayable). A block that was cut has no
//! signature: half of one is as invalid as none, and looks better.
//!
//! The next request must echo the finished blocks as they were: [`Message::to_param`] writes them, in
//! order, thinking without text included, with the same bytes in every signature, encrypted field and
//! tool input.
//!
//! What else decides whether the next request is valid is in [`history`]: a record of the conversation that
//! renders it. How thinking is asked for in the first place is in [`request`].
//!
//! # Tool calls
//!
//! [`Event::ToolInput`] gives the JSON of the arguments as it comes, [`Event::ToolCall`] the whole,
//! once, after the block's stop. Arguments that are not a JSON object come with the reason, never as
//! `{}`. Calls with [`ToolKind::Server`] and [`ToolKind::Mcp`] are run by the provider.
//!
//! Why the reply stopped is known only after the last call. If it was cut at a limit or refused, its
//! calls must not be run: [`Complete::tools_safe_to_run`].
//!
//! # Errors and what was received
//!
//! [`Error`] says whose fault it is, at which byte of the stream, and keeps the [`Partial`] message.
//! Only the provider's own terminator makes a reply complete; a stream that just ends is
//! [`Incomplete`](ErrorKind::Incomplete), or [`Unterminated`](ErrorKind::Unterminated) if the stop
//! reason had come. Events, blocks, deltas and stop reasons that are not known are no errors: they
//! are handed out raw, and the stream goes on.
//!
//! Servers that speak the protocol more or less are tolerated rule by rule, each with a [`Warning`];
//! [`Decoder::strict`] makes every one an error. [`Rule`] lists them.
//!
//! # Limits
//!
//! [`Limits`] bounds the bytes of an event, of a message and of a tool's input, and the number of
//! blocks. Comments and unknown fields of the event stream are never held, however long.
//!
//! # Providers
//!
//! [`Protocol`] says what the server speaks: Anthropic's Messages API, `OpenAI`'s Responses API, or Chat
//! Completions, as `OpenAI` and a few dozen others have it. The events are the same; [`providers`] says
//! what of each provider they are made of, and what a provider cannot give. [`Detector`] tells from the
//! first bytes who speaks.
//!
//! # Alone
//!
//! [`sse`] is a decoder and encoder of any event stream, exactly as the HTML standard has it. [`wire`]
//! reads one frame into one event of the provider, borrowed from it. [`models`], [`request`] and [`history`]
//! know nothing of streams, and work with messages of your own.
//!
//! # Features
//!
//! `std` (default) adds `EventReader`, `stream` (default) `EventStream`, `tokio` its timeouts, `codec`
//! `EventCodec`, `http` `Decoder::for_response` and [`Headers`] from the `http` crate's, and `cli` the
//! program. Without features the crate needs only `alloc`. A feature adds items; it never changes what is
//! there.

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
mod decoder;
mod error;
mod event;
mod headers;
pub mod history;
mod json;
mod limits;
mod message;
pub mod models;
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
pub mod wire;

#[doc = include_str!("providers.md")]
pub mod providers {}

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
    CollectMessage, EventStream, EventStreamExt, InspectEvents, TextStream, ToolCalls,
};
#[cfg(all(feature = "std", feature = "stream"))]
pub use crate::adapter::{Ending, Outcome, Tap};
#[cfg(feature = "http")]
pub use crate::decoder::Refused;
pub use crate::decoder::{Decoder, Detector};
pub use crate::error::{Error, ErrorKind, LimitKind, Partial, ServerError, ServerErrorType, Timer};
pub use crate::event::{
    BlockEvent, Choice, CitationEvent, Complete, Event, Progress, RedactedData, Signature, Start,
    Thinking, Token, ToolCall, ToolInput, ToolStart, Unknown, UsageEvent, Warning,
};
pub use crate::headers::Headers;
pub use crate::json::{Flaw, Json, JsonError};
pub use crate::limits::Limits;
pub use crate::message::{
    Block, Citation, CitationLocation, Container, Content, InputTransformation, InvalidInput,
    InvalidReason, Message, OtherContent, Provider, RedactedThinking, StopDetails, TextContent,
    ThinkingContent, ToolKind, ToolUse,
};
pub use crate::protocol::Protocol;
pub use crate::rate_limit::{RateLimit, Reset};
pub use crate::rule::Rule;
pub use crate::stop::StopReason;
pub use crate::text::Text;
pub use crate::timing::{Stalls, Stopwatch, Timing};
pub use crate::usage::{CacheCreation, Iteration, ServerToolRequests, Usage};

/// The README's examples are compiled with the documentation's.
#[cfg(all(doctest, feature = "codec", feature = "http", feature = "stream"))]
#[doc = include_str!("../README.md")]
struct Readme;
