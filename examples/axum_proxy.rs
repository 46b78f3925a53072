//! A gateway: passes requests on and replies back, byte for byte and at once, and logs one line for each:
//! tokens, cache, stop reason, times; also of those whose client went away half way.
//!
//! ```sh
//! cargo run --example axum_proxy                                       # tries itself
//! UPSTREAM=https://api.anthropic.com cargo run --example axum_proxy -- 8080
//! ```

mod common;

use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode, Uri};
use axum::routing::post;
use futures_util::StreamExt;
use thinkstream::telemetry::CallRecord;
use thinkstream::{Decoder, Protocol, Tap};

#[derive(Clone)]
struct Gateway {
    client: reqwest::Client,
    upstream: String,
}

async fn forward(
    State(gateway): State<Gateway>,
    uri: Uri,
    mut headers: HeaderMap,
    body: Bytes,
) -> Result<Response<Body>, StatusCode> {
    let protocol = match uri.path() {
        "/v1/messages" => Some(Protocol::Anthropic),
        "/v1/responses" => Some(Protocol::OpenAiResponses),
        "/v1/chat/completions" => Some(Protocol::OpenAiChat),
        _ => None,
    };
    // The connection's own, and an encoding that nobody here could read.
    for name in ["host", "content-length", "connection", "accept-encoding"] {
        headers.remove(name);
    }
    let sent = Instant::now();
    let request = gateway.client.post(format!("{}{uri}", gateway.upstream)).headers(headers);
    let response = request.body(body).send().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    // Whatever else there is, such as counts of tokens, is no reply.
    let Some(protocol) = protocol else {
        return Ok(Response::from(response).map(Body::new));
    };
    let decoder = Decoder::new(protocol).accumulate(false);
    let log = |outcome| println!("{}", CallRecord::from(&outcome).to_line());
    let response = Tap::on_response(response, decoder, log);
    Ok(response.map(|tap| Body::new(tap.sent_at(sent))))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> common::Result<()> {
    let live = std::env::var("UPSTREAM").ok();
    let (upstream, server) = common::live_or(live, "marbles.jsonl")?;
    let gateway = Gateway { client: reqwest::Client::new(), upstream };
    let routes = axum::Router::new().fallback(post(forward)).with_state(gateway);
    let port = std::env::args().nth(1).map_or(Ok(0), |port| port.parse())?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    println!("listening on http://{address}");
    let gateway = tokio::spawn(async { axum::serve(listener, routes).await });
    if server.is_none() {
        return Ok(gateway.await??);
    }

    // One client reads to the end, another goes away after the first bytes.
    for chunks in [usize::MAX, 3] {
        let body = r#"{"model":"claude-opus-4-8","max_tokens":1000,"stream":true,"messages":[{"role":"user","content":"Hi"}]}"#;
        let response = common::post(&format!("http://{address}"), body).await?;
        let received = response.bytes_stream().take(chunks).count().await;
        eprintln!("client: {received} chunks");
    }
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    Ok(())
}
