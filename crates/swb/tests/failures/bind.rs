//! Addresses that cannot be bound: status 7.

use crate::support::{Directory, Server, run_swb};
use crate::{failed, fails, in_own_network};

#[test]
fn an_address_in_use_says_how_to_see_who_has_it() {
    let tcp = Server::start(&["serve", "echo", "tcp://127.0.0.1:0"]);
    let udp = Server::start(&["serve", "echo", "udp://127.0.0.1:0"]);
    for (server, letter) in [(&tcp, 't'), (&udp, 'u')] {
        let (address, port) = (server.address(), server.port());
        let message = format!(
            "cannot listen on {address}: bind(2): Address already in use (EADDRINUSE); see who has it: ss -ln{letter}p \
             'sport = :{port}'"
        );
        fails(&["serve", "echo", address], 7, &message);
        fails(&["listen", address], 7, &message);
    }
}

#[test]
fn an_abstract_name_in_use_is_refused() {
    let name = format!("unix:@swb-taken-{}", std::process::id());
    let _server = Server::start(&["serve", "echo", &name]);
    let message = format!(
        "cannot listen on {name}: bind(2): Address already in use (EADDRINUSE); see who has it: ss -xlp"
    );
    fails(&["serve", "echo", &name], 7, &message);
}

#[test]
fn an_address_of_another_host_is_not_ours_to_bind() {
    let message = "cannot listen on tcp://192.0.2.1:0: bind(2): Cannot assign requested address (EADDRNOTAVAIL); it \
                   is not an address of this host: `ip address` lists those that are";
    fails(&["serve", "echo", "tcp://192.0.2.1:0"], 7, message);
}

#[test]
fn a_low_port_without_the_capability_explains_who_may_have_it() {
    let script = "set -- setpriv --bounding-set -net_bind_service --inh-caps -net_bind_service \"$@\"";
    let Some(ended) = in_own_network(script, &["serve", "echo", "tcp://127.0.0.1:80"]) else { return };
    let message = "cannot listen on tcp://127.0.0.1:80: bind(2): Permission denied (EACCES); a port below `sysctl \
                   net.ipv4.ip_unprivileged_port_start` needs the capability CAP_NET_BIND_SERVICE: take a higher port";
    failed(&ended, 7, message);
}

#[test]
fn when_one_of_several_addresses_cannot_be_bound_nothing_of_the_others_is_left() {
    let folder = Directory::new();
    let taken = Server::start(&["serve", "echo", "tcp://127.0.0.1:0"]);
    let path = folder.file("socket");
    let ended = run_swb(&["serve", "echo", &format!("unix:{path}"), taken.address()], b"");
    assert_eq!(ended.code(), 7, "{}", ended.stderr);
    assert!(!ended.stderr.contains("listening"), "{}", ended.stderr);
    assert!(!std::path::Path::new(&path).exists());
}
