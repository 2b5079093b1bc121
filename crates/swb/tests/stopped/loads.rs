//! `load`: no message is counted as lost that was answered.

use std::io::{Read, Write};
use std::time::Duration;

use crate::support::Finished;
use crate::support::peer::uninterrupted;
use crate::{Group, ROUNDS, expect_order, far, patient, start, udp_socket};

/// A load of that many messages, all of which were answered.
fn expect_all_answered(load: &Finished, count: usize) {
    expect_order(load);
    assert!(load.text().contains(&format!("{count} sent, {count} answered\n")), "{}", load.text());
}

#[test]
fn a_load_hears_what_comes_while_it_is_stopped() {
    let (listener, address) = far();
    let load = start(&["load", &address, "--calls", "1", "--count", &ROUNDS.to_string(), "--size", "64"]);
    let group = Group::of(&load);
    let mut called = patient(listener.accept().unwrap().0);
    let mut message = [0; 64];
    for _ in 0..ROUNDS {
        called.read_exact(&mut message).unwrap();
        group.stop();
        called.write_all(&message).unwrap();
        group.go_on();
    }
    expect_all_answered(&load.finish(), ROUNDS);
}

#[test]
fn a_load_of_datagrams_hears_what_came_in_time_although_the_time_went_by_meanwhile() {
    let peer = udp_socket();
    let address = format!("udp://{}", peer.local_addr().unwrap());
    let load = start(&["load", &address, "--calls", "1", "--count", "3", "--timeout", "500ms"]);
    let group = Group::of(&load);
    for _ in 0..3 {
        let mut message = [0; 100];
        let (length, caller) = uninterrupted(|| peer.recv_from(&mut message)).unwrap();
        group.stop();
        peer.send_to(&message[..length], caller).unwrap();
        std::thread::sleep(Duration::from_millis(600)); // it is the time itself that passes
        group.go_on();
    }
    expect_all_answered(&load.finish(), 3);
}
