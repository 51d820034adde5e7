import type { Command } from 'commander';
import { addCampaignSchedule } from './campaign-schedule.ts';
import { addDatabaseMigrate } from './db.ts';
import { addDeploy } from './deploy.ts';
import { addJobAdd } from './jobs-add.ts';
import { addJobChanges } from './jobs-change.ts';
import { addJobImportLegacy } from './jobs-import-legacy.ts';
import { addJobList } from './jobs-list.ts';
import { addJobLog } from './jobs-log.ts';
import { addRecoverStale } from './jobs-recover-stale.ts';
import { addJobShow } from './jobs-show.ts';
import { addJobWatch } from './jobs-watch.ts';
import { addMetricsWrite } from './metrics-write.ts';
import { addOpsEvidence } from './ops-evidence.ts';
import { addOpsInstall } from './ops-install.ts';
import { addOpsSwitch } from './ops-switch.ts';
import { addOpsVerify } from './ops-verify.ts';
import type { GroupName } from './program.ts';
import { addSourceCommands } from './sources.ts';
import { addStorageRecover } from './storage-recover.ts';
import { addStorageStatus } from './storage-status.ts';
import { addStorageTier } from './storage-tier.ts';
import type { Terminal } from './terminal.ts';
import { addWorkerRun } from './worker-run.ts';

type AddCommand = (group: Command, terminal: Terminal) => void;

/** The commands of each group, in the order of its help. */
export const commandsOf: Readonly<Record<GroupName, readonly AddCommand[]>> = {
  db: [addDatabaseMigrate],
  sources: [addSourceCommands],
  jobs: [
    addJobAdd,
    addJobList,
    addJobShow,
    addJobLog,
    addJobWatch,
    addJobChanges,
    addRecoverStale,
    addJobImportLegacy,
  ],
  campaign: [addCampaignSchedule],
  worker: [addWorkerRun],
  storage: [addStorageStatus, addStorageTier, addStorageRecover],
  metrics: [addMetricsWrite],
  ops: [addOpsInstall, addOpsVerify, addOpsSwitch, addOpsEvidence],
  deploy: [addDeploy],
};
