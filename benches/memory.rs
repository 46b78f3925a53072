//! What a stream holds while it is open and idle.
//!
//! It is apart from `streams`, because counting allocations slows decoders that make many.

mod common;

use allocation_counter::measure;
use bytes::Bytes;
use common::peers::{self, Seen};
use common::traffic::{self, Chunks};

/// The start of the message, the start of a block, and ten deltas.
const CHUNKS: usize = 12;

fn main() {
    let replies: Vec<_> =
        traffic::replies(16).iter().map(|reply| reply.cut(Chunks::Event)).collect();
    println!("Bytes of a stream that is open and idle, the mean of {}:\n", replies.len());
    println!("| stack | struct | heap | together |\n|---|---:|---:|---:|");
    row("thinkstream", &replies, peers::decoder, peers::thinkstream_chunk);
    row("thinkstream, not accumulated", &replies, peers::decoder_tap, peers::thinkstream_chunk);
    row("sse-core", &replies, peers::sse_core_decoder, peers::sse_core_sonic_flat_chunk);
}

fn row<D>(
    name: &str,
    replies: &[Vec<Bytes>],
    open: impl Fn() -> D,
    feed: impl Fn(&mut D, &Bytes, &mut Seen),
) {
    let heap = |reply: &Vec<Bytes>| {
        let mut decoder = None;
        let counted = measure(|| {
            let decoder = decoder.insert(open());
            for chunk in &reply[..CHUNKS] {
                // A chunk of its own, so that one that is held on to counts.
                feed(decoder, &Bytes::copy_from_slice(chunk), &mut Seen::default());
            }
        });
        usize::try_from(counted.bytes_current).unwrap()
    };
    // What is allocated once and for all is no stream's.
    heap(&replies[0]);
    let heap = replies.iter().map(heap).sum::<usize>() / replies.len();
    let size = size_of::<D>();
    println!("| {name} | {size} | {heap} | {} |", size + heap);
}
