#!/usr/bin/env node
/**
 * Stands between the editor and the server: starts $QUICKSILVER_BIN with the same arguments and hands all bytes on, both ways.
 * Whoever connects to its socket in $QUICKSILVER_TAP, which has the tap's process in its name, asks in one line, and gets one line
 * of JSON: `pid` for the server's process, or `digest NAME` for the server's fingerprint of the open file whose address ends so.
 * The editor sees nothing of that.
 */

const { spawn } = require('node:child_process');
const { createServer } = require('node:net');
const { join } = require('node:path');

const args = process.argv.slice(2);
const isServer = args[0] === 'lsp';
const child = spawn(process.env.QUICKSILVER_BIN, args, { stdio: isServer ? ['pipe', 'pipe', 'inherit'] : 'inherit' });
child.on('exit', (code) => process.exit(code ?? 1));

/** Calls `each` with whole messages, header and body, as they come in. */
function frames(stream, each) {
  let rest = Buffer.alloc(0);
  stream.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const head = rest.indexOf('\r\n\r\n');
      const length = head < 0 ? null : /Content-Length: (\d+)/i.exec(rest.subarray(0, head).toString());
      const end = length ? head + 4 + Number(length[1]) : Infinity;
      if (rest.length < end) return;
      const [frame, body] = [rest.subarray(0, end), rest.subarray(head + 4, end)];
      rest = rest.subarray(end);
      each(frame, body);
    }
  });
}

if (isServer) {
  const open = new Set();
  const asked = new Map();
  let next = 0;
  frames(process.stdin, (frame, body) => {
    if (body.includes('"textDocument/didOpen"')) open.add(JSON.parse(body).params.textDocument.uri);
    child.stdin.write(frame);
  });
  process.stdin.on('end', () => child.stdin.end());
  child.stdin.on('error', () => undefined);
  frames(child.stdout, (frame, body) => {
    const ours = body.includes('"tap-') ? JSON.parse(body) : undefined;
    const answer = ours && asked.get(ours.id);
    if (!answer) return void process.stdout.write(frame);
    asked.delete(ours.id);
    answer(ours.result ?? { error: ours.error });
  });
  const path = join(process.env.QUICKSILVER_TAP, `${process.pid}.sock`);
  createServer((peer) => {
    peer.on('error', () => undefined);
    peer.once('data', (line) => {
      const [what, name] = String(line).trim().split(' ');
      const say = (value) => peer.end(`${JSON.stringify(value)}\n`);
      if (what === 'pid') return say({ pid: child.pid });
      const uri = [...open].find((one) => one.endsWith(name));
      if (uri === undefined) return say({ error: 'not open' });
      const id = `tap-${++next}`;
      asked.set(id, say);
      const text = JSON.stringify({ jsonrpc: '2.0', id, method: 'quicksilver/digest', params: { textDocument: { uri } } });
      child.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
    });
  }).listen(path);
}
