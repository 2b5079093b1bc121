//! Takes ownership of a descriptor that was passed at exec.
//!
//! execve(2) passes exactly the descriptors without `FD_CLOEXEC`; every descriptor that this program opens has
//! the flag from birth. So a descriptor without it was inherited and nobody here owns it yet; taking it
//! sets the flag, and that it can be taken only once follows.

use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Mutex;

/// Between looking at the flag and setting it no other thread may look.
static TAKING: Mutex<()> = Mutex::new(());

/// Takes over the inherited descriptor `number` (`fd:N` in an address), close-on-exec from now on.
///
/// 0, 1 and 2 stay where they are, since the standard library uses them by number: the answer is then a
/// duplicate (`F_DUPFD_CLOEXEC`, fcntl(2)), and they can be taken any number of times.
///
/// # Errors
///
/// `EBADF` if there is no such descriptor; [`io::ErrorKind::ResourceBusy`] if there is one but it was not
/// inherited, or was taken before.
pub fn take_inherited(number: u32) -> io::Result<OwnedFd> {
    let number = i32::try_from(number).map_err(|_| io::Error::from_raw_os_error(libc::EBADF))?;
    if number <= 2 {
        return duplicate(number);
    }
    let _one_at_a_time = TAKING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if descriptor_flags(number)? & libc::FD_CLOEXEC != 0 {
        return Err(not_inherited(number));
    }
    set_close_on_exec(number)?;
    // SAFETY: the descriptor is open (fcntl answered) and nobody owns it: see the head of this file.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Looks at the inherited descriptor `number`, which stays to be taken.
///
/// # Errors
///
/// As [`take_inherited`].
pub fn look_at_inherited<T>(number: u32, look: impl FnOnce(BorrowedFd<'_>) -> T) -> io::Result<T> {
    let number = i32::try_from(number).map_err(|_| io::Error::from_raw_os_error(libc::EBADF))?;
    let _one_at_a_time = TAKING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if descriptor_flags(number)? & libc::FD_CLOEXEC != 0 && number > 2 {
        return Err(not_inherited(number));
    }
    // SAFETY: the descriptor is open (fcntl answered), and nobody takes it meanwhile, let alone closes it.
    Ok(look(unsafe { BorrowedFd::borrow_raw(number) }))
}

/// Keeps all descriptors that this process was started with from programs that it starts: close-on-exec from now on,
/// but for 0, 1 and 2. None of them can be taken by its number after that.
///
/// Where proc(5) is not there, they stay as they are.
pub fn keep_inherited_to_ourselves() {
    let _one_at_a_time = TAKING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let open = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers = open.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    for number in numbers.filter(|number| *number > 2).collect::<Vec<_>>() {
        let _ = set_close_on_exec(number); // the directory's own is closed by now
    }
}

fn not_inherited(number: i32) -> io::Error {
    io::Error::new(
        io::ErrorKind::ResourceBusy,
        format!("descriptor {number} was not inherited, or is in use already: it is close-on-exec"),
    )
}

fn duplicate(number: i32) -> io::Result<OwnedFd> {
    // SAFETY: fcntl(2) with F_DUPFD_CLOEXEC touches no memory, and changes nothing about `number`.
    let copy = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

fn descriptor_flags(number: i32) -> io::Result<i32> {
    // SAFETY: fcntl(2) with F_GETFD touches no memory; a number that is not open gives EBADF.
    let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
    if flags < 0 { Err(io::Error::last_os_error()) } else { Ok(flags) }
}

fn set_close_on_exec(number: i32) -> io::Result<()> {
    // SAFETY: fcntl(2) with F_SETFD touches no memory.
    let answer = unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::FdFlags;
    use std::os::fd::{AsRawFd, IntoRawFd};

    /// A descriptor as exec would have passed it: open, owned by nobody, not close-on-exec.
    fn as_if_inherited() -> u32 {
        let (reader, _writer) = rustix::pipe::pipe().unwrap();
        rustix::io::fcntl_setfd(&reader, FdFlags::empty()).unwrap();
        u32::try_from(reader.into_raw_fd()).unwrap()
    }

    #[test]
    fn an_inherited_descriptor_becomes_close_on_exec_and_can_be_taken_once() {
        let number = as_if_inherited();
        let taken = take_inherited(number).unwrap();
        assert_eq!(taken.as_raw_fd(), i32::try_from(number).unwrap());
        assert_eq!(rustix::io::fcntl_getfd(&taken).unwrap(), FdFlags::CLOEXEC);
        assert_eq!(take_inherited(number).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
    }

    #[test]
    fn a_descriptor_that_was_looked_at_can_still_be_taken() {
        let number = as_if_inherited();
        let flags = look_at_inherited(number, |fd| rustix::io::fcntl_getfd(fd).unwrap()).unwrap();
        assert_eq!(flags, FdFlags::empty());
        take_inherited(number).unwrap();
        let again = look_at_inherited(number, |_| ()).map_err(|error| error.raw_os_error());
        assert_eq!(again, Err(Some(libc::EBADF)));
    }

    #[test]
    fn a_descriptor_of_our_own_is_not_given_away() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let number = u32::try_from(file.as_raw_fd()).unwrap();
        assert_eq!(take_inherited(number).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
    }

    #[test]
    fn a_number_that_is_not_open_is_a_bad_descriptor() {
        for number in [1_000_000, u32::MAX] {
            assert_eq!(take_inherited(number).unwrap_err().raw_os_error(), Some(libc::EBADF));
        }
    }

    #[test]
    fn the_standard_descriptors_are_duplicated() {
        let copy = take_inherited(2).unwrap();
        assert!(copy.as_raw_fd() > 2);
        assert!(rustix::io::fcntl_getfd(&copy).unwrap().contains(FdFlags::CLOEXEC));
    }
}
