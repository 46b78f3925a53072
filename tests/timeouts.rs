//! Streams that fall silent, in time that passes only when nothing else is to be done.

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::*;
use futures_util::{Stream, StreamExt, stream};
use thinkstream::{Error, ErrorKind, Event, EventStream, Timeouts, Timer};
use tokio::time::sleep;

const MINUTE: Duration = Duration::from_secs(60);

/// Chunks that come after so many seconds each; then nothing comes any more.
fn slowly(chunks: Vec<(u64, Vec<u8>)>) -> impl Stream<Item = std::io::Result<Bytes>> + Unpin {
    let chunks = stream::iter(chunks).then(|(seconds, chunk)| async move {
        sleep(Duration::from_secs(seconds)).await;
        Ok(Bytes::from(chunk))
    });
    Box::pin(chunks.chain(stream::pending()))
}

/// The names of the events, and the error.
async fn collect(
    chunks: impl Stream<Item = std::io::Result<Bytes>> + Unpin,
    timeouts: Timeouts,
) -> (Vec<&'static str>, Option<Error>) {
    let mut events = EventStream::new(chunks, anthropic()).timeouts(timeouts);
    let mut names = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => names.push(event.name()),
            Err(error) => {
                assert!(events.next().await.is_none(), "the error is the end");
                return (names, Some(error));
            }
        }
    }
    (names, None)
}

fn ran_out(error: Option<Error>) -> (Timer, Option<&'static str>, u64) {
    let error = error.unwrap();
    let ErrorKind::Timeout { timer, last_event, elapsed } = *error.kind() else {
        panic!("{error}");
    };
    (timer, last_event, elapsed.as_secs())
}

fn each_minute(events: &[String]) -> Vec<(u64, Vec<u8>)> {
    events.iter().map(|event| (60, sse([event]))).collect()
}

fn reply() -> Vec<String> {
    let mut reply = vec![START.to_owned(), open(0, TEXT)];
    reply.extend((0..5).map(|_| text(0, "word")));
    reply.extend([shut(0), end("end_turn"), STOP.to_owned()]);
    reply
}

#[tokio::test(start_paused = true)]
async fn silence_before_the_first_byte() {
    let timeouts = Timeouts { idle: Some(MINUTE), ..Timeouts::default() };
    let (names, error) = collect(slowly(Vec::new()), timeouts).await;
    assert_eq!(names, [""; 0]);
    let line = error.as_ref().unwrap().to_string();
    assert_eq!(
        line,
        "nothing was received for too long: 60.0s after the start, no event was last (byte 0)"
    );
    assert!(error.as_ref().unwrap().retry_safe());
    assert_eq!(ran_out(error), (Timer::Idle, None, 60));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_in_the_middle() {
    let timeouts = Timeouts { idle: Some(2 * MINUTE), ..Timeouts::default() };
    let (names, error) = collect(slowly(each_minute(&reply()[..4])), timeouts).await;
    assert_eq!(names, ["start", "token", "token"]);
    let partial = &error.as_ref().unwrap().partial().message;
    assert_eq!(partial.content.len(), 1);
    assert!(!error.as_ref().unwrap().retry_safe());
    assert_eq!(ran_out(error), (Timer::Idle, Some("token"), 6 * 60));
}

#[tokio::test(start_paused = true)]
async fn a_slow_reply_is_no_silence() {
    let timeouts =
        Timeouts { idle: Some(2 * MINUTE), progress: Some(3 * MINUTE), total: Some(60 * MINUTE) };
    let (names, error) = collect(slowly(each_minute(&reply())), timeouts).await;
    assert_eq!(names.last(), Some(&"complete"));
    assert!(error.is_none());
}

#[tokio::test(start_paused = true)]
async fn pings_and_comments_are_no_progress() {
    for alive in [PING.to_owned(), ": alive\n\n".to_owned()] {
        let mut events = reply()[..3].to_vec();
        events.extend(std::iter::repeat_n(alive, 100));
        let timeouts =
            Timeouts { idle: Some(2 * MINUTE), progress: Some(10 * MINUTE), ..Timeouts::default() };
        let (names, error) = collect(slowly(each_minute(&events)), timeouts).await;
        assert_eq!(names.iter().filter(|name| **name == "ping").count(), 9);
        assert_eq!(ran_out(error), (Timer::Progress, Some("ping"), 13 * 60));
    }
}

#[tokio::test(start_paused = true)]
async fn one_byte_a_minute() {
    let stream = sse(reply());
    let bytes: Vec<_> = stream.iter().map(|byte| (60, vec![*byte])).collect();
    let timeouts = Timeouts { idle: Some(2 * MINUTE), ..Timeouts::default() };
    let (names, error) = collect(slowly(bytes.clone()), timeouts).await;
    assert_eq!(names.last(), Some(&"complete"), "{error:?}");
    let timeouts = Timeouts { total: Some(30 * MINUTE), ..timeouts };
    let (_, error) = collect(slowly(bytes.clone()), timeouts).await;
    assert_eq!(ran_out(error), (Timer::Total, None, 30 * 60));
    let timeouts = Timeouts { progress: Some(5 * MINUTE), ..Timeouts::default() };
    let (_, error) = collect(slowly(bytes), timeouts).await;
    assert_eq!(ran_out(error), (Timer::Progress, None, 5 * 60));
}

/// A server that floods the connection is never silent, and is stopped all the same.
#[tokio::test(start_paused = true)]
async fn a_flood_of_pings() {
    let start = stream::iter([Ok(Bytes::from(sse([START])))]);
    let pings = stream::repeat(sse([PING])).then(|ping| async move {
        tokio::time::advance(Duration::from_millis(100)).await;
        Ok(Bytes::from(ping))
    });
    let flood = Box::pin(start.chain(pings));
    let timeouts = Timeouts { progress: Some(MINUTE), ..Timeouts::default() };
    let (_, error) = collect(flood, timeouts).await;
    assert_eq!(ran_out(error), (Timer::Progress, Some("ping"), 60));
}

/// What has come in time is not lost because the caller was slow to take it.
#[tokio::test(start_paused = true)]
async fn a_slow_caller_is_not_held_against_the_server() {
    let chunks = reply().into_iter().map(|event| Ok::<_, std::io::Error>(sse([event])));
    let timeouts = Timeouts { idle: Some(MINUTE), progress: Some(MINUTE), ..Timeouts::default() };
    let mut events = EventStream::new(stream::iter(chunks), anthropic()).timeouts(timeouts);
    let mut last = None;
    while let Some(event) = events.next().await {
        sleep(10 * MINUTE).await;
        last = Some(event.unwrap());
    }
    assert!(matches!(last, Some(Event::Complete(_))));
}

/// The time that the caller takes for each event is his own, also when several came together.
#[tokio::test(start_paused = true)]
async fn a_caller_may_take_his_time_for_each_of_several_events() {
    let chunk = sse(&reply()[..5]);
    let timeouts = Timeouts { idle: Some(MINUTE), ..Timeouts::default() };
    let mut events = EventStream::new(slowly(vec![(0, chunk)]), anthropic()).timeouts(timeouts);
    for _ in 0..4 {
        events.next().await.unwrap().unwrap();
        sleep(MINUTE / 2).await;
    }
    let asked = tokio::time::Instant::now();
    let error = events.next().await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Timeout { timer: Timer::Idle, .. }));
    assert_eq!(asked.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn what_waits_behind_pings_is_looked_at_first() {
    let chunks = [sse(&reply()[..3]), sse([PING, PING, PING]), sse(&reply()[3..])];
    let chunks = stream::iter(chunks.map(Ok::<_, std::io::Error>));
    let timeouts = Timeouts { progress: Some(MINUTE), ..Timeouts::default() };
    let mut events = EventStream::new(chunks, anthropic()).timeouts(timeouts);
    let mut last = "";
    while let Some(event) = events.next().await {
        last = event.unwrap().name();
        sleep(MINUTE).await;
    }
    assert_eq!(last, "complete");
}

/// Between two polls without an event, too, nothing is held against the server that came in time.
#[tokio::test(start_paused = true)]
async fn a_chunk_that_waits_is_taken_before_the_time_is_looked_at() {
    let chunks = slowly(vec![(0, sse(&reply()[..3])), (1, sse([PING])), (10, sse(&reply()[3..4]))]);
    let timeouts = Timeouts { progress: Some(MINUTE), idle: Some(MINUTE), ..Timeouts::default() };
    let mut events = EventStream::new(chunks, anthropic()).timeouts(timeouts);
    for name in ["start", "token", "ping"] {
        assert_eq!(events.next().await.unwrap().unwrap().name(), name);
    }
    assert!(futures_util::poll!(events.next()).is_pending());
    sleep(2 * MINUTE).await;
    assert_eq!(events.next().await.unwrap().unwrap().name(), "token");
}

/// A poll that is given up, as by `select!`, does not make the caller's time the server's.
#[tokio::test(start_paused = true)]
async fn a_caller_who_goes_away_while_he_waits() {
    for away in [30, 100] {
        let (send, mut receive) = tokio::sync::mpsc::unbounded_channel::<Vec<u8>>();
        let chunks = stream::poll_fn(move |context| receive.poll_recv(context)).map(Ok::<_, Error>);
        let timeouts =
            Timeouts { idle: Some(MINUTE), progress: Some(MINUTE), ..Timeouts::default() };
        let mut events = EventStream::new(chunks, anthropic()).timeouts(timeouts);
        send.send(sse([START, &open(0, TEXT)])).unwrap();
        assert_eq!(events.next().await.unwrap().unwrap().name(), "start");
        tokio::select! {
            event = events.next() => panic!("{event:?}"),
            () = sleep(Duration::from_secs(1)) => {}
        }
        sleep(Duration::from_secs(10)).await;
        send.send(sse([PING])).unwrap();
        send.send(sse([&text(0, "word")])).unwrap();
        sleep(Duration::from_secs(away)).await;
        for expected in ["ping", "token"] {
            assert_eq!(events.next().await.unwrap().unwrap().name(), expected, "{away} s away");
        }
        // From then on the server's silence counts again.
        let begin = tokio::time::Instant::now();
        let error = events.next().await.unwrap().unwrap_err();
        assert_eq!(ran_out(Some(error)).0, Timer::Idle);
        assert_eq!(begin.elapsed(), MINUTE, "{away} s away");
    }
}
