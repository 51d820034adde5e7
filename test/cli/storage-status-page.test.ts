import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeSurvey, needsAttention } from '../../src/cli/storage-status-page.ts';
import { parseConfiguration } from '../../src/config/load.ts';
import type { Shadowed } from '../../src/core/storage/shadowed-data.ts';
import type { Survey } from '../../src/hot-paths/survey.ts';

const configuration = parseConfiguration('', 'config.toml');

function surveyWith(shadowed: ReadonlyMap<string, Shadowed>): Survey {
  return {
    jobsRoot: '/srv/jobs',
    base: null,
    baseSpace: null,
    paths: [],
    manifestProblems: [],
    jobs: { isKnown: true, jobs: [], figures: null },
    shadowed,
    refused: new Map(),
    foreign: new Map(),
  };
}

const files = { kind: 'files', files: 2, bytes: 5, isAtLeast: false } as const;
const uncounted = { kind: 'uncounted', because: 'it could not be counted in time' } as const;
const unreadable = { kind: 'unknown', because: 'it could not be read (EIO)' } as const;

const cases: readonly (readonly [
  shadowed: readonly (readonly [string, Shadowed])[],
  isNews: boolean,
  expected: readonly RegExp[],
])[] = [
  [[['/srv/jobs/a', files]], true, [/SHADOWED DATA[^]*\/a\s+2 files/]],
  [[['/srv/jobs/a', unreadable]], true, [/SHADOWED DATA[^]*EIO/]],
  [[['/srv/jobs/a', uncounted]], false, [/^All is well/, /NOT COUNTED[^]*in time/]],
  [
    [
      ['/srv/jobs/a', uncounted],
      ['/srv/jobs/b', files],
    ],
    true,
    [/SHADOWED DATA[^]*\/b\s+2 files[^]*NOT COUNTED[^]*\/a/],
  ],
];

for (const [shadowed, isNews, expected] of cases)
  test(`under mounts: ${shadowed.map(([, { kind }]) => kind).join(', ')}`, () => {
    const survey = surveyWith(new Map(shadowed));
    assert.equal(needsAttention(survey), isNews);
    const page = describeSurvey(survey, configuration, 80, null).join('\n');
    for (const pattern of expected) assert.match(page, pattern);
    if (!isNews) assert.doesNotMatch(page, /SHADOWED/);
  });
