//! One frame as it is sent, and masking (RFC 6455 sections 5.2 and 5.3).

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::Below;

pub(super) const TEXT: OpCode = OpCode::Data(Data::Text);
pub(super) const BINARY: OpCode = OpCode::Data(Data::Binary);
pub(super) const CLOSE: OpCode = OpCode::Control(Control::Close);
pub(super) const PONG: OpCode = OpCode::Control(Control::Pong);

/// Writes a whole message or control frame. A client masks it with a new key, so that what it was made to send cannot
/// look like another protocol on the wire (section 10.3).
pub(super) fn write(opcode: OpCode, payload: &[u8], is_client: bool, below: &mut Below) {
    let mask = is_client.then(rand::random::<[u8; 4]>);
    let header = FrameHeader { opcode, mask, ..FrameHeader::default() };
    // Memory takes all that it is given.
    let _ = header.format(payload.len() as u64, below);
    let payload = below.push_mut(payload);
    if let Some(key) = mask {
        apply_mask(payload, key, 0);
    }
}

/// Masks or unmasks a piece of a payload, `at` bytes behind its beginning.
pub(super) fn apply_mask(piece: &mut [u8], key: [u8; 4], at: usize) {
    let mut turned = key;
    turned.rotate_left(at % 4);
    let key = u32::from_ne_bytes(turned);
    let mut words = piece.chunks_exact_mut(4);
    for word in &mut words {
        let masked = u32::from_ne_bytes([word[0], word[1], word[2], word[3]]) ^ key;
        word.copy_from_slice(&masked.to_ne_bytes());
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(turned) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::apply_mask;

    #[test]
    fn a_mask_is_the_same_in_every_cut() {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        let plain: Vec<u8> = (0..50).collect();
        let masked: Vec<u8> = plain.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        for cut in 0..plain.len() {
            let mut piece = masked.clone();
            let (front, back) = piece.split_at_mut(cut);
            apply_mask(front, key, 0);
            apply_mask(back, key, cut);
            assert_eq!(piece, plain);
        }
    }
}
