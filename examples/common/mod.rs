//! A server on this machine for the examples that have none: the project's own program, which plays
//! recorded replies and checks each request as the API would.

#![allow(dead_code, reason = "each example uses a part")]

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A server that goes away with this.
pub(crate) struct Server {
    process: Child,
    /// `http://127.0.0.1:…`
    pub(crate) address: String,
}

/// Where to send requests: to `live` if there is something, else to a server of recordings, which has to
/// be kept as long as it is to run.
pub(crate) fn live_or(
    live: Option<String>,
    recordings: &str,
) -> Result<(String, Option<Server>), Box<dyn Error>> {
    match live {
        Some(address) => Ok((address, None)),
        None => serve(recordings).map(|server| (server.address.clone(), Some(server))),
    }
}

/// Serves the recordings of a file in `examples/recordings/`, at many times their speed.
pub(crate) fn serve(recordings: &str) -> Result<Server, Box<dyn Error>> {
    let root = env!("CARGO_MANIFEST_DIR");
    let mut process = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--all-features", "--", "serve", "--until-stdin-closes"])
        .args(["--speed", "20", &format!("{root}/examples/recordings/{recordings}")])
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    let address = line.trim().strip_prefix("listening on ").ok_or("the server did not start")?;
    Ok(Server { address: address.to_owned(), process })
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its standard input closes, which ends it.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
