//! A server that speaks the Messages API, as far as the example needs it: it sends bundled streams, and
//! checks of each request what the API checks.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The replies, in order: thinking and a call; thinking with its text withheld, and text; text; text.
const REPLIES: [&[&str]; 4] = [
    &[
        r#"{"type":"thinking","thinking":"Two dice: one call is enough.","signature":"EqQBsigned1"}"#,
        r#"{"type":"text","text":"Here they go."}"#,
        r#"{"type":"tool_use","id":"toolu_1","name":"dice","input":{"count": 2}}"#,
    ],
    &[
        r#"{"type":"thinking","thinking":"","signature":"EqQBsigned2"}"#,
        r#"{"type":"text","text":"A five and a six."}"#,
    ],
    &[
        r#"{"type":"thinking","thinking":"Eleven of twelve.","signature":"EqQBsigned3"}"#,
        r#"{"type":"text","text":"Very: only two sixes are better."}"#,
    ],
    &[r#"{"type":"text","text":"Now they rest."}"#],
];

/// Serves on a port of its own, and says where.
pub(crate) fn start() -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    std::thread::spawn(move || {
        let mut sent = 0;
        for stream in listener.incoming().flatten() {
            if let Err(error) = serve(stream, &mut sent) {
                eprintln!("server: {error}");
            }
        }
    });
    Ok(address)
}

fn serve(mut stream: TcpStream, sent: &mut usize) -> std::io::Result<()> {
    let body = read(&stream)?;
    if let Err(message) = check(&body, *sent) {
        let error = json!({"type": "error", "error": {"type": "invalid_request_error", "message": message}});
        let error = error.to_string();
        return write!(
            stream,
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nrequest-id: req_400\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{error}",
            error.len()
        );
    }
    stream.write_all(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nrequest-id: req_200\r\nconnection: close\r\n\r\n",
    )?;
    let reply = REPLIES.get(*sent).copied().unwrap_or(REPLIES[3]);
    *sent += 1;
    // In pieces that respect nothing.
    for piece in events(reply).as_bytes().chunks(23) {
        stream.write_all(piece)?;
        stream.flush()?;
    }
    Ok(())
}

fn read(stream: &TcpStream) -> std::io::Result<String> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

#[derive(Deserialize)]
struct Request<'a> {
    model: String,
    thinking: Value,
    #[serde(borrow)]
    messages: Vec<Sent<'a>>,
}

#[derive(Deserialize)]
struct Sent<'a> {
    role: String,
    #[serde(borrow)]
    content: &'a RawValue,
}

/// What the API would answer with a 400.
fn check(body: &str, sent: usize) -> Result<(), String> {
    let request: Request<'_> = serde_json::from_str(body).map_err(|error| error.to_string())?;
    if request.model.contains("4-8") && request.thinking["type"] != "adaptive" {
        return Err("\"thinking.type.enabled\" is not supported for this model.".into());
    }
    let replies =
        request.messages.iter().enumerate().filter(|(_, message)| message.role == "assistant");
    let replies: Vec<_> = replies.collect();
    if replies.len() != sent.min(REPLIES.len()) && sent < REPLIES.len() {
        return Err(format!("messages: {} replies, of {sent}", replies.len()));
    }
    for ((at, message), reply) in replies.into_iter().zip(REPLIES) {
        check_reply(at, message, reply)?;
        let calls = reply.iter().filter_map(|block| field(block, "tool_use", "id"));
        for id in calls {
            check_answer(at, request.messages.get(at + 1), &id)?;
        }
    }
    match request.messages.last() {
        Some(last) if last.role == "user" => Ok(()),
        _ => Err("This model does not support assistant message prefill.".into()),
    }
}

/// Every block is back, in its place, with its bytes; only a mark for the cache may have come to it.
fn check_reply(at: usize, message: &Sent<'_>, reply: &[&str]) -> Result<(), String> {
    let blocks: Vec<&RawValue> =
        serde_json::from_str(message.content.get()).map_err(|error| error.to_string())?;
    if blocks.len() != reply.len() {
        return Err(format!(
            "messages.{at}.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant \
             message cannot be modified."
        ));
    }
    for (block, (found, expected)) in blocks.iter().zip(reply).enumerate() {
        let marked = expected.strip_suffix('}').is_some_and(|begin| {
            found
                .get()
                .strip_prefix(begin)
                .is_some_and(|rest| rest.starts_with(r#","cache_control""#))
        });
        if found.get() == *expected || marked && field(expected, "thinking", "type").is_none() {
            continue;
        }
        return Err(format!(
            "messages.{at}.content.{block}: Invalid `signature` in `thinking` block"
        ));
    }
    Ok(())
}

fn check_answer(at: usize, next: Option<&Sent<'_>>, id: &str) -> Result<(), String> {
    let blocks: Option<Vec<Value>> =
        next.and_then(|next| serde_json::from_str(next.content.get()).ok());
    let first = blocks.as_deref().and_then(<[Value]>::first);
    if first.is_some_and(|first| first["tool_use_id"] == id) {
        return Ok(());
    }
    Err(format!(
        "messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: {id}."
    ))
}

/// A field of a block, if the block is of a type.
fn field(block: &str, kind: &str, name: &str) -> Option<String> {
    let block: Value = serde_json::from_str(block).ok()?;
    (block["type"] == kind).then(|| block[name].as_str().unwrap_or_default().to_owned())
}

/// A reply as the API streams it.
fn events(reply: &[&str]) -> String {
    let mut events = vec![json!({"type": "message_start", "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-4-8", "content": [],
        "usage": {"input_tokens": 40, "output_tokens": 1}}})];
    for (index, block) in reply.iter().enumerate() {
        let delta =
            |delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
        let whole: Value = serde_json::from_str(block).unwrap_or_default();
        let mut start = whole.clone();
        let deltas = match whole["type"].as_str() {
            Some("thinking") => {
                start["thinking"] = "".into();
                start["signature"] = "".into();
                vec![
                    delta(json!({"type": "thinking_delta", "thinking": whole["thinking"]})),
                    delta(json!({"type": "signature_delta", "signature": whole["signature"]})),
                ]
            }
            Some("text") => {
                start["text"] = "".into();
                vec![delta(json!({"type": "text_delta", "text": whole["text"]}))]
            }
            _ => {
                start["input"] = json!({});
                let input = block.split_once(r#""input":"#).map_or("{}", |(_, input)| input);
                let input = input.strip_suffix('}').unwrap_or(input);
                vec![delta(json!({"type": "input_json_delta", "partial_json": input}))]
            }
        };
        events.push(json!({"type": "content_block_start", "index": index, "content_block": start}));
        events.extend(deltas);
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    let calls = reply.iter().any(|block| field(block, "tool_use", "id").is_some());
    let reason = if calls { "tool_use" } else { "end_turn" };
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 20}}));
    events.push(json!({"type": "message_stop"}));
    let frame = |event: &Value| {
        let name = event["type"].as_str().unwrap_or_default();
        format!("event: {name}\ndata: {event}\n\n")
    };
    events.iter().map(frame).collect()
}
