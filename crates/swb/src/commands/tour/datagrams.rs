//! Datagrams: echo, acknowledgements, lost answers, who sent what.

use std::net::UdpSocket;
use std::os::fd::AsFd;

use rustix::event::PollFlags;
use switchboard::{CallError, Caller};

use super::scene::{Missed, Played, Scene, check, same, same_bytes};
use super::stage::{Server, Stage, with};

pub(super) const SCENES: &[Scene] = &[
    Scene {
        rows: &["P24", "P25"],
        name: "udp-echo",
        idea: "A datagram has no call: each goes back to its sender, and whoever asks must ask again if it is lost.",
        by_hand: &[ECHO, ASK],
        play: echo,
    },
    Scene {
        rows: &["P26", "P27"],
        name: "udp-acknowledged",
        idea: "Each datagram is acknowledged to a port of its sender's own; one too long is reported, never cut.",
        by_hand: &[ACKNOWLEDGE, ASK_FROM_OWN_PORT],
        play: acknowledged,
    },
    Scene {
        rows: &["P28"],
        name: "udp-senders",
        idea: "Receiving a datagram tells where it came from, for each one anew.",
        by_hand: &[LISTEN, "swb ask udp://localhost:9988 hi --retries 0"],
        play: senders,
    },
];

const ECHO: &str = "swb serve echo udp://:9988";
const ASK: &str = "swb ask udp://localhost:9988 hi --timeout 200ms --retries 9";
const ACKNOWLEDGE: &str = "swb serve reply 'Server Got Message' udp://:9988 unix-dgram:/tmp/ack.socket";
const ASK_FROM_OWN_PORT: &str = "swb ask 'udp://localhost:9988?bind=:0' 'Got it?'";
const LISTEN: &str = "swb listen udp://:9988 --keep -v";

const SENDERS: usize = 20;

/// Longer than any receive buffer of ours.
const TOO_LONG_BYTES: usize = 400_000;

fn echo(stage: &mut Stage<'_>) -> Played {
    let server = stage.serve(ECHO)?;
    same_bytes("came back", &stage.run(ASK, server.address())?.with_status(0)?.out, b"hi")?;
    stage.tell(format!("{SENDERS} senders at once"));
    let mut senders =
        (0..SENDERS).map(|_| stage.caller(server.address())).collect::<Result<Vec<Caller>, _>>()?;
    let message = |number: usize| vec![b'a' + u8::try_from(number).unwrap_or_default(); 1 + 70 * number];
    for (number, sender) in senders.iter_mut().enumerate() {
        sender.send(&message(number))?;
    }
    for (number, sender) in senders.iter_mut().enumerate() {
        same_bytes("a sender got", &sender.receive()?.unwrap_or_default(), &message(number))?;
    }

    // One who does not answer at first.
    let deaf = UdpSocket::bind("127.0.0.1:0").map_err(|error| Missed::call("bind(2)", error))?;
    let patience = stage.patience();
    let hears = |buffer: &mut [u8]| {
        patience.ready("a question", &[(deaf.as_fd(), PollFlags::IN)])?;
        deaf.recv_from(buffer).map_err(|error| Missed::call("recvfrom(2)", error))
    };
    let address = deaf.local_addr().map_err(|error| Missed::call("getsockname(2)", error))?;
    let asking = stage.call(ASK, &format!("udp://{address}").parse()?)?;
    let mut buffer = [0; 64];
    hears(&mut buffer)?;
    let (length, sender) = hears(&mut buffer)?;
    same_bytes("the second question", &buffer[..length], b"hi")?;
    deaf.send_to(b"hi", sender).map_err(|error| Missed::call("sendto(2)", error))?;
    same_bytes("after that it got", &asking.ended()?.with_status(0)?.out, b"hi")?;
    stage.tell("the first question of the second ask was dropped");
    Ok(format!(
        "each of {SENDERS} senders got its own message back; the lost question was asked again after 200 ms"
    ))
}

fn acknowledged(stage: &mut Stage<'_>) -> Played {
    let Server { mut program, addresses } = stage.serve(ACKNOWLEDGE)?;
    let heard = stage.run(ASK_FROM_OWN_PORT, &addresses[0])?.with_status(0)?.out;
    same_bytes("the sender got", &heard, b"Server Got Message")?;
    // A Unix datagram may be as long as its sender's buffer, which one over UDP may not.
    let mut sender = stage.caller(&with(&addresses[1], "sndbuf=1MiB")?)?;
    let said = match sender.send(&vec![b'x'; TOO_LONG_BYTES]) {
        Ok(()) => {
            stage.tell(format!("a datagram of {TOO_LONG_BYTES} bytes"));
            let said = program.line("truncated")?;
            check(said.contains(&TOO_LONG_BYTES.to_string()), || said.clone())?;
            said.split(" from ").next().unwrap_or_default().to_owned() + " was truncated and dropped"
        }
        Err(CallError::Failed(error)) if error.raw_os_error() == Some(libc::EMSGSIZE) => {
            format!("{TOO_LONG_BYTES} bytes could not be sent here: net.core.wmem_max is less")
        }
        Err(error) => return Err(error.into()),
    };
    sender.send(b"short")?;
    same_bytes("then the sender got", &sender.receive()?.unwrap_or_default(), b"Server Got Message")?;
    Ok(format!("Server Got Message, 18 bytes; the server said: {said}; the next was acknowledged"))
}

fn senders(stage: &mut Stage<'_>) -> Played {
    let Server { mut program, addresses } = stage.serve(LISTEN)?;
    let mut saw = Vec::new();
    for (message, host) in [("one\n", "127.0.0.1"), ("three\n", "127.0.0.2")] {
        let mut sender = stage.caller(&with(&addresses[0], &format!("bind={host}:0"))?)?;
        let name = sender.ends().map_err(|error| Missed::call("getsockname(2)", error))?.0;
        sender.send(message.as_bytes())?;
        let line = program.line("message of ")?;
        let wanted = format!("message of {} bytes from {name} to {}", message.len(), addresses[0]);
        same("it said", &line, &wanted)?;
        saw.push(line);
    }
    stage.tell("two senders from two addresses of this host");
    same_bytes("it printed", program.output(10)?, b"one\nthree\n")?;
    Ok(saw.join("; "))
}
