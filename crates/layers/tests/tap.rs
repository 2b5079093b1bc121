//! Taps: what is recorded is what passed, whatever passed; each page can be read by others, and nothing drives a terminal.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod common;

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use common::{Side, WALL};
use conversation::{CallFailed, End, Shape, Transport, Way};
use etherparse::{NetSlice, SlicedPacket, TcpSlice, TransportSlice};
use layers::{Capture, CapturedEnds, Hexdump, Layer, Passed, Raw, Recorder, Sink, Tap, Told, Unrecorded};
use proptest::collection::vec;
use proptest::prelude::*;

fn ip(address: &str) -> End {
    End::Ip { transport: Transport::Tcp, address: address.parse().unwrap() }
}

fn path() -> End {
    End::Path { transport: Transport::Unix, path: b"/run/x.sock"[..].into() }
}

const UNNAMED: End = End::Unnamed(Transport::Unix);

/// A packet of a capture, as a reader has it.
struct Seen {
    at: SystemTime,
    comment: Option<String>,
    from: SocketAddr,
    to: SocketAddr,
    /// SYN, ACK, FIN, RST; sequence number; what is acknowledged. None of UDP.
    tcp: Option<([bool; 4], u32, u32)>,
    payload: Vec<u8>,
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[..4].try_into().unwrap())
}

/// The packets of a capture, each looked at by a parser of somebody else's, checksums too.
fn packets(file: &[u8]) -> Vec<Seen> {
    let mut rest = file;
    let (mut kinds, mut packets) = (Vec::new(), Vec::new());
    while !rest.is_empty() {
        let (kind, length) = (number(rest), number(&rest[4..]) as usize);
        assert_eq!(length % 4, 0);
        assert_eq!(number(&rest[length - 4..]) as usize, length);
        kinds.push(kind);
        if kind == 6 {
            packets.push(packet(&rest[8..length - 4]));
        }
        rest = &rest[length..];
    }
    assert_eq!(kinds[..2], [0x0A0D_0D0A, 1]);
    assert!(kinds[2..].iter().all(|kind| *kind == 6), "{kinds:?}");
    packets
}

fn packet(body: &[u8]) -> Seen {
    let nanos = u64::from(number(&body[4..])) << 32 | u64::from(number(&body[8..]));
    let (captured, whole) = (number(&body[12..]) as usize, number(&body[16..]) as usize);
    assert_eq!((number(body), captured), (0, whole));
    let mut options = &body[20 + captured.next_multiple_of(4)..];
    let mut comment = None;
    while number(options) != 0 {
        let (code, length) = (number(options) & 0xffff, (number(options) >> 16) as usize);
        if code == 1 {
            comment = Some(String::from_utf8(options[4..4 + length].to_vec()).unwrap());
        }
        options = &options[4 + length.next_multiple_of(4)..];
    }
    let sliced = SlicedPacket::from_ip(&body[20..20 + captured]).unwrap();
    let (from, to): (IpAddr, IpAddr) = match sliced.net.as_ref().unwrap() {
        NetSlice::Ipv4(ip) => {
            let header = ip.header().to_header();
            assert_eq!(header.header_checksum, header.calc_header_checksum());
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        NetSlice::Ipv6(ip) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        NetSlice::Arp(_) => unreachable!(),
    };
    let (from_port, to_port, tcp, payload) = match sliced.transport.as_ref().unwrap() {
        TransportSlice::Tcp(tcp) => {
            assert_eq!(tcp.checksum(), tcp_checksum(tcp, from, to));
            let flags = [tcp.syn(), tcp.ack(), tcp.fin(), tcp.rst()];
            let numbers = (flags, tcp.sequence_number(), tcp.acknowledgment_number());
            (tcp.source_port(), tcp.destination_port(), Some(numbers), tcp.payload())
        }
        TransportSlice::Udp(udp) => {
            let header = udp.to_header();
            let expected = match (from, to) {
                (IpAddr::V4(from), IpAddr::V4(to)) => {
                    header.calc_checksum_ipv4_raw(from.octets(), to.octets(), udp.payload())
                }
                (IpAddr::V6(from), IpAddr::V6(to)) => {
                    header.calc_checksum_ipv6_raw(from.octets(), to.octets(), udp.payload())
                }
                _ => unreachable!(),
            };
            assert_eq!(udp.checksum(), expected.unwrap());
            (udp.source_port(), udp.destination_port(), None, udp.payload())
        }
        TransportSlice::Icmpv4(_) | TransportSlice::Icmpv6(_) | TransportSlice::Igmp(_) => unreachable!(),
    };
    Seen {
        at: SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos),
        comment,
        from: SocketAddr::new(from, from_port),
        to: SocketAddr::new(to, to_port),
        tcp,
        payload: payload.to_vec(),
    }
}

fn tcp_checksum(tcp: &TcpSlice<'_>, from: IpAddr, to: IpAddr) -> u16 {
    let (header, payload) = (tcp.to_header(), tcp.payload());
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            header.calc_checksum_ipv4_raw(from.octets(), to.octets(), payload).unwrap()
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            header.calc_checksum_ipv6_raw(from.octets(), to.octets(), payload).unwrap()
        }
        _ => unreachable!(),
    }
}

/// A capture of these events, a millisecond apart.
fn captured(mut capture: Capture, events: &[Event]) -> Vec<Seen> {
    let mut file = Capture::head();
    for (count, event) in events.iter().enumerate() {
        capture.record(moment(count), event.passed(), &mut file);
    }
    packets(&file)
}

fn moment(count: usize) -> SystemTime {
    SystemTime::UNIX_EPOCH + WALL + Duration::from_nanos(1_000_001) * u32::try_from(count).unwrap()
}

#[derive(Clone, Debug)]
enum Event {
    Opened,
    Bytes(Way, Vec<u8>),
    Finished(Way),
    Gone(Way),
}

impl Event {
    fn passed(&self) -> Passed<'_> {
        match self {
            Event::Opened => Passed::Opened,
            Event::Bytes(way, bytes) => Passed::Bytes(*way, bytes),
            Event::Finished(way) => Passed::Finished(*way),
            Event::Gone(way) => Passed::Gone(*way),
        }
    }
}

fn called(local: &End, peer: &End) -> CapturedEnds {
    CapturedEnds::new(local, peer, true, 7)
}

#[test]
fn a_call_is_a_connection_from_its_opening_to_its_last_acknowledgment() {
    let ends = called(&ip("192.0.2.1:80"), &ip("198.51.100.7:4000"));
    let events = [
        Event::Opened,
        Event::Bytes(Way::In, b"hello".to_vec()),
        Event::Bytes(Way::Out, b"good day".to_vec()),
        Event::Finished(Way::In),
        Event::Bytes(Way::Out, b"bye".to_vec()),
        Event::Finished(Way::Out),
        Event::Gone(Way::Out),
    ];
    let seen = captured(Capture::of_stream(ends, "call 7".to_owned()), &events);
    let lines: Vec<String> = seen
        .iter()
        .map(|seen| {
            let ([syn, ack, fin, rst], sequence, acknowledged) = seen.tcp.unwrap();
            let flags: String = [(syn, 'S'), (ack, 'A'), (fin, 'F'), (rst, 'R')]
                .into_iter()
                .filter_map(|(is_set, flag)| is_set.then_some(flag))
                .collect();
            let text = String::from_utf8_lossy(&seen.payload);
            format!("{} {flags} {sequence} {acknowledged} {text}", seen.from.port())
        })
        .collect();
    let expected = [
        "4000 S 0 0 ",
        "80 SA 0 1 ",
        "4000 A 1 1 ",
        "4000 A 1 1 hello",
        "80 A 1 6 good day",
        "4000 AF 6 9 ",
        "80 A 9 7 ",
        "80 A 9 7 bye",
        "80 AF 12 7 ",
        "4000 A 7 13 ",
    ];
    assert_eq!(lines, expected);
    assert_eq!(seen[0].comment.as_deref(), Some("call 7"));
    assert!(seen[1..].iter().all(|seen| seen.comment.is_none()));
    assert_eq!((seen[0].at, seen[9].at), (moment(0), moment(5)));
    assert_eq!(seen[0].from, "198.51.100.7:4000".parse().unwrap());
    assert_eq!(seen[0].to, "192.0.2.1:80".parse().unwrap());
}

#[test]
fn who_breaks_a_call_off_is_who_resets_it() {
    for (way, port) in [(Way::In, 4000), (Way::Out, 80)] {
        let ends = called(&ip("[2001:db8::1]:80"), &ip("[2001:db8::2]:4000"));
        let events = [Event::Opened, Event::Finished(Way::In), Event::Gone(way)];
        let seen = captured(Capture::of_stream(ends, String::new()), &events);
        let last = seen.last().unwrap();
        assert_eq!((last.from.port(), last.tcp.unwrap().0[3]), (port, true));
    }
    let ends = called(&ip("192.0.2.1:80"), &ip("198.51.100.7:4000"));
    assert!(captured(Capture::of_stream(ends, String::new()), &[Event::Gone(Way::In)]).is_empty());
}

#[test]
fn messages_are_datagrams_each_whole_and_the_longest_is_cut_and_says_so() {
    for (local, peer) in [("192.0.2.1:80", "198.51.100.7:4000"), ("[2001:db8::1]:80", "[2001:db8::2]:4000")] {
        let events = [
            Event::Opened,
            Event::Bytes(Way::In, b"hello".to_vec()),
            Event::Bytes(Way::Out, Vec::new()),
            Event::Bytes(Way::Out, vec![1; 70_000]),
            Event::Finished(Way::In),
            Event::Gone(Way::Out),
        ];
        let ends = called(&ip(local), &ip(peer));
        let seen = captured(Capture::of_messages(ends, "call 7".to_owned()), &events);
        let lengths: Vec<usize> = seen.iter().map(|seen| seen.payload.len()).collect();
        assert_eq!(lengths, [5, 0, 65_507]);
        assert!(seen.iter().all(|seen| seen.tcp.is_none()));
        assert_eq!(seen[2].comment.as_deref(), Some("the first 65507 of 70000 bytes"));
        assert_eq!(seen[0].from, peer.parse().unwrap());
    }
}

#[test]
fn ends_without_ip_get_addresses_that_are_the_same_every_time_and_of_each_call_its_own() {
    let first = |local: &End, peer: &End, is_called, call| {
        let ends = CapturedEnds::new(local, peer, is_called, call);
        let seen = captured(Capture::of_stream(ends, String::new()), &[Event::Opened]);
        (seen[0].from.to_string(), seen[0].to.to_string())
    };
    let (caller, listener) = first(&path(), &UNNAMED, true, 1);
    assert_eq!(first(&path(), &UNNAMED, true, 1), (caller.clone(), listener.clone()));
    // The same path, dialled: it is the one who is called.
    assert_eq!(first(&UNNAMED, &path(), false, 1), (caller.clone(), listener.clone()));
    assert!(caller.starts_with("198.18.") && listener.starts_with("198.19."), "{caller} {listener}");
    let mut callers: Vec<String> = (1..=70_000).map(|call| first(&path(), &UNNAMED, true, call).0).collect();
    callers.sort();
    callers.dedup();
    assert_eq!(callers.len(), 70_000);
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![Just(Way::In), Just(Way::Out)]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (way(), vec(any::<u8>(), 0..100)).prop_map(|(way, bytes)| Event::Bytes(way, bytes)),
        2 => (way(), 0..200_000_usize).prop_map(|(way, length)| Event::Bytes(way, vec![0x5a; length])),
        1 => way().prop_map(Event::Finished),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// As a reader of the capture sees it: numbers follow on each other, nothing is acknowledged that was not sent, no
    /// window is ever full, and the bytes of each direction are those that passed before its end.
    #[test]
    fn what_a_reader_puts_together_is_what_passed(events in vec(event(), 0..30), is_called: bool, gone in way()) {
        let ends = CapturedEnds::new(&ip("192.0.2.1:80"), &ip("198.51.100.7:4000"), is_called, 1);
        let (mut passed, mut finished) = ([Vec::<u8>::new(), Vec::new()], [false; 2]);
        for event in &events {
            match event {
                Event::Bytes(way, bytes) if !finished[*way as usize] => passed[*way as usize].extend(bytes),
                Event::Finished(way) => finished[*way as usize] = true,
                Event::Opened | Event::Bytes(..) | Event::Gone(_) => {}
            }
        }
        let events = [&[Event::Opened][..], &events, &[Event::Gone(gone)]].concat();
        let seen = captured(Capture::of_stream(ends, String::new()), &events);
        let (mut next, mut acknowledged, mut came) = ([0_u32; 2], [0_u32; 2], [Vec::<u8>::new(), Vec::new()]);
        for packet in &seen {
            let side = usize::from(packet.from.port() == 80);
            let ([syn, ack, fin, _], sequence, acknowledges) = packet.tcp.unwrap();
            prop_assert_eq!(sequence, next[side]);
            prop_assert!(packet.payload.len() <= 16 * 1024);
            next[side] += packet.payload.len() as u32 + u32::from(syn) + u32::from(fin);
            if ack {
                prop_assert!(acknowledges <= next[1 - side] && acknowledges >= acknowledged[1 - side]);
                acknowledged[1 - side] = acknowledges;
            }
            prop_assert!(next[side] - acknowledged[side] <= 65_535);
            came[side].extend(&packet.payload);
        }
        prop_assert!(came == passed);
        let resets = seen.iter().filter(|packet| packet.tcp.unwrap().0[3]).count();
        prop_assert_eq!(resets, usize::from(finished != [true; 2]));
    }

    /// The columns are those of hexdump(1), and only characters that show as themselves get through.
    #[test]
    fn a_hexdump_is_that_of_hexdump_and_inert(pieces in vec((way(), vec(any::<u8>(), 0..70)), 1..6)) {
        let mut dump = Hexdump::new(3, &ip("192.0.2.1:80"));
        let mut page = Vec::new();
        for (way, bytes) in &pieces {
            dump.record(moment(0), Passed::Bytes(*way, bytes), &mut page);
        }
        prop_assert!(page.iter().all(|byte| matches!(byte, b'\n' | b' '..=b'~')));
        let text = String::from_utf8(page).unwrap();
        for (way, sign) in [(Way::In, "3 < "), (Way::Out, "3 > ")] {
            let all: Vec<u8> =
                pieces.iter().filter(|(of, _)| *of == way).flat_map(|(_, bytes)| bytes.clone()).collect();
            let shown: Vec<u8> = text.lines().filter_map(|line| line.strip_prefix(sign)).flat_map(undumped).collect();
            prop_assert!(shown == all);
        }
    }
}

/// The bytes that a line of a hexdump shows.
fn undumped(line: &str) -> Vec<u8> {
    line[8..58].split_whitespace().map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect()
}

#[test]
fn a_hexdump_has_the_lines_of_hexdump() {
    let bytes: Vec<u8> = (0..=255).chain(0..=10).collect();
    let mut page = Vec::new();
    Hexdump::new(1, &ip("192.0.2.1:80")).record(moment(0), Passed::Bytes(Way::In, &bytes), &mut page);
    let ours = String::from_utf8(page).unwrap();
    let command = Command::new("hexdump").arg("-Cv").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut hexdump) = command else { return println!("there is no hexdump(1) here to compare with") };
    hexdump.stdin.take().unwrap().write_all(&bytes).unwrap();
    let theirs = String::from_utf8(hexdump.wait_with_output().unwrap().stdout).unwrap();
    let ours: Vec<&str> = ours.lines().filter_map(|line| line.strip_prefix("1 < ")).collect();
    let mut theirs: Vec<&str> = theirs.lines().collect();
    assert_eq!(theirs.pop(), Some("0000010b")); // its last line is the offset of the end
    assert_eq!(ours, theirs);
}

#[test]
fn of_a_long_piece_a_hexdump_shows_the_beginning_and_says_how_much_it_left_out() {
    let mut page = Vec::new();
    let mut dump = Hexdump::new(1, &UNNAMED);
    dump.record(moment(0), Passed::Bytes(Way::Out, &[b'x'; 100_000]), &mut page);
    dump.record(moment(0), Passed::Bytes(Way::Out, b"y"), &mut page);
    let text = String::from_utf8(page).unwrap();
    assert!(text.starts_with("call 1 > unix:(unnamed), 00:00:00.000000: 100000 bytes\n"), "{text}");
    assert!(text.contains("\n1 > 00001000  and 95904 bytes more\n"), "{text}");
    assert!(
        text.ends_with("\n1 > 000186a0  79                                                |y|\n"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1 + 256 + 1 + 2);
}

/// Keeps what it is given, as long as it may.
#[derive(Clone, Default)]
struct Memory {
    pages: Arc<Mutex<Vec<u8>>>,
    is_full: bool,
}

const FULL: CallFailed = CallFailed { call: "write(2)", errno: 28 };

impl Sink for Memory {
    fn keep(&self, page: &[u8]) -> Result<(), Unrecorded> {
        if self.is_full {
            return Err(Unrecorded { file: "x".to_owned(), failed: FULL });
        }
        self.pages.lock().unwrap().extend(page);
        Ok(())
    }
}

fn tap(shape: Shape, sinks: [&Memory; 2]) -> Vec<Box<dyn Layer>> {
    let [came, went] = sinks.map(|sink| Box::new(sink.clone()) as Box<dyn Sink>);
    vec![Box::new(Tap::new(shape, vec![(Box::new(Raw(Way::In)), came), (Box::new(Raw(Way::Out)), went)]))]
}

#[test]
fn a_tap_passes_everything_on_and_each_direction_is_kept_byte_for_byte() {
    let (came, went) = (Memory::default(), Memory::default());
    let mut side = Side::open(tap(Shape::Stream, [&came, &went]));
    side.receive(b"hel");
    side.receive(b"lo");
    side.hear(|stack, now, above| stack.send(now, b"good day", above));
    assert_eq!(side.stack.outgoing(), b"good day");
    side.hear(layers::Stack::finish);
    side.hear(layers::Stack::below_finished);
    assert_eq!((side.bytes.as_slice(), side.finished, side.opened), (&b"hello"[..], 1, 1));
    assert!(side.stack.outgoing() == b"good day" && side.told.is_empty());
    assert_eq!(*came.pages.lock().unwrap(), b"hello");
    assert_eq!(*went.pages.lock().unwrap(), b"good day");
}

#[test]
fn what_cannot_be_kept_is_told_and_passes_all_the_same() {
    let (came, full) = (Memory::default(), Memory { is_full: true, ..Memory::default() });
    let mut side = Side::open(tap(Shape::Stream, [&came, &full]));
    side.receive(b"hello");
    side.hear(|stack, now, above| stack.send(now, b"good day", above));
    assert_eq!((side.bytes.as_slice(), side.stack.outgoing()), (&b"hello"[..], &b"good day"[..]));
    assert_eq!(side.told, [Told::Unrecorded(Unrecorded { file: "x".to_owned(), failed: FULL })]);
    assert_eq!(*came.pages.lock().unwrap(), b"hello");
}
