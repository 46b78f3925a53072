//! Shows a reply to a person, as it comes.

use std::io::{self, Write};
use std::time::Instant;

use thinkstream::{Complete, Error, Event, Message, StopReason, Text, ToolCall};

use crate::sanitize::sanitize;

/// Writes events for a person. On a terminal, a live line counts while the model thinks.
pub(crate) struct Screen<W> {
    out: W,
    terminal: bool,
    colour: bool,
    show_thinking: bool,
    /// What the last line of the output belongs to.
    showing: Showing,
    thinking_since: Option<Instant>,
    /// Characters of thinking, and the provider's estimate of its tokens.
    thought: (usize, u64),
    warnings: Vec<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Showing {
    /// A line has just ended.
    Nothing,
    /// The line that counts, which is overwritten.
    Counter,
    Thinking,
    /// The text of this block.
    Text(u32),
}

impl<W: Write> Screen<W> {
    pub(crate) fn new(out: W, terminal: bool, show_thinking: bool) -> Self {
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            out,
            terminal,
            colour,
            show_thinking,
            showing: Showing::Nothing,
            thinking_since: None,
            thought: (0, 0),
            warnings: Vec::new(),
        }
    }

    pub(crate) fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Thinking(thinking) => {
                self.thought.0 += thinking.text.chars().count();
                self.thought.1 += u64::from(thinking.estimated_tokens);
                self.thinking(&thinking.text)?;
            }
            Event::Signature(_) => self.thinking("")?,
            Event::RedactedThinking(_) => {
                self.end_thinking()?;
                self.aside("thinking, readable only by the provider")?;
            }
            Event::Token(token) => {
                self.end_thinking()?;
                self.text(token.index, &token.text)?;
            }
            Event::ToolCall(call) => {
                self.end_thinking()?;
                self.tool_call(call)?;
            }
            Event::Ping if self.thinking_since.is_some() => self.thinking("")?,
            Event::Warning(warning) => self.warnings.push(warning.rule.name()),
            Event::Complete(done) => {
                self.end_thinking()?;
                self.complete(done)?;
            }
            _ => {}
        }
        self.out.flush()
    }

    pub(crate) fn error(&mut self, error: &Error) -> io::Result<()> {
        self.end_thinking()?;
        let partial = error.partial();
        let complete = partial.message.content.iter().filter(|block| block.complete).count();
        let cut = partial.message.content.len() - complete;
        self.table(&partial.message, error.request_id())?;
        self.row("received", &format!("{complete} whole blocks, {cut} cut"))
    }

    fn thinking(&mut self, text: &str) -> io::Result<()> {
        let since = *self.thinking_since.get_or_insert_with(Instant::now);
        if self.show_thinking {
            if text.is_empty() {
                return Ok(());
            }
            self.start(Showing::Thinking)?;
            let (on, off) = self.style("2");
            return write!(self.out, "{on}{}{off}", sanitize(text));
        }
        if self.terminal {
            self.start(Showing::Counter)?;
            let (on, off) = self.style("2");
            let line = self.thought_line(since);
            write!(self.out, "\r\x1b[2K{on}thinking … {line}{off}")?;
        }
        Ok(())
    }

    fn end_thinking(&mut self) -> io::Result<()> {
        let Some(since) = self.thinking_since.take() else {
            return Ok(());
        };
        if self.showing == Showing::Counter {
            write!(self.out, "\r\x1b[2K")?;
            self.showing = Showing::Nothing;
        }
        let line = self.thought_line(since);
        self.thought = (0, 0);
        self.aside(&format!("thought {line}"))
    }

    fn thought_line(&self, since: Instant) -> String {
        let seconds = since.elapsed().as_secs_f64();
        match self.thought {
            (0, 0) => format!("for {seconds:.1} s, text withheld"),
            (0, tokens) => format!("for {seconds:.1} s, about {} tokens", grouped(tokens)),
            (characters, _) => {
                format!("for {seconds:.1} s, {} characters", grouped(characters as u64))
            }
        }
    }

    fn text(&mut self, index: u32, text: &str) -> io::Result<()> {
        self.start(Showing::Text(index))?;
        write!(self.out, "{}", sanitize(text))
    }

    fn tool_call(&mut self, call: &ToolCall) -> io::Result<()> {
        self.start(Showing::Nothing)?;
        let (on, off) = self.style("36");
        let kind = call.kind.block_type();
        let name = sanitize(&call.name);
        match &call.input {
            Ok(input) => writeln!(self.out, "{on}{kind} {name}{off} {}", sanitize(input)),
            Err(invalid) => {
                writeln!(self.out, "{on}{kind} {name}{off} not run: {}", invalid.reason)
            }
        }
    }

    fn complete(&mut self, done: &Complete) -> io::Result<()> {
        self.table(&done.message, done.request_id.as_ref())?;
        if !done.tools_safe_to_run() && done.message.tool_calls().next().is_some() {
            self.row("tool calls", "not safe to run")?;
        }
        Ok(())
    }

    fn table(&mut self, message: &Message, request_id: Option<&Text>) -> io::Result<()> {
        self.start(Showing::Nothing)?;
        writeln!(self.out)?;
        let usage = &message.usage;
        let text = |text: Option<&str>| text.unwrap_or("unknown").to_owned();
        let count = |count: Option<u64>| count.map_or_else(|| "unknown".to_owned(), grouped);
        let stop = message.stop_reason.as_ref().map(StopReason::as_str);
        let split = &usage.cache_creation;
        let written = match (split.ephemeral_5m_input_tokens, split.ephemeral_1h_input_tokens) {
            (None, None) => count(usage.cache_creation_input_tokens),
            (short, long) => format!("{} / {}", count(short), count(long)),
        };
        for (name, value) in [
            ("stop reason", text(stop)),
            ("stop sequence", message.stop_sequence.as_deref().unwrap_or_default().to_owned()),
            ("request id", text(request_id.map(Text::as_str))),
            ("model", text(message.model.as_deref())),
            ("input tokens", count(usage.input_tokens)),
            ("output tokens", count(usage.output_tokens)),
            ("thinking tokens", count(usage.thinking_tokens)),
            ("cache read", count(usage.cache_read_input_tokens)),
            ("cache write 5m / 1h", written),
            ("warnings", core::mem::take(&mut self.warnings).join(", ")),
        ] {
            if !value.is_empty() {
                self.row(name, &value)?;
            }
        }
        Ok(())
    }

    fn row(&mut self, name: &str, value: &str) -> io::Result<()> {
        let (on, off) = self.style("2");
        writeln!(self.out, "{on}{name:>19}{off}  {}", sanitize(value).replace('\n', "␊"))
    }

    /// A line about the reply, not of it.
    fn aside(&mut self, line: &str) -> io::Result<()> {
        self.start(Showing::Nothing)?;
        let (on, off) = self.style("2");
        writeln!(self.out, "{on}[{line}]{off}")
    }

    /// Ends the line at hand, if it belongs to something else than what comes now.
    fn start(&mut self, next: Showing) -> io::Result<()> {
        if self.showing != next && self.showing != Showing::Nothing {
            writeln!(self.out)?;
        }
        self.showing = next;
        Ok(())
    }

    fn style(&self, code: &str) -> (String, &'static str) {
        if self.colour { (format!("\x1b[{code}m"), "\x1b[0m") } else { (String::new(), "") }
    }
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
