//! The check that no row of the matrix is missing.

use std::collections::BTreeSet;
use std::process::Command;

use switchboard::services::SERVICES;
use switchboard::{Engine, Transport};

/// The transports of the matrix that stand for one of the product's; none for what nobody can call.
fn rows_of(transport: Transport) -> &'static [&'static str] {
    match transport {
        Transport::Tcp => &["tcp4", "tcp6"],
        Transport::Udp => &["udp4", "udp6"],
        Transport::Unix => &["unix", "unix_abstract"],
        Transport::UnixSeqpacket => &["unix_seqpacket"],
        Transport::UnixDgram => &["unix_dgram"],
        Transport::Standard
        | Transport::Descriptor
        | Transport::Exec
        | Transport::Shell
        | Transport::File
        | Transport::Fifo
        | Transport::Pty
        | Transport::Serial
        | Transport::Tun => &[],
    }
}

#[test]
fn every_service_transport_and_engine_of_the_product_has_its_row() {
    let mut wanted = BTreeSet::new();
    for service in SERVICES {
        for transport in Transport::ALL.iter().flat_map(|transport| rows_of(*transport)) {
            for engine in Engine::ALL {
                wanted.insert(format!("{}::over_{transport}::under_{engine}", service.name));
            }
        }
    }
    let list = Command::new(std::env::current_exe().unwrap()).arg("--list").output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let tests = list.lines().filter_map(|line| line.strip_suffix(": test"));
    let rows = tests.filter(|name| name.contains("::over_")).map(str::to_owned).collect::<BTreeSet<_>>();
    let missing: Vec<_> = wanted.difference(&rows).collect();
    assert!(missing.is_empty(), "the matrix has no row for {missing:#?}");
    let unknown: Vec<_> = rows.difference(&wanted).collect();
    assert!(unknown.is_empty(), "the product does not know {unknown:#?}");
}
