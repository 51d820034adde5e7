/** Runs real attempts, one after another, of one job in a temporary folder: spec, log, lock and exit record as the worker has them. */
import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WARCParser } from 'warcio';
import { classifyAttempt } from '../../src/core/attempts/classify.ts';
import type { ExitRecord, Judgement } from '../../src/core/attempts/attempt-end.ts';
import { readMountTable } from '../../src/effects/read-mounts.ts';
import { attemptFolder, attemptName, type LaunchSpec } from '../../src/core/attempts/launch-spec.ts';
import { scopeOf, scopePattern } from '../../src/core/crawler/scope.ts';
import { programPath } from '../../src/effects/program-path.ts';
import { isLockFree, tryLock } from '../../src/effects/flock.ts';
import { launchAttempt, type RunningAttempt } from '../../src/effects/start-launcher.ts';

const JOB_ID = 7;

export interface StartedAttempt {
  readonly attempt: RunningAttempt;
  readonly spec: LaunchSpec;
  log(): string;
  record(): ExitRecord | null;
  isLockFree(): Promise<boolean>;
}

export interface FinishedAttempt {
  readonly record: ExitRecord;
  readonly log: string;
  readonly judgement: Judgement;
}

/** A test's context, or whoever else cleans up in the end. */
export interface CleansUp {
  after(cleanUp: () => Promise<void>): unknown;
}

/** Nobody waits for the process that copies the log back: while it still renames there, one removal may leave something. */
async function removeFolder(path: string): Promise<void> {
  for (let tries = 0; existsSync(path) && tries < 100; tries++) {
    if (tries > 0) await sleep(50);
    rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  }
}

export class AttemptBench {
  readonly folder: string;
  readonly outputDir: string;
  readonly #running = new Set<RunningAttempt>();
  #number = 0;

  constructor(t: CleansUp, outputDir?: string) {
    this.folder = mkdtempSync(join(tmpdir(), 'healtharchive-attempt-'));
    this.outputDir = outputDir ?? join(this.folder, 'output');
    t.after(async () => {
      for (const attempt of this.#running) attempt.kill();
      await Promise.all([...this.#running].map((attempt) => attempt.exited));
      await removeFolder(this.folder);
    });
  }

  /** Files in `warcs/`, sorted. */
  warcs(): string[] {
    return readdirSync(join(this.outputDir, 'warcs')).sort();
  }

  async start(seeds: readonly string[], changes: Partial<LaunchSpec> = {}): Promise<StartedAttempt> {
    this.#number += 1;
    const attempt = attemptName(JOB_ID, this.#number);
    const local = join(this.folder, 'attempts', attempt);
    mkdirSync(local, { recursive: true });
    const scratchDir = join(local, 'scratch');
    const reportFile = join(local, 'report.json');
    const file = join(scratchDir, 'crawl.json');
    const spec: LaunchSpec = {
      attempt,
      token: `token of ${attempt}`,
      outputDir: this.outputDir,
      expectedMount: { kind: 'local' },
      expectedDevice: readMountTable().covering(changes.outputDir ?? this.outputDir)?.device ?? '',
      argv: [process.execPath, '--disable-warning=ExperimentalWarning', '--', programPath('crawler'), file],
      crawl: {
        file,
        spec: {
          attempt,
          seeds,
          scopePattern: scopePattern(scopeOf(seeds)),
          requisitesFromOtherHosts: true,
          waitSeconds: 0,
          userAgent: 'HealthArchive/test',
          frontierFile: join(this.folder, 'frontiers', `${JOB_ID}.sqlite`),
          isBegunAnew: false,
          scratchDir,
          reportFile,
          outagePatienceMs: 3000,
          retryPausesMs: [20, 40, 80],
          answerSeconds: 60,
          answerBytes: 100_000_000,
        },
      },
      reportFile,
      scratchDir,
      exitRecordFile: join(local, 'exit.json'),
      logFile: join(local, 'crawler.log'),
      container: null,
      stopGraceMs: 2000,
      ...changes,
    };
    const lockFile = join(local, 'lock');
    const lock = await tryLock(lockFile, 'exclusive');
    assert.ok(lock);
    const logFd = openSync(spec.logFile, 'a');
    const running = await launchAttempt(spec, { specFile: join(local, 'spec.json'), logFd, lockFd: lock.fd });
    this.#running.add(running);
    void running.exited.then(() => this.#running.delete(running));
    closeSync(logFd);
    lock.release();
    return {
      attempt: running,
      spec,
      log: () => readFileSync(spec.logFile, 'utf8'),
      record: () =>
        existsSync(spec.exitRecordFile)
          ? (JSON.parse(readFileSync(spec.exitRecordFile, 'utf8')) as ExitRecord)
          : null,
      isLockFree: () => isLockFree(lockFile),
    };
  }

  async run(seeds: readonly string[], changes: Partial<LaunchSpec> = {}): Promise<FinishedAttempt> {
    const started = await this.start(seeds, changes);
    await started.attempt.exited;
    const record = started.record();
    assert.ok(record, `no exit record; log:\n${started.log()}`);
    return { record, log: started.log(), judgement: judge(record) };
  }

  /** The attempt's folder in the output directory, once the copies have arrived there. */
  async copied(number: number): Promise<string> {
    const folder = join(this.outputDir, 'attempts', attemptFolder(number));
    await until(
      () => existsSync(join(folder, 'exit-record.json')),
      'the exit record in the output directory',
    );
    return folder;
  }

  /** Every record of the attempt's WARC files, read with an independent reader: `[type, url]`. */
  async records(number: number): Promise<[string, string][]> {
    const records: [string, string][] = [];
    const prefix = `${attemptName(JOB_ID, number)}-`;
    for (const name of this.warcs().filter((file) => file.startsWith(prefix) && file.endsWith('.warc.gz'))) {
      const bytes = readFileSync(join(this.outputDir, 'warcs', name));
      for await (const record of new WARCParser(new Blob([bytes]).stream().getReader())) {
        await record.readFully(false);
        records.push([record.warcType, record.warcTargetURI ?? '']);
      }
    }
    return records;
  }
}

export function judge(record: ExitRecord | null): Judgement {
  return classifyAttempt({
    record,
    reason: 'none',
    storageAfter: 'healthy',
    crawler: (record?.crawl ?? null) === null ? 'container' : 'http',
  });
}

export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  deadlineMs = 20_000,
): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!(await condition())) {
    assert.ok(Date.now() < end, `waited ${deadlineMs} ms in vain for: ${what}`);
    await sleep(25);
  }
}
