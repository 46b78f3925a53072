//! What is encoded decodes to the same.

use bytes::{Bytes, BytesMut};
use thinkstream::sse::{Decoder, Encoder, Frame, Item};

pub(crate) fn check(data: &[u8]) {
    // Frames are lines: an event type, an id and data, apart by a byte that text seldom has.
    let mut encoder = Encoder::new();
    let mut out = BytesMut::new();
    let mut sent = Vec::new();
    for frame in data.split(|byte| *byte == 0xFE) {
        let mut fields = frame.splitn(3, |byte| *byte == 0xFF).map(Bytes::copy_from_slice);
        let mut field = || fields.next().unwrap_or_default();
        let frame = Frame::new(field(), field()).with_id(field());
        let before = out.len();
        match encoder.encode(&frame, &mut out) {
            Ok(()) => sent.push(frame),
            Err(_) => assert_eq!(out.len(), before, "a refused frame leaves something behind"),
        }
    }
    let mut decoder = Decoder::new();
    let mut input = out.freeze();
    let mut received = Vec::new();
    while let Some(item) = decoder.decode(&mut input).unwrap() {
        let Item::Frame(frame) = item else { panic!("{item:?}") };
        received.push(frame);
    }
    assert!(decoder.finish().unwrap().is_none());
    let text = |frame: &Frame| {
        (frame.event().into_owned(), frame.data().into_owned(), frame.id().into_owned())
    };
    assert_eq!(
        received.iter().map(text).collect::<Vec<_>>(),
        sent.iter().map(text).collect::<Vec<_>>()
    );
}
