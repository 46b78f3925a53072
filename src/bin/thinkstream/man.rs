//! `thinkstream man`: the manual.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::CommandFactory;
use clap_mangen::Man;

use crate::{Cli, Outcome};

/// Prints the manual page of the program, or writes those of all its commands.
///
/// Example: `thinkstream man | man -l -`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write a page for each command into this folder, `thinkstream.1`, `thinkstream-decode.1` and so on.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> io::Result<Outcome> {
    match &args.dir {
        Some(dir) => {
            let named = |error: io::Error| {
                io::Error::new(error.kind(), format!("{}: {error}", dir.display()))
            };
            std::fs::create_dir_all(dir).map_err(named)?;
            clap_mangen::generate_to(Cli::command(), dir).map_err(named)?;
        }
        None => {
            let mut page = Vec::new();
            Man::new(Cli::command().disable_help_subcommand(true)).render(&mut page)?;
            io::stdout().lock().write_all(&page)?;
        }
    }
    Ok(Outcome::Complete)
}
