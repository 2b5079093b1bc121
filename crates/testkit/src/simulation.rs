//! The simulation: who calls, whom one can dial, what goes wrong; and its run.
//!
//! What is protected: a run depends on nothing but its seed and its script. It ends when every call is over
//! and nothing more can happen; open calls to which nothing can happen any more are an error, and so is a
//! broken promise of the driver.

use std::time::Duration;

use conversation::{Address, Moment, Service};
use engine::CallLimits;

use crate::stage::Stage;
use crate::{Caller, Faults, Run, Trouble};

/// Who calls, whom one can dial, and what goes wrong.
#[derive(Clone, Debug)]
pub struct Simulation {
    pub(crate) seed: u64,
    pub(crate) callers: Vec<Caller>,
    pub(crate) peers: Vec<(String, Caller)>,
    /// How many dials of a peer are refused first.
    pub(crate) refusals: Vec<(String, usize)>,
    pub(crate) peer_name: Option<String>,
    pub(crate) limits: CallLimits,
    pub(crate) drain_at: Option<Moment>,
    pub(crate) faults: Faults,
}

impl Simulation {
    /// A run in which nobody calls yet.
    #[must_use]
    pub fn new(seed: u64) -> Simulation {
        Simulation {
            seed,
            callers: Vec::new(),
            peers: Vec::new(),
            refusals: Vec::new(),
            peer_name: None,
            limits: CallLimits::default(),
            drain_at: None,
            faults: Faults::default(),
        }
    }

    /// One more caller.
    #[must_use]
    pub fn caller(mut self, caller: Caller) -> Simulation {
        self.callers.push(caller);
        self
    }

    /// Who answers at this address, each time that it is dialled. Nobody else answers: a dial of any other
    /// address is refused.
    ///
    /// # Panics
    ///
    /// When the text is no address.
    #[must_use]
    pub fn peer(mut self, address: &str, peer: Caller) -> Simulation {
        match address.parse::<Address>() {
            Ok(address) => self.peers.push((address.to_string(), peer)),
            Err(error) => panic!("{error}"),
        }
        self
    }

    /// The same, once this many dials of the address were refused.
    ///
    /// # Panics
    ///
    /// When the text is no address.
    #[must_use]
    pub fn late_peer(self, address: &str, refused: usize, peer: Caller) -> Simulation {
        let mut simulation = self.peer(address, peer);
        let known = simulation.peers.last().map(|(known, _)| (known.clone(), refused));
        simulation.refusals.extend(known);
        simulation
    }

    /// The host name that every caller has; none otherwise.
    #[must_use]
    pub fn peer_name(mut self, name: &str) -> Simulation {
        self.peer_name = Some(name.to_owned());
        self
    }

    /// How long a call may be silent. None otherwise, but for datagram peers, who have a minute.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Simulation {
        self.limits.idle_timeout = Some(timeout);
        self
    }

    /// How many bytes may come from the caller of a connection. Any number otherwise.
    #[must_use]
    pub fn received_bytes_max(mut self, bytes: u64) -> Simulation {
        self.limits.received_bytes_max = Some(bytes);
        self
    }

    /// How long a call may last. For ever otherwise.
    #[must_use]
    pub fn duration_max(mut self, duration: Duration) -> Simulation {
        self.limits.duration_max = Some(duration);
        self
    }

    /// Ends every open call at this time, as at the end of a drain.
    #[must_use]
    pub fn drain_at(mut self, since_start: Duration) -> Simulation {
        self.drain_at = Some(Moment::after(since_start));
        self
    }

    /// What goes wrong.
    #[must_use]
    pub fn faults(mut self, faults: Faults) -> Simulation {
        self.faults = faults;
        self
    }

    /// Runs `service` until nothing more can happen.
    ///
    /// # Errors
    ///
    /// A call that can never end, a broken promise of the driver, or a run without end.
    pub fn try_run(&self, service: &dyn Service) -> Result<Run, Trouble> {
        Stage::new(self, service).play()
    }

    /// The same, for a test in which none of that may be.
    ///
    /// # Panics
    ///
    /// When there is trouble, with the transcript and the seed.
    #[track_caller]
    pub fn run(&self, service: &dyn Service) -> Run {
        match self.try_run(service) {
            Ok(run) => run,
            Err(trouble) => panic!("{trouble}"),
        }
    }
}
