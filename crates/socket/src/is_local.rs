//! Whether an IP address is one of this host's.
//!
//! bind(2) tells: it takes no other host's address, `EADDRNOTAVAIL`. Three system calls; the address needs no
//! list of interfaces, which may change at any time.

use std::net::SocketAddr;

use address::{End, Transport};

use crate::born::{Birth, Family};
use crate::call;

/// Whether `address`, whatever its port, is this host's own. Where that cannot be found out, for want of
/// descriptors, it is taken for one.
#[must_use]
pub fn is_local(mut address: SocketAddr) -> bool {
    address.set_port(0);
    let birth = Birth { family: Family::of(&address), transport: Transport::Udp, multipath: false };
    let end = End::Ip { transport: Transport::Udp, address };
    match call::socket(birth).and_then(|socket| call::bind(&socket, &end)) {
        Ok(()) => true,
        Err(error) => error.raw_os_error() != Some(libc::EADDRNOTAVAIL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_ours_and_the_addresses_of_documents_are_nobody_s() {
        assert!(is_local("127.0.0.2:7".parse().unwrap()));
        assert!(is_local("[::1]:7".parse().unwrap()));
        assert!(!is_local("192.0.2.7:7".parse().unwrap()));
        assert!(!is_local("[2001:db8::7]:7".parse().unwrap()));
    }
}
