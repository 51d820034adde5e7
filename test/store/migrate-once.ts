/**
 * Migrates the database named by its only argument, from a process of its own, once a line comes on standard input; answers
 * with the names of the migrations that it applied, as JSON.
 */
import { readSync } from 'node:fs';
import { Database } from '../../src/store/database.ts';
import { migrate } from '../../src/store/migrate.ts';

const database = new Database(process.argv[2] ?? '', { create: true });
process.stdout.write('ready\n');
readSync(0, Buffer.alloc(1));
const applied = await migrate(database);
await database.close();
process.stdout.write(`${JSON.stringify(applied)}\n`);
