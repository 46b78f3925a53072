//! The page: everything in one file, without a script and without the network.

use std::fmt::Write as _;

use super::html::escape;
use super::model::{Kind, Model};
use super::reply::reply;
use super::timeline::{duration, timeline};
use crate::screen::{brief, event_name, grouped};
use crate::stats::figures::{COLUMNS, COMPLETE, Value, count, milliseconds};
use crate::stats::table::number;

/// A page that shows a reply.
pub(super) fn page(model: &Model) -> String {
    let title = model.figures.model.as_deref().unwrap_or("a reply");
    let file = escape(&model.figures.name);
    let version = env!("CARGO_PKG_VERSION");
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>{} · {file}</title><style>{STYLE}</style></head><body><main>",
        escape(&brief(title))
    );
    html.push_str(&header(model));
    html.push_str(&tiles(model));
    section("Timeline", &timeline_with_notes(model), &mut html);
    section("Tokens", &tokens(model), &mut html);
    section("Protocol", &deviations(model), &mut html);
    section("Reply", &reply(model), &mut html);
    section("All figures", &all_figures(model), &mut html);
    let _ = writeln!(html, "</main><footer>thinkstream {version} · {file}</footer></body></html>");
    html
}

fn section(name: &str, inside: &str, html: &mut String) {
    let id = name.to_lowercase().replace(' ', "-");
    let _ = write!(
        html,
        "<section aria-labelledby=\"{id}\"><h2 id=\"{id}\">{name}</h2>{inside}</section>"
    );
}

fn header(model: &Model) -> String {
    let figures = &model.figures;
    let complete = figures.outcome == COMPLETE;
    let (class, failed) = if complete { ("good", "") } else { ("bad", "failed: ") };
    let title = figures.model.as_deref().unwrap_or("Unknown model");
    let speaker = figures.protocol.map_or("nobody that is known", speaker);
    let mut html = format!(
        "<header><div class=\"title\"><h1 dir=\"auto\">{}</h1>\
         <span class=\"pill {class}\">{failed}{}</span></div><p class=\"sub\">{speaker}</p>",
        escape(&brief(title)),
        figure(model, "outcome")
    );
    if let Some(error) = &figures.error {
        let _ = write!(html, "<p class=\"error\" role=\"alert\">{}</p>", escape(error));
    }
    html.push_str("<dl class=\"facts\">");
    for (label, name) in [
        ("stop reason", "stop_reason"),
        ("events", "events"),
        ("bytes", "bytes"),
        ("blocks", "blocks"),
        ("tool calls", "tool_calls"),
        ("message", "message_id"),
        ("request", "request_id"),
    ] {
        let _ = write!(html, "<div><dt>{label}</dt><dd>{}</dd></div>", figure(model, name));
    }
    html.push_str("</dl></header>");
    html
}

fn speaker(protocol: &str) -> &'static str {
    match protocol {
        "bedrock" => "Anthropic’s Messages API, on Amazon Bedrock",
        "responses" => "OpenAI’s Responses API, or a server that speaks it",
        "chat" => "Chat Completions",
        _ => "Anthropic’s Messages API, or a server that speaks it",
    }
}

/// The few figures that are looked for first.
fn tiles(model: &Model) -> String {
    let timed: &[(&str, &str)] = &[
        ("total", "total_ms"),
        ("first byte", "first_byte_ms"),
        ("first thinking", "first_thinking_ms"),
        ("first text", "first_text_ms"),
        ("tokens a second", "tokens_per_second"),
        ("stalls", "stalls"),
    ];
    let tokens = [
        ("input tokens", "input_tokens"),
        ("input from the cache", "cache_hit_percent"),
        ("output tokens", "output_tokens"),
        ("thinking tokens", "thinking_tokens"),
    ];
    let timed = if model.timeline.timed { timed } else { &[] };
    // Two rows, or one.
    let columns = if timed.is_empty() { 4 } else { 5 };
    let mut html = format!("<div class=\"tiles\" style=\"--columns:{columns}\">");
    for (label, name) in timed.iter().chain(&tokens) {
        let _ = write!(html, "<div class=\"tile\"><b>{}</b>{label}</div>", figure(model, name));
    }
    html.push_str("</div>");
    html
}

/// A figure by its name, with its exact value beside what a person reads.
fn figure(model: &Model, name: &str) -> String {
    let value = COLUMNS
        .iter()
        .find(|column| column.name == name)
        .map_or(Value::Text(None), |column| (column.value)(&model.figures));
    let shown = match &value {
        value if !value.is_known() => "–".to_owned(),
        Value::Milliseconds(Some(ms)) => duration(*ms),
        Value::Percent(_) => format!("{} %", number(&value)),
        value => number(value),
    };
    // Of names the beginning is enough; what the program says itself is as long as it has to be.
    let cut = |text: &str| match name {
        "name" | "error" => escape(text),
        _ => escape(&brief(text)),
    };
    let (exact, shown) = (cut(&value.plain()), cut(&shown));
    format!("<span data-figure=\"{name}\" data-value=\"{exact}\">{shown}</span>")
}

fn timeline_with_notes(model: &Model) -> String {
    let mut html = timeline(&model.timeline);
    html.push_str("<p class=\"legend\">");
    for (kind, label) in [
        (Kind::Thinking, "thinking"),
        (Kind::Redacted, "redacted thinking"),
        (Kind::Text, "text"),
        (Kind::Tool, "tool calls"),
        (Kind::Other, "others"),
    ] {
        if model.timeline.lanes.iter().any(|lane| lane.kind == kind) {
            let _ = write!(html, "<span><i class=\"{}\"></i>{label}</span>", kind.class());
        }
    }
    let _ = write!(html, "</p><p class=\"note\">{}</p>", axis_note(model));
    html
}

/// What the shades of the timeline mean.
fn axis_note(model: &Model) -> String {
    if !model.timeline.timed {
        return "The file has no times: the axis is the bytes of the stream.".to_owned();
    }
    let times = &model.figures.times;
    let stalls = match times.stalls.zip(times.longest_stall) {
        Some((stalls, longest)) if stalls > 0 => format!(
            "Shaded: stalls, of a second and more without output ({}; the longest {}).",
            grouped(stalls),
            duration(milliseconds(longest))
        ),
        Some(_) => "No stalls: never a second without output.".to_owned(),
        None => String::new(),
    };
    format!("Hatched: the time before the first byte. {stalls}")
}

/// Where the tokens are: one bar, and what its parts are.
fn tokens(model: &Model) -> String {
    let parts = parts(model);
    let all = parts.iter().fold(0, |all: u64, part| all.saturating_add(part.2));
    if parts.is_empty() {
        return "<p class=\"note\">No usage was reported.</p>".to_owned();
    }
    let percent = |tokens: u64| tokens as f64 * 100.0 / all.max(1) as f64;
    let mut html = format!(
        "<div class=\"usage\" role=\"img\" aria-label=\"Tokens by what they are\" \
         data-tokens=\"{all}\">"
    );
    for (class, name, tokens, label) in parts.iter().filter(|part| part.2 > 0) {
        let _ = write!(
            html,
            "<span class=\"{class}\" data-part=\"{name}\" data-tokens=\"{tokens}\" \
             title=\"{label}: {}\" style=\"width:{:.4}%\"></span>",
            grouped(*tokens),
            percent(*tokens)
        );
    }
    html.push_str("</div><ul class=\"parts\">");
    for (class, name, tokens, label) in &parts {
        let _ = write!(
            html,
            "<li><i class=\"{class}\"></i>{label} <b>{}</b> <small>{:.1} %</small></li>",
            figure(model, name),
            percent(*tokens)
        );
    }
    html.push_str("</ul>");
    html
}

type Part = (&'static str, &'static str, u64, &'static str);

/// The parts of the usage: class, figure, tokens and label.
fn parts(model: &Model) -> Vec<Part> {
    let tokens = &model.figures.tokens;
    let mut parts: Vec<Part> = Vec::new();
    let mut add = |class, name, tokens: Option<u64>, label| {
        parts.extend(tokens.map(|tokens| (class, name, tokens, label)));
    };
    add("uncached", "uncached_input_tokens", tokens.uncached, "input, not cached");
    add("read", "cache_read_tokens", tokens.cache_read, "input, cache read");
    let (short, long) = (tokens.cache_write_5m, tokens.cache_write_1h);
    let split = short.unwrap_or(0).checked_add(long.unwrap_or(0));
    // Without the lifetimes of all of them only their number is told.
    if short.or(long).is_some() && split == tokens.cache_write {
        add("write-5m", "cache_write_5m_tokens", short, "input, cache write 5 min");
        add("write-1h", "cache_write_1h_tokens", long, "input, cache write 1 h");
    } else {
        add("write-5m", "cache_write_tokens", tokens.cache_write, "input, cache write");
    }
    add("thinking", "thinking_tokens", tokens.thinking, "output, thinking");
    match tokens.other {
        Some(_) => add("text", "other_output_tokens", tokens.other, "output, other"),
        None => add("text", "output_tokens", tokens.output, "output"),
    }
    parts
}

/// Where the stream was not what the protocol says.
fn deviations(model: &Model) -> String {
    let warnings = &model.decoded.warnings;
    let mut html = String::new();
    if warnings.is_empty() {
        html.push_str("<p class=\"note\">No deviation from it was seen.</p>");
    } else {
        html.push_str("<ul class=\"warnings\">");
        for warned in warnings.iter().take(WARNINGS) {
            let rule = warned.rule;
            let block = warned.index.map(|index| format!(", block {index}")).unwrap_or_default();
            let offset = grouped(warned.offset);
            let statement = code(rule.statement());
            let consequence = code(rule.consequence());
            let _ = write!(
                html,
                "<li data-rule=\"{rule}\" data-offset=\"{}\"><b>{rule}</b> <small>byte \
                 {offset}{block}</small><br>Expected: {statement}. Where it is broken, {consequence}.</li>",
                warned.offset
            );
        }
        html.push_str("</ul>");
        if warnings.len() > WARNINGS {
            let more = grouped(count(warnings.len() - WARNINGS));
            let _ = write!(html, "<p class=\"note\">and {more} more</p>");
        }
    }
    let unknown: Vec<_> = model.decoded.unknown.iter().collect();
    if !unknown.is_empty() {
        let names =
            unknown.iter().map(|(name, times)| format!("{} ×{times}", escape(&event_name(name))));
        let names: Vec<_> = names.collect();
        let _ = write!(
            html,
            "<p class=\"note\">Events of types that are not known: {}.</p>",
            names.join(", ")
        );
    }
    html
}

/// Words of ours, in which names stand between backticks.
fn code(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(at, part)| match at % 2 {
        0 => escape(part),
        _ => format!("<code>{}</code>", escape(part)),
    });
    parts.collect()
}

fn all_figures(model: &Model) -> String {
    let mut html = String::from("<details><summary><b>Show</b></summary><table><tbody>");
    for column in COLUMNS {
        let name = column.name;
        let label = name.replace('_', " ");
        let shown = figure(model, name);
        let _ = write!(html, "<tr><th scope=\"row\">{label}</th><td>{shown}</td></tr>");
    }
    html.push_str("</tbody></table></details>");
    html
}

const STYLE: &str = include_str!("style.css");
/// Deviations that are shown.
const WARNINGS: usize = 200;
