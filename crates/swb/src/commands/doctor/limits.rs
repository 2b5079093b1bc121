//! How many descriptors, processes and threads this process may have.
//!
//! getrlimit(2), cgroups(7): each call is a descriptor; under `process` and `thread` it is a task as well.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, Rlimit, getrlimit};
use rustix::thread::CapabilitySet;
use switchboard::Limits;

use super::facts::{has, sysctl_number, user};
use super::finding::{Finding, State};
use crate::files::raise_descriptor_limit;

/// Calls that a server should be able to hold open; below it a limit is worth a word.
const CALLS_COMFORTABLE: u64 = 10_000;

pub(super) fn findings() -> Vec<Finding> {
    vec![descriptors(), tasks()]
}

fn descriptors() -> Finding {
    let limit = getrlimit(Resource::Nofile);
    let most = sysctl_number("fs.nr_open");
    raise_descriptor_limit(); // as `serve` does; it holds for this process only
    let calls = Limits::of_this_process().calls_max as u64;
    Finding {
        name: "descriptors",
        state: if calls < CALLS_COMFORTABLE { State::Limited } else { State::Yes },
        says: format!("`swb serve` holds {calls} calls open at once: {}", limits(limit)),
        values: vec![
            ("soft", limit.current.into()),
            ("hard", limit.maximum.into()),
            ("calls", calls.into()),
            ("nr_open", most.into()),
        ],
        found_by: "getrlimit(2) RLIMIT_NOFILE, sysctl fs.nr_open".to_owned(),
        change: Some(format!(
            "`prlimit --nofile=N --pid $$` as root in this shell, or LimitNOFILE=N in the systemd unit; N is at most {}",
            most.map_or_else(|| "fs.nr_open".to_owned(), |most| format!("{most} (sysctl fs.nr_open)"))
        )),
    }
}

fn limits(limit: Rlimit) -> String {
    if limit.current == limit.maximum {
        return format!("the soft and the hard limit are {}", number(limit.maximum));
    }
    let (soft, hard) = (number(limit.current), number(limit.maximum));
    format!("it raises the soft limit ({soft}) to the hard limit ({hard})")
}

/// Processes and threads count against the same limits.
fn tasks() -> Finding {
    // The kernel does not hold these to RLIMIT_NPROC: setrlimit(2).
    let exempt = user() == 0 || has(CapabilitySet::SYS_RESOURCE) || has(CapabilitySet::SYS_ADMIN);
    let user_max = if exempt { None } else { getrlimit(Resource::Nproc).current };
    let group_max = cgroup_tasks_max();
    let kernel_max = sysctl_number("kernel.threads-max");
    let least = [user_max, group_max, kernel_max].into_iter().flatten().min();
    let (says, change) = if least.is_some() && least == user_max {
        ("the user's limit", "`prlimit --nproc=N --pid $$` as root, or LimitNPROC=N in the systemd unit")
    } else if least.is_some() && least == group_max {
        ("the control group's limit", "TasksMax=N in the systemd unit, or the container's --pids-limit")
    } else {
        ("the kernel's limit", "`sysctl -w kernel.threads-max=N` as root")
    };
    Finding {
        name: "tasks",
        state: if least.is_some_and(|least| least < CALLS_COMFORTABLE) { State::Limited } else { State::Yes },
        says: format!(
            "{} processes and threads in all, {says}; engines process and thread use one a call",
            number(least)
        ),
        values: vec![("user", user_max.into()), ("cgroup", group_max.into()), ("kernel", kernel_max.into())],
        found_by: "getrlimit(2) RLIMIT_NPROC (not for root), cgroups(7) pids.max, sysctl kernel.threads-max"
            .to_owned(),
        change: Some(change.to_owned()),
    }
}

/// The least `pids.max` of our control group and those it lies in; `None` where none is set.
fn cgroup_tasks_max() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    groups
        .lines()
        .filter_map(pids_folder)
        .flat_map(|(root, group)| {
            let folders: Vec<PathBuf> = group.ancestors().map(|up| root.join(up)).collect();
            folders
        })
        .filter_map(|folder| fs::read_to_string(folder.join("pids.max")).ok()?.trim().parse().ok())
        .min()
}

/// Where a line of `/proc/self/cgroup`, `ID:CONTROLLERS:PATH`, has its `pids.max`: version 2 has no controllers.
fn pids_folder(line: &str) -> Option<(&'static Path, &Path)> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    let root = match controllers {
        "" => "/sys/fs/cgroup",
        _ if controllers.split(',').any(|one| one == "pids") => "/sys/fs/cgroup/pids",
        _ => return None,
    };
    Some((Path::new(root), Path::new(path.trim_start_matches('/'))))
}

fn number(limit: Option<u64>) -> String {
    limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_control_groups_are_understood() {
        let folder = |line| pids_folder(line).map(|(root, group)| root.join(group));
        let v2 = folder("0::/system.slice/swb.service");
        assert_eq!(v2, Some("/sys/fs/cgroup/system.slice/swb.service".into()));
        assert_eq!(folder("8:pids:/box"), Some("/sys/fs/cgroup/pids/box".into()));
        assert_eq!(folder("4:memory:/box"), None);
        assert_eq!(folder("nonsense"), None);
    }
}
