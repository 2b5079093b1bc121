//! Every option of the table: its value in text and as a value.

use std::net::IpAddr;
use std::time::Duration;

use address::{
    Address, Host, Kind, LAYERS, Layer, LocalBind, OPTIONS, OptionKey, OptionRow, OptionValue, Port, SCHEMES,
    Way,
};

fn parse(text: &str) -> Address {
    match text.parse() {
        Ok(address) => address,
        Err(error) => panic!("{error}"),
    }
}

/// A place of a transport or of a layer, to hang options on.
fn place(row: &OptionRow) -> &'static str {
    let Some(transport) = row.applies.transports.first() else { return "wss+proxy://:80" };
    if transport.is_ip() {
        if transport.name() == "tcp" { "tcp://:80" } else { "udp://:80" }
    } else {
        match transport.name() {
            "exec" => "exec:cat",
            "file" => "file:x",
            "pty" => "pty:",
            "tun" => "tun:swb0",
            "serial" => "serial:/dev/ttyS0",
            _ => "unix:/x",
        }
    }
}

/// The least and the greatest right value of a kind, and one beyond each where there is one.
fn edges(row: &OptionRow) -> (Vec<String>, Vec<String>) {
    match row.kind {
        Kind::Flag => (vec!["on".into(), "off".into()], vec!["2".into(), String::new()]),
        Kind::Integer { min, max } => (
            vec![min.to_string(), max.to_string()],
            vec![(i128::from(min) - 1).to_string(), (i128::from(max) + 1).to_string(), "+1".into()],
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
        Kind::Share => (
            vec!["0%".into(), "100%".into(), "0.0001%".into(), "12.5%".into()],
            vec![
                String::new(),
                "1".into(),
                "100.0001%".into(),
                "0.00001%".into(),
                "-1%".into(),
                ".5%".into(),
            ],
        ),
        Kind::Rate => (
            vec!["1B/s".into(), "1MB/s".into(), "18446744073709551615/s".into()],
            vec![String::new(), "0B/s".into(), "1MB".into(), "1Mbit/s".into()],
        ),
        Kind::After => (
            vec!["0".into(), "64KiB".into(), "2s".into(), "1m30s".into()],
            vec![String::new(), "-1s".into(), "5M".into(), "x".into()],
        ),
        Kind::EachWay(kind) => {
            let (right, wrong) = edges(&OptionRow { kind: *kind, ..*row });
            let each = |texts: Vec<String>| {
                texts.iter().map(|text| format!("out:{text}")).chain(texts.clone()).collect()
            };
            (each(right), each(wrong))
        }
        Kind::Mode => (vec!["0".into(), "0777".into()], vec!["1000".into(), "8".into(), "rw".into()]),
        Kind::Local => (
            vec![":0".into(), "h".into(), "[::1]:9".into()],
            vec![String::new(), ":".into(), "::1".into(), ":70000".into(), "1.2.3".into()],
        ),
        Kind::Word(words) => (
            words.iter().map(|word| (*word).to_owned()).collect(),
            vec![String::new(), "x".into(), words.concat(), words[0].to_ascii_uppercase() + " "],
        ),
        Kind::File => (
            vec!["x".into(), "/etc/ssl/é%20.pem".into(), "x".repeat(4095)],
            vec![String::new(), "x".repeat(4096), "a%0Ab".into()],
        ),
        Kind::Path => (
            vec!["/".into(), "/a%2520b%3Fc%26d".into(), format!("/{}", "x".repeat(4095))],
            vec![String::new(), "x".into(), "/é".into(), "/a%20b".into(), "/#x".into(), "/".repeat(4097)],
        ),
        Kind::Token => (
            vec!["x".into(), "v1.chat".into(), "x".repeat(255)],
            vec![String::new(), "a b".into(), "a,b".into(), "x".repeat(256)],
        ),
        Kind::Header => (
            vec!["X:".into(), "Cookie: a%3Db".into(), format!("X:{}", "x".repeat(8191))],
            vec![
                "X".into(),
                ":x".into(),
                "A B:x".into(),
                "X:a%0D%0AY:b".into(),
                format!("X:{}", "x".repeat(8192)),
            ],
        ),
        Kind::Origin => (
            vec!["any".into(), "same".into(), "null".into(), "https://example.org:8443".into()],
            vec![
                String::new(),
                "example.org".into(),
                "https://".into(),
                "https://a/".into(),
                "https://a b".into(),
            ],
        ),
        Kind::Fingerprint => (
            vec![format!("sha256:{}", "0f".repeat(32)), format!("SHA256:{}", ["AB"; 32].join(":"))],
            vec![
                String::new(),
                "0f".repeat(32),
                format!("sha256:{}", "0f".repeat(31)),
                format!("sha1:{}", "0f".repeat(20)),
                format!("sha256:{}", "xx".repeat(32)),
                format!("sha256:{}", "é".repeat(32)),
            ],
        ),
        Kind::Source => (
            vec!["192.0.2.7".into(), "2001:db8::7".into(), "[::1]".into()],
            vec!["ff02::1".into(), "x".into()],
        ),
        Kind::Subnet => (
            vec!["10.1.2.3/24".into(), "0.0.0.0/0".into(), "10.1.2.3/32".into(), "fd00::1/128".into()],
            vec!["10.1.2.3".into(), "10.1.2.3/33".into(), "::1/129".into(), "x/8".into(), "::1/".into()],
        ),
        Kind::Via => (
            vec![
                "socks5://proxy:1080".into(),
                "socks5h://[::1]:socks".into(),
                "http-connect://user:p:ss@wörd%2525@127.0.0.1:3128".into(),
                "http://:8080".into(),
                format!("socks5://{}:{}@h:1", "u".repeat(255), "p".repeat(255)),
            ],
            vec![
                String::new(),
                "socks5:proxy:1080".into(),
                "socks4://proxy:1080".into(),
                "socks5://proxy".into(),
                "socks5://proxy:70000".into(),
                "socks5://user@proxy:1080".into(),
                "socks5://user:@proxy:1080".into(),
                "socks5://:password@proxy:1080".into(),
                "socks5://user:a%0Ab@proxy:1080".into(),
                "http://proxy:3128/".into(),
                format!("socks5://u:{}@h:1", "p".repeat(256)),
            ],
        ),
        Kind::Retries => (
            vec!["0".into(), "1000000".into(), "forever".into()],
            vec![String::new(), "-1".into(), "1000001".into(), "5000000000".into(), "always".into()],
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
        assert!(row.applies.names().next().is_some());
        assert!(row.applies.transports.is_empty() || row.applies.layers.is_empty());
    }
}

#[test]
fn every_option_is_refused_by_every_transport_that_it_does_not_apply_to() {
    for row in OPTIONS.iter().filter(|row| row.applies.layers.is_empty()) {
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
fn an_option_of_a_layer_is_refused_where_that_layer_is_not() {
    let is_implied = |row: &&OptionRow| row.applies.layers.iter().any(|layer| layer.is_transparent());
    for row in OPTIONS.iter().filter(|row| !row.applies.layers.is_empty() && !is_implied(row)) {
        let others = LAYERS.iter().filter(|other| !row.applies.layers.contains(&other.layer));
        let places = others.map(|other| format!("{}://:80", other.name));
        for place in places.chain(["tcp://:80".into(), "unix:/x".into(), "fd:3".into(), "udp://:80".into()]) {
            let error = format!("{place}?{}=x", row.name).parse::<Address>().unwrap_err().to_string();
            let layer = row.applies.layers[0].name();
            assert!(error.starts_with(&format!("{} is an option of {layer}", row.name)), "{error}");
        }
    }
}

#[test]
fn a_tap_lies_on_top_unless_it_is_put_elsewhere() {
    for (text, layers) in [
        ("tls://h:80?record=x", "tap+tls"),
        ("wss://h:80?hexdump=on", "tap+ws+tls"),
        ("udp://h:80?raw-in=x&delay=5ms", "tap+impair"),
        ("exec:cat?raw-out=x", "tap"),
        ("tls+tap://h:80?record=x", "tls+tap"),
        ("impair+tap+unix-dgram:/x?record=x", "impair+tap"),
    ] {
        let address = parse(text);
        let outermost_first: Vec<&str> = address.layers.iter().rev().map(Layer::name).collect();
        assert_eq!(outermost_first.join("+"), layers, "{text}");
        assert_eq!(parse(&address.to_string()), address);
    }
    assert_eq!(parse("tap+tls://h:80?record=x").to_string(), "tls://h:80?record=x");
    assert_eq!(parse("tls+tap://h:80?record=x").to_string(), "tls+tap://h:80?record=x");
}

#[test]
fn an_option_of_a_transparent_layer_puts_it_next_to_the_socket() {
    for (text, whole) in [
        ("udp://h:80?delay=5ms", "impair+udp://h:80?delay=5ms"),
        ("tcp://h:80?delay=5ms", "impair://h:80?delay=5ms"),
        ("ws+tls://h:80?delay=5ms", "wss+impair://h:80?delay=5ms"),
        ("impair+ws://h:80?delay=5ms", "impair+ws://h:80?delay=5ms"),
        ("unix-seqpacket:/x?delay=5ms", "impair+unix-seqpacket:/x?delay=5ms"),
        ("udp://h:80?loss=out:0.10%&loss=1%", "impair+udp://h:80?loss=out:0.1%&loss=1%"),
    ] {
        assert_eq!(parse(text).to_string(), whole);
        assert_eq!(parse(whole), parse(text));
    }
    let error = "-?delay=5ms".parse::<Address>().unwrap_err().to_string();
    assert!(
        error.starts_with("delay is an option of impair; impair lies on one socket: tcp, udp,"),
        "{error}"
    );
    let by_hand = parse("udp://h:80").with(OptionKey::Delay, OptionValue::Duration(Duration::from_millis(5)));
    assert_eq!(by_hand.unwrap(), parse("udp://h:80?delay=5ms"));
}

#[test]
fn a_direction_has_the_value_that_names_it_and_else_that_of_both() {
    let options = parse("udp://h:80?loss=1%&loss=out:2%&delay=in:5ms").options;
    let of = |key, way| options.one_way(key, way).map(ToString::to_string);
    assert_eq!(of(OptionKey::Loss, Way::In).as_deref(), Some("1%"));
    assert_eq!(of(OptionKey::Loss, Way::Out).as_deref(), Some("2%"));
    assert_eq!(of(OptionKey::Delay, Way::Out), None);
    for twice in ["udp://h:80?loss=1%&loss=2%", "udp://h:80?loss=in:1%&loss=in:2%"] {
        assert!(twice.parse::<Address>().is_err(), "{twice}");
    }
}

#[test]
fn a_value_of_a_layer_is_read_by_its_kind() {
    let options = parse(
        "wss+proxy://h:443/chat?cert=c.pem&pin=sha256:0101010101010101010101010101010101010101010101010101010101010101\
         &alpn=h2&alpn=http/1.1&tls-min=1.3&header=Cookie: a%3Db&header=X:y&ws-frames=text&message-max=64KiB\
         &handshake-timeout=2s&proxy=v1",
    )
    .options;
    assert_eq!(options.text(OptionKey::Cert), Some("c.pem"));
    assert_eq!(options.pin(), Some(&[1; 32]));
    assert_eq!(options.texts(OptionKey::Alpn).collect::<Vec<_>>(), ["h2", "http/1.1"]);
    assert_eq!(options.word(OptionKey::TlsMin), Some("1.3"));
    assert_eq!(options.text(OptionKey::Path), Some("/chat"));
    assert_eq!(options.headers().collect::<Vec<_>>(), [("Cookie", "a=b"), ("X", "y")]);
    assert_eq!(options.word(OptionKey::WsFrames), Some("text"));
    assert_eq!(options.size(OptionKey::MessageMax), Some(65536));
    assert_eq!(options.duration(OptionKey::HandshakeTimeout), Some(Duration::from_secs(2)));
    assert_eq!(options.word(OptionKey::Proxy), Some("v1"));
}

#[test]
fn an_option_of_a_layer_has_its_role() {
    let of = |text: &str| parse(text).options;
    assert_eq!(of("tls://h:1?ca=x").not_for_listening(), Some(OptionKey::Ca));
    assert_eq!(of("tls://h:1?client-ca=x").not_for_connecting(), Some(OptionKey::ClientCa));
    assert_eq!(of("ws://h:1?origin=any").not_for_connecting(), Some(OptionKey::Origin));
    assert_eq!(of("proxy://h:1?proxy=v2").not_for_listening(), Some(OptionKey::Proxy));
    let both = of("wss://h:1/x?cert=c&key=k&alpn=h2&subprotocol=s");
    assert_eq!((both.not_for_listening(), both.not_for_connecting()), (None, None));
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
