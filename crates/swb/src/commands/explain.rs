//! `swb explain`: what a command would do, from what was asked for to the socket calls, doing none of it.
//!
//! The chain of a run: invocation, plan, candidates, calls. The calls are those that the real opening carries out
//! (`Outline` in the crate `socket`); what follows for each caller depends on the engine (`callers.rs`). Host
//! names are looked up only with `--resolve`, since that asks the network.

mod callers;
mod files;
mod layers;
mod page;

use std::io::Write as _;

use clap::FromArgMatches;
use switchboard::address::format_duration;
use switchboard::services::SERVICES;
use switchboard::socket::{Outline, outline_bursts, outline_call, outline_listening};
use switchboard::{Address, Engine, EngineChoice, OptionKey, Place, Shape, Transport};

use crate::failure::{Failure, output_error};
use crate::files::raise_descriptor_limit;
use crate::help::command;
use crate::invocation::{
    Answering, Ask, Command, Connect, Explain, Invocation, Listen, Load, Relay, Resolve, Serve, Terminal,
};

use super::serve::Offer;
use callers::{Caller, row};
use layers::Side;
use page::Page;

/// How the descriptors are called whose numbers are not known yet.
const LISTENER: &str = "listener";
const CALL: &str = "call";
const FAR: &str = "far";

pub(crate) fn run(arguments: &Explain) -> Result<(), Failure> {
    let words = std::iter::once("swb").chain(arguments.command.iter().map(String::as_str));
    // What the command itself would say of its arguments, it says here.
    let matches = command().try_get_matches_from(words).unwrap_or_else(|error| error.exit());
    let invocation = Invocation::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let mut page = Page::default();
    page.section("invocation");
    page.row("typed", &page::words(&arguments.command));
    let look_up = arguments.resolve;
    match invocation.command {
        Command::Connect(arguments) => connect(&arguments, look_up, &mut page)?,
        Command::Ask(arguments) => ask(&arguments, look_up, &mut page)?,
        Command::Listen(arguments) => listen(&arguments, look_up, &mut page)?,
        Command::Serve(arguments) => serve(arguments, look_up, &mut page)?,
        Command::Load(arguments) => load(&arguments, look_up, &mut page)?,
        Command::Relay(arguments) => relay(&arguments, look_up, &mut page)?,
        Command::Resolve(arguments) => resolve(&arguments, &mut page)?,
        Command::List(_) => page.row("calls", "none on a socket: it prints a table that is in the program"),
        Command::Control(_) => {
            page.row("calls", "it calls a control socket, sends a line and prints the answer");
        }
        Command::Help(_) => page.row("calls", "none on a socket: it prints a text that is in the program"),
        Command::Doctor(_) => {
            page.row("calls", "it makes sockets of each kind, to see what this kernel and this user allow");
        }
        Command::Tour(_) => {
            page.row("calls", "those of the commands under its scenes: swb tour --list shows them");
        }
        Command::Explain(_) => page.row("calls", "none on a socket: it says what a command would do"),
    }
    std::io::stdout().write_all(page.text().as_bytes()).map_err(|error| output_error(&error))
}

fn connect(arguments: &Connect, look_up: bool, page: &mut Page) -> Result<(), Failure> {
    let address = super::connect::address(arguments)?;
    page.row("command", "connect: joins standard input and output to an address");
    page.address("to", &address);
    page.section("plan");
    terminal(&address, &arguments.terminal, page);
    page.options(&address);
    let kind = if address.shape() == Some(Shape::Stream) { Caller::Joined } else { Caller::JoinedByMessages };
    call(&address, look_up, kind, page)
}

fn ask(arguments: &Ask, look_up: bool, page: &mut Page) -> Result<(), Failure> {
    let address = super::ask::address(arguments)?;
    page.row("command", "ask: sends one message, prints the answer, ends");
    page.address("to", &address);
    page.section("plan");
    page.row("message", &format!("{} bytes", super::ask::message(arguments)?.len()));
    page.duration("time-out", arguments.timeout, "1s a try over datagrams, none on a connection (--timeout)");
    page.options(&address);
    let kind = match (address.shape(), arguments.framing) {
        (Some(Shape::Stream), None) => Caller::Asks,
        (Some(Shape::Stream | Shape::SeqPacket | Shape::Datagram) | None, _) => Caller::AsksOnce,
    };
    call(&address, look_up, kind, page)
}

fn load(arguments: &Load, look_up: bool, page: &mut Page) -> Result<(), Failure> {
    page.row("command", "load: offers load to a server and measures it");
    if !arguments.engines.is_empty() {
        page.row("calls", "it starts swb serve under each engine in turn and offers the same load to each");
        return Ok(());
    }
    let address = super::load::address(arguments)?;
    page.address("to", &address);
    page.section("plan");
    let offer = super::load::one_offer(arguments, &address)?;
    page.row("load", &super::load::summary(&offer));
    page.duration("duration", Some(offer.duration), "");
    page.duration("time-out", Some(offer.timeout), "");
    page.options(&address);
    call(&address, look_up, Caller::Loads, page)
}

/// The calls of one who calls.
fn call(address: &Address, look_up: bool, kind: Caller, page: &mut Page) -> Result<(), Failure> {
    if address.transport.is_program() {
        program(address, page)?;
        page.section("then, once it is started");
        let rows = if matches!(kind, Caller::Loads) { callers::LOADED_PROGRAM } else { callers::SPOKEN_WITH };
        rows.iter().for_each(|row| page.call(row));
        return Ok(());
    }
    if address.transport.is_file() {
        file(address, "input and output", page);
        return Ok(());
    }
    let outline = outline_call(address, look_up, CALL)?;
    candidates(address, &outline, look_up, page);
    if address.transport == Transport::Tcp && outline.tries.len() > 1 {
        page.line("The next is tried when one has failed or been silent for 250 ms; who answers first wins (RFC 8305).");
    }
    page.section("calls");
    asked(&outline, page);
    tries(&outline, page);
    if address.transport == Transport::Tcp {
        callers::DIALLED.iter().for_each(|row| page.call(row));
    }
    outline.tries.first().into_iter().flat_map(|one| &one.late).for_each(|planned| page.planned(planned));
    proxies(address, page);
    let has_layers = layers::explain(address, Side::Calling, page);
    page.section(if has_layers { "then, once they are open" } else { "then, once it is connected" });
    kind.rows().iter().for_each(|row| page.call(row));
    if matches!(kind, Caller::Joined) {
        layers::bulk(address, None, page);
    }
    Ok(())
}

/// What is said with proxies before anything else.
fn proxies(address: &Address, page: &mut Page) {
    for via in address.options.vias() {
        page.section(&format!("then, with the proxy {}", via.without_credentials()));
        callers::ASKED_TO_CALL.iter().for_each(|row| page.call(row));
    }
}

/// The calls that start a program.
fn program(address: &Address, page: &mut Page) -> Result<(), Failure> {
    let outline = outline_call(address, false, CALL)?;
    candidates(address, &outline, false, page);
    page.line("It is started anew for each call, and ends with it.");
    page.section(&format!("calls to {address}"));
    let on_terminal = address.options.flag(OptionKey::Pty) == Some(true);
    let words = match on_terminal {
        true => "starts it, with a terminal of its own as 0, 1 and 2, which controls its session",
        false => "starts it, with two pipes as 0 and 1; 2 is ours",
    };
    page.call(&row(&format!("posix_spawn({address})"), words));
    Ok(())
}

/// The calls that open a file or terminal, and those on it.
fn file(address: &Address, partner: &str, page: &mut Page) {
    page.section(&format!("calls at {address}"));
    files::opening(address).iter().for_each(|row| page.call(row));
    page.section("then, once it is open");
    files::moving(address, partner).iter().for_each(|row| page.call(row));
}

fn listen(arguments: &Listen, look_up: bool, page: &mut Page) -> Result<(), Failure> {
    let address = super::listen::address(arguments)?;
    page.row("command", "listen: answers a caller and joins it to standard input and output");
    page.address("at", &address);
    page.section("plan");
    if address.transport.is_file() {
        page.row("callers", "one: whoever has the other side");
        terminal(&address, &arguments.terminal, page);
        page.options(&address);
        file(&address, "input and output", page);
        return Ok(());
    }
    page.row("callers", if arguments.keep { "one after the other (--keep)" } else { "one" });
    terminal(&address, &arguments.terminal, page);
    page.options(&address);
    opening(&address, outline_listening(&address, look_up, LISTENER)?, 1, look_up, page);
    if address.shape() == Some(Shape::Datagram) {
        page.section("then, for each message");
        callers::MESSAGES_JOINED.iter().for_each(|row| page.call(row));
        layers::explain(&address, Side::Answering, page);
    } else {
        page.section("then, when a caller comes");
        callers::ANSWERED_AND_JOINED.iter().for_each(|row| page.call(row));
        layers::explain(&address, Side::Answering, page);
        layers::bulk(&address, None, page);
    }
    Ok(())
}

fn terminal(address: &Address, arguments: &Terminal, page: &mut Page) {
    page.duration("idle time-out", arguments.idle_timeout, "none (--idle-timeout)");
    if arguments.no_half_close {
        return page.row("end of input", "nothing (--no-half-close)");
    }
    page.row("end of input", "the end of our half of the call");
    if let Some(held) = super::held(address, arguments) {
        let quiet = format_duration(held);
        page.row(
            "",
            &format!(
                "once the peer has been quiet for {quiet} (--wait): it may drop what it was about to say"
            ),
        );
    }
}

fn serve(arguments: Serve, look_up: bool, page: &mut Page) -> Result<(), Failure> {
    let (service, at) = super::serve::service(arguments.service)?;
    page.row("command", &format!("serve: answers callers with {}", service.name()));
    let limits = super::serve::limits_of(&*service);
    let offer = Offer { service, at: &at.addresses, limits, is_inert: false, far: &[] };
    let row = SERVICES.iter().find(|row| row.name == offer.service.name());
    let says = row.into_iter().flat_map(|row| {
        let [stream, messages] = [row.on_a_stream, row.on_messages];
        [
            ("service", row.name.to_owned()),
            ("", format!("on a byte stream: {stream}")),
            ("", format!("on messages: {messages}")),
        ]
    });
    answer(&offer, &says.collect::<Vec<_>>(), &arguments.answering, look_up, page)
}

fn relay(arguments: &Relay, look_up: bool, page: &mut Page) -> Result<(), Failure> {
    let (service, to) = super::relay::service(arguments)?;
    page.row("command", "relay: joins each caller of one address to another address");
    let offer = super::relay::offer(service, arguments);
    let framing = match arguments.framing {
        Some(_) => "messages on one side, marked on the byte stream of the other (--framing)",
        None => "what comes from one side goes to the other, as it came",
    };
    let mut says: Vec<_> = to.iter().map(|to| ("to", to.shown().to_string())).collect();
    if to.len() > 1 {
        says.push((
            "",
            "each caller gets one of them, another if that is not reached (--balance)".to_owned(),
        ));
    }
    says.push(("", framing.to_owned()));
    let from: Address = arguments.from.parse()?;
    if super::joined::is_joined(arguments, &from)? {
        joined(&from, arguments.dialling.forever, &says, look_up, page)?;
    } else {
        answer(&offer, &says, &arguments.answering, look_up, page)?;
    }
    let (called, others): (Vec<_>, Vec<_>) =
        to.iter().partition(|to| !to.transport.is_program() && !to.transport.is_file());
    for to in &called {
        let outline = outline_call(to, look_up, FAR)?;
        candidates(to, &outline, look_up, page);
        page.section(&format!("calls to {}, for each caller, by a helper thread", to.shown()));
        asked(&outline, page);
        tries(&outline, page);
        outline.tries.first().into_iter().flat_map(|one| &one.late).for_each(|planned| page.planned(planned));
        proxies(to, page);
        layers::explain(to, Side::Calling, page);
    }
    for to in others {
        if to.transport.is_file() {
            file(to, "call", page);
            continue;
        }
        program(to, page)?;
        page.section("then, for each caller");
        callers::RELAYED_TO_PROGRAM.iter().for_each(|row| page.call(row));
    }
    if !called.is_empty() {
        page.section("then, once both are connected");
        callers::RELAYED.iter().for_each(|row| page.call(row));
    }
    if let [to] = &called[..] {
        layers::bulk(&from, Some(to), page);
    }
    Ok(())
}

/// The first end of a relay that is called, started or opened.
fn joined(
    from: &Address,
    for_ever: bool,
    says: &[(&str, String)],
    look_up: bool,
    page: &mut Page,
) -> Result<(), Failure> {
    super::for_connecting(from)?;
    page.address("from", from);
    page.section("plan");
    says.iter().for_each(|(name, text)| page.row(name, text));
    let calls =
        if for_ever { "one after the other, which it makes (--forever)" } else { "one, which it makes" };
    page.row("calls", calls);
    page.options(from);
    match from.transport {
        transport if transport.is_program() => program(from, page),
        transport if transport.is_file() => {
            file(from, "far", page);
            Ok(())
        }
        _ => call(from, look_up, Caller::Relayed, page),
    }
}

/// What one does who answers callers; `says` are the rows of what they get.
fn answer(
    offer: &Offer<'_>,
    says: &[(&str, String)],
    answering: &Answering,
    look_up: bool,
    page: &mut Page,
) -> Result<(), Failure> {
    let arguments = &answering.engine;
    let addresses = super::serve::addresses(offer.at, arguments)?;
    addresses.iter().for_each(|address| page.address("at", address));

    let transports: Vec<Transport> = addresses.iter().map(|address| address.transport).collect();
    let choice = arguments.engine;
    let engine = super::serve::engine(choice)?;
    engine.check(&*offer.service, &transports).map_err(Failure::usage)?;
    super::serve::fits_programs(&*offer.service, &addresses, answering)?;
    raise_descriptor_limit(); // as serve does, on which the limit of calls depends
    let mut limits = (offer.limits)();
    super::serve::limit(&mut limits, arguments);
    let row = engine.capabilities();
    let workers = if row.workers { super::serve::workers(arguments) } else { 1 };

    if let [address] = &addresses[..]
        && address.transport.is_file()
    {
        page.section("plan");
        says.iter().for_each(|(name, text)| page.row(name, text));
        page.row("calls", "one, which is there already");
        page.options(address);
        file(address, "far", page);
        return Ok(());
    }
    page.section("plan");
    says.iter().for_each(|(name, text)| page.row(name, text));
    let why = match (choice, super::serve::why_not_uring(choice)) {
        (EngineChoice::Named(_), _) => String::new(),
        (EngineChoice::Auto, None) => " (auto: the most callers at the least cost)".to_owned(),
        (EngineChoice::Auto, Some(why_not)) => format!(" (auto: {why_not})"),
    };
    page.row("engine", &format!("{engine}{why}: {}", row.help));
    page.row("one failure", &format!("costs {}", row.one_failure_costs));
    page.row("workers", &workers.to_string());
    let calls_max = if engine == Engine::Iterative { 1 } else { limits.calls_max };
    page.row("calls at once", &format!("{calls_max}; further callers wait in the kernel (--max-calls)"));
    page.duration("idle time-out", limits.idle_timeout, "none; 1m for datagram peers (--idle-timeout)");
    if row.workers {
        page.duration("busy wait", Some(limits.busy_wait), "");
    }
    page.duration("drain", Some(limits.drain), "");
    addresses.iter().for_each(|address| page.options(address));
    for address in &addresses {
        let mut outline = outline_listening(address, look_up, LISTENER)?;
        outline.listen.extend(outline_bursts(address, LISTENER));
        opening(address, outline, workers, look_up, page);
    }
    let opened = || addresses.iter().filter(|address| !is_open(address)).map(Address::shape);
    if opened().any(|shape| shape != Some(Shape::Datagram)) {
        page.section(&format!("then, for each caller under the {engine} engine"));
        let hands_over = offer.service.needs().hand_over;
        let rows = if hands_over { callers::HANDED_OVER } else { callers::under(engine) };
        rows.iter().for_each(|row| page.call(row));
    }
    for address in &addresses {
        layers::explain(address, Side::Answering, page);
    }
    if opened().any(|shape| shape == Some(Shape::Datagram)) {
        page.section(&format!("then, for each message under the {engine} engine"));
        callers::messages(engine).iter().for_each(|row| page.call(row));
    }
    Ok(())
}

/// The calls of one who is called, for one address and that many workers.
fn opening(address: &Address, outline: Outline, workers: usize, look_up: bool, page: &mut Page) {
    candidates(address, &outline, look_up, page);
    if is_open(address) {
        return;
    }
    if let Place::Path(_) = address.place {
        page.line("Nothing may be at the path but a dead socket of our own, which is replaced.");
    }
    page.section(&format!("calls at {address}"));
    asked(&outline, page);
    for one in &outline.tries {
        if outline.tries.len() > 1 {
            page.line(&format!("for {}, unless one before it could be bound:", one.end));
        }
        one.calls.iter().chain(&one.late).for_each(|planned| page.planned(planned));
    }
    if workers > 1 && !outline.sibling.is_empty() {
        page.line(&format!("once for each of {} further workers, so that each has its own:", workers - 1));
        outline.sibling.iter().for_each(|planned| page.planned(planned));
        page.line("then for each of them:");
    }
    outline.listen.iter().for_each(|planned| page.planned(planned));
}

fn candidates(address: &Address, outline: &Outline, look_up: bool, page: &mut Page) {
    page.section("candidates");
    if is_open(address) {
        page.line(&format!("{address} is open already: it is taken as it was passed, and nothing is opened"));
    }
    outline.tries.iter().for_each(|one| page.line(&one.end));
    if !look_up && !outline.questions.is_empty() {
        page.line("Names are not looked up here; swb explain --resolve does.");
    }
}

fn asked(outline: &Outline, page: &mut Page) {
    for question in &outline.questions {
        page.planned(question);
    }
}

fn tries(outline: &Outline, page: &mut Page) {
    for one in &outline.tries {
        if outline.tries.len() > 1 {
            page.line(&format!("for {}:", one.end));
        }
        one.calls.iter().for_each(|planned| page.planned(planned));
    }
}

/// Whether it is open already, so that nothing is opened.
fn is_open(address: &Address) -> bool {
    matches!(address.transport, Transport::Standard | Transport::Descriptor)
}

fn resolve(arguments: &Resolve, page: &mut Page) -> Result<(), Failure> {
    page.row("command", "resolve: shows the addresses of names, and the names of addresses");
    page.section("calls");
    for name in &arguments.names {
        if name.parse::<std::net::IpAddr>().is_ok() {
            page.call(&row(&format!("getnameinfo({name})"), "the name of the address"));
        } else {
            let (address, _) = super::resolve::parse(name)?;
            let outline = outline_call(&address, false, CALL)?;
            asked(&outline, page);
            if outline.questions.is_empty() {
                page.line(&format!("nothing is asked: {address} is an address in numbers"));
            }
        }
    }
    Ok(())
}
