//! The calls that open a file, a fifo, a terminal or a line, and those on it after that. Tables.

use switchboard::{Address, OptionKey, Place, Transport};

use super::callers::{Row, row};

/// The calls that open it.
pub(super) fn opening(address: &Address) -> Vec<Row> {
    match address.transport {
        Transport::Fifo => fifo(address),
        Transport::Pty => terminal(address),
        Transport::Serial => line(address),
        Transport::Tun => interface(address),
        Transport::File
        | Transport::Tcp
        | Transport::Udp
        | Transport::Unix
        | Transport::UnixDgram
        | Transport::UnixSeqpacket
        | Transport::Standard
        | Transport::Descriptor
        | Transport::Exec
        | Transport::Shell => file(address),
    }
}

fn fifo(address: &Address) -> Vec<Row> {
    let path = path(address);
    let (flags, waits) = match access(address) {
        "write" => ("O_WRONLY", "again until somebody reads it (connect-timeout)"),
        "append" => ("O_WRONLY|O_APPEND|O_CREAT", "at once"),
        "both" => ("O_RDWR", "at once"),
        _ if is_on(address, OptionKey::Follow) => ("O_RDWR", "at once"),
        _ => ("O_RDONLY", "at once"),
    };
    vec![
        row(&format!("mkfifo({path})"), "where nothing is; what we made is removed at the end"),
        row(&format!("open({path}, {flags}|O_NONBLOCK)"), waits),
    ]
}

fn terminal(address: &Address) -> Vec<Row> {
    let mut rows = vec![
        row("open(\"/dev/ptmx\")", "a new terminal: this side is ours"),
        row("ioctl(file, TIOCSPTLCK, 0)", "the other side may be opened"),
        row("ioctl(file, TCSETS2)", "raw and without echo, unless the options say otherwise"),
        row("ioctl(file, TIOCSWINSZ)", "its size"),
    ];
    if is_on(address, OptionKey::Follow) {
        rows.push(row("ioctl(file, TIOCGPTPEER)", "the other side stays open for whoever comes next"));
    }
    if let Some(link) = address.options.text(OptionKey::Link) {
        rows.push(row(&format!("symlink(/dev/pts/N, {link:?})"), "where it is found; removed at the end"));
    }
    rows
}

fn line(address: &Address) -> Vec<Row> {
    let path = path(address);
    vec![
        row(&format!("open({path}, O_RDWR|O_NONBLOCK)"), ""),
        row("ioctl(file, TCGETS2)", "its settings, which it gets back at the end"),
        row("ioctl(file, TIOCEXCL)", "nobody else opens it meanwhile"),
        row("ioctl(file, TCSETS2)", "raw, with the settings of the options"),
    ]
}

fn interface(address: &Address) -> Vec<Row> {
    let mut rows = vec![
        row("open(\"/dev/net/tun\", O_RDWR|O_NONBLOCK)", ""),
        row("ioctl(file, TUNSETIFF)", "it is our side of the interface, which is made; needs CAP_NET_ADMIN"),
    ];
    for (address, prefix) in address.options.subnets() {
        rows.push(row(&format!("ioctl(SIOCSIFADDR, {address}/{prefix})"), "an address of the interface"));
    }
    if address.options.get(OptionKey::Address).is_some() {
        rows.push(row("ioctl(SIOCSIFFLAGS, IFF_UP)", "packets may go there from now on"));
    }
    rows
}

fn file(address: &Address) -> Vec<Row> {
    let (path, access) = (path(address), access(address));
    let flags = match access {
        "write" | "append" => "O_WRONLY|O_APPEND|O_CREAT",
        "both" => "O_RDWR",
        _ => "O_RDONLY",
    };
    let mut rows = vec![row(&format!("open({path}, {flags}|O_NONBLOCK)"), "")];
    if access == "write" {
        rows.push(row("flock(file, LOCK_EX|LOCK_NB)", "one call at a time writes a file"));
    }
    if is_on(address, OptionKey::Truncate) {
        rows.push(row("ftruncate(file, 0)", "throws away what it holds"));
    }
    if is_on(address, OptionKey::Follow) {
        rows.push(row("inotify_add_watch(file, IN_MODIFY)", "tells when more is written to it"));
    }
    rows
}

fn path(address: &Address) -> String {
    let Place::Path(path) = &address.place else { return String::new() };
    format!("{:?}", String::from_utf8_lossy(path))
}

fn access(address: &Address) -> &'static str {
    address.options.word(OptionKey::Access).unwrap_or("read")
}

fn is_on(address: &Address, key: OptionKey) -> bool {
    address.options.flag(key) == Some(true)
}

/// The calls on it, when its partner is called so.
pub(super) fn moving(address: &Address, partner: &str) -> Vec<Row> {
    let access = access(address);
    if address.transport == Transport::Tun {
        return vec![
            row(&format!("read(file), send({partner})"), "a packet that was sent to the interface"),
            row(&format!("recv({partner}), write(file)"), "a packet that comes from it"),
        ];
    }
    let is_terminal = matches!(address.transport, Transport::Pty | Transport::Serial);
    let mut rows = Vec::new();
    if is_terminal || matches!(access, "read" | "both") {
        let end = if is_terminal { "EIO: nobody is there any more" } else { "0 bytes: its end" };
        rows.push(row(&format!("read(file), write({partner})"), &format!("what it has; {end}")));
    }
    if is_terminal || access != "read" {
        rows.push(row(&format!("read({partner}), write(file)"), "what comes for it"));
    }
    rows.push(row("close(file)", "when both have ended"));
    rows
}
