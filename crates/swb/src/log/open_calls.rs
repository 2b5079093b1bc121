//! The calls that are open now, told when somebody asks.
//!
//! Kept from the events of a run, so that each engine can tell, the forking one too. A call costs one insertion
//! and one removal; at most [`TOLD_MAX`] calls are told at a time, the longest open first.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use switchboard::{Call, Event};

use crate::json::Json;

use super::Level;
use super::record::{Record, members_of};

/// Calls that are told at a time: whoever tells them serves calls too.
const TOLD_MAX: usize = 1_000;

/// By number, which is the order in which they were answered.
#[derive(Debug, Default)]
pub(super) struct OpenCalls(Mutex<BTreeMap<u64, Open>>);

#[derive(Debug)]
struct Open {
    call: Call,
    /// The child that serves it.
    process: Option<i32>,
}

impl OpenCalls {
    pub(super) fn follow(&self, event: &Event<'_>) {
        // Whoever panicked while holding it left a whole map.
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Answered(call) => {
                open.insert(call.number, Open { call: (*call).clone(), process: None });
            }
            Event::Forked { call, process } => {
                open.insert(call.number, Open { call: (*call).clone(), process: Some(*process) });
            }
            Event::Ended { call, .. } => drop(open.remove(&call.number)),
            Event::ChildEnded { call_number, .. } => drop(open.remove(call_number)),
            Event::Message { .. }
            | Event::AcceptPaused { .. }
            | Event::LimitReached { .. }
            | Event::DoorFailed { .. }
            | Event::Truncated { .. }
            | Event::Undelivered { .. }
            | Event::Missed { .. }
            | Event::Refused { .. }
            | Event::RateReached { .. }
            | Event::CallsAtLimit { .. }
            | Event::Draining { .. }
            | Event::Bell => {}
        }
    }

    /// How many there are, and each.
    pub(super) fn records(&self, now: SystemTime) -> Vec<Record> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let more = match open.len().saturating_sub(TOLD_MAX) {
            0 => String::new(),
            more => format!("; the {more} that were answered last are not told"),
        };
        let calls = u64::try_from(open.len()).unwrap_or(u64::MAX);
        let head =
            Record::new("open_calls", format!("{calls} calls are open{more}"), vec![("calls", calls.into())]);
        let each = open.values().take(TOLD_MAX).map(|open| open.record(now));
        let records = std::iter::once(head).chain(each);
        records.map(|record| record.at(Level::Quiet)).collect()
    }
}

impl Open {
    fn record(&self, now: SystemTime) -> Record {
        let Open { call, process } = self;
        let since = now.duration_since(call.opened).unwrap_or_default();
        let child = process.map(|process| format!(", in process {process}")).unwrap_or_default();
        let (number, peer, local, seconds) = (call.number, &call.peer, &call.local, since.as_secs_f64());
        let text = format!("call {number}: {peer} called {local} and is open, {seconds:.3} s{child}");
        let mut members = members_of(call);
        members.push(("seconds", since.into()));
        members.extend(process.map(|process| ("process", Json::from(u64::try_from(process).ok()))));
        Record::new("open", text, members)
    }
}
