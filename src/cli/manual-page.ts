import type { Command } from 'commander';
import { programVersion } from '../effects/program-path.ts';
import { exitStatuses } from './exit-status.ts';
import { helpOf } from './help.ts';
import { createProgram } from './program.ts';
import type { Terminal } from './terminal.ts';

/** man healtharchive, as man(7) text: what every `--help` says, on one page. */
export async function manualPage(terminal: Terminal): Promise<string> {
  const version = programVersion();
  const program = await createProgram(terminal, version);
  return [
    `.TH HEALTHARCHIVE 1 "" "HealthArchive ${text(version)}" "User Commands"`,
    '.SH NAME',
    `healtharchive \\- ${text(lower(program.description()))}`,
    '.SH SYNOPSIS',
    '.B healtharchive',
    '[\\fB\\-\\-config\\fR \\fIFILE\\fR] \\fICOMMAND\\fR [\\fIOPTION\\fR]...',
    '.SH OPTIONS',
    ...options(program),
    '.SH COMMANDS',
    ...program.commands.filter(isOwn).flatMap(section),
    '.SH EXIT STATUS',
    'In order of precedence:',
    ...Object.values(exitStatuses).flatMap(({ code, meaning }) => item(String(code), meaning)),
    '.SH FILES',
    ...item(
      '/etc/healtharchive/config.toml',
      'the configuration, if $HEALTHARCHIVE_CONFIG or \\-\\-config names no other',
    ),
    ...item('/etc/healtharchive/storagebox.env', 'which storage box, and how it is mounted'),
    ...item('/opt/healtharchive/current/docs', 'the documentation'),
    '.SH SEE ALSO',
    'systemctl(1), sshfs(1), journalctl(1)',
    '',
  ].join('\n');
}

/** Commander adds one of its own to every group. */
const isOwn = (command: Command): boolean => command.name() !== 'help';

function section(command: Command): string[] {
  const below = command.commands.filter(isOwn);
  const help = helpOf(command);
  const ofThoseBelow = below.flatMap(section);
  // A group does nothing itself, unless it says so.
  if (help === undefined && below.length > 0) return ofThoseBelow;
  const { examples = [] } = help ?? {};
  return [
    `.SS "${text(`${nameOf(command)} ${command.usage().replace('[options]', '').replace('[command]', '').trim()}`.trim())}"`,
    sentence(command.description()),
    ...options(command),
    ...(examples.length === 0 ? [] : ['.PP', 'Examples:', '.nf', '.RS']),
    ...examples.map(([line, comment]) => protect(`healtharchive ${text(line)}  # ${text(comment)}`)),
    ...(examples.length === 0 ? [] : ['.RE', '.fi']),
    ...ofThoseBelow,
  ];
}

function nameOf(command: Command): string {
  return command.parent?.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();
}

function options(command: Command): string[] {
  return command.options
    .filter(({ hidden }) => !hidden)
    .flatMap(({ flags, description }) => item(flags, text(description)));
}

function item(name: string, meaning: string): string[] {
  return ['.TP', `.B ${text(name)}`, protect(meaning)];
}

const lower = (words: string): string => words.charAt(0).toLowerCase() + words.slice(1).replace(/\.$/, '');
const sentence = (words: string): string =>
  protect(text(`${words.charAt(0).toUpperCase()}${words.slice(1).replace(/\.$/, '')}.`));

/** What stands for itself: a backslash begins an escape, and a bare hyphen is no minus (groff_char(7)). */
function text(words: string): string {
  return words
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('"', '\\(dq')
    .replaceAll('’', '\\(cq')
    .replaceAll('…', '...');
}

/** A line that begins with a full stop or an apostrophe would be a request. */
const protect = (line: string): string => (/^[.']/.test(line) ? `\\&${line}` : line);
