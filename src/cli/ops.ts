import type { Command } from 'commander';
import { addOpsEvidence } from './ops-evidence.ts';
import type { Terminal } from './terminal.ts';

export function addOpsCommands(program: Command, terminal: Terminal): void {
  const ops = program.command('ops').description('running HealthArchive on a server');
  addOpsEvidence(ops, terminal);
}
