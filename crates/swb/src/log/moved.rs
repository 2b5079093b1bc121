//! What a call moved: bytes each way, how long that took, and how many a second that is.
//!
//! A rate over a moment says little: in words it is told of calls of a second and longer. The object has it of every call
//! that took any time.

use std::time::Duration;

use crate::json::Json;
use crate::numbers;

/// From this time on a call's rates are told in words.
const RATE_FROM: Duration = Duration::from_secs(1);

/// What a call has moved so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moved {
    pub(super) received_bytes: u64,
    pub(super) sent_bytes: u64,
    pub(super) within: Duration,
}

impl Moved {
    /// `5 bytes in, 10 out, 2.000 s (3 B/s in, 5 B/s out)`.
    pub(super) fn text(&self) -> String {
        let Moved { received_bytes, sent_bytes, within } = self;
        let seconds = within.as_secs_f64();
        let rates = match self.rates().filter(|_| *within >= RATE_FROM) {
            Some([0, 0]) | None => String::new(),
            Some(rates) => {
                let [received, sent] = rates.map(|per_s| numbers::bytes(per_s as f64));
                format!(" ({received}/s in, {sent}/s out)")
            }
        };
        format!("{received_bytes} bytes in, {sent_bytes} out, {seconds:.3} s{rates}")
    }

    pub(super) fn members(&self) -> Vec<(&'static str, Json)> {
        let mut members =
            vec![("received_bytes", self.received_bytes.into()), ("sent_bytes", self.sent_bytes.into())];
        if let Some([received, sent]) = self.rates() {
            members.push(("received_bytes_per_second", received.into()));
            members.push(("sent_bytes_per_second", sent.into()));
        }
        members
    }

    /// Bytes a second, each way.
    fn rates(&self) -> Option<[u64; 2]> {
        let seconds = self.within.as_secs_f64();
        let rate = |bytes: u64| (bytes as f64 / seconds).round() as u64;
        (seconds > 0.0).then(|| [rate(self.received_bytes), rate(self.sent_bytes)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_told_of_a_call_that_took_its_time() {
        for (received_bytes, sent_bytes, millis, text) in [
            (5, 10, 999, "5 bytes in, 10 out, 0.999 s"),
            (5, 10, 2_000, "5 bytes in, 10 out, 2.000 s (3 B/s in, 5 B/s out)"),
            (1 << 30, 0, 1_000, "1073741824 bytes in, 0 out, 1.000 s (1.07 GB/s in, 0 B/s out)"),
            (0, 0, 5_000, "0 bytes in, 0 out, 5.000 s"),
            (9, 9, 0, "9 bytes in, 9 out, 0.000 s"),
        ] {
            let moved = Moved { received_bytes, sent_bytes, within: Duration::from_millis(millis) };
            assert_eq!(moved.text(), text);
        }
        let moved = Moved { received_bytes: 1_000, sent_bytes: 1, within: Duration::from_millis(2) };
        let object = Json::Object(moved.members()).to_string();
        let expected = r#"{"received_bytes":1000,"sent_bytes":1,"received_bytes_per_second":500000,"sent_bytes_per_second":500}"#;
        assert_eq!(object, expected);
    }
}
