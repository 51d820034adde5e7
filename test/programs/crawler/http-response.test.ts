import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fieldValues, ResponseError, ResponseReader } from '../../../src/programs/crawler/http-response.ts';

interface Read {
  readonly status: number | null;
  readonly body: string;
  readonly isComplete: boolean;
  readonly canBeReused: boolean;
}

/** Fed in pieces of these lengths, the rest at once, and then closed or not. */
function read(text: string, { cuts = [] as number[], isClosed = false } = {}): Read {
  const body: Buffer[] = [];
  const reader = new ResponseReader((part) => body.push(Buffer.from(part)));
  let rest = Buffer.from(text, 'latin1');
  for (const cut of cuts) {
    reader.push(rest.subarray(0, cut));
    rest = rest.subarray(cut);
  }
  reader.push(rest);
  if (isClosed) reader.end();
  const { head, isComplete, canBeReused } = reader;
  return {
    status: head?.status ?? null,
    body: Buffer.concat(body).toString('latin1'),
    isComplete,
    canBeReused,
  };
}

const ok = 'HTTP/1.1 200 OK\r\n';
const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`;

describe('a response', () => {
  const cases: readonly (readonly [string, string, Partial<Read>, { isClosed?: boolean }?])[] = [
    [
      'with a length',
      `${ok}Content-Length: 3\r\n\r\nabc`,
      { body: 'abc', isComplete: true, canBeReused: true },
    ],
    [
      'shorter than its length',
      `${ok}Content-Length: 9\r\n\r\nabc`,
      { body: 'abc', isComplete: false },
      { isClosed: true },
    ],
    ['empty', `${ok}Content-Length: 0\r\n\r\n`, { body: '', isComplete: true, canBeReused: true }],
    [
      'in chunks',
      `${chunked}3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\n\r\n`,
      { body: 'abcde', isComplete: true, canBeReused: true },
    ],
    ['in chunks, with trailers', `${chunked}1\r\na\r\n0\r\nX: y\r\n\r\n`, { body: 'a', isComplete: true }],
    [
      'in chunks, the last one missing',
      `${chunked}3\r\nabc\r\n`,
      { body: 'abc', isComplete: false },
      { isClosed: true },
    ],
    ['in chunks with bare line feeds', `${chunked}3 \nabc\n0\n\n`, { body: 'abc', isComplete: true }],
    [
      'in chunks, whatever length it names',
      `${ok}Content-Length: 1\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
      { body: 'abc', isComplete: true },
    ],
    [
      'to the end of the connection',
      `${ok}\r\nabc`,
      { body: 'abc', isComplete: true, canBeReused: false },
      { isClosed: true },
    ],
    ['to an end that does not come', `${ok}\r\nabc`, { body: 'abc', isComplete: false }],
    [
      'of two equal lengths',
      `${ok}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`,
      { body: 'abc', isComplete: true },
    ],
    [
      'with a space before the colon',
      `${ok}Content-Length : 3\r\n\r\nabc`,
      { body: 'abc', isComplete: true },
    ],
    [
      'with a length that is none',
      `${ok}Content-Length: many\r\n\r\nabc`,
      { body: 'abc', isComplete: true },
      { isClosed: true },
    ],
    [
      'without body by its status',
      `HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n`,
      { status: 304, isComplete: true },
    ],
    [
      'after interim answers',
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${ok}Content-Length: 1\r\n\r\na`,
      { body: 'a', isComplete: true },
    ],
    ['with bare line feeds', 'HTTP/1.1 200 OK\nContent-Length: 1\n\na', { body: 'a', isComplete: true }],
    ['without a reason', 'HTTP/1.1 404\r\nContent-Length: 1\r\n\r\na', { status: 404, isComplete: true }],
    [
      'of HTTP/1.0',
      'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na',
      { isComplete: true, canBeReused: false },
    ],
    [
      'that says close',
      `${ok}Connection: close\r\nContent-Length: 1\r\n\r\na`,
      { isComplete: true, canBeReused: false },
    ],
    [
      'with lines that are no fields',
      `${ok}nonsense\r\n: x\r\nContent-Length: 1\r\n\r\na`,
      { body: 'a', isComplete: true },
    ],
    [
      'followed by something',
      `${ok}Content-Length: 1\r\n\r\nabc`,
      { body: 'a', isComplete: true, canBeReused: false },
    ],
    ['whose head has not come', 'HTTP/1.1 200 OK\r\nContent-', { status: null, isComplete: false }],
    [
      'with 100,000 fields',
      `${ok}${'A: b\r\n'.repeat(100_000)}Content-Length: 1\r\n\r\na`,
      { body: 'a', isComplete: true },
    ],
  ];
  for (const [what, text, expected, options] of cases) {
    test(what, () => {
      const seen = read(text, options);
      assert.deepEqual({ ...seen, ...expected }, seen);
    });
  }

  test('folded and repeated fields', () => {
    const reader = new ResponseReader(() => undefined);
    reader.push(Buffer.from(`${ok}A: one\r\n  two\r\na: three\r\nContent-Length: 0\r\n\r\n`));
    assert.ok(reader.head);
    assert.deepEqual(fieldValues(reader.head, 'a'), ['one two', 'three']);
  });

  test('where it begins, and how long its head is', () => {
    const reader = new ResponseReader(() => undefined);
    const interim = 'HTTP/1.1 103 Early Hints\r\n\r\n';
    reader.push(Buffer.from(`${interim}${ok}Content-Length: 1\r\n\r\na`));
    assert.deepEqual(reader.position, {
      start: interim.length,
      headBytes: `${ok}Content-Length: 1\r\n\r\n`.length,
    });
  });
});

describe('what can’t be read', () => {
  for (const [what, text] of [
    ['no HTTP at all', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['HTTP/0.9', '<html>\n\n'],
    ['lengths that differ', `${ok}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc`],
    ['a chunk size that is none', `${chunked}xyz\r\n`],
    ['a chunk that is longer than its size', `${chunked}2\r\nabcdef\r\n`],
    ['a head without end', `${ok}${'A: b\r\n'.repeat(200_000)}`],
  ] as const) {
    test(what, () => {
      assert.throws(() => read(text), ResponseError);
    });
  }
});

test('however it is cut into pieces, it reads the same', () => {
  const texts = [
    `${chunked}3\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n`,
    `HTTP/1.1 100 Continue\r\n\r\n${ok}Content-Length: 5\r\n\r\nabcde`,
    `${ok}\r\nabcde`,
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...texts),
      fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 20 }),
      (text, cuts) => {
        assert.deepEqual(read(text, { cuts, isClosed: true }), read(text, { isClosed: true }));
      },
    ),
  );
});
