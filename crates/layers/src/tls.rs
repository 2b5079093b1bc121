//! TLS 1.2 and 1.3 (RFC 5246, RFC 8446), by rustls, driven over memory.
//!
//! What holds: nothing is delivered before the handshake is complete and whoever had to be verified is; nothing after a
//! failure; and a stream ends only by close_notify, since anyone on the way can send a FIN (RFC 8446 section 6.1). A
//! close_notify ends one direction: the other stays open until it is ended too. Bounds: at most one record (18 KiB) is
//! held of what comes, a handshake message of 64 KiB, and nothing of what is sent.
//!
//! The settings of an end are made once ([`TlsServer`], [`TlsClient`]) and each call gets a layer of it: they share the
//! sessions that can be resumed, and the clock.

mod certificate;
mod client;
mod clock;
mod failure;
mod fingerprint;
mod identity;
mod pin;
mod server;
mod setting_error;
mod subject;
mod told;
mod version;

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::Duration;

use conversation::Moment;
use rustls::Connection;

use crate::{Flow, Layer, Told};

pub use client::{TlsClient, TlsClientSettings, Trust};
pub use failure::TlsFailure;
pub use fingerprint::{Fingerprint, ParseFingerprintError};
pub use identity::Identity;
pub use server::{ClientCheck, TlsServer, TlsServerSettings};
pub use setting_error::TlsSettingError;
pub use told::{PeerCertificate, TlsSession};
pub use version::TlsVersion;

use clock::WallClock;

/// How long a TLS handshake may take where nothing else is said.
pub const TLS_HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// One end of a TLS connection.
pub(crate) struct Tls {
    connection: Connection,
    clock: Arc<WallClock>,
    within: Duration,
    due: Option<Moment>,
    is_open: bool,
    /// Its close_notify has come.
    peer_finished: bool,
}

impl Tls {
    fn new(connection: Connection, clock: &Arc<WallClock>, within: Duration) -> Box<Tls> {
        let clock = Arc::clone(clock);
        Box::new(Tls { connection, clock, within, due: None, is_open: false, peer_finished: false })
    }

    /// Takes in as much of `bytes` as makes a step, and delivers what comes of it.
    fn take_in(&mut self, bytes: &mut &[u8], flow: &mut Flow<'_>) -> Result<(), TlsFailure> {
        let taken = self.connection.read_tls(bytes);
        if taken.map_err(|error| TlsFailure::Broken(error.to_string()))? == 0 {
            *bytes = &[]; // what comes behind a close_notify is nobody's
            return Ok(());
        }
        let outcome = self.connection.process_new_packets();
        if !self.is_open && !self.connection.is_handshaking() {
            self.is_open = true;
            self.due = None;
            flow.tell(Told::Tls(Box::new(TlsSession::of(&self.connection))));
            flow.open();
        }
        if self.is_open {
            self.deliver(flow);
        }
        let state = outcome.map_err(|error| TlsFailure::of(&error, self.is_open))?;
        if state.peer_has_closed() && !std::mem::replace(&mut self.peer_finished, true) {
            flow.finish_above();
        }
        Ok(())
    }

    fn deliver(&mut self, flow: &mut Flow<'_>) {
        let mut reader = self.connection.reader();
        while let Ok(text @ [_, ..]) = reader.fill_buf() {
            let length = text.len();
            flow.deliver(text);
            reader.consume(length);
        }
    }

    /// Puts what the connection has to say below.
    fn flush(&mut self, flow: &mut Flow<'_>) {
        // Memory takes all that it is given.
        while matches!(self.connection.write_tls(flow.below()), Ok(1..)) {}
    }
}

impl Layer for Tls {
    fn opened(&mut self, flow: &mut Flow<'_>) {
        self.clock.set(flow.now().wall);
        self.due = Some(flow.now().moment + self.within);
        self.flush(flow);
    }

    fn received(&mut self, mut bytes: &[u8], flow: &mut Flow<'_>) {
        self.clock.set(flow.now().wall);
        let mut outcome = Ok(());
        while !bytes.is_empty() && outcome.is_ok() {
            outcome = self.take_in(&mut bytes, flow);
        }
        self.flush(flow);
        if let Err(failure) = outcome {
            flow.fail(failure);
        }
    }

    fn below_finished(&mut self, flow: &mut Flow<'_>) {
        match (self.is_open, self.peer_finished) {
            (_, true) => {}
            (true, false) => flow.fail(TlsFailure::Truncated),
            (false, false) => flow.fail(TlsFailure::HandshakeCut),
        }
    }

    fn send(&mut self, mut bytes: &[u8], flow: &mut Flow<'_>) {
        self.clock.set(flow.now().wall);
        while let Ok(taken @ 1..) = self.connection.writer().write(bytes) {
            bytes = &bytes[taken..];
            self.flush(flow);
        }
    }

    fn finish(&mut self, flow: &mut Flow<'_>) {
        self.connection.send_close_notify();
        self.flush(flow);
        flow.finish_below();
    }

    fn next_deadline(&self) -> Option<Moment> {
        self.due
    }

    fn deadline(&mut self, flow: &mut Flow<'_>) {
        if self.due.take_if(|due| flow.now().moment >= *due).is_some() {
            flow.fail(TlsFailure::TimedOut);
        }
    }
}
