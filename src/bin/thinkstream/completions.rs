//! `thinkstream completions`: what a shell needs to complete the program's arguments.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{Cli, Outcome};

/// Prints the completions for a shell.
///
/// Example: `thinkstream completions bash > ~/.local/share/bash-completion/completions/thinkstream`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> io::Result<Outcome> {
    // Into memory first: it panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "thinkstream", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(Outcome::Complete)
}
