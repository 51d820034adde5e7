import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { occurrences, Setup, waitFor, type JobView, type StartedWorker } from './setup.ts';

/** So many that waiting for the engine job by job takes longer than any of this. */
const jobs = 8;
/** Of the 60 s of the unit. One question to an engine that hangs takes 6 s, or one removal 16 s; the rest is for a busy machine. */
const readyWithinMs = 40_000;
const cantBeRemoved = 'the container of a crawl without worker can’t be removed; its job waits';

/** The engine in good health, when nothing of it answers, and when it only says what there is. */
const crawls = '#!/bin/sh\ncase "$1" in run) exec sleep 600 ;; esac\n';
const hangs = 'trap \'\' TERM; while [ -e "$0" ]; do sleep 0.2; done';
const answersNothing = `#!/bin/sh\n${hangs}\n`;
const removesNothing = `#!/bin/sh\n[ "$1" = rm ] || { echo "$*" | grep -o 'healtharchive-[0-9]*-[0-9]*'; exit; }\n${hangs}\n`;

/** A folder for PATH with `podman`, and with a `systemd-notify` that writes down what it was told. */
class Programs {
  readonly folder: string;
  readonly told: string;

  constructor(setup: Setup) {
    this.folder = join(setup.dir, 'bin');
    this.told = join(setup.dir, 'told');
    mkdirSync(this.folder);
    this.install('systemd-notify', `#!/bin/sh\necho "$*" >> '${this.told}'\n`);
  }

  /** In one step: what runs meanwhile finds the old one or the new one. */
  install(name: string, script: string): void {
    const file = join(this.folder, name);
    writeFileSync(`${file}.new`, script);
    chmodSync(`${file}.new`, 0o755);
    renameSync(`${file}.new`, file);
  }

  messages(): string {
    return existsSync(this.told) ? readFileSync(this.told, 'utf8') : '';
  }

  get environment(): NodeJS.ProcessEnv {
    return { PATH: `${this.folder}:${process.env['PATH'] ?? ''}`, NOTIFY_SOCKET: '/run/nobody-listens' };
  }
}

/** Jobs that crawl in containers; then worker, launchers and engines are killed at once, as by a lack of memory. */
async function lostContainers(programs: Programs, setup: Setup): Promise<number[]> {
  programs.install('podman', crawls);
  setup.addSource('hc', 'https://hc.example/');
  const ids = Array.from({ length: jobs }, (_, index) => setup.addJob('hc', '--name', `job ${index}`).id);
  const worker = setup.worker([], programs.environment);
  await waitFor(
    'all crawls',
    () => launchers(worker).length === ids.length,
    30_000,
    () => worker.output(),
  );
  worker.child.kill('SIGKILL');
  for (const pid of launchers(worker)) killGroup(pid);
  await worker.ended;
  return ids;
}

function launchers(worker: StartedWorker): number[] {
  return [...worker.output().matchAll(/attempt started .*pid=(\d+)/g)].map((match) => Number(match[1]));
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** Loses eight crawls, makes the engine hang, and starts the worker anew, which must say READY all the same. */
async function readyBesideHangingEngine(t: TestContext, engine: string) {
  const crawler = 'kind = "container"\nengine = "podman"\nimage = "localhost/crawler:1"';
  const setup = new Setup(t, { worker: `poll_seconds = 0.2\nconcurrency = ${jobs}`, crawler });
  const programs = new Programs(setup);
  const ids = await lostContainers(programs, setup);
  programs.install('podman', engine);
  rmSync(programs.told);
  const successor = setup.worker([], programs.environment);
  await waitFor(
    'the successor to say READY',
    () => programs.messages().includes('READY=1'),
    readyWithinMs,
    () => successor.output() + programs.messages(),
  );
  // Nobody knows whether a container still writes: a second one must not begin beside it.
  await sleep(1000);
  for (const id of ids) {
    const job = await setup.job(id);
    assert.deepEqual([job.status, job.attempts], ['running', 1]);
    assert.equal(occurrences(successor.output(), `${cantBeRemoved} job=${id} because=engine_hangs`), 1);
  }
  return { setup, programs, ids, successor };
}

test('a container engine that answers nothing keeps no starting worker from READY; answering again, it gets its jobs back', async (t) => {
  const { setup, programs, ids, successor } = await readyBesideHangingEngine(t, answersNothing);
  programs.install('podman', crawls);
  for (const id of ids) {
    const isCrawledAnew = (job: JobView) => job.status === 'running' && job.attempts === 2;
    const job = await setup.until(id, 'to be given back and crawled anew', isCrawledAnew, 60_000);
    assert.deepEqual([job.retry_count, job.attempt_list[0]?.outcome], [0, 'interrupted']);
  }
  assert.equal(occurrences(successor.output(), `warning ${cantBeRemoved}`), jobs, 'once for each job');
});

test('a container engine that names containers but can’t remove them keeps no starting worker from READY', async (t) => {
  await readyBesideHangingEngine(t, removesNothing);
});
