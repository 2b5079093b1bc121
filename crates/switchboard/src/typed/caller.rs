//! The asking side: values sent and received on a call.

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{CallError, Caller, FrameError, FramingError};

use super::{DecodeError, EncodeError, Format};

impl Caller {
    /// Sends a value as one message.
    ///
    /// # Errors
    ///
    /// The value cannot be written or is too long, and nothing was sent; or the call cannot go on.
    pub fn send_typed<T: Serialize + ?Sized>(&mut self, format: Format, value: &T) -> Result<(), TypedError> {
        let message = format.encode(value)?;
        if self.shape().keeps_boundaries() {
            self.send(&message)?;
        } else {
            self.send_frame(format.framing(), &message)?;
        }
        Ok(())
    }

    /// The next message, as a value; `None` once the peer has finished between messages.
    ///
    /// # Errors
    ///
    /// The call cannot go on, a message is too long, or it is no such value. After the last the call can go
    /// on: the message is taken off.
    pub fn receive_typed<T: DeserializeOwned>(&mut self, format: Format) -> Result<Option<T>, TypedError> {
        let message = if self.shape().keeps_boundaries() {
            self.receive()?
        } else {
            self.receive_frame(format.framing())?
        };
        Ok(message.map(|message| format.decode(&message)).transpose()?)
    }
}

/// A call on which `Request`s are sent and `Answer`s received.
#[derive(Debug)]
pub struct Typed<Request: ?Sized, Answer> {
    caller: Caller,
    format: Format,
    messages: PhantomData<fn(&Request) -> Answer>,
}

impl<Request: Serialize + ?Sized, Answer: DeserializeOwned> Typed<Request, Answer> {
    /// Speaks on this call in this format.
    #[must_use]
    pub fn on(caller: Caller, format: Format) -> Typed<Request, Answer> {
        Typed { caller, format, messages: PhantomData }
    }

    /// Sends a request and waits for the next answer. Over datagrams either may be lost: set a time-out
    /// ([`Caller::with_timeout`]), and let requests carry a number if an answer may come after it.
    ///
    /// # Errors
    ///
    /// As [`Typed::send`] and [`Typed::receive`]; the peer finished without an answer.
    pub fn ask(&mut self, request: &Request) -> Result<Answer, TypedError> {
        self.send(request)?;
        self.receive()?.ok_or(TypedError::Call(CallError::Finished))
    }

    /// Sends a request. Several may be on their way; the answers come in their order.
    ///
    /// # Errors
    ///
    /// See [`Caller::send_typed`].
    pub fn send(&mut self, request: &Request) -> Result<(), TypedError> {
        self.caller.send_typed(self.format, request)
    }

    /// The next answer; `None` once the peer has finished.
    ///
    /// # Errors
    ///
    /// See [`Caller::receive_typed`].
    pub fn receive(&mut self) -> Result<Option<Answer>, TypedError> {
        self.caller.receive_typed(self.format)
    }

    /// The call underneath.
    #[must_use]
    pub fn caller(&mut self) -> &mut Caller {
        &mut self.caller
    }
}

/// Why a value could not be sent or received.
#[derive(Debug)]
pub enum TypedError {
    /// The call cannot go on.
    Call(CallError),
    /// A message on a byte stream is longer than the format allows.
    Framing(FramingError),
    /// The value cannot be written.
    Encode(EncodeError),
    /// The message is no such value.
    Decode(DecodeError),
}

impl fmt::Display for TypedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TypedError::Call(error) => error.fmt(f),
            TypedError::Framing(error) => error.fmt(f),
            TypedError::Encode(error) => error.fmt(f),
            TypedError::Decode(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TypedError {}

impl From<CallError> for TypedError {
    fn from(error: CallError) -> Self {
        TypedError::Call(error)
    }
}

impl From<FrameError> for TypedError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Call(error) => TypedError::Call(error),
            FrameError::Framing(error) => TypedError::Framing(error),
        }
    }
}

impl From<EncodeError> for TypedError {
    fn from(error: EncodeError) -> Self {
        TypedError::Encode(error)
    }
}

impl From<DecodeError> for TypedError {
    fn from(error: DecodeError) -> Self {
        TypedError::Decode(error)
    }
}
