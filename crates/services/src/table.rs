//! The services by name: the table that help and lists are made from.

/// One service's row.
#[derive(Debug)]
pub struct ServiceRow {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its arguments: empty, or `TEXT`.
    pub arguments: &'static str,
    /// What it does on a byte stream.
    pub on_a_stream: &'static str,
    /// What it does on a message transport.
    pub on_messages: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}

/// Every service that `serve` knows.
pub const SERVICES: &[ServiceRow] = &[
    ServiceRow {
        name: "echo",
        arguments: "",
        on_a_stream: "every byte back, in order; finishes when the caller has finished",
        on_messages: "each message back to its sender",
        source: "RFC 862",
    },
    ServiceRow {
        name: "discard",
        arguments: "",
        on_a_stream: "swallows what comes",
        on_messages: "swallows what comes",
        source: "RFC 863",
    },
    ServiceRow {
        name: "print",
        arguments: "",
        on_a_stream: "to standard output as it came, switching between callers only at line ends",
        on_messages: "each message on a line of its own",
        source: "lecture: line messenger",
    },
    ServiceRow {
        name: "say",
        arguments: "TEXT",
        on_a_stream: "sends TEXT and finishes",
        on_messages: "answers each message with TEXT",
        source: "lecture: hello server",
    },
    ServiceRow {
        name: "reply",
        arguments: "TEXT",
        on_a_stream: "answers TEXT at the caller's first bytes (with a framing: at each frame)",
        on_messages: "answers each message with TEXT",
        source: "lecture: hello, hello back",
    },
    ServiceRow {
        name: "who",
        arguments: "",
        on_a_stream: "hears a greeting, answers who called and when, says Bye later, finishes",
        on_messages: "the same, by messages",
        source: "lecture: who called",
    },
    ServiceRow {
        name: "time",
        arguments: "",
        on_a_stream: "sends the time and finishes",
        on_messages: "answers each message with the time",
        source: "RFC 867, RFC 868",
    },
    ServiceRow {
        name: "exec",
        arguments: "COMMAND",
        on_a_stream: "starts a program that has the caller's socket as its standard input and output",
        on_messages: "the same on sequenced packets; not on datagrams, which have one socket for all",
        source: "inetd, tcpserver",
    },
];
