//! Bad neighbours: what callers who never read, who dawdle and who reset cost the others, and what stays behind.
//!
//! The only test that compares speeds. It is a program of its own and makes one measurement at a time, so that
//! no other test takes the processor from under it. A rate is only ever compared with one of the same run, a
//! fraction of a second apart.

#![allow(clippy::unwrap_used, reason = "a panic is the failure that is wanted")]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use support::peer::wait_until;
use support::proc::{children, descriptors, sockets};
use support::{PATIENCE, Server};

/// Tests of this name, one for each of these engines.
macro_rules! under {
    ($test:ident: $($engine:ident)*) => {
        mod $test {
            $(#[test] fn $engine() { super::$test(stringify!($engine)); })*
        }
    };
}

// ---- what they cost while they are there --------------------------------------------------------------------

under! { bad_neighbours_cost_the_others_at_most_a_fifth_of_their_rate: process thread poll epoll uring }

/// Pairs of rounds, one without and one with the bad neighbours; their medians are compared.
const PAIRS: usize = 5;

const ROUND: Duration = Duration::from_millis(300);

/// The rate that has to be left.
const LEFT: f64 = 0.8;

/// Whole measurements that may be made: something else on the machine can spoil one, not all.
const MEASUREMENTS: usize = 12;

/// Callers who reset while a round is in its middle.
const RESETS: usize = 200;

/// Callers whose rate it is.
const OTHERS: usize = 4;

fn bad_neighbours_cost_the_others_at_most_a_fifth_of_their_rate(engine: &str) {
    let _alone = alone();
    let server = echo(engine);
    let mut others: Vec<TcpStream> = (0..OTHERS).map(|_| call(address(&server))).collect();
    exchanges_in(ROUND, &mut others); // all that is made on first use is made
    let mut spoilt = Vec::new();
    for _ in 0..MEASUREMENTS {
        let mut rates = [Vec::new(), Vec::new()];
        for _ in 0..PAIRS {
            rates[0].push(exchanges_in(ROUND, &mut others));
            rates[1].push(among_bad_neighbours(&server, &mut others));
        }
        let [without, with] = rates.map(median);
        if with as f64 >= LEFT * without as f64 {
            return;
        }
        spoilt.push(format!("{with} instead of {without}"));
    }
    panic!("{engine}: exchanges in {ROUND:?}, in each of {MEASUREMENTS} measurements: {}", spoilt.join(", "));
}

/// Exchanges of the others while one never reads, one sends a byte a second, and many reset.
fn among_bad_neighbours(server: &Server, others: &mut [TcpStream]) -> usize {
    let before = (descriptors(server.pid()), children(server.pid()).len());
    let address = address(server);
    let (deaf, mut slow) = (call(address), call(address));
    let exchanged = std::thread::scope(|scope| {
        scope.spawn(|| fill(&deaf));
        scope.spawn(|| slow.write_all(b"x").unwrap()); // a round is over before its second is
        scope.spawn(|| {
            std::thread::sleep(ROUND / 4);
            (0..RESETS).for_each(|_| reset_in_the_middle(address));
        });
        exchanges_in(ROUND, others)
    });
    drop((deaf, slow));
    wait_until("they are gone", || (descriptors(server.pid()), children(server.pid()).len()) == before);
    exchanged
}

/// Sends until nobody takes any more, for half a round.
fn fill(mut deaf: &TcpStream) {
    let (piece, until) = (vec![b'x'; 64 * 1024], Instant::now() + ROUND / 2);
    deaf.set_nonblocking(true).unwrap();
    while Instant::now() < until {
        match deaf.write(&piece) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn exchanges_in(time: Duration, callers: &mut [TcpStream]) -> usize {
    let (until, mut exchanged) = (Instant::now() + time, 0);
    while Instant::now() < until {
        for caller in &mut *callers {
            exchange(caller);
            exchanged += 1;
        }
    }
    exchanged
}

fn median(mut numbers: Vec<usize>) -> usize {
    numbers.sort_unstable();
    numbers[numbers.len() / 2]
}

// ---- what they leave behind ---------------------------------------------------------------------------------

under! {
    thousands_who_connect_and_reset_cost_little_time_and_leave_nothing_behind:
        iterative process thread poll epoll uring
}

const THOUSANDS: usize = 5_000;

/// The longest that one of them may take on average.
const EACH: Duration = Duration::from_millis(2);

fn thousands_who_connect_and_reset_cost_little_time_and_leave_nothing_behind(engine: &str) {
    let _alone = alone();
    let server = echo(engine);
    let listeners = sockets(server.pid());
    exchange(&mut call(address(&server))); // it has opened all that it needs for itself
    wait_until("that call is over", || sockets(server.pid()) == listeners);
    wait_until("and its child", || children(server.pid()).is_empty());
    let before = descriptors(server.pid());
    let began = Instant::now();
    (0..THOUSANDS).for_each(|_| reset_in_the_middle(address(&server)));
    exchange(&mut call(address(&server))); // it is through with those before
    let each = began.elapsed() / THOUSANDS as u32;
    assert!(each <= EACH, "{engine}: {each:?} each");
    wait_until("no child is left", || children(server.pid()).is_empty());
    wait_until("no descriptor is left", || descriptors(server.pid()) == before);
    let ended = server.terminate();
    assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""));
}

// ---- callers ------------------------------------------------------------------------------------------------

/// Holds the others up until it is dropped.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One worker, so that who calls last is answered last.
fn echo(engine: &str) -> Server {
    let serve = ["serve", "echo", "tcp://127.0.0.1:0", "--engine", engine];
    Server::start(&[&serve[..], &["--workers", "1", "--backlog", "4096"]].concat())
}

fn address(server: &Server) -> SocketAddr {
    server.address().trim_start_matches("tcp://").parse().unwrap()
}

fn call(address: SocketAddr) -> TcpStream {
    let caller = TcpStream::connect(address).unwrap();
    caller.set_nodelay(true).unwrap();
    caller.set_read_timeout(Some(PATIENCE)).unwrap();
    caller
}

fn exchange(caller: &mut TcpStream) {
    const SAID: &[u8] = b"is anybody holding us up?";
    caller.write_all(SAID).unwrap();
    let mut came = [0; SAID.len()];
    caller.read_exact(&mut came).unwrap();
    assert_eq!(came, SAID);
}

/// Calls, begins to say something, and resets.
fn reset_in_the_middle(address: SocketAddr) {
    let mut caller = call(address);
    caller.write_all(b"I was about to s").unwrap();
    rustix::net::sockopt::set_socket_linger(&caller, Some(Duration::ZERO)).unwrap();
}
