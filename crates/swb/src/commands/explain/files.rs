//! The calls that open a file, a fifo, a terminal or a line, and those on it after that. Tables.

use switchboard::{Address, OptionKey, Place, Transport};

use super::callers::{Row, row};

/// The calls that open it.
pub(super) fn opening(address: &Address) -> Vec<Row> {
    let path = match &address.place {
        Place::Path(path) => format!("{:?}", String::from_utf8_lossy(path)),
        Place::Network { .. }
        | Place::Abstract(_)
        | Place::Standard
        | Place::Descriptor(_)
        | Place::Nameless
        | Place::Command(_) => String::new(),
    };
    let is_on = |key| address.options.flag(key) == Some(true);
    let access = address.options.word(OptionKey::Access).unwrap_or("read");
    let flags = match access {
        "write" if address.transport == Transport::Fifo => "O_WRONLY",
        "write" | "append" => "O_WRONLY|O_APPEND|O_CREAT",
        "both" => "O_RDWR",
        _ if address.transport == Transport::Fifo && is_on(OptionKey::Follow) => "O_RDWR",
        _ => "O_RDONLY",
    };
    let mut rows = Vec::new();
    match address.transport {
        Transport::Fifo => {
            rows.push(row(
                &format!("mkfifo({path})"),
                "where nothing is; what we made is removed at the end",
            ));
            let waits =
                if access == "write" { "again until somebody reads it (connect-timeout)" } else { "at once" };
            rows.push(row(&format!("open({path}, {flags}|O_NONBLOCK)"), waits));
        }
        Transport::Pty => {
            rows.push(row("open(\"/dev/ptmx\")", "a new terminal: this side is ours"));
            rows.push(row("ioctl(file, TIOCSPTLCK, 0)", "the other side may be opened"));
            rows.push(row("ioctl(file, TCSETS2)", "raw and without echo, unless the options say otherwise"));
            rows.push(row("ioctl(file, TIOCSWINSZ)", "its size"));
            if is_on(OptionKey::Follow) {
                rows.push(row(
                    "ioctl(file, TIOCGPTPEER)",
                    "the other side stays open for whoever comes next",
                ));
            }
            if let Some(link) = address.options.text(OptionKey::Link) {
                rows.push(row(
                    &format!("symlink(/dev/pts/N, {link:?})"),
                    "where it is found; removed at the end",
                ));
            }
        }
        Transport::Serial => {
            rows.push(row(&format!("open({path}, O_RDWR|O_NONBLOCK)"), ""));
            rows.push(row("ioctl(file, TCGETS2)", "its settings, which it gets back at the end"));
            rows.push(row("ioctl(file, TIOCEXCL)", "nobody else opens it meanwhile"));
            rows.push(row("ioctl(file, TCSETS2)", "raw, with the settings of the options"));
        }
        Transport::Tun => {
            rows.push(row("open(\"/dev/net/tun\", O_RDWR|O_NONBLOCK)", ""));
            rows.push(row(
                "ioctl(file, TUNSETIFF)",
                "it is our side of the interface, which is made; needs CAP_NET_ADMIN",
            ));
            for (address, prefix) in address.options.subnets() {
                rows.push(row(
                    &format!("ioctl(SIOCSIFADDR, {address}/{prefix})"),
                    "an address of the interface",
                ));
            }
            if address.options.get(OptionKey::Address).is_some() {
                rows.push(row("ioctl(SIOCSIFFLAGS, IFF_UP)", "packets may go there from now on"));
            }
        }
        Transport::File
        | Transport::Tcp
        | Transport::Udp
        | Transport::Unix
        | Transport::UnixDgram
        | Transport::UnixSeqpacket
        | Transport::Standard
        | Transport::Descriptor
        | Transport::Exec
        | Transport::Shell => {
            rows.push(row(&format!("open({path}, {flags}|O_NONBLOCK)"), ""));
            if access == "write" {
                rows.push(row("flock(file, LOCK_EX|LOCK_NB)", "one call at a time writes a file"));
            }
            if is_on(OptionKey::Truncate) {
                rows.push(row("ftruncate(file, 0)", "throws away what it holds"));
            }
            if is_on(OptionKey::Follow) {
                rows.push(row("inotify_add_watch(file, IN_MODIFY)", "tells when more is written to it"));
            }
        }
    }
    rows
}

/// The calls on it, when its partner is called so.
pub(super) fn moving(address: &Address, partner: &str) -> Vec<Row> {
    let access = address.options.word(OptionKey::Access).unwrap_or("read");
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
