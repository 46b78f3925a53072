//! What the API would refuse in an array of messages, and how it is mended.

mod common;

use common::talk::{history, tell};
use proptest::prelude::*;
use serde_json::{Value, json};
use thinkstream::history::{Finding, FindingKind, Mode, Target, repair, validate};
use thinkstream::models::Model;
use thinkstream::{Json, Provider};

fn target(mode: Mode) -> Target {
    Target::new(Provider::Anthropic, "claude-sonnet-4-5").mode(mode)
}

fn messages(value: &Value) -> Vec<Json> {
    value.as_array().unwrap().iter().map(|message| message.clone().into()).collect()
}

fn values(messages: &[Json]) -> Vec<Value> {
    messages.iter().map(|message| serde_json::from_str(message).unwrap()).collect()
}

fn short(found: &[Finding]) -> Vec<String> {
    found
        .iter()
        .map(|finding| {
            let id = finding.id.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
            format!("{:?} {}{id}", finding.kind, finding.path)
        })
        .collect()
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn marked(mut block: Value, ttl: Option<&str>) -> Value {
    block["cache_control"] = match ttl {
        Some(ttl) => json!({"type": "ephemeral", "ttl": ttl}),
        None => json!({"type": "ephemeral"}),
    };
    block
}

fn thinking(signature: &str) -> Value {
    json!({"type": "thinking", "thinking": "t", "signature": signature})
}

fn call(id: &str) -> Value {
    json!({"type": "tool_use", "id": id, "name": "dice", "input": {"n": 9_007_199_254_740_993_u64}})
}

fn result(id: &str) -> Value {
    json!({"type": "tool_result", "tool_use_id": id, "content": "4"})
}

fn user(content: impl Into<Value>) -> Value {
    json!({"role": "user", "content": content.into()})
}

fn model(content: impl Into<Value>) -> Value {
    json!({"role": "assistant", "content": content.into()})
}

/// Messages, the mode, what is found, and what is left when it is mended.
fn cases() -> Vec<(&'static str, Value, Mode, &'static [&'static str], &'static str)> {
    let hi = || user("hi");
    vec![
        ("nothing", json!([]), Mode::Unknown, &["NoMessages $.messages"], "u['Go_on.']"),
        (
            "in order",
            json!([hi(), model("x"), hi()]),
            Mode::Adaptive,
            &[],
            "u['hi'] a['x'] u['hi']",
        ),
        (
            "a call without an answer",
            json!([hi(), model([thinking("s"), call("t1")]), hi()]),
            Mode::Enabled,
            &["OrphanToolUse $.messages[1].content[1] t1"],
            "u['hi'] a[Ks Ct1] u[xt1 Thi]",
        ),
        (
            "a call at the end",
            json!([hi(), model([call("t1")])]),
            Mode::Off,
            &["OrphanToolUse $.messages[1].content[0] t1"],
            "u['hi'] a[Ct1] u[xt1]",
        ),
        (
            "an answer without a call",
            json!([hi(), model("x"), user([result("t1"), text("y")])]),
            Mode::Unknown,
            &["OrphanToolResult $.messages[2].content[0] t1"],
            "u['hi'] a['x'] u[Ty]",
        ),
        (
            "an answer too late",
            json!([hi(), model([call("t1")]), hi(), model("x"), user([result("t1")])]),
            Mode::Unknown,
            &[
                "OrphanToolUse $.messages[1].content[0] t1",
                "OrphanToolResult $.messages[4].content[0] t1",
            ],
            "u['hi'] a[Ct1] u[xt1 Thi] a['x'] u[TGo_on.]",
        ),
        (
            "two answers",
            json!([hi(), model([call("t1")]), user([result("t1"), result("t1")])]),
            Mode::Unknown,
            &["DuplicateToolResult $.messages[2].content[1] t1"],
            "u['hi'] a[Ct1] u[rt1]",
        ),
        (
            "an answer behind text",
            json!([hi(), model([call("t1")]), user([text("x"), result("t1")])]),
            Mode::Unknown,
            &["ToolResultNotFirst $.messages[2].content[1] t1"],
            "u['hi'] a[Ct1] u[rt1 Tx]",
        ),
        (
            "failures without a text, and with an image",
            json!([
                hi(),
                model([call("t1"), call("t2"), call("t3"), call("t4")]),
                user([
                    json!({"type": "tool_result", "tool_use_id": "t1", "is_error": true}),
                    json!({"type": "tool_result", "tool_use_id": "t2", "content": "", "is_error": true}),
                    json!({"type": "tool_result", "tool_use_id": "t3", "content": [text("x"), json!({"type": "image"})], "is_error": true}),
                    json!({"type": "tool_result", "tool_use_id": "t4", "content": [text("x")], "is_error": true}),
                ]),
            ]),
            Mode::Unknown,
            &[
                "InvalidErrorResult $.messages[2].content[0] t1",
                "InvalidErrorResult $.messages[2].content[1] t2",
                "InvalidErrorResult $.messages[2].content[2] t3",
            ],
            "u['hi'] a[Ct1 Ct2 Ct3 Ct4] u[xt1 xt2 rt3 xt4]",
        ),
        (
            "an answer with a text that is none",
            json!([
                hi(),
                model([call("t1"), call("t2")]),
                user([
                    json!({"type": "tool_result", "tool_use_id": "t1", "content": [text(""), text("x")]}),
                    json!({"type": "tool_result", "tool_use_id": "t2", "content": [text(" ")], "is_error": true}),
                ])
            ]),
            Mode::Unknown,
            &["EmptyText $.messages[2].content[0] t1", "EmptyText $.messages[2].content[1] t2"],
            "u['hi'] a[Ct1 Ct2] u[rt1 xt2]",
        ),
        (
            "two answers behind text",
            json!([
                hi(),
                model([call("t1"), call("t2")]),
                user([text("x"), result("t1"), text("y"), result("t2")])
            ]),
            Mode::Unknown,
            &[
                "ToolResultNotFirst $.messages[2].content[1] t1",
                "ToolResultNotFirst $.messages[2].content[3] t2",
            ],
            "u['hi'] a[Ct1 Ct2] u[rt1 rt2 Tx Ty]",
        ),
        (
            "one of two answers",
            json!([hi(), model([call("t1"), call("t2")]), user([result("t2"), text("x")])]),
            Mode::Unknown,
            &["OrphanToolUse $.messages[1].content[0] t1"],
            "u['hi'] a[Ct1 Ct2] u[rt2 xt1 Tx]",
        ),
        (
            "an answer in a message that cannot have it",
            json!([hi(), model([call("t1")]), {"role": "tool", "content": [result("t1")]}]),
            Mode::Unknown,
            &[
                "OrphanToolUse $.messages[1].content[0] t1",
                "OrphanToolResult $.messages[2].content[0] t1",
                "InvalidRole $.messages[2]",
            ],
            "u['hi'] a[Ct1] u[rt1]",
        ),
        (
            "one id three times, twice in one message",
            json!([
                hi(),
                model([call("t1")]),
                user([result("t1")]),
                model([call("t1"), call("t1")]),
                user([result("t1")])
            ]),
            Mode::Unknown,
            &[
                "DuplicateToolId $.messages[3].content[0] t1",
                "DuplicateToolId $.messages[3].content[1] t1",
            ],
            "u['hi'] a[Ct1] u[rt1] a[Ct1_3 Ct1_3_2] u[rt1_3 xt1_3_2]",
        ),
        (
            "one id twice",
            json!([
                hi(),
                model([call("t1")]),
                user([result("t1")]),
                model([call("t1")]),
                user([result("t1")])
            ]),
            Mode::Unknown,
            &["DuplicateToolId $.messages[3].content[0] t1"],
            "u['hi'] a[Ct1] u[rt1] a[Ct1_3] u[rt1_3]",
        ),
        (
            "an id that the API does not take",
            json!([hi(), model([call("functions.dice:0")]), user([result("functions.dice:0")])]),
            Mode::Unknown,
            &[
                "InvalidToolId $.messages[1].content[0] functions.dice:0",
                "InvalidToolId $.messages[2].content[0] functions.dice:0",
            ],
            "u['hi'] a[Cfunctions_dice_0] u[rfunctions_dice_0]",
        ),
        (
            "thinking at the end",
            json!([hi(), model([text("x"), thinking("s")]), hi()]),
            Mode::Unknown,
            &["ThinkingLast $.messages[1].content[1]"],
            "u['hi'] a[Tx] u['hi']",
        ),
        (
            "nothing but thinking",
            json!([hi(), model([thinking("s")]), hi()]),
            Mode::Unknown,
            &["ThinkingLast $.messages[1].content[0]"],
            "u[Thi Thi]",
        ),
        (
            "a loop without thinking",
            json!([
                hi(),
                model([thinking("s"), text("x")]),
                hi(),
                model([call("t1")]),
                user([result("t1")])
            ]),
            Mode::Enabled,
            &["LoopWithoutThinking $.messages[3].content[0]"],
            "u['hi'] a[Tx] u['hi'] a[Ct1] u[rt1]",
        ),
        (
            "the same where the model decides",
            json!([hi(), model([call("t1")]), user([result("t1")])]),
            Mode::Adaptive,
            &[],
            "u['hi'] a[Ct1] u[rt1]",
        ),
        (
            "thinking that is not signed",
            json!([
                hi(),
                model([thinking(""), json!({"type": "thinking", "thinking": "x"}), text("x")]),
                hi()
            ]),
            Mode::Unknown,
            &[
                "UnsignedThinking $.messages[1].content[0]",
                "UnsignedThinking $.messages[1].content[1]",
            ],
            "u['hi'] a[Tx] u['hi']",
        ),
        (
            "thinking without its text",
            json!([hi(), model([json!({"type": "thinking", "signature": "s"}), text("x")]), hi()]),
            Mode::Unknown,
            &["ThinkingWithoutText $.messages[1].content[0]"],
            "u['hi'] a[Es Tx] u['hi']",
        ),
        (
            "redacted thinking without data",
            json!([
                hi(),
                model([
                    json!({"type": "redacted_thinking"}),
                    json!({"type": "redacted_thinking", "data": ""}),
                    text("x")
                ]),
                hi()
            ]),
            Mode::Unknown,
            &[
                "RedactedWithoutData $.messages[1].content[0]",
                "RedactedWithoutData $.messages[1].content[1]",
            ],
            "u['hi'] a[Tx] u['hi']",
        ),
        (
            "thinking while it is off",
            json!([
                hi(),
                model([
                    thinking("s"),
                    json!({"type": "redacted_thinking", "data": "d"}),
                    text("x")
                ]),
                hi()
            ]),
            Mode::Off,
            &[
                "ThinkingWhileOff $.messages[1].content[0]",
                "ThinkingWhileOff $.messages[1].content[1]",
            ],
            "u['hi'] a[Tx] u['hi']",
        ),
        (
            "text without text",
            json!([user(""), model([text(" \n"), text("x"), text("")]), hi()]),
            Mode::Unknown,
            &[
                "EmptyText $.messages[0].content",
                "EmptyText $.messages[1].content[0]",
                "EmptyText $.messages[1].content[2]",
            ],
            "u['(The_beginning_of_the_conversation_is_missing.)'] a[Tx] u['hi']",
        ),
        (
            "no content",
            json!([hi(), model(json!([])), hi(), {"role": "assistant"}]),
            Mode::Unknown,
            &["EmptyMessage $.messages[1]", "EmptyMessage $.messages[3]"],
            "u[Thi Thi]",
        ),
        (
            "marks where none can be",
            json!([
                user([marked(text(""), None), marked(text("x"), None)]),
                model([
                    marked(thinking("s"), None),
                    marked(json!({"type": "redacted_thinking", "data": "d"}), None),
                    text("x")
                ]),
                hi(),
            ]),
            Mode::Unknown,
            &[
                "EmptyText $.messages[0].content[0]",
                "CacheMarkForbidden $.messages[0].content[0]",
                "CacheMarkForbidden $.messages[1].content[0]",
                "CacheMarkForbidden $.messages[1].content[1]",
            ],
            "u[Tx^] a[Ks d Tx] u['hi']",
        ),
        (
            "five marks",
            json!([user([
                marked(text("a"), None),
                marked(text("b"), None),
                marked(text("c"), None),
                marked(text("d"), None),
                marked(text("e"), None)
            ])]),
            Mode::Unknown,
            &["TooManyMarks $.messages[0].content[4]"],
            "u[Ta Tb^ Tc^ Td^ Te^]",
        ),
        (
            "the longer-lived behind the shorter",
            json!([user([
                marked(text("a"), Some("1h")),
                marked(text("b"), None),
                marked(text("c"), Some("1h"))
            ])]),
            Mode::Unknown,
            &["TtlOrder $.messages[0].content[2]"],
            "u[Ta^1h Tb^ Tc^]",
        ),
        (
            "the longer-lived first",
            json!([user([
                marked(text("a"), Some("1h")),
                marked(text("b"), Some("1h")),
                marked(text("c"), None),
                marked(text("d"), None)
            ])]),
            Mode::Unknown,
            &[],
            "u[Ta^1h Tb^1h Tc^ Td^]",
        ),
        (
            "one role twice",
            json!([hi(), hi(), model([thinking("s"), text("x")]), model("y"), hi()]),
            Mode::Unknown,
            &["ConsecutiveRoles $.messages[1]", "ConsecutiveRoles $.messages[3]"],
            "u[Thi Thi] a[Ks Tx Ty] u['hi']",
        ),
        (
            "the assistant first",
            json!([model("x"), hi()]),
            Mode::Unknown,
            &["FirstNotUser $.messages[0]"],
            "u['(The_beginning_of_the_conversation_is_missing.)'] a['x'] u['hi']",
        ),
        (
            "a compaction first",
            json!([model([json!({"type": "compaction", "content": "s"})]), hi()]),
            Mode::Unknown,
            &[],
            "a[Ps] u['hi']",
        ),
        (
            "the assistant last",
            json!([hi(), model("x")]),
            Mode::Enabled,
            &["Prefill $.messages[1]"],
            "u['hi'] a['x'] u['Go_on.']",
        ),
        (
            "the assistant last, not thinking",
            json!([hi(), model("x")]),
            Mode::Off,
            &[],
            "u['hi'] a['x']",
        ),
        (
            "a pause",
            json!([
                hi(),
                model([
                    json!({"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}})
                ])
            ]),
            Mode::Enabled,
            &[],
            "u['hi'] a[Ss1]",
        ),
        (
            "what a system says between",
            json!([hi(), model([call("t1")]), {"role": "system", "content": "now"}, user([result("t1")])]),
            Mode::Unknown,
            &[],
            "u['hi'] a[Ct1] s['now'] u[rt1]",
        ),
        (
            "a call without an answer before what a system says and another reply",
            json!([hi(), model([call("t1")]), {"role": "system", "content": "now"}, model("x"), hi()]),
            Mode::Unknown,
            &["OrphanToolUse $.messages[1].content[0] t1"],
            "u['hi'] a[Ct1] s['now'] u[xt1] a['x'] u['hi']",
        ),
        (
            "a role that there is not",
            json!([{"role": "tool", "content": "x"}, hi()]),
            Mode::Unknown,
            &["InvalidRole $.messages[0]"],
            "u['hi']",
        ),
    ]
}

#[test]
fn each_is_found_and_mended() {
    for (name, value, mode, expected, left) in cases() {
        let messages = messages(&value);
        assert_eq!(short(&validate(&messages, &target(mode))), expected, "{name}");
        let repaired = repair(&messages, &target(mode));
        if name != "an answer too late" {
            assert_eq!(tell(&values(&repaired.messages)), left, "{name}");
        }
        assert_eq!(repaired.changes.is_empty(), expected.is_empty(), "{name}");
        assert_eq!(repaired.thinking_off, name == "a loop without thinking", "{name}");
        check(&repaired);
        if expected.is_empty() {
            assert_eq!(repaired.messages, messages, "{name}");
        }
    }
}

/// What is mended has nothing wrong with it, and is not mended again.
fn check(repaired: &thinkstream::history::Repaired) {
    let found = validate(&repaired.messages, &repaired.target);
    assert!(found.is_empty(), "{found:?} in {:?}", repaired.messages);
    let again = repair(&repaired.messages, &repaired.target);
    assert_eq!(again.messages, repaired.messages);
    assert!(again.changes.is_empty() && !again.thinking_off);
}

#[test]
fn a_call_whose_input_is_no_object() {
    let mut bad = call("t1");
    bad["input"] = "{}".into();
    let messages = messages(&json!([user("hi"), model([bad]), user([result("t1")])]));
    let found = short(&validate(&messages, &target(Mode::Unknown)));
    assert_eq!(found, ["InvalidToolInput $.messages[1].content[0] t1"]);
    let repaired = repair(&messages, &target(Mode::Unknown));
    assert!(repaired.messages[1].contains(r#""input":{}"#));
    assert_eq!(
        repaired.changes[0].to_string(),
        "$.messages[1].content[0]: a tool call whose input has the wrong type (\"t1\"): the input was emptied"
    );
    check(&repaired);
}

#[test]
fn openai_has_rules_of_its_own() {
    let sealed = |id: &str, sealed: Value| json!({"type": "reasoning", "id": id, "summary": [], "encrypted_content": sealed});
    let reasoning =
        |content: Value| sealed(&format!("rs_{}", content.as_str().unwrap_or_default()), content);
    let item = |id: &str| json!({"type": "function_call", "call_id": id, "name": "dice", "arguments": "{}"});
    let output = |id: &str| json!({"type": "function_call_output", "call_id": id, "output": "4"});
    let said = || json!({"type": "message", "role": "assistant", "content": []});
    let calls = |ids: &[&str]| {
        let call = |id| json!({"id": id, "type": "function", "function": {"name": "dice", "arguments": "{}"}});
        let calls: Vec<_> = ids.iter().map(call).collect();
        json!({"role": "assistant", "content": null, "tool_calls": calls})
    };
    let answer = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "4"});
    let (items, chat) = (Provider::OpenAiResponses, Provider::OpenAiChat);
    for (provider, value, expected) in [
        (items, json!([user("hi"), reasoning("x".into()), said(), user("bye")]), &[][..]),
        (
            items,
            json!([reasoning("x".into()), reasoning("y".into()), item("c1"), output("c1")]),
            &[],
        ),
        (items, json!([reasoning(Value::Null), said()]), &["UnsignedThinking $.input[0]"]),
        (items, json!([user("hi"), reasoning("x".into())]), &["ThinkingLast $.input[1]"]),
        (items, json!([reasoning("x".into()), user("hi")]), &["ThinkingLast $.input[0]"]),
        (
            items,
            json!([sealed("rs_1", "x".into()), said(), sealed("rs_1", "x".into()), said()]),
            &["DuplicateItem $.input[2]"],
        ),
        (
            items,
            json!([user("hi"), "x", 5, Value::Null, {"a": 1}]),
            &[
                "InvalidBlock $.input[1]",
                "InvalidBlock $.input[2]",
                "InvalidBlock $.input[3]",
                "InvalidBlock $.input[4]",
            ],
        ),
        (
            items,
            json!([{"type": "tool_search_call", "call_id": "a"}, {"type": "tool_search_output", "call_id": "a", "tools": []}]),
            &[],
        ),
        (
            items,
            json!([{"type": "reasoning", "encrypted_content": "x"}, said()]),
            &["ThinkingWithoutText $.input[0]"],
        ),
        (
            items,
            json!([{"type": "function_call", "call_id": "c1", "name": "dice", "arguments": {"n": 2}}, output("c1")]),
            &["InvalidToolInput $.input[0] c1"],
        ),
        (
            items,
            json!([sealed(&"x".repeat(65), "x".into()), said()]),
            &["InvalidItemId $.input[0]"],
        ),
        (items, json!([sealed("thinking_0", "x".into()), said()]), &["InvalidItemId $.input[0]"]),
        (
            items,
            json!([{"type": "function_call", "id": "call_1", "call_id": "c1", "name": "dice", "arguments": "{}"}, output("c1")]),
            &["InvalidItemId $.input[0]"],
        ),
        (items, json!([{"type": "web_search_call", "id": "wx+1"}]), &["InvalidItemId $.input[0]"]),
        (items, json!([{"type": "web_search_call", "id": "ws_1"}]), &[]),
        (items, json!([{"type": "item_reference", "id": "x+1"}]), &[]),
        (
            items,
            json!([user([json!({"type": "output_text", "text": "x"})])]),
            &["InvalidBlock $.input[0]"],
        ),
        (
            items,
            json!([model([json!({"type": "input_text", "text": "x"})])]),
            &["InvalidBlock $.input[0]"],
        ),
        (items, json!([model([json!({"type": "refusal", "refusal": "x"})])]), &[]),
        (
            items,
            json!([item("c1"), {"type": "function_call_output", "call_id": "c1", "output": [{"type": "output_text", "text": "x"}]}]),
            &["InvalidBlock $.input[1] c1"],
        ),
        (items, json!([]), &["NoMessages $.input"]),
        (items, json!([item("c1")]), &["OrphanToolUse $.input[0] c1"]),
        (items, json!([output("c1")]), &["OrphanToolResult $.input[0] c1"]),
        (
            items,
            json!([item("c1"), output("c1"), output("c1")]),
            &["DuplicateToolResult $.input[2] c1"],
        ),
        (
            items,
            json!([item("c1"), output("c1"), item("c1"), output("c1")]),
            &["DuplicateToolId $.input[2] c1"],
        ),
        (chat, json!([user("hi"), calls(&["a", "b"]), answer("b"), answer("a")]), &[]),
        (
            chat,
            json!([user("hi"), calls(&["a", "b"]), answer("a"), user("x")]),
            &["OrphanToolUse $.messages[1] b"],
        ),
        (chat, json!([answer("a")]), &["OrphanToolResult $.messages[0] a"]),
        (chat, json!([calls(&["a"]), answer("a"), calls(&["a"]), answer("a")]), &[]),
        (
            chat,
            json!([calls(&["a"]), calls(&["a"]), answer("a")]),
            &["OrphanToolUse $.messages[0] a"],
        ),
        (chat, json!([calls(&["a", "a"]), answer("a")]), &["DuplicateToolId $.messages[0] a"]),
        (
            chat,
            json!([user("hi"), {"role": "assistant", "content": null}]),
            &["EmptyMessage $.messages[1]"],
        ),
        (chat, json!([{"role": "robot", "content": "x"}]), &["InvalidRole $.messages[0]"]),
        (chat, json!([]), &["NoMessages $.messages"]),
        // This is for Mistral alone.
        (chat, json!([user("hi"), calls(&["a"]), answer("a"), user("x")]), &[]),
    ] {
        let target = Target::new(provider, "gpt-5").store(false);
        let messages = messages(&value);
        let found = short(&validate(&messages, &target));
        assert_eq!(found, expected, "{value}");
        let repaired = repair(&messages, &target);
        assert_eq!(repaired.changes.is_empty(), expected.is_empty());
        check(&repaired);
    }
}

/// The first answer is to the first call, or a tool that was run is run again.
#[test]
fn calls_with_one_id_keep_their_own_answers() {
    let said = |mended: &[Value], at: usize| mended[at].to_string();
    let call =
        |id: &str, n: u8| json!({"type": "tool_use", "id": id, "name": "dice", "input": {"n": n}});
    let result =
        |id: &str, text: &str| json!({"type": "tool_result", "tool_use_id": id, "content": text});
    let all = json!([
        user("hi"),
        model([call("a", 1), call("a", 2), call("b", 3), call("a", 4)]),
        user([result("a", "R1"), result("b", "R3"), result("a", "R2"), result("a", "R4")]),
        model([call("a", 5)]),
        user([result("a", "R5")]),
    ]);
    let claude = Target::new(Provider::Anthropic, "claude-sonnet-4-5");
    let mended = repair(&messages(&all), &claude);
    check(&mended);
    let mended = values(&mended.messages);
    for (at, n) in [(1, 1), (1, 2), (1, 3), (1, 4), (3, 5)] {
        let calls = mended[at]["content"].as_array().unwrap();
        let id = &calls.iter().find(|call| call["input"]["n"] == n).unwrap()["id"];
        let answers = mended[at + 1]["content"].as_array().unwrap();
        let answer = answers.iter().find(|answer| answer["tool_use_id"] == *id).unwrap();
        assert_eq!(answer["content"], format!("R{n}"), "{mended:?}");
    }

    let item = |n: u8| json!({"type": "function_call", "call_id": "a", "name": "dice", "arguments": n.to_string()});
    let output =
        |text: &str| json!({"type": "function_call_output", "call_id": "a", "output": text});
    let items = Target::new(Provider::OpenAiResponses, "gpt-5");
    for all in [
        json!([item(1), output("R1"), item(2), output("R2"), item(3), output("R3")]),
        json!([item(1), item(2), item(3), output("R1"), output("R2"), output("R3")]),
    ] {
        let mended = repair(&messages(&all), &items);
        check(&mended);
        let mended = values(&mended.messages);
        assert_eq!(mended.len(), 6, "{mended:?}");
        for n in ["1", "2", "3"] {
            let call = mended.iter().find(|item| item["arguments"] == n).unwrap();
            let is_answer = |item: &&Value| item["output"] == format!("R{n}");
            let answer = mended.iter().find(is_answer).unwrap();
            assert_eq!(call["call_id"], answer["call_id"], "{}", said(&mended, 0));
        }
    }

    let chat = Target::new(Provider::OpenAiChat, "gpt-5");
    let call = |n: u8| json!({"id": "a", "type": "function", "function": {"name": "dice", "arguments": n.to_string()}});
    let answer = |text: &str| json!({"role": "tool", "tool_call_id": "a", "content": text});
    let reply = json!({"role": "assistant", "content": null, "tool_calls": [call(1), call(2)]});
    let all =
        json!([user("hi"), reply, answer("R1"), answer("R2"), reply, answer("R1"), answer("R2")]);
    let mended = repair(&messages(&all), &chat);
    check(&mended);
    let mended = values(&mended.messages);
    for at in [1, 4] {
        for call in 0..2 {
            let id = &mended[at]["tool_calls"][call]["id"];
            assert_eq!(mended[at + 1 + call]["tool_call_id"], *id, "{mended:?}");
            assert_eq!(mended[at + 1 + call]["content"], format!("R{}", call + 1));
        }
    }
}

/// Mistral refuses a user who speaks right behind the answers of tools.
#[test]
fn mistral_has_to_speak_between_its_tools_and_the_user() {
    let call = json!({"id": "D681PevKs", "type": "function", "function": {"name": "dice", "arguments": "{}"}});
    let calls = || json!({"role": "assistant", "content": null, "tool_calls": [call]});
    let answer = || json!({"role": "tool", "tool_call_id": "D681PevKs", "content": "4"});
    let system = json!({"role": "system", "content": "x"});
    for (value, expected) in [
        (json!([user("hi"), calls(), answer(), user("x")]), &["MissingReply $.messages[3]"][..]),
        (json!([user("hi"), calls(), answer(), model("x"), user("x"), user("y")]), &[]),
        (json!([user("hi"), calls(), answer(), system, user("x")]), &[]),
        (json!([user("hi"), calls(), answer()]), &[]),
        // The answer that is put in stands before the user too.
        (json!([user("hi"), calls(), user("x")]), &["OrphanToolUse $.messages[1] D681PevKs"]),
    ] {
        let target = Target::new(Provider::OpenAiChat, "mistral-large-latest");
        assert_eq!(short(&validate(&messages(&value), &target)), expected, "{value}");
        let mended = repair(&messages(&value), &target);
        check(&mended);
        let roles: Vec<Value> =
            values(&mended.messages).iter().map(|it| it["role"].clone()).collect();
        if !expected.is_empty() {
            assert_eq!(roles, ["user", "assistant", "tool", "assistant", "user"], "{value}");
        }
    }
}

/// Both APIs take the arguments of a call as text alone.
#[test]
fn arguments_become_text() {
    let function = |arguments: Value| json!({"name": "dice", "arguments": arguments});
    let call =
        |id: &str, function: Value| json!({"id": id, "type": "function", "function": function});
    let answer = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "4"});
    let calls = json!([
        call("a", function(json!({"n": 2}))),
        call("b", function("{\"n\": 3}".into())),
        call("c", json!({"name": "dice"})),
        json!({"id": "d", "type": "custom", "custom": {"name": "patch", "input": "x"}}),
    ]);
    let reply = json!({"role": "assistant", "content": null, "tool_calls": calls});
    let all = json!([user("hi"), reply, answer("a"), answer("b"), answer("c"), answer("d")]);
    let target = Target::new(Provider::OpenAiChat, "gpt-5");
    let found = short(&validate(&messages(&all), &target));
    assert_eq!(found, ["InvalidToolInput $.messages[1] a", "InvalidToolInput $.messages[1] c"]);
    let mended = values(&repair(&messages(&all), &target).messages);
    let said = |at: usize| mended[1]["tool_calls"][at]["function"]["arguments"].clone();
    assert_eq!([said(0), said(1), said(2)], [r#"{"n":2}"#, r#"{"n": 3}"#, "{}"]);
    assert_eq!(mended[1]["tool_calls"][3], calls[3]);

    let item =
        json!({"type": "function_call", "call_id": "a", "name": "dice", "arguments": {"n": 2}});
    let output = json!({"type": "function_call_output", "call_id": "a", "output": "4"});
    let target = Target::new(Provider::OpenAiResponses, "gpt-5");
    let mended = values(&repair(&messages(&json!([item, output])), &target).messages);
    assert_eq!(mended[0]["arguments"], r#"{"n":2}"#);
    // And reasoning with a summary, which may be empty.
    let reasoning = json!({"type": "reasoning", "id": "rs_1", "encrypted_content": "x"});
    let mended = repair(&messages(&json!([reasoning, model("x")])), &target).messages;
    assert_eq!(values(&mended)[0]["summary"], json!([]));
}

/// Programs write an empty list where there are no calls, and chats refuse it; so they do a content without parts.
#[test]
fn lists_with_nothing_in_them() {
    let target = Target::new(Provider::OpenAiChat, "gpt-5");
    let reply = |content: Value| json!({"role": "assistant", "content": content, "tool_calls": []});
    for (value, expected, mended) in [
        (
            json!([user("hi"), reply("x".into()), user("y")]),
            &["EmptyToolCalls $.messages[1]"][..],
            json!([user("hi"), {"role": "assistant", "content": "x"}, user("y")]),
        ),
        (
            json!([user("hi"), reply(json!([])), user("y")]),
            &["EmptyMessage $.messages[1]", "EmptyToolCalls $.messages[1]"],
            json!([user("hi"), user("y")]),
        ),
        (
            json!([{"role": "user", "content": [ ]}, user("y")]),
            &["EmptyMessage $.messages[0]"],
            json!([user("y")]),
        ),
    ] {
        assert_eq!(short(&validate(&messages(&value), &target)), expected, "{value}");
        let repaired = repair(&messages(&value), &target);
        check(&repaired);
        assert_eq!(Value::from(values(&repaired.messages)), mended);
    }
}

/// A model that wants its reasoning back refuses calls without it, and Kimi those with an empty one.
#[test]
fn a_call_without_the_reasoning_that_is_wanted() {
    let call =
        json!({"id": "a", "type": "function", "function": {"name": "dice", "arguments": "{}"}});
    let all = |thought: Option<(&str, &str)>| {
        let mut reply = json!({"role": "assistant", "content": null, "tool_calls": [call]});
        if let Some((key, text)) = thought {
            reply[key] = text.into();
        }
        let answer = json!({"role": "tool", "tool_call_id": "a", "content": "4"});
        messages(&json!([user("hi"), reply, answer, model("b"), user("go on")]))
    };
    let of = |model: &str| Target::new(Provider::OpenAiChat, model);
    let missing = &["ThinkingMissing $.messages[1]"][..];
    for (target, thought, expected) in [
        (of("deepseek-v4"), None, missing),
        (of("deepseek-v4").mode(Mode::Off), None, &[]),
        (of("deepseek-v4"), Some(("reasoning_content", "")), &[]),
        (of("kimi-k2.6"), None, missing),
        (of("kimi-k2.6"), Some(("reasoning_content", "")), missing),
        (of("kimi-k2.6"), Some(("reasoning_content", " ")), &[]),
        (of("kimi-k2.6"), Some(("reasoning", "hm")), &[]),
        (of("kimi-k2.6"), Some(("reasoning_details", "hm")), &[]),
        (of("kimi-k2-0905-preview"), None, &[]),
        (of("glm-5"), None, &[]),
        (of("gpt-5"), None, &[]),
    ] {
        let found = short(&validate(&all(thought), &target));
        assert_eq!(found, expected, "{} {thought:?}", target.model);
        let mended = repair(&all(thought), &target);
        check(&mended);
        let said = values(&mended.messages)[1].get("reasoning_content").cloned();
        let space = target.model.starts_with("kimi");
        if !expected.is_empty() {
            assert_eq!(said, Some(if space { " " } else { "" }.into()), "{}", target.model);
        }
    }
}

/// A tool that was run is never said not to have been: of its result only what the API cannot take is left out.
#[test]
fn a_result_survives_its_foreign_parts() {
    let foreign =
        |kind: &str| json!([{"type": "text", "text": "Sent 500."}, {"type": kind, "file_id": "f"}]);
    let said = |kind: &str| format!("[{kind}: left out, for this API does not take it]");
    let call = json!({"type": "function_call", "call_id": "a", "name": "n", "arguments": "{}"});
    for (provider, messages_before, at, key) in [
        (
            Provider::Anthropic,
            json!([
                user("hi"),
                model([self::call("t1")]),
                user([{
                    let mut answer = result("t1");
                    answer["content"] = foreign("input_file");
                    answer
                }])
            ]),
            2,
            "content",
        ),
        (
            Provider::OpenAiResponses,
            json!([call, {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_text", "text": "Sent 500."}, {"type": "document"}]}]),
            1,
            "output",
        ),
        (
            Provider::OpenAiChat,
            json!([{"role": "assistant", "content": null, "tool_calls": [{"id": "a"}]}, {"role": "tool", "tool_call_id": "a", "content": foreign("image_url")}]),
            1,
            "content",
        ),
    ] {
        let target = Target::new(provider, "gpt-5").store(false);
        let repaired = repair(&messages(&messages_before), &target);
        check(&repaired);
        let found = &values(&repaired.messages)[at];
        let found = if provider == Provider::Anthropic { &found["content"][0] } else { found };
        let texts: Vec<_> =
            found[key].as_array().unwrap().iter().map(|it| it["text"].clone()).collect();
        let kind = match provider {
            Provider::Anthropic => "input_file",
            Provider::OpenAiResponses => "document",
            _ => "image_url",
        };
        assert_eq!(texts, [json!("Sent 500."), json!(said(kind))], "{provider:?}");
        assert!(!found.to_string().contains("not run"), "{found}");
    }
    // Nor is a question lost for one part of it; and text stays text, by whatever name.
    for (provider, text) in
        [(Provider::OpenAiResponses, "input_text"), (Provider::OpenAiChat, "text")]
    {
        let target = Target::new(provider, "gpt-5").store(false);
        let asked = user([json!({"type": "document"}), json!({"type": "text", "text": "what?"})]);
        let repaired = repair(&messages(&json!([asked])), &target);
        let expected =
            [said("document"), "what?".into()].map(|it| json!({"type": text, "text": it}));
        assert_eq!(values(&repaired.messages), [user(expected.to_vec())]);
    }
}

/// However late an answer comes, it is that of its call.
#[test]
fn a_late_answer_is_moved_to_its_call() {
    let late = json!([
        user("hi"),
        model([call("t1"), call("t2")]),
        user([result("t1")]),
        model("busy"),
        user([
            json!({"type": "tool_result", "tool_use_id": "t2", "content": "passed"}),
            text("so?")
        ]),
    ]);
    let target = Target::new(Provider::Anthropic, "claude-opus-4-8");
    let repaired = repair(&messages(&late), &target);
    check(&repaired);
    let found = values(&repaired.messages);
    assert_eq!(tell(&found), "u['hi'] a[Ct1 Ct2] u[rt1 rt2] a['busy'] u[Tso?]");
    assert_eq!(found[2]["content"][1]["content"], "passed");
    let done: Vec<_> = repaired.changes.iter().map(|change| change.done.as_str()).collect();
    assert_eq!(done, ["its answer was moved behind it"]);
}

#[test]
fn calls_of_the_providers_tools_want_their_results() {
    let search = json!({"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}});
    let found = json!({"type": "web_search_tool_result", "tool_use_id": "s1", "content": []});
    let target = Target::new(Provider::Anthropic, "claude-opus-4-8");
    for (value, expected, mended) in [
        (
            json!([user("hi"), model([search.clone(), found.clone()]), user("x")]),
            &[][..],
            "u['hi'] a[Ss1 =] u['x']",
        ),
        (
            json!([user("hi"), model([search.clone(), call("t1")]), user([result("t1")])]),
            &[],
            "u['hi'] a[Ss1 Ct1] u[rt1]",
        ),
        (
            json!([
                user("hi"),
                model([search.clone(), call("t1")]),
                user([result("t1"), text("x")])
            ]),
            &["OrphanServerToolUse $.messages[1].content[0] s1"],
            "u['hi'] a[Ct1] u[rt1 Tx]",
        ),
        (
            json!([user("hi"), model([found, text("a")]), user("x")]),
            &["OrphanServerToolResult $.messages[1].content[0] s1"],
            "u['hi'] a[Ta] u['x']",
        ),
    ] {
        let messages = messages(&value);
        assert_eq!(short(&validate(&messages, &target)), expected, "{value}");
        let repaired = repair(&messages, &target);
        assert_eq!(tell(&values(&repaired.messages)), mended);
        check(&repaired);
    }
}

#[test]
fn what_was_answered_keeps_its_answer() {
    let target = |provider| Target::new(provider, "gpt-5").store(false);
    let output = |id: &str, text: &str| json!({"type": "function_call_output", "call_id": id, "output": text});
    let call = |id: &str| json!({"type": "function_call", "id": "fc_1", "call_id": id, "name": "n", "arguments": "{}"});
    // Before its call.
    let broken = messages(&json!([output("a", "real"), call("a")]));
    let repaired = repair(&broken, &target(Provider::OpenAiResponses));
    assert_eq!(values(&repaired.messages), [call("a"), output("a", "real")]);
    let broken = messages(&json!([user("x"), output("a", "real"), call("a"), user("y")]));
    let repaired = repair(&broken, &target(Provider::OpenAiResponses));
    assert_eq!(values(&repaired.messages), [user("x"), call("a"), output("a", "real"), user("y")]);
    // Too late.
    let tool = |id: &str, text: &str| json!({"role": "tool", "tool_call_id": id, "content": text});
    let calls = json!({"role": "assistant", "content": null, "tool_calls": [{"id": "a"}, {"id": "b"}, {"id": "c"}]});
    let broken = messages(&json!([calls, tool("b", "real b"), user("x"), tool("a", "real a")]));
    let repaired = repair(&broken, &target(Provider::OpenAiChat));
    let kept: Vec<_> = repaired.messages.iter().filter(|it| it.contains("real")).collect();
    assert_eq!((kept.len(), repaired.messages.len()), (2, 5), "{:?}", repaired.messages);
    check(&repaired);
    // One id twice in a message: the second call is left out.
    let made = |ids: &[&str]| {
        let call = |id| json!({"id": id, "type": "function", "function": {"name": "dice", "arguments": "{}"}});
        let calls: Vec<_> = ids.iter().map(call).collect();
        json!({"role": "assistant", "content": "x", "tool_calls": calls})
    };
    let answers = |ids: &[&str]| ids.iter().map(|id| tool(id, "4")).collect::<Vec<_>>();
    for (calls, answered, left, kept) in [
        // Another message may have the same.
        (&["a"][..], &["a"][..], made(&["a"]), &["a"][..]),
        (&["a", "b"], &["a", "b"], made(&["a", "b"]), &["a", "b"]),
        (&["b", "b"], &["b"], made(&["b"]), &["b"]),
        (&["b", "c", "b"], &["b", "c"], made(&["b", "c"]), &["b", "c"]),
    ] {
        let first = [made(&["a"]), tool("a", "4")];
        let broken = [&first[..], &[made(calls)], &answers(answered)].concat();
        let repaired = repair(&messages(&broken.into()), &target(Provider::OpenAiChat));
        let expected = [&first[..], &[left], &answers(kept)].concat();
        assert_eq!(values(&repaired.messages), expected, "{calls:?}");
        check(&repaired);
    }
    // What reasoning led to is refused by its id without it.
    let bare = json!({"type": "reasoning", "id": "rs_1", "summary": []});
    let broken = messages(&json!([bare, call("a"), output("a", "x")]));
    let repaired = repair(&broken, &target(Provider::OpenAiResponses));
    assert!(!repaired.messages[0].contains("fc_1"), "{:?}", repaired.messages);

    // Ids that become the same stay apart.
    let call =
        |id: &str, n: u8| json!({"type": "tool_use", "id": id, "name": "n", "input": {"n": n}});
    let result =
        |id: &str, text: &str| json!({"type": "tool_result", "tool_use_id": id, "content": text});
    let broken = messages(&json!([
        user("hi"),
        model([call("a.b", 1), call("a:b", 2)]),
        user([result("a.b", "one"), result("a:b", "two")]),
    ]));
    let claude = Target::new(Provider::Anthropic, "claude-sonnet-4-5");
    let repaired = values(&repair(&broken, &claude).messages);
    for (calls, results) in [(0, 0), (1, 1)] {
        let id = &repaired[1]["content"][calls]["id"];
        assert_eq!(&repaired[2]["content"][results]["tool_use_id"], id, "{repaired:?}");
    }
    assert_eq!(repaired[2]["content"][0]["content"], "one");
    assert_ne!(repaired[1]["content"][0]["id"], repaired[1]["content"][1]["id"]);
}

#[test]
fn a_loop_that_began_with_thinking_needs_no_more_of_it() {
    let mut talk = json!([
        user("hi"),
        model([thinking("s"), call("t1")]),
        user([result("t1")]),
        model([text("and"), call("t2")]),
        user([result("t2")]),
    ]);
    assert_eq!(short(&validate(&messages(&talk), &target(Mode::Enabled))), [""; 0]);
    // What a system says in it does not end it.
    talk.as_array_mut().unwrap().insert(3, json!({"role": "system", "content": "now"}));
    assert_eq!(short(&validate(&messages(&talk), &target(Mode::Enabled))), [""; 0]);
}

#[test]
fn only_anthropic_is_strict_about_ids() {
    let talk = messages(&json!([user("hi"), model([call("a.b")]), user([result("a.b")])]));
    let bedrock = "arn:aws:bedrock:eu-west-1:1:application-inference-profile/x1";
    let known = Model::find("claude-opus-4-5").unwrap();
    let claude = |model: &str| Target::new(Provider::Anthropic, model);
    for (target, strict) in [
        (claude("claude-sonnet-4-5"), true),
        // The table knows nothing of it, but its name does.
        (claude("claude-next"), true),
        (claude(bedrock).model_is(known), true),
        (claude(bedrock), false),
        (claude("kimi-k2-0905"), false),
    ] {
        let found = validate(&talk, &target);
        let expected = if strict { vec![FindingKind::InvalidToolId; 2] } else { vec![] };
        let kinds: Vec<_> = found.iter().map(|finding| finding.kind).collect();
        assert_eq!(kinds, expected, "{}", target.model);
    }
}

/// Models call by names that no tool has. A session with one that the API does not take fails for ever.
#[test]
fn names_that_a_server_refuses_are_changed() {
    let long = "x".repeat(201);
    let function = |name: &str| json!({"id": "c1", "type": "function", "function": {"name": name, "arguments": {}}});
    let custom = json!({"id": "c2", "type": "custom", "custom": {"name": "a.b", "input": ""}});
    let chat = json!([
        user("hi"),
        {"role": "assistant", "content": null, "tool_calls": [function("a.b"), custom, function("dice")]},
    ]);
    let items = json!([
        {"type": "function_call", "call_id": "c1", "name": "a.b", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "a b", "input": ""},
        {"type": "function_call", "call_id": "c3", "arguments": "{}"},
        {"type": "computer_call", "call_id": "c4", "action": {}},
    ]);
    let calls = json!([
        user("hi"),
        model(json!([
            {"type": "tool_use", "id": "c1", "name": long, "input": {}},
            {"type": "tool_use", "id": "c2", "name": "a.b", "input": {}},
            {"type": "tool_use", "id": "c3", "name": "", "input": {}},
        ]))
    ]);
    for (provider, model, value, expected, names) in [
        (
            Provider::OpenAiChat,
            "gpt-4.1",
            &chat,
            &["$.messages[1] c1", "$.messages[1] c2"][..],
            &["a_b", "a_b", "dice"][..],
        ),
        (Provider::OpenAiChat, "glm-4.7", &chat, &[], &["a.b", "a.b", "dice"]),
        (
            Provider::OpenAiResponses,
            "gpt-5",
            &items,
            &["$.input[0] c1", "$.input[1] c2", "$.input[2] c3"],
            &["a_b", "a_b", "unnamed"],
        ),
        (
            Provider::Anthropic,
            "claude-opus-4-8",
            &calls,
            &["$.messages[1].content[0] c1", "$.messages[1].content[2] c3"],
            &[&long[..200], "a.b", "unnamed"],
        ),
    ] {
        let target = Target::new(provider, model).mode(Mode::Off);
        let found = validate(&messages(value), &target);
        let found = found.into_iter().filter(|it| it.kind == FindingKind::InvalidToolName);
        let expected: Vec<_> = expected.iter().map(|it| format!("InvalidToolName {it}")).collect();
        assert_eq!(short(&found.collect::<Vec<_>>()), expected, "{model}");
        let mended = repair(&messages(value), &target);
        check(&mended);
        let mended = Value::from(values(&mended.messages)).to_string();
        let found: Vec<_> = mended.split(r#""name":""#).skip(1).collect();
        let found: Vec<_> = found.iter().map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(found, names, "{mended}");
    }
}

/// Relays put signatures into ids, and Mistral takes none but its own. A session with one id too long fails for ever.
#[test]
fn ids_that_a_server_refuses_are_fitted() {
    let long = format!("call_4498671d__thought__{}", "x".repeat(50));
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "dice", "arguments": "{}"}});
    let chat = json!([
        user("hi"),
        {"role": "assistant", "content": null, "tool_calls": [call(&long), call("D681PevKs")]},
        {"role": "tool", "tool_call_id": "D681PevKs", "content": "4"},
        {"role": "tool", "tool_call_id": long, "content": "5"},
    ]);
    let found = format!("InvalidToolId $.messages[1] {long}");
    for (model, expected) in
        [("mistral-large-latest", &[&*found][..]), ("gpt-5", &[&*found]), ("gemini-3-pro", &[])]
    {
        let target = Target::new(Provider::OpenAiChat, model).mode(Mode::Off);
        let misfits = validate(&messages(&chat), &target);
        let misfits = misfits.into_iter().filter(|it| it.kind == FindingKind::InvalidToolId);
        assert_eq!(short(&misfits.collect::<Vec<_>>()), expected, "{model}");
        let mended = repair(&messages(&chat), &target);
        check(&mended);
        let mended = values(&mended.messages);
        let ids = [&mended[1]["tool_calls"][0]["id"], &mended[1]["tool_calls"][1]["id"]];
        assert_eq!(ids, [&mended[3]["tool_call_id"], &mended[2]["tool_call_id"]], "{model}");
        assert_eq!((ids[0] == &long, ids[1].as_str()), (expected.is_empty(), Some("D681PevKs")));
    }
    let items = json!([
        {"type": "function_call", "call_id": long, "name": "dice", "arguments": "{}"},
        {"type": "function_call_output", "call_id": long, "output": "4"},
        {"type": "function_call", "call_id": &long[..64], "name": "dice", "arguments": "{}"},
        {"type": "function_call_output", "call_id": &long[..64], "output": "4"},
    ]);
    let target = Target::new(Provider::OpenAiResponses, "gpt-5");
    let found = short(&validate(&messages(&items), &target));
    assert_eq!(found, [format!("InvalidToolId $.input[0] {long}")]);
    let mended = repair(&messages(&items), &target);
    check(&mended);
    let mended = values(&mended.messages);
    assert_eq!(mended[0]["call_id"], mended[1]["call_id"]);
    assert_eq!(mended[2..], items.as_array().unwrap()[2..]);
}

#[test]
fn whatever_is_no_message_is_found() {
    for message in [
        json!({"content": "hi"}),
        json!({"role": 5, "content": []}),
        json!(null),
        json!(true),
        json!("hi"),
        json!({"role": "user", "content": null}),
        json!({"role": "user", "content": 5}),
        json!({"role": "user", "content": [5, "x", {"text": "y"}]}),
        user([call("t1")]),
        user([thinking("s")]),
    ] {
        let messages = messages(&json!([user("hi"), model("x"), message]));
        let found = validate(&messages, &target(Mode::Off));
        assert!(!found.is_empty(), "{message}");
        check(&repair(&messages, &target(Mode::Off)));
    }
    let trailing = messages(&json!([user("hi"), model("begin ")]));
    let old = Target::new(Provider::Anthropic, "claude-opus-4-5").mode(Mode::Off);
    assert_eq!(short(&validate(&trailing, &old)), ["TrailingSpace $.messages[1].content"]);
    assert_eq!(tell(&values(&repair(&trailing, &old).messages)), "u['hi'] a[Tbegin]");
}

/// Any message that could go wrong in any way.
fn any_messages() -> impl Strategy<Value = Vec<Json>> {
    let id = prop::sample::select(vec!["t1", "t2", "a.b", ""]);
    let mark = prop::sample::select(vec![None, Some(None), Some(Some("1h")), Some(Some("5m"))]);
    let block = (0..9_u8, id, mark).prop_map(|(kind, id, mark)| {
        let block = match kind {
            0 => text(""),
            1 => text("x"),
            2 => thinking("s"),
            3 => thinking(""),
            4 => json!({"type": "redacted_thinking", "data": id}),
            5 | 6 => call(id),
            7 => result(id),
            _ => json!({"type": "thinking", "signature": "s"}),
        };
        match mark {
            None => block,
            Some(ttl) => marked(block, ttl),
        }
    });
    let content = prop::collection::vec(block, 0..5).prop_map(Value::from);
    let content = prop_oneof![9 => content, 1 => Just(Value::from("x")), 1 => Just(Value::Null)];
    let role = prop::sample::select(vec![
        "user",
        "user",
        "user",
        "assistant",
        "assistant",
        "assistant",
        "system",
        "x",
    ]);
    let message = (role, content)
        .prop_map(|(role, content)| json!({"role": role, "content": content}).into());
    prop::collection::vec(message, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_mended_is_clean(
        messages in any_messages(),
        mode in prop::sample::select(vec![Mode::Unknown, Mode::Off, Mode::Adaptive, Mode::Enabled]),
        model in prop::sample::select(vec!["claude-sonnet-4-5", "claude-opus-5-5", "other"]),
    ) {
        let target = Target::new(Provider::Anthropic, model).mode(mode);
        let found = validate(&messages, &target);
        let repaired = repair(&messages, &target);
        prop_assert_eq!(found.is_empty(), repaired.changes.is_empty());
        check(&repaired);
    }
}

/// Any item, or message of a chat, that could go wrong in any way.
fn any_entries(chat: bool) -> impl Strategy<Value = Vec<Json>> {
    let id = prop::sample::select(vec!["a", "b", ""]);
    let arguments = prop::sample::select(vec![json!("{}"), json!({"n": 1}), Value::Null]);
    let item = |kind: u8, id: &str, arguments: Value| match kind {
        0 => user("hi"),
        1 => model("x"),
        2 => user([text("x"), json!({"type": "input_text", "text": "y"})]),
        3 => json!({"type": "reasoning", "id": id, "encrypted_content": arguments}),
        4 => json!({"type": "reasoning", "summary": [], "encrypted_content": id}),
        5 | 6 => {
            json!({"type": "function_call", "call_id": id, "name": "dice", "arguments": arguments})
        }
        7 | 8 => json!({"type": "function_call_output", "call_id": id, "output": [text("4")]}),
        9 => json!({"type": "tool_search_call", "call_id": id}),
        10 => json!({"type": "message", "role": "assistant", "id": id, "content": []}),
        _ => arguments,
    };
    let message = |kind: u8, id: &str, arguments: Value| {
        let call = json!({"id": id, "type": "function", "function": {"name": "dice", "arguments": arguments}});
        match kind {
            0 => user("hi"),
            1 => model("x"),
            2 => user([json!({"type": "input_text", "text": "y"})]),
            3 => json!({"role": "assistant", "content": null, "reasoning_content": id}),
            4 | 5 => json!({"role": "assistant", "content": null, "tool_calls": [call]}),
            6 => json!({"role": "assistant", "content": "x", "tool_calls": [call, call]}),
            7..=9 => json!({"role": "tool", "tool_call_id": id, "content": [text("4")]}),
            10 => json!({"role": id, "content": "x"}),
            _ => arguments,
        }
    };
    let entry = (0..12_u8, id, arguments).prop_map(move |(kind, id, arguments)| {
        if chat { message(kind, id, arguments) } else { item(kind, id, arguments) }.into()
    });
    prop::collection::vec(entry, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_mended_for_openai_is_clean(
        items in any_entries(false),
        chat in any_entries(true),
        mode in prop::sample::select(vec![Mode::Unknown, Mode::Off]),
        store in any::<bool>(),
        model in prop::sample::select(vec!["gpt-5", "gpt-4.1", "deepseek-v4", "gemini-3-pro"]),
    ) {
        for (provider, entries) in
            [(Provider::OpenAiResponses, &items), (Provider::OpenAiChat, &chat)]
        {
            let target = Target::new(provider, model).mode(mode).store(store);
            let found = validate(entries, &target);
            let repaired = repair(entries, &target);
            prop_assert_eq!(found.is_empty(), repaired.changes.is_empty());
            check(&repaired);
        }
    }
}

#[test]
fn a_rendered_history_can_be_mended() {
    let target = target(Mode::Enabled);
    let mut history = history(&["u hi", "a claude-sonnet-4-5 K1 Ct1", "u stop"]);
    assert_eq!(short(&history.validate(&target)), ["OrphanToolUse $.messages[1].content[1] t1"]);
    let rendered = history.render(&target, &thinkstream::history::Policy::default());
    let repaired = rendered.repair(&target);
    assert_eq!(tell(&values(&repaired.messages)), "u['hi'] a[K1 Ct1] u[xt1 Tstop]");
    // What was signed is as it was.
    assert_eq!(repaired.messages[1], rendered.messages[1]);
}

/// Each of these would go on for minutes if every thing that is wrong were looked for anew.
#[test]
fn long_histories_are_mended_at_once() {
    const TURNS: usize = 3_000;
    let ids = || (0..TURNS).map(|at| format!("t{at}"));
    let clean = |messages: Vec<Value>, target: &Target| {
        let messages: Vec<Json> = messages.into_iter().map(Json::from).collect();
        let repaired = repair(&messages, target);
        assert!(validate(&repaired.messages, target).is_empty());
        repaired
    };
    let anthropic = Target::new(Provider::Anthropic, "claude-sonnet-4-5");
    let turns = ids().flat_map(|id| {
        [model([call(&id)]), user([text("a reminder"), result(&id), text("and more")])]
    });
    let repaired = clean([user("hi")].into_iter().chain(turns).collect(), &anthropic);
    assert_eq!(repaired.changes.len(), TURNS);
    // One reply with nothing but thinking, and one with calls of one id.
    let only = model((0..TURNS).map(|at| thinking(&format!("s{at}"))).collect::<Value>());
    assert_eq!(clean(vec![user("hi"), only], &anthropic).messages.len(), 1);
    let same = [
        model((0..TURNS).map(|_| call("a")).collect::<Value>()),
        user((0..TURNS).map(|_| result("a")).collect::<Value>()),
    ];
    let repaired = clean([user("hi")].into_iter().chain(same).collect(), &anthropic);
    assert_eq!(repaired.changes.len(), TURNS - 1);
    let empty = (0..TURNS).flat_map(|_| [model("x"), user(json!([]))]);
    assert_eq!(clean(empty.collect(), &anthropic).messages.len(), 2);

    let chat = Target::new(Provider::OpenAiChat, "gpt-5");
    let calls = |ids: &[String]| {
        let call = |id: &String| json!({"id": id, "type": "function", "function": {"name": "dice", "arguments": "{}"}});
        json!({"role": "assistant", "content": null, "tool_calls": ids.iter().map(call).collect::<Vec<_>>()})
    };
    let answer = |id: &String| json!({"role": "tool", "tool_call_id": id, "content": "4"});
    let late = ids().flat_map(|id| [calls(std::slice::from_ref(&id)), user("wait"), answer(&id)]);
    assert_eq!(clean(late.collect(), &chat).changes.len(), TURNS);
    let same = calls(&vec!["a".to_owned(); TURNS]);
    let answers = (0..TURNS).map(|_| answer(&"a".to_owned()));
    assert_eq!(clean([same].into_iter().chain(answers).collect(), &chat).changes.len(), TURNS - 1);
    let all: Vec<String> = ids().collect();
    let reversed = std::iter::once(calls(&all)).chain(all.iter().rev().map(answer));
    assert!(clean(reversed.collect(), &chat).changes.is_empty());
    let unanswered = clean(vec![user("hi"), calls(&all)], &chat);
    assert_eq!((unanswered.changes.len(), unanswered.messages.len()), (TURNS, TURNS + 2));
    let first = string(&unanswered.messages[2], "tool_call_id");
    assert_eq!(first, "t0", "the answers stand as the calls do");

    // Messages that call and answer at once.
    let both = ids().map(|id| {
        let mut both = calls(std::slice::from_ref(&id));
        both["tool_call_id"] = id.into();
        both
    });
    clean(both.collect(), &chat);

    let items = Target::new(Provider::OpenAiResponses, "gpt-5");
    let thoughts = ids().map(|id| json!({"type": "reasoning", "id": format!("rs_{id}"), "summary": [], "encrypted_content": "x"}));
    assert_eq!(clean([user("hi")].into_iter().chain(thoughts).collect(), &items).messages.len(), 1);
    let call = |id: &String| json!({"type": "function_call", "call_id": id, "name": "dice", "arguments": "{}"});
    let output =
        |id: &String| json!({"type": "function_call_output", "call_id": id, "output": "4"});
    let early = all.iter().flat_map(|id| [output(id), call(id)]);
    assert_eq!(clean(early.collect(), &items).changes.len(), TURNS);
    assert_eq!(clean(all.iter().map(output).collect(), &items).changes.len(), TURNS + 1);
}

fn string(json: &Json, key: &str) -> String {
    let value: Value = serde_json::from_str(json).unwrap();
    value[key].as_str().unwrap().to_owned()
}
