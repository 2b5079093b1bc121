//! Two stacks whose sockets are memory, with every cut that a seed draws.
#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod certificates;

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use conversation::{Moment, Now, Shape};
use layers::{Above, Failure, Layer, Stack, Told};
use testkit::Seed;

/// The wall clock of all tests: 2026-01-01.
pub(crate) const WALL: Duration = Duration::from_secs(1_767_225_600);

/// When every call begins.
pub(crate) static START: LazyLock<Now> = LazyLock::new(|| at(Duration::ZERO));

pub(crate) fn at(moment: Duration) -> Now {
    Now { moment: Moment::after(moment), wall: SystemTime::UNIX_EPOCH + WALL + moment }
}

/// One end: a stack, and all that it had for above.
pub(crate) struct Side {
    pub(crate) stack: Stack,
    pub(crate) now: Now,
    pub(crate) told: Vec<Told>,
    pub(crate) opened: u32,
    /// All bytes of a stream, or nothing where messages come.
    pub(crate) bytes: Vec<u8>,
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) finished: u32,
    pub(crate) failed: Option<Failure>,
    above: Above,
}

impl Side {
    pub(crate) fn new(layers: Vec<Box<dyn Layer>>) -> Side {
        Side {
            stack: Stack::new(layers),
            now: *START,
            told: Vec::new(),
            opened: 0,
            bytes: Vec::new(),
            messages: Vec::new(),
            finished: 0,
            failed: None,
            above: Above::default(),
        }
    }

    /// One whose socket is open.
    pub(crate) fn open(layers: Vec<Box<dyn Layer>>) -> Side {
        let mut side = Side::new(layers);
        side.hear(Stack::opened);
        side
    }

    pub(crate) fn hear(&mut self, event: impl FnOnce(&mut Stack, Now, &mut Above)) {
        let keeps_boundaries = self.stack.shape() == Shape::SeqPacket;
        event(&mut self.stack, self.now, &mut self.above);
        assert!(self.failed.is_none() || self.above.pieces().next().is_none(), "bytes after a failure");
        self.told.extend_from_slice(self.above.told());
        self.opened += u32::from(self.above.is_open());
        for piece in self.above.pieces() {
            assert!(self.opened == 1 && self.finished == 0, "bytes before it opened or after its end");
            if keeps_boundaries {
                self.messages.push(piece.to_vec());
            } else {
                self.bytes.extend_from_slice(piece);
            }
        }
        self.finished += u32::from(self.above.is_finished());
        if let Some(failure) = self.above.failed() {
            assert_eq!(self.failed.replace(failure.clone()), None, "it failed twice");
        }
        self.above.clear();
    }

    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.hear(|stack, now, above| stack.received(now, bytes, above));
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.hear(|stack, now, above| stack.send(now, bytes, above));
    }

    pub(crate) fn finish(&mut self) {
        self.hear(Stack::finish);
    }

    pub(crate) fn below_finished(&mut self) {
        self.hear(Stack::below_finished);
    }

    /// Its next deadline has come.
    pub(crate) fn deadline(&mut self) {
        let due = self.stack.next_deadline().expect("a deadline");
        self.now = at(due.since_start());
        self.hear(Stack::deadline);
    }

    /// All that it owes, as if its socket had taken it.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let bytes = self.stack.outgoing().to_vec();
        self.stack.sent(bytes.len());
        bytes
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).expect("text")
    }
}

/// Two ends and what is between them.
pub(crate) struct Pair {
    pub(crate) caller: Side,
    pub(crate) server: Side,
    pub(crate) seed: Seed,
    fins: [bool; 2],
}

impl Pair {
    /// Two ends whose sockets are open; nothing has moved yet.
    pub(crate) fn new(caller: Vec<Box<dyn Layer>>, server: Vec<Box<dyn Layer>>, seed: u64) -> Pair {
        Pair::of(Side::new(caller), Side::new(server), seed)
    }

    /// Opens the sockets of these two ends.
    pub(crate) fn of(mut caller: Side, mut server: Side, seed: u64) -> Pair {
        caller.hear(Stack::opened);
        server.hear(Stack::opened);
        Pair { caller, server, seed: Seed::new(seed), fins: [false; 2] }
    }

    /// Moves what is owed, in pieces of up to `piece_max` bytes, until nothing is.
    pub(crate) fn run(&mut self, piece_max: usize) {
        loop {
            let is_forth = self.seed.one_in(2);
            if !self.step(is_forth, piece_max) && !self.step(!is_forth, piece_max) {
                return;
            }
        }
    }

    /// Moves one piece, or the end, one way. Returns whether there was anything.
    pub(crate) fn step(&mut self, is_forth: bool, piece_max: usize) -> bool {
        let (from, to) = if is_forth {
            (&mut self.caller, &mut self.server)
        } else {
            (&mut self.server, &mut self.caller)
        };
        let owed = from.stack.outgoing();
        if owed.is_empty() {
            let is_end = from.stack.finish_is_due() && !self.fins[usize::from(is_forth)];
            if is_end {
                self.fins[usize::from(is_forth)] = true;
                to.below_finished();
            }
            return is_end;
        }
        let piece = owed[..owed.len().min(1 + self.seed.index(piece_max))].to_vec();
        from.stack.sent(piece.len());
        to.receive(&piece);
        true
    }
}
