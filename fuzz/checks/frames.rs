//! Frames: the decoder against the standard, transcribed.

use bytes::Bytes;
use thinkstream::sse::{Decoder, Item};

use super::reference::{self, Meaning};

pub(crate) fn check(data: &[u8]) {
    let Some((stream, chunks)) = super::cut(data) else { return };
    let expected = reference::decode(stream);
    assert_eq!(decode(Decoder::new(), &[stream]).0.unwrap(), expected);
    assert_eq!(decode(Decoder::new(), &chunks).0.unwrap(), expected);

    // With a limit, the same frames up to the same error at the same byte, however it is cut.
    let limit = usize::from(data[0] / 8);
    let limited = || Decoder::new().max_event_bytes(limit);
    let (whole, frames) = decode(limited(), &[stream]);
    let (cut, cut_frames) = decode(limited(), &chunks);
    assert_eq!((whole.is_ok(), whole.as_ref().err()), (cut.is_ok(), cut.as_ref().err()));
    assert_eq!(frames, cut_frames);
}

type Frames = Vec<(String, String, String)>;

/// What a stream means, or at which byte it fails; and its frames in either case.
fn decode(mut decoder: Decoder, chunks: &[&[u8]]) -> (Result<Meaning, (String, u64)>, Frames) {
    let mut meaning = Meaning::default();
    for chunk in chunks {
        let mut input = Bytes::copy_from_slice(chunk);
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(Item::Frame(frame))) => {
                    let text = (frame.event().into(), frame.data().into(), frame.id().into());
                    meaning.frames.push(text);
                }
                Ok(Some(Item::Comment)) => meaning.comments += 1,
                Ok(Some(Item::Retry(milliseconds))) => meaning.retry = Some(milliseconds),
                Ok(Some(item)) => panic!("{item:?}"),
                Ok(None) => break,
                Err(error) => {
                    let again = decoder.decode(&mut input).unwrap_err();
                    assert_eq!(again.to_string(), error.to_string());
                    return (Err((error.to_string(), error.offset())), meaning.frames);
                }
            }
        }
    }
    meaning.last_event_id = String::from_utf8_lossy(decoder.last_event_id()).into();
    let frames = meaning.frames.clone();
    (Ok(meaning), frames)
}
