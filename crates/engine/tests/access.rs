//! Who may call: the list against a naive model, what rules mean, and how they are read.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use engine::{Access, AccessList, Account, AddressRange, Callers, Rule, SendersUnknown, Who};
use proptest::prelude::*;

/// Addresses that are near each other, so that ranges touch, overlap and miss.
fn address() -> impl Strategy<Value = IpAddr> {
    let near = prop_oneof![0_u32..64, 250_u32..260, Just(u32::MAX), Just(u32::MAX - 1)];
    prop_oneof![
        near.clone().prop_map(|number| IpAddr::from(Ipv4Addr::from_bits(number))),
        near.clone().prop_map(|number| IpAddr::from(Ipv4Addr::from_bits(number).to_ipv6_mapped())),
        near.prop_map(|number| IpAddr::from(Ipv6Addr::from_bits(number.into()))),
        Just(IpAddr::from(Ipv6Addr::from_bits(u128::MAX))),
    ]
}

fn range() -> impl Strategy<Value = AddressRange> {
    let of_two_families = || AddressRange::from(IpAddr::from(Ipv6Addr::UNSPECIFIED));
    (address(), address()).prop_map(move |(one, other)| {
        let range = AddressRange::new(one, other).or_else(|| AddressRange::new(other, one));
        range.unwrap_or_else(of_two_families)
    })
}

proptest! {
    #[test]
    fn a_caller_is_judged_as_if_each_rule_were_looked_at(
        allowed in prop::option::of(prop::collection::vec(range(), 0..12)),
        denied in prop::collection::vec(range(), 0..12),
        callers in prop::collection::vec(address(), 1..40),
    ) {
        let set = |ranges: &[AddressRange]| Callers::new(ranges.to_vec(), [], []);
        let list = AccessList::new(allowed.as_deref().map(set), set(&denied));
        for caller in callers {
            let names = |ranges: &[AddressRange]| ranges.iter().any(|range| range.contains(caller));
            let may_call = !names(&denied) && allowed.as_deref().is_none_or(names);
            prop_assert_eq!(list.refuses(Who::Ip(caller)).is_none(), may_call, "{}", caller);
        }
    }

    #[test]
    fn a_range_has_what_lies_between_its_ends(first: u32, last: u32, other: u32) {
        let v4 = |number| IpAddr::from(Ipv4Addr::from_bits(number));
        let v6 = |number: u32| IpAddr::from(Ipv6Addr::from_bits(u128::from(number) << 96));
        for of_family in [&v4 as &dyn Fn(u32) -> IpAddr, &v6] {
            match AddressRange::new(of_family(first), of_family(last)) {
                Some(range) => {
                    prop_assert_eq!(range.contains(of_family(other)), (first..=last).contains(&other));
                }
                None => prop_assert!(last < first),
            }
        }
    }

    #[test]
    fn no_text_is_too_odd_to_be_a_rule_or_an_error_of_three_lines(text: String) {
        if let Err(error) = text.parse::<Rule>() {
            let said = error.to_string();
            prop_assert_eq!(said.lines().count(), 3, "{}", said);
            prop_assert!(said.chars().all(|character| character == '\n' || !character.is_control()));
        }
    }
}

fn access(allow: &[&str], deny: &[&str]) -> Access {
    let rules = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    Access::read(rules(allow), rules(deny)).unwrap()
}

fn lets_in(access: &Access, address: &str) -> bool {
    access.refuses(Who::Ip(address.parse().unwrap())).is_none()
}

#[test]
fn deny_wins_and_one_allow_rule_shuts_everybody_else_out() {
    let some = access(&["10.0.0.0/8", "2001:db8::/32"], &["10.0.0.5-10.0.0.9"]);
    for (address, may_call) in [
        ("10.0.0.4", true),
        ("10.0.0.5", false),
        ("10.0.0.9", false),
        ("10.0.0.10", true),
        ("::ffff:10.1.2.3", true),
        ("::ffff:10.0.0.7", false),
        ("2001:db8:1::", true),
        ("2001:db9::", false),
        ("127.0.0.1", false),
    ] {
        assert_eq!(lets_in(&some, address), may_call, "{address}");
    }
    assert!(lets_in(&access(&[], &["10.0.0.0/8"]), "192.0.2.1"), "where nobody is allowed by name, all are");
    assert!(!lets_in(&access(&["uid:0"], &[]), "127.0.0.1"), "who calls over IP is no user");
}

#[test]
fn a_network_of_all_ipv6_is_no_ipv4_and_a_wrapped_one_is() {
    let all_v6 = access(&[], &["::/0"]);
    assert!(!lets_in(&all_v6, "2001:db8::1"));
    assert!(lets_in(&all_v6, "192.0.2.1") && lets_in(&all_v6, "::ffff:192.0.2.1"));
    let wrapped = access(&[], &["::ffff:192.0.2.0/120"]);
    assert!(!lets_in(&wrapped, "192.0.2.255") && lets_in(&wrapped, "192.0.3.0"));
}

#[test]
fn users_and_groups_are_judged_at_unix_sockets_only() {
    let some = access(&["uid:1000", "gid:50"], &["uid:7"]);
    let refuses = |access: &Access, user, group| access.refuses(Who::User { user, group }).is_some();
    assert!(!refuses(&some, 1000, 1) && !refuses(&some, 1, 50));
    assert!(refuses(&some, 1, 1) && refuses(&some, 7, 50));
    assert!(!refuses(&access(&[], &["0.0.0.0/0"]), 0, 0));
    assert!(!refuses(&access(&["uid:root"], &[]), 0, 9));
}

#[test]
fn somebody_unknown_is_let_in_only_where_it_could_be_nobody_who_is_refused() {
    let refuses = |access: &Access| access.refuses(Who::Unknown).is_some();
    assert!(!refuses(&access(&[], &["10.0.0.0/8"])));
    assert!(refuses(&access(&[], &["uid:7"])) && refuses(&access(&["uid:7"], &[])));
    let datagrams = [address::Transport::Udp, address::Transport::UnixDgram];
    assert_eq!(access(&["10.0.0.0/8"], &[]).check(&datagrams), Err(SendersUnknown));
    assert_eq!(access(&[], &["10.0.0.0/8"]).check(&datagrams), Ok(()));
    assert_eq!(access(&["10.0.0.0/8"], &[]).check(&datagrams[..1]), Ok(()));
}

#[test]
fn each_way_to_write_a_rule_is_read() {
    let parsed = |text: &str| text.parse::<Rule>().unwrap();
    assert_eq!(parsed("[::1]"), parsed("::1"));
    assert_eq!(parsed("10.0.0.0/30"), parsed("10.0.0.0-10.0.0.3"));
    assert_eq!(parsed("[2001:db8::]/32"), parsed("2001:db8::/32"));
    assert_eq!(parsed("@/etc/callers"), parsed("file:/etc/callers"));
    assert_eq!(parsed("a-b.example.net"), Rule::Host("a-b.example.net".into()));
    assert_eq!(parsed("uid:0"), Rule::User(Account::Number(0)));
    assert_eq!(parsed("gid:staff"), Rule::Group(Account::Name("staff".into())));
}

#[test]
#[rustfmt::skip]
fn a_text_that_is_no_rule_is_shown_with_a_caret_and_what_is_right() {
    for (text, said) in [
        ("", "a rule is empty\n  \n  ^ an address, a network, a host, @FILE, uid:USER or gid:GROUP"),
        ("10.0.0.0/33", "a network's prefix is wrong\n  10.0.0.0/33\n           ^^ 0 to 32 for IPv4, 0 to 128 for IPv6"),
        ("10.0.0/8", "that is no network\n  10.0.0/8\n  ^^^^^^ an address before the slash, such as 10.0.0.0/8"),
        ("10.0.0.256", "that is no IPv4 address\n  10.0.0.256\n  ^^^^^^^^^^ four numbers from 0 to 255, such as 127.0.0.1"),
        ("10.0.0.9-10.0.0.1", "a range ends before it begins\n  10.0.0.9-10.0.0.1\n           ^^^^^^^^ an address of the same family, not before the first"),
        ("10.0.0.1-x", "a range has no end\n  10.0.0.1-x\n           ^ an address, such as 10.0.0.1-10.0.0.9"),
        ("::1:x", "that is no IPv6 address\n  ::1:x\n  ^^^^^ an address without a port, such as 2001:db8::1"),
        ("my host", "that is no host name\n  my host\n    ^ a name has letters, digits, dots and hyphens"),
        ("uid:", "that is no user or group\n  uid:\n      ^ a number or a name, such as uid:1000 or gid:staff"),
        ("uid:99999999999", "that is no user or group\n  uid:99999999999\n      ^^^^^^^^^^^ a number or a name, such as uid:1000 or gid:staff"),
        ("@", "a rule names no file\n  @\n   ^ a path, such as @/etc/callers"),
    ] {
        assert_eq!(text.parse::<Rule>().unwrap_err().to_string(), said);
    }
}

/// A file of its own for one test, removed at its end.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &[u8]) -> File {
        let path = std::env::temp_dir().join(format!("switchboard-access-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        File(path)
    }

    fn rules(&self) -> Vec<Rule> {
        vec![Rule::File(self.0.clone())]
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_file_has_a_rule_a_line_and_comments() {
    let file = File::new("rules", b"# who may call\n10.0.0.0/8   # ours\r\n\n   192.0.2.7\nlocalhost\n");
    let some = Access::read(file.rules(), Vec::new()).unwrap();
    assert!(["10.9.9.9", "192.0.2.7", "127.0.0.1"].iter().all(|address| lets_in(&some, address)));
    assert!(!lets_in(&some, "192.0.2.8"));
    let empty = File::new("empty", b"");
    let nobody = Access::read(empty.rules(), Vec::new()).unwrap();
    assert!(!lets_in(&nobody, "127.0.0.1"), "an empty file allows nobody");
}

#[test]
fn a_bad_line_is_named_and_leaves_the_old_rules() {
    let file = File::new("changing", b"10.0.0.0/8\n");
    let some = Access::read(file.rules(), Vec::new()).unwrap();
    for (text, said) in [
        (
            &b"192.0.2.1\n10.0.0.0/99\n"[..],
            ", line 2: a network's prefix is wrong\n  10.0.0.0/99\n           ^^ ",
        ),
        (b"@/etc/other\n", ", line 1: a file of rules names another"),
        (b"192.0.2.1\n\n\xff\n", ", line 3: the line is not UTF-8"),
        (b"uid:nobody-has-this-name\n", ", line 1: no user is named \"nobody-has-this-name\""),
    ] {
        std::fs::write(&file.0, text).unwrap();
        let error = some.read_again().unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
        assert!(lets_in(&some, "10.1.1.1") && !lets_in(&some, "192.0.2.1"));
    }
    std::fs::write(&file.0, b"192.0.2.1").unwrap();
    some.read_again().unwrap();
    assert!(!lets_in(&some, "10.1.1.1") && lets_in(&some, "192.0.2.1"));
    std::fs::remove_file(&file.0).unwrap();
    let error = some.read_again().unwrap_err().to_string();
    assert!(error.contains("open(2): No such file or directory (ENOENT)"), "{error}");
}

#[test]
fn a_hundred_thousand_rules_let_in_and_refuse_whom_they_name() {
    let address = |number: u32| Ipv4Addr::from_bits(0x0a00_0000 + number);
    let rules: String = (0..100_000).map(|number| format!("{}\n", address(2 * number))).collect();
    let file = File::new("many", rules.as_bytes());
    let some = Access::read(Vec::new(), file.rules()).unwrap();
    for number in 0..200_000 {
        let is_refused = some.refuses(Who::Ip(address(number).into())).is_some();
        assert_eq!(is_refused, number % 2 == 0, "{}", address(number));
    }
}
