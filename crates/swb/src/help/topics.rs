//! The topics of `swb help`: prose around the tables of schemes, options and engines.
//!
//! Protected: lines of the prose have at most 110 columns, and what a table holds is never said a second time.

#[path = "impair.rs"]
mod impair;

use std::fmt::Write as _;

use switchboard::address::{Kind, LAYERS, Layer, OPTIONS, OptionRow, SCHEMES, When};

use crate::commands::list;
use crate::invocation::Table;

/// A topic: `swb help NAME`, and the man page swb-NAME(7).
#[derive(Debug)]
pub struct Topic {
    /// Its name.
    pub name: &'static str,
    /// What it is about, in a line.
    pub about: &'static str,
    text: fn() -> String,
}

impl Topic {
    /// The whole text, in lines.
    #[must_use]
    pub fn text(&self) -> String {
        (self.text)()
    }
}

/// Every topic.
pub const TOPICS: &[Topic] = &[
    Topic {
        name: "addresses",
        about: "what a call travels over, and where its other end is",
        text: addresses,
    },
    Topic { name: "options", about: "what can stand behind the question mark of an address", text: options },
    Topic { name: "impair", about: "a bad network on purpose, the same each time", text: impair::text },
    Topic {
        name: "ends",
        about: "when a call ends, what is delivered before, and the exit status",
        text: ends,
    },
    Topic {
        name: "files",
        about: "files, named pipes, terminals, lines and interfaces as ends",
        text: files,
    },
    Topic { name: "typing", about: "keys, escapes and values at a terminal", text: typing },
    Topic { name: "engines", about: "who moves the bytes of many calls", text: engines },
];

fn addresses() -> String {
    let mut text = "\
An address says what a call travels over and where its other end is:

"
    .to_owned();
    for row in SCHEMES {
        let roles = match (row.listens, row.connects) {
            (true, true) => "listens, connects",
            (true, false) => "listens",
            (false, _) => "connects",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {}\n      {}; {roles}; {}", row.syntax, row.help, row.man);
    }
    text.push_str(
        "
Layers stand in front of the transport with + between them, the outermost first: ws+tls+tcp://HOST:PORT

",
    );
    for row in LAYERS {
        let _ = writeln!(text, "  {}\n      {}; carries {}; {}", row.name, row.help, row.carries(), row.spec);
    }
    let lies_on = |layer: Layer| layer.row().lies_on().collect::<Vec<_>>().join(", ");
    let _ = writeln!(
        text,
        "\nThey lie on a byte stream: {}. Those that carry what they lie on lie on messages too:\n{}; the other end \
         knows nothing of them, and an option of\ntheirs is enough to ask for them. With connect, listen, ask, serve, \
         relay and load.",
        lies_on(Layer::Tls),
        lies_on(Layer::Impair)
    );
    text.push_str(
        "
Short forms
  HOST:PORT                                 tcp://HOST:PORT
  :PORT                                     every address of this host when listening, localhost when
                                            connecting
  /PATH  ./PATH  ../PATH                    unix:PATH
  tls://HOST:PORT                           tls+tcp://HOST:PORT; so are ws:// and proxy://
  wss                                       ws+tls, also in front of others: wss+proxy://HOST:PORT
  ws://HOST:PORT/PATH                       ws://HOST:PORT?path=/PATH

HOST is a name, an IPv4 address, or an IPv6 address in brackets: [::1]. A name may have several
addresses: `connect` tries all of them, the next one 250 ms after the last (RFC 8305), and the first that
answers is taken. `swb resolve NAME` shows them.

PORT is a number from 0 to 65535 or a service's name (services(5)): http. Port 0 asks the kernel for a free
one; the line `listening ADDRESS` says which it is. A port below 1024 needs privilege on most systems
(`swb doctor` says whether here).

A listener on :PORT or [::]:PORT answers IPv4 and IPv6; 0.0.0.0:PORT answers IPv4 alone.

A listener on a multicast group, udp://239.1.2.3:PORT or udp://[ff02::1234%IF]:PORT, joins it; ?join=GROUP
joins further ones, ?source=HOST hears one host only, ?multicast-interface=IF says where. Who calls a group, or
a broadcast address with ?broadcast, hears whoever answers.

Behind proxy:// the caller is whom the PROXY header names: for --allow, --deny and --max-calls-per-peer, for
services and programs, and in the log. ?trust=NETWORK says whose headers are believed; unless given, those of
whoever can connect.

@NAME is an abstract name of unix(7): no file, gone with the last socket. At a path, a listener removes only
its own dead socket, never a file.

fd:N is a socket that was open when swb was started, such as one from a super-server.

file:, fifo:, pty:, serial: and tun: open what their names say: `swb help files`. Where one stands first, as in `swb relay
pty:?link=PATH HOST:PORT`, it is one caller who is there already, and the command ends with it; so do `-`, exec: and
sh:.

exec:COMMAND and sh:COMMAND are programs: one is started for each call, and the call is its standard input and
output. Its standard error is ours unless ?stderr= says otherwise; with ?pty it gets a terminal of its own. The end of a call closes its input; when it has closed both, the call is over,
and its exit status is told with -v. `exec` cuts words at spaces that no quote holds and nothing more; `sh` has
/bin/sh read the command. A relay's program finds in its environment who called: PROTO, TCPREMOTEIP, TCPREMOTEPORT,
TCPLOCALIP, TCPLOCALPORT (UDP and UNIX likewise), REMOTE_ADDR, REMOTE_PORT, SWB_PEER, SWB_LOCAL. A % of the command is
written %25, a ? %3F.

?via=socks5://HOST:PORT and ?via=http-connect://HOST:PORT have a proxy make the call, by SOCKS 5 (RFC 1928) or the
method CONNECT of HTTP. It looks the host's name up, not we. USER:PASSWORD@ in front of its host tells it who calls;
messages show neither. Several are gone through in their order, the nearest first. Layers lie behind them all:
'tls://example.org:443?via=socks5://localhost:1080' is encrypted up to example.org.

In paths, names, commands and the values of options, %XX stands for the byte XX, and must stand for %, ? and &.

An option follows a question mark, further ones an ampersand; the shell wants quotes around them:

  'tcp://:80?backlog=5&nodelay=off'
  'udp://:5000?join=239.1.2.3'
  'unix:/run/app.sock?mode=660&group=staff'
  'wss://:443/chat?cert=cert.pem&key=key.pem'

See also: swb help options
",
    );
    text
}

fn options() -> String {
    let mut text = "\
Options stand behind the question mark of an address, each NAME=VALUE, with & between them; a flag alone
means on. Where the kernel grants something else than was asked, that is said when it begins.

"
    .to_owned();
    for row in OPTIONS {
        let names: Vec<&str> = row.applies.names().collect();
        let role = match row.applies.when {
            When::Listening => " when listening",
            When::Connecting => " when connecting",
            When::Either => "",
        };
        let again = if row.repeatable { "; may be given again" } else { "" };
        let has_name = !row.kernel.is_empty() && row.kernel != row.man;
        let kernel = if has_name { format!("{}, ", row.kernel) } else { String::new() };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "  {}{}\n      {}\n      for {}{role}{again}; {kernel}{}\n",
            row.name,
            value(row),
            row.help,
            names.join(", "),
            row.man,
        );
    }
    text.push_str("\nSee also: swb help addresses, swb list options\n");
    text
}

/// What stands behind the option's name.
fn value(row: &OptionRow) -> String {
    match row.kind {
        Kind::Flag => "[=on|off]".to_owned(),
        kind @ (Kind::Integer { .. }
        | Kind::Size { .. }
        | Kind::Duration { .. }
        | Kind::Text { .. }
        | Kind::Mode
        | Kind::Local
        | Kind::Group
        | Kind::Source
        | Kind::Subnet
        | Kind::Word(_)
        | Kind::File
        | Kind::Path
        | Kind::Token
        | Kind::Header
        | Kind::Origin
        | Kind::Fingerprint
        | Kind::Via
        | Kind::Retries
        | Kind::Share
        | Kind::Rate
        | Kind::After
        | Kind::EachWay(_)) => format!("=VALUE  {kind}"),
    }
}

fn ends() -> String {
    "\
What is delivered
  Everything that was received is delivered, then the command ends. If bytes were lost, changed or cut
  off, the exit status is not 0.

When a call ends
  The end of standard input (Ctrl-D at a terminal) ends your half of the call: the peer reads the end and
  can still answer. --no-half-close keeps your half open.
  Over tls and ws your half ends once the peer has been quiet for --wait (1s) after the end of the input, since
  many a peer takes that for the end of the whole call and says no more.
  `connect` ends when the peer has finished, whether or not standard input has.
  `listen` ends when both have; with --keep it goes on with the next caller when the peer has finished.
  --until peer|both|input says it otherwise.
  A file, fifo, terminal or line has an end of its own: `swb help files`.
  A program (exec:, sh:) ends the call when it has closed its output and its input, as by ending. If the call is over
  before, it has 2 s to end by itself (none where the call was broken off), then 2 s from SIGTERM; then it is
  killed, and all of its process group.
  `ask` ends with the answer: on a byte stream when the peer has finished; with --framing or on messages
  after --replies of them.
  Datagrams have no end: the conversation ends once standard input has ended and the peer has been quiet for
  --wait (1s for `connect`; `listen` waits for ever).
  `relay` passes on an end as an end of that direction and a reset as a reset, behind all that was said before;
  a caller whom it cannot join to the other address is reset. One who calls by datagrams hears by ICMP that
  nobody listens there, where this user may send it (CAP_NET_RAW).
  --idle-timeout ends a call that is silent in both directions for this long.
  At a terminal a line that is ~. ends it at once (`swb help typing`).

When a server ends
  SIGTERM or SIGINT (Ctrl-C): callers that the kernel has taken already are still answered, nobody else; the
  open calls have the time of --drain to finish, then they are cut. The same signal again ends it at once.
  A caller who resets, never reads, or floods harms its own call and no other.

Exit status
    0  done: everything was delivered
    1  another failure
    2  the command line or an address cannot be meant
    3  the name was not found
    4  refused or unreachable
    5  timed out; calls were cut at the end of --drain
    6  reset or broken: the peer may not have got everything; what came does not fit --unpack
    7  cannot bind: in use, not ours, not permitted
    8  this kernel does not have it
    9  the other end is not trusted (TLS)
  128+N  ended by signal N
  `connect` and `ask` to a program that failed: its own, or 128+N where signal N killed it

That the reader of standard output goes away (`swb ... | head`) is no failure.
"
    .to_owned()
}

fn files() -> String {
    "\
Each of these is one end of a call, on either side of `relay`, and with `connect`, `listen`, `ask` and `serve`. A relay
opens its second address anew for each caller.

file:PATH
  A file or a device. ?access= says what is done with it:

    read     its bytes come from the beginning, and its end is the end of the call; as without access=
    append   what comes is added behind what it holds; it is made where it is absent
    write    what comes is all that it holds then. A file that holds something already is refused: with &truncate
             that is thrown away
    both     is for devices: read and written by one descriptor

  A file that is written says its own end when all of it is there: a caller who waits for that knows that it is.
  Something sent to a file that is only read breaks the call off.
  ?follow goes on behind the end as the file grows, like tail -f: until the call is ended from the other side, by a
  signal or by --idle-timeout; that a caller has gone, and not only finished, shows when more is written. If the file
  becomes shorter it begins anew. &from-end leaves out what it holds already.

fifo:PATH
  A named pipe, one way. It is made where it is absent, and then removed at the end; one that was there stays.
  Reading ends when all of its writers have gone; until the first one comes it waits. With ?follow others may come
  after them, and it does not end. ?access=write waits until somebody reads it, at most ?connect-timeout= (30s).
  A reader who leaves early breaks the call off (status 6).

pty:
  A new terminal. Whoever opens its other side, which the line `listening pty:/dev/pts/N` tells, is who calls;
  ?link=PATH gives it a fixed name, which replaces nothing but a link to a terminal that is gone. The call ends when
  nobody has the other side open any more; with ?follow it stays for who comes next. It is raw: every byte goes
  through as it is. A raw terminal has no end of one direction: when the other end of the call has finished, what it
  said stays to be read, and the call lasts until the terminal is closed. With ?raw=off the terminal edits lines, and
  whoever reads it finds an end then.

serial:PATH
  A serial line, or a terminal that is there already, such as the other side of a pty: of another program. It is raw,
  8 bits without parity and flow control unless ?data= ?parity= ?stop= ?flow= ?baud= say otherwise; nobody but root
  can open it meanwhile (TIOCEXCL), and it gets its old settings back. A line has no end but that it is gone:
  --idle-timeout ends a call to it, and `ask --framing line` sends one line and prints one.

tun:NAME
  A network interface of our own: each packet of IP that this host sends there is a message, and each message a packet
  that comes from it. ?address=ADDRESS/PREFIX gives it an address, several if it is given again, and puts it up.
  It needs CAP_NET_ADMIN, and is gone at the end. Messages go to udp: or unix-seqpacket: as they are, and over a byte
  stream with --framing u16be on both sides. What is no packet is dropped.

exec:COMMAND?pty, sh:COMMAND?pty
  The program has a terminal of its own, as at a keyboard: it is asked for passwords there, has job control, and what
  it says is CR LF at line ends. The end of the call's other direction is typed to it as Ctrl-D, again and again,
  until it ends. With &raw bytes go through as they are, and there is no such end: the program has to end by itself,
  or --idle-timeout ends the call. &echo=off keeps what is typed out of the answer; &rows= and &columns= are its size.

See also: swb help addresses, swb help options
"
    .to_owned()
}

fn typing() -> String {
    "\
Lines
  Where standard input and output are a terminal, `connect` and `listen` edit the line that is typed before
  it is sent, and show what the peer says above it. What the peer has not ended with a line feed, such as
  `login: `, is shown at once, and what is typed stands behind it.

    Left Right  Ctrl-B Ctrl-F           a character to the left or right; with Ctrl or Alt, Alt-B Alt-F: a word
    Home End  Ctrl-A Ctrl-E             the beginning or end of the line
    Up Down  Ctrl-P Ctrl-N              the line typed before, or after
    Backspace Delete  Ctrl-H Ctrl-D     deletes a character to the left, or under the cursor
    Ctrl-W Alt-D Ctrl-U Ctrl-K          deletes a word to the left or right, or all of it; Ctrl-Y puts it back
    Ctrl-V                              takes the next key as it is, a control character for example
    Ctrl-L                              clears the screen
    Ctrl-D on an empty line             ends the input; Ctrl-C ends the command, Ctrl-Z stops it until fg

  --history FILE has the lines of earlier runs too. --no-edit leaves lines to the terminal, where Ctrl-D sends
  what is typed without a line feed; so does --raw, and a terminal that TERM calls dumb.

Escapes
  At a terminal, edited or not, these lines are not sent:

    ~.    hangs up: the call ends at once, with status 0; what the peer has not taken is dropped
    ~?    tells the escapes

  ~~ at the beginning of a line sends ~. --no-escape sends all lines as they are.

Values
  --pack FORMAT sends values as bytes, --unpack FORMAT prints bytes as values, in the notation of Python's
  struct module. A format is a sign for order and alignment, then letters, each with a count before it:

    @ native, aligned as in C (as without a sign)   = native   < little-endian   > ! big-endian

    x  a zero byte, no value      c  a string of 1 byte     ?  true or false
    b B  integer of 1 byte        h H  of 2                 i I l L  of 4            q Q  of 8
    e  number of 2 bytes          f  of 4                   d  of 8                  n N  as ssize_t, with @
    10s  a string of 10 bytes, padded with zeros            10p  the same, its length in the first byte

  The capital letters are unsigned; with @, l and L are as long as C's. Integers are decimal, or begin with
  0x, 0o or 0b. Strings need quotes where they have spaces: 'as it is', or \"with \\n \\r \\t \\0 \\xNN \\u{...}\".
"
    .to_owned()
}

fn engines() -> String {
    format!(
        "\
An engine moves the bytes of the callers of `swb serve` and `relay`: any service runs under any engine that can, and
what does not go together is refused with the engines that would do. --engine NAME chooses one; auto, the
default, is uring where the kernel has what that needs, else epoll.

{table}
iterative  shows what a server is without concurrency: the second caller waits until the first has ended.
process    costs a fork a call, and a crash costs one call. Services that share state across calls, and
           datagrams, are not for it.
thread     costs a thread and its stack a call.
poll       costs a wake-up that grows with the number of callers.
epoll      costs a wake-up that does not grow; --workers says how many share the calls.
uring      costs less a message: what callers send is received by the kernel and comes with the wake-up. It
           needs Linux 6.1 and io_uring(7), which some sandboxes forbid.

--max-calls bounds the calls that are open at once, whatever the engine: further callers wait in the kernel's
queue, whose length is --backlog, and are answered as calls end. Where descriptors, memory, processes or
threads run short, callers wait as well.

See also: swb list engines, swb doctor
",
        table = list::table(Table::Engines),
    )
}

#[cfg(test)]
mod tests {
    use switchboard::Engine;

    use super::*;

    #[test]
    fn the_topics_name_every_row_of_their_tables() {
        let (addresses, options, engines) = (addresses(), options(), engines());
        assert!(SCHEMES.iter().all(|row| addresses.contains(row.syntax)));
        assert!(LAYERS.iter().all(|row| addresses.contains(&format!("\n  {}\n", row.name))));
        assert!(OPTIONS.iter().all(|row| options.contains(&format!("\n  {}", row.name))));
        assert!(Engine::ALL.iter().all(|engine| engines.contains(&format!("\n{engine:9}  "))));
    }
}
