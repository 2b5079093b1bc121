//! How the network is to a TCP call: `TCP_INFO`, tcp(7).
//!
//! The kernel's `struct tcp_info` grows at its end; a kernel that answers less than what is read here is not
//! understood. Times are in microseconds there, the congestion window in segments.

use std::io;
use std::mem::offset_of;
use std::os::fd::AsFd;
use std::time::Duration;

/// What the kernel measured on a TCP call up to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TcpInfo {
    /// Smoothed round-trip time, RFC 6298; zero before the first measurement.
    pub round_trip: Duration,
    /// How much single round trips differ from that.
    pub round_trip_variation: Duration,
    /// Segments that were sent again, since the call began.
    pub retransmits: u32,
    /// Congestion window in segments of `segment_bytes`, RFC 5681.
    pub congestion_window: u32,
    /// The longest segment that is sent (MSS), in bytes.
    pub segment_bytes: u32,
}

impl TcpInfo {
    /// Asks the kernel. `fd` is a TCP socket in any state, also after both sides have finished.
    ///
    /// # Errors
    ///
    /// What getsockopt(2) says; [`io::ErrorKind::InvalidData`] if the answer is too short.
    pub fn of(fd: impl AsFd) -> io::Result<TcpInfo> {
        let mut answer = [0; size_of::<libc::tcp_info>()];
        let length = crate::call::get_option_bytes(fd, libc::IPPROTO_TCP, libc::TCP_INFO, &mut answer)?;
        let number = |offset: usize| {
            let field = answer[..length].get(offset..).and_then(|rest| rest.first_chunk());
            field.map(|bytes| u32::from_ne_bytes(*bytes)).ok_or(io::ErrorKind::InvalidData)
        };
        let time = |offset| number(offset).map(|micros| Duration::from_micros(micros.into()));
        Ok(TcpInfo {
            round_trip: time(offset_of!(libc::tcp_info, tcpi_rtt))?,
            round_trip_variation: time(offset_of!(libc::tcp_info, tcpi_rttvar))?,
            retransmits: number(offset_of!(libc::tcp_info, tcpi_total_retrans))?,
            congestion_window: number(offset_of!(libc::tcp_info, tcpi_snd_cwnd))?,
            segment_bytes: number(offset_of!(libc::tcp_info, tcpi_snd_mss))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener, TcpStream};

    #[test]
    fn a_call_that_both_sides_have_finished_still_tells_its_round_trip_time_and_window() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut caller = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut answered, _) = listener.accept().unwrap();
        caller.write_all(b"hello").unwrap();
        caller.shutdown(Shutdown::Write).unwrap();
        answered.read_to_end(&mut Vec::new()).unwrap();
        answered.shutdown(Shutdown::Write).unwrap();
        caller.read_to_end(&mut Vec::new()).unwrap();
        let info = TcpInfo::of(&caller).unwrap();
        assert!(info.round_trip > Duration::ZERO && info.round_trip < Duration::from_secs(60), "{info:?}");
        assert!(info.congestion_window > 0 && info.segment_bytes > 0, "{info:?}");
        assert_eq!(info.retransmits, 0);
    }

    #[test]
    fn what_is_no_tcp_socket_has_none() {
        let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        assert_eq!(TcpInfo::of(&one).unwrap_err().raw_os_error(), Some(libc::EOPNOTSUPP));
    }
}
