import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from 'commander';
import { exitStatuses } from '../../src/cli/exit-status.ts';
import { helpOf } from '../../src/cli/help.ts';
import { createProgram } from '../../src/cli/program.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { healtharchive, inProcess } from './setup.ts';

const silent: Terminal = {
  environment: {},
  isInteractive: false,
  hasColours: false,
  exitStatus: 'done',
  answer: () => undefined,
  answerJson: () => undefined,
  say: () => undefined,
  hint: () => undefined,
  isClosed: () => false,
};

/** Every command that does something, as the words that call it. */
function commandsBelow(command: Command, words: readonly string[] = []): string[][] {
  const below = command.commands.flatMap((sub) => commandsBelow(sub, [...words, sub.name()]));
  return below.length === 0 || helpOf(command) !== undefined ? [[...words], ...below] : below;
}

const commands = commandsBelow(await createProgram(silent, '0'));

test('the commands of the contract are there', () => {
  const names = commands.map((words) => words.join(' '));
  for (const name of [
    ...['init', 'db migrate', 'sources add', 'sources list', 'campaign schedule', 'worker run', 'completion'],
    ...['storage status', 'storage tier'],
    ...['add', 'list', 'show', 'retry', 'cancel', 'recover-stale', 'watch'].map((verb) => `jobs ${verb}`),
  ])
    assert.ok(names.includes(name), name);
});

test('what a command line does not name is not loaded, and the help is the same', async () => {
  const whole = await createProgram(silent, '0');
  const top = await createProgram(silent, '0', ['--help']);
  assert.equal(top.helpInformation(), whole.helpInformation());
  const bare = (program: Command) =>
    program.commands.filter(({ commands: subs }) => subs.length === 0).map((command) => command.name());
  const leaves = ['init', 'completion'];
  const groups = whole.commands.map((command) => command.name()).filter((name) => !leaves.includes(name));
  assert.deepEqual(bare(whole), leaves);
  assert.deepEqual(bare(top).sort(), [...groups, ...leaves].sort());
  const jobs = await createProgram(silent, '0', ['help', 'jobs']);
  assert.deepEqual(bare(jobs).sort(), [...groups.filter((name) => name !== 'jobs'), ...leaves].sort());
  assert.deepEqual(bare(await createProgram(silent, '0', ['completion', 'bash'])), leaves);
});

/** Splits a command line as a shell does, as far as our examples go: double quotes, and an end at `>`. */
function words(line: string): string[] {
  const parts = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '');
  const redirection = parts.indexOf('>');
  return redirection === -1 ? parts : parts.slice(0, redirection);
}

/** Parses a command line without carrying it out. */
async function parse(args: readonly string[]): Promise<void> {
  const program = await createProgram(silent, '0');
  const disarm = (command: Command): void => {
    command.action(() => undefined);
    command.commands.forEach(disarm);
  };
  program.commands.forEach((command) => {
    const leaves = (each: Command): void => {
      if (each.commands.length === 0 || helpOf(each) !== undefined) disarm(each);
      else each.commands.forEach(leaves);
    };
    leaves(command);
  });
  await program.parseAsync([...args], { from: 'user' });
}

for (const command of commands) {
  test(`${command.join(' ')} --help: examples that parse, and every exit status explained`, async () => {
    const { status, stdout, stderr } = await inProcess([...command, '--help']);
    assert.equal(status, 0, stderr);
    assert.equal(stderr, '');
    const [, examples = '', statuses = ''] = stdout.split(/^(?:EXAMPLES|EXIT STATUS)$/m);
    const lines = examples.split('\n').filter((line) => line.startsWith('  healtharchive '));
    assert.ok(lines.length > 0, 'no examples');
    for (const line of lines) {
      const [text = '', comment] = line.trim().split('  # ');
      assert.ok(comment !== undefined && comment !== '', `no comment: ${line}`);
      const args = words(text).slice(1);
      assert.deepEqual(args.slice(0, command.length), command, 'an example of another command');
      await assert.doesNotReject(parse(args), line);
    }
    const explained = statuses
      .trim()
      .split('\n')
      .map((line) => /^ *(\d+) {2}(.+)$/.exec(line));
    const codes = explained.map((match) => Number(match?.[1]));
    assert.deepEqual(
      codes,
      [...codes].sort((a, b) => a - b),
      'in ascending order',
    );
    for (const code of [0, 2]) assert.ok(codes.includes(code), `no word on status ${code}`);
    const meanings = Object.values(exitStatuses).map(({ code, meaning }) => `${code}  ${meaning}`);
    for (const match of explained) assert.ok(meanings.includes(match?.[0].trim() ?? ''), match?.[0]);
  });
}

test('the program itself: help on standard output with every exit status, and its version', async () => {
  const { status, stdout } = await healtharchive(['--help']);
  assert.equal(status, 0);
  for (const { code, meaning } of Object.values(exitStatuses))
    assert.ok(stdout.includes(`${code}  ${meaning}`));
  assert.match(stdout, /^EXAMPLES$/m);
  const version = await healtharchive(['--version']);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
});

test('exit statuses are those of the contract', () => {
  const codes = Object.fromEntries(Object.entries(exitStatuses).map(([name, { code }]) => [name, code]));
  assert.deepEqual(codes, {
    usage: 2,
    configuration: 4,
    lockHeld: 75,
    refused: 5,
    failed: 1,
    attention: 3,
    done: 0,
    interrupted: 130,
  });
});
