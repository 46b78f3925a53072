//! Many replies at once over real connections, whole, cut, reset, stalled and failed: each is what it would
//! be alone.
//!
//! Two thousand connections, or as many as `THINKSTREAM_LOAD` says, as far as the limit of open files goes.

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::*;
use futures_util::StreamExt;
use thinkstream::{Error, Event, EventStream, ServerErrorType, Timeouts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::io::ReaderStream;

/// What a server does to a reply, at some byte.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    Cut,
    Reset,
    Stall,
    Error,
}

const FAULTS: [Fault; 6] =
    [Fault::None, Fault::Cut, Fault::Reset, Fault::Stall, Fault::Error, Fault::None];

/// The reply with this number, unlike all others, and what is done to it at which byte.
fn reply(number: usize) -> (Vec<u8>, Fault, usize) {
    let words = 5 + number % 23;
    let mut events = vec![
        START.replace("msg_1", &format!("msg_{number}")),
        open(0, THINKING),
        think(0, &format!("thinking of {number}")),
        sign(0, &format!("Eq{number}")),
        shut(0),
        open(1, TEXT),
    ];
    events.extend((0..words).map(|word| text(1, &format!("{number}.{word} Grüße\n"))));
    events.extend([shut(1), open(2, TOOL), json(2, &format!(r#"{{"n": {number}}}"#)), shut(2)]);
    events.extend([end("tool_use"), STOP.to_owned()]);
    let bytes = sse(events);
    let at = number.wrapping_mul(2_654_435_761) % bytes.len();
    (bytes, FAULTS[number % FAULTS.len()], at)
}

const ERROR: &str = "\n\nevent: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}\n\n";

/// Sends the reply that is asked for: half of it, and the rest once all connections are open.
async fn serve(mut socket: TcpStream, mut all: watch::Receiver<bool>) -> std::io::Result<()> {
    let number = usize::try_from(socket.read_u32().await?).unwrap();
    let (bytes, fault, at) = reply(number);
    let sent = if fault == Fault::None { &bytes[..] } else { &bytes[..at] };
    let (first, rest) = sent.split_at(sent.len() / 2);
    // In pieces that respect nothing.
    for piece in first.chunks(7 + number % 90) {
        socket.write_all(piece).await?;
    }
    all.wait_for(|all| *all).await.map_err(std::io::Error::other)?;
    for piece in rest.chunks(7 + number % 90) {
        socket.write_all(piece).await?;
    }
    match fault {
        Fault::None | Fault::Cut => socket.shutdown().await,
        Fault::Reset => socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO)),
        // Until the client goes away.
        Fault::Stall => socket.read_u8().await.map(drop).or(Ok(())),
        Fault::Error => {
            socket.write_all(ERROR.as_bytes()).await?;
            socket.shutdown().await
        }
    }
}

/// What a client makes of the reply.
async fn ask(mut socket: TcpStream, number: usize, idle: Duration) -> (Vec<Event>, Option<Error>) {
    socket.write_u32(u32::try_from(number).unwrap()).await.unwrap();
    let timeouts = Timeouts { idle: Some(idle), ..Timeouts::default() };
    let chunks = ReaderStream::with_capacity(socket, 512);
    let mut events = Box::pin(EventStream::new(chunks, anthropic()).timeouts(timeouts));
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => seen.push(untimed(event)),
            Err(error) => return (seen, Some(error)),
        }
    }
    (seen, None)
}

/// Compares what came with what the same bytes are to a decoder that is alone.
fn check(number: usize, events: &[Event], error: Option<&Error>) {
    let (bytes, fault, at) = reply(number);
    let what = format!("reply {number}, {fault:?} at {at} of {}", bytes.len());
    let sent = match fault {
        Fault::None => bytes,
        Fault::Error => [&bytes[..at], ERROR.as_bytes()].concat(),
        _ => bytes[..at].to_vec(),
    };
    let (expected, truth) = decode(anthropic(), [&sent[..]]);
    let kind = error.map(|error| error.kind().name().to_owned());
    let kind = kind.as_deref();
    match fault {
        // What the system had not handed over when the reset came is lost.
        Fault::Reset => {
            assert!(expected.starts_with(events), "{what}");
            assert!(matches!(kind, Some("transport")), "{what}: {kind:?}");
        }
        Fault::Stall => {
            assert_eq!(events, expected, "{what}");
            assert_eq!(kind, Some("timeout"), "{what}");
        }
        Fault::None | Fault::Cut | Fault::Error => {
            assert_eq!(events, expected, "{what}");
            let truth = truth.as_ref();
            assert_eq!(kind, truth.map(|error| error.kind().name()), "{what}");
            assert_eq!(error.map(Error::offset), truth.map(Error::offset), "{what}");
            let partial = |error: &Error| error.partial().clone();
            assert_eq!(error.map(partial), truth.map(partial), "{what}");
        }
    }
    if fault == Fault::None {
        let Some(Event::Complete(done)) = events.last() else { panic!("{what}") };
        assert_eq!(done.message.id.as_deref(), Some(&*format!("msg_{number}")));
    }
    if let Some(thinkstream::ErrorKind::Server(server)) = error.map(Error::kind) {
        assert_eq!(server.error_type, ServerErrorType::Overloaded, "{what}");
    }
}

/// How many connections may be open at once: each takes two files here.
fn connections() -> usize {
    let asked = std::env::var("THINKSTREAM_LOAD").ok().and_then(|text| text.parse().ok());
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits.lines().find(|line| line.starts_with("Max open files"));
    let files = files.and_then(|line| line.split_whitespace().nth(3)?.parse().ok());
    asked.unwrap_or(2000).min((files.unwrap_or(1024) - 100) / 2)
}

#[test]
fn each_is_what_it_would_be_alone() {
    let count = connections();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let began = Instant::now();
    // Long enough for all to be open: half of a reply waits for that.
    let idle = Duration::from_millis(4000 + 3 * u64::try_from(count).unwrap());
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (open, all) = watch::channel(false);
        let server = tokio::spawn(async move {
            let mut replies = JoinSet::new();
            for _ in 0..count {
                let (socket, _) = listener.accept().await.unwrap();
                replies.spawn(serve(socket, all.clone()));
            }
            // Nobody has been served to the end so far.
            open.send(true).unwrap();
            replies.join_all().await
        });
        // No more at once than may wait to be accepted.
        let connecting = Arc::new(Semaphore::new(500));
        let mut clients = JoinSet::new();
        for number in 0..count {
            let connecting = Arc::clone(&connecting);
            clients.spawn(async move {
                let permit = connecting.acquire_owned().await.unwrap();
                let socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                drop(permit);
                (number, ask(socket, number, idle).await)
            });
        }
        let mut checked = 0;
        while let Some(client) = clients.join_next().await {
            let (number, (events, error)) = client.unwrap();
            check(number, &events, error.as_ref());
            checked += 1;
        }
        assert_eq!(checked, count);
        let served = server.await.unwrap();
        let failed = served.iter().filter(|result| result.is_err()).count();
        assert_eq!(failed, 0, "{served:?}");
    });
    println!("{count} connections at once, {:.1} s", began.elapsed().as_secs_f64());
}
