//! Reads postcard with a bound on the depth, which the format itself has not.
//!
//! A type that holds itself (a tree) is read by a function that calls itself, as deep as the message says: a
//! megabyte of nesting would overflow the stack and end the process. Each level reads at least one byte, so
//! the bytes are handed out here, and with each of them the stack is measured. Bound: [`STACK_BYTES_MAX`], a
//! quarter of what the thread of one call has.

use std::cell::Cell;

use postcard::de_flavors::Flavor;
use postcard::{Deserializer, Error};
use serde::de::DeserializeOwned;

/// Stack that the reading of one message may take.
const STACK_BYTES_MAX: usize = 64 * 1024;

/// The value that the whole message stands for; otherwise what is wrong, and at which byte.
pub(super) fn decode<T: DeserializeOwned>(message: &[u8]) -> Result<T, String> {
    let (read, too_deep) = (Cell::new(0), Cell::new(false));
    let source = Shallow { message, read: &read, too_deep: &too_deep, outermost: stack_address() };
    let decoded = T::deserialize(&mut Deserializer::from_flavor(source));
    let at = read.get();
    match decoded {
        Ok(value) if at == message.len() => Ok(value),
        Ok(_) => Err(format!("it ends at byte {at}, and there is more")),
        Err(_) if too_deep.get() => Err(format!("it is nested too deep at byte {at}")),
        Err(error) => Err(format!("{error}, at byte {at}")),
    }
}

struct Shallow<'m> {
    message: &'m [u8],
    read: &'m Cell<usize>,
    too_deep: &'m Cell<bool>,
    outermost: usize,
}

impl<'m> Flavor<'m> for Shallow<'m> {
    type Remainder = ();
    type Source = &'m [u8];

    fn pop(&mut self) -> Result<u8, Error> {
        self.try_take_n(1).map(|taken| taken[0])
    }

    fn try_take_n(&mut self, count: usize) -> Result<&'m [u8], Error> {
        if stack_address().abs_diff(self.outermost) > STACK_BYTES_MAX {
            self.too_deep.set(true);
            return Err(Error::DeserializeUnexpectedEnd);
        }
        let rest = &self.message[self.read.get()..];
        let taken = rest.get(..count).ok_or(Error::DeserializeUnexpectedEnd)?;
        self.read.set(self.read.get() + count);
        Ok(taken)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.message.len() - self.read.get())
    }

    fn finalize(self) -> Result<(), Error> {
        Ok(())
    }
}

/// About where the stack ends now.
#[inline(never)]
fn stack_address() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}
