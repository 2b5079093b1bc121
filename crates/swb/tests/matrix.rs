//! Every service over every transport under every engine, one test each.
//!
//! A test's name is its row: `echo::over_unix::under_epoll`. The rows are the product of three lists, made by
//! one macro; the last test compares what the macro made with the tables of the product itself, so that a new
//! service, transport or engine fails it until it is in the lists.
//!
//! What a row does: it starts `swb serve`, calls it twice with plain sockets of the standard library, checks
//! what [`services`] says of the service on that shape of transport, and has the server drain in silence. A row
//! that an engine refuses checks the refusal.

#![allow(clippy::unwrap_used, reason = "a panic here is the failure that is wanted")]

#[path = "matrix/caller.rs"]
mod caller;
#[path = "matrix/product.rs"]
mod product;
#[path = "matrix/services.rs"]
mod services;
mod support;

/// The product of the lists as modules and tests.
macro_rules! matrix {
    (services: $($service:ident)*; transports: $transports:tt; engines: $engines:tt) => {
        $(mod $service { matrix! { @over $service $transports $engines } })*
    };
    (@over $service:ident { $($transport:ident)* } $engines:tt) => {
        $(mod $transport { matrix! { @under $service $transport $engines } })*
    };
    (@under $service:ident $transport:ident { $($engine:ident)* }) => {
        $(#[test] fn $engine() {
            crate::services::row(stringify!($service), stringify!($transport), stringify!($engine));
        })*
    };
}

matrix! {
    services: echo discard print say reply who time exec;
    transports: {
        over_tcp4 over_tcp6 over_unix over_unix_abstract over_unix_seqpacket over_udp4 over_udp6 over_unix_dgram
    };
    engines: { under_iterative under_process under_thread under_poll under_epoll under_uring }
}
