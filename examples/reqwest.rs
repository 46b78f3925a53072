//! One question, asked with little thinking and with much: what it costs, and when the answer begins.
//!
//! ```sh
//! cargo run --example reqwest
//! ```
//!
//! With `ANTHROPIC_API_KEY` in the environment it is asked for real; else of a local server.

mod common;

use std::io::Write;
use std::time::Instant;

use common::Result;
use futures_util::StreamExt;
use serde::Serialize;
use serde_json::json;
use thinkstream::request::{RequestParams, Thinking, ThinkingRequest};
use thinkstream::{Event, EventStream, Protocol};

const MODEL: &str = "claude-opus-4-8";
const QUESTION: &str = "A bag holds 12 red and 8 blue marbles. Two are drawn without putting back. \
    How likely is one of each colour?";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let key = std::env::var("ANTHROPIC_API_KEY").ok();
    let live = key.as_ref().map(|_| "https://api.anthropic.com".to_owned());
    let (address, _server) = common::live_or(live, "marbles.jsonl")?;
    for effort in ["low", "high"] {
        println!("\n== effort: {effort}");
        ask(&address, key.as_deref().unwrap_or("none"), effort.parse()?).await?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    max_tokens: u32,
    stream: bool,
    messages: serde_json::Value,
    #[serde(flatten)]
    thinking: &'a ThinkingRequest,
}

async fn ask(address: &str, key: &str, thinking: Thinking) -> Result<()> {
    let mut params = RequestParams::default();
    params.max_tokens = Some(16_000);
    let thinking = thinking.resolve(MODEL, &params)?;
    let messages = json!([{"role": "user", "content": QUESTION}]);
    let thinking = &thinking;
    let body = Request { model: MODEL, max_tokens: 16_000, stream: true, messages, thinking };
    let request = reqwest::Client::new()
        .post(format!("{address}/v1/messages"))
        .header("x-api-key", key)
        .header("anthropic-version", "2023-06-01")
        .header("anthropic-beta", thinking.betas.join(","))
        .header("content-type", "application/json")
        .body(serde_json::to_string(&body)?);
    let sent = Instant::now();
    let response = request.send().await?;
    // A refusal, with its reason, is the stream's only item.
    let mut events = EventStream::from_response(response, Protocol::Anthropic).sent_at(sent);
    while let Some(event) = events.next().await {
        match event? {
            Event::Thinking(thinking) => print!("\x1b[2m{}\x1b[0m", thinking.text),
            Event::Token(token) => print!("{}", token.text),
            Event::Block(_) => println!(),
            Event::Complete(done) => {
                let timing = done.timing.as_ref().ok_or("adapters measure")?;
                println!("{}; {timing}", done.usage());
            }
            _ => {}
        }
        std::io::stdout().flush()?;
    }
    Ok(())
}
