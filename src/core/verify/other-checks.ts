import type { CheckCode, Finding } from './checks.ts';

/** What is known of the rest: switches, crawler, database, what a deploy left. */
export interface OtherFacts {
  readonly switches: Readonly<Record<'recovery' | 'auto-start', 'on' | 'off' | 'odd'>>;
  readonly sentinelDir: string;
  /** Null: it answers, and is as this program needs it. */
  readonly database: { readonly because: string; readonly fix: string | null } | null;
  /** Null: it is installed. */
  readonly crawlerProblem: string | null;
  /** Release of the program that the worker runs, and that is installed; null: not known, or it does not run. */
  readonly workerRelease: string | null;
  readonly currentRelease: string | null;
  /** Copies that were broken off. */
  readonly unfinishedReleases: readonly string[];
}

export const otherCodes: readonly CheckCode[] = [
  'database',
  'crawler',
  'deploy_left',
  'recovery_switch',
  'auto_start_switch',
];

/** What is off about database, crawler and switches, and what a deploy has left. */
export function otherFindings(facts: OtherFacts): Finding[] {
  const { database, crawlerProblem, workerRelease, currentRelease, unfinishedReleases } = facts;
  const findings: Finding[] = [];
  if (database !== null)
    findings.push({ code: 'database', detail: database.because.replace(/\.$/, ''), fix: database.fix });
  if (crawlerProblem !== null)
    findings.push({
      code: 'crawler',
      detail: crawlerProblem,
      fix: 'install the engine, and fetch the image as the worker’s user',
    });
  if (workerRelease !== null && currentRelease !== null && workerRelease !== currentRelease)
    findings.push({
      code: 'deploy_left',
      detail: `the worker still runs release ${workerRelease}; ${currentRelease} is installed`,
      fix: 'at a safe boundary, with no job running: systemctl restart healtharchive-worker',
    });
  for (const path of unfinishedReleases)
    findings.push({
      code: 'deploy_left',
      detail: `${path} is a copy that was broken off`,
      fix: `rm -r ${path}`,
    });
  return [...findings, ...switchFindings(facts)];
}

function switchFindings({ switches, sentinelDir }: OtherFacts): Finding[] {
  return (['recovery', 'auto-start'] as const).flatMap((name): Finding[] => {
    const state = switches[name];
    if (state === 'on') return [];
    const code = name === 'recovery' ? 'recovery_switch' : 'auto_start_switch';
    return state === 'off'
      ? [
          {
            code,
            detail: `${name} is switched off: it looks, and changes nothing`,
            fix: `healtharchive ops enable ${name}`,
          },
        ]
      : [
          {
            code,
            detail: `what should switch ${name} on in ${sentinelDir} is no plain file: it is off`,
            fix: 'look what it is, and move it away',
          },
        ];
  });
}
