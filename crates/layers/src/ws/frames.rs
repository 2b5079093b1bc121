//! Frames as they come: in any cut, put together to messages (RFC 6455 sections 5 and 8.1).
//!
//! Protected: a message is delivered only when it is whole, and its text is UTF-8; memory grows with what comes, not
//! with what a header claims. Bounds: a header of 14 bytes, a control frame of 125, a message of `bytes_max`.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::append::append;

use super::frame::apply_mask;
use super::{WebSocketClosed, WebSocketFailure, close};

/// The longest header: two bytes, a length of eight, a mask of four.
const HEADER_BYTES_MAX: usize = 14;

/// The longest control frame (section 5.5).
const CONTROL_BYTES_MAX: u64 = 125;

/// Memory that is kept for the next message, in bytes.
const KEPT_BYTES: usize = 4 * 1024;

/// What is whole.
pub(super) enum Incoming {
    /// A message: [`Frames::message`].
    Message,
    /// A ping, with [`Frames::control`].
    Ping,
    Pong,
    Close(WebSocketClosed),
}

pub(super) struct Frames {
    /// Clients mask, servers do not (section 5.1).
    is_masked: bool,
    bytes_max: usize,
    /// The beginning of a header.
    held: [u8; HEADER_BYTES_MAX],
    held_bytes: usize,
    frame: Option<Frame>,
    /// Whether the message in progress is text; `None` between messages.
    is_text: Option<bool>,
    message: Vec<u8>,
    control: Vec<u8>,
}

/// A frame whose payload is not whole.
struct Frame {
    opcode: OpCode,
    is_final: bool,
    mask: Option<[u8; 4]>,
    /// Bytes of its payload that have come, and that have not.
    come: usize,
    left: u64,
}

impl Frames {
    pub(super) fn from_client(bytes_max: usize) -> Frames {
        Frames::new(true, bytes_max)
    }

    pub(super) fn from_server(bytes_max: usize) -> Frames {
        Frames::new(false, bytes_max)
    }

    fn new(is_masked: bool, bytes_max: usize) -> Frames {
        Frames {
            is_masked,
            bytes_max,
            held: [0; HEADER_BYTES_MAX],
            held_bytes: 0,
            frame: None,
            is_text: None,
            message: Vec::new(),
            control: Vec::new(),
        }
    }

    /// The message that is whole.
    pub(super) fn message(&self) -> &[u8] {
        &self.message
    }

    /// The payload of the control frame that is whole.
    pub(super) fn control(&self) -> &[u8] {
        &self.control
    }

    /// What [`Frames::next`] said has been taken.
    pub(super) fn forget(&mut self) {
        self.control.clear();
        if self.is_text.is_none() {
            self.message.clear();
            self.message.shrink_to(KEPT_BYTES);
        }
    }

    /// What is whole next, taken from the front of `input`; `None` when that is used up.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, WebSocketFailure> {
        loop {
            if self.frame.is_none() && !self.take_header(input)? {
                return Ok(None);
            }
            let Some(frame) = self.frame.as_mut() else { return Ok(None) };
            let target = if is_control(frame.opcode) { &mut self.control } else { &mut self.message };
            frame.take_payload(input, target);
            if frame.left > 0 {
                return Ok(None);
            }
            let (opcode, is_final) = (frame.opcode, frame.is_final);
            self.frame = None;
            match opcode {
                OpCode::Control(Control::Ping) => return Ok(Some(Incoming::Ping)),
                OpCode::Control(Control::Close) => {
                    return close::parse(&self.control).map(|closed| Some(Incoming::Close(closed)));
                }
                OpCode::Control(Control::Pong | Control::Reserved(_)) => return Ok(Some(Incoming::Pong)),
                OpCode::Data(_) if is_final => return self.complete().map(Some),
                OpCode::Data(_) => {}
            }
        }
    }

    /// Whether a header is whole; the bytes behind it are left.
    fn take_header(&mut self, input: &mut &[u8]) -> Result<bool, WebSocketFailure> {
        let before = self.held_bytes;
        let more = input.len().min(HEADER_BYTES_MAX - before);
        self.held[before..before + more].copy_from_slice(&input[..more]);
        let mut cursor = Cursor::new(&self.held[..before + more]);
        let parsed = FrameHeader::parse(&mut cursor);
        // A header that is whole is one byte longer than what was held, at least.
        let length = usize::try_from(cursor.position()).unwrap_or(before).max(before);
        match parsed {
            Err(_) => Err(WebSocketFailure::Protocol("an unknown kind of frame")),
            Ok(None) => {
                self.held_bytes = before + more;
                *input = &input[more..];
                Ok(false)
            }
            Ok(Some((header, left))) => {
                *input = &input[length - before..];
                self.held_bytes = 0;
                self.check(&header, left, length)?;
                let FrameHeader { opcode, is_final, mask, .. } = header;
                self.frame = Some(Frame { opcode, is_final, mask, come: 0, left });
                Ok(true)
            }
        }
    }

    /// What a header may not say, here and behind those before it.
    fn check(&mut self, header: &FrameHeader, left: u64, length: usize) -> Result<(), WebSocketFailure> {
        let broken = |rule| Err(WebSocketFailure::Protocol(rule));
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return broken("a reserved bit is set, and no extension was agreed on");
        }
        if header.mask.is_some() != self.is_masked {
            return broken(if self.is_masked {
                "a client's frame without mask"
            } else {
                "a server's frame with a mask"
            });
        }
        if header.len(left) != length || left > i64::MAX as u64 {
            return broken("a length that is not written in the shortest way");
        }
        match (header.opcode, self.is_text) {
            (OpCode::Control(_), _) if !header.is_final => broken("a control frame in fragments"),
            (OpCode::Control(_), _) if left > CONTROL_BYTES_MAX => broken("a control frame above 125 bytes"),
            (OpCode::Control(_), _) => Ok(()),
            (OpCode::Data(Data::Continue), None) => broken("the rest of a message that never began"),
            (OpCode::Data(Data::Text | Data::Binary | Data::Reserved(_)), Some(_)) => {
                broken("a message within another")
            }
            (OpCode::Data(_), _) if left > (self.bytes_max - self.message.len()) as u64 => {
                Err(WebSocketFailure::TooLong { bytes_max: self.bytes_max })
            }
            (OpCode::Data(data), is_text) => {
                self.is_text = is_text.or(Some(data == Data::Text));
                Ok(())
            }
        }
    }

    fn complete(&mut self) -> Result<Incoming, WebSocketFailure> {
        if self.is_text.take() == Some(true) && std::str::from_utf8(&self.message).is_err() {
            return Err(WebSocketFailure::NotUtf8);
        }
        Ok(Incoming::Message)
    }
}

impl Frame {
    /// Moves what has come of the payload behind `target`, unmasked.
    fn take_payload(&mut self, input: &mut &[u8], target: &mut Vec<u8>) {
        let length = usize::try_from(self.left).map_or(input.len(), |left| left.min(input.len()));
        let (piece, rest) = input.split_at(length);
        *input = rest;
        let start = target.len();
        append(target, piece);
        if let Some(key) = self.mask {
            apply_mask(&mut target[start..], key, self.come);
        }
        self.come += length;
        self.left -= length as u64;
    }
}

fn is_control(opcode: OpCode) -> bool {
    matches!(opcode, OpCode::Control(_))
}
