//! `swb list`: the tables that everything is made from.

use std::io::Write as _;

use switchboard::Engine;
use switchboard::address::{Kind, LAYERS, OPTIONS, SCHEMES, When};
use switchboard::engine::{CallsAtOnce, Datagrams};
use switchboard::services::SERVICES;

use crate::failure::{Failure, output_error};
use crate::invocation::Table;

pub(crate) fn run(which: Table) -> Result<(), Failure> {
    std::io::stdout().write_all(table(which).as_bytes()).map_err(|error| output_error(&error))
}

/// One table as text.
pub(crate) fn table(which: Table) -> String {
    aligned(&match which {
        Table::Schemes => schemes(),
        Table::Layers => layers(),
        Table::Services => services(),
        Table::Engines => engines(),
        Table::Options => options(),
    })
}

fn schemes() -> Vec<Vec<String>> {
    let mut rows = vec![head(&["scheme", "address", "shape", "listens", "connects", "manual", "what it is"])];
    rows.extend(SCHEMES.iter().map(|row| {
        vec![
            row.name.to_owned(),
            row.syntax.to_owned(),
            row.shape.map_or_else(|| "as it is".to_owned(), |shape| shape.to_string()),
            yes(row.listens),
            yes(row.connects),
            row.man.to_owned(),
            row.help.to_owned(),
        ]
    }));
    rows
}

fn layers() -> Vec<Vec<String>> {
    let mut rows = vec![head(&["layer", "lies on", "carries", "from", "what it is"])];
    rows.extend(LAYERS.iter().map(|row| {
        vec![
            row.name.to_owned(),
            row.lies_on().collect::<Vec<_>>().join(" "),
            row.carries(),
            row.spec.to_owned(),
            row.help.to_owned(),
        ]
    }));
    rows
}

fn services() -> Vec<Vec<String>> {
    let mut rows = vec![head(&["service", "on a byte stream", "on messages", "from"])];
    rows.extend(SERVICES.iter().map(|row| {
        let name = format!("{} {}", row.name, row.arguments).trim_end().to_owned();
        vec![name, row.on_a_stream.to_owned(), row.on_messages.to_owned(), row.source.to_owned()]
    }));
    rows
}

fn engines() -> Vec<Vec<String>> {
    let columns = [
        "engine",
        "calls at once",
        "shared state",
        "rooms",
        "datagrams",
        "dials",
        "one failure costs",
        "what it is",
    ];
    let mut rows = vec![head(&columns)];
    rows.extend(Engine::ALL.iter().map(|engine| {
        let row = engine.capabilities();
        let calls = match row.calls_at_once {
            CallsAtOnce::One => "1, the rest wait",
            CallsAtOnce::Child => "many, a child each",
            CallsAtOnce::Thread => "many, a thread each",
            CallsAtOnce::Together => "many, O(N) a wake-up",
            CallsAtOnce::Workers => "many, in workers",
        };
        let datagrams = match row.datagrams {
            Datagrams::No => "no",
            Datagrams::OneThread => "one thread a socket",
            Datagrams::Workers => "a socket a worker",
        };
        vec![
            row.name.to_owned(),
            calls.to_owned(),
            yes(row.shared_state),
            yes(row.rooms),
            datagrams.to_owned(),
            yes(row.dial),
            row.one_failure_costs.to_owned(),
            row.help.to_owned(),
        ]
    }));
    rows
}

fn options() -> Vec<Vec<String>> {
    let mut rows = vec![head(&["option", "value", "kernel", "for", "when", "what it does"])];
    rows.extend(OPTIONS.iter().map(|row| {
        let names: Vec<&str> = row.applies.names().collect();
        let when = match row.applies.when {
            When::Listening => "listening",
            When::Connecting => "connecting",
            When::Either => "both",
        };
        vec![
            row.name.to_owned(),
            value(&row.kind),
            row.kernel.to_owned(),
            names.join(" "),
            when.to_owned(),
            row.help.to_owned(),
        ]
    }));
    rows
}

/// What may stand behind an option's `=`.
fn value(kind: &Kind) -> String {
    match kind {
        Kind::Flag => "on, off".to_owned(),
        Kind::Integer { min, max } => format!("{min} to {max}"),
        Kind::Size { .. } => "SIZE, as 64KiB".to_owned(),
        Kind::Duration { .. } => "DURATION, as 30s".to_owned(),
        Kind::Text { .. } => "TEXT".to_owned(),
        Kind::Mode => "octal, as 660".to_owned(),
        Kind::Local => "HOST:PORT".to_owned(),
        Kind::Group | Kind::Source => "IP address".to_owned(),
        Kind::Subnet => "ADDRESS/PREFIX".to_owned(),
        Kind::Word(words) => words.join(", "),
        Kind::File => "FILE".to_owned(),
        Kind::Path => "/PATH".to_owned(),
        Kind::Token => "NAME".to_owned(),
        Kind::Header => "NAME:VALUE".to_owned(),
        Kind::Origin => "https://HOST".to_owned(),
        Kind::Fingerprint => "sha256:HEX".to_owned(),
        Kind::Via => "socks5://HOST:PORT, http-connect://HOST:PORT".to_owned(),
        Kind::Retries => "N, forever".to_owned(),
        Kind::Share => "SHARE, as 0.1%".to_owned(),
        Kind::Rate => "RATE, as 1MB/s".to_owned(),
        Kind::After => "SIZE or DURATION".to_owned(),
        Kind::EachWay(kind) => value(kind),
    }
}

fn head(columns: &[&str]) -> Vec<String> {
    columns.iter().map(|column| column.to_uppercase()).collect()
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

/// Rows of one table as text, each column as wide as its widest cell, two spaces between.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}
