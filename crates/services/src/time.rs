//! Time: what time it is, as text (RFC 867) or as a number (RFC 868).
//!
//! On a byte stream the time is sent when the call opens, then the service finishes; on a message transport
//! each message, whatever it holds, is answered with the time. RFC 867 leaves the text open: it is RFC 3339 in
//! UTC and ends with CR LF. RFC 868's number is 32 bits, in network order, of seconds since 1900; it wraps
//! round in February 2036, as the RFC has it.
//!
//! ```text
//! < 2026-11-21T12:00:00Z
//! ```

use std::time::{Duration, SystemTime};

use conversation::{Call, Conversation, Leg, Needs, Outbox, Service};

/// From 1900-01-01 to 1970-01-01 (RFC 868 names this number).
const SECONDS_1900_TO_1970: u64 = 2_208_988_800;

/// In which form the time is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// RFC 867: a line of text.
    #[default]
    Text,
    /// RFC 868: four bytes.
    Binary,
}

/// The time service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Time {
    /// In which form it tells the time.
    pub format: TimeFormat,
}

impl Service for Time {
    fn name(&self) -> &'static str {
        "time"
    }

    fn needs(&self) -> Needs {
        Needs { answers_anyone: true, ..Needs::default() }
    }

    fn conversation(&self) -> Box<dyn Conversation> {
        Box::new(Telling { format: self.format, to_messages: false })
    }
}

struct Telling {
    format: TimeFormat,
    to_messages: bool,
}

impl Telling {
    fn time(&self, now: SystemTime) -> Vec<u8> {
        let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        match self.format {
            TimeFormat::Text => {
                let whole_seconds = SystemTime::UNIX_EPOCH + Duration::from_secs(since_1970);
                format!("{}\r\n", humantime::format_rfc3339_seconds(whole_seconds)).into_bytes()
            }
            // The low 32 bits: the number wraps round in 2036.
            TimeFormat::Binary => ((since_1970 + SECONDS_1900_TO_1970) as u32).to_be_bytes().to_vec(),
        }
    }
}

impl Conversation for Telling {
    fn opened(&mut self, call: &Call, out: &mut Outbox<'_>) {
        self.to_messages = call.shape.keeps_boundaries();
        if !self.to_messages {
            out.send(Leg::CALLER, self.time(out.now().wall));
            out.close();
        }
    }

    fn received<'a>(&mut self, leg: Leg, _bytes: &'a [u8], out: &mut Outbox<'a>) {
        if self.to_messages {
            out.send(leg, self.time(out.now().wall));
        }
    }

    fn peer_finished(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        out.finish(leg);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_rfc_868_is_that_of_its_examples() {
        // RFC 868: "the time 2,208,988,800 corresponds to 00:00 1 Jan 1970 GMT".
        let telling = Telling { format: TimeFormat::Binary, to_messages: false };
        assert_eq!(telling.time(SystemTime::UNIX_EPOCH), 2_208_988_800_u32.to_be_bytes());
        // "2,629,584,000 corresponds to 00:00 1 May 1983 GMT".
        let may_1983 = SystemTime::UNIX_EPOCH + Duration::from_secs(420_595_200);
        assert_eq!(telling.time(may_1983), 2_629_584_000_u32.to_be_bytes());
    }
}
