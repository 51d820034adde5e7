/**
 * The wget recipe: seeds -> the passes of an attempt. Every claim about wget here was measured with wget 1.21
 * (docs/crawling.md); the tests in test/crawl/ hold it to them.
 */
import type { CrawlerPass } from '../attempts/launch-spec.ts';
import { alternatives, hostPattern, partPattern, scopeOf, scopePattern, type ScopePart } from './scope.ts';

export interface WgetJob {
  /** http(s) URLs, at least one. */
  readonly seeds: readonly string[];
  /** Pause between two requests. */
  readonly waitSeconds: number;
  /** `JOB-NNN`. */
  readonly attempt: string;
  /** Absolute; on local disk. */
  readonly scratchDir: string;
  /** CDX file of what earlier attempts archived, absolute; null: no deduplication. */
  readonly dedupCdxFile: string | null;
}

/** A WARC file is closed at about this size: what one damaged file can cost, and what a person can still copy. */
const WARC_MAX_SIZE = '1G';
/** For DNS, connect and each read. Completeness first: a slow public server is waited for. */
const TIMEOUT_SECONDS = 60;
const TRIES = 3;
const USER_AGENT = 'Mozilla/5.0 (compatible; HealthArchive/0.1; web archive of public health bodies)';

/** File types that pages are made of (not documents), for requisites outside of the seeds' paths. */
const REQUISITE_EXTENSIONS = [
  ...['css', 'js', 'mjs', 'json', 'avif', 'bmp', 'gif', 'ico', 'jpeg', 'jpg', 'png', 'svg', 'webp'],
  ...['eot', 'otf', 'ttf', 'woff', 'woff2', 'm4a', 'mp3', 'mp4', 'oga', 'ogg', 'ogv', 'webm'],
];

/** One pass per seed: wget starts a new tree at each URL it is given. A seed that an earlier pass reached is left out. */
export function wgetPasses(job: WgetJob): CrawlerPass[] {
  const parts = scopeOf(job.seeds);
  return job.seeds.map((seed, index) => ({
    argv: ['wget', ...wgetArguments(job, parts, seed, index)],
    skipIfArchived: index === 0 ? null : seed,
  }));
}

/** Base name of a pass's files in `warcs/`: `JOB-NNN`, then `JOB-NNN-2` and so on. */
export function wgetFileStem(attempt: string, passIndex: number): string {
  return passIndex === 0 ? attempt : `${attempt}-${passIndex + 1}`;
}

function wgetArguments(job: WgetJob, parts: readonly ScopePart[], seed: string, passIndex: number): string[] {
  const own = parts.filter((part) => part.host === new URL(seed).host);
  // --no-parent is the only scope rule of wget that lets page requisites through, but it knows one folder only.
  const useNoParent = own.length === 1 && own[0]?.kind === 'folder' && isFolderOf(own[0], seed);
  return [
    '--no-config',
    '--no-verbose',
    '--no-hsts',
    '--recursive',
    '--level=inf',
    '--page-requisites',
    ...(new Set(parts.map((part) => part.host)).size > 1 ? ['--span-hosts'] : []),
    ...(useNoParent ? ['--no-parent'] : []),
    `--accept-regex=${useNoParent ? acceptWithNoParent(parts, new URL(seed).host) : acceptByPath(parts)}`,
    // Folders in scratch would clash: a site may have both /a and /a/b. Nothing is kept: the WARC is the archive.
    '--no-directories',
    '--delete-after',
    `--directory-prefix=${job.scratchDir}`,
    `--warc-file=warcs/${wgetFileStem(job.attempt, passIndex)}`,
    '--warc-cdx',
    `--warc-max-size=${WARC_MAX_SIZE}`,
    ...(job.dedupCdxFile === null ? [] : [`--warc-dedup=${job.dedupCdxFile}`]),
    '--warc-header=operator: HealthArchive',
    `--warc-header=isPartOf: ${job.attempt}`,
    `--user-agent=${USER_AGENT}`,
    `--timeout=${TIMEOUT_SECONDS}`,
    `--tries=${TRIES}`,
    '--waitretry=10',
    '--retry-connrefused',
    '--retry-on-http-error=429,503',
    ...(job.waitSeconds > 0 ? [`--wait=${job.waitSeconds}`] : []),
    '--',
    seed,
  ];
}

/** --no-parent goes by the folder of the URL that wget is given: it must be the same as the scope's. */
function isFolderOf(part: ScopePart, seed: string): boolean {
  const { pathname } = new URL(seed);
  return pathname.slice(0, pathname.lastIndexOf('/') + 1) === part.path;
}

function acceptWithNoParent(parts: readonly ScopePart[], ownHost: string): string {
  const elsewhere = parts.filter((part) => part.host !== ownHost);
  return alternatives([hostPattern(ownHost), ...elsewhere.map(partPattern), ...requisites(elsewhere)]);
}

function acceptByPath(parts: readonly ScopePart[]): string {
  return alternatives([scopePattern(parts), ...requisites(parts)]);
}

/** --accept-regex holds for requisites too, so those outside of the paths are let in by their file type. */
function requisites(parts: readonly ScopePart[]): string[] {
  const partial = parts.filter((part) => part.path !== '/').map((part) => part.host);
  const upper = REQUISITE_EXTENSIONS.map((extension) => extension.toUpperCase());
  const extensions = [...REQUISITE_EXTENSIONS, ...upper].join('|');
  return [...new Set(partial)].map((host) => `${hostPattern(host)}[^?]*\\.(${extensions})(\\?.*)?$`);
}
