//! Typed messages: a counter that callers add to, asked over every transport, in JSON and in postcard.
//!
//! Run it with `cargo run -p switchboard --example typed`: it calls itself.

use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use switchboard::typed::{Answers, Format, Typed};
use switchboard::{Call, Caller, Server};

/// What is asked.
#[derive(Debug, Deserialize, Serialize)]
enum Request {
    Add(u32),
    WhoAmI,
}

/// What is answered.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
enum Answer {
    Sum(u64),
    YouAre { address: String, call: u64 },
}

/// A service made of a function.
fn counter(format: Format) -> Answers<Request, Answer> {
    let sum = Mutex::new(0);
    let answer = move |call: &Call, request: Request| match request {
        Request::Add(number) => {
            let mut sum = sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *sum += u64::from(number);
            Answer::Sum(*sum)
        }
        Request::WhoAmI => Answer::YouAre { address: call.peer.to_string(), call: call.number },
    };
    Answers::by_caller("counter", format, answer).sharing_state()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    ask_over_every_transport()
}

/// Starts a counter at four addresses at once, and asks it at each.
pub fn ask_over_every_transport() -> Result<(), Box<dyn std::error::Error>> {
    for format in [Format::JSON, Format::POSTCARD] {
        let name = format!("@counter-{}-{}", format.encoding, std::process::id());
        let server = Server::new(counter(format))
            .at("tcp://127.0.0.1:0")?
            .at("udp://127.0.0.1:0")?
            .at(&format!("unix:{name}"))?
            .at(&format!("unix-seqpacket:{name}-messages"))?
            .start()?;
        for address in server.addresses() {
            let caller = Caller::call(address)?.with_timeout(Duration::from_secs(10));
            let mut counter: Typed<Request, Answer> = Typed::on(caller, format);
            let sum = counter.ask(&Request::Add(1000))?;
            let who = counter.ask(&Request::WhoAmI)?;
            eprintln!("{address} in {}: {sum:?}, {who:?}", format.encoding);
        }
        server.drain();
        server.wait()?;
    }
    Ok(())
}
