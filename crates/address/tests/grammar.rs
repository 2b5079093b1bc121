//! What each form of an address means.

use std::net::{Ipv4Addr, Ipv6Addr};

use address::{
    Address, Host, LAYERS, Layer, Layers, OptionKey, OptionValue, Place, Port, SCHEMES, Shape, Transport,
};

fn parse(text: &str) -> Address {
    match text.parse() {
        Ok(address) => address,
        Err(error) => panic!("{error}"),
    }
}

/// Transport, host and port of an address that has them.
fn network(text: &str) -> (Transport, Host, Port) {
    let address = parse(text);
    let Place::Network { host, port } = address.place else { panic!("{text} is no HOST:PORT") };
    (address.transport, host, port)
}

fn path(text: &str) -> Vec<u8> {
    let Place::Path(path) = parse(text).place else { panic!("{text} is no path") };
    path.into()
}

fn abstract_name(text: &str) -> Vec<u8> {
    let Place::Abstract(name) = parse(text).place else { panic!("{text} is no abstract name") };
    name.into()
}

fn name(text: &str) -> Host {
    Host::Name(text.into())
}

#[test]
fn a_host_and_port_alone_mean_tcp() {
    assert_eq!(network("localhost:80"), (Transport::Tcp, name("localhost"), Port::Number(80)));
    assert_eq!(network("udp://localhost:80").0, Transport::Udp);
    assert_eq!(parse("localhost:80"), parse("tcp://localhost:80"));
}

#[test]
fn no_host_and_a_star_mean_any() {
    for text in [":80", "*:80", "tcp://:80", "tcp://*:80"] {
        assert_eq!(network(text), (Transport::Tcp, Host::Any, Port::Number(80)), "{text}");
    }
}

#[test]
fn port_0_and_65535_are_ports() {
    assert_eq!(network(":0").2, Port::Number(0));
    assert_eq!(network(":65535").2, Port::Number(65535));
    assert_eq!(network(":00080").2, Port::Number(80));
}

#[test]
fn a_port_may_be_a_service_name() {
    assert_eq!(network("host:http").2, Port::Service("http".into()));
    assert_eq!(network("host:z39.50").2, Port::Service("z39.50".into()));
}

#[test]
fn ip_addresses_are_no_names() {
    assert_eq!(network("127.0.0.1:80").1, Host::V4(Ipv4Addr::LOCALHOST));
    assert_eq!(network("[::1]:80").1, Host::V6 { address: Ipv6Addr::LOCALHOST, zone: None });
    let zoned = Host::V6 { address: "fe80::1".parse().unwrap(), zone: Some("eth0".into()) };
    assert_eq!(network("udp://[fe80::1%eth0]:80").1, zoned);
}

#[test]
fn host_names_are_not_judged_by_their_labels() {
    for text in ["a", "a_b", "a.", "3com.example", "xn--mnchen-3ya.de", "münchen.de", "हिन्दी.भारत"]
    {
        assert_eq!(network(&format!("{text}:80")).1, name(text));
    }
}

#[test]
fn a_path_alone_means_a_unix_socket() {
    for text in ["/run/x", "./x", "../x"] {
        assert_eq!(parse(text).transport, Transport::Unix);
        assert_eq!(path(text), text.as_bytes());
    }
    assert_eq!(path("unix:x"), b"x");
    assert_eq!(parse("unix-dgram:x").transport, Transport::UnixDgram);
    assert_eq!(parse("unix-seqpacket:x").transport, Transport::UnixSeqpacket);
}

#[test]
fn a_path_may_be_written_as_a_url_without_host() {
    assert_eq!(parse("unix:///run/x"), parse("unix:/run/x"));
}

#[test]
fn any_byte_but_nul_can_be_in_a_path() {
    assert_eq!(path("unix:/a%3Fb%26c%25d%FF%0a"), b"/a?b&c%d\xff\n");
    assert_eq!(path("unix:/a b#c=d&e"), b"/a b#c=d&e");
    assert_eq!(parse("unix:/a%3Fb%FF%0a c").to_string(), "unix:/a%3Fb%FF%0A%20c");
}

#[test]
fn a_path_that_looks_like_something_else_survives() {
    assert_eq!(path("unix:%40x"), b"@x");
    assert_eq!(parse("unix:%40x").to_string(), "unix:%40x");
    assert_eq!(path("unix:/%2Fx"), b"//x");
    assert_eq!(parse("unix:////x").to_string(), "unix:/%2Fx");
}

#[test]
fn an_abstract_name_can_hold_any_byte() {
    assert_eq!(abstract_name("unix:@bus"), b"bus");
    assert_eq!(abstract_name("unix-dgram:@@a%00b"), b"@a\0b");
}

#[test]
fn a_dash_is_standard_input_and_output() {
    assert_eq!(parse("-"), Address::new(Transport::Standard, Place::Standard));
    assert_eq!(parse("fd:3"), Address::new(Transport::Descriptor, Place::Descriptor(3)));
}

/// Layers of a text in the order of a stack, and its transport.
fn stack(text: &str) -> (Vec<Layer>, Transport) {
    let address = parse(text);
    (address.layers.iter().collect(), address.transport)
}

#[test]
fn a_layer_alone_lies_on_tcp() {
    for row in LAYERS {
        let (alone, whole) = (format!("{}://h:80", row.name), format!("{}+tcp://h:80", row.name));
        assert_eq!(stack(&alone), (vec![row.layer], Transport::Tcp));
        assert_eq!(parse(&whole), parse(&alone));
        assert_eq!(parse(&whole).to_string(), alone);
    }
}

#[test]
fn layers_are_written_from_the_outside_and_kept_from_the_socket_on() {
    let all = vec![Layer::Proxy, Layer::Tls, Layer::WebSocket];
    for text in ["ws+tls+proxy+tcp://h:80", "wss+proxy+tcp://h:80", "wss+proxy://h:80"] {
        assert_eq!(stack(text), (all.clone(), Transport::Tcp));
        assert_eq!(parse(text).to_string(), "wss+proxy://h:80");
    }
    assert_eq!(stack("ws+proxy+tls://h:80").0, [Layer::Tls, Layer::Proxy, Layer::WebSocket]);
    assert_eq!(parse("ws+proxy+tls+tcp://h:80").to_string(), "ws+proxy+tls://h:80");
    assert_eq!(stack("proxy+tls://h:80").0, [Layer::Tls, Layer::Proxy]);
}

#[test]
fn layers_lie_on_every_byte_stream_that_is_a_socket() {
    for text in ["ws+unix:/run/x.sock", "tls+unix:@name", "wss+unix:/x", "tls+fd:3", "proxy+unix:/x"] {
        assert_eq!(parse(text).to_string(), text);
    }
    assert_eq!(parse("ws+tls+unix:///x").to_string(), "wss+unix:/x");
    for row in SCHEMES {
        let place =
            row.syntax.split(" or ").next().unwrap_or_default().replace("PORT", "80").replace(":N", ":3");
        let carries_tls = row.layers && !row.shape.is_some_and(Shape::keeps_boundaries);
        assert_eq!(format!("tls+{place}").parse::<Address>().is_ok(), carries_tls, "{place}");
        assert_eq!(format!("impair+{place}").parse::<Address>().is_ok(), row.layers, "{place}");
    }
}

#[test]
fn only_transparent_layers_lie_on_messages() {
    assert_eq!(stack("impair+ws+tls://h:80").0, [Layer::Tls, Layer::WebSocket, Layer::Impair]);
    assert_eq!(stack("impair+udp://h:80"), (vec![Layer::Impair], Transport::Udp));
    for text in ["tls+udp://h:80", "tls+impair+udp://h:80", "ws+unix-dgram:/x", "tls+impair+ws://h:80"] {
        let error = text.parse::<Address>().unwrap_err().to_string();
        assert!(error.contains("lies on a byte stream"), "{error}");
    }
}

#[test]
fn what_travels_on_the_top_has_the_shape_of_the_outermost_layer() {
    for (text, shape) in [
        ("tcp://h:80", Some(Shape::Stream)),
        ("tls+proxy://h:80", Some(Shape::Stream)),
        ("wss+proxy://h:80", Some(Shape::SeqPacket)),
        ("ws+fd:3", Some(Shape::SeqPacket)),
        ("fd:3", None),
        ("tls+fd:3", Some(Shape::Stream)),
        ("udp://h:80", Some(Shape::Datagram)),
    ] {
        assert_eq!(parse(text).shape(), shape, "{text}");
    }
}

#[test]
fn what_follows_the_port_of_a_websocket_is_its_path() {
    let path = |text: &str| parse(text).options.text(OptionKey::Path).map(str::to_owned);
    assert_eq!(path("ws://h:80"), None);
    assert_eq!(path("ws://h:80/").as_deref(), Some("/"));
    assert_eq!(parse("wss://[::1]:80/chat"), parse("wss://[::1]:80?path=/chat"));
    assert_eq!(parse("ws://h:80?nodelay&path=/chat").to_string(), "ws://h:80/chat?nodelay");
    // As in a URL, %XX is part of the path; behind path= it stands for a byte of it.
    assert_eq!(path("ws://h:80/a%20b&c=d").as_deref(), Some("/a%20b&c=d"));
    assert_eq!(path("ws://h:80?path=/a%2520b").as_deref(), Some("/a%20b"));
    assert_eq!(parse("ws://h:80?path=/a%3Fb").to_string(), "ws://h:80?path=/a%3Fb");
    assert_eq!(parse("ws+unix:/run/x?path=/chat").to_string(), "ws+unix:/run/x?path=/chat");
}

#[test]
fn a_host_may_have_a_plus_in_its_name_and_be_named_as_a_layer() {
    assert_eq!(network("a+b:80").1, name("a+b"));
    assert_eq!(network("tcp://proxy:80").1, name("proxy"));
    assert_eq!(parse("tcp://tls:80").to_string(), "tcp://tls:80");
}

#[test]
fn layers_made_by_hand_lie_on_each_other_or_are_refused() {
    let tls = Layers::NONE.with(Layer::Tls).unwrap();
    let both = tls.with(Layer::WebSocket).unwrap();
    assert_eq!((both.len(), both.top(), both.is_empty()), (2, Some(Layer::WebSocket), false));
    assert!(tls.with(Layer::Tls).is_err());
    assert!(both.with(Layer::Proxy).is_err());
    let over = |transport, place| Address { layers: tls, ..Address::new(transport, place) }.checked();
    assert!(over(Transport::Descriptor, Place::Descriptor(3)).is_ok());
    assert!(over(Transport::Standard, Place::Standard).is_err());
    assert!(over(Transport::UnixDgram, Place::Abstract(b"x".as_slice().into())).is_err());
}

#[test]
fn an_option_of_a_layer_is_added_only_where_that_layer_is() {
    let cert = || (OptionKey::Cert, OptionValue::Text("c.pem".into()));
    let (key, value) = cert();
    assert!(parse("tcp://h:80").with(key, value).is_err());
    let (key, value) = cert();
    assert_eq!(parse("tls://h:80").with(key, value).unwrap().to_string(), "tls://h:80?cert=c.pem");
}

#[test]
fn options_keep_the_order_of_the_table_not_of_the_text() {
    let address = parse("tcp://:80?ttl=3&nodelay&backlog=5");
    assert_eq!(address, parse("tcp://:80?backlog=5&ttl=3&nodelay=on"));
    assert_eq!(address.to_string(), "tcp://:80?backlog=5&nodelay&ttl=3");
}

#[test]
fn the_syntax_of_every_scheme_parses_once_filled_in() {
    for row in SCHEMES {
        for form in row.syntax.split(" or ") {
            let text = form.replace("PORT", "80").replace(":N", if form == "fd:N" { ":3" } else { ":N" });
            assert_eq!(parse(&text).transport, row.transport, "{text}");
        }
    }
}

#[test]
fn a_command_keeps_its_spaces_and_shows_no_others() {
    let address = parse("exec:grep -i 'a b'");
    assert_eq!(address.place, Place::Command("grep -i 'a b'".into()));
    assert_eq!(address.to_string(), "exec:grep -i 'a b'");
    let address = parse("sh:date +%25s | tr a-z A-Z%3F  ");
    assert_eq!(address.place, Place::Command("date +%s | tr a-z A-Z?  ".into()));
    assert_eq!(address.to_string(), "sh:date +%25s | tr a-z A-Z%3F%20%20");
    // A command that begins with two slashes is a path all the same.
    assert_eq!(parse("exec://bin/cat").place, Place::Command("//bin/cat".into()));
}

#[test]
fn an_address_made_by_hand_is_checked_by_its_text() {
    let place = Place::Path(b"/run/x".as_slice().into());
    assert!(Address::new(Transport::Unix, place.clone()).checked().is_ok());
    assert!(Address::new(Transport::Tcp, place).checked().is_err());
    let star = Place::Network { host: name("*"), port: Port::Number(80) };
    let refused = Address::new(Transport::Tcp, star).checked().unwrap_err();
    assert!(refused.to_string().starts_with("the text of this address means another one\n"), "{refused}");
}

#[test]
fn an_option_is_added_only_where_it_applies() {
    let udp = parse("udp://:53");
    assert!(udp.clone().with(OptionKey::Nodelay, OptionValue::Flag(true)).is_err());
    assert!(udp.clone().with(OptionKey::Ttl, OptionValue::Flag(true)).is_err());
    assert!(udp.clone().with(OptionKey::Ttl, OptionValue::Integer(0)).is_err());
    let added = udp.with(OptionKey::Ttl, OptionValue::Integer(9)).unwrap();
    assert_eq!(added.to_string(), "udp://:53?ttl=9");
    assert!(added.with(OptionKey::Ttl, OptionValue::Integer(9)).is_err());
}

#[test]
fn a_host_name_holds_marks_of_its_script_but_nothing_that_turns_or_hides_text() {
    for text in
        ["tcp://\u{939}\u{93f}\u{902}.example:80", "tcp://e\u{301}.example:80", "tcp://gr\u{fc}n.example:80"]
    {
        assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
    }
    for text in ["tcp://a\u{202e}b:80", "tcp://a\u{200b}b:80", "udp://[fe80::1%a\u{2066}b]:80"] {
        assert!(text.parse::<Address>().is_err(), "{text:?}");
    }
}
