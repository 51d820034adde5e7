/** `storage tier` in a lab host, as root, and what it answers. */
import type { Host } from '../../lab/host.ts';
import { COLD_ROOT, JOBS_ROOT } from '../../lab/hot-path.ts';
import { install } from '../../lab/installation.ts';
import { withLab, type Lab } from './with-lab.ts';

export const MANIFEST = '/etc/healtharchive/warc-tiering.binds';
export const hot = (name: string) => `${JOBS_ROOT}/${name}`;
export const cold = (name: string) => `${COLD_ROOT}/${name}`;

export interface Plan {
  readonly mode: string;
  readonly verdict: string;
  readonly steps: readonly {
    readonly kind: string;
    readonly path: string;
    readonly because?: string;
    readonly outcome?: string;
    readonly error?: string;
  }[];
  readonly refusals: readonly { readonly code: string; readonly path?: string; readonly because: string }[];
}

export interface Answer {
  readonly status: number | null;
  readonly plan: Plan;
}

/** The command as root, as its unit runs it. */
export async function tier(host: Host, ...args: readonly string[]): Promise<Answer> {
  const result = await host.run(['healtharchive', 'storage', 'tier', '--json', ...args], {
    timeoutMs: 60_000,
  });
  try {
    return { status: result.status, plan: JSON.parse(result.stdout) as Plan };
  } catch (error) {
    throw new Error(`no plan: ${result.stdout} ${result.stderr}`, { cause: error });
  }
}

export const kinds = ({ plan }: Answer): string[] => plan.steps.map(({ kind, path }) => `${kind} ${path}`);
export const codes = ({ plan }: Answer): string[] => plan.refusals.map(({ code }) => code);

/** A host with the box and HealthArchive, and these manifest lines of names below cold root and jobs root. */
export async function withTieredLab(
  names: readonly string[],
  body: (lab: Lab) => Promise<void>,
): Promise<void> {
  await withLab({ serverAliveSeconds: 4 }, async (lab) => {
    await install(lab.host, '');
    await writeManifest(lab.host, names);
    await body(lab);
  });
}

export async function writeManifest(host: Host, names: readonly string[]): Promise<void> {
  await host.writeFile(MANIFEST, names.map((name) => `${cold(name)} ${hot(name)}\n`).join(''));
}
