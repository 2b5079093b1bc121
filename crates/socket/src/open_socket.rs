//! A socket of ours while it is open.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::call;

/// An open socket. Dropping it is close(2), of which the tracer is told.
#[derive(Debug)]
pub(crate) struct OpenSocket(Option<OwnedFd>);

impl From<OwnedFd> for OpenSocket {
    fn from(fd: OwnedFd) -> OpenSocket {
        OpenSocket(Some(fd))
    }
}

impl From<OpenSocket> for OwnedFd {
    #[expect(clippy::expect_used, reason = "it is taken here and in drop, after which nobody has it")]
    fn from(mut socket: OpenSocket) -> OwnedFd {
        socket.0.take().expect("an open socket has its descriptor")
    }
}

impl AsFd for OpenSocket {
    #[expect(clippy::expect_used, reason = "as above")]
    #[inline]
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_ref().expect("an open socket has its descriptor").as_fd()
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        if let Some(fd) = self.0.take() {
            call::close(fd);
        }
    }
}
