//! How much of an upstream's bytes is held at most.

use serde::{Deserialize, Serialize};

/// Upper bounds on what a decoder holds. Exceeding one is an [`ErrorKind::Limit`](crate::ErrorKind::Limit).
///
/// The defaults are generous: a provider's largest known events have a few megabytes. What is counted
/// is the bytes held; buffers that grow take up to twice as much.
///
/// # Example
///
/// ```
/// use thinkstream::{Decoder, Limits, Protocol};
///
/// let limits = Limits { event_bytes: 64 * 1024, ..Limits::default() };
/// let decoder = Decoder::new(Protocol::Anthropic).limits(limits);
/// # let _ = decoder;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::exhaustive_structs, reason = "written with `..Limits::default()`")]
pub struct Limits {
    /// Bytes of one event of the stream: the values of its `data`, `event` and `id` fields. On Bedrock it is the whole
    /// binary message, in which the event is in Base64: a third more.
    pub event_bytes: usize,
    /// Bytes held for one message: text, thinking, signatures, tool inputs, raw blocks. The JSON in which blocks and
    /// calls came counts as held where it is kept: some 25 bytes for a block,
    /// 150 for a call or an item.
    pub message_bytes: usize,
    /// Bytes of the input of one tool call. Where nothing is [accumulated](crate::Decoder::accumulate), it bounds what
    /// one event has of it, and of `OpenAI`'s APIs the whole.
    pub tool_input_bytes: usize,
    /// Blocks of one message.
    pub blocks: usize,
}

impl Limits {
    /// 16 MiB: search results and images arrive whole in one event.
    pub const EVENT_BYTES: usize = 16 << 20;
    /// 64 MiB.
    pub const MESSAGE_BYTES: usize = 64 << 20;
    /// 16 MiB.
    pub const TOOL_INPUT_BYTES: usize = 16 << 20;
    /// 4,096 blocks.
    pub const BLOCKS: usize = 4096;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            event_bytes: Self::EVENT_BYTES,
            message_bytes: Self::MESSAGE_BYTES,
            tool_input_bytes: Self::TOOL_INPUT_BYTES,
            blocks: Self::BLOCKS,
        }
    }
}
