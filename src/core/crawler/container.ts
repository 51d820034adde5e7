/**
 * Crawlers in containers: the arguments of `podman run` or `docker run`. The container sees one folder of the output
 * directory, `attempts/NNN/work`, and leaves its WARC files anywhere below it; the launcher then moves them to
 * `warcs/JOB-NNN-*.warc.gz`. The presets follow the documentation of Browsertrix Crawler 1.x and Zimit 2/3;
 * neither image has been run with them yet (docs/crawling.md).
 */
import type { AttemptContainer, LaunchSpec } from '../attempts/launch-spec.ts';
import { scopeOf, scopePattern } from './scope.ts';

export interface ContainerJob {
  readonly engine: string;
  readonly image: string;
  /** A preset, or the image's arguments, in which {seeds}, {attempt} and {output} are replaced. */
  readonly preset: 'browsertrix' | 'zimit' | readonly string[];
  readonly seeds: readonly string[];
  readonly waitSeconds: number;
  /** `JOB-NNN`. */
  readonly attempt: string;
  /** The job's output directory, absolute. */
  readonly outputDir: string;
}

export function isContainerEngine(crawler: string): boolean {
  return crawler === 'podman' || crawler === 'docker';
}

/** Where a custom image finds the folder it writes to: {output}. */
const CUSTOM_OUTPUT = '/output';

export function containerOf(job: Pick<ContainerJob, 'engine' | 'attempt'>): AttemptContainer {
  const folder = job.attempt.slice(job.attempt.lastIndexOf('-') + 1);
  return { engine: job.engine, name: `healtharchive-${job.attempt}`, workDir: `attempts/${folder}/work` };
}

/** Ends and removes a container at once. Without --time podman would send TERM and wait ten seconds; docker kills anyway. */
export function removalArguments(engine: string, name: string): string[] {
  return ['rm', '-f', ...(engine === 'podman' ? ['--time=0'] : []), name];
}

export function containerCommand(job: ContainerJob): LaunchSpec['argv'] {
  const { name, workDir } = containerOf(job);
  const inside = insideOf(job);
  return [
    job.engine,
    'run',
    '--rm',
    `--name=${name}`,
    // The image is fetched by a person beforehand: an attempt must not depend on a registry.
    '--pull=never',
    `--volume=${job.outputDir}/${workDir}:${inside.output}`,
    ...inside.engineArguments,
    job.image,
    ...inside.arguments,
  ];
}

interface Inside {
  readonly output: string;
  readonly engineArguments: readonly string[];
  readonly arguments: readonly string[];
}

function insideOf(job: ContainerJob): Inside {
  switch (job.preset) {
    case 'browsertrix':
      return { output: '/crawls', engineArguments: [], arguments: browsertrixArguments(job) };
    case 'zimit':
      // Chrome needs more shared memory than the 64 MB that engines give.
      return { output: '/output', engineArguments: ['--shm-size=1gb'], arguments: zimitArguments(job) };
    default:
      return {
        output: CUSTOM_OUTPUT,
        engineArguments: [],
        arguments: job.preset.flatMap((argument) => filledIn(argument, job)),
      };
  }
}

/** WARC files appear below /crawls/collections/JOB-NNN/archive/. */
function browsertrixArguments(job: ContainerJob): string[] {
  return [
    'crawl',
    ...job.seeds.flatMap((seed) => ['--url', seed]),
    '--scopeType',
    'custom',
    '--include',
    scopePattern(scopeOf(job.seeds)),
    '--collection',
    job.attempt,
    '--workers',
    '1',
    '--pageExtraDelay',
    String(Math.ceil(job.waitSeconds)),
    // Free space is the worker's business; by default the crawler would give up at 90 %.
    '--diskUtilization',
    '0',
    '--saveState',
    'never',
  ];
}

/** --keep leaves the WARC files in a temporary folder below /output, beside the ZIM file. */
function zimitArguments(job: ContainerJob): string[] {
  return [
    'zimit',
    '--seeds',
    job.seeds.join(','),
    '--name',
    job.attempt,
    '--scopeType',
    'custom',
    '--scopeIncludeRx',
    scopePattern(scopeOf(job.seeds)),
    '--pageExtraDelay',
    String(Math.ceil(job.waitSeconds)),
    '--diskUtilization',
    '0',
    '--output',
    '/output',
    '--keep',
  ];
}

/** {seeds} alone becomes one argument per seed; inside of a longer argument, the seeds with commas. */
function filledIn(argument: string, job: ContainerJob): string[] {
  if (argument === '{seeds}') return [...job.seeds];
  const values: Record<string, string> = {
    '{seeds}': job.seeds.join(','),
    '{attempt}': job.attempt,
    '{output}': CUSTOM_OUTPUT,
  };
  return [argument.replace(/\{(?:seeds|attempt|output)\}/g, (name) => values[name] ?? name)];
}
