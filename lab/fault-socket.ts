/** The `fault` command of `script/lab`: asked for inside the host, done by the lab outside of it. */
import { createConnection, createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { namedFaults, type NamedFault } from './faults/list.ts';
import type { StorageBox } from './storage-box.ts';

/** By its path inside; only root may enter the folder. */
export const FAULT_SOCKET = '/run/lab/fault.sock';

interface Answer {
  readonly ok: boolean;
  readonly text: string;
}

/** One request is one JSON array of words; its answer is an `Answer`. Served until the server is closed. */
export async function serveFaults(box: StorageBox): Promise<Server> {
  const faults = namedFaults();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined); // whoever asked has gone
    const reply = (answer: Answer): void => {
      socket.end(JSON.stringify(answer));
    };
    text(socket)
      .then(async (request) => {
        reply(await inject(box, faults, JSON.parse(request) as string[]));
      })
      .catch((error: unknown) => {
        reply({ ok: false, text: error instanceof Error ? error.message : String(error) });
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(box.host.fromOutside(FAULT_SOCKET), resolve);
  });
  return server;
}

async function inject(
  box: StorageBox,
  faults: NamedFault[],
  [name = '', ...args]: string[],
): Promise<Answer> {
  if (name === '--names') return { ok: true, text: faults.map((fault) => fault.name).join('\n') };
  if (name === '' || name === '--help') return { ok: true, text: describe(faults) };
  const fault = faults.find((each) => each.name === name);
  if (fault === undefined) return { ok: false, text: `no fault '${name}'; 'fault' alone lists them` };
  const begin = performance.now();
  await fault.inject(box, args);
  return {
    ok: true,
    text: `${name}: done in ${Math.round(performance.now() - begin)} ms (${fault.summary})`,
  };
}

function describe(faults: readonly NamedFault[]): string {
  const lines = faults.map(
    ({ name, parameters, summary }) => `  ${`${name} ${parameters}`.padEnd(28)} ${summary}`,
  );
  return ['usage: fault NAME [ARGUMENTS]', ...lines].join('\n');
}

/** Runs inside the host as the command `fault`. */
async function main(): Promise<void> {
  const socket = createConnection({ path: FAULT_SOCKET, allowHalfOpen: true });
  socket.end(JSON.stringify(process.argv.slice(2)));
  const answer = JSON.parse(await text(socket)) as Answer;
  (answer.ok ? console.log : console.error)(answer.text);
  process.exitCode = answer.ok ? 0 : 1;
}

if (import.meta.main) await main();
