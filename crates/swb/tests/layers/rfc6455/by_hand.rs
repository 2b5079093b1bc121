//! Frames by hand, of a client or of a server, and the handshake of a server.

use std::io::{Read, Write};
use std::net::TcpStream;

use tungstenite::handshake::derive_accept_key;

pub(super) use crate::websocket::{BINARY, CLOSE, PING, PONG, TEXT, upgraded};

/// Who sends. A client masks what it sends, a server does not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Client,
    Server,
}

impl By {
    pub(super) fn other(self) -> By {
        match self {
            By::Client => By::Server,
            By::Server => By::Client,
        }
    }
}

/// A frame: its first byte, and its payload.
pub(super) fn frame(by: By, first: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len();
    match length {
        0..126 => frame_of_length(by, first, &[length as u8], payload),
        126..0x1_0000 => {
            frame_of_length(by, first, &[&[126][..], &(length as u16).to_be_bytes()].concat(), payload)
        }
        _ => frame_of_length(by, first, &[&[127][..], &(length as u64).to_be_bytes()].concat(), payload),
    }
}

/// The same with a length that is written as these bytes.
pub(super) fn frame_of_length(by: By, first: u8, length: &[u8], payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = [&[first], length].concat();
    if by == By::Client {
        bytes[1] |= 0x80;
        bytes.extend(MASK);
        bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    } else {
        bytes.extend(payload);
    }
    bytes
}

/// The next frame of a server: its first byte, and its payload.
pub(super) fn said_by_server(socket: &mut TcpStream) -> (u8, Vec<u8>) {
    said(socket, By::Server)
}

/// The same of a client, unmasked.
pub(super) fn said_by_client(socket: &mut TcpStream) -> (u8, Vec<u8>) {
    said(socket, By::Client)
}

fn said(socket: &mut TcpStream, by: By) -> (u8, Vec<u8>) {
    let head = read(socket, 2);
    assert_eq!(head[1] & 0x80 != 0, by == By::Client, "who masks");
    let length = match head[1] & 0x7f {
        126 => usize::from(u16::from_be_bytes(read(socket, 2).try_into().unwrap())),
        127 => usize::try_from(u64::from_be_bytes(read(socket, 8).try_into().unwrap())).unwrap(),
        length => usize::from(length),
    };
    let mask = if by == By::Client { read(socket, 4) } else { vec![0] };
    let payload = read(socket, length);
    (head[0], payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect())
}

fn read(socket: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    socket.read_exact(&mut bytes).unwrap();
    bytes
}

/// Grants a client its WebSocket.
pub(super) fn accept(socket: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(read(socket, 1));
    }
    let head = String::from_utf8(head).unwrap();
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let accept = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    socket.write_all(answer.as_bytes()).unwrap();
}
