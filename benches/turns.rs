//! The ratios of `events`, `openai` and `sse`, on a machine that does other things too: the stacks take turns, and of
//! each the least of many turns counts. What disturbs them disturbs all, or is left out.
//!
//! `cargo bench --bench turns`, and with a name (`mix/16`) only the inputs whose name has it.

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::openai;
use common::peers;
use common::stacks::{EVENTS, SSE, is_slow};
use common::traffic::{self, Chunks, Traffic};
use cpu_time::ThreadTime;

const TURNS: usize = 15;

/// Who is measured, by name.
type Stack<T> = (&'static str, fn(&[Bytes]) -> T);

/// Streams, each in its chunks, and how many events they have.
struct Input {
    name: String,
    streams: Vec<Vec<Bytes>>,
    events: u64,
    /// How many times they are gone over in one turn.
    passes: u32,
}

impl Input {
    fn new(name: &str, traffic: &Traffic, cut: Chunks) -> Self {
        let name = format!("{name}/{}", cut.name());
        Self { name, streams: vec![traffic.cut(cut)], events: traffic.events, passes: 1 }
    }

    /// Recorded streams; their events are counted as the peers count them. They are few, so each turn goes
    /// over them until it is as long as that of other inputs.
    fn captured(name: &str, streams: Vec<Vec<Bytes>>, passes: u32) -> Self {
        let events = streams.iter().map(|chunks| peers::sse_sse_core(chunks).events).sum();
        Self { name: format!("{name}/as received"), streams, events, passes }
    }

    /// The nanoseconds an event of each stack, the least of all turns.
    fn measure<T>(&self, stacks: &[Stack<T>]) -> Vec<(&'static str, f64)> {
        let mut least = vec![Duration::MAX; stacks.len()];
        for _ in 0..TURNS {
            for ((_, run), least) in stacks.iter().zip(&mut least) {
                let start = ThreadTime::now();
                for chunks in (0..self.passes).flat_map(|_| &self.streams) {
                    std::hint::black_box(run(chunks));
                }
                *least = start.elapsed().min(*least);
            }
        }
        let each = |least: Duration| {
            least.as_secs_f64() * 1e9 / self.events as f64 / f64::from(self.passes)
        };
        stacks.iter().map(|(stack, _)| *stack).zip(least.into_iter().map(each)).collect()
    }
}

fn inputs() -> (Vec<Input>, Vec<Input>) {
    let (mix, chat) = (traffic::mix(100_000), traffic::chat(100_000));
    let (tools, unicode) = (traffic::tools(100_000), traffic::unicode(100_000));
    let (large, short) = (traffic::large(20), traffic::chat(20_000));
    let keep_alives = traffic::keep_alives(20_000);
    let events = vec![
        Input::captured("captured", traffic::captured(), 30),
        Input::new("chat", &chat, Chunks::Event),
        Input::new("chat", &chat, Chunks::Of(1400)),
        Input::new("large", &large, Chunks::Of(65_536)),
        Input::new("large", &large, Chunks::Of(1400)),
        Input::new("mix", &mix, Chunks::Event),
        Input::new("mix", &mix, Chunks::Of(1400)),
        Input::new("mix", &mix, Chunks::Of(256)),
        Input::new("mix", &mix, Chunks::Of(16)),
        Input::new("tools", &tools, Chunks::Event),
        Input::new("tools", &tools, Chunks::Of(1400)),
        Input::new("unicode", &unicode, Chunks::Event),
        Input::new("unicode", &unicode, Chunks::Of(1400)),
    ];
    let sse = vec![
        Input::new("chat", &short, Chunks::Of(16)),
        Input::new("chat", &short, Chunks::Of(1)),
        Input::new("keep-alives", &keep_alives, Chunks::Event),
        Input::new("keep-alives", &keep_alives, Chunks::Of(1400)),
        Input::new("large", &large, Chunks::Whole),
        Input::new("large", &large, Chunks::Of(65_536)),
        Input::new("large", &large, Chunks::Of(1400)),
        Input::new("mix", &mix, Chunks::Event),
        Input::new("mix", &mix, Chunks::Of(1400)),
        Input::new("mix", &mix, Chunks::Of(256)),
    ];
    (events, sse)
}

/// What the servers of `OpenAI` and those who speak as they do send, generated and recorded.
fn of_openai(name: &str, traffic: &Traffic, provider: &str) -> Vec<Input> {
    let cuts = [Chunks::Event, Chunks::Of(1400), Chunks::Of(256), Chunks::Of(16)];
    let recorded = traffic::captured_from(provider).into_iter().map(|(_, chunks)| chunks).collect();
    let recorded = Input::captured(&format!("captured {name}"), recorded, 15);
    cuts.map(|cut| Input::new(name, traffic, cut)).into_iter().chain([recorded]).collect()
}

/// Measures `stacks` on every input that they are for, and prints a table as `ratios.py` does. They find the
/// same `text` in what is not recorded.
fn table<T>(title: &str, inputs: &[Input], stacks: &[Stack<T>], text: fn(T) -> usize) {
    println!("{title}: ns per event (× thinkstream), the least of {TURNS} turns\n");
    let mut columns = Vec::new();
    for input in inputs.iter().filter(|input| input.events > 0) {
        let fits = |stack: &str| match input.name.split('/').next() {
            Some("large") => !is_slow(stack),
            // The matchers pass over what is no delta.
            Some("captured") => !stack.starts_with("fused"),
            _ => true,
        };
        let stacks: Vec<_> = stacks.iter().copied().filter(|(stack, _)| fits(stack)).collect();
        // By text alone: not every event of the wire is an event of each.
        if let [chunks] = &*input.streams {
            let expected = text(stacks[0].1(chunks));
            for (stack, run) in &stacks {
                assert_eq!(text(run(chunks)), expected, "{stack} on {}", input.name);
            }
        }
        columns.push((&input.name, input.measure(&stacks)));
    }
    let names: Vec<_> = columns.iter().map(|(name, _)| name.as_str()).collect();
    println!("| stack | {} |", names.join(" | "));
    println!("| --- |{}", " ---: |".repeat(names.len()));
    for (stack, _) in stacks {
        let cells = columns.iter().map(|(_, column)| {
            let ours = column[0].1;
            match column.iter().find(|(name, _)| name == stack) {
                None => "–".to_string(),
                Some((name, ns)) if *name == column[0].0 => number(*ns),
                Some((_, ns)) if *ns < 2.0 * ours => {
                    format!("{} ({:.2} ×)", number(*ns), ns / ours)
                }
                Some((_, ns)) => format!("{} ({:.1} ×)", number(*ns), ns / ours),
            }
        });
        println!("| {stack} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    println!();
}

fn number(ns: f64) -> String {
    if ns < 100.0 { format!("{ns:.1}") } else { format!("{ns:.0}") }
}

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|wanted| name.contains(wanted));
    let (mut events, mut sse) = inputs();
    let mut chat = of_openai("chats", &traffic::openai_chat(100_000), "openai-chat");
    let responses = traffic::openai_responses(100_000);
    let mut responses = of_openai("responses", &responses, "openai-responses");
    for inputs in [&mut events, &mut chat, &mut responses, &mut sse] {
        inputs.retain(|input| is_wanted(&input.name));
    }
    table("events", &events, EVENTS, |seen| seen.text);
    table("openai, Chat Completions", &chat, openai::CHAT, |heard| heard.text);
    table("openai, Responses", &responses, openai::RESPONSES, |heard| heard.text);
    table("sse", &sse, SSE, |seen| seen.text);
}
