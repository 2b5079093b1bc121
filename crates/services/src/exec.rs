//! Exec: each caller gets a program of its own, with the caller's socket as its standard input and output.
//!
//! inetd(8) with `nowait`, and tcpserver: the program speaks on the call, and nothing stands between. On a byte stream
//! and on sequenced packets; datagrams of all callers come to one socket, which no program can have for itself.
//!
//! ```text
//! $ swb serve exec 'tr a-z A-Z' :2000
//! > hello
//! < HELLO
//! ```

use std::sync::Arc;

use conversation::{Address, Call, Conversation, Leg, Needs, Outbox, Service};

/// The service that starts a program for each caller.
#[derive(Clone, Debug)]
pub struct Exec {
    program: Arc<Address>,
}

impl Exec {
    /// Callers get the program at this address: `exec:COMMAND` or `sh:COMMAND`.
    #[must_use]
    pub fn new(program: Address) -> Exec {
        Exec { program: Arc::new(program) }
    }
}

impl Service for Exec {
    fn name(&self) -> &'static str {
        "exec"
    }

    fn needs(&self) -> Needs {
        Needs { hand_over: true, ..Needs::default() }
    }

    fn conversation(&self) -> Box<dyn Conversation> {
        Box::new(HandingOver { program: Arc::clone(&self.program) })
    }
}

struct HandingOver {
    program: Arc<Address>,
}

impl Conversation for HandingOver {
    fn opened(&mut self, _call: &Call, out: &mut Outbox<'_>) {
        out.hand_over((*self.program).clone());
    }

    fn received<'a>(&mut self, _leg: Leg, _bytes: &'a [u8], _out: &mut Outbox<'a>) {}

    fn peer_finished(&mut self, _leg: Leg, _out: &mut Outbox<'_>) {}
}
