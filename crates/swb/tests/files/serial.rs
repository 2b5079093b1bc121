//! `serial:`: a line with its settings, given back as it was.

use std::io::Write;
use std::path::Path;

use crate::support::peer::{installed, wait_until};
use crate::support::{Directory, Running, Server, run, run_swb, swb};
use crate::{call, comes, open_terminal, relay};

under! { bytes_go_both_ways_over_a_line_as_they_are: iterative process thread poll epoll uring }

/// A line with two ends, which socat makes of two terminals.
struct Line {
    _socat: Running,
    ends: [String; 2],
}

impl Line {
    fn new(directory: &Directory) -> Line {
        let ends = ["one", "other"].map(|name| directory.file(name));
        let made = ends.each_ref().map(|end| format!("PTY,link={end},raw,echo=0"));
        let socat = Running::start(&mut installed("socat", &made.each_ref().map(String::as_str)));
        wait_until("both ends are there", || ends.iter().all(|end| Path::new(end).exists()));
        Line { _socat: socat, ends }
    }
}

fn settings(path: &str) -> String {
    run(installed("stty", &["-a", "-F", path]), b"").text()
}

fn bytes_go_both_ways_over_a_line_as_they_are(engine: &str) {
    let directory = Directory::new();
    let Line { _socat, ends: [one, other] } = Line::new(&directory);
    let server = relay(&format!("serial:{one}"), engine);
    let mut caller = call(&server);
    let every_byte: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let mut other = open_terminal(other);
    let says = every_byte.clone();
    let mut speaker = other.try_clone().unwrap();
    let speaking = std::thread::spawn(move || speaker.write_all(&says).unwrap());
    assert!(comes(&caller, &every_byte));
    speaking.join().unwrap();
    caller.write_all(&every_byte[..4_000]).unwrap();
    assert!(comes(&mut other, &every_byte[..4_000]));
}

#[test]
fn stty_sees_the_settings_while_it_is_ours_and_the_old_ones_after() {
    let directory = Directory::new();
    let line = Line::new(&directory);
    let path = &line.ends[0];
    run(installed("stty", &["-F", path, "9600", "-cstopb", "icanon", "echo"]), b"");
    let before = settings(path);
    assert!(before.contains("speed 9600 baud"), "{before}");
    let address = format!("serial:{path}?baud=115200&stop=2&flow=hardware");
    let server = Server::start(&["listen", &address]);
    let during = settings(path);
    for wanted in
        ["speed 115200 baud", " cstopb", " crtscts", "-icanon", "-echo ", "clocal", "-ixon", "min = 1"]
    {
        assert!(during.contains(wanted), "{wanted} is not in {during}");
    }
    assert_eq!(server.terminate().code(), 143);
    assert_eq!(settings(path), before);
    let server = Server::start(&["listen", &format!("serial:{path}?baud=230400&flow=software")]);
    let during = settings(path);
    assert!(during.contains("speed 230400 baud") && during.contains(" ixon ixoff"), "{during}");
    drop(server.terminate());
    assert_eq!(settings(path), before);
}

#[test]
fn what_the_line_cannot_do_is_refused_and_leaves_it_as_it_was() {
    let directory = Directory::new();
    let line = Line::new(&directory);
    let path = &line.ends[0];
    let before = settings(path);
    // A terminal without a wire has 8 bits and no parity, whatever it is told.
    let refused = run_swb(&["connect", &format!("serial:{path}?data=7&parity=even&baud=1200")], b"");
    assert_eq!(refused.code(), 1);
    assert!(refused.stderr.contains(": the line cannot be set so: `stty -a"), "{refused:?}");
    assert_eq!(settings(path), before);
}

#[test]
fn a_line_that_is_gone_ends_the_call() {
    let directory = Directory::new();
    let mut line = Line::new(&directory);
    let mut caller = Running::start(&mut swb(&["connect", &format!("serial:{}", line.ends[0])]));
    caller.write(b"first");
    assert!(comes(open_terminal(&line.ends[1]), b"first"));
    line._socat.child.kill().unwrap();
    assert_eq!(caller.finish().code(), 0);
}
