//! Recorded streams of the two APIs of `OpenAI` and of those who speak them: what the decoder makes of them,
//! against facts that another reader found.
//!
//! `THINKSTREAM_CORPUS` names a folder with `FACTS.jsonl`, `INDEX.tsv` and the streams, which are in
//! `openai-chat` and `openai-responses`.

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::recordings::{Log, Recording, corpus, message, recordings, same};
use common::{chat, decode, responses};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use thinkstream::{Block, Content, Decoder, Event, Message, Rule, ToolUse};

/// Facts that are not ours: the stream, the fact and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("midstream-error-qwen3-01", "end", "a line with the field `error`"),
    ("midstream-error-groq-gpt-oss-120b-01", "end", "an error in place of a chunk"),
    ("midstream-error-groq-gpt-oss-120b-02", "end", "an error in place of a chunk"),
    ("midstream-error-openrouter-length-minimax-m2-01", "end", "an error in a chunk"),
    ("content-parts-text-mistral-mistral-small-latest-01", "text", "told of strings, not of parts"),
    ("content-parts-text-mistral-mistral-small-latest-01", "thinking", "told of no parts"),
    ("content-parts-text-mistral-magistral-small-latest-01", "thinking", "told of no parts"),
    ("content-parts-text-mistral-magistral-medium-latest-02", "thinking", "told of no parts"),
    ("content-parts-text-mistral-magistral-small-latest-01", "usage", "`num_cached_tokens`"),
    ("reasoning-tool-json-cut-zai-glm-47-01", "tools", "two calls with one number, told as one"),
    ("reasoningtokens-tool-xai-grok-4-0709-01", "usage", "reasoning is counted apart"),
    (
        "reasoningtokens-tool-parallel-xai-grok-4-fast-reasoning-01",
        "usage",
        "reasoning is counted apart",
    ),
    ("reasoning-text-groq-compound-01", "usage", "in `x_groq`"),
    ("text-gpt-4o-02", "usage", "`reasoning_tokens` at the top"),
    ("text-azure-us3-7-sonnet-01", "usage", "`cache_read_input_tokens`, of a relay"),
    ("text-na-02", "end", "no blank lines between its frames"),
    ("text-na-02", "text", "no blank lines between its frames"),
    ("text-na-02", "remarks", "no blank lines between its frames"),
    ("text-na-02", "remarks", "an event with a name alone"),
    ("legacy-text-completion-gpt-35-turbo-instruct-01", "text", "told of chats only"),
    ("legacy-text-completion-length-opt-125m-01", "text", "told of chats only"),
    ("legacy-text-completion-length-babbage-01", "text", "told of chats only"),
    ("failed-gpt-5-nano-01", "end", "an error"),
    ("failed-gpt-5-nano-01", "status", "an error"),
    ("image-generation-gpt-5-nano-01", "end", "its last frame has no blank line"),
    ("image-generation-gpt-5-nano-01", "status", "its last frame has no blank line"),
    ("image-generation-gpt-5-nano-01", "usage", "its last frame has no blank line"),
    ("text-na-01", "end", "no blank lines between its frames"),
    ("shell-gpt-52-01", "remarks", "its items end with another text, written by hand"),
];

type Folder = (&'static str, fn() -> Decoder);

/// The folders, and who reads them.
const FOLDERS: [Folder; 2] = [("openai-chat", chat), ("openai-responses", responses)];

fn hash(text: &str) -> String {
    let hash: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    hash[..16].to_owned()
}

type Fact = (String, Value, Value);

fn fact(name: &str, found: Value, told: Value) -> Fact {
    (name.to_owned(), found, told)
}

/// The text, the thinking and the refusals that were handed out, of each choice.
fn said(events: &[Event]) -> BTreeMap<u32, [String; 3]> {
    let (mut choice, mut said) = (0, BTreeMap::<u32, [String; 3]>::new());
    for event in events {
        let [text, thinking, refusal] = said.entry(choice).or_default();
        match event {
            Event::Token(token) if token.refusal => refusal.push_str(&token.text),
            Event::Token(token) => text.push_str(&token.text),
            Event::Thinking(piece) => thinking.push_str(&piece.text),
            Event::Choice(next) => choice = next.choice,
            _ => {}
        }
    }
    said
}

fn tools(message: &Message) -> impl Iterator<Item = &ToolUse> {
    message.content.iter().filter_map(|block| tool(block))
}

fn tool(block: &Block) -> Option<&ToolUse> {
    match &block.content {
        Content::ToolUse(tool) => Some(tool),
        _ => None,
    }
}

fn input(tool: &ToolUse) -> &str {
    tool.input.as_ref().map_or_else(|invalid| &*invalid.raw, |input| input.as_str())
}

/// The usage as the provider writes it, of what the facts have.
fn usage(message: &Message, told: &Value) -> [Value; 2] {
    let usage = &message.usage;
    let path = |paths: [&str; 2]| {
        let found = paths.into_iter().find_map(|path| told.pointer(path)).cloned();
        found.unwrap_or_default()
    };
    let found = json!([
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_input_tokens,
        usage.thinking_tokens
    ]);
    let told = json!([
        path(["/input_tokens", "/prompt_tokens"]),
        path(["/output_tokens", "/completion_tokens"]),
        path(["/input_tokens_details/cached_tokens", "/prompt_tokens_details/cached_tokens"]),
        path([
            "/output_tokens_details/reasoning_tokens",
            "/completion_tokens_details/reasoning_tokens"
        ]),
    ]);
    [found, told]
}

/// What the events said is what the messages hold.
fn check_whole((events, error): &Log, name: &str) {
    let (first, others) = match (events.last(), error) {
        (_, Some(error)) => (&error.partial().message, &error.partial().choices),
        (Some(Event::Complete(done)), None) => (&done.message, &done.choices),
        end => panic!("{name}: {end:?}"),
    };
    // Where the end of an item says something else than its deltas, its end counts.
    let differs =
        |event: &Event| matches!(event, Event::Warning(it) if it.rule == Rule::DoneDiffers);
    if events.iter().any(differs) {
        return;
    }
    let mut said = said(events);
    for message in std::iter::once(first).chain(others) {
        let [text, thinking, refusal] = said.remove(&message.choice).unwrap_or_default();
        let texts = |refusal: bool| {
            let texts = message.content.iter().filter_map(|block| match &block.content {
                Content::Text(text) if text.refusal == refusal => Some(&*text.text),
                _ => None,
            });
            texts.collect::<String>()
        };
        assert_eq!(texts(false), text, "{name}");
        assert_eq!(texts(true), refusal, "{name}");
        assert_eq!(message.thinking(), thinking, "{name}");
    }
    assert!(said.values().flatten().all(String::is_empty), "{name}");
}

fn compare_chat(facts: &Value, log: &Log) -> Vec<Fact> {
    let message = message(log);
    // The facts are those of the first choice.
    let [text, thinking, refusal] = said(&log.0).remove(&0).unwrap_or_default();
    let end = log.1.as_ref().map_or("complete", |error| error.kind().name());
    let calls: Vec<Value> =
        tools(message).map(|tool| json!([&*tool.name, input(tool), &*tool.id])).collect();
    let told = facts["tools"].as_object().unwrap().iter().filter(|(key, _)| key.starts_with("0/"));
    let told: Vec<Value> =
        told.map(|(_, tool)| json!([tool["name"], tool["json"], tool["id"]])).collect();
    let finish = message.get("finish_reason").map_or("null", |reason| reason.as_str());
    let [usage, told_usage] = usage(message, &facts["usage"]);
    vec![
        fact("end", json!(end), json!("complete")),
        fact(
            "text",
            json!([text.chars().count(), hash(&text)]),
            json!([facts["text_len"], facts["text_sha256"]]),
        ),
        fact("thinking", json!(thinking.chars().count()), facts["reasoning_len"].clone()),
        fact("refusal", json!(refusal.chars().count()), facts["refusal_len"].clone()),
        fact("tools", json!(calls), json!(told)),
        fact(
            "finish_reason",
            serde_json::from_str(finish).unwrap(),
            facts["finish_reason"].clone(),
        ),
        fact("usage", usage, told_usage),
    ]
}

fn compare_responses(facts: &Value, log: &Log) -> Vec<Fact> {
    let message = message(log);
    let [text, thinking, _] = said(&log.0).remove(&0).unwrap_or_default();
    let end = log.1.as_ref().map_or("complete", |error| error.kind().name());
    let status = message.get("status").map_or("null", |status| status.as_str());
    let mut items = BTreeMap::<String, u32>::new();
    for block in &message.content {
        let raw = block.raw.as_ref().map_or("{}", |raw| raw.as_str());
        let item: Value = serde_json::from_str(raw).unwrap();
        *items.entry(item["type"].as_str().unwrap_or("?").to_owned()).or_default() += 1;
    }
    let is_function = |block: &&Arc<Block>| {
        block.raw.as_ref().is_some_and(|raw| raw.contains(r#""type":"function_call""#))
    };
    let functions = message.content.iter().filter(is_function);
    let arguments: String = functions.filter_map(|block| tool(block)).map(input).collect();
    let [usage, told_usage] = usage(message, &facts["usage"]);
    vec![
        fact("end", json!(end), json!("complete")),
        fact(
            "text",
            json!([text.chars().count(), hash(&text)]),
            json!([facts["text_len"], facts["text_sha256"]]),
        ),
        fact("thinking", json!(thinking.chars().count()), facts["summary_len"].clone()),
        fact("items", json!(items), facts["items"].clone()),
        fact("arguments", json!(arguments), facts["args"].clone()),
        fact("status", serde_json::from_str(status).unwrap(), facts["status"].clone()),
        fact("usage", usage, told_usage),
    ]
}

#[test]
fn every_stream_means_what_the_facts_say() {
    let Some(corpus) = corpus() else { return };
    let mut unneeded = EXCEPTIONS.to_vec();
    let mut wrong = Vec::new();
    for (folder, decoder) in FOLDERS {
        let compare = if folder == "openai-chat" { compare_chat } else { compare_responses };
        for Recording { name, bytes, facts, .. } in recordings(&corpus, folder) {
            let log = decode(decoder(), [&bytes[..]]);
            check_whole(&log, &name);
            let exempt = |fact: &str, unneeded: &mut Vec<(&str, &str, &str)>| {
                let is =
                    |exception: &(&str, &str, &str)| (exception.0, exception.1) == (&*name, fact);
                unneeded.iter().position(is).map(|at| unneeded.remove(at)).is_some()
            };
            for (fact, found, told) in compare(&facts, &log) {
                if found != told && !exempt(&fact, &mut unneeded) {
                    wrong.push(format!("{name}, {fact}: {found} and not {told}"));
                }
            }
            for event in &log.0 {
                if let Event::Warning(_) | Event::Unknown(_) = event
                    && !exempt("remarks", &mut unneeded)
                {
                    wrong.push(format!("{name}: {event:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(unneeded.is_empty(), "exceptions that are not needed: {unneeded:?}");
}

#[test]
fn cuts_change_nothing() {
    let Some(corpus) = corpus() else { return };
    for (folder, decoder) in FOLDERS {
        for recording in recordings(&corpus, folder) {
            let Recording { name, bytes, .. } = &recording;
            let whole = decode(decoder(), [&bytes[..]]);
            if let Some(pieces) = recording.as_received() {
                same(&format!("{name}, as received"), &decode(decoder(), pieces), &whole);
            }
            for width in [1, 7, 64, 1460] {
                let cut = decode(decoder(), bytes.chunks(width));
                same(&format!("{name}, width {width}"), &cut, &whole);
            }
        }
    }
}

/// Streams with everything that has something to lose, each short.
const CUT_AT_EVERY_BYTE: [&str; 18] = [
    "n-choices-mistral-length-ministral-3b-latest-01",
    "reasoning-tool-vercelgw-sonnet-4-01",
    "reasoning-text-deepseek-length-deepseek-v4-flash-01",
    "reasoningtokens-tool-parallel-vercelgw-gemini-3-pro-preview-01",
    "reasoningtokens-tool-parallel-xai-grok-4-fast-reasoning-01",
    "refusal-openrouter-gpt-4o-01",
    "tool-json-cut-length-gpt-4o-mini-01",
    "tool-parallel-mistral-mistral-large-latest-01",
    "tool-gpt-54-mini-01",
    "text-perplexity-sonar-01",
    "reasoning-encrypted-text-gemini-3-flash-preview-01",
    "reasoning-encrypted-tool-parallel-gpt-54-mini-01",
    "reasoning-summary-text-bedrock-openaigpt-oss-20b-01",
    "reasoning-tool-gpt-5-01",
    "refusal-gpt-4o-01",
    "shell-gpt-5-codex-01",
    "tool-openrouter-gpt-41-mini-01",
    "incomplete-gpt-5-mini-01",
];

/// Where the frames of a stream end, and whether the reply would be whole if it ended there. Read with
/// another reader, which knows what these streams have and nothing of what others could do.
fn seams(stream: &str) -> Vec<(usize, bool)> {
    let blank = if stream.contains("\r\n") { "\r\n\r\n" } else { "\n\n" };
    let (mut end, mut over, mut done) = (0, false, false);
    let mut open = BTreeMap::new();
    let mut seams = vec![(0, false)];
    for frame in stream.split_inclusive(blank) {
        end += frame.len();
        let data = frame.lines().filter_map(|line| line.strip_prefix("data:")).collect::<String>();
        if let Ok(event) = serde_json::from_str::<Value>(&data) {
            for choice in event["choices"].as_array().into_iter().flatten() {
                let finished = open.entry(choice["index"].as_u64().unwrap()).or_insert(false);
                *finished |= choice["finish_reason"].is_string();
            }
            let kind = event["type"].as_str().unwrap_or_default();
            done |= matches!(kind, "response.completed" | "response.incomplete");
            over = done || !open.is_empty() && open.values().all(|finished| *finished);
        }
        seams.push((end, over));
    }
    seams
}

#[test]
fn no_prefix_passes_for_more_than_it_is() {
    let Some(corpus) = corpus() else { return };
    let mut count = 0;
    for (folder, decoder) in FOLDERS {
        for Recording { name, bytes, .. } in recordings(&corpus, folder) {
            if !CUT_AT_EVERY_BYTE.contains(&&*name) {
                continue;
            }
            count += 1;
            let seams = seams(str::from_utf8(&bytes).unwrap());
            let mut one_by_one = decoder();
            let mut events = Vec::new();
            for end in 0..=bytes.len() {
                let at = format!("{name}, byte {end}");
                let mut byte = bytes::Bytes::copy_from_slice(&bytes[end.saturating_sub(1)..end]);
                while let Some(event) = one_by_one.decode(&mut byte).unwrap() {
                    events.push(event);
                }
                let (seam, over) = seams.iter().rev().find(|(seam, _)| *seam <= end).unwrap();
                for block in &one_by_one.message().content {
                    assert!(block.complete || !block.replayable, "{at}");
                }
                // To decode every prefix anew would cost the square of the length.
                if end - seam > 1 && end % 61 != 0 {
                    continue;
                }
                let prefix = decode(decoder(), [&bytes[..end]]);
                assert_eq!(prefix.0[..events.len().min(prefix.0.len())], events[..], "{at}");
                let complete = matches!(prefix.0.last(), Some(Event::Complete(_)));
                assert_eq!(complete, *over, "{at}");
                let Some(error) = &prefix.1 else {
                    assert!(complete, "{at}");
                    continue;
                };
                // Some begin with a comment.
                let empty = error.kind().name() == "empty_stream";
                assert!(empty || error.kind().name() == "incomplete", "{at}");
                assert!(!empty || bytes[..end].trim_ascii().starts_with(b":") || end == 0, "{at}");
                assert_eq!(error.partial().message, one_by_one.message(), "{at}");
                let called = events.iter().any(|event| matches!(event, Event::ToolCall(_)));
                assert_eq!(error.partial().tool_call_emitted, called, "{at}");
            }
        }
    }
    assert_eq!(count, CUT_AT_EVERY_BYTE.len());
}

#[test]
fn the_next_request_has_every_item_as_it_was() {
    let Some(corpus) = corpus() else { return };
    let mut count = 0;
    for Recording { name, bytes, .. } in recordings(&corpus, "openai-responses") {
        let log = decode(responses(), [&bytes[..]]);
        let Some(Event::Complete(done)) = log.0.last() else { continue };
        let param = done.message.to_param();
        let items: Vec<&serde_json::value::RawValue> = serde_json::from_str(&param).unwrap();
        let stream = str::from_utf8(&bytes).unwrap();
        for item in &items {
            // Without reasoning that could not go back, what followed it has no id.
            let nameless = !item.get().contains(r#""id":"#) && stream.contains(r#""store":false"#);
            assert!(stream.contains(item.get()) || nameless, "{name}: {}", item.get());
            count += 1;
        }
        let kinds = |value: &Value| value["type"].as_str().unwrap().to_owned();
        let echoed: Vec<String> =
            items.iter().map(|item| kinds(&serde_json::from_str(item.get()).unwrap())).collect();
        // Items that ended, in the order of their places, be it at the end of the response only.
        let mut told = BTreeMap::new();
        let lines = stream.lines().filter_map(|line| line.strip_prefix("data:"));
        for event in lines.filter_map(|data| serde_json::from_str::<Value>(data).ok()) {
            if event["type"] == "response.output_item.done" {
                told.insert(event["output_index"].as_u64().unwrap(), event["item"].clone());
            } else if event["type"] == "response.completed" {
                let output = event["response"]["output"].as_array().unwrap();
                for (index, item) in (0..).zip(output) {
                    told.entry(index).or_insert_with(|| item.clone());
                }
            }
        }
        // What the provider has not stored it can only read if it is sent whole.
        let stored = !stream.contains(r#""store":false"#);
        let readable = |item: &&Value| {
            let plain = item["content"].as_array().is_some_and(|parts| !parts.is_empty());
            let whole = item["encrypted_content"].is_string() || plain;
            item["type"] != "reasoning" || stored || whole
        };
        // Text that was cut is still text; half of a call is none.
        let cut = |item: &&Value| item["status"] == "incomplete" && item["type"] != "message";
        let whole = told.values().filter(|item| !cut(item)).filter(readable);
        let mut told: Vec<String> = whole.map(kinds).collect();
        // Reasoning that nothing follows is left out.
        let trailing = told.iter().rev().take_while(|kind| *kind == "reasoning").count();
        told.truncate(told.len() - trailing);
        assert_eq!(echoed, told, "{name}");
    }
    assert!(count > 100, "only {count} items");
}
