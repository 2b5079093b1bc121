//! Why the layers of an address cannot be made.

use std::fmt;

use address::Address;
use layers::{TlsSettingError, WebSocketSettingError};

/// What is wrong with the options of an address that concern its layers, or with the files that they name.
#[derive(Clone, Debug)]
pub struct LayeringError {
    /// Empty until it is known.
    address: String,
    what: String,
    is_misfit: bool,
}

impl LayeringError {
    pub(crate) fn new(what: String) -> LayeringError {
        LayeringError { address: String::new(), what, is_misfit: false }
    }

    /// Options that do not go together, or with what they lie on: no file or system would make them right.
    pub(crate) fn misfit(what: String) -> LayeringError {
        LayeringError { is_misfit: true, ..LayeringError::new(what) }
    }

    /// Whether it is the address itself that is wrong.
    #[must_use]
    pub fn is_misfit(&self) -> bool {
        self.is_misfit
    }

    pub(super) fn at(self, address: &Address) -> LayeringError {
        LayeringError { address: address.shown().to_string(), ..self }
    }
}

impl fmt::Display for LayeringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot use {}: {}", self.address, self.what)
    }
}

impl std::error::Error for LayeringError {}

impl From<TlsSettingError> for LayeringError {
    fn from(error: TlsSettingError) -> LayeringError {
        LayeringError::new(error.to_string())
    }
}

impl From<WebSocketSettingError> for LayeringError {
    fn from(error: WebSocketSettingError) -> LayeringError {
        LayeringError::misfit(error.to_string())
    }
}
