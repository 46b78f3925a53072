//! The event stream format: each case whole, byte by byte and at every cut.

mod common;
mod reference;

use bytes::{Bytes, BytesMut};
use common::base64;
use proptest::prelude::*;
use reference::Meaning;
use thinkstream::ErrorKind;
use thinkstream::sse::{Decoder, EncodeError, Encoder, Frame, Item};

/// What the decoder makes of chunks, and after which byte each frame was out.
#[derive(Debug, Default, PartialEq, Eq)]
struct Decoded {
    meaning: Meaning,
    out_at: Vec<usize>,
    leftover: Option<u64>,
}

fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Decoded {
    let mut decoder = Decoder::new();
    let mut decoded = Decoded::default();
    let mut taken = 0;
    for chunk in chunks {
        let mut input = Bytes::copy_from_slice(chunk);
        while let Some(item) = decoder.decode(&mut input).unwrap() {
            match item {
                Item::Frame(frame) => {
                    let text = (frame.event().into(), frame.data().into(), frame.id().into());
                    decoded.meaning.frames.push(text);
                    decoded.out_at.push(taken + chunk.len() - input.len());
                }
                Item::Comment => decoded.meaning.comments += 1,
                Item::Retry(milliseconds) => decoded.meaning.retry = Some(milliseconds),
                item => panic!("{item:?}"),
            }
        }
        taken += chunk.len();
        assert_eq!(decoder.offset(), taken as u64);
    }
    assert_eq!(decoder.retry(), decoded.meaning.retry);
    decoded.meaning.last_event_id = String::from_utf8_lossy(decoder.last_event_id()).into();
    decoded.leftover = match decoder.finish() {
        Ok(None) => None,
        Ok(item) => panic!("{item:?}"),
        Err(error) => match error.kind() {
            ErrorKind::PartialFrame { leftover } => Some(*leftover),
            kind => panic!("{kind}"),
        },
    };
    decoded
}

/// Every way to cut `stream` that is tried on each case.
fn all_cuts(stream: &[u8], mut check: impl FnMut(&str, Vec<&[u8]>)) {
    let at = |i: usize, j: usize| vec![&stream[..i], &stream[i..j], &stream[j..]];
    // The middle of the few long cases is one long line.
    for i in (0..=stream.len()).filter(|i| *i <= 2048 || stream.len() - i <= 64) {
        check(&format!("cut at {i}"), at(i, i));
    }
    if stream.len() <= 64 {
        for i in 0..stream.len() {
            for j in i + 1..stream.len() {
                check(&format!("cut at {i} and {j}"), at(i, j));
            }
        }
    }
    for width in (1..=9).chain([64]) {
        check(&format!("width {width}"), stream.chunks(width).collect());
    }
    if (1..=13).contains(&stream.len()) {
        // Every partition: a bit says whether there is a cut behind a byte.
        for cuts in 0..1_u32 << (stream.len() - 1) {
            let mut rest = stream;
            let mut chunks = Vec::new();
            for at in (1..stream.len()).filter(|at| cuts >> (at - 1) & 1 == 1) {
                let (chunk, behind) = rest.split_at(at - (stream.len() - rest.len()));
                chunks.push(chunk);
                rest = behind;
            }
            chunks.push(rest);
            check(&format!("partition {cuts:b}"), chunks);
        }
    }
    let empties = stream.chunks(3).flat_map(|chunk| [&[], chunk, &[]]);
    check("with empty chunks", empties.collect());
}

fn check(name: &str, stream: &[u8], expected: &Meaning) {
    let whole = decode([stream]);
    assert_eq!(&whole.meaning, expected, "{name}, whole");
    all_cuts(stream, |cut, chunks| {
        assert_eq!(decode(chunks), whole, "{name}, {cut}");
    });
}

/// Two frames after each other are told apart by their data.
const CASES: &[(&str, &[u8], &[&str])] = &[
    ("line feed", b"data: a\n\n", &["a"]),
    ("carriage return", b"data: a\r\r", &["a"]),
    ("both", b"data: a\r\n\r\n", &["a"]),
    ("mixed endings", b"data: a\r\n\ndata: b\n\r\ndata: c\n\rdata: d\r\n\r", &["a", "b", "c", "d"]),
    ("blank lines mean nothing", b"\n\r\n\r\rdata: a\n\n\n\n", &["a"]),
    ("several lines", b"data: a\r\ndata: b\r\n\r\n", &["a\nb"]),
    ("empty lines of data", b"data\ndata:\ndata: \n\n", &["\n\n"]),
    ("one empty line of data", b"data\n\n", &[""]),
    ("no data, no event", b"event: a\nid: 1\n\n", &[]),
    ("only one space goes", b"data:  a\n\ndata:\tb\n\ndata: c \n\n", &[" a", "\tb", "c "]),
    ("names are literal", b"Data: a\ndata : b\n data: c\ndatax: d\ndat: e\nerror: f\n\n", &[]),
    ("long unknown names", b"unknownname\nunknown: a\ndata: b\n\n", &["b"]),
    ("byte order mark", b"\xef\xbb\xbfdata: a\n\n", &["a"]),
    ("one byte order mark", b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", &[]),
    ("half a byte order mark", b"\xef\xbbdata: a\n\ndata: b\n\n", &["b"]),
    ("a late byte order mark", b"\n\xef\xbb\xbfdata: a\n\n", &[]),
    ("comments", b":\n: a\ndata: b\n:c\ndata: d\n\n", &["b\nd"]),
    ("comments between frames", b": a\n\ndata: b\n\n:\n\n: c\r\n\r\ndata: d\n\n: e\n", &["b", "d"]),
    (
        "as servers write it",
        b"event: a\ndata: b\n\nevent: a\ndata: c\n\ndata: d\n\n",
        &["b", "c", "d"],
    ),
    ("almost", b"event: a\ndata: b\n\r\nevent: a\rdata: c\n\nevent: a\ndata: d\r\n", &["b", "c"]),
    ("more than one line", b"event: a\ndata: b\nid: c\n\ndata: d\ndata: e\n\n", &["b", "d\ne"]),
    ("a comment in a cut line", b"data: a\n:b\r\ndata: c\r\n\r\n", &["a\nc"]),
    ("data with a comment's colon", b"data::\n\n", &[":"]),
    (
        "unicode line ends are text",
        "data: a\u{2028}b\u{85}c\u{b}\n\n".as_bytes(),
        &["a\u{2028}b\u{85}c\u{b}"],
    ),
    ("invalid text", b"data: a\xffb\xe2\x82\n\ndata: c\n\n", &["a\u{fffd}b\u{fffd}", "c"]),
    (
        "a line end breaks a character",
        b"data: \xf0\x9f\ndata: \x98\x80\n\n",
        &["\u{fffd}\n\u{fffd}\u{fffd}"],
    ),
    ("an unfinished event", b"data: a\n\ndata: b\n", &["a"]),
    ("an unfinished line", b"data: a\n\ndata: b", &["a"]),
];

/// What is known at a comment does not depend on how the bytes before it were cut.
#[test]
fn a_comment_commits_nothing() {
    let stream = b"data: a\n\nid: 5\n: c\n\n: d\n\ndata: x\n\n";
    let at_comments = |chunks: [&[u8]; 2]| {
        let mut decoder = Decoder::new();
        let mut known = Vec::new();
        for chunk in chunks {
            let mut input = Bytes::copy_from_slice(chunk);
            while let Some(item) = decoder.decode(&mut input).unwrap() {
                known.push((
                    item == Item::Comment,
                    decoder.last_event_id().clone(),
                    decoder.offset(),
                ));
            }
        }
        known
    };
    let whole = at_comments([stream, b""]);
    assert_eq!(whole[1], (true, Bytes::new(), 19));
    assert_eq!(whole[2], (true, Bytes::from("5"), 24));
    for at in 0..stream.len() {
        let (before, behind) = stream.split_at(at);
        assert_eq!(at_comments([before, behind]), whole, "{at}");
    }
}

#[test]
fn cases() {
    for (name, stream, data) in CASES {
        let meaning = reference::decode(stream);
        let found: Vec<_> = meaning.frames.iter().map(|(_, data, _)| data.as_str()).collect();
        assert_eq!(&found, data, "{name}, by the reference");
        check(name, stream, &meaning);
    }
}

#[test]
fn event_lasts_for_one_frame_and_id_for_all() {
    let stream = b"event: a\nid: 1\ndata: x\n\ndata: y\n\nid: 2\0\nid\ndata: z\n\nevent: b\nevent\ndata: w\n\nid: 3\n\nid: 4\n";
    let meaning = reference::decode(stream);
    let frame = |event: &str, data: &str, id: &str| (event.into(), data.into(), id.into());
    assert_eq!(
        meaning.frames,
        [
            frame("a", "x", "1"),
            frame("message", "y", "1"),
            frame("message", "z", ""),
            frame("message", "w", "")
        ]
    );
    assert_eq!(meaning.last_event_id, "3");
    check("event and id", stream, &meaning);
}

#[test]
fn an_id_is_a_header_only_if_it_arrives_as_it_is() {
    for (id, header) in [
        (&b"42"[..], Some("42")),
        (b"a b", Some("a b")),
        ("\u{e9}-1".as_bytes(), Some("\u{e9}-1")),
        (b"", None),
        (b"a ", None),
        (b" a", None),
        (b"a\tb", None),
        (b"a\x1b[31m", None),
        (b"a\x7f", None),
        ("a\u{85}b".as_bytes(), None),
        (b"a\xff", None),
    ] {
        let mut decoder = Decoder::new();
        let mut input = Bytes::from([b"id: ", id, b"\ndata: x\n\n"].concat());
        decoder.decode(&mut input).unwrap();
        assert_eq!(decoder.last_event_id(), id);
        assert_eq!(decoder.last_event_id_header(), header, "{id:?}");
    }
}

#[test]
fn retry_counts_if_it_has_only_digits() {
    let stream = b"retry: 10\nretry: 1x\nretry:\nretry\nretry: +5\nretry:  5\nretry: 1.5\n";
    assert_eq!(reference::decode(stream).retry, Some(10));
    check("retry", stream, &reference::decode(stream));
    let stream = b"retry: 18446744073709551616\nretry: 000000000000000000000000000000\nretry: 99999999999999999999999999\n";
    assert_eq!(reference::decode(stream).retry, Some(u64::MAX));
    check("large retry", stream, &reference::decode(stream));
}

#[test]
fn a_frame_is_out_at_the_byte_that_completes_it() {
    for (stream, out_at) in [
        (&b"data: a\n\n"[..], &[9][..]),
        (b"data: a\r\r", &[9]),
        (b"data: a\r\n\r\n", &[10]),
        (b"data: a\n\r", &[9]),
        (b"data: a\r\n\rdata: b\n\n", &[10, 19]),
    ] {
        all_cuts(stream, |cut, chunks| {
            assert_eq!(decode(chunks).out_at, out_at, "{cut}");
        });
    }
}

#[test]
fn what_was_cut_is_named() {
    for (stream, leftover) in [
        (&b""[..], None),
        (b"data: a\n\n", None),
        (b"data: a\r\n\r\n", None),
        (b"data: a\n\n: keep-alive\n", None),
        (b"data: a\n\n: keep-al", None),
        (b"retry: 5\n\n", None),
        (b"data: a\n\nretry: 5\n", None),
        (b"data: a\n\nretry: 5", None),
        (b"data: a\n\nid: 5\nunknown: x\n", None),
        (b"data: a\n\ndata: b\n", Some(8)),
        (b"data: a\n\nda", Some(2)),
        (b"data: a\n\neven", Some(4)),
        (b"data: a\n\n}", None),
        (b"data: a\n\ndada", None),
        (b"data: a\n\nid", None),
        (b"\xef\xbb\xbfdata: a", Some(7)),
        (b"data: a\r\r\nevent: b\r\n", Some(10)),
    ] {
        all_cuts(stream, |cut, chunks| {
            assert_eq!(decode(chunks).leftover, leftover, "{stream:?}, {cut}");
        });
    }
}

#[test]
fn what_is_not_ended_counts_if_asked_for() {
    for (stream, data) in [
        ("data: a\n\n", &["a"][..]),
        ("data: a\n\ndata: b\r\n", &["a", "b"]),
        ("data: a\n\ndata: b\r", &["a", "b"]),
        ("data: a\ndata: b", &["a\nb"]),
        ("event: e\ndata", &[""]),
        ("data: a\nevent", &["a"]),
        ("data: a\nid: 7", &["a"]),
        // Without data there is no event, however it ends.
        ("event: e\n", &[]),
        ("event: e", &[]),
        ("even", &[]),
        ("id: 7\n", &[]),
        ("id: 7", &[]),
        (": a", &[]),
        ("", &[]),
    ] {
        all_cuts(stream.as_bytes(), |cut, chunks| {
            let mut decoder = Decoder::default().flush_at_end(true);
            let mut found = Vec::new();
            let mut take = |item| match item {
                Item::Frame(frame) => found.push(frame.data().into_owned()),
                item => assert_eq!(item, Item::Comment, "{stream:?}, {cut}"),
            };
            for chunk in chunks {
                let mut input = Bytes::copy_from_slice(chunk);
                while let Some(item) = decoder.decode(&mut input).unwrap() {
                    take(item);
                }
            }
            while let Some(item) = decoder.finish().unwrap() {
                take(item);
            }
            assert_eq!(found, data, "{stream:?}, {cut}");
            assert_eq!(decoder.offset(), stream.len() as u64, "{stream:?}, {cut}");
        });
    }
    let mut decoder = Decoder::new().max_event_bytes(0).flush_at_end(true);
    assert_eq!(decoder.decode(&mut "data\ndata".into()).unwrap(), None);
    assert_eq!(decoder.finish().unwrap_err().kind().name(), "limit");
}

#[test]
fn a_frame_in_one_chunk_is_a_slice_of_it() {
    let chunk = Bytes::from_static(b"event: a\ndata: some data\n\n");
    let mut input = chunk.clone();
    let Ok(Some(Item::Frame(frame))) = Decoder::new().decode(&mut input) else {
        panic!("no frame");
    };
    assert_eq!(frame.data_bytes().as_ptr(), chunk[15..].as_ptr());
    assert_eq!(frame.event_bytes().as_ptr(), chunk[7..].as_ptr());
    assert_eq!(
        (frame.id_bytes(), Frame::new("", "").with_id("7").id_bytes()),
        (&Bytes::new(), &"7".into())
    );
}

#[test]
fn an_event_over_the_limit_is_an_error_that_stays() {
    // One byte over, in each of the fields that are held.
    for stream in [
        "event: ab\ndata: 12345678\nid: x\n\n",
        "data: 123\ndata: 456\ndata: 789\n",
        "id: 12345678901\n",
        "event: 12345678901\n",
        "data\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\n",
    ] {
        let mut offsets = Vec::new();
        for width in 1..=stream.len() {
            let mut decoder = Decoder::new().max_event_bytes(10);
            let error = stream.as_bytes().chunks(width).find_map(|chunk| {
                let mut chunk = Bytes::copy_from_slice(chunk);
                loop {
                    match decoder.decode(&mut chunk) {
                        Ok(Some(_)) => {}
                        Ok(None) => return None,
                        Err(error) => return Some(error),
                    }
                }
            });
            let error = error.unwrap_or_else(|| panic!("{stream:?} passes at width {width}"));
            assert!(error.to_string().starts_with("more than 10 bytes of one event (byte "));
            offsets.push(error.offset());
            let again = decoder.decode(&mut Bytes::from_static(b"data: a\n\n")).unwrap_err();
            assert_eq!(again.to_string(), error.to_string());
            let again = decoder.decode(&mut Bytes::new()).unwrap_err();
            assert_eq!(again.to_string(), error.to_string());
            assert_eq!(decoder.finish().unwrap_err().to_string(), error.to_string());
        }
        offsets.dedup();
        assert_eq!(offsets.len(), 1, "{stream:?}");
    }
}

/// A client that reconnects needs them then.
#[test]
fn what_was_known_before_an_error_stays() {
    let known = "id: 7\nretry: 5\n\n";
    for (rest, kind) in [("id: 8\ndata: 1", "partial_frame"), ("data: 12345678901", "limit")] {
        for width in 1..=rest.len() {
            let mut decoder = Decoder::new().max_event_bytes(10);
            let mut error = None;
            let mut taken = 0;
            for chunk in [known.as_bytes()].into_iter().chain(rest.as_bytes().chunks(width)) {
                taken = decoder.offset();
                let mut chunk = Bytes::copy_from_slice(chunk);
                error = loop {
                    match decoder.decode(&mut chunk) {
                        Ok(Some(_)) => {}
                        Ok(None) => break None,
                        Err(error) => break Some(error),
                    }
                };
            }
            if error.is_none() {
                taken = decoder.offset();
                error = decoder.finish().err();
            }
            assert_eq!(error.unwrap().kind().name(), kind, "{rest:?}, {width}");
            assert_eq!(decoder.last_event_id(), "7", "{rest:?}, {width}");
            assert_eq!(decoder.retry(), Some(5), "{rest:?}, {width}");
            assert_eq!(decoder.offset(), taken, "{rest:?}, {width}");
        }
    }
}

#[test]
fn an_event_at_the_limit_passes_and_what_means_nothing_is_not_counted() {
    let stream = format!(
        ": {0}\nunknown: {0}\n{0}\nevent: ab\nid: c\ndata: 1234567\n\ndata: 1234567890\nretry: {0}\n\n",
        "1".repeat(100)
    );
    for width in 1..=stream.len() {
        let mut decoder = Decoder::new().max_event_bytes(10);
        let mut frames = 0;
        for chunk in stream.as_bytes().chunks(width) {
            let mut chunk = Bytes::copy_from_slice(chunk);
            while let Some(item) = decoder.decode(&mut chunk).unwrap() {
                frames += usize::from(matches!(item, Item::Frame(_)));
            }
        }
        assert_eq!(frames, 2, "{width}");
    }
}

#[test]
fn comments_and_times_are_lines_of_their_own() {
    let encoder = Encoder::new();
    for (text, written) in [("", ": \n"), ("a", ": a\n"), ("a\nb\rc\r\nd", ": a\n: b\n: c\n: d\n")]
    {
        let mut out = BytesMut::new();
        encoder.comment(text, &mut out);
        assert_eq!(out, written);
    }
    for milliseconds in [0, 3000, u64::MAX] {
        let mut out = BytesMut::new();
        encoder.retry(milliseconds, &mut out);
        assert_eq!(out, format!("retry: {milliseconds}\n"));
        let item = Decoder::new().decode(&mut out.freeze()).unwrap();
        assert_eq!(item, Some(Item::Retry(milliseconds)));
    }
}

#[test]
fn what_the_format_cannot_carry_is_refused() {
    let encode = |frame: &Frame| {
        let mut out = BytesMut::new();
        let result = Encoder::new().encode(frame, &mut out);
        assert_eq!(out.is_empty(), result.is_err());
        result
    };
    assert_eq!(encode(&Frame::new("a\nb", "")), Err(EncodeError::Event));
    assert_eq!(encode(&Frame::new("a", "").with_id("\0")), Err(EncodeError::Id));
    assert_eq!(encode(&Frame::new("a", "").with_id("\r")), Err(EncodeError::Id));
    assert_eq!(encode(&Frame::new("a", "b\rc")), Err(EncodeError::Data));
    assert_eq!(encode(&Frame::new("", "")), Ok(()));
    for (error, words) in [
        (EncodeError::Event, "the event type contains a line end"),
        (EncodeError::Id, "the last event ID contains a line end or NUL"),
        (EncodeError::Data, "the data contains a CR"),
    ] {
        assert_eq!(error.to_string(), words);
    }
}

/// Cases of the standard, from the file that the environment names.
#[test]
fn conformance() {
    let Some(cases) = std::env::var_os("THINKSTREAM_CONFORMANCE") else {
        eprintln!("skipped: THINKSTREAM_CONFORMANCE names no folder");
        return;
    };
    let cases = std::fs::read(std::path::Path::new(&cases).join("sse-cases.json")).unwrap();
    let cases: Vec<serde_json::Value> = serde_json::from_slice(&cases).unwrap();
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let stream = base64(case["input_base64"].as_str().unwrap());
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let whole = decode([&stream[..]]);
        let expected: Vec<_> = case["expected"]
            .as_array()
            .unwrap()
            .iter()
            .map(|frame| {
                (text(&frame["event"]), text(&frame["data"]), text(&frame["last_event_id"]))
            })
            .collect();
        assert_eq!(whole.meaning.frames, expected, "{name}");
        // An integer too large for 64 bits is one that may saturate.
        let retry = &case["expected_retry"];
        let retry = if retry.is_f64() { Some(u64::MAX) } else { retry.as_u64() };
        assert_eq!(whole.meaning.retry, retry, "{name}");
        assert_eq!(
            whole.meaning.last_event_id,
            text(&case["expected_final_last_event_id"]),
            "{name}"
        );
        if let Some(comments) = case["expected_comments"].as_array() {
            assert_eq!(whole.meaning.comments, comments.len(), "{name}");
        }
        let out_at: Vec<_> = case["dispatch_at"]
            .as_array()
            .unwrap()
            .iter()
            .map(|at| at.as_u64().unwrap() as usize)
            .collect();
        assert_eq!(whole.out_at, out_at, "{name}");
        check(name, &stream, &whole.meaning);
    }
    assert!(cases.len() > 100, "only {} cases", cases.len());
}

/// Soups of what the format is made of are the likeliest to find its seams.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec!["\n", "\r", "\r\n", "\n\n", "\r\r", "\r\n\r\n"]),
        4 => prop::sample::select(vec!["data", "event", "id", "retry", "unknown"]),
        3 => prop::sample::select(vec![":", ": ", ":  ", " "]),
        2 => prop::sample::select(vec!["x", "12", "\0", "é", "\u{feff}", "\u{2028}"]),
    ];
    let bad = prop::collection::vec(any::<u8>(), 1..3);
    let bytes = prop_oneof![9 => piece.prop_map(|text| text.as_bytes().to_vec()), 1 => bad];
    prop::collection::vec(bytes, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_input_means_what_the_reference_says(
        stream in soup(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let whole = decode([&stream[..]]);
        prop_assert_eq!(&whole.meaning, &reference::decode(&stream));
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]);
        prop_assert_eq!(decode(chunks), whole);
    }

    #[test]
    fn what_is_encoded_decodes_to_itself(
        frames in prop::collection::vec(("[^\r\n]{0,8}", "[^\r]{0,16}", "[^\r\n\0]{0,4}"), 0..5),
    ) {
        let mut encoder = Encoder::new();
        let mut out = BytesMut::new();
        let frames: Vec<_> = frames.into_iter()
            .map(|(event, data, id)| Frame::new(event, data).with_id(id))
            .collect();
        for frame in &frames {
            encoder.comment("between\nframes", &mut out);
            encoder.encode(frame, &mut out).unwrap();
        }
        let mut decoder = Decoder::new();
        let mut input = out.freeze();
        let mut decoded = Vec::new();
        while let Some(item) = decoder.decode(&mut input).unwrap() {
            decoded.extend(match item { Item::Frame(frame) => Some(frame), _ => None });
        }
        prop_assert_eq!(decoded, frames);
    }

    /// Whoever keeps an event, and for however long, it stays what it was.
    #[test]
    fn room_that_is_used_again_changes_nothing_that_is_kept(
        events in prop::collection::vec(
            (prop_oneof![0..64usize, 4000..4200usize, 0..20_000usize], 0..12usize),
            1..24,
        ),
        width in prop_oneof![1..8usize, 500..5000usize],
    ) {
        let fill = |at: usize| char::from(b"abcdefghijklmnopqrstuvwxyz"[at % 26]).to_string();
        let data: Vec<_> = (0..).zip(&events).map(|(at, (len, _))| fill(at).repeat(*len)).collect();
        let stream: String = (0..).zip(&data)
            .map(|(at, data)| if at % 7 == 3 { format!("id: {at}\ndata: {data}\n\n") } else { format!("data: {data}\n\n") })
            .collect();
        let mut decoder = Decoder::new();
        let mut kept: Vec<(usize, usize, Frame)> = Vec::new();
        let mut seen = 0;
        for chunk in stream.as_bytes().chunks(width) {
            let mut chunk = Bytes::copy_from_slice(chunk);
            while let Some(item) = decoder.decode(&mut chunk).unwrap() {
                let Item::Frame(frame) = item else { continue };
                prop_assert_eq!(frame.data_bytes(), data[seen].as_bytes());
                kept.push((seen, seen + events[seen].1, frame));
                seen += 1;
                kept.retain(|(_, until, _)| *until >= seen);
            }
            for (at, _, frame) in &kept {
                prop_assert_eq!(frame.data_bytes(), data[*at].as_bytes());
            }
        }
        prop_assert_eq!(seen, data.len());
    }
}
