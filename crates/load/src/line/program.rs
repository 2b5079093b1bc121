//! A program a call, spoken with through its standard input and output.
//!
//! pipe(7), pidfd_open(2). It is open once it has been started. When all has been said its input is closed, and it may end
//! by itself: what it still says is dropped. Protected: the call keeps its place until the program is reaped, so that
//! there are never more of them than calls. Bounds: after [`LINGER`] it is told to end (SIGTERM), at once where it was cut off in
//! the middle, and after that time again it is killed.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use address::Address;
use conversation::Moment;
use engine::{Edge, Epoll, LINGER, Watch};
use rustix::process::{PidfdFlags, Signal, pidfd_open};
use socket::{Program, ProgramProcess};

use super::{Begun, Came, Left, Line, Never, NotBegun};
use crate::Trouble;
use crate::clock::Clock;

/// How often a program is looked for of which nothing tells that it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What is to be started.
#[derive(Debug)]
pub(crate) struct ProgramCallee(pub(crate) Address);

#[derive(Debug)]
pub(crate) struct ProgramLine(Box<Program>);

impl ProgramLine {
    /// A program that was started already.
    pub(crate) fn of(program: Program) -> ProgramLine {
        ProgramLine(Box::new(program))
    }
}

/// A program that is to end.
pub(crate) struct Leaving {
    stage: Stage,
    why: Option<Trouble>,
    is_told: bool,
    /// When it is told to end, or killed.
    until: Moment,
}

enum Stage {
    /// Its output is read to the end.
    Open(Box<Program>),
    Ending {
        process: ProgramProcess,
        /// Readable once it has ended. `None`: none was to be had, and it is looked for.
        #[expect(dead_code, reason = "held to be watched")]
        pidfd: Option<OwnedFd>,
        look_at: Option<Moment>,
    },
}

impl Line for ProgramLine {
    type Callee = ProgramCallee;
    type Opening = Never;
    type Leaving = Leaving;

    /// To start a program is not a wait for others.
    fn connect_timeout(_: &ProgramCallee) -> Duration {
        Duration::MAX
    }

    fn dial(callee: &ProgramCallee) -> Result<Begun<ProgramLine>, NotBegun> {
        match Program::start(&callee.0, &Vec::new()) {
            Ok(program) => Ok(Begun::Open(ProgramLine::of(program))),
            Err(mut error) => Err(NotBegun::Trouble(match error.tried.pop() {
                Some(attempt) => attempt.into(),
                None => Trouble::Failed { call: "posix_spawn(3)", errno: libc::EINVAL },
            })),
        }
    }

    fn watch_opening(opening: &Never, _: &mut Epoll, _: u64) -> io::Result<()> {
        match *opening {}
    }

    fn go_on_opening(opening: Never, _: &ProgramCallee, _: Edge) -> Result<Begun<ProgramLine>, Trouble> {
        match opening {}
    }

    fn opening_due(opening: &Never, _: Moment, _: Clock) -> Moment {
        match *opening {}
    }

    fn late(opening: Never) -> Result<Begun<ProgramLine>, Trouble> {
        match opening {}
    }

    /// Both of its pipes, each for its own.
    fn watch(&self, epoll: &mut Epoll, token: u64) -> io::Result<Watch> {
        epoll.add(self.0.input(), token, Watch::Read)?;
        if let Some(output) = self.0.output() {
            epoll.add(output, token, Watch::Both)?;
        }
        Ok(Watch::Both)
    }

    fn change(&self, epoll: &Epoll, token: u64, _: Watch) -> io::Result<()> {
        epoll.change(self.0.input(), token, Watch::Read)
    }

    fn wakes_for_room(&self) -> bool {
        false
    }

    fn has_kept(&self) -> bool {
        false
    }

    fn receive(
        &mut self,
        buffer: &mut [u8],
        clock: Clock,
        mut hear: impl FnMut(&[u8], Moment) -> Result<(), Trouble>,
    ) -> Result<Came, Trouble> {
        match self.0.receive(buffer) {
            Ok(received) if received.end => Ok(Came::End),
            Ok(received) => {
                let now = clock.now();
                hear(&buffer[..received.length], now)?;
                Ok(Came::Bytes(received.length, now))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Came::Nothing),
            Err(error) => Err(Trouble::of("read(2)", &error)),
        }
    }

    fn is_drained(&self, came: usize, room: usize, _: bool) -> bool {
        came < room
    }

    fn send(&mut self, bytes: &[u8]) -> Result<Option<usize>, Trouble> {
        match self.0.send(bytes) {
            Ok(taken) => Ok(Some(taken)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(Trouble::of("write(2)", &error)),
        }
    }

    fn flush(&mut self) -> bool {
        true
    }

    fn leave(
        self,
        why: Option<Trouble>,
        _: bool,
        clock: Clock,
        epoll: &mut Epoll,
        token: u64,
    ) -> Left<ProgramLine> {
        let ProgramLine(mut program) = self;
        program.finish();
        let leaving = match why {
            None => {
                let until = clock.now() + LINGER;
                Leaving { stage: Stage::Open(program), why, is_told: false, until }
            }
            // It has ended by itself, perhaps for a reason of its own.
            Some(Trouble::PeerFinished | Trouble::Reset) => {
                let until = clock.now() + LINGER;
                Leaving { stage: ending(*program, epoll, token, clock), why, is_told: false, until }
            }
            Some(_) => {
                let stage = ending(*program, epoll, token, clock);
                Leaving { stage, why, is_told: false, until: clock.now() }
            }
        };
        ProgramLine::go_on_leaving(leaving, &mut [0; 4096], clock, epoll, token)
    }

    fn go_on_leaving(
        mut leaving: Leaving,
        buffer: &mut [u8],
        clock: Clock,
        epoll: &mut Epoll,
        token: u64,
    ) -> Left<ProgramLine> {
        let now = clock.now();
        if let Stage::Open(program) = leaving.stage {
            let has_ended = loop {
                match program.receive(buffer) {
                    Ok(received) if !received.end => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break false,
                    Ok(_) | Err(_) => break true,
                }
                if clock.now() >= leaving.until {
                    break true; // one who says more and more
                }
            };
            if !has_ended && now < leaving.until {
                return Left::Leaving(Leaving { stage: Stage::Open(program), ..leaving });
            }
            leaving.stage = ending(*program, epoll, token, clock);
        }
        let Stage::Ending { process, look_at, .. } = &mut leaving.stage else {
            return Left::Leaving(leaving);
        };
        match process.ended() {
            Ok(None) => {}
            // Whom we ended did not fail; who failed has a reason.
            Ok(Some(status)) if !leaving.is_told && !status.success() => {
                return Left::Gone(match leaving.why {
                    None | Some(Trouble::PeerFinished | Trouble::Reset) => {
                        Some(Trouble::ProgramFailed { wait_status: status.into_raw() })
                    }
                    why => why,
                });
            }
            Ok(Some(_)) | Err(_) => return Left::Gone(leaving.why),
        }
        if now >= leaving.until {
            let signal = if leaving.is_told { Signal::KILL } else { Signal::TERM };
            process.signal(signal);
            (leaving.is_told, leaving.until) = (true, now + LINGER);
        }
        *look_at = look_at.map(|_| now + LOOK_EVERY);
        Left::Leaving(leaving)
    }

    fn leaving_due(leaving: &Leaving) -> Moment {
        match &leaving.stage {
            Stage::Ending { look_at: Some(at), .. } => leaving.until.min(*at),
            Stage::Ending { look_at: None, .. } | Stage::Open(_) => leaving.until,
        }
    }
}

/// Closes the pipes of a program and has its end told.
fn ending(program: Program, epoll: &mut Epoll, token: u64, clock: Clock) -> Stage {
    let process = program.hang_up();
    let pidfd = pidfd_open(process.id(), PidfdFlags::empty()).ok();
    let pidfd = pidfd.filter(|pidfd| epoll.add(pidfd.as_fd(), token, Watch::Read).is_ok());
    let look_at = pidfd.is_none().then(|| clock.now() + LOOK_EVERY);
    Stage::Ending { process, pidfd, look_at }
}
