//! Who is told of every system call on a socket, as it is made.
//!
//! A process has one tracer, which stays. Without one a call costs one relaxed load of a flag more than the call
//! itself: no clock is read, nothing is formatted. The calls themselves are in `call.rs`.

use std::fmt;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use crate::SystemCall;

/// A system call that was made.
#[derive(Debug)]
pub struct Traced<'a> {
    /// Which.
    pub call: SystemCall,
    /// Its arguments by their names, as they stand between the brackets: one line of printable characters.
    pub arguments: &'a str,
    /// What it answered, in the same form, or why it failed.
    pub result: Result<&'a str, &'a io::Error>,
    /// When it was called.
    pub began: SystemTime,
    /// How long it took.
    pub took: Duration,
}

/// Is told of system calls, by the thread that made each, before that thread goes on.
pub trait Tracer: Send + Sync {
    /// A call has returned. After fork(2) the child has a copy of the tracer.
    fn traced(&self, call: &Traced<'_>);
}

static IS_ON: AtomicBool = AtomicBool::new(false);
static TRACER: OnceLock<Box<dyn Tracer>> = OnceLock::new();

/// Tells `tracer` of every call from now on.
///
/// # Errors
///
/// There is a tracer already.
pub fn install(tracer: impl Tracer + 'static) -> Result<(), AlreadyTraced> {
    TRACER.set(Box::new(tracer)).map_err(|_| AlreadyTraced)?;
    IS_ON.store(true, Relaxed);
    Ok(())
}

/// Whether calls are told of.
#[inline]
#[must_use]
pub fn is_on() -> bool {
    IS_ON.load(Relaxed)
}

/// Makes a call and tells of it: its arguments, and what it answered.
///
/// # Errors
///
/// What the call says.
#[inline(always)]
pub fn traced<T, E: Into<io::Error>>(
    call: SystemCall,
    make: impl FnOnce() -> Result<T, E>,
    arguments: impl FnOnce() -> String,
    answer: impl FnOnce(&T) -> String,
) -> io::Result<T> {
    traced_with(call, &mut (), |()| make(), |()| arguments(), |(), answered| answer(answered))
}

/// As [`traced`], for a call that writes to `lent`: a buffer, of which the answer shows something.
///
/// # Errors
///
/// What the call says.
#[inline(always)]
pub fn traced_with<L: ?Sized, T, E: Into<io::Error>>(
    call: SystemCall,
    lent: &mut L,
    make: impl FnOnce(&mut L) -> Result<T, E>,
    arguments: impl FnOnce(&L) -> String,
    answer: impl FnOnce(&L, &T) -> String,
) -> io::Result<T> {
    if is_on() { told(call, lent, make, arguments, answer) } else { make(lent).map_err(Into::into) }
}

/// Out of line, so that a call of which nobody is told has only a branch more.
#[cold]
#[inline(never)]
fn told<L: ?Sized, T, E: Into<io::Error>>(
    call: SystemCall,
    lent: &mut L,
    make: impl FnOnce(&mut L) -> Result<T, E>,
    arguments: impl FnOnce(&L) -> String,
    answer: impl FnOnce(&L, &T) -> String,
) -> io::Result<T> {
    let begun = begin();
    let outcome = make(lent).map_err(Into::into);
    begun.end(call, &outcome, || arguments(lent), |answered| answer(lent, answered));
    outcome
}

/// A call that is about to be made; for one that fits neither [`traced`] nor [`traced_with`].
#[must_use]
pub struct Begun(Option<(SystemTime, Instant)>);

/// Before the call.
#[inline]
pub fn begin() -> Begun {
    Begun(is_on().then(|| (SystemTime::now(), Instant::now())))
}

impl Begun {
    /// After the call.
    #[inline]
    pub fn end<T>(
        self,
        call: SystemCall,
        outcome: &io::Result<T>,
        arguments: impl FnOnce() -> String,
        answer: impl FnOnce(&T) -> String,
    ) {
        if let Begun(Some((began, from))) = self {
            let took = from.elapsed();
            tell(call, &arguments(), outcome.as_ref().map(answer), began, took);
        }
    }
}

#[cold]
fn tell(
    call: SystemCall,
    arguments: &str,
    result: Result<String, &io::Error>,
    began: SystemTime,
    took: Duration,
) {
    if let Some(tracer) = TRACER.get() {
        let result = result.as_deref().map_err(|error| *error);
        tracer.traced(&Traced { call, arguments, result, began, took });
    }
}

/// A process has one tracer, and it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyTraced;

impl fmt::Display for AlreadyTraced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("system calls are traced already, and a process has one tracer")
    }
}

impl std::error::Error for AlreadyTraced {}
