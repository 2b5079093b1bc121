//! The stage of one scene: programs started from the commands by hand, callers, a folder.
//!
//! A command by hand has a fixed port, every address of the host, and a path in /tmp. Played, it listens on
//! 127.0.0.1 at a port that the kernel chooses, with paths in a folder of the scene's own; whoever calls uses
//! what the ready line says. Everything else of the command is run as it is shown.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, socket_with};
use rustix::process::{Resource, getrlimit};
use switchboard::{Address, Caller, Host, Place, Port};
use tempfile::TempDir;

use super::patience::Patience;
use super::program::{Ended, Program};
use super::scene::{Missed, check};

/// How long a caller waits for any one answer.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// Where one scene is played.
pub(super) struct Stage<'a> {
    patience: Patience<'a>,
    /// What the paths of this scene are in; made when there are some, removed with the stage.
    folder: Option<TempDir>,
    did: RefCell<Vec<String>>,
}

/// A program that listens.
pub(super) struct Server<'a> {
    pub(super) program: Program<'a>,
    /// Where it listens, with the real ports; one at least.
    pub(super) addresses: Vec<Address>,
}

impl Server<'_> {
    /// The first of its addresses.
    pub(super) fn address(&self) -> &Address {
        &self.addresses[0]
    }
}

impl<'a> Stage<'a> {
    pub(super) fn new(curtain: BorrowedFd<'a>, until: Instant) -> Stage<'a> {
        Stage { patience: Patience { curtain, until }, folder: None, did: RefCell::default() }
    }

    /// Starts a command that listens, and waits until it does.
    pub(super) fn serve(&mut self, by_hand: &str) -> Result<Server<'a>, Missed> {
        let mut words = words(by_hand)?;
        for word in &mut words {
            if let Some(address) = address_in(word) {
                *word = self.on_loopback(address)?.to_string();
            }
        }
        self.listen(&words)
    }

    /// The same at these addresses instead of the one by hand.
    pub(super) fn serve_at(&mut self, by_hand: &str, addresses: &[&str]) -> Result<Server<'a>, Missed> {
        let words = words(by_hand)?.into_iter().flat_map(|word| match address_in(&word) {
            Some(_) => addresses.iter().map(|&address| address.to_owned()).collect(),
            None => vec![word],
        });
        self.listen(&words.collect::<Vec<_>>())
    }

    fn listen(&mut self, words: &[String]) -> Result<Server<'a>, Missed> {
        let mut program = self.start(words)?;
        let mut addresses = Vec::new();
        for _ in words.iter().filter_map(|word| address_in(word)) {
            let line = program.line(LISTENING)?;
            addresses.push(line.trim_start_matches(LISTENING).parse()?);
        }
        check(!addresses.is_empty(), || "a command that listens without an address".to_owned())?;
        Ok(Server { program, addresses })
    }

    /// Starts a command that calls, with this address for the one by hand, whose options stay.
    pub(super) fn call(&mut self, by_hand: &str, address: &Address) -> Result<Program<'a>, Missed> {
        let mut words = words(by_hand)?;
        for word in &mut words {
            if let Some(by_hand) = address_in(word) {
                *word = Address { options: by_hand.options, ..address.clone() }.to_string();
            }
        }
        self.start(&words)
    }

    /// The same, run to its end with nothing to read.
    pub(super) fn run(&mut self, by_hand: &str, address: &Address) -> Result<Ended, Missed> {
        self.call(by_hand, address)?.ended()
    }

    /// Runs a command that calls nobody exactly as it stands, to its end.
    pub(super) fn run_as_it_is(&mut self, by_hand: &str) -> Result<Ended, Missed> {
        self.start(&words(by_hand)?)?.ended()
    }

    fn start(&mut self, words: &[String]) -> Result<Program<'a>, Missed> {
        let line = shell_words::join(words);
        self.tell(line.clone());
        Program::start(line, words.get(1..).unwrap_or_default(), self.patience)
    }

    /// A caller of the library's.
    pub(super) fn caller(&self, address: &Address) -> Result<Caller, Missed> {
        Ok(Caller::call(address)?.with_timeout(ANSWER_TIME.min(self.patience.left())))
    }

    /// Whether there is something that this caller has not read yet.
    pub(super) fn has_heard(&self, caller: &Caller) -> Result<bool, Missed> {
        self.patience.is_ready_within(Duration::ZERO, caller.as_fd(), PollFlags::IN)
    }

    /// Tells what was done besides running commands.
    pub(super) fn tell(&self, what: impl Into<String>) {
        let (mut did, what) = (self.did.borrow_mut(), what.into());
        if did.last() != Some(&what) {
            did.push(what);
        }
    }

    /// What was done.
    pub(super) fn into_did(self) -> Vec<String> {
        self.did.into_inner()
    }

    pub(super) fn patience(&self) -> Patience<'a> {
        self.patience
    }

    /// The address that is meant, but for this machine alone and where nothing else is.
    fn on_loopback(&mut self, address: Address) -> Result<Address, Missed> {
        let place = match address.place {
            Place::Network { host: Host::Any, port: Port::Number(1..) } => {
                Place::Network { host: IpAddr::V4(Ipv4Addr::LOCALHOST).into(), port: Port::Number(0) }
            }
            Place::Path(path) => Place::Path(self.own_path(&path)?),
            Place::Abstract(name) => {
                let own = format!("{}-tour-{}", String::from_utf8_lossy(&name), std::process::id());
                Place::Abstract(own.into_bytes().into())
            }
            place @ (Place::Network { .. }
            | Place::Standard
            | Place::Descriptor(_)
            | Place::Command(_)
            | Place::Nameless) => place,
        };
        Ok(Address { place, ..address })
    }

    fn own_path(&mut self, path: &[u8]) -> Result<Box<[u8]>, Missed> {
        let folder = match self.folder.take() {
            Some(folder) => folder,
            None => TempDir::with_prefix("swb-tour-").map_err(|error| Missed::call("mkdir(2)", error))?,
        };
        let file = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let own = folder.path().join(std::ffi::OsStr::from_bytes(file));
        self.folder = Some(folder);
        Ok(own.as_os_str().as_bytes().into())
    }
}

/// Whether this machine speaks IPv6 with itself.
pub(super) fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

/// Goes on if this process may have descriptors for so many callers, and for the scenes that play beside.
pub(super) fn needs_descriptors(callers: usize) -> Result<(), Missed> {
    const BESIDE: usize = 300;
    let needed = u64::try_from(callers + BESIDE).unwrap_or(u64::MAX);
    match getrlimit(Resource::Nofile).maximum {
        Some(allowed) if allowed < needed => Err(Missed::Lacking(format!(
            "it needs {needed} descriptors, and {allowed} are allowed: ulimit -Hn"
        ))),
        Some(_) | None => Ok(()),
    }
}

/// A TCP port of this address at which nobody listens, nor can while the socket is kept. Port 0: any.
pub(super) fn hold(ip: IpAddr, port: u16) -> Result<(OwnedFd, Address), Missed> {
    let family = if ip.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let held = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .map_err(|errno| Missed::call("socket(2)", errno))?;
    bind(&held, &SocketAddr::new(ip, port)).map_err(|errno| Missed::call("bind(2)", errno))?;
    let name = getsockname(&held).map_err(|errno| Missed::call("getsockname(2)", errno))?;
    let name = SocketAddr::try_from(name).map_err(|errno| Missed::call("getsockname(2)", errno))?;
    Ok((held, format!("tcp://{name}").parse()?))
}

/// The address with these options.
pub(super) fn with(address: &Address, options: &str) -> Result<Address, Missed> {
    Ok(format!("{address}?{options}").parse()?)
}

/// The words of a command by hand.
fn words(by_hand: &str) -> Result<Vec<String>, Missed> {
    shell_words::split(by_hand).map_err(|error| Missed::Differed(format!("`{by_hand}`: {error}")))
}

/// The word as an address, if it is one.
fn address_in(word: &str) -> Option<Address> {
    word.contains(':').then(|| word.parse().ok()).flatten()
}

/// How the ready line begins.
const LISTENING: &str = "listening ";
