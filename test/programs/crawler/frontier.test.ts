/** The frontier against a simple model, through restarts; and what it costs when it is large. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import type { FoundLink } from '../../../src/core/crawler/links.ts';
import { Frontier, type UrlEnd } from '../../../src/programs/crawler/frontier.ts';
import { openFrontier } from '../../../src/programs/crawler/open-frontier.ts';

let folder: string;
let files = 0;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'frontier-'));
});
after(() => {
  rmSync(folder, { recursive: true });
});
const newFile = (): string => join(folder, `${++files}.db`);

const page = (url: string): FoundLink => ({ url, kind: 'page', barredBecause: null, isRedirect: false });
const requisite = (url: string): FoundLink => ({
  url,
  kind: 'requisite',
  barredBecause: null,
  isRedirect: false,
});
const archived = { name: 'a.warc.gz', length: 100 };
const answer = {
  kind: 'answered',
  status: 200,
  links: [],
  file: 'a.warc.gz',
  payloadFile: 'a.warc.gz',
  leadsTo: null,
  remark: null,
} as const;
const answered = (...links: FoundLink[]): UrlEnd => ({ ...answer, links });

/** Claims all that may be asked for, in order. */
function claimAll(frontier: Frontier, nowMs = 0): string[] {
  const urls: string[] = [];
  for (let next = frontier.claim(nowMs); next !== null; next = frontier.claim(nowMs)) urls.push(next.url);
  return urls;
}

describe('the frontier', () => {
  test('what a page is made of comes before the next page; what is tried again, last', () => {
    const frontier = new Frontier(newFile());
    frontier.add([page('p1'), page('p2')]);
    const first = frontier.claim(0);
    assert.equal(first?.url, 'p1');
    frontier.commit(
      [{ id: first.id, end: answered(page('p3'), requisite('r1'), page('p2')) }],
      [],
      [archived],
    );
    const again = frontier.claim(0);
    assert.equal(again?.url, 'p2', 'read ahead already');
    frontier.commit(
      [{ id: again.id, end: { kind: 'later', because: 'reset', atMs: 500, isTry: true } }],
      [],
      [archived],
    );
    assert.deepEqual(claimAll(frontier), ['r1', 'p3']);
    assert.equal(frontier.nextMs(), 500);
    const late = frontier.claim(500);
    assert.deepEqual([late?.url, late?.tries], ['p2', 1]);
    frontier.close();
  });

  test('a page that turns out to be a requisite comes first', () => {
    const frontier = new Frontier(newFile());
    frontier.add([page('a'), page('b')]);
    frontier.add([requisite('b')]);
    assert.deepEqual(claimAll(frontier), ['b', 'a']);
    frontier.close();
  });

  test('what was under way when the process died is queued again; what was committed is not', () => {
    const file = newFile();
    const first = new Frontier(file);
    first.add([page('a'), page('b'), page('c')]);
    const done = first.claim(0);
    assert.ok(done);
    first.claim(0);
    first.commit([{ id: done.id, end: answered(page('d')) }], [], [archived]);
    // As after kill -9: nothing is closed.
    const second = new Frontier(file);
    assert.deepEqual(second.counts, { queued: 3, archived: 1, failed: 0, barred: 0 });
    assert.deepEqual(claimAll(second), ['b', 'c', 'd']);
    first.close();
    second.close();
  });

  test('barred and failed addresses keep their reasons, and are not asked for', () => {
    const frontier = new Frontier(newFile());
    frontier.add([{ ...page('trap'), barredBecause: 'a trap' }, page('a'), page('b')]);
    const [first, second] = [frontier.claim(0), frontier.claim(0)];
    assert.ok(first && second);
    frontier.commit(
      [
        { id: first.id, end: { kind: 'failed', because: 'reset three times' } },
        { id: second.id, end: { kind: 'barred', because: 'robots.txt' } },
      ],
      [],
      [],
    );
    assert.deepEqual(frontier.counts, { queued: 0, archived: 0, failed: 1, barred: 2 });
    assert.deepEqual(frontier.list('failed', 10), [{ url: 'a', because: 'reset three times' }]);
    assert.deepEqual(frontier.list('barred', 10), [
      { url: 'trap', because: 'a trap' },
      { url: 'b', because: 'robots.txt' },
    ]);
    frontier.close();
  });

  test('an address that redirects to itself is asked again, but not for ever', () => {
    const frontier = new Frontier(newFile());
    frontier.add([page('wall')]);
    let count = 0;
    for (let next = frontier.claim(0); next !== null; next = frontier.claim(0)) {
      count += 1;
      frontier.commit(
        [
          {
            id: next.id,
            end: { ...answer, status: 302, links: [{ ...page('wall'), isRedirect: true }] },
          },
        ],
        [],
        [archived],
      );
    }
    assert.deepEqual([count, { ...frontier.counts }], [4, { queued: 0, archived: 1, failed: 0, barred: 0 }]);
    frontier.close();
  });

  test('what lies in a file that is gone or shorter, or refers to it, is asked for again', () => {
    const frontier = new Frontier(newFile());
    frontier.add([page('kept'), page('lost'), page('refers'), page('never')]);
    const files = { kept: 'b.warc.gz', lost: 'a.warc.gz', refers: 'b.warc.gz' };
    for (const [url, file] of Object.entries(files)) {
      const claimed = frontier.claim(0);
      assert.equal(claimed?.url, url);
      const payloadFile = url === 'refers' ? 'a.warc.gz' : file;
      frontier.commit(
        [{ id: claimed.id, end: { ...answer, file, payloadFile } }],
        url === 'lost' ? [{ digest: 'sha1:A', url, date: '2026-01-01T00:00:00.000Z', file }] : [],
        [{ name: file, length: 100 }],
      );
    }
    assert.deepEqual(
      frontier.checkFiles(() => 100),
      [],
    );
    assert.equal(frontier.counts.archived, 3);
    const missing = frontier.checkFiles((name) => (name === 'b.warc.gz' ? 120 : null));
    assert.deepEqual(missing, ['a.warc.gz']);
    assert.deepEqual(frontier.counts, { queued: 3, archived: 1, failed: 0, barred: 0 });
    assert.equal(frontier.payload('sha1:A'), null);
    assert.deepEqual(
      frontier.checkFiles((name) => (name === 'b.warc.gz' ? 99 : null)),
      ['b.warc.gz'],
    );
    assert.deepEqual(frontier.counts, { queued: 4, archived: 0, failed: 0, barred: 0 });
    frontier.close();
  });

  test('a crawl that came to its end is tried again with what it did not get; one that did not, goes on', () => {
    const frontier = new Frontier(newFile());
    frontier.add([
      page('seed'),
      page('ok'),
      page('failed'),
      page('robots'),
      { ...page('trap'), barredBecause: 'a trap' },
    ]);
    const ends: UrlEnd[] = [
      { ...answer, status: 404 },
      answer,
      { kind: 'failed', because: 'reset' },
      { kind: 'barred', because: 'robots.txt' },
    ];
    const ended = ends.map((end) => ({ id: frontier.claim(0)?.id ?? 0, end }));
    frontier.commit(ended.slice(0, 3), [], [archived]);
    frontier.reopen('robots.txt', ['seed', 'ok']);
    assert.equal(frontier.counts.queued, 1);
    frontier.commit(ended.slice(3), [], []);
    frontier.reopen('robots.txt', ['seed', 'ok']);
    assert.deepEqual(claimAll(frontier), ['seed', 'failed', 'robots']);
    assert.deepEqual(frontier.counts, { queued: 3, archived: 1, failed: 0, barred: 1 });
    frontier.close();
  });

  test('the first record with a payload is the one that later ones refer to', () => {
    const file = newFile();
    const frontier = new Frontier(file);
    frontier.commit(
      [],
      [
        { digest: 'sha1:A', url: 'a', date: '2026-01-01T00:00:00.000Z', file: 'a.warc.gz' },
        { digest: 'sha1:A', url: 'b', date: '2026-01-02T00:00:00.000Z', file: 'a.warc.gz' },
      ],
      [archived],
    );
    frontier.close();
    const again = new Frontier(file);
    assert.equal(again.payload('sha1:A')?.url, 'a');
    assert.equal(again.payload('sha1:B'), null);
    again.close();
  });

  test('a file that is none of ours', () => {
    const file = newFile();
    writeFileSync(
      file,
      'this is no database, and was never one, however long it goes on like this'.repeat(20),
    );
    assert.throws(() => new Frontier(file), /not a database/);
  });

  const spec = { attempt: '1-002', isBegunAnew: false };

  test('what is begun anew takes nothing over, and calls nothing lost', () => {
    const frontierFile = newFile();
    const first = openFrontier({ ...spec, frontierFile }, folder);
    first.frontier.add([page('https://a.example/')]);
    first.frontier.close();
    const archived = mkdtempSync(join(folder, 'archive-'));
    writeFileSync(join(archived, '1-001-00000.warc.gz'), '');
    const anew = openFrontier({ ...spec, frontierFile, isBegunAnew: true }, archived);
    assert.deepEqual([anew.how, anew.frontier.counts.queued], ['new', 0]);
    anew.frontier.close();
    const next = openFrontier({ ...spec, attempt: '1-003', frontierFile }, archived);
    assert.equal(next.how, 'continued');
    next.frontier.close();
    rmSync(frontierFile);
    assert.equal(openFrontier({ ...spec, frontierFile }, archived).how, 'lost');
  });

  test('a damaged file is set aside, and the crawl begins anew', () => {
    const file = newFile();
    const { frontier, how } = openFrontier({ ...spec, frontierFile: file }, folder);
    frontier.add(Array.from({ length: 2000 }, (_, index) => page(`https://a.example/${index}`)));
    frontier.close();
    const bytes = readFileSync(file);
    bytes.fill(0x5a, 100, 3000);
    writeFileSync(file, bytes);
    const again = openFrontier({ ...spec, frontierFile: file }, folder);
    assert.deepEqual(
      [how, again.how, { ...again.frontier.counts }],
      ['new', 'set_aside', { queued: 0, archived: 0, failed: 0, barred: 0 }],
    );
    again.frontier.close();
    assert.ok(readdirSync(folder).some((name) => name.startsWith(`${basename(file)}.unreadable-`)));
    const third = openFrontier({ ...spec, frontierFile: file }, folder);
    assert.equal(third.how, 'continued');
    third.frontier.close();
  });

  test('as a simple model, whatever happens in whatever order', () => {
    const url = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
    const link = fc.record({
      url,
      kind: fc.constantFrom('page' as const, 'requisite' as const),
      barredBecause: fc.constantFrom(null, null, 'trap'),
      isRedirect: fc.constant(false),
    });
    const step = fc.oneof(
      fc.record({ do: fc.constant('add' as const), links: fc.array(link, { maxLength: 3 }) }),
      fc.record({
        do: fc.constant('end' as const),
        kind: fc.constantFrom('answered', 'failed', 'later'),
        links: fc.array(link, { maxLength: 3 }),
      }),
      fc.record({ do: fc.constant('restart' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const file = newFile();
        let frontier = new Frontier(file);
        const model = new Map<string, string>();
        const add = (links: readonly FoundLink[]): void => {
          for (const each of links)
            if (!model.has(each.url)) model.set(each.url, each.barredBecause === null ? 'queued' : 'barred');
        };
        for (const one of steps) {
          if (one.do === 'add') {
            frontier.add(one.links);
            add(one.links);
          } else if (one.do === 'restart') {
            frontier.close();
            frontier = new Frontier(file);
          } else {
            const claimed = frontier.claim(0);
            if (claimed === null) continue;
            assert.equal(model.get(claimed.url), 'queued');
            const end: UrlEnd =
              one.kind === 'answered'
                ? answered(...one.links)
                : one.kind === 'failed'
                  ? { kind: 'failed', because: 'x' }
                  : { kind: 'later', because: 'x', atMs: 0, isTry: true };
            frontier.commit([{ id: claimed.id, end }], [], [archived]);
            if (end.kind === 'answered') {
              model.set(claimed.url, 'archived');
              add(end.links);
            } else if (end.kind === 'failed') model.set(claimed.url, 'failed');
          }
        }
        const count = (state: string): number => [...model.values()].filter((each) => each === state).length;
        assert.deepEqual(
          { ...frontier.counts },
          {
            queued: count('queued'),
            archived: count('archived'),
            failed: count('failed'),
            barred: count('barred'),
          },
        );
        frontier.close();
      }),
      { numRuns: 60 },
    );
  });
});
