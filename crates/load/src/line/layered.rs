//! A call through layers: it is open once they are, and a message takes the way through them.
//!
//! What layers hold back (impair) has its moments, at which the call is looked after; meanwhile more may be sent, as much as
//! they may hold.
//!
//! It ends as its layers have it: close_notify, a close frame. In the end of a load its peer's end is waited for, as
//! long as [`LINGER`]; not where each message has a call of its own.

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use address::{Shape, Transport};
use conversation::Moment;
use engine::{Arrived, Edge, Epoll, LINGER, LayeredConnection, Layering, Watch};
use layers::{Above, Failure};
use socket::{Callee, Connection, Dialling, Pending};

use super::{Begun, Came, Left, Line, NotBegun, dial};
use crate::Trouble;
use crate::clock::Clock;

/// Bytes of a stream that are given to the layers at once.
const SEND_BYTES: usize = 64 * 1024;

/// Whom to call, and through what.
#[derive(Debug)]
pub(crate) struct LayeredCallee {
    pub(crate) callee: Callee,
    pub(crate) layering: Arc<Layering>,
    /// The clock of the layers of all calls. It began before the first call, which was made before the load.
    pub(crate) clock: Clock,
}

#[derive(Debug)]
pub(crate) struct LayeredLine {
    call: Box<LayeredConnection>,
    /// The clock of its layers.
    clock: Clock,
    /// The last receive took all that lay on the socket.
    has_drained: bool,
    /// The peer has finished, which is still to be told.
    has_ended: bool,
}

pub(crate) enum Opening {
    Dialling(Box<Pending>),
    /// The layers shake hands.
    Layers(LayeredLine),
}

/// What is still owed goes out, and the peer's end is waited for.
pub(crate) struct Leaving {
    line: LayeredLine,
    churn: bool,
    /// When it is given up.
    until: Moment,
    /// When it is to be looked after.
    due: Moment,
}

impl LayeredLine {
    /// A call that is open already.
    pub(crate) fn of(call: LayeredConnection, clock: Clock) -> LayeredLine {
        LayeredLine { call: Box::new(call), clock, has_drained: false, has_ended: false }
    }

    fn begin(connection: Connection, callee: &LayeredCallee) -> Result<Begun<LayeredLine>, Trouble> {
        let LayeredCallee { layering, clock, .. } = callee;
        let call = LayeredConnection::begin(connection, layering, clock.by_both());
        let call = call.map_err(|error| Trouble::of("getrandom(2)", &error))?;
        Ok(LayeredLine::of(call, *clock).begun())
    }

    fn begun(self) -> Begun<LayeredLine> {
        match self.call.is_open() {
            true => Begun::Open(self),
            false => Begun::Opening(Opening::Layers(self)),
        }
    }

    /// Receives until the layers are open, or wait for their peer. What came behind that is kept.
    fn shake(mut self) -> Result<Begun<LayeredLine>, Trouble> {
        self.call.flush();
        let mut buffer = vec![0; SEND_BYTES];
        while !self.call.is_open() {
            match self.call.receive(&mut buffer, self.clock.by_both()) {
                Ok(Arrived::Event) => self.look_for_failure()?,
                Ok(Arrived::Nothing) => {}
                Ok(Arrived::Finished) => return Err(Trouble::PeerFinished),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Trouble::of("recv(2)", &error)),
            }
        }
        Ok(self.begun())
    }

    /// Takes what a layer told before they were all open.
    fn look_for_failure(&mut self) -> Result<(), Trouble> {
        while !self.call.is_open()
            && let Some(above) = self.call.next_event()
        {
            self.fail(&above)?;
        }
        Ok(())
    }

    /// Gives what an event brought to whoever listens.
    fn take(
        &mut self,
        above: &Above,
        now: Moment,
        hear: &mut impl FnMut(&[u8], Moment) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        above.pieces().try_for_each(|piece| hear(piece, now))?;
        self.has_ended |= above.is_finished();
        self.fail(above)
    }

    /// Why it cannot go on, if a layer cannot.
    fn fail(&self, above: &Above) -> Result<(), Trouble> {
        let Some(failure) = above.failed() else { return Ok(()) };
        if failure.is_reset() {
            self.call.connection().reset_at_close();
        }
        let name = failure.name();
        let is_on_purpose = matches!(failure, Failure::Impair(_));
        Err(match failure.is_distrust() {
            true => Trouble::NotTrusted(name),
            false if is_on_purpose => Trouble::OnPurpose(name),
            false => Trouble::LayerFailed(name),
        })
    }
}

impl Line for LayeredLine {
    type Callee = LayeredCallee;
    type Opening = Opening;
    type Leaving = Leaving;

    fn connect_timeout(callee: &LayeredCallee) -> Duration {
        callee.callee.connect_timeout()
    }

    fn dial(callee: &LayeredCallee) -> Result<Begun<LayeredLine>, NotBegun> {
        match dial(&callee.callee)? {
            Dialling::Connected(connection) => {
                let begun = LayeredLine::begin(connection, callee);
                begun.map_err(NotBegun::Trouble)
            }
            Dialling::Pending(pending) => Ok(Begun::Opening(Opening::Dialling(Box::new(pending)))),
        }
    }

    fn watch_opening(opening: &Opening, epoll: &mut Epoll, token: u64) -> io::Result<()> {
        match opening {
            Opening::Dialling(pending) => epoll.add(pending.as_fd(), token, Watch::Both),
            Opening::Layers(line) => line.watch(epoll, token).map(drop),
        }
    }

    fn go_on_opening(
        opening: Opening,
        callee: &LayeredCallee,
        edge: Edge,
    ) -> Result<Begun<LayeredLine>, Trouble> {
        match opening {
            Opening::Dialling(_) if !edge.writable => Ok(Begun::Opening(opening)),
            Opening::Dialling(pending) => {
                match LayeredLine::begin(pending.outcome()?, callee)? {
                    // It may have spoken, or finished, already: that edge has come too.
                    Begun::Opening(Opening::Layers(line)) => line.shake(),
                    begun @ (Begun::Open(_) | Begun::Opening(Opening::Dialling(_))) => Ok(begun),
                }
            }
            Opening::Layers(line) => line.shake(),
        }
    }

    fn opening_due(opening: &Opening, connected: Moment, clock: Clock) -> Moment {
        match opening {
            Opening::Dialling(_) => connected,
            Opening::Layers(line) => line.due(clock).unwrap_or(connected),
        }
    }

    fn late(opening: Opening) -> Result<Begun<LayeredLine>, Trouble> {
        match opening {
            Opening::Dialling(_) => Err(Trouble::NotOpened),
            Opening::Layers(mut line) => {
                line.look_after();
                line.shake()
            }
        }
    }

    fn watch(&self, epoll: &mut Epoll, token: u64) -> io::Result<Watch> {
        epoll.add(self.call.as_fd(), token, Watch::Both)?;
        Ok(Watch::Both)
    }

    fn change(&self, epoll: &Epoll, token: u64, _: Watch) -> io::Result<()> {
        epoll.change(self.call.as_fd(), token, Watch::Both)
    }

    /// What layers answer by themselves may wait for room at any time: it is always watched for both.
    fn wakes_for_room(&self) -> bool {
        false
    }

    fn due(&self, clock: Clock) -> Option<Moment> {
        self.call.next_deadline().map(|due| clock.moment_of(due, self.clock))
    }

    fn look_after(&mut self) {
        self.call.deadline(self.clock.by_both());
    }

    fn has_kept(&self) -> bool {
        self.call.has_events()
    }

    fn receive(
        &mut self,
        buffer: &mut [u8],
        clock: Clock,
        mut hear: impl FnMut(&[u8], Moment) -> Result<(), Trouble>,
    ) -> Result<Came, Trouble> {
        self.has_drained = false;
        loop {
            while let Some(above) = self.call.next_event() {
                let now = clock.now();
                self.take(&above, now, &mut hear)?;
                if above.pieces().next().is_some() {
                    return Ok(Came::Bytes(above.pieces().map(<[u8]>::len).sum(), now));
                }
            }
            if self.has_ended {
                return Ok(Came::End);
            }
            match self.call.receive(buffer, self.clock.by_both()) {
                Ok(Arrived::Event | Arrived::Nothing) => self.has_drained = !self.call.may_have_more(),
                Ok(Arrived::Finished) => self.has_ended = true,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Came::Nothing),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Trouble::of("recv(2)", &error)),
            }
        }
    }

    fn is_drained(&self, _: usize, _: usize, is_quiet: bool) -> bool {
        let has_drained = match self.call.connection().shape() {
            Shape::Stream => self.has_drained,
            Shape::Datagram | Shape::SeqPacket => is_quiet,
        };
        has_drained && !self.has_kept() && !self.has_ended
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Option<usize>, Trouble> {
        let is_stream = self.call.shape() == Shape::Stream;
        let bytes = if is_stream { &bytes[..bytes.len().min(SEND_BYTES)] } else { bytes };
        match self.call.send(bytes, self.clock.by_both()) {
            Ok(()) => Ok(Some(bytes.len())),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(Trouble::of("send(2)", &error)),
        }
    }

    fn flush(&mut self) -> bool {
        if self.call.waits_for_room() {
            self.call.flush();
        }
        !self.call.waits_for_room()
    }

    fn leave(
        mut self,
        why: Option<Trouble>,
        churn: bool,
        clock: Clock,
        epoll: &mut Epoll,
        token: u64,
    ) -> Left<LayeredLine> {
        if why.is_some() {
            return Left::Gone(why);
        }
        // Nobody says that no more datagrams come.
        self.has_ended |= self.call.connection().shape() == Shape::Datagram;
        self.call.finish(self.clock.by_both());
        let until = clock.now() + LINGER;
        let leaving = Leaving { line: self, churn, until, due: until };
        LayeredLine::go_on_leaving(leaving, &mut [0; 4096], clock, epoll, token)
    }

    fn go_on_leaving(
        mut leaving: Leaving,
        buffer: &mut [u8],
        clock: Clock,
        _: &mut Epoll,
        _: u64,
    ) -> Left<LayeredLine> {
        let Leaving { line, churn, until, due } = &mut leaving;
        line.look_after();
        // What it brought is of no interest but for its end.
        while !*churn && !line.has_ended {
            match Line::receive(line, buffer, clock, |_, _| Ok(())) {
                Ok(Came::Bytes(..)) => {}
                Ok(Came::Nothing) => break,
                Ok(Came::End) | Err(_) => line.has_ended = true,
            }
        }
        line.flush();
        let is_done = (*churn || line.has_ended) && !line.call.owes();
        if is_done || clock.now() >= *until {
            if *churn && line.call.connection().transport() == Transport::Tcp {
                line.call.connection().reset_at_close(); // as a bare socket is
            }
            return Left::Gone(None);
        }
        *due = line.due(clock).map_or(*until, |due| due.min(*until));
        Left::Leaving(leaving)
    }

    fn leaving_due(leaving: &Leaving) -> Moment {
        leaving.due
    }
}
