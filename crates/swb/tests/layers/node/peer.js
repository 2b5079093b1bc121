// One end of a WebSocket made by the package ws. It is told by lines what to do, and says by lines what it saw, payloads
// in hexadecimal. `call URL PROTOCOLS OPTIONS` calls; `answer OPTIONS` listens, says its port, and answers one caller.
'use strict';
const { WebSocket, WebSocketServer } = require('ws');

const lines = require('node:readline').createInterface({ input: process.stdin });
const say = (...words) => process.stdout.write(`${words.join(' ')}\n`);

const [role, ...settings] = process.argv.slice(2);
if (role === 'call') {
  const [url, protocols, options] = settings;
  const call = new WebSocket(url, JSON.parse(protocols), JSON.parse(options));
  watch(call);
  call.on('open', () => opened(call));
  call.on('unexpected-response', (request, response) => {
    let body = '';
    response.setEncoding('utf8').on('data', (piece) => { body += piece; });
    response.on('end', () => { say('refused', response.statusCode, body.trim()); lines.close(); });
  });
} else {
  const options = JSON.parse(settings[0]);
  if (options.agree === false) options.handleProtocols = () => false;
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, ...options });
  server.on('listening', () => say('port', server.address().port));
  server.on('connection', (call, request) => {
    say('called', request.url, JSON.stringify(request.headers['user-agent'] ?? ''));
    watch(call);
    opened(call);
    server.close();
  });
}

function watch(call) {
  call.on('message', (data, isBinary) => say('message', isBinary ? 'binary' : 'text', data.toString('hex')));
  call.on('ping', (data) => say('ping', data.toString('hex')));
  call.on('pong', (data) => say('pong', data.toString('hex')));
  call.on('error', (error) => say('error', error.message));
  call.on('close', (code, reason) => { say('closed', code, reason); lines.close(); });
}

// With what was agreed on; from now on it does what it is told.
function opened(call) {
  say('open', JSON.stringify(call.protocol), JSON.stringify(call.extensions));
  const bytes = (hex) => Buffer.from(hex, 'hex');
  const verbs = {
    text: (hex) => call.send(bytes(hex), { binary: false }),
    binary: (hex) => call.send(bytes(hex), { binary: true }),
    fragments: (...pieces) => pieces.forEach((hex, index) => {
      call.send(bytes(hex), { binary: true, fin: index === pieces.length - 1 });
    }),
    ping: (hex) => call.ping(bytes(hex)),
    close: (code, ...reason) => call.close(code && Number(code), reason.join(' ')),
    terminate: () => call.terminate(),
  };
  lines.on('line', (line) => {
    const [verb, ...words] = line.split(' ');
    verbs[verb](...words);
  });
}
