//! `thinkstream report`: what the page says, and how a real browser lays it out.
//!
//! The browser is `chromium`, or what `CHROME` names.
#![cfg(feature = "cli")]

mod common;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::program::{Folder, recording, run};
use common::recordings::corpus;
use common::*;
use serde_json::{Value, json};

/// A page, and the figures that `stats` gives of the same file.
struct Page {
    html: String,
    path: String,
    figures: Value,
}

/// Writes a stream or a recording to a file, and its page beside it.
#[track_caller]
fn page(folder: &Folder, name: &str, bytes: impl AsRef<[u8]>) -> Page {
    let file = folder.write(name, bytes);
    let path = format!("{file}.html");
    let ran = run(&["report", &file, "-o", &path], b"");
    assert!(ran.code < Some(2), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
    let html = std::fs::read_to_string(&path).unwrap();
    let figures = run(&["stats", "--json", &file], b"").lines().swap_remove(0);
    Page { html, path, figures }
}

/// A reply with thinking, text and a tool call, in chunks of one event that come with two stalls.
fn reply() -> String {
    let start = START.replace(
        r#""input_tokens":10,"#,
        r#""input_tokens":1200,"cache_read_input_tokens":4800,"cache_creation_input_tokens":900,"cache_creation":{"ephemeral_5m_input_tokens":600,"ephemeral_1h_input_tokens":300},"#,
    );
    let usage = r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":800,"output_tokens_details":{"thinking_tokens":500}}}"#;
    let mut events = vec![(310.0, start), (320.0, open(0, THINKING))];
    let mut at = 400.0;
    let mut say = |pause: f64, event: String| {
        at += pause;
        events.push((at, event));
    };
    for number in 0..40 {
        say(20.0, think(0, &format!("Thought {number}. ")));
    }
    say(10.0, sign(0, "EqQBCgIYAhIkZm9v"));
    say(10.0, shut(0));
    say(5.0, open(1, TEXT));
    say(1500.0, text(1, "Here it is. "));
    for _ in 0..30 {
        say(15.0, text(1, "More of it, and more. "));
    }
    say(5.0, shut(1));
    say(2100.0, open(2, TOOL));
    say(40.0, json(2, r#"{"sides": 6, "times":"#));
    say(40.0, json(2, r#" [1, 2.50]}"#));
    say(5.0, shut(2));
    say(5.0, text(9, "lost"));
    say(5.0, usage.to_owned());
    say(5.0, STOP.to_owned());
    let pieces =
        events.into_iter().map(|(at, event)| (at, String::from_utf8(sse([event])).unwrap()));
    recording(&pieces.collect::<Vec<_>>(), Some(at + 20.0))
}

#[test]
fn every_figure_is_on_the_page_and_no_other() {
    let folder = Folder::new();
    let cut = reply().lines().take(30).collect::<Vec<_>>().join("\n");
    let plain = sse([START, &open(0, TEXT), &text(0, "Hi"), &shut(0), &end("end_turn"), STOP]);
    for (name, bytes) in [
        ("reply.jsonl", reply().into_bytes()),
        ("cut.jsonl", cut.into_bytes()),
        ("plain.sse", plain),
        ("page.sse", b"<html>busy".to_vec()),
        ("nothing.sse", Vec::new()),
        ("hostile.jsonl", hostile().into_bytes()),
    ] {
        let page = page(&folder, name, bytes);
        check_figures(&page.html, &page.figures);
    }
}

#[test]
fn every_recorded_stream_has_a_page() {
    let Some(corpus) = corpus() else { return };
    let folder = Folder::new();
    let rows = run(&["stats", "--json", corpus.to_str().unwrap()], b"").lines();
    for row in rows.iter().filter(|row| row["type"] == "recording") {
        let page = folder.join("page.html");
        let file = row["name"].as_str().unwrap();
        let ran = run(&["report", file, "-o", page.to_str().unwrap()], b"");
        let complete = row["outcome"] == "complete";
        assert_eq!(ran.code, Some(i32::from(!complete)), "{file}: {}", ran.stderr);
        check_figures(&std::fs::read_to_string(page).unwrap(), row);
    }
    assert!(rows.len() > 250);
}

/// The elements with a figure, as the page or the browser writes them.
#[track_caller]
fn check_figures(html: &str, figures: &Value) {
    let mut found = BTreeMap::new();
    for element in html.split("data-figure=\"").skip(1) {
        let (name, rest) = element.split_once("\" data-value=\"").unwrap();
        let (value, _) = rest.split_once('"').unwrap();
        let other = found.insert(name.to_owned(), value.to_owned());
        assert!(other.is_none_or(|other| other == value), "{name} is told in two ways");
    }
    let figures = figures.as_object().unwrap().iter().filter(|(name, _)| *name != "type");
    let told: BTreeMap<_, _> = figures
        .map(|(name, value)| {
            let text = match value {
                Value::Null => String::new(),
                Value::String(text) => shown(text),
                number => number.to_string(),
            };
            (name.clone(), text)
        })
        .collect();
    assert_eq!(found, told);
}

/// Text as a page has it in an attribute: nothing is obeyed, and nothing is markup.
fn shown(text: &str) -> String {
    let chars = text.chars().map(|char| match char {
        '\n' | '\t' => char,
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(char)).unwrap(),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        _ => char,
    });
    let text: String = chars.collect();
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

const HOSTILE: &str = "</script></style></title><img src=x onerror=\"document.title='owned'\">\
    <script>document.title='owned'</script>' onmouseover='alert(1) \u{202e}\u{2066}\u{1b}[31m\u{9b}\u{7} &lt;b&gt;";

/// A reply that is hostile wherever a sender can put text, in the answer to a hostile request.
fn hostile() -> String {
    let bad = quoted(HOSTILE);
    let events = [
        format!(
            r#"{{"type":"message_start","message":{{"id":{bad},"model":{bad},"content":[],"usage":{{"input_tokens":1}}}}}}"#
        ),
        open(0, THINKING),
        think(0, HOSTILE),
        sign(0, HOSTILE),
        shut(0),
        open(1, r#"{"type":"text","text":"","citations":[]}"#),
        text(1, HOSTILE),
        delta(
            1,
            &format!(
                r#"{{"type":"citations_delta","citation":{{"type":{bad},"cited_text":{bad}}}}}"#
            ),
        ),
        shut(1),
        open(2, &format!(r#"{{"type":"tool_use","id":{bad},"name":{bad},"input":{{}}}}"#)),
        json(2, &format!("{{{bad}: {bad}}}")),
        shut(2),
        open(3, &format!(r#"{{"type":"tool_use","id":{bad},"name":{bad},"input":{{}}}}"#)),
        json(3, HOSTILE),
        shut(3),
        open(4, &format!(r#"{{"type":{bad},"x":{bad}}}"#)),
        shut(4),
        format!(r#"{{"type":{bad},"x":1}}"#),
        format!(r#"{{"type":"error","error":{{"type":{bad},"message":{bad}}}}}"#),
    ];
    let pieces = events.iter().enumerate().map(|(at, event)| {
        let event = format!("data: {event}\n\n");
        (at as f64 * 100.0, event)
    });
    let recording = recording(&pieces.collect::<Vec<_>>(), None);
    recording.replacen(r#""version":1"#, &format!(r#""version":1,"request_id":{bad}"#), 1)
}

#[test]
fn a_hostile_stream_stays_text() {
    let folder = Folder::new();
    let page = page(&folder, "hostile.jsonl", hostile());
    let (html, scripts) =
        (&page.html, ["<script", "<img", "javascript:", "http:", "https:", "@import"]);
    for script in scripts {
        assert!(!html.contains(script), "{script}");
    }
    assert_eq!(html.matches("<style").count(), 1);
    // Every tag is one of the page's own, and no attribute is anybody else's.
    for tag in html.split('<').skip(1) {
        let name: String =
            tag.chars().take_while(|char| !matches!(char, ' ' | '>' | '\n')).collect();
        assert!(TAGS.contains(&name.trim_start_matches('/')), "<{name}");
        let inside = tag.split_once('>').map_or(tag, |(inside, _)| inside);
        assert!(!unquoted(inside).contains("on"), "<{inside}>");
    }
    let is_obeyed = |char: char| {
        char.is_control() && char != '\n' && char != '\t'
            || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!html.contains(is_obeyed));
    assert!(html.contains("default-src 'none'; style-src 'unsafe-inline'"));
    assert!(html.matches("onerror=&quot;").count() > 8, "the text is not there");
}

const TAGS: &[&str] = &[
    "!DOCTYPE", "html", "head", "meta", "title", "style", "body", "main", "header", "footer",
    "section", "article", "div", "span", "p", "b", "i", "em", "bdi", "small", "h1", "h2", "h3",
    "h4", "dl", "dt", "dd", "a", "code", "ul", "li", "br", "details", "summary", "svg", "path",
    "table", "tbody", "tr", "th", "td",
];

/// The names of a tag's attributes, run together.
fn unquoted(tag: &str) -> String {
    let names = tag.split('"').step_by(2).flat_map(|outside| outside.split(' ').skip(1));
    names.filter(|name| *name != "content=").collect()
}

/// The largest numbers that a stream can say, and times that nobody waits for.
#[test]
fn huge_numbers_are_shown() {
    let folder = Folder::new();
    let most = u64::MAX;
    let usage = format!(
        r#""input_tokens":{most},"output_tokens":{most},"cache_read_input_tokens":{most},"cache_creation_input_tokens":{most},"output_tokens_details":{{"thinking_tokens":{most}}}"#
    );
    let split = format!(
        r#","cache_creation":{{"ephemeral_5m_input_tokens":{most},"ephemeral_1h_input_tokens":{most}}}"#
    );
    for more in [&*split, ""] {
        let usage = format!("{{{usage}{more}}}");
        let start = format!(r#"{{"type":"message_start","message":{{"id":"m","usage":{usage}}}}}"#);
        let end = format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":"end_turn"}},"usage":{usage}}}"#
        );
        let stream = sse([&*start, &open(0, TEXT), &text(0, "Hi"), &shut(0), &end, STOP]);
        let whole = String::from_utf8(stream).unwrap();
        let (first, last) = whole.split_at(whole.len() - 300);
        let timed = recording(&[(1.0, first), (1.8e22, last)], Some(1.8e22));
        for (name, text) in [("plain.sse", &whole), ("timed.jsonl", &timed)] {
            let page = page(&folder, name, text);
            assert_eq!(page.figures["input_tokens"], most);
            check_figures(&page.html, &page.figures);
            for args in [&["decode"][..], &["decode", "--json"], &["check"], &["stats"]] {
                let ran = run(&[args, &[&folder.write(name, text)]].concat(), b"");
                assert!(ran.code < Some(2), "{args:?}: {}", ran.stderr);
            }
        }
        let both = [folder.write("plain.sse", &whole), folder.write("timed.jsonl", &timed)];
        for form in ["--json", "--csv"] {
            assert_eq!(run(&["stats", form, &both[0], &both[1]], b"").code, Some(0), "{form}");
        }
    }
    let chat = format!(
        "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"Hi\"}},\"finish_reason\":\"stop\"}}],\"usage\":{{\"prompt_tokens\":{most},\"completion_tokens\":{most},\"prompt_tokens_details\":{{\"cached_tokens\":{most}}},\"completion_tokens_details\":{{\"reasoning_tokens\":{most}}}}}}}\n\ndata: [DONE]\n\n"
    );
    let page = page(&folder, "chat.sse", &chat);
    assert_eq!(page.figures["output_tokens"], most);
}

/// A server that calls things by a novel does not fill the page with it.
#[test]
fn names_are_cut() {
    let folder = Folder::new();
    let long = "n".repeat(100_000);
    let start = START.replace("claude-test", &long).replace("msg_1", &long);
    let tool = TOOL.replace("roll", &long).replace("toolu_1", &long);
    let unknown = format!(r#"{{"type":"{long}"}}"#);
    let other = format!(r#"{{"type":"{long}"}}"#);
    let stream = sse([
        &*start,
        &unknown,
        &open(0, &tool),
        &shut(0),
        &open(1, &other),
        &shut(1),
        &end(&long),
        STOP,
    ]);
    let page = page(&folder, "long.sse", stream);
    let blocks = page.html.matches("class=\"pre\"").count();
    assert!(page.html.len() < 60_000 + blocks * 101_000, "{}", page.html.len());
    assert!(page.html.matches(&"n".repeat(201)).count() <= blocks * 500);
    assert!(page.html.contains(&format!("{}…", "n".repeat(200))));
}

#[test]
fn a_large_reply_still_gives_a_page() {
    let folder = Folder::new();
    let mut events = vec![START.to_owned()];
    let long = "word ".repeat(2000);
    for index in 0..5000 {
        events.extend([open(index, TEXT), text(index, "a"), text(index, "b"), shut(index)]);
    }
    events.push(open(5000, TEXT));
    events.extend((0..400).map(|_| text(5000, &long)));
    events.extend([shut(5000), end("end_turn"), STOP.to_owned()]);
    let pieces = events
        .iter()
        .enumerate()
        .map(|(at, event)| (at as f64 * 3.0, String::from_utf8(sse([event])).unwrap()));
    let pieces: Vec<_> = pieces.collect();
    let page = page(&folder, "large.jsonl", recording(&pieces, None));
    assert_eq!(
        (&page.figures["blocks"], &page.figures["outcome"]),
        (&json!(5001), &json!("complete"))
    );
    assert!(page.html.len() < 3_000_000, "{}", page.html.len());
    assert!(page.html.matches("</").count() < 8000, "{}", page.html.matches("</").count());
    assert!(page.html.contains("The 40 longest of 5,001 blocks, in their order."));
    assert!(page.html.contains("and 4,601 blocks more"));
    check_figures(&page.html, &page.figures);
}

#[test]
fn what_is_refused_says_why() {
    let folder = Folder::new();
    let twice = folder.write("twice.jsonl", reply() + &reply());
    let out = folder.join("page.html").to_str().unwrap().to_owned();
    for (args, why) in [
        (&["report", &twice, "-o", &out][..], "has 2 recordings: choose with --number 1 to 2"),
        (&["report", &twice, "-o", &out, "--number", "3"], "has 2 recordings, no number 3"),
        (&["report", &twice, "-o", &twice, "--number", "1"], "would overwrite the recording"),
        (&["report", "/missing", "-o", &out], "/missing"),
        (&["report", &twice], "--output"),
    ] {
        let ran = run(args, b"");
        assert_eq!(ran.code, Some(2), "{args:?}");
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
        assert!(!Path::new(&out).exists());
    }
    assert_eq!(std::fs::read_to_string(&twice).unwrap(), reply() + &reply());
    let ran = run(&["report", &twice, "-o", "-", "--number", "2"], b"");
    assert!(ran.code == Some(0) && ran.stdout.contains("twice.jsonl#2"));
    let ran = run(&["report", "-", "-o", &out], b"<html>busy");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("no event") && Path::new(&out).exists());
}

mod browser {
    use super::*;

    #[test]
    fn lays_out_what_the_page_says() {
        let folder = Folder::new();
        let page = page(&folder, "reply.jsonl", reply());
        for width in [360, 1400] {
            let Some(seen) = open_in_browser(&folder, &page, width) else { return };
            check_figures(&seen.dom, &page.figures);
            seen.check_width(width);
            seen.check_lanes(3);
            seen.check_usage(&page.figures);
            assert_eq!(seen.measures["stalls"], page.figures["stalls"]);
            assert_eq!(page.figures["stalls"], 2);
        }
    }

    #[test]
    fn a_hostile_page_does_nothing() {
        let folder = Folder::new();
        let page = page(&folder, "hostile.jsonl", hostile());
        for width in [360, 1400] {
            let Some(seen) = open_in_browser(&folder, &page, width) else { return };
            seen.check_width(width);
            seen.check_lanes(5);
            assert_eq!(seen.measures["images"], 0);
            assert!(!seen.measures["title"].as_str().unwrap().starts_with("owned"));
            let text = seen.measures["text"].as_str().unwrap();
            assert!(text.contains("<img src=x onerror=\"document.title='owned'\">"), "{text}");
        }
    }

    #[test]
    fn a_page_without_times_has_an_axis_of_bytes() {
        let folder = Folder::new();
        let stream = sse([
            START,
            &open(0, TEXT),
            &text(0, &"Many words. ".repeat(50)),
            &text(0, "Fewer."),
            &shut(0),
            &end("end_turn"),
            STOP,
        ]);
        let page = page(&folder, "plain.sse", stream);
        assert!(page.html.contains("The file has no times: the axis is the bytes of the stream."));
        let Some(seen) = open_in_browser(&folder, &page, 360) else { return };
        seen.check_width(360);
        seen.check_lanes(1);
    }
}

/// What a browser made of a page.
struct Seen {
    dom: String,
    measures: Value,
}

impl Seen {
    #[track_caller]
    fn check_width(&self, width: u64) {
        let (inner, scroll) = (&self.measures["inner"], &self.measures["scroll"]);
        assert_eq!(*inner, width, "the window is another");
        assert!(scroll.as_u64().unwrap() <= width, "{scroll} is wider than {width}");
    }

    /// The bars are where the times say, one below the other, inside the plot.
    #[track_caller]
    fn check_lanes(&self, count: usize) {
        let end = self.measures["end"].as_f64().unwrap();
        let lanes = self.measures["lanes"].as_array().unwrap();
        assert_eq!(lanes.len(), count);
        let mut above = 0.0;
        for (number, lane) in lanes.iter().enumerate() {
            let at = |key: &str| lane[key].as_f64().unwrap();
            let span = at("trackRight") - at("trackLeft");
            assert!(span > 200.0, "{lane}");
            assert_eq!(lane["lane"], number.to_string());
            assert!(at("top") > above && at("bottom") > at("top"), "{lane}");
            assert!(at("left") >= at("trackLeft") - 0.5, "{lane}");
            assert!(at("right") <= at("trackRight") + 0.5, "{lane}");
            let place = |time: f64| at("trackLeft") + span * time / end;
            // A bar is at least three pixels wide.
            assert!((at("left") - place(at("first"))).abs() <= 3.5, "{lane}");
            assert!((at("right") - place(at("last"))).abs() <= 3.5, "{lane}");
            above = at("bottom");
        }
    }

    /// The parts of the bar are as wide as their tokens say, and all of them are there.
    #[track_caller]
    fn check_usage(&self, figures: &Value) {
        let parts = self.measures["parts"].as_array().unwrap();
        let known = |figure: &str| figures[figure].as_f64().unwrap();
        let expected = [
            "uncached_input_tokens",
            "cache_read_tokens",
            "cache_write_5m_tokens",
            "cache_write_1h_tokens",
            "thinking_tokens",
            "other_output_tokens",
        ];
        let names: Vec<_> = parts.iter().map(|part| part["part"].as_str().unwrap()).collect();
        assert_eq!(names, expected);
        let all = known("input_tokens") + known("output_tokens");
        let whole = self.measures["usage"].as_f64().unwrap();
        let mut left = None;
        for part in parts {
            let [tokens, width, begins] =
                ["tokens", "width", "left"].map(|key| part[key].as_f64().unwrap());
            assert_eq!(tokens, known(part["part"].as_str().unwrap()));
            assert!((width - whole * tokens / all).abs() <= 1.0, "{part} of {whole}");
            assert!(left.is_none_or(|left: f64| (begins - left).abs() <= 0.5), "{part}");
            left = Some(begins + width);
        }
    }
}

/// Opens the page with a script behind it that measures it, without which the page has none.
#[track_caller]
fn open_in_browser(folder: &Folder, page: &Page, width: u64) -> Option<Seen> {
    let policy_at = page.html.find("<meta http-equiv").unwrap();
    let policy_end = policy_at + page.html[policy_at..].find('>').unwrap() + 1;
    let mut html = page.html.clone();
    html.replace_range(policy_at..policy_end, "");
    let copy = format!("{}.measured.html", page.path);
    // A window of a browser without a head is not narrower than 500 pixels: a frame is.
    let frame = format!("{}.frame.html", page.path);
    std::fs::write(&copy, html.replace("</body>", &format!("<script>{MEASURE}</script></body>")))
        .unwrap();
    std::fs::write(&frame, frame_of(&copy, width)).unwrap();
    // As it is, with its policy, the browser finds nothing to complain of either.
    dump_dom(folder, &page.path)?;
    let dom = dump_dom(folder, &frame)?;
    let (_, measures) = dom.split_once("data-measures=\"").expect(&dom);
    let measures = measures.split_once('"').unwrap().0;
    let measures = measures.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">");
    let measures: Value = serde_json::from_str(&measures.replace("&amp;", "&")).unwrap();
    let dom = measures["dom"].as_str().unwrap().to_owned();
    Some(Seen { dom, measures })
}

/// A page that holds another one of this width, and takes over what that measured.
fn frame_of(page: &str, width: u64) -> String {
    format!(
        "<!DOCTYPE html><body style=\"margin:0\"><script>addEventListener('message', event => \
         document.body.setAttribute('data-measures', event.data))</script>\
         <iframe src=\"file://{page}\" style=\"border:0;width:{width}px;height:1000px\"></iframe>"
    )
}

const MEASURE: &str = r"
addEventListener('load', () => {
    const box = element => element.getBoundingClientRect();
    const all = (query, make) => [...document.querySelectorAll(query)].map(make);
    const dom = document.documentElement.outerHTML;
    for (const details of document.querySelectorAll('details')) details.open = true;
    const measures = {
        dom,
        title: document.title,
        text: document.querySelector('main').innerText,
        images: document.images.length,
        inner: innerWidth,
        scroll: document.documentElement.scrollWidth,
        end: Number(document.querySelector('.plot').dataset.end),
        stalls: document.querySelectorAll('[data-stall]').length,
        usage: (usage => usage ? box(usage).width : 0)(document.querySelector('.usage')),
        parts: all('[data-part]', part => ({
            part: part.dataset.part, tokens: Number(part.dataset.tokens),
            left: box(part).left, width: box(part).width,
        })),
        lanes: all('[data-lane]', lane => {
            const bar = box(lane.querySelector('.bar')), track = box(lane.querySelector('.track'));
            return {
                lane: lane.dataset.lane, first: Number(lane.dataset.first), last: Number(lane.dataset.last),
                left: bar.left, right: bar.right, top: bar.top, bottom: bar.bottom,
                trackLeft: track.left, trackRight: track.right,
            };
        }),
    };
    parent.postMessage(JSON.stringify(measures), '*');
});
";

/// The document that a browser makes of a file. `None`, and a word on it, if there is no browser.
#[track_caller]
fn dump_dom(folder: &Folder, file: &str) -> Option<String> {
    let browser = std::env::var("CHROME").unwrap_or_else(|_| "chromium".to_owned());
    let [out, said] = ["dom", "log"].map(|name| folder.join(name));
    let profile = Folder::new();
    let child = Command::new(&browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path()))
        .arg("--window-size=1500,1200")
        .arg(format!("file://{file}"))
        .stdin(Stdio::null())
        .stdout(File::create(&out).unwrap())
        .stderr(File::create(&said).unwrap())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // Past what a test that passes has captured.
            let text = format!("SKIPPED: {browser} is not here: no browser has seen the page\n");
            let _ = std::io::stderr().write_all(text.as_bytes());
            return None;
        }
        Err(error) => panic!("{browser}: {error}"),
    };
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > LIMIT {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{browser} takes more than {LIMIT:?}");
        }
        sleep(Duration::from_millis(20));
    };
    let log = std::fs::read_to_string(said).unwrap();
    assert!(status.success(), "{log}");
    assert!(!log.contains("CONSOLE"), "{log}");
    Some(std::fs::read_to_string(out).unwrap())
}

/// How long a browser may take, on a machine that is busy.
const LIMIT: Duration = Duration::from_secs(90);
