//! The kernel's names of the options that are set or read here: a table.
//!
//! socket(7), ip(7), ipv6(7), tcp(7), udp(7).

use crate::membership::IPV6_MULTICAST_ALL;
use crate::option_rule::SO_BUSY_POLL;

macro_rules! names {
    ($level:ident: $($name:ident)* $(; $ours:ident)?) => {
        (libc::$level, stringify!($level), &[$((libc::$name, stringify!($name)),)* $(($ours, stringify!($ours)))?])
    };
}

/// A level, its name, and the options on it that have one here.
type Level = (i32, &'static str, &'static [(i32, &'static str)]);

#[rustfmt::skip]
const LEVELS: &[Level] = &[
    names!(SOL_SOCKET: SO_ACCEPTCONN SO_BINDTODEVICE SO_BROADCAST SO_DOMAIN SO_DONTROUTE SO_ERROR SO_KEEPALIVE SO_LINGER SO_MARK
        SO_OOBINLINE SO_PASSCRED SO_PEERCRED SO_PEERNAME SO_PRIORITY SO_RCVBUF SO_REUSEADDR SO_REUSEPORT SO_SNDBUF SO_SNDTIMEO SO_TYPE; SO_BUSY_POLL),
    names!(IPPROTO_TCP: TCP_CONGESTION TCP_DEFER_ACCEPT TCP_FASTOPEN TCP_FASTOPEN_CONNECT TCP_INFO TCP_KEEPCNT TCP_KEEPIDLE
        TCP_KEEPINTVL TCP_MAXSEG TCP_NODELAY TCP_NOTSENT_LOWAT TCP_QUICKACK TCP_USER_TIMEOUT),
    names!(SOL_UDP: UDP_GRO),
    names!(IPPROTO_IP: IP_ADD_MEMBERSHIP IP_BIND_ADDRESS_NO_PORT IP_FREEBIND IP_MTU_DISCOVER IP_MULTICAST_ALL IP_MULTICAST_IF IP_MULTICAST_LOOP
        IP_MULTICAST_TTL IP_PKTINFO IP_RECVERR IP_TOS IP_TRANSPARENT IP_TTL MCAST_JOIN_SOURCE_GROUP),
    names!(IPPROTO_IPV6: IPV6_ADD_MEMBERSHIP IPV6_FREEBIND IPV6_MTU_DISCOVER IPV6_MULTICAST_HOPS IPV6_MULTICAST_IF
        IPV6_MULTICAST_LOOP IPV6_RECVERR IPV6_RECVPKTINFO IPV6_TCLASS IPV6_TRANSPARENT IPV6_UNICAST_HOPS IPV6_V6ONLY
        MCAST_JOIN_SOURCE_GROUP; IPV6_MULTICAST_ALL),
];

/// `SOL_SOCKET, SO_REUSEADDR`.
pub(super) fn option_name(level: i32, name: i32) -> String {
    let found = LEVELS.iter().find(|(number, ..)| *number == level).and_then(|(_, level, names)| {
        names.iter().find(|(number, _)| *number == name).map(|(_, name)| format!("{level}, {name}"))
    });
    found.unwrap_or_else(|| format!("level {level}, option {name}"))
}

#[cfg(test)]
mod tests {
    use address::{OPTIONS, OptionKey};

    use super::*;
    use crate::option_rule::{How, rule};

    #[test]
    fn every_option_of_an_address_has_its_kernel_name_here() {
        let keys = OPTIONS.iter().map(|row| row.key);
        let names = |key: OptionKey| match rule(key).how {
            How::Number { level, name, .. } | How::Text { level, name } => vec![(level, name)],
            How::Ip { v4, v6 } => vec![(libc::IPPROTO_IP, v4), (libc::IPPROTO_IPV6, v6)],
            How::Buffer { name } => vec![(libc::SOL_SOCKET, name)],
            How::Keepalive
            | How::Linger
            | How::DontFragment
            | How::FastOpen
            | How::MulticastInterface
            | How::Join
            | How::Elsewhere => Vec::new(),
        };
        for (level, name) in keys.flat_map(names) {
            let shown = option_name(level, name);
            assert!(!shown.starts_with("level"), "{shown}");
        }
    }
}
