//! A tool loop with thinking, in two turns, against a server on this machine that checks what the API
//! checks: every signed block is back, in its place and unchanged, and every call has its answer.
//!
//! ```sh
//! cargo run --example agent_loop
//! ```
//!
//! With a real key the loop is the same: another address, and two headers more.

mod server;

use std::error::Error;

use futures_util::StreamExt;
use serde::Serialize;
use thinkstream::history::{
    CacheMarks, CacheStrategy, History, Policy, Provenance, Rejection, Rendered, Target, ToolResult,
};
use thinkstream::request::{RequestParams, Thinking, ThinkingRequest};
use thinkstream::{Decoder, Event, EventStream, Json, Message, Protocol, Provider};

const MODEL: &str = "claude-opus-4-8";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let address = server::start()?;
    // What a user wrote in a configuration.
    let thinking: Thinking = "high".parse()?;
    let mut params = RequestParams::default();
    params.max_tokens = Some(16_000);
    let thinking = thinking.resolve(MODEL, &params)?;

    let target = Target::new(Provider::Anthropic, MODEL).account("example").thinking(&thinking);
    let mut policy = Policy::default();
    policy.cache = CacheMarks::new(CacheStrategy::AppendOnlyTail);
    let mut history = History::new();

    for question in ["Throw two dice for me.", "Were they lucky?"] {
        println!("\n> {question}");
        history.push_user(question);
        loop {
            let rendered = history.render(&target, &policy);
            let reply = ask(&address, &thinking, &rendered).await?;
            let results = run_tools(&reply);
            history.push_assistant(reply, Provenance::default().account("example"));
            if results.is_empty() {
                break;
            }
            results.into_iter().for_each(|result| history.push_tool_result(result));
        }
    }

    let rendered = history.render(&target, &policy);
    println!("\nWhat would go back now:\n{}", rendered.report);
    refused(&address, &thinking, &mut history, &target).await
}

/// The request. The messages and the thinking go out with the bytes that they have.
#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    max_tokens: u32,
    stream: bool,
    system: &'a [Json],
    tools: &'a [Json],
    #[serde(flatten)]
    thinking: &'a ThinkingRequest,
    messages: &'a Rendered,
}

fn request(thinking: &ThinkingRequest, messages: &Rendered) -> Result<String> {
    let mark = messages.system_mark.map_or("null", |ttl| ttl.cache_control());
    let system = format!(r#"{{"type":"text","text":"You throw dice.","cache_control":{mark}}}"#);
    let tool = r#"{"name":"dice","description":"Throws dice.","input_schema":{"type":"object"}}"#;
    let request = Request {
        model: MODEL,
        max_tokens: 16_000,
        stream: true,
        system: &[Json::parse(system)?],
        tools: &[Json::parse(tool)?],
        thinking,
        messages,
    };
    Ok(serde_json::to_string(&request)?)
}

/// Sends a request, shows the reply as it comes, and gives it whole.
async fn ask(address: &str, thinking: &ThinkingRequest, messages: &Rendered) -> Result<Message> {
    let mut request = reqwest::Client::new()
        .post(format!("http://{address}/v1/messages"))
        .header("content-type", "application/json")
        .header("anthropic-version", "2023-06-01")
        .body(request(thinking, messages)?);
    let betas: Vec<&str> = thinking.betas.iter().chain(&messages.betas).map(|it| &**it).collect();
    if !betas.is_empty() {
        request = request.header("anthropic-beta", betas.join(","));
    }
    let response = request.send().await?;
    let decoder =
        match Decoder::for_response(Protocol::Anthropic, response.status(), response.headers()) {
            Ok(decoder) => decoder,
            Err(refused) => return Err(refused.into_error(&response.bytes().await?).into()),
        };
    let mut events = EventStream::new(response.bytes_stream(), decoder);
    let mut reply = None;
    while let Some(event) = events.next().await {
        match event? {
            Event::Thinking(thinking) => print!("\x1b[2m{}\x1b[0m", thinking.text),
            Event::Token(token) => print!("{}", token.text),
            Event::ToolStart(call) => print!("[{} …]", call.name),
            Event::Complete(done) => reply = Some(done.message),
            _ => {}
        }
    }
    println!();
    reply.ok_or_else(|| "the stream ended without an end".into())
}

/// Runs the tools of a reply. Every call gets an answer, also one that must not be run.
fn run_tools(reply: &Message) -> Vec<ToolResult> {
    let safe = reply.tools_safe_to_run();
    let calls = reply.tool_calls().filter(|call| call.kind.is_client());
    calls
        .map(|call| match call.name.as_str() {
            "dice" if safe => ToolResult::new(call.id.clone(), "5 and 6"),
            _ => ToolResult::new(call.id.clone(), "not run").error(),
        })
        .collect()
}

/// What happens to a history that somebody has spoiled: the server refuses it, and it is known why.
async fn refused(
    address: &str,
    thinking: &ThinkingRequest,
    history: &mut History,
    target: &Target,
) -> Result<()> {
    history.push_user("And now?");
    let mut spoiled = history.render(target, &Policy::default());
    let first = spoiled.messages[1].as_str().replace("EqQBsigned", "EqQBforged");
    spoiled.messages[1] = Json::parse(first)?;
    let Err(error) = ask(address, thinking, &spoiled).await else {
        return Err("the server took a forged signature".into());
    };
    let error = error.downcast::<thinkstream::Error>()?;
    let thinkstream::ErrorKind::Server(answer) = error.kind() else { return Err(error.into()) };
    let rejection = Rejection::of(answer).ok_or("a refusal that is not known")?;
    println!(
        "A forged signature is refused: {}; what helps: {:?}",
        rejection.kind,
        rejection.remedy()
    );

    // The record has the block as it was, so that the next rendering is taken.
    let rendered = history.render(target, &Policy::default());
    ask(address, thinking, &rendered).await?;
    Ok(())
}
