//! A tool loop with thinking, in two turns: every signed block goes back, in its place and unchanged,
//! and every call has its answer. The server on this machine checks that as the API does.
//!
//! ```sh
//! cargo run --example agent_loop
//! ```

mod common;

use common::Result;
use serde::Serialize;
use thinkstream::history::{History, Policy, Rendered, Target, ToolResult};
use thinkstream::request::{RequestParams, Thinking, ThinkingRequest};
use thinkstream::{Event, EventStream, EventStreamExt, Json, Message};
use thinkstream::{Protocol, Provider, StopReason, ToolUse};

const MODEL: &str = "claude-opus-4-8";
const TOOL: &str = r#"{"name":"dice","input_schema":{"type":"object"}}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let server = common::serve("dice.jsonl")?;
    let mut params = RequestParams::default();
    params.max_tokens = Some(16_000);
    let thinking = "high".parse::<Thinking>()?.resolve(MODEL, &params)?;
    let target = Target::new(Provider::Anthropic, MODEL).thinking(&thinking);
    let mut history = History::new();
    for question in ["Throw two dice for me.", "Were they lucky?"] {
        println!("\n> {question}");
        history.push_user(question);
        let mut goes_on = true;
        while goes_on {
            let messages = history.render(&target, &Policy::default());
            let reply = ask(&server.address, &thinking, &messages).await?;
            let results = run_tools(&reply);
            // A pause of the provider's own tools is gone on from as it is.
            goes_on = !results.is_empty() || reply.stop_reason == Some(StopReason::PauseTurn);
            history.push_assistant(reply, target.provenance());
            results.into_iter().for_each(|it| history.push_tool_result(it));
        }
    }
    println!("\nWhat would go back now:\n{}", history.preview(&target, &Policy::default()).report);
    Ok(())
}

/// The request. The messages and the thinking go out with the bytes that they have.
#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    max_tokens: u32,
    stream: bool,
    tools: [Json; 1],
    #[serde(flatten)]
    thinking: &'a ThinkingRequest,
    messages: &'a Rendered,
}

/// Sends a request, shows the reply as it comes, and gives it whole.
async fn ask(address: &str, thinking: &ThinkingRequest, messages: &Rendered) -> Result<Message> {
    let (stream, tools) = (true, [Json::parse(TOOL)?]);
    let body = Request { model: MODEL, max_tokens: 16_000, stream, tools, thinking, messages };
    let response = common::post(address, &serde_json::to_string(&body)?).await?;
    let show = |event: &Event| match event {
        Event::Thinking(thinking) => print!("\x1b[2m{}\x1b[0m", thinking.text),
        Event::Token(token) => print!("{}", token.text),
        Event::ToolStart(call) => print!("[{} …]", call.name),
        Event::Block(_) => println!(),
        _ => {}
    };
    let events = EventStream::from_response(response, Protocol::Anthropic);
    Ok(events.inspect_events(show).collect_message().await?)
}

/// Runs the tools of a reply. Every call gets an answer, also one that must not or cannot be run.
fn run_tools(reply: &Message) -> Vec<ToolResult> {
    let safe = reply.tools_safe_to_run();
    let calls = reply.tool_calls().filter(|call| call.kind.is_client());
    let answer = |call: &ToolUse| if safe && call.input.is_ok() { "5 and 6" } else { "not run" };
    calls.map(|call| ToolResult::new(call.id.clone(), answer(call))).collect()
}
