//! The arguments of a tool call while they come: each field once, at its last byte; always JSON;
//! judged as the whole is.

mod common;
#[path = "reference/partial_input.rs"]
mod reference;

use std::collections::BTreeMap;

use common::recordings::{corpus, recordings};
use common::{anthropic, chat, decode, responses};
use proptest::prelude::*;
use serde_json::{Value, json};
use thinkstream::{Decoder, Event, Flaw, InputSegment, Json, JsonError, PartialInput, ToolKind};

/// What is told of a text: its fields, and how it ended.
#[derive(Debug, Default, PartialEq)]
struct Told {
    fields: Vec<(String, String)>,
    error: Option<JsonError>,
    snapshot: String,
    value: Value,
    text: String,
    complete: bool,
}

fn told(pieces: &[&str]) -> Told {
    let mut input = PartialInput::new();
    let mut told = Told::default();
    for piece in pieces {
        told.error = told.error.or(take(&mut input, piece, &mut told.fields));
    }
    told.error = told.error.or(input.finish().err());
    told.snapshot = input.snapshot().to_owned();
    told.value = input.value().clone();
    told.text = input.as_str().to_owned();
    told.complete = input.is_complete();
    told
}

fn take(
    input: &mut PartialInput,
    piece: &str,
    fields: &mut Vec<(String, String)>,
) -> Option<JsonError> {
    let mut rest = piece;
    loop {
        match input.next_field(&mut rest) {
            Ok(Some(field)) => fields.push((field.path.to_string(), field.json.to_owned())),
            Ok(None) => break assert_eq!(rest, ""),
            Err(error) => {
                assert_eq!(rest, "");
                return Some(error);
            }
        }
    }
    None
}

fn bytewise(text: &str) -> Vec<&str> {
    text.split_inclusive(|_| true).collect()
}

/// A text, its fields, and what is shown after each of its characters.
type Steps = (&'static str, &'static str, &'static [&'static str]);

const STEPS: &[Steps] = &[
    ("{}", "$={}", &["{}", "{}"]),
    (
        r#"{"a":"b\n"}"#,
        r#"$.a="b\n" $={"a":"b\n"}"#,
        &[
            "{}",
            "{}",
            "{}",
            "{}",
            "{}",
            r#"{"a":""}"#,
            r#"{"a":"b"}"#,
            r#"{"a":"b"}"#,
            r#"{"a":"b\n"}"#,
            r#"{"a":"b\n"}"#,
            r#"{"a":"b\n"}"#,
        ],
    ),
    (
        r#"[1,{"k" :[ ]},-2.5e1 ,null]"#,
        r#"$[0]=1 $[1].k=[ ] $[1]={"k" :[ ]} $[2]=-2.5e1 $[3]=null $=[1,{"k" :[ ]},-2.5e1 ,null]"#,
        &[
            "[]",
            "[]",
            "[1]",
            "[1,{}]",
            "[1,{}]",
            "[1,{}]",
            "[1,{}]",
            "[1,{}]",
            "[1,{}]",
            r#"[1,{"k" :[]}]"#,
            r#"[1,{"k" :[]}]"#,
            r#"[1,{"k" :[ ]}]"#,
            r#"[1,{"k" :[ ]}]"#,
            r#"[1,{"k" :[ ]}]"#,
            r#"[1,{"k" :[ ]}]"#,
            r#"[1,{"k" :[ ]}]"#,
            r#"[1,{"k" :[ ]}]"#,
            r#"[1,{"k" :[ ]}]"#,
            r#"[1,{"k" :[ ]}]"#,
            r#"[1,{"k" :[ ]}]"#,
            r#"[1,{"k" :[ ]},-2.5e1]"#,
            r#"[1,{"k" :[ ]},-2.5e1]"#,
            r#"[1,{"k" :[ ]},-2.5e1]"#,
            r#"[1,{"k" :[ ]},-2.5e1]"#,
            r#"[1,{"k" :[ ]},-2.5e1]"#,
            r#"[1,{"k" :[ ]},-2.5e1]"#,
            r#"[1,{"k" :[ ]},-2.5e1 ,null]"#,
        ],
    ),
    (
        r#" "\ud83d\ude00""#,
        r#"$="\ud83d\ude00""#,
        &[
            "{}",
            " \"\"",
            " \"\"",
            " \"\"",
            " \"\"",
            " \"\"",
            " \"\"",
            " \"\"",
            " \"\"",
            " \"\"",
            " \"\"",
            " \"\"",
            " \"\"",
            r#" "\ud83d\ude00""#,
            r#" "\ud83d\ude00""#,
        ],
    ),
    (
        r#""\ud83dé\udc00""#,
        r#"$="\ud83dé\udc00""#,
        &[
            r#""""#,
            r#""""#,
            r#""""#,
            r#""""#,
            r#""""#,
            r#""""#,
            r#""""#,
            r#""\ud83dé""#,
            r#""\ud83dé""#,
            r#""\ud83dé""#,
            r#""\ud83dé""#,
            r#""\ud83dé""#,
            r#""\ud83dé""#,
            r#""\ud83dé\udc00""#,
            r#""\ud83dé\udc00""#,
        ],
    ),
];

/// Texts that are cut everywhere: valid ones, with what `value` makes of them, and others.
fn texts() -> Vec<(String, Option<Value>)> {
    let valid = [
        (
            r#"{"a":1,"b":[true,false,null],"c":{"d":"e"}}"#,
            json!({"a":1,"b":[true,false,null],"c":{"d":"e"}}),
        ),
        (r#" { "a" : "é日😀" , "b" : "\u00e9\"\\\/\b" } "#, json!({"a":"é日😀","b":"é\"\\/\u{8}"})),
        (
            r#"{"a":"\ud83d\ude00\ud83dx\ud83d\ud83d\ude00\udc00"}"#,
            json!({"a":"😀\u{fffd}x\u{fffd}😀\u{fffd}"}),
        ),
        (r#"{"\ud83d\ude00":{"\ud83d":1},"\u0061":2}"#, json!({"😀":{"\u{fffd}":1},"a":2})),
        (r#"{"a":1,"a":{"b":2},"a":{"c":[3]},"a":{"d":4}}"#, json!({"a":{"d":4}})),
        (
            r#"[[],[[]],{},[{}],[0,[1]],"",0.5,-0,1e2]"#,
            json!([[], [[]], {}, [{}], [0, [1]], "", 0.5, -0.0, 100.0]),
        ),
        ("9007199254740993 ", json!(9_007_199_254_740_993_u64)),
        ("1e999", Value::Null),
        ("true", json!(true)),
        ("", json!({})),
        (" \n", json!({})),
    ];
    let wrong = [
        "{",
        "[",
        "{]",
        "[}",
        "{\"a\"1}",
        "{\"a\":1,}",
        "{\"a\":1]",
        "[1}",
        "[1,]",
        "[,",
        "\"a",
        "\"a\nb\"",
        "{\"a\u{1}\":1}",
        r#""\x""#,
        r#""\u12g4""#,
        r#"{"\u12"#,
        r#"["a\"#,
        r#"["é\é"]"#,
        "tru",
        "trux",
        "[truex]",
        "[nulll]",
        "01",
        "1.",
        "1.x",
        "-x",
        "-",
        "1e+",
        "1e+x",
        "12x",
        "{} x",
        "{}{}",
        "1 2",
        "[1 2]",
        "x",
        "é",
        r#"{"a":"b"x}"#,
        r#"{"a" "b"}"#,
        r#"{"a":tr"#,
        r#"{"a":}"#,
        "{1:2}",
        "\u{feff}{}",
        "[1x",
        "nul ",
    ];
    let deep = |depth| "[".repeat(depth) + &"]".repeat(depth);
    let valid = valid.into_iter().map(|(text, value)| (text.to_owned(), Some(value)));
    let wrong = wrong.into_iter().map(str::to_owned).chain([deep(128), deep(129)]);
    valid.chain(wrong.map(|text| (text, None))).collect()
}

#[test]
fn every_byte_shows_what_there_is() {
    for (text, fields, snapshots) in STEPS {
        let mut input = PartialInput::new();
        let mut found = Vec::new();
        for (at, piece) in bytewise(text).into_iter().enumerate() {
            assert_eq!(take(&mut input, piece, &mut found), None);
            assert_eq!(input.snapshot(), snapshots[at], "{}", input.as_str());
        }
        let found: Vec<_> = found.iter().map(|(path, json)| format!("{path}={json}")).collect();
        assert_eq!(found.join(" "), *fields);
    }
}

#[test]
fn cuts_change_nothing() {
    for (text, value) in texts() {
        let whole = told(&[&text]);
        assert_eq!(whole.text, text);
        assert_eq!(whole.complete, whole.error.is_none());
        if let Some(value) = value {
            assert_eq!((whole.error, &whole.value), (None, &value), "{text}");
        }
        assert_eq!(told(&bytewise(&text)), whole, "{text}");
        let cuts: Vec<_> = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).collect();
        for (at, first) in cuts.iter().enumerate() {
            // Of the deep ones, only in two.
            let seconds = if cuts.len() > 100 { &cuts[at..=at] } else { &cuts[at..] };
            for second in seconds {
                let pieces = [&text[..*first], &text[*first..*second], &text[*second..]];
                assert_eq!(told(&pieces), whole, "{pieces:?}");
            }
        }
    }
}

fn unfinished(at: usize) -> JsonError {
    flaw(at, Flaw::Unfinished)
}

/// Such an error, which only the crate can write.
fn flaw(at: usize, flaw: Flaw) -> JsonError {
    let mut error = Json::parse("").unwrap_err();
    (error.at, error.flaw) = (at, flaw);
    error
}

#[test]
fn errors_are_those_of_the_whole() {
    for (text, _) in texts() {
        assert_eq!(told(&[&text]).error, reference::error(&text), "{text}");
    }
}

#[test]
fn an_error_stays_and_so_does_what_was_received() {
    let error = flaw(10, Flaw::Escape);
    let mut input = PartialInput::new();
    assert_eq!(input.push(r#"{"a":"b\nc\q"}"#), Err(error));
    for _ in 0..2 {
        assert_eq!(input.snapshot(), r#"{"a":"b\nc"}"#);
        assert_eq!(*input.value(), json!({"a": "b\nc"}));
        assert!(!input.is_complete());
        let mut more = "more";
        assert_eq!(input.next_field(&mut more), Err(error));
        assert_eq!(more, "");
        assert_eq!(input.push("again"), Err(error));
        assert_eq!(input.finish(), Err(error));
    }
    assert_eq!(input.as_str(), r#"{"a":"b\nc\q"}moreagainmoreagain"#);
}

#[test]
fn the_end_ends_it() {
    let mut input = PartialInput::new();
    input.push("12").unwrap();
    assert_eq!((input.snapshot(), input.is_complete()), ("{}", false));
    input.finish().unwrap();
    assert_eq!((input.snapshot(), input.is_complete()), ("12", true));
    assert_eq!(*input.value(), json!(12));
    assert_eq!(input.push("3"), Err(flaw(2, Flaw::Expected("the end"))));

    let mut input = PartialInput::new();
    assert!(!input.is_complete());
    input.finish().unwrap();
    assert_eq!((input.snapshot(), input.is_complete()), ("{}", true));

    let mut input = PartialInput::new();
    input.push("{\"a\":1").unwrap();
    assert_eq!(input.finish(), Err(unfinished(6)));
    assert_eq!(input.push("}"), Err(unfinished(6)));
    assert_eq!(input.snapshot(), "{}");
}

#[test]
fn a_field_comes_at_its_last_byte() {
    let mut input = PartialInput::new();
    let mut rest = r#"{"a":"x","b":12,"c":[]} "#;
    let mut left = Vec::new();
    while let Some(field) = input.next_field(&mut rest).unwrap() {
        left.push((field.path.to_string(), rest));
    }
    let expected =
        [("$.a", r#","b":12,"c":[]} "#), ("$.b", r#","c":[]} "#), ("$.c", "} "), ("$", " ")];
    let left: Vec<_> = left.iter().map(|(path, rest)| (path.as_str(), *rest)).collect();
    assert_eq!(left, expected);
}

#[test]
fn paths() {
    for (key, path) in [
        ("a", "$.a[1]"),
        ("_A9", "$._A9[1]"),
        ("9a", r#"$["9a"][1]"#),
        ("", r#"$[""][1]"#),
        ("a b", r#"$["a b"][1]"#),
        ("é", r#"$["é"][1]"#),
        ("\"\\/\n\r\t\u{8}\u{c}\u{1}\u{7f}", "$[\"\\\"\\\\/\\n\\r\\t\\b\\f\\u0001\u{7f}\"][1]"),
    ] {
        let text = format!("{{{}:[0,\"x\"", serde_json::to_string(key).unwrap());
        let mut input = PartialInput::new();
        let mut rest = text.as_str();
        input.next_field(&mut rest).unwrap().unwrap();
        let found = input.next_field(&mut rest).unwrap().unwrap();
        assert_eq!(found.path.to_string(), path);
        assert_eq!(format!("{:?}", found.path), path);
        assert_eq!(found.path, path);
        assert_eq!(found.path, *path);
        for other in
            ["", "$", &path[..path.len() - 1], &format!("{path}."), &path.replace('1', "2")]
        {
            assert_ne!(found.path, other);
        }
        assert_eq!(found.path.depth(), 2);
        let segments: Vec<_> = found.path.segments().collect();
        assert_eq!(segments, [InputSegment::Key(key), InputSegment::Index(1)]);
        assert_eq!(found, found.clone());
    }
}

#[test]
fn paths_are_compared_by_where_they_lead() {
    let at = |text: &str| {
        let mut input = PartialInput::new();
        input.push(text).unwrap();
        input
    };
    let (mut one, mut two, mut three) =
        (at(r#"{"x":[{"a":"#), at(r#" {"x" :[{"\u0061":"#), at(r#"{"x":[0,{"a":"#));
    let (mut a, mut b, mut c) = ("{}", "{}", "{}");
    let a = one.next_field(&mut a).unwrap().unwrap();
    let b = two.next_field(&mut b).unwrap().unwrap();
    let c = three.next_field(&mut c).unwrap().unwrap();
    assert_eq!(a.path, b.path);
    assert_eq!(a, b);
    assert_ne!(a.path, c.path);
}

fn space() -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(vec!["", "", "", " ", "\n", "\t\r "])
}

/// A string as it stands, with halves of surrogate pairs or not.
fn string(halves: bool) -> impl Strategy<Value = String> + Clone {
    let mut pieces = vec![
        "a",
        "b0",
        "é",
        "日",
        "😀",
        r"\n",
        r#"\""#,
        r"\\",
        r"\/",
        r"\u0041",
        r"\u00e9",
        r"\ud83d\ude00",
        r"\u0000",
        "{",
        "]",
        ",",
        ":",
        " ",
        "\u{7f}",
        "a piece that is longer than thirty-two bytes",
    ];
    if halves {
        pieces.extend([r"\ud83d", r"\uDE00", r"\\ud83d"]);
    }
    prop::collection::vec(prop::sample::select(pieces), 0..5)
        .prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

/// Any JSON value, with whatever white space, and keys that repeat.
fn any_json(halves: bool) -> impl Strategy<Value = String> {
    let scalar = prop::sample::select(vec![
        "0",
        "-0",
        "7",
        "12",
        "-3.25",
        "1e5",
        "1E+2",
        "0.5e-3",
        "9007199254740993",
        "123456789012345678901234567890",
        "true",
        "false",
        "null",
    ]);
    let key = prop_oneof![
        prop::sample::select(vec!["\"a\"", "\"b c\"", r#""\u0061""#]).prop_map(str::to_owned),
        string(halves)
    ];
    let leaf = prop_oneof![scalar.prop_map(str::to_owned), string(halves)];
    let spaced =
        |(left, text, right): (&'static str, String, &'static str)| format!("{left}{text}{right}");
    let value = leaf.prop_recursive(4, 24, 5, move |inner| {
        let item = (space(), inner, space()).prop_map(spaced).boxed();
        let member = (space(), key.clone(), space(), item.clone())
            .prop_map(|(left, key, right, value)| format!("{left}{key}{right}:{value}"));
        let items = prop::collection::vec(item, 1..5).prop_map(|items| items.join(","));
        let members = prop::collection::vec(member, 1..5).prop_map(|members| members.join(","));
        prop_oneof![
            prop_oneof![space().prop_map(str::to_owned), items]
                .prop_map(|items| format!("[{items}]")),
            prop_oneof![space().prop_map(str::to_owned), members]
                .prop_map(|members| format!("{{{members}}}")),
        ]
    });
    (space(), value, space()).prop_map(spaced)
}

/// The text with some characters changed, or gone.
fn damaged() -> impl Strategy<Value = String> {
    let damage = prop::collection::vec(
        (
            any::<prop::sample::Index>(),
            prop::option::of(prop::sample::select(
                "{}[]\",:\\ue1-. tx0\n\u{1}é".chars().collect::<Vec<_>>(),
            )),
        ),
        1..4,
    );
    (any_json(true), damage).prop_map(|(text, damage)| {
        let mut chars: Vec<_> = text.chars().collect();
        for (at, char) in damage {
            let at = at.index(chars.len().max(1));
            match char {
                _ if chars.is_empty() => {}
                Some(char) => chars[at] = char,
                None => drop(chars.remove(at)),
            }
        }
        chars.into_iter().collect()
    })
}

fn cut<'a>(text: &'a str, cuts: &[prop::sample::Index]) -> Vec<&'a str> {
    let boundaries: Vec<_> = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).collect();
    let mut cuts: Vec<_> = cuts.iter().map(|cut| *cut.get(&boundaries)).collect();
    cuts.extend([0, text.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect()
}

fn any_cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..12)
}

proptest! {
    #[test]
    fn every_beginning_is_completed_as_the_reference_does(text in any_json(true)) {
        let mut input = PartialInput::new();
        for piece in bytewise(&text) {
            input.push(piece).unwrap();
            prop_assert_eq!(input.snapshot(), reference::completion(input.as_str()), "{}", input.as_str());
        }
    }

    #[test]
    fn fields_are_those_of_the_whole(text in any_json(true), cuts in any_cuts()) {
        let mut expected = reference::fields(&text);
        let told = told(&cut(&text, &cuts));
        // A number at the root is whole only at the end, where no field is given.
        if told.fields.len() < expected.len() {
            let (path, last) = expected.pop().unwrap();
            let is_scalar = !last.ends_with(['"', ']', '}']);
            prop_assert!(path == "$" && text.ends_with(&last) && is_scalar);
        }
        prop_assert_eq!(told.fields, expected);
        prop_assert_eq!(told.error, None);
    }

    #[test]
    fn fields_lie_where_they_were_received(text in any_json(true), cuts in any_cuts()) {
        let mut input = PartialInput::new();
        let mut spans = Vec::new();
        for mut piece in cut(&text, &cuts) {
            while let Some(field) = input.next_field(&mut piece).unwrap() {
                let json = field.json.as_ptr() as usize;
                let len = field.json.len();
                let start = json - input.as_str().as_ptr() as usize;
                spans.push((start, start + len));
                // A number ends where nothing more has been taken, everything else at its last byte.
                prop_assert_eq!(start + len, input.as_str().trim_end_matches([' ', '\t', '\n', '\r']).len());
            }
        }
        for (at, (start, end)) in spans.iter().enumerate() {
            for (before, until) in &spans[..at] {
                prop_assert!(until <= start || (start < before && until < end));
            }
        }
    }

    #[test]
    fn damage_is_found_where_the_whole_has_it(text in damaged(), cuts in any_cuts()) {
        let told = told(&cut(&text, &cuts));
        prop_assert_eq!(told.error, reference::error(&text), "{}", &text);
        prop_assert_eq!(told.text, text);
    }

    /// As soon as its byte comes, and with what had come before it shown.
    #[test]
    fn damage_is_found_at_once(text in damaged()) {
        let mut input = PartialInput::new();
        for piece in bytewise(&text) {
            let before = input.snapshot().to_owned();
            let came = input.as_str().len();
            if let Err(error) = input.push(piece) {
                prop_assert!(error.at <= came + piece.len() && error.flaw != Flaw::Unfinished);
                prop_assert_eq!(input.snapshot(), before);
                break;
            }
            // What is no error yet can still be JSON: so the reference says of the snapshot.
            prop_assert_eq!(input.snapshot(), reference::completion(input.as_str()));
        }
    }

    #[test]
    fn the_tree_is_what_the_snapshot_means(
        text in any_json(false),
        cuts in any_cuts(),
        asked in prop::collection::vec(any::<bool>(), 14),
    ) {
        let mut input = PartialInput::new();
        for (at, piece) in cut(&text, &cuts).into_iter().enumerate() {
            let mut rest = piece;
            while input.next_field(&mut rest).unwrap().is_some() {
                if asked[at % 3] {
                    let expected: Value = serde_json::from_str(input.snapshot()).unwrap();
                    prop_assert_eq!(input.value(), &expected);
                }
            }
            if asked[at] {
                let expected: Value = serde_json::from_str(input.snapshot()).unwrap();
                prop_assert_eq!(input.value(), &expected);
            }
        }
        input.finish().unwrap();
        prop_assert_eq!(input.value(), &serde_json::from_str::<Value>(&text).unwrap());
    }
}

/// What the decoder tells of every call of the corpus piece by piece is what it tells of it whole.
#[test]
fn recorded_calls() {
    let Some(corpus) = corpus() else { return };
    type Speaker = (&'static str, fn() -> Decoder);
    let speakers: [Speaker; 3] =
        [("anthropic", anthropic), ("openai-chat", chat), ("openai-responses", responses)];
    let mut calls = 0;
    for (folder, decoder) in speakers {
        for recording in recordings(&corpus, folder) {
            let (events, _) = decode(decoder(), [&recording.bytes[..]]);
            calls += follow(&recording.name, &events);
        }
    }
    assert!(calls > 100, "only {calls} calls");
}

/// Counts the calls whose arguments came in pieces.
fn follow(name: &str, events: &[Event]) -> usize {
    let mut inputs: BTreeMap<u32, PartialInput> = BTreeMap::new();
    let mut calls = 0;
    for event in events {
        match event {
            // Free text and code are no JSON; which of them it is is known only at the end.
            Event::ToolInput(piece) => {
                let _ = inputs.entry(piece.index).or_default().push(&piece.partial_json);
            }
            Event::ToolCall(call) if call.kind != ToolKind::Custom => {
                let Some(mut input) = inputs.remove(&call.index) else { continue };
                let Ok(whole) = &call.input else { continue };
                if call.kind == ToolKind::Server && whole.starts_with('"') {
                    continue;
                }
                assert_eq!(input.finish(), Ok(()), "{name}: {whole}");
                assert_eq!(input.snapshot(), whole.trim(), "{name}");
                assert_eq!(*input.value(), serde_json::from_str::<Value>(whole).unwrap());
                calls += 1;
            }
            _ => {}
        }
    }
    calls
}

/// A call whose argument is a text of so many bytes, in pieces of twenty.
fn long(len: usize) -> String {
    let line = r#"let n = \"x\";\n\t日本 \u00e9"#;
    format!(r#"{{"path":"a/b","text":"{}"}}"#, line.repeat(len / line.len()))
}

fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > 20 {
        let (piece, left) = rest.split_at((20..).find(|at| rest.is_char_boundary(*at)).unwrap());
        pieces.push(piece);
        rest = left;
    }
    pieces.push(rest);
    pieces
}

fn allocated(
    text: &str,
    mut each: impl FnMut(&mut PartialInput),
) -> allocation_counter::AllocationInfo {
    let pieces = pieces(text);
    allocation_counter::measure(|| {
        let mut input = PartialInput::new();
        for piece in &pieces {
            input.push(piece).unwrap();
            each(&mut input);
        }
        input.finish().unwrap();
    })
}

#[test]
fn memory_is_linear_whatever_is_looked_at() {
    let len = 64 << 10;
    let text = long(len);
    let input = u64::try_from(text.len()).unwrap();
    let found = allocated(&text, |input| assert!(!input.snapshot().is_empty()));
    // Each of the two texts is doubled now and then, and its old half is let go of.
    assert!(found.bytes_total <= 8 * input + 1024, "{} bytes for {input}", found.bytes_total);
    assert!(found.bytes_max <= 5 * input + 1024, "{} bytes at once for {input}", found.bytes_max);
    assert!(found.count_total <= 40, "{} allocations", found.count_total);

    let grow = |each: fn(&mut PartialInput)| {
        let once = allocated(&text, each).bytes_total;
        let twice = allocated(&long(2 * len), each).bytes_total;
        assert!(twice <= once * 22 / 10, "{once} bytes, then {twice}");
    };
    grow(|input| assert!(input.snapshot().ends_with('}')));
    grow(|input| assert!(input.value().is_object()));
    grow(|input| assert!(!input.snapshot().is_empty() && input.value().is_object()));
}

/// Many keys take no more than none, but for the two texts.
#[test]
fn keys_are_held_while_their_objects_are_open() {
    let item = format!(r#"{{"{}":0}},"#, "key ".repeat(15));
    let keys = format!("[{}0]", item.repeat(1000));
    let none = format!("[{item}\"{}\"]", "x".repeat(keys.len() - item.len() - 4));
    assert_eq!(keys.len(), none.len());
    let most = allocated(&none, |_| {}).bytes_max;
    let found = allocated(&keys, |_| {}).bytes_max;
    assert!(found <= most + 1024, "{found} bytes at once, and {most} without keys");
}
