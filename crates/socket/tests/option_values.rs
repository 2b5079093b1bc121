//! Each option can be set, or says why not.

mod common;

use address::{Address, Kind, OPTIONS, OptionKey, OptionRow, Transport, When};
use common::{Folder, address, answer, at, call, listen};
use rustix::net::sockopt;
use socket::{DatagramSocket, Listener, connect};

/// A value that any kernel has, for a row of the table.
fn value(row: &OptionRow) -> String {
    match (row.key, row.kind) {
        (OptionKey::Device | OptionKey::MulticastInterface, _) => "lo".to_owned(),
        (OptionKey::Congestion, _) => "reno".to_owned(),
        (OptionKey::User | OptionKey::Group, _) => "0".to_owned(),
        (OptionKey::Maxseg, _) => "1000".to_owned(),
        (_, Kind::Flag) => "on".to_owned(),
        (_, Kind::Integer { min, max }) => max.min(min + 5).to_string(),
        (_, Kind::Size { .. }) => "64KiB".to_owned(),
        (_, Kind::Duration { max, .. }) => if max.as_secs() > 3600 { "7s" } else { "700ms" }.to_owned(),
        (_, Kind::Text { .. }) => "lo".to_owned(),
        (_, Kind::Mode) => "600".to_owned(),
        (_, Kind::Local) => "127.0.0.1:0".to_owned(),
        (_, Kind::Group) => "239.1.2.3".to_owned(),
        (_, Kind::Subnet) => "10.1.2.3/24".to_owned(),
        (_, Kind::Retries) => "3".to_owned(),
        (_, Kind::Source) => "192.0.2.7&join=239.1.2.3".to_owned(),
        (
            key,
            Kind::Word(_)
            | Kind::File
            | Kind::Path
            | Kind::Token
            | Kind::Header
            | Kind::Origin
            | Kind::Fingerprint
            | Kind::Via
            | Kind::Share
            | Kind::Rate
            | Kind::After
            | Kind::EachWay(_),
        ) => panic!("{key} is of a layer, which no socket has"),
    }
}

/// Somewhere to listen, for a transport.
fn somewhere(transport: Transport, key: OptionKey, folder: &Folder) -> String {
    let v6 = key == OptionKey::V6;
    match transport {
        Transport::Tcp | Transport::Udp => {
            format!("{transport}://{}:0", if v6 { "[::1]" } else { "127.0.0.1" })
        }
        Transport::Unix | Transport::UnixDgram | Transport::UnixSeqpacket => {
            at(transport.name(), &folder.path(&format!("{transport}-{key}")))
        }
        Transport::Standard
        | Transport::Descriptor
        | Transport::Exec
        | Transport::Shell
        | Transport::File
        | Transport::Fifo
        | Transport::Pty
        | Transport::Serial
        | Transport::Tun => {
            panic!("{key} applies to {transport}")
        }
    }
}

fn try_to_listen(address: &Address) -> Result<(), String> {
    match address.transport {
        Transport::Udp | Transport::UnixDgram => DatagramSocket::bind(address).map(drop),
        Transport::Tcp
        | Transport::Unix
        | Transport::UnixSeqpacket
        | Transport::Standard
        | Transport::Descriptor
        | Transport::Exec
        | Transport::Shell
        | Transport::File
        | Transport::Fifo
        | Transport::Pty
        | Transport::Serial
        | Transport::Tun => Listener::bind(address).map(drop),
    }
    .map_err(|error| error.to_string())
}

#[test]
fn every_option_can_be_set_where_it_applies_or_says_why_not() {
    let folder = Folder::new();
    // A proxy is somebody else to connect to: crates/swb/tests/via.rs.
    for row in OPTIONS.iter().filter(|row| row.key != OptionKey::Via) {
        // Those of files and programs are no options of a socket.
        let of_sockets = |transport: &&Transport| transport.is_ip() || transport.is_unix();
        for transport in row.applies.transports.iter().filter(of_sockets) {
            let place = somewhere(*transport, row.key, &folder);
            let option = format!("{}={}", row.name, value(row));
            let mut outcomes = Vec::new();
            if row.applies.when != When::Connecting {
                outcomes.push(try_to_listen(&address(format!("{place}?{option}"))));
            }
            if row.applies.when != When::Listening {
                let (listener, datagrams);
                let target = if matches!(transport, Transport::Udp | Transport::UnixDgram) {
                    datagrams = DatagramSocket::bind(&address(&place)).unwrap().0;
                    datagrams.local_end().unwrap().to_string()
                } else {
                    listener = listen(&place);
                    listener.local_end().unwrap().to_string()
                };
                let outcome = connect(&address(format!("{target}?{option}")));
                outcomes.push(outcome.map(drop).map_err(|error| error.to_string()));
            }
            for outcome in outcomes {
                if let Err(error) = outcome {
                    println!("{place}?{option}: {error}");
                    assert!(error.contains(&format!("option {}=", row.name)), "{error}");
                    assert!(!rustix::process::geteuid().is_root(), "root is refused nothing here: {error}");
                }
            }
        }
    }
}

#[test]
fn what_is_set_is_read_back() {
    let text = "tcp://127.0.0.1:0?keepalive=30s&keepalive-interval=5s&keepalive-count=3&user-timeout=1500ms\
                &linger=2s&ttl=77&tos=16&maxseg=1000&congestion=reno&oobinline";
    let socket = listen(text);
    assert!(sockopt::socket_keepalive(&socket).unwrap());
    assert_eq!(sockopt::tcp_keepidle(&socket).unwrap().as_secs(), 30);
    assert_eq!(sockopt::tcp_keepintvl(&socket).unwrap().as_secs(), 5);
    assert_eq!(sockopt::tcp_keepcnt(&socket).unwrap(), 3);
    assert_eq!(sockopt::tcp_user_timeout(&socket).unwrap(), 1500);
    assert_eq!(sockopt::socket_linger(&socket).unwrap().unwrap().as_secs(), 2);
    assert_eq!(sockopt::ip_ttl(&socket).unwrap(), 77);
    assert_eq!(sockopt::ip_tos(&socket).unwrap(), 16);
    assert_eq!(sockopt::tcp_congestion(&socket).unwrap(), "reno");
    assert!(sockopt::socket_oobinline(&socket).unwrap());
}

#[test]
fn an_ip_option_of_a_socket_of_both_families_is_set_for_both() {
    let socket = listen("tcp://[::]:0?ttl=77&tos=32");
    assert_eq!(u32::from(sockopt::ipv6_unicast_hops(&socket).unwrap()), 77);
    assert_eq!(sockopt::ip_ttl(&socket).unwrap(), 77);
    assert_eq!(sockopt::ipv6_tclass(&socket).unwrap(), 32);
    assert_eq!(sockopt::ip_tos(&socket).unwrap(), 32);
    let only_v6 = listen("tcp://[::1]:0?ttl=77");
    assert_eq!(u32::from(sockopt::ipv6_unicast_hops(&only_v6).unwrap()), 77);
}

#[test]
fn a_buffer_that_is_granted_needs_no_note_and_a_capped_one_gets_one() {
    let (_, notes) = Listener::bind(&address("tcp://127.0.0.1:0?rcvbuf=64KiB")).unwrap();
    assert_eq!(notes, []);
    let (_, notes) = Listener::bind(&address("tcp://127.0.0.1:0?rcvbuf=1GiB&sndbuf=1GiB")).unwrap();
    assert_eq!(notes.len(), 2);
    assert_eq!((notes[0].option, notes[0].asked.as_str()), ("rcvbuf", "1GiB"));
    assert!(notes[0].why.contains("net.core.rmem_max"));
    assert!(notes[1].to_string().starts_with("option sndbuf: asked for 1GiB, granted "), "{}", notes[1]);
}

#[test]
fn an_unknown_congestion_control_says_where_the_known_ones_are_listed() {
    let error = Listener::bind(&address("tcp://127.0.0.1:0?congestion=nosuch")).unwrap_err().to_string();
    assert!(error.contains("setsockopt(2) of TCP_CONGESTION: No such file or directory (ENOENT)"), "{error}");
    assert!(error.contains("tcp_available_congestion_control"), "{error}");
}

#[test]
fn an_unknown_device_says_how_to_list_them() {
    let listener = listen("tcp://127.0.0.1:0");
    let error = connect(&address(format!("{}?device=nosuch", listener.local_end().unwrap()))).unwrap_err();
    assert_eq!(error.refused_option().unwrap().option, "device");
    let text = error.to_string();
    assert!(text.contains("option device=nosuch: setsockopt(2) of SO_BINDTODEVICE"), "{text}");
    assert!(text.contains("`ip address` lists the interfaces"), "{text}");
}

#[test]
fn a_call_has_the_options_that_it_asked_for() {
    let listener = listen("tcp://127.0.0.1:0");
    let caller = call(format!("{}?ttl=9&linger=0s&keepalive=1s", listener.local_end().unwrap()));
    assert_eq!(sockopt::ip_ttl(&caller).unwrap(), 9);
    assert_eq!(sockopt::socket_linger(&caller).unwrap(), Some(std::time::Duration::ZERO));
    drop(caller);
    let connection = answer(&listener).connection;
    common::until_readable(&connection);
    let error = connection.receive(&mut [0; 10]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "linger=0s resets");
}
