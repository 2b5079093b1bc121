//! What proc(5) tells of a process: its descriptors, its children, its memory, its time.

use std::fs::{read_dir, read_link, read_to_string};
use std::time::Duration;

/// Where its open descriptors lead: `socket:[4711]`, `pipe:[12]`, a path. Sorted; empty once it has ended.
pub fn descriptors(process: u32) -> Vec<String> {
    let Ok(entries) = read_dir(format!("/proc/{process}/fd")) else { return Vec::new() };
    let links = entries.flatten().filter_map(|entry| read_link(entry.path()).ok());
    let mut links: Vec<String> = links.map(|link| link.display().to_string()).collect();
    links.sort();
    links
}

/// Those of them that are sockets.
pub fn sockets(process: u32) -> Vec<String> {
    descriptors(process).into_iter().filter(|link| link.starts_with("socket:")).collect()
}

/// Its children, zombies included.
pub fn children(process: u32) -> Vec<u32> {
    let Ok(threads) = read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    let lists = threads.flatten().filter_map(|thread| read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().map(|child| child.parse().unwrap()).collect::<Vec<_>>())
        .collect()
}

/// How many threads it has.
pub fn threads(process: u32) -> usize {
    read_dir(format!("/proc/{process}/task")).map_or(0, Iterator::count)
}

/// Its resident memory (`VmRSS`) in bytes.
pub fn resident_bytes(process: u32) -> u64 {
    let status = read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// The processor time that it has used, user and system, in ticks of 10 ms (`USER_HZ`); 0 once it is reaped.
pub fn processor_ticks(process: u32) -> u64 {
    let Ok(stat) = read_to_string(format!("/proc/{process}/stat")) else { return 0 };
    // The second field is the name in brackets; user and system time are the 14th and the 15th.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// The processor time in ticks that it and its children use in a time in which they have nothing to do.
pub fn ticks_at_rest(process: u32, time: Duration) -> u64 {
    let ticks = || {
        let of_children = children(process).into_iter().map(processor_ticks).sum::<u64>();
        processor_ticks(process) + of_children
    };
    let before = ticks();
    std::thread::sleep(time); // it is the time itself that is looked at
    ticks().saturating_sub(before)
}

/// Whether it was stopped (signal(7): SIGSTOP, SIGTSTP) with all its threads, and has not gone on; true of one that
/// has ended.
pub fn is_stopped(process: u32) -> bool {
    states(process).into_iter().all(|state| "TtZX".contains(state))
}

/// Whether all its threads wait for something.
pub fn is_asleep(process: u32) -> bool {
    states(process).into_iter().all(|state| state == 'S')
}

/// What each of its threads does, by the letters of ps(1).
fn states(process: u32) -> Vec<char> {
    let Ok(threads) = read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    let states = threads.flatten().filter_map(|thread| {
        let stat = read_to_string(thread.path().join("stat")).ok()?;
        let (name, rest) = stat.rsplit_once(')')?;
        // Helpers of the kernel's own for io_uring(7) are listed too.
        (!name.contains("(iou-")).then(|| rest.trim_start().chars().next()).flatten()
    });
    states.collect()
}
