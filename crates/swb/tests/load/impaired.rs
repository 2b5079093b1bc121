//! Addresses that are impaired: what a load measures is what was set.

use serde_json::Value;

use super::support::{Directory, Server, run_swb};
use super::{load, numbers};

const SENT: [&str; 5] = ["sent", "answered", "wrong", "lost", "calls_failed"];

/// What is set in each direction, in microseconds.
const DELAY_US: f64 = 20_000.0;

/// When a message is given up: longer than a machine stands still, as far as that can be said.
const TIMEOUT: &str = "2s";

/// An echo at each of these, and the addresses by which it is called: those of TLS with the pin of its certificate.
fn echo(at: &[&str]) -> (Server, Vec<String>) {
    let mut server = Server::start_at(at.len(), &[&["serve", "echo"], at].concat());
    let addresses = server.addresses.clone().into_iter().map(|address| {
        if !address.starts_with("tls:") {
            return format!("{address}?");
        }
        let note = server.running.wait_for_line("callers trust it by ?pin=");
        format!("{address}?{}&", note.rsplit('?').next().unwrap())
    });
    let addresses = addresses.collect();
    (server, addresses)
}

/// What became of what was to pass in one direction.
fn passed<const N: usize>(report: &Value, way: &str, names: [&str; N]) -> [u64; N] {
    numbers(&report["impaired"][way], names)
}

#[test]
fn a_delay_is_seen_over_every_transport_and_layer() {
    let folder = Directory::new();
    let (stream, dgram) = (folder.file("stream"), folder.file("dgram"));
    let (_server, addresses) = echo(&[
        "tcp://127.0.0.1:0",
        "udp://127.0.0.1:0",
        &format!("unix:{stream}"),
        &format!("unix-dgram:{dgram}"),
        &format!("unix-seqpacket:@{}", folder.path().display()),
        "tls://127.0.0.1:0",
        "ws://127.0.0.1:0",
    ]);
    let above = ["tls:", "ws:"].map(|layer| {
        let address = addresses.iter().find(|address| address.starts_with(layer)).unwrap();
        format!("impair+{address}")
    });
    for address in addresses.iter().chain(&above) {
        let address = format!("{address}delay=20ms");
        for more in [&["--in-flight", "4", "--threads", "2"][..], &["--churn"], &["--rate", "400"]] {
            let arguments = [&[&address, "--count", "20", "--calls", "4"], more].concat();
            let (finished, report) = load(&arguments);
            assert_eq!(finished.code(), 0, "{arguments:?}: {}", finished.stderr);
            assert_eq!(numbers(&report, SENT), [20, 20, 0, 0, 0], "{arguments:?}: {report}");
            let fastest = report["latency_us_p50"].as_f64().unwrap();
            assert!(fastest >= 2.0 * DELAY_US, "{arguments:?}: there and back: {report}");
            let [came, passed] = passed(&report, "out", ["came", "passed"]);
            assert!(passed >= 20 && came >= passed, "{arguments:?}: {report}");
        }
    }
    // A longer one, so that a busy machine does not make two of it.
    let (_, report) = load(&[&format!("{}delay=in:300ms", addresses[0]), "--calls", "1", "--count", "5"]);
    let fastest = report["latency_us_p50"].as_f64().unwrap();
    assert!((300_000.0..600_000.0).contains(&fastest), "back only: {report}");
}

#[test]
fn messages_are_in_the_delay_together_and_not_one_after_the_other() {
    let (_server, addresses) = echo(&["tcp://127.0.0.1:0", "udp://127.0.0.1:0"]);
    for address in &addresses {
        let address = format!("{address}delay=200ms");
        let (finished, report) = load(&[&address, "--calls", "1", "--count", "100", "--in-flight", "50"]);
        assert_eq!((finished.code(), numbers(&report, SENT)), (0, [100, 100, 0, 0, 0]), "{report}");
        // One after the other they would take 40 s.
        assert!(report["seconds"].as_f64().unwrap() < 10.0, "{report}");
    }
}

#[test]
fn what_a_rate_lets_through_is_what_is_measured() {
    let (_server, addresses) = echo(&["tcp://127.0.0.1:0"]);
    for (faults, at_most) in [
        ("rate=in:1MB/s", 2.1e6),
        ("rate=out:1MB/s", 2.1e6),
        ("rate=1MB/s", 2.1e6),
        ("total-rate=1MB/s", 1.05e6),
    ] {
        let address = format!("{}{faults}", addresses[0]);
        let arguments = [&address, "--calls", "2", "--count", "16", "--size", "50000", "--in-flight", "4"];
        let (finished, report) = load(&arguments);
        assert_eq!((finished.code(), numbers(&report, SENT)), (0, [16, 16, 0, 0, 0]), "{faults}: {report}");
        let rate = report["received_bytes_per_s"].as_f64().unwrap();
        assert!(rate <= at_most, "each call has 1 MB/s, or both together: {faults}: {report}");
    }
}

#[test]
fn what_is_lost_doubled_overtaken_and_corrupt_is_counted_as_from_a_net_and_the_same_with_the_same_seed() {
    let folder = Directory::new();
    let (_server, addresses) =
        echo(&["udp://127.0.0.1:0", &format!("unix-dgram:{}", folder.file("dgram")), "ws://127.0.0.1:0"]);
    let mut of_all = Vec::new();
    for address in [&addresses[0], &addresses[0], &addresses[1], &format!("impair+{}", addresses[2])] {
        let run = |faults: &str| {
            let address = format!("{address}{faults}&seed=3");
            let arguments = [
                &address,
                "--calls",
                "1",
                "--count",
                "600",
                "--in-flight",
                "128",
                "--timeout",
                TIMEOUT,
                "--rate",
                "4000",
            ];
            let (finished, report) = load(&arguments);
            let expected = i32::from(report["wrong"] != 0);
            assert_eq!(finished.code(), expected, "{arguments:?}: {}", finished.stderr);
            assert_eq!(numbers(&report, ["sent", "calls_failed"]), [600, 0], "{arguments:?}: {report}");
            report
        };
        let report = run("loss=5%");
        let ([out], [back]) = (passed(&report, "out", ["lost"]), passed(&report, "in", ["lost"]));
        // On a machine that is busy some may be late besides.
        let [lost, late, answered] = numbers(&report, ["lost", "late", "answered"]);
        assert_eq!((lost - late, answered), (out + back, 600 - lost), "{report}");
        let lost = lost - late;
        assert!((30..95).contains(&lost), "5 % there, 5 % back: {report}");

        let report = run("duplicate=in:5%");
        let [doubled] = passed(&report, "in", ["doubled"]);
        assert_eq!(numbers(&report, ["answered", "duplicated"]), [600, doubled], "{report}");
        assert!((12..55).contains(&doubled), "{report}");

        let report = run("reorder=out:5%");
        let [overtaken] = passed(&report, "out", ["overtaken"]);
        assert_eq!(numbers(&report, ["answered", "reordered"]), [600, overtaken], "{report}");
        assert!((12..55).contains(&overtaken), "{report}");

        let report = run("corrupt=in:5%");
        let [corrupted] = passed(&report, "in", ["corrupted"]);
        // One whose number is wrong may look like one that came before.
        let [wrong, duplicated, answered] = numbers(&report, ["wrong", "duplicated", "answered"]);
        assert_eq!((wrong + duplicated, answered), (corrupted, 600 - corrupted), "{report}");
        assert!(wrong > duplicated, "{report}");
        of_all.push((lost, doubled, overtaken, corrupted));
    }
    assert!(of_all.iter().all(|counts| *counts == of_all[0]), "on each transport and each time: {of_all:?}");
}

#[test]
fn a_stream_that_is_corrupt_stalls_or_is_reset_fails_its_call_with_the_reason() {
    let (_server, addresses) = echo(&["tcp://127.0.0.1:0", "tls://127.0.0.1:0"]);
    let (tcp, tls) = (&addresses[0], &addresses[1]);
    for (address, reason, status) in [
        (format!("{tcp}corrupt=in:0.5%"), "wrong_answer", 1),
        (format!("{tls}corrupt=out:0.05%"), "layer_failed", 6),
        (format!("{tcp}stall-after=2kB"), "timed_out", 5),
        (format!("{tcp}reset-after=2kB"), "on_purpose", 6),
        (format!("{tls}reset-after=out:9kB"), "on_purpose", 6),
    ] {
        let arguments = [&address, "--calls", "2", "--duration", "1s", "--timeout", "300ms"];
        let (finished, report) = load(&arguments);
        assert_eq!(finished.code(), status, "{address}: {}", finished.stderr);
        assert_eq!(report["failures"][0]["reason"], reason, "{address}: {report}");
        let [failed, opened] = numbers(&report, ["calls_failed", "calls_opened"]);
        assert!(failed > 2 && opened > 2, "it is called again: {address}: {report}");
    }
}

#[test]
fn the_report_says_what_became_of_what_was_to_pass() {
    let (_server, addresses) = echo(&["udp://127.0.0.1:0", "tcp://127.0.0.1:0"]);
    let arguments = ["load", &format!("{}loss=out:10%", addresses[0]), "--calls", "1", "--timeout", TIMEOUT];
    let finished = run_swb(&[&arguments[..], &["--count", "100", "--in-flight", "50"]].concat(), b"");
    let text = finished.text();
    let told = text.lines().skip_while(|line| !line.starts_with("  impaired ")).take(2);
    let told: Vec<&str> = told.map(|line| line.trim_start_matches("  impaired").trim()).collect();
    let numbers = |line: &str| -> Vec<u64> {
        line.split(|letter: char| !letter.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
    };
    let [out, back] = told[..] else { panic!("{text}") };
    let [100, passed, lost] = numbers(out)[..] else { panic!("{text}") };
    assert_eq!(out, format!("out: 100 came, {passed} passed, {lost} lost"));
    assert_eq!((passed + lost, back), (100, format!("in: {passed} came, {passed} passed").as_str()));
    assert!(text.contains(&format!("100 sent, {passed} answered, {lost} lost\n")), "{text}");
    // Nothing of it where nothing is impaired.
    let (_, report) = load(&[addresses[1].trim_end_matches('?'), "--count", "3", "--calls", "1"]);
    assert_eq!(report.get("impaired"), None);
}

#[test]
fn what_does_not_go_together_is_refused_before_anybody_is_called() {
    for (address, sentence) in [
        (
            "tcp://127.0.0.1:1?loss=1%",
            "swb: cannot use impair://127.0.0.1:1?loss=1%: loss is for messages, and here are bytes, of which none is lost or \
             overtakes another; they can be late (delay, rate), cut (slice), wrong (corrupt) or end (stall-after, \
             close-after, reset-after)",
        ),
        (
            "exec:cat?delay=5ms",
            "swb: load speaks with a program as it is, and at impair+exec:cat?delay=5ms layers lie on it: `swb relay \
             :0 'impair+exec:cat?delay=5ms'` makes it one that can be called",
        ),
    ] {
        let ended = run_swb(&["load", address, "--count", "1"], b"");
        assert_eq!((ended.code(), ended.text().as_str()), (2, ""), "{address}");
        assert_eq!(ended.stderr, sentence, "{address}");
    }
}
