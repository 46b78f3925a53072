//! The arguments of a tool call, while they come.

mod path;
mod scan;
mod tree;

use core::mem;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;

use serde::Deserialize;
use serde_json::Value;

use self::path::Stack;
use self::scan::{Scanner, Step};
use self::tree::Tree;
use crate::json::JsonError;
use crate::json::string::Str;

pub use self::path::{InputPath, InputSegment};

/// The arguments of a tool call, as far as they have come.
///
/// It takes the pieces of [`Event::ToolInput`](crate::Event::ToolInput), cut anywhere, and gives each
/// field once it is whole, what there is so far as JSON that is whole, and the same as a tree. The work is
/// linear in the bytes of the arguments, whatever the cuts, and no byte is read again with the next piece.
///
/// The pieces of several calls may interleave: each call has a `PartialInput` of its own, by the `index` of
/// its events. The text of a [`Custom`](crate::ToolKind::Custom) call and the code of the Responses API's code
/// interpreter are no JSON, and nothing for this type.
///
/// What a field says is provisional: whether a call may be run is known only at the end of the
/// reply, see [`Complete::tools_safe_to_run`](crate::Complete::tools_safe_to_run). Any JSON value is taken,
/// also one that is no object, which a tool does not accept; [`Event::ToolCall`](crate::Event::ToolCall)
/// judges that. It holds what it is given and a completed copy, each in a buffer of up to twice its length.
/// What bounds them is the limit that the decoder has for a tool's input,
/// [`Limits::tool_input_bytes`](crate::Limits::tool_input_bytes).
///
/// # Errors
///
/// A provider that streams arguments without checking them sends what the model wrote, JSON or not. What
/// cannot become JSON any more is an error at the byte that [`Json::parse`](crate::Json::parse) of the whole
/// text names, as soon as that byte comes. Every later call gives the same error; the snapshot and the
/// tree stay as they were before that byte; and what comes is still kept in [`as_str`](Self::as_str).
///
/// # Example
///
/// ```
/// use std::collections::HashMap;
/// use thinkstream::{Decoder, Event, PartialInput, Protocol};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let chunks = BODY.as_bytes().chunks(50).map(bytes::Bytes::copy_from_slice);
/// let mut decoder = Decoder::new(Protocol::Anthropic);
/// let mut inputs: HashMap<u32, PartialInput> = HashMap::new();
/// let mut shown = Vec::new();
/// for mut chunk in chunks {
///     while let Some(event) = decoder.decode(&mut chunk)? {
///         let Event::ToolInput(piece) = event else { continue };
///         let input = inputs.entry(piece.index).or_default();
///         let mut fragment = piece.partial_json.as_str();
///         while let Some(field) = input.next_field(&mut fragment)? {
///             if field.path == "$.path" {
///                 println!("opening {}", field.json);
///             }
///         }
///         shown.push(input.snapshot().to_owned());
///     }
/// }
/// assert_eq!(shown, [
///     r#"{"path":"src"}"#,
///     r#"{"path":"src/lib.rs"}"#,
///     r#"{"path":"src/lib.rs","text":"fn main() {"}"#,
///     r#"{"path":"src/lib.rs","text":"fn main() {\n}"}"#,
/// ]);
/// assert!(inputs[&0].is_complete());
/// # Ok(())
/// # }
/// # const BODY: &str = r#"event: message_start
/// # data: {"type":"message_start","message":{"id":"msg_1","role":"assistant","content":[]}}
/// #
/// # event: content_block_start
/// # data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_1","name":"write","input":{}}}
/// #
/// # event: content_block_delta
/// # data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"path\":\"src"}}
/// #
/// # event: content_block_delta
/// # data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"/lib.rs\",\"te"}}
/// #
/// # event: content_block_delta
/// # data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"xt\":\"fn main() {\\"}}
/// #
/// # event: content_block_delta
/// # data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"n}\"}"}}
/// #
/// # "#;
/// ```
#[derive(Clone, Debug, Default)]
pub struct PartialInput {
    text: String,
    scanner: Scanner,
    stack: Stack,
    failed: Option<JsonError>,
    /// The text up to `copied`, and what closes it.
    completed: String,
    copied: usize,
    /// From the first time that it is asked for.
    tree: Option<Box<Tree>>,
}

/// A value that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InputField<'a> {
    /// Where it stands.
    pub path: InputPath<'a>,
    /// The value exactly as received: a part of [`PartialInput::as_str`].
    pub json: &'a str,
}

impl<'a> InputField<'a> {
    /// The value as a type of yours: a `String`, a number, a structure.
    ///
    /// # Errors
    ///
    /// If it is not what the type asks for.
    pub fn parse<T: Deserialize<'a>>(&self) -> serde_json::Result<T> {
        serde_json::from_str(self.json)
    }
}

impl PartialInput {
    /// Arguments of which nothing has come.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a piece to its end, and passes over the fields that it finishes.
    ///
    /// # Errors
    ///
    /// What is wrong with the arguments, and at which of their bytes.
    pub fn push(&mut self, fragment: &str) -> Result<(), JsonError> {
        let mut rest = fragment;
        let result = loop {
            match self.advance(&mut rest) {
                Ok(Some(_)) => {}
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.complete();
        result
    }

    /// Takes from the front of `fragment` up to the end of the next value that it finishes, and gives
    /// that. `None`: the piece is used up.
    ///
    /// Every value comes once, those in an object or array before it, and the root, `$`, last. A string
    /// is whole with its last quote, an object or array with its bracket; a number, `true`, `false` or
    /// `null` only with the byte behind it, which is not taken with it. One at the root is not given,
    /// for only [`finish`](Self::finish) knows that it is whole.
    ///
    /// # Errors
    ///
    /// What is wrong with the arguments, and at which of their bytes. The piece is used up then.
    pub fn next_field<'a>(
        &'a mut self,
        fragment: &mut &str,
    ) -> Result<Option<InputField<'a>>, JsonError> {
        let found = self.advance(fragment);
        self.complete();
        Ok(found?.map(|(start, end)| InputField {
            path: self.stack.path(),
            json: self.text.get(start..end).unwrap_or_default(),
        }))
    }

    /// Nothing more comes.
    ///
    /// Arguments of which nothing has come, or only white space, are `{}`: for a tool without parameters
    /// models send nothing. A number at the root, which could have gone on until now, is whole, and
    /// [`snapshot`](Self::snapshot) has it.
    ///
    /// # Errors
    ///
    /// [`Flaw::Unfinished`](crate::Flaw::Unfinished) if the value is not whole, or what was wrong before.
    pub fn finish(&mut self) -> Result<(), JsonError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let end = self.scanner.end();
        self.failed = end.err();
        self.complete();
        end
    }

    /// The JSON so far, completed: what is open is closed. `{}` before there is anything.
    ///
    /// A string is there up to its last whole character or escape; a number, `true`, `false` or `null`
    /// once it is whole; a member once it has a value. It is a beginning of what was received, with the
    /// brackets and the quote that lack, and kept up to date: reading it costs nothing.
    ///
    /// Half of a surrogate pair that is there to stay is kept, as in all of RFC 8259's JSON; `serde_json`
    /// refuses it, and [`Json`](crate::Json) does not.
    #[must_use]
    pub fn snapshot(&self) -> &str {
        if self.completed.is_empty() { "{}" } else { &self.completed }
    }

    /// What [`snapshot`](Self::snapshot) means.
    ///
    /// Kept up to date from the first call on: a call costs what has come since the last one, and a walk
    /// from the root through what is open, of which there are at most 128.
    ///
    /// Of members with the same key it has the last, and for half of a surrogate pair U+FFFD. Numbers are
    /// what `serde_json` makes of them, and `null` where it makes nothing of them; their digits are in
    /// [`InputField::json`].
    pub fn value(&mut self) -> &Value {
        self.tree.get_or_insert_default().update(&self.text, &self.scanner)
    }

    /// What was received.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the root is whole and nothing is wrong, so that nothing but white space may come.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed.is_none() && self.scanner.is_done()
    }

    /// Takes up to the end of the next value that is whole, and says where that begins and ends.
    fn advance(&mut self, fragment: &mut &str) -> Result<Option<(usize, usize)>, JsonError> {
        if let Some(error) = self.failed {
            self.text.push_str(mem::take(fragment));
            return Err(error);
        }
        loop {
            let from = self.scanner.at();
            let step = self.scanner.step(fragment.as_bytes());
            let taken = self.scanner.at().saturating_sub(from);
            // Steps end at characters; what is wrong is kept too.
            let cut = fragment.split_at_checked(taken).filter(|_| step.is_ok());
            let (taken, rest) = cut.unwrap_or((fragment, ""));
            self.text.push_str(taken);
            *fragment = rest;
            let step = step.inspect_err(|error| self.failed = Some(*error))?;
            if step == Step::More {
                return Ok(None);
            }
            if let Some(value) = self.follow(step) {
                return Ok(Some(value));
            }
        }
    }

    /// Keeps the path; gives where a value that is whole begins and ends.
    fn follow(&mut self, step: Step) -> Option<(usize, usize)> {
        let at = self.scanner.at();
        match step {
            Step::Open { object } => self.stack.open(at.saturating_sub(1), object),
            Step::Key(start, end) => self.stack.key(&decode(&self.text, start, end)),
            Step::Item => self.stack.item(),
            Step::Close => return Some((self.stack.close(), at)),
            Step::Text(start, end) => {
                return Some((start.saturating_sub(1), end.saturating_add(1)));
            }
            Step::Scalar(start, end) => return Some((start, end)),
            Step::More => {}
        }
        None
    }

    /// Brings the completed copy up to date. Nothing opens or closes while the settled text stays.
    fn complete(&mut self) {
        let settled = self.scanner.settled();
        if settled != self.copied {
            self.completed.truncate(self.copied);
            self.completed.push_str(self.text.get(self.copied..settled).unwrap_or_default());
            self.completed.extend(self.scanner.closers());
            self.copied = settled;
        }
    }
}

/// What stands between two places inside a string, unescaped.
fn decode(text: &str, start: usize, end: usize) -> Cow<'_, str> {
    let raw = text.get(start..end).unwrap_or_default();
    Str::new(raw, memchr::memchr(b'\\', raw.as_bytes()).is_some()).decode()
}
