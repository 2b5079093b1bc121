//! setsockopt(2) and getsockopt(2) by level and name, and the length of the send queue.
//!
//! rustix has a function an option; a table of options needs them as data. Values go as an `int` or as bytes,
//! and the length that the kernel is told is always the length of the buffer.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd};

/// Sets an option whose value is a C `int`.
///
/// # Errors
///
/// What setsockopt(2) says: `ENOPROTOOPT` for an option that this kind of socket has not, `EINVAL`, `EPERM`…
pub fn set_int(fd: impl AsFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    set_bytes(fd, level, name, &value.to_ne_bytes())
}

/// Reads an option whose value is a C `int`. One that the kernel keeps in a single byte is widened.
///
/// # Errors
///
/// What getsockopt(2) says; [`io::ErrorKind::InvalidData`] if the value is neither 1 nor 4 bytes long.
pub fn get_int(fd: impl AsFd, level: i32, name: i32) -> io::Result<i32> {
    let mut value = [0; size_of::<i32>()];
    match get_bytes(fd, level, name, &mut value)? {
        4 => Ok(i32::from_ne_bytes(value)),
        1 => Ok(i32::from(value[0])),
        length => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("getsockopt(2) answered {length} bytes where an int is 4"),
        )),
    }
}

/// Sets an option from the bytes of its value (a C structure or a name) as the kernel is to see them.
///
/// # Errors
///
/// As [`set_int`].
pub fn set_bytes(fd: impl AsFd, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
    let length = socket_length(value.len())?;
    let fd = fd.as_fd().as_raw_fd();
    // SAFETY: the kernel reads `length` bytes from `value`, which are there.
    let answer = unsafe { libc::setsockopt(fd, level, name, value.as_ptr().cast(), length) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Reads an option's value into `value`; answers how many bytes of it are the value.
///
/// # Errors
///
/// What getsockopt(2) says.
pub fn get_bytes(fd: impl AsFd, level: i32, name: i32, value: &mut [u8]) -> io::Result<usize> {
    let mut length = socket_length(value.len())?;
    let fd = fd.as_fd().as_raw_fd();
    // SAFETY: the kernel writes at most `length` bytes to `value`, which are there, and the written length
    // to `length`.
    let answer = unsafe { libc::getsockopt(fd, level, name, value.as_mut_ptr().cast(), &raw mut length) };
    if answer == 0 {
        // A few options answer the length they would have needed.
        Ok(usize::try_from(length).unwrap_or(usize::MAX).min(value.len()))
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Bytes in the send queue of a socket (`SIOCOUTQ`, tcp(7)): not sent yet, or not acknowledged.
///
/// # Errors
///
/// What ioctl(2) says: `ENOTTY` for what is no socket.
pub fn send_queue(fd: impl AsFd) -> io::Result<u32> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: SIOCOUTQ, which has the number of TIOCOUTQ, writes one C `int` to `bytes`.
    let answer = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if answer == 0 { Ok(u32::try_from(bytes).unwrap_or(0)) } else { Err(io::Error::last_os_error()) }
}

fn socket_length(length: usize) -> io::Result<libc::socklen_t> {
    libc::socklen_t::try_from(length).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_number_that_is_set_is_read_back() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        set_int(&socket, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, 77).unwrap();
        assert_eq!(get_int(&socket, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE).unwrap(), 77);
    }

    #[test]
    fn a_name_that_is_set_is_read_back_with_its_length() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        set_bytes(&socket, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, b"lo").unwrap();
        let mut name = [0; 16];
        let length = get_bytes(&socket, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, &mut name).unwrap();
        assert_eq!(&name[..length], b"lo\0");
    }

    #[test]
    fn a_value_that_does_not_fit_is_cut_at_the_buffer() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut short = [0; 8];
        let length = get_bytes(&socket, libc::IPPROTO_TCP, libc::TCP_INFO, &mut short).unwrap();
        assert_eq!(length, 8);
    }

    #[test]
    fn an_option_that_the_socket_has_not_is_refused() {
        let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let error = set_int(&one, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EOPNOTSUPP));
    }
}
