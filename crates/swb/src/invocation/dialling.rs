//! Whom a relay calls, of several, again, and whom it holds while it cannot, as arguments.

use clap::Args;
use switchboard::services::Balance;

#[derive(Debug, Args)]
pub(crate) struct Dialling {
    /// Calls FROM too, and joins the one who answers there to TO: two servers are joined, or one behind a wall to one
    /// before it.
    #[arg(long)]
    pub(crate) dial: bool,
    /// Begins again when the call has ended, and until FROM is reached, with a wait that doubles from retry-wait to
    /// retry-wait-max after calls that did not end well. FROM is called (--dial), or a program, a file or a terminal.
    #[arg(long)]
    pub(crate) forever: bool,
    /// Whose turn it is where there are several to call: round-robin, least-calls, or failover, the first that is
    /// reached. One that is not is passed over for this caller, and gets no others for a time. Default: round-robin.
    #[arg(long, value_name = "HOW")]
    pub(crate) balance: Option<Balance>,
    /// Callers held at once while nobody is reached and ?retry= says to try again; further ones are reset.
    /// Default: --max-calls.
    #[arg(long, value_name = "N")]
    pub(crate) hold_max: Option<u32>,
}
