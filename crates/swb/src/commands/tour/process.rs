//! What proc(5) tells of a process: threads, children, descriptors.

use std::fs::{read_dir, read_to_string};

use rustix::process::Pid;

/// How many threads it has.
pub(super) fn threads(process: Pid) -> usize {
    read_dir(format!("/proc/{}/task", process.as_raw_nonzero())).map_or(0, Iterator::count)
}

/// How many children it has that have not been reaped, zombies included.
pub(super) fn children(process: Pid) -> usize {
    let Ok(entries) = read_dir("/proc") else { return 0 };
    let parents = entries.flatten().filter_map(|entry| field(&entry.file_name().to_string_lossy(), PARENT));
    parents.filter(|parent| *parent == u64::from(process.as_raw_nonzero().get().unsigned_abs())).count()
}

/// How many descriptors it has open.
pub(super) fn descriptors(process: Pid) -> usize {
    read_dir(format!("/proc/{}/fd", process.as_raw_nonzero())).map_or(0, Iterator::count)
}

/// The fields of `/proc/PID/stat` behind the name, which alone may hold blanks.
const PARENT: usize = 1;

fn field(process: &str, index: usize) -> Option<u64> {
    let stat = read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(index)?.parse().ok()
}
