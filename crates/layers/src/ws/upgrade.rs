//! The server's half of the handshake (RFC 6455 section 4.2).
//!
//! A request that is none for a WebSocket is answered as HTTP, with a line that says why: whoever points a browser or
//! curl(1) here can read it.

use std::io::Write;

use httparse::{EMPTY_HEADER, Header, Request, Status};
use tungstenite::handshake::derive_accept_key;

use crate::Below;
use crate::inert::inert;

use super::fields::{all, at_most_one, has_token, tokens};
use super::head::{FIELDS_MAX, HeadProblem};
use super::{Origins, WebSocketFailure, WebSocketServerSettings, WebSocketSession};

/// Whether these bytes may be the beginning of a request: of its method. Those of TLS are not.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    bytes.first().is_none_or(u8::is_ascii_uppercase)
}

/// Why a request is not granted: its status, and the line that says so.
type Refusal = (u16, &'static str);

const MALFORMED: Refusal = (400, "this is no request of HTTP/1.1");
const NOT_UPGRADED: Refusal = (426, "a WebSocket (version 13) is here, and nothing else");

/// Answers a request: the connection is one for messages from now on, or it is refused.
pub(super) fn answer(
    settings: &WebSocketServerSettings,
    head: &[u8],
    below: &mut Below,
) -> Result<WebSocketSession, WebSocketFailure> {
    let mut fields = [EMPTY_HEADER; FIELDS_MAX];
    let mut request = Request::new(&mut fields);
    let granted = match request.parse(head) {
        Ok(Status::Complete(_)) => grant(settings, &request),
        Ok(Status::Partial) | Err(_) => Err(MALFORMED),
    };
    let (session, accept) = granted.map_err(|refusal| write_refusal(refusal, below))?;
    let protocol = session.protocol.as_ref();
    let protocol = protocol.map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n")).unwrap_or_default();
    // Memory takes all that it is given.
    let _ = write!(
        below,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{protocol}\r\n"
    );
    Ok(session)
}

/// Answers what is no request, or never ends.
pub(super) fn refuse(problem: HeadProblem, below: &mut Below) -> WebSocketFailure {
    write_refusal(
        match problem {
            HeadProblem::NotHttp => MALFORMED,
            HeadProblem::BareLineFeed => (400, "the lines of a request end with CR LF, not with LF alone"),
            HeadProblem::TooLong => (431, "a request's head has 16 KiB at most here"),
            HeadProblem::TooManyFields => (431, "a request's head has 64 fields at most here"),
        },
        below,
    )
}

/// What is granted, and the proof that it was understood.
fn grant(
    settings: &WebSocketServerSettings,
    request: &Request<'_, '_>,
) -> Result<(WebSocketSession, String), Refusal> {
    let fields: &[Header<'_>] = request.headers;
    if request.method != Some("GET") {
        return Err((405, "a WebSocket is asked for by GET"));
    }
    let target = request.path.unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default();
    if request.version != Some(1) || !path.starts_with('/') {
        return Err(MALFORMED);
    }
    if settings.path.as_ref().is_some_and(|only| only != path) {
        return Err((404, "there is no such path here"));
    }
    let Ok(Some(host)) = at_most_one(fields, "Host") else {
        return Err((400, "a request says whom it calls (Host), once"));
    };
    let has_body = all(fields, "Content-Length").any(|length| length != "0");
    if has_body || all(fields, "Transfer-Encoding").next().is_some() {
        return Err((400, "a request for a WebSocket has no body"));
    }
    let is_version_13 = at_most_one(fields, "Sec-WebSocket-Version") == Ok(Some("13"));
    if !has_token(fields, "Upgrade", "websocket")
        || !has_token(fields, "Connection", "upgrade")
        || !is_version_13
    {
        return Err(NOT_UPGRADED);
    }
    let key = match at_most_one(fields, "Sec-WebSocket-Key") {
        Ok(Some(key)) if is_key(key) => key,
        Ok(_) | Err(()) => return Err((400, "the key (Sec-WebSocket-Key) is not 16 bytes in base64")),
    };
    let Ok(origin) = at_most_one(fields, "Origin") else {
        return Err((400, "a request says whose page calls (Origin) at most once"));
    };
    if !origin.is_none_or(|origin| may_call(&settings.origins, origin, host)) {
        return Err((403, "pages of this origin may not call here"));
    }
    let offered: Vec<&str> = tokens(fields, "Sec-WebSocket-Protocol").collect();
    let session = WebSocketSession {
        path: inert(target),
        host: inert(host),
        protocol: settings.protocols.iter().find(|name| offered.contains(&name.as_str())).cloned(),
        origin: origin.map(inert),
    };
    Ok((session, derive_accept_key(key.as_bytes())))
}

/// 16 bytes in base64 (RFC 4648 section 4).
fn is_key(key: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    key.len() == 24 && key.strip_suffix("==").is_some_and(|digits| digits.bytes().all(fits))
}

fn may_call(origins: &Origins, origin: &str, host: &str) -> bool {
    match origins {
        Origins::Any => true,
        Origins::Listed(listed) => listed.iter().any(|one| one.eq_ignore_ascii_case(origin)),
        Origins::Same => origin.split_once("://").is_some_and(|(scheme, authority)| {
            // A port that goes without saying may be said all the same.
            let port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
            let bare = |name: &'_ str| name.strip_suffix(port).unwrap_or(name).to_ascii_lowercase();
            bare(authority) == bare(host)
        }),
    }
}

fn write_refusal((status, why): Refusal, below: &mut Below) -> WebSocketFailure {
    let (name, besides) = match status {
        403 => ("Forbidden", ""),
        404 => ("Not Found", ""),
        405 => ("Method Not Allowed", "Allow: GET\r\n"),
        426 => ("Upgrade Required", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"),
        431 => ("Request Header Fields Too Large", ""),
        _ => ("Bad Request", ""),
    };
    let connection = if status == 426 { "Upgrade, close" } else { "close" };
    let length = why.len() + 1;
    // Memory takes all that it is given.
    let _ = write!(
        below,
        "HTTP/1.1 {status} {name}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
         {besides}Connection: {connection}\r\n\r\n{why}\n"
    );
    WebSocketFailure::BadRequest { status, why }
}
