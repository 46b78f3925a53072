//! Framing alone: from bytes to the events of the standard.

mod common;

use common::compare::{compare, criterion};
use common::peers::{self, Stack};
use common::traffic::{self, Chunks};

const STACKS: [(&str, Stack); 6] = [
    ("thinkstream", peers::sse_thinkstream),
    ("sse-core", peers::sse_sse_core),
    ("sse-stream", peers::sse_sse_stream),
    ("sseer", peers::sse_sseer),
    ("sse-parse", peers::sse_sse_parse),
    ("eventsource-stream", peers::sse_eventsource_stream),
];

/// Reading the open line again with every chunk is quadratic: seconds a pass where lines are large.
const WITHOUT_EVENTSOURCE_STREAM: &[(&str, Stack)] = STACKS.split_last().unwrap().1;

fn main() {
    let mut criterion = criterion();
    let mix = traffic::mix(100_000);
    for cut in [Chunks::Event, Chunks::Of(1400), Chunks::Of(256)] {
        compare(&mut criterion, &STACKS, "sse/mix", &mix, cut);
    }
    // Every second blank line ends a comment and no event; both count.
    let keep_alives = traffic::keep_alives(20_000);
    for cut in [Chunks::Event, Chunks::Of(1400)] {
        compare(&mut criterion, &STACKS, "sse/keep-alives", &keep_alives, cut);
    }
    let chat = traffic::chat(20_000);
    for cut in [Chunks::Of(16), Chunks::Of(1)] {
        compare(&mut criterion, &STACKS, "sse/chat", &chat, cut);
    }
    let large = traffic::large(20);
    for cut in [Chunks::Whole, Chunks::Of(64 << 10)] {
        compare(&mut criterion, &STACKS, "sse/large", &large, cut);
    }
    compare(&mut criterion, WITHOUT_EVENTSOURCE_STREAM, "sse/large", &large, Chunks::Of(1400));
    criterion.final_summary();
}
