//! The command line as types: what was asked for, before anything is looked at.

mod admission;
mod control;
mod dialling;
mod engine;
mod load;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use switchboard::services::{Prefix, TimeFormat, Until};
use switchboard::{Format, Framing};

pub(crate) use admission::{Access, Admission};
pub(crate) use control::{Control, ControlCommand, ControlSocket, EndArgument};
pub(crate) use dialling::Dialling;
pub(crate) use engine::EngineArguments;
pub(crate) use load::Load;

/// What `swb` was asked to do.
#[derive(Debug, Parser)]
#[command(
    name = "swb",
    version,
    disable_help_subcommand = true,
    about = "Connects any two processes over any socket, and serves callers",
    after_help = "Addresses: tcp://HOST:PORT  udp://HOST:PORT  unix:PATH  unix-dgram:PATH  unix-seqpacket:PATH\n\
        (@NAME: abstract)  fd:N  exec:COMMAND  sh:COMMAND  -  HOST:PORT is tcp, :PORT every address.\n\
        Options follow a question mark: 'tcp://:80?backlog=5&nodelay=off'.\n\
        More: swb help addresses, options, impair, ends, typing, engines, or a command.\n\n\
        Exit status: 0 done, 1 other, 2 usage, 3 name not found, 4 refused or unreachable, 5 timed out,\n\
        6 reset or broken, 7 cannot bind, 8 not supported by this kernel, 9 not trusted (TLS),\n\
        128+N by signal N."
)]
pub(crate) struct Invocation {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Shows each socket call on standard error as it is made: what it was given and what it answered.
    #[arg(long, global = true)]
    pub(crate) trace: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Joins standard input and output to an address.
    Connect(Connect),
    /// Answers one caller and joins it to standard input and output.
    Listen(Listen),
    /// Sends one message, prints the answer, ends.
    Ask(Ask),
    /// Answers callers with a service.
    Serve(Serve),
    /// Offers load to a server and measures it.
    Load(Box<Load>),
    /// Joins each caller of one address to another address.
    Relay(Relay),
    /// Looks at a server that was started with --control, and changes it.
    Control(Control),
    /// Shows the addresses of names, and the names of addresses.
    Resolve(Resolve),
    /// Shows the tables: schemes, layers, services, engines, options.
    List(List),
    /// Shows what this kernel and this user allow, and what would change it.
    Doctor(Doctor),
    /// Says what a command would do, socket call by socket call, and does none of it.
    Explain(Explain),
    /// Explains a topic (addresses, options, impair, ends, typing, engines) or a command.
    Help(Help),
    /// Plays the scenes of a lecture on sockets, live on this machine, and checks each.
    Tour(Tour),
}

#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// Whom to call.
    pub(crate) address: String,
    /// Calls again when the call has ended, and until it succeeds, with a wait that doubles from retry-wait to
    /// retry-wait-max after calls that did not end well. The end of input ends it, once a call has ended with it.
    #[arg(long)]
    pub(crate) forever: bool,
    #[command(flatten)]
    pub(crate) terminal: Terminal,
    #[command(flatten)]
    pub(crate) log: Log,
}

#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// Where to be called.
    pub(crate) address: String,
    /// Goes on with the next caller when one has ended. Over datagrams: hears everyone, and answers whom it
    /// heard last.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Answers one caller; this is what it does anyway.
    #[arg(long, conflicts_with = "keep")]
    pub(crate) once: bool,
    #[command(flatten)]
    pub(crate) terminal: Terminal,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) ready: Ready,
    #[command(flatten)]
    pub(crate) log: Log,
}

/// How standard input and output are joined to a call.
#[derive(Debug, Args)]
pub(crate) struct Terminal {
    /// Keeps our half of the call open when the input ends.
    #[arg(long)]
    pub(crate) no_half_close: bool,
    /// Whose end ends the call. Default: the peer's, but both for a single `listen` and for a program.
    #[arg(long, value_name = "END")]
    pub(crate) until: Option<UntilArgument>,
    /// How input is cut into messages on a message transport: line, nul, u8, u16be, u16le, u32be, u32le.
    /// Default: a line is a message, its end included.
    #[arg(long)]
    pub(crate) framing: Option<Framing>,
    /// How long the peer may be quiet after the input has ended. Over tls and ws our half of the call ends then,
    /// and not before; on other message transports the call does. Default: 1s, and for ever for `listen` on those.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) wait: Option<Duration>,
    /// Ends a call that was silent in both directions for this long.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) idle_timeout: Option<Duration>,
    /// Sends line feeds in the input as CR LF.
    #[arg(long)]
    pub(crate) crlf: bool,
    /// Takes each line of input for values, and sends them packed as Python's struct does: `!q10s` is an
    /// integer of 8 bytes, big-endian, and a string of 10. Strings with spaces need quotes.
    #[arg(long, value_name = "FORMAT", conflicts_with_all = ["framing", "crlf"])]
    pub(crate) pack: Option<Format>,
    /// Prints what comes as lines of values: each message, or on a byte stream each as many bytes as the
    /// format has.
    #[arg(long, value_name = "FORMAT", value_parser = format_of_bytes, conflicts_with = "framing")]
    pub(crate) unpack: Option<Format>,
    /// Leaves lines to the terminal, which does not edit them. Default: they are edited, with the keys of
    /// Emacs, where input and output are a terminal; what comes meanwhile is shown above.
    #[arg(long)]
    pub(crate) no_edit: bool,
    /// Keeps typed lines in this file, to be had again with the up arrow in the next run too.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["no_edit", "raw"])]
    pub(crate) history: Option<PathBuf>,
    /// Sends typed lines that begin with ~ as they are. Default: on a terminal a line that is `~.` hangs up,
    /// `~?` tells the escapes, and `~~` at the beginning of a line sends ~.
    #[arg(long)]
    pub(crate) no_escape: bool,
    /// Sends a terminal what the peer sends, control characters and all; lines are not edited then.
    #[arg(long)]
    pub(crate) raw: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum UntilArgument {
    Peer,
    Both,
    Input,
}

impl From<UntilArgument> for Until {
    fn from(argument: UntilArgument) -> Until {
        match argument {
            UntilArgument::Peer => Until::Peer,
            UntilArgument::Both => Until::Both,
            UntilArgument::Input => Until::Input,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Ask {
    /// Whom to ask.
    pub(crate) address: String,
    /// What to send: exactly these bytes. With --pack: values.
    #[arg(required = true, allow_negative_numbers = true)]
    pub(crate) message: Vec<String>,
    /// How long to wait for an answer. Default: 1s for each try over datagrams, for ever on a connection.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// Over datagrams: how often the message is sent again when no answer comes.
    #[arg(long, default_value_t = 2)]
    pub(crate) retries: u32,
    /// Answers to print: messages, or frames.
    #[arg(long, default_value_t = 1)]
    pub(crate) replies: u64,
    /// How long to wait for further answers once the first has come.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "1s")]
    pub(crate) wait: Duration,
    /// Sends one frame and prints one frame, on a byte stream: line, nul, u8, u16be, u16le, u32be, u32le.
    #[arg(long)]
    pub(crate) framing: Option<Framing>,
    /// Sends line feeds in the message as CR LF.
    #[arg(long)]
    pub(crate) crlf: bool,
    /// Sends the values packed, as Python's struct does: `!q10s` is an integer of 8 bytes, big-endian, and a
    /// string of 10.
    #[arg(long, value_name = "FORMAT", conflicts_with = "crlf")]
    pub(crate) pack: Option<Format>,
    /// Prints the answer as a line of values; on a byte stream without --framing one for each as many bytes
    /// as the format has.
    #[arg(long, value_name = "FORMAT", value_parser = format_of_bytes)]
    pub(crate) unpack: Option<Format>,
    /// Sends a terminal what the peer sends, control characters and all.
    #[arg(long)]
    pub(crate) raw: bool,
    #[command(flatten)]
    pub(crate) log: Log,
}

#[derive(Debug, Args)]
#[command(subcommand_value_name = "SERVICE", subcommand_help_heading = "Services")]
pub(crate) struct Serve {
    #[command(subcommand)]
    pub(crate) service: ServiceArgument,
    #[command(flatten)]
    pub(crate) answering: Answering,
    /// Sends a terminal what callers send, control characters and all.
    #[arg(long, global = true)]
    pub(crate) raw: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Relay {
    /// Where to be called, or the one end that is joined: a program, a file, a terminal, or with --dial whom to call.
    pub(crate) from: String,
    /// Whom to call for each caller: one of these.
    #[arg(required = true, value_name = "TO")]
    pub(crate) to: Vec<String>,
    #[command(flatten)]
    pub(crate) dialling: Dialling,
    /// Where one address has messages and the other a byte stream: how messages are marked on the stream. One of
    /// line, nul, u8, u16be, u16le, u32be, u32le.
    #[arg(long)]
    pub(crate) framing: Option<Framing>,
    /// The longest framed message. Default: 1MiB.
    #[arg(long, value_name = "SIZE", value_parser = size, requires = "framing")]
    pub(crate) frame_max: Option<usize>,
    #[command(flatten)]
    pub(crate) answering: Answering,
}

/// How callers are answered, whatever with.
#[derive(Debug, Args)]
pub(crate) struct Answering {
    #[command(flatten)]
    pub(crate) engine: EngineArguments,
    #[command(flatten)]
    pub(crate) admission: Admission,
    #[command(flatten)]
    pub(crate) ready: Ready,
    #[command(flatten)]
    pub(crate) control: ControlSocket,
    #[command(flatten)]
    pub(crate) log: Log,
}

/// What is offered, and where.
#[derive(Debug, Subcommand)]
pub(crate) enum ServiceArgument {
    /// Sends everything back (RFC 862).
    Echo(Where),
    /// Swallows everything (RFC 863).
    Discard(Where),
    /// Prints what callers send on standard output.
    Print {
        /// Begins each line with its caller's address.
        #[arg(long, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_missing_value = "always")]
        prefix: Option<PrefixArgument>,
        #[command(flatten)]
        at: Where,
    },
    /// Sends a text to every caller.
    Say {
        /// What to say: exactly these bytes.
        text: String,
        #[command(flatten)]
        at: Where,
    },
    /// Answers a caller who has spoken.
    Reply {
        /// What to answer: exactly these bytes.
        text: String,
        /// Answers each frame of a byte stream: line, nul, u8, u16be, u16le, u32be, u32le.
        #[arg(long)]
        framing: Option<Framing>,
        /// The longest frame.
        #[arg(long, value_name = "SIZE", value_parser = size, requires = "framing")]
        frame_max: Option<usize>,
        /// Repeats the answer this often; see --times.
        #[arg(long, value_name = "DURATION", value_parser = duration, requires = "times")]
        every: Option<Duration>,
        /// How many times an answer is given.
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
        times: Option<u64>,
        #[command(flatten)]
        at: Where,
    },
    /// Tells callers who they are.
    Who {
        /// How long after the answer it says Bye.
        #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "10s")]
        bye_after: Duration,
        #[command(flatten)]
        at: Where,
    },
    /// Starts a program for each caller, which gets the caller's socket as standard input and output (inetd).
    Exec {
        /// The program and its arguments, cut into words as a shell cuts them.
        command: String,
        /// Has /bin/sh read the command.
        #[arg(long)]
        shell: bool,
        #[command(flatten)]
        at: Where,
    },
    /// Tells the time (RFC 867).
    Time {
        /// As a number of four bytes (RFC 868).
        #[arg(long)]
        binary: bool,
        #[command(flatten)]
        at: Where,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Where {
    /// Where to be called.
    #[arg(required = true, value_name = "ADDRESS")]
    pub(crate) addresses: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PrefixArgument {
    Always,
    /// While several callers are there.
    Several,
    Never,
}

impl From<PrefixArgument> for Prefix {
    fn from(argument: PrefixArgument) -> Prefix {
        match argument {
            PrefixArgument::Always => Prefix::Always,
            PrefixArgument::Several => Prefix::WhenSeveral,
            PrefixArgument::Never => Prefix::Never,
        }
    }
}

/// The form in which `time` tells it.
pub(crate) fn time_format(binary: bool) -> TimeFormat {
    if binary { TimeFormat::Binary } else { TimeFormat::Text }
}

/// What is said of a run, how, and where.
#[derive(Debug, Args)]
pub(crate) struct Log {
    /// Says who called and how each call ended; -vv adds how the network was to each TCP call: round-trip
    /// time, retransmits, congestion window.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Says nothing but errors.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// How messages are written. `json` writes one object a line for each event, as much as -v says.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) log: LogFormat,
    /// Appends messages to this file, each with its time, instead of saying them on standard error. A server
    /// opens it anew at SIGHUP.
    #[arg(long, global = true, value_name = "PATH", conflicts_with = "syslog")]
    pub(crate) log_file: Option<PathBuf>,
    /// Sends messages to the system's log (RFC 3164) instead of saying them on standard error. Default
    /// socket: /dev/log.
    #[arg(
        long,
        global = true,
        value_name = "SOCKET",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "/dev/log"
    )]
    pub(crate) syslog: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line for people.
    Text,
    /// A line for programs: one JSON object.
    Json,
    /// Nothing but the error that ends the command.
    Off,
}

/// How other programs learn that callers may come.
#[derive(Debug, Args)]
pub(crate) struct Ready {
    /// Writes the addresses to this inherited descriptor once callers may come, one a line, and closes it.
    #[arg(long, global = true, value_name = "N")]
    pub(crate) ready_fd: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Which table.
    pub(crate) table: Table,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Table {
    /// What an address can begin with.
    Schemes,
    /// What can lie on a transport.
    Layers,
    /// What callers can be offered.
    Services,
    /// Who can move the bytes, and what each can do.
    Engines,
    /// What can stand behind the question mark of an address.
    Options,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Prints one JSON object, for programs.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Looks names up first, which asks the network; without it they stay names.
    #[arg(long)]
    pub(crate) resolve: bool,
    /// The command with all its arguments, as it would be typed behind `swb`.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Help {
    /// addresses, options, ends, typing, engines, or a command such as `serve echo`. Default: all commands.
    #[arg(value_name = "TOPIC")]
    pub(crate) topic: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Tour {
    /// Plays only this scene, by its name or its row, such as long-calls or P14. May be repeated.
    #[arg(long = "scene", value_name = "NAME")]
    pub(crate) scenes: Vec<String>,
    /// Shows the scenes and plays none.
    #[arg(long)]
    pub(crate) list: bool,
    /// Prints one JSON object a scene, for programs. Its `passed` is null where this machine lacks what the scene
    /// needs.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Resolve {
    /// Host names, HOST:PORT, whole addresses, or IP addresses to find the names of.
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
}

fn duration(text: &str) -> Result<Duration, String> {
    switchboard::address::parse_duration(text).map_err(|error| error.to_string())
}

/// A format by which something can be unpacked again and again.
fn format_of_bytes(text: &str) -> Result<Format, String> {
    let format: Format = text.parse().map_err(|error: switchboard::ParseFormatError| error.to_string())?;
    if format.size_bytes() == 0 { Err("it has no bytes".to_owned()) } else { Ok(format) }
}

fn size(text: &str) -> Result<usize, String> {
    let bytes = switchboard::address::parse_size(text).map_err(|error| error.to_string())?;
    usize::try_from(bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_of_the_command_line_do_not_contradict_each_other() {
        Invocation::command().debug_assert();
    }
}
