//! Whole messages: late, lost, doubled, overtaken, corrupt, queued.

use std::time::Duration;

use conversation::Shape;
use layers::{Faults, Hold, Impaired, Stack};

use super::{Bench, both, ms};

const MESSAGES: u32 = 10_000;

fn numbered(count: u32) -> impl Iterator<Item = [u8; 4]> {
    (0..count).map(u32::to_be_bytes)
}

/// What is let go of when so many messages are sent, one a millisecond.
fn sent(count: u32, faults: Faults) -> Bench {
    let mut bench = Bench::new(Shape::Datagram, both(faults));
    for (index, message) in numbered(count).enumerate() {
        bench.until(ms(index as u64));
        bench.send(&message);
    }
    bench.let_it_end();
    bench
}

#[test]
fn they_pass_whole_and_late_in_both_directions_and_the_end_behind_them() {
    let mut bench = Bench::new(Shape::SeqPacket, both(Faults { delay: ms(5), ..Faults::default() }));
    assert_eq!(bench.stack.shape(), Shape::SeqPacket);
    for message in [&b"one"[..], b"", b"three"] {
        bench.receive(message);
        bench.send(message);
    }
    bench.at = ms(1);
    bench.hear(Stack::below_finished);
    bench.hear(Stack::finish);
    assert_eq!((bench.stack.holds().for_above, bench.stack.holds().for_below), (Hold::Some, Hold::Some));
    bench.until(ms(4));
    assert!(bench.up.is_empty() && bench.down.is_empty());
    bench.let_it_end();
    let expected: Vec<_> = [&b"one"[..], b"", b"three"].map(|message| (ms(5), message.to_vec())).into();
    assert_eq!((&bench.up, &bench.down), (&expected, &expected));
    assert_eq!(bench.finished, [Some(ms(6)); 2]);
    assert_eq!(bench.stack.holds().for_below, Hold::Nothing);
}

#[test]
fn jitter_is_as_likely_early_as_late_and_keeps_the_order() {
    let mut bench =
        Bench::new(Shape::Datagram, both(Faults { delay: ms(10), jitter: ms(4), ..Faults::default() }));
    let mut late = Vec::new();
    for (index, message) in numbered(2_000).enumerate() {
        let at = ms(index as u64 * 100);
        bench.until(at);
        bench.send(&message);
        bench.until(at + ms(99));
        late.push(bench.down.last().unwrap().0 - at);
    }
    assert!(late.iter().all(|late| (ms(6)..=ms(14)).contains(late)));
    let mean = late.iter().sum::<Duration>() / 2_000;
    assert!(mean.abs_diff(ms(10)) < Duration::from_micros(200), "{mean:?}");
    assert!(bench.sent().is_sorted());
}

#[test]
fn the_share_that_is_lost_is_the_one_that_was_asked_for() {
    for percent in [1, 5, 20, 50] {
        let mut bench = sent(MESSAGES, Faults { loss: percent * 10_000, ..Faults::default() });
        let counts = bench.counts();
        let lost = counts.lost as f64 / f64::from(MESSAGES) * 100.0;
        assert!((lost - f64::from(percent)).abs() < 2.0, "{lost} % of {percent} %");
        assert_eq!(counts.passed + counts.lost, u64::from(MESSAGES));
    }
    assert_eq!(sent(100, Faults { loss: 1_000_000, ..Faults::default() }).down.len(), 0);
}

#[test]
fn bursts_have_their_length_and_lose_no_more_in_all() {
    let mut bench = sent(100_000, Faults { loss: 50_000, burst: Some(4), ..Faults::default() });
    let there: Vec<u32> =
        bench.sent().iter().map(|bytes| u32::from_be_bytes(bytes[..].try_into().unwrap())).collect();
    let gaps: Vec<u32> = there.windows(2).map(|two| two[1] - two[0] - 1).filter(|gap| *gap > 0).collect();
    let mean = f64::from(gaps.iter().sum::<u32>()) / gaps.len() as f64;
    assert!((3.6..4.4).contains(&mean), "{mean}");
    let lost = bench.counts().lost;
    assert!((4_000..6_000).contains(&lost), "{lost} of 100,000 at 5 %");
}

#[test]
fn some_come_twice_and_some_are_overtaken_by_the_next() {
    let mut bench = sent(MESSAGES, Faults { duplicate: 10_000, ..Faults::default() });
    let twice = bench.sent().windows(2).filter(|two| two[0] == two[1]).count() as u64;
    assert!((60..140).contains(&twice), "{twice} of 10,000 at 1 %");
    assert_eq!((bench.counts().doubled, bench.down.len() as u64), (twice, u64::from(MESSAGES) + twice));
    let mut bench = sent(MESSAGES, Faults { reorder: 10_000, delay: ms(3), ..Faults::default() });
    let overtaken = bench.sent().windows(2).filter(|two| two[0] > two[1]).count() as u64;
    assert!((60..140).contains(&overtaken), "{overtaken} of 10,000 at 1 %");
    assert_eq!(bench.counts().overtaken, overtaken);
    assert_eq!(bench.down.len(), MESSAGES as usize);
}

#[test]
fn one_that_nobody_overtakes_is_late_by_one_and_a_half_seconds() {
    let mut bench = Bench::new(Shape::Datagram, both(Faults { reorder: 1_000_000, ..Faults::default() }));
    bench.send(b"alone");
    bench.let_it_end();
    assert_eq!(bench.down, [(ms(1500), b"alone".to_vec())]);
}

#[test]
fn who_is_to_be_overtaken_does_not_depend_on_when_messages_come() {
    let told = |gap: Duration| {
        let mut bench = Bench::new(Shape::Datagram, both(Faults { reorder: 500_000, ..Faults::default() }));
        for message in numbered(50) {
            bench.send(&message);
            bench.until(bench.at + gap);
        }
        bench.let_it_end();
        (bench.told.clone(), bench.counts())
    };
    let at_once = told(ms(0));
    assert!((10..40).contains(&at_once.1.overtaken), "{:?}", at_once.1);
    for gap in [ms(100), ms(1000), ms(1500), ms(10_000)] {
        assert_eq!(told(gap), at_once, "{gap:?} between two");
    }
}

#[test]
fn a_corrupt_one_has_one_bit_wrong_and_the_log_says_which() {
    let bench = sent(1_000, Faults { corrupt: 20_000, ..Faults::default() });
    let mut told = bench.told.iter();
    for (right, is) in numbered(1_000).zip(bench.sent()) {
        let wrong: Vec<(usize, u8)> = right
            .iter()
            .zip(is)
            .map(|(one, other)| one ^ other)
            .enumerate()
            .filter(|(_, wrong)| *wrong != 0)
            .collect();
        if let [(byte, mask)] = wrong[..] {
            assert_eq!(mask.count_ones(), 1);
            let number = u32::from_be_bytes(right) + 1;
            let line =
                format!("out: message {number} is corrupt: bit {} of byte {byte}", mask.trailing_zeros());
            assert_eq!(told.next().map(ToString::to_string), Some(line));
        } else {
            assert!(wrong.is_empty());
        }
    }
    assert!(told.next().is_none() && bench.told.len() > 5);
}

#[test]
fn what_becomes_of_one_depends_on_its_number_and_not_on_time_or_other_faults() {
    let fates = |bench: &Bench| bench.told.iter().map(ToString::to_string).collect::<Vec<_>>();
    let faults = Faults { loss: 50_000, ..Faults::default() };
    let plain = fates(&sent(500, faults));
    let others = fates(&sent(500, Faults { delay: ms(3), jitter: ms(3), duplicate: 10_000, ..faults }));
    let lost: Vec<_> = others.iter().filter(|line| line.contains("lost")).cloned().collect();
    assert_eq!(plain, lost);
    let mut at_once = Bench::new(Shape::Datagram, both(faults));
    numbered(500).for_each(|message| at_once.send(&message));
    assert_eq!(fates(&at_once), plain);
    let mut other_seed = Bench::new(Shape::Datagram, layers::ImpairSettings { seed: 43, ..both(faults) });
    numbered(500).for_each(|message| other_seed.send(&message));
    assert_ne!(fates(&other_seed), plain);
}

#[test]
fn a_full_queue_drops_what_comes_and_all_is_counted() {
    let rated = Faults { rate: Some(1_000), queue_bytes: Some(1_000), ..Faults::default() };
    let mut bench = Bench::new(Shape::Datagram, both(rated));
    (0..25).for_each(|_| bench.send(&[7; 100]));
    bench.let_it_end();
    let times: Vec<_> = bench.down.iter().map(|(at, _)| at.as_millis()).collect();
    assert_eq!(times, (1..=10).map(|turn| turn * 100).collect::<Vec<_>>());
    let counts = bench.counts();
    assert_eq!((counts.came, counts.passed, counts.dropped), (25, 10, 15));
    let by_messages = Faults { rate: Some(1_000), queue_messages: Some(3), ..Faults::default() };
    let mut bench = Bench::new(Shape::Datagram, both(by_messages));
    (0..25).for_each(|_| bench.send(&[7; 100]));
    bench.let_it_end();
    assert_eq!(bench.down.len(), 3);
}

#[test]
fn what_is_held_has_a_bound() {
    let mut bench = Bench::new(Shape::Datagram, both(Faults { delay: ms(1000), ..Faults::default() }));
    (0..10_000).for_each(|_| bench.send(&[7; 1000]));
    bench.let_it_end();
    let counts = bench.counts();
    assert!(counts.dropped > 0 && bench.down.len() * 1000 < layers::HELD_BYTES_MAX);
    assert_eq!(counts.passed + counts.dropped, 10_000);
}

#[test]
fn every_message_is_delivered_or_told_of_under_all_faults_at_once() {
    let faults = Faults {
        delay: ms(5),
        jitter: ms(5),
        loss: 30_000,
        burst: Some(2),
        duplicate: 30_000,
        reorder: 30_000,
        corrupt: 30_000,
        rate: Some(3_000),
        queue_bytes: Some(100),
        ..Faults::default()
    };
    let mut bench = sent(MESSAGES, faults);
    let counts = bench.counts();
    assert_eq!(counts.came, u64::from(MESSAGES));
    assert_eq!(counts.passed, bench.down.len() as u64);
    assert_eq!(counts.passed + counts.lost + counts.dropped, counts.came + counts.doubled);
    for count in [counts.lost, counts.dropped, counts.doubled, counts.overtaken, counts.corrupted] {
        assert!(count > 0, "{counts:?}");
    }
    let told_max = bench.told.iter().filter(|told| matches!(told, Impaired::Fault { .. })).count();
    assert_eq!(told_max, 100, "the rest is counted");
}

#[test]
fn what_is_under_way_when_a_leg_is_closed_counts_as_lost() {
    let mut bench =
        Bench::new(Shape::Datagram, both(Faults { delay: ms(5), reorder: 1_000_000, ..Faults::default() }));
    (0..3).for_each(|_| bench.send(b"x"));
    let counts = bench.counts();
    assert_eq!((counts.came, counts.lost), (3, 3));
}

#[test]
fn a_datagram_leg_that_is_closed_here_says_so() {
    let faults = Faults { close_after: Some(layers::After::Bytes(6)), ..Faults::default() };
    let mut bench = Bench::new(Shape::Datagram, both(faults));
    for message in [&b"one"[..], b"two", b"three"] {
        bench.send(message);
    }
    assert_eq!(bench.sent(), [b"one", b"two"]);
    assert_eq!(bench.failed.unwrap().to_string(), "closed on purpose (impair) after 6 bytes");
}
