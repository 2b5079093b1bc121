//! What a program is told of the call that it was started for, by its environment.
//!
//! The names are those of UCSPI, <https://cr.yp.to/proto/ucspi.txt> (`PROTO`, `TCPREMOTEIP`), of CGI (`REMOTE_ADDR`, RFC
//! 3875 section 4.1.8), and two of our own that hold addresses as we write them. Protected: a name that has no value
//! here is taken out, so that no program sees the value of another call, which we may have been started for ourselves.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use conversation::{Call, End, Transport};
use socket::{Credentials, Environment};

/// Every name that says something of a call, here or elsewhere.
const NAMES: &[&str] = &[
    "PROTO",
    "REMOTE_ADDR",
    "REMOTE_HOST",
    "REMOTE_PORT",
    "SWB_LOCAL",
    "SWB_PEER",
    "TCPLOCALHOST",
    "TCPLOCALIP",
    "TCPLOCALPORT",
    "TCPREMOTEHOST",
    "TCPREMOTEINFO",
    "TCPREMOTEIP",
    "TCPREMOTEPORT",
    "UDPLOCALIP",
    "UDPLOCALPORT",
    "UDPREMOTEIP",
    "UDPREMOTEPORT",
    "UNIXLOCALPATH",
    "UNIXREMOTEEGID",
    "UNIXREMOTEEUID",
    "UNIXREMOTEPID",
];

/// The names of an Internet transport's ends: local address and port, remote address and port.
const TCP: [&str; 4] = ["TCPLOCALIP", "TCPLOCALPORT", "TCPREMOTEIP", "TCPREMOTEPORT"];
const UDP: [&str; 4] = ["UDPLOCALIP", "UDPLOCALPORT", "UDPREMOTEIP", "UDPREMOTEPORT"];

/// The variables that tell of this call. `credentials` are those of a caller at a Unix socket.
pub(crate) fn of(call: &Call, credentials: Option<Credentials>) -> Environment {
    let mut variables: Environment = NAMES.iter().map(|name| (*name, None)).collect();
    let mut set = |name: &str, value: OsString| {
        if let Some((_, place)) = variables.iter_mut().find(|(known, _)| *known == name) {
            *place = Some(value);
        }
    };
    set("SWB_PEER", call.peer.to_string().into());
    set("SWB_LOCAL", call.local.to_string().into());
    let transport = call.local.transport();
    if transport.is_unix() {
        set("PROTO", "UNIX".into());
        if let End::Path { path, .. } = &call.local {
            set("UNIXLOCALPATH", OsString::from_vec(path.to_vec()));
        }
        if let Some(Credentials { process, user, group }) = credentials {
            set("UNIXREMOTEEUID", user.to_string().into());
            set("UNIXREMOTEEGID", group.to_string().into());
            if let Some(process) = process {
                set("UNIXREMOTEPID", process.to_string().into());
            }
        }
    }
    if let (Some(local), Some(peer)) = (call.local.ip(), call.peer.ip()) {
        let (protocol, names) = if transport == Transport::Udp { ("UDP", UDP) } else { ("TCP", TCP) };
        let (address, port) = (peer.ip().to_string(), peer.port().to_string());
        set("PROTO", protocol.into());
        set("REMOTE_ADDR", address.clone().into());
        set("REMOTE_HOST", address.clone().into());
        set("REMOTE_PORT", port.clone().into());
        let values = [local.ip().to_string(), local.port().to_string(), address, port];
        names.iter().zip(values).for_each(|(name, value)| set(name, value.into()));
    }
    variables
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use conversation::Shape;

    use super::*;

    fn told(local: End, peer: End, credentials: Option<Credentials>) -> Vec<String> {
        let call = Call { number: 1, shape: Shape::Stream, local, peer, opened: SystemTime::UNIX_EPOCH };
        let told = of(&call, credentials);
        assert_eq!(told.len(), NAMES.len());
        let set = told.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?.to_str()?)));
        set.collect()
    }

    #[test]
    fn a_caller_over_ip_is_told_by_address_and_port_ipv4_never_wrapped() {
        let end = |transport, text: &str| End::Ip { transport, address: text.parse().unwrap() };
        let tcp = told(
            end(Transport::Tcp, "[::ffff:192.0.2.1]:7"),
            end(Transport::Tcp, "[::ffff:198.51.100.7]:4000"),
            None,
        );
        let wanted = "PROTO=TCP REMOTE_ADDR=198.51.100.7 REMOTE_HOST=198.51.100.7 REMOTE_PORT=4000 \
                      SWB_LOCAL=tcp://192.0.2.1:7 SWB_PEER=tcp://198.51.100.7:4000 TCPLOCALIP=192.0.2.1 \
                      TCPLOCALPORT=7 TCPREMOTEIP=198.51.100.7 TCPREMOTEPORT=4000";
        assert_eq!(tcp.join(" "), wanted);
        let udp = told(end(Transport::Udp, "[::1]:7"), end(Transport::Udp, "[2001:db8::1]:9"), None);
        assert!(udp.contains(&"PROTO=UDP".to_owned()) && udp.contains(&"UDPREMOTEIP=2001:db8::1".to_owned()));
    }

    #[test]
    fn a_caller_at_a_unix_socket_is_told_by_what_the_kernel_vouches() {
        let local = End::Path { transport: Transport::Unix, path: b"/run/a b".as_slice().into() };
        let who = Credentials { process: Some(12), user: 1000, group: 100 };
        let unix = told(local, End::Unnamed(Transport::Unix), Some(who));
        let wanted = "PROTO=UNIX SWB_LOCAL=unix:/run/a%20b SWB_PEER=unix:(unnamed) UNIXLOCALPATH=/run/a b \
                      UNIXREMOTEEGID=100 UNIXREMOTEEUID=1000 UNIXREMOTEPID=12";
        assert_eq!(unix.join(" "), wanted);
    }
}
