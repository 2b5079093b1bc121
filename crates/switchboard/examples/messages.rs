//! Messages on a byte stream: each with its length before it, whatever bytes it holds.
//!
//! Run it with `cargo run --example messages`: a server answers three messages, and a caller checks them.

use switchboard::{ByteOrder, Caller, Framing, Server, Width, services::Reply};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let framing = Framing::Length { width: Width::U16, order: ByteOrder::Big, bytes_max: 1000 };
    let server = Server::new(Reply::new(&b"got it"[..]).framed(framing)?).at("tcp://127.0.0.1:0")?.start()?;

    let mut caller = Caller::call(&server.addresses()[0])?;
    for message in [&b"text"[..], b"\0\n\xff", b""] {
        caller.send_frame(framing, message)?;
        let answer = caller.receive_frame(framing)?.ok_or("no answer")?;
        assert_eq!(answer, b"got it");
    }
    eprintln!("three messages sent, three answered");
    drop(caller);
    server.drain();
    server.wait()?;
    Ok(())
}
