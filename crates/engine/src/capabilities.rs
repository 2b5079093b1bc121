//! What each engine can do: one table, and the refusals that follow from it.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use conversation::{CallFailed, Needs, Service, Shape, Transport};

/// A way of moving the bytes of many calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    /// One call after the other; the rest wait in the backlog.
    Iterative,
    /// A child process for each call: fork(2).
    Process,
    /// A thread for each call.
    Thread,
    /// All calls in one thread that asks about each of them at every turn: poll(2).
    Poll,
    /// All calls in a few threads that are told which are ready: epoll(7). A worker for each core.
    Epoll,
    /// All calls in a few threads; the kernel receives, and tells what came: io_uring(7). A worker for each
    /// core.
    Uring,
}

/// What an engine can do, and what it costs when something fails.
#[derive(Debug)]
pub struct Capabilities {
    /// Which engine.
    pub engine: Engine,
    /// Its name on the command line.
    pub name: &'static str,
    /// How many calls it has open at once.
    pub calls_at_once: CallsAtOnce,
    /// Whether all calls share one memory, so that services can keep state across calls.
    pub shared_state: bool,
    /// How it answers datagrams.
    pub datagrams: Datagrams,
    /// Whether calls can speak to each other in rooms: several are open, in one process.
    pub rooms: bool,
    /// Whether a call can dial out.
    pub dial: bool,
    /// Whether it divides the calls among several workers.
    pub workers: bool,
    /// What one crash costs.
    pub one_failure_costs: &'static str,
    /// What it is, in a line.
    pub help: &'static str,
}

/// How many calls an engine has open at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallsAtOnce {
    /// One; further callers wait in the kernel's backlog.
    One,
    /// Many, a child process each.
    Child,
    /// Many, a thread each.
    Thread,
    /// Many in one thread, whose cost of a wake-up grows with their number.
    Together,
    /// Many in each of a few workers, which share nothing.
    Workers,
}

/// How an engine answers datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datagrams {
    /// It does not: a datagram socket has no call to hand to a child.
    No,
    /// One thread a socket.
    OneThread,
    /// A socket a worker, where the transport can share a port (UDP).
    Workers,
}

/// Every engine's row.
static TABLE: &[Capabilities] = &[
    Capabilities {
        engine: Engine::Iterative,
        name: "iterative",
        calls_at_once: CallsAtOnce::One,
        shared_state: true,
        datagrams: Datagrams::OneThread,
        rooms: false,
        dial: true,
        workers: false,
        one_failure_costs: "the server",
        help: "one call after the other; the rest wait in the backlog",
    },
    Capabilities {
        engine: Engine::Process,
        name: "process",
        calls_at_once: CallsAtOnce::Child,
        shared_state: false,
        datagrams: Datagrams::No,
        rooms: false,
        dial: true,
        workers: false,
        one_failure_costs: "one child",
        help: "a child process for each call (fork)",
    },
    Capabilities {
        engine: Engine::Thread,
        name: "thread",
        calls_at_once: CallsAtOnce::Thread,
        shared_state: true,
        datagrams: Datagrams::OneThread,
        rooms: true,
        dial: true,
        workers: false,
        one_failure_costs: "the process",
        help: "a thread for each call",
    },
    Capabilities {
        engine: Engine::Poll,
        name: "poll",
        calls_at_once: CallsAtOnce::Together,
        shared_state: true,
        datagrams: Datagrams::OneThread,
        rooms: true,
        dial: true,
        workers: false,
        one_failure_costs: "the process",
        help: "all calls in one thread, by poll(2): a wake-up costs more the more callers there are",
    },
    Capabilities {
        engine: Engine::Epoll,
        name: "epoll",
        calls_at_once: CallsAtOnce::Workers,
        shared_state: true,
        datagrams: Datagrams::Workers,
        rooms: true,
        dial: true,
        workers: true,
        one_failure_costs: "the process",
        help: "all calls in a worker for each core, by epoll(7)",
    },
    Capabilities {
        engine: Engine::Uring,
        name: "uring",
        calls_at_once: CallsAtOnce::Workers,
        shared_state: true,
        datagrams: Datagrams::Workers,
        rooms: true,
        dial: true,
        workers: true,
        one_failure_costs: "the process",
        help: "all calls in a worker for each core; the kernel receives by itself: io_uring(7)",
    },
];

impl Engine {
    /// Every engine, in the order of the table.
    pub const ALL: [Engine; 6] =
        [Engine::Iterative, Engine::Process, Engine::Thread, Engine::Poll, Engine::Epoll, Engine::Uring];

    /// What `auto` stands for here: the engine that serves most callers at the least cost, of those that this
    /// kernel and user have. Looked up once.
    #[must_use]
    pub fn auto() -> Engine {
        static AUTO: OnceLock<Engine> = OnceLock::new();
        *AUTO.get_or_init(|| if Engine::Uring.probe().is_ok() { Engine::Uring } else { Engine::Epoll })
    }

    /// Whether this kernel, and what this user may do, are enough for it.
    ///
    /// # Errors
    ///
    /// The system call that said no. An io_uring can be lacking (`ENOSYS`, `EINVAL`), switched off (`EPERM`:
    /// sysctl kernel.io_uring_disabled, seccomp) or exceed a limit (`ENOMEM`, `EMFILE`); what the other engines
    /// need every Linux has.
    pub fn probe(self) -> Result<(), CallFailed> {
        match self {
            Engine::Uring => {
                sys::Ring::new().map(drop).map_err(|error| CallFailed::new("io_uring_setup(2)", &error))
            }
            Engine::Iterative | Engine::Process | Engine::Thread | Engine::Poll | Engine::Epoll => Ok(()),
        }
    }

    /// Its row in the table.
    #[must_use]
    pub fn capabilities(self) -> &'static Capabilities {
        &TABLE[self as usize]
    }

    /// Whether it can run `service` on an address of each of these transports.
    ///
    /// # Errors
    ///
    /// What does not go together, with the engines that would do.
    pub fn check(self, service: &dyn Service, transports: &[Transport]) -> Result<(), Refusal> {
        let needs = service.needs();
        let shapes: Vec<Shape> = transports.iter().filter_map(|transport| transport.shape()).collect();
        match self.lacks(needs, &shapes) {
            None => Ok(()),
            Some(lack) => Err(Refusal {
                engine: self,
                service: service.name(),
                lack,
                others: Engine::ALL
                    .into_iter()
                    .filter(|other| other.lacks(needs, &shapes).is_none())
                    .collect(),
            }),
        }
    }

    fn lacks(self, needs: Needs, shapes: &[Shape]) -> Option<&'static str> {
        let row = self.capabilities();
        if needs.shared_state && !row.shared_state {
            return Some("its calls share memory, which separate processes do not");
        }
        if needs.rooms && !row.rooms {
            return Some("its callers meet in rooms, which takes several calls in one process");
        }
        if needs.dial && !row.dial {
            return Some("it dials out");
        }
        if needs.hand_over && shapes.contains(&Shape::Datagram) {
            return Some("datagrams of all callers come to one socket, which no program can have for itself");
        }
        if row.datagrams == Datagrams::No && shapes.contains(&Shape::Datagram) {
            return Some("a datagram socket has no calls that could be handed to children");
        }
        None
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.capabilities().name)
    }
}

impl FromStr for Engine {
    type Err = ParseEngineError;

    /// A name of the table.
    fn from_str(text: &str) -> Result<Engine, ParseEngineError> {
        let row = TABLE.iter().find(|row| row.name == text);
        row.map(|row| row.engine).ok_or_else(|| ParseEngineError { text: text.to_owned() })
    }
}

/// Which engine was asked for: one by its name, or whichever is best here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// What [`Engine::auto`] says.
    #[default]
    Auto,
    /// This one and no other.
    Named(Engine),
}

impl EngineChoice {
    /// The engine that it comes to on this machine.
    #[must_use]
    pub fn engine(self) -> Engine {
        match self {
            EngineChoice::Auto => Engine::auto(),
            EngineChoice::Named(engine) => engine,
        }
    }
}

impl FromStr for EngineChoice {
    type Err = ParseEngineError;

    /// A name of the table, or `auto`.
    fn from_str(text: &str) -> Result<EngineChoice, ParseEngineError> {
        if text == "auto" { Ok(EngineChoice::Auto) } else { text.parse().map(EngineChoice::Named) }
    }
}

/// A text that names no engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseEngineError {
    text: String,
}

impl fmt::Display for ParseEngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} names no engine; there are auto", self.text)?;
        Engine::ALL.iter().try_for_each(|engine| write!(f, ", {engine}"))
    }
}

impl std::error::Error for ParseEngineError {}

/// A service, an engine and addresses that do not go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    engine: Engine,
    service: &'static str,
    lack: &'static str,
    others: Vec<Engine>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { engine, service, lack, .. } = self;
        if self.others.is_empty() {
            return write!(f, "{service} cannot be served here, by no engine: {lack}");
        }
        write!(f, "{service} cannot be served here by the {engine} engine: {lack}; these engines can:")?;
        for (index, other) in self.others.iter().enumerate() {
            write!(f, "{} {other}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_engine_has_its_own_row() {
        assert_eq!(TABLE.len(), Engine::ALL.len());
        for engine in Engine::ALL {
            assert_eq!(engine.capabilities().engine, engine);
            assert_eq!(engine.to_string().parse(), Ok(engine));
        }
    }
}
