//! The taps of an address: what its options `record`, `hexdump`, `raw-in` and `raw-out` ask for.
//!
//! Their files are opened when the layers of the address are made, before anybody calls, so that a file that cannot be
//! written is an error of the start. A name with `{call}` in it means a file of its own for each call, by its number; one
//! that cannot be opened then costs its record, not the call.

mod file;

use std::io::{self, Write as _};
use std::time::Duration;

use address::{Address, OptionKey};
use conversation::{CallFailed, End, Shape, Way};
use layers::{Capture, CapturedEnds, Hexdump, Raw, Recorder, Sink, Tap, Unrecorded};
use rustix::event::{PollFd, PollFlags};
use socket::call::poll;

use crate::layering::LayeringError;

use file::{Kind, OpenError, TapFile};

/// What stands for the number of a call in the name of a file.
const CALL: &str = "{call}";

/// What is tapped at one address.
#[derive(Debug)]
pub(crate) struct Taps {
    files: Vec<(Kind, Target)>,
    hexdump: bool,
}

/// Where what a tap writes goes.
#[derive(Debug)]
enum Target {
    /// All calls share a file.
    One(TapFile),
    /// Each call has a file of its own: its name, with [`CALL`] in it.
    Each(String),
}

/// The leg on which a tap is laid.
#[derive(Debug)]
pub(crate) struct Tapped {
    /// The number of its call.
    pub(crate) call: u64,
    pub(crate) local: End,
    pub(crate) peer: End,
    /// Whether the peer called us, or we it.
    pub(crate) is_called: bool,
}

impl Taps {
    /// Those that the options of an address ask for, with their files opened.
    ///
    /// # Errors
    ///
    /// A file cannot be written, or nothing is asked for.
    pub(crate) fn of(address: &Address) -> Result<Taps, LayeringError> {
        let mut files = Vec::new();
        for (key, kind) in [
            (OptionKey::Record, Kind::Capture),
            (OptionKey::RawIn, Kind::Raw(Way::In)),
            (OptionKey::RawOut, Kind::Raw(Way::Out)),
        ] {
            let Some(name) = address.options.text(key) else { continue };
            if let Some(unknown) = unknown_word(name) {
                let what = format!(
                    "?{key}={name}: {unknown} stands for nothing; {CALL} does, for the number of the call"
                );
                return Err(LayeringError::misfit(what));
            }
            let opened = match name.contains(CALL) {
                true => file::check_folder(&name.replace(CALL, "1")).map(|()| Target::Each(name.to_owned())),
                false => TapFile::open(name, kind).map(Target::One),
            };
            let failed = |error: OpenError| LayeringError::new(format!("?{key}={name}: {error}"));
            files.push((kind, opened.map_err(failed)?));
        }
        let hexdump = address.options.flag(OptionKey::Hexdump).unwrap_or_default();
        if files.is_empty() && !hexdump && address.options.flag(OptionKey::Hexdump).is_none() {
            let what = "a tap writes down what passes: say where, by record, raw-in, raw-out or hexdump";
            return Err(LayeringError::misfit(what.to_owned()));
        }
        Ok(Taps { files, hexdump })
    }

    /// The tap on a leg of this shape.
    pub(crate) fn tap(&self, shape: Shape, leg: &Tapped) -> Tap {
        let mut recorders: Vec<(Box<dyn Recorder>, Box<dyn Sink>)> = Vec::new();
        for (kind, target) in &self.files {
            recorders.push((kind.recorder(leg), target.sink(*kind, leg.call)));
        }
        if self.hexdump {
            recorders.push((Box::new(Hexdump::new(leg.call, &leg.peer)), Box::new(StandardError)));
        }
        Tap::new(shape, recorders)
    }
}

/// A word in braces in the name of a file that is not [`CALL`].
fn unknown_word(name: &str) -> Option<&str> {
    let mut rest = name;
    while let Some(start) = rest.find('{') {
        rest = &rest[start..];
        let end = rest.find('}')?;
        let (word, behind) = rest.split_at(end + 1);
        if word != CALL {
            return Some(word);
        }
        rest = behind;
    }
    None
}

impl Kind {
    fn recorder(self, leg: &Tapped) -> Box<dyn Recorder> {
        match self {
            Kind::Raw(way) => Box::new(Raw(way)),
            Kind::Capture => {
                let Tapped { call, local, peer, is_called } = leg;
                let ends = CapturedEnds::new(local, peer, *is_called, *call);
                let comment = match is_called {
                    true => format!("call {call}: {peer} called {local}"),
                    false => format!("call {call}: {peer}, called by us from {local}"),
                };
                Box::new(match local.transport().shape().is_some_and(Shape::keeps_boundaries) {
                    true => Capture::of_messages(ends, comment),
                    false => Capture::of_stream(ends, comment),
                })
            }
        }
    }
}

impl Target {
    fn sink(&self, kind: Kind, call: u64) -> Box<dyn Sink> {
        let name = match self {
            Target::One(file) => return Box::new(file.clone()),
            Target::Each(name) => name.replace(CALL, &call.to_string()),
        };
        match TapFile::open(&name, kind) {
            Ok(file) => Box::new(file),
            Err(error) => Box::new(Unopened(Unrecorded { file: name, failed: error.call_failed() })),
        }
    }
}

/// A file that could not be opened for a call.
struct Unopened(Unrecorded);

impl Sink for Unopened {
    fn keep(&self, _page: &[u8]) -> Result<(), Unrecorded> {
        Err(self.0.clone())
    }
}

/// So much is written without waiting to what poll(2) says has room, pipe(7).
const PIPE_BUF: usize = 4096;

/// Standard error, each page beside the log's lines. What nobody reads in time is dropped, and told: a call, and the
/// others of its loop, do not wait for whoever looks at it.
struct StandardError;

impl Sink for StandardError {
    fn keep(&self, page: &[u8]) -> Result<(), Unrecorded> {
        let mut error = io::stderr().lock();
        let unrecorded = |failed: &io::Error| Unrecorded {
            file: "standard error".to_owned(),
            failed: CallFailed::new("write(2)", failed),
        };
        for piece in page.chunks(PIPE_BUF) {
            let mut asked = [PollFd::new(&error, PollFlags::OUT)];
            poll(&mut asked, Some(Duration::ZERO)).map_err(|failed| unrecorded(&failed))?;
            if asked[0].revents().is_empty() {
                return Err(unrecorded(&io::Error::from_raw_os_error(libc::EAGAIN)));
            }
            error.write_all(piece).map_err(|failed| unrecorded(&failed))?;
        }
        Ok(())
    }
}
