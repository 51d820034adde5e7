import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '../config/schema.ts';
import { alertRulesFile } from '../core/install/layout.ts';
import type { ReportFacts } from '../core/verify/report-checks.ts';
import { runCommand } from '../effects/command.ts';

const deadlineMs = 3000;
const prometheusMs = 1500;
/** Of Debian's package, where it is told nothing else. */
const debiansFolder = '/var/lib/prometheus/node-exporter';

export async function observeReports({ paths }: Configuration): Promise<ReportFacts> {
  const folder = paths.textfile_dir;
  const [exporter, areRulesLoaded] = await Promise.all([
    folder === '' ? null : exporterOf(folder),
    askPrometheus(),
  ]);
  return {
    textfiles: folder === '' ? null : { folder, ageMs: ageOf(join(folder, 'healtharchive.prom')), exporter },
    areRulesLoaded,
    rulesFile: alertRulesFile,
  };
}

function ageOf(path: string): number | null {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? null : Date.now() - stats.mtimeMs;
}

async function exporterOf(folder: string): Promise<NonNullable<ReportFacts['textfiles']>['exporter']> {
  const process = exporterProcess();
  if (process === null) return null;
  const option = '--collector.textfile.directory';
  const { argv, uid } = process;
  const index = argv.findIndex((argument) => argument === option || argument.startsWith(`${option}=`));
  const given =
    index === -1
      ? debiansFolder
      : argv[index] === option
        ? argv[index + 1]
        : argv[index]?.slice(option.length + 1);
  const user = await nameOf(uid);
  const read = await runCommand(
    [
      'runuser',
      '-u',
      user,
      '--',
      'sh',
      '-c',
      'cd "$1" && for file in healtharchive*.prom; do test ! -e "$file" || test -r "$file" || exit 1; done',
      'sh',
      folder,
    ],
    { deadlineMs },
  );
  // Who is not root can't become that user: then it is not known, and not told.
  const isReadable = read.kind !== 'exited' || read.code === 0 || globalThis.process.geteuid?.() !== 0;
  return { user, folder: given ?? null, isReadable };
}

function exporterProcess(): { readonly argv: readonly string[]; readonly uid: number } | null {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (/(^|\/)(prometheus-)?node[_-]exporter$/.test(argv[0] ?? ''))
        return { argv, uid: statSync(`/proc/${pid}`).uid };
    } catch {
      // It has ended meanwhile.
    }
  }
  return null;
}

async function nameOf(uid: number): Promise<string> {
  const result = await runCommand(['getent', 'passwd', '--', String(uid)], { deadlineMs });
  return result.kind === 'exited' && result.code === 0
    ? (result.stdout.split(':')[0] ?? String(uid))
    : String(uid);
}

/** Null: none answers here. */
async function askPrometheus(): Promise<boolean | null> {
  try {
    const answer = await fetch('http://127.0.0.1:9090/api/v1/rules?type=alert', {
      signal: AbortSignal.timeout(prometheusMs),
    });
    return answer.ok ? (await answer.text()).includes('"HealthArchiveWorkerDownWhileJobsPending"') : null;
  } catch {
    return null;
  }
}
