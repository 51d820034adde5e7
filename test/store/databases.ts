import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from '../../src/store/database.ts';
import { migrate } from '../../src/store/migrate.ts';

/** A fresh, empty database of one kind. */
export interface TestDatabase {
  readonly url: string;
  readonly database: Database;
}

/** Runs the same tests on SQLite and on a real PostgreSQL that is started for them. */
export function describeOnBothDatabases(
  name: string,
  define: (fresh: () => Promise<TestDatabase>) => void,
): void {
  describe(`${name} (SQLite)`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'healtharchive-store-'));
    const opened: Database[] = [];
    let count = 0;
    after(async () => {
      for (const database of opened) await database.close();
      rmSync(folder, { recursive: true, force: true });
    });
    define(async () => await freshDatabase(`sqlite:${join(folder, `${++count}.db`)}`, opened));
  });

  const binaries = postgresBinaries();
  const isRequired = process.env['HEALTHARCHIVE_TEST_SKIP_NOTHING'] === '1';
  const skip =
    binaries === null && !isRequired
      ? 'PostgreSQL server programs are not installed (apt install postgresql)'
      : false;
  describe(`${name} (PostgreSQL)`, { skip }, () => {
    const cluster = new PostgresCluster(binaries ?? '');
    const opened: Database[] = [];
    let count = 0;
    before(async () => {
      await cluster.start();
    });
    after(async () => {
      for (const database of opened) await database.close();
      await cluster.stop();
    });
    define(async () => {
      const name = `test_${++count}`;
      return await freshDatabase(cluster.createDatabase(name), opened);
    });
  });
}

async function freshDatabase(url: string, opened: Database[]): Promise<TestDatabase> {
  const database = new Database(url, { create: true });
  opened.push(database);
  await migrate(database);
  return { url, database };
}

/** Folder of initdb and postgres, or null. Debian keeps them outside of PATH, one folder a version. */
export function postgresBinaries(): string | null {
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return null;
  const versions = readdirSync(root).sort((a, b) => Number(b) - Number(a));
  const found = versions
    .map((version) => join(root, version, 'bin'))
    .find((bin) => existsSync(join(bin, 'initdb')));
  return found ?? null;
}

/** A throw-away cluster on a unix socket. The server refuses root, so it runs as `nobody` then. */
export class PostgresCluster {
  readonly #bin: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'healtharchive-pg-'));
  readonly #identity: { uid?: number; gid?: number };
  #server: ReturnType<typeof spawn> | null = null;

  constructor(bin: string) {
    this.#bin = bin;
    this.#identity = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  }

  async start(): Promise<void> {
    chmodSync(this.#folder, 0o755);
    if (this.#identity.uid !== undefined) chownSync(this.#folder, 65534, 65534);
    this.#run('initdb', [
      '-D',
      join(this.#folder, 'data'),
      '-U',
      'test',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--no-sync',
    ]);
    await this.launch();
  }

  /** Starts the server of an initialised cluster and waits until it answers. */
  async launch(): Promise<void> {
    const options = [
      '-D',
      join(this.#folder, 'data'),
      '-k',
      this.#folder,
      '-c',
      'listen_addresses=',
      '-c',
      'fsync=off',
    ];
    this.#server = spawn(join(this.#bin, 'postgres'), options, {
      ...this.#identity,
      cwd: '/',
      stdio: 'ignore',
    });
    const giveUpAt = Date.now() + 30_000;
    while (spawnSync(join(this.#bin, 'pg_isready'), ['-h', this.#folder, '-q']).status !== 0) {
      if (Date.now() > giveUpAt) throw new Error('PostgreSQL did not answer within 30 s');
      await sleep(50);
    }
  }

  /** @returns its address */
  createDatabase(name: string): string {
    this.#run('psql', ['-h', this.#folder, '-U', 'test', '-d', 'postgres', '-qc', `create database ${name}`]);
    return this.url(name);
  }

  url(name: string): string {
    return `postgres://test@localhost/${name}?host=${encodeURIComponent(this.#folder)}`;
  }

  /** Ends the server at once (SIGQUIT: immediate shutdown), keeping its data. */
  async halt(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server?.exitCode !== null) return;
    const exited = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGQUIT');
    await exited;
  }

  async stop(): Promise<void> {
    await this.halt();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #run(program: string, args: string[]): void {
    const { status, stderr } = spawnSync(join(this.#bin, program), args, {
      ...this.#identity,
      cwd: '/',
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`${program} failed: ${stderr}`);
  }
}
