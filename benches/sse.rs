//! Framing alone: from bytes to the events of the standard.

mod common;

use common::compare::{compare, criterion};
use common::stacks::{SSE, SSE_LARGE};
use common::traffic::{self, Chunks};

fn main() {
    let mut criterion = criterion();
    let mix = traffic::mix(100_000);
    for cut in [Chunks::Event, Chunks::Of(1400), Chunks::Of(256)] {
        compare(&mut criterion, SSE, "sse/mix", &mix, cut);
    }
    // Every second blank line ends a comment and no event; both count.
    let keep_alives = traffic::keep_alives(20_000);
    for cut in [Chunks::Event, Chunks::Of(1400)] {
        compare(&mut criterion, SSE, "sse/keep-alives", &keep_alives, cut);
    }
    let chat = traffic::chat(20_000);
    for cut in [Chunks::Of(16), Chunks::Of(1)] {
        compare(&mut criterion, SSE, "sse/chat", &chat, cut);
    }
    let large = traffic::large(20);
    for cut in [Chunks::Whole, Chunks::Of(64 << 10)] {
        compare(&mut criterion, SSE, "sse/large", &large, cut);
    }
    compare(&mut criterion, SSE_LARGE, "sse/large", &large, Chunks::Of(1400));
    criterion.final_summary();
}
