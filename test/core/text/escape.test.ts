import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { escapeForTerminal, escapeToWidth } from '../../../src/core/text/escape.ts';

const cases: readonly (readonly [string, string, string])[] = [
  ['plain text stays', 'Health Canada (2026)', 'Health Canada (2026)'],
  ['other scripts and emoji stay', 'Santé ᐊᑭ 卫生 🍁', 'Santé ᐊᑭ 卫生 🍁'],
  ['an escape sequence', '\u001b[31mred\u001b[0m', '\\u001b[31mred\\u001b[0m'],
  ['a C1 control sequence introducer', '\u009b2J', '\\u009b2J'],
  ['line breaks and tabs', 'a\nb\r\tc', 'a\\nb\\r\\tc'],
  ['NUL, bell, backspace and DEL', '\0\u0007\b\u007f', '\\u0000\\u0007\\u0008\\u007f'],
  ['a right-to-left override', 'exe\u202efdp', 'exe\\u202efdp'],
  ['every bidirectional mark', '\u061c\u200e\u200f\u2066\u2069', '\\u061c\\u200e\\u200f\\u2066\\u2069'],
  ['line and paragraph separators', 'a\u2028b\u2029c', 'a\\u2028b\\u2029c'],
  ['a byte order mark', '\ufeffa', '\\ufeffa'],
  ['a lone surrogate', 'a\ud83db\udf41', 'a\\ud83db\\udf41'],
  ['a backslash is doubled, so that what was there is told from what we wrote', '\\n', '\\\\n'],
];

for (const [name, text, expected] of cases) {
  test(`escape: ${name}`, () => {
    assert.equal(escapeForTerminal(text), expected);
  });
}

/** All of Unicode, with what is dangerous made common. */
const texts = fc.string({
  unit: fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    fc.constantFrom('\u001b', '\u202e', '\u061c', '\n', '\\', '\ud83d', '\udf41', '🍁', 'u', 'n'),
  ),
  maxLength: 60,
});
const dangerous = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]/u;

/** Reads the result back: the inverse that the doubled backslash promises. */
function unescape(text: string): string {
  return text.replace(/\\(?:u([0-9a-f]{4})|(.))/g, (_, hex: string | undefined, character: string) =>
    hex === undefined
      ? ({ n: '\n', r: '\r', t: '\t' }[character] ?? character)
      : String.fromCharCode(parseInt(hex, 16)),
  );
}

test('property: nothing that a terminal acts upon comes through', () => {
  fc.assert(
    fc.property(texts, (text) => {
      assert.doesNotMatch(escapeForTerminal(text), dangerous);
    }),
  );
});

test('property: the escaped text can be read back', () => {
  fc.assert(
    fc.property(texts, (text) => {
      assert.equal(unescape(escapeForTerminal(text)), text);
    }),
  );
});

test('property: cut to a width it is safe too, fits, and says that it was cut', () => {
  fc.assert(
    fc.property(texts, fc.integer({ min: 1, max: 40 }), (text, width) => {
      const cut = escapeToWidth(text, width);
      const whole = escapeForTerminal(text);
      assert.doesNotMatch(cut, dangerous);
      assert.ok(cut.length <= width, `${cut.length} characters of ${width}`);
      if (whole.length <= width) assert.equal(cut, whole);
      else assert.ok(cut.endsWith('…') && whole.startsWith(cut.slice(0, -1)), cut);
    }),
  );
});

test('a megabyte costs no more than its beginning', () => {
  assert.equal(escapeToWidth('\n'.repeat(1_000_000), 10), '\\n\\n\\n\\n\\…');
});
