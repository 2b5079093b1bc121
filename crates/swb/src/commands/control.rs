//! `swb control`: one request at the control socket of a running server, and its answer.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::failure::{Failure, Status, output_error};
use crate::invocation::{Control, ControlCommand, EndArgument};
use crate::json::Json;

/// How long an answer may take: longer than a server waits for its workers.
const WITHIN: Duration = Duration::from_secs(10);

/// The longest answer: a thousand calls, each with two names.
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;

pub(crate) fn run(arguments: &Control) -> Result<(), Failure> {
    let path = arguments.path.display();
    let answer = ask(arguments, &request(&arguments.command)).map_err(|error| {
        let why = sys::describe(&error);
        let is_one_of = |kinds: [ErrorKind; 2]| kinds.contains(&error.kind());
        let (status, message) = if is_one_of([ErrorKind::WouldBlock, ErrorKind::TimedOut]) {
            (Status::TimedOut, format!("{path} did not answer within {} s: {why}", WITHIN.as_secs()))
        } else if is_one_of([ErrorKind::NotFound, ErrorKind::ConnectionRefused]) {
            let hint = "is a server there that was started with --control?";
            (Status::Refused, format!("cannot control {path}: connect(2): {why}; {hint}"))
        } else {
            (Status::Other, format!("cannot control {path}: {why}"))
        };
        Failure::new(status, message)
    })?;
    let told: serde_json::Value = serde_json::from_str(&answer).map_err(|_| {
        Failure::new(Status::Other, format!("{path} did not answer in JSON: is it a control socket?"))
    })?;
    if told["ok"].as_bool() != Some(true) {
        let why = told["error"].as_str().unwrap_or("no reason was given");
        return Err(Failure::new(Status::Other, format!("{path}: {why}")));
    }
    writeln!(std::io::stdout(), "{}", answer.trim_end()).map_err(|error| output_error(&error))
}

fn ask(arguments: &Control, request: &Json) -> std::io::Result<String> {
    let mut socket = UnixStream::connect(&arguments.path)?;
    socket.set_read_timeout(Some(WITHIN))?;
    socket.set_write_timeout(Some(WITHIN))?;
    socket.write_all(format!("{request}\n").as_bytes())?;
    let mut answer = String::new();
    BufReader::new(socket.take(ANSWER_BYTES_MAX)).read_line(&mut answer)?;
    Ok(answer)
}

fn request(command: &ControlCommand) -> Json {
    let call = |name: &'static str, call: u64| vec![("do", name.into()), ("call", call.into())];
    Json::Object(match command {
        ControlCommand::Show => vec![("do", "show".into())],
        ControlCommand::Calls => vec![("do", "calls".into())],
        ControlCommand::Drain => vec![("do", "drain".into())],
        ControlCommand::Reset { call: number } => call("reset", *number),
        ControlCommand::Close { call: number } => call("close", *number),
        ControlCommand::Set { words, at } => {
            let words = words.iter().map(|word| Json::from(word.as_str())).collect();
            let end = at.map(|at| match at {
                EndArgument::Near => "near",
                EndArgument::Far => "far",
            });
            let end = end.map(|end| ("at", end.into()));
            [("do", "set".into()), ("words", Json::List(words))].into_iter().chain(end).collect()
        }
    })
}
