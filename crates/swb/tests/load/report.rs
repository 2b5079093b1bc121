//! What is told of a load, and how it ends.

use super::support::{Directory, Running, Server, run_swb, swb};
use super::{load, numbers, svg};

fn echo() -> Server {
    Server::start(&["serve", "echo", "tcp://127.0.0.1:0"])
}

#[test]
fn the_report_names_rate_bytes_latency_calls_and_the_generator_with_their_units() {
    let server = echo();
    let finished = run_swb(&["load", server.address(), "--calls", "3", "--count", "3000"], b"");
    assert_eq!(finished.code(), 0, "{}", finished.stderr);
    let text = finished.text();
    let first = format!("{}: 3 calls, closed loop, messages of 64 bytes", server.address());
    assert_eq!(text.lines().next(), Some(first.as_str()));
    for words in [
        " s\n",
        "3,000 sent, 3,000 answered\n",
        " a second\n",
        "B/s out, ",
        "p50 ",
        " µs  p90 ",
        "p99.9 ",
        "max ",
        "3 opened, 0 failed\n",
        "1 thread, ",
        " % busy",
    ] {
        assert!(text.contains(words), "{words:?} in {text}");
    }
    assert_eq!(finished.stderr, "", "nothing but the report is said where nobody watches");
}

#[test]
fn percentiles_rise_and_have_their_unit_in_their_names() {
    let server = echo();
    let (_, report) = load(&[server.address(), "--count", "2000"]);
    let names = ["p50", "p90", "p99", "p99_9", "max"].map(|name| format!("latency_us_{name}"));
    let latency: Vec<f64> = names.iter().map(|name| report[name].as_f64().unwrap()).collect();
    assert!(latency.is_sorted() && latency[0] > 0.0, "{latency:?}");
    assert_eq!(report["loop"], "closed");
    let [sent_bytes, received_bytes] = numbers(&report, ["sent_bytes", "received_bytes"]);
    assert_eq!((sent_bytes, received_bytes), (128_000, 128_000));
    let rate = report["messages_per_s"].as_f64().unwrap() * report["seconds"].as_f64().unwrap();
    assert!((rate - 2_000.0).abs() < 5.0, "messages_per_s is answers by seconds: {rate}");
}

#[test]
fn the_picture_of_a_load_is_svg_with_rate_and_latency_over_time() {
    let (server, folder) = (echo(), Directory::new());
    let path = folder.file("load.svg");
    let finished =
        run_swb(&["load", server.address(), "--rate", "2000", "--duration", "300ms", "--plot", &path], b"");
    assert_eq!(finished.code(), 0, "{}", finished.stderr);
    let text = svg(&path);
    for words in ["latency", "messages a second", "seconds", "p50", "p99", "max", server.address()] {
        assert!(text.contains(words), "{words:?} in {text}");
    }
    let absent = folder.file("absent/load.svg");
    let finished = run_swb(&["load", server.address(), "--count", "1", "--plot", &absent], b"");
    assert_eq!(finished.code(), 1);
    assert!(finished.stderr.contains("cannot write the picture"), "{}", finished.stderr);
}

#[test]
fn ctrl_c_ends_a_load_early_with_its_report_and_the_signals_status() {
    let server = echo();
    let mut running = Running::start(&mut swb(&["load", server.address(), "--duration", "10m", "--json"]));
    super::support::peer::wait_until("its calls are open", || {
        super::support::proc::sockets(running.pid()).len() >= 10
    });
    running.signal(2);
    running.close_input();
    let finished = running.finish();
    assert_eq!(finished.code(), 130);
    let report: serde_json::Value = serde_json::from_slice(&finished.stdout).unwrap();
    assert_eq!(report["ended_early"], true);
    assert!(report["seconds"].as_f64().unwrap() < 60.0);
}

#[test]
fn what_does_not_go_together_is_a_usage_error() {
    for (arguments, words) in [
        (&["load", "-"][..], "load needs an address to call"),
        (&["load", "tcp://127.0.0.1:1", "--calls", "0"], "--calls"),
        (&["load", "tcp://127.0.0.1:1", "--calls", "1,2"], "are for --engines"),
        (&["load", "tcp://127.0.0.1:1", "--rate", "0"], "above 0"),
        (&["load", "tcp://127.0.0.1:1", "--size", "0"], "an empty message cannot be seen on a byte stream"),
        (&["load", "udp://127.0.0.1:1", "--size", "70000"], "at most 65507 bytes"),
        (&["load", "tcp://127.0.0.1:1", "--expect", "length:many"], "a number of bytes is wanted"),
        (&["load", "tcp://127.0.0.1:1", "--idle", "--churn"], "cannot be used with"),
        (&["load", "tcp://127.0.0.1:1?backlog=5"], "is for listening"),
        (&["load", "echo", "--engines", "all,none"], "names no engine"),
    ] {
        let finished = run_swb(arguments, b"");
        assert_eq!(finished.code(), 2, "{arguments:?}: {}", finished.stderr);
        assert!(finished.stderr.contains(words), "{words:?} in {}", finished.stderr);
    }
}
