import type { Command } from 'commander';
import { Database } from '../store/database.ts';
import { foreseeMigration, migrate } from '../store/migrate.ts';
import { withHelp } from './help.ts';
import { readConfiguration, type GlobalOptions } from './session.ts';
import type { Terminal } from './terminal.ts';

export function addDatabaseMigrate(db: Command, terminal: Terminal): void {
  const command = db
    .command('migrate')
    .description('create or upgrade the database; safe to run at any time')
    .option('--dry-run', 'only say what is to be done, and which programs could use the database then')
    .option('--json', 'answer as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions & { readonly dryRun?: boolean }>();
      const configuration = readConfiguration(options, terminal);
      if (options.dryRun === true) {
        await forecast(configuration.database.url, options, terminal);
        return;
      }
      const database = new Database(configuration.database.url, { create: true });
      try {
        const applied = await migrate(database);
        if (options.json === true) terminal.answerJson({ applied });
        else
          terminal.answer(
            applied.length === 0 ? 'The database is up to date.' : `Applied: ${applied.join(', ')}.`,
          );
      } finally {
        await database.close();
      }
    });
  withHelp(command, {
    examples: [
      ['db migrate', 'after installing or upgrading'],
      ['db migrate --dry-run', 'whether there is anything to do'],
    ],
    exits: ['configuration', 'failed'],
  });
}

async function forecast(url: string, options: GlobalOptions, terminal: Terminal): Promise<void> {
  const database = new Database(url);
  try {
    const { pending, codeVersion, oldestCode } = await foreseeMigration(database);
    if (options.json === true)
      terminal.answerJson({ pending, code_version: codeVersion, oldest_code: oldestCode });
    else
      terminal.answer(
        pending.length === 0 ? 'The database is up to date.' : `It would apply: ${pending.join(', ')}.`,
      );
  } finally {
    await database.close();
  }
}
