//! The history: what the next request sends, under every policy, and what is said of it.

mod common;

use common::talk::{history, push, tell, told};
use serde_json::Value;
use thinkstream::history::{
    Action, CacheMarks, CacheStrategy, ClearToolUses, Compaction, ContextEdits, Entry, FindingKind,
    History, JsonLines, Keep, Mode, Note, Policy, Provenance, Rejection, Rendered, Resume, Switch,
    Target, ToolResult, Ttl, repair, validate,
};
use thinkstream::models::Replay;
use thinkstream::request::{RequestParams, Thinking};
use thinkstream::{Content, Json, Message, Provider};

const OPUS: &str = "claude-opus-4-8";
/// Its signatures are bound to their prefix.
const BOUND: &str = "claude-opus-5-5";

fn target(model: &str) -> Target {
    Target::new(Provider::Anthropic, model)
}

fn policy(change: impl FnOnce(&mut Policy)) -> Policy {
    let mut policy = Policy::default();
    change(&mut policy);
    policy
}

fn keep(keep: Keep) -> Policy {
    policy(|policy| policy.keep = keep)
}

/// What goes out, and why what does not.
fn rendered(lines: &[&str], target: &Target, policy: &Policy) -> String {
    let mut history = history(lines);
    let first = history.render(target, policy);
    assert_eq!(history.render(target, policy).messages, first.messages, "rendered again");
    with_reasons(&first)
}

fn with_reasons(rendered: &Rendered) -> String {
    let lines = rendered.report.lines.iter();
    let dropped = lines.filter_map(|line| match line.action {
        Action::Dropped(reason) => Some(format!("{}.{} {reason:?}", line.entry, line.block)),
        _ => None,
    });
    let dropped: Vec<_> = dropped.collect();
    let mut text = told(rendered);
    if !dropped.is_empty() {
        text.push_str(" -- ");
        text.push_str(&dropped.join(", "));
    }
    text
}

#[test]
fn everything_goes_back_as_it_came() {
    let plain = Policy::default();
    for (lines, expected) in [
        (&["u hi"][..], "u['hi']"),
        (&["u hi", "a claude-opus-4-8 Thello", "u bye"], "u['hi'] a[Thello] u['bye']"),
        (
            &["u hi", "a claude-opus-4-8 K1 E2 R3 Tone Ct1 Ct2", "r t1 4", "x t2 no"],
            "u['hi'] a[K1 E2 R3 Tone Ct1 Ct2] u[rt1 xt2]",
        ),
        // Answers first, whatever the order.
        (
            &["u hi", "a claude-opus-4-8 K1 Ct1", "u wait", "r t1 4"],
            "u['hi'] a[K1 Ct1] u[rt1 Twait]",
        ),
        (&["u hi", "r t1 4", "a claude-opus-4-8 K1 Ct1"], "u['hi'] a[K1 Ct1] u[rt1]"),
        // A pause is gone on with in the same message.
        (&["u hi", "a claude-opus-4-8 Tx K1 !pause_turn"], "u['hi'] a[Tx K1]"),
        (
            &["u hi", "a claude-opus-4-8 Tx K1 !pause_turn", "a claude-opus-4-8 K2 Tdone", "u bye"],
            "u['hi'] a[Tx K1 K2 Tdone] u['bye']",
        ),
        (
            &[
                "u hi",
                "a claude-opus-4-8 K1 Ss1 !pause_turn",
                "a claude-opus-4-8 K2 Tdone",
                "u bye",
            ],
            "u['hi'] a[K1 Ss1 = K2 Tdone] u['bye']",
        ),
        (&["u a", "u b", "a claude-opus-4-8 Tx"], "u[Ta Tb] a[Tx]"),
        (&["u a", "s now", "a claude-opus-4-8 Tx"], "u['a'] s['now'] a[Tx]"),
        (
            &["j [{\"type\":\"text\",\"text\":\"a\"}, {\"type\":\"image\",\"source\":1}]"],
            "u[Ta image]",
        ),
        (&["j {\"role\":\"user\",\"content\":\"a\"}"], "u['a']"),
        (&["j {\"type\":\"text\",\"text\":\"a\"}"], "u[Ta]"),
        (&["j 5"], "u[T5]"),
        // Empty replies are left out, and what they stood between joins.
        (&["u a", "a claude-opus-4-8 !end_turn", "u b"], "u[Ta Tb]"),
        (
            &["u a", "a claude-opus-4-8 K1 T T_ Tx", "u b"],
            "u['a'] a[K1 Tx] u['b'] -- 1.1 EmptyText, 1.2 EmptyText",
        ),
        (&["u a", "a claude-opus-4-8 k Tx", "u b"], "u['a'] a[Tx] u['b'] -- 1.0 NotReplayable"),
        // A message may not end with thinking.
        (&["u a", "a claude-opus-4-8 K1 !max_tokens", "u b"], "u[Ta Tb] -- 1.0 Cut"),
        (
            &["u a", "a claude-opus-4-8 Tx K1 R2", "u b"],
            "u['a'] a[Tx] u['b'] -- 1.1 Last, 1.2 Last",
        ),
        // A refusal takes back what was said before it.
        (
            &["u a", "a claude-opus-4-8 K1 Tx Ct1 !refusal", "u b"],
            "u[Ta Tb] -- 1.0 Refused, 1.1 Refused, 1.2 Refused",
        ),
        // The model that declined takes its own with it.
        (
            &["u a", "a claude-opus-4-8 K1 Tx Ss1 F K2 Ty", "u b"],
            "u['a'] a[Tx Ss1 = F K2 Ty] u['b'] -- 1.0 BeforeFallback",
        ),
    ] {
        assert_eq!(rendered(lines, &target(OPUS), &plain), expected, "{lines:?}");
    }
}

#[test]
fn a_cut_reply_goes_back_as_far_as_it_can_be_gone_on_from() {
    for (lines, expected) in [
        (&["u a", "a claude-opus-4-8 K1 Tx Ty ~"][..], "u['a'] a[K1 Tx] -- 1.2 NotReplayable"),
        (&["u a", "a claude-opus-4-8 K1 Tx K2 ~"], "u['a'] a[K1 Tx] -- 1.2 NotReplayable"),
        (&["u a", "a claude-opus-4-8 K1 ~"], "u['a'] -- 1.0 NotReplayable"),
        (&["u a", "a claude-opus-4-8 K1 Tx Ct1 ~"], "u['a'] a[K1 Tx] -- 1.2 NotReplayable"),
        (
            &["u a", "a claude-opus-4-8 K1 Tx K2 Ct1 Ct2 ~"],
            "u['a'] a[K1 Tx] -- 1.2 Cut, 1.3 Cut, 1.4 NotReplayable",
        ),
        // A call that was run and answered stays, and only that.
        (
            &["u a", "a claude-opus-4-8 K1 Ct1 Ct2 ~", "r t1 4"],
            "u['a'] a[K1 Ct1] u[rt1] -- 1.2 NotReplayable",
        ),
        (
            &["u a", "a claude-opus-4-8 K1 Ct0 Ct1 Ty ~", "r t1 4"],
            "u['a'] a[K1 Ct1] u[rt1] -- 1.1 Cut, 1.3 NotReplayable",
        ),
        // Nor does an answer go out without its call.
        (
            &["u a", "a claude-opus-4-8 Tx Ct1 ~", "r t1 4", "u b"],
            "u['a'] a[Tx] u['b'] -- 1.1 NotReplayable, 2.0 Unasked",
        ),
        (
            &[
                "u a",
                "a claude-opus-4-8 Tx Ct1 ~",
                r#"j [{"type":"tool_result","tool_use_id":"t1","content":"4"},{"type":"text","text":"b"}]"#,
            ],
            "u['a'] a[Tx] u[Tb] -- 1.1 NotReplayable, 2.0 Unasked",
        ),
        // Nor a message that had nothing else.
        (
            &[
                "u a",
                "a claude-opus-4-8 Tx Ct1 ~",
                r#"j [{"type":"tool_result","tool_use_id":"t1","content":"4"}]"#,
                "a claude-opus-4-8 Ty",
            ],
            "u['a'] a[Tx Ty] -- 1.1 NotReplayable, 2.0 Unasked",
        ),
        // Arguments that are no JSON go back if that was answered.
        (&["u a", "a claude-opus-4-8 K1 Jt1", "x t1 what?"], "u['a'] a[K1 Jt1] u[xt1]"),
        (
            &["u a", "a claude-opus-4-8 K1 Tx Jt1", "u b"],
            "u['a'] a[K1 Tx] u['b'] -- 1.2 NotReplayable",
        ),
        // An answer counts behind a reply that has nothing to do with it.
        (
            &["u a", "a claude-opus-4-8 Tx Ct1 !max_tokens", "a claude-opus-4-8 T_", "r t1 4"],
            "u['a'] a[Tx Ct1] u[rt1] -- 2.0 EmptyText",
        ),
        // Nor does one count that comes when the model has gone on without.
        (
            &[
                "u a",
                "a claude-opus-4-8 Tx Ct1 !max_tokens",
                "u b",
                "a claude-opus-4-8 K2 Ty",
                "r t1 4",
                "u c",
            ],
            "u['a'] a[Tx] u['b'] a[K2 Ty] u['c'] -- 1.1 Cut, 4.0 Unasked",
        ),
        (
            &[
                "u a",
                "a claude-opus-4-8 Tx Ct1 !max_tokens",
                "a claude-opus-4-8 T_",
                "a claude-opus-4-8 Ty Ct1 Ct2",
                "r t1 4",
                "r t2 5",
            ],
            "u['a'] a[Tx Ty Ct1_3_1 Ct2] u[rt1_3_1 rt2] -- 1.1 Cut, 2.0 EmptyText",
        ),
        // The call of a provider's own tool is not the caller's to answer.
        (
            &["u a", "a claude-opus-4-8 Tx Ss1 Ty ~", "r s1 4", "u b"],
            "u['a'] a[Tx] u['b'] -- 1.1 Cut, 1.2 Cut, 1.3 NotReplayable, 2.0 Unasked",
        ),
        // What the limit cut is not run, and not answered.
        (
            &["u a", "a claude-opus-4-8 K1 Tx K2 Ct1 !max_tokens", "u b"],
            "u['a'] a[K1 Tx] u['b'] -- 1.2 Cut, 1.3 Cut",
        ),
        (&["u a", "a claude-opus-4-8 K1 Tx !max_tokens", "u go on"], "u['a'] a[K1 Tx] u['go_on']"),
        (
            &["u a", "a claude-opus-4-8 Tx Ss1 Ty ~", "u b"],
            "u['a'] a[Tx] u['b'] -- 1.1 Cut, 1.2 Cut, 1.3 NotReplayable",
        ),
    ] {
        assert_eq!(rendered(lines, &target(OPUS), &Policy::default()), expected, "{lines:?}");
    }
}

#[test]
fn what_is_left_to_be_answered() {
    for (lines, expected) in [
        (&["u a", "a claude-opus-4-8 Ct1 Ct2", "r t2 4"][..], &["t1"][..]),
        (&["u a", "a claude-opus-4-8 Tx Ct1 !max_tokens"], &["t1"]),
        (&["u a", "a claude-opus-4-8 Tx Ct1 !max_tokens", "a claude-opus-4-8 T_"], &["t1"]),
        // The model has gone on without the first.
        (&["u a", "a claude-opus-4-8 Tx Ct1 !max_tokens", "u b", "a claude-opus-4-8 Ct2"], &["t2"]),
        (&["u a", "a claude-opus-4-8 Ct1", "u b", "a claude-opus-4-8 Ct2"], &["t1", "t2"]),
    ] {
        let history = history(lines);
        let open: Vec<_> = history.open_calls().map(|call| call.id.as_str()).collect();
        assert_eq!(open, expected, "{lines:?}");
    }
}

/// One who stops a reply, and says something else, has read what there was of it.
#[test]
fn what_was_said_before_a_cut_can_be_kept() {
    for (lines, kept, expected) in [
        (
            &["u a", "a claude-opus-4-8 K1 Tx Ty ~"][..],
            true,
            "u['a'] a[K1 Tx Ty] u['b'] -- 1.2 SaidBehind",
        ),
        (&["u a", "a claude-opus-4-8 Tx ~"], true, "u['a'] a[Tx] u['b'] -- 1.0 SaidBehind"),
        // There is no such text, or it is whole, or nobody's.
        (&["u a", "a claude-opus-4-8 K1 ~"], false, "u[Ta Tb] -- 1.0 NotReplayable"),
        (&["u a", "a claude-opus-4-8 Tx !max_tokens"], false, "u['a'] a[Tx] u['b']"),
        (&["u a"], false, "u[Ta Tb]"),
    ] {
        for model in [OPUS, "claude-3-7-sonnet"] {
            let mut history = history(lines);
            assert_eq!(history.keep_cut_text(), kept, "{lines:?}");
            push(&mut history, "u b");
            let to = target(model);
            assert!(validate(&history.preview(&to, &Policy::default()).messages, &to).len() <= 1);
            if model == OPUS {
                assert_eq!(with_reasons(&history.render(&to, &Policy::default())), expected);
            }
        }
    }
    // It can still be gone on with.
    let mut history = history(&["u a", "a claude-opus-4-8 Tx ~"]);
    assert!(history.keep_cut_text());
    // The text does go out, and its line says so.
    let report = history.preview(&target(OPUS), &Policy::default()).report;
    assert!(!report.notes.iter().any(|note| matches!(note, Note::EmptyReply { .. })), "{report}");
    assert!(report.lines.iter().any(|line| (line.entry, line.action) == (2, Action::Kept)));
    // Who demands reasoning of each reply wants it here too.
    for (model, nothing) in [("deepseek-chat", "\"\""), ("kimi-k2-thinking", "\" \"")] {
        let chat = Target::new(Provider::OpenAiChat, model);
        let sent = history.preview(&chat, &Policy::default()).to_json();
        let reply =
            format!(r#"{{"role":"assistant","content":"x","reasoning_content":{nothing}}}"#);
        assert!(sent.contains(&reply), "{model}: {sent}");
    }
    assert_eq!(history.resume(&target(OPUS)), Some(Resume::User));
}

/// A message that is edited, left out or summarised changes what later signatures are bound to, where they are.
#[test]
fn entries_can_be_changed() {
    let lines = ["u a", "a M K1 Ta", "u b", "a M K2 Tb", "u c", "a M K3 Ct1", "r t1 4"];
    let summary = || Entry::User(serde_json::json!("s").into());
    let talk = |model: &str| {
        history(&lines.map(|line| line.replace('M', model)).each_ref().map(|line| &**line))
    };
    for (model, first, edited, cut, short) in [
        (
            OPUS,
            "u['s'] a[K1 Ta] u['b'] a[K2 Tb] u['c'] a[K3 Ct1] u[rt1]",
            "u['a'] a[K1 Ta] u['s'] a[K2 Tb] u['c'] a[K3 Ct1] u[rt1]",
            "u['a'] a[K1 Ta]",
            "u['s'] a[K2 Tb] u['c'] a[K3 Ct1] u[rt1]",
        ),
        (
            BOUND,
            "u['s'] a[Ta] u['b'] a[Tb] u['c'] a[Ct1] u[rt1]",
            "u['a'] a[Ta] u['s'] a[Tb] u['c'] a[Ct1] u[rt1]",
            "u['a'] a[K1 Ta]",
            "u['s'] a[Tb] u['c'] a[Ct1] u[rt1]",
        ),
    ] {
        let old = talk(model);
        let sent = |entries: Vec<Entry>| {
            let mut new = old.with_entries(entries);
            let stored = serde_json::to_string(&new).unwrap();
            assert_eq!(serde_json::from_str::<History>(&stored).unwrap(), new);
            told(&new.render(&target(model), &Policy::default()))
        };
        let with = |at: usize| {
            let mut entries = old.entries().to_vec();
            entries[at] = summary();
            entries
        };
        assert_eq!(sent(with(0)), first);
        assert_eq!(sent(with(2)), edited);
        // What nothing follows changes nothing.
        assert_eq!(sent(old.entries()[..2].to_vec()), cut);
        assert_eq!(old.with_entries(old.entries().to_vec()), old);
        assert_eq!(sent([&[summary()], &old.entries()[3..]].concat()), short);
        // A reply to what is said now is bound to that.
        let mut new = old.with_entries(with(0));
        push(&mut new, &format!("a {model} K9 Tx"));
        push(&mut new, "u d");
        let rendered = new.render(&target(model), &Policy::default());
        assert!(told(&rendered).ends_with("a[K9 Tx] u['d']"), "{}", told(&rendered));
        assert_eq!(new.watermark(), if model == BOUND { 7 } else { 0 });
    }
}

/// A loop is of calls: thinking that goes nowhere is none.
#[test]
fn a_cut_thought_is_no_loop() {
    let lines = ["u a", "a claude-sonnet-4-5 K1 ~"];
    for mode in [Mode::Off, Mode::Enabled, Mode::Adaptive] {
        let report = history(&lines)
            .preview(&target("claude-sonnet-4-5").mode(mode), &Policy::default())
            .report;
        let is_loop = |note: &Note| matches!(note, Note::LoopWithoutThinking { .. });
        assert!(!report.notes.iter().any(is_loop), "{:?}", report.notes);
    }
}

#[test]
fn a_cut_reply_is_gone_on_with_if_asked() {
    let asks = "Your_last_reply_was_cut_off_in_the_middle_of_this:\n\nand_\n\n\
                Go_on_from_exactly_there,_without_saying_it_again.";
    let goes_on = "Your_last_reply_was_cut_off._Go_on_from_where_it_ended.";
    let cut = &["u a", "a claude-opus-4-8 K1 Tx Tand_ ~"][..];
    let old = &["u a", "a claude-sonnet-4-5 Tx Tand_ ~"][..];
    let whole = &["u a", "a claude-sonnet-4-5 Tx !max_tokens"][..];
    const SONNET: &str = "claude-sonnet-4-5";
    for (lines, model, mode, by, expected) in [
        (cut, OPUS, Mode::Adaptive, Some(Resume::User), format!("u['a'] a[K1 Tx] u['{asks}']")),
        (cut, OPUS, Mode::Unknown, Some(Resume::User), format!("u['a'] a[K1 Tx] u['{asks}']")),
        (old, SONNET, Mode::Off, Some(Resume::Prefill), "u['a'] a[Tx Tand]".to_owned()),
        (old, SONNET, Mode::Unknown, Some(Resume::Prefill), "u['a'] a[Tx Tand]".to_owned()),
        (old, SONNET, Mode::Enabled, Some(Resume::User), format!("u['a'] a[Tx] u['{asks}']")),
        (whole, SONNET, Mode::Off, Some(Resume::Prefill), "u['a'] a[Tx]".to_owned()),
        (
            &["u a", "a claude-sonnet-4-5 Tx_ !max_tokens"],
            SONNET,
            Mode::Off,
            Some(Resume::User),
            format!("u['a'] a[Tx_] u['{goes_on}']"),
        ),
        (&["u a", "a claude-opus-4-8 K1 ~"], OPUS, Mode::Adaptive, None, "u['a']".to_owned()),
        // A call that was cut is not sent, and behind its answers a word of the user would be about another.
        (
            &["u a", "a claude-opus-4-8 K1 Ct1", "r t1", "a claude-opus-4-8 K2 Jt2 !max_tokens"],
            OPUS,
            Mode::Adaptive,
            None,
            "u['a'] a[K1 Ct1] u[rt1]".to_owned(),
        ),
        // The text was whole, but not the reply.
        (
            &["u a", "a claude-sonnet-4-5 Tx /"],
            SONNET,
            Mode::Off,
            Some(Resume::User),
            format!("u['a'] a[Tx] u['{goes_on}']"),
        ),
        // Nothing was cut, or it was refused.
        (&["u a", "a claude-opus-4-8 Tx"], OPUS, Mode::Adaptive, None, "u['a'] a[Tx]".to_owned()),
        (
            &["u a", "a claude-opus-4-8 Tx !refusal"],
            OPUS,
            Mode::Adaptive,
            None,
            "u['a']".to_owned(),
        ),
        (&["u a"], OPUS, Mode::Adaptive, None, "u['a']".to_owned()),
    ] {
        let mut history = history(lines);
        let target = target(model).mode(mode);
        assert_eq!(history.resume(&target), by, "{lines:?} {mode:?}");
        let before = history.render(&target, &Policy::default());
        assert_eq!(told(&before), expected, "{lines:?} {mode:?}");
        let Some(by) = by else { continue };
        assert_eq!(history.validate(&target).len(), 0, "{lines:?}");
        // It stays, so that what is signed behind it is valid.
        push(&mut history, &format!("a {model} E9 Tmore"));
        push(&mut history, "u b");
        let after = history.render(&target.clone().mode(Mode::Unknown), &Policy::default());
        let last = if by == Resume::User { 0 } else { 1 };
        let kept = before.messages.len() - last;
        assert_eq!(after.messages[..kept], before.messages[..kept], "{lines:?}");
        let begun = told(&before);
        let begun = if by == Resume::User { &begun[..] } else { begun.trim_end_matches(']') };
        assert!(told(&after).starts_with(begun), "{} {begun}", told(&after));
        let stored = serde_json::to_string(&history).unwrap();
        assert_eq!(serde_json::from_str::<History>(&stored).unwrap(), history);
    }
}

#[test]
fn a_block_that_did_not_end_well_in_a_reply_that_did() {
    let text = |more: &str| format!(r#"{{"type":"text","text":"x"{more}}}"#);
    let call = |more: &str| {
        format!(r#"{{"type":"tool_use","id":"t1","name":"n","partial_json":"{{\"n\": "{more}}}"#)
    };
    let stays = r#","replayable":false"#;
    let about = |about: &str| format!(r#"{stays},"about":{{{about}}}"#);
    let (none, unasked) =
        ("u['a'] -- 1.0 NotReplayable", "u['a'] -- 1.0 NotReplayable, 2.0 Unasked");
    for (block, complete, expected) in [
        (text(stays), true, "u['a'] a[Tx]"),
        (text(&about(r#""complete":false"#)), true, "u['a'] a[Tx]"),
        (text(stays), false, none),
        // What was not understood of it is missing.
        (text(&about(r#""damaged":true"#)), true, none),
        // What the model wrote in place of arguments goes back with what was said of it; what was cut or
        // not understood does not.
        (call(stays), true, "u['a'] a[Jt1] u[xt1]"),
        (call(stays), false, unasked),
        (call(&about(r#""reason":"cut""#)), true, unasked),
        (call(&about(r#""complete":false"#)), true, unasked),
        (call(&about(r#""damaged":true"#)), true, unasked),
    ] {
        let message = format!(
            r#"{{"provider":"anthropic","model":"{OPUS}","role":"assistant","content":[{block}],"complete":{complete}}}"#
        );
        let message: Message = serde_json::from_str(&message).unwrap();
        let mut history = history(&["u a"]);
        history.push_assistant(message, Provenance::default());
        if block.contains("tool_use") {
            push(&mut history, "x t1 what?");
        }
        let rendered = history.render(&target(OPUS), &Policy::default());
        assert_eq!(with_reasons(&rendered), expected, "{block} {complete}");
    }
}

#[test]
fn the_end_is_that_of_a_pause_or_of_a_text_to_go_on_from() {
    let thinks = Mode::Adaptive;
    for (lines, model, mode, expected) in [
        (&["u a", "a claude-opus-4-8 Tx K1 !pause_turn"][..], OPUS, thinks, &[][..]),
        (&["u a", "a claude-opus-4-8 Tx !pause_turn"], OPUS, thinks, &[]),
        (&["u a", "a claude-opus-4-8 Tx"], OPUS, thinks, &[FindingKind::Prefill]),
        (&["u a", "a claude-opus-4-8 Tx"], OPUS, Mode::Off, &[FindingKind::Prefill]),
        (&["u a", "a claude-sonnet-4-5 Tx"], "claude-sonnet-4-5", Mode::Off, &[]),
    ] {
        let found = history(lines).validate(&target(model).mode(mode));
        let kinds: Vec<_> = found.iter().map(|finding| finding.kind).collect();
        assert_eq!(kinds, expected, "{lines:?} {mode:?}");
    }
}

#[test]
fn white_space_around_a_value_says_nothing() {
    // The arguments of a call keep theirs.
    let message = format!(
        r#"{{"provider":"anthropic","model":"{OPUS}","role":"assistant","content":[{{"type":"tool_use","id":"t1","name":"n","input":{{"n":1}},"about":{{"input":" {{\"n\":1}}\n"}}}}],"complete":true}}"#
    );
    let message: Message = serde_json::from_str(&message).unwrap();
    let Content::ToolUse(call) = &message.content[0].content else { panic!("{message:?}") };
    let spaced = call.input.clone().unwrap();
    assert_eq!(*spaced, *" {\"n\":1}\n");
    assert_eq!(*ToolResult::json("t1", spaced.clone()).content, *r#"{"n":1}"#);
    let mut history = History::new();
    history.push_user_json(spaced);
    assert_eq!(history.entries(), [Entry::User(Json::parse(r#"{"n":1}"#).unwrap())]);
}

#[test]
fn a_target_takes_from_the_request_what_its_history_goes_by() {
    let resolved = |written: &str, model: &str, unstored: bool| {
        let mut params = RequestParams::default();
        params.store = unstored.then_some(false);
        written.parse::<Thinking>().unwrap().resolve(model, &params).unwrap()
    };
    for (written, model, expected) in [
        ("high", "claude-sonnet-4-5", Mode::Enabled),
        ("high", OPUS, Mode::Adaptive),
        ("off", OPUS, Mode::Off),
        ("off", "claude-sonnet-5", Mode::Off),
        ("default", "claude-opus-5", Mode::Adaptive),
        (r#"{"type":"later"}"#, "nobody-knows", Mode::Unknown),
    ] {
        let target = target(model).thinking(&resolved(written, model, false));
        assert_eq!((target.mode, target.store), (expected, true), "{written}, {model}");
    }
    // What asks for its reasoning encrypted stores nothing.
    let responses = Target::new(Provider::OpenAiResponses, "gpt-5");
    for (told, unstored, expected) in
        [(true, false, true), (true, true, false), (false, false, false), (false, true, false)]
    {
        let request = resolved("high", "gpt-5", unstored);
        let target = responses.clone().store(told).thinking(&request);
        assert_eq!(target.store, expected, "{told} {unstored}");
    }
}

#[test]
fn what_one_model_goes_on_from_another_may_not() {
    let mut history = history(&["u a", "a claude-opus-4-5 Tone ~"]);
    let old = target("claude-opus-4-5").mode(Mode::Off);
    assert_eq!(history.resume(&old), Some(Resume::Prefill));
    assert!(history.validate(&old).is_empty());
    let found = history.validate(&target(BOUND));
    assert_eq!(found.len(), 1, "{found:?}");
    // Who is asked instead is told of it, and asked to go on in another way.
    let notes = |history: &History, target: &Target| -> Vec<String> {
        let notes = history.preview(target, &Policy::default()).report.notes;
        notes.iter().map(ToString::to_string).collect()
    };
    let not_taken = "the last words are the model's own, and this one does not go on from them";
    let thinks = || target("claude-opus-4-5").mode(Mode::Enabled);
    let others = [Provider::OpenAiChat, Provider::OpenAiResponses];
    for other in
        others.map(|api| Target::new(api, "gpt-5")).into_iter().chain([target(BOUND), thinks()])
    {
        assert_eq!(notes(&history, &old), [""; 0]);
        assert_eq!(notes(&history, &other), [not_taken]);
        let mut history = history.clone();
        assert_eq!(history.resume(&old), Some(Resume::Prefill));
        assert_eq!(history.resume(&other), Some(Resume::User));
        assert_eq!((history.resume(&other), notes(&history, &other)), (None, Vec::new()));
        assert_eq!(history.validate(&other), []);
        let rendered = history.preview(&other, &Policy::default());
        assert_eq!(rendered.messages.len(), 3);
        assert!(
            rendered.messages[1].contains("one")
                && rendered.messages[2].contains("Go on from where")
        );
    }
    // Nothing of it is said twice, or for nothing.
    let mut history = self::history(&["u a", "a claude-opus-4-5 Tone !max_tokens"]);
    assert!(history.resume(&old).is_some());
    for provider in [Provider::OpenAiChat, Provider::OpenAiResponses] {
        let rendered = history.render(&Target::new(provider, "gpt-5"), &Policy::default());
        assert_eq!(rendered.messages.len(), 2, "{:?}", rendered.messages);
    }
}

#[test]
fn what_is_not_known_is_noted() {
    let notes = |lines: &[&str], target: Target| -> Vec<String> {
        let rendered = history(lines).render(&target, &Policy::default());
        rendered.report.notes.iter().map(ToString::to_string).collect()
    };
    let sonnet = &["u a", "a claude-sonnet-5-5 K1 Tx #work", "u b"];
    let unstated = "signatures of \"claude-sonnet-5-5\" are bound to an account, which is not stated on both sides";
    assert_eq!(notes(sonnet, target("claude-sonnet-5-5")), [unstated]);
    assert_eq!(notes(sonnet, target("claude-sonnet-5-5").account("work")), [""; 0]);
    let unknown = "nothing is known of \"clade-opus-4-8\", and what it reads is a guess";
    assert_eq!(notes(&["u a"], target("clade-opus-4-8")), [unknown]);
    // Answers that the API refuses, each.
    let calls = ["u a", "a claude-opus-4-8 K1 Ct1 Ct2", "r t1 4"];
    let with = |more: &[&'static str]| notes(&[&calls, more].concat(), target(OPUS));
    assert_eq!(with(&["r t2 5"]), [""; 0]);
    assert_eq!(with(&["r t2 5", "r t1 6"]), ["the call \"t1\" has an answer too many"]);
    assert_eq!(
        with(&["r t3 5"]),
        ["the call \"t2\" has no answer", "an answer is to no call: \"t3\""]
    );
    // To a call that does not go out, none goes out.
    assert_eq!(
        notes(&["u a", "a claude-opus-4-8 Ct1 !refusal", "r t1 4", "r t1 5"], target(OPUS)),
        [
            "entry 1: nothing of the reply goes out",
            "entry 1: the reply was refused, and what it was asked goes out again"
        ]
    );
    // What goes out is not always read.
    let report = |lines: &[&str], model: &str| {
        let report = history(lines).render(&target(model), &Policy::default()).report.to_string();
        report.lines().take(2).collect::<Vec<_>>().join(" | ")
    };
    assert_eq!(
        report(&["u a", "a claude-opus-4-8 K1 Tx", "u b"], BOUND),
        "thinking: 0 kept, 1 sent but not read, 0 dropped | \
         entry 1, block 0, thinking: sent, but not read: another model's ($.messages[1].content[0])"
    );
    assert_eq!(
        report(&["u a", "a claude-sonnet-4-5 K1 Tx", "u b"], "claude-sonnet-4-5"),
        "thinking: 0 kept, 1 sent but not read, 0 dropped | entry 1, block 0, thinking: sent, but not read: \
         the model drops the thinking of earlier turns ($.messages[1].content[0])"
    );
    // What goes to its own model is read, and in a tool loop all that belongs to it.
    assert_eq!(
        report(&["u a", "a claude-opus-5-5 K1 Tx", "u b"], BOUND),
        "thinking: 1 kept, 0 dropped | entry 1, block 0, thinking: kept ($.messages[1].content[0])"
    );
    let lines = [
        "u a",
        "a claude-sonnet-4-5 K1 Tx",
        "u b",
        "a claude-sonnet-4-5 K2 Ct1",
        "r t1 4",
        "a claude-sonnet-4-5 K3 Ct2",
        "r t2 5",
    ];
    let loops = history(&lines).preview(&target("claude-sonnet-4-5"), &Policy::default());
    let ignored: Vec<_> = loops.report.ignored_thinking().map(|(line, _)| line.entry).collect();
    assert_eq!(ignored, [1]);
    // Why the watermark stands where it does is remembered.
    let mut history = history(&["u a", "a claude-sonnet-5-5 K1 Tx #work", "u b"]);
    let at = |account: &str| target("claude-sonnet-5-5").account(account);
    history.render(&at("home"), &Policy::default());
    let report = history.render(&at("work"), &Policy::default()).report.to_string();
    assert!(
        report.contains("thinking before entry 2 does not go out any more: a gap would break"),
        "{report}"
    );
}

/// Three turns, of which the second is a tool loop.
const TURNS: &[&str] = &[
    "u one",
    "a claude-opus-4-8 K1 Ta",
    "u two",
    "a claude-opus-4-8 K2 Ct1",
    "r t1 4",
    "a claude-opus-4-8 K3 Tb",
    "u three",
    "a claude-opus-4-8 K4 Ct2",
    "r t2 5",
];

#[test]
fn thinking_is_kept_of_as_many_turns_as_asked() {
    for (keep, before, expected) in [
        (Keep::All, 0, "K1 K2 K3 K4"),
        (Keep::LastTurns(3), 0, "K1 K2 K3 K4"),
        (Keep::LastTurns(2), 2, "K2 K3 K4"),
        (Keep::LastTurns(1), 6, "K4"),
        // The tool loop in progress keeps its thinking.
        (Keep::LastTurns(0), 7, "K4"),
        (Keep::Nothing, 7, "K4"),
    ] {
        let mut history = history(TURNS);
        let rendered = history.render(&target(OPUS), &self::keep(keep));
        let words = told(&rendered);
        let kept: Vec<_> =
            words.split([' ', '[', ']']).filter(|word| word.starts_with('K')).collect();
        assert_eq!(kept.join(" "), expected, "{keep:?}");
        assert_eq!(history.watermark(), before, "{keep:?}");
        assert_eq!(rendered.report.kept_thinking().count(), kept.len());
        assert_eq!(rendered.report.dropped_thinking().count(), 4 - kept.len());
    }
    // With a new question no loop is in progress.
    let mut lines = TURNS.to_vec();
    lines.extend(["a claude-opus-4-8 Tc", "u four"]);
    let mut history = history(&lines);
    let rendered = history.render(&target(OPUS), &self::keep(Keep::Nothing));
    assert_eq!(rendered.report.kept_thinking().count(), 0);
    assert_eq!(history.watermark(), 11);
}

#[test]
fn the_watermark_never_moves_back() {
    let mut history = history(TURNS);
    let target = target(BOUND);
    history.render(&target, &keep(Keep::LastTurns(1)));
    assert_eq!(history.watermark(), 6);
    let all = history.render(&target, &keep(Keep::All));
    assert_eq!(history.watermark(), 6);
    assert_eq!(all.report.kept_thinking().count(), 1);
    // A preview shows, and moves nothing.
    let shown = history.preview(&target, &keep(Keep::Nothing));
    assert!(shown.report.to_string().contains("thinking before entry 7 does not go out any more"));
    assert_eq!(history.watermark(), 6);
    // It is part of the record.
    let stored = serde_json::to_string(&history).unwrap();
    let mut again: History = serde_json::from_str(&stored).unwrap();
    assert_eq!(again, history);
    assert_eq!(again.render(&target, &keep(Keep::All)).messages, all.messages);
}

#[test]
fn why_the_watermark_stands_where_it_does() {
    let all = &["u a", "a claude-opus-5-5 K1 Tx @1", "u b", "a claude-opus-5-5 K2 Ty @2", "u c"];
    // Thinking of another model, where the turn ends that is not kept.
    let other = &[
        "u a",
        "a claude-opus-5-5 K1 Tx @1",
        "u b",
        "a claude-opus-4-8 K2 Ty @2",
        "u c",
        "a claude-opus-5-5 K3 Tz @3",
        "u d",
    ];
    let none = &["u a", "a claude-opus-5-5 Tx @1", "u b", "a claude-opus-5-5 Ty @2", "u c"];
    let (older, pause) = ("older than what is kept", "the pause was long");
    let gap = "a gap would break the signatures behind it";
    for (lines, keep, now, expected) in [
        (&all[..], Keep::All, 2, None),
        (all, Keep::LastTurns(1), 2, Some((2, older))),
        (all, Keep::Nothing, 2, Some((5, older))),
        (all, Keep::All, 1_002, Some((5, pause))),
        (all, Keep::LastTurns(1), 1_002, Some((5, pause))),
        (all, Keep::Nothing, 1_002, Some((5, older))),
        (other, Keep::All, 3, Some((4, gap))),
        (other, Keep::LastTurns(1), 3, Some((4, older))),
        (other, Keep::LastTurns(2), 3, Some((4, gap))),
        // There is nothing to say where no thinking was.
        (none, Keep::Nothing, 2, None),
        (none, Keep::All, 2, None),
    ] {
        let policy = policy(|policy| {
            policy.keep = keep;
            policy.stale_after_ms = Some(1_000);
            policy.switch = Switch::Drop;
        });
        let rendered = history(lines).render(&target(BOUND).at_ms(now), &policy);
        let notes: Vec<_> = rendered.report.notes.iter().map(ToString::to_string).collect();
        let expected = expected.map(|(entry, why)| {
            format!("thinking before entry {entry} does not go out any more: {why}")
        });
        assert_eq!(notes, Vec::from_iter(expected), "{keep:?} {now}");
    }
}

#[test]
fn a_turn_begins_with_what_the_user_says() {
    let call = r#"j {"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"n","input":{"n":9007199254740993}}]}"#;
    for (lines, turns, expected) in [
        // A reply of somebody else's ends what was said before it.
        (
            &["u a", "a claude-opus-4-8 K1 Tx", "u b", call, "r t1 4", "a claude-opus-4-8 K2 Ty"][..],
            1,
            "K2",
        ),
        // What a system says begins none, a whole message of the user's does.
        (
            &[
                "u a",
                "a claude-opus-4-8 K1 Tx",
                "s note",
                "a claude-opus-4-8 K2 Ty",
                r#"j {"role":"user","content":"b"}"#,
                "a claude-opus-4-8 K3 Tz",
                "u c",
            ],
            1,
            "K3",
        ),
        (
            &["u a", "a claude-opus-4-8 K1 Tx", "s note", "a claude-opus-4-8 K2 Ty", "u b"],
            1,
            "K1 K2",
        ),
    ] {
        let rendered = history(lines).render(&target(OPUS), &keep(Keep::LastTurns(turns)));
        let words = told(&rendered);
        let kept: Vec<_> =
            words.split([' ', '[', ']']).filter(|word| word.starts_with('K')).collect();
        assert_eq!(kept.join(" "), expected, "{lines:?}");
    }
}

#[test]
fn a_pause_clears_thinking_once() {
    const HOUR: u64 = Policy::STALE_AFTER_MS;
    let stale = policy(|policy| policy.stale_after_ms = Some(HOUR));
    let mut history = history(&[
        "u one",
        "a claude-opus-4-8 K1 Ta @1000",
        "u two",
        "a claude-opus-4-8 K2 Tb @2000",
        "u three",
    ]);
    let at = |now: u64| target(OPUS).at_ms(now);
    let kept = |history: &mut History, now: u64| {
        history.render(&at(now), &stale).report.kept_thinking().count()
    };
    assert_eq!(kept(&mut history, 2_000 + HOUR - 1), 2);
    assert_eq!(kept(&mut history, 2_000 + HOUR), 0);
    assert_eq!(history.watermark(), 5);
    // The same request again is the same.
    assert_eq!(kept(&mut history, 2_000 + HOUR + 1), 0);
    // It happens once: what is thought from now on stays, turn after turn.
    let mut now = 2_000 + HOUR + 1;
    for turn in 1..4 {
        push(&mut history, &format!("a claude-opus-4-8 K{turn} Tc @{now}"));
        push(&mut history, "u more");
        now += HOUR / 2;
        assert_eq!(kept(&mut history, now), turn);
        assert_eq!(history.watermark(), 5);
    }
    // A reply whose time is not stated is no pause.
    push(&mut history, "a claude-opus-4-8 K8 Tc");
    push(&mut history, "u more");
    assert_eq!(kept(&mut history, now + 5 * HOUR), 4);
    // Where the time is not stated, nothing is stale.
    let rendered = history.render(&target(OPUS), &stale);
    assert_eq!(rendered.report.kept_thinking().count(), 4);
    // A tool loop keeps its thinking over a pause.
    push(&mut history, &format!("a claude-opus-4-8 K9 Ct9 @{now}"));
    push(&mut history, "r t9 4");
    assert_eq!(kept(&mut history, now + 5 * HOUR), 1);
}

#[test]
fn thinking_goes_only_to_who_can_read_it() {
    let lines =
        &["u one", "a claude-opus-4-8 K1 Ta", "u two", "a claude-sonnet-5 K2 Tb", "u three"];
    let bound = &[
        "u one",
        "a claude-opus-5-5 K1 Ta",
        "u two",
        "a claude-sonnet-5-5 K2 Tb #work",
        "u three",
    ];
    let opus = "u['one'] a[K1 Ta] u['two'] a[Tb] u['three'] -- 3.0 OtherModel";
    let none = "u['one'] a[Ta] u['two'] a[Tb] u['three']";
    let both = "u['one'] a[K1 Ta] u['two'] a[K2 Tb] u['three']";
    let switch = |switch| policy(|policy| policy.switch = switch);
    for (lines, target, policy, expected) in [
        (lines, target(OPUS), switch(Switch::ByModel), opus.to_owned()),
        (lines, target("us.anthropic.claude-opus-4-8"), switch(Switch::ByModel), opus.to_owned()),
        (lines, target(OPUS), switch(Switch::Drop), opus.to_owned()),
        (lines, target(OPUS), switch(Switch::Keep), both.to_owned()),
        (
            lines,
            target("claude-haiku-4-5"),
            switch(Switch::ByModel),
            format!("{none} -- 1.0 OtherModel, 3.0 OtherModel"),
        ),
        // An unknown model is not trusted to drop it.
        (
            lines,
            target("claude-next"),
            switch(Switch::ByModel),
            format!("{none} -- 1.0 OtherModel, 3.0 OtherModel"),
        ),
        // The API drops by itself what these cannot read.
        (bound, target(BOUND).account("work"), switch(Switch::ByModel), both.to_owned()),
        // To leave one out in the middle would make a gap.
        (
            bound,
            target(BOUND),
            switch(Switch::Drop),
            format!("{none} -- 1.0 BeforeWatermark, 3.0 OtherModel"),
        ),
        // Of some, signatures are the account's.
        (
            bound,
            target("claude-sonnet-5-5").account("home"),
            switch(Switch::ByModel),
            format!("{none} -- 1.0 BeforeWatermark, 3.0 OtherAccount"),
        ),
        (lines, target(OPUS).account("home"), switch(Switch::ByModel), opus.to_owned()),
        (
            lines,
            target(OPUS).issuer("somebody"),
            switch(Switch::Keep),
            format!("{none} -- 1.0 OtherIssuer, 3.0 OtherIssuer"),
        ),
        // Thinking that is off.
        (
            lines,
            target(OPUS).mode(Mode::Off),
            switch(Switch::Keep),
            format!("{none} -- 1.0 ThinkingOff, 3.0 ThinkingOff"),
        ),
    ] {
        assert_eq!(rendered(lines, &target, &policy), expected, "{target:?}");
    }
    // The record keeps all: the first model finds its own again.
    let mut history = history(lines);
    history.render(&target("claude-haiku-4-5"), &Policy::default());
    assert_eq!(history.watermark(), 0);
    assert_eq!(history.render(&target(OPUS), &Policy::default()).report.kept_thinking().count(), 1);
}

#[test]
fn one_model_has_many_names() {
    let call = |model: &str| ["u a".to_owned(), format!("a {model} K1 Ct1"), "r t1 4".to_owned()];
    for (author, target) in [
        ("claude-sonnet-4-20250514", target("claude-sonnet-4-0")),
        ("claude-opus-4-5-20251101", target("us.anthropic.claude-opus-4-5-20251101-v1:0")),
        (
            "claude-opus-4-5-20251101",
            target("arn:aws:bedrock:eu-west-1:1:application-inference-profile/x1")
                .model_is(thinkstream::models::Model::find("claude-opus-4-5").unwrap()),
        ),
    ] {
        let lines = call(author);
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let told = rendered(&lines, &target, &Policy::default());
        assert_eq!(told, "u['a'] a[K1 Ct1] u[rt1]", "{author}");
    }
}

#[test]
fn a_word_of_the_user_does_not_end_a_tool_loop() {
    let target = target("claude-sonnet-4-5").mode(Mode::Enabled);
    for lines in [
        &["u a", "a claude-sonnet-4-5 K1 Ct1", "r t1 4", "u also"][..],
        &["u a", "a claude-sonnet-4-5 K1 Ct1", "u also", "r t1 4"],
        &[
            "u a",
            "a claude-sonnet-4-5 K1 Ct1",
            r#"j {"type":"tool_result","tool_use_id":"t1","content":"4"}"#,
            "u also",
        ],
    ] {
        let mut history = history(lines);
        let rendered = history.render(&target, &keep(Keep::Nothing));
        assert_eq!(told(&rendered), "u['a'] a[K1 Ct1] u[rt1 Talso]", "{lines:?}");
        assert!(history.validate(&target).is_empty());
    }
}

#[test]
fn answers_find_their_calls() {
    for (lines, model, expected) in [
        // An id may come again in the next turn.
        (
            &["u a", "a claude-opus-4-8 K1 Cc0", "r c0 4", "a claude-opus-4-8 K2 Cc0", "r c0 5"][..],
            OPUS,
            "u['a'] a[K1 Cc0] u[rc0] a[K2 Cc0_3_1] u[rc0_3_1]",
        ),
        (
            &["u a", "a kimi-k2-0905 Cc0", "r c0 4", "a kimi-k2-0905 Cc0", "r c0 5"][..],
            "kimi-k2-0905",
            "u['a'] a[Cc0] u[rc0] a[Cc0] u[rc0]",
        ),
        (
            &["u a", "a claude-opus-4-8 K1 Cc0", "r c0 4", "r c0 5", "a claude-opus-4-8 K2 Cc0"],
            OPUS,
            "u['a'] a[K1 Cc0] u[rc0] a[K2 Cc0_3_1] u[rc0_3_1]",
        ),
        // What a system says does not part them.
        (
            &["u a", "a claude-opus-4-8 Ct1 Ct2", "r t1 4", "s note", "r t2 5"],
            OPUS,
            "u['a'] a[Ct1 Ct2] u[rt1 rt2] s['note']",
        ),
        // Nor does a reply of which nothing goes out.
        (
            &["u a", "a claude-opus-4-8 Ct1", "u wait", "a claude-opus-4-8 T_", "r t1 4"],
            OPUS,
            "u['a'] a[Ct1] u[rt1 Twait] -- 3.0 EmptyText",
        ),
        // Other servers of the protocol have ids of their own.
        (
            &["u a", "a kimi-k2-0905 Cfunctions.dice:0", "r functions.dice:0 4"],
            "kimi-k2-0905",
            "u['a'] a[Cfunctions.dice:0] u[rfunctions.dice:0]",
        ),
        // Not every id that another begins with.
        (
            &[
                "u a",
                "a claude-opus-4-8 Tx Ct1 Ct10 !max_tokens",
                r#"j [{"type":"tool_result","tool_use_id":"t10","content":"4"}]"#,
            ],
            OPUS,
            "u['a'] a[Tx Ct10] u[rt10] -- 1.1 Cut",
        ),
        // Another call with the id is not this one.
        (
            &[
                "u a",
                "a claude-opus-4-8 Tx Cc0 !max_tokens",
                "u go",
                "a claude-opus-4-8 Cc0",
                "r c0 4",
            ],
            OPUS,
            "u['a'] a[Tx] u['go'] a[Cc0_3_1] u[rc0_3_1] -- 1.1 Cut",
        ),
        // A transcript of somebody else's.
        (
            &[
                "u a",
                r#"j {"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"n","input":{"n":9007199254740993}}]}"#,
                "r t1 4",
            ],
            OPUS,
            "u['a'] a[Ct1] u[rt1]",
        ),
        // Calls that do not go out, and their answers.
        (
            &["u a", "a claude-opus-4-8 K1 Ct1 !refusal", "r t1 4", "u b"],
            OPUS,
            "u[Ta Tb] -- 1.0 Refused, 1.1 Refused, 2.0 Unasked",
        ),
        (
            &["u a", "a claude-opus-4-8 K1 Ct1 F K2 Ty", "r t1 4", "u b"],
            OPUS,
            "u['a'] a[F K2 Ty] u['b'] -- 1.0 BeforeFallback, 1.1 BeforeFallback, 2.0 Unasked",
        ),
        // Who was asked, and let another take over, takes that one's thinking.
        (
            &["u a", "a claude-opus-4-8 K1 Tx F K2 Ct2", "r t2 4"],
            "claude-fable-5",
            "u['a'] a[Tx F K2 Ct2] u[rt2] -- 1.0 BeforeFallback",
        ),
    ] {
        let target = target(model);
        assert_eq!(rendered(lines, &target, &Policy::default()), expected, "{lines:?}");
        let found = history(lines).validate(&target);
        let repeated = |kind| kind == FindingKind::DuplicateToolId;
        assert!(found.iter().all(|finding| repeated(finding.kind)), "{found:?}");
    }
}

/// The API takes a failure in texts alone, and not without one.
#[test]
fn a_failure_is_told_in_words() {
    let image = r#"{"type":"image","source":{"type":"url","url":"https://x"}}"#;
    let shown = format!(r#"[{{"type":"text","text":"x"}},{image}]"#);
    for (content, error, expected, behind) in [
        (r#""x""#, true, r#""content":"x","is_error":true"#, ""),
        (r#"[{"type":"text","text":"x"}]"#, true, r#"[{"type":"text","text":"x"}],"is_error""#, ""),
        (r#""""#, true, r#""content":"The tool failed.","is_error":true"#, ""),
        (r#"" ""#, true, r#""content":"The tool failed.","is_error":true"#, ""),
        ("[]", true, r#""content":"The tool failed.","is_error":true"#, ""),
        (r#"[{"type":"text","text":""}]"#, true, r#""content":"The tool failed.","is_error""#, ""),
        ("{}", true, r#""content":"{}","is_error":true"#, ""),
        (&shown, true, r#""content":[{"type":"text","text":"x"}],"is_error":true"#, image),
        (
            &format!("[{image}]"),
            true,
            r#""content":"The tool failed. What it gave is shown behind its answer.","is_error""#,
            image,
        ),
        (&shown, false, &format!(r#""content":{shown}}}"#), ""),
        (r#""""#, false, r#""content":""}"#, ""),
    ] {
        let asked = history(&["u a", "a claude-opus-4-8 Ct1"]);
        let mut history = asked.clone();
        let result = ToolResult::json("t1", Json::parse(content).unwrap());
        history.push_tool_result(if error { result.error() } else { result });
        push(&mut history, "u go on");
        let rendered = history.render(&target(OPUS), &Policy::default());
        let answer = rendered.messages[2].as_str();
        assert!(answer.contains(expected), "{content}: {answer}");
        // The same, as it was written for this API.
        let mut history = asked;
        let failed = if error { r#","is_error":true"# } else { "" };
        let own =
            format!(r#"[{{"type":"tool_result","tool_use_id":"t1","content":{content}{failed}}}]"#);
        history.push_user_json(Json::parse(own).unwrap());
        push(&mut history, "u go on");
        let own = history.render(&target(OPUS), &Policy::default());
        if content.starts_with(['[', '"']) {
            assert_eq!(own.messages[2].as_str(), answer, "{content}");
        }
        let end = format!(
            r#"}},{behind}{}{{"type":"text","text":"go on"}}]}}"#,
            if behind.is_empty() { "" } else { "," }
        );
        assert!(answer.ends_with(&end), "{content}: {answer}");
        assert!(rendered.repair(&target(OPUS)).changes.is_empty(), "{content}");
    }
}

/// What a model that declined had thought is nothing that the loop has lost.
#[test]
fn a_fallback_takes_nothing_from_the_loop() {
    let history = history(&["u a", "a claude-opus-4-8 K1 F K2 Ct2", "r t2 4"]);
    for model in [OPUS, "claude-fable-5"] {
        let report = history.preview(&target(model), &Policy::default()).report;
        assert_eq!((report.kept_thinking().count(), &*report.notes), (1, &[][..]), "{model}");
    }
}

#[test]
fn who_signs_nothing_gets_its_thinking_back_where_it_is_wanted() {
    const KIMI: &str = "kimi-k2-thinking";
    for (author, thought, model, expected) in [
        ("deepseek-v4", "k", "deepseek-v4", "u['a'] a[K Ct1] u[rt1]"),
        (KIMI, "k", KIMI, "u['a'] a[K Ct1] u[rt1]"),
        ("deepseek-reasoner", "k", "deepseek-reasoner", "u['a'] a[K Ct1] u[rt1]"),
        ("deepseek-r1", "k", "deepseek-r1", "u['a'] a[Ct1] u[rt1] -- 1.0 NotReplayable"),
        (OPUS, "k", OPUS, "u['a'] a[Ct1] u[rt1] -- 1.0 NotReplayable"),
        // Another model of the same maker reads what is not sealed, and no other's does.
        ("kimi-k2", "k", KIMI, "u['a'] a[K Ct1] u[rt1]"),
        ("deepseek-v4", "k", KIMI, "u['a'] a[E Ct1] u[rt1] -- 1.0 OtherModel"),
        ("nobody-knows", "k", KIMI, "u['a'] a[E Ct1] u[rt1] -- 1.0 OtherModel"),
        ("kimi-k2", "K1", KIMI, "u['a'] a[E Ct1] u[rt1] -- 1.0 OtherModel"),
        (KIMI, "K1", KIMI, "u['a'] a[K1 Ct1] u[rt1]"),
    ] {
        let lines = ["u a", &format!("a {author} {thought} Ct1"), "r t1 4"];
        let told = rendered(&lines, &target(model), &Policy::default());
        assert_eq!(told, expected, "{author} {model}");
        assert!(history(&lines).validate(&target(model)).is_empty());
    }
    // Who is unknown is nobody's kin.
    let wanted = target("nobody-else").replay(Replay::Always);
    let told = rendered(&["u a", "a nobody-knows k Ct1", "r t1 4"], &wanted, &Policy::default());
    assert_eq!(told, "u['a'] a[E Ct1] u[rt1] -- 1.0 OtherModel");
    // What was cut does not go back there either.
    let told = rendered(&["u a", "a deepseek-v4 k ~"], &target("deepseek-v4"), &Policy::default());
    assert_eq!(told, "u['a'] -- 1.0 NotReplayable");
}

/// Behind Anthropic's API too: calls without the thinking that led to them are refused.
#[test]
fn who_demands_thinking_gets_some_where_there_is_none() {
    let lines = [
        "u a",
        "a claude-opus-4-8 K1 Ct1",
        "r t1 4",
        "a claude-opus-4-8 Tx",
        "u b",
        "a gpt-5 Ct2",
        "r t2 4",
    ];
    let (none, all) = ("u['a'] a[Ct1] u[rt1]", "u['a'] a[E Ct1] u[rt1]");
    for (model, mode, first, last) in [
        ("kimi-k2-thinking", Mode::Unknown, all, "a[E Ct2]"),
        ("deepseek-v4", Mode::Enabled, all, "a[E Ct2]"),
        ("mimo-v2.5-pro", Mode::Adaptive, all, "a[E Ct2]"),
        ("deepseek-v4", Mode::Off, none, "a[Ct2]"),
        ("deepseek-reasoner", Mode::Unknown, none, "a[E Ct2]"),
        ("glm-5", Mode::Unknown, none, "a[Ct2]"),
        ("minimax-m2", Mode::Unknown, none, "a[Ct2]"),
        ("qwen3-max", Mode::Unknown, none, "a[Ct2]"),
    ] {
        let target = target(model).mode(mode);
        let told = rendered(&lines, &target, &Policy::default());
        let expected = format!("{first} a[Tx] u['b'] {last} u[rt2] -- 1.0 OtherModel");
        assert_eq!(told, expected, "{model}");
        let history = history(&lines);
        let mut rendered = history.preview(&target, &Policy::default());
        assert_eq!(validate(&rendered.messages, &target), [], "{model}");
        assert!(!rendered.report.notes.iter().any(|note| note.to_string().contains("refuses")));
        // Each line of the report is about a block of the record.
        let places = rendered.report.lines.iter().map(|line| (line.entry, line.block));
        assert!(places.clone().is_sorted() && places.clone().all(|(entry, _)| entry < lines.len()));
        for message in &mut rendered.messages {
            let mut bare: Value = serde_json::from_str(message).unwrap();
            if let Some(blocks) = bare["content"].as_array_mut() {
                blocks.retain(|block| block["type"] != "thinking");
            }
            *message = bare.into();
        }
        let missing = validate(&rendered.messages, &target);
        let mended = repair(&rendered.messages, &target);
        assert_eq!(missing.len(), first.matches('E').count() + last.matches('E').count());
        assert!(missing.iter().all(|it| it.kind == FindingKind::ThinkingMissing));
        let mended: Vec<Value> =
            mended.messages.iter().map(|it| serde_json::from_str(it).unwrap()).collect();
        assert_eq!(tell(&mended), expected.split(" -- ").next().unwrap(), "{model}");
    }
}

#[test]
fn a_loop_that_loses_its_thinking_is_told() {
    let lines = &["u one", "a claude-sonnet-4-5 K1 Ct1", "r t1 4"];
    for (model, mode, expected) in [
        (
            "claude-opus-4-5",
            Mode::Enabled,
            Some("the API refuses the request unless it turns thinking off"),
        ),
        (OPUS, Mode::Adaptive, Some("the model goes on without what it thought in it")),
        ("claude-sonnet-4-5", Mode::Off, Some("thinking is off until the loop ends")),
        ("claude-sonnet-4-5", Mode::Enabled, None),
        // It goes out, but in vain.
        (BOUND, Mode::Adaptive, Some("the model goes on without what it thought in it")),
    ] {
        let rendered = history(lines).render(&target(model).mode(mode), &Policy::default());
        let notes: Vec<_> = rendered.report.notes.iter().map(ToString::to_string).collect();
        let expected = expected
            .map(|text| format!("the tool loop in progress is without its thinking: {text}"));
        assert_eq!(notes, Vec::from_iter(expected), "{model} {mode:?}");
    }
    // What could not have gone out was not taken away.
    for lines in [
        &["u one", "a claude-sonnet-4-5 K1 Ct1", "r t1 4", "a claude-sonnet-4-5 Tx K2"][..],
        &["u one", "a claude-sonnet-4-5 K1 Ct1", "r t1 4", "a claude-sonnet-4-5 Tx K2 !max_tokens"],
    ] {
        let target = target("claude-sonnet-4-5").mode(Mode::Enabled);
        let rendered = history(lines).render(&target, &Policy::default());
        assert_eq!(rendered.report.dropped_thinking().count(), 1, "{lines:?}");
        assert_eq!(rendered.report.notes, [], "{lines:?}");
    }
    // Where it must begin with thinking, it does not matter why it does not.
    for lines in [
        &["u one", "a claude-sonnet-4-5 k Ct1", "r t1 4"][..],
        &["u one", "a claude-sonnet-4-5 Ct1", "r t1 4"],
        &["u one", "a claude-sonnet-4-5 Tx Ct1", "r t1 4", "a claude-sonnet-4-5 K2 Ct2", "r t2 4"],
    ] {
        for (mode, noted) in [(Mode::Enabled, true), (Mode::Adaptive, false)] {
            let target = target("claude-sonnet-4-5").mode(mode);
            let rendered = history(lines).render(&target, &Policy::default());
            let told = rendered
                .report
                .notes
                .iter()
                .any(|it| matches!(it, Note::LoopWithoutThinking { .. }));
            assert_eq!(told, noted, "{lines:?}");
            let found = history(lines).validate(&target);
            let found = found.iter().any(|it| it.kind == FindingKind::LoopWithoutThinking);
            assert_eq!(found, noted, "{lines:?}");
        }
    }
}

#[test]
fn a_compaction_can_be_the_beginning() {
    let lines = &[
        "u one",
        "a claude-opus-4-7 K1 Ta",
        "u two",
        "a claude-opus-4-7 Tb Psummary K2 Tc",
        "u three",
    ];
    let drop = policy(|policy| policy.compaction = Compaction::DropBefore);
    assert_eq!(
        rendered(lines, &target("claude-opus-4-7"), &drop),
        "a[Psummary K2 Tc] u['three'] -- 0.0 BeforeCompaction, 1.0 BeforeCompaction, 1.1 BeforeCompaction, 2.0 BeforeCompaction, 3.0 BeforeCompaction"
    );
    assert_eq!(
        rendered(lines, &target("claude-opus-4-7"), &Policy::default()),
        "u['one'] a[K1 Ta] u['two'] a[Tb Psummary K2 Tc] u['three']"
    );
    let plain = &["u one", "a claude-opus-4-7 Ta", "u two"];
    assert_eq!(rendered(plain, &target("claude-opus-4-7"), &drop), "u['one'] a[Ta] u['two']");
    // One that does not go out itself is no beginning.
    for (last, expected) in [
        (
            "a claude-opus-4-7 Psum Tpart ~",
            "a[Psum] u['three'] -- 0.0 BeforeCompaction, 1.0 BeforeCompaction, 2.0 BeforeCompaction, 3.1 NotReplayable",
        ),
        ("a claude-opus-4-7 Psum ~", "u['one'] a[Ta] u[Ttwo Tthree] -- 3.0 NotReplayable"),
        (
            "a claude-opus-4-7 Psum !max_tokens",
            "a[Psum] u['three'] -- 0.0 BeforeCompaction, 1.0 BeforeCompaction, 2.0 BeforeCompaction",
        ),
        (
            "a claude-opus-4-7 Psum Tb !refusal",
            "u['one'] a[Ta] u[Ttwo Tthree] -- 3.0 Refused, 3.1 Refused",
        ),
    ] {
        let lines = &["u one", "a claude-opus-4-7 Ta", "u two", last, "u three"];
        assert_eq!(rendered(lines, &target("claude-opus-4-7"), &drop), expected, "{last}");
    }
    let found = history(lines).preview(&target("claude-opus-4-7"), &drop);
    assert!(thinkstream::history::validate(&found.messages, &target("claude-opus-4-7")).is_empty());
}

#[test]
fn marks_for_the_cache() {
    use CacheStrategy::{AppendOnlyTail, BeforeHistoricalThinking, SystemAndLast3};
    let marked = |lines: &[&str], marks: CacheMarks| {
        let mut history = history(lines);
        let target = target(OPUS);
        let policy = policy(|policy| policy.cache = marks);
        let rendered = history.render(&target, &policy);
        let found = thinkstream::history::validate(&rendered.messages, &target);
        assert!(found.is_empty() || lines.len() == 2, "{found:?}");
        let system = rendered.system_mark.map(|ttl| format!("system^{} ", ttl.as_str()));
        format!("{}{}", system.unwrap_or_default(), told(&rendered))
    };
    let five = CacheMarks::new;
    let hour = |strategy| CacheMarks::new(strategy).ttl(Ttl::OneHour);
    for (lines, marks, expected) in [
        (
            TURNS,
            CacheMarks::default(),
            "u['one'] a[K1 Ta] u['two'] a[K2 Ct1] u[rt1] a[K3 Tb] u['three'] a[K4 Ct2] u[rt2]",
        ),
        // Where the last request ended, and where this one does.
        (
            TURNS,
            five(AppendOnlyTail),
            "system^5m u['one'] a[K1 Ta] u['two'] a[K2 Ct1] u[rt1] a[K3 Tb] u[Tthree^] a[K4 Ct2] u[rt2^]",
        ),
        (
            TURNS,
            five(SystemAndLast3),
            "system^5m u['one'] a[K1 Ta] u['two'] a[K2 Ct1] u[rt1] a[K3 Tb] u[Tthree^] a[K4 Ct2^] u[rt2^]",
        ),
        (
            TURNS,
            five(BeforeHistoricalThinking),
            "system^5m u['one'] a[K1 Ta] u['two'] a[K2 Ct1] u[rt1] a[K3 Tb] u[Tthree^] a[K4 Ct2] u[rt2^]",
        ),
        (
            &TURNS[..7],
            five(BeforeHistoricalThinking),
            "system^5m u['one'] a[K1 Ta] u[Ttwo^] a[K2 Ct1] u[rt1] a[K3 Tb] u[Tthree^]",
        ),
        (
            &[
                "u one",
                "a claude-opus-4-8 K1 Ct1",
                "r t1 4",
                "a claude-opus-4-8 K2 Ct2",
                "r t2 5",
                "a claude-opus-4-8 K3 Ct3",
                "r t3 6",
            ],
            five(BeforeHistoricalThinking),
            "system^5m u[Tone^] a[K1 Ct1] u[rt1] a[K2 Ct2] u[rt2^] a[K3 Ct3] u[rt3^]",
        ),
        // A question stays the user's own when what follows a lost reply joins it.
        (
            &[
                "u one",
                "a claude-opus-4-8 K1 Ct1",
                "r t1 4",
                "a claude-opus-4-8 K2 Ta",
                "u two",
                "a claude-opus-4-8 K3 Ct2 !refusal",
                "r t2 5",
                "u three",
            ],
            five(BeforeHistoricalThinking),
            "system^5m u[Tone^] a[K1 Ct1] u[rt1] a[K2 Ta] u[Ttwo Tthree^]",
        ),
        (&TURNS[..1], hour(AppendOnlyTail), "system^1h u[Tone^1h]"),
        // The longer-lived come first.
        (&TURNS[..1], five(AppendOnlyTail).system_ttl(Ttl::OneHour), "system^1h u[Tone^]"),
        (&TURNS[..1], hour(AppendOnlyTail).system_ttl(Ttl::FiveMinutes), "system^1h u[Tone^1h]"),
        // Never on thinking, nor on empty text: the block before it, in whatever message it is.
        (
            &["u one", "a claude-opus-4-8 Ta Ss1"],
            five(SystemAndLast3),
            "system^5m u[Tone^] a[Ta^ Ss1 =]",
        ),
        // One that the caller set for longer is not stood before by a shorter one.
        (
            &[
                "u one",
                "a claude-opus-4-8 Ta",
                r#"j [{"type":"text","text":"b","cache_control":{"type":"ephemeral","ttl":"1h"}}]"#,
            ],
            five(AppendOnlyTail),
            "system^1h u[Tone^1h] a[Ta] u[Tb^1h]",
        ),
        // Those of the caller count.
        (
            &[
                r#"j [{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}},{"type":"text","text":"b","cache_control":{"type":"ephemeral"}},{"type":"text","text":"c"}]"#,
                "a claude-opus-4-8 Ta",
                "u two",
            ],
            hour(SystemAndLast3),
            "system^1h u[Ta^1h Tb^ Tc] a[Ta] u[Ttwo^]",
        ),
        (
            &[
                r#"j [{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},{"type":"text","text":"b","cache_control":{"type":"ephemeral"}},{"type":"text","text":"c","cache_control":{"type":"ephemeral"}},{"type":"text","text":"d","cache_control":{"type":"ephemeral"}},{"type":"text","text":"e"}]"#,
            ],
            five(AppendOnlyTail),
            "u[Ta^ Tb^ Tc^ Td^ Te]",
        ),
    ] {
        assert_eq!(marked(lines, marks), expected, "{marks:?}");
    }
}

#[test]
fn marks_stand_where_the_last_request_ended() {
    // A turn after the other: what one request marks last, the next marks too. Where thinking is removed
    // with each turn, that holds inside of one.
    for (strategy, turns) in [
        (CacheStrategy::AppendOnlyTail, true),
        (CacheStrategy::SystemAndLast3, true),
        (CacheStrategy::BeforeHistoricalThinking, false),
    ] {
        let marks = policy(|policy| policy.cache = CacheMarks::new(strategy));
        let mut history = History::new();
        let mut last: Option<Json> = None;
        for (at, line) in TURNS.iter().enumerate() {
            push(&mut history, line);
            if line.starts_with('a') {
                continue;
            }
            let rendered = history.render(&target(OPUS), &marks);
            let marked = rendered.messages.iter().filter(|it| it.contains("cache_control")).count();
            assert!((1..=3).contains(&marked), "{strategy:?}");
            assert_eq!(rendered.report.marks().count(), marked, "{strategy:?}");
            assert!(rendered.report.marks().all(|(_, ttl)| ttl == Ttl::FiveMinutes));
            if let Some(last) = last.take().filter(|_| turns || line.starts_with('r')) {
                assert!(rendered.messages.contains(&last), "{strategy:?} {at}: the mark has moved");
            }
            last = rendered.messages.last().cloned();
            assert!(last.as_ref().unwrap().contains("cache_control"));
        }
    }
}

#[test]
fn edits_can_be_left_to_the_api() {
    let mut edits = ContextEdits::default();
    edits.clear_thinking = Some(Keep::LastTurns(2));
    let mut tools = ClearToolUses::default();
    tools.trigger_input_tokens = Some(100_000);
    tools.keep = Some(3);
    tools.clear_at_least = Some(5_000);
    tools.exclude_tools = vec!["memory".into()];
    tools.clear_tool_inputs = Some(false);
    edits.clear_tool_uses = Some(tools);
    let policy = policy(|policy| {
        policy.keep = Keep::Nothing;
        policy.context_edits = Some(edits);
    });
    let mut history = history(TURNS);
    let rendered = history.render(&target(OPUS), &policy);
    assert_eq!(rendered.report.dropped_thinking().count(), 0);
    assert_eq!(history.watermark(), 0);
    assert_eq!(rendered.betas, ["context-management-2025-06-27"]);
    let (name, value) = &rendered.fields[0];
    assert_eq!(*name, "context_management");
    let value: serde_json::Value = serde_json::from_str(value).unwrap();
    assert_eq!(
        value,
        serde_json::json!({"edits": [
            {"type": "clear_thinking_20251015", "keep": {"type": "thinking_turns", "value": 2}},
            {"type": "clear_tool_uses_20250919", "trigger": {"type": "input_tokens", "value": 100_000},
             "keep": {"type": "tool_uses", "value": 3}, "clear_at_least": {"type": "input_tokens", "value": 5_000},
             "exclude_tools": ["memory"], "clear_tool_inputs": false}
        ]})
    );
    let mut all = ContextEdits::default();
    // Where thinking is off the API refuses to clear it.
    let off = history.render(&target(OPUS).mode(Mode::Off), &policy);
    assert!(!off.fields[0].1.contains("clear_thinking"), "{}", off.fields[0].1);
    all.clear_thinking = Some(Keep::All);
    let rendered =
        history.preview(&target(OPUS), &self::policy(|policy| policy.context_edits = Some(all)));
    assert_eq!(
        rendered.fields[0].1,
        r#"{"edits":[{"keep":{"type":"all"},"type":"clear_thinking_20251015"}]}"#
    );
    // The others have none.
    for provider in [Provider::OpenAiResponses, Provider::OpenAiChat] {
        let rendered = history.preview(&Target::new(provider, "gpt-5"), &policy);
        assert!(rendered.fields.is_empty() && rendered.betas.is_empty(), "{provider:?}");
    }
}

#[test]
fn a_report_can_be_read() {
    let mut history = history(&[
        "u one",
        "a claude-opus-4-8 K1 Ta",
        "u two",
        "a claude-sonnet-5 K2 Tb",
        "u three",
        "a claude-opus-4-8 K3 Ct1",
        "u four",
    ]);
    let policy = policy(|policy| {
        policy.keep = Keep::LastTurns(2);
        policy.cache = CacheMarks::new(CacheStrategy::AppendOnlyTail);
    });
    let rendered = history.render(&target(OPUS), &policy);
    assert_eq!(
        rendered.report.to_string(),
        "thinking: 1 kept, 2 dropped\n\
         entry 1, block 0, thinking: dropped: before the watermark\n\
         entry 3, block 0, thinking: dropped: another model's\n\
         entry 4, block 0, text: the cache is marked, for 5m ($.messages[4].content[0])\n\
         entry 5, block 0, thinking: kept ($.messages[5].content[0])\n\
         entry 6, block 0, text: the cache is marked, for 5m ($.messages[6].content[0])\n\
         thinking before entry 2 does not go out any more: older than what is kept\n\
         the call \"t1\" has no answer\n\
         the system prompt shall be marked for the cache, for 5m\n"
    );
    let places = |lines: &[&str]| -> Vec<String> {
        let report = self::history(lines).preview(&target(OPUS), &Policy::default()).report;
        let place =
            |it: &thinkstream::history::Line| format!("{} {}.{}", it.kind, it.entry, it.block);
        report.lines.iter().map(place).collect()
    };
    assert_eq!(
        places(&["u one", "a claude-opus-4-8 K1 Ct1 Ct2", "u wait", "r t1 4", "r t2 5"]),
        [
            "text 0.0",
            "thinking 1.0",
            "tool_use 1.1",
            "tool_use 1.2",
            "text 2.0",
            "tool_result 3.0",
            "tool_result 4.0"
        ]
    );
    // Every API has all of them; the places are those of its own messages or items.
    for provider in [Provider::OpenAiChat, Provider::OpenAiResponses] {
        let blocks = r#"j [{"type":"text","text":"x"},{"type":"text","text":"y"}]"#;
        let history = self::history(&["u one", "a claude-opus-4-8 Ct1", blocks, "r t1 4"]);
        let rendered = history.preview(&Target::new(provider, "gpt-5"), &Policy::default());
        let lines = rendered.report.lines.iter();
        let places: Vec<_> =
            lines.map(|it| (it.entry, &*it.kind, it.message, it.content)).collect();
        assert_eq!(
            places,
            [
                (0, "text", Some(0), None),
                (1, "tool_use", Some(1), None),
                (2, "text", Some(3), Some(0)),
                (2, "text", Some(3), Some(1)),
                (3, "tool_result", Some(2), None),
            ],
            "{provider:?}"
        );
    }
    let json = serde_json::to_value(&rendered.report).unwrap();
    assert_eq!(json["lines"][0]["action"], "kept");
    assert_eq!(json["lines"][1]["action"]["dropped"], "before_watermark");
}

/// A call of a tool that the provider runs goes out with its result, or while that is yet to come.
#[test]
fn calls_of_the_providers_tools_go_with_their_results() {
    for (lines, expected) in [
        // It is run with the next request, by itself or beside the client's tools.
        (&["u one", "a claude-opus-4-8 ss1 !pause_turn"][..], "u['one'] a[Ss1]"),
        (&["u one", "a claude-opus-4-8 ss1 Ct1", "r t1 4"], "u['one'] a[Ss1 Ct1] u[rt1]"),
        // Its result may be in a later reply.
        (
            &["u one", "a claude-opus-4-8 ss1 Ct1", "r t1 4", "a claude-opus-4-8 ws1 Ta", "u two"],
            "u['one'] a[Ss1 Ct1] u[rt1] a[= Ta] u['two']",
        ),
        // A reply of which nothing goes out ends nothing: what was paused is sent again.
        (
            &["u one", "a claude-opus-4-8 K1 ss1 !pause_turn", "a claude-opus-4-8 ~"],
            "u['one'] a[K1 Ss1]",
        ),
        (
            &["u one", "a claude-opus-4-8 ss1 K1 !pause_turn", "a claude-opus-4-8 K2 ~"],
            "u['one'] a[Ss1 K1] -- 2.0 NotReplayable",
        ),
        (
            &["u one", "a claude-opus-4-8 K1 ss1 Ct1", "r t1 4", "a claude-opus-4-8 ~"],
            "u['one'] a[K1 Ss1 Ct1] u[rt1]",
        ),
        (
            &["u one", "a claude-opus-4-8 K1 ss1 !pause_turn", "a claude-opus-4-8 ~", "u two"],
            "u[Tone Ttwo] -- 1.0 Last, 1.1 Unpaired",
        ),
        // The user has spoken, or the model has gone on without it.
        (&["u one", "a claude-opus-4-8 ss1 !pause_turn", "u two"], "u[Tone Ttwo] -- 1.0 Unpaired"),
        (
            &["u one", "a claude-opus-4-8 K1 ss1 Ct1", "r t1 4", "u two"],
            "u['one'] a[K1 Ct1] u[rt1 Ttwo] -- 1.1 Unpaired",
        ),
        (
            &["u one", "a claude-opus-4-8 ss1 Ct1", "r t1 4", "a claude-opus-4-8 Ta", "u two"],
            "u['one'] a[Ct1] u[rt1] a[Ta] u['two'] -- 1.0 Unpaired",
        ),
        (
            &["u one", "a claude-opus-4-8 ws1 Ta", "u two"],
            "u['one'] a[Ta] u['two'] -- 1.0 Unpaired",
        ),
    ] {
        let history = history(lines);
        let rendered = history.preview(&target(OPUS), &Policy::default());
        assert_eq!(with_reasons(&rendered), expected, "{lines:?}");
        assert_eq!(history.validate(&target(OPUS)), [], "{lines:?}");
    }
}

/// A program that the provider runs goes on over many replies, each with a call that it has made.
#[test]
fn a_program_runs_until_its_result_comes_or_the_user_speaks() {
    const IMAGE: &str = r#"[{"type":"image","source":{"type":"url","url":"https://x"}}]"#;
    let program =
        r#"{"type":"server_tool_use","id":"s1","name":"code_execution","input":{"code":"x"}}"#;
    let call = |id: &str, caller: &str| {
        format!(r#"{{"type":"tool_use","id":"{id}","name":"roll","input":{{}}{caller}}}"#)
    };
    let by_program = r#","caller":{"type":"code_execution_20260120","tool_id":"s1"}"#;
    let result = r#"{"type":"code_execution_tool_result","tool_use_id":"s1","content":{"type":"code_execution_result","stdout":"","stderr":"","return_code":0}}"#;
    let thinking = r#"{"type":"thinking","thinking":"","signature":"S1"}"#;
    let first = [thinking, program, &call("t1", by_program)].map(str::to_owned).join(",");
    let begun: &[(&str, &str)] = &[("one", ""), (&first, "t1"), (&call("t2", by_program), "t2")];
    let render = |more: &[(&str, &str)]| {
        let mut history = History::new();
        for (said, answers) in begun.iter().chain(more) {
            if said.starts_with('{') {
                let reply = format!(
                    r#"{{"role":"assistant","content":[{said}],"complete":true,"provider":"anthropic","model":"{OPUS}"}}"#
                );
                let reply: Message = serde_json::from_str(&reply).unwrap();
                history.push_assistant(reply, Provenance::default());
            } else {
                history.push_user(said);
            }
            match *answers {
                "" => {}
                // What a tool shows is no word of the user's, also where it failed.
                "t2" => history
                    .push_tool_result(ToolResult::json("t2", Json::parse(IMAGE).unwrap()).error()),
                answers => history.push_tool_result(ToolResult::new(answers, "4")),
            }
        }
        let rendered = history.preview(&target(OPUS), &Policy::default());
        assert!(rendered.to_json().contains(&format!(r#""tool_use_id":"t2","content":{IMAGE}}}"#)));
        assert_eq!(validate(&rendered.messages, &target(OPUS)), [], "{more:?}");
        assert!(rendered.repair(&target(OPUS)).changes.is_empty(), "{more:?}");
        rendered.to_json()
    };
    for (more, runs, callers) in [
        (&[][..], true, 2),
        (&[(&*format!("{result},{}", r#"{"type":"text","text":"x"}"#), ""), ("two", "")], true, 2),
        // Its calls do not name what is gone.
        (&[("stop", "")], false, 0),
        (&[(&*call("t3", ""), "t3")], false, 0),
    ] {
        let sent = render(more);
        assert_eq!(sent.contains(program), runs, "{sent}");
        assert_eq!(sent.matches(by_program).count(), callers, "{sent}");
    }
}

#[test]
fn the_record_is_only_appended_to() {
    let mut history = history(TURNS);
    let before = history.entries().to_vec();
    for keep in [Keep::Nothing, Keep::LastTurns(1), Keep::All] {
        for model in [OPUS, BOUND, "claude-haiku-4-5", "gpt-5"] {
            history.render(&target(model), &self::keep(keep));
        }
    }
    assert_eq!(history.entries(), before);
    assert!(
        matches!(&before[1], Entry::Assistant(reply) if reply.provenance == Provenance::default())
    );
}

/// A fork has the first entries, and what was removed from those does not go out of it either.
#[test]
fn a_fork_is_a_history_of_its_own() {
    let thinking = |rendered: &Rendered| {
        let told = told(rendered);
        let words = told.split([' ', '[', ']']).filter(|word| word.starts_with('K'));
        words.collect::<Vec<_>>().join(" ")
    };
    let mut history = history(TURNS);
    let rendered = history.render(&target(BOUND), &keep(Keep::LastTurns(2)));
    assert_eq!((&*thinking(&rendered), history.watermark()), ("K2 K3 K4", 2));
    let before = history.clone();
    for (entries, said, kept, watermark) in [
        (0, 0, "", 0),
        (1, 1, "", 1),
        (2, 2, "", 2),
        (6, 6, "K2 K3", 2),
        (8, 8, "K2 K3 K4", 2),
        (9, 9, "K2 K3 K4", 2),
        (99, 9, "K2 K3 K4", 2),
    ] {
        let mut fork = history.fork(entries);
        assert_eq!(fork.entries(), &history.entries()[..said]);
        assert_eq!(fork.watermark(), watermark, "{entries}");
        fork.push_user("else");
        let rendered = fork.render(&target(OPUS), &Policy::default());
        assert_eq!(thinking(&rendered), kept, "{entries}: {}", with_reasons(&rendered));
    }
    assert_eq!(history, before);
}

/// Neither does a fork forget what was refused, or tell an audit twice.
#[test]
fn a_fork_knows_what_was_refused_and_handed_over() {
    let mut history = history(TURNS);
    let mut store = JsonLines::new(Vec::new());
    assert_eq!(history.audit(&mut store).unwrap(), 4);
    let sent = history.render(&target(OPUS), &Policy::default());
    let refusal = Rejection::classify(
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"messages.1.content.0: Invalid `signature` in `thinking` block"}}"#,
    );
    assert_eq!(history.reject(&refusal.unwrap(), &sent), 1);
    let mut fork = history.fork(4);
    assert_eq!(fork.rejected(), history.rejected());
    assert_eq!(fork.audit(&mut store).unwrap(), 0);
    fork.push_assistant(common::talk::reply(OPUS, "K9 Tx"), Provenance::default());
    assert_eq!(fork.audit(&mut store).unwrap(), 1);
}

#[test]
fn it_is_stored_under_a_version() {
    let mut history = history(&[
        "u one",
        "a claude-opus-4-8 K1 E2 R3 k Ta Ct1 Ss1 Px @5 #work %me",
        "r t1 4",
        "x t2 no",
        "s now",
        "a claude-opus-4-8 Tcut Ct3 ~",
    ]);
    let provenance = Provenance::default().account("a").issuer("b").at_ms(7).request_id("req_1");
    history.push_assistant(common::talk::reply("m", "Tx"), provenance);
    history.push_tool_result(ToolResult::json("t9", Json::parse("[1, 2.50]").unwrap()));
    let stored = serde_json::to_string(&history).unwrap();
    let again: History = serde_json::from_str(&stored).unwrap();
    assert_eq!(again, history);
    assert_eq!(serde_json::to_string(&again).unwrap(), stored);
    assert!(stored.starts_with(r#"{"version":1,"entries":[{"user":"one"},"#), "{stored}");
    let whole = r#""provenance":{"account":"a","issuer":"b","at_ms":7,"request_id":"req_1"}"#;
    assert!(stored.contains(whole), "{stored}");
    assert!(stored.contains("9007199254740993") && stored.contains("2.50"));
    let later = stored.replacen(r#""version":1"#, r#""version":2"#, 1);
    let error = serde_json::from_str::<History>(&later).unwrap_err();
    assert!(error.to_string().contains("a history of version 2, of which only 1 is known"));
}
