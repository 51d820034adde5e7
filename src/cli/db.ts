import type { Command } from 'commander';
import { Database } from '../store/database.ts';
import { migrate } from '../store/migrate.ts';
import { withHelp } from './help.ts';
import { readConfiguration, type GlobalOptions } from './session.ts';
import type { Terminal } from './terminal.ts';

export function addDatabaseMigrate(db: Command, terminal: Terminal): void {
  const command = db
    .command('migrate')
    .description('create or upgrade the database; safe to run at any time')
    .option('--json', 'answer as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions>();
      const configuration = readConfiguration(options, terminal);
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
    examples: [['db migrate', 'after installing or upgrading']],
    exits: ['configuration', 'failed'],
  });
}
