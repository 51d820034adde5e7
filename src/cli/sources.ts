import { InvalidArgumentError, type Command } from 'commander';
import { RefusedError, UsageError } from '../core/errors.ts';
import { isSourceCode } from '../core/jobs/naming.ts';
import { escapeToWidth } from '../core/text/escape.ts';
import { SourceStore, type Source, type SourceChange } from '../store/source-store.ts';
import { checkedName, checkedSeeds } from './arguments.ts';
import { withHelp } from './help.ts';
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

interface EditOptions extends GlobalOptions {
  readonly name?: string;
  readonly seed?: string[];
  readonly waitSeconds?: number;
}

export function addSourceCommands(sources: Command, terminal: Terminal): void {
  addAdd(sources, terminal);
  addList(sources, terminal);
  addEdit(sources, terminal);
  addRemove(sources, terminal);
}

function addAdd(sources: Command, terminal: Terminal): void {
  const command = sources
    .command('add')
    .description('add a source')
    .requiredOption('--code <code>', 'short name: lower-case letters, digits and dashes')
    .requiredOption('--name <name>', 'name for people')
    .requiredOption('--seed <url...>', 'where its crawls begin; their hosts and path prefixes are the scope')
    .option('--wait-seconds <seconds>', 'pause between two requests', parseWait, 1)
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

function addEdit(sources: Command, terminal: Terminal): void {
  const command = sources
    .command('edit')
    .description('change a source; jobs that are there keep the seeds and the pause that they began with')
    .argument('<code>', 'code of the source')
    .option('--name <name>', 'name for people')
    .option('--seed <url...>', 'where its crawls begin, instead of all seeds before')
    .option('--wait-seconds <seconds>', 'pause between two requests', parseWait)
    .option('--json', 'answer as JSON')
    .action(async (code: string, _options, self: Command) => {
      const options = self.optsWithGlobals<EditOptions>();
      const change = checkedChange(options);
      const configuration = readConfiguration(options, terminal);
      const edited = await withDatabase(
        configuration,
        async (database) => await new SourceStore(database).edit(code, change),
      );
      if (options.json === true) terminal.answerJson(sourceJson(edited));
      else terminal.answer(`Changed source ${edited.code}. Jobs added from now on go by it.`);
    });
  withHelp(command, {
    examples: [['sources edit hc --seed https://www.canada.ca/en/health-canada.html', 'the site has moved']],
    exits: ['configuration'],
  });
}

function checkedChange({ name, seed, waitSeconds }: EditOptions): SourceChange {
  const change = {
    ...(name === undefined ? {} : { name: checkedName('--name', name) }),
    ...(seed === undefined ? {} : { seeds: checkedSeeds(seed) }),
    ...(waitSeconds === undefined ? {} : { waitSeconds }),
  };
  if (Object.keys(change).length > 0) return change;
  throw new UsageError('nothing to change: give --name, --seed or --wait-seconds.');
}

function addRemove(sources: Command, terminal: Terminal): void {
  const command = sources
    .command('remove')
    .description('remove a source; refused while unfinished jobs need it; jobs that are over stay')
    .argument('<code>', 'code of the source')
    .option('--json', 'answer as JSON')
    .action(async (code: string, _options, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions>();
      const configuration = readConfiguration(options, terminal);
      const inNeed = await withDatabase(
        configuration,
        async (database) => await new SourceStore(database).remove(code, Date.now()),
      );
      if (inNeed.length > 0) throw stillNeeded(code, inNeed);
      if (options.json === true) terminal.answerJson({ removed: code });
      else terminal.answer(`Removed source ${code}. What was archived of it stays, and so do its jobs.`);
    });
  withHelp(command, {
    examples: [['sources remove hc', 'no campaign takes it up again']],
    exits: ['configuration', 'refused'],
  });
}

function stillNeeded(code: string, jobs: readonly number[]): RefusedError {
  const [first] = jobs;
  const which = jobs.length === 1 ? `job ${first} is` : `${jobs.length} jobs (${first}, ...) are`;
  return new RefusedError(
    `source ${code} is still needed: ${which} not finished.`,
    `healtharchive jobs cancel ${first}`,
  );
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
  if (!isSourceCode(options.code)) {
    throw new UsageError(
      `--code ${escapeToWidth(options.code, 60)}: a code has at most 32 lower-case letters, digits and dashes, and begins with a letter or digit.`,
    );
  }
  return {
    code: options.code,
    name: checkedName('--name', options.name),
    seeds: checkedSeeds(options.seed),
    waitSeconds: options.waitSeconds,
  };
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
