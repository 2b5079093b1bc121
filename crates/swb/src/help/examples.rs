//! Examples: a table, one row a command, shown at the end of its `--help` and in its man page.
//!
//! Each line is a command line that parses; a test reads them all.

/// One example.
pub(super) struct Example {
    /// What to type.
    pub(super) line: &'static str,
    /// What it does.
    pub(super) says: &'static str,
}

const fn example(line: &'static str, says: &'static str) -> Example {
    Example { line, says }
}

/// The path to each command, and its examples.
#[rustfmt::skip]
pub(super) const EXAMPLES: &[(&[&str], &[Example])] = &[
    (&[], &[
        example("swb listen :7777", "In one terminal: waits for a caller; then what is typed here is read there, and back."),
        example("swb connect localhost:7777", "In another: calls it. Ctrl-D ends your half of the call."),
        example("swb serve echo udp://:9988 -v", "Sends each datagram back, and says whose it was."),
        example("swb help addresses", "Says all that an address can be."),
    ]),
    (&["connect"], &[
        example("swb connect localhost:7777", "Talks to a server over TCP: HOST:PORT means tcp://HOST:PORT."),
        example("swb connect tcp://localhost:9000 < photo.raw", "Sends a file, whole, then finishes, and prints what comes back."),
        example("swb connect 'tcp://example.net:80?connect-timeout=5s'", "Gives up after 5 s; the quotes keep the shell from reading the ? and &."),
        example("swb connect 'tcp://192.0.2.1:80?bind=:4000'", "Calls from port 4000 of ours."),
        example("swb connect 'tls://example.org:443?via=socks5://localhost:1080'", "Goes through a proxy, encrypted up to example.org."),
        example("swb connect 'localhost:4000?retry=9' --forever >> feed.log", "Waits for a server that is late, and calls again whenever a call has ended."),
        example("swb connect unix:/run/app.sock", "Calls a program on this machine."),
        example("swb connect 'exec:bc -l'", "Talks to a program, line by line, and ends with its exit status."),
        example("swb connect 'exec:bash -i?pty'", "The same with a terminal of its own, for a program that wants one."),
        example("swb connect 'serial:/dev/ttyUSB0?baud=115200'", "Talks over a serial line, which gets its old settings back at the end."),
        example("swb connect localhost:25 --crlf --history ~/.swb-lines", "Ends lines as SMTP wants them, and has them again in the next run."),
        example("swb connect localhost:5000 --pack '!Hd' --unpack '!Hd'", "Takes 7 2.5 for an integer and a number, sends them as bytes, and shows such bytes so."),
        example("swb connect 'tls://example.net:443?record=call.pcapng'", "Writes the call down as packets for Wireshark, in plain text; ?hexdump shows it here."),
        example("swb connect udp://localhost:9988 --wait 3s", "Sends each line as a datagram, and waits 3 s for the last answers."),
    ]),
    (&["listen"], &[
        example("swb listen :7777", "Answers one caller, on every address of this host, over IPv4 and IPv6."),
        example("swb listen tcp://:9000 > copy.raw < /dev/null", "Receives a file, and sends nothing."),
        example("swb listen --keep tcp://127.0.0.1:5432", "Goes on with the next caller; none but this host's can call."),
        example("swb listen --keep udp://:9988 -v", "Prints every datagram, and says from whom it came."),
        example("swb listen unix:/tmp/app.sock", "Answers a program on this machine."),
    ]),
    (&["ask"], &[
        example("swb ask tcp://localhost:2021 hello", "Sends hello, finishes, and prints all that comes back."),
        example("swb ask udp://localhost:9988 hi --timeout 1s --retries 3", "Sends a datagram, and again when no answer comes in 1 s, three times at most."),
        example("swb ask tcp://localhost:2021 --pack '!q10s' 42 hello --unpack '!q10s'", "Sends an integer and a string as 18 bytes, and prints the answer as values."),
        example("swb ask tcp://localhost:2021 hello --framing line", "Sends one line, prints one line, and need not finish."),
    ]),
    (&["serve"], &[
        example("swb serve echo tcp://:7777 udp://:7777 unix:/tmp/echo.sock", "One service at several addresses."),
        example("swb serve print tcp://:5432 --engine iterative --backlog 5", "One caller after the other; five more wait."),
        example("swb serve echo tcp://:7 --user nobody --allow 10.0.0.0/8,@/etc/callers --max-calls-per-peer 20", "Binds port 7 as root and serves as nobody; only whom a rule allows."),
        example("swb serve reply 'hello back' tcp://:2021 --max-calls 100 --idle-timeout 1m -v", "Bounds what callers may hold, and says who called."),
        example("swb serve echo tcp://:2021 --trace", "Shows each socket call as it is made, and what it answered; see swb explain."),
    ]),
    (&["serve", "echo"], &[
        example("swb serve echo tcp://:7777", "Sends every byte back, to any number of callers at once."),
        example("swb serve echo udp://:9988", "Sends every datagram back to whom it came from."),
        example("swb serve echo tcp://:7777 --trace", "Shows each socket call as it is made, and what it answered."),
    ]),
    (&["serve", "discard"], &[
        example("swb serve discard tcp://:9009", "Takes what comes: something to send to when the way is to be measured."),
    ]),
    (&["serve", "print"], &[
        example("swb serve print tcp://:5432", "Prints what all callers send, whole lines of each."),
        example("swb serve print --prefix tcp://:5432 > lines.txt", "Begins each line with the address of who sent it."),
    ]),
    (&["serve", "say"], &[
        example("swb serve say 'Hello, world!' tcp://:3490 --engine process", "A child process for each caller says hello and ends."),
    ]),
    (&["serve", "reply"], &[
        example("swb serve reply 'hello back' tcp://:2021", "Answers a caller once it has said something."),
        example("swb serve reply ok tcp://:2021 --framing line", "Answers each line with a line."),
        example("swb serve reply 'hello back' --every 1s --times 100 tcp://:2021", "Answers a hundred times, once a second."),
        example("swb serve reply 'Server Got Message' udp://:9988", "Answers each datagram."),
    ]),
    (&["serve", "who"], &[
        example("swb serve who tcp://:7891 --bye-after 2s", "Tells callers their name and address, and says Bye 2 s later."),
    ]),
    (&["serve", "time"], &[
        example("swb serve time tcp://:1300 udp://:1300", "Tells the time as a line of text (RFC 867)."),
        example("swb serve time --binary tcp://:3700", "Tells it as seconds since 1900 in four bytes (RFC 868)."),
    ]),
    (&["serve", "exec"], &[
        example("swb serve exec 'tr a-z A-Z' tcp://:2000", "Starts tr for each caller, with the socket as its input and output."),
        example("swb serve exec --shell 'echo hello, $TCPREMOTEIP; date' tcp://:2000 --max-calls 40 -v", "A command line for each caller, 40 at once; says how each ended."),
        example("swb serve exec 'git daemon --inetd --export-all' tcp://:9418", "Runs a program that was written for inetd."),
    ]),
    (&["load"], &[
        example("swb load localhost:7777 --calls 50", "Fifty callers that echo for 10 s, each as fast as it is answered: rate, latency, failures."),
        example("swb load localhost:7777 --rate 5000 --duration 1m --plot load.svg", "5,000 messages a second whatever the server does: how long callers wait, and a picture of it."),
        example("swb load udp://localhost:9988 --rate 1000 --count 10000", "Datagrams: how many are lost, late, doubled, out of order."),
        example("swb load 'udp://localhost:9988?delay=20ms&loss=1%&seed=3' --rate 1000", "Behind a bad network, the same each time: what was done on purpose is counted beside what was seen."),
        example("swb load tcp://localhost:2021 --churn --calls 32 --message hello --expect 'hello back'", "A new call for each message."),
        example("swb load wss://localhost:8443/chat?ca=ca.pem --calls 100", "A message is a message of the WebSocket; \"opening\" counts the handshakes too."),
        example("swb load exec:cat --calls 4", "Four programs, each spoken with through pipes."),
        example("swb load unix:/run/app.sock --idle --calls 10000 --ramp 5s", "Opens calls and holds them."),
        example("swb load --engines all echo --calls 1,10,100,1000 --plot engines.svg", "The same load for every engine of swb in turn: which is for how many callers?"),
    ]),
    (&["relay"], &[
        example("swb relay tcp://:8080 tcp://192.0.2.7:80 -v", "Joins each caller to port 80 of another host, and says who called and how each call ended."),
        example("swb relay tcp://127.0.0.1:5432 unix:/run/db.sock --max-calls-per-peer 20", "Lets programs that speak TCP call one at a Unix socket."),
        example("swb relay unix:/run/web.sock 'tcp://web.example:80?connect-timeout=2s'", "The other way round; whoever cannot be joined within 2 s is reset."),
        example("swb relay tcp://:2000 'sh:echo hello, $REMOTE_ADDR; exec cat' -v", "Starts a program for each caller, which is told who called."),
        example("swb relay tcp://:2001 'file:/var/log/messages?follow&from-end'", "Each caller gets what is written to a log from now on."),
        example("swb relay tcp://:2002 'file:incoming?access=append'", "What callers say is added to a file."),
        example("swb relay 'pty:?link=/tmp/modem&follow' tcp://192.0.2.7:4000", "A program that wants a serial line opens /tmp/modem and speaks to another host."),
        example("swb relay 'tun:swb0?address=10.9.0.1/24' tls://192.0.2.7:4443 --framing u16be", "A network between two hosts; there it is tls://:4443 to tun:."),
        example("swb relay tcp://:8080 'tcp://web.example:80?via=socks5://localhost:1080'", "Has a SOCKS proxy make the calls, which looks the name up too."),
        example("swb relay --dial tls://gate.example:7000 tcp://localhost:22 --forever", "Calls a host outside and joins whoever answers there to a server in here; again when a call has ended."),
        example("swb relay tcp://:5432 'tcp://db.example:5432?retry=forever' --hold-max 100", "Holds up to 100 callers while the other end is down."),
        example("swb relay tcp://:80 192.0.2.7:80 192.0.2.8:80 --balance least-calls", "Each caller gets the server that has the fewest; one that is down gets none."),
        example("swb relay udp://:5353 udp://192.0.2.53:53 --idle-timeout 10s", "Each sender of datagrams has a socket of its own to the other end, for 10 s after the last."),
        example("swb relay 'tls://:443?cert=/etc/web.pem&record=web-{call}.pcapng' tcp://127.0.0.1:80", "Writes down what each caller says and hears, in plain text, for Wireshark."),
        example("swb relay udp://:514 tcp://192.0.2.7:601 --framing line", "Each datagram becomes a line of a byte stream."),
        example("swb relay udp://:9988 'udp://localhost:9989?loss=5%&reorder=1%&delay=20ms&seed=7' -v", "A bad network on purpose, the same each time; says what it did to which message."),
    ]),
    (&["control"], &[
        example("swb control /run/relay.ctl set loss=5% delay=100ms", "What passes the relay that was started with --control /run/relay.ctl is lost and late from now on."),
        example("swb control /run/relay.ctl calls", "The open calls as JSON: number, ends, bytes, seconds."),
    ]),
    (&["control", "show"], &[
        example("swb control /run/relay.ctl show", "The faults at each end, as options of an address."),
    ]),
    (&["control", "set"], &[
        example("swb control /run/relay.ctl set --at far rate=in:1MB/s", "What comes from whom the relay calls comes at 1 MB a second."),
        example("swb control /run/relay.ctl set loss=off", "Nothing is lost any more; set off takes every fault away."),
    ]),
    (&["control", "calls"], &[
        example("swb control /run/relay.ctl calls | jq .calls[].peer", "Who has a call open."),
    ]),
    (&["control", "reset"], &[
        example("swb control /run/relay.ctl reset 7", "Call 7 is broken off at both of its ends."),
    ]),
    (&["control", "close"], &[
        example("swb control /run/relay.ctl close 7", "Call 7 ends in order."),
    ]),
    (&["control", "drain"], &[
        example("swb control /run/relay.ctl drain", "As SIGTERM: nobody more is answered, and the open calls may finish."),
    ]),
    (&["resolve"], &[
        example("swb resolve localhost", "The addresses of a name, in the order in which they would be tried."),
        example("swb resolve localhost:80", "The same for a service at it, with the service's name."),
        example("swb resolve ::1", "The name of an address."),
    ]),
    (&["list"], &[
        example("swb list engines", "Who can move the bytes, and what one failure costs."),
        example("swb list layers", "What can lie on a transport: wss://HOST:PORT is ws+tls+tcp://HOST:PORT."),
        example("swb list options", "What can stand behind the question mark of an address."),
    ]),
    (&["doctor"], &[
        example("swb doctor", "What this kernel and this user allow; nothing is changed."),
        example("swb doctor --json | jq '.checks[] | select(.state != \"yes\")'", "Only what is not there, or not in full."),
    ]),
    (&["explain"], &[
        example("swb explain serve echo tcp://:2021 --engine process", "The plan, and the socket calls in their order; nothing is done."),
        example("swb explain --resolve connect localhost:http", "Asks the resolver first, and shows each address that would be tried."),
    ]),
    (&["help"], &[
        example("swb help options", "Every option of an address, with its bounds."),
        example("swb help ends", "When a call ends, and with which exit status."),
        example("swb help typing", "The keys of the line editor, the escapes, and the letters of --pack."),
        example("swb help serve echo", "The same as swb serve echo --help."),
    ]),
    (&["tour"], &[
        example("swb tour", "All that a lecture on sockets shows, in a few seconds, with the commands to do the same by hand."),
        example("swb tour --scene long-calls", "One scene of it."),
    ]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::help::command;

    /// The words of a command line up to its first redirection or pipe, as a shell cuts them.
    fn words(line: &str) -> Vec<String> {
        let mut words = Vec::new();
        let mut rest = line.trim_start();
        while !rest.is_empty() && !rest.starts_with(['<', '>', '|', '&']) {
            let (word, after) = match rest.strip_prefix('\'') {
                Some(quoted) => quoted.split_once('\'').unwrap(),
                None => rest.split_once(' ').unwrap_or((rest, "")),
            };
            words.push(word.to_owned());
            rest = after.trim_start();
        }
        words
    }

    #[test]
    fn every_example_is_a_command_line_that_parses() {
        for (path, examples) in EXAMPLES {
            for Example { line, .. } in *examples {
                let words = words(line);
                assert!(path.iter().all(|part| words.contains(&(*part).to_owned())), "{line} is no {path:?}");
                if let Err(error) = command().try_get_matches_from(&words) {
                    panic!("{line}: {error}");
                }
            }
        }
    }

    #[test]
    fn every_command_has_examples() {
        fn check(command: &clap::Command, path: &[&str]) {
            assert!(EXAMPLES.iter().any(|(there, _)| *there == path), "no examples for {path:?}");
            for below in command.get_subcommands() {
                check(below, &[path, &[below.get_name()]].concat());
            }
        }
        check(&command(), &[]);
    }
}
