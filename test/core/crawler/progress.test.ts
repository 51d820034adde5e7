import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { advanceProgress, MAX_LINE_CHARACTERS, noProgress } from '../../../src/core/crawler/progress.ts';

/** As wget 1.21 writes it with --no-verbose. */
const downloaded = (url: string, size: string): string =>
  `2026-11-23 17:52:28 URL:${url} [${size}] -> "/state/attempts/1-001/scratch/index.html.tmp" [1]\n`;
const log = [
  downloaded('http://127.0.0.1:8101/en/', '972'),
  downloaded('http://127.0.0.1:8101/robots.txt', '36/36'),
  'http://127.0.0.1:8101/en/missing:\n2026-11-23 17:52:28 ERROR 404: Not Found.\n',
  downloaded('http://127.0.0.1:8101/en/q?a=b&c=d/../e', '14/14'),
  'The destination name is too long (400), reducing to 236\n',
  'FINISHED --2026-11-23 17:52:28--\nTotal wall clock time: 0.1s\nDownloaded: 17 files, 2.9M in 0.01s (204 MB/s)\n',
].join('');

const fullDisk = '/state/scratch/a.tmp: No space left on device\n';

test('a healthy log', () => {
  const answers: [string, string][] = [];
  const progress = advanceProgress(noProgress, log, (url, answer) => answers.push([url, answer]));
  assert.deepEqual(progress, {
    pages: 2,
    errorPages: 1,
    bytes: 972 + 36 + 14,
    currentUrl: 'http://127.0.0.1:8101/en/q?a=b&c=d/../e',
    archiveUnwritable: false,
    storageErrnos: [],
    unfinished: '',
    announcedUrl: null,
  });
  assert.deepEqual(answers, [
    ['http://127.0.0.1:8101/en/', 'downloaded'],
    ['http://127.0.0.1:8101/robots.txt', 'downloaded'],
    ['http://127.0.0.1:8101/en/missing', 'http_error'],
    ['http://127.0.0.1:8101/en/q?a=b&c=d/../e', 'downloaded'],
  ]);
});

/** Text of the log -> errnos, and whether the archive is lost. Each was seen in a real fault, or is from wget's source. */
const faults: [string, string[], boolean][] = [
  ['pathconf: Transport endpoint is not connected\nCannot write to WARC file.\n', ['ENOTCONN'], true],
  ['Cannot write to WARC file.\n', [], true],
  ['Error opening WARC file ‘warcs/1-001.warc.gz’.\nCould not open WARC file.\n', [], true],
  ['Error writing warcinfo record to WARC file.\n', [], true],
  [
    `${fullDisk}${fullDisk}Cannot write to ‘/state/scratch/a.tmp’ (No space left on device).\n`,
    ['ENOSPC'],
    false,
  ],
  ['warcs/1-001.cdx: Read-only file system\n', ['EROFS'], false],
  ['pathconf: Input/output error\npathconf: Stale file handle\n', ['EIO', 'ESTALE'], false],
];

for (const [text, errnos, archiveUnwritable] of faults) {
  test(`a fault: ${text.split('\n')[0]}`, () => {
    const progress = advanceProgress(noProgress, text);
    assert.deepEqual(progress.storageErrnos, errnos);
    assert.equal(progress.archiveUnwritable, archiveUnwritable);
  });
}

const hostile = [
  'http://a.example/Cannot%20write%20to%20WARC%20file.:',
  '2026-11-23 17:52:28 URL:http://a.example/pathconf:Input/output_error [1] -> "x" [1]',
  ' Cannot write to WARC file.',
  'failed: Transport endpoint is not connected.',
  'http://a.example/: No space left on device',
  'connect: Permission denied',
  '2026-11-23 17:52:28 ERROR 500: Cannot write to WARC file.',
];

for (const line of hostile) {
  test(`no fault: ${line}`, () => {
    const progress = advanceProgress(noProgress, `${line}\n`);
    assert.deepEqual(progress.storageErrnos, []);
    assert.equal(progress.archiveUnwritable, false);
  });
}

const anyLog = fc
  .array(
    fc.oneof(
      fc.constantFrom(log, ...faults.map(([text]) => text), ...hostile.map((line) => `${line}\n`)),
      fc.string({ unit: 'binary' }),
      fc.constant('x'.repeat(MAX_LINE_CHARACTERS + 10)),
    ),
    { maxLength: 8 },
  )
  .map((pieces) => pieces.join(''));

test('where chunks end does not matter', () => {
  fc.assert(
    fc.property(
      anyLog,
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
      (text, cuts) => {
        const at = [
          0,
          ...cuts.map((cut) => Math.floor(cut * text.length)).sort((a, b) => a - b),
          text.length,
        ];
        const chunks = at.slice(1).map((end, index) => text.slice(at[index], end));
        const inPieces = chunks.reduce((progress, chunk) => advanceProgress(progress, chunk), noProgress);
        assert.deepEqual(inPieces, advanceProgress(noProgress, text));
      },
    ),
  );
});

test('no text makes it fail, keep much, or count down', () => {
  fc.assert(
    fc.property(anyLog, fc.string({ unit: 'binary' }), (before, chunk) => {
      const earlier = advanceProgress(noProgress, before);
      const progress = advanceProgress(earlier, chunk);
      assert.ok(progress.unfinished.length <= MAX_LINE_CHARACTERS);
      assert.ok(progress.pages >= earlier.pages && progress.bytes >= earlier.bytes);
      assert.ok(progress.storageErrnos.length <= 8);
      assert.ok(Number.isSafeInteger(progress.bytes));
    }),
  );
});

test('an endless line is read in linear time', () => {
  let progress = noProgress;
  const started = performance.now();
  for (let index = 0; index < 2000; index += 1) progress = advanceProgress(progress, 'y'.repeat(65_536));
  assert.ok(performance.now() - started < 5000);
  assert.equal(progress.unfinished.length, MAX_LINE_CHARACTERS);
});
