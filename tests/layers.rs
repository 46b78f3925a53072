//! The shape of the house: dependencies point one way, functions and files stay short.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules from the ground up. Each may use what stands before it, and itself.
type Layers = &'static [&'static [&'static str]];

const VOCABULARY: &[&str] = &[
    "vector",
    "text",
    "dates",
    "json",
    "stop",
    "limits",
    "headers",
    "usage",
    "message",
    "rule",
    "event",
    "error",
    "timing",
    "rate_limit",
    "protocol",
];

/// From bytes to events.
const REPLY: Layers = &[
    VOCABULARY,
    &["partial_input"],
    &["sse", "aws"],
    &["wire"],
    &["assemble"],
    &["decoder"],
    &["adapter"],
    &["telemetry"],
];

/// What the next request needs knows nothing of streams.
const REQUEST: Layers = &[VOCABULARY, &["models"], &["request"], &["history"]];

fn sources() -> Vec<(PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![src.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                sources.push((path.strip_prefix(&src).unwrap().to_owned(), text));
            }
        }
    }
    assert!(sources.len() > 20);
    sources
}

/// What is compiled into the crate: the lines before the tests.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().take_while(|line| *line != "#[cfg(test)]")
}

fn layer(layers: Layers, module: &str) -> Option<usize> {
    layers.iter().position(|modules| modules.contains(&module))
}

#[test]
fn dependencies_point_one_way() {
    for (path, text) in sources() {
        let first = path.components().next().unwrap();
        let module = Path::new(first.as_os_str()).file_stem().unwrap().to_str().unwrap().to_owned();
        if matches!(module.as_str(), "lib" | "bin" | "guide") {
            continue;
        }
        let layers = if layer(REQUEST, &module).is_some() { REQUEST } else { REPLY };
        let own = layer(layers, &module).unwrap_or_else(|| panic!("{module} has no layer"));
        for line in code(&text).filter(|line| !line.trim_start().starts_with("//")) {
            for used in line.split("crate::").skip(1) {
                let used: String = used
                    .chars()
                    .take_while(|char| char.is_ascii_alphanumeric() || *char == '_')
                    .collect();
                let used =
                    layer(layers, &used).unwrap_or_else(|| panic!("{}: {line}", path.display()));
                assert!(used <= own, "{} looks up: {line}", path.display());
            }
        }
    }
}

#[test]
fn files_and_functions_are_short() {
    for (path, text) in sources() {
        let lines: Vec<_> = code(&text).collect();
        assert!(lines.len() <= 500, "{} has {} lines", path.display(), lines.len());
        let mut start = None;
        for (at, line) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let begins = line.trim_start().split(' ').any(|word| word == "fn")
                && !line.trim_start().starts_with("//");
            if begins && start.is_none() {
                start = Some((at, indent));
            }
            if let Some((first, outer)) = start
                && indent == outer
                && (line.trim() == "}" || line.ends_with(';') || line.ends_with("{}"))
            {
                let len = at - first + 1;
                assert!(len <= 70, "{}:{}: {len} lines", path.display(), first + 1);
                start = None;
            }
        }
    }
}

#[test]
fn nothing_is_unfinished() {
    for (path, text) in sources() {
        for mark in ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!("] {
            assert!(!text.contains(mark), "{} has a {mark}", path.display());
        }
    }
}
