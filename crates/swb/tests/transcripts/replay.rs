//! Has a transcript happen, with ports of its own.

use std::collections::BTreeMap;
use std::net::{TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::page::{Mark, Step, Transcript, What};
use crate::patterns::agree;
use crate::support::{Directory, random_bytes};
use crate::terminal::Terminal;

/// The file that transcripts send.
const FILE: &str = "photo.raw";

/// Replays a transcript; what differs is the error.
pub(crate) fn replay(transcript: &Transcript) -> Result<(), String> {
    let folder = Directory::new();
    std::fs::write(folder.file(FILE), random_bytes(1_000_000, 1)).unwrap();
    let ports = Ports::of(&transcript.steps);
    let _held = ports.held_by_somebody(&transcript.steps);
    let mut terminals = Mark::BOTH.map(|_| Terminal::new(folder.path()));
    for step in &transcript.steps {
        let terminal = &mut terminals[step.terminal as usize];
        match &step.what {
            What::Command(command) => {
                terminal.finish()?;
                terminal.start(&ports.to_real(command));
            }
            What::Typed(line) => terminal.type_line(line)?,
            What::Shown(printed) => match terminal.next_line()?.map(|line| ports.to_printed(&line)) {
                Some(line) if agree(printed, &line) => {}
                shown => {
                    let shown = shown.unwrap_or_else(|| "(nothing, and the command has ended)".to_owned());
                    return Err(format!("  printed: {printed}\n  shown:   {shown}"));
                }
            },
        }
    }
    terminals.iter_mut().filter(|terminal| !terminal.serves()).try_for_each(Terminal::finish)?;
    terminals.iter_mut().filter(|terminal| terminal.serves()).try_for_each(Terminal::interrupt)
}

/// Printed ports and the free ones that stand for them.
struct Ports(BTreeMap<String, String>);

impl Ports {
    /// A free port for every port above 1023 that a command names.
    fn of(steps: &[Step]) -> Ports {
        let mut ports = BTreeMap::new();
        for step in steps {
            if let What::Command(command) = &step.what {
                for printed in named_ports(command) {
                    ports.entry(printed.to_owned()).or_insert_with_key(|printed| free_port(printed.len()));
                }
            }
        }
        Ports(ports)
    }

    fn to_real(&self, text: &str) -> String {
        replace_numbers(text, |number| self.0.get(number).map(String::as_str))
    }

    fn to_printed(&self, text: &str) -> String {
        let printed =
            |number: &str| self.0.iter().find(|(_, real)| *real == number).map(|(printed, _)| &**printed);
        replace_numbers(text, printed)
    }

    /// Where a transcript's first command with a port finds it in use, somebody has it.
    fn held_by_somebody(&self, steps: &[Step]) -> Vec<TcpListener> {
        let mut held = Vec::new();
        let mut seen = Vec::new();
        for pair in steps.windows(2) {
            let What::Command(command) = &pair[0].what else { continue };
            let in_use = matches!(&pair[1].what, What::Shown(line) if line.contains("(EADDRINUSE)"));
            for port in named_ports(command) {
                if in_use && !seen.contains(&port) {
                    held.push(TcpListener::bind(format!("0.0.0.0:{}", self.0[port])).unwrap());
                }
                seen.push(port);
            }
        }
        held
    }
}

/// The numbers from 1024 to 65535 that stand behind a colon.
fn named_ports(command: &str) -> impl Iterator<Item = &str> {
    command.split(':').skip(1).filter_map(|text| {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number = &text[..digits];
        number.parse::<u16>().is_ok_and(|port| port >= 1024).then_some(number)
    })
}

/// A port of so many digits that nobody has, below those that the kernel chooses from.
fn free_port(digits: usize) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let (least, many) = if digits == 4 { (2000, 8000) } else { (10_000, 22_000) };
    loop {
        let next = std::process::id().wrapping_mul(61).wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed));
        let port = (least + next % many) as u16;
        let is_free =
            |host: &str| TcpListener::bind((host, port)).is_ok() && UdpSocket::bind((host, port)).is_ok();
        if is_free("0.0.0.0") && (is_free("::") || TcpListener::bind("[::]:0").is_err()) {
            return port.to_string();
        }
    }
}

fn replace_numbers<'t>(text: &'t str, other: impl Fn(&str) -> Option<&'t str>) -> String {
    let is_digit = |c: char| c.is_ascii_digit();
    let mut replaced = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(is_digit) {
        let digits = rest[at..].len() - rest[at..].trim_start_matches(is_digit).len();
        let number = &rest[at..at + digits];
        replaced.push_str(&rest[..at]);
        replaced.push_str(other(number).unwrap_or(number));
        rest = &rest[at + digits..];
    }
    replaced + rest
}
