//! RFC 6455, sections 5 to 8, as a table of raw frames: what the peer sees of our server and of our client for each,
//! and that a neighbour's call goes on. `crates/layers/tests/websocket_frames.rs` has the same rules at every cut.

#[path = "rfc6455/by_hand.rs"]
mod by_hand;
#[path = "rfc6455/rows.rs"]
mod rows;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::by_hand::listening;
use crate::support::{Running, Server, swb};
use crate::{answer, echo};
use by_hand::{BINARY, By, CLOSE, PONG, accept, frame, said_by_client, said_by_server, upgraded};
use rows::{BEFORE, BEHIND, BYTES_MAX, Row};

under! { a_server_answers_each_row_as_the_rfc_says: iterative process thread poll epoll uring }
under! { a_peer_that_never_answers_our_close_frame_holds_nobody_up: process thread poll epoll uring }

/// What a peer sends for a row and behind it, and then it closes.
fn wire(row: &Row, by: By) -> Vec<u8> {
    let end = frame(by, CLOSE, &1000_u16.to_be_bytes());
    [row.wire.clone(), frame(by, BINARY, BEHIND), end].concat()
}

/// Sends all, or byte by byte where that is little. A peer that has given up does not take all.
fn send(socket: &TcpStream, wire: &[u8], bytewise: bool) {
    let mut socket = socket.try_clone().unwrap();
    socket.set_nodelay(true).unwrap();
    let piece = if bytewise && wire.len() < 300 { 1 } else { wire.len() };
    let _ = wire.chunks(piece).try_for_each(|piece| socket.write_all(piece));
}

fn a_server_answers_each_row_as_the_rfc_says(engine: &str) {
    let server = echo(&format!("ws://127.0.0.1:0?message-max={BYTES_MAX}"), engine);
    // Where one call is served at a time, the neighbour is the next.
    let mut neighbour = (engine != "iterative").then(|| upgraded(&server));
    for (number, row) in rows::table(By::Client).into_iter().enumerate() {
        let what = &row.what;
        let mut caller = upgraded(&server);
        // An answer that is not on its way when a rule is broken is not sent any more.
        caller.write_all(&frame(By::Client, BINARY, BEFORE)).unwrap();
        assert_eq!(said_by_server(&mut caller), (BINARY, BEFORE.to_vec()));
        let (wire, sender) = (wire(&row, By::Client), caller.try_clone().unwrap());
        let sending = std::thread::spawn(move || send(&sender, &wire, number % 2 == 1));
        let (mut messages, mut pongs) = (Vec::new(), Vec::new());
        let close = loop {
            match said_by_server(&mut caller) {
                (BINARY, message) => messages.push(message),
                (PONG, payload) => pongs.push(payload), // before the messages, or between them
                other => break other,
            }
        };
        assert!(messages == row.heard()[1..], "{what}: {} messages came back", messages.len());
        assert_eq!((pongs, close), (row.pongs.clone(), (CLOSE, row.close.to_be_bytes().to_vec())), "{what}");
        // Then the end, in order, and nothing before it.
        let mut further = Vec::new();
        let _ = caller.read_to_end(&mut further);
        assert_eq!(further, b"", "{what}");
        sending.join().unwrap();
        if let Some(neighbour) = &mut neighbour {
            neighbour.write_all(&frame(By::Client, BINARY, what.as_bytes())).unwrap();
            assert_eq!(said_by_server(neighbour), (BINARY, what.as_bytes().to_vec()));
        }
    }
    drop(neighbour);
    assert_eq!(server.terminate().code(), 0);
}

#[test]
fn a_client_answers_each_row_as_the_rfc_says() {
    let (listener, place) = listening();
    let to = format!("ws://{place}?message-max={BYTES_MAX}");
    for row in rows::table(By::Server) {
        let what = &row.what;
        let client = Running::start(&mut swb(&["connect", &to])); // its input stays open
        let mut server = answer(&listener);
        accept(&mut server);
        let wire = [frame(By::Server, BINARY, BEFORE), wire(&row, By::Server)].concat();
        let sender = server.try_clone().unwrap();
        let sending = std::thread::spawn(move || send(&sender, &wire, false));
        for pong in &row.pongs {
            assert_eq!(said_by_client(&mut server), (PONG, pong.clone()), "{what}");
        }
        assert_eq!(said_by_client(&mut server), (CLOSE, row.close.to_be_bytes().to_vec()), "{what}");
        let mut further = Vec::new();
        let _ = server.read_to_end(&mut further);
        assert_eq!(further, b"", "{what}");
        sending.join().unwrap();
        drop(server);
        let client = client.finish();
        let status = if row.is_clean() { 0 } else { 6 };
        assert_eq!(
            (client.code(), client.stderr.is_empty()),
            (status, status == 0),
            "{what}: {}",
            client.stderr
        );
        assert!(client.stdout == row.heard().concat(), "{what}: {} bytes", client.stdout.len());
    }
}

/// Twice the 2 s for which we wait for the other close frame once all is over, and time to spare.
const WITHIN: Duration = Duration::from_secs(15);

fn a_peer_that_never_answers_our_close_frame_holds_nobody_up(engine: &str) {
    let at = "ws://127.0.0.1:0";
    let server = Server::start(&["relay", at, "sh:read line; echo $line; read line", "--engine", engine]);
    let mut neighbour = upgraded(&server);
    let begun = Instant::now();
    for (said, code) in [(frame(By::Client, BINARY, b"hello\nbye\n"), 1000_u16), (vec![BINARY, 0], 1002)] {
        let mut caller = upgraded(&server);
        caller.write_all(&said).unwrap();
        if code == 1000 {
            assert_eq!(said_by_server(&mut caller), (BINARY, b"hello\n".to_vec()));
        }
        assert_eq!(said_by_server(&mut caller), (CLOSE, code.to_be_bytes().to_vec()));
        // It says nothing more, and is hung up on.
        let mut further = Vec::new();
        let _ = caller.read_to_end(&mut further);
        assert_eq!(further, b"");
    }
    assert!(begun.elapsed() < WITHIN, "{:?}", begun.elapsed());
    neighbour.write_all(&frame(By::Client, BINARY, b"still there?\n")).unwrap();
    assert_eq!(said_by_server(&mut neighbour), (BINARY, b"still there?\n".to_vec()));
}

#[test]
fn a_server_that_never_answers_the_close_frame_of_connect_is_given_up_at_the_idle_timeout() {
    let (listener, place) = listening();
    let to = format!("ws://{place}");
    let mut client = Running::start(&mut swb(&["connect", &to, "--wait", "50ms", "--idle-timeout", "500ms"]));
    let mut server = answer(&listener);
    accept(&mut server);
    client.close_input();
    assert_eq!(said_by_client(&mut server), (CLOSE, 1000_u16.to_be_bytes().to_vec()));
    let client = client.finish();
    assert_eq!(client.code(), 5, "{client:?}");
}
