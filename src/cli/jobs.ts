import type { Command } from 'commander';
import { addJobAdd } from './jobs-add.ts';
import { addJobCommands as addChangeCommands } from './jobs-change.ts';
import { addJobList } from './jobs-list.ts';
import { addJobLog } from './jobs-log.ts';
import { addJobShow } from './jobs-show.ts';
import { addRecoverStale } from './jobs-recover-stale.ts';
import { addJobWatch } from './jobs-watch.ts';
import type { Terminal } from './terminal.ts';

export function addJobCommands(program: Command, terminal: Terminal): void {
  const jobs = program.command('jobs').description('crawls: add them, look at them, steer them');
  addJobAdd(jobs, terminal);
  addJobList(jobs, terminal);
  addJobShow(jobs, terminal);
  addJobLog(jobs, terminal);
  addJobWatch(jobs, terminal);
  addChangeCommands(jobs, terminal);
  addRecoverStale(jobs, terminal);
}
