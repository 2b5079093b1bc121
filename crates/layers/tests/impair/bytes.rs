//! A byte stream: late, cut, corrupt, at a rate, and ended; never with a byte lost on its way.

use conversation::Shape;
use layers::{After, Faults, Hold, Holds, Stack};
use testkit::Seed;

use super::{Bench, both, ms};

fn pattern(count: usize) -> Vec<u8> {
    Seed::new(7).bytes(count)
}

/// The stream that is let go of when these bytes are sent in cuts of up to so many.
fn through(faults: Faults, bytes: &[u8], cut_max: usize, seed: u64) -> Bench {
    let mut bench = Bench::new(Shape::Stream, both(faults));
    let (mut seed, mut rest) = (Seed::new(seed), bytes);
    while !rest.is_empty() {
        while bench.stack.is_congested() {
            let due = bench.stack.next_deadline().expect("a deadline").since_start();
            bench.until(due);
        }
        let (piece, behind) = rest.split_at((1 + seed.index(cut_max)).min(rest.len()));
        bench.send(piece);
        rest = behind;
    }
    bench.hear(Stack::finish);
    bench.let_it_end();
    bench
}

#[test]
fn every_byte_passes_in_order_and_the_end_behind_it_at_every_cut() {
    let bytes = pattern(200_000);
    let faults = Faults {
        delay: ms(20),
        jitter: ms(20),
        rate: Some(10_000_000),
        slice_bytes: Some(1000),
        ..Faults::default()
    };
    for cut_max in [1000, 5000, 70_000, 200_000] {
        let bench = through(faults, &bytes, cut_max, cut_max as u64);
        assert!(bench.stream() == bytes, "cuts of {cut_max}");
        assert!(bench.finished[1] >= Some(bench.down.last().unwrap().0));
        assert!(bench.down.iter().all(|(_, piece)| piece.len() <= 1000));
    }
}

#[test]
fn the_same_bytes_are_wrong_at_every_cut() {
    let bytes = pattern(100_000);
    let faults = Faults { corrupt: 1_000, ..Faults::default() };
    let whole = through(faults, &bytes, bytes.len(), 1);
    let wrong = whole.stream().iter().zip(&bytes).filter(|(is, was)| is != was).count();
    assert!((60..140).contains(&wrong), "{wrong} of 100,000 at 0.1 %");
    assert_eq!(whole.told.len(), wrong.min(100));
    for cut_max in [1, 3, 100, 10_000] {
        let cut = through(faults, &bytes, cut_max, cut_max as u64);
        assert!(cut.stream() == whole.stream() && cut.told == whole.told, "cuts of {cut_max}");
    }
    let all = through(Faults { corrupt: 1_000_000, ..Faults::default() }, &bytes[..100], 7, 1);
    assert!(all.stream().iter().zip(&bytes).all(|(is, was)| (is ^ was).count_ones() == 1));
}

#[test]
fn a_rate_takes_the_time_that_it_must_and_stops_the_reading() {
    let faults = Faults { rate: Some(100_000), ..Faults::default() };
    let bytes = pattern(300_000);
    let bench = through(faults, &bytes, 50_000, 1);
    assert!(bench.stream() == bytes);
    assert_eq!(bench.down.last().unwrap().0, ms(3000));
    let mut bench = Bench::new(Shape::Stream, both(faults));
    bench.receive(&bytes[..70_000]);
    assert_eq!(bench.stack.holds().for_above, Hold::Enough);
    bench.until(ms(200));
    assert_eq!(bench.stack.holds().for_above, Hold::Some);
}

#[test]
fn a_delay_does_not_slow_a_rate_down() {
    let faults = Faults { delay: ms(1000), rate: Some(1_000_000), ..Faults::default() };
    let bytes = pattern(2_000_000);
    let bench = through(faults, &bytes, 50_000, 1);
    assert_eq!(bench.down.last().unwrap().0, ms(3000));
}

#[test]
fn it_ends_behind_the_byte_at_every_cut() {
    let bytes = pattern(5_000);
    let after = Some(After::Bytes(1234));
    for cut_max in [1, 100, 5_000] {
        let reset =
            through(Faults { reset_after: after, delay: ms(3), ..Faults::default() }, &bytes, cut_max, 1);
        assert!(reset.stream() == bytes[..1234]);
        let failed = reset.failed.expect("a failure");
        assert!(failed.is_reset());
        assert_eq!(failed.to_string(), "reset on purpose (impair) after 1234 bytes");
        let mut closed = through(Faults { close_after: after, ..Faults::default() }, &bytes, cut_max, 1);
        assert!(closed.stream() == bytes[..1234]);
        assert!(closed.failed.is_none() && closed.finished.iter().all(Option::is_some));
        closed.receive(&bytes);
        assert!(closed.up.is_empty() && closed.stack.holds() == Holds::default());
    }
    let mut stalled = Bench::new(Shape::Stream, both(Faults { stall_after: after, ..Faults::default() }));
    stalled.send(&bytes);
    stalled.hear(Stack::finish);
    stalled.let_it_end();
    assert!(stalled.stream() == bytes[..1234]);
    assert_eq!((stalled.finished[1], stalled.stack.holds().for_below), (None, Hold::Enough));
}

#[test]
fn it_ends_in_time() {
    let after = Some(After::Time(ms(50)));
    let mut reset = Bench::new(Shape::Stream, both(Faults { reset_after: after, ..Faults::default() }));
    reset.until(ms(49));
    reset.send(b"x");
    assert!(reset.failed.is_none());
    reset.let_it_end();
    assert!(reset.failed.unwrap().is_reset());
    let mut closed = Bench::new(Shape::Stream, both(Faults { close_after: after, ..Faults::default() }));
    closed.let_it_end();
    assert_eq!(closed.finished, [Some(ms(50)); 2]);
    let mut stalled =
        Bench::new(Shape::Stream, both(Faults { stall_after: after, delay: ms(9), ..Faults::default() }));
    stalled.send(b"passes");
    stalled.until(ms(45));
    stalled.send(b"stays");
    stalled.let_it_end();
    assert_eq!(stalled.stream(), b"passes");
}

#[test]
fn one_direction_is_left_alone_where_the_other_is_named() {
    let settings = layers::ImpairSettings {
        outward: Faults { delay: ms(10), ..Faults::default() },
        ..layers::ImpairSettings::default()
    };
    let mut bench = Bench::new(Shape::Stream, settings);
    bench.receive(b"in");
    bench.send(b"out");
    bench.let_it_end();
    assert_eq!((bench.up[0].0, bench.down[0].0), (ms(0), ms(10)));
}
