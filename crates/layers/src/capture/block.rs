//! The blocks of pcapng: a section header, one interface, and a packet block a packet.
//!
//! draft-ietf-opsawg-pcapng sections 3.5, 4.1 to 4.3. Numbers are little-endian, which the magic says. Times are
//! nanoseconds since 1970. Every block and option is padded to 4 bytes.

use std::time::SystemTime;

use conversation::Way;

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER_MAGIC: u32 = 0x1A2B_3C4D;

/// Packets begin with their IP header: <https://www.tcpdump.org/linktypes.html>.
const LINKTYPE_RAW: u16 = 101;

const END_OF_OPTIONS: u16 = 0;
const COMMENT: u16 = 1;
const SECTION_APPLICATION: u16 = 4;
const INTERFACE_NAME: u16 = 2;
const INTERFACE_TIME_RESOLUTION: u16 = 9;
const PACKET_FLAGS: u16 = 2;

/// Of `if_tsresol`: 10 to the power of -9 seconds.
const NANOSECONDS: u8 = 9;

/// What every file begins with: the section and its one interface.
pub(super) fn head() -> Vec<u8> {
    let mut page = Vec::new();
    block(&mut page, SECTION_HEADER, |page| {
        page.extend(BYTE_ORDER_MAGIC.to_le_bytes());
        page.extend(1_u16.to_le_bytes()); // version 1.0
        page.extend(0_u16.to_le_bytes());
        page.extend((-1_i64).to_le_bytes()); // as long as it becomes
        option(page, SECTION_APPLICATION, b"swb (Switchboard)");
        option(page, END_OF_OPTIONS, b"");
    });
    block(&mut page, INTERFACE_DESCRIPTION, |page| {
        page.extend(LINKTYPE_RAW.to_le_bytes());
        page.extend(0_u16.to_le_bytes());
        page.extend(0_u32.to_le_bytes()); // packets are not cut
        option(page, INTERFACE_NAME, b"swb");
        option(page, INTERFACE_TIME_RESOLUTION, &[NANOSECONDS]);
        option(page, END_OF_OPTIONS, b"");
    });
    page
}

/// What is known of a packet beside its bytes.
pub(super) struct PacketBlock<'c> {
    pub(super) at: SystemTime,
    pub(super) way: Way,
    /// For who reads the file; empty for none.
    pub(super) comment: &'c str,
}

impl PacketBlock<'_> {
    /// Writes the block of the packet that `packet` writes.
    pub(super) fn write(&self, page: &mut Vec<u8>, packet: impl FnOnce(&mut Vec<u8>)) {
        // A clock that stands before 1970, or after 2554, is not worth an error.
        let since = self.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let nanos = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        block(page, ENHANCED_PACKET, |page| {
            page.extend(0_u32.to_le_bytes()); // the interface
            page.extend(((nanos >> 32) as u32).to_le_bytes());
            page.extend((nanos as u32).to_le_bytes());
            let lengths = page.len();
            page.extend([0; 8]);
            let start = page.len();
            packet(page);
            let length = u32_of(page.len() - start).to_le_bytes();
            page[lengths..lengths + 4].copy_from_slice(&length);
            page[lengths + 4..lengths + 8].copy_from_slice(&length);
            pad(page, start);
            if !self.comment.is_empty() {
                option(page, COMMENT, self.comment.as_bytes());
            }
            let direction: u32 = match self.way {
                Way::In => 1,
                Way::Out => 2,
            };
            option(page, PACKET_FLAGS, &direction.to_le_bytes());
            option(page, END_OF_OPTIONS, b"");
        });
    }
}

/// A block: its kind, its length, what `body` writes, its length again.
fn block(page: &mut Vec<u8>, kind: u32, body: impl FnOnce(&mut Vec<u8>)) {
    let start = page.len();
    page.extend(kind.to_le_bytes());
    page.extend([0; 4]);
    body(page);
    let length = u32_of(page.len() + 4 - start).to_le_bytes();
    page[start + 4..start + 8].copy_from_slice(&length);
    page.extend(length);
}

/// An option; of a value that is longer than 65,535 bytes, that much.
fn option(page: &mut Vec<u8>, code: u16, value: &[u8]) {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    page.extend(code.to_le_bytes());
    page.extend(length.to_le_bytes());
    let start = page.len();
    page.extend_from_slice(&value[..usize::from(length)]);
    pad(page, start);
}

/// Fills up what began at `start` to a multiple of 4 bytes.
fn pad(page: &mut Vec<u8>, start: usize) {
    let length = page.len() - start;
    page.resize(start + length.next_multiple_of(4), 0);
}

/// Blocks are bounded by the longest packet, far below 4 GiB.
fn u32_of(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
