/** HealthArchive as it is installed on a server: configuration, database and the worker's unit from ops/systemd/. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from './host.ts';
import type { RunResult } from './command.ts';

export const WORKER_UNIT = 'healtharchive-worker.service';
const UNITS = join(import.meta.dirname, '../ops/systemd');
const COMMAND_TIMEOUT_MS = 30_000;

/** Text of a unit file as users get it. */
export function shippedUnit(name: string): string {
  return readFileSync(join(UNITS, name), 'utf8');
}

export interface Installation {
  /** Runs the command line as the worker's user. */
  cli(...args: readonly string[]): Promise<RunResult>;
  /** The same with `--json`, which must succeed; returns the answer. */
  json(...args: readonly string[]): Promise<unknown>;
}

/** @param configuration TOML; what it does not say is as in production */
export async function install(host: Host, configuration: string): Promise<Installation> {
  await host.writeFile('/etc/healtharchive/config.toml', configuration);
  const user = { user: 'healtharchive', timeoutMs: COMMAND_TIMEOUT_MS };
  const cli = async (...args: readonly string[]): Promise<RunResult> =>
    await host.run(['healtharchive', ...args], user);
  await host.runOk(['healtharchive', 'db', 'migrate'], user);
  await host.installUnit(WORKER_UNIT, shippedUnit(WORKER_UNIT));
  // As `ops install` does.
  if (configuration.includes('kind = "container"'))
    for (const unit of [WORKER_UNIT, 'healtharchive-storage-hotpath-auto-recover.service'])
      await host.installUnit(`${unit}.d/containers.conf`, shippedUnit(`${unit}.d/containers.conf.example`));
  if (configuration.includes('postgres://'))
    await host.installUnit(
      'healtharchive-.service.d/network.conf',
      shippedUnit('healtharchive-.service.d/network.conf.example'),
    );
  return {
    cli,
    json: async (...args) =>
      JSON.parse(await host.runOk(['healtharchive', ...args, '--json'], user)) as unknown,
  };
}
