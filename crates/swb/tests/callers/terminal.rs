//! What a peer sends to a terminal.

use std::process::Stdio;

use crate::support::peer::installed;
use crate::support::{Running, Server};

#[test]
fn what_a_peer_sends_to_a_terminal_is_inert_unless_it_is_wanted_raw() {
    let server = Server::start(&["serve", "say", "a\x1b[31mred\x07\n", "tcp://127.0.0.1:0"]);
    for (raw, is_inert) in [("", true), ("--raw", false)] {
        // script(1) runs a command on a terminal of its own and copies what is shown there.
        let command = format!("'{}' connect {raw} {}", env!("CARGO_BIN_EXE_swb"), server.address());
        let mut on_terminal = installed("script", &["-qc", &command, "/dev/null"]);
        let shown = Running::start(on_terminal.stdin(Stdio::null())).finish().stdout;
        assert_eq!(!shown.contains(&0x1b) && !shown.contains(&7), is_inert, "{raw} {shown:?}");
        assert!(String::from_utf8_lossy(&shown).contains("red"), "{raw} {shown:?}");
    }
}
