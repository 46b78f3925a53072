//! thinkstream
#![forbid(unsafe_code)]
#![no_std]
// No panic is reachable from input: what could panic does not compile.
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
mod decoder;
mod error;
mod event;
mod headers;
mod json;
mod limits;
mod message;
pub mod sse;
mod stop;
mod text;
mod usage;
pub mod wire;

#[cfg(feature = "codec")]
pub use crate::adapter::EventCodec;
#[cfg(feature = "std")]
pub use crate::adapter::EventReader;
#[cfg(feature = "stream")]
pub use crate::adapter::EventStream;
pub use crate::decoder::{Decoder, Protocol};
pub use crate::error::{Error, ErrorKind, LimitKind, Partial, ServerError, ServerErrorType};
pub use crate::event::{
    BlockEvent, CitationEvent, Complete, Event, RedactedData, Rule, Signature, Start, Thinking,
    Token, ToolCall, ToolInput, ToolStart, Unknown, UsageEvent, Warning,
};
pub use crate::headers::Headers;
pub use crate::json::{Flaw, Json, JsonError};
pub use crate::limits::Limits;
pub use crate::message::{
    Block, Citation, CitationLocation, Content, InvalidInput, InvalidReason, Message, OtherContent,
    Provider, RedactedThinking, TextContent, ThinkingContent, ToolKind, ToolUse,
};
pub use crate::stop::StopReason;
pub use crate::text::Text;
pub use crate::usage::{CacheCreation, Usage};
