//! What the layers of an address do between the opening of a socket and what is said on it, and when bytes go past
//! them: who sends what, a line each. Tables.

use switchboard::address::Layer;
use switchboard::{Address, Shape};

use super::callers::{Row, fixed};
use super::page::Page;

/// Which end of the socket is ours.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Calling,
    Answering,
}

/// The section of an address's layers. Returns whether it has any.
pub(super) fn explain(address: &Address, side: Side, page: &mut Page) -> bool {
    if address.layers.is_empty() {
        return false;
    }
    page.section(&match side {
        Side::Calling => "then, once it is connected, its layers, the lowest first".to_owned(),
        Side::Answering => format!("the layers of each caller at {address}, the lowest first"),
    });
    for layer in address.layers.iter() {
        rows(layer, side).iter().for_each(|row| page.call(row));
    }
    page.line(
        "Each is open once the one below it is. What a call sends and receives otherwise goes through all of them.",
    );
    true
}

fn rows(layer: Layer, side: Side) -> &'static [Row] {
    match (layer, side) {
        (Layer::Tls, Side::Calling) => TLS_CALLING,
        (Layer::Tls, Side::Answering) => TLS_ANSWERING,
        (Layer::WebSocket, Side::Calling) => WEBSOCKET_CALLING,
        (Layer::WebSocket, Side::Answering) => WEBSOCKET_ANSWERING,
        (Layer::Proxy, Side::Calling) => PROXY_CALLING,
        (Layer::Proxy, Side::Answering) => PROXY_ANSWERING,
        (Layer::Impair, _) => IMPAIRED,
        (Layer::Tap, _) => TAPPED,
    }
}

static IMPAIRED: &[Row] = &[fixed(
    "impair: what passes is late, lost, doubled or cut",
    "as its options say; the other end knows nothing of it",
)];

static TAPPED: &[Row] = &[fixed(
    "tap: write(2) for all that passes",
    "to the files that its options name; what passes goes on unchanged",
)];

static TLS_CALLING: &[Row] = &[
    fixed(
        "tls: we send ClientHello",
        "versions, cipher suites, the name that we call (SNI), protocols (ALPN)",
    ),
    fixed(
        "tls: the peer sends ServerHello, certificate",
        "if we do not trust it, it is told and that was all",
    ),
    fixed(
        "tls: we send Finished",
        "and our certificate, if it asks for one; open, in one round trip (two under 1.2)",
    ),
    fixed("tls: each sends records", "what is said, encrypted, at most 16 KiB each"),
    fixed(
        "tls: each sends close_notify, shutdown(SHUT_WR)",
        "when it has finished; a FIN without it is told as truncated",
    ),
];

static TLS_ANSWERING: &[Row] = &[
    fixed(
        "tls: the caller sends ClientHello",
        "versions, cipher suites, whom it calls (SNI), protocols (ALPN)",
    ),
    fixed(
        "tls: we send ServerHello, certificate",
        "and ask for its certificate, if it must have one (client-ca)",
    ),
    fixed(
        "tls: the caller sends Finished",
        "whose certificate is bad is told; open, in one round trip (two under 1.2)",
    ),
    fixed("tls: we send session tickets", "by which it may resume later, without certificates"),
    fixed("tls: each sends records", "what is said, encrypted, at most 16 KiB each"),
    fixed(
        "tls: each sends close_notify, shutdown(SHUT_WR)",
        "when it has finished; a FIN without it is told as truncated",
    ),
];

static WEBSOCKET_CALLING: &[Row] = &[
    fixed("ws: we send GET, Upgrade: websocket", "with our headers, subprotocols, and a key"),
    fixed(
        "ws: the peer sends 101 Switching Protocols",
        "its answer to the key is checked; open. Any other status is told",
    ),
    fixed("ws: each sends frames", "a message each; ours are masked. A ping is answered with a pong"),
    fixed("ws: each sends a close frame", "when it has finished; shutdown(SHUT_WR) once both have"),
];

static WEBSOCKET_ANSWERING: &[Row] = &[
    fixed(
        "ws: the caller sends GET, Upgrade: websocket",
        "path and Origin are checked: else it gets 404 or 403",
    ),
    fixed("ws: we send 101 Switching Protocols", "with the answer to its key; open"),
    fixed("ws: each sends frames", "a message each; the caller's are masked. A ping is answered with a pong"),
    fixed("ws: each sends a close frame", "when it has finished; shutdown(SHUT_WR) once both have"),
];

static PROXY_CALLING: &[Row] = &[fixed(
    "proxy: we send a header",
    "who calls and whom, binary (v2) or a line (v1); open at once, nothing comes back",
)];

static PROXY_ANSWERING: &[Row] = &[fixed(
    "proxy: the caller sends a header",
    "who really calls, for log and programs; nothing is sent back; open",
)];

/// What is joined without anybody looking at it: two byte streams without layers.
pub(super) fn bulk(one: &Address, other: Option<&Address>, page: &mut Page) {
    let is_bare = |address: &Address| {
        address.layers.is_empty()
            && !address.transport.is_program()
            && !matches!(address.shape(), Some(Shape::Datagram | Shape::SeqPacket))
    };
    if !is_bare(one) || !other.is_none_or(is_bare) {
        return;
    }
    page.section("and in bulk, from a receive of 32 KiB on, until less comes at once");
    let rows = if other.is_none() { WITH_STANDARD } else { WITH_FAR };
    THROUGH_A_PIPE.iter().chain(rows).for_each(|row| page.call(row));
}

static THROUGH_A_PIPE: &[Row] = &[
    fixed("pipe2(O_CLOEXEC|O_NONBLOCK) = pipe", "lent to a direction as long as it holds something for it"),
    fixed("fcntl(pipe, F_SETPIPE_SZ, 1 MiB)", "or what the user may have"),
];

static WITH_STANDARD: &[Row] = &[
    fixed("splice(call, pipe), splice(pipe, output)", "pages are handed over: no byte passes our memory"),
    fixed("splice(input, pipe), splice(pipe, call)", "the same the other way; not on a terminal"),
    fixed(
        "fcntl(input, F_SETPIPE_SZ, 256 KiB)",
        "where it is a pipe, and the output likewise, if the user may",
    ),
];

static WITH_FAR: &[Row] = &[
    fixed("splice(call, pipe), splice(pipe, far)", "pages are handed over: no byte passes our memory"),
    fixed("splice(far, pipe), splice(pipe, call)", "the same the other way; not with --max-bytes-per-call"),
];
