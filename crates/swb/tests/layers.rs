//! Addresses with layers: TLS, WebSocket and PROXY headers between `swb` and itself, and programs of others.

#![allow(clippy::unwrap_used, reason = "a panic here is the failure that is wanted")]

/// Tests of this name, one for each of these engines.
macro_rules! under {
    ($test:ident: $($engine:ident)*) => {
        mod $test {
            $(#[test] fn $engine() { super::$test(stringify!($engine)); })*
        }
    };
}

#[path = "layers/browser.rs"]
mod browser;
#[path = "layers/certificates.rs"]
mod certificates;
#[path = "layers/identity.rs"]
mod identity;
#[path = "layers/late.rs"]
mod late;
#[path = "layers/loads.rs"]
mod loads;
#[path = "layers/lobby.rs"]
mod lobby;
#[path = "layers/node.rs"]
mod node;
#[path = "layers/openssl.rs"]
mod openssl;
#[path = "layers/proxy.rs"]
mod proxy;
#[path = "layers/relays.rs"]
mod relays;
#[path = "layers/rfc6455.rs"]
mod rfc6455;
mod support;
#[path = "layers/terminals.rs"]
mod terminals;
#[path = "layers/tls.rs"]
mod tls;
#[path = "layers/trust.rs"]
mod trust;
#[path = "layers/websocket.rs"]
mod websocket;
#[path = "layers/websockets.rs"]
mod websockets;

use std::io::Read;
use std::net::{TcpListener, TcpStream};

use support::Server;
use support::by_hand::patient;

/// An echo at this address.
fn echo(address: &str, engine: &str) -> Server {
    serve(&["echo", address], engine)
}

/// `swb serve` with these arguments, which says what becomes of each call.
fn serve(arguments: &[&str], engine: &str) -> Server {
    Server::start(&[&["serve"], arguments, &["--engine", engine, "-v"]].concat())
}

/// The socket below the layers of a server at 127.0.0.1.
fn call(server: &Server) -> TcpStream {
    patient(TcpStream::connect(format!("127.0.0.1:{}", server.port())).unwrap())
}

fn answer(listener: &TcpListener) -> TcpStream {
    patient(listener.accept().unwrap().0)
}

fn read_all(mut from: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).unwrap();
    bytes
}
