import type { Command } from 'commander';
import { configurationFile } from '../config/load.ts';
import { ConfigurationError } from '../core/errors.ts';
import { escapeToWidth } from '../core/text/escape.ts';
import { answerOf, type Check, type Severity } from '../core/verify/checks.ts';
import { wrap } from '../core/text/wrap.ts';
import { runVerify } from '../verify/run-verify.ts';
import { withHelp } from './help.ts';
import { manualPage } from './manual-page.ts';
import { type GlobalOptions, readConfiguration } from './session.ts';
import { paint, type Style } from './table.ts';
import { pageWidth, type Terminal } from './terminal.ts';

export function addOpsVerify(ops: Command, terminal: Terminal): void {
  const command = ops
    .command('verify')
    .description(
      'whether everything holds that crawls and automations need: what is off, the most serious first, with its fix',
    )
    .option('--json', 'answer as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions>();
      const checks = await checksOf(options, terminal);
      const off = checks.filter(({ ok }) => !ok);
      if (options.json === true) terminal.answerJson({ ok: off.length === 0, checks });
      else for (const line of page(off, checks.length - off.length, terminal)) terminal.answer(line);
      if (off.length > 0) terminal.exitStatus = 'attention';
    });
  withHelp(command, {
    examples: [
      ['ops verify', 'as root: after an installation, an upgrade, a change of settings'],
      ['ops verify --json', 'for scripts: {"ok", "checks"}'],
    ],
    exits: ['attention', 'failed'],
  });
}

/** Without a configuration nothing else can be judged. */
async function checksOf(options: GlobalOptions, terminal: Terminal): Promise<Check[]> {
  let configuration;
  try {
    configuration = readConfiguration(options, terminal);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const file = configurationFile(options.config, terminal.environment);
    const [first = ''] = error.message.split('\n');
    return answerOf(
      [{ code: 'configuration', detail: first.replace(/\.$/, ''), fix: `mend ${file}` }],
      new Set(),
    );
  }
  return await runVerify(configuration, await manualPage(terminal));
}

const styles: Readonly<Record<Severity, Style>> = {
  critical: ['bold', 'red'],
  warning: 'yellow',
  notice: 'dim',
};

function page(off: readonly Check[], holding: number, terminal: Terminal): string[] {
  const width = pageWidth(terminal);
  const lines = groupsOf(off).flatMap(([first, ...others]) => {
    const { code, severity, fix } = first;
    const heading = `${paint(terminal, styles[severity], severity.toUpperCase())} ${code}`;
    const shown = [first, ...others].slice(0, shownOfOneKind).map(({ detail }) => escapeToWidth(detail, 600));
    const left = others.length + 1 - shown.length;
    const about = [...shown, ...(left > 0 ? [`and ${left} more`] : [])].flatMap((text) =>
      wrap(text, width - 2),
    );
    return [
      heading,
      ...about.map((line) => `  ${line}`),
      ...(fix === null ? [] : [`  fix: ${escapeToWidth(fix, 300)}`]),
      '',
    ];
  });
  const rest = `${holding} checks hold`;
  if (off.length === 0) return [`Everything is as it should be: ${rest}.`];
  return [
    ...lines,
    `${off.length} ${off.length === 1 ? 'thing is' : 'things are'} off, the most serious first; ${rest}.`,
  ];
}

/** What is mended by the same. */
const shownOfOneKind = 5;

function groupsOf(off: readonly Check[]): (readonly [Check, ...Check[]])[] {
  const groups = new Map<string, [Check, ...Check[]]>();
  for (const check of off) {
    const key = `${check.code} ${check.fix ?? ''}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [check]);
    else group.push(check);
  }
  return [...groups.values()];
}
