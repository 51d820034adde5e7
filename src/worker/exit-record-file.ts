import { readFileSync } from 'node:fs';
import type { ExitRecord } from '../core/attempts/exit-record.ts';

/**
 * The launcher's exit record of an attempt, or null when there is none, or a damaged one, or one of another time: attempt
 * numbers come again when the database is restored from a backup, tokens do not.
 */
export function readExitRecord(file: string, attempt: string, token: string): ExitRecord | null {
  try {
    const record = JSON.parse(readFileSync(file, 'utf8')) as ExitRecord;
    return record.attempt === attempt && record.token === token ? record : null;
  } catch {
    return null;
  }
}
