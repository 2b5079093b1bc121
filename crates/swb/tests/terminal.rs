//! `connect` and `listen` on a terminal: lines are edited, nothing of either side is lost, and the terminal is
//! given back.

#![allow(clippy::unwrap_used, reason = "a panic is the failure that is wanted")]

#[path = "terminal/editing.rs"]
mod editing;
#[path = "terminal/ends.rs"]
mod ends;
#[path = "terminal/escapes.rs"]
mod escapes;
#[path = "terminal/pty.rs"]
mod pty;
mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use pty::OnTerminal;
use support::PATIENCE;
use support::peer::uninterrupted;

/// A call of `swb connect` on a terminal to a peer in this test.
struct Call {
    terminal: OnTerminal,
    peer: BufReader<TcpStream>,
}

impl Call {
    /// Calls with these arguments behind the address, and waits until lines are edited.
    fn edited(arguments: &[&str]) -> Call {
        let mut call = Call::on("xterm", arguments);
        call.terminal.wait_until_edited();
        call
    }

    /// Calls on a terminal of this kind, and waits until something that the peer says is shown.
    fn on(kind: &str, arguments: &[&str]) -> Call {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("tcp://{}", listener.local_addr().unwrap());
        let arguments = [&["connect", &address], arguments].concat();
        let mut terminal = OnTerminal::start(env!("CARGO_BIN_EXE_swb"), &arguments, kind);
        let (peer, _) = listener.accept().unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        peer.set_nodelay(true).unwrap();
        (&peer).write_all(b"welcome\n").unwrap();
        terminal.wait_for_shown("welcome\r\n");
        Call { terminal, peer: BufReader::new(peer) }
    }

    /// The next line that the peer gets.
    fn heard(&mut self) -> String {
        let mut line = String::new();
        self.peer.read_line(&mut line).unwrap();
        line
    }

    /// The peer says something.
    fn say(&mut self, text: impl AsRef<[u8]>) {
        self.peer.get_mut().write_all(text.as_ref()).unwrap();
    }

    /// Waits until the peer has heard the end of the call.
    fn heard_end(&mut self) -> bool {
        matches!(uninterrupted(|| self.peer.read(&mut [0])), Ok(0))
    }
}
