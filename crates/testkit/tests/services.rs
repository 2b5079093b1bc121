//! Every service: every cut gives the same answer, and no seed makes it panic or wait for ever.

use std::time::Duration;

use conversation::Service;
use services::Echo;
use testkit::{Caller, Faults, Seed, Simulation};

const SEEDS: u64 = 300;

#[test]
fn echo_sends_every_byte_back_in_order() {
    for seed in 0..SEEDS {
        let said = Seed::new(seed).bytes(3000);
        let caller = Caller::new().send(&said[..1000]).send(&said[1000..]).finish().read_all();
        let run = Simulation::new(seed).caller(caller).run(&Echo);
        assert_eq!(run.callers[0].bytes(), said);
    }
}
