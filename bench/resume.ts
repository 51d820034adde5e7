/** From the kill of the storage box's sshfs to the next attempt: with the shipped units, and nobody doing anything. */
import { setTimeout as sleep } from 'node:timers/promises';
import { killSshfs } from '../lab/faults/sshfs.ts';
import { bindHotPath, COLD_ROOT } from '../lab/hot-path.ts';
import { bootHost, type Host } from '../lab/host.ts';
import { install, shippedUnit, WORKER_UNIT, type Installation } from '../lab/installation.ts';
import { BASE, storageBox } from '../lab/storage-box.ts';
import { waitFor } from '../lab/wait-for.ts';
import type { Row } from './table.ts';

const RECOVERY = 'healtharchive-storage-hotpath-auto-recover';
const SEED = 'http://127.0.0.1:8001/en/';
/** The timer alone takes up to half a minute each time. */
const maxTimerRounds = 6;

/** Rows of seconds: with a crawl on the box, with an idle worker, and by the timer alone. */
export async function measureResume(rounds: number): Promise<Row[]> {
  const host = await bootHost();
  try {
    const box = await storageBox(host);
    try {
      const scene = await Scene.set(host);
      const crawling = await scene.measure(rounds, () => Promise.resolve());
      const idle = await scene.measure(rounds, () => scene.cancel(), true);
      await scene.timerAlone();
      const byTimer = await scene.measure(Math.min(rounds, maxTimerRounds), () => Promise.resolve());
      return [
        { what: 'kill to next attempt, a crawl on the box', seconds: crawling },
        { what: 'kill to next attempt, worker idle before', seconds: idle },
        { what: 'kill to next attempt, by the timer alone', seconds: byTimer },
      ];
    } finally {
      await box.close();
    }
  } finally {
    await host.close();
  }
}

class Scene {
  readonly #host: Host;
  readonly #installation: Installation;
  readonly #job: string;
  readonly #journal: () => string;

  private constructor(host: Host, installation: Installation, job: string, journal: () => string) {
    this.#host = host;
    this.#installation = installation;
    this.#job = job;
    this.#journal = journal;
  }

  static async set(host: Host): Promise<Scene> {
    const hot = await bindHotPath(host, 'one');
    await host.writeFile('/etc/healtharchive/warc-tiering.binds', `${COLD_ROOT}/one ${hot}\n`);
    // What is measured is how fast, so nothing holds it back.
    const installation = await install(
      host,
      `[worker]\nmin_free_percent = 1\n[recovery]\nbackoff_initial_seconds = 0\nmax_per_hour = 1000\nmax_per_day = 10000\nmax_per_job_per_day = 1000\n`,
    );
    await host.writeFile('/etc/healtharchive/storage-hotpath-auto-recover-enabled', '');
    const site = host.start([
      '/opt/healtharchive/node_modules/.bin/node',
      '/opt/healtharchive/lab/site.ts',
      ...['--pages', '100000', '--delay-ms', '300', '--port', '8001'],
    ]);
    await waitFor('the site', () => site.stdout().includes('"url"'), 20_000);
    await installation.json(
      'sources',
      'add',
      '--code',
      'hc',
      '--name',
      'Health Canada',
      '--seed',
      SEED,
      '--wait-seconds',
      '0',
    );
    const added = await installation.json(
      'jobs',
      'add',
      '--source',
      'hc',
      '--name',
      'one',
      '--output-dir',
      hot,
    );
    const { id } = added as { id: number };
    for (const kind of ['service', 'timer', 'path'])
      await host.installUnit(`${RECOVERY}.${kind}`, shippedUnit(`${RECOVERY}.${kind}`));
    for (const kind of ['timer', 'path']) await host.runOk(['systemctl', 'start', `${RECOVERY}.${kind}`]);
    const follow = ['journalctl', '--follow', '--lines=0', '--output=json', `--unit=${WORKER_UNIT}`];
    const { stdout } = host.start(follow, { holdInput: true });
    await host.runOk(['systemctl', 'start', WORKER_UNIT], { timeoutMs: 30_000 });
    return new Scene(host, installation, String(id), stdout);
  }

  async measure(rounds: number, before: () => Promise<void>, isQueuedAfterwards = false): Promise<number[]> {
    const seconds: number[] = [];
    for (let round = 0; round < rounds; round++) {
      await this.#untilCrawling();
      await before();
      // At any point of the timer's and the worker's pauses.
      await sleep(Math.random() * 5000);
      const killedAtMs = Date.now();
      await killSshfs(this.#host, BASE);
      if (isQueuedAfterwards) await this.#installation.json('jobs', 'retry', this.#job);
      const startedAtMs = await waitFor(
        'the next attempt',
        () => this.#startAfter(killedAtMs) ?? false,
        120_000,
      );
      seconds.push((Number(startedAtMs) - killedAtMs) / 1000);
    }
    return seconds;
  }

  async cancel(): Promise<void> {
    await this.#installation.cli('jobs', 'cancel', this.#job);
    await waitFor('the crawl to be over', async () => (await this.#status()) === 'cancelled', 30_000);
  }

  /** Neither the end of a mount nor the worker starts recovery any more. */
  async timerAlone(): Promise<void> {
    await this.#host.runOk(['systemctl', 'stop', `${RECOVERY}.path`]);
    await this.#host.installUnit(
      'healtharchive-storagebox-sshfs.service.d/alone.conf',
      '[Service]\nExecStopPost=\n',
    );
  }

  #startAfter(sinceMs: number): number | null {
    for (const line of this.#journal().split('\n').slice(0, -1).toReversed()) {
      const entry = JSON.parse(line) as { MESSAGE: string; __REALTIME_TIMESTAMP: string };
      const atMs = Number(entry.__REALTIME_TIMESTAMP) / 1000;
      if (atMs <= sinceMs) return null;
      if (entry.MESSAGE.startsWith('attempt started')) return atMs;
    }
    return null;
  }

  async #untilCrawling(): Promise<void> {
    await waitFor('the crawl', async () => (await this.#status()) === 'running', 60_000);
    await sleep(1000);
  }

  async #status(): Promise<string> {
    return ((await this.#installation.json('jobs', 'show', this.#job)) as { status: string }).status;
  }
}
