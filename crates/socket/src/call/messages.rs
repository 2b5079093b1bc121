//! Messages with what goes beside them: recvmsg(2), recvmmsg(2), sendmsg(2), sendmmsg(2).

use std::io;
use std::os::fd::AsFd;

use sys::{Inbox, Outgoing};

use super::bytes::SENDS_NAMES;
use super::text::{incoming, number, outgoing};
use super::wait::list;
use crate::SystemCall;
use crate::packet_info::{Label, Told};
use crate::trace::{traced, traced_with};

const RECEIVES_NAMES: &str = "MSG_DONTWAIT|MSG_TRUNC";

/// sendmsg(2): from which of our addresses, in datagrams of what length.
#[inline]
pub(crate) fn send_message(fd: impl AsFd, bytes: &[u8], label: &Label) -> io::Result<usize> {
    traced(
        SystemCall::Sendmsg,
        || sys::send_message(&fd, &label.on(bytes)),
        || format!("{}, {}, {SENDS_NAMES}, {}", number(&fd), outgoing(bytes), label.shown()),
        ToString::to_string,
    )
}

/// sendmmsg(2): these messages in their order, each with its label. Returns how many went.
#[inline]
pub(crate) fn send_messages(
    fd: impl AsFd,
    messages: &[Outgoing<'_>],
    label: impl Fn(usize) -> String,
) -> io::Result<usize> {
    let shown =
        |(index, message): (usize, &Outgoing<'_>)| format!("{} to {}", outgoing(message.bytes), label(index));
    traced(
        SystemCall::Sendmmsg,
        || sys::send_messages(&fd, messages),
        || {
            let messages = list(messages.iter().enumerate().map(shown));
            format!("{}, [{messages}], {SENDS_NAMES}", number(&fd))
        },
        ToString::to_string,
    )
}

/// recvmsg(2), made by `make`.
#[inline]
pub(crate) fn receive_message(
    fd: impl AsFd,
    buffer: &mut [u8],
    make: impl FnOnce(&mut [u8]) -> io::Result<Told>,
) -> io::Result<Told> {
    traced_with(
        SystemCall::Recvmsg,
        buffer,
        make,
        |buffer| format!("{}, {}, {RECEIVES_NAMES}", number(&fd), buffer.len()),
        |buffer, told| format!("{} {}", incoming(buffer, told.whole, told.whole), told.shown()),
    )
}

/// recvmmsg(2): at most `most` messages. Returns how many came.
#[inline]
pub(crate) fn receive_messages(fd: impl AsFd, inbox: &mut Inbox, most: usize) -> io::Result<usize> {
    traced_with(
        SystemCall::Recvmmsg,
        inbox,
        |inbox| inbox.receive(&fd, most),
        |_| format!("{}, {most} messages, {RECEIVES_NAMES}", number(&fd)),
        |inbox, came| format!("{came}: {}", list(inbox.messages().map(|message| message_received(&message)))),
    )
}

/// A message that was received, for the tracer: its bytes and its sender.
#[must_use]
pub fn message_received(message: &sys::Message<'_>) -> String {
    let whole = message.whole;
    let told = Told::of(whole, message.name, message.control);
    format!("{} {}", incoming(message.bytes, whole, whole), told.shown())
}
