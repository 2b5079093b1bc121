//! The same seed and input: the same faults, logs and bytes, counted exactly.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use crate::caller::Caller;
use crate::support::peer::uninterrupted;
use crate::support::{Directory, PATIENCE, Server};

const FAULTS: &str = "loss=out:10%&duplicate=out:5%&reorder=out:5%&corrupt=out:2%&seed=7";
const MESSAGES: u32 = 200;

under!(datagrams_of_a_relay_have_the_faults_of_its_seed: iterative thread poll epoll uring);
under!(packets_of_a_relay_have_the_faults_of_its_seed: iterative process thread poll epoll uring);

/// What came through a relay, in order, and what its log says of that.
type Run = (Vec<Vec<u8>>, Vec<String>);

/// The faults of a log, without the ends of the call.
fn faults_of(log: &str) -> Vec<String> {
    let lines = log.lines().filter_map(|line| line.split_once(": out: "));
    lines.map(|(_, fault)| fault.to_owned()).collect()
}

/// The log's count is what came, and every line of it is true.
fn check(run: &Run) {
    let (came, log) = run;
    let count = |what: &str| log.iter().filter(|line| line.contains(what)).count();
    let (lost, twice, overtaken, corrupt) =
        (count("is lost"), count("comes twice"), count("is overtaken"), count("is corrupt"));
    assert!([lost, twice, overtaken, corrupt].iter().all(|count| *count > 0), "{log:#?}");
    assert_eq!(came.len(), MESSAGES as usize - lost + twice, "{log:#?}");
    let expected = format!(
        "{MESSAGES} came, {} passed, {lost} lost, {twice} doubled, {overtaken} overtaken, {corrupt} corrupt",
        came.len()
    );
    assert_eq!(log.last(), Some(&expected));
    let wrong = came.iter().filter(|message| !message.starts_with(b"message ") || message.len() != 11);
    assert!(wrong.count() <= corrupt);
    assert!(came.windows(2).any(|two| two[0] > two[1]), "none was overtaken");
}

fn message(number: u32) -> Vec<u8> {
    format!("message {number:03}").into_bytes()
}

fn datagrams(engine: &str) -> Run {
    let far = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = format!("udp://{}?{FAULTS}", far.local_addr().unwrap());
    let mut server = Server::start(&["relay", "udp://127.0.0.1:0", &to, "-v", "--engine", engine]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(format!("127.0.0.1:{}", server.port())).unwrap();
    for number in 0..MESSAGES {
        socket.send(&message(number)).unwrap();
        server.running.take_line("message of 11 bytes");
    }
    let finished = server.terminate();
    assert_eq!(finished.code(), 0, "{}", finished.stderr);
    far.set_nonblocking(true).unwrap();
    let mut buffer = [0; 64];
    let mut came = Vec::new();
    while let Ok(length) = uninterrupted(|| far.recv(&mut buffer)) {
        came.push(buffer[..length].to_vec());
    }
    (came, faults_of(&finished.stderr))
}

fn packets(engine: &str) -> Run {
    let directory = Directory::new();
    let echo = Server::start(&["serve", "echo", &format!("unix-seqpacket:{}", directory.file("echo"))]);
    let to = format!("{}?{FAULTS}", echo.address());
    let from = format!("unix-seqpacket:{}", directory.file("relay"));
    let server = Server::start(&["relay", &from, &to, "-v", "--engine", engine]);
    let mut caller = Caller::call(server.address());
    (0..MESSAGES).for_each(|number| caller.send(&message(number)));
    caller.finish();
    let mut came = Vec::new();
    loop {
        match caller.receive() {
            message if message.is_empty() => break,
            message => came.push(message),
        }
    }
    let finished = server.terminate();
    assert_eq!(finished.code(), 0, "{}", finished.stderr);
    (came, faults_of(&finished.stderr))
}

fn datagrams_of_a_relay_have_the_faults_of_its_seed(engine: &str) {
    let run = datagrams(engine);
    check(&run);
    assert_eq!(run, datagrams(engine));
}

fn packets_of_a_relay_have_the_faults_of_its_seed(engine: &str) {
    let run = packets(engine);
    check(&run);
    assert_eq!(run, packets(engine));
}

#[test]
fn transports_and_engines_do_the_same_to_the_same_messages() {
    assert_eq!(packets("poll"), packets("uring"));
    assert_eq!(packets("thread").1, datagrams("epoll").1);
}

/// How long the answers to so many datagrams took, the shortest first, and what the server said.
fn echoed(options: &str, count: u32) -> (Vec<Duration>, String) {
    let server = Server::start(&["serve", "echo", &format!("udp://127.0.0.1:0{options}"), "-v"]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(format!("127.0.0.1:{}", server.port())).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let (began, sender) = (Instant::now(), socket.try_clone().unwrap());
    // The load that is offered: one every half millisecond; at last so many that one of them comes.
    let offering = std::thread::spawn(move || {
        for number in 0..count + 100 {
            let due = began + Duration::from_micros(500) * number;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let sent = u64::try_from(began.elapsed().as_nanos()).unwrap().to_be_bytes();
            sender.send(if number < count { &sent } else { b"last" }).unwrap();
        }
    });
    let (mut buffer, mut took) = ([0; 64], Vec::new());
    while let Ok(8) = uninterrupted(|| socket.recv(&mut buffer)) {
        let sent = Duration::from_nanos(u64::from_be_bytes(buffer[..8].try_into().unwrap()));
        took.push(began.elapsed() - sent);
    }
    offering.join().unwrap();
    took.sort();
    (took, server.terminate().stderr)
}

#[test]
fn delay_and_loss_are_what_was_set_over_10_000_messages() {
    const SET: Duration = Duration::from_millis(20);
    let median = |took: &[Duration]| took[took.len() / 2];
    let (plain, _) = echoed("", 2_000);
    let (delayed, _) = echoed("?delay=out:20ms", 10_000);
    assert_eq!(delayed.len(), 10_000);
    let late = median(&delayed).saturating_sub(median(&plain));
    println!("a delay of 20 ms: {late:?} more than {:?}, the median of 10,000", median(&plain));
    // The machine may be busy with other tests: the exact figure is printed above.
    assert!(late.abs_diff(SET) < Duration::from_millis(4), "{late:?}");
    let (came, log) = echoed("?loss=in:10%&seed=3", 10_000);
    let counted = faults_of(&log.replace(": in: ", ": out: "));
    let lost = (10_000 - came.len()) as f64 / 100.0;
    println!("a loss of 10 %: {lost} % of 10,000; {:?}", counted.last());
    assert!((lost - 10.0).abs() < 2.0, "{lost} %");
}
