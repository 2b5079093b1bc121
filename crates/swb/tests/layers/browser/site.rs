//! A site at 127.0.0.1 whose page plays calls in a browser, and Chromium, which loads nothing else.
//!
//! `/` is the page, `/calls` what it is to play, `/message/N` a message; what it sees comes by POST to `/saw?WHAT`.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::support::Directory;
use crate::support::peer::installed;

const PAGE: &str = include_str!("page.html");

/// The longest time until the page sees something more. A browser takes seconds to start where others work.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long Chromium may take to end when it is told to.
const TO_END: Duration = Duration::from_secs(10);

/// What the page saw: what it was, and its bytes.
type Seen = (String, Vec<u8>);

/// Whose page it is.
pub(super) struct Site {
    listener: TcpListener,
    messages: Vec<Vec<u8>>,
    calls: Vec<String>,
}

impl Site {
    pub(super) fn new() -> Site {
        Site { listener: TcpListener::bind("127.0.0.1:0").unwrap(), messages: Vec::new(), calls: Vec::new() }
    }

    /// Its origin: `http://127.0.0.1:PORT`.
    pub(super) fn origin(&self) -> String {
        format!("http://{}", self.listener.local_addr().unwrap())
    }

    /// Has the page call this URL, send these messages, and close as it is told; `null`: once the server does.
    pub(super) fn call(&mut self, url: &str, protocols: &str, messages: &[(&str, &[u8])], close: &str) {
        let mut listed = Vec::new();
        for (kind, message) in messages {
            listed.push(format!(r#"{{"kind":"{kind}","from":"/message/{}"}}"#, self.messages.len()));
            self.messages.push(message.to_vec());
        }
        let listed = listed.join(",");
        self.calls.push(format!(
            r#"{{"url":"{url}","protocols":{protocols},"messages":[{listed}],"close":{close}}}"#
        ));
    }

    /// Opens the page in a browser.
    pub(super) fn browse(self) -> Browser {
        let (origin, (sender, seen)) = (self.origin(), channel());
        std::thread::spawn(move || {
            let site = Arc::new(self);
            for caller in site.listener.incoming() {
                // A browser opens connections for later: none waits for another.
                let (site, sender, caller) = (Arc::clone(&site), sender.clone(), caller.unwrap());
                std::thread::spawn(move || site.answer(caller, &sender));
            }
        });
        Browser::open(&origin, seen)
    }

    /// Answers the requests of one connection.
    fn answer(&self, caller: TcpStream, sender: &Sender<Seen>) {
        let mut reader = BufReader::new(caller.try_clone().unwrap());
        let mut caller = caller;
        let Some((method, target, body)) = request(&mut reader) else { return };
        let (kind, answer) = match (method.as_str(), target.as_str()) {
            ("GET", "/") => ("text/html", PAGE.as_bytes().to_vec()),
            ("GET", "/calls") => ("application/json", format!("[{}]", self.calls.join(",")).into_bytes()),
            ("GET", target) if target.starts_with("/message/") => {
                let number: usize = target.trim_start_matches("/message/").parse().unwrap();
                ("application/octet-stream", self.messages[number].clone())
            }
            ("POST", target) => {
                let what = target.trim_start_matches("/saw?").replace("%20", " ").replace("%22", "\"");
                let _ = sender.send((what, body)); // the test may have failed
                ("text/plain", Vec::new())
            }
            _ => ("text/plain", Vec::new()), // an icon
        };
        let length = answer.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        let _ = caller.write_all(&[head.as_bytes(), &answer].concat());
    }
}

/// Method, target and body of a request; `None` if the browser made the connection for later and never used it.
fn request(reader: &mut impl BufRead) -> Option<(String, String, Vec<u8>)> {
    let mut lines = reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let first = lines.next()?;
    let length = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("Content-Length").then(|| value.trim().parse::<usize>().unwrap())
    });
    let mut body = vec![0; length.last().unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let mut words = first.split(' ');
    Some((words.next()?.to_owned(), words.next()?.to_owned(), body))
}

/// Chromium without a window, which is ended with this.
pub(super) struct Browser {
    child: Child,
    seen: Receiver<Seen>,
    directory: Directory,
}

impl Browser {
    fn open(url: &str, seen: Receiver<Seen>) -> Browser {
        let directory = Directory::new();
        let mut chromium = installed(
            "chromium",
            &[
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                "--ignore-certificate-errors",
            ],
        );
        chromium.arg(format!("--user-data-dir={}", directory.file("profile"))).arg(url);
        chromium.env("HOME", directory.path()).current_dir(directory.path());
        let log = File::create(directory.file("log")).unwrap();
        chromium.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        // It starts processes of its own, which are to end with it.
        let child = chromium.process_group(0).spawn().unwrap();
        Browser { child, seen, directory }
    }

    /// What its page saw next.
    pub(super) fn next(&self) -> Seen {
        self.seen.recv_timeout(PATIENCE).unwrap_or_else(|why| {
            let log = std::fs::read_to_string(self.directory.file("log")).unwrap_or_default();
            panic!("the page saw nothing more: {why}; Chromium says: {log}")
        })
    }

    /// The same of something without bytes.
    pub(super) fn saw(&self, wanted: &str) {
        assert_eq!(self.next(), (wanted.to_owned(), Vec::new()));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let send = |signal, to: &str| {
            let _ = installed("kill", &[signal, "--", to]).stderr(Stdio::null()).status();
        };
        let id = self.child.id();
        send("-TERM", &id.to_string());
        let due = Instant::now() + TO_END;
        while Instant::now() < due && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        send("-KILL", &format!("-{id}")); // its group, as long as one of it is left
        let _ = self.child.wait();
    }
}
