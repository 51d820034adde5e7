/** What script/test runs. Every *.test.ts under test/ belongs to a suite, so that no test is forgotten. */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

export interface Suite {
  readonly name: string;
  /** Relative to the checkout, in the order in which they are begun. */
  readonly files: readonly string[];
  /** All of them by one `node --test`, which is cheaper for short ones, and has an order of its own. */
  readonly hasManyShort: boolean;
  /** Test files at the same time. */
  readonly concurrency: number;
  /** For each test that sets no timeout of its own. */
  readonly testTimeoutSeconds: number;
  /** For all of it, since a test file that leaves something open never ends by itself. */
  readonly limitSeconds: number;
  /** The suite at whose side it runs, with what that one leaves of the cores: it only computes, and no deadline is in it. */
  readonly beside: string | null;
}

type Tuning = Omit<Suite, 'name' | 'files' | 'hasManyShort' | 'beside'>;

const UNIT: Tuning = { concurrency: 2, testTimeoutSeconds: 60, limitSeconds: 300 };
/** One file at a time: these start whole hosts, servers and crawls, and their deadlines are those of real life. */
const SLOW: Tuning = { concurrency: 1, testTimeoutSeconds: 600, limitSeconds: 1200 };
/** The lab's hosts mostly wait, for sshfs, for systemd, for crawls; crawls wait even more. That many files at a time fit two cores. */
const AT_ONCE: Readonly<Record<string, number>> = { lab: 2, crawls: 4, cli: 2, storage: 2, programs: 2 };
/** Folders whose tests are run as one suite: alone, each of them would end with a core that waits. */
const TOGETHER: Readonly<Record<string, string>> = {
  attempts: 'crawls',
  service: 'crawls',
  endurance: 'crawls',
};
/** The lab waits more than it computes. */
const BESIDE: Readonly<Record<string, string>> = { simulation: 'lab' };
/** They are begun first, so that at the end of a suite no core waits for one of them alone. */
const LONGEST: readonly string[] = [
  'deploy',
  'recovery-adversity',
  'recovery-auto',
  'recovery',
  'worker-service',
  'tiering-adversity',
  'tiering',
  'bad-days',
  'held-back',
  'hanging-engine',
  'claims',
  'crawl',
  'kill-worker',
  'storage-status',
];
const FULL: Tuning = { ...SLOW, testTimeoutSeconds: 3600, limitSeconds: 7200 };
/** The order of the slow suites that are known: what crawls first. Others follow by name. */
const ORDER = ['crawls', 'storage', 'lab', 'simulation'];

/** The unit tests that `npm test` runs, then one suite for each other folder of test/, or for a few together. */
export function findSuites(checkout: string, isFull: boolean): Suite[] {
  const unitFiles = globSync(unitPattern(checkout), { cwd: checkout }).sort();
  const others = globSync('test/**/*.test.ts', { cwd: checkout })
    .filter((file) => !unitFiles.includes(file))
    .sort();
  const suiteOf = (folder: string): string => TOGETHER[folder] ?? folder;
  const byFolder = Object.groupBy(others, (file) => suiteOf(file.split('/')[1] ?? ''));
  const slow = Object.entries(byFolder).map(([name, files = []]) => ({
    name,
    files: files.toSorted((a, b) => startRank(a) - startRank(b)),
    hasManyShort: false,
    beside: BESIDE[name] ?? null,
    ...(isFull ? FULL : SLOW),
    concurrency: isFull ? FULL.concurrency : (AT_ONCE[name] ?? SLOW.concurrency),
  }));
  slow.sort((a, b) => rank(a.name) - rank(b.name) || a.name.localeCompare(b.name));
  return [{ name: 'unit', files: unitFiles, hasManyShort: true, beside: null, ...UNIT }, ...slow];
}

function startRank(file: string): number {
  const index = LONGEST.indexOf(basename(file, '.test.ts'));
  return index === -1 ? LONGEST.length : index;
}

function rank(name: string): number {
  const index = ORDER.indexOf(name);
  return index === -1 ? ORDER.length : index;
}

/** The pattern that `npm test` gives to node: it says in one place which tests are unit tests. */
function unitPattern(checkout: string): string {
  const { scripts } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const pattern = /^node --test --test-concurrency=2 '([^']+)'$/.exec(scripts['test'] ?? '')?.[1];
  if (pattern === undefined)
    throw new Error(`package.json: the script "test" is not node --test --test-concurrency=2 'PATTERN'`);
  return pattern;
}

/** Tests that do less than they can unless HEALTHARCHIVE_TEST_FULL=1; they read it themselves. */
export function shortenedFiles(checkout: string, suites: readonly Suite[]): string[] {
  return suites
    .flatMap(({ files }) => files)
    .filter((file) => readFileSync(join(checkout, file), 'utf8').includes("'HEALTHARCHIVE_TEST_FULL'"));
}
