//! One end of a WebSocket that is the package `ws` of Node's: told by lines what to do, it says by lines what it saw.

use std::io::{BufRead, BufReader, pipe};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, channel};

use crate::support::peer::installed;
use crate::support::{PATIENCE, Running, run};

const SCRIPT: &str = include_str!("peer.js");

/// Whether Node finds its package.
static IS_INSTALLED: LazyLock<bool> = LazyLock::new(|| {
    let found = run(node(&["-e", "require('ws')"]), b"");
    found.status.success()
});

fn node(arguments: &[&str]) -> Command {
    let mut command = installed("node", arguments);
    // Where Debian's packages lie, for a Node that is not Debian's.
    command.env("NODE_PATH", "/usr/share/nodejs");
    command
}

/// One end of a WebSocket that is Node's.
pub(crate) struct Node {
    running: Running,
    lines: Receiver<String>,
}

impl Node {
    pub(super) fn start(arguments: &[&str]) -> Node {
        Node::of(&mut Node::command(arguments))
    }

    pub(super) fn command(arguments: &[&str]) -> Command {
        assert!(*IS_INSTALLED, "this test needs the package ws of Node: apt-get install node-ws");
        node(&[&["-e", SCRIPT, "peer"], arguments].concat())
    }

    pub(super) fn of(command: &mut Command) -> Node {
        // A line may be a message of megabytes: they are read as lines from the start.
        let (reader, writer) = pipe().unwrap();
        let running = Running::start(command.stdout(writer));
        command.stdout(Stdio::null()); // nobody else keeps the pipe open
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(reader).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Node { running, lines }
    }

    /// Calls without a subprotocol of its own.
    pub(super) fn call(url: &str) -> Node {
        Node::start(&["call", url, "[]", "{}"])
    }

    /// Where it listens: `HOST:PORT`.
    pub(super) fn port(&mut self) -> String {
        format!("127.0.0.1:{}", self.next().trim_start_matches("port "))
    }

    /// Has it do this.
    pub(super) fn write(&mut self, line: &str) {
        self.running.write(format!("{line}\n").as_bytes());
    }

    pub(super) fn told(&mut self, verb: &str, payloads: &[&[u8]]) {
        let payloads: Vec<String> = payloads.iter().map(|payload| hex(payload)).collect();
        self.write(&format!("{verb} {}", payloads.join(" ")));
    }

    /// What it saw next.
    pub(super) fn next(&mut self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap_or_else(|why| panic!("Node says nothing more: {why}"))
    }

    pub(super) fn saw(&mut self, wanted: &str) {
        let line = self.next();
        assert_eq!(line.get(..200).unwrap_or(&line), wanted);
    }

    pub(super) fn saw_message(&mut self, kind: &str, payload: &[u8]) {
        let line = self.next();
        let is_same = line == format!("message {kind} {}", hex(payload));
        let begin = line.get(..60).unwrap_or(&line);
        assert!(is_same, "{kind} of {} bytes wanted, {} digits came: {begin}", payload.len(), line.len());
    }

    /// Waits until it has ended by itself, having seen nothing else.
    pub(super) fn ended(self) {
        let further: Vec<String> = self.lines.iter().collect();
        assert_eq!(further, Vec::<String>::new());
        let node = self.running.finish();
        assert_eq!((node.code(), node.stderr.as_str()), (0, ""));
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
