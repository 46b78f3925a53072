//! Conversations of any length, and what is done with them, for a profiler that counts instructions.

use std::hint::black_box;

use thinkstream::history::{History, Policy, Provenance, Target, ToolResult, repair, validate};
use thinkstream::{Complete, Json, Protocol, Provider};

/// What is to be done, by its name, in a conversation of so many calls.
pub(crate) fn job(name: &str, calls: usize) -> Option<Box<dyn Fn()>> {
    let (what, provider) = name.split_once('-')?;
    let target = match provider {
        "anthropic" => Target::new(Provider::Anthropic, "claude-opus-4-5"),
        "chat" => Target::new(Provider::OpenAiChat, "gpt-4.1"),
        "responses" => Target::new(Provider::OpenAiResponses, "gpt-5"),
        _ => return None,
    };
    let history = match what {
        "deep" => Some(one_turn(calls, 1)),
        "wide" => Some(one_turn(1, calls)),
        _ => None,
    };
    if let Some(history) = history {
        return Some(Box::new(move || {
            black_box(history.preview(&target, &Policy::default()));
        }));
    }
    let one = |at| match provider {
        "anthropic" => anthropic(what, at),
        "chat" => chat(what, at),
        _ => responses(what, at),
    };
    let messages: Option<Vec<_>> = (0..calls).map(one).collect();
    let messages: Vec<Json> = messages?.into_iter().flatten().map(json).collect();
    Some(Box::new(move || {
        let repaired = black_box(repair(&messages, &target));
        assert!(validate(&repaired.messages, &target).is_empty(), "{}", target.model);
    }))
}

/// A turn of so many replies, each with its thinking and so many calls.
fn one_turn(replies: usize, calls: usize) -> History {
    let mut history = History::new();
    history.push_user("What is in these files?");
    for reply in 0..replies {
        let ids: Vec<_> = (0..calls).map(|call| format!("toolu_{reply}_{call}")).collect();
        let call = |id| format!(r#"{{"type":"tool_use","id":"{id}","name":"read","input":{{}}}}"#);
        let asked: Vec<_> = ids.iter().map(call).collect();
        let body = format!(
            r#"{{"id":"msg_{reply}","type":"message","role":"assistant","model":"claude-opus-4-5",
            "content":[{{"type":"thinking","thinking":"More.","signature":"{reply:04}"}},{}],
            "stop_reason":"tool_use","usage":{{"output_tokens":9}}}}"#,
            asked.join(",")
        );
        let done = Complete::from_body(Protocol::Anthropic, body.as_bytes()).unwrap();
        history.push_assistant(done.message, Provenance::default());
        for id in ids {
            history.push_tool_result(ToolResult::new(id, "empty"));
        }
    }
    history
}

/// What of a broken conversation belongs to one call.
fn anthropic(what: &str, at: usize) -> Option<Vec<String>> {
    let call = |id: &str| {
        let call = format!(r#"{{"type":"tool_use","id":"{id}","name":"read","input":{{}}}}"#);
        format!(r#"{{"role":"assistant","content":[{call}]}}"#)
    };
    let answer = |id: &str| {
        let answer = format!(r#"{{"type":"tool_result","tool_use_id":"{id}","content":"empty"}}"#);
        format!(r#"{{"role":"user","content":[{answer}]}}"#)
    };
    let marked = |role: &str| {
        let mark = r#""cache_control":{"type":"ephemeral"}"#;
        format!(r#"{{"role":"{role}","content":[{{"type":"text","text":"{at}",{mark}}}]}}"#)
    };
    let ask = r#"{"role":"user","content":"And this?"}"#.to_string();
    let id = format!("toolu_{at}");
    Some(match what {
        "unanswered" => vec![ask, call(&id)],
        "late" => vec![ask.clone(), call(&id), ask, answer(&id)],
        "alike" => vec![call("toolu"), answer("toolu")],
        "marked" => vec![marked("user"), marked("assistant")],
        _ => return None,
    })
}

fn chat(what: &str, at: usize) -> Option<Vec<String>> {
    let call = |id: &str| {
        let function = r#"{"name":"read","arguments":"{}"}"#;
        let call = format!(r#"{{"id":"{id}","type":"function","function":{function}}}"#);
        format!(r#"{{"role":"assistant","tool_calls":[{call}]}}"#)
    };
    let answer = |id: &str| format!(r#"{{"role":"tool","tool_call_id":"{id}","content":"empty"}}"#);
    let ask = r#"{"role":"user","content":"And this?"}"#.to_string();
    let id = format!("call_{at}");
    Some(match what {
        "unanswered" => vec![ask, call(&id)],
        "late" => vec![call(&id), ask, answer(&id)],
        "alike" => vec![call("call"), answer("call")],
        _ => return None,
    })
}

fn responses(what: &str, at: usize) -> Option<Vec<String>> {
    let call = |id: &str| {
        format!(r#"{{"type":"function_call","call_id":"{id}","name":"read","arguments":"{{}}"}}"#)
    };
    let answer = |id: &str| {
        format!(r#"{{"type":"function_call_output","call_id":"{id}","output":"empty"}}"#)
    };
    let id = format!("call_{at}");
    Some(match what {
        "unanswered" => vec![call(&id)],
        "early" => vec![answer(&id), call(&id)],
        "alike" => vec![call("call"), answer("call")],
        _ => return None,
    })
}

fn json(text: String) -> Json {
    Json::parse(text).unwrap()
}
