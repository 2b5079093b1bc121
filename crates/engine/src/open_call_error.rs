//! Why a call of our own could not be opened, through its layers.

use std::fmt;
use std::io;

use address::Address;
use conversation::CallFailed;
use layers::Failure;
use socket::ConnectError;

use crate::LayeringError;

/// Why a call could not be opened. Its text is one line that names the address, what was tried and why it failed.
#[derive(Debug)]
pub enum OpenCallError {
    /// Nobody could be connected to.
    Connect(ConnectError),
    /// The layers of the address cannot be made.
    Layering(LayeringError),
    /// Whoever answered and a layer could not agree.
    Layers {
        /// Whom it called.
        address: String,
        /// Why not.
        failure: Box<Failure>,
    },
    /// The connection broke before its layers were open.
    Broken {
        /// Whom it called.
        address: String,
        /// The call that said so.
        failed: CallFailed,
    },
}

impl OpenCallError {
    /// Whether the peer is not whom we were told to trust.
    #[must_use]
    pub fn is_distrust(&self) -> bool {
        matches!(self, OpenCallError::Layers { failure, .. } if failure.is_distrust())
    }

    /// Whether its layers were not open in time.
    #[must_use]
    pub fn is_time_out(&self) -> bool {
        matches!(self, OpenCallError::Layers { failure, .. } if failure.is_time_out())
    }

    pub(crate) fn layers(address: &Address, failure: &Failure) -> OpenCallError {
        OpenCallError::Layers { address: address.to_string(), failure: Box::new(failure.clone()) }
    }

    pub(crate) fn broken(address: &Address, call: &'static str, error: &io::Error) -> OpenCallError {
        OpenCallError::Broken { address: address.to_string(), failed: CallFailed::new(call, error) }
    }
}

impl fmt::Display for OpenCallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenCallError::Connect(error) => error.fmt(f),
            OpenCallError::Layering(error) => error.fmt(f),
            OpenCallError::Layers { address, failure } => {
                write!(f, "the call to {address} was broken off: {failure}")
            }
            OpenCallError::Broken { address, failed } => write!(
                f,
                "the call to {address} was broken off before its layers were open: {failed}; does the peer speak them?"
            ),
        }
    }
}

impl std::error::Error for OpenCallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            OpenCallError::Connect(error) => Some(error),
            OpenCallError::Layering(error) => Some(error),
            OpenCallError::Layers { failure, .. } => Some(&**failure),
            OpenCallError::Broken { .. } => None,
        }
    }
}

impl From<ConnectError> for OpenCallError {
    fn from(error: ConnectError) -> OpenCallError {
        OpenCallError::Connect(error)
    }
}

impl From<LayeringError> for OpenCallError {
    fn from(error: LayeringError) -> OpenCallError {
        OpenCallError::Layering(error)
    }
}
