//! CONNECT of HTTP/1.1 (RFC 9110 section 9.3.6), with Basic authentication (RFC 7617).
//!
//! A 2xx answer ends with the blank line of its head, whatever lengths it names; what comes behind it is what was called
//! for. Answers of 1xx only say that the real one is to come (RFC 9110 section 15.2). Bounds: 16 KiB and 64 fields of
//! one head, whose lines end with CR LF.
//!
//! ```text
//! > CONNECT example.org:80 HTTP/1.1\r\nHost: example.org:80\r\n\r\n
//! < HTTP/1.1 200 Connection established\r\n\r\n
//! ```

use std::io::Write;

use data_encoding::BASE64;
use httparse::{EMPTY_HEADER, Response, Status};

use crate::inert::inert;
use crate::ws::{FIELDS_MAX, Head, HeadProblem};
use crate::{Flow, Layer};

use super::{Destination, ProxyCredentials, ViaFailure, ViaProblem};

/// Asks a proxy by HTTP to call somebody.
#[derive(Debug)]
pub struct HttpConnect {
    proxy: Box<str>,
    destination: Destination,
    credentials: Option<ProxyCredentials>,
    /// What has come of the answer; `None` once it is there.
    head: Option<Head>,
}

impl HttpConnect {
    /// Asks the proxy, which failures name so, to call `destination`.
    #[must_use]
    pub fn new(proxy: &str, destination: Destination, credentials: Option<ProxyCredentials>) -> HttpConnect {
        HttpConnect { proxy: proxy.into(), destination, credentials, head: Some(Head::default()) }
    }

    /// Takes the answer from the front of `bytes`; whether it is there, and grants what was asked.
    fn take(&mut self, bytes: &mut &[u8]) -> Result<bool, ViaProblem> {
        while let Some(head) = &mut self.head {
            let whole = head.take(bytes, may_begin).map_err(|problem| match problem {
                HeadProblem::NotHttp => ViaProblem::NotHttp,
                HeadProblem::TooLong | HeadProblem::TooManyFields | HeadProblem::BareLineFeed => {
                    ViaProblem::Malformed(problem.rule())
                }
            })?;
            let Some(whole) = whole else { return Ok(false) };
            let mut fields = [EMPTY_HEADER; FIELDS_MAX];
            let mut response = Response::new(&mut fields);
            if !matches!(response.parse(whole), Ok(Status::Complete(_))) {
                return Err(ViaProblem::Malformed("its head is none of HTTP/1.1"));
            }
            let status = response.code.unwrap_or_default();
            let reason = inert(response.reason.unwrap_or_default());
            match status {
                100 | 102..=199 => self.head = Some(Head::default()),
                200..=299 => self.head = None,
                407 if self.credentials.is_some() => return Err(ViaProblem::WrongCredentials),
                _ => return Err(ViaProblem::Status { status, reason }),
            }
        }
        Ok(true)
    }

    fn fail(&self, problem: ViaProblem, flow: &mut Flow<'_>) {
        flow.fail(ViaFailure::new(&self.proxy, &self.destination, problem));
    }
}

fn may_begin(bytes: &[u8]) -> bool {
    b"HTTP/1.".iter().zip(bytes).all(|(wanted, byte)| wanted == byte)
}

impl Layer for HttpConnect {
    fn opened(&mut self, flow: &mut Flow<'_>) {
        let destination = &self.destination;
        // Memory takes all that it is given.
        let _ = write!(flow.below(), "CONNECT {destination} HTTP/1.1\r\nHost: {destination}\r\n");
        if let Some(ProxyCredentials { user, password }) = &self.credentials {
            let proof = BASE64.encode(format!("{user}:{password}").as_bytes());
            let _ = write!(flow.below(), "Proxy-Authorization: Basic {proof}\r\n");
        }
        flow.below().push(b"\r\n");
    }

    fn received(&mut self, mut bytes: &[u8], flow: &mut Flow<'_>) {
        let was_open = self.head.is_none();
        match self.take(&mut bytes) {
            Ok(false) => {}
            Ok(true) => {
                if !was_open {
                    flow.open();
                }
                flow.deliver(bytes);
            }
            Err(problem) => self.fail(problem, flow),
        }
    }

    fn below_finished(&mut self, flow: &mut Flow<'_>) {
        if self.head.is_none() {
            flow.finish_above();
        } else {
            self.fail(ViaProblem::HungUp, flow);
        }
    }

    fn is_spent(&self) -> bool {
        self.head.is_none()
    }
}
