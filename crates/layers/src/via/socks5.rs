//! SOCKS version 5 (RFC 1928), with names and passwords (RFC 1929): CONNECT, and nothing else.
//!
//! Each step waits for the proxy's answer to the last. Bound: the longest answer has 262 bytes, and no more is kept.
//! What comes behind the last answer is what was called for, and passes.
//!
//! ```text
//! > 05 01 00                                 version 5, one method: none
//! < 05 00                                    none it is
//! > 05 01 00 03 0b "example.org" 00 50       connect to a name, port 80
//! < 05 00 00 01 c0 00 02 01 9c 40            done, from 192.0.2.1:40000
//! ```

use std::net::IpAddr;

use crate::{Flow, Layer};

use super::{Destination, DestinationHost, ProxyCredentials, ViaFailure, ViaProblem};

const VERSION: u8 = 5;
/// Methods, RFC 1928 section 3.
const NO_PROOF: u8 = 0;
const PASSWORD: u8 = 2;
/// The version of the negotiation by name and password, RFC 1929 section 2.
const PASSWORD_VERSION: u8 = 1;
const CONNECT: u8 = 1;
/// Kinds of addresses, RFC 1928 section 5.
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Asks a proxy by SOCKS 5 to call somebody.
#[derive(Debug)]
pub struct Socks5 {
    proxy: Box<str>,
    destination: Destination,
    credentials: Option<ProxyCredentials>,
    awaited: Awaited,
    /// What has come of the answer that is awaited.
    partial: Vec<u8>,
}

/// Which answer comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Method,
    Proof,
    Reply,
    /// It is done.
    None,
}

impl Socks5 {
    /// Asks the proxy, which failures name so, to call `destination`.
    #[must_use]
    pub fn new(proxy: &str, destination: Destination, credentials: Option<ProxyCredentials>) -> Socks5 {
        let (awaited, partial) = (Awaited::Method, Vec::new());
        Socks5 { proxy: proxy.into(), destination, credentials, awaited, partial }
    }

    /// Takes the awaited answer from the front of `bytes` once it is whole, and goes on.
    fn step(&mut self, bytes: &mut &[u8], flow: &mut Flow<'_>) -> Result<(), ViaProblem> {
        while self.awaited != Awaited::None {
            let missing = match self.length()? {
                length if length > self.partial.len() => length - self.partial.len(),
                _ => {
                    self.answered(flow)?;
                    self.partial.clear();
                    continue;
                }
            };
            let Some((piece, rest)) = bytes.split_at_checked(missing.min(bytes.len())) else { return Ok(()) };
            if piece.is_empty() {
                return Ok(());
            }
            self.partial.extend_from_slice(piece);
            *bytes = rest;
        }
        Ok(())
    }

    /// Bytes of the awaited answer, as far as those that are there tell.
    fn length(&self) -> Result<usize, ViaProblem> {
        let version = if self.awaited == Awaited::Proof { PASSWORD_VERSION } else { VERSION };
        match (self.awaited, &self.partial[..]) {
            (Awaited::None, _) => Ok(0),
            (_, [first, ..]) if *first != version => Err(ViaProblem::NotSocks),
            (Awaited::Method | Awaited::Proof, _) => Ok(2),
            (Awaited::Reply, [_, code, ..]) if *code != 0 => Ok(2), // the rest of a refusal says nothing
            (Awaited::Reply, [_, _, _, IPV4, ..]) => Ok(4 + 4 + 2),
            (Awaited::Reply, [_, _, _, IPV6, ..]) => Ok(4 + 16 + 2),
            (Awaited::Reply, [_, _, _, NAME, length, ..]) => Ok(4 + 1 + usize::from(*length) + 2),
            (Awaited::Reply, [_, _, _, NAME]) => Ok(5),
            (Awaited::Reply, [_, _, _, _, ..]) => Err(ViaProblem::Malformed("an address of an unknown kind")),
            (Awaited::Reply, _) => Ok(4),
        }
    }

    /// What the answer, which is whole, means.
    fn answered(&mut self, flow: &mut Flow<'_>) -> Result<(), ViaProblem> {
        let answer = self.partial.get(1).copied().unwrap_or_default();
        match (self.awaited, answer, &self.credentials) {
            (Awaited::Method, NO_PROOF, _) => self.ask(flow),
            (Awaited::Method, PASSWORD, Some(ProxyCredentials { user, password })) => {
                flow.below().push(&[PASSWORD_VERSION]);
                for text in [user, password] {
                    // Both have 255 bytes at most; a longer one would be cut, and refused.
                    let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
                    flow.below().push(&[length]);
                    flow.below().push(&text.as_bytes()[..usize::from(length)]);
                }
                self.awaited = Awaited::Proof;
            }
            (Awaited::Method, 0xff, credentials) => {
                return Err(ViaProblem::NoMethod { has_credentials: credentials.is_some() });
            }
            (Awaited::Method, ..) => {
                return Err(ViaProblem::Malformed("a method that was not offered"));
            }
            (Awaited::Proof, 0, _) => self.ask(flow),
            (Awaited::Proof, ..) => return Err(ViaProblem::WrongCredentials),
            (Awaited::Reply, 0, _) => {
                self.awaited = Awaited::None;
                flow.open();
            }
            (Awaited::Reply, code, _) => return Err(ViaProblem::Socks(code)),
            (Awaited::None, ..) => {}
        }
        Ok(())
    }

    fn ask(&mut self, flow: &mut Flow<'_>) {
        let below = flow.below();
        below.push(&[VERSION, CONNECT, 0]);
        match &self.destination.host {
            DestinationHost::Name(name) => {
                // A name has 253 bytes at most.
                let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
                below.push(&[NAME, length]);
                below.push(&name.as_bytes()[..usize::from(length)]);
            }
            DestinationHost::Ip(IpAddr::V4(ip)) => {
                below.push(&[IPV4]);
                below.push(&ip.octets());
            }
            DestinationHost::Ip(IpAddr::V6(ip)) => {
                below.push(&[IPV6]);
                below.push(&ip.octets());
            }
        }
        below.push(&self.destination.port.to_be_bytes());
        self.awaited = Awaited::Reply;
    }

    fn fail(&self, problem: ViaProblem, flow: &mut Flow<'_>) {
        flow.fail(ViaFailure::new(&self.proxy, &self.destination, problem));
    }
}

impl Layer for Socks5 {
    fn opened(&mut self, flow: &mut Flow<'_>) {
        let offered: &[u8] = if self.credentials.is_some() {
            &[VERSION, 2, NO_PROOF, PASSWORD]
        } else {
            &[VERSION, 1, NO_PROOF]
        };
        flow.below().push(offered);
    }

    fn received(&mut self, mut bytes: &[u8], flow: &mut Flow<'_>) {
        if let Err(problem) = self.step(&mut bytes, flow) {
            return self.fail(problem, flow);
        }
        if self.awaited == Awaited::None {
            flow.deliver(bytes);
        }
    }

    fn below_finished(&mut self, flow: &mut Flow<'_>) {
        if self.awaited == Awaited::None {
            flow.finish_above();
        } else {
            self.fail(ViaProblem::HungUp, flow);
        }
    }

    fn is_spent(&self) -> bool {
        self.awaited == Awaited::None
    }
}
