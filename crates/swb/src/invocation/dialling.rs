//! Whom a relay calls of several, and whom it holds while it cannot, as arguments.

use clap::Args;
use switchboard::services::Balance;

#[derive(Debug, Args)]
pub(crate) struct Dialling {
    /// Whose turn it is where there are several to call: round-robin, least-calls, or failover, the first that is
    /// reached. One that is not is passed over for this caller, and gets no others for a time. Default: round-robin.
    #[arg(long, value_name = "HOW")]
    pub(crate) balance: Option<Balance>,
    /// Callers held at once while nobody is reached and ?retry= says to try again; further ones are reset.
    /// Default: --max-calls.
    #[arg(long, value_name = "N")]
    pub(crate) hold_max: Option<u32>,
}
