/** Exchanges with servers that behave as servers on the net do: each answers a connection with bytes, as they stand here. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createSecure } from 'node:tls';
import { after, before, describe, test } from 'node:test';
import { NetworkError } from '../../../src/programs/crawler/connection.ts';
import { Exchanger, type Exchange } from '../../../src/programs/crawler/exchange.ts';
import { ResponseError } from '../../../src/programs/crawler/http-response.ts';

const limits = { connectMs: 2000, silenceMs: 1000, answerMs: 1500, answerBytes: 3_000_000 };
const ok = 'HTTP/1.1 200 OK\r\n';

let folder: string;
const servers: Server[] = [];
const sockets = new Set<Socket>();
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'exchange-'));
});
after(() => {
  for (const server of servers) server.close();
  for (const socket of sockets) socket.destroy();
  rmSync(folder, { recursive: true });
});

type Answer = (socket: Socket, request: string, count: number) => void | Promise<void>;

async function serve(answer: Answer, host = '127.0.0.1'): Promise<string> {
  let count = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => void answer(socket, bytes.toString('latin1'), ++count));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}/`;
}

interface Seen {
  readonly end: Exchange['end'];
  readonly status: number;
  readonly raw: string;
  readonly body: string;
}

const textOf = (spool: Exchange['raw']): string => Buffer.concat([...spool.parts()]).toString('latin1');

async function get(url: string, exchanger = new Exchanger(folder, limits)): Promise<Seen> {
  const { end, head, raw, body } = await exchanger.get(url, [['User-Agent', 'test']]);
  const seen = { end, status: head.status, raw: textOf(raw), body: textOf(body) };
  raw.close();
  body.close();
  return seen;
}

describe('an exchange', () => {
  const plain = `${ok}Content-Length: 5\r\nX-Odd :  y \r\n\r\nhello`;
  const chunks = `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`;
  const cases: readonly (readonly [string, string, Partial<Seen>])[] = [
    ['as it was sent', plain, { end: 'complete', raw: plain, body: 'hello' }],
    ['in chunks, which stay in what is kept', chunks, { end: 'complete', raw: chunks, body: 'hello' }],
    [
      'after interim answers, which are no part of it',
      `HTTP/1.1 100 Continue\r\n\r\n${plain}`,
      { end: 'complete', raw: plain },
    ],
    [
      'with something behind it, which is no part of it',
      `${plain}HTTP/1.1 500 No\r\n\r\n`,
      { end: 'complete', raw: plain },
    ],
  ];
  for (const [what, text, expected] of cases) {
    test(what, async () => {
      const seen = await get(await serve((socket) => void socket.write(text, 'latin1')));
      assert.deepEqual({ ...seen, ...expected }, seen);
    });
  }

  test('cut into single bytes', async () => {
    const url = await serve(async (socket) => {
      for (const byte of plain) {
        socket.write(byte, 'latin1');
        await sleep(1);
      }
    });
    assert.deepEqual(await get(url), { end: 'complete', status: 200, raw: plain, body: 'hello' });
  });

  test('what is asked, and of whom', async () => {
    let asked = '';
    const url = await serve((socket, request) => {
      asked = request;
      socket.end(plain);
    });
    const exchange = await new Exchanger(folder, limits).get(`${url}a?b=c%20d`, [['User-Agent', 'test/1']]);
    assert.equal(
      asked,
      `GET /a?b=c%20d HTTP/1.1\r\nHost: ${new URL(url).host}\r\nUser-Agent: test/1\r\nConnection: keep-alive\r\n\r\n`,
    );
    assert.equal(exchange.request.toString(), asked);
    assert.equal(exchange.address, '127.0.0.1');
  });

  test('one connection for many', async () => {
    const used = new Set<Socket>();
    const url = await serve((socket) => {
      used.add(socket);
      socket.write(plain);
    });
    const exchanger = new Exchanger(folder, limits);
    for (let count = 0; count < 5; count++) assert.equal((await get(url, exchanger)).end, 'complete');
    exchanger.close();
    assert.equal(used.size, 1);
  });

  for (const [when, untilMs] of [
    ['before it has answered', 20],
    ['before the connection is made', 0],
  ] as const)
    test(`closed ${when}: nothing of it stays open, which would keep a crawler that has failed alive`, async () => {
      let seen: Socket | undefined;
      const url = await serve(async (socket) => {
        seen = socket;
        await sleep(100);
        if (!socket.destroyed) socket.write(`${ok}Content-Length: 2\r\n\r\nhi`);
      });
      const exchanger = new Exchanger(folder, limits);
      const answer = exchanger.get(url, []);
      answer.catch(() => undefined);
      if (untilMs > 0) await sleep(untilMs);
      exchanger.close();
      await assert.rejects(answer, NetworkError);
      await sleep(200);
      assert.ok(seen === undefined || seen.destroyed, 'the server still has the connection');
      await assert.rejects(exchanger.get(url, []), NetworkError, 'and no other is made');
    });

  test('a connection that the server has closed meanwhile is no fault of the address', async () => {
    const url = await serve((socket, _request, count) => {
      if (count === 2) socket.destroy();
      else socket.write(plain);
    });
    const exchanger = new Exchanger(folder, limits);
    for (let count = 0; count < 3; count++) assert.equal((await get(url, exchanger)).end, 'complete');
    exchanger.close();
  });

  for (const { address } of networkInterfaces()['lo'] ?? [])
    test(`over the loopback address ${address}`, async () => {
      const url = await serve((socket) => void socket.write(plain), address);
      assert.equal((await get(url)).body, 'hello');
    });

  test('larger than memory: by a file that has no name and is gone afterwards', async () => {
    const large = 'x'.repeat(2_500_000);
    const url = await serve(
      (socket) => void socket.write(`${ok}Content-Length: ${large.length}\r\n\r\n${large}`),
    );
    const { end, head, raw, body } = await new Exchanger(folder, limits).get(url, []);
    assert.deepEqual([end, head.status, body.length], ['complete', 200, large.length]);
    assert.deepEqual(readdirSync(folder), []);
    assert.equal(textOf(raw).slice(-large.length), large);
    assert.equal(raw.block.length, raw.length);
    raw.close();
    body.close();
  });
});

describe('an answer that is not complete', () => {
  for (const [what, text, hasEnd] of [
    ['shorter than its length', `${ok}Content-Length: 50\r\n\r\nhello`, true],
    ['reset in the middle', `${ok}Content-Length: 50\r\n\r\nhello`, false],
    ['a chunk missing', `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`, true],
    ['to the end of the connection, which breaks', `${ok}\r\nhello`, false],
  ] as const) {
    test(what, async () => {
      const url = await serve(async (socket) => {
        socket.write(text);
        await sleep(50);
        if (hasEnd) socket.end();
        else socket.resetAndDestroy();
      });
      const { end, body } = await get(url);
      assert.deepEqual([end, body], ['incomplete', 'hello']);
    });
  }

  test('the server falls silent', async () => {
    const { end } = await get(
      await serve((socket) => void socket.write(`${ok}Content-Length: 50\r\n\r\nhello`)),
    );
    assert.equal(end, 'incomplete');
  });

  test('a drip that never ends is cut by time, a stream by length', async () => {
    const drip = await serve(async (socket) => {
      socket.write(`${ok}\r\n`);
      while (!socket.destroyed) {
        socket.write('x');
        await sleep(20);
      }
    });
    assert.deepEqual((await get(drip)).end, { cut: 'time' });
    const stream = await serve((socket) => {
      socket.write(`${ok}\r\n`);
      const more = (error?: Error | null): void => {
        // One that is ended and not destroyed yet fails in the same turn, again and again.
        if (!error && !socket.destroyed) socket.write('x'.repeat(65_536), more);
      };
      more();
    });
    const seen = await get(stream);
    assert.deepEqual(seen.end, { cut: 'length' });
    assert.ok(seen.body.length < limits.answerBytes + 1_000_000);
  });
});

describe('no answer', () => {
  test('nobody listens', async () => {
    await assert.rejects(get('http://127.0.0.1:1/'), { phase: 'connect', code: 'ECONNREFUSED' });
  });

  test('a name that is none', async () => {
    await assert.rejects(
      get('http://no-such-host.invalid/'),
      (error) => error instanceof NetworkError && error.phase === 'resolve',
    );
  });

  test('it closes without a word, or says nothing', async () => {
    await assert.rejects(get(await serve((socket) => void socket.end())), {
      phase: 'send',
      code: 'ECONNRESET',
    });
    await assert.rejects(get(await serve(() => undefined)), { phase: 'send', code: 'ETIMEDOUT' });
  });

  test('it closes in the head', async () => {
    await assert.rejects(get(await serve((socket) => void socket.end('HTTP/1.1 200 OK\r\nX-'))), {
      phase: 'answer',
    });
  });

  test('what is no HTTP', async () => {
    await assert.rejects(get(await serve((socket) => void socket.write('SSH-2.0-x\r\n\r\n'))), ResponseError);
  });
});

describe('over TLS', () => {
  test('a certificate that nobody vouches for', async () => {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=127.0.0.1', '-keyout', key, '-out', cert];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', ...subject],
      { stdio: 'ignore' },
    );
    const server = createSecure({ key: readFileSync(key), cert: readFileSync(cert) }, (socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('data', () => void socket.write(`${ok}Content-Length: 0\r\n\r\n`));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await assert.rejects(get(`https://127.0.0.1:${port}/`), {
      phase: 'secure',
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    });
  });
});
