//! A capture: what passes at a tap, written as packets in pcapng, which Wireshark and tshark open.
//!
//! draft-ietf-opsawg-pcapng; RFC 9293, RFC 768, RFC 791, RFC 8200. A byte stream becomes a TCP connection, with its
//! opening, its acknowledgments and its FINs or the RST that cut it; messages become datagrams of UDP. There was no such
//! packet on any wire: the bytes are those at the tap, the addresses those of the socket, and where that has none in
//! IP, [invented ones](CapturedEnds).
//!
//! Protected: each page is whole blocks, so that pages of many calls can stand behind each other in one file; what a
//! reader puts together again of a stream is byte for byte what passed, and each message too but for the end of one that
//! no datagram holds, which its comment says. Bounds: 16 KiB a segment, 65,507 bytes of a message; a window is never
//! full, since every 32 KiB are acknowledged.

mod block;
mod ends;
mod packet;

use std::time::SystemTime;

use conversation::Way;

use crate::{Passed, Recorder};

pub use ends::CapturedEnds;

use block::PacketBlock;
use packet::{Flags, Packet, UDP_PAYLOAD_BYTES_MAX};

/// Bytes of a stream in one packet.
const SEGMENT_BYTES: usize = 16 * 1024;

/// Bytes after which the receiver acknowledges: half a window.
const ACKNOWLEDGED_BYTES: u32 = 32 * 1024;

/// One call's part of a capture.
#[derive(Debug)]
pub struct Capture {
    ends: CapturedEnds,
    /// What the first packet is commented with, until it is written.
    comment: String,
    /// Sequence numbers of a byte stream: of the peer's side and of ours.
    streams: Option<[Side; 2]>,
}

/// One sending side of a connection.
#[derive(Clone, Copy, Debug, Default)]
struct Side {
    /// The next sequence number.
    next: u32,
    /// Bytes that the other side has not acknowledged.
    unacknowledged: u32,
    has_finished: bool,
}

impl Capture {
    /// What a file begins with.
    #[must_use]
    pub fn head() -> Vec<u8> {
        block::head()
    }

    /// A call whose byte stream is captured. `comment` stands with its first packet.
    #[must_use]
    pub fn of_stream(ends: CapturedEnds, comment: String) -> Capture {
        Capture { ends, comment, streams: Some(Default::default()) }
    }

    /// A call whose messages are captured.
    #[must_use]
    pub fn of_messages(ends: CapturedEnds, comment: String) -> Capture {
        Capture { ends, comment, streams: None }
    }

    fn write(&mut self, at: SystemTime, packet: &Packet<'_>, page: &mut Vec<u8>) {
        let comment = std::mem::take(&mut self.comment);
        let block = PacketBlock { at, way: packet.way, comment: &comment };
        block.write(page, |page| packet.write(&self.ends, page));
    }

    /// One packet of a connection. It acknowledges all that came the other way.
    fn segment(&mut self, at: SystemTime, way: Way, flags: Flags, payload: &[u8], page: &mut Vec<u8>) {
        let Some(streams) = &mut self.streams else { return };
        let acknowledges = streams[of_peer(way)].next;
        streams[of_peer(way)].unacknowledged = 0;
        let side = &mut streams[index(way)];
        let sequence = side.next;
        // A segment is bounded.
        let length = payload.len() as u32;
        let takes = length + u32::from(flags.takes_a_number());
        side.next = side.next.wrapping_add(takes);
        side.unacknowledged += length;
        let packet = Packet { way, stream: Some((flags, sequence, acknowledges)), payload };
        self.write(at, &packet, page);
    }

    fn bytes(&mut self, at: SystemTime, way: Way, bytes: &[u8], page: &mut Vec<u8>) {
        let Some(streams) = &self.streams else {
            let payload = &bytes[..bytes.len().min(UDP_PAYLOAD_BYTES_MAX)];
            if payload.len() < bytes.len() {
                self.comment = format!("the first {} of {} bytes", payload.len(), bytes.len());
            }
            return self.write(at, &Packet { way, stream: None, payload }, page);
        };
        if streams[index(way)].has_finished {
            return; // nothing passes behind an end
        }
        for payload in bytes.chunks(SEGMENT_BYTES) {
            self.segment(at, way, Flags::Data, payload, page);
            if self.streams.is_some_and(|sides| sides[index(way)].unacknowledged >= ACKNOWLEDGED_BYTES) {
                self.segment(at, other(way), Flags::Acknowledge, b"", page);
            }
        }
    }

    fn finished(&mut self, at: SystemTime, way: Way, page: &mut Vec<u8>) {
        let Some(streams) = &mut self.streams else { return };
        if std::mem::replace(&mut streams[index(way)].has_finished, true) {
            return;
        }
        self.segment(at, way, Flags::Finish, b"", page);
        self.segment(at, other(way), Flags::Acknowledge, b"", page);
    }
}

impl Recorder for Capture {
    fn record(&mut self, at: SystemTime, passed: Passed<'_>, page: &mut Vec<u8>) {
        match passed {
            Passed::Opened => {
                let opener = self.ends.opener();
                self.segment(at, opener, Flags::Open, b"", page);
                self.segment(at, other(opener), Flags::Synchronize, b"", page);
                self.segment(at, opener, Flags::Acknowledge, b"", page);
            }
            Passed::Bytes(way, bytes) => self.bytes(at, way, bytes, page),
            Passed::Finished(way) => self.finished(at, way, page),
            Passed::Gone(way) => {
                let in_order = |sides: [Side; 2]| sides.iter().all(|side| side.has_finished);
                let was_open = |sides: [Side; 2]| sides.iter().all(|side| side.next > 0);
                if self.streams.is_some_and(|sides| !in_order(sides) && was_open(sides)) {
                    self.segment(at, way, Flags::Reset, b"", page);
                }
            }
        }
    }
}

fn index(way: Way) -> usize {
    match way {
        Way::In => 0,
        Way::Out => 1,
    }
}

fn of_peer(way: Way) -> usize {
    index(other(way))
}

fn other(way: Way) -> Way {
    match way {
        Way::In => Way::Out,
        Way::Out => Way::In,
    }
}
