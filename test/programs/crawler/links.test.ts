/** Links of pages and style sheets, as browsers see them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { linksOfCss, referencesOfCss } from '../../../src/programs/crawler/css-links.ts';
import { candidatesOf, linksOfHtml } from '../../../src/programs/crawler/html-links.ts';

const base = 'https://a.example/en/page.html';
const inPage = (html: string): string[] =>
  linksOfHtml(html, base).links.map(({ url, kind }) => `${kind} ${url.replace('https://a.example', '')}`);

describe('links of a page', () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['<a href=x.html>', ['page /en/x.html']],
    ['<A HREF=" /b?x=1&amp;y=2#part ">', ['page /b?x=1&y=2']],
    ['<a href="#part"><a href=""><a name=x>', []],
    ['<a href="mailto:a@b.example"><a href="javascript:x()"><a href="tel:1">', []],
    [
      '<area href=map.html><iframe src=inner.html></iframe><frame src=frame.html>',
      ['page /en/map.html', 'page /en/inner.html', 'page /en/frame.html'],
    ],
    [
      '<img src=a.png srcset="b.png 1x, c,d.png 2x,e.png">',
      ['requisite /en/a.png', 'requisite /en/b.png', 'requisite /en/c,d.png', 'requisite /en/e.png'],
    ],
    [
      '<picture><source srcset="/w.webp"><img data-src=lazy.jpg data-srcset="l2.jpg 2x"></picture>',
      ['requisite /w.webp', 'requisite /en/lazy.jpg', 'requisite /en/l2.jpg'],
    ],
    [
      '<video src=v.mp4 poster=p.jpg><track src=t.vtt><source src=v.webm></video><audio src=s.mp3></audio>',
      [
        'requisite /en/v.mp4',
        'requisite /en/p.jpg',
        'requisite /en/t.vtt',
        'requisite /en/v.webm',
        'requisite /en/s.mp3',
      ],
    ],
    [
      '<script src=/s.js></script><link rel="Stylesheet" href=s.css><link rel="shortcut icon" href=/i.ico>',
      ['requisite /s.js', 'requisite /en/s.css', 'requisite /i.ico'],
    ],
    [
      '<link rel=canonical href=/c><link rel=alternate hreflang=fr href=/fr/><link rel=preconnect href=//x.example>',
      ['page /c', 'page /fr/'],
    ],
    [
      '<object data=o.pdf></object><embed src=e.svg><input type=image src=b.gif><td background=t.gif>',
      ['requisite /en/o.pdf', 'requisite /en/e.svg', 'requisite /en/b.gif', 'requisite /en/t.gif'],
    ],
    [
      '<svg><image xlink:href="i.svg"/><use href="/sprite.svg#x"/></svg>',
      ['requisite /en/i.svg', 'requisite /sprite.svg'],
    ],
    [
      '<meta http-equiv=Refresh content="5; URL=\'/next\'"><meta http-equiv=refresh content="0;/bare">',
      ['page /next', 'page /bare'],
    ],
    ['<meta http-equiv=refresh content=30>', []],
    ['<meta property="og:image" content="/share.png">', ['requisite /share.png']],
    [
      '<p style="background: url(&quot;p.png&quot;)"><style>@import "s.css"; a { b: url(c.png) }</style>',
      ['requisite /en/p.png', 'requisite /en/s.css', 'requisite /en/c.png'],
    ],
    [
      '<a href=early.html><base href="/fr/"><base href="/de/"><a href=late.html>',
      ['page /fr/early.html', 'page /fr/late.html'],
    ],
    ['<base href="https://b.example/"><img src=i.png>', ['requisite https://b.example/i.png']],
    ['<a href=x><img src=x>', ['requisite /en/x']],
    [
      '<!-- <a href=comment> --><script>"<a href=script>"</script><noscript><img src=ns.png></noscript>',
      ['requisite /en/ns.png'],
    ],
    ['<a href=one><div <a href="two"><p><a href=\'three', ['page /en/one']],
    ['<a href="&#x2F;entity"><a href="caf&eacute;">', ['page /entity', 'page /en/caf%C3%A9']],
    ['<title><a href=title></title><textarea><a href=area></textarea>', []],
  ];
  for (const [html, expected] of cases) {
    test(html.slice(0, 90), () => {
      for (const link of expected)
        assert.ok(inPage(html).includes(link), `${link} of ${inPage(html).join(', ')}`);
      if (!html.includes('<div <a')) assert.deepEqual(inPage(html).toSorted(), expected.toSorted());
    });
  }

  test('a page that asks not to be followed gives its requisites alone', () => {
    const found = linksOfHtml(
      '<a href=x><img src=i.png><meta name=ROBOTS content="noindex, NoFollow">',
      base,
    );
    assert.deepEqual([found.isNofollow, found.links.map(({ kind }) => kind)], [true, ['requisite']]);
  });

  test('whatever stands there, it ends with addresses', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.constantFrom('<a href="', '<style>', '<img srcset="', ''),
        (text, before) => {
          for (const { url } of linksOfHtml(before + text, base).links) assert.match(url, /^https?:\/\//);
        },
      ),
    );
  });
});

describe('the candidates of a srcset', () => {
  for (const [srcset, expected] of [
    ['a.png', ['a.png']],
    ['a.png, b.png 2x', ['a.png', 'b.png']],
    ['a.png 1x,b.png 2x', ['a.png', 'b.png']],
    ['a,b.png 100w,\n  c.png 200w', ['a,b.png', 'c.png']],
    ['data:image/png;base64,AA== 1x, b.png 2x', ['data:image/png;base64,AA==', 'b.png']],
    ['a.png (min, max) 1x, b.png', ['a.png', 'b.png']],
    [',, a.png,, ', ['a.png']],
    ['', []],
  ] as const) {
    test(JSON.stringify(srcset), () => {
      assert.deepEqual(candidatesOf(srcset), expected);
    });
  }
});

describe('links of a style sheet', () => {
  for (const [css, expected] of [
    ['a { background: url(a.png) }', ['a.png']],
    ['a { background: url( "a b.png" ) , url(\'c.png\') }', ['a b.png', 'c.png']],
    [
      '@import "one.css"; @import url(two.css) screen; @IMPORT \'three.css\';',
      ['one.css', 'two.css', 'three.css'],
    ],
    ['@font-face { src: local("x"), url(f.woff2) format("woff2") }', ['f.woff2']],
    ['a { b: image-set("a.png" 1x, url(b.png) 2x, "c.png" type("image/png")) }', ['a.png', 'b.png', 'c.png']],
    ['a { b: -webkit-image-set(url(a.png) 1x) }', ['a.png']],
    ['/* url(comment.png) */ a { content: "url(no.png)" }', []],
    ['a { b: url(a\\.png) }', ['a.png']],
    ['a { b: url(unclosed.png', ['unclosed.png']],
    ['}}} a { b: url(x.png) } @media { ', ['x.png']],
    ['<!-- a { b: url(y.png) } -->', ['y.png']],
    ['a { b: url() }', []],
  ] as const) {
    test(css, () => {
      assert.deepEqual(referencesOfCss(css), expected);
    });
  }

  test('relative to the style sheet', () => {
    assert.deepEqual(linksOfCss('a { b: url(../i.png) }', 'https://a.example/css/s.css'), [
      { url: 'https://a.example/i.png', kind: 'requisite' },
    ]);
  });
});
