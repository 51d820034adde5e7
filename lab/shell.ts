/**
 * `script/lab`: a shell in a private host with a storage box, and a `fault` command to break it.
 *
 *     script/lab                an interactive shell; everything is gone when it ends
 *     script/lab -c COMMAND     one command by bash in such a host
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { serveFaults } from './fault-socket.ts';
import { furnish, OWN_MOUNT } from './furnish.ts';
import { bootHost, type Host } from './host.ts';
import { insideCommand } from './inside.ts';
import { labUnavailable } from './requirements.ts';
import { storageBox } from './storage-box.ts';

const FAULT_PROGRAM = `#!/bin/sh
exec /opt/healtharchive/node_modules/.bin/node /opt/healtharchive/lab/fault-socket.ts "$@"
`;
/** Completes the name of a fault first, then mounts below /srv, units and files. */
const SHELL_SETTINGS = `PS1='\\[\\e[1m\\]lab\\[\\e[0m\\]:\\w\\$ '
alias ll='ls -l'
_fault() {
  local word=\${COMP_WORDS[COMP_CWORD]}
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "$(fault --names)" -- "$word"))
  else
    COMPREPLY=($(compgen -W "$(findmnt --kernel --noheadings --output TARGET --list | grep ^/srv/; \\
      ls /etc/systemd/system | grep 'service$')" -- "$word") $(compgen -f -- "$word"))
  fi
}
complete -F _fault fault
cd /srv/healtharchive
`;

async function main(): Promise<void> {
  const why = labUnavailable();
  if (why !== false) throw new Error(why);
  const begin = performance.now();
  const host = await bootHost();
  const booted = performance.now();
  try {
    const box = await storageBox(host);
    const lines = await furnish(box);
    await host.writeFile('/usr/local/bin/fault', FAULT_PROGRAM);
    await host.runOk(['chmod', '755', '/usr/local/bin/fault']);
    await host.writeFile('/root/.labrc', SHELL_SETTINGS);
    const server = await serveFaults(box);
    const [flag, command] = process.argv.slice(2);
    if (flag === '-c' && command !== undefined) {
      process.exitCode = await attached(host, ['bash', '-c', command]);
    } else {
      console.log(welcome(lines, { bootMs: booted - begin, allMs: performance.now() - begin }));
      process.exitCode = await attached(host, ['bash', '--rcfile', '/root/.labrc', '-i']);
    }
    server.close();
    await box.close();
  } finally {
    await host.close();
  }
}

function welcome(lines: readonly string[], { bootMs, allMs }: { bootMs: number; allMs: number }): string {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  return `A private host, booted in ${seconds(bootMs)}, with everything in ${seconds(allMs)}; nothing in here reaches your machine.

${lines.map((line) => `  ${line}`).join('\n')}

The worker crawls all three for about five minutes. Break something, and watch:

  fault                                    what can be broken; Tab completes it
  fault kill-sshfs ${OWN_MOUNT}
  healtharchive jobs watch                 what becomes of the jobs
  healtharchive storage status             what is wrong, and what to run next
  journalctl -fu healtharchive-worker      what the worker says to it

'exit' ends the host. Nothing is left behind.`;
}

/** With our own terminal, which its jobs share. Returns its exit status. */
async function attached(host: Host, argv: readonly string[]): Promise<number> {
  const ignore = (): void => undefined; // Ctrl-C is for what runs inside
  process.on('SIGINT', ignore);
  const env = { TERM: process.env['TERM'] ?? 'dumb' };
  const [program = '', ...args] = insideCommand(host.initPid, argv, { env });
  const child = spawn(program, args, { stdio: 'inherit' });
  const [status] = (await once(child, 'exit')) as [number | null];
  process.off('SIGINT', ignore);
  return status ?? 1;
}

try {
  await main();
} catch (error) {
  console.error(`lab: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
