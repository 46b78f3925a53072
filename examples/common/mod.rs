//! A server on this machine for the examples that have none: the project's own program, which plays
//! recorded replies and checks each request as the API would.

#![allow(dead_code, reason = "each example uses a part")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A server that goes away with this.
pub(crate) struct Server {
    process: Child,
    /// `http://127.0.0.1:…`
    pub(crate) address: String,
}

/// Where to send requests: to `live` if there is something, else to a server of recordings, which has to
/// be kept as long as it is to run.
pub(crate) fn live_or(live: Option<String>, recordings: &str) -> Result<(String, Option<Server>)> {
    match live {
        Some(address) => Ok((address, None)),
        None => serve(recordings).map(|server| (server.address.clone(), Some(server))),
    }
}

/// Serves the recordings of a file in `examples/recordings/`, at many times their speed.
pub(crate) fn serve(recordings: &str) -> Result<Server> {
    let root = env!("CARGO_MANIFEST_DIR");
    // Where the program is, if it is built already.
    let mut command = match std::env::var_os("THINKSTREAM") {
        Some(program) => Command::new(program),
        None => {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.args(["run", "--quiet", "--all-features", "--"]).current_dir(root);
            cargo
        }
    };
    let mut process = command
        .args(["serve", "--until-stdin-closes", "--speed", "20"])
        .arg(format!("{root}/examples/recordings/{recordings}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    let address = line.trim().strip_prefix("listening on ").ok_or("the server did not start")?;
    Ok(Server { address: address.to_owned(), process })
}

/// Sends a request to the Messages API at an address.
pub(crate) async fn post(address: &str, body: &str) -> reqwest::Result<reqwest::Response> {
    let key = std::env::var("ANTHROPIC_API_KEY").unwrap_or_default();
    reqwest::Client::new()
        .post(format!("{address}/v1/messages"))
        .header("x-api-key", key)
        .header("anthropic-version", "2023-06-01")
        .header("content-type", "application/json")
        .body(body.to_owned())
        .send()
        .await
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its standard input closes, which ends it.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
