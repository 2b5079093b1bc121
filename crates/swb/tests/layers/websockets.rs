//! WebSocket with Python's `websockets` at the other end, calling and listening, in the clear and over TLS.

use std::path::Path;

use crate::certificates::Files;
use crate::echo;
use crate::support::{Running, program, run, run_swb, swb};

/// Sends messages of many lengths to an echo and says `ok`: URL, CA or `-`.
const CLIENT: &str = r#"
import asyncio, ssl, sys, websockets
async def main(url, ca):
    context = None if ca == "-" else ssl.create_default_context(cafile=ca)
    async with websockets.connect(url, ssl=context, max_size=None) as call:
        for length in (0, 1, 125, 126, 65535, 65536, 1000000):
            message = (bytes(range(256)) * (length // 256 + 1))[:length]
            await call.send(message)
            heard = await call.recv()
            assert heard == message, (length, len(heard))
        await call.send(["fr", "ag", "ments"])
        assert await call.recv() == b"fragments"
        await (await call.ping(b"there?"))
        await call.send(b"one"); await call.send(b"two")
        assert [await call.recv(), await call.recv()] == [b"one", b"two"]
    assert call.close_code == 1000, call.close_code
    try:
        async with websockets.connect(url, ssl=context, origin="http://elsewhere.test"): pass
    except websockets.InvalidStatusCode as refused:
        assert refused.status_code == 403
        print("ok", flush=True)
asyncio.run(main(*sys.argv[1:]))
"#;

/// An echo that says its port: certificate and key, or `-`. `/bye` is said good day and closed.
pub(crate) const SERVER: &str = r#"
import asyncio, ssl, sys, websockets
async def echo(call):
    if call.path == "/bye": return await call.send("good day")
    if call.path == "/late":
        said = await call.recv()
        await asyncio.sleep(0.5)
        return await call.send(said)
    async for message in call: await call.send(message)
async def main(certificate, key):
    context = None
    if certificate != "-":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    async with websockets.serve(echo, "127.0.0.1", 0, ssl=context, max_size=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()
asyncio.run(main(*sys.argv[1:]))
"#;

under! { a_client_of_websockets_gets_its_messages_back: iterative process thread poll epoll uring }

/// Debian's Python, which has the modules that Debian's packages bring.
pub(crate) fn python(script: &str, arguments: &[&str]) -> std::process::Command {
    let debians = "/usr/bin/python3";
    let python = if Path::new(debians).exists() { debians } else { "python3" };
    let found = run(program(python, &["-c", "import websockets"]), b"");
    assert!(
        found.status.success(),
        "this test needs Python's websockets: apt-get install python3-websockets"
    );
    program(python, &[&["-c", script], arguments].concat())
}

fn a_client_of_websockets_gets_its_messages_back(engine: &str) {
    let files = Files::new();
    for (at, ca) in [("ws://127.0.0.1:0".to_owned(), "-"), (files.at("wss"), &files.certificate("ca"))] {
        let server = echo(&at, engine);
        let client = run(python(CLIENT, &[server.address(), ca]), b"");
        assert_eq!((client.code(), client.text().as_str()), (0, "ok\n"), "{at}: {}", client.stderr);
        assert_eq!(server.terminate().code(), 0);
    }
}

#[test]
fn a_server_of_websockets_answers() {
    let files = Files::new();
    let (certificate, key) = (files.certificate("leaf"), files.key("leaf"));
    for (scheme, shown) in [("ws", ["-", "-"]), ("wss", [&certificate, &key])] {
        let mut server = Running::start(&mut python(SERVER, &shown));
        let port = server.wait_for_text("\n").trim().to_owned();
        let ca = if scheme == "ws" { String::new() } else { format!("&ca={}", files.certificate("ca")) };
        let to = |path: &str| format!("{scheme}://127.0.0.1:{port}?path={path}{ca}");

        let caller = run_swb(&["ask", &to("/"), "hello"], b"");
        assert_eq!((caller.code(), caller.text().as_str(), caller.stderr.as_str()), (0, "hello", ""));

        let mut caller = Running::start(&mut swb(&["connect", &to("/")]));
        caller.write(b"one\ntwo\n");
        assert_eq!(caller.wait_for_bytes(8), b"one\ntwo\n");
        caller.close_input();
        let caller = caller.finish();
        assert_eq!((caller.code(), caller.stderr.as_str()), (0, ""), "{scheme}");

        // It closes first; our input stays open.
        let caller = Running::start(&mut swb(&["connect", &to("/bye")])).finish();
        assert_eq!((caller.code(), caller.text().as_str()), (0, "good day"), "{scheme}: {caller:?}");
        assert_eq!(caller.stderr, "", "{scheme}");
    }
}
