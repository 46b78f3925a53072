//! The whole path with the two APIs of `OpenAI`: from bytes to typed events.

mod common;

use bytes::Bytes;
use common::clock::ThreadClock;
use common::compare::criterion;
use common::openai::{CHAT, Heard, RESPONSES, Stack};
use common::peers;
use common::traffic::{self, Chunks, Traffic};
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};

type Stacks = &'static [(&'static str, Stack)];

/// A long answer that does not repeat: all stacks see the same in it.
fn bench(
    criterion: &mut Criterion<ThreadClock>,
    stacks: Stacks,
    name: &str,
    traffic: &Traffic,
    cut: Chunks,
) {
    let chunks = traffic.cut(cut);
    let seen = stacks[0].1(&chunks);
    for (stack, run) in stacks {
        assert_eq!(run(&chunks), seen, "{stack} on {name}");
    }
    let mut group = criterion.benchmark_group(format!("openai/{name}/{}", cut.name()));
    group.throughput(Throughput::Elements(traffic.events)).sampling_mode(SamplingMode::Flat);
    for (stack, run) in stacks {
        group.bench_function(BenchmarkId::from_parameter(stack), |b| b.iter(|| run(&chunks)));
    }
    group.finish();
}

/// Recorded streams, a decoder each, of `OpenAI` and of those who speak as it does.
fn captured(criterion: &mut Criterion<ThreadClock>, stacks: Stacks, name: &str, provider: &str) {
    let streams = traffic::captured_from(provider);
    if streams.is_empty() {
        return;
    }
    print_differences(stacks, name, &streams);
    let events = streams.iter().map(|(_, chunks)| peers::sse_thinkstream(chunks).events).sum();
    let mut group = criterion.benchmark_group(format!("openai/captured {name}/as received"));
    group.throughput(Throughput::Elements(events)).sampling_mode(SamplingMode::Flat);
    for (stack, run) in stacks {
        group.bench_function(BenchmarkId::from_parameter(stack), |b| {
            b.iter(|| streams.iter().map(|(_, chunks)| run(chunks).text).sum::<usize>());
        });
    }
    group.finish();
}

/// Makes sure that all stacks find the same text where all can read everything, and prints what else
/// they do not agree about.
fn print_differences(stacks: Stacks, name: &str, streams: &[(String, Vec<Bytes>)]) {
    let heard: Vec<Vec<Heard>> = stacks
        .iter()
        .map(|(_, run)| streams.iter().map(|(_, chunks)| run(chunks)).collect())
        .collect();
    println!("\n{} recorded streams, {name}:\n", streams.len());
    println!("| stack | events not read | in streams | text | thinking | tool input | usage |");
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for ((stack, _), heard) in stacks.iter().zip(&heard) {
        let sum = |of: fn(&Heard) -> usize| heard.iter().map(of).sum::<usize>();
        println!(
            "| {stack} | {} | {} | {} | {} | {} | {} |",
            heard.iter().map(|heard| heard.unread).sum::<u64>(),
            sum(|heard| usize::from(heard.unread > 0)),
            sum(|heard| heard.text),
            sum(|heard| heard.thinking),
            sum(|heard| heard.input),
            sum(|heard| usize::from(heard.usage.is_some())),
        );
    }
    println!();
    for (at, (stream, _)) in streams.iter().enumerate() {
        let all_read = heard.iter().all(|heard| heard[at].unread == 0);
        for ((stack, _), theirs) in stacks.iter().zip(&heard) {
            let (theirs, ours) = (theirs[at], heard[0][at]);
            assert!(!all_read || theirs.text == ours.text, "{stack} on {stream}");
            if theirs != ours {
                println!("{stream}: {stack}: {}", theirs.against(&ours));
            }
        }
    }
    println!();
}

fn main() {
    let mut criterion = criterion();
    let cuts = [Chunks::Event, Chunks::Of(1400), Chunks::Of(256), Chunks::Of(16)];
    let chat = traffic::openai_chat(100_000);
    for cut in cuts {
        bench(&mut criterion, CHAT, "chat", &chat, cut);
    }
    let responses = traffic::openai_responses(100_000);
    for cut in cuts {
        bench(&mut criterion, RESPONSES, "responses", &responses, cut);
    }
    captured(&mut criterion, CHAT, "chat", "openai-chat");
    captured(&mut criterion, RESPONSES, "responses", "openai-responses");
    criterion.final_summary();
}
