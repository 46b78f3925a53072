//! Who is measured against whom.

use super::floor;
use super::peers::{self, Stack};

/// The whole path.
pub(crate) const EVENTS: &[(&str, Stack)] = &[
    ("thinkstream", peers::thinkstream),
    ("thinkstream, not accumulated", peers::thinkstream_tap),
    ("sse-core + sonic-rs, flat struct", peers::sse_core_sonic_flat),
    ("sse-core + sonic-rs, flat struct, kept", peers::sse_core_sonic_flat_kept),
    ("eventsource-stream + serde_json, enum", peers::eventsource_stream_serde_enum),
    ("fused, memchr2", floor::memchr2),
    #[cfg(target_arch = "x86_64")]
    ("fused, SSE2", floor::sse2),
];

/// Whether large events are nothing for it: eventsource-stream copies its buffer for every line, and the
/// matchers know no frame that is cut but a delta's.
pub(crate) fn is_slow(stack: &str) -> bool {
    stack.starts_with("eventsource") || stack.starts_with("fused")
}

/// Frames alone.
pub(crate) const SSE: &[(&str, Stack)] = &[
    ("thinkstream", peers::sse_thinkstream),
    ("sse-core", peers::sse_sse_core),
    ("sse-stream", peers::sse_sse_stream),
    ("sseer", peers::sse_sseer),
    ("sse-parse", peers::sse_sse_parse),
    ("eventsource-stream", peers::sse_eventsource_stream),
];

/// Reading the open line again with every chunk is quadratic: seconds a pass where lines are large.
pub(crate) const SSE_LARGE: &[(&str, Stack)] = SSE.split_last().unwrap().1;
