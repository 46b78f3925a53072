//! Shows a reply that comes on the standard input: thinking dimmed, text as it is, and what it cost.
//!
//! ```sh
//! curl -sN https://api.anthropic.com/v1/messages … | cargo run --example stdin
//! ```

use std::io::{self, Write};

use thinkstream::{Decoder, Event, EventReader, Protocol};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = io::stdout().lock();
    for event in EventReader::new(io::stdin().lock(), Decoder::new(Protocol::Anthropic)) {
        match event? {
            Event::Thinking(thinking) => write!(out, "\x1b[2m{}\x1b[0m", thinking.text)?,
            Event::Token(token) => write!(out, "{}", token.text)?,
            Event::ToolCall(call) => match &call.input {
                Ok(input) => writeln!(out, "\n[{} {input}]", call.name)?,
                Err(invalid) => writeln!(out, "\n[{}, not to be run: {invalid}]", call.name)?,
            },
            Event::Complete(done) => {
                let reason = done.stop_reason().map_or("no reason", |reason| reason.as_str());
                writeln!(out, "\n\nstopped: {reason}\n{}", done.usage())?;
            }
            _ => {}
        }
        out.flush()?;
    }
    Ok(())
}
