//! Whatever an array of messages is: what is mended is clean and is not mended again, a record renders the
//! same again and survives being stored, and nothing panics.

use thinkstream::history::{
    CacheMarks, CacheStrategy, History, Keep, Mode, Policy, Rejection, Switch, Target, ToolResult,
    diff, repair, validate,
};
use thinkstream::{Json, Provider};

const TARGETS: [(Provider, &str, Mode); 6] = [
    (Provider::Anthropic, "claude-sonnet-4-5", Mode::Enabled),
    (Provider::Anthropic, "claude-opus-5-5", Mode::Adaptive),
    (Provider::Anthropic, "kimi-k2", Mode::Unknown),
    (Provider::Anthropic, "claude-opus-4-8", Mode::Off),
    (Provider::OpenAiResponses, "gpt-5", Mode::Unknown),
    (Provider::OpenAiChat, "deepseek-v4", Mode::Unknown),
];

pub(crate) fn check(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let (provider, model, mode) = TARGETS[usize::from(*first >> 1) % TARGETS.len()];
    let target = Target::new(provider, model).mode(mode).store(first & 0x40 == 0);
    // Either the text of messages, or a few bytes that say which.
    let messages = if first & 1 == 0 { written(rest) } else { told(rest, provider) };
    arrays(&messages, &target);
    record(&messages, &target, *first);
}

/// Values of JSON, each behind a zero byte.
fn written(data: &[u8]) -> Vec<Json> {
    let texts =
        data.split(|byte| *byte == 0).filter_map(|text| String::from_utf8(text.to_vec()).ok());
    texts.filter_map(|text| Json::parse(text).ok()).collect()
}

/// A message for each byte below 8, a block of it for each other.
fn told(data: &[u8], provider: Provider) -> Vec<Json> {
    let mut messages = Vec::new();
    let mut blocks: Vec<String> = Vec::new();
    for byte in data.iter().chain(&[0]) {
        let id = ["t1", "t2", "a.b", ""][usize::from(byte >> 6)];
        if *byte < 8 || provider != Provider::Anthropic {
            messages.push(match provider {
                Provider::Anthropic => {
                    let role = ["user", "assistant", "system", "x"][usize::from(byte & 3)];
                    let content = std::mem::take(&mut blocks).join(",");
                    format!(r#"{{"role":"{role}","content":[{content}]}}"#)
                }
                Provider::OpenAiResponses => item(*byte, id),
                _ => chat(*byte, id),
            });
            continue;
        }
        let mark = match byte & 3 {
            1 => r#","cache_control":{"type":"ephemeral"}"#,
            2 => r#","cache_control":{"type":"ephemeral","ttl":"1h"}"#,
            3 => r#","cache_control":null"#,
            _ => "",
        };
        blocks.push(match byte >> 2 & 7 {
            0 => format!(r#"{{"type":"text","text":""{mark}}}"#),
            1 => format!(r#"{{"type":"text","text":"x"{mark}}}"#),
            2 => format!(r#"{{"type":"thinking","thinking":"x","signature":"s"{mark}}}"#),
            3 => format!(r#"{{"type":"thinking","signature":"s"{mark}}}"#),
            4 => format!(r#"{{"type":"redacted_thinking","data":"{id}"{mark}}}"#),
            5 => format!(r#"{{"type":"tool_use","id":"{id}","name":"n","input":{{}}{mark}}}"#),
            6 => format!(r#"{{"type":"tool_result","tool_use_id":"{id}","content":"x"{mark}}}"#),
            _ => format!(r#"{{"type":"thinking","thinking":"x"{mark}}}"#),
        });
    }
    messages.into_iter().map(|message| Json::parse(message).unwrap()).collect()
}

fn item(byte: u8, id: &str) -> String {
    match byte & 7 {
        0 | 1 => r#"{"role":"user","content":"x"}"#.into(),
        2 => r#"{"type":"message","role":"assistant","content":[]}"#.into(),
        3 => r#"{"type":"reasoning","summary":[],"encrypted_content":"x"}"#.into(),
        4 => r#"{"type":"reasoning","summary":[]}"#.into(),
        5 => format!(r#"{{"type":"custom_tool_call","call_id":"{id}","name":"n","input":""}}"#),
        6 => format!(r#"{{"type":"function_call","call_id":"{id}","name":"n","arguments":""}}"#),
        _ => format!(r#"{{"type":"function_call_output","call_id":"{id}","output":"x"}}"#),
    }
}

fn chat(byte: u8, id: &str) -> String {
    let call = format!(r#"{{"id":"{id}","type":"function","function":{{"name":"n"}}}}"#);
    match byte & 7 {
        0 | 1 => r#"{"role":"user","content":"x"}"#.into(),
        2 => r#"{"role":"assistant","content":null}"#.into(),
        3 => r#"{"role":"assistant","content":"x"}"#.into(),
        4 => r#"{"role":"x"}"#.into(),
        5 => format!(r#"{{"role":"assistant","tool_calls":[{call}]}}"#),
        6 => format!(r#"{{"role":"assistant","tool_calls":[{call},{call},{{"id":"t2"}}]}}"#),
        _ => format!(r#"{{"role":"tool","tool_call_id":"{id}","content":"x"}}"#),
    }
}

fn arrays(messages: &[Json], target: &Target) {
    let found = validate(messages, target);
    let repaired = repair(messages, target);
    assert_eq!(found.is_empty(), repaired.changes.is_empty());
    let left = validate(&repaired.messages, &repaired.target);
    assert!(left.is_empty(), "{left:?} in {:?}", repaired.messages);
    let again = repair(&repaired.messages, &repaired.target);
    assert_eq!(again.messages, repaired.messages);

    let request = |messages: &[Json]| {
        let messages: Vec<&str> = messages.iter().map(Json::as_str).collect();
        format!(r#"{{"model":"claude-opus-5-5","messages":[{}]}}"#, messages.join(","))
    };
    let (one, other) = (request(messages), request(&repaired.messages));
    assert_eq!(diff(&one, &one).unwrap(), None);
    for (previous, next) in [(&one, &other), (&other, &one)] {
        if let Some(difference) = diff(previous, next).unwrap() {
            assert!(
                difference.previous_byte <= previous.len() && difference.next_byte <= next.len()
            );
            assert!(!difference.to_string().contains('\n'));
        }
    }
}

fn record(messages: &[Json], target: &Target, choice: u8) {
    let mut history = History::new();
    for message in messages {
        history.push_user_json(message.clone());
        history.push_tool_result(ToolResult::json("t1", message.clone()));
        let _ = Rejection::classify(400, message);
    }
    let mut policy = Policy::default();
    policy.keep = [Keep::All, Keep::LastTurns(1), Keep::Nothing][usize::from(choice) % 3];
    policy.switch = [Switch::ByModel, Switch::Drop, Switch::Keep][usize::from(choice >> 3) % 3];
    policy.cache = CacheMarks::new(CacheStrategy::AppendOnlyTail);
    let rendered = history.render(target, &policy);
    assert_eq!(history.render(target, &policy), rendered);
    let _ = rendered.report.to_string();
    for message in &rendered.messages {
        Json::parse(message.as_str().to_owned()).unwrap();
    }
    let stored = serde_json::to_string(&history).unwrap();
    assert_eq!(serde_json::from_str::<History>(&stored).unwrap(), history);
}
