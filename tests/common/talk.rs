//! Conversations written in a few words, and requests told in as few.
//!
//! A conversation has a line for each entry:
//!
//! - `u text`: the user.
//! - `s text`: a message of the system.
//! - `r id text`: the answer to a call; `x id text`: of a tool that failed.
//! - `a model blocks`: a reply. `K1` thinking signed `sig1`, `E1` the same without text, `k` unsigned
//!   thinking, `R1` redacted thinking, `T…` text (`_` for spaces), `Cid` a call, `Jid` one whose arguments are no JSON, `Sid` a call of the
//!   provider's own tool with its result, `F` a fallback, `P…` a compaction; at the end `!reason` for why it
//!   stopped, `~` if it was cut in the last block or `/` if it was cut behind it. `@n` states the time, `#name` the account, `%name` the
//!   issuer.

use serde_json::Value;
use thinkstream::history::{History, Provenance, Rendered, ToolResult};
use thinkstream::{Event, Json, Message};

use super::{anthropic, decode, delta, end, json, open, quoted, shut, sign, sse, text, think};

/// The conversation.
pub(crate) fn history(lines: &[&str]) -> History {
    let mut history = History::new();
    for line in lines {
        push(&mut history, line);
    }
    history
}

pub(crate) fn push(history: &mut History, line: &str) {
    let (who, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
    match who {
        "u" => history.push_user(rest),
        "s" => {
            let message = format!(r#"{{"role":"system","content":{}}}"#, quoted(rest));
            history.push_user_json(Json::parse(message).unwrap());
        }
        "j" => history.push_user_json(Json::parse(rest.to_owned()).unwrap()),
        "r" => history.push_tool_result(ToolResult::new(first, second)),
        "x" => history.push_tool_result(ToolResult::new(first, second).error()),
        "a" => {
            let mut provenance = Provenance::default();
            for word in second.split(' ') {
                match (word.get(..1), word.get(1..)) {
                    (Some("@"), Some(at)) => provenance.at_ms = Some(at.parse().unwrap()),
                    (Some("#"), Some(name)) => provenance.account = Some(name.into()),
                    (Some("%"), Some(name)) => provenance.issuer = Some(name.into()),
                    _ => {}
                }
            }
            history.push_assistant(reply(first, second), provenance);
        }
        _ => panic!("{line}"),
    }
}

/// A reply of Anthropic's, decoded.
pub(crate) fn reply(model: &str, blocks: &str) -> Message {
    let mut events = vec![format!(
        r#"{{"type":"message_start","message":{{"id":"msg_1","role":"assistant","model":{},"usage":{{"input_tokens":5}}}}}}"#,
        quoted(model)
    )];
    let (mut index, mut reason, mut cut, mut behind) = (0, None, false, false);
    let words: Vec<_> = blocks.split(' ').filter(|word| !word.is_empty()).collect();
    let tool = words.iter().any(|word| word.starts_with(['C', 'J']));
    for word in words {
        let (letter, rest) = word.split_at(1);
        let start = match letter {
            "K" | "E" | "k" => r#"{"type":"thinking","thinking":"","signature":""}"#.to_owned(),
            "R" => format!(r#"{{"type":"redacted_thinking","data":"data{rest}"}}"#),
            "T" => r#"{"type":"text","text":""}"#.to_owned(),
            "C" | "J" => {
                format!(r#"{{"type":"tool_use","id":{},"name":"dice","input":{{}}}}"#, quoted(rest))
            }
            "S" | "s" => format!(
                r#"{{"type":"server_tool_use","id":"{rest}","name":"web_search","input":{{}}}}"#
            ),
            "w" => format!(
                r#"{{"type":"web_search_tool_result","tool_use_id":"{rest}","content":[]}}"#
            ),
            "F" => r#"{"type":"fallback","from":{"model":"claude-fable-5"},"to":{"model":"claude-opus-4-8"}}"#
                .to_owned(),
            "P" => format!(r#"{{"type":"compaction","content":"{rest}"}}"#),
            "!" => {
                reason = Some(rest);
                continue;
            }
            "~" | "/" => {
                (cut, behind) = (true, letter == "/");
                continue;
            }
            "@" | "#" | "%" => continue,
            _ => panic!("{word}"),
        };
        events.push(open(index, &start));
        match letter {
            "K" => {
                events.push(think(index, &format!("thought {rest}")));
                events.push(sign(index, &format!("sig{rest}")));
            }
            "E" => events.push(sign(index, &format!("sig{rest}"))),
            "k" => events.push(think(index, "unsigned")),
            "T" => events.push(text(index, &rest.replace('_', " "))),
            "J" => events.push(json(index, r#"{"n": "#)),
            "C" => events.push(json(index, r#"{"n": 9007199254740993}"#)),
            "S" | "s" => {
                events.push(delta(index, r#"{"type":"input_json_delta","partial_json":"{}"}"#));
            }
            _ => {}
        }
        events.push(shut(index));
        index += 1;
        if letter == "S" {
            events.push(open(
                index,
                &format!(
                    r#"{{"type":"web_search_tool_result","tool_use_id":"{rest}","content":[]}}"#
                ),
            ));
            events.push(shut(index));
            index += 1;
        }
    }
    if cut {
        events.truncate(events.len() - usize::from(!behind));
    } else {
        events.push(end(reason.unwrap_or(if tool { "tool_use" } else { "end_turn" })));
        events.push(r#"{"type":"message_stop"}"#.to_owned());
    }
    let (events, error) = decode(anthropic(), [&sse(events)[..]]);
    match (events.last(), error) {
        (Some(Event::Complete(done)), None) if !cut => done.message.clone(),
        (_, Some(error)) if cut => error.partial().message.clone(),
        other => panic!("{other:?}"),
    }
}

/// What goes out, a word for each message: its role and its blocks, `^` behind what is marked.
pub(crate) fn told(rendered: &Rendered) -> String {
    let messages: Vec<Value> =
        rendered.messages.iter().map(|message| serde_json::from_str(message).unwrap()).collect();
    tell(&messages)
}

pub(crate) fn tell(messages: &[Value]) -> String {
    let told: Vec<_> = messages.iter().map(message).collect();
    told.join(" ")
}

fn message(message: &Value) -> String {
    let role = message["role"].as_str().unwrap();
    let blocks: Vec<_> = match &message["content"] {
        Value::String(text) => vec![format!("'{}'", text.replace(' ', "_"))],
        Value::Array(blocks) => blocks.iter().map(block).collect(),
        other => vec![other.to_string()],
    };
    format!("{}[{}]", &role[..1], blocks.join(" "))
}

fn block(block: &Value) -> String {
    let string = |key: &str| block[key].as_str().unwrap_or("?").to_owned();
    let mut told = match block["type"].as_str().unwrap() {
        "thinking" => {
            let omitted = block["thinking"].as_str().is_some_and(|text| text.trim().is_empty());
            let signed = string("signature").replace("sig", "");
            format!("{}{signed}", if omitted { "E" } else { "K" })
        }
        "redacted_thinking" => string("data").replace("data", "R"),
        "text" => format!("T{}", string("text").replace(' ', "_")),
        "tool_use" if block["input"].get("INVALID_JSON").is_some() => {
            assert_eq!(block["input"], serde_json::json!({"INVALID_JSON": "{\"n\": "}));
            format!("J{}", string("id"))
        }
        "tool_use" => {
            assert_eq!(block["input"].to_string(), r#"{"n":9007199254740993}"#);
            format!("C{}", string("id"))
        }
        "tool_result" if block["is_error"] == true => format!("x{}", string("tool_use_id")),
        "tool_result" => format!("r{}", string("tool_use_id")),
        "server_tool_use" => format!("S{}", string("id")),
        "web_search_tool_result" => "=".to_owned(),
        "compaction" => format!("P{}", string("content")),
        "fallback" => "F".to_owned(),
        other => other.to_owned(),
    };
    match block.get("cache_control").map(|control| control.get("ttl").is_some()) {
        Some(true) => told.push_str("^1h"),
        Some(false) => told.push('^'),
        None => {}
    }
    told
}
