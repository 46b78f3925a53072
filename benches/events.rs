//! The whole path: from bytes to typed events.

mod common;

use common::clock::ThreadClock;
use common::compare::criterion;
use common::stacks::{EVENTS, is_slow};
use common::traffic::{self, Chunks, Traffic};
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};

fn bench(criterion: &mut Criterion<ThreadClock>, name: &str, traffic: &Traffic, cut: Chunks) {
    let chunks = traffic.cut(cut);
    let mut group = criterion.benchmark_group(format!("events/{name}/{}", cut.name()));
    group.throughput(Throughput::Elements(traffic.events)).sampling_mode(SamplingMode::Flat);
    for (stack, run) in EVENTS {
        if is_slow(stack) && name == "large" {
            continue;
        }
        group.bench_function(BenchmarkId::from_parameter(stack), |b| b.iter(|| run(&chunks)));
    }
    group.finish();
}

/// Recorded streams, a decoder each: short, and a quarter of their events are no deltas.
fn captured(criterion: &mut Criterion<ThreadClock>) {
    let streams = traffic::captured();
    if streams.is_empty() {
        return;
    }
    let events = |(_, run): &(&str, common::peers::Stack)| {
        streams.iter().map(|chunks| run(chunks).events).sum()
    };
    let mut group = criterion.benchmark_group("events/captured/as received");
    // By the peer's count: not every event of the wire is an event of ours.
    group.throughput(Throughput::Elements(events(&EVENTS[2]))).sampling_mode(SamplingMode::Flat);
    // Not the matchers: they pass over what is no delta.
    for (stack, run) in EVENTS.iter().filter(|(stack, _)| !stack.starts_with("fused")) {
        group.bench_function(BenchmarkId::from_parameter(stack), |b| {
            b.iter(|| streams.iter().map(|chunks| run(chunks).text).sum::<usize>());
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = criterion();
    let mix = traffic::mix(100_000);
    for cut in [Chunks::Event, Chunks::Of(1400), Chunks::Of(256), Chunks::Of(16)] {
        bench(&mut criterion, "mix", &mix, cut);
    }
    let kinds = [
        ("chat", traffic::chat(100_000)),
        ("tools", traffic::tools(100_000)),
        ("unicode", traffic::unicode(100_000)),
    ];
    let large = traffic::large(20);
    for cut in [Chunks::Of(65_536), Chunks::Of(1400)] {
        bench(&mut criterion, "large", &large, cut);
    }
    for (name, traffic) in &kinds {
        for cut in [Chunks::Event, Chunks::Of(1400)] {
            bench(&mut criterion, name, traffic, cut);
        }
    }
    captured(&mut criterion);
    criterion.final_summary();
}
