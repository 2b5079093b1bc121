//! The other end of a call, by hand: a caller or a listener of the test's own, whom nothing makes wait for ever.

use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};

use super::peer::uninterrupted;
use super::{PATIENCE, Server};

/// The same socket, on which no call lasts longer than any wait may.
pub fn patient(socket: TcpStream) -> TcpStream {
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// A listener, and its place: what an address has behind its scheme.
pub fn listening() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap().to_string();
    (listener, place)
}

/// A listener, and its address as swb writes it.
pub fn far() -> (TcpListener, String) {
    let (listener, place) = listening();
    (listener, format!("tcp://{place}"))
}

/// The caller is reset, and hears nothing before.
pub fn expect_reset(mut caller: TcpStream) {
    assert_eq!(uninterrupted(|| caller.read(&mut [0])).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

/// Who calls is reset: after the call was made, or, on a busy machine, before connect(2) has returned.
pub fn expect_reset_at_once(server: &Server) {
    match TcpStream::connect(server.address().trim_start_matches("tcp://")) {
        Ok(caller) => expect_reset(patient(caller)),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}
