//! What a comparison of engines has shown: a table, JSON, and a picture.

use std::fmt::Write as _;
use std::time::Duration;

use load::{Offer, Report};
use switchboard::{Address, Engine};

use crate::commands::load::numbers::{bytes, grouped, rate, time};
use crate::commands::load::plot::{Curve, Panel, picture};
use crate::commands::load::report::manner;
use crate::failure::Failure;
use crate::json::Json;

/// One engine with so many callers: a value for each round.
pub(super) struct Cell {
    pub(super) calls: usize,
    pub(super) engine: Engine,
    /// What one caller costs the server's processes.
    pub(super) memory_bytes: Option<f64>,
    rates: Vec<f64>,
    p50_ns: Vec<f64>,
    p99_ns: Vec<f64>,
    max_ns: Vec<f64>,
    cpu_ns: Vec<f64>,
    served: Vec<f64>,
    failed: Vec<f64>,
}

impl Cell {
    pub(super) fn new(calls: usize, engine: Engine) -> Cell {
        let none = Vec::new;
        Cell {
            calls,
            engine,
            memory_bytes: None,
            rates: none(),
            p50_ns: none(),
            p99_ns: none(),
            max_ns: none(),
            cpu_ns: none(),
            served: none(),
            failed: none(),
        }
    }

    /// One round.
    pub(super) fn add(&mut self, report: &Report, cpu: Duration) {
        let latency = |quantile| report.latency.value_at_quantile(quantile) as f64;
        self.rates.push(report.messages_per_s());
        self.p50_ns.push(latency(0.5));
        self.p99_ns.push(latency(0.99));
        self.max_ns.push(report.latency.max() as f64);
        self.cpu_ns.push(cpu.as_nanos() as f64 / report.answered_ever.max(1) as f64);
        self.served.push(report.calls_served as f64);
        self.failed.push(report.calls_failed as f64);
    }
}

/// The middle value; of an even number of them the lower.
fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

pub(super) struct Comparison<'a> {
    pub(super) service: &'a str,
    pub(super) offer: &'a Offer,
    pub(super) at: &'a Address,
    pub(super) rounds: u16,
    pub(super) cells: Vec<Cell>,
}

/// The columns: width, and name.
const COLUMNS: [(usize, &str); 10] = [
    (7, "callers"),
    (9, "engine"),
    (12, "messages/s"),
    (10, "p50"),
    (10, "p99"),
    (10, "max"),
    (12, "CPU/message"),
    (13, "memory/caller"),
    (7, "in time"),
    (6, "failed"),
];

impl Comparison<'_> {
    /// Engines whose turn never came are left out.
    fn measured(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(|cell| !cell.rates.is_empty())
    }

    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.title());
        row(&mut text, COLUMNS.map(|(_, name)| name.to_owned()));
        for cell in self.measured() {
            let count = |values: &[f64]| grouped(median(values) as u64);
            let served = count(&cell.served);
            row(
                &mut text,
                [
                    grouped(cell.calls as u64),
                    cell.engine.to_string(),
                    rate(median(&cell.rates)),
                    time(median(&cell.p50_ns)),
                    time(median(&cell.p99_ns)),
                    time(median(&cell.max_ns)),
                    time(median(&cell.cpu_ns)),
                    cell.memory_bytes.map_or("-".to_owned(), bytes),
                    if self.offer.churn { "-".to_owned() } else { served },
                    count(&cell.failed),
                ],
            );
        }
        text.push_str("\nin time: callers who got an answer before the load ended. failed: calls that got none in --timeout, or were broken off.\n");
        text
    }

    fn title(&self) -> String {
        let rounds =
            if self.rounds == 1 { String::new() } else { format!(", medians of {} rounds", self.rounds) };
        let seconds = self.offer.duration.saturating_sub(self.offer.warm_up).as_secs_f64();
        format!("{} at {}: {}, {seconds} s{rounds}", self.service, self.at, manner(self.offer))
    }

    pub(super) fn json(&self) -> Json {
        let micros = |nanos: &[f64]| Json::Decimal(median(nanos) / 1e3);
        let cells = self.measured().map(|cell| {
            Json::Object(vec![
                ("calls", (cell.calls as u64).into()),
                ("engine", cell.engine.to_string().into()),
                ("messages_per_s", median(&cell.rates).into()),
                ("latency_us_p50", micros(&cell.p50_ns)),
                ("latency_us_p99", micros(&cell.p99_ns)),
                ("latency_us_max", micros(&cell.max_ns)),
                ("cpu_us_per_message", micros(&cell.cpu_ns)),
                ("memory_bytes_per_call", cell.memory_bytes.into()),
                ("calls_served", (median(&cell.served) as u64).into()),
                ("calls_failed", (median(&cell.failed) as u64).into()),
            ])
        });
        Json::Object(vec![
            ("service", self.service.into()),
            ("address", self.at.to_string().into()),
            ("rounds", u64::from(self.rounds).into()),
            ("seconds", self.offer.duration.saturating_sub(self.offer.warm_up).into()),
            ("message_bytes", (self.offer.message.length() as u64).into()),
            ("cells", Json::List(cells.collect())),
        ])
    }

    /// Callers x engine: rate, p99, CPU per message, memory per caller.
    pub(super) fn picture(&self) -> Result<String, Failure> {
        let panel = |title, y_label: fn(&f64) -> String, value: fn(&Cell) -> f64| Panel {
            title,
            x_title: "callers",
            x_is_log: true,
            y_is_log: true,
            y_label,
            curves: self.curves(value),
        };
        let panels = [
            panel("messages a second", |messages| rate(*messages), |cell| median(&cell.rates)),
            panel("latency, p99", |nanos| time(*nanos), |cell| median(&cell.p99_ns)),
            panel("CPU time of the server for a message", |nanos| time(*nanos), |cell| median(&cell.cpu_ns)),
            panel(
                "memory of the server for a caller",
                |memory| bytes(*memory),
                |cell| cell.memory_bytes.unwrap_or(f64::NAN),
            ),
        ];
        picture(&self.title(), &panels, (2, 2))
    }

    fn curves(&self, value: fn(&Cell) -> f64) -> Vec<Curve> {
        let mut curves: Vec<Curve> = Vec::new();
        for cell in self.measured() {
            let (name, point) = (cell.engine.to_string(), (cell.calls as f64, value(cell)));
            if !point.1.is_finite() || point.1 <= 0.0 {
                continue; // it has no place on a logarithmic axis
            }
            match curves.iter_mut().find(|curve| curve.name == name) {
                Some(curve) => curve.points.push(point),
                None => curves.push(Curve { name, points: vec![point] }),
            }
        }
        curves
    }
}

fn row(text: &mut String, cells: [String; COLUMNS.len()]) {
    for ((width, _), cell) in COLUMNS.iter().zip(&cells) {
        let _ = write!(text, "{cell:>width$}  "); // to a String: this cannot fail
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
}
