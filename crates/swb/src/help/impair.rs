//! `swb help impair`: the faults, what they do to messages and to bytes, and how to see and change them.

use std::fmt::Write as _;

use switchboard::address::{Layer, OPTIONS};

/// The whole text.
pub(super) fn text() -> String {
    let mut text = "\
An address can be impaired: what comes from its other end, or goes there, is late, lost, doubled. An option
is enough, and the layer lies next to the socket; impair+ says where else, as in impair+ws://HOST:PORT.

  swb relay udp://:9988 'udp://HOST:9989?delay=50ms&loss=out:1%&seed=42' -v
  swb serve echo 'tcp://:7777?rate=1MB/s&reset-after=10MiB'
  swb connect 'tcp://HOST:80?delay=100ms&jitter=20ms'
  swb load 'udp://HOST:9989?delay=20ms&loss=1%&seed=3' --rate 1000

in: in front of a value is for what comes from the other end of that address, out: for what goes there;
without either it is for both, each by itself.

"
    .to_owned();
    for row in OPTIONS.iter().filter(|row| row.applies.layers == [Layer::Impair]) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {}\n      {}", row.name, row.help);
    }
    text.push_str(
        "
Messages (udp, unix-dgram, unix-seqpacket, impair+ws) are lost, doubled, overtaken, corrupted whole. Of a
byte stream none is lost: its bytes are late, come in pieces, at a rate, with wrong bits, or end.

The same seed and input have the same faults, under every engine, whenever they come: what becomes of
message 7 of call 3 depends on the seed, the call's number, the end, the direction and on 7; which bytes of a
stream are wrong, on their place. Only what a full queue drops depends on time, as a rate does. Calls are
numbered as they are answered, or made.

-v says what was done to what, the first 100 faults of a direction of a call one by one, and at its end how
many there were of each; the report of load has the sums of all calls. Delays are let go of to the fraction of
a millisecond, as far as this machine has the time. What is held is bounded: 4 MiB in each direction of a
call.

At a datagram address that is impaired `listen` hears whoever speaks first, and nobody else; `serve` and
`relay` have a call for each.

While it runs: --control PATH, and then `swb control PATH set loss=5%`, for calls that are open too.

See also: swb help addresses, swb help options, swb control --help
",
    );
    text
}
