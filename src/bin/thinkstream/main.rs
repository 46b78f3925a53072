//! Looks at the event streams of language-model servers.

mod check;
mod completions;
mod decode;
mod decoded;
mod demo;
mod input;
mod json;
mod man;
mod output;
mod pace;
mod record;
mod recording;
mod replay;
mod report;
mod sanitize;
mod screen;
mod serve;
mod sse;
mod stats;

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Looks at the event streams of language-model servers.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

// Each command's own arguments say what it is for.
#[derive(Subcommand)]
enum Command {
    Decode(decode::Args),
    Check(check::Args),
    Stats(stats::Args),
    Report(report::Args),
    Sse(sse::Args),
    Demo(demo::Args),
    Record(record::Args),
    Replay(replay::Args),
    Serve(serve::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// How a command ended, if it could do its work.
enum Outcome {
    Complete,
    /// The stream failed or was incomplete.
    Failed,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Decode(args) => decode::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Stats(args) => stats::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Sse(args) => sse::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Record(args) => record::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    };
    match result {
        Ok(Outcome::Complete) => ExitCode::SUCCESS,
        Ok(Outcome::Failed) => ExitCode::from(1),
        // The reader of our output has seen enough (`| head`).
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            note(&error);
            ExitCode::from(2)
        }
    }
}

/// Says something on the standard error. If nobody reads that, nothing is lost.
fn note(text: &dyn Display) {
    // It may quote a file.
    let text = text.to_string();
    let _ = writeln!(io::stderr(), "thinkstream: {}", sanitize::sanitize(&text));
}
