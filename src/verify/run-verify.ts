import { existsSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '../config/schema.ts';
import { type AutomationName, automations } from '../core/automations.ts';
import type { Ids } from '../core/install/layout.ts';
import { isUnproved } from '../core/deploy/deploy-record.ts';
import { answerOf, type Check, type CheckCode, type Finding } from '../core/verify/checks.ts';
import { hostCodes, hostFindings } from '../core/verify/host-checks.ts';
import { installedCodes, installedFindings } from '../core/verify/installed.ts';
import { otherCodes, otherFindings, type OtherFacts } from '../core/verify/other-checks.ts';
import { reportCodes, reportFindings } from '../core/verify/report-checks.ts';
import { settingsCodes, settingsFindings } from '../core/verify/storagebox-settings.ts';
import { storageboxCodes, storageCodes, storageFindings } from '../core/verify/storage-checks.ts';
import { type ExpectedUnit, unitCodes, unitFindings } from '../core/verify/unit-checks.ts';
import { hasSentinel } from '../effects/automation-gates.ts';
import { runCommand } from '../effects/command.ts';
import { unitStarts } from '../effects/systemd.ts';
import { readRecord } from '../deploy/observe-deploy.ts';
import { idsIfThere } from '../install/observe-install.ts';
import { outdatedUnits } from '../install/outdated-units.ts';
import { currentRelease, releaseOfProcess, unfinishedCopies } from '../install/releases.ts';
import { foreseeInstall, installSettings } from '../install/run-install.ts';
import { observeHost } from './observe-host.ts';
import { observeReports } from './observe-reports.ts';
import { observeSettings } from './observe-settings.ts';
import { observeStorage } from './observe-storage.ts';
import { observeUnits } from './observe-units.ts';

const engineMs = 4000;

/**
 * Looks at everything that must hold for crawls and automations to work; changes nothing. Bounded, with every mount hung and without the
 * database: each look has a deadline of its own, and they go beside each other.
 */
export async function runVerify(configuration: Configuration, manual: string): Promise<Check[]> {
  const { storagebox, worker } = configuration;
  const isRoot = process.geteuid?.() === 0;
  const ids = await idsIfThere(worker.user);
  // Before it is installed nothing else can hold; and a look at storage makes folders for what it must remember.
  const plan = await foreseeInstall(configuration, manual);
  if (!existsSync(configuration.paths.state_dir))
    return answerOf(installedFindings(plan), new Set(installedCodes));
  const expected = expectedUnits(configuration);
  const names = expected.map(({ unit }) => unit);
  // What waits, or runs once, is as its file is at the latest when it starts something the next time.
  const lasting = expected.filter(({ kind }) => kind === 'service').map(({ unit }) => unit);
  const [units, starts, storage, settings, host, reports, crawlerProblem] = await Promise.all([
    observeUnits(names),
    unitStarts(lasting),
    observeStorage(configuration, ids),
    observeSettings(configuration, ids),
    observeHost(configuration, worker.user),
    observeReports(configuration),
    crawlerProblemOf(configuration, ids),
  ]);
  const { jobs } = storage.survey;
  const current = currentRelease();
  const findings: Finding[] = [
    ...installedFindings(plan),
    ...unitFindings(expected, units?.units ?? null),
    ...storageFindings(storage.facts),
    ...(settings === null ? [] : settingsFindings(settings)),
    ...hostFindings(host),
    ...reportFindings(reports),
    ...otherFindings({
      switches: {
        recovery: switchOf(configuration, 'storage-hotpath-auto-recover'),
        'auto-start': switchOf(configuration, 'worker-auto-start'),
      },
      sentinelDir: configuration.paths.sentinel_dir,
      database: jobs.isKnown ? null : jobs,
      crawlerProblem,
      workerRelease: releaseOfProcess(units?.mainPids.get(worker.unit)),
      currentRelease: current,
      unfinishedReleases: unfinishedCopies(),
      isCurrentUnproved: current !== null && isUnproved(readRecord(), current),
      outdatedUnits: outdatedUnits(starts ?? []),
      isDeploying: host.deployLock === 'held',
    }),
    ...(isRoot
      ? []
      : [
          {
            code: 'root',
            detail: 'only root can look at everything: what other users may do, the key, under mounts',
            fix: 'sudo healtharchive ops verify',
          } as const,
        ]),
  ];
  const looked = new Set<CheckCode>([
    'configuration',
    'root',
    ...installedCodes,
    ...unitCodes,
    ...storageCodes,
    ...hostCodes,
    ...otherCodes,
  ]);
  if (storagebox.mount !== '') for (const code of storageboxCodes) looked.add(code);
  if (settings !== null) for (const code of settingsCodes) looked.add(code);
  for (const code of reportCodes)
    if (code === 'alert_rules' ? reports.areRulesLoaded !== null : reports.textfiles !== null)
      looked.add(code);
  return answerOf(findings, looked);
}

function expectedUnits(configuration: Configuration): ExpectedUnit[] {
  const { paths, hot_mounts: hotMounts, worker } = configuration;
  const { storageboxUnit } = installSettings(configuration);
  const timer = (name: string, everySeconds: number): ExpectedUnit[] => [
    { unit: `${name}.timer`, kind: 'timer', everySeconds },
    { unit: `${name}.service`, kind: 'started' },
  ];
  return [
    ...(storageboxUnit === null
      ? []
      : [{ unit: storageboxUnit, kind: 'service', code: 'base_unit' } as const]),
    ...hotMounts.map(({ unit }) => ({ unit, kind: 'service' }) as const),
    { unit: 'healtharchive-tiering.service', kind: 'boot' },
    { unit: worker.unit, kind: 'service', code: 'worker_unit' },
    ...(paths.textfile_dir === '' ? [] : timer('healtharchive-metrics', 30)),
    ...timer('healtharchive-storage-hotpath-auto-recover', 30),
    { unit: 'healtharchive-storage-hotpath-auto-recover.path', kind: 'path' },
    ...timer('healtharchive-worker-auto-start', 120),
  ];
}

function switchOf({ paths }: Configuration, name: AutomationName): OtherFacts['switches']['recovery'] {
  const { sentinel } = automations[name];
  if (hasSentinel(paths.sentinel_dir, sentinel)) return 'on';
  return lstatSync(join(paths.sentinel_dir, sentinel), { throwIfNoEntry: false }) === undefined
    ? 'off'
    : 'odd';
}

/** Whether the container engine is there, and the image with the worker's user; null: it is, or none is needed. */
async function crawlerProblemOf({ crawler, worker }: Configuration, ids: Ids | null): Promise<string | null> {
  if (crawler.kind !== 'container') return null;
  const { engine, image } = crawler;
  const there = await runCommand([engine, '--version'], { deadlineMs: engineMs });
  if (there.kind === 'not_found') return `[crawler] engine = "${engine}" is not installed`;
  if (ids === null || process.geteuid?.() !== 0) return null;
  const found = await runCommand(
    ['runuser', '-u', worker.user, '--', engine, 'image', 'inspect', '--format', '{{.Id}}', image],
    {
      deadlineMs: engineMs,
    },
  );
  return found.kind === 'exited' && found.code !== 0
    ? `user ${worker.user} does not have the image ${image}`
    : null;
}
