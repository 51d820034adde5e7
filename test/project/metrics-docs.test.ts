/** The page of metrics, from the code that writes them: each family with what it shows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { automationMetrics, type AutomationRecord } from '../../src/core/report/automation-record.ts';
import { type Condition, conditions } from '../../src/core/report/conditions.ts';
import { metricFamilies } from '../../src/core/report/snapshot-metrics.ts';
import { recoveryMetrics } from '../../src/core/report/recovery-metrics.ts';
import { checkGeneratedPart, markdownTable } from './generated-docs.ts';

const record: AutomationRecord = {
  lastRunAtMs: 0,
  lastRunDurationMs: 0,
  isEnabled: true,
  lastApply: { atMs: 0, isOk: true, durationMs: 0 },
  applyTotal: 1,
  lastResult: { result: 'ok', reason: 'done' },
};

/** With a sample of everything. */
const families = [
  ...metricFamilies({
    writtenAtMs: 0,
    durationMs: 0,
    figures: {
      byStatus: { queued: 1, running: 0, retryable: 0, completed: 0, failed: 0, cancelled: 0 },
      recentInfraErrors: 0,
    },
    parked: ['dead'],
    isWorkerActive: true,
    shouldWorkerRun: true,
    base: { state: 'healthy' },
    baseSpace: { bytes: 1, percent: 1 },
    hotPaths: [{ path: '/x', state: 'healthy' }],
    switchedOn: { 'worker-auto-start': true },
  }),
  ...automationMetrics('healtharchive_storage_hotpath_auto_recover', record),
  ...recoveryMetrics({ unhealthy: 0, incidentOpenedAtMs: 0, refusals: [] }, record),
  ...automationMetrics('healtharchive_worker_auto_start', record),
];

const all = Object.entries(conditions) as [string, Condition][];

test('docs: all metrics', async () => {
  for (const { name, samples } of families) assert.ok(samples.length > 0, `${name} has no sample here`);
  const rows = families.map(({ name, type, help, samples }) => {
    const labels = Object.keys(samples[0]?.labels ?? {});
    const shown = all.filter(([, { metric }]) => metric === name).map(([code]) => `\`${code}\``);
    return [
      `\`${name}${labels.length === 0 ? '' : `{${labels.join(', ')}}`}\``,
      type,
      help,
      shown.join(', ') || '–',
    ];
  });
  const head = ['metric', 'type', 'what it tells', 'conditions that it shows'];
  await checkGeneratedPart('operations/metrics.md', markdownTable(head, rows));
});

test('what a condition names is written', () => {
  const names = new Set(families.map(({ name }) => name));
  for (const [code, { metric }] of all)
    assert.ok(metric === undefined || names.has(metric), `${code}: ${metric}`);
});
