//! Which engine answers, with what bounds, as arguments.

use std::time::Duration;

use clap::Args;
use switchboard::EngineChoice;

use super::duration;

#[derive(Debug, Args)]
pub(crate) struct EngineArguments {
    /// Who moves the bytes: auto, iterative, process, thread, poll, epoll, uring.
    #[arg(long, global = true, default_value = "auto")]
    pub(crate) engine: EngineChoice,
    /// Workers of an engine that has them. With one, calls are answered and relayed in the order in which they came.
    /// Default: one for each core.
    #[arg(long, global = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,
    /// Calls open at once; further callers wait. Default: as many as there are descriptors for.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_calls: Option<u32>,
    /// Ends calls that were silent in both directions for this long. Default: never; 60s for datagram peers.
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration)]
    pub(crate) idle_timeout: Option<Duration>,
    /// How many callers the kernel holds before they are answered.
    #[arg(long, global = true, value_name = "N")]
    pub(crate) backlog: Option<u16>,
    /// How long a worker of epoll or uring to which callers have just come looks for more before it sleeps, while that
    /// pays: nobody need wake it then, and it answers sooner. 0s: it sleeps at once.
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration, default_value = "5us")]
    pub(crate) busy_wait: Duration,
    /// How long open calls may go on after SIGTERM or SIGINT; a second signal ends them at once.
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration, default_value = "10s")]
    pub(crate) drain: Duration,
}
