//! `thinkstream demo`: a bundled reply, played as a server would send it.

use std::io::{self, Read};
use std::thread::sleep;
use std::time::Duration;

use thinkstream::{Decoder, EventReader, Protocol};

use crate::Outcome;
use crate::decode::{Show, show, untimed};
use crate::pace::Speed;

/// Plays a bundled reply at a natural pace, without a key or a network.
///
/// Example: `thinkstream demo --show-thinking`
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    show: Show,

    /// How many times faster than natural; `max` is at once.
    #[arg(long, value_name = "X", default_value = "1")]
    speed: Speed,
}

pub(crate) fn run(args: &Args) -> io::Result<Outcome> {
    let paced = Paced { rest: REPLY.as_bytes(), speed: args.speed };
    let decoder = Decoder::new(Protocol::Anthropic).request_id("req_demo");
    let events = EventReader::new(paced, decoder);
    show(events.map(|event| event.map(untimed)), &args.show)
}

/// Gives one event at each read, after a while.
struct Paced {
    rest: &'static [u8],
    speed: Speed,
}

impl Read for Paced {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self.rest.windows(2).position(|pair| pair == b"\n\n");
        let event = &self.rest[..end.map_or(self.rest.len(), |end| end + 2)];
        sleep(self.speed.of(Duration::from_millis(pause(event))));
        let len = event.len().min(buffer.len());
        buffer[..len].copy_from_slice(&event[..len]);
        self.rest = &self.rest[len..];
        Ok(len)
    }
}

/// Milliseconds before an event: a server thinks before it begins, and answers in small pieces.
fn pause(event: &[u8]) -> u64 {
    let is = |name: &str| event.starts_with(format!("event: {name}\n").as_bytes());
    if is("message_start") {
        400
    } else if is("content_block_start") {
        200
    } else if is("content_block_delta") {
        45
    } else {
        10
    }
}

const REPLY: &str = include_str!("demo.sse");
