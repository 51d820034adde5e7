/** `storage recover` in a lab host, as root, and what it answers. */
import type { Host } from '../../lab/host.ts';
import { BASE } from '../../lab/storage-box.ts';
import type { StorageLab } from './storage-fault-list.ts';

export interface RecoverAnswer {
  readonly mode: string;
  readonly verdict: string;
  readonly reason: string;
  readonly steps: readonly {
    readonly kind: string;
    readonly path?: string;
    readonly because: string;
    /** Steps without one are what is done for the jobs afterwards. */
    readonly round?: number;
    readonly unit?: string;
    readonly attempt?: string;
    readonly outcome?: string;
    readonly error?: string;
  }[];
  readonly refusals: readonly { readonly code: string; readonly path?: string; readonly because: string }[];
  /** The folder of what was kept when an incident began in this run. */
  readonly evidence?: string | null;
  readonly blast_radius: readonly {
    readonly device: string;
    readonly paths: readonly string[];
    readonly crawls: readonly string[];
  }[];
}

export interface Recovered {
  readonly status: number | null;
  readonly answer: RecoverAnswer;
  readonly durationMs: number;
}

export async function recover(
  host: Host,
  args: readonly string[] = [],
  user = 'root',
  environment: readonly string[] = [],
): Promise<Recovered> {
  const argv = ['env', ...environment, 'healtharchive', 'storage', 'recover', '--json', ...args];
  const { status, stdout, stderr, durationMs } = await host.run(argv, { user, timeoutMs: 150_000 });
  try {
    return { status, answer: JSON.parse(stdout) as RecoverAnswer, durationMs };
  } catch (error) {
    throw new Error(`no answer: ${stdout} ${stderr}`, { cause: error });
  }
}

export interface PlannedRecovery {
  readonly rounds: readonly (readonly string[])[];
  readonly left: readonly string[];
}

/** The forecast in the words of the table: `bind` and `own mount` in place of their paths, proofs left out. */
export async function recoveryPlan({ host, bind, own }: StorageLab): Promise<PlannedRecovery> {
  const { answer } = await recover(host);
  const name = (path: string | undefined): string =>
    path === BASE ? 'base' : path === bind ? 'bind' : path === own.path ? 'own mount' : (path ?? 'all');
  const rounds: string[][] = [];
  for (const { kind, path, round = 1 } of answer.steps) {
    const steps = (rounds[round - 1] ??= []);
    if (kind !== 'verify') steps.push(`${kind} ${name(path)}`);
  }
  // It is switched off in these hosts, as on a fresh installation.
  const left = answer.refusals.filter(({ code }) => code !== 'no_sentinel');
  return { rounds, left: left.map(({ code, path }) => `${name(path)}: ${code}`) };
}
