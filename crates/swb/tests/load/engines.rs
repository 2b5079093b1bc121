//! The comparison of the engines.

use super::support::{Directory, run_swb};
use super::{load, numbers, svg};

#[test]
fn every_engine_has_its_turn_with_each_number_of_callers() {
    let folder = Directory::new();
    let path = folder.file("engines.svg");
    let engines = ["iterative", "process", "thread", "poll", "epoll"];
    let (finished, report) = load(&[
        "--engines",
        &engines.join(","),
        "echo",
        "--calls",
        "1,8",
        "--rounds",
        "2",
        "--duration",
        "60ms",
        "--warm-up",
        "60ms",
        "--plot",
        &path,
    ]);
    assert_eq!(finished.code(), 0, "{}", finished.stderr);
    let cells = report["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 10, "{report}");
    for (index, cell) in cells.iter().enumerate() {
        let [calls, served, failed] = numbers(cell, ["calls", "calls_served", "calls_failed"]);
        assert_eq!((cell["engine"].as_str(), calls), (Some(engines[index % 5]), [1, 8][index / 5]), "{cell}");
        assert!(cell["messages_per_s"].as_f64().unwrap() > 0.0, "{cell}");
        assert!(cell["cpu_us_per_message"].as_f64().unwrap() > 0.0, "{cell}");
        // The rest of the callers of an iterative server wait until the first has finished.
        assert_eq!(served, if cell["engine"] == "iterative" { 1 } else { calls }, "{cell}");
        assert_eq!(failed, 0, "{cell}");
    }
    let of = |engine: &str| cells.iter().find(|cell| cell["engine"] == engine && cell["calls"] == 8).unwrap();
    let memory = |engine: &str| of(engine)["memory_bytes_per_call"].as_f64().unwrap();
    assert!(memory("process") > memory("epoll"), "a process costs more than a place in a table");
    let text = svg(&path);
    for words in ["callers", "messages a second", "latency, p99", "CPU time", "memory"].iter().chain(&engines)
    {
        assert!(text.contains(words), "{words:?} in {text}");
    }
}

#[test]
fn what_cannot_be_served_is_said_in_the_servers_own_words() {
    let finished = run_swb(&["load", "--engines", "epoll", "tea"], b"");
    assert_eq!(finished.code(), 2, "{}", finished.stderr);
    assert!(finished.stderr.contains("cannot serve tea under epoll"), "{}", finished.stderr);
    let arguments = ["load", "--engines", "process", "echo", "--at", "udp://127.0.0.1:0", "--calls", "1"];
    let finished = run_swb(&arguments, b"");
    assert_eq!(finished.code(), 2);
    assert!(finished.stderr.contains("a datagram socket has no calls"), "{}", finished.stderr);
}
