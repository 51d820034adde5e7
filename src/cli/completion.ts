import { Argument, type Command } from 'commander';
import { escapeForTerminal } from '../core/text/escape.ts';
import { withHelp } from './help.ts';
import type { Terminal } from './terminal.ts';

export function addCompletionCommand(program: Command, terminal: Terminal): void {
  const command = program
    .command('completion')
    .description('print a completion script for the shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash']))
    .action(() => {
      terminal.answer(bashCompletion(program));
    });
  withHelp(command, {
    examples: [['completion bash > /etc/bash_completion.d/healtharchive', 'for everybody on this machine']],
    exits: [],
  });
}

/** What can follow one sequence of command words. */
interface Node {
  readonly words: string;
  readonly candidates: readonly string[];
  /** Options whose argument is one of a few words. */
  readonly choices: readonly { readonly option: string; readonly values: readonly string[] }[];
  /** Options that take an argument of another kind: there, file names are offered. */
  readonly withArgument: readonly string[];
}

function nodesOf(command: Command, words: readonly string[], inherited: readonly string[]): Node[] {
  const options = command.options.filter((option) => !option.hidden);
  const flags = options.map((option) => option.long ?? option.flags);
  const node: Node = {
    words: words.join(' '),
    candidates: [
      ...command.commands.map((sub) => sub.name()),
      ...command.registeredArguments.flatMap((argument) => argument.argChoices ?? []),
      ...flags,
      ...inherited,
      '--help',
    ],
    choices: options.flatMap((option) =>
      option.argChoices === undefined ? [] : [{ option: option.long ?? '', values: option.argChoices }],
    ),
    withArgument: options
      .filter((option) => (option.required || option.optional) && option.argChoices === undefined)
      .map((option) => option.long ?? ''),
  };
  return [
    node,
    ...command.commands.flatMap((sub) =>
      nodesOf(sub, [...words, sub.name()], [...inherited, ...(words.length === 0 ? flags : [])]),
    ),
  ];
}

/** The command tree is known when the script is made, so completing a word starts no program. */
function bashCompletion(program: Command): string {
  const nodes = nodesOf(program, [], []);
  const cases = nodes.map(
    ({ words, candidates }) => `    '${words}') candidates='${[...new Set(candidates)].join(' ')}' ;;`,
  );
  const choices = nodes.flatMap(({ words, choices: found }) =>
    found.map(({ option, values }) => `    '${words} ${option}') candidates='${values.join(' ')}' ;;`),
  );
  const withArgument = [...new Set(nodes.flatMap((node) => node.withArgument))].filter(
    (option) => option !== '',
  );
  const topWords = nodes.map((node) => node.words).filter((words) => words !== '');
  return escapeNothing(`# bash completion for healtharchive
_healtharchive() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} words='' word candidates=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${words:+$words }$word" in
${topWords.map((words) => `      '${words}') words="\${words:+$words }$word" ;;`).join('\n')}
    esac
  done
  case "$previous" in
    ${withArgument.join('|')}) mapfile -t COMPREPLY < <(compgen -f -- "$current"); compopt -o filenames 2>/dev/null; return ;;
  esac
  case "\${words:+$words }$previous" in
${choices.join('\n')}
  esac
  if [ -z "$candidates" ]; then
    case "$words" in
${cases.join('\n')}
    esac
  fi
  mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$current")
}
complete -F _healtharchive healtharchive`);
}

/** The script is made of our own words only; this asserts it. */
function escapeNothing(script: string): string {
  for (const line of script.split('\n')) {
    if (escapeForTerminal(line).replaceAll('\\\\', '\\') !== line)
      throw new Error('a command name needs escaping');
  }
  return script;
}
