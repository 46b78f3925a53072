//! Stacks side by side.

use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput};

use super::clock::ThreadClock;
use super::peers::Stack;
use super::traffic::{Chunks, Traffic};

/// What every bench measures with: few samples and not for long, for each is of many events.
pub(crate) fn criterion() -> Criterion<ThreadClock> {
    Criterion::default()
        .with_measurement(ThreadClock)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args()
}

/// Measures stacks on the same chunks, once they are found to see the same in them.
pub(crate) fn compare(
    criterion: &mut Criterion<ThreadClock>,
    stacks: &[(&str, Stack)],
    name: &str,
    traffic: &Traffic,
    cut: Chunks,
) {
    let name = format!("{name}/{}", cut.name());
    let chunks = traffic.cut(cut);
    let (first, rest) = stacks.split_first().unwrap();
    let seen = first.1(&chunks);
    for (stack, run) in rest {
        assert_eq!(run(&chunks), seen, "{stack} on {name}, against {}", first.0);
    }
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(traffic.events)).sampling_mode(SamplingMode::Flat);
    for (stack, run) in stacks {
        group.bench_function(*stack, |b| b.iter(|| run(&chunks)));
    }
    group.finish();
}
