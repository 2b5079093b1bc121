//! Sockets that were passed at exec: `fd:N`, as inetd, systemd and a parent of one's own pass them.
//!
//! sd_listen_fds(3): the sockets of a `.socket` unit are the descriptors from 3 on, `LISTEN_FDS` of them, for the
//! process `LISTEN_PID`. An address names the one it wants; the variables serve to say what there is.

use switchboard::socket::Inherited;
use switchboard::{Address, Place};

use crate::failure::{Failure, Status};

/// The first descriptor that systemd passes.
const FIRST: u32 = 3;

/// What is behind an address that is an inherited descriptor; `None` for every other address.
///
/// # Errors
///
/// There is no such socket.
pub(crate) fn inherited(address: &Address) -> Result<Option<Inherited>, Failure> {
    let Place::Descriptor(number) = address.place else { return Ok(None) };
    let variable = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    match Inherited::look_at(number) {
        Ok(inherited) => Ok(Some(inherited)),
        Err(error) => {
            let why = sys::describe(&error);
            let hint = hint(variable("LISTEN_FDS"), variable("LISTEN_PID"), std::process::id());
            let message = format!("cannot answer at {address}: getsockopt(2): {why}; {hint}");
            Err(Failure::new(Status::CannotBind, message))
        }
    }
}

/// Which sockets there are instead.
fn hint(passed: Option<u32>, to: Option<u32>, own: u32) -> String {
    match (passed, to) {
        (Some(_), Some(to)) if to != own => {
            format!(
                "sockets were passed to process {to} (LISTEN_PID), and this is {own}: start swb with exec"
            )
        }
        (Some(count @ 1..), Some(_)) => {
            let last = FIRST.saturating_add(count - 1);
            format!("systemd passed {count} (LISTEN_FDS): fd:{FIRST} to fd:{last}")
        }
        (Some(_) | None, _) => {
            "it has to be a socket that was open when swb was started: by systemd's .socket unit, for example"
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_says_which_sockets_there_are() {
        for (passed, to, words) in [
            (Some(2), Some(9), "systemd passed 2 (LISTEN_FDS): fd:3 to fd:4"),
            (Some(2), Some(8), "sockets were passed to process 8 (LISTEN_PID), and this is 9"),
            (None, None, "it has to be a socket that was open when swb was started"),
        ] {
            let hint = hint(passed, to, 9);
            assert!(hint.starts_with(words), "{hint}");
        }
    }
}
