//! What `swb load` was asked: the load, how it is told, or which engines are compared.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, value_parser};

use super::{Log, duration, size};

#[derive(Debug, Args)]
pub(crate) struct Load {
    /// Whom to call, through the layers of its address; exec:COMMAND and sh:COMMAND start a program for each call. With
    /// --engines: what to serve, such as echo or 'reply ok'.
    #[arg(value_name = "ADDRESS|SERVICE")]
    pub(crate) target: String,
    /// Calls that are open at once. With --engines a list of numbers. Default: 10; 1,10,100,1000 for --engines.
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = value_parser!(u32).range(1..))]
    pub(crate) calls: Vec<u32>,
    /// Messages a second, all calls together, sent whatever the server does (open loop): latency counts from when a
    /// message was due. Default: each call sends the next when an answer has come (closed loop).
    #[arg(long, value_name = "PER-SECOND", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// Messages of one call that may be on their way at once. Default: 1; 128 with --rate.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=65_536))]
    pub(crate) in_flight: Option<u32>,
    /// How long messages are sent. Default: 10s; with --count at most 60s; 1s a round for --engines.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// Messages in all.
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..), conflicts_with = "engines")]
    pub(crate) count: Option<u64>,
    /// A new call for each message.
    #[arg(long)]
    pub(crate) churn: bool,
    /// Opens the calls and holds them; nothing is said.
    #[arg(long, conflicts_with_all = ["churn", "rate", "count", "message", "size", "expect", "in_flight", "engines"])]
    pub(crate) idle: bool,
    /// Opens the calls evenly over this time.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) ramp: Option<Duration>,
    /// Messages of this first time are answered but not counted. Default: 0s; 500ms for --engines.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) warm_up: Option<Duration>,
    /// How long an answer may take; then a datagram is lost, and a connection has failed. Default: 1s for datagrams
    /// and for --engines, otherwise 10s.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// Length of each message. Default: 64 bytes.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) size: Option<usize>,
    /// What each message is: exactly these bytes, or those of a file. Default: letters and a line end.
    #[arg(long, value_name = "TEXT|@FILE", conflicts_with = "size")]
    pub(crate) message: Option<String>,
    /// What each answer has to be: echo (the message), none, length:N (any N bytes), or a text; text:TEXT for one that
    /// looks like those.
    #[arg(long, value_name = "echo|TEXT|length:N|none", default_value = "echo")]
    pub(crate) expect: String,
    /// Threads that generate the load.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u16).range(1..=1024))]
    pub(crate) threads: u16,
    /// Prints one JSON object, for programs.
    #[arg(long)]
    pub(crate) json: bool,
    /// Draws rate and latency over time; with --engines, each engine over the number of callers.
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) plot: Option<PathBuf>,
    /// Serves SERVICE under these engines in turn, in processes of their own, and compares them: all, or a list of
    /// names.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) engines: Vec<String>,
    /// How often each engine has its turn; the medians are told.
    #[arg(long, value_name = "N", default_value_t = 3, requires = "engines", value_parser = value_parser!(u16).range(1..=99))]
    pub(crate) rounds: u16,
    /// Where the engines serve.
    #[arg(long, value_name = "ADDRESS", default_value = "tcp://127.0.0.1:0", requires = "engines")]
    pub(crate) at: String,
    #[command(flatten)]
    pub(crate) log: Log,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 =
        text.parse().map_err(|_| "a number of messages a second is wanted, such as 5000".to_owned())?;
    if rate > 0.0 && rate <= 1e9 { Ok(rate) } else { Err("it must be above 0 and at most 1e9".to_owned()) }
}
