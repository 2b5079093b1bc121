//! The system calls that are traced, in the order of a call's life.

/// A system call, or one of the C library's calls that ask the resolver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the manual's page of that name")]
pub enum SystemCall {
    Getaddrinfo,
    Getnameinfo,
    Socket,
    Setsockopt,
    Getsockopt,
    Ioctl,
    Bind,
    Listen,
    Connect,
    Accept4,
    Getsockname,
    Getpeername,
    Send,
    Sendto,
    Sendmsg,
    Recv,
    Recvfrom,
    Recvmsg,
    Shutdown,
    Close,
    Dup,
    Read,
    Write,
    Poll,
    EpollCreate1,
    EpollCtl,
    EpollWait,
    IoUringSetup,
    IoUringEnter,
    Eventfd,
    Fork,
    Clone,
    PidfdOpen,
    Waitpid,
}

impl SystemCall {
    /// Its name in the manual.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SystemCall::Getaddrinfo => "getaddrinfo",
            SystemCall::Getnameinfo => "getnameinfo",
            SystemCall::Socket => "socket",
            SystemCall::Setsockopt => "setsockopt",
            SystemCall::Getsockopt => "getsockopt",
            SystemCall::Ioctl => "ioctl",
            SystemCall::Bind => "bind",
            SystemCall::Listen => "listen",
            SystemCall::Connect => "connect",
            SystemCall::Accept4 => "accept4",
            SystemCall::Getsockname => "getsockname",
            SystemCall::Getpeername => "getpeername",
            SystemCall::Send => "send",
            SystemCall::Sendto => "sendto",
            SystemCall::Sendmsg => "sendmsg",
            SystemCall::Recv => "recv",
            SystemCall::Recvfrom => "recvfrom",
            SystemCall::Recvmsg => "recvmsg",
            SystemCall::Shutdown => "shutdown",
            SystemCall::Close => "close",
            SystemCall::Dup => "dup",
            SystemCall::Read => "read",
            SystemCall::Write => "write",
            SystemCall::Poll => "poll",
            SystemCall::EpollCreate1 => "epoll_create1",
            SystemCall::EpollCtl => "epoll_ctl",
            SystemCall::EpollWait => "epoll_wait",
            SystemCall::IoUringSetup => "io_uring_setup",
            SystemCall::IoUringEnter => "io_uring_enter",
            SystemCall::Eventfd => "eventfd",
            SystemCall::Fork => "fork",
            SystemCall::Clone => "clone",
            SystemCall::PidfdOpen => "pidfd_open",
            SystemCall::Waitpid => "waitpid",
        }
    }
}
