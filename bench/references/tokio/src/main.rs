//! Echo over TCP and UDP, and a relay, as one would write them with tokio: a task for each call.
//!
//! usage: tokio-echo tcp PORT | udp PORT | relay PORT TARGET
//!
//! Buffers have 64 KiB, as much as the longest message that is measured: none of them is slowed by a small one.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional_with_sizes};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};

const BUFFER_BYTES: usize = 64 * 1024;
const BACKLOG: u32 = 4096;

#[tokio::main]
async fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["tcp", port] => echo_calls(at(port)?).await,
        ["udp", port] => echo_datagrams(at(port)?).await,
        ["relay", port, target] => relay(at(port)?, at(target)?).await,
        _ => Err(invalid("usage: tokio-echo tcp PORT | udp PORT | relay PORT TARGET")),
    }
}

fn at(port: &str) -> io::Result<SocketAddrV4> {
    let port = port.parse().map_err(|_| invalid("a port is wanted"))?;
    Ok(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

fn listen(at: SocketAddrV4) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(at.into())?;
    socket.listen(BACKLOG)
}

async fn echo_calls(at: SocketAddrV4) -> io::Result<()> {
    let listener = listen(at)?;
    loop {
        let (call, _) = listener.accept().await?;
        tokio::spawn(echo(call));
    }
}

async fn echo(mut call: TcpStream) -> io::Result<()> {
    call.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match call.read(&mut buffer).await? {
            0 => return Ok(()),
            length => call.write_all(&buffer[..length]).await?,
        }
    }
}

async fn echo_datagrams(at: SocketAddrV4) -> io::Result<()> {
    let socket = UdpSocket::bind(at).await?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let (length, peer) = socket.recv_from(&mut buffer).await?;
        socket.send_to(&buffer[..length], peer).await?;
    }
}

async fn relay(at: SocketAddrV4, target: SocketAddrV4) -> io::Result<()> {
    let listener = listen(at)?;
    loop {
        let (caller, _) = listener.accept().await?;
        tokio::spawn(join(caller, target));
    }
}

async fn join(mut caller: TcpStream, target: SocketAddrV4) -> io::Result<()> {
    let mut called = TcpStream::connect(target).await?;
    caller.set_nodelay(true)?;
    called.set_nodelay(true)?;
    copy_bidirectional_with_sizes(&mut caller, &mut called, BUFFER_BYTES, BUFFER_BYTES).await?;
    Ok(())
}
