import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  decideTakeOver,
  type TakenJob,
  type TakeOverPlan,
  type TakeOverWorld,
} from '../../../src/core/legacy/decide-take-over.ts';
import type { LegacyData, LegacyJob, LegacySource } from '../../../src/core/legacy/legacy-rows.ts';

const source: LegacySource = {
  id: 1,
  code: 'hc',
  name: 'Health Canada',
  baseUrl: 'https://www.canada.ca/en/health-canada.html',
  isEnabled: true,
};
const job: LegacyJob = {
  id: 12,
  sourceId: 1,
  name: 'hc-20260101',
  outputDir: '/srv/healtharchive/jobs/hc/20260101',
  status: 'queued',
  createdAtMs: 1000,
  queuedAtMs: 2000,
  startedAtMs: null,
  finishedAtMs: null,
  retryCount: 0,
  config: { seeds: [], campaignKind: null, campaignYear: null, crawlerOptions: [] },
  crawlerExitCode: null,
  crawlerStatus: null,
  crawlerStage: null,
  pagesCrawled: 0,
  pagesFailed: 0,
  warcFiles: 0,
  warcBytes: 0,
  finalZimPath: null,
  combinedLogPath: null,
};
const data = (jobs: readonly LegacyJob[], sources: readonly LegacySource[] = [source]): LegacyData => ({
  sources,
  jobs,
  problems: [],
});
const nothing: TakeOverWorld = { jobsRoot: '/srv/healtharchive/jobs', sources: new Set(), jobs: [] };
const stopped = { isWorkerStopped: true };
const decide = (legacy: LegacyData, world = nothing, options = stopped): TakeOverPlan =>
  decideTakeOver(legacy, world, options);
const jobsOf = ({ steps }: TakeOverPlan): TakenJob[] =>
  steps.flatMap((step) => (step.kind === 'job' ? [step.job] : []));
const lines = ({ left }: TakeOverPlan): string => left.map(({ because }) => because).join('\n');

describe('what becomes of a job, by its status in the original', () => {
  const ran = { ...job, startedAtMs: 3000, pagesCrawled: 40, pagesFailed: 2, warcFiles: 3, warcBytes: 9000 };
  for (const [status, crawlerStatus, expected] of [
    ['queued', null, ['queued', null]],
    ['retryable', 'failed', ['retryable', 'failed']],
    ['retryable', 'infra_error', ['retryable', 'infra_error']],
    ['running', null, ['retryable', 'interrupted']],
    ['failed', 'failed', ['failed', 'failed']],
    ['completed', 'success', ['completed', 'success']],
    ['indexing', null, ['completed', 'success']],
    ['indexed', 'success', ['completed', 'success']],
    ['index_failed', 'success', ['completed', 'success']],
    ['failed', 'a word of its own', ['failed', null]],
  ] as const)
    test(`${status}, ${crawlerStatus ?? 'nothing said'}`, () => {
      const [taken] = jobsOf(decide(data([{ ...ran, status, crawlerStatus }])));
      assert.deepEqual([taken?.status, taken?.crawlerStatus], expected);
      assert.deepEqual(
        [taken?.attempt?.pages, taken?.attempt?.errorPages, taken?.attempt?.bytes],
        [40, 2, 9000],
      );
    });

  test('one that is running is left until its worker is stopped; a status of nobody’s is left', () => {
    const running = { ...ran, status: 'running' };
    const plan = decide(data([running, { ...job, id: 13, name: 'x', status: 'odd' }]), nothing, {
      isWorkerStopped: false,
    });
    assert.deepEqual(jobsOf(plan), []);
    assert.match(lines(plan), /job 12 .*--worker-stopped/);
    assert.match(lines(plan), /job 13 .*its status odd is not known/);
  });

  test('seeds, campaign, times and retries stay; what never ran has had no attempt', () => {
    const config = {
      seeds: ['https://www.canada.ca/a#x', 'no address'],
      campaignKind: 'annual',
      campaignYear: 2026,
      crawlerOptions: [],
    };
    const [taken] = jobsOf(decide(data([{ ...job, retryCount: 2, config }])));
    assert.deepEqual(taken?.seeds, ['https://www.canada.ca/a']);
    assert.equal(taken.campaignYear, 2026);
    assert.deepEqual([taken.createdAtMs, taken.queuedAtMs, taken.retryCount], [1000, 2000, 2]);
    assert.equal(taken.attempt, null);
    assert.equal(taken.lastError, null);
  });

  test('the options of its crawler are told of, where it is still to be crawled', () => {
    const config = { seeds: [], campaignKind: null, campaignYear: null, crawlerOptions: ['workers', '--x'] };
    assert.match(
      lines(decide(data([{ ...job, config }]))),
      /without the options of its crawler: workers, --x/,
    );
    assert.equal(lines(decide(data([{ ...job, config, status: 'indexed' }]))), '');
  });
});

describe('what can’t be taken over', () => {
  for (const [name, legacy, world, words] of [
    [
      'a place outside the jobs root',
      data([{ ...job, outputDir: '/mnt/x' }]),
      nothing,
      /not lie below the jobs root/,
    ],
    [
      'a place with dots',
      data([{ ...job, outputDir: '/srv/healtharchive/jobs/../x' }]),
      nothing,
      /not lie below/,
    ],
    ['no source', data([{ ...job, sourceId: 9 }]), nothing, /it has no source/],
    [
      'a name that another job has',
      data([job]),
      { ...nothing, jobs: [{ name: job.name, outputDir: '/srv/healtharchive/jobs/x', isFinished: true }] },
      /another job here has its name/,
    ],
    [
      'a place inside that of another that is not finished',
      data([job]),
      { ...nothing, jobs: [{ name: 'ours', outputDir: '/srv/healtharchive/jobs/hc', isFinished: false }] },
      /ours, which is not finished either, writes to the same place/,
    ],
    [
      'two of one place',
      data([job, { ...job, id: 13, name: 'second', outputDir: `${job.outputDir}/inner` }]),
      nothing,
      /job 13 \(second\): hc-20260101, which is not finished either/,
    ],
    [
      'a source whose code is none',
      data([], [{ ...source, code: 'Health Canada' }]),
      nothing,
      /its code is none/,
    ],
    [
      'a source without any seed, and its jobs',
      data([job], [{ ...source, baseUrl: null }]),
      nothing,
      /its source hc can’t/,
    ],
  ] as const)
    test(name, () => {
      assert.match(lines(decide(legacy, world)), words);
    });

  test('a row that could not be understood', () => {
    const problems = [{ table: 'archive_jobs', id: 7, because: 'name: missing' }] as const;
    assert.match(
      lines(decide({ ...data([]), problems })),
      /archive_jobs 7 can’t be understood: name: missing/,
    );
  });
});

describe('sources', () => {
  test('one that is switched off is there for its jobs, and removed; not while one of them is to be crawled', () => {
    const off = { ...source, isEnabled: false };
    const isRemoved = (plan: TakeOverPlan) =>
      plan.steps.flatMap((step) => (step.kind === 'source' ? [step.source.isRemoved] : []));
    assert.deepEqual(isRemoved(decide(data([{ ...job, status: 'indexed' }], [off]))), [true]);
    const waiting = decide(data([job], [off]));
    assert.deepEqual(isRemoved(waiting), [false]);
    assert.match(lines(waiting), /switched off in the original, and stays on here/);
  });

  test('its seeds are those of its newest job, else its address; one that is here stays as it is', () => {
    const config = {
      seeds: ['https://x.example/'],
      campaignKind: null,
      campaignYear: null,
      crawlerOptions: [],
    };
    const seeds = (plan: TakeOverPlan) =>
      plan.steps.flatMap((step) => (step.kind === 'source' ? step.source.seeds : []));
    assert.deepEqual(seeds(decide(data([job, { ...job, id: 99, name: 'n', config }]))), [
      'https://x.example/',
    ]);
    assert.deepEqual(seeds(decide(data([job]))), [source.baseUrl]);
    assert.deepEqual(seeds(decide(data([job]), { ...nothing, sources: new Set(['hc']) })), []);
  });
});

test('again it finds nothing to do, whatever the original holds', () => {
  const legacyJob = fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    outputDir: fc.constantFrom(
      '/srv/healtharchive/jobs/a',
      '/srv/healtharchive/jobs/a/b',
      '/srv/healtharchive/jobs/c',
      '/x',
    ),
    status: fc.constantFrom('queued', 'running', 'retryable', 'failed', 'completed', 'indexed', 'odd'),
    sourceId: fc.constantFrom(1, 2, 3, null),
  });
  fc.assert(
    fc.property(fc.array(legacyJob, { maxLength: 8 }), fc.boolean(), (rows, isWorkerStopped) => {
      const sources = [source, { ...source, id: 2, code: 'phac', baseUrl: null }];
      const legacy = data(
        rows.map((row, id) => ({ ...job, id, ...row })),
        sources,
      );
      const plan = decide(legacy, nothing, { isWorkerStopped });
      const taken = jobsOf(plan);
      const after: TakeOverWorld = {
        ...nothing,
        sources: new Set(plan.steps.flatMap((step) => (step.kind === 'source' ? [step.source.code] : []))),
        jobs: taken.map(({ name, outputDir, status }) => ({
          name,
          outputDir,
          isFinished: ['completed', 'failed'].includes(status),
        })),
      };
      const again = decide(legacy, after, { isWorkerStopped });
      assert.deepEqual(again.steps, []);
      // Each job is taken, or it is said why not.
      assert.ok(taken.length + plan.left.length >= rows.length);
      assert.equal(new Set(taken.map(({ name }) => name)).size, taken.length);
      for (const { source: code } of taken) assert.ok(after.sources.has(code));
    }),
  );
});
