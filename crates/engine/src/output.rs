//! The standard output of a server: one place to which all calls write, each piece whole.

use std::io;
use std::sync::Mutex;

/// Where [`Effect::Output`](conversation::Effect::Output) goes.
pub struct Output {
    /// Held for one piece, so that pieces of two workers never mix.
    write: Mutex<Box<Write>>,
}

type Write = dyn FnMut(&[u8]) -> io::Result<()> + Send;

impl Output {
    /// The standard output of this process, unbuffered.
    #[must_use]
    pub fn standard() -> Output {
        Output::new(|bytes| {
            let mut rest = bytes;
            while !rest.is_empty() {
                match rustix::io::write(rustix::stdio::stdout(), rest) {
                    Ok(written) => rest = &rest[written..],
                    Err(rustix::io::Errno::INTR) => {}
                    Err(errno) => return Err(errno.into()),
                }
            }
            Ok(())
        })
    }

    /// Calls `write` with each piece. It should take the piece whole or fail.
    pub fn new(write: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static) -> Output {
        Output { write: Mutex::new(Box::new(write)) }
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        // A writer that panicked has left no state here that could be wrong.
        let mut write = self.write.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        write(bytes)
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Output")
    }
}
