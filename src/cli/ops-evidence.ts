import { InvalidArgumentError, type Command } from 'commander';
import { escapeForTerminal, escapeToWidth } from '../core/text/escape.ts';
import { takeEvidence } from '../recovery/evidence.ts';
import { lookAsItIs } from '../recovery/foresee.ts';
import { withHelp } from './help.ts';
import { readConfiguration, type GlobalOptions } from './session.ts';
import { formatBytes, formatTable } from './table.ts';
import type { Terminal } from './terminal.ts';

interface EvidenceOptions extends GlobalOptions {
  readonly tag?: string;
}

export function addOpsEvidence(ops: Command, terminal: Terminal): void {
  const command = ops
    .command('evidence')
    .description('keep how this host looks now: mounts, units, processes, logs, jobs; changes nothing')
    .option('--tag <name>', 'part of the folder’s name', parseTag)
    .option('--json', 'answer as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<EvidenceOptions>();
      const configuration = readConfiguration(options, terminal);
      const { jobs, world } = lookAsItIs(configuration, Date.now());
      const { path, files, durationMs } = await takeEvidence(
        configuration,
        { jobs, world },
        options.tag ?? null,
      );
      if (options.json === true) {
        terminal.answerJson({ path, files, duration_seconds: durationMs / 1000 });
        return;
      }
      const rows = files.map(({ name, bytes, problem }) => [
        name,
        formatBytes(bytes),
        escapeToWidth(problem ?? '', 48),
      ]);
      for (const line of formatTable(['FILE', 'SIZE', 'PROBLEM'], rows)) terminal.answer(line);
      terminal.answer(`Kept in ${escapeForTerminal(path)}`);
    });
  withHelp(command, {
    examples: [
      ['ops evidence', 'before anything is changed by hand'],
      ['ops evidence --tag stale-mount', 'with a word that says what it is about'],
    ],
    exits: ['configuration', 'failed'],
  });
}

function parseTag(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/.test(text)) return text;
  throw new InvalidArgumentError(
    'up to 40 letters, digits, ".", "_" and "-"; it begins with a letter or digit.',
  );
}
