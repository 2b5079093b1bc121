//! Any text is, for each option, a value that survives its own text, or none at all.
//!
//! Protected besides: a value that its row allows can be put into every address it applies to, and that
//! address survives its text.

use address::{Address, OPTIONS, OptionRow, OptionValue};

/// One address of every transport that has options, and every layer on each that carries it.
const ADDRESSES: &[&str] = &[
    "tcp://host:80",
    "udp://host:80",
    "unix:/path",
    "unix-dgram:@name",
    "unix-seqpacket:/path",
    "wss+proxy://host:80",
    "wss+proxy+unix:/path",
    "wss+proxy+fd:3",
];

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for row in OPTIONS {
        match row.parse(text) {
            Ok(value) => survives(row, &value),
            Err(error) => assert!(!error.to_string().contains('\n'), "{}: {error}", row.name),
        }
    }
}

fn survives(row: &OptionRow, value: &OptionValue) {
    assert_eq!(row.check(value), Ok(()), "{}", row.name);
    assert_eq!(row.parse(&value.to_string()).as_ref(), Ok(value), "{}", row.name);
    for plain in ADDRESSES {
        let plain: Address = plain.parse().unwrap_or_else(|error| panic!("{error}"));
        if row.applies.to(plain.scheme()) {
            let address = plain.with(row.key, value.clone()).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(address.clone().checked(), Ok(address));
        }
    }
}
