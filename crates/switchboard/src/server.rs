//! A server in a few lines: a service, addresses, an engine, and a handle to stop it.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use address::{Address, ParseAddressError};
use conversation::{CallFailed, Service};
use engine::{
    Access, AnswerRate, Control, Doors, Engine, EngineChoice, Identity, IdentityError, Limits, Observer,
    OpenDoorsError, Output, ParseRuleError, Plan, ReadRulesError, Refusal, Report, Rule, SendersUnknown,
    ServeError, Silent,
};

/// What a server will be. Nothing is done until [`Server::start`].
///
/// ```
/// use std::time::Duration;
/// use switchboard::{Caller, Engine, Server, services::Say};
///
/// let server = Server::new(Say::new(&b"hello\n"[..]))
///     .at("tcp://127.0.0.1:0")?
///     .at(&format!("unix:@hello-{}", std::process::id()))?
///     .engine(Engine::Epoll)
///     .workers(2)
///     .calls_max(100)
///     .idle_timeout(Duration::from_secs(60))
///     .start()?;
/// for address in server.addresses() {
///     assert_eq!(Caller::call(address)?.read_to_end(100)?, b"hello\n");
/// }
/// server.drain();
/// assert_eq!(server.wait()?.answered, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Server {
    service: Arc<dyn Service>,
    addresses: Vec<Address>,
    engine: EngineChoice,
    workers: usize,
    limits: Limits,
    allow: Vec<Rule>,
    deny: Vec<Rule>,
    identity: Option<Identity>,
    observer: Arc<dyn Observer>,
    output: Output,
}

impl Server {
    /// A server of this service, under the default engine with a worker for each core.
    #[must_use]
    pub fn new(service: impl Service + 'static) -> Server {
        Server {
            service: Arc::new(service),
            addresses: Vec::new(),
            engine: EngineChoice::Auto,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            limits: Limits::of_this_process(),
            allow: Vec::new(),
            deny: Vec::new(),
            identity: None,
            observer: Arc::new(Silent),
            output: Output::standard(),
        }
    }

    /// Answers at this address too: `tcp://:7`, `unix:/run/echo.sock`.
    ///
    /// # Errors
    ///
    /// The text is no address.
    pub fn at(mut self, address: &str) -> Result<Server, ParseAddressError> {
        self.addresses.push(address.parse()?);
        Ok(self)
    }

    /// Answers under this engine.
    #[must_use]
    pub fn engine(mut self, engine: Engine) -> Server {
        self.engine = EngineChoice::Named(engine);
        self
    }

    /// How many workers an engine that has workers gets; at least one.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Server {
        self.workers = workers.max(1);
        self
    }

    /// Calls open at once, all workers together; further callers wait.
    #[must_use]
    pub fn calls_max(mut self, calls: usize) -> Server {
        self.limits.calls_max = calls.max(1);
        self
    }

    /// Answers only callers of whom a rule says so: `10.0.0.0/8`, `2001:db8::1`, `10.0.0.1-10.0.0.9`, a host name,
    /// `@FILE` of such rules, `uid:USER` or `gid:GROUP` at Unix sockets. Others are reset, their datagrams dropped.
    ///
    /// # Errors
    ///
    /// The text is no rule. Files and names are looked at by [`Server::start`].
    pub fn allow(mut self, rule: &str) -> Result<Server, ParseRuleError> {
        self.allow.push(rule.parse()?);
        Ok(self)
    }

    /// Refuses callers whom this rule names, also those whom [`Server::allow`] names.
    ///
    /// # Errors
    ///
    /// The text is no rule.
    pub fn deny(mut self, rule: &str) -> Result<Server, ParseRuleError> {
        self.deny.push(rule.parse()?);
        Ok(self)
    }

    /// Calls open at once of one IP address (of IPv6 a /64), or one user at a Unix socket; further ones are refused.
    #[must_use]
    pub fn calls_per_peer_max(mut self, calls: NonZeroU32) -> Server {
        self.limits.calls_per_peer_max = Some(calls);
        self
    }

    /// New calls a second, and at once after a pause; further callers wait.
    #[must_use]
    pub fn calls_per_second(mut self, calls: NonZeroU32) -> Server {
        self.limits.calls_per_second = Some(calls);
        self
    }

    /// How often a service that answers anyone answers one source of datagrams.
    #[must_use]
    pub fn answers_per_second(mut self, rate: AnswerRate) -> Server {
        self.limits.answers_per_second = rate;
        self
    }

    /// Ends a call when more bytes than this come from its caller. Not for datagrams.
    #[must_use]
    pub fn call_bytes_max(mut self, bytes: u64) -> Server {
        self.limits.call_bytes_max = Some(bytes);
        self
    }

    /// Ends a call after this long.
    #[must_use]
    pub fn call_duration_max(mut self, duration: Duration) -> Server {
        self.limits.call_duration_max = Some(duration);
        self
    }

    /// Has the whole process become somebody else, for good, once the addresses are bound.
    #[must_use]
    pub fn run_as(mut self, identity: Identity) -> Server {
        self.identity = Some(identity);
        self
    }

    /// Ends calls that were silent in both directions for this long.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Server {
        self.limits.idle_timeout = Some(timeout);
        self
    }

    /// How long open calls may go on after [`Running::drain`].
    #[must_use]
    pub fn drain_at_most(mut self, limit: Duration) -> Server {
        self.limits.drain = limit;
        self
    }

    /// How many rooms one call may be in; 64 otherwise.
    #[must_use]
    pub fn topics_max(mut self, topics: usize) -> Server {
        self.limits.topics_max = topics;
        self
    }

    /// How many bytes of published messages may wait for one worker; 8 MiB otherwise. What is published beyond
    /// that is missed.
    #[must_use]
    pub fn mailbox_bytes_max(mut self, bytes: usize) -> Server {
        self.limits.mailbox_bytes_max = bytes;
        self
    }

    /// Tells this observer what happens.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Server {
        self.observer = Arc::new(observer);
        self
    }

    /// Where services that print write to, instead of the standard output.
    #[must_use]
    pub fn output(mut self, output: Output) -> Server {
        self.output = output;
        self
    }

    /// Binds the addresses and answers callers from now on, in a thread of its own.
    ///
    /// # Errors
    ///
    /// See [`StartError`]. The `process` engine forks, which a process with threads must not do: use
    /// [`Engine::serve`] for it, from the main thread.
    pub fn start(self) -> Result<Running, StartError> {
        let engine = self.engine.engine();
        if engine == Engine::Process {
            return Err(StartError::Forks);
        }
        engine.probe().map_err(|failed| StartError::Lacking(engine, failed))?;
        let transports: Vec<_> = self.addresses.iter().map(|address| address.transport).collect();
        engine.check(&*self.service, &transports).map_err(StartError::Refused)?;
        let access = Access::read(self.allow, self.deny).map_err(StartError::Rules)?;
        access.check(&transports).map_err(StartError::SendersUnknown)?;
        let access = Arc::new(access);
        let mut doors = Doors::open(&self.addresses, engine, self.workers).map_err(StartError::Doors)?;
        let addresses = doors.names().iter().filter_map(|name| name.parse().ok()).collect();
        let notes = doors.notes().to_vec();
        if let Some(identity) = &self.identity {
            doors.prepare_for(&*self.service);
            identity.assume().map_err(StartError::Identity)?;
        }
        let control = Arc::new(Control::new().map_err(StartError::Control)?);
        let plan = Plan {
            service: self.service,
            limits: self.limits,
            access: Arc::clone(&access),
            observer: self.observer,
            output: self.output,
            control: Arc::clone(&control),
            layerings: Arc::default(),
        };
        let thread = std::thread::Builder::new()
            .name("switchboard".into())
            .spawn(move || engine.serve(doors, plan))
            .map_err(StartError::Control)?;
        Ok(Running { addresses, notes, access, control, thread })
    }
}

/// A server that answers callers.
#[derive(Debug)]
pub struct Running {
    addresses: Vec<Address>,
    notes: Vec<String>,
    access: Arc<Access>,
    control: Arc<Control>,
    thread: JoinHandle<Result<Report, ServeError>>,
}

impl Running {
    /// Where it answers, with the ports that the kernel chose.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// What whoever runs it should know of its layers: the fingerprint of a certificate that was made for this run, and
    /// by which callers trust it; a key that others may read.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Reads the files and names of [`Server::allow`] and [`Server::deny`] again; open calls go on. It may wait for
    /// the resolver.
    ///
    /// # Errors
    ///
    /// The first rule that cannot be read; the old rules hold.
    pub fn read_rules_again(&self) -> Result<(), ReadRulesError> {
        self.access.read_again()
    }

    /// Stops answering; open calls may finish.
    pub fn drain(&self) {
        self.control.drain();
    }

    /// Ends everything now.
    pub fn end(&self) {
        self.control.end();
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    ///
    /// What made it impossible to go on.
    ///
    /// # Panics
    ///
    /// With the service's own panic, if it had one.
    pub fn wait(self) -> Result<Report, ServeError> {
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// Why a server could not be started.
#[derive(Debug)]
pub enum StartError {
    /// Service, engine and addresses do not go together.
    Refused(Refusal),
    /// An address could not be bound.
    Doors(OpenDoorsError),
    /// A rule of who may call cannot be read.
    Rules(ReadRulesError),
    /// The rules cannot be kept at one of the addresses.
    SendersUnknown(SendersUnknown),
    /// The process cannot become who it is to be.
    Identity(IdentityError),
    /// This kernel or user lacks what the engine needs.
    Lacking(Engine, CallFailed),
    /// The `process` engine cannot run beside other threads.
    Forks,
    /// An eventfd or a thread could not be made.
    Control(std::io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Refused(refusal) => refusal.fmt(f),
            StartError::Doors(error) => error.fmt(f),
            StartError::Rules(error) => error.fmt(f),
            StartError::SendersUnknown(error) => error.fmt(f),
            StartError::Identity(error) => error.fmt(f),
            StartError::Forks => f.write_str(
                "the process engine forks, and a process with threads must not: call Engine::serve",
            ),
            StartError::Lacking(engine, failed) => write!(f, "the {engine} engine cannot run here: {failed}"),
            StartError::Control(error) => write!(f, "cannot start a server thread: {error}"),
        }
    }
}

impl std::error::Error for StartError {}
