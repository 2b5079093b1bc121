//! Peers who never read hold no more than their two buffers, and nobody up.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::peer::wait_until;
use crate::support::proc::resident_bytes;
use crate::{call, patient, read_exactly, relay};

under! { peers_who_never_read_cost_a_bound_and_hold_nobody_up: thread poll epoll uring }

const CALLERS: u64 = 50;

/// What is owed above its high mark (64 KiB) and the receive that went beyond it, in each direction; and a thread's own
/// buffer and stack, where each call has those.
const BYTES_A_CALLER: u64 = 512 * 1024;

/// A far end that says as much as anybody takes, and reads nothing; but what comes after an `e` it says back.
/// Counts what it has said and what its callers have.
fn far_end(moved: &Arc<AtomicU64>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let moved = Arc::clone(moved);
    std::thread::spawn(move || {
        for call in listener.incoming() {
            let (mut call, moved) = (call.unwrap(), Arc::clone(&moved));
            std::thread::spawn(move || {
                small_buffers(&call);
                let mut first = [0];
                call.read_exact(&mut first).unwrap();
                if &first == b"e" {
                    let mut reader = patient(call.try_clone().unwrap());
                    return drop(std::io::copy(&mut reader, &mut call));
                }
                say_without_end(&call, &moved);
            });
        }
    });
    address
}

/// What the kernel holds is not what is looked at: the less it is, the sooner all of it is full.
fn small_buffers(socket: &TcpStream) {
    rustix::net::sockopt::set_socket_recv_buffer_size(socket, 32 * 1024).unwrap();
    rustix::net::sockopt::set_socket_send_buffer_size(socket, 32 * 1024).unwrap();
}

/// Until the other end is gone.
fn say_without_end(mut to: &TcpStream, moved: &AtomicU64) {
    while let Ok(bytes) = to.write(&[7; 16 * 1024]) {
        moved.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

fn peers_who_never_read_cost_a_bound_and_hold_nobody_up(engine: &str) {
    let moved = Arc::new(AtomicU64::new(0));
    let far = format!("{}?rcvbuf=64KiB&sndbuf=64KiB", far_end(&moved));
    let server = relay(&far, engine, &["--workers", "2"]);
    let mut other = call(&server);
    other.write_all(b"e").unwrap();
    let mut exchange = |said: &[u8]| {
        other.write_all(said).unwrap();
        assert_eq!(read_exactly(&mut other, said.len()), said);
    };
    exchange(b"hello");
    let before = resident_bytes(server.pid());
    let callers: Vec<TcpStream> = (0..CALLERS).map(|_| call(&server)).collect();
    for caller in &callers {
        small_buffers(caller);
        let (caller, moved) = (caller.try_clone().unwrap(), Arc::clone(&moved));
        caller.set_write_timeout(None).unwrap();
        std::thread::spawn(move || say_without_end(&caller, &moved));
    }
    // Nobody takes any more: a hundred looks, 5 ms apart, at which nothing has moved.
    let (mut last, mut looks) = (0, 0);
    wait_until("all of them are full", || {
        let now = moved.load(Ordering::Relaxed);
        looks = if now == last && now > CALLERS * 128 * 1024 { looks + 1 } else { 0 };
        last = now;
        looks == 100
    });
    let grown = resident_bytes(server.pid()).saturating_sub(before);
    assert!(grown < CALLERS * BYTES_A_CALLER, "{grown} bytes under {engine}");
    exchange(b"and hello again");
    for caller in callers {
        caller.shutdown(std::net::Shutdown::Both).unwrap();
    }
    exchange(b"and still here");
}
