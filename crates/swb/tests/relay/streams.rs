//! Byte streams in any combination: nothing lost, nothing changed, each direction with an end of its own.

use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use crate::support::{Directory, random_bytes};
use crate::{answer, call, far, patient, read_all, read_exactly, relay, relay_at, say};

const MIB: usize = 1 << 20;

under! { floods_in_both_directions_at_once_are_exact: iterative process thread poll epoll uring }
under! { an_answer_long_after_the_callers_end_is_whole: process thread poll epoll uring }
under! { who_finished_first_still_hears_the_other: process epoll uring }

fn floods_in_both_directions_at_once_are_exact(engine: &str) {
    let size = if engine == "epoll" || engine == "uring" { 64 * MIB } else { 8 * MIB };
    let (listener, address) = far();
    let relay = relay(&address, engine, &[]);
    let caller = call(&relay);
    let other = answer(&listener);
    let (said, answered) = (random_bytes(size, 1), random_bytes(size, 2));
    let writers =
        [say(caller.try_clone().unwrap(), said.clone()), say(other.try_clone().unwrap(), answered.clone())];
    let hearing = {
        let mut other = other.try_clone().unwrap();
        std::thread::spawn(move || read_exactly(&mut other, size))
    };
    assert!(read_exactly(&mut caller.try_clone().unwrap(), size) == answered, "the answer was changed");
    assert!(hearing.join().unwrap() == said, "what was said was changed");
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    drop((caller, other));
    let said = relay.terminate();
    assert_eq!(said.code(), 0);
    let line = format!(" to {address}: finished; {size} bytes in, {size} out, ");
    assert!(said.stderr.contains(&line), "{}", said.stderr);
}

fn an_answer_long_after_the_callers_end_is_whole(engine: &str) {
    let (listener, address) = far();
    let relay = relay(&address, engine, &[]);
    let mut caller = call(&relay);
    caller.write_all(b"a question").unwrap();
    caller.shutdown(Shutdown::Write).unwrap();
    let mut other = answer(&listener);
    assert_eq!(read_all(&other), b"a question");
    std::thread::sleep(Duration::from_secs(1)); // the pause is what this is about
    let answered = random_bytes(3 * MIB, 3);
    let writer = say(other.try_clone().unwrap(), answered.clone());
    assert!(read_exactly(&mut caller, answered.len()) == answered);
    writer.join().unwrap();
    other.write_all(b"the end").unwrap();
    drop(other);
    assert_eq!(read_all(caller), b"the end");
}

fn who_finished_first_still_hears_the_other(engine: &str) {
    let (listener, address) = far();
    let relay = relay(&address, engine, &[]);
    let mut caller = call(&relay);
    let other = answer(&listener);
    other.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&caller), b"", "the other end's end comes through");
    let said = random_bytes(MIB, 4);
    let writer = say(caller.try_clone().unwrap(), said.clone());
    assert!(read_exactly(&mut other.try_clone().unwrap(), said.len()) == said);
    writer.join().unwrap();
    caller.write_all(b"done").unwrap();
    drop(caller);
    assert_eq!(read_all(other), b"done");
}

#[test]
fn tcp_is_joined_to_a_unix_socket_and_back() {
    let folder = Directory::new();
    let (inner, outer) = (folder.file("inner"), folder.file("outer"));
    let listener = UnixListener::bind(&inner).unwrap();
    let to_unix = relay(&format!("unix:{inner}"), "epoll", &[]);
    let from_unix = relay_at(&format!("unix:{outer}"), to_unix.address(), "uring", &[]);
    let mut caller = UnixStream::connect(&outer).unwrap();
    let (said, answered) = (random_bytes(4 * MIB, 5), random_bytes(4 * MIB, 6));
    let writer = say(caller.try_clone().unwrap(), said.clone());
    let (mut other, _) = listener.accept().unwrap();
    assert!(read_exactly(&mut other, said.len()) == said);
    writer.join().unwrap();
    let writer = say(other.try_clone().unwrap(), answered.clone());
    assert!(read_exactly(&mut caller, answered.len()) == answered);
    writer.join().unwrap();
    caller.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&other), b"");
    drop(other);
    assert_eq!(read_all(caller), b"");
    assert_eq!((from_unix.terminate().code(), to_unix.terminate().code()), (0, 0));
}

#[test]
fn a_stream_goes_through_records_as_a_stream() {
    let folder = Directory::new();
    let between = format!("unix-seqpacket:{}", folder.file("records"));
    let (listener, address) = far();
    let inner = relay_at(&between, &address, "epoll", &[]);
    let outer = relay(&between, "uring", &[]);
    let caller = call(&outer);
    let mut other = answer(&listener);
    let said = random_bytes(4 * MIB, 7);
    let writer = say(caller.try_clone().unwrap(), said.clone());
    assert!(read_exactly(&mut other, said.len()) == said);
    writer.join().unwrap();
    caller.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&other), b"");
    other.write_all(b"heard").unwrap();
    drop(other);
    assert_eq!(read_all(caller), b"heard");
    assert_eq!((outer.terminate().code(), inner.terminate().code()), (0, 0));
}

#[test]
fn a_peer_that_never_reads_holds_no_more_than_the_buffers_of_its_call() {
    use std::io::ErrorKind;

    use crate::support::proc::resident_bytes;

    let (listener, address) = far();
    let relay = relay(&format!("{address}?sndbuf=64KiB"), "epoll", &[]);
    let mut warm = call(&relay);
    let mut idle = answer(&listener);
    warm.write_all(b"warm").unwrap();
    read_exactly(&mut idle, 4);
    let before = resident_bytes(relay.pid());
    let mut caller = call(&relay);
    let other = answer(&listener);
    caller.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let piece = vec![b'x'; MIB];
    let mut taken = 0;
    let stuck = loop {
        match caller.write(&piece) {
            Ok(count) => taken += count,
            Err(error) => break error,
        }
        assert!(taken < 256 * MIB, "a peer that reads nothing took {taken} bytes");
    };
    assert_eq!(stuck.kind(), ErrorKind::WouldBlock);
    let held = resident_bytes(relay.pid()).saturating_sub(before);
    assert!(held < MIB as u64, "{held} bytes are held for a peer that reads nothing");
    // The others go on.
    warm.write_all(b"on").unwrap();
    assert_eq!(read_exactly(&mut patient(idle), 2), b"on");
    drop((caller, other));
}
