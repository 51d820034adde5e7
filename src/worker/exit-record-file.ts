import { readFileSync } from 'node:fs';
import type { ExitRecord } from '../core/attempts/exit-record.ts';

/** The launcher's exit record of an attempt, or null when there is none (or a damaged one: then it counts as none). */
export function readExitRecord(file: string, attempt: string): ExitRecord | null {
  try {
    const record = JSON.parse(readFileSync(file, 'utf8')) as ExitRecord;
    return record.attempt === attempt ? record : null;
  } catch {
    return null;
  }
}
