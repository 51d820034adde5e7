import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatLogLine, type LogFields } from '../../src/effects/log.ts';

const lines: readonly (readonly [string, string, LogFields, string])[] = [
  ['no fields', 'worker ready', {}, 'worker ready'],
  [
    'plain values',
    'm',
    { job: 12, name: 'hc-2026', ok: true, errno: null },
    'm job=12 name=hc-2026 ok=true errno=null',
  ],
  ['an undefined field is left out', 'm', { a: undefined, b: 1 }, 'm b=1'],
  ['spaces are quoted', 'm', { because: 'it broke' }, 'm because="it broke"'],
  ['an empty value is quoted', 'm', { name: '' }, 'm name=""'],
  ['quotes and equal signs', 'm', { a: 'say "no"', b: 'x=1' }, 'm a="say \\"no\\"" b="x=1"'],
  ['line breaks', 'a\nb', { text: 'c\nd' }, 'a\\nb text=c\\nd'],
  ['terminal escapes', '\u001b[2J', { path: '/srv/\u001b[31m' }, '\\u001b[2J path=/srv/\\u001b[31m'],
];

for (const [name, message, fields, expected] of lines) {
  test(`log line: ${name}`, () => {
    assert.equal(formatLogLine(message, fields), expected);
  });
}

test('property: whatever is logged, it is one line that a terminal does not act upon', () => {
  const anything = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(anything, fc.dictionary(fc.constantFrom('a', 'b'), anything), (message, fields) => {
      assert.doesNotMatch(formatLogLine(message, fields), /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u);
    }),
  );
});

/** Logs from a process of its own, whose standard error is given. */
function logFrom(
  environment: Record<string, string>,
  redirection = '',
): { status: number | null; stderr: string } {
  const module = JSON.stringify(new URL('../../src/effects/log.ts', import.meta.url).href);
  const script = `import { standardErrorLog } from ${module}; const log = standardErrorLog(process.env);
    for (const level of ['error', 'warning', 'notice', 'info']) log(level, 'm', { job: 1 });`;
  const command = `"$0" --no-warnings --input-type=module -e "$1" ${redirection}`;
  const { status, stderr } = spawnSync('sh', ['-c', command, process.execPath, script], {
    env: { PATH: process.env['PATH'], ...environment },
    encoding: 'utf8',
  });
  return { status, stderr };
}

test('for the journal: a priority and no time', () => {
  const { stderr } = logFrom({ JOURNAL_STREAM: '8:1' });
  assert.equal(stderr, '<3>m job=1\n<4>m job=1\n<5>m job=1\n<6>m job=1\n');
});

test('elsewhere: the time in UTC and the level', () => {
  for (const line of logFrom({}).stderr.trimEnd().split('\n'))
    assert.match(line, /^\d{4}-\d\d-\d\dT[\d:.]+Z (error|warning|notice|info) +m job=1$/);
});

test('a full or closed standard error does not end the program', () => {
  for (const redirection of ['2>/dev/full', '2>&-'])
    assert.equal(logFrom({}, redirection).status, 0, redirection);
});
