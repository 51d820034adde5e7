/**
 * repair: how long recovery repairs, beside a shell that knows what to do and checks nothing: both unmount two dead binds, mount the base
 * by sshfs again, and bind twice, in turn, on one host. resume: how long from the death of the storage to the next attempt.
 *
 *   node_modules/.bin/node bench/recovery.ts [ROUNDS [repair|resume]]        as root; 20 rounds of both unless told otherwise
 */
import { cpus } from 'node:os';
import { killSshfs } from '../lab/faults/sshfs.ts';
import { bindHotPath, COLD_ROOT, JOBS_ROOT } from '../lab/hot-path.ts';
import type { Host } from '../lab/host.ts';
import { bootHost } from '../lab/host.ts';
import { install } from '../lab/installation.ts';
import { labUnavailable } from '../lab/requirements.ts';
import { BASE, BASE_UNIT, storageBox, type StorageBox } from '../lab/storage-box.ts';
import { waitFor } from '../lab/wait-for.ts';
import { probe } from '../lab/probe.ts';
import { measureResume } from './resume.ts';
import { table, type Row } from './table.ts';

const names = ['one', 'two'] as const;
const hot = names.map((name) => `${JOBS_ROOT}/${name}`);
const cold = names.map((name) => `${COLD_ROOT}/${name}`);

/** Seconds of one repair by the shell, measured in the shell itself. */
async function byShell({ host, source, sshfsOptions }: StorageBox): Promise<number> {
  const text = await host.runOk(
    [
      'bash',
      '-c',
      `begin=$EPOCHREALTIME
umount -l ${hot.join(' ')} && umount -l ${BASE} && sshfs "$1" ${BASE} -o "$2" &&
mount --bind ${cold[0] ?? ''} ${hot[0] ?? ''} && mount --bind ${cold[1] ?? ''} ${hot[1] ?? ''} || exit 1
echo "$begin $EPOCHREALTIME"`,
      'bash',
      source,
      sshfsOptions,
    ],
    { timeoutMs: 30_000 },
  );
  const [begin = 0, end = 0] = text.split(' ').map(Number);
  return end - begin;
}

interface Answer {
  readonly verdict: string;
  readonly steps: readonly {
    readonly kind: string;
    readonly path?: string;
    readonly round?: number;
    readonly duration_seconds: number;
  }[];
}

/** Seconds that the steps themselves took, side by side where they are; and of the whole command, looks and proofs included. */
async function byRecovery(host: Host): Promise<{ repair: number; whole: number }> {
  const argv = [
    'healtharchive',
    'storage',
    'recover',
    '--apply',
    '--rearm',
    '--force-without-sentinel',
    '--json',
  ];
  const { stdout, durationMs } = await host.run(argv, { timeoutMs: 60_000 });
  const { verdict, steps } = JSON.parse(stdout) as Answer;
  if (verdict !== 'done') throw new Error(stdout);
  const perPlace = new Map<string, number>();
  for (const { kind, path, round, duration_seconds: seconds } of steps) {
    if (round === undefined || kind === 'verify') continue;
    const key = `${round} ${path ?? ''}`;
    perPlace.set(key, (perPlace.get(key) ?? 0) + seconds);
  }
  const longest = new Map<string, number>();
  for (const [key, seconds] of perPlace) {
    const round = key.split(' ')[0] ?? '';
    longest.set(round, Math.max(longest.get(round) ?? 0, seconds));
  }
  return {
    repair: [...longest.values()].reduce((sum, seconds) => sum + seconds, 0),
    whole: durationMs / 1000,
  };
}

async function allDead(host: Host): Promise<void> {
  await killSshfs(host, BASE, { keepDown: BASE_UNIT });
  for (const path of hot) {
    const isDead = async () => (await probe(host, 'lookup', path)) === 'ENOTCONN';
    await waitFor(`${path} to be dead`, isDead, 5000);
  }
}

async function measure(rounds: number): Promise<Row[]> {
  const host = await bootHost();
  try {
    const box = await storageBox(host);
    try {
      for (const name of names) await bindHotPath(host, name);
      const lines = names.map((_, index) => `${cold[index] ?? ''} ${hot[index] ?? ''}\n`);
      await host.writeFile('/etc/healtharchive/warc-tiering.binds', lines.join(''));
      await install(host, '');
      const shell: number[] = [];
      const repair: number[] = [];
      const whole: number[] = [];
      for (let round = 0; round < rounds; round++) {
        await allDead(host);
        shell.push(await byShell(box));
        await allDead(host);
        const recovery = await byRecovery(host);
        repair.push(recovery.repair);
        whole.push(recovery.whole);
      }
      return [
        { what: 'shell: umount, sshfs, mount --bind', seconds: shell },
        { what: 'recovery: the same steps', seconds: repair },
        { what: 'recovery: the command, with looks and proofs', seconds: whole },
      ];
    } finally {
      await box.close();
    }
  } finally {
    await host.close();
  }
}

const why = labUnavailable();
if (why !== false) throw new Error(why);
const rounds = Number(process.argv[2] ?? '20');
const which = process.argv[3] ?? 'both';
console.log(`${rounds} rounds, on ${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}`);
for (const [name, measureRows] of [
  ['repair', measure],
  ['resume', measureResume],
] as const) {
  if (which !== 'both' && which !== name) continue;
  console.log(`\n${name}`);
  for (const line of table(await measureRows(rounds))) console.log(line);
}
