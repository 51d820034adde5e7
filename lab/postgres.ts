/** A throw-away PostgreSQL in a host, as a service that can be stopped and started. */
import { existsSync, readdirSync } from 'node:fs';
import type { Host } from './host.ts';
import { waitFor } from './wait-for.ts';

export interface Postgres {
  /** For a program in the host, as any user. */
  readonly url: string;
  readonly unit: string;
  /** Ends it at once, connections included; `start` brings it back with its data. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

const VERSIONS = '/usr/lib/postgresql';
const UNIT = 'lab-postgres.service';
const DATA = '/var/lib/lab-postgres';
const DATABASE = 'healtharchive';
const TIMEOUT_MS = 30_000;

/** Debian keeps the server's programs out of PATH; undefined when there are none. */
export function postgresPrograms(): string | undefined {
  if (!existsSync(VERSIONS)) return undefined;
  const newest = readdirSync(VERSIONS).sort((left, right) => Number(left) - Number(right));
  return newest
    .map((version) => `${VERSIONS}/${version}/bin`)
    .findLast((folder) => existsSync(`${folder}/initdb`));
}

/** Creates and starts a cluster with an empty database. Trusts everybody: it listens only inside the lab. */
export async function startPostgres(host: Host): Promise<Postgres> {
  const programs = postgresPrograms();
  if (programs === undefined) throw new Error('no PostgreSQL server is installed');
  await host.runOk(['install', '-d', '-o', 'postgres', '-g', 'postgres', '-m', '700', DATA]);
  const create = [
    `${programs}/initdb`,
    '--auth=trust',
    '--no-sync',
    '--encoding=UTF8',
    '--locale=C',
    '-D',
    DATA,
  ];
  await host.runOk(create, { user: 'postgres', timeoutMs: TIMEOUT_MS });
  await host.installUnit(
    UNIT,
    `[Service]
Type=notify
User=postgres
RuntimeDirectory=lab-postgres
ExecStart=${programs}/postgres -D ${DATA} -c unix_socket_directories=/run/lab-postgres -c listen_addresses=* -c fsync=off
KillMode=mixed
KillSignal=SIGINT
`,
  );
  const start = async (): Promise<void> => {
    await host.runOk(['systemctl', 'start', UNIT], { timeoutMs: TIMEOUT_MS });
    const ready = [`${programs}/pg_isready`, '--host=127.0.0.1', '--quiet'];
    await waitFor('PostgreSQL to answer', async () => (await host.run(ready)).status === 0, TIMEOUT_MS);
  };
  await start();
  await host.runOk([`${programs}/createuser`, '--host=127.0.0.1', '--superuser', 'healtharchive'], {
    user: 'postgres',
  });
  await host.runOk([`${programs}/createdb`, '--host=127.0.0.1', DATABASE], { user: 'postgres' });
  return {
    url: `postgres://healtharchive@127.0.0.1:5432/${DATABASE}`,
    unit: UNIT,
    start,
    stop: async () => {
      await host.runOk(['systemctl', 'stop', UNIT], { timeoutMs: TIMEOUT_MS });
    },
  };
}
