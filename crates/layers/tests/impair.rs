//! Impairing: every fault by script, on a clock of the test's own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

#[path = "impair/bytes.rs"]
mod bytes;
#[path = "impair/messages.rs"]
mod messages;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use conversation::{Moment, Now, Shape};
use layers::{Above, Counts, Failure, Faults, ImpairSettings, Impaired, Impairments, Stack, Told};

/// An impaired leg whose time is what its test says.
struct Bench {
    stack: Stack,
    at: Duration,
    /// What was let go of upwards and downwards, and when.
    up: Vec<(Duration, Vec<u8>)>,
    down: Vec<(Duration, Vec<u8>)>,
    told: Vec<Impaired>,
    is_open: bool,
    finished: [Option<Duration>; 2],
    failed: Option<Failure>,
}

/// Both directions alike.
fn both(faults: Faults) -> ImpairSettings {
    ImpairSettings { inward: faults, outward: faults, seed: 42, ..ImpairSettings::default() }
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

impl Bench {
    fn new(shape: Shape, settings: ImpairSettings) -> Bench {
        Bench::of(&Impairments::new(settings), shape, 1)
    }

    fn of(all: &Arc<Impairments>, shape: Shape, call: u64) -> Bench {
        let mut bench = Bench {
            stack: Stack::over(shape, vec![Box::new(all.layer(shape, call, 0))]),
            at: Duration::ZERO,
            up: Vec::new(),
            down: Vec::new(),
            told: Vec::new(),
            is_open: false,
            finished: [None; 2],
            failed: None,
        };
        bench.hear(Stack::opened);
        bench
    }

    fn hear(&mut self, event: impl FnOnce(&mut Stack, Now, &mut Above)) {
        let now = Now { moment: Moment::after(self.at), wall: SystemTime::UNIX_EPOCH };
        let mut above = Above::default();
        event(&mut self.stack, now, &mut above);
        self.is_open |= above.is_open();
        self.up.extend(above.pieces().map(|piece| (self.at, piece.to_vec())));
        self.told.extend(above.told().iter().map(impaired));
        if above.is_finished() {
            self.finished[0] = Some(self.at);
        }
        if let Some(failure) = above.failed() {
            self.failed = Some(failure.clone());
        }
        while let Some(piece) = self.stack.next_outgoing().map(<[u8]>::to_vec) {
            self.stack.sent(piece.len());
            self.down.push((self.at, piece));
        }
        if self.stack.finish_is_due() {
            self.finished[1].get_or_insert(self.at);
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.hear(|stack, now, above| stack.received(now, bytes, above));
    }

    fn send(&mut self, bytes: &[u8]) {
        self.hear(|stack, now, above| stack.send(now, bytes, above));
    }

    /// Lets time pass until `at`, with every deadline at its moment.
    fn until(&mut self, at: Duration) {
        while let Some(due) = self.stack.next_deadline().map(Moment::since_start)
            && due <= at
        {
            self.at = self.at.max(due);
            self.hear(Stack::deadline);
        }
        self.at = at;
    }

    /// Until nothing is under way.
    fn let_it_end(&mut self) {
        self.until(Duration::from_secs(1_000_000));
    }

    fn sent(&self) -> Vec<&[u8]> {
        self.down.iter().map(|(_, message)| &message[..]).collect()
    }

    fn stream(&self) -> Vec<u8> {
        self.down.iter().flat_map(|(_, piece)| piece.clone()).collect()
    }

    /// What is told in the end of the direction that was sent in.
    fn counts(&mut self) -> Counts {
        let last = self.stack.last_told();
        let counted = last.iter().map(impaired).find_map(|told| match told {
            Impaired::Counted { way: conversation::Way::Out, counts } => Some(counts),
            Impaired::Counted { .. } | Impaired::Fault { .. } => None,
        });
        counted.unwrap_or_default()
    }
}

fn impaired(told: &Told) -> Impaired {
    let Told::Impaired(impaired) = told else { panic!("{told}") };
    impaired.clone()
}

#[test]
fn calls_are_refused_and_the_first_ones_fail() {
    let refuse = ImpairSettings { refuse: true, ..ImpairSettings::default() };
    let failed = Bench::new(Shape::Stream, refuse).failed.expect("a failure");
    assert!(failed.is_reset());
    assert_eq!(failed.to_string(), "refused on purpose (impair)");
    let all = Impairments::new(ImpairSettings { fail_first: 2, ..ImpairSettings::default() });
    let opens: Vec<bool> = (1..=4).map(|call| Bench::of(&all, Shape::Stream, call).is_open).collect();
    assert_eq!(opens, [false, false, true, true]);
}

#[test]
fn settings_that_change_hold_from_the_next_event_on() {
    let all = Impairments::new(both(Faults::default()));
    let mut bench = Bench::of(&all, Shape::Datagram, 1);
    bench.send(b"one");
    all.set(both(Faults { loss: 1_000_000, ..Faults::default() }));
    bench.send(b"two");
    all.set(both(Faults { delay: ms(7), ..Faults::default() }));
    bench.send(b"three");
    bench.let_it_end();
    let expected = [(ms(0), b"one".to_vec()), (ms(7), b"three".to_vec())];
    assert_eq!(bench.down, expected);
}

#[test]
fn calls_share_a_total_rate() {
    let all = Impairments::new(both(Faults { total_rate: Some(1000), ..Faults::default() }));
    let mut one = Bench::of(&all, Shape::Datagram, 1);
    let mut other = Bench::of(&all, Shape::Datagram, 2);
    one.send(&[0; 100]);
    other.send(&[0; 100]);
    one.send(&[0; 100]);
    one.let_it_end();
    other.let_it_end();
    let times = |bench: &Bench| bench.down.iter().map(|(at, _)| *at).collect::<Vec<_>>();
    assert_eq!((times(&one), times(&other)), (vec![ms(100), ms(300)], vec![ms(200)]));
}
