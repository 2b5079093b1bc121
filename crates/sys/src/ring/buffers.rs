//! Buffers that the kernel fills as something comes: a provided buffer ring, io_uring_register_buf_ring(3).
//!
//! The kernel takes a buffer when there is something to receive, not while a call is silent: idle calls hold none.
//! The ring's entries lie in front of the buffers. Pages that nothing reaches are never touched.
//!
//! Protected: a [`Filled`] exists only between a completion and [`Buffers::give_back`], which takes it; who reads a
//! buffer borrows it. So a buffer is read only while the kernel does not own it. The memory lives as long as anybody
//! can read it.

use std::io;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::Submitter;
use io_uring::types::BufRingEntry;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// The ring's entries come first, in a page, to which its address must be aligned.
const RING_BYTES: usize = 4096;

/// A group of equal buffers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    /// By which operations name it.
    pub(super) number: u16,
    /// Bytes that one buffer holds.
    pub(super) bytes_each: u32,
    /// How many there are: a power of two, for the kernel's ring.
    pub(super) count: u16,
}

impl Group {
    /// Whether its ring fits in front of the buffers.
    pub(super) const fn is_sound(&self) -> bool {
        self.count as usize * size_of::<BufRingEntry>() <= RING_BYTES && self.count.is_power_of_two()
    }

    fn mapped_bytes(&self) -> usize {
        RING_BYTES + usize::from(self.count) * self.bytes_each as usize
    }
}

/// The memory of a group's buffers, which those who read from it keep alive.
#[derive(Debug)]
pub struct Memory {
    start: NonNull<u8>,
    group: Group,
}

/// The buffers of a group, and the ring by which they are handed to the kernel.
pub(super) struct Buffers {
    memory: Arc<Memory>,
    /// Buffers handed over so far, modulo 2^16.
    tail: u16,
    /// Buffers that were handed over and that no completion has named since.
    free: u16,
}

/// A buffer that the kernel filled and gave to us: until it is given back, it is ours.
#[derive(Debug)]
#[must_use = "a buffer that is not given back is lost to the ring"]
pub struct Filled {
    /// Where the memory begins of which it is a part: that of another ring is not read in its name.
    memory: usize,
    length: u32,
    buffer: u16,
    is_full: bool,
}

impl Filled {
    /// Bytes in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length as usize
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether the kernel may have had more than it holds.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.is_full
    }
}

impl Memory {
    fn mapped(group: Group) -> io::Result<Memory> {
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new mapping at an address that the kernel chooses touches nothing that exists.
        let mapped = unsafe {
            let protection = ProtFlags::READ | ProtFlags::WRITE;
            mmap_anonymous(std::ptr::null_mut(), group.mapped_bytes(), protection, flags)
        }?;
        let start = NonNull::new(mapped.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Memory { start, group })
    }

    /// What lies in a buffer; nothing in one of another memory.
    #[must_use]
    pub fn bytes<'f>(&'f self, filled: &'f Filled) -> &'f [u8] {
        if filled.memory != self.address() {
            return &[];
        }
        let start = self.start_of(filled.buffer);
        // SAFETY: the buffer lies in the mapping, was zeroed or written by the kernel, and is not the kernel's now: a
        // `Filled` exists only between a completion and `give_back`, which cannot take it while this borrows it.
        unsafe { std::slice::from_raw_parts(start, filled.len()) }
    }

    fn address(&self) -> usize {
        self.start.addr().get()
    }

    fn entry(&self, index: u16) -> *mut BufRingEntry {
        self.start.as_ptr().cast::<BufRingEntry>().wrapping_add(index.into())
    }

    fn start_of(&self, buffer: u16) -> *mut u8 {
        let offset = usize::from(buffer) * self.group.bytes_each as usize;
        self.start.as_ptr().wrapping_add(RING_BYTES + offset)
    }
}

// SAFETY: it belongs to no thread, and is only read through a shared reference.
unsafe impl Send for Memory {}
// SAFETY: as above; what the kernel and `Buffers` write is read by nobody meanwhile.
unsafe impl Sync for Memory {}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: nobody refers to the mapping any more: `bytes` borrows this value, and `Buffers`, which a `Ring`
        // drops after the ring that the kernel writes by, holds it too. Receives that were under way are cancelled,
        // not run, by then.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.group.mapped_bytes()) };
    }
}

impl Buffers {
    /// Maps the memory and hands every buffer to the kernel.
    pub(super) fn registered(submitter: &Submitter<'_>, group: Group) -> io::Result<Buffers> {
        let memory = Memory::mapped(group)?;
        let (ring, address) = (memory.start.as_ptr() as u64, memory.address());
        // SAFETY: the first page is a ring of `count` entries, zeroed, and mapped for as long as the ring's
        // descriptor is open: `Ring` drops that first.
        unsafe { submitter.register_buf_ring_with_flags(ring, group.count, group.number, 0) }?;
        let mut buffers = Buffers { memory: Arc::new(memory), tail: 0, free: 0 };
        for buffer in 0..group.count {
            buffers.give_back(Filled { memory: address, buffer, length: 0, is_full: false });
        }
        Ok(buffers)
    }

    /// A buffer that a completion names. `None` for one that there is not, or a length beyond its end.
    pub(super) fn filled(&mut self, buffer: u16, length: u32) -> Option<Filled> {
        let Group { bytes_each, count, .. } = self.memory.group;
        if buffer >= count || length > bytes_each {
            return None;
        }
        self.free = self.free.saturating_sub(1);
        Some(Filled { memory: self.memory.address(), buffer, length, is_full: length == bytes_each })
    }

    /// Whether the kernel has none to receive into, as far as is known.
    pub(super) fn is_exhausted(&self) -> bool {
        self.free == 0
    }

    pub(super) fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    /// Whether it is one of these.
    pub(super) fn has(&self, filled: &Filled) -> bool {
        filled.memory == self.memory.address()
    }

    pub(super) fn give_back(&mut self, filled: Filled) {
        if !self.has(&filled) {
            return;
        }
        let memory = &self.memory;
        let start = memory.start_of(filled.buffer);
        let entry = memory.entry(self.tail % memory.group.count);
        // SAFETY: the entry behind the tail is not the kernel's, and nobody else refers to it.
        let entry = unsafe { &mut *entry };
        entry.set_addr(start as u64);
        entry.set_len(memory.group.bytes_each);
        entry.set_bid(filled.buffer);
        self.tail = self.tail.wrapping_add(1);
        self.free += 1;
        // SAFETY: the pointer is to the first entry of the ring, which is mapped.
        let tail = unsafe { BufRingEntry::tail(memory.entry(0)) };
        // SAFETY: the tail is an aligned u16 of the mapping that only we write, and the kernel reads.
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }
}
