//! Connections, requests, and what each is answered with.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use super::api::{Api, Refusal};
use super::check::{self, check, check_stream};
use super::fault::{self, Fault, plan};
use super::log::Entry;
use super::reply::{Reply, Reset, Socket};
use super::signatures::Known;
use super::{Args, Served, Switch};
use crate::note;
use crate::pace::Speed;
use crate::recording::Recording;
use crate::sanitize::sanitize;

/// All that the answers depend on.
pub(super) struct Server {
    paths: Vec<(Served, AtomicUsize)>,
    known: Known,
    faults: Vec<Fault>,
    speed: Speed,
    checks: bool,
    models: bool,
    log: bool,
    /// How many requests have come, and how many may.
    requests: AtomicU64,
    most: u64,
    /// Whether those have come.
    done: watch::Sender<bool>,
}

type Body = Either<Full<Bytes>, Reply>;

impl Server {
    pub(super) fn new(args: &Args, served: Vec<Served>, known: Known) -> Self {
        Self {
            paths: served.into_iter().map(|served| (served, AtomicUsize::new(0))).collect(),
            known,
            faults: args.faults.clone(),
            speed: args.speed,
            checks: !args.no_check,
            models: args.model_check == Switch::On,
            log: args.log,
            requests: AtomicU64::new(0),
            most: args.requests.unwrap_or(u64::MAX),
            done: watch::Sender::new(false),
        }
    }

    /// Serves until it is stopped, or until all requests have come and are answered.
    pub(super) async fn run(self, listener: TcpListener, stopped: impl Future<Output = ()>) {
        let server = Arc::new(self);
        let mut done = server.done.subscribe();
        let mut connections = JoinSet::new();
        let mut stopped = pin!(stopped);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => drop(connections.spawn(connection(stream, server.clone()))),
                    Err(error) => {
                        // Too many files are open, perhaps: it may pass.
                        note(&error);
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                _ = done.wait_for(|done| *done) => break,
                Some(_) = connections.join_next() => {}
                () = &mut stopped => return,
            }
        }
        drop(listener);
        tokio::select! {
            () = async { while connections.join_next().await.is_some() {} } => {}
            () = stopped => {}
        }
    }

    async fn answer(&self, request: Request<Incoming>, reset: Reset) -> Response<Body> {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        let mut entry = Entry {
            method: head.method.to_string(),
            path: path.to_owned(),
            ended: "left",
            told: self.log,
            ..Entry::default()
        };
        if path == "/" && matches!(head.method, Method::GET | Method::HEAD) {
            entry.verdict = "ok".to_owned();
            return whole(StatusCode::OK, "text/plain", HELP.to_owned(), entry);
        }
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        entry.request = number;
        let api = Api::at(path);
        let answer = match api {
            Some(_) if head.method != Method::POST => {
                let message = format!("{} is not allowed here, only POST", head.method);
                Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message))
            }
            Some(api) => self.choose(api, number, head.headers.clone(), body, &mut entry).await,
            None => Err(Refusal::new(StatusCode::NOT_FOUND, format!("Not found: {path}"))),
        };
        // Who sends what only Anthropic's clients send is told as they are told.
        let anthropic = head.headers.contains_key("anthropic-version");
        let form = api.unwrap_or(if anthropic { Api::Messages } else { Api::Chat });
        let response = match answer {
            Ok(recording) => self.stream(form, recording, number, reset, entry),
            Err(refusal) => refused(form, &refusal, number, entry),
        };
        if number >= self.most {
            self.done.send_replace(true);
        }
        response
    }

    /// The recording that answers a request, or why none does.
    async fn choose(
        &self,
        api: Api,
        number: u64,
        headers: HeaderMap,
        body: Incoming,
        entry: &mut Entry,
    ) -> Result<&Recording, Refusal> {
        let body = read(body).await?;
        if let Some(status) = fault::status(&self.faults, number) {
            return Err(Refusal::new(status, "this is a fault on purpose"));
        }
        let request = check::Request::read(api, headers, &body)?;
        entry.model = request.model().map(str::to_owned);
        check_stream(&request)?;
        if self.checks {
            check(api, &request, &self.known, self.models)?;
        }
        let path = self.paths.iter().find(|(served, _)| served.api == api);
        let next = path.and_then(|(served, turn)| {
            let turn = turn.fetch_add(1, Ordering::Relaxed);
            served.recordings.get(turn.checked_rem(served.recordings.len())?)
        });
        next.ok_or_else(|| {
            let message = format!("no recording of what {} speaks is served", api.path());
            Refusal::new(StatusCode::NOT_FOUND, message)
        })
    }

    fn stream(
        &self,
        api: Api,
        recording: &Recording,
        number: u64,
        reset: Reset,
        mut entry: Entry,
    ) -> Response<Body> {
        let id = recording.request_id.clone().unwrap_or_else(|| request_id(number));
        let plan = plan(recording, &self.faults, number, |events| api.overloaded(events, &id));
        entry.status = StatusCode::OK.as_u16();
        entry.verdict = "ok".to_owned();
        entry.recording = Some(recording.name.clone());
        entry.fault = plan.beyond.then_some("beyond the end");
        let reply = Reply::new(plan.at_speed(self.speed), reset, entry);
        let mut response = Response::new(Either::Right(reply));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        insert(headers, api.request_id_header(), &id);
        for (name, value) in api.limits(number) {
            insert(headers, name, &value);
        }
        response
    }
}

/// Serves one connection, until all requests have come.
async fn connection(stream: TcpStream, server: Arc<Server>) {
    // Each chunk goes out at once.
    let _ = stream.set_nodelay(true);
    let reset = Reset::default();
    let mut done = server.done.subscribe();
    let io = TokioIo::new(Socket::new(stream, reset.clone()));
    let service = service_fn(|request| {
        let (server, reset) = (server.clone(), reset.clone());
        async move {
            let response = server.answer(request, reset.clone()).await;
            reset.answers(true);
            Ok::<_, Infallible>(response)
        }
    });
    let mut connection = pin!(http1::Builder::new().serve_connection(io, service));
    let more = tokio::select! {
        // A client that leaves early is no news but in the log.
        _ = connection.as_mut() => false,
        _ = done.wait_for(|done| *done) => true,
    };
    if more {
        connection.as_mut().graceful_shutdown();
        while tokio::time::timeout(GRACE, connection.as_mut()).await.is_err() {
            // Who has sent but a part of a request may never send the rest.
            if !reset.is_answering() {
                break;
            }
        }
    }
}

/// The body of a request. One that is too large is read to its end all the same, for a client that is
/// still sending does not listen.
async fn read(mut body: Incoming) -> Result<Vec<u8>, Refusal> {
    let (mut bytes, mut fits) = (Vec::new(), true);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Refusal::invalid(format!("the request cannot be read to its end: {error}"))
        })?;
        let data = frame.into_data().unwrap_or_default();
        fits &= bytes.len() + data.len() <= MOST_BYTES;
        if fits {
            bytes.extend_from_slice(&data);
        }
    }
    if fits {
        return Ok(bytes);
    }
    let message = format!("the request has more than {MOST_BYTES} bytes");
    Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message))
}

fn refused(api: Api, refusal: &Refusal, number: u64, mut entry: Entry) -> Response<Body> {
    let id = request_id(number);
    entry.verdict.clone_from(&refusal.message);
    let body = api.error(refusal, &id);
    let mut response = whole(refusal.status, "application/json", body, entry);
    let headers = response.headers_mut();
    insert(headers, api.request_id_header(), &id);
    match refusal.status.as_u16() {
        405 => drop(headers.insert(ALLOW, HeaderValue::from_static("POST"))),
        429 | 503 | 529 => drop(headers.insert(RETRY_AFTER, HeaderValue::from_static("1"))),
        _ => {}
    }
    response
}

/// A response that is there at once.
fn whole(status: StatusCode, kind: &'static str, body: String, mut entry: Entry) -> Response<Body> {
    entry.status = status.as_u16();
    entry.bytes = body.len();
    entry.ended = "complete";
    entry.tell();
    let mut response = Response::new(Either::Left(Full::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Sets a header, if its value can be one: a recording's id may be anything.
fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(&sanitize(value)) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

fn request_id(number: u64) -> String {
    format!("req_mock_{number}")
}

/// When a signal, or the end of the standard input, stops the server.
#[cfg(unix)]
pub(super) fn stopped(
    stdin: Option<oneshot::Receiver<()>>,
) -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    // As the first process of a container it would not be ended by a signal that it does not take.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = closed(stdin) => {}
        }
    })
}

/// When Ctrl-C, or the end of the standard input, stops the server.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
pub(super) fn stopped(
    stdin: Option<oneshot::Receiver<()>>,
) -> io::Result<impl Future<Output = ()>> {
    Ok(async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = closed(stdin) => {}
        }
    })
}

async fn closed(stdin: Option<oneshot::Receiver<()>>) {
    match stdin {
        Some(stdin) => drop(stdin.await),
        None => std::future::pending().await,
    }
}

/// How long a request may take to come when no more are answered.
const GRACE: Duration = Duration::from_millis(500);

/// What the APIs take at most.
const MOST_BYTES: usize = 32 << 20;

const HELP: &str = "thinkstream serve: POST /v1/messages, /v1/chat/completions or /v1/responses with \
    \"stream\": true to be sent a recording\n";
