//! The knob: what people write, what each model is sent, and what is refused before sending.

use serde_json::{Map, Value, json};
use thinkstream::Provider;
use thinkstream::models::{Effort, ForcedTools, Maker, Model, Sampling};
use thinkstream::request::{
    ApiVersion, Display, Fix, PrefixMismatch, RequestParams, Summary, Thinking, ThinkingError,
    ThinkingRequest, ToolChoice,
};

fn params(change: impl FnOnce(&mut RequestParams)) -> RequestParams {
    let mut params = RequestParams::default();
    change(&mut params);
    params
}

/// The fields as one object, with the beta headers behind them.
fn shown(request: &ThinkingRequest) -> String {
    let mut shown = serde_json::to_string(request).unwrap();
    for beta in &request.betas {
        shown.push_str(" +");
        shown.push_str(beta);
    }
    shown
}

fn resolve(written: &str, model: &str, params: &RequestParams) -> String {
    match written.parse::<Thinking>().unwrap().resolve(model, params) {
        Ok(request) => shown(&request),
        Err(error) => {
            let fix = error.fix().map(|fix| format!(" [{fix}]")).unwrap_or_default();
            format!("{error}{fix}")
        }
    }
}

#[test]
fn everything_that_people_write() {
    let raw = |text: &str| Some(format!("raw {text}"));
    let some = |text: &str| Some(text.to_owned());
    for (written, value, expected) in [
        ("true", json!(true), some("on")),
        ("on", json!("ON"), some("on")),
        ("false", json!(false), some("off")),
        ("off", json!("Off"), some("off")),
        ("none", json!(" none "), some("off")),
        ("disabled", json!("disabled"), some("off")),
        ("null", json!(null), some("default")),
        ("default", json!("default"), some("default")),
        ("minimal", json!("minimal"), some("minimal")),
        ("low", json!("low"), some("low")),
        (" MEDIUM ", json!("\tMedium\n"), some("medium")),
        ("high", json!("HIGH"), some("high")),
        ("xhigh", json!("xHigh"), some("xhigh")),
        ("max", json!("max"), some("max")),
        ("quick", json!("quick"), some("low")),
        ("standard", json!("STANDARD"), some("medium")),
        ("deep", json!("Deep"), some("high")),
        ("adaptive", json!("Adaptive"), some("adaptive")),
        ("adaptive:high", json!("ADAPTIVE:high"), some("adaptive:high")),
        ("adaptive : high", json!("adaptive: high"), some("adaptive:high")),
        ("enabled", json!("Enabled"), some("on")),
        ("between_tools", json!("between_tools"), some("between_tools")),
        ("8000", json!(8000), some("8000")),
        ("8000.0", json!(8000.0), some("8000")),
        ("0", json!(0), some("0")),
        ("500", json!("500"), some("500")),
        (
            r#"{"budget_tokens":12345}"#,
            json!({"budget_tokens": 12345}),
            raw(r#"{"budget_tokens":12345,"type":"enabled"}"#),
        ),
        (r#"{"type":"adaptive"}"#, json!({"type": "adaptive"}), raw(r#"{"type":"adaptive"}"#)),
        ("{}", json!({}), raw("{}")),
        ("ultra", json!("ultra"), None),
        ("", json!(""), None),
        ("-1", json!(-1), None),
        ("1.5", json!(1.5), None),
        ("[8000]", json!([8000]), None),
        ("{", json!("{"), None),
        ("adaptive:ultra", json!("adaptive:"), None),
        ("18446744073709551616", json!("18446744073709551616"), None),
    ] {
        let show = |thinking: Thinking| match thinking {
            Thinking::Raw(raw) => format!("raw {raw}"),
            other => other.to_string(),
        };
        let parsed = written.parse::<Thinking>().ok();
        assert_eq!(parsed.clone().map(show), expected, "{written}");
        assert_eq!(Thinking::try_from(value.clone()).ok(), parsed, "{written} as a value");
        assert_eq!(serde_json::from_value::<Thinking>(value.clone()).ok(), parsed, "{written}");
        let text = value.to_string();
        assert_eq!(serde_json::from_str::<Thinking>(&text).ok(), parsed, "{written} in JSON");
        if let Some(thinking) = parsed {
            let text = serde_json::to_string(&thinking).unwrap();
            assert_eq!(serde_json::from_str::<Thinking>(&text).unwrap(), thinking, "{text}");
            assert_eq!(thinking.to_string().parse::<Thinking>().unwrap(), thinking, "{text}");
        }
    }
    assert_eq!(Thinking::from(true), "true".parse().unwrap());
    assert_eq!(Thinking::from(false), "false".parse().unwrap());
    assert_eq!(Thinking::from(None), Thinking::ModelDefault);
    assert_eq!(Thinking::from(Effort::Max), "max".parse().unwrap());
}

#[test]
fn what_goes_out() {
    const OPUS_4_8: &str = "claude-opus-4-8";
    const SONNET_4_5: &str = "claude-sonnet-4-5";
    let adaptive = r#"{"thinking":{"type":"adaptive"}}"#;
    let high = r#"{"thinking":{"type":"adaptive"},"output_config":{"effort":"high"}}"#;
    let low = r#"{"thinking":{"type":"adaptive"},"output_config":{"effort":"low"}}"#;
    let budget =
        |tokens: u64| format!(r#"{{"thinking":{{"type":"enabled","budget_tokens":{tokens}}}}}"#);
    for (written, model, expected) in [
        ("default", OPUS_4_8, "{}".to_owned()),
        ("default", "claude-opus-5", "{}".to_owned()),
        ("default", "nobody-knows", "{}".to_owned()),
        ("true", OPUS_4_8, adaptive.to_owned()),
        ("true", SONNET_4_5, budget(8_000)),
        ("low", SONNET_4_5, budget(2_000)),
        ("medium", SONNET_4_5, budget(8_000)),
        ("high", SONNET_4_5, budget(32_000)),
        // What the model writes at most has room for an answer.
        ("max", SONNET_4_5, budget(64_000 - 1_024)),
        ("high", "claude-opus-4-1", budget(32_000 - 1_024)),
        ("minimal", SONNET_4_5, budget(1_024)),
        ("xhigh", SONNET_4_5, budget(48_000)),
        ("quick", SONNET_4_5, budget(2_000)),
        ("standard", SONNET_4_5, budget(8_000)),
        ("deep", SONNET_4_5, budget(32_000)),
        ("12345", SONNET_4_5, budget(12_345)),
        ("high", "claude-opus-4-5-20251101", budget(32_000)),
        ("high", OPUS_4_8, high.to_owned()),
        ("adaptive:high", OPUS_4_8, high.to_owned()),
        ("adaptive", OPUS_4_8, adaptive.to_owned()),
        ("minimal", OPUS_4_8, low.to_owned()),
        ("quick", OPUS_4_8, low.to_owned()),
        ("high", "claude-opus-4-6", high.to_owned()),
        ("16000", "claude-opus-4-6", budget(16_000)),
        ("off", OPUS_4_8, "{}".to_owned()),
        ("off", SONNET_4_5, "{}".to_owned()),
        ("off", "claude-sonnet-5", r#"{"thinking":{"type":"disabled"}}"#.to_owned()),
        (
            "between_tools",
            "claude-sonnet-5-5",
            r#"{"thinking":{"type":"between_tools"}}"#.to_owned(),
        ),
        (
            r#"{"budget_tokens":2048}"#,
            SONNET_4_5,
            r#"{"thinking":{"budget_tokens":2048,"type":"enabled"}}"#.to_owned(),
        ),
        (
            r#"{"type":"later",  "x":1}"#,
            OPUS_4_8,
            r#"{"thinking":{"type":"later",  "x":1}}"#.to_owned(),
        ),
        (r#"{"type":"later"}"#, "nobody-knows", r#"{"thinking":{"type":"later"}}"#.to_owned()),
        ("high", "gpt-5.1", r#"{"reasoning":{"effort":"high"}}"#.to_owned()),
        ("off", "gpt-5.1", r#"{"reasoning":{"effort":"none"}}"#.to_owned()),
        ("true", "gpt-5.1", r#"{"reasoning":{"effort":"medium"}}"#.to_owned()),
        ("true", "gpt-5", "{}".to_owned()),
        ("minimal", "gpt-5", r#"{"reasoning":{"effort":"minimal"}}"#.to_owned()),
        ("max", "gpt-5.6", r#"{"reasoning":{"effort":"max"}}"#.to_owned()),
        ("off", "gpt-4o", "{}".to_owned()),
        (r#"{"type":"disabled"}"#, "gpt-4o", "{}".to_owned()),
        (
            r#"{"type":"adaptive","effort":"high"}"#,
            "gpt-5.1",
            r#"{"reasoning":{"effort":"high"}}"#.to_owned(),
        ),
        (r#"{}"#, "gpt-5.1", "{}".to_owned()),
        (
            r#"{"effort":"low","context":"all_turns"}"#,
            "gpt-5.2",
            r#"{"reasoning":{"effort":"low","context":"all_turns"}}"#.to_owned(),
        ),
    ] {
        assert_eq!(
            resolve(written, model, &RequestParams::default()),
            expected,
            "{written}, {model}"
        );
    }
}

#[test]
fn what_goes_out_beside_it() {
    let adaptive = |more: &str| format!(r#"{{"thinking":{{"type":"adaptive",{more}}}}}"#);
    let display = |display| params(|params| params.display = Some(display));
    let drop = params(|params| params.prefix_mismatch = Some(PrefixMismatch::DropBlock));
    let binding = r#""block_binding":{"prefix_mismatch_behavior":"drop_block"}"#;
    let betas = " +thinking-binding-controls-2026-08-01";
    let interleaved = params(|params| {
        params.interleaved = true;
        params.tools = true;
        params.max_tokens = Some(4_096);
    });
    let chat = params(|params| {
        params.api = Some(Provider::OpenAiChat);
        params.max_tokens = Some(900);
    });
    let unstored = params(|params| {
        params.store = Some(false);
        params.summary = Some(Summary::Auto);
        params.max_tokens = Some(900);
    });
    let effort = params(|params| params.effort = Some(Effort::Low));
    for (written, model, params, expected) in [
        (
            "true",
            "claude-opus-4-8",
            &display(Display::Summarized),
            adaptive(r#""display":"summarized""#),
        ),
        // A model that thinks unasked needs the object for it.
        ("default", "claude-opus-5", &display(Display::Omitted), adaptive(r#""display":"omitted""#)),
        (
            "true",
            "claude-opus-5-5",
            &display(Display::Updates),
            adaptive(r#""display":"updates""#) + " +thinking-display-updates-2026-08-18",
        ),
        ("true", "claude-opus-5-5", &drop, adaptive(binding) + betas),
        ("default", "claude-fable-5-2", &drop, adaptive(binding) + betas),
        (
            r#"{"type":"adaptive","display":"summarized"}"#,
            "claude-opus-5-5",
            &drop,
            format!(r#"{{"thinking":{{"type":"adaptive",{binding},"display":"summarized"}}}}{betas}"#),
        ),
        (
            "8000",
            "claude-sonnet-4-5",
            &interleaved,
            r#"{"thinking":{"type":"enabled","budget_tokens":8000}} +interleaved-thinking-2025-05-14"#
                .to_owned(),
        ),
        ("true", "claude-opus-4-8", &interleaved, r#"{"thinking":{"type":"adaptive"}}"#.to_owned()),
        (
            "off",
            "claude-opus-4-8",
            &effort,
            r#"{"output_config":{"effort":"low"}}"#.to_owned(),
        ),
        (
            "8000",
            "claude-opus-4-5",
            &effort,
            r#"{"thinking":{"type":"enabled","budget_tokens":8000},"output_config":{"effort":"low"}}"#
                .to_owned(),
        ),
        (
            "high",
            "o3",
            &chat,
            r#"{"reasoning_effort":"high","max_completion_tokens":900}"#.to_owned(),
        ),
        (
            "high",
            "o3",
            &unstored,
            r#"{"reasoning":{"effort":"high","summary":"auto"},"include":["reasoning.encrypted_content"],"max_output_tokens":900}"#
                .to_owned(),
        ),
        (
            "off",
            "gpt-5.2",
            &unstored,
            r#"{"reasoning":{"effort":"none"},"max_output_tokens":900}"#.to_owned(),
        ),
    ] {
        assert_eq!(resolve(written, model, params), expected, "{written}, {model}");
    }
}

#[test]
fn every_refusal_names_the_rule_the_value_and_the_nearest() {
    let max_tokens = |tokens| params(|params| params.max_tokens = Some(tokens));
    let plain = params(|_| {});
    let chat_with_tools =
        params(|params| (params.api, params.tools) = (Some(Provider::OpenAiChat), true));
    let new = |change: fn(&mut RequestParams)| {
        params(|params| {
            params.version = ApiVersion::V2026_10_21;
            change(params);
        })
    };
    for (written, model, params, rule, expected) in [
        (
            "500",
            "claude-sonnet-4-5",
            &plain,
            "budget_too_small",
            "`thinking.budget_tokens`: 500 is below the least; to turn thinking off say `off`; \
             nearest: 1024 [ask for `1024`]",
        ),
        (
            "8000",
            "claude-sonnet-4-5",
            &max_tokens(4_096),
            "budget_not_below_max_tokens",
            "`thinking.budget_tokens`: 8000 is not below `max_tokens`, 4096; nearest: 4095 \
             [raise `max_tokens` to 12096]",
        ),
        (
            "64000",
            "claude-sonnet-4-5",
            &plain,
            "budget_not_below_max_tokens",
            "`thinking.budget_tokens`: 64000 is not below `max_tokens`, 64000; nearest: 63999 \
             [ask for `32000`]",
        ),
        // The nearest below would be too small.
        (
            "1024",
            "claude-sonnet-4-5",
            &max_tokens(1_024),
            "budget_not_below_max_tokens",
            "`thinking.budget_tokens`: 1024 is not below `max_tokens`, 1024 \
             [raise `max_tokens` to 2048]",
        ),
        (
            "128000",
            "claude-sonnet-4-5",
            &max_tokens(128_000),
            "max_tokens_too_large",
            "`max_tokens`: 128000 is more than the model writes; nearest: 64000 \
             [set `max_tokens` to 64000]",
        ),
        (
            "64000",
            "claude-sonnet-4-5",
            &max_tokens(64_000),
            "budget_not_below_max_tokens",
            "`thinking.budget_tokens`: 64000 is not below `max_tokens`, 64000; nearest: 63999 \
             [ask for `32000`]",
        ),
        (
            "low",
            "claude-sonnet-4-5",
            &max_tokens(100_000),
            "max_tokens_too_large",
            "`max_tokens`: 100000 is more than the model writes; nearest: 64000 \
             [set `max_tokens` to 64000]",
        ),
        (
            "low",
            "claude-sonnet-4-5",
            &params(|params| params.temperature = Some(0.7)),
            "temperature",
            "`temperature`: 0.7 must be 1 with thinking, and with models that have it fixed; \
             nearest: 1 [leave `temperature` out]",
        ),
        (
            "low",
            "claude-sonnet-4-5",
            &params(|params| params.top_p = Some(0.9)),
            "top_p",
            "`top_p`: 0.9 must be from 0.95 to 1 here; nearest: 0.95 [leave `top_p` out]",
        ),
        (
            "off",
            "claude-opus-4-8",
            &params(|params| params.top_p = Some(0.95)),
            "top_p",
            "`top_p`: 0.95 must be from 0.99 to 1 here; nearest: 0.99 [leave `top_p` out]",
        ),
        (
            "low",
            "claude-opus-4-6",
            &params(|params| params.top_k = Some(40)),
            "top_k",
            "`top_k`: 40 is refused with thinking, and by models that sample by themselves; \
             nearest: leave it out [leave `top_k` out]",
        ),
        (
            "off",
            "claude-sonnet-4-5",
            &new(|params| params.temperature = Some(1.0)),
            "sampling_removed",
            "`temperature`: 1 does not exist in the API version 2026-10-21; nearest: leave it out \
             [leave `temperature` out]",
        ),
        (
            "off",
            "claude-sonnet-4-5",
            &new(|params| params.top_p = Some(1.0)),
            "sampling_removed",
            "`top_p`: 1 does not exist in the API version 2026-10-21; nearest: leave it out \
             [leave `top_p` out]",
        ),
        (
            "low",
            "claude-opus-4-8",
            &new(|params| params.top_k = Some(7)),
            "sampling_removed",
            "`top_k`: 7 does not exist in the API version 2026-10-21; nearest: leave it out \
             [leave `top_k` out]",
        ),
        (
            "low",
            "claude-sonnet-4-5",
            &params(|params| params.tool_choice = ToolChoice::Any),
            "forced_tool_choice",
            "`tool_choice.type`: any forces a tool, which claude-sonnet-4-5 refuses with thinking; \
             nearest: auto [set `tool_choice` to auto]",
        ),
        (
            "low",
            "claude-opus-5-5",
            &params(|params| params.tool_choice = ToolChoice::Tool("dice".into())),
            "forced_tool_choice",
            "`tool_choice.type`: tool forces a tool, which claude-opus-5-5 refuses with thinking; \
             nearest: auto [set `tool_choice` to auto]",
        ),
        (
            "low",
            "claude-sonnet-4-5",
            &params(|params| params.prefill = true),
            "prefill",
            "`messages`: a last message of the assistant cannot be gone on from by claude-sonnet-4-5 \
             here; nearest: end with a message of the user",
        ),
        (
            "8000",
            "claude-opus-4-8",
            &plain,
            "mode_not_supported",
            "`thinking.type`: enabled is not supported by claude-opus-4-8; nearest: adaptive:medium \
             [ask for `adaptive:medium`]",
        ),
        (
            "adaptive",
            "claude-opus-4-5",
            &plain,
            "mode_not_supported",
            "`thinking.type`: adaptive is not supported by claude-opus-4-5; nearest: 8000 \
             [ask for `8000`]",
        ),
        (
            r#"{"type":"adaptive"}"#,
            "claude-haiku-4-5",
            &plain,
            "mode_not_supported",
            "`thinking.type`: adaptive is not supported by claude-haiku-4-5; nearest: 8000 \
             [ask for `8000`]",
        ),
        (
            r#"{"budget_tokens":30000}"#,
            "claude-fable-5",
            &plain,
            "mode_not_supported",
            "`thinking.type`: enabled is not supported by claude-fable-5; nearest: adaptive:high \
             [ask for `adaptive:high`]",
        ),
        (
            "high",
            "claude-3-5-haiku",
            &plain,
            "mode_not_supported",
            "`thinking.type`: thinking is not supported by claude-3-5-haiku",
        ),
        (
            "between_tools",
            "claude-opus-5-5",
            &plain,
            "mode_not_supported",
            "`thinking.type`: between_tools is not supported by claude-opus-5-5; nearest: adaptive \
             [ask for `adaptive`]",
        ),
        (
            "off",
            "claude-fable-5",
            &plain,
            "cannot_be_off",
            "`thinking.type`: disabled is not supported by claude-fable-5, which always thinks; \
             nearest: adaptive:low [ask for `adaptive:low`]",
        ),
        (
            "off",
            "claude-sonnet-5-5",
            &plain,
            "cannot_be_off",
            "`thinking.type`: disabled is not supported by claude-sonnet-5-5, which always thinks; \
             nearest: between_tools [ask for `between_tools`]",
        ),
        (
            "off",
            "claude-opus-5",
            &params(|params| params.effort = Some(Effort::Max)),
            "effort_with_disabled",
            "`output_config.effort`: max needs thinking: without it high is the highest; nearest: \
             high [set the effort to high]",
        ),
        (
            "xhigh",
            "claude-opus-4-6",
            &plain,
            "effort_not_supported",
            "`output_config.effort`: xhigh is not supported by claude-opus-4-6; nearest: high \
             [set the effort to high]",
        ),
        (
            "off",
            "claude-haiku-4-5",
            &params(|params| params.effort = Some(Effort::Low)),
            "effort_not_supported",
            "`output_config.effort`: low is not supported by claude-haiku-4-5 [name no effort]",
        ),
        (
            "off",
            "claude-sonnet-5",
            &params(|params| params.display = Some(Display::Summarized)),
            "display_with_disabled",
            "`thinking.display`: summarized needs thinking that is asked for; nearest: leave it out \
             [leave `display` out]",
        ),
        (
            r#"{"type":"disabled","display":"omitted"}"#,
            "claude-sonnet-5",
            &plain,
            "display_with_disabled",
            "`thinking.display`: omitted needs thinking that is asked for; nearest: leave it out \
             [leave `display` out]",
        ),
        (
            "off",
            "claude-haiku-5-5",
            &params(|params| params.prefix_mismatch = Some(PrefixMismatch::Error)),
            "block_binding_with_disabled",
            "`thinking.block_binding`: error needs thinking that is asked for; nearest: leave it out \
             [leave `block_binding` out]",
        ),
        (
            "{}",
            "claude-opus-4-8",
            &plain,
            "missing_type",
            "`thinking.type`: a missing type says no mode: adaptive, enabled or disabled",
        ),
        (
            r#"{"type":"enabled"}"#,
            "claude-sonnet-4-5",
            &plain,
            "missing_budget",
            "`thinking.budget_tokens`: no number is too little for `enabled`, which needs a whole number \
             of tokens",
        ),
        (
            "high",
            "arn:aws:bedrock:x",
            &plain,
            "unknown_model",
            "`model`: arn:aws:bedrock:x is in no table: leave it to the model (`default`), give the object that it takes, or state what it takes in `RequestParams::model`",
        ),
        (
            "high",
            "claude-opus-4-8",
            &params(|params| params.api = Some(Provider::OpenAiChat)),
            "other_api",
            "`model`: claude-opus-4-8 has no thinking that is known for this API: give the object that it \
             takes there, or leave it to the model (`default`)",
        ),
        (
            "minimal",
            "gpt-5.1",
            &plain,
            "effort_not_supported",
            "`reasoning.effort`: minimal is not supported by gpt-5.1; nearest: low \
             [set the effort to low]",
        ),
        (
            "off",
            "o3",
            &plain,
            "cannot_be_off",
            "`reasoning.effort`: none is not supported by o3, which always thinks; nearest: low \
             [ask for `low`]",
        ),
        (
            "9000",
            "gpt-5",
            &plain,
            "mode_not_supported",
            "`reasoning`: a budget is not supported by gpt-5; nearest: medium [ask for `medium`]",
        ),
        (
            "high",
            "gpt-4o",
            &plain,
            "mode_not_supported",
            "`reasoning`: reasoning is not supported by gpt-4o",
        ),
        (
            "high",
            "gpt-5.6-sol",
            &chat_with_tools,
            "reasoning_with_tools",
            "`reasoning_effort`: high goes with no function tools in a chat of gpt-5.6-sol; nearest: none, or the \
             Responses API [ask for `off`]",
        ),
        (
            "default",
            "gpt-5.5-2026-04-23",
            &chat_with_tools,
            "reasoning_with_tools",
            "`reasoning_effort`: the model's own goes with no function tools in a chat of gpt-5.5; nearest: none, or \
             the Responses API [ask for `off`]",
        ),
        (
            "high",
            "gpt-5",
            &params(|params| params.temperature = Some(0.2)),
            "param_refused",
            "`temperature`: it is refused by gpt-5; nearest: leave it out [leave `temperature` out]",
        ),
        (
            "high",
            "o3",
            &params(|params| params.others = vec!["stop".into()]),
            "param_refused",
            "`stop`: it is refused by o3; nearest: leave it out [leave `stop` out]",
        ),
        (
            "high",
            "o3",
            &max_tokens(15),
            "max_tokens_too_small",
            "`max_output_tokens`: 15 is below the least; nearest: 16 [set `max_tokens` to 16]",
        ),
    ] {
        assert_eq!(resolve(written, model, params), expected, "{written}, {model}");
        let thinking: Thinking = written.parse().unwrap();
        let error = thinking.resolve(model, params).unwrap_err();
        assert_eq!(error.rule(), rule);
        assert!(error.to_string().len() <= 256 && error.to_string().is_ascii());
        assert!(error.to_string().contains(error.param()));
    }
}

/// A second transcription of what the models take, from the documentation.
///
/// `a` adaptive, `e` enabled, `d` disabled, `h` disabled up to high, `b` between tools; `+` thinks unasked;
/// the efforts by their letters; whether a tool may be forced with thinking (`y`, `a` adaptive only, `n`);
/// prefill; whether thinking is kept; `p` bound to the prefix, `a` to the account.
const MATRIX: &[(&str, &str, &str, &str, &str, &str, &str)] = &[
    ("claude-fable-5-2", "a+", "lmhxM", "n", "", "kept", "p"),
    ("claude-mythos-5-2", "a+", "lmhxM", "n", "", "kept", "p"),
    ("claude-fable-5-1", "a+", "lmhxM", "n", "", "kept", "p"),
    ("claude-mythos-5-1", "a+", "lmhxM", "n", "", "kept", "p"),
    ("claude-opus-5-5", "a+", "lmhxM", "n", "", "kept", "p"),
    ("claude-sonnet-5-5", "ab+", "lmhxM", "n", "", "kept", "pa"),
    ("claude-haiku-5-5", "ah+", "lmhxM", "y", "", "kept", "pa"),
    ("claude-sonnet-5", "ad+", "lmhxM", "y", "", "kept", ""),
    ("claude-fable-5", "a+", "lmhxM", "y", "", "kept", ""),
    ("claude-mythos-5", "a+", "lmhxM", "y", "", "kept", ""),
    ("claude-opus-5", "ah+", "lmhxM", "y", "", "kept", ""),
    ("claude-opus-4-8", "ad", "lmhxM", "y", "", "kept", ""),
    ("claude-opus-4-7", "ad", "lmhxM", "y", "", "kept", ""),
    ("claude-mythos-preview", "ae+", "lmhM", "a", "", "kept", ""),
    ("claude-opus-4-6", "aed", "lmhM", "a", "", "kept", ""),
    ("claude-sonnet-4-6", "aed", "lmhM", "a", "", "kept", ""),
    ("claude-opus-4-5", "ed", "lmh", "n", "prefill", "kept", ""),
    ("claude-sonnet-4-5", "ed", "", "n", "prefill", "", ""),
    ("claude-haiku-4-5", "ed", "", "n", "prefill", "", ""),
    ("claude-opus-4-1", "ed", "", "n", "prefill", "", ""),
    ("claude-opus-4", "ed", "", "n", "prefill", "", ""),
    ("claude-sonnet-4", "ed", "", "n", "prefill", "", ""),
    ("claude-3-7-sonnet", "ed", "", "n", "prefill", "", ""),
];

#[test]
fn every_constraint_both_ways_for_every_model() {
    let rule = |written: &str, model: &str, change: &dyn Fn(&mut RequestParams)| {
        let params = params(|params| change(params));
        let thinking: Thinking = written.parse().unwrap();
        thinking.resolve(model, &params).map_err(|error| error.rule()).err().unwrap_or("ok")
    };
    let none = |_: &mut RequestParams| {};
    let yes = |yes: bool, rule| if yes { "ok" } else { rule };
    for (model, modes, efforts, forced, prefill, kept, bound) in MATRIX {
        let has = |mode: char| modes.contains(mode);
        let check = |written: &str, change: &dyn Fn(&mut RequestParams), expected: &str| {
            assert_eq!(rule(written, model, change), expected, "{model}: {written}");
        };
        // Modes, both directions.
        check("adaptive", &none, yes(has('a'), "mode_not_supported"));
        check("2000", &none, yes(has('e'), "mode_not_supported"));
        check("between_tools", &none, yes(has('b'), "mode_not_supported"));
        check("true", &none, "ok");
        check("default", &none, "ok");
        let off = has('d') || has('h');
        check("off", &none, yes(off || !has('+'), "cannot_be_off"));
        check(r#"{"type":"disabled"}"#, &none, yes(off, "cannot_be_off"));
        for (letter, effort) in "lmhxM".chars().zip(&Effort::ALL[1..]) {
            let supported = efforts.contains(letter);
            let name = if has('a') { format!("adaptive:{effort}") } else { effort.to_string() };
            // Where it is a budget, it is one that fits the most that the model writes.
            let most = Model::find(model).unwrap().max_output_tokens.unwrap();
            check(
                &name,
                &|params| params.max_tokens = Some(most),
                yes(supported || !has('a'), "effort_not_supported"),
            );
            check(&name, &none, yes(supported || !has('a'), "effort_not_supported"));
            let own = |params: &mut RequestParams| params.effort = Some(*effort);
            let high = *effort <= Effort::High;
            let expected = match (supported, has('h')) {
                (false, _) if off || !has('+') => "effort_not_supported",
                (true, true) => yes(high, "effort_with_disabled"),
                (true, _) => yes(off || !has('+'), "cannot_be_off"),
                (false, _) => "cannot_be_off",
            };
            check("off", &own, expected);
        }
        // Budgets.
        if has('e') {
            for (budget, max, expected) in [
                (1_023, 4_096, "budget_too_small"),
                (1_024, 4_096, "ok"),
                (4_095, 4_096, "ok"),
                (4_096, 4_096, "budget_not_below_max_tokens"),
                (4_097, 4_096, "budget_not_below_max_tokens"),
            ] {
                let limit = |params: &mut RequestParams| params.max_tokens = Some(max);
                check(&budget.to_string(), &limit, expected);
            }
            let row = Model::find(model).unwrap();
            let interleaved = |tools: bool| {
                move |params: &mut RequestParams| {
                    params.max_tokens = Some(2_000);
                    params.interleaved = true;
                    params.tools = tools;
                }
            };
            let header = yes(row.interleaves_with_header, "budget_not_below_max_tokens");
            check("9000", &interleaved(true), header);
            check("9000", &interleaved(false), "budget_not_below_max_tokens");
        }
        let most = Model::find(model).unwrap().max_output_tokens.unwrap();
        let limit =
            |more: u64| move |params: &mut RequestParams| params.max_tokens = Some(most + more);
        check("true", &limit(0), "ok");
        check("true", &limit(1), "max_tokens_too_large");
        let longer = |params: &mut RequestParams| {
            params.max_tokens = Some(most + 1);
            params.betas = vec!["output-300k-2026-03-24".into()];
        };
        check("true", &longer, "ok");
        // Sampling, with thinking and without.
        let fixed = !matches!(*modes, "aed" | "ed" | "ae+");
        let fixed = fixed || *model == "claude-mythos-preview";
        type Change = fn(&mut RequestParams);
        let sampling: [(Change, bool, bool, &str); 8] = [
            (|params| params.temperature = Some(1.0), true, true, "temperature"),
            (|params| params.temperature = Some(0.5), false, false, "temperature"),
            (|params| params.top_p = Some(1.0), true, true, "top_p"),
            (|params| params.top_p = Some(0.99), true, true, "top_p"),
            (|params| params.top_p = Some(0.95), true, false, "top_p"),
            (|params| params.top_p = Some(0.94), false, false, "top_p"),
            (|params| params.top_p = Some(1.01), false, false, "top_p"),
            (|params| params.top_k = Some(5), false, false, "top_k"),
        ];
        for (change, with_thinking, when_fixed, rule) in sampling {
            check("true", &change, yes(if fixed { when_fixed } else { with_thinking }, rule));
            if off || !has('+') {
                check("off", &change, yes(!fixed || when_fixed, rule));
            }
            let new = |params: &mut RequestParams| {
                params.version = ApiVersion::V2026_10_21;
                change(params);
            };
            check("true", &new, "sampling_removed");
        }
        // Forced tools and prefill.
        for choice in [ToolChoice::Any, ToolChoice::Tool("x".into())] {
            let forced_by = |params: &mut RequestParams| params.tool_choice = choice.clone();
            check(
                "true",
                &forced_by,
                yes(has('a') && *forced != "n" || *forced == "y", "forced_tool_choice"),
            );
            if has('e') {
                check("2000", &forced_by, yes(*forced == "y", "forced_tool_choice"));
            }
            if off || !has('+') {
                check("off", &forced_by, "ok");
            }
        }
        for choice in [ToolChoice::Auto, ToolChoice::None] {
            check("true", &|params| params.tool_choice = choice.clone(), "ok");
        }
        check("true", &|params| params.prefill = true, "prefill");
        if off || !has('+') {
            check("off", &|params| params.prefill = true, yes(*prefill == "prefill", "prefill"));
        }
        // What needs thinking.
        let display = |params: &mut RequestParams| params.display = Some(Display::Summarized);
        let binding = |params: &mut RequestParams| {
            params.prefix_mismatch = Some(PrefixMismatch::DropBlock);
        };
        check("true", &display, "ok");
        check("true", &binding, "ok");
        check("default", &display, yes(has('+'), "display_with_disabled"));
        if off || !has('+') {
            check("off", &display, "display_with_disabled");
            check("off", &binding, "block_binding_with_disabled");
        }
        // What the history goes by.
        let row = Model::find(model).unwrap();
        assert_eq!(row.keeps_thinking, *kept == "kept", "{model}");
        assert_eq!(row.bound_to_prefix, bound.contains('p'), "{model}");
        assert_eq!(row.bound_to_account, bound.contains('a'), "{model}");
        assert_eq!(row.drops_foreign_thinking, row.bound_to_prefix, "{model}");
        assert_eq!(row.thinks_unasked, has('+'), "{model}");
    }
    let known = MATRIX.iter().map(|row| row.0);
    for model in Model::all().filter(|model| model.maker == Maker::Anthropic) {
        let thinks = model.adaptive || model.enabled;
        assert_eq!(known.clone().any(|name| name == model.family), thinks, "{}", model.family);
        assert!(thinks || model.forced_tools == ForcedTools::Allowed);
    }
}

#[test]
fn openai_takes_the_efforts_of_its_models() {
    for (model, efforts, off, sampling) in [
        ("o1", "low medium high", false, false),
        ("o3", "low medium high", false, false),
        ("o3-mini", "low medium high", false, false),
        ("o4-mini", "low medium high", false, false),
        ("o1-mini", "", false, false),
        ("gpt-5", "minimal low medium high", false, false),
        ("gpt-5-mini", "minimal low medium high", false, false),
        ("gpt-5-nano", "minimal low medium high", false, false),
        ("gpt-5-codex", "low medium high", false, false),
        ("gpt-5.1", "low medium high", true, true),
        ("gpt-5.1-codex-max", "low medium high xhigh", true, true),
        ("gpt-5.1-codex", "low medium high", false, false),
        ("gpt-5.2", "low medium high xhigh", true, true),
        ("gpt-5.2-codex", "low medium high xhigh", false, false),
        ("gpt-5.2-pro", "medium high xhigh", false, false),
        ("gpt-5.3-codex", "low medium high xhigh", true, true),
        ("gpt-5.4-mini", "low medium high xhigh", true, true),
        ("gpt-5.5", "low medium high xhigh", true, true),
        ("gpt-5.6", "low medium high xhigh max", true, true),
        ("gpt-5.6-luna", "low medium high xhigh max", true, true),
        ("gpt-5-pro", "high", false, false),
    ] {
        for effort in Effort::ALL {
            let result = Thinking::Effort(effort).resolve(model, &RequestParams::default());
            let supported = efforts.split(' ').any(|known| known == effort.as_str());
            assert_eq!(result.is_ok(), supported, "{model} {effort}");
        }
        let result = Thinking::Off.resolve(model, &RequestParams::default());
        assert_eq!(result.is_ok(), off, "{model} off");
        for refused in
            ["presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias"]
        {
            let params = params(|params| params.others = vec![refused.into()]);
            let result = Thinking::On.resolve(model, &params);
            assert_eq!(result.unwrap_err().param(), refused, "{model}");
            let result = Thinking::Off.resolve(model, &params);
            assert_eq!(result.is_ok(), off && sampling, "{model}: {refused}");
        }
        for change in
            [(|params| params.temperature = Some(1.0)) as fn(&mut RequestParams), |params| {
                params.top_p = Some(1.0);
            }]
        {
            let params = params(change);
            assert!(Thinking::On.resolve(model, &params).is_err(), "{model}");
            assert_eq!(Thinking::Off.resolve(model, &params).is_ok(), off && sampling, "{model}");
        }
        assert_ne!(Model::find(model).unwrap().sampling, Sampling::Free);
    }
}

/// What the chat refuses, the Responses API and routers take.
#[test]
fn function_tools_and_reasoning_in_a_chat() {
    let with_tools = |api, tools| params(|params| (params.api, params.tools) = (Some(api), tools));
    let (chat, responses) = (Provider::OpenAiChat, Provider::OpenAiResponses);
    for (knob, model, api, tools, valid) in [
        ("low", "gpt-5.6-terra", chat, true, false),
        ("true", "gpt-5.6-terra", chat, true, false),
        ("default", "gpt-5.6-terra", chat, true, false),
        (r#"{"effort":"low"}"#, "gpt-5.6-terra", chat, true, false),
        ("off", "gpt-5.6-terra", chat, true, true),
        (r#"{"effort":"none"}"#, "gpt-5.6-terra", chat, true, true),
        ("low", "gpt-5.6-terra", chat, false, true),
        ("low", "gpt-5.6-terra", responses, true, true),
        ("low", "openai/gpt-5.6-terra", chat, true, true),
        ("default", "gpt-5.5", chat, true, false),
        ("default", "gpt-5.4", chat, true, true),
        ("low", "gpt-5.4", chat, true, false),
        ("low", "gpt-5.4-mini", chat, true, false),
        ("low", "gpt-5.2", chat, true, true),
        ("low", "o3", chat, true, true),
    ] {
        let result = knob.parse::<Thinking>().unwrap().resolve(model, &with_tools(api, tools));
        assert_eq!(result.is_ok(), valid, "{knob} {model} {api} {tools}: {result:?}");
        if let Err(error) = result {
            let (mut thinking, mut params) = (knob.parse().unwrap(), with_tools(api, tools));
            error.fix().unwrap().apply(&mut thinking, &mut params);
            let mended = thinking.resolve(model, &params).unwrap();
            assert_eq!(mended.get("reasoning_effort").unwrap().as_str(), r#""none""#);
        }
    }
    let stated = params(|params| {
        (params.api, params.tools) = (Some(chat), true);
        let mut model = Model::find("gpt-5.6").unwrap();
        model.chat_tools_need_no_reasoning = false;
        params.model = Some(model);
    });
    assert!(Thinking::On.resolve("gpt-5.6", &stated).is_ok());
}

#[test]
fn a_request_is_read_and_written() {
    let body = json!({
        "model": "claude-sonnet-4-5",
        "max_tokens": 4096,
        "temperature": 0.2,
        "thinking": {"type": "adaptive"},
        "output_config": {"format": {"type": "json_schema"}},
        "tools": [{"name": "dice"}],
        "tool_choice": {"type": "tool", "name": "dice", "disable_parallel_tool_use": true},
        "messages": [{"role": "user", "content": "hi"}],
        "metadata": {"user_id": "x"},
    });
    let mut body: Map<String, Value> = body.as_object().unwrap().clone();
    let mut params = RequestParams::of(Provider::Anthropic, &body);
    assert!(params.tools && !params.prefill);
    assert_eq!(params.tool_choice, ToolChoice::Tool("dice".into()));
    let mut thinking: Thinking = "medium".parse().unwrap();
    let mut fixes = Vec::new();
    let request = loop {
        match thinking.resolve("claude-sonnet-4-5", &params) {
            Ok(request) => break request,
            Err(error) => {
                let fix = error.fix().unwrap();
                fixes.push(fix.to_string());
                fix.apply(&mut thinking, &mut params);
            }
        }
    };
    assert_eq!(
        fixes,
        ["raise `max_tokens` to 12096", "leave `temperature` out", "set `tool_choice` to auto"]
    );
    params.write_to(&mut body);
    request.write_to(&mut body);
    assert_eq!(
        Value::Object(body),
        json!({
            "model": "claude-sonnet-4-5",
            "max_tokens": 12096,
            "thinking": {"type": "enabled", "budget_tokens": 8000},
            "output_config": {"format": {"type": "json_schema"}},
            "tools": [{"name": "dice"}],
            "tool_choice": {"type": "auto", "disable_parallel_tool_use": true},
            "messages": [{"role": "user", "content": "hi"}],
            "metadata": {"user_id": "x"},
        })
    );

    // A reply that has paused is gone on from; any other at the end is a prefill.
    for (content, prefill) in [
        (json!("hi"), true),
        (json!([{"type": "text", "text": "hi"}]), true),
        (json!([{"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}]), false),
        (json!([{"type": "web_search_tool_result", "tool_use_id": "s", "content": []}]), false),
        (json!([{"type": "compaction", "content": "so far"}]), false),
        (json!([]), true),
    ] {
        let body = json!({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": content}]});
        let params = RequestParams::of(Provider::Anthropic, body.as_object().unwrap());
        assert_eq!(params.prefill, prefill, "{body}");
    }

    // A chat with the old name of the limit, and what a reasoning model does not take.
    let body = json!({
        "model": "o3", "max_tokens": 500, "temperature": 0, "stop": ["x"], "tool_choice": "required",
        "include": ["x"], "messages": [{"role": "assistant", "content": "hi"}],
    });
    let mut body: Map<String, Value> = body.as_object().unwrap().clone();
    let mut params = RequestParams::of(Provider::OpenAiChat, &body);
    assert!(params.prefill);
    let mut thinking: Thinking = "high".parse().unwrap();
    let mut rules = Vec::new();
    let request = loop {
        match thinking.resolve("o3", &params) {
            Ok(request) => break request,
            Err(error) => {
                rules.push(error.param().to_owned());
                error.fix().unwrap().apply(&mut thinking, &mut params);
            }
        }
    };
    assert_eq!(rules, ["max_tokens", "temperature", "stop"]);
    params.write_to(&mut body);
    request.write_to(&mut body);
    assert_eq!(body["reasoning_effort"], "high");
    assert_eq!(body["max_completion_tokens"], 500);
    assert!(!body.contains_key("max_tokens") && !body.contains_key("temperature"));
    assert_eq!(body["tool_choice"], "required");
}

/// Each API has one name for the limit, in whichever order the two are written.
#[test]
fn the_limit_is_written_once() {
    let most = params(|params| params.max_tokens = Some(16_000));
    let chat = params(|params| {
        params.api = Some(Provider::OpenAiChat);
        params.max_tokens = Some(16_000);
    });
    for (model, params, before, limit) in [
        ("claude-sonnet-4-5", &most, json!({}), "max_tokens"),
        ("gpt-5", &most, json!({}), "max_output_tokens"),
        ("gpt-5", &most, json!({"max_output_tokens": 5}), "max_output_tokens"),
        ("gpt-5", &most, json!({"max_tokens": 5}), "max_output_tokens"),
        ("gpt-5", &chat, json!({"max_tokens": 5}), "max_completion_tokens"),
    ] {
        let request = Thinking::Effort(Effort::Low).resolve(model, params).unwrap();
        for params_first in [true, false] {
            let mut body = before.as_object().unwrap().clone();
            if params_first {
                params.write_to(&mut body);
            }
            request.write_to(&mut body);
            if !params_first {
                params.write_to(&mut body);
            }
            let limits: Vec<_> = body.iter().filter(|(name, _)| name.starts_with("max")).collect();
            assert_eq!(limits, [(&limit.to_owned(), &json!(16_000))], "{model} {before}");
        }
    }
}

#[test]
fn every_fix_mends_what_it_is_for() {
    let written =
        ["true", "off", "minimal", "xhigh", "max", "500", "8000", "adaptive", "between_tools"];
    let changes: [fn(&mut RequestParams); 9] = [
        |_| {},
        |params| params.max_tokens = Some(0),
        |params| params.max_tokens = Some(1_024),
        |params| params.max_tokens = Some(500_000),
        |params| params.temperature = Some(0.0),
        |params| params.tool_choice = ToolChoice::Any,
        |params| params.display = Some(Display::Omitted),
        |params| params.effort = Some(Effort::Max),
        |params| {
            params.prefix_mismatch = Some(PrefixMismatch::DropBlock);
            params.top_p = Some(0.5);
            params.top_k = Some(1);
        },
    ];
    for model in Model::all() {
        for (written, change) in
            written.iter().flat_map(|text| changes.map(|change| (text, change)))
        {
            let (mut thinking, mut params) = (written.parse::<Thinking>().unwrap(), params(change));
            let mut rounds = 0;
            while let Err(error) = thinking.resolve(&model.family, &params) {
                let Some(fix) = error.fix() else {
                    assert!(matches!(error, ThinkingError::ModeNotSupported { nearest: None, .. }));
                    break;
                };
                assert_ne!(fix, Fix::Thinking(thinking.clone()), "{}: {written}", model.family);
                fix.apply(&mut thinking, &mut params);
                rounds += 1;
                assert!(rounds < 8, "{}: {written}: {error} again", model.family);
            }
        }
    }
}

#[test]
fn what_is_raw_is_checked_all_the_same() {
    let plain = RequestParams::default();
    for (written, model, expected) in [
        (
            r#"{"type":"disabled","block_binding":{}}"#,
            "claude-opus-4-8",
            "block_binding_with_disabled",
        ),
        (r#"{"type":"disabled","display":"omitted"}"#, "claude-opus-4-8", "display_with_disabled"),
        (
            r#"{"type":"between_tools","display":"omitted"}"#,
            "claude-sonnet-5-5",
            "display_with_disabled",
        ),
        (r#"{"type":"disabled","display":"omitted"}"#, "nobody-knows", "display_with_disabled"),
        (r#"{"budget_tokens":2048}"#, "gpt-5.1", "mode_not_supported"),
        (r#"{"type":"disabled"}"#, "gpt-5", "cannot_be_off"),
        (r#"{"type":"disabled"}"#, "gpt-5.1", "ok"),
        (r#"{"type":"adaptive"}"#, "gpt-5", "ok"),
        (r#"{"effort":"none"}"#, "gpt-5", "cannot_be_off"),
        (r#"{"effort":"none"}"#, "gpt-5.1", "ok"),
        (r#"{"effort":"xhigh"}"#, "gpt-5", "effort_not_supported"),
    ] {
        let mut thinking: Thinking = written.parse().unwrap();
        let rule = |thinking: &Thinking| {
            thinking.resolve(model, &plain).map_err(|error| error.rule()).err().unwrap_or("ok")
        };
        assert_eq!(rule(&thinking), expected, "{written}, {model}");
        // And a fix mends it.
        if let Err(error) = thinking.resolve(model, &plain) {
            let mut params = plain.clone();
            error.fix().unwrap().apply(&mut thinking, &mut params);
            assert_eq!(rule(&thinking), "ok", "{written}, {model}");
        }
    }
    let display = params(|params| params.display = Some(Display::Updates));
    assert_eq!(
        resolve(r#"{"type":"adaptive"}"#, "nobody-knows", &display),
        r#"{"thinking":{"type":"adaptive","display":"updates"}} +thinking-display-updates-2026-08-18"#
    );
    let chat = params(|params| params.api = Some(Provider::OpenAiChat));
    assert_eq!(resolve(r#"{"effort":"high"}"#, "o3", &chat), r#"{"reasoning_effort":"high"}"#);
    assert!(
        resolve(r#"{"effort":"high","context":"auto"}"#, "o3", &chat).contains("reasoning.context")
    );
    // Where nothing is known of the model, an object is called by what is in it.
    for model in ["deepseek-chat", "glm-4.7", "claude-opus-4-8"] {
        assert_eq!(
            resolve(r#"{"type":"enabled"}"#, model, &chat),
            r#"{"thinking":{"type":"enabled"}}"#
        );
        assert_eq!(
            resolve(r#"{"effort":"high"}"#, model, &chat),
            r#"{"reasoning":{"effort":"high"}}"#
        );
    }
    let responses = params(|params| params.api = Some(Provider::OpenAiResponses));
    assert_eq!(
        resolve(r#"{"effort":"high"}"#, "gpt-5.2-codex", &responses),
        r#"{"reasoning":{"effort":"high"}}"#
    );
    let summed = params(|params| params.summary = Some(Summary::Concise));
    assert_eq!(
        resolve(r#"{"effort":"high"}"#, "o3", &summed),
        r#"{"reasoning":{"effort":"high","summary":"concise"}}"#
    );
}

#[test]
fn what_the_caller_has_already_counts() {
    const BETA: &str = "interleaved-thinking-2025-05-14";
    let own = params(|params| {
        params.betas = vec![BETA.into()];
        params.tools = true;
        params.max_tokens = Some(16_000);
    });
    let budget = r#"{"thinking":{"type":"enabled","budget_tokens":20000}}"#;
    assert_eq!(resolve("20000", "claude-sonnet-4-5", &own), budget);
    let asked = params(|params| {
        *params = own.clone();
        params.interleaved = true;
    });
    assert_eq!(resolve("20000", "claude-sonnet-4-5", &asked), budget);

    // An effort beside the knob is one of the model's too.
    let effort = |effort| params(|params| params.effort = Some(effort));
    for (written, model, params) in [
        ("default", "gpt-5-pro", effort(Effort::Low)),
        ("default", "gpt-4o", effort(Effort::Low)),
        ("true", "o3", effort(Effort::Max)),
    ] {
        let error = written.parse::<Thinking>().unwrap().resolve(model, &params).unwrap_err();
        assert_eq!(error.rule(), "effort_not_supported", "{model}");
    }

    // What the request asked for before is not asked for any more.
    let written = |model: &str, api, thinking: Thinking, body: Value| {
        let mut body = body.as_object().unwrap().clone();
        let mut params = RequestParams::of(api, &body);
        let mut thinking = thinking;
        let request = loop {
            match thinking.resolve(model, &params) {
                Ok(request) => break request,
                Err(error) => error.fix().unwrap().apply(&mut thinking, &mut params),
            }
        };
        params.write_to(&mut body);
        request.write_to(&mut body);
        Value::Object(body)
    };
    let responses = Provider::OpenAiResponses;
    assert_eq!(
        written("gpt-5", responses, Thinking::On, json!({"reasoning": {"effort": "minimal"}})),
        json!({})
    );
    // Of what is not thought there is no summary.
    let asked = json!({"reasoning": {"effort": "low", "summary": "auto"}});
    assert_eq!(written("gpt-4.1", responses, Thinking::Off, asked.clone()), json!({}));
    assert_eq!(written("gpt-4.1", responses, Thinking::ModelDefault, asked.clone()), json!({}));
    let kept = json!({"reasoning": {"summary": "auto"}});
    assert_eq!(written("gpt-5", responses, Thinking::ModelDefault, asked), kept);
    assert_eq!(
        written("gpt-4o", Provider::OpenAiChat, Thinking::ModelDefault, json!({"max_tokens": 100})),
        json!({"max_tokens": 100})
    );
    assert_eq!(
        written(
            "claude-sonnet-4-5",
            Provider::Anthropic,
            Thinking::Off,
            json!({"max_tokens": 100, "output_config": {"effort": "high", "format": null}})
        ),
        json!({"max_tokens": 100, "output_config": {"format": null}})
    );
}

#[test]
fn an_unknown_model_passes_with_an_override() {
    const ARN: &str = "arn:aws:bedrock:eu-west-1:123:application-inference-profile/abc";
    let thinking: Thinking = "high".parse().unwrap();
    assert!(thinking.resolve(ARN, &RequestParams::default()).is_err());
    let own = params(|params| params.model = Model::find("claude-opus-4-8"));
    assert_eq!(
        shown(&thinking.resolve(ARN, &own).unwrap()),
        r#"{"thinking":{"type":"adaptive"},"output_config":{"effort":"high"}}"#
    );
    // The override comes before the table.
    let mut changed = Model::find("claude-opus-4-8").unwrap();
    changed.efforts.truncate(2);
    let own = params(|params| params.model = Some(changed));
    assert_eq!(
        thinking.resolve("claude-opus-4-8", &own).unwrap_err().rule(),
        "effort_not_supported"
    );
    // What is raw passes alone, but for what no model takes.
    let raw = |json: Value| Thinking::try_from(json).unwrap();
    let plain = RequestParams::default();
    assert!(raw(json!({"type": "adaptive"})).resolve(ARN, &plain).is_ok());
    assert!(raw(json!({"budget_tokens": 1024})).resolve(ARN, &plain).is_ok());
    assert!(raw(json!({"budget_tokens": 1023})).resolve(ARN, &plain).is_err());
}

/// Behind a server that speaks as `OpenAI` does, Claude is asked in that server's own words; and a limit is never lost.
#[test]
fn claude_behind_a_server_of_another_kind() {
    let chat = params(|params| {
        params.api = Some(Provider::OpenAiChat);
        params.max_tokens = Some(900);
        params.store = Some(false);
    });
    for model in ["anthropic/claude-sonnet-4.5", "some/model"] {
        let resolved = |thinking: &str| {
            let thinking: Thinking = thinking.parse().unwrap();
            thinking.resolve(model, &chat).map(|it| serde_json::to_string(&it).unwrap())
        };
        assert_eq!(resolved("default").unwrap(), r#"{"max_tokens":900}"#, "{model}");
        assert_eq!(
            resolved(r#"{"effort":"high"}"#).unwrap(),
            r#"{"reasoning":{"effort":"high"},"max_tokens":900}"#
        );
        assert!(resolved("high").is_err());
    }
    // And the other way round.
    let messages = params(|params| params.api = Some(Provider::Anthropic));
    for model in ["gpt-5.2", "o3", "some/model"] {
        let resolved = |thinking: &str| {
            let thinking: Thinking = thinking.parse().unwrap();
            thinking.resolve(model, &messages).map(|it| serde_json::to_string(&it).unwrap())
        };
        assert_eq!(resolved("default").unwrap(), "{}", "{model}");
        let raw = r#"{"type":"adaptive"}"#;
        assert_eq!(resolved(raw).unwrap(), format!(r#"{{"thinking":{raw}}}"#), "{model}");
        assert!(resolved("high").is_err());
    }
    let mut newer = chat;
    newer.others = vec!["max_completion_tokens".into()];
    let request = Thinking::ModelDefault.resolve("some/model", &newer).unwrap();
    assert_eq!(serde_json::to_string(&request).unwrap(), r#"{"max_completion_tokens":900}"#);
    newer.api = Some(Provider::OpenAiResponses);
    let raw: Thinking = r#"{"effort":"high"}"#.parse().unwrap();
    let request = raw.resolve("some/model", &newer).unwrap();
    assert_eq!(
        serde_json::to_string(&request).unwrap(),
        r#"{"reasoning":{"effort":"high"},"include":["reasoning.encrypted_content"],"max_output_tokens":900}"#
    );
}
