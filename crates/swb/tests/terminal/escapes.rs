//! Escapes: lines that are for `swb` and not for the peer.

use super::Call;

const BOTH: [&[&str]; 2] = [&[], &["--no-edit"]];

#[test]
fn a_tilde_and_a_dot_hang_up() {
    for arguments in BOTH {
        let mut call = Call::on("xterm", arguments);
        call.terminal.press("not ~.\r~.\r");
        assert_eq!(call.heard(), "not ~.\n");
        assert!(call.heard_end(), "{arguments:?}");
        assert_eq!(call.terminal.finish().0, 0, "{arguments:?}");
    }
}

#[test]
fn two_tildes_send_one_and_a_question_mark_tells_what_there_is() {
    for arguments in BOTH {
        let mut call = Call::on("xterm", arguments);
        call.terminal.press("~?\r");
        call.terminal.wait_for_shown("~. hangs up");
        call.terminal.press("~~.\r~x\r~\r");
        assert_eq!([call.heard(), call.heard(), call.heard()], ["~.\n", "~x\n", "~\n"], "{arguments:?}");
    }
}

#[test]
fn without_escapes_all_lines_are_the_peers() {
    for arguments in BOTH {
        let mut call = Call::on("xterm", &[arguments, &["--no-escape"]].concat());
        call.terminal.press("~.\r~~\r");
        assert_eq!([call.heard(), call.heard()], ["~.\n", "~~\n"], "{arguments:?}");
    }
}
