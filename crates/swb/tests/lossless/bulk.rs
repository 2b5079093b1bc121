//! Large random input through every line, compared byte for byte.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::OwnedFd;
use std::thread::JoinHandle;

use crate::support::{Directory, Server, swb};

/// Bytes through each line, unless `SWB_TEST_BYTES` says otherwise.
const BYTES: u64 = 64 << 20;

/// Bytes written and compared at once: no power of two, so that no cut falls together with a buffer's end.
const PIECE_BYTES: usize = 100_003;

fn bytes() -> u64 {
    std::env::var("SWB_TEST_BYTES").map_or(BYTES, |text| text.parse().expect("SWB_TEST_BYTES is a number"))
}

/// Where a test listens.
fn places(directory: &Directory) -> [String; 2] {
    ["tcp://127.0.0.1:0".into(), format!("unix:{}", directory.file("socket"))]
}

#[test]
fn connect_and_listen_carry_every_byte_both_ways_over_tcp() {
    let directory = Directory::new();
    both_ways(&places(&directory)[0]);
}

#[test]
fn connect_and_listen_carry_every_byte_both_ways_over_unix() {
    let directory = Directory::new();
    both_ways(&places(&directory)[1]);
}

/// Caller and callee send at the same time, each its own bytes.
fn both_ways(address: &str) {
    let (callee, callee_sends, callee_hears) = start_listening(&["listen", address]);
    let (caller, caller_sends, caller_hears) = start(&["connect", callee.address()]);
    let threads =
        [feed(caller_sends, 1), compare(callee_hears, 1), feed(callee_sends, 2), compare(caller_hears, 2)];
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let (caller, callee) = (caller.finish(), callee.running.finish());
    assert_eq!((caller.code(), caller.stderr.as_str()), (0, ""));
    assert_eq!((callee.code(), callee.stderr.as_str()), (0, ""));
}

macro_rules! a_relay_carries_every_byte_both_ways {
    ($($name:ident: $from:literal to $to:literal)*) => {
        mod a_relay_carries_every_byte_both_ways {
            $(#[test] fn $name() { super::both_ways_through_a_relay($from, $to); })*
        }
    };
}

a_relay_carries_every_byte_both_ways! {
    from_tls_to_tcp: "tls://127.0.0.1:0" to "tcp://127.0.0.1:0"
    from_websocket_to_tcp: "ws://127.0.0.1:0" to "tcp://127.0.0.1:0"
    from_tcp_to_tls: "tcp://127.0.0.1:0" to "tls://127.0.0.1:0"
    from_tcp_to_websocket: "tcp://127.0.0.1:0" to "ws://127.0.0.1:0"
}

/// Caller and callee send at the same time, and a relay stands between them.
fn both_ways_through_a_relay(from: &str, to: &str) {
    let (mut callee, callee_sends, callee_hears) = start_listening(&["listen", to]);
    let mut relay = Server::start(&["relay", from, &trusting(&mut callee)]);
    let (caller, caller_sends, caller_hears) = start(&["connect", &trusting(&mut relay)]);
    let threads =
        [feed(caller_sends, 5), compare(callee_hears, 5), feed(callee_sends, 6), compare(caller_hears, 6)];
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let (caller, callee, relay) = (caller.finish(), callee.running.finish(), relay.terminate());
    assert_eq!((caller.code(), caller.stderr.as_str()), (0, ""));
    assert_eq!((callee.code(), relay.code()), (0, 0), "{callee:?} {relay:?}");
}

/// Where a server is called by who trusts the certificate that it made for itself, if it did.
fn trusting(server: &mut Server) -> String {
    let address = server.address().to_owned();
    if !address.starts_with("tls:") {
        return address;
    }
    let line = server.running.wait_for_line("?pin=");
    format!("{address}?{}", line.rsplit('?').next().unwrap())
}

macro_rules! echo_gives_every_byte_back {
    ($($engine:ident)*) => {
        mod echo_gives_every_byte_back {
            $(mod $engine {
                #[test]
                fn over_tcp() {
                    let directory = crate::support::Directory::new();
                    super::super::there_and_back(stringify!($engine), &super::super::places(&directory)[0]);
                }

                #[test]
                fn over_unix() {
                    let directory = crate::support::Directory::new();
                    super::super::there_and_back(stringify!($engine), &super::super::places(&directory)[1]);
                }
            })*
        }
    };
}

echo_gives_every_byte_back! { iterative process thread poll epoll uring }

fn there_and_back(engine: &str, address: &str) {
    let server = Server::start(&["serve", "echo", address, "--engine", engine]);
    let (caller, sends, hears) = start(&["connect", server.address()]);
    let threads = [feed(sends, 3), compare(hears, 3)];
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let (caller, server) = (caller.finish(), server.terminate());
    assert_eq!((caller.code(), caller.stderr.as_str()), (0, ""));
    assert_eq!(server.code(), 0, "{server:?}");
}

/// Starts `swb` with pipes of the test's own: to its input, from its output.
fn start(arguments: &[&str]) -> (crate::support::Running, PipeWriter, PipeReader) {
    let ((their_input, our_output), (our_input, their_output)) = (pipe().unwrap(), pipe().unwrap());
    let mut command = swb(arguments);
    let running = crate::support::Running::start(command.stdin(their_input).stdout(their_output));
    (running, our_output, our_input)
}

/// The same for one that listens; it is ready.
fn start_listening(arguments: &[&str]) -> (Server, PipeWriter, PipeReader) {
    let ((their_input, our_output), (our_input, their_output)) = (pipe().unwrap(), pipe().unwrap());
    let mut command = swb(arguments);
    let server = Server::of(command.stdin(their_input).stdout(their_output), 1);
    (server, our_output, our_input)
}

/// Writes the bytes of this seed and closes the pipe.
fn feed(mut pipe: PipeWriter, seed: u64) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut random = Random::new(seed);
        let (mut piece, mut left) = (vec![0; PIECE_BYTES], bytes());
        while left > 0 {
            let length = left.min(PIECE_BYTES as u64) as usize;
            random.fill(&mut piece[..length]);
            pipe.write_all(&piece[..length]).expect("the input is taken to its end");
            left -= length as u64;
        }
    })
}

/// Reads to the end: the bytes of this seed have to come, and no more.
fn compare(mut pipe: PipeReader, seed: u64) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut random = Random::new(seed);
        let (mut came, mut wanted, mut at) = (vec![0; PIECE_BYTES], vec![0; PIECE_BYTES], 0);
        while at < bytes() {
            let length = (bytes() - at).min(PIECE_BYTES as u64) as usize;
            random.fill(&mut wanted[..length]);
            let whole = pipe.read_exact(&mut came[..length]);
            whole.unwrap_or_else(|error| {
                panic!("the output ended between {at} and {length} bytes on: {error}")
            });
            assert!(
                came[..length] == wanted[..length],
                "other bytes came between {at} and {length} bytes on"
            );
            at += length as u64;
        }
        assert_eq!(pipe.read(&mut came).unwrap(), 0, "more came than was sent");
    })
}

/// Bytes that look random and are the same for the same seed (xorshift64*).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Fills the piece; every piece but the last has the same length, so that both sides cut alike.
    fn fill(&mut self, piece: &mut [u8]) {
        for chunk in piece.chunks_mut(8) {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            let word = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}

#[test]
fn pipes_on_the_way_of_bulk_are_widened_and_those_of_a_talk_are_left_alone() {
    fn size(pipe: impl std::os::fd::AsFd) -> usize {
        rustix::pipe::fcntl_getpipe_size(pipe).unwrap()
    }
    // Where this user has many pages in pipes already, they stay what they are.
    let (_, probe) = pipe().unwrap();
    let (narrow, wide) = (size(&probe), 256 << 10);
    let is_allowed = rustix::pipe::fcntl_setpipe_size(&probe, wide).is_ok();
    let directory = Directory::new();
    for (bytes, is_bulk) in [(4 << 20, true), (100, false)] {
        let (callee, callee_sends, mut callee_hears) = start_listening(&["listen", &places(&directory)[0]]);
        let (caller, mut caller_sends, caller_hears) = start(&["connect", callee.address()]);
        let [in_front, behind] =
            [caller_sends.try_clone().map(OwnedFd::from), callee_hears.try_clone().map(OwnedFd::from)];
        let (in_front, behind) = (in_front.unwrap(), behind.unwrap());
        let feeding = std::thread::spawn(move || caller_sends.write_all(&vec![7; bytes]).unwrap());
        callee_hears.read_exact(&mut vec![0; bytes]).unwrap();
        feeding.join().unwrap();
        let wanted = if is_bulk && is_allowed { wide } else { narrow };
        assert_eq!((size(&in_front), size(&behind)), (wanted, wanted), "{bytes} bytes");
        assert_eq!(
            (size(&callee_sends), size(&caller_hears)),
            (narrow, narrow),
            "nothing came through these"
        );
        drop((in_front, callee_sends, callee_hears, behind));
        drop(caller_hears);
        assert_eq!((caller.finish().code(), callee.running.finish().code()), (0, 0));
    }
}
