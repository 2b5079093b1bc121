//! Every option of the table: its value in text and as a value.

use std::net::IpAddr;
use std::time::Duration;

use address::{Address, Host, Kind, LocalBind, OPTIONS, OptionKey, OptionRow, Port, SCHEMES};

fn parse(text: &str) -> Address {
    match text.parse() {
        Ok(address) => address,
        Err(error) => panic!("{error}"),
    }
}

/// A place of a transport, to hang options on.
fn place(row: &OptionRow) -> &'static str {
    let transport = row.applies.transports[0];
    if transport.is_ip() {
        if transport.name() == "tcp" { "tcp://:80" } else { "udp://:80" }
    } else {
        "unix:/x"
    }
}

/// The least and the greatest right value of a kind, and one beyond each where there is one.
fn edges(row: &OptionRow) -> (Vec<String>, Vec<String>) {
    match row.kind {
        Kind::Flag => (vec!["on".into(), "off".into()], vec!["2".into(), String::new()]),
        Kind::Integer { min, max } => (
            vec![min.to_string(), max.to_string()],
            vec![(min - 1).to_string(), (max + 1).to_string(), "+1".into()],
        ),
        Kind::Size { min, max } => {
            (vec![min.to_string(), max.to_string()], vec![(max + 1).to_string(), "-1".into()])
        }
        Kind::Duration { min, max } => (
            vec![format!("{}us", min.as_micros()), format!("{}us", max.as_micros())],
            vec![format!("{}us", max.as_micros() + 1), "1".into(), "500ns".into(), "-1s".into()],
        ),
        Kind::Text { max_bytes } => (
            vec!["x".into(), "x".repeat(max_bytes)],
            vec![String::new(), "x".repeat(max_bytes + 1), "a%0Ab".into()],
        ),
        Kind::Mode => (vec!["0".into(), "0777".into()], vec!["1000".into(), "8".into(), "rw".into()]),
        Kind::Local => (
            vec![":0".into(), "h".into(), "[::1]:9".into()],
            vec![String::new(), ":".into(), "::1".into(), ":70000".into(), "1.2.3".into()],
        ),
        Kind::Group => {
            (vec!["239.0.0.1".into(), "ff02::1".into(), "[ff02::1]".into()], vec!["::1".into(), "x".into()])
        }
    }
}

#[test]
fn every_option_takes_its_edges_and_prints_them_back() {
    for row in OPTIONS {
        for value in edges(row).0 {
            let address = parse(&format!("{}?{}={value}", place(row), row.name));
            assert_eq!(address.options.len(), 1);
            assert_eq!(parse(&address.to_string()), address);
        }
    }
}

#[test]
fn every_option_refuses_what_is_beyond_its_edges() {
    for row in OPTIONS {
        for value in edges(row).1 {
            let text = format!("{}?{}={value}", place(row), row.name);
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}

#[test]
fn every_option_finds_its_own_row_by_key_and_by_name() {
    for row in OPTIONS {
        assert_eq!(row.key.row().name, row.name);
        assert_eq!(OptionKey::named(row.name), Some(row.key));
        assert!(!row.applies.transports.is_empty());
    }
}

#[test]
fn every_option_is_refused_by_every_transport_that_it_does_not_apply_to() {
    for row in OPTIONS {
        for scheme in SCHEMES.iter().filter(|scheme| !row.applies.to(scheme.transport)) {
            let place = scheme.syntax.split(" or ").next().unwrap_or_default();
            let text = format!("{}?{}=on", place.replace("PORT", "80").replace("fd:N", "fd:3"), row.name);
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("{} does not apply to {}, only to ", row.name, scheme.name)),
                "{error}"
            );
        }
    }
}

#[test]
fn a_value_is_read_by_its_kind() {
    let tcp =
        parse("tcp://h:80?bind=[::1]:9&keepalive=1m30s&mark=0x10&nodelay=no&rcvbuf=64KiB&congestion=bbr")
            .options;
    assert_eq!(tcp.duration(OptionKey::Keepalive), Some(Duration::from_secs(90)));
    assert_eq!(tcp.integer(OptionKey::Mark), Some(16));
    assert_eq!(tcp.flag(OptionKey::Nodelay), Some(false));
    assert_eq!(tcp.size(OptionKey::Rcvbuf), Some(65536));
    assert_eq!(tcp.text(OptionKey::Congestion), Some("bbr"));
    let host = Host::V6 { address: "::1".parse().unwrap(), zone: None };
    assert_eq!(tcp.local(), Some(&LocalBind { host, port: Port::Number(9) }));
    assert_eq!(parse("unix:/x?mode=660").options.mode(OptionKey::Mode), Some(0o660));
}

#[test]
fn a_value_that_was_not_given_is_none() {
    let options = parse("tcp://h:80?nodelay").options;
    assert_eq!(options.flag(OptionKey::Quickack), None);
    assert_eq!(options.integer(OptionKey::Nodelay), None);
    assert_eq!(options.local(), None);
    assert_eq!(options.groups().count(), 0);
}

#[test]
fn our_own_end_may_be_a_host_a_port_or_both() {
    for (text, shown) in [
        ("0.0.0.0", "0.0.0.0"),
        ("*", ":0"),
        (":5000", ":5000"),
        ("127.0.0.1:0", "127.0.0.1"),
        ("[fe80::1%25eth0]", "[fe80::1%eth0]"),
        ("localhost:http", "localhost:http"),
    ] {
        let options = parse(&format!("udp://h:80?bind={text}")).options;
        assert_eq!(options.local().map(ToString::to_string).as_deref(), Some(shown));
    }
}

#[test]
fn several_groups_can_be_joined_each_once() {
    let options = parse("udp://:5353?join=224.0.0.251&join=ff02::fb").options;
    let groups: Vec<IpAddr> = vec!["224.0.0.251".parse().unwrap(), "ff02::fb".parse().unwrap()];
    assert_eq!(options.groups().collect::<Vec<_>>(), groups);
    assert!("udp://:5353?join=224.0.0.251&join=224.0.0.251".parse::<Address>().is_err());
}

#[test]
fn v4_off_does_not_exclude_v6() {
    assert!("tcp://:80?v4=off&v6".parse::<Address>().is_ok());
    assert!("tcp://:80?v6&v4".parse::<Address>().is_err());
}

#[test]
fn an_option_of_the_other_role_is_found() {
    let address = parse("tcp://h:80?nodelay&connect-timeout=1s");
    assert_eq!(address.options.not_for_listening(), Some(OptionKey::ConnectTimeout));
    assert_eq!(address.options.not_for_connecting(), None);
    assert_eq!(parse("tcp://h:80?backlog=1").options.not_for_connecting(), Some(OptionKey::Backlog));
}

#[test]
fn what_means_something_in_the_grammar_is_encoded_in_a_value() {
    let address = parse("unix:/x?user=a%26b%3Dc%23d%25e%20f");
    assert_eq!(address.options.text(OptionKey::User), Some("a&b=c#d%e f"));
    assert_eq!(address.to_string(), "unix:/x?user=a%26b%3Dc%23d%25e%20f");
}
