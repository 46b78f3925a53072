//! `OpenAI`'s twin of signed thinking: encrypted reasoning and the reasoning of chats, and who gets it back.

mod common;

use common::talk::push as say;
use common::{chat, decode, responses, sse};
use serde_json::{Value, json};
use thinkstream::history::{
    Action, CacheMarks, CacheStrategy, Compaction, FindingKind, History, Keep, Note, Policy,
    Provenance, Rejection, Switch, Target, ToolResult, repair, validate,
};
use thinkstream::models::Replay;
use thinkstream::{Decoder, Event, Message, Provider};

fn complete(decoder: Decoder, events: &[Value]) -> Message {
    let events: Vec<String> = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let (events, error) = decode(decoder, [&sse(events)[..]]);
    match events.last() {
        Some(Event::Complete(done)) => done.message.clone(),
        other => panic!("{other:?} {error:?}"),
    }
}

/// A response with these items.
fn response(items: &[Value]) -> Message {
    let mut events =
        vec![json!({"type": "response.created", "response": {"id": "resp_1", "model": "gpt-5"}})];
    for (at, item) in items.iter().enumerate() {
        let mut added = item.clone();
        added["status"] = "in_progress".into();
        events
            .push(json!({"type": "response.output_item.added", "output_index": at, "item": added}));
        events.push(json!({"type": "response.output_item.done", "output_index": at, "item": item}));
    }
    events.push(json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": items}}));
    complete(responses(), &events)
}

/// A chat with these deltas.
fn chatted(model: &str, deltas: &[Value]) -> Message {
    let chunk = |delta: &Value, reason: Value| json!({"id": "c1", "model": model, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]});
    let mut events: Vec<_> = deltas.iter().map(|delta| chunk(delta, Value::Null)).collect();
    let calls = deltas.iter().any(|delta| delta.get("tool_calls").is_some());
    events.push(chunk(&json!({}), if calls { "tool_calls".into() } else { "stop".into() }));
    complete(chat(), &events)
}

fn reasoning(id: &str) -> Value {
    json!({"type": "reasoning", "id": format!("rs_{id}"), "summary": [], "encrypted_content": format!("gAAA{id}")})
}

fn call(id: &str) -> Value {
    json!({"type": "function_call", "id": format!("fc_{id}"), "call_id": id, "name": "dice", "arguments": "{}", "status": "completed"})
}

fn said(text: &str) -> Value {
    json!({"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": text}], "status": "completed"})
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

fn output(id: &str) -> Value {
    json!({"type": "function_call_output", "call_id": id, "output": "4"})
}

fn rendered(history: &mut History, target: &Target, policy: &Policy) -> Value {
    let rendered = history.render(target, policy);
    let found = thinkstream::history::validate(&rendered.messages, target);
    assert!(found.is_empty(), "{found:?}");
    serde_json::from_str(&rendered.to_json()).unwrap()
}

fn without(mut item: Value, key: &str) -> Value {
    item.as_object_mut().unwrap().remove(key);
    item
}

/// [`two_turns`] without its reasoning: what led to it goes back without its id.
fn two_bare_turns() -> Value {
    json!([
        user("one"),
        without(call("c1"), "id"),
        output("c1"),
        without(said("four"), "id"),
        user("two")
    ])
}

fn two_turns() -> History {
    let mut history = History::new();
    history.push_user("one");
    history.push_assistant(
        response(&[reasoning("1"), call("c1")]),
        Provenance::default().issuer("openai").account("org-1"),
    );
    history.push_tool_result(ToolResult::new("c1", "4"));
    history.push_assistant(
        response(&[reasoning("2"), said("four")]),
        Provenance::default().issuer("openai").account("org-1"),
    );
    history.push_user("two");
    history
}

#[test]
fn reasoning_goes_back_in_order_to_its_issuer() {
    let target = |issuer: &str, account: &str| {
        Target::new(Provider::OpenAiResponses, "gpt-5").issuer(issuer).account(account).store(false)
    };
    let whole = json!([
        user("one"),
        reasoning("1"),
        call("c1"),
        output("c1"),
        reasoning("2"),
        said("four"),
        user("two")
    ]);
    let bare = two_bare_turns();
    let plain = Policy::default();
    let mut keep = Policy::default();
    keep.keep = Keep::LastTurns(1);
    let mut nothing = Policy::default();
    nothing.keep = Keep::Nothing;
    for (name, target, policy, expected) in [
        ("its own", target("openai", "org-1"), &plain, &whole),
        ("another issuer", target("azure", "org-1"), &plain, &bare),
        ("another account", target("openai", "org-2"), &plain, &bare),
        ("the last turn", target("openai", "org-1"), &keep, &whole),
        ("no turn", target("openai", "org-1"), &nothing, &bare),
    ] {
        assert_eq!(rendered(&mut two_turns(), &target, policy), *expected, "{name}");
    }
    // Another model of the same organisation reads it.
    let mut other = target("openai", "org-1");
    other.model = "gpt-5.1".into();
    assert_eq!(rendered(&mut two_turns(), &other, &plain), whole);
}

#[test]
fn reasoning_without_its_content_goes_back_only_where_it_is_stored() {
    let sealed = |sealed: Value| {
        let mut item = reasoning("1");
        item["encrypted_content"] = sealed;
        item
    };
    for (item, store, kept) in [
        (sealed("gAAA".into()), true, true),
        (sealed("gAAA".into()), false, true),
        (sealed(Value::Null), true, true),
        (sealed(Value::Null), false, false),
    ] {
        let mut history = History::new();
        history.push_user("one");
        history.push_assistant(response(&[item.clone(), said("x")]), Provenance::default());
        let target = Target::new(Provider::OpenAiResponses, "gpt-5").store(store);
        let expected = if kept {
            json!([user("one"), item, said("x")])
        } else {
            json!([user("one"), without(said("x"), "id")])
        };
        assert_eq!(rendered(&mut history, &target, &Policy::default()), expected, "{item} {store}");
    }
}

#[test]
fn reasoning_that_led_to_nothing_is_left_out() {
    let mut history = History::new();
    history.push_user("one");
    history.push_assistant(response(&[said("x"), reasoning("1")]), Provenance::default());
    let target = Target::new(Provider::OpenAiResponses, "gpt-5");
    assert_eq!(
        rendered(&mut history, &target, &Policy::default()),
        json!([user("one"), said("x")])
    );
    let report = history.preview(&target, &Policy::default()).report.to_string();
    assert!(
        report.contains("entry 1, block 1, thinking: dropped: a message may not end with thinking")
    );
    // What goes out is an item.
    history.push_assistant(response(&[reasoning("2"), said("y")]), Provenance::default());
    let report = history.preview(&target, &Policy::default()).report.to_string();
    assert!(report.contains("entry 2, block 0, thinking: kept (item 2)\n"), "{report}");
}

#[test]
fn answers_have_the_form_of_their_calls() {
    let custom = json!({"type": "custom_tool_call", "id": "ctc_1", "call_id": "c2", "name": "patch", "input": "x", "status": "completed"});
    let shell = json!({"type": "shell_call", "id": "sh_1", "call_id": "c3", "action": {"commands": []}, "status": "completed"});
    let mut history = History::new();
    history.push_user_json(
        json!([{"type": "text", "text": "one"}, {"type": "input_image", "image_url": "x"}]),
    );
    history.push_assistant(
        response(&[call("c1"), custom.clone(), shell.clone()]),
        Provenance::default(),
    );
    history.push_tool_result(ToolResult::json(
        "c1",
        json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]),
    ));
    history.push_tool_result(ToolResult::json("c2", json!({"n": 4})));
    history.push_tool_result(ToolResult::json("c3", json!([{"stdout": "x"}])));
    let target = Target::new(Provider::OpenAiResponses, "gpt-5");
    assert_eq!(
        rendered(&mut history, &target, &Policy::default()),
        json!([
            {"role": "user", "content": [{"type": "input_text", "text": "one"}, {"type": "input_image", "image_url": "x"}]},
            call("c1"), custom, shell,
            {"type": "function_call_output", "call_id": "c1", "output": "a\nb"},
            {"type": "custom_tool_call_output", "call_id": "c2", "output": "{\"n\":4}"},
            {"type": "shell_call_output", "call_id": "c3", "output": [{"stdout": "x"}]},
        ])
    );
}

const CALL: &str = r#"{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"dice","arguments":"{}"}}]}"#;

fn plain_chat(model: &str) -> History {
    let think = |text: &str| json!({"reasoning_content": text});
    let mut history = History::new();
    history.push_user("one");
    history.push_assistant(
        chatted(model, &[think("a"), json!({"content": "x"})]),
        Provenance::default(),
    );
    history.push_user("two");
    let call: Value = serde_json::from_str(CALL).unwrap();
    history.push_assistant(chatted(model, &[think("b"), call]), Provenance::default());
    history.push_tool_result(ToolResult::new("c1", "4"));
    history
}

#[test]
fn plain_reasoning_goes_back_only_where_it_is_demanded() {
    for (model, replay, first, second) in [
        ("deepseek-v4", None, Some("a"), Some("b")),
        ("deepseek-reasoner", None, None, Some("b")),
        ("deepseek-r1", None, None, None),
        ("kimi-k2-thinking", None, Some("a"), Some("b")),
        ("kimi-k2-0905-preview", None, None, None),
        ("glm-4.7", None, Some("a"), Some("b")),
        ("gpt-oss-120b", None, None, Some("b")),
        ("qwen3-235b", None, None, None),
        ("gpt-oss-120b", Some(Replay::Always), Some("a"), Some("b")),
        ("deepseek-v4", Some(Replay::Never), None, None),
    ] {
        let mut target = Target::new(Provider::OpenAiChat, model);
        if let Some(replay) = replay {
            target = target.replay(replay);
        }
        let found = rendered(&mut plain_chat(model), &target, &Policy::default());
        assert_eq!(found[1].get("reasoning_content").and_then(Value::as_str), first, "{model}");
        assert_eq!(found[3].get("reasoning_content").and_then(Value::as_str), second, "{model}");
        assert_eq!(found[4], json!({"role": "tool", "tool_call_id": "c1", "content": "4"}));
        let dropped = plain_chat(model).preview(&target, &Policy::default());
        let dropped = dropped.report.dropped_thinking().count();
        assert_eq!(
            dropped,
            usize::from(first.is_none()) + usize::from(second.is_none()),
            "{model}"
        );
    }
}

#[test]
fn who_demands_reasoning_gets_it_empty_where_there_is_none() {
    let mut history = History::new();
    say(&mut history, "u one");
    say(&mut history, "a claude-opus-4-8 K1 Tx");
    say(&mut history, "u two");
    history
        .push_assistant(chatted("deepseek-v4", &[json!({"content": "y"})]), Provenance::default());
    say(&mut history, "u three");
    let target = Target::new(Provider::OpenAiChat, "deepseek-v4");
    let found = rendered(&mut history, &target, &Policy::default());
    assert_eq!(found[1], json!({"role": "assistant", "content": "x", "reasoning_content": ""}));
    assert_eq!(found[3], json!({"role": "assistant", "content": "y", "reasoning_content": ""}));
    // It is welcome to GLM, and not demanded.
    let target = Target::new(Provider::OpenAiChat, "glm-4.7");
    let found = rendered(&mut history, &target, &Policy::default());
    assert_eq!(found[1], json!({"role": "assistant", "content": "x"}));
    // It is demanded in loops alone.
    say(&mut history, "a claude-opus-4-8 Ct1");
    history.push_tool_result(ToolResult::new("t1", "4"));
    let target = Target::new(Provider::OpenAiChat, "deepseek-reasoner");
    let found = rendered(&mut history, &target, &Policy::default());
    assert_eq!(found[3], json!({"role": "assistant", "content": "y"}));
    assert_eq!(found[5]["reasoning_content"], "");
    let mut without = found.as_array().unwrap().clone();
    without[5].as_object_mut().unwrap().remove("reasoning_content");
    let without: Vec<_> = without.into_iter().map(thinkstream::Json::from).collect();
    let missing = validate(&without, &target);
    assert_eq!(missing[0].kind, FindingKind::ThinkingMissing);
    assert_eq!((missing.len(), missing[0].message), (1, 5));
    let mended = serde_json::to_value(repair(&without, &target).messages).unwrap();
    assert_eq!(mended, found);
    // An empty one is none to Kimi.
    let target = Target::new(Provider::OpenAiChat, "kimi-k2.6");
    let found = rendered(&mut history, &target, &Policy::default());
    assert_eq!(found[1], json!({"role": "assistant", "content": "x", "reasoning_content": " "}));
}

#[test]
fn reasoning_without_a_word_goes_back_with_its_calls_where_it_is_demanded() {
    let call: Value = serde_json::from_str(CALL).unwrap();
    for (author, model, expected) in [
        ("kimi-k2-thinking", "kimi-k2-thinking", Some(" ")),
        ("deepseek-v4", "kimi-k2.6", Some(" ")),
        ("deepseek-v4", "deepseek-v4", Some("")),
        ("deepseek-v4", "deepseek-reasoner", Some("")),
        ("deepseek-v4", "deepseek-r1", None),
        ("kimi-k2-thinking", "gpt-oss-120b", Some("")),
        ("kimi-k2-thinking", "qwen3-235b", None),
    ] {
        let mut history = History::new();
        history.push_user("one");
        let deltas = [json!({"content": null, "reasoning_content": ""}), call.clone()];
        history.push_assistant(chatted(author, &deltas), Provenance::default());
        history.push_tool_result(ToolResult::new("c1", "4"));
        let target = Target::new(Provider::OpenAiChat, model);
        let found = rendered(&mut history, &target, &Policy::default());
        let reasoning = found[1].get("reasoning_content").and_then(Value::as_str);
        assert_eq!(reasoning, expected, "{author} {model}");
    }
}

#[test]
fn what_the_user_says_has_the_form_of_the_api() {
    let say = |json: &str| thinkstream::Json::parse(json.to_owned()).unwrap();
    let called = r#"{"role":"assistant","content":null,"tool_calls":[{"id":"t1","type":"function","function":{"name":"dice","arguments":"{}"}}]}"#;
    for (said, expected) in [
        (r#""a""#, json!([user("a")])),
        ("5", json!([user("5")])),
        ("[]", json!([])),
        (r#"{"type":"image_url"}"#, json!([{"role": "user", "content": [{"type": "image_url"}]}])),
        // A message goes out as it stands.
        (r#"{"role":"system","content":"a"}"#, json!([{"role": "system", "content": "a"}])),
        (
            r#"{"role":"user","name":"me","content":[{"type":"text","text":"a"}]}"#,
            json!([{"role": "user", "name": "me", "content": [{"type": "text", "text": "a"}]}]),
        ),
    ] {
        let mut history = History::new();
        history.push_user_json(say(said));
        let found =
            history.preview(&Target::new(Provider::OpenAiChat, "gpt-5"), &Policy::default());
        let found: Value = serde_json::from_str(&found.to_json()).unwrap();
        assert_eq!(found, expected, "{said}");
    }
    // Also one of the model's, with its calls.
    let mut history = History::new();
    history.push_user("a");
    history.push_user_json(say(called));
    history.push_tool_result(ToolResult::new("t1", "4"));
    let found =
        rendered(&mut history, &Target::new(Provider::OpenAiChat, "gpt-5"), &Policy::default());
    let called: Value = serde_json::from_str(called).unwrap();
    let answer = json!({"role": "tool", "tool_call_id": "t1", "content": "4"});
    assert_eq!(found, json!([user("a"), called, answer]));
}

#[test]
fn a_tool_that_takes_no_object_is_called_with_one_elsewhere() {
    let patch = json!({"type": "custom_tool_call", "id": "ctc_1", "call_id": "c1", "name": "patch", "input": "+ \"a\"", "status": "completed"});
    let mut history = History::new();
    history.push_user("one");
    history.push_assistant(response(&[patch]), Provenance::default());
    history.push_tool_result(ToolResult::new("c1", "4"));
    let target = Target::new(Provider::Anthropic, "claude-opus-4-8");
    let found = rendered(&mut history, &target, &Policy::default());
    assert_eq!(
        found[1]["content"],
        json!([{"type": "tool_use", "id": "c1", "name": "patch", "input": {"input": "+ \"a\""}}])
    );
    let lines = history.preview(&target, &Policy::default()).report.lines;
    assert_eq!(lines[1].kind, "tool_use");
}

/// Whether it thinks or not: what is not stored cannot be named by its id.
#[test]
fn who_stores_nothing_says_so_with_the_knob() {
    for knob in ["off", "default", "high"] {
        let mut params = thinkstream::request::RequestParams::default();
        params.store = Some(false);
        let knob: thinkstream::request::Thinking = knob.parse().unwrap();
        let request = knob.resolve("gpt-5.1", &params).unwrap();
        let target = Target::new(Provider::OpenAiResponses, "gpt-5.1").thinking(&request);
        let mut history = History::new();
        history.push_user("one");
        let items = [
            json!({"type": "reasoning", "id": "rs_1", "summary": []}),
            json!({"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "x", "annotations": []}]}),
        ];
        history.push_assistant(response(&items), Provenance::default());
        history.push_user("two");
        let sent = history.render(&target, &Policy::default()).to_json();
        assert!(!sent.contains("rs_1") && !sent.contains("msg_1"), "{knob:?}: {sent}");
    }
}

#[test]
fn there_is_nothing_to_mark_for_a_cache() {
    for provider in [Provider::OpenAiChat, Provider::OpenAiResponses] {
        for (strategy, expected) in [
            (CacheStrategy::None, &[][..]),
            (
                CacheStrategy::AppendOnlyTail,
                &["a mark was not set: the API has no marks: it caches by itself"],
            ),
        ] {
            let mut policy = Policy::default();
            policy.cache = CacheMarks::new(strategy);
            let mut history = History::new();
            history.push_user("one");
            let rendered = history.render(&Target::new(provider, "gpt-5"), &policy);
            let notes: Vec<_> = rendered.report.notes.iter().map(ToString::to_string).collect();
            assert_eq!(notes, expected, "{provider:?} {strategy:?}");
        }
    }
}

#[test]
fn what_is_structured_goes_back_to_whom_it_is_from() {
    let details = json!([{"type": "reasoning.encrypted", "data": "gAAA", "index": 0}]);
    let mut history = History::new();
    history.push_user("one");
    history.push_assistant(
        chatted("o3", &[json!({"reasoning_details": details}), json!({"content": "x"})]),
        Provenance::default().issuer("openrouter"),
    );
    history.push_user("two");
    let at = |issuer: &str, model: &str| Target::new(Provider::OpenAiChat, model).issuer(issuer);
    let has = |history: &mut History, target: &Target| {
        rendered(history, target, &Policy::default())[1].get("reasoning_details").is_some()
    };
    assert!(has(&mut history, &at("openrouter", "openai/o3")));
    assert!(!has(&mut history, &at("openrouter", "openai/gpt-5")));
    assert!(!has(&mut history, &at("somebody", "openai/o3")));
}

#[test]
fn a_conversation_can_move_from_one_provider_to_the_other() {
    let mut history = History::new();
    say(&mut history, "u one");
    say(&mut history, "a claude-opus-4-8 K1 Tx Ct1 Ss1 Ty");
    say(&mut history, "r t1 4");
    history
        .push_assistant(response(&[reasoning("1"), said("z"), call("c1")]), Provenance::default());
    history.push_tool_result(ToolResult::new("c1", "5"));
    let kimi: Value = serde_json::from_str(&CALL.replace("c1", "functions.dice:0")).unwrap();
    history.push_assistant(
        chatted("kimi-k2.5", &[json!({"reasoning_content": "k"}), kimi]),
        Provenance::default(),
    );
    history.push_tool_result(ToolResult::new("functions.dice:0", "6"));
    say(&mut history, "u two");

    let to = |provider, model: &str| {
        rendered(&mut history.clone(), &Target::new(provider, model), &Policy::default())
    };
    let text = |text: &str| json!({"type": "text", "text": text});
    let tool = |id: &str, input: Value| json!({"type": "tool_use", "id": id, "name": "dice", "input": input});
    let result =
        |id: &str, text: &str| json!({"type": "tool_result", "tool_use_id": id, "content": text});
    let found = to(Provider::Anthropic, "claude-opus-4-8");
    assert_eq!(found[1]["content"][0]["signature"], "sig1");
    assert_eq!(found[1]["content"].as_array().unwrap().len(), 6);
    assert_eq!(found[3]["content"], json!([text("z"), tool("c1", json!({}))]));
    assert_eq!(found[5]["content"], json!([tool("functions_dice_0", json!({}))]));
    assert_eq!(found[6]["content"], json!([result("functions_dice_0", "6"), text("two")]));

    let item = |id: &str, arguments: &str| json!({"type": "function_call", "call_id": id, "name": "dice", "arguments": arguments});
    let assistant = |text: &str| json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]});
    let answer = |id: &str, text: &str| json!({"type": "function_call_output", "call_id": id, "output": text});
    assert_eq!(
        to(Provider::OpenAiResponses, "gpt-5"),
        json!([
            user("one"),
            assistant("x"),
            item("t1", "{\"n\": 9007199254740993}"),
            assistant("y"),
            answer("t1", "4"),
            reasoning("1"),
            said("z"),
            call("c1"),
            answer("c1", "5"),
            item("functions.dice:0", "{}"),
            answer("functions.dice:0", "6"),
            user("two"),
        ])
    );

    let called = |id: &str, arguments: &str| json!([{"id": id, "type": "function", "function": {"name": "dice", "arguments": arguments}}]);
    let answer =
        |id: &str, text: &str| json!({"role": "tool", "tool_call_id": id, "content": text});
    assert_eq!(
        to(Provider::OpenAiChat, "kimi-k2.5"),
        json!([
            user("one"),
            // Kimi refuses calls without reasoning, whoever made them.
            {"role": "assistant", "content": "xy", "reasoning_content": " ", "tool_calls": called("t1", "{\"n\": 9007199254740993}")},
            answer("t1", "4"),
            {"role": "assistant", "content": "z", "reasoning_content": " ", "tool_calls": called("c1", "{}")},
            answer("c1", "5"),
            {"role": "assistant", "content": null, "reasoning_content": "k", "tool_calls": called("functions.dice:0", "{}")},
            answer("functions.dice:0", "6"),
            user("two"),
        ])
    );
}

#[test]
fn results_in_the_form_of_anthropic_become_answers() {
    let mut history = History::new();
    say(&mut history, "u one");
    say(&mut history, "a claude-opus-4-8 Ct1");
    history.push_user_json(json!([
        {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "4"}]},
        {"type": "text", "text": "go on"},
    ]));
    let found = rendered(
        &mut history,
        &Target::new(Provider::OpenAiResponses, "gpt-5"),
        &Policy::default(),
    );
    assert_eq!(found[2], output("t1"));
    assert_eq!(
        found[3],
        json!({"role": "user", "content": [{"type": "input_text", "text": "go on"}]})
    );
    let found =
        rendered(&mut history, &Target::new(Provider::OpenAiChat, "gpt-5"), &Policy::default());
    assert_eq!(found[2], json!({"role": "tool", "tool_call_id": "t1", "content": "4"}));
    assert_eq!(found[3], json!({"role": "user", "content": [{"type": "text", "text": "go on"}]}));
}

#[test]
fn refused_reasoning_does_not_go_out_again() {
    let mut history = two_turns();
    let target = Target::new(Provider::OpenAiResponses, "gpt-5").issuer("openai").account("org-1");
    let sent = history.render(&target, &Policy::default());
    let body = json!({"error": {"message": "The encrypted content gAAA1 could not be verified.", "code": "invalid_encrypted_content"}});
    let rejection = thinkstream::history::Rejection::classify(400, &body.to_string()).unwrap();
    assert_eq!(history.reject(&rejection, &sent), 2);
    let next = history.render(&target, &Policy::default());
    assert!(!next.to_json().contains("gAAA"));
    let dropped = next.report.lines.iter().filter(|line| matches!(line.action, Action::Dropped(_)));
    assert_eq!(dropped.count(), 2);
}

#[test]
fn answers_come_before_all_else() {
    let mut history = History::new();
    for line in ["u a", "a claude-opus-4-8 Ct1 Ct2", "r t1 4", "u wait", "r t2 5"] {
        say(&mut history, line);
    }
    for provider in [Provider::OpenAiChat, Provider::OpenAiResponses] {
        let found = rendered(&mut history, &Target::new(provider, "gpt-5"), &Policy::default());
        assert_eq!(found.as_array().unwrap().last().unwrap(), &user("wait"));
    }
    // In whatever form they come.
    for answer in [
        r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"4"}]}"#,
        r#"{"type":"tool_result","tool_use_id":"t1","content":"4"}"#,
        r#" [{"type":"tool_result","tool_use_id":"t1","content":"4"}] "#,
    ] {
        let mut history = History::new();
        say(&mut history, "u a");
        say(&mut history, "a claude-opus-4-8 Ct1");
        history.push_user_json(thinkstream::Json::parse(answer).unwrap());
        let chat =
            rendered(&mut history, &Target::new(Provider::OpenAiChat, "gpt-5"), &Policy::default());
        assert_eq!(
            chat[2],
            json!({"role": "tool", "tool_call_id": "t1", "content": "4"}),
            "{answer}"
        );
        assert_eq!(chat.as_array().unwrap().len(), 3, "{answer}");
        let items = rendered(
            &mut history,
            &Target::new(Provider::OpenAiResponses, "gpt-5"),
            &Policy::default(),
        );
        assert_eq!(items[2], output("t1"), "{answer}");
    }
}

#[test]
fn what_is_sealed_stays_with_its_issuer() {
    let compaction = json!({"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAA"});
    let hosted =
        json!({"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {}});
    let mut history = History::new();
    history.push_user("one");
    let items = [reasoning("1"), hosted.clone(), compaction.clone(), said("x")];
    history.push_assistant(response(&items), Provenance::default().issuer("openai"));
    let to = |issuer: &str| Target::new(Provider::OpenAiResponses, "gpt-5").issuer(issuer);
    let own = rendered(&mut history, &to("openai"), &Policy::default());
    assert_eq!(own, json!([user("one"), reasoning("1"), hosted, compaction, said("x")]));
    let other = rendered(&mut history, &to("azure"), &Policy::default());
    assert_eq!(other, json!([user("one"), without(said("x"), "id")]));

    // The same of another vendor's model, whoever issued it.
    let mut grok = response(&[hosted.clone(), said("x")]);
    grok.model = Some("grok-4.5".into());
    let mut foreign = History::new();
    foreign.push_user("one");
    foreign.push_assistant(grok, Provenance::default());
    let target = Target::new(Provider::OpenAiResponses, "gpt-5.4");
    let found = rendered(&mut foreign, &target, &Policy::default());
    assert_eq!(found.as_array().unwrap().len(), 2, "{found}");
    assert_eq!(found[1]["type"], "message");

    // What was run keeps its id, also where reasoning is gone.
    let mut policy = Policy::default();
    policy.keep = Keep::Nothing;
    history.push_user("two");
    let own = rendered(&mut history, &to("openai"), &policy);
    assert_eq!(own[1], hosted);

    // What Gemini signs its calls with is for Gemini.
    let call: Value = serde_json::from_str(&CALL.replace(
        r#""type":"function""#,
        r#""type":"function","extra_content":{"google":{"thought_signature":"gAAA"}}"#,
    ))
    .unwrap();
    let mut history = History::new();
    history.push_user("one");
    history.push_assistant(chatted("gemini-3-pro", &[call]), Provenance::default());
    history.push_tool_result(ToolResult::new("c1", "4"));
    let signed = |history: &mut History, model: &str| {
        let found =
            rendered(history, &Target::new(Provider::OpenAiChat, model), &Policy::default());
        found[1]["tool_calls"][0].get("extra_content").is_some()
    };
    assert!(signed(&mut history, "gemini-3-pro"));
    assert!(signed(&mut history, "gemini-flash-latest"));
    assert!(!signed(&mut history, "gpt-5"));
    assert!(!signed(&mut history, "mistral-large-latest"));
    let report = history.preview(&Target::new(Provider::OpenAiChat, "gpt-5"), &Policy::default());
    assert!(report.report.to_string().contains(r#"the call "c1" goes out without its signature"#));
    // Its texts too.
    let mut history = History::new();
    history.push_user("one");
    let text = json!({"content": "x", "extra_content": {"google": {"thought_signature": "gAAA"}}});
    history.push_assistant(chatted("gemini-3-pro", &[text]), Provenance::default());
    let signed = |history: &mut History, target: Target| {
        rendered(history, &target, &Policy::default())[1].get("extra_content").is_some()
    };
    let to = |model: &str| Target::new(Provider::OpenAiChat, model);
    assert!(signed(&mut history, to("gemini-3-pro")));
    assert!(!signed(&mut history, to("gpt-5")));
    assert!(!signed(&mut history, to("gemini-3-pro").issuer("somebody")));
}

/// A gateway has names of its own for models.
#[test]
fn what_gemini_signs_goes_back_through_a_gateway() {
    let call: Value = serde_json::from_str(&CALL.replace(
        r#""type":"function""#,
        r#""type":"function","extra_content":{"google":{"thought_signature":"gAAA"}}"#,
    ))
    .unwrap();
    let signed = |issuer: Option<&str>, model: &str, switch: Switch| {
        let mut history = History::new();
        history.push_user("one");
        let provenance =
            issuer.map_or_else(Provenance::default, |it| Provenance::default().issuer(it));
        history.push_assistant(chatted("gemini-3-pro", std::slice::from_ref(&call)), provenance);
        history.push_tool_result(ToolResult::new("c1", "4"));
        let mut target = Target::new(Provider::OpenAiChat, model);
        if let Some(issuer) = issuer {
            target = target.issuer(issuer);
        }
        let mut policy = Policy::default();
        policy.switch = switch;
        let found = rendered(&mut history, &target, &policy);
        found[1]["tool_calls"][0].to_string().contains("gAAA")
    };
    for (issuer, model, switch, expected) in [
        (Some("ours"), "my-alias", Switch::ByModel, true),
        (Some("ours"), "my-alias", Switch::Keep, true),
        (Some("ours"), "my-alias", Switch::Drop, false),
        (Some("ours"), "gpt-5", Switch::ByModel, false),
        (Some("ours"), "deepseek-chat", Switch::ByModel, false),
        (Some("ours"), "gemini-3-pro", Switch::Drop, true),
        // Nobody says that it is the same endpoint.
        (None, "my-alias", Switch::ByModel, false),
        (None, "my-alias", Switch::Keep, true),
        (None, "gemini-flash-latest", Switch::ByModel, true),
        (None, "gemini-flash-latest", Switch::Drop, false),
    ] {
        assert_eq!(signed(issuer, model, switch), expected, "{issuer:?} {model} {switch:?}");
    }
}

/// Copilot says the text of a thought, and at the end of the reply what goes back with it.
#[test]
fn a_thought_goes_back_with_what_seals_it() {
    let (text, said, opaque) = (
        json!({"reasoning_text": "hm"}),
        json!({"content": "x"}),
        json!({"reasoning_opaque": "op"}),
    );
    let target = Target::new(Provider::OpenAiChat, "claude-sonnet-4.5");
    for deltas in [[&text, &opaque, &said], [&text, &said, &opaque]] {
        let mut history = History::new();
        history.push_user("one");
        history.push_assistant(
            chatted("claude-sonnet-4.5", &deltas.map(Value::clone)),
            Provenance::default(),
        );
        let found = rendered(&mut history, &target, &Policy::default());
        assert_eq!(found[1]["reasoning_text"], "hm", "{found}");
        assert_eq!(found[1]["reasoning_opaque"], "op", "{found}");
    }
    // Without that it is plain, and nobody wants it.
    let mut history = History::new();
    history.push_user("one");
    history.push_assistant(chatted("claude-sonnet-4.5", &[text, said]), Provenance::default());
    let found = rendered(&mut history, &target, &Policy::default());
    assert_eq!(found[1].get("reasoning_text"), None, "{found}");
}

/// Mistral takes nine letters and digits, `OpenAI` forty characters; answers follow their calls.
#[test]
fn ids_of_calls_fit_the_server_of_a_chat() {
    let long = "c".repeat(43);
    let custom = json!({"tool_calls": [{"index": 0, "id": "call_custom", "type": "custom", "custom": {"name": "patch", "input": "x"}}]});
    for (from, id) in [
        (response(&[call("call_PTLP8xhu3uwZk4l3nlnrrJha")]), "call_PTLP8xhu3uwZk4l3nlnrrJha"),
        (response(&[call(&long)]), &*long),
        (chatted("grok-4", &[serde_json::from_str(CALL).unwrap()]), "c1"),
        (chatted("gpt-5", &[custom]), "call_custom"),
    ] {
        let ids = |model: &str| {
            let mut history = History::new();
            history.push_user("one");
            history.push_assistant(from.clone(), Provenance::default());
            history.push_tool_result(ToolResult::new(id, "4"));
            let target = Target::new(Provider::OpenAiChat, model);
            let found = rendered(&mut history, &target, &Policy::default());
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let own = text(&found[1]["tool_calls"][0]["id"]);
            assert_eq!(text(&found[2]["tool_call_id"]), own, "{model}");
            assert!(own == id || !found.to_string().contains(id), "{found}");
            own
        };
        let short = ids("mistral-large-latest");
        assert!(short.len() == 9 && short.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(ids("mistral-large-latest"), short);
        assert_eq!(ids("gpt-4.1") == id, id.len() <= 40);
        assert!(ids("gpt-4.1").len() <= 40);
        assert_eq!(ids("gemini-3-pro"), id);
    }
}

/// The tools that `OpenAI` defines and the client runs have answers in forms of their own.
#[test]
fn openais_own_tools_are_answered_in_their_own_words() {
    let shell = json!({"type": "shell_call", "id": "sh_1", "call_id": "c1", "action": {"commands": ["ls"]}, "environment": {"type": "local"}, "status": "completed"});
    let patch = json!({"type": "apply_patch_call", "id": "apc_1", "call_id": "c1", "operation": {"type": "delete_file", "path": "x"}, "status": "completed"});
    let computer = json!({"type": "computer_call", "id": "cu_1", "call_id": "c1", "action": {"type": "screenshot"}, "pending_safety_checks": [], "status": "completed"});
    let asked = json!({"type": "mcp_approval_request", "id": "mcpr_1", "server_label": "s", "name": "n", "arguments": "{}"});
    let screen = json!({"type": "computer_screenshot", "image_url": "https://x"});
    let ran = json!([{"stdout": "a", "stderr": "", "outcome": {"type": "timeout"}}]);
    let exit = |out: &str, err: &str, code: u8| json!([{"stdout": out, "stderr": err, "outcome": {"type": "exit", "exit_code": code}}]);
    let whole = json!({"type": "computer_call_output", "call_id": "c1", "output": screen, "acknowledged_safety_checks": [{"id": "s"}]});
    let answer = |kind: &str, more: Value| {
        let mut answer = json!({"type": kind, "call_id": "c1"});
        more.as_object().unwrap().iter().for_each(|(key, value)| answer[key] = value.clone());
        answer
    };
    let search = json!({"type": "tool_search_call", "id": "ts_1", "call_id": "c1", "execution": "client", "arguments": {}, "status": "completed"});
    let found = json!({"type": "tool_search_output", "call_id": "c1", "tools": [{"type": "function", "name": "f"}], "status": "completed"});
    let denied = |reason: &str| json!({"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": false, "reason": reason});
    let approval = |approve: bool| json!({"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": approve});
    for (item, result, error, expected) in [
        (
            &shell,
            json!("a"),
            false,
            answer("shell_call_output", json!({"output": exit("a", "", 0)})),
        ),
        (
            &shell,
            json!("a"),
            true,
            answer("shell_call_output", json!({"output": exit("", "a", 1)})),
        ),
        (&shell, ran.clone(), false, answer("shell_call_output", json!({"output": ran}))),
        (
            &patch,
            json!("a"),
            false,
            answer("apply_patch_call_output", json!({"status": "completed", "output": "a"})),
        ),
        (
            &patch,
            json!("a"),
            true,
            answer("apply_patch_call_output", json!({"status": "failed", "output": "a"})),
        ),
        (
            &computer,
            screen.clone(),
            false,
            answer("computer_call_output", json!({"output": screen})),
        ),
        (
            &computer,
            json!([{"type": "image", "source": {"type": "url", "url": "https://x"}}]),
            false,
            answer("computer_call_output", json!({"output": screen})),
        ),
        (&computer, whole.clone(), false, whole.clone()),
        (&asked, json!(true), false, approval(true)),
        (&asked, json!("true"), false, approval(true)),
        (&asked, json!({"approve": true}), false, approval(true)),
        (&asked, json!(false), false, approval(false)),
        (&asked, json!("false"), false, approval(false)),
        (&asked, json!("true"), true, approval(false)),
        // What is no clear yes is none.
        (&asked, json!("no"), true, denied("no")),
        (&asked, json!("no"), false, denied("no")),
        (&asked, json!("True, but"), false, denied("True, but")),
        (&asked, json!({"approve": false, "reason": "no"}), false, denied("no")),
        (&asked, json!({"approve": true, "reason": "no"}), true, denied("no")),
        (&asked, json!({"approve": "yes"}), false, approval(false)),
        (&asked, json!(1), false, denied("1")),
        (
            &search,
            json!([{"type": "function"}]),
            false,
            answer("tool_search_output", json!({"tools": [{"type": "function"}]})),
        ),
        (&search, found.clone(), false, found),
    ] {
        let id = if item["type"] == "mcp_approval_request" { "mcpr_1" } else { "c1" };
        let mut history = History::new();
        history.push_user("one");
        history.push_assistant(response(std::slice::from_ref(item)), Provenance::default());
        let result = ToolResult::json(id, result);
        history.push_tool_result(if error { result.error() } else { result });
        let target = Target::new(Provider::OpenAiResponses, "gpt-5");
        let told = history.preview(&target, &Policy::default());
        assert!(!told.report.to_string().contains("no field"), "{}", told.report);
        assert!(told.repair(&target).changes.is_empty(), "{item}");
        let found = rendered(&mut history, &target, &Policy::default());
        assert_eq!(found[2], expected, "{item}");
        // The same item, as the user would send it.
        let mut history = history.fork(2);
        history.push_user_json(expected.clone());
        assert_eq!(rendered(&mut history, &target, &Policy::default())[2], expected, "{item}");
    }
    // Nobody can say what was not seen; of the others that they were not run.
    for (item, expected) in [(shell, 3), (patch, 3), (computer, 1)] {
        let target = Target::new(Provider::OpenAiResponses, "gpt-5");
        let items = [user("one").into(), thinkstream::Json::from(item)];
        let repaired = thinkstream::history::repair(&items, &target);
        assert_eq!(repaired.messages.len(), expected, "{:?}", repaired.messages);
    }
}

/// As one finds them in a history that was kept as messages or items.
#[test]
fn answers_may_come_as_they_were_sent() {
    let called: Value = serde_json::from_str(CALL).unwrap();
    for answer in [
        json!({"role": "tool", "tool_call_id": "c1", "content": "4"}),
        json!({"type": "function_call_output", "call_id": "c1", "output": "4"}),
        json!([{"type": "tool_result", "tool_use_id": "c1", "content": "4"}]),
    ] {
        let mut history = History::new();
        history.push_user("one");
        history
            .push_assistant(chatted("gpt-5", std::slice::from_ref(&called)), Provenance::default());
        history.push_user_json(answer.clone());
        for (provider, model, expected) in [
            (
                Provider::OpenAiChat,
                "gpt-5",
                json!({"role": "tool", "tool_call_id": "c1", "content": "4"}),
            ),
            (
                Provider::OpenAiResponses,
                "gpt-5",
                json!({"type": "function_call_output", "call_id": "c1", "output": "4"}),
            ),
            (
                Provider::Anthropic,
                "claude-opus-4-8",
                json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "4"}]}),
            ),
        ] {
            let target = Target::new(provider, model);
            let told = history.preview(&target, &Policy::default());
            assert!(!told.report.to_string().contains("no answer"), "{}", told.report);
            assert!(told.repair(&target).changes.is_empty(), "{answer}");
            let found = rendered(&mut history, &target, &Policy::default());
            assert_eq!(found[2], expected, "{answer}");
        }
    }
}

#[test]
fn a_compaction_of_openais_can_be_the_beginning() {
    let compaction = json!({"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAA"});
    let said = |text: &str| json!({"type": "message", "id": format!("msg_{text}"), "role": "assistant", "content": [{"type": "output_text", "text": text, "annotations": []}]});
    let mut history = History::new();
    history.push_user("one");
    history.push_assistant(response(&[said("a")]), Provenance::default());
    history.push_user("two");
    history.push_assistant(
        response(&[said("b"), compaction.clone(), said("c")]),
        Provenance::default(),
    );
    history.push_user("three");
    let target = Target::new(Provider::OpenAiResponses, "gpt-5");
    let mut policy = Policy::default();
    assert_eq!(rendered(&mut history, &target, &policy).as_array().unwrap().len(), 7);
    policy.compaction = Compaction::DropBefore;
    let found = rendered(&mut history, &target, &policy);
    assert_eq!(found, json!([compaction, said("c"), user("three")]));
    // To others it says nothing, so that all goes to them.
    let found = rendered(&mut history, &Target::new(Provider::OpenAiChat, "gpt-5"), &policy);
    assert_eq!(found[0], user("one"));
}

#[test]
fn who_has_made_a_call_is_nothing_to_another_provider() {
    let claude = r#"{"type":"tool_use","id":"t1","name":"dice","input":{},"caller":{"type":"direct"},"toolset_name":"computer"}"#;
    let reply = format!(
        r#"{{"role":"assistant","content":[{claude}],"complete":true,"provider":"anthropic","model":"claude-opus-4-8"}}"#
    );
    let reply: Message = serde_json::from_str(&reply).unwrap();
    let mut item = call("c1");
    item["caller"] = json!({"type": "program", "caller_id": "call_p"});
    let (to, ours) =
        (Target::new(Provider::OpenAiResponses, "gpt-5"), Provenance::default().issuer("openai"));
    for (message, id, target, kept) in [
        (reply, "t1", to.clone(), false),
        (response(std::slice::from_ref(&item)), "c1", to.clone().issuer("azure"), false),
        (response(&[item]), "c1", to.issuer("openai"), true),
    ] {
        let mut history = History::new();
        history.push_user("one");
        history.push_assistant(message, ours.clone());
        history.push_tool_result(ToolResult::new(id, "4"));
        let found = rendered(&mut history, &target, &Policy::default());
        assert_eq!(found[1].get("caller").is_some(), kept, "{found}");
        assert_eq!(found[1].get("namespace"), None, "{found}");
        assert_eq!(found[2]["call_id"], id, "{found}");
    }
}

#[test]
fn the_user_does_not_speak_to_mistral_right_behind_its_tools() {
    for (model, said) in
        [("mistral-large-latest", true), ("open-mixtral-8x22b", true), ("gpt-5", false)]
    {
        let target = Target::new(Provider::OpenAiChat, model);
        let roles = |history: &mut History| -> Vec<String> {
            let rendered = history.render(&target, &Policy::default());
            let notes = rendered.report.notes.iter();
            let put_in = notes.filter(|it| matches!(it, Note::ReplyPutIn { message: 3 })).count();
            let found: Value = serde_json::from_str(&rendered.to_json()).unwrap();
            let roles = found.as_array().unwrap().iter();
            assert!(rendered.repair(&target).changes.is_empty(), "{found}");
            let mut roles: Vec<_> =
                roles.map(|it| it["role"].as_str().unwrap().to_owned()).collect();
            assert_eq!(
                put_in == 1,
                roles.get(3).is_some_and(|role| role == "assistant"),
                "{found}"
            );
            roles.drain(..3).for_each(drop);
            roles
        };
        let mut history = History::new();
        say(&mut history, "u one");
        say(&mut history, "a claude-opus-4-8 Ct1");
        history.push_tool_result(ToolResult::new("t1", "4"));
        assert!(roles(&mut history).is_empty());
        say(&mut history, "u stop");
        assert_eq!(roles(&mut history), if said { &["assistant", "user"][..] } else { &["user"] });
        // A reply of which nothing goes out does not part them.
        let mut empty = history.fork(3);
        say(&mut empty, "a claude-opus-4-8 K1");
        say(&mut empty, "u stop");
        assert_eq!(roles(&mut empty), if said { &["assistant", "user"][..] } else { &["user"] });
        // What answers cannot have is shown by the user.
        let mut history = history.fork(2);
        let image = json!([{"type": "image", "source": {"type": "url", "url": "https://x"}}]);
        history.push_tool_result(ToolResult::json("t1", image));
        assert_eq!(roles(&mut history), if said { &["assistant", "user"][..] } else { &["user"] });
        say(&mut history, "a claude-opus-4-8 Tx");
        say(&mut history, "u go on");
        let all = ["user", "assistant", "user"];
        assert_eq!(
            roles(&mut history),
            if said { &["assistant", "user", "assistant", "user"][..] } else { &all }
        );
    }
}

#[test]
fn some_want_content_beside_calls() {
    for (model, content) in
        [("Qwen/Qwen3-32B", json!("")), ("grok-4", json!("")), ("gpt-5", Value::Null)]
    {
        let mut history = History::new();
        say(&mut history, "u one");
        say(&mut history, "a claude-opus-4-8 Ct1");
        history.push_tool_result(ToolResult::new("t1", "4"));
        let target = Target::new(Provider::OpenAiChat, model);
        assert_eq!(rendered(&mut history, &target, &Policy::default())[1]["content"], content);
    }
}

/// Relays put signatures into ids, and the Responses API takes 64 characters, also of ids that came from it.
#[test]
fn ids_of_calls_fit_the_responses_api() {
    let long = format!("call_4498671d__thought__{}", "x".repeat(50));
    let chat: Value = serde_json::from_str(&CALL.replace("c1", &long)).unwrap();
    for reply in [chatted("gemini-3-pro", &[chat]), response(&[call(&long)])] {
        let mut history = History::new();
        history.push_user("one");
        history.push_assistant(reply, Provenance::default());
        history.push_tool_result(ToolResult::new(long.clone(), "4"));
        let target = Target::new(Provider::OpenAiResponses, "gpt-5");
        let found = rendered(&mut history, &target, &Policy::default());
        let (asked, answered) = (&found[1]["call_id"], &found[2]["call_id"]);
        assert_eq!(asked, answered, "{found}");
        assert!(asked.as_str().unwrap().len() <= 64, "{found}");
    }
}

/// `OpenAI` takes reasoning only where a model reasons.
#[test]
fn no_reasoning_goes_to_a_model_that_does_not_reason() {
    let to = |model: &str| {
        Target::new(Provider::OpenAiResponses, model).issuer("openai").account("org-1").store(false)
    };
    let plain = Policy::default();
    let bare = two_bare_turns();
    assert_eq!(rendered(&mut two_turns(), &to("gpt-4.1"), &plain), bare);
    assert_ne!(rendered(&mut two_turns(), &to("gpt-5.2"), &plain), bare);
    assert_ne!(rendered(&mut two_turns(), &to("a-model-of-2027"), &plain), bare);

    let sent = two_turns().render(&to("gpt-5.2"), &plain).messages;
    let found: Vec<_> =
        validate(&sent, &to("gpt-4.1")).iter().map(|it| (it.kind, it.message)).collect();
    assert_eq!(found, [(FindingKind::ThinkingWhileOff, 1), (FindingKind::ThinkingWhileOff, 4)]);
    let mended = repair(&sent, &to("gpt-4.1")).messages;
    assert_eq!(serde_json::to_value(&mended).unwrap(), bare);
}

/// Gemini refuses calls that nobody signed, and names what to say of those that another model made.
#[test]
fn calls_of_others_tell_gemini_that_nobody_signed_them() {
    let dummy = json!({"google": {"thought_signature": "skip_thought_signature_validator"}});
    let mut history = History::new();
    history.push_user("one");
    history.push_assistant(response(&[call("c1"), call("c2")]), Provenance::default());
    history.push_tool_result(ToolResult::new("c1", "4"));
    history.push_tool_result(ToolResult::new("c2", "5"));
    for (model, expected) in [("gemini-3-pro", Some(&dummy)), ("gemini-2.5-pro", None)] {
        let target = Target::new(Provider::OpenAiChat, model);
        let found = rendered(&mut history, &target, &Policy::default());
        let calls = &found[1]["tool_calls"];
        assert_eq!(calls[0].get("extra_content"), expected, "{model}");
        assert_eq!(calls[1].get("extra_content"), None);
        let notes = history.render(&target, &Policy::default()).report.notes;
        let unsigned = Note::CallUnsigned { id: "c1".into() };
        assert_eq!(notes.contains(&unsigned), expected.is_some(), "{notes:?}");
    }
    // Its own are found, and mended, in the turn in progress.
    let calls = |id| json!({"role": "assistant", "content": null, "tool_calls": [{"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
    let answer = |id| json!({"role": "tool", "tool_call_id": id, "content": "4"});
    let messages = json!([user("a"), calls("x"), answer("x"), user("b"), calls("y"), answer("y")]);
    let messages: Vec<thinkstream::Json> = serde_json::from_value(messages).unwrap();
    let target = Target::new(Provider::OpenAiChat, "gemini-3-pro");
    let found = validate(&messages, &target);
    let found: Vec<_> = found.iter().map(|it| (it.kind, it.message, it.id.as_deref())).collect();
    assert_eq!(found, [(FindingKind::UnsignedToolCall, 4, Some("y"))]);
    let mended = repair(&messages, &target);
    assert_eq!((mended.changes.len(), validate(&mended.messages, &target)), (1, vec![]));
    let message: Value = serde_json::from_str(&mended.messages[4]).unwrap();
    assert_eq!(message["tool_calls"][0]["extra_content"], dummy);
}

/// What Claude wrote in place of arguments was answered, and goes on to others with its answer.
#[test]
fn a_call_that_is_nonsense_keeps_its_answer() {
    let mut history = History::new();
    say(&mut history, "u one");
    say(&mut history, "a claude-opus-4-8 K1 Jt1");
    say(&mut history, "x t1 what?");
    for (model, arguments) in
        [("gpt-5", r#"{"n": "#), ("deepseek-v4", r#"{"INVALID_JSON":"{\"n\": "}"#)]
    {
        for provider in [Provider::OpenAiChat, Provider::OpenAiResponses] {
            let target = Target::new(provider, model);
            let found = rendered(&mut history, &target, &Policy::default());
            let (call, answer) = match provider {
                Provider::OpenAiChat => {
                    (&found[1]["tool_calls"][0]["function"], &found[2]["tool_call_id"])
                }
                _ => (&found[1], &found[2]["call_id"]),
            };
            assert_eq!(call["arguments"], arguments, "{model}: {found}");
            assert!(answer.is_string(), "{found}");
        }
    }
}

/// Routers and gateways have the signatures of Gemini's calls in fields of their own.
#[test]
fn calls_that_others_carry_are_signed_all_the_same() {
    for (key, value) in [
        ("extra_content", json!({"google": {"thought_signature": "S"}})),
        ("provider_specific_fields", json!({"thought_signature": "S"})),
        ("thoughtSignature", json!("S")),
    ] {
        let mut called: Value = serde_json::from_str(CALL).unwrap();
        called["tool_calls"][0][key] = value.clone();
        let mut history = History::new();
        history.push_user("one");
        history.push_assistant(chatted("gemini-3-pro", &[called]), Provenance::default());
        history.push_tool_result(ToolResult::new("c1", "4"));
        let target = Target::new(Provider::OpenAiChat, "gemini-3-flash");
        let found = rendered(&mut history, &target, &Policy::default());
        let call = &found[1]["tool_calls"][0];
        assert_eq!(call.get(key), Some(&value), "{found}");
        assert_eq!(call.get("extra_content").is_some(), key == "extra_content");
        // It is for Gemini alone.
        let other = Target::new(Provider::OpenAiChat, "gpt-5");
        let found = rendered(&mut history, &other, &Policy::default());
        assert_eq!(found[1]["tool_calls"][0].get(key), None, "{found}");
        let notes = history.preview(&other, &Policy::default()).report.notes;
        let left_out = Note::SignatureLeftOut { id: "c1".into() };
        assert!(notes.contains(&left_out), "{notes:?}");
    }
}

/// A session with a signature that Gemini cannot read would fail for ever.
#[test]
fn calls_whose_signature_gemini_refuses_go_out_without_it() {
    let signed: Value = serde_json::from_str(CALL).unwrap();
    let mut signed = signed;
    signed["tool_calls"][0]["extra_content"] = json!({"google": {"thought_signature": "own"}});
    let mut history = History::new();
    history.push_user("one");
    history.push_assistant(chatted("gemini-3-pro", &[signed]), Provenance::default());
    history.push_tool_result(ToolResult::new("c1", "4"));
    let target = Target::new(Provider::OpenAiChat, "gemini-3-pro");
    let plain = Policy::default();
    let signature = |sent: &thinkstream::history::Rendered| {
        let message: Value = serde_json::from_str(&sent.messages[1]).unwrap();
        message["tool_calls"][0]["extra_content"]["google"]["thought_signature"].clone()
    };
    let sent = history.render(&target, &plain);
    assert_eq!(signature(&sent), "own");
    let answer = r#"[{"error":{"code":400,"message":"Unable to submit request because Thought signature is not valid.. Learn more","status":"INVALID_ARGUMENT"}}]"#;
    let rejection = Rejection::classify(400, answer).unwrap();
    assert_eq!(history.reject(&rejection, &sent), 1);
    let stored = serde_json::to_string(&history).unwrap();
    let mut history: History = serde_json::from_str(&stored).unwrap();
    let sent = history.render(&target, &plain);
    assert_eq!(signature(&sent), "skip_thought_signature_validator");
    assert_eq!(history.reject(&rejection, &sent), 0);
}

/// `LiteLLM` passes on what Anthropic has redacted; it goes back to the model that it is from.
#[test]
fn what_is_redacted_goes_back_through_a_chat() {
    let redacted = json!({"thinking_blocks": [{"type": "redacted_thinking", "data": "UkVE"}]});
    let mut history = History::new();
    history.push_user("one");
    let call: Value = serde_json::from_str(CALL).unwrap();
    history.push_assistant(chatted("claude-sonnet-4-5", &[redacted, call]), Provenance::default());
    history.push_tool_result(ToolResult::new("c1", "4"));
    for (model, goes) in [("claude-sonnet-4-5", true), ("gpt-5", false)] {
        let target = Target::new(Provider::OpenAiChat, model);
        let found = rendered(&mut history, &target, &Policy::default());
        assert_eq!(found[1].to_string().contains("UkVE"), goes, "{model}: {found}");
    }
}

/// Some servers say the arguments as an object; the API takes a string.
#[test]
fn arguments_go_back_as_a_string() {
    let mut object = call("c1");
    object["arguments"] = json!({"a": 1});
    let mut history = History::new();
    history.push_user("one");
    history.push_assistant(response(&[object]), Provenance::default());
    history.push_tool_result(ToolResult::new("c1", "4"));
    let target = Target::new(Provider::OpenAiResponses, "gpt-5");
    let found = rendered(&mut history, &target, &Policy::default());
    assert_eq!(found[1]["arguments"], r#"{"a":1}"#);
}

/// Nobody reads what another vendor has sealed, also where nobody said who issued it.
#[test]
fn sealed_reasoning_stays_with_its_vendor() {
    for (author, target, goes) in [
        ("grok-4", "gpt-5.2", false),
        ("gpt-5.2", "grok-4", false),
        ("qwen3-235b", "gpt-5.2", false),
        ("gpt-oss-120b", "gpt-5.2", false),
        ("gpt-5.2", "gpt-5.5", true),
        ("openai/gpt-5.2", "gpt-5.2", true),
        ("gpt-5.2", "my-deployment", true),
        ("my-deployment", "gpt-5.2", true),
    ] {
        for store in [false, true] {
            let mut reply = response(&[reasoning("1"), call("c1")]);
            reply.model = Some(author.into());
            let mut history = History::new();
            history.push_user("one");
            history.push_assistant(reply, Provenance::default());
            history.push_tool_result(ToolResult::new("c1", "4"));
            let target = Target::new(Provider::OpenAiResponses, target).store(store);
            let found = rendered(&mut history, &target, &Policy::default());
            assert_eq!(
                found.to_string().contains("encrypted_content"),
                goes,
                "{author} {target:?}"
            );
        }
    }
}

#[test]
fn ids_of_calls_stay_apart() {
    let two = CALL.replace("\"c1\"", "\"a.b\"").replace(
        "]}",
        r#",{"index":1,"id":"a:b","type":"function","function":{"name":"dice","arguments":"{}"}}]}"#,
    );
    let call: Value = serde_json::from_str(&two).unwrap();
    let mut history = History::new();
    history.push_user("one");
    history.push_assistant(chatted("kimi-k2.5", &[call]), Provenance::default());
    history.push_tool_result(ToolResult::new("a.b", "1"));
    history.push_tool_result(ToolResult::new("a:b", "2"));
    // The same id in the next turn.
    let again: Value = serde_json::from_str(&CALL.replace("\"c1\"", "\"a.b\"")).unwrap();
    history.push_assistant(chatted("kimi-k2.5", &[again]), Provenance::default());
    history.push_tool_result(ToolResult::new("a.b", "3"));
    let found = rendered(
        &mut history,
        &Target::new(Provider::Anthropic, "claude-opus-4-8"),
        &Policy::default(),
    );
    for (reply, calls) in [(1, 2), (3, 1)] {
        for call in 0..calls {
            let id = &found[reply]["content"][call]["id"];
            assert_eq!(&found[reply + 1]["content"][call]["tool_use_id"], id);
        }
    }
    assert_eq!(found[4]["content"][0]["content"], "3");
}

/// Some servers call their calls as the tool is called, and so all of them the same.
#[test]
fn calls_of_one_id_keep_their_answers() {
    let (anthropic, chat, items) =
        (Provider::Anthropic, Provider::OpenAiChat, Provider::OpenAiResponses);
    for (provider, model) in [
        (anthropic, "claude-opus-4-8"),
        (chat, "gpt-4.1"),
        (chat, "mistral-large-latest"),
        (items, "gpt-5"),
    ] {
        let mut history = History::new();
        history.push_user("one");
        for answers in [["1", "2", "3"], ["4", "5", "6"]] {
            say(&mut history, "a glm-4.7 Cdice Cdice Cdice");
            for answer in answers {
                history.push_tool_result(ToolResult::new("dice", answer));
            }
        }
        let target = Target::new(provider, model);
        let found = rendered(&mut history, &target, &Policy::default());
        let found = found.to_string();
        // What asks and what answers, with the texts of the answers.
        let ids = |key: &str| -> Vec<String> {
            let key = format!("\"{key}\":\"");
            let ids = found.split(&key).skip(1);
            ids.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
        };
        let (asked, answered) = match provider {
            Provider::Anthropic => (ids("id"), ids("tool_use_id")),
            Provider::OpenAiChat => (ids("id"), ids("tool_call_id")),
            _ => ids("call_id").chunks(3).fold((vec![], vec![]), |(calls, answers), three| {
                match calls.len() > answers.len() {
                    true => (calls, [answers, three.to_vec()].concat()),
                    false => ([calls, three.to_vec()].concat(), answers),
                }
            }),
        };
        assert_eq!(asked, answered, "{found}");
        assert_eq!(asked.len(), 6, "{found}");
        for three in asked.chunks(3) {
            let unique: std::collections::BTreeSet<_> = three.iter().collect();
            assert_eq!(unique.len(), 3, "{found}");
        }
        let places =
            ["1", "2", "3", "4", "5", "6"].map(|answer| found.find(&format!("\"{answer}\"")));
        assert!(places.is_sorted() && places.iter().all(Option::is_some), "{found}");
    }
}

/// The new id of a call may be another's already.
#[test]
fn new_ids_are_nobody_elses() {
    for (provider, model) in [
        (Provider::Anthropic, "claude-opus-4-8"),
        (Provider::OpenAiChat, "gpt-4.1"),
        (Provider::OpenAiResponses, "gpt-5"),
    ] {
        let mut history = History::new();
        history.push_user("one");
        say(&mut history, "a glm-4.7 Ca Ca_1_2 Ca_1_3 Ca");
        for id in ["a", "a_1_2", "a_1_3", "a"] {
            history.push_tool_result(ToolResult::new(id, "4"));
        }
        rendered(&mut history, &Target::new(provider, model), &Policy::default());
    }
}

/// Models call by names that no tool has.
#[test]
fn calls_by_names_that_no_tool_can_have_go_out_by_others() {
    let named = |name: &str| Value::String(name.into());
    let mut item = call("c1");
    item["name"] = named("functions.dice");
    let mut chat: Value = serde_json::from_str(CALL).unwrap();
    chat["tool_calls"][0]["function"]["name"] = named("functions.dice");
    for reply in [response(&[item]), chatted("kimi-k2.5", &[chat])] {
        let mut history = History::new();
        history.push_user("one");
        history.push_assistant(reply, Provenance::default());
        history.push_tool_result(ToolResult::new("c1", "1"));
        for (provider, model, name) in [
            (Provider::OpenAiResponses, "gpt-5", "functions_dice"),
            (Provider::OpenAiChat, "gpt-4.1", "functions_dice"),
            (Provider::OpenAiChat, "gemini-2.5-pro", "functions.dice"),
            (Provider::Anthropic, "claude-opus-4-8", "functions.dice"),
        ] {
            let target = Target::new(provider, model);
            let found = rendered(&mut history, &target, &Policy::default()).to_string();
            assert!(found.contains(&format!(r#""name":"{name}""#)), "{found}");
            let report = history.preview(&target, &Policy::default()).report.to_string();
            let noted = report.contains(r#"the call "c1" goes out by the name "functions_dice""#);
            assert_eq!(noted, name == "functions_dice", "{report}");
        }
    }
}

/// A model that is told of a failure by Anthropic would take it for a result elsewhere.
#[test]
fn a_failure_that_the_api_has_no_field_for_is_noted() {
    for (provider, noted) in [
        (Provider::OpenAiResponses, true),
        (Provider::OpenAiChat, true),
        (Provider::Anthropic, false),
    ] {
        let mut history = History::new();
        history.push_user("roll");
        say(&mut history, "a claude-opus-4-8 Ct1 Ct2 Ct3");
        history.push_tool_result(ToolResult::new("t1", "no dice").error());
        history.push_tool_result(ToolResult::new("t2", "4"));
        history.push_user_json(thinkstream::Json::from(json!([
            {"type": "tool_result", "tool_use_id": "t3", "content": "no dice", "is_error": true},
        ])));
        let rendered = history.render(&Target::new(provider, "gpt-5"), &Policy::default());
        let notes: Vec<String> = rendered.report.notes.iter().map(ToString::to_string).collect();
        let said =
            |id: &str| notes.iter().any(|note| note.contains("failure") && note.contains(id));
        assert_eq!((said("t1"), said("t2"), said("t3")), (noted, false, noted), "{notes:?}");
    }
}

/// Calls that have one id in two replies: a chat takes them as they are, and elsewhere the second is renamed.
#[test]
fn calls_with_one_id_are_told_apart() {
    let tool = json!({"tool_calls": [{"index": 0, "id": "call_0", "function": {"name": "dice", "arguments": "{}"}}]});
    let mut history = History::new();
    history.push_user("one");
    for answer in ["4", "5"] {
        history
            .push_assistant(chatted("kimi-k3", std::slice::from_ref(&tool)), Provenance::default());
        history.push_tool_result(ToolResult::new("call_0", answer));
    }
    for provider in [Provider::Anthropic, Provider::OpenAiResponses, Provider::OpenAiChat] {
        let target = Target::new(provider, "gpt-5").store(false);
        assert_eq!(history.validate(&target), [], "{provider:?}");
        let rendered = history.preview(&target, &Policy::default());
        let ids: std::collections::BTreeSet<String> = rendered
            .to_json()
            .split('"')
            .filter(|word| word.starts_with("call_0"))
            .map(Into::into)
            .collect();
        let expected = if provider == Provider::OpenAiChat { 1 } else { 2 };
        assert_eq!(ids.len(), expected, "{provider:?} {}", rendered.to_json());
    }
}

/// Kimi's own endpoint speaks as Anthropic does, with ids of its own.
#[test]
fn ids_of_others_who_speak_as_anthropic_does() {
    let mut history = History::new();
    history.push_user("one");
    say(&mut history, "a kimi-k3 Cfunctions.read:0");
    history.push_tool_result(ToolResult::new("functions.read:0", "4"));
    say(&mut history, "a kimi-k3 Cfunctions.read:0");
    history.push_tool_result(ToolResult::new("functions.read:0", "5"));
    let claude = Target::new(Provider::Anthropic, "claude-opus-4-8");
    assert_eq!(history.validate(&claude), []);
    // Who has them takes them back.
    let kimi = history.preview(&Target::new(Provider::Anthropic, "kimi-k3"), &Policy::default());
    assert_eq!(kimi.to_json().matches(r#""functions.read:0""#).count(), 4);
}

/// Whoever said it in whatever words, each API gets its own.
#[test]
fn texts_images_and_documents_go_to_every_api() {
    let image = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}});
    let pdf = json!({"type": "base64", "media_type": "application/pdf", "data": "JVBE"});
    let pdf = json!({"type": "document", "source": pdf, "title": "a.pdf"});
    let url = "data:image/png;base64,iVBO";
    let file = json!({"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"});
    let input_file =
        json!({"type": "input_file", "filename": "a.pdf", "file_data": file["file_data"]});
    let said = [
        json!([{"type": "text", "text": "what is this?"}, image, pdf]),
        json!([{"type": "input_text", "text": "what is this?"}, {"type": "input_image", "image_url": url}, input_file]),
        json!([{"type": "text", "text": "what is this?"}, {"type": "image_url", "image_url": {"url": url}}, {"type": "file", "file": file}]),
    ];
    for (provider, own) in [Provider::Anthropic, Provider::OpenAiResponses, Provider::OpenAiChat]
        .into_iter()
        .zip(&said)
    {
        for (content, whole) in said.iter().flat_map(|said| [(said, false), (said, true)]) {
            let mut history = History::new();
            let message = json!({"role": "user", "content": content});
            let message = if whole { message } else { content.clone() };
            history.push_user_json(thinkstream::Json::from(message));
            say(&mut history, "a claude-opus-4-8 Ct1");
            history
                .push_tool_result(ToolResult::json("t1", thinkstream::Json::from(content.clone())));
            let target = Target::new(provider, "gpt-5");
            let rendered = history.render(&target, &Policy::default());
            let messages: Vec<Value> = serde_json::from_str(&rendered.to_json()).unwrap();
            assert_eq!(messages[0]["content"], *own, "{content}");
            let result = &messages[2];
            let inner = match provider {
                Provider::Anthropic => &result["content"][0]["content"],
                Provider::OpenAiResponses => &result["output"],
                // Tools say texts, and the user shows the rest.
                _ => {
                    assert_eq!(result["content"], "what is this?");
                    assert_eq!(messages[3], json!({"role": "user", "content": [own[1], own[2]]}));
                    own
                }
            };
            assert_eq!(inner, own, "{content}");
            assert_eq!(history.validate(&target), [], "{content}");
        }
    }
    // What has no twin is found.
    for (provider, content) in [
        (Provider::Anthropic, json!([{"type": "input_file", "file_id": "f"}])),
        (
            Provider::OpenAiResponses,
            json!([{"type": "document", "source": {"type": "content", "content": "a"}}]),
        ),
        (Provider::OpenAiResponses, json!([{"type": "file", "file": {}}])),
        (Provider::Anthropic, json!([{"type": "file", "file": {"file_id": "f"}}])),
        (
            Provider::OpenAiChat,
            json!([{"type": "image", "source": {"type": "file", "file_id": "f"}}]),
        ),
    ] {
        for in_result in [false, true] {
            let mut history = History::new();
            let content = thinkstream::Json::from(content.clone());
            if in_result {
                history.push_user("hi");
                say(&mut history, "a claude-opus-4-8 Ct1");
                history.push_tool_result(ToolResult::json("t1", content));
            } else {
                history.push_user_json(content);
            }
            let target = Target::new(provider, "gpt-5");
            let found = history.validate(&target);
            let kinds: Vec<_> = found.iter().map(|finding| finding.kind).collect();
            assert_eq!(kinds, [FindingKind::InvalidBlock], "{provider:?} {in_result}");
            let rendered = history.render(&target, &Policy::default());
            let repaired = rendered.repair(&target);
            assert_eq!(validate(&repaired.messages, &repaired.target), [], "{provider:?}");
        }
    }
}
