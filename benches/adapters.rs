//! What the adapters cost: the decoder under a stream, a reader and a codec.

mod common;

use std::hint::black_box;
use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use common::compare::{compare, criterion};
use common::peers::{self, Seen, Stack};
use common::traffic::{self, Chunks};
use thinkstream::{EventCodec, EventReader, EventStream};
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::codec::FramedRead;

const STACKS: &[(&str, Stack)] = &[
    ("thinkstream", peers::thinkstream),
    ("EventStream", stream),
    ("EventReader", reader),
    ("EventCodec", codec),
];

fn stream(chunks: &[Bytes]) -> Seen {
    let mut events = EventStream::new(peers::body(chunks), peers::decoder());
    let mut seen = Seen::default();
    while let Some(event) = peers::next(&mut events) {
        seen.take(&event.unwrap());
    }
    black_box(&events);
    seen
}

fn reader(chunks: &[Bytes]) -> Seen {
    let mut events = EventReader::new(Body::new(chunks), peers::decoder());
    let mut seen = Seen::default();
    for event in &mut events {
        seen.take(&event.unwrap());
    }
    black_box(events.decoder());
    seen
}

fn codec(chunks: &[Bytes]) -> Seen {
    let mut events = FramedRead::new(Body::new(chunks), EventCodec::new(peers::decoder()));
    let mut seen = Seen::default();
    while let Some(event) = peers::next(&mut events) {
        seen.take(&event.unwrap());
    }
    black_box(events.decoder());
    seen
}

/// The chunks to be read, one at a time, as from a socket. It copies them, as a socket does.
struct Body<'a> {
    chunks: std::slice::Iter<'a, Bytes>,
    chunk: &'a [u8],
}

impl<'a> Body<'a> {
    fn new(chunks: &'a [Bytes]) -> Self {
        Self { chunks: chunks.iter(), chunk: &[] }
    }

    fn next(&mut self, room: usize) -> &'a [u8] {
        if self.chunk.is_empty() {
            self.chunk = self.chunks.next().map_or(&[], |chunk| chunk);
        }
        let (taken, rest) = self.chunk.split_at(room.min(self.chunk.len()));
        self.chunk = rest;
        taken
    }
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let taken = self.next(buffer.len());
        buffer[..taken.len()].copy_from_slice(taken);
        Ok(taken.len())
    }
}

impl AsyncRead for Body<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let taken = self.next(buffer.remaining());
        buffer.put_slice(taken);
        Poll::Ready(Ok(()))
    }
}

fn main() {
    let mut criterion = criterion();
    let mix = traffic::mix(100_000);
    for cut in [Chunks::Event, Chunks::Of(1400)] {
        compare(&mut criterion, STACKS, "adapters/mix", &mix, cut);
    }
    criterion.final_summary();
}
