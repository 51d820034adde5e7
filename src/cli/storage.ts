import type { Command } from 'commander';
import { addStorageRecover } from './storage-recover.ts';
import { addStorageStatus } from './storage-status.ts';
import { addStorageTier } from './storage-tier.ts';
import type { Terminal } from './terminal.ts';

export function addStorageCommands(program: Command, terminal: Terminal): void {
  const storage = program.command('storage').description('the mounts that crawls write to');
  addStorageStatus(storage, terminal);
  addStorageTier(storage, terminal);
  addStorageRecover(storage, terminal);
}
