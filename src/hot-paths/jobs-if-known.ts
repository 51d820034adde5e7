import type { Configuration } from '../config/schema.ts';
import type { Job, JobStatus } from '../core/jobs/job.ts';
import type { ArchivePlace, ArchiveRecord } from '../core/storage/archive.ts';
import { runCommand, type CommandResult } from '../effects/command.ts';
import { compileCache, programPath } from '../effects/program-path.ts';
import { stuckProbesFolder } from './observe-configured.ts';

/** It can't be asked, or not in time. */
interface NotKnown {
  readonly isKnown: false;
  readonly because: string;
  /** A command. */
  readonly fix: string | null;
}

/**
 * The jobs whose output directories somebody still depends on (needsItsPath); or, without the database, that they are not known, and
 * why. "No jobs" is never assumed.
 */
export type JobsIfKnown =
  | {
      readonly isKnown: true;
      readonly jobs: readonly Job[];
      /** Null: nobody asked for them. */
      readonly figures: JobFigures | null;
    }
  | NotKnown;

/** How many jobs there are, the finished ones too. */
export interface JobFigures {
  readonly byStatus: Readonly<Record<JobStatus, number>>;
  /** Attempts that have ended with an infra error in the last ten minutes. */
  readonly recentInfraErrors: number;
}

/** What each of the places that were asked for holds, in their order. */
export type ArchivesIfKnown =
  { readonly isKnown: true; readonly archives: readonly (ArchiveRecord | null)[] } | NotKnown;

type Question =
  | {
      readonly kind: 'needed';
      /** Whose annual jobs are needed, finished or not. */
      readonly year: number;
      readonly withFigures: boolean;
    }
  | { readonly kind: 'archives'; readonly places: readonly ArchivePlace[] };

/** The one JSON document on the standard input of the jobs child; on its standard output is one of the two above. */
export type JobsRequest = Question & {
  readonly url: string;
  readonly answerMs: number;
  /** An earlier child that is older counts as blocked. */
  readonly deadlineMs: number;
  /** Where blocked ones are recorded (stuck-children.ts). */
  readonly stuckDir: string;
};

/** For all of it: who looks at broken storage must not wait long for a broken database too. */
const defaultDeadlineMs = 5000;
/** Of that for the start of a program, slow on a busy machine; the rest is for the database's answer. */
const startMs = 3000;
/** Some hundred thousand jobs that wait; beyond that they are not known, but nothing ends for want of memory. */
const maxOutputBytes = 256 * 1024 * 1024;

/** @param question.year whose annual jobs are needed, finished or not; default: this one (UTC) */
export async function jobsIfKnown(
  configuration: Configuration,
  {
    year = new Date().getUTCFullYear(),
    withFigures = false,
    deadlineMs = defaultDeadlineMs,
  }: { readonly year?: number; readonly withFigures?: boolean; readonly deadlineMs?: number } = {},
): Promise<JobsIfKnown> {
  return await ask<JobsIfKnown>(configuration, { kind: 'needed', year, withFigures }, deadlineMs);
}

/** What jobs, finished ones too, have archived at each of the places. */
export async function archivesIfKnown(
  configuration: Configuration,
  places: readonly ArchivePlace[],
  deadlineMs = defaultDeadlineMs,
): Promise<ArchivesIfKnown> {
  if (places.length === 0) return { isKnown: true, archives: [] };
  return await ask<ArchivesIfKnown>(configuration, { kind: 'archives', places }, deadlineMs);
}

/**
 * Asks a disposable child, so that it is answered in time wherever the database lies; nothing is
 * thrown.
 */
async function ask<Answer>(
  configuration: Configuration,
  question: Question,
  deadlineMs: number,
): Promise<Answer | NotKnown> {
  const request: JobsRequest = {
    ...question,
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
    return JSON.parse(result.stdout) as Answer;
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
