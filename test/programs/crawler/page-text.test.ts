import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mediaType, pageText } from '../../../src/programs/crawler/page-text.ts';

const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8');
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le');
const swapped = (text: string): Buffer => utf16(text).swap16();

describe('bytes of a page to text', () => {
  const cases: readonly (readonly [string, Buffer, string | null, string])[] = [
    ['UTF-8 that says nothing', utf8('santé'), 'text/html', 'santé'],
    ['Latin-1 that says nothing', latin1('santé'), null, 'santé'],
    ['by its header', Buffer.from([0x83, 0x65, 0x83, 0x58]), 'text/html; charset=Shift_JIS', 'テス'],
    ['by its header, in quotes', latin1('é'), 'text/html;charset="iso-8859-1"', 'é'],
    [
      'by what it says of itself',
      Buffer.concat([utf8('<meta charset=shift_jis>'), Buffer.from([0x83, 0x65])]),
      'text/html',
      '<meta charset=shift_jis>テ',
    ],
    [
      'by http-equiv',
      Buffer.concat([
        utf8('<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">'),
        Buffer.from([0xc0]),
      ]),
      null,
      '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">А',
    ],
    [
      'the header before the page',
      Buffer.concat([utf8('<meta charset=shift_jis>é')]),
      'text/html; charset=utf-8',
      '<meta charset=shift_jis>é',
    ],
    [
      'a mark before the header',
      Buffer.concat([Buffer.from([0xff, 0xfe]), utf16('é')]),
      'text/html; charset=utf-8',
      'é',
    ],
    ['UTF-16, the other way round', Buffer.concat([Buffer.from([0xfe, 0xff]), swapped('é')]), null, 'é'],
    ['UTF-16 by its header', utf16('<a href=x>'), 'text/html; charset=utf-16le', '<a href=x>'],
    ['that says UTF-16 in ASCII', utf8('<meta charset=utf-16>é'), null, '<meta charset=utf-16>é'],
    ['with a name that nobody knows', utf8('é'), 'text/html; charset=x-unknown-9', 'é'],
    ['broken UTF-8', Buffer.from([0x61, 0xff, 0x62]), 'text/html; charset=utf-8', 'a\ufffdb'],
    [
      'XML that says it',
      Buffer.concat([utf8('<?xml version="1.0" encoding="iso-8859-1"?>'), latin1('é')]),
      'application/xhtml+xml',
      '<?xml version="1.0" encoding="iso-8859-1"?>é',
    ],
    ['nothing', Buffer.alloc(0), null, ''],
  ];
  for (const [what, bytes, header, expected] of cases) {
    test(what, () => {
      assert.equal(pageText(bytes, header, 'windows-1252'), expected);
    });
  }

  test('a style sheet is UTF-8 unless it says something else', () => {
    assert.equal(pageText(latin1('@charset "iso-8859-1";é'), 'text/css', 'utf-8'), '@charset "iso-8859-1";é');
    assert.equal(pageText(latin1('é'), 'text/css', 'utf-8'), '\ufffd');
  });
});

test('media types', () => {
  assert.deepEqual([' Text/HTML ; charset=x', '', null].map(mediaType), ['text/html', '', '']);
});
