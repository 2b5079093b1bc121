//! The active open, begun: what can be done of it without waiting.
//!
//! An address in numbers needs no looking up, and within one host connect(2) is done, or has failed, before it returns.
//! What is still under way then is waited for elsewhere ([`Underway::wait`]), or made whole by [`connect()`](crate::connect()).

use std::time::Duration;

use address::{Address, End, Place, Transport};

use crate::connect::{candidates, check, first, opened, opened_local, time_left};
use crate::race::{Progress, Race};
use crate::resolve::questions;
use crate::unix_connect::begin_unix;
use crate::{ConnectError, Connected};

/// What a call came to without waiting.
#[derive(Debug)]
pub enum Begun {
    /// It is made.
    Connected(Connected),
    /// It is under way.
    Underway(Underway),
    /// It is to be made by [`connect()`](crate::connect()): a name is to be looked up first, or a listener's backlog has no
    /// place.
    Not,
}

/// A call that is under way. Dropping it gives it up.
#[derive(Debug)]
pub struct Underway {
    race: Race,
}

/// Begins a call to `address`, or to the nearest proxy on the way; does not wait.
///
/// # Errors
///
/// As [`connect()`](crate::connect()): all candidates have failed already.
pub fn begin(address: &Address) -> Result<Begun, ConnectError> {
    check(address)?;
    let (transport, options) = (address.transport, &address.options);
    let local = |end: End| match begin_unix(&end, options).transpose() {
        Some(outcome) => opened_local(address, end, outcome).map(Begun::Connected),
        None => Ok(Begun::Not),
    };
    match &address.place {
        Place::Network { .. } if !is_in_numbers(address) => Ok(Begun::Not),
        Place::Network { .. } if transport == Transport::Udp => {
            opened(address, first(&candidates(address)?, options)).map(Begun::Connected)
        }
        Place::Network { .. } => match Race::new(candidates(address)?).go_on(options, Duration::ZERO) {
            Progress::Decided(outcome) => opened(address, outcome).map(Begun::Connected),
            Progress::Undecided(race) => Ok(Begun::Underway(Underway { race })),
        },
        Place::Path(path) => local(End::Path { transport, path: path.clone() }),
        Place::Abstract(name) => local(End::Abstract { transport, name: name.clone() }),
        Place::Descriptor(_) | Place::Standard | Place::Nameless | Place::Command(_) => Ok(Begun::Not),
    }
}

impl Underway {
    /// Waits for what was begun to `address`, of whose `connect-timeout` so much has gone by already.
    ///
    /// # Errors
    ///
    /// As [`connect()`](crate::connect()).
    pub fn wait(self, address: &Address, gone_by: Duration) -> Result<Connected, ConnectError> {
        let within = time_left(address, gone_by)?;
        opened(address, self.race.decide(&address.options, within))
    }
}

/// Whether nothing need be looked up for it: neither whom to call nor from where.
fn is_in_numbers(address: &Address) -> bool {
    let Place::Network { host, port } = &address.first_hop().place else { return false };
    let local = address.options.local().map(|local| (&local.host, &local.port));
    [Some((host, port)), local].into_iter().flatten().all(|(host, port)| questions(host, port).is_empty())
}
