//! TLS with OpenSSL at the other end: openssl-s_client(1) and openssl-s_server(1), in both versions.

use std::process::Command;

use crate::certificates::Files;
use crate::echo;
use crate::support::peer::{installed, ready};
use crate::support::{Finished, Running, random_bytes, run_swb};

const VERSIONS: [(&str, &str); 2] = [("-tls1_2", "TLS 1.2, TLS_"), ("-tls1_3", "TLS 1.3, TLS13_")];

const BYTES: usize = 1 << 20;

under! { s_client_hears_what_it_says: iterative process thread poll epoll uring }

fn s_client_hears_what_it_says(engine: &str) {
    let files = Files::new();
    let mut server = echo(&files.at("tls"), engine);
    let place = format!("127.0.0.1:{}", server.port());
    let said = random_bytes(BYTES, 2);
    for (version, told) in VERSIONS {
        let mut client = installed("openssl", &["s_client", "-quiet", "-verify_return_error", version]);
        client.args(["-CAfile", &files.certificate("ca"), "-verify_ip", "127.0.0.1", "-connect", &place]);
        let mut client = Running::start(&mut client);
        client.write(&said);
        assert!(client.wait_for_bytes(BYTES) == said, "{version}");
        server.running.wait_for_line(told);
    }
}

/// An s_server with the good certificate, and its place.
pub(crate) fn s_server(files: &Files, further: &[&str]) -> (Running, String) {
    let mut command: Command = installed("openssl", &["s_server", "-quiet", "-accept", "127.0.0.1:0"]);
    command.args(["-cert", &files.certificate("leaf"), "-key", &files.key("leaf")]);
    command.args(further).current_dir(files.directory().path());
    let running = Running::start(&mut command);
    let address = ready(&running, "tcp://127.0.0.1:0");
    (running, address.trim_start_matches("tcp://").to_owned())
}

#[test]
fn connect_speaks_with_s_server() {
    let files = Files::new();
    let file = random_bytes(BYTES, 3);
    std::fs::write(files.directory().file("file"), &file).unwrap();
    for (version, told) in VERSIONS {
        let (_server, place) = s_server(&files, &["-rev", version]);
        let caller = run_swb(&["connect", "-v", &files.to(&format!("tls://{place}"))], b"hello\n");
        assert_eq!((caller.code(), caller.text().as_str()), (0, "olleh\n"), "{caller:?}");
        assert!(caller.stderr.contains(told), "{caller:?}");

        let (_server, place) = s_server(&files, &["-HTTP", version]);
        let caller =
            run_swb(&["connect", &files.to(&format!("tls://{place}"))], b"GET /file HTTP/1.0\r\n\r\n");
        assert_eq!((caller.code(), caller.stderr.as_str()), (0, ""));
        assert!(caller.stdout.ends_with(&file), "{} bytes came", caller.stdout.len());
    }
}

#[test]
pub(crate) fn s_server_demands_a_certificate_and_gets_it_or_the_caller_is_told() {
    let files = Files::new();
    let ca = files.certificate("ca");
    for (version, _) in VERSIONS {
        let demand = ["-rev", version, "-Verify", "1", "-verify_return_error", "-CAfile", &ca];
        let called = |options: &str| -> Finished {
            let (_server, place) = s_server(&files, &demand);
            run_swb(&["connect", &format!("{}{options}", files.to(&format!("tls://{place}")))], b"hello\n")
        };
        let caller = called(&format!("&{}", files.shown("client")));
        assert_eq!((caller.code(), caller.text().as_str()), (0, "olleh\n"), "{version}: {caller:?}");
        let caller = called("");
        assert_eq!((caller.code(), caller.text().as_str()), (6, ""), "{version}: {caller:?}");
        assert!(
            caller.stderr.contains("the peer gave TLS up") || caller.stderr.contains("a client certificate"),
            "{caller:?}"
        );
    }
}
