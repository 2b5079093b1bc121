//! What proc(5), capabilities(7) and credentials(7) tell about this kernel and this user.

use rustix::thread::{CapabilitySet, capabilities as capability_sets};

/// The capabilities that decide what a socket may do.
const CAPABILITIES: &[(CapabilitySet, &str)] = &[
    (CapabilitySet::NET_BIND_SERVICE, "CAP_NET_BIND_SERVICE"),
    (CapabilitySet::NET_RAW, "CAP_NET_RAW"),
    (CapabilitySet::NET_ADMIN, "CAP_NET_ADMIN"),
    (CapabilitySet::SYS_RESOURCE, "CAP_SYS_RESOURCE"),
];

/// The names of those that this process has.
pub(super) fn capabilities() -> Vec<&'static str> {
    CAPABILITIES.iter().filter(|(one, _)| has(*one)).map(|(_, name)| *name).collect()
}

/// Whether this process has the capability in effect: capget(2).
pub(super) fn has(one: CapabilitySet) -> bool {
    capability_sets(None).is_ok_and(|sets| sets.effective.contains(one))
}

/// The effective user: geteuid(2).
pub(super) fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The kernel's release, such as `6.12.1`: proc_sys_kernel(5).
pub(super) fn kernel() -> String {
    sysctl("kernel.osrelease").unwrap_or_else(|| "of an unknown release".to_owned())
}

/// The value of a sysctl(8) variable; `None` where this kernel or network namespace does not show it.
pub(super) fn sysctl(name: &str) -> Option<String> {
    let path = format!("/proc/sys/{}", name.replace('.', "/"));
    std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

/// The same as numbers; as many as there are.
pub(super) fn sysctl_numbers(name: &str) -> Vec<u64> {
    let text = sysctl(name).unwrap_or_default();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// The same, where it is one number.
pub(super) fn sysctl_number(name: &str) -> Option<u64> {
    sysctl_numbers(name).first().copied()
}
