//! What is said after the fact: why a prefix broke, why a request was refused, and what was thought.

mod common;

use common::talk::{history, push, told};
use serde_json::{Value, json};
use thinkstream::history::{
    AuditEntry, AuditSink, History, JsonLines, Lost, Part, Policy, Provenance, Rejection,
    RejectionKind, Remedy, Switch, Target, diff,
};
use thinkstream::{Complete, Error, ErrorKind, Json, Protocol, Provider, Usage};

const OPUS: &str = "claude-opus-4-8";
const BOUND: &str = "claude-opus-5-5";

fn target(model: &str) -> Target {
    Target::new(Provider::Anthropic, model)
}

fn thinking(signature: &str) -> Value {
    json!({"type": "thinking", "thinking": "t", "signature": signature})
}

/// A request with three turns.
fn request() -> Value {
    json!({
        "model": BOUND,
        "system": [{"type": "text", "text": "Be brief."}],
        "tools": [{"name": "dice", "input_schema": {"type": "object", "properties": {}}}],
        "thinking": {"type": "adaptive"},
        "messages": [
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": [
                thinking("s1"),
                {"type": "text", "text": "a"},
                {"type": "tool_use", "id": "t1", "name": "dice", "input": {"n": 1, "m": 2}},
            ]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "4"}]},
            {"role": "assistant", "content": [thinking("s2"), thinking("s3"), {"type": "text", "text": "b"}]},
            {"role": "user", "content": "two"},
        ],
    })
}

/// A request with one turn and what the model said in it, and the next question.
fn ended(blocks: &Value) -> String {
    let messages = json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": blocks},
                          {"role": "user", "content": "b"}]);
    json!({"messages": messages}).to_string()
}

/// A request that begins with a compaction.
fn compacted(summary: &str) -> String {
    let blocks = json!([{"type": "compaction", "content": summary}, thinking("s9")]);
    json!({"messages": [{"role": "assistant", "content": blocks}, {"role": "user", "content": "on"}]})
        .to_string()
}

/// What differs, where, what is in doubt.
fn told_of(previous: &str, next: &str) -> String {
    let Some(difference) = diff(previous, next).unwrap() else { return "nothing".into() };
    let invalid: Vec<_> =
        difference.invalid_signatures.iter().map(|path| path.replace("$.messages", "")).collect();
    format!("{:?} {} {:?} {}", difference.part, difference.path, difference.lost, invalid.join(" "))
}

/// What changing a request tells.
fn changed(change: impl FnOnce(&mut Value)) -> String {
    let mut next = request();
    let mut messages = next["messages"].take();
    let grown = json!([{"role": "assistant", "content": [thinking("s4"), {"type": "text", "text": "c"}]},
                       {"role": "user", "content": "three"}]);
    messages.as_array_mut().unwrap().extend(grown.as_array().unwrap().clone());
    next["messages"] = messages;
    change(&mut next);
    told_of(&request().to_string(), &next.to_string())
}

#[test]
fn the_first_place_that_differs() {
    let all = "[1].content[0] [3].content[0] [3].content[1] [5].content[0]";
    for (name, found, expected) in [
        ("grown", changed(|_| {}), "nothing".to_owned()),
        ("shorter", changed(|next| drop(next["messages"].as_array_mut().unwrap().split_off(2))), "nothing".into()),
        // What does not count.
        (
            "marks",
            changed(|next| {
                next["system"][0]["cache_control"] = json!({"type": "ephemeral"});
                next["messages"][2]["content"][0]["cache_control"] = json!({"type": "ephemeral"});
                next["tools"][0]["cache_control"] = json!({"type": "ephemeral"});
                next["messages"][0]["content"] =
                    json!([{"type": "text", "text": "one", "cache_control": {"type": "ephemeral"}}]);
            }),
            "nothing".into(),
        ),
        ("a string for a block", changed(|next| next["system"] = json!("Be brief.")), "nothing".into()),
        (
            "a block for a string",
            changed(|next| next["messages"][0]["content"] = json!([{"type": "text", "text": "one"}])),
            "nothing".into(),
        ),
        // A block that has more than its text, or another text, is another.
        (
            "a string for another block",
            changed(|next| next["system"] = json!("Be long.")),
            format!("System $.system Behind {all}"),
        ),
        (
            "another block for a string",
            changed(|next| next["messages"][0]["content"] = json!([{"type": "text", "text": "two"}])),
            format!("Message $.messages[0].content[0] Behind {all}"),
        ),
        (
            "a block with citations for a string",
            changed(|next| {
                next["messages"][0]["content"] = json!([{"type": "text", "text": "one", "citations": []}]);
            }),
            format!("Message $.messages[0].content[0] Behind {all}"),
        ),
        (
            "a block of another type for a string",
            changed(|next| next["messages"][0]["content"] = json!([{"type": "note", "text": "one"}])),
            format!("Message $.messages[0].content[0] Behind {all}"),
        ),
        ("what is not of the prefix", changed(|next| next["max_tokens"] = json!(5)), "nothing".into()),
        // What does.
        ("model", changed(|next| next["model"] = json!("claude-fable-5-2")), format!("Model $.model All {all}")),
        (
            "tools",
            changed(|next| next["tools"][0]["name"] = json!("die")),
            format!("Tools $.tools[0].name All {all}"),
        ),
        (
            "a tool more",
            changed(|next| next["tools"].as_array_mut().unwrap().push(json!({"name": "x"}))),
            format!("Tools $.tools[1] All {all}"),
        ),
        ("no tools", changed(|next| next["tools"] = Value::Null), format!("Tools $.tools All {all}")),
        (
            "system",
            changed(|next| next["system"][0]["text"] = json!("Be brief!")),
            format!("System $.system[0].text Behind {all}"),
        ),
        (
            "a message",
            changed(|next| next["messages"][2]["content"][0]["content"] = json!("5")),
            "Message $.messages[2].content[0].content Behind [3].content[0] [3].content[1] [5].content[0]".into(),
        ),
        (
            "a role",
            changed(|next| next["messages"][4]["role"] = json!("system")),
            "Message $.messages[4].role Behind [5].content[0]".into(),
        ),
        (
            "a block more",
            changed(|next| {
                next["messages"][2]["content"].as_array_mut().unwrap().push(json!({"type": "text", "text": "x"}));
            }),
            "Message $.messages[2].content[1] Behind [3].content[0] [3].content[1] [5].content[0]".into(),
        ),
        (
            "a message that grew before a reply",
            {
                let one = json!({"model": BOUND, "messages": [{"role": "user", "content": "a"}]});
                let grown = json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]);
                let next = json!({"model": BOUND, "messages": [
                    {"role": "user", "content": grown},
                    {"role": "assistant", "content": [thinking("s1"), {"type": "text", "text": "x"}]},
                ]});
                told_of(&one.to_string(), &next.to_string())
            },
            "Message $.messages[0].content[1] Behind [1].content[0]".into(),
        ),
        (
            "a reply that was gone on from",
            {
                let reply = |blocks: Value| json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": blocks}]);
                let mut more = reply(json!([thinking("s1"), thinking("s2"), {"type": "text", "text": "x"}]));
                more.as_array_mut().unwrap().push(json!({"role": "user", "content": "b"}));
                let (one, next) = (json!({"messages": reply(json!([thinking("s1")]))}), json!({"messages": more}));
                told_of(&one.to_string(), &next.to_string())
            },
            "nothing".into(),
        ),
        (
            "a compaction",
            changed(|next| {
                next["messages"] = json!([
                    {"role": "assistant", "content": [{"type": "compaction", "content": "s"}, thinking("s9")]},
                    {"role": "user", "content": "on"},
                ]);
            }),
            "Compacted $.messages[0] Behind ".into(),
        ),
        ("the same compaction", told_of(&compacted("s"), &compacted("s")), "nothing".into()),
        ("another compaction", told_of(&compacted("s"), &compacted("t")), "Compacted $.messages[0] Behind ".into()),
        (
            "a compaction that is gone",
            {
                let mut next: Value = serde_json::from_str(&compacted("s")).unwrap();
                next["messages"][0]["content"][0] = json!({"type": "text", "text": "s"});
                told_of(&compacted("s"), &next.to_string())
            },
            "Message $.messages[0].content[0].content Behind [0].content[1]".into(),
        ),
        (
            "a compaction where nothing was",
            told_of(r#"{"messages":[]}"#, &compacted("s")),
            "nothing".into(),
        ),
        (
            "a last message that grew",
            {
                let one = json!({"messages": [{"role": "user", "content": "a"}]});
                let grown = json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]);
                let next = json!({"messages": [{"role": "user", "content": grown}]});
                told_of(&one.to_string(), &next.to_string())
            },
            "nothing".into(),
        ),
        (
            "a block less",
            changed(|next| drop(next["messages"][1]["content"].as_array_mut().unwrap().remove(1))),
            "Message $.messages[1].content[1].text Behind [3].content[0] [3].content[1] [5].content[0]".into(),
        ),
        // Thinking may go from the front, and from the end.
        (
            "the last thinking",
            {
                let mut next = request();
                next["messages"][3]["content"].as_array_mut().unwrap().drain(..2);
                told_of(&request().to_string(), &next.to_string())
            },
            "ThinkingRemoved $.messages[3].content[0] Behind ".into(),
        ),
        (
            "the first thinking",
            changed(|next| drop(next["messages"][1]["content"].as_array_mut().unwrap().remove(0))),
            "ThinkingRemoved $.messages[1].content[0] Behind ".into(),
        ),
        (
            "all thinking",
            changed(|next| {
                next["messages"][1]["content"].as_array_mut().unwrap().remove(0);
                next["messages"][3]["content"].as_array_mut().unwrap().drain(..2);
            }),
            "ThinkingRemoved $.messages[1].content[0] Behind ".into(),
        ),
        (
            "thinking in the middle",
            changed(|next| drop(next["messages"][3]["content"].as_array_mut().unwrap().remove(0))),
            "ThinkingGap $.messages[3].content[0] Behind [3].content[0] [5].content[0]".into(),
        ),
        (
            "the first thinking, and some behind what is left",
            changed(|next| {
                next["messages"][1]["content"].as_array_mut().unwrap().remove(0);
                next["messages"][3]["content"].as_array_mut().unwrap().remove(1);
            }),
            "ThinkingGap $.messages[3].content[1] Behind [5].content[0]".into(),
        ),
        (
            "thinking with which a reply ended",
            told_of(&ended(&json!([{"type": "text", "text": "x"}, thinking("s1")])), &ended(&json!([{"type": "text", "text": "x"}]))),
            "ThinkingRemoved $.messages[1].content[1] Behind ".into(),
        ),
        (
            "text with which a reply ended",
            told_of(
                &ended(&json!([thinking("s1"), {"type": "text", "text": "x"}, {"type": "text", "text": "y"}])),
                &ended(&json!([thinking("s1"), {"type": "text", "text": "x"}])),
            ),
            "Message $.messages[1].content[2] Behind ".into(),
        ),
        (
            "thinking that comes back",
            {
                let mut before = request();
                before["messages"][1]["content"].as_array_mut().unwrap().remove(0);
                told_of(&before.to_string(), &request().to_string())
            },
            "ThinkingReturned $.messages[1].content[0] Behind [3].content[0] [3].content[1]".into(),
        ),
        (
            "thinking that was changed",
            changed(|next| next["messages"][3]["content"][1]["signature"] = json!("s9")),
            "Message $.messages[3].content[1].signature Behind [3].content[1] [5].content[0]".into(),
        ),
        // Signatures stay valid, but the messages are cached under it.
        (
            "effort",
            changed(|next| next["output_config"] = json!({"effort": "low"})),
            "Parameter $.output_config Behind ".into(),
        ),
        (
            "mode",
            changed(|next| next["thinking"]["type"] = json!("between_tools")),
            "Parameter $.thinking.type Behind ".into(),
        ),
    ] {
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn the_order_of_keys_counts_where_the_model_reads_them() {
    let input = |input: &str| {
        format!(
            r#"{{"messages":[{{"role":"assistant","content":[{{"type":"tool_use","input":{input}}}]}}]}}"#
        )
    };
    let path = "Message $.messages[0].content[0].input Behind ";
    for (old, new, expected) in [
        (r#"{"a":1,"b":2}"#, r#"{"a":1,"b":2}"#, "nothing"),
        (r#"{"a":1,"b":2}"#, r#"{ "a" : 1, "b" : 2 }"#, "nothing"),
        (r#"{"a":"\u00e9"}"#, r#"{"a":"é"}"#, "nothing"),
        (r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#, path),
        (r#"{"a":1}"#, r#"{"a":1.0}"#, "Message $.messages[0].content[0].input.a Behind "),
        (
            r#"{"n":9007199254740993}"#,
            r#"{"n":9007199254740992}"#,
            "Message $.messages[0].content[0].input.n Behind ",
        ),
        (
            r#"{"cache_control":1}"#,
            r#"{"cache_control":2}"#,
            "Message $.messages[0].content[0].input.cache_control Behind ",
        ),
    ] {
        assert_eq!(told_of(&input(old), &input(new)), expected, "{old} {new}");
    }
    // Elsewhere it does not.
    let one = r#"{"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]}"#;
    let other = r#"{"messages":[{"content":[{"text":"a","type":"text"}],"role":"user"}]}"#;
    assert_eq!(told_of(one, other), "nothing");
}

#[test]
fn the_byte_is_that_of_the_first_change() {
    let previous = r#"{"system":"It is 10:30.","messages":[]}"#;
    let next = r#"{ "system" : "It is 10:31." , "messages":[]}"#;
    let difference = diff(previous, next).unwrap().unwrap();
    assert_eq!(&previous[difference.previous_byte..difference.previous_byte + 1], "0");
    assert_eq!(&next[difference.next_byte..difference.next_byte + 1], "1");
    assert_eq!(difference.previous.as_deref(), Some("\"It is 10:30.\""));
    assert_eq!(
        (difference.part, difference.bound, difference.lost),
        (Part::System, None, Lost::Behind)
    );
    let long = format!(r#"{{"system":"{}x"}}"#, "é".repeat(500));
    let difference = diff(&long, &long.replace('x', "y")).unwrap().unwrap();
    assert_eq!(difference.previous.as_deref(), Some("…ééééééééx\""));
    assert_eq!(difference.previous_byte, 1011);
    let mut usage = Usage::default();
    assert_eq!(difference.cached_tokens_lost(&usage), None);
    usage.cache_read_input_tokens = Some(9_000);
    usage.cache_creation_input_tokens = Some(500);
    assert_eq!(difference.cached_tokens_lost(&usage), Some(9_500));
    assert!(diff("{", "{}").is_err());
    // Whatever it is, it is no panic.
    for (old, new) in [("[]", "{}"), ("1", "2"), ("{\"messages\":1}", "{\"messages\":[1]}")] {
        assert_eq!(told_of(old, new), "nothing");
    }
    assert_eq!(
        told_of(r#"{"messages":[1]}"#, r#"{"messages":[2]}"#),
        "Message $.messages[0] Behind "
    );
}

#[test]
fn a_difference_says_what_it_costs() {
    let request = |model: &str, system: &str, blocks: &Value| {
        format!(
            r#"{{"model":"{model}","system":{system},"messages":[{{"role":"user","content":"a"}},{{"role":"assistant","content":{blocks}}},{{"role":"user","content":"b"}}]}}"#
        )
    };
    let text = json!({"type": "text", "text": "x"});
    let none = json!([text]);
    let one = json!([thinking("s1"), text]);
    let two = json!([thinking("s1"), thinking("s2"), text]);
    let (brief, long) = (r#""Be brief.""#, r#""Be long.""#);
    let (behind, all) = ("the cache behind it is lost", "the whole cache is lost");
    for (old, new, expected) in [
        // How many signed blocks there are, and whether they are bound.
        ((BOUND, brief, &none), (BOUND, long, &none), behind.to_owned()),
        (
            (BOUND, brief, &one),
            (BOUND, long, &one),
            format!("{behind}, 1 signed block becomes invalid"),
        ),
        (
            (BOUND, brief, &two),
            (BOUND, long, &two),
            format!("{behind}, 2 signed blocks become invalid"),
        ),
        ((OPUS, brief, &two), (OPUS, long, &two), format!("{behind}, signatures stay valid")),
        (
            ("other", brief, &two),
            ("other", long, &two),
            format!("{behind}, 2 signed blocks may become invalid"),
        ),
        // Another model may not read them.
        ((BOUND, brief, &none), (OPUS, brief, &none), all.to_owned()),
        (
            (OPUS, brief, &one),
            (BOUND, brief, &one),
            format!("{all}, 1 signed block may be another model's"),
        ),
        (
            (OPUS, brief, &two),
            (BOUND, brief, &two),
            format!("{all}, 2 signed blocks may be another model's"),
        ),
        // Thinking may go from the front.
        ((BOUND, brief, &one), (BOUND, brief, &none), format!("{behind}, signatures stay valid")),
    ] {
        let (old, new) = (request(old.0, old.1, old.2), request(new.0, new.1, new.2));
        let told = diff(&old, &new).unwrap().unwrap().to_string();
        assert_eq!(told.split_once("): ").unwrap().1, expected, "{old} {new}");
    }
    // It is one line, whatever the values have in them.
    for (old, new, expected) in [
        ("[\n 1,\t2]", "{\r\"a\": 1}", r#"(byte 36 was [  1, 2], byte 36 is { "a": 1}): "#),
        (brief, "null", r#"(byte 36 was "Be brief.", byte 36 is null): "#),
    ] {
        let (old, new) = (request(BOUND, old, &none), request(BOUND, new, &none));
        let told = diff(&old, &new).unwrap().unwrap().to_string();
        assert_eq!(told, format!("$.system differs {expected}{behind}"));
    }
}

#[test]
fn what_is_rendered_only_grows() {
    let lines = [
        "u one",
        "a claude-opus-5-5 K1 Ta Ct1",
        "r t1 4",
        "a claude-opus-5-5 E2 Tb",
        "u two",
        "a claude-opus-5-5 K3 Tc",
        "u three",
    ];
    let mut history = History::new();
    let mut before = r#"{"model":"claude-opus-5-5","messages":[]}"#.to_owned();
    for line in lines {
        push(&mut history, line);
        let rendered = history.render(&target(BOUND), &Policy::default());
        let next = format!(r#"{{"model":"{BOUND}","messages":{}}}"#, rendered.to_json());
        assert_eq!(diff(&before, &next).unwrap(), None, "{line}");
        before = next;
    }
}

#[test]
fn what_the_api_refuses_is_recognised() {
    use RejectionKind as Kind;
    let error = |message: &str| json!({"type": "error", "error": {"type": "invalid_request_error", "message": message}});
    let openai = |message: &str, code: &str| json!({"error": {"message": message, "type": "invalid_request_error", "code": code}});
    for (body, kind, place, remedy) in [
        (
            error("messages.5.content.0: Invalid `signature` in `thinking` block"),
            Kind::InvalidSignature,
            Some((5, Some(0))),
            Remedy::DropBlock,
        ),
        (
            error("Invalid signature in thinking"),
            Kind::InvalidSignature,
            None,
            Remedy::DropAllThinking,
        ),
        (
            error(
                "messages.5.content.0: Invalid `signature` in `thinking` block. The block is bound to a different conversation. Remove the block, or set `thinking.block_binding.prefix_mismatch_behavior` to \"drop_block\".",
            ),
            Kind::BoundToOtherConversation,
            Some((5, Some(0))),
            Remedy::DropAllThinking,
        ),
        (
            error(
                "messages.3: `web_search` tool use with id `srvtoolu_1` was found without a corresponding `web_search_tool_result` block",
            ),
            Kind::ToolResultMissing,
            Some((3, None)),
            Remedy::Repair,
        ),
        (
            error(
                "messages.3.content.0: Each `web_search_tool_result` block must have a corresponding `server_tool_use` block before it.",
            ),
            Kind::ToolUseMissing,
            Some((3, Some(0))),
            Remedy::Repair,
        ),
        (
            error("messages.1.content.0.thinking.signature: Field required"),
            Kind::SignatureMissing,
            Some((1, Some(0))),
            Remedy::Repair,
        ),
        (
            error("messages.3.content.1.redacted_thinking.data: Field required"),
            Kind::DataMissing,
            Some((3, Some(1))),
            Remedy::Repair,
        ),
        (
            error("messages.3.content.1.thinking.thinking: Field required"),
            Kind::ThinkingTextMissing,
            Some((3, Some(1))),
            Remedy::Repair,
        ),
        (
            error(
                "messages.7.content.2: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. These blocks must remain as they were in the original response.",
            ),
            Kind::CannotBeModified,
            Some((7, Some(2))),
            Remedy::RestoreOrTurnOff,
        ),
        (
            error(
                "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final `assistant` message must start with a thinking block.",
            ),
            Kind::ThinkingExpected,
            Some((1, Some(0))),
            Remedy::TurnThinkingOff,
        ),
        (
            error("messages.2: The final block in an assistant message cannot be `thinking`."),
            Kind::ThinkingLast,
            Some((2, None)),
            Remedy::Repair,
        ),
        (
            error("messages: text content blocks must be non-empty"),
            Kind::EmptyText,
            None,
            Remedy::Repair,
        ),
        (
            error("messages: text content blocks must contain non-whitespace text"),
            Kind::EmptyText,
            None,
            Remedy::Repair,
        ),
        (
            error(
                "messages.4: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1.",
            ),
            Kind::ToolResultMissing,
            Some((4, None)),
            Remedy::Repair,
        ),
        (
            error(
                "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1.",
            ),
            Kind::ToolUseMissing,
            Some((0, Some(0))),
            Remedy::Repair,
        ),
        (
            error("messages.1.content.0.thinking.cache_control: Extra inputs are not permitted"),
            Kind::CacheMark,
            Some((1, Some(0))),
            Remedy::Repair,
        ),
        (
            error("A maximum of 4 blocks with cache_control may be provided. Found 5."),
            Kind::CacheMark,
            None,
            Remedy::Repair,
        ),
        (
            error(
                "This model does not support assistant message prefill. The conversation must end with a user message.",
            ),
            Kind::Prefill,
            None,
            Remedy::Repair,
        ),
        (
            error(
                "\"thinking.type.enabled\" is not supported for this model. Use \"thinking.type.adaptive\" and \"output_config.effort\" to control thinking behavior.",
            ),
            Kind::Mode,
            None,
            Remedy::ChangeThinking,
        ),
        (
            error("adaptive thinking is not supported on this model"),
            Kind::Mode,
            None,
            Remedy::ChangeThinking,
        ),
        (
            error("Thinking may not be enabled when tool_choice forces tool use."),
            Kind::ForcedTool,
            None,
            Remedy::ChangeThinking,
        ),
        (
            error("tool_choice: type \"tool\" and \"any\" are not supported for this model."),
            Kind::ForcedTool,
            None,
            Remedy::ChangeThinking,
        ),
        (
            openai(
                "The encrypted content gAAA... could not be verified.",
                "invalid_encrypted_content",
            ),
            Kind::InvalidEncryptedContent,
            None,
            Remedy::DropAllThinking,
        ),
        (
            openai(
                "Item with id 'rs_1' not found. Items are not persisted when `store` is set to false.",
                "",
            ),
            Kind::ItemNotFound,
            None,
            Remedy::DropAllThinking,
        ),
        (
            openai(
                "Item 'rs_1' of type 'reasoning' was provided without its required following item.",
                "",
            ),
            Kind::ReasoningPair,
            None,
            Remedy::DropAllThinking,
        ),
        (
            openai("No tool output found for function call call_1.", ""),
            Kind::ToolResultMissing,
            None,
            Remedy::Repair,
        ),
        (
            openai(
                "The reasoning_content in the thinking mode must be passed back to the API.",
                "",
            ),
            Kind::ReasoningDemanded,
            None,
            Remedy::ReplayReasoning,
        ),
        (
            openai("The reasoning_content field is not allowed in the input.", ""),
            Kind::ReasoningRefused,
            None,
            Remedy::LeaveReasoningOut,
        ),
    ] {
        let rejection =
            Rejection::classify(400, &body.to_string()).unwrap_or_else(|| panic!("{body}"));
        assert_eq!((rejection.kind, rejection.place), (kind, place), "{body}");
        assert_eq!(rejection.remedy(), remedy, "{body}");
        // As a relay sends it: somewhere in a text.
        let relayed = format!("upstream said: {}", rejection.message);
        assert_eq!(Rejection::classify(400, &relayed).map(|it| it.place), Some(place), "{body}");
    }
    let array = r#"[{"error":{"code":400,"message":"is missing a thought_signature in functionCall parts"}}]"#;
    let rejection = Rejection::classify(400, array).unwrap();
    assert_eq!(rejection.message, "is missing a thought_signature in functionCall parts");
    for (text, kind) in [
        ("The reasoning_content field is required for thinking mode.", Kind::ReasoningDemanded),
        ("messages[2].reasoning_content: Field required", Kind::ReasoningDemanded),
        ("`max_tokens` must be greater than `thinking.budget_tokens`", Kind::Budget),
        (
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
            Kind::Budget,
        ),
        ("`temperature` may only be set to 1 when thinking is enabled", Kind::Sampling),
        ("each thinking block must contain thinking", Kind::EmptyThinking),
        ("compaction_signature_invalid: messages.3.content.0 was changed", Kind::CompactionChanged),
        ("messages: all messages must have non-empty content", Kind::EmptyText),
        ("messages.3: `tool_use` ids must be unique", Kind::ToolId),
        (
            "Invalid 'messages[2].tool_calls[0].id': string too long. Expected a string with maximum length 40, but got a string with length 83 instead.",
            Kind::ToolId,
        ),
        (
            "Invalid 'input[9].call_id': string too long. Expected a string with maximum length 64, but got a string with length 116 instead.",
            Kind::ToolId,
        ),
        (
            "Invalid 'input[22].name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
            Kind::ToolName,
        ),
        (
            "Invalid 'input[4].name': empty string. Expected a string with minimum length 1, but got an empty string instead.",
            Kind::ToolName,
        ),
        (
            "Invalid 'messages[9].tool_calls[0].function.name': string does not match pattern.",
            Kind::ToolName,
        ),
        (
            "messages.1.content.2.tool_use.name: String should have at most 200 characters",
            Kind::ToolName,
        ),
        (
            "Value at 'messages.3.member.content.1.member.toolUse.name' failed to satisfy constraint",
            Kind::ToolName,
        ),
        ("Invalid 'input[66].id': 'item_1'. Expected an ID that begins with 'rs'.", Kind::ItemId),
        (
            "Invalid 'input[6].id': string too long. Expected a string with maximum length 64, but got a string with length 86 instead.",
            Kind::ItemId,
        ),
        (
            "messages.2.content.0.tool_result: all content must be type `text` if `is_error` is true",
            Kind::ErrorResult,
        ),
        ("Unexpected role 'user' after role 'tool'", Kind::Roles),
        (
            "'messages.2' : for 'role:assistant' the following must be satisfied[('messages.2' : property 'reasoning' is unsupported, did you mean 'role'?)]",
            Kind::ReasoningRefused,
        ),
        (
            "messages[3].reasoning: reasoning is not supported with this model",
            Kind::ReasoningRefused,
        ),
        (
            "messages.3.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
            Kind::ToolId,
        ),
        ("messages: final assistant content cannot end with trailing whitespace", Kind::Prefill),
        (
            "messages.1: When thinking is disabled, an assistant message cannot contain thinking",
            Kind::ThinkingWhileOff,
        ),
        ("messages: roles must alternate between \"user\" and \"assistant\"", Kind::Roles),
        ("thinking.adaptive.block_binding: Extra inputs are not permitted", Kind::Mode),
        ("thinking.disabled.display: Extra inputs are not permitted", Kind::Mode),
        ("Could not decrypt the provided encrypted_content", Kind::InvalidEncryptedContent),
        ("Duplicate item found with id rs_1", Kind::DuplicateItem),
        ("prompt is too long: 208310 tokens > 200000 maximum", Kind::ContextLength),
        (
            "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length or `max_tokens` and try again",
            Kind::ContextLength,
        ),
        (
            "This model's maximum context length is 8192 tokens. However, you requested 10000 tokens (9000 in the messages, 1000 in the completion).",
            Kind::ContextLength,
        ),
        (
            "Your input exceeds the context window of this model. Please adjust your input and try again.",
            Kind::ContextLength,
        ),
        (
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048575).",
            Kind::ContextLength,
        ),
        ("Input is too long for requested model.", Kind::ContextLength),
        (
            "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
            Kind::ContextLength,
        ),
        (
            "Reasoning input items can only be provided to a reasoning or computer use model. Remove reasoning items from your input and try again.",
            Kind::InvalidEncryptedContent,
        ),
        (
            "Function call is missing a thought_signature in functionCall parts.",
            Kind::CannotBeModified,
        ),
        (
            "messages.5.content.0: If an assistant message contains any thinking blocks, the first block must be `thinking` or `redacted_thinking`. Found `text`.",
            Kind::ThinkingExpected,
        ),
        (
            "messages.3.content.10: When providing `thinking` or `redacted_thinking` blocks, the blocks must match the parameters during the original request.",
            Kind::CannotBeModified,
        ),
        (
            "`clear_thinking_20251015` strategy requires `thinking` to be enabled or adaptive",
            Kind::Mode,
        ),
        ("This model does not support effort level 'xhigh'.", Kind::Mode),
        (
            "max_tokens: 200000 > 64000, which is the maximum allowed number of output tokens",
            Kind::Budget,
        ),
        (
            "messages.1.content.0: Invalid `data` in `redacted_thinking` block",
            Kind::InvalidSignature,
        ),
    ] {
        let rejection = Rejection::classify(400, &error(text).to_string());
        assert_eq!(rejection.map(|rejection| rejection.kind), Some(kind), "{text}");
    }
    let long = Rejection::classify(400, &error("prompt is too long").to_string()).unwrap();
    assert_eq!(long.remedy(), Remedy::Shorten);
    let talkative = error(
        "The messages you sent are not valid: messages.5.content.0: Invalid `signature` in `thinking` block",
    );
    assert_eq!(Rejection::classify(400, &talkative.to_string()).unwrap().place, Some((5, Some(0))));
    // What Anthropic says beside the message.
    for (code, kind) in [
        ("compaction_content_mismatch", Some(Kind::CompactionChanged)),
        ("compaction_signature_invalid", Some(Kind::CompactionChanged)),
        ("compaction_unavailable", None),
    ] {
        let mut body = error("The compaction block is not what it was.");
        body["error"]["details"] = serde_json::json!({ "error_code": code });
        let rejection = Rejection::classify(400, &body.to_string());
        assert_eq!(rejection.map(|rejection| rejection.kind), kind, "{code}");
        let server = thinkstream::wire::read_error_body(&body.to_string()).unwrap();
        assert_eq!(Rejection::of(&server).map(|rejection| rejection.kind), kind, "{code}");
    }
    // The same in the middle of a stream, and from a response that was read already.
    let stream = format!(
        "event: error\ndata: {}\n\n",
        error("messages.5.content.0: Invalid `signature` in `thinking` block")
    );
    let (_, failed) = common::decode(common::anthropic(), [stream.as_bytes()]);
    let Some(ErrorKind::Server(server)) = failed.as_ref().map(Error::kind) else {
        panic!("{failed:?}")
    };
    let rejection = Rejection::of(server).unwrap();
    assert_eq!((rejection.kind, rejection.place), (Kind::InvalidSignature, Some((5, Some(0)))));
    assert_eq!(rejection.kind.to_string(), "a signature is not valid");
    assert_eq!(
        format!("{:>15}|{:<15}|", Kind::Roles, Kind::DuplicateItem),
        "the roles do not take turns|one item twice |"
    );
    for (status, body) in [
        (400, error("Invalid webhook signature").to_string()),
        (400, error("max_tokens: 5000 > 4096").to_string()),
        (500, error("messages.5.content.0: Invalid `signature` in `thinking` block").to_string()),
        (400, String::new()),
        (400, "<html>".to_owned()),
    ] {
        assert_eq!(Rejection::classify(status, &body), None, "{body}");
    }
}

const LINES: &[&str] = &[
    "u one",
    "a claude-opus-4-8 K1 Ta",
    "u two",
    "a claude-opus-4-8 K2 R3 Tb",
    "u three",
    "a claude-opus-4-8 K4 Ct1",
    "r t1 4",
];

#[test]
fn what_was_refused_never_goes_out_again() {
    let refusal = |text: &str| {
        let body = json!({"error": {"message": text}}).to_string();
        Rejection::classify(400, &body).unwrap()
    };
    let plain = Policy::default();
    let invalid = refusal("messages.3.content.0: Invalid `signature` in `thinking` block");

    // The one block, and for good.
    let mut talk = history(LINES);
    let sent = talk.render(&target(OPUS), &plain);
    assert_eq!(talk.reject(&invalid, &sent), 1);
    let next = talk.render(&target(OPUS), &plain);
    assert_eq!(told(&next), "u['one'] a[K1 Ta] u['two'] a[R3 Tb] u['three'] a[K4 Ct1] u[rt1]");
    assert_eq!(talk.reject(&invalid, &next), 1);
    let stored = serde_json::to_string(&talk).unwrap();
    let mut again: History = serde_json::from_str(&stored).unwrap();
    let keep = {
        let mut policy = Policy::default();
        policy.switch = Switch::Keep;
        policy
    };
    assert_eq!(
        told(&again.render(&target(OPUS), &keep)),
        "u['one'] a[K1 Ta] u['two'] a[Tb] u['three'] a[K4 Ct1] u[rt1]"
    );
    assert_eq!(again.rejected().len(), 2);

    // A system prompt that was put before them is counted too.
    let mut talk = history(LINES);
    let mut sent = talk.render(&target(OPUS), &plain);
    let system = [r#"{"role":"system","content":"a"}"#, r#"{"role":"user","content":"b"}"#];
    sent.messages.splice(0..0, system.map(|it| Json::parse(it).unwrap()));
    let shifted = refusal("messages.5.content.0: Invalid `signature` in `thinking` block");
    assert_eq!(talk.reject(&shifted, &sent), 1);
    let next = talk.render(&target(OPUS), &plain);
    assert_eq!(told(&next), "u['one'] a[K1 Ta] u['two'] a[R3 Tb] u['three'] a[K4 Ct1] u[rt1]");
    let none = refusal("messages.0.content.0: Invalid `signature` in `thinking` block");
    assert_eq!(talk.reject(&none, &sent), 0);

    // Where a gap is no better, all before it goes too.
    let bound: Vec<_> = LINES.iter().map(|line| line.replace(OPUS, BOUND)).collect();
    let bound: Vec<_> = bound.iter().map(String::as_str).collect();
    let mut talk = history(&bound);
    let sent = talk.render(&target(BOUND), &plain);
    assert_eq!(talk.reject(&invalid, &sent), 1);
    let next = talk.render(&target(BOUND), &plain);
    assert_eq!(told(&next), "u['one'] a[Ta] u['two'] a[Tb] u['three'] a[K4 Ct1] u[rt1]");
    assert_eq!(talk.watermark(), 4);

    // Something before it has changed: all behind it was made under the same prefix.
    let other = refusal(
        "messages.3.content.0: Invalid `signature` in `thinking` block. The block is bound to a different conversation.",
    );
    let mut talk = history(&bound);
    let sent = talk.render(&target(BOUND), &plain);
    assert_eq!(talk.reject(&other, &sent), 3);
    let next = talk.render(&target(BOUND), &plain);
    assert_eq!(told(&next), "u['one'] a[Ta] u['two'] a[Tb] u['three'] a[Ct1] u[rt1]");
    assert!(next.report.to_string().contains("the model goes on without what it thought in it"));

    // A message alone is named: what is signed in it.
    for (text, refused) in [
        ("messages.3: Invalid `signature` in `thinking` block", 2),
        ("messages.5: Invalid `signature` in `thinking` block", 1),
        (
            "messages.3.content.1: `thinking` blocks in the latest assistant message cannot be modified.",
            2,
        ),
        (
            "messages.4.content.0: `thinking` blocks in the latest assistant message cannot be modified.",
            0,
        ),
        // Where the block is not what is wrong with it, none is better than another.
        ("messages.3.content.0: each thinking block must contain thinking", 4),
    ] {
        let mut talk = history(LINES);
        let sent = talk.render(&target(OPUS), &plain);
        assert_eq!(talk.reject(&refusal(text), &sent), refused, "{text}");
    }

    // Nothing named: all of it.
    let mut talk = history(LINES);
    let sent = talk.render(&target(OPUS), &plain);
    assert_eq!(talk.reject(&refusal("Invalid signature in thinking"), &sent), 4);
    assert_eq!(talk.render(&target(OPUS), &plain).report.kept_thinking().count(), 0);
    // What is not about a block is not remembered.
    assert_eq!(talk.reject(&refusal("messages: text content blocks must be non-empty"), &sent), 0);
}

/// A line is read by itself, also if the item in it was received in several.
#[test]
fn an_audit_is_read_by_lines() {
    let item = "{\"type\":\"reasoning\",\n \"id\":\"rs_1\",\r\n\"summary\":[],\"encrypted_content\":\"e\"}";
    let body = format!(
        r#"{{"object":"response","status":"completed","id":"resp_1","model":"gpt-5","output":[{item}]}}"#
    );
    let reply = Complete::from_body(Protocol::OpenAiResponses, body.as_bytes()).unwrap().message;
    assert!(reply.content[0].raw.as_ref().unwrap().contains('\n'));
    let mut talk = History::new();
    talk.push_assistant(reply, Provenance::default());
    let mut store = JsonLines::new(Vec::new());
    assert_eq!(talk.audit(&mut store).unwrap(), 1);
    let text = String::from_utf8(store.into_inner()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    let line: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["raw"]["encrypted_content"], "e");
}

#[test]
fn the_audit_misses_nothing() {
    let mut talk = history(&[
        "u one",
        "a claude-opus-4-8 K1 k E2 R3 Ta @5 #work",
        "u two",
        "a claude-opus-4-8 Tb K4 ~",
    ]);
    let mut store = JsonLines::new(Vec::new());
    assert_eq!(talk.audit(&mut store).unwrap(), 5);
    assert_eq!(talk.audit(&mut store).unwrap(), 0);
    // How far it has come is part of the record.
    assert_eq!(serde_json::to_value(&talk).unwrap()["audited"], talk.entries().len());
    push(&mut talk, "a claude-opus-4-8 K5 Tc");
    let mut again: History = serde_json::from_str(&serde_json::to_string(&talk).unwrap()).unwrap();
    assert_eq!(again.audit(&mut store).unwrap(), 1);
    let text = String::from_utf8(store.into_inner()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines[0],
        json!({
            "entry": 1, "block": 0, "provider": "anthropic", "model": OPUS, "message_id": "msg_1",
            "account": "work", "at_ms": 5, "type": "thinking", "thinking": "thought 1", "signature": "sig1",
            "complete": true, "replayable": true, "fingerprint": lines[0]["fingerprint"],
        })
    );
    assert_eq!(lines[0]["fingerprint"].as_str().unwrap().len(), 32);
    // A reply that comes behind the answers to its calls is not missed either.
    let mut early = history(&["u a", "r t1 4"]);
    early.audit(&mut JsonLines::new(Vec::new())).unwrap();
    push(&mut early, "a claude-opus-4-8 K1 Ct1");
    assert_eq!(early.audit(&mut JsonLines::new(Vec::new())).unwrap(), 1);
    assert_eq!((&lines[1]["replayable"], lines[1].get("signature")), (&json!(false), None));
    assert_eq!(lines[2]["thinking"], "");
    assert_eq!(lines[3]["data"], "data3");
    assert_eq!(
        (&lines[4]["complete"], &lines[4]["thinking"]),
        (&json!(false), &json!("thought 4"))
    );
}

#[test]
fn a_store_that_fails_is_asked_again() {
    struct Fails(usize, Vec<usize>);
    impl AuditSink for Fails {
        type Error = &'static str;

        fn take(&mut self, entry: &AuditEntry) -> Result<(), &'static str> {
            self.0 = self.0.checked_sub(1).ok_or("full")?;
            self.1.push(entry.entry);
            Ok(())
        }
    }
    let mut talk = history(&["a claude-opus-4-8 K1 Ta", "a claude-opus-4-8 K2 Tb"]);
    let mut store = Fails(1, Vec::new());
    assert_eq!(talk.audit(&mut store), Err("full"));
    store.0 = 5;
    assert_eq!(talk.audit(&mut store), Ok(1));
    assert_eq!(store.1, [0, 1]);
}

#[test]
fn lines_are_whole_on_the_disk() {
    let path = std::env::temp_dir().join(format!("thinkstream-audit-{}.jsonl", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let mut talk = history(&["a claude-opus-4-8 K1 Ta"]);
    talk.audit(&mut JsonLines::append(&path).unwrap()).unwrap();
    // A crash leaves half a line behind.
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("{\"entry\":");
    std::fs::write(&path, &text).unwrap();
    push(&mut talk, "a claude-opus-4-8 K2 Tb");
    talk.audit(&mut JsonLines::append(&path).unwrap()).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let whole: Vec<_> =
        text.lines().filter(|line| Json::parse((*line).to_owned()).is_ok()).collect();
    assert_eq!((text.lines().count(), whole.len()), (3, 2));
    assert!(whole[1].contains("sig2") && text.ends_with('\n'));
    std::fs::remove_file(path).unwrap();
}

/// A writer that takes ten bytes, fails once, and then takes all.
struct Torn(Vec<u8>, usize);

impl std::io::Write for Torn {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.1 += 1;
        match self.1 {
            1 => {
                self.0.extend_from_slice(&bytes[..10]);
                Ok(10)
            }
            2 => Err(std::io::ErrorKind::StorageFull.into()),
            _ => {
                self.0.extend_from_slice(bytes);
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_line_that_could_not_be_written_spoils_no_other() {
    let mut talk = history(&["a claude-opus-4-8 K1 Ta"]);
    let mut store = JsonLines::new(Torn(Vec::new(), 0));
    talk.audit(&mut store).unwrap_err();
    assert_eq!(talk.audit(&mut store).unwrap(), 1);
    let text = String::from_utf8(store.into_inner().0).unwrap();
    let lines: Vec<_> = text.lines().map(|line| Json::parse(line.to_owned()).is_ok()).collect();
    assert_eq!(lines, [false, true], "{text}");
}

/// The Responses API takes a string in place of the first message.
#[test]
fn an_input_may_be_a_string() {
    let hi = r#"{"model":"gpt-5","input":"hi"}"#;
    for (next, path) in [
        (r#"{"model":"gpt-5","input":"hi"}"#, None),
        (r#"{"model":"gpt-5","input":"bye"}"#, Some("$.input")),
        (
            r#"{"model":"gpt-5","input":[{"role":"user","content":"hi"},{"role":"user","content":"b"}]}"#,
            None,
        ),
        (
            r#"{"model":"gpt-5","input":[{"role":"user","content":"bye"}]}"#,
            Some("$.input[0].content[0]"),
        ),
    ] {
        let found = diff(hi, next).unwrap();
        assert_eq!(found.as_ref().map(|found| found.path.as_str()), path, "{next}");
    }
}
