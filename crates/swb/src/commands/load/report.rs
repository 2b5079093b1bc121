//! What a load has shown, as text for people and as JSON for programs.

use std::fmt::Write as _;

use crate::json::Json;
use load::{Expect, Offer, Report};
use switchboard::layers::Counts;

use super::numbers::{bytes, grouped, rate, time};

/// The percentiles that are told, with their names in JSON.
const PERCENTILES: [(f64, &str, &str); 4] = [
    (0.5, "p50", "latency_us_p50"),
    (0.9, "p90", "latency_us_p90"),
    (0.99, "p99", "latency_us_p99"),
    (0.999, "p99.9", "latency_us_p99_9"),
];

pub(super) struct Told<'r> {
    pub(super) target: &'r str,
    pub(super) offer: &'r Offer,
    pub(super) report: &'r Report,
    /// Messages have numbers: what became of each is known.
    pub(super) is_numbered: bool,
}

impl Told<'_> {
    pub(super) fn text(&self) -> String {
        let Told { target, offer, report, .. } = self;
        let mut text = format!("{target}: {}\n", load(offer));
        let early = if report.interrupted { " (ended early)" } else { "" };
        line(&mut text, "time", &format!("{:.3} s{early}", report.elapsed.as_secs_f64()));
        if !offer.idle {
            self.messages(&mut text);
        }
        self.calls(&mut text);
        for ((way, counts), name) in report.impaired.iter().zip(["impaired", ""]) {
            line(&mut text, name, &format!("{way}: {counts}"));
        }
        let generator = &report.generator;
        let saturated = match generator.is_saturated() {
            true => ": saturated, so the server may be able to do more than this (--threads)",
            false => "",
        };
        let cpu = generator.cpu.as_secs_f64();
        let percent = generator.busy_percent_max;
        let threads = count(generator.threads as u64, "thread");
        line(
            &mut text,
            "generator",
            &format!("{threads}, {cpu:.2} s of CPU, {percent:.0} % busy{saturated}"),
        );
        text
    }

    fn messages(&self, text: &mut String) {
        let Told { offer, report, .. } = self;
        let did = if offer.expect == Expect::Nothing { "taken" } else { "answered" };
        let answered = grouped(report.answered);
        let mut messages = format!("{} sent, {answered} {did}", grouped(report.sent));
        for (number, what) in [
            (report.wrong, "wrong"),
            (report.unanswered, "unanswered when their call ended"),
            (report.lost, "lost"),
            (report.late, "late"),
            (report.duplicated, "duplicated"),
            (report.reordered, "reordered"),
            (report.unsent, "due but never sent"),
        ] {
            if number > 0 {
                let _ = write!(messages, ", {} {what}", grouped(number)); // to a String: this cannot fail
            }
        }
        line(text, "messages", &messages);
        line(text, "rate", &format!("{} a second", rate(report.messages_per_s())));
        let (out, back) = (bytes(report.sent_bytes_per_s()), bytes(report.received_bytes_per_s()));
        line(text, "bytes", &format!("{out}/s out, {back}/s in"));
        if report.latency.is_empty() {
            return;
        }
        let mut latency = String::new();
        for (quantile, name, _) in PERCENTILES {
            let _ = write!(latency, "{name} {}  ", time(report.latency.value_at_quantile(quantile) as f64));
        }
        line(text, "latency", &format!("{latency}max {}", time(report.latency.max() as f64)));
    }

    fn calls(&self, text: &mut String) {
        let report = self.report;
        let (opened, failed) = (grouped(report.calls_opened), grouped(report.calls_failed));
        let mut calls = format!("{opened} opened, {failed} failed");
        let at_once = self.offer.calls as u64;
        if report.calls_served < at_once && !self.offer.idle && self.offer.expect != Expect::Nothing {
            let _ = write!(
                calls,
                "; {} of {} were answered in time",
                grouped(report.calls_served),
                grouped(at_once)
            );
        }
        line(text, "calls", &calls);
        for (trouble, calls) in &report.failures {
            line(text, "", &format!("{} {trouble}", grouped(*calls)));
        }
        if !report.connect.is_empty() {
            let at = |quantile| time(report.connect.value_at_quantile(quantile) as f64);
            let max = time(report.connect.max() as f64);
            line(text, "opening", &format!("p50 {}  p99 {}  max {max}", at(0.5), at(0.99)));
        }
    }

    pub(super) fn json(&self) -> Json {
        let Told { target, offer, report, is_numbered } = self;
        let told_apart = |number: u64| is_numbered.then_some(number);
        let micros = |nanos: u64| Json::Decimal(nanos as f64 / 1e3);
        let known = |quantile| {
            let latency = &report.latency;
            if latency.is_empty() { Json::Null } else { micros(latency.value_at_quantile(quantile)) }
        };
        let mut members: Vec<(&'static str, Json)> = vec![
            ("target", (*target).into()),
            ("loop", if offer.rate.is_some() { "open" } else { "closed" }.into()),
            ("calls", (offer.calls as u64).into()),
            ("in_flight", (offer.in_flight as u64).into()),
            ("message_bytes", (offer.message.length() as u64).into()),
            ("offered_messages_per_s", offer.rate.into()),
            ("seconds", report.elapsed.into()),
            ("ended_early", report.interrupted.into()),
            ("sent", report.sent.into()),
            ("answered", report.answered.into()),
            ("wrong", report.wrong.into()),
            ("unanswered", report.unanswered.into()),
            ("unsent", report.unsent.into()),
            ("lost", report.lost.into()),
            ("late", told_apart(report.late).into()),
            ("duplicated", told_apart(report.duplicated).into()),
            ("reordered", told_apart(report.reordered).into()),
            ("messages_per_s", report.messages_per_s().into()),
            ("sent_bytes", report.sent_bytes.into()),
            ("received_bytes", report.received_bytes.into()),
            ("sent_bytes_per_s", report.sent_bytes_per_s().into()),
            ("received_bytes_per_s", report.received_bytes_per_s().into()),
        ];
        members.extend(PERCENTILES.map(|(quantile, _, name)| (name, known(quantile))));
        let max = if report.latency.is_empty() { Json::Null } else { micros(report.latency.max()) };
        members.push(("latency_us_max", max));
        members.extend([
            ("calls_opened", report.calls_opened.into()),
            ("calls_served", report.calls_served.into()),
            ("calls_failed", report.calls_failed.into()),
        ]);
        let failures = report.failures.iter().map(|(trouble, calls)| {
            Json::Object(vec![
                ("reason", trouble.name().into()),
                ("text", trouble.to_string().into()),
                ("calls", (*calls).into()),
            ])
        });
        members.push(("failures", Json::List(failures.collect())));
        let impaired = report.impaired.iter().map(|(way, counts)| (way.name(), counted(counts)));
        members.extend((!report.impaired.is_empty()).then(|| ("impaired", Json::Object(impaired.collect()))));
        let opening = |quantile| match report.connect.is_empty() {
            true => Json::Null,
            false => micros(report.connect.value_at_quantile(quantile)),
        };
        let generator = &report.generator;
        members.extend([
            ("opening_us_p50", opening(0.5)),
            ("opening_us_p99", opening(0.99)),
            ("generator_threads", (generator.threads as u64).into()),
            ("generator_cpu_seconds", generator.cpu.into()),
            ("generator_busy_percent", generator.busy_percent_max.into()),
            ("generator_saturated", generator.is_saturated().into()),
        ]);
        Json::Object(members)
    }
}

fn counted(counts: &Counts) -> Json {
    Json::Object(vec![
        ("came", counts.came.into()),
        ("passed", counts.passed.into()),
        ("lost", counts.lost.into()),
        ("dropped", counts.dropped.into()),
        ("doubled", counts.doubled.into()),
        ("overtaken", counts.overtaken.into()),
        ("corrupted", counts.corrupted.into()),
    ])
}

/// `50 calls, closed loop, messages of 64 bytes`.
pub(super) fn load(offer: &Offer) -> String {
    let calls = count(offer.calls as u64, "call");
    if offer.idle {
        return format!("{calls}, held");
    }
    let churn = if offer.churn { ", a new call for each message" } else { "" };
    format!("{calls}, {}{churn}", manner(offer))
}

/// `closed loop, messages of 64 bytes`.
pub(super) fn manner(offer: &Offer) -> String {
    let pace = match offer.rate {
        None => "closed loop".to_owned(),
        Some(messages) => format!("open loop of {} messages a second", rate(messages)),
    };
    format!("{pace}, messages of {}", count(offer.message.length() as u64, "byte"))
}

fn count(number: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

fn line(text: &mut String, name: &str, what: &str) {
    let _ = writeln!(text, "  {name:<10} {what}"); // to a String: this cannot fail
}
