//! The body of a hyper response as events, with timeouts.
//!
//! ```sh
//! cargo run --example hyper
//! ```

mod common;

use std::time::Duration;

use futures_util::StreamExt;
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use thinkstream::{Decoder, Event, EventStream, Limits, Protocol, Timeouts};
use tokio::net::TcpStream;

const BODY: &str = r#"{"model":"claude-opus-4-8","max_tokens":1000,"stream":true,
    "messages":[{"role":"user","content":"How likely is one marble of each colour?"}]}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> common::Result<()> {
    let server = common::serve("marbles.jsonl")?;
    let host = server.address.trim_start_matches("http://");
    let socket = TokioIo::new(TcpStream::connect(host).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(socket).await?;
    tokio::spawn(connection);
    let request = hyper::Request::post("/v1/messages")
        .header("host", host)
        .header("anthropic-version", "2023-06-01")
        .header("content-type", "application/json")
        .body(Full::<bytes::Bytes>::from(BODY))?;
    let response = sender.send_request(request).await?;

    let decoder = Decoder::new(Protocol::Anthropic)
        .limits(Limits { message_bytes: 1 << 20, ..Limits::default() });
    // A silent server and one that only says that it is alive are two things.
    let timeouts = Timeouts {
        idle: Some(Duration::from_secs(30)),
        progress: Some(Duration::from_secs(300)),
        ..Timeouts::default()
    };
    let mut events = EventStream::from_response(response, decoder).timeouts(timeouts);
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Token(token)) => print!("{}", token.text),
            Ok(Event::Complete(done)) => println!("\nrequest {:?}", done.request_id),
            Ok(_) => {}
            // What was received is still there, and it is known whether to try again is safe.
            Err(error) => {
                let message = &error.partial().message;
                eprintln!(
                    "\n{error}; {} blocks, safe to retry: {}",
                    message.content.len(),
                    error.retry_safe()
                );
                return Err(error.into());
            }
        }
    }
    Ok(())
}
