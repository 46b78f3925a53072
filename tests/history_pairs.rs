//! Which answers are to which calls, where ids come again: servers are known to count them anew in each reply, and to
//! give several calls of one reply the same.

mod common;

use std::collections::BTreeMap;

use common::*;
use serde_json::{Value, json};
use thinkstream::history::{
    Action, FindingKind, History, Policy, Provenance, Reason, Target, ToolResult, repair, validate,
};
use thinkstream::{Complete, Event, Json, Message, Protocol, Provider};

const TARGETS: [(Provider, &str); 5] = [
    (Provider::Anthropic, "claude-sonnet-4-5"),
    (Provider::Anthropic, "kimi-k2.5"),
    (Provider::OpenAiResponses, "gpt-4.1"),
    (Provider::OpenAiChat, "gpt-4.1"),
    (Provider::OpenAiChat, "mistral-large-latest"),
];

/// A conversation in words: `user`, `call id name` (several are of one reply), and `answer id text`.
fn messages(provider: Provider, script: &[&str]) -> Vec<Json> {
    let mut messages: Vec<Value> = Vec::new();
    let mut before = "";
    for line in script {
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        let again = before == words[0];
        before = words[0];
        let (single, block) = match (provider, &*words) {
            (_, ["user"]) => (json!({"role": "user", "content": "go on"}), None),
            (Provider::OpenAiResponses, ["call", id, name]) => (
                json!({"type": "function_call", "call_id": id, "name": name, "arguments": "{}"}),
                None,
            ),
            (Provider::OpenAiResponses, ["answer", id, text]) => {
                (json!({"type": "function_call_output", "call_id": id, "output": text}), None)
            }
            (Provider::OpenAiChat, ["call", id, name]) => {
                let call = json!({"id": id, "type": "function", "function": {"name": name, "arguments": "{}"}});
                (
                    json!({"role": "assistant", "content": null, "tool_calls": [call]}),
                    Some(("tool_calls", call)),
                )
            }
            (Provider::OpenAiChat, ["answer", id, text]) => {
                (json!({"role": "tool", "tool_call_id": id, "content": text}), None)
            }
            (Provider::Anthropic, ["call", id, name]) => {
                let call = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
                (json!({"role": "assistant", "content": [call]}), Some(("content", call)))
            }
            (Provider::Anthropic, ["answer", id, text]) => {
                let answer = json!({"type": "tool_result", "tool_use_id": id, "content": text});
                (json!({"role": "user", "content": [answer]}), Some(("content", answer)))
            }
            _ => panic!("{line}"),
        };
        match (again, block, messages.last_mut()) {
            (true, Some((key, block)), Some(last)) => last[key].as_array_mut().unwrap().push(block),
            _ => messages.push(single),
        }
    }
    messages.into_iter().map(Json::from).collect()
}

/// The names of the calls, each with what answers it.
fn pairs(messages: &[Json]) -> Vec<String> {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut pairs = Vec::new();
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let mut answers = Vec::new();
    for message in messages {
        let mut call = |id: &Value, name: &Value| names.insert(text(id), text(name));
        let message: Value = serde_json::from_str(message).unwrap();
        for own in message["tool_calls"].as_array().into_iter().flatten() {
            call(&own["id"], &own["function"]["name"]);
        }
        for block in message["content"].as_array().into_iter().flatten() {
            if block["type"] == "tool_use" {
                call(&block["id"], &block["name"]);
            } else if block["type"] == "tool_result" {
                answers.push((text(&block["tool_use_id"]), text(&block["content"])));
            }
        }
        match message["type"].as_str() {
            Some("function_call") => drop(call(&message["call_id"], &message["name"])),
            Some("function_call_output") => {
                answers.push((text(&message["call_id"]), text(&message["output"])));
            }
            _ if message["role"] == "tool" => {
                answers.push((text(&message["tool_call_id"]), text(&message["content"])));
            }
            _ => {}
        }
        // In a chat an id may come again in the next reply.
        for (id, said) in answers.drain(..) {
            pairs.push(format!("{}: {said}", names.get(&id).map_or("nothing", String::as_str)));
        }
    }
    pairs
}

#[test]
fn what_is_mended_keeps_its_answers() {
    const NOT_RUN: &str = "The tool was not run.";
    let not_run = |name: &str| format!("{name}: {NOT_RUN}");
    for (script, expected) in [
        (
            &["user", "call a f", "user", "answer a F", "call a g", "user", "answer a G", "user"][..],
            vec!["f: F".into(), "g: G".into()],
        ),
        (
            &["user", "call a delete", "user", "call a read", "answer a R", "user"],
            vec![not_run("delete"), "read: R".into()],
        ),
        (
            &[
                "user",
                "call a f",
                "answer a F",
                "user",
                "answer a AGAIN",
                "call a g",
                "answer a G",
                "user",
            ],
            vec!["f: F".into(), "g: G".into()],
        ),
        (
            &["user", "call a f", "call b g", "user", "answer b G", "answer a F", "user"],
            vec!["g: G".into(), "f: F".into()],
        ),
    ] {
        for (provider, model) in TARGETS {
            let target = Target::new(provider, model);
            let repaired = repair(&messages(provider, script), &target);
            let found = validate(&repaired.messages, &repaired.target);
            assert!(found.is_empty(), "{model}: {found:?}");
            let mut pairs = pairs(&repaired.messages);
            let mut expected = expected.clone();
            // Those of one reply may stand in any order.
            pairs.sort_unstable();
            expected.sort_unstable();
            assert_eq!(pairs, expected, "{model} {script:?}: {:?}", repaired.messages);
            let again = repair(&repaired.messages, &repaired.target);
            assert!(again.changes.is_empty(), "{model} {script:?}: {:?}", again.changes);
        }
    }
}

/// An answer of long ago is none to what is called now; in a response it may have come before its call.
#[test]
fn an_answer_before_its_call() {
    let script = ["user", "answer a OLD", "user", "call a f", "user"];
    for (provider, model) in TARGETS {
        let repaired = repair(&messages(provider, &script), &Target::new(provider, model));
        let expected = match provider {
            Provider::OpenAiResponses => "f: OLD",
            _ => "f: The tool was not run.",
        };
        assert_eq!(pairs(&repaired.messages), [expected], "{model}");
    }
    // Right before it, it can be to no other.
    for script in [
        &["user", "answer a 42", "call a f", "user"][..],
        &["user", "answer b 43", "answer a 42", "call a f", "call b g", "user"],
        &["user", "call a e", "answer a 41", "user", "answer b 42", "call b f"],
    ] {
        for (provider, model) in TARGETS {
            let repaired = repair(&messages(provider, script), &Target::new(provider, model));
            let found = pairs(&repaired.messages);
            assert!(found.contains(&"f: 42".to_owned()), "{model} {found:?}");
            assert!(!found.iter().any(|pair| pair.contains("not run")), "{model} {found:?}");
        }
    }
    // In the message of the call itself.
    let call = json!({"type": "tool_use", "id": "toolu_1", "name": "pay", "input": {}});
    let answer = json!({"type": "tool_result", "tool_use_id": "toolu_1", "content": "42"});
    let inside = [
        json!({"role": "user", "content": "hi"}),
        json!({"role": "assistant", "content": [call, answer]}),
        json!({"role": "user", "content": "and?"}),
    ];
    let target = Target::new(Provider::Anthropic, "claude-opus-4-8");
    let repaired = repair(&inside.map(Json::from), &target);
    assert_eq!(pairs(&repaired.messages), ["pay: 42"]);
}

/// A server that counts its items anew in each reply: the second of an id is another.
#[test]
fn items_counted_anew() {
    let target = Target::new(Provider::OpenAiResponses, "gpt-5");
    let mut history = History::new();
    for (name, output) in [("f", "42"), ("g", "43")] {
        history.push_user("go");
        let call = json!({"type": "function_call", "id": "fc_0", "call_id": "call_0", "name": name, "arguments": "{}"});
        let said = json!({"type": "message", "id": "msg_0", "role": "assistant", "content": [{"type": "output_text", "text": name}]});
        let body = json!({"id": "r", "status": "completed", "output": [said, call]}).to_string();
        let done = Complete::from_body(Protocol::OpenAiResponses, body.as_bytes()).unwrap();
        history.push_assistant(done.message, Provenance::default());
        history.push_tool_result(ToolResult::new("call_0", output));
    }
    let rendered = history.preview(&target, &Policy::default());
    assert_eq!(validate(&rendered.messages, &target), []);
    assert_eq!(pairs(&rendered.messages), ["f: 42", "g: 43"]);
    let ids = |messages: &[Json]| -> usize {
        messages.iter().filter(|it| it.contains("\"fc_0\"") || it.contains("\"msg_0\"")).count()
    };
    assert_eq!(ids(&rendered.messages), 2);
    // The same in an array of one's own.
    let item = |name: &str| json!({"type": "function_call", "id": "fc_0", "call_id": name, "name": name, "arguments": "{}"});
    let answer =
        |name: &str| json!({"type": "function_call_output", "call_id": name, "output": name});
    let user = json!({"role": "user", "content": "go"});
    let items =
        [user.clone(), item("f"), answer("f"), item("g"), answer("g"), item("g")].map(Json::from);
    let found: Vec<_> = validate(&items, &target).iter().map(|it| (it.kind, it.message)).collect();
    assert_eq!(
        found,
        [
            (FindingKind::InvalidItemId, 3),
            (FindingKind::InvalidItemId, 5),
            (FindingKind::DuplicateToolId, 5),
            (FindingKind::OrphanToolUse, 5)
        ]
    );
    let repaired = repair(&items[..5], &target);
    assert_eq!(
        (pairs(&repaired.messages), ids(&repaired.messages)),
        (vec!["f: f".into(), "g: g".into()], 1)
    );
}

/// Servers that read the arguments of old calls as JSON refuse all that follows a call whose arguments are none.
#[test]
fn arguments_that_are_no_json() {
    let wrapped = |raw: &str| json!({ "INVALID_JSON": raw }).to_string();
    for (provider, model, reads) in [
        (Provider::OpenAiChat, "MiniMax-M2.7", true),
        (Provider::OpenAiChat, "qwen3-max", true),
        (Provider::OpenAiResponses, "openai/gpt-oss-120b", true),
        (Provider::OpenAiChat, "gpt-4.1", false),
        (Provider::OpenAiResponses, "gpt-5", false),
        (Provider::OpenAiResponses, "a-deployment", false),
    ] {
        let target = Target::new(provider, model);
        for raw in [r#"{"cmd": ls}"#, "[1]", r#"{"a": "#] {
            let expected = if reads { wrapped(raw) } else { raw.to_owned() };
            let function = json!({"name": "f", "arguments": raw});
            let (protocol, body) = match provider {
                Provider::OpenAiChat => {
                    let call = json!({"id": "call_1", "type": "function", "function": function});
                    let message = json!({"role": "assistant", "tool_calls": [call]});
                    let choice =
                        json!({"index": 0, "message": message, "finish_reason": "tool_calls"});
                    (Protocol::OpenAiChat, json!({"id": "c", "model": model, "choices": [choice]}))
                }
                _ => {
                    let call = json!({"type": "function_call", "call_id": "call_1", "name": "f", "arguments": raw});
                    let output =
                        json!({"id": "r", "model": model, "status": "completed", "output": [call]});
                    (Protocol::OpenAiResponses, output)
                }
            };
            let done = Complete::from_body(protocol, body.to_string().as_bytes()).unwrap();
            // What ends inside a value was cut, whatever was said of it.
            assert_eq!(done.tools_safe_to_run(), raw != r#"{"a": "#, "{model} {raw}");
            let mut history = History::new();
            history.push_user("go");
            history.push_assistant(done.message, Provenance::default());
            history.push_tool_result(ToolResult::new("call_1", "no JSON").error());
            let rendered = history.preview(&target, &Policy::default());
            let call: Value = serde_json::from_str(&rendered.messages[1]).unwrap();
            let chat = &call["tool_calls"][0]["function"]["arguments"];
            let found = chat.as_str().or(call["arguments"].as_str()).unwrap();
            assert_eq!(found, expected, "{model}");
            assert_eq!(validate(&rendered.messages, &target), []);
            // The same in an array of one's own.
            let own = match provider {
                Provider::OpenAiChat => {
                    json!({"role": "assistant", "content": "", "reasoning_content": " ", "tool_calls":
                    [{"id": "call_1", "type": "function", "function": function}]})
                }
                _ => {
                    json!({"type": "function_call", "call_id": "call_1", "name": "f", "arguments": raw})
                }
            };
            let mut own_array = rendered.messages.clone();
            own_array[1] = Json::from(own);
            let kinds: Vec<_> = validate(&own_array, &target).iter().map(|it| it.kind).collect();
            let expected_kinds = if reads { &[FindingKind::InvalidToolInput][..] } else { &[] };
            assert_eq!(kinds, expected_kinds, "{model} {raw}");
            let repaired = repair(&own_array, &target);
            assert!(repaired.messages[1].contains("INVALID_JSON") == reads, "{model}");
            assert_eq!(validate(&repaired.messages, &target), []);
        }
    }
}

/// What items and messages must have.
#[test]
fn what_is_lacking() {
    let items = Target::new(Provider::OpenAiResponses, "gpt-5");
    let chat = Target::new(Provider::OpenAiChat, "gpt-4.1");
    for (target, message, kind) in [
        (
            &items,
            json!({"role": "tool", "tool_call_id": "c", "content": "x"}),
            FindingKind::InvalidRole,
        ),
        (&items, json!({"role": "nobody", "content": "x"}), FindingKind::InvalidRole),
        (&items, json!({"role": "assistant", "content": null}), FindingKind::EmptyMessage),
        (&items, json!({"type": "message", "role": "user"}), FindingKind::EmptyMessage),
        (
            &items,
            json!({"type": "function_call", "name": "f", "arguments": "{}"}),
            FindingKind::InvalidBlock,
        ),
        (&items, json!({"type": "function_call_output", "output": "x"}), FindingKind::InvalidBlock),
        (
            &items,
            json!({"type": "function_call_output", "call_id": "c"}),
            FindingKind::InvalidBlock,
        ),
        (&chat, json!({"role": "user", "content": null}), FindingKind::EmptyMessage),
        (&chat, json!({"role": "developer"}), FindingKind::EmptyMessage),
    ] {
        let user = json!({"role": "user", "content": "hi"});
        let messages = [user.clone(), message, user].map(Json::from);
        let found: Vec<_> =
            validate(&messages, target).iter().map(|it| (it.kind, it.message)).collect();
        assert_eq!(found, [(kind, 1)]);
        assert_eq!(repair(&messages, target).messages.len(), 2);
    }
    let call = json!({"type": "function_call", "call_id": "c", "name": "pay", "arguments": "{}"});
    let answer = json!({"role": "tool", "tool_call_id": "c", "content": "42"});
    let user = json!({"role": "user", "content": "hi"});
    let repaired = repair(&[user, call, answer].map(Json::from), &items);
    assert_eq!(pairs(&repaired.messages), ["pay: 42"]);
}

/// What was said in the words of another API is not lost.
#[test]
fn messages_of_another_api() {
    let call = json!({"type": "tool_use", "id": "toolu_1", "name": "pay", "input": {}});
    let messages = [
        json!({"role": "developer", "content": "Never pay twice."}),
        json!({"role": "user", "content": "hi"}),
        json!({"role": "assistant", "content": [call]}),
        json!({"role": "tool", "tool_call_id": "toolu_1", "content": "42"}),
        json!({"role": "nobody", "content": "x"}),
        json!({"role": "user", "content": "and?"}),
    ]
    .map(Json::from);
    let target = Target::new(Provider::Anthropic, "claude-opus-4-8");
    let repaired = repair(&messages, &target);
    assert_eq!(pairs(&repaired.messages), ["pay: 42"]);
    assert_eq!(validate(&repaired.messages, &target), []);
    let system: Value = serde_json::from_str(&repaired.messages[0]).unwrap();
    assert_eq!(
        (&system["role"], &system["content"][0]["text"]),
        (&json!("system"), &json!("Never pay twice."))
    );
    assert_eq!(repaired.messages.len(), 4);
}

/// Dumps of typed messages have every field.
#[test]
fn an_answer_with_null_for_calls() {
    let call =
        json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let chat = [
        json!({"role": "user", "content": "hi", "tool_calls": null, "tool_call_id": null}),
        json!({"role": "assistant", "content": null, "tool_calls": [call], "tool_call_id": null}),
        json!({"role": "tool", "tool_call_id": "c1", "content": "42", "tool_calls": null}),
        json!({"role": "user", "content": "and?", "tool_calls": null, "tool_call_id": null}),
    ]
    .map(Json::from);
    assert_eq!(validate(&chat, &Target::new(Provider::OpenAiChat, "gpt-4.1")), []);
}

/// Two calls of one id in a reply, whose second answer came late.
#[test]
fn a_late_answer_to_the_second_of_two() {
    let script = ["user", "call a f", "call a g", "answer a F", "user", "answer a G", "user"];
    let target = Target::new(Provider::OpenAiChat, "gpt-4.1");
    let repaired = repair(&messages(target.provider, &script), &target);
    assert_eq!(pairs(&repaired.messages), ["f: F", "g: G"], "{:?}", repaired.messages);
}

/// An item that is named before it stands there is not there twice.
#[test]
fn a_reference_is_no_second_item() {
    let call = json!({"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}"});
    let items = [
        json!({"role": "user", "content": "hi"}),
        json!({"type": "item_reference", "id": "fc_1"}),
        call,
        json!({"type": "function_call_output", "call_id": "c1", "output": "x"}),
    ]
    .map(Json::from);
    let target = Target::new(Provider::OpenAiResponses, "gpt-4.1");
    assert_eq!(validate(&items, &target), []);
}

#[test]
fn an_approval_of_what_nobody_asked_for() {
    let target = Target::new(Provider::OpenAiResponses, "gpt-5");
    let answer =
        json!({"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": true});
    let asked = json!({"type": "mcp_approval_request", "id": "mcpr_1", "server_label": "s", "name": "n", "arguments": "{}"});
    let items = |items: &[&Value]| -> Vec<Json> {
        let user = json!({"role": "user", "content": "hi"});
        [&user].into_iter().chain(items.iter().copied()).cloned().map(Json::from).collect()
    };
    assert!(validate(&items(&[&asked, &answer]), &target).is_empty());
    for (messages, kind) in [
        (items(&[&answer]), FindingKind::OrphanToolResult),
        (items(&[&asked, &answer, &answer]), FindingKind::DuplicateToolResult),
    ] {
        let found = validate(&messages, &target);
        assert_eq!(found.iter().map(|it| it.kind).collect::<Vec<_>>(), [kind]);
        assert!(repair(&messages, &target).messages.len() < messages.len());
    }
}

/// A reply with these calls, by id and name; the last one is cut where the reply is.
fn reply(model: &str, calls: &[(&str, &str)], reason: &str) -> Message {
    let mut events = vec![START.replace("claude-test", model)];
    for (at, (id, name)) in (0..).zip(calls) {
        let call = format!(r#"{{"type":"tool_use","id":"{id}","name":"{name}","input":{{}}}}"#);
        events.push(open(at, &call));
        let cut = reason == "max_tokens" && name.ends_with("cut");
        events.push(json(at, if cut { r#"{"x":"# } else { "{}" }));
        if !cut {
            events.push(shut(at));
        }
    }
    events.extend([end(reason), STOP.to_owned()]);
    let (events, error) = decode(anthropic(), [&sse(events)[..]]);
    match events.last() {
        Some(Event::Complete(done)) => done.message.clone(),
        other => panic!("{other:?} {error:?}"),
    }
}

/// The answers go to the calls in their order, and those of calls that do not go out do not go out either.
#[test]
fn what_is_rendered_keeps_its_answers() {
    for (provider, model) in TARGETS {
        let target = Target::new(provider, model);
        let rendered = |calls: &[(&str, &str)], reason: &str, answers: &[&str]| {
            let mut history = History::new();
            history.push_user("one");
            history.push_assistant(reply("kimi-k2.5", calls, reason), Provenance::default());
            for (said, answer) in answers.iter().enumerate() {
                match said % 2 {
                    0 => history.push_tool_result(ToolResult::new("bash", answer)),
                    _ => history.push_user_json(
                        json!([{"type": "tool_result", "tool_use_id": "bash", "content": answer}]),
                    ),
                }
            }
            history.push_user("two");
            let rendered = history.render(&target, &Policy::default());
            let found = validate(&rendered.messages, &target);
            assert!(found.is_empty(), "{model}: {found:?} {:?}", rendered.messages);
            rendered
        };
        let two = [("bash", "f"), ("bash", "g")];
        let found = rendered(&two, "tool_use", &["F", "G"]);
        assert_eq!(pairs(&found.messages), ["f: F", "g: G"], "{model}");
        // A cut reply goes back as far as it was answered.
        let found = rendered(&two, "max_tokens", &["F"]);
        assert_eq!(pairs(&found.messages), ["f: F"], "{model}");
        let found = rendered(&[("bash", "f"), ("bash", "g_cut")], "max_tokens", &["F", "G"]);
        assert_eq!(pairs(&found.messages), ["f: F"], "{model}");
        let unasked = Action::Dropped(Reason::Unasked);
        let dropped = found.report.lines.iter().filter(|line| line.action == unasked);
        assert_eq!(dropped.count(), 1, "{model}");
    }
}

/// What a server of another API asked goes nowhere else, and so do the answers.
#[test]
fn an_approval_stays_with_who_asked() {
    let item = json!({"type": "mcp_approval_request", "id": "mcpr_1", "server_label": "s", "name": "n", "arguments": "{}"});
    let body = json!({"id": "resp_1", "model": "gpt-5", "status": "completed", "output": [item]});
    let done = thinkstream::Complete::from_body(
        thinkstream::Protocol::OpenAiResponses,
        body.to_string().as_bytes(),
    );
    for early in [false, true] {
        let mut history = History::new();
        history.push_user("one");
        let message = done.clone().unwrap().message;
        let answer = ToolResult::new("mcpr_1", "true");
        if early {
            history.push_tool_result(answer.clone());
        }
        history.push_assistant(message, Provenance::default());
        if !early {
            history.push_tool_result(answer);
        }
        history.push_user("two");
        for (provider, model) in TARGETS {
            let target = Target::new(provider, model);
            let rendered = history.preview(&target, &Policy::default());
            let found = validate(&rendered.messages, &target);
            assert!(found.is_empty(), "{model}: {found:?}");
            let sent = rendered.to_json().contains("mcp_approval_response");
            assert_eq!(sent, provider == Provider::OpenAiResponses, "{}", rendered.to_json());
            assert!(
                !rendered
                    .to_json()
                    .replace("mcp_approval", "")
                    .contains(r#""tool_call_id":"mcpr_1""#)
            );
        }
    }
}

/// No API takes half of a surrogate pair, wherever it stands; what is cut in an emoji has one.
#[test]
fn no_half_of_a_pair_goes_out() {
    const HALF: &str = r"\ud83d";
    let found = r#"{"type":"web_search_tool_result","tool_use_id":"s1","content":[{"type":"web_search_result","title":"a\ud83d","url":"https://x","encrypted_content":"E"}]}"#;
    let searched =
        r#"{"type":"server_tool_use","id":"s1","name":"web_search","input":{"query":"\ud83d"}}"#;
    let stream = sse([
        START.to_owned(),
        open(0, searched),
        shut(0),
        open(1, found),
        shut(1),
        open(2, TEXT),
        text(2, "b"),
        shut(2),
        end("end_turn"),
        STOP.to_owned(),
    ]);
    let (events, _) = decode(anthropic(), [&stream[..]]);
    let Some(Event::Complete(done)) = events.last() else { panic!("{events:?}") };
    let output = r#"[{"id":"m1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"a\ud83d"}]}]"#;
    let body = format!(r#"{{"id":"r","model":"gpt-5","status":"completed","output":{output}}}"#);
    let responses =
        thinkstream::Complete::from_body(thinkstream::Protocol::OpenAiResponses, body.as_bytes());
    for (message, (provider, model)) in
        [(done.message.clone(), TARGETS[0]), (responses.unwrap().message, TARGETS[2])]
    {
        assert!(!message.to_param().contains(HALF), "{}", message.to_param());
        let mut history = History::new();
        history.push_user_json(
            Json::parse(r#"[{"type":"text","text":"\ud83d\ude80 \ud83d"}]"#).unwrap(),
        );
        history.push_assistant(message, Provenance::default());
        history.push_user("go on");
        let sent = history.render(&Target::new(provider, model), &Policy::default()).to_json();
        assert!(sent.contains(r"\ud83d\ude80 \ufffd") && sent.contains(r"a\ufffd"), "{sent}");
        assert!(!sent.replace(r"\ud83d\ude80", "").contains(HALF), "{sent}");
        serde_json::from_str::<Value>(&sent).unwrap();
    }
}
