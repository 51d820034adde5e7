import { canonicalSeed } from '../crawler/crawl-url.ts';
import { type CrawlerStatus, type JobStatus, unfinishedStatuses } from '../jobs/job.ts';
import { isSourceCode } from '../jobs/naming.ts';
import { type Refusal, refuse, general, type Step } from '../plan.ts';
import { isBelow, isNear, isNormalised } from '../storage/path-relation.ts';
import type { LegacyData, LegacyJob, LegacySource } from './legacy-rows.ts';

/** A source as it is added. */
export interface TakenSource {
  readonly code: string;
  readonly name: string;
  readonly seeds: readonly string[];
  /** Switched off in the original: it is there for its jobs, and no campaign takes it up. */
  readonly isRemoved: boolean;
}

/** A job as it is added. */
export interface TakenJob {
  /** The original's own, which it keeps if no job here has it. */
  readonly legacyId: number;
  readonly source: string;
  readonly name: string;
  readonly outputDir: string;
  readonly status: JobStatus;
  readonly crawlerStatus: CrawlerStatus | null;
  readonly retryCount: number;
  readonly seeds: readonly string[];
  readonly campaignYear: number | null;
  readonly createdAtMs: number | null;
  readonly queuedAtMs: number | null;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
  readonly lastError: string | null;
  /** Its attempts, as one; null: it has had none. */
  readonly attempt: {
    readonly outcome: string;
    readonly pages: number;
    readonly errorPages: number;
    readonly bytes: number;
  } | null;
  /** What else the original knew, for its history. */
  readonly about: string;
}

export type TakeOverStep = Step &
  (
    | { readonly kind: 'source'; readonly source: TakenSource }
    | { readonly kind: 'job'; readonly job: TakenJob }
  );

/** What is here already. */
export interface TakeOverWorld {
  readonly jobsRoot: string;
  readonly sources: ReadonlySet<string>;
  readonly jobs: readonly {
    readonly name: string;
    readonly outputDir: string;
    readonly isFinished: boolean;
  }[];
}

export interface TakeOverPlan {
  readonly steps: readonly TakeOverStep[];
  /** What can't be taken over, and what is lost of what is. */
  readonly left: readonly Refusal[];
  /** Jobs that are here already. */
  readonly present: number;
}

const isFinished = (status: JobStatus): boolean => !unfinishedStatuses.includes(status);

/** What of the original is taken over. What is here already is left as it is: again it finds nothing to do. */
export function decideTakeOver(
  legacy: LegacyData,
  world: TakeOverWorld,
  { isWorkerStopped }: { readonly isWorkerStopped: boolean },
): TakeOverPlan {
  const left = legacy.problems.map(({ table, id, because }) =>
    leave(null, `${table} ${id === null ? '' : `${id} `}can’t be understood: ${because}`),
  );
  const sources = newSources(legacy, world, left);
  const usable = new Set([...world.sources, ...sources.map(({ code }) => code)]);
  const isPresent = (job: LegacyJob): boolean =>
    world.jobs.some(({ name, outputDir }) => name === job.name && outputDir === job.outputDir);
  const candidates = legacy.jobs.filter((job) => !isPresent(job));
  const places = [...world.jobs];
  const jobSteps = candidates.flatMap((job): Extract<TakeOverStep, { kind: 'job' }>[] => {
    const source = legacy.sources.find(({ id }) => id === job.sourceId);
    const taken =
      source !== undefined && !usable.has(source.code)
        ? `its source ${source.code} can’t be taken over`
        : takenJob(job, source, isWorkerStopped);
    const why = typeof taken === 'string' ? taken : whyNotHere(taken, world.jobsRoot, places);
    const who = `job ${job.id} (${job.name})`;
    if (typeof taken === 'string' || why !== null) {
      left.push(leave(job.outputDir, `${who}: ${why ?? ''}`));
      return [];
    }
    places.push({ ...taken, isFinished: isFinished(taken.status) });
    const options = job.config?.crawlerOptions ?? [];
    if (options.length > 0 && !isFinished(taken.status))
      left.push(
        leave(
          job.outputDir,
          `${who} is taken over without the options of its crawler: ${options.join(', ')}`,
        ),
      );
    return [{ kind: 'job', path: taken.outputDir, because: describe(job, taken), job: taken }];
  });
  const isCrawled = (code: string): boolean =>
    jobSteps.some(({ job }) => job.source === code && !isFinished(job.status));
  for (const { code } of sources.filter((source) => source.isRemoved && isCrawled(source.code)))
    left.push(
      leave(
        null,
        `source ${code} is switched off in the original, and stays on here: jobs of it are not finished`,
      ),
    );
  const sourceSteps = sources.map((source) =>
    sourceStep({ ...source, isRemoved: source.isRemoved && !isCrawled(source.code) }),
  );
  return {
    steps: [...sourceSteps, ...jobSteps],
    left,
    present: legacy.jobs.length - candidates.length,
  };
}

function leave(path: string | null, because: string): Refusal {
  return path === null
    ? general('legacy_left', because, false)
    : refuse({ path }, { code: 'legacy_left', because });
}

/** Those that are not here yet, switched off or not. */
function newSources({ sources, jobs }: LegacyData, world: TakeOverWorld, left: Refusal[]): TakenSource[] {
  return sources
    .filter(({ code }) => !world.sources.has(code))
    .flatMap((source) => {
      const taken = takenSource(source, jobs);
      if (typeof taken !== 'string') return [taken];
      left.push(leave(null, `source ${source.code}: ${taken}`));
      return [];
    });
}

function sourceStep(source: TakenSource): TakeOverStep {
  const { code, name, seeds, isRemoved } = source;
  const begins = seeds.length === 1 ? '1 seed' : `${seeds.length} seeds`;
  const off = isRemoved ? '; removed, as it is switched off' : '';
  return { kind: 'source', path: null, because: `${code}: ${name}, ${begins}${off}`, source };
}

/** A sentence without full stop: why it is not taken over. */
function takenSource(source: LegacySource, jobs: readonly LegacyJob[]): TakenSource | string {
  if (!isSourceCode(source.code)) return 'its code is none here (lower-case letters, digits and dashes)';
  const own = jobs.filter(({ sourceId }) => sourceId === source.id).toSorted((a, b) => b.id - a.id);
  const newest = own.map(({ config }) => seedsOf(config?.seeds ?? [])).find((seeds) => seeds.length > 0);
  const base = source.baseUrl === null ? [] : seedsOf([source.baseUrl]);
  const seeds = newest ?? base;
  if (seeds.length === 0)
    return 'neither a job of it nor its base_url says where its crawls begin: `sources add` with --seed';
  const name = source.name === null || source.name.trim() === '' ? source.code : source.name;
  return { code: source.code, name, seeds, isRemoved: !source.isEnabled };
}

const seedsOf = (texts: readonly string[]): string[] => [
  ...new Set(texts.map(canonicalSeed).filter((seed) => seed !== null)),
];

const statuses: Readonly<Record<string, JobStatus>> = {
  queued: 'queued',
  running: 'retryable',
  retryable: 'retryable',
  failed: 'failed',
  completed: 'completed',
  indexing: 'completed',
  indexed: 'completed',
  index_failed: 'completed',
};

/** How the crawler ended, by the original's words; what is none of ours says nothing. */
const crawlerStatuses: Readonly<Record<string, CrawlerStatus>> = {
  success: 'success',
  failed: 'failed',
  infra_error: 'infra_error',
  config_error: 'config_error',
};

/** Without seeds of its own it has those of its source. A sentence without full stop: why it is not taken over. */
function takenJob(
  job: LegacyJob,
  source: LegacySource | undefined,
  isWorkerStopped: boolean,
): TakenJob | string {
  if (source === undefined) return 'it has no source';
  const status = statuses[job.status];
  if (status === undefined) return `its status ${job.status} is not known`;
  const isRunning = job.status === 'running';
  if (isRunning && !isWorkerStopped)
    return 'the original says that it runs: stop its worker, then add --worker-stopped, and it is taken over as interrupted';
  const seeds = seedsOf(job.config?.seeds ?? []);
  const crawlerStatus = isRunning
    ? 'interrupted'
    : status === 'completed'
      ? 'success'
      : (crawlerStatuses[job.crawlerStatus ?? ''] ?? null);
  const hasStarted = job.startedAtMs !== null || job.warcFiles > 0 || job.pagesCrawled > 0;
  const isAnnual = job.config?.campaignKind === 'annual';
  return {
    legacyId: job.id,
    source: source.code,
    name: job.name,
    outputDir: job.outputDir,
    status,
    crawlerStatus,
    retryCount: Math.max(0, job.retryCount),
    seeds,
    campaignYear: isAnnual ? job.config.campaignYear : null,
    createdAtMs: job.createdAtMs,
    queuedAtMs: job.queuedAtMs,
    startedAtMs: job.startedAtMs,
    finishedAtMs: isFinished(status) ? job.finishedAtMs : null,
    lastError: status === 'completed' || status === 'queued' ? null : lastErrorOf(job),
    attempt: hasStarted
      ? {
          outcome: outcomes[crawlerStatus ?? 'failed'],
          pages: job.pagesCrawled,
          errorPages: job.pagesFailed,
          bytes: job.warcBytes,
        }
      : null,
    about: aboutOf(job),
  };
}

/** As attempts' ends are called in the history. */
const outcomes: Readonly<Record<CrawlerStatus, string>> = {
  success: 'success',
  failed: 'crawl_failure',
  infra_error: 'infra_error',
  config_error: 'config_error',
  interrupted: 'interrupted',
  source_unreachable: 'source_unreachable',
};

function lastErrorOf({ status, crawlerStatus, crawlerExitCode, crawlerStage }: LegacyJob): string {
  const said = [
    status === 'running' ? 'its worker was stopped' : `crawler ${crawlerStatus ?? 'status unknown'}`,
    ...(crawlerExitCode === null ? [] : [`exit ${crawlerExitCode}`]),
    ...(crawlerStage === null ? [] : [`stage ${crawlerStage}`]),
  ];
  return `In the original: ${said.join(', ')}.`;
}

function aboutOf({ id, status, warcFiles, warcBytes, finalZimPath, combinedLogPath }: LegacyJob): string {
  const parts = [
    `job ${id} of the original, ${status}`,
    ...(warcFiles > 0 ? [`${warcFiles} WARC files, ${warcBytes} bytes, where they were`] : []),
    ...(finalZimPath === null ? [] : [`ZIM: ${finalZimPath}`]),
    ...(combinedLogPath === null ? [] : [`log: ${combinedLogPath}`]),
  ];
  return parts.join('; ');
}

function describe(job: LegacyJob, { status, campaignYear, source }: TakenJob): string {
  const campaign = campaignYear === null ? '' : `, annual ${campaignYear}`;
  return `job ${job.id} (${job.name}) of ${source}${campaign}: ${job.status === status ? status : `${job.status}, here ${status}`}`;
}

/** A sentence without full stop: why it can’t be a job here; null if it can. */
function whyNotHere(
  { name, outputDir, status }: TakenJob,
  jobsRoot: string,
  places: TakeOverWorld['jobs'],
): string | null {
  if (!isNormalised(outputDir) || !isBelow(outputDir, jobsRoot))
    return `its output directory does not lie below the jobs root, ${jobsRoot}`;
  if (places.some((place) => place.name === name)) return 'another job here has its name';
  if (isFinished(status)) return null;
  const other = places.find((place) => !place.isFinished && isNear(place.outputDir, outputDir));
  return other === undefined ? null : `${other.name}, which is not finished either, writes to the same place`;
}
