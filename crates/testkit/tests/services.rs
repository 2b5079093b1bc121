//! Every service: every cut gives the same answer, and no seed makes it panic or wait for ever.
#![expect(clippy::unwrap_used, reason = "a setting of a test that is refused is the failure that is wanted")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use conversation::{CloseReason, Framing, Service};
use services::{
    Ask, Discard, Echo, Exec, MISFIT, Prefix, Print, Relay, Reply, Say, Screen, Terminal, Time, TimeFormat,
    Until, Who,
};
use testkit::{Answer, Caller, Faults, Run, Seed, SendFails, Simulation, answer_in_pieces, every_cut};

const SEEDS: u64 = 1000;

/// Seeds of a run that moves so many bytes that a thousand would take minutes.
const FLOODS: u64 = 30;

fn framing(name: &str) -> Framing {
    name.parse().unwrap()
}

fn terminal(until: Until) -> Terminal {
    Terminal { quiet: Some(Duration::from_secs(2)), ..Terminal::until(until) }
}

/// Every service of a server, with those of its settings that change what it does.
const SERVICES: &[fn() -> Box<dyn Service>] = &[
    || Box::new(Echo),
    || Box::new(Discard),
    || Box::new(Print::new(Prefix::Never)),
    || Box::new(Print::new(Prefix::WhenSeveral)),
    || Box::new(Print::new(Prefix::Always)),
    || Box::new(Say::new(&b"Hello, world!\n"[..])),
    || Box::new(Say::new(vec![b'x'; 70_000])),
    || Box::new(Reply::new(&b"hello back\n"[..])),
    || Box::new(Reply::new(&b"hello back"[..]).framed(framing("line")).unwrap()),
    || Box::new(Reply::new(&b"hello back"[..]).framed(framing("u8").with_bytes_max(20)).unwrap()),
    || Box::new(Reply::new(&b"again\n"[..]).repeated(Duration::from_secs(1), 5)),
    || Box::new(Who::default()),
    || Box::new(Time { format: TimeFormat::Text }),
    || Box::new(Time { format: TimeFormat::Binary }),
    || Box::new(Exec::new("exec:cat".parse().unwrap())),
    || Box::new(Relay::to("tcp://nobody.example:7".parse().unwrap())),
    || Box::new(Relay::to("udp://nobody.example:7".parse().unwrap()).framed(framing("line"))),
    || Box::new(Ask::new("?")),
    || Box::new(Ask { framing: Some(framing("line")), replies: 2, ..Ask::new("?") }),
    || Box::new(Ask { timeout: Some(Duration::from_secs(2)), retries: 3, ..Ask::new("?") }),
];

#[test]
fn every_service_of_the_table_is_simulated() {
    for row in services::SERVICES {
        assert!(SERVICES.iter().any(|make| make().name() == row.name), "{} is not in the list", row.name);
    }
}

fn answer_to(service: &dyn Service, text: &[u8]) -> Answer {
    answer_in_pieces(service, &[text])
}

#[test]
fn every_cut_of_what_a_caller_says_gives_the_same_answer() {
    for text in [&b"one\ntwo\n\nend"[..], b"\x02ab\x00\x05cdefg\x01"] {
        for make in SERVICES {
            let service = make();
            let whole = answer_to(&*service, text);
            assert!(whole.reason.is_some(), "{} does not end", service.name());
            every_cut(text, |pieces| {
                // A service may share what its callers leave behind: each cut gets one of its own.
                let cut = answer_in_pieces(&*make(), pieces);
                assert_eq!(cut, whole, "{} with {pieces:?}", service.name());
            });
        }
    }
}

#[test]
fn each_service_answers_what_its_page_says() {
    let said = b"one\ntwo\n";
    let answer = |service: &dyn Service| answer_to(service, said);
    assert_eq!(answer(&Echo).bytes, said);
    assert_eq!(answer(&Discard), Answer { reason: Some(CloseReason::Finished), ..Answer::default() });
    let nothing_of_ours = Answer { reason: Some(CloseReason::Finished), ..Answer::default() };
    assert_eq!(answer(&Exec::new("exec:cat".parse().unwrap())), nothing_of_ours);
    assert_eq!(answer(&Print::new(Prefix::Never)).output, said);
    let prefixed = answer(&Print::new(Prefix::Always)).output;
    assert_eq!(prefixed, b"tcp://127.0.0.1:40000: one\ntcp://127.0.0.1:40000: two\n");
    assert_eq!(answer(&Say::new(&b"hi"[..])).bytes, b"hi");
    assert_eq!(answer(&Reply::new(&b"hi"[..])).bytes, b"hi");
    assert_eq!(answer(&Reply::new(&b"hi"[..]).framed(framing("line")).unwrap()).bytes, b"hi\nhi\n");
    let who = answer(&Who::default()).bytes;
    assert_eq!(who, b"Connection from 127.0.0.1 (127.0.0.1) 40000 at 1970-01-01T00:00:00Z\nBye\n");
    assert_eq!(answer(&Time { format: TimeFormat::Text }).bytes, b"1970-01-01T00:00:00Z\r\n");
    assert_eq!(
        answer(&Ask::new("?")),
        Answer { bytes: b"?".to_vec(), output: said.to_vec(), reason: Some(CloseReason::Finished) }
    );
}

/// Random text of several lines.
fn text(seed: &mut Seed, length: usize) -> Vec<u8> {
    (0..length).map(|_| if seed.one_in(20) { b'\n' } else { b'a' + seed.index(26) as u8 }).collect()
}

/// Callers of every kind who say `said`, some of them slow to read.
fn crowd(seed: u64, said: &[u8]) -> Simulation {
    let pause = Duration::from_secs(seed % 3);
    let (first, second) = said.split_at(said.len() / 2);
    let stream = Caller::new().pause_reading(pause).send(first).wait(pause).send(second).finish().read_all();
    let packets = Caller::seqpacket().send(first).send(second).finish().read_all();
    let datagrams = Caller::datagrams().send(first).wait(pause).send(second);
    let simulation = Simulation::new(seed).peer_name("host.example");
    simulation.caller(stream.clone()).caller(packets).caller(datagrams).caller(stream)
}

#[test]
fn no_cut_order_or_slow_reader_makes_any_service_panic_or_wait_for_ever() {
    for seed in 0..SEEDS {
        let said = text(&mut Seed::new(seed), 120);
        for make in SERVICES {
            let service = make();
            let run = crowd(seed, &said).run(&*service);
            assert!(run.calls.len() >= 4, "{} answered {} calls", service.name(), run.calls.len());
        }
    }
}

#[test]
fn no_reset_loss_or_failure_at_any_point_makes_any_service_panic_or_wait_for_ever() {
    for seed in 0..SEEDS {
        let mut chance = Seed::new(seed);
        let said = text(&mut chance, 120);
        for make in SERVICES {
            let service = make();
            let faults = Faults {
                loss_percent: 30,
                duplicate_percent: 30,
                reorder_percent: 30,
                reset_percent: 50,
                send_fails: chance.one_in(4).then(|| SendFails { leg: 0, after_bytes: chance.index(200) }),
                output_bytes_max: chance.one_in(4).then(|| chance.index(400)),
                ..Faults::default()
            };
            crowd(seed, &said).faults(faults).run(&*service);
        }
    }
}

#[test]
fn echo_sends_back_every_byte_or_a_beginning_of_them_to_who_resets() {
    for seed in 0..SEEDS {
        let said = Seed::new(seed).bytes(2000);
        let caller = || Caller::new().send(&said[..700]).send(&said[700..]).finish().read_all();
        let run = Simulation::new(seed).caller(caller()).run(&Echo);
        assert!(run.callers[0].bytes() == said && run.callers[0].finished.is_some(), "seed {seed}");
        let faults = Faults { reset_percent: 100, ..Faults::default() };
        let run = Simulation::new(seed).faults(faults).caller(caller()).caller(caller()).run(&Echo);
        assert!(run.callers.iter().all(|heard| said.starts_with(&heard.bytes())), "seed {seed}");
    }
}

#[test]
fn echo_sends_back_a_flood_to_a_slow_reader() {
    for seed in 0..FLOODS {
        let said = Seed::new(seed).bytes(500_000);
        let caller = Caller::new().pause_reading(Duration::from_secs(3)).send(&said).finish().read_all();
        let run = Simulation::new(seed).caller(caller).run(&Echo);
        assert!(run.callers[0].bytes() == said, "seed {seed}");
        assert_eq!((run.calls[0].received_bytes, run.calls[0].sent_bytes), (500_000, 500_000));
    }
}

#[test]
fn reply_answers_each_of_many_frames_to_a_slow_reader() {
    let answer = "an answer that is much longer than the question".repeat(4);
    let reply = Reply::new(answer.as_bytes()).framed(framing("line")).unwrap();
    for seed in 0..FLOODS {
        let caller = Caller::new().pause_reading(Duration::from_secs(3)).send("?\n".repeat(3000)).finish();
        let run = Simulation::new(seed).caller(caller.read_all()).run(&reply);
        assert!(run.callers[0].bytes() == format!("{answer}\n").repeat(3000).as_bytes(), "seed {seed}");
        assert_eq!(run.calls[0].reason, CloseReason::Finished);
    }
}

#[test]
fn every_datagram_that_arrives_gets_its_own_answer() {
    for seed in 0..SEEDS {
        let faults = Faults {
            loss_percent: 20,
            duplicate_percent: 20,
            reorder_percent: 20,
            delay_max: Duration::from_millis(3),
            ..Faults::default()
        };
        let caller = (0..12_u8).fold(Caller::datagrams(), |caller, number| caller.send([number; 3]));
        let run = Simulation::new(seed).faults(faults.clone()).caller(caller.clone()).run(&Echo);
        let whole = |message: &&[u8]| {
            message.len() == 3 && message[0] < 12 && message.iter().all(|b| *b == message[0])
        };
        assert!(run.callers[0].messages().iter().all(whole), "seed {seed}");
        let fair = Simulation::new(seed).caller(caller.clone()).run(&Echo);
        let said: Vec<[u8; 3]> = (0..12).map(|number| [number; 3]).collect();
        assert_eq!(fair.callers[0].messages(), said);
        let answered = Simulation::new(seed).faults(faults).caller(caller).run(&Say::new(&b"hi"[..]));
        assert!(answered.callers[0].messages().iter().all(|message| message == b"hi"));
    }
}

#[test]
fn print_never_mixes_the_lines_of_its_callers() {
    for seed in 0..SEEDS {
        let line = |letter: u8| [vec![letter; 30], b"\n".to_vec()].concat();
        let caller = |letter| (0..4).fold(Caller::new(), |caller, _| caller.send(line(letter))).finish();
        let callers = (b'a'..=b'd').map(|letter| caller(letter).read_all());
        let simulation = callers.fold(Simulation::new(seed), Simulation::caller);
        let run = simulation.run(&Print::new(Prefix::Always));
        let output = String::from_utf8(run.output).unwrap();
        assert_eq!(output.lines().count(), 16, "seed {seed}: {output}");
        for printed in output.lines() {
            let (caller, text) = printed.rsplit_once(": ").unwrap();
            let letter = b'a' + caller.as_bytes()[caller.len() - 1] - b'0';
            assert!(text.len() == 30 && text.bytes().all(|byte| byte == letter), "seed {seed}: {printed}");
        }
    }
}

#[test]
fn print_puts_out_every_byte_of_a_caller_who_is_alone() {
    for seed in 0..SEEDS {
        let said = Seed::new(seed).bytes(500);
        let run = Simulation::new(seed)
            .caller(Caller::new().send(&said).finish().read_all())
            .run(&Print::new(Prefix::WhenSeveral));
        assert!(run.output == said, "seed {seed}");
    }
}

#[test]
fn who_says_who_called_and_bye_ten_seconds_later() {
    for seed in 0..SEEDS {
        let caller = Caller::new().send("hello from me\n").read_all().finish();
        let run = Simulation::new(seed).peer_name("host.example").caller(caller).run(&Who::default());
        let heard = String::from_utf8(run.callers[0].bytes()).unwrap();
        let expected = "Connection from host.example (198.51.100.1) 40000 at 2026-11-21T12:00:00Z\nBye\n";
        assert_eq!(heard, expected, "seed {seed}");
        assert!(run.ended.since_start() >= Duration::from_secs(10));
    }
}

#[test]
fn ask_asks_again_until_a_lost_answer_comes() {
    for seed in 0..SEEDS {
        let ask = Ask { timeout: Some(Duration::from_secs(1)), retries: 30, ..Ask::new("ping") };
        let peer =
            (1..=30).fold(Caller::asked_by_datagrams(), |peer, times| peer.hear(4 * times).send("pong"));
        let faults = Faults { loss_percent: 50, ..Faults::default() };
        let run = Simulation::new(seed).faults(faults).caller(peer).run(&ask);
        assert_eq!(run.output, b"pong", "seed {seed}");
        assert_eq!(run.calls[0].reason, CloseReason::Finished);
    }
}

#[test]
fn ask_that_is_never_answered_times_out() {
    for seed in 0..SEEDS {
        let ask = Ask { timeout: Some(Duration::from_secs(2)), retries: 2, ..Ask::new("ping") };
        let run = Simulation::new(seed).caller(Caller::asked_by_datagrams()).run(&ask);
        assert_eq!(run.calls[0].reason, CloseReason::TimedOut);
        assert_eq!(run.callers[0].messages(), [b"ping"; 3]);
    }
}

/// One call between `peer` and somebody who types `typed`.
fn typed(seed: u64, typed: Caller, peer: Caller, until: Until) -> Run {
    Simulation::new(seed).peer("-", typed).caller(peer).run(&terminal(until))
}

#[test]
fn a_terminal_loses_nothing_in_either_direction() {
    let (input, answer) = (Seed::new(1).bytes(150_000), Seed::new(2).bytes(150_000));
    for until in [Until::Peer, Until::Both] {
        for seed in 0..2 * FLOODS {
            let person = Caller::new().send(&input).finish().read_all();
            let peer =
                Caller::new().pause_reading(Duration::from_secs(1)).hear(input.len()).send(&answer).finish();
            let run = typed(seed, person, peer.read_all(), until);
            assert!(run.callers[0].bytes() == input, "seed {seed}");
            assert!(run.dialled[0].heard.bytes() == answer, "seed {seed}");
            assert_eq!(run.calls[0].reason, CloseReason::Finished);
        }
    }
}

#[test]
fn a_terminal_hears_the_answer_that_comes_after_its_own_end() {
    for seed in 0..SEEDS {
        let person = Caller::new().send("question\n").finish().read_all();
        let peer = Caller::new().read_all().wait(Duration::from_secs(1)).send("answer\n").finish();
        let run = typed(seed, person, peer, Until::Peer);
        assert_eq!(run.dialled[0].heard.bytes(), b"answer\n", "seed {seed}");
        assert_eq!(run.callers[0].bytes(), b"question\n");
    }
}

#[test]
fn a_terminal_sends_each_line_as_a_message() {
    for seed in 0..SEEDS {
        let person = Caller::new().send("one\ntwo\n\nlast").finish().read_all();
        let run = typed(seed, person, Caller::asked_by_datagrams().send("heard"), Until::Peer);
        assert_eq!(run.callers[0].messages(), [&b"one\n"[..], b"two\n", b"\n", b"last"], "seed {seed}");
        assert_eq!(run.dialled[0].heard.bytes(), b"heard");
    }
}

#[test]
fn no_reset_on_either_side_of_a_terminal_keeps_it_for_ever() {
    for seed in 0..SEEDS {
        for until in [Until::Peer, Until::Both, Until::Input] {
            let said = text(&mut Seed::new(seed), 300);
            let faults = Faults { reset_percent: 50, ..Faults::default() };
            let person = Caller::new().send(&said).finish().read_all();
            let peers = [Caller::new(), Caller::seqpacket(), Caller::asked_by_datagrams()];
            let peer = peers[(seed % 3) as usize].clone().send(&said).finish().read_all();
            let simulation = Simulation::new(seed).faults(faults);
            let run = simulation.peer("-", person).caller(peer).run(&terminal(until));
            for heard in run.callers.iter().chain(run.dialled.iter().map(|peer| &peer.heard)) {
                assert!(said.starts_with(&heard.bytes()), "seed {seed}");
            }
        }
    }
}

#[test]
fn a_terminal_changes_line_ends_and_packs_lines_however_they_are_cut() {
    let crlf = Terminal { crlf: true, ..terminal(Until::Peer) };
    let packed = Terminal { pack: "!H3s".parse().ok(), unpack: "!H".parse().ok(), ..terminal(Until::Peer) };
    for seed in 0..SEEDS {
        let person = Caller::new().send("one\ntwo\r\n").finish().read_all();
        let run =
            Simulation::new(seed).peer("-", person).caller(Caller::new().finish().read_all()).run(&crlf);
        assert_eq!(run.callers[0].bytes(), b"one\r\ntwo\r\n", "seed {seed}");

        let person = Caller::new().send("1 abc\n2 'd e'\n3 f").finish().read_all();
        let peer = Caller::new().read_all().send(b"\x01\x00\xff\xff").finish();
        let run = Simulation::new(seed).peer("-", person).caller(peer).run(&packed);
        assert_eq!(run.callers[0].bytes(), b"\0\x01abc\0\x02d e\0\x03f\0\0", "seed {seed}");
        assert_eq!(run.dialled[0].heard.bytes(), b"256\n65535\n");
        assert_eq!(run.calls[0].reason, CloseReason::Finished);

        let person = Caller::new().finish().read_all();
        let peer = Caller::new().send(b"\0\x01\0").finish().read_all();
        let run = Simulation::new(seed).peer("-", person).caller(peer).run(&packed);
        assert_eq!((run.dialled[0].heard.bytes(), run.calls[0].reason), (b"1\n".to_vec(), MISFIT));
    }
}

#[test]
fn a_screen_loses_nothing_however_keys_and_output_are_cut_and_mixed() {
    let answer: Vec<u8> = (0..50).flat_map(|number| format!("<{number}>\n").into_bytes()).collect();
    for seed in 0..SEEDS {
        let screen = Some(Arc::new(Mutex::new(Screen::default())));
        let terminal = Terminal { inert: true, escapes: true, screen, ..terminal(Until::Both) };
        let person = Caller::new().send("helo\x1b[Dl\rGr\u{fc}\u{df}e\x7f\r~~\r\x1b[A\r\x04").read_all();
        let peer = Caller::new().send(&answer).finish().read_all();
        let run = Simulation::new(seed).peer("-", person).caller(peer).run(&terminal);
        assert_eq!(run.callers[0].bytes(), "hello\nGr\u{fc}\u{df}\n~\n~\n".as_bytes(), "seed {seed}");
        assert_eq!(run.calls[0].reason, CloseReason::Finished);
        // An entered line may stand between two characters, where the peer had come so far.
        let shown = run.dialled[0].heard.bytes();
        let mut rest = shown.iter();
        assert!(answer.iter().all(|said| rest.any(|byte| byte == said)), "seed {seed}: {shown:?}");
    }
}
