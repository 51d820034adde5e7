import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { prometheusText } from '../../../src/core/report/prometheus-text.ts';

test('families with help, type and samples; what has no sample is left out', () => {
  const text = prometheusText([
    { name: 'a_total', type: 'counter', help: 'How often', samples: [{ value: 3 }] },
    { name: 'b', type: 'gauge', help: 'Nothing', samples: [] },
    {
      name: 'c',
      type: 'untyped',
      help: 'Two\nlines \\ more',
      samples: [
        { labels: { path: '/a "b"\\\n', state: 'dead' }, value: 0.5 },
        { labels: {}, value: Number.POSITIVE_INFINITY },
      ],
    },
  ]);
  assert.equal(
    text,
    [
      '# HELP a_total How often',
      '# TYPE a_total counter',
      'a_total 3',
      '# HELP c Two\\nlines \\\\ more',
      '# TYPE c untyped',
      'c{path="/a \\"b\\"\\\\\\n",state="dead"} 0.5',
      'c +Inf',
      '',
    ].join('\n'),
  );
});

test('property: whatever a label holds, it is one line of UTF-8, and can be read back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const text = prometheusText([
        { name: 'x', type: 'gauge', help: 'h', samples: [{ labels: { l: value }, value: 1 }] },
      ]);
      const lines = text.split('\n');
      assert.equal(lines.length, 4);
      const quoted = /^x\{l="(.*)"\} 1$/s.exec(lines[2] ?? '')?.[1] ?? '';
      const back = quoted.replace(/\\(.)/gs, (_, character: string) =>
        character === 'n' ? '\n' : character,
      );
      assert.equal(back, value.toWellFormed());
      assert.equal(Buffer.from(text, 'utf8').toString('utf8'), text);
    }),
  );
});
