//! `thinkstream serve`: a mock server that sends recordings.
//!
//! What is checked of a request is what decides whether it is valid with thinking: its mode, its parameters
//! beside it, the messages, and what is signed in them. Keys, tools' schemas and system prompts are not
//! looked at, and neither is whether what came before a signature has changed, for the recordings do not have
//! the requests that they are the replies to.

mod api;
mod check;
mod fault;
mod log;
mod reply;
mod server;
mod signatures;

use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use tokio::sync::oneshot;

use self::api::Api;
use self::fault::Fault;
use self::server::Server;
use self::signatures::Known;
use crate::pace::Speed;
use crate::recording::{self, Recording};
use crate::{Outcome, note};

/// Serves recordings, as the providers' APIs do, to clients on this machine.
///
/// `POST /v1/messages`, `/v1/chat/completions` and `/v1/responses` are each answered with the next
/// recording of their protocol, in the order given, and from the first again behind the last: with its
/// chunks as they came, at its pace. A plain file of a stream is sent at once, an event a chunk. A loop of
/// K turns needs K recordings: a reply that comes a second time has the ids of the first, and two calls
/// with one id are refused.
///
/// Requests are checked as the APIs check them, and refused with their errors: tools without answers,
/// thinking that the model or the rest of the request does not allow, signatures that are not from the
/// recordings that are served, or not in their place.
///
/// The first line printed is `listening on http://127.0.0.1:PORT`. It ends with Ctrl-C or SIGTERM.
///
/// Faults: `cut@N` ends the body after N bytes; `stall@N` sends nothing more after N bytes and stays
/// connected; `reset@N` resets the connection after N bytes; `error@N` reports that the server is
/// overloaded behind the first event that ends at N bytes or more; `split=N` cuts all into chunks of N
/// bytes; `status=S` refuses the request with this status. With `:K` behind it a fault is for the K-th
/// request only.
///
/// Example: `thinkstream serve talk.jsonl --port 8080 --fault cut@2000:1`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The recordings, or plain files of streams; `-` is the standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,

    /// The port to listen on; 0 is any that is free.
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,

    /// How many times faster than it was; `max` is at once.
    #[arg(long, value_name = "X", default_value = "1")]
    speed: Speed,

    /// What goes wrong: cut@N, stall@N, reset@N, error@N, split=N or status=S, with :K for request K only;
    /// may be given more than once.
    #[arg(long = "fault", value_name = "FAULT")]
    faults: Vec<Fault>,

    /// Whether the table of models is asked what a model takes.
    #[arg(long, value_enum, value_name = "SWITCH", default_value_t = Switch::On)]
    model_check: Switch,

    /// Take every request as it is.
    #[arg(long)]
    no_check: bool,

    /// Stop behind so many requests.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..))]
    requests: Option<u64>,

    /// Print a line of JSON on the standard error for each request.
    #[arg(long)]
    log: bool,

    /// Stop as soon as the standard input is closed, so that nothing is left behind by a script.
    #[arg(long)]
    until_stdin_closes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Switch {
    On,
    Off,
}

/// What is served on one path.
struct Served {
    api: Api,
    recordings: Vec<Recording>,
}

pub(crate) fn run(args: &Args) -> io::Result<Outcome> {
    let (served, known) = read(args)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port))
        .map_err(|error| io::Error::new(error.kind(), format!("port {}: {error}", args.port)))?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stdin = args.until_stdin_closes.then(watch_stdin);
    let server = Server::new(args, served, known);
    runtime.block_on(async {
        let stopped = server::stopped(stdin)?;
        let mut out = io::stdout().lock();
        let told = writeln!(out, "listening on http://127.0.0.1:{port}").and_then(|()| out.flush());
        drop(out);
        if let Err(error) = told {
            // Whoever gave the port knows it all the same.
            note(&format_args!("listening on http://127.0.0.1:{port} (standard output: {error})"));
        }
        server.run(tokio::net::TcpListener::from_std(listener)?, stopped).await;
        Ok(Outcome::Complete)
    })
}

/// Sorts the recordings by the path that they are served on.
fn read(args: &Args) -> io::Result<(Vec<Served>, Known)> {
    if args.until_stdin_closes && args.files.iter().any(|file| file.as_os_str() == "-") {
        let why = "a standard input that is served is closed before anybody can ask";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    let mut served: Vec<Served> =
        Api::ALL.map(|api| Served { api, recordings: Vec::new() }).into_iter().collect();
    let mut known = Known::default();
    for file in &args.files {
        for recording in recording::read(file)? {
            let name = &recording.name;
            let Ok(Some(protocol)) = recording.told() else {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("{name}: no stream of a protocol that is known"),
                ));
            };
            let Some(api) = Api::speaking(protocol) else {
                note(&format_args!("{name}: not served: it is not what the API sends over HTTP"));
                continue;
            };
            known.learn(api, &recording, protocol);
            let on_path = served.iter_mut().find(|served| served.api == api);
            on_path.into_iter().for_each(|served| served.recordings.push(recording.clone()));
        }
    }
    if served.iter().all(|served| served.recordings.is_empty()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is nothing to serve"));
    }
    Ok((served, known))
}

/// Tells when the standard input is closed.
fn watch_stdin() -> oneshot::Receiver<()> {
    let (closed, watched) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = closed.send(());
    });
    watched
}
