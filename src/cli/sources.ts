import { InvalidArgumentError, type Command } from 'commander';
import { UsageError } from '../core/errors.ts';
import { canonicalSeed } from '../core/jobs/seed-url.ts';
import { escapeToWidth } from '../core/text/escape.ts';
import { SourceStore, type Source } from '../store/source-store.ts';
import { withHelp } from './command.ts';
import { isoTime } from './job-json.ts';
import { readConfiguration, withDatabase, type GlobalOptions } from './session.ts';
import { formatTable } from './table.ts';
import type { Terminal } from './terminal.ts';

interface AddOptions extends GlobalOptions {
  readonly code: string;
  readonly name: string;
  readonly seed: string[];
  readonly waitSeconds: number;
}

export function addSourceCommands(program: Command, terminal: Terminal): void {
  const sources = program.command('sources').description('the public bodies whose sites are archived');
  addAdd(sources, terminal);
  addList(sources, terminal);
}

function addAdd(sources: Command, terminal: Terminal): void {
  const command = sources
    .command('add')
    .description('add a source')
    .requiredOption('--code <code>', 'short name: lower-case letters, digits and dashes')
    .requiredOption('--name <name>', 'name for people')
    .requiredOption('--seed <url...>', 'where its crawls begin; their hosts and path prefixes are the scope')
    .option('--wait-seconds <seconds>', 'pause between two requests', parseWait, 0)
    .option('--json', 'answer as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<AddOptions>();
      const source = checkedSource(options);
      const configuration = readConfiguration(options, terminal);
      const added = await withDatabase(
        configuration,
        async (database) => await new SourceStore(database).add(source, Date.now()),
      );
      if (options.json === true) terminal.answerJson(sourceJson(added));
      else terminal.answer(`Added source ${added.code}.`);
    });
  withHelp(command, {
    examples: [
      [
        'sources add --code hc --name "Health Canada" --seed https://www.canada.ca/en/health-canada.html',
        'one seed',
      ],
    ],
    exits: ['configuration'],
  });
}

function addList(sources: Command, terminal: Terminal): void {
  const command = sources
    .command('list')
    .description('list all sources')
    .option('--json', 'answer as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions>();
      const configuration = readConfiguration(options, terminal);
      const all = await withDatabase(
        configuration,
        async (database) => await new SourceStore(database).list(),
      );
      if (options.json === true) {
        terminal.answerJson({ sources: all.map(sourceJson) });
        return;
      }
      const rows = all.map((source) => [
        escapeToWidth(source.code, 32),
        escapeToWidth(source.name, 40),
        `${source.waitSeconds}s`,
        escapeToWidth(source.seeds.join(' '), 100),
      ]);
      for (const line of formatTable(['CODE', 'NAME', 'WAIT', 'SEEDS'], rows)) terminal.answer(line);
    });
  withHelp(command, { examples: [['sources list --json', 'for scripts']], exits: ['configuration'] });
}

function checkedSource(options: AddOptions): Omit<Source, 'createdAtMs'> {
  if (!/^[a-z0-9][a-z0-9-]{0,31}$/.test(options.code)) {
    throw new UsageError(
      `--code ${escapeToWidth(options.code, 60)}: a code has at most 32 lower-case letters, digits and dashes, and begins with a letter or digit.`,
    );
  }
  return {
    code: options.code,
    name: options.name,
    seeds: checkedSeeds(options.seed),
    waitSeconds: options.waitSeconds,
  };
}

/** @throws UsageError for the first seed that is no http(s) URL */
export function checkedSeeds(seeds: readonly string[]): string[] {
  return [
    ...new Set(
      seeds.map((seed) => {
        const canonical = canonicalSeed(seed);
        if (canonical === null) {
          throw new UsageError(
            `--seed ${escapeToWidth(seed, 200)}: not an http:// or https:// URL (without user and password).`,
          );
        }
        return canonical;
      }),
    ),
  ];
}

function parseWait(text: string): number {
  const seconds = Number(text);
  if (text.trim() === '' || !Number.isFinite(seconds) || seconds < 0 || seconds > 3600) {
    throw new InvalidArgumentError('It must be a number of seconds from 0 to 3600.');
  }
  return seconds;
}

function sourceJson(source: Source): Record<string, unknown> {
  return {
    code: source.code,
    name: source.name,
    seeds: source.seeds,
    wait_seconds: source.waitSeconds,
    created_at: isoTime(source.createdAtMs),
  };
}
