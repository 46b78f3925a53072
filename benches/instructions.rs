//! One pass over one stream, or one conversation, for a profiler that counts instructions: see `instructions.sh`
//! and `linear.sh`.

mod common;

use common::peers::{self, Stack};
use common::traffic::{self, Chunks};
use common::{histories, openai};

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let [_, stack, name, cut] = arguments.as_slice() else {
        // So it is called by `cargo bench`, which counts no instructions.
        return;
    };
    if stack == "history" {
        let (name, calls) = name.split_once('=').unwrap();
        let job = histories::job(name, calls.parse().unwrap());
        return measured(&job.unwrap_or_else(|| panic!("no history is called {name}")));
    }
    let traffic = match name.as_str() {
        "mix" => traffic::mix(10_000),
        "tools" => traffic::tools(10_000),
        "unicode" => traffic::unicode(10_000),
        "chat" => traffic::openai_chat(10_000),
        "responses" => traffic::openai_responses(10_000),
        other => other
            .split_once('=')
            .and_then(|(shape, bytes)| traffic::shape(shape, bytes.parse().ok()?))
            .unwrap_or_else(|| panic!("no traffic is called {other}")),
    };
    let cut = match cut.as_str() {
        "event" => Chunks::Event,
        bytes => Chunks::Of(bytes.parse().unwrap()),
    };
    let run: Stack = match (stack.as_str(), name.as_str()) {
        ("events", name) if name.starts_with("chat") => openai::thinkstream_chat,
        ("events", name) if name.starts_with("responses") => openai::thinkstream_responses,
        ("events", _) => peers::thinkstream,
        ("tap", _) => peers::thinkstream_tap,
        ("sse", _) => peers::sse_thinkstream,
        (other, _) => panic!("no stack is called {other}"),
    };
    let chunks = traffic.cut(cut);
    measured(&|| {
        std::hint::black_box(run(&chunks));
    });
    println!("{}", traffic.events);
}

/// What is counted, by its name.
#[inline(never)]
fn measured(job: &dyn Fn()) {
    job();
}
