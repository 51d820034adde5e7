import type { Configuration } from '../config/schema.ts';
import type { Job } from '../core/jobs/job.ts';
import { runCommand, type CommandResult } from '../effects/command.ts';
import { compileCache, programPath } from '../effects/program-path.ts';
import { stuckProbesFolder } from './observe-configured.ts';

/** All jobs; or, without the database, that they are not known, and why. "No jobs" is never assumed. */
export type JobsIfKnown =
  | {
      readonly isKnown: true;
      readonly jobs: readonly Job[];
      /** Attempts that have ended with an infra error in the last ten minutes. */
      readonly recentInfraErrors: number;
    }
  | { readonly isKnown: false; readonly because: string; /** A command. */ readonly fix: string | null };

/** The one JSON document on the standard input of the jobs child. */
export interface JobsRequest {
  readonly kind: 'read';
  readonly url: string;
  readonly answerMs: number;
  /** An earlier child that is older counts as blocked. */
  readonly deadlineMs: number;
  /** Where blocked ones are recorded (stuck-children.ts). */
  readonly stuckDir: string;
}

/** The one on its standard output. */
export type JobsAnswer = JobsIfKnown;

/** For all of it: who looks at broken storage must not wait long for a broken database too. */
const defaultDeadlineMs = 5000;
/** Of that for the start of a program, slow on a busy machine; the rest is for the database's answer. */
const startMs = 3000;
/** Some ten thousand jobs; beyond that they are not known, but nothing ends for want of memory. */
const maxOutputBytes = 256 * 1024 * 1024;

/**
 * Asks a disposable child, so that it is answered in time wherever the database lies; nothing is
 * thrown.
 */
export async function jobsIfKnown(
  configuration: Configuration,
  deadlineMs = defaultDeadlineMs,
): Promise<JobsIfKnown> {
  const request: JobsRequest = {
    kind: 'read',
    url: configuration.database.url,
    answerMs: deadlineMs - startMs,
    deadlineMs,
    stuckDir: stuckProbesFolder(configuration),
  };
  const argv = ['--disable-warning=ExperimentalWarning', '--', programPath('jobs-child')];
  const result = await runCommand([process.execPath, ...argv], {
    deadlineMs,
    killGraceMs: 0,
    env: compileCache,
    maxOutputBytes,
    // The address can hold a password, so it is no argument: those are for all to see.
    stdin: JSON.stringify(request),
  });
  if (result.kind === 'exited' && result.code === 0 && !result.isTruncated)
    return JSON.parse(result.stdout) as JobsAnswer;
  return { isKnown: false, because: describeFailure(result, deadlineMs), fix: null };
}

export function noAnswer(ms: number): string {
  return `the database gave no answer within ${ms / 1000} s.`;
}

function describeFailure(result: CommandResult, deadlineMs: number): string {
  switch (result.kind) {
    case 'timed_out':
      return noAnswer(deadlineMs);
    case 'exited':
      if (result.isTruncated) return 'the database holds more jobs than can be shown.';
      return `the program that reads the database failed: ${lastLine(result.stderr)}`;
    case 'signaled':
      return `the program that reads the database was ended by ${result.signal}.`;
    case 'not_found':
    case 'failed':
      return `the program that reads the database could not be started (${result.kind === 'failed' ? result.errno : 'ENOENT'}).`;
  }
}

function lastLine(text: string): string {
  return (
    text
      .split('\n')
      .findLast((line) => /^\w*Error\b/.test(line))
      ?.trim() ?? 'it says nothing.'
  );
}
