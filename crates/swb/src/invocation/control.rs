//! The control socket, on both of its sides, as arguments.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Where a server is controlled.
#[derive(Debug, Args)]
pub(crate) struct ControlSocket {
    /// Opens a Unix socket by which `swb control` looks at this run and changes it.
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) control: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Control {
    /// What the server was given with --control.
    pub(crate) path: PathBuf,
    #[command(subcommand)]
    pub(crate) command: ControlCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ControlCommand {
    /// Shows the faults of each impaired address.
    Show,
    /// Changes faults, for open calls too: `delay=100ms`, `loss=in:5%`, `rate=off`; `off` alone takes all away.
    Set {
        /// Options of impair, as in an address; see `swb help impair`.
        #[arg(required = true)]
        words: Vec<String>,
        /// At which end: near, where callers come in, or far, whom a relay calls. Default: both.
        #[arg(long)]
        at: Option<EndArgument>,
    },
    /// Shows the open calls.
    Calls,
    /// Resets a call.
    Reset {
        /// Its number, as in the log and in `calls`.
        call: u64,
    },
    /// Closes a call: what is owed is delivered.
    Close {
        /// Its number, as in the log and in `calls`.
        call: u64,
    },
    /// Has the server answer nobody more and end once its calls have.
    Drain,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum EndArgument {
    Near,
    Far,
}
