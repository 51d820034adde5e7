import type { Configuration } from '../config/schema.ts';
import { runCommand } from '../effects/command.ts';
import type { HostIdentity } from '../effects/host.ts';
import { compileCache, programPath } from '../effects/program-path.ts';
import type { Release } from '../core/recovery/release.ts';
import type { RecoveryMemory } from '../core/recovery/memory.ts';

/** What recovery asks of the database, as the one JSON document on the standard input of the jobs child. */
export type JobChangesRequest = {
  readonly url: string;
  readonly stateDir: string;
  readonly retry: {
    readonly maxRetries: number;
    readonly backoffMs: number;
    readonly infraCooldownMs: number;
  };
} & (
  | { readonly kind: 'interrupt'; readonly jobId: number; readonly token: string; readonly because: string }
  /** Forget on which mount these jobs ran first: a person says that another one is right. */
  | { readonly kind: 'forget_storage'; readonly jobIds: readonly number[]; readonly actor: string }
  | {
      readonly kind: 'afterwards';
      readonly host: HostIdentity;
      readonly memory: Pick<RecoveryMemory, 'verified' | 'releases'>;
      /** Places that are broken or not proved: no job on one of them is released. */
      readonly unfit: readonly string[];
      readonly maxPerJobPerDay: number;
    }
);

/** On its standard output. */
export type JobChangesAnswer =
  /** `isAsked`: the worker that runs it is asked; false: it is another attempt's by now. */
  | { readonly kind: 'interrupt'; readonly isAsked: boolean }
  | { readonly kind: 'forget_storage' }
  | {
      readonly kind: 'afterwards';
      readonly released: readonly Release[];
      /** Running jobs whose worker and crawler were gone: what became of each. */
      readonly returned: readonly { readonly jobId: number; readonly outcome: string }[];
    }
  | { readonly kind: 'unavailable'; readonly because: string };

/** The start of a program on a busy machine, a write lock that others hold, and what the write itself takes. */
const deadlineMs = 8000;

type Question<Request = JobChangesRequest> = Request extends JobChangesRequest
  ? Omit<Request, 'url' | 'stateDir' | 'retry'>
  : never;

/** Asks a disposable child: a database file may lie on dead storage too. Nothing is thrown. */
export async function changeJobs(
  configuration: Configuration,
  question: Question,
): Promise<JobChangesAnswer> {
  const { database, paths, worker } = configuration;
  const request = {
    ...question,
    url: database.url,
    stateDir: paths.state_dir,
    retry: {
      maxRetries: worker.max_retries,
      backoffMs: worker.retry_backoff_seconds * 1000,
      infraCooldownMs: worker.infra_error_cooldown_seconds * 1000,
    },
  };
  const argv = ['--disable-warning=ExperimentalWarning', '--', programPath('jobs-child')];
  const result = await runCommand([process.execPath, ...argv], {
    deadlineMs,
    killGraceMs: 0,
    env: compileCache,
    // The address can hold a password, so it is no argument: those are for all to see.
    stdin: JSON.stringify(request),
  });
  if (result.kind === 'exited' && result.code === 0) return JSON.parse(result.stdout) as JobChangesAnswer;
  const because =
    result.kind === 'timed_out'
      ? `the database gave no answer within ${deadlineMs / 1000} s`
      : `the program that changes jobs failed (${result.kind})`;
  return { kind: 'unavailable', because };
}
