//! Shows a reply to a person, as it comes.

use std::borrow::Cow;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use thinkstream::{
    Complete, Content, Error, Event, Message, Rule, StopReason, Text, ToolCall, ToolKind,
};

use crate::sanitize::sanitize;

/// Writes events for a person. On a terminal, a live line counts while the model thinks.
pub(crate) struct Screen<W> {
    out: W,
    terminal: bool,
    colour: bool,
    show_thinking: bool,
    /// What the last line of the output belongs to.
    showing: Showing,
    /// Nothing stands in the last line.
    fresh: bool,
    /// The last sign of anything but thinking: since then the model thinks.
    since: Instant,
    thinking: bool,
    /// Characters of thinking, and the provider's estimate of its tokens.
    thought: (u64, u64),
    warnings: Vec<(Rule, u64)>,
    unknown: u64,
    /// The choice that the events are of.
    choice: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Showing {
    Nothing,
    /// The line that counts, which is overwritten.
    Counter,
    Thinking,
    /// The text of this block.
    Text(u32),
}

impl<W: Write> Screen<W> {
    pub(crate) fn new(out: W, terminal: bool, show_thinking: bool) -> Self {
        Self {
            out,
            terminal,
            colour: colour(terminal),
            show_thinking,
            showing: Showing::Nothing,
            fresh: true,
            since: Instant::now(),
            thinking: false,
            thought: (0, 0),
            warnings: Vec::new(),
            unknown: 0,
            choice: 0,
        }
    }

    pub(crate) fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Choice(choice) => self.choice = choice.choice,
            Event::Complete(done) => self.complete(done)?,
            // Only one reply can be shown as it comes; the others follow it.
            _ if self.choice != 0 => {}
            Event::Thinking(thinking) => {
                self.thought.0 += thinking.text.chars().count() as u64;
                self.thought.1 += u64::from(thinking.estimated_tokens);
                self.think(&thinking.text)?;
            }
            Event::Signature(_) => self.think("")?,
            // While thinking is withheld, pings are all there is to see.
            Event::Ping if self.thinking || self.showing == Showing::Nothing => self.count()?,
            Event::RedactedThinking(_) => self.aside("thinking, readable only by the provider")?,
            Event::Token(token) => {
                self.start(Showing::Text(token.index))?;
                self.print(&sanitize(&token.text))?;
            }
            Event::ToolCall(call) => self.tool_call(call)?,
            Event::Block(block) if matches!(block.block.content, Content::Other(_)) => {
                self.aside(&one_line(block.block.content.kind()))?;
            }
            Event::Unknown(_) => self.unknown += 1,
            Event::Warning(warning) => self.warn(warning.rule),
            _ => {}
        }
        self.out.flush()
    }

    pub(crate) fn error(&mut self, error: &Error) -> io::Result<()> {
        let message = &error.partial().message;
        self.start(Showing::Nothing)?;
        if message.id.is_none() && message.content.is_empty() && self.unknown == 0 {
            return Ok(());
        }
        self.table(message, error.request_id())?;
        let whole = message.content.iter().filter(|block| block.complete).count();
        let blocks = if whole == 1 { "block" } else { "blocks" };
        let cut = message.content.len() - whole;
        self.row("received", &format!("{whole} whole {blocks}, {cut} cut"))
    }

    fn think(&mut self, text: &str) -> io::Result<()> {
        self.thinking = true;
        if !self.show_thinking {
            return self.count();
        }
        if !text.is_empty() {
            self.start(Showing::Thinking)?;
            let (on, off) = self.style("2");
            write!(self.out, "{on}")?;
            self.print(&sanitize(text))?;
            write!(self.out, "{off}")?;
        }
        Ok(())
    }

    /// Writes the line that counts over itself.
    fn count(&mut self) -> io::Result<()> {
        if self.terminal && !self.show_thinking {
            self.start(Showing::Counter)?;
            let (on, off) = self.style("2");
            let seconds = self.since.elapsed().as_secs_f64();
            let amount = self.amount();
            write!(self.out, "\r\x1b[2K{on}thinking … {seconds:.1} s{amount}{off}")?;
        }
        Ok(())
    }

    /// Says how much was thought, if anything was, before what comes now.
    fn end_thinking(&mut self, thought_for: Duration) -> io::Result<()> {
        if self.showing == Showing::Counter {
            write!(self.out, "\r\x1b[2K")?;
            self.showing = Showing::Nothing;
        }
        if !core::mem::take(&mut self.thinking) {
            return Ok(());
        }
        let amount = match self.amount() {
            amount if amount.is_empty() => ", text withheld".to_owned(),
            amount => amount,
        };
        self.thought = (0, 0);
        // Of a file, the time says how fast it was read.
        let time = if self.terminal {
            format!(" for {:.1} s", thought_for.as_secs_f64())
        } else {
            String::new()
        };
        self.end_line()?;
        let (on, off) = self.style("2");
        writeln!(self.out, "{on}[thought{time}{amount}]{off}")
    }

    fn amount(&self) -> String {
        match self.thought {
            (0, 0) => String::new(),
            (0, tokens) => format!(", about {}", counted(tokens, "token")),
            (characters, _) => format!(", {}", counted(characters, "character")),
        }
    }

    fn tool_call(&mut self, call: &ToolCall) -> io::Result<()> {
        self.start(Showing::Nothing)?;
        let (on, off) = self.style("36");
        let kind = call.kind.block_type();
        let name = one_line(&call.name);
        match &call.input {
            Ok(input) => writeln!(self.out, "{on}{kind} {name}{off} {}", one_line(input)),
            Err(invalid) => {
                let verdict =
                    if call.kind == ToolKind::Client { "not to be run" } else { "invalid" };
                let raw = one_line(&invalid.raw);
                writeln!(self.out, "{on}{kind} {name}{off} {raw} ({verdict}: {})", invalid.reason)
            }
        }
    }

    fn warn(&mut self, rule: Rule) {
        match self.warnings.iter_mut().find(|(known, _)| *known == rule) {
            Some((_, times)) => *times += 1,
            None => self.warnings.push((rule, 1)),
        }
    }

    fn complete(&mut self, done: &Complete) -> io::Result<()> {
        for other in &done.choices {
            self.aside(&format!("choice {}", other.choice))?;
            self.print(&sanitize(&other.text()))?;
            for tool in other.tool_calls() {
                self.end_line()?;
                writeln!(self.out, "{} {}", tool.kind.block_type(), one_line(&tool.name))?;
            }
        }
        self.start(Showing::Nothing)?;
        self.end_line()?;
        self.table(&done.message, done.request_id.as_ref())?;
        if !done.message.tools_safe_to_run() && done.message.tool_calls().next().is_some() {
            self.row("tool calls", "not safe to run")?;
        }
        Ok(())
    }

    fn table(&mut self, message: &Message, request_id: Option<&Text>) -> io::Result<()> {
        writeln!(self.out)?;
        let usage = &message.usage;
        let text = |text: Option<&str>| text.unwrap_or("unknown").to_owned();
        let count = |count: Option<u64>| count.map_or_else(|| "unknown".to_owned(), grouped);
        let split = &usage.cache_creation;
        let written = match (split.ephemeral_5m_input_tokens, split.ephemeral_1h_input_tokens) {
            (None, None) => ("cache write", count(usage.cache_creation_input_tokens)),
            (short, long) => ("cache write 5m / 1h", format!("{} / {}", count(short), count(long))),
        };
        let unknown = if self.unknown == 0 { String::new() } else { grouped(self.unknown) };
        let warnings = core::mem::take(&mut self.warnings);
        for (name, value) in [
            ("stop reason", text(message.stop_reason.as_ref().map(StopReason::as_str))),
            ("stop sequence", message.stop_sequence.as_deref().unwrap_or_default().to_owned()),
            ("refused", refusal(message)),
            ("request id", text(request_id.map(Text::as_str))),
            ("model", text(message.model.as_deref())),
            ("input tokens", count(usage.input_tokens)),
            ("output tokens", count(usage.output_tokens)),
            ("thinking tokens", count(usage.thinking_tokens)),
            ("cache read", count(usage.cache_read_input_tokens)),
            written,
            ("citations", citations(message)),
            ("unknown events", unknown),
            ("warnings", warnings.into_iter().map(times).collect::<Vec<_>>().join(", ")),
        ] {
            if !value.is_empty() {
                self.row(name, &value)?;
            }
        }
        Ok(())
    }

    fn row(&mut self, name: &str, value: &str) -> io::Result<()> {
        let (on, off) = self.style("2");
        writeln!(self.out, "{on}{name:>19}{off}  {}", one_line(value))
    }

    /// A line about the reply, not of it.
    fn aside(&mut self, line: &str) -> io::Result<()> {
        self.start(Showing::Nothing)?;
        let (on, off) = self.style("2");
        writeln!(self.out, "{on}[{line}]{off}")
    }

    /// Ends what was shown, if something else comes now.
    fn start(&mut self, next: Showing) -> io::Result<()> {
        if !matches!(next, Showing::Counter | Showing::Thinking) {
            let thought_for = self.since.elapsed();
            self.since = Instant::now();
            self.end_thinking(thought_for)?;
        }
        if self.showing != next {
            self.end_line()?;
        }
        self.showing = next;
        Ok(())
    }

    fn print(&mut self, text: &str) -> io::Result<()> {
        self.fresh = text.ends_with('\n') || self.fresh && text.is_empty();
        write!(self.out, "{text}")
    }

    fn end_line(&mut self) -> io::Result<()> {
        if !core::mem::replace(&mut self.fresh, true) {
            writeln!(self.out)?;
        }
        Ok(())
    }

    fn style(&self, code: &str) -> (String, &'static str) {
        if self.colour { (format!("\x1b[{code}m"), "\x1b[0m") } else { (String::new(), "") }
    }
}

/// Whether colours are wanted where it is written.
pub(crate) fn colour(terminal: bool) -> bool {
    terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Text of the model or the server that must not look like several lines.
pub(crate) fn one_line(text: &str) -> String {
    sanitize(text).replace('\n', "␊")
}

fn refusal(message: &Message) -> String {
    let Some(details) = message.stop_details() else {
        return String::new();
    };
    let parts = [details.category, details.explanation];
    parts.iter().flatten().map(Text::as_str).collect::<Vec<_>>().join(": ")
}

fn citations(message: &Message) -> String {
    let cited = message.content.iter().map(|block| match &block.content {
        Content::Text(text) => text.citations.len() as u64,
        _ => 0,
    });
    match cited.sum() {
        0 => String::new(),
        count => grouped(count),
    }
}

fn times((rule, times): (Rule, u64)) -> String {
    match times {
        1 => rule.name().to_owned(),
        times => format!("{} ×{}", rule.name(), grouped(times)),
    }
}

/// The name of an event that is not known, which may be none.
pub(crate) fn event_name(name: &str) -> Cow<'_, str> {
    if name.is_empty() { "(no name)".into() } else { brief(name) }
}

/// A name of others, which is not made to be long: the beginning of one that is.
pub(crate) fn brief(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", &name[..end]).into(),
        None => name.into(),
    }
}

pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
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

/// Characters of a name that are shown.
const NAME: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(counted(1, "token"), "1 token");
        assert_eq!(counted(0, "token"), "0 tokens");
        assert_eq!(times((Rule::ClosedBlock, 1)), "closed_block");
        assert_eq!(times((Rule::ClosedBlock, 3)), "closed_block ×3");
    }

    #[test]
    fn a_name_is_no_text() {
        let name = "日".repeat(200);
        assert_eq!(brief(&name), name);
        assert_eq!(brief(&format!("{name}本")), format!("{name}…"));
    }
}
