//! Any text is a rule of who may call, or an error of three lines without control characters; a rule is judged.

use std::net::IpAddr;

use engine::{AccessList, AddressRange, Callers, Rule, Who};

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<Rule>() {
        Ok(Rule::Addresses(range)) => agrees(range),
        Ok(Rule::Host(name)) => assert!(!name.is_empty() && !name.contains(['/', ':', '@'])),
        Ok(Rule::File(path)) => assert!(!path.as_os_str().is_empty()),
        Ok(Rule::User(_) | Rule::Group(_)) => {}
        Err(error) => {
            let said = error.to_string();
            assert_eq!(said.lines().count(), 3, "{said}");
            assert!(said.chars().all(|character| character == '\n' || !character.is_control()));
        }
    }
}

/// The list says what the range says.
fn agrees(range: AddressRange) {
    let list = AccessList::new(None, Callers::new([range], [], []));
    for address in ["0.0.0.0", "10.0.0.5", "192.0.2.7", "255.255.255.255", "::", "::1", "2001:db8::1"] {
        let address: IpAddr = address.parse().unwrap_or(IpAddr::from([127, 0, 0, 1]));
        assert_eq!(list.refuses(Who::Ip(address)).is_some(), range.contains(address), "{address}");
    }
}
