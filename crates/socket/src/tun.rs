//! `tun:NAME`: a network interface of our own, each of whose packets is a message.
//!
//! Linux, Documentation/networking/tuntap.rst; netdevice(7). Packets are of IP, without a header before them; one is at most
//! as long as the interface's MTU, 1,500 bytes as it is made. The interface is gone when this is closed, unless somebody
//! else made it to stay.

use address::{End, OptionKey, Options, Transport};
use rustix::fs::{Mode, OFlags};

use crate::call;
use crate::file_end::{FileEnd, FileKind};
use crate::open_file::NotOpened;

const TAKEN: &str =
    "the interface is there and of another kind, or one of several queues: `ip -d link` shows it";
const HINT: &str =
    "it needs the capability CAP_NET_ADMIN; `ip tuntap add NAME mode tun user USER` makes one for a user";

/// Makes the interface, gives it its addresses and puts it up.
pub(crate) fn open_tun(name: &[u8], options: &Options) -> Result<FileEnd, NotOpened> {
    let failed = |call| {
        move |error: std::io::Error| {
            let is_forbidden = error.kind() == std::io::ErrorKind::PermissionDenied;
            let is_other = error.kind() == std::io::ErrorKind::InvalidInput;
            match (is_forbidden, is_other) {
                (true, _) => NotOpened::Failed { call, error, hint: HINT },
                (_, true) => NotOpened::Failed { call, error, hint: TAKEN },
                (false, false) => NotOpened::at(call)(error),
            }
        }
    };
    let tun = call::open("/dev/net/tun".as_ref(), OFlags::RDWR, Mode::empty()).map_err(failed("open(2)"))?;
    let name = call::attach_tun(&tun, &String::from_utf8_lossy(name)).map_err(failed("ioctl(2)"))?;
    for (address, prefix) in options.subnets() {
        call::set_interface_address(&name, address, prefix).map_err(failed("ioctl(2)"))?;
    }
    // One that somebody else has set up is left as it is.
    if options.get(OptionKey::Address).is_some() {
        call::put_interface_up(&name).map_err(failed("ioctl(2)"))?;
    }
    let end = End::Path { transport: Transport::Tun, path: name.into_bytes().into() };
    Ok(FileEnd::new(end, tun, (true, true), FileKind::Interface))
}
