import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planAnnualCampaign } from '../../../src/core/jobs/plan-campaign.ts';

const codes = fc.uniqueArray(fc.constantFrom('hc', 'phac', 'cihr', 'cfia', 'dfo'));
const sources = codes.map((list) => list.map((code) => ({ code })));
const scheduled = fc.array(
  fc.record({
    source: fc.constantFrom('hc', 'phac', 'cihr', 'gone'),
    campaignYear: fc.constantFrom(2025, 2026, null),
  }),
);

test('one job for each source that has none for the year', () => {
  const plan = planAnnualCampaign(
    [{ code: 'cihr' }, { code: 'hc' }, { code: 'phac' }],
    [
      { source: 'hc', campaignYear: 2026 },
      { source: 'phac', campaignYear: 2025 },
      { source: 'cihr', campaignYear: null },
    ],
    2026,
  );
  assert.deepEqual(plan, [
    { source: 'cihr', name: 'cihr-2026', outputDir: 'cihr/cihr-2026', year: 2026 },
    { source: 'phac', name: 'phac-2026', outputDir: 'phac/phac-2026', year: 2026 },
  ]);
});

test('property: once the plan is carried out, there is nothing left to plan', () => {
  fc.assert(
    fc.property(sources, scheduled, (all, before) => {
      const plan = planAnnualCampaign(all, before, 2026);
      const after = [...before, ...plan.map(({ source, year }) => ({ source, campaignYear: year }))];
      assert.deepEqual(planAnnualCampaign(all, after, 2026), []);
    }),
  );
});

test('property: every source is served once, and no two jobs share a name or a directory', () => {
  fc.assert(
    fc.property(sources, scheduled, (all, before) => {
      const plan = planAnnualCampaign(all, before, 2026);
      for (const key of ['source', 'name', 'outputDir'] as const)
        assert.equal(new Set(plan.map((job) => job[key])).size, plan.length, key);
      for (const { code } of all) {
        const has = before.some((job) => job.source === code && job.campaignYear === 2026);
        assert.equal(
          plan.some((job) => job.source === code),
          !has,
          code,
        );
      }
    }),
  );
});
