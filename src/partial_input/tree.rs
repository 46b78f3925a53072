//! The arguments as a tree that grows.

use core::mem;

use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value};

use super::decode;
use super::path::{InputSegment, Stack};
use super::scan::{Scanner, Step};

/// What the settled text means.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    root: Value,
    /// It reads the text a second time, as far as the tree has been asked for.
    scanner: Scanner,
    stack: Stack,
    /// While the tree grows, the objects and arrays that are open and the string that is, each taken
    /// out of the one before it.
    open: Vec<Value>,
    /// Up to where the open string has been read.
    text_at: Option<usize>,
}

impl Tree {
    /// What `text` means, which `front` has read.
    pub(super) fn update(&mut self, text: &str, front: &Scanner) -> &Value {
        // What has come since is no part of the tree yet.
        if self.scanner.settled() != front.settled() {
            self.detach();
            self.grow(text, front);
            self.attach();
        }
        &self.root
    }

    fn grow(&mut self, text: &str, front: &Scanner) {
        loop {
            let new = text.get(self.scanner.at()..front.at()).unwrap_or_default();
            match self.scanner.step(new.as_bytes()) {
                // `front` would have stopped before what is wrong.
                Ok(Step::More) | Err(_) => break,
                Ok(step) => self.apply(step, text),
            }
        }
        // The byte that ended it has been looked at, not taken.
        if front.is_behind_value()
            && let Some(step) = self.scanner.end_scalar()
        {
            self.apply(step, text);
        }
        if let Some(start) = self.scanner.open_text() {
            self.append(text, start, self.scanner.settled());
        }
    }

    fn apply(&mut self, step: Step, text: &str) {
        match step {
            Step::Open { object } => {
                self.stack.open(0, object);
                let empty =
                    if object { Value::Object(Map::new()) } else { Value::Array(Vec::new()) };
                self.open.push(empty);
            }
            Step::Key(start, end) => self.stack.key(&decode(text, start, end)),
            Step::Item => self.stack.item(),
            Step::Text(start, end) => {
                self.append(text, start, end);
                self.text_at = None;
                self.put_last();
            }
            Step::Scalar(start, end) => {
                let raw = text.get(start..end).unwrap_or_default();
                self.put(serde_json::from_str(raw).unwrap_or_default());
            }
            Step::Close => {
                self.stack.close();
                self.put_last();
            }
            Step::More => {}
        }
    }

    /// Appends to the open string, which begins at `start`, what has come up to `end`.
    fn append(&mut self, text: &str, start: usize, end: usize) {
        let from = self.text_at.replace(end).unwrap_or_else(|| {
            self.open.push(Value::String(String::new()));
            start
        });
        if let Some(Value::String(open)) = self.open.last_mut() {
            open.push_str(&decode(text, from, end));
        }
    }

    /// Puts the last open value into the one before it.
    fn put_last(&mut self) {
        if let Some(value) = self.open.pop() {
            self.put(value);
        }
    }

    fn put(&mut self, value: Value) {
        let segment = self.open.len().checked_sub(1).and_then(|level| self.stack.segment(level));
        let Some((outer, segment)) = self.open.last_mut().zip(segment) else {
            self.root = value;
            return;
        };
        if let Some(slot) = slot(outer, segment) {
            *slot = value;
            return;
        }
        match (outer, segment) {
            (Value::Object(members), InputSegment::Key(key)) => {
                drop(members.insert(key.into(), value));
            }
            (Value::Array(items), InputSegment::Index(_)) => items.push(value),
            _ => {}
        }
    }

    /// Takes the open values out of each other.
    fn detach(&mut self) {
        let path = self.stack.path();
        let open = path.depth().saturating_add(usize::from(self.text_at.is_some()));
        if open == 0 {
            return;
        }
        let mut value = mem::take(&mut self.root);
        for segment in path.segments().take(open.saturating_sub(1)) {
            let inner = slot(&mut value, segment).map(mem::take).unwrap_or_default();
            self.open.push(mem::replace(&mut value, inner));
        }
        self.open.push(value);
    }

    fn attach(&mut self) {
        while !self.open.is_empty() {
            self.put_last();
        }
    }
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            root: Value::Object(Map::new()),
            scanner: Scanner::default(),
            stack: Stack::default(),
            open: Vec::new(),
            text_at: None,
        }
    }
}

/// The value at a place of an object or array, if there is one.
fn slot<'a>(outer: &'a mut Value, segment: InputSegment<'_>) -> Option<&'a mut Value> {
    match (outer, segment) {
        (Value::Object(members), InputSegment::Key(key)) => members.get_mut(key),
        (Value::Array(items), InputSegment::Index(index)) => items.get_mut(index),
        _ => None,
    }
}
