//! Where callers come in: the bound and listening sockets of a run.

use std::fmt;
use std::sync::Arc;

use address::{Address, End, Place, Shape};
use conversation::Service;
use socket::{BindError, BurstSocket, DatagramSocket, Granted, Inherited, Listener};

use crate::capabilities::Datagrams;
use crate::{Engine, Impaired, Layering, LayeringError};

/// Bound sockets, dealt out to the workers of an engine. From here on callers may come: the kernel holds
/// those who come before [`Engine::serve`].
pub struct Doors {
    /// One list for each worker.
    workers: Vec<Vec<Door>>,
    ends: Vec<End>,
    names: Vec<String>,
    notes: Vec<String>,
    granted: Vec<Granted>,
    impaired: Vec<Impaired>,
}

/// One socket to which callers come.
pub(crate) enum Door {
    /// Callers are accepted.
    Listener {
        listener: Listener,
        /// What lies on each caller's socket.
        layering: Option<Arc<Layering>>,
        /// Other workers wait at the same socket.
        shared: bool,
    },
    /// Callers' messages arrive.
    Datagrams {
        socket: BurstSocket,
        /// What lies on the messages of each peer.
        layering: Option<Arc<Layering>>,
    },
}

impl Doors {
    /// Binds every address, as often as `engine` with `workers` workers needs it. An inherited socket (`fd:N`) is
    /// taken as it is, listening or hearing datagrams.
    ///
    /// Where a transport can share a port (`SO_REUSEPORT`), each worker gets a socket of its own and the
    /// kernel deals callers out. Other stream listeners are shared by all workers; other datagram sockets
    /// belong to the first.
    ///
    /// # Errors
    ///
    /// The address that could not be bound, and why. What was bound before is closed again.
    pub fn open(addresses: &[Address], engine: Engine, workers: usize) -> Result<Doors, OpenDoorsError> {
        let row = engine.capabilities();
        let count = if row.workers { workers.max(1) } else { 1 };
        let mut doors = Doors {
            workers: Vec::new(),
            ends: Vec::new(),
            names: Vec::new(),
            notes: Vec::new(),
            granted: Vec::new(),
            impaired: Vec::new(),
        };
        doors.workers.resize_with(count, Vec::new);
        for address in addresses {
            match door_shape(address)? {
                None => return Err(OpenDoorsError::NotADoor(address.clone())),
                Some(_) if !address.transport.row().listens => {
                    return Err(OpenDoorsError::NotADoor(address.clone()));
                }
                Some(Shape::Stream | Shape::SeqPacket) => doors.open_listeners(address, count)?,
                Some(Shape::Datagram) => {
                    let sharers = if row.datagrams == Datagrams::Workers { count } else { 1 };
                    doors.open_datagrams(address, sharers)?;
                }
            }
        }
        Ok(doors)
    }

    /// The address of each door, with the port that the kernel chose where it was asked to.
    #[must_use]
    pub fn ends(&self) -> &[End] {
        &self.ends
    }

    /// The same with the layers of each: where callers find what they are to speak.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What whoever runs it should know of the layers.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Options that the kernel granted otherwise than they were asked for.
    #[must_use]
    pub fn granted(&self) -> &[Granted] {
        &self.granted
    }

    /// Opens what this service will need of the doors and what takes privileges: before they are given away.
    pub fn prepare_for(&mut self, service: &dyn Service) {
        if service.needs().dial {
            for door in self.workers.iter_mut().flatten() {
                if let Door::Datagrams { socket, .. } = door {
                    socket.open_teller();
                }
            }
        }
    }

    /// The faults of each address that is impaired.
    #[must_use]
    pub fn impaired(&self) -> &[Impaired] {
        &self.impaired
    }

    pub(crate) fn into_workers(self) -> Vec<Vec<Door>> {
        self.workers
    }

    fn open_listeners(&mut self, address: &Address, count: usize) -> Result<(), OpenDoorsError> {
        let layering = Layering::listening(address)?;
        let (listeners, granted) = Listener::bind_group(address, count)?;
        self.note(address, listeners.first().map(Listener::local_end), granted);
        self.note_layers(layering.as_deref());
        let shared = count > 1 && !address.transport.is_ip();
        for (worker, listener) in self.workers.iter_mut().zip(listeners) {
            let layering = layering.clone();
            worker.push(Door::Listener { listener, layering, shared });
        }
        Ok(())
    }

    fn open_datagrams(&mut self, address: &Address, count: usize) -> Result<(), OpenDoorsError> {
        let layering = Layering::listening(address)?;
        let (first, granted) = DatagramSocket::bind(address)?;
        self.note(address, Some(first.local_end()), granted);
        self.note_layers(layering.as_deref());
        // What is sent to many comes to each socket that is bound there: one is enough.
        let sharers = if address.transport.is_ip() && !first.hears_many() { count } else { 1 };
        let mut others = Vec::new();
        for _ in 1..sharers {
            others.push(first.another().map_err(|error| OpenDoorsError::Share(address.clone(), error))?);
        }
        for (worker, socket) in self.workers.iter_mut().zip(std::iter::once(first).chain(others)) {
            worker.push(Door::Datagrams { socket: socket.in_bursts(), layering: layering.clone() });
        }
        Ok(())
    }

    fn note_layers(&mut self, layering: Option<&Layering>) {
        self.notes.extend(layering.iter().flat_map(|layering| layering.notes().iter().cloned()));
        self.impaired.extend(layering.and_then(Layering::impaired).cloned());
    }

    fn note(&mut self, address: &Address, end: Option<std::io::Result<End>>, granted: Vec<Granted>) {
        let end = end.and_then(Result::ok);
        self.names.extend(end.iter().map(|end| end.under(address.layers).to_string()));
        self.ends.extend(end);
        self.granted.extend(granted);
    }
}

/// What callers bring to an address; `None` where they cannot come.
fn door_shape(address: &Address) -> Result<Option<Shape>, OpenDoorsError> {
    let Place::Descriptor(number) = address.place else { return Ok(address.transport.shape()) };
    match Inherited::look_at(number) {
        Ok(inherited @ (Inherited::Listening(_) | Inherited::Hearing(_))) => {
            Ok(inherited.transport().shape())
        }
        Ok(Inherited::Connected(_)) => Ok(None),
        Err(error) => Err(OpenDoorsError::Inherited(address.clone(), error)),
    }
}

impl Door {
    pub(crate) fn end(&self) -> Option<End> {
        match self {
            Door::Listener { listener, .. } => listener.local_end().ok(),
            Door::Datagrams { socket, .. } => socket.local_end().ok(),
        }
    }
}

/// Why the doors could not be opened.
#[derive(Debug)]
pub enum OpenDoorsError {
    /// Nobody can call at such an address.
    NotADoor(Address),
    /// The address could not be bound.
    Bind(BindError),
    /// Its layers cannot be made.
    Layers(LayeringError),
    /// The address is bound, but not once for each worker.
    Share(Address, std::io::Error),
    /// No such socket was inherited.
    Inherited(Address, std::io::Error),
}

impl fmt::Display for OpenDoorsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenDoorsError::NotADoor(address) => {
                write!(f, "cannot listen at {address}: nobody can call there")
            }
            OpenDoorsError::Bind(error) => error.fmt(f),
            OpenDoorsError::Layers(error) => error.fmt(f),
            OpenDoorsError::Inherited(address, error) => {
                let why = sys::describe(error);
                write!(f, "cannot listen at {address}: {why}; was it passed by who started this program?")
            }
            OpenDoorsError::Share(address, error) => {
                write!(f, "cannot share {address} among the workers: {error}; try --workers 1")
            }
        }
    }
}

impl std::error::Error for OpenDoorsError {}

impl From<BindError> for OpenDoorsError {
    fn from(error: BindError) -> Self {
        OpenDoorsError::Bind(error)
    }
}

impl From<LayeringError> for OpenDoorsError {
    fn from(error: LayeringError) -> Self {
        OpenDoorsError::Layers(error)
    }
}
