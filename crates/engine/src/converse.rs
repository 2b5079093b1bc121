//! One call of our own: a conversation on a line that is open already.

use std::sync::Arc;

use conversation::{CallFailed, CloseReason, End, Leg, Now, Shape};
use socket::{Connection, DatagramSocket, FileEnd, Program, Standard};

use crate::host::{Host, Plan};
use crate::layering::LaidFor;
use crate::reactor::{LegSocket, Placement, Reactor, Under, laid};
use crate::selector::PollSelector;
use crate::{Ended, LastCall, Layering, Observer, ServeError};

/// An open line.
pub enum Line {
    /// A connected socket.
    Connection(Connection),
    /// A connected socket with layers on it.
    Layered {
        /// The socket.
        connection: Connection,
        /// What lies on it.
        layering: Arc<Layering>,
    },
    /// The standard input and output of this process.
    Standard,
    /// A program that was started. The conversation is over once it has ended.
    Program {
        /// The program.
        program: Box<Program>,
        /// What lies on its pipes.
        layering: Option<Arc<Layering>>,
    },
    /// A file, a fifo or a terminal.
    File(Box<FileEnd>),
    /// A datagram socket to which anyone may speak; answers go to whom was heard last.
    Speakers {
        /// The socket.
        socket: DatagramSocket,
        /// Who is heard.
        hears: Hears,
    },
}

/// Who is heard at a datagram socket.
#[derive(Debug)]
pub enum Hears {
    /// Whoever speaks.
    Anyone,
    /// Whoever speaks first, and nobody else. Layers lie on the messages of one peer: they can lie on these.
    First(Option<Arc<Layering>>),
}

impl Line {
    /// Whether it is a byte stream or keeps message boundaries.
    #[must_use]
    pub fn shape(&self) -> Shape {
        match self {
            Line::Connection(connection) => connection.shape(),
            Line::Layered { connection, layering } => layering.shape_over(connection.shape()),
            Line::Program { layering: Some(layering), .. } => layering.shape_over(Shape::Stream),
            Line::File(file) => file.shape(),
            Line::Standard | Line::Program { .. } => Shape::Stream,
            Line::Speakers { .. } => Shape::Datagram,
        }
    }
}

/// Holds one conversation of `plan.service` on `line`, in this thread, and returns when it is over.
///
/// # Errors
///
/// The standard output could not be written, or the wait itself failed.
pub fn converse(plan: Plan, line: Line) -> Result<Ended, ServeError> {
    converse_with(plan, line, None)
}

/// As [`converse`], with somebody of whom more is known than the socket tells: whom a proxy has called.
///
/// # Errors
///
/// As [`converse`].
pub fn converse_with(mut plan: Plan, line: Line, known: Option<End>) -> Result<Ended, ServeError> {
    let last = LastCall::before(plan.observer);
    plan.observer = Arc::clone(&last) as Arc<dyn Observer>;
    let host = Host::new(plan);
    let now = host.clock.now();
    let shape = line.shape();
    let (socket, local, peer) = on_line(line, now)?;
    let peer = known.unwrap_or(peer);
    host.take_place(1);
    let call = host.call(shape, local, peer.clone(), now);
    let mut reactor = Reactor::<PollSelector>::new(Arc::clone(&host), Vec::new(), Placement::Here, true)
        .map_err(engine_failed("poll(2)"))?;
    reactor.open(call, socket, None, now);
    reactor.run().map_err(engine_failed("poll(2)"))?;
    host.report()?;
    let nothing_said = Ended {
        peer,
        reason: CloseReason::Finished,
        broken_by: None,
        received_bytes: 0,
        sent_bytes: 0,
        failure: None,
        has_layer_timed_out: false,
        program: None,
    };
    Ok(last.take().unwrap_or(nothing_said))
}

/// The socket of an open line, and its two ends, ours first.
fn on_line(line: Line, now: Now) -> Result<(LegSocket, End, End), ServeError> {
    let ends = |connection: &Connection| {
        let local = connection.local_end().map_err(engine_failed("getsockname(2)"))?;
        let peer = connection.peer_end().unwrap_or(End::Unnamed(connection.transport()));
        Ok::<_, ServeError>((local, peer))
    };
    let lay = |under, layering: Option<&Layering>, caller: &End, called: &End| {
        let no_randomness = CallFailed { call: "getrandom(2)", errno: libc::EAGAIN };
        laid(under, layering, &LaidFor { caller, called, number: 1, leg: Leg::CALLER }, now)
            .map_err(|_| ServeError::Engine(no_randomness))
    };
    Ok(match line {
        Line::Connection(connection) => {
            let (local, peer) = ends(&connection)?;
            (LegSocket::Connection(connection), local, peer)
        }
        Line::Layered { connection, layering } => {
            let (local, peer) = ends(&connection)?;
            (lay(Under::Connection(connection), Some(&layering), &local, &peer)?, local, peer)
        }
        Line::Standard => {
            let standard = Standard::open().map_err(engine_failed("dup(2)"))?;
            (LegSocket::Standard(standard), End::Standard, End::Standard)
        }
        Line::Program { program, layering } => {
            let end = program.end().clone();
            let socket = lay(Under::Program(program), layering.as_deref(), &End::Standard, &end)?;
            (socket, End::Standard, end)
        }
        Line::File(file) => {
            let end = file.end().clone();
            (LegSocket::File(file), End::Standard, end)
        }
        Line::Speakers { socket, hears } => {
            let local = socket.local_end().map_err(engine_failed("getsockname(2)"))?;
            let peer = End::Unnamed(socket.transport());
            (
                LegSocket::Speakers { socket: Box::new(socket), latest: None, hears: Box::new(hears) },
                local,
                peer,
            )
        }
    })
}

/// That a call failed which the engine needs.
fn engine_failed(call: &'static str) -> impl Fn(std::io::Error) -> ServeError {
    move |error| ServeError::Engine(CallFailed::new(call, &error))
}
