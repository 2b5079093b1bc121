//! Who may call, how often, and what one call may cost, as arguments.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;
use switchboard::{AnswerRate, Rule};

use super::{duration, size};

/// Under which these stand in the help.
const HEADING: &str = "Who may call";

/// Who may call.
#[derive(Debug, Default, Args)]
pub(crate) struct Access {
    /// Answers only these callers: ADDRESS, NETWORK/BITS, FIRST-LAST, HOST, @FILE, uid:USER, gid:GROUP.
    ///
    /// Give it again, or commas between, for more. A host's addresses are looked up at the start. A file
    /// (@FILE or file:PATH) has such rules, one a line, and # begins a comment. A caller over IP is judged by
    /// addresses only; one at a Unix socket by users and (effective) groups only; behind proxy:// whom the PROXY
    /// header names, if the proxy may say so (?trust=). Others are reset, and their
    /// datagrams dropped; at a Unix socket, which has no reset, who has said nothing yet sees an end. At
    /// SIGHUP `swb serve` reads files and names again; open calls go on, and a rule that cannot be read
    /// changes nothing.
    #[arg(long, global = true, value_name = "RULE", value_delimiter = ',', help_heading = HEADING)]
    pub(crate) allow: Vec<Rule>,
    /// Refuses these callers, also those whom --allow names. The same rules as there.
    #[arg(long, global = true, value_name = "RULE", value_delimiter = ',', help_heading = HEADING)]
    pub(crate) deny: Vec<Rule>,
}

/// How many callers, how often, and at what cost.
#[derive(Debug, Args)]
pub(crate) struct Admission {
    #[command(flatten)]
    pub(crate) access: Access,
    /// Calls open at once of one peer; further ones are refused. Default: no limit.
    ///
    /// A peer is an IP address, a /64 of IPv6, or a user at a Unix socket.
    #[arg(long, global = true, value_name = "N", help_heading = HEADING)]
    pub(crate) max_calls_per_peer: Option<NonZeroU32>,
    /// New calls a second; further callers wait. Default: no limit.
    ///
    /// As many may come at once after a pause. Callers wait in the backlog; datagrams of further senders are
    /// dropped.
    #[arg(long, global = true, value_name = "N", value_parser = per_second, help_heading = HEADING)]
    pub(crate) rate: Option<NonZeroU32>,
    /// Answers a second to one source of datagrams, or `off`. Default: 1000, on loopback off.
    ///
    /// A source is an IP address or a /64 of IPv6; a tenth of the answers may go out at once. It binds services
    /// that answer anyone (echo, say, reply, who, time), so that two of them cannot be set upon each other.
    #[arg(long, global = true, value_name = "N", value_parser = answer_rate, help_heading = HEADING)]
    pub(crate) rate_per_peer: Option<AnswerRate>,
    /// Ends a call when more than this comes from its caller. Default: no limit.
    ///
    /// The service gets this much and its answer is delivered, within 2 s. Not for datagrams.
    #[arg(long, global = true, value_name = "SIZE", value_parser = size, help_heading = HEADING)]
    pub(crate) max_bytes_per_call: Option<usize>,
    /// Ends a call after this long, however busy it is. Default: no limit.
    ///
    /// What is owed by then is delivered, within 2 s.
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration, help_heading = HEADING)]
    pub(crate) max_call_duration: Option<Duration>,
    /// Becomes this user once all addresses are bound, before anybody is answered.
    ///
    /// By name or number, with the user's groups, and for good. What that user may not do is then not done: a
    /// log file that it cannot open is not opened anew at SIGHUP, a Unix path in a directory that it cannot
    /// write to is left behind; both are said.
    #[arg(long, global = true, value_name = "USER", help_heading = HEADING)]
    pub(crate) user: Option<String>,
    /// Becomes a member of this group, instead of the user's own.
    #[arg(long, global = true, value_name = "GROUP", help_heading = HEADING)]
    pub(crate) group: Option<String>,
}

/// Beyond this a rate is none.
const PER_SECOND_MAX: u32 = 1_000_000;

fn per_second(text: &str) -> Result<NonZeroU32, String> {
    let number = text.parse::<NonZeroU32>().ok().filter(|number| number.get() <= PER_SECOND_MAX);
    number.ok_or_else(|| format!("a rate is a number from 1 to {PER_SECOND_MAX}"))
}

fn answer_rate(text: &str) -> Result<AnswerRate, String> {
    if text == "off" {
        return Ok(AnswerRate::Off);
    }
    per_second(text).map(AnswerRate::Everyone).map_err(|error| format!("{error}, or the word off"))
}
