/** A private host with a storage box, three web sites, and the product installed as on a server: where the story of the demo plays. */
import { sshfsHotPath } from '../lab/hot-path.ts';
import { bootHost, type Host } from '../lab/host.ts';
import { install, shippedUnit } from '../lab/installation.ts';
import { storageBox, type StorageBox } from '../lab/storage-box.ts';
import { waitFor } from '../lab/wait-for.ts';
import type { Body } from './sites.ts';
import type { Stage } from './stage.ts';

export const RECOVERY = 'healtharchive-storage-hotpath-auto-recover';
const NODE = '/opt/healtharchive/node_modules/.bin/node';
const START_TIMEOUT_MS = 20_000;
export const SITE_PORT = 8001;

/** This machine can't run a private host, whatever it looked like. */
export class NoHostError extends Error {
  override readonly name = 'NoHostError';
}

export interface DemoHost {
  readonly host: Host;
  readonly box: StorageBox;
  /** A hot path with a mount of its own, below the jobs root. */
  readonly own: string;
}

/** Boots it; everything of it ends with the stage. */
export async function startDemoHost(
  stage: Stage,
  bodies: readonly Body[],
  delayMs: number,
  own: string,
): Promise<DemoHost> {
  const host = await stage.orInterrupted(bootHost()).catch((error: unknown) => {
    if (stage.isInterrupted) throw error;
    throw new NoHostError('none can be booted here, as in a container without the rights for it', {
      cause: error,
    });
  });
  stage.onClear(() => host.close());
  const box = await stage.orInterrupted(storageBox(host));
  stage.onClear(() => box.close());
  const direct = await sshfsHotPath(box, own);
  await Promise.all(bodies.map((body) => startSite(host, body, delayMs)));
  // As in production, but for three crawls at once.
  await install(
    host,
    `[worker]\nconcurrency = ${bodies.length}\npoll_seconds = 1\nmin_free_percent = 1\n
[[hot_mounts]]\npath = "${direct.path}"\nunit = "${direct.unit}"\n`,
  );
  for (const kind of ['service', 'timer', 'path'])
    await host.installUnit(`${RECOVERY}.${kind}`, shippedUnit(`${RECOVERY}.${kind}`));
  return { host, box, own: direct.path };
}

async function startSite(host: Host, { address, pages }: Body, delayMs: number): Promise<void> {
  const options = ['--address', address, '--port', SITE_PORT, '--pages', pages, '--delay-ms', delayMs];
  const site = host.start([NODE, '/opt/healtharchive/lab/site.ts', ...options.map(String)]);
  await waitFor(`the web site on ${address}`, () => site.stdout().includes('"url"'), START_TIMEOUT_MS);
}
