//! `lacuna completion`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::exit::Ending;

/// Print the completion script of a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lacuna completion bash > /etc/bash_completion.d/lacuna")]
pub(crate) struct Args {
    /// The shell.
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Ending {
    clap_complete::generate(args.shell, &mut super::Cli::command(), "lacuna", &mut std::io::stdout());
    Ending::Complete
}
