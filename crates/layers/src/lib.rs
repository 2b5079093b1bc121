//! Layers: bytes to bytes on a leg, between its socket and what is said on it.
//!
//! A [`Layer`] does no I/O and reads no clock: whoever owns the socket tells it what came and what is to be sent, and it
//! says what goes on the wire and what is for above. A [`Stack`] is layers on each other, with the same verbs, and
//! keeps what the socket has not taken yet. So the same TLS runs over any byte stream, under any engine, and in a
//! test that has no socket.
//!
//! A transparent layer lies on messages too: there what comes and what goes is one whole message each time, as on the
//! socket.
//!
//! ```text
//!     conversation        opened  received  peer_finished       send  finish
//!          ^                                                        |
//!     last layer                                                    v
//!          ^              Stack::opened, received, ...       Stack::send, finish
//!     first layer                                                   |
//!          ^                                                        v
//!     socket              recv(2), FIN                       Stack::outgoing, sent, finish_is_due
//! ```
//!
//! # The rules
//!
//! 1. `opened` comes first, and once; nothing is sent from above before the layer says that it is open itself.
//! 2. What a layer has for below and for above is taken whole before its next event.
//! 3. A layer that has failed hears nothing any more. What it has for below by then, an alert or a close frame, is
//!    still sent.
//! 4. An end is an end only if the peer said so by the layer's own means: a FIN in the middle is a failure.
//! 5. Nothing here grows with what the peer claims, only with what it sends, and to a bound.

mod above;
mod append;
mod below;
mod capture;
mod failure;
mod flow;
mod hexdump;
mod impair;
mod inert;
mod layer;
mod proxy;
mod spare;
mod stack;
mod tap;
mod tls;
mod told;
mod via;
mod ws;

pub use above::Above;
pub use below::Below;
pub use capture::{Capture, CapturedEnds};
pub use failure::{Failure, Guilty};
pub use flow::Flow;
pub use hexdump::Hexdump;
pub use impair::{
    After, Counts, Fault, Faults, HELD_BYTES_MAX, Impair, ImpairFailure, ImpairSettings, Impaired,
    Impairments, QUEUE_BYTES,
};
pub use layer::{Hold, Holds, Layer};
pub use proxy::{ProxyFailure, ProxyHeader, ProxyReader, ProxyVersion, ProxyWriter};
pub use spare::Spare;
pub use stack::{HIGH_MARK_BYTES, Stack};
pub use tap::{Passed, Raw, Recorder, Sink, Tap, Unrecorded};
pub use tls::{
    ClientCheck, Fingerprint, Identity, ParseFingerprintError, PeerCertificate, TLS_HANDSHAKE_WITHIN,
    TlsClient, TlsClientSettings, TlsFailure, TlsServer, TlsServerSettings, TlsSession, TlsSettingError,
    TlsVersion, Trust,
};
pub use told::Told;
pub use via::{Destination, DestinationHost, HttpConnect, ProxyCredentials, Socks5, ViaFailure, ViaProblem};
pub use ws::{
    MessageKind, Origins, WEBSOCKET_HANDSHAKE_WITHIN, WebSocketClient, WebSocketClientSettings,
    WebSocketClosed, WebSocketFailure, WebSocketServer, WebSocketServerSettings, WebSocketSession,
    WebSocketSettingError,
};
