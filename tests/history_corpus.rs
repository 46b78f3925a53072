//! Recorded streams as conversations: what is signed goes back byte for byte, whatever the policies.
//!
//! `THINKSTREAM_CORPUS` names a folder with the streams.

mod common;

use common::recordings::{corpus, message, recordings};
use common::{anthropic, chat, decode, responses};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::value::RawValue;
use thinkstream::history::{
    Action, CacheMarks, CacheStrategy, Compaction, Entry, History, Keep, Line, Mode, Policy,
    Provenance, Reason, Rendered, Switch, Target, ToolResult, Ttl, validate,
};
use thinkstream::models::Replay;
use thinkstream::{Content, Decoder, Message, Provider, StopReason};

/// The messages of a folder, in the order of their names.
fn messages(folder: &str, decoder: fn() -> Decoder) -> Option<Vec<Message>> {
    let corpus = corpus()?;
    let messages: Vec<_> = recordings(&corpus, folder)
        .iter()
        .map(|recording| message(&decode(decoder(), [&recording.bytes[..]])).clone())
        .collect();
    assert!(messages.len() > 50);
    Some(messages)
}

/// A turn: a question, a reply, an answer to each of its calls.
fn push(history: &mut History, message: &Message, at: u64) {
    history.push_user("What is it?");
    history.push_assistant(message.clone(), Provenance::default().at_ms(at));
    for block in &message.content {
        if let Content::ToolUse(tool) = &block.content
            && tool.kind.is_client()
            && block.complete
        {
            history.push_tool_result(ToolResult::new(tool.id.clone(), "It is so."));
        }
    }
}

fn policies() -> impl Strategy<Value = Policy> {
    let keep =
        prop_oneof![Just(Keep::All), (0..4_usize).prop_map(Keep::LastTurns), Just(Keep::Nothing)];
    let switch = prop::sample::select(vec![Switch::ByModel, Switch::Drop, Switch::Keep]);
    let compaction = prop::sample::select(vec![Compaction::Keep, Compaction::DropBefore]);
    let strategy = prop::sample::select(vec![
        CacheStrategy::None,
        CacheStrategy::AppendOnlyTail,
        CacheStrategy::SystemAndLast3,
        CacheStrategy::BeforeHistoricalThinking,
    ]);
    let ttl = prop::sample::select(vec![Ttl::FiveMinutes, Ttl::OneHour]);
    let stale = prop::option::of(0..10_u64);
    (keep, switch, compaction, strategy, ttl, stale).prop_map(
        |(keep, switch, compaction, strategy, ttl, stale)| {
            let mut policy = Policy::default();
            policy.keep = keep;
            policy.switch = switch;
            policy.compaction = compaction;
            policy.cache = CacheMarks::new(strategy).ttl(ttl);
            policy.stale_after_ms = stale;
            policy
        },
    )
}

/// The block that a line of the report speaks of, as it is sent.
fn sent<'a>(rendered: &'a Rendered, message: usize, content: usize) -> &'a str {
    #[derive(serde::Deserialize)]
    struct Sent<'a> {
        #[serde(borrow)]
        content: Vec<&'a RawValue>,
    }
    let message: Sent<'a> = serde_json::from_str(&rendered.messages[message]).unwrap();
    message.content[content].get()
}

/// Every kept block of thinking is as it was received, and no other goes out.
fn check_signed(history: &History, rendered: &Rendered) {
    let mut kept = 0;
    for line in rendered.report.kept_thinking() {
        let Entry::Assistant(reply) = &history.entries()[line.entry] else { panic!("{line}") };
        let raw = sent(rendered, line.message.unwrap(), line.content.unwrap());
        assert_eq!(raw, reply.message.content[line.block].to_param().as_str(), "{line}");
        kept += 1;
    }
    let out: usize = rendered
        .messages
        .iter()
        .map(|message| {
            let count = |kind: &str| message.matches(&format!("{{\"type\":\"{kind}\",")).count();
            count("thinking") + count("redacted_thinking")
        })
        .sum();
    assert_eq!(out, kept);
    // Every block has a line, dropped or kept.
    for (at, entry) in history.entries().iter().enumerate() {
        let Entry::Assistant(reply) = entry else { continue };
        let lines = rendered.report.lines.iter().filter(|line| line.entry == at);
        assert_eq!(lines.count(), reply.message.content.len(), "entry {at}");
    }
}

#[test]
fn signed_bytes_never_change() {
    let Some(messages) = messages("anthropic", anthropic) else { return };
    let models = ["claude-opus-4-8", "claude-opus-5-5", "claude-sonnet-4-5", "claude-next"];
    let turns = prop::collection::vec((0..messages.len(), any::<bool>(), policies()), 1..8);
    let mut runner = TestRunner::new(ProptestConfig { cases: 300, ..ProptestConfig::default() });
    let strategy = (turns, prop::sample::select(models.to_vec()));
    runner
        .run(&strategy, |(turns, model)| {
            let mut history = History::new();
            let mut watermark = 0;
            for (turn, (which, own, policy)) in turns.into_iter().enumerate() {
                let mut message = messages[which].clone();
                if own {
                    message.model = Some(model.into());
                }
                push(&mut history, &message, turn as u64);
                let target = Target::new(Provider::Anthropic, model).at_ms(turn as u64 + 3);
                let rendered = history.render(&target, &policy);
                check_signed(&history, &rendered);
                prop_assert_eq!(&history.render(&target, &policy).messages, &rendered.messages);
                prop_assert!(history.watermark() >= watermark, "the watermark moved back");
                watermark = history.watermark();
                // Ids of recorded calls repeat, for a stream may be drawn twice.
                let found: Vec<_> = validate(&rendered.messages, &target)
                    .into_iter()
                    .filter(|finding| finding.id.is_none())
                    .filter(|finding| finding.message + 1 < rendered.messages.len())
                    .collect();
                prop_assert!(found.is_empty(), "{found:?}");
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn every_stream_makes_a_valid_conversation() {
    let Some(messages) = messages("anthropic", anthropic) else { return };
    for message in &messages {
        let mut history = History::new();
        push(&mut history, message, 0);
        history.push_user("And now?");
        let model = message.model.clone().unwrap_or_else(|| "claude-opus-4-8".into());
        let target = Target::new(Provider::Anthropic, model).mode(Mode::Adaptive);
        let found = history.validate(&target);
        assert!(found.is_empty(), "{:?}: {found:?}", message.id);
        let rendered = history.render(&target, &Policy::default());
        check_signed(&history, &rendered);
        assert!(rendered.repair(&target).changes.is_empty());
        // Nothing is dropped of a finished reply but what `to_param` leaves out too.
        let param = message.to_param();
        let finished =
            message.complete && !message.stop_reason.as_ref().is_some_and(StopReason::is_cut);
        let unpaired = |line: &Line| line.action == Action::Dropped(Reason::Unpaired);
        if finished
            // The user's word comes before the result that a pause waits for.
            && !rendered.report.lines.iter().any(unpaired)
            && rendered.report.dropped_thinking().next().is_none()
            && !param.ends_with("[]}")
        {
            assert!(rendered.to_json().contains(param.as_str()), "{:?}", message.id);
        }
        let stored = serde_json::to_string(&history).unwrap();
        let again: History = serde_json::from_str(&stored).unwrap();
        assert_eq!(again, history);
        assert_eq!(again.preview(&target, &Policy::default()), rendered);
    }
}

#[test]
fn openai_gets_its_items_and_messages_back() {
    type Folder = (&'static str, fn() -> Decoder, Provider);
    let folders: [Folder; 2] = [
        ("openai-responses", responses, Provider::OpenAiResponses),
        ("openai-chat", chat, Provider::OpenAiChat),
    ];
    for (folder, decoder, provider) in folders {
        let Some(messages) = messages(folder, decoder) else { return };
        let mut same = 0;
        for message in &messages {
            let mut history = History::new();
            push(&mut history, message, 0);
            history.push_user("And now?");
            let model = message.model.clone().unwrap_or_else(|| "gpt-5".into());
            let plain = message.content.iter().any(|block| block.content.kind() == "thinking");
            let replay = if plain { Replay::Always } else { Replay::Never };
            let target = Target::new(provider, model).replay(replay);
            let rendered = history.render(&target, &Policy::default());
            let param = message.to_param();
            let text = rendered.to_json();
            let inner = param.trim_start_matches('[').trim_end_matches(']');
            let cut = message.stop_reason.as_ref().is_none_or(StopReason::is_cut);
            if !cut && message.complete {
                // Some take no `null` beside calls.
                let text = text.replace(r#""content":"""#, r#""content":null"#);
                assert!(text.contains(inner), "{:?}: {param}\n{text}", message.id);
                same += 1;
            }
            let stored = serde_json::to_string(&history).unwrap();
            let again: History = serde_json::from_str(&stored).unwrap();
            assert_eq!(again, history);
            assert_eq!(again.preview(&target, &Policy::default()), rendered);
            let found = validate(&rendered.messages, &target);
            assert!(found.is_empty(), "{:?}: {found:?} {}", message.id, rendered.report);
            // To anybody else it goes without its thinking, and is valid all the same.
            let elsewhere = Target::new(Provider::Anthropic, "claude-opus-4-8");
            let found = history.validate(&elsewhere);
            assert!(found.is_empty(), "{:?}: {found:?}", message.id);
            let rendered = history.render(&elsewhere, &Policy::default());
            assert_eq!(rendered.report.kept_thinking().count(), 0);
        }
        println!("{folder}: {same} of {}", messages.len());
        assert!(same * 2 > messages.len(), "{same} of {}", messages.len());
    }
}

#[test]
fn anthropics_replies_go_to_openai_without_their_thinking() {
    let Some(messages) = messages("anthropic", anthropic) else { return };
    for message in &messages {
        let mut history = History::new();
        push(&mut history, message, 0);
        history.push_user("And now?");
        for provider in [Provider::OpenAiResponses, Provider::OpenAiChat] {
            let target = Target::new(provider, "gpt-5");
            let rendered = history.render(&target, &Policy::default());
            assert_eq!(rendered.report.kept_thinking().count(), 0);
            let found = validate(&rendered.messages, &target);
            assert!(found.is_empty(), "{:?}: {found:?}", message.id);
            for item in &rendered.messages {
                assert!(!item.contains("signature") || !item.contains("thinking"), "{item}");
            }
        }
    }
}
