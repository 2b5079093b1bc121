//! What follows the opening: the calls for each caller, by engine. Tables.
//!
//! `listener` is the socket that was opened, `call` the one that accept4(2) gives or that was connected. Which
//! comes first, and how often, the peer decides.

use std::borrow::Cow;

use switchboard::Engine;

/// A call, and what it is for.
pub(super) struct Row {
    pub(super) call: Cow<'static, str>,
    pub(super) words: Cow<'static, str>,
}

pub(super) fn row(call: &str, words: &str) -> Row {
    Row { call: call.to_owned().into(), words: words.to_owned().into() }
}

pub(super) const fn fixed(call: &'static str, words: &'static str) -> Row {
    Row { call: Cow::Borrowed(call), words: Cow::Borrowed(words) }
}

/// How one who calls goes on.
#[derive(Clone, Copy)]
pub(super) enum Caller {
    /// `connect` on a byte stream.
    Joined,
    /// `connect` on a message transport.
    JoinedByMessages,
    /// `ask` on a byte stream: to its end.
    Asks,
    /// `ask` for one message or frame.
    AsksOnce,
    /// Each of the calls of `load`.
    Loads,
    /// The first end of a relay, of which more is said where both are joined.
    Relayed,
}

impl Caller {
    pub(super) fn rows(self) -> &'static [Row] {
        match self {
            Caller::Joined => JOINED,
            Caller::JoinedByMessages => JOINED_BY_MESSAGES,
            Caller::Asks => ASKS,
            Caller::AsksOnce => ASKS_ONCE,
            Caller::Loads => LOADS,
            Caller::Relayed => RELAYED_FROM,
        }
    }
}

/// After connect(2) said EINPROGRESS.
pub(super) static DIALLED: &[Row] = &[
    fixed("poll([call])", "until it has connected or failed (connect-timeout)"),
    fixed("getsockopt(call, SOL_SOCKET, SO_ERROR)", "which of the two"),
    fixed("getsockname(call)", "our own address: the port that the kernel chose"),
];

pub(super) static ASKED_TO_CALL: &[Row] = &[
    fixed("send(call)", "what it is to call, and who we are, where it asks; SOCKS in up to three steps"),
    fixed("recv(call, MSG_PEEK)", "what it answers; what is behind that is not its own, and stays"),
    fixed("recv(call)", "the answer alone"),
];

static RELAYED_FROM: &[Row] = &[fixed(
    "poll([call])",
    "while the other end is called, and then until either has something, or has room",
)];

static JOINED: &[Row] = &[
    fixed("poll([call, input, output])", "until one of them has something, or has room"),
    fixed("read(input)", "what you type"),
    fixed("send(call)", "goes to the peer"),
    fixed("shutdown(call, SHUT_WR)", "when the input has ended: a FIN"),
    fixed("recv(call)", "what the peer says; 0 bytes: it has finished"),
    fixed("write(output)", "shows it"),
    fixed("close(call)", "when the peer has finished and all is shown"),
];

static JOINED_BY_MESSAGES: &[Row] = &[
    fixed("poll([call, input, output])", "until one of them has something, or has room"),
    fixed("read(input)", "what you type"),
    fixed("send(call)", "each line goes as one message"),
    fixed("recv(call)", "each message of the peer"),
    fixed("write(output)", "shows it"),
    fixed("close(call)", "some time after the input has ended (--wait)"),
];

static ASKS: &[Row] = &[
    fixed("send(call)", "the message"),
    fixed("shutdown(call, SHUT_WR)", "a FIN: that was all"),
    fixed("poll([call])", "until there is an answer"),
    fixed("recv(call)", "the answer, piece by piece; 0 bytes: its end"),
    fixed("close(call)", ""),
];

static ASKS_ONCE: &[Row] = &[
    fixed("send(call)", "the message"),
    fixed("poll([call])", "until there is an answer; over datagrams it is sent again (--retries)"),
    fixed("recv(call)", "the answer"),
    fixed("close(call)", ""),
];

static LOADS: &[Row] = &[
    fixed("epoll_ctl(epoll, EPOLL_CTL_ADD, call, EPOLLIN|EPOLLRDHUP|EPOLLET)", "tells when an answer comes"),
    fixed("socket(), connect() = call", "each further call; epoll tells when it is connected"),
    fixed("send(call)", "a message, or several behind each other (--in-flight)"),
    fixed(
        "epoll_wait(epoll)",
        "until an answer comes; poll([epoll]) until a message is due, to the nanosecond",
    ),
    fixed("recv(call)", "the answer, which is compared with what is expected"),
    fixed("close(call)", "at the end; with --churn after each answer, by a reset that leaves no TIME_WAIT"),
];

/// `listen` on a byte stream.
pub(super) static ANSWERED_AND_JOINED: &[Row] = &[
    fixed("poll([listener])", "until somebody calls"),
    fixed("accept4(listener) = call", "a new descriptor for this caller; the listener stays what it was"),
    fixed("getsockname(call)", "which of our addresses was called"),
    fixed("close(listener)", "unless the next caller is to be answered too (--keep)"),
    fixed("poll([call, input, output])", "until one of them has something, or has room"),
    fixed("recv(call), write(output)", "what the caller says is shown"),
    fixed("read(input), send(call)", "what you type goes to the caller"),
    fixed("shutdown(call, SHUT_WR)", "when the input has ended: a FIN"),
    fixed("close(call)", "when both have finished"),
];

/// `listen` on datagrams.
pub(super) static MESSAGES_JOINED: &[Row] = &[
    fixed("poll([listener, input, output])", "until a message comes, or you type"),
    fixed("recvfrom(listener)", "a message, and who sent it; recvmsg on a wildcard address"),
    fixed("write(output)", "shows it"),
    fixed("read(input), sendto(listener)", "what you type goes to whom was heard last"),
];

/// A program that is called.
pub(super) static SPOKEN_WITH: &[Row] = &[
    fixed("poll([from, to, input, output])", "until one of them has something, or has room"),
    fixed("read(input), write(to)", "what you type goes to its standard input"),
    fixed("close(to)", "when the input has ended: it reads an end"),
    fixed("read(from), write(output)", "what it says is shown; 0 bytes: its output is closed"),
    fixed("waitpid(pid, WNOHANG)", "when it reads and says no more: its exit status is ours"),
];

/// Each of the programs of `load`.
pub(super) static LOADED_PROGRAM: &[Row] = &[
    fixed(
        "epoll_ctl(epoll, EPOLL_CTL_ADD, from), the same for to",
        "tells when it has said something, or has room",
    ),
    fixed("write(to)", "a message, or several behind each other (--in-flight), on its standard input"),
    fixed("epoll_wait(epoll)", "until it answers"),
    fixed("read(from)", "the answer, which is compared with what is expected"),
    fixed("close(to)", "when all is answered: it reads an end, and ends"),
    fixed("pidfd_open(pid), waitpid(pid, WNOHANG)", "how it ended: one that failed is a failed call"),
    fixed("kill(-pid, SIGTERM), kill(-pid, SIGKILL)", "if it does not end by itself within 2 s each"),
];

/// A caller and the program that was started for it.
pub(super) static RELAYED_TO_PROGRAM: &[Row] = &[
    fixed("recv(call), write(to)", "what the caller says goes to its standard input"),
    fixed("read(from), send(call)", "what it says goes to the caller"),
    fixed("close(to)", "when the caller has finished: it reads an end"),
    fixed("shutdown(call, SHUT_WR)", "when its output is closed: a FIN"),
    fixed("pidfd_open(pid), waitpid(pid, WNOHANG)", "when the call is over: it is reaped as it ends"),
    fixed("kill(-pid, SIGTERM), kill(-pid, SIGKILL)", "if it does not end by itself within 2 s each"),
];

/// A caller who is given to a program, under any engine.
pub(super) static HANDED_OVER: &[Row] = &[
    fixed("accept4(listener) = call", "a new descriptor for this caller"),
    fixed("getsockname(call)", "which of our addresses was called"),
    fixed("posix_spawn(program)", "it gets the socket as 0 and 1, and waits on it as on any file"),
    fixed("close(call)", "ours: the call is the program's from now on"),
    fixed("pidfd_open(pid), waitpid(pid, WNOHANG)", "when it ends, so has the call"),
    fixed("kill(-pid, SIGTERM), kill(-pid, SIGKILL)", "if a drain or a limit ends it, 2 s apart"),
];

/// Two that are joined.
pub(super) static RELAYED: &[Row] = &[
    fixed("recv(call), send(far)", "what the caller says goes to the other end"),
    fixed("recv(far), send(call)", "what the other end says goes to the caller"),
    fixed("shutdown(far, SHUT_WR)", "when the caller has finished: a FIN; the same the other way round"),
    fixed(
        "ioctl(far, SIOCOUTQ), setsockopt(far, SO_LINGER)",
        "when the caller has reset: a reset too, once all is there",
    ),
    fixed("close(call), close(far)", "when both have finished"),
];

/// The calls for each caller of a byte stream or of records.
pub(super) fn under(engine: Engine) -> &'static [Row] {
    match engine {
        Engine::Iterative => ITERATIVE,
        Engine::Process => PROCESS,
        Engine::Thread => THREAD,
        Engine::Poll => POLL,
        Engine::Epoll => EPOLL,
        Engine::Uring => URING,
    }
}

/// The calls for each datagram.
pub(super) fn messages(engine: Engine) -> &'static [Row] {
    match engine {
        Engine::Iterative | Engine::Process | Engine::Thread | Engine::Poll => MESSAGES_BY_POLL,
        Engine::Epoll => MESSAGES_BY_EPOLL,
        Engine::Uring => MESSAGES_BY_URING,
    }
}

static ITERATIVE: &[Row] = &[
    fixed("poll([listener])", "until somebody calls"),
    fixed("accept4(listener) = call", "a new descriptor for this caller"),
    fixed("getsockname(call)", "which of our addresses was called"),
    fixed("poll([call])", "while this call is open nobody else is answered: they wait in the backlog"),
    fixed("recv(call)", "what the caller says; 0 bytes: it has finished"),
    fixed("send(call)", "what the service answers"),
    fixed("shutdown(call, SHUT_WR)", "when the service has finished: a FIN"),
    fixed("close(call)", "then the next caller"),
];

static PROCESS: &[Row] = &[
    fixed("epoll_wait(epoll)", "until somebody calls, or a child has ended"),
    fixed("accept4(listener) = call", "a new descriptor for this caller"),
    fixed("getsockname(call)", "which of our addresses was called"),
    fixed("fork() = child", "a process for this call alone"),
    fixed("  in the child: close(listener)", "it answers nobody else"),
    fixed("  in the child: poll([call])", "until the caller has said something"),
    fixed("  in the child: recv(call)", "what the caller says; 0 bytes: it has finished"),
    fixed("  in the child: send(call)", "what the service answers"),
    fixed("  in the child: shutdown(call, SHUT_WR)", "when the service has finished: a FIN"),
    fixed("  in the child: close(call)", "and the child ends"),
    fixed("pidfd_open(child)", "in the parent: readable when the child has ended"),
    fixed("close(call)", "in the parent: the call is the child's; then the next caller"),
    fixed("waitpid(child)", "in the parent, once it has ended: no child is left behind"),
];

static THREAD: &[Row] = &[
    fixed("poll([listener])", "until somebody calls"),
    fixed("accept4(listener) = call", "a new descriptor for this caller"),
    fixed("getsockname(call)", "which of our addresses was called"),
    fixed("clone()", "a thread for this call alone; the first goes on answering"),
    fixed("  in the thread: poll([call])", "until the caller has said something"),
    fixed("  in the thread: recv(call)", "what the caller says; 0 bytes: it has finished"),
    fixed("  in the thread: send(call)", "what the service answers"),
    fixed("  in the thread: shutdown(call, SHUT_WR)", "when the service has finished: a FIN"),
    fixed("  in the thread: close(call)", "and the thread ends"),
];

static POLL: &[Row] = &[
    fixed("poll([listener, every call])", "until any of them has something, or has room"),
    fixed("accept4(listener) = call", "a new descriptor for this caller, from now on in the list"),
    fixed("getsockname(call)", "which of our addresses was called"),
    fixed("recv(call)", "what the caller says; 0 bytes: it has finished"),
    fixed("send(call)", "what the service answers"),
    fixed("shutdown(call, SHUT_WR)", "when the service has finished: a FIN"),
    fixed("close(call)", ""),
];

static EPOLL: &[Row] = &[
    fixed("epoll_wait(epoll)", "in each worker, until any of its sockets has something, or has room"),
    fixed("accept4(listener) = call", "a new descriptor for this caller"),
    fixed("getsockname(call)", "which of our addresses was called"),
    fixed("epoll_ctl(epoll, EPOLL_CTL_ADD, call)", "the kernel tells of it from now on"),
    fixed("recv(call)", "what the caller says; 0 bytes: it has finished"),
    fixed("send(call)", "what the service answers"),
    fixed("shutdown(call, SHUT_WR)", "when the service has finished: a FIN"),
    fixed("close(call)", "which takes it out of the epoll too"),
];

static URING: &[Row] = &[
    fixed("accept4(listener) = call", "in each worker: whoever waits already, until nobody does"),
    fixed(
        "io_uring_enter(ring: accept(listener)) = call",
        "from now on the kernel accepts; where workers share a unix listener it polls",
    ),
    fixed("getpeername(call)", "who has called"),
    fixed("getsockname(call)", "which of our addresses was called"),
    fixed(
        "io_uring_enter(ring: recv(call))",
        "from now on the kernel receives; 0 bytes: the caller has finished",
    ),
    fixed("send(call)", "what the service answers"),
    fixed("shutdown(call, SHUT_WR)", "when the service has finished: a FIN"),
    fixed("close(call)", ""),
];

static MESSAGES_BY_URING: &[Row] = &[
    fixed("recvmmsg(listener)", "in each worker: what has come already; recvfrom over unix-dgram"),
    fixed(
        "io_uring_enter(ring: recvmsg(listener))",
        "from now on the kernel receives messages and bursts; it polls over unix-dgram",
    ),
    fixed(
        "sendto(listener)",
        "the answer; sendmmsg for several, sendmsg for one from the address that was asked",
    ),
];

static MESSAGES_BY_POLL: &[Row] = &[
    fixed("poll([listener])", "until a message comes"),
    fixed("recvmmsg(listener)", "messages and bursts of them, and who sent each; recvfrom over unix-dgram"),
    fixed(
        "sendto(listener)",
        "the answer; sendmmsg for several, sendmsg for one from the address that was asked",
    ),
];

static MESSAGES_BY_EPOLL: &[Row] = &[
    fixed("epoll_wait(epoll)", "in each worker, until a message comes"),
    fixed("recvmmsg(listener)", "messages and bursts of them, and who sent each; recvfrom over unix-dgram"),
    fixed(
        "sendto(listener)",
        "the answer; sendmmsg for several, sendmsg for one from the address that was asked",
    ),
];
