//! Loads against servers that misbehave by script, on loopback.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::IntoRawFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::Control;
use load::{Expect, Load, Message, Offer, Progress, Report, Trouble};

/// A TCP server that holds each of its calls in a thread of its own; its address. The calls are counted from 0.
fn tcp_server(serve: impl Fn(TcpStream, u64) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for (call, number) in listener.incoming().zip(0..) {
            let (call, serve) = (call.unwrap(), Arc::clone(&serve));
            std::thread::spawn(move || serve(call, number));
        }
    });
    address
}

fn echo(mut call: TcpStream, mut change: impl FnMut(&mut [u8])) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = call.read(&mut buffer) {
        change(&mut buffer[..length]);
        if call.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

fn run(address: &str, offer: Offer) -> Report {
    let control = Control::new().unwrap();
    Load::begin(offer, &address.parse().unwrap()).unwrap().run(&control, None).unwrap()
}

fn failures(report: &Report, trouble: Trouble) -> u64 {
    report.failures.iter().filter(|(found, _)| *found == trouble).map(|(_, calls)| calls).sum()
}

#[test]
fn exactly_as_many_messages_are_sent_as_were_asked_for() {
    let address = tcp_server(|call, _| echo(call, |_| {}));
    for (calls, threads, churn, rate, in_flight) in [
        (1, 1, false, None, 1),
        (7, 3, false, None, 4),
        (5, 2, true, None, 1),
        (4, 2, false, Some(20_000.0), 8),
        (3, 1, true, Some(5_000.0), 1),
    ] {
        let offer = Offer { calls, threads, churn, rate, in_flight, count: Some(503), ..Offer::default() };
        let report = run(&address, offer.clone());
        assert_eq!((report.sent, report.answered), (503, 503), "{offer:?}");
        assert_eq!((report.sent_bytes, report.received_bytes), (503 * 64, 503 * 64), "{offer:?}");
        assert_eq!(report.latency.len(), 503);
        assert_eq!(report.intervals.iter().map(|interval| interval.answered).sum::<u64>(), 503);
        assert_eq!(report.calls_opened, if churn { 503 } else { calls as u64 }, "{offer:?}");
        assert_eq!(report.calls_failed, 0, "{:?}", report.failures);
        assert!(!report.interrupted && report.elapsed < offer.duration);
    }
}

#[test]
fn messages_longer_than_every_buffer_come_back_whole() {
    let address = tcp_server(|call, _| echo(call, |_| {}));
    let message = Message::Size(3_000_001);
    let report = run(&address, Offer { calls: 2, count: Some(6), in_flight: 2, message, ..Offer::default() });
    assert_eq!((report.sent, report.answered, report.received_bytes), (6, 6, 6 * 3_000_001));
}

#[test]
fn one_flipped_bit_is_a_wrong_answer_and_ends_its_call() {
    let seen = AtomicU64::new(0);
    let address = tcp_server(move |call, _| {
        echo(call, |bytes| {
            if seen.fetch_add(1, Ordering::Relaxed) == 50 {
                bytes[bytes.len() / 2] ^= 1;
            }
        });
    });
    let rate = Some(500.0); // so that there is something to say yet when the call is made again
    let report = run(&address, Offer { calls: 2, count: Some(200), rate, ..Offer::default() });
    assert_eq!((report.sent, report.answered, report.wrong), (200, 199, 1));
    assert_eq!((report.calls_failed, failures(&report, Trouble::WrongAnswer)), (1, 1));
    assert_eq!(report.calls_opened, 3, "the call was made again");
}

#[test]
fn resets_early_ends_and_silence_are_counted_apart() {
    let address = tcp_server(|mut call, number| {
        let mut buffer = [0; 64];
        let _ = call.read(&mut buffer);
        match number % 4 {
            0 => drop(call.write_all(&buffer)),
            1 => reset(call),
            2 => {} // finishes without an answer
            _ => while let Ok(1..) = call.read(&mut buffer) {},
        }
    });
    let timeout = Duration::from_millis(200);
    let report = run(&address, Offer { churn: true, count: Some(40), timeout, ..Offer::default() });
    assert_eq!((report.sent, report.answered, report.unanswered), (40, 10, 30));
    assert_eq!(failures(&report, Trouble::Reset), 10, "{:?}", report.failures);
    assert_eq!(failures(&report, Trouble::PeerFinished), 10);
    assert_eq!(failures(&report, Trouble::TimedOut), 10);
    assert_eq!(report.calls_failed, 30);
}

fn reset(call: TcpStream) {
    rustix::net::sockopt::set_socket_linger(&call, Some(Duration::ZERO)).unwrap();
}

#[test]
fn a_server_that_goes_away_refuses_and_the_load_ends_all_the_same() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for call in listener.incoming().take(20) {
            let mut call = call.unwrap();
            let mut buffer = [0; 64];
            call.read_exact(&mut buffer).unwrap();
            call.write_all(&buffer).unwrap();
        } // the listener is closed
    });
    let duration = Duration::from_millis(500);
    let report = run(&address, Offer { churn: true, duration, ..Offer::default() });
    assert_eq!(report.answered, 20, "{:?}", report.failures);
    // The last call may have been in the backlog when the listener was closed.
    let refused = failures(&report, Trouble::Refused);
    assert!((1..=6).contains(&refused), "one every 100 ms, and not without pause: {:?}", report.failures);
}

#[test]
fn nobody_at_all_is_said_before_anything_is_offered() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", held.local_addr().unwrap());
    drop(held);
    let error = Load::begin(Offer::default(), &address.parse().unwrap()).unwrap_err();
    assert!(error.to_string().contains("connect(2): Connection refused"), "{error}");
}

#[test]
fn a_stall_shows_in_an_open_loop_and_hides_in_a_closed_one() {
    // The server stops for 400 ms once, at its hundredth receive: some 40 % of an open loop of 1 s is due meanwhile,
    // but a closed loop has but one message waiting.
    let stalling = || {
        let received = AtomicU64::new(0);
        tcp_server(move |call, _| {
            echo(call, |_| {
                if received.fetch_add(1, Ordering::Relaxed) == 100 {
                    std::thread::sleep(Duration::from_millis(400));
                }
            });
        })
    };
    let p90 = |rate| {
        let offer = Offer { rate, in_flight: 1, duration: Duration::from_secs(1), ..Offer::default() };
        let report = run(&stalling(), offer);
        assert!(report.latency.max() >= 400_000_000, "both have seen it at all");
        assert_eq!((report.sent, report.unsent), (report.answered, 0));
        (report.sent, report.latency.value_at_quantile(0.9))
    };
    let (sent, open) = p90(Some(1_000.0));
    assert_eq!(sent, 1_000, "all that was due was sent");
    assert!(open >= 200_000_000, "a tenth of the messages waited for 200 ms at least: {open} ns");
    let (_, closed) = p90(None);
    assert!(closed < 200_000_000, "nine in ten were sent when it did not stall: {closed} ns");
}

/// A UDP server that is handed each datagram, with the socket and its sender.
fn udp_server(mut serve: impl FnMut(&UdpSocket, std::net::SocketAddr, &[u8]) + Send + 'static) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = format!("udp://{}", socket.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut buffer = [0; 65_536];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            serve(&socket, from, &buffer[..length]);
        }
    });
    address
}

#[test]
fn lost_late_doubled_and_overtaken_datagrams_are_counted() {
    let mut count = 0;
    let mut held = Vec::new();
    let address = udp_server(move |socket, from, bytes| {
        let send = |bytes: &[u8]| assert_eq!(socket.send_to(bytes, from).unwrap(), bytes.len());
        match count {
            5 | 6 => {}                        // lost
            10 | 20 => held = bytes.to_vec(),  // kept back,
            11 => [bytes, &held].map(send)[0], // and sent behind the next: overtaken
            30 | 31 => [bytes, bytes].map(send)[0],
            45 => [&held, bytes].map(send)[0], // 20 comes when it has long been given up
            _ => send(bytes),
        }
        count += 1;
    });
    let (timeout, rate) = (Duration::from_millis(200), Some(50.0));
    let report = run(&address, Offer { count: Some(60), in_flight: 30, timeout, rate, ..Offer::default() });
    assert_eq!((report.sent, report.answered, report.lost), (60, 57, 3));
    assert_eq!((report.late, report.duplicated, report.reordered), (1, 2, 1));
    assert_eq!((report.wrong, report.calls_failed), (0, 0));
}

#[test]
fn a_refused_datagram_is_a_failed_call() {
    let first = Mutex::new(true);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = format!("udp://{}", socket.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        let (length, from) = socket.recv_from(&mut buffer).unwrap();
        assert!(std::mem::take(&mut *first.lock().unwrap()));
        socket.send_to(&buffer[..length], from).unwrap();
    }); // then the socket is closed
    let (duration, timeout) = (Duration::from_millis(300), Duration::from_millis(100));
    let report = run(&address, Offer { duration, timeout, ..Offer::default() });
    assert_eq!(report.answered, 1);
    assert!(failures(&report, Trouble::Refused) >= 1, "{:?}", report.failures);
}

#[test]
fn one_who_never_reads_does_not_hold_the_load_up_for_ever() {
    let address = tcp_server(|call, _| {
        let _held = call;
        std::thread::park();
    });
    let (duration, timeout) = (Duration::from_millis(300), Duration::from_millis(300));
    let began = Instant::now();
    for expect in [Expect::Nothing, Expect::Echo] {
        let offer = Offer { expect, duration, timeout, in_flight: 65_536, calls: 2, ..Offer::default() };
        let report = run(&address, offer);
        assert!(failures(&report, Trouble::TimedOut) >= 2, "{:?}", report.failures);
    }
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_load_that_is_ended_early_tells_what_it_saw() {
    let address = tcp_server(|call, _| echo(call, |_| {}));
    let control = Control::new().unwrap();
    let offer = Offer { calls: 3, threads: 2, duration: Duration::from_secs(600), ..Offer::default() };
    let load = Load::begin(offer, &address.parse().unwrap()).unwrap();
    let mut told = 0;
    let mut tell = |progress: &Progress| {
        told = progress.answered;
        assert_eq!(progress.open, 3);
        control.end();
    };
    let report = load.run(&control, Some(&mut tell)).unwrap();
    assert!(report.interrupted);
    assert!(told > 0 && report.answered >= told, "{told} of {}", report.answered);
    assert!(report.elapsed < Duration::from_secs(60));
}

#[test]
fn a_load_that_nobody_is_told_of_leaves_its_callers_thread_as_it_was() {
    let address = tcp_server(|call, _| echo(call, |_| {}));
    let slack = || rustix::thread::current_timer_slack().unwrap();
    let before = slack();
    let report = run(&address, Offer { count: Some(100), ..Offer::default() });
    assert_eq!((report.answered, slack()), (100, before));
}

#[test]
fn held_calls_say_nothing_and_those_that_end_are_missed() {
    let address = tcp_server(|mut call, number| {
        if number < 3 {
            assert_eq!(call.read(&mut [0; 8]).unwrap(), 0, "nothing is said, and in the end it finishes");
        }
    });
    let offer = Offer { calls: 5, idle: true, duration: Duration::from_millis(300), ..Offer::default() };
    let report = run(&address, offer);
    assert_eq!((report.calls_opened, report.calls_failed), (5, 2), "{:?}", report.failures);
    assert_eq!(failures(&report, Trouble::PeerFinished), 2);
    assert_eq!((report.sent, report.sent_bytes), (0, 0));
}

#[test]
fn calls_are_opened_evenly_over_the_ramp_and_the_warm_up_is_not_counted() {
    let opened = Arc::new(Mutex::new(Vec::new()));
    let (at, began) = (Arc::clone(&opened), Instant::now());
    let address = tcp_server(move |call, _| {
        at.lock().unwrap().push(began.elapsed());
        echo(call, |_| {});
    });
    let (ramp, warm_up) = (Duration::from_millis(400), Duration::from_millis(300));
    let duration = Duration::from_millis(600);
    let rate = Some(1_000.0);
    let report = run(&address, Offer { calls: 4, ramp, warm_up, duration, rate, ..Offer::default() });
    let opened = opened.lock().unwrap();
    assert_eq!(opened.len(), 4);
    // A busy machine opens a call late, never early.
    let due = (0..4).map(|number| ramp / 4 * number);
    assert!(opened.iter().zip(due).all(|(opened, due)| *opened >= due), "{opened:?}");
    // Of the last 300 ms: at most four calls with 250 messages a second each.
    assert!((1..=300).contains(&report.sent), "{}", report.sent);
    assert_eq!(report.answered, report.sent);
}

#[test]
fn an_inherited_descriptor_is_one_call_and_no_more() {
    let address = tcp_server(|call, _| echo(call, |_| {}));
    let call = TcpStream::connect(address.trim_start_matches("tcp://")).unwrap();
    rustix::io::fcntl_setfd(&call, rustix::io::FdFlags::empty()).unwrap(); // as one that was inherited
    let address: address::Address = format!("fd:{}", call.into_raw_fd()).parse().unwrap();
    let two = Load::begin(Offer { calls: 2, ..Offer::default() }, &address).unwrap_err();
    assert!(two.to_string().contains("an inherited descriptor is one call"), "{two}");
}
