//! The program, run by a test.

use std::fmt::Write as _;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use serde_json::Value;

use super::quoted;

/// What a run of the program left behind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn start(args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_thinkstream"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs the program to its end, with `input` on its standard input.
pub(crate) fn run(args: &[&str], input: &[u8]) -> Ran {
    let (ran, stdout) = run_raw(args, input);
    Ran { stdout: String::from_utf8(stdout).unwrap(), ..ran }
}

/// The same, if what it prints may be anything.
pub(crate) fn run_raw(args: &[&str], input: &[u8]) -> (Ran, Vec<u8>) {
    finish(start(args), input)
}

/// Gives a program all of its input, and waits for its end.
pub(crate) fn finish(mut child: Child, input: &[u8]) -> (Ran, Vec<u8>) {
    let mut stdin = child.stdin.take().unwrap();
    let output = thread::scope(|scope| {
        // A program that fails early does not read everything, which is its right.
        scope.spawn(move || match stdin.write_all(input) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => panic!("{error}"),
            _ => {}
        });
        child.wait_with_output().unwrap()
    });
    let stderr = String::from_utf8(output.stderr).unwrap();
    (Ran { code: output.status.code(), stdout: String::new(), stderr }, output.stdout)
}

impl Ran {
    /// The lines of `--json`, each of which is an object with a type.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        let lines = self.stdout.lines().map(|line| {
            let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
            assert!(line["type"].is_string(), "{line}");
            line
        });
        lines.collect()
    }
}

/// The lines of `--json`, each of which is an object with a type.
pub(crate) fn events(stdout: &str) -> Vec<Value> {
    let event = |line| {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(event["type"].is_string(), "{line}");
        event
    };
    assert!(stdout.ends_with('\n'), "{stdout:?}");
    stdout.lines().map(event).collect()
}

pub(crate) fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// A file, or a folder, that is gone when the test ends.
pub(crate) struct Temporary(pub(crate) PathBuf);

impl Temporary {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let file = Self::missing();
        std::fs::write(&file.0, bytes).unwrap();
        file
    }

    /// A name that nothing has yet.
    pub(crate) fn missing() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let unique = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("thinkstream-cli-{}-{unique}.sse", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A program that still runs, and is ended with the test whatever happens.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder that is gone when the test ends.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let unique = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("thinkstream-test-{}-{unique}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    pub(crate) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file, and says what it is called.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A recording of pieces that came at these milliseconds.
pub(crate) fn recording<T: AsRef<str>>(pieces: &[(f64, T)], ended: Option<f64>) -> String {
    let mut lines = String::from("{\"type\":\"recording\",\"version\":1}\n");
    for (ms, text) in pieces {
        let text = quoted(text.as_ref());
        writeln!(lines, r#"{{"type":"chunk","ms":{ms},"text":{text}}}"#).unwrap();
    }
    if let Some(ms) = ended {
        writeln!(lines, r#"{{"type":"end","ms":{ms}}}"#).unwrap();
    }
    lines
}
