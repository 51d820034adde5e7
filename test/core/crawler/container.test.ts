import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  containerOf,
  containerCommand,
  removalArguments,
  type ContainerJob,
} from '../../../src/core/crawler/container.ts';

const job: ContainerJob = {
  engine: 'podman',
  image: 'registry.example/crawler:1',
  preset: 'browsertrix',
  seeds: ['https://a.example/en/', 'https://b.example/'],
  waitSeconds: 1.5,
  attempt: '12-003',
  outputDir: '/srv/jobs/hc',
};
const scope = '^https?://a\\.example/en/|^https?://b\\.example/';

const begin = (engine: string, inside: string): string[] => [
  engine,
  'run',
  '--rm',
  '--name=healtharchive-12-003',
  '--pull=never',
  `--volume=/srv/jobs/hc/attempts/003/work:${inside}`,
];

test('the name and work folder belong to one attempt', () => {
  assert.deepEqual(containerOf(job), {
    engine: 'podman',
    name: 'healtharchive-12-003',
    workDir: 'attempts/003/work',
  });
});

test('removal does not wait', () => {
  assert.deepEqual(removalArguments('podman', 'x'), ['rm', '-f', '--time=0', 'x']);
  assert.deepEqual(removalArguments('docker', 'x'), ['rm', '-f', 'x']);
});

test('browsertrix', () => {
  assert.deepEqual(containerCommand(job), [
    ...begin('podman', '/crawls'),
    ...['registry.example/crawler:1', 'crawl'],
    ...['--url', 'https://a.example/en/', '--url', 'https://b.example/'],
    ...['--scopeType', 'custom', '--include', scope],
    ...['--collection', '12-003', '--workers', '1', '--pageExtraDelay', '2'],
    ...['--diskUtilization', '0', '--saveState', 'never'],
  ]);
});

test('zimit, with docker', () => {
  assert.deepEqual(containerCommand({ ...job, engine: 'docker', preset: 'zimit' }), [
    ...begin('docker', '/output'),
    ...['--shm-size=1gb', 'registry.example/crawler:1', 'zimit'],
    ...['--seeds', 'https://a.example/en/,https://b.example/', '--name', '12-003'],
    ...['--scopeType', 'custom', '--scopeIncludeRx', scope, '--pageExtraDelay', '2'],
    ...['--diskUtilization', '0', '--output', '/output', '--keep'],
  ]);
});

test('custom arguments', () => {
  const preset = ['sh', '-c', 'crawl --to {output}/{attempt} {seeds} {else}', '{seeds}'];
  assert.deepEqual(containerCommand({ ...job, preset }), [
    ...begin('podman', '/output'),
    ...['registry.example/crawler:1', 'sh', '-c'],
    'crawl --to /output/12-003 https://a.example/en/,https://b.example/ {else}',
    ...['https://a.example/en/', 'https://b.example/'],
  ]);
});
