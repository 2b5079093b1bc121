//! SIGUSR1: the calls that are open now.

use crate::support::{Running, Server, swb};
use crate::{SIGTERM, SIGUSR1, call, exchange, member, quiet_echo};

under! { a_server_tells_its_open_calls_and_goes_on: process thread poll epoll uring }

fn a_server_tells_its_open_calls_and_goes_on(engine: &str) {
    let mut server = Server::start(&["serve", "echo", "tcp://127.0.0.1:0", "--engine", engine]);
    let address = server.address().to_owned();
    let mut callers = [call(&address), call(&address)];
    callers.iter_mut().for_each(|caller| exchange(caller, b"hello"));
    server.running.signal(SIGUSR1);
    server.running.take_line("2 calls are open");
    for caller in &callers {
        let caller = caller.local_addr().unwrap();
        let text = format!(": tcp://{caller} called {address} and is open; 5 bytes in, 5 out, ");
        let line = server.running.take_line(&text);
        assert_eq!(line.contains(", in process "), engine == "process", "{line}");
    }
    callers.iter_mut().for_each(|caller| exchange(caller, b"still here"));
    drop(callers);
    crate::support::peer::wait_until("the calls that have ended are not told", || {
        server.running.signal(SIGUSR1);
        server.running.take_line(" calls are open") == "0 calls are open"
    });
    assert_eq!(server.terminate().code(), 0);
}

#[test]
fn as_json_each_is_an_object() {
    let (mut server, address) = quiet_echo(&["--log", "json"]);
    let mut caller = call(&address);
    exchange(&mut caller, b"hello");
    server.signal(SIGUSR1);
    assert_eq!(member(&server.wait_for_line("\"open_calls\""), "calls"), "1");
    let open = server.wait_for_line("\"open\"");
    assert_eq!(member(&open, "peer"), format!("tcp://{}", caller.local_addr().unwrap()));
    assert!(member(&open, "seconds").parse::<f64>().unwrap() < 60.0, "{open}");
    server.signal(SIGTERM);
    drop(caller);
    assert_eq!(server.finish().code(), 0);
}

#[test]
fn a_listener_tells_its_one_call_and_ends_with_it_as_if_not_asked() {
    let mut server = Server::of(&mut swb(&["listen", "tcp://127.0.0.1:0"]), 1);
    let mut calling = Running::start(&mut swb(&["connect", server.address(), "-v"]));
    calling.wait_for_line("connected to ");
    server.running.signal(SIGUSR1);
    server.running.wait_for_line(" open");
    server.running.close_input();
    drop(calling);
    assert_eq!(server.running.finish().code(), 0);
}
