//! One decoding of one kind of stream, for a profiler that counts instructions.
mod common;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let n: u64 = args[3].parse().unwrap();
    if args[1] == "captured" {
        let streams = common::traffic::captured();
        let mut n = 0;
        for _ in 0..std::env::var("REP").map_or(1, |n| n.parse().unwrap()) {
            n += captured(&streams);
        }
        println!("{n} {}", streams.len());
        return;
    }
    let traffic = match args[1].as_str() {
        "mix" => common::traffic::mix(n),
        "chat" => common::traffic::chat(n),
        "tools" => common::traffic::tools(n),
        "unicode" => common::traffic::unicode(n),
        _ => panic!(),
    };
    let cut = match args[2].as_str() {
        "whole" => common::traffic::Chunks::Whole,
        "event" => common::traffic::Chunks::Event,
        n => common::traffic::Chunks::Of(n.parse().unwrap()),
    };
    let chunks = traffic.cut(cut);
    let seen = measured(&chunks);
    println!("{seen:?}");
}
#[inline(never)]
fn measured(chunks: &[bytes::Bytes]) -> common::peers::Seen {
    let mut seen = common::peers::thinkstream(chunks);
    for _ in 1..std::env::var("REP").map_or(1, |n| n.parse().unwrap()) {
        seen = common::peers::thinkstream(chunks);
    }
    seen
}

#[inline(never)]
fn captured(streams: &[Vec<bytes::Bytes>]) -> u64 {
    streams.iter().map(|s| common::peers::thinkstream(s).events).sum()
}
