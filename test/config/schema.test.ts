import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfiguration } from '../../src/config/load.ts';

/** Every key and its default, as the configuration contract has them. Other people's files and units rely on them. */
const defaults = {
  database: { url: 'sqlite:/srv/healtharchive/db/healtharchive.db' },
  paths: {
    jobs_root: '/srv/healtharchive/jobs',
    state_dir: '/srv/healtharchive/ops',
    sentinel_dir: '/etc/healtharchive',
    textfile_dir: '/var/lib/node_exporter/textfile_collector',
    deploy_lock: '/run/healtharchive/deploy.lock',
  },
  storagebox: {
    mount: '/srv/healtharchive/storagebox',
    cold_root: '/srv/healtharchive/storagebox/jobs',
    unit: 'healtharchive-storagebox-sshfs.service',
    fstype: 'fuse.sshfs',
    stale_errnos: ['ENOTCONN'],
  },
  hot_mounts: [],
  tiering: { manifest: '/etc/healtharchive/warc-tiering.binds' },
  worker: {
    unit: 'healtharchive-worker.service',
    name: '',
    user: 'healtharchive',
    concurrency: 1,
    poll_seconds: 5,
    max_retries: 2,
    retry_backoff_seconds: 60,
    infra_error_cooldown_seconds: 600,
    stop_grace_seconds: 60,
    min_free_percent: 15,
  },
  crawler: {
    kind: 'http',
    user_agent: 'Mozilla/5.0 (compatible; HealthArchive/0.1; web archive of public health bodies)',
    requisites_from_other_hosts: true,
    outage_patience_seconds: 1800,
    max_response_seconds: 3600,
    max_response_bytes: 10_000_000_000,
    stall_seconds: 1800,
    engine: 'podman',
    image: '',
    preset: 'browsertrix',
  },
  recovery: {
    next_jobs: 10,
    probe_timeout_seconds: 5,
    confirm_probes: 2,
    confirm_interval_seconds: 1,
    backoff_initial_seconds: 30,
    backoff_max_seconds: 900,
    max_per_hour: 6,
    max_per_day: 24,
    max_per_job_per_day: 6,
    abort_hung_after_seconds: 0,
  },
  autostart: { cooldown_seconds: 300, max_per_hour: 3 },
  deploy: { lock_max_age_seconds: 7200 },
};

for (const [what, text] of [
  ['an empty file', ''],
  ['comments only', '# nothing set\n'],
  [
    'empty tables',
    Object.keys(defaults)
      .filter((name) => name !== 'hot_mounts')
      .map((name) => `[${name}]\n`)
      .join(''),
  ],
  ['a byte order mark', '\ufeff[worker]\n'],
] as const) {
  test(`${what}: every default of the contract`, () => {
    assert.deepEqual(parseConfiguration(text, '/c.toml'), defaults);
  });
}

test('what is set is taken, beside the other defaults', () => {
  const text = `
[database]
url = "postgres://me@db.example/archive"
[storagebox]
mount = ""
cold_root = ""
fstype = "nfs4"
stale_errnos = ["ENOTCONN", "ESTALE"]
[[hot_mounts]]
path = "/srv/healtharchive/jobs/own"
unit = "srv-healtharchive-jobs-own.mount"
[[hot_mounts]]
path = "/srv/healtharchive/jobs/with space"
unit = "srv-with\\\\x20space.mount"
[worker]
poll_seconds = 0.5
name = "crawl one"
[crawler]
kind = "container"
image = "example.org/crawler@sha256:00"
preset = ["crawl", "--seeds", "{seeds}"]
`;
  assert.deepEqual(parseConfiguration(text, '/c.toml'), {
    ...defaults,
    database: { url: 'postgres://me@db.example/archive' },
    storagebox: {
      ...defaults.storagebox,
      mount: '',
      cold_root: '',
      fstype: 'nfs4',
      stale_errnos: ['ENOTCONN', 'ESTALE'],
    },
    hot_mounts: [
      { path: '/srv/healtharchive/jobs/own', unit: 'srv-healtharchive-jobs-own.mount' },
      { path: '/srv/healtharchive/jobs/with space', unit: 'srv-with\\x20space.mount' },
    ],
    worker: { ...defaults.worker, poll_seconds: 0.5, name: 'crawl one' },
    crawler: {
      ...defaults.crawler,
      kind: 'container',
      image: 'example.org/crawler@sha256:00',
      preset: ['crawl', '--seeds', '{seeds}'],
    },
  });
});
