//! A server in a few lines: a service, addresses, an engine, and a handle to stop it.

use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use address::{Address, ParseAddressError};
use conversation::{CallFailed, Service};
use engine::{
    Control, Doors, Engine, EngineChoice, Limits, Observer, OpenDoorsError, Output, Plan, Refusal, Report,
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
        let doors = Doors::open(&self.addresses, engine, self.workers).map_err(StartError::Doors)?;
        let addresses = doors.ends().iter().filter_map(|end| Address::try_from(end.clone()).ok()).collect();
        let control = Arc::new(Control::new().map_err(StartError::Control)?);
        let plan = Plan {
            service: self.service,
            limits: self.limits,
            observer: self.observer,
            output: self.output,
            control: Arc::clone(&control),
        };
        let thread = std::thread::Builder::new()
            .name("switchboard".into())
            .spawn(move || engine.serve(doors, plan))
            .map_err(StartError::Control)?;
        Ok(Running { addresses, control, thread })
    }
}

/// A server that answers callers.
#[derive(Debug)]
pub struct Running {
    addresses: Vec<Address>,
    control: Arc<Control>,
    thread: JoinHandle<Result<Report, ServeError>>,
}

impl Running {
    /// Where it answers, with the ports that the kernel chose.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
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
            StartError::Forks => f.write_str(
                "the process engine forks, and a process with threads must not: call Engine::serve",
            ),
            StartError::Lacking(engine, failed) => write!(f, "the {engine} engine cannot run here: {failed}"),
            StartError::Control(error) => write!(f, "cannot start a server thread: {error}"),
        }
    }
}

impl std::error::Error for StartError {}
