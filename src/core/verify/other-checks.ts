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
  /** Copies that were broken off: paths. */
  readonly unfinishedReleases: readonly string[];
  /** A deploy that put the current release in use was broken off before it was seen to be healthy. */
  readonly isCurrentUnproved: boolean;
  /** Units that are active as their files were before. */
  readonly outdatedUnits: readonly string[];
  /** Somebody holds the deploy lock: what a deploy leaves is not to be seen yet. */
  readonly isDeploying: boolean;
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
  const { database, crawlerProblem } = facts;
  const findings: Finding[] = [];
  if (database !== null)
    findings.push({ code: 'database', detail: database.because.replace(/\.$/, ''), fix: database.fix });
  if (crawlerProblem !== null)
    findings.push({
      code: 'crawler',
      detail: crawlerProblem,
      fix: 'install the engine, and fetch the image as the worker’s user',
    });
  return [...findings, ...(facts.isDeploying ? [] : leftFindings(facts)), ...switchFindings(facts)];
}

function leftFindings(facts: OtherFacts): Finding[] {
  const { workerRelease, currentRelease, unfinishedReleases, isCurrentUnproved, outdatedUnits } = facts;
  const left = (detail: string, fix: string): Finding => ({ code: 'deploy_left', detail, fix });
  const findings = unfinishedReleases.map((path) =>
    left(`${path} is a copy that was broken off`, `the next deploy clears it away; or rm -r ${path}`),
  );
  if (isCurrentUnproved)
    findings.unshift(
      left(
        `release ${currentRelease ?? ''} is in use, but its deploy was broken off before it was seen to be healthy`,
        'the same deploy once more, or healtharchive deploy rollback --apply',
      ),
    );
  if (workerRelease !== null && currentRelease !== null && workerRelease !== currentRelease)
    findings.push(
      left(
        `the worker still runs release ${workerRelease}; ${currentRelease} is installed`,
        'at a safe boundary, with no job running: systemctl restart healtharchive-worker',
      ),
    );
  return [
    ...findings,
    ...outdatedUnits.map((unit) =>
      left(
        `${unit} was started before its file changed`,
        `at a safe boundary, with no job running: systemctl restart ${unit}`,
      ),
    ),
  ];
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
