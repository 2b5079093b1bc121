//! Text and value agree: over arbitrary addresses, and over arbitrary text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use address::{
    Address, Credentials, Form, Host, Kind, Layer, Layers, LocalBind, OPTIONS, OptionRow, OptionValue, Place,
    Port, SCHEMES, SHARE_MAX, Scheme, SchemeRow, Transport, Via, ViaProtocol, Way, command_words,
};
use proptest::prelude::*;

fn host() -> impl Strategy<Value = Host> {
    let zone = prop::option::of("[a-z][a-z0-9.-]{0,14}").prop_map(|zone| zone.map(Into::into));
    prop_oneof![
        Just(Host::Any),
        any::<Ipv4Addr>().prop_map(Host::V4),
        (any::<Ipv6Addr>(), zone).prop_map(|(address, zone)| Host::V6 { address, zone }),
        "[a-zé_-][a-z0-9._-]{0,60}".prop_map(|name| Host::Name(name.into())),
    ]
}

fn port() -> impl Strategy<Value = Port> {
    prop_oneof![
        any::<u16>().prop_map(Port::Number),
        "[0-9_+.-]{0,8}[A-Za-z][A-Za-z0-9_+.-]{0,23}".prop_map(|name| Port::Service(name.into())),
    ]
}

fn place(row: &SchemeRow) -> BoxedStrategy<Place> {
    let bytes = |least: u8| {
        prop_oneof![
            prop::collection::vec(least..=255, 1..=107),
            "[@/.%?&=# a-z日]{1,20}".prop_map(String::into_bytes),
        ]
    };
    match row.form {
        Form::Network => (host(), port()).prop_map(|(host, port)| Place::Network { host, port }).boxed(),
        Form::Local => prop_oneof![
            bytes(1).prop_map(|path| Place::Path(path.into())),
            bytes(0).prop_map(|name| Place::Abstract(name.into())),
        ]
        .boxed(),
        Form::Descriptor => (0..=2_147_483_647_u32).prop_map(Place::Descriptor).boxed(),
        Form::Command => "[a-z@/.%?&=#\\\\ \u{e9}\u{202e}\n]{0,20}[a-z][ a-z]{0,3}"
            .prop_filter("no program", |command| {
                let is_program = |words: Vec<String>| words.first().is_some_and(|word| !word.is_empty());
                command_words(Transport::Exec, command).is_ok_and(is_program)
            })
            .prop_map(|command| Place::Command(command.into()))
            .boxed(),
        Form::File => {
            prop::collection::vec(1..=255_u8, 1..30).prop_map(|path| Place::Path(path.into())).boxed()
        }
        Form::Interface => {
            "[a-z][a-z%0-9.?&]{0,14}".prop_map(|name| Place::Path(name.into_bytes().into())).boxed()
        }
        Form::Nameless => Just(Place::Nameless).boxed(),
        Form::Standard => Just(Place::Standard).boxed(),
    }
}

fn text(pattern: &'static str) -> BoxedStrategy<OptionValue> {
    pattern.prop_map(|text| OptionValue::Text(text.into())).boxed()
}

/// Layers that can lie on each other; none on a transport that carries none.
fn layers(row: &SchemeRow) -> BoxedStrategy<Layers> {
    let can_lie: Vec<Layer> =
        Layer::ALL.iter().copied().filter(|layer| row.transport.carries(*layer)).collect();
    let most = can_lie.len();
    let some = prop::sample::subsequence(can_lie, 0..=most).prop_shuffle();
    some.prop_map(|layers| {
        layers.into_iter().fold(Layers::NONE, |layers, layer| layers.with(layer).unwrap_or(layers))
    })
    .boxed()
}

fn value(row: &OptionRow) -> BoxedStrategy<OptionValue> {
    match row.kind {
        Kind::Share => (0..=SHARE_MAX).prop_map(OptionValue::Share).boxed(),
        Kind::Rate => (1..=u64::MAX).prop_map(OptionValue::Rate).boxed(),
        Kind::After => prop_oneof![
            any::<u64>().prop_map(OptionValue::Size),
            any::<u32>().prop_map(|micros| OptionValue::Duration(Duration::from_micros(micros.into()))),
        ]
        .boxed(),
        Kind::EachWay(kind) => {
            let way = prop::option::of(prop::sample::select(&[Way::In, Way::Out][..]));
            let one_way = |(way, value): (Option<Way>, OptionValue)| match way {
                Some(way) => OptionValue::OneWay(way, Box::new(value)),
                None => value,
            };
            (way, value(&OptionRow { kind: *kind, ..*row })).prop_map(one_way).boxed()
        }
        Kind::Flag => any::<bool>().prop_map(OptionValue::Flag).boxed(),
        Kind::Integer { min, max } => (min..=max).prop_map(OptionValue::Integer).boxed(),
        Kind::Size { min, max } => (min..=max).prop_map(OptionValue::Size).boxed(),
        Kind::Duration { min, max } => {
            let unit_micros = match row.unit {
                "s" => 1_000_000,
                "ms" => 1_000,
                _ => 1,
            };
            (min.as_micros() as u64 / unit_micros..=max.as_micros() as u64 / unit_micros)
                .prop_map(move |count| OptionValue::Duration(Duration::from_micros(count * unit_micros)))
                .boxed()
        }
        Kind::Text { max_bytes } => ("\\PC{1,20}")
            .prop_filter("too many bytes, or a control character", move |text| {
                text.len() <= max_bytes && !text.chars().any(char::is_control)
            })
            .prop_map(|text| OptionValue::Text(text.into()))
            .boxed(),
        Kind::Mode => (0..=0o777_u32).prop_map(OptionValue::Mode).boxed(),
        Kind::Local => {
            (host(), port()).prop_map(|(host, port)| OptionValue::Local(LocalBind { host, port })).boxed()
        }
        Kind::Word(words) => prop::sample::select(words).prop_map(OptionValue::Word).boxed(),
        Kind::File => text("[a-zé/. ?%&=#+-]{1,30}"),
        Kind::Path => text("/[!-\"$-~]{0,30}"),
        Kind::Token => text("[A-Za-z0-9!#$%&'*+.^_`|~-]{1,30}"),
        Kind::Header => ("[A-Za-z0-9-]{1,20}", "([!-~é]([ -~é]{0,20}[!-~é])?)?")
            .prop_map(|(name, value)| OptionValue::Header { name: name.into(), value: value.into() })
            .boxed(),
        Kind::Origin => text("(any|same|null|[a-z]{1,8}://[a-z0-9.-]{1,20}(:[0-9]{1,5})?)"),
        Kind::Fingerprint => any::<[u8; 32]>().prop_map(OptionValue::Fingerprint).boxed(),
        Kind::Source => any::<u16>()
            .prop_map(|bits| {
                let v4 = Ipv4Addr::from(0xc000_0000 | u32::from(bits));
                let v6 = Ipv6Addr::from(0xfe80 << 112 | u128::from(bits));
                OptionValue::Source(if bits.is_multiple_of(2) { IpAddr::V4(v4) } else { IpAddr::V6(v6) })
            })
            .boxed(),
        Kind::Subnet => (any::<u32>(), 0..=32_u8)
            .prop_map(|(address, prefix)| OptionValue::Subnet(Ipv4Addr::from_bits(address).into(), prefix))
            .boxed(),
        Kind::Via => {
            let protocol = prop_oneof![Just(ViaProtocol::Socks5), Just(ViaProtocol::HttpConnect)];
            let credentials = prop::option::of(("[!-9;-~é ]{1,20}", "[!-~é ]{1,20}"));
            (protocol, credentials, host(), port())
                .prop_map(|(protocol, credentials, host, port)| {
                    let credentials = credentials
                        .map(|(user, password)| Credentials { user: user.into(), password: password.into() });
                    OptionValue::Via(Box::new(Via { protocol, credentials, host, port }))
                })
                .boxed()
        }
        Kind::Retries => prop::option::of(0..=1_000_000_u32).prop_map(OptionValue::Retries).boxed(),
        Kind::Group => any::<u32>()
            .prop_map(|bits| {
                let v4 = Ipv4Addr::from(0xe000_0000 | bits >> 4);
                let v6 = Ipv6Addr::from(0xff02 << 112 | u128::from(bits));
                OptionValue::Group(if bits.is_multiple_of(2) { IpAddr::V4(v4) } else { IpAddr::V6(v6) })
            })
            .boxed(),
    }
}

/// Any address that can be, with any options that apply.
fn address() -> impl Strategy<Value = Address> {
    let schemes = prop::sample::select(SCHEMES).prop_flat_map(|row| (Just(row), layers(&row)));
    schemes.prop_flat_map(|(row, layers)| {
        let scheme = Scheme { layers, transport: row.transport };
        let options: Vec<_> = OPTIONS
            .iter()
            .filter(|option| option.applies.to(scheme))
            .map(|option| {
                prop::option::weighted(0.1, value(option)).prop_map(move |value| (option.key, value))
            })
            .collect();
        (place(&row), options).prop_map(move |(place, options)| {
            options.into_iter().fold(
                Address { layers, ..Address::new(row.transport, place) },
                |address, (key, value)| match value {
                    // Refused only where two contradict each other.
                    Some(value) => address.clone().with(key, value).unwrap_or(address),
                    None => address,
                },
            )
        })
    })
}

/// Text that is nearly an address.
fn near_address() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "tcp",
        "udp",
        "unix",
        "fd",
        "unix-dgram",
        "tls",
        "ws",
        "wss",
        "proxy",
        "+",
        "path",
        "via",
        "socks5",
        "http-connect",
        "user:password@",
        "retry",
        "forever",
        "header",
        "/chat",
        "-",
        "exec",
        "sh",
        "cat",
        "'",
        ":",
        "://",
        "//",
        "/",
        "[",
        "]",
        "::1",
        "127.0.0.1",
        "80",
        "0",
        "65536",
        "http",
        "@",
        "%",
        "%00",
        "%2F",
        "%eth0",
        "?",
        "&",
        "=",
        "v4",
        "v6",
        "ttl",
        "bind",
        "keepalive",
        "30s",
        "join",
        "239.1.1.1",
        "ff02::1",
        "mode",
        "0600",
        "*",
        " ",
        "\n",
        "é",
        "日",
        "\u{202e}",
        ".",
        "..",
        "4294967296",
    ]);
    prop::collection::vec(word, 0..12).prop_map(|words| words.concat())
}

fn text_and_value_agree(text: &str) -> Result<(), TestCaseError> {
    match text.parse::<Address>() {
        Ok(address) => {
            let shown = address.to_string();
            prop_assert_eq!(shown.parse::<Address>(), Ok(address));
            prop_assert!(!shown.chars().any(char::is_control), "{:?}", shown);
        }
        Err(error) => {
            prop_assert!(text.get(error.span.clone()).is_some(), "{:?}", error);
            let shown = error.to_string();
            prop_assert_eq!(shown.lines().count(), 3, "{}", shown);
            prop_assert!(!shown.chars().any(|character| character.is_control() && character != '\n'));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_address_survives_its_text(address in address()) {
        let text = address.to_string();
        prop_assert_eq!(text.parse::<Address>().map_err(|error| TestCaseError::fail(error.to_string()))?, address.clone());
        prop_assert!(address.checked().is_ok());
    }

    #[test]
    fn any_text_is_an_address_that_survives_or_an_error_of_three_lines(text in any::<String>()) {
        text_and_value_agree(&text)?;
    }

    #[test]
    fn any_near_address_survives_or_is_an_error_of_three_lines(text in near_address()) {
        text_and_value_agree(&text)?;
    }
}
