/** A whole installation whose storage is in order, and what `storage status` says of it. */
import { bindHotPath, COLD_ROOT, sshfsHotPath } from '../../lab/hot-path.ts';
import type { Host } from '../../lab/host.ts';
import { install } from '../../lab/installation.ts';
import type { StorageBoxOptions } from '../../lab/storage-box.ts';
import type { StorageState } from '../../src/core/storage/path-state.ts';
import type { StorageLab } from './storage-fault-list.ts';
import { withLab } from './with-lab.ts';

export const MANIFEST = '/etc/healtharchive/warc-tiering.binds';

interface HotPathStatus {
  readonly path: string;
  readonly state: StorageState;
  readonly errno: string | null;
  readonly reason: string;
  readonly cold_path: string | null;
  readonly tiered: boolean;
  readonly mount: Readonly<Record<string, string | number>> | null;
  readonly jobs: readonly number[];
  readonly in_manifest: boolean;
  readonly foreign_mounts: readonly string[];
  readonly shadowed: Readonly<Record<string, unknown>> | null;
}

export interface StatusAnswer {
  readonly base: Pick<HotPathStatus, 'path' | 'state' | 'errno' | 'reason'> | null;
  readonly hot_paths: readonly HotPathStatus[];
  readonly manifest_problems: readonly { readonly line: number | null; readonly message: string }[];
  readonly jobs_known: boolean;
}

export interface SeenStatus {
  readonly exit: number | null;
  readonly answer: StatusAnswer;
  readonly stderr: string;
  /** With the start of the program. */
  readonly durationMs: number;
}

/** Runs `storage status --json`, by default as the worker's user. */
export async function storageStatus(
  host: Host,
  user = 'healtharchive',
  ...more: string[]
): Promise<SeenStatus> {
  const argv = ['healtharchive', 'storage', 'status', '--json', ...more];
  const { status, stdout, stderr, durationMs, timedOut } = await host.run(argv, { user, timeoutMs: 60_000 });
  if (timedOut || stdout === '') throw new Error(`no answer after ${durationMs} ms: ${stderr}`);
  return { exit: status, answer: JSON.parse(stdout) as StatusAnswer, stderr, durationMs };
}

/** With one hot path bound from the base, which the manifest lists, and one with a mount of its own. */
export async function withStorageLab(
  options: StorageBoxOptions,
  body: (lab: StorageLab) => Promise<void>,
): Promise<void> {
  await withLab(options, async ({ host, box }) => {
    const bind = await bindHotPath(host, 'hc-2026');
    const own = await sshfsHotPath(box, 'special');
    await host.writeFile(MANIFEST, `${COLD_ROOT}/hc-2026 ${bind}\n`);
    await install(host, `[[hot_mounts]]\npath = "${own.path}"\nunit = "${own.unit}"\n`);
    await body({ host, box, bind, own });
  });
}
