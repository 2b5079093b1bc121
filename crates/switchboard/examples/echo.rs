//! An echo server: try it with `swb connect tcp://127.0.0.1:7777`, or with any netcat.
//!
//! Run it with `cargo run --example echo`, end it with Ctrl-C.

use switchboard::{Server, services::Echo};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::new(Echo).at("tcp://127.0.0.1:7777")?.start()?;
    eprintln!("listening {}", server.addresses()[0]);
    server.wait()?;
    Ok(())
}
