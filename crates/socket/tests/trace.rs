//! A program's own tracer is told of the calls on sockets, and there is one.

#![allow(clippy::unwrap_used, reason = "a panic is the failure that is wanted")]

use std::sync::{Arc, Mutex};

use socket::trace::{AlreadyTraced, Traced, Tracer, install};
use socket::{Listener, connect};

/// Remembers what it was told.
struct Remembers(Arc<Mutex<Vec<String>>>);

impl Tracer for Remembers {
    fn traced(&self, call: &Traced<'_>) {
        let result = call.result.map_or_else(ToString::to_string, str::to_owned);
        self.0.lock().unwrap().push(format!("{}({}) = {result}", call.call.name(), call.arguments));
    }
}

/// One test in this program: the tracer is the process's.
#[test]
fn a_tracer_is_told_of_each_call_until_the_socket_is_closed() {
    let (untold, _) = Listener::bind(&"unix:@traced-before".parse().unwrap()).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    install(Remembers(Arc::clone(&told))).unwrap();
    assert_eq!(install(Remembers(Arc::clone(&told))), Err(AlreadyTraced));
    drop(connect(&"unix:@traced-before".parse().unwrap()).unwrap());
    drop(untold);
    let told = told.lock().unwrap();
    let names: Vec<&str> = told.iter().map(|call| call.split_once('(').unwrap().0).collect();
    assert_eq!(names, ["socket", "connect", "close", "close"], "{told:#?}");
    assert!(told[1].ends_with(", unix:@traced-before) = 0"), "{told:#?}");
}
