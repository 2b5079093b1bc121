//! Asks the kernel whether it has io_uring and Landlock, changing nothing.
//!
//! io_uring_setup(2), landlock_create_ruleset(2): neither has a function in the C library.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

/// Entries of the ring that is made and closed again.
const ENTRIES: libc::c_long = 2;

/// Index of `features` in `struct io_uring_params`, whose members are all `u32` or made of them.
const FEATURES: usize = 5;

/// Version query, instead of a ruleset: `LANDLOCK_CREATE_RULESET_VERSION`.
const VERSION: libc::c_long = 1;

/// Makes an io_uring and closes it again; answers its `IORING_FEAT_` bits.
///
/// # Errors
///
/// `ENOSYS` if the kernel has none, `EPERM` if this user may not have one or a filter forbids it.
pub fn io_uring_features() -> io::Result<u32> {
    let mut parameters = [0_u32; 30];
    // SAFETY: the kernel reads and writes one `struct io_uring_params`, which is 120 bytes of integers.
    let answer = unsafe { libc::syscall(libc::SYS_io_uring_setup, ENTRIES, parameters.as_mut_ptr()) };
    let ring = i32::try_from(answer).map_err(io::Error::other)?;
    if ring < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us.
    drop(unsafe { OwnedFd::from_raw_fd(ring) });
    Ok(parameters[FEATURES])
}

/// The version of the kernel's Landlock interface, 1 or more.
///
/// # Errors
///
/// `ENOSYS` if the kernel was built without, `EOPNOTSUPP` if it is switched off at boot.
pub fn landlock_version() -> io::Result<u32> {
    let none = std::ptr::null::<libc::c_void>();
    let no_bytes: libc::size_t = 0;
    // SAFETY: with this flag the kernel looks at no memory.
    let answer = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, none, no_bytes, VERSION) };
    u32::try_from(answer).map_err(|_| io::Error::last_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_it_says_so_by_an_errno() {
        for answer in [io_uring_features(), landlock_version()] {
            match answer {
                Ok(found) => assert!(found > 0),
                Err(error) => assert!(error.raw_os_error().is_some_and(|errno| errno > 0), "{error}"),
            }
        }
    }
}
