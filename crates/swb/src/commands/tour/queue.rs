//! The backlog: the queue of callers that the kernel holds, and what happens when it is full.
//!
//! listen(2), tcp(7), unix(7): Linux takes one caller more than was asked for. A further TCP caller is not
//! rejected: its SYN gets no answer, and it sends it again after 1 s. A Unix caller who does not wait gets
//! `EAGAIN`.

use std::net::SocketAddr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::addr::SocketAddrArg;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with, sockopt};
use switchboard::{Address, Place};

use super::scene::{Missed, Played, Scene, check, same};
use super::stage::{Server, Stage};

pub(super) const SCENES: &[Scene] = &[Scene {
    rows: &["C3"],
    name: "backlog",
    idea: "The kernel queues one caller more than the backlog says; the next is not rejected, but tries again.",
    by_hand: &[PRINT, "swb connect tcp://localhost:5432", "ss -tln 'sport = :5432'"],
    play,
}];

const PRINT: &str = "swb serve print tcp://:5432 unix:/tmp/print.sock --engine iterative --backlog 2";

/// Callers that the queue takes: one more than the backlog.
const QUEUED: usize = 3;

/// How long a call is looked at that does not get through; less than the second after which it tries again.
const LOOK: Duration = Duration::from_millis(250);

fn play(stage: &mut Stage<'_>) -> Played {
    let Server { mut program, addresses } = stage.serve(PRINT)?;
    let mut answered = stage.caller(&addresses[0])?;
    answered.send(b"hello\n")?;
    program.output(6)?;

    let tcp: SocketAddr = addresses[0]
        .to_string()
        .trim_start_matches("tcp://")
        .parse()
        .map_err(|_| Missed::Differed(format!("{} is no socket address", addresses[0])))?;
    let mut queued = Vec::new();
    let shut_out = loop {
        let (call, errno) = call(AddressFamily::INET, &tcp)?;
        check(matches!(errno, None | Some(Errno::INPROGRESS)), || format!("connect(2): {errno:?}"))?;
        if !stage.patience().is_ready_within(LOOK, call.as_fd(), PollFlags::OUT)? {
            break call;
        }
        is_connected(&call)?;
        queued.push(call);
        check(queued.len() <= QUEUED, || format!("{} callers were queued, not {QUEUED}", queued.len()))?;
    };
    same("TCP callers in the queue", queued.len(), QUEUED)?;

    let unix = unix_address(&addresses[1])?;
    let mut unix_queued = Vec::new();
    let errno = loop {
        match call(AddressFamily::UNIX, &unix)? {
            (call, None) if unix_queued.len() <= QUEUED => unix_queued.push(call),
            (_, errno) => break errno,
        }
    };
    same("Unix callers in the queue", unix_queued.len(), QUEUED)?;
    same("the next Unix caller got", errno, Some(Errno::AGAIN))?;

    drop((answered, queued, unix_queued));
    stage
        .patience()
        .ready("the last TCP caller's SYN to be answered", &[(shut_out.as_fd(), PollFlags::OUT)])?;
    is_connected(&shut_out)?;
    stage.tell("one caller was answered, others came until the queue was full; then all hung up");
    Ok(format!(
        "{QUEUED} queued over TCP and over unix; the next over unix got EAGAIN; the next over TCP was still \
         connecting after {} ms, and got through when there was room",
        LOOK.as_millis(),
    ))
}

/// A call that does not wait, and why it is not connected.
fn call(family: AddressFamily, to: &impl SocketAddrArg) -> Result<(OwnedFd, Option<Errno>), Missed> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let call = socket_with(family, SocketType::STREAM, flags, None)
        .map_err(|errno| Missed::call("socket(2)", errno))?;
    let errno = connect(&call, to).err();
    Ok((call, errno))
}

fn is_connected(call: &OwnedFd) -> Result<(), Missed> {
    let failed = |errno| Missed::call("connect(2)", errno);
    sockopt::socket_error(call).map_err(failed)?.map_err(failed)
}

fn unix_address(address: &Address) -> Result<SocketAddrUnix, Missed> {
    match &address.place {
        Place::Path(path) => {
            SocketAddrUnix::new(&path[..]).map_err(|errno| Missed::call("sockaddr_un", errno))
        }
        Place::Network { .. }
        | Place::Abstract(_)
        | Place::Standard
        | Place::Descriptor(_)
        | Place::Command(_)
        | Place::Nameless => Err(Missed::Differed(format!("{address} is no path"))),
    }
}
