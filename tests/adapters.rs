//! What stands around the decoder: bodies of responses, the tap, and what people do with a stream.

mod common;

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use common::*;
use futures_util::{FutureExt, Stream, StreamExt, TryStreamExt, stream};
use http_body::{Body, Frame, SizeHint};
use thinkstream::{
    BodyStream, Decoder, Ending, Error, ErrorKind, Event, EventReader, EventStream, EventStreamExt,
    Outcome, Protocol, StopReason, Tap,
};

/// A reply with thinking, text and two calls, the second of which has broken arguments.
fn reply(reason: &str) -> Vec<u8> {
    sse([
        START,
        PING,
        &open(0, THINKING),
        &think(0, "Hm."),
        &sign(0, "EqQB"),
        &shut(0),
        &open(1, TEXT),
        &text(1, "Hel"),
        &text(1, "lo"),
        &shut(1),
        &open(2, TOOL),
        &json(2, r#"{"sides": 6}"#),
        &shut(2),
        &open(3, &TOOL.replace("toolu_1", "toolu_2")),
        &json(3, r#"{"sides""#),
        &shut(3),
        &end(reason),
        STOP,
    ])
}

fn chunks(bytes: &[u8], width: usize) -> Vec<Result<Bytes, std::io::Error>> {
    bytes.chunks(width).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect()
}

fn events(bytes: &[u8]) -> EventStream<impl Stream<Item = Result<Bytes, std::io::Error>> + use<>> {
    EventStream::new(stream::iter(chunks(bytes, 100)), anthropic())
}

fn now<F: Future>(future: F) -> F::Output {
    future.now_or_never().expect("all of it is there")
}

/// A body of these frames.
struct Frames {
    frames: std::vec::IntoIter<Result<Frame<Bytes>, std::io::Error>>,
    /// Says at the last frame that it was the last.
    knows_its_end: bool,
}

impl Frames {
    fn new(frames: Vec<Result<Frame<Bytes>, std::io::Error>>) -> Self {
        Self { frames: frames.into_iter(), knows_its_end: false }
    }

    /// The bytes in frames of `width`, and trailers behind them.
    fn of(bytes: &[u8], width: usize) -> Self {
        let mut trailers = http::HeaderMap::new();
        trailers.insert("x-trailer", "1".parse().unwrap());
        let data = chunks(bytes, width).into_iter().map(|chunk| chunk.map(Frame::data));
        Self::new(data.chain([Ok(Frame::trailers(trailers))]).collect())
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(self.frames.next())
    }

    fn is_end_stream(&self) -> bool {
        self.knows_its_end && self.frames.len() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(7)
    }
}

fn response(status: u16, body: Frames) -> http::Response<Frames> {
    http::Response::builder()
        .status(status)
        .header("content-type", if status == 200 { "text/event-stream" } else { "text/html" })
        .header("request-id", "req_1")
        .body(body)
        .unwrap()
}

mod bodies {
    use super::*;

    #[test]
    fn a_response_gives_the_events_of_its_body() {
        let bytes = reply("tool_use");
        let expected = decode(anthropic().request_id("req_1"), [&bytes[..]]).0;
        for width in [1, 64, 10_000] {
            let response = response(200, Frames::of(&bytes, width));
            let found = now(EventStream::from_response(response, Protocol::Anthropic)
                .map_ok(untimed)
                .try_collect::<Vec<_>>());
            assert_eq!(found.unwrap(), expected);
        }
    }

    #[test]
    fn parts_and_chunks_do_too() {
        let (parts, body) = response(200, Frames::of(&reply("end_turn"), 50)).into_parts();
        let decoder = anthropic().strict(true);
        let events = EventStream::from_parts(&parts, BodyStream::new(body), decoder);
        assert_eq!(now(events.collect_message()).unwrap().text(), "Hello");
    }

    #[test]
    fn an_error_in_place_of_a_stream_is_the_only_item() {
        let json = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
        for (status, body, expected) in [
            (529, json, "the server reported overloaded_error: Overloaded (request req_1)"),
            (502, "<html>", "not an event stream: status 502, a page of markup (request req_1)"),
            (500, "", "not an event stream: status 500, an empty body (request req_1)"),
        ] {
            for width in [1, 1000] {
                let response = response(status, Frames::of(body.as_bytes(), width));
                let events = EventStream::from_response(response, Protocol::Anthropic);
                let [Err(error)] = &now(events.collect::<Vec<_>>())[..] else { panic!() };
                assert_eq!(error.to_string(), expected);
                assert_eq!(error.status(), Some(status));
                assert!(error.retry_safe());
            }
        }
    }

    /// What has come of the error's body counts, whatever became of the rest.
    #[test]
    fn a_body_that_breaks_off() {
        let json = r#"{"error":{"type":"api_error","message":"No"}}"#;
        let reset = || Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        let frames = vec![Ok(Frame::data(Bytes::from(json))), reset()];
        let events = EventStream::from_response(response(500, Frames::new(frames)), anthropic());
        let error = now(events.collect_message()).unwrap_err();
        assert_eq!(error.to_string(), "the server reported api_error: No (request req_1)");

        let frames = vec![Ok(Frame::data(Bytes::new())), reset()];
        let events = EventStream::from_response(response(200, Frames::new(frames)), anthropic());
        let error = now(events.collect_message()).unwrap_err();
        assert_eq!(error.kind().name(), "transport");
        assert_eq!(error.request_id().unwrap(), "req_1");
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_that_does_not_end_is_not_waited_for() {
        let timeouts = thinkstream::Timeouts {
            idle: Some(Duration::from_secs(5)),
            ..thinkstream::Timeouts::default()
        };
        let (parts, ()) = http::Response::builder().status(503).body(()).unwrap().into_parts();
        let body = stream::iter([Ok::<_, Infallible>(Bytes::from("<html>"))]);
        let body = body.chain(stream::pending());
        let mut events =
            pin!(EventStream::from_parts(&parts, body, Protocol::Anthropic).timeouts(timeouts));
        let error = events.next().await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), "not an event stream: status 503, a page of markup");
    }

    /// Nobody waits for the end of what cannot be read, or is no error of an API.
    #[test]
    fn what_does_not_end_is_not_read_to_its_end() {
        let endless = || stream::repeat(Bytes::from(vec![b'x'; 1000])).map(Ok::<_, Infallible>);
        let parts = |status: u16, encoding: &str| {
            let response = http::Response::builder().status(status);
            response.header("content-encoding", encoding).body(()).unwrap().into_parts().0
        };
        for (parts, kind, most) in
            [(parts(200, "gzip"), "encoded", 1), (parts(502, ""), "refused", 66)]
        {
            let mut read = 0;
            let body = endless().inspect(|_| read += 1);
            let events = EventStream::from_parts(&parts, body, Protocol::OpenAiChat);
            let error = now(events.collect_message()).unwrap_err();
            assert_eq!(error.kind().name(), kind);
            assert_eq!(error.partial().message.provider, thinkstream::Provider::OpenAiChat);
            assert!(read <= most, "{read} chunks");
        }
    }

    #[test]
    fn data_that_are_not_bytes_are_chunks_too() {
        let body = http_body_util::StreamBody::new(stream::iter([
            Ok::<_, Infallible>(Frame::data(std::collections::VecDeque::from(b"abc".to_vec()))),
            Ok(Frame::trailers(http::HeaderMap::new())),
            Ok(Frame::data(b"d".to_vec().into())),
        ]));
        let chunks: Vec<_> = now(BodyStream::new(body).try_collect()).unwrap();
        assert_eq!(chunks, ["abc", "d"]);
    }
}

mod wishes {
    use super::*;

    #[test]
    fn only_the_text() {
        let text: Vec<_> = now(events(&reply("tool_use")).text_stream().try_collect()).unwrap();
        assert_eq!(text, ["Hel", "lo"]);
    }

    #[test]
    fn the_message_or_the_error_with_what_came() {
        let whole = reply("tool_use");
        let message = now(events(&whole).collect_message()).unwrap();
        assert_eq!((message.text(), message.thinking()), ("Hello".into(), "Hm.".into()));
        let runnable: Vec<_> = message.tool_calls().map(|call| call.input.is_ok()).collect();
        assert_eq!(runnable, [true, false]);

        let cut = &whole[..whole.len() / 2];
        for error in [
            now(events(cut).collect_message()).unwrap_err(),
            EventReader::new(cut, anthropic()).collect_message().unwrap_err(),
        ] {
            assert_eq!(error.kind().name(), "incomplete");
            assert_eq!(error.partial().message.thinking(), "Hm.");
        }
        let reader = EventReader::new(&whole[..], anthropic());
        assert_eq!(reader.collect_message().unwrap(), message);

        // One that has given its error says it again, and one that is complete is.
        let mut reader = EventReader::new(cut, anthropic());
        assert!(reader.by_ref().last().unwrap().is_err());
        assert_eq!(reader.collect_message().unwrap_err().kind().name(), "incomplete");
        let mut reader = EventReader::new(&whole[..], anthropic());
        assert!(reader.by_ref().last().unwrap().is_ok());
        assert_eq!(reader.collect_message().unwrap(), message);

        let done = now(events(&whole).collect_complete()).unwrap();
        assert_eq!(done.message, message);
        assert!(done.timing.is_some());

        // A channel whose sender is gone has no end of its own.
        let error = now(stream::empty().collect_message()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Incomplete { leftover: 0 }));
    }

    /// Also the one with broken arguments, which has to be answered.
    #[test]
    fn calls_come_when_they_may_be_run() {
        let calls: Vec<_> = now(events(&reply("tool_use")).tool_calls().try_collect()).unwrap();
        let ids: Vec<_> = calls.iter().map(|call| (&*call.id, call.input.is_ok())).collect();
        assert_eq!(ids, [("toolu_1", true), ("toolu_2", false)]);
    }

    /// What a model called before another took over in the middle of the reply.
    #[test]
    fn calls_that_do_not_go_back_never_come() {
        let call =
            |id: &str| format!(r#"{{"type":"tool_use","id":"{id}","name":"f","input":{{}}}}"#);
        let fallback = r#"{"type":"fallback","from":{"model":"a"},"to":{"model":"b"}}"#;
        let reply = sse([
            START,
            &open(0, &call("t0")),
            &shut(0),
            &open(1, fallback),
            &shut(1),
            &open(2, &call("t2")),
            &shut(2),
            &end("tool_use"),
            STOP,
        ]);
        let calls: Vec<_> = now(events(&reply).tool_calls().try_collect()).unwrap();
        let ids: Vec<_> = calls.iter().map(|call| &*call.id).collect();
        assert_eq!(ids, ["t2"]);
    }

    #[test]
    fn calls_of_a_cut_reply_never_come() {
        for (reason, stopped) in [
            ("max_tokens", StopReason::MaxTokens),
            ("refusal", StopReason::Refusal),
            ("model_context_window_exceeded", StopReason::ModelContextWindowExceeded),
            ("something_new", StopReason::Other("something_new".into())),
        ] {
            let calls = now(events(&reply(reason)).tool_calls().collect::<Vec<_>>());
            let [Err(error)] = &calls[..] else { panic!("{calls:?}") };
            let ErrorKind::ToolsUnsafe { stop_reason } = error.kind() else { panic!("{error}") };
            assert_eq!(stop_reason.as_ref(), Some(&stopped));
            assert_eq!(
                error.to_string(),
                format!("the tool calls must not be run: the reply stopped for {reason}")
            );
            assert_eq!(error.partial().message.text(), "Hello");
            assert!(!error.retry_safe());
        }
        let whole = reply("tool_use");
        let calls = events(&whole[..whole.len() - 5]).tool_calls();
        let calls = now(calls.collect::<Vec<_>>());
        assert!(matches!(&calls[..], [Err(_)]), "{calls:?}");
        // Without a call there is nothing to be told.
        let text = sse([START, &open(0, TEXT), &text(0, "a"), &shut(0), &end("max_tokens"), STOP]);
        assert!(now(events(&text).tool_calls().collect::<Vec<_>>()).is_empty());
    }

    /// `select!` asks whether a stream is over.
    #[test]
    fn what_is_asked_of_a_stream_ends_with_it() {
        use futures_core::FusedStream;
        let body = reply("tool_use");
        let mut texts = events(&body).text_stream();
        let mut calls = events(&body).tool_calls();
        let mut seen = events(&body).inspect_events(|_| {});
        assert!(!texts.is_terminated() && !calls.is_terminated() && !seen.is_terminated());
        let mut count = 0;
        while now(texts.next()).is_some()
            || now(calls.next()).is_some()
            || now(seen.next()).is_some()
        {
            count += 1;
        }
        assert!(
            count > 3 && texts.is_terminated() && calls.is_terminated() && seen.is_terminated()
        );
    }

    /// Who does not accumulate has no calls, and is told so, rather than that there were none.
    #[test]
    fn calls_that_were_not_kept_are_not_the_same_as_none() {
        let gateway = |body: &[u8]| {
            let decoder = Decoder::new(Protocol::Anthropic).accumulate(false);
            EventStream::new(
                stream::iter([Ok::<_, std::io::Error>(Bytes::copy_from_slice(body))]),
                decoder,
            )
        };
        let calls = now(gateway(&reply("tool_use")).tool_calls().collect::<Vec<_>>());
        let [Err(error)] = &calls[..] else { panic!("{calls:?}") };
        assert_eq!(error.kind().name(), "tools_unsafe");
        let text = sse([START, &open(0, TEXT), &text(0, "a"), &shut(0), &end("end_turn"), STOP]);
        assert!(now(gateway(&text).tool_calls().collect::<Vec<_>>()).is_empty());
    }

    /// A reply that was cut in its only call has no whole one, and yet was about to call.
    #[test]
    fn a_cut_call_is_not_the_same_as_none() {
        let call = r#"{"type":"tool_use","id":"t0","name":"f","input":{}}"#;
        for (reason, text) in [
            ("max_tokens", "the tool calls must not be run: the reply stopped for max_tokens"),
            ("refusal", "the tool calls must not be run: the reply stopped for refusal"),
        ] {
            let reply = sse([START, &open(0, call), &json(0, r#"{"a":"#), &end(reason), STOP]);
            let calls = now(events(&reply).tool_calls().collect::<Vec<_>>());
            let [Err(error)] = &calls[..] else { panic!("{calls:?}") };
            assert_eq!(error.to_string(), text);
        }
        let chat = |reason: &str| {
            format!(
                "data: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{{\"index\":0,\
                 \"id\":\"a\",\"function\":{{\"name\":\"f\",\"arguments\":\"{{\\\"a\\\":\"}}}}]}},\
                 \"finish_reason\":\"{reason}\"}}]}}\n\ndata: [DONE]\n\n"
            )
        };
        for (reason, text) in [
            ("length", "the tool calls must not be run: the reply stopped for max_tokens"),
            (
                "tool_calls",
                "the tool calls cannot be run: one of them is not whole, or none was kept",
            ),
        ] {
            let body = [Ok::<_, Infallible>(Bytes::from(chat(reason)))];
            let events = EventStream::new(stream::iter(body), Protocol::OpenAiChat);
            let calls = now(events.tool_calls().collect::<Vec<_>>());
            let [Err(error)] = &calls[..] else { panic!("{calls:?}") };
            assert_eq!(error.to_string(), text);
        }
    }

    /// Nothing to run and nothing to say are not the same as an end that never came.
    #[test]
    fn a_stream_that_does_not_say_how_it_ended() {
        let whole = decode(anthropic(), [&reply("tool_use")[..]]).0;
        let channel = || stream::iter(whole[..whole.len() - 1].to_vec()).map(Ok);
        let calls = now(channel().tool_calls().collect::<Vec<_>>());
        let [Err(error)] = &calls[..] else { panic!("{calls:?}") };
        assert_eq!(error.kind().name(), "incomplete");
        let text = now(channel().text_stream().collect::<Vec<_>>());
        assert!(matches!(&text[..], [Ok(_), Ok(_), Err(_)]), "{text:?}");
        assert!(now(stream::iter(whole).map(Ok).text_stream().all(async |item| item.is_ok())));
    }

    #[test]
    fn of_several_choices_the_first() {
        let chunk = |choice: u32, delta: &str, reason: &str| {
            format!(
                "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":{choice},\
                 \"delta\":{delta},\"finish_reason\":{reason}}}]}}\n\n"
            )
        };
        let call = |id: &str| {
            format!(
                r#"{{"tool_calls":[{{"index":0,"id":"{id}","function":{{"name":"f","arguments":"{{}}"}}}}]}}"#
            )
        };
        let body = [
            chunk(0, r#"{"content":"a"}"#, "null"),
            chunk(1, r#"{"content":"b"}"#, "null"),
            chunk(0, &call("call_0"), "null"),
            chunk(1, &call("call_1"), "null"),
            chunk(0, "{}", "\"tool_calls\""),
            chunk(1, "{}", "\"length\""),
            "data: [DONE]\n\n".to_owned(),
        ]
        .concat();
        let events = || {
            let body = stream::iter([Ok::<_, Infallible>(body.clone())]);
            EventStream::new(body, Decoder::new(Protocol::OpenAiChat))
        };
        let text: Vec<_> = now(events().text_stream().try_collect()).unwrap();
        assert_eq!(text, ["a"]);
        // That another choice was cut does not make this one's calls unsafe.
        let calls: Vec<_> = now(events().tool_calls().try_collect()).unwrap();
        assert_eq!(calls.iter().map(|call| &*call.id).collect::<Vec<_>>(), ["call_0"]);
        assert_eq!(now(events().collect_message()).unwrap().text(), "a");
    }

    #[test]
    fn who_inspects_sees_what_passes() {
        let mut seen = Vec::new();
        let bytes = reply("tool_use");
        let passed: Vec<_> =
            now(events(&bytes).inspect_events(|event| seen.push(event.clone())).try_collect())
                .unwrap();
        assert_eq!(seen, passed);
    }

    /// The request is cancelled with the stream, whatever is around it.
    #[test]
    fn dropping_reaches_the_body() {
        struct Told(Rc<RefCell<u32>>);
        impl Drop for Told {
            fn drop(&mut self) {
                *self.0.borrow_mut() += 1;
            }
        }
        let dropped = Rc::new(RefCell::new(0));
        let body = || {
            let told = Told(Rc::clone(&dropped));
            stream::pending::<Result<Bytes, Infallible>>().inspect(move |_| drop(told.0.clone()))
        };
        let events = || EventStream::new(body(), anthropic());
        assert!(events().text_stream().next().now_or_never().is_none());
        assert!(events().tool_calls().next().now_or_never().is_none());
        assert!(events().inspect_events(|_| {}).collect_message().now_or_never().is_none());
        let tap = Tap::new(body(), anthropic(), |_| {});
        assert!(Box::pin(tap).next().now_or_never().is_none());
        assert_eq!(*dropped.borrow(), 4);
    }
}

mod tap {
    use super::*;

    type Told = Rc<RefCell<Vec<Outcome>>>;

    fn tell(told: &Told) -> impl FnOnce(Outcome) + use<> {
        let told = Rc::clone(told);
        move |outcome| told.borrow_mut().push(outcome)
    }

    /// The one outcome.
    #[track_caller]
    fn only(told: &Told) -> Outcome {
        let told = told.borrow();
        assert_eq!(told.len(), 1, "{told:?}");
        told[0].clone()
    }

    #[test]
    fn the_same_bytes_pass_and_one_outcome_is_told() {
        let bytes = reply("tool_use");
        for width in [1, 7, 100, 100_000] {
            let upstream: Vec<Bytes> = chunks(&bytes, width).into_iter().flatten().collect();
            let told = Told::default();
            let body = stream::iter(upstream.clone()).map(Ok::<_, Infallible>);
            let passed: Vec<Bytes> =
                now(Tap::new(body, anthropic(), tell(&told)).try_collect()).unwrap();
            let same = |(a, b): (&Bytes, &Bytes)| a.as_ptr() == b.as_ptr() && a.len() == b.len();
            assert!(passed.len() == upstream.len() && passed.iter().zip(&upstream).all(same));
            let outcome = only(&told);
            assert!(matches!(outcome.ending, Ending::Complete));
            assert_eq!(outcome.message.text(), "Hello");
            assert_eq!(outcome.usage().output_tokens, Some(7));
            assert_eq!(outcome.stop_reason(), Some(&StopReason::ToolUse));
            assert_eq!(outcome.timing.bytes, bytes.len() as u64);
            assert_eq!(outcome.timing.chunks, upstream.len() as u64);
            assert!(outcome.timing.first_byte <= outcome.timing.first_thinking);
        }
    }

    /// Whenever the client goes away, what was known by then is told.
    #[test]
    fn dropped_after_each_chunk() {
        let bytes = reply("tool_use");
        let pieces = chunks(&bytes, 50).len();
        for taken in 0..=pieces {
            let told = Told::default();
            let decoder = anthropic().accumulate(false).request_id("req_1");
            let mut tap = Tap::new(stream::iter(chunks(&bytes, 50)), decoder, tell(&told));
            for _ in 0..taken {
                now(tap.next()).unwrap().unwrap();
            }
            assert!(told.borrow().is_empty() || taken == pieces);
            drop(tap);
            let outcome = only(&told);
            // The last chunk has nothing that matters but the end itself.
            assert_eq!(matches!(outcome.ending, Ending::Complete), taken == pieces, "{taken}");
            assert_eq!(matches!(outcome.ending, Ending::Dropped), taken != pieces, "{taken}");
            let input = (taken * 50 > sse([START]).len()).then_some(10);
            assert_eq!(outcome.usage().input_tokens, input, "{taken}");
            assert_eq!(outcome.request_id.as_deref(), Some("req_1"));
        }
    }

    #[test]
    fn what_goes_wrong_upstream() {
        let whole = reply("tool_use");
        let half = &whole[..whole.len() / 2];
        let reset = || Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        for (items, kind, errors) in [
            (vec![Ok(Bytes::copy_from_slice(half))], "incomplete", 0),
            (vec![Ok(Bytes::copy_from_slice(half)), reset()], "transport", 1),
            (vec![], "empty_stream", 0),
            (vec![Ok("<html>".into())], "no_events", 0),
            (vec![reset()], "transport", 1),
        ] {
            let told = Told::default();
            let tap = Tap::new(stream::iter(items), anthropic(), tell(&told));
            let passed = now(tap.collect::<Vec<_>>());
            assert_eq!(passed.iter().filter(|item| item.is_err()).count(), errors);
            let outcome = only(&told);
            assert_eq!(outcome.error().unwrap().kind().name(), kind);
        }
    }

    /// A stream that the decoder cannot read is still the client's.
    #[test]
    fn what_is_not_understood_passes() {
        let told = Told::default();
        let bytes = sse([START, r#"{"type":"content_block_delta","index":0"#, STOP, STOP]);
        let tap = Tap::new(stream::iter(chunks(&bytes, 20)), anthropic(), tell(&told));
        let passed: Vec<Bytes> = now(tap.try_collect()).unwrap();
        assert_eq!(passed.concat(), bytes);
        assert_eq!(only(&told).error().unwrap().kind().name(), "malformed");
    }

    /// Nothing waits for the decoder: a chunk is looked at when the next is asked for.
    #[test]
    fn the_outcome_is_told_when_the_provider_has_ended() {
        let told = Told::default();
        let body = stream::iter(chunks(&reply("tool_use"), 100_000)).chain(stream::pending());
        let mut tap = Box::pin(Tap::new(body, anthropic(), tell(&told)));
        assert!(now(tap.next()).is_some());
        assert!(told.borrow().is_empty());
        assert!(tap.next().now_or_never().is_none());
        assert!(matches!(only(&told).ending, Ending::Complete));
        drop(tap);
        only(&told);
    }

    #[test]
    fn over_a_body_with_its_trailers() {
        let bytes = reply("tool_use");
        for knows_its_end in [false, true] {
            let told = Told::default();
            let frames = Frames { knows_its_end, ..Frames::of(&bytes, 64) };
            let response = Tap::on_response(response(200, frames), anthropic(), tell(&told));
            assert_eq!(response.headers()["request-id"], "req_1");
            assert_eq!(response.body().size_hint().exact(), Some(7));
            let collected = now(http_body_util::BodyExt::collect(response.into_body())).unwrap();
            assert_eq!(collected.trailers().unwrap()["x-trailer"], "1");
            assert_eq!(collected.to_bytes(), bytes);
            let outcome = only(&told);
            assert!(matches!(outcome.ending, Ending::Complete));
            assert_eq!(outcome.request_id.unwrap(), "req_1");
        }
    }

    /// A server that sends it on looks whether there is anything, and does not ask if there is not.
    #[test]
    fn a_body_without_bytes_is_not_polled() {
        for (status, kind) in [(500, "refused"), (200, "empty_stream")] {
            let told = Told::default();
            let frames = Frames { knows_its_end: true, ..Frames::new(vec![]) };
            drop(Tap::on_response(response(status, frames), anthropic(), tell(&told)));
            assert_eq!(only(&told).error().unwrap().kind().name(), kind);
        }
    }

    /// That it failed is known, whatever of its body was not read.
    #[test]
    fn a_refused_response_that_is_not_read_to_its_end() {
        let json = r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#;
        for (body, kind) in [(json, "server"), ("", "refused")] {
            let told = Told::default();
            let frames = Frames::of(body.as_bytes(), 1000);
            let mut tap =
                Tap::on_response(response(529, frames), anthropic(), tell(&told)).into_body();
            if !body.is_empty() {
                let frame = std::future::poll_fn(|context| Pin::new(&mut tap).poll_frame(context));
                now(frame).unwrap().unwrap();
            }
            drop(tap);
            let outcome = only(&told);
            assert_eq!(outcome.error().unwrap().kind().name(), kind);
            assert_eq!(outcome.error().unwrap().status(), Some(529));
        }
    }

    /// Who kept to the length that was announced has had it all.
    #[test]
    fn a_body_of_a_known_length_is_over_with_its_last_byte() {
        let told = Told::default();
        let body = Frames::new(vec![Ok(Frame::data("data: ".into())), Ok(Frame::data("{".into()))]);
        let mut tap = Tap::on_response(response(200, body), anthropic(), tell(&told)).into_body();
        for _ in 0..2 {
            let frame = std::future::poll_fn(|context| Pin::new(&mut tap).poll_frame(context));
            now(frame).unwrap().unwrap();
        }
        drop(tap);
        assert_eq!(only(&told).error().unwrap().kind().name(), "incomplete");
    }

    /// What is counted needs no blocks.
    #[test]
    fn calls_and_choices_are_counted() {
        let told = Told::default();
        let body = stream::iter(chunks(&reply("tool_use"), 100));
        let tap = Tap::new(body, anthropic().accumulate(false), tell(&told));
        now(tap.count());
        assert_eq!(only(&told).tool_calls, 2);

        let told = Told::default();
        let chunk = |choice: u32| {
            format!(
                "data: {{\"id\":\"c\",\"choices\":[{{\"index\":{choice},\"delta\":{{\"content\":\"a\"}}}}]}}\n\n"
            )
        };
        let body = [chunk(0), chunk(1)].concat();
        let mut tap = Tap::new(
            stream::iter(chunks(body.as_bytes(), 1000)),
            Protocol::OpenAiChat,
            tell(&told),
        );
        now(tap.next()).unwrap().unwrap();
        drop(tap);
        assert_eq!(only(&told).choices.len(), 1);
    }

    /// A chat is over at the end of its body; who knows that it is the last frame asks no more.
    #[test]
    fn a_body_that_is_not_polled_to_its_end() {
        let chunk =
            r#"{"id":"c","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}"#;
        let body = format!("data: {chunk}\n\n");
        let told = Told::default();
        let frames = vec![Ok(Frame::data(Bytes::from(body)))];
        let frames = Frames { knows_its_end: true, ..Frames::new(frames) };
        let mut tap = Tap::new(frames, Protocol::OpenAiChat, tell(&told));
        let frame = now(std::future::poll_fn(|context| Pin::new(&mut tap).poll_frame(context)));
        assert!(frame.unwrap().is_ok());
        drop(tap);
        let outcome = only(&told);
        assert!(matches!(outcome.ending, Ending::Complete), "{outcome:?}");
    }

    #[test]
    fn a_refused_response_passes_and_is_told() {
        let json = r#"{"type":"error","error":{"type":"rate_limit_error","message":"Slow"}}"#;
        let told = Told::default();
        let response = response(429, Frames::of(json.as_bytes(), 10));
        let response = Tap::on_response(response, Protocol::Anthropic, tell(&told));
        assert_eq!(response.status(), 429);
        let body = now(http_body_util::BodyExt::collect(response.into_body())).unwrap();
        assert_eq!(body.to_bytes(), json);
        let outcome = only(&told);
        let ErrorKind::Server(server) = outcome.error().unwrap().kind() else { panic!() };
        assert_eq!(server.error_type.as_str(), "rate_limit_error");
        assert_eq!(outcome.error().unwrap().status(), Some(429));
    }
}

mod timing {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn adapters_measure() {
        let pieces = [
            (100, sse([START, PING])),
            (300, sse([open(0, THINKING), think(0, "")])),
            (200, sse([think(0, "Hm."), shut(0), open(1, TEXT), text(1, "a")])),
            // No output: the pause goes on.
            (900, sse([PING])),
            (500, sse([text(1, "b")])),
            (50, sse([shut(1), end("end_turn"), STOP.to_owned()])),
        ];
        let body = stream::iter(pieces).then(|(ms, bytes)| async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            Ok::<_, Infallible>(bytes)
        });
        let mut events =
            pin!(EventStream::new(body, anthropic()).stall_after(Duration::from_secs(1)));
        let mut complete = None;
        while let Some(event) = events.next().await {
            match event.unwrap() {
                Event::Complete(done) => complete = done.timing,
                // What the caller takes is not the model's time.
                Event::Thinking(_) => tokio::time::advance(Duration::from_millis(20)).await,
                _ => {}
            }
        }
        let timing = complete.unwrap();
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(timing.first_byte, ms(100));
        assert_eq!((timing.first_thinking, timing.first_output), (ms(400), ms(400)));
        // The text came with the thinking that the caller took his time over.
        assert_eq!(timing.first_text, ms(620));
        assert_eq!(timing.first_tool, None);
        assert_eq!((timing.last_output, timing.total), (ms(2040), ms(2090)));
        assert_eq!((timing.output_chunks, timing.chunks), (4, 6));
        assert_eq!((timing.stalls.count, Some(timing.stalls.longest)), (1, ms(1420)));
        assert_eq!(timing.time_per_output_chunk(), Some(Duration::from_millis(1640) / 3));
    }

    /// A chat without its `[DONE]` is over when its body is.
    #[tokio::test(start_paused = true)]
    async fn the_end_of_the_stream_may_be_the_end_of_the_reply() {
        let chunk =
            r#"{"id":"c","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}"#;
        let body = format!("data: {chunk}\n\n");
        let body = || {
            let wait = tokio::time::sleep(Duration::from_secs(10));
            let end = stream::once(wait).filter_map(|()| std::future::ready(None));
            stream::iter([Ok::<_, Infallible>(Bytes::from(body.clone()))]).chain(end)
        };
        let done = EventStream::new(body(), Protocol::OpenAiChat).collect_complete().await.unwrap();
        assert_eq!(done.timing.unwrap().total, Some(Duration::from_secs(10)));
        let (tell, told) = std::sync::mpsc::channel();
        let tap =
            Tap::new(body(), Protocol::OpenAiChat, move |outcome| tell.send(outcome).unwrap());
        tap.count().await;
        assert_eq!(told.recv().unwrap().timing.total, Some(Duration::from_secs(10)));
    }

    #[tokio::test(start_paused = true)]
    async fn from_when_the_request_was_sent_to_where_it_failed() {
        let sent = std::time::Instant::now().checked_sub(Duration::from_secs(30)).unwrap();
        let body = stream::once(async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok::<_, Infallible>(sse([START]))
        });
        let mut events = Box::pin(EventStream::new(body, anthropic()).sent_at(sent));
        let results: Vec<Result<Event, Error>> = events.by_ref().collect().await;
        assert!(results.last().unwrap().is_err());
        let first = events.timing().first_byte.unwrap();
        assert!((31.0..32.0).contains(&first.as_secs_f64()), "{first:?}");
        assert_eq!(events.timing().total, Some(first));
    }
}

mod behind_the_end {
    use super::*;
    use std::cell::Cell;

    /// Chunks, of which it is counted how many were taken; behind their end they must not be asked.
    fn counted<'a>(
        chunks: Vec<Result<Vec<u8>, std::io::Error>>,
        taken: &'a Cell<usize>,
    ) -> impl Stream<Item = Result<Vec<u8>, std::io::Error>> + Unpin + 'a {
        let mut chunks = chunks.into_iter();
        let mut over = false;
        stream::poll_fn(move |_| {
            assert!(!over, "asked again behind the end");
            taken.set(taken.get() + 1);
            let next = chunks.next();
            over = next.is_none();
            Poll::Ready(next)
        })
    }

    /// A chat whose text has ended is whole, but what comes behind it may be lost.
    #[tokio::test]
    async fn a_connection_that_breaks_behind_the_text_is_told_of() {
        const TEXT: &str =
            r#"{"id":"c","choices":[{"index":0,"delta":{"content":"4"},"finish_reason":"stop"}]}"#;
        const USAGE: &str = r#"{"id":"c","choices":[],"usage":{"prompt_tokens":7}}"#;
        let frame = |data: &str| Ok(format!("data: {data}\n\n").into_bytes());
        let lost = || Err(std::io::Error::other("reset"));
        for (chunks, warned, input_tokens) in [
            (vec![frame(TEXT), frame(USAGE), frame("[DONE]")], 0, Some(7)),
            (vec![frame(TEXT), frame(USAGE)], 0, Some(7)),
            (vec![frame(TEXT)], 0, None),
            (vec![frame(TEXT), frame(USAGE), frame("[DONE]"), lost()], 0, Some(7)),
            (vec![frame(TEXT), lost()], 1, None),
            (vec![frame(TEXT), Ok(b"data: {\"usage\"".to_vec()), lost()], 1, None),
        ] {
            let taken = Cell::new(0);
            let mut events = EventStream::new(counted(chunks, &taken), Protocol::OpenAiChat);
            let (mut warnings, mut done) = (0, None);
            while let Some(event) = events.next().await {
                match event.unwrap() {
                    Event::Warning(warning) => {
                        assert_eq!(warning.rule, thinkstream::Rule::CutEvent);
                        warnings += 1;
                    }
                    Event::Complete(complete) => done = Some(complete),
                    _ => {}
                }
            }
            let done = done.unwrap();
            assert_eq!((warnings, done.usage().input_tokens), (warned, input_tokens));
            assert_eq!(done.message.text(), "4");
        }
        let taken = Cell::new(0);
        let chunks = counted(vec![frame(TEXT), lost()], &taken);
        let mut events = EventStream::new(chunks, Decoder::new(Protocol::OpenAiChat).strict(true));
        let error = loop {
            if let Err(error) = events.next().await.unwrap() {
                break error;
            }
        };
        assert_eq!(error.kind().name(), "transport");
        assert_eq!(error.partial().message.text(), "4");
    }

    #[tokio::test]
    async fn the_body_can_be_read_to_its_end() {
        let chunk = |events: &[&str]| Ok(sse(events));
        let lost = || Err(std::io::Error::other("reset"));
        for (chunks, before, after) in [
            (vec![chunk(&[START]), chunk(&[STOP])], 2, 3),
            (vec![chunk(&[START, STOP]), chunk(&[PING]), chunk(&[])], 1, 4),
            (vec![chunk(&[START, STOP]), lost(), chunk(&[])], 1, 2),
            // The reply was cut, so the chunks have ended already.
            (vec![chunk(&[START])], 2, 2),
            (vec![chunk(&[START]), lost()], 2, 2),
        ] {
            let taken = Cell::new(0);
            let mut events = EventStream::new(counted(chunks, &taken), anthropic());
            events.drain().await;
            assert_eq!(taken.get(), 0, "the reply is not thrown away");
            while events.next().await.is_some() {}
            assert_eq!(taken.get(), before);
            events.drain().await;
            events.drain().await;
            assert_eq!(taken.get(), after);
            assert!(events.next().await.is_none());
        }
    }
}
