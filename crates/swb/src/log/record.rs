//! One message: as a line for people, and as a JSON object for programs.
//!
//! The text of an event and its members are made side by side here, so that neither says what the other does
//! not. Bytes and counts are whole numbers, durations seconds.

use std::fmt::Display;
use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, SystemTime};

use switchboard::address::visible;
use switchboard::engine::OPEN_TOLD_MAX;
use switchboard::{Call, CallFailed, Event, Leg, Notice, ProgramEnd, TcpInfo};

use crate::failure::Failure;
use crate::json::Json;

use super::moved::Moved;
use super::{Level, Role};

/// How bad it is, as syslog counts, RFC 3164 section 4.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Severity {
    Error = 3,
    Warning = 4,
    Informational = 6,
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) level: Level,
    pub(crate) severity: Severity,
    /// What happened, as a word for programs.
    name: &'static str,
    /// The same for people; empty for what nobody is told.
    pub(crate) text: String,
    members: Members,
}

type Members = Vec<(&'static str, Json)>;

/// From which level on an event is told, if at all.
pub(crate) fn level(event: &Event<'_>, role: Role) -> Option<Level> {
    match event {
        Event::Notice(Notice::Down { .. } | Notice::Up { .. }) => Some(Level::Normal),
        Event::Answered(_)
        | Event::Notice(Notice::DialsAgain { .. } | Notice::PassedOver { .. })
        | Event::Ended { .. }
        | Event::Message { .. }
        | Event::Layer { .. }
        | Event::LayerFailed { .. } => Some(Level::Verbose),
        Event::LimitReached { .. } => (role == Role::Server).then_some(Level::Normal),
        Event::Draining { calls, at_most } => (*calls > 0 && !at_most.is_zero()).then_some(Level::Normal),
        Event::ChildEnded { signal, .. } => signal.map(|_| Level::Normal),
        Event::AcceptPaused { .. }
        | Event::DoorFailed { .. }
        | Event::Truncated { .. }
        | Event::Undelivered { .. }
        | Event::Missed { .. }
        | Event::Refused { .. }
        | Event::RateReached { .. }
        | Event::CallsAtLimit { .. }
        | Event::NotDialled { .. }
        | Event::Unrecorded { .. } => Some(Level::Normal),
        Event::OpenCalls { .. } | Event::Open { .. } => Some(Level::Quiet),
        Event::Bell => None,
    }
}

impl Record {
    pub(crate) fn new(name: &'static str, text: String, members: Members) -> Record {
        Record { level: Level::Normal, severity: Severity::Informational, name, text, members }
    }

    pub(crate) fn listening(end: &str) -> Record {
        Record::new("listening", format!("listening {end}"), vec![("address", json(end))])
    }

    /// A sentence that has no members.
    pub(crate) fn note(level: Level, text: impl Display) -> Record {
        let text = text.to_string();
        let members = vec![("text", text.clone().into())];
        Record::new("note", text, members).at(level)
    }

    /// The command ends with this.
    pub(crate) fn failed(failure: &Failure) -> Record {
        let status = u64::from(failure.status());
        let members = vec![("status", status.into()), ("text", failure.message().into())];
        let record = Record::new("failed", failure.message().to_owned(), members);
        record.at(Level::Quiet).with(Severity::Error)
    }

    /// A call that is open, and the child that serves it, if one does.
    pub(super) fn open(call: &Call, moved: Moved, child: Option<u32>) -> Record {
        let (number, peer, local, seconds) = (call.number, &call.peer, &call.local, moved.within);
        let process = child.map(|process| format!(", in process {process}")).unwrap_or_default();
        let moved_so_far = moved.text();
        let text = format!("call {number}: {peer} called {local} and is open; {moved_so_far}{process}");
        let mut members = members_of(call);
        members.extend(moved.members());
        members.push(("seconds", seconds.into()));
        members.extend(child.map(|process| ("process", u64::from(process).into())));
        Record::new("open", text, members).at(Level::Quiet)
    }

    pub(crate) fn at(self, level: Level) -> Record {
        Record { level, ..self }
    }

    pub(crate) fn with(self, severity: Severity) -> Record {
        Record { severity, ..self }
    }

    /// What is said of an event; [`level`] says whether it is.
    pub(crate) fn of(event: &Event<'_>, role: Role) -> Record {
        let level = level(event, role).unwrap_or(Level::Verbose);
        let severity = if level == Level::Normal { Severity::Warning } else { Severity::Informational };
        let (name, text, members) = describe(event, role);
        Record { level, severity, name, text, members }
    }

    /// For people. One line of characters that show as themselves, whatever was quoted in it.
    pub(crate) fn line(&self) -> String {
        let lines: Vec<&str> = self.text.lines().map(str::trim).collect();
        visible(&lines.join("; "))
    }

    /// For programs: what happened and when, then the members.
    pub(crate) fn json(&self, now: SystemTime) -> String {
        let time = humantime::format_rfc3339_millis(now).to_string();
        let mut members = vec![("time", time.into()), ("event", self.name.into())];
        members.extend(self.members.iter().cloned());
        Json::Object(members).to_string()
    }
}

fn describe(event: &Event<'_>, role: Role) -> (&'static str, String, Members) {
    match event {
        Event::Answered(call) if role == Role::Caller => {
            ("connected", format!("connected to {} from {}", call.peer, call.local), members_of(call))
        }
        Event::Answered(call) => {
            let text = format!("call {}: {} called {}", call.number, call.peer, call.local);
            ("answered", text, members_of(call))
        }
        Event::Ended { call, far, reason, broken_by, received_bytes, sent_bytes, lasted, tcp, program } => {
            let (number, peer) = (call.number, &call.peer);
            let counted = Moved { received_bytes: *received_bytes, sent_bytes: *sent_bytes, within: *lasted };
            let network = tcp.as_ref().map(network).unwrap_or_default();
            // Of a call that a program had itself nobody knows.
            let is_counted = !program.is_some_and(|program| program.had_socket);
            let moved = match is_counted {
                true => counted.text(),
                false => format!("{:.3} s", lasted.as_secs_f64()),
            };
            let to = far.map(|far| format!(" to {far}")).unwrap_or_default();
            let by = broken_by.map(|end| format!(" ({end})")).unwrap_or_default();
            let ended = program.map(|program| format!("; the program {program}")).unwrap_or_default();
            let text = format!("call {number}: {peer}{to}: {reason}{by}; {moved}{ended}{network}");
            let mut members = members_of(call);
            members.extend(far.map(|far| ("far", json(far))));
            members.extend(broken_by.map(|end| ("broken_by", json(end))));
            members.push(("reason", json(reason)));
            if is_counted {
                members.extend(counted.members());
            }
            members.push(("seconds", (*lasted).into()));
            members.extend(program.iter().flat_map(program_members));
            members.extend(tcp.iter().flat_map(network_members));
            ("ended", text, members)
        }
        Event::Message { from, to, bytes } => {
            let members = vec![("peer", json(from)), ("local", json(to)), ("bytes", count(*bytes))];
            ("message", format!("message of {bytes} bytes from {from} to {to}"), members)
        }
        Event::Layer { call, leg, told } => {
            let text = format!("call {}: {}: {told}", call.number, leg_of(call, *leg));
            let mut members = members_of(call);
            members.extend([("leg", count(leg.index())), ("text", json(told))]);
            ("layer", text, members)
        }
        Event::LayerFailed { call, leg, failure } => {
            let text = format!("call {}: {}: {failure}", call.number, leg_of(call, *leg));
            let mut members = members_of(call);
            members.extend([("leg", count(leg.index())), ("reason", json(failure))]);
            ("layer_failed", text, members)
        }
        Event::AcceptPaused { door, failed } => {
            let wait = "callers wait until some of it is free again";
            let members = vec![("local", json(door)), ("reason", json(failed))];
            ("accept_paused", format!("{door}: answering pauses: {failed}; {wait}"), members)
        }
        Event::LimitReached { calls_max } => {
            let text = format!("{calls_max} calls are open, the limit: further callers wait");
            ("limit_reached", text, vec![("calls_max", count(*calls_max))])
        }
        Event::DoorFailed { door, failed } => {
            let members = vec![("local", json(door)), ("reason", json::<CallFailed>(failed))];
            ("door_failed", format!("{door}: no longer listening: {failed}"), members)
        }
        Event::Truncated { from, whole, bytes_max } => {
            let text = format!(
                "a message of {whole} bytes from {from} was truncated and dropped: the longest that can be \
                 received has {bytes_max}"
            );
            let members =
                vec![("peer", json(from)), ("bytes", count(*whole)), ("bytes_max", count(*bytes_max))];
            ("truncated", text, members)
        }
        Event::Missed { messages, why } => {
            let members = vec![("messages", (*messages).into()), ("reason", (*why).into())];
            ("missed", format!("{messages} messages were missed in rooms: {why}"), members)
        }
        Event::Undelivered { door, messages, why } => {
            let members =
                vec![("local", json(door)), ("messages", (*messages).into()), ("reason", (*why).into())];
            ("undelivered", format!("{door}: {messages} not delivered: {why}"), members)
        }
        Event::Refused { door, callers, last, why } => {
            let text = match callers {
                1 => format!("{door}: refused {last}: {why}"),
                callers => format!("{door}: refused {callers} callers, the last of them {last}: {why}"),
            };
            let members = vec![
                ("local", json(door)),
                ("callers", (*callers).into()),
                ("peer", json(last)),
                ("reason", (*why).into()),
            ];
            ("refused", text, members)
        }
        Event::RateReached { calls_per_second } => {
            let text =
                format!("{calls_per_second} new calls a second, the limit (--rate): further callers wait");
            ("rate_reached", text, vec![("calls_per_second", u64::from(*calls_per_second).into())])
        }
        Event::CallsAtLimit { calls, last, limit } => {
            let limit = limit.name();
            let text = match calls {
                1 => format!("{last}: its call was ended at the limit (--{limit})"),
                calls => {
                    format!("{calls} calls were ended at a limit, the last that of {last} (--{limit})")
                }
            };
            let members = vec![("calls", (*calls).into()), ("peer", json(last)), ("limit", limit.into())];
            ("calls_at_limit", text, members)
        }
        Event::NotDialled { callers, last, why } => {
            let text = match callers {
                1 => format!("{last} was not joined to the other end: {why}"),
                callers => {
                    format!(
                        "{callers} callers were not joined to the other end, the last of them {last}: {why}"
                    )
                }
            };
            let members =
                vec![("callers", (*callers).into()), ("peer", json(last)), ("reason", (*why).into())];
            ("not_dialled", text, members)
        }
        Event::Notice(notice) => notice_of(notice),
        Event::Unrecorded { pieces, file, failed } => {
            let text = format!(
                "{file} is not whole: {pieces} pieces could not be recorded: {failed}; the calls go on"
            );
            let members =
                vec![("pieces", (*pieces).into()), ("file", (*file).into()), ("reason", json(failed))];
            ("unrecorded", text, members)
        }
        Event::Draining { calls, at_most } => {
            let text = format!(
                "draining: {calls} calls are open and have {} s; the same signal again ends them now",
                at_most.as_secs_f64(),
            );
            ("draining", text, vec![("calls", count(*calls)), ("seconds", (*at_most).into())])
        }
        Event::ChildEnded { call_number, process, signal } => {
            let signal = signal.unwrap_or_default();
            let text =
                format!("call {call_number}: its child process {process} was killed by signal {signal}");
            let number = |number: i32| Json::from(u64::try_from(number).ok());
            let members = vec![
                ("call", (*call_number).into()),
                ("process", number(*process)),
                ("signal", number(signal)),
            ];
            ("child_killed", text, members)
        }
        Event::OpenCalls { calls } => {
            let more = if *calls > OPEN_TOLD_MAX { "; the first of each worker are told" } else { "" };
            ("open_calls", format!("{calls} calls are open{more}"), vec![("calls", count(*calls))])
        }
        Event::Open { .. } | Event::Bell => ("", String::new(), Vec::new()),
    }
}

/// How dials fare.
fn notice_of(notice: &Notice) -> (&'static str, String, Members) {
    let (name, members): (_, Members) = match notice {
        Notice::DialsAgain { why, after } => {
            ("dials_again", vec![("reason", why.as_str().into()), ("seconds", (*after).into())])
        }
        Notice::PassedOver { why } => ("passed_over", vec![("reason", why.as_str().into())]),
        Notice::Down { address, why, .. } => {
            ("down", vec![("address", address.as_str().into()), ("reason", why.as_str().into())])
        }
        Notice::Up { address } => ("up", vec![("address", address.as_str().into())]),
    };
    (name, notice.to_string(), members)
}

/// Whose leg it is, in words.
fn leg_of(call: &Call, leg: Leg) -> String {
    if leg == Leg::CALLER { call.peer.to_string() } else { "the other end".to_owned() }
}

/// Which call it is, whose, and at which address.
fn members_of(call: &Call) -> Members {
    vec![("call", call.number.into()), ("peer", json(&call.peer)), ("local", json(&call.local))]
}

fn network(tcp: &TcpInfo) -> String {
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    format!(
        "; round trip {:.3} ms ± {:.3} ms, {} retransmits, congestion window {} × {} bytes",
        millis(tcp.round_trip),
        millis(tcp.round_trip_variation),
        tcp.retransmits,
        tcp.congestion_window,
        tcp.segment_bytes,
    )
}

fn network_members(tcp: &TcpInfo) -> Members {
    vec![
        ("round_trip_seconds", tcp.round_trip.into()),
        ("round_trip_variation_seconds", tcp.round_trip_variation.into()),
        ("retransmits", u64::from(tcp.retransmits).into()),
        ("congestion_window_segments", u64::from(tcp.congestion_window).into()),
        ("segment_bytes", u64::from(tcp.segment_bytes).into()),
    ]
}

/// How a program ended: by its own exit status, or by a signal.
fn program_members(program: &ProgramEnd) -> Members {
    let number = |number: Option<i32>| number.and_then(|number| u64::try_from(number).ok());
    let status = number(program.status.code()).map(|status| ("exit_status", Json::from(status)));
    let signal = number(program.status.signal()).map(|signal| ("exit_signal", Json::from(signal)));
    status.into_iter().chain(signal).collect()
}

fn json<T: Display + ?Sized>(value: &T) -> Json {
    Json::Text(value.to_string())
}

fn count(number: usize) -> Json {
    Json::Number(u64::try_from(number).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use switchboard::{CallLimit, End, Transport};

    use super::*;

    #[test]
    fn a_line_stays_one_line_of_printable_characters() {
        for (text, line) in [
            ("plain, with é and ×", "plain, with é and ×"),
            ("port 70000 is above 65535\n  :70000\n   ^", "port 70000 is above 65535; :70000; ^"),
            ("a\u{1b}[31m\u{9b}\u{202e}\u{2066}", "a\\u{1b}[31m\\u{9b}\\u{202e}\\u{2066}"),
        ] {
            assert_eq!(Record::note(Level::Normal, text).line(), line);
        }
    }

    #[test]
    fn who_was_refused_is_told_in_words_and_in_members() {
        let end = |text: &str| End::Ip { transport: Transport::Tcp, address: text.parse().unwrap() };
        let (door, last) = (end("192.0.2.1:7"), end("198.51.100.7:4000"));
        let refused = |callers| {
            let why = "it is denied (--deny)";
            Record::of(&Event::Refused { door: &door, callers, last: &last, why }, Role::Server)
        };
        let line = "tcp://192.0.2.1:7: refused tcp://198.51.100.7:4000: it is denied (--deny)";
        assert_eq!(refused(1).line(), line);
        let line = "tcp://192.0.2.1:7: refused 9 callers, the last of them tcp://198.51.100.7:4000: it is denied \
                    (--deny)";
        assert_eq!(refused(9).line(), line);
        let object = refused(9).json(SystemTime::UNIX_EPOCH);
        let members = r#""event":"refused","local":"tcp://192.0.2.1:7","callers":9,"peer":"tcp://198.51.100.7:4000","reason":"it is denied (--deny)"}"#;
        assert!(object.ends_with(members), "{object}");
        let limit = CallLimit::Bytes;
        let ended = Record::of(&Event::CallsAtLimit { calls: 2, last: &last, limit }, Role::Server);
        let members = r#""event":"calls_at_limit","calls":2,"peer":"tcp://198.51.100.7:4000","limit":"max-bytes-per-call"}"#;
        assert!(ended.json(SystemTime::UNIX_EPOCH).ends_with(members));
    }

    #[test]
    fn an_object_begins_with_when_and_what() {
        let note = Record::note(Level::Normal, "a \"word\"");
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500);
        let object = r#"{"time":"1970-01-01T00:00:01.500Z","event":"note","text":"a \"word\""}"#;
        assert_eq!(note.json(at), object);
    }
}
