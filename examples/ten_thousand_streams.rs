//! Ten thousand replies at once, each in chunks of its own: what an open stream holds, and how many
//! events a second one core decodes.
//!
//! ```sh
//! cargo run --release --example ten_thousand_streams
//! ```

use std::time::Instant;

use bytes::Bytes;
use thinkstream::{Decoder, Error, Protocol};

const STREAMS: usize = 10_000;
const DELTAS: usize = 100;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // All begin, and then wait in the middle of a text, as streams do most of the time.
    let before = resident();
    let mut open = Vec::with_capacity(STREAMS);
    for _ in 0..STREAMS {
        let mut decoder = Decoder::new(Protocol::Anthropic);
        drain(&mut decoder, Bytes::from_static(HEAD.as_bytes()))?;
        open.push(decoder);
    }
    match before.zip(resident()) {
        Some((before, after)) => {
            println!("{STREAMS} open streams, {} bytes each", (after - before) / STREAMS);
        }
        None => println!("{STREAMS} open streams; this system does not tell what they take"),
    }

    // One event a chunk, stream after stream: no decoder finds its state in the cache.
    let began = Instant::now();
    let mut events = 0;
    for at in 0..DELTAS {
        for (number, decoder) in open.iter_mut().enumerate() {
            events += drain(decoder, delta(at, number).into())?;
        }
    }
    let rate = events as f64 / began.elapsed().as_secs_f64();
    println!("{events} events, {rate:.0} a second, their making included");

    // Each has kept its own text, and nothing of its neighbours'.
    for (number, decoder) in open.iter().enumerate() {
        let expected: String = (0..DELTAS).map(|at| format!("{at}.{number} ")).collect();
        assert_eq!(decoder.message().text(), expected, "stream {number}");
    }
    Ok(())
}

/// Decodes a chunk, and counts its events.
fn drain(decoder: &mut Decoder, mut chunk: Bytes) -> Result<usize, Error> {
    let mut events = 0;
    while decoder.decode(&mut chunk)?.is_some() {
        events += 1;
    }
    Ok(events)
}

fn delta(at: usize, number: usize) -> String {
    format!(
        "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":\
         {{\"type\":\"text_delta\",\"text\":\"{at}.{number} \"}}}}\n\n"
    )
}

/// Bytes of memory that the process holds, where `/proc` tells.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<usize>().ok()? * 1024)
}

const HEAD: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\
    \"model\":\"claude-opus-4-8\",\"role\":\"assistant\",\"usage\":{\"input_tokens\":9}}}\n\n\
    event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\
    \"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
