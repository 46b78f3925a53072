//! Many streams open at once.

mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::compare::criterion;
use common::peers::{self, Seen};
use common::traffic::{self, Chunks};
use criterion::{SamplingMode, Throughput};

const STREAMS: usize = 10_000;

const STACKS: &[(&str, Stack)] = &[
    ("thinkstream", thinkstream),
    ("thinkstream, not accumulated", thinkstream_tap),
    ("sse-core + sonic-rs, flat struct", sse_core_sonic_flat),
];

/// Decodes all streams, each of them one of these replies.
type Stack = fn(&[Vec<Bytes>], Order) -> Seen;

#[derive(Clone, Copy, Debug)]
enum Order {
    /// A chunk of every open stream in turn, as their servers send them.
    Interleaved,
    /// One stream after the other.
    Sequential,
}

fn thinkstream(replies: &[Vec<Bytes>], order: Order) -> Seen {
    run(replies, order, peers::decoder, peers::thinkstream_chunk)
}

fn thinkstream_tap(replies: &[Vec<Bytes>], order: Order) -> Seen {
    run(replies, order, peers::decoder_tap, peers::thinkstream_chunk)
}

fn sse_core_sonic_flat(replies: &[Vec<Bytes>], order: Order) -> Seen {
    run(replies, order, peers::sse_core_decoder, peers::sse_core_sonic_flat_chunk)
}

#[inline(always)]
fn run<D>(
    replies: &[Vec<Bytes>],
    order: Order,
    open: impl Fn() -> D,
    mut feed: impl FnMut(&mut D, &Bytes, &mut Seen),
) -> Seen {
    let mut seen = Seen::default();
    let streams = replies.iter().cycle().take(STREAMS);
    match order {
        Order::Interleaved => {
            let mut decoders: Vec<_> = streams.map(|reply| (open(), reply)).collect();
            let rounds = replies.iter().map(Vec::len).max().unwrap();
            for round in 0..rounds {
                for (decoder, reply) in &mut decoders {
                    if let Some(chunk) = reply.get(round) {
                        feed(decoder, chunk, &mut seen);
                    }
                }
            }
            black_box(&decoders);
        }
        Order::Sequential => streams.for_each(|reply| {
            let mut decoder = open();
            for chunk in reply {
                feed(&mut decoder, chunk, &mut seen);
            }
            black_box(&decoder);
        }),
    }
    seen
}

/// Prints how long one chunk of one stream keeps all others waiting.
///
/// Every chunk is timed in several passes and its least time counts, so that what else the machine
/// does is left out.
fn print_waits<D>(
    name: &str,
    replies: &[Vec<Bytes>],
    open: impl Fn() -> D,
    feed: impl Fn(&mut D, &Bytes, &mut Seen),
) {
    let mut waits: Vec<Duration> = Vec::new();
    for _ in 0..5 {
        let mut at = 0;
        run(replies, Order::Interleaved, &open, |decoder, chunk, seen| {
            let start = Instant::now();
            feed(decoder, chunk, seen);
            let wait = start.elapsed();
            match waits.get_mut(at) {
                Some(least) => *least = wait.min(*least),
                None => waits.push(wait),
            }
            at += 1;
        });
    }
    waits.sort_unstable();
    let (median, longest) = (waits[waits.len() / 2], waits[waits.len() - 1]);
    println!("| {name} | {} | {} |", median.as_nanos(), longest.as_nanos());
}

fn main() {
    let mut criterion = criterion();
    let replies = traffic::replies(16);
    let events = replies.iter().cycle().take(STREAMS).map(|reply| reply.events).sum();
    let replies: Vec<_> = replies.iter().map(|reply| reply.cut(Chunks::Event)).collect();

    println!("One chunk of one stream, {STREAMS} of them open:\n");
    println!("| stack | median, ns | longest, ns |\n|---|---:|---:|");
    print_waits("the clock alone", &replies, || (), |_, _, _| ());
    print_waits("thinkstream", &replies, peers::decoder, peers::thinkstream_chunk);
    print_waits(
        "thinkstream, not accumulated",
        &replies,
        peers::decoder_tap,
        peers::thinkstream_chunk,
    );
    print_waits(
        "sse-core + sonic-rs, flat struct",
        &replies,
        peers::sse_core_decoder,
        peers::sse_core_sonic_flat_chunk,
    );
    println!();

    // The stacks have their own ideas of what an event is.
    let text = thinkstream(&replies, Order::Interleaved).text;
    for order in [Order::Interleaved, Order::Sequential] {
        for (stack, run) in STACKS {
            assert_eq!(run(&replies, order).text, text, "{stack}, {order:?}");
        }
        let name = format!("streams/chat/{order:?}").to_lowercase();
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(events)).sampling_mode(SamplingMode::Flat);
        for (stack, run) in STACKS {
            group.bench_function(*stack, |b| b.iter(|| run(&replies, order)));
        }
        group.finish();
    }
    criterion.final_summary();
}
