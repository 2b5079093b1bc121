//! The addresses of a captured call: those of its socket, or invented ones where that has none in IP.
//!
//! Invented are addresses of the block for tests between networks, 198.18.0.0/15 (RFC 2544, RFC 6890), which no host of the
//! Internet has: who called is in 198.18.0.0/16, by the number of its call, so that no two calls of a run share a
//! flow; who was called in 198.19.0.0/16, by what its address says, so that it is the same in every capture.

use std::net::{Ipv4Addr, SocketAddr};

use conversation::{End, Way};

/// Ports below are those of services.
const PORT_MIN: u16 = 1_024;

/// The two ends of a captured call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedEnds {
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
    is_called: bool,
}

impl CapturedEnds {
    /// The ends of a call: ours, the peer's, whether we were called, and the number of the call.
    #[must_use]
    pub fn new(local: &End, peer: &End, is_called: bool, call: u64) -> CapturedEnds {
        if let (Some(local), Some(peer)) = (local.ip(), peer.ip())
            && local.is_ipv4() == peer.is_ipv4()
        {
            return CapturedEnds { local, peer, is_called };
        }
        let (caller, called) = (invented_caller(call), invented_called(if is_called { local } else { peer }));
        let (local, peer) = if is_called { (called, caller) } else { (caller, called) };
        CapturedEnds { local, peer, is_called }
    }

    /// Which way the first packet goes.
    pub(super) fn opener(&self) -> Way {
        if self.is_called { Way::In } else { Way::Out }
    }
}

fn invented_caller(call: u64) -> SocketAddr {
    let ports = u64::from(u16::MAX - PORT_MIN) + 1;
    // Both remainders fit: of ports, and of hosts.
    let (port, host) = (PORT_MIN + (call % ports) as u16, (call / ports) as u16);
    let [high, low] = host.to_be_bytes();
    SocketAddr::from((Ipv4Addr::new(198, 18, high, low), port))
}

fn invented_called(end: &End) -> SocketAddr {
    // FNV-1a: the same in every build, which std's hashers do not promise.
    let hash = end.to_string().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let [high, low, ..] = hash.to_be_bytes();
    let port = PORT_MIN + (hash % u64::from(u16::MAX - PORT_MIN)) as u16;
    SocketAddr::from((Ipv4Addr::new(198, 19, high, low), port))
}
