"""Whom the scenarios compare: `swb`, the programs that Debian packages, and the references; how each is started.

A peer is started as its manual says for speed: TCP_NODELAY and buffers of 64 KiB where there is a switch for them.
"""
import pathlib
import shlex
import shutil
from typing import NamedTuple

from . import references
from .failed import Failed

SBIN = "/usr/local/sbin:/usr/sbin:/sbin"  # not everybody has them in the PATH


class Server(NamedTuple):
    """A command line for each part that it can play; {port} and {target} are at 127.0.0.1."""

    name: str
    program: str = ""
    package: str = ""
    tcp: str = ""
    udp: str = ""
    relay: str = ""
    tls: str = ""  # a relay, too, which terminates TLS with {certificate}
    ws: str = ""  # the same for WebSocket
    listen: str = ""
    connect: str = ""
    configurations: dict = {}  # by parts: the text of {file}


HAPROXY = """
global
    maxconn 4000
    nbthread 1
defaults
    mode tcp
    option splice-auto
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen relay
    bind 127.0.0.1:{port}{tls}
    server target 127.0.0.1:{target}
"""

NGINX = """
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 16000; }}
stream {{
    {tls}
    server {{ listen 127.0.0.1:{port}{ssl} backlog=4096; proxy_pass 127.0.0.1:{target}; proxy_buffer_size 64k; }}
}}
"""

CIPHER = "TLS_AES_128_GCM_SHA256"  # the one that the client speaks

HAPROXY_TLS = f" ssl crt {{certificate}} ssl-min-ver TLSv1.3 ciphersuites {CIPHER}"

NGINX_TLS = f"""
    ssl_certificate {{certificate}};
    ssl_certificate_key {{certificate}};
    ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites {CIPHER};
"""

SERVERS = [
    Server(
        "swb",
        tcp="swb serve echo tcp://127.0.0.1:{port}",
        udp="swb serve echo udp://127.0.0.1:{port}",
        relay="swb relay tcp://127.0.0.1:{port} tcp://127.0.0.1:{target}",
        listen="swb listen tcp://127.0.0.1:{port}",
        connect="swb connect tcp://127.0.0.1:{port}",
        tls="swb relay tls://127.0.0.1:{port}?cert={certificate} tcp://127.0.0.1:{target}",
        ws="swb relay ws://127.0.0.1:{port} tcp://127.0.0.1:{target}",
    ),
    Server("c-epoll", references.EPOLL, tcp="{program} {port}"),
    Server("c-uring", references.URING, tcp="{program} {port}"),
    Server(
        "tokio",
        references.TOKIO,
        tcp="{program} tcp {port}",
        udp="{program} udp {port}",
        relay="{program} relay {port} {target}",
    ),
    Server(
        "haproxy",
        "haproxy",
        "haproxy",
        relay="haproxy -q -db -f {file}",
        tls="haproxy -q -db -f {file}",
        configurations={"relay": HAPROXY.replace("{tls}", ""), "tls": HAPROXY.replace("{tls}", HAPROXY_TLS)},
    ),
    Server(
        "nginx",
        "nginx",
        "nginx libnginx-mod-stream",
        relay="nginx -e stderr -c {file}",
        tls="nginx -e stderr -c {file}",
        configurations={
            "relay": NGINX.replace("{tls}", "").replace("{ssl}", ""),
            "tls": NGINX.replace("{tls}", NGINX_TLS).replace("{ssl}", " ssl"),
        },
    ),
    Server(
        "websocat",
        references.WEBSOCAT,
        ws="{program} --binary --exit-on-eof ws-listen:127.0.0.1:{port} tcp:127.0.0.1:{target}",
    ),
    Server(
        "socat",
        "socat",
        "socat",
        tcp="socat -b 65536 TCP4-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,backlog=4096,nodelay PIPE",
        udp="socat -b 65536 UDP4-RECVFROM:{port},bind=127.0.0.1,fork,reuseaddr PIPE",
        relay="socat -b 65536 TCP4-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,backlog=4096,nodelay"
        " TCP4:127.0.0.1:{target},nodelay",
        listen="socat -b 65536 -u TCP4-LISTEN:{port},bind=127.0.0.1,reuseaddr STDOUT",
        connect="socat -b 65536 -u STDIN TCP4:127.0.0.1:{port}",
    ),
    Server(
        "ncat",
        "ncat",
        "ncat",
        tcp="ncat -lk -m 4000 -e /bin/cat 127.0.0.1 {port}",
        udp="ncat -lk -u -e /bin/cat 127.0.0.1 {port}",
        listen="ncat -l --recv-only 127.0.0.1 {port}",
        connect="ncat --send-only 127.0.0.1 {port}",
    ),
    Server(
        "nc",
        "nc.openbsd",
        "netcat-openbsd",
        listen="nc.openbsd -l 127.0.0.1 {port}",
        connect="nc.openbsd -N 127.0.0.1 {port}",
    ),
    Server("tcpserver", "tcpserver", "ucspi-tcp", tcp="tcpserver -DHR -l 0 -c 4000 -b 4096 127.0.0.1 {port} /bin/cat"),
]

# Also of Debian's, and no server of ours: what relay-bulk and syscalls are measured by, and what the references
# and the client over TLS are made with.
TOOLS = [
    ("iperf3", "iperf3"),
    ("strace", "strace"),
    ("openssl", "openssl"),
    ("cc", "gcc libc6-dev liburing-dev libssl-dev"),
]


def playing(part, only):
    """The servers that can play a part, of those that are wanted."""
    return [server for server in SERVERS if getattr(server, part) and (not only or server.name in only)]


def command(options, server, part, port, target=0):
    """The words that start it; fails where it is missing."""
    file, certificate = options.scratch / f"{server.name}.conf", options.scratch / "certificate.pem"
    if part in server.configurations:
        text = server.configurations[part]
        file.write_text(text.format(port=port, target=target, folder=options.scratch, certificate=certificate))
    program = server.program and find(server)
    line = getattr(server, part).format(program=program, port=port, target=target, file=file, certificate=certificate)
    words = shlex.split(line)
    return [str(options.swb if words[0] == "swb" else program), *words[1:]]


def find(server):
    """Where its program is; a reference is built when it is first wanted."""
    if server.program in references.ALL:
        return references.built(server.program)
    return require(server.program, server.package)


def require(program, package):
    """Where a program is, beside nginx its module too."""
    path = where(program)
    if not path or not all(pathlib.Path(file).exists() for file in ALSO_NEEDED.get(program, [])):
        raise Failed(f"missing; apt-get install {package}")
    return path


ALSO_NEEDED = {
    "nginx": ["/usr/lib/nginx/modules/ngx_stream_module.so"],
    "cc": ["/usr/include/liburing.h", "/usr/include/openssl/ssl.h"],
}


def where(program):
    return shutil.which(program) or shutil.which(program, path=SBIN)
