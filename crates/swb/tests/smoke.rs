//! The least that must work: a server, a caller, an answer.

mod support;

use support::{Server, run_swb};

#[test]
fn ask_gets_its_message_back_from_echo() {
    let server = Server::start(&["serve", "echo", "tcp://127.0.0.1:0"]);
    let asked = run_swb(&["ask", server.address(), "hello"], b"");
    assert_eq!((asked.text().as_str(), asked.code()), ("hello", 0), "{asked:?}");
    assert_eq!(server.terminate().code(), 0);
}
