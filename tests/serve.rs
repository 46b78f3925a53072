//! The mock server, as a client sees it.
#![cfg(feature = "cli")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::ChildStdin;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use common::program::*;
use common::recordings::{corpus, recordings};
use common::talk;
use common::*;
use serde_json::{Value, json};
use thinkstream::history::{Policy, Rejection, RejectionKind, Target, ToolResult};
use thinkstream::request::{RequestParams, Thinking};
use thinkstream::{
    Decoder, Error, ErrorKind, Event, EventReader, EventStream, Protocol, Provider,
    ServerErrorType, Timeouts,
};

/// A server that ends with the test.
struct Server {
    running: Running,
    port: u16,
    _stdin: ChildStdin,
}

impl Server {
    /// Serves these files, and says where as soon as it can be asked.
    fn start(files: &[&Temporary], args: &[&str]) -> Self {
        let files: Vec<_> = files.iter().map(|file| file.path()).collect();
        let args = [&["serve", "--until-stdin-closes"], &files[..], args];
        let mut running = Running(start(&args.concat()));
        let stdin = running.0.stdin.take().unwrap();
        let mut line = String::new();
        BufReader::new(running.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let port = line.strip_prefix("listening on http://127.0.0.1:");
        let port = port.and_then(|port| port.trim_end().parse().ok());
        let port = port.unwrap_or_else(|| panic!("{line:?}"));
        Self { running, port, _stdin: stdin }
    }

    fn ask(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {}\r\n\r\n",
            body.len()
        );
        (&stream).write_all(format!("{head}{body}").as_bytes()).unwrap();
        Answer::read(stream)
    }

    /// A request as the clients of the path's API send it.
    fn post(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, &["Anthropic-Version: 2023-06-01"], body)
    }

    /// What it logged, once it has ended.
    fn log(mut self) -> Vec<Value> {
        let mut text = String::new();
        self.running.0.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        assert!(self.running.0.wait().unwrap().success());
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A response, whose body has yet to be read.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    reader: BufReader<TcpStream>,
    /// How much of the chunk, or of the body, is still to come.
    left: usize,
    chunked: bool,
    /// The lengths of the chunks.
    chunks: Vec<usize>,
}

impl Answer {
    fn read(stream: TcpStream) -> Self {
        let mut reader = BufReader::new(stream);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert!(reader.read_line(&mut line).unwrap() > 0, "no whole head: {lines:?}");
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let status = lines[0].split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines[1..].iter().map(|line| line.split_once(": ").unwrap());
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut answer =
            Self { status, headers, reader, left: 0, chunked: true, chunks: Vec::new() };
        if let Some(length) = answer.header("content-length") {
            (answer.left, answer.chunked) = (length.parse().unwrap(), false);
        }
        answer
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    fn body(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        self.read_to_end(&mut body).unwrap();
        body
    }

    fn json(mut self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_slice(&self.body()).unwrap()
    }

    fn chunk_line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

/// The body, of which the chunks are undone.
impl Read for Answer {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 && self.chunked {
            if !self.chunks.is_empty() {
                self.chunk_line()?;
            }
            self.left = usize::from_str_radix(&self.chunk_line()?, 16).unwrap();
            if self.left == 0 {
                self.chunk_line()?;
                (self.chunked, self.left) = (false, 0);
            } else {
                self.chunks.push(self.left);
            }
        }
        let most = buffer.len().min(self.left);
        if most == 0 {
            return Ok(0);
        }
        let len = self.reader.read(&mut buffer[..most])?;
        if len == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= len;
        Ok(len)
    }
}

const SOON: Duration = Duration::from_secs(20);

fn messages() -> Vec<u8> {
    sse([
        START,
        PING,
        &open(0, THINKING),
        &think(0, "One die."),
        &sign(0, "sig1"),
        &shut(0),
        &open(1, r#"{"type":"redacted_thinking","data":"data1"}"#),
        &shut(1),
        &open(2, TEXT),
        &text(2, "Here it goes."),
        &shut(2),
        &open(3, TOOL),
        &json(3, r#"{"sides": 6}"#),
        &shut(3),
        &end("tool_use"),
        STOP,
    ])
}

const CHAT: &str = concat!(
    "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: [DONE]\n\n",
);

fn response() -> Vec<u8> {
    let reasoning = r#"{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA1"}"#;
    let call = r#"{"type":"function_call","id":"fc_1","call_id":"call_1","name":"roll","arguments":"{}","status":"completed"}"#;
    let item = |kind: &str, index: u32, item: &str| {
        format!(r#"{{"type":"response.output_item.{kind}","output_index":{index},"item":{item}}}"#)
    };
    sse([
        r#"{"type":"response.created","response":{"id":"resp_1","model":"gpt-5"}}"#,
        &item("added", 0, &reasoning.replace("gAAA1", "gAAA0")),
        &item("done", 0, reasoning),
        &item("added", 1, &call.replace("{}", "").replace("completed", "in_progress")),
        &item("done", 1, call),
        &format!(
            r#"{{"type":"response.completed","response":{{"id":"resp_1","status":"completed","output":[{},{call}]}}}}"#,
            // Encrypted anew.
            reasoning.replace("gAAA1", "gAAA1b"),
        ),
    ])
}

/// A request that every check lets pass, with more members, which take the place of those it has.
fn request(path: &str, more: &str) -> String {
    let mut request = match path {
        "/v1/messages" => json!({
            "model": "claude-sonnet-4-5", "max_tokens": 4096, "stream": true,
            "messages": [{ "role": "user", "content": "Throw a die." }],
        }),
        "/v1/responses" => json!({ "model": "gpt-5", "stream": true, "input": "Throw a die." }),
        _ => json!({
            "model": "gpt-5", "stream": true,
            "messages": [{ "role": "user", "content": "Throw a die." }],
        }),
    };
    let more: Value = serde_json::from_str(more).unwrap_or_else(|_| panic!("{more}"));
    for (name, value) in more.as_object().unwrap() {
        request[name] = value.clone();
    }
    request.as_object_mut().unwrap().retain(|_, value| value != "ABSENT");
    request.to_string()
}

/// What a reader makes of a body.
fn events_of(answer: &mut Answer, protocol: Protocol) -> (Vec<Event>, Option<Error>) {
    let mut events = Vec::new();
    for event in EventReader::new(answer, Decoder::new(protocol)) {
        match event {
            Ok(event) => events.push(untimed(event)),
            Err(error) => return (events, Some(error)),
        }
    }
    (events, None)
}

const PATHS: [(&str, Protocol); 3] = [
    ("/v1/messages", Protocol::Anthropic),
    ("/v1/chat/completions", Protocol::OpenAiChat),
    ("/v1/responses", Protocol::OpenAiResponses),
];

fn streams() -> [Vec<u8>; 3] {
    [messages(), CHAT.as_bytes().to_vec(), response()]
}

#[test]
fn each_path_sends_what_was_recorded() {
    let files = streams().map(|stream| Temporary::new(&stream));
    let server = Server::start(&[&files[0], &files[1], &files[2]], &[]);
    for ((path, protocol), stream) in PATHS.into_iter().zip(streams()) {
        let mut answer = server.post(path, &request(path, "{}"));
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), Some("text/event-stream; charset=utf-8"));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        let (id, limits) = match protocol {
            Protocol::Anthropic => ("request-id", "anthropic-ratelimit-requests-remaining"),
            _ => ("x-request-id", "x-ratelimit-remaining-requests"),
        };
        assert!(answer.header(id).unwrap().starts_with("req_mock_"), "{path}");
        assert!(answer.header(limits).unwrap().parse::<u64>().unwrap() > 0, "{path}");
        assert_eq!(answer.body(), stream, "{path}");
        // Of a plain stream each event is a chunk.
        assert!(decode(Decoder::new(protocol), [&stream[..]]).0.len() > 1);
        let events = String::from_utf8(stream).unwrap().matches("\n\n").count();
        assert_eq!(answer.chunks.len(), events, "{path}");
    }
}

#[test]
fn recordings_take_turns_with_their_chunks_and_ids() {
    let recording = |id: &str, chunks: &[&str]| {
        let head = format!(r#"{{"type":"recording","version":1,"request_id":"{id}"}}"#);
        let chunks = chunks
            .iter()
            .map(|chunk| format!(r#"{{"type":"chunk","ms":1,"text":{}}}"#, quoted(chunk)));
        let end = r#"{"type":"end","ms":1}"#.to_owned();
        let lines: Vec<_> = [head].into_iter().chain(chunks).chain([end]).collect();
        lines.join("\n") + "\n"
    };
    let (first, rest) = CHAT.split_at(33);
    let both = recording("req_a", &[first, rest]) + &recording("req_b", &[CHAT]);
    let (file, plain) = (Temporary::new(both.as_bytes()), Temporary::new(CHAT.as_bytes()));
    let server = Server::start(&[&file, &plain], &["--requests", "4", "--log"]);
    for (id, chunks) in [("req_a", 2), ("req_b", 1), ("req_mock_3", 3), ("req_a", 2)] {
        let mut answer = server.post(PATHS[1].0, &request(PATHS[1].0, "{}"));
        assert_eq!(answer.header("x-request-id"), Some(id));
        assert_eq!(answer.body(), CHAT.as_bytes());
        assert_eq!(answer.chunks.len(), chunks, "{id}");
    }
    // It ends by itself, and has told what became of each.
    let log = server.log();
    let names: Vec<_> = log.iter().map(|line| line["recording"].as_str().unwrap()).collect();
    let path = file.path();
    assert_eq!(
        names,
        [&format!("{path}#1"), &format!("{path}#2"), plain.path(), &format!("{path}#1")]
    );
    for (line, number) in log.iter().zip(1..) {
        let expected = json!({
            "request": number, "method": "POST", "path": PATHS[1].0, "model": "gpt-5", "status": 200,
            "verdict": "ok", "recording": line["recording"], "bytes": CHAT.len(), "ended": "complete",
        });
        assert_eq!(*line, expected);
    }
}

#[test]
fn the_pace_is_that_of_the_recording() {
    let lines = CHAT.split_inclusive("\n\n").zip([0, 100, 1000]).map(|(event, ms)| {
        format!("{{\"type\":\"chunk\",\"ms\":{ms},\"text\":{}}}\n", quoted(event))
    });
    let lines: String = lines.collect();
    let text = format!(
        "{{\"type\":\"recording\",\"version\":1}}\n{lines}{{\"type\":\"end\",\"ms\":1000}}\n"
    );
    let file = Temporary::new(text.as_bytes());
    let server = Server::start(&[&file], &["--speed", "10"]);
    let began = Instant::now();
    let mut answer = server.post(PATHS[1].0, &request(PATHS[1].0, "{}"));
    answer.read_exact(&mut [0; 10]).unwrap();
    let first = began.elapsed();
    answer.body();
    let all = began.elapsed();
    assert!(all >= Duration::from_millis(100), "{all:?}");
    assert!(all - first >= Duration::from_millis(80), "{first:?} of {all:?}");
}

#[test]
fn what_is_no_request_for_a_stream_is_refused_in_the_form_of_its_api() {
    let file = Temporary::new(CHAT.as_bytes());
    let server = Server::start(&[&file], &[]);
    let chat = PATHS[1].0;
    let version = "anthropic-version: 2023-06-01";
    for (method, path, headers, body, status, expected) in [
        ("POST", chat, &[][..], request(chat, r#"{"stream":false}"#), 400, "stream: this mock"),
        ("POST", chat, &[], request(chat, r#"{"stream":"ABSENT"}"#), 400, "stream: this mock"),
        ("POST", chat, &[], "{".to_owned(), 400, "the request body is not valid JSON"),
        ("POST", chat, &[], "[]".to_owned(), 400, "the request body is not a JSON object"),
        ("POST", chat, &[], "\u{0}".to_owned(), 400, "the request body is not valid JSON"),
        ("GET", chat, &[], String::new(), 405, "GET is not allowed here"),
        ("POST", "/v1/models", &[], String::new(), 404, "Not found: /v1/models"),
        ("POST", "/v1/models", &[version], String::new(), 404, "Not found: /v1/models"),
        ("POST", "/", &[], String::new(), 404, "Not found: /"),
        ("POST", PATHS[0].0, &[version], request(PATHS[0].0, "{}"), 404, "no recording of what"),
        ("POST", PATHS[2].0, &[], request(PATHS[2].0, "{}"), 404, "no recording of what"),
    ] {
        let answer = server.ask(method, path, headers, &body);
        assert_eq!(answer.status, status, "{path}");
        let error = answer.json();
        let anthropic = !headers.is_empty();
        assert_eq!(error["type"] == "error", anthropic, "{error}");
        assert_eq!(error["request_id"].is_string(), anthropic, "{error}");
        assert!(error["error"]["message"].as_str().unwrap().starts_with(expected), "{error}");
        assert!(error["error"]["type"].is_string(), "{error}");
    }
    let mut help = server.ask("GET", "/", &[], "");
    assert_eq!(help.status, 200);
    let help = String::from_utf8(help.body()).unwrap();
    assert!(help.lines().count() == 1 && help.contains("/v1/messages"), "{help}");
}

/// A body is larger than any API takes.
#[test]
fn a_request_that_is_too_large_is_refused() {
    let file = Temporary::new(&messages());
    let server = Server::start(&[&file], &[]);
    let large = request(PATHS[0].0, &format!(r#"{{"system":{}}}"#, quoted(&"x".repeat(33 << 20))));
    let answer = server.post(PATHS[0].0, &large);
    assert_eq!(
        (answer.status, &answer.json()["error"]["type"]),
        (413, &"request_too_large".into())
    );
}

#[test]
fn faults_are_what_the_library_takes_them_for() {
    let files = streams().map(|stream| Temporary::new(&stream));
    for ((path, protocol), stream) in PATHS.into_iter().zip(streams()) {
        let whole = decode(Decoder::new(protocol), [&stream[..]]).0;
        let serve =
            |fault: &str| Server::start(&[&files[0], &files[1], &files[2]], &["--fault", fault]);
        let begin = |bytes: usize| decode(Decoder::new(protocol), [&stream[..bytes]]).0;
        let ask = |server: &Server| server.post(path, &request(path, "{}"));

        for at in [0, 1, 60, stream.len() / 2] {
            let server = serve(&format!("cut@{at}"));
            let (events, error) = events_of(&mut ask(&server), protocol);
            let error = error.unwrap();
            let empty = matches!(error.kind(), ErrorKind::EmptyStream);
            let cut = empty || matches!(error.kind(), ErrorKind::Incomplete { .. });
            assert_eq!((cut, empty), (true, at == 0), "{path} {at}: {error}");
            assert_eq!((events, error.offset() as usize <= at), (begin(at), true), "{path} {at}");

            let server = serve(&format!("reset@{at}"));
            let (events, error) = events_of(&mut ask(&server), protocol);
            let error = error.unwrap();
            assert!(matches!(error.kind(), ErrorKind::Transport { .. }), "{path} {at}: {error}");
            assert_eq!(events, begin(at), "{path} {at}");

            let server = serve(&format!("error@{at}"));
            let (events, error) = events_of(&mut ask(&server), protocol);
            let error = error.unwrap();
            let ErrorKind::Server(server) = error.kind() else { panic!("{path} {at}: {error}") };
            let overloaded = server.error_type == ServerErrorType::Overloaded
                || server.code.as_deref() == Some("server_is_overloaded");
            assert!(overloaded && server.is_transient(), "{path} {at}: {server:?}");
            // The event that is being sent is sent whole.
            let text = String::from_utf8_lossy(&stream);
            let sent = text.match_indices("\n\n").map(|(end, _)| end + 2).find(|end| *end >= at);
            // An error is not the end of the input, at which a chat may be complete.
            let (mut decoder, mut expected) = (Decoder::new(protocol), Vec::new());
            let mut sent = bytes::Bytes::copy_from_slice(&stream[..sent.unwrap()]);
            while let Ok(Some(event)) = decoder.decode(&mut sent) {
                expected.push(event);
            }
            assert_eq!(events, expected, "{path} {at}");
        }

        for size in [1, 7, 1000] {
            let server = serve(&format!("split={size}"));
            let mut answer = ask(&server);
            let (events, error) = events_of(&mut answer, protocol);
            assert_eq!((events, error.is_none()), (whole.clone(), true), "{path} {size}");
            let (_, before) = answer.chunks.split_last().unwrap();
            assert!(before.iter().all(|chunk| *chunk == size), "{path} {size}: {before:?}");
        }
    }
}

#[test]
fn a_stall_times_out_and_keeps_the_connection() {
    let file = Temporary::new(&messages());
    let server = Server::start(&[&file], &["--fault", "stall@300"]);
    let url = format!("http://127.0.0.1:{}/v1/messages", server.port);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(async {
        let request = reqwest::Client::new()
            .post(url)
            .header("anthropic-version", "2023-06-01")
            .body(request("/v1/messages", "{}"));
        let response = request.send().await.unwrap();
        let decoder =
            Decoder::for_response(Protocol::Anthropic, response.status(), response.headers());
        let timeouts = Timeouts { idle: Some(Duration::from_millis(300)), ..Timeouts::default() };
        let mut events =
            EventStream::new(response.bytes_stream(), decoder.unwrap()).timeouts(timeouts);
        loop {
            match futures_util::StreamExt::next(&mut events).await.unwrap() {
                Ok(_) => {}
                Err(error) => break error,
            }
        }
    });
    assert!(matches!(error.kind(), ErrorKind::Timeout { .. }), "{error}");
    assert_eq!(error.request_id().map(thinkstream::Text::as_str), Some("req_mock_1"));
    assert!(error.offset() <= 300, "{}", error.offset());
}

#[test]
fn a_fault_can_be_for_one_request_only() {
    let file = Temporary::new(CHAT.as_bytes());
    let faults = ["--fault", "status=529:1", "--fault", "cut@50:2", "--fault", "reset@0:2"];
    let server = Server::start(&[&file], &[&faults[..], &["--requests", "3", "--log"]].concat());
    let path = PATHS[1].0;
    let refused = server.post(path, &request(path, "{}"));
    assert_eq!((refused.status, refused.header("retry-after")), (529, Some("1")));
    assert_eq!(refused.json()["error"]["type"], "service_unavailable_error");
    // Of two ends the first counts.
    let (events, error) =
        events_of(&mut server.post(path, &request(path, "{}")), Protocol::OpenAiChat);
    assert!(events.is_empty());
    assert!(matches!(error.unwrap().kind(), ErrorKind::Transport { .. }));
    assert_eq!(server.post(path, &request(path, "{}")).body(), CHAT.as_bytes());
    let log = server.log();
    let told = |key: &str| log.iter().map(|line| line[key].to_string()).collect::<Vec<_>>();
    assert_eq!(told("ended"), ["\"complete\"", "\"reset\"", "\"complete\""]);
    assert_eq!(told("status"), ["529", "200", "200"]);
    assert_eq!(told("bytes")[1..], ["0".to_owned(), CHAT.len().to_string()]);
}

/// A reply of the recording as it goes back: signed thinking, redacted thinking, text, a call.
const REPLY: &str = r#"{"type":"thinking","thinking":"One die.","signature":"sig1"},{"type":"redacted_thinking","data":"data1"},{"type":"text","text":"Here it goes."},{"type":"tool_use","id":"toolu_1","name":"roll","input":{"sides":6}}"#;
const ANSWER: &str =
    r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"4"}]}"#;
const ASK: &str = r#"{"role":"user","content":"Throw a die."}"#;

/// The conversation up to the answer of the tool, with these blocks for the reply.
fn tool_loop(reply: &str) -> String {
    format!(r#""messages":[{ASK},{{"role":"assistant","content":[{reply}]}},{ANSWER}]"#)
}

const MARK: &str = r#"{"type":"text","text":"Roll.","cache_control":{"type":"ephemeral"}}"#;
/// A message with three marks.
const MARKED: &str = r#"{"role":"user","content":[{"type":"text","text":"A","cache_control":{"type":"ephemeral"}},{"type":"text","text":"B","cache_control":{"type":"ephemeral"}},{"type":"text","text":"C","cache_control":{"type":"ephemeral"}}]}"#;

const BUDGET: &str = r#""thinking":{"type":"enabled","budget_tokens":2048}"#;

#[test]
fn what_the_messages_api_takes_passes() {
    let file = Temporary::new(&messages());
    let server = Server::start(&[&file], &[]);
    let path = PATHS[0].0;
    let back = tool_loop(REPLY);
    for more in [
        "{}".to_owned(),
        format!("{{{BUDGET}}}"),
        format!("{{{BUDGET},{back}}}"),
        format!("{{{back}}}").replace("\"One die.\"", "\"One die.\" "),
        // A model that no table knows is asked only what holds for all.
        format!(r#"{{"model":"claude-next","temperature":0.2,{BUDGET},{back}}}"#),
        // So is one of another API, which a relay has.
        format!(r#"{{"model":"openai/gpt-5","temperature":0.2,{BUDGET},{back}}}"#),
        r#"{"model":"gpt-5","thinking":{"type":"adaptive"},"output_config":{"effort":"max"}}"#.to_owned(),
        r#"{"model":"gpt-5"}"#.to_owned(),
        r#"{"thinking":{"type":"disabled"},"temperature":0.2,"top_k":5}"#.to_owned(),
        r#"{"model":"claude-opus-4-8","thinking":{"type":"adaptive"},"output_config":{"effort":"xhigh"}}"#.to_owned(),
        format!(r#"{{"messages":[{MARKED}],"system":[{MARK}],"tools":[{{"cache_control":null}}]}}"#),
        // Other servers have members of their own.
        r#"{"model":"glm-4.6","thinking":{"type":"enabled","budget_tokens":2000,"clear_thinking":true}}"#.to_owned(),
        // The API joins messages of one role.
        format!(r#"{{"messages":[{ASK},{ASK}]}}"#),
        // Without thinking, that of an earlier reply is passed over.
        format!(r#"{{"thinking":{{"type":"disabled"}},"messages":[{ASK},{{"role":"assistant","content":[{REPLY}]}},{ANSWER},{{"role":"assistant","content":"A four."}},{ASK}]}}"#),
        format!(r#"{{{}}}"#, tool_loop(&REPLY.replace("Here it goes.", "Here it flies."))),
    ] {
        let answer = server.post(path, &request(path, &more));
        let (status, body) = (answer.status, { String::from_utf8({ let mut answer = answer; answer.body() }).unwrap() });
        assert_eq!(status, 200, "{more}: {body}");
    }
}

#[test]
fn what_the_messages_api_refuses_is_refused() {
    let file = Temporary::new(&messages());
    let server = Server::start(&[&file], &[]);
    let path = PATHS[0].0;
    let thinking = |thinking: &str| format!(r#"{{"thinking":{thinking}}}"#);
    let back = |reply: &str| format!("{{{BUDGET},{}}}", tool_loop(reply));
    let alone = |message: &str| format!(r#"{{{BUDGET},"messages":[{ASK},{message}]}}"#);
    let [first, second, third, fourth] = REPLY.split("},{").collect::<Vec<_>>()[..] else {
        panic!()
    };
    let first = format!("{first}}}");
    let (second, third, fourth) =
        (format!("{{{second}}}"), format!("{{{third}}}"), format!("{{{fourth}"));
    let order = |blocks: [&String; 4]| blocks.map(String::as_str).join(",");
    for (more, expected, kind) in [
        (r#"{"model":"ABSENT"}"#.to_owned(), "model: Field required", None),
        (r#"{"model":5}"#.to_owned(), "model: Input should be a valid string", None),
        (r#"{"max_tokens":"ABSENT"}"#.to_owned(), "max_tokens: Field required", None),
        (r#"{"max_tokens":0}"#.to_owned(), "max_tokens: Input should be", None),
        (r#"{"messages":"ABSENT"}"#.to_owned(), "messages: Field required", None),
        (r#"{"messages":"hi"}"#.to_owned(), "messages: Input should be a valid list", None),
        (r#"{"messages":[]}"#.to_owned(), "messages: at least one message", None),
        (r#"{"max_tokens":100000}"#.to_owned(), "`max_tokens`: 100000 is more than the model writes", None),
        (thinking("true"), "thinking: Input should be an object", None),
        (thinking("{}"), "thinking.type: Field required", None),
        (thinking(r#"{"type":"deep"}"#), "thinking: Input tag 'deep' found", None),
        (thinking(r#"{"type":"enabled"}"#), "thinking.enabled.budget_tokens: Field required", None),
        (thinking(r#"{"type":"enabled","budget_tokens":2000.5}"#), "thinking.enabled.budget_tokens: Input should be a valid integer", None),
        (thinking(r#"{"type":"enabled","budget_tokens":"2000"}"#), "thinking.enabled.budget_tokens: Input should be a valid integer", None),
        (thinking(r#"{"type":"enabled","budget_tokens":2000,"depth":1}"#), "thinking.enabled.depth: Extra inputs are not permitted", None),
        (thinking(r#"{"type":"disabled","budget_tokens":2000}"#), "thinking.disabled.budget_tokens: Extra inputs are not permitted", None),
        (format!(r#"{{"messages":[{MARKED}],"system":[{MARK}],"tools":[{MARK}]}}"#), "A maximum of 4 blocks with cache_control may be provided. Found 5.", Some(RejectionKind::CacheMark)),
        (format!(r#"{{"messages":[{MARKED}],"system":[{MARK}],"cache_control":{{"type":"ephemeral"}}}}"#), "A maximum of 4 blocks with cache_control may be provided. Found 5.", Some(RejectionKind::CacheMark)),
        (format!(r#"{{"messages":[{}{ASK}]}}"#, format!("{ASK},").repeat(100_000)), "messages: List should have at most 100000 items", None),
        (thinking(r#"{"type":"enabled","budget_tokens":1023}"#), "`thinking.budget_tokens`: 1023 is below", None),
        (thinking(r#"{"type":"enabled","budget_tokens":4096}"#), "`thinking.budget_tokens`: 4096 is not below `max_tokens`", Some(RejectionKind::Budget)),
        (thinking(r#"{"type":"adaptive"}"#), "`thinking.type`: adaptive is not supported", Some(RejectionKind::Mode)),
        (r#"{"model":"claude-opus-4-8","thinking":{"type":"enabled","budget_tokens":2048}}"#.to_owned(), "`thinking.type`: enabled is not supported", Some(RejectionKind::Mode)),
        (r#"{"model":"claude-next","thinking":{"type":"enabled","budget_tokens":5}}"#.to_owned(), "`thinking.budget_tokens`: 5 is below", None),
        (r#"{"model":"claude-fable-5","thinking":{"type":"disabled"}}"#.to_owned(), "`thinking.type`: disabled is not supported", Some(RejectionKind::Mode)),
        (r#"{"model":"claude-opus-4-8","thinking":{"type":"adaptive","display":"updates"}}"#.to_owned(), "thinking.adaptive.display: Extra inputs are not permitted", Some(RejectionKind::Mode)),
        (r#"{"model":"claude-opus-4-8","thinking":{"type":"adaptive","block_binding":{"prefix_mismatch_behavior":"error"}}}"#.to_owned(), "thinking.adaptive.block_binding: Extra inputs", Some(RejectionKind::Mode)),
        (thinking(r#"{"type":"disabled","display":"omitted"}"#), "`thinking.display`: omitted needs thinking", None),
        (r#"{"model":"gpt-5","thinking":{"type":"enabled","budget_tokens":5}}"#.to_owned(), "`thinking.budget_tokens`: 5 is below", None),
        (r#"{"output_config":{"effort":"minimal"}}"#.to_owned(), "output_config.effort: Input should be one of", None),
        (r#"{"output_config":{"effort":"high"}}"#.to_owned(), "`output_config.effort`: high is not supported", None),
        (r#"{"model":"claude-opus-4-6","output_config":{"effort":"xhigh"}}"#.to_owned(), "`output_config.effort`: xhigh is not supported", None),
        (format!(r#"{{{BUDGET},"temperature":0.5}}"#), "`temperature`: 0.5 must be 1 with thinking", Some(RejectionKind::Sampling)),
        (format!(r#"{{{BUDGET},"top_p":0.5}}"#), "`top_p`: 0.5 must be from 0.95", None),
        (format!(r#"{{{BUDGET},"top_k":5}}"#), "`top_k`: 5 is refused with thinking", Some(RejectionKind::Sampling)),
        (format!(r#"{{{BUDGET},"tool_choice":{{"type":"any"}}}}"#), "`tool_choice.type`: any forces a tool", Some(RejectionKind::ForcedTool)),
        (back(&REPLY.replace("sig1", "sig2")), "messages.1.content.0: Invalid `signature` in `thinking` block", Some(RejectionKind::InvalidSignature)),
        (back(&REPLY.replace("sig1", "sig1 ")), "messages.1.content.0: Invalid `signature` in `thinking` block", Some(RejectionKind::InvalidSignature)),
        (back(&REPLY.replace("One die.", "Two dice.")), "messages.1.content.0: Invalid `signature` in `thinking` block", Some(RejectionKind::InvalidSignature)),
        (back(&REPLY.replace("data1", "data2")), "messages.1.content.1: Invalid `data` in `redacted_thinking` block", Some(RejectionKind::InvalidSignature)),
        (back(&REPLY.replace(r#""signature":"sig1""#, r#""signature":"""#)), "messages.1.content.0.thinking.signature: Field required", Some(RejectionKind::SignatureMissing)),
        (back(&REPLY.replace(r#""thinking":"One die.","#, "")), "messages.1.content.0.thinking.thinking: Field required", Some(RejectionKind::ThinkingTextMissing)),
        (back(&REPLY.replace("data1", "")), "messages.1.content.1.redacted_thinking.data: Field required", Some(RejectionKind::DataMissing)),
        (back(&order([&second, &first, &third, &fourth])), "messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest", Some(RejectionKind::CannotBeModified)),
        (back(&order([&second, &third, &fourth, &third])), "messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest", Some(RejectionKind::CannotBeModified)),
        (back(&order([&first, &third, &second, &fourth])), "messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest", Some(RejectionKind::CannotBeModified)),
        (back(&format!("{third},{fourth}")), "messages.1.content.0.type: Expected `thinking`", Some(RejectionKind::ThinkingExpected)),
        (back(&REPLY.replace("Here it goes.", " ")), "messages.1.content.2: text content blocks must be non-empty", Some(RejectionKind::EmptyText)),
        (back(&REPLY.replace("\"input\":{\"sides\":6}", "\"input\":\"{}\"")), "messages.1.content.3.tool_use.input: Input should be", None),
        (back(&REPLY.replace("toolu_1", "toolu 1")), "messages.1.content.3.tool_use.id: String should match pattern", Some(RejectionKind::ToolId)),
        (back(&REPLY.replace("toolu_1", "toolu_2")), "messages.1: `tool_use` ids were found without `tool_result`", Some(RejectionKind::ToolResultMissing)),
        (alone(ANSWER), "messages.1.content.0: unexpected `tool_use_id` found", Some(RejectionKind::ToolUseMissing)),
        (alone(&format!(r#"{{"role":"assistant","content":[{REPLY}]}},{ASK}"#)), "messages.1: `tool_use` ids were found without `tool_result`", Some(RejectionKind::ToolResultMissing)),
        (alone(&format!(r#"{{"role":"assistant","content":[{first},{second}]}},{ASK}"#)), "messages.1: The final block in an assistant message", Some(RejectionKind::ThinkingLast)),
        (alone(r#"{"role":"assistant","content":"A"}"#), "This model does not support assistant message prefill", Some(RejectionKind::Prefill)),
        (r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"A "}]}"#.to_owned(), "messages: final assistant content cannot end with", Some(RejectionKind::Prefill)),
        (r#"{"model":"claude-opus-4-8","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"A"}]}"#.to_owned(), "This model does not support assistant message prefill", Some(RejectionKind::Prefill)),
        (r#"{"messages":[{"role":"assistant","content":"A"},{"role":"user","content":"Hi"}]}"#.to_owned(), "messages: first message must use the \"user\" role", None),
        (r#"{"messages":[{"role":"user","content":[]}]}"#.to_owned(), "messages.0: all messages must have non-empty content", Some(RejectionKind::EmptyText)),
        (r#"{"messages":[{"role":"robot","content":"Hi"}]}"#.to_owned(), "messages.0.role: Input should be", None),
        (format!(r#"{{"messages":[{ASK},{{"role":"assistant","content":[{first},{third}]}}]}}"#), "messages.1.content.0: When `thinking` is disabled", Some(RejectionKind::ThinkingWhileOff)),
        (back(&REPLY.replace(r#""signature":"sig1""#, r#""signature":"sig1","cache_control":{"type":"ephemeral"}"#)), "messages.1.content.0.cache_control: Extra inputs", Some(RejectionKind::CacheMark)),
    ] {
        let mut answer = server.post(path, &request(path, &more));
        let body = String::from_utf8(answer.body()).unwrap();
        assert_eq!(answer.status, 400, "{more}: {body}");
        let error: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(error["type"], "error");
        assert!(error["error"]["message"].as_str().unwrap().starts_with(expected), "{more}\n{body}");
        assert_eq!(error["request_id"].as_str(), answer.header("request-id"));
        assert!(body.starts_with(r#"{"type":"error","error":{"type":""#), "{body}");
        // The library reads the refusal as it reads that of the API.
        let rejection = Rejection::classify(400, &body);
        assert_eq!(rejection.as_ref().map(|rejection| rejection.kind), kind, "{more}\n{body}");
    }
    let body = request(path, "{}");
    let error = server.ask("POST", path, &[], &body).json();
    assert_eq!(error["error"]["message"], "anthropic-version: header is required");
    let error = server.ask("POST", path, &["anthropic-version: "], &body).json();
    assert_eq!(error["error"]["message"], "anthropic-version: header is required");
    let version = "anthropic-version: 2026-10-21";
    let error = server.ask("POST", path, &[version], &request(path, r#"{"temperature":1}"#)).json();
    assert!(error["error"]["message"].as_str().unwrap().starts_with("`temperature`"), "{error}");
    // What takes a header passes with it.
    let updates =
        r#"{"model":"claude-opus-4-8","thinking":{"type":"adaptive","display":"updates"}}"#;
    let headers =
        ["anthropic-version: 2023-06-01", "anthropic-beta: a, thinking-display-updates-2026-08-18"];
    assert_eq!(server.ask("POST", path, &headers, &request(path, updates)).status, 200);
}

/// Thinking that a server has not signed can go back to it, and no other.
#[test]
fn unsigned_thinking_goes_back_as_it_was() {
    let stream = sse([
        START,
        &open(0, THINKING),
        &think(0, "No seal."),
        &shut(0),
        &open(1, TEXT),
        &text(1, "A four."),
        &shut(1),
        &end("end_turn"),
        STOP,
    ]);
    // Of a reply that was cut off it is not known whether its thinking would have been signed.
    let cut = sse([START, &open(0, THINKING), &think(0, "Cut off."), &shut(0)]);
    let server = Server::start(&[&Temporary::new(&stream), &Temporary::new(&cut)], &[]);
    let path = PATHS[0].0;
    for (thinking, signature, status) in [
        ("No seal.", "", 200),
        ("No seal.", r#","signature":"""#, 200),
        ("No seal!", "", 400),
        ("", "", 400),
        ("Cut off.", "", 400),
        ("No seal.", r#","signature":"sig1""#, 400),
    ] {
        let more = format!(
            r#"{{{BUDGET},"messages":[{ASK},{{"role":"assistant","content":[{{"type":"thinking","thinking":"{thinking}"{signature}}},{{"type":"text","text":"A four."}}]}},{ASK}]}}"#
        );
        assert_eq!(server.post(path, &request(path, &more)).status, status, "{more}");
    }
}

/// Of a recording that comes a second time the ids come again, and the refusal says why.
#[test]
fn a_reply_that_was_served_twice_is_told_of() {
    let files = [Temporary::new(&messages()), Temporary::new(&response())];
    let server = Server::start(&[&files[0], &files[1]], &[]);
    let hint = " (this recording was served before in this conversation: a loop of K turns needs K recordings)";
    let turn = format!(r#"{{"role":"assistant","content":[{REPLY}]}},{ANSWER}"#);
    let messages = format!(r#"{{{BUDGET},"messages":[{ASK},{turn},{turn}]}}"#);
    let other = messages.replace("toolu_1", "toolu_9");
    let item = r#"{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA1"}"#;
    let call = r#"{"type":"function_call","call_id":"call_1","name":"roll","arguments":"{}"},{"type":"function_call_output","call_id":"call_1","output":"4"}"#;
    let input = format!(r#"{{"input":[{ASK},{item},{call},{item},{call}]}}"#);
    for (path, more, hinted, expected) in [
        (PATHS[0].0, messages, true, "messages.3.content.3: `tool_use` ids must be unique"),
        (PATHS[0].0, other, false, "messages.3.content.3: `tool_use` ids must be unique"),
        (PATHS[2].0, input, true, "Duplicate item found with id rs_1."),
    ] {
        let error = server.post(path, &request(path, &more)).json();
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.starts_with(expected), "{message}");
        assert_eq!(message.ends_with(hint), hinted, "{message}");
    }
}

#[test]
fn checks_can_be_turned_off() {
    let file = Temporary::new(&messages());
    let path = PATHS[0].0;
    let adaptive = request(path, r#"{"thinking":{"type":"adaptive"}}"#);
    let forged = request(path, &format!("{{{}}}", tool_loop(&REPLY.replace("sig1", "sig2"))));
    for (args, adaptive_passes, forged_passes) in [
        (&[][..], false, false),
        (&["--model-check", "on"], false, false),
        (&["--model-check", "off"], true, false),
        (&["--no-check"], true, true),
    ] {
        let server = Server::start(&[&file], args);
        let passes = |body: &str| server.post(path, body).status == 200;
        assert_eq!(passes(&adaptive), adaptive_passes, "{args:?}");
        assert_eq!(passes(&forged), forged_passes, "{args:?}");
        // There is nothing but streams all the same.
        assert!(!passes(&request(path, r#"{"stream":false}"#)), "{args:?}");
    }
}

#[test]
fn what_openai_refuses_is_refused() {
    let (response, chat) = (Temporary::new(&response()), Temporary::new(CHAT.as_bytes()));
    let server = Server::start(&[&response, &chat], &[]);
    let reasoning = r#"{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA1"}"#;
    let call =
        r#"{"type":"function_call","id":"fc_1","call_id":"call_1","name":"roll","arguments":"{}"}"#;
    let output = r#"{"type":"function_call_output","call_id":"call_1","output":"4"}"#;
    let said = r#"{"role":"assistant","content":"So be it."}"#;
    let input = |items: &[&str]| format!(r#"{{"input":[{ASK},{}]}}"#, items.join(","));
    let unsealed = reasoning.replace(r#","encrypted_content":"gAAA1""#, "");
    let call_in_chat = r#"{"role":"assistant","tool_calls":[{"id":"call_1","type":"function","function":{"name":"roll","arguments":"{}"}}]}"#;
    let twice_in_chat = r#"{"role":"assistant","tool_calls":[{"id":"call_1","type":"function","function":{"name":"roll","arguments":"{}"}},{"id":"call_1","type":"function","function":{"name":"roll","arguments":"{}"}}]}"#;
    let answer_in_chat = r#"{"role":"tool","tool_call_id":"call_1","content":"4"}"#;
    let chat = |messages: &[&str]| format!(r#"{{"messages":[{ASK},{}]}}"#, messages.join(","));
    let (responses, chats) = (PATHS[2].0, PATHS[1].0);
    for (path, more, expected, code, kind) in [
        (responses, "{}".to_owned(), "", Value::Null, None),
        (responses, input(&[reasoning, call, output]), "", Value::Null, None),
        // As the response has it, whose ciphertext is another; and what was only begun.
        (responses, input(&[&reasoning.replace("gAAA1", "gAAA1b"), call, output]), "", Value::Null, None),
        (responses, input(&[&reasoning.replace("gAAA1", "gAAA0"), call, output]), "The encrypted content for item rs_1 could not be verified.", "invalid_encrypted_content".into(), Some(RejectionKind::InvalidEncryptedContent)),
        (responses, r#"{"reasoning":{"effort":"high","summary":"auto"}}"#.to_owned(), "", Value::Null, None),
        (responses, format!(r#"{{"previous_response_id":"resp_1","input":[{output}]}}"#), "", Value::Null, None),
        (responses, r#"{"model":"ABSENT"}"#.to_owned(), "Missing required parameter: 'model'.", "missing_required_parameter".into(), None),
        (responses, r#"{"input":"ABSENT"}"#.to_owned(), "Missing required parameter: 'input'.", "missing_required_parameter".into(), None),
        (responses, r#"{"input":5}"#.to_owned(), "Invalid type for 'input'", "invalid_type".into(), None),
        (responses, r#"{"reasoning":"high"}"#.to_owned(), "Invalid type for 'reasoning'", "invalid_type".into(), None),
        (responses, r#"{"reasoning":{"type":"enabled"}}"#.to_owned(), "Unknown parameter: 'reasoning.type'.", "unknown_parameter".into(), None),
        (responses, r#"{"reasoning":{"effort":"deep"}}"#.to_owned(), "Invalid value for 'reasoning.effort'", "invalid_value".into(), None),
        (responses, r#"{"reasoning":{"effort":"xhigh"}}"#.to_owned(), "`reasoning.effort`: xhigh is not supported", "unsupported_value".into(), None),
        (responses, r#"{"reasoning":{"effort":"none"}}"#.to_owned(), "`reasoning.effort`: none is not supported", "unsupported_value".into(), None),
        (responses, r#"{"temperature":0.5}"#.to_owned(), "`temperature`: it is refused by gpt-5", "unsupported_parameter".into(), None),
        (responses, r#"{"max_tokens":500}"#.to_owned(), "`max_tokens`: it is refused by gpt-5", "unsupported_parameter".into(), None),
        (responses, r#"{"max_output_tokens":5}"#.to_owned(), "`max_output_tokens`: 5 is below the least", "unsupported_value".into(), None),
        // Relays have models of others, and their own words for reasoning.
        (responses, r#"{"model":"claude-opus-4-8"}"#.to_owned(), "", Value::Null, None),
        (responses, r#"{"model":"anthropic/claude-sonnet-4.6","reasoning":{"max_tokens":2000},"temperature":0.5}"#.to_owned(), "", Value::Null, None),
        (responses, r#"{"model":"deepseek/deepseek-r1","reasoning":{"enabled":true}}"#.to_owned(), "", Value::Null, None),
        (responses, r#"{"model":"deepseek/deepseek-r1","reasoning":{"effort":"deep"}}"#.to_owned(), "", Value::Null, None),
        (responses, r#"{"model":"deepseek/deepseek-r1","reasoning":"high"}"#.to_owned(), "Invalid type for 'reasoning'", "invalid_type".into(), None),
        (responses, r#"{"model":"gpt-5","reasoning":{"enabled":true}}"#.to_owned(), "Unknown parameter: 'reasoning.enabled'.", "unknown_parameter".into(), None),
        // What is stored has the call, or the words.
        (responses, input(&[r#"{"type":"item_reference","id":"fc_1"}"#, output]), "", Value::Null, None),
        (responses, r#"{"input":"ABSENT","previous_response_id":"resp_1"}"#.to_owned(), "", Value::Null, None),
        (responses, r#"{"input":"ABSENT","prompt":{"id":"pmpt_1"}}"#.to_owned(), "", Value::Null, None),
        (responses, r#"{"input":5,"prompt":{"id":"pmpt_1"}}"#.to_owned(), "Invalid type for 'input'", "invalid_type".into(), None),
        (responses, input(&[&reasoning.replace("gAAA1", "gAAA2"), call, output]), "The encrypted content for item rs_1 could not be verified.", "invalid_encrypted_content".into(), Some(RejectionKind::InvalidEncryptedContent)),
        (responses, input(&[reasoning, said]), "", Value::Null, None),
        (responses, input(&[call, reasoning, said, output]), "Item 'rs_1' of type 'reasoning' was provided without", Value::Null, Some(RejectionKind::ReasoningPair)),
        (responses, input(&[reasoning]), "Item 'rs_1' of type 'reasoning' was provided without", Value::Null, Some(RejectionKind::ReasoningPair)),
        (responses, input(&[reasoning, call]), "No tool output found for function call call_1.", Value::Null, Some(RejectionKind::ToolResultMissing)),
        (responses, input(&[output]), "No tool call found for function call output with call_id call_1.", Value::Null, Some(RejectionKind::ToolUseMissing)),
        (responses, input(&[reasoning, reasoning, call, output]), "Duplicate item found with id rs_1.", Value::Null, Some(RejectionKind::DuplicateItem)),
        (responses, format!(r#"{{"store":false,"input":[{ASK},{unsealed},{call},{output}]}}"#), "Item with id 'rs_1' not found.", Value::Null, Some(RejectionKind::ItemNotFound)),
        (chats, "{}".to_owned(), "", Value::Null, None),
        (chats, chat(&[call_in_chat, answer_in_chat]), "", Value::Null, None),
        (chats, r#"{"model":"deepseek-chat","reasoning_effort":"high","temperature":0.2,"max_tokens":50}"#.to_owned(), "", Value::Null, None),
        (chats, r#"{"messages":"ABSENT"}"#.to_owned(), "Missing required parameter: 'messages'.", "missing_required_parameter".into(), None),
        (chats, r#"{"messages":"Hi"}"#.to_owned(), "Invalid type for 'messages'", "invalid_type".into(), None),
        (chats, r#"{"messages":[]}"#.to_owned(), "Invalid 'messages': empty array.", Value::Null, None),
        (chats, r#"{"reasoning_effort":"deep"}"#.to_owned(), "Invalid value for 'reasoning_effort'", "invalid_value".into(), None),
        (chats, r#"{"reasoning_effort":"xhigh"}"#.to_owned(), "`reasoning.effort`: xhigh is not supported", "unsupported_value".into(), None),
        (chats, r#"{"max_tokens":50}"#.to_owned(), "`max_tokens`: it is refused by gpt-5", "unsupported_parameter".into(), None),
        (chats, chat(&[call_in_chat, ASK]), "An assistant message with 'tool_calls' must be followed", Value::Null, Some(RejectionKind::ToolResultMissing)),
        (chats, chat(&[answer_in_chat]), "Invalid parameter: messages with role 'tool'", Value::Null, None),
        // An id is unique in its turn only.
        (chats, chat(&[call_in_chat, answer_in_chat, call_in_chat, answer_in_chat]), "", Value::Null, None),
        (chats, chat(&[twice_in_chat, answer_in_chat]), "Invalid 'messages.[1]': a second tool call", Value::Null, None),
        (chats, chat(&[r#"{"role":"assistant","function_call":{"name":"roll","arguments":"{}"}}"#, r#"{"role":"function","name":"roll","content":"4"}"#]), "", Value::Null, None),
        (chats, chat(&[r#"{"role":"assistant"}"#]), "Invalid 'messages.[1]'", Value::Null, None),
        (chats, r#"{"model":"claude-opus-4-8","reasoning_effort":"max","max_tokens":50}"#.to_owned(), "", Value::Null, None),
        (chats, r#"{"model":"qwen3","reasoning_effort":"default"}"#.to_owned(), "", Value::Null, None),
        (chats, r#"{"model":"qwen3","reasoning_effort":5}"#.to_owned(), "Invalid type for 'reasoning_effort'", "invalid_type".into(), None),
    ] {
        let mut answer = server.ask("POST", path, &[], &request(path, &more));
        let body = String::from_utf8(answer.body()).unwrap();
        if expected.is_empty() {
            assert_eq!(answer.status, 200, "{more}: {body}");
            continue;
        }
        assert!(matches!(answer.status, 400 | 404), "{more}: {} {body}", answer.status);
        let error: Value = serde_json::from_str(&body).unwrap();
        assert!(error["error"]["message"].as_str().unwrap().starts_with(expected), "{more}\n{body}");
        assert_eq!(error["error"]["type"], "invalid_request_error", "{more}");
        assert_eq!(error["error"]["code"], code, "{more}\n{body}");
        let rejection = Rejection::classify(answer.status, &body);
        if kind.is_some() {
            assert_eq!(rejection.map(|rejection| rejection.kind), kind, "{more}\n{body}");
        }
    }
}

/// A tool loop as the library makes it: what it renders passes, whatever is kept.
#[test]
fn what_the_library_renders_passes() {
    let second = sse([
        START,
        &open(0, THINKING),
        &sign(0, "sig2"),
        &shut(0),
        &open(1, TEXT),
        &text(1, "A four."),
        &shut(1),
        &end("end_turn"),
        STOP,
    ]);
    let files = [Temporary::new(&messages()), Temporary::new(&second)];
    for model in ["claude-sonnet-4-5", "claude-opus-4-8", "claude-opus-5-5", "claude-sonnet-4-6"] {
        let server = Server::start(&[&files[0], &files[1]], &[]);
        let mut params = RequestParams::default();
        params.max_tokens = Some(8192);
        let thinking =
            if model == "claude-sonnet-4-5" { Thinking::Budget(2048) } else { Thinking::On };
        let thinking = thinking.resolve(model, &params).unwrap();
        let target = Target::new(Provider::Anthropic, model).thinking(&thinking);
        let mut history = talk::history(&["u Throw a die."]);
        for turn in 0..4 {
            let rendered = history.render(&target, &Policy::default());
            let mut body = json!({ "model": model, "max_tokens": 8192, "stream": true });
            thinking.write_to(body.as_object_mut().unwrap());
            let body = body.to_string();
            let body =
                format!(r#"{},"messages":{}}}"#, &body[..body.len() - 1], rendered.to_json());
            let mut answer = server.post("/v1/messages", &body);
            let (events, error) = match answer.status {
                200 => events_of(&mut answer, Protocol::Anthropic),
                _ => panic!("{model} {turn}: {}", String::from_utf8(answer.body()).unwrap()),
            };
            assert!(error.is_none(), "{error:?}");
            let Some(Event::Complete(done)) = events.last() else { panic!("{events:?}") };
            let mut message = done.message.clone();
            message.model = Some(model.into());
            let calls: Vec<_> = message.tool_calls().map(|call| call.id.clone()).collect();
            history.push_assistant(message, thinkstream::history::Provenance::default());
            if calls.is_empty() {
                history.push_user("And again.");
            }
            for call in calls {
                history.push_tool_result(ToolResult::new(call, "4"));
            }
            // The call of the second round has the id of the first, which no server would send.
            if turn == 1 {
                break;
            }
        }
    }
}

#[test]
fn clients_do_not_wait_for_each_other() {
    let file = Temporary::new(&messages());
    let server =
        Arc::new(Server::start(&[&file], &["--fault", "stall@100:1", "--fault", "split=64"]));
    let mut stalled = server.post(PATHS[0].0, &request(PATHS[0].0, "{}"));
    let mut begin = [0; 100];
    stalled.read_exact(&mut begin).unwrap();
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let server = server.clone();
            thread::spawn(move || server.post(PATHS[0].0, &request(PATHS[0].0, "{}")).body())
        })
        .collect();
    for client in clients {
        assert_eq!(client.join().unwrap(), messages());
    }
    assert_eq!(begin, messages()[..100]);
}

/// Two requests over one connection, the second before the first is answered.
#[test]
fn a_connection_can_be_used_again() {
    let file = Temporary::new(CHAT.as_bytes());
    let server = Server::start(&[&file], &["--requests", "2"]);
    let body = request(PATHS[1].0, "{}");
    let one = format!(
        "POST {} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}",
        PATHS[1].0,
        body.len()
    );
    let stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    (&stream).write_all(one.as_bytes()).unwrap();
    let mut first = Answer::read(stream);
    assert_eq!(first.body(), CHAT.as_bytes());
    let stream = first.reader.into_inner();
    (&stream).write_all(one.as_bytes()).unwrap();
    let mut second = Answer::read(stream);
    assert_eq!(second.body(), CHAT.as_bytes());
    assert!(server.log().is_empty());
}

#[test]
#[cfg(unix)]
fn it_ends_by_itself() {
    let file = Temporary::new(&messages());
    // With a client that is stalled for ever.
    for signal in ["-INT", "-TERM", "stdin"] {
        let mut server = Server::start(&[&file], &["--fault", "stall@9", "--log"]);
        let mut stalled = server.post(PATHS[0].0, &request(PATHS[0].0, "{}"));
        stalled.read_exact(&mut [0; 9]).unwrap();
        if signal == "stdin" {
            let Server { running, _stdin, .. } = server;
            drop(_stdin);
            server = Server { running, port: 0, _stdin: start(&["sse"]).stdin.take().unwrap() };
        } else {
            let id = server.running.0.id().to_string();
            assert!(
                std::process::Command::new("kill").args([signal, &id]).status().unwrap().success()
            );
        }
        let log = server.log();
        assert_eq!(log.len(), 1, "{signal}");
        assert_eq!((&log[0]["ended"], &log[0]["bytes"]), (&"stall".into(), &9.into()), "{signal}");
        drop(stalled);
    }
}

#[test]
fn a_fault_behind_the_end_is_told_of() {
    let file = Temporary::new(CHAT.as_bytes());
    let faults = ["--fault", "cut@100000:1", "--fault", "cut@50:2", "--requests", "2", "--log"];
    let server = Server::start(&[&file], &faults);
    assert_eq!(server.post(PATHS[1].0, &request(PATHS[1].0, "{}")).body(), CHAT.as_bytes());
    let _ = server.post(PATHS[1].0, &request(PATHS[1].0, "{}")).read(&mut [0; 50]).unwrap();
    let log = server.log();
    let told = |line: &Value| (line["ended"].clone(), line["fault"].clone());
    assert_eq!(told(&log[0]), ("complete".into(), "beyond the end".into()));
    assert_eq!(log[1]["fault"], Value::Null);
}

/// Nobody may read where it listens.
#[test]
fn it_serves_also_if_nobody_reads_what_it_prints() {
    let file = Temporary::new(CHAT.as_bytes());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let child = std::process::Command::new(env!("CARGO_BIN_EXE_thinkstream"))
        .args(["serve", file.path(), "--requests", "1", "--port", &port.to_string()])
        .stdout(writer)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut running = Running(child);
    let mut told = String::new();
    let mut stderr = BufReader::new(running.0.stderr.take().unwrap());
    stderr.read_line(&mut told).unwrap();
    assert!(told.contains(&format!("listening on http://127.0.0.1:{port} (")), "{told}");
    let stdin = start(&["sse"]).stdin.take().unwrap();
    let mut server = Server { running, port, _stdin: stdin };
    let mut answer = server.post(PATHS[1].0, &request(PATHS[1].0, "{}"));
    assert_eq!(answer.body(), CHAT.as_bytes());
    assert!(server.running.0.wait().unwrap().success());
}

/// Also while others have sent but a part of a request.
#[test]
fn it_ends_behind_the_last_request() {
    let file = Temporary::new(CHAT.as_bytes());
    for part in [
        "POST /v1/messages HT",
        "POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{",
    ] {
        let mut server = Server::start(&[&file], &["--requests", "1"]);
        let mut other = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        other.write_all(part.as_bytes()).unwrap();
        thread::sleep(Duration::from_millis(100));
        let mut answer = server.post(PATHS[1].0, &request(PATHS[1].0, "{}"));
        assert_eq!(answer.body(), CHAT.as_bytes());
        let began = Instant::now();
        while server.running.0.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < SOON, "{part}");
            thread::sleep(Duration::from_millis(10));
        }
        drop(other);
    }
}

#[test]
fn a_client_that_leaves_is_told_of() {
    let file = Temporary::new(&messages());
    let server = Server::start(&[&file], &["--fault", "stall@200", "--requests", "1", "--log"]);
    let mut answer = server.post(PATHS[0].0, &request(PATHS[0].0, "{}"));
    answer.read_exact(&mut [0; 200]).unwrap();
    answer.reader.get_ref().shutdown(Shutdown::Both).unwrap();
    drop(answer);
    let log = server.log();
    assert_eq!((&log[0]["ended"], &log[0]["bytes"]), (&"stall".into(), &200.into()));
}

#[test]
fn what_cannot_be_served_is_said_at_once() {
    let bedrock = Temporary::new(&[0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let (page, chat) = (Temporary::new(b"<html>"), Temporary::new(CHAT.as_bytes()));
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = busy.local_addr().unwrap().port().to_string();
    for (args, expected) in [
        (&[][..], "required"),
        (&["/nowhere/talk.jsonl"], "/nowhere/talk.jsonl"),
        (&[bedrock.path()], "not served"),
        (&[page.path()], "no stream of a protocol"),
        (&[chat.path(), "--port", &port], "port"),
        (&[chat.path(), "--fault", "burn@5"], "cut@N"),
        (&[chat.path(), "--speed", "0"], "max"),
        (&[chat.path(), "--requests", "0"], "--requests"),
        (&["-", "--until-stdin-closes"], "closed before anybody can ask"),
    ] {
        let ran = run(&[&["serve"], args].concat(), b"");
        assert_eq!((ran.code, &*ran.stdout), (Some(2), ""), "{args:?}");
        assert!(ran.stderr.contains(expected), "{args:?}: {}", ran.stderr);
    }
    let server = Server::start(&[&bedrock, &chat], &[]);
    assert_eq!(server.post(PATHS[1].0, &request(PATHS[1].0, "{}")).status, 200);
}

/// Recorded streams come through as they are, and what they say can go back.
#[test]
fn recorded_streams_are_served_and_their_replies_taken_back() {
    let Some(corpus) = corpus() else { return };
    let mut served = 0;
    for name in [
        "anthropic/redacted-thinking-sonnet-4-5-01.sse",
        "anthropic/code-execution-sonnet-4-5-01.sse",
        "anthropic/text-sonnet-4-5-01.sse",
    ] {
        let path = corpus.join(name);
        let stream = std::fs::read(&path).unwrap();
        let file = Temporary::new(&stream);
        let server = Server::start(&[&file], &[]);
        let mut answer = server.post("/v1/messages", &request("/v1/messages", "{}"));
        assert_eq!(answer.body(), stream, "{name}");
        let (events, _) = decode(anthropic(), [&stream[..]]);
        let Some(Event::Complete(done)) = events.last() else { panic!("{name}") };
        if done.message.tool_calls().any(|call| call.kind.is_client()) {
            continue;
        }
        let param = done.message.to_param();
        let more = format!(
            r#"{{"max_tokens":9000,{BUDGET},"messages":[{ASK},{},{ASK}]}}"#,
            param.as_str()
        );
        let mut answer = server.post("/v1/messages", &request("/v1/messages", &more));
        let body = String::from_utf8(answer.body()).unwrap();
        assert_eq!(answer.status, 200, "{name}: {body}");
        served += 1;
    }
    assert!(served > 0);
}

/// The `output` of each recorded response can go back as it is.
#[test]
fn recorded_responses_go_back() {
    let Some(corpus) = corpus() else { return };
    let path = PATHS[2].0;
    let mut sealed = 0;
    for recording in recordings(&corpus, "openai-responses") {
        let text = String::from_utf8_lossy(&recording.bytes);
        let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
        let mut done = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
        let done = done.rfind(|event| event["type"] == "response.completed");
        // One without blank lines has no events.
        let Some(done) = done.filter(|_| text.lines().any(str::is_empty)) else { continue };
        let Some(output) = done["response"]["output"].as_array() else { continue };
        let ids: Vec<_> = output.iter().filter_map(|item| item["id"].as_str()).collect();
        let unique: std::collections::BTreeSet<_> = ids.iter().collect();
        // Where what was secret is taken out, items have ids that no server gives them, or the same.
        let made_up = ids.iter().any(|id| id.starts_with("capture-id"));
        if output.is_empty() || unique.len() != ids.len() || made_up {
            continue;
        }
        let has = |id: &Value, kind: &str| {
            output.iter().any(|item| item["call_id"] == *id && item["type"] == kind)
        };
        let answers = output.iter().filter_map(|item| {
            let (kind, id) = (item["type"].as_str()?, &item["call_id"]);
            let answer = match kind {
                "tool_search_call" => "tool_search_output".to_owned(),
                kind => format!("{kind}_output"),
            };
            // xAI runs these itself.
            let own = id.as_str().is_none_or(|id| id.starts_with("xs_call_"));
            let open = kind.ends_with("_call") && !own && !has(id, &answer);
            open.then(|| json!({ "type": answer, "call_id": id, "output": "4" }))
        });
        let ask = json!({ "role": "user", "content": "Go on." });
        let input: Vec<_> =
            [ask.clone()].into_iter().chain(output.iter().cloned()).chain(answers).collect();
        let input = if output.iter().any(|item| item["type"] == "message") {
            input.into_iter().chain([ask]).collect()
        } else {
            input
        };
        let model = done["response"]["model"].as_str().unwrap_or("gpt-5");
        let file = Temporary::new(&recording.bytes);
        let server = Server::start(&[&file], &[]);
        let body = json!({ "model": model, "stream": true, "input": input }).to_string();
        let mut answer = server.post(path, &body);
        let body = answer.body();
        let told = String::from_utf8_lossy(&body);
        assert_eq!(answer.status, 200, "{} {told}", recording.name);
        sealed += output.iter().filter(|item| item["encrypted_content"].is_string()).count();
    }
    assert!(sealed > 10, "only {sealed} sealed items");
}
